//! Random histories, applied to the state machine and to a clerk's paper: the same entries are accepted,
//! the rest refused with the same code, and the same is counted, at every block.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use voting_core::codec::Canonical;
use voting_core::crypto::SigningKey;
use voting_core::election::{Contest, CountMethodId, ElectionDefinition, MAX_WEIGHT, Phase, RevoteRule, Timing};
use voting_core::entry::{Act, Challenge, Entry, TrusteeAct, TrusteeStep, VerifiedEntry};
use voting_core::ids::{BlockHash, Digest, ElectionId, Height, PartitionId};
use voting_core::sealed::BallotOpening;
use voting_core::state::{BlockDraft, LedgerState, Position};
use voting_core::tally::Counts;
use voting_core::testing::chain::pseudonym;
use voting_core::testing::sealed::{dealers, trustee_key};
use voting_core::testing::{TestChain, definition, key};
use voting_core::time::Timestamp;

use crate::common::model::{Model, Verdict};
use crate::common::recount::recount;
use crate::common::{Ledger, block_hash, certified, everything, marks};

/// Two partitions, of which the ledger is the first, so that some voters are at the wrong address.
const PARTITIONS: u16 = 2;
/// Versions of each election that officers may write.
const VERSIONS: u8 = 6;
/// Number of the key of someone without office, but registrar in one version.
const STRANGER: u64 = 500;

/// One thing that happens, in terms of whatever is the case then.
#[derive(Debug, Clone)]
enum Step {
    /// The block is full; the next one comes so many milliseconds later.
    Block(u64),
    /// Someone acts under the next sequence number, or one off.
    Act {
        election: u8,
        signer: Signer,
        off: i64,
        deed: Deed,
    },
    /// Someone certifies voters, each with the key of a voter and a weight; places in [`VOTERS`].
    Certify {
        election: u8,
        signer: Signer,
        voters: Vec<(usize, usize, u64)>,
    },
    /// Someone casts a ballot for the definition in force, or for another version of it.
    Cast {
        election: u8,
        version: Option<u8>,
        voter: usize,
        sequence: u32,
        selections: [usize; 3],
        surplus: isize,
    },
    /// Someone does what is done in sealed elections only: acts as a trustee, or opens a ballot.
    Trustee {
        election: u8,
    },
    Challenge {
        election: u8,
        voter: usize,
    },
    /// An earlier entry is sent again, byte for byte.
    Again(Index),
}

#[derive(Debug, Clone, Copy)]
enum Signer {
    Officer,
    SecondOfficer,
    Registrar,
    Stranger,
}

