//! Sealing a ballot, and opening it again to test the seal.
//!
//! ```text
//!  choices ──Sealer::seal──▶ PreparedBallot ──cast──▶ SignedBallot            r is forgotten
//!                             │  shows its code
//!                             └──challenge──▶ Ballot + BallotOpening         void; anyone recomputes it (Benaloh, 2006)
//! ```
//!
//! The voter decides to cast or to challenge after seeing the code, so a client that encrypts something else than was chosen
//! is caught with every challenge it did not foresee. A challenged ballot is void and its ciphertexts are refused forever
//! ([`SeenCiphertexts`](super::SeenCiphertexts)). What was cast is never opened: the randomness is wiped.

use std::fmt;
use std::sync::LazyLock;

use borsh::{BorshDeserialize, BorshSerialize};
use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::traits::Identity as _;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};
use thiserror::Error;
use zeroize::{Zeroize as _, Zeroizing};

use super::ballot::{Ciphertext, MAX_SEALED_BALLOT_BYTES, SealedOption, SealedSelection, sealed_selections};
use super::contest::{SealedContest, UnsealableContest, check_contests};
use super::group::{Exponent, Point, PointError, Scalar, random_exponent};
use super::key::{ElectionKey, times_base};
use super::params::proof_hash;
use super::range::{Committed, Halves, Witness, limit_statement, option_statement};
use super::transcript::SealedHash;
use crate::ballot::{Ballot, BallotError, Selection, SelectionError, SignedBallot};
use crate::codec::Canonical;
use crate::crypto::{PublicKey, SigningKey};
use crate::ids::{BallotHash, ElectionId};

