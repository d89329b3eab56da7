//! The life of an election: what is possible in which phase, when, by whom and how often.

use std::time::Duration;

use proptest::prelude::*;
use voting_core::ballot::{Ballot, Selection};
use voting_core::codec::Canonical;
use voting_core::election::{ContestOption, ElectionDefinition, MAX_WEIGHT, Phase, RevoteRule, Timing};
use voting_core::entry::{Act, Entry, VerifiedEntry};
use voting_core::ids::{Digest, ElectionId, Height, PartitionId, Pseudonym};
use voting_core::state::{Applied, LedgerState, Position, Refusal};
use voting_core::tally::ElectionTally;
use voting_core::testing::chain::pseudonym;
use voting_core::testing::{TestChain, definition, key};
use voting_core::time::Timestamp;

use crate::common::{Ledger, certified, everything, marks};

const PHASES: [Phase; 8] =
    [Phase::Draft, Phase::Ready, Phase::Scheduled, Phase::Open, Phase::Closed, Phase::Tallied, Phase::Published, Phase::Cancelled];

/// Phase × act. `>phase` is entered, `=` is accepted and changes no phase, `-` is refused for the phase,
/// and what is refused for another reason has its code. Two of four voters are certified.
const LIFE: &str = "
    act           | draft       ready       scheduled  open       closed       tallied    published  cancelled
    define        | >draft      >draft      -          -          -            -          -          -
    roll          | =           =           =          -          -            -          -          -
    small roll    | roll_below_certified roll_below_certified roll_below_certified - - - - -
    to draft      | -           -           -          -          -            -          -          -
    to ready      | >ready      -           -          -          -            -          -          -
    to scheduled  | -           >scheduled  -          -          -            -          -          -
    to open       | -           -           >open      -          -            -          -          -
    to closed     | -           -           -          >closed    -            -          -          -
    to tallied    | -           -           -          -          -            -          -          -
    to published  | -           -           -          -          -            >published -          -
    to cancelled  | -           -           -          -          -            -          -          -
    right count   | -           -           -          -          >tallied     -          -          -
    wrong count   | -           -           -          -          wrong_report -          -          -
    cancel        | >cancelled  >cancelled  >cancelled >cancelled >cancelled   -          -          -
    no reason     | invalid_reason invalid_reason invalid_reason invalid_reason invalid_reason - - -
    certify       | =           =           =          =          -            -          -          -
    cast          | -           -           -          =          -            -          -          -
";

fn election() -> ElectionDefinition {
    definition(1, &["Ada", "Bob", "Cyd"])
}

fn id() -> ElectionId {
    election().id
}

fn last_counts() -> ElectionDefinition {
    ElectionDefinition { revote: RevoteRule::LastCounts, ..election() }
}

fn to(phase: Phase) -> Act {
    Act::Advance { to: phase }
}

/// A moment so many milliseconds after the chain was founded.
fn at(millis: u64) -> Timestamp {
    TestChain::FOUNDED.saturating_add(Duration::from_millis(millis))
}

fn opened(definition: &ElectionDefinition, voters: u64) -> Ledger {
    let mut ledger = Ledger::new();
    ledger.bring(definition, Phase::Open, voters, voters).expect("an election by the rules");
    ledger
}

/// The running count, which there always is of open ballots.
fn tally(ledger: &Ledger) -> &ElectionTally {
    ledger.election(id()).tally().expect("open ballots are counted as they come")
}

fn votes(ledger: &Ledger) -> &[u64] {
    &tally(ledger).0[0].options
}

fn entry_of_row(ledger: &Ledger, row: &str) -> Entry {
    let act = match row {
        "define" => Act::Define(ElectionDefinition { title: "Another title".to_owned(), ..election() }),
        "roll" => Act::SetRoll { size: 9 },
        "small roll" => Act::SetRoll { size: 1 },
        "right count" => {
            let closed = ledger.election(id()).closed_height().is_some();
            Act::Tally { report: if closed { ledger.report(id()).digest() } else { Digest::ZERO } }
        }
        "wrong count" => Act::Tally { report: Digest([1; 32]) },
        "cancel" => Act::Cancel { reason: "Ada has withdrawn".to_owned() },
        "no reason" => Act::Cancel { reason: String::new() },
        "certify" => return ledger.certify(id(), [(2, 1)]),
        "cast" => return ledger.cast(&election(), 0, 1, &[marks(&[0])]),
        target => {
            let name = target.strip_prefix("to ").expect("a row of the table");
            to(*PHASES.iter().find(|phase| phase.to_string() == name).expect("a phase"))
        }
    };
    ledger.act(id(), act)
}

