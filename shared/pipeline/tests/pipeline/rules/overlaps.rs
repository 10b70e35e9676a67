//! Exports that overlap: each message once, and a conversation that goes on is one.

use super::*;

/// The account's export, as it was after so many messages of its chat.
fn export_after(messages: &[Value], of: usize) -> String {
    full(vec![chat("Ann", messages[..of].to_vec())])
}

fn joined(inputs: &[String], settings: &Settings) -> Done {
    let sources = inputs.iter().map(|input| source(input.as_str()));
    run_with(&Words, sources.collect(), settings, 2).unwrap()
}

fn repeated(done: &Done) -> (u64, u64) {
    let funnel = &done.statistics.funnel;
    assert!(funnel.balances());
    (
        funnel.chats.dropped.get(ChatDrop::RepeatedChat),
        funnel.messages.dropped.get(MessageDrop::RepeatedMessage),
    )
}

#[test]
fn two_exports_of_one_account_are_like_the_later_one() {
    let messages = dialogue();
    let later = export_after(&messages, 5);
    let alone = run(later.clone(), &settings()).unwrap();
    for earlier in 1..=5 {
        let done = joined(
            &[export_after(&messages, earlier), later.clone()],
            &settings(),
        );
        assert_eq!(done.train, alone.train);
        assert_eq!(done.processed, alone.processed);
        assert_eq!(repeated(&done), (1, earlier as u64));
        assert_eq!(done.statistics.funnel.messages.in_blocks, 5);
    }
}

#[test]
fn a_conversation_that_one_export_begins_and_the_next_continues_is_one() {
    let mut messages = dialogue();
    let rest = messages.split_off(3);
    let inputs = [messages, rest].map(|part| chat("Ann", part).to_string());
    let done = joined(&inputs, &settings());
    assert_eq!(done.blocks(), [MERGED]);
    assert_eq!(repeated(&done), (1, 0));
}

#[test]
fn the_first_copy_counts_even_if_it_was_dropped_or_edited_later() {
    let earlier = vec![message(0, "Ann", "hi"), message(10, "Me", "")];
    let later = vec![
        message(0, "Ann", "hi, edited"),
        message(10, "Me", "not empty any more"),
        message(20, "Me", "new"),
    ];
    let done = joined(
        &[
            full(vec![chat("Ann", earlier)]),
            full(vec![chat("Ann", later)]),
        ],
        &settings(),
    );
    assert_eq!(done.blocks(), [["user: >>> hi", "assistant: >>> new"]]);
    assert_eq!(repeated(&done), (1, 2));
    let dropped = &done.statistics.funnel.messages.dropped;
    assert_eq!(dropped.get(MessageDrop::NoText), 1);
}

#[test]
fn a_repeat_that_was_dropped_anyway_counts_as_a_repeat() {
    let service =
        json!({"id": 5, "type": "service", "action": "phone_call", "date": "2024-01-01T00:00:05"});
    let messages = [dialogue(), vec![service]].concat();
    let export = full(vec![chat("Ann", messages)]);
    let done = joined(&[export.clone(), export], &settings());
    assert_eq!(repeated(&done), (1, 6));
    let dropped = &done.statistics.funnel.messages.dropped;
    assert_eq!(dropped.get(MessageDrop::Service), 1);
}

#[test]
fn where_the_owner_is_unknown_sender_and_time_have_to_agree_too() {
    // Another account's messages have the same numbers.
    let mine = chat("Ann", dialogue());
    let mut others = dialogue();
    for message in &mut others {
        message["text_entities"] = json!([{"type": "plain", "text": "somebody else's"}]);
        message["date_unixtime"] = json!("1704070000");
    }
    let done = joined(
        &[mine.to_string(), chat("Ann", others).to_string()],
        &settings(),
    );
    assert_eq!(repeated(&done), (1, 0));
    let done = joined(&[mine.to_string(), mine.to_string()], &settings());
    assert_eq!(repeated(&done), (1, 5));
    // A full export of the same account knows its owner, the chat alone shows it.
    let done = joined(&[mine.to_string(), full(vec![mine])], &settings());
    assert_eq!(repeated(&done), (1, 5));
}

