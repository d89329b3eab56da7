//! Verifying an election without any server: `verify_bundle FILE [GENESIS]`. Without a file it makes
//! a small election and verifies that, once whole and once with a flipped bit.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::fs::File;
use std::io::{BufReader, Read};

use anyhow::{Context as _, bail};
use voting_core::Digest;
use voting_core::bundle::BundleWriter;
use voting_core::entry::Entry;
use voting_core::ids::PartitionId;
use voting_core::testing::{TestChain, ballot, definition, key};
use voting_core::verify::{Options, verify};

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let Some(path) = args.next() else { return demonstrate() };
    // Pin the genesis: without it the file proves itself consistent, not that it is your network's.
    let genesis = args.next().map(|text| text.parse::<Digest>()).transpose().context("GENESIS is the digest that clients pin")?;
    let file = BufReader::new(File::open(&path).with_context(|| path.clone())?);
    if !check(file, &Options { genesis, ..Options::default() }) {
        bail!("{path} does not hold");
    }
    Ok(())
}

fn check(input: impl Read, options: &Options) -> bool {
    let report = verify(input, options);
    for result in &report.checks {
        println!("{:>3} {:<14} {:?}", result.number, result.code, result.outcome);
    }
    if let Some(failure) = &report.failure {
        println!("{failure}");
    }
    report.holds()
}

fn demonstrate() -> anyhow::Result<()> {
    let mut chain = TestChain::new(4);
    let election = definition(1, &["Ada", "Bob"]);
    chain.open_election(&election, 3)?;
    let ballots: Vec<Entry> = (0..3).map(|voter| Entry::Cast(ballot(chain.chain(), &election, &key(voter), &[0]))).collect();
    chain.append(&ballots)?;
    chain.finish_election(election.id)?;

    let mut writer = BundleWriter::begin(Vec::new(), &chain.genesis, PartitionId(0), &[], election.id)?;
    for block in &chain.blocks {
        writer.block(block)?;
    }
    let mut bundle = writer.finish(&chain.state)?;
    println!("as it is:");
    let whole = check(bundle.as_slice(), &Options::default());
    let middle = bundle.len() / 2;
    bundle[middle] ^= 1;
    println!("\nwith one bit flipped:");
    let damaged = check(bundle.as_slice(), &Options::default());
    if !whole || damaged {
        bail!("the verifier is wrong");
    }
    Ok(())
}
