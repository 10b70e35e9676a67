//! What a run knows of the model that its blocks are for.

use std::sync::Arc;

use resonare_consumers::{Consumer, Kit, LengthSource, NextStep, TemplateFamily, Training};
use resonare_pipeline::{
    ChatTemplate, OutputFormat, OutputName, Setting, SpecialTokens, Split, Statistics, TokenBudget,
    TokenizerInfo, Warning,
};
use resonare_settings::{Configuration, SettingsError};

/// A model's tokenizer and chat template, as they were found.
pub struct FoundModel<T> {
    /// Counts tokens.
    pub tokenizer: Arc<T>,
    /// How the statistics describe the tokenizer.
    pub info: TokenizerInfo,
    /// The chat template or why there is none; `None` where [`Configuration::wants_chat_template`] says that
    /// it isn't needed.
    pub chat_template: Option<Result<FoundTemplate, String>>,
    /// What messages must not read as, where the template doesn't say it.
    pub special_tokens: Vec<String>,
}

/// A chat template that was found.
pub struct FoundTemplate {
    /// Measures blocks.
    pub template: Arc<dyn ChatTemplate + Send + Sync>,
    /// Where it comes from.
    pub origin: String,
    /// The model's special tokens.
    pub special_tokens: Vec<String>,
    /// The same template with marks around what the assistant says, where it can be marked.
    pub marked: Option<String>,
}

impl<T> FoundModel<T> {
    /// A configuration as it applies with this model.
    ///
    /// # Errors
    /// If the configuration asks for a chat template that is not within reach.
    pub fn configure(&self, configuration: Configuration) -> Result<Configuration, SettingsError> {
        match &self.chat_template {
            Some(Err(reason)) => configuration.without_chat_template(reason),
            Some(Ok(_)) | None => Ok(configuration),
        }
    }

    fn found_template(&self) -> Option<&FoundTemplate> {
        self.chat_template.as_ref()?.as_ref().ok()
    }

    /// What measures blocks besides the tokenizer, if that is asked for.
    pub fn chat_template(&self, configuration: &Configuration) -> Option<&dyn ChatTemplate> {
        let is_measured = configuration.pipeline.token_budget == TokenBudget::Template;
        let consumer = configuration.pipeline.consumer;
        let trains = consumer.is_some_and(Consumer::trains_by_template);
        let found = self.found_template().filter(|_| is_measured || trains)?;
        Some(&*found.template)
    }

    /// What messages must not read as: where a consumer will read them.
    pub fn special_tokens(&self, configuration: &Configuration) -> SpecialTokens {
        if configuration.pipeline.consumer.is_none() {
            return SpecialTokens::default();
        }
        if let Some(found) = self.found_template() {
            return SpecialTokens::new(found.special_tokens.iter().cloned());
        }
        let family = TemplateFamily::of_model(&configuration.model_id);
        let of_family = family.map_or(&[][..], TemplateFamily::special_tokens);
        let of_family = of_family.iter().map(|&token| token.to_owned());
        SpecialTokens::new(self.special_tokens.iter().cloned().chain(of_family))
    }

    /// Where the chat template comes from, or why there is none, for people.
    pub fn template_words(&self) -> Option<String> {
        Some(match self.chat_template.as_ref()? {
            Ok(found) => found.origin.clone(),
            Err(reason) => format!("none: {reason}"),
        })
    }

    /// The longest row of a run in tokens, and how that is known.
    fn longest_row(&self, statistics: &Statistics) -> (u64, LengthSource) {
        let estimated = statistics.estimated_lengths;
        match statistics.longest_rendered_block() {
            Some(tokens) => (tokens, LengthSource::Template),
            // An encoding of OpenAI's counts for a model that is trained elsewhere.
            None if self.info.fallback_reason.is_some() || self.info.kind == "tiktoken" => {
                let most = estimated.in_any_tokenizer.max(estimated.padded);
                (most, LengthSource::OtherTokenizer)
            }
            None => (estimated.padded, LengthSource::Estimate),
        }
    }

    /// The longest row of a run, in tokens, where it is for a consumer.
    pub fn training_length(
        &self,
        configuration: &Configuration,
        statistics: &Statistics,
    ) -> Option<u64> {
        let consumer = configuration.pipeline.consumer;
        consumer.map(|_| self.longest_row(statistics).0)
    }

    /// What the consumer needs beside the blocks of a run that completed in this folder. If it can't be told
    /// what to learn, the statistics warn of that; if it refuses a file, as they warn, that is what comes next.
    pub fn kit(
        &self,
        configuration: &Configuration,
        statistics: &mut Statistics,
        folder: &str,
    ) -> Option<Kit> {
        let consumer = configuration.pipeline.consumer?;
        let mut kit = self.kit_for(consumer, configuration, statistics, folder);
        if consumer.learns_too_much(&kit, configuration.pipeline.loss) {
            let warning = Warning::LearnsEverything { consumer };
            statistics.warnings.push(warning);
        }
        let spell = |setting: Setting| setting.key().to_owned();
        let mut refusals = statistics.warnings.iter();
        if let Some(words) = refusals.find_map(|warning| warning.first_step(spell)) {
            kit.next = NextStep {
                by_hand: Some(words),
                command: None,
            };
        }
        Some(kit)
    }

    fn kit_for(
        &self,
        consumer: Consumer,
        configuration: &Configuration,
        statistics: &Statistics,
        folder: &str,
    ) -> Kit {
        let is_bedrock = configuration
            .output_formats
            .contains(&OutputFormat::Bedrock);
        let format = if consumer.reads_bedrock() && is_bedrock {
            OutputFormat::Bedrock
        } else {
            OutputFormat::Messages
        };
        let validation = Some(format.output_name(Split::Validation));
        let validation = validation.filter(|output| statistics.leaves(*output));
        let (length, length_source) = self.longest_row(statistics);
        let marked = self
            .found_template()
            .and_then(|found| found.marked.as_deref());
        consumer.kit(&Training {
            model_id: &configuration.model_id,
            folder,
            train_file: format.output_name(Split::Train).as_str(),
            validation_file: validation.map(OutputName::as_str),
            length,
            length_source,
            family: TemplateFamily::of_model(&configuration.model_id),
            template: marked,
            loss: configuration.pipeline.loss,
            has_flags: consumer.flag().is_some(),
        })
    }
}
