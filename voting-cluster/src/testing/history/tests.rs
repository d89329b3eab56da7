//! A small valid history, and every way to break it: each must be found and named.

use voting_core::block::{Block, BlockHeader, EntryBytes, Parent, payload_root};
use voting_core::certificate::Certificate;
use voting_core::certificate::Statement;
use voting_core::ids::View;
use voting_core::testing::{TestChain, ballot, chain::pseudonym, definition, key};

use voting_core::block::BlockError;
use voting_core::certificate::CertificateError;
use voting_core::election::{ElectionDefinition, Phase, RevoteRule};
use voting_core::entry::{Act, Entry, EntryError, VerifiedEntry};

use super::*;

/// Four authorities that agree on an election with three votes, and a client that was told of all.
struct History {
    chain: TestChain,
    election: ElectionDefinition,
    cast: Vec<Entry>,
    records: Vec<Record>,
    notes: Notes,
}

fn hash_of(entry: &Entry) -> BallotHash {
    VerifiedEntry::from_certified(entry.to_bytes()).unwrap().ballot_hash().unwrap()
}

impl History {
    fn new() -> Self {
        Self::of(definition(1, &["Ada", "Bob"]))
    }

    fn of(election: ElectionDefinition) -> Self {
        let mut chain = TestChain::new(4);
        chain.open_election(&election, 5).unwrap();
        let vote = |n: u64| Entry::Cast(ballot(chain.chain(), &election, &key(n), &[(n % 2) as u16]));
        let cast: Vec<_> = (0..3).map(vote).collect();
        let mut notes = Notes::new();
        chain.append(&cast[..2]).unwrap();
        chain.append(&cast[2..]).unwrap();
        for (ballot, position) in chain
            .state
            .elections()
            .flat_map(|election| cast.iter().map(hash_of).map(|hash| (hash, election.ballot_position(hash).unwrap())))
        {
            assert_eq!(notes.note(ballot, position), Ok(true));
        }
        let record = |n| Record::new(format!("a{n}"), chain.blocks.clone(), &chain.state);
        let records = (0..4).map(record).collect();
        Self { chain, election, cast, records, notes }
    }

    fn check(&self) -> Result<Summary, Violation> {
        check(&self.chain.genesis, PartitionId(0), &self.records, &self.notes)
    }

    fn head(&self) -> &BlockHeader {
        &self.chain.blocks.last().unwrap().block.header
    }

    /// A block that four lying authorities agreed on.
    fn forge(&self, entries: &[Entry]) -> FinalizedBlock {
        let before = self.head();
        let entries: Vec<EntryBytes> = entries.iter().map(Entry::to_bytes).collect();
        let header = BlockHeader {
            view: View(before.view.0 + 1),
            height: before.height.next(),
            parent: Parent { view: before.view, hash: before.hash() },
            payload_root: payload_root(&entries.iter().map(EntryBytes::hash).collect::<Vec<_>>()),
            entries: entries.len() as u32,
            timestamp: before.timestamp.saturating_add(std::time::Duration::from_secs(1)),
            ..before.clone()
        };
        let block = Block { header, entries };
        let certificate = self.certificate(&block);
        FinalizedBlock::new(block, Some(certificate)).unwrap()
    }

    fn certificate(&self, block: &Block) -> Certificate {
        self.chain.certify(Statement::Finalize { view: block.header.view, block: block.hash() })
    }

    /// All have a block that the rules refuse, and a state from before.
    fn all_have(mut self, entries: &[Entry]) -> Result<Summary, Violation> {
        let block = self.forge(entries);
        self.records.iter_mut().for_each(|record| record.blocks.push(block.clone()));
        self.check()
    }

    fn next(&self, index: u32) -> Position {
        Position { height: self.head().height.next(), index }
    }
}

#[test]
fn a_valid_history_is_summed_up() {
    let history = History::new();
    let summary = history.check().unwrap();
    assert_eq!((summary.height, summary.head), (history.head().height, history.head().hash()));
    assert_eq!((summary.state_root, summary.acknowledged), (history.chain.state.root(), 3));
    let counted = &summary.counts[&history.election.id];
    assert_eq!((counted.ballots, counted.voters), (3, 3));
    assert_eq!(summary.entries, history.chain.blocks.iter().map(|block| block.block.entries.len()).sum::<usize>());
    let replayed = Record::replayed(&history.chain.genesis, PartitionId(0), "a0", history.chain.blocks.clone()).unwrap();
    assert_eq!((replayed.state_root, &replayed.counts), (summary.state_root, &summary.counts));
}

#[test]
fn who_lags_behind_is_not_at_fault() {
    let mut history = History::new();
    history.records[1].blocks.truncate(2);
    let half = history.records[1].blocks.clone();
    history.records[1] = Record::replayed(&history.chain.genesis, PartitionId(0), "a1", half).unwrap();
    history.check().unwrap();
}

