//! Forged ballots and decryptions: every field changed, every proof carried elsewhere. Each is refused with its code, alone and in
//! a batch alike, and its neighbours are not.

#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected should fail")]

#[path = "common/sealed.rs"]
mod textbook;

use std::sync::OnceLock;

use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT as G;
use curve25519_dalek::scalar::Scalar as Exponent;
use textbook::{Place, decode, encode, exponent, scalar};
use voting_core::ballot::Selection;
use voting_core::codec::Canonical;
use voting_core::sealed::{
    Aggregate, BallotRefusal, DecryptionShare, Part, PartialDecryption, Point, RangeProof, SealVerifier, SealedBallot,
    SealedContest, SealedElection, Sealer, SeenCiphertexts, verify_partial,
};
use voting_core::testing::sealed::TestSeal;
use voting_core::testing::{Draws, key};

/// A second spelling of nothing: an odd field element.
const NOT_CANONICAL: Point = Point([1; 32]);
const IDENTITY: Point = Point([0; 32]);

struct Scene {
    seal: TestSeal,
    sealer: Sealer,
    verifier: SealVerifier,
    ballot: SealedBallot,
    neighbours: [SealedBallot; 2],
}

/// Two contests of one form with a blank option, one of scores.
fn scene() -> &'static Scene {
    static SCENE: OnceLock<Scene> = OnceLock::new();
    SCENE.get_or_init(|| {
        let marks = SealedContest::marks(2, 1, 1, true).unwrap();
        let seal = TestSeal::new(2, 3, vec![marks.clone(), marks, SealedContest::scores(2, 2, false).unwrap()]);
        let (sealer, verifier) = (seal.sealer(), seal.verifier());
        let mut draws = Draws::new("forgeries");
        let chosen = [Selection::Marks(vec![1]), Selection::Blank, Selection::Scores(vec![(0, 2), (1, 1)])];
        let [ballot, left, right] =
            [0, 1, 2].map(|voter| sealer.seal(key(voter).public(), 1, &chosen, &mut draws).unwrap().challenge().0);
        Scene { seal, sealer, verifier, ballot, neighbours: [left, right] }
    })
}

#[track_caller]
fn refused(forged: &SealedBallot, code: &str) -> BallotRefusal {
    let Scene { verifier, neighbours: [left, right], .. } = scene();
    let alone = verifier.verify(forged).expect_err("a forgery is accepted");
    assert_eq!(alone.code(), code, "{alone}");
    let batch = [left.clone(), forged.clone(), right.clone()];
    let verdicts = verifier.verify_batch(&batch, &mut Draws::new("weights"));
    assert!(verdicts[0].is_ok() && verdicts[2].is_ok(), "a neighbour is refused");
    assert_eq!(verdicts[1], Err(alone));
    alone
}

/// The same ballot with a change.
fn with(change: impl FnOnce(&mut SealedBallot)) -> SealedBallot {
    let mut forged = scene().ballot.clone();
    change(&mut forged);
    assert_ne!(forged, scene().ballot, "the change changes something");
    forged
}

fn next(point: &Point) -> Point {
    encode(&(decode(point) + G))
}

/// Every proof of the ballot with the part it is about.
fn proofs() -> Vec<(u16, Part)> {
    let contests = (0..).zip(&scene().ballot.contests);
    contests
        .flat_map(|(contest, selection)| {
            let options = (0..selection.options.len() as u16).map(Part::Option);
            options.chain(selection.limit.iter().map(|_| Part::Limit)).map(move |part| (contest, part))
        })
        .collect()
}

fn proof(ballot: &mut SealedBallot, contest: u16, part: Part) -> &mut RangeProof {
    let selection = &mut ballot.contests[usize::from(contest)];
    match part {
        Part::Option(option) => &mut selection.options[usize::from(option)].range,
        Part::Limit => selection.limit.as_mut().unwrap(),
    }
}

