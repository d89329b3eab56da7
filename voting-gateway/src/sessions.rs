//! Sessions: opaque tokens, of which only hashes are stored, so that whoever reads the store cannot
//! use them. A login starts a *family*; refreshing rotates its refresh token, and using an old one ends
//! the family, because then two parties hold it. Ending a family ends its access tokens at once.
//!
//! A browser that leaves a page while it refreshes never sees the answer, and has its old cookie still: so a cookie
//! that was spent is taken for [`BROWSER_GRACE`] more. Whoever else holds the cookie gains nothing that lasts: two lines
//! of tokens come of it, and the next refresh of the older one ends the family.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use voting_core::seams::{Condition, KeyClass, Store, StoreError, StoreKey};
use voting_core::time::Timestamp;

use crate::accounts::{Account, AccountError, from_json, hashed, random_bytes, to_json};
use crate::problem::Problem;

/// How long an access token is good for.
pub(crate) const ACCESS_TTL: Duration = Duration::from_secs(600);
/// How long a session lives without being refreshed.
pub(crate) const REFRESH_TTL: Duration = Duration::from_secs(12 * 3600);
/// How long a browser may present a cookie that was spent meanwhile.
pub(crate) const BROWSER_GRACE: Duration = Duration::from_secs(10);
/// Spent tokens that a family remembers; a browser that reloads more often than this signs in again.
const MAX_SPENT: usize = 16;
/// Attempts to rotate while others rotate too.
const ATTEMPTS: usize = 8;
/// Sessions listed when all of an account's are ended; more than anyone has.
const MAX_FAMILIES: usize = 1_000;

/// A login and all that came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Family {
    email: String,
    refresh_hash: String,
    /// Tokens spent not long ago, the latest last.
    #[serde(default)]
    spent: Vec<Spent>,
}

impl Family {
    /// Whether a token may be rotated.
    fn takes(&self, hash: &str, grace: Duration, now: Timestamp) -> bool {
        let is_graced = |spent: &Spent| spent.hash == hash && now < spent.at.saturating_add(grace);
        self.refresh_hash == hash || self.spent.iter().any(is_graced)
    }

    /// The tokens to remember once the current one is spent.
    fn spend(self, now: Timestamp) -> Vec<Spent> {
        let mut spent = self.spent;
        spent.retain(|spent| now < spent.at.saturating_add(BROWSER_GRACE));
        spent.push(Spent { hash: self.refresh_hash, at: now });
        spent.drain(..spent.len().saturating_sub(MAX_SPENT));
        spent
    }
}

/// A refresh token that was rotated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Spent {
    hash: String,
    at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Access {
    email: String,
    family: String,
    expires_at: Timestamp,
}

/// Fresh tokens, to be handed out and forgotten.
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
    /// When the access token ends.
    pub(crate) expires_at: Timestamp,
}

/// Who is signed in, and by which login.
pub(crate) struct SignedIn {
    pub(crate) email: String,
    pub(crate) family: String,
    pub(crate) expires_at: Timestamp,
}

fn tag(email: &str) -> String {
    format!("session:{}", &hashed(email)[..32])
}

fn family_key(email: &str, family: &str) -> Result<StoreKey, StoreError> {
    StoreKey::new(tag(email), KeyClass::Account, format!("family:{family}"))
}

fn access_key(token: &str) -> Result<StoreKey, StoreError> {
    let hash = hashed(token);
    StoreKey::new(format!("access:{}", &hash[..1]), KeyClass::Account, hash)
}

fn token() -> Result<String, Problem> {
    let bytes = random_bytes::<32>().map_err(|error: AccountError| Problem::internal(error))?;
    Ok(BASE64URL_NOPAD.encode(&bytes))
}

/// A refresh token names its account and family, so that it can be looked up: `email.family.secret`, base64.
fn split_refresh(refresh: &str) -> Option<(String, String, String)> {
    let text = String::from_utf8(BASE64URL_NOPAD.decode(refresh.as_bytes()).ok()?).ok()?;
    let mut parts = text.split('\n').map(str::to_owned);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(email), Some(family), Some(secret), None) => Some((email, family, secret)),
        _ => None,
    }
}

/// Starts a session.
pub(crate) async fn start(store: &dyn Store, account: &Account, now: Timestamp) -> Result<Tokens, Problem> {
    let family = token()?;
    issue(store, &account.email, &family, Vec::new(), Condition::Absent, now).await
}

async fn issue(
    store: &dyn Store,
    email: &str,
    family: &str,
    spent: Vec<Spent>,
    condition: Condition,
    now: Timestamp,
) -> Result<Tokens, Problem> {
    let (access, secret) = (token()?, token()?);
    let record = Family { email: email.to_owned(), refresh_hash: hashed(&secret), spent };
    store.put(family_key(email, family)?, to_json(&record)?, condition, Some(REFRESH_TTL)).await?;
    let expires_at = now.saturating_add(ACCESS_TTL);
    let entry = Access { email: email.to_owned(), family: family.to_owned(), expires_at };
    store.put(access_key(&access)?, to_json(&entry)?, Condition::Any, Some(ACCESS_TTL)).await?;
    let refresh = BASE64URL_NOPAD.encode(format!("{email}\n{family}\n{secret}").as_bytes());
    Ok(Tokens { access, refresh, expires_at })
}

