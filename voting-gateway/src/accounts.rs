//! Accounts and passwords, in the store.
//!
//! Passwords are hashed with Argon2id on blocking threads, a few at a time. An unknown account costs
//! the same time and gives the same answer as a wrong password.

use std::collections::BTreeSet;

use argon2::{Algorithm, Argon2, Params, Version};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use tokio::sync::Semaphore;
use voting_core::seams::{Condition, KeyClass, Store, StoreError, StoreKey};
use voting_core::text::{TextError, check_line};

/// Fewest characters of a password without a second factor.
pub const MIN_PASSWORD_CHARS: usize = 15;
/// Longest e-mail address in bytes (RFC 5321).
pub const MAX_EMAIL_BYTES: usize = 254;
const MAX_PASSWORD_BYTES: usize = 1_024;
const MAX_NAME_BYTES: usize = 200;
/// Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
/// Hashes computed at once: each takes 19 MiB and a core for tens of milliseconds.
const CONCURRENT_HASHES: usize = 2;

/// What an account may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Votes where entitled.
    Voter,
    /// Sets up and runs elections.
    Admin,
    /// Holds a share of a sealed election's key.
    Trustee,
    /// Reads audit material.
    Auditor,
    /// Looks on.
    Observer,
}

impl Role {
    /// Name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Voter => "voter",
            Self::Admin => "admin",
            Self::Trustee => "trustee",
            Self::Auditor => "auditor",
            Self::Observer => "observer",
        }
    }
}

/// A person who can sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Stable identity: a hash of the address.
    pub id: String,
    /// Address, in lower case.
    pub email: String,
    /// Name as shown.
    pub name: String,
    /// What they may do.
    pub roles: BTreeSet<Role>,
    salt: String,
    hash: String,
}

/// Why an account was not made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AccountError {
    /// Not an address.
    #[error("`{0}` is not an e-mail address")]
    Email(String),
    /// An unusable name.
    #[error("the name {0}")]
    Name(TextError),
    /// Too short or too long a password.
    #[error("a password has at least {MIN_PASSWORD_CHARS} characters and at most {MAX_PASSWORD_BYTES} bytes")]
    Password,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system gave no randomness.
    #[error("no randomness: {0}")]
    Randomness(String),
}

/// Which passwords are acceptable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordRule {
    /// At least [`MIN_PASSWORD_CHARS`] characters.
    Strong,
    /// Anything: for demonstrations only.
    Demo,
}

/// Accounts in a store.
pub struct Accounts {
    hashing: Semaphore,
}

impl Default for Accounts {
    fn default() -> Self {
        Self { hashing: Semaphore::new(CONCURRENT_HASHES) }
    }
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Accounts")
    }
}

/// An address in the form it is stored and compared in.
///
/// # Errors
/// [`AccountError::Email`] unless it has one `@` with something on both sides, no blanks and no control characters.
pub fn normalize_email(text: &str) -> Result<String, AccountError> {
    let email = text.trim().to_lowercase();
    let usable = match email.split_once('@') {
        Some((local, host)) => {
            !local.is_empty() && host.contains('.') && !host.contains('@') && !host.starts_with('.') && !host.ends_with('.')
        }
        None => false,
    };
    let printable = email.bytes().all(|byte| byte.is_ascii_graphic()) && !email.contains(['<', '>', '"', ',', ';', '\\', '{', '}']);
    if usable && printable && email.len() <= MAX_EMAIL_BYTES {
        Ok(email)
    } else {
        Err(AccountError::Email(text.chars().take(80).collect()))
    }
}

/// Hexadecimal SHA-256, for keys that must not show what they stand for.
pub(crate) fn hashed(text: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(text.as_bytes()))
}

/// What stands before the hash in the path of an account.
pub(crate) const PATHS: &str = "user:";

/// Accounts whose hash begins with this digit.
pub(crate) fn tag(digit: char) -> String {
    format!("accounts:{digit}")
}

