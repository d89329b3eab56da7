//! A ledger without consensus whose blocks carry the time that a test gives them.

pub(crate) mod model;
pub(crate) mod recount;
pub(crate) mod sealed;

use std::time::Duration;

use voting_core::ballot::{Ballot, Selection};
use voting_core::block::{BlockHeader, Parent, payload_root};
use voting_core::codec::Canonical;
use voting_core::crypto::SigningKey;
use voting_core::election::{ElectionDefinition, Phase};
use voting_core::entry::{Act, Certification, CertifiedVoter, Entry, OfficerAct, VerifiedEntry};
use voting_core::epoch::{Authority, Genesis, LeaderPolicy, Officer};
use voting_core::ids::{BlockHash, ChainId, Digest, ElectionId, Height, PartitionId, View};
use voting_core::preference::PreferLeader;
use voting_core::state::{Applied, ElectionState, LedgerState, Place, Refusal};
use voting_core::tally::ElectionReport;
use voting_core::testing::chain::pseudonym;
use voting_core::testing::{TestChain, key};
use voting_core::time::Timestamp;

/// Refusals that only sealed elections know; `tests/sealed_refusals.rs` provokes them.
pub(crate) const REFUSED_IN_SEALED_ELECTIONS: [&str; 17] = [
    "NotSealed",
    "NotATrustee",
    "Ceremony",
    "CeremonyUnfinished",
    "SealedElection",
    "RollBelowMinBallots",
    "SealedWeight",
    "Sealed",
    "Voided",
    "CiphertextSeen",
    "Opening",
    "TooManyChallenges",
    "Sum",
    "Part",
    "Decryption",
    "Decrypted",
    "NotDecrypted",
];

/// Number of the key of a second officer.
const SECOND_OFFICER: u64 = 3_000_000;

/// Key of an authority of [`Ledger::elected`].
pub(crate) fn authority(number: u64) -> SigningKey {
    key(1_000_000 + number)
}