fn code_of(part: Part) -> &'static str {
    if part == Part::Limit { "sealed-limit" } else { "sealed-range" }
}

#[test]
fn every_field_of_every_branch_counts() {
    let Scene { verifier, ballot, .. } = scene();
    assert!(verifier.verify(ballot).is_ok());
    for (contest, part) in proofs() {
        let branches = proof(&mut ballot.clone(), contest, part).branches.len();
        let expected = BallotRefusal::Proof { contest, part };
        for at in 0..branches {
            let branch = |change: &dyn Fn(&mut RangeProof)| with(|forged| change(proof(forged, contest, part)));
            let forged = [
                branch(&|proof| proof.branches[at].a = next(&proof.branches[at].a)),
                branch(&|proof| proof.branches[at].b = next(&proof.branches[at].b)),
                branch(&|proof| proof.branches[at].a = IDENTITY),
                branch(&|proof| proof.branches[at].b = IDENTITY),
                branch(&|proof| add(&mut proof.branches[at].challenge, Exponent::ONE)),
                branch(&|proof| add(&mut proof.branches[at].response, Exponent::ONE)),
            ];
            for forged in forged {
                assert_eq!(refused(&forged, code_of(part)), expected);
            }
            for point in [0, 1] {
                let forged = branch(&|proof| {
                    let branch = &mut proof.branches[at];
                    *[&mut branch.a, &mut branch.b][point] = NOT_CANONICAL;
                });
                refused(&forged, "sealed-point");
            }
        }
        if branches > 1 {
            // The challenges still add up.
            let forged = with(|forged| {
                let proof = proof(forged, contest, part);
                add(&mut proof.branches[0].challenge, Exponent::ONE);
                add(&mut proof.branches[1].challenge, -Exponent::ONE);
            });
            assert_eq!(refused(&forged, code_of(part)), expected);
            let forged = with(|forged| proof(forged, contest, part).branches.swap(0, 1));
            assert_eq!(refused(&forged, code_of(part)), expected);
        }
    }
}

fn add(to: &mut voting_core::sealed::Scalar, what: Exponent) {
    *to = scalar(&(exponent(to) + what));
}

#[test]
fn every_ciphertext_counts() {
    for (contest, selection) in scene().ballot.contests.iter().enumerate() {
        for option in 0..selection.options.len() {
            let forge = |alpha: Option<Point>, beta: Option<Point>| {
                with(|forged| {
                    let ciphertext = &mut forged.contests[contest].options[option].ciphertext;
                    ciphertext.alpha = alpha.unwrap_or(ciphertext.alpha);
                    ciphertext.beta = beta.unwrap_or(ciphertext.beta);
                })
            };
            let ciphertext = selection.options[option].ciphertext;
            let expected = BallotRefusal::Proof { contest: contest as u16, part: Part::Option(option as u16) };
            assert_eq!(refused(&forge(Some(next(&ciphertext.alpha)), None), "sealed-range"), expected);
            // One vote more.
            assert_eq!(refused(&forge(None, Some(next(&ciphertext.beta))), "sealed-range"), expected);
            for (bad, code) in [(IDENTITY, "sealed-identity"), (NOT_CANONICAL, "sealed-point")] {
                refused(&forge(Some(bad), None), code);
                refused(&forge(None, Some(bad)), code);
            }
        }
    }
}

#[test]
fn no_proof_serves_elsewhere() {
    let Scene { neighbours, .. } = scene();
    // Another voter, another sequence number.
    refused(&with(|forged| forged.voter = key(7).public()), "sealed-range");
    refused(&with(|forged| forged.sequence = 2), "sealed-range");
    // Another contest of the same form, another option.
    refused(&with(|forged| forged.contests.swap(0, 1)), "sealed-range");
    refused(&with(|forged| forged.contests[0].options.swap(0, 1)), "sealed-range");
    // A part of somebody else's ballot.
    refused(&with(|forged| forged.contests[0] = neighbours[0].contests[0].clone()), "sealed-range");
    let forged = with(|forged| forged.contests[0].limit.clone_from(&neighbours[0].contests[0].limit));
    refused(&forged, "sealed-limit");
}

