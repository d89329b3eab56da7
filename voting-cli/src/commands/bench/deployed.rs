//! A network as it is deployed: authorities and gateways as processes, on a Redis Cluster of real servers.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use voting_cluster::clock::SystemClock;
use voting_cluster::deploy::{GatewayParts, GatewaySettings, Messages, Overrides, Plan, RedisSettings};
use voting_cluster::local::{Process, RedisServers, free_ports, start_part};
use voting_cluster::redis::{Redis, Usage};
use voting_core::epoch::QuorumRule;

use super::{Args, LIGHT_VOTES, Machine, Part, Site, cast_over_http};
use crate::commands::{Context, dev};
use crate::exit::{CliError, Result};
use crate::output::table;

/// Gateways that votes are cast at.
const GATEWAYS: usize = 2;
/// Processes that are not ready after this long do not start.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// What votes cost in Redis.
#[derive(Debug, Serialize)]
struct RedisCost {
    commands_per_vote: f64,
    bytes_in_per_vote: f64,
    bytes_out_per_vote: f64,
    /// Commands of each kind per vote, scripts' own included; those above one in a hundred votes.
    by_command: Vec<(String, f64)>,
    /// Each master's part of the commands.
    shares: Vec<(String, f64)>,
}

#[derive(Debug, Serialize)]
struct Figures {
    machine: Machine,
    authorities: usize,
    gateways: usize,
    parts: Vec<Part>,
    redis: RedisCost,
}

pub(super) fn failed(error: impl std::fmt::Display) -> CliError {
    CliError::failure(error, "report this, with what RUST_LOG=info shows")
}

/// A network as it is deployed, for as long as this lives.
pub(super) struct Network {
    pub(super) site: Site,
    /// Addresses of the gateways' processes.
    pub(super) gateways: Vec<String>,
    /// The gateways' processes, in the same order.
    pub(super) processes: Vec<Process>,
    authorities: Vec<Process>,
    parts: GatewayParts,
    settings: GatewaySettings,
    _servers: RedisServers,
}

impl Network {
    /// Starts Redis, authorities, and so many gateways, with settings of the bench's own.
    pub(super) async fn start(args: &Args, gateways: usize, set: &[&str], folder: &Path, context: &Context) -> Result<Self> {
        let (servers, config) = dev::redis(&["auto".to_owned()], context).await?;
        let (Some(servers), Some(config)) = (servers, config) else { return Err(failed("there is no Redis")) };
        let dir = folder.join("network");
        let (links, ports) = (free_ports(args.authorities as u16), free_ports(gateways as u16));
        let plan = Plan {
            network: "voting bench".to_owned(),
            authorities: args.authorities,
            gateways: gateways + 1, // the last one is this process's own way in
            quorum: QuorumRule::Byzantine,
            leader: args.leader,
            redis: RedisSettings {
                servers: config.addresses().iter().map(|address| format!("redis://{address}")).collect(),
                ..RedisSettings::default()
            },
            port: ports,
            messages: Messages::Direct { port: links },
            demo: false,
        };
        let written = plan.write(&dir, &SystemClock::new()).map_err(failed)?;
        context.out.note("starting authorities and gateways …");
        let program = std::env::current_exe().map_err(failed)?;
        let authorities = written.nodes.iter().map(|path| start_part(&program, "node", path, &[])).collect();
        let processes = written.gateways.iter().take(gateways).map(|path| start_part(&program, "gateway", path, set)).collect();
        let own = written.gateways.last().ok_or_else(|| failed("no gateway was planned"))?;
        let settings = GatewaySettings::load(own, &Overrides::default()).map_err(failed)?;
        let parts = GatewayParts::start(&settings).await.map_err(failed)?;
        let site = Site {
            replica: Arc::clone(parts.follower.replica()),
            queue: Arc::clone(&parts.queue),
            clock: Arc::clone(&parts.clock) as _,
            officer: parts.officer.clone(),
            registrar: parts.registrar.clone(),
        };
        let gateways: Vec<String> = (0..gateways).map(|n| format!("http://127.0.0.1:{}", usize::from(ports) + n)).collect();
        let mut source = parts.follower.source();
        let answers = tokio::time::timeout(STARTS_WITHIN, source.wait_for(|source| source.answers)).await;
        answers.map_err(|_| failed("the authorities do not start"))?.map_err(failed)?;
        Ok(Self { site, gateways, processes, authorities, parts, settings, _servers: servers })
    }