#[test]
fn each_act_is_possible_in_its_phases_only() {
    let mut lines = LIFE.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| line.split_once('|').expect("a bar"));
    let (_, heading) = lines.next().expect("a heading");
    assert_eq!(heading.split_whitespace().collect::<Vec<_>>(), PHASES.map(|phase| phase.to_string()), "every phase has its column");
    let mut rows = 0;
    for (row, cells) in lines {
        let cells: Vec<_> = cells.split_whitespace().collect();
        assert_eq!(cells.len(), PHASES.len(), "{row}");
        for (phase, expected) in PHASES.into_iter().zip(cells) {
            let mut ledger = Ledger::new();
            ledger.bring(&election(), phase, 4, 2).expect("every phase can be reached");
            let acts = ledger.election(id()).acts().len();
            let actual = match ledger.apply(entry_of_row(&ledger, row.trim())) {
                Ok(_) if ledger.election(id()).phase() == phase && expected == "=" => "=".to_owned(),
                Ok(_) => format!(">{}", ledger.election(id()).phase()),
                Err(Refusal::Phase { phase: named, .. }) => {
                    assert_eq!(named, phase, "the refusal names the phase");
                    "-".to_owned()
                }
                Err(refusal) => refusal.code().to_owned(),
            };
            assert_eq!(actual, expected, "{} of an election that is {phase}", row.trim());
            let is_act = !matches!(row.trim(), "certify" | "cast") && !matches!(expected, "-") && !expected.contains('_');
            assert_eq!(
                ledger.election(id()).acts().len(),
                acts + usize::from(is_act),
                "{row}: only acts that took effect are on record"
            );
        }
        rows += 1;
    }
    assert_eq!(rows, 9 + PHASES.len(), "an advance to every phase, and nine other entries");
}

#[test]
fn phases_follow_each_other_as_they_are_listed() {
    let listed: Vec<_> = std::iter::successors(Some(Phase::Draft), |phase| phase.next()).collect();
    assert_eq!(listed, PHASES[..7], "and nothing follows on a cancellation");
    assert_eq!(Phase::Cancelled.next(), None);
    assert_eq!(PHASES.map(Phase::can_cancel), [true, true, true, true, true, false, false, false]);
}

#[test]
fn every_act_is_on_record_with_who_where_and_when() {
    let mut ledger = Ledger::new();
    ledger.block_at(at(10), &[ledger.act(id(), Act::Define(election()))]).expect("a draft");
    let second = &ledger.officers[1].clone();
    let roll = ledger.act_by(second, id(), 2, Act::SetRoll { size: 3 });
    let ready = ledger.act(id(), to(Phase::Ready));
    assert_eq!(ledger.block_at(at(20), &[ready]), Err(Refusal::EmptyRoll));
    let ready = ledger.act_by(&ledger.officers[0], id(), 3, to(Phase::Ready));
    ledger.block_at(at(20), &[roll, ready]).expect("two acts in a block, by two officers");
    let record: Vec<_> =
        ledger.election(id()).acts().iter().map(|act| (act.phase, act.officer, act.position, act.timestamp)).collect();
    let position = |height, index| Position { height: Height(height), index };
    let [first, second] = [0, 1].map(|officer| ledger.officers[officer].public());
    assert_eq!(
        record,
        [
            (Phase::Draft, first, position(1, 0), at(10)),
            (Phase::Draft, second, position(2, 0), at(20)),
            (Phase::Ready, first, position(2, 1), at(20)),
        ]
    );
}

#[test]
fn acts_never_overwrite_each_other_unseen() {
    let mut ledger = Ledger::new();
    ledger.bring(&election(), Phase::Draft, 4, 0).expect("a draft");
    let mine = ledger.act_by(&ledger.officers[0], id(), 3, Act::SetRoll { size: 5 });
    let theirs = ledger.act_by(&ledger.officers[1], id(), 3, Act::SetRoll { size: 6 });
    ledger.apply(mine.clone()).expect("came first");
    for late in [theirs, mine] {
        assert_eq!(ledger.apply(late), Err(Refusal::ActSequence { actual: 3, expected: 4 }));
    }
    assert_eq!(ledger.election(id()).roll_size(), 5);
}

