//! For tests of this crate and of programs that embed it: a chain in memory, elections to fill it
//! with, conformance suites for the seams, and what takes any bytes.

pub mod chain;
pub mod conformance;
mod draws;
pub mod fuzz;
mod numbers;
pub mod sealed;

pub use chain::{TestChain, ballot, definition, key};
pub use draws::Draws;
pub use numbers::Numbers;
