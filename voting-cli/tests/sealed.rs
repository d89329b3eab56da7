//! Sealed elections as people run them: trustees with key files of their own, voters who test the seal, a server that shows another
//! key, and nothing of any choice in the server's memory.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::FileExt as _;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use voting_cluster::testing::http;
use voting_core::Canonical as _;
use voting_core::ballot::Selection;
use voting_core::crypto::{HashRng, SigningKey};
use voting_core::sealed::{SealedContest, SealedElection, Sealer};

use crate::support;
use crate::support::network::Network;
use crate::support::running::Running;
use crate::support::{Ended, PATIENCE, Person};

const ROLL: &str = "email,name\nalice@example.com,Alice\nbob@example.com,Bob\ncarol@example.com,Carol\n";

/// The code of an error, as programs read it.
fn code_of(ended: &Ended) -> String {
    let error: Value = serde_json::from_str(ended.stderr.lines().last().unwrap()).unwrap();
    error["error"]["code"].as_str().unwrap().to_owned()
}

fn get(url: &str, path: &str) -> Value {
    http::get(url, path).unwrap().json()
}

fn token(url: &str, email: &str, password: &str) -> String {
    let body = json!({ "email": email, "password": password }).to_string();
    let session = http::request(url, "POST /auth/login", &[], &body).unwrap().json();
    session["access_token"].as_str().unwrap().to_owned()
}

/// The id of the demonstration's sealed election.
fn demo(url: &str) -> String {
    let elections = get(url, "/elections");
    let sealed = elections.as_array().unwrap().iter().find(|election| election["title"] == "Bicycle shed (sealed)").unwrap();
    sealed["id"].as_str().unwrap().to_owned()
}

/// Five trustees who have made their keys, and an election that names them, waiting for its ceremony.
struct Shed {
    network: Network,
    admin: Person,
    trustees: Vec<(Person, String)>,
    id: String,
}

impl Shed {
    fn new() -> Self {
        let network = Network::start();
        let admin = network.person("admin@example.com", "adminpass");
        let trustees: Vec<_> = (1..=5)
            .map(|_| {
                let person = Person::at(&network.url);
                let file = person.path("trustee.key").to_str().unwrap().to_owned();
                (person, file)
            })
            .collect();
        let named: Vec<String> = (1..)
            .zip(&trustees)
            .map(|(number, (person, file))| {
                let made = person.run(&["trustee", "keygen", file, "--output", "json"]).exits(0).json();
                assert_eq!(
                    person.run(&["keys", "show", file, "--output", "json"]).exits(0).json()["public_key"],
                    made["public_key"]
                );
                format!("Trustee {number}={}", made["public_key"].as_str().unwrap())
            })
            .collect();
        let mut create =
            vec!["elections", "create", "--title", "Shed", "--candidate", "Yes", "--candidate", "No", "--threshold", "3"];
        named.iter().for_each(|trustee| create.extend(["--trustee", trustee]));
        create.extend(["--min-ballots", "2", "--output", "json"]);
        let id = admin.run(&create).exits(0).json()["id"].as_str().unwrap().to_owned();
        admin.with_stdin(ROLL, &["voters", "import", "-", "--election", &id]).exits(0);
        admin.run(&["elections", "publish", &id]).exits(0);
        Self { network, admin, trustees, id }
    }

    fn trustee<'a>(&'a self, number: usize, command: &'a str, more: &[&'a str]) -> (&'a Person, Vec<&'a str>) {
        let (person, file) = &self.trustees[number - 1];
        (person, [&["trustee", command, &self.id, "--key", file], more].concat())
    }

    fn run(&self, number: usize, command: &str, more: &[&str]) -> Ended {
        let (person, args) = self.trustee(number, command, more);
        person.run(&args)
    }

    fn sealing(&self) -> Value {
        self.admin.run(&["elections", "show", &self.id, "--output", "json"]).exits(0).json()["sealing"].clone()
    }

    /// Carries the ceremony out, each trustee in a process of its own.
    fn hold_ceremony(&self, numbers: &[usize]) {
        let running: Vec<_> = numbers
            .iter()
            .map(|number| {
                let (person, args) = self.trustee(*number, "ceremony", &["--yes", "--output", "json"]);
                Running::start(person, &args)
            })
            .collect();
        let ended: Vec<_> = running.into_iter().map(Running::end).collect();
        let told: Vec<Value> = ended.into_iter().map(|ended| ended.exits(0).json()).collect();
        assert!(told[0]["transcript"].is_string());
        assert!(told.iter().all(|each| each["phase"] == "done" && each["transcript"] == told[0]["transcript"]), "{told:#?}");
    }

    fn open(&self) {
        self.admin.run(&["elections", "publish", &self.id]).exits(0);
        self.admin.run(&["elections", "open", &self.id]).exits(0);
    }

    fn voter(&self, name: &str) -> Person {
        self.network.person(&format!("{name}@example.com"), &format!("{name}pass"))
    }
}

