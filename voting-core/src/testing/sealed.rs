//! Sealed elections for tests: a ceremony carried through, ballots of every kind.

use super::{Draws, key};
use crate::crypto::SigningKey;
use crate::ids::{Digest, ElectionId};
use crate::sealed::ceremony::{Ceremony, CeremonyOutcome, CeremonyPhase, CeremonySetup, Dealer};
use crate::sealed::{Parameters, SealVerifier, SealedContest, SealedElection, SealedHash, Sealer, ShareOfKey};

/// A sealed election whose trustees are all honest.
#[derive(Debug)]
pub struct TestSeal {
    /// The ceremony, done.
    pub ceremony: Ceremony,
    /// What it gave.
    pub outcome: CeremonyOutcome,
    /// The trustees' shares.
    pub shares: Vec<ShareOfKey>,
    /// What H_E is made of.
    pub election: SealedElection,
    /// The contests.
    pub contests: Vec<SealedContest>,
}

impl TestSeal {
    /// A ceremony of t of n, and an election with these contests.
    ///
    /// # Panics
    /// If t and n make no sense.
    #[must_use]
    pub fn new(threshold: u16, trustees: u16, contests: Vec<SealedContest>) -> Self {
        let (setup, dealers) = dealers(threshold, trustees, 1);
        let mut ceremony = Ceremony::new(setup).expect("the setup is usable");
        carry_through(&mut ceremony, &dealers);
        let outcome = ceremony.outcome().expect("all have signed");
        let shares = dealers.iter().map(|dealer| dealer.finish(&ceremony).expect("the ceremony is done")).collect();
        let election = SealedElection {
            parameters: outcome.parameters,
            context: Digest([3; 32]),
            key: outcome.key,
            ceremony: outcome.transcript,
            roll_root: Digest([4; 32]),
            authorities: Digest([5; 32]),
        };
        Self { ceremony, outcome, shares, election, contests }
    }

    /// H_E.
    #[must_use]
    pub fn hash(&self) -> SealedHash {
        self.election.hash()
    }

    /// Seals its ballots.
    ///
    /// # Panics
    /// If the contests cannot be sealed.
    #[must_use]
    pub fn sealer(&self) -> Sealer {
        Sealer::new(self.hash(), &self.election.key, self.contests.clone()).expect("the contests can be sealed")
    }

    /// Verifies its ballots.
    ///
    /// # Panics
    /// If the contests cannot be sealed.
    #[must_use]
    pub fn verifier(&self) -> SealVerifier {
        SealVerifier::new(self.hash(), &self.election.key, self.contests.clone()).expect("the contests can be sealed")
    }
}

/// The key that a trustee signs with.
#[must_use]
pub fn trustee_key(index: u16) -> SigningKey {
    key(10_000 + u64::from(index))
}

/// A setup and its trustees, whose secrets come from a number.
///
/// # Panics
/// If t and n make no sense.
#[must_use]
pub fn dealers(threshold: u16, trustees: u16, secrets: u64) -> (CeremonySetup, Vec<Dealer>) {
    let setup = CeremonySetup {
        parameters: Parameters::new(threshold, trustees).expect("t and n make sense"),
        election: ElectionId([6; 16]),
        trustees: (1..=trustees).map(|index| trustee_key(index).public()).collect(),
    };
    let mut draws = Draws::new(&format!("dealers {secrets}"));
    let dealer = |index| Dealer::new(&setup, trustee_key(index), draws.bytes()).expect("the setup is usable");
    let dealers = (1..=trustees).map(dealer).collect();
    (setup, dealers)
}

/// What an honest trustee says in the phase that a ceremony is in; none if there is nothing to say.
///
/// # Panics
/// If the trustee no longer takes part.
#[must_use]
pub fn honest(ceremony: &Ceremony, dealer: &Dealer) -> Option<crate::sealed::ceremony::SignedMessage> {
    let said = match ceremony.phase() {
        CeremonyPhase::Commit => Ok(Some(dealer.commit())),
        CeremonyPhase::Reveal => dealer.reveal(ceremony).map(Some),
        CeremonyPhase::Deal => dealer.deal(ceremony).map(Some),
        CeremonyPhase::Check => dealer.check(ceremony).map(Some),
        CeremonyPhase::Open => dealer.open(ceremony),
        CeremonyPhase::Sign => dealer.sign(ceremony).map(Some),
        CeremonyPhase::Done => Ok(None),
    };
    said.expect("an honest trustee takes part")
}

/// Carries a ceremony through to its end, with those trustees that are left.
///
/// # Panics
/// If it refuses an honest message.
pub fn carry_through(ceremony: &mut Ceremony, dealers: &[Dealer]) {
    while ceremony.phase() != CeremonyPhase::Done {
        let phase = ceremony.phase();
        for dealer in dealers.iter().filter(|dealer| ceremony.missing().contains(&dealer.index())).collect::<Vec<_>>() {
            if ceremony.phase() == phase
                && let Some(message) = honest(ceremony, dealer)
            {
                ceremony.apply(&message).expect("an honest message is accepted");
            }
        }
    }
}
