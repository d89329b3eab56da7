//! Files of ballots: what is written is read back, and files made to do harm are refused at once.
use proptest::collection::vec;
use proptest::prelude::*;
use voting_core::formats::blt::{Blt, BltBallot, BltReason};
use voting_core::formats::rankings_csv::{CsvReason, Layout, RankingsCsv, ScoresCsv};
use voting_core::ranking::Ranking;

const CANDIDATES: u16 = 5;

/// Any preferences: with equals and gaps, every candidate at most once.
fn ranking() -> impl Strategy<Value = Ranking> {
    vec(vec(0..CANDIDATES, 0..3), 0..6).prop_map(|tiers| {
        let mut left = [true; CANDIDATES as usize];
        let mut once = |tier: Vec<u16>| tier.into_iter().filter(|c| std::mem::take(&mut left[usize::from(*c)])).collect::<Vec<_>>();
        Ranking::from_tiers(tiers.into_iter().map(&mut once).collect::<Vec<_>>())
    })
}

fn ballots() -> impl Strategy<Value = Vec<BltBallot>> {
    let count = prop_oneof![1u64..1_000, Just(u64::MAX / 100)];
    vec((count, ranking()).prop_map(|(count, ranking)| BltBallot { count, ranking }), 0..20)
}

prop_compose! {
    fn blt()(
        candidates in vec("[A-Za-z\"#(é=,]{1,10}( [A-Za-z\"#-]{1,10}){0,2}", usize::from(CANDIDATES)),
        seats in 1..=CANDIDATES,
        withdrawn in proptest::collection::btree_set(0..CANDIDATES, 0..3),
        ballots in ballots(),
        title in "([A-Za-z#\"][A-Za-z \"]{0,20}[a-z#])?",
    ) -> Blt {
        Blt { title, candidates, seats, withdrawn: withdrawn.into_iter().collect(), ballots }
    }
}

/// The same ballots as a file with a column per candidate.
fn to_csv(names: &[&str], ballots: &[BltBallot]) -> String {
    let mut text = format!("count,{}\n", names.join(","));
    for ballot in ballots {
        let mut ranks = vec![String::new(); names.len()];
        for (rank, tier) in (1..).zip(ballot.ranking.tiers()) {
            tier.options().for_each(|option| ranks[usize::from(option)] = format!("{rank}"));
        }
        text += &format!("{},{}\n", ballot.count, ranks.join(","));
    }
    text
}

proptest! {
    #[test]
    fn what_is_written_as_blt_is_read_back(blt in blt()) {
        prop_assert_eq!(Blt::parse(blt.to_text().as_bytes()).unwrap(), blt);
    }

    #[test]
    fn neither_endings_of_lines_nor_comments_change_what_is_read(blt in blt()) {
        let (numbers, names) = blt.to_text().split_once("\n0\n").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        let numbers = numbers.replace('\n', "  # so many\r\n\r\n\t");
        let text = format!("\u{feff}# a file\n{numbers}\r\n 0 \r\n{}", names.replace('\n', "\r\n# a name\r\n"));
        prop_assert_eq!(Blt::parse(text.as_bytes()).unwrap(), blt);
    }

    #[test]
    fn csv_with_a_column_per_candidate_says_the_same_as_blt(ballots in ballots()) {
        let names = ["Ada", "Bob", "Cyd", "Dan", "Eve"];
        let read = RankingsCsv::parse(to_csv(&names, &ballots).as_bytes()).unwrap();
        prop_assert_eq!((read.layout, read.candidates), (Layout::Candidates, names.map(str::to_owned).to_vec()));
        prop_assert_eq!(read.ballots, ballots);
    }

    #[test]
    fn csv_with_a_column_per_rank_does_not_depend_on_the_order_of_lines(lines in vec("(Ada|Bob|Cyd|skipped|),(Ada|Bob|Cyd|overvote|)", 1..10)) {
        let read = |lines: &[String]| RankingsCsv::parse(format!("rank1,rank2\n{}\nAda,Bob\nCyd,\n", lines.join("\n")).as_bytes()).unwrap();
        let mut backwards = lines.clone();
        backwards.reverse();
        let (one, other) = (read(&lines), read(&backwards));
        prop_assert_eq!(&one.candidates, &other.candidates);
        let sorted = |file: RankingsCsv| { let mut rankings: Vec<_> = file.ballots.into_iter().map(|ballot| ballot.ranking).collect(); rankings.sort(); rankings };
        prop_assert_eq!(sorted(one), sorted(other));
    }

    #[test]
    fn nothing_makes_a_reader_of_csv_panic(bytes in vec(any::<u8>(), 0..300), text in "(rank[12]|Ada|count|[0-9]{1,3}|[,;\t\n\"-]){0,60}") {
        for bytes in [bytes.as_slice(), text.as_bytes()] {
            let _ = RankingsCsv::parse(bytes);
            let _ = ScoresCsv::parse(bytes);
        }
    }
}

/// More than any bound lets through, of the same bytes.
fn endless(bytes: &[u8]) -> Vec<u8> {
    bytes.repeat(4 * 1024 * 1024 / bytes.len())
}

