//! Every state that the real engine can come to, within small bounds, by exhaustive search.
//!
//! Four authorities, of which one lies; see [`system`] for what can happen, [`rules`] for what must hold, [`local`] for when two states
//! count as one. `make model` goes further than the ordinary tests do, as far as `VOTING_MODEL_STEPS` says.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "a test may panic, and iterates over no map"
)]

mod local;
mod node;
mod rules;
mod setup;
mod system;
mod table;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use stateright::{Checker, CheckerBuilder, HasDiscoveries, Model, UniformChooser};
use voting_consensus::sim::Mutation;
use voting_core::epoch::LeaderPolicy;

use setup::Setup;
use system::System;

/// Steps between states that each setup of the long campaign is explored by, unless there are fewer.
const STEPS: usize = 15_000_000;
/// States visited by random walks.
const WALKED: usize = 1_500;
/// Sets the same as [`STEPS`].
const STEPS_VARIABLE: &str = "VOTING_MODEL_STEPS";

/// Explores what a setup allows, breadth first, prints how much that was, and gives what was found to be possible.
fn explore(
    what: &str,
    system: System,
    bounded: impl FnOnce(CheckerBuilder<System>) -> CheckerBuilder<System>,
) -> Vec<&'static str> {
    let table = Arc::clone(&system.table);
    let checker = bounded(system.checker().threads(2)).spawn_bfs().join();
    let (local, steps) = table.size();
    println!(
        "{what}: {} states, {} steps between them, none more than {} from the first; {local} local states, {steps} steps of the engine",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth() - 1,
    );
    let discoveries = checker.discoveries();
    for rule in rules::ALWAYS {
        assert!(!discoveries.contains_key(rule), "{what}: not so: {rule}\n{}", discoveries[rule]);
    }
    discoveries.into_keys().collect()
}

#[test]
fn all_of_one_view_with_a_crash() {
    let possible = explore("one view, one crash", System::new(Setup { views: 1, crashes: 1, ..Setup::SMALL }), |all| all);
    for rule in [rules::FINAL, rules::FINAL_AFTER_CRASH, rules::EQUIVOCATION] {
        assert!(possible.contains(&rule), "possible: {rule}");
    }
}

#[test]
fn the_beginnings_of_two_views() {
    for liar in [0, 1] {
        let system = System::new(Setup { liar, crashes: 1, ..Setup::SMALL });
        explore(&format!("two views, authority {liar} lies"), system, |all| all.target_max_depth(8));
    }
}

#[test]
fn the_beginning_of_one_view_vote_by_vote() {
    // What a liar's votes do one at a time, each kept or in the way of another.
    let system = System::new(Setup { views: 1, one_by_one: true, ..Setup::SMALL });
    explore("one view, its leader lies, votes one by one", system, |all| all.target_max_depth(6));
}

#[test]
fn a_view_that_is_skipped_and_a_block_above_it() {
    // A walk at random, of which only the end is of interest.
    let system = System::new(Setup { liar: 3, ..Setup::SMALL });
    let wanted = HasDiscoveries::AllOf([rules::FINAL_AFTER_SKIP].into());
    let checker = system.checker().finish_when(wanted).spawn_simulation(1, UniformChooser).join();
    checker.assert_any_discovery(rules::FINAL_AFTER_SKIP);
    println!("{} states of random walks until {}", checker.state_count(), rules::FINAL_AFTER_SKIP);
}

#[test]
fn walks_through_four_views() {
    // Far more states than can be visited: walks at random, each as long as it can be.
    for (liar, policy) in [(0, LeaderPolicy::RoundRobin { term: 1 }), (1, LeaderPolicy::Fixed)] {
        let system = System::new(Setup { liar, policy, views: 4, crashes: 2, ..Setup::SMALL });
        let checker = system.checker().target_state_count(WALKED).spawn_simulation(1, UniformChooser).join();
        let discoveries = checker.discoveries();
        println!(
            "walks through four views, authority {liar} lies: {} steps, up to {} in one",
            checker.state_count(),
            checker.max_depth() - 1
        );
        for rule in rules::ALWAYS {
            assert!(!discoveries.contains_key(rule), "not so: {rule}\n{}", discoveries[rule]);
        }
        for rule in [rules::FINAL, rules::FINAL_AFTER_SKIP, rules::FINAL_AFTER_CRASH, rules::EQUIVOCATION] {
            assert!(discoveries.contains_key(rule), "possible: {rule}");
        }
    }
}

