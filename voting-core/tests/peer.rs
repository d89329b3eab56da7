//! Two verifiers that share no code reach the same verdict: the library's, and `peer/verify_bundle.py`, which was
//! written from `docs/SPEC.md`. For whole bundles, for damaged and forged ones, and for those of a lying quorum, they name the
//! same first check that fails.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::Duration;

use voting_core::ballot::{Ballot, Selection};
use voting_core::block::{Block, BlockHeader, EntryBytes, FinalizedBlock, Parent, payload_root};
use voting_core::bundle::{BundleBlock, BundleItem, BundleWriter, Closing, Opening};
use voting_core::certificate::Statement;
use voting_core::codec::Canonical;
use voting_core::count::{Majority, Thresholds};
use voting_core::crypto::{Signature, SigningKey};
use voting_core::election::{Contest, CountMethodId, ElectionDefinition, Phase};
use voting_core::entry::{Act, Challenge, Entry, OfficerAct, TrusteeAct, TrusteeStep};
use voting_core::ids::{BlockHash, ChainId, Digest, EntryHash, Height, PartitionId, View};
use voting_core::sealed::{BallotOpening, SealedSelection};
use voting_core::testing::chain::pseudonym;
use voting_core::testing::sealed::{SealedChain, dealers, trustee_key};
use voting_core::testing::{Numbers, TestChain, ballot, definition, key};
use voting_core::verify::{KnownBlock, Options, verify};

use crate::vectors::world;
use crate::vectors::world::World;

const MAGIC: usize = 16;

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(World::new)
}

fn python(script: &str, arguments: &[&str]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peer").join(script);
    // -B: no byte code is left in the source tree.
    let output = Command::new("python3").arg("-B").arg(script).args(arguments).output();
    output.expect("python3 cannot be run; install it with: apt-get install -y python3")
}

/// The check that failed first, if any, according to the Python verifier.
#[track_caller]
fn peer_verdict(bundle: &Path, options: &[&str]) -> Option<String> {
    let output = python("verify_bundle.py", &[&[bundle.to_str().unwrap()], options].concat());
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let failed = stdout.lines().find(|line| line.contains(" failed: "));
    match output.status.code() {
        Some(0) if failed.is_none() => None,
        Some(1) if failed.is_some() && stderr.is_empty() => {
            failed.and_then(|line| line.split_whitespace().nth(1)).map(str::to_owned)
        }
        _ => panic!("the peer broke down: {:?}\n{stdout}\n{stderr}", output.status),
    }
}

fn library_verdict(bundle: &[u8], options: &Options) -> Option<String> {
    verify(bundle, options).failure.map(|failure| failure.check.code().to_owned())
}

/// Both verifiers say `expected`.
#[track_caller]
fn agree(name: &str, bundle: &[u8], expected: Option<&str>) {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("peer-{name}.bundle"));
    std::fs::write(&file, bundle).unwrap();
    assert_eq!(library_verdict(bundle, &Options::default()).as_deref(), expected, "{name}: the library");
    assert_eq!(peer_verdict(&file, &[]).as_deref(), expected, "{name}: the peer");
}

/// A bundle taken apart, to be changed and put together again with right lengths.
#[derive(Clone)]
struct Parts {
    opening: Opening,
    blocks: Vec<BundleBlock>,
    closing: Closing,
}

/// The contents of the frames, and where the last frame begins.
fn frames(bundle: &[u8]) -> (Vec<&[u8]>, usize) {
    let (mut at, mut last, mut contents) = (MAGIC, MAGIC, Vec::new());
    while at < bundle.len() {
        let length = u32::from_le_bytes(bundle[at + 1..at + 5].try_into().unwrap()) as usize;
        contents.push(&bundle[at + 5..at + 5 + length]);
        last = at;
        at += 5 + length;
    }
    (contents, last)
}

