//! The roll of an election: who is entitled, and under which pseudonym the ledger knows them.
//!
//! A voter is named by a *label*: the e-mail address of an account, or a name that an administrator
//! chose for a pre-registered credential. The pseudonym is derived from the label with a secret, so the
//! roll maps one to the other and the ledger alone does not.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use voting_core::crypto::PublicKey;
use voting_core::election::MAX_WEIGHT;
use voting_core::ids::{Digest, ElectionId, Pseudonym};
use voting_core::seams::{Condition, KeyClass, Op, Store, StoreError, StoreKey, Versioned};

use crate::accounts::{from_json, hashed, normalize_email, to_json};
use crate::problem::LineError;

/// Longest label or name, in bytes.
const MAX_LABEL_BYTES: usize = 254;
/// Additions in one atomic write, the count included.
const ADDED_PER_WRITE: usize = voting_core::seams::store::MAX_BATCH_OPS - 1;

/// One entitled voter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entitled {
    pub(crate) label: String,
    pub(crate) name: String,
    pub(crate) weight: u64,
    /// The key of a pre-registered credential.
    pub(crate) key: Option<PublicKey>,
}

/// What adding voters led to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Added {
    pub(crate) added: u64,
    pub(crate) already: u64,
    pub(crate) total: u64,
}

/// The pseudonym of a voter in an election.
#[must_use]
pub(crate) fn pseudonym(secret: &[u8; 32], election: ElectionId, label: &str) -> Pseudonym {
    Pseudonym(Digest::of_parts("voting/pseudonym/v1", &[secret, &election.0, label.as_bytes()]).0)
}

/// First digits of a voter's hash: each is a bucket, so that a large roll spreads over the shards of the store.
pub(crate) const BUCKETS: &str = "0123456789abcdef";
/// What stands before the hash in the path of a voter.
pub(crate) const PATHS: &str = "voter:";
/// The tag of the list of rolls: a store cannot tell its tags, so what must be found again is listed.
const ROLLS: &str = "rolls";
/// What stands before an election in that list.
const LISTED: &str = "election:";
/// Elections read from the list at a time.
const LIST_PAGE: usize = 1_000;

pub(crate) fn tag(election: ElectionId, bucket: char) -> String {
    format!("roll:{election}:{bucket}")
}

fn voter_key(election: ElectionId, label: &str) -> Result<StoreKey, StoreError> {
    let hash = hashed(label);
    let bucket = hash.chars().next().unwrap_or('0');
    StoreKey::new(tag(election, bucket), KeyClass::Account, format!("{PATHS}{hash}"))
}

fn count_key(election: ElectionId, bucket: char) -> Result<StoreKey, StoreError> {
    StoreKey::new(tag(election, bucket), KeyClass::Account, "count")
}

/// Notes that an election has a roll, before the first voter stands on it, so that a backup misses none.
/// Repeating the call changes nothing.
pub(crate) async fn register(store: &dyn Store, election: ElectionId) -> Result<(), StoreError> {
    let key = StoreKey::new(ROLLS, KeyClass::Account, format!("{LISTED}{election}"))?;
    if store.get(&key).await?.is_some() {
        return Ok(());
    }
    match store.put(key, Vec::new(), Condition::Absent, None).await {
        Err(StoreError::Conflict { .. }) => Ok(()), // someone else noted it
        other => other,
    }
}

/// Elections that have a roll.
pub(crate) async fn registered(store: &dyn Store) -> Result<BTreeSet<ElectionId>, StoreError> {
    let (mut elections, mut after) = (BTreeSet::new(), None::<String>);
    loop {
        let page = store.list(ROLLS, KeyClass::Account, LISTED, after.as_deref(), LIST_PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(elections) };
        after = Some(last.path().to_owned());
        for (key, _) in page {
            let id = key.path().strip_prefix(LISTED).and_then(|id| id.parse().ok());
            elections.insert(id.ok_or_else(|| StoreError::Damaged(format!("{key} names no election")))?);
        }
    }
}

