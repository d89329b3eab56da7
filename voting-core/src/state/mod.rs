//! The ledger state machine: what the entries of finalized blocks mean.
//!
//! Deterministic and total: the same blocks give the same [`LedgerState::root`] on every authority,
//! and every entry is either applied or refused with a [`Refusal`] that says why. A block with one
//! refused entry is no valid block. Cloning a state is O(1) (persistent maps), so that authorities
//! keep one state per block that is not final yet.
//!
//! ```text
//!  state ──begin(place)──▶ BlockDraft ──try_apply(entry)…──▶ finish() ──▶ next state, root
//! ```

mod election;
mod refusal;
mod sealed;

use std::sync::Arc;
use std::time::Duration;

use borsh::{BorshDeserialize, BorshSerialize};
use imbl::OrdMap;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use election::{ActRecord, CountedBallot, ElectionState, ElectionSummary, VoterRecord};
pub use refusal::Refusal;
pub(crate) use sealed::roll_root;
pub use sealed::{MAX_CHALLENGES, Seal, SealedState};

use crate::block::BlockHeader;
use crate::codec::Canonical as _;
use crate::crypto::PublicKey;
use crate::crypto::merkle::{InclusionProof, leaf_hash, merkle_root};
use crate::entry::{Act, Entry, VerifiedEntry};
use crate::epoch::change::{ApprovedChange, Epochs, MAX_CHANGES};
use crate::epoch::{Epoch, Genesis, LeaderPolicy};
use crate::evidence::Accusation;
use crate::ids::{
    AuthorityIndex, BallotHash, BlockHash, ChainId, Digest, ElectionId, EntryHash, Height, PartitionId, Pseudonym, View,
};
use crate::preference::{MAX_PREFERRED_VIEWS, PreferLeader, Preference};
use crate::time::Timestamp;

/// Elections in one chain; bounds the state root's work.
pub const MAX_ELECTIONS: usize = 100_000;

/// Where an entry stands in a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Position {
    /// Height of its block.
    pub height: Height,
    /// Place in the block, from 0.
    pub index: u32,
}

/// Where a block stands: all that the state machine may know about it beyond its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its height.
    pub height: Height,
    /// Hash of its parent.
    pub parent: BlockHash,
    /// Its timestamp.
    pub timestamp: Timestamp,
    /// View it was proposed in.
    pub view: View,
}

impl Place {
    /// Where a block with this header stands.
    #[must_use]
    pub const fn of(header: &BlockHeader) -> Self {
        Self { height: header.height, parent: header.parent.hash, timestamp: header.timestamp, view: header.view }
    }
}

/// A block that cannot follow this state.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// Not the next height.
    #[error("the block has height {actual}, the next is {expected}")]
    Height {
        /// Height given.
        actual: Height,
        /// Height that follows.
        expected: Height,
    },
    /// Not later than the block before.
    #[error("the block's time {actual} is not later than {previous}, its parent's")]
    Time {
        /// Time given.
        actual: Timestamp,
        /// Time of the parent.
        previous: Timestamp,
    },
    /// An entry is refused.
    #[error("entry {index} is refused: {reason}")]
    Entry {
        /// Place in the block, from 0.
        index: usize,
        /// Why.
        reason: Refusal,
    },
    /// The header commits to another state.
    #[error("the block's state root is {actual}, applying its entries gives {expected}")]
    StateRoot {
        /// Root in the header.
        actual: Digest,
        /// Root computed.
        expected: Digest,
    },
    /// Decided on by other authorities than those in force.
    #[error("the block is of epoch {actual}, in force is epoch {expected}")]
    Epoch {
        /// Epoch in the header.
        actual: u32,
        /// Epoch in force.
        expected: u32,
    },
    /// The header names another epoch to follow.
    #[error("the block's header names {actual:?} as the epoch to follow, its entries lead to {expected:?}")]
    Successor {
        /// Digest in the header.
        actual: Option<Digest>,
        /// Digest that follows from the entries.
        expected: Option<Digest>,
    },
    /// A block above the last one of an epoch that does more than make that one final.
    #[error("the epoch has ended: a block above its last one changes nothing")]
    Ended,
    /// The header states another preference.
    #[error("the block's header prefers {actual:?} as leader, its entries lead to {expected:?}")]
    Preference {
        /// Preference in the header.
        actual: Option<Box<Preference>>,
        /// Preference computed.
        expected: Option<Box<Preference>>,
    },
}

