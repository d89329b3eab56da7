//! Checks signatures of many entries at once, on all cores.

use std::sync::Arc;

use rayon::prelude::*;
use voting_core::ChainId;
use voting_core::block::EntryBytes;
use voting_core::entry::{EntryError, VerifiedEntry};

/// Up to this many signatures are checked where we stand: handing them to other threads costs more.
const INLINE: usize = 2;

/// Verifies entries in parallel; results in the order given.
pub(super) async fn verify_all(entries: Vec<EntryBytes>, chain: ChainId) -> Vec<Result<Arc<VerifiedEntry>, EntryError>> {
    let verify = move |bytes: EntryBytes| VerifiedEntry::verify(bytes, chain).map(Arc::new);
    if entries.len() <= INLINE {
        return entries.into_iter().map(verify).collect();
    }
    blocking(move || entries.into_par_iter().map(verify).collect()).await
}

/// Runs work that takes milliseconds where it does not keep other tasks waiting.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down and has refused the work: nobody waits for the result.
            Err(_) => std::future::pending().await,
        },
    }
}
