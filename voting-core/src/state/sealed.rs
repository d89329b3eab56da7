//! What the ledger knows of a sealed election: its ceremony, its key, its encrypted sums and what came of them.
//!
//! ```text
//!  ready ── trustees' steps ──▶ scheduled ── open ── ballots, challenges ──▶ closed ── trustees' parts ──▶ sums in clear
//!           ceremony            H_E, K fixed          A, B                             t of n
//! ```

use std::sync::Arc;

use imbl::HashMap;

use super::Refusal;
use crate::ballot::Ballot;
use crate::crypto::PublicKey;
use crate::crypto::merkle::{leaf_hash, merkle_root};
use crate::election::{ElectionDefinition, Trustees};
use crate::entry::{CertifiedVoter, Challenge, TrusteeAct, TrusteeStep, VerifiedEntry};
use crate::ids::{BallotHash, Digest, Pseudonym};
use crate::sealed::ceremony::{Ceremony, CeremonyPhase};
use crate::sealed::{
    Aggregate, Ciphertext, Decryption, DecryptionError, MAX_TOTAL, PartialDecryption, SealVerifier, SealedElection,
    SeenCiphertexts, TrusteeKey, VerifiedBallot, combine, verify_partial,
};
use crate::state::Position;
use crate::tally::ElectionTally;

/// Ballots that one voter may open to test the seal; each takes as much room on the ledger as a ballot that is cast.
pub const MAX_CHALLENGES: u16 = 20;

/// The key of a sealed election, and everything that is fixed with it.
#[derive(Debug)]
pub struct Seal {
    election: SealedElection,
    verifier: SealVerifier,
    trustees: Vec<TrusteeKey>,
}

impl Seal {
    /// What H_E is made of.
    #[must_use]
    pub const fn election(&self) -> &SealedElection {
        &self.election
    }

    /// Verifies ballots, and opens challenged ones.
    #[must_use]
    pub const fn verifier(&self) -> &SealVerifier {
        &self.verifier
    }

    /// What the parts of the trustees are verified with; those who were left out of the ceremony are missing.
    #[must_use]
    pub fn trustees(&self) -> &[TrusteeKey] {
        &self.trustees
    }
}

/// The sealed side of an election's state, from the moment it is ready.
#[derive(Debug, Clone)]
pub struct SealedState {
    ceremony: Arc<Ceremony>,
    seal: Option<Arc<Seal>>,
    sums: Option<Aggregate>,
    seen: SeenCiphertexts,
    challenged: HashMap<BallotHash, Position>,
    challenges: HashMap<PublicKey, u16>,
    parts: Vec<Arc<PartialDecryption>>,
    decryption: Option<Arc<Decryption>>,
}

/// What a ballot has added to the sums, as it is kept while a later one may replace it.
pub(super) type Kept = Arc<[Ciphertext]>;

impl SealedState {
    /// Starts a ceremony.
    pub(super) fn begin(trustees: &Trustees, context: Digest, attempt: u32) -> Result<Self, Refusal> {
        let setup = trustees.ceremony(context, attempt);
        let ceremony =
            Ceremony::new(setup).map_err(|reason| Refusal::Definition(crate::election::DefinitionError::Trustees(reason)))?;
        Ok(Self {
            ceremony: Arc::new(ceremony),
            seal: None,
            sums: None,
            seen: SeenCiphertexts::default(),
            challenged: HashMap::new(),
            challenges: HashMap::new(),
            parts: Vec::new(),
            decryption: None,
        })
    }

    /// Takes a trustee's step of the ceremony.
    pub(super) fn step(&mut self, act: &TrusteeAct, trustees: &Trustees) -> Result<(), Refusal> {
        let number = trustees.number(&act.trustee).ok_or(Refusal::NotATrustee { key: act.trustee })?;
        match &act.step {
            TrusteeStep::Ceremony(message) => {
                if message.message.trustee != number {
                    return Err(Refusal::NotATrustee { key: act.trustee });
                }
                let mut ceremony = Ceremony::clone(&self.ceremony);
                ceremony.apply(message)?;
                self.ceremony = Arc::new(ceremony);
                Ok(())
            }
            TrusteeStep::Decrypt(part) => self.decrypt(part, number, act.trustee, trustees),
        }
    }

