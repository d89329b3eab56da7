//! An authority that has lost its journal, on one engine whose peers are played by the test.

use std::sync::Arc;

use voting_consensus::{Engine, EngineConfig, Input, Message, Output, SignedView, TimerId, ViewReport};
use voting_core::certificate::Certificate;
use voting_core::ids::{AuthorityIndex, View};
use voting_core::seams::JournalRecord;

use crate::peer::{CHAIN, Peer, QUORUM, child, committed, config, finalize, first, notarize, own_statements, skip};

const NONCE: [u8; 32] = [42; 32];

/// The engine of an authority that is not said to be new, with this journal.
fn returned(peer: &Peer, journal: &[JournalRecord]) -> Engine {
    let config = EngineConfig { nonce: NONCE, ..config(&peer.epoch, &peer.keys, peer.me) };
    let head = peer.blocks.last().map(|last| (last.block.header.clone(), last.certificate.clone().unwrap()));
    Engine::recover(config, head, journal).unwrap()
}

/// A peer whose disk was replaced.
fn replaced() -> Peer {
    let mut peer = Peer::new();
    peer.engine = returned(&peer, &[]);
    peer.journal.clear();
    peer
}

/// An answer with the certificate that enters the view.
fn states(peer: &Peer, who: u16, view: u64, nonce: [u8; 32]) -> Message {
    let entered = (view > 1).then(|| peer.certificate(skip(view - 1), &QUORUM));
    Message::InView { stated: stated(peer, who, view, nonce), entered }
}

fn stated(peer: &Peer, who: u16, view: u64, nonce: [u8; 32]) -> Box<SignedView> {
    let report = ViewReport { chain: CHAIN, epoch: 0, view: View(view), nonce, authority: AuthorityIndex(who) };
    Box::new(SignedView::sign(report, &peer.keys[usize::from(who)]))
}

fn asks(outputs: &[Output]) -> bool {
    outputs.contains(&Output::Broadcast(Message::AskView { nonce: NONCE }))
}

/// Liars enough to make certificates: naming the last view there can be must not make the bound wrap around to the first.
#[test]
fn who_states_the_last_view_makes_nobody_vote_again() {
    let mut peer = replaced();
    peer.give(Input::Start);
    for (who, view) in [(0, 1), (2, u64::MAX), (3, 1)] {
        peer.hear(who, states(&peer, who, view, NONCE));
    }
    assert!(!peer.engine.is_learning());
    let block = first(1);
    peer.hear(0, peer.proposal(0, block.clone(), &[]));
    assert_eq!(own_statements(&peer.validated(&block), 1), [], "it may have voted in view 1 before");
}

#[test]
fn who_has_lost_its_journal_votes_only_beyond_what_it_may_have_voted() {
    let mut peer = replaced();
    assert!(peer.engine.is_learning());
    assert!(asks(&peer.give(Input::Start)));
    // It follows, and says nothing: no Notarize, no Finalize, no Skip, no proposal.
    let block = first(1);
    peer.hear(0, peer.proposal(0, block.clone(), &[]));
    assert_eq!(own_statements(&peer.validated(&block), 1), []);
    let outputs = peer.hear(2, Message::Certificate(peer.certificate(notarize(&block), &QUORUM)));
    assert_eq!(own_statements(&outputs, 1), []);
    assert!(!outputs.iter().any(|output| matches!(output, Output::Build { .. })), "view 2 is its own, and others must do without");
    peer.give(Input::WorkAvailable(true));
    assert_eq!(own_statements(&peer.give(Input::Timer(TimerId::View)), 1), []);
    let outputs = peer.hear(2, Message::Certificate(peer.certificate(finalize(&block), &QUORUM)));
    assert_eq!(committed(&outputs), [block.hash()]);

    // As long as the answers are too few it asks again.
    assert!(asks(&peer.give(Input::Timer(TimerId::Standstill))));
    peer.hear(0, states(&peer, 0, 2, NONCE));
    peer.hear(2, states(&peer, 2, 3, NONCE));
    assert!(peer.engine.is_learning(), "two others are no quorum");
    peer.hear(3, states(&peer, 3, 2, NONCE));
    assert!(!peer.engine.is_learning());
    // The highest stated is 3, so it may have voted in view 4.
    for view in [2, 3] {
        let outputs = peer.hear(2, Message::Certificate(peer.certificate(skip(view), &QUORUM)));
        assert_eq!(own_statements(&outputs, 1), []);
    }
    let fourth = child(&block, 4);
    peer.hear(3, peer.proposal(3, fourth.clone(), &[2, 3]));
    assert_eq!(own_statements(&peer.validated(&fourth), 1), [], "not in view 4");
    peer.hear(2, Message::Certificate(peer.certificate(skip(4), &QUORUM)));
    let fifth = child(&block, 5);
    peer.hear(0, peer.proposal(0, fifth.clone(), &[2, 3, 4]));
    assert_eq!(own_statements(&peer.validated(&fifth), 1), [notarize(&fifth)], "from there on it is one like any other");
}

