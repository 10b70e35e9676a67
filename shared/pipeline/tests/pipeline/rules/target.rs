//! Whose style is learned.

use super::*;

fn infer(chats: Vec<Value>) -> Result<String, PipelineError> {
    let owner = Settings {
        target: None,
        ..settings()
    };
    match run(Value::from(chats).to_string(), &owner) {
        Ok(done) => Ok(done.statistics.target.unwrap().target),
        Err(failure) => Err(failure.error),
    }
}

fn explained(error: &PipelineError) -> String {
    error.explained(|setting| setting.key().to_owned())
}

fn said(from: &str, id: Value) -> Value {
    let mut message = message(0, from, "hello");
    message["from_id"] = id;
    message
}

fn chat_with(id: u64, messages: Vec<Value>) -> Value {
    json!({"name": format!("chat {id}"), "id": id, "messages": messages})
}

#[test]
fn the_one_who_is_no_contact_is_the_owner() {
    let chats = vec![
        chat_with(
            2,
            vec![said("Me", "user1".into()), said("Ann", "user2".into())],
        ),
        chat_with(3, vec![said("Bob", "user3".into())]),
    ];
    assert_eq!(infer(chats).unwrap(), "user1");
}

#[test]
fn older_numbers_are_compared_without_their_shift() {
    let shift = 1_u64 << 32;
    let chats = vec![chat_with(
        shift + 2,
        vec![said("Me", 1.into()), said("Ann", 2.into())],
    )];
    assert_eq!(infer(chats).unwrap(), "user1");
    let chats = vec![chat_with(
        shift + 2,
        vec![
            said("Me", (shift + 1).into()),
            said("Ann", (shift + 2).into()),
        ],
    )];
    assert_eq!(infer(chats).unwrap(), "user1");
}

#[test]
fn none_and_several_are_errors_that_list_the_senders() {
    let none = infer(vec![chat_with(2, vec![said("Ann", "user2".into())])]).unwrap_err();
    insta::assert_snapshot!(explained(&none), @"cannot tell whose style to learn: the export does not name its owner, and every sender is a contact; choose one of the senders with target_name");
    let several = infer(vec![chat_with(
        9,
        vec![said("Me", "user1".into()), said("Ann", "user2".into())],
    )]);
    let several = several.unwrap_err();
    insta::assert_snapshot!(several, @"cannot tell whose style to learn: the export does not name its owner, and several senders could be the owner");
    assert_eq!(
        several.private_details(),
        [
            "senders by kept messages:",
            "        1 message   Ann (user2)",
            "        1 message   Me (user1)",
        ]
    );
    assert!(!several.to_string().contains("Ann"), "names are private");
}

#[test]
fn a_target_without_a_message_is_an_error_that_lists_the_senders() {
    let nobody = Settings {
        target: Some(Target::parse("Nobody")),
        ..settings()
    };
    let failure = run(chat("Ann", dialogue()).to_string(), &nobody).unwrap_err();
    insta::assert_snapshot!(explained(&failure.error), @"none of the 5 kept messages is from the target; target_name must be a sender's full name, as in the messages' `from`, or an id such as user123456789");
    assert_eq!(
        failure.error.private_details()[2..],
        [
            "        3 messages  Ann (user2)",
            "        2 messages  Me (user1)"
        ]
    );
}

/// Full exports of these owners, each with a chat between Me and Ann.
fn exports_of(owners: [u64; 2]) -> Vec<Source> {
    let export = |owner: u64| {
        let chat = chat("Ann", dialogue());
        json!({"personal_information": {"user_id": owner}, "chats": {"list": [chat]}})
    };
    owners.map(|owner| source(export(owner).to_string())).into()
}

#[test]
fn exports_of_one_owner_have_that_target() {
    let owner = Settings {
        target: None,
        ..settings()
    };
    let done = run_with(&Words, exports_of([1, 1]), &owner, 1).unwrap();
    assert_eq!(done.blocks(), [MERGED]);
    let target = done.statistics.target.unwrap();
    assert_eq!(
        (&*target.target, target.reason),
        ("user1", "owner_of_the_export")
    );
}

#[test]
fn exports_of_different_owners_need_a_configured_target() {
    let owner = Settings {
        target: None,
        ..settings()
    };
    let failure = run_with(&Words, exports_of([1, 2]), &owner, 1).unwrap_err();
    insta::assert_snapshot!(explained(&failure.error), @"cannot tell whose style to learn: the exports have different owners; choose one of the senders with target_name");
    assert_eq!(
        failure.error.private_details()[1..],
        [
            "        6 messages  Ann (user2)",
            "        4 messages  Me (user1)"
        ]
    );
    let done = run_with(&Words, exports_of([1, 2]), &settings(), 1).unwrap();
    assert_eq!(done.blocks(), [MERGED, MERGED]);
    assert_eq!(done.statistics.target.unwrap().reason, "configured");
}

#[test]
fn chats_wait_in_their_order_until_the_owner_is_known() {
    let export = format!(
        r#"{{"chats": {{"list": [{}, {}]}}, "personal_information": {{"user_id": 1}}}}"#,
        chat("Ann", dialogue()),
        chat("Bob", dialogue())
    );
    let owner = Settings {
        target: None,
        ..settings()
    };
    let done = run(export, &owner).unwrap();
    let names: Vec<Value> = done
        .processed()
        .as_array()
        .unwrap()
        .iter()
        .map(|chat| chat["contact_name"].clone())
        .collect();
    assert_eq!(names, ["Ann", "Bob"]);
    assert_eq!(done.blocks(), [MERGED, MERGED]);
}

#[test]
fn chats_without_a_target_are_counted_as_such() {
    let owner = Settings {
        target: None,
        ..settings()
    };
    let chats = json!([chat_with(2, vec![said("Ann", "user2".into())])]);
    let failure = run(chats.to_string(), &owner).unwrap_err();
    let funnel = json!(failure.statistics.funnel);
    assert_eq!(funnel["chats"]["dropped"], json!({"no_target": 1}));
    assert_eq!(funnel["messages"]["dropped"], json!({"no_target": 1}));
    assert!(failure.statistics.funnel.balances());
}
