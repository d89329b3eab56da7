//! Along the chain, entry by entry: who may vote, who did, and what follows, without the ledger's state machine.

use std::collections::{BTreeMap, HashMap};

use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};
use voting_core::ballot::{Ballot, Selection};
use voting_core::block::Block;
use voting_core::crypto::PublicKey;
use voting_core::election::{ElectionDefinition, Phase, RevoteRule, Secrecy};
use voting_core::entry::{Act, Entry, VerifiedEntry};
use voting_core::ids::{BallotHash, ChainId, Digest, ElectionId, EntryHash, Pseudonym};
use voting_core::state::Position;
use voting_core::tally::ElectionTally;

use super::{Counted, Record, Violation};

/// An election as the entries tell it.
#[derive(Debug)]
struct Told {
    definition: ElectionDefinition,
    phase: Phase,
    keys: HashMap<PublicKey, (Pseudonym, u64)>,
    votes: HashMap<Pseudonym, Vote>,
    ballots: u64,
}

#[derive(Debug)]
struct Vote {
    position: Position,
    sequence: u32,
    weight: u64,
    selections: Vec<Selection>,
}

/// Along the chain, block by block.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) entries: HashMap<EntryHash, Position>,
    pub(super) ballots: HashMap<BallotHash, Position>,
    elections: BTreeMap<ElectionId, Told>,
}

impl Walk {
    pub(super) fn block(&mut self, chain: ChainId, block: &Block) -> Result<(), Violation> {
        for (index, entry) in (0..).zip(entries_of(chain, block)?) {
            let position = Position { height: block.header.height, index };
            if let Some(first) = self.entries.insert(entry.hash(), position) {
                return Err(Violation::Twice { entry: entry.hash(), first, second: position });
            }
            self.entry(entry.entry(), position)?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &Entry, position: Position) -> Result<(), Violation> {
        match entry {
            Entry::Act(signed) => self.act(signed.content.election, &signed.content.act),
            Entry::Certify(signed) => {
                if let Some(told) = self.elections.get_mut(&signed.content.election) {
                    told.keys.extend(signed.content.voters.iter().map(|voter| (voter.key, (voter.pseudonym, voter.weight))));
                }
            }
            Entry::Cast(signed) => {
                let hash = signed.hash();
                if let Some(told) = self.elections.get_mut(&signed.ballot.election) {
                    told.cast(&signed.ballot, hash, position)?;
                }
                self.ballots.insert(hash, position);
            }
            Entry::Trustee(_) | Entry::Challenge(_) => {} // change nothing about who votes
            Entry::Prefer(_) | Entry::Change(_) | Entry::Accuse(_) => {} // of no election
        }
        Ok(())
    }

    fn act(&mut self, election: ElectionId, act: &Act) {
        let phase = match act {
            Act::Define(definition) => {
                let told = self.elections.remove(&election);
                let (keys, definition) = (told.map(|told| told.keys).unwrap_or_default(), definition.clone());
                let told = Told { definition, phase: Phase::Draft, keys, votes: HashMap::new(), ballots: 0 };
                self.elections.insert(election, told);
                return;
            }
            Act::Advance { to } => *to,
            Act::Cancel { .. } => Phase::Cancelled,
            Act::SetRoll { .. } | Act::Tally { .. } | Act::CloseCeremonyPhase | Act::FreezeRoll => return, // change nothing about who votes
        };
        if let Some(told) = self.elections.get_mut(&election) {
            told.phase = phase;
        }
    }

    pub(super) fn judge(&self, record: &Record, root: Digest) -> Result<(), Violation> {
        let (authority, height) = (record.authority.clone(), record.height);
        if record.state_root != root {
            return Err(Violation::StateRoot { authority, height, state: record.state_root, block: root });
        }
        let counts = self.counts();
        let elections = counts.keys().chain(record.counts.keys());
        for election in elections {
            let of = |counts: &BTreeMap<ElectionId, Counted>| counts.get(election).cloned().unwrap_or_default();
            let (expected, actual) = (of(&counts), of(&record.counts));
            if expected != actual {
                return Err(Violation::Tally {
                    authority,
                    election: *election,
                    height,
                    actual: actual.ballots,
                    actual_voters: actual.voters,
                    expected: expected.ballots,
                    expected_voters: expected.voters,
                });
            }
        }
        Ok(())
    }

    pub(super) fn counts(&self) -> BTreeMap<ElectionId, Counted> {
        self.elections.iter().map(|(election, told)| (*election, told.counted())).collect()
    }
}

impl Told {
    fn cast(&mut self, ballot: &Ballot, hash: BallotHash, position: Position) -> Result<(), Violation> {
        if self.phase != Phase::Open {
            return Err(Violation::OutOfTime { ballot: hash, position, phase: self.phase });
        }
        let Some((voter, weight)) = self.keys.get(&ballot.voter).copied() else {
            return Err(Violation::NotCertified { ballot: hash, position });
        };
        let vote = Vote { position, sequence: ballot.sequence, weight, selections: ballot.selections.clone() };
        let replaces = self.definition.revote == RevoteRule::LastCounts;
        self.ballots += 1;
        match self.votes.insert(voter, vote) {
            Some(first) if !replaces || ballot.sequence <= first.sequence => {
                Err(Violation::VotedTwice { election: ballot.election, voter, first: first.position, second: position })
            }
            _ => Ok(()),
        }
    }

    /// A vote that cannot be added is missing from the tally, and so found.
    fn counted(&self) -> Counted {
        let (ballots, voters) = (self.ballots, self.votes.len() as u64);
        if self.definition.secrecy != Secrecy::Open {
            return Counted { ballots, voters, tally: ElectionTally::default() };
        }
        let mut tally = ElectionTally::new(&self.definition);
        for vote in self.votes.values() {
            let _ = tally.add(&self.definition, &vote.selections, vote.weight);
        }
        Counted { ballots, voters, tally }
    }
}

/// The entries of a block, each with a signature that holds.
pub(super) fn entries_of(chain: ChainId, block: &Block) -> Result<Vec<VerifiedEntry>, Violation> {
    let verified: Vec<_> = block.entries.par_iter().map(|bytes| VerifiedEntry::verify(bytes.clone(), chain)).collect();
    let entry = |(index, entry): (u32, Result<_, _>)| {
        entry.map_err(|reason| Violation::Entry { position: Position { height: block.header.height, index }, reason })
    };
    (0..).zip(verified).map(entry).collect()
}
