//! Placeholder for verify.