#[test]
fn no_ballot_serves_another_election() {
    let Scene { seal, verifier, ballot, .. } = scene();
    refused(&with(|forged| forged.election.0[0] ^= 1), "sealed-election");
    // Whatever is different about the other election, the proofs do not fit it.
    let other = |change: &dyn Fn(&mut SealedElection)| {
        let mut election = seal.election.clone();
        change(&mut election);
        election
    };
    let elections = [
        other(&|election| election.context.0[0] ^= 1),
        other(&|election| election.ceremony.0[0] ^= 1),
        other(&|election| election.roll_root.0[0] ^= 1),
        other(&|election| election.authorities.0[0] ^= 1),
        other(&|election| election.parameters.threshold = 3),
        other(&|election| election.parameters.trustees = 4),
        other(&|election| election.key = next(&election.key)),
    ];
    for election in elections {
        assert_ne!(election.hash(), seal.hash());
        let verifier = SealVerifier::new(election.hash(), &election.key, seal.contests.clone()).unwrap();
        assert_eq!(verifier.verify(ballot).unwrap_err().code(), "sealed-election");
        let claimed = SealedBallot { election: election.hash(), ..ballot.clone() };
        assert_eq!(verifier.verify(&claimed).unwrap_err().code(), "sealed-range");
    }
    assert!(verifier.verify(ballot).is_ok());
    for (bad, code) in [(IDENTITY, "the neutral element"), (NOT_CANONICAL, "canonical")] {
        let error = Sealer::new(seal.hash(), &bad, seal.contests.clone()).unwrap_err();
        assert!(error.to_string().contains(code), "{error}");
    }
}

#[test]
fn the_form_is_the_contests() {
    let one_more = |proof: &mut RangeProof| proof.branches.push(proof.branches[0]);
    for (contest, part) in proofs() {
        let branches = proof(&mut scene().ballot.clone(), contest, part).branches.len();
        let expected = BallotRefusal::Form { contest, part };
        assert_eq!(refused(&with(|forged| one_more(proof(forged, contest, part))), "sealed-form"), expected);
        let fewer = with(|forged| proof(forged, contest, part).branches.truncate(branches - 1));
        assert_eq!(refused(&fewer, "sealed-form"), expected);
        refused(&with(|forged| proof(forged, contest, part).branches.clear()), "sealed-form");
    }
    refused(&with(|forged| forged.contests[0].limit = None), "sealed-form");
    let limit = scene().ballot.contests[0].limit.clone();
    refused(&with(|forged| forged.contests[2].limit = limit), "sealed-form");
    refused(&with(|forged| forged.contests[0].options.truncate(2)), "sealed-options");
    refused(&with(|forged| forged.contests[0].options.push(scene().ballot.contests[0].options[0].clone())), "sealed-options");
    refused(&with(|forged| forged.contests.truncate(2)), "sealed-contests");
    refused(&with(|forged| forged.contests.push(scene().ballot.contests[0].clone())), "sealed-contests");
}

#[test]
fn what_is_out_of_range_cannot_be_proved() {
    let Scene { seal, ballot, .. } = scene();
    let mut draws = Draws::new("cheats");
    let place = Place { key: &seal.election.key, ballot: ballot.proof_hash(), contest: 2, option: 0, high: 2 };
    // The textbook's proof of what is true is accepted.
    for m in 0..=2 {
        let honest = with(|forged| forged.contests[2].options[0] = place.prove(m, &mut draws));
        assert!(scene().verifier.verify(&honest).is_ok());
        assert!(scene().verifier.verify_batch(&[honest], &mut draws)[0].is_ok());
    }
    for m in [3, 9] {
        refused(&with(|forged| forged.contests[2].options[0] = place.simulate_all(m, &mut draws)), "sealed-range");
        refused(&with(|forged| forged.contests[2].options[0] = place.simulate_all_but_one(m, &mut draws)), "sealed-range");
    }
    // In range, but the marks are two where one is allowed.
    let place = Place { contest: 0, high: 1, ..place };
    let refusal = refused(&with(|forged| forged.contests[0].options[0] = place.prove(1, &mut draws)), "sealed-limit");
    assert_eq!(refusal, BallotRefusal::Proof { contest: 0, part: Part::Limit });
}

