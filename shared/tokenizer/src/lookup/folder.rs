//! The files of models in a folder of this machine.

use std::io;
use std::path::{Path, PathBuf};

use super::model_files::{FilesError, ModelFile, ModelFiles};
use super::model_id::ModelId;
use crate::files::{read_bounded, write_whole};

/// Keeps the files of models as `<folder>/<model id>/<name>`.
#[derive(Clone, Debug)]
pub struct FolderModelFiles {
    folder: PathBuf,
}

impl FolderModelFiles {
    /// Those of a folder, which is created once there is something to keep.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    fn path(&self, model: &ModelId, file: ModelFile) -> PathBuf {
        self.folder.join(model.as_str()).join(file.name())
    }
}

fn failed(path: &Path, cause: io::Error) -> FilesError {
    let location = path.display().to_string();
    match cause.kind() {
        io::ErrorKind::FileTooLarge => FilesError::TooLarge { location },
        _ => FilesError::Unavailable {
            location,
            cause: cause.into(),
        },
    }
}

impl ModelFiles for FolderModelFiles {
    fn read(&self, model: &ModelId, file: ModelFile) -> Result<Option<Vec<u8>>, FilesError> {
        let path = self.path(model, file);
        match read_bounded(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(failed(&path, cause)),
        }
    }

    fn keep(&self, model: &ModelId, file: ModelFile, bytes: &[u8]) -> Result<(), FilesError> {
        let path = self.path(model, file);
        write_whole(&path, bytes).map_err(|cause| failed(&path, cause))
    }

    fn location(&self, model: &ModelId, file: ModelFile) -> String {
        self.path(model, file).display().to_string()
    }
}