#[test]
fn hostile_blt_files_are_refused() {
    let blt = |bytes: &[u8]| Blt::parse(bytes).unwrap_err();
    let after_head = |head: &str, bytes: Vec<u8>| blt(&[head.as_bytes(), &bytes].concat());
    assert_eq!(blt(&endless(b"1")).reason, BltReason::LineTooLong);
    assert_eq!(blt(&endless(b"\0")).reason, BltReason::LineTooLong);
    assert_eq!(after_head("3 1\n1 1", endless(b"=1")).reason, BltReason::LineTooLong);
    assert_eq!(after_head("3 1\n(", endless(b"(")).reason, BltReason::LineTooLong);
    assert_eq!(after_head("1 1\n0\n\"", endless(b"\"\"")).reason, BltReason::LineTooLong);
    assert_eq!(blt(b"1000000 1\n").reason, BltReason::Candidates(1_000_000));
    assert!(matches!(blt(b"3 1\n18446744073709551616 1 0\n").reason, BltReason::NotANumber(..)));
    assert!(matches!(blt(b"3 99999999999999999999\n").reason, BltReason::NotANumber(..)));
    assert_eq!(blt(b"3 1\n9223372036854775808 1 0\n9223372036854775808 2 0\n0\n").reason, BltReason::TooManyBallots);
    let error = blt(b"3 1\n1 \0 0\n");
    assert!(error.to_string().starts_with("line 2, column 3: `\u{fffd}` is not"), "{error}");
    assert!(matches!(after_head("3 1\n", endless(b"\n")).reason, BltReason::Ends(_)));
    assert!(matches!(after_head("3 1\n", endless(b"# x\n")).reason, BltReason::Ends(_)));
    assert!(matches!(after_head("3 1\n", endless(b"-1\n")).reason, BltReason::Ends(_)));
    let repeated = format!("3 1\n1 1{} 0\n", "=1".repeat(30_000));
    assert_eq!(blt(repeated.as_bytes()).reason, BltReason::Repeated(1));
}

#[test]
fn blt_files_at_the_bounds_are_read() {
    let everybody: Vec<String> = (1..=1_000).map(|number| number.to_string()).collect();
    let names: String = everybody.iter().map(|number| format!("\"{}{number}\"\n", "n".repeat(290))).collect();
    let text = format!("1000 1000\n18446744073709551614 {} 0\n1 {} 0\n0\n{names}", everybody.join(" "), everybody.join("="));
    let blt = Blt::parse(text.as_bytes()).unwrap();
    assert_eq!((blt.total(), blt.candidates.len(), blt.ballots[1].ranking.tiers().count()), (u64::MAX, 1_000, 1));
    assert_eq!(blt.first_preferences().unwrap().options[0], u64::MAX - 1);
}

#[test]
fn hostile_csv_files_are_refused() {
    let csv = |bytes: &[u8]| RankingsCsv::parse(bytes).unwrap_err().reason;
    for bytes in [b"1".as_slice(), b"\0", b"a,", b"\""] {
        assert_eq!(csv(&endless(bytes)), CsvReason::LineTooLong);
        assert_eq!(ScoresCsv::parse(&endless(bytes)).unwrap_err().reason, CsvReason::LineTooLong);
    }
    assert_eq!(csv("a,".repeat(5_000).as_bytes()), CsvReason::TooManyColumns);
    let names: String = (0..1_001).map(|number| format!("n{number}\n")).collect();
    assert_eq!(csv(format!("rank1\n{names}").as_bytes()), CsvReason::Candidates(1_001));
    assert!(matches!(csv(&[b"Ada,Bob\n1,\"".as_slice(), &endless(b"x\n")].concat()), CsvReason::NotARank(_)), "an open quote");
    assert_eq!(csv(b"rank1,rank2\nAda,B\0b\n"), CsvReason::Name);
    assert_eq!(csv(b"rank99999999999999999999\nAda\n"), CsvReason::NotARank("Ada".to_owned()));
    assert!(matches!(csv(b"Ada,count\n1,99999999999999999999\n"), CsvReason::NotAWeight(_)));
}

#[test]
fn the_documented_examples_are_files() {
    let text = include_str!("../../docs/formats.md");
    let blocks: Vec<&str> = text.split("```text\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let [blt, ranks, candidates] = blocks.as_slice() else { panic!("{} examples", blocks.len()) };
    let blt = Blt::parse(blt.as_bytes()).unwrap();
    assert_eq!((blt.total(), blt.withdrawn.as_slice(), blt.title.as_str()), (471, &[1][..], "Board"));
    assert_eq!(blt.candidates, ["Ada", "Bob", "Cyd"]);
    let shown =
        |ballots: &[BltBallot]| ballots.iter().map(|ballot| serde_json::to_string(&ballot.ranking).unwrap()).collect::<Vec<_>>();
    let ranks = RankingsCsv::parse(ranks.as_bytes()).unwrap();
    assert_eq!(
        (ranks.candidates.as_slice(), ranks.ignored.join(" ").as_str()),
        (&["Ada", "Bob", "Cyd"].map(str::to_owned)[..], "ballot precinct")
    );
    assert_eq!(shown(&ranks.ballots), ["[[0],[2]]", "[[1],[0,2]]", "[[],[0]]"]);
    let candidates = RankingsCsv::parse(candidates.as_bytes()).unwrap();
    assert_eq!(shown(&candidates.ballots), ["[[0],[2]]", "[[1,2],[],[0]]", "[]"]);
    assert_eq!(candidates.ballots.iter().map(|ballot| ballot.count).collect::<Vec<_>>(), [400, 20, 50]);
}
