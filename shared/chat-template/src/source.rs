//! A template's source, made ready for the engine.
//!
//! `transformers` adds a statement of its own, `{% generation %}…{% endgeneration %}`, which marks what
//! an assistant said and writes its body unchanged. The engine's `{% with %}` does the same: it keeps to
//! itself what is set inside, and white space around it is controlled in the same way.

/// The source with newlines as Jinja reads them, and with statements that the engine knows.
pub(crate) fn prepare(source: &str) -> String {
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    let mut prepared = String::with_capacity(source.len());
    let mut rest = source.as_str();
    while let Some(start) = tag_start(rest) {
        prepared.push_str(&rest[..start]);
        let (tag, after) = rest[start..].split_at(tag_length(&rest[start..]));
        match marker(tag) {
            Some((word, replacement)) => prepared.push_str(&tag.replacen(word, replacement, 1)),
            None => prepared.push_str(tag),
        }
        rest = after;
    }
    prepared.push_str(rest);
    prepared
}

/// Where the first `{%`, `{{` or `{#` begins.
fn tag_start(text: &str) -> Option<usize> {
    text.as_bytes()
        .windows(2)
        .position(|pair| matches!(pair, [b'{', b'%' | b'{' | b'#']))
}

/// The length of the comment, expression, statement or raw part that `text` begins with.
fn tag_length(text: &str) -> usize {
    if text.starts_with("{#") {
        return end_after(text, "#}");
    }
    let closing = if text.starts_with("{{") { "}}" } else { "%}" };
    let length = expression_length(text, closing);
    if statement(&text[..length]) == Some("raw") {
        return length + raw_length(&text[length..]);
    }
    length
}

/// Up to the closing delimiter that stands in no string and in no bracket.
fn expression_length(text: &str, closing: &str) -> usize {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut is_escaped = false;
    for (at, character) in text.char_indices().skip(2) {
        if let Some(open) = quote {
            if !is_escaped && character == open {
                quote = None;
            }
            is_escaped = !is_escaped && character == '\\';
            continue;
        }
        if depth == 0 && text[at..].starts_with(closing) {
            return at + closing.len();
        }
        match character {
            '\'' | '"' => quote = Some(character),
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    text.len()
}

/// Up to the end of the `{% endraw %}` that comes first.
fn raw_length(text: &str) -> usize {
    let mut searched = 0;
    while let Some(found) = text[searched..].find("{%") {
        let start = searched + found;
        let length = end_after(&text[start..], "%}");
        if statement(&text[start..start + length]) == Some("endraw") {
            return start + length;
        }
        searched = start + 2;
    }
    text.len()
}

fn end_after(text: &str, closing: &str) -> usize {
    text.find(closing)
        .map_or(text.len(), |at| at + closing.len())
}

/// The first word of a statement.
fn statement(tag: &str) -> Option<&str> {
    let inside = tag.strip_prefix("{%")?;
    let inside = inside
        .strip_prefix(['-', '+'])
        .unwrap_or(inside)
        .trim_start();
    let end = inside
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(inside.len());
    Some(&inside[..end])
}

/// What marks an assistant's words, and what the engine has instead.
fn marker(tag: &str) -> Option<(&'static str, &'static str)> {
    match statement(tag)? {
        "generation" => Some(("generation", "with")),
        "endgeneration" => Some(("endgeneration", "endwith")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generation_markers_keep_their_control_of_white_space() {
        assert_eq!(
            prepare("a {%- generation -%} b {%+endgeneration%}"),
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
            "{% set generation = 1 %}",
            "{% set text = '%}{% generation %}' %}",
        ] {
            assert_eq!(prepare(source), source);
        }
    }

    #[test]
    fn a_marker_after_a_raw_part_is_found() {
        assert_eq!(
            prepare("{% raw %}{{{% endraw %}{% generation %}"),
            "{% raw %}{{{% endraw %}{% with %}"
        );
    }

    #[test]
    fn newlines_of_other_systems_become_newlines() {
        assert_eq!(prepare("a\r\nb\rc\n"), "a\nb\nc\n");
    }

    #[test]
    fn what_is_never_closed_stays() {
        for source in ["{%", "{{ '", "{# ", "{% raw %} {% endra", "text {"] {
            assert_eq!(prepare(source), source);
        }
    }
}
