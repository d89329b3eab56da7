//! The offline verifier: recomputes everything a bundle claims, and trusts no server.
//!
//! ```text
//!  bundle ──frame──▶ structure ──batch──▶ signatures (in parallel) ──▶ replay, block by block ──▶ final checks
//!                    parents, payload     certificates, entries       the ledger's own rules     digest, recount
//! ```
//!
//! Each [`Check`] has a number, a stable code and a title; the first thing wrong ends the verification and
//! is named together with the place where it stands. Nothing out of a bundle that failed is shown: a
//! [`Summary`] exists only when every check passed.
//!
//! What is trusted: the genesis, which names the authorities. Pin its digest in [`Options::genesis`];
//! without that, a bundle proves only what it says about the network it describes itself. What is
//! proved beyond it: even a quorum that lies cannot produce a bundle in which a ballot breaks the
//! rules, is missing from its own election's digest, or is counted wrongly.
//!
//! Numbers are those of the project's list of checks; 2–4, 8, 9, 12, 13 and 15 concern sealed
//! ballots, and do not apply to open ones.

mod check;
mod ledger;
mod recount;
mod result;
mod sealed;

use std::io;
use std::sync::Arc;

use serde::Serialize;

pub use check::{Check, CheckResult, Failure, Location, Outcome};

use crate::bundle::{BundleReader, Manifest};
use crate::election::Phase;
use crate::ids::{BallotHash, BlockHash, ChainId, Digest, ElectionId, Height, PartitionId};
use crate::state::{ElectionState, Position};
use crate::tally::ElectionReport;
use crate::time::Timestamp;

/// What the verifier knows beforehand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Digest of the genesis to rely on. Without it the bundle's own is taken, and only reported.
    pub genesis: Option<Digest>,
    /// Blocks known from elsewhere, such as receipts and earlier bundles: this bundle must contain them.
    pub known: Vec<KnownBlock>,
    /// Ballots to look for. Not finding one is no failure; [`Summary::ballots`] says so.
    pub ballots: Vec<BallotHash>,
    /// Fresh and secret randomness, with which the proofs of sealed ballots are verified in batches. Without it they are verified
    /// one by one, which takes more than twice as long.
    pub randomness: Option<[u8; 32]>,
}

/// A block known from elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct KnownBlock {
    /// Its height.
    pub height: Height,
    /// Its hash.
    pub hash: BlockHash,
}

/// How far the verification is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read.
    pub bytes: u64,
    /// Blocks replayed.
    pub blocks: u64,
    /// Entries of the election replayed.
    pub entries: u64,
}

/// Runs jobs `0..n`, each once, in any order and on any number of threads, and returns when all are
/// done. With rayon: `|n, job| (0..n).into_par_iter().for_each(|i| job(i))`.
pub type Runner<'a> = dyn Fn(usize, &(dyn Fn(usize) + Sync)) + 'a;

/// Runs jobs one after the other.
pub fn one_by_one(jobs: usize, job: &(dyn Fn(usize) + Sync)) {
    (0..jobs).for_each(job);
}

/// The outcome of a verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Every check in the order of the list.
    pub checks: Vec<CheckResult>,
    /// What was proved; only if every check passed.
    pub summary: Option<Summary>,
    /// The first thing wrong, if any.
    pub failure: Option<Failure>,
}

impl Report {
    /// Whether everything holds.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.failure.is_none()
    }
}

/// What a bundle proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Name of the network.
    pub network: String,
    /// Digest of its genesis.
    pub genesis: Digest,
    /// Whether that digest was given beforehand.
    pub genesis_pinned: bool,
    /// The chain.
    pub chain: ChainId,
    /// Its place in the network.
    pub partition: PartitionId,
    /// How many chains the network has: with more than one, the election has a bundle in each.
    pub partitions: u16,
    /// Everyone who was an authority from the first block to the last, and how often each signed.
    pub authorities: Vec<AuthoritySummary>,
    /// Number of the epoch of the last block: how often the authorities had changed.
    pub epoch: u32,
    /// Authorities that make a quorum, at the last block.
    pub quorum: u16,
    /// Height of the first block.
    pub first_height: Height,
    /// The last block.
    pub last: KnownBlock,
    /// Time of the last block.
    pub last_timestamp: Timestamp,
    /// Root of the chain's state after it.
    pub state_root: Digest,
    /// The election.
    pub election: ElectionId,
    /// Its title.
    pub title: String,
    /// Where it stands.
    pub phase: Phase,
    /// Why it was cancelled, if it was.
    pub cancel_reason: Option<String>,
    /// What the bundle contains.
    pub counts: Manifest,
    /// The result, recounted; once the election is tallied.
    pub report: Option<ElectionReport>,
    /// Digest of that report.
    pub report_digest: Option<Digest>,
    /// The ballots looked for.
    pub ballots: Vec<BallotFinding>,
}

