//! The tags of a template's source, as the engine tells them from text.

/// A part of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'s> {
    /// What is written as it is.
    Text(&'s str),
    /// A comment, an expression, a statement, or a raw part from its beginning to its end.
    Tag(&'s str),
}

/// The parts of a source, in their order.
pub(crate) fn pieces(source: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = source;
    std::iter::from_fn(move || {
        let (piece, after) = match tag_start(rest)? {
            0 => {
                let (tag, after) = rest.split_at(tag_length(rest));
                (Piece::Tag(tag), after)
            }
            start => {
                let (text, after) = rest.split_at(start);
                (Piece::Text(text), after)
            }
        };
        rest = after;
        Some(piece)
    })
}

/// What stands in a tag and in no bracket inside: the tag's own brace counts.
pub(crate) const INSIDE: usize = 1;

/// A character that stands in no string.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Character {
    pub(crate) at: usize,
    pub(crate) value: char,
    /// How many brackets it stands in; a bracket does not stand in itself.
    pub(crate) depth: usize,
}

/// The characters of a tag that stand in no string.
pub(crate) fn characters(tag: &str) -> impl Iterator<Item = Character> {
    let mut depth = 0_usize;
    code(tag).map(move |(at, value)| {
        if matches!(value, ')' | ']' | '}') {
            depth = depth.saturating_sub(1);
        }
        let character = Character { at, value, depth };
        if matches!(value, '(' | '[' | '{') {
            depth += 1;
        }
        character
    })
}

/// A name or a keyword, and no attribute of anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word<'t> {
    pub(crate) text: &'t str,
    pub(crate) start: usize,
    /// As of a [`Character`].
    pub(crate) depth: usize,
}

impl Word<'_> {
    /// Where it ends.
    pub(crate) fn end(self) -> usize {
        self.start + self.text.len()
    }
}

/// The words of a tag.
pub(crate) fn words(tag: &str) -> impl Iterator<Item = Word<'_>> {
    let is_of_a_word = |character: char| character.is_alphanumeric() || character == '_';
    let starts = characters(tag).filter(move |character| {
        is_of_a_word(character.value)
            && !tag[..character.at].ends_with(|before| before == '.' || is_of_a_word(before))
    });
    starts.map(move |first| {
        let text = &tag[first.at..];
        let length = text.find(|c| !is_of_a_word(c)).unwrap_or(text.len());
        Word {
            text: &text[..length],
            start: first.at,
            depth: first.depth,
        }
    })
}

/// A statement without its closing delimiter, and that with its control of white space.
pub(crate) fn ends(tag: &str) -> (&str, &str) {
    let inside = tag.strip_suffix("%}").unwrap_or(tag);
    let inside = inside.strip_suffix(['-', '+']).unwrap_or(inside);
    tag.split_at(inside.len())
}

/// The characters of a tag that stand in no string, and where they stand.
pub(crate) fn code(tag: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quote = None;
    let mut is_escaped = false;
    tag.char_indices().filter(move |&(_, character)| {
        if let Some(open) = quote {
            if !is_escaped && character == open {
                quote = None;
            }
            is_escaped = !is_escaped && character == '\\';
            return false;
        }
        if matches!(character, '\'' | '"') {
            quote = Some(character);
        }
        true
    })
}

/// Where the first `{%`, `{{` or `{#` begins, or the text ends; `None` if it is empty.
fn tag_start(text: &str) -> Option<usize> {
    let mut pairs = text.as_bytes().windows(2);
    let start = pairs.position(|pair| matches!(pair, [b'{', b'%' | b'{' | b'#']));
    start.or((!text.is_empty()).then_some(text.len()))
}

/// The length of the comment, expression, statement or raw part that `text` begins with.
fn tag_length(text: &str) -> usize {
    if let Some(comment) = text.strip_prefix("{#") {
        // The engine looks for the end after the beginning: `{#}` is not a comment.
        return 2 + end_after(comment, "#}");
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
    for (at, character) in code(text).skip(2) {
        if depth == 0 && text[at..].starts_with(closing) {
            return at + closing.len();
        }
        match character {
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
        let end = start + end_after(&text[start..], "%}");
        if ends_raw(&text[start..end]) {
            return end;
        }
        searched = start + 2;
    }
    text.len()
}

/// Whether a tag is `{% endraw %}` and nothing else: the engine passes over any other.
fn ends_raw(tag: &str) -> bool {
    let inside = tag
        .strip_prefix("{%")
        .and_then(|tag| tag.strip_suffix("%}"));
    inside.is_some_and(|inside| {
        let inside = inside.strip_prefix(['-', '+']).unwrap_or(inside);
        let inside = inside.strip_suffix(['-', '+']).unwrap_or(inside);
        inside.trim_ascii() == "endraw"
    })
}

fn end_after(text: &str, closing: &str) -> usize {
    text.find(closing)
        .map_or(text.len(), |at| at + closing.len())
}

/// The first word of a statement.
pub(crate) fn statement(tag: &str) -> Option<&str> {
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
