//! Sealed elections on a ledger: from the trustees' ceremony to a bundle that proves the result, and everything that is refused
//! on the way.

use voting_core::ballot::{Ballot, Selection, SignedBallot};
use voting_core::bundle::BundleWriter;
use voting_core::codec::Canonical;
use voting_core::crypto::HashRng;
use voting_core::election::{Contest, CountMethodId, DefinitionError, ElectionDefinition, Phase, RevoteRule, Secrecy, Trustees};
use voting_core::entry::{Act, Challenge, Entry, TrusteeAct, TrusteeStep, VerifiedEntry};
use voting_core::ids::{BallotHash, PartitionId};
use voting_core::sealed::ceremony::{CeremonyPhase, Step};
use voting_core::sealed::{MAX_TOTAL, PartialRefusal};
use voting_core::state::{MAX_CHALLENGES, Refusal};
use voting_core::testing::chain::pseudonym;
use voting_core::testing::sealed::{SealedChain, honest, trustee_key, trustees};
use voting_core::testing::{TestChain, definition, key};
use voting_core::verify::{Check, Options, Outcome, one_by_one, verify, verify_election};

fn questions() -> ElectionDefinition {
    let mut definition = definition(7, &["Ada", "Bob", "Cyd"]);
    definition.contests.push(Contest::new("Which days?", CountMethodId::Approval, ["Mon", "Tue"]));
    let scores = Contest::new("How good?", CountMethodId::Score, ["Tea", "Coffee"]);
    definition.contests.push(Contest { max_score: 3, allow_blank: false, ..scores });
    definition.revote = RevoteRule::LastCounts;
    definition
}

fn says(mark: u16, days: &[u16], tea: u16) -> Vec<Selection> {
    let days = if days.is_empty() { Selection::Blank } else { Selection::Marks(days.to_vec()) };
    let scores = [(0, tea), (1, 1)].into_iter().filter(|(_, score)| *score > 0).collect();
    vec![Selection::Marks(vec![mark]), days, Selection::Scores(scores)]
}

fn code(result: Result<impl Sized, Refusal>) -> &'static str {
    result.err().expect("it is refused").code()
}

fn export(sealed: &SealedChain) -> Vec<u8> {
    let mut writer = BundleWriter::begin(Vec::new(), &sealed.chain.genesis, PartitionId(0), &[], sealed.id).unwrap();
    sealed.chain.blocks.iter().for_each(|block| writer.block(block).unwrap());
    writer.finish(&sealed.chain.state).unwrap()
}

/// Twelve voters, one of whom votes twice and one tests the seal; trustee 2 is absent and trustee 4 cheats.
fn counted() -> (SealedChain, BallotHash) {
    let mut sealed = SealedChain::open(&questions(), 3, 5, 12).unwrap();
    let ballots: Vec<_> = (0..12).map(|n| sealed.cast(n, 1, &says((n % 3) as u16, &[(n % 2) as u16], (n % 4) as u16))).collect();
    sealed.chain.append(&ballots[..7]).unwrap();
    let (void, opening) = sealed.prepare(9, 1, &says(2, &[], 3)).challenge();
    let voided = void.hash();
    let challenge = Entry::challenge(Challenge { ballot: void, opening }, &key(9));
    sealed.chain.append(&[challenge]).unwrap();
    sealed.chain.append(&ballots[7..]).unwrap();
    let again = sealed.cast(0, 2, &says(2, &[], 0));
    sealed.chain.append(&[again]).unwrap();
    sealed.advance(Phase::Closed).unwrap();
    for trustee in [1, 3, 5] {
        assert!(sealed.election().tally().is_none(), "nothing is known before enough have decrypted");
        if trustee == 3 {
            let mut part = sealed.part(4);
            part.contests[0][0].share = part.contests[0][1].share;
            let entry = sealed.trustee(4, TrusteeStep::Decrypt(part));
            assert_eq!(code(sealed.chain.append(&[entry])), "sealed_decryption_proof");
        }
        sealed.decrypt(trustee).unwrap();
    }
    (sealed, voided)
}

