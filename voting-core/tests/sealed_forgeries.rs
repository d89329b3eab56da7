//! Forged ballots and decryptions: every field changed, every proof carried elsewhere. Each is refused with its code, alone and in
//! a batch alike, and its neighbours are not.

use std::sync::OnceLock;

use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT as G;
use curve25519_dalek::scalar::Scalar as Exponent;
use voting_core::ballot::{Ballot, Selection};
use voting_core::codec::Canonical;
use voting_core::ids::ElectionId;
use voting_core::ranking::Ranking;
use voting_core::sealed::{
    Aggregate, BallotOpening, BallotRefusal, DecryptionShare, OpenedOption, OpeningError, Part, PartialDecryption, Point,
    RangeProof, SealVerifier, SealedContest, SealedElection, SealedHash, Sealer, SeenCiphertexts, proof_hash, verify_partial,
};
use voting_core::testing::sealed::TestSeal;
use voting_core::testing::{Draws, key};

use crate::common::sealed::{Contests as _, Place, decode, encode, exponent, scalar};

/// A second spelling of nothing: an odd field element.
const NOT_CANONICAL: Point = Point([1; 32]);
const IDENTITY: Point = Point([0; 32]);

struct Scene {
    seal: TestSeal,
    sealer: Sealer,
    verifier: SealVerifier,
    ballot: Ballot,
    neighbours: [Ballot; 2],
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
fn refused(forged: &Ballot, code: &str) -> BallotRefusal {
    let Scene { verifier, neighbours: [left, right], .. } = scene();
    let alone = verifier.verify(forged).expect_err("a forgery is accepted");
    assert_eq!(alone.code(), code, "{alone}");
    let batch = [left.clone(), forged.clone(), right.clone()];
    let verdicts = verifier.verify_batch(&batch, &mut Draws::new("weights"));
    assert!(verdicts[0].is_ok() && verdicts[2].is_ok(), "a neighbour is refused");
    assert_eq!(verdicts[1], Err(alone));
    // Who relies on a quorum for the proofs refuses what cannot have been verified for this election, for the same reason.
    match verifier.read_verified(forged) {
        Err(trusting) => assert_eq!(trusting, alone),
        Ok(_) => assert!(matches!(alone, BallotRefusal::Proof { .. } | BallotRefusal::Point { .. }), "{alone}"),
    }
    alone
}

/// The same ballot with a change.
fn with(change: impl FnOnce(&mut Ballot)) -> Ballot {
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
    (0..scene().ballot.selections.len())
        .flat_map(|contest| {
            let selection = scene().ballot.contest(contest);
            let options = (0..selection.options.len() as u16).map(Part::Option);
            options.chain(selection.limit.iter().map(|_| Part::Limit)).map(move |part| (contest as u16, part))
        })
        .collect()
}

fn proof(ballot: &mut Ballot, contest: u16, part: Part) -> &mut RangeProof {
    let selection = ballot.contest_mut(usize::from(contest));
    match part {
        Part::Option(option) => &mut selection.options[usize::from(option)].range,
        Part::Limit => selection.limit.as_mut().unwrap(),
    }
}

fn code_of(part: Part) -> &'static str {
    if part == Part::Limit { "sealed_limit" } else { "sealed_range" }
}

