//! A synthetic export in the shapes that Telegram Desktop writes, of any size.
//!
//! Words are drawn as often as words are used (by Zipf's law) from small lists of several languages,
//! with rare ones made of parts of them, in bursts of messages with long gaps between them.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// The commonest words of a language first.
const LANGUAGES: [(&str, u32, &str); 8] = [
    (
        "en",
        60,
        "the i you to a and it is that of in me what this no for my on have your do we not are with be so was but all know just can like well he get there if go up out they yes one she here about think how him her come good got see now want right will time oh let say did back man were take or really something tell look why had make too who going when been need way yeah okay okay maybe tomorrow weekend dinner train photo meeting coffee actually remember everyone absolutely ridiculous",
    ),
    (
        "ru",
        12,
        "я не что и в ты это на с как он мне мы все а но у меня да так его ну же вот нет только еще уже очень когда если было завтра сегодня хорошо спасибо привет ладно понял работа домой вечером посмотри давай наверное интересно",
    ),
    (
        "es",
        8,
        "que de no a la el y es en lo un por qué me una te los se con para mi está si bien pero yo eso las sí su tu aquí del al como le más esto ya todo esta vamos muy hay ahora algo estoy tengo nos tú nada cuando gracias mañana después",
    ),
    (
        "id",
        6,
        "aku yang kau itu ini tidak di dan akan apa dia untuk kita dengan ya ada dari saya kamu tak mereka bisa orang kami seperti tahu baik jadi hanya sudah lagi harus bagaimana sekarang terima kasih besok makan pulang",
    ),
    (
        "zh",
        6,
        "我 你 的 是 了 不 在 他 们 这 有 好 来 我们 什么 就 人 都 说 会 吗 要 知道 没有 现在 明天 今天 吃饭 谢谢 可以 真的 为什么 觉得 喜欢",
    ),
    (
        "de",
        4,
        "ich sie das ist du nicht die und es der wir was zu er ein in ja mir mit wie den auf mich dass so hier eine wenn hat all sind von dich war haben für an habe da nein bin noch dir uns sich nur einen kann dem auch morgen vielleicht",
    ),
    (
        "ar",
        2,
        "لا من أن هذا في ما على هل أنا أنت إلى كان لم مع كل يا هو نحن شكرا غدا الآن جيد كيف",
    ),
    (
        "hi",
        2,
        "है के में की और का नहीं हम से को तो यह मैं क्या भी हो कर था कल आज अच्छा ठीक धन्यवाद",
    ),
];

const EMOJI: [&str; 10] = ["😂", "🤣", "❤️", "👍🏽", "😭", "🙏", "🔥", "👨‍👩‍👧", "🥺", "🎉"];
const NAMES: [&str; 8] = [
    "Alice",
    "Bob",
    "Mei Ling",
    "Иван",
    "José",
    "Zoë",
    "أمل",
    "राज",
];
const NOT_INCLUDED: &str = "(File not included. Change data exporting settings to download.)";

/// The generator `SplitMix64`, so that the bytes depend on nothing but the seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// In [0, 1).
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    fn choose<'a>(&mut self, items: &[&'a str]) -> &'a str {
        let index = self.below(items.len() as u64);
        items[usize::try_from(index).expect("an index")]
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive and bounded"
    )]
    fn log_normal(&mut self, mean: f64, deviation: f64) -> u64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * self.unit()).cos();
        (mean + deviation * normal).exp().clamp(0.0, 1e15) as u64
    }
}

struct Language {
    separator: &'static str,
    words: Vec<&'static str>,
    /// Sums of 1/rank.
    cumulative: Vec<f64>,
}

impl Language {
    fn new(name: &str, words: &'static str) -> Self {
        let words: Vec<_> = words.split(' ').collect();
        let weights = (1..=words.len()).map(|rank| 1.0 / rank as f64);
        let cumulative = weights
            .scan(0.0, |sum, weight| {
                *sum += weight;
                Some(*sum)
            })
            .collect();
        Self {
            separator: if name == "zh" { "" } else { " " },
            words,
            cumulative,
        }
    }