impl Parts {
    fn take(bundle: &[u8]) -> Self {
        let (frames, _) = frames(bundle);
        let [first, blocks @ .., last] = frames.as_slice() else { panic!("a bundle has an opening and a closing") };
        Self {
            opening: Opening::from_canonical(first).unwrap(),
            blocks: blocks.iter().map(|frame| BundleBlock::from_canonical(frame).unwrap()).collect(),
            closing: Closing::from_canonical(last).unwrap(),
        }
    }

    fn put(&self) -> Vec<u8> {
        let mut bundle = b"voting/bundle/v1".to_vec();
        let mut frame = |kind: u8, content: Vec<u8>| {
            bundle.push(kind);
            bundle.extend((content.len() as u32).to_le_bytes());
            bundle.extend(content);
        };
        frame(0, self.opening.to_canonical());
        self.blocks.iter().for_each(|block| frame(1, block.to_canonical()));
        frame(2, self.closing.to_canonical());
        bundle
    }

    /// The block at a height.
    fn at(&mut self, height: u64) -> &mut BundleBlock {
        self.blocks.iter_mut().find(|block| block.header.height == Height(height)).unwrap()
    }
}

#[test]
fn whole_bundles_hold() {
    let World { chain, election, others, bundle, .. } = world();
    agree("whole", bundle, None);
    let (unfinished, cancelled) = (world::export(chain, others[0].id), world::export(chain, others[1].id));
    agree("unfinished", &unfinished, None);
    agree("cancelled", &cancelled, None);
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/election.bundle");
    assert_eq!(peer_verdict(&committed, &[]), None);

    let pins = [(chain.genesis.digest(), None), (Digest([1; 32]), Some("genesis"))];
    for (genesis, expected) in pins {
        let options = Options { genesis: Some(genesis), ..Options::default() };
        assert_eq!(library_verdict(bundle, &options).as_deref(), expected);
        assert_eq!(peer_verdict(&committed, &["--genesis", &genesis.to_string()]).as_deref(), expected);
    }
    let hash_of = |height: usize| chain.blocks[height - 1].block.hash();
    let (wrong, extends) = (BlockHash([1; 32]), Some("extends"));
    let first = chain.state.election(election.id).unwrap().acts()[0].position.height;
    assert_eq!(first, Height(2), "block 1 is the parent of the first");
    let cases = [
        (1, hash_of(1), None),
        (1, wrong, extends),
        (5, hash_of(5), None),
        (5, wrong, extends),
        (13, hash_of(13), None),
        (14, wrong, extends),
        (0, wrong, None),
    ];
    for (height, hash, expected) in cases {
        let options = Options { known: vec![KnownBlock { height: Height(height), hash }], ..Options::default() };
        assert_eq!(library_verdict(bundle, &options).as_deref(), expected, "known block {height}");
        assert_eq!(
            peer_verdict(&committed, &["--known", &format!("{height}:{hash}")]).as_deref(),
            expected,
            "known block {height}"
        );
    }
}

#[test]
fn damaged_files_fail_alike() {
    let bundle = &world().bundle;
    let (contents, closing) = frames(bundle);
    let opening = MAGIC + 5 + contents[0].len();
    agree("empty", &[], Some("format"));
    agree("cut", &bundle[..bundle.len() - 1], Some("format"));
    agree("no-closing", &bundle[..closing], Some("format"));
    agree("padded", &[bundle.as_slice(), &[0]].concat(), Some("format"));
    agree("other-version", &[b"voting/bundle/v2", &bundle[16..]].concat(), Some("format"));
    agree("no-blocks", &[&bundle[..opening], &bundle[closing..]].concat(), Some("format"));
    agree("two-openings", &[&bundle[..opening], &bundle[MAGIC..]].concat(), Some("format"));
    let claim = [&bundle[..opening + 1], &u32::MAX.to_le_bytes(), &bundle[opening + 5..]].concat();
    agree("giant-frame", &claim, Some("format"));
    // Bits all over the file, whatever they mean: only agreement is asked for.
    for n in 0..24 {
        let at = MAGIC + (bundle.len() - MAGIC) * n / 24 + n % 7;
        let mut flipped = bundle.clone();
        flipped[at] ^= 1 << (n % 8);
        let expected = library_verdict(&flipped, &Options::default());
        assert!(expected.is_some(), "bit {} of byte {at}", n % 8);
        agree(&format!("flipped-{at}"), &flipped, expected.as_deref());
    }
}