#[test]
fn three_of_five_trustees_open_what_the_voters_have_sealed() {
    let shed = Shed::new();
    let early = shed.admin.run(&["elections", "publish", &shed.id, "--output", "json"]).exits(3);
    assert_eq!(code_of(&early), "ceremony_unfinished");
    assert!(early.stderr.contains("[1, 2, 3, 4, 5]"), "{early:?}");
    // Somebody with another key is no trustee; one step alone can be taken.
    let stranger = Person::at(&shed.network.url);
    let other = stranger.path("other.key").to_str().unwrap().to_owned();
    stranger.run(&["trustee", "keygen", &other]).exits(0);
    stranger.run(&["trustee", "keygen", &other]).exits(1);
    let refused = stranger.run(&["trustee", "ceremony", &shed.id, "--key", &other, "--yes"]).exits(1);
    assert!(refused.stderr.contains("trustee"), "{refused:?}");
    shed.run(1, "ceremony", &["--yes", "--once"]).exits(0);
    assert_eq!(shed.sealing()["waits_for"], json!([2, 3, 4, 5]));
    shed.run(1, "check", &[]).exits(1);

    shed.hold_ceremony(&[1, 2, 3, 4, 5]);
    shed.run(2, "check", &[]).exits(0);
    stranger.run(&["trustee", "check", &shed.id, "--key", &other]).exits(1);
    shed.open();

    let alice = shed.voter("alice");
    let voted = alice.run(&["vote", &shed.id, "--choice", "Yes", "--test-seal", "2", "--output", "json"]).exits(0);
    assert_eq!(voted.stderr.matches("opened, recomputed by the authorities, and is void").count(), 2, "{voted:?}");
    assert_eq!(voted.stderr.matches("  Shed: Yes").count(), 2, "{voted:?}");
    let code = voted.json()["code"].as_str().unwrap().to_owned();
    assert!(voted.stderr.contains(&code), "the code is shown before the ballot is cast");
    // Once more: the first ballot counts, and nobody can tell what it says.
    assert_eq!(alice.run(&["vote", &shed.id, "--choice", "No", "--output", "json"]).exits(0).json()["code"], code.as_str());
    shed.voter("bob").run(&["vote", &shed.id, "--choice", "No"]).exits(0);
    shed.voter("carol").run(&["vote", &shed.id, "--choice", "Yes"]).exits(0);
    let hidden = alice.run(&["elections", "results", &shed.id, "--output", "json"]).exits(3);
    assert_eq!(code_of(&hidden), "results_hidden");
    let early = shed.run(1, "decrypt", &["--yes", "--output", "json"]).exits(3);
    assert_eq!(code_of(&early), "wrong_phase");

    shed.admin.run(&["elections", "close", &shed.id]).exits(0);
    for number in [1, 3] {
        let part = shed.run(number, "decrypt", &["--yes", "--output", "json"]).exits(0).json();
        assert_eq!((&part["ballots"], &part["needed"]), (&3.into(), &true.into()));
        assert_eq!(shed.sealing()["decrypted"], false);
    }
    assert_eq!(code_of(&shed.run(3, "decrypt", &["--yes", "--output", "json"]).exits(3)), "sealed_decryption_twice");
    // A bundle that was changed on its way is decrypted by nobody.
    let bundle = shed.admin.path("shed.bundle");
    shed.admin.run(&["export", &shed.id, "-o", bundle.to_str().unwrap()]).exits(0);
    let mut bytes = fs::read(&bundle).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&bundle, &bytes).unwrap();
    shed.run(5, "decrypt", &["--yes", "--bundle", bundle.to_str().unwrap()]).exits(5);
    shed.run(5, "decrypt", &["--yes"]).exits(0);
    let late = shed.run(4, "decrypt", &["--yes", "--output", "json"]).exits(0).json();
    assert_eq!(late["needed"], false);

    shed.admin.run(&["elections", "close", &shed.id]).exits(0);
    let result = alice.run(&["elections", "results", &shed.id, "--output", "json"]).exits(0).json();
    let votes: Vec<_> =
        result["contests"][0]["options"].as_array().unwrap().iter().map(|line| (&line["name"], &line["votes"])).collect();
    assert_eq!(votes, [(&json!("Yes"), &json!(2)), (&json!("No"), &json!(1))]);
    let bundle = alice.path("result.bundle");
    alice.run(&["export", &shed.id, "-o", bundle.to_str().unwrap()]).exits(0);
    let report = alice.run(&["verify", bundle.to_str().unwrap(), "--output", "json"]).exits(0).json();
    let unchecked = report["checks"].as_array().unwrap().iter().filter(|check| check["outcome"] != "passed");
    assert_eq!(unchecked.map(|check| check["code"].as_str().unwrap()).collect::<Vec<_>>(), ["extends"]);
}

