//! Every refusal of the ledger state machine, provoked: the right one, with its code, for good or for now, and
//! without a trace in the state. The ledger fixture compares all of the state around every refusal.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use voting_core::ballot::{Ballot, BallotError, Selection, SelectionError};
use voting_core::block::{BlockHeader, EntryBytes, Parent};
use voting_core::codec::Canonical;
use voting_core::crypto::{KeyError, PublicKey, Signature};
use voting_core::election::{
    BallotForm, Contest, CountMethodId, DefinitionError, ElectionDefinition, MAX_CONTESTS, MAX_OPTIONS, MAX_RANKED_OPTIONS,
    MAX_WEIGHT, Majority, Phase, RevoteRule, Secrecy, Thresholds, Timing, Trustees,
};
use voting_core::entry::{
    Act, CertifiedVoter, Entry, EntryError, MAX_CERTIFIED_PER_ENTRY, MAX_REASON_BYTES, OfficerAct, Signed, VerifiedEntry,
};
use voting_core::ids::{AuthorityIndex, ChainId, Digest, ElectionId, Height, View};
use voting_core::preference::{MAX_PREFERRED_VIEWS, PreferLeader, Preference};
use voting_core::ranking::Ranking;
use voting_core::sealed::{MAX_TRUSTEES, SealedSelection};
use voting_core::state::{Applied, ApplyError, MAX_ELECTIONS, Place, Position, Refusal};
use voting_core::tally::TallyError;
use voting_core::testing::chain::pseudonym;
use voting_core::testing::sealed::trustees;
use voting_core::testing::{TestChain, definition, key};
use voting_core::time::Timestamp;

use crate::common;
use crate::common::{Ledger, REFUSED_IN_SEALED_ELECTIONS, authority, certified, marks};

/// One way to be refused.
struct Case {
    variant: &'static str,
    code: &'static str,
    permanent: bool,
    matches: fn(&Refusal) -> bool,
    /// Prepares a ledger and gives the entry that it then refuses.
    provoke: fn(&mut Ledger) -> Entry,
}

macro_rules! case {
    ($variant:ident $fields:tt, $code:literal, permanent: $permanent:literal, $provoke:expr) => {
        Case {
            variant: stringify!($variant),
            code: $code,
            permanent: $permanent,
            matches: |refusal| matches!(refusal, case!(@pattern $variant $fields)),
            provoke: $provoke,
        }
    };
    (@pattern $variant:ident {}) => { Refusal::$variant { .. } };
    (@pattern $variant:ident { $($inner:tt)+ }) => { Refusal::$variant { $($inner)+ } };
    (@pattern $variant:ident ($($inner:tt)*)) => { Refusal::$variant($($inner)*) };
}

fn election() -> ElectionDefinition {
    definition(1, &["Ada", "Bob", "Cyd"])
}

fn id() -> ElectionId {
    election().id
}

/// The election, its contest counted by another method with the limits usual for it.
fn counted_by(method: CountMethodId) -> ElectionDefinition {
    with_contest(|contest| *contest = Contest::new("Which?", method, ["Ada", "Bob", "Cyd"]))
}

fn with_contest(change: impl FnOnce(&mut Contest)) -> ElectionDefinition {
    let mut election = election();
    change(&mut election.contests[0]);
    election
}

/// Two voters of four certified.
fn bring(ledger: &mut Ledger, election: &ElectionDefinition, phase: Phase) {
    ledger.bring(election, phase, 4, 2).expect("an election by the rules");
}

/// An open election by the given rules, and voter 0's first ballot in it.
fn open_and_cast(ledger: &mut Ledger, election: &ElectionDefinition, selections: &[Selection]) -> Entry {
    bring(ledger, election, Phase::Open);
    ledger.cast(election, 0, 1, selections)
}

fn certify_one(ledger: &mut Ledger, voter: CertifiedVoter) -> Entry {
    bring(ledger, &election(), Phase::Open);
    ledger.certify_by(&ledger.registrar, id(), vec![voter])
}

/// Seals the ballots, with trustees of whom something is changed.
fn seal(definition: &mut ElectionDefinition, change: impl FnOnce(&mut Trustees)) {
    let mut trustees = trustees(2, 3, 1);
    change(&mut trustees);
    definition.secrecy = Secrecy::Sealed(trustees);
}

fn define(ledger: &Ledger, definition: ElectionDefinition) -> Entry {
    ledger.act(id(), Act::Define(definition))
}