#[derive(Debug, Clone)]
enum Deed {
    /// Writes a version, for this election or with the id of another.
    Define {
        version: u8,
        misplaced: bool,
    },
    SetRoll(u64),
    /// Whatever follows: an advance, or the count.
    Next,
    To(usize),
    WrongCount,
    Cancel {
        with_reason: bool,
    },
    CloseCeremonyPhase,
    FreezeRoll,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let election = || prop_oneof![12 => Just(1u8), 1 => 2u8..6];
    let officer = prop_oneof![
        8 => Just(Signer::Officer), 4 => Just(Signer::SecondOfficer), 1 => Just(Signer::Registrar), 1 => Just(Signer::Stranger),
    ];
    let registrar = prop_oneof![10 => Just(Signer::Registrar), 1 => Just(Signer::Officer), 1 => Just(Signer::Stranger)];
    let off = prop_oneof![10 => Just(0i64), 1 => Just(-1), 1 => Just(1)];
    let deed = prop_oneof![
        3 => (0..VERSIONS, prop::bool::weighted(0.1)).prop_map(|(version, misplaced)| Deed::Define { version, misplaced }),
        4 => (0u64..9).prop_map(Deed::SetRoll),
        4 => Just(Deed::Next),
        2 => (0usize..8).prop_map(Deed::To),
        1 => Just(Deed::WrongCount),
        1 => any::<bool>().prop_map(|with_reason| Deed::Cancel { with_reason }),
        1 => Just(Deed::CloseCeremonyPhase),
        1 => Just(Deed::FreezeRoll),
    ];
    let weight = prop_oneof![8 => Just(1u64), 4 => 2..5u64, 1 => Just(MAX_WEIGHT), 1 => Just(0), 1 => Just(MAX_WEIGHT + 1)];
    let voter = (prop_oneof![12 => 0usize..8, 1 => Just(8)], prop::option::weighted(0.3, 0usize..9), weight)
        .prop_map(|(voter, key, weight)| (voter, key.unwrap_or(voter), weight));
    let cast = (
        (election(), prop::option::weighted(0.05, 0..VERSIONS), 0usize..9, 0u32..5),
        [0..CHOICES.len(), 0..CHOICES.len(), 0..CHOICES.len()],
        prop_oneof![12 => Just(0isize), 1 => Just(-1), 1 => Just(1)],
    );
    let step = prop_oneof![
        5 => prop_oneof![4 => 1u64..2_000, 1 => 10_000u64..20_000].prop_map(Step::Block),
        4 => (election(), officer, off, deed).prop_map(|(election, signer, off, deed)| Step::Act { election, signer, off, deed }),
        5 => (election(), registrar, vec(voter, 0..3)).prop_map(|(election, signer, voters)| Step::Certify { election, signer, voters }),
        24 => cast.prop_map(|((election, version, voter, sequence), selections, surplus)| Step::Cast {
            election, version, voter, sequence, selections, surplus,
        }),
        1 => election().prop_map(|election| Step::Trustee { election }),
        1 => (election(), 0usize..9).prop_map(|(election, voter)| Step::Challenge { election, voter }),
        4 => any::<Index>().prop_map(Step::Again),
    ];
    // Most histories begin with an election that is open, or they would seldom get that far.
    let length = prop_oneof![1 => 0usize..7, 3 => Just(7)];
    (0..VERSIONS - 1, length, vec(step, 10..100))
        .prop_map(|(version, length, steps)| prelude(version).into_iter().take(length).chain(steps).collect())
}

fn prelude(version: u8) -> Vec<Step> {
    let act = |deed| Step::Act { election: 1, signer: Signer::Officer, off: 0, deed };
    let signer = if version == 4 { Signer::Stranger } else { Signer::Registrar };
    let voters = (0..5).map(|voter| (voter, voter, 1 + voter as u64 % 3)).collect();
    let mut steps = vec![act(Deed::Define { version, misplaced: false }), act(Deed::SetRoll(7))];
    steps.push(Step::Certify { election: 1, signer, voters });
    steps.extend([act(Deed::Next), act(Deed::Next), Step::Block(19_000), act(Deed::Next)]);
    steps
}

/// Numbers of voters by place: eight who vote in this partition, then one who does not.
static VOTERS: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let of = |partition| move |voter: &u64| PartitionId::of_voter(&pseudonym(*voter), PARTITIONS) == PartitionId(partition);
    (0..).filter(of(0)).take(8).chain((0..).filter(of(1)).take(1)).collect()
});

/// What a voter may do to a contest, sensible or not.
const CHOICES: [&[u16]; 12] = [&[], &[0], &[1], &[2], &[0], &[1], &[2], &[0, 1], &[1, 2], &[1, 0], &[3], &[0, 1, 2]];

