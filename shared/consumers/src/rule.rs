//! The rules that rows and files can break: a stable name, what is wrong, and what to do.

macro_rules! rules {
    ($($variant:ident: $name:literal, $sentence:literal, $remedy:literal;)*) => {
        /// What can be wrong with a row or a file.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Rule {
            $(#[doc = $sentence] $variant,)*
        }

        impl Rule {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name, which stays.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What is wrong.
            pub fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)* }
            }

            /// What to do about it.
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)* }
            }
        }
    };
}

rules! {
    NotUtf8: "not-utf8", "the row is not UTF-8", "save the file as UTF-8";
    ByteOrderMark: "byte-order-mark", "the file begins with a byte order mark", "save the file as UTF-8 without a byte order mark";
    CarriageReturn: "carriage-return", "a carriage return inside the row, where some readers end the line", "end lines with only a line feed";
    BlankLine: "blank-line", "the line is empty", "remove empty lines";
    RowTooLong: "row-too-long", "the row is longer than 8 MiB and was not read", "split the conversation into several rows";
    NotJson: "not-json", "the row is not JSON", "write one complete JSON value per row, with a JSON library";
    NotJsonLines: "not-json-lines", "the file is one JSON array", "write one object per line, without brackets around them and commas between them";
    ParquetFile: "parquet-file", "the file is Parquet, which this consumer doesn't read as conversations", "write one JSON object per line";
    NotAnObject: "not-an-object", "the row is not a JSON object", "write each row as one object";
    DuplicateKey: "duplicate-key", "a key occurs twice in an object", "keep one of the two: readers disagree on which one counts";
    ExtraColumn: "extra-column", "the row has a key other than `messages`", "remove the key";
    WrongShape: "wrong-shape", "the rows have a structure that this consumer doesn't read", "run `resonare prepare` with this consumer, or convert the file";
    MixedShapes: "mixed-shapes", "the row's structure differs from the first row's", "use one structure for the whole file";
    WrongSchemaVersion: "wrong-schema-version", "`schemaVersion` is not `bedrock-conversation-2024`", "set it to `bedrock-conversation-2024`, or leave it out";
    MissingMessages: "missing-messages", "the row has no list of messages", "put the turns into a list named `messages`";
    EmptyMessages: "empty-messages", "the list of messages is empty", "remove the row";
    MessageNotAnObject: "message-not-an-object", "a message is not an object", "write each message as an object with its role and content";
    MissingRole: "missing-role", "a message has no role", "add `role`: `system`, `user` or `assistant`";
    MissingContent: "missing-content", "a message has no content", "add the content, or remove the message";
    ContentNotText: "content-not-text", "a message's content is not text in the form that its row's structure requires", "write a string; in a Bedrock conversation, a list of objects with `text`";
    EmptyContent: "empty-content", "a message's content is empty", "remove the message";
    UnknownRole: "unknown-role", "a message's role is not known to this consumer", "use `system`, `user` and `assistant`";
    UnknownMessageKey: "unknown-message-key", "a message has a key that this consumer refuses", "remove the key";
    SystemNotFirst: "system-not-first", "a system message comes after other messages", "move it to the beginning";
    SeveralSystems: "several-systems", "the row has several system messages", "join them into one";
    FirstNotUser: "first-not-user", "the first turn is not the user's", "remove the turns before the user's first; `resonare prepare --role-order user_first` writes none";
    NotAlternating: "not-alternating", "two consecutive turns have the same role", "join them into one turn";
    NoAssistant: "no-assistant", "the assistant says nothing, so there is nothing to learn", "remove the row";
    LastNotAssistant: "last-not-assistant", "the last turn is not the assistant's", "remove the turns after the assistant's last; `resonare prepare --role-order user_first` writes none";
    OddCount: "odd-count", "the number of turns is odd", "end each row with the answer to the last question";
    TooFewMessages: "too-few-messages", "the row has fewer than two turns", "remove the row; an exchange takes two turns";
    ReservedWord: "reserved-word", "a text contains a word that this consumer reserves", "reword the text, or leave the message out";
    SpecialTokenText: "special-token-text", "a text contains what the model's tokenizer reads as a special token", "change the text; otherwise the model sees turns that aren't there";
    WeightNotZeroOrOne: "weight-not-0-or-1", "a message's `weight` is not the number 0 or 1", "write 0 for turns that are not learned, 1 for the others";
    PartialWeights: "partial-weights", "some turns have a `weight`; those without one count as 1", "write a weight on every turn: 0 on those that are not learned";
    FlagIgnored: "flag-ignored", "this consumer doesn't read the flag that says whether a message is learned", "remove the flag, or choose a consumer that reads it";
    TemplateRefused: "template-refused", "the model's chat template refuses the row", "change the row as the template's message says";
    TooFewRows: "too-few-rows", "the file has fewer rows than this consumer accepts", "add rows; where `resonare prepare` writes them, a lower `--min-tokens-per-block` keeps more";
    FewRows: "few-rows", "the file has fewer rows than this consumer recommends", "add rows; where `resonare prepare` writes them, a lower `--min-tokens-per-block` keeps more";
    TooManyRows: "too-many-rows", "the file has more rows than this consumer accepts", "use only some of the rows, or make longer blocks";
    FileTooLarge: "file-too-large", "the file is larger than this consumer accepts", "split the file, or use only some of the rows";
}

impl serde::Serialize for Rule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_rules_have_one_name() {
        let names: HashSet<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
        assert_eq!(names.len(), Rule::ALL.len());
    }
}
