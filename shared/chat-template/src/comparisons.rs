//! The engine's tests and filters that read or compare whole values, charged for the sizes of these.

use std::borrow::Cow;

use minijinja::value::{Rest, Value, ValueOrKwargs};
use minijinja::{Environment, Error, State, filters, tests};

use crate::bounds::charge;

type Comparison = fn(&Value, &Value) -> bool;

type TextTest = fn(Cow<'_, str>, Cow<'_, str>) -> bool;

/// Tests that compare two values, with all of their names.
const TESTS: [(&[&str], Comparison); 6] = [
    (&["eq", "equalto", "=="], tests::is_eq),
    (&["ne", "!="], tests::is_ne),
    (&["lt", "lessthan", "<"], tests::is_lt),
    (&["le", "<="], tests::is_le),
    (&["gt", "greaterthan", ">"], tests::is_gt),
    (&["ge", ">="], tests::is_ge),
];

/// Tests that read a text to its end, and make one of what is none.
const TEXT_TESTS: [(&str, TextTest); 2] = [
    ("startingwith", tests::is_startingwith),
    ("endingwith", tests::is_endingwith),
];

/// Filters that compare the items of a list, or its keys.
const FILTERS: [&str; 6] = ["sort", "unique", "min", "max", "dictsort", "groupby"];

/// Puts them in place of the engine's own.
pub(crate) fn add_to(environment: &mut Environment<'_>) {
    for (names, comparison) in TESTS {
        for name in names {
            environment.add_test(*name, move |state: &State, one: &Value, other: &Value| {
                charge(state, one, 1)?;
                charge(state, other, 1)?;
                Ok::<_, Error>(comparison(one, other))
            });
        }
    }
    for (name, test) in TEXT_TESTS {
        environment.add_test(name, move |state: &State, one: &Value, other: &Value| {
            charge(state, one, 4)?;
            charge(state, other, 4)?;
            let text = |value: &Value| match value.as_str() {
                Some(text) => text.to_owned(),
                None => value.to_string(),
            };
            Ok::<_, Error>(test(text(one).into(), text(other).into()))
        });
    }
    for (name, test) in [
        ("lower", tests::is_lower as fn(&Value) -> bool),
        ("upper", tests::is_upper),
    ] {
        environment.add_test(name, move |state: &State, value: &Value| {
            charge(state, value, 1)?;
            Ok::<_, Error>(test(value))
        });
    }
    environment.add_test("in", is_in);
    environment.add_filter(plain("sort"), filters::sort);
    environment.add_filter(plain("unique"), filters::unique);
    environment.add_filter(plain("min"), filters::min);
    environment.add_filter(plain("max"), filters::max);
    environment.add_filter(plain("dictsort"), filters::dictsort);
    environment.add_filter(plain("groupby"), filters::groupby);
    for name in FILTERS {
        let filter = move |state: &mut State, arguments: Rest<ValueOrKwargs>| {
            let arguments = arguments.into_values();
            if let Some(list) = arguments.first() {
                let items = list.len().unwrap_or(0);
                charge(
                    state,
                    list,
                    1 + u64::from(items.checked_ilog2().unwrap_or(0)),
                )?;
            }
            state.apply_filter(&plain(name), &arguments)
        };
        environment.add_filter(name, filter);
    }
}

/// The name of the engine's own filter, which no template can spell.
fn plain(name: &str) -> String {
    format!("the engine's {name}")
}

fn is_in(state: &State, value: &Value, container: &Value) -> Result<bool, Error> {
    charge(state, value, 1)?;
    charge(state, container, 1)?;
    tests::is_in(state, value, container)
}
