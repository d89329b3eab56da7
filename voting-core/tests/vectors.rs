//! The bytes of version 1, pinned: what the library makes now is compared with the files in `tests/vectors/`.
//!
//! The files are test data for other implementations of `docs/SPEC.md`. They change only on purpose:
//! `VOTING_BLESS=1 cargo test -p voting-core --all-features --test it vectors::` writes them anew.

pub(crate) mod world;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::OnceLock;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use voting_core::ballot::{Ballot, Selection, SignedBallot};
use voting_core::block::{Block, BlockHeader, FinalizedBlock};
use voting_core::bundle::{BundleBlock, BundleItem, BundleReader, Closing, Opening};
use voting_core::certificate::{Certificate, Statement, Vote};
use voting_core::codec::Canonical;
use voting_core::crypto::{InclusionProof, PublicKey, Signature, SigningKey, leaf_hash, merkle_root};
use voting_core::election::{ElectionDefinition, Phase};
use voting_core::entry::{Act, Certification, Challenge, Entry, OfficerAct, TrusteeAct};
use voting_core::epoch::change::{EpochChange, Handover};
use voting_core::epoch::{Epoch, Genesis, LeaderPolicy, QuorumRule};
use voting_core::evidence::{Accusation, Evidence};
use voting_core::ids::{AuthorityIndex, BallotHash, BlockHash, Digest, ElectionId, Height, PartitionId, Pseudonym, View};
use voting_core::preference::{PreferLeader, Preference};
use voting_core::ranking::Ranking;
use voting_core::receipt::{ElectionProof, Receipt};
use voting_core::state::{ElectionSummary, LedgerState, Position};
use voting_core::tally::{ElectionReport, Lot};
use voting_core::testing::chain::{authority_key, pseudonym};
use voting_core::testing::{TestChain, ballot, definition, key};
use voting_core::text::{check_line, check_paragraph};
use voting_core::verify::{Check, Options, verify};

use world::World;

const ELECTION: ElectionId = ElectionId([0x7a; 16]);

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(World::new)
}

fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(file)
}

fn blessing() -> bool {
    std::env::var_os("VOTING_BLESS").is_some_and(|value| value == "1")
}

fn committed(file: &str) -> Value {
    serde_json::from_slice(&std::fs::read(path(file)).unwrap()).unwrap()
}

/// Compares with the committed file, value by value: every hexadecimal string byte for byte.
#[track_caller]
fn pinned(file: &str, made: &Value) {
    if blessing() {
        let mut text = serde_json::to_string_pretty(made).unwrap();
        text.push('\n');
        std::fs::write(path(file), text).unwrap();
    }
    let pinned = committed(file);
    let (pinned, made) = (pinned.as_array().unwrap(), made.as_array().unwrap());
    for (pinned, made) in pinned.iter().zip(made) {
        assert_eq!(pinned, made, "{file}: other bytes than those of version 1");
    }
    assert_eq!(pinned.len(), made.len(), "{file}: vectors missing or too many");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    unhex(value).try_into().unwrap()
}

/// A value of a canonical type: its bytes, its digest, and itself as JSON.
fn vector<T: Canonical + Serialize>(name: &str, value: &T) -> Value {
    vector_of(name, value, serde_json::to_value(value).unwrap())
}

fn vector_of<T: Canonical>(name: &str, value: &T, decoded: Value) -> Value {
    json!({ "name": name, "type": T::TAG, "hex": hex(&value.to_canonical()), "digest": value.digest(), "value": decoded })
}

fn block_json(block: &Block) -> Value {
    json!({ "header": block.header, "entries": block.entries.iter().map(|entry| hex(entry.as_slice())).collect::<Vec<_>>() })
}

fn entries() -> Vec<(Position, Entry)> {
    let mut entries = Vec::new();
    for block in &world().chain.blocks {
        for (index, bytes) in block.block.entries.iter().enumerate() {
            let position = Position { height: block.block.header.height, index: index as u32 };
            entries.push((position, Entry::from_canonical(bytes.as_slice()).unwrap()));
        }
    }
    entries
}

