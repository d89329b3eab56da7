//! Authorities that change, and nodes that are none, on one engine whose peers are played by the test.

use std::sync::Arc;
use std::time::Duration;

use voting_consensus::{Engine, EngineConfig, Input, Message, OBSERVER, Output, TimerId, first_record};
use voting_core::block::{Block, BlockHeader, FinalizedBlock, payload_root};
use voting_core::certificate::{Certificate, Vote};
use voting_core::codec::Canonical;
use voting_core::epoch::Epoch;
use voting_core::ids::{AuthorityIndex, Height, View};

use crate::peer::{CHAIN, Peer, QUORUM, child, committed, config, finalize, first, notarize, own_statements, skip};

/// The epoch after the peer's: without authority 3.
fn next_epoch(peer: &Peer) -> Arc<Epoch> {
    let mut epoch = Epoch { number: 1, quorum: 2, ..peer.epoch.as_ref().clone() };
    epoch.authorities.truncate(3);
    Arc::new(epoch)
}

/// Makes a block the last of its epoch: it has an entry, and names the next.
fn last(mut block: Block, next: &Epoch) -> Block {
    let entry = voting_core::block::EntryBytes::new(vec![1]);
    block.header.payload_root = payload_root(&[entry.hash()]);
    block.header.entries = 1;
    block.header.successor = Some(next.digest());
    block.entries = vec![entry];
    block
}

/// A block above the last one, which changes nothing.
fn tail(parent: &Block, view: u64) -> Block {
    let BlockHeader { state_root, successor, .. } = parent.header;
    let mut block = child(parent, view);
    block.header.state_root = state_root;
    block.header.successor = successor;
    block
}

/// A first block of the next epoch.
fn begin(parent: &Block, view: u64) -> Block {
    let mut block = child(parent, view);
    block.header.epoch = 1;
    block
}

fn certificate_of(peer: &Peer, epoch: &Epoch, statement: voting_core::certificate::Statement) -> Certificate {
    let votes = [0u16, 1].map(|who| Vote::sign(CHAIN, epoch.number, statement, AuthorityIndex(who), &peer.keys[usize::from(who)]));
    Certificate::from_votes(votes.to_vec(), epoch).unwrap()
}

fn final_blocks(outputs: &[Output]) -> Vec<&FinalizedBlock> {
    outputs.iter().filter_map(|output| if let Output::Commit(finalized) = output { Some(finalized) } else { None }).collect()
}

/// The engine that goes on after a last block.
fn goes_on(peer: &Peer, next: &Arc<Epoch>, journal: &[voting_core::seams::JournalRecord]) -> Engine {
    let ended = peer.blocks.last().unwrap();
    let config = EngineConfig { first: ended.block.header.height.next(), ..config(next, &peer.keys, 1) };
    let head = (ended.block.header.clone(), ended.certificate.clone().unwrap());
    Engine::recover(config, Some(head), journal).unwrap()
}

