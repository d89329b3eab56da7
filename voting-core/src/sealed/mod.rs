//! Sealed ballots: encrypted under a key that no single party holds, added up without being opened, decrypted as sums only.
//!
//! ```text
//!  trustees ──ceremony──▶ K ─────────────┐
//!                                        ▼
//!  choices ──Sealer──▶ Ballot ──SealVerifier──▶ VerifiedBallot ──Aggregate──▶ sums
//!                      │                 one by one, or in batches                   │
//!                      └ challenge: opened, recomputed, void                         ▼
//!                                    totals ◀──combine── PartialDecryption of at least t trustees
//! ```
//!
//! Threshold exponential ElGamal over Ristretto255: α = rG, β = mG + rK. Ciphertexts come with disjunctive Chaum–Pedersen proofs
//! that every value is in range and every contest's limit is kept; what nobody can see is still known to be a valid vote.
//! Everything is bound by Fiat–Shamir challenges over the whole statement to the [election](SealedElection), the voter's key and the
//! sequence number. docs/cryptography.md tells the protocol and what it does not promise, docs/SPEC.md section 20 every byte.
//!
//! This module is the arithmetic. It knows nothing of ledgers, of who may vote and when, or of which ballot of a voter counts.
//! Randomness comes from the caller, who must give a secure source; the same draws make the same bytes.

mod ballot;
pub mod ceremony;
mod contest;
mod decrypt;
mod dlog;
mod group;
mod key;
mod params;
mod range;
mod refusal;
mod seal;
mod tally;
mod transcript;
mod trustee;
mod verify;

pub(crate) use ballot::ciphertexts;
pub use ballot::{Branch, Ciphertext, MAX_SEALED_BALLOT_BYTES, RangeProof, SealedOption, SealedSelection, SeenCiphertexts};
pub(crate) use contest::check_contests;
pub use contest::{MAX_LIMIT_VALUES, SealedContest, UnsealableContest};
pub use decrypt::{Decryption, DecryptionError, DecryptionShare, PartialDecryption, PartialRefusal, combine, verify_partial};
pub use dlog::MAX_TOTAL;
pub use group::{Point, PointError, Scalar};
pub use params::{MAX_TRUSTEES, Parameters, ParametersError, SUITE, SealedElection, proof_hash};
pub use refusal::{BallotRefusal, Part};
pub use seal::{BallotOpening, OpenedOption, OpeningError, PreparedBallot, SealedElectionError, Sealer};
pub use tally::{Aggregate, SumError};
pub use transcript::SealedHash;
pub use trustee::{ShareOfKey, TrusteeKey};
pub use verify::{SealVerifier, VerifiedBallot};