/// What applying an entry did, for hooks and projections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// An officer's act took effect.
    Acted,
    /// Voters were certified.
    Certified,
    /// A ballot counts.
    Cast {
        /// The voter.
        voter: Pseudonym,
        /// The ballot that counts now.
        ballot: BallotHash,
        /// The ballot that it replaces.
        replaced: Option<BallotHash>,
    },
    /// An authority is preferred as leader.
    Preferred,
    /// The authorities change with this block.
    Changed,
    /// An authority stands accused.
    Accused,
    /// A trustee has taken a step.
    Trustee,
    /// A ballot was opened, and is void.
    Challenged,
}

/// An authority that contradicted itself, and where that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accused {
    /// Number of the epoch.
    pub epoch: u32,
    /// The authority, by its place in that epoch.
    pub authority: AuthorityIndex,
    /// The view in which it did.
    pub view: View,
    /// The entry that proves it.
    pub entry: EntryHash,
    /// Where that stands.
    pub position: Position,
}

/// State of one chain after a block.
#[derive(Debug, Clone)]
pub struct LedgerState {
    chain: ChainId,
    partition: PartitionId,
    partitions: u16,
    officers: Arc<[PublicKey]>,
    /// Every epoch with its first height; the last one decides on the next block.
    epochs: Arc<Vec<(Height, Arc<Epoch>)>>,
    /// The changes that led to them, and where they stand.
    changes: Arc<Vec<(EntryHash, Position)>>,
    /// Who contradicted itself: once for each authority and epoch.
    accused: OrdMap<(u32, AuthorityIndex), Accused>,
    /// The last block ends its epoch: digest of the next.
    successor: Option<Digest>,
    height: Height,
    timestamp: Timestamp,
    elections: OrdMap<ElectionId, Arc<ElectionState>>,
    /// Who is preferred as leader, and by which entry.
    preferred: Option<(Preference, EntryHash, Position)>,
}

impl LedgerState {
    /// The state before the first block of a chain.
    #[must_use]
    pub fn genesis(genesis: &Genesis, partition: PartitionId) -> Self {
        Self {
            chain: genesis.chain_id(partition),
            partition,
            partitions: genesis.partitions,
            officers: genesis.officers.iter().map(|officer| officer.key).collect(),
            epochs: Arc::new(vec![(Height(1), Arc::new(genesis.epoch.clone()))]),
            changes: Arc::default(),
            accused: OrdMap::new(),
            successor: None,
            height: Height(0),
            timestamp: genesis.founded_at,
            elections: OrdMap::new(),
            preferred: None,
        }
    }

    /// The state from which the entries of a single election are replayed, without those of others: no
    /// elections, just below the block at height `first` that defines the election, with every epoch there will be. Its root
    /// is not the chain's.
    #[must_use]
    pub fn replay(genesis: &Genesis, partition: PartitionId, first: Height, epochs: &Epochs) -> Self {
        let epochs = Arc::new(epochs.iter().cloned().collect());
        Self { height: Height(first.0.saturating_sub(1)), epochs, ..Self::genesis(genesis, partition) }
    }

    /// The chain this is the state of.
    #[must_use]
    pub const fn chain(&self) -> ChainId {
        self.chain
    }

    /// Height of the last block applied; 0 before the first.
    #[must_use]
    pub const fn height(&self) -> Height {
        self.height
    }

