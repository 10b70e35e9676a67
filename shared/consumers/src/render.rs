//! One block in each text format.

use crate::message::{Flag, MessageRef};

/// Appends `{"messages":[{"role":…,"content":…},…]}` and a line feed, with flags where they are
/// asked for.
pub fn messages_line(messages: &[MessageRef<'_>], flag: Option<Flag>, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"messages":["#);
    separated(messages, out, |message, out| {
        out.extend_from_slice(br#"{"role":"#);
        push_string(message.role, out);
        out.extend_from_slice(br#","content":"#);
        push_string(message.content, out);
        if let Some(flag) = flag {
            let field = flag.field(message.role, message.learned);
            out.extend_from_slice(field.as_bytes());
        }
        out.push(b'}');
    });
    out.extend_from_slice(b"]}\n");
}

/// Appends a `bedrock-conversation-2024` line: system messages aside, contents as lists of one text.
pub fn bedrock_line(messages: &[MessageRef<'_>], out: &mut Vec<u8>) {
    let is_system = |message: &&MessageRef<'_>| message.role == "system";
    out.extend_from_slice(br#"{"schemaVersion":"bedrock-conversation-2024","#);
    if messages.iter().any(|message| is_system(&message)) {
        out.extend_from_slice(br#""system":["#);
        separated(messages.iter().filter(is_system), out, |message, out| {
            out.extend_from_slice(br#"{"text":"#);
            push_string(message.content, out);
            out.push(b'}');
        });
        out.extend_from_slice(b"],");
    }
    out.extend_from_slice(br#""messages":["#);
    let turns = messages.iter().filter(|message| !is_system(message));
    separated(turns, out, |message, out| {
        out.extend_from_slice(br#"{"role":"#);
        push_string(message.role, out);
        out.extend_from_slice(br#","content":[{"text":"#);
        push_string(message.content, out);
        out.extend_from_slice(b"}]}");
    });
    out.extend_from_slice(b"]}\n");
}

/// Appends `{"conversations":[{"from":…,"value":…},…]}`, with the names `human` and `gpt`. The
/// brackets and commas of the list that it stands in are left to the caller.
pub fn sharegpt_element(messages: &[MessageRef<'_>], out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"conversations":["#);
    separated(messages, out, |message, out| {
        out.extend_from_slice(br#"{"from":"#);
        let from = match message.role {
            "user" => "human",
            "assistant" => "gpt",
            other => other,
        };
        push_string(from, out);
        out.extend_from_slice(br#","value":"#);
        push_string(message.content, out);
        out.push(b'}');
    });
    out.extend_from_slice(b"]}");
}

fn separated<'m>(
    messages: impl IntoIterator<Item = &'m MessageRef<'m>>,
    out: &mut Vec<u8>,
    mut push: impl FnMut(&MessageRef<'_>, &mut Vec<u8>),
) {
    for (index, message) in messages.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push(message, out);
    }
}

fn push_string(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a string can be written to memory");
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: [(&str, &str); 3] = [
        ("system", "You are Ren."),
        ("user", ">>> Hi\n>>> \"é\""),
        ("assistant", ">>> Hey"),
    ];

    fn rendered(render: impl Fn(&[MessageRef<'_>], &mut Vec<u8>)) -> String {
        let messages = BLOCK.map(|(role, content)| MessageRef::new(role, content));
        let mut out = Vec::new();
        render(&messages, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn messages_are_written_as_train_jsonl_has_them() {
        assert_eq!(
            rendered(|messages, out| messages_line(messages, None, out)),
            concat!(
                r#"{"messages":[{"role":"system","content":"You are Ren."},"#,
                r#"{"role":"user","content":">>> Hi\n>>> \"é\""},"#,
                r#"{"role":"assistant","content":">>> Hey"}]}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_weight_stands_on_every_message_that_together_reads() {
        let line = rendered(|messages, out| messages_line(messages, Some(Flag::Weight), out));
        assert_eq!(line.matches(r#""weight":0"#).count(), 2);
        assert_eq!(line.matches(r#""weight":1"#).count(), 1);
    }

    #[test]
    fn a_weight_stands_on_the_assistants_messages_alone_where_only_these_are_learned() {
        let flag = Some(Flag::AssistantWeight);
        let line = rendered(|messages, out| messages_line(messages, flag, out));
        assert_eq!(line.matches("weight").count(), 1);
    }

    #[test]
    fn a_training_field_says_true_or_false() {
        let line = rendered(|messages, out| messages_line(messages, Some(Flag::Train), out));
        assert_eq!(line.matches(r#""train":false"#).count(), 2);
        assert_eq!(line.matches(r#""train":true"#).count(), 1);
    }

    #[test]
    fn bedrock_has_the_system_prompt_aside() {
        assert_eq!(
            rendered(bedrock_line),
            concat!(
                r#"{"schemaVersion":"bedrock-conversation-2024","system":[{"text":"You are Ren."}],"#,
                r#""messages":[{"role":"user","content":[{"text":">>> Hi\n>>> \"é\""}]},"#,
                r#"{"role":"assistant","content":[{"text":">>> Hey"}]}]}"#,
                "\n"
            )
        );
    }

    #[test]
    fn sharegpt_has_its_own_names() {
        assert_eq!(
            rendered(sharegpt_element),
            concat!(
                r#"{"conversations":[{"from":"system","value":"You are Ren."},"#,
                r#"{"from":"human","value":">>> Hi\n>>> \"é\""},"#,
                r#"{"from":"gpt","value":">>> Hey"}]}"#
            )
        );
    }
}
