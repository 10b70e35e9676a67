//! Commands that people run in a shell.

/// A word of a shell command, in quotation marks where it needs them.
pub fn shell_word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-:=,+".contains(&byte);
    let is_word = !text.is_empty() && !text.starts_with('=');
    if is_word && text.bytes().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_with_spaces_or_quotation_marks_is_quoted() {
        assert_eq!(shell_word("data/my-run"), "data/my-run");
        assert_eq!(shell_word("my run"), "'my run'");
        assert_eq!(shell_word("--for=trl"), "--for=trl");
        assert_eq!(shell_word("=trl"), "'=trl'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
    }
}