/// Counts the voters of a bucket and corrects their number if it is wrong. Returns whether it was.
pub(crate) async fn recount(store: &dyn Store, election: ElectionId, bucket: char) -> Result<bool, StoreError> {
    loop {
        // Read before the voters: whoever adds some meanwhile changes its version.
        let known = store.get(&count_key(election, bucket)?).await?;
        let voters = listed(store, election, bucket).await?;
        if stated(known.as_ref()) == Some(voters) {
            return Ok(false);
        }
        let condition = known.map_or(Condition::Absent, |found| Condition::Version(found.version));
        match store.put(count_key(election, bucket)?, to_json(&voters)?, condition, None).await {
            Err(StoreError::Conflict { .. }) => {} // someone added voters at the same time
            other => return other.map(|()| true),
        }
    }
}

/// Whether the number of a bucket's voters would be wrong with so many more of them.
pub(crate) async fn miscounted(store: &dyn Store, election: ElectionId, bucket: char, more: u64) -> Result<bool, StoreError> {
    let known = store.get(&count_key(election, bucket)?).await?;
    Ok(stated(known.as_ref()) != Some(listed(store, election, bucket).await? + more))
}

/// The number that a bucket states, if it can be read; without one there are none.
fn stated(known: Option<&Versioned>) -> Option<u64> {
    known.map_or(Some(0), |found| from_json(&found.value).ok())
}

/// The number of a bucket's voters, counted.
async fn listed(store: &dyn Store, election: ElectionId, bucket: char) -> Result<u64, StoreError> {
    let (mut voters, mut after) = (0, None::<String>);
    loop {
        let page = store.list(&tag(election, bucket), KeyClass::Account, PATHS, after.as_deref(), LIST_PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(voters) };
        (voters, after) = (voters + page.len() as u64, Some(last.path().to_owned()));
    }
}

/// The voter with a label.
pub(crate) async fn find(store: &dyn Store, election: ElectionId, label: &str) -> Result<Option<Entitled>, StoreError> {
    store.get(&voter_key(election, label)?).await?.map(|found| from_json(&found.value)).transpose()
}

/// Number of voters on the roll.
pub(crate) async fn count(store: &dyn Store, election: ElectionId) -> Result<u64, StoreError> {
    let counts = BUCKETS.chars().map(|bucket| async move {
        match store.get(&count_key(election, bucket)?).await? {
            Some(found) => from_json::<u64>(&found.value),
            None => Ok(0),
        }
    });
    Ok(try_join_all(counts).await?.into_iter().sum())
}

