//! Key ceremonies among trustees who lie, cheat, or leave: each is refused with a code that names it, and the others go on.

use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT as G;
use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar as Exponent;
use voting_core::codec::Canonical;
use voting_core::sealed::ceremony::{
    Ceremony, CeremonyMessage, CeremonyPhase, CeremonyRecord, CeremonyRefusal, Dealer, DealerError, ProvenPoint, RecordEvent,
    SetupError, SignedMessage, Step,
};
use voting_core::sealed::{Aggregate, Point, SealedHash, ShareOfKey, combine};
use voting_core::testing::sealed::{carry_through, dealers, honest, trustee_key};
use voting_core::testing::{Draws, key};

use crate::common::sealed::{decode, encode, exponent, hash, scalar};

const IDENTITY: Point = Point([0; 32]);
const NOT_CANONICAL: Point = Point([1; 32]);

/// Carries a ceremony on until it is in a phase.
fn until(phase: CeremonyPhase, ceremony: &mut Ceremony, dealers: &[Dealer]) {
    while ceremony.phase() < phase {
        let dealer = dealers.iter().find(|dealer| ceremony.missing().contains(&dealer.index())).unwrap();
        ceremony.apply(&honest(ceremony, dealer).unwrap()).unwrap();
    }
}

fn at(phase: CeremonyPhase, threshold: u16, trustees: u16) -> (Ceremony, Vec<Dealer>) {
    let (setup, dealers) = dealers(threshold, trustees, 1);
    let mut ceremony = Ceremony::new(setup).unwrap();
    until(phase, &mut ceremony, &dealers);
    (ceremony, dealers)
}

/// A step in a trustee's name, properly signed.
fn say(ceremony: &Ceremony, trustee: u16, step: Step) -> SignedMessage {
    CeremonyMessage { ceremony: *ceremony.hash(), trustee, step }.sign(&trustee_key(trustee))
}

/// A message of another trustee's or another content, signed by whom it names.
fn with(message: &SignedMessage, change: impl FnOnce(&mut CeremonyMessage)) -> SignedMessage {
    let mut message = message.message.clone();
    change(&mut message);
    let key = trustee_key(message.trustee);
    message.sign(&key)
}

#[track_caller]
fn refused(ceremony: &mut Ceremony, message: &SignedMessage, code: &str, culprit: Option<u16>) {
    let before = ceremony.clone();
    let refusal = ceremony.apply(message).expect_err("it is accepted");
    assert_eq!((refusal.code(), refusal.culprit()), (code, culprit), "{refusal}");
    assert_eq!(*ceremony, before, "a refused message changed something");
}

/// The commitment as `docs/SPEC.md` has it.
fn commitment(ceremony: &Ceremony, trustee: u16, coefficients: &[ProvenPoint], transport: &ProvenPoint) -> Step {
    let points: Vec<u8> = coefficients.iter().flat_map(|proven| proven.point.0).collect();
    let inputs: [&[u8]; 4] = [&ceremony.hash().0, &trustee.to_le_bytes(), &points, &transport.point.0];
    Step::Commit(SealedHash(hash("voting/sealed-commitment/v1", &inputs)))
}

fn revealed(message: &SignedMessage) -> (Vec<ProvenPoint>, ProvenPoint) {
    match &message.message.step {
        Step::Reveal { coefficients, transport } => (coefficients.clone(), *transport),
        other => panic!("{other:?} reveals nothing"),
    }
}

/// Whether t of these shares together hold the secret of a key.
fn hold(shares: &[&ShareOfKey], key: &Point) -> bool {
    let index = |share: &ShareOfKey| Exponent::from(share.index());
    let lagrange = |share: &&ShareOfKey| {
        let others = shares.iter().filter(|other| other.index() != share.index());
        others.map(|other| index(other) * (index(other) - index(share)).invert()).product::<Exponent>()
    };
    shares.iter().map(|share| lagrange(share) * decode(share.public())).sum::<RistrettoPoint>() == decode(key)
}

