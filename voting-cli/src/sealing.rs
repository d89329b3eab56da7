//! Sealing ballots on this machine, to a key that a quorum of the authorities has certified.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use voting_core::ballot::{Ballot, Selection};
use voting_core::crypto::{HashRng, PublicKey, SigningKey};
use voting_core::receipt::ElectionProof;
use voting_core::sealed::{BallotOpening, PreparedBallot, Sealer};
use voting_core::{Canonical as _, Digest};
use zeroize::Zeroizing;

use crate::api::{Election, ElectionProofAnswer};
use crate::client::{Auth, Client};
use crate::exit::{CliError, Result};
use crate::keys::random_seed;
use crate::pinned::Trusted;

fn lies(what: String) -> CliError {
    CliError::verification(what, "do not vote here; tell whoever runs the election")
}

/// Seals ballots of one election.
pub(crate) struct BallotSealer {
    sealer: Sealer,
}

impl BallotSealer {
    /// For an election as the server shows it; none if its ballots are open. That this is so, and that sealed ballots are sealed to
    /// the right key, is not believed: a quorum of the authorities must have certified it. A server that shows a sealed election
    /// as an open one would learn a choice, even if the ballot then counted for nothing.
    pub(crate) async fn of(client: &Client, trusted: &Trusted, election: &Election) -> Result<Option<Self>> {
        let early = || CliError::usage("the election's key is not made yet", "wait until its trustees have held their ceremony");
        let bound = match &election.sealing {
            Some(sealing) => Some(sealing.election(election.context).ok_or_else(early)?),
            None => None,
        };
        let context = bound.as_ref().map_or(election.context, |bound| bound.hash().context());
        let answer: ElectionProofAnswer = client.get(&format!("/elections/{}/proof", election.id), Auth::IfSignedIn).await?;
        let proof = BASE64.decode(&answer.proof).map_err(|error| error.to_string());
        let proof = proof.and_then(|bytes| ElectionProof::from_canonical(&bytes).map_err(|error| error.to_string()));
        let proof = proof.map_err(|reason| lies(format!("what should prove the election is no proof: {reason}")))?;
        let certified = trusted.verify_election(client, &proof).await;
        let (certified, _) =
            certified.map_err(|reason| lies(format!("no quorum of the authorities has certified the election: {reason}")))?;
        if certified.id != election.id || certified.context != context {
            let what = "the server shows another election, other trustees or another key than the authorities have certified";
            return Err(lies(what.to_owned()));
        }
        let Some(bound) = bound else { return Ok(None) };
        let hash = bound.hash();
        let registrar = election.registrar.ok_or_else(|| lies("the server does not name the registrar".to_owned()))?;
        let contests = election.definition(registrar).sealed_contests().map_err(|error| lies(error.to_string()))?;
        let sealer = Sealer::new(election.id, hash, &bound.key, contests).map_err(|error| lies(error.to_string()))?;
        Ok(Some(Self { sealer }))
    }

    /// Recomputes an opened ballot: what it held.
    pub(crate) fn open(&self, ballot: &Ballot, opening: &BallotOpening) -> Result<Vec<Selection>> {
        self.sealer.open(ballot, opening).map_err(|error| {
            let next = "do not vote with this program: it seals something else than it says";
            CliError::verification(format!("the seal does not hold: {error}"), next)
        })
    }

    /// Seals choices so that the same call makes the same ballot: the randomness is drawn from the voter's secret key. For imports,
    /// whose voters are keys in a file.
    pub(crate) fn seal_again(&self, voter: &SigningKey, sequence: u32, selections: &[Selection]) -> Result<PreparedBallot> {
        let (secret, sequence_bytes) = (Zeroizing::new(voter.to_seed()), sequence.to_le_bytes());
        let seed = Digest::of_parts("voting/import-seal/v1", &[secret.as_slice(), &sequence_bytes]);
        self.seal_with(voter.public(), sequence, selections, &mut HashRng::new(&seed.0))
    }

    /// Seals a voter's choices, with fresh randomness that is forgotten with the ballot.
    pub(crate) fn seal(&self, voter: PublicKey, sequence: u32, selections: &[Selection]) -> Result<PreparedBallot> {
        let seed = random_seed()?;
        self.seal_with(voter, sequence, selections, &mut HashRng::new(seed.as_slice()))
    }

    fn seal_with(&self, voter: PublicKey, sequence: u32, selections: &[Selection], rng: &mut HashRng) -> Result<PreparedBallot> {
        self.sealer
            .seal(voter, sequence, selections, rng)
            .map_err(|error| CliError::usage(format!("this cannot be cast: {error}"), "choose as the question allows"))
    }
}
