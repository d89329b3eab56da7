//! For tests of this crate and of programs that embed it: a chain in memory, elections to fill it
//! with, and conformance suites for the seams.

pub mod chain;
pub mod conformance;
mod numbers;

pub use chain::{TestChain, ballot, definition, key};
pub use numbers::Numbers;