    /// Timestamp of the last block applied.
    #[must_use]
    pub const fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// Who is preferred as leader of the views above the last block applied.
    #[must_use]
    pub fn preference(&self) -> Option<Preference> {
        self.preferred.map(|(preference, ..)| preference)
    }

    /// The authorities that decide on the next block.
    #[must_use]
    pub fn epoch(&self) -> &Arc<Epoch> {
        &self.epochs[self.epochs.len() - 1].1 // there is always a first
    }

    /// Every epoch so far with its first height; the last one decides on the next block.
    #[must_use]
    pub fn epochs(&self) -> &[(Height, Arc<Epoch>)] {
        &self.epochs
    }

    /// The authorities that decide, or decided, on the block at a height.
    fn epoch_at(&self, height: Height) -> &Arc<Epoch> {
        let after = self.epochs.partition_point(|(first, _)| *first <= height);
        &self.epochs[after.saturating_sub(1)].1 // there is always a first
    }

    /// An epoch that is or was in force.
    #[must_use]
    pub fn epoch_numbered(&self, number: u32) -> Option<&Arc<Epoch>> {
        self.epochs.iter().map(|(_, epoch)| epoch).find(|epoch| epoch.number == number)
    }

    /// Digest of the epoch that follows, if the last block applied ends its epoch.
    #[must_use]
    pub const fn successor(&self) -> Option<Digest> {
        self.successor
    }

    /// The authorities that contradicted themselves, by epoch and place.
    pub fn accused(&self) -> impl Iterator<Item = &Accused> {
        self.accused.values()
    }

    /// All elections, ordered by id.
    pub fn elections(&self) -> impl Iterator<Item = &Arc<ElectionState>> {
        self.elections.values()
    }

    /// One election.
    #[must_use]
    pub fn election(&self, id: ElectionId) -> Option<&Arc<ElectionState>> {
        self.elections.get(&id)
    }

    /// Whether this entry is in the ledger already, and where. Of wishes to lead only the last is remembered.
    #[must_use]
    pub fn position_of(&self, entry: &VerifiedEntry) -> Option<Position> {
        let Some(election) = entry.entry().election() else {
            let wish = self.preferred.map(|(_, hash, position)| (hash, position));
            let accused = self.accused.values().map(|accused| (accused.entry, accused.position));
            let mut known = self.changes.iter().copied().chain(wish).chain(accused);
            return known.find_map(|(hash, position)| (hash == entry.hash()).then_some(position));
        };
        let election = self.election(election)?;
        match entry.ballot_hash() {
            Some(ballot) => election.ballot_position(ballot),
            None => election.entry_position(entry.hash()),
        }
    }

    /// RFC 6962 root over the elections in order of their ids; a leaf is `id ‖ digest`.
    #[must_use]
    pub fn root(&self) -> Digest {
        merkle_root(&self.leaves())
    }

    /// Proof that an election's digest is part of [`LedgerState::root`].
    #[must_use]
    pub fn prove_election(&self, id: ElectionId) -> Option<InclusionProof> {
        let index = self.elections.keys().position(|other| *other == id)?;
        InclusionProof::of(&self.leaves(), index)
    }

    /// The leaf of an election with this digest in the state's tree.
    #[must_use]
    pub fn election_leaf(id: ElectionId, digest: Digest) -> Digest {
        leaf_hash(&[id.0.as_slice(), digest.0.as_slice()].concat())
    }

