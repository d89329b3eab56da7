//! Files of ballots, as others write them, and the sheet of a count, as returning officers publish it.

pub mod blt;
mod blt_write;
pub mod rankings_csv;
pub mod sheet;