#[test]
fn every_field_of_every_branch_counts() {
    let Scene { verifier, ballot, .. } = scene();
    assert!(verifier.verify(ballot).is_ok());
    assert_eq!(verifier.read_verified(ballot), verifier.verify(ballot));
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
                refused(&forged, "sealed_point");
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
    for contest in 0..scene().ballot.selections.len() {
        let selection = scene().ballot.contest(contest);
        for option in 0..selection.options.len() {
            let forge = |alpha: Option<Point>, beta: Option<Point>| {
                with(|forged| {
                    let ciphertext = &mut forged.contest_mut(contest).options[option].ciphertext;
                    ciphertext.alpha = alpha.unwrap_or(ciphertext.alpha);
                    ciphertext.beta = beta.unwrap_or(ciphertext.beta);
                })
            };
            let ciphertext = selection.options[option].ciphertext;
            let expected = BallotRefusal::Proof { contest: contest as u16, part: Part::Option(option as u16) };
            assert_eq!(refused(&forge(Some(next(&ciphertext.alpha)), None), "sealed_range"), expected);
            // One vote more.
            assert_eq!(refused(&forge(None, Some(next(&ciphertext.beta))), "sealed_range"), expected);
            for (bad, code) in [(IDENTITY, "sealed_identity"), (NOT_CANONICAL, "sealed_point")] {
                for forged in [forge(Some(bad), None), forge(None, Some(bad))] {
                    let refusal = refused(&forged, code);
                    assert_eq!(scene().verifier.read_verified(&forged), Err(refusal), "it is no ciphertext, whoever says so");
                }
            }
        }
    }
}

#[test]
fn no_proof_serves_elsewhere() {
    let Scene { neighbours, .. } = scene();
    // Another voter, another sequence number.
    refused(&with(|forged| forged.voter = key(7).public()), "sealed_range");
    refused(&with(|forged| forged.sequence = 2), "sealed_range");
    // Another contest of the same form, another option.
    refused(&with(|forged| forged.selections.swap(0, 1)), "sealed_range");
    refused(&with(|forged| forged.contest_mut(0).options.swap(0, 1)), "sealed_range");
    // A part of somebody else's ballot.
    refused(&with(|forged| forged.selections[0] = neighbours[0].selections[0].clone()), "sealed_range");
    let forged = with(|forged| forged.contest_mut(0).limit.clone_from(&neighbours[0].contest(0).limit));
    refused(&forged, "sealed_limit");
}

#[test]
fn no_ballot_serves_another_election() {
    let Scene { seal, verifier, ballot, .. } = scene();
    assert_eq!((ballot.context, verifier.context()), (seal.hash().context(), seal.hash().context()));
    assert_eq!(refused(&with(|forged| forged.context.0[0] ^= 1), "sealed_election"), BallotRefusal::Election);
    assert_eq!(refused(&with(|forged| forged.context = seal.election.context), "sealed_election"), BallotRefusal::Election);
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
        assert_ne!(election.hash().context(), ballot.context);
        let verifier = SealVerifier::new(election.hash(), &election.key, seal.contests.clone()).unwrap();
        assert_eq!(verifier.verify(ballot).unwrap_err().code(), "sealed_election");
        let claimed = Ballot { context: election.hash().context(), ..ballot.clone() };
        assert_eq!(verifier.verify(&claimed).unwrap_err().code(), "sealed_range");
    }
    assert!(verifier.verify(ballot).is_ok());
    for (bad, code) in [(IDENTITY, "the neutral element"), (NOT_CANONICAL, "canonical")] {
        let error = Sealer::new(ElectionId([6; 16]), seal.hash(), &bad, seal.contests.clone()).unwrap_err();
        assert!(error.to_string().contains(code), "{error}");
    }
}

#[test]
fn nothing_is_answered_in_clear() {
    let ranked = || Selection::Ranking(Ranking::strict([0, 1]));
    for contest in 0..scene().ballot.selections.len() {
        for clear in [Selection::Blank, Selection::Marks(vec![0]), Selection::Scores(vec![(0, 1)]), ranked()] {
            let forged = with(|forged| forged.selections[contest] = clear);
            assert_eq!(refused(&forged, "sealed_open"), BallotRefusal::Open { contest: contest as u16 });
        }
    }
    let all = with(|forged| forged.selections.fill(Selection::Blank));
    assert_eq!(refused(&all, "sealed_open"), BallotRefusal::Open { contest: 0 });
    // What is said first is found first.
    let elsewhere = Ballot { context: voting_core::Digest([0; 32]), ..all.clone() };
    refused(&elsewhere, "sealed_election");
    let fewer = Ballot { selections: all.selections[..2].to_vec(), ..all };
    refused(&fewer, "sealed_contests");
}

