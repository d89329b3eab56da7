//! Sealed ballots of any kind: whatever may be chosen can be sealed, verified, opened and added up; damaged batches get the verdicts
//! that their ballots get alone; and there is one encoding of everything.

use std::fmt::Debug;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use voting_core::ballot::{Ballot, Selection, SignedBallot};
use voting_core::codec::Canonical;
use voting_core::entry::{Challenge, Entry, MAX_ENTRY_BYTES, TrusteeAct, TrusteeStep, VerifiedEntry};
use voting_core::ids::{ChainId, ElectionId};
use voting_core::sealed::ceremony::{CeremonyRecord, SignedMessage};
use voting_core::sealed::{
    Aggregate, BallotOpening, BallotRefusal, MAX_SEALED_BALLOT_BYTES, PartialDecryption, Point, SealVerifier, SealedContest,
    SealedHash, Sealer, ShareOfKey, SumError, combine,
};
use voting_core::testing::sealed::TestSeal;
use voting_core::testing::{Draws, key};

use crate::common::sealed::Contests as _;

/// A generator of the group stands in for a key: nothing is decrypted.
const KEY: &str = "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76";

/// A contest and a selection that it accepts.
fn question() -> impl Strategy<Value = (SealedContest, Selection)> {
    let marks = (1u16..7, any::<bool>(), any::<[Index; 2]>(), vec(any::<bool>(), 6), any::<u8>());
    let marks = marks.prop_map(|(options, blank, limits, marked, coin)| {
        let max = 1 + limits[0].index(options.into()) as u16;
        let min = limits[1].index(usize::from(max) + 1) as u16;
        let contest = SealedContest::marks(options, min, max, blank).unwrap();
        let mut marks: Vec<u16> = (0..options).filter(|option| marked[usize::from(*option)]).take(max.into()).collect();
        let missing = (0..options).filter(|option| !marks.contains(option)).take(usize::from(min).saturating_sub(marks.len()));
        marks.extend(missing.collect::<Vec<_>>());
        marks.sort_unstable();
        let selection = if blank && coin < 60 { Selection::Blank } else { Selection::Marks(marks) };
        (contest, selection)
    });
    let scores = (1u16..4, 1u16..6, any::<bool>(), vec(any::<Index>(), 3), any::<u8>());
    let scores = scores.prop_map(|(options, highest, blank, given, coin)| {
        let contest = SealedContest::scores(options, highest, blank).unwrap();
        let score = |option: u16| (option, given[usize::from(option)].index(usize::from(highest) + 1) as u16);
        let scores = Selection::Scores((0..options).map(score).filter(|(_, score)| *score > 0).collect());
        (contest, if blank && coin < 60 { Selection::Blank } else { scores })
    });
    prop_oneof![marks, scores]
}

fn parties(contests: Vec<SealedContest>) -> (Sealer, SealVerifier) {
    let (election, key) = (SealedHash([9; 64]), KEY.parse::<Point>().unwrap());
    (
        Sealer::new(ElectionId([8; 16]), election, &key, contests.clone()).unwrap(),
        SealVerifier::new(election, &key, contests).unwrap(),
    )
}

/// What may happen to a ballot.
#[derive(Debug, Clone)]
enum Fate {
    Whole,
    Voter,
    Context,
    Open,
    Swap(Index, Index),
    Flip(Index, u8),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        3 => Just(Fate::Whole),
        1 => Just(Fate::Voter),
        1 => Just(Fate::Context),
        1 => Just(Fate::Open),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Fate::Swap(a, b)),
        4 => (any::<Index>(), 0u8..8).prop_map(|(at, bit)| Fate::Flip(at, bit)),
    ]
}

fn befall(ballot: Ballot, fate: &Fate) -> Ballot {
    let mut damaged = ballot.clone();
    match fate {
        Fate::Whole => {}
        Fate::Voter => damaged.voter = key(99).public(),
        Fate::Context => damaged.context.0[7] ^= 1,
        Fate::Open => damaged.selections[0] = Selection::Blank,
        Fate::Swap(a, b) => {
            let options = &mut damaged.contest_mut(0).options;
            let (a, b) = (a.index(options.len()), b.index(options.len()));
            options.swap(a, b);
        }
        Fate::Flip(at, bit) => {
            let mut bytes = ballot.to_canonical();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            damaged = Ballot::from_canonical(&bytes).unwrap_or(ballot);
        }
    }
    damaged
}

