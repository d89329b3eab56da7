//! The rules one by one, on one engine whose peers are played by the test.

use std::sync::Arc;
use std::time::Duration;

use voting_consensus::{Engine, Evidence, Input, Message, Output, Proposal, TimerId};
use voting_core::ChainId;
use voting_core::block::{Block, BlockHeader, FinalizedBlock, Parent};
use voting_core::epoch::LeaderPolicy;
use voting_core::ids::{AuthorityIndex, Height, View};
use voting_core::preference::Preference;

use crate::peer::{CHAIN, Peer, QUORUM, block, child, committed, config, finalize, first, notarize, own_statements, skip};

#[test]
fn a_view_without_trouble_ends_final() {
    let mut peer = Peer::new();
    let block = peer.notarize_first();
    assert!(own_statements(&peer.hear(2, Message::Vote(peer.vote(2, notarize(&block)))), 1).contains(&finalize(&block)));
    assert_eq!(peer.engine.view(), View(2));
    assert_eq!(committed(&peer.hear(0, Message::Vote(peer.vote(0, finalize(&block))))), []);
    let outputs = peer.hear(2, Message::Vote(peer.vote(2, finalize(&block))));
    assert_eq!(committed(&outputs), [block.hash()]);
    let Some(Output::Commit(finalized)) = outputs.iter().find(|output| matches!(output, Output::Commit(_))) else { panic!() };
    finalized.certificate.as_ref().unwrap().verify(CHAIN, &peer.epoch).unwrap();
}

#[test]
fn only_the_leader_proposes_and_only_for_this_chain() {
    let mut peer = Peer::new();
    let mut foreign = first(1);
    foreign.header.chain = ChainId([6; 32]);
    let mut wrong_signature = peer.proposal(0, first(1), &[]);
    if let Message::Proposal(proposal) = &mut wrong_signature {
        proposal.vote.signature = peer.vote(0, notarize(&first(2))).signature;
    }
    for message in [peer.proposal(2, first(1), &[]), peer.proposal(0, foreign, &[]), wrong_signature] {
        let outputs = peer.hear(0, message);
        assert!(!outputs.iter().any(|output| matches!(output, Output::Validate { .. })), "{outputs:?}");
    }
    peer.notarize_first();
}

#[test]
fn a_quorum_is_of_distinct_true_votes() {
    let mut peer = Peer::new();
    let block = peer.notarize_first(); // leader and this one
    peer.hear(0, Message::Vote(peer.vote(0, notarize(&block)))); // the leader again
    let mut forged = peer.vote(2, notarize(&block));
    forged.signature = peer.vote(3, notarize(&block)).signature;
    peer.hear(2, Message::Vote(forged));
    let mut stranger = peer.vote(2, notarize(&block));
    stranger.authority = AuthorityIndex(4);
    peer.hear(2, Message::Vote(stranger));
    assert_eq!(peer.engine.view(), View(1), "two of four are no quorum");
    peer.hear(3, Message::Vote(peer.vote(3, notarize(&block))));
    assert_eq!(peer.engine.view(), View(2));
}

#[test]
fn a_vote_that_contradicts_another_still_completes_a_quorum() {
    let mut peer = Peer::new();
    peer.give(Input::WorkAvailable(true));
    peer.hear(3, Message::Vote(peer.vote(3, finalize(&first(1)))));
    assert_eq!(own_statements(&peer.give(Input::Timer(TimerId::View)), 1), [skip(1)]);
    peer.hear(2, Message::Vote(peer.vote(2, skip(1))));
    let outputs = peer.hear(3, Message::Vote(peer.vote(3, skip(1))));
    assert!(outputs.iter().any(|output| matches!(output, Output::Evidence(evidence) if evidence.authority() == AuthorityIndex(3))));
    // Else nothing would: a fourth vote is one too many to be the one that completes it.
    assert_eq!(peer.engine.view(), View(2));
}