#[test]
fn keys_and_ids() {
    let World { chain, election, ballots, .. } = world();
    let keys = (0..3).map(|n| {
        let key = key(n);
        let signature = key.sign(b"message");
        json!({ "name": format!("key {n}"), "seed": hex(&key.to_seed()), "public": key.public(),
            "fingerprint": key.public().fingerprint(), "message": hex(b"message"), "signature": signature })
    });
    let chains = (0..2).map(|partition| {
        json!({ "name": format!("chain id of partition {partition}"), "genesis": chain.genesis.digest(),
            "partition": partition, "chain": chain.genesis.chain_id(PartitionId(partition)) })
    });
    let context = json!({ "name": "context", "chain": chain.chain(), "definition": election.digest(),
        "context": election.context(chain.chain()) });
    let voters = (0..4).map(|n| {
        let voter = pseudonym(n);
        let partitions = [1, 2, 7, 65_535].map(|count| json!([count, PartitionId::of_voter(&voter, count)]));
        json!({ "name": format!("partition of voter {n}"), "pseudonym": voter, "partitions": partitions })
    });
    let codes = [BallotHash([0; 32]), BallotHash([0xff; 32]), ballots[0].hash()]
        .map(|ballot| json!({ "name": "code of a ballot", "ballot": ballot, "code": ballot.code() }));
    let lots = [0, 1, 300].map(|option| {
        let lot = Lot { seed: Digest([5; 32]), contest: 2 };
        json!({ "name": "rank in a lot", "seed": lot.seed, "contest": lot.contest, "option": option, "rank": lot.rank(option) })
    });
    let quorums = [1, 2, 3, 4, 5, 7, 10, 30, 100].map(|n| {
        let of = |rule: QuorumRule| rule.threshold(n).unwrap();
        json!({ "name": "quorum", "authorities": n, "majority": of(QuorumRule::Majority), "byzantine": of(QuorumRule::Byzantine) })
    });
    let all: Vec<_> = keys.chain(chains).chain([context]).chain(voters).chain(codes).chain(lots).chain(quorums).collect();
    pinned("ids.json", &Value::Array(all));
}

#[test]
fn text_rules() {
    let texts = [
        "",
        " ",
        "Ada Lovelace",
        " Ada",
        "Ada\u{a0}",
        "Ada\nBob",
        "Ada\tBob",
        "\n",
        "Škoda",
        "S\u{30c}koda",
        "山田 太郎",
        "e\u{301}",
        "é",
        "A\u{200b}da",
        "A\u{202e}da",
        "A\u{feff}da",
        "A\u{ad}da",
        "A\u{e0041}da",
        "A\u{85}da",
        "ﬁ",
        "Å",
        "A\u{3000}B",
        "👩\u{200d}🔬",
        "𝒜",
        "twenty-one bytes long",
    ];
    let rule = |text: &&str| {
        json!({ "text": text, "utf8": hex(text.as_bytes()), "line_of_20": check_line(text, 20).is_ok(),
            "paragraph_of_20": check_paragraph(text, 20).is_ok() })
    };
    pinned("text.json", &texts.iter().map(rule).collect());
}

