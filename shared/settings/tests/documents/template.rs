//! The parts of `template.yaml` that pass configuration keys on to the functions.

use resonare_settings::{Entry, Kind};

use crate::{Part, check, entries};

/// What an operator of the stack may set.
const PARAMETERS: Part = Part {
    after: "  # --- Defaults of a job's configuration ---\n",
    before: Some("\nMappings:\n"),
};

/// What the functions see of it.
const VARIABLES: Part = Part {
    after: "        MAX_UPLOAD_BYTES: !Ref MaxUploadBytes\n",
    before: Some("\nResources:\n"),
};

/// What publishes new versions of the functions where it changes.
const VERSIONED: Part = Part {
    after: "        HfTokenArn=${HfTokenArn}\n",
    before: Some("        IngressRole=${IngressRole.Arn}\n"),
};

#[test]
fn each_key_that_is_not_about_one_machine_is_a_parameter_and_a_variable() {
    let variable = |entry: &Entry| {
        let variable = entry.name.to_uppercase().replace('.', "__");
        format!(
            "        RESONARE_{variable}: !Ref {}\n",
            parameter_name(entry)
        )
    };
    let version = |entry: &Entry| {
        let name = parameter_name(entry);
        format!("        {name}=${{{name}}}\n")
    };
    check("template.yaml", &PARAMETERS, &rendered(parameter));
    check("template.yaml", &VARIABLES, &rendered(variable));
    check("template.yaml", &VERSIONED, &rendered(version));
}

fn rendered(render: impl Fn(&Entry) -> String) -> String {
    entries()
        .filter(|entry| entry.is_parameter)
        .map(render)
        .collect()
}

fn parameter(entry: &Entry) -> String {
    let values = match entry.kind {
        Kind::Flag => " (true or false)",
        kind if kind.is_list() => ", separated by commas",
        _ => "",
    };
    // Where another key may set it, the variable has to be empty unless the operator sets it.
    let (words, default) = match (entry.default, entry.null_means) {
        (Some(default), _) => match entry.set_by {
            Some(key) => (format!(" (default: {default}, or what {key} sets)"), ""),
            None => (String::new(), default),
        },
        (None, Some(words)) => (format!(" (default: {words})"), ""),
        (None, None) => (String::new(), ""),
    };
    let description = format!("{}{values}{words}", entry.help);
    let name = parameter_name(entry);
    format!(
        "  {name}:\n    Description: {description:?}\n    Type: String\n    Default: {default:?}\n"
    )
}

/// `OutputRaw` for `output.raw`.
fn parameter_name(entry: &Entry) -> String {
    let words = entry.name.split(['_', '.']);
    words
        .map(|word| word[..1].to_uppercase() + &word[1..])
        .collect()
}