#[test]
fn a_new_definition_starts_over_as_a_draft_and_keeps_the_roll() {
    let mut ledger = Ledger::new();
    ledger.bring(&election(), Phase::Ready, 4, 2).expect("ready");
    let before = ledger.election(id()).context();
    let changed = definition(1, &["Ada", "Bob"]);
    ledger.apply(ledger.act(id(), Act::Define(changed.clone()))).expect("still possible");
    let state = ledger.election(id());
    assert_eq!((state.phase(), state.roll_size(), state.certified()), (Phase::Draft, 4, 2));
    assert_eq!(state.definition().as_ref(), &changed);
    assert_ne!(state.context(), before, "ballots for the old definition count nowhere");
    assert_eq!(state.tally(), Some(&ElectionTally::new(&changed)));
    ledger.advance(id(), &[Phase::Ready, Phase::Scheduled, Phase::Open]).expect("open");
    assert_eq!(ledger.apply(ledger.cast(&election(), 0, 1, &[marks(&[1])])), Err(Refusal::Context));
    ledger.apply(ledger.cast(&changed, 0, 1, &[marks(&[1])])).expect("for the definition in force");
}

#[test]
fn a_cancelled_election_says_why_and_has_no_result() {
    let mut ledger = opened(&election(), 2);
    ledger.apply(ledger.cast(&election(), 0, 1, &[marks(&[0])])).expect("a ballot");
    ledger.advance(id(), &[Phase::Closed]).expect("closed");
    ledger.apply(ledger.act(id(), Act::Cancel { reason: "Ada was no candidate".to_owned() })).expect("not yet counted");
    let state = ledger.election(id());
    assert_eq!((state.cancel_reason(), state.report()), (Some("Ada was no candidate"), None));
    assert_eq!(state.ballots(), 1, "what was recorded stays on record");
}

#[test]
fn the_report_is_kept_as_it_was_agreed() {
    let mut ledger = opened(&election(), 3);
    for (voter, mark) in [(0, 1), (1, 1), (2, 0)] {
        ledger.apply(ledger.cast(&election(), voter, 1, &[marks(&[mark])])).expect("a ballot");
    }
    ledger.advance(id(), &[Phase::Closed]).expect("closed");
    assert_eq!(ledger.election(id()).closed_height(), Some(ledger.state.height()));
    let agreed = ledger.report(id());
    ledger.apply(ledger.act(id(), Act::Tally { report: agreed.digest() })).expect("the right count");
    assert_eq!(ledger.election(id()).report().expect("tallied").as_ref(), &agreed);
    ledger.advance(id(), &[Phase::Published]).expect("published");
    let report = ledger.election(id()).report().expect("published");
    assert_eq!(report.as_ref(), &agreed);
    assert_eq!((report.contests[0].options[0].name.as_str(), report.contests[0].options[0].votes), ("Bob", 2));
}

/// Opens at 60 s and closes at 120 s after the founding, scheduled at some 5 s.
fn fixed() -> (ElectionDefinition, Ledger) {
    let election = ElectionDefinition { timing: Timing::Fixed, opens_at: at(60_000), closes_at: at(120_000), ..election() };
    let mut ledger = Ledger::new();
    ledger.bring(&election, Phase::Scheduled, 4, 4).expect("scheduled");
    (election, ledger)
}

#[test]
fn fixed_times_bind_to_the_millisecond_by_the_time_of_the_block() {
    let (election, mut ledger) = fixed();
    let open = ledger.act(id(), to(Phase::Open));
    let refused = ledger.block_at(at(59_999), std::slice::from_ref(&open));
    assert_eq!(refused, Err(Refusal::TooEarly { action: "opening it", not_before: at(60_000), now: at(59_999) }));
    // The very same entry, in a block whose time has come: nothing but the block says what time it is.
    ledger.block_at(at(60_000), &[open]).expect("the time has come");
    ledger.block_at(at(60_001), &[ledger.cast(&election, 0, 1, &[marks(&[0])])]).expect("open");

    let close = ledger.act(id(), to(Phase::Closed));
    let refused = ledger.block_at(at(119_999), std::slice::from_ref(&close));
    assert_eq!(refused, Err(Refusal::TooEarly { action: "closing it", not_before: at(120_000), now: at(119_999) }));
    ledger.block_at(at(119_999), &[ledger.cast(&election, 1, 1, &[marks(&[0])])]).expect("still open");
    // The close entry ends it, not the clock: a ballot that stands before it counts, whatever the hour.
    let [before, after] = [2, 3].map(|voter| ledger.cast(&election, voter, 1, &[marks(&[1])]));
    let late = ledger.clone().block_at(at(120_000), &[before.clone(), close.clone(), after]);
    assert_eq!(late, Err(Refusal::Phase { phase: Phase::Closed, action: "casting a ballot" }));
    ledger.block_at(at(120_000), &[before, close]).expect("closed after the last ballot");
    assert_eq!(votes(&ledger), [2, 1, 0]);
}

