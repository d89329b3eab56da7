//! How long sealed ballots take, beside the crate elastic-elgamal on the same curve arithmetic:
//! `cargo run --release -p voting-core --example sealed_speed [BALLOTS]`.
//!
//! One question, one mark, no blank: what both can do. Both prove that every option is 0 or 1 and that their sum is 1. Ours reads
//! points from their bytes when it verifies; elastic-elgamal keeps them decoded, and verifies one ballot at a time. One thread.

#![allow(clippy::print_stdout, reason = "it prints figures")]

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::Instant;

use elastic_elgamal::app::{ChoiceParams, EncryptedChoice};
use elastic_elgamal::{Keypair, group::Ristretto};
use voting_core::ballot::{Ballot, Selection};
use voting_core::codec::Canonical;
use voting_core::crypto::SigningKey;
use voting_core::ids::ElectionId;
use voting_core::sealed::{Point, SealVerifier, SealedContest, SealedHash, Sealer};

/// Ballots that are verified together.
const BATCH: usize = 256;
/// Every figure is the best of so many runs, taken in turn: what else runs on the machine then matters less.
const RUNS: usize = 7;

fn main() {
    let ballots = std::env::args().nth(1).map_or(256, |ballots| ballots.parse::<usize>().expect("BALLOTS is a number"));
    println!("{ballots} ballots, one thread, batches of {BATCH}; ballots per second of a core, best of {RUNS} runs\n");
    println!("{:<8} {:<16} {:>10} {:>10} {:>10} {:>12}", "options", "", "seal", "verify", "in batches", "bytes each");
    for options in [2, 5, 10] {
        let mut speeds = [[0.0_f64; 3]; 2];
        let mut bytes = 0;
        for _ in 0..RUNS {
            let (ours, length) = ours(options, ballots);
            bytes = length;
            for (best, now) in speeds.iter_mut().zip([ours, theirs(options, ballots)]) {
                best.iter_mut().zip(now).for_each(|(best, now)| *best = best.max(now));
            }
        }
        let [ours, theirs] = speeds;
        println!("{options:<8} {:<16} {:>10.0} {:>10.0} {:>10.0} {bytes:>12}", "voting-core", ours[0], ours[1], ours[2]);
        println!("{:<8} {:<16} {:>10.0} {:>10.0} {:>10}", "", "elastic-elgamal", theirs[0], theirs[1], "-");
        let ratios = [ours[0] / theirs[0], ours[1] / theirs[1], ours[2] / theirs[1]];
        println!("{:<8} {:<16} {:>9.2}x {:>9.2}x {:>9.2}x", "", "ratio", ratios[0], ratios[1], ratios[2]);
    }
    println!("\nverifying the voter's signature: {:.0} a second", signatures(ballots));
}

/// Time that this thread has had on a processor, where the system tells, so that what else runs there does not count; or else
/// time that has passed.
fn now() -> f64 {
    static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);
    let ran = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = ran.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| STARTED.elapsed().as_secs_f64(), |nanoseconds| nanoseconds / 1e9)
}

fn per_second(count: usize, started: f64) -> f64 {
    count as f64 / (now() - started)
}

fn ours(options: u16, count: usize) -> ([f64; 3], usize) {
    let mut rng = rand::rng();
    let key = "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76".parse::<Point>().expect("it is a point");
    let contest = SealedContest::marks(options, 1, 1, false).expect("the limits can be met");
    let election = SealedHash([7; 64]);
    let voter = SigningKey::from_seed([1; 32]).public();
    let sealer = Sealer::new(ElectionId([7; 16]), election, &key, vec![contest.clone()]).expect("the key is usable");
    let verifier = SealVerifier::new(election, &key, vec![contest]).expect("the key is usable");

    let started = now();
    let seal = |n: usize| {
        let selection = [Selection::Marks(vec![n as u16 % options])];
        sealer.seal(voter, 1, &selection, &mut rng).expect("the choice is valid").challenge().0
    };
    let ballots: Vec<Ballot> = (0..count).map(seal).collect();
    let sealing = per_second(count, started);

    let started = now();
    assert!(ballots.iter().all(|ballot| verifier.verify(ballot).is_ok()));
    let singly = per_second(count, started);

    let mut rng = rand::rng();
    let started = now();
    assert!(ballots.chunks(BATCH).all(|batch| verifier.verify_batch(batch, &mut rng).iter().all(Result::is_ok)));
    ([sealing, singly, per_second(count, started)], ballots.first().map_or(0, |ballot| ballot.to_canonical().len()))
}

fn theirs(options: u16, count: usize) -> [f64; 3] {
    let mut rng = rand::rng();
    let options = usize::from(options);
    let (receiver, _) = Keypair::<Ristretto>::generate(&mut rng).into_tuple();
    let params = ChoiceParams::single(receiver, options);

    let started = now();
    let ballots: Vec<_> = (0..count).map(|n| EncryptedChoice::single(&params, n % options, &mut rng)).collect();
    let sealing = per_second(count, started);

    let started = now();
    assert!(ballots.iter().all(|ballot| black_box(ballot).verify(&params).is_ok()));
    [sealing, per_second(count, started), 0.0]
}

/// What each ballot takes besides.
fn signatures(count: usize) -> f64 {
    let key = SigningKey::from_seed([1; 32]);
    let signature = key.sign(&[7; 700]);
    let started = now();
    assert!((0..count).all(|_| black_box(key.public()).verify(&[7; 700], &signature)));
    per_second(count, started)
}