#[test]
fn a_liar_can_name_no_view_that_the_network_has_not_come_to() {
    let mut peer = replaced();
    peer.give(Input::Start);
    let far = stated(&peer, 2, 1_000_000, NONCE);
    let of_another_view = peer.certificate(skip(999_998), &QUORUM);
    let too_few =
        Certificate { statement: skip(999_999), signatures: peer.certificate(skip(999_999), &QUORUM).signatures[..2].to_vec() };
    let again = {
        let mut signatures = too_few.signatures.clone();
        signatures.push(signatures[1]);
        Certificate { statement: skip(999_999), signatures }
    };
    for entered in [None, Some(of_another_view), Some(too_few), Some(again)] {
        peer.hear(2, Message::InView { stated: far.clone(), entered });
    }
    for who in [0, 3] {
        peer.hear(who, states(&peer, who, 2, NONCE));
    }
    assert!(peer.engine.is_learning(), "the liar has not answered");
    // It may still tell the truth.
    peer.hear(2, states(&peer, 2, 3, NONCE));
    assert!(!peer.engine.is_learning());
    for view in 1..=4 {
        peer.hear(2, Message::Certificate(peer.certificate(skip(view), &QUORUM)));
    }
    peer.give(Input::WorkAvailable(true));
    assert_eq!(own_statements(&peer.give(Input::Timer(TimerId::View)), 1), [skip(5)], "silent through view 4, and no longer");
}

#[test]
fn an_answer_shows_how_its_author_came_to_its_view() {
    let answer = |peer: &mut Peer| {
        let outputs = peer.hear(3, Message::AskView { nonce: [9; 32] });
        let found = outputs.into_iter().find_map(|output| match output {
            Output::Send { message: Message::InView { stated, entered }, .. } => Some((stated, entered)),
            _ => None,
        });
        let (stated, entered) = found.unwrap();
        (stated.verify(CHAIN, &peer.epoch).unwrap().view, entered.map(|certificate| certificate.statement))
    };
    let mut peer = Peer::new();
    let block = peer.notarize_first();
    peer.hear(2, Message::Certificate(peer.certificate(notarize(&block), &QUORUM)));
    assert_eq!(answer(&mut peer), (View(2), Some(notarize(&block))));
    peer.hear(2, Message::Certificate(peer.certificate(finalize(&block), &QUORUM)));
    assert_eq!(answer(&mut peer), (View(2), Some(finalize(&block))), "of its head");
    peer.hear(2, Message::Certificate(peer.certificate(skip(2), &QUORUM)));
    assert_eq!(answer(&mut peer), (View(3), Some(skip(2))));
    peer.restart();
    assert_eq!(answer(&mut peer), (View(3), Some(skip(2))), "also after a restart");
}

#[test]
fn only_true_answers_to_this_question_count() {
    let mut peer = replaced();
    peer.give(Input::Start);
    let old = states(&peer, 0, 1, [7; 32]);
    let of_another_chain = {
        let chain = voting_core::ChainId([6; 32]);
        let report = ViewReport { chain, epoch: 0, view: View(1), nonce: NONCE, authority: AuthorityIndex(0) };
        Message::InView { stated: Box::new(SignedView::sign(report, &peer.keys[0])), entered: None }
    };
    let of_another_epoch = {
        let report = ViewReport { chain: CHAIN, epoch: 1, view: View(1), nonce: NONCE, authority: AuthorityIndex(0) };
        Message::InView { stated: Box::new(SignedView::sign(report, &peer.keys[0])), entered: None }
    };
    let forged = {
        let report = ViewReport { chain: CHAIN, epoch: 0, view: View(1), nonce: NONCE, authority: AuthorityIndex(0) };
        Message::InView { stated: Box::new(SignedView::sign(report, &peer.keys[2])), entered: None }
    };
    let own = states(&peer, 1, 1, NONCE);
    for (from, message) in [(0, old), (0, of_another_chain), (0, of_another_epoch), (0, forged), (0, own)] {
        peer.hear(from, message);
    }
    // One of the others three times is one of the others.
    for _ in 0..3 {
        peer.hear(2, states(&peer, 2, 1, NONCE));
    }
    peer.hear(3, states(&peer, 3, 1, NONCE));
    assert!(peer.engine.is_learning());
    peer.hear(3, states(&peer, 0, 1, NONCE)); // whoever brings it
    assert!(!peer.engine.is_learning());
}