#[test]
fn any_t_trustees_hold_the_key_and_fewer_do_not() {
    for (threshold, trustees) in [(1, 1), (1, 3), (2, 3), (3, 5), (4, 4)] {
        let (mut ceremony, dealers) = at(CeremonyPhase::Commit, threshold, trustees);
        carry_through(&mut ceremony, &dealers);
        let outcome = ceremony.outcome().unwrap();
        let shares: Vec<_> = dealers.iter().map(|dealer| dealer.finish(&ceremony).unwrap()).collect();
        assert!(shares.iter().zip(&outcome.trustees).all(|(share, key)| share.opens(key)));
        let (first, last): (Vec<_>, Vec<_>) =
            (shares.iter().take(threshold.into()).collect(), shares.iter().rev().take(threshold.into()).collect());
        assert!(hold(&first, &outcome.key) && hold(&last, &outcome.key), "{threshold} of {trustees}");
        assert!(threshold == 1 || !hold(&first[1..], &outcome.key), "{threshold} of {trustees}");
    }
}

#[test]
fn the_order_within_a_phase_does_not_matter_and_a_record_replays() {
    let (setup, dealers) = dealers(2, 4, 1);
    let (mut forth, mut back) = (Ceremony::new(setup.clone()).unwrap(), Ceremony::new(setup).unwrap());
    carry_through(&mut forth, &dealers);
    let reversed: Vec<Dealer> = dealers.into_iter().rev().collect();
    carry_through(&mut back, &reversed);
    assert_eq!(forth.outcome(), back.outcome());
    let record = CeremonyRecord::from_canonical(&forth.record().to_canonical()).unwrap();
    assert_eq!(Ceremony::replay(&record).unwrap(), forth);
    for skipped in 0..record.events.len() {
        let mut damaged = record.clone();
        damaged.events.remove(skipped);
        let outcome = Ceremony::replay(&damaged).ok().and_then(|ceremony| ceremony.outcome());
        assert_eq!(outcome, None, "event {skipped} is not needed");
    }
}

#[test]
fn messages_are_signed_timely_and_of_this_ceremony() {
    let (mut ceremony, dealers) = at(CeremonyPhase::Commit, 2, 3);
    let message = dealers[0].commit();
    refused(&mut ceremony, &with(&message, |message| message.ceremony.0[0] ^= 1), "ceremony_other", None);
    refused(&mut ceremony, &with(&message, |message| message.trustee = 0), "ceremony_trustee", Some(0));
    refused(&mut ceremony, &with(&message, |message| message.trustee = 4), "ceremony_trustee", Some(4));
    let forged = message.message.clone().sign(&key(1));
    refused(&mut ceremony, &forged, "ceremony_signature", Some(1));
    assert_eq!(dealers[0].reveal(&ceremony).unwrap_err(), DealerError::Phase(CeremonyPhase::Commit));
    let early = say(&ceremony, 1, Step::Check(vec![]));
    refused(&mut ceremony, &early, "ceremony_phase", Some(1));
    ceremony.apply(&message).unwrap();
    refused(&mut ceremony, &message, "ceremony_twice", Some(1));
    // The same trustees for another definition, or once more for the same one: nothing can be carried over.
    let (setup, _) = voting_core::testing::sealed::dealers(2, 3, 1);
    let (mut elsewhere, mut again, mut others) = (setup.clone(), setup.clone(), setup);
    elsewhere.context.0[0] ^= 1;
    again.attempt += 1;
    others.trustees.swap(0, 1);
    for setup in [elsewhere, again, others] {
        refused(&mut Ceremony::new(setup).unwrap(), &message, "ceremony_other", None);
    }
}

#[test]
fn setups_name_distinct_usable_trustees() {
    let (setup, _) = dealers(2, 3, 1);
    let with = |change: &dyn Fn(&mut voting_core::sealed::ceremony::CeremonySetup)| {
        let mut setup = setup.clone();
        change(&mut setup);
        Ceremony::new(setup).unwrap_err()
    };
    assert!(matches!(with(&|setup| setup.parameters.threshold = 4), SetupError::Parameters(_)));
    assert!(matches!(with(&|setup| setup.parameters.threshold = 0), SetupError::Parameters(_)));
    assert!(matches!(with(&|setup| setup.trustees.truncate(2)), SetupError::Trustees { actual: 2, expected: 3 }));
    assert!(matches!(with(&|setup| setup.trustees[2] = setup.trustees[0]), SetupError::SameKey { index: 1 }));
    assert!(matches!(with(&|setup| setup.trustees[1].0 = [0; 32]), SetupError::Key { index: 2, .. }));
    assert_eq!(Dealer::new(&setup, key(1), [0; 32]).unwrap_err(), DealerError::NotATrustee);
}