#[test]
fn forged_blocks_fail_alike() {
    let forge = |name: &str, expected: &str, change: &dyn Fn(&mut Parts)| {
        let mut parts = Parts::take(&world().bundle);
        change(&mut parts);
        agree(name, &parts.put(), Some(expected));
    };
    let eve = SigningKey::from_seed([66; 32]);
    forge("other-authority", "parents", &|parts| parts.opening.genesis.epoch.authorities[0].key = eve.public());
    forge("low-quorum", "genesis", &|parts| parts.opening.genesis.epoch.quorum = 2);
    forge("no-partition", "genesis", &|parts| parts.opening.partition = PartitionId(1));
    forge("missing-block", "parents", &|parts| drop(parts.blocks.remove(5)));
    forge("later-time", "parents", &|parts| {
        parts.at(10).header.timestamp = parts.at(10).header.timestamp.saturating_add(Duration::from_secs(1));
    });
    forge("changed-ballot", "entries", &|parts| {
        let BundleItem::Own(bytes) = &mut parts.at(8).items[0] else { panic!("a ballot stands here") };
        let Entry::Cast(mut signed) = Entry::from_canonical(bytes.as_slice()).unwrap() else { panic!("a ballot stands here") };
        signed.ballot.selections[0] = Selection::Marks(vec![2]);
        *bytes = Entry::Cast(signed).to_bytes();
    });
    forge("swapped", "entries", &|parts| parts.at(10).items.swap(0, 1));
    forge("all-foreign", "entries", &|parts| {
        let items = &mut parts.at(10).items;
        *items = items.iter().map(|item| BundleItem::Foreign(item.hash())).collect();
    });
    forge("other-foreign", "entries", &|parts| parts.at(8).items[1] = BundleItem::Foreign(EntryHash([7; 32])));
    forge("hidden-ballot", "complete", &|parts| {
        let item = &mut parts.at(8).items[0];
        *item = BundleItem::Foreign(item.hash());
        parts.closing.manifest.ballots -= 1;
        parts.blocks.truncate(parts.blocks.len() - 2); // the count would give it away
        parts.closing.report = None;
    });
    forge("hidden-before-the-count", "recount", &|parts| {
        let item = &mut parts.at(8).items[0];
        *item = BundleItem::Foreign(item.hash());
    });
    forge("too-few-signatures", "certificates", &|parts| {
        parts.at(13).certificate.as_mut().unwrap().signatures.truncate(2);
    });
    forge("one-signature-twice", "certificates", &|parts| {
        let signatures = &mut parts.at(13).certificate.as_mut().unwrap().signatures;
        signatures[2] = signatures[1];
    });
    forge("bad-signature", "certificates", &|parts| {
        parts.at(8).certificate.as_mut().unwrap().signatures[0].1 = Signature([9; 64]);
    });
    forge("notarized-only", "certificates", &|parts| {
        let (view, block) = (parts.at(13).header.view, parts.at(13).header.hash());
        parts.at(13).certificate = Some(world().chain.certify(Statement::Notarize { view, block }));
    });
    forge("uncertified-end", "certificates", &|parts| parts.at(13).certificate = None);
}