#[test]
fn definitions_and_entries() {
    let World { chain, election, ballots, .. } = world();
    let mut all = vec![vector("genesis", &chain.genesis), vector("definition", election)];
    all.push(vector("ballot", &ballots[0].ballot));
    all.push(vector("ballot with a blank contest", &ballots[3].ballot));
    all.push(vector("signed ballot", &ballots[0]));
    for (position, entry) in entries() {
        let what = match &entry {
            Entry::Act(act) => {
                let signed = vector(&format!("signed content of the act at {}.{}", position.height, position.index), &act.content);
                all.push(signed);
                format!("act at {}.{}", position.height, position.index)
            }
            Entry::Certify(certification) => {
                all.push(vector("signed content of a certification", &certification.content));
                format!("certification at {}.{}", position.height, position.index)
            }
            Entry::Cast(_) => format!("ballot at {}.{}", position.height, position.index),
            Entry::Prefer(_) | Entry::Change(_) | Entry::Accuse(_) => {
                unreachable!("this world has no trouble with its authorities")
            }
            Entry::Trustee(_) | Entry::Challenge(_) => unreachable!("this world's ballots are open"),
        };
        all.push(vector(&what, &entry));
    }
    let epoch = Epoch { leader: LeaderPolicy::Elected, ..chain.genesis.epoch.clone() };
    all.push(vector("genesis, leaders are elected", &Genesis { epoch, ..chain.genesis.clone() }));
    let wish = PreferLeader { chain: chain.chain(), term: 3, views: 10_000, authority: chain.authorities[2].public() };
    all.push(vector("signed content of a wish to lead", &wish));
    all.push(vector("wish to lead", &Entry::prefer(wish, &chain.authorities[2])));
    let vote = |statement| Vote::sign(chain.chain(), 0, statement, AuthorityIndex(2), &chain.authorities[2]);
    let (skip, block) = (Statement::Skip { view: View(9) }, BlockHash([5; 32]));
    let evidence = Evidence::new(vote(skip), vote(Statement::Finalize { view: View(9), block })).unwrap();
    let accusation = Accusation { chain: chain.chain(), epoch: 0, key: chain.authorities[2].public(), evidence };
    all.push(vector("content of an accusation", &accusation));
    all.push(vector("accusation", &Entry::Accuse(accusation)));
    let kinds =
        |kind: fn(&Act) -> bool| entries().iter().any(|(_, entry)| matches!(entry, Entry::Act(act) if kind(&act.content.act)));
    assert!(kinds(|act| matches!(act, Act::Define(_))) && kinds(|act| matches!(act, Act::SetRoll { .. })));
    assert!(kinds(|act| matches!(act, Act::Tally { .. })) && kinds(|act| matches!(act, Act::Cancel { .. })));
    assert!(kinds(|act| matches!(act, Act::Advance { to: Phase::Published })));
    pinned("entries.json", &Value::Array(all));
}

/// A ballot of every form, signed. What they are bound to is the election of this world; whether it would accept them does
/// not matter here.
#[test]
fn ballots() {
    let World { chain, election, .. } = world();
    let ranking = |tiers: &[&[u16]]| Selection::Ranking(Ranking::from_tiers(tiers.iter().map(|tier| tier.iter().copied())));
    let marks = |options: &[u16]| Selection::Marks(options.to_vec());
    let forms = [
        ("blank", 1, vec![Selection::Blank]),
        ("one mark", 1, vec![marks(&[2])]),
        ("marks", 2, vec![marks(&[0, 1, 255, 256, 999])]),
        ("scores", 3, vec![Selection::Scores(vec![(0, 5), (1, 0), (300, 100)])]),
        ("ranking", 4, vec![ranking(&[&[2], &[0], &[1]])]),
        ("ranking of one", 4, vec![ranking(&[&[0]])]),
        ("ranking with ties", 5, vec![ranking(&[&[3], &[0, 2, 199], &[1]])]),
        ("ranking, all equal", 6, vec![ranking(&[&[0, 1, 2, 3]])]),
        ("ranking with a skipped rank", 7, vec![ranking(&[&[1], &[], &[0]])]),
        (
            "every form in one ballot",
            u32::MAX,
            vec![
                marks(&[1]),
                Selection::Blank,
                Selection::Scores(vec![(0, 10), (4, 1)]),
                ranking(&[&[1, 2], &[0], &[3, 4]]),
                ranking(&[&[4], &[2]]),
                Selection::Blank,
            ],
        ),
        ("fifty contests", 8, vec![marks(&[0, 1]); 50]),
    ];
    let vectors = forms.into_iter().zip(0..).map(|((name, sequence, selections), voter)| {
        let key = key(voter);
        let content =
            Ballot { election: election.id, context: election.context(chain.chain()), voter: key.public(), sequence, selections };
        let signed = content.sign(&key);
        assert!(signed.verify());
        let mut vector = vector(name, &signed);
        vector["seed"] = json!(hex(&key.to_seed()));
        vector["hash"] = json!(signed.hash());
        vector["code"] = json!(signed.hash().code());
        vector
    });
    pinned("ballots.json", &vectors.collect());
}

