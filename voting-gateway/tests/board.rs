//! The public board over HTTP, read by programs that know nothing of this one: `signed_note` for checkpoints, `tlog_tiles` for
//! trees and tiles.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::json;
use signed_note::{StandardVerifier, VerifierList};
use tlog_tiles::tile::{Tile, TileHashReader, TileReader};
use tlog_tiles::tlog::{self, Hash};
use voting_core::board::{
    EntryBundle, LogProof, Origin, SignatureKind, SignedCheckpoint, TILE_WIDTH, TileId, TileLevel, VerifierKey, tiles_of,
};
use voting_core::entry::Entry;
use voting_core::ids::PartitionId;
use voting_gateway::Config;

use crate::support::{Gateway, key_of, marks, roomy};

/// More than one full tile of them.
const BALLOTS: u32 = 260;

/// SHA-256 of nothing.
const EMPTY: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

/// Tiles of hashes, as the gateway handed them out.
struct Tiles(BTreeMap<String, Vec<u8>>);

impl TileReader for Tiles {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        // Its paths begin with the height, as those of the Go checksum database do.
        let path = |tile: &Tile| tile.path().replacen("tile/8/", "tile/", 1);
        Ok(tiles.iter().map(|tile| self.0.get(&path(tile)).cloned().unwrap_or_else(|| panic!("{tile:?} is asked for"))).collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

/// What lies at a path of a board.
async fn read(gateway: &Gateway, id: &str, path: &str, token: Option<&str>) -> Vec<u8> {
    let response = gateway.send(Method::GET, &format!("/board/{id}/{path}"), token, None).await;
    assert_eq!(response.status(), 200, "{path}: {}", response.text().await.unwrap());
    response.bytes().await.unwrap().to_vec()
}

async fn read_text(gateway: &Gateway, id: &str, path: &str) -> String {
    String::from_utf8(read(gateway, id, path, None).await).unwrap()
}

/// The checkpoint, once another program has found the signatures of a quorum below it and read the same size and root.
async fn checkpoint(gateway: &Gateway, id: &str) -> (u64, Hash, String) {
    let text = read_text(gateway, id, "checkpoint").await;
    let genesis = &gateway.network.identity().genesis;
    let origin = format!("voting/{}/{id}", genesis.chain_id(PartitionId(0)));
    let verifier = |authority: &voting_core::epoch::Authority| {
        let key = VerifierKey::new(origin.as_str(), SignatureKind::Text, authority.key).unwrap().to_string();
        Box::new(StandardVerifier::new(&key).unwrap()) as Box<dyn signed_note::Verifier>
    };
    let known = VerifierList::new(genesis.epoch.authorities.iter().map(verifier).collect());
    let note = signed_note::Note::from_bytes(text.as_bytes()).unwrap();
    let (verified, unknown) = note.verify(&known).unwrap();
    assert!(verified.len() >= usize::from(genesis.epoch.quorum) && unknown.is_empty(), "{text}");
    let read = tlog_tiles::checkpoint::Checkpoint::from_bytes(note.text()).unwrap();
    assert_eq!(read.origin(), origin.as_str());
    (read.size(), Hash(read.hash().0), text)
}

async fn tiles(gateway: &Gateway, id: &str, size: u64) -> Tiles {
    let mut tiles = BTreeMap::new();
    for tile in tiles_of(size).filter(|tile| matches!(tile.level(), TileLevel::Hashes(_))) {
        let path = tile.to_string();
        tiles.insert(path.clone(), read(gateway, id, &path, None).await);
    }
    Tiles(tiles)
}

/// A voter who may change her mind, and does.
async fn vote(gateway: &Gateway, id: &str, sequences: std::ops::Range<u32>) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    for sequence in sequences {
        let ballot = gateway.ballot(id, &key_of(0), sequence + 1, marks(&[(sequence % 3) as u16])).await;
        let (status, answer) = gateway.cast(id, &ballot).await;
        assert_eq!(status, 201, "{answer}");
        entries.push(Entry::Cast(ballot).to_bytes().as_slice().to_vec());
    }
    entries
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_programs_find_every_ballot_on_the_board_and_see_that_it_only_grew() {
    let gateway = Gateway::start().await;
    let (admin, alice) = (gateway.login("admin").await, gateway.login("alice").await);
    let id = gateway.open(&admin, |new| new["revote"] = json!("last-counts")).await;
    let (size, empty, _) = checkpoint(&gateway, &id).await;
    assert_eq!((size, empty.to_string().as_str()), (0, EMPTY), "a board is there before the first ballot");

    gateway.certify(&id, &alice, &key_of(0)).await;
    let mut entries = vote(&gateway, &id, 0..3).await;
    let third = voting_core::block::EntryBytes::new(entries[2].clone());
    let hash = hash_of(&gateway, &id, 2).await;
    let proof: LogProof = read_text(&gateway, &id, &format!("proof/{hash}")).await.parse().unwrap();
    let old = proof.checkpoint.checkpoint().clone();
    assert_eq!((proof.index, old.size), (2, 3));
    let genesis = &gateway.network.identity().genesis;
    let origin = Origin { chain: genesis.chain_id(PartitionId(0)), election: id.parse().unwrap() };
    proof.verify(third.as_slice(), origin, &genesis.epoch).unwrap();
    assert_eq!(proof.verify(&entries[1], origin, &genesis.epoch).unwrap_err().code(), "not_in_log");

    entries.extend(vote(&gateway, &id, 3..BALLOTS).await);
    let last = hash_of(&gateway, &id, BALLOTS - 1).await;
    let newest = read_text(&gateway, &id, &format!("proof/{last}")).await;
    let newest: LogProof = newest.parse().unwrap();
    let (size, root, text) = checkpoint(&gateway, &id).await;
    assert_eq!((newest.index, size), (u64::from(BALLOTS) - 1, u64::from(BALLOTS)));
    assert_eq!(newest.checkpoint, text.parse::<SignedCheckpoint>().unwrap());

    let tiles = tiles(&gateway, &id, size).await;
    let reader = TileHashReader::new(size, root, &tiles);
    assert_eq!(tlog::tree_hash(size, &reader).unwrap(), root);
    let full = TileId::new(TileLevel::Entries, 0, TILE_WIDTH).unwrap();
    let rest = TileId::new(TileLevel::Entries, 1, BALLOTS as usize - TILE_WIDTH).unwrap();
    let mut listed = Vec::new();
    for id_of_tile in [full, rest] {
        let bytes = read(&gateway, &id, &id_of_tile.to_string(), Some(&alice)).await;
        listed.extend(EntryBundle::parse(&bytes, id_of_tile.width()).unwrap().0);
    }
    assert_eq!(listed, entries, "the ballots of the ledger, in its order");
    for index in [0, 2, 255, 256, size - 1] {
        let theirs = tlog::prove_record(size, index, &reader).unwrap();
        tlog::check_record(&theirs, size, root, index, tlog::record_hash(&listed[index as usize])).unwrap();
    }
    let grown = tlog::prove_tree(size, old.size, &reader).unwrap();
    tlog::check_tree(&grown, size, root, old.size, Hash(old.root.0)).unwrap();
    gateway.stop().await;
}

async fn hash_of(gateway: &Gateway, id: &str, sequence: u32) -> String {
    let ballot = gateway.ballot(id, &key_of(0), sequence + 1, marks(&[(sequence % 3) as u16])).await;
    ballot.ballot.hash().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hashes_are_for_everyone_and_ballots_for_those_who_may_see_the_result() {
    let gateway = Gateway::start().await;
    let (admin, alice, bob) = (gateway.login("admin").await, gateway.login("alice").await, gateway.login("bob").await);
    let id = gateway.open(&admin, |_| {}).await;
    gateway.certify(&id, &alice, &key_of(0)).await;
    vote(&gateway, &id, 0..1).await;
    let board = format!("/board/{id}");
    assert_eq!(read(&gateway, &id, "tile/0/000.p/1", None).await.len(), 32);
    let entries = format!("{board}/tile/entries/000.p/1");
    for caller in [None, Some(&bob)] {
        let (status, problem) = gateway.get(&entries, caller.map(String::as_str)).await;
        assert_eq!((status, problem["code"].as_str()), (403, Some("results_hidden")));
    }
    assert_eq!(gateway.send(Method::GET, &entries, Some(&alice), None).await.status(), 200, "she has voted");
    let (status, closed) = gateway.post(&format!("/elections/{id}/close"), Some(&admin), json!({})).await;
    assert_eq!((status, &closed["phase"]), (200, &json!("published")), "{closed}");
    assert_eq!(gateway.send(Method::GET, &entries, None, None).await.status(), 200, "the result is published");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_on_a_board_is_refused_by_name() {
    let gateway = Gateway::start().await;
    let (admin, alice) = (gateway.login("admin").await, gateway.login("alice").await);
    let draft = gateway.draft(&admin, |_| {}).await;
    let id = gateway.open(&admin, |_| {}).await;
    gateway.certify(&id, &alice, &key_of(0)).await;
    vote(&gateway, &id, 0..1).await;
    let unknown = "00".repeat(32);
    for (path, status, code, part) in [
        (format!("{draft}/checkpoint"), 404, "unknown_election", draft.as_str()),
        ("nothing/checkpoint".to_owned(), 404, "unknown_election", "nothing"),
        (format!("{id}/tile/0/000.p/2"), 404, "unknown_tile", "000.p/2"),
        (format!("{id}/tile/0/000"), 404, "unknown_tile", "tile/0/000"),
        (format!("{id}/tile/1/000.p/1"), 404, "unknown_tile", "tile/1/000.p/1"),
        (format!("{id}/tile/0/0"), 404, "unknown_tile", "three digits"),
        (format!("{id}/tile/0/000.p/256"), 404, "unknown_tile", "spelt"),
        (format!("{id}/tile/99/000"), 404, "unknown_tile", "level"),
        (format!("{id}/tile/data/000"), 404, "unknown_tile", "level"),
        (format!("{id}/tile/entries/x018/x446/x744/x073/x709/x551/616"), 404, "unknown_tile", "too large"),
        (format!("{id}/proof/{unknown}"), 404, "unknown_ballot", "ballot"),
        (format!("{id}/proof/abc"), 400, "invalid_ballot_hash", "code"),
        (format!("{id}/elsewhere"), 404, "no_such_route", ""),
        ("".to_owned(), 404, "no_such_route", ""),
    ] {
        let (actual, problem) = gateway.get(&format!("/board/{path}"), Some(&alice)).await;
        assert_eq!((actual, problem["code"].as_str()), (status, Some(code)), "{path}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(part), "{path}: {problem}");
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cosignatures_of_known_witnesses_are_kept_and_nothing_else() {
    let keys = [key_of(90), key_of(91), key_of(92)];
    let named = |index: usize| format!("witness.example.org/{index}");
    let known = |index: usize| VerifierKey::new(named(index), SignatureKind::Cosignature, keys[index].public()).unwrap();
    let gateway = Gateway::with(Config { witnesses: vec![known(0), known(1)], ..roomy() }, |_| {}).await;
    let (admin, alice) = (gateway.login("admin").await, gateway.login("alice").await);
    let id = gateway.open(&admin, |new| new["revote"] = json!("last-counts")).await;
    gateway.certify(&id, &alice, &key_of(0)).await;
    vote(&gateway, &id, 0..1).await;
    let first: SignedCheckpoint = read_text(&gateway, &id, "checkpoint").await.parse().unwrap();
    vote(&gateway, &id, 1..2).await;
    let second: SignedCheckpoint = read_text(&gateway, &id, "checkpoint").await.parse().unwrap();

    let path = format!("/board/{id}/cosignatures");
    let bring = async |text: String| gateway.post(&path, None, json!({ "checkpoint": text })).await;
    let cosigned = |checkpoint: &SignedCheckpoint, by: &[usize]| {
        let mut checkpoint = checkpoint.clone();
        by.iter().for_each(|by| checkpoint.cosign(&named(*by), 1_800_000_000, &keys[*by]).unwrap());
        checkpoint
    };
    let mut alone = SignedCheckpoint::unsigned(first.checkpoint().clone());
    alone.cosign(&named(0), 1, &keys[0]).unwrap();
    let other = voting_core::board::Checkpoint { size: 7, ..first.checkpoint().clone() };
    let damaged = cosigned(&first, &[0]).to_string().replace("witness.example.org/0 ", "witness.example.org/1 ");
    for (text, status, code) in [
        ("nonsense".to_owned(), 422, "malformed_checkpoint"),
        (first.to_string(), 403, "not_a_witness"),
        (cosigned(&first, &[2]).to_string(), 403, "not_a_witness"),
        (alone.to_string(), 403, "not_a_witness"),
        (damaged, 403, "not_a_witness"),
        (cosigned(&SignedCheckpoint::unsigned(other), &[0]).to_string(), 409, "wrong_checkpoint"),
    ] {
        let (actual, problem) = bring(text.clone()).await;
        assert_eq!((actual, problem["code"].as_str()), (status, Some(code)), "{text}: {problem}");
    }
    let (status, problem) = gateway.post(&path, None, json!({ "checkpoint": "x", "more": 1 })).await;
    assert_eq!((status, problem["code"].as_str()), (400, Some("invalid_request")), "{problem}");
    assert_eq!(gateway.get(&format!("/board/{id}/witnessed"), None).await.1["code"], "not_witnessed");

    assert_eq!(bring(cosigned(&first, &[0, 2]).to_string()).await.0, 204);
    let kept: SignedCheckpoint = read_text(&gateway, &id, "witnessed").await.parse().unwrap();
    assert_eq!(kept, cosigned(&first, &[0]), "the stranger's is left out");
    assert_eq!(bring(cosigned(&second, &[0]).to_string()).await.0, 204);
    assert_eq!(bring(cosigned(&second, &[1]).to_string()).await.0, 204);
    assert_eq!(bring(cosigned(&first, &[1]).to_string()).await.0, 204, "who comes late is not refused");
    let kept: SignedCheckpoint = read_text(&gateway, &id, "witnessed").await.parse().unwrap();
    assert_eq!(kept, cosigned(&second, &[0, 1]), "the newest, with all who have seen it");
    gateway.stop().await;
}