#[test]
fn errors_do_not_cancel_each_other_in_a_batch() {
    let Scene { verifier, ballot, neighbours, .. } = scene();
    let shift = |ballot: &SealedBallot, by: Exponent| {
        let mut forged = ballot.clone();
        add(&mut forged.contests[0].options[0].range.branches[0].response, by);
        forged
    };
    let batch = [shift(ballot, Exponent::ONE), neighbours[0].clone(), shift(&neighbours[1], -Exponent::ONE)];
    let verdicts = verifier.verify_batch(&batch, &mut Draws::new("weights"));
    let refusal = Err(BallotRefusal::Proof { contest: 0, part: Part::Option(0) });
    assert_eq!((&verdicts[0], &verdicts[2]), (&refusal, &refusal));
    assert!(verdicts[1].is_ok());
}

#[test]
fn every_culprit_of_a_large_batch_is_named() {
    let Scene { sealer, verifier, .. } = scene();
    let mut draws = Draws::new("large batch");
    let chosen = [Selection::Marks(vec![0]), Selection::Marks(vec![1]), Selection::Scores(vec![])];
    let mut batch: Vec<SealedBallot> =
        (0..40).map(|voter| sealer.seal(key(voter).public(), 1, &chosen, &mut draws).unwrap().challenge().0).collect();
    let culprits = [0, 13, 14, 39];
    for culprit in culprits {
        add(&mut batch[culprit].contests[1].options[1].range.branches[1].response, Exponent::ONE);
    }
    let verdicts = verifier.verify_batch(&batch, &mut draws);
    let named: Vec<usize> = (0..40).filter(|at| verdicts[*at].is_err()).collect();
    assert_eq!(named, culprits);
    let refusal = BallotRefusal::Proof { contest: 1, part: Part::Option(1) };
    assert!(culprits.iter().all(|culprit| verdicts[*culprit] == Err(refusal)));
    assert!(verifier.verify_batch(&[], &mut draws).is_empty());
}

#[test]
fn a_copied_ballot_is_seen_before() {
    let Scene { ballot, neighbours, .. } = scene();
    let mut seen = SeenCiphertexts::default();
    seen.insert(ballot).unwrap();
    let first = ballot.contests[0].options[0].ciphertext.alpha;
    assert_eq!(seen.insert(ballot), Err(first));
    // One ciphertext of it, masked by another value, in a ballot that is otherwise new.
    let mut copy = neighbours[0].clone();
    copy.contests[1].options[0].ciphertext = ballot.contests[0].options[0].ciphertext;
    copy.contests[1].options[0].ciphertext.beta = next(&copy.contests[1].options[0].ciphertext.beta);
    assert_eq!(seen.insert(&copy), Err(first));
    seen.insert(&neighbours[0]).expect("nothing of the refused copy is kept");
    // The same ciphertext twice on one ballot.
    let mut twice = neighbours[1].clone();
    twice.contests[1].options[0].ciphertext = twice.contests[0].options[0].ciphertext;
    assert!(seen.insert(&twice).is_err());
}

