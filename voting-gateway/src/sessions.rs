//! Sessions: opaque tokens, of which only hashes are stored, so that whoever reads the store cannot
//! use them. A login starts a *family*; refreshing rotates its refresh token, and using an old one ends
//! the family, because then two parties hold it. Ending a family ends its access tokens at once.

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
/// Sessions listed when all of an account's are ended; more than anyone has.
const MAX_FAMILIES: usize = 1_000;

/// A login and all that came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Family {
    email: String,
    refresh_hash: String,
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
    issue(store, &account.email, &family, Condition::Absent, now).await
}

async fn issue(store: &dyn Store, email: &str, family: &str, condition: Condition, now: Timestamp) -> Result<Tokens, Problem> {
    let (access, secret) = (token()?, token()?);
    let record = Family { email: email.to_owned(), refresh_hash: hashed(&secret) };
    store.put(family_key(email, family)?, to_json(&record)?, condition, Some(REFRESH_TTL)).await?;
    let expires_at = now.saturating_add(ACCESS_TTL);
    let entry = Access { email: email.to_owned(), family: family.to_owned(), expires_at };
    store.put(access_key(&access)?, to_json(&entry)?, Condition::Any, Some(ACCESS_TTL)).await?;
    let refresh = BASE64URL_NOPAD.encode(format!("{email}\n{family}\n{secret}").as_bytes());
    Ok(Tokens { access, refresh, expires_at })
}

/// Rotates a refresh token. An old one ends the session.
pub(crate) async fn refresh(store: &dyn Store, refresh: &str, now: Timestamp) -> Result<(String, Tokens), Problem> {
    let invalid = || Problem::unauthorized("invalid_refresh_token", "the session has ended; sign in again");
    let (email, family, secret) = split_refresh(refresh).ok_or_else(invalid)?;
    let key = family_key(&email, &family).map_err(|_| invalid())?;
    let found = store.get(&key).await?.ok_or_else(invalid)?;
    let record: Family = from_json(&found.value)?;
    let reused = || {
        Problem::unauthorized("refresh_reused", "this session was refreshed elsewhere and has been ended for safety; sign in again")
    };
    if record.refresh_hash != hashed(&secret) {
        store.delete(key, Condition::Any).await?;
        return Err(reused());
    }
    match issue(store, &email, &family, Condition::Version(found.version), now).await {
        Ok(tokens) => Ok((email, tokens)),
        // Someone else rotated the same token in this very moment: two parties hold it.
        Err(Problem::Conflict(_)) => {
            store.delete(key, Condition::Any).await?;
            Err(reused())
        }
        Err(problem) => Err(problem),
    }
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