#[test]
fn chats_of_different_accounts_stay_apart() {
    let mine = full(vec![chat("Ann", dialogue())]);
    let others = mine.replace(r#""user_id": 1"#, r#""user_id": 7"#);
    let done = joined(&[mine, others], &settings());
    assert_eq!(repeated(&done), (0, 0));
    assert_eq!(done.blocks(), [MERGED, MERGED]);
}

#[test]
fn supergroups_number_their_messages_for_all_accounts() {
    let group =
        json!({"name": "Club", "type": "private_supergroup", "id": 9, "messages": dialogue()});
    let mine = full(vec![group]);
    let others = mine
        .replace(r#""user_id": 1"#, r#""user_id": 7"#)
        .replace("nothing", "nothing, edited");
    let groups = Settings {
        chat_types: vec!["private_supergroup".to_owned()],
        ..settings()
    };
    let done = joined(&[mine, others], &groups);
    assert_eq!(repeated(&done), (1, 5));
    assert_eq!(done.blocks(), [MERGED]);
}

#[test]
fn ids_are_compared_as_newer_exporters_write_them() {
    let old = |shift: u64| {
        let mut messages = dialogue();
        for message in &mut messages {
            let id = if message["from"] == "Me" { 1 } else { 2 };
            message["from_id"] = json!(id + shift);
        }
        let mut chat = chat("Ann", messages);
        chat["id"] = json!(2 + shift);
        full(vec![chat])
    };
    let new = full(vec![chat("Ann", dialogue())]);
    let done = joined(&[old(1 << 32), old(0), new], &settings());
    assert_eq!(repeated(&done), (2, 10));
    assert_eq!(done.blocks(), [MERGED]);
}

#[test]
fn what_has_no_id_is_never_a_repeat() {
    let mut messages = dialogue();
    messages[0].as_object_mut().unwrap().remove("id");
    let export = full(vec![chat("Ann", messages)]);
    let done = joined(&[export.clone(), export], &settings());
    assert_eq!(repeated(&done), (1, 4));
    let mut without = chat("Ann", dialogue());
    without.as_object_mut().unwrap().remove("id");
    let export = full(vec![without]);
    let done = joined(&[export.clone(), export], &settings());
    assert_eq!(repeated(&done), (0, 0));
}

#[test]
fn a_chat_that_one_input_has_twice_is_no_overlap() {
    let part = chat("Ann", dialogue());
    let twice = full(vec![part.clone(), part]);
    let done = run(twice, &settings()).unwrap();
    assert_eq!(done.blocks(), [MERGED, MERGED]);
}

#[test]
fn the_target_is_found_and_chats_keep_their_order_whatever_waits() {
    let owner = Settings {
        target: None,
        ..settings()
    };
    let named = |name: &str, id: u64| {
        let mut chat = chat(name, dialogue());
        chat["id"] = json!(id);
        chat
    };
    let earlier = full(vec![named("Ann", 2), named("Bob", 3)]);
    let later = full(vec![named("Cid", 4), named("Bob", 3), named("Ann", 2)]);
    let done = joined(&[earlier, later], &owner);
    let names: Vec<_> = done.stats()["block_breakdown"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(names, ["Ann", "Bob", "Cid"]);
    assert_eq!(done.statistics.target.unwrap().target, "user1");
}

/// A full export whose owner stands after its chats, and a long chat after the first.
fn owner_last(owner: u64, first: &Value) -> String {
    let many: Vec<_> = (0..9000).map(|second| message(second, "Me", "x")).collect();
    let mut long = chat("Long", many);
    long["id"] = json!(owner + 100);
    json!({"chats": {"list": [first, long]}, "personal_information": {"user_id": owner}})
        .to_string()
}

#[test]
fn an_owner_who_is_named_late_counts_as_well() {
    let group = |text: &str| {
        let texts: Vec<_> = (1..4).map(|second| message(second, "Me", text)).collect();
        json!({"name": "Club", "type": "private_group", "id": 77, "messages": texts})
    };
    let groups = Settings {
        chat_types: vec!["private_group".to_owned()],
        ..settings()
    };
    let inputs = [
        owner_last(1, &group("of one")),
        owner_last(5, &group("of the other")),
    ];
    let done = joined(&inputs, &groups);
    assert_eq!(repeated(&done), (0, 0));
    assert_eq!(done.blocks().len(), 2);
}

#[test]
fn chats_of_unknown_owners_are_one_only_if_they_share_messages() {
    // With the same contact, who alone wrote in one of them.
    let only_contact = |text: &str| vec![message(5, "Ann", text)];
    let ours = chat("Ann", dialogue());
    let others = chat("Ann", only_contact("to somebody else"));
    let done = joined(&[ours.to_string(), others.to_string()], &settings());
    assert_eq!(repeated(&done), (0, 0));
    assert_eq!(done.blocks().len(), 2);
    let mut more = dialogue();
    more.push(message(50, "Ann", "and one more"));
    let later = chat(
        "Ann",
        more[..]
            .iter()
            .filter(|m| m["from"] == "Ann")
            .cloned()
            .collect(),
    );
    let done = joined(&[ours.to_string(), later.to_string()], &settings());
    assert_eq!(repeated(&done), (1, 3));
    assert_eq!(done.blocks().len(), 1);
}

#[test]
fn an_older_groups_history_is_each_accounts_own() {
    let group = |text: &str| {
        let mut message = message(1, "Me", text);
        message["id"] = json!(-999_999_990);
        message["date_unixtime"] = json!(text.len().to_string());
        full(vec![
            json!({"name": "Club", "type": "private_supergroup", "id": 7, "messages": [message]}),
        ])
    };
    let groups = Settings {
        chat_types: vec!["private_supergroup".to_owned()],
        ..settings()
    };
    let done = joined(&[group("one"), group("another"), group("one")], &groups);
    assert_eq!(repeated(&done), (2, 1));
}

#[test]
fn messages_of_one_second_come_in_the_order_of_their_ids_whichever_export_is_first() {
    let at = |id: i64| {
        let mut message = message(1, "Me", &format!("m{id}"));
        message["id"] = json!(id);
        message
    };
    let with_holes = full(vec![chat("Ann", vec![at(1), at(3)])]);
    let whole = full(vec![chat("Ann", vec![at(1), at(2), at(3)])]);
    let done = joined(&[with_holes, whole], &settings());
    assert_eq!(done.blocks(), [["assistant: >>> m1\n>>> m2\n>>> m3"]]);
}

#[test]
fn what_one_input_has_twice_stays_apart_whatever_the_others_have() {
    let part = chat("Ann", dialogue());
    let twice = full(vec![part.clone(), part]);
    let unrelated = full(vec![json!({"name": "Ben", "id": 9, "messages": []})]);
    let done = joined(&[twice, unrelated], &settings());
    assert_eq!(done.blocks(), [MERGED, MERGED]);
    assert_eq!(repeated(&done), (0, 0));
}
