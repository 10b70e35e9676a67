//! A model hub on loopback.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use resonare_tokenizer::{FolderModelFiles, Hub, Lookup, NoUrls};

/// Words of one vocabulary; others are one unknown token.
pub(crate) const TOKENIZER: &str = r#"{"version": "1.0", "truncation": {"max_length": 2, "stride": 0, "strategy": "LongestFirst", "direction": "Right"},
    "padding": {"strategy": {"Fixed": 9}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0, "pad_type_id": 0, "pad_token": "x"},
    "added_tokens": [{"id": 2, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}],
    "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
    "model": {"type": "WordLevel", "vocab": {"x": 0, "hello": 1, "<s>": 2}, "unk_token": "x"}}"#;

/// A request as the hub saw it: its path and its headers, in lower case.
pub(crate) type Seen = Arc<Mutex<Vec<(String, String)>>>;

/// Answers each request with the next of `answers`, the last one again and again.
pub(crate) fn hub(answers: Vec<String>) -> (String, Seen) {
    start(move |number, _| answers[number.min(answers.len() - 1)].clone())
}

/// Has these files of every model, and no others.
pub(crate) fn serving(files: &[(&'static str, &'static str)]) -> (String, Seen) {
    let files = files.to_vec();
    start(move |_, path| {
        let name = path.rsplit('/').next().unwrap();
        match files.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => answer("200 OK", "x-repo-commit: abc123\r\n", text),
            None => answer("404 Not Found", "", "no"),
        }
    })
}

/// Gives each request, by its number and its path, an answer.
fn start(answer_of: impl Fn(usize, &str) -> String + Send + 'static) -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            serve(stream.unwrap(), &log, |path| answer_of(number, path));
        }
    });
    (address, seen)
}

fn serve(mut stream: TcpStream, log: &Seen, answer_of: impl Fn(&str) -> String) {
    let mut head = String::new();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while reader.read_line(&mut head).unwrap() > 2 {}
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let answer = answer_of(&path);
    log.lock().unwrap().push((path, head.to_lowercase()));
    // A client that gives up early closes the connection; that is its right.
    let _closed = stream.write_all(answer.as_bytes());
}

pub(crate) fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
}

/// A look-up that keeps what it finds in a folder.
pub(crate) fn lookup(endpoint: &str, folder: &Path) -> Lookup {
    Lookup {
        files: Arc::new(FolderModelFiles::new(folder)),
        urls: Arc::new(NoUrls),
        hub: Hub::new(Some(endpoint), Some("secret-token"))
            .with_patience(Duration::from_millis(1), Duration::from_millis(500)),
    }
}

/// An endpoint that nobody listens at.
pub(crate) fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
