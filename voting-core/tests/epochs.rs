//! Authorities that change: what the ledger accepts, and what someone who trusts the genesis alone can verify.

use voting_core::ballot::SignedBallot;
use voting_core::block::{BlockHeader, FinalizedBlock, MAX_TAIL, Parent};
use voting_core::bundle::BundleWriter;
use voting_core::certificate::{CertificateError, Statement, Vote};
use voting_core::codec::Canonical;
use voting_core::entry::{Entry, VerifiedEntry};
use voting_core::epoch::change::{ApprovedChange, EpochChange, Epochs, Handover, HandoverError};
use voting_core::epoch::{Epoch, EpochError};
use voting_core::evidence::{Accusation, Evidence};
use voting_core::ids::{AuthorityIndex, BlockHash, ChainId, Digest, ElectionId, EntryHash, PartitionId, View};
use voting_core::receipt::{Receipt, ReceiptError};
use voting_core::state::{ApplyError, LedgerState, Refusal};
use voting_core::testing::chain::authority_key;
use voting_core::testing::{TestChain, ballot, definition, key};
use voting_core::verify::{Check, Options, verify};

/// Three changes while an election is open, and a ballot in each of the four epochs: a4 joins; a1 leaves; a2 gets another
/// key. The second change is made final by its tail.
struct World {
    chain: TestChain,
    election: ElectionId,
    ballots: Vec<SignedBallot>,
}

fn rekeyed(mut epoch: Epoch) -> Epoch {
    let authority = epoch.authorities.iter_mut().find(|authority| authority.name == "a2").unwrap();
    authority.key = authority_key(22).public();
    epoch
}

fn world() -> World {
    let mut chain = TestChain::new(4);
    let election = definition(1, &["Ada", "Bob"]);
    chain.open_election(&election, 4).unwrap();
    let mut ballots = Vec::new();
    for voter in 0..4 {
        let cast = ballot(chain.chain(), &election, &key(voter), &[1]);
        let mut entries = vec![Entry::Cast(cast.clone())];
        ballots.push(cast);
        match voter {
            0 => entries.push(chain.change(chain.next_epoch(&[0, 1, 2, 3, 4]))),
            1 => entries.push(chain.change(chain.next_epoch(&[0, 2, 3, 4]))),
            2 => entries.push(chain.change(rekeyed(chain.next_epoch(&[0, 2, 3, 4])))),
            _ => {}
        }
        chain.append(&entries).unwrap();
        if voter == 1 {
            chain.add_tail(3);
        }
    }
    chain.finish_election(election.id).unwrap();
    World { chain, election: election.id, ballots }
}

fn bundle(chain: &TestChain, handovers: &[Handover], election: ElectionId) -> Vec<u8> {
    let mut writer = BundleWriter::begin(Vec::new(), &chain.genesis, PartitionId(0), handovers, election).unwrap();
    chain.blocks.iter().for_each(|block| writer.block(block).unwrap());
    writer.finish(&chain.state).unwrap()
}

fn receipt(world: &World, voter: usize) -> Receipt {
    let hash = world.ballots[voter].hash();
    let position = world.chain.state.election(world.election).unwrap().ballot_position(hash).unwrap();
    Receipt::build(&world.chain.blocks, position).unwrap()
}

#[test]
fn receipts_and_bundles_hold_across_changes() {
    let world = world();
    let epochs = world.chain.epochs();
    let names = |epoch: &Epoch| epoch.authorities.iter().map(|authority| authority.name.clone()).collect::<Vec<_>>().join(" ");
    let known: Vec<_> = epochs.iter().map(|(_, epoch)| (epoch.number, epoch.quorum, names(epoch))).collect();
    let expected = [(0, 3, "a0 a1 a2 a3"), (1, 4, "a0 a1 a2 a3 a4"), (2, 3, "a0 a2 a3 a4"), (3, 3, "a0 a2 a3 a4")];
    assert_eq!(known, expected.map(|(number, quorum, names)| (number, quorum, names.to_owned())));

    for (voter, ballot) in world.ballots.iter().enumerate() {
        let receipt = receipt(&world, voter);
        assert_eq!(receipt.headers.len(), if voter == 1 { 4 } else { 1 }, "a tail is part of the proof");
        let recorded = receipt.verify(&epochs, Some(ballot)).unwrap();
        let quorum = expected[voter].2.split(' ').take(usize::from(expected[voter].1));
        assert_eq!(recorded.signers, quorum.collect::<Vec<_>>());
        // Who has not heard of the change believes nobody but those that he knows.
        for heard in 0..voter {
            let earlier = Epochs::proved(&world.chain.genesis, PartitionId(0), &world.chain.handovers()[..heard]).unwrap();
            assert_eq!(receipt.verify(&earlier, None), Err(ReceiptError::Chain(receipt.position.height)));
        }
    }

    let bytes = bundle(&world.chain, &world.chain.handovers(), world.election);
    let report = verify(bytes.as_slice(), &Options::default());
    assert_eq!(report.failure, None);
    let summary = report.summary.unwrap();
    assert_eq!((summary.epoch, summary.quorum, summary.counts.voted), (3, 3, 4));
    let listed: Vec<_> = summary.authorities.iter().map(|authority| authority.name.as_str()).collect();
    assert_eq!(listed, ["a0", "a1", "a2", "a3", "a4", "a2"], "everyone who was in office, by key");
    assert!(summary.authorities[5].signatures > 0 && summary.authorities[1].signatures > 0);
}

