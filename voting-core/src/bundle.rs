//! Placeholder for bundle.