#[test]
fn false_claims_fail_alike() {
    let forge = |name: &str, expected: &str, change: &dyn Fn(&mut Closing)| {
        let mut parts = Parts::take(&world().bundle);
        change(&mut parts.closing);
        agree(name, &parts.put(), Some(expected));
    };
    forge("one-vote-more", "recount", &|closing| closing.report.as_mut().unwrap().contests[0].options[0].votes += 1);
    forge("another-winner", "recount", &|closing| {
        let options = &mut closing.report.as_mut().unwrap().contests[1].options;
        options.iter_mut().for_each(|option| option.seats = 1 - option.seats);
    });
    forge("no-lot", "recount", &|closing| closing.report.as_mut().unwrap().contests[1].decided_by_lot.clear());
    forge("another-seed", "recount", &|closing| closing.report.as_mut().unwrap().seed = Digest([1; 32]));
    forge("no-report", "recount", &|closing| closing.report = None);
    forge("renamed", "labels", &|closing| closing.report.as_mut().unwrap().contests[0].options[0].name = "Eve".to_owned());
    forge("more-than-all", "totals", &|closing| closing.report.as_mut().unwrap().contests[0].counts.blank = 1_000);
    forge("turnout", "counts", &|closing| closing.manifest.voted += 1);
    forge("phase", "counts", &|closing| closing.manifest.phase = Phase::Tallied);
    forge("no-path", "complete", &|closing| closing.path = serde_json::from_str("[]").unwrap());
}

/// Elections with a contest for every method, and motions, counted in Rust and from docs/counting.md in Python: to the last
/// decimal, in the same order, with the same lots.
#[test]
fn every_method_is_counted_alike() {
    const VOTERS: u64 = 15;
    let mut lots = 0;
    for number in 0..12u8 {
        let mut numbers = Numbers::new(u64::from(number));
        let mut contests: Vec<Contest> = CountMethodId::ALL.map(|method| numbers.contest(method)).to_vec();
        for majority in [Majority::Simple, Majority::TwoThirds, Majority::Absolute] {
            let thresholds = Thresholds { majority, quorum_percent: numbers.below(101) as u8 };
            contests.push(Contest { thresholds, ..Contest::new(format!("{majority:?}"), CountMethodId::Plurality, ["yes", "no"]) });
        }
        let election = ElectionDefinition { contests, ..definition(number, &["unused"]) };
        let mut chain = TestChain::new(4);
        chain.open_election(&election, VOTERS).unwrap();
        let ballots: Vec<Entry> = (0..VOTERS)
            .map(|voter| {
                let selections = election.contests.iter().map(|contest| numbers.selection(contest)).collect();
                let context = election.context(chain.chain());
                let ballot = Ballot { election: election.id, context, voter: key(voter).public(), sequence: 1, selections };
                Entry::Cast(ballot.sign(&key(voter)))
            })
            .collect();
        chain.append(&ballots).unwrap();
        chain.finish_election(election.id).unwrap();
        agree(&format!("methods-{number}"), &world::export(&chain, election.id), None);
        let report = chain.state.election(election.id).unwrap().report().unwrap();
        lots += report.contests.iter().filter(|contest| !contest.decided_by_lot.is_empty()).count();
    }
    assert!(lots > 12, "lots are compared too: {lots}");
}

