//! Whatever bytes come over a link or lie in a store: functions that take any bytes and panic only if a rule is broken. As
//! [`voting_core::testing::fuzz`].

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use voting_core::block::EntryBytes;
use voting_core::codec::Canonical;
use voting_core::crypto::Signature;
use voting_core::ids::{AuthorityIndex, BlockHash, ElectionId, EntryHash, Height, View};
use voting_core::seams::MessageKind;
use voting_core::testing::chain::authority_key;
use voting_core::testing::fuzz::{Seed, Target, known, one_spelling};

use crate::clock::{ClockAnswer, ClockMessage, ClockState, ClockSummary, SignedClockAnswer};
use crate::follow::{Blocks, Follow, RefusedEntries, RefusedEntry};
use crate::inquiry::{Answer, Inquiry, Question, Response};
use crate::membership::{Heartbeat, Load, SignedHeartbeat};
use crate::node::SharedEntries;
use crate::transport::Frame;

/// Every target of this crate.
pub const TARGETS: [Target; 2] = [
    Target { name: "cluster_frames", run: frames, variants: 2_000 },
    Target { name: "cluster_messages", run: messages, variants: 1_000 },
];

/// What a peer sends over a direct link: frames that are written as they were read, up to the first that is none.
pub fn frames(data: &[u8]) {
    let mut rest = data;
    loop {
        let before = rest;
        match Frame::read(&mut rest).now_or_never().expect("bytes in memory are there at once") {
            Ok(frame) => {
                let read = &before[..before.len() - rest.len()];
                let mut written = BytesMut::new();
                frame.write(&mut written);
                assert_eq!(written, read, "another way to write {frame:?}");
                assert!(frame.len() <= read.len());
            }
            Err(error) => {
                let kinds = [std::io::ErrorKind::UnexpectedEof, std::io::ErrorKind::InvalidData];
                assert!(kinds.contains(&error.kind()), "{error}");
                return;
            }
        }
    }
}

/// What nodes say to each other beside consensus: the first byte says what it is, the rest is decoded.
pub fn messages(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else { return };
    match kind {
        0 => drop(one_spelling::<Follow>(bytes)),
        1 => drop(one_spelling::<Blocks>(bytes)),
        2 => drop(one_spelling::<RefusedEntries>(bytes)),
        3 => drop(one_spelling::<Inquiry>(bytes)),
        4 => drop(one_spelling::<Response>(bytes)),
        5 => {
            let Some(signed) = one_spelling::<SignedHeartbeat>(bytes) else { return };
            let chain = &known().chain;
            if let Some(said) = signed.verify(chain.chain(), &chain.genesis.epoch) {
                assert_eq!(said, heartbeat(), "a heartbeat is forged");
            }
        }
        6 => drop(one_spelling::<SharedEntries>(bytes)),
        7 => {
            let Some(ClockMessage::Answer(signed)) = one_spelling::<ClockMessage>(bytes) else { return };
            let chain = &known().chain;
            if let Some(said) = signed.verify(chain.chain(), &chain.genesis.epoch) {
                assert_eq!(said, clock_answer(), "what time it is is forged");
            }
        }
        _ => {}
    }
}

/// The one heartbeat that was ever signed.
fn heartbeat() -> Heartbeat {
    Heartbeat {
        chain: known().chain.chain(),
        epoch: 0,
        authority: AuthorityIndex(2),
        started: voting_core::testing::TestChain::FOUNDED,
        sequence: 7,
        at: voting_core::testing::TestChain::FOUNDED,
        view: View(9),
        leader: AuthorityIndex(1),
        height: Height(8),
        head: BlockHash([3; 32]),
        clock: ClockSummary {
            state: ClockState::Synced,
            master: Some(AuthorityIndex(1)),
            offset_us: Some(-12),
            bound_us: 400_000,
            delay_us: Some(900),
            rate_ppb: -7_000,
            machine_us: Some(60_000_000),
            outliers: vec![AuthorityIndex(2)],
        },
        load: Load { cpu_permille: 15, memory_bytes: 1 << 24, write_p99_us: 900, waiting: 3, taken: 4 },
    }
}

