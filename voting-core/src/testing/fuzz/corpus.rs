//! The corpus of the fuzz targets, replayed by ordinary tests: every file as it is, and damaged in many ways.
//!
//! ```text
//!  fuzz/corpus/TARGET/seed-*         made by the tests from code; written anew with VOTING_BLESS=1
//!                    /regression-*   what once broke something
//! ```

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crate::testing::Numbers;

/// Folders begin with the name of the crate whose targets they are for.
const OWNERS: [&str; 4] = ["core_", "consensus_", "cluster_", "gateway_"];
/// Bytes of all files together: what a repository carries without thinking about it.
const CORPUS_BYTES_MAX: u64 = 500 * 1024;
/// Changes made to one file at once.
const CHANGES_MAX: u64 = 4;
/// Longest input made here; what breaks at a larger size breaks by a bound that has a test of its own.
const INPUT_BYTES_MAX: usize = 64 * 1024;
/// What lengths and counts like to be wrong by.
const CLAIMS: [u64; 10] = [0, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, u64::MAX - 1, u64::MAX];

/// A function that must take any bytes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Name of the fuzz target and of its corpus.
    pub name: &'static str,
    /// Panics if a rule is broken.
    pub run: fn(&[u8]),
    /// Damaged variants of each file that ordinary tests try, unless `VOTING_FUZZ_VARIANTS` says how many: few where one
    /// takes long.
    pub variants: u64,
}

/// An input to start from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// Name of the target.
    pub target: &'static str,
    /// Name among the target's seeds.
    pub name: String,
    /// The input.
    pub bytes: Vec<u8>,
}

impl Seed {
    /// A seed of a target.
    pub fn new(target: &'static str, name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { target, name: name.into(), bytes: bytes.into() }
    }
}

/// The project's `fuzz` folder, seen from the folder of one of its crates.
#[must_use]
pub fn folder(crate_folder: &str) -> PathBuf {
    Path::new(crate_folder).join("../fuzz")
}

/// The files of a target's corpus, by name.
fn files(folder: &Path, target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let corpus = folder.join("corpus").join(target);
    let listed = fs::read_dir(&corpus).unwrap_or_else(|error| panic!("{}: {error}", corpus.display()));
    let mut paths: Vec<PathBuf> = listed.map(|entry| entry.expect("a folder that can be listed").path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(&path).expect("a file of the corpus"))).collect()
}

/// Runs a target on its corpus, and on damaged variants of each file.
///
/// # Panics
/// As the target does; the file, the seed of the variant and where the input was left are printed before.
pub fn replay(folder: &Path, target: &Target) {
    let files = files(folder, target.name);
    assert!(!files.is_empty(), "{} has no corpus", target.name);
    let variants = std::env::var("VOTING_FUZZ_VARIANTS").ok().and_then(|number| number.parse().ok()).unwrap_or(target.variants);
    let inputs: Vec<&[u8]> = files.iter().map(|(_, bytes)| bytes.as_slice()).collect();
    for (at, (path, bytes)) in files.iter().enumerate() {
        attempt(target, bytes, &format!("{}", path.display()));
        for seed in 0..variants {
            let variant = damaged(bytes, &inputs, seed ^ ((at as u64) << 32));
            attempt(target, &variant, &format!("{}, damaged with seed {seed}", path.display()));
        }
    }
}

fn attempt(target: &Target, bytes: &[u8], what: &str) {
    if catch_unwind(AssertUnwindSafe(|| (target.run)(bytes))).is_err() {
        let kept = std::env::temp_dir().join(format!("regression-{}-{}", target.name, crate::Digest::of_parts("input", &[bytes])));
        let place = fs::write(&kept, bytes).map_or_else(|error| error.to_string(), |()| kept.display().to_string());
        let told = format!("fuzz target {} fails on {what} ({} bytes, kept in {place})", target.name, bytes.len());
        panic!("{told}"); // what the target said stands above already
    }
}

/// What a file becomes on a bad way: a few bits, bytes, lengths and pieces are changed, here and there for those of others.
#[must_use]
pub fn damaged(bytes: &[u8], others: &[&[u8]], seed: u64) -> Vec<u8> {
    let mut numbers = Numbers::new(seed);
    let mut bytes = bytes.to_vec();
    for _ in 0..=numbers.below(CHANGES_MAX) {
        change(&mut bytes, others, &mut numbers);
    }
    bytes.truncate(INPUT_BYTES_MAX);
    bytes
}