fn cases() -> Vec<Case> {
    vec![
        case!(UnknownElection {}, "unknown_election", permanent: false, |l| l.cast(&election(), 0, 1, &[marks(&[0])])),
        case!(UnknownElection {}, "unknown_election", permanent: false, |l| l.certify(id(), [(0, 1)])),
        case!(UnknownElection {}, "unknown_election", permanent: false, |l| l.act(id(), Act::SetRoll { size: 1 })),
        case!(NotAnOfficer {}, "not_an_officer", permanent: true, |l| l.act_by(&key(0), id(), 1, Act::Define(election()))),
        // The registrar is no officer.
        case!(NotAnOfficer {}, "not_an_officer", permanent: true, |l| {
            bring(l, &election(), Phase::Open);
            l.act_by(&l.registrar, id(), 5, Act::Advance { to: Phase::Closed })
        }),
        // Two officers acted at once: this one lost, and may look again and repeat it under the next number.
        case!(ActSequence {}, "act_sequence", permanent: true, |l| {
            bring(l, &election(), Phase::Draft);
            l.act_by(&l.officers[1], id(), 2, Act::SetRoll { size: 9 })
        }),
        case!(ActSequence {}, "act_sequence", permanent: false, |l| l.act_by(&l.officers[0], id(), 2, Act::Define(election()))),
        case!(ActSequence {}, "act_sequence", permanent: true, |l| l.act_by(&l.officers[0], id(), 0, Act::Define(election()))),
        case!(Phase {}, "wrong_phase", permanent: false, |l| {
            bring(l, &election(), Phase::Scheduled);
            l.cast(&election(), 0, 1, &[marks(&[0])])
        }),
        case!(Phase {}, "wrong_phase", permanent: true, |l| {
            bring(l, &election(), Phase::Closed);
            l.cast(&election(), 0, 1, &[marks(&[0])])
        }),
        case!(Phase {}, "wrong_phase", permanent: true, |l| {
            bring(l, &election(), Phase::Cancelled);
            l.certify(id(), [(2, 1)])
        }),
        // Ballots and certificates of voters' keys name the registrar's work; it cannot change hands under them.
        case!(Phase {}, "wrong_phase", permanent: false, |l| {
            bring(l, &election(), Phase::Draft);
            define(l, ElectionDefinition { registrar: key(5).public(), ..election() })
        }),
        case!(TooEarly {}, "too_early", permanent: false, |l| {
            let opens_at = TestChain::FOUNDED.saturating_add(Duration::from_secs(1_000));
            let election = ElectionDefinition { timing: Timing::Fixed, opens_at, ..election() };
            bring(l, &election, Phase::Scheduled);
            l.act(id(), Act::Advance { to: Phase::Open })
        }),
        case!(Definition(_), "invalid_definition", permanent: true, |l| define(l, ElectionDefinition { title: String::new(), ..election() })),
        case!(DefinitionId {}, "invalid_definition", permanent: true, |l| define(l, definition(2, &["Ada"]))),
        case!(EmptyRoll {}, "empty_roll", permanent: false, |l| {
            l.apply(define(l, election())).expect("a draft");
            l.act(id(), Act::Advance { to: Phase::Ready })
        }),
        case!(EmptyRoll {}, "empty_roll", permanent: false, |l| {
            l.bring(&election(), Phase::Ready, 4, 0).expect("ready");
            l.act(id(), Act::SetRoll { size: 0 })
        }),
        case!(RollBelowCertified {}, "roll_below_certified", permanent: true, |l| {
            bring(l, &election(), Phase::Scheduled);
            l.act(id(), Act::SetRoll { size: 1 })
        }),
        case!(RollFull {}, "roll_full", permanent: false, |l| {
            bring(l, &election(), Phase::Open);
            l.certify(id(), [(2, 1), (3, 1), (4, 1)])
        }),
        case!(RollFrozen {}, "roll_frozen", permanent: true, |l| {
            bring(l, &election(), Phase::Scheduled);
            l.apply(l.act(id(), Act::FreezeRoll)).expect("two voters are certified");
            l.certify(id(), [(2, 1)])
        }),
        case!(RollFrozen {}, "roll_frozen", permanent: true, |l| {
            bring(l, &election(), Phase::Draft);
            l.apply(l.act(id(), Act::FreezeRoll)).expect("two voters are certified");
            l.act(id(), Act::SetRoll { size: 9 })
        }),
        case!(RollFrozen {}, "roll_frozen", permanent: true, |l| {
            bring(l, &election(), Phase::Ready);
            l.apply(l.act(id(), Act::FreezeRoll)).expect("two voters are certified");
            l.act(id(), Act::FreezeRoll)
        }),
        case!(EmptyRoll {}, "empty_roll", permanent: false, |l| {
            l.bring(&election(), Phase::Ready, 4, 0).expect("ready");
            l.act(id(), Act::FreezeRoll)
        }),
        case!(Report {}, "wrong_report", permanent: true, |l| {
            bring(l, &election(), Phase::Closed);
            l.act(id(), Act::Tally { report: Digest::ZERO })
        }),
        case!(Reason(_), "invalid_reason", permanent: true, |l| {
            bring(l, &election(), Phase::Open);
            l.act(id(), Act::Cancel { reason: " ".to_owned() })
        }),
        case!(Reason(_), "invalid_reason", permanent: true, |l| {
            bring(l, &election(), Phase::Open);
            l.act(id(), Act::Cancel { reason: "x".repeat(MAX_REASON_BYTES + 1) })
        }),
        case!(NotTheRegistrar {}, "not_the_registrar", permanent: false, |l| {
            bring(l, &election(), Phase::Open);
            l.certify_by(&key(5), id(), vec![certified(2, 2, 1)])
        }),
        // An officer is no registrar.
        case!(NotTheRegistrar {}, "not_the_registrar", permanent: false, |l| {
            bring(l, &election(), Phase::Open);
            l.certify_by(&l.officers[0], id(), vec![certified(2, 2, 1)])
        }),
        case!(CertificationSize {}, "certification_size", permanent: true, |l| {
            bring(l, &election(), Phase::Open);
            l.certify(id(), [])
        }),
        case!(CertificationSize {}, "certification_size", permanent: true, |l| {
            bring(l, &election(), Phase::Open);
            l.certify_by(&l.registrar, id(), vec![certified(2, 2, 1); MAX_CERTIFIED_PER_ENTRY + 1])
        }),
        case!(AlreadyCertified {}, "already_certified", permanent: true, |l| certify_one(l, certified(0, 2, 1))),
        case!(AlreadyCertified {}, "already_certified", permanent: true, |l| {
            bring(l, &election(), Phase::Open);
            l.certify_by(&l.registrar, id(), vec![certified(2, 2, 1), certified(2, 3, 1)])
        }),
        case!(KeyInUse {}, "key_in_use", permanent: true, |l| certify_one(l, certified(2, 0, 1))),
        case!(KeyInUse {}, "key_in_use", permanent: true, |l| {
            bring(l, &election(), Phase::Open);
            l.certify_by(&l.registrar, id(), vec![certified(2, 2, 1), certified(3, 2, 1)])
        }),
        case!(Key { reason: KeyError::Weak, .. }, "invalid_key", permanent: true, |l| {
            let mut identity = [0; 32];
            identity[0] = 1;
            certify_one(l, CertifiedVoter { pseudonym: pseudonym(2), key: PublicKey(identity), weight: 1 })
        }),
        case!(Key { reason: KeyError::NotAPoint, .. }, "invalid_key", permanent: true, |l| {
            certify_one(l, CertifiedVoter { pseudonym: pseudonym(2), key: PublicKey([0xff; 32]), weight: 1 })
        }),
        case!(Weight {}, "invalid_weight", permanent: true, |l| certify_one(l, certified(2, 2, 0))),
        case!(Weight {}, "invalid_weight", permanent: true, |l| certify_one(l, certified(2, 2, MAX_WEIGHT + 1))),
        case!(OtherPartition {}, "other_partition", permanent: true, |l| {
            *l = Ledger::of_partition(0, 2);
            l.bring(&election(), Phase::Open, 4, 0).expect("open");
            let stranger = (0..).find(|n| voting_core::PartitionId::of_voter(&pseudonym(*n), 2).0 == 1).expect("one in two");
            l.certify(id(), [(stranger, 1)])
        }),
        case!(NotCertified {}, "key_not_certified", permanent: false, |l| {
            bring(l, &election(), Phase::Open);
            l.cast(&election(), 2, 1, &[marks(&[0])])
        }),
        // Another version of the election; the same on another chain is in `a_ballot_is_bound_to_its_chain`.
        case!(Context {}, "wrong_context", permanent: false, |l| {
            bring(l, &election(), Phase::Open);
            l.cast(&definition(1, &["Bob", "Ada", "Cyd"]), 0, 1, &[marks(&[0])])
        }),
        case!(Ballot(BallotError::Contests { actual: 0, expected: 1 }), "wrong_contests", permanent: false, |l| {
            open_and_cast(l, &election(), &[])
        }),
        case!(Ballot(BallotError::Contests { actual: 2, expected: 1 }), "wrong_contests", permanent: false, |l| {
            open_and_cast(l, &election(), &[marks(&[0]), marks(&[0])])
        }),
        case!(Ballot(BallotError::Selection { contest: 0, reason: SelectionError::Blank }), "blank_not_allowed", permanent: false, |l| {
            open_and_cast(l, &with_contest(|contest| contest.allow_blank = false), &[Selection::Blank])
        }),
        case!(
            Ballot(BallotError::Selection { reason: SelectionError::Order, .. }), "marks_out_of_order", permanent: false,
            |l| open_and_cast(l, &with_contest(|contest| contest.max = 2), &[marks(&[1, 0])])
        ),
        // One option marked twice would be two votes for it.
        case!(
            Ballot(BallotError::Selection { reason: SelectionError::Order, .. }), "marks_out_of_order", permanent: false,
            |l| open_and_cast(l, &with_contest(|contest| contest.max = 2), &[marks(&[1, 1])])
        ),
        case!(
            Ballot(BallotError::Selection { reason: SelectionError::UnknownOption { option: 3, options: 3 }, .. }),
            "unknown_option", permanent: false, |l| open_and_cast(l, &election(), &[marks(&[3])])
        ),
        case!(
            Ballot(BallotError::Selection { reason: SelectionError::Overvote { marks: 2, max: 1 }, .. }), "overvote", permanent: false,
            |l| open_and_cast(l, &election(), &[marks(&[0, 1])])
        ),
        case!(
            Ballot(BallotError::Selection { reason: SelectionError::Undervote { marks: 1, min: 2 }, .. }), "undervote", permanent: false,
            |l| open_and_cast(l, &with_contest(|contest| (contest.min, contest.max) = (2, 3)), &[marks(&[0])])
        ),
        case!(
            Ballot(BallotError::Selection { reason: SelectionError::Withdrawn { option: 1 }, .. }), "option_withdrawn", permanent: false,
            |l| open_and_cast(l, &with_contest(|contest| contest.withdrawn = vec![1]), &[marks(&[1])])
        ),
        case!(
            Ballot(BallotError::Selection { reason: SelectionError::Form { expected: BallotForm::Marks }, .. }), "wrong_form",
            permanent: false, |l| open_and_cast(l, &election(), &[Selection::Ranking(Ranking::strict([0]))])
        ),
        case!(
            Ballot(BallotError::Selection { reason: SelectionError::Form { expected: BallotForm::Ranking }, .. }), "wrong_form",
            permanent: false, |l| open_and_cast(l, &counted_by(CountMethodId::MeekStv), &[marks(&[0])])
        ),
        case!(
            Ballot(BallotError::Selection { reason: SelectionError::RankedTwice { option: 2 }, .. }), "ranked_twice", permanent: false,
            |l| open_and_cast(l, &counted_by(CountMethodId::Schulze), &[Selection::Ranking(Ranking::strict([2, 0, 2]))])
        ),
        case!(
            Ballot(BallotError::Selection { reason: SelectionError::SkippedRank, .. }), "rank_skipped", permanent: false,
            |l| open_and_cast(l, &counted_by(CountMethodId::Borda), &[Selection::Ranking(Ranking::from_tiers([vec![], vec![0]]))])
        ),
        case!(
            Ballot(BallotError::Selection { reason: SelectionError::EqualRanks, .. }), "ranks_shared", permanent: false,
            |l| open_and_cast(l, &counted_by(CountMethodId::ScottishStv), &[Selection::Ranking(Ranking::from_tiers([[0, 1]]))])
        ),
        case!(
            Ballot(BallotError::Selection { reason: SelectionError::Score { option: 1, score: 6, max: 5 }, .. }), "score_too_high",
            permanent: false, |l| open_and_cast(l, &counted_by(CountMethodId::Score), &[Selection::Scores(vec![(0, 5), (1, 6)])])
        ),
        case!(Ballot(BallotError::Selection { reason: SelectionError::Sealed, .. }), "sealed_ballot", permanent: false, |l| {
            open_and_cast(l, &election(), &[Selection::Sealed(SealedSelection { options: Vec::new(), limit: None })])
        }),
        // No marks are not a blank: one meaning, one encoding.
        case!(
            Ballot(BallotError::Selection { reason: SelectionError::Undervote { marks: 0, min: 1 }, .. }), "undervote", permanent: false,
            |l| open_and_cast(l, &election(), &[Selection::Marks(vec![])])
        ),
        case!(AlreadyVoted {}, "already_voted", permanent: true, |l| {
            let first = open_and_cast(l, &election(), &[marks(&[0])]);
            l.apply(first).expect("the first ballot");
            l.cast(&election(), 0, 2, &[marks(&[1])])
        }),
        case!(Duplicate {}, "duplicate_ballot", permanent: true, |l| {
            let first = open_and_cast(l, &election(), &[marks(&[0])]);
            l.apply(first.clone()).expect("the first ballot");
            first
        }),
        // Found before the phase: who resends after the close hears that the ballot is recorded.
        case!(Duplicate {}, "duplicate_ballot", permanent: true, |l| {
            let first = open_and_cast(l, &election(), &[marks(&[0])]);
            l.apply(first.clone()).expect("the first ballot");
            l.advance(id(), &[Phase::Closed]).expect("closed");
            first
        }),
        case!(BallotSequence {}, "stale_sequence", permanent: true, |l| {
            let election = ElectionDefinition { revote: RevoteRule::LastCounts, ..election() };
            let first = open_and_cast(l, &election, &[marks(&[0])]);
            l.apply(first).expect("the first ballot");
            l.cast(&election, 0, 1, &[marks(&[1])])
        }),
        case!(LeadersNotElected {}, "leaders_not_elected", permanent: true, |l| l.wish(&key(1_000_000), 1, 10)),
        case!(NotAnAuthority {}, "not_an_authority", permanent: true, |l| {
            *l = Ledger::elected();
            l.wish(&key(7), 1, 10)
        }),
        case!(PreferenceTerm { actual: 1, expected: 2 }, "preference_term", permanent: true, |l| {
            *l = Ledger::elected();
            l.apply(l.wish(&authority(0), 1, 10)).expect("the first");
            l.wish(&authority(1), 1, 10)
        }),
        case!(PreferredViews { actual: 0 }, "preferred_views", permanent: true, |l| {
            *l = Ledger::elected();
            l.wish(&authority(0), 1, 0)
        }),
        case!(PreferredTooSoon {}, "preferred_too_soon", permanent: false, |l| {
            *l = Ledger::elected();
            l.apply(l.wish(&authority(0), 1, 10)).expect("the first");
            l.block_at(l.state.timestamp().saturating_add(Duration::from_millis(9_999)), &[]).expect("an empty block");
            l.wish(&authority(1), 2, 10)
        }),
        case!(ZeroSequence {}, "stale_sequence", permanent: true, |l| {
            bring(l, &election(), Phase::Open);
            l.cast(&election(), 0, 0, &[marks(&[0])])
        }),
    ]
}

