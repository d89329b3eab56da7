//! Files of ballots, counted on the command line: figures, reports, and what users get wrong.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use voting_core::Digest;
use voting_core::ballot::Selection;
use voting_core::count::{Lot, Outcome};
use voting_core::election::{BallotForm, Contest, CountMethodId};
use voting_core::formats::blt::Blt;
use voting_core::tally::{ContestTally, count_method};

use crate::support::{Person, nobody};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data");
const SEED: &str = "1111111111111111111111111111111111111111111111111111111111111111";
/// A quota of 36; Ada has 28 above it, which go on at 28/64 each, and elect Bob.
const BOARD: &str = "3 2\n60 1 2 0\n22 2 0\n20 3 0\n4 1 0\n2 0\n0\n\"Ada\"\n\"Bob\"\n\"Cyd\"\n\"Board\"\n";
/// Three who have the same.
const TIED: &str = "3 1\n1 1 0\n1 2 0\n1 3 0\n0\nAda\nBob\nCyd\nTied\n";

fn person() -> Person {
    Person::at(&nobody())
}

fn write(person: &Person, name: &str, text: &str) -> String {
    let path = person.path(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn data(name: &str) -> String {
    Path::new(DATA).join(name).display().to_string()
}

fn report(person: &Person, file: &str, args: &[&str]) -> Value {
    person.run(&[&["count", file, "--output", "json"], args].concat()).exits(0).json()
}

fn elected(report: &Value) -> Vec<&str> {
    report["elected"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

/// A file with a column per candidate that says the same.
fn as_candidates(blt: &Blt) -> String {
    let mut text = format!("{},count\n", blt.candidates.join(","));
    for ballot in &blt.ballots {
        let mut ranks = vec![String::new(); blt.candidates.len()];
        for (rank, tier) in (1..).zip(ballot.ranking.tiers()) {
            tier.options().for_each(|option| ranks[usize::from(option)] = format!("{rank}"));
        }
        text += &format!("{},{}\n", ranks.join(","), ballot.count);
    }
    text
}

/// A file with a column per rank that says the same, if no rank is shared.
fn as_ranks(blt: &Blt) -> String {
    let ranks = blt.candidates.len();
    let mut text =
        format!("count,{}\n", (1..=ranks).map(|rank| format!("rank{rank}")).collect::<Vec<_>>().join(";")).replace(',', ";");
    for ballot in &blt.ballots {
        let names = ballot.ranking.options().map(|option| blt.candidates[usize::from(option)].clone());
        let cells: Vec<_> = names.chain(std::iter::repeat(String::new())).take(ranks).collect();
        text += &format!("{};{}\n", ballot.count, cells.join(";"));
    }
    text
}

#[test]
fn every_method_counts_as_the_ledger_does() {
    let person = person();
    for name in ["council.blt", "withdrawn.blt"] {
        let blt = Blt::parse(&std::fs::read(data(name)).unwrap()).unwrap();
        for method in CountMethodId::ALL.into_iter().filter(|method| method.form() == BallotForm::Ranking) {
            let seats = if method == CountMethodId::InstantRunoff { 1 } else { blt.seats };
            let contest = Contest { seats, withdrawn: blt.withdrawn.clone(), ..Contest::new("", method, &blt.candidates) };
            let mut tally = ContestTally::new(&contest);
            for ballot in &blt.ballots {
                let blank = ballot.ranking.is_empty();
                let selection = if blank { Selection::Blank } else { Selection::Ranking(ballot.ranking.clone()) };
                tally.add(&contest, &selection, ballot.count).unwrap();
            }
            let lot = Lot { seed: SEED.parse().unwrap(), contest: 0 };
            let (expected, _) = count_method(method).count(&contest, &tally, lot, 0);
            let report = report(&person, &data(name), &["--method", method.as_str(), "--seed", SEED]);
            let outcome: Outcome = serde_json::from_value(report["outcome"].clone()).unwrap();
            assert_eq!(outcome, expected, "{name} by {method}");
            assert_eq!(report["ballots"]["total"], blt.total().to_string(), "{name} by {method}");
            let names: Vec<_> = expected.elected().map(|option| blt.candidates[usize::from(option)].as_str()).collect();
            assert_eq!(elected(&report), names);
            assert_eq!(names.len(), usize::from(seats));
        }
    }
}

#[test]
fn the_same_ballots_count_the_same_in_every_format() {
    let person = person();
    let mut blt = Blt::parse(&std::fs::read(data("council.blt")).unwrap()).unwrap();
    blt.candidates.sort(); // as a file with a column per rank does
    let files = [
        write(&person, "council.blt", &blt.to_text()),
        write(&person, "candidates.csv", &as_candidates(&blt)),
        write(&person, "ranks.csv", &as_ranks(&blt)),
        write(&person, "without-extension", &blt.to_text()),
        write(&person, "columns.txt", &as_candidates(&blt)),
    ];
    for method in ["plurality", "approval", "scottish-stv", "meek-stv", "schulze", "dhondt"] {
        let reports = files.each_ref().map(|file| report(&person, file, &["--method", method, "--seats", "3", "--seed", SEED]));
        for report in &reports {
            assert_eq!(report["outcome"], reports[0]["outcome"], "{method}, {}", report["file"]);
            assert_eq!(report["ballots"], json!({ "total": "1000", "valid": "985", "blank": "15", "invalid": "0" }));
        }
        let formats = reports.each_ref().map(|report| report["file"]["format"].as_str().unwrap());
        assert_eq!(formats, ["blt", "csv-candidates", "csv-ranks", "blt", "csv-candidates"]);
    }
}

#[test]
fn a_report_is_what_a_returning_officer_signs() {
    let person = person();
    let file = write(&person, "board.blt", BOARD);
    let text = person.run(&["count", &file, "--method", "scottish-stv"]).exits(0).stdout;
    let digest = Digest(<sha2::Sha256 as sha2::Digest>::digest(BOARD).into());
    let expected = format!(
        "Board
═════

file        board.blt
format      BLT
SHA-256     {digest}
method      Single transferable vote, Scottish rules (scottish-stv)
seats       2
candidates  3
ballots     108
blank       2
invalid     0
valid       106
quota       36.00000
lots from   {digest} (the SHA-256 of the file)

Result
──────
      candidate   votes at the end
─────────────────────────────────────────────────────
   1  Ada                 36.00000   elected, stage 1
   2  Bob                 48.25000   elected, stage 2
   3  Cyd                 20.00000

Stages
──────
  1  First preferences; elected: Ada
  2  Surplus of Ada: each vote goes on with 0.43750; elected: Bob

Votes
─────
 candidate   1. first preferences      change   2. surplus
────────────────────────────────────────────────────────────────────────
 Ada                     64.00000   −28.00000     36.00000   elected in 1
 Bob                     22.00000   +26.25000     48.25000   elected in 2
 Cyd                     20.00000                 20.00000
 exhausted                0.00000    +1.75000      1.75000

Ties
────
None.

Count it again
──────────────
voting count board.blt --method scottish-stv --seats 2


______________________________      ______________________________      ____________
Returning officer                   Witness                             Date
"
    );
    let lines = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    let ruled = |text: &str| lines(text).into_iter().filter(|line| !line.starts_with('─')).collect::<Vec<_>>();
    assert_eq!(ruled(&text), ruled(&expected), "{text}");
}

#[test]
fn the_documented_report_is_what_is_printed() {
    let documented = include_str!("../../docs/cli.md").split("$ voting count council.blt --method scottish-stv\n").nth(1).unwrap();
    let documented: Vec<&str> = documented.split("\n```").next().unwrap().lines().collect();
    let printed = person().run(&["count", &data("council.blt"), "--method", "scottish-stv"]).exits(0).stdout;
    assert_eq!(printed.lines().map(str::trim_end).collect::<Vec<_>>(), documented);
}

#[test]
fn the_printed_command_counts_the_same_again() {
    let person = person();
    let file = write(&person, "it's a \"board\".blt", &BOARD.replace("Cyd", "Cyd O'Neil"));
    let args = ["count", &file, "--method", "schulze", "--withdrawn", "Cyd O'Neil", "--seats", "1", "--seed", "4 8 15"];
    let first = person.run(&[&args[..], &["--output", "json"]].concat()).exits(0).json();
    let command = first["command"].as_str().unwrap();
    assert_eq!(
        command,
        r#"voting count 'it'\''s a "board".blt' --method schulze --seats 1 --withdrawn 'Cyd O'\''Neil' --seed '4 8 15'"#
    );
    let binary = assert_cmd::cargo::cargo_bin!("voting");
    let line = command.replacen("voting", &binary.display().to_string(), 1) + " --output json";
    let again =
        std::process::Command::new("sh").args(["-c", &line]).current_dir(Path::new(&file).parent().unwrap()).output().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&again.stdout).unwrap(), first);
}

#[test]
fn lots_follow_from_the_file_unless_a_seed_is_given() {
    let person = person();
    let file = write(&person, "tied.blt", TIED);
    let by = |args: &[&str]| report(&person, &file, &[&["--method", "plurality"], args].concat());
    let own = by(&[]);
    assert_eq!(own["lots"], json!({ "from": "file", "seed": own["file"]["sha256"] }));
    assert_eq!(own["outcome"]["ties"][0]["options"], json!([0, 1, 2]));
    assert_eq!(own, by(&[]));
    let order = Lot { seed: SEED.parse().unwrap(), contest: 0 }.order([0, 1, 2]);
    let given = by(&["--seed", &SEED.to_uppercase()]);
    assert_eq!((&given["lots"]["from"], elected(&given)), (&"seed".into(), vec![["Ada", "Bob", "Cyd"][usize::from(order[0])]]));
    let words = by(&["--seed", "drawn in public"]);
    assert_eq!((&words["lots"]["from"], &words["lots"]["text"]), (&"text".into(), &"drawn in public".into()));
    let winners: BTreeSet<String> = (0..20).map(|seed| elected(&by(&["--seed", &seed.to_string()]))[0].to_owned()).collect();
    assert_eq!(winners.len(), 3, "twenty seeds favour everyone");
    let text = person.run(&["count", &file, "--method", "instant-runoff", "--seed", "x"]).exits(0).stdout;
    assert!(text.contains("Stage 1: Ada, Bob, Cyd were tied for exclusion; "), "{text}");
    assert!(text.contains("was picked by lot.") && text.contains("the seed “x”"), "{text}");
}

#[test]
fn the_withdrawn_are_those_of_the_file_and_those_named() {
    let person = person();
    let named = write(&person, "board.blt", BOARD);
    let marked = write(&person, "marked.blt", &BOARD.replace("3 2\n", "3 2\n-1\n"));
    let one = report(&person, &named, &["--method", "scottish-stv", "--withdrawn", "Ada", "--seed", SEED]);
    let other = report(&person, &marked, &["--method", "scottish-stv", "--seed", SEED]);
    assert_eq!(one["outcome"], other["outcome"]);
    assert_eq!((&one["options"][0]["withdrawn"], &one["options"][0]["place"]), (&true.into(), &Value::Null));
    assert_eq!((elected(&one), &one["ballots"]["blank"]), (vec!["Bob", "Cyd"], &"6".into()));
}

#[test]
fn motions_and_lists_and_scores() {
    let person = person();
    let motion = write(&person, "motion.csv", "count,rank1\n20,Yes\n10,No\n3,\n");
    let passes = |args: &[&str]| !elected(&report(&person, &motion, &[&["--method", "plurality"], args].concat())).is_empty();
    assert!(passes(&["--majority", "two-thirds"]) && passes(&["--majority", "simple"]));
    assert!(passes(&["--majority", "absolute", "--roll", "39"]) && !passes(&["--majority", "absolute", "--roll", "40"]));
    assert!(passes(&["--quorum", "50", "--roll", "66"]) && !passes(&["--quorum", "50", "--roll", "67"]));
    let text = person.run(&["count", &motion, "--method", "plurality", "--quorum", "50", "--roll", "67"]).exits(0).stdout;
    assert!(text.contains("Nobody is elected.") && text.contains("34 ballots needed, 33 cast. It is missed"), "{text}");

    let lists = write(&person, "lists.blt", "4 1\n100000 1 0\n80000 2 0\n30000 3 0\n20000 4 0\n0\nA\nB\nC\nD\n");
    let seats = |method: &str| report(&person, &lists, &["--method", method, "--seats", "8"])["outcome"]["seats"].clone();
    // The example of Wikipedia's articles "D'Hondt method" and "Sainte-Laguë method".
    assert_eq!((seats("dhondt"), seats("sainte-lague")), (json!([4, 3, 1, 0]), json!([3, 3, 1, 1])));
    let text = person.run(&["count", &lists, "--method", "dhondt", "--seats", "8"]).exits(0).stdout;
    assert!(text.contains("    1   A      100000            1   100000.000"), "{text}");

    let scores = write(&person, "scores.csv", "Owl,Fox,Elk,count\n10,3,,2\n,9,1,1\n0,11,,1\n,,,4\n");
    let by = |args: &[&str]| report(&person, &scores, &[&["--method", "score"], args].concat());
    assert_eq!(by(&[])["outcome"]["totals"], json!(["20", "26", "1"]));
    let limited = by(&["--max-score", "10"]);
    assert_eq!(limited["outcome"]["totals"], json!(["20", "15", "1"]), "a score above the scale makes a ballot invalid");
    assert_eq!(limited["ballots"], json!({ "total": "8", "valid": "3", "blank": "4", "invalid": "1" }));
    assert_eq!((&limited["max_score"], &limited["file"]["format"]), (&10.into(), &"csv-scores".into()));
}

/// Elements opened and closed in order, with nothing that the page could load or run.
fn check_page(page: &str) {
    assert!(page.starts_with("<!doctype html>") && page.contains("default-src 'none'") && page.contains("@media print"));
    for wrong in ["<script", "http://", "https://", " src=", "url(", "@import", " on", "NaN", "inf\""] {
        let found = page.to_lowercase().match_indices(&wrong.to_lowercase()).any(|(at, _)| {
            wrong != " on" || {
                // An attribute, not a word of the text.
                page[..at].rfind('<') > page[..at].rfind('>') && page[at..].contains('=')
            }
        });
        assert!(!found, "the page has `{wrong}`");
    }
    let mut open = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, after) = after.split_once('>').unwrap();
        rest = after;
        let name = tag.split(|c: char| c.is_whitespace() || c == '/').find(|name| !name.is_empty()).unwrap();
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed.trim()), "at …{}", &rest[..rest.len().min(80)]);
        } else if !tag.ends_with('/') && !["!doctype", "meta"].contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn a_page_is_one_file_without_anything_from_elsewhere() {
    let person = person();
    for method in CountMethodId::ALL {
        let file = match method.form() {
            BallotForm::Scores => write(&person, "scores.csv", "Ada,Bob\n5,3\n"),
            _ => data("council.blt"),
        };
        let page = person.run(&["count", &file, "--method", method.as_str(), "--seats", "1", "--output", "html"]).exits(0).stdout;
        check_page(&page);
        let transfers = matches!(method.as_str(), "instant-runoff" | "scottish-stv" | "wigm-stv" | "meek-stv");
        assert_eq!(page.contains("class=\"flow\""), transfers, "{method}");
        assert_eq!(page.contains("class=\"matrix\""), matches!(method.as_str(), "schulze" | "ranked-pairs"), "{method}");
        assert_eq!(page.contains("class=\"seats\""), method.is_of_lists(), "{method}");
    }
}