/// One authority in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuthoritySummary {
    /// Its name.
    pub name: String,
    /// Fingerprint of its key, for people to compare.
    pub fingerprint: String,
    /// Certificates in the bundle that it signed.
    pub signatures: u64,
}

/// A ballot looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BallotFinding {
    /// The ballot.
    pub ballot: BallotHash,
    /// Where it is recorded, if it is.
    pub position: Option<Position>,
    /// Whether it is the one that counts for its voter.
    pub counts: bool,
}

/// Verifies a bundle on this thread.
#[must_use]
pub fn verify(input: impl io::Read, options: &Options) -> Report {
    verify_with(input, options, &one_by_one, &mut |_| {})
}

/// Verifies a bundle, its signatures wherever `runner` runs them. `progress` is called now and then.
#[must_use]
pub fn verify_with(input: impl io::Read, options: &Options, runner: &Runner<'_>, progress: &mut dyn FnMut(Progress)) -> Report {
    verify_election(input, options, runner, progress).0
}

/// [`verify_with`], and the election as it was replayed, if every check passed: what a trustee computes the sums from that it
/// decrypts.
#[must_use]
pub fn verify_election(
    input: impl io::Read,
    options: &Options,
    runner: &Runner<'_>,
    progress: &mut dyn FnMut(Progress),
) -> (Report, Option<Arc<ElectionState>>) {
    let mut done = check::Done::default();
    match run(input, options, runner, progress, &mut done) {
        Ok((summary, election)) => (Report { checks: done.results(None), summary: Some(summary), failure: None }, Some(election)),
        Err(failure) => (Report { checks: done.results(Some(&failure)), summary: None, failure: Some(failure) }, None),
    }
}