/// Variants that have a test of their own below, with the reason why they are not in the table.
const APART: [&str; 10] = [
    "UnknownEpoch", // accusations: tests/epochs.rs
    "AlreadyAccused",
    "EpochNumber", // changes of the authorities: tests/epochs.rs
    "Epoch",
    "Approvals",
    "TooManyChanges",
    "EpochEnds",
    "TooManyElections",  // takes 100,000 elections
    "ClosedInThisBlock", // takes two entries in one block
    "Tally",             // cannot be provoked at all
];

/// The names of an enum's variants, read from its source: it is `non_exhaustive`, so no `match` out here
/// would complain of a missing one.
fn variants<'a>(source: &'a str, name: &str) -> BTreeSet<&'a str> {
    let (_, body) = source.split_once(&format!("pub enum {name} {{\n")).expect("the enum is in this file");
    let (body, _) = body.split_once("\n}").expect("it ends");
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    let starts = lines.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    starts.map(|line| line.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or(line)).collect()
}

#[test]
fn every_refusal_is_provoked_and_says_what_it_should() {
    for case in cases() {
        let mut ledger = Ledger::new();
        let entry = (case.provoke)(&mut ledger);
        let before = common::everything(&ledger.state);
        let refusal = ledger.apply(entry).expect_err(case.variant);
        assert!((case.matches)(&refusal), "{} was to be provoked, not {refusal:?}", case.variant);
        assert_eq!((refusal.code(), refusal.is_permanent()), (case.code, case.permanent), "{refusal:?}");
        assert_eq!(common::everything(&ledger.state), before, "{refusal:?}");
        assert!(!refusal.to_string().is_empty());
    }
}

