//! What a terminal shows, at the widths that terminals have.

use std::fs;
use std::os::unix::process::CommandExt as _;

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr as _;

use crate::support::{Project, SAMPLE, resonare};

/// A screenful.
const LINES: usize = 30;

/// What the command prints at a width, called by its name; every line fits.
fn printed(project: &Project, columns: usize, arguments: &[&str]) -> String {
    let output = resonare(project.folder())
        .arg0("resonare")
        .args(arguments)
        .env("COLUMNS", columns.to_string())
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    for line in text.lines() {
        assert!(line.width() <= columns, "{} columns: {line}", line.width());
    }
    text
}

fn sample() -> Project {
    let project = Project::new();
    fs::copy(SAMPLE, project.path("result.json")).unwrap();
    project
}

const PREPARE: [&str; 4] = [
    "prepare",
    "result.json",
    "--tokenizer=o200k_base",
    "--run-id=r",
];

fn prepared(columns: usize, more: &[&str]) -> String {
    printed(&sample(), columns, &[&PREPARE, more].concat())
}

#[test]
fn a_summary_is_one_screenful() {
    let summary = prepared(80, &["--example"]);
    assert!(summary.lines().count() <= LINES, "{summary}");
    insta::assert_snapshot!(summary, @r"
    3 blocks from 2 chats, 1,089 tokens in all
    target     Mira Solano (user501), the owner of the export: 46 of 91 turns
               (51 %), 517 of 980 tokens of the messages (53 %)
    tokens     322 to 334 in a block, 327 on average, held against the limits of 300
               to 800 (the messages' own texts)
               356 to 368 in a block, 363 on average, as written to the files
    tokenizer  o200k_base (tiktoken)
    dropped    15 of 117 messages: 5 block too short, 4 chat type, 2 service,
               1 unsupported, 3 for other reasons
               6 of 8 chats: 2 chat type, 1 left chat, 1 missing name or messages,
               1 without name, 1 no blocks
    advice     --chat-type personal_chat,private_group would read 1 more chat (3
               messages)
    warning    there is little to learn from 3 blocks (at least 50 are a good
               start); lower --min-tokens-per-block or raise
               --convo-block-threshold-secs, or export more chats
    example    user       >>> are you up for the lake on saturday? >>> forecast say…
               assistant  >>> oh yes please >>> I have been inside all week, my pla…
               user       >>> haha same >>> so the plan: train at 9:12, swim, sandw…
               assistant  >>> 9:12 is brutal but ok >>> what sandwiches are we talk…
               and 22 more turns
    outputs    data/processed/r/: train.jsonl, processed.json, stats.json,
               report.html
    next       1 of 3 blocks begins with the assistant or ends with the user, which
               many trainers refuse; name yours to leave such turns out (trl,
               unsloth, axolotl, llama-factory, together, bedrock-nova,
               bedrock-llama, openai), for example:
                 resonare prepare result.json --tokenizer=o200k_base --run-id=r \
                   --example --for trl
    ");
}

/// Text with a fixed id in place of the last UUID.
fn without_uuid(text: &str) -> String {
    let start = text.rfind("data/processed/").unwrap() + "data/processed/".len();
    let uuid = text.get(start..start + 36).unwrap();
    text.replace(uuid, "0")
}

#[test]
fn the_readme_shows_what_the_first_command_prints() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
    let start = readme.find("\n3 blocks from").unwrap() + 1;
    let end = start + readme[start..].find("```").unwrap();
    let project = Project::new();
    fs::create_dir(project.path("sample")).unwrap();
    fs::copy(SAMPLE, project.path("sample/result.json")).unwrap();
    let output = resonare(project.folder())
        .arg0("target/release/resonare")
        .args(["prepare", "sample/result.json", "--tokenizer=o200k_base"])
        // As on a terminal.
        .arg("--example")
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let printed = printed.replace(" --example", "");
    assert_eq!(without_uuid(&printed), without_uuid(&readme[start..end]));
}

#[test]
fn a_wide_terminal_has_fewer_lines() {
    insta::assert_snapshot!(prepared(120, &["--example"]), @r"
    3 blocks from 2 chats, 1,089 tokens in all
    target     Mira Solano (user501), the owner of the export: 46 of 91 turns (51 %), 517 of 980 tokens
               of the messages (53 %)
    tokens     322 to 334 in a block, 327 on average, held against the limits of 300 to 800 (the
               messages' own texts)
               356 to 368 in a block, 363 on average, as written to the files
    tokenizer  o200k_base (tiktoken)
    dropped    15 of 117 messages: 5 block too short, 4 chat type, 2 service, 1 unsupported,
               3 for other reasons
               6 of 8 chats: 2 chat type, 1 left chat, 1 missing name or messages, 1 without name,
               1 no blocks
    advice     --chat-type personal_chat,private_group would read 1 more chat (3 messages)
    warning    there is little to learn from 3 blocks (at least 50 are a good start); lower
               --min-tokens-per-block or raise --convo-block-threshold-secs, or export more chats
    example    user       >>> are you up for the lake on saturday? >>> forecast says 24 degrees and no…
               assistant  >>> oh yes please >>> I have been inside all week, my plants have a better ta…
               user       >>> haha same >>> so the plan: train at 9:12, swim, sandwiches, home before t…
               assistant  >>> 9:12 is brutal but ok >>> what sandwiches are we talking about, I need to…
               and 22 more turns
    outputs    data/processed/r/: train.jsonl, processed.json, stats.json, report.html
    next       1 of 3 blocks begins with the assistant or ends with the user, which many trainers
               refuse; name yours to leave such turns out (trl, unsloth, axolotl, llama-factory,
               together, bedrock-nova, bedrock-llama, openai), for example:
                 resonare prepare result.json --tokenizer=o200k_base --run-id=r --example --for trl
    ");
}

#[test]
fn a_summary_for_a_trainer_ends_with_its_command() {
    let summary = prepared(80, &["--for=bedrock-nova", "--example"]);
    assert!(summary.lines().count() <= LINES, "{summary}");
    insta::assert_snapshot!(summary, @r"
    3 blocks from 2 chats, 1,081 tokens in all
    target     Mira Solano (user501), the owner of the export: 45 of 90 turns
               (50 %), 510 of 973 tokens of the messages (52 %)
    tokens     356 to 365 in a block, 360 on average, as written to the files, and
               held against the limits of 300 to 800
    tokenizer  o200k_base (tiktoken)
    for        Bedrock (Nova), which sets --role-order user_first, --output-format
               bedrock, --token-budget rendered, --loss assistant
    model      the files name amazon.nova-micro-v1:0:128k; --model-id names another
    dropped    16 of 117 messages: 5 block too short, 4 chat type, 2 service,
               1 unsupported, 4 for other reasons
               6 of 8 chats: 2 chat type, 1 left chat, 1 missing name or messages,
               1 without name, 1 no blocks
    advice     --chat-type personal_chat,private_group would read 1 more chat (3
               messages)
    warning    Bedrock (Nova) takes no fewer than 8 blocks (too-few-rows), and there
               are 3; lower --min-tokens-per-block or raise
               --convo-block-threshold-secs, or export more chats
    example    user       >>> are you up for the lake on saturday? >>> forecast say…
               assistant  >>> oh yes please >>> I have been inside all week, my pla…
               user       >>> haha same >>> so the plan: train at 9:12, swim, sandw…
               assistant  >>> 9:12 is brutal but ok >>> what sandwiches are we talk…
               and 22 more turns
    outputs    data/processed/r/: train.jsonl, processed.json, train.bedrock.jsonl,
               stats.json, report.html, bedrock-job.json, README.md
    next       Bedrock (Nova) refuses the files as they are (too-few-rows): lower
               --min-tokens-per-block or raise --convo-block-threshold-secs, or
               export more chats, and prepare them again
    ");
}

#[test]
fn what_a_trainer_is_given_is_not_contradicted() {
    let summary = prepared(80, &["--for=trl", "--example"]);
    assert!(summary.lines().count() <= LINES, "{summary}");
    assert!(summary.contains("TRL will learn the other side's turns too"));
    assert!(!summary.contains("loss assistant"), "{summary}");
}

#[test]
fn everything_is_told_where_it_is_asked_for() {
    insta::assert_snapshot!(prepared(80, &["--verbose", "--min-tokens-per-block=325"]), @r"
    1 block from 1 chat, 368 tokens in all
    target     Mira Solano (user501), the owner of the export: 18 of 35 turns
               (51 %), 193 of 334 tokens of the messages (58 %)
    tokens     334 in every block, held against the limits of 325 to 800 (the
               messages' own texts)
               368 in every block, as written to the files
    tokenizer  o200k_base (tiktoken)

    in a block                      least  average  most
    tokens held against the limits    334    334.0   334
    tokens as written                 368    368.0   368
    minutes                          38.0     38.0  38.0

    chats with the most blocks  blocks
    Jonas                            1

    chats without a block  messages
    Jonas                        31
    Priya                         3

    where they went                    chats  messages
    read                                   8       117
    in the output                          1        36
    dropped: left_chat                     1
    dropped: missing_name_or_messages      1         1
    dropped: without_name                  1         1
    dropped: chat_type                     2         4
    dropped: no_blocks                     2
    dropped: service                                 2
    dropped: unsupported                             1
    dropped: no_text                                 1
    dropped: block_too_short                        71

    advice     --min-tokens-per-block 162 instead of 325 would keep 2 more blocks
               (66 messages)
    advice     --chat-type personal_chat,private_group would read 1 more chat (3
               messages)
    warning    there is little to learn from 1 block (at least 50 are a good start);
               lower --min-tokens-per-block or raise --convo-block-threshold-secs,
               or export more chats
    outputs    data/processed/r/: train.jsonl, processed.json, stats.json,
               report.html
    next       1 of 1 block begins with the assistant or ends with the user, which
               many trainers refuse; name yours to leave such turns out (trl,
               unsloth, axolotl, llama-factory, together, bedrock-nova,
               bedrock-llama, openai), for example:
                 resonare prepare result.json --tokenizer=o200k_base --run-id=r \
                   --verbose --min-tokens-per-block=325 --for trl
    ");
}

#[test]
fn no_chat_is_shown_where_nobody_watches() {
    let summary = prepared(80, &[]);
    assert!(!summary.contains("\nexample "), "{summary}");
    assert!(!summary.contains("lake"), "{summary}");
}

#[test]
fn an_example_has_no_personal_data_where_that_is_replaced() {
    let project = Project::new();
    let message = |second: u64, from: &str, id: &str| {
        let text = "call me on +49 170 1234567, Ren";
        json!({"type": "message", "date": format!("2024-01-01T00:00:0{second}"), "from": from,
            "from_id": id, "text": text})
    };
    let messages = json!([message(1, "Ann", "user2"), message(2, "Ren", "user1")]);
    let export = json!({"name": "Ann", "type": "personal_chat", "id": 2, "messages": messages});
    fs::write(project.path("result.json"), export.to_string()).unwrap();
    let more = [
        "--redact=all",
        "--min-tokens-per-block=1",
        "--example",
        "--target-name=user1",
    ];
    let summary = printed(&project, 80, &[&PREPARE[..], &more].concat());
    assert!(
        summary.contains("example    user       >>> call me on [PHONE], [NAME]"),
        "{summary}"
    );
    assert!(!summary.contains("1234567"), "{summary}");
}

#[test]
fn a_quiet_run_says_where_its_outputs_are() {
    let output = sample().run(&[&PREPARE[..], &["--quiet"]].concat());
    assert_eq!(
        output.stdout,
        "./data/processed/r/train.jsonl\n./data/processed/r/processed.json\n./data/processed/r/stats.json\n\
         ./data/processed/r/report.html\n"
    );
    assert!(
        output
            .stderr
            .starts_with("warning: there is little to learn from 3 blocks")
    );
}

#[test]
fn json_is_printed_for_every_ending() {
    let project = sample();
    for (more, status) in [
        (&["--json"][..], 0),
        (&["--json", "--target-name=Nobody"], 1),
        (&["--json", "--min-tokens-per-block=x"], 2),
        (&["--json", "missing.json"], 1),
        (&["--json", "--no-such-option"], 2),
        (&["--threads=x", "--json"], 2),
    ] {
        let output = project.run(&[&PREPARE[..], more].concat());
        assert_eq!(output.status, status, "{}", output.stderr);
        let value: Value = serde_json::from_str(&output.stdout).unwrap();
        assert_eq!(value["error"].is_string(), status != 0, "{value}");
    }
    let output = project.run(&["inspect", "missing.json", "--json"]);
    let value: Value = serde_json::from_str(&output.stdout).unwrap();
    assert!(value["error"].as_str().unwrap().contains("missing.json"));
}

#[test]
fn a_command_line_that_cannot_be_read_is_told_as_json_where_that_is_asked() {
    let project = sample();
    let output = project.run(&["prepare", "--json", "--min-token-per-block=5"]);
    assert_eq!(output.status, 2);
    let value: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(
        value["error"],
        "unexpected argument '--min-token-per-block' found"
    );
    assert!(
        value["details"][0]
            .as_str()
            .unwrap()
            .contains("'--min-tokens-per-block'")
    );
    assert!(output.stderr.starts_with("error: unexpected argument"));
    // Behind `--` it is a path, and help is no error.
    let path = project.run(&["prepare", "--no-such-option", "--", "--json"]);
    assert_eq!((path.status, &*path.stdout), (2, ""));
    let help = project.run(&["prepare", "--json", "--help"]);
    assert_eq!(help.status, 0);
    assert!(help.stdout.contains("Usage: "), "{}", help.stdout);
}

#[test]
fn what_a_consumer_refuses_is_mended_before_anything_is_uploaded() {
    let project = sample();
    let output = project.run(&[&PREPARE[..], &["--for=openai", "--json"]].concat());
    let value: Value = serde_json::from_str(&output.stdout).unwrap();
    let next = "OpenAI refuses the files as they are (too-few-rows): lower --min-tokens-per-block or raise \
                --convo-block-threshold-secs, or export more chats, and prepare them again";
    assert_eq!(value["next"], next);
    let few = [
        "--for=openai",
        "--min-tokens-per-block=20",
        "--max-tokens-per-block=100",
        "--json",
    ];
    let output = project.run(&[&PREPARE[..], &few].concat());
    let value: Value = serde_json::from_str(&output.stdout).unwrap();
    assert!(value["stats"]["num_blocks"].as_u64() >= Some(10));
    assert!(
        value["next"]
            .as_str()
            .unwrap()
            .starts_with("upload train.jsonl")
    );
}

#[test]
fn the_model_that_the_files_name_is_told_where_nobody_chose_it() {
    let model = |more: &[&str]| {
        let summary = prepared(80, more);
        let lines = summary
            .lines()
            .skip_while(|line| !line.starts_with("model "));
        let rest = |line: &&str| line.starts_with([' ', 'm']);
        let lines: Vec<_> = lines.take_while(rest).collect();
        lines.join("\n")
    };
    insta::assert_snapshot!(model(&["--for=axolotl"]), @r"
    model      the files name meta-llama/Llama-3.2-1B, the default, which is gated;
               --model-id names another
    ");
    assert_eq!(
        model(&["--for=axolotl", "--model-id=meta-llama/Llama-3.2-1B"]),
        ""
    );
    assert_eq!(model(&["--for=openai"]), "");
    assert_eq!(model(&[]), "");
}

#[test]
fn exports_that_overlap_are_inspected_with_each_message_once() {
    let project = sample();
    fs::copy(SAMPLE, project.path("again.json")).unwrap();
    let heading = |arguments: &[&str]| {
        let text = printed(&project, 80, arguments);
        text.split("\n\n").next().unwrap().to_owned()
    };
    insta::assert_snapshot!(heading(&["inspect", "result.json", "again.json"]), @r"
    9 chats, 5 of them with usable messages
    prepare reads 3 of these (personal_chat), with 107 usable messages; --chat-type
    selects others
    the exports overlap: 7 chats are in an earlier one, too; the 115 messages that
    are repeated count once
    ");
}

#[test]
fn where_no_chat_is_read_the_next_command_selects_some() {
    let project = Project::new();
    fs::write(project.path("result.json"), strange_names().to_string()).unwrap();
    let text = printed(&project, 80, &["inspect", "result.json"]);
    let next = "resonare prepare result.json --chat-type private_supergroup";
    assert!(text.contains(next), "{text}");
    assert!(text.contains("prepare reads none of these: "), "{text}");
}

#[test]
fn chats_that_can_be_used_are_listed_and_the_rest_summed_up() {
    let project = sample();
    insta::assert_snapshot!(printed(&project, 80, &["inspect", "result.json"]), @r"
    8 chats, 5 of them with usable messages
    prepare reads 3 of these (personal_chat), with 107 usable messages; --chat-type
    selects others

    chat          type            id  usable  messages  first    last
    Jonas         personal_chat  702      73        76  2024-05  2024-06
    Jonas         personal_chat  703      31        32  2024-06  2024-06
    Priya         personal_chat  704       3         3  2024-05  2024-05
    Lake crew     private_group  880       3         3  2024-05  2024-05
    Bookshop Bot  bot_chat       706       1         1  2024-05  2024-05
    3 other chats can't be used: 1 left chat, 1 missing name or messages,
    1 without name; --all lists them

    sender                  messages read  in other chats
    Mira Solano (user501)              55               1
    Jonas Weber (user702)              35               1
    Jonas Okafor (user703)             15               0
    Priya (user704)                     2               1
    Bookshop Bot (user706)              0               1

    pauses up to            1 min  5 min  15 min  1 h  4 h  12 h  1 d  7 d  more
    in chats that are read     42     60       0    0    0     0    0    1     1
    in all chats               43     61       0    0    0     0    0    1     1

    pause that ends a conversation  conversations  blocks (estimated)
    15 min                                      5                   3
    1 h                                         5                   3
    4 h                                         5                   3
    12 h                                        5                   3
    1 d                                         5                   3

    warning    there is little to learn from 3 blocks (at least 50 are a good
               start); lower --min-tokens-per-block or raise
               --convo-block-threshold-secs, or export more chats
    owner      Mira Solano (user501), whose style is learned unless you choose a
               sender
    next       resonare prepare result.json
    ");
    let all = printed(&project, 120, &["inspect", "result.json", "--all"]);
    assert!(all.contains("missing_name_or_messages"), "{all}");
}

/// Names from many scripts, long ones, and some that would turn a line around.
fn strange_names() -> Value {
    let names = [
        "נועה לוי",
        "\u{202e}gnol si siht\u{2066}",
        "👩‍💻👩‍💻👩‍💻 the team that never sleeps and has a very long name that nobody reads",
        "田中さくら田中さくら田中さくら田中さくら田中さくら田中さくら",
        "line\nbreak \u{1b}[31mred",
    ];
    let chats = names.iter().enumerate().map(|(number, name)| {
        let id = 9_999_999_000 + number;
        let messages: Vec<_> = (0..3)
            .map(|second| {
                json!({"type": "message", "date": format!("2024-01-01T00:00:0{second}"), "from": name,
                    "from_id": format!("user{id}"), "text": "hello"})
            })
            .collect();
        json!({"name": name, "type": "private_supergroup", "id": id, "messages": messages})
    });
    json!(chats.collect::<Vec<_>>())
}

#[test]
fn names_of_strangers_stay_in_their_cells() {
    let project = Project::new();
    fs::write(project.path("result.json"), strange_names().to_string()).unwrap();
    for columns in [64, 80, 120] {
        let arguments = ["inspect", "result.json", "--all"];
        let text = printed(&project, columns, &arguments);
        assert!(
            text.contains("\u{2068}נועה לוי\u{2069} (user9999999000)"),
            "{text}"
        );
        if columns < 120 {
            // The id is what chooses somebody.
            assert!(text.contains("… (user9999999003)"), "{text}");
        }
        assert!(!text.contains(['\u{202e}', '\u{2066}', '\u{1b}']), "{text}");
        assert!(text.contains('…'), "{text}");
    }
}

#[test]
fn an_empty_file_is_found_empty_without_a_network() {
    let project = Project::new();
    fs::write(project.path("result.json"), "").unwrap();
    let output = resonare(project.folder())
        .args(["prepare", "result.json"])
        .env("HF_ENDPOINT", "http://127.0.0.1:9")
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors.starts_with("error: result.json is empty"),
        "{errors}"
    );
}

#[test]
fn values_that_are_not_allowed_are_named_with_what_is() {
    let project = sample();
    let error = |more: &[&str]| {
        let output = project.run(&[&PREPARE[..], more].concat());
        assert_eq!(output.status, 2, "{}", output.stderr);
        output.stderr
    };
    let negative = error(&["--min-tokens-per-block", "-5"]);
    assert!(
        negative.contains("--min-tokens-per-block: \"-5\""),
        "{negative}"
    );
    let unknown = error(&["--for=tlr"]);
    assert!(unknown.starts_with("error: --for: \"tlr\""), "{unknown}");
    assert!(
        unknown.ends_with("openai; leave it out for none\n"),
        "{unknown}"
    );
    let project = sample();
    fs::write(project.path("own.yaml"), "min_tokens_per_block: few\n").unwrap();
    let output = project.run(&[&PREPARE[..], &["--config=own.yaml"]].concat());
    assert!(
        output.stderr.starts_with("error: min_tokens_per_block: "),
        "{}",
        output.stderr
    );
}

#[test]
fn saved_messages_cannot_be_learned_from() {
    let output = sample().run(&[&PREPARE[..], &["--chat-type=saved_messages"]].concat());
    assert_eq!(output.status, 1);
    assert!(
        output
            .stderr
            .contains("saved_messages can't be used, since"),
        "{}",
        output.stderr
    );
}
