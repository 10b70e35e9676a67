//! URLs that can be asked for without the service's secret, for a short time: a browser that saves or frames what is at a
//! URL sends nothing but the URL, and a secret doesn't belong in one.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Uri;
use hmac::digest::Key;
use hmac::{Hmac, KeyInit as _, Mac as _};
use resonare_jobs::ports::Clock;
use sha2::Sha256;
use uuid::Uuid;

/// How long a URL can be asked for. What has begun by then goes on.
const LIFETIME: Duration = Duration::from_mins(5);

/// The parameter that a ticket is.
const PARAMETER: &str = "ticket=";

/// Gives out tickets, and knows them again. Each is for one path, until a time.
#[derive(Clone)]
pub struct Tickets {
    clock: Arc<dyn Clock>,
    key: Hmac<Sha256>,
}

impl Tickets {
    /// Tickets that no other process, and none after a restart, takes for its own.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let random = [(); 4].map(|()| Uuid::new_v4().into_bytes());
        let mut key = Key::<Hmac<Sha256>>::default();
        key.copy_from_slice(random.as_flattened());
        Self {
            clock,
            key: Hmac::new(&key),
        }
    }

    /// The path with a ticket for it.
    pub(crate) fn url(&self, path: &str) -> String {
        let until = (self.clock.now() + LIFETIME).as_second();
        let code = self.code(path, until).finalize().into_bytes();
        let code = base16ct::lower::encode_string(&code);
        format!("{path}?{PARAMETER}{until}.{code}")
    }

    /// Whether a URL comes with a ticket for its path.
    pub fn admits(&self, url: &Uri) -> bool {
        let ticket = url.query().and_then(|query| query.strip_prefix(PARAMETER));
        let Some((until, code)) = ticket.and_then(|ticket| ticket.split_once('.')) else {
            return false;
        };
        let Ok(until) = until.parse() else {
            return false;
        };
        let code = base16ct::lower::decode_vec(code);
        self.clock.now().as_second() < until
            && code.is_ok_and(|code| self.code(url.path(), until).verify_slice(&code).is_ok())
    }

    fn code(&self, path: &str, until: i64) -> Hmac<Sha256> {
        let code = self.key.clone().chain_update(until.to_be_bytes());
        code.chain_update(path)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use resonare_jobs::testkit::ManualClock;

    use super::*;

    #[test]
    fn a_ticket_is_for_one_path_and_a_short_time() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let tickets = Tickets::new(Arc::new(clock.clone()));
        let url = tickets.url("/a/b");
        let admits = |url: &str| tickets.admits(&url.parse().unwrap());
        assert!(admits(&url));
        assert!(!admits(&url.replace("/a/b", "/a/c")));
        assert!(!admits("/a/b"));
        for wrong in [
            "/a/b?ticket=",
            "/a/b?ticket=1.x",
            "/a/b?ticket=99999999999.00",
        ] {
            assert!(!admits(wrong), "{wrong}");
        }
        assert!(!Tickets::new(Arc::new(clock.clone())).admits(&url.parse().unwrap()));
        clock.advance(LIFETIME);
        assert!(!admits(&url));
    }
}