#[test]
fn a_bundle_with_other_changes_does_not_hold() {
    let world = world();
    let handovers = world.chain.handovers();
    let failed = |handovers: &[Handover]| {
        let bytes = bundle(&world.chain, handovers, world.election);
        verify(bytes.as_slice(), &Options::default()).failure.map(|failure| failure.check)
    };
    assert_eq!(failed(&handovers), None);
    assert_eq!(failed(&handovers[..2]), Some(Check::Parents), "a change left out");
    assert_eq!(failed(&[]), Some(Check::Parents));
    assert_eq!(failed(&handovers[1..]), Some(Check::Genesis));
    let mut forged = handovers.clone();
    forged[2].epoch.quorum = 4;
    assert_eq!(failed(&forged), Some(Check::Genesis));

    // The tail belongs to the proof: without it the certificate is of an unknown block.
    let mut cut = world.chain.clone();
    let ended: Vec<_> = (0..cut.blocks.len()).filter(|at| cut.blocks[*at].block.header.successor.is_some()).collect();
    cut.blocks[ended[1]].tail.pop();
    let bytes = bundle(&cut, &handovers, world.election);
    assert_eq!(verify(bytes.as_slice(), &Options::default()).failure.unwrap().check, Check::Certificates);
    let mut bare = world.chain.clone();
    bare.blocks[ended[0]].certificate = None;
    let bytes = bundle(&bare, &handovers, world.election);
    assert_eq!(verify(bytes.as_slice(), &Options::default()).failure.unwrap().check, Check::Certificates);
}

#[test]
fn every_changed_byte_of_a_handover_is_noticed() {
    let world = world();
    for (at, handover) in world.chain.handovers().iter().enumerate() {
        let before = Epochs::proved(&world.chain.genesis, PartitionId(0), &world.chain.handovers()[..at]).unwrap();
        let bytes = handover.to_canonical();
        assert_eq!(Handover::from_canonical(&bytes).as_ref(), Ok(handover));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            let accepted = Handover::from_canonical(&changed).is_ok_and(|changed| before.clone().extend(&changed).is_ok());
            assert!(!accepted, "byte {at} of {} may be changed", bytes.len());
        }
    }
}

#[test]
fn handovers_prove_what_they_should_and_nothing_else() {
    let world = world();
    let handovers = world.chain.handovers();
    let founded = Epochs::founded(&world.chain.genesis, PartitionId(0)).unwrap();
    let refused = |handover: &Handover| founded.clone().extend(handover).err();
    assert_eq!(refused(&handovers[0]), None);
    assert_eq!(refused(&handovers[1]), Some(HandoverError::Number { actual: 2, expected: 1 }));
    let first = handovers[0].clone();
    assert_eq!(refused(&Handover { headers: Vec::new(), ..first.clone() }), Some(HandoverError::Headers(0)));
    let other = Epochs::founded(&world.chain.genesis, PartitionId(1)).unwrap();
    assert_eq!(other.clone().extend(&first), Err(HandoverError::Headers(0)));
    let mut bad = first.clone();
    bad.epoch.quorum = 1;
    assert!(matches!(refused(&bad), Some(HandoverError::Epoch(EpochError::Quorum { .. }))));
    let mut another = first.clone();
    another.epoch.authorities.swap(0, 1);
    assert_eq!(refused(&another), Some(HandoverError::Successor));
    let mut few = first.clone();
    few.certificate.signatures.pop();
    assert_eq!(refused(&few), Some(HandoverError::Certificate(CertificateError::TooFew { actual: 2, quorum: 3 })));
    let mut notarized = first.clone();
    let last = notarized.headers.last().unwrap().clone();
    notarized.certificate.statement = Statement::Notarize { view: last.view, block: last.hash() };
    assert_eq!(refused(&notarized), Some(HandoverError::Statement));

    // A block that ends no epoch hands over nothing.
    let ordinary = &world.chain.blocks[0];
    assert_eq!(Handover::of(ordinary, &handovers[0].epoch), None);
    let without = FinalizedBlock { certificate: None, ..world.chain.blocks[6].clone() };
    assert!(without.block.header.successor.is_some());
    assert_eq!(Handover::of(&without, &handovers[0].epoch), None);
}

