//! Clocks of all kinds, among lost answers, long ways and liars. Every run checks, four times a simulated second and for
//! every authority that does not lie: true time lies within the stated bound, time never goes back, and it is moved by no
//! more than the slew limit. See `machines`.

use std::time::Duration;

use proptest::prelude::*;
use voting_consensus::clock::{ClockAlarm, ClockConfig, ClockState, Seats, Standing};

use crate::machines::{CALM, Chance, HOUR, Lie, MINUTE, Machine, SECOND, Ways, World};

const MS: i64 = 1_000;

/// Four machines in order: off by up to 300 ms, each with a drift of its own.
fn in_order() -> Vec<Machine> {
    let machine = |(offset, ppm)| Machine { offset: offset * MS, ppm, ..Machine::default() };
    [(0, 0), (-120, 40), (300, -35), (80, 12)].map(machine).to_vec()
}

fn world(seed: u64, machines: Vec<Machine>, quorum: usize) -> World {
    let mut world = World::new(seed, machines, quorum, ClockConfig::default());
    world.follow(Some(0));
    world
}

fn has(alarms: &[ClockAlarm], is: impl Fn(&ClockAlarm) -> bool) -> bool {
    alarms.iter().any(is)
}

#[test]
fn clocks_of_constant_rates_follow_the_master_and_know_their_drift() {
    let mut world = world(1, in_order(), 3);
    world.run(2 * SECOND);
    for index in 0..4 {
        assert_eq!(world.state(index), ClockState::Synced, "within the first questions");
    }
    assert!(world.apart_us <= 5 * MS, "{} µs apart from the start", world.apart_us);
    world.run(30 * MINUTE);
    world.measure();
    world.run(2 * HOUR);
    assert!(world.apart_us <= 3 * MS, "{} µs", world.apart_us);
    for (index, machine) in in_order().into_iter().enumerate() {
        let report = world.report(index);
        assert_eq!((report.state, report.alarms.len(), world.nodes[index].stepped), (ClockState::Synced, 0, 0), "{report:#?}");
        assert!((report.ppm + machine.ppm as f64).abs() < 2.0, "a{index} corrects {} ppm of {}", report.ppm, machine.ppm);
        assert!(report.offset_us.unwrap().abs() < 2 * MS && report.bound_us < 900 * MS, "{report:#?}");
        assert!((report.machine_us - machine.offset).abs() < 3 * MS, "its own clock is told of: {report:#?}");
        assert_eq!(report.sources[index].standing, Standing::Own);
    }
    // Twelve ways between four, 9000 seconds: calm sources are asked every 16 s.
    assert!(world.answers < 12 * 9_000 / 12, "{} answers", world.answers);
}

#[test]
fn rates_that_swing_are_followed() {
    let mut machines = in_order();
    for (machine, minutes) in machines.iter_mut().zip([7, 11, 30, 60]) {
        (machine.ppm, machine.swing_ppm, machine.period) = (10, 25.0, minutes * MINUTE);
    }
    let mut world = world(2, machines, 3);
    world.run(10 * MINUTE);
    world.measure();
    world.run(4 * HOUR);
    // Without correction 25 ppm of 30 minutes would be 14 ms.
    assert!(world.apart_us <= 8 * MS, "{} µs", world.apart_us);
    assert!(world.nodes.iter().all(|node| node.states.iter().eq(["synced"].iter())));
}

#[test]
fn readings_that_are_noisy_and_ways_that_are_long_blur_and_break_nothing() {
    let mut machines = in_order();
    machines.iter_mut().for_each(|machine| machine.noise = 15 * MS);
    let mut world = world(3, machines, 3);
    world.ways = Ways { up: (1_000, 200_000), down: (1_000, 200_000), lost_per_mille: 50 };
    world.run(5 * MINUTE);
    world.measure();
    world.run(4 * HOUR);
    assert!(world.lost > 100, "messages were lost: {}", world.lost);
    assert!(world.apart_us <= 120 * MS, "{} µs", world.apart_us);
    let residual = world.report(1).sources[0].residual_us.unwrap();
    assert!(residual > 1_000.0, "the noise was there: {residual} µs");
}