/// A version of an election: rules that change what the ledger has to do.
fn version(election: u8, version: u8) -> ElectionDefinition {
    let plain = definition(election, &["Ada", "Bob", "Cyd"]);
    let approval = Contest { method: CountMethodId::Approval, seats: 2, max: 2, allow_blank: false, ..plain.contests[0].clone() };
    match version {
        0 => plain,
        1 => ElectionDefinition { revote: RevoteRule::LastCounts, ..plain },
        2 => ElectionDefinition { timing: Timing::Fixed, opens_at: at(20_000), closes_at: at(30_000), ..plain },
        3 => ElectionDefinition { revote: RevoteRule::LastCounts, contests: vec![plain.contests[0].clone(), approval], ..plain },
        4 => ElectionDefinition { registrar: key(STRANGER).public(), contests: vec![Contest { min: 2, ..approval }], ..plain },
        _ => ElectionDefinition { title: String::new(), ..plain },
    }
}

fn at(millis: u64) -> Timestamp {
    TestChain::FOUNDED.saturating_add(Duration::from_millis(millis))
}

/// A ledger, the clerk's paper, and what became of every entry.
struct History {
    /// Writes and signs entries, and keeps the finished blocks.
    ledger: Ledger,
    model: Model,
    draft: BlockDraft,
    in_block: Vec<VerifiedEntry>,
    sent: Vec<Entry>,
    refused_for_good: Vec<VerifiedEntry>,
    /// How often each code was met; `accepted` for none.
    seen: BTreeMap<&'static str, u32>,
}

impl History {
    fn new() -> Self {
        let ledger = Ledger::of_partition(0, PARTITIONS);
        let place = ledger.place(at(1_000));
        let model = Model {
            chain: ledger.chain(),
            officers: ledger.officers.iter().map(SigningKey::public).collect(),
            partition: 0,
            partitions: PARTITIONS,
            height: 1,
            parent: BlockHash::GENESIS,
            now: place.timestamp,
            elections: Vec::new(),
        };
        let draft = ledger.state.begin(place).expect("the first block");
        Self { ledger, model, draft, in_block: vec![], sent: vec![], refused_for_good: vec![], seen: BTreeMap::new() }
    }

    fn of(steps: &[Step]) -> Self {
        let mut history = Self::new();
        for step in steps {
            match (step, history.entry(step)) {
                (Step::Block(millis), _) => history.next_block(*millis),
                (_, Some(entry)) => history.offer(entry),
                (_, None) => {} // nothing was sent before that could be sent again
            }
        }
        history.next_block(1);
        history
    }

    fn key_of(&self, signer: Signer) -> SigningKey {
        match signer {
            Signer::Officer => self.ledger.officers[0].clone(),
            Signer::SecondOfficer => self.ledger.officers[1].clone(),
            Signer::Registrar => self.ledger.registrar.clone(),
            Signer::Stranger => key(STRANGER),
        }
    }

    /// The entry that a step comes to, as things stand.
    fn entry(&self, step: &Step) -> Option<Entry> {
        Some(match step {
            Step::Block(_) => return None,
            Step::Again(_) if self.sent.is_empty() => return None,
            Step::Again(index) => index.get(&self.sent).clone(),
            Step::Trustee { election } => self.trustee(*election),
            Step::Challenge { election, voter } => self.challenge(*election, *voter),
            Step::Act { election, signer, off, deed } => {
                let id = ElectionId([*election; 16]);
                let sequence = i64::from(self.model.sheet(id).map_or(0, |sheet| sheet.acts)) + 1 + off;
                self.ledger.act_by(&self.key_of(*signer), id, sequence.max(0) as u32, self.act(*election, deed))
            }
            Step::Certify { election, signer, voters } => {
                let certified = |(voter, key, weight): &(usize, usize, u64)| certified(VOTERS[*voter], VOTERS[*key], *weight);
                let voters = voters.iter().map(certified).collect();
                self.ledger.certify_by(&self.key_of(*signer), ElectionId([*election; 16]), voters)
            }
            Step::Cast { election, version: other, voter, sequence, selections, surplus } => {
                let in_force = self.model.sheet(ElectionId([*election; 16])).map(|sheet| sheet.definition.clone());
                let definition = match (other, in_force) {
                    (None, Some(definition)) => definition,
                    (other, _) => version(*election, other.unwrap_or(0)),
                };
                let contests = definition.contests.len().saturating_add_signed(*surplus);
                let selections: Vec<_> = selections.iter().take(contests).map(|choice| marks(CHOICES[*choice])).collect();
                self.ledger.cast(&definition, VOTERS[*voter], *sequence, &selections)
            }
        })
    }

