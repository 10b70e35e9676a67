//! Personal data of every kind, wherever an export can have it, and nowhere in what a run leaves.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Project, names_in};

/// What must not be left, in the ways in which people write it.
const PLANTED: [&str; 20] = [
    "+49 170 1234567",
    "0170 7654321",
    "+44\u{a0}20\u{2011}7946\u{2011}0958",
    "mira.solano@example.org",
    "https://example.net/secret/path",
    "www.example-shop.com",
    "4111 1111 1111 1111",
    "5500-0000-0000-0004",
    "@mira_private",
    "DE89 3704 0044 0532 0130 00",
    "GB29NWBK60161331926819",
    "sk-abcdefghijklmnopqrstuvwxyz0123456789ABCD",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "AKIAIOSFODNN7EXAMPLE",
    "1234567890123",
    "٠١٢٣٤٥٦٧٨٩",
    "Mira Solano",
    "Solano",
    "Ренат",
    "Bluebird",
];

fn message(second: usize, is_mine: bool, text: &str) -> Value {
    json!({
        "id": second, "type": "message",
        "date": format!("2024-01-01T{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60),
        "from": if is_mine { "Ren Hwa" } else { "Mira Solano" },
        "from_id": if is_mine { "user1" } else { "user2" },
        "text_entities": [{"type": "plain", "text": text}],
    })
}

/// Each planted text by itself, in sentences, in parts, forwarded, answered and as names of files.
fn export() -> Value {
    let mut messages = Vec::new();
    for (number, planted) in PLANTED.iter().enumerate() {
        for (way, is_mine) in [(0, true), (1, false)] {
            let second = number * 20 + way * 10;
            let sentence =
                format!("well, take this: {planted}, and tell nobody. 好的 {planted} 谢谢");
            messages.push(message(second, is_mine, &sentence));
            let (start, end) = planted.split_at(planted.floor_char_boundary(planted.len() / 2));
            let mut parts = message(second + 1, is_mine, "");
            parts["text_entities"] = json!([
                {"type": "plain", "text": "it is "}, {"type": "plain", "text": start},
                {"type": "bold", "text": end}, {"type": "plain", "text": " as you know"},
            ]);
            messages.push(parts);
            let mut odd = message(second + 2, is_mine, "as said");
            odd["reply_to_message_id"] = json!(second);
            odd["forwarded_from"] = json!(planted);
            odd["file"] = json!(format!("files/{planted}.pdf"));
            odd["file_name"] = json!(format!("{planted}.pdf"));
            messages.push(odd);
        }
    }
    let named = |id: usize, name: &str, chat_type: &str, messages: Vec<Value>| json!({"name": name, "type": chat_type, "id": id, "messages": messages});
    let names = PLANTED.iter().enumerate();
    let others = names.map(|(number, planted)| {
        let messages = vec![
            message(0, true, &format!("hello {number}")),
            message(1, false, "hello yourself"),
        ];
        named(100 + number, planted, "personal_chat", messages)
    });
    let mut chats: Vec<_> = others.collect();
    chats.push(named(2, "Mira", "personal_chat", messages.clone()));
    chats.push(named(3, "Bluebird", "private_supergroup", messages));
    json!({
        "personal_information": {"user_id": 1, "first_name": "Ren", "phone_number": "+49 170 0000000"},
        "chats": {"list": chats},
    })
}

#[test]
fn nothing_that_was_replaced_is_left_in_any_output_or_on_the_terminal() {
    let project = Project::new();
    fs::write(project.path("export.json"), export().to_string()).unwrap();
    let output = project.run(&[
        "prepare",
        "export.json",
        "--tokenizer=o200k_base",
        "--run-id=r",
        "--redact=phone,email,link,card,username,iban,secret,number,name",
        "--redact-words=Ренат",
        "--chat-type=personal_chat",
        "--chat-type=private_supergroup",
        "--min-tokens-per-block=1",
        "--speaker-names",
        "--reply-context",
        "--media-placeholders",
        "--topics",
        "--validation-fraction=0.2",
        "--output-format=sharegpt",
        "--output-format=bedrock",
        "--target-name=Ren Hwa",
        "--exclude-words=Bluebird99",
    ]);
    assert_eq!(output.status, 0, "{}", output.stderr);
    let place = project.path("data/processed/r");
    let names = names_in(&place);
    assert!(
        names.len() >= 8 && !names.contains(&"raw.json".to_owned()),
        "{names:?}"
    );
    let mut written: Vec<_> = names
        .into_iter()
        .map(|name| (fs::read_to_string(place.join(&name)).unwrap(), name))
        .collect();
    written.push((output.stdout, "stdout".to_owned()));
    written.push((output.stderr, "stderr".to_owned()));
    for (text, name) in &written {
        for planted in PLANTED.iter().chain(&["Bluebird99", "Ren Hwa"]) {
            assert!(!text.contains(planted), "{planted} is in {name}");
        }
    }
    let stats: Value =
        serde_json::from_slice(&fs::read(place.join("stats.json")).unwrap()).unwrap();
    for kind in [
        "phone", "email", "link", "card", "username", "iban", "secret", "number", "name",
    ] {
        assert!(
            stats["redacted"][kind].as_u64().unwrap() >= 8,
            "{kind}: {}",
            stats["redacted"]
        );
    }
}
