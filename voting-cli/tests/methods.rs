//! Every count method from the ballot to a verified bundle, through four authorities.

use serde_json::Value;
use voting_core::election::{BallotForm, CountMethodId};

use crate::support::network::Network;
use crate::support::{Person, nobody};

fn json(person: &Person, args: &[&str]) -> Value {
    person.run(&[args, &["--output", "json"]].concat()).exits(0).json()
}

/// Opens an election of four candidates that alice, bob and carol may vote in; carol's ballot weighs three.
fn open(admin: &Person, method: CountMethodId, seats: &str, more: &[&str]) -> String {
    let title = format!("By {method}");
    let mut create = vec!["elections", "create", "--title", &title, "--open", "--method", method.as_str(), "--seats", seats];
    create.extend(["--candidate", "Ada", "--candidate", "Bob", "--candidate", "Cyd", "--candidate", "Dot"]);
    let id = json(admin, &[&create, more].concat())["id"].as_str().unwrap().to_owned();
    let roll = "email,weight\nalice@example.com,1\nbob@example.com,1\ncarol@example.com,3\n";
    admin.with_stdin(roll, &["voters", "import", "-", "--election", &id]).exits(0);
    json(admin, &["elections", "publish", &id]);
    json(admin, &["elections", "open", &id]);
    id
}

fn voters(network: &Network) -> [Person; 3] {
    ["alice", "bob", "carol"].map(|name| network.person(&format!("{name}@example.com"), &format!("{name}pass")))
}

/// What the three vote, by form: Ada before Bob, Bob before Ada, and (weighing three) Cyd before Bob.
fn cast(voters: &[Person; 3], id: &str, form: BallotForm) {
    let said: [&[&str]; 3] = match form {
        BallotForm::Marks => [&["--choice", "Ada"], &["--choice", "Bob"], &["--choice", "Cyd"]],
        BallotForm::Ranking => {
            [&["--rank", "Ada", "--rank", "Bob"], &["--rank", "Bob", "--rank", "Ada"], &["--rank", "Cyd", "--rank", "Bob"]]
        }
        BallotForm::Scores => {
            [&["--score", "Ada=5", "--score", "Bob=4"], &["--score", "Bob=5"], &["--score", "Cyd=3", "--score", "Bob=2"]]
        }
    };
    for (voter, said) in voters.iter().zip(said) {
        json(voter, &[&["vote", id], said].concat());
    }
}

fn elected(result: &Value) -> Vec<(&str, u64)> {
    let options = result["contests"][0]["options"].as_array().unwrap().iter();
    let line = |option: &'_ Value| option["elected"].as_bool().unwrap();
    options
        .filter(|option| line(option))
        .map(|option| (option["name"].as_str().unwrap(), option["seats"].as_u64().unwrap()))
        .collect()
}

#[test]
fn every_method_counts_from_the_ballot_to_a_verified_bundle() {
    let network = Network::start();
    let (admin, voters) = (network.person("admin@example.com", "adminpass"), voters(&network));
    let offline = Person::at(&nobody());
    for method in CountMethodId::ALL {
        let lists = method.is_of_lists();
        let id = open(&admin, method, if lists { "4" } else { "1" }, &[]);
        cast(&voters, &id, method.form());
        assert_eq!(json(&admin, &["elections", "close", &id])["phase"], "published");
        let result = json(&Person::at(&network.url), &["elections", "results", &id]);
        assert_eq!((&result["final"], &result["contests"][0]["weight"]), (&Value::Bool(true), &5.into()), "{method}");
        let expected: &[(&str, u64)] = match method {
            CountMethodId::Score => &[("Bob", 1)], // 4 + 5 + 3 · 2 against 3 · 3
            CountMethodId::SainteLague => &[("Cyd", 2), ("Ada", 1), ("Bob", 1)],
            CountMethodId::Borda => &[("Bob", 1)], // 2 + 3 + 3 · 2 = 11 against 3 · 3 + 1
            _ => &[("Cyd", 1)],                    // three of five
        };
        if method == CountMethodId::Dhondt {
            // 3, 3/2, and 1 three times: Cyd's by the larger total, the last seat by lot between Ada and Bob.
            assert_eq!((elected(&result)[0], elected(&result)[1].1), (("Cyd", 3), 1));
            assert_eq!(result["contests"][0]["ties"][0]["options"], serde_json::json!([0, 1]));
        } else {
            // Lists with as many seats stand in the order of the lot.
            let elected = elected(&result);
            assert!(elected.len() == expected.len() && expected.iter().all(|line| elected.contains(line)), "{method}: {elected:?}");
        }
        let text = admin.run(&["elections", "results", &id]).exits(0).stdout;
        assert!(text.contains(if lists { "seats" } else { "elected" }), "{text}");

        let bundle = admin.path(&format!("{method}.bundle")).display().to_string();
        json(&admin, &["export", &id, "-o", &bundle]);
        let report = json(&offline, &["verify", &bundle, "--genesis", &network.genesis]);
        assert_eq!(report["summary"]["report"]["contests"][0]["method"], method.as_str());
    }
}

