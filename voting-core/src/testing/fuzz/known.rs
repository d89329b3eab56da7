//! A network whose keys nobody else has: what the targets compare forgeries with.

use std::sync::OnceLock;

use super::Content;
use crate::ballot::SignedBallot;
use crate::bundle::BundleWriter;
use crate::entry::Entry;
use crate::ids::{ElectionId, PartitionId};
use crate::receipt::Receipt;
use crate::state::LedgerState;
use crate::testing::{TestChain, ballot, definition, key};

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
    Ok(Known { chain, ballots, receipts, bundles, contents })
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
