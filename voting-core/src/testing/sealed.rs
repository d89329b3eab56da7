//! Sealed elections for tests: a ceremony carried through, ballots of every kind, and a whole election on a chain.

use super::{Draws, TestChain, key};
use crate::ballot::Selection;
use crate::crypto::SigningKey;
use crate::election::{ElectionDefinition, Phase, Secrecy, Trustee, Trustees};
use crate::entry::{Act, Challenge, Entry, TrusteeAct, TrusteeStep};
use crate::ids::{Digest, ElectionId};
use crate::sealed::ceremony::{Ceremony, CeremonyOutcome, CeremonyPhase, CeremonySetup, Dealer};
use crate::sealed::{
    Parameters, PartialDecryption, PreparedBallot, SealVerifier, SealedContest, SealedElection, SealedHash, Sealer, ShareOfKey,
};
use crate::state::{ElectionState, Refusal, SealedState};

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
        Sealer::new(ElectionId([6; 16]), self.hash(), &self.election.key, self.contests.clone())
            .expect("the contests can be sealed")
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
        context: Digest([6; 32]),
        attempt: 1,
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
    dealer.next_step(ceremony).expect("an honest trustee takes part")
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

/// The trustees of a sealed election, with the keys [`trustee_key`]`(1..)`.
#[must_use]
pub fn trustees(threshold: u16, number: u16, min_ballots: u64) -> Trustees {
    let trustee = |index| Trustee { name: format!("Trustee {index}"), key: trustee_key(index).public() };
    Trustees { threshold, min_ballots, trustees: (1..=number).map(trustee).collect() }
}

/// A sealed election on a [`TestChain`], with the secrets of its trustees.
#[derive(Debug)]
pub struct SealedChain {
    /// The chain.
    pub chain: TestChain,
    /// The election.
    pub id: ElectionId,
    /// Its trustees.
    pub dealers: Vec<Dealer>,
}

impl SealedChain {
    /// Defines an election and has it ready for its ceremony.
    ///
    /// # Errors
    /// The first [`Refusal`].
    ///
    /// # Panics
    /// If the definition names other trustees than [`trustees`] does.
    pub fn ready(mut chain: TestChain, definition: &ElectionDefinition, roll: u64) -> Result<Self, Refusal> {
        let id = definition.id;
        let acts = [Act::Define(definition.clone()), Act::SetRoll { size: roll }, Act::Advance { to: Phase::Ready }];
        for act in acts {
            let entry = chain.act(id, act);
            chain.append(&[entry])?;
        }
        let mut this = Self { chain, id, dealers: Vec::new() };
        let setup = this.sealed().ceremony().record().setup;
        let dealer = |index: u16| {
            let seed = Draws::new(&format!("dealer {index}")).bytes();
            Dealer::new(&setup, trustee_key(index), seed).expect("a trustee of this election")
        };
        this.dealers = (1..=setup.parameters.trustees).map(dealer).collect();
        Ok(this)
    }

    /// Defines a sealed election of t of n trustees, carries out the ceremony, certifies voters with the keys [`key`]`(0..voters)`,
    /// who weigh 1 each, and opens it.
    ///
    /// # Errors
    /// The first [`Refusal`].
    pub fn open(definition: &ElectionDefinition, threshold: u16, number: u16, voters: u64) -> Result<Self, Refusal> {
        let secrecy = Secrecy::Sealed(trustees(threshold, number, 1));
        let mut this = Self::ready(TestChain::new(4), &ElectionDefinition { secrecy, ..definition.clone() }, voters)?;
        this.carry_out_ceremony()?;
        let numbers: Vec<u64> = (0..voters).collect();
        for some in numbers.chunks(crate::entry::MAX_CERTIFIED_PER_ENTRY) {
            let entry = this.chain.certification(this.id, some.iter().map(|n| (super::chain::pseudonym(*n), 1, *n)));
            this.chain.append(&[entry])?;
        }
        this.advance(Phase::Scheduled)?;
        this.advance(Phase::Open)?;
        Ok(this)
    }

