//! Every integration test of this crate, as one program: as programs of their own they would take longer to link than to run.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and tells what it saw")]

mod clock;
mod engine;
mod epochs;
mod fuzz;
mod learning;
mod machines;
mod model;
mod mutations;
mod peer;
mod simulation;
