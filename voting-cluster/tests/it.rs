//! Every integration test of this crate, as one program: as programs of their own they would take longer to link than to run.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and tells what it saw")]

mod clock;
mod conformance;
mod conformance_damage;
mod direct;
mod epochs;
mod faults;
mod follow;
mod fuzz;
mod locks;
mod network;
mod redis_conformance;
mod redis_faults;
mod support;