#[test]
fn an_opening_opens_its_ballot_only() {
    let Scene { sealer, verifier, .. } = scene();
    let chosen = [Selection::Marks(vec![1]), Selection::Blank, Selection::Scores(vec![(0, 2), (1, 1)])];
    let mut draws = Draws::new("openings");
    let mut seal = |sequence| sealer.seal(key(0).public(), sequence, &chosen, &mut draws).unwrap().challenge();
    let ((ballot, opening), (other, _)) = (seal(1), seal(2));
    assert_eq!(verifier.open(&ballot, &opening).unwrap(), chosen);
    let wrong = |change: &dyn Fn(&mut Ballot)| {
        let mut forged = ballot.clone();
        change(&mut forged);
        assert_ne!(forged, ballot);
        verifier.open(&forged, &opening).unwrap_err()
    };
    let elsewhere = wrong(&|ballot| ballot.context.0[31] ^= 1);
    assert_eq!((elsewhere, elsewhere.code()), (OpeningError::Election, "sealed_election"));
    for (contest, said) in chosen.iter().enumerate() {
        let clear = wrong(&|ballot| ballot.selections[contest] = said.clone());
        assert_eq!((clear, clear.code()), (OpeningError::Form, "sealed_opening_form"));
        for option in 0..ballot.contest(contest).options.len() {
            let expected = OpeningError::Ciphertext { contest, option };
            let move_alpha = |ballot: &mut Ballot| {
                let alpha = &mut ballot.contest_mut(contest).options[option].ciphertext.alpha;
                *alpha = next(alpha);
            };
            assert_eq!(wrong(&move_alpha), expected);
            let move_beta = |ballot: &mut Ballot| {
                let beta = &mut ballot.contest_mut(contest).options[option].ciphertext.beta;
                *beta = next(beta);
            };
            assert_eq!((wrong(&move_beta), expected.code()), (expected, "sealed_opening"));
        }
    }
    assert_eq!(wrong(&|ballot| ballot.selections.truncate(2)), OpeningError::Form);
    assert_eq!(wrong(&|ballot| ballot.contest_mut(0).options.truncate(2)), OpeningError::Form);
    assert_eq!(verifier.open(&other, &opening), Err(OpeningError::Ciphertext { contest: 0, option: 0 }));
}

#[test]
fn an_opened_ballot_must_hold_a_choice() {
    // A voter encrypts what the contest does not allow. It opens, and is still no choice.
    let Scene { seal, verifier, ballot, .. } = scene();
    let place = Place { key: &seal.election.key, ballot: SealedHash([0; 64]), contest: 0, option: 0, high: 1 };
    let opened = |values: [u16; 3]| {
        let (mut forged, mut opening) = (ballot.clone(), BallotOpening { contests: Vec::new() });
        for contest in 0..3 {
            let fine: &[u16] = if contest == 2 { &[2, 0] } else { &[1, 0, 0] };
            let values = if contest == 1 { &values } else { fine };
            let mut contests = Vec::new();
            for (option, value) in values.iter().enumerate() {
                let randomness = Exponent::from(1 + option as u64);
                forged.contest_mut(contest).options[option].ciphertext = place.encrypt(*value, &randomness);
                contests.push(OpenedOption { value: *value, randomness: scalar(&randomness) });
            }
            opening.contests.push(contests);
        }
        verifier
            .open(&forged, &opening)
            .map_err(|error| (error.code(), matches!(error, OpeningError::Selection { contest: 1, .. })))
    };
    assert_eq!(opened([0, 1, 0]).unwrap()[1], Selection::Marks(vec![1]));
    assert_eq!(opened([0, 0, 1]).unwrap()[1], Selection::Blank);
    for wrong in [[0, 0, 0], [1, 1, 0], [1, 0, 1], [0, 2, 0], [0, 0, 2], [3, 0, 0]] {
        assert_eq!(opened(wrong), Err(("sealed_selection", true)), "{wrong:?}");
    }
}

