//! Bounds written into the places where values are compared or looked up.
//!
//! The engine takes a step for a comparison, whatever the two sides hold, and as much for a look-up, whose
//! key it reads to its end, as it does with a text that it takes a letter of. So all of these pass a bound
//! first, which charges for their sizes. Beside a plain text or number that doesn't matter: a comparison
//! with one is over at once.

use crate::bounds::{BOUND, BOUND_TEXT};
use crate::tags::{INSIDE, Word, code, ends, words};

/// The tag of a statement or an expression, with a bound on each value that may be large and is compared,
/// looked up, looked up in, or a key.
pub(crate) fn bounded_comparisons(statement: &str, tag: &str) -> String {
    let mut out = String::with_capacity(tag.len());
    let mut written = 0;
    for (at, text) in Scanner::new(statement, tag).insertions() {
        out.push_str(&tag[written..at]);
        out.push_str(&text);
        written = at;
    }
    out.push_str(&tag[written..]);
    out
}

/// What brackets hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bracket {
    /// Values side by side: a list, arguments, an expression in parentheses.
    Values,
    /// The arguments of a method that compares them with what it had before.
    Compared,
    /// An index, a key or a slice.
    Subscript,
    /// Keys and values.
    Map,
}

/// An operator that compares.
#[derive(Clone, Copy, Debug)]
struct Operator {
    start: usize,
    end: usize,
    /// Whether it looks one side up in the other.
    is_in: bool,
}

/// What stands in brackets, or in none.
#[derive(Debug)]
struct Level {
    bracket: Bracket,
    /// Where it begins.
    first: usize,
    /// Where the expression begins that goes on until something binds less than a comparison.
    start: usize,
    operators: Vec<Operator>,
    /// Where the value begins that was read last.
    value: usize,
    /// Whether that is no value, but the name of a test or a filter.
    is_name: bool,
    /// Whether a colon divides it.
    is_divided: bool,
}

impl Level {
    fn beginning(bracket: Bracket, start: usize) -> Self {
        Self {
            bracket,
            first: start,
            start,
            operators: Vec::new(),
            value: start,
            is_name: false,
            is_divided: false,
        }
    }
}

struct Scanner<'t> {
    tag: &'t str,
    /// The characters of the tag that stand in no string.
    code: Vec<(usize, char)>,
    end: usize,
    levels: Vec<Level>,
    /// What is compared, or is a key.
    bounded: Vec<(usize, usize)>,
    /// What something is looked up in, where that may be a text.
    read: Vec<(usize, usize)>,
}

impl<'t> Scanner<'t> {
    fn new(statement: &str, tag: &'t str) -> Self {
        let (start, end) = expression(statement, tag);
        let code = code(tag).filter(|(at, _)| (start..end).contains(at));
        Self {
            tag,
            code: code.collect(),
            end,
            levels: vec![Level::beginning(Bracket::Values, start)],
            bounded: Vec::new(),
            read: Vec::new(),
        }
    }

    /// What is to be inserted where, in the order of the places.
    fn insertions(mut self) -> Vec<(usize, String)> {
        self.scan();
        let mut insertions = Vec::new();
        for (start, end) in self.bounded {
            insertions.push((start, "(".to_owned()));
            insertions.push((end, format!(") | {BOUND}")));
        }
        for (start, end) in self.read {
            insertions.push((start, "((".to_owned()));
            insertions.push((end, format!(") | {BOUND_TEXT})")));
        }
        insertions.sort_by_key(|(at, _)| *at);
        insertions
    }

    fn scan(&mut self) {
        let mut index = 0;
        // The word, or else the character, that came last.
        let mut before = "";
        while let Some(&(at, character)) = self.code.get(index) {
            let rest = &self.tag[at..self.end];
            let length = if is_of_a_word(character) {
                rest.find(|c| !is_of_a_word(c)).unwrap_or(rest.len())
            } else {
                operator_length(rest)
            };
            let token = &self.tag[at..at + length];
            if is_of_a_word(character) || matches!(character, '\'' | '"') {
                self.begin_value(at, before);
            }
            self.token(at, token, before);
            index += self.code[index..].partition_point(|(next, _)| *next < at + length);
            if !character.is_whitespace() {
                before = token;
            }
        }
        self.end_expression(self.end);
    }

    /// Notes where a value begins, which goes on with dots and brackets.
    fn begin_value(&mut self, at: usize, before: &str) {
        let level = self.level();
        if before != "." {
            level.is_name = matches!(before, "|" | "is") || before == "not" && level.is_name;
            level.value = at;
        }
    }