    /// Ends every process.
    pub(super) async fn stop(mut self) -> Result<()> {
        self.parts.follower.shutdown().await.map_err(failed)?;
        for process in self.processes.iter_mut().chain(&mut self.authorities) {
            process.terminate();
        }
        Ok(())
    }
}

pub(super) async fn run(args: &Args, machine: Machine, folder: &Path, context: &Context) -> Result<()> {
    let set = ["connections_per_address=2000"]; // all requests come from this machine
    let network = Network::start(args, GATEWAYS, &set, folder, context).await?;
    let (site, gateways) = (&network.site, &network.gateways);
    context.out.note(format!("light load: {LIGHT_VOTES} votes, one after the other …"));
    let light = cast_over_http(site, "deployed, light load", gateways, 1, LIGHT_VOTES, 1).await?;
    let votes = args.votes as usize;
    context.out.note(format!("full load: {votes} votes at {GATEWAYS} gateways …"));
    let redis = Redis::connect(network.settings.redis.to_config().map_err(failed)?).await.map_err(failed)?;
    let before = redis.usage().await.map_err(failed)?;
    let full = cast_over_http(site, "deployed, full load", gateways, 2, votes, args.http_in_flight as usize).await?;
    let cost = cost(&before, &redis.usage().await.map_err(failed)?, votes);
    network.stop().await?;
    let figures = Figures { machine, authorities: args.authorities, gateways: GATEWAYS, parts: vec![light, full], redis: cost };
    context.out.answer(&figures, || show(&figures))
}

fn cost(before: &[Usage], after: &[Usage], votes: usize) -> RedisCost {
    let votes = votes.max(1) as f64;
    let earlier = |address: &str| before.iter().find(|usage| usage.address == address);
    let mut by_command = std::collections::BTreeMap::<String, u64>::new();
    let (mut bytes_in, mut bytes_out, mut shares) = (0, 0, Vec::new());
    for usage in after {
        let was = earlier(&usage.address);
        let mut commands = 0;
        for (name, calls) in &usage.commands {
            let calls = calls - was.and_then(|was| was.commands.get(name)).copied().unwrap_or(0);
            *by_command.entry(name.clone()).or_default() += calls;
            commands += calls;
        }
        bytes_in += usage.bytes_in - was.map_or(0, |was| was.bytes_in);
        bytes_out += usage.bytes_out - was.map_or(0, |was| was.bytes_out);
        shares.push((usage.address.clone(), commands as f64));
    }
    let all: u64 = by_command.values().sum();
    let mut by_command: Vec<_> = by_command.into_iter().map(|(name, calls)| (name, calls as f64 / votes)).collect();
    by_command.retain(|(_, calls)| *calls >= 0.01);
    by_command.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (_, share) in &mut shares {
        *share /= (all as f64).max(1.0);
    }
    RedisCost {
        commands_per_vote: all as f64 / votes,
        bytes_in_per_vote: bytes_in as f64 / votes,
        bytes_out_per_vote: bytes_out as f64 / votes,
        by_command,
        shares,
    }
}

fn show(figures: &Figures) -> String {
    let rows = figures.parts.iter().map(|part| {
        [
            part.name.to_owned(),
            part.votes.to_string(),
            part.in_flight.to_string(),
            format!("{:.0}", part.votes_per_second),
            format!("{:.1} ms", part.finality_ms_p50),
            format!("{:.1} ms", part.finality_ms_p99),
            format!("{:.1}", part.votes as f64 / part.blocks.max(1) as f64),
        ]
    });
    let cost = &figures.redis;
    let commands = cost.by_command.iter().map(|(name, calls)| [name.clone(), format!("{calls:.2}")]);
    let shares: Vec<_> = cost.shares.iter().map(|(address, share)| format!("{address} {:.0} %", share * 100.0)).collect();
    format!(
        "{}\n{} authorities, {} gateways and six Redis servers, each a process, on {} cores\n\n{}\n\
         Redis: {:.2} commands, {:.0} bytes in and {:.0} bytes out per vote; spread: {}",
        table(["part", "votes", "in flight", "votes/s", "finality p50", "p99", "votes/block"], rows),
        figures.authorities,
        figures.gateways,
        figures.machine.cores,
        table(["Redis command", "per vote"], commands),
        cost.commands_per_vote,
        cost.bytes_in_per_vote,
        cost.bytes_out_per_vote,
        shares.join(", ")
    )
}