#[test]
fn the_form_is_the_contests() {
    let one_more = |proof: &mut RangeProof| proof.branches.push(proof.branches[0]);
    for (contest, part) in proofs() {
        let branches = proof(&mut scene().ballot.clone(), contest, part).branches.len();
        let expected = BallotRefusal::Form { contest, part };
        assert_eq!(refused(&with(|forged| one_more(proof(forged, contest, part))), "sealed_form"), expected);
        let fewer = with(|forged| proof(forged, contest, part).branches.truncate(branches - 1));
        assert_eq!(refused(&fewer, "sealed_form"), expected);
        refused(&with(|forged| proof(forged, contest, part).branches.clear()), "sealed_form");
    }
    refused(&with(|forged| forged.contest_mut(0).limit = None), "sealed_form");
    let limit = scene().ballot.contest(0).limit.clone();
    refused(&with(|forged| forged.contest_mut(2).limit = limit), "sealed_form");
    refused(&with(|forged| forged.contest_mut(0).options.truncate(2)), "sealed_options");
    refused(&with(|forged| forged.contest_mut(0).options.push(scene().ballot.contest(0).options[0].clone())), "sealed_options");
    refused(&with(|forged| forged.selections.truncate(2)), "sealed_contests");
    refused(&with(|forged| forged.selections.push(scene().ballot.selections[0].clone())), "sealed_contests");
}

#[test]
fn what_is_out_of_range_cannot_be_proved() {
    let Scene { seal, ballot, .. } = scene();
    let mut draws = Draws::new("cheats");
    let place = Place {
        key: &seal.election.key,
        ballot: proof_hash(&seal.hash(), &ballot.voter, ballot.sequence),
        contest: 2,
        option: 0,
        high: 2,
    };
    // The textbook's proof of what is true is accepted.
    for m in 0..=2 {
        let honest = with(|forged| forged.contest_mut(2).options[0] = place.prove(m, &mut draws));
        assert!(scene().verifier.verify(&honest).is_ok());
        assert!(scene().verifier.verify_batch(&[honest], &mut draws)[0].is_ok());
    }
    for m in [3, 9] {
        refused(&with(|forged| forged.contest_mut(2).options[0] = place.simulate_all(m, &mut draws)), "sealed_range");
        refused(&with(|forged| forged.contest_mut(2).options[0] = place.simulate_all_but_one(m, &mut draws)), "sealed_range");
    }
    // In range, but the marks are two where one is allowed.
    let place = Place { contest: 0, high: 1, ..place };
    let refusal = refused(&with(|forged| forged.contest_mut(0).options[0] = place.prove(1, &mut draws)), "sealed_limit");
    assert_eq!(refusal, BallotRefusal::Proof { contest: 0, part: Part::Limit });
}

