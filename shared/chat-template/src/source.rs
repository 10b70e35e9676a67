//! A template's source, made ready for the engine.
//!
//! `transformers` adds a statement of its own, `{% generation %}…{% endgeneration %}`, which marks what
//! an assistant said and writes its body unchanged. The engine's `{% with %}` does the same: it keeps to
//! itself what is set inside, and white space around it is controlled in the same way.

use crate::bounds::{BOUND, BOUND_ATTRIBUTE};
use crate::error::TemplateError;
use crate::tags::{Piece, code, pieces, statement};

// Real templates have 180 at most.
const MAX_CODE_CHARACTERS: usize = 1_500;

// Real templates have 22 at most.
const MAX_BRANCHES: usize = 200;

/// The source with newlines as Jinja reads them, with statements that the engine knows, and with a bound
/// on every value that is kept.
///
/// # Errors
/// If a tag is so large that the engine could run out of stack over it.
pub(crate) fn prepare(source: &str) -> Result<String, TemplateError> {
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    let mut prepared = String::with_capacity(source.len());
    let mut branches = 0;
    for piece in pieces(&source) {
        let tag = match piece {
            Piece::Text(text) => {
                prepared.push_str(text);
                continue;
            }
            Piece::Tag(tag) => tag,
        };
        let word = statement(tag).unwrap_or_default();
        branches += usize::from(word == "elif");
        if branches > MAX_BRANCHES || is_too_complex(tag) {
            let line = 1 + prepared.matches('\n').count();
            let problem = "more complex than any real template".to_owned();
            return Err(TemplateError::Syntax { line, problem });
        }
        match word {
            "generation" => prepared.push_str(&tag.replacen(word, "with", 1)),
            "endgeneration" => prepared.push_str(&tag.replacen(word, "endwith", 1)),
            "set" => prepared.push_str(&bounded_assignment(tag)),
            _ => prepared.push_str(tag),
        }
    }
    Ok(prepared)
}

/// Whether the engine might recurse too deeply over a tag. A comment is never read, nor is a raw part.
fn is_too_complex(tag: &str) -> bool {
    if tag.starts_with("{#") || statement(tag) == Some("raw") {
        return false;
    }
    code(tag).count() > MAX_CODE_CHARACTERS || !multiplies_plainly(tag)
}

/// Whether a tag multiplies once at most, by a text or a small number: lists of lists, each multiplied,
/// would be small until they are written.
fn multiplies_plainly(tag: &str) -> bool {
    let mut stars = code(tag)
        .filter(|&(_, character)| character == '*')
        .filter(|&(at, _)| {
            let (before, after) = (&tag[..at], &tag[at + 1..]);
            let is_power = before.ends_with('*') || after.starts_with('*');
            let is_unpacking = before.trim_end().ends_with(['(', ',']);
            !is_power && !is_unpacking
        });
    let Some((at, _)) = stars.next() else {
        return true;
    };
    let (before, after) = (tag[..at].trim_end(), tag[at + 1..].trim_start());
    let is_digit = |character: char| character.is_ascii_digit();
    let left = before.len() - before.trim_end_matches(is_digit).len();
    let right = after.len() - after.trim_start_matches(is_digit).len();
    stars.next().is_none()
        && (before.ends_with(['\'', '"'])
            || after.starts_with(['\'', '"'])
            || matches!(left, 1..=2)
            || matches!(right, 1..=2))
}

/// An assignment whose value goes through the filter that bounds it: `{% set a = b %}` becomes
/// `{% set a = (b) | … %}`. An assignment of a block, which has no `=`, makes a text and stays.
fn bounded_assignment(tag: &str) -> String {
    let mut depth = 0_usize;
    for (at, character) in code(tag) {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            // The delimiter's own brace is the one that is open.
            '=' if depth == 1 => {
                let (target, value) = (&tag[..at], &tag[at + 1..]);
                let end = value.strip_suffix("%}").unwrap_or(value);
                let end = end.strip_suffix(['-', '+']).unwrap_or(end);
                let filter = if target.contains('.') {
                    BOUND_ATTRIBUTE
                } else {
                    BOUND
                };
                let closing = &value[end.len()..];
                return format!("{target}= ({end}) | {filter} {closing}");
            }
            _ => {}
        }
    }
    tag.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(source: &str) -> String {
        prepare(source).unwrap()
    }

    #[test]
    fn generation_markers_keep_their_control_of_white_space() {
        assert_eq!(
            prepared("a {%- generation -%} b {%+endgeneration%}"),
            "a {%- with -%} b {%+endwith%}"
        );
    }

    #[test]
    fn the_word_stays_wherever_it_is_no_statement() {
        for source in [
            "{# {% generation %} #}",
            "{{ '{% generation %}' }}",
            "{% raw %}{% generation %}{% endraw %}",
            r"{{ 'it\'s {% generation %}' }}",
            "{{ {'a': {}}['{% generation %}'] }}",
            "{% if generation == '%}{% generation %}' %}",
        ] {
            assert_eq!(prepared(source), source);
        }
    }

    #[test]
    fn a_marker_after_a_raw_part_is_found() {
        assert_eq!(
            prepared("{% raw %}{{{% endraw %}{% generation %}"),
            "{% raw %}{{{% endraw %}{% with %}"
        );
    }

    #[test]
    fn comments_and_raw_parts_end_where_the_engine_ends_them() {
        for source in [
            "{#} {% generation %} #}",
            "{% raw %}{% endraw x %}{% generation %}{% endraw %}",
        ] {
            assert_eq!(prepared(source), source);
        }
    }

    #[test]
    fn newlines_of_other_systems_become_newlines() {
        assert_eq!(prepared("a\r\nb\rc\n"), "a\nb\nc\n");
    }

    #[test]
    fn what_is_never_closed_stays() {
        for source in ["{%", "{{ '", "{# ", "{% raw %} {% endra", "text {"] {
            assert_eq!(prepared(source), source);
        }
    }

    #[test]
    fn assigned_values_are_bounded() {
        assert_eq!(
            prepared("{%- set a = b == '%}' -%}"),
            "{%- set a = ( b == '%}' ) | bound -%}"
        );
        assert_eq!(
            prepared("{% set ns.a, b = {'c': 1}, 2 %}"),
            "{% set ns.a, b = ( {'c': 1}, 2 ) | bound_attribute %}"
        );
        let block = "{% set a | indent(width=2) %}x{% endset %}";
        assert_eq!(prepared(block), block);
    }

    #[test]
    fn a_tag_that_could_exhaust_the_stack_is_refused() {
        let deep = format!("{{{{ {}1 }}}}", "-".repeat(2_000));
        let error = prepare(&format!("\n{deep}")).unwrap_err();
        assert!(matches!(error, TemplateError::Syntax { line: 2, .. }));
        assert!(prepare(&"{% elif a %}".repeat(201)).is_err());
        assert!(prepare(&format!("{{{{ '{}' }}}}", "-".repeat(2_000))).is_ok());
    }

    #[test]
    fn only_texts_and_small_numbers_multiply() {
        for fine in [
            "{{ '-' * n }}",
            "{{ n * 20 }}",
            "{{ 2 ** 3 }}",
            "{{ f(*a, *b) }}",
            "{{ '*' }}",
        ] {
            assert!(prepare(fine).is_ok(), "{fine}");
        }
        for refused in [
            "{{ a * b }}",
            "{{ a * 1000 }}",
            "{{ a * 9 * 9 }}",
            "{{ f(a * b) }}",
        ] {
            assert!(prepare(refused).is_err(), "{refused}");
        }
    }
}
