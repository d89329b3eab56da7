//! `voting cluster clock`: how the authorities' clocks are.

use serde::Serialize;
use voting_cluster::clock::{ClockState, ClockSummary};
use voting_core::epoch::Epoch;
use voting_core::ids::AuthorityIndex;

use super::Context;
use super::cluster::{Heard, OfNetwork, hear};
use crate::exit::{CliError, Exit, Result};
use crate::output::table;

/// Show how the clocks of the authorities are
///
/// Every authority corrects its clock by what a quorum of them agrees on, and says so in its signed heartbeats. A machine
/// whose clock is wrong is named; blocks do not take their times from it. Where fewer than a quorum know the time,
/// the command ends with code 4.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting cluster clock --config ./network/gateway-0.toml
  voting cluster clock --config authority-0.toml --output json | jq '.authorities[] | [.name, .clock.machine_us]'")]
pub(crate) struct Args {
    #[command(flatten)]
    network: OfNetwork,
}

/// The clock of an authority. Times are microseconds, positive where something is ahead.
#[derive(Debug, Serialize)]
struct Clock {
    state: ClockState,
    /// Whose clock it would follow.
    master: Option<String>,
    /// Of what it follows against its corrected time.
    offset_us: Option<i64>,
    /// The true time is within this of its corrected time.
    bound_us: i64,
    /// The way to the master and back.
    delay_us: Option<i64>,
    /// The correction of its machine's rate.
    ppm: f64,
    /// Its machine's clock against its corrected time.
    machine_us: Option<i64>,
    /// Whose clocks are wrong, as it sees it.
    outliers: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    /// Absent if Redis knows nothing of it.
    clock: Option<Clock>,
}

#[derive(Debug, Serialize)]
struct Shown {
    network: String,
    quorum: u16,
    /// Authorities whose clocks follow what a quorum agrees on.
    synced: usize,
    /// Authorities that a quorum finds to have wrong clocks.
    outliers: Vec<String>,
    authorities: Vec<Row>,
}

fn clock(summary: &ClockSummary, epoch: &Epoch) -> Clock {
    let name = |index: AuthorityIndex| epoch.name_of(index).map(str::to_owned);
    Clock {
        state: summary.state,
        master: summary.master.and_then(name),
        offset_us: summary.offset_us,
        bound_us: summary.bound_us,
        delay_us: summary.delay_us,
        ppm: f64::from(summary.rate_ppb) / 1_000.0,
        machine_us: summary.machine_us,
        outliers: summary.outliers.iter().filter_map(|index| name(*index)).collect(),
    }
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let Heard { genesis, epoch, heartbeats, .. } = hear(&args.network).await?;
    let row = |listed: voting_cluster::deploy::Listed| Row {
        name: listed.name,
        clock: listed.heartbeat.map(|heartbeat| clock(&heartbeat.clock, &epoch)),
    };
    let authorities: Vec<Row> = heartbeats.into_iter().map(row).collect();
    let clocks = || authorities.iter().filter_map(|row| row.clock.as_ref());
    let named_by = |name: &str| clocks().filter(|clock| clock.outliers.iter().any(|outlier| outlier == name)).count();
    // One authority may lie about another; a quorum does not.
    let wrong = |name: &&str| named_by(name) >= usize::from(epoch.quorum);
    let names = epoch.authorities.iter().map(|authority| authority.name.as_str());
    let shown = Shown {
        network: genesis.network,
        quorum: epoch.quorum,
        synced: clocks().filter(|clock| clock.state == ClockState::Synced).count(),
        outliers: names.filter(wrong).map(str::to_owned).collect(),
        authorities,
    };
    context.out.answer(&shown, || for_people(&shown))?;
    let usable = shown.authorities.iter().filter_map(|row| row.clock.as_ref()).filter(|clock| clock.state.is_usable()).count();
    if usable < usize::from(shown.quorum) {
        return Err(CliError::new(
            Exit::Unreachable,
            format!("{usable} authorities know the time, a quorum is {}", shown.quorum),
            "start the others, and set the machines' clocks, e.g. timedatectl set-ntp true",
        ));
    }
    Ok(())
}

fn ms(us: i64) -> String {
    format!("{:+.1} ms", us as f64 / 1_000.0)
}

fn for_people(shown: &Shown) -> String {
    let none = || "–".to_owned();
    let rows = shown.authorities.iter().map(|row| {
        let Some(clock) = &row.clock else {
            return [row.name.clone(), "absent".to_owned(), none(), none(), none(), none(), none(), none(), none()];
        };
        [
            row.name.clone(),
            clock.state.to_string(),
            clock.master.clone().unwrap_or_else(none),
            clock.offset_us.map_or_else(none, ms),
            format!("± {:.1} ms", clock.bound_us as f64 / 1_000.0),
            clock.delay_us.map_or_else(none, |us| format!("{:.1} ms", us as f64 / 1_000.0)),
            format!("{:+.2} ppm", clock.ppm),
            clock.machine_us.map_or_else(none, ms),
            if clock.outliers.is_empty() { none() } else { clock.outliers.join(", ") },
        ]
    });
    let heads = ["Authority", "Clock", "Follows", "Offset", "Bound", "Delay", "Rate", "Machine", "Wrong, it says"];
    let wrong = match shown.outliers.as_slice() {
        [] => String::new(),
        names => format!("\n\nThe clocks of these machines are wrong, a quorum says: {}", names.join(", ")),
    };
    format!(
        "{}: {} of {} authorities follow what a quorum agrees on\n\n{}{wrong}",
        shown.network,
        shown.synced,
        shown.authorities.len(),
        table(heads, rows)
    )
}