#[test]
fn nobody_can_choose_points_after_seeing_the_others() {
    let (mut ceremony, dealers) = at(CeremonyPhase::Reveal, 2, 3);
    let honest: Vec<_> = dealers.iter().map(|dealer| dealer.reveal(&ceremony).unwrap()).collect();
    // The classic rogue key: X minus everyone else's, so that K = X.
    let (mut coefficients, transport) = revealed(&honest[2]);
    let others = decode(&revealed(&honest[0]).0[0].point) + decode(&revealed(&honest[1]).0[0].point);
    coefficients[0].point = encode(&(Exponent::from(42u8) * G - others));
    let rogue = say(&ceremony, 3, Step::Reveal { coefficients, transport });
    refused(&mut ceremony, &rogue, "ceremony_commitment", Some(3));
    // Another transport key than committed to.
    let (coefficients, mut transport) = revealed(&honest[2]);
    transport.point = encode(&(decode(&transport.point) + G));
    let other = say(&ceremony, 3, Step::Reveal { coefficients, transport });
    refused(&mut ceremony, &other, "ceremony_commitment", Some(3));
}

/// A trustee that commits to whatever it reveals: what it reveals must still be proved.
fn reveals(change: impl Fn(&mut Vec<ProvenPoint>, &mut ProvenPoint, &SignedMessage)) -> CeremonyRefusal {
    let (probe, dealers) = at(CeremonyPhase::Reveal, 2, 3);
    let (victim, own) = (dealers[0].reveal(&probe).unwrap(), dealers[2].reveal(&probe).unwrap());
    let (mut coefficients, mut transport) = revealed(&own);
    change(&mut coefficients, &mut transport, &victim);
    let (mut ceremony, _) = at(CeremonyPhase::Commit, 2, 3);
    ceremony.apply(&dealers[0].commit()).unwrap();
    ceremony.apply(&dealers[1].commit()).unwrap();
    let commit = say(&ceremony, 3, commitment(&ceremony, 3, &coefficients, &transport));
    ceremony.apply(&commit).unwrap();
    let reveal = say(&ceremony, 3, Step::Reveal { coefficients, transport });
    let refusal = ceremony.apply(&reveal).unwrap_err();
    assert_eq!(refusal.culprit(), Some(3));
    refusal
}

#[test]
fn every_point_is_proved() {
    let proof = |coefficient| CeremonyRefusal::Proof { trustee: 3, coefficient };
    let shifted = |proven: &ProvenPoint| ProvenPoint { response: scalar(&(exponent(&proven.response) + Exponent::ONE)), ..*proven };
    let moved = |point: &Point| encode(&(decode(point) + G));
    for j in 0..2u16 {
        let at = usize::from(j);
        assert_eq!(reveals(|points, _, _| points[at] = shifted(&points[at])), proof(Some(j)));
        assert_eq!(reveals(|points, _, _| points[at].point = moved(&points[at].point)), proof(Some(j)));
        assert_eq!(reveals(|points, _, _| points[at].commitment = moved(&points[at].commitment)), proof(Some(j)));
        assert_eq!(reveals(|points, _, _| points[at].point = IDENTITY).code(), "sealed_identity");
        assert_eq!(reveals(|points, _, _| points[at].point = NOT_CANONICAL).code(), "sealed_point");
        assert_eq!(reveals(|points, _, _| points[at].commitment = NOT_CANONICAL).code(), "sealed_point");
        // Another trustee's point with its proof.
        assert_eq!(reveals(|points, _, victim| points[at] = revealed(victim).0[at]), proof(Some(j)));
    }
    assert_eq!(reveals(|points, _, _| points.swap(0, 1)), proof(Some(0)));
    assert_eq!(reveals(|_, transport, _| *transport = shifted(transport)), proof(None));
    assert_eq!(reveals(|_, transport, victim| *transport = revealed(victim).1), proof(None));
    assert_eq!(reveals(|_, transport, _| transport.point = IDENTITY).code(), "sealed_identity");
    assert_eq!(reveals(|points, transport, _| *transport = points[0]), proof(None));
    // A polynomial of another degree.
    assert_eq!(reveals(|points, _, _| points.truncate(1)).code(), "ceremony_coefficients");
    assert_eq!(reveals(|points, _, _| points.push(points[0])).code(), "ceremony_coefficients");
}