#[test]
fn ways_of_different_lengths_cost_half_of_the_difference_and_the_bound_knows() {
    let mut world = world(4, in_order(), 3);
    world.ways = Ways { up: (60_000, 62_000), down: (1_000, 1_200), lost_per_mille: 0 };
    world.run(HOUR);
    for index in 1..4 {
        let report = world.report(index);
        let delay = report.delay_us.unwrap();
        assert!((61_000..64_000).contains(&delay), "the ways were in force: {delay} µs");
        let apart = world.error_us(index) - world.error_us(0);
        assert!((apart.abs() - 30 * MS).abs() < 3 * MS, "a{index} is {apart} µs from the master");
        assert!(apart.abs() <= delay / 2 + MS, "within half the delay");
    }
}

#[test]
fn half_of_the_messages_may_be_lost() {
    let mut world = world(5, in_order(), 3);
    world.ways.lost_per_mille = 300; // of questions and of answers
    world.run(5 * MINUTE);
    world.measure();
    world.run(2 * HOUR);
    assert!(world.lost > 1_000 && world.answers > 1_000, "{} lost, {} arrived", world.lost, world.answers);
    assert!(world.apart_us <= 8 * MS, "{} µs", world.apart_us);
    assert!(world.nodes[1..].iter().all(|node| node.states.contains("synced") && node.stepped == 0));
}

#[test]
fn a_machine_whose_clock_is_set_changes_nothing_but_is_named() {
    for by in [HOUR, -HOUR] {
        let mut machines = in_order();
        machines[2].steps.push((20 * MINUTE, by));
        let mut world = world(6, machines, 3);
        world.run(20 * MINUTE - SECOND);
        world.measure();
        world.run(HOUR);
        let report = world.report(2);
        assert!((report.machine_us - by - 300 * MS).abs() < 5 * MS, "it was set: {report:#?}");
        assert!(world.apart_us <= 5 * MS && world.nodes[2].stepped == 0, "{} µs", world.apart_us);
        for index in 0..4 {
            assert_eq!(world.state(index), ClockState::Synced);
            assert_eq!(world.report(index).outliers().collect::<Vec<_>>(), ["a2"], "on a{index}");
        }
    }
}

#[test]
fn a_master_whose_clock_is_wrong_is_named_and_not_followed() {
    for by in [10 * MINUTE, -10 * MINUTE] {
        let mut machines = in_order();
        machines[0].steps.push((20 * MINUTE, by));
        let mut world = world(7, machines, 3);
        world.run(20 * MINUTE - SECOND);
        world.measure();
        world.run(5 * HOUR);
        for index in 0..4 {
            let node = &world.nodes[index];
            let off = |off_us: i64| (off_us - by).abs() < SECOND;
            let named =
                |alarm: &ClockAlarm| matches!(alarm, ClockAlarm::MasterOutlier { name, off_us } if name == "a0" && off(*off_us));
            assert!(has(&node.alarms, named), "a{index}: {:?}", node.alarms);
            assert_eq!((world.state(index), node.stepped), (ClockState::Holdover, 0));
            assert!(node.worst_us < 600 * MS, "a{index} was off by {} µs", node.worst_us);
        }
        assert!(world.apart_us <= 20 * MS, "they stay together: {} µs", world.apart_us);
        // Another takes over.
        world.follow(Some(1));
        world.run(HOUR);
        assert!((0..4).all(|index| world.state(index) == ClockState::Synced));
        assert!((world.error_us(3) + 120 * MS).abs() < 10 * MS, "it is a1 that is followed now: {} µs", world.error_us(3));
    }
}

#[test]
fn a_master_that_creeps_away_is_followed_no_further_than_the_others_agree() {
    let mut world = world(8, in_order(), 3);
    world.nodes[0].lie = Some(Lie::Drifting(200));
    world.run(5 * HOUR);
    let said = world.report(1).sources[0].offset_us.unwrap();
    assert!(said > 2 * SECOND, "5 hours of 200 ppm are 3.6 s: {said} µs");
    for index in 1..4 {
        assert!(world.nodes[index].states.contains("synced"), "it was followed at first");
        assert!(has(&world.nodes[index].alarms, |alarm| matches!(alarm, ClockAlarm::MasterOutlier { .. })));
        assert_eq!(world.state(index), ClockState::Holdover);
        assert!(world.nodes[index].worst_us <= 900 * MS, "a{index} was dragged along by {} µs", world.nodes[index].worst_us);
    }
}

