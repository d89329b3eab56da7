//! The small election behind the vectors: everything from fixed seeds, so that it is the same everywhere.
//!
//! | block | contains |
//! |---|---|
//! | 1 | the definition of another election |
//! | 2 | the definition of a third election and of this one |
//! | 3–6 | roll, certification of four voters, ready, scheduled |
//! | 7 | certification of two voters, opening |
//! | 8 | three ballots, an act on another election between them |
//! | 9 | an act on another election alone |
//! | 10 | two ballots and one that replaces another; no certificate of its own |
//! | 11 | close, cancellation of the third election |
//! | 12, 13 | count, publication |

use std::time::Duration;

use voting_core::ballot::{Ballot, Selection, SignedBallot};
use voting_core::bundle::BundleWriter;
use voting_core::codec::Canonical;
use voting_core::election::{Contest, CountMethodId, ElectionDefinition, Phase, ResultVisibility, RevoteRule, Secrecy, Timing};
use voting_core::entry::{Act, Entry};
use voting_core::ids::{Digest, ElectionId, PartitionId};
use voting_core::state::Refusal;
use voting_core::testing::chain::pseudonym;
use voting_core::testing::{TestChain, definition, key};

/// Weight of each certified voter; the last one never votes.
const WEIGHTS: [u64; 6] = [1, 2, 3, 1, 1, 1];
const ROLL: u64 = 8;

/// The chain, its elections and the exported bundle.
pub(crate) struct World {
    pub(crate) chain: TestChain,
    pub(crate) election: ElectionDefinition,
    pub(crate) others: [ElectionDefinition; 2],
    /// In the order in which they were cast.
    pub(crate) ballots: Vec<SignedBallot>,
    pub(crate) bundle: Vec<u8>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::run().expect("an election by the rules")
    }

    fn run() -> Result<Self, Refusal> {
        let mut chain = TestChain::new(4);
        let election = main_election();
        let others = [definition(0x01, &["Ada", "Bob"]), definition(0xee, &["Yes", "No"])];
        let id = election.id;
        let block = |chain: &mut TestChain, acts: &[(ElectionId, Act)]| {
            let entries: Vec<_> = acts.iter().map(|(election, act)| chain.act(*election, act.clone())).collect();
            chain.append(&entries).map(|_| ())
        };
        block(&mut chain, &[(others[0].id, Act::Define(others[0].clone()))])?;
        block(&mut chain, &[(others[1].id, Act::Define(others[1].clone())), (id, Act::Define(election.clone()))])?;
        block(&mut chain, &[(id, Act::SetRoll { size: ROLL })])?;
        let certify = |chain: &TestChain, voters: std::ops::Range<u64>| {
            chain.certification(id, voters.map(|n| (pseudonym(n), WEIGHTS[n as usize], n)))
        };
        let first = certify(&chain, 0..4);
        chain.append(&[first])?;
        block(&mut chain, &[(id, Act::Advance { to: Phase::Ready })])?;
        block(&mut chain, &[(id, Act::Advance { to: Phase::Scheduled })])?;
        let (second, open) = (certify(&chain, 4..6), chain.act(id, Act::Advance { to: Phase::Open }));
        chain.append(&[second, open])?;

        let ballots = vec![
            cast(&chain, &election, 0, 1, [Some(&[0]), Some(&[0, 1])]),
            cast(&chain, &election, 3, 1, [Some(&[0]), Some(&[2])]),
            cast(&chain, &election, 1, 1, [Some(&[1]), Some(&[1, 3])]),
            cast(&chain, &election, 2, 7, [None, Some(&[1, 2])]),
            cast(&chain, &election, 3, 5, [Some(&[1]), Some(&[0])]),
            cast(&chain, &election, 4, 1, [Some(&[0]), Some(&[0, 1, 3])]),
        ];
        let mut entries: Vec<_> = ballots.iter().cloned().map(Entry::Cast).collect();
        let later = entries.split_off(3);
        entries.insert(1, chain.act(others[0].id, Act::SetRoll { size: 5 }));
        chain.append(&entries)?;
        block(&mut chain, &[(others[0].id, Act::Advance { to: Phase::Ready })])?;
        chain.append(&later)?;
        chain.blocks.last_mut().expect("just appended").certificate = None;
        let cancel = Act::Cancel { reason: "Nobody stood – see the minutes".to_owned() };
        block(&mut chain, &[(others[1].id, cancel), (id, Act::Advance { to: Phase::Closed })])?;

        let closed = chain.head().expect("a chain with blocks").hash;
        let tally = chain.state.election(id).and_then(|election| election.tally()).expect("its ballots are open");
        let report = tally.report(&election, Digest(closed.0), ROLL);
        block(&mut chain, &[(id, Act::Tally { report: report.digest() })])?;
        block(&mut chain, &[(id, Act::Advance { to: Phase::Published })])?;
        let bundle = export(&chain, id);
        Ok(Self { chain, election, others, ballots, bundle })
    }
}

/// The bundle of an election up to the chain's head.
pub(crate) fn export(chain: &TestChain, election: ElectionId) -> Vec<u8> {
    let mut writer = BundleWriter::begin(Vec::new(), &chain.genesis, PartitionId(0), &[], election).expect("memory takes it");
    for block in &chain.blocks {
        writer.block(block).expect("the chain's own blocks");
    }
    writer.finish(&chain.state).expect("the chain's own state")
}

fn main_election() -> ElectionDefinition {
    let mut chair = Contest::new("Who shall chair?", CountMethodId::Plurality, ["Ada Lovelace", "Škoda Bob", "山田 Cyd"]);
    chair.options[1].description = "Independent.\nSecond line.".to_owned();
    let days = Contest::new("On which days do we meet?", CountMethodId::Approval, ["Monday", "Tuesday", "Wednesday", "Thursday"]);
    ElectionDefinition {
        id: ElectionId([0x7a; 16]),
        title: "Annual meeting – Überlingen".to_owned(),
        description: "Who leads us, and when we meet.".to_owned(),
        contests: vec![chair, Contest { seats: 2, max: 3, allow_blank: false, ..days }],
        opens_at: TestChain::FOUNDED.saturating_add(Duration::from_secs(7)),
        closes_at: TestChain::FOUNDED.saturating_add(Duration::from_secs(11)),
        timing: Timing::Fixed,
        revote: RevoteRule::LastCounts,
        ..ElectionDefinition {
            secrecy: Secrecy::Open,
            results: ResultVisibility::Public,
            created_by: "Election office".to_owned(),
            ..definition(0x7a, &["unused"])
        }
    }
}

/// A ballot with one answer per contest; `None` for a blank.
pub(crate) fn cast(
    chain: &TestChain,
    election: &ElectionDefinition,
    voter: u64,
    sequence: u32,
    answers: [Option<&[u16]>; 2],
) -> SignedBallot {
    Ballot {
        election: election.id,
        context: election.context(chain.chain()),
        voter: key(voter).public(),
        sequence,
        selections: answers.iter().map(|marks| marks.map_or(Selection::Blank, |marks| Selection::Marks(marks.to_vec()))).collect(),
    }
    .sign(&key(voter))
}
