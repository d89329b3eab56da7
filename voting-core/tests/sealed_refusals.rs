//! Every refusal that only sealed elections know, provoked: with its code, for good or for now, and without a trace in the state.

use std::collections::BTreeSet;
use std::time::Duration;

use voting_core::ballot::Selection;
use voting_core::election::{ElectionDefinition, Phase, RevoteRule, Secrecy};
use voting_core::entry::{Act, Challenge, Entry, OfficerAct, TrusteeAct, TrusteeStep, VerifiedEntry};
use voting_core::ids::{Digest, View};
use voting_core::sealed::ceremony::{CeremonyPhase, CeremonyRefusal, Step};
use voting_core::sealed::{BallotRefusal, DecryptionError, MAX_TOTAL, OpeningError, PartialRefusal};
use voting_core::state::{MAX_CHALLENGES, Place, Refusal};
use voting_core::testing::chain::pseudonym;
use voting_core::testing::sealed::{SealedChain, honest, trustee_key, trustees};
use voting_core::testing::{TestChain, definition, key};

use crate::common::REFUSED_IN_SEALED_ELECTIONS;

fn question() -> ElectionDefinition {
    ElectionDefinition { revote: RevoteRule::LastCounts, ..definition(7, &["Ada", "Bob"]) }
}

fn ada() -> [Selection; 1] {
    [Selection::Marks(vec![0])]
}

/// A sealed election that is ready, with room for three voters.
fn ready() -> SealedChain {
    ready_with(2, 1)
}

fn ready_with(threshold: u16, min_ballots: u64) -> SealedChain {
    let secrecy = Secrecy::Sealed(trustees(threshold, 3, min_ballots));
    SealedChain::ready(TestChain::new(4), &ElectionDefinition { secrecy, ..question() }, 3).unwrap()
}

/// One that is open, with two trustees of three needed and three voters.
fn open() -> SealedChain {
    SealedChain::open(&question(), 2, 3, 3).unwrap()
}

/// One that is closed, with the ballots of all three.
fn closed() -> SealedChain {
    let mut sealed = open();
    let ballots: Vec<_> = (0..3).map(|voter| sealed.cast(voter, 1, &ada())).collect();
    sealed.chain.append(&ballots).unwrap();
    sealed.advance(Phase::Closed).unwrap();
    sealed
}

/// What an honest trustee says now.
fn says(sealed: &SealedChain, index: u16) -> TrusteeStep {
    let message = honest(sealed.sealed().ceremony(), &sealed.dealers[usize::from(index) - 1]).unwrap();
    TrusteeStep::Ceremony(Box::new(message))
}

fn challenge(sealed: &SealedChain, voter: u64, sequence: u32) -> Challenge {
    let (ballot, opening) = sealed.prepare(voter, sequence, &ada()).challenge();
    Challenge { ballot, opening }
}

/// Gives an entry to the next block, which refuses it and is as it was before.
#[track_caller]
fn refused(sealed: &SealedChain, entry: &Entry) -> Refusal {
    let chain = &sealed.chain;
    let entry = VerifiedEntry::verify(entry.to_bytes(), chain.chain()).unwrap();
    let head = chain.head().unwrap();
    let timestamp = chain.state.timestamp().saturating_add(Duration::from_secs(1));
    let place = Place { height: head.height.next(), parent: head.hash, timestamp, view: View(head.view.0 + 1) };
    let mut draft = chain.state.begin(place).unwrap();
    let before = draft.clone().finish();
    let refusal = draft.try_apply(&entry).expect_err("it is accepted");
    let after = draft.finish();
    assert_eq!(after.root(), before.root(), "{refusal}");
    let trace = |state: &voting_core::state::LedgerState| format!("{:?}", state.election(sealed.id));
    assert_eq!(trace(&after), trace(&before), "{refusal}");
    assert!(!refusal.to_string().is_empty());
    refusal
}

struct Case {
    variant: &'static str,
    code: &'static str,
    permanent: bool,
    matches: fn(&Refusal) -> bool,
    provoke: fn() -> Refusal,
}

