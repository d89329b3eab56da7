//! A chain without consensus: blocks are sealed on demand and certified by keys it holds itself.

use std::sync::Arc;
use std::time::Duration;

use crate::ballot::{Ballot, Selection, SignedBallot};
use crate::block::{Block, BlockHeader, FinalizedBlock, Parent, payload_root};
use crate::certificate::{Certificate, Statement, Vote};
use crate::crypto::SigningKey;
use crate::election::{Contest, CountMethodId, ElectionDefinition, Phase, ResultVisibility, RevoteRule, Secrecy, Timing};
use crate::entry::{Act, Certification, CertifiedVoter, Entry, OfficerAct, VerifiedEntry};
use crate::epoch::change::{ApprovedChange, EpochChange, Epochs, Handover};
use crate::epoch::{Authority, Epoch, Genesis, LeaderPolicy, Officer, QuorumRule, Timers};
use crate::ids::{AuthorityIndex, ChainId, Digest, ElectionId, PartitionId, Pseudonym, View};
use crate::seams::ledger::LedgerHead;
use crate::state::{LedgerState, Place, Refusal};
use crate::time::Timestamp;

/// A key from a number: the same number gives the same key.
#[must_use]
pub fn key(number: u64) -> SigningKey {
    SigningKey::from_seed(Digest::of_parts("voting/test-key/v1", &[&number.to_le_bytes()]).0)
}

/// Authorities that a [`TestChain`] can have in all its epochs.
const AUTHORITY_KEYS: u64 = 64;

/// The key of authority `number` of a [`TestChain`], below 64.
#[must_use]
pub fn authority_key(number: u64) -> SigningKey {
    key(1_000_000 + number)
}

fn keys_of(epoch: &Epoch) -> Vec<SigningKey> {
    let of = |authority: &Authority| (0..AUTHORITY_KEYS).map(authority_key).find(|key| key.public() == authority.key);
    epoch.authorities.iter().filter_map(of).collect()
}

fn authority(number: u64) -> Authority {
    Authority { name: format!("a{number}"), key: authority_key(number).public() }
}

/// A one-question plurality election that opens and closes by its officer's hand.
#[must_use]
pub fn definition(number: u8, options: &[&str]) -> ElectionDefinition {
    ElectionDefinition {
        id: ElectionId([number; 16]),
        title: format!("Test election {number}"),
        description: String::new(),
        contests: vec![Contest::new("Who shall it be?", CountMethodId::Plurality, options.iter().copied())],
        opens_at: TestChain::FOUNDED,
        closes_at: TestChain::FOUNDED.saturating_add(Duration::from_secs(86_400)),
        timing: Timing::Officer,
        revote: RevoteRule::FirstCounts,
        secrecy: Secrecy::Open,
        results: ResultVisibility::Voters,
        registrar: key(TestChain::REGISTRAR).public(),
        created_by: "Test officer".to_owned(),
    }
}

/// A signed ballot that marks the given options of the only contest; none for a blank.
#[must_use]
pub fn ballot(chain: ChainId, definition: &ElectionDefinition, voter: &SigningKey, marks: &[u16]) -> SignedBallot {
    let selection = if marks.is_empty() { Selection::Blank } else { Selection::Marks(marks.to_vec()) };
    Ballot {
        election: definition.id,
        context: definition.context(chain),
        voter: voter.public(),
        sequence: 1,
        selections: vec![selection],
    }
    .sign(voter)
}

/// A chain in memory with authorities `a0`, `a1`, … whose keys it holds.
#[derive(Debug, Clone)]
pub struct TestChain {
    /// What the chain is founded on.
    pub genesis: Genesis,
    /// Keys of the authorities in force, in the order of their epoch.
    pub authorities: Vec<SigningKey>,
    /// Key of the one officer.
    pub officer: SigningKey,
    /// Key of the registrar that [`definition`] names.
    pub registrar: SigningKey,
    /// State after the last block.
    pub state: LedgerState,
    /// Every block so far.
    pub blocks: Vec<FinalizedBlock>,
}

impl TestChain {
    /// When the chain was founded.
    pub const FOUNDED: Timestamp = match Timestamp::from_millis(1_780_000_000_000) {
        Some(founded) => founded,
        None => Timestamp::MAX,
    };
    const OFFICER: u64 = 2_000_000;
    const REGISTRAR: u64 = 2_000_001;