#[test]
fn no_refusal_is_forgotten() {
    let apart = APART.into_iter().chain(REFUSED_IN_SEALED_ELECTIONS);
    let provoked: BTreeSet<_> = cases().iter().map(|case| case.variant).chain(apart).collect();
    assert_eq!(provoked, variants(include_str!("../src/state/refusal.rs"), "Refusal"));

    let mut named: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for case in cases() {
        named.entry(case.code).or_default().insert(case.variant);
    }
    let shared: Vec<_> = named.iter().filter(|(_, variants)| variants.len() > 1).map(|(code, _)| *code).collect();
    assert_eq!(shared, ["invalid_definition", "stale_sequence"], "every other code says exactly one thing");

    let broken_rule = |case: Case| {
        let mut ledger = Ledger::new();
        let entry = (case.provoke)(&mut ledger);
        match ledger.apply(entry) {
            Err(Refusal::Ballot(BallotError::Selection { reason, .. })) => Some((format!("{reason:?}"), case.code)),
            _ => None,
        }
    };
    let rules: BTreeSet<_> = cases().into_iter().filter_map(broken_rule).collect();
    let name = |debug: &str| debug.split(' ').next().map(str::to_owned);
    let names: BTreeSet<_> = rules.iter().filter_map(|(debug, _)| name(debug)).collect();
    let names: BTreeSet<_> = names.iter().map(String::as_str).collect();
    assert_eq!(names, variants(include_str!("../src/ballot.rs"), "SelectionError"));
    assert_eq!(rules.iter().map(|(_, code)| code).collect::<BTreeSet<_>>().len(), names.len(), "a code for each rule");
}