#[test]
fn an_epoch_ends_with_its_last_block_and_the_next_begins_above_it() {
    let mut peer = Peer::new();
    let next = next_epoch(&peer);
    let block = last(first(1), &next);
    peer.hear(0, peer.proposal(0, block.clone(), &[]));
    assert!(peer.engine.is_ending() && !peer.engine.has_ended());
    peer.validated(&block);
    let outputs = peer.hear(2, Message::Certificate(peer.certificate(finalize(&block), &QUORUM)));
    assert_eq!(committed(&outputs), [block.hash()]);
    assert!(peer.engine.has_ended());
    let stopped = |timer| outputs.contains(&Output::CancelTimer { timer });
    assert!(stopped(TimerId::Standstill), "nothing is left that would wake it");
    assert_eq!(peer.engine.held(), (0, 0));

    // Whatever comes now is for others.
    let above = tail(&block, 2);
    let inputs = [
        Message::Certificate(peer.certificate(finalize(&above), &QUORUM)),
        Message::Certificate(peer.certificate(skip(2), &QUORUM)),
        Message::Hello { height: Height(9) },
    ];
    for message in inputs {
        assert_eq!(peer.hear(2, message), []);
    }
    assert_eq!(peer.give(Input::Timer(TimerId::View)), []);

    // Its journal has votes of views above the last block; in the next epoch these views begin anew.
    let journal = peer.journal.clone();
    let mut engine = goes_on(&peer, &next, &journal);
    assert_eq!((engine.view(), engine.head().height), (View(2), Height(1)));
    let outputs = engine.handle(Duration::ZERO, Input::Start);
    assert!(outputs.iter().any(|output| matches!(output, Output::Build { view: View(2), .. })), "view 2 of 3 is this authority's");
    let own = begin(&block, 2);
    let outputs = engine.handle(Duration::ZERO, Input::Built { view: View(2), block: Arc::new(own.clone()) });
    assert_eq!(own_statements(&outputs, 1), [notarize(&own)]);
    let vote = outputs
        .iter()
        .find_map(|output| if let Output::Broadcast(Message::Proposal(proposal)) = output { Some(proposal.vote) } else { None })
        .unwrap();
    assert_eq!(vote.verify(CHAIN, &next), Ok(()));
    assert!(vote.verify(CHAIN, &peer.epoch).is_err(), "a vote is of one epoch");
}

#[test]
fn votes_of_an_earlier_epoch_bind_nobody_in_the_next() {
    let mut peer = Peer::new();
    let next = next_epoch(&peer);
    let block = last(first(1), &next);
    peer.hear(0, peer.proposal(0, block.clone(), &[]));
    peer.validated(&block);
    // View 2 is skipped in the old epoch, which only then comes to its end.
    peer.hear(2, Message::Certificate(peer.certificate(notarize(&block), &QUORUM)));
    peer.give(Input::BuildFailed { view: View(2) });
    let written: Vec<_> = peer.journal.iter().filter(|record| record.view == View(2)).cloned().collect();
    assert!(!written.is_empty(), "the skip is in the journal");
    peer.hear(2, Message::Certificate(peer.certificate(finalize(&block), &QUORUM)));
    assert!(peer.engine.has_ended());

    let mut engine = goes_on(&peer, &next, &[vec![first_record()], written].concat());
    engine.handle(Duration::ZERO, Input::Start);
    engine.handle(Duration::ZERO, Input::WorkAvailable(true));
    let own = begin(&block, 2);
    let outputs = engine.handle(Duration::ZERO, Input::Built { view: View(2), block: Arc::new(own.clone()) });
    assert_eq!(own_statements(&outputs, 1), [notarize(&own)]);
}

#[test]
fn a_tail_makes_the_last_block_final_and_is_not_final_itself() {
    let mut peer = Peer::new();
    let next = next_epoch(&peer);
    let ends = last(first(1), &next);
    let (above, further) = (tail(&ends, 2), tail(&tail(&ends, 2), 3));
    for block in [&ends, &above, &further] {
        peer.hear(2, Message::Certificate(peer.certificate(notarize(block), &QUORUM)));
        peer.hear(2, Message::Block(Box::new(block.clone())));
    }
    assert_eq!(peer.engine.head().height, Height(0));
    let outputs = peer.hear(2, Message::Certificate(peer.certificate(finalize(&further), &QUORUM)));
    let committed = final_blocks(&outputs);
    assert_eq!(committed.len(), 1);
    assert_eq!(committed[0].block, ends);
    assert_eq!(committed[0].tail, [above.header, further.header]);
    assert!(committed[0].proof().is_some_and(|proof| proof.verify(CHAIN, &peer.epoch).is_ok()));
    assert_eq!(peer.engine.head().hash, ends.hash(), "the next epoch builds on the last block");
}

