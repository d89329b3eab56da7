//! Every example runs, and shows what it promises.

use std::process::Command;

fn run(example: &str) -> String {
    let mut binary = std::env::current_exe().expect("the test knows where it is");
    binary.pop(); // deps
    binary.pop();
    let output = Command::new(binary.join("examples").join(example)).output().expect("cargo builds examples before tests");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{example}: {shown}{}", String::from_utf8_lossy(&output.stderr));
    shown
}

#[test]
fn a_network_is_embedded() {
    let shown = run("embed_network");
    assert!(shown.contains("is recorded at height") && shown.contains("Coffee: 1") && shown.contains("Tea: 0"), "{shown}");
}

#[test]
fn a_bundle_is_verified_and_a_flipped_bit_found() {
    let shown = run("verify_bundle");
    let (whole, damaged) = shown.split_once("with one bit flipped:").expect("both runs are shown");
    assert!(!whole.contains("Failed") && damaged.contains("Failed"), "{shown}");
}

#[test]
fn a_store_of_ones_own_passes_the_suite() {
    assert!(run("own_store").contains("keeps every promise"));
}