#[test]
fn a_certificate_counts_only_with_a_quorum_of_true_signatures() {
    let mut peer = Peer::new();
    let good = peer.certificate(skip(1), &QUORUM);
    let mut few = good.clone();
    few.signatures.pop();
    let mut twice = good.clone();
    twice.signatures[2] = twice.signatures[1];
    let mut forged = good.clone();
    forged.signatures[1].1 = forged.signatures[0].1;
    let mut other = good.clone();
    other.statement = skip(9);
    for bad in [few, twice, forged, other] {
        peer.hear(2, Message::Certificate(bad));
        assert_eq!(peer.engine.view(), View(1));
    }
    peer.hear(2, Message::Certificate(good));
    assert_eq!(peer.engine.view(), View(2));
}

#[test]
fn one_notarize_a_view_also_after_a_restart() {
    let mut peer = Peer::new();
    let block = peer.notarize_first();
    peer.restart();
    let other = first(2);
    let mut outputs = peer.hear(0, peer.proposal(0, other.clone(), &[]));
    outputs.extend(peer.validated(&other));
    assert!(!own_statements(&outputs, 1).contains(&notarize(&other)), "it has voted for {}", block.hash());
}

#[test]
fn no_skip_after_finalize_also_after_a_restart() {
    for restarts in [false, true] {
        let mut peer = Peer::new();
        let block = peer.notarize_first();
        peer.give(Input::WorkAvailable(true));
        let notarized = peer.certificate(notarize(&block), &QUORUM);
        // Finalized in view 1, then thrown back into it by nothing: only its own timers could make it skip.
        assert_eq!(own_statements(&peer.hear(0, Message::Certificate(notarized)), 1), [finalize(&block)]);
        if restarts {
            peer.restart();
        }
        for timer in [TimerId::Leader, TimerId::View, TimerId::Standstill] {
            let outputs = peer.give(Input::Timer(timer));
            assert!(!own_statements(&outputs, 1).contains(&skip(1)), "{outputs:?}");
        }
    }
}

#[test]
fn no_finalize_after_skip_also_after_a_restart() {
    for restarts in [false, true] {
        let mut peer = Peer::new();
        let block = peer.notarize_first();
        peer.give(Input::WorkAvailable(true));
        assert_eq!(own_statements(&peer.give(Input::Timer(TimerId::View)), 1), [skip(1)], "notarizing does not forbid to skip");
        if restarts {
            peer.restart();
        }
        let notarized = peer.certificate(notarize(&block), &QUORUM);
        let outputs = peer.hear(0, Message::Certificate(notarized));
        assert!(!own_statements(&outputs, 1).contains(&finalize(&block)));
        assert_eq!(peer.engine.view(), View(2), "the certificate leads on all the same");
    }
}

#[test]
fn a_gap_needs_its_skip_certificates() {
    let mut peer = Peer::new();
    peer.hear(2, Message::Certificate(peer.certificate(skip(1), &QUORUM)));
    peer.hear(2, Message::Certificate(peer.certificate(skip(2), &QUORUM)));
    assert_eq!(peer.engine.view(), View(3));
    // A block of view 3 on genesis is justified; the same block at a node that lacks a certificate is not.
    let late = block(View(3), Parent::GENESIS, Height(1), 1);
    let mut outputs = peer.hear(2, peer.proposal(2, late.clone(), &[1, 2]));
    outputs.extend(peer.validated(&late));
    assert_eq!(own_statements(&outputs, 1), [notarize(&late)]);

    let mut lacking = Peer::new();
    lacking.hear(2, Message::Certificate(lacking.certificate(skip(2), &QUORUM))); // leads on to view 3 all the same
    assert_eq!(lacking.engine.view(), View(3));
    let mut outputs = lacking.hear(2, lacking.proposal(2, late.clone(), &[]));
    outputs.extend(lacking.validated(&late));
    assert_eq!(own_statements(&outputs, 1), [], "nothing says that view 1 was skipped");
}

#[test]
fn an_invalid_proposal_is_skipped_at_once() {
    let mut peer = Peer::new();
    let block = first(1);
    peer.hear(0, peer.proposal(0, block.clone(), &[]));
    let outputs = peer.give(Input::Validated { block: block.hash(), valid: false, timely: true });
    assert_eq!(own_statements(&outputs, 1), [skip(1)]);
}