    fn word(&self, random: &mut Random) -> &'static str {
        let at = random.unit() * self.cumulative[self.cumulative.len() - 1];
        let word = self.cumulative.partition_point(|sum| *sum <= at);
        self.words[word.min(self.words.len() - 1)]
    }

    /// Texts have a long tail of words that are met once; their beginnings and ends are common.
    fn push_rare_word(&self, random: &mut Random, sentence: &mut String) {
        for _ in 0..2 + random.below(2) {
            let length = 2 + random.below(3);
            sentence.extend(
                self.word(random)
                    .chars()
                    .take(usize::try_from(length).unwrap_or(4)),
            );
        }
    }

    fn sentence(&self, random: &mut Random) -> String {
        let count = random.log_normal(1.6, 0.8).clamp(1, 60);
        let mut sentence = String::new();
        for index in 0..count {
            if index > 0 {
                sentence.push_str(self.separator);
            }
            if random.chance(0.1) {
                self.push_rare_word(random, &mut sentence);
            } else {
                sentence.push_str(self.word(random));
            }
        }
        if random.chance(0.2) {
            sentence.push_str(random.choose(&["?", "!", "...", ".", "!!!", " haha", " lol", "??"]));
        }
        if random.chance(0.12) {
            sentence.push(' ');
            sentence.push_str(random.choose(&EMOJI));
        }
        if random.chance(0.04) {
            let number = random.next() % 1_000_000;
            sentence.push(' ');
            sentence.push_str(&number.to_string());
        }
        if random.chance(0.05) {
            sentence.push_str("\\n");
            sentence.push_str(self.words[0]);
        }
        sentence
    }
}

/// Writes an export of about `mb` MB into a file, unless the file is there. Half of one is never taken for one.
///
/// # Errors
/// If it can't be written.
pub(crate) fn write_once(export: &Path, mb: f64) -> anyhow::Result<()> {
    if !export.exists() {
        let partial = export.with_extension(format!("{}.part", std::process::id()));
        let file = BufWriter::with_capacity(1 << 20, File::create(&partial)?);
        write(mb, 1, file)?;
        std::fs::rename(partial, export)?;
    }
    Ok(())
}

/// Writes an export of about `mb` MB.
///
/// # Errors
/// Those of the writer.
pub(crate) fn write(mb: f64, seed: u64, mut out: impl Write) -> anyhow::Result<()> {
    let mut random = Random(seed);
    let languages = LANGUAGES.map(|(name, _, words)| Language::new(name, words));
    out.write_all(b"{\n \"about\": \"Here is the data you requested.\",\n \"personal_information\": {\n  \"user_id\": 1000,\n  \"first_name\": \"Ren\"\n },\n \"chats\": {\n  \"about\": \"This page lists all chats from this export.\",\n  \"list\": [")?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a size"
    )]
    let mut left = (mb * 1e6) as u64;
    let mut number = 0;
    while left > 0 {
        number += 1;
        let size = random.log_normal(12.5, 1.8).max(2000).min(left);
        left -= size;
        let chat = chat(&mut random, &languages, number, size);
        out.write_all(if number == 1 { b"\n" } else { b",\n" })?;
        out.write_all(chat.as_bytes())?;
    }
    out.write_all(b"\n  ]\n }\n}\n")?;
    out.flush()?;
    Ok(())
}

fn language<'l>(random: &mut Random, languages: &'l [Language]) -> &'l Language {
    let total: u32 = LANGUAGES.iter().map(|(_, weight, _)| weight).sum();
    let mut at = random.below(total.into());
    for ((_, weight, _), language) in LANGUAGES.iter().zip(languages) {
        match at.checked_sub((*weight).into()) {
            Some(rest) => at = rest,
            None => return language,
        }
    }
    unreachable!("the weights add up to the total")
}