/// Voters in the order of their keys, from after a cursor on.
pub(crate) async fn page(
    store: &dyn Store,
    election: ElectionId,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<(String, Entitled)>, StoreError> {
    // Keys begin with the bucket's digit, so buckets one after the other are all keys in order.
    let first = after.and_then(|after| after.strip_prefix(PATHS)).and_then(|hash| hash.chars().next());
    let mut voters = Vec::new();
    for bucket in BUCKETS.chars().filter(|bucket| first.is_none_or(|first| *bucket >= first)) {
        if voters.len() >= limit {
            break;
        }
        let found = store.list(&tag(election, bucket), KeyClass::Account, PATHS, after, limit - voters.len()).await?;
        for (key, found) in found {
            voters.push((key.path().to_owned(), from_json(&found.value)?));
        }
    }
    Ok(voters)
}

/// Adds voters that are not there yet, with the count, in writes that are each all or nothing.
/// Repeating the call after a failure completes it.
pub(crate) async fn add(store: &dyn Store, election: ElectionId, voters: &[Entitled]) -> Result<Added, StoreError> {
    register(store, election).await?;
    let mut buckets: BTreeMap<char, Vec<&Entitled>> = BTreeMap::new();
    for voter in voters {
        buckets.entry(hashed(&voter.label).chars().next().unwrap_or('0')).or_default().push(voter);
    }
    let mut result = Added::default();
    for (bucket, voters) in buckets {
        for some in voters.chunks(ADDED_PER_WRITE) {
            let added = add_some(store, election, bucket, some).await?;
            result = Added { added: result.added + added, already: result.already + some.len() as u64 - added, ..result };
        }
    }
    result.total = count(store, election).await?;
    Ok(result)
}

/// Adds voters of one bucket; returns how many were new.
async fn add_some(store: &dyn Store, election: ElectionId, bucket: char, voters: &[&Entitled]) -> Result<u64, StoreError> {
    loop {
        let known = store.get(&count_key(election, bucket)?).await?;
        let (total, condition) = match &known {
            Some(found) => (from_json::<u64>(&found.value)?, Condition::Version(found.version)),
            None => (0, Condition::Absent),
        };
        let keys = voters.iter().map(|voter| voter_key(election, &voter.label)).collect::<Result<Vec<_>, _>>()?;
        let known_voters = try_join_all(keys.iter().map(|key| store.get(key))).await?;
        let mut ops = Vec::new();
        for ((voter, key), found) in voters.iter().zip(keys).zip(known_voters) {
            if found.is_none() {
                ops.push(Op::Put { key, value: to_json(voter)?, condition: Condition::Absent, expires_in: None });
            }
        }
        let added = ops.len() as u64;
        if added == 0 {
            return Ok(0);
        }
        let value = to_json(&(total + added))?;
        ops.push(Op::Put { key: count_key(election, bucket)?, value, condition, expires_in: None });
        match store.batch(ops).await {
            Err(StoreError::Conflict { .. }) => {} // someone added voters at the same time
            other => return other.map(|()| added),
        }
    }
}

/// Reads voters from CSV with a header: `email`, and optionally `name` and `weight`.
pub(crate) fn parse_csv(bytes: &[u8]) -> Result<Vec<Entitled>, Vec<LineError>> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    // The reader looks at the second half of a line's end only with the next line, and counts one too few until then.
    let bytes: Vec<u8> = bytes
        .iter()
        .enumerate()
        .filter(|(at, byte)| **byte != b'\r' || bytes.get(at + 1) != Some(&b'\n'))
        .map(|(_, byte)| *byte)
        .collect();
    let whole = |message: String| vec![LineError { line: 1, message }];
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes.as_slice());
    let header = reader.headers().map_err(|error| whole(error.to_string()))?.clone();
    let mut columns = [None; 3];
    for (at, name) in header.iter().enumerate() {
        let place = ["email", "name", "weight"].iter().position(|known| name.eq_ignore_ascii_case(known));
        match place {
            Some(place) if columns[place].is_none() => columns[place] = Some(at),
            Some(_) => return Err(whole(format!("the column `{name}` appears twice"))),
            None => {
                return Err(whole(format!(
                    "unknown column `{}`; the header is email[,name][,weight]",
                    name.chars().take(40).collect::<String>()
                )));
            }
        }
    }
    let Some(email) = columns[0] else {
        return Err(whole("there is no column `email`; the header is email[,name][,weight]".to_owned()));
    };
    let mut rows = Vec::new();
    let mut errors = Vec::new();
    for record in reader.records() {
        match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                let cell = |at: Option<usize>| at.and_then(|at| record.get(at)).filter(|text| !text.is_empty()).map(str::to_owned);
                rows.push((line, record.get(email).unwrap_or_default().to_owned(), cell(columns[1]), cell(columns[2])));
            }
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                errors.push(LineError { line, message: error.to_string() });
            }
        }
    }
    let rows = rows.into_iter().map(|(line, email, name, weight)| {
        let weight = weight.map(|text| {
            text.parse::<u64>()
                .map_err(|_| format!("the weight `{}` is not a whole number", text.chars().take(40).collect::<String>()))
        });
        (line, email, name, weight.unwrap_or(Ok(1)))
    });
    check_rows(rows, errors)
}