#[test]
fn an_untimely_proposal_is_skipped_at_once_but_may_be_notarized_by_others() {
    let mut peer = Peer::new();
    let block = first(1);
    peer.hear(0, peer.proposal(0, block.clone(), &[]));
    let outputs = peer.give(Input::Validated { block: block.hash(), valid: true, timely: false });
    assert_eq!(own_statements(&outputs, 1), [skip(1)]);
    peer.hear(0, Message::Certificate(peer.certificate(notarize(&block), &QUORUM)));
    assert_eq!(peer.engine.view(), View(2));
    assert_eq!(committed(&peer.hear(0, Message::Certificate(peer.certificate(finalize(&block), &QUORUM)))), [block.hash()]);
}

#[test]
fn a_leader_that_proposes_twice_is_caught_and_skipped() {
    let mut peer = Peer::new();
    let (one, other) = (first(1), first(2));
    peer.hear(0, peer.proposal(0, one.clone(), &[]));
    let mut outputs = peer.hear(0, peer.proposal(0, other, &[]));
    let evidence: Vec<&Evidence> =
        outputs.iter().filter_map(|output| if let Output::Evidence(evidence) = output { Some(evidence) } else { None }).collect();
    assert_eq!(evidence.len(), 1);
    assert_eq!((evidence[0].authority(), evidence[0].view()), (AuthorityIndex(0), View(1)));
    evidence[0].verify(CHAIN, &peer.epoch).unwrap();
    outputs.extend(peer.validated(&one));
    assert_eq!(own_statements(&outputs, 1), [skip(1)]);
}

#[test]
fn evidence_needs_two_true_contradicting_votes() {
    let peer = Peer::new();
    let (one, other) = (first(1), first(2));
    let pairs = [
        (notarize(&one), notarize(&other), true),
        (finalize(&one), finalize(&other), true),
        (skip(1), finalize(&one), true),
        (finalize(&one), skip(1), true),
        (notarize(&one), notarize(&one), false),
        (notarize(&one), skip(1), false),
        (notarize(&one), finalize(&one), false),
        (skip(1), skip(2), false),
    ];
    for (a, b, contradicts) in pairs {
        assert_eq!(Evidence::new(peer.vote(0, a), peer.vote(0, b)).is_some(), contradicts, "{a:?} and {b:?}");
    }
    assert!(Evidence::new(peer.vote(0, notarize(&one)), peer.vote(1, notarize(&other))).is_none(), "two authors");
    let mut forged = peer.vote(0, notarize(&other));
    forged.signature = peer.vote(2, notarize(&other)).signature;
    let framed = Evidence::new(peer.vote(0, notarize(&one)), forged).unwrap();
    assert!(framed.verify(CHAIN, &peer.epoch).is_err(), "nobody is framed");
}

#[test]
fn an_idle_engine_starts_no_view_timer() {
    let mut peer = Peer::new();
    let view_timer = |outputs: &[Output]| outputs.iter().any(|o| matches!(o, Output::SetTimer { timer: TimerId::View, .. }));
    for _ in 0..5 {
        peer.now += Duration::from_secs(10);
        assert!(!view_timer(&peer.give(Input::Timer(TimerId::Standstill))));
    }
    assert_eq!(peer.engine.view(), View(1));
    assert!(view_timer(&peer.give(Input::WorkAvailable(true))));
    assert_eq!(own_statements(&peer.give(Input::Timer(TimerId::Leader)), 1), [skip(1)]);
}

#[test]
fn a_timer_that_was_cancelled_does_nothing() {
    let mut peer = Peer::new();
    peer.give(Input::WorkAvailable(true));
    peer.give(Input::WorkAvailable(false));
    for timer in [TimerId::Leader, TimerId::View] {
        assert_eq!(own_statements(&peer.give(Input::Timer(timer)), 1), []);
    }
}

