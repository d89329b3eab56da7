//! The offline verifier finds every forgery and every flipped byte, and names the check that failed.

use std::sync::OnceLock;

use proptest::prelude::*;
use voting_core::ballot::{Ballot, Selection};
use voting_core::block::{Block, BlockHeader, EntryBytes, FinalizedBlock, Parent, payload_root};
use voting_core::bundle::{BundleBlock, BundleItem, BundleWriter, Closing, Opening};
use voting_core::certificate::Statement;
use voting_core::codec::Canonical;
use voting_core::crypto::{Signature, SigningKey};
use voting_core::election::{ElectionDefinition, Phase, RevoteRule};
use voting_core::entry::{Act, Entry, OfficerAct};
use voting_core::ids::{Digest, EntryHash, Height, PartitionId, View};
use voting_core::state::Position;
use voting_core::state::Refusal;
use voting_core::testing::chain::pseudonym;
use voting_core::testing::{TestChain, ballot, definition, key};
use voting_core::time::Timestamp;
use voting_core::verify::{Options, verify};

const VOTERS: u64 = 40;
const MAGIC: usize = 16;

/// Two elections on one chain: the first with weights, blanks and replaced ballots, counted and published.
struct World {
    chain: TestChain,
    election: ElectionDefinition,
    bundle: Vec<u8>,
}

fn cast(chain: &TestChain, election: &ElectionDefinition, voter: u64, sequence: u32, marks: &[u16]) -> Entry {
    let selection = if marks.is_empty() { Selection::Blank } else { Selection::Marks(marks.to_vec()) };
    let content = Ballot {
        election: election.id,
        context: election.context(chain.chain()),
        voter: key(voter).public(),
        sequence,
        selections: vec![selection],
    };
    Entry::Cast(content.sign(&key(voter)))
}

fn build() -> Result<World, Refusal> {
    let mut chain = TestChain::new(4);
    let election = ElectionDefinition { revote: RevoteRule::LastCounts, ..definition(1, &["Ada", "Bob", "Cyd"]) };
    let other = definition(2, &["Yes", "No"]);
    let define = chain.act(other.id, Act::Define(other.clone()));
    chain.append(&[define])?; // the bundle does not start at the first block

    let acts = [Act::Define(election.clone()), Act::SetRoll { size: VOTERS }];
    for act in acts.into_iter().chain([Phase::Ready, Phase::Scheduled].map(|to| Act::Advance { to })) {
        let act = chain.act(election.id, act);
        chain.append(&[act])?;
    }
    let certify = chain.certification(election.id, (0..VOTERS).map(|n| (pseudonym(n), 1 + n % 3, n)));
    chain.append(&[certify])?;
    let open = chain.act(election.id, Act::Advance { to: Phase::Open });
    chain.append(&[open])?;
    let foreign = chain.act(other.id, Act::SetRoll { size: 5 });
    for (block, voters) in (0..VOTERS).collect::<Vec<_>>().chunks(10).enumerate() {
        let mut entries: Vec<Entry> = voters.iter().map(|n| cast(&chain, &election, *n, 1, &marks_of(*n))).collect();
        if block == 1 {
            entries.insert(3, foreign.clone());
            entries.extend((0..5).map(|n| cast(&chain, &election, n, 2, &[2]))); // five vote again
        }
        chain.append(&entries)?;
    }
    let unrelated = chain.act(other.id, Act::SetRoll { size: 6 });
    chain.append(&[unrelated])?; // a block without any entry of the election
    chain.finish_election(election.id)?;
    let bundle = write(&chain, &election);
    Ok(World { chain, election, bundle })
}

fn marks_of(voter: u64) -> Vec<u16> {
    match voter % 4 {
        0 => vec![],
        rest => vec![rest as u16 - 1],
    }
}

fn write(chain: &TestChain, election: &ElectionDefinition) -> Vec<u8> {
    let mut writer = BundleWriter::begin(Vec::new(), &chain.genesis, PartitionId(0), &[], election.id).expect("memory takes it");
    for block in &chain.blocks {
        writer.block(block).expect("the chain's own blocks");
    }
    writer.finish(&chain.state).expect("the chain's own state")
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| build().expect("an election by the rules"))
}

fn failed_check(bundle: &[u8], options: &Options) -> Option<&'static str> {
    let report = verify(bundle, options);
    report.failure.as_ref().map(|failure| failure.check.code())
}

/// A bundle taken apart, to be changed and put together again with right lengths.
struct Parts {
    opening: Opening,
    blocks: Vec<BundleBlock>,
    closing: Closing,
}