#[test]
fn a_phase_refuses_for_good_only_where_nothing_leads_back() {
    use Phase::{Cancelled, Closed, Draft, Open, Published, Ready, Scheduled, Tallied};
    for (phase, permanent) in [
        (Draft, false),
        (Ready, false),
        (Scheduled, false),
        (Open, false),
        (Closed, true),
        (Tallied, true),
        (Published, true),
        (Cancelled, true),
    ] {
        assert_eq!(Refusal::Phase { phase, action: "anything" }.is_permanent(), permanent, "{phase}");
    }
}

#[test]
fn a_count_is_stated_in_a_later_block_than_the_close() {
    let mut ledger = Ledger::new();
    bring(&mut ledger, &election(), Phase::Open);
    let close = ledger.act(id(), Act::Advance { to: Phase::Closed });
    // The digest is right already: only the lot's seed, the hash of this very block, cannot be known.
    let mut after = ledger.clone();
    after.apply(close.clone()).expect("closed");
    let report = after.report(id()).digest();
    let sequence = ledger.election(id()).acts().len() as u32 + 2;
    let state_count = ledger.act_by(&ledger.officers[0], id(), sequence, Act::Tally { report });

    let refusal = ledger.block(&[close, state_count.clone()]).expect_err("just closed");
    assert_eq!(refusal, Refusal::ClosedInThisBlock);
    assert_eq!((refusal.code(), refusal.is_permanent()), ("just_closed", false));
    after.apply(state_count).expect("the same entry, a block later");
    assert_eq!(after.election(id()).phase(), Phase::Tallied);
}

#[test]
fn a_chain_holds_so_many_elections_and_no_more() {
    let ledger = Ledger::new();
    let officer = ledger.officers[0].public();
    let template = definition(1, &["Yes"]);
    // Signatures are not what this is about: 100,000 of them would take a while.
    let define = |number: usize| {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&(number as u64).to_be_bytes());
        let definition = ElectionDefinition { id: ElectionId(id), ..template.clone() };
        let content =
            OfficerAct { chain: ledger.chain(), election: definition.id, sequence: 1, act: Act::Define(definition), officer };
        let entry = Entry::Act(Signed { content, signature: Signature([0; 64]) });
        VerifiedEntry::from_certified(entry.to_bytes()).expect("an entry")
    };
    let time = TestChain::FOUNDED.saturating_add(Duration::from_secs(1));
    let mut draft = ledger.state.begin(ledger.place(time)).expect("the first block");
    for number in 0..MAX_ELECTIONS {
        draft.try_apply(&define(number)).expect("there is room");
    }
    let root = draft.clone().finish().root();
    let refusal = draft.try_apply(&define(MAX_ELECTIONS)).expect_err("there is no room");
    assert_eq!(refusal, Refusal::TooManyElections);
    assert_eq!((refusal.code(), refusal.is_permanent()), ("too_many_elections", true));
    // Those that there are go on.
    let set_roll =
        OfficerAct { chain: ledger.chain(), election: ElectionId([0; 16]), sequence: 2, act: Act::SetRoll { size: 1 }, officer };
    assert_eq!(draft.clone().finish().root(), root);
    let entry = Entry::act(set_roll, &ledger.officers[0]);
    draft.try_apply(&VerifiedEntry::verify(entry.to_bytes(), ledger.chain()).expect("signed")).expect("an act");
    assert_ne!(draft.finish().root(), root);
}