    /// Carries the ceremony through, one entry a block.
    ///
    /// # Errors
    /// The first [`Refusal`].
    pub fn carry_out_ceremony(&mut self) -> Result<(), Refusal> {
        while let Some(index) = self.sealed().ceremony().missing().first().copied() {
            let message = honest(self.sealed().ceremony(), &self.dealers[usize::from(index) - 1]);
            let Some(message) = message else { break };
            let entry = self.trustee(index, TrusteeStep::Ceremony(Box::new(message)));
            self.chain.append(&[entry])?;
        }
        Ok(())
    }

    /// A trustee's act, signed.
    #[must_use]
    pub fn trustee(&self, index: u16, step: TrusteeStep) -> Entry {
        let key = trustee_key(index);
        Entry::trustee(TrusteeAct { chain: self.chain.chain(), election: self.id, step, trustee: key.public() }, &key)
    }

    /// Enters a phase.
    ///
    /// # Errors
    /// The [`Refusal`].
    pub fn advance(&mut self, to: Phase) -> Result<(), Refusal> {
        let entry = self.chain.act(self.id, Act::Advance { to });
        self.chain.append(&[entry]).map(|_| ())
    }

    /// The election's state.
    ///
    /// # Panics
    /// If it is not there.
    #[must_use]
    pub fn election(&self) -> &ElectionState {
        self.chain.state.election(self.id).expect("it is defined")
    }

    /// The election's sealed side.
    ///
    /// # Panics
    /// If it has none.
    #[must_use]
    pub fn sealed(&self) -> &SealedState {
        self.election().sealed().expect("it is sealed and ready")
    }

    /// Seals ballots of this election.
    ///
    /// # Panics
    /// If its key is not fixed.
    #[must_use]
    pub fn sealer(&self) -> Sealer {
        self.election().sealer().expect("its key is fixed")
    }

    /// A ballot of the voter with the key [`key`]`(voter)`. The same call makes the same ballot.
    ///
    /// # Panics
    /// If the selections are not allowed.
    #[must_use]
    pub fn prepare(&self, voter: u64, sequence: u32, selections: &[Selection]) -> PreparedBallot {
        let mut draws = Draws::new(&format!("voter {voter} ballot {sequence} {selections:?}"));
        self.sealer().seal(key(voter).public(), sequence, selections, &mut draws).expect("the choice is allowed")
    }

    /// That ballot, to be cast.
    #[must_use]
    pub fn cast(&self, voter: u64, sequence: u32, selections: &[Selection]) -> Entry {
        Entry::Cast(self.prepare(voter, sequence, selections).cast(&key(voter)))
    }

    /// That ballot, opened to test the seal.
    #[must_use]
    pub fn challenge(&self, voter: u64, sequence: u32, selections: &[Selection]) -> Entry {
        let (ballot, opening) = self.prepare(voter, sequence, selections).challenge();
        Entry::challenge(Challenge { ballot, opening }, &key(voter))
    }

    /// A trustee's part of the decryption.
    ///
    /// # Panics
    /// If there is nothing to decrypt.
    #[must_use]
    pub fn part(&self, index: u16) -> PartialDecryption {
        let share = self.dealers[usize::from(index) - 1].finish(self.sealed().ceremony()).expect("the ceremony is done");
        let sums = self.sealed().sums().expect("the key is fixed");
        share.decrypt(sums, 1, &mut Draws::new(&format!("part {index}"))).expect("there are enough ballots")
    }

    /// Has a trustee decrypt.
    ///
    /// # Errors
    /// The [`Refusal`].
    pub fn decrypt(&mut self, index: u16) -> Result<(), Refusal> {
        let entry = self.trustee(index, TrusteeStep::Decrypt(self.part(index)));
        self.chain.append(&[entry]).map(|_| ())
    }
}
