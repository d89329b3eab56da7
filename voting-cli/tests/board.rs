//! Copies of public boards: made, brought up to date, verified offline; and authorities that change what they have signed.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use voting_cluster::EmbeddedConfig;
use voting_cluster::clock::SystemClock;
use voting_cluster::embedded::Identity;
use voting_core::Digest;
use voting_core::board::{BoardTree, Checkpoint, SignedCheckpoint, TileId, tiles_of};

use crate::support::network::Network;
use crate::support::{Ended, Person, nobody};

/// An open election on which the demo's voters vote.
struct Board {
    network: Network,
    id: String,
    /// Somebody without an account.
    observer: Person,
}

impl Board {
    fn open() -> Self {
        Self::open_at(Network::durable())
    }

    fn open_at(network: Network) -> Self {
        let admin = network.person("admin@example.com", "adminpass");
        let create =
            ["elections", "create", "--title", "Seen", "--open", "--candidate", "Ada", "--candidate", "Bob", "--output", "json"];
        let id = admin.run(&create).exits(0).json()["id"].as_str().unwrap().to_owned();
        let roll = "email,name\nalice@example.com,Alice\nbob@example.com,Bob\ncarol@example.com,Carol\n";
        admin.with_stdin(roll, &["voters", "import", "-", "--election", &id]).exits(0);
        admin.run(&["elections", "publish", &id]).exits(0);
        admin.run(&["elections", "open", &id]).exits(0);
        let observer = Person::at(&network.url);
        Self { network, id, observer }
    }

    fn vote(&self, name: &str) -> Person {
        let person = self.network.person(&format!("{name}@example.com"), &format!("{name}pass"));
        person.run(&["vote", &self.id, "--choice", "Ada"]).exits(0);
        person
    }

    fn copy(&self, person: &Person, dir: &Path) -> Value {
        person.run(&["board", "copy", &self.id, text(dir), "--output", "json"]).exits(0).json()
    }

    /// A checkpoint of another history, signed by a quorum whose keys the test has.
    fn forged(&self, size: u64, root: Digest) -> String {
        let identity = Identity::load_or_found(&self.network.data(), &EmbeddedConfig::default(), &SystemClock::new()).unwrap();
        let chain = identity.genesis.chain_id(voting_core::PartitionId(0));
        let checkpoint = Checkpoint { origin: format!("voting/{chain}/{}", self.id), size, root };
        let mut signed = SignedCheckpoint::unsigned(checkpoint);
        identity.authorities.iter().take(3).for_each(|key| signed.sign(key).unwrap());
        signed.to_string()
    }
}