#[test]
fn as_many_peers_as_can_be_borne_may_lie_in_every_way() {
    let lies =
        [Lie::By(HOUR), Lie::By(-400 * MS), Lie::Drifting(-300), Lie::TwoFaced(700 * MS), Lie::TwoFaced(HOUR), Lie::Anything];
    for (seed, (first, second)) in lies.iter().flat_map(|first| lies.iter().map(move |second| (first, second))).enumerate() {
        let mut chance = Chance(seed as u64);
        let machine = |_| Machine { offset: chance.within(-200 * MS, 200 * MS), ppm: chance.within(-45, 45), ..Machine::default() };
        let mut world = world(seed as u64, (0..7).map(machine).collect(), 5);
        (world.nodes[5].lie, world.nodes[6].lie) = (Some(*first), Some(*second));
        world.run(MINUTE);
        world.measure();
        world.run(20 * MINUTE);
        assert!(world.apart_us <= 8 * MS, "{first:?} {second:?}: {} µs", world.apart_us);
        for index in 0..5 {
            assert_eq!(world.state(index), ClockState::Synced, "{first:?} {second:?}: {:#?}", world.report(index));
        }
        if matches!((first, second), (Lie::By(HOUR), Lie::By(HOUR))) {
            assert_eq!(world.report(0).outliers().collect::<Vec<_>>(), ["a5", "a6"]);
        }
    }
}

#[test]
fn without_a_quorum_time_runs_on_and_the_bound_grows_as_stated() {
    let mut world = world(9, in_order(), 3);
    world.run(HOUR);
    let before = world.report(1);
    world.cut = [1, 2].into();
    world.measure();
    world.run(MINUTE);
    assert!(world.lost > 0);
    for index in 0..4 {
        assert_eq!(world.state(index), ClockState::Holdover, "{:#?}", world.report(index));
        assert!(has(&world.nodes[index].alarms, |alarm| matches!(alarm, ClockAlarm::NoQuorum { needed: 3, heard: 1..=2 })));
    }
    world.run(6 * HOUR);
    let (after, wandered) = (world.report(1), world.error_us(1) - world.error_us(0));
    let grown = after.bound_us - before.bound_us;
    assert!((300 * MS..700 * MS).contains(&grown), "15 ppm of 6 hours are 324 ms, and rounding: {grown} µs");
    assert!(wandered.abs() < 50 * MS, "40 ppm of 6 hours would be 864 ms: {wandered} µs");
    world.cut.clear();
    world.run(5 * MINUTE);
    world.measure();
    world.run(MINUTE);
    assert!((0..4).all(|index| world.state(index) == ClockState::Synced));
    assert!(world.apart_us < 5 * MS, "{} µs", world.apart_us);
}

#[test]
fn a_new_master_is_moved_to_slowly() {
    let mut world = world(10, in_order(), 3);
    world.run(10 * MINUTE);
    assert!(world.error_us(3).abs() < 3 * MS, "a0 has the right time");
    world.follow(Some(2));
    world.measure();
    world.run(5 * MINUTE);
    let moved = world.error_us(3);
    assert!((100 * MS..151 * MS).contains(&moved), "500 ppm of 5 minutes are 150 ms: {moved} µs");
    world.run(30 * MINUTE);
    assert!((world.error_us(3) - 300 * MS).abs() < 5 * MS, "a2 is 300 ms ahead, and within what is agreed on");
    // What a machine's drift takes of the limit is not there for moving: 40 ppm of ten minutes are 24 ms.
    assert!(world.apart_us <= 30 * MS, "all moved alike: {} µs", world.apart_us);
    // One that does not answer is nobody's master, and nobody is lost for it.
    world.cut = [2].into();
    world.measure();
    world.run(10 * MINUTE);
    for index in [0, 1, 3] {
        assert_eq!(world.state(index), ClockState::Holdover);
        assert!(has(&world.nodes[index].alarms, |alarm| matches!(alarm, ClockAlarm::MasterSilent { name } if name == "a2")));
    }
    assert!(world.apart_us <= 8 * MS, "{} µs", world.apart_us);
}