#[test]
fn a_tail_is_caught_up_with_like_any_proof() {
    let mut peer = Peer::new();
    let next = next_epoch(&peer);
    let before = first(1);
    let ends = last(child(&before, 2), &next);
    let above = tail(&ends, 3);
    let proof = peer.certificate(finalize(&above), &QUORUM);
    let ended = FinalizedBlock { block: ends.clone(), certificate: Some(proof.clone()), tail: vec![above.header.clone()] };
    let plain = |block: &Block| FinalizedBlock { block: block.clone(), certificate: None, tail: Vec::new() };
    let after = begin(&ends, 3);
    let of_next = certificate_of(&peer, &next, finalize(&after));
    let later = FinalizedBlock::new(after, Some(of_next)).unwrap();

    // A tail that does not lead to the certificate, or from another block.
    let cut = FinalizedBlock { tail: Vec::new(), ..ended.clone() };
    let elsewhere = FinalizedBlock { block: before.clone(), ..ended.clone() };
    for wrong in [vec![plain(&before), cut], vec![elsewhere]] {
        assert_eq!(committed(&peer.hear(2, Message::Blocks(wrong))), []);
    }
    // What is of the next epoch is left for its own authorities to judge.
    let outputs = peer.hear(2, Message::Blocks(vec![plain(&before), ended, later]));
    assert_eq!(committed(&outputs), [before.hash(), ends.hash()]);
    assert!(peer.engine.has_ended());
}

#[test]
fn authorities_of_different_epochs_give_each_other_blocks_and_nothing_else() {
    let mut peer = Peer::new();
    // Somebody who is no authority here, and is further.
    let outputs = peer.hear(9, Message::Hello { height: Height(4) });
    let asked = |outputs: &[Output]| {
        outputs
            .iter()
            .any(|o| matches!(o, Output::Send { to: AuthorityIndex(9), message: Message::RequestBlocks { from: Height(1) } }))
    };
    assert!(asked(&outputs));
    assert!(!asked(&peer.hear(9, Message::Hello { height: Height(5) })), "one request at a time");
    let block = first(1);
    let proof = peer.certificate(finalize(&block), &QUORUM);
    assert_eq!(peer.hear(9, Message::Certificate(proof.clone())), [], "only authorities say something");
    let known = FinalizedBlock::new(block.clone(), Some(proof)).unwrap();
    assert_eq!(committed(&peer.hear(9, Message::Blocks(vec![known]))), [block.hash()]);

    // And somebody who is behind.
    let outputs = peer.hear(9, Message::Hello { height: Height(0) });
    let told = |o: &Output| matches!(o, Output::Send { to: AuthorityIndex(9), message: Message::Hello { height: Height(1) } });
    assert!(outputs.iter().any(told), "{outputs:?}");
    assert!(!peer.hear(9, Message::Hello { height: Height(0) }).iter().any(told), "not so often");
    let outputs = peer.hear(9, Message::RequestBlocks { from: Height(1) });
    assert!(outputs.contains(&Output::ReadBlocks { to: AuthorityIndex(9), from: Height(1) }));
}

#[test]
fn a_preference_of_an_earlier_epoch_counts_for_nothing() {
    use voting_core::epoch::LeaderPolicy;
    use voting_core::preference::Preference;
    let mut peer = Peer::with(LeaderPolicy::Elected);
    let next = next_epoch(&peer);
    let mut ends = last(first(1), &next);
    let BlockHeader { view, height, timestamp, .. } = ends.header;
    ends.header.preference =
        Some(Preference { term: 1, leader: AuthorityIndex(2), since: view, height, at: timestamp, until: View(1_000) });
    let proof = peer.certificate(finalize(&ends), &QUORUM);
    peer.hear(2, Message::Blocks(vec![FinalizedBlock::new(ends, Some(proof)).unwrap()]));
    let engine = goes_on(&peer, &next, &[first_record()]);
    assert_eq!(engine.current_leader(), AuthorityIndex(0), "as without a preference");
}