/// Why an election's ballots cannot be sealed or verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SealedElectionError {
    /// The election's key is not usable.
    #[error("the election's key is {0}")]
    Key(#[from] PointError),
    /// A contest that cannot be sealed.
    #[error(transparent)]
    Contest(#[from] UnsealableContest),
}

/// Seals ballots of one election.
#[derive(Debug)]
pub struct Sealer {
    id: ElectionId,
    election: SealedHash,
    key: ElectionKey,
    contests: Vec<SealedContest>,
}

impl Sealer {
    /// For an election by its id, its H_E, its key K and its contests. Computes tables.
    ///
    /// # Errors
    /// [`SealedElectionError`] if the key or a contest is not usable.
    pub fn new(
        id: ElectionId,
        election: SealedHash,
        key: &Point,
        contests: Vec<SealedContest>,
    ) -> Result<Self, SealedElectionError> {
        check_contests(&contests)?;
        Ok(Self { id, election, key: ElectionKey::new(*key)?, contests })
    }

    /// Seals a voter's choices.
    ///
    /// Draws, each 64 bytes reduced modulo ℓ: contest by contest, for each ciphertext r and then its range proof's; then the limit
    /// proof's. A proof over n values draws s for each value, then n − 1 challenges.
    ///
    /// # Errors
    /// [`BallotError`] naming the contest and the rule broken.
    pub fn seal(
        &self,
        voter: PublicKey,
        sequence: u32,
        selections: &[Selection],
        rng: &mut impl CryptoRng,
    ) -> Result<PreparedBallot, BallotError> {
        if selections.len() != self.contests.len() {
            return Err(BallotError::Contests { actual: selections.len(), expected: self.contests.len() });
        }
        let mut halves = Halves::default();
        let mut committed = Vec::with_capacity(self.contests.len());
        for (at, (rules, selection)) in self.contests.iter().zip(selections).enumerate() {
            let values = rules.values(selection).map_err(|reason| BallotError::Selection { contest: at, reason })?;
            committed.push(self.commit(rules, &values, &mut halves, rng));
        }
        let encodings = halves.encode();
        let hash = proof_hash(&self.election, &voter, sequence);
        let parts = committed.iter().zip(&self.contests).zip(0..);
        let sealed = parts.map(|((parts, rules), contest)| self.respond(&hash, contest, rules, parts, &encodings));
        let selections = sealed.map(Selection::Sealed).collect();
        let opened = committed.into_iter().map(|parts| parts.opened).collect();
        let ballot = Ballot { election: self.id, context: self.election.context(), voter, sequence, selections };
        Ok(PreparedBallot { ballot, opening: BallotOpening { contests: opened } })
    }

    /// Tests the seal of a challenged ballot: see [`SealVerifier::open`](super::SealVerifier::open).
    ///
    /// # Errors
    /// [`OpeningError`] naming the place.
    pub fn open(&self, ballot: &Ballot, opening: &BallotOpening) -> Result<Vec<Selection>, OpeningError> {
        open((&self.election, &self.key, &self.contests), ballot, opening)
    }

    fn commit(&self, rules: &SealedContest, values: &[u16], halves: &mut Halves, rng: &mut impl CryptoRng) -> CommittedContest {
        let (mut options, mut opened) = (Vec::with_capacity(values.len()), Vec::with_capacity(values.len()));
        let (mut sum, mut randomness) = (Zeroizing::new(0), Zeroizing::new(Exponent::ZERO));
        for (option, value) in values.iter().enumerate() {
            let r = random_exponent(rng);
            let half = Zeroizing::new(r.div_by_2());
            let alpha = halves.push(times_base(&half));
            let high = rules.max_value(option);
            halves.push(self.key.times(&half) + half_message(*value, high));
            let weight = rules.limit_weight(option);
            *sum += u32::from(*value) * weight;
            *randomness += *r * Exponent::from(weight);
            opened.push(OpenedOption { value: *value, randomness: Scalar(*r) });
            let witness = Witness { value: Zeroizing::new((*value).into()), randomness: r, low: 0, high: high.into() };
            options.push((alpha, witness.commit(&self.key, halves, rng)));
        }
        let limit = rules.limit().map(|limit| {
            let witness = Witness { value: sum, randomness, low: *limit.start(), high: *limit.end() };
            witness.commit(&self.key, halves, rng)
        });
        CommittedContest { options, limit, opened }
    }

    fn respond(
        &self,
        ballot: &SealedHash,
        contest: u16,
        rules: &SealedContest,
        parts: &CommittedContest,
        encodings: &[Point],
    ) -> SealedSelection {
        let point = |at: usize| encodings.get(at).copied().unwrap_or(Point([0; 32]));
        let mut options = Vec::with_capacity(parts.options.len());
        for (option, (at, committed)) in parts.options.iter().enumerate() {
            let ciphertext = Ciphertext { alpha: point(*at), beta: point(at + 1) };
            let statement = option_statement(ballot, contest, option as u16, rules.max_value(option), &self.key.bytes);
            let statement = statement.point(&ciphertext.alpha).point(&ciphertext.beta);
            options.push(SealedOption { ciphertext, range: committed.respond(statement, encodings) });
        }
        let limit = rules.limit().zip(parts.limit.as_ref()).map(|(limit, committed)| {
            let statement = limit_statement(ballot, contest, *limit.start(), *limit.end(), &self.key.bytes);
            let pairs = options.iter().flat_map(|option| [&option.ciphertext.alpha, &option.ciphertext.beta]);
            committed.respond(statement.points(pairs), encodings)
        });
        SealedSelection { options, limit }
    }
}

/// Tests the seal of a challenged ballot: see [`SealVerifier::open`](super::SealVerifier::open).
pub(super) fn open(
    (election, key, contests): (&SealedHash, &ElectionKey, &[SealedContest]),
    ballot: &Ballot,
    opening: &BallotOpening,
) -> Result<Vec<Selection>, OpeningError> {
    if ballot.context != election.context() {
        return Err(OpeningError::Election);
    }
    let sealed = sealed_selections(ballot).map_err(|_| OpeningError::Form)?;
    if sealed.len() != opening.contests.len() || sealed.len() != contests.len() {
        return Err(OpeningError::Form);
    }
    let mut selections = Vec::with_capacity(contests.len());
    for (contest, ((rules, sealed), opened)) in contests.iter().zip(sealed).zip(&opening.contests).enumerate() {
        let sealed = &sealed.options;
        if sealed.len() != opened.len() || sealed.len() != rules.ciphertexts() {
            return Err(OpeningError::Form);
        }
        for (option, (sealed, opened)) in sealed.iter().zip(opened).enumerate() {
            if encrypt(key, opened) != sealed.ciphertext {
                return Err(OpeningError::Ciphertext { contest, option });
            }
        }
        let values: Vec<u16> = opened.iter().map(|opened| opened.value).collect();
        let selection = rules.selection(&values);
        let allowed = rules.values(&selection).map_err(|reason| OpeningError::Selection { contest, reason })?;
        if *allowed != values {
            return Err(OpeningError::Selection { contest, reason: SelectionError::Blank });
        }
        selections.push(selection);
    }
    Ok(selections)
}

fn encrypt(key: &ElectionKey, opened: &OpenedOption) -> Ciphertext {
    let (m, r) = (Exponent::from(opened.value), opened.randomness.0);
    let beta = times_base(&m) + key.times(&r);
    Ciphertext { alpha: Point::of(&times_base(&r)), beta: Point::of(&beta) }
}

/// (m/2)G for m ≤ high, in constant time.
fn half_message(value: u16, high: u16) -> RistrettoPoint {
    if high > 1 {
        return times_base(&Zeroizing::new(Exponent::from(value).div_by_2()));
    }
    static HALF: LazyLock<RistrettoPoint> = LazyLock::new(|| times_base(&Exponent::ONE.div_by_2()));
    RistrettoPoint::conditional_select(&RistrettoPoint::identity(), &HALF, value.ct_eq(&1))
}

/// One contest between commitments and challenges.
struct CommittedContest {
    /// Place of α among the encodings, β after it; the range proof.
    options: Vec<(usize, Committed)>,
    limit: Option<Committed>,
    opened: Vec<OpenedOption>,
}

/// A sealed ballot whose voter has not yet decided to cast or to challenge it.
pub struct PreparedBallot {
    ballot: Ballot,
    opening: BallotOpening,
}

impl PreparedBallot {
    /// The ballot's identity, whose [code](BallotHash::code) is to be noted down before deciding: it covers election, voter,
    /// sequence, ciphertexts and proofs.
    #[must_use]
    pub fn hash(&self) -> BallotHash {
        self.ballot.hash()
    }

    /// The ballot as it stands, to be committed to before it is challenged.
    #[must_use]
    pub const fn ballot(&self) -> &Ballot {
        &self.ballot
    }

    /// Signs the ballot to be cast, and forgets what would open it.
    #[must_use]
    pub fn cast(self, key: &SigningKey) -> SignedBallot {
        self.ballot.sign(key)
    }

    /// Opens the ballot, which is void from now on.
    #[must_use]
    pub fn challenge(self) -> (Ballot, BallotOpening) {
        (self.ballot, self.opening)
    }
}

impl fmt::Debug for PreparedBallot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedBallot").field("hash", &self.hash()).finish_non_exhaustive()
    }
}