#[test]
fn machines_that_disagree_from_the_start_go_by_the_middle_together() {
    let offsets = [0, 60 * SECOND, -60 * SECOND, 20 * MS];
    let machines = || offsets.map(|offset| Machine { offset, ..Machine::default() }).to_vec();
    // Nobody knows the true time here, so a bound of a minute is the right one.
    let mut world = world(11, machines(), 3);
    world.run(2 * SECOND);
    assert!((0..4).all(|index| world.state(index) == ClockState::Unsynced), "they are given time to agree");
    world.run(10 * SECOND);
    world.measure();
    world.run(6 * HOUR);
    for index in 0..4 {
        assert_eq!(world.state(index), ClockState::Holdover);
        let disagrees = |alarm: &ClockAlarm| matches!(alarm, ClockAlarm::Disagreement { spread_us } if *spread_us > 120 * SECOND);
        assert!(has(&world.nodes[index].alarms, disagrees), "{:?}", world.nodes[index].alarms);
    }
    assert!(world.apart_us <= 5 * MS, "{} µs", world.apart_us);
    assert!(world.error_us(0).abs() < SECOND, "in the middle: {} µs", world.error_us(0));
    // Who starts anew joins what the others go by, although no quorum agrees.
    world.restart(1, Machine { offset: 50 * SECOND, ..Machine::default() }, 3);
    world.run(20 * SECOND);
    world.measure();
    world.run(MINUTE);
    assert_eq!(world.state(1), ClockState::Holdover);
    assert!(world.apart_us <= 5 * MS, "{} µs", world.apart_us);
    // The operator has the machines set right: a quorum agrees, and all are within it.
    for index in [1, 2] {
        world.restart(index, Machine::default(), 3);
    }
    world.run(10 * MINUTE);
    world.measure();
    world.run(MINUTE);
    assert!(
        world.apart_us <= 5 * MS
            && (0..4).all(|index| world.state(index) == ClockState::Holdover || world.state(index) == ClockState::Synced)
    );
}

#[test]
fn a_machine_that_slept_catches_up_at_once_and_one_that_is_only_behind_does_not() {
    let mut machines = in_order();
    machines[3].sleeps = Some((10 * MINUTE, HOUR));
    let mut world = world(12, machines, 3);
    world.run(10 * MINUTE);
    assert_eq!(world.nodes[3].stepped, 0);
    let asleep: std::collections::BTreeSet<usize> = [3].into();
    world.cut.clone_from(&asleep);
    world.sleep(3, HOUR);
    world.cut.clear();
    world.run(MINUTE);
    assert_eq!((world.state(3), world.nodes[3].stepped), (ClockState::Synced, 1));
    assert!((world.error_us(3) - world.error_us(0)).abs() < 5 * MS);
}

#[test]
fn authorities_that_change_are_compared_anew_and_time_goes_on() {
    let mut world = world(14, in_order(), 3);
    world.run(10 * MINUTE);
    let stays = |me| Seats { names: ["a0", "a1", "a2", "b"].map(str::to_owned).to_vec(), me: Some(me), quorum: 3 };
    // The last one leaves; one takes its place whom nobody has heard yet.
    world.cut = [3].into();
    world.measure();
    for index in 0..3 {
        let node = &mut world.nodes[index];
        node.sync.reseat(&stays(index), Duration::from_secs(3) + Duration::from_mins(10));
    }
    world.follow(Some(1));
    for index in 0..3 {
        let report = world.report(index);
        let names: Vec<_> = report.sources.iter().map(|source| source.name.as_str()).collect();
        assert_eq!(
            (report.state, names),
            (ClockState::Synced, vec!["a0", "a1", "a2", "b"]),
            "what is known of those who stay is kept"
        );
        assert_eq!(report.sources[3].standing, Standing::Unknown);
        assert_eq!(report.master.as_deref(), Some("a1"));
    }
    world.run(MINUTE);
    assert_eq!(world.report(0).sources[3].standing, Standing::Silent);
    assert!((0..3).all(|index| world.state(index) == ClockState::Synced && world.nodes[index].stepped == 0));
    // Who is no authority any more follows the others' corrected times, and its own machine has no say.
    let leaves = Seats { me: None, ..stays(0) };
    world.nodes[3].sync.reseat(&leaves, Duration::from_mins(11) + Duration::from_secs(3));
    world.cut.clear();
    world.run(10 * MINUTE); // all are on their way to the new master meanwhile
    let report = world.report(3);
    assert_eq!(report.state, ClockState::Synced, "{report:#?}");
    assert!(report.sources.iter().all(|source| source.standing != Standing::Own));
    assert!((world.error_us(3) - world.error_us(0)).abs() < 5 * MS);
}

