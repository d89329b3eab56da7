//! The board read by programs that know nothing of this one: `signed_note` for checkpoints, `tlog_tiles` for trees and tiles.
use std::cell::RefCell;
use std::collections::BTreeMap;

use signed_note::{StandardVerifier, VerifierList};
use tlog_tiles::tile::{Tile, TileHashReader, TileReader};
use tlog_tiles::tlog::{self, Hash};
use voting_core::board::{
    ElectionLog, EntryBundle, LogProof, SignatureKind, SignedCheckpoint, TileId, TileLevel, VerifierKey, tiles_of,
};
use voting_core::entry::{Entry, VerifiedEntry};
use voting_core::testing::{TestChain, ballot, definition, key};

const BALLOTS: u64 = 1_300;

/// A board as files: what a web server would hand out.
struct Files {
    files: BTreeMap<String, Vec<u8>>,
    read: RefCell<Vec<String>>,
}

impl TileReader for Files {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let find = |tile: &Tile| {
            // Its paths begin with the height, as those of the Go checksum database do.
            let path = tile.path().replacen("tile/8/", "tile/", 1);
            self.read.borrow_mut().push(path.clone());
            self.files.get(&path).cloned().unwrap_or_else(|| panic!("{path} is asked for"))
        };
        Ok(tiles.iter().map(find).collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

/// Two elections in one ledger; the log is that of the first.
fn network() -> (TestChain, ElectionLog, Vec<Vec<u8>>) {
    let mut chain = TestChain::new(4);
    let (ours, other) = (definition(1, &["Ada", "Bob"]), definition(2, &["Yes", "No"]));
    for definition in [&ours, &other] {
        chain.open_election(definition, BALLOTS).unwrap();
    }
    for first in (0..BALLOTS).step_by(100) {
        let cast = |election, voter: u64| Entry::Cast(ballot(chain.chain(), election, &key(voter), &[(voter % 2) as u16]));
        let entries: Vec<_> = (first..first + 100).flat_map(|voter| [cast(&ours, voter), cast(&other, voter)]).collect();
        chain.append(&entries).unwrap();
    }
    let mut log = ElectionLog::new(chain.chain(), ours.id);
    let mut entries = Vec::new();
    for finalized in &chain.blocks {
        for bytes in &finalized.block.entries {
            let entry = VerifiedEntry::verify(bytes.clone(), chain.chain()).unwrap();
            if let Some(index) = log.push(&entry) {
                assert_eq!(index, entries.len() as u64);
                entries.push(bytes.as_slice().to_vec());
            }
        }
    }
    assert_eq!(log.tree().size(), BALLOTS);
    (chain, log, entries)
}

fn signed(chain: &TestChain, log: &ElectionLog, size: u64) -> SignedCheckpoint {
    let mut checkpoint = SignedCheckpoint::unsigned(log.checkpoint(size).unwrap());
    chain.authorities.iter().take(3).for_each(|key| checkpoint.sign(key).unwrap());
    checkpoint
}

fn files(log: &ElectionLog, entries: &[Vec<u8>], size: u64) -> Files {
    let content = |id: TileId| match id.level() {
        TileLevel::Hashes(_) => log.tree().tile(id).unwrap(),
        TileLevel::Entries => {
            let first = id.index() as usize * 256;
            EntryBundle(entries[first..first + id.width()].to_vec()).to_bytes().unwrap()
        }
    };
    Files { files: tiles_of(size).map(|id| (id.to_string(), content(id))).collect(), read: RefCell::default() }
}

#[test]
fn a_checkpoint_is_a_signed_note_to_others() {
    let (chain, log, _) = network();
    let text = signed(&chain, &log, BALLOTS).to_string();
    let note = signed_note::Note::from_bytes(text.as_bytes()).unwrap();
    let origin = log.origin().to_string();
    let verifier = |key: &voting_core::crypto::SigningKey| {
        let vkey = VerifierKey::new(origin.as_str(), SignatureKind::Text, key.public()).unwrap().to_string();
        Box::new(StandardVerifier::new(&vkey).unwrap()) as Box<dyn signed_note::Verifier>
    };
    let known = VerifierList::new(chain.authorities.iter().map(verifier).collect());
    let (verified, unknown) = note.verify(&known).unwrap();
    assert_eq!((verified.len(), unknown.len()), (3, 0));
    let strangers = VerifierList::new(vec![verifier(&chain.officer)]);
    assert!(note.verify(&strangers).is_err());

    let read = tlog_tiles::checkpoint::Checkpoint::from_bytes(note.text()).unwrap();
    assert_eq!((read.origin(), read.size(), read.extension()), (origin.as_str(), BALLOTS, ""));
    assert_eq!(read.hash().0, log.tree().root().0);

    let forged = text.replacen(&format!("\n{BALLOTS}\n"), &format!("\n{}\n", BALLOTS - 1), 1);
    assert!(signed_note::Note::from_bytes(forged.as_bytes()).unwrap().verify(&known).is_err());
}

#[test]
fn others_find_every_ballot_in_the_tiles() {
    let (_, log, entries) = network();
    let root = Hash(log.tree().root().0);
    let files = files(&log, &entries, BALLOTS);
    let reader = TileHashReader::new(BALLOTS, root, &files);
    assert_eq!(tlog::tree_hash(BALLOTS, &reader).unwrap(), root);
    for index in [0, 1, 255, 256, 700, 1_279, 1_280, BALLOTS - 1] {
        // From the bundle of entries, as a monitor reads them.
        let width = (BALLOTS - index / 256 * 256).min(256) as usize;
        let bundle = TileId::new(TileLevel::Entries, index / 256, width).unwrap();
        let bundle = EntryBundle::parse(&files.files[&bundle.to_string()], width).unwrap();
        let leaf = tlog::record_hash(&bundle.0[(index % 256) as usize]);
        let theirs = tlog::prove_record(BALLOTS, index, &reader).unwrap();
        tlog::check_record(&theirs, BALLOTS, root, index, leaf).unwrap();
        let ours: Vec<Hash> = log.tree().prove(index, BALLOTS).unwrap().hashes.iter().map(|hash| Hash(hash.0)).collect();
        assert_eq!(ours, theirs, "entry {index}");
    }
    assert!(files.read.borrow().iter().any(|path| path == "tile/0/005.p/20"), "the partial tile was read");
    assert!(files.read.borrow().iter().any(|path| path == "tile/1/000.p/5"));
}

#[test]
fn others_see_that_the_log_only_grew() {
    let (_, log, entries) = network();
    let root = Hash(log.tree().root().0);
    let files = files(&log, &entries, BALLOTS);
    let reader = TileHashReader::new(BALLOTS, root, &files);
    for old in [1, 2, 255, 256, 257, 1_000, BALLOTS] {
        let before = Hash(log.tree().root_at(old).unwrap().0);
        let theirs = tlog::prove_tree(BALLOTS, old, &reader).unwrap();
        tlog::check_tree(&theirs, BALLOTS, root, old, before).unwrap();
        let ours = log.tree().prove_consistency(old, BALLOTS).unwrap();
        assert_eq!(ours.hashes.iter().map(|hash| Hash(hash.0)).collect::<Vec<_>>(), theirs, "from {old}");
        assert!(tlog::check_tree(&theirs, BALLOTS, root, old, Hash([1; 32])).is_err());
    }
}

#[test]
fn others_notice_a_tile_that_was_changed() {
    let (_, log, entries) = network();
    let root = Hash(log.tree().root().0);
    for path in ["tile/0/000", "tile/0/005.p/20", "tile/1/000.p/5"] {
        let mut files = files(&log, &entries, BALLOTS);
        files.files.get_mut(path).unwrap()[40] ^= 1;
        let reader = TileHashReader::new(BALLOTS, root, &files);
        let is_found = |index: u64| {
            let proof = tlog::prove_record(BALLOTS, index, &reader)?;
            tlog::check_record(&proof, BALLOTS, root, index, tlog::record_hash(&entries[index as usize]))
        };
        assert!((0..BALLOTS).step_by(64).any(|index| is_found(index).is_err()), "{path}");
    }
}

#[test]
fn a_proof_stands_alone() {
    let (chain, log, entries) = network();
    let checkpoint = signed(&chain, &log, 1_000);
    let proof = LogProof::new(log.tree().prove(77, 1_000).unwrap(), checkpoint).unwrap();
    let read: LogProof = proof.to_string().parse().unwrap();
    read.verify(&entries[77], log.origin(), chain.state.epoch()).unwrap();
    assert!(read.verify(&entries[78], log.origin(), chain.state.epoch()).is_err());
}