    /// A voter's ballot as a test of its seal, which it does not have.
    fn challenge(&self, election: u8, voter: usize) -> Entry {
        let Entry::Cast(signed) = self.ledger.cast(&version(election, 0), VOTERS[voter], 1, &[marks(&[0])]) else {
            unreachable!("it casts a ballot")
        };
        let opening = BallotOpening { contests: Vec::new() };
        Entry::challenge(Challenge { ballot: signed.ballot, opening }, &key(VOTERS[voter]))
    }

    /// A step of a ceremony that was never begun.
    fn trustee(&self, election: u8) -> Entry {
        let key = trustee_key(1);
        let step = TrusteeStep::Ceremony(Box::new(dealers(1, 1, 1).1[0].commit()));
        let act = TrusteeAct { chain: self.ledger.chain(), election: ElectionId([election; 16]), step, trustee: key.public() };
        Entry::trustee(act, &key)
    }

    fn act(&self, election: u8, deed: &Deed) -> Act {
        const PHASES: [Phase; 8] = [
            Phase::Draft,
            Phase::Ready,
            Phase::Scheduled,
            Phase::Open,
            Phase::Closed,
            Phase::Tallied,
            Phase::Published,
            Phase::Cancelled,
        ];
        let sheet = self.model.sheet(ElectionId([election; 16]));
        match deed {
            Deed::Define { version: number, misplaced } => {
                Act::Define(version(if *misplaced { election + 1 } else { election }, *number))
            }
            Deed::SetRoll(size) => Act::SetRoll { size: *size },
            Deed::Next => match sheet.map_or(Phase::Draft, |sheet| sheet.phase) {
                Phase::Closed => {
                    let report = sheet.and_then(|sheet| sheet.count());
                    Act::Tally { report: report.map_or(Digest::ZERO, |report| report.digest()) }
                }
                phase => Act::Advance { to: phase.next().unwrap_or(Phase::Published) },
            },
            Deed::To(phase) => Act::Advance { to: PHASES[*phase] },
            Deed::WrongCount => Act::Tally { report: Digest([7; 32]) },
            Deed::Cancel { with_reason } => Act::Cancel { reason: if *with_reason { "Because".to_owned() } else { String::new() } },
            Deed::CloseCeremonyPhase => Act::CloseCeremonyPhase,
            Deed::FreezeRoll => Act::FreezeRoll,
        }
    }

    /// Gives an entry to both, and compares what they say.
    fn offer(&mut self, entry: Entry) {
        let verified = VerifiedEntry::verify(entry.to_bytes(), self.ledger.chain()).expect("signed by the key that it names");
        let (before, root) = (self.draft.len(), self.draft.clone().finish().root());
        if let Entry::Cast(signed) = &entry
            && let Some(election) = entry.election().and_then(|id| self.draft.election(id))
        {
            let foretold = election.check_ballot(&signed.ballot);
            let actual = self.draft.clone().try_apply(&verified).map(|_| ());
            assert_eq!(foretold, actual, "a gateway foretells what the ledger says");
        }
        let refusal = self.draft.try_apply(&verified).err();
        let actual: Verdict = refusal.as_ref().map_or(Ok(()), |refusal| Err(refusal.code()));
        assert_eq!(actual, self.model.apply(&entry), "{entry:?}");
        *self.seen.entry(actual.err().unwrap_or("accepted")).or_default() += 1;
        match refusal {
            None => {
                assert_eq!(self.draft.len(), before + 1);
                assert_ne!(self.draft.clone().finish().root(), root, "the root covers every entry");
                self.in_block.push(verified);
            }
            Some(refusal) => {
                assert_eq!((self.draft.len(), self.draft.clone().finish().root()), (before, root), "{refusal}");
                if refusal.is_permanent() {
                    self.refused_for_good.push(verified);
                }
            }
        }
        self.sent.push(entry);
    }