    /// Starts a block on top of this state.
    ///
    /// # Errors
    /// [`ApplyError::Height`] or [`ApplyError::Time`].
    pub fn begin(&self, place: Place) -> Result<BlockDraft, ApplyError> {
        let expected = self.height.next();
        if place.height != expected {
            return Err(ApplyError::Height { actual: place.height, expected });
        }
        if place.timestamp <= self.timestamp {
            return Err(ApplyError::Time { actual: place.timestamp, previous: self.timestamp });
        }
        let mut state = self.clone();
        // The hash of the block that closed an election is known from its child on; it draws the lots.
        let closed_before: Vec<_> = state
            .elections
            .values()
            .filter(|e| e.closed_height() == Some(self.height) && e.lot_seed().is_none())
            .map(|e| e.id())
            .collect();
        for id in closed_before {
            if let Some(election) = state.elections.get_mut(&id) {
                Arc::make_mut(election).set_lot_seed(Digest(place.parent.0));
            }
        }
        state.height = place.height;
        state.timestamp = place.timestamp;
        state.successor = None;
        Ok(BlockDraft { state, view: place.view, parent_time: self.timestamp, next_index: 0 })
    }

    /// Whether a block that follows one with this hash could contain an entry, as far as can be told before it is made.
    ///
    /// # Errors
    /// [`Refusal`] says why not.
    pub fn could_follow(&self, parent: BlockHash, entry: &VerifiedEntry) -> Result<(), Refusal> {
        let timestamp = self.timestamp.saturating_add(Duration::from_millis(1));
        let place = Place { height: self.height.next(), parent, timestamp, view: View(0) }; // whichever it will be
        match self.begin(place) {
            Ok(mut draft) => draft.try_apply(entry).map(|_| ()),
            Err(_) => Ok(()), // only possible at the end of time; the proposer will find out
        }
    }

