//! What the fuzz targets of this crate are given by ordinary tests: the corpus, and damaged variants of each file in it.
//! `VOTING_BLESS=1 cargo test -p voting-core --all-features --test it fuzz::` writes the seeds anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;
use voting_core::ballot::{Ballot, Selection};
use voting_core::count::Amount;
use voting_core::election::ElectionDefinition;
use voting_core::entry::{Challenge, Entry, TrusteeAct, TrusteeStep};
use voting_core::epoch::Epoch;
use voting_core::receipt::ElectionProof;
use voting_core::sealed::{
    BallotOpening, Branch, Ciphertext, OpenedOption, Point, RangeProof, Scalar, SealedOption, SealedSelection,
};
use voting_core::testing::chain::authority_key;
use voting_core::testing::fuzz::{CANONICAL_TYPES, Seed, TARGETS, canonical_input, corpus, known};
use voting_core::testing::sealed::{dealers, trustee_key};
use voting_core::testing::{ballot, definition, key};
use voting_core::time::Timestamp;
use voting_core::{Canonical, ChainId};

fn folder() -> PathBuf {
    corpus::folder(env!("CARGO_MANIFEST_DIR"))
}

/// Every value with canonical bytes in the test vectors; of each type a few.
fn vectors() -> Vec<Seed> {
    const OF_EACH_TYPE: usize = 12;
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut seen = BTreeMap::new();
    let mut seeds = Vec::new();
    for file in ["ballots", "blocks", "bundle", "entries", "epochs", "ids", "receipts", "sealed", "votes"] {
        let text = std::fs::read(folder.join(file).with_extension("json")).unwrap();
        for vector in serde_json::from_slice::<Vec<Value>>(&text).unwrap() {
            let (Some(tag), Some(hex)) = (vector["type"].as_str(), vector["hex"].as_str()) else { continue };
            let number = seen.entry(tag.to_owned()).and_modify(|number| *number += 1).or_insert(1_usize);
            if *number <= OF_EACH_TYPE {
                let short = tag.trim_start_matches("voting/").trim_end_matches("/v1");
                let bytes = unhex(hex);
                seeds.push(Seed::new("core_canonical", format!("{short}-{number}"), canonical_input(tag, &bytes).unwrap()));
            }
        }
    }
    let epoch: &Epoch = known().chain.state.epoch();
    seeds.push(Seed::new("core_canonical", "epoch-1", canonical_input(Epoch::TAG, &epoch.to_canonical()).unwrap()));
    seeds
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
}

fn cast_ballot(chain: ChainId, election: &ElectionDefinition, voter: u64) -> Ballot {
    ballot(chain, election, &key(voter), &[1]).ballot
}

fn scalar(number: u8) -> Scalar {
    let mut bytes = [0; 32];
    bytes[0] = number;
    Scalar::from_bytes(bytes).unwrap()
}

/// Of one option, well formed and wrong.
fn sealed_selection() -> Selection {
    let point = Point([0; 32]);
    let branch = Branch { a: point, b: point, challenge: scalar(1), response: scalar(2) };
    let range = RangeProof { branches: vec![branch; 2] };
    let option = SealedOption { ciphertext: Ciphertext { alpha: point, beta: point }, range: range.clone() };
    Selection::Sealed(SealedSelection { options: vec![option], limit: Some(range) })
}

