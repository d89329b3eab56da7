//! Every integration test of this crate, as one program: as programs of their own they would take longer to link than to run.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and tells what it saw")]

mod api;
mod assets;
mod auth;
mod backups;
mod bad_input;
mod board;
mod fuzz;
mod live;
mod openapi;
mod sealed;
mod support;