#[test]
fn at_a_standstill_everything_that_matters_is_said_again() {
    let mut peer = Peer::new();
    let block = peer.notarize_first();
    peer.hear(0, Message::Certificate(peer.certificate(notarize(&block), &QUORUM)));
    peer.now += Duration::from_secs(10);
    peer.give(Input::Timer(TimerId::Standstill));
    let outputs = peer.give(Input::Timer(TimerId::Standstill));
    let again = own_statements(&outputs, 1);
    assert!(again.contains(&notarize(&block)) && again.contains(&finalize(&block)), "{again:?}");
    let certificates: Vec<_> = outputs
        .iter()
        .filter_map(
            |o| if let Output::Broadcast(Message::Certificate(certificate)) = o { Some(certificate.statement) } else { None },
        )
        .collect();
    assert!(certificates.contains(&notarize(&block)), "{certificates:?}");
}

#[test]
fn blocks_of_a_catch_up_are_believed_as_far_as_certificates_carry() {
    let mut peer = Peer::new();
    let one = first(1);
    let two = child(&one, 2);
    let three = child(&two, 3);
    let with = |block: &Block, certificate| FinalizedBlock { block: block.clone(), certificate, tail: Vec::new() };
    let proof = peer.certificate(finalize(&two), &QUORUM);

    // A chain without any certificate, one with another's, and one with a gap: nothing of them is taken.
    let unproved = vec![with(&one, None), with(&two, None)];
    let another = vec![with(&one, Some(proof.clone()))];
    let gap = vec![with(&two, Some(proof.clone()))];
    for blocks in [unproved, another, gap] {
        assert_eq!(committed(&peer.hear(2, Message::Blocks(blocks))), []);
    }
    // One certificate proves what is before it, and nothing after it.
    let outputs = peer.hear(2, Message::Blocks(vec![with(&one, None), with(&two, Some(proof)), with(&three, None)]));
    assert_eq!(committed(&outputs), [one.hash(), two.hash()]);
    assert_eq!(peer.engine.head().height, Height(2));
}

#[test]
fn who_is_behind_asks_and_goes_on_asking_others() {
    let mut peer = Peer::new();
    let ahead = child(&first(1), 2);
    let outputs = peer.hear(2, Message::Certificate(peer.certificate(finalize(&ahead), &QUORUM)));
    let asked = |outputs: &[Output]| {
        outputs.iter().find_map(|output| match output {
            Output::Send { to, message: Message::RequestBlocks { from } } => Some((to.0, *from)),
            _ => None,
        })
    };
    assert_eq!(asked(&outputs), Some((2, Height(1))), "whoever spoke of it has it");
    let mut others = std::collections::BTreeSet::new();
    for _ in 0..6 {
        let (to, from) = asked(&peer.give(Input::Timer(TimerId::CatchUp))).expect("it asks again");
        assert_eq!(from, Height(1));
        others.insert(to);
    }
    assert_eq!(others, [0, 2, 3].into(), "everyone but itself in turn");
}

#[test]
fn a_final_block_beside_the_final_chain_is_a_conflict_and_not_committed() {
    let mut peer = Peer::new();
    let block = peer.notarize_first();
    let proof = peer.certificate(finalize(&block), &QUORUM);
    assert_eq!(committed(&peer.hear(2, Message::Certificate(proof))), [block.hash()]);
    let rival = first(2);
    let after = child(&rival, 2);
    let outputs = [
        peer.hear(2, Message::Certificate(peer.certificate(finalize(&after), &QUORUM))),
        peer.hear(2, Message::Block(Box::new(after.clone()))),
    ]
    .concat();
    assert_eq!(committed(&outputs), []);
    assert!(outputs.iter().any(|output| matches!(output, Output::Conflict(proof) if proof.statement == finalize(&after))));
}

