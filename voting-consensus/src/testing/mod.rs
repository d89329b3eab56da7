//! For tests: what takes any bytes, and what an engine's future depends on.

pub mod fuzz;

pub use crate::engine::essence::{BlockEssence, Essence, ViewEssence};
