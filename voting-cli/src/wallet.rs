//! What a voter holds for one election: the key, every ballot signed, and what became of it.
//!
//! ```text
//!  elections/<election>/<account>/
//!      key            secret key, certified once
//!      1.ballot       canonical bytes, written before they are sent
//!      1.receipt      proof that they are recorded     ┐ at most one
//!      1.refused      why the server refused them      ┘ of these
//!      election.json  the election as it was shown when voting
//! ```
//!
//! A ballot with neither receipt nor refusal is *in doubt*: it may have been sent. As long as there is
//! one, no other ballot is signed; the same bytes are sent again until the outcome is known.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use voting_core::ballot::SignedBallot;
use voting_core::crypto::SigningKey;
use voting_core::receipt::Receipt;
use voting_core::{BallotHash, Canonical, ElectionId, Timestamp};

use crate::api::Election;
use crate::exit::Result;
use crate::keys;
use crate::state::{self, Lock, ServerDir};

/// One account's holdings in one election.
#[derive(Debug, Clone)]
pub(crate) struct Wallet {
    dir: PathBuf,
}

/// A signed ballot and its fate.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) ballot: SignedBallot,
    pub(crate) receipt: Option<Receipt>,
    pub(crate) refused: Option<Refusal>,
}

/// Why the server refused a ballot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) detail: String,
    pub(crate) at: Timestamp,
}

impl Held {
    /// Whether it may have been sent without the outcome being known.
    pub(crate) const fn in_doubt(&self) -> bool {
        self.receipt.is_none() && self.refused.is_none()
    }
}

impl Wallet {
    /// The wallet of an account; nothing is created yet.
    pub(crate) fn of(server: &ServerDir, election: ElectionId, account: &str) -> Self {
        Self { dir: server.join("elections").join(election.to_string()).join(state::safe_name(account)) }
    }

    /// Every wallet kept for a server.
    pub(crate) fn all(server: &ServerDir) -> Result<Vec<Self>> {
        let mut wallets = Vec::new();
        let elections = server.join("elections");
        for election in state::list(&elections)? {
            let accounts = state::list(&elections.join(&election))?;
            wallets.extend(accounts.into_iter().map(|account| Self { dir: elections.join(&election).join(account) }));
        }
        Ok(wallets)
    }

    /// Where it lies.
    pub(crate) fn path(&self) -> &Path {
        &self.dir
    }

    /// Keeps other commands away while a ballot is signed and sent.
    pub(crate) async fn lock(&self) -> Result<Lock> {
        state::lock(&self.dir.join("lock")).await
    }

    /// The voter's key, made at the first call.
    pub(crate) fn key(&self) -> Result<SigningKey> {
        keys::load_or_create(&self.dir)
    }

    /// Every ballot signed, oldest first.
    pub(crate) fn ballots(&self) -> Result<Vec<Held>> {
        let sequence = |name: String| name.strip_suffix(".ballot")?.parse::<u32>().ok();
        let mut sequences: Vec<_> = state::list(&self.dir)?.into_iter().filter_map(sequence).collect();
        sequences.sort_unstable();
        sequences.into_iter().filter_map(|sequence| self.held(sequence).transpose()).collect()
    }

    /// Keeps a ballot, before it is sent.
    pub(crate) fn add(&self, ballot: &SignedBallot) -> Result<()> {
        let path = self.file(ballot, "ballot");
        if state::write_new(&path, &ballot.to_canonical())? {
            return Ok(());
        }
        Err(state::damaged(&path, "a ballot with this sequence number exists already"))
    }

    /// Keeps the proof that a ballot is recorded.
    pub(crate) fn record(&self, ballot: &SignedBallot, receipt: &Receipt) -> Result<()> {
        state::write(&self.file(ballot, "receipt"), &receipt.to_canonical())?;
        state::remove(&self.file(ballot, "refused"))
    }

    /// Keeps why a ballot was refused.
    pub(crate) fn refuse(&self, ballot: &SignedBallot, refusal: &Refusal) -> Result<()> {
        let path = self.file(ballot, "refused");
        let bytes = serde_json::to_vec_pretty(refusal).map_err(|error| state::damaged(&path, error))?;
        state::write(&path, &bytes)
    }