/// The code of an error, as programs read it.
fn code_of(ended: &Ended) -> String {
    let error: Value = serde_json::from_str(ended.stderr.lines().last().unwrap()).unwrap();
    error["error"]["code"].as_str().unwrap().to_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn a_copy_grows_with_the_board_and_holds_without_a_server() {
    let board = Board::open();
    let dir = board.observer.path("board");
    let empty = board.copy(&board.observer, &dir);
    assert_eq!((&empty["size"], &empty["extends"]), (&0.into(), &Value::Null));
    let alice = board.vote("alice");
    board.vote("bob");
    let hashes = board.observer.run(&["board", "copy", "Seen", text(&dir)]).exits(0);
    assert!(hashes.stdout.contains("2, as hashes") && hashes.stdout.contains("extends"), "{hashes:?}");
    assert!(hashes.stderr.contains("not shown to you yet"), "{hashes:?}");
    let shown = board.copy(&alice, &alice.path("board"));
    assert_eq!((&shown["size"], &shown["ballots"]), (&2.into(), &true.into()), "she has voted, and may look");
    board.vote("carol");
    let grown = board.copy(&board.observer, &dir);
    assert_eq!((&grown["size"], &grown["extends"], grown["signers"].as_array().unwrap().len() >= 3), (&3.into(), &2.into(), true));
    board.network.person("admin@example.com", "adminpass").run(&["elections", "close", &board.id]).exits(0);
    assert_eq!(board.copy(&board.observer, &dir)["ballots"], true, "the result is published");

    let genesis = board.observer.path("genesis.bin");
    let identity = Identity::load_or_found(&board.network.data(), &EmbeddedConfig::default(), &SystemClock::new()).unwrap();
    fs::write(&genesis, voting_core::Canonical::to_canonical(&identity.genesis)).unwrap();
    drop(board.network);
    let verify = ["board", "verify", text(&dir), "--output", "json"];
    let held = board.observer.run(&verify).exits(0).json();
    assert_eq!((&held["size"], &held["root"], &held["ballots"]), (&3.into(), &grown["root"], &true.into()));
    // Somebody else, who has the folder and the published genesis alone.
    let other = Person::at(&nobody());
    other.run(&["board", "verify", text(&dir)]).exits(2);
    other.run(&["board", "verify", text(&dir), "--genesis", text(&genesis)]).exits(0);

    // Whatever is changed or missing in it is named.
    let mut tampered = 0;
    for path in files(&dir) {
        let before = fs::read(&path).unwrap();
        let is_of_newest = tiles_of(3).any(|id| path.ends_with(id.to_string())) || path.ends_with("checkpoint");
        for at in [0, before.len() / 2, before.len() - 1] {
            let mut bytes = before.clone();
            bytes[at] ^= 4;
            fs::write(&path, &bytes).unwrap();
            let answer = board.observer.run(&verify);
            if is_of_newest {
                answer.exits(5);
                tampered += 1;
            } else {
                answer.exits(0); // a partial tile that is not needed any more
            }
        }
        fs::remove_file(&path).unwrap();
        if is_of_newest && !text(&path).contains("entries") {
            board.observer.run(&verify).exits(if path.ends_with("checkpoint") { 2 } else { 5 });
        }
        fs::write(&path, before).unwrap();
    }
    assert!(tampered >= 9, "{tampered}");
    board.observer.run(&verify).exits(0);
}

#[test]
fn authorities_that_sign_two_histories_are_found_out() {
    let board = Board::open();
    board.vote("alice");
    let dir = board.observer.path("board");
    board.copy(&board.observer, &dir);

    // A history in which the first ballot was another: as if a quorum had taken it back since.
    let mut other = BoardTree::new();
    other.push(b"another ballot");
    let tile: TileId = "tile/0/000.p/1".parse().unwrap();
    fs::write(dir.join("checkpoint"), board.forged(1, other.root())).unwrap();
    fs::write(dir.join(tile.to_string()), other.tile(tile).unwrap()).unwrap();
    board.vote("bob");
    let found = board.observer.run(&["board", "copy", &board.id, text(&dir), "--output", "json"]).exits(5);
    assert_eq!(code_of(&found), "history_changed", "{found:?}");
    assert!(found.stderr.contains("the first 1 ballots") && dir.join("conflict/checkpoint").exists(), "{found:?}");
    // Both hold by themselves, and so nobody can deny having signed them.
    let conflict = dir.join("conflict");
    for proof in [&dir, &conflict] {
        board.observer.run(&["board", "verify", text(proof)]).exits(0);
    }

    // The same where the copy is longer than what the board shows now.
    let longer = board.observer.path("longer");
    let mut tree = BoardTree::new();
    (0..5).for_each(|n| _ = tree.push(format!("ballot {n}").as_bytes()));
    for id in tiles_of(5).filter(|id| id.to_string().starts_with("tile/0")) {
        let path = longer.join(id.to_string());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, tree.tile(id).unwrap()).unwrap();
    }
    fs::write(longer.join("checkpoint"), board.forged(5, tree.root())).unwrap();
    let found = board.observer.run(&["board", "copy", &board.id, text(&longer), "--output", "json"]).exits(5);
    assert_eq!(code_of(&found), "history_changed", "{found:?}");
}