#[test]
fn three_of_five_trustees_count_what_nobody_has_read() {
    let (mut sealed, voided) = counted();
    let tally = &sealed.election().tally().unwrap().0;
    // Voters 0, 3, 6, 9 marked option 0, and voter 0 option 2 the second time.
    assert_eq!(tally[0].options, [3, 4, 5]);
    assert_eq!((tally[1].options.clone(), tally[1].blank), (vec![5, 6], 1));
    let tea: u64 = (1..12).map(|n| n % 4).sum();
    assert_eq!(tally[2].options, [tea, 12]);
    assert!(tally.iter().all(|contest| (contest.ballots, contest.weight) == (12, 12)));
    assert_eq!((sealed.election().voted(), sealed.election().ballots(), sealed.sealed().challenged()), (12, 13, 1));
    assert!(sealed.sealed().challenge_position(voided).is_some());

    let id = sealed.id;
    let seed = voting_core::Digest(
        sealed
            .chain
            .blocks
            .iter()
            .find(|b| Some(b.block.header.height) == sealed.election().closed_height())
            .unwrap()
            .block
            .hash()
            .0,
    );
    let report = sealed.election().tally().unwrap().report(sealed.election().definition(), seed, 12);
    let tally = sealed.chain.act(id, Act::Tally { report: report.digest() });
    sealed.chain.append(&[tally]).unwrap();
    sealed.advance(Phase::Published).unwrap();
    let bytes = export(&sealed);
    for randomness in [None, Some([7; 32])] {
        let options = Options { randomness, genesis: Some(sealed.chain.genesis.digest()), ..Options::default() };
        let (verified, election) = verify_election(bytes.as_slice(), &options, &one_by_one, &mut |_| {});
        assert_eq!(verified.failure, None);
        let open: Vec<_> =
            verified.checks.iter().filter(|check| check.outcome != Outcome::Passed).map(|check| check.code).collect();
        assert_eq!(open, ["extends"], "nothing was known beforehand");
        assert_eq!(verified.summary.unwrap().report.unwrap(), report);
        assert_eq!(election.unwrap().sealed().unwrap().sums(), sealed.sealed().sums());
    }
}

#[test]
fn no_bit_of_a_sealed_bundle_can_change() {
    let (sealed, _) = counted();
    let bytes = export(&sealed);
    assert!(verify(bytes.as_slice(), &Options::default()).holds());
    let step = bytes.len() / 150;
    for at in (0..bytes.len()).step_by(step) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        let options = Options { genesis: Some(sealed.chain.genesis.digest()), ..Options::default() };
        assert!(!verify(damaged.as_slice(), &options).holds(), "byte {at} of {}", bytes.len());
    }
}

#[test]
fn forged_ballots_are_refused_by_every_authority() {
    let mut sealed = SealedChain::open(&questions(), 2, 3, 4).unwrap();
    let good = |sealed: &SealedChain, voter| sealed.prepare(voter, 1, &says(0, &[0], 1)).cast(&key(voter));
    let signed = good(&sealed, 0);
    let sign = |change: &dyn Fn(&mut Ballot)| {
        let mut ballot = signed.ballot.clone();
        change(&mut ballot);
        Entry::Cast(ballot.sign(&key(0)))
    };
    let sealed_at = |ballot: &mut Ballot, contest: usize, change: &dyn Fn(&mut voting_core::sealed::SealedSelection)| {
        if let Selection::Sealed(selection) = &mut ballot.selections[contest] {
            change(selection);
        }
    };
    let other = good(&sealed, 1).ballot;
    let forgeries: Vec<(Entry, &str)> = vec![
        (sign(&|ballot| ballot.selections[0] = Selection::Marks(vec![0])), "sealed_open"),
        (sign(&|ballot| ballot.selections.truncate(2)), "sealed_contests"),
        (sign(&|ballot| sealed_at(ballot, 0, &|selection| selection.options.swap(0, 1))), "sealed_range"),
        (sign(&|ballot| sealed_at(ballot, 0, &|selection| selection.limit = None)), "sealed_form"),
        (sign(&|ballot| ballot.selections[0] = other.selections[0].clone()), "sealed_range"),
        (sign(&|ballot| ballot.sequence = 2), "sealed_range"),
        (sign(&|ballot| ballot.context.0[0] ^= 1), "wrong_context"),
        (sign(&|ballot| ballot.context = sealed.election().context()), "wrong_context"),
    ];
    for (entry, expected) in forgeries {
        assert_eq!(code(sealed.chain.append(std::slice::from_ref(&entry))), expected);
        // The same when the proofs were looked at ahead of time, alone or among others.
        let verified = |entry: &Entry| VerifiedEntry::verify(entry.to_bytes(), sealed.chain.chain()).unwrap();
        let seal = sealed.sealed().seal().unwrap();
        let honest = Entry::Cast(good(&sealed, 2));
        let batch = [verified(&honest), verified(&entry), verified(&Entry::Cast(good(&sealed, 3)))];
        VerifiedEntry::check_seals(&batch, seal.verifier(), &mut HashRng::new(b"weights"));
        assert!(sealed.election().check_entry(&batch[0]).is_ok() && sealed.election().check_entry(&batch[2]).is_ok());
        assert_eq!(code(sealed.election().check_entry(&batch[1])), expected);
    }
    // Someone else's ciphertexts under one's own name.
    let copied = Ballot { voter: key(1).public(), ..signed.ballot.clone() }.sign(&key(1));
    assert_eq!(code(sealed.chain.append(&[Entry::Cast(copied.clone())])), "sealed_range");
    sealed.chain.append(&[Entry::Cast(signed.clone())]).unwrap();
    assert_eq!(code(sealed.chain.append(&[Entry::Cast(copied)])), "ciphertext_seen");
    assert_eq!(code(sealed.chain.append(&[Entry::Cast(signed)])), "duplicate_ballot");
    let stranger = sealed.cast(99, 1, &says(0, &[0], 1));
    assert_eq!(code(sealed.chain.append(&[stranger])), "key_not_certified");
}

