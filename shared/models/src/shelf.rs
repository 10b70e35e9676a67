//! Where tokenizers are kept beyond one machine.

use std::path::Path;

use async_trait::async_trait;

/// Keeps tokenizers for other machines, and for this one after it is gone.
#[async_trait]
pub trait Shelf: Send + Sync {
    /// A path of this machine for a configured tokenizer, which may be an address. What is none stays
    /// as it is.
    ///
    /// # Errors
    /// A sentence, if it can't be had now.
    async fn local_path(&self, tokenizer: &str) -> Result<String, String>;

    /// Puts what is kept of a model below `folder`, unless it is there already; whether there
    /// was something. After `false`, what the folder gets otherwise is worth keeping.
    ///
    /// # Errors
    /// A sentence, if the shelf can't be used now.
    async fn fetch(&self, model_id: &str, folder: &Path) -> Result<bool, String>;

    /// Keeps what the folder has of a model. It is worth a warning if that fails, no more.
    async fn keep(&self, model_id: &str, folder: &Path);
}

/// No shelf: the folder is all there is.
#[derive(Clone, Copy, Debug)]
pub struct NoShelf;

#[async_trait]
impl Shelf for NoShelf {
    async fn local_path(&self, tokenizer: &str) -> Result<String, String> {
        Ok(tokenizer.to_owned())
    }

    async fn fetch(&self, _model_id: &str, _folder: &Path) -> Result<bool, String> {
        Ok(true)
    }

    async fn keep(&self, _model_id: &str, _folder: &Path) {}
}