#[test]
fn a_ceremony_goes_on_without_trustees_who_do_not_come() {
    let shed = Shed::new();
    for number in [1, 2, 4] {
        shed.run(number, "ceremony", &["--yes", "--once"]).exits(0);
    }
    shed.voter("alice").run(&["elections", "leave-out", &shed.id]).exits(3);
    shed.admin.run(&["elections", "leave-out", &shed.id]).exits(0);
    shed.hold_ceremony(&[1, 2, 4]);
    let active: Vec<_> = shed.sealing()["trustees"].as_array().unwrap().iter().map(|trustee| trustee["active"] == true).collect();
    assert_eq!(active, [true, true, false, true, false]);
    shed.run(3, "ceremony", &["--yes"]).exits(1);
    shed.open();
    shed.voter("alice").run(&["vote", &shed.id, "--choice", "Yes"]).exits(0);
    shed.admin.run(&["elections", "close", &shed.id]).exits(0);
    // One ballot: its sum would be the vote itself.
    let refused = shed.run(1, "decrypt", &["--yes"]).exits(3);
    assert!(refused.stderr.contains("ballots"), "{refused:?}");
}

#[test]
fn an_imported_file_is_sealed_counted_and_agrees() {
    let network = Network::start();
    let admin = network.person("admin@example.com", "adminpass");
    let shown = get(&network.url, &format!("/elections/{}", demo(&network.url)));
    let file = admin.path("ward.blt").to_str().unwrap().to_owned();
    admin.run(&["generate", "blt", "--ballots", "150", "--candidates", "4", "--seed", "5", "-o", &file]).exits(0);
    let mut import = vec!["import", file.as_str(), "--output", "json", "--threshold", "3"];
    let trustees: Vec<_> = shown["sealing"]["trustees"]
        .as_array()
        .unwrap()
        .iter()
        .map(|trustee| format!("{}={}", trustee["name"].as_str().unwrap(), trustee["key"].as_str().unwrap()))
        .collect();
    trustees.iter().for_each(|trustee| import.extend(["--trustee", trustee]));
    let done = admin.run(&import).exits(0).json();
    assert_eq!((&done["agrees"], &done["ballots"]), (&true.into(), &150.into()));
    let shown = get(&network.url, &format!("/elections/{}", done["election"].as_str().unwrap()));
    assert_eq!((&shown["secrecy"], &shown["sealing"]["decrypted"]), (&"sealed".into(), &true.into()));
}