#[test]
fn a_revote_replaces_where_the_election_says_so() {
    let mut chain = TestChain::new(4);
    let election = ElectionDefinition { revote: RevoteRule::LastCounts, ..definition(1, &["Ada", "Bob"]) };
    chain.open_election(&election, 1).unwrap();
    let cast = |sequence, mark| {
        let signed = ballot(chain.chain(), &election, &key(0), &[mark]);
        Entry::Cast(voting_core::ballot::Ballot { sequence, ..signed.ballot }.sign(&key(0)))
    };
    let (first, second) = (cast(1, 0), cast(2, 1));
    chain.append(&[first, second]).unwrap();
    let record = Record::new("a0", chain.blocks.clone(), &chain.state);
    let summary = check(&chain.genesis, PartitionId(0), &[record], &Notes::new()).unwrap();
    assert_eq!((summary.counts[&election.id].ballots, summary.counts[&election.id].voters), (2, 1));
}

#[test]
fn nobody_and_nothing_is_found() {
    let history = History::new();
    assert_eq!(check(&history.chain.genesis, PartitionId(0), &[], &history.notes), Err(Violation::NoAuthority));
}

#[test]
fn a_receipt_that_moves_is_found() {
    let mut history = History::new();
    let (ballot, before) = history.notes.iter().next().unwrap();
    let now = Position { index: before.index + 1, ..before };
    assert_eq!(history.notes.note(ballot, before), Ok(false));
    assert_eq!(history.notes.note_all([(ballot, now)]), Err(Violation::Moved { ballot, before, now }));
}

#[test]
fn a_lost_ballot_is_found() {
    let mut history = History::new();
    let lost = Entry::Cast(ballot(history.chain.chain(), &history.election, &key(3), &[0]));
    let noted = Position { height: Height(1), index: 0 };
    history.notes.note(hash_of(&lost), noted).unwrap();
    assert_eq!(history.check(), Err(Violation::Lost { ballot: hash_of(&lost), noted }));
}

#[test]
fn a_ballot_in_another_place_is_found() {
    let mut history = History::new();
    let (ballot, actual) = history.notes.iter().next().unwrap();
    let noted = Position { index: actual.index + 1, ..actual };
    history.notes.0.insert(ballot, noted);
    assert_eq!(history.check(), Err(Violation::Misplaced { ballot, noted, actual }));
}

#[test]
fn an_entry_that_stands_twice_is_found() {
    let history = History::new();
    let (again, second) = (history.cast[0].clone(), history.next(0));
    let first = history.notes.position(&hash_of(&again)).unwrap();
    let entry = again.to_bytes().hash();
    assert_eq!(history.all_have(&[again]), Err(Violation::Twice { entry, first, second }));
}

#[test]
fn a_second_vote_is_found() {
    let history = History::new();
    let again = Entry::Cast(ballot(history.chain.chain(), &history.election, &key(0), &[1]));
    let (first, second) = (history.notes.position(&hash_of(&history.cast[0])).unwrap(), history.next(0));
    let (election, voter) = (history.election.id, pseudonym(0));
    assert_eq!(history.all_have(&[again]), Err(Violation::VotedTwice { election, voter, first, second }));
}

#[test]
fn a_replacement_that_is_not_later_is_found() {
    let history = History::of(ElectionDefinition { revote: RevoteRule::LastCounts, ..definition(1, &["Ada", "Bob"]) });
    history.check().unwrap();
    let again = Entry::Cast(ballot(history.chain.chain(), &history.election, &key(0), &[1])); // of the same number
    let (first, second) = (history.notes.position(&hash_of(&history.cast[0])).unwrap(), history.next(0));
    let (election, voter) = (history.election.id, pseudonym(0));
    assert_eq!(history.all_have(&[again]), Err(Violation::VotedTwice { election, voter, first, second }));
}

#[test]
fn a_vote_of_nobody_is_found() {
    let history = History::new();
    let stranger = Entry::Cast(ballot(history.chain.chain(), &history.election, &key(99), &[1]));
    let (ballot, position) = (hash_of(&stranger), history.next(0));
    assert_eq!(history.all_have(&[stranger]), Err(Violation::NotCertified { ballot, position }));
}

#[test]
fn a_vote_after_the_close_is_found() {
    let history = History::new();
    let late = Entry::Cast(ballot(history.chain.chain(), &history.election, &key(3), &[1]));
    let close = history.chain.act(history.election.id, Act::Advance { to: Phase::Closed });
    let (ballot, position) = (hash_of(&late), history.next(1));
    assert_eq!(history.all_have(&[close, late]), Err(Violation::OutOfTime { ballot, position, phase: Phase::Closed }));
}

#[test]
fn a_signature_that_does_not_hold_is_found() {
    let history = History::new();
    let Entry::Cast(mut signed) = history.cast[0].clone() else { panic!("it is a ballot") };
    signed.ballot.selections = vec![voting_core::ballot::Selection::Blank];
    let position = history.next(0);
    let found = history.all_have(&[Entry::Cast(signed)]);
    assert_eq!(found, Err(Violation::Entry { position, reason: EntryError::Signature("ballot") }));
}

