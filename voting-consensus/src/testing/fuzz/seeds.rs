//! What the fuzzer starts from.

use voting_core::block::{Block, FinalizedBlock};
use voting_core::certificate::{Certificate, Statement};
use voting_core::codec::Canonical as _;
use voting_core::epoch::LeaderPolicy;
use voting_core::ids::{AuthorityIndex, BlockHash, Height, View};
use voting_core::seams::JournalRecord;
use voting_core::testing::TestChain;
use voting_core::testing::fuzz::{Seed, known};

use super::host::{CHAIN, Host, key, vote};
use super::script::{Player, play};
use crate::journal::{Record, first_record};
use crate::message::{Message, Proposal, SignedView, ViewReport};

/// The leader of view 1 proposes, everyone votes, and the block is final.
const FIRST: &[u8] = &[0, 1, 10, 1, 16, 0, 3, 1, 1, 0, 9, 3, 0, 2, 0, 9, 3, 1, 2, 0, 9];
/// This authority leads view 2, and its block becomes final.
const SECOND: &[u8] = &[14, 0, 3, 0, 1, 2, 9, 3, 1, 1, 2, 9, 3, 0, 2, 2, 9, 3, 1, 2, 2, 9];
/// Work, and all timers run out.
const IMPATIENT: &[u8] = &[19, 0, 13, 0, 13, 1, 13, 3, 13, 3];
/// The others skip the current view.
const SKIPPED: &[u8] = &[7, 0, 0, 9];
/// Restart, crash after one record, loss of the journal.
const RESTART: &[u8] = &[21, 0];
const CRASH: &[u8] = &[21, 4, 1];
const LOSS: &[u8] = &[21, 7];
/// Three answers of views 3, 1 and 2.
const ANSWERS: &[u8] = &[12, 0, 10, 3, 12, 1, 10, 1, 12, 2, 10, 2];

/// Policies with the number that a script begins with.
const POLICIES: [(&str, u8); 3] = [("robin", 0), ("fixed", 1), ("elected", 2)];

fn scripts() -> Vec<Seed> {
    let scripts: [(&str, &[&[u8]]); 10] = [
        ("final", &[FIRST, SECOND]),
        ("skips", &[SKIPPED, SECOND, SKIPPED, SKIPPED, IMPATIENT, FIRST]),
        ("impatient", &[IMPATIENT, FIRST, IMPATIENT, SECOND]),
        ("restarts", &[RESTART, FIRST, RESTART, SECOND, RESTART, IMPATIENT]),
        ("crashes", &[CRASH, FIRST, CRASH, SECOND, CRASH, IMPATIENT]),
        ("loses", &[FIRST, LOSS, ANSWERS, IMPATIENT, SKIPPED, SECOND]),
        ("loses-and-is-lied-to", &[FIRST, LOSS, &ANSWERS[..8], &[12, 2, 10, 240], SKIPPED, IMPATIENT, SECOND]),
        ("behind", &[&[0, 1, 10, 0, 0], &[10, 0, 0, 9, 9], &[11, 0, 0, 5], &[11, 1, 3, 0], &[13, 2]]),
        ("epoch-ends", &[&[0, 1, 5, 1, 16, 0], &FIRST[6..], SECOND]),
        ("questions", &[&[11, 0, 0, 240], &[11, 0, 1, 1], &[11, 1, 2, 0], &[11, 0, 4, 7], FIRST, &[22, 0, 0, 22, 1, 1]]),
    ];
    let named = scripts.iter().flat_map(|(name, parts)| {
        POLICIES.map(|(policy, number)| {
            let bytes = [&[number], parts.concat().as_slice()].concat();
            Seed::new("consensus_engine", format!("{name}-{policy}"), bytes)
        })
    });
    named.collect()
}

/// A certificate of the three other authorities.
pub(super) fn certificate(statement: Statement) -> Certificate {
    let signatures = [0, 2, 3].map(|who| (AuthorityIndex(who), vote(who, statement).signature));
    Certificate { statement, signatures: signatures.into() }
}

