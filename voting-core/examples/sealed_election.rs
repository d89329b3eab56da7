//! A whole sealed election in one process, with figures:
//! `cargo run --release -p voting-core --features testing --example sealed_election [BALLOTS]`.
//!
//! Five options, one mark or blank; first preferences are drawn so that some options are liked better. Every hundredth voter tests the
//! seal first. Three of five trustees decrypt: one is absent, and one cheats and is refused. The result is compared with a count of
//! what the voters chose, the bundle is verified on all cores, and then with a flipped bit at many places, which must be found.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "it prints figures, and ends where something is wrong")]

use std::time::Instant;

use rayon::prelude::*;
use voting_core::ballot::Selection;
use voting_core::bundle::BundleWriter;
use voting_core::codec::Canonical as _;
use voting_core::crypto::HashRng;
use voting_core::election::{CountMethodId, ElectionDefinition, Phase};
use voting_core::entry::{Challenge, Entry, TrusteeStep, VerifiedEntry};
use voting_core::ids::PartitionId;
use voting_core::testing::sealed::SealedChain;
use voting_core::testing::{Numbers, definition, key};
use voting_core::verify::{Options, verify_with};

/// Ballots in a block.
const BLOCK: usize = 500;
/// Places of the bundle at which a bit is flipped.
const FLIPS: usize = 40;

fn main() {
    let ballots = std::env::args().nth(1).map_or(10_000, |ballots| ballots.parse::<u64>().expect("BALLOTS is a number"));
    let options = ["Ada", "Bob", "Cyd", "Dee", "Eve"];
    let mut election = definition(9, &options);
    election.contests = vec![voting_core::election::Contest::new("Who?", CountMethodId::Plurality, options)];
    let election = ElectionDefinition { title: "Sealed".to_owned(), ..election };
    let mut sealed = SealedChain::open(&election, 3, 5, ballots).unwrap();
    println!("{ballots} voters, 5 options and blank, 3 of 5 trustees, {} cores", rayon::current_num_threads());

    let mut numbers = Numbers::new(2026);
    let choose = |_| match numbers.below(16) {
        0 => None,
        n => Some((n as f64).log2() as u16 + u16::from(n == 15)),
    };
    let choices: Vec<Option<u16>> = (0..ballots).map(choose).collect();
    let say = |choice: &Option<u16>| vec![choice.map_or(Selection::Blank, |mark| Selection::Marks(vec![mark]))];
    let sealer = sealed.sealer();
    let (entries, seconds) = timed(|| {
        let cast = |at: usize| {
            let (voter, seed) = (key(at as u64), format!("voter {at}"));
            let mut rng = HashRng::new(seed.as_bytes());
            let tested = at.is_multiple_of(100).then(|| {
                let (ballot, opening) = sealer.seal(voter.public(), 1, &say(&choices[at]), &mut rng).unwrap().challenge();
                Entry::challenge(Challenge { ballot, opening }, &voter).to_bytes()
            });
            let cast = Entry::Cast(sealer.seal(voter.public(), 1, &say(&choices[at]), &mut rng).unwrap().cast(&voter)).to_bytes();
            (tested, cast)
        };
        (0..choices.len()).into_par_iter().map(cast).collect::<Vec<_>>()
    });
    let bytes = entries.first().map_or(0, |(_, cast)| cast.as_slice().len());
    println!("sealed and signed on all cores: {:.0} ballots/s, {bytes} bytes each", ballots as f64 / seconds);

    let entries: Vec<_> = entries.into_iter().flat_map(|(tested, cast)| tested.into_iter().chain([cast])).collect();
    let ((), seconds) = timed(|| {
        for block in entries.chunks(BLOCK) {
            sealed.chain.append_verified(&verify_block(&sealed, block)).unwrap();
        }
    });
    println!("verified and applied, block by block: {:.0} ballots/s", ballots as f64 / seconds);
    assert_eq!((sealed.election().voted(), sealed.sealed().challenged()), (ballots, ballots.div_ceil(100)));

    sealed.advance(Phase::Closed).unwrap();
    let ((), seconds) = timed(|| {
        for trustee in [1, 4, 3, 5] {
            let mut part = sealed.part(trustee); // trustee 2 does not come
            if trustee == 4 {
                part.contests[0][1].share = part.contests[0][2].share;
            }
            let entry = sealed.trustee(trustee, TrusteeStep::Decrypt(part));
            let accepted = sealed.chain.append(&[entry]).map(|_| ());
            assert_eq!(accepted.map_err(|refusal| refusal.code()).err(), (trustee == 4).then_some("sealed_decryption_proof"));
        }
    });
    println!("decrypted by trustees 1, 3 and 5; trustee 4 cheated and was refused, trustee 2 was absent: {seconds:.2} s");
    let tally = sealed.election().tally().unwrap().clone();
    let count = |option| choices.iter().filter(|choice| **choice == option).count() as u64;
    let expected: Vec<u64> = (0..5).map(|option| count(Some(option))).collect();
    assert_eq!((&tally.0[0].options, tally.0[0].blank), (&expected, count(None)), "the sums are what the voters chose");
    println!("the sums are what the voters chose: {expected:?} and {} blank", count(None));

    sealed.chain.count_election(sealed.id).unwrap();
    let mut writer = BundleWriter::begin(Vec::new(), &sealed.chain.genesis, PartitionId(0), &[], sealed.id).unwrap();
    sealed.chain.blocks.iter().for_each(|block| writer.block(block).unwrap());
    let bundle = writer.finish(&sealed.chain.state).unwrap();
    let verify = |bundle: &[u8]| {
        let options = Options { genesis: Some(sealed.chain.genesis.digest()), randomness: Some([9; 32]), ..Options::default() };
        let runner = |jobs: usize, job: &(dyn Fn(usize) + Sync)| (0..jobs).into_par_iter().for_each(job);
        verify_with(bundle, &options, &runner, &mut |_| {})
    };
    let (verified, seconds) = timed(|| verify(&bundle));
    assert!(verified.holds(), "{:?}", verified.failure);
    println!("the bundle of {} MB verifies: {:.0} ballots/s, {seconds:.1} s", bundle.len() / 1_000_000, ballots as f64 / seconds);

    let (found, seconds) = timed(|| {
        let places = (0..FLIPS).map(|n| (n * 2 + 1) * bundle.len() / (2 * FLIPS));
        let flipped = |at: usize| {
            let mut damaged = bundle.clone();
            damaged[at] ^= 1 << (at % 8);
            !verify(&damaged).holds()
        };
        places.filter(|at| flipped(*at)).count()
    });
    assert_eq!(found, FLIPS, "every flipped bit is found");
    println!("{found} of {FLIPS} flipped bits were found, in {seconds:.0} s");
}

/// A block's entries with their signatures checked and the proofs of its ballots verified, as an authority does it.
fn verify_block(sealed: &SealedChain, block: &[voting_core::block::EntryBytes]) -> Vec<VerifiedEntry> {
    let chain = sealed.chain.chain();
    let verified: Vec<_> = block.par_iter().map(|bytes| VerifiedEntry::verify(bytes.clone(), chain).unwrap()).collect();
    let verifier = sealed.sealed().seal().unwrap().verifier();
    verified.par_chunks(64).enumerate().for_each(|(at, batch)| {
        VerifiedEntry::check_seals(batch, verifier, &mut HashRng::new(&at.to_le_bytes()));
    });
    verified
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let started = Instant::now();
    let made = work();
    (made, started.elapsed().as_secs_f64())
}