/// What the known network has, and what it would take and refuse.
fn of_the_network() -> Vec<Seed> {
    let known = known();
    let chain = &known.chain;
    let mut seeds = Vec::new();
    for (at, bytes) in known.bundles.iter().enumerate() {
        seeds.push(Seed::new("core_bundle", format!("known-{at}"), bytes.as_slice()));
    }
    seeds.push(Seed::new("core_bundle", "vector", include_bytes!("vectors/election.bundle").as_slice()));
    for (at, receipt) in known.receipts.iter().enumerate() {
        seeds.push(Seed::new("core_receipt", format!("known-{at}"), receipt.to_canonical()));
    }
    for (at, proof) in known.proofs.iter().chain(&known.sealed_proofs).enumerate() {
        seeds.push(Seed::new("core_proof", format!("known-{at}"), proof.to_canonical()));
    }
    let proof = known.sealed_proofs[0].to_canonical();
    seeds.push(Seed::new("core_canonical", "election-proof-1", canonical_input(ElectionProof::TAG, &proof).unwrap()));
    for (at, handover) in chain.handovers().iter().enumerate() {
        seeds.push(Seed::new("core_handover", format!("known-{at}"), handover.to_canonical()));
    }
    let election = definition(1, &["Ada", "Bob"]);
    let cast = |voter: u64, marks: &[u16]| Entry::Cast(ballot(chain.chain(), &election, &key(voter), marks));
    let next = chain.next_epoch(&[0, 1, 2, 3]);
    let sealed = Ballot { selections: vec![sealed_selection()], ..cast_ballot(chain.chain(), &election, 5) };
    let opening = BallotOpening { contests: vec![vec![OpenedOption { value: 1, randomness: scalar(5) }]] };
    let challenge = Challenge { ballot: sealed.clone(), opening };
    let step = TrusteeStep::Ceremony(Box::new(dealers(1, 1, 1).1[0].commit()));
    let trustee = TrusteeAct { chain: chain.chain(), election: election.id, step, trustee: trustee_key(1).public() };
    let entries = [
        ("cast", cast(5, &[1])),
        ("blank", cast(4, &[])),
        ("twice", cast(0, &[1])),
        ("stranger", cast(70, &[1])),
        ("overvote", cast(5, &[0, 1])),
        ("define", chain.act(definition(3, &["A"]).id, voting_core::entry::Act::Define(definition(3, &["A", "B"])))),
        ("close", chain.act(election.id, voting_core::entry::Act::Advance { to: voting_core::election::Phase::Closed })),
        ("cancel", chain.act(election.id, voting_core::entry::Act::Cancel { reason: "Nobody stood".to_owned() })),
        ("roll", chain.act(election.id, voting_core::entry::Act::SetRoll { size: u64::MAX })),
        ("change", chain.change(next)),
        ("sealed", Entry::Cast(sealed.sign(&key(5)))),
        ("challenge", Entry::challenge(challenge, &key(5))),
        ("trustee", Entry::trustee(trustee, &trustee_key(1))),
        ("close-ceremony", chain.act(election.id, voting_core::entry::Act::CloseCeremonyPhase)),
        ("freeze", chain.act(election.id, voting_core::entry::Act::FreezeRoll)),
        ("certify", chain.certification(election.id, std::iter::once((voting_core::testing::chain::pseudonym(9), u64::MAX, 9)))),
    ];
    let (open, closed) = (&known.sealed, &known.closed);
    let marks = |place| [Selection::Marks(vec![place])];
    let of_sealed = [
        ("sealed-cast", open.cast(5, 1, &marks(0))),
        ("sealed-blank", open.cast(4, 1, &[Selection::Blank])),
        ("sealed-test", open.challenge(6, 1, &marks(1))),
        ("sealed-open-ballot", Entry::Cast(ballot(open.chain.chain(), open.election().definition(), &key(5), &[1]))),
        ("sealed-close", open.chain.act(open.id, voting_core::entry::Act::Advance { to: voting_core::election::Phase::Closed })),
        ("sealed-part", closed.trustee(2, TrusteeStep::Decrypt(closed.part(2)))),
        ("sealed-part-twice", closed.trustee(1, TrusteeStep::Decrypt(closed.part(1)))),
    ];
    seeds.extend(of_sealed.iter().map(|(name, entry)| Seed::new("core_entry", *name, entry.to_canonical())));
    seeds.extend(entries.iter().map(|(name, entry)| Seed::new("core_entry", *name, entry.to_canonical())));
    let wish =
        voting_core::preference::PreferLeader { chain: chain.chain(), term: 1, views: 100, authority: authority_key(0).public() };
    seeds.push(Seed::new("core_entry", "prefer", Entry::prefer(wish, &authority_key(0)).to_canonical()));
    seeds
}

