//! Placeholder for receipt.