#[test]
fn opening_late_is_possible_and_early_closing_is_not() {
    let (_, mut ledger) = fixed();
    ledger.block_at(at(200_000), &[ledger.act(id(), to(Phase::Open))]).expect("long after it should have closed");
    ledger.block_at(at(200_001), &[ledger.act(id(), to(Phase::Closed))]).expect("the time to close has come too");

    let (_, mut ledger) = fixed();
    ledger.block_at(at(60_000), &[ledger.act(id(), to(Phase::Open))]).expect("open");
    let early = ledger.block_at(at(90_000), &[ledger.act(id(), to(Phase::Closed))]);
    assert!(matches!(early, Err(Refusal::TooEarly { .. })));
    let cancel = Act::Cancel { reason: "Fire in the hall".to_owned() };
    ledger.block_at(at(90_000), &[ledger.act(id(), cancel)]).expect("cancelling waits for no time");
}

#[test]
fn an_officers_election_opens_and_closes_at_any_time() {
    let election = ElectionDefinition { opens_at: at(60_000), closes_at: at(120_000), ..election() };
    let mut ledger = Ledger::new();
    ledger.bring(&election, Phase::Scheduled, 4, 4).expect("scheduled");
    let now = ledger.state.timestamp();
    assert!(now < election.opens_at);
    ledger.block(&[ledger.act(id(), to(Phase::Open))]).expect("before the time announced");
    ledger
        .block(&[ledger.cast(&election, 0, 1, &[marks(&[0])]), ledger.act_by(&ledger.officers[0], id(), 6, to(Phase::Closed))])
        .expect("and so is the close");
    assert!(ledger.state.timestamp() < election.opens_at);
}

#[test]
fn early_and_late_ballots_are_refused_and_an_early_one_may_come_again() {
    let mut ledger = Ledger::new();
    ledger.bring(&election(), Phase::Scheduled, 2, 2).expect("scheduled");
    let ballot = ledger.cast(&election(), 0, 1, &[marks(&[0])]);
    let early = ledger.apply(ballot.clone()).expect_err("not open");
    assert!(!early.is_permanent(), "{early}");
    ledger.advance(id(), &[Phase::Open]).expect("open");
    ledger.apply(ballot).expect("the same bytes");
    ledger.advance(id(), &[Phase::Closed]).expect("closed");
    let late = ledger.apply(ledger.cast(&election(), 1, 1, &[marks(&[0])])).expect_err("closed");
    assert!(late.is_permanent(), "{late}");
    assert_eq!(votes(&ledger), [1, 0, 0]);
}

#[test]
fn where_the_first_counts_a_voter_votes_once() {
    let mut ledger = opened(&election(), 2);
    let first = ledger.cast(&election(), 0, 7, &[marks(&[0])]);
    ledger.block_at(at(50_000), std::slice::from_ref(&first)).expect("any sequence number from 1 on");
    let state = ledger.election(id());
    let counted = state.voter(&pseudonym(0)).expect("certified").counted.clone().expect("voted");
    for sequence in [1, 7, 8, u32::MAX] {
        let again = ledger.apply(ledger.cast(&election(), 0, sequence, &[marks(&[1])]));
        let expected = Refusal::AlreadyVoted { ballot: counted.hash, at: at(50_000), position: counted.position };
        assert_eq!(again, Err(expected), "the answer names the ballot that counts, and when it was recorded");
    }
    assert_eq!(ledger.apply(first), Err(Refusal::Duplicate { position: counted.position }));
    assert_eq!((votes(&ledger), ledger.election(id()).voted(), ledger.election(id()).ballots()), (&[1, 0, 0][..], 1, 1));
}

#[test]
fn where_the_last_counts_each_ballot_replaces_the_one_before() {
    let election = last_counts();
    let mut ledger = opened(&election, 2);
    let mut last = None;
    for (sequence, mark, expected) in [(1, 0, [1, 0, 0]), (2, 1, [0, 1, 0]), (9, 1, [0, 1, 0]), (u32::MAX, 2, [0, 0, 1])] {
        let applied = ledger.apply(ledger.cast(&election, 0, sequence, &[marks(&[mark])])).expect("a higher number");
        let Applied::Cast { voter, ballot, replaced } = applied else { panic!("{applied:?} of a ballot") };
        assert_eq!((voter, replaced), (pseudonym(0), last), "what it replaces is said");
        assert_eq!(votes(&ledger), expected);
        last = Some(ballot);
    }
    let blank = ledger.cast(&election, 0, u32::MAX, &[Selection::Blank]);
    assert!(matches!(ledger.apply(blank), Err(Refusal::BallotSequence { actual: u32::MAX, last: u32::MAX, .. })));
    let state = ledger.election(id());
    assert_eq!((state.voted(), state.ballots(), tally(&ledger).0[0].ballots), (1, 4, 1), "four on record, one counts");
    // A replaced ballot stays on record: resent, it is a duplicate, not a vote to come back.
    let first = ledger.apply(ledger.cast(&election, 0, 1, &[marks(&[0])]));
    assert!(matches!(first, Err(Refusal::Duplicate { .. })));
    assert_eq!(votes(&ledger), [0, 0, 1]);
}

