//! A network whose keys nobody else has: what the targets compare forgeries with.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::Content;
use crate::ballot::{Selection, SignedBallot};
use crate::block::EntryBytes;
use crate::bundle::BundleWriter;
use crate::election::Phase;
use crate::entry::{Entry, VerifiedEntry};
use crate::ids::{ElectionId, PartitionId};
use crate::receipt::{ElectionProof, Receipt};
use crate::state::{ElectionSummary, LedgerState};
use crate::testing::sealed::SealedChain;
use crate::testing::{TestChain, ballot, definition, key};

/// Voters of the known elections, with the keys [`key`]`(0..)`.
pub const KNOWN_VOTERS: u64 = 8;
/// Trustees of the sealed one.
pub const KNOWN_TRUSTEES: u16 = 3;

/// What the targets know to be true.
#[derive(Debug)]
pub struct Known {
    /// A chain with an open election, another that is published, and two changes of its authorities.
    pub chain: TestChain,
    /// Ballots in the chain.
    pub ballots: Vec<SignedBallot>,
    /// Their receipts.
    pub receipts: Vec<Receipt>,
    /// Both elections as bundles.
    pub bundles: Vec<Vec<u8>>,
    /// A chain with a sealed election that is open: two of three trustees, some ballots and a test of the seal.
    pub sealed: SealedChain,
    /// The same one, closed, with one part of the decryption.
    pub closed: SealedChain,
    /// What can be proved of the elections of `chain`.
    pub proofs: Vec<ElectionProof>,
    /// What can be proved of the sealed election.
    pub sealed_proofs: Vec<ElectionProof>,
    /// Everything that was ever certified of the elections of `chain`.
    pub(super) summaries: Vec<ElectionSummary>,
    /// The same of the sealed election.
    pub(super) sealed_summaries: Vec<ElectionSummary>,
    /// The bundles without what two servers may have different ones of.
    pub(super) contents: Vec<Content>,
}

/// Made once.
///
/// # Panics
/// If the rules of the ledger do not allow what is done here any more.
pub fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(|| make().expect("elections by the rules"))
}

fn make() -> Result<Known, crate::state::Refusal> {
    let mut chain = TestChain::new(4);
    // The keys are those of every test chain; the name makes it another network.
    "a network for fuzzing".clone_into(&mut chain.genesis.network);
    chain.state = LedgerState::genesis(&chain.genesis, PartitionId(0));
    let (open, published) = (definition(1, &["Ada", "Bob"]), definition(2, &["Yes", "No"]));
    chain.open_election(&open, 6)?;
    chain.open_election(&published, 4)?;
    let mut ballots = Vec::new();
    for voter in 0..3 {
        let both = [&open, &published].map(|election| ballot(chain.chain(), election, &key(voter), &[(voter % 2) as u16]));
        let mut entries: Vec<_> = both.iter().cloned().map(Entry::Cast).collect();
        ballots.extend(both);
        match voter {
            0 => entries.push(chain.change(chain.next_epoch(&[0, 1, 2, 3, 4]))),
            1 => entries.push(chain.change(chain.next_epoch(&[0, 2, 3, 4]))),
            _ => {}
        }
        chain.append(&entries)?;
        if voter == 1 {
            chain.add_tail(2);
        }
    }
    chain.finish_election(published.id)?;
    let receipts = ballots.iter().map(|ballot| receipt(&chain, ballot)).collect();
    let bundles: Vec<_> = [open.id, published.id].iter().map(|id| export(&chain, *id)).collect();
    let contents = bundles.iter().map(|bytes| Content::read(bytes).expect("a bundle that can be read")).collect();
    let (sealed, closed) = (sealed(false)?, sealed(true)?);
    let (proofs, summaries) = certified(&chain);
    let (sealed_proofs, sealed_summaries) = certified(&closed.chain);
    Ok(Known { chain, ballots, receipts, bundles, contents, sealed, closed, proofs, sealed_proofs, summaries, sealed_summaries })
}

/// A sealed election that two voters of [`KNOWN_VOTERS`] have voted in; both chains are the same one as far as the shorter goes.
fn sealed(is_closed: bool) -> Result<SealedChain, crate::state::Refusal> {
    let mut sealed = SealedChain::open(&definition(3, &["Yes", "No"]), 2, KNOWN_TRUSTEES, KNOWN_VOTERS)?;
    let marks = |place| [Selection::Marks(vec![place])];
    let entries = [sealed.cast(0, 1, &marks(1)), sealed.challenge(1, 1, &marks(0)), sealed.cast(1, 2, &marks(1))];
    sealed.chain.append(&entries)?;
    if is_closed {
        sealed.advance(Phase::Closed)?;
        sealed.decrypt(1)?;
    }
    Ok(sealed)
}

/// The newest proof of each election of a chain, and what was certified of it at any height.
fn certified(chain: &TestChain) -> (Vec<ElectionProof>, Vec<ElectionSummary>) {
    let mut state = LedgerState::genesis(&chain.genesis, PartitionId(0));
    let (mut proofs, mut summaries) = (BTreeMap::new(), Vec::new());
    for block in &chain.blocks {
        let verified = |bytes: &EntryBytes| VerifiedEntry::verify(bytes.clone(), chain.chain()).expect("the chain's own entries");
        let entries: Vec<_> = block.block.entries.iter().map(verified).collect();
        let (_, next) = state.apply(&block.block.header, &entries).expect("the chain's own blocks");
        state = next;
        for election in state.elections() {
            summaries.push(election.summary());
            if let Some(proof) = ElectionProof::build(block, &state, election.id()) {
                proofs.insert(election.id(), proof);
            }
        }
    }
    (proofs.into_values().collect(), summaries)
}

fn receipt(chain: &TestChain, ballot: &SignedBallot) -> Receipt {
    let election = chain.state.election(ballot.ballot.election).expect("it was defined");
    let position = election.ballot_position(ballot.hash()).expect("it was cast");
    Receipt::build(&chain.blocks, position).expect("every block has a certificate")
}

fn export(chain: &TestChain, election: ElectionId) -> Vec<u8> {
    let handovers = chain.handovers();
    let mut writer =
        BundleWriter::begin(Vec::new(), &chain.genesis, PartitionId(0), &handovers, election).expect("memory takes it");
    chain.blocks.iter().for_each(|block| writer.block(block).expect("the chain's own blocks"));
    writer.finish(&chain.state).expect("the chain's own state")
}
