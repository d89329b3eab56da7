//! File formats of other people.

pub mod blt;
mod blt_write;
pub mod rankings_csv;