#[test]
fn a_hole_in_a_ledger_is_found() {
    let mut history = History::new();
    history.records[2].blocks.remove(1);
    assert_eq!(history.check(), Err(Violation::Gap { authority: "a2".to_owned(), height: Height(2) }));
}

#[test]
fn entries_that_the_header_does_not_name_are_found() {
    let mut history = History::new();
    let last = history.records[3].blocks.last_mut().unwrap();
    let height = last.block.header.height;
    last.block.entries[0] = history.cast[0].to_bytes();
    let reason = BlockError::PayloadRoot;
    assert_eq!(history.check(), Err(Violation::Payload { authority: "a3".to_owned(), height, reason }));
}

#[test]
fn blocks_that_no_quorum_vouches_for_are_found() {
    let spoil = |spoil: &dyn Fn(&mut FinalizedBlock)| {
        let mut history = History::new();
        let (height, last) = (history.head().height, history.records[1].blocks.last_mut().unwrap());
        spoil(last);
        match history.check() {
            Err(Violation::Certificate { authority, height: at, reason }) if authority == "a1" && at == height => reason,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(spoil(&|block| block.certificate = None), NotVouched::Missing);
    let history = History::new();
    let earlier = history.chain.blocks[0].certificate.clone();
    assert_eq!(spoil(&|block| block.certificate = earlier.clone()), NotVouched::OfAnother);
    let few = spoil(&|block| block.certificate.as_mut().unwrap().signatures.truncate(2));
    assert!(matches!(few, NotVouched::Invalid(CertificateError::TooFew { actual: 2, quorum: 3 })), "{few:?}");
}

#[test]
fn ledgers_that_differ_are_found() {
    let mut history = History::new();
    let at = history.chain.blocks.len() - 1;
    history.chain.blocks.truncate(at); // the forged block takes the last one's place
    let forged = history.forge(&[Entry::Cast(ballot(history.chain.chain(), &history.election, &key(4), &[0]))]);
    let (block, height) = (forged.block.hash(), forged.block.header.height);
    let other_block = history.records[0].blocks[at].block.hash();
    history.records[1].blocks[at] = forged;
    let found = history.check();
    let (authority, other) = ("a1".to_owned(), "a3".to_owned());
    assert_eq!(found, Err(Violation::Differ { height, authority, block, other, other_block }));
}

#[test]
fn a_state_of_blocks_that_are_not_there_is_found() {
    let mut history = History::new();
    history.records[0].blocks.pop();
    let (state, ledger) = (history.head().height, Height(history.head().height.0 - 1));
    assert_eq!(history.check(), Err(Violation::StateAhead { authority: "a0".to_owned(), state, ledger }));
}

#[test]
fn another_state_is_found() {
    let mut history = History::new();
    history.records[2].state_root = Digest::ZERO;
    let (height, block) = (history.head().height, history.head().state_root);
    let found = Violation::StateRoot { authority: "a2".to_owned(), height, state: Digest::ZERO, block };
    assert_eq!(history.check(), Err(found));
}

#[test]
fn a_miscount_is_found() {
    let mut history = History::new();
    let election = history.election.id;
    let counted = history.records[3].counts.get_mut(&election).unwrap();
    counted.tally = ElectionTally::new(&history.election); // as many votes, and for nobody
    let found = history.check();
    let is_it = matches!(&found, Err(Violation::Tally { authority, election: at, .. }) if authority == "a3" && *at == election);
    assert!(is_it, "{found:?}");

    let mut history = History::new();
    history.records[0].counts.clear();
    let found = history.check();
    assert!(matches!(&found, Err(Violation::Tally { authority, actual: 0, expected: 3, .. }) if authority == "a0"), "{found:?}");
}

#[test]
fn blocks_against_the_rules_are_not_replayed() {
    let history = History::new();
    let again = history.forge(&[Entry::Cast(ballot(history.chain.chain(), &history.election, &key(0), &[1]))]);
    let (height, blocks) = (again.block.header.height, [history.chain.blocks.clone(), vec![again]].concat());
    let found = Record::replayed(&history.chain.genesis, PartitionId(0), "a0", blocks);
    assert!(
        matches!(&found, Err(Violation::Rules { authority, height: at, .. }) if authority == "a0" && *at == height),
        "{found:?}"
    );
}

#[test]
fn violations_name_the_culprit() {
    let (ballot, height) = (BallotHash([7; 32]), Height(3));
    let lost = Violation::Lost { ballot, noted: Position { height, index: 4 } }.to_string();
    assert!(lost.contains(&ballot.to_string()) && lost.contains("block 3, entry 4"), "{lost}");
    let gap = Violation::Gap { authority: "a7".to_owned(), height }.to_string();
    assert!(gap.contains("a7") && gap.contains("block 3"), "{gap}");
}