    /// A chain with `n` authorities under the Byzantine rule.
    ///
    /// # Panics
    /// If `n` is 0 or more than an epoch can hold.
    #[must_use]
    pub fn new(n: usize) -> Self {
        let authorities: Vec<_> = (0..n as u64).map(authority_key).collect();
        let (officer, registrar) = (key(Self::OFFICER), key(Self::REGISTRAR));
        let genesis = Genesis {
            network: "test".to_owned(),
            founded_at: Self::FOUNDED,
            epoch: Epoch {
                number: 0,
                quorum: QuorumRule::Byzantine.threshold(n).expect("a test asks for a possible number of authorities"),
                authorities: (0..n as u64).map(authority).collect(),
                leader: LeaderPolicy::RoundRobin { term: 1 },
                timers: Timers::default(),
            },
            officers: vec![Officer { name: "officer".to_owned(), key: officer.public() }],
            partitions: 1,
        };
        let state = LedgerState::genesis(&genesis, PartitionId(0));
        Self { genesis, authorities, officer, registrar, state, blocks: Vec::new() }
    }

    /// As [`TestChain::new`], under the elected leader policy.
    #[must_use]
    pub fn electing(n: usize) -> Self {
        let mut chain = Self::new(n);
        chain.genesis.epoch.leader = LeaderPolicy::Elected;
        chain.state = LedgerState::genesis(&chain.genesis, PartitionId(0));
        chain
    }

    /// The chain's id.
    #[must_use]
    pub const fn chain(&self) -> ChainId {
        self.state.chain()
    }

    /// The last block, if any.
    #[must_use]
    pub fn head(&self) -> Option<LedgerHead> {
        let header = &self.blocks.last()?.block.header;
        Some(LedgerHead::of(header))
    }

    /// Seals entries into a block, one second after the last, and certifies it.
    ///
    /// # Errors
    /// The [`Refusal`] of the first entry that cannot be applied; the chain is then unchanged.
    pub fn append(&mut self, entries: &[Entry]) -> Result<&FinalizedBlock, Refusal> {
        let verified = self.verify(entries);
        self.append_verified(&verified)
    }

    /// As [`TestChain::append`], of entries that were verified before.
    ///
    /// # Errors
    /// As [`TestChain::append`].
    pub fn append_verified(&mut self, entries: &[VerifiedEntry]) -> Result<&FinalizedBlock, Refusal> {
        self.seal_and_certify(entries, true)
    }

    fn verify(&self, entries: &[Entry]) -> Vec<VerifiedEntry> {
        let verify = |entry: &Entry| VerifiedEntry::verify(entry.to_bytes(), self.chain()).expect("tests sign what they append");
        entries.iter().map(verify).collect()
    }

    /// As [`TestChain::append`], by authorities who let everything pass: what the rules refuse stands in the block and has no
    /// effect.
    ///
    /// # Panics
    /// Never, as long as entries are signed.
    pub fn append_unchecked(&mut self, entries: &[Entry]) {
        let verified = self.verify(entries);
        self.seal_and_certify(&verified, false).expect("nothing is refused");
    }

    fn seal_and_certify(&mut self, entries: &[VerifiedEntry], checked: bool) -> Result<&FinalizedBlock, Refusal> {
        let epoch = Arc::clone(self.state.epoch());
        let block = self.seal(entries, checked)?;
        let (view, hash) = (block.header.view, block.hash());
        let certificate = self.certify_as(&epoch, Statement::Finalize { view, block: hash });
        self.blocks.push(FinalizedBlock { block, certificate: Some(certificate), tail: Vec::new() });
        self.take_office(epoch);
        Ok(self.blocks.last().expect("just pushed"))
    }

    /// A quorum's certificate for a statement.
    #[must_use]
    pub fn certify(&self, statement: Statement) -> Certificate {
        self.certify_as(self.state.epoch(), statement)
    }

    fn certify_as(&self, epoch: &Epoch, statement: Statement) -> Certificate {
        let former;
        let keys = if epoch == self.state.epoch().as_ref() {
            &self.authorities
        } else {
            former = keys_of(epoch);
            &former
        };
        let votes = keys.iter().take(usize::from(epoch.quorum)).enumerate();
        let votes =
            votes.map(|(i, key)| Vote::sign(self.chain(), epoch.number, statement, AuthorityIndex(i as u16), key)).collect();
        Certificate::from_votes(votes, epoch).expect("a quorum of distinct authorities")
    }