#[test]
fn the_leader_proposes_with_all_that_justifies_it() {
    let mut peer = Peer::new();
    peer.give(Input::WorkAvailable(true));
    let outputs = peer.hear(2, Message::Certificate(peer.certificate(skip(1), &QUORUM)));
    let Some(Output::Build { view, parent, empty }) = outputs.iter().find(|o| matches!(o, Output::Build { .. })) else {
        panic!("view 2 is this authority's: {outputs:?}")
    };
    assert_eq!((*view, *parent, *empty), (View(2), Parent::GENESIS, false));
    let own = block(View(2), Parent::GENESIS, Height(1), 1);
    let outputs = peer.give(Input::Built { view: View(2), block: Arc::new(own.clone()) });
    let sent =
        outputs.iter().find_map(|o| if let Output::Broadcast(Message::Proposal(proposal)) = o { Some(proposal) } else { None });
    let sent = sent.expect("it proposes");
    assert_eq!((&sent.block, sent.vote.statement), (&own, notarize(&own)));
    assert_eq!(sent.skips.iter().map(|skip| skip.statement).collect::<Vec<_>>(), [skip(1)]);
}

#[test]
fn a_leader_that_cannot_build_passes_on_at_once() {
    let mut peer = Peer::new();
    peer.give(Input::WorkAvailable(true));
    peer.hear(2, Message::Certificate(peer.certificate(skip(1), &QUORUM)));
    assert_eq!(own_statements(&peer.give(Input::BuildFailed { view: View(2) }), 1), [skip(2)]);
}

#[test]
fn the_fixed_leader_stays_until_it_fails_and_then_the_next_does() {
    let mut peer = Peer::with(LeaderPolicy::Fixed);
    let (mut parent, mut view) = (first(1), 1);
    peer.hear(2, Message::Certificate(peer.certificate(finalize(&parent), &QUORUM)));
    peer.hear(
        2,
        Message::Blocks(vec![FinalizedBlock {
            certificate: Some(peer.certificate(finalize(&parent), &QUORUM)),
            block: parent.clone(),
            tail: Vec::new(),
        }]),
    );
    for _ in 0..5 {
        assert_eq!(peer.engine.current_leader(), AuthorityIndex(0));
        view += 1;
        let next = child(&parent, view);
        let proof = peer.certificate(finalize(&next), &QUORUM);
        peer.hear(2, Message::Blocks(vec![FinalizedBlock::new(next.clone(), Some(proof)).unwrap()]));
        parent = next;
    }
    peer.hear(2, Message::Certificate(peer.certificate(skip(view + 1), &QUORUM)));
    assert_eq!(peer.engine.current_leader(), AuthorityIndex(1), "one skipped view passes leadership on");
}

/// The block of the first view, which prefers an authority for the views up to `until`.
fn preferring(leader: u16, until: u64) -> Block {
    let mut block = first(1);
    let BlockHeader { view, height, timestamp, .. } = block.header;
    block.header.preference =
        Some(Preference { term: 1, leader: AuthorityIndex(leader), since: view, height, at: timestamp, until: View(until) });
    block
}

/// A child that carries its parent's preference on.
fn following(parent: &Block, view: u64) -> Block {
    let mut block = child(parent, view);
    block.header.preference = parent.header.preference;
    block
}

#[test]
fn the_elected_leader_leads_until_it_fails_or_its_time_is_over() {
    let mut peer = Peer::with(LeaderPolicy::Elected);
    assert_eq!(peer.engine.current_leader(), AuthorityIndex(0), "nobody is preferred");
    let mut parent = preferring(2, 6);
    peer.learn(&parent);
    for view in 2..=4 {
        assert_eq!(peer.engine.current_leader(), AuthorityIndex(2), "view {view}");
        parent = following(&parent, view);
        peer.learn(&parent);
    }
    peer.hear(2, Message::Certificate(peer.certificate(skip(5), &QUORUM)));
    assert_eq!(peer.engine.current_leader(), AuthorityIndex(3), "a skipped view passes leadership on");
    peer.restart();
    assert_eq!(peer.engine.current_leader(), AuthorityIndex(3), "and a restart changes nothing");
    parent = following(&parent, 6);
    peer.learn(&parent);
    assert_eq!(peer.engine.current_leader(), AuthorityIndex(1), "view 7, one of which was skipped, as if nobody were preferred");
}