    fn token(&mut self, at: usize, token: &str, before: &str) {
        let end = at + token.len();
        let is_attribute = before == ".";
        match token {
            "(" | "[" | "{" => self.open(at, token, before),
            ")" | "]" | "}" => self.close(at),
            "==" | "!=" | "<=" | ">=" | "<" | ">" => self.operator(at, end, false),
            "," | "=" | "and" | "or" | "if" | "else" if !is_attribute => self.next(at, end),
            ":" => {
                let level = self.level();
                level.is_divided = true;
                if level.bracket == Bracket::Map {
                    let start = level.start;
                    self.bound_unless_plain(start, at);
                }
                self.next(at, end);
            }
            // `a is in(b)` is a test.
            "in" if !is_attribute && before != "is" && !self.is_no_operator(at) => {
                self.operator(at, end, true);
            }
            "not" if !is_attribute && before != "is" => {
                let rest = self.tag[end..self.end].trim_start();
                if rest.starts_with("in") && !rest[2..].starts_with(is_of_a_word) {
                    self.operator(at, self.end - rest.len() + 2, true);
                } else {
                    self.next(at, end);
                }
            }
            _ => {}
        }
    }

    /// Whether the `in` at `at` comes after `is not`, or ends an operator that has begun.
    fn is_no_operator(&mut self, at: usize) -> bool {
        let operators = &self.level().operators;
        if operators.last().is_some_and(|last| last.end == at + 2) {
            return true;
        }
        let before = self.tag[..at].trim_end().strip_suffix("not");
        let before = before.and_then(|before| before.trim_end().strip_suffix("is"));
        before.is_some_and(|before| !before.ends_with(is_of_a_word))
    }

    fn level(&mut self) -> &mut Level {
        self.levels.last_mut().expect("a tag is a level")
    }

    fn operator(&mut self, start: usize, end: usize, is_in: bool) {
        let operators = &mut self.level().operators;
        operators.push(Operator { start, end, is_in });
    }

    fn open(&mut self, at: usize, bracket: &str, before: &str) {
        let ends_value = |c| is_of_a_word(c) || matches!(c, ')' | ']' | '}' | '"' | '\'');
        let is_after_value = before.ends_with(ends_value)
            && !matches!(before, "in" | "and" | "or" | "not" | "if" | "else" | "is")
            && !self.level().is_name;
        if !is_after_value {
            self.begin_value(at, before);
        }
        let bracket = match bracket {
            "[" if is_after_value => Bracket::Subscript,
            "{" => Bracket::Map,
            "(" if before == "changed" => Bracket::Compared,
            _ => Bracket::Values,
        };
        self.levels.push(Level::beginning(bracket, at + 1));
    }

    fn close(&mut self, at: usize) {
        let level = self.level();
        let (first, start, bracket) = (level.first, level.start, level.bracket);
        let is_key = bracket == Bracket::Subscript && !level.is_divided;
        if is_key || bracket == Bracket::Compared {
            self.bound_unless_plain(start, at);
        }
        self.end_expression(at);
        // An expression that is broken anyway may close more than it opened.
        if self.levels.len() > 1 {
            self.levels.pop();
        }
        // A name is looked up in no text.
        if bracket == Bracket::Subscript && !self.is_text((first, at)) {
            let value = self.level().value;
            self.read.push(self.trimmed((value, first - 1)));
        }
    }

    /// Ends an expression at `at`, and begins the next in the same brackets at `start`.
    fn next(&mut self, at: usize, start: usize) {
        let level = self.level();
        if level.bracket == Bracket::Compared {
            let start = level.start;
            self.bound_unless_plain(start, at);
        }
        self.end_expression(at);
        self.level().start = start;
    }

    fn end_expression(&mut self, end: usize) {
        let level = self.level();
        let operators = std::mem::take(&mut level.operators);
        let mut start = level.start;
        for (index, operator) in operators.iter().enumerate() {
            let after = operators.get(index + 1).map_or(end, |next| next.start);
            let (left, right) = ((start, operator.start), (operator.end, after));
            start = operator.end;
            if self.is_plain(left) || !operator.is_in && self.is_plain(right) {
                continue;
            }
            if operator.is_in {
                self.bound_unless_plain(left.0, left.1);
            }
            self.bound_unless_plain(right.0, right.1);
        }
    }

    /// The place of a part without the white space around it.
    fn trimmed(&self, (start, end): (usize, usize)) -> (usize, usize) {
        let part = &self.tag[start..end];
        let before = part.len() - part.trim_start().len();
        (start + before, start + before + part.trim().len())
    }

    /// Whether a part is a text as it is.
    fn is_text(&self, part: (usize, usize)) -> bool {
        let (start, end) = self.trimmed(part);
        let mut characters = self.code.iter().filter(|(at, _)| (start..end).contains(at));
        self.tag[start..end].starts_with(['\'', '"']) && characters.nth(1).is_none()
    }