    /// Leaves out who has not done their part in the ceremony's phase.
    pub(super) fn close_ceremony_phase(&mut self) -> Result<(), Refusal> {
        let mut ceremony = Ceremony::clone(&self.ceremony);
        ceremony.close()?;
        self.ceremony = Arc::new(ceremony);
        Ok(())
    }

    /// Fixes the key, the voters certified so far and the authorities: nothing of them can change unseen from now on.
    pub(super) fn fix(
        &mut self,
        definition: &ElectionDefinition,
        context: Digest,
        roll_root: Digest,
        authorities: Digest,
    ) -> Result<(), Refusal> {
        let Some(outcome) = self.ceremony.outcome() else {
            let missing = self.ceremony.missing().into_iter().collect();
            return Err(Refusal::CeremonyUnfinished { phase: self.ceremony.phase(), missing });
        };
        let election = SealedElection {
            parameters: outcome.parameters,
            context,
            key: outcome.key,
            ceremony: outcome.transcript,
            roll_root,
            authorities,
        };
        let contests = definition.sealed_contests()?;
        let verifier = SealVerifier::new(election.hash(), &election.key, contests).map_err(Refusal::SealedElection)?;
        self.sums = Some(Aggregate::new(election.hash(), verifier.contests()));
        self.seal = Some(Arc::new(Seal { election, verifier, trustees: outcome.trustees }));
        Ok(())
    }

    /// Whether a ballot's ciphertexts are new.
    pub(super) fn check_new(&self, ballot: &Ballot, hash: BallotHash) -> Result<(), Refusal> {
        if let Some(position) = self.challenged.get(&hash) {
            return Err(Refusal::Voided { position: *position });
        }
        self.seen.find(ballot).map_or(Ok(()), |alpha| Err(Refusal::CiphertextSeen { alpha }))
    }

    /// Verifies a ballot, by itself or by what is known of its entry.
    pub(super) fn verify(&self, ballot: &Ballot, entry: Option<&VerifiedEntry>) -> Result<VerifiedBallot, Refusal> {
        let seal = self.seal.as_deref().ok_or(Refusal::Context)?;
        let verdict = match entry {
            Some(entry) => entry.sealed(ballot, &seal.verifier),
            None => seal.verifier.verify(ballot),
        };
        verdict.map_err(Refusal::Sealed)
    }

    /// Adds a ballot that was checked, and takes back the one it replaces.
    pub(super) fn cast(
        &mut self,
        ballot: &Ballot,
        verified: &VerifiedBallot,
        weight: u64,
        replaced: Option<&Kept>,
    ) -> Result<(), Refusal> {
        let seal = self.seal.as_deref().ok_or(Refusal::Context)?;
        let mut sums = self.sums.clone().ok_or(Refusal::Context)?;
        if let Some(kept) = replaced {
            let old = seal.verifier.read(&mut kept.iter()).map_err(Refusal::Sealed)?;
            sums.remove(&old, weight)?;
        }
        sums.add(verified, weight)?;
        self.seen.insert(ballot).map_err(|alpha| Refusal::CiphertextSeen { alpha })?;
        self.sums = Some(sums);
        Ok(())
    }

    /// Voids a ballot that its voter opens.
    pub(super) fn challenge(&mut self, challenge: &Challenge, position: Position) -> Result<(), Refusal> {
        let Challenge { ballot, opening } = challenge;
        let hash = ballot.hash();
        self.check_new(ballot, hash)?;
        let made = self.challenges.get(&ballot.voter).copied().unwrap_or_default();
        if made >= MAX_CHALLENGES {
            return Err(Refusal::TooManyChallenges);
        }
        let seal = self.seal.as_deref().ok_or(Refusal::Context)?;
        seal.verifier.open(ballot, opening).map_err(Refusal::Opening)?;
        self.seen.insert(ballot).map_err(|alpha| Refusal::CiphertextSeen { alpha })?;
        self.challenged.insert(hash, position);
        self.challenges.insert(ballot.voter, made + 1);
        Ok(())
    }