/// A block that a colluding quorum certifies without asking the rules, at the end of an election that is open or just closed.
#[track_caller]
fn collude(name: &str, expected: &str, closed: bool, entries: impl FnOnce(&TestChain, &ElectionDefinition) -> Entry) {
    let mut chain = TestChain::new(4);
    let election = definition(1, &["Ada", "Bob"]);
    chain.open_election(&election, 5).unwrap();
    let first = Entry::Cast(ballot(chain.chain(), &election, &key(0), &[0]));
    chain.append(&[first]).unwrap();
    if closed {
        let close = chain.act(election.id, Act::Advance { to: Phase::Closed });
        chain.append(&[close]).unwrap();
    }
    let honest = world::export(&chain, election.id);
    let entries: Vec<EntryBytes> = vec![entries(&chain, &election).to_bytes()];
    let head = chain.head().unwrap();
    let header = BlockHeader {
        chain: chain.chain(),
        epoch: 0,
        view: View(head.view.0 + 1),
        height: head.height.next(),
        parent: Parent { view: head.view, hash: head.hash },
        payload_root: payload_root(&[entries[0].hash()]),
        entries: 1,
        state_root: chain.state.root(),
        timestamp: chain.state.timestamp().saturating_add(Duration::from_secs(1)),
        preference: None,
        successor: None,
    };
    let certificate = chain.certify(Statement::Finalize { view: header.view, block: header.hash() });
    let forged = FinalizedBlock::new(Block { header, entries }, Some(certificate)).unwrap();
    let mut writer = BundleWriter::begin(Vec::new(), &chain.genesis, PartitionId(0), &[], election.id).unwrap();
    chain.blocks.iter().chain([&forged]).for_each(|block| writer.block(block).unwrap());
    let mut bundle = std::mem::take(writer.get_mut());
    bundle.extend(&honest[frames(&honest).1..]);
    agree(name, &bundle, Some(expected));
}

fn vote(chain: &TestChain, election: &ElectionDefinition, voter: u64, sequence: u32, selections: Vec<Selection>) -> Ballot {
    let context = election.context(chain.chain());
    Ballot { election: election.id, context, voter: key(voter).public(), sequence, selections }
}

#[test]
fn a_lying_quorum_fails_alike() {
    let marks = |options: &[u16]| vec![Selection::Marks(options.to_vec())];
    let cast = |voter: u64, sequence: u32, selections: Vec<Selection>| {
        move |chain: &TestChain, election: &ElectionDefinition| {
            Entry::Cast(vote(chain, election, voter, sequence, selections).sign(&key(voter)))
        }
    };
    collude("late", "window", true, cast(1, 1, marks(&[0])));
    collude("again", "sequence", false, cast(0, 2, marks(&[1])));
    collude("zero-sequence", "sequence", false, cast(1, 0, marks(&[1])));
    collude("twice", "unique_ballots", false, cast(0, 1, marks(&[0])));
    collude("stranger", "voter_keys", false, cast(99, 1, marks(&[0])));
    collude("overvote", "selections", false, cast(1, 1, marks(&[0, 1])));
    collude("disorder", "selections", false, cast(1, 1, marks(&[1, 0])));
    collude("unknown-option", "selections", false, cast(1, 1, marks(&[7])));
    collude("undervote", "selections", false, cast(1, 1, marks(&[])));
    collude("no-selection", "selections", false, cast(1, 1, vec![]));
    collude("other-context", "selections", false, |chain, election| {
        let context = Digest([3; 32]);
        Entry::Cast(Ballot { context, ..vote(chain, election, 1, 1, vec![Selection::Blank]) }.sign(&key(1)))
    });
    collude("forged-signature", "signatures", false, |chain, election| {
        Entry::Cast(vote(chain, election, 1, 1, vec![Selection::Blank]).sign(&key(2)))
    });
    collude("roll-exceeded", "voter_keys", false, |chain, election| {
        chain.certification(election.id, std::iter::once((voting_core::testing::chain::pseudonym(77), 1, 77)))
    });
    collude("usurper", "life_cycle", false, |chain, election| {
        let eve = SigningKey::from_seed([66; 32]);
        let (act, sequence) =
            (Act::Advance { to: Phase::Closed }, chain.state.election(election.id).unwrap().acts().len() as u32 + 1);
        Entry::act(OfficerAct { chain: chain.chain(), election: election.id, sequence, act, officer: eve.public() }, &eve)
    });
    collude("reopened", "life_cycle", true, |chain, election| chain.act(election.id, Act::Advance { to: Phase::Open }));
    collude("wrong-count", "recount", true, |chain, election| chain.act(election.id, Act::Tally { report: Digest([1; 32]) }));
    collude("unreadable-reason", "life_cycle", false, |chain, election| {
        chain.act(election.id, Act::Cancel { reason: "hidden\u{200b}".to_owned() })
    });
}

