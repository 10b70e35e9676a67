//! The contract that every adapter of [`ModelFiles`] keeps.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::lookup::model_files::{ModelFile, ModelFiles};
use crate::lookup::model_id::ModelId;

/// Checks an adapter over an empty place.
///
/// # Panics
/// If it breaks the contract.
pub fn model_files_contract(files: &dyn ModelFiles) {
    let [model, other] = ["org/model", "org/other"]
        .map(|name| ModelId::try_from(name).expect("the name of a model"));
    let read = |model: &ModelId, file| files.read(model, file).expect("a file can be looked for");
    let keep = |file, bytes: &[u8]| files.keep(&model, file, bytes).expect("a file is kept");

    // What is not kept is not there, and that is not an error.
    for file in ModelFile::ALL {
        assert_eq!(read(&model, file), None);
    }
    // Each file is kept for itself, whatever its bytes are.
    for file in ModelFile::ALL {
        keep(file, file.name().as_bytes());
    }
    for file in ModelFile::ALL {
        assert_eq!(read(&model, file).as_deref(), Some(file.name().as_bytes()));
        assert_eq!(
            read(&other, file),
            None,
            "another model has files of its own"
        );
        let location = files.location(&model, file);
        assert!(
            location.ends_with(&format!("org/model/{}", file.name())),
            "{location}"
        );
    }
    keep(ModelFile::Source, b"");
    assert_eq!(read(&model, ModelFile::Source), Some(Vec::new()));

    // A file that is replaced is one of the two at any time.
    let versions = [vec![b'a'; 3 << 20], vec![b'b'; 2 << 20]];
    keep(ModelFile::Tokenizer, &versions[0]);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let found = read(&model, ModelFile::Tokenizer).expect("it is kept");
                assert!(
                    versions.contains(&found),
                    "{} bytes are neither",
                    found.len()
                );
            }
        });
        for round in 1..6 {
            keep(ModelFile::Tokenizer, &versions[round % 2]);
        }
        is_over.store(true, Ordering::Relaxed);
        reader.join().expect("the reader met whole files");
    });
    assert_eq!(
        read(&model, ModelFile::Tokenizer).as_ref(),
        Some(&versions[1])
    );
}
