//! Sealed ballots.

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

pub use ballot::{
    Branch, Ciphertext, MAX_SEALED_BALLOT_BYTES, RangeProof, SealedBallot, SealedOption, SealedSelection, SeenCiphertexts,
    SignedSealedBallot,
};
pub use contest::{MAX_LIMIT_VALUES, SealedContest, UnsealableContest};
pub use decrypt::{Decryption, DecryptionError, DecryptionShare, PartialDecryption, PartialRefusal, combine, verify_partial};
pub use dlog::MAX_TOTAL;
pub use group::{Point, PointError, Scalar};
pub use params::{MAX_TRUSTEES, Parameters, ParametersError, SUITE, SealedElection, ballot_hash};
pub use refusal::{BallotRefusal, Part};
pub use seal::{BallotOpening, OpenedOption, OpeningError, PreparedBallot, SealError, SealedElectionError, Sealer};
pub use tally::{Aggregate, SumError};
pub use transcript::SealedHash;
pub use trustee::{ShareOfKey, TrusteeKey};
pub use verify::{SealVerifier, VerifiedBallot};
