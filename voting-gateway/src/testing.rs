//! For tests: what takes any bytes.

pub mod fuzz;
