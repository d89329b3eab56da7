//! Signatures and Merkle trees.

pub mod keys;
pub mod merkle;

pub use keys::{KeyError, PublicKey, Signature, SigningKey};
pub use merkle::{InclusionProof, leaf_hash, merkle_root};