#[test]
fn what_was_verified_for_one_election_counts_for_no_other() {
    let one = SealedChain::open(&questions(), 2, 3, 2).unwrap();
    let two = SealedChain::open(&ElectionDefinition { title: "Another".to_owned(), ..questions() }, 2, 3, 2).unwrap();
    let ballot = two.prepare(0, 1, &says(0, &[], 1)).cast(&key(0));
    let entry = VerifiedEntry::verify(Entry::Cast(ballot).to_bytes(), one.chain.chain()).unwrap();
    entry.check_seal(two.sealed().seal().unwrap().verifier());
    assert!(two.election().check_entry(&entry).is_ok());
    assert_eq!(code(one.election().check_entry(&entry)), "wrong_context");
}

#[test]
fn a_ballot_that_was_opened_is_void() {
    let mut sealed = SealedChain::open(&questions(), 2, 3, 3).unwrap();
    let chosen = says(1, &[1], 2);
    let (ballot, opening) = sealed.prepare(0, 1, &chosen).challenge();
    let verifier = sealed.sealed().seal().unwrap();
    assert_eq!(verifier.verifier().open(&ballot, &opening).unwrap(), chosen);
    let challenge =
        |ballot: &Ballot, by: u64| Entry::challenge(Challenge { ballot: ballot.clone(), opening: opening.clone() }, &key(by));
    // Signed by another than the voter.
    assert!(VerifiedEntry::verify(challenge(&ballot, 1).to_bytes(), sealed.chain.chain()).is_err());
    // An opening that lies.
    let mut lie = Challenge { ballot: ballot.clone(), opening: opening.clone() };
    lie.opening.contests[0].swap(0, 1);
    assert_eq!(code(sealed.chain.append(&[Entry::challenge(lie, &key(0))])), "sealed_opening");
    sealed.chain.append(&[challenge(&ballot, 0)]).unwrap();
    assert_eq!(code(sealed.chain.append(&[challenge(&ballot, 0)])), "duplicate_ballot");
    assert_eq!(code(sealed.chain.append(&[Entry::Cast(ballot.clone().sign(&key(0)))])), "ballot_voided");
    // One of its ciphertexts in another ballot.
    let mut mixed = sealed.prepare(0, 1, &says(0, &[], 0)).challenge().0;
    mixed.selections[0] = ballot.selections[0].clone();
    assert_eq!(code(sealed.chain.append(&[Entry::Cast(mixed.sign(&key(0)))])), "ciphertext_seen");
    // A ballot that was cast cannot be opened afterwards.
    let prepared = sealed.prepare(1, 1, &chosen);
    let (cast, opening) = prepared.challenge();
    sealed.chain.append(&[Entry::Cast(cast.clone().sign(&key(1)))]).unwrap();
    let late = Entry::challenge(Challenge { ballot: cast, opening }, &key(1));
    assert_eq!(code(sealed.chain.append(&[late])), "ciphertext_seen");
    // The voter still votes, and may test the seal only so often.
    let vote = sealed.cast(0, 1, &chosen[..1].iter().cloned().chain(says(1, &[0], 0).into_iter().skip(1)).collect::<Vec<_>>());
    sealed.chain.append(&[vote]).unwrap();
    for number in 1..=u32::from(MAX_CHALLENGES) {
        let (ballot, opening) = sealed.prepare(0, 100 + number, &chosen).challenge();
        let entry = Entry::challenge(Challenge { ballot, opening }, &key(0));
        let result = sealed.chain.append(&[entry]).map(|_| ());
        if number == u32::from(MAX_CHALLENGES) {
            assert_eq!(code(result), "too_many_challenges");
        } else {
            result.unwrap();
        }
    }
    assert_eq!((sealed.election().voted(), sealed.sealed().challenged()), (2, u64::from(MAX_CHALLENGES)));
}