impl Parts {
    fn take() -> Self {
        let bundle = &world().bundle;
        let (mut rest, mut frames) = (&bundle[MAGIC..], Vec::new());
        while let [_kind, a, b, c, d, content @ ..] = rest {
            let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
            frames.push(&content[..length]);
            rest = &content[length..];
        }
        let (first, last) = (frames[0], frames[frames.len() - 1]);
        Self {
            opening: Opening::from_canonical(first).unwrap(),
            blocks: frames[1..frames.len() - 1].iter().map(|frame| BundleBlock::from_canonical(frame).unwrap()).collect(),
            closing: Closing::from_canonical(last).unwrap(),
        }
    }

    fn put(&self) -> Vec<u8> {
        let mut bundle = world().bundle[..MAGIC].to_vec();
        let mut frame = |kind: u8, content: Vec<u8>| {
            bundle.push(kind);
            bundle.extend((content.len() as u32).to_le_bytes());
            bundle.extend(content);
        };
        frame(0, self.opening.to_canonical());
        for block in &self.blocks {
            frame(1, block.to_canonical());
        }
        frame(2, self.closing.to_canonical());
        bundle
    }

    /// The block with the first ballots.
    fn ballots(&mut self) -> &mut BundleBlock {
        let is_ballot = |item: &BundleItem| match item {
            BundleItem::Own(bytes) => matches!(Entry::from_canonical(bytes.as_slice()), Ok(Entry::Cast(_))),
            BundleItem::Foreign(_) => false,
        };
        self.blocks.iter_mut().find(|block| block.items.first().is_some_and(is_ballot)).unwrap()
    }
}

/// Changes a bundle and asserts which check fails.
#[track_caller]
fn forgery(expected: &str, change: impl FnOnce(&mut Parts)) {
    let mut parts = Parts::take();
    change(&mut parts);
    assert_eq!(failed_check(&parts.put(), &Options::default()), Some(expected));
}

fn change_ballot(item: &mut BundleItem, change: impl FnOnce(&mut Ballot)) {
    let BundleItem::Own(bytes) = item else { panic!("an entry of the election") };
    let Entry::Cast(mut signed) = Entry::from_canonical(bytes.as_slice()).unwrap() else { panic!("a ballot") };
    change(&mut signed.ballot);
    *bytes = Entry::Cast(signed).to_bytes();
}

#[test]
fn the_bundle_holds_as_it_is_and_under_its_pinned_genesis() {
    let World { chain, election, bundle } = world();
    let report = verify(bundle.as_slice(), &Options { genesis: Some(chain.genesis.digest()), ..Options::default() });
    assert!(report.holds(), "{:?}", report.failure);
    let summary = report.summary.unwrap();
    let counted = summary.report.unwrap();
    assert_eq!(&counted, chain.state.election(election.id).unwrap().report().unwrap().as_ref());
    assert_eq!(counted.contests[0].counts.ballots, VOTERS, "replaced ballots do not count");
    assert_eq!(Parts::take().put(), *bundle, "the parts are all there is");
}

#[test]
fn changed_contents_are_found() {
    forgery("entries", |parts| {
        change_ballot(&mut parts.ballots().items[1], |ballot| ballot.selections = vec![Selection::Marks(vec![2])])
    });
    forgery("entries", |parts| parts.ballots().items.swap(1, 2));
    forgery("entries", |parts| drop(parts.ballots().items.remove(4)));
    forgery("entries", |parts| {
        let item = parts.ballots().items[0].clone();
        parts.ballots().items.push(item);
    });
    forgery("entries", |parts| {
        let foreign =
            parts.blocks.iter_mut().flat_map(|block| &mut block.items).find(|item| matches!(item, BundleItem::Foreign(_)));
        *foreign.unwrap() = BundleItem::Foreign(EntryHash([7; 32]));
    });
}

#[test]
fn what_is_hidden_is_missed() {
    forgery("complete", |parts| {
        let item = &mut parts.ballots().items[2];
        *item = BundleItem::Foreign(item.hash());
        parts.closing.manifest.ballots -= 1;
        parts.closing.manifest.voted -= 1;
        parts.closing.manifest.foreign += 1;
        parts.closing.report = None;
    });
    forgery("parents", |parts| drop(parts.blocks.remove(7)));
    forgery("parents", |parts| parts.blocks.swap(6, 7));
}