#[test]
fn the_operator_steps_clocks_that_are_far_off() {
    // A network that began by clocks that were wrong, and are set right by and by.
    let mut machines: Vec<Machine> = [30 * SECOND; 4].map(|offset| Machine { offset, ..Machine::default() }).to_vec();
    machines.iter_mut().for_each(|machine| machine.ppm = 5);
    let mut world = World::new(13, machines, 3, ClockConfig { machine_error_ms: 10_000, ..ClockConfig::default() });
    world.nodes.iter_mut().for_each(|node| node.lie = Some(Lie::By(0))); // their bounds cannot hold
    world.run(MINUTE);
    for node in &mut world.nodes {
        node.machine.offset = 0;
    }
    world.run(2 * MINUTE);
    for index in 0..4 {
        assert_eq!(world.state(index), ClockState::Faulty, "{:#?}", world.report(index));
        assert!(has(world.nodes[index].sync.alarms(), |alarm| matches!(alarm, ClockAlarm::FarOff { ahead_us: 29_000_000.. })));
    }
    let before = world.error_us(0);
    assert!((29 * SECOND..31 * SECOND).contains(&before), "back it is moved slowly: {before} µs");
    let moved: Vec<i64> = (0..4).map(|index| world.step(index).expect("a quorum agrees")).collect();
    assert!(moved.iter().all(|moved| (-31 * SECOND..-29 * SECOND).contains(moved)), "{moved:?}");
    assert_eq!(world.error_us(0), before, "what was shown is not taken back");
    world.run(MINUTE);
    assert!((0..4).all(|index| world.state(index) == ClockState::Synced && world.error_us(index).abs() < 100 * MS));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Any machines in order, any ways, as many liars as can be borne, any master, quorums lost and found: the rules hold.
    #[test]
    fn the_bound_holds_whatever_happens(
        seed: u64,
        n in 4usize..9,
        offsets in proptest::collection::vec(-499i64..=499, 8),
        rates in proptest::collection::vec(-49i64..=49, 8),
        lies in proptest::collection::vec((0usize..8, -4_000i64..4_000, 0u8..4), 0..4),
        (up, down, lost) in (1i64..300, 1i64..300, 0i64..400),
        acts in proptest::collection::vec((0u8..4, 0usize..8), 0..8),
    ) {
        let f = (n - 1) / 3;
        let quorum = (n + f) / 2 + 1;
        let machines = (0..n).map(|index| Machine { offset: offsets[index] * MS, ppm: rates[index], ..Machine::default() }).collect();
        let mut world = World::new(seed, machines, quorum, ClockConfig::default());
        world.ways = Ways { up: (MS, up * MS), down: (MS, down * MS), lost_per_mille: lost };
        for (at, by, kind) in lies.into_iter().take(n - quorum) {
            world.nodes[at % n].lie = Some(match kind {
                0 => Lie::By(by * MS),
                1 => Lie::Drifting(by),
                2 => Lie::TwoFaced(by * MS),
                _ => Lie::Anything,
            });
        }
        for (act, at) in acts {
            match act {
                0 => world.follow(Some(at % n)),
                1 => world.follow(None),
                2 => world.cut = (0..=at % n).collect(),
                _ => world.cut.clear(),
            }
            world.run(7 * MINUTE);
        }
        world.cut.clear();
        world.ways = CALM;
        world.run(20 * MINUTE);
        for index in world.honest() {
            prop_assert!(world.state(index).is_usable());
        }
    }
}