fn chat(random: &mut Random, languages: &[Language], number: u64, size: u64) -> String {
    let language = language(random, languages);
    let kind = match random.below(20) {
        0 | 1 => "private_group",
        2 => "private_supergroup",
        3 => "public_channel",
        _ => "personal_chat",
    };
    let name = random.choose(&NAMES);
    let id = 2000 + number;
    let mut people = vec![
        ("Ren Hwa".to_owned(), 1000),
        (format!("{name} {number}"), id),
    ];
    if kind != "personal_chat" {
        people.extend((9000..9004).map(|id| (format!("Member {id}"), id)));
    }
    let mut chat = format!(
        "   {{\n    \"name\": \"{name} {number}\",\n    \"type\": \"{kind}\",\n    \"id\": {id},\n    \"messages\": ["
    );
    let mut second = 1_546_300_800 + random.below(100_000_000);
    let mut message_id = 1;
    while (chat.len() as u64) < size {
        second += random.log_normal(10.0, 1.5);
        for _ in 0..=random.below(80) {
            second += random.log_normal(3.0, 1.3);
            let sender = usize::try_from(random.below(people.len() as u64)).expect("an index");
            let (from, from_id) = &people[sender];
            chat.push_str(if message_id == 1 { "\n" } else { ",\n" });
            chat.push_str(&message(
                random, language, message_id, second, from, *from_id,
            ));
            message_id += 1;
        }
    }
    chat.push_str("\n    ]\n   }");
    chat
}

fn message(
    random: &mut Random,
    language: &Language,
    id: u64,
    second: u64,
    from: &str,
    from_id: u64,
) -> String {
    let date = date(second);
    let kind = if random.chance(0.01) {
        "service"
    } else {
        "message"
    };
    let mut message = format!(
        "     {{\n      \"id\": {id},\n      \"type\": \"{kind}\",\n      \"date\": \"{date}\",\n      \"date_unixtime\": \"{second}\""
    );
    let mut member = |name: &str, value: &str| {
        message.extend([",\n      \"", name, "\": ", value]);
    };
    let quoted = |text: &str| format!("\"{text}\"");
    if kind == "service" {
        member("actor", &quoted(from));
        member("action", "\"phone_call\"");
        member("text", "\"\"");
        member("text_entities", "[]");
        message.push_str("\n     }");
        return message;
    }
    member("from", &quoted(from));
    member("from_id", &quoted(&format!("user{from_id}")));
    if random.chance(0.1) {
        member("reply_to_message_id", &id.saturating_sub(3).to_string());
    }
    if random.chance(0.04) {
        member("file", &quoted(NOT_INCLUDED));
        member("media_type", "\"sticker\"");
        member("sticker_emoji", &quoted(random.choose(&EMOJI)));
        member("text", "\"\"");
        member("text_entities", "[]");
    } else {
        if random.chance(0.04) {
            member("photo", &quoted(NOT_INCLUDED));
            member("width", "1280");
        }
        let sentence = language.sentence(random);
        if random.chance(0.05) {
            let link = format!(
                "https://example.org/{:x}?q={}",
                random.below(1 << 30),
                random.below(99)
            );
            member(
                "text",
                &format!(
                    "[\n       \"{sentence} \",\n       {{\n        \"type\": \"link\",\n        \"text\": \"{link}\"\n       }},\n       \"\"\n      ]"
                ),
            );
            member(
                "text_entities",
                &format!(
                    "[\n       {{\n        \"type\": \"plain\",\n        \"text\": \"{sentence} \"\n       }},\n       {{\n        \"type\": \"link\",\n        \"text\": \"{link}\"\n       }}\n      ]"
                ),
            );
        } else {
            member("text", &quoted(&sentence));
            member(
                "text_entities",
                &format!(
                    "[\n       {{\n        \"type\": \"plain\",\n        \"text\": \"{sentence}\"\n       }}\n      ]"
                ),
            );
        }
    }
    message.push_str("\n     }");
    message
}

/// `YYYY-MM-DDTHH:MM:SS`, counting the days of years one after the other.
fn date(second: u64) -> String {
    let (mut days, rest) = (second / 86_400, second % 86_400);
    let mut year = 1970;
    let length = |year: u64| {
        if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) {
            366
        } else {
            365
        }
    };
    while days >= length(year) {
        days -= length(year);
        year += 1;
    }
    let february = length(year) - 337;
    let mut month = 1;
    for days_of_month in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < days_of_month {
            break;
        }
        days -= days_of_month;
        month += 1;
    }
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!(
        "{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}",
        days + 1
    )
}
