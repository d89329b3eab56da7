//! Sealed elections from the ceremony to the result.

use voting_core::ballot::{Ballot, Selection, SignedBallot};
use voting_core::codec::Canonical;
use voting_core::crypto::SigningKey;
use voting_core::sealed::{
    Aggregate, BallotRefusal, DecryptionError, Part, PartialDecryption, PartialRefusal, SealedContest, SeenCiphertexts, ShareOfKey,
    combine, verify_partial,
};
use voting_core::testing::sealed::TestSeal;
use voting_core::testing::{Draws, Numbers, key};

/// One contest of every kind.
fn contests() -> Vec<SealedContest> {
    vec![
        SealedContest::marks(3, 1, 1, true).unwrap(),
        SealedContest::marks(4, 0, 4, false).unwrap(),
        SealedContest::marks(5, 1, 3, true).unwrap().without(vec![2]).unwrap(),
        SealedContest::scores(2, 5, false).unwrap(),
    ]
}

fn selections(numbers: &mut Numbers) -> Vec<Selection> {
    let mut below = |bound: u64| numbers.below(bound) as u16;
    let one = if below(4) == 0 { Selection::Blank } else { Selection::Marks(vec![below(3)]) };
    let any = Selection::Marks((0..4).filter(|_| below(2) == 0).collect());
    let some: Vec<u16> = [0, 1, 3, 4].into_iter().filter(|_| below(2) == 0).take(3).collect();
    let some = if some.is_empty() { Selection::Blank } else { Selection::Marks(some) };
    vec![one, any, some, Selection::Scores(vec![(0, below(6)), (1, below(6))])]
}

/// What a selection adds to the totals.
fn count(totals: &mut [Vec<u64>], selections: &[Selection], weight: u64) {
    for (totals, selection) in totals.iter_mut().zip(selections) {
        match selection {
            Selection::Blank => *totals.last_mut().unwrap() += weight,
            Selection::Marks(marks) => marks.iter().for_each(|mark| totals[usize::from(*mark)] += weight),
            Selection::Scores(scores) => {
                scores.iter().for_each(|(option, score)| totals[usize::from(*option)] += u64::from(*score) * weight);
            }
            Selection::Ranking(_) | Selection::Sealed(_) => unreachable!("nothing is ranked here, and this is what was sealed"),
        }
    }
}

#[test]
fn three_of_five_trustees_open_what_five_hundred_voters_sealed() {
    let seal = TestSeal::new(3, 5, contests());
    let (sealer, verifier) = (seal.sealer(), seal.verifier());
    let (mut numbers, mut rng) = (Numbers::new(11), Draws::new("five hundred voters"));
    let mut expected: Vec<Vec<u64>> = seal.contests.iter().map(|contest| vec![0; contest.ciphertexts()]).collect();
    let mut ballots = Vec::new();
    let mut weights = Vec::new();
    for voter in 0..500 {
        let (chosen, weight) = (selections(&mut numbers), 1 + numbers.below(3));
        count(&mut expected, &chosen, weight);
        let voter = key(voter);
        let signed = sealer.seal(voter.public(), 1, &chosen, &mut rng).unwrap().cast(&voter);
        let arrived = SignedBallot::from_canonical(&signed.to_canonical()).unwrap();
        assert!(arrived.verify());
        assert_eq!(arrived.hash(), signed.hash());
        ballots.push(arrived.ballot);
        weights.push(weight);
    }
    let mut seen = SeenCiphertexts::default();
    assert!(ballots.iter().all(|ballot| seen.insert(ballot).is_ok()));

    // Two partitions, merged.
    let mut partitions = [0, 1].map(|_| Aggregate::new(seal.hash(), &seal.contests));
    for (batch, weights) in ballots.chunks(100).zip(weights.chunks(100)) {
        for ((at, verified), weight) in verifier.verify_batch(batch, &mut rng).into_iter().enumerate().zip(weights) {
            partitions[at % 2].add(&verified.unwrap(), *weight).unwrap();
        }
    }
    let [mut aggregate, other] = partitions;
    aggregate.merge(&other).unwrap();
    assert_eq!((aggregate.ballots(), aggregate.weight()), (500, weights.iter().sum()));

    // Trustee 2 is absent, trustee 4 cheats.
    let mut parts: Vec<PartialDecryption> =
        [0, 2, 3, 4].map(|at| seal.shares[at].decrypt(&aggregate, 10, &mut rng).unwrap()).to_vec();
    let cheat = parts[2].contests[1][3].share;
    parts[2].contests[0][0].share = cheat;
    let combine = |parts: &[PartialDecryption]| {
        combine(&seal.outcome.parameters, &seal.outcome.trustees, &seal.contests, &aggregate, parts, 10)
    };
    let decryption = combine(&parts).unwrap();
    assert_eq!(decryption.totals, expected);
    assert_eq!(decryption.trustees, [1, 3, 5]);
    let cheated = PartialRefusal::Proof { trustee: 4, contest: 0, option: 0 };
    assert_eq!(decryption.refused, [cheated]);
    assert_eq!(verify_partial(&aggregate, &parts[2], &seal.outcome.trustees[3]), Err(cheated));

    // One too few.
    let error = combine(&parts[..3]).unwrap_err();
    assert_eq!(error, DecryptionError::TooFew { valid: 2, needed: 3, refused: vec![cheated] });

    // A sum of too few ballots stays closed.
    let too_few = DecryptionError::GroupSize { ballots: 500, min: 501 };
    assert_eq!(seal.shares[0].decrypt(&aggregate, 501, &mut rng), Err(too_few));
}