#[test]
fn what_belongs_to_sealed_elections_fails_alike_in_open_ones() {
    collude("sealed-selection", "selections", false, |chain, election| {
        let sealed = Selection::Sealed(SealedSelection { options: Vec::new(), limit: None });
        Entry::Cast(vote(chain, election, 1, 1, vec![sealed]).sign(&key(1)))
    });
    collude("challenge", "challenges", false, |chain, election| {
        let ballot = vote(chain, election, 1, 1, vec![Selection::Blank]);
        Entry::challenge(Challenge { ballot, opening: BallotOpening { contests: Vec::new() } }, &key(1))
    });
    collude("late-challenge", "challenges", true, |chain, election| {
        let ballot = vote(chain, election, 1, 1, vec![Selection::Blank]);
        Entry::challenge(Challenge { ballot, opening: BallotOpening { contests: vec![vec![]] } }, &key(1))
    });
    collude("forged-challenge", "signatures", false, |chain, election| {
        let ballot = vote(chain, election, 1, 1, vec![Selection::Blank]);
        Entry::challenge(Challenge { ballot, opening: BallotOpening { contests: Vec::new() } }, &key(2))
    });
    let step = || TrusteeStep::Ceremony(Box::new(dealers(1, 1, 1).1[0].commit()));
    collude("trustee", "life_cycle", false, |chain, election| {
        let trustee = trustee_key(1);
        let act = TrusteeAct { chain: chain.chain(), election: election.id, step: step(), trustee: trustee.public() };
        Entry::trustee(act, &trustee)
    });
    collude("trustee-elsewhere", "signatures", false, |_, election| {
        let trustee = trustee_key(1);
        let act = TrusteeAct { chain: ChainId([1; 32]), election: election.id, step: step(), trustee: trustee.public() };
        Entry::trustee(act, &trustee)
    });
    collude("no-ceremony", "life_cycle", false, |chain, election| chain.act(election.id, Act::CloseCeremonyPhase));
    collude("late-freeze", "life_cycle", false, |chain, election| chain.act(election.id, Act::FreezeRoll));
}

/// A roll that is frozen has as many voters as are certified, and takes no more; both verifiers know.
#[test]
fn frozen_rolls_are_judged_alike() {
    let mut chain = TestChain::new(4);
    let election = definition(1, &["Ada", "Bob"]);
    let certify = |chain: &TestChain, voters: std::ops::Range<u64>| {
        chain.certification(election.id, voters.map(|voter| (pseudonym(voter), 1, voter)))
    };
    for act in [Act::Define(election.clone()), Act::SetRoll { size: 5 }] {
        let entry = chain.act(election.id, act);
        chain.append(&[entry]).unwrap();
    }
    let entries = [certify(&chain, 0..2), chain.act(election.id, Act::FreezeRoll)];
    chain.append(&entries).unwrap();
    assert_eq!(chain.state.election(election.id).unwrap().roll_size(), 2);
    for to in [Phase::Ready, Phase::Scheduled, Phase::Open] {
        let entry = chain.act(election.id, Act::Advance { to });
        chain.append(&[entry]).unwrap();
    }
    let vote = Entry::Cast(ballot(chain.chain(), &election, &key(1), &[1]));
    chain.append(&[vote]).unwrap();
    agree("frozen", &world::export(&chain, election.id), None);
    // A quorum that lets another voter in.
    let honest = world::export(&chain, election.id);
    let late = certify(&chain, 2..3);
    chain.append_unchecked(&[late]);
    let mut writer = BundleWriter::begin(Vec::new(), &chain.genesis, PartitionId(0), &[], election.id).unwrap();
    chain.blocks.iter().for_each(|block| writer.block(block).unwrap());
    let mut bundle = std::mem::take(writer.get_mut());
    bundle.extend(&honest[frames(&honest).1..]);
    agree("frozen-and-certified", &bundle, Some("voter_keys"));
}

