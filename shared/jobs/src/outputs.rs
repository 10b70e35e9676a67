//! What a job has stored for its owner.

use crate::error::JobError;
use crate::jobs::{Jobs, output_key};
use crate::ports::ObjectReader;
use crate::record::{JobStatus, Owner, RunId};

impl Jobs {
    /// Opens an output of an owner's job.
    ///
    /// # Errors
    /// [`JobError::NotFound`] if the job has no such output, [`JobError::Gone`] if it has been removed.
    pub async fn open_output(
        &self,
        owner: &Owner,
        run_id: RunId,
        name: &str,
    ) -> Result<ObjectReader, JobError> {
        let record = self.get(owner, run_id).await?;
        let is_output = record.outputs.iter().any(|output| output.name == name);
        if !is_output || record.status == JobStatus::Deleting {
            return Err(JobError::NotFound);
        }
        let found = self
            .ports
            .objects
            .open(&output_key(run_id, name), None)
            .await?;
        found.ok_or_else(|| JobError::Gone(name.to_owned()))
    }
}