#[test]
fn shares_go_to_everyone_once() {
    let (mut ceremony, dealers) = at(CeremonyPhase::Deal, 2, 4);
    let message = dealers[0].deal(&ceremony).unwrap();
    let deal = |change: &dyn Fn(&mut Vec<voting_core::sealed::ceremony::EncryptedShare>)| {
        with(&message, |message| match &mut message.step {
            Step::Deal(shares) => change(shares),
            other => panic!("{other:?} deals nothing"),
        })
    };
    refused(&mut ceremony, &deal(&|shares| shares.truncate(2)), "ceremony_recipients", Some(1));
    refused(&mut ceremony, &deal(&|shares| shares.swap(0, 1)), "ceremony_recipients", Some(1));
    refused(&mut ceremony, &deal(&|shares| shares.push(shares[0].clone())), "ceremony_recipients", Some(1));
    refused(&mut ceremony, &deal(&|shares| shares[0].recipient = 1), "ceremony_recipients", Some(1));
    refused(&mut ceremony, &deal(&|shares| shares[1].ephemeral = IDENTITY), "sealed_identity", Some(1));
    refused(&mut ceremony, &deal(&|shares| shares[1].ephemeral = NOT_CANONICAL), "sealed_point", Some(1));
}

/// A ceremony of 2 of 4 at its complaints, after trustee 1 dealt something else than it should.
fn dealt_badly(threshold: u16, change: impl Fn(&mut [voting_core::sealed::ceremony::EncryptedShare])) -> (Ceremony, Vec<Dealer>) {
    let (mut ceremony, dealers) = at(CeremonyPhase::Deal, threshold, 4);
    let bad = with(&dealers[0].deal(&ceremony).unwrap(), |message| match &mut message.step {
        Step::Deal(shares) => change(shares),
        other => panic!("{other:?} deals nothing"),
    });
    ceremony.apply(&bad).unwrap();
    until(CeremonyPhase::Check, &mut ceremony, &dealers);
    (ceremony, dealers)
}

#[test]
fn a_wrong_share_is_complained_about_and_opened() {
    let (mut ceremony, dealers) = dealt_badly(2, |shares| shares[2].sealed[0] ^= 1);
    assert_eq!(dealers[3].check(&ceremony).unwrap().message.step, Step::Check(vec![1]));
    let complaints = |ceremony: &Ceremony, dealers: Vec<u16>| say(ceremony, 4, Step::Check(dealers));
    for wrong in [vec![4], vec![2, 1], vec![1, 1], vec![5], vec![0]] {
        let wrong = complaints(&ceremony, wrong);
        refused(&mut ceremony, &wrong, "ceremony_complaints", Some(4));
    }
    until(CeremonyPhase::Open, &mut ceremony, &dealers);
    assert_eq!(ceremony.missing().into_iter().collect::<Vec<_>>(), [1]);
    assert_eq!(dealers[1].open(&ceremony), Ok(None));
    let opening = dealers[0].open(&ceremony).unwrap().unwrap();
    let open = |change: &dyn Fn(&mut Vec<voting_core::sealed::ceremony::OpenedShare>)| {
        with(&opening, |message| match &mut message.step {
            Step::Open(shares) => change(shares),
            other => panic!("{other:?} opens nothing"),
        })
    };
    refused(&mut ceremony, &open(&|shares| shares.clear()), "ceremony_openings", Some(1));
    refused(&mut ceremony, &open(&|shares| shares[0].recipient = 3), "ceremony_openings", Some(1));
    let add_one = |share: &mut voting_core::sealed::Scalar| *share = scalar(&(exponent(share) + Exponent::ONE));
    refused(&mut ceremony, &open(&|shares| add_one(&mut shares[0].share)), "ceremony_share", Some(1));
    // The dealer opens the right one: it stays, and the complainer uses what was opened.
    ceremony.apply(&opening).unwrap();
    carry_through(&mut ceremony, &dealers);
    let outcome = ceremony.outcome().unwrap();
    let shares: Vec<_> = dealers.iter().map(|dealer| dealer.finish(&ceremony).unwrap()).collect();
    assert_eq!(outcome.trustees.len(), 4);
    assert!(hold(&[&shares[0], &shares[3]], &outcome.key));
}

