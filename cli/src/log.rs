//! The log, on standard error: text for somebody who watches, JSON lines for everybody else.

use std::fmt;
use std::io::{IsTerminal as _, Write as _, stderr, stdout};

use clap::ValueEnum;
use resonare_http::event_fields;
use serde_json::{Map, Value};
use tracing::{Event, Level, Subscriber, error};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::color;
use crate::terminal;
use crate::text::wrapped;

/// How a service writes its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON lines elsewhere
    Auto,
    /// Text
    Text,
    /// JSON lines
    Json,
}

impl LogFormat {
    fn is_json(self, is_terminal: bool) -> bool {
        match self {
            Self::Auto => !is_terminal,
            Self::Text => false,
            Self::Json => true,
        }
    }
}

fn filter(default: &str) -> EnvFilter {
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default))
}

/// A command that ends soon only warns.
pub(crate) fn start_for_command() {
    // The error that follows says where the SDK looked for credentials.
    let filter = filter("warn,aws_config=error");
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(color::on_stderr())
        .with_target(false)
        .without_time();
    if stderr().is_terminal() {
        let width = terminal::width();
        log.map_event_format(|format| Wrapped { format, width })
            .init();
    } else {
        log.init();
    }
}

/// A service tells what it does.
pub(crate) fn start_for_service(format: LogFormat) {
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter("info"))
        .with_writer(stderr)
        .with_ansi(color::on_stderr())
        .with_target(false);
    if format.is_json(stderr().is_terminal()) {
        log.fmt_fields(JsonFields::new())
            .event_format(JsonLines)
            .init();
        std::panic::set_hook(Box::new(|panic| {
            // Its message may quote what was being worked on.
            let place = panic.location().map(ToString::to_string);
            error!(place, "a thread panicked");
        }));
    } else {
        log.init();
    }
}

/// Says on standard output where a service listens: what starts one waits for this line.
///
/// # Errors
/// If standard output is gone.
pub(crate) fn say_listening(url: &str, format: LogFormat) -> std::io::Result<()> {
    let text = format!("listening on {url}");
    if !format.is_json(stdout().is_terminal()) {
        return writeln!(stdout(), "{text}");
    }
    let line = [
        ("timestamp", now()),
        ("level", "INFO".to_owned()),
        ("message", text),
        ("url", url.to_owned()),
    ];
    let line = line.map(|(name, value)| (name.to_owned(), value.into()));
    writeln!(stdout(), "{}", Value::Object(Map::from_iter(line)))
}

fn now() -> String {
    format!("{:.6}", jiff::Timestamp::now())
}

/// Events as another format has them, in lines that a terminal doesn't break.
struct Wrapped<F> {
    format: F,
    width: usize,
}

impl<S, N, F> FormatEvent<S, N> for Wrapped<F>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        // Without colors, which would count as columns.
        let plain = Writer::new(&mut line);
        self.format.format_event(context, plain, event)?;
        let level = event.metadata().level();
        let text = line.trim();
        let text = text.strip_prefix(level.as_str()).unwrap_or(text);
        let text = wrapped(text.trim_start(), LOG_INDENT, self.width);
        let color = match *level {
            _ if !writer.has_ansi_escapes() => None,
            Level::ERROR => Some("31"),
            Level::WARN => Some("33"),
            Level::INFO => Some("32"),
            Level::DEBUG => Some("34"),
            Level::TRACE => Some("35"),
        };
        let level = format!("{level:>5}");
        match color {
            Some(color) => writeln!(writer, "\u{1b}[{color}m{level}\u{1b}[0m {text}"),
            None => writeln!(writer, "{level} {text}"),
        }
    }
}

/// As wide as a level, and a gap.
const LOG_INDENT: &str = "      ";

/// A JSON object a line: the time, the event, and the fields of the spans around it.
struct JsonLines;

impl<S: Subscriber + for<'span> LookupSpan<'span>> FormatEvent<S, JsonFields> for JsonLines {
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Map::new();
        line.insert("timestamp".to_owned(), now().into());
        line.extend(event_fields(event));
        let spans = context.event_scope().into_iter().flatten();
        for span in spans {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<JsonFields>>();
            let fields = fields.and_then(|fields| serde_json::from_str::<Map<_, _>>(fields).ok());
            for (name, value) in fields.into_iter().flatten() {
                line.entry(name).or_insert(value);
            }
        }
        writeln!(writer, "{}", Value::Object(line))
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct LogBuffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for LogBuffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_has_its_fields_and_those_of_its_request() {
        let written = LogBuffer::default();
        let writer = written.clone();
        let subscriber = tracing_subscriber::fmt()
            .fmt_fields(JsonFields::new())
            .event_format(JsonLines)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let _inside = tracing::error_span!("request", request_id = "r-1").entered();
            tracing::warn!(run_id = %"r", attempt = 2, none = None::<u64>, "it \"failed\"");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let mut line: Map<String, Value> = serde_json::from_str(&text).unwrap();
        let time = line.remove("timestamp").unwrap();
        assert!(time.as_str().unwrap().ends_with('Z'), "{time}");
        let expected = serde_json::json!({"level": "WARN", "message": "it \"failed\"", "run_id": "r",
            "attempt": 2, "request_id": "r-1"});
        assert_eq!(Value::Object(line), expected);
    }

    #[test]
    fn a_warning_on_a_terminal_is_broken_between_words() {
        let logged = |has_colors| {
            let written = LogBuffer::default();
            let writer = written.clone();
            let subscriber = tracing_subscriber::fmt()
                .with_ansi(has_colors)
                .with_target(false)
                .without_time()
                .map_event_format(|format| Wrapped { format, width: 40 })
                .with_writer(move || writer.clone())
                .finish();
            tracing::subscriber::with_default(subscriber, || {
                tracing::warn!(
                    attempt = 2,
                    "counting tokens with o200k_base instead of the model's tokenizer: the hub refuses"
                );
            });
            String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
        };
        insta::assert_snapshot!(logged(false), @r"
        WARN counting tokens with o200k_base
             instead of the model's tokenizer:
             the hub refuses attempt=2
        ");
        let colored = logged(true);
        let plain = colored.replace("\u{1b}[33m", "").replace("\u{1b}[0m", "");
        assert_ne!(colored, plain);
        assert_eq!(plain, logged(false));
    }

    #[test]
    fn a_log_is_text_only_where_somebody_watches_or_wants_it() {
        let formats = [LogFormat::Auto, LogFormat::Text, LogFormat::Json];
        assert_eq!(
            formats.map(|format| format.is_json(true)),
            [false, false, true]
        );
        assert_eq!(
            formats.map(|format| format.is_json(false)),
            [true, false, true]
        );
    }
}