/// Every voter that a roll can name would have to be certified in some 22 million entries, all of the
/// largest weight, before a sum overflows; the arm exists because the state machine panics nowhere.
#[test]
fn an_overflow_is_out_of_reach_and_still_has_its_code() {
    const VOTERS_TO_OVERFLOW: u64 = u64::MAX / MAX_WEIGHT;
    const { assert!(VOTERS_TO_OVERFLOW / MAX_CERTIFIED_PER_ENTRY as u64 > 22_000_000) };
    for error in [TallyError::Overflow, TallyError::NotCounted, TallyError::Mismatch] {
        let refusal = Refusal::from(error);
        assert_eq!((refusal.code(), refusal.is_permanent()), ("tally_overflow", true));
    }
}

#[test]
fn every_rule_of_a_definition_is_named_when_broken() {
    type Change = fn(&mut ElectionDefinition);
    let broken: [(&str, Change); 34] = [
        ("Text", |d| d.title = "\u{202e}title".to_owned()),
        ("Text", |d| d.description = "x".repeat(4_001)),
        ("Text", |d| d.created_by = String::new()),
        ("Text", |d| d.contests[0].title = "e\u{301}".to_owned()),
        ("Text", |d| d.contests[0].options[1].name = " Bob".to_owned()),
        ("Contests", |d| d.contests.clear()),
        ("Contests", |d| d.contests = vec![d.contests[0].clone(); MAX_CONTESTS + 1]),
        ("Options", |d| d.contests[0].options.clear()),
        ("DuplicateOption", |d| d.contests[0].options[2].name = "Ada".to_owned()),
        ("Limits", |d| d.contests[0].min = 0),
        ("Limits", |d| (d.contests[0].min, d.contests[0].max) = (2, 1)),
        ("Limits", |d| d.contests[0].max = 4),
        ("Seats", |d| d.contests[0].seats = 4),
        ("Seats", |d| (d.contests[0].method, d.contests[0].seats) = (CountMethodId::Dhondt, MAX_OPTIONS as u16 + 1)),
        ("Method", |d| d.contests[0].max_score = 5),
        ("Method", |d| d.contests[0].method = CountMethodId::Score),
        ("Method", |d| (d.contests[0].method, d.contests[0].max_score) = (CountMethodId::Score, 101)),
        ("Method", |d| (d.contests[0].method, d.contests[0].seats) = (CountMethodId::InstantRunoff, 2)),
        ("Method", |d| (d.contests[0].method, d.contests[0].max) = (CountMethodId::SainteLague, 2)),
        ("Method", |d| d.contests[0].withdrawn = vec![1, 0]),
        ("Method", |d| d.contests[0].withdrawn = vec![3]),
        ("Method", |d| d.contests[0].withdrawn = vec![0, 1, 2]),
        ("Method", |d| d.contests[0].thresholds.quorum_percent = 101),
        ("Times", |d| d.closes_at = d.opens_at),
        ("Trustees", |d| seal(d, |t| t.threshold = 0)),
        ("Trustees", |d| seal(d, |t| t.threshold = 4)),
        ("Trustees", |d| seal(d, |t| t.trustees.clear())),
        ("Trustees", |d| seal(d, |t| t.trustees = trustees(1, MAX_TRUSTEES + 1, 1).trustees)),
        ("Trustees", |d| seal(d, |t| t.trustees[1].key = t.trustees[0].key)),
        ("Trustees", |d| seal(d, |t| t.trustees[2].key = PublicKey([0xff; 32]))),
        ("Text", |d| seal(d, |t| t.trustees[0].name = " Trustee 1".to_owned())),
        ("SameTrustee", |d| seal(d, |t| t.trustees[2].name = "Trustee 1".to_owned())),
        ("MinBallots", |d| seal(d, |t| t.min_ballots = 0)),
        ("Unsealable", |d| {
            d.contests = counted_by(CountMethodId::Schulze).contests;
            seal(d, |_| ());
        }),
    ];
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut check = |variant: &str, definition: ElectionDefinition| {
        let mut ledger = Ledger::new();
        let refusal = ledger.apply(define(&ledger, definition)).expect_err(variant);
        let Refusal::Definition(error) = &refusal else { panic!("{variant} was to be provoked, not {refusal:?}") };
        assert!(format!("{error:?}").starts_with(variant), "{variant} was to be provoked, not {error:?}");
        assert_eq!(refusal.code(), "invalid_definition");
        assert_eq!(ledger.state.elections().count(), 0, "an election that is refused leaves no draft");
        seen.insert(variant.to_owned());
    };
    for (variant, change) in broken {
        let mut definition = election();
        change(&mut definition);
        check(variant, definition);
    }
    check("Registrar", ElectionDefinition { registrar: PublicKey([0xff; 32]), ..election() });
    check(
        "Options",
        with_contest(|contest| {
            let option = contest.options[0].clone();
            contest.options =
                (0..=MAX_OPTIONS).map(|n| voting_core::election::ContestOption { name: n.to_string(), ..option.clone() }).collect();
        }),
    );
    check(
        "Method",
        with_contest(|contest| {
            let names = (0..=MAX_RANKED_OPTIONS).map(|n| n.to_string());
            *contest = Contest::new("Which?", CountMethodId::Schulze, names);
        }),
    );
    check(
        "Method",
        ElectionDefinition {
            contests: vec![Contest {
                thresholds: Thresholds { majority: Majority::Simple, quorum_percent: 0 },
                ..counted_by(CountMethodId::Borda).contests[0].clone()
            }],
            ..election()
        },
    );
    let wordy = with_contest(|contest| {
        for option in &mut contest.options {
            option.description = "x".repeat(4_000);
        }
    });
    // Ranges and limits are proved option by option, which takes room.
    let many = with_contest(|contest| *contest = Contest::new("Who?", CountMethodId::Approval, (0..150).map(|n| n.to_string())));
    let secrecy = Secrecy::Sealed(trustees(2, 3, 1));
    assert_eq!(ElectionDefinition { secrecy: secrecy.clone(), ..election() }.check(), Ok(()));
    check("SealedBallot", ElectionDefinition { secrecy, ..many });
    let description = "x".repeat(2_000);
    check("TooLong", ElectionDefinition { contests: vec![wordy.contests[0].clone(); 5], description, ..wordy });
    let seen: BTreeSet<&str> = seen.iter().map(String::as_str).collect();
    assert_eq!(seen, variants(include_str!("../src/election.rs"), "DefinitionError"));
    // And the times that RFC 3339 cannot write.
    let late = Timestamp::MAX.saturating_add(Duration::from_secs(1));
    assert_eq!(late, Timestamp::MAX, "no later time can be made");
    assert!(matches!(
        ElectionDefinition { opens_at: Timestamp::MAX, closes_at: late, ..election() }.check(),
        Err(DefinitionError::Times { .. })
    ));
}

