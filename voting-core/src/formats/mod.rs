//! File formats of other people: BLT.