    /// Whether a part is a text or a number as it is, or nothing.
    fn is_plain(&self, part: (usize, usize)) -> bool {
        let (start, end) = self.trimmed(part);
        let text = &self.tag[start..end];
        let number = text.strip_prefix('-').unwrap_or(text);
        self.is_text(part)
            || matches!(text, "true" | "false" | "none" | "True" | "False" | "None")
            || number.bytes().all(|byte| byte.is_ascii_digit())
    }

    fn bound_unless_plain(&mut self, start: usize, end: usize) {
        let part = self.trimmed((start, end));
        // The second operand of one operator is the first of the next.
        if !self.is_plain(part) && !self.bounded.contains(&part) {
            self.bounded.push(part);
        }
    }
}

fn is_of_a_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The length of the operator, or else of the character, that a text begins with.
fn operator_length(text: &str) -> usize {
    let is_operator = ["==", "!=", "<=", ">="]
        .iter()
        .any(|operator| text.starts_with(operator));
    if is_operator {
        2
    } else {
        text.chars().next().map_or(0, char::len_utf8)
    }
}

/// Where the expressions of a tag begin and end.
fn expression(statement: &str, tag: &str) -> (usize, usize) {
    if tag.starts_with("{{") {
        let inside = tag.strip_suffix("}}").unwrap_or(tag);
        let inside = inside.strip_suffix(['-', '+']).unwrap_or(inside);
        let sign = usize::from(inside[2..].starts_with(['-', '+']));
        let start = (2 + sign).min(inside.len());
        return (start, inside.len());
    }
    let (inside, _) = ends(tag);
    let mut words = words(inside).filter(|word| word.depth == INSIDE);
    let is_loop = statement == "for";
    let first = if is_loop {
        words.find(|word| word.text == "in")
    } else {
        words.next()
    };
    (first.map_or(inside.len(), Word::end), inside.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tags::statement;

    fn bounded(tag: &str) -> String {
        bounded_comparisons(statement(tag).unwrap_or_default(), tag)
    }

    #[test]
    fn what_is_compared_with_a_text_or_a_number_stays() {
        for tag in [
            "{% if m.role == 'user' and m['content'] != \"x\" %}",
            "{%- if (m.role == 'user') != true -%}",
            "{{ 'a' in b or 'it\\'s %}' not in c.d }}",
            "{{ a if loop.index0 > 0 else b }}",
            "{% for a, b in c if a is not none %}",
            "{{ a['b'].c[\"d\"] }}",
            "{{ f(a=b, c={'d': [e]}) | g(h) }}",
            "{{ a.in.or.not }}",
            "{% if a is in(b) and c is not in(d) %}",
            "{%",
            "{{ )] }}",
        ] {
            assert_eq!(bounded(tag), tag);
        }
    }

    #[test]
    fn what_may_be_large_is_bounded() {
        for (tag, expected) in [
            ("{% if a == b -%}", "{% if a == (b) | bound -%}"),
            (
                "{{ a.b|c <= d.x(1) ~ e if f else g != h }}",
                "{{ a.b|c <= (d.x(1) ~ e) | bound if f else g != (h) | bound }}",
            ),
            (
                "{% if not a not in b %}",
                "{% if not (a) | bound not in (b) | bound %}",
            ),
            (
                "{{ a in [b, 'c'] }}",
                "{{ (a) | bound in ([b, 'c']) | bound }}",
            ),
            (
                "{% for x in a in b %}",
                "{% for x in (a) | bound in (b) | bound %}",
            ),
            ("{{ a < b < c }}", "{{ a < (b) | bound < (c) | bound }}"),
            (
                "{{ [a == b, f(c == d)] }}",
                "{{ [a == (b) | bound, f(c == (d) | bound)] }}",
            ),
            (
                "{{ a is not in [b] == c }}",
                "{{ a is not in [b] == (c) | bound }}",
            ),
            (
                "{% set x = a[b[c] + 1] %}",
                "{% set x = ((a) | bound_text)[(((b) | bound_text)[(c) | bound] + 1) | bound] %}",
            ),
            (
                "{{ {a: b, 'c': d == e} }}",
                "{{ {(a) | bound: b, 'c': d == (e) | bound} }}",
            ),
            ("{{ a[b:c] }}", "{{ ((a) | bound_text)[b:c] }}"),
            (
                "{{ a.b('c')[-1]['d'][0] }}",
                "{{ ((((a.b('c')) | bound_text)[-1]['d']) | bound_text)[0] }}",
            ),
            (
                "{% for m in [a][0] %}",
                "{% for m in (([a]) | bound_text)[0] %}",
            ),
            (
                "{{ loop.changed(a, 1) }}",
                "{{ loop.changed((a) | bound, 1) }}",
            ),
        ] {
            assert_eq!(bounded(tag), expected);
        }
    }
}