/// The one answer to a question for the time that was ever signed.
fn clock_answer() -> ClockAnswer {
    ClockAnswer {
        chain: known().chain.chain(),
        epoch: 0,
        authority: AuthorityIndex(2),
        number: 11,
        received_us: 1_800_000_000_000_000,
        answered_us: 1_800_000_000_000_040,
        corrected: Some((-60_000_000, 400_000)),
    }
}

/// The seeds of this crate's targets.
///
/// # Panics
/// If the known network has no blocks.
#[must_use]
pub fn seeds() -> Vec<Seed> {
    let chain = &known().chain;
    let entries = chain.blocks.iter().flat_map(|finalized| &finalized.block.entries);
    let entries: Vec<EntryBytes> = entries.rev().take(3).cloned().collect();
    let with_tail = chain.blocks.iter().filter(|finalized| !finalized.tail.is_empty());
    let blocks: Vec<_> = chain.blocks.iter().take(2).chain(with_tail).cloned().collect();
    let head = blocks.last().expect("a chain with blocks").block.header.height;
    let refused =
        |code: &str, reason: &str| RefusedEntry { entry: EntryHash([4; 32]), code: code.to_owned(), reason: reason.to_owned() };
    let checkpoint = Question::Checkpoint { election: ElectionId([3; ElectionId::LEN]), size: 7 };
    let hashes = vec![EntryHash([1; 32]), EntryHash([2; 32])];
    let signed = SignedHeartbeat::sign(heartbeat(), &authority_key(2));
    let foreign = SignedHeartbeat::sign(Heartbeat { epoch: 1, ..heartbeat() }, &authority_key(2));
    let messages = [
        ("follow", 0, Follow { from: Height(7) }.to_canonical()),
        ("blocks", 1, Blocks { head, blocks }.to_canonical()),
        ("no-blocks", 1, Blocks { head: Height(0), blocks: Vec::new() }.to_canonical()),
        ("refused", 2, RefusedEntries(vec![refused("already_voted", "the voter has voted"), refused("", "ü")]).to_canonical()),
        ("inquiry", 3, Inquiry { number: 5, question: Question::Holding(hashes) }.to_canonical()),
        ("inquiry-checkpoint", 3, Inquiry { number: 6, question: checkpoint }.to_canonical()),
        ("response", 4, Response { number: 5, answer: Answer::Holding(vec![true, false]) }.to_canonical()),
        ("response-checkpoint", 4, Response { number: 6, answer: Answer::Checkpoint(Some(Signature([7; 64]))) }.to_canonical()),
        ("heartbeat", 5, signed.to_canonical()),
        ("heartbeat-of-another-epoch", 5, foreign.to_canonical()),
        ("entries", 6, SharedEntries(entries).to_canonical()),
        ("clock-question", 7, ClockMessage::Question(11).to_canonical()),
        ("clock-answer", 7, ClockMessage::Answer(SignedClockAnswer::sign(clock_answer(), &authority_key(2))).to_canonical()),
    ];
    let mut seeds: Vec<Seed> = Vec::new();
    let mut all = BytesMut::new();
    for (at, (name, kind, bytes)) in messages.iter().enumerate() {
        seeds.push(Seed::new("cluster_messages", *name, [&[*kind], bytes.as_slice()].concat()));
        if bytes.len() < 300 {
            let kind = MessageKind::from_number(at as u8 % 8 + 1).expect("there are eight kinds of messages");
            let asks = if at % 2 == 0 { at as u64 } else { u64::MAX };
            Frame::Message { kind, asks, bytes: Bytes::from(bytes.clone()) }.write(&mut all);
        }
    }
    [Frame::Taken(7), Frame::Ping(8), Frame::Pong(u64::MAX)].iter().for_each(|frame| frame.write(&mut all));
    let mut empty = BytesMut::new();
    let kind = MessageKind::from_number(1).expect("there are eight kinds of messages");
    Frame::Message { kind, asks: 0, bytes: Bytes::new() }.write(&mut empty);
    seeds.push(Seed::new("cluster_frames", "all", all.to_vec()));
    seeds.push(Seed::new("cluster_frames", "empty", empty.to_vec()));
    seeds.push(Seed::new("cluster_frames", "none", [0; 4]));
    seeds
}