macro_rules! case {
    ($pattern:pat, $code:literal, permanent: $permanent:literal, $provoke:expr) => {
        Case {
            variant: stringify!($pattern),
            code: $code,
            permanent: $permanent,
            matches: |refusal| matches!(refusal, $pattern),
            provoke: $provoke,
        }
    };
}

fn in_an_open_election(phase: Phase, entry: impl FnOnce(&TestChain) -> Entry) -> Refusal {
    let mut chain = TestChain::new(4);
    let id = question().id;
    for act in [Act::Define(question()), Act::SetRoll { size: 3 }] {
        let entry = chain.act(id, act);
        chain.append(&[entry]).unwrap();
    }
    let voters = chain.certification(id, std::iter::once((pseudonym(0), 1, 0)));
    chain.append(&[voters]).unwrap();
    while chain.state.election(id).unwrap().phase() != phase {
        let to = chain.state.election(id).unwrap().phase().next().unwrap();
        let entry = chain.act(id, Act::Advance { to });
        chain.append(&[entry]).unwrap();
    }
    let entry = entry(&chain);
    refused(&SealedChain { chain, id, dealers: Vec::new() }, &entry)
}

fn cases() -> Vec<Case> {
    vec![
        case!(Refusal::NotSealed, "not_sealed", permanent: false, || {
            in_an_open_election(Phase::Ready, |chain| chain.act(question().id, Act::CloseCeremonyPhase))
        }),
        case!(Refusal::NotSealed, "not_sealed", permanent: false, || {
            in_an_open_election(Phase::Ready, |chain| {
                let (key, step) = (trustee_key(1), says(&ready(), 1));
                let act = TrusteeAct { chain: chain.chain(), election: question().id, step, trustee: key.public() };
                Entry::trustee(act, &key)
            })
        }),
        case!(Refusal::NotSealed, "not_sealed", permanent: false, || {
            in_an_open_election(Phase::Open, |_| Entry::challenge(challenge(&open(), 0, 1), &key(0)))
        }),
        // Under another's name: for the next definition, which is not there yet, it may be the right one.
        case!(Refusal::NotATrustee { .. }, "not_a_trustee", permanent: false, || {
            let sealed = ready();
            refused(&sealed, &sealed.trustee(4, says(&sealed, 1)))
        }),
        case!(Refusal::NotATrustee { .. }, "not_a_trustee", permanent: false, || {
            let sealed = ready();
            refused(&sealed, &sealed.trustee(2, says(&sealed, 1)))
        }),
        case!(Refusal::NotATrustee { .. }, "not_a_trustee", permanent: false, || {
            let sealed = closed();
            refused(&sealed, &sealed.trustee(2, TrusteeStep::Decrypt(sealed.part(1))))
        }),
        case!(Refusal::Ceremony(CeremonyRefusal::OtherCeremony), "ceremony_other", permanent: false, || {
            let (sealed, other) = (ready(), ready_with(1, 1));
            refused(&sealed, &sealed.trustee(1, says(&other, 1)))
        }),
        case!(Refusal::Ceremony(CeremonyRefusal::Twice { trustee: 1 }), "ceremony_twice", permanent: true, || {
            let mut sealed = ready();
            let said = says(&sealed, 1);
            let entry = sealed.trustee(1, said.clone());
            sealed.chain.append(&[entry]).unwrap();
            // Another commitment of the same trustee, or the same entry would be on record.
            let TrusteeStep::Ceremony(message) = said else { panic!("a step of the ceremony") };
            let mut other = message.message;
            other.step = Step::Commit(voting_core::sealed::SealedHash([7; 64]));
            let other = TrusteeStep::Ceremony(Box::new(other.sign(&trustee_key(1))));
            refused(&sealed, &sealed.trustee(1, other))
        }),
        case!(Refusal::Ceremony(CeremonyRefusal::Phase { trustee: 1, phase: CeremonyPhase::Commit }), "ceremony_phase", permanent: false, || {
            let (sealed, mut ahead) = (ready(), ready());
            while ahead.sealed().ceremony_phase() == CeremonyPhase::Commit {
                let index = *ahead.sealed().ceremony().missing().first().unwrap();
                let entry = ahead.trustee(index, says(&ahead, index));
                ahead.chain.append(&[entry]).unwrap();
            }
            refused(&sealed, &sealed.trustee(1, says(&ahead, 1)))
        }),
        case!(Refusal::Ceremony(CeremonyRefusal::TooFew { left: 0, needed: 2 }), "ceremony_too_few", permanent: false, || {
            let sealed = ready();
            refused(&sealed, &sealed.chain.act(sealed.id, Act::CloseCeremonyPhase))
        }),
        // Nobody is left out at the end: who has dealt a share knows a part of the key.
        case!(Refusal::Ceremony(CeremonyRefusal::Unsigned { .. }), "ceremony_unsigned", permanent: true, || {
            let mut sealed = ready();
            while sealed.sealed().ceremony_phase() != CeremonyPhase::Sign {
                let index = *sealed.sealed().ceremony().missing().first().unwrap();
                let entry = sealed.trustee(index, says(&sealed, index));
                sealed.chain.append(&[entry]).unwrap();
            }
            refused(&sealed, &sealed.chain.act(sealed.id, Act::CloseCeremonyPhase))
        }),
        case!(Refusal::CeremonyUnfinished { phase: CeremonyPhase::Commit, .. }, "ceremony_unfinished", permanent: false, || {
            let sealed = ready();
            refused(&sealed, &sealed.chain.act(sealed.id, Act::Advance { to: Phase::Scheduled }))
        }),
        case!(Refusal::RollBelowMinBallots { roll: 2, min: 3 }, "roll_below_min_ballots", permanent: false, || {
            let sealed = ready_with(2, 3);
            refused(&sealed, &sealed.chain.act(sealed.id, Act::SetRoll { size: 2 }))
        }),
        case!(Refusal::RollBelowMinBallots { roll: 3, min: 4 }, "roll_below_min_ballots", permanent: false, || {
            let secrecy = Secrecy::Sealed(trustees(2, 3, 4));
            SealedChain::ready(TestChain::new(4), &ElectionDefinition { secrecy, ..question() }, 3).unwrap_err()
        }),
        // Fewer points to give, or open ballots, would leave room for it.
        case!(Refusal::SealedWeight { .. }, "sealed_weight", permanent: false, || {
            let sealed = ready();
            refused(&sealed, &sealed.chain.certification(sealed.id, std::iter::once((pseudonym(0), MAX_TOTAL + 1, 0))))
        }),
        case!(Refusal::Sealed(BallotRefusal::Open { contest: 0 }), "sealed_open", permanent: true, || {
            let sealed = open();
            let mut ballot = sealed.prepare(0, 1, &ada()).challenge().0;
            ballot.selections = ada().to_vec();
            refused(&sealed, &Entry::Cast(ballot.sign(&key(0))))
        }),
        case!(Refusal::Sealed(BallotRefusal::Proof { .. }), "sealed_range", permanent: true, || {
            let sealed = open();
            let mut ballot = sealed.prepare(0, 1, &ada()).challenge().0;
            ballot.sequence = 2;
            refused(&sealed, &Entry::Cast(ballot.sign(&key(0))))
        }),
        case!(Refusal::Voided { .. }, "ballot_voided", permanent: true, || {
            let mut sealed = open();
            let opened = challenge(&sealed, 0, 1);
            sealed.chain.append(&[Entry::challenge(opened.clone(), &key(0))]).unwrap();
            refused(&sealed, &Entry::Cast(opened.ballot.sign(&key(0))))
        }),
        case!(Refusal::CiphertextSeen { .. }, "ciphertext_seen", permanent: true, || {
            let mut sealed = open();
            let entry = sealed.cast(0, 1, &ada());
            sealed.chain.append(&[entry]).unwrap();
            refused(&sealed, &Entry::challenge(challenge(&sealed, 0, 1), &key(0)))
        }),
        case!(Refusal::Opening(OpeningError::Ciphertext { contest: 0, option: 0 }), "sealed_opening", permanent: true, || {
            let sealed = open();
            let mut lie = challenge(&sealed, 0, 1);
            lie.opening.contests[0].swap(0, 1);
            refused(&sealed, &Entry::challenge(lie, &key(0)))
        }),
        case!(Refusal::Opening(OpeningError::Election), "sealed_election", permanent: true, || {
            let sealed = open();
            let mut elsewhere = challenge(&sealed, 0, 1);
            elsewhere.ballot.context = sealed.election().context();
            refused(&sealed, &Entry::challenge(elsewhere, &key(0)))
        }),
        case!(Refusal::TooManyChallenges, "too_many_challenges", permanent: true, || {
            let mut sealed = open();
            let all: Vec<_> = (1..=u32::from(MAX_CHALLENGES)).map(|n| Entry::challenge(challenge(&sealed, 0, n), &key(0))).collect();
            sealed.chain.append(&all).unwrap();
            let other = Entry::challenge(challenge(&sealed, 1, 1), &key(1));
            sealed.chain.append(&[other]).unwrap();
            refused(&sealed, &Entry::challenge(challenge(&sealed, 0, 99), &key(0)))
        }),
        case!(Refusal::Part(PartialRefusal::OtherSums { trustee: 1 }), "sealed_decryption_sums", permanent: true, || {
            let sealed = closed();
            let mut part = sealed.part(1);
            part.aggregate.0[0] ^= 1;
            refused(&sealed, &sealed.trustee(1, TrusteeStep::Decrypt(part)))
        }),
        case!(Refusal::Part(PartialRefusal::UnknownTrustee { trustee: 3 }), "sealed_decryption_trustee", permanent: true, || {
            let mut sealed = ready();
            // Trustee 3 does not come to the ceremony.
            for index in [1, 2] {
                let entry = sealed.trustee(index, says(&sealed, index));
                sealed.chain.append(&[entry]).unwrap();
            }
            let close = sealed.chain.act(sealed.id, Act::CloseCeremonyPhase);
            sealed.chain.append(&[close]).unwrap();
            sealed.carry_out_ceremony().unwrap();
            let voter = sealed.chain.certification(sealed.id, std::iter::once((pseudonym(0), 1, 0)));
            sealed.chain.append(&[voter]).unwrap();
            sealed.advance(Phase::Scheduled).unwrap();
            sealed.advance(Phase::Open).unwrap();
            let ballot = sealed.cast(0, 1, &ada());
            sealed.chain.append(&[ballot]).unwrap();
            sealed.advance(Phase::Closed).unwrap();
            let part = voting_core::sealed::PartialDecryption { trustee: 3, ..sealed.part(1) };
            refused(&sealed, &sealed.trustee(3, TrusteeStep::Decrypt(part)))
        }),
        case!(Refusal::Decryption(DecryptionError::GroupSize { ballots: 2, min: 3 }), "too_few_ballots", permanent: true, || {
            let mut sealed = ready_with(2, 3);
            sealed.carry_out_ceremony().unwrap();
            let voters = sealed.chain.certification(sealed.id, (0..3).map(|n| (pseudonym(n), 1, n)));
            sealed.chain.append(&[voters]).unwrap();
            sealed.advance(Phase::Scheduled).unwrap();
            sealed.advance(Phase::Open).unwrap();
            let ballots: Vec<_> = (0..2).map(|voter| sealed.cast(voter, 1, &ada())).collect();
            sealed.chain.append(&ballots).unwrap();
            sealed.advance(Phase::Closed).unwrap();
            refused(&sealed, &sealed.trustee(1, TrusteeStep::Decrypt(sealed.part(1))))
        }),
        case!(Refusal::Decrypted { threshold: 2 }, "already_decrypted", permanent: true, || {
            let mut sealed = closed();
            sealed.decrypt(1).unwrap();
            sealed.decrypt(2).unwrap();
            refused(&sealed, &sealed.trustee(3, TrusteeStep::Decrypt(sealed.part(3))))
        }),
        case!(Refusal::NotDecrypted { valid: 1, needed: 2 }, "not_decrypted", permanent: false, || {
            let mut sealed = closed();
            sealed.decrypt(3).unwrap();
            refused(&sealed, &sealed.chain.act(sealed.id, Act::Tally { report: Digest([1; 32]) }))
        }),
    ]
}