#[test]
fn an_observer_follows_and_says_nothing() {
    let mut peer = Peer::new();
    peer.engine = Engine::recover(EngineConfig::observer(CHAIN, Arc::clone(&peer.epoch), peer.keys[1].clone()), None, &[]).unwrap();
    peer.me = OBSERVER.0;
    let outputs = peer.give(Input::Start);
    assert!(outputs.contains(&Output::Broadcast(Message::Hello { height: Height(0) })));
    let block = first(1);
    peer.hear(0, peer.proposal(0, block.clone(), &[]));
    assert_eq!(peer.validated(&block).iter().filter(|o| matches!(o, Output::Broadcast(_))).count(), 0);
    let two = child(&block, 2);
    let outputs = peer.hear(1, Message::Certificate(peer.certificate(finalize(&two), &QUORUM)));
    assert!(outputs.iter().any(|o| matches!(o, Output::Send { to: AuthorityIndex(1), message: Message::RequestBlocks { .. } })));
    let mut asked = std::collections::BTreeSet::new();
    for _ in 0..8 {
        let outputs = peer.give(Input::Timer(TimerId::CatchUp));
        asked.extend(outputs.iter().filter_map(|o| match o {
            Output::Send { to, message: Message::RequestBlocks { .. } } => Some(to.0),
            _ => None,
        }));
    }
    assert_eq!(asked, [0, 1, 2, 3].into(), "it asks every authority in turn");
    let proof = peer.certificate(finalize(&two), &QUORUM);
    let one = FinalizedBlock { block: block.clone(), certificate: None, tail: Vec::new() };
    let known = vec![one, FinalizedBlock::new(two.clone(), Some(proof)).unwrap()];
    assert_eq!(committed(&peer.hear(3, Message::Blocks(known))), [block.hash(), two.hash()]);
    peer.give(Input::WorkAvailable(true));
    for timer in [TimerId::Leader, TimerId::View, TimerId::Standstill] {
        assert_eq!(own_statements(&peer.give(Input::Timer(timer)), OBSERVER.0), []);
    }
}

#[test]
fn whoever_states_to_be_further_is_asked_in_turn_also_while_a_block_is_missing() {
    let mut peer = Peer::new();
    let asked_for_blocks = |outputs: &[Output]| {
        outputs.iter().find_map(|output| match output {
            Output::Send { to, message: Message::RequestBlocks { from: Height(1) } } => Some(to.0),
            _ => None,
        })
    };
    // A notarized block that everybody else has long forgotten, because they are in the next epoch.
    let outputs = peer.hear(2, Message::Certificate(peer.certificate(notarize(&first(1)), &QUORUM)));
    assert!(outputs.iter().any(|output| matches!(output, Output::Send { message: Message::RequestBlock { .. }, .. })));
    assert_eq!(asked_for_blocks(&outputs), None);
    assert_eq!(asked_for_blocks(&peer.hear(2, Message::Hello { height: Height(1_000) })), None, "one request at a time");
    peer.hear(3, Message::Hello { height: Height(1) });
    assert_eq!(asked_for_blocks(&peer.give(Input::Timer(TimerId::CatchUp))), Some(2));
    // It has nothing to show, and states the same again: the other has its turn.
    peer.hear(2, Message::Hello { height: Height(1_000) });
    assert_eq!(asked_for_blocks(&peer.give(Input::Timer(TimerId::CatchUp))), Some(3));
    let block = last(first(1), &next_epoch(&peer));
    let certificate = peer.certificate(finalize(&block), &QUORUM);
    let outputs = peer.hear(3, Message::Blocks(vec![FinalizedBlock::new(block, Some(certificate)).unwrap()]));
    assert_eq!(final_blocks(&outputs).len(), 1);
    assert!(peer.engine.has_ended());
}