#[test]
fn an_older_ballot_that_arrives_later_counts_for_nothing() {
    let election = last_counts();
    let mut ledger = opened(&election, 1);
    ledger.apply(ledger.cast(&election, 0, 5, &[marks(&[0])])).expect("the first to arrive");
    for sequence in [1, 4, 5] {
        let late = ledger.apply(ledger.cast(&election, 0, sequence, &[marks(&[1])])).expect_err("older");
        assert_eq!((late.code(), late.is_permanent()), ("stale_sequence", true));
    }
    assert_eq!(votes(&ledger), [1, 0, 0]);
}

#[test]
fn the_revote_rule_is_fixed_before_the_first_ballot() {
    for phase in [Phase::Scheduled, Phase::Open, Phase::Closed] {
        let mut ledger = Ledger::new();
        ledger.bring(&election(), phase, 2, 2).expect("an election by the rules");
        let changed = ledger.apply(ledger.act(id(), Act::Define(last_counts())));
        assert_eq!(changed, Err(Refusal::Phase { phase, action: "changing the definition" }));
        assert_eq!(ledger.election(id()).definition().revote, RevoteRule::FirstCounts);
    }
    assert_ne!(last_counts().context(Ledger::new().chain()), election().context(Ledger::new().chain()), "ballots are bound to it");
}

#[test]
fn duplicates_within_a_block_are_found() {
    for election in [election(), last_counts()] {
        let ledger = opened(&election, 2);
        let ballot = ledger.cast(&election, 0, 1, &[marks(&[0])]);
        let twice = ledger.clone().block(&[ballot.clone(), ballot.clone()]);
        assert!(matches!(twice, Err(Refusal::Duplicate { position: Position { index: 0, .. } })));
        let other = ledger.cast(&election, 0, 1, &[marks(&[1])]);
        let both = ledger.clone().block(&[ballot, other]).expect_err("the same voter under the same number");
        assert_eq!(both.code(), if election.revote == RevoteRule::FirstCounts { "already_voted" } else { "stale_sequence" });
    }
}

#[test]
fn a_ballot_resent_ten_thousand_times_is_one_ballot() {
    let mut ledger = opened(&election(), 1);
    let ballot = ledger.cast(&election(), 0, 1, &[marks(&[0])]);
    ledger.apply(ballot.clone()).expect("the first time");
    let before = everything(&ledger.state);
    let entry = VerifiedEntry::verify(ballot.to_bytes(), ledger.chain()).expect("signed");
    let mut draft = ledger.state.begin(ledger.place(at(1_000_000))).expect("the next block");
    for _ in 0..10_000 {
        assert!(matches!(draft.try_apply(&entry), Err(Refusal::Duplicate { .. })));
    }
    assert!(draft.is_empty());
    assert_eq!((draft.finish().root(), everything(&ledger.state)), (ledger.state.root(), before));
}

#[test]
fn a_ballot_weighs_what_was_certified_and_is_taken_back_whole() {
    let election = last_counts();
    let mut ledger = Ledger::new();
    ledger.bring(&election, Phase::Open, 3, 0).expect("open");
    ledger.apply(ledger.certify(id(), [(0, 1), (1, 5), (2, MAX_WEIGHT)])).expect("certified");
    for (voter, mark) in [(0, 0), (1, 1), (2, 2)] {
        ledger.apply(ledger.cast(&election, voter, 1, &[marks(&[mark])])).expect("a ballot");
    }
    assert_eq!(votes(&ledger), [1, 5, MAX_WEIGHT]);
    ledger.apply(ledger.cast(&election, 2, 2, &[Selection::Blank])).expect("replaced");
    let tally = &tally(&ledger).0[0];
    assert_eq!(
        (tally.options.as_slice(), tally.blank, tally.weight, tally.ballots),
        (&[1, 5, 0][..], MAX_WEIGHT, 6 + MAX_WEIGHT, 3)
    );
}

