//! File formats of other people.

pub mod blt;
