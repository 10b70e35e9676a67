//! The table in `docs/configuration.md`.

use resonare_settings::{Entry, Kind, Scope};

use crate::{Part, check, entries};

const TABLE: Part = Part {
    after: "<!-- From the table of keys: begin -->\n",
    before: Some("<!-- From the table of keys: end -->\n"),
};

#[test]
fn the_documentation_has_each_key() {
    let rows: String = entries().map(row).collect();
    let head = "| key | default | option | in a request | meaning | value |\n\
                | --- | --- | --- | --- | --- | --- |\n";
    check("docs/configuration.md", &TABLE, &format!("{head}{rows}"));
}

fn row(entry: &Entry) -> String {
    let default = match (entry.default, entry.null_means) {
        (Some(value), _) => match entry.set_by {
            Some(key) => format!("`{value}`, or what `{key}` sets"),
            None => format!("`{value}`"),
        },
        (None, Some(words)) => words.to_owned(),
        (None, None) => "–".to_owned(),
    };
    let option = entry.option.map_or("–".to_owned(), |option| {
        let repeated = if entry.kind.is_list() {
            ", repeatable"
        } else {
            ""
        };
        format!("`--{}`{repeated}", option.name)
    });
    let scope = match entry.scope {
        Scope::Operator => "no",
        Scope::Request => "yes, but not in a query",
        Scope::Query => "yes",
    };
    let (name, help, value) = (entry.name, entry.help, value(entry.kind));
    format!("| `{name}` | {default} | {option} | {scope} | {help} | {value} |\n")
}

fn value(kind: Kind) -> String {
    let choice = |names: &[&str]| {
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        names.join(", ")
    };
    match kind {
        Kind::OneOf(names) => format!("one of {}", choice(names)),
        Kind::OptionalOneOf(names) => format!("one of {}; leave it out for none", choice(names)),
        Kind::SomeOf(names) => format!("one or more of {}", choice(names)),
        Kind::AnyOf(names) => format!("any of {}", choice(names)),
        other => other.allowed(),
    }
}