#[test]
fn only_a_quorum_in_force_changes_the_authorities() {
    let mut chain = TestChain::new(4);
    let next = chain.next_epoch(&[0, 1, 2, 3, 4]);
    let approved = |epoch: &Epoch, keys: &[u64]| {
        let mut change = ApprovedChange::new(EpochChange { chain: chain.chain(), epoch: epoch.clone() });
        keys.iter().for_each(|number| change.approve(&authority_key(*number)));
        change
    };
    let refusal = |change: ApprovedChange| chain.clone().append(&[Entry::Change(change)]).err();
    assert_eq!(refusal(approved(&next, &[0, 3])), Some(Refusal::Approvals { actual: 2, quorum: 3 }));
    let stranger = Refusal::NotAnAuthority { key: authority_key(4).public() };
    assert_eq!(refusal(approved(&next, &[0, 1, 2, 4])), Some(stranger));
    assert_eq!(refusal(approved(&next, &[0, 0, 0])), Some(Refusal::Approvals { actual: 1, quorum: 3 }));
    let skipping = Epoch { number: 2, ..next.clone() };
    assert_eq!(refusal(approved(&skipping, &[0, 1, 2])), Some(Refusal::EpochNumber { actual: 2, expected: 1 }));
    let unsafe_quorum = Epoch { quorum: 2, ..next.clone() };
    assert!(matches!(refusal(approved(&unsafe_quorum, &[0, 1, 2])), Some(Refusal::Epoch(EpochError::Quorum { .. }))));
    let twice = Epoch { authorities: vec![next.authorities[0].clone(); 4], ..next.clone() };
    assert!(matches!(refusal(approved(&twice, &[0, 1, 2])), Some(Refusal::Epoch(EpochError::Duplicate { .. }))));

    // What the signatures do not cover, or cover elsewhere.
    let verified = |change: &ApprovedChange| VerifiedEntry::verify(Entry::Change(change.clone()).to_bytes(), chain.chain()).is_ok();
    let good = approved(&next, &[0, 1, 2]);
    assert!(verified(&good));
    let mut altered = good.clone();
    altered.content.epoch.quorum = 5;
    let mut repeated = good.clone();
    repeated.approvals.push(repeated.approvals[2]);
    let mut unordered = good.clone();
    unordered.approvals.swap(0, 1);
    let mut elsewhere = good.clone();
    elsewhere.content.chain = ChainId([9; 32]);
    assert!([altered, repeated, unordered, elsewhere].iter().all(|change| !verified(change)));

    // Nothing stands after a change in its block, and it counts once.
    let change = Entry::Change(good);
    let election = definition(1, &["Ada", "Bob"]);
    let define = chain.act(election.id, voting_core::entry::Act::Define(election.clone()));
    assert_eq!(chain.clone().append(&[change.clone(), define.clone()]).err(), Some(Refusal::EpochEnds));
    chain.append(&[define, change.clone()]).unwrap();
    assert_eq!(chain.append(std::slice::from_ref(&change)).err(), Some(Refusal::EpochNumber { actual: 1, expected: 2 }));
    let entry = VerifiedEntry::verify(change.to_bytes(), chain.chain()).unwrap();
    assert_eq!(chain.state.position_of(&entry).map(|position| (position.height.0, position.index)), Some((1, 1)));
}

/// A header above another, in the same epoch and without entries.
fn above(parent: &BlockHeader) -> BlockHeader {
    BlockHeader {
        parent: Parent { view: parent.view, hash: parent.hash() },
        view: parent.view.next(),
        height: parent.height.next(),
        timestamp: parent.timestamp.saturating_add(std::time::Duration::from_millis(1)),
        payload_root: voting_core::block::payload_root(&[]),
        entries: 0,
        ..parent.clone()
    }
}

