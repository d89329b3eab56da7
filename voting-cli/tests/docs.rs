//! Every `$` line of the documents' `console` blocks is typed into a shell beside a real network, in order, and what
//! comes back is compared with what stands there.
//!
//! Hashes, keys, times, places in the ledger and request names differ from run to run: they are compared by their shape.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::network::Network;

/// Set to write down what comes back, instead of comparing.
const REGENERATE: &str = "REGENERATE_DOCS";
/// The address that documents use.
const DOCUMENTED: &str = "localhost:8000";
/// Ends the output of a command; followed by its exit status.
const END: &str = "\u{1}end of command\u{1}";

#[test]
fn the_lines_of_the_api_document_work() {
    types("docs/api.md");
}

/// One command, and the lines of the document that it and its output take.
#[derive(Debug, PartialEq)]
struct Typed {
    line: usize,
    command: String,
    output: Vec<String>,
}

fn types(document: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(document);
    let text = std::fs::read_to_string(&path).unwrap();
    let typed = parse(&text);
    assert!(!typed.is_empty(), "{document} has console blocks");
    let network = Network::start();
    let actual = run(&typed, &network);
    if std::env::var_os(REGENERATE).is_some() {
        std::fs::write(&path, rewrite(&text, &typed, &actual)).unwrap();
        return;
    }
    for (typed, actual) in typed.iter().zip(&actual) {
        let Typed { line, command, output } = typed;
        let shapes = |lines: &[String]| lines.iter().map(|line| shape(line)).collect::<Vec<_>>();
        assert_eq!(shapes(output), shapes(actual), "{document}:{line}: `{command}`; {REGENERATE}=1 writes down what comes back");
    }
}

/// The commands of a document, with what it says that they print.
fn parse(text: &str) -> Vec<Typed> {
    let (mut typed, mut inside) = (Vec::<Typed>::new(), false);
    for (at, line) in text.lines().enumerate() {
        match (inside, line.strip_prefix("$ "), typed.last_mut()) {
            (false, ..) => inside = line == "```console",
            (true, ..) if line == "```" => inside = false,
            (true, Some(command), _) => typed.push(Typed { line: at + 1, command: command.to_owned(), output: Vec::new() }),
            (true, None, Some(last)) => last.output.push(line.to_owned()),
            (true, None, None) => panic!("line {}: output without a command", at + 1),
        }
    }
    typed
}

/// Types every command into one shell. Blank lines at the end of an output are not part of it.
fn run(typed: &[Typed], network: &Network) -> Vec<Vec<String>> {
    let home = tempfile::tempdir().unwrap();
    let address = network.url.strip_prefix("http://").unwrap();
    let binary = assert_cmd::cargo::cargo_bin!("voting");
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut script = String::new();
    for Typed { command, .. } in typed {
        script.push_str(&format!("{}\nprintf '%s%s\\n' '{END}' $?\n", command.replace(DOCUMENTED, address)));
    }
    let mut shell = Command::new("bash");
    shell.env_clear().env("PATH", path).env("HOME", home.path()).env("VOTING_URL", &network.url).current_dir(home.path());
    let file = home.path().join("script");
    std::fs::write(&file, &script).unwrap();
    let output = shell.arg("-c").arg(format!("exec 2>&1; . {}", file.display())).stdin(Stdio::null()).output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap().replace(address, DOCUMENTED);

    let (mut outputs, mut lines) = (Vec::new(), Vec::new());
    for line in output.lines() {
        let Some((last, status)) = line.split_once(END) else {
            lines.push(line.to_owned());
            continue;
        };
        lines.extend((!last.is_empty()).then(|| last.to_owned()));
        lines.extend((status != "0").then(|| format!("[exit {status}]")));
        while lines.last().is_some_and(|line| line.trim().is_empty()) {
            lines.pop();
        }
        outputs.push(std::mem::take(&mut lines));
    }
    assert_eq!(outputs.len(), typed.len(), "the shell ended early: {output}");
    outputs
}

/// The document with the outputs that came.
fn rewrite(text: &str, typed: &[Typed], actual: &[Vec<String>]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (typed, actual) in typed.iter().zip(actual).rev() {
        let old = typed.line..typed.line + typed.output.len();
        lines.splice(old, actual.iter().cloned());
    }
    lines.join("\n") + "\n"
}

/// A line with what differs from run to run replaced by its kind.
fn shape(line: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "+/=-.:_".contains(c);
    let (mut shape, mut rest, mut before) = (String::new(), line, "");
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        let (gap, after) = rest.split_at(start);
        let word = &after[..after.find(|c| !is_word(c)).unwrap_or(after.len())];
        shape.push_str(gap);
        shape.push_str(kind(before, word));
        rest = &after[word.len()..];
        before = word;
    }
    shape.push_str(rest);
    shape.replace("<authority>, <authority>, <authority>, <authority>", "<authority>, <authority>, <authority>")
}

fn kind<'a>(before: &str, word: &'a str) -> &'a str {
    let all = |allowed: &dyn Fn(char) -> bool| word.chars().all(allowed);
    let place = ["height", "block", "index", "entry", "position", "bytes"].contains(&before);
    if word.len() >= 16 && all(&|c| c.is_ascii_hexdigit()) {
        "<hash>"
    } else if word.len() >= 20 && word.ends_with('Z') && all(&|c| c.is_ascii_digit() || "-:.TZ".contains(c)) {
        "<time>"
    } else if word.len() == 39 && all(&|c| c.is_ascii_digit() || c.is_ascii_uppercase() || c == '-') {
        "<code>"
    } else if word.len() >= 40 && all(&|c| c.is_ascii_alphanumeric() || "+/=".contains(c)) {
        "<base64>"
    } else if word.starts_with("authority-") {
        "<authority>" // which of them made the quorum
    } else if place && all(&|c| c.is_ascii_digit() || c == '.') {
        "<place>"
    } else {
        word
    }
}

#[test]
fn shapes_keep_what_does_not_differ() {
    let receipt = r#"{"hash":"00112233445566778899","height":17,"votes":3,"at":"2026-11-23T17:40:42.815Z"}"#;
    assert_eq!(shape(receipt), r#"{"hash":"<hash>","height":<place>,"votes":3,"at":"<time>"}"#);
    assert_eq!(shape("[\"ballot\",\"70CX-ADJN-3ZWF-6FXY-ADQQ-3VWT-7DP6-J45S\"] 201"), "[\"ballot\",\"<code>\"] 201");
}

#[test]
fn a_document_is_commands_and_what_they_print() {
    let text = "a\n```console\n$ one\nx\ny\n$ two\n```\n$ no\n```sh\n$ no\n```\n";
    let typed = parse(text);
    assert_eq!(typed.iter().map(|typed| (typed.line, typed.command.as_str())).collect::<Vec<_>>(), [(3, "one"), (6, "two")]);
    let anew = rewrite(text, &typed, &[vec!["z".to_owned()], vec!["w".to_owned()]]);
    assert_eq!(anew, "a\n```console\n$ one\nz\n$ two\nw\n```\n$ no\n```sh\n$ no\n```\n");
}
