//! Checks what became of an import: nothing that was acknowledged is lost, nothing counts twice, and the result is
//! what counting the file by itself gives.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use voting_cluster::testing::history::Notes;
use voting_cluster::testing::http::get;
use voting_core::ballot::SignedBallot;
use voting_core::bundle::{BundleItem, BundleReader};
use voting_core::entry::Entry;
use voting_core::epoch::Genesis;
use voting_core::epoch::change::Epochs;
use voting_core::formats::blt::Blt;
use voting_core::receipt::Receipt;
use voting_core::state::Position;
use voting_core::verify::{Options, verify};
use voting_core::{BallotHash, Canonical as _, Height, PartitionId};

use super::Person;
use super::running::Running;

/// Where each ballot stands, as its receipt said.
pub(crate) type Receipts = BTreeMap<BallotHash, Position>;

/// Waits for something that the import does, or for its end: it has a bound of its own.
pub(crate) fn wait_until(import: &mut Running, reached: impl Fn() -> bool) {
    while !reached() && !import.has_ended() {
        std::thread::sleep(Duration::from_millis(5)); // between two looks
    }
}

/// The receipts that the import was given and has verified so far. A line may just be being written.
pub(crate) fn acknowledged(admin: &Person) -> Receipts {
    let text = admin.files("receipts.jsonl").first().map(|path| std::fs::read_to_string(path).unwrap()).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let receipt = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let hash: BallotHash = line["hash"].as_str().unwrap().parse().unwrap();
        let (height, index) = (line["height"].as_u64().unwrap(), line["index"].as_u64().unwrap());
        (hash, Position { height: Height(height), index: index as u32 })
    };
    whole.lines().map(receipt).collect()
}

/// The result is what counting the file by itself gives.
fn agrees_with_the_file(result: &Value, file: &str) {
    let blt = Blt::parse(&std::fs::read(file).unwrap()).unwrap();
    let count = blt.first_preferences().unwrap();
    let expected: BTreeMap<_, _> = blt.candidates.iter().map(String::as_str).zip(count.options).collect();
    let votes = |option: &Value| option["server"].as_u64().unwrap();
    let options = result["options"].as_array().unwrap().iter();
    assert_eq!(options.map(|option| (option["name"].as_str().unwrap(), votes(option))).collect::<BTreeMap<_, _>>(), expected);
    assert_eq!(votes(&result["blank"]), count.blank);
    assert_eq!((&result["agrees"], result["ballots"].as_u64()), (&Value::Bool(true), Some(count.ballots)));
}

/// The exported election verifies, has every acknowledged ballot once and where its receipt said, and no other;
/// and the receipts that the network gives now prove the same.
fn stands_in_the_bundle((url, genesis_digest): (&str, &str), admin: &Person, result: &Value, receipts: &Receipts) {
    let path = admin.path("ward.bundle").display().to_string();
    admin.run(&["export", result["election"].as_str().unwrap(), "-o", &path]).exits(0);
    admin.run(&["verify", &path, "--genesis", genesis_digest]).exits(0);

    let options = Options { ballots: receipts.keys().copied().collect(), ..Options::default() };
    let summary = verify(std::fs::File::open(&path).unwrap(), &options).summary.unwrap();
    assert_eq!((summary.counts.ballots, summary.counts.voted), (receipts.len() as u64, receipts.len() as u64));
    for found in &summary.ballots {
        assert_eq!(found.position.as_ref(), receipts.get(&found.ballot), "{}", found.ballot);
        assert!(found.counts, "{} does not count", found.ballot);
    }
    assert_eq!(summary.ballots.len(), receipts.len());

    let genesis = BundleReader::open(std::fs::File::open(&path).unwrap()).unwrap().opening().genesis.clone();
    assert_eq!(genesis.digest().to_string(), genesis_digest);
    let ballots = ballots_of(Path::new(&path));
    for (hash, position) in receipts {
        assert_eq!(proved(url, &genesis, &ballots[hash]), Some(*position), "{hash}");
    }
}

/// Where a ballot is recorded, as the receipt proves that a gateway gives; none if it gives none.
pub(crate) fn proved(url: &str, genesis: &Genesis, ballot: &SignedBallot) -> Option<Position> {
    let answer = get(url, &format!("/ballots/{}/receipt", ballot.hash()))?;
    if answer.status != 200 {
        return None;
    }
    let receipt = Receipt::from_canonical(&BASE64.decode(answer.json()["proof"].as_str().unwrap()).unwrap()).unwrap();
    let recorded = receipt.verify(&Epochs::founded(genesis, PartitionId(0)).unwrap(), Some(ballot)).unwrap();
    Some(Position { height: recorded.height, index: recorded.index })
}

fn ballots_of(bundle: &Path) -> BTreeMap<BallotHash, SignedBallot> {
    let mut reader = BundleReader::open(std::io::BufReader::new(std::fs::File::open(bundle).unwrap())).unwrap();
    let mut ballots = BTreeMap::new();
    while let Some(block) = reader.next_block().unwrap() {
        for item in &block.items {
            if let BundleItem::Own(bytes) = item
                && let Entry::Cast(signed) = Entry::from_canonical(bytes.as_slice()).unwrap()
            {
                ballots.insert(signed.hash(), signed);
            }
        }
    }
    ballots
}

/// What an import must have led to, whatever happened meanwhile: `noted` are receipts seen on the way.
pub(crate) fn holds(network: (&str, &str), admin: &Person, file: &str, result: &Value, ballots: usize, noted: &Notes) {
    let receipts = acknowledged(admin);
    assert!(noted.iter().all(|(hash, position)| receipts.get(&hash) == Some(&position)), "a receipt was given and is gone");
    assert_eq!(receipts.len(), ballots, "every ballot has a receipt of its own");
    assert_eq!(receipts.values().collect::<BTreeSet<_>>().len(), ballots, "and a place of its own");
    agrees_with_the_file(result, file);
    stands_in_the_bundle(network, admin, result, &receipts);
}