fn change(bytes: &mut Vec<u8>, others: &[&[u8]], numbers: &mut Numbers) {
    let length = bytes.len();
    let at = numbers.below(length as u64 + 1) as usize;
    let end = at + numbers.below((length - at).min(64) as u64 + 1) as usize;
    match numbers.below(9) {
        0 | 1 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << numbers.below(8)),
        2 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = numbers.below(256) as u8),
        3 => bytes.truncate(at),
        4 => drop(bytes.drain(at..end)),
        5 => claim(bytes, at, numbers),
        6 => {
            let again = bytes[at..end].to_vec();
            drop(bytes.splice(at..at, again));
        }
        7 => {
            let noise: Vec<u8> = (0..numbers.below(16)).map(|_| numbers.below(256) as u8).collect();
            drop(bytes.splice(at..at, noise));
        }
        _ => {
            let Some(other) = others.get(numbers.below(others.len().max(1) as u64) as usize) else { return };
            let from = numbers.below(other.len() as u64 + 1) as usize;
            let to = from + numbers.below((other.len() - from) as u64 + 1) as usize;
            drop(bytes.splice(at..end, other[from..to].iter().copied()));
        }
    }
}

/// Writes a number where a length may stand, in any width and either order.
fn claim(bytes: &mut [u8], at: usize, numbers: &mut Numbers) {
    let number = CLAIMS[numbers.below(CLAIMS.len() as u64) as usize];
    let width = [1, 2, 4, 8][numbers.below(4) as usize];
    let mut digits = number.to_le_bytes();
    if numbers.below(4) == 0 {
        digits[..width].reverse();
    }
    bytes.iter_mut().skip(at).zip(&digits[..width]).for_each(|(byte, digit)| *byte = *digit);
}

/// Compares the seeds of a crate's targets with the committed ones; writes them anew if `VOTING_BLESS` is 1.
///
/// # Panics
/// If a seed is missing, other than it should be, or not made any more.
pub fn check_seeds(folder: &Path, targets: &[Target], seeds: &[Seed]) {
    let blessing = std::env::var_os("VOTING_BLESS").is_some_and(|value| value == "1");
    for target in targets {
        let corpus = folder.join("corpus").join(target.name);
        let of_target: Vec<&Seed> = seeds.iter().filter(|seed| seed.target == target.name).collect();
        let names: BTreeSet<String> = of_target.iter().map(|seed| format!("seed-{}", seed.name)).collect();
        assert!(!names.is_empty() && names.len() == of_target.len(), "{}: every seed has a name of its own", target.name);
        if blessing {
            fs::create_dir_all(&corpus).expect("a folder that can be written");
        }
        for (path, _) in files(folder, target.name) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            match name.starts_with("seed-") && !names.contains(&name) {
                true if blessing => fs::remove_file(&path).expect("a file that can be removed"),
                true => panic!("{} is made by nothing any more; VOTING_BLESS=1 removes it", path.display()),
                false => assert!(name.starts_with("seed-") || name.starts_with("regression-"), "{}", path.display()),
            }
        }
        for seed in of_target {
            let path = corpus.join(format!("seed-{}", seed.name));
            if blessing {
                fs::write(&path, &seed.bytes).expect("a file that can be written");
            }
            let committed = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert!(committed == seed.bytes, "{} is stale; VOTING_BLESS=1 writes it anew", path.display());
        }
    }
}

/// Checks that a crate's targets, their programs for the fuzzer and their corpora are the same, and that the whole corpus
/// stays small.
///
/// # Panics
/// Naming what is missing or too much.
pub fn check_folders(folder: &Path, owner: &str, targets: &[Target]) {
    let expected: BTreeSet<String> = targets.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(expected.len(), targets.len(), "names of targets are of one target each");
    assert!(OWNERS.contains(&owner) && expected.iter().all(|name| name.starts_with(owner)));
    let names = |of: &Path, ending: &str| -> BTreeSet<String> {
        let listed = fs::read_dir(of).unwrap_or_else(|error| panic!("{}: {error}", of.display()));
        let names = listed.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.filter_map(|name| Some(name.strip_suffix(ending)?.to_owned())).collect()
    };
    let corpora = names(&folder.join("corpus"), "");
    let programs = names(&folder.join("fuzz_targets"), ".rs");
    assert_eq!(corpora, programs, "every target has a corpus, and every corpus a target");
    assert!(corpora.iter().all(|name| OWNERS.iter().any(|owner| name.starts_with(owner))), "{corpora:?}");
    let own: BTreeSet<String> = corpora.iter().filter(|name| name.starts_with(owner)).cloned().collect();
    assert_eq!(own, expected, "the folder has the targets of this crate");
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("the manifest of the fuzz targets");
    for name in &expected {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in the manifest");
    }
    let bytes: u64 = corpora.iter().flat_map(|name| files(folder, name)).map(|(_, bytes)| bytes.len() as u64).sum();
    assert!(bytes <= CORPUS_BYTES_MAX, "the corpus has {bytes} bytes");
}