#[test]
fn above_the_last_block_of_an_epoch_nothing_happens_but_the_next() {
    let mut chain = TestChain::new(4);
    let change = chain.change(chain.next_epoch(&[0, 1, 2, 3, 4]));
    let before = chain.state.clone();
    let last = chain.append(&[change]).unwrap().block.header.clone();
    let state = chain.state.clone();
    assert_eq!((state.epoch().number, state.successor()), (1, last.successor));
    let apply = |state: &LedgerState, header: &BlockHeader| state.apply::<VerifiedEntry>(header, &[]).map(|(_, state)| state);

    let tail = above(&last);
    assert!(tail.follows(&last));
    let after_tail = apply(&state, &tail).unwrap();
    assert_eq!((after_tail.root(), after_tail.epoch().number), (state.root(), 1));
    let further = above(&tail);
    assert!(further.follows(&tail));
    assert!(apply(&after_tail, &further).is_ok());
    let busy = [
        BlockHeader { entries: 1, ..tail.clone() },
        BlockHeader { state_root: Digest([1; 32]), ..tail.clone() },
        BlockHeader { successor: None, ..tail.clone() },
        BlockHeader { successor: Some(Digest([1; 32])), ..tail.clone() },
    ];
    for header in &busy {
        assert!(!header.follows(&last), "{header:?}");
        assert_eq!(apply(&state, header).err(), Some(ApplyError::Ended));
    }

    // The next epoch begins above the last block, not above its tail.
    let begin = BlockHeader { epoch: 1, successor: None, ..tail.clone() };
    assert!(begin.follows(&last));
    assert!(apply(&state, &begin).is_ok());
    let late = BlockHeader { epoch: 1, successor: None, ..further };
    assert!(!late.follows(&tail));
    assert_eq!(apply(&after_tail, &late).err(), Some(ApplyError::Epoch { actual: 1, expected: 1 }));
    let skipping = BlockHeader { epoch: 2, ..begin };
    assert!(!skipping.follows(&last));
    assert_eq!(apply(&state, &skipping).err(), Some(ApplyError::Epoch { actual: 2, expected: 1 }));

    // Headers and entries say the same.
    let silent = BlockHeader { successor: None, ..last.clone() };
    let entries: Vec<_> = chain.blocks[0].block.entries.clone();
    let entries: Vec<_> = entries.into_iter().map(|bytes| VerifiedEntry::verify(bytes, chain.chain()).unwrap()).collect();
    let (actual, expected) = (None, last.successor);
    assert_eq!(before.apply(&silent, &entries).err(), Some(ApplyError::Successor { actual, expected }));
    let (actual, expected) = (Some(Digest([1; 32])), last.successor);
    let other = BlockHeader { successor: actual, ..last };
    assert_eq!(before.apply(&other, &entries).err(), Some(ApplyError::Successor { actual, expected }));
}

#[test]
fn tails_are_bounded_and_of_last_blocks_only() {
    let mut chain = TestChain::new(4);
    let change = chain.change(chain.next_epoch(&[0, 1, 2, 3]));
    chain.append(&[change]).unwrap();
    chain.add_tail(MAX_TAIL);
    assert!(chain.blocks[0].proof().is_some());
    assert_eq!(FinalizedBlock::from_canonical(&chain.blocks[0].to_canonical()), Ok(chain.blocks[0].clone()));
    chain.add_tail(MAX_TAIL + 1);
    assert!(chain.blocks[0].proof().is_none());

    let mut ordinary = TestChain::new(4);
    ordinary.append(&[]).unwrap();
    let header = above(&ordinary.blocks[0].block.header);
    let certificate = ordinary.certify(Statement::Finalize { view: header.view, block: header.hash() });
    let vouched = FinalizedBlock { certificate: Some(certificate), tail: vec![header], block: ordinary.blocks[0].block.clone() };
    assert!(vouched.proof().is_none(), "a descendant's certificate is the descendant's");
}

#[test]
fn a_chain_has_so_many_changes_and_no_more() {
    let mut chain = TestChain::new(1);
    for _ in 0..voting_core::epoch::change::MAX_CHANGES {
        let change = chain.change(chain.next_epoch(&[0]));
        chain.append(&[change]).unwrap();
    }
    let one_more = chain.change(chain.next_epoch(&[0]));
    let refusal = chain.append(&[one_more]).err().unwrap();
    assert_eq!((&refusal, refusal.code(), refusal.is_permanent()), (&Refusal::TooManyChanges, "too_many_changes", true));
    assert_eq!(chain.epochs().last().number as usize, voting_core::epoch::change::MAX_CHANGES);
}