/// The peer leaves the curve to others, and does not pretend otherwise.
#[test]
fn the_peer_says_that_it_does_not_verify_sealed_elections() {
    let sealed = SealedChain::open(&definition(7, &["Ada", "Bob"]), 1, 1, 2).unwrap();
    let bundle = world::export(&sealed.chain, sealed.id);
    assert_eq!(library_verdict(&bundle, &Options::default()), None);
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("peer-sealed.bundle");
    std::fs::write(&file, bundle).unwrap();
    let output = python("verify_bundle.py", &[file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("Not verified: sealed ballots"));
}

#[test]
fn the_peer_reads_every_vector() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let checked = python("check_vectors.py", &[directory.to_str().unwrap()]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn the_peer_judges_signatures_the_same() {
    let made = python("make_ed25519_cases.py", &[]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let committed = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/ed25519.json")).unwrap();
    assert!(made.stdout == committed, "tests/vectors/ed25519.json is not what tests/peer/make_ed25519_cases.py prints");
}

/// The authorities change during the election, once with a tail: everything that can be wrong with that.
/// What is done to a bundle, the check that fails for it, and how it is done.
type Case<'a> = (&'a str, Option<&'a str>, &'a dyn Fn(&mut Parts));

fn shorten<T>(list: &mut Vec<T>) {
    list.truncate(list.len() - 1);
}

#[test]
fn changes_of_the_authorities_are_judged_alike() {
    let mut chain = TestChain::new(4);
    let election = definition(7, &["Ada", "Bob"]);
    chain.open_election(&election, 3).unwrap();
    for (voter, next) in [(0, Some([0, 1, 2, 3, 4].as_slice())), (1, Some(&[1, 2, 3, 4])), (2, None)] {
        let mut entries = vec![Entry::Cast(ballot(chain.chain(), &election, &key(voter), &[1]))];
        entries.extend(next.map(|next| chain.change(chain.next_epoch(next))));
        chain.append(&entries).unwrap();
        if voter == 0 {
            chain.add_tail(2);
        }
    }
    chain.finish_election(election.id).unwrap();
    let mut writer = BundleWriter::begin(Vec::new(), &chain.genesis, PartitionId(0), &chain.handovers(), election.id).unwrap();
    chain.blocks.iter().for_each(|block| writer.block(block).unwrap());
    let bundle = writer.finish(&chain.state).unwrap();
    agree("epochs", &bundle, None);

    let whole = Parts::take(&bundle);
    let ends = whole.blocks.iter().find(|block| !block.tail.is_empty()).unwrap().header.height.0;
    let cases: [Case<'_>; 9] = [
        ("no-handovers", Some("parents"), &|parts| parts.opening.handovers.clear()),
        ("one-handover", Some("parents"), &|parts| drop(parts.opening.handovers.pop())),
        ("second-handover", Some("genesis"), &|parts| drop(parts.opening.handovers.remove(0))),
        ("other-quorum", Some("genesis"), &|parts| parts.opening.handovers[0].epoch.quorum = 5),
        ("handover-unsigned", Some("genesis"), &|parts| parts.opening.handovers[0].certificate.signatures.truncate(2)),
        ("handover-without-tail", Some("genesis"), &|parts| shorten(&mut parts.opening.handovers[0].headers)),
        ("without-tail", Some("certificates"), &|parts| shorten(&mut parts.at(ends).tail)),
        ("without-certificate", Some("certificates"), &|parts| {
            parts.at(ends).certificate = None;
            parts.at(ends).tail.clear();
        }),
        ("tail-elsewhere", Some("certificates"), &|parts| {
            let tail = parts.at(ends).tail.clone();
            parts.at(ends - 1).tail = tail;
        }),
    ];
    for (name, expected, change) in cases {
        let mut parts = whole.clone();
        change(&mut parts);
        agree(name, &parts.put(), expected);
    }
}
