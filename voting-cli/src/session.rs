//! Who is signed in at a server: tokens in the state directory, rotated under a lock.
//!
//! A refresh token works once: the server answers with the next one and takes a second use as theft.
//! Two commands that run at the same time must therefore never both spend it. Whoever refreshes holds
//! `session.lock`, reads the file again (another command may have been faster), and writes the new
//! tokens before letting go.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use voting_core::Timestamp;

use crate::api::{LoginAnswer, User};
use crate::exit::Result;
use crate::state::{self, Lock, ServerDir};

/// A token this close to its end is refreshed before it is used: the clock here may differ a little
/// from the server's, and a request takes time.
const EXPIRY_MARGIN: Duration = Duration::from_secs(10);

/// A signed-in account. Neither `Debug` nor `Display`: it contains tokens.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// The account.
    pub(crate) user: User,
    /// Sent with every request.
    pub(crate) access_token: String,
    /// When the access token stops working, by the server's clock. Where that differs from the clock here,
    /// tokens are refreshed too early, or when the server refuses one: a nuisance, no harm.
    pub(crate) expires_at: Timestamp,
    /// Spent to get the next pair of tokens.
    pub(crate) refresh_token: Option<String>,
}

impl Session {
    /// From the server's answer to a login or a refresh.
    pub(crate) fn new(answer: LoginAnswer) -> Self {
        let LoginAnswer { access_token, expires_at, refresh_token, user } = answer;
        Self { user, access_token, expires_at, refresh_token }
    }

    /// Whether the access token is about to stop working.
    pub(crate) fn is_stale(&self, now: Timestamp) -> bool {
        now.saturating_add(EXPIRY_MARGIN) >= self.expires_at
    }

    /// The session at a server, if there is one.
    pub(crate) fn load(dir: &ServerDir) -> Result<Option<Self>> {
        let path = dir.join("session.json");
        let Some(bytes) = state::read(&path)? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| state::damaged(&path, error))
    }

    /// Keeps the session.
    pub(crate) fn save(&self, dir: &ServerDir) -> Result<()> {
        let path = dir.join("session.json");
        let bytes = serde_json::to_vec_pretty(self).map_err(|error| state::damaged(&path, error))?;
        state::write(&path, &bytes)
    }

    /// Forgets the session.
    pub(crate) fn remove(dir: &ServerDir) -> Result<()> {
        state::remove(&dir.join("session.json"))
    }
}

/// The lock that whoever changes the session holds.
pub(crate) async fn lock(dir: &ServerDir) -> Result<Lock> {
    state::lock(&dir.join("session.lock")).await
}

/// This machine's time.
pub(crate) fn now() -> Timestamp {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    u64::try_from(millis).ok().and_then(Timestamp::from_millis).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn answer() -> LoginAnswer {
        LoginAnswer {
            access_token: "a".into(),
            expires_at: now().saturating_add(Duration::from_secs(60)),
            refresh_token: Some("r".into()),
            user: User { id: "1".into(), email: "a@example.com".into(), name: "A".into(), roles: vec!["voter".into()] },
        }
    }

    #[test]
    fn a_session_is_kept_per_server_and_forgotten_on_request() {
        let root = tempfile::tempdir().unwrap();
        let dir = |url: &str| ServerDir::of(root.path(), &url.parse().unwrap());
        let (here, there) = (dir("http://a:1"), dir("http://b:1"));
        let session = Session::new(answer());
        session.save(&here).unwrap();
        assert!(Session::load(&here).unwrap() == Some(session));
        assert!(Session::load(&there).unwrap().is_none());
        Session::remove(&here).unwrap();
        Session::remove(&here).unwrap();
        assert!(Session::load(&here).unwrap().is_none());
    }

    #[test]
    fn a_damaged_session_is_an_error_and_not_a_logout() {
        let root = tempfile::tempdir().unwrap();
        let dir = ServerDir::of(Path::new(root.path()), &"http://a:1".parse().unwrap());
        state::write(&dir.join("session.json"), b"{").unwrap();
        let Err(error) = Session::load(&dir) else { panic!("damaged, but loaded") };
        assert!(error.what.contains("session.json is damaged"));
    }

    #[test]
    fn tokens_go_stale_a_little_early() {
        let start = now();
        let session = Session { expires_at: start.saturating_add(Duration::from_secs(60)), ..Session::new(answer()) };
        assert!(!session.is_stale(start.saturating_add(Duration::from_secs(49))));
        assert!(session.is_stale(start.saturating_add(Duration::from_secs(50))));
    }
}
