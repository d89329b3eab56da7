//! What every backend of a seam must do: one suite per trait, one public function per promise.
//!
//! A suite knows neither runtime nor backend. It takes a builder that makes fresh backends, each with
//! a guard that keeps what it stands on (a folder, a server), and that lends the runtime:
//!
//! ```text
//!  suite::run_all(&builder) ─▶ builder.build() ─▶ (guard, backend) ─▶ one case
//! ```
//!
//! Cases panic when a promise is broken. They never wait for a fixed time in the hope that something
//! has happened by then; where a promise is about time, they let time pass through [`Runtime::pass`],
//! so that backends with a clock of their own are tested without delay.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;

pub mod clock;
pub mod ledger;
pub mod lock;
pub mod queue;
pub mod store;
pub mod transport;

/// A piece of work that runs beside others.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Longest that anything in a suite may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(60);
/// A moment that outlasts the time a call takes, on a slow machine too.
const MOMENT: Duration = Duration::from_millis(500);

/// What suites need of the runtime they run on.
#[async_trait]
pub trait Runtime: Send + Sync {
    /// Lets time pass, for this task and for the backend.
    async fn pass(&self, time: Duration);

    /// Runs tasks side by side to their ends.
    ///
    /// # Panics
    /// When one of them does.
    async fn together(&self, tasks: Vec<Task>);
}

/// Polls a future once: starts a call that is to wait.
async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

fn task(work: impl Future<Output = ()> + Send + 'static) -> Task {
    Box::pin(work)
}
