//! Who coordinates: one of several candidates at a time, elected by a lease that it renews.
//!
//! The coordinator does what only one should do, for efficiency: it keeps the read models, and is
//! proposed to consensus as the preferred leader. Nothing depends on there being exactly one: a
//! coordinator that overslept its lease does work twice and no harm.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};
use voting_core::seams::{FencingToken, LockError, LockManager};

use crate::lock::LockGuard;

/// How long a leader that died is waited for.
pub const DEFAULT_LEASE: Duration = Duration::from_secs(3);
/// Pause after the locks could not be reached.
const PAUSE: Duration = Duration::from_millis(200);
/// A candidate asks anew after this long, so that its place in line does not grow stale.
const CAMPAIGN: Duration = Duration::from_secs(30);

/// Whether this process leads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Leading {
    /// The term's token, while it leads; terms of other holders have other tokens, later ones higher.
    pub token: Option<FencingToken>,
}

/// A candidate for a leadership, until it is dropped.
#[derive(Debug)]
pub struct Leadership {
    leading: watch::Receiver<Leading>,
    task: JoinHandle<()>,
}

impl Leadership {
    /// Runs for a leadership, whenever `fit` says so: a leader that is no longer fit steps down.
    #[must_use]
    pub fn run_for(locks: Arc<dyn LockManager>, name: impl Into<String>, lease: Duration, fit: watch::Receiver<bool>) -> Self {
        let (sender, leading) = watch::channel(Leading::default());
        let task = tokio::spawn(campaign(locks, name.into(), lease, fit, sender));
        Self { leading, task }
    }

    /// Whether this process leads, as it changes.
    #[must_use]
    pub fn leading(&self) -> watch::Receiver<Leading> {
        self.leading.clone()
    }
}

impl Drop for Leadership {
    fn drop(&mut self) {
        self.task.abort(); // the guard in it releases the lease
    }
}

async fn campaign(
    locks: Arc<dyn LockManager>,
    name: String,
    lease: Duration,
    mut fit: watch::Receiver<bool>,
    sender: watch::Sender<Leading>,
) {
    loop {
        if becomes(&mut fit, true).await.is_err() {
            return;
        }
        match LockGuard::acquire(Arc::clone(&locks), &name, lease, CAMPAIGN).await {
            Ok(guard) => {
                info!(%name, token = %guard.token(), "leading from now on");
                sender.send_replace(Leading { token: Some(guard.token()) });
                tokio::select! {
                    () = guard.lost() => warn!(%name, "the leadership is lost"),
                    _ = becomes(&mut fit, false) => info!(%name, "stepping down"),
                }
                sender.send_replace(Leading::default());
            }
            Err(LockError::Timeout { .. }) => {}
            Err(error) => {
                warn!(%name, %error, "no leadership can be had");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Waits for a value; an error when nobody can set it any more.
async fn becomes(watched: &mut watch::Receiver<bool>, value: bool) -> Result<(), watch::error::RecvError> {
    watched.wait_for(|now| *now == value).await.map(drop)
}