/// Checks rows given by line, address, name and weight; all or nothing.
pub(crate) fn check_rows(
    rows: impl Iterator<Item = (u64, String, Option<String>, Result<u64, String>)>,
    mut errors: Vec<LineError>,
) -> Result<Vec<Entitled>, Vec<LineError>> {
    let mut seen = std::collections::HashMap::new();
    let mut voters = Vec::new();
    for (line, email, name, weight) in rows {
        let mut fail = |message: String| errors.push(LineError { line, message });
        let label = match normalize_email(&email) {
            Ok(label) => label,
            Err(error) => {
                fail(error.to_string());
                continue;
            }
        };
        if let Some(first) = seen.insert(label.clone(), line) {
            fail(format!("`{label}` appears twice, first in line {first}"));
            continue;
        }
        let name = name.unwrap_or_default();
        if let Err(message) = check_name(&name) {
            fail(message);
            continue;
        }
        match weight {
            Ok(weight) if (1..=MAX_WEIGHT).contains(&weight) => voters.push(Entitled { label, name, weight, key: None }),
            Ok(weight) => fail(format!("the weight is {weight}; it must be between 1 and {MAX_WEIGHT}")),
            Err(message) => fail(message),
        }
    }
    if errors.is_empty() { Ok(voters) } else { Err(errors) }
}

/// A name may be empty. One that a spreadsheet would run as a formula is refused, because rolls are
/// downloaded into spreadsheets.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Ok(());
    }
    if name.starts_with(['=', '+', '-', '@']) {
        return Err(format!("the name begins with `{}`, which a spreadsheet would run as a formula", &name[..1]));
    }
    voting_core::text::check_line(name, MAX_LABEL_BYTES).map_err(|error| format!("the name {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_is_read_whole_or_not_at_all() {
        let text = "\u{feff}email,name,weight\r\nAda@Example.com,\"Lovelace, Ada\",2\r\nbob@example.com,,\r\n";
        let voters = parse_csv(text.as_bytes()).unwrap();
        assert_eq!(voters.len(), 2);
        assert_eq!((voters[0].label.as_str(), voters[0].name.as_str(), voters[0].weight), ("ada@example.com", "Lovelace, Ada", 2));
        assert_eq!((voters[1].name.as_str(), voters[1].weight), ("", 1));
    }

    #[test]
    fn every_bad_row_is_named_by_its_line() {
        let text =
            "email,name,weight\nada@example.com,=1+1,1\nnobody,,1\nbob@example.com,,x\nBOB@example.com,,1\ncarol@example.com,,0\n";
        let errors = parse_csv(text.as_bytes()).unwrap_err();
        let lines: Vec<u64> = errors.iter().map(|error| error.line).collect();
        assert_eq!(lines, [2, 3, 4, 5, 6], "{errors:?}");
        let as_windows_writes_it = text.replace('\n', "\r\n");
        assert_eq!(parse_csv(as_windows_writes_it.as_bytes()).unwrap_err(), errors);
        assert!(parse_csv(b"name\nAda\n").is_err(), "no e-mail column");
        assert!(parse_csv(b"email,colour\na@b.de,red\n").is_err(), "unknown column");
        assert!(parse_csv(b"email\na@b.de,extra\n").is_err(), "ragged row");
    }

    #[test]
    fn pseudonyms_differ_by_secret_election_and_label() {
        let one = pseudonym(&[1; 32], ElectionId([1; 16]), "ada@example.com");
        assert_ne!(one, pseudonym(&[2; 32], ElectionId([1; 16]), "ada@example.com"));
        assert_ne!(one, pseudonym(&[1; 32], ElectionId([2; 16]), "ada@example.com"));
        assert_ne!(one, pseudonym(&[1; 32], ElectionId([1; 16]), "bob@example.com"));
        assert_eq!(one, pseudonym(&[1; 32], ElectionId([1; 16]), "ada@example.com"));
    }
}