#[test]
fn credentials_made_elsewhere_vote_without_accounts_and_nobody_votes_for_the_others() {
    let network = Network::start();
    let admin = network.person("admin@example.com", "adminpass");
    // Made where no server is.
    let authority = Person::at(&support::nobody());
    let dir = authority.path("credentials");
    let dir = dir.to_str().unwrap();
    assert_eq!(
        authority.run(&["voters", "credentials", "--count", "4", "-o", dir, "--output", "json"]).exits(0).json()["credentials"],
        4
    );
    authority.run(&["voters", "credentials", "--count", "4", "-o", dir]).exits(1);
    let labels = authority.path("labels.txt");
    fs::write(&labels, "a\nb\na\n").unwrap();
    let other = authority.path("other");
    let twice = ["voters", "credentials", "--labels", labels.to_str().unwrap(), "-o", other.to_str().unwrap()];
    assert!(authority.run(&twice).exits(2).stderr.contains("`a` cannot be a label"));

    let shown = get(&network.url, &format!("/elections/{}", demo(&network.url)));
    let trustees: Vec<_> = shown["sealing"]["trustees"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| format!("{}={}", t["name"].as_str().unwrap(), t["key"].as_str().unwrap()))
        .collect();
    let mut create =
        vec!["elections", "create", "--title", "Members", "--candidate", "Ada", "--candidate", "Bob", "--output", "json"];
    trustees.iter().for_each(|trustee| create.extend(["--trustee", trustee]));
    create.extend(["--min-ballots", "2", "--threshold", "3"]);
    let id = admin.run(&create).exits(0).json()["id"].as_str().unwrap().to_owned();
    let list = format!("{dir}/public.json");
    let registered = ["voters", "register", &list, "--election", &id, "--output", "json"];
    assert_eq!(admin.run(&registered).exits(0).json()["roll_size"], 4);
    assert_eq!(admin.run(&registered).exits(0).json()["added"], 0, "again is harmless");
    let root = admin.run(&["voters", "freeze", &id, "--output", "json"]).exits(0).json()["root"].clone();
    let late = admin.with_stdin(ROLL, &["voters", "import", "-", "--election", &id, "--output", "json"]).exits(3);
    assert_eq!(code_of(&late), "roll_frozen");
    admin.run(&["elections", "publish", &id]).exits(0);
    // The simulated trustees hold their ceremony by themselves.
    while get(&network.url, &format!("/elections/{id}/ceremony"))["phase"] != "done" {
        std::thread::yield_now();
    }
    admin.run(&["elections", "publish", &id]).exits(0);
    admin.run(&["elections", "open", &id]).exits(0);
    let open = get(&network.url, &format!("/elections/{id}"));
    assert_eq!((&open["frozen_roll"], &open["sealing"]["roll_root"]), (&root, &root));

    let voter = Person::at(&network.url);
    let vote = |number: u32, choice: &str| {
        let file = format!("{dir}/{number:04}.key");
        voter.run(&["vote", &id, "--choice", choice, "--credential", &file, "--test-seal", "1", "--output", "json"])
    };
    vote(1, "Ada").exits(0);
    vote(2, "Ada").exits(0);
    vote(4, "Bob").exits(0);
    // A key that nobody registered does not vote, and the registrar can certify no other for the third.
    let stray = voter.path("stray.key").to_str().unwrap().to_owned();
    voter.run(&["keys", "generate", &stray]).exits(0);
    let refused = voter.run(&["vote", &id, "--choice", "Bob", "--credential", &stray, "--output", "json"]).exits(3);
    assert_eq!(code_of(&refused), "key_not_certified");
    admin.run(&["elections", "close", &id]).exits(0);
    while get(&network.url, &format!("/elections/{id}"))["phase"] != "tallied" {
        std::thread::yield_now();
    }
    admin.run(&["elections", "close", &id]).exits(0);
    let result = voter.run(&["elections", "results", &id, "--output", "json"]).exits(0).json();
    assert_eq!(result["contests"][0]["options"][0]["votes"], 2);
    let shown = get(&network.url, &format!("/elections/{id}"));
    assert_eq!((&shown["roll_size"], &shown["certified"], &shown["voted"]), (&4.into(), &4.into(), &3.into()));
}

/// Passes everything on, and puts another text of the same length in the place of one that the server says.
fn lying_proxy(url: &str, truth: String, lie: String) -> String {
    assert_eq!(truth.len(), lie.len());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = url.trim_start_matches("http://").replace("localhost", "127.0.0.1");
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, mut upstream) = (client.unwrap(), TcpStream::connect(&server).unwrap());
            let (mut requests, mut to_server) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut requests, &mut to_server).map(|_| ()));
            let (truth, lie) = (truth.clone().into_bytes(), lie.clone().into_bytes());
            std::thread::spawn(move || {
                let (mut held, mut piece) = (Vec::new(), [0; 4_096]);
                while let Ok(length @ 1..) = upstream.read(&mut piece) {
                    held.extend_from_slice(&piece[..length]);
                    while let Some(at) = held.windows(truth.len()).position(|window| window == truth) {
                        held[at..at + lie.len()].copy_from_slice(&lie);
                    }
                    // What may be the beginning of it waits for the rest.
                    let keep = (0..truth.len().min(held.len() + 1)).rev().find(|keep| held.ends_with(&truth[..*keep])).unwrap();
                    let rest = held.split_off(held.len() - keep);
                    if client.write_all(&held).is_err() {
                        break;
                    }
                    held = rest;
                }
            });
        }
    });
    address
}