/// Rotates a refresh token. One that was spent more than the grace ago ends the session.
pub(crate) async fn refresh(
    store: &dyn Store,
    refresh: &str,
    grace: Duration,
    now: Timestamp,
) -> Result<(String, Tokens), Problem> {
    let invalid = || Problem::unauthorized("invalid_refresh_token", "the session has ended; sign in again");
    let (email, family, secret) = split_refresh(refresh).ok_or_else(invalid)?;
    let (key, hash) = (family_key(&email, &family).map_err(|_| invalid())?, hashed(&secret));
    for _ in 0..ATTEMPTS {
        let found = store.get(&key).await?.ok_or_else(invalid)?;
        let record: Family = from_json(&found.value)?;
        if !record.takes(&hash, grace, now) {
            break;
        }
        match issue(store, &email, &family, record.spend(now), Condition::Version(found.version), now).await {
            Ok(tokens) => return Ok((email, tokens)),
            // Someone else rotated the same token in this very moment: whether two may, the next look tells.
            Err(Problem::Conflict(_)) => {}
            Err(problem) => return Err(problem),
        }
    }
    store.delete(key, Condition::Any).await?;
    Err(Problem::unauthorized(
        "refresh_reused",
        "this session was refreshed elsewhere and has been ended for safety; sign in again",
    ))
}

/// Who an access token belongs to, if its session lives.
pub(crate) async fn signed_in(store: &dyn Store, access: &str) -> Result<Option<SignedIn>, Problem> {
    let Ok(key) = access_key(access) else { return Ok(None) };
    let Some(found) = store.get(&key).await? else { return Ok(None) };
    let Access { email, family, expires_at } = from_json(&found.value)?;
    let lives = store.get(&family_key(&email, &family)?).await?.is_some();
    Ok(lives.then_some(SignedIn { email, family, expires_at }))
}

/// Ends one session.
pub(crate) async fn end(store: &dyn Store, signed_in: &SignedIn) -> Result<(), Problem> {
    Ok(store.delete(family_key(&signed_in.email, &signed_in.family)?, Condition::Any).await?)
}

/// Ends every session of an account.
pub(crate) async fn end_all(store: &dyn Store, email: &str) -> Result<(), Problem> {
    for (key, _) in store.list(&tag(email), KeyClass::Account, "family:", None, MAX_FAMILIES).await? {
        store.delete(key, Condition::Any).await?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use voting_cluster::store::MemoryStore;
    use voting_core::seams::ManualClock;

    use super::*;

    const EMAIL: &str = "alice@example.com";
    const STRICT: Duration = Duration::ZERO;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000).unwrap().saturating_add(Duration::from_secs(seconds))
    }

    async fn begun() -> (MemoryStore, String) {
        let store = MemoryStore::new(Arc::new(ManualClock::default()));
        let family = token().unwrap();
        let tokens = issue(&store, EMAIL, &family, Vec::new(), Condition::Absent, at(0)).await.unwrap();
        (store, tokens.refresh)
    }

    async fn rotate(store: &MemoryStore, token: &str, grace: Duration, now: Timestamp) -> Result<String, String> {
        match refresh(store, token, grace, now).await {
            Ok((_, tokens)) => Ok(tokens.refresh),
            Err(Problem::Unauthorized(body)) => Err(body.0.code),
            Err(problem) => panic!("{problem:?}"),
        }
    }

    #[tokio::test]
    async fn a_browser_that_lost_the_answer_may_ask_again_and_a_thief_is_found_out() {
        let (store, first) = begun().await;
        let lost = rotate(&store, &first, BROWSER_GRACE, at(600)).await.unwrap();
        let second = rotate(&store, &first, BROWSER_GRACE, at(609)).await.unwrap();
        // The answer that was thought lost may come late, and be what the browser keeps.
        let third = rotate(&store, &lost, BROWSER_GRACE, at(618)).await.unwrap();
        let fourth = rotate(&store, &third, BROWSER_GRACE, at(1_200)).await.unwrap();
        // Whoever has the other line holds a token that is long spent.
        assert_eq!(rotate(&store, &second, BROWSER_GRACE, at(1_300)).await.unwrap_err(), "refresh_reused");
        assert_eq!(rotate(&store, &fourth, BROWSER_GRACE, at(1_301)).await.unwrap_err(), "invalid_refresh_token");

        let (store, first) = begun().await;
        rotate(&store, &first, BROWSER_GRACE, at(600)).await.unwrap();
        assert_eq!(rotate(&store, &first, BROWSER_GRACE, at(610)).await.unwrap_err(), "refresh_reused", "ten seconds, not more");

        let (store, first) = begun().await;
        let second = rotate(&store, &first, STRICT, at(600)).await.unwrap();
        assert_eq!(rotate(&store, &first, STRICT, at(600)).await.unwrap_err(), "refresh_reused", "a program's is spent at once");
        assert_eq!(rotate(&store, &second, STRICT, at(601)).await.unwrap_err(), "invalid_refresh_token");
    }

    #[tokio::test]
    async fn what_a_family_remembers_is_bounded() {
        let (store, first) = begun().await;
        for _ in 0..2 * MAX_SPENT {
            if rotate(&store, &first, BROWSER_GRACE, at(600)).await.is_err() {
                break;
            }
        }
        assert_eq!(rotate(&store, &first, BROWSER_GRACE, at(600)).await.unwrap_err(), "invalid_refresh_token");
    }

    #[tokio::test]
    async fn many_at_once_are_one_after_the_other() {
        let (store, first) = begun().await;
        let store = Arc::new(store);
        let all = (0..4).map(|_| {
            let (store, first) = (Arc::clone(&store), first.clone());
            tokio::spawn(async move { rotate(&store, &first, BROWSER_GRACE, at(600)).await })
        });
        let mut tokens = std::collections::BTreeSet::new();
        for task in all.collect::<Vec<_>>() {
            assert!(tokens.insert(task.await.unwrap().unwrap()));
        }
        for token in tokens {
            rotate(&store, &token, BROWSER_GRACE, at(601)).await.unwrap();
        }
    }
}