#[test]
fn trustees_act_in_their_turn_and_for_themselves() {
    let definition = ElectionDefinition { secrecy: Secrecy::Sealed(trustees(2, 3, 1)), ..questions() };
    let mut sealed = SealedChain::ready(TestChain::new(4), &definition, 3).unwrap();
    assert_eq!(code(sealed.advance(Phase::Scheduled)), "ceremony_unfinished");
    let commit =
        |sealed: &SealedChain, index: u16| honest(sealed.sealed().ceremony(), &sealed.dealers[usize::from(index) - 1]).unwrap();
    // Under another trustee's name, or as nobody.
    let foreign = sealed.trustee(2, TrusteeStep::Ceremony(Box::new(commit(&sealed, 1))));
    assert_eq!(code(sealed.chain.append(&[foreign])), "not_a_trustee");
    let outsider = key(77);
    let act = TrusteeAct {
        chain: sealed.chain.chain(),
        election: sealed.id,
        step: TrusteeStep::Ceremony(Box::new(commit(&sealed, 1))),
        trustee: outsider.public(),
    };
    assert_eq!(code(sealed.chain.append(&[Entry::trustee(act.clone(), &outsider)])), "not_a_trustee");
    assert!(VerifiedEntry::verify(Entry::trustee(act, &key(78)).to_bytes(), sealed.chain.chain()).is_err());
    let mine = sealed.trustee(1, TrusteeStep::Ceremony(Box::new(commit(&sealed, 1))));
    sealed.chain.append(std::slice::from_ref(&mine)).unwrap();
    assert_eq!(code(sealed.chain.append(&[mine])), "duplicate_ballot");
    let second = sealed.trustee(2, TrusteeStep::Ceremony(Box::new(commit(&sealed, 2))));
    sealed.chain.append(&[second]).unwrap();

    // Trustee 3 does not come: the officer goes on without it, and fewer than two cannot be.
    let close = sealed.chain.act(sealed.id, Act::CloseCeremonyPhase);
    sealed.chain.append(&[close]).unwrap();
    assert_eq!(sealed.sealed().ceremony_phase(), CeremonyPhase::Reveal);
    let close = sealed.chain.act(sealed.id, Act::CloseCeremonyPhase);
    assert_eq!(code(sealed.chain.append(&[close])), "ceremony_too_few");
    // A reveal that is not what was committed to.
    let mut lie = commit(&sealed, 1).message;
    if let Step::Reveal { coefficients, .. } = &mut lie.step {
        coefficients.swap(0, 1);
    }
    let lie = sealed.trustee(1, TrusteeStep::Ceremony(Box::new(lie.sign(&trustee_key(1)))));
    assert_eq!(code(sealed.chain.append(&[lie])), "ceremony_commitment");
    sealed.carry_out_ceremony().unwrap();
    assert_eq!(sealed.sealed().ceremony_phase(), CeremonyPhase::Done);
    let close = sealed.chain.act(sealed.id, Act::CloseCeremonyPhase);
    assert_eq!(code(sealed.chain.append(&[close])), "wrong_phase");
    let certified = sealed.chain.certification(sealed.id, (0..3).map(|n| (pseudonym(n), 1, n)));
    sealed.chain.append(&[certified]).unwrap();
    sealed.advance(Phase::Scheduled).unwrap();
    assert_ne!(sealed.election().ballot_context(), sealed.election().context());
    sealed.advance(Phase::Open).unwrap();
    let ballots: Vec<_> = (0..3).map(|n| sealed.cast(n, 1, &says(0, &[0], 1))).collect();
    sealed.chain.append(&ballots).unwrap();
    assert_eq!(code(sealed.decrypt(1)), "wrong_phase");
    sealed.advance(Phase::Closed).unwrap();
    let tally = sealed.chain.act(sealed.id, Act::Tally { report: voting_core::Digest([1; 32]) });
    assert_eq!(code(sealed.chain.append(&[tally])), "not_decrypted");
    // A part made for other sums, and one in another's name.
    let mut part = sealed.part(1);
    part.aggregate.0[0] ^= 1;
    let entry = sealed.trustee(1, TrusteeStep::Decrypt(part));
    assert_eq!(code(sealed.chain.append(&[entry])), "sealed_decryption_sums");
    let entry = sealed.trustee(2, TrusteeStep::Decrypt(sealed.part(1)));
    assert_eq!(code(sealed.chain.append(&[entry])), "not_a_trustee");
    sealed.decrypt(1).unwrap();
    let mut again = sealed.part(1);
    again.contests[0][0].response = again.contests[0][1].response;
    let entry = sealed.trustee(1, TrusteeStep::Decrypt(again));
    let twice = sealed.chain.append(&[entry]).map(|_| ());
    assert_eq!(twice, Err(Refusal::Part(PartialRefusal::Twice { trustee: 1 })));
    sealed.decrypt(2).unwrap();
    assert_eq!(sealed.election().tally().unwrap().0[0].options, [3, 0, 0]);
    assert_eq!(code(sealed.decrypt(2)), "duplicate_ballot");
}

