//! Checks signatures of many entries at once, and the proofs of sealed ballots, on all cores, and each only once: an entry that
//! came with a proposal also comes from whoever shared it, before or after.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;
use voting_core::ChainId;
use voting_core::block::EntryBytes;
use voting_core::crypto::HashRng;
use voting_core::entry::{EntryError, VerifiedEntry};
use voting_core::ids::{ElectionId, EntryHash};
use voting_core::state::{LedgerState, Seal};

/// Up to this many signatures are checked where we stand: handing them to other threads costs more.
const INLINE: usize = 2;

/// A thread is worth waking for this many, half a millisecond of work: on a machine with several processes and few
/// cores, threads that look for smaller pieces cost more than they find.
const PER_THREAD: usize = 16;

/// Entries verified a moment ago: a few seconds of full load.
const REMEMBERED: usize = 32_768;
/// Their bytes together; sealed ballots have some thousand each. What is made of them takes up to three times as much.
const REMEMBERED_BYTES: usize = 24 * 1024 * 1024;

/// Sealed ballots whose proofs one thread verifies as one batch: more together hardly cost less each.
const SEALS_AT_ONCE: usize = 64;

/// Verifies entries, and remembers those that hold.
#[derive(Debug)]
pub(super) struct Verifier {
    chain: ChainId,
    recent: Mutex<Recent>,
}

#[derive(Debug, Default)]
struct Recent {
    entries: HashMap<EntryHash, Arc<VerifiedEntry>>,
    order: VecDeque<EntryHash>,
    bytes: usize,
}

impl Verifier {
    pub(super) fn new(chain: ChainId) -> Self {
        Self { chain, recent: Mutex::default() }
    }

    /// Verifies entries in parallel; results in the order given. The proofs of sealed ballots are verified for the elections of
    /// the state given; whether they hold is found in the entries by whoever applies them.
    pub(super) async fn verify_all(
        &self,
        entries: Vec<EntryBytes>,
        state: &LedgerState,
    ) -> Vec<Result<Arc<VerifiedEntry>, EntryError>> {
        let mut results: Vec<_> = {
            let recent = self.recent();
            entries.iter().map(|entry| recent.entries.get(&entry.hash()).cloned().map(Ok)).collect()
        };
        let (places, unknown): (Vec<usize>, Vec<EntryBytes>) =
            entries.into_iter().enumerate().filter(|(place, _)| results[*place].is_none()).unzip();
        let chain = self.chain;
        let verify = move |bytes: EntryBytes| VerifiedEntry::verify(bytes, chain).map(Arc::new);
        let verified: Vec<_> = if unknown.len() <= INLINE {
            unknown.into_iter().map(verify).collect()
        } else {
            blocking(move || unknown.into_par_iter().with_min_len(PER_THREAD).map(verify).collect()).await
        };
        let seals = seals(verified.iter().flatten(), state);
        if !seals.is_empty() {
            blocking(move || seals.into_par_iter().for_each(check)).await;
        }
        let mut recent = self.recent();
        for (place, result) in places.into_iter().zip(verified) {
            if let Ok(entry) = &result {
                recent.remember(entry);
            }
            results[place] = Some(result);
        }
        results.into_iter().flatten().collect()
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sealed ballots of one election, and what verifies their proofs.
type Sealed = (Arc<Seal>, Vec<Arc<VerifiedEntry>>);

/// The sealed ballots among entries, in batches for one thread each.
fn seals<'e>(entries: impl Iterator<Item = &'e Arc<VerifiedEntry>>, state: &LedgerState) -> Vec<Sealed> {
    let mut by_election: HashMap<ElectionId, Sealed> = HashMap::new();
    for entry in entries {
        if entry.ballot_hash().is_some()
            && let Some(id) = entry.entry().election()
            && let Some(seal) = state.election(id).and_then(|election| election.sealed()?.seal())
        {
            by_election.entry(id).or_insert_with(|| (Arc::clone(seal), Vec::new())).1.push(Arc::clone(entry));
        }
    }
    let threads = rayon::current_num_threads();
    let batches = by_election.into_values().flat_map(|(seal, entries)| {
        let size = entries.len().div_ceil(threads).clamp(1, SEALS_AT_ONCE);
        entries.chunks(size).map(|batch| (Arc::clone(&seal), batch.to_vec())).collect::<Vec<_>>()
    });
    batches.collect()
}

/// Verifies a batch; one by one where there is no randomness to weigh the proofs with.
fn check((seal, entries): Sealed) {
    let mut seed = [0; 32];
    if getrandom::fill(&mut seed).is_ok() {
        VerifiedEntry::check_seals(&entries, seal.verifier(), &mut HashRng::new(&seed));
    }
    entries.iter().for_each(|entry| entry.check_seal(seal.verifier()));
}

impl Recent {
    fn remember(&mut self, entry: &Arc<VerifiedEntry>) {
        if self.entries.insert(entry.hash(), Arc::clone(entry)).is_none() {
            self.order.push_back(entry.hash());
            self.bytes += entry.bytes().as_slice().len();
        }
        while self.order.len() > REMEMBERED || self.bytes > REMEMBERED_BYTES {
            let Some(oldest) = self.order.pop_front() else { break };
            let forgotten = self.entries.remove(&oldest).map_or(0, |entry| entry.bytes().as_slice().len());
            self.bytes = self.bytes.saturating_sub(forgotten);
        }
    }
}

/// Runs work that takes milliseconds where it does not keep other tasks waiting.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down and has refused the work: nobody waits for the result.
            Err(_) => std::future::pending().await,
        },
    }
}