#[test]
fn errors_do_not_cancel_each_other_in_a_batch() {
    let Scene { verifier, ballot, neighbours, .. } = scene();
    let shift = |ballot: &Ballot, by: Exponent| {
        let mut forged = ballot.clone();
        add(&mut forged.contest_mut(0).options[0].range.branches[0].response, by);
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
    let mut batch: Vec<Ballot> =
        (0..40).map(|voter| sealer.seal(key(voter).public(), 1, &chosen, &mut draws).unwrap().challenge().0).collect();
    let culprits = [0, 13, 14, 39];
    for culprit in culprits {
        add(&mut batch[culprit].contest_mut(1).options[1].range.branches[1].response, Exponent::ONE);
    }
    let verdicts = verifier.verify_batch(&batch, &mut draws);
    let named: Vec<usize> = (0..40).filter(|at| verdicts[*at].is_err()).collect();
    assert_eq!(named, culprits);
    let refusal = BallotRefusal::Proof { contest: 1, part: Part::Option(1) };
    assert!(culprits.iter().all(|culprit| verdicts[*culprit] == Err(refusal)));
    let nothing: [Ballot; 0] = [];
    assert!(verifier.verify_batch(&nothing, &mut draws).is_empty());
}

#[test]
fn a_copied_ballot_is_seen_before() {
    let Scene { ballot, neighbours, .. } = scene();
    let mut seen = SeenCiphertexts::default();
    seen.insert(ballot).unwrap();
    let first = ballot.contest(0).options[0].ciphertext.alpha;
    assert_eq!((seen.find(ballot), seen.find(&neighbours[0])), (Some(first), None));
    assert_eq!(seen.insert(ballot), Err(first));
    // One ciphertext of it, masked by another value, in a ballot that is otherwise new.
    let mut copy = neighbours[0].clone();
    copy.contest_mut(1).options[0].ciphertext = ballot.contest(0).options[0].ciphertext;
    copy.contest_mut(1).options[0].ciphertext.beta = next(&copy.contest(1).options[0].ciphertext.beta);
    assert_eq!(seen.find(&copy), Some(first));
    let earlier = seen.clone();
    assert_eq!(seen.insert(&copy), Err(first));
    assert_eq!(seen, earlier);
    seen.insert(&neighbours[0]).expect("nothing of the refused copy is kept");
    assert_eq!((earlier.find(&neighbours[0]), seen.find(&neighbours[0]).is_some()), (None, true), "a clone is a set of its own");
    // The same ciphertext twice on one ballot.
    let mut twice = neighbours[1].clone();
    twice.contest_mut(1).options[0].ciphertext = twice.contest(0).options[0].ciphertext;
    assert_eq!(seen.find(&twice), Some(twice.contest(0).options[0].ciphertext.alpha));
    assert!(seen.insert(&twice).is_err());
    // Answers in clear have no ciphertexts.
    twice.selections.fill(Selection::Blank);
    assert_eq!((seen.find(&twice), seen.insert(&twice)), (None, Ok(())));
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
        |ballot: &mut Ballot| ballot.sequence = 4,
        |ballot: &mut Ballot| ballot.election.0[5] ^= 1,
        |ballot: &mut Ballot| ballot.context.0[5] ^= 1,
        |ballot: &mut Ballot| ballot.voter = key(1).public(),
        |ballot: &mut Ballot| ballot.selections.swap(0, 1),
    ] {
        let mut forged = signed.clone();
        change(&mut forged.ballot);
        assert!(!forged.verify());
        assert_ne!(forged.hash().code(), signed.hash().code(), "the code that the voter noted covers everything");
    }
    // A scalar of ℓ or more.
    let bytes = signed.ballot.to_canonical();
    let (marks, scores) = (3 * (68 + 2 * 128) + 4 + 128, 2 * (68 + 3 * 128));
    assert_eq!(bytes.len(), 88 + seal.contests.len() * 6 + 2 * marks + scores);
    let first_challenge = 88 + 1 + 4 + 64 + 4 + 64;
    let mut spelled_twice = bytes.clone();
    spelled_twice[first_challenge..first_challenge + 32].fill(0xff);
    assert!(Ballot::from_canonical(&spelled_twice).is_err());
    assert!(Ballot::from_canonical(&[bytes, vec![0]].concat()).is_err());
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
                refused(&|forged| change(&mut forged.contests[contest][option]), "sealed_decryption_proof");
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
    refused(&|forged| forged.contests[0].swap(0, 1), "sealed_decryption_proof");
    refused(&|forged| forged.contests.swap(0, 1), "sealed_decryption_proof");
    refused(&|forged| forged.trustee = 2, "sealed_decryption_proof");
    refused(&|forged| forged.aggregate.0[0] ^= 1, "sealed_decryption_sums");
    refused(&|forged| forged.contests.truncate(2), "sealed_decryption_sums");
    refused(&|forged| forged.contests[0].truncate(2), "sealed_decryption_sums");
    // Somebody else's share, and the decryption of other sums.
    let mut stranger = seal.shares[1].decrypt(&aggregate, 1, &mut draws).unwrap();
    stranger.trustee = 1;
    assert_eq!(verify_partial(&aggregate, &stranger, known).unwrap_err().code(), "sealed_decryption_proof");
    aggregate.add(&verifier.verify(ballot).unwrap(), 1).unwrap();
    assert_eq!(verify_partial(&aggregate, &part, known).unwrap_err().code(), "sealed_decryption_sums");
}