#[test]
fn what_was_learnt_is_remembered() {
    let mut peer = replaced();
    peer.give(Input::Start);
    for who in [0, 2, 3] {
        peer.hear(who, states(&peer, who, 1, NONCE));
    }
    let block = first(1);
    // A restart: it neither asks again nor votes in what it is silent about.
    peer.engine = returned(&peer, &peer.journal.clone());
    assert!(!peer.engine.is_learning());
    assert!(!asks(&peer.give(Input::Start)));
    peer.hear(0, peer.proposal(0, block.clone(), &[]));
    assert_eq!(own_statements(&peer.validated(&block), 1), [], "view 1 is at most one above what was stated");
    peer.hear(2, Message::Certificate(peer.certificate(skip(1), &QUORUM)));
    peer.give(Input::WorkAvailable(true));
    assert_eq!(own_statements(&peer.give(Input::Timer(TimerId::View)), 1), [], "so is view 2");
    peer.hear(2, Message::Certificate(peer.certificate(skip(2), &QUORUM)));
    peer.give(Input::WorkAvailable(true));
    assert_eq!(own_statements(&peer.give(Input::Timer(TimerId::View)), 1), [skip(3)]);
}

#[test]
fn a_journal_that_never_was_lost_needs_no_learning() {
    let mut peer = Peer::new();
    let block = peer.notarize_first();
    peer.engine = returned(&peer, &peer.journal.clone());
    assert!(!peer.engine.is_learning());
    let rival = first(2);
    peer.give(Input::Start);
    peer.hear(0, peer.proposal(0, rival.clone(), &[]));
    assert_eq!(own_statements(&peer.validated(&rival), 1), [], "it remembers its vote for {}", block.hash());
}

#[test]
fn only_who_knows_its_own_past_answers() {
    let mut peer = Peer::new();
    let outputs = peer.hear(2, Message::AskView { nonce: [9; 32] });
    let answer = outputs.iter().find_map(|output| match output {
        Output::Send { to: AuthorityIndex(2), message: Message::InView { stated, entered } } => {
            Some((stated.clone(), entered.clone()))
        }
        _ => None,
    });
    let (stated, entered) = answer.unwrap();
    assert_eq!(entered, None, "whoever has the genesis can be in the first view");
    let report = stated.verify(CHAIN, &peer.epoch).unwrap();
    assert_eq!((report.view, report.nonce, report.authority), (View(1), [9; 32], AuthorityIndex(1)));
    assert_eq!(peer.hear(9, Message::AskView { nonce: [9; 32] }), [], "a stranger learns nothing");

    let mut learning = replaced();
    learning.give(Input::Start);
    assert_eq!(learning.hear(2, Message::AskView { nonce: [9; 32] }), []);
}

#[test]
fn what_was_learnt_in_one_epoch_is_learnt_again_in_the_next() {
    let mut peer = replaced();
    peer.give(Input::Start);
    for who in [0, 2, 3] {
        peer.hear(who, states(&peer, who, 1, NONCE));
    }
    assert!(!peer.engine.is_learning());
    let next = Arc::new(voting_core::epoch::Epoch { number: 1, ..peer.epoch.as_ref().clone() });
    let in_next = |journal: &[JournalRecord]| {
        let config = EngineConfig { nonce: NONCE, ..config(&next, &peer.keys, 1) };
        Engine::recover(config, None, journal).unwrap()
    };
    assert!(in_next(&peer.journal).is_learning());
    // Who never lost anything goes on without asking.
    assert!(!in_next(&Peer::new().journal).is_learning());
}