#[test]
fn certificates_need_a_quorum_of_distinct_authorities() {
    let last = |parts: &mut Parts| parts.blocks.len() - 1;
    forgery("certificates", |parts| {
        let at = last(parts);
        parts.blocks[at].certificate.as_mut().unwrap().signatures.pop();
    });
    forgery("certificates", |parts| {
        let at = last(parts);
        let signatures = &mut parts.blocks[at].certificate.as_mut().unwrap().signatures;
        signatures[2] = signatures[1];
    });
    forgery("certificates", |parts| {
        let at = last(parts);
        parts.blocks[at].certificate.as_mut().unwrap().signatures[0].1 = Signature([9; 64]);
    });
    forgery("certificates", |parts| {
        let at = last(parts);
        parts.blocks[at].certificate = None;
        parts.closing.manifest.certificates -= 1;
    });
    forgery("certificates", |parts| {
        let at = last(parts);
        let (view, block) = (parts.blocks[at].header.view, parts.blocks[at].header.hash());
        parts.blocks[at].certificate = Some(world().chain.certify(Statement::Notarize { view, block }));
    });
}

#[test]
fn the_claimed_result_is_compared_with_the_count() {
    let votes = |parts: &mut Parts, change: i64| {
        let contest = &mut parts.closing.report.as_mut().unwrap().contests[0];
        contest.options[0].votes = contest.options[0].votes.checked_add_signed(change).unwrap();
    };
    forgery("recount", |parts| votes(parts, 1));
    forgery("recount", |parts| votes(parts, -1));
    forgery("recount", |parts| {
        let options = &mut parts.closing.report.as_mut().unwrap().contests[0].options;
        options[0].seats = 1 - options[0].seats;
    });
    forgery("labels", |parts| parts.closing.report.as_mut().unwrap().contests[0].options[0].name = "Eve".to_owned());
    forgery("totals", |parts| votes(parts, 1_000_000));
    forgery("counts", |parts| parts.closing.manifest.voted += 1);
    forgery("counts", |parts| parts.closing.manifest.roll_size -= 1);
    let mut uncounted = Parts::take();
    uncounted.closing.report = None;
    assert!(failed_check(&uncounted.put(), &Options::default()).is_some(), "a counted election has a report");
}

#[test]
fn another_network_is_not_this_one() {
    let eve = SigningKey::from_seed([66; 32]).public();
    let mut parts = Parts::take();
    parts.opening.genesis.epoch.authorities[0].key = eve;
    assert!(failed_check(&parts.put(), &Options::default()).is_some());
    let pinned = Options { genesis: Some(Digest([1; 32])), ..Options::default() };
    assert_eq!(failed_check(&world().bundle, &pinned), Some("genesis"));
}

#[test]
fn the_file_is_whole_and_nothing_else() {
    let bundle = &world().bundle;
    for cut in [0, 1, MAGIC, MAGIC + 3, bundle.len() / 2, bundle.len() - 1] {
        assert!(failed_check(&bundle[..cut], &Options::default()).is_some(), "cut to {cut}");
    }
    let longer = [bundle.as_slice(), &[0]].concat();
    assert_eq!(failed_check(&longer, &Options::default()), Some("format"));
}

/// A block that a colluding quorum certifies without asking the rules, put at the end of an open election.
#[track_caller]
fn collusion(expected: &str, entries: impl FnOnce(&TestChain, &ElectionDefinition) -> Vec<EntryBytes>, closed: bool) {
    let mut chain = TestChain::new(4);
    let election = definition(1, &["Ada", "Bob"]);
    chain.open_election(&election, 5).unwrap();
    let first = Entry::Cast(ballot(chain.chain(), &election, &key(0), &[0]));
    chain.append(&[first]).unwrap();
    if closed {
        let close = chain.act(election.id, Act::Advance { to: Phase::Closed });
        chain.append(&[close]).unwrap();
    }
    let honest = write(&chain, &election);
    let entries = entries(&chain, &election);
    let head = chain.head().unwrap();
    let hashes: Vec<_> = entries.iter().map(EntryBytes::hash).collect();
    let header = BlockHeader {
        chain: chain.chain(),
        epoch: 0,
        view: View(head.view.0 + 1),
        height: Height(head.height.0 + 1),
        parent: Parent { view: head.view, hash: head.hash },
        payload_root: payload_root(&hashes),
        entries: entries.len() as u32,
        state_root: chain.state.root(),
        timestamp: later(chain.state.timestamp()),
        preference: None,
        successor: None,
    };
    let certificate = chain.certify(Statement::Finalize { view: header.view, block: header.hash() });
    let finalized = FinalizedBlock::new(Block { header, entries }, Some(certificate)).unwrap();

    let mut writer = BundleWriter::begin(Vec::new(), &chain.genesis, PartitionId(0), &[], election.id).unwrap();
    chain.blocks.iter().chain([&finalized]).for_each(|block| writer.block(block).unwrap());
    let mut forged = std::mem::take(writer.get_mut());
    forged.extend(closing_frame(&honest));
    assert_eq!(failed_check(&honest, &Options::default()), None);
    assert_eq!(failed_check(&forged, &Options::default()), Some(expected));
}

