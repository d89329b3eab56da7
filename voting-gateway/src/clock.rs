//! How the clocks are, for people and for programs that watch.

use poem_openapi::{Enum, Object};
use voting_cluster::NetworkView;
use voting_cluster::clock::{ClockReport, ClockState, ClockSummary};
use voting_cluster::membership::{Health, Member};
use voting_core::epoch::Epoch;
use voting_core::ids::AuthorityIndex;

use crate::network::name_of;

/// How far a clock can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "kebab-case")]
pub(crate) enum ClockStateModel {
    /// Nothing has been agreed on yet: it shows its machine's time.
    Unsynced,
    /// It follows the master, within what a quorum agrees on.
    Synced,
    /// There is nobody to follow: it runs on, together with the others as far as they are heard.
    Holdover,
    /// It is outside of what a quorum agrees on, and on its way back.
    Faulty,
}

impl From<ClockState> for ClockStateModel {
    fn from(state: ClockState) -> Self {
        match state {
            ClockState::Unsynced => Self::Unsynced,
            ClockState::Synced => Self::Synced,
            ClockState::Holdover => Self::Holdover,
            ClockState::Faulty => Self::Faulty,
        }
    }
}

/// A clock. Times are microseconds, and positive where something is ahead.
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct ClockModel {
    /// How far it can be relied on.
    pub state: ClockStateModel,
    /// The authority whose clock is followed, as long as the others agree with it.
    pub master: Option<String>,
    /// What is followed against the corrected time; absent where nothing is.
    pub offset_us: Option<i64>,
    /// The true time is within this of the corrected time.
    pub bound_us: i64,
    /// The way to the master and back.
    pub delay_us: Option<i64>,
    /// The correction of the machine's rate, in parts per million.
    pub ppm: f64,
    /// The machine's own time against the corrected time.
    pub machine_us: Option<i64>,
    /// Authorities whose machines' clocks are not where a quorum agrees they should be.
    pub outliers: Vec<String>,
    /// What should be looked after, in words.
    pub alarms: Vec<String>,
}

impl From<&ClockReport> for ClockModel {
    fn from(report: &ClockReport) -> Self {
        Self {
            state: report.state.into(),
            master: report.master.clone(),
            offset_us: report.offset_us,
            bound_us: report.bound_us,
            delay_us: report.delay_us,
            ppm: report.ppm,
            machine_us: report.state.is_usable().then_some(report.machine_us),
            outliers: report.outliers().map(str::to_owned).collect(),
            alarms: report.alarms.iter().map(ToString::to_string).collect(),
        }
    }
}

impl ClockModel {
    /// What an authority says of its clock.
    pub(crate) fn said(summary: &ClockSummary, epoch: &Epoch) -> Self {
        let name = |index: AuthorityIndex| name_of(epoch, index);
        let master = summary.master.and_then(name);
        let outlier = master.as_ref().filter(|_| summary.is_master_outlier());
        Self {
            state: summary.state.into(),
            offset_us: summary.offset_us,
            bound_us: summary.bound_us,
            delay_us: summary.delay_us,
            ppm: f64::from(summary.rate_ppb) / 1_000.0,
            machine_us: summary.machine_us,
            outliers: summary.outliers.iter().filter_map(|index| name(*index)).collect(),
            alarms: outlier.map(|name| format!("{name} is not followed: its clock is wrong")).into_iter().collect(),
            master,
        }
    }
}

/// Whether times can be told.
pub(crate) fn readiness(network: &NetworkView) -> Result<String, String> {
    let report = network.clock();
    let within = format!("{}, within {:.0} ms", report.state, report.bound_us as f64 / 1_000.0);
    let alarms: String = report.alarms.iter().map(|alarm| format!("; {alarm}")).collect();
    if report.state.is_usable() { Ok(within + &alarms) } else { Err(format!("{}{alarms}", report.state)) }
}

/// Sets the gauges of this gateway's clock and of every authority's that is heard of.
pub(crate) fn measure(gateway: &str, network: &NetworkView) {
    let report = network.clock();
    set(gateway, &ClockSummary::from(&report));
    let alive = |member: &Member| member.health == Health::Alive;
    for member in network.members().iter().filter(|member| alive(member)) {
        if let Some(heartbeat) = &member.heartbeat {
            set(&member.name, &heartbeat.clock);
        }
    }
}

fn set(node: &str, clock: &ClockSummary) {
    let seconds = |us: i64| us as f64 / 1_000_000.0;
    let node = || node.to_owned();
    for state in [ClockState::Unsynced, ClockState::Synced, ClockState::Holdover, ClockState::Faulty] {
        metrics::gauge!("clock_state", "node" => node(), "state" => state.name()).set(f64::from(u8::from(clock.state == state)));
    }
    metrics::gauge!("clock_offset_seconds", "node" => node()).set(clock.offset_us.map_or(f64::NAN, seconds));
    metrics::gauge!("clock_bound_seconds", "node" => node()).set(seconds(clock.bound_us));
    metrics::gauge!("clock_machine_offset_seconds", "node" => node()).set(clock.machine_us.map_or(f64::NAN, seconds));
    metrics::gauge!("clock_rate_ppm", "node" => node()).set(f64::from(clock.rate_ppb) / 1_000.0);
    metrics::gauge!("clock_outliers", "node" => node()).set(clock.outliers.len() as f64);
}