/// What cannot be provoked, and why.
const OUT_OF_REACH: [&str; 2] = [
    "SealedElection", // the contests were checked with the definition, the key by the ceremony
    "Sum",            // weights that a count can hold were checked with the certification
];

#[test]
fn every_refusal_is_provoked_and_says_what_it_should() {
    for case in cases() {
        let refusal = (case.provoke)();
        assert!((case.matches)(&refusal), "{} was to be provoked, not {refusal:?}", case.variant);
        assert_eq!((refusal.code(), refusal.is_permanent()), (case.code, case.permanent), "{refusal:?}");
    }
}

#[test]
fn no_refusal_is_forgotten() {
    let cases = cases();
    let name = |case: &Case| {
        let name = case.variant.trim_start_matches("Refusal::");
        name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or(name).to_owned()
    };
    let provoked: BTreeSet<String> = cases.iter().map(name).chain(OUT_OF_REACH.map(str::to_owned)).collect();
    assert_eq!(provoked, REFUSED_IN_SEALED_ELECTIONS.map(str::to_owned).into());
}

/// What a node hears of too early it keeps, and offers again.
#[test]
fn what_only_came_too_early_is_accepted_later() {
    let accepted_after = |sealed: &mut SealedChain, early: Entry, code: &str, meanwhile: &[Entry]| {
        let refusal = refused(sealed, &early);
        assert_eq!((refusal.code(), refusal.is_permanent()), (code, false), "{refusal}");
        meanwhile.iter().for_each(|entry| drop(sealed.chain.append(std::slice::from_ref(entry)).unwrap().clone()));
        sealed.chain.append(&[early]).unwrap();
    };
    // The officer ends a phase before the trustees' commitments have arrived.
    let mut sealed = ready();
    let close = sealed.chain.act(sealed.id, Act::CloseCeremonyPhase);
    let commits = [1, 2].map(|index| sealed.trustee(index, says(&sealed, index)));
    accepted_after(&mut sealed, close, "ceremony_too_few", &commits);
    assert_eq!(sealed.sealed().ceremony_phase(), CeremonyPhase::Reveal);

    // A trustee of the next definition commits before that one is there.
    let mut sealed = ready();
    let mut next = trustees(2, 3, 1);
    next.trustees.reverse();
    let next = ElectionDefinition { secrecy: Secrecy::Sealed(next), ..question() };
    let redefined = {
        let acts = [Act::Define(next), Act::Advance { to: Phase::Ready }];
        let sequence = sealed.election().acts().len() as u32;
        let (chain, officer) = (sealed.chain.chain(), sealed.chain.officer.clone());
        let act = |(act, at): (Act, u32)| {
            let sequence = sequence + at;
            Entry::act(OfficerAct { chain, election: sealed.id, sequence, act, officer: officer.public() }, &officer)
        };
        acts.into_iter().zip(1..).map(act).collect::<Vec<_>>()
    };
    let mut ahead = SealedChain { chain: sealed.chain.clone(), id: sealed.id, dealers: Vec::new() };
    redefined.iter().for_each(|entry| drop(ahead.chain.append(std::slice::from_ref(entry)).unwrap().clone()));
    let setup = ahead.sealed().ceremony().record().setup;
    let dealer = voting_core::sealed::ceremony::Dealer::new(&setup, trustee_key(3), [5; 32]).unwrap();
    assert_eq!(dealer.index(), 1);
    let early = sealed.trustee(3, TrusteeStep::Ceremony(Box::new(dealer.commit())));
    accepted_after(&mut sealed, early, "not_a_trustee", &redefined);

    // More weight than scores up to 3 leave room for, and then there are no scores.
    let scores = voting_core::election::Contest {
        max_score: 3,
        ..voting_core::election::Contest::new("How good?", voting_core::election::CountMethodId::Score, ["Tea"])
    };
    let secrecy = Secrecy::Sealed(trustees(2, 3, 1));
    let scored = ElectionDefinition { secrecy: secrecy.clone(), contests: vec![scores], ..question() };
    let mut sealed = SealedChain::ready(TestChain::new(4), &scored, 3).unwrap();
    let heavy = sealed.chain.certification(sealed.id, std::iter::once((pseudonym(0), MAX_TOTAL / 2, 0)));
    let simpler = sealed.chain.act(sealed.id, Act::Define(ElectionDefinition { secrecy, ..question() }));
    accepted_after(&mut sealed, heavy, "sealed_weight", &[simpler]);
}
