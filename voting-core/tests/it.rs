//! Every integration test of this crate, as one program: as programs of their own they would take longer to link than to run.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and tells what it saw")]

mod board_peers;
mod codec_properties;
mod common;
mod count_gregory;
mod count_peers;
mod count_properties;
mod count_sums;
mod counting;
mod epochs;
mod formats;
mod fuzz;
mod ledger_model;
mod life_cycle;
mod peer;
mod sealed_ceremony;
mod sealed_forgeries;
mod sealed_ledger;
mod sealed_life;
mod sealed_properties;
mod sealed_refusals;
mod sealed_vectors;
mod state_machine;
mod vectors;
mod verify_bundle;
