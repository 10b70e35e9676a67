//! The template engine, set up as `transformers` sets up Jinja.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Rest, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind};

use crate::bounds::{BOUND, BOUND_ATTRIBUTE, BOUND_TEXT, bound, bound_attribute, bound_text};
use crate::comparisons;
use crate::date::strftime_now;
use crate::error::Refusal;
use crate::json::tojson;
use crate::methods;

// A step costs one, and so do 64 bytes of any text or list that a template makes. Most chats need a
// hundredth, but there are templates that look at each letter, or back from each turn to the first: these
// take over a million for 600 turns.
const FUEL: u64 = 5_000_000;

// Macros, loops and conditions within each other; the engine's own limit is for larger stacks.
const MAX_NESTING: usize = 150;

// Filters that Jinja doesn't have; a template with one works nowhere else.
const NOT_OF_JINJA: [&str; 5] = ["bool", "chain", "lines", "split", "zip"];

/// An engine without templates.
pub(crate) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_syntax(syntax());
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(MAX_NESTING);
    environment.set_unknown_method_callback(methods::call);

    environment.add_function("raise_exception", raise_exception);
    environment.add_function("strftime_now", strftime_now);
    environment.add_filter("tojson", tojson);
    environment.add_filter("trim", methods::trim);
    environment.add_filter("indent", methods::indent);
    for name in NOT_OF_JINJA {
        environment.add_filter(name, unknown_filter);
    }
    environment.add_filter(BOUND, bound);
    environment.add_filter(BOUND_ATTRIBUTE, bound_attribute);
    environment.add_filter(BOUND_TEXT, bound_text);
    comparisons::add_to(&mut environment);
    environment.add_test("sequence", is_sequence);
    environment.add_test("iterable", is_iterable);
    // The engine's own, which would write out its state.
    environment.add_global("debug", Value::UNDEFINED);
    environment.add_global("add_generation_prompt", false);
    environment.add_global("tools", ());
    environment.add_global("documents", ());
    environment
}

fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .expect("the usual delimiters are valid")
}

fn raise_exception(words: Value) -> Result<Value, Error> {
    let refusal = Refusal(words.to_string());
    Err(Error::new(ErrorKind::InvalidOperation, "raise_exception").with_source(refusal))
}

fn unknown_filter(_: Rest<Value>) -> Result<Value, Error> {
    Err(ErrorKind::UnknownFilter.into())
}

/// Whatever has a length and items: in Python, texts and objects too.
fn is_sequence(value: &Value) -> bool {
    matches!(
        value.kind(),
        ValueKind::Seq | ValueKind::Map | ValueKind::String | ValueKind::Undefined
    )
}

/// Whatever Python can iterate over.
fn is_iterable(value: &Value) -> bool {
    is_sequence(value) || value.kind() == ValueKind::Iterable
}