#[test]
fn a_server_that_shows_another_key_gets_no_ballot() {
    let network = Network::start();
    let id = demo(&network.url);
    let sealing = get(&network.url, &format!("/elections/{id}"))["sealing"].clone();
    let alice = network.person("alice@example.com", "alicepass");
    // The generator of the group: everyone knows the key to it.
    let known = "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76".to_owned();
    let trustee = |at: usize| sealing["trustees"][at]["key"].as_str().unwrap().to_owned();
    let lies = [
        (sealing["key"].as_str().unwrap().to_owned(), known),
        (sealing["ceremony_hash"].as_str().unwrap().to_owned(), "0".repeat(128)),
        (trustee(0), trustee(1)),
    ];
    for (truth, lie) in lies {
        let proxy = lying_proxy(&network.url, truth, lie);
        let at_proxy = Person::at(&proxy);
        at_proxy.with_stdin("alicepass\n", &["login", "--email", "alice@example.com"]).exits(0);
        let refused = at_proxy.run(&["vote", &id, "--choice", "Yes"]).exits(5);
        assert!(at_proxy.files(".ballot").is_empty(), "a ballot was made: {refused:?}");
    }
    alice.run(&["vote", &id, "--choice", "Yes"]).exits(0);
}

/// Looks for texts in bytes, all at once.
struct Search {
    needles: Vec<Vec<u8>>,
    found: Vec<bool>,
    /// How many were looked at that are not all zero.
    bytes: usize,
}

impl Search {
    fn new(needles: Vec<Vec<u8>>) -> Self {
        Self { found: vec![false; needles.len()], needles, bytes: 0 }
    }

    fn look(&mut self, place: &[u8]) {
        const PAGE: usize = 4_096;
        let longest = self.needles.iter().map(Vec::len).max().unwrap();
        for start in (0..place.len()).step_by(PAGE) {
            let page = &place[start..place.len().min(start + PAGE + longest)];
            if page.iter().all(|byte| *byte == 0) {
                continue;
            }
            self.bytes += PAGE;
            for (needle, found) in self.needles.iter().zip(&mut self.found) {
                *found = *found || page.windows(needle.len()).any(|window| window == needle);
            }
        }
    }

    /// Looks at what a process can write to: heap, stacks, data.
    fn memory(&mut self, process: u32) {
        const PIECE: u64 = 1 << 20;
        let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
        let memory = fs::File::open(format!("/proc/{process}/mem")).unwrap();
        for line in maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|rights| rights.starts_with("rw"))) {
            let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
            let (from, to) = (u64::from_str_radix(from, 16).unwrap(), u64::from_str_radix(to, 16).unwrap());
            for at in (from..to).step_by(PIECE as usize) {
                let mut bytes = vec![0; (to - at).min(PIECE + 256) as usize];
                if memory.read_exact_at(&mut bytes, at).is_ok() {
                    self.look(&bytes);
                }
            }
        }
    }
}