    /// An epoch of the authorities with these numbers, to follow the one in force.
    ///
    /// # Panics
    /// If they are none, or more than an epoch can hold.
    #[must_use]
    pub fn next_epoch(&self, numbers: &[u64]) -> Epoch {
        let quorum = QuorumRule::Byzantine.threshold(numbers.len()).expect("a test asks for a possible number of authorities");
        let authorities = numbers.iter().map(|number| authority(*number)).collect();
        let current = self.state.epoch();
        Epoch { number: current.number + 1, authorities, quorum, leader: current.leader, timers: current.timers }
    }

    /// A change to another epoch, approved by a quorum of the authorities in force.
    #[must_use]
    pub fn change(&self, epoch: Epoch) -> Entry {
        let mut change = ApprovedChange::new(EpochChange { chain: self.chain(), epoch });
        let quorum = usize::from(self.state.epoch().quorum);
        self.authorities.iter().take(quorum).for_each(|key| change.approve(key));
        Entry::Change(change)
    }

    /// Has the last block, which ended an epoch, made final by a block above it instead of by a certificate of its own.
    ///
    /// # Panics
    /// If the last block did not end an epoch.
    pub fn add_tail(&mut self, length: usize) {
        let epochs = self.state.epochs();
        let epoch = Arc::clone(&epochs[epochs.len() - 2].1);
        let mut last = self.blocks.last().expect("there is a block").block.header.clone();
        let mut tail = Vec::with_capacity(length);
        for _ in 0..length {
            last = BlockHeader {
                parent: Parent { view: last.view, hash: last.hash() },
                view: last.view.next(),
                height: last.height.next(),
                timestamp: last.timestamp.saturating_add(Duration::from_millis(1)),
                payload_root: payload_root(&[]),
                entries: 0,
                ..last
            };
            tail.push(last.clone());
        }
        let certificate = self.certify_as(&epoch, Statement::Finalize { view: last.view, block: last.hash() });
        let finalized = self.blocks.last_mut().expect("there is a block");
        *finalized = FinalizedBlock { certificate: Some(certificate), tail, block: finalized.block.clone() };
    }

    /// Proofs of all changes so far.
    #[must_use]
    pub fn handovers(&self) -> Vec<Handover> {
        let ended = self.blocks.iter().filter(|finalized| finalized.block.header.successor.is_some());
        let next = self.state.epochs().iter().skip(1);
        ended.zip(next).filter_map(|(finalized, (_, epoch))| Handover::of(finalized, epoch)).collect()
    }

    /// The epochs so far, as who trusts the genesis learns of them.
    ///
    /// # Panics
    /// If the chain is broken.
    #[must_use]
    pub fn epochs(&self) -> Epochs {
        Epochs::proved(&self.genesis, PartitionId(0), &self.handovers()).expect("each change was approved by the one before")
    }

    /// The keys of a new epoch, once there is one.
    fn take_office(&mut self, before: Arc<Epoch>) {
        let epoch = self.state.epoch();
        if epoch.number != before.number {
            self.authorities = keys_of(epoch);
        }
    }

    fn seal(&mut self, entries: &[VerifiedEntry], checked: bool) -> Result<Block, Refusal> {
        let parent = self.head().map_or(Parent::GENESIS, |head| Parent { view: head.view, hash: head.hash });
        let timestamp = self.state.timestamp().saturating_add(Duration::from_secs(1));
        let view = View(parent.view.0 + 1);
        let place = Place { height: self.state.height().next(), parent: parent.hash, timestamp, view };
        let mut draft = self.state.begin(place).expect("the next height, a later time");
        let bytes: Vec<_> = entries.iter().map(|entry| entry.bytes().clone()).collect();
        for (index, entry) in (0..).zip(entries) {
            draft.skip_to(index);
            match draft.try_apply(entry) {
                Err(refusal) if checked => return Err(refusal),
                _ => {}
            }
        }
        let epoch = self.state.epoch().number;
        self.state = draft.finish();
        let hashes: Vec<_> = bytes.iter().map(crate::block::EntryBytes::hash).collect();
        let header = BlockHeader {
            chain: self.chain(),
            epoch,
            view,
            height: place.height,
            parent,
            payload_root: payload_root(&hashes),
            entries: bytes.len() as u32,
            state_root: self.state.root(),
            timestamp,
            preference: self.state.preference(),
            successor: self.state.successor(),
        };
        Ok(Block { header, entries: bytes })
    }