/// A block with entries, of a chain of voting-core.
fn block() -> (Block, FinalizedBlock) {
    let chain: &TestChain = &known().chain;
    let finalized = chain.blocks.iter().find(|finalized| finalized.block.entries.len() > 1).unwrap_or(&chain.blocks[0]);
    (finalized.block.clone(), finalized.clone())
}

fn messages() -> Vec<Seed> {
    let (block, finalized) = block();
    let (view, hash) = (View(7), block.hash());
    let notarized = certificate(Statement::Notarize { view, block: hash });
    let report = ViewReport { chain: CHAIN, epoch: 0, view, nonce: [3; 32], authority: AuthorityIndex(2) };
    let skipped = certificate(Statement::Skip { view: View(6) });
    let header = Some(block.header.clone());
    let proposal = Proposal {
        vote: vote(0, Statement::Notarize { view, block: hash }),
        parent: Some(notarized.clone()),
        skips: vec![certificate(Statement::Skip { view: View(3) }), certificate(Statement::Skip { view: View(4) })],
        parent_header: header,
        block: block.clone(),
    };
    let with_tail = known().chain.blocks.iter().find(|finalized| !finalized.tail.is_empty()).cloned();
    let messages = [
        ("proposal", Message::Proposal(Box::new(proposal))),
        ("vote", Message::Vote(vote(3, Statement::Finalize { view, block: hash }))),
        ("certificate", Message::Certificate(notarized)),
        ("hello", Message::Hello { height: Height(9) }),
        ("request-blocks", Message::RequestBlocks { from: Height(1) }),
        ("blocks", Message::Blocks([Some(finalized), with_tail].into_iter().flatten().collect())),
        ("request-block", Message::RequestBlock { hash: BlockHash([7; 32]) }),
        ("block", Message::Block(Box::new(block))),
        ("ask-view", Message::AskView { nonce: [3; 32] }),
        ("in-view", Message::InView { stated: Box::new(SignedView::sign(report, &key(2))), entered: Some(skipped) }),
    ];
    messages.iter().map(|(name, message)| Seed::new("consensus_message", *name, message.to_canonical())).collect()
}

fn journals() -> Vec<Seed> {
    let mut host = Host::new(LeaderPolicy::RoundRobin { term: 1 });
    let script = [FIRST, SKIPPED, IMPATIENT].concat();
    host = Player::over(&script, host).finish();
    let odd = [Record::Silent { through: View(5) }, Record::Complete { learnt_in: Some(0) }].map(|record| record.to_journal(0));
    let of_others = Record::Vote(vote(2, Statement::Skip { view: View(3) })).to_journal(0);
    let block = Record::Block(block().0).to_journal(1);
    let all: Vec<JournalRecord> =
        [first_record()].into_iter().chain(host.journal().iter().skip(1).cloned()).chain(odd).chain([of_others, block]).collect();
    let seed = |(at, record): (usize, &JournalRecord)| Seed::new("consensus_journal", format!("{at:02}"), record.bytes.as_slice());
    all.iter().enumerate().map(seed).collect()
}

/// The seeds of this crate's targets.
#[must_use]
pub fn seeds() -> Vec<Seed> {
    scripts().iter().for_each(|seed| play(&seed.bytes));
    [scripts(), messages(), journals()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_reach_what_they_are_meant_to() {
        let host = || Host::new(LeaderPolicy::RoundRobin { term: 1 });
        let heights = |parts: &[&[u8]]| Player::over(&parts.concat(), host()).finish().blocks.len();
        assert_eq!(heights(&[FIRST]), 1);
        assert_eq!(heights(&[FIRST, SECOND]), 2);
        assert_eq!(heights(&[&[0, 1, 5, 1, 16, 0], &FIRST[6..]]), 1, "the last one of its epoch");
        let lost = Player::over(&[FIRST, LOSS].concat(), host()).finish();
        assert!(lost.engine.is_learning());
        assert!(!Player::over(&[FIRST, LOSS, ANSWERS].concat(), host()).finish().engine.is_learning());
    }
}