#[test]
fn blocks() {
    let blocks = &world().chain.blocks;
    let mut all: Vec<_> = blocks.iter().map(|block| vector("header", &block.block.header)).collect();
    let header = blocks[7].block.header.clone();
    let preference = Preference {
        term: 3,
        leader: AuthorityIndex(2),
        since: View(6),
        height: Height(5),
        at: header.timestamp,
        until: View(10_006),
    };
    all.push(vector("header with a preference", &BlockHeader { preference: Some(preference), ..header }));
    all.push(vector_of("block", &blocks[7].block, block_json(&blocks[7].block)));
    for (name, block) in [("finalized block", &blocks[8]), ("finalized block without certificate", &blocks[9])] {
        all.push(vector_of(
            name,
            block,
            json!({ "block": block_json(&block.block), "certificate": block.certificate, "tail": block.tail }),
        ));
    }
    pinned("blocks.json", &Value::Array(all));
}

#[test]
fn votes_and_certificates() {
    let chain = &world().chain;
    let (view, block) = (View(8), chain.blocks[7].block.hash());
    let statements = [Statement::Notarize { view, block }, Statement::Skip { view: View(9) }, Statement::Finalize { view, block }];
    let mut all = Vec::new();
    for statement in statements {
        let vote = Vote::sign(chain.chain(), 0, statement, AuthorityIndex(2), &chain.authorities[2]);
        assert_eq!(vote.verify(chain.chain(), &chain.genesis.epoch), Ok(()));
        let encoded = borsh::to_vec(&statement).unwrap();
        // By hand, as the specification says: tag, chain, epoch number, statement.
        let signed = [b"\x0evoting/vote/v1".as_slice(), &chain.chain().0, &0u32.to_le_bytes(), &encoded].concat();
        assert!(chain.authorities[2].public().verify(&signed, &vote.signature));
        all.push(json!({ "name": "vote", "chain": chain.chain(), "epoch": 0, "signed_bytes": hex(&signed),
            "key": chain.authorities[2].public(), "hex": hex(&borsh::to_vec(&vote).unwrap()), "value": vote }));
        all.push(vector("certificate", &chain.certify(statement)));
    }
    pinned("votes.json", &Value::Array(all));
}

#[test]
fn merkle_trees() {
    let leaves: Vec<_> = (0u8..9).map(|n| leaf_hash(&[n])).collect();
    let mut all = vec![json!({ "name": "root of no leaves", "leaves": [], "root": merkle_root(&[]) })];
    for size in 1..=leaves.len() {
        let some = &leaves[..size];
        let proofs: Vec<_> = (0..size).map(|index| InclusionProof::of(some, index).unwrap()).collect();
        assert!(proofs.iter().zip(some).all(|(proof, leaf)| proof.root(leaf) == Some(merkle_root(some))));
        let encoded: Vec<_> = proofs.iter().map(|proof| hex(&borsh::to_vec(proof).unwrap())).collect();
        all.push(json!({ "name": format!("leaf n is the hash of the byte n, {size} leaves"), "leaves": some,
            "root": merkle_root(some), "proofs": proofs, "proofs_hex": encoded }));
    }
    pinned("merkle.json", &Value::Array(all));
}

/// The summary of an election in bytes, put together by hand from the specification and the entries.
fn summary_by_hand(id: ElectionId) -> Vec<u8> {
    let state = world().chain.state.election(id).unwrap();
    let log = entries()
        .iter()
        .filter(|(_, entry)| entry.election() == Some(id))
        .fold(Digest::ZERO, |log, (_, entry)| Digest::of_parts("voting/election-log/v1", &[&log.0, &entry.to_bytes().hash().0]));
    let phase = borsh::to_vec(&state.phase()).unwrap();
    let counts = [state.roll_size(), state.certified(), state.ballots(), state.voted()].map(u64::to_le_bytes).concat();
    let acts = (state.acts().len() as u32).to_le_bytes();
    [id.0.as_slice(), &state.context().0, &phase, &acts, &counts, &log.0].concat()
}