#[test]
fn who_builds_on_a_block_not_seen_yet_proves_who_may_lead() {
    let mut peer = Peer::with(LeaderPolicy::Elected);
    let parent = preferring(3, 100);
    peer.hear(2, Message::Certificate(peer.certificate(notarize(&parent), &QUORUM)));
    assert_eq!(peer.engine.view(), View(2));
    let next = following(&parent, 2);
    let mut propose = |who: u16, parent_header: Option<BlockHeader>| {
        let vote = peer.vote(who, notarize(&next));
        let proposal = Proposal { block: next.clone(), vote, parent: None, skips: Vec::new(), parent_header };
        let before = peer.engine.held().1;
        peer.hear(who, Message::Proposal(Box::new(proposal)));
        peer.engine.held().1 - before
    };
    assert_eq!(propose(3, None), 0, "nobody knows whether it may");
    let mut forged = parent.header.clone();
    forged.preference.as_mut().unwrap().leader = AuthorityIndex(0);
    assert_eq!(propose(0, Some(forged)), 0, "that is not the parent");
    assert_eq!(propose(0, Some(parent.header.clone())), 0, "another one is preferred");
    assert_eq!(propose(3, Some(parent.header.clone())), 1, "the preferred one proposes");
}

#[test]
fn a_preferred_leader_builds_and_shows_why_it_may() {
    let mut peer = Peer::with(LeaderPolicy::Elected);
    let parent = preferring(1, 100);
    peer.learn(&parent);
    let outputs = peer.give(Input::WorkAvailable(true));
    let asked = |output: &Output| matches!(output, Output::Build { view: View(2), .. });
    assert!(outputs.iter().any(asked) || peer.engine.current_leader() == AuthorityIndex(1));
    let block = Arc::new(following(&parent, 2));
    let outputs = peer.give(Input::Built { view: View(2), block });
    let shown = outputs.iter().find_map(|output| match output {
        Output::Broadcast(Message::Proposal(proposal)) => proposal.parent_header.clone(),
        _ => None,
    });
    assert_eq!(shown, Some(parent.header));
}

#[test]
fn votes_far_ahead_take_no_memory() {
    let mut peer = Peer::new();
    let before = peer.engine.held();
    for view in 10..500 {
        peer.hear(2, Message::Vote(peer.vote(2, skip(view))));
    }
    assert_eq!(peer.engine.held(), before);
}

#[test]
fn a_damaged_journal_is_refused_by_the_number_of_the_record() {
    let mut peer = Peer::new();
    peer.notarize_first();
    peer.journal[1].bytes.truncate(10);
    let error = Engine::recover(config(&peer.epoch, &peer.keys, 1), None, &peer.journal).unwrap_err();
    assert!(error.to_string().starts_with("journal record 1"), "{error}");
}

/// Where heights tell whose turn it is, whoever names another height or another parent must not take the leader's place.
#[test]
fn who_makes_up_a_height_or_a_parent_takes_nobodys_place() {
    for policy in [LeaderPolicy::Fixed, LeaderPolicy::Elected] {
        for unknown in [false, true] {
            let mut peer = Peer::with(policy);
            for view in 1..=3 {
                peer.hear(2, Message::Certificate(peer.certificate(skip(view), &QUORUM)));
            }
            assert_eq!(peer.engine.view(), View(4), "three views were skipped, so authority 3 leads");
            let parent = if unknown { Parent { view: View(3), hash: first(9).hash() } } else { Parent::GENESIS };
            let made_up = block(View(4), parent, Height(4), 7);
            let mut outputs = peer.hear(0, peer.proposal(0, made_up, &[1, 2, 3]));
            let true_one = block(View(4), Parent::GENESIS, Height(1), 1);
            outputs.extend(peer.hear(3, peer.proposal(3, true_one.clone(), &[1, 2, 3])));
            outputs.extend(peer.validated(&true_one));
            assert_eq!(own_statements(&outputs, 1), [notarize(&true_one)], "{policy:?}, of an unknown parent: {unknown}");
        }
    }
}
