//! Writes a consumer's kit into the current folder:
//! `kit CONSUMER MODEL LOSS TRAIN_FILE [VALIDATION_FILE]`.

use std::fs;

use resonare_consumers::{Consumer, LengthSource, Loss, TemplateFamily, Training};

type AnyError = Box<dyn std::error::Error>;

fn main() -> Result<(), AnyError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [consumer, model, loss, train, validation @ ..] = arguments.as_slice() else {
        return Err("usage: kit CONSUMER MODEL LOSS TRAIN_FILE [VALIDATION_FILE]".into());
    };
    let consumer: Consumer = consumer.parse()?;
    let folder = std::env::current_dir()?;
    let folder = folder.file_name().unwrap_or_default().to_string_lossy();
    let kit = consumer.kit(&Training {
        model_id: model,
        folder: &folder,
        train_file: train,
        validation_file: validation.first().map(String::as_str),
        length: 870,
        length_source: LengthSource::Template,
        family: TemplateFamily::of_model(model),
        template: Some("{% generation %}{% endgeneration %}"),
        loss: loss
            .parse::<Loss>()
            .map_err(|()| "LOSS is all or assistant")?,
        has_flags: consumer.flag().is_some(),
    });
    for file in kit.files {
        fs::write(file.name, file.content)?;
    }
    Ok(())
}