    fn decrypt(&mut self, part: &PartialDecryption, number: u16, key: PublicKey, trustees: &Trustees) -> Result<(), Refusal> {
        let (Some(seal), Some(sums)) = (self.seal.as_deref(), &self.sums) else {
            return Err(Refusal::Context);
        };
        if self.decryption.is_some() {
            return Err(Refusal::Decrypted { threshold: trustees.threshold });
        }
        if part.trustee != number {
            return Err(Refusal::NotATrustee { key });
        }
        if self.parts.iter().any(|given| given.trustee == number) {
            return Err(crate::sealed::PartialRefusal::Twice { trustee: number }.into());
        }
        let (ballots, min) = (sums.ballots(), trustees.min_ballots);
        if ballots < min {
            return Err(Refusal::Decryption(DecryptionError::GroupSize { ballots, min }));
        }
        let known = seal.trustees.iter().find(|trustee| trustee.index == number);
        let known = known.ok_or(crate::sealed::PartialRefusal::UnknownTrustee { trustee: number })?;
        verify_partial(sums, part, known)?;
        let mut parts = self.parts.clone();
        parts.push(Arc::new(part.clone()));
        if parts.len() >= usize::from(trustees.threshold) {
            let all: Vec<PartialDecryption> = parts.iter().map(|part| PartialDecryption::clone(part)).collect();
            let contests = seal.verifier.contests();
            let decryption = combine(&seal.election.parameters, &seal.trustees, contests, sums, &all, min)?;
            self.decryption = Some(Arc::new(decryption));
        }
        self.parts = parts;
        Ok(())
    }

    /// The sums in clear, as a count of open ballots would state them.
    pub(super) fn tally(&self, definition: &ElectionDefinition) -> Option<ElectionTally> {
        let (decryption, sums) = (self.decryption.as_deref()?, self.sums.as_ref()?);
        Some(ElectionTally::decrypted(definition, sums, decryption))
    }

    /// The ceremony so far.
    #[must_use]
    pub fn ceremony(&self) -> &Ceremony {
        &self.ceremony
    }

    /// Where the ceremony stands.
    #[must_use]
    pub fn ceremony_phase(&self) -> CeremonyPhase {
        self.ceremony.phase()
    }

    /// The key and what is fixed with it, from the scheduled phase on.
    #[must_use]
    pub const fn seal(&self) -> Option<&Arc<Seal>> {
        self.seal.as_ref()
    }

    /// The encrypted sums, from the scheduled phase on.
    #[must_use]
    pub const fn sums(&self) -> Option<&Aggregate> {
        self.sums.as_ref()
    }

    /// Where a ballot was opened, if it was.
    #[must_use]
    pub fn challenge_position(&self, ballot: BallotHash) -> Option<Position> {
        self.challenged.get(&ballot).copied()
    }

    /// Number of ballots opened to test the seal.
    #[must_use]
    pub fn challenged(&self) -> u64 {
        self.challenged.len() as u64
    }

    /// The trustees' parts so far.
    #[must_use]
    pub fn parts(&self) -> &[Arc<PartialDecryption>] {
        &self.parts
    }

    /// The sums in clear, once enough trustees have decrypted.
    #[must_use]
    pub const fn decryption(&self) -> Option<&Arc<Decryption>> {
        self.decryption.as_ref()
    }
}

/// The largest total of the weights that a sealed election's voters may have: what is encrypted must be found again.
pub(super) fn most_weight(definition: &ElectionDefinition) -> u64 {
    let highest = definition.contests.iter().map(|contest| u64::from(contest.max_score.max(1))).max();
    MAX_TOTAL / highest.unwrap_or(1)
}

/// RFC 6962 root over voters in the order of their pseudonyms; a leaf is `pseudonym ‖ key ‖ u64 weight`.
pub(crate) fn roll_root<'v>(voters: impl Iterator<Item = (&'v Pseudonym, PublicKey, u64)>) -> Digest {
    let mut voters: Vec<_> = voters.map(|(pseudonym, key, weight)| CertifiedVoter { pseudonym: *pseudonym, key, weight }).collect();
    voters.sort_unstable_by_key(|voter| voter.pseudonym);
    let leaf = |voter: &CertifiedVoter| {
        let bytes = [voter.pseudonym.0.as_slice(), &voter.key.0, &voter.weight.to_le_bytes()].concat();
        leaf_hash(&bytes)
    };
    merkle_root(&voters.iter().map(leaf).collect::<Vec<_>>())
}