#[test]
fn a_ballot_says_what_the_contest_asks_for() {
    let network = Network::start();
    let (admin, [alice, bob, _]) = (network.person("admin@example.com", "adminpass"), voters(&network));
    let ranked = open(&admin, CountMethodId::ScottishStv, "2", &[]);
    let wrong = |person: &Person, args: &[&str], hint: &str| {
        let ended = person.run(&[&["vote", &ranked], args].concat()).exits(2);
        assert!(ended.stderr.contains(hint), "{ended:?}");
    };
    wrong(&alice, &["--choice", "Ada"], "--rank NAME");
    wrong(&alice, &["--score", "Ada=3"], "--rank NAME");
    wrong(&alice, &["--rank", "Ada", "--rank", "Ada"], "`Ada` is ranked twice");
    wrong(&alice, &["--rank", "Ada=Bob"], "share a rank");
    wrong(&alice, &["--rank", "Eve"], "`Eve` is none of the options");
    assert!(alice.run(&["elections", "show", &ranked]).exits(0).stdout.contains("rank 1 to 4, the best first"));
    let vote = alice.run(&["vote", &ranked, "--rank", "2", "--rank", "Dot"]).exits(0);
    assert!(vote.stderr.contains("1. Bob, 2. Dot"), "{vote:?}");

    let scored = open(&admin, CountMethodId::Score, "1", &["--max-score", "10"]);
    let wrong = bob.run(&["vote", &scored, "--score", "Ada=11"]).exits(2);
    assert!(wrong.stderr.contains("the score 11, the highest is 10"), "{wrong:?}");
    assert!(bob.run(&["vote", &scored, "--score", "Ada"]).exits(2).stderr.contains("is not like NAME=3"));
    json(&bob, &["vote", &scored, "--score", "Ada=10"]);

    let tied = open(&admin, CountMethodId::Schulze, "1", &[]);
    assert!(bob.run(&["vote", &tied, "--rank", "Ada=Bob", "--rank", "Dot"]).exits(0).stderr.contains("1. Ada = Bob, 2. Dot"));

    let motion = open(&admin, CountMethodId::Plurality, "1", &["--majority", "two-thirds", "--quorum", "70"]);
    json(&alice, &["vote", &motion, "--choice", "Ada"]);
    json(&bob, &["vote", &motion, "--choice", "Ada"]);
    let result = json(&admin, &["elections", "close", &motion]);
    assert_eq!(result["phase"], "published");
    let result = json(&Person::at(&network.url), &["elections", "results", &motion]);
    assert_eq!(elected(&result), [], "two of three are no quorum of 70 %");
    let refused = admin
        .run(&["elections", "create", "--title", "x", "--open", "--candidate", "a", "--method", "borda", "--quorum", "5"])
        .exits(3);
    assert!(refused.stderr.contains("borda cannot demand a majority or a quorum"), "{refused:?}");
    let refused = admin.run(&["elections", "create", "--title", "x", "--candidate", "a", "--method", "borda"]).exits(3);
    assert!(refused.stderr.contains("borda cannot be sealed") && refused.stderr.contains("with --open"), "{refused:?}");
}

#[test]
fn a_file_of_rankings_is_counted_alike_here_and_by_the_authorities() {
    let network = Network::start();
    let admin = network.person("admin@example.com", "adminpass");
    let file = admin.path("ward.blt").display().to_string();
    admin.run(&["generate", "blt", "--seed", "7", "--ballots", "300", "--candidates", "7", "--seats", "3", "-o", &file]).exits(0);
    for method in ["scottish-stv", "meek-stv", "schulze", "approval"] {
        let result = json(&admin, &["import", &file, "--method", method, "--title", method]);
        assert_eq!((&result["agrees"], &result["ballots"]), (&Value::Bool(true), &300.into()), "{method}: {result}");
        let winners = result["options"].as_array().unwrap().iter().filter(|option| option["elected"] == true).count();
        assert_eq!(winners, 3, "{method}");
        let bundle = admin.path(&format!("{method}.bundle")).display().to_string();
        json(&admin, &["export", result["election"].as_str().unwrap(), "-o", &bundle]);
        json(&admin, &["verify", &bundle]);
    }
    assert!(admin.run(&["import", &file, "--method", "score"]).exits(2).stderr.contains("cannot be counted by score"));
    assert!(admin.run(&["import", &file, "--method", "coin"]).exits(2).stderr.contains("instant-runoff"));
}