/// m and r of one ciphertext. Wiped when dropped.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenedOption {
    /// m.
    pub value: u16,
    /// r.
    pub randomness: Scalar,
}

impl Drop for OpenedOption {
    fn drop(&mut self) {
        self.value.zeroize();
        self.randomness.zeroize();
    }
}

impl fmt::Debug for OpenedOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenedOption(…)")
    }
}

/// What opens a challenged ballot.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BallotOpening {
    /// By contest and ciphertext.
    pub contests: Vec<Vec<OpenedOption>>,
}

impl Canonical for BallotOpening {
    const TAG: &'static str = "voting/sealed-opening/v1";
    const MAX_BYTES: usize = MAX_SEALED_BALLOT_BYTES;
}

/// Why an opening does not open a ballot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpeningError {
    /// The ballot is of another election.
    #[error("the ballot was made for another election")]
    Election,
    /// Contests or options missing or too many.
    #[error("the opening has another form than the ballot or the election")]
    Form,
    /// The ciphertext is not what the opening makes.
    #[error("contest {contest}, option {option}: the ciphertext does not hold what the opening says")]
    Ciphertext {
        /// Which contest.
        contest: usize,
        /// Which option.
        option: usize,
    },
    /// What it holds is no choice.
    #[error("contest {contest}: {reason}")]
    Selection {
        /// Which contest.
        contest: usize,
        /// The rule broken.
        reason: SelectionError,
    },
}

impl OpeningError {
    /// A stable code for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Election => "sealed_election",
            Self::Form => "sealed_opening_form",
            Self::Ciphertext { .. } => "sealed_opening",
            Self::Selection { .. } => "sealed_selection",
        }
    }
}