#[test]
fn a_changed_definition_needs_a_new_ceremony() {
    let definition = ElectionDefinition { secrecy: Secrecy::Sealed(trustees(2, 2, 1)), ..questions() };
    let mut sealed = SealedChain::ready(TestChain::new(4), &definition, 3).unwrap();
    let old = honest(sealed.sealed().ceremony(), &sealed.dealers[0]).unwrap();
    let old = sealed.trustee(1, TrusteeStep::Ceremony(Box::new(old)));
    for act in [Act::Define(definition), Act::Advance { to: Phase::Ready }] {
        let entry = sealed.chain.act(sealed.id, act);
        sealed.chain.append(&[entry]).unwrap();
    }
    // Even with the same definition nothing of the first attempt is of use.
    assert_eq!(code(sealed.chain.append(&[old])), "ceremony_other");
}

#[test]
fn definitions_that_cannot_be_sealed_say_why() {
    let with = |secrecy: Trustees, change: &dyn Fn(&mut ElectionDefinition)| {
        let mut definition = ElectionDefinition { secrecy: Secrecy::Sealed(secrecy), ..questions() };
        change(&mut definition);
        definition.check().map_err(|error| error.to_string())
    };
    let ok = || trustees(2, 3, 1);
    assert_eq!(with(ok(), &|_| {}), Ok(()));
    let ranked = with(ok(), &|d| d.contests[1] = Contest::new("Rank", CountMethodId::Schulze, ["A", "B"])).unwrap_err();
    assert!(ranked.contains("contests[1]: schulze cannot be sealed") && ranked.contains("rankings cannot be added up"), "{ranked}");
    let large = with(ok(), &|d| {
        d.contests[0] = Contest::new("Many", CountMethodId::Approval, (0..300).map(|n| format!("Option {n}")));
    });
    assert!(large.unwrap_err().contains("bytes"));
    assert!(with(trustees(4, 3, 1), &|_| {}).unwrap_err().contains("4 of 3 trustees"));
    assert!(with(Trustees { trustees: vec![], ..ok() }, &|_| {}).is_err());
    let mut same_key = ok();
    same_key.trustees[1].key = same_key.trustees[0].key;
    assert!(with(same_key, &|_| {}).unwrap_err().starts_with("trustees: "));
    let mut same_name = ok();
    same_name.trustees[1].name = same_name.trustees[0].name.clone();
    let definition = ElectionDefinition { secrecy: Secrecy::Sealed(same_name), ..questions() };
    assert_eq!(definition.check(), Err(DefinitionError::SameTrustee { name: "Trustee 1".to_owned() }));
    assert_eq!(with(Trustees { min_ballots: 0, ..ok() }, &|_| {}).unwrap_err(), "min_ballots must be at least 1");
}