fn later(timestamp: Timestamp) -> Timestamp {
    timestamp.saturating_add(std::time::Duration::from_secs(1))
}

fn closing_frame(bundle: &[u8]) -> Vec<u8> {
    let (mut at, mut last) = (MAGIC, MAGIC);
    while at < bundle.len() {
        last = at;
        let length = u32::from_le_bytes(bundle[at + 1..at + 5].try_into().unwrap());
        at += 5 + length as usize;
    }
    bundle[last..].to_vec()
}

#[test]
fn not_even_a_quorum_can_break_the_rules() {
    let one = |entry: Entry| vec![entry.to_bytes()];
    let vote = |chain: &TestChain, election: &ElectionDefinition, voter: u64, sequence, marks: &[u16]| {
        cast(chain, election, voter, sequence, marks)
    };
    collusion("window", |chain, election| one(vote(chain, election, 1, 1, &[0])), true);
    collusion("sequence", |chain, election| one(vote(chain, election, 0, 2, &[1])), false);
    collusion("unique_ballots", |chain, election| one(vote(chain, election, 0, 1, &[0])), false);
    collusion("voter_keys", |chain, election| one(vote(chain, election, 99, 1, &[0])), false);
    collusion("selections", |chain, election| one(vote(chain, election, 1, 1, &[0, 1])), false);
    collusion("selections", |chain, election| one(vote(chain, election, 1, 1, &[7])), false);
    let unsigned = |chain: &TestChain, election: &ElectionDefinition| {
        let Entry::Cast(mut signed) = vote(chain, election, 1, 1, &[0]) else { unreachable!() };
        signed.ballot.selections = vec![Selection::Marks(vec![1])];
        one(Entry::Cast(signed))
    };
    collusion("signatures", unsigned, false);
    let usurper = |chain: &TestChain, election: &ElectionDefinition| {
        let eve = SigningKey::from_seed([66; 32]);
        let sequence = chain.state.election(election.id).unwrap().acts().len() as u32 + 1;
        let act = Act::Advance { to: Phase::Closed };
        one(Entry::act(OfficerAct { chain: chain.chain(), election: election.id, sequence, act, officer: eve.public() }, &eve))
    };
    collusion("life_cycle", usurper, false);
    let wrong_count =
        |chain: &TestChain, election: &ElectionDefinition| one(chain.act(election.id, Act::Tally { report: Digest([1; 32]) }));
    collusion("recount", wrong_count, true);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_flipped_bit_is_found(place in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut bundle = world().bundle.clone();
        let at = place.index(bundle.len());
        bundle[at] ^= 1 << bit;
        let found = failed_check(&bundle, &Options::default());
        prop_assert!(found.is_some(), "bit {bit} of byte {at}");
    }
}

/// Places are those in the ledger, entries of other elections between them included.
#[test]
fn ballots_are_found_at_their_places_in_blocks_of_several_elections() {
    let world = world();
    let cast = world.chain.blocks.iter().flat_map(|block| &block.block.entries).filter_map(|bytes| {
        match Entry::from_canonical(bytes.as_slice()).expect("the chain's own entries") {
            Entry::Cast(signed) => Some(signed.hash()),
            Entry::Act(_) | Entry::Certify(_) | Entry::Prefer(_) | Entry::Change(_) | Entry::Accuse(_) => None,
            Entry::Trustee(_) | Entry::Challenge(_) => None,
        }
    });
    let ballots: Vec<_> = cast.collect();
    let options = Options { ballots: ballots.clone(), ..Options::default() };
    let summary = verify(world.bundle.as_slice(), &options).summary.expect("the bundle holds");
    let election = world.chain.state.election(world.election.id).expect("the election");
    let expected: Vec<_> = ballots.iter().map(|ballot| election.ballot_position(*ballot)).collect();
    assert_eq!(summary.ballots.iter().map(|found| found.position).collect::<Vec<_>>(), expected);
    let behind_foreign = |place: &Option<Position>| {
        place.is_some_and(|place| {
            let block = world.chain.blocks.iter().find(|block| block.block.header.height == place.height).expect("its block");
            let before = &block.block.entries[..place.index as usize];
            before
                .iter()
                .any(|bytes| Entry::from_canonical(bytes.as_slice()).is_ok_and(|entry| entry.election() != Some(world.election.id)))
        })
    };
    assert!(expected.iter().any(behind_foreign), "some ballot stands behind an entry of another election");
}