fn run(
    input: impl io::Read,
    options: &Options,
    runner: &Runner<'_>,
    progress: &mut dyn FnMut(Progress),
    done: &mut check::Done,
) -> Result<(Summary, Arc<ElectionState>), Failure> {
    let mut reader = BundleReader::open(input).map_err(|error| Failure::new(Check::Format, Location::START, error))?;
    let mut replay = ledger::Replay::begin(reader.opening(), options)?;
    done.pass(Check::Genesis);
    loop {
        let at = reader.offset();
        let accepted = match reader.next_block() {
            Ok(None) => break,
            Ok(Some(block)) => replay.accept(block, at),
            Err(error) => Err(Failure::new(Check::Format, Location::byte(reader.offset()), error)),
        };
        if accepted.is_err() || replay.batch_is_full() {
            replay.flush(runner)?; // what stands before the fault is looked at first
            progress(replay.progress(reader.offset()));
        }
        accepted?;
    }
    replay.flush(runner)?;
    progress(replay.progress(reader.offset()));
    done.pass_all(&Check::STREAMED);
    let at = reader.offset();
    let closing = reader.closing().ok_or_else(|| Failure::new(Check::Format, Location::byte(at), "there is no closing frame"))?;
    result::finish(replay, closing, options, runner, done, at)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::bundle::BundleWriter;
    use crate::entry::Entry;
    use crate::epoch::Genesis;
    use crate::testing::chain::key;
    use crate::testing::{TestChain, ballot, definition};

    fn finished() -> (TestChain, ElectionId, Vec<BallotHash>) {
        let mut chain = TestChain::new(4);
        let election = definition(3, &["Ada", "Bob"]);
        chain.open_election(&election, 6).unwrap();
        let ballots: Vec<_> = (0..5).map(|n| ballot(chain.chain(), &election, &key(n), &[u16::from(n > 1)])).collect();
        chain.append(&ballots.iter().cloned().map(Entry::Cast).collect::<Vec<_>>()).unwrap();
        chain.finish_election(election.id).unwrap();
        (chain, election.id, ballots.iter().map(crate::ballot::SignedBallot::hash).collect())
    }

    fn export(chain: &TestChain, election: ElectionId) -> Vec<u8> {
        let mut writer = BundleWriter::begin(Vec::new(), &chain.genesis, PartitionId(0), &[], election).unwrap();
        chain.blocks.iter().for_each(|block| writer.block(block).unwrap());
        writer.finish(&chain.state).unwrap()
    }

    fn digest(genesis: &Genesis) -> Digest {
        crate::codec::Canonical::digest(genesis)
    }

    #[test]
    fn an_honest_bundle_passes_every_check() {
        let (chain, election, ballots) = finished();
        let block = &chain.blocks[2].block;
        let options = Options {
            genesis: Some(digest(&chain.genesis)),
            known: vec![KnownBlock { height: block.header.height, hash: block.hash() }],
            ballots: vec![ballots[4], BallotHash([7; 32])],
            ..Options::default()
        };
        let report = verify(export(&chain, election).as_slice(), &options);
        assert_eq!(report.failure, None);
        let open = report.checks.iter().filter(|check| check.outcome != Outcome::Passed);
        let open: Vec<_> = open.map(|check| (check.code, check.outcome)).collect();
        let sealed = ["ceremony", "election_key", "election_hash", "ranges", "limits", "aggregates", "decryptions", "challenges"];
        assert_eq!(open, sealed.map(|code| (code, Outcome::NotApplicable)));
        let summary = report.summary.unwrap();
        assert_eq!((summary.phase, summary.counts.ballots, summary.counts.voted), (Phase::Published, 5, 5));
        assert_eq!(summary.report.unwrap().contests[0].options[0].name, "Bob");
        assert_eq!(summary.authorities.iter().map(|a| a.signatures).collect::<Vec<_>>(), [10, 10, 10, 0]);
        assert!(summary.ballots[0].counts && summary.ballots[0].position.is_some());
        assert!(!summary.ballots[1].counts && summary.ballots[1].position.is_none());
    }

    #[test]
    fn what_is_not_there_yet_is_not_applicable() {
        let mut chain = TestChain::new(4);
        let election = definition(3, &["Ada", "Bob"]);
        chain.open_election(&election, 2).unwrap();
        let report = verify(export(&chain, election.id).as_slice(), &Options::default());
        assert!(report.holds());
        let skipped = report.checks.iter().filter(|check| check.outcome == Outcome::NotApplicable).map(|check| check.code);
        let of_results = ["labels", "totals", "extends", "recount"];
        assert_eq!(skipped.filter(|code| of_results.contains(code)).collect::<Vec<_>>(), of_results);
        assert_eq!(report.summary.unwrap().phase, Phase::Open);
    }

    #[test]
    fn the_genesis_can_be_pinned() {
        let (chain, election, _) = finished();
        let options = Options { genesis: Some(Digest([1; 32])), ..Options::default() };
        let report = verify(export(&chain, election).as_slice(), &options);
        assert_eq!(report.failure.unwrap().check, Check::Genesis);
        assert_eq!(report.summary, None);
    }

    #[test]
    fn known_blocks_must_be_there() {
        let (chain, election, _) = finished();
        let bytes = export(&chain, election);
        let last = chain.blocks.last().unwrap();
        let known = |height, hash| Options { known: vec![KnownBlock { height, hash }], ..Options::default() };
        let failed = |options: &Options| verify(bytes.as_slice(), options).failure.map(|failure| failure.check);
        assert_eq!(failed(&known(last.block.header.height, last.block.hash())), None);
        assert_eq!(failed(&known(last.block.header.height, BlockHash([1; 32]))), Some(Check::Extends));
        assert_eq!(failed(&known(last.block.header.height.next(), BlockHash([1; 32]))), Some(Check::Extends));
        assert_eq!(failed(&known(Height(0), BlockHash::GENESIS)), None);
        assert_eq!(failed(&known(Height(0), BlockHash([1; 32]))), Some(Check::Extends));
    }

    #[test]
    fn jobs_may_run_in_any_order_but_none_may_be_left_out() {
        let (chain, election, _) = finished();
        let bytes = export(&chain, election);
        let ran = Mutex::new(0);
        let threaded = |jobs: usize, job: &(dyn Fn(usize) + Sync)| {
            std::thread::scope(|scope| {
                for index in (0..jobs).rev() {
                    let ran = &ran;
                    scope.spawn(move || {
                        job(index);
                        *ran.lock().unwrap() += 1;
                    });
                }
            });
        };
        let mut last = Progress::default();
        let report = verify_with(bytes.as_slice(), &Options::default(), &threaded, &mut |progress| last = progress);
        assert!(report.holds());
        assert_eq!(*ran.lock().unwrap(), 10 + 14, "ten certificates, eight acts, one certification, five ballots");
        assert_eq!(last, Progress { bytes: bytes.len() as u64, blocks: 10, entries: 14 });
        let lazy = |jobs: usize, job: &(dyn Fn(usize) + Sync)| (1..jobs).for_each(job);
        assert!(!verify_with(bytes.as_slice(), &Options::default(), &lazy, &mut |_| {}).holds());
    }

    #[test]
    fn a_report_reads_well_as_json() {
        let (chain, election, _) = finished();
        let mut bytes = export(&chain, election);
        bytes.pop();
        let json = serde_json::to_value(verify(bytes.as_slice(), &Options::default())).unwrap();
        assert_eq!(json["failure"]["code"], "format");
        assert_eq!(json["checks"][0]["outcome"], "failed");
        assert_eq!(json["checks"][5]["number"], 5);
        assert_eq!(json["summary"], serde_json::Value::Null);
    }
}