/// One partition's chain, with the keys of those who write to it.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    pub(crate) genesis: Genesis,
    pub(crate) partition: PartitionId,
    pub(crate) officers: [SigningKey; 2],
    pub(crate) registrar: SigningKey,
    pub(crate) state: LedgerState,
    pub(crate) blocks: Vec<(BlockHeader, Vec<VerifiedEntry>)>,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self::of_partition(0, 1)
    }

    pub(crate) fn of_partition(partition: u16, partitions: u16) -> Self {
        let TestChain { mut genesis, officer, registrar, .. } = TestChain::new(1);
        let officers = [officer, key(SECOND_OFFICER)];
        genesis.officers.push(Officer { name: "second officer".to_owned(), key: officers[1].public() });
        genesis.partitions = partitions;
        let partition = PartitionId(partition);
        let state = LedgerState::genesis(&genesis, partition);
        Self { genesis, partition, officers, registrar, state, blocks: Vec::new() }
    }

    /// One whose two authorities elect their leader.
    pub(crate) fn elected() -> Self {
        let mut ledger = Self::new();
        ledger.genesis.epoch.leader = LeaderPolicy::Elected;
        ledger.genesis.epoch.authorities = [0, 1].map(|n| Authority { name: format!("a{n}"), key: authority(n).public() }).to_vec();
        ledger.state = LedgerState::genesis(&ledger.genesis, ledger.partition);
        ledger
    }

    /// An authority's wish to lead.
    pub(crate) fn wish(&self, authority: &SigningKey, term: u32, views: u32) -> Entry {
        Entry::prefer(PreferLeader { chain: self.chain(), term, views, authority: authority.public() }, authority)
    }

    pub(crate) fn chain(&self) -> ChainId {
        self.state.chain()
    }

    pub(crate) fn election(&self, id: ElectionId) -> &ElectionState {
        self.state.election(id).expect("the election is on the ledger")
    }

    /// Where a block of the given time would stand.
    pub(crate) fn place(&self, timestamp: Timestamp) -> Place {
        let height = self.state.height();
        let parent = if height == Height(0) { BlockHash::GENESIS } else { block_hash(height) };
        Place { height: height.next(), parent, timestamp, view: View(2 * height.0 + 2) }
    }

    /// One block of the given time, or the refusal of its first entry that cannot stand. Sees to it
    /// that the refused entry changes nothing at all.
    pub(crate) fn block_at(&mut self, timestamp: Timestamp, entries: &[Entry]) -> Result<Vec<Applied>, Refusal> {
        let place = self.place(timestamp);
        let mut draft = self.state.begin(place).expect("the next height and a later time");
        let (mut kept, mut applied) = (Vec::new(), Vec::new());
        for entry in entries {
            let entry = VerifiedEntry::verify(entry.to_bytes(), self.chain()).expect("signed by the key that it names");
            let before = draft.clone().finish();
            match draft.try_apply(&entry) {
                Ok(effect) => applied.push(effect),
                Err(refusal) => {
                    assert_eq!(draft.len() as usize, applied.len(), "a refused entry takes no place: {refusal}");
                    assert_eq!(everything(&draft.finish()), everything(&before), "a refused entry changes nothing: {refusal}");
                    return Err(refusal);
                }
            }
            kept.push(entry);
        }
        self.state = draft.finish();
        self.blocks.push((self.header(place, &kept), kept));
        Ok(applied)
    }

    /// What a header says of the block that led to this state.
    pub(crate) fn header(&self, place: Place, entries: &[VerifiedEntry]) -> BlockHeader {
        let hashes: Vec<_> = entries.iter().map(VerifiedEntry::hash).collect();
        BlockHeader {
            chain: self.chain(),
            epoch: self.state.epoch().number - u32::from(self.state.successor().is_some()),
            view: place.view,
            height: place.height,
            parent: Parent { view: View(place.view.0 - 2), hash: place.parent },
            payload_root: payload_root(&hashes),
            entries: entries.len() as u32,
            state_root: self.state.root(),
            timestamp: place.timestamp,
            preference: self.state.preference(),
            successor: self.state.successor(),
        }
    }

    /// One block, a second after the last.
    pub(crate) fn block(&mut self, entries: &[Entry]) -> Result<Vec<Applied>, Refusal> {
        self.block_at(self.state.timestamp().saturating_add(Duration::from_secs(1)), entries)
    }

    /// One block with one entry.
    pub(crate) fn apply(&mut self, entry: Entry) -> Result<Applied, Refusal> {
        self.block(&[entry]).map(|mut applied| applied.remove(0))
    }

    /// Applies every block again, to a ledger that knows nothing.
    pub(crate) fn replayed(&self) -> LedgerState {
        self.blocks.iter().fold(LedgerState::genesis(&self.genesis, self.partition), |state, (header, entries)| {
            state.apply(header, entries).expect("what was accepted is accepted again, with the same root").1
        })
    }

    /// The next act on an election.
    pub(crate) fn act(&self, election: ElectionId, act: Act) -> Entry {
        let sequence = self.state.election(election).map_or(0, |election| election.acts().len()) as u32 + 1;
        self.act_by(&self.officers[0], election, sequence, act)
    }

    pub(crate) fn act_by(&self, officer: &SigningKey, election: ElectionId, sequence: u32, act: Act) -> Entry {
        Entry::act(OfficerAct { chain: self.chain(), election, sequence, act, officer: officer.public() }, officer)
    }

    /// Advances an election through phases, a block each.
    pub(crate) fn advance(&mut self, election: ElectionId, phases: &[Phase]) -> Result<(), Refusal> {
        phases.iter().try_for_each(|to| self.apply(self.act(election, Act::Advance { to: *to })).map(|_| ()))
    }

    /// The registrar certifies voters given by number and weight.
    pub(crate) fn certify(&self, election: ElectionId, voters: impl IntoIterator<Item = (u64, u64)>) -> Entry {
        self.certify_by(
            &self.registrar,
            election,
            voters.into_iter().map(|(voter, weight)| certified(voter, voter, weight)).collect(),
        )
    }

    pub(crate) fn certify_by(&self, registrar: &SigningKey, election: ElectionId, voters: Vec<CertifiedVoter>) -> Entry {
        Entry::certify(Certification { chain: self.chain(), election, voters, registrar: registrar.public() }, registrar)
    }

    /// A voter's ballot.
    pub(crate) fn cast(&self, definition: &ElectionDefinition, voter: u64, sequence: u32, selections: &[Selection]) -> Entry {
        let content = Ballot {
            election: definition.id,
            context: definition.context(self.chain()),
            voter: key(voter).public(),
            sequence,
            selections: selections.to_vec(),
        };
        Entry::Cast(content.sign(&key(voter)))
    }

    /// Brings an election into a phase, with a roll of the given size and the first `voters` numbers certified.
    pub(crate) fn bring(&mut self, definition: &ElectionDefinition, to: Phase, roll: u64, voters: u64) -> Result<(), Refusal> {
        let id = definition.id;
        self.apply(self.act(id, Act::Define(definition.clone())))?;
        self.apply(self.act(id, Act::SetRoll { size: roll }))?;
        if voters > 0 {
            self.apply(self.certify(id, (0..voters).map(|voter| (voter, 1))))?;
        }
        if to == Phase::Cancelled {
            return self.apply(self.act(id, Act::Cancel { reason: "Nobody stood".to_owned() })).map(|_| ());
        }
        while self.election(id).phase() != to {
            let act = match self.election(id).phase() {
                Phase::Closed => Act::Tally { report: self.report(id).digest() },
                phase => Act::Advance { to: phase.next().expect("the phase asked for follows") },
            };
            self.apply(self.act(id, act))?;
        }
        Ok(())
    }

    /// The report that the next block accepts for an election that the last block, or one before, closed.
    pub(crate) fn report(&self, id: ElectionId) -> ElectionReport {
        let election = self.election(id);
        let closed = election.closed_height().expect("the election is closed");
        let tally = election.tally().expect("open ballots are counted as they come");
        tally.report(election.definition(), Digest(block_hash(closed).0), election.roll_size())
    }
}

/// Stands for the hash of the block of a height.
pub(crate) fn block_hash(height: Height) -> BlockHash {
    BlockHash(Digest::of_parts("voting/test-block/v1", &[&height.0.to_le_bytes()]).0)
}

/// A voter with a key, both given by number.
pub(crate) fn certified(voter: u64, key_number: u64, weight: u64) -> CertifiedVoter {
    CertifiedVoter { pseudonym: pseudonym(voter), key: key(key_number).public(), weight }
}

/// Marks in one contest; none for a blank.
pub(crate) fn marks(options: &[u16]) -> Selection {
    if options.is_empty() { Selection::Blank } else { Selection::Marks(options.to_vec()) }
}

/// All that can be seen of a state except single voters: also what its root leaves to follow from the log.
pub(crate) fn everything(state: &LedgerState) -> String {
    let mut text = format!("{} {} {} {}", state.chain(), state.height(), state.timestamp(), state.root());
    for e in state.elections() {
        let counts = (e.phase(), e.roll_size(), e.certified(), e.ballots(), e.voted(), e.closed_height(), e.lot_seed());
        text += &format!("\n{:?} {counts:?} {:?} {:?}", e.definition(), e.acts(), e.cancel_reason());
        text += &format!("\n{:?} {:?}", e.tally(), e.report());
    }
    text
}