#[test]
fn a_ballot_is_bound_to_its_chain() {
    let (mut here, there) = (Ledger::of_partition(0, 2), Ledger::of_partition(1, 2));
    let voter = (0..).find(|n| voting_core::PartitionId::of_voter(&pseudonym(*n), 2).0 == 0).expect("one in two");
    here.bring(&election(), Phase::Open, 1, 0).expect("open");
    here.apply(here.certify(id(), [(voter, 1)])).expect("certified");
    let foreign = there.cast(&election(), voter, 1, &[marks(&[0])]);
    assert_eq!(here.apply(foreign), Err(Refusal::Context));
    here.apply(here.cast(&election(), voter, 1, &[marks(&[0])])).expect("the voter's ballot for this chain");
}

#[test]
fn entries_are_refused_without_a_look_at_the_state() {
    let ledger = Ledger::new();
    let (act, certify) = (define(&ledger, election()), ledger.certify(id(), [(0, 1)]));
    let cast = ledger.cast(&election(), 0, 1, &[marks(&[0])]);
    let elsewhere = ChainId([9; 32]);
    let verify = |bytes: Vec<u8>, chain| VerifiedEntry::verify(EntryBytes::new(bytes), chain);
    for entry in [&act, &certify, &cast] {
        let bytes = entry.to_canonical();
        assert!(verify(bytes.clone(), ledger.chain()).is_ok());
        let mut forged = bytes.clone();
        *forged.last_mut().expect("the signature comes last") ^= 1;
        assert_eq!(verify(forged, ledger.chain()).expect_err("forged").code(), "invalid_signature");
        for wrong in [&bytes[..bytes.len() - 1], &[bytes.as_slice(), &[0]].concat()[..], &[]] {
            let error = verify(wrong.to_vec(), ledger.chain()).expect_err("too short or too long");
            assert!(matches!(error, EntryError::Decode(_)));
            assert_eq!(error.code(), "malformed_entry");
        }
    }
    for entry in [&act, &certify] {
        assert_eq!(verify(entry.to_canonical(), elsewhere).expect_err("elsewhere").code(), "wrong_chain");
    }
    // Signed by someone else than the officer, registrar or voter named in it.
    let Entry::Cast(signed) = &cast else { unreachable!("cast above") };
    let named = signed.ballot.clone();
    let stolen = Entry::Cast(Ballot { sequence: 2, ..named }.sign(&key(1)));
    assert_eq!(verify(stolen.to_canonical(), ledger.chain()), Err(EntryError::Signature("ballot")));
}

#[test]
fn a_second_signature_makes_no_second_ballot() {
    let mut ledger = Ledger::new();
    let entry = open_and_cast(&mut ledger, &election(), &[marks(&[0])]);
    ledger.apply(entry.clone()).expect("the first ballot");
    let Entry::Cast(mut signed) = entry.clone() else { unreachable!("cast above") };
    // A voter can make any number of signatures; how is of no importance here.
    signed.signature = Signature([1; 64]);
    let again = Entry::Cast(signed);
    assert_ne!(again.to_bytes().hash(), entry.to_bytes().hash(), "another entry");
    let again = VerifiedEntry::from_certified(again.to_bytes()).expect("an entry");
    let next = ledger.place(ledger.state.timestamp().saturating_add(Duration::from_secs(1)));
    let refusal = ledger.state.begin(next).expect("the next block").try_apply(&again).expect_err("the same ballot");
    let position = ledger.election(id()).ballot_position(again.ballot_hash().expect("a ballot")).expect("recorded");
    assert_eq!(refusal, Refusal::Duplicate { position });
    assert_eq!(ledger.state.position_of(&again), Some(position), "found by the ballot, not by the entry");
}