fn key_of(email: &str) -> Result<StoreKey, StoreError> {
    let hash = hashed(email);
    StoreKey::new(tag(hash.chars().next().unwrap_or('0')), KeyClass::Account, format!("{PATHS}{hash}"))
}

impl Accounts {
    /// Makes an account; one that exists already is left as it is. Returns whether it is new.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn create(
        &self,
        store: &dyn Store,
        email: &str,
        name: &str,
        password: &str,
        roles: &[Role],
        rule: PasswordRule,
    ) -> Result<bool, AccountError> {
        let email = normalize_email(email)?;
        check_line(name, MAX_NAME_BYTES).map_err(AccountError::Name)?;
        let too_short = rule == PasswordRule::Strong && password.chars().count() < MIN_PASSWORD_CHARS;
        if too_short || password.is_empty() || password.len() > MAX_PASSWORD_BYTES {
            return Err(AccountError::Password);
        }
        let key = key_of(&email)?;
        if store.get(&key).await?.is_some() {
            return Ok(false);
        }
        let salt = random_bytes::<16>()?;
        let hash = self.hash(password.to_owned(), salt).await;
        let account = Account {
            id: hashed(&email)[..16].to_owned(),
            email,
            name: name.to_owned(),
            roles: roles.iter().copied().collect(),
            salt: HEXLOWER.encode(&salt),
            hash: HEXLOWER.encode(&hash),
        };
        match store.put(key, to_json(&account)?, Condition::Absent, None).await {
            Ok(()) => Ok(true),
            Err(StoreError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The account of an address.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find(&self, store: &dyn Store, email: &str) -> Result<Option<Account>, StoreError> {
        store.get(&key_of(email)?).await?.map(|found| from_json(&found.value)).transpose()
    }

    /// The account, if the password is right. Takes the same time whether the account exists or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn authenticate(&self, store: &dyn Store, email: &str, password: &str) -> Result<Option<Account>, StoreError> {
        let account = match normalize_email(email) {
            Ok(email) => self.find(store, &email).await?,
            Err(_) => None,
        };
        let salt = account.as_ref().and_then(|account| HEXLOWER.decode(account.salt.as_bytes()).ok()?.try_into().ok());
        let password: String = password.chars().take(MAX_PASSWORD_BYTES).collect();
        let hash = self.hash(password, salt.unwrap_or([0; 16])).await;
        Ok(account.filter(|account| constant_time_eq(account.hash.as_bytes(), HEXLOWER.encode(&hash).as_bytes())))
    }

    async fn hash(&self, password: String, salt: [u8; 16]) -> [u8; 32] {
        // The semaphore is never closed; if it were, hashing without it would still be right.
        let _permit = self.hashing.acquire().await.ok();
        let hashing = tokio::task::spawn_blocking(move || {
            let params = Params::new(MEMORY_KIB, PASSES, 1, Some(32)).expect("constant parameters within Argon2's bounds");
            let mut out = [0; 32];
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                .hash_password_into(password.as_bytes(), &salt, &mut out)
                .expect("password and salt are within Argon2's bounds");
            out
        });
        hashing.await.unwrap_or([0xff; 32]) // only at shutdown; matches no stored hash but by chance of 2^-256
    }
}

fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |different, (a, b)| different | (a ^ b)) == 0
}

pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], AccountError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| AccountError::Randomness(error.to_string()))?;
    Ok(bytes)
}

pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| StoreError::Damaged(error.to_string()))
}

pub(crate) fn from_json<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| StoreError::Damaged(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_normalized_or_refused() {
        assert_eq!(normalize_email(" Alice@Example.COM ").unwrap(), "alice@example.com");
        for text in ["", "alice", "@example.com", "alice@", "alice@host", "a@b@c.de", "a b@c.de", "=cmd@c.de\"", "é@c.de", "a@.de"]
        {
            assert!(normalize_email(text).is_err(), "{text}");
        }
    }
}
