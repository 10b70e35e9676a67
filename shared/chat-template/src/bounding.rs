//! Bounds written into the tags that give values their names.

use crate::bounds::{BOUND, BOUND_ATTRIBUTE};
use crate::tags::{INSIDE, Word, characters, ends, words};

/// The tag of a statement, with a bound on each value that gets a name there.
pub(crate) fn bounded(statement: &str, tag: &str) -> String {
    match statement {
        "set" => bounded_assignment(tag),
        "for" => bounded_loop(tag) + &check(tag),
        "with" => tag.to_owned() + &bounds(tag, &assigned_names(tag)),
        "macro" => tag.to_owned() + &bounds(tag, &parameters(tag)) + &check(tag),
        "call" => tag.to_owned() + &bounds(tag, &parameters(tag)),
        _ => tag.to_owned(),
    }
}

/// Whether a loop calls itself, with values that are bounded nowhere.
pub(crate) fn is_recursive_loop(statement: &str, tag: &str) -> bool {
    statement == "for"
        && words(tag)
            .last()
            .is_some_and(|word| word.text == "recursive")
}

/// `{% set a = b %}` becomes `{% set a = (b) | bound %}`, and `{% set a %}`, whose value is a block,
/// `{% set a | bound %}`.
fn bounded_assignment(tag: &str) -> String {
    let (inside, closing) = ends(tag);
    let assignment = assignments(inside).next();
    let target = &inside[..assignment.unwrap_or(inside.len())];
    let filter = if target.contains('.') {
        BOUND_ATTRIBUTE
    } else {
        BOUND
    };
    match assignment {
        Some(at) => format!("{target}= ({}) | {filter} {closing}", &inside[at + 1..]),
        None => format!("{inside}| {filter} {closing}"),
    }
}

/// `{% for a in b if c %}` becomes `{% for a in (b) | bound if c %}`.
fn bounded_loop(tag: &str) -> String {
    let (inside, closing) = ends(tag);
    let mut words = words(inside).filter(|word| word.depth == INSIDE);
    let Some(start) = words.find(|word| word.text == "in").map(Word::end) else {
        return tag.to_owned();
    };
    let condition = words.find(|word| word.text == "if");
    let end = condition.map_or(inside.len(), |word| word.start);
    let (target, values, condition) = (&inside[..start], &inside[start..end], &inside[end..]);
    format!("{target} ({values}) | {BOUND} {condition}{closing}")
}

/// What comes after a tag: an assignment of each name to itself by way of the bound. The tag's control of the
/// white space after it is that of the last assignment too.
fn bounds(tag: &str, names: &[&str]) -> String {
    let (_, closing) = ends(tag);
    let bound = |name: &&str| format!("{{% set {name} = ({name}) | {BOUND} {closing}");
    names.iter().map(bound).collect()
}

/// What comes after a tag that begins what may be done over and over: a step through the bound that writes
/// nothing.
fn check(tag: &str) -> String {
    let (_, closing) = ends(tag);
    format!("{{% if 0 | {BOUND} %}}{{% endif {closing}")
}

/// The names that `{% with a = 1, b = 2 %}` gives.
fn assigned_names(tag: &str) -> Vec<&str> {
    let (inside, _) = ends(tag);
    let name_before = |at: usize| words(&inside[..at]).last().map(|word| word.text);
    assignments(inside).filter_map(name_before).collect()
}

/// Where an `=` stands that is no part of a comparison or of a call.
fn assignments(inside: &str) -> impl Iterator<Item = usize> {
    characters(inside)
        .filter(|character| character.depth == INSIDE && character.value == '=')
        .map(|character| character.at)
        .filter(|&at| {
            let is_compared = inside[..at].ends_with(['=', '!', '<', '>']);
            !is_compared && !inside[at + 1..].starts_with('=')
        })
}

/// The parameters of `{% macro name(a, b=1) %}`, or of the block that `{% call(a) name() %}` passes.
fn parameters(tag: &str) -> Vec<&str> {
    let (inside, _) = ends(tag);
    let Some(opening) = inside.find('(') else {
        return Vec::new();
    };
    let before: Vec<&str> = words(&inside[..opening]).map(|word| word.text).collect();
    // What `{% call name(a) %}` passes are values.
    if before.len() > 1 && before[0] == "call" {
        return Vec::new();
    }
    let list = characters(&inside[opening..]);
    let length = list
        .skip(1)
        .find(|character| character.depth == 0 && character.value == ')');
    let closing = length.map_or(inside.len(), |character| opening + character.at);
    let is_parameter = |word: &Word<'_>| {
        let before = inside[..word.start].trim_end();
        word.depth == INSIDE + 1 && word.start > opening && before.ends_with(['(', ','])
    };
    let named = words(&inside[..closing]).filter(is_parameter);
    named.map(|word| word.text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assigned_values_are_bounded() {
        for (tag, expected) in [
            (
                "{%- set a = b == '%}' -%}",
                "{%- set a = ( b == '%}' ) | bound -%}",
            ),
            (
                "{% set ns.a, b = {'c': 1}, 2 %}",
                "{% set ns.a, b = ( {'c': 1}, 2 ) | bound_attribute %}",
            ),
            (
                "{% set a | indent(width=2) +%}",
                "{% set a | indent(width=2) | bound +%}",
            ),
            ("{%set a%}", "{%set a| bound %}"),
        ] {
            assert_eq!(bounded("set", tag), expected);
        }
    }

    #[test]
    fn what_a_loop_goes_over_is_bounded() {
        for (tag, expected) in [
            ("{% for a in b -%}", "{% for a in ( b ) | bound -%}"),
            (
                "{%- for k, v in x['in'].items() if k in v %}",
                "{%- for k, v in ( x['in'].items() ) | bound if k in v %}",
            ),
            (
                "{% for a in (b if c else d) %}",
                "{% for a in ( (b if c else d) ) | bound %}",
            ),
            ("{% for a in b.if %}", "{% for a in ( b.if ) | bound %}"),
        ] {
            assert_eq!(bounded("for", tag), expected.to_owned() + &check(tag));
        }
    }

    #[test]
    fn names_are_bounded_after_their_tags() {
        for (statement, tag, names) in [
            ("with", "{% with a = b == c, d=f(e=1) -%}", &["a", "d"][..]),
            ("with", "{% with %}", &[]),
            (
                "macro",
                "{%- macro m(a, b=[c, d], e = f(g)) -%}",
                &["a", "b", "e"],
            ),
            ("macro", "{% macro m() +%}", &[]),
            ("call", "{% call(a, b) m(c) %}", &["a", "b"]),
            ("call", "{% call m(c, d) %}", &[]),
        ] {
            let expected = tag.to_owned() + &bounds(tag, names);
            assert!(bounded(statement, tag).starts_with(&expected), "{tag}");
        }
    }

    #[test]
    fn bounds_control_white_space_as_their_tags_do() {
        assert_eq!(
            bounded("macro", "{%- macro m(a) -%}"),
            "{%- macro m(a) -%}{% set a = (a) | bound -%}{% if 0 | bound %}{% endif -%}"
        );
    }
}