#[test]
fn names_on_a_page_are_only_names() {
    let person = person();
    let evil = BOARD
        .replace("\"Ada\"", "\"<script src=http://x>alert('1')</script> & \"\"Co\"\"\u{202e}\"")
        .replace("Board", "</title><b onload=x>");
    let file = write(&person, "evil.blt", &evil);
    for method in ["scottish-stv", "schulze", "dhondt"] {
        let page = person.run(&["count", &file, "--method", method, "--output", "html"]).exits(0).stdout;
        let shown = "&lt;script src=http://x&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;Co&quot;\u{fffd}";
        assert!(page.contains(shown) && page.contains("<title>&lt;/title&gt;&lt;b onload=x&gt;</title>"), "{page}");
        assert!(!page.contains("<script") && !page.contains("<b onload") && !page.contains('\u{202e}'));
    }
    let text = person.run(&["count", &file, "--method", "plurality"]).exits(0).stdout;
    assert!(!text.contains('\u{202e}'));
}

#[test]
fn many_candidates_and_the_largest_weights_are_shown() {
    let person = person();
    let names: String = (1..=200).map(|number| format!("\"Candidate {number}\"\n")).collect();
    let ballots: String = (1..=200).map(|number| format!("{} {number} {} 0\n", 1_000 + number % 7, number % 200 + 1)).collect();
    let file = write(&person, "many.blt", &format!("200 9\n{ballots}0\n{names}"));
    for method in ["scottish-stv", "ranked-pairs"] {
        let page = person.run(&["count", &file, "--method", method, "--output", "html"]).exits(0).stdout;
        check_page(&page);
        assert!(page.len() < 8_000_000, "{method}: {} bytes", page.len());
    }
    let huge = write(&person, "huge.blt", "2 1\n18446744073709551614 1 2 0\n1 2 0\n0\nAda\nBob\n");
    for method in CountMethodId::ALL.into_iter().filter(|method| method.form() != BallotForm::Scores) {
        let report = report(&person, &huge, &["--method", method.as_str()]);
        assert_eq!(report["ballots"]["valid"], "18446744073709551615", "{method}");
        assert!(elected(&report) == ["Ada"] || method == CountMethodId::Approval, "{method}");
        check_page(&person.run(&["count", &huge, "--method", method.as_str(), "--output", "html"]).exits(0).stdout);
    }
    let one = write(&person, "one.blt", "1 1\n0\nAda\n");
    for method in CountMethodId::ALL.into_iter().filter(|method| method.form() != BallotForm::Scores) {
        person.run(&["count", &one, "--method", method.as_str()]).exits(0);
        check_page(&person.run(&["count", &one, "--method", method.as_str(), "--output", "html"]).exits(0).stdout);
    }
}