#[test]
fn a_wish_to_lead_stands_in_every_header_until_the_next() {
    let mut ledger = Ledger::elected();
    ledger.apply(ledger.act(id(), Act::Define(election()))).expect("a draft");
    assert_eq!(ledger.state.preference(), None);
    let wish = ledger.wish(&authority(1), 1, MAX_PREFERRED_VIEWS);
    assert_eq!(ledger.apply(wish.clone()), Ok(Applied::Preferred));
    let (at, place) = (ledger.state.timestamp(), ledger.blocks[1].0.clone());
    let until = View(place.view.0 + u64::from(MAX_PREFERRED_VIEWS));
    let first = Preference { term: 1, leader: AuthorityIndex(1), since: place.view, height: Height(2), at, until };
    assert_eq!(ledger.state.preference(), Some(first));
    let wish = VerifiedEntry::verify(wish.to_bytes(), ledger.chain()).expect("signed");
    assert_eq!(ledger.state.position_of(&wish), Some(Position { height: Height(2), index: 0 }));
    ledger.block_at(first.next_at(), &[]).expect("an empty block");
    assert_eq!(ledger.blocks[2].0.preference, Some(first), "children carry it on");

    ledger.apply(ledger.wish(&authority(0), 2, 1)).expect("ten seconds later");
    let second = ledger.state.preference().expect("another");
    assert_eq!((second.term, second.leader, second.height), (2, AuthorityIndex(0), Height(4)));
    assert_eq!(ledger.replayed().preference(), Some(second));
    assert_eq!(ledger.apply(ledger.wish(&authority(1), 4, 1)), Err(Refusal::PreferenceTerm { actual: 4, expected: 3 }));
    let actual = MAX_PREFERRED_VIEWS + 1;
    assert_eq!(ledger.apply(ledger.wish(&authority(1), 3, actual)), Err(Refusal::PreferredViews { actual }));

    let [a, b, c, d] = [0, 1, 2, 3].map(|n: usize| ledger.blocks[n].0.clone());
    let chained = |parent: &BlockHeader, child: &BlockHeader| {
        let parent_of = Parent { view: parent.view, hash: parent.hash() };
        BlockHeader { parent: parent_of, ..child.clone() }.follows(parent)
    };
    assert!(chained(&a, &b) && chained(&b, &c) && chained(&c, &d));
    let with = |preference: Option<Preference>| BlockHeader { preference, ..d.clone() };
    assert!(!chained(&c, &with(None)), "a preference does not vanish");
    assert!(!chained(&c, &with(Some(Preference { term: 3, ..second }))), "terms follow each other");
    assert!(!chained(&c, &with(Some(Preference { height: Height(3), ..second }))), "and begin where they stand");
}

#[test]
fn a_wish_signed_by_another_is_none() {
    let ledger = Ledger::elected();
    let forged = |entry: Entry, change: fn(&mut PreferLeader)| {
        let Entry::Prefer(mut signed) = entry else { panic!("a wish") };
        change(&mut signed.content);
        VerifiedEntry::verify(Entry::Prefer(signed).to_bytes(), ledger.chain()).map(|entry| entry.hash())
    };
    let wish = || ledger.wish(&authority(0), 1, 10);
    assert!(forged(wish(), |_| ()).is_ok());
    assert_eq!(forged(wish(), |wish| wish.term = 2), Err(EntryError::Signature("wish to lead")));
    assert_eq!(forged(wish(), |wish| wish.views = 11), Err(EntryError::Signature("wish to lead")));
    assert_eq!(forged(wish(), |wish| wish.authority = authority(1).public()), Err(EntryError::Signature("wish to lead")));
    assert_eq!(forged(wish(), |wish| wish.chain = ChainId([0; 32])), Err(EntryError::Chain("wish to lead")));
}

#[test]
fn a_block_must_follow_the_one_before_in_height_time_and_root() {
    let mut ledger = Ledger::new();
    ledger.apply(define(&ledger, election())).expect("a draft");
    let (state, time) = (&ledger.state, ledger.state.timestamp());
    let place = ledger.place(time.saturating_add(Duration::from_millis(1)));
    let begin = |place: Place| state.begin(place).map(|draft| draft.finish().height());
    assert_eq!(begin(place), Ok(Height(2)));
    for actual in [Height(0), Height(1), Height(3), Height(u64::MAX)] {
        assert_eq!(begin(Place { height: actual, ..place }), Err(ApplyError::Height { actual, expected: Height(2) }));
    }
    for earlier in [0, 1_000] {
        let actual = time.saturating_sub(Duration::from_millis(earlier));
        assert_eq!(begin(Place { timestamp: actual, ..place }), Err(ApplyError::Time { actual, previous: time }));
    }
    let expected = state.root();
    let header = ledger.header(place, &[]);
    let none: [VerifiedEntry; 0] = [];
    let after = |header: &BlockHeader| state.apply(header, &none).map(|(_, after)| after.root());
    assert_eq!(after(&header), Ok(expected));
    let wrong = after(&BlockHeader { state_root: Digest::ZERO, ..header.clone() });
    assert_eq!(wrong, Err(ApplyError::StateRoot { actual: Digest::ZERO, expected }));
    let actual =
        Some(Preference { term: 1, leader: AuthorityIndex(0), since: place.view, height: place.height, at: time, until: View(9) });
    let wrong = after(&BlockHeader { preference: actual, ..header.clone() });
    assert_eq!(wrong, Err(ApplyError::Preference { actual: actual.map(Box::new), expected: None }), "nobody asked to lead");

    let verified = |entry: Entry| VerifiedEntry::verify(entry.to_bytes(), ledger.chain()).expect("signed");
    let (good, bad) = (verified(ledger.act(id(), Act::SetRoll { size: 1 })), verified(ledger.certify(id(), [(0, 0)])));
    let reason = Refusal::Weight { voter: pseudonym(0), weight: 0, max: MAX_WEIGHT };
    let refused = state.apply(&header, &[good, bad]).map(|(_, after)| after.root());
    assert_eq!(refused, Err(ApplyError::Entry { index: 1, reason }), "one refused entry spoils the block");
    assert_eq!(state.root(), expected);
}