#[test]
fn small_rolls_large_weights_and_few_ballots_are_refused() {
    let definition = ElectionDefinition { secrecy: Secrecy::Sealed(trustees(1, 1, 3)), ..questions() };
    assert_eq!(code(SealedChain::ready(TestChain::new(4), &definition, 2)), "roll_below_min_ballots");
    let mut sealed = SealedChain::ready(TestChain::new(4), &definition, 3).unwrap();
    let shrink = sealed.chain.act(sealed.id, Act::SetRoll { size: 2 });
    assert_eq!(code(sealed.chain.append(&[shrink])), "roll_below_min_ballots");
    // Scores go up to 3: sums of MAX_TOTAL can be found, of weights that is a third.
    let heavy = sealed.chain.certification(sealed.id, [(pseudonym(0), MAX_TOTAL / 3 + 1, 0)].into_iter());
    assert_eq!(code(sealed.chain.append(&[heavy])), "sealed_weight");
    let allowed = sealed.chain.certification(sealed.id, [(pseudonym(0), MAX_TOTAL / 3 - 1, 0), (pseudonym(1), 1, 1)].into_iter());
    sealed.chain.append(&[allowed]).unwrap();
    let more = sealed.chain.certification(sealed.id, [(pseudonym(2), 1, 2)].into_iter());
    assert_eq!(code(sealed.chain.append(&[more])), "sealed_weight");
    sealed.carry_out_ceremony().unwrap();
    sealed.advance(Phase::Scheduled).unwrap();
    sealed.advance(Phase::Open).unwrap();
    let vote = sealed.cast(0, 1, &says(0, &[0], 3));
    sealed.chain.append(&[vote]).unwrap();
    sealed.advance(Phase::Closed).unwrap();
    assert_eq!(code(sealed.decrypt(1)), "too_few_ballots");
}

#[test]
fn a_frozen_roll_takes_nobody_in() {
    let definition = ElectionDefinition { secrecy: Secrecy::Sealed(trustees(1, 1, 2)), ..questions() };
    let mut sealed = SealedChain::ready(TestChain::new(4), &definition, 10).unwrap();
    let act = |sealed: &mut SealedChain, act: Act| {
        let entry = sealed.chain.act(sealed.id, act);
        sealed.chain.append(&[entry]).map(|_| ())
    };
    assert_eq!(code(act(&mut sealed, Act::FreezeRoll)), "empty_roll");
    let one = sealed.chain.certification(sealed.id, [(pseudonym(0), 1, 0)].into_iter());
    sealed.chain.append(&[one]).unwrap();
    assert_eq!(code(act(&mut sealed, Act::FreezeRoll)), "roll_below_min_ballots");
    let more = sealed.chain.certification(sealed.id, (1..3).map(|n| (pseudonym(n), 1, n)));
    sealed.chain.append(&[more]).unwrap();
    act(&mut sealed, Act::FreezeRoll).unwrap();
    let root = sealed.election().frozen_roll();
    assert_eq!((root, sealed.election().roll_size()), (Some(sealed.election().roll_root()), 3));
    assert_eq!(code(act(&mut sealed, Act::FreezeRoll)), "roll_frozen");
    assert_eq!(code(act(&mut sealed, Act::SetRoll { size: 10 })), "roll_frozen");
    let late = sealed.chain.certification(sealed.id, [(pseudonym(3), 1, 3)].into_iter());
    assert_eq!(code(sealed.chain.append(std::slice::from_ref(&late))), "roll_frozen");
    sealed.carry_out_ceremony().unwrap();
    sealed.advance(Phase::Scheduled).unwrap();
    assert_eq!(Some(sealed.sealed().seal().unwrap().election().roll_root), root, "ballots are bound to the whole roll");
    sealed.advance(Phase::Open).unwrap();
    assert_eq!(code(sealed.chain.append(&[late])), "roll_frozen");
    assert_eq!(code(act(&mut sealed, Act::FreezeRoll)), "wrong_phase");
    let ballots: Vec<_> = (0..2).map(|n| sealed.cast(n, 1, &says(0, &[], 1))).collect();
    sealed.chain.append(&ballots).unwrap();
    assert!(verify(export(&sealed).as_slice(), &Options::default()).holds());
}