#[test]
fn what_comes_too_early_is_not_refused_for_good() {
    let refusals = [
        (Refusal::EpochEnds, "epoch_ends", false),
        (Refusal::EpochNumber { actual: 3, expected: 2 }, "epoch_number", false),
        (Refusal::EpochNumber { actual: 1, expected: 2 }, "epoch_number", true),
        (Refusal::Approvals { actual: 1, quorum: 3 }, "too_few_approvals", true),
        (Refusal::Epoch(EpochError::NoAuthorities), "invalid_epoch", true),
    ];
    for (refusal, code, permanent) in refusals {
        assert_eq!((refusal.code(), refusal.is_permanent()), (code, permanent), "{refusal}");
    }
}

/// Two votes of an authority for different blocks of a view.
fn accusation(chain: ChainId, epoch: u32, number: u16) -> Accusation {
    let key = authority_key(u64::from(number));
    let vote = |block| {
        let statement = Statement::Notarize { view: View(7), block: BlockHash([block; 32]) };
        Vote::sign(chain, epoch, statement, AuthorityIndex(number), &key)
    };
    Accusation { chain, epoch, key: key.public(), evidence: Evidence::new(vote(1), vote(2)).unwrap() }
}

#[test]
fn whoever_contradicts_itself_stands_in_the_ledger_once() {
    let mut chain = TestChain::new(4);
    let id = chain.chain();
    let accuse = |accusation: Accusation| Entry::Accuse(accusation);
    chain.append(&[accuse(accusation(id, 0, 3))]).unwrap();
    let accused: Vec<_> = chain.state.accused().copied().collect();
    let [first] = accused[..] else { panic!("one stands accused: {accused:?}") };
    assert_eq!((first.epoch, first.authority, first.view), (0, AuthorityIndex(3), View(7)));
    assert_eq!((first.position.height.0, first.position.index), (1, 0));
    let entry = VerifiedEntry::verify(accuse(accusation(id, 0, 3)).to_bytes(), id).unwrap();
    assert_eq!((first.entry, chain.state.position_of(&entry)), (entry.hash(), Some(first.position)));

    // Once, whatever the proof is.
    let statement = |block| Statement::Finalize { view: View(9), block: BlockHash([block; 32]) };
    let vote = |block| Vote::sign(id, 0, statement(block), AuthorityIndex(3), &authority_key(3));
    let again = Accusation { evidence: Evidence::new(vote(1), vote(2)).unwrap(), ..accusation(id, 0, 3) };
    let refusal = chain.append(&[accuse(again)]).err().unwrap();
    assert_eq!((refusal.code(), refusal.is_permanent()), ("already_accused", true), "{refusal}");
    // What the key is, the epoch says.
    let impostor = Accusation { evidence: accusation(id, 0, 2).evidence, ..accusation(id, 0, 2) };
    let other_place = Accusation { key: authority_key(9).public(), ..impostor };
    assert!(VerifiedEntry::verify(accuse(other_place).to_bytes(), id).is_err(), "not signed under that key");
    let stranger = accusation(id, 0, 9);
    assert_eq!(chain.append(&[accuse(stranger)]).err(), Some(Refusal::NotAnAuthority { key: authority_key(9).public() }));
    // An epoch to come may come.
    let early = accuse(accusation(id, 1, 2));
    let refusal = chain.append(std::slice::from_ref(&early)).err().unwrap();
    assert_eq!((&refusal, refusal.code(), refusal.is_permanent()), (&Refusal::UnknownEpoch { epoch: 1 }, "unknown_epoch", false));
    let change = chain.change(chain.next_epoch(&[0, 1, 2]));
    chain.append(&[change]).unwrap();
    chain.append(&[early]).unwrap();
    // Those that have left are still accused of what they did.
    chain.append(&[accuse(accusation(id, 0, 2))]).unwrap();
    let accused: Vec<_> = chain.state.accused().map(|accused| (accused.epoch, accused.authority.0)).collect();
    assert_eq!(accused, [(0, 2), (0, 3), (1, 2)]);
}

#[test]
fn no_changed_bit_of_an_accusation_is_believed() {
    let id = TestChain::new(4).chain();
    let bytes = Entry::Accuse(accusation(id, 0, 3)).to_bytes();
    let sound = VerifiedEntry::verify(bytes.clone(), id).unwrap();
    let mut seen = std::collections::BTreeSet::<EntryHash>::from([sound.hash()]);
    let text = bytes.as_slice().to_vec();
    for bit in 0..text.len() * 8 {
        let mut changed = text.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let changed = voting_core::block::EntryBytes::new(changed);
        assert!(seen.insert(changed.hash()));
        assert!(VerifiedEntry::verify(changed, id).is_err(), "bit {bit}");
    }
    assert!(VerifiedEntry::verify(bytes, ChainId([9; 32])).is_err(), "of another chain");
}