    /// Keeps bytes that claim to be a receipt and are none: evidence.
    pub(crate) fn keep_evidence(&self, ballot: &SignedBallot, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.file(ballot, "bad-receipt");
        state::write(&path, bytes).map(|()| path)
    }

    /// Keeps the election as it was shown.
    pub(crate) fn keep_election(&self, election: &Election) -> Result<()> {
        let path = self.dir.join("election.json");
        let bytes = serde_json::to_vec_pretty(election).map_err(|error| state::damaged(&path, error))?;
        state::write(&path, &bytes)
    }

    /// The election as it was shown when voting.
    pub(crate) fn election(&self) -> Result<Option<Election>> {
        let path = self.dir.join("election.json");
        let Some(bytes) = state::read(&path)? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| state::damaged(&path, error))
    }

    fn held(&self, sequence: u32) -> Result<Option<Held>> {
        let path = |kind: &str| self.dir.join(format!("{sequence}.{kind}"));
        let Some(ballot) = decode::<SignedBallot>(&path("ballot"))? else { return Ok(None) };
        let refused = state::read(&path("refused"))?
            .map(|bytes| serde_json::from_slice(&bytes).map_err(|error| state::damaged(&path("refused"), error)))
            .transpose()?;
        Ok(Some(Held { ballot, receipt: decode(&path("receipt"))?, refused }))
    }

    fn file(&self, ballot: &SignedBallot, kind: &str) -> PathBuf {
        self.dir.join(format!("{}.{kind}", ballot.ballot.sequence))
    }
}

/// Whether what a person typed means this ballot: its hash, its code (with or without dashes), or the
/// beginning of either, eight characters at least.
pub(crate) fn means_ballot(typed: &str, ballot: BallotHash) -> bool {
    let plain = |text: &str| text.replace('-', "").to_ascii_lowercase();
    let typed = plain(typed);
    typed.len() >= 8 && (ballot.to_string().starts_with(&typed) || plain(&ballot.code()).starts_with(&typed))
}

fn decode<T: Canonical>(path: &Path) -> Result<Option<T>> {
    let Some(bytes) = state::read(path)? else { return Ok(None) };
    T::from_canonical(&bytes).map(Some).map_err(|error| state::damaged(path, error))
}

#[cfg(test)]
mod tests {
    use voting_core::testing::chain::key;
    use voting_core::testing::{TestChain, ballot, definition};

    use super::*;

    #[test]
    fn a_ballot_is_in_doubt_until_its_fate_is_known() {
        let root = tempfile::tempdir().unwrap();
        let server = ServerDir::of(root.path(), &"http://a:1".parse().unwrap());
        let election = definition(1, &["Ada", "Bob"]);
        let wallet = Wallet::of(&server, election.id, "u-1");
        assert!(wallet.ballots().unwrap().is_empty());
        let first = ballot(TestChain::new(4).chain(), &election, &key(0), &[1]);
        wallet.add(&first).unwrap();
        assert!(wallet.ballots().unwrap()[0].in_doubt());
        assert!(wallet.add(&first).is_err(), "never overwritten");

        let refusal = Refusal { code: "wrong_phase".into(), detail: "closed".into(), at: Timestamp::default() };
        wallet.refuse(&first, &refusal).unwrap();
        let held = &wallet.ballots().unwrap()[0];
        assert_eq!((held.in_doubt(), held.refused.as_ref(), &held.ballot), (false, Some(&refusal), &first));
        assert_eq!(Wallet::all(&server).unwrap().len(), 1);
    }

    #[test]
    fn ballots_are_found_by_hash_or_code() {
        let hash = BallotHash([0xab; 32]);
        for typed in [hash.to_string(), hash.code(), hash.code().replace('-', "").to_lowercase(), "abababab".into()] {
            assert!(means_ballot(&typed, hash), "{typed}");
        }
        assert!(!means_ballot("ababab", hash), "too short to be sure");
        assert!(!means_ballot("abababac", hash));
    }
}