/// Bytes decode to the value and to nothing else, and no flipped bit is a second spelling of it.
fn one_encoding<T: Canonical + PartialEq + Debug>(value: &T, flips: &[(Index, u8)]) -> Result<(), TestCaseError> {
    let bytes = value.to_canonical();
    prop_assert!(bytes.len() <= T::MAX_BYTES);
    let returned = T::from_canonical(&bytes);
    prop_assert_eq!(returned.as_ref(), Ok(value));
    prop_assert!(T::from_canonical(&[bytes.clone(), vec![0]].concat()).is_err());
    prop_assert!(T::from_canonical(&bytes[..bytes.len() - 1]).is_err());
    for (at, bit) in flips {
        let mut damaged = bytes.clone();
        damaged[at.index(bytes.len())] ^= 1 << bit;
        if let Ok(other) = T::from_canonical(&damaged) {
            prop_assert_eq!(other.to_canonical(), damaged);
            prop_assert_ne!(&other, value);
        }
    }
    Ok(())
}

/// A trustee's act, as an entry.
fn act(step: TrusteeStep) -> Entry {
    let act = TrusteeAct { chain: ChainId([1; 32]), election: ElectionId([8; 16]), step, trustee: key(1).public() };
    Entry::trustee(act, &key(1))
}

fn flips() -> impl Strategy<Value = Vec<(Index, u8)>> {
    vec((any::<Index>(), 0u8..8), 20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_may_be_chosen_is_sealed_verified_and_opened(questions in vec(question(), 1..3), seed in any::<u64>(), flips in flips()) {
        let (contests, chosen): (Vec<_>, Vec<_>) = questions.into_iter().unzip();
        let (sealer, verifier) = parties(contests);
        let mut draws = Draws::new(&format!("ballot {seed}"));
        let prepared = sealer.seal(key(1).public(), 1, &chosen, &mut draws).unwrap();
        let (ballot, opening) = prepared.challenge();
        let verified = verifier.verify(&ballot);
        prop_assert!(verified.is_ok());
        prop_assert_eq!(&verifier.verify_batch(std::slice::from_ref(&ballot), &mut draws), std::slice::from_ref(&verified));
        prop_assert_eq!(verifier.read_verified(&ballot), verified);
        prop_assert_eq!(verifier.open(&ballot, &opening), Ok(chosen));
        one_encoding(&ballot, &flips)?;
        one_encoding(&opening, &flips)?;
        one_encoding::<SignedBallot>(&ballot.clone().sign(&key(1)), &flips)?;
        let challenge = Challenge { ballot, opening };
        one_encoding(&challenge, &flips)?;
        one_encoding(&Entry::challenge(challenge, &key(1)), &flips)?;
    }

    #[test]
    fn a_batch_judges_as_its_ballots_are_judged_alone(
        (contest, chosen) in question(),
        fates in vec(fate(), 1..14),
        seed in any::<u64>(),
    ) {
        let (sealer, verifier) = parties(vec![contest]);
        let mut draws = Draws::new(&format!("batch {seed}"));
        let mut seal = |voter: usize| {
            sealer.seal(key(voter as u64).public(), 1, std::slice::from_ref(&chosen), &mut draws).unwrap().challenge().0
        };
        let batch: Vec<Ballot> = fates.iter().enumerate().map(|(voter, fate)| befall(seal(voter), fate)).collect();
        let alone: Vec<_> = batch.iter().map(|ballot| verifier.verify(ballot)).collect();
        prop_assert_eq!(&verifier.verify_batch(&batch.iter().collect::<Vec<_>>(), &mut draws), &alone);
        prop_assert_eq!(&verifier.verify_batch(&batch, &mut draws), &alone);
        // Whose proofs hold is read as it was verified; what cannot be of this election is refused all the same.
        for (ballot, alone) in batch.iter().zip(alone) {
            match (verifier.read_verified(ballot), alone) {
                (Ok(read), Ok(verified)) => prop_assert_eq!(read, verified),
                (Ok(_), Err(refusal)) => {
                    prop_assert!(matches!(refusal, BallotRefusal::Proof { .. } | BallotRefusal::Point { .. }), "{refusal}");
                }
                (Err(read), verified) => prop_assert_eq!(Err(read), verified),
            }
        }
    }

    #[test]
    fn what_may_not_be_chosen_is_not_sealed(options in 1u16..6, max in 1u16..6, marks in vec(0u16..8, 0..8)) {
        prop_assume!(max <= options);
        let (sealer, _) = parties(vec![SealedContest::marks(options, 1, max, false).unwrap()]);
        let allowed = marks.windows(2).all(|pair| pair[0] < pair[1])
            && marks.iter().all(|mark| *mark < options)
            && (1..=usize::from(max)).contains(&marks.len());
        let sealed = sealer.seal(key(1).public(), 1, &[Selection::Marks(marks)], &mut Draws::new("x"));
        prop_assert_eq!(sealed.is_ok(), allowed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn sums_of_ciphertexts_hold_sums(
        ballots in vec((0u16..=3, 0u16..=3, 1u64..1_000, any::<bool>()), 0..8),
        flips in flips(),
    ) {
        let seal = TestSeal::new(2, 3, vec![SealedContest::scores(2, 3, false).unwrap()]);
        let (sealer, verifier) = (seal.sealer(), seal.verifier());
        let mut draws = Draws::new("sums");
        let mut sums = [0, 1].map(|_| Aggregate::new(seal.hash(), &seal.contests));
        let mut whole = Aggregate::new(seal.hash(), &seal.contests);
        let (mut expected, mut added) = ([0, 0], Vec::new());
        for (voter, (first, second, weight, side)) in ballots.into_iter().enumerate() {
            let scores = [(0, first), (1, second)].into_iter().filter(|(_, score)| *score > 0).collect();
            let voter = key(voter as u64).public();
            let (ballot, _) = sealer.seal(voter, 1, &[Selection::Scores(scores)], &mut draws).unwrap().challenge();
            let verified = verifier.verify(&ballot).unwrap();
            let before = whole.clone();
            sums[usize::from(side)].add(&verified, weight).unwrap();
            whole.add(&verified, weight).unwrap();
            expected = [expected[0] + u64::from(first) * weight, expected[1] + u64::from(second) * weight];
            // What is taken back again was never there, whichever came in between.
            let mut back = whole.clone();
            back.remove(&verified, weight).unwrap();
            prop_assert_eq!(&back, &before);
            added.push((verified, weight));
        }
        let [mut left, right] = sums;
        let mut other_way = right.clone();
        other_way.merge(&left).unwrap();
        left.merge(&right).unwrap();
        prop_assert_eq!(&left, &whole);
        prop_assert_eq!(left.hash(), other_way.hash());
        // In the order in which they came, not in the reverse one: any is as good.
        for (verified, weight) in &added {
            left.remove(verified, *weight).unwrap();
        }
        let nothing = Aggregate::new(seal.hash(), &seal.contests);
        prop_assert_eq!(&left, &nothing);
        if let Some((verified, weight)) = added.first() {
            prop_assert_eq!(left.remove(verified, *weight), Err(SumError::NotAdded));
            prop_assert_eq!(&left, &nothing, "a refusal changes nothing");
        }
        let parts: Vec<PartialDecryption> =
            seal.shares[1..].iter().map(|share| share.decrypt(&whole, 0, &mut draws).unwrap()).collect();
        let opened = combine(&seal.outcome.parameters, &seal.outcome.trustees, &seal.contests, &whole, &parts, 0).unwrap();
        prop_assert_eq!(opened.totals, [expected]);
        one_encoding(&parts[0], &flips)?;
        one_encoding(&act(TrusteeStep::Decrypt(parts[0].clone())), &flips)?;
    }

    #[test]
    fn ceremonies_have_one_encoding(threshold in 1u16..4, more in 0u16..2, flips in flips()) {
        let contests = vec![SealedContest::marks(1, 1, 1, false).unwrap()];
        let seal = TestSeal::new(threshold, threshold + more, contests);
        let record = seal.ceremony.record();
        one_encoding::<CeremonyRecord>(&record, &flips)?;
        one_encoding::<ShareOfKey>(&seal.shares[0], &flips)?;
        for event in &record.events {
            if let voting_core::sealed::ceremony::RecordEvent::Message(message) = event {
                one_encoding::<SignedMessage>(message, &flips)?;
                one_encoding(&act(TrusteeStep::Ceremony(message.clone())), &flips)?;
            }
        }
    }

    #[test]
    fn any_bytes_are_refused_without_harm(bytes in vec(any::<u8>(), 0..400)) {
        for strict in [
            Ballot::from_canonical(&bytes).map(|value| value.to_canonical()),
            BallotOpening::from_canonical(&bytes).map(|value| value.to_canonical()),
            Challenge::from_canonical(&bytes).map(|value| value.to_canonical()),
            TrusteeAct::from_canonical(&bytes).map(|value| value.to_canonical()),
            CeremonyRecord::from_canonical(&bytes).map(|value| value.to_canonical()),
            PartialDecryption::from_canonical(&bytes).map(|value| value.to_canonical()),
        ] {
            prop_assert!(strict.is_err() || strict.as_ref() == Ok(&bytes));
        }
    }
}

/// The largest ballot that may be sealed of contests that grow with a number, and the largest number.
fn largest(contests: impl Fn(u16) -> Option<Vec<SealedContest>>) -> (Sealer, SealVerifier, u16) {
    let (election, key) = (SealedHash([9; 64]), KEY.parse::<Point>().unwrap());
    let sealer = |number: u16| Sealer::new(ElectionId([8; 16]), election, &key, contests(number)?).ok();
    let (mut fits, mut too_large) = (1, 1_000);
    while too_large - fits > 1 {
        let middle = fits + (too_large - fits) / 2;
        *if sealer(middle).is_some() { &mut fits } else { &mut too_large } = middle;
    }
    (sealer(fits).unwrap(), SealVerifier::new(election, &key, contests(fits).unwrap()).unwrap(), fits)
}

#[test]
fn the_largest_ballots_fit_an_entry_even_when_they_are_opened() {
    let limit = 88..=MAX_SEALED_BALLOT_BYTES;
    let fits = |contests: &dyn Fn(u16) -> Option<Vec<SealedContest>>, choice: Selection, at_least: usize| {
        let (sealer, verifier, number) = largest(contests);
        let chosen = vec![choice; verifier.contests().len()];
        let (ballot, opening) = sealer.seal(key(1).public(), 1, &chosen, &mut Draws::new("largest")).unwrap().challenge();
        let bytes = ballot.to_canonical().len();
        assert!(limit.contains(&bytes) && bytes >= at_least, "{number}: {bytes}");
        assert!(verifier.verify(&ballot).is_ok());
        let cast = Entry::Cast(ballot.clone().sign(&key(1)));
        let challenge = Entry::challenge(Challenge { ballot, opening }, &key(1));
        for entry in [cast, challenge] {
            let bytes = entry.to_bytes();
            assert!(bytes.as_slice().len() <= MAX_ENTRY_BYTES, "{number}: {}", bytes.as_slice().len());
            assert_eq!(VerifiedEntry::verify(bytes, ChainId([1; 32])).unwrap().entry(), &entry);
        }
    };
    let one = |contest: Result<SealedContest, _>| contest.ok().map(|contest| vec![contest]);
    // One contest of many options, one of many values, many contests.
    fits(&|n| one(SealedContest::marks(n, 1, 1, true)), Selection::Marks(vec![0]), 54_000);
    fits(&|n| one(SealedContest::scores(n, 100, false)), Selection::Scores(vec![(0, 100)]), 40_000);
    fits(&|n| Some(vec![SealedContest::marks(n, 0, n, true).ok()?; 50]), Selection::Blank, 40_000);
    // Options that have withdrawn have the shortest proofs, and still an opening.
    let most_opened = |n: u16| one(SealedContest::marks(n, 0, n, false).and_then(|contest| contest.without((1..n).collect())));
    fits(&most_opened, Selection::Marks(vec![0]), 54_000);
}