#[test]
fn a_dealer_that_does_not_open_is_left_out() {
    // Shares swapped between recipients are of no use to either.
    let (mut ceremony, dealers) = dealt_badly(3, |shares| {
        let (first, second) = (shares[0].clone(), shares[1].clone());
        (shares[0].ephemeral, shares[0].sealed) = (second.ephemeral, second.sealed);
        (shares[1].ephemeral, shares[1].sealed) = (first.ephemeral, first.sealed);
    });
    until(CeremonyPhase::Open, &mut ceremony, &dealers);
    ceremony.close().unwrap();
    assert_eq!((ceremony.phase(), ceremony.active().len()), (CeremonyPhase::Sign, 3));
    let late = say(&ceremony, 1, Step::Sign(ceremony.transcript()));
    refused(&mut ceremony, &late, "ceremony_excluded", Some(1));
    assert_eq!(dealers[0].sign(&ceremony), Err(DealerError::Excluded));
    carry_through(&mut ceremony, &dealers);
    let outcome = ceremony.outcome().unwrap();
    let shares: Vec<_> = dealers[1..].iter().map(|dealer| dealer.finish(&ceremony).unwrap()).collect();
    assert!(hold(&shares.iter().collect::<Vec<_>>(), &outcome.key));
    assert!(!outcome.trustees.iter().any(|trustee| trustee.index == 1));
    let record = ceremony.record();
    assert!(record.events.contains(&RecordEvent::Close));
    assert_eq!(Ceremony::replay(&record).unwrap().outcome(), Some(outcome));
}

#[test]
fn a_dealer_accused_by_as_many_as_the_threshold_is_left_out_at_once() {
    let (mut ceremony, dealers) = dealt_badly(2, |shares| shares.iter_mut().take(2).for_each(|share| share.sealed[47] ^= 0x80));
    until(CeremonyPhase::Sign, &mut ceremony, &dealers);
    assert!(!ceremony.active().contains(&1), "its shares would be opened to more than may know them");
    carry_through(&mut ceremony, &dealers);
    assert!(ceremony.outcome().is_some());
}

#[test]
fn who_withholds_is_left_out_and_too_few_are_too_few() {
    for silent_from in [CeremonyPhase::Commit, CeremonyPhase::Reveal, CeremonyPhase::Deal, CeremonyPhase::Check] {
        let (mut ceremony, mut dealers) = at(silent_from, 2, 3);
        let silent = dealers.remove(1);
        until_closed(&mut ceremony, &dealers);
        assert_eq!(silent.reveal(&ceremony), Err(DealerError::Excluded));
        carry_through(&mut ceremony, &dealers);
        let shares: Vec<_> = dealers.iter().map(|dealer| dealer.finish(&ceremony).unwrap()).collect();
        assert!(hold(&[&shares[0], &shares[1]], &ceremony.outcome().unwrap().key), "silent from {silent_from}");
        // With another one silent there is no key.
        let (mut ceremony, _) = at(silent_from, 2, 3);
        ceremony.apply(&honest(&ceremony, &dealers[0]).unwrap()).unwrap();
        assert_eq!(ceremony.close(), Err(CeremonyRefusal::TooFew { left: 1, needed: 2 }));
        assert_eq!(ceremony.phase(), silent_from);
    }
}

fn until_closed(ceremony: &mut Ceremony, dealers: &[Dealer]) {
    for dealer in dealers {
        ceremony.apply(&honest(ceremony, dealer).unwrap()).unwrap();
    }
    ceremony.close().unwrap();
}

#[test]
fn all_who_are_left_sign_the_same_transcript() {
    let (mut ceremony, dealers) = at(CeremonyPhase::Sign, 2, 3);
    let other = say(&ceremony, 2, Step::Sign(SealedHash([0; 64])));
    refused(&mut ceremony, &other, "ceremony_transcript", Some(2));
    ceremony.apply(&dealers[0].sign(&ceremony).unwrap()).unwrap();
    assert_eq!(ceremony.close(), Err(CeremonyRefusal::Unsigned { missing: vec![2, 3] }));
    assert_eq!((ceremony.outcome(), dealers[0].finish(&ceremony).is_err()), (None, true));
    carry_through(&mut ceremony, &dealers);
    assert_eq!(ceremony.close(), Ok(CeremonyPhase::Done));
    // Shares of one ceremony do not decrypt for another.
    let (setup, others) = voting_core::testing::sealed::dealers(2, 3, 2);
    let mut other = Ceremony::new(setup).unwrap();
    carry_through(&mut other, &others);
    let aggregate = Aggregate::new(SealedHash([1; 64]), &[voting_core::sealed::SealedContest::marks(1, 1, 1, false).unwrap()]);
    let mut draws = Draws::new("other ceremony");
    let parts = others.iter().map(|dealer| dealer.finish(&other).unwrap().decrypt(&aggregate, 0, &mut draws).unwrap());
    let outcome = ceremony.outcome().unwrap();
    let error = combine(&outcome.parameters, &outcome.trustees, &[], &aggregate, &parts.collect::<Vec<_>>(), 0).unwrap_err();
    assert!(error.to_string().contains("0 trustees"), "{error}");
}