#[test]
fn what_is_no_copy_of_this_board_is_refused_by_name() {
    let board = Board::open();
    board.vote("alice");
    let dir = board.observer.path("board");
    board.copy(&board.observer, &dir);
    let code = |args: &[&str]| code_of(&board.observer.run(&[args, &["--output", "json"]].concat()).exits(5));
    let copy = ["board", "copy", &board.id, text(&dir)];
    let good = fs::read_to_string(dir.join("checkpoint")).unwrap();

    let few: String = good.split_inclusive('\n').take(5).collect();
    for (text, expected) in [
        ("nonsense".to_owned(), "malformed_checkpoint"),
        (few, "checkpoint_quorum"),
        (good.replace(&board.id, &"0".repeat(board.id.len())), "wrong_log"),
    ] {
        fs::write(dir.join("checkpoint"), text).unwrap();
        assert_eq!(code(&copy), expected);
    }
    // A file that was damaged: the board is not accused of it.
    fs::write(dir.join("checkpoint"), &good).unwrap();
    fs::write(dir.join("tile/0/000.p/1"), [7; 32]).unwrap();
    assert_eq!(code(&copy), "wrong_root");
    assert!(!dir.join("conflict").exists(), "and nothing is left that looks like proof");
    fs::remove_file(dir.join("tile/0/000.p/1")).unwrap();
    board.copy(&board.observer, &dir);
    board.observer.run(&["board", "copy", "Nothing like it", text(&dir)]).exits(2);
}

/// A witness: somebody with a key of its own.
struct Witness {
    person: Person,
    key_file: String,
    /// What others verify its cosignatures with.
    key: String,
}

impl Witness {
    const NAME: &str = "witness.example.org/board";

    fn new() -> Self {
        let person = Person::at(&nobody());
        let key_file = text(&person.path("witness.key")).to_owned();
        person.run(&["keys", "generate", &key_file]).exits(0);
        let key = person.run(&["witness", "key", "--key", &key_file, "--name", Self::NAME]).exits(0);
        let key = key.stdout.trim().to_owned();
        Self { person, key_file, key }
    }

    fn dir(&self) -> PathBuf {
        self.person.path("witness")
    }

    /// Looks once at the boards of a gateway.
    fn looks(&self, board: &Board, id: &str) -> Ended {
        let dir = self.dir();
        let args = ["witness", "run", "--key", &self.key_file, "--name", Self::NAME, "--dir", text(&dir), "--once", id];
        board.observer.run(&[&args[..], &["--output", "json"]].concat())
    }
}

#[test]
fn a_witness_cosigns_what_only_grew_and_readers_ask_for_it() {
    let witness = Witness::new();
    let board = Board::open_at(Network::witnessed(&witness.key));
    let dir = board.observer.path("board");
    let copy = ["board", "copy", &board.id, text(&dir), "--witness", &witness.key, "--output", "json"];
    assert_eq!(code_of(&board.observer.run(&copy).exits(3)), "not_witnessed");
    board.vote("alice");
    assert_eq!(witness.looks(&board, &board.id).exits(0).json()[0]["size"], 1);
    board.vote("bob");
    let seen = board.observer.run(&copy).exits(0).json();
    assert_eq!((&seen["size"], &seen["witnessed"]["size"]), (&2.into(), &1.into()), "it has not looked again yet");
    assert_eq!(seen["witnessed"]["by"][0]["witness"], Witness::NAME);
    assert_eq!(witness.looks(&board, "Seen").exits(0).json()[0]["size"], 2);
    assert_eq!(board.observer.run(&copy).exits(0).json()["witnessed"]["size"], 2);
    let verify = ["board", "verify", text(&dir), "--witness"];
    let held = board.observer.run(&[&verify[..], &[&witness.key]].concat()).exits(0);
    assert!(held.stdout.contains("2 ballots, by witness.example.org/board at 20"), "{held:?}");

    // Who has seen more than the copy has is no liar.
    board.vote("carol");
    witness.looks(&board, &board.id).exits(0);
    board.copy(&board.observer, &board.observer.path("longer"));
    board.observer.run(&["board", "copy", &board.id, text(&board.observer.path("longer")), "--witness", &witness.key]).exits(0);
    fs::copy(board.observer.path("longer").join("witnessed"), dir.join("witnessed")).unwrap();
    let behind = board.observer.run(&[&verify[..], &[&witness.key]].concat()).exits(1);
    assert!(behind.stderr.contains("the witnesses have seen 3 ballots, the copy has 2"), "{behind:?}");
    board.observer.run(&copy).exits(0);

    // Nobody else's word will do, neither for the reader nor for the gateway.
    let stranger = Witness::new();
    assert_eq!(
        code_of(&board.observer.run(&[&verify[..], &[&stranger.key, "--output", "json"]].concat()).exits(5)),
        "checkpoint_witnesses"
    );
    assert_eq!(code_of(&stranger.looks(&board, &board.id).exits(3)), "not_a_witness");
    let wrong = board.observer.run(&[&verify[..], &["witness.example.org+1+2"]].concat()).exits(2);
    assert!(wrong.stderr.contains("hexadecimal"), "{wrong:?}");
}