#[test]
fn late_voters_join_while_it_is_open_up_to_the_size_of_the_roll() {
    let mut ledger = Ledger::new();
    ledger.bring(&election(), Phase::Open, 2, 1).expect("open");
    let ballot = ledger.cast(&election(), 1, 1, &[marks(&[0])]);
    let unknown = ledger.apply(ballot.clone()).expect_err("not certified yet");
    assert_eq!((unknown.code(), unknown.is_permanent()), ("key_not_certified", false));
    ledger.block(&[ledger.certify(id(), [(1, 1)]), ballot]).expect("certified and cast in one block");
    assert_eq!(ledger.apply(ledger.certify(id(), [(2, 1)])), Err(Refusal::RollFull { size: 2 }), "no stuffing of the roll");
}

#[test]
fn a_certification_stands_whole_or_not_at_all() {
    let mut ledger = Ledger::new();
    ledger.bring(&election(), Phase::Open, 10, 1).expect("open");
    let voters = vec![certified(1, 1, 1), certified(2, 2, 1), certified(0, 3, 1)];
    let refused = ledger.apply(ledger.certify_by(&ledger.registrar, id(), voters));
    assert_eq!(refused, Err(Refusal::AlreadyCertified { voter: pseudonym(0) }));
    assert_eq!(ledger.election(id()).certified(), 1);
    assert!(ledger.election(id()).voter(&pseudonym(1)).is_none());
    assert!(ledger.election(id()).voter_of_key(&key(2).public()).is_none());
    ledger.apply(ledger.certify(id(), [(1, 1), (2, 1)])).expect("without the one too many");
}

#[test]
fn a_registrar_certifies_for_its_own_election_only() {
    let (other_registrar, other_election) = (key(77), definition(2, &["Yes", "No"]));
    let other_election = ElectionDefinition { registrar: other_registrar.public(), ..other_election };
    let mut ledger = Ledger::new();
    ledger.bring(&election(), Phase::Open, 2, 0).expect("open");
    ledger.bring(&other_election, Phase::Open, 2, 0).expect("open too");
    let voters = vec![certified(0, 0, 1)];
    let crossed = [(&other_registrar, id()), (&ledger.registrar.clone(), other_election.id)];
    for (registrar, election) in crossed {
        let refused = ledger.apply(ledger.certify_by(registrar, election, voters.clone()));
        assert_eq!(refused, Err(Refusal::NotTheRegistrar { key: registrar.public() }));
    }
    ledger.apply(ledger.certify_by(&other_registrar, other_election.id, voters)).expect("for its own");
}

#[test]
fn elections_know_nothing_of_each_others_voters() {
    let other = definition(2, &["Ada", "Bob", "Cyd"]);
    let mut ledger = Ledger::new();
    // One person: voter 0 with key 0 in the first election, voter 100 with key 100 in the second.
    ledger.bring(&election(), Phase::Open, 2, 1).expect("open");
    ledger.bring(&other, Phase::Open, 2, 0).expect("open too");
    ledger.apply(ledger.certify(other.id, [(100, 1)])).expect("certified");
    let unknown = ledger.cast(&other, 0, 1, &[marks(&[0])]);
    assert_eq!(
        ledger.apply(unknown),
        Err(Refusal::NotCertified { key: key(0).public() }),
        "a key of one election is none of another"
    );
    let Entry::Cast(signed) = ledger.cast(&election(), 0, 1, &[marks(&[0])]) else { unreachable!("cast makes ballots") };
    let moved = Entry::Cast(Ballot { election: other.id, ..signed.ballot }.sign(&key(0)));
    assert_eq!(ledger.apply(moved), Err(Refusal::Context), "a ballot of one election is none of another");
    ledger.apply(ledger.cast(&election(), 0, 1, &[marks(&[0])])).expect("in the first");
    ledger.apply(ledger.cast(&other, 100, 1, &[marks(&[0])])).expect("in the second");

    // Nothing that one election shows of the voter occurs in the other.
    let seen = |id: ElectionId, voter: u64| {
        let (pseudonym, record) = ledger.election(id).voter_of_key(&key(voter).public()).expect("certified");
        let hash = record.counted.as_ref().expect("voted").hash;
        [pseudonym.0, record.key.0, hash.0]
    };
    let (first, second) = (seen(id(), 0), seen(other.id, 100));
    assert!(first.iter().all(|shown| !second.contains(shown)));
    for (id, stranger) in [(id(), 100), (other.id, 0)] {
        assert!(ledger.election(id).voter(&pseudonym(stranger)).is_none());
        assert!(ledger.election(id).voter_of_key(&key(stranger).public()).is_none());
    }
    // Even a careless registrar's use of one pseudonym and key for both makes two voters, each with a ballot.
    ledger.apply(ledger.certify(other.id, [(0, 1)])).expect("certified");
    ledger.apply(ledger.cast(&other, 0, 1, &[marks(&[2])])).expect("has not voted in this one");
}