#[test]
fn state_root() {
    let World { chain, election, others, .. } = world();
    let mut all = Vec::new();
    for id in [others[0].id, election.id, others[1].id] {
        let summary = summary_by_hand(id);
        let digest = Digest::of_parts("voting/election-summary/v1", &[&summary]);
        assert_eq!(digest, chain.state.election(id).unwrap().digest(), "the summary is not what the specification says");
        let proof = chain.state.prove_election(id).unwrap();
        let leaf = LedgerState::election_leaf(id, digest);
        assert_eq!(proof.root(&leaf), Some(chain.state.root()));
        all.push(json!({ "name": "election", "id": id, "summary": hex(&summary), "digest": digest, "leaf": leaf, "proof": proof }));
    }
    let roots = chain.blocks.iter().map(|block| json!([block.block.header.height, block.block.header.state_root]));
    all.push(json!({ "name": "state roots", "root": chain.state.root(), "by_height": roots.collect::<Vec<_>>() }));
    pinned("state.json", &Value::Array(all));
}

#[test]
fn report_and_receipts() {
    let World { chain, election, ballots, .. } = world();
    let report = chain.state.election(election.id).unwrap().report().unwrap();
    assert_eq!(report.contests[1].decided_by_lot, [0, 2, 3], "the vectors show a lot");
    let mut all = vec![vector("report", report.as_ref())];
    for ballot in [&ballots[0], &ballots[4]] {
        let position = chain.state.election(election.id).unwrap().ballot_position(ballot.hash()).unwrap();
        let receipt = Receipt::build(&chain.blocks, position).unwrap();
        assert!(receipt.verify(&chain.epochs(), Some(ballot)).is_ok());
        all.push(vector("receipt", &receipt));
    }
    pinned("receipts.json", &Value::Array(all));
}

#[test]
fn bundle() {
    let World { chain, election, bundle, .. } = world();
    if blessing() {
        std::fs::write(path("election.bundle"), bundle).unwrap();
    }
    assert!(std::fs::read(path("election.bundle")).unwrap() == *bundle, "election.bundle: other bytes than those of version 1");
    let mut reader = BundleReader::open(bundle.as_slice()).unwrap();
    let mut all = vec![vector("opening", reader.opening())];
    while let Some(block) = reader.next_block().unwrap() {
        let items = block.items.iter().map(|item| match item {
            BundleItem::Foreign(hash) => json!({ "foreign": hash }),
            BundleItem::Own(bytes) => json!({ "own": hex(bytes.as_slice()) }),
        });
        let decoded = json!({ "header": block.header, "certificate": block.certificate, "tail": block.tail,
            "items": items.collect::<Vec<_>>() });
        all.push(vector_of("block", &block, decoded));
    }
    all.push(vector("closing", reader.closing().unwrap()));
    let report = verify(bundle.as_slice(), &Options { genesis: Some(chain.genesis.digest()), ..Options::default() });
    assert_eq!(report.failure, None);
    assert_eq!(report.summary.as_ref().unwrap().election, election.id);
    all.push(json!({ "name": "what voting verify reports", "value": report }));
    pinned("bundle.json", &Value::Array(all));
}

/// An election during which the authorities change twice: one joins, with a tail; one gets another key.
#[test]
fn epochs() {
    let mut chain = TestChain::new(4);
    let election = definition(7, &["Ada", "Bob"]);
    chain.open_election(&election, 3).unwrap();
    let mut all = vec![vector("genesis", &chain.genesis)];
    let mut ballots = Vec::new();
    for voter in 0..3 {
        let cast = ballot(chain.chain(), &election, &key(voter), &[1]);
        ballots.push(cast.clone());
        let mut entries = vec![Entry::Cast(cast)];
        if voter < 2 {
            let mut next = chain.next_epoch(&[0, 1, 2, 3, 4]);
            if voter == 1 {
                next.authorities[2].key = authority_key(22).public();
            }
            let change = EpochChange { chain: chain.chain(), epoch: next.clone() };
            all.push(vector("signed content of a change of the authorities", &change));
            let change = chain.change(next);
            all.push(vector("change of the authorities", &change));
            entries.push(change);
        }
        chain.append(&entries).unwrap();
        if voter == 0 {
            chain.add_tail(2);
        }
    }
    let finalized = chain.blocks.iter().find(|block| !block.tail.is_empty()).unwrap();
    all.push(vector("header of the last block of an epoch", &finalized.block.header));
    let decoded = json!({ "block": block_json(&finalized.block), "certificate": finalized.certificate, "tail": finalized.tail });
    all.push(vector_of("last block of an epoch", finalized, decoded));
    all.extend(chain.handovers().iter().map(|handover| vector("handover", handover)));
    for ballot in &ballots {
        let position = chain.state.election(election.id).unwrap().ballot_position(ballot.hash()).unwrap();
        let receipt = Receipt::build(&chain.blocks, position).unwrap();
        assert!(receipt.verify(&chain.epochs(), Some(ballot)).is_ok());
        all.push(vector("receipt", &receipt));
    }
    let first: Vec<_> = chain.epochs().iter().map(|(first, epoch)| json!([first, epoch.number])).collect();
    all.push(json!({ "name": "first heights", "epochs": first }));
    pinned("epochs.json", &Value::Array(all));
}