    /// The officer's next act on an election, signed.
    #[must_use]
    pub fn act(&self, election: ElectionId, act: Act) -> Entry {
        let sequence = self.state.election(election).map_or(0, |election| election.acts().len()) as u32 + 1;
        let act = OfficerAct { chain: self.chain(), election, sequence, act, officer: self.officer.public() };
        Entry::act(act, &self.officer)
    }

    /// Defines an election, certifies `voters` voters with the keys [`key`]`(0..voters)`, and opens it.
    ///
    /// # Errors
    /// The first [`Refusal`].
    pub fn open_election(&mut self, definition: &ElectionDefinition, voters: u64) -> Result<(), Refusal> {
        let id = definition.id;
        let mut acts = vec![Act::Define(definition.clone()), Act::SetRoll { size: voters }];
        acts.extend([Phase::Ready, Phase::Scheduled].map(|to| Act::Advance { to }));
        for act in acts {
            let entry = self.act(id, act);
            self.append(&[entry])?;
        }
        let numbers: Vec<u64> = (0..voters).collect();
        for some in numbers.chunks(crate::entry::MAX_CERTIFIED_PER_ENTRY) {
            let entry = self.certification(id, some.iter().map(|n| (pseudonym(*n), 1, *n)));
            self.append(&[entry])?;
        }
        let open = self.act(id, Act::Advance { to: Phase::Open });
        self.append(&[open]).map(|_| ())
    }

    /// A certification of voters given by pseudonym, weight and number of their key.
    pub fn certification(&self, election: ElectionId, voters: impl Iterator<Item = (Pseudonym, u64, u64)>) -> Entry {
        let voters =
            voters.map(|(pseudonym, weight, number)| CertifiedVoter { pseudonym, key: key(number).public(), weight }).collect();
        let content = Certification { chain: self.chain(), election, voters, registrar: self.registrar.public() };
        Entry::certify(content, &self.registrar)
    }

    /// Closes an election, states its count and publishes it.
    ///
    /// # Errors
    /// The first [`Refusal`].
    pub fn finish_election(&mut self, id: ElectionId) -> Result<(), Refusal> {
        let close = self.act(id, Act::Advance { to: Phase::Closed });
        self.append(&[close])?;
        self.count_election(id)
    }

    /// Has the count of a closed election certified, and publishes it.
    ///
    /// # Errors
    /// The first [`Refusal`].
    ///
    /// # Panics
    /// If the election was not closed in a block of this chain.
    pub fn count_election(&mut self, id: ElectionId) -> Result<(), Refusal> {
        let election = self.state.election(id).ok_or(Refusal::UnknownElection { election: id })?;
        let closing = self.blocks.iter().find(|block| Some(block.block.header.height) == election.closed_height());
        let seed = Digest(closing.expect("it was closed here").block.hash().0);
        let counted = election.tally().ok_or(Refusal::NotDecrypted { valid: 0, needed: 1 })?;
        let report = counted.report(election.definition(), seed, election.roll_size());
        let tally = self.act(id, Act::Tally { report: crate::codec::Canonical::digest(&report) });
        self.append(&[tally])?;
        let publish = self.act(id, Act::Advance { to: Phase::Published });
        self.append(&[publish]).map(|_| ())
    }
}

/// The pseudonym of test voter `number`.
#[must_use]
pub fn pseudonym(number: u64) -> Pseudonym {
    Pseudonym(Digest::of_parts("voting/test-voter/v1", &[&number.to_le_bytes()]).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_election_runs_from_definition_to_published_result() {
        let mut chain = TestChain::new(4);
        let election = definition(1, &["Ada", "Bob"]);
        chain.open_election(&election, 3).unwrap();
        let cast = |chain: &TestChain, voter, mark| Entry::Cast(ballot(chain.chain(), &election, &key(voter), &[mark]));
        let (first, second) = (cast(&chain, 0, 1), cast(&chain, 1, 1));
        chain.append(&[first, second]).unwrap();
        let again = cast(&chain, 0, 0);
        assert!(matches!(chain.append(&[again]), Err(Refusal::AlreadyVoted { .. })));
        chain.finish_election(election.id).unwrap();
        let state = chain.state.election(election.id).unwrap();
        assert_eq!(state.phase(), Phase::Published);
        let report = state.report().unwrap();
        assert_eq!((report.contests[0].options[0].name.as_str(), report.contests[0].options[0].votes), ("Bob", 2));
        assert!(report.contests[0].options[0].elected());
    }
}
