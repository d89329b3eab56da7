//! Signatures and Merkle trees.

pub mod keys;
pub mod merkle;

pub use keys::{KeyError, PublicKey, Signature, SigningKey};
pub use merkle::{InclusionProof, MerkleTree, leaf_hash, merkle_root};