fn files() -> Vec<Seed> {
    let blt: [(&str, &[u8]); 6] = [
        ("documented", b"3 1\n-2\n5 1 3 0\n2 2=3 - 1 0\n(a7) 1 3 0\n1 0\n0\n\"Ada\"\n\"Bob\"\n\"Cyd\"\n\"Board\"\n"),
        ("plain", b"2 1\n3 1 2 0\n2 2 1 0\n1 2 0\n0\nAda\nBob\n"),
        ("comments", b"\xef\xbb\xbf# a file\r\n2 2 # seats\r\n1 1 0\r\n\r\n0\r\n\"A \"\"B\"\"\"\r\n\"C\"\r\n\"T # t\"\r\n"),
        ("large", b"4 3\n18446744073709551615 1 0\n1 4 3 2 1 0\n0\n\"a\"\n\"b\"\n\"c\"\n\"d\"\n\"t\"\n"),
        ("withdrawn", b"4 2\n-1 -4\n7 2=3 0\n1 - - 2 0\n0\n\"a\"\n\"b\"\n\"c\"\n\"d\"\n"),
        ("empty", b""),
    ];
    let csv: [(&str, &[u8]); 6] = [
        ("ranks", b"rank1,rank2,rank3\nAda,Bob,\nBob,skipped,Ada\novervote,Ada,Bob\n\"Cyd, jr.\",,\n"),
        ("candidates", b"Ada,Bob,Cyd,count\n1,2,,4\n,1,1,2\n3,2,1,1\n"),
        ("scores", b"Ada,Bob,weight\n5,0,1\n3,4,2\n,,9\n"),
        ("marked", b"\xef\xbb\xbfballot,rank 1,rank 2\r\n1,Ada,Bob\r\n2,Bob,Ada\r\n"),
        ("quoted", b"\"A \"\"x\"\" B\",\"C\nD\"\n1,2\n2,1\n"),
        ("empty", b""),
    ];
    let times = [Timestamp::MAX.to_string(), Timestamp::default().to_string(), "2026-05-01T10:00:00.25+02:00".to_owned()];
    let mut texts: Vec<String> = times.into();
    texts.extend([Amount::new(1_234_567, 5).to_string(), Amount::new(u128::MAX, 38).to_string(), "0.5".to_owned()]);
    texts.extend(["byzantine", "majority", "7", "fixed", "elected", "round-robin:7", "schulze"].map(str::to_owned));
    texts.extend(["Škoda", "山田 太郎", "A\u{202E}da", "e\u{0301}", "one\ntwo", " x"].map(str::to_owned));
    let hash = known().ballots[0].hash();
    texts.extend([
        hash.code(),
        hash.to_string(),
        definition(1, &["a"]).id.to_string(),
        "ow3ge1r7 ow3ge1r7 ow3ge1r7 ow3ge1r7".to_owned(),
    ]);
    let texts = texts.into_iter().enumerate().map(|(at, text)| Seed::new("core_text", format!("{at:02}"), text));
    let blt = blt.into_iter().map(|(name, bytes)| Seed::new("core_blt", name, bytes));
    let csv = csv.into_iter().map(|(name, bytes)| Seed::new("core_csv", name, bytes));
    blt.chain(csv).chain(texts).collect()
}

fn seeds() -> Vec<Seed> {
    [vectors(), of_the_network(), files()].concat()
}

#[test]
fn the_corpus_is_what_the_code_makes() {
    let seeds = seeds();
    let types: BTreeSet<u8> = seeds.iter().filter(|seed| seed.target == "core_canonical").map(|seed| seed.bytes[0]).collect();
    assert_eq!(types.len(), CANONICAL_TYPES, "every type has a seed");
    corpus::check_seeds(&folder(), &TARGETS, &seeds);
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    corpus::check_folders(&folder(), "core_", &TARGETS);
}

macro_rules! replayed {
    ($($name:ident)+) => {
        $(#[test]
        fn $name() {
            let target = TARGETS.iter().find(|target| target.name == stringify!($name)).unwrap();
            corpus::replay(&folder(), target);
        })+

        #[test]
        fn every_target_is_replayed() {
            assert_eq!([$(stringify!($name)),+], TARGETS.map(|target| target.name));
        }
    };
}

replayed!(core_canonical core_entry core_bundle core_receipt core_proof core_handover core_blt core_csv core_text);