#[test]
fn weights_count_under_encryption() {
    let definition = ElectionDefinition { secrecy: Secrecy::Sealed(trustees(1, 1, 1)), ..questions() };
    let mut sealed = SealedChain::ready(TestChain::new(4), &definition, 3).unwrap();
    let weights = [5, 70, 900_000];
    let voters = sealed.chain.certification(sealed.id, (0..3).map(|n| (pseudonym(n), weights[n as usize], n)));
    sealed.chain.append(&[voters]).unwrap();
    sealed.carry_out_ceremony().unwrap();
    sealed.advance(Phase::Scheduled).unwrap();
    sealed.advance(Phase::Open).unwrap();
    let ballots: Vec<_> = (0..3).map(|n| sealed.cast(n, 1, &says((n % 2) as u16, &[], n as u16))).collect();
    sealed.chain.append(&ballots).unwrap();
    let changed = sealed.cast(1, 2, &says(2, &[0, 1], 3));
    sealed.chain.append(&[changed]).unwrap();
    sealed.advance(Phase::Closed).unwrap();
    sealed.decrypt(1).unwrap();
    let tally = &sealed.election().tally().unwrap().0;
    assert_eq!(tally[0].options, [900_005, 0, 70]);
    assert_eq!((tally[1].options.clone(), tally[1].blank), (vec![70, 70], 900_005));
    assert_eq!(tally[2].options, [3 * 70 + 2 * 900_000, 900_075]);
    assert!(verify(export(&sealed).as_slice(), &Options::default()).holds());
}

#[test]
fn open_elections_know_nothing_of_seals() {
    let mut chain = TestChain::new(4);
    let election = definition(3, &["Ada", "Bob", "Cyd"]);
    chain.open_election(&election, 2).unwrap();
    let sealed = SealedChain::open(&questions(), 1, 1, 2).unwrap();
    let (ballot, opening) = sealed.prepare(0, 1, &says(0, &[], 0)).challenge();
    let context = chain.state.election(election.id).unwrap().context();
    let foreign = Ballot { election: election.id, context, selections: ballot.selections[..1].to_vec(), ..ballot.clone() };
    assert_eq!(code(chain.append(&[Entry::Cast(foreign.clone().sign(&key(0)))])), "sealed_ballot");
    let challenge = Entry::challenge(Challenge { ballot: foreign, opening }, &key(0));
    assert_eq!(code(chain.append(&[challenge])), "not_sealed");
    let close = chain.act(election.id, Act::CloseCeremonyPhase);
    assert_eq!(code(chain.append(&[close])), "wrong_phase");
    let message = Box::new(sealed.dealers[0].commit());
    let act = TrusteeAct {
        chain: chain.chain(),
        election: election.id,
        step: TrusteeStep::Ceremony(message),
        trustee: trustee_key(1).public(),
    };
    assert_eq!(code(chain.append(&[Entry::trustee(act, &trustee_key(1))])), "not_sealed");
}