#[test]
fn signatures_and_bytes_are_strict() {
    let Scene { sealer, seal, .. } = scene();
    let voter = key(0);
    let chosen = [Selection::Marks(vec![0]), Selection::Blank, Selection::Scores(vec![])];
    let mut draws = Draws::new("signatures");
    let signed = sealer.seal(voter.public(), 3, &chosen, &mut draws).unwrap().cast(&voter);
    assert!(signed.verify());
    for change in [
        |ballot: &mut SealedBallot| ballot.sequence = 4,
        |ballot: &mut SealedBallot| ballot.election.0[5] ^= 1,
        |ballot: &mut SealedBallot| ballot.voter = key(1).public(),
        |ballot: &mut SealedBallot| ballot.contests.swap(0, 1),
    ] {
        let mut forged = signed.clone();
        change(&mut forged.ballot);
        assert!(!forged.verify());
    }
    // A scalar of ℓ or more.
    let bytes = signed.ballot.to_canonical();
    let (marks, scores) = (3 * (68 + 2 * 128) + 4 + 128, 2 * (68 + 3 * 128));
    assert_eq!(bytes.len(), 104 + seal.contests.len() * 5 + 2 * marks + scores);
    let first_challenge = 104 + 4 + 64 + 4 + 64;
    let mut spelled_twice = bytes.clone();
    spelled_twice[first_challenge..first_challenge + 32].fill(0xff);
    assert!(SealedBallot::from_canonical(&spelled_twice).is_err());
    assert!(SealedBallot::from_canonical(&[bytes, vec![0]].concat()).is_err());
}

#[test]
fn no_decryption_can_be_forged() {
    let Scene { seal, verifier, ballot, .. } = scene();
    let mut draws = Draws::new("decryptions");
    let mut aggregate = Aggregate::new(seal.hash(), &seal.contests);
    aggregate.add(&verifier.verify(ballot).unwrap(), 2).unwrap();
    let part = seal.shares[0].decrypt(&aggregate, 1, &mut draws).unwrap();
    let known = &seal.outcome.trustees[0];
    verify_partial(&aggregate, &part, known).unwrap();
    let refused = |change: &dyn Fn(&mut PartialDecryption), code: &str| {
        let mut forged = part.clone();
        change(&mut forged);
        assert_ne!(forged, part);
        let refusal = verify_partial(&aggregate, &forged, known).unwrap_err();
        assert_eq!((refusal.code(), refusal.culprit()), (code, forged.trustee), "{refusal}");
    };
    for (contest, shares) in part.contests.iter().enumerate() {
        for option in 0..shares.len() {
            let share = |change: &dyn Fn(&mut DecryptionShare)| {
                refused(&|forged| change(&mut forged.contests[contest][option]), "sealed-decryption-proof");
            };
            share(&|share| share.share = next(&share.share));
            share(&|share| share.share = IDENTITY);
            share(&|share| share.share = NOT_CANONICAL);
            share(&|share| share.a = next(&share.a));
            share(&|share| share.a = NOT_CANONICAL);
            share(&|share| share.b = next(&share.b));
            share(&|share| share.b = NOT_CANONICAL);
            share(&|share| add(&mut share.response, Exponent::ONE));
        }
    }
    refused(&|forged| forged.contests[0].swap(0, 1), "sealed-decryption-proof");
    refused(&|forged| forged.contests.swap(0, 1), "sealed-decryption-proof");
    refused(&|forged| forged.trustee = 2, "sealed-decryption-proof");
    refused(&|forged| forged.aggregate.0[0] ^= 1, "sealed-decryption-sums");
    refused(&|forged| forged.contests.truncate(2), "sealed-decryption-sums");
    refused(&|forged| forged.contests[0].truncate(2), "sealed-decryption-sums");
    // Somebody else's share, and the decryption of other sums.
    let mut stranger = seal.shares[1].decrypt(&aggregate, 1, &mut draws).unwrap();
    stranger.trustee = 1;
    assert_eq!(verify_partial(&aggregate, &stranger, known).unwrap_err().code(), "sealed-decryption-proof");
    aggregate.add(&verifier.verify(ballot).unwrap(), 1).unwrap();
    assert_eq!(verify_partial(&aggregate, &part, known).unwrap_err().code(), "sealed-decryption-sums");
}
