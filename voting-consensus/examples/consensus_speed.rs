//! What consensus itself costs, and what a leader's death does:
//! `cargo run --release -p voting-consensus --features sim --example consensus_speed [SEEDS]`.
//!
//! Blocks are empty, messages arrive at once, nothing is written: what is left is the engine, signatures, and who says what to whom.
//! One thread. The deaths happen in the simulator, on simulated time.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "it prints figures, and measures time")]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use voting_consensus::sim::{FAILOVER_DELAY_MS, failover};
use voting_consensus::{Engine, EngineConfig, Input, Message, Output, VerifyEach, VerifyVote, first_record};
use voting_core::block::{Block, BlockHeader, Parent, payload_root};
use voting_core::certificate::{CertificateError, Vote};
use voting_core::codec::Canonical;
use voting_core::crypto::SigningKey;
use voting_core::epoch::{Authority, Epoch, LeaderPolicy, QuorumRule, Timers};
use voting_core::ids::{AuthorityIndex, ChainId, Digest, Height, View};
use voting_core::time::Timestamp;

const CHAIN: ChainId = ChainId([1; 32]);
/// Authorities, and blocks to be made final by them.
const SIZES: [(usize, u64); 4] = [(4, 2_000), (7, 1_000), (16, 200), (31, 50)];
/// Authorities of networks in which leaders die.
const BEREAVED: [usize; 4] = [4, 7, 16, 31];

fn main() {
    let seeds: u64 = std::env::args().nth(1).map_or(1_000, |seeds| seeds.parse().expect("SEEDS is a number"));
    println!(
        "{:>11}  {:>6}  {:>9} {:>10} {:>10}   {:>9} {:>9}",
        "authorities", "quorum", "messages", "bytes", "inputs", "steps/s", "blocks/s"
    );
    for (n, blocks) in SIZES {
        for (what, verifier) in [("", Arc::new(VerifyEach) as Arc<dyn VerifyVote>), (" unverified", Arc::new(Trust))] {
            let mut cluster = Cluster::new(n, verifier);
            let started = Instant::now();
            cluster.run(blocks);
            let (seconds, per_block) = (started.elapsed().as_secs_f64(), |count: u64| count / blocks);
            println!(
                "{n:>11}  {:>6}  {:>9} {:>10} {:>10}   {:>9.0} {:>9.0}{what}",
                cluster.quorum,
                per_block(cluster.messages),
                per_block(cluster.bytes),
                per_block(cluster.steps),
                cluster.steps as f64 / seconds,
                blocks as f64 / seconds
            );
        }
    }
    println!("\nmessages, bytes and inputs of all engines together, for one final block\n");
    deaths(seeds);
}

/// From a leader's death to the next final block.
fn deaths(seeds: u64) {
    let Timers { leader_timeout_ms, view_timeout_ms, .. } = Timers::default();
    println!(
        "from a leader's death to the next leader's first final block, {seeds} seeds, messages take 1 to {FAILOVER_DELAY_MS} ms"
    );
    println!("{:>11}  {:>7} {:>7} {:>7} {:>7}   timeouts", "authorities", "p50", "p90", "p99", "max");
    for n in BEREAVED {
        let mut waits: Vec<Duration> = (0..seeds).map(|seed| failover(seed, n).expect("a quorum goes on")).collect();
        waits.sort_unstable();
        let at = |share: usize| waits[(waits.len() - 1) * share / 1_000].as_millis();
        println!(
            "{n:>11}  {:>4} ms {:>4} ms {:>4} ms {:>4} ms   {leader_timeout_ms} ms for a proposal, {view_timeout_ms} ms for a view",
            at(500),
            at(900),
            at(990),
            at(1_000)
        );
    }
}

/// Takes every vote for true: what is left is the engine.
#[derive(Debug)]
struct Trust;

impl VerifyVote for Trust {
    fn verify(&self, _: &Vote, _: ChainId, _: &Epoch) -> Result<(), CertificateError> {
        Ok(())
    }
}

/// Engines that hear each other at once, in the order of speaking.
struct Cluster {
    quorum: u16,
    engines: Vec<Engine>,
    queue: VecDeque<(usize, AuthorityIndex, Arc<Message>)>,
    steps: u64,
    messages: u64,
    bytes: u64,
}

impl Cluster {
    fn new(n: usize, verifier: Arc<dyn VerifyVote>) -> Self {
        let keys: Vec<SigningKey> = (0..n).map(|i| SigningKey::from_seed([i as u8 + 1; 32])).collect();
        let named = |(i, key): (usize, &SigningKey)| Authority { name: format!("a{i}"), key: key.public() };
        let authorities = keys.iter().enumerate().map(named).collect();
        let quorum = QuorumRule::Byzantine.threshold(n).expect("a quorum of so many");
        let leader = LeaderPolicy::RoundRobin { term: 1 };
        let epoch = Arc::new(Epoch { number: 0, authorities, quorum, leader, timers: Timers::default() });
        let engine = |(i, key): (usize, SigningKey)| {
            let mut config = EngineConfig::new(CHAIN, Arc::clone(&epoch), AuthorityIndex(i as u16), key);
            config.verifier = Arc::clone(&verifier);
            Engine::recover(config, None, &[first_record()]).expect("the journal is new")
        };
        let engines = keys.into_iter().enumerate().map(engine).collect();
        Self { quorum, engines, queue: VecDeque::new(), steps: 0, messages: 0, bytes: 0 }
    }

    /// Goes on until so many blocks are final at every engine.
    fn run(&mut self, blocks: u64) {
        for node in 0..self.engines.len() {
            self.give(node, Input::Start);
            self.give(node, Input::WorkAvailable(true));
        }
        while self.engines.iter().any(|engine| engine.head().height < Height(blocks)) {
            let (to, from, message) = self.queue.pop_front().expect("there is always something to say");
            self.give(to, Input::Message { from, message: message.as_ref().clone() });
        }
    }

    fn give(&mut self, node: usize, input: Input) {
        let me = AuthorityIndex(node as u16);
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            self.steps += 1;
            for output in self.engines[node].handle(Duration::ZERO, input) {
                match output {
                    Output::Broadcast(message) => {
                        let others: Vec<usize> = (0..self.engines.len()).filter(|other| *other != node).collect();
                        self.say(me, &others, message);
                    }
                    Output::Send { to, message } => self.say(me, &[usize::from(to.0)], message),
                    Output::Build { view, parent, .. } => {
                        let block = Arc::new(Self::block(view, parent));
                        inputs.push(Input::Built { view, block });
                    }
                    Output::Validate { block } => inputs.push(Input::Validated { block: block.hash(), valid: true, timely: true }),
                    _ => {}
                }
            }
        }
    }

    fn say(&mut self, me: AuthorityIndex, to: &[usize], message: Message) {
        self.messages += to.len() as u64;
        self.bytes += (message.to_canonical().len() * to.len()) as u64;
        let message = Arc::new(message);
        self.queue.extend(to.iter().map(|to| (*to, me, Arc::clone(&message))));
    }

    /// An empty block. Every view yields one here, so that heights are views.
    fn block(view: View, parent: Parent) -> Block {
        let header = BlockHeader {
            chain: CHAIN,
            epoch: 0,
            view,
            height: Height(view.0),
            parent,
            payload_root: payload_root(&[]),
            entries: 0,
            state_root: Digest::ZERO,
            timestamp: Timestamp::from_millis(1_000 + view.0).expect("a time"),
            preference: None,
            successor: None,
        };
        Block { header, entries: Vec::new() }
    }
}
