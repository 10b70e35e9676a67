//! A template's source, made ready for the engine.
//!
//! `transformers` adds a statement of its own, `{% generation %}…{% endgeneration %}`, which marks what
//! an assistant said and writes its body unchanged. The engine's `{% with %}` does the same: it keeps to
//! itself what is set inside, and white space around it is controlled in the same way.

use crate::bounding::{bounded, is_recursive_loop};
use crate::comparing::bounded_comparisons;
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
        if branches > MAX_BRANCHES || is_too_complex(tag) || is_recursive_loop(word, tag) {
            let line = 1 + prepared.matches('\n').count();
            let problem = "more complex than any real template".to_owned();
            return Err(TemplateError::Syntax { line, problem });
        }
        match word {
            "generation" => prepared.push_str(&tag.replacen(word, "with", 1)),
            "endgeneration" => prepared.push_str(&tag.replacen(word, "endwith", 1)),
            _ if tag.starts_with("{#") || word == "raw" => prepared.push_str(tag),
            _ => prepared.push_str(&bounded(word, &bounded_comparisons(word, tag))),
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
    let (before, after) = (&tag[..at], &tag[at + 1..]);
    stars.next().is_none()
        && (before.trim_end().ends_with(['\'', '"'])
            || begins_with_text(after.trim_start())
            || ends_with_small_number(before.trim_end())
            || begins_with_small_number(after.trim_start()))
}

/// Whether a text is the whole of what a star multiplies by, and not the beginning of more.
fn begins_with_text(after: &str) -> bool {
    if !after.starts_with(['\'', '"']) {
        return false;
    }
    let next = code(after)
        .skip(1)
        .find(|(_, character)| !character.is_whitespace());
    next.is_none_or(|(_, character)| !matches!(character, '|' | '.' | '[' | '('))
}

/// The same for a number of two digits.
fn begins_with_small_number(after: &str) -> bool {
    let rest = after.trim_start_matches(|character: char| character.is_ascii_digit());
    let is_whole = !rest.starts_with(|character: char| character.is_alphanumeric())
        && !rest.starts_with(['_', '.'])
        && !rest.trim_start().starts_with(['*', '|', '[', '(']);
    matches!(after.len() - rest.len(), 1..=2) && is_whole
}

/// The same for what stands before the star.
fn ends_with_small_number(before: &str) -> bool {
    let rest = before.trim_end_matches(|character: char| character.is_ascii_digit());
    let is_whole = !rest.ends_with(|character: char| character.is_alphanumeric())
        && !rest.ends_with(['_', '.'])
        && !rest.trim_end().ends_with('*');
    matches!(before.len() - rest.len(), 1..=2) && is_whole
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
            "{{ n * '-' ~ a | b }}",
            "{% if 20 * n > 1 %}{% endif %}",
        ] {
            assert!(prepare(fine).is_ok(), "{fine}");
        }
        for refused in [
            "{{ a * b }}",
            "{{ a * 1000 }}",
            "{{ a * 9 * 9 }}",
            "{{ f(a * b) }}",
            "{{ a * 'x' | length }}",
            "{{ a * 'x'.b }}",
            "{{ a * 9 ** 9 }}",
            "{{ 9 ** 9 * a }}",
            "{{ a * 9_9 }}",
            "{{ a99 * b }}",
        ] {
            assert!(prepare(refused).is_err(), "{refused}");
        }
    }
}