/// A pseudonym as unlike a test's own numbers as a registrar's: any 32 bytes.
fn any_pseudonym() -> impl Strategy<Value = Pseudonym> {
    any::<[u8; 32]>().prop_map(Pseudonym)
}

proptest! {
    #[test]
    fn every_voter_has_one_partition(voter in any_pseudonym(), partitions in 1u16..) {
        let partition = PartitionId::of_voter(&voter, partitions);
        prop_assert!(partition.0 < partitions);
        prop_assert_eq!(PartitionId::of_voter(&voter, 1), PartitionId(0));
    }
}

#[test]
fn ten_thousand_voters_spread_evenly() {
    for partitions in [2u16, 3, 4, 7, 16] {
        let mut counts = vec![0u64; usize::from(partitions)];
        for voter in 0..10_000 {
            counts[usize::from(PartitionId::of_voter(&pseudonym(voter), partitions).0)] += 1;
        }
        let mean = 10_000.0 / f64::from(partitions);
        let bound = 5.0 * mean.sqrt(); // five standard deviations of a fair draw
        assert!(counts.iter().all(|count| (*count as f64 - mean).abs() < bound), "{partitions} partitions: {counts:?}");
    }
}

/// Where a voter votes never changes, or ballots could be cast twice: these values are from another implementation
/// of `voting/partition/v1`.
#[test]
fn the_partition_of_a_voter_is_pinned() {
    let partitions: Vec<_> = (0..12).map(|voter| PartitionId::of_voter(&pseudonym(voter), 4).0).collect();
    assert_eq!(partitions, [1, 3, 2, 1, 0, 0, 1, 3, 1, 2, 2, 3]);
}

#[test]
fn partitions_count_together_what_one_would_count() {
    const PARTITIONS: u16 = 4;
    const VOTERS: u64 = 200;
    let election = ElectionDefinition {
        contests: vec![
            election().contests[0].clone(),
            voting_core::election::Contest {
                title: "Which of these?".to_owned(),
                max: 3,
                options: ["x", "y", "z"].map(|name| ContestOption { name: name.to_owned(), description: String::new() }).to_vec(),
                ..election().contests[0].clone()
            },
        ],
        ..last_counts()
    };
    let weight = |voter: u64| 1 + voter % 3;
    let choice = |voter: u64, sequence: u32| {
        let first = (voter + u64::from(sequence)) % 4;
        let second: Vec<u16> = (0..3).filter(|option| (voter >> option) & 1 == 1).collect();
        [if first == 3 { Selection::Blank } else { marks(&[first as u16]) }, marks(&second)]
    };
    let home = |voter: u64, partitions| PartitionId::of_voter(&pseudonym(voter), partitions).0;
    // Each chain takes the ballots of the voters it is home to; one in five votes again.
    let run = |partition: u16, partitions: u16| {
        let mut ledger = Ledger::of_partition(partition, partitions);
        ledger.bring(&election, Phase::Open, VOTERS, 0).expect("open");
        let (mine, others): (Vec<u64>, Vec<u64>) = (0..VOTERS).partition(|voter| home(*voter, partitions) == partition);
        if let Some(stranger) = others.first() {
            let mixed = ledger.certify(id(), [(mine[0], 1), (*stranger, 1)]);
            assert_eq!(ledger.apply(mixed), Err(Refusal::OtherPartition { voter: pseudonym(*stranger) }));
            let uncertified = ledger.apply(ledger.cast(&election, *stranger, 1, &choice(*stranger, 1)));
            assert_eq!(uncertified, Err(Refusal::NotCertified { key: key(*stranger).public() }));
        }
        ledger.apply(ledger.certify(id(), mine.iter().map(|voter| (*voter, weight(*voter))))).expect("its own voters");
        for voter in &mine {
            for sequence in 1..=1 + u32::from(voter % 5 == 0) {
                ledger.apply(ledger.cast(&election, *voter, sequence, &choice(*voter, sequence))).expect("its own voters' ballots");
            }
        }
        ledger
    };
    let whole = run(0, 1);
    let parts: Vec<_> = (0..PARTITIONS).map(|partition| run(partition, PARTITIONS)).collect();
    let mut merged = ElectionTally::new(&election);
    for part in &parts {
        merged.merge(tally(part)).expect("of the same election");
    }
    assert_eq!(&merged, tally(&whole));
    assert_eq!(parts.iter().map(|part| part.election(id()).voted()).sum::<u64>(), VOTERS);
    let seed = Digest([3; 32]);
    assert_eq!(merged.report(&election, seed, 200), tally(&whole).report(&election, seed, 200));
    let chains: std::collections::BTreeSet<_> = parts.iter().map(Ledger::chain).chain([whole.chain()]).collect();
    assert_eq!(chains.len(), usize::from(PARTITIONS) + 1, "each is a chain of its own");
}