    /// Applies a whole block.
    ///
    /// # Errors
    /// [`ApplyError`]; the state is then unchanged.
    pub fn apply<E: AsRef<VerifiedEntry>>(&self, header: &BlockHeader, entries: &[E]) -> Result<(Vec<Applied>, Self), ApplyError> {
        let (actual, expected) = (header.epoch, self.epoch().number);
        if self.successor.is_some() && actual.checked_add(1) == Some(expected) {
            return self.apply_tail(header).map(|state| (Vec::new(), state));
        }
        let above_tail = self.successor.is_some() && self.epochs.last().is_some_and(|(first, _)| header.height != *first);
        if actual != expected || above_tail {
            return Err(ApplyError::Epoch { actual, expected });
        }
        let mut draft = self.begin(Place::of(header))?;
        let mut applied = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            applied.push(draft.try_apply(entry.as_ref()).map_err(|reason| ApplyError::Entry { index, reason })?);
        }
        let state = draft.finish();
        let (actual, expected) = (header.state_root, state.root());
        if expected != actual {
            return Err(ApplyError::StateRoot { actual, expected });
        }
        if header.preference != state.preference() {
            let boxed = |preference: Option<Preference>| preference.map(Box::new);
            return Err(ApplyError::Preference { actual: boxed(header.preference), expected: boxed(state.preference()) });
        }
        if header.successor != state.successor {
            return Err(ApplyError::Successor { actual: header.successor, expected: state.successor });
        }
        Ok((applied, state))
    }

    /// The state after an empty block above the last one of an epoch: nothing but height and time change.
    fn apply_tail(&self, header: &BlockHeader) -> Result<Self, ApplyError> {
        let BlockDraft { state, .. } = self.begin(Place::of(header))?;
        let changes_nothing = header.entries == 0
            && header.state_root == self.root()
            && header.preference == self.preference()
            && header.successor == self.successor;
        let (height, timestamp) = (state.height, state.timestamp);
        if changes_nothing { Ok(Self { height, timestamp, ..self.clone() }) } else { Err(ApplyError::Ended) }
    }

    /// Notes that an authority contradicted itself.
    fn accuse(&mut self, accusation: &Accusation, (entry, position): (EntryHash, Position)) -> Result<Applied, Refusal> {
        let Accusation { epoch, key, evidence, .. } = accusation;
        let (epoch, authority) = (*epoch, evidence.authority());
        let known = self.epoch_numbered(epoch).ok_or(Refusal::UnknownEpoch { epoch })?;
        if known.authority(authority).is_none_or(|named| named.key != *key) {
            return Err(Refusal::NotAnAuthority { key: *key });
        }
        if self.accused.contains_key(&(epoch, authority)) {
            return Err(Refusal::AlreadyAccused { authority, epoch });
        }
        self.accused.insert((epoch, authority), Accused { epoch, authority, view: evidence.view(), entry, position });
        Ok(Applied::Accused)
    }

    /// Hands over to another epoch.
    fn change(&mut self, change: &ApprovedChange, (hash, position): (EntryHash, Position)) -> Result<Applied, Refusal> {
        let (current, next) = (Arc::clone(self.epoch()), &change.content.epoch);
        let expected = current.number.saturating_add(1);
        if next.number != expected {
            return Err(Refusal::EpochNumber { actual: next.number, expected });
        }
        if self.changes.len() >= MAX_CHANGES {
            return Err(Refusal::TooManyChanges);
        }
        next.check().map_err(Refusal::Epoch)?;
        if let Some((key, _)) = change.approvals.iter().find(|(key, _)| current.index_of(key).is_none()) {
            return Err(Refusal::NotAnAuthority { key: *key });
        }
        let (actual, quorum) = (change.approvals.len(), current.quorum);
        if actual < usize::from(quorum) {
            return Err(Refusal::Approvals { actual, quorum });
        }
        self.successor = Some(next.digest());
        Arc::make_mut(&mut self.changes).push((hash, position));
        Arc::make_mut(&mut self.epochs).push((self.height.next(), Arc::new(next.clone())));
        Ok(Applied::Changed)
    }

    /// Applies an authority's wish to lead, which stands in a block of this state's height and time and of this view.
    fn prefer(
        &mut self,
        wish: &PreferLeader,
        (hash, position): (EntryHash, Position),
        view: View,
        parent_time: Timestamp,
    ) -> Result<Applied, Refusal> {
        if self.epoch().leader != LeaderPolicy::Elected {
            return Err(Refusal::LeadersNotElected);
        }
        let leader = self.epoch().index_of(&wish.authority).ok_or(Refusal::NotAnAuthority { key: wish.authority })?;
        if !(1..=MAX_PREFERRED_VIEWS).contains(&wish.views) {
            return Err(Refusal::PreferredViews { actual: wish.views });
        }
        let last = self.preference();
        let expected = last.map_or(0, |last| last.term).saturating_add(1);
        if wish.term != expected {
            return Err(Refusal::PreferenceTerm { actual: wish.term, expected });
        }
        // Judged by the parent's time: what is possible is known before the block is made, so that nobody can
        // keep proposers busy with a wish that becomes possible later.
        if let Some(not_before) = last.map(|last| last.next_at()).filter(|next| parent_time < *next) {
            return Err(Refusal::PreferredTooSoon { not_before, now: parent_time });
        }
        let preference = Preference {
            term: wish.term,
            leader,
            since: view,
            height: self.height,
            at: self.timestamp,
            until: View(view.0.saturating_add(u64::from(wish.views))),
        };
        self.preferred = Some((preference, hash, position));
        Ok(Applied::Preferred)
    }

    fn leaves(&self) -> Vec<Digest> {
        self.elections.values().map(|election| Self::election_leaf(election.id(), election.digest())).collect()
    }
}

/// A block being put together or checked, on top of a state.
#[derive(Debug, Clone)]
pub struct BlockDraft {
    state: LedgerState,
    view: View,
    parent_time: Timestamp,
    next_index: u32,
}

impl BlockDraft {
    /// Applies the next entry; a refused entry leaves the draft as it was.
    ///
    /// # Errors
    /// [`Refusal`] says why the entry cannot stand here.
    pub fn try_apply(&mut self, entry: &VerifiedEntry) -> Result<Applied, Refusal> {
        let position = Position { height: self.state.height, index: self.next_index };
        let applied = self.dispatch(entry, position)?;
        self.next_index += 1;
        Ok(applied)
    }