#[test]
fn a_witness_that_remembers_another_history_cosigns_nothing() {
    let witness = Witness::new();
    let board = Board::open_at(Network::witnessed(&witness.key));
    board.vote("alice");
    let remembered = witness.dir().join(&board.id);
    let mut tree = BoardTree::new();
    tree.push(b"the ballot that was there before");
    let tile: TileId = "tile/0/000.p/1".parse().unwrap();
    fs::create_dir_all(remembered.join("tile/0/000.p")).unwrap();
    fs::write(remembered.join(tile.to_string()), tree.tile(tile).unwrap()).unwrap();
    let before = board.forged(1, tree.root());
    fs::write(remembered.join("checkpoint"), &before).unwrap();
    let refused = witness.looks(&board, &board.id).exits(5);
    assert!(refused.stderr.contains("history_changed") && refused.stderr.contains("is not cosigned"), "{refused:?}");
    assert_eq!(fs::read_to_string(remembered.join("checkpoint")).unwrap(), before, "it does not forget");
    let dir = board.observer.path("board");
    let copy = ["board", "copy", &board.id, text(&dir), "--witness", &witness.key, "--output", "json"];
    assert_eq!(code_of(&board.observer.run(&copy).exits(3)), "not_witnessed");
}

#[test]
fn a_voter_saves_a_proof_that_holds_without_a_server() {
    let board = Board::open();
    let (alice, bob) = (board.vote("alice"), board.vote("bob"));
    let code_held = |person: &Person| {
        let held = person.run(&["receipt", "show", "--output", "json"]).exits(0).json();
        held[0]["code"].as_str().unwrap().to_owned()
    };
    let (code, proof) = (code_held(&alice), alice.path("ballot.tlog-proof"));
    let save = ["receipt", "proof", &code, "--out", text(&proof), "--output", "json"];
    let saved = alice.run(&save).exits(0).json();
    assert_eq!((&saved["code"], &saved["index"], &saved["size"]), (&code.as_str().into(), &0.into(), &2.into()));
    alice.run(&save).exits(2); // nothing is overwritten
    let unknown = alice.run(&["receipt", "proof", &code_held(&bob), "-o", text(&alice.path("other"))]).exits(2);
    assert!(unknown.stderr.contains("no receipt for"), "{unknown:?}");

    let genesis = board.observer.path("genesis.bin");
    let identity = Identity::load_or_found(&board.network.data(), &EmbeddedConfig::default(), &SystemClock::new()).unwrap();
    fs::write(&genesis, voting_core::Canonical::to_canonical(&identity.genesis)).unwrap();
    drop(board.network);
    let verify = ["receipt", "verify", text(&proof), "--output", "json"];
    assert_eq!(alice.run(&verify).exits(0).json(), saved);
    assert_eq!(code_of(&bob.run(&verify).exits(5)), "not_in_log", "it is for none of his");
    let other = Person::at(&nobody());
    let nothing_held = other.run(&["receipt", "verify", text(&proof), "--genesis", text(&genesis)]).exits(2);
    assert!(nothing_held.stderr.contains("no ballot of it is held here"), "{nothing_held:?}");

    // Each line is needed; signatures beyond a quorum are not.
    let whole = fs::read_to_string(&proof).unwrap();
    let refused = |changed: &str| {
        fs::write(&proof, changed).unwrap();
        code_of(&alice.run(&verify).exits(5))
    };
    assert_eq!(refused(&whole.replace("index 0", "index 1")), "not_in_log");
    assert_eq!(refused(&whole.replacen("tlog-proof@v1", "tlog-proof@v1 ", 1)), "malformed_log_proof");
    let hash = whole.lines().nth(2).unwrap();
    assert_eq!(refused(&whole.replacen(&format!("{hash}\n"), "", 1)), "not_in_log");
    let signatures = whole.lines().filter(|line| line.starts_with('\u{2014}')).count();
    assert!(signatures >= 3, "{whole}");
    let two: Vec<_> = whole.lines().collect();
    assert_eq!(refused(&format!("{}\n", two[..two.len() + 2 - signatures].join("\n"))), "checkpoint_quorum");
}