#[test]
fn a_report_goes_to_a_file_and_replaces_none_unasked() {
    let person = person();
    let file = write(&person, "board.blt", BOARD);
    let out = person.path("board.html").display().to_string();
    let count = ["count", &file, "--method", "scottish-stv", "--output", "html", "-o", &out];
    assert!(person.run(&count).exits(0).stdout.contains("board.html is written: elected: Ada, Bob"));
    check_page(&std::fs::read_to_string(&out).unwrap());
    assert!(person.run(&count).exits(2).stderr.contains("--force"));
    person.run(&[&count[..], &["--force"]].concat()).exits(0);
    let json = person.path("board.json").display().to_string();
    let said = person.run(&["count", &file, "--method", "borda", "--output", "json", "-o", &json]).exits(0).json();
    assert_eq!(said["elected"].as_array().unwrap().len(), 2);
    assert_eq!(serde_json::from_slice::<Value>(&std::fs::read(&json).unwrap()).unwrap()["version"], 1);
}

#[test]
fn what_users_get_wrong_ends_with_2_and_a_next_step() {
    let person = person();
    let board = write(&person, "board.blt", BOARD);
    let twins = write(&person, "twins.blt", "2 1\n1 1 0\n0\nAda\nAda\n");
    let broken = write(&person, "broken.blt", "3 1\n1 4 0\n");
    let wrong = write(&person, "wrong.csv", "Ada,Bob\n1,x\n");
    let notes = write(&person, "notes.txt", "Dear all,\nplease find attached\n");
    let scores = write(&person, "scores.csv", "Ada,Bob,count\n100,,18446744073709551615\n");
    let crowd = write(&person, "crowd.blt", &format!("201 1\n0\n{}", "x\n".repeat(201)));
    let nowhere = person.path("nowhere.blt").display().to_string();
    let directory = person.path("").display().to_string();
    let cases: &[(&[&str], &str, &str)] = &[
        (&[&board, "--method", "stv"], "there is no count method `stv`; there are plurality, approval, score,", "--help"),
        (&[&board], "--method", "--help"),
        (&[&board, "--method", "borda", "--seats", "0"], "0 seats for 3 candidates", "from 1 to 3"),
        (&[&board, "--method", "borda", "--seats", "4"], "4 seats for 3 candidates", "from 1 to 3"),
        (&[&board, "--method", "instant-runoff", "--seats", "2"], "fills one seat", "scottish-stv"),
        (&[&board, "--method", "dhondt", "--seats", "1001"], "1001 seats", "from 1 to 1000"),
        (&[&board, "--method", "borda", "--withdrawn", "Eve"], "no candidate called `Eve`", "Ada, Bob, Cyd"),
        (&[&twins, "--method", "borda", "--withdrawn", "Ada"], "several candidates are called `Ada`", "different names"),
        (
            &[&board, "--method", "borda", "--withdrawn", "Ada", "--withdrawn", "Bob", "--withdrawn", "Cyd"],
            "every candidate",
            "--withdrawn",
        ),
        (&[&board, "--method", "score"], "a BLT file holds rankings", "another --method"),
        (&[&board, "--method", "schulze", "--majority", "simple"], "cannot demand a majority", "plurality, approval or score"),
        (&[&board, "--method", "dhondt", "--quorum", "5"], "cannot demand", "plurality, approval or score"),
        (&[&board, "--method", "plurality", "--quorum", "5"], "how many are on it is not said", "--roll N"),
        (&[&board, "--method", "plurality", "--majority", "absolute"], "how many are on it is not said", "--roll N"),
        (&[&board, "--method", "plurality", "--quorum", "5", "--roll", "7"], "108 ballots, but only 7 voters", "correct --roll"),
        (&[&board, "--method", "plurality", "--quorum", "101"], "101", "--help"),
        (&[&broken, "--method", "borda"], "broken.blt: line 2, column 3: there is no candidate 4", "docs/formats.md"),
        (&[&wrong, "--method", "borda"], "wrong.csv: line 2, field 2: `x` is not a rank", "docs/formats.md"),
        (&[&notes, "--method", "borda"], "notes.txt: line", "docs/formats.md"),
        (&[&scores, "--method", "score"], "more than 2^64", "numbers of ballots"),
        (&[&crowd, "--method", "schulze"], "201 candidates, schulze takes at most 200", "another --method"),
        (&[&nowhere, "--method", "borda"], "cannot read", "BLT or CSV"),
        (&[&directory, "--method", "borda"], "cannot read", "BLT or CSV"),
    ];
    for (args, what, next) in cases {
        let ended = person.run(&[&["count"], *args].concat()).exits(2);
        assert!(ended.stdout.is_empty() && ended.stderr.contains(what) && ended.stderr.contains(next), "{args:?}: {ended:#?}");
    }
    person.run(&["count", &crowd, "--method", "plurality"]).exits(0);
    let error = person.run(&["elections", "list", "--output", "html"]).exits(2).stderr;
    assert!(error.contains("only `voting count` makes a page") && error.contains("--output table"), "{error}");
}