    /// Finishes the block, compares all that is known, and begins the next.
    fn next_block(&mut self, millis: u64) {
        for entry in &self.refused_for_good {
            assert!(self.draft.clone().try_apply(entry).is_err(), "refused for good, and accepted later: {entry:?}");
        }
        let (state, height) = (self.draft.clone().finish(), Height(self.model.height));
        compare(&state, &self.model);
        for (index, entry) in (0u32..).zip(&self.in_block) {
            assert_eq!(state.position_of(entry), Some(Position { height, index }), "{entry:?}");
        }
        let place = self.ledger.place(self.model.now);
        self.ledger.state = state;
        let entries = std::mem::take(&mut self.in_block);
        self.ledger.blocks.push((self.ledger.header(place, &entries), entries));
        let place = self.ledger.place(self.model.now.saturating_add(Duration::from_millis(millis)));
        assert_eq!(place.parent, block_hash(height));
        self.model.turn_page(place.parent, place.timestamp);
        self.draft = self.ledger.state.begin(place).expect("the next height, a later time");
    }
}

/// Everything that the clerk's paper says is what the state says.
fn compare(state: &LedgerState, model: &Model) {
    assert_eq!(state.elections().count(), model.elections.len());
    assert_eq!(state.root(), model.root());
    for sheet in &model.elections {
        let election = state.election(sheet.definition.id).expect("on paper, so on the ledger");
        assert_eq!(election.definition().as_ref(), &sheet.definition);
        assert_eq!(election.context(), sheet.definition.context(model.chain));
        assert_eq!((election.phase(), election.acts().len()), (sheet.phase, sheet.acts as usize));
        assert_eq!((election.roll_size(), election.certified()), (sheet.roll, sheet.voters.len() as u64));
        assert_eq!(election.frozen_roll(), sheet.frozen.then(|| sheet.roll_root()));
        assert_eq!(election.roll_root(), sheet.roll_root());
        assert_eq!(election.cancel_reason(), sheet.reason.as_deref());
        assert_eq!(election.closed_height(), sheet.closed.map(|(height, _)| Height(height)));
        assert_eq!(election.report().map(AsRef::as_ref), sheet.report.as_ref());
        let counted = sheet.counted_ballots();
        assert_eq!((election.ballots(), election.voted()), (sheet.ballots.len() as u64, counted.len() as u64));
        let by_hand = recount(&sheet.definition, &counted, Digest::ZERO).contests;
        let running = &election.tally().expect("open ballots are counted as they come").0;
        for (tally, by_hand) in running.iter().zip(&by_hand) {
            assert_eq!(Counts::from(tally), by_hand.counts, "the running count is the count of all ballots anew");
            assert!(by_hand.options.iter().all(|line| tally.options[usize::from(line.option)] == line.votes));
        }
        assert_eq!(running.len(), by_hand.len());
        for voter in &sheet.voters {
            let record = election.voter(&voter.pseudonym).expect("certified");
            assert_eq!((record.key, record.weight), (voter.key, voter.weight));
            assert_eq!(record.counted.as_ref().map(|counted| counted.hash), sheet.counted(voter).map(|(hash, _)| *hash));
            assert_eq!(election.voter_of_key(&voter.key).map(|(pseudonym, _)| pseudonym), Some(voter.pseudonym));
        }
        assert!(sheet.ballots.iter().all(|(hash, _)| election.ballot_position(*hash).is_some()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_state_machine_does_what_the_clerk_does(steps in steps()) {
        let history = History::of(&steps);
        // The blocks, applied by one who was not there, give all of the same state.
        let replayed = history.ledger.replayed();
        prop_assert_eq!(everything(&replayed), everything(&history.ledger.state));
        prop_assert_eq!(replayed.root(), history.ledger.state.root());
        compare(&replayed, &Model { height: history.model.height - 1, ..history.model });
    }
}

/// The histories are worth comparing: in a few hundred of them, always the same, almost every refusal occurs.
#[test]
fn histories_meet_every_refusal_within_reach() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeMap::<&str, u32>::new();
    let mut ends = BTreeMap::<Phase, u32>::new();
    for _ in 0..300 {
        let history = History::of(&steps().new_tree(&mut runner).expect("steps").current());
        history.seen.iter().for_each(|(code, times)| *seen.entry(code).or_default() += times);
        history.model.elections.iter().for_each(|sheet| *ends.entry(sheet.phase).or_default() += 1);
    }
    let codes = "unknown_election not_an_officer act_sequence wrong_phase too_early invalid_definition empty_roll roll_below_certified \
        roll_full wrong_report just_closed invalid_reason not_the_registrar certification_size already_certified key_in_use \
        invalid_weight other_partition key_not_certified wrong_context wrong_contests blank_not_allowed marks_out_of_order \
        unknown_option overvote undervote already_voted duplicate_ballot stale_sequence accepted";
    for code in codes.split_whitespace() {
        assert!(seen.contains_key(code), "{code} does not occur: {seen:?}");
    }
    assert_eq!(ends.len(), 8, "and elections end in every phase: {ends:?}");
}

/// One ballot: the voter, its sequence number and the choice.
type Arrival = (usize, u32, usize);

/// All ballots of a few voters in two orders, both of which keep each voter's own.
fn arrivals() -> impl Strategy<Value = (Vec<Arrival>, Vec<Arrival>)> {
    vec(vec(0..4usize, 1..4), 1..8).prop_flat_map(|voters| {
        let turns: Vec<usize> = voters.iter().enumerate().flat_map(|(voter, choices)| vec![voter; choices.len()]).collect();
        (Just(voters), Just(turns.clone()), Just(turns).prop_shuffle()).prop_map(|(voters, one, other)| {
            let in_turn = |turns: Vec<usize>| {
                let mut made = vec![0; voters.len()];
                let next = |voter: usize| {
                    made[voter] += 1;
                    (voter, made[voter] as u32, voters[voter][made[voter] - 1])
                };
                turns.into_iter().map(next).collect::<Vec<_>>()
            };
            (in_turn(one), in_turn(other))
        })
    })
}

/// Blocks of the given size, until all ballots are in.
fn in_blocks(ballots: &[Arrival], size: usize) -> Ledger {
    let election = version(1, 1);
    let mut ledger = Ledger::new();
    ledger.bring(&election, Phase::Open, 8, 8).expect("an election by the rules");
    let cast = |(voter, sequence, choice): &Arrival| ledger.cast(&election, *voter as u64, *sequence, &[marks(CHOICES[*choice])]);
    let ballots: Vec<_> = ballots.iter().map(cast).collect();
    for block in ballots.chunks(size) {
        ledger.block(block).expect("in each voter's own order");
    }
    ledger
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_order_of_independent_ballots_changes_the_root_but_not_the_count(
        (one, other) in arrivals(), size in 1usize..12, other_size in 1usize..12,
    ) {
        let (mine, theirs, split) = (in_blocks(&one, size), in_blocks(&other, size), in_blocks(&one, other_size));
        let id = version(1, 1).id;
        let [first, second] = [&mine, &theirs].map(|ledger| ledger.election(id));
        prop_assert_eq!(first.tally(), second.tally());
        prop_assert_eq!((first.voted(), first.ballots()), (second.voted(), second.ballots()));
        prop_assert_eq!(mine.state.root() == theirs.state.root(), one == other, "the root covers the order");
        prop_assert_eq!(mine.state.root(), split.state.root(), "and not where a block happens to end");
    }
}