#[test]
fn votes_that_come_together_lead_where_votes_one_by_one_do() {
    let setup = Setup { views: 1, liar: 3, noted: true, ..Setup::SMALL };
    let outcomes = |what: &str, setup: Setup| {
        let system = System::new(setup);
        let outcomes = Arc::clone(&system.outcomes);
        explore(what, system, |all| all);
        let outcomes = outcomes.lock().unwrap();
        outcomes.clone()
    };
    let together = outcomes("one view, votes together", setup);
    let one_by_one = outcomes("one view, votes one by one", Setup { one_by_one: true, ..setup });
    assert!(together.len() > 50, "{}", together.len());
    assert_eq!(together, one_by_one);
}

#[test]
fn rules_left_out_are_noticed() {
    use Mutation::{
        FinalizeAfterSkip, FinalizeUnwritten, GapsIgnored, InnocentAccused, ParentUnchecked, PayloadUnwritten, PrunedTooFar,
        QuorumOffByOne, ReplayForgetsFinalize, ReplayForgetsNotarize, ReplayForgetsSkip, SkipAfterFinalize,
    };
    // Each with a rule that finds it; threads race for which of them is broken first.
    let mutations = BTreeMap::from([
        (SkipAfterFinalize, rules::CONSISTENT),
        (FinalizeAfterSkip, rules::CONSISTENT),
        (GapsIgnored, rules::PARENTS),
        (ParentUnchecked, rules::PARENTS),
        (QuorumOffByOne, rules::CERTIFIED),
        (ReplayForgetsNotarize, rules::DURABLE),
        (ReplayForgetsSkip, rules::DURABLE),
        (ReplayForgetsFinalize, rules::DURABLE),
        (FinalizeUnwritten, rules::DURABLE),
        (PayloadUnwritten, rules::DURABLE),
        (PrunedTooFar, rules::DURABLE),
        (InnocentAccused, rules::INNOCENT),
    ]);
    for (mutation, rule) in mutations {
        let system = System::new(Setup { liar: 1, crashes: 1, mutation: Some(mutation), ..Setup::SMALL });
        let found = HasDiscoveries::AnyOf([rule].into());
        let checker = system.checker().finish_when(found).target_max_depth(8).spawn_bfs().join();
        let path = checker.discovery(rule).unwrap_or_else(|| panic!("{mutation:?} is not noticed"));
        println!(
            "{mutation:?}: {} states until not so: {rule}; {} steps to there",
            checker.unique_state_count(),
            path.into_actions().len()
        );
    }
}

#[test]
#[ignore = "minutes and gigabytes: make model"]
fn as_far_as_there_is_time() {
    let steps = std::env::var(STEPS_VARIABLE).map_or(STEPS, |steps| steps.parse().expect("a number of steps"));
    let one = Setup { views: 1, crashes: 2, ..Setup::SMALL };
    let two = Setup { crashes: 1, ..Setup::SMALL };
    let setups = [
        ("one view, two crashes", one),
        ("two views, the first leader lies", Setup { crashes: 0, ..two }),
        ("two views, the second leader lies", Setup { liar: 1, crashes: 0, ..two }),
        ("two views, one crash", two),
        ("two views, one crash, fixed leaders", Setup { policy: LeaderPolicy::Fixed, ..two }),
        ("two views, one crash, no leader lies", Setup { liar: 3, ..two }),
        ("three views, one crash", Setup { views: 3, ..two }),
    ];
    for (what, setup) in setups {
        explore(what, System::new(setup), |all| all.target_state_count(steps));
    }
}
