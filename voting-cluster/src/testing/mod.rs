//! For tests of what stands on these backends: a whole network of processes, a plan of faults drawn from a seed,
//! and a judge of what clients and authorities saw.
//!
//! ```text
//!  schedule ──what fails, and when──▶ deployment ──ledgers──▶ history ──▶ Summary, or the Violation by name
//!                                     (or servers)    notes of clients ─────▲
//! ```
//!
//! What cannot be started panics with the reason: a test has nothing to go on with. What was observed is judged
//! without panics, so that a test can say what else it knows before it fails. `docs/testing.md` has examples.

pub mod deployment;
pub mod fuzz;
pub mod history;
pub mod http;
pub mod schedule;

pub use crate::local::{NODE_TIMEOUT, Process, RedisServers, ServerId, Spawn};
pub use deployment::{Deployment, Part};

#[cfg(doctest)]
#[doc = include_str!("../../../docs/testing.md")]
struct Guide;
