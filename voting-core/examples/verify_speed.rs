//! How fast a bundle is verified, and how much memory that takes:
//! `cargo run --release -p voting-core --features testing --example verify_speed [open|sealed] [BALLOTS]`.
//!
//! An election of five options is made up, opened, voted in by everybody, closed, and written to a file; then a process of its own
//! verifies that file on all cores as `voting verify` does, so that nothing but the verification is in its memory. Twice, with a
//! tenth of the ballots and with all: what grows with the ballots, and what does not, is told from the difference.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "it prints figures, and ends where something is wrong")]

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use rayon::prelude::*;
use voting_core::ballot::Selection;
use voting_core::block::EntryBytes;
use voting_core::bundle::BundleWriter;
use voting_core::crypto::HashRng;
use voting_core::election::{Contest, CountMethodId, ElectionDefinition, Phase};
use voting_core::entry::{Act, Entry, MAX_CERTIFIED_PER_ENTRY, TrusteeStep, VerifiedEntry};
use voting_core::ids::{ElectionId, PartitionId};
use voting_core::testing::chain::pseudonym;
use voting_core::testing::sealed::SealedChain;
use voting_core::testing::{TestChain, ballot, definition, key};
use voting_core::verify::{Options, verify_with};

/// Ballots in a block.
const BLOCK: u64 = 500;
const OPTIONS: [&str; 5] = ["Ada", "Bob", "Cyd", "Dee", "Eve"];
const MEGABYTE: f64 = 1_048_576.0;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["verify", file] => verify_alone(Path::new(file)),
        [] => ["open", "sealed"].into_iter().for_each(|kind| measure(kind, 10_000)),
        [kind] => measure(kind, 10_000),
        [kind, ballots, ..] => measure(kind, ballots.parse().expect("BALLOTS is a number")),
    }
}

fn measure(kind: &str, ballots: u64) {
    let seen = [ballots / 10, ballots].map(|ballots| {
        let file = std::env::temp_dir().join(format!("verify-speed-{}-{kind}-{ballots}", std::process::id()));
        let started = Instant::now();
        match kind {
            "open" => open(ballots, &file),
            "sealed" => sealed(ballots, &file),
            _ => panic!("`{kind}` is neither open nor sealed"),
        }
        let made = started.elapsed().as_secs_f64();
        let ended = Command::new(std::env::current_exe().unwrap()).arg("verify").arg(&file).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        let said = String::from_utf8(ended.stdout).unwrap();
        let [seconds, peak]: [f64; 2] =
            said.split_whitespace().map(|number| number.parse().unwrap()).collect::<Vec<_>>().try_into().unwrap();
        let size = std::fs::metadata(&file).unwrap().len() as f64 / MEGABYTE;
        std::fs::remove_file(&file).unwrap();
        println!(
            "{ballots} {kind} ballots, made in {made:.0} s: a bundle of {size:.0} MiB, verified in {seconds:.1} s, {:.0} ballots/s, \
             with {:.0} MiB of memory at the peak",
            ballots as f64 / seconds,
            peak / MEGABYTE
        );
        (ballots as f64, peak)
    });
    let [(few, low), (many, high)] = seen;
    let each = (high - low) / (many - few);
    println!("that is {each:.0} bytes for each ballot and {:.0} MiB whatever their number", (low - few * each) / MEGABYTE);
}

/// Verifies a file, and prints how many seconds and how many bytes of memory that took.
fn verify_alone(file: &Path) {
    let runner = |jobs: usize, job: &(dyn Fn(usize) + Sync)| (0..jobs).into_par_iter().for_each(job);
    let options = Options { randomness: Some([9; 32]), ..Options::default() };
    let started = Instant::now();
    let verified = verify_with(BufReader::new(File::open(file).unwrap()), &options, &runner, &mut |_| {});
    let seconds = started.elapsed().as_secs_f64();
    assert!(verified.holds(), "{:?}", verified.failure);
    println!("{seconds} {}", peak());
}

/// Bytes of this process's memory at its peak, as the system tells.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a system that tells of memory in /proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1_024
}

fn rules() -> ElectionDefinition {
    let mut election = definition(9, &OPTIONS);
    election.contests = vec![Contest::new("Who?", CountMethodId::Plurality, OPTIONS)];
    election
}

fn open(ballots: u64, file: &Path) {
    let (mut chain, election) = (TestChain::new(4), rules());
    let id = election.id;
    for act in [Act::Define(election.clone()), Act::SetRoll { size: ballots }] {
        let entry = chain.act(id, act);
        chain.append(&[entry]).unwrap();
    }
    let numbers: Vec<u64> = (0..ballots).collect();
    for some in numbers.chunks(MAX_CERTIFIED_PER_ENTRY) {
        let entry = chain.certification(id, some.iter().map(|number| (pseudonym(*number), 1, *number)));
        chain.append(&[entry]).unwrap();
    }
    for to in [Phase::Ready, Phase::Scheduled, Phase::Open] {
        let entry = chain.act(id, Act::Advance { to });
        chain.append(&[entry]).unwrap();
    }
    let of = chain.chain();
    cast(&mut chain, ballots, |voter| Entry::Cast(ballot(of, &election, &key(voter), &[(voter % 5) as u16])).to_bytes(), |_| {});
    chain.finish_election(id).unwrap();
    write(&chain, id, file);
}

fn sealed(ballots: u64, file: &Path) {
    let mut sealed = SealedChain::open(&rules(), 3, 5, ballots).unwrap();
    let (id, sealer) = (sealed.id, sealed.sealer());
    let seal = std::sync::Arc::clone(sealed.sealed().seal().unwrap());
    let made = |voter: u64| {
        let mut rng = HashRng::new(&voter.to_le_bytes());
        let chosen = [Selection::Marks(vec![(voter % 5) as u16])];
        Entry::Cast(sealer.seal(key(voter).public(), 1, &chosen, &mut rng).unwrap().cast(&key(voter))).to_bytes()
    };
    cast(&mut sealed.chain, ballots, made, |entries| {
        entries.par_chunks(64).enumerate().for_each(|(at, batch)| {
            VerifiedEntry::check_seals(batch, seal.verifier(), &mut HashRng::new(&at.to_le_bytes()));
        });
    });
    sealed.advance(Phase::Closed).unwrap();
    for trustee in [1, 2, 3] {
        let entry = sealed.trustee(trustee, TrusteeStep::Decrypt(sealed.part(trustee)));
        sealed.chain.append(&[entry]).unwrap();
    }
    sealed.chain.count_election(id).unwrap();
    write(&sealed.chain, id, file);
}

/// Has everybody vote, block by block, with entries made on all cores.
fn cast(chain: &mut TestChain, ballots: u64, made: impl Fn(u64) -> EntryBytes + Sync, checked: impl Fn(&[VerifiedEntry])) {
    let of = chain.chain();
    let numbers: Vec<u64> = (0..ballots).collect();
    for block in numbers.chunks(BLOCK as usize) {
        let entries: Vec<_> = block.par_iter().map(|voter| VerifiedEntry::verify(made(*voter), of).unwrap()).collect();
        checked(&entries);
        chain.append_verified(&entries).unwrap();
    }
}

fn write(chain: &TestChain, id: ElectionId, file: &Path) {
    let output = BufWriter::new(File::create(file).unwrap());
    let mut writer = BundleWriter::begin(output, &chain.genesis, PartitionId(0), &[], id).unwrap();
    chain.blocks.iter().for_each(|block| writer.block(block).unwrap());
    drop(writer.finish(&chain.state).unwrap());
}