/// A ballot made here, whose randomness this test knows, is cast: the server knows its ciphertexts, and nothing of what opens them.
#[test]
fn nothing_that_opens_a_ballot_is_in_the_servers_memory_or_on_its_disks() {
    let network = Network::durable();
    let id = demo(&network.url);
    let shown = get(&network.url, &format!("/elections/{id}"));
    let sealing = &shown["sealing"];
    let parse = |value: &Value| value.as_str().unwrap().to_owned();
    let bound = SealedElection {
        parameters: voting_core::sealed::Parameters::new(3, 5).unwrap(),
        context: parse(&shown["context"]).parse().unwrap(),
        key: parse(&sealing["key"]).parse().unwrap(),
        ceremony: parse(&sealing["ceremony_hash"]).parse().unwrap(),
        roll_root: parse(&sealing["roll_root"]).parse().unwrap(),
        authorities: parse(&sealing["authorities"]).parse().unwrap(),
    };
    let contest = SealedContest::marks(3, 1, 1, true).unwrap();
    let sealer = Sealer::new(id.parse().unwrap(), bound.hash(), &bound.key, vec![contest]).unwrap();
    let voter = SigningKey::from_seed([77; 32]);
    let bearer = |token: &str| format!("Bearer {token}");
    let alice = bearer(&token(&network.url, "alice@example.com", "alicepass"));
    let body = json!({ "key": voter.public() }).to_string();
    let certified = http::request(&network.url, &format!("POST /elections/{id}/key"), &[("authorization", &alice)], &body);
    assert!(certified.unwrap().status < 300);
    let seal = || sealer.seal(voter.public(), 1, &[Selection::Marks(vec![1])], &mut HashRng::new(b"planted")).unwrap();
    let (ballot, opening) = seal().challenge();
    let body = json!({ "ballot": BASE64.encode(seal().cast(&voter).to_canonical()) });
    let cast = http::request(&network.url, &format!("PUT /votes/{id}"), &[], &body.to_string()).unwrap();
    assert_eq!(cast.status, 201, "{cast:?}");

    let Selection::Sealed(sealed) = &ballot.selections[0] else { panic!("it is sealed") };
    let alphas: Vec<Vec<u8>> = sealed.options.iter().map(|option| option.ciphertext.alpha.0.to_vec()).collect();
    let secrets = opening.contests[0].iter().map(|opened| opened.randomness.to_bytes().to_vec());
    let secrets: Vec<Vec<u8>> = secrets.flat_map(|secret| [HEXLOWER.encode(&secret).into_bytes(), secret]).collect();
    let mut found = Search::new(alphas.iter().chain(&secrets).cloned().collect());
    found.memory(network.process());
    assert!(found.bytes > 1_000_000, "{} bytes", found.bytes);
    assert_eq!(found.found[..alphas.len()], [true; 4], "what the server has is found");
    let files = fs::read_dir(network.data()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    files.for_each(|file| found.look(&fs::read(file).unwrap()));
    assert_eq!(found.found[alphas.len()..], [false; 8], "the randomness of a ballot, as bytes or as text");
    // Nobody is told how it stands, in any role, whatever is asked.
    let admin = bearer(&token(&network.url, "admin@example.com", "adminpass"));
    for caller in [&alice, &admin] {
        let asked = http::request(&network.url, &format!("GET /elections/{id}/results?votes=10"), &[("authorization", caller)], "");
        assert_eq!(asked.unwrap().status, 403);
    }
}

#[test]
fn an_election_that_names_no_trustees_is_sealed_by_those_of_the_office() {
    let network = Network::start();
    let admin = network.person("admin@example.com", "adminpass");
    let create = ["elections", "create", "--title", "Usual", "--candidate", "Ada", "--candidate", "Bob", "--output", "json"];
    let created = admin.run(&create).exits(0).json();
    assert_eq!((&created["secrecy"], created["sealing"]["trustees"].as_array().unwrap().len()), (&"sealed".into(), 5));
    assert_eq!(created["sealing"]["trustees"][4]["name"], "Simulated trustee 5");
    admin.with_stdin(ROLL, &["voters", "import", "-", "--election", "Usual"]).exits(0);
    admin.run(&["elections", "publish", "Usual"]).exits(0);
    let shown = || admin.run(&["elections", "show", "Usual", "--output", "json"]).exits(0).json();
    let until = |what: &str, is_so: &dyn Fn(&Value) -> bool| {
        let begun = Instant::now();
        while !is_so(&shown()) {
            assert!(begun.elapsed() < PATIENCE, "{what} never came: {}", shown());
        }
    };
    until("the end of the ceremony", &|election| election["sealing"]["ceremony"] == "done");
    admin.run(&["elections", "publish", "Usual"]).exits(0);
    admin.run(&["elections", "open", "Usual"]).exits(0);
    let alice = network.person("alice@example.com", "alicepass");
    alice.run(&["vote", "Usual", "--choice", "Bob"]).exits(0);
    admin.run(&["elections", "close", "Usual"]).exits(0);
    until("the count", &|election| election["phase"] == "tallied");
    admin.run(&["elections", "close", "Usual"]).exits(0);
    let result = Person::at(&network.url).run(&["elections", "results", "Usual", "--output", "json"]).exits(0).json();
    assert_eq!(result["contests"][0]["options"][0]["votes"], 1, "{result}");
}