#[test]
fn a_challenged_ballot_shows_what_it_held() {
    let seal = TestSeal::new(1, 1, contests());
    let (sealer, verifier) = (seal.sealer(), seal.verifier());
    let mut rng = Draws::new("challenge");
    let chosen = selections(&mut Numbers::new(1));
    let voter = key(0).public();
    let prepared = sealer.seal(voter, 1, &chosen, &mut rng).unwrap();
    let noted = prepared.hash().code();
    let (ballot, opening) = prepared.challenge();
    assert_eq!(ballot.hash().code(), noted);
    let shown = verifier.open(&ballot, &opening).unwrap();
    let none_of = |selection: &Selection| !matches!(selection, Selection::Scores(_));
    assert!(shown.iter().zip(&chosen).filter(|(_, chosen)| none_of(chosen)).all(|(shown, chosen)| shown == chosen));
    // The same choices again: other ciphertexts, another code.
    let again = sealer.seal(voter, 1, &chosen, &mut rng).unwrap();
    assert_ne!(again.hash().code(), noted);
    assert_eq!(verifier.open(again.ballot(), &opening).unwrap_err().code(), "sealed_opening");
    // What is cast is what was noted.
    let noted = again.hash().code();
    assert_eq!(again.cast(&key(0)).hash().code(), noted);
}

#[test]
fn the_first_ballot_is_sound_and_any_other_use_of_it_is_refused() {
    let seal = TestSeal::new(2, 3, contests());
    let (sealer, verifier) = (seal.sealer(), seal.verifier());
    let mut rng = Draws::new("first");
    let voter = SigningKey::from_seed([9; 32]).public();
    let (ballot, _) = sealer.seal(voter, 1, &selections(&mut Numbers::new(2)), &mut rng).unwrap().challenge();
    assert!(verifier.verify(&ballot).is_ok());
    let stolen = Ballot { voter: key(1).public(), ..ballot };
    let refusal = BallotRefusal::Proof { contest: 0, part: Part::Option(0) };
    assert_eq!(verifier.verify(&stolen), Err(refusal));
    assert_eq!(verifier.verify_batch(&[stolen], &mut rng), [Err(refusal)]);
}

#[test]
fn a_trustee_proves_its_backup() {
    let seal = TestSeal::new(2, 3, contests());
    for (share, key) in seal.shares.iter().zip(&seal.outcome.trustees) {
        let loaded = ShareOfKey::from_canonical(&share.to_canonical()).unwrap();
        assert!(loaded.opens(key));
        assert_eq!(&loaded, share);
    }
    assert!(!seal.shares[0].opens(&seal.outcome.trustees[1]));
}
