//! Checks signatures of many entries at once, on all cores, and each only once: an entry that came
//! with a proposal also comes from whoever shared it, before or after.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;
use voting_core::ChainId;
use voting_core::block::EntryBytes;
use voting_core::entry::{EntryError, VerifiedEntry};
use voting_core::ids::EntryHash;

/// Up to this many signatures are checked where we stand: handing them to other threads costs more.
const INLINE: usize = 2;

/// A thread is worth waking for this many, half a millisecond of work: on a machine with several processes and few
/// cores, threads that look for smaller pieces cost more than they find.
const PER_THREAD: usize = 16;

/// Entries verified a moment ago: a few seconds of full load, some 20 MB.
const REMEMBERED: usize = 32_768;

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
}

impl Verifier {
    pub(super) fn new(chain: ChainId) -> Self {
        Self { chain, recent: Mutex::default() }
    }

    /// Verifies entries in parallel; results in the order given.
    pub(super) async fn verify_all(&self, entries: Vec<EntryBytes>) -> Vec<Result<Arc<VerifiedEntry>, EntryError>> {
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

impl Recent {
    fn remember(&mut self, entry: &Arc<VerifiedEntry>) {
        if self.entries.insert(entry.hash(), Arc::clone(entry)).is_none() {
            self.order.push_back(entry.hash());
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
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