    /// Passes over entries whose content is not known here, such as those of other elections in a bundle: the next
    /// entry applied stands at this index.
    pub fn skip_to(&mut self, index: u32) {
        self.next_index = self.next_index.max(index);
    }

    /// One election, as the entries applied so far leave it.
    #[must_use]
    pub fn election(&self, id: ElectionId) -> Option<&Arc<ElectionState>> {
        self.state.election(id)
    }

    /// Number of entries, those passed over included.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.next_index
    }

    /// Whether no entry has been applied.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.next_index == 0
    }

    /// The state after the block.
    #[must_use]
    pub fn finish(self) -> LedgerState {
        self.state
    }

    fn dispatch(&mut self, entry: &VerifiedEntry, position: Position) -> Result<Applied, Refusal> {
        let state = &mut self.state;
        if state.successor.is_some() {
            return Err(Refusal::EpochEnds);
        }
        match entry.entry() {
            Entry::Act(signed) => {
                let act = &signed.content;
                let id = act.election;
                if !state.officers.contains(&act.officer) {
                    return Err(Refusal::NotAnOfficer { key: act.officer });
                }
                if let (Act::Define(definition), None) = (&act.act, state.elections.get(&id)) {
                    if state.elections.len() >= MAX_ELECTIONS {
                        return Err(Refusal::TooManyElections);
                    }
                    let election = ElectionState::define(state.chain, act, definition, entry.hash(), position, state.timestamp)?;
                    state.elections.insert(id, Arc::new(election));
                    return Ok(Applied::Acted);
                }
                let (timestamp, authorities) = (state.timestamp, state.epoch_at(position.height).digest());
                let election = state.elections.get_mut(&id).ok_or(Refusal::UnknownElection { election: id })?;
                Arc::make_mut(election).act(act, entry.hash(), position, timestamp, authorities)?;
                Ok(Applied::Acted)
            }
            Entry::Certify(signed) => {
                let id = signed.content.election;
                let (partition, partitions) = (state.partition, state.partitions);
                let election = state.elections.get_mut(&id).ok_or(Refusal::UnknownElection { election: id })?;
                for voter in &signed.content.voters {
                    if PartitionId::of_voter(&voter.pseudonym, partitions) != partition {
                        return Err(Refusal::OtherPartition { voter: voter.pseudonym });
                    }
                }
                Arc::make_mut(election).certify(&signed.content, entry.hash(), position)?;
                Ok(Applied::Certified)
            }
            Entry::Cast(signed) => {
                let id = signed.ballot.election;
                let timestamp = state.timestamp;
                let election = state.elections.get_mut(&id).ok_or(Refusal::UnknownElection { election: id })?;
                Arc::make_mut(election).cast(&signed.ballot, entry, position, timestamp)
            }
            Entry::Trustee(signed) => {
                let id = signed.content.election;
                let election = state.elections.get_mut(&id).ok_or(Refusal::UnknownElection { election: id })?;
                Arc::make_mut(election).trustee(&signed.content, entry.hash(), position)?;
                Ok(Applied::Trustee)
            }
            Entry::Challenge(signed) => {
                let id = signed.content.ballot.election;
                let election = state.elections.get_mut(&id).ok_or(Refusal::UnknownElection { election: id })?;
                Arc::make_mut(election).challenge(&signed.content, entry.hash(), position)?;
                Ok(Applied::Challenged)
            }
            Entry::Prefer(signed) => state.prefer(&signed.content, (entry.hash(), position), self.view, self.parent_time),
            Entry::Change(change) => state.change(change, (entry.hash(), position)),
            Entry::Accuse(accusation) => state.accuse(accusation, (entry.hash(), position)),
        }
    }
}

/// Identity of an entry in an election's log.
pub(crate) type EntryLog = imbl::HashMap<EntryHash, Position>;