/// Every step of three small elections, each in its own order, one list per election.
fn three_histories() -> (Ledger, Vec<Vec<Entry>>) {
    let ledger = Ledger::new();
    let history = |number: u8| {
        let election = definition(number, &["Ada", "Bob"]);
        let act = |sequence, act| ledger.act_by(&ledger.officers[0], election.id, sequence, act);
        vec![
            act(1, Act::Define(election.clone())),
            act(2, Act::SetRoll { size: 3 }),
            ledger.certify(election.id, [(0, 1), (1, u64::from(number))]),
            act(3, to(Phase::Ready)),
            act(4, to(Phase::Scheduled)),
            act(5, to(Phase::Open)),
            ledger.cast(&election, 1, 1, &[marks(&[u16::from(number % 2)])]),
            ledger.cast(&election, 0, 1, &[Selection::Blank]),
            act(6, to(Phase::Closed)),
        ]
    };
    let histories = [3, 1, 2].map(history).to_vec();
    (ledger, histories)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    /// What happens to one election is nothing to another: any interleaving, in any blocks, gives one root.
    #[test]
    fn elections_do_not_touch_each_other(
        turns in Just((0..27usize).map(|turn| turn % 3).collect::<Vec<_>>()).prop_shuffle(), size in 1usize..10,
    ) {
        let (mut one_by_one, histories) = three_histories();
        one_by_one.block(&histories.concat()).expect("each in its own order");
        let (mut mixed, mut rest) = (Ledger::new(), histories.iter().map(|history| history.iter()).collect::<Vec<_>>());
        let entries: Vec<_> = turns.into_iter().filter_map(|turn| rest[turn].next().cloned()).collect();
        for block in entries.chunks(size) {
            mixed.block(block).expect("each in its own order");
        }
        prop_assert_eq!(mixed.state.root(), one_by_one.state.root());
    }
}

#[test]
fn each_election_is_proved_to_be_under_the_root_and_no_other_state_of_it() {
    let (mut ledger, histories) = three_histories();
    ledger.block(&histories.concat()).expect("each in its own order");
    let (root, stranger) = (ledger.state.root(), ElectionId([9; 16]));
    let ids: Vec<_> = ledger.state.elections().map(|election| election.id()).collect();
    assert_eq!(ids, [1, 2, 3].map(|number| ElectionId([number; 16])), "ordered by id, whatever came first");
    for id in ids {
        let proof = ledger.state.prove_election(id).expect("on the ledger");
        let leaf = |id, digest| LedgerState::election_leaf(id, digest);
        assert_eq!(proof.root(&leaf(id, ledger.election(id).digest())), Some(root));
        assert_ne!(proof.root(&leaf(id, Digest::ZERO)), Some(root), "another state of the same election");
        assert_ne!(proof.root(&leaf(stranger, ledger.election(id).digest())), Some(root), "another election");
    }
    assert_eq!(ledger.state.prove_election(stranger), None);
}

#[test]
fn blocks_on_the_same_parent_do_not_see_each_other() {
    let ledger = opened(&election(), 2);
    let before = everything(&ledger.state);
    let verified = |entry: &Entry| VerifiedEntry::verify(entry.to_bytes(), ledger.chain()).expect("signed");
    let [for_ada, for_bob] = [0, 1].map(|mark| verified(&ledger.cast(&election(), 0, 1, &[marks(&[mark])])));
    let place = ledger.place(at(1_000_000));
    let mut drafts = [(), ()].map(|()| ledger.state.begin(place).expect("the next block"));
    drafts[0].try_apply(&for_ada).expect("the first ballot in this block");
    drafts[1].try_apply(&for_bob).expect("the first ballot in that block too");
    let counts = drafts.map(|draft| draft.finish().election(id()).expect("there").tally().expect("counted").0[0].options.clone());
    assert_eq!(counts, [[1, 0, 0], [0, 1, 0]]);
    assert_eq!(everything(&ledger.state), before, "and the parent sees neither");
}
