//! Logs: JSON lines, as `CloudWatch` reads them, each with the id of the request that it is about.

use std::fmt;
use std::sync::{PoisonError, RwLock};

use resonare_http::event_fields;
use serde_json::Value;
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// The request that this process is handling. Lambda gives a process one at a time, and threads and tasks that
/// work for it do not inherit spans.
static REQUEST_ID: RwLock<String> = RwLock::new(String::new());

/// Starts the log. `RUST_LOG` sets the level; without it, `info`.
pub fn start_log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .event_format(Lines)
        .with_env_filter(filter)
        .init();
}

/// From now on, lines are about this request.
pub fn begin_request(id: &str) {
    let mut current = REQUEST_ID.write().unwrap_or_else(PoisonError::into_inner);
    id.clone_into(&mut current);
}

/// A JSON object a line. The platform has the time.
struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let request_id = REQUEST_ID.read().unwrap_or_else(PoisonError::into_inner);
        writeln!(writer, "{}", line(event, &request_id))
    }
}

fn line(event: &Event<'_>, request_id: &str) -> Value {
    let mut fields = event_fields(event);
    if !request_id.is_empty() {
        fields.insert("request_id".to_owned(), request_id.into());
    }
    Value::Object(fields)
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
    fn a_line_has_its_fields_and_its_request() {
        let written = LogBuffer::default();
        let writer = written.clone();
        let subscriber = tracing_subscriber::fmt()
            .event_format(Lines)
            .with_writer(move || writer.clone())
            .finish();
        begin_request("request-1");
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(run_id = %"r", attempt = Some(2), duration_ms = None::<u64>, "it \"failed\"");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let line: Value = serde_json::from_str(&text).unwrap();
        let expected = serde_json::json!({"level": "WARN", "message": "it \"failed\"", "run_id": "r",
            "attempt": 2, "request_id": "request-1"});
        assert_eq!(line, expected);
    }
}