#[test]
fn a_bundle_with_a_lie_about_sealed_ballots_names_the_check() {
    let (sealed, _) = counted();
    let failure = |lie: &dyn Fn(&mut Vec<Entry>)| {
        // The whole chain once more, made by a quorum that lies.
        let mut chain = TestChain::new(4);
        for finalized in &sealed.chain.blocks {
            let mut entries: Vec<_> =
                finalized.block.entries.iter().map(|bytes| Entry::from_canonical(bytes.as_slice()).unwrap()).collect();
            lie(&mut entries);
            chain.append_unchecked(&entries);
        }
        let mut writer = BundleWriter::begin(Vec::new(), &chain.genesis, PartitionId(0), &[], sealed.id).unwrap();
        chain.blocks.iter().for_each(|block| writer.block(block).unwrap());
        let bytes = writer.finish(&chain.state).unwrap();
        verify(bytes.as_slice(), &Options::default()).failure.map(|failure| failure.check)
    };
    let cast = |change: fn(&mut Ballot)| {
        move |entries: &mut Vec<Entry>| {
            for entry in entries {
                if let Entry::Cast(SignedBallot { ballot, .. }) = entry
                    && ballot.voter == key(3).public()
                {
                    let mut forged = ballot.clone();
                    change(&mut forged);
                    *entry = Entry::Cast(forged.sign(&key(3)));
                }
            }
        }
    };
    let limit = |ballot: &mut Ballot| {
        if let Selection::Sealed(selection) = &mut ballot.selections[0] {
            let branches = &mut selection.limit.as_mut().unwrap().branches;
            branches[0].response = branches[0].challenge;
        }
    };
    let range = |ballot: &mut Ballot| {
        if let Selection::Sealed(selection) = &mut ballot.selections[0] {
            selection.options.swap(0, 1);
        }
    };
    assert_eq!(failure(&cast(limit)), Some(Check::Limits));
    assert_eq!(failure(&cast(range)), Some(Check::Ranges));
    let decrypts = |entries: &mut Vec<Entry>| {
        for entry in entries {
            if let Entry::Trustee(signed) = entry
                && let TrusteeStep::Decrypt(part) = &signed.content.step
            {
                let mut part = part.clone();
                part.contests[0].swap(0, 1);
                let act = TrusteeAct { step: TrusteeStep::Decrypt(part), ..signed.content.clone() };
                let trustee = (1..=5).find(|index| trustee_key(*index).public() == act.trustee).unwrap();
                *entry = Entry::trustee(act, &trustee_key(trustee));
            }
        }
    };
    assert_eq!(failure(&decrypts), Some(Check::Decryptions));
    let challenges = |entries: &mut Vec<Entry>| {
        for entry in entries {
            if let Entry::Challenge(signed) = entry {
                let mut content = signed.content.clone();
                content.opening.contests[0].swap(0, 1);
                *entry = Entry::challenge(content, &key(9));
            }
        }
    };
    assert_eq!(failure(&challenges), Some(Check::Challenges));
    let ceremony = |entries: &mut Vec<Entry>| {
        for entry in entries {
            if let Entry::Trustee(signed) = entry
                && let TrusteeStep::Ceremony(message) = &signed.content.step
                && let Step::Sign(transcript) = &message.message.step
                && message.message.trustee == 2
            {
                let mut message = message.message.clone();
                let mut transcript = *transcript;
                transcript.0[0] ^= 1;
                message.step = Step::Sign(transcript);
                let step = TrusteeStep::Ceremony(Box::new(message.sign(&trustee_key(2))));
                *entry = Entry::trustee(TrusteeAct { step, ..signed.content.clone() }, &trustee_key(2));
            }
        }
    };
    assert_eq!(failure(&ceremony), Some(Check::Ceremony));
    let early = |entries: &mut Vec<Entry>| {
        let closes =
            |entry: &Entry| matches!(entry, Entry::Act(signed) if signed.content.act == Act::Advance { to: Phase::Closed });
        if let Some(at) = entries.iter().position(closes) {
            entries.insert(at, sealed.trustee(4, TrusteeStep::Decrypt(sealed.part(4))));
        }
    };
    assert_eq!(failure(&early), Some(Check::LifeCycle));
}

#[test]
fn certified_blocks_are_replayed_without_verifying_again() {
    let (sealed, _) = counted();
    let mut state = voting_core::state::LedgerState::genesis(&sealed.chain.genesis, PartitionId(0));
    for finalized in &sealed.chain.blocks {
        let entries: Vec<_> =
            finalized.block.entries.iter().map(|bytes| VerifiedEntry::from_certified(bytes.clone()).unwrap()).collect();
        state = state.apply(&finalized.block.header, &entries).unwrap().1;
    }
    assert_eq!(state.root(), sealed.chain.state.root());
    let replayed = state.election(sealed.id).unwrap();
    assert_eq!(replayed.sealed().unwrap().sums(), sealed.sealed().sums());
    assert_eq!(replayed.tally(), sealed.election().tally());
}
