//! What can be done about an error of the pipeline, in the words of the service.

use resonare_pipeline::{PipelineError, Setting};

/// An error's text without its causes, and what can be done about it with which key of a request.
pub fn explained(error: &PipelineError) -> String {
    error.explained(|setting: Setting| setting.key().to_owned())
}

#[cfg(test)]
mod tests {
    use resonare_pipeline::TargetProblem;

    use super::*;

    #[test]
    fn advice_names_the_keys_of_a_request() {
        let error = PipelineError::UnknownTarget {
            why: TargetProblem::OnlyContacts,
            senders: Vec::new(),
        };
        assert_eq!(
            explained(&error),
            "cannot tell whose style to learn: the export does not name its owner, and every \
             sender is a contact; choose one of the senders with target_name"
        );
    }
}
