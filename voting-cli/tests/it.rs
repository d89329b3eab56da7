//! Every integration test of this crate, as one program: as programs of their own they would take longer to link than to run.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and tells what it saw")]

mod backup;
mod board;
mod change;
mod cli;
mod clock;
mod cluster;
mod count;
mod docs;
mod e2e;
mod generate;
mod kill;
mod live;
mod methods;
mod sealed;
mod support;
mod votes;
