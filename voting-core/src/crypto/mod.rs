//! Signatures and Merkle trees.

mod hash_rng;
pub mod keys;
pub mod merkle;

pub use hash_rng::HashRng;
pub use keys::{KeyError, PublicKey, Signature, SigningKey};
pub use merkle::{InclusionProof, MerkleTree, leaf_hash, merkle_root};