/// Decodes the committed bytes, encodes them again, and compares with the JSON beside them.
#[track_caller]
fn decodes<T: Canonical>(vector: &Value) -> T {
    let bytes = unhex(&vector["hex"]);
    let value = T::from_canonical(&bytes).unwrap();
    assert_eq!(value.to_canonical(), bytes);
    assert_eq!(serde_json::to_value(value.digest()).unwrap(), vector["digest"]);
    value
}

#[track_caller]
fn decodes_both<T: Canonical + DeserializeOwned + PartialEq + Debug>(vector: &Value) {
    let value: T = decodes(vector);
    assert_eq!(serde_json::from_str::<T>(&vector["value"].to_string()).unwrap(), value);
}

#[test]
fn committed_vectors_decode() {
    if blessing() {
        return; // other tests are writing the files
    }
    let mut decoded = BTreeSet::new();
    for file in ["entries.json", "ballots.json", "blocks.json", "votes.json", "receipts.json", "bundle.json", "epochs.json"] {
        for vector in committed(file).as_array().unwrap() {
            match vector["type"].as_str() {
                Some(Genesis::TAG) => decodes_both::<Genesis>(vector),
                Some(ElectionDefinition::TAG) => decodes_both::<ElectionDefinition>(vector),
                Some(Ballot::TAG) => decodes_both::<Ballot>(vector),
                Some(SignedBallot::TAG) => decodes_both::<SignedBallot>(vector),
                Some(EpochChange::TAG) => decodes_both::<EpochChange>(vector),
                Some(Accusation::TAG) => decodes_both::<Accusation>(vector),
                Some(Handover::TAG) => decodes_both::<Handover>(vector),
                Some(OfficerAct::TAG) => decodes_both::<OfficerAct>(vector),
                Some(Certification::TAG) => decodes_both::<Certification>(vector),
                Some(PreferLeader::TAG) => decodes_both::<PreferLeader>(vector),
                Some(Entry::TAG) => decodes_both::<Entry>(vector),
                Some(BlockHeader::TAG) => decodes_both::<BlockHeader>(vector),
                Some(Certificate::TAG) => decodes_both::<Certificate>(vector),
                Some(ElectionReport::TAG) => decodes_both::<ElectionReport>(vector),
                Some(Receipt::TAG) => decodes_both::<Receipt>(vector),
                Some(Opening::TAG) => decodes_both::<Opening>(vector),
                Some(Closing::TAG) => decodes_both::<Closing>(vector),
                Some(Block::TAG) => drop(decodes::<Block>(vector)),
                Some(FinalizedBlock::TAG) => drop(decodes::<FinalizedBlock>(vector)),
                Some(BundleBlock::TAG) => drop(decodes::<BundleBlock>(vector)),
                Some(other) => panic!("nothing decodes `{other}`"),
                None => continue,
            }
            decoded.insert(vector["type"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(decoded.len(), 20, "a type has no vector: {decoded:?}");
}

/// RFC 8032, and the cases in which implementations differ, each with the outcome under the strict rule.
#[test]
fn signatures_are_judged_strictly() {
    let file = committed("ed25519.json");
    for case in file["rfc8032"].as_array().unwrap() {
        let (seed, message) = (SigningKey::from_seed(array(&case["seed"])), unhex(&case["message"]));
        let signature = Signature(array(&case["signature"]));
        assert_eq!(seed.public(), PublicKey(array(&case["key"])), "{case}");
        assert_eq!(seed.sign(&message), signature, "{case}");
        assert!(seed.public().verify(&message, &signature), "{case}");
    }
    for case in file["keys"].as_array().unwrap() {
        assert_eq!(json!(PublicKey(array(&case["key"])).check().is_ok()), case["usable"], "{case}");
    }
    for case in file["signatures"].as_array().unwrap() {
        let valid = PublicKey(array(&case["key"])).verify(&unhex(&case["message"]), &Signature(array(&case["signature"])));
        assert_eq!(json!(valid), case["valid"], "{case}");
    }
}

#[test]
fn bundle_begins_where_the_election_does() {
    let mut reader = BundleReader::open(world().bundle.as_slice()).unwrap();
    assert_eq!(reader.opening().election, ELECTION);
    assert_eq!(reader.next_block().unwrap().unwrap().header.height, Height(2));
    let (first, pseudonyms): (BlockHash, Vec<Pseudonym>) = (world().chain.blocks[0].block.hash(), (0..6).map(pseudonym).collect());
    let state = world().chain.state.election(ELECTION).unwrap();
    assert!(pseudonyms.iter().all(|voter| state.voter(voter).is_some()));
    assert_eq!(world().chain.blocks[1].block.header.parent.hash, first);
}

fn specification() -> String {
    std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/SPEC.md")).unwrap()
}

#[test]
fn the_specification_lists_every_type_and_check() {
    let text = specification();
    let row = |has: &[&str]| text.lines().any(|line| line.starts_with('|') && has.iter().all(|part| line.contains(part)));
    macro_rules! listed {
        ($($type:ty),+) => { [$((<$type>::TAG, <$type>::MAX_BYTES)),+] };
    }
    let types = listed!(
        Genesis,
        ElectionDefinition,
        OfficerAct,
        Certification,
        TrusteeAct,
        Challenge,
        PreferLeader,
        Epoch,
        EpochChange,
        Accusation,
        Handover,
        Ballot,
        SignedBallot,
        Entry,
        BlockHeader,
        Block,
        FinalizedBlock,
        Certificate,
        ElectionSummary,
        ElectionReport,
        Receipt,
        ElectionProof,
        Opening,
        BundleBlock,
        Closing
    );
    for (tag, max) in types {
        assert!(row(&[&format!("`{tag}`"), &grouped(max)]), "{tag} of at most {} bytes", grouped(max));
    }
    for check in Check::ALL {
        assert!(row(&[&format!("| {} | `{}` |", check.number(), check.code())]), "check {}", check.code());
    }
}

/// A number as the specification writes it: thousands apart.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && digits.len() > 3 {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Every number of the worked example is in the vectors, or follows from them.
#[test]
fn the_worked_example_is_of_this_version() {
    let text = specification();
    let (_, example) = text.split_once("## 19.").unwrap();
    let files = ["ids.json", "entries.json", "blocks.json", "receipts.json", "votes.json"];
    let mut known: String = files.iter().map(|file| std::fs::read_to_string(path(file)).unwrap()).collect();
    let position = Position { height: Height(8), index: 0 };
    let receipt = Receipt::build(&world().chain.blocks, position).unwrap();
    let leaf = leaf_hash(&receipt.entry.0);
    let half = InclusionProof { size: 2, hashes: receipt.proof.hashes[..1].to_vec(), ..receipt.proof };
    known += &format!("{leaf} {} {}", half.root(&leaf).unwrap(), hex(Ballot::TAG.as_bytes()));
    let numbers: Vec<_> = example.split(|c: char| !c.is_ascii_hexdigit()).filter(|number| number.len() >= 14).collect();
    assert!(numbers.len() > 30);
    for number in numbers {
        assert!(known.contains(number), "{number} is in no vector");
    }
}
