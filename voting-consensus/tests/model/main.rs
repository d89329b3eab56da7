//! Every state that the real engine can come to, within small bounds, by exhaustive search.
#![allow(clippy::unwrap_used, clippy::disallowed_types, reason = "a test may panic, and iterates over no map")]

mod local;
mod node;
#[path = "../peer/mod.rs"]
mod peer;
mod rules;
mod setup;
mod system;
mod table;
mod words;

use std::sync::Arc;
use std::time::Duration;

use stateright::{Checker, Model};

use setup::Setup;
use system::System;

fn explore(name: &str, setup: Setup) {
    let system = System::new(setup);
    let table = Arc::clone(&system.table);
    let started = std::time::Instant::now();
    let checker = system.checker().threads(2).timeout(Duration::from_secs(100)).spawn_bfs().join();
    let (local, steps) = table.size();
    println!(
        "{name}: {} states, {} steps between them, depth {}; {local} local states, {steps} steps of the engine; {:?}",
        checker.unique_state_count(), checker.state_count(), checker.max_depth(), started.elapsed()
    );
    for (name, path) in checker.discoveries() {
        println!("{name}: {} steps", path.clone().into_actions().len());
        if name == rules::INNOCENT {
            println!("{:?}", path.last_state().nodes.each_ref().map(|node| &node.local.faults));
            for action in path.into_actions() { println!("{action:?}"); }
        }
    }
}

#[test]
fn small() {
    explore("one view", Setup { views: 1, ..Setup::SMALL });
}
