//! `voting cluster`: found a network of processes, and see how it is.

use std::path::{Path, PathBuf};

use serde::Serialize;
use voting_cluster::clock::{ClockState, SystemClock};
use voting_cluster::deploy::{
    ClusterSettings, Listed, Messages, Newcomer, Overrides, Plan, PlanError, RedisSettings, coordinator_of, handovers_of,
    heartbeats_of,
};
use voting_cluster::membership::Heartbeat;
use voting_cluster::redis::{RedisBackends, Topology};
use voting_core::Canonical as _;
use voting_core::epoch::change::Epochs;
use voting_core::epoch::{Epoch, Genesis, LeaderPolicy, QuorumRule};
use voting_core::ids::PartitionId;
use voting_core::seams::{Clock as _, Store};

use super::Context;
use super::node::config_wrong;
use crate::exit::{CliError, Exit, Result};
use crate::output::{fields, table};

/// Found a network of processes, and see how it is
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Init(Init),
    Status(Status),
    Clock(super::clock::Args),
    Join(Join),
    Change(super::change::Args),
}

/// Write keys, configurations and services for a new network
///
/// Everything is written into one folder: the genesis that names the authorities, a secret key and a configuration
/// for each of them, for the gateways, and a systemd service each. Every machine gets its own key only.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting cluster init ./network --redis redis://10.0.0.1:6379 --redis redis://10.0.0.2:6379
  voting cluster init ./network --authorities 7 --gateways 3 --network \"City of Example 2026\"
  voting cluster init ./demo --demo            with demo accounts and elections, for trying out")]
struct Init {
    /// A new or empty folder
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Name of the network, as voters see it
    #[arg(long, default_value = "Election network", value_name = "NAME")]
    network: String,
    /// Number of authorities
    #[arg(long, default_value_t = 4, value_name = "N")]
    authorities: usize,
    /// Number of gateways
    #[arg(long, default_value_t = 2, value_name = "N")]
    gateways: usize,
    /// How many authorities make a quorum: byzantine, majority, or a number
    #[arg(long, default_value = "byzantine", value_name = "RULE")]
    quorum: QuorumRule,
    /// Who leads consensus: round-robin, round-robin:VIEWS, fixed, or elected (whoever holds the coordinator's lease in
    /// Redis)
    #[arg(long, default_value = "round-robin", value_name = "POLICY")]
    leader: LeaderPolicy,
    /// A Redis server; give several of a cluster, each with its own --redis
    #[arg(long = "redis", default_value = "redis://127.0.0.1:6379", value_name = "URL")]
    redis: Vec<String>,
    /// Stands before every key in Redis, so that several networks can share it
    #[arg(long, default_value = "voting", value_name = "WORD")]
    namespace: String,
    /// Port of the first gateway; the others take the next ones
    #[arg(long, default_value_t = 8000, value_name = "PORT")]
    port: u16,
    /// How messages travel: over direct links, or through Redis
    #[arg(long, value_enum, default_value_t = MessageWay::Direct, value_name = "WAY")]
    messages: MessageWay,
    /// Port on which the first authority accepts direct links; the others take the next ones
    #[arg(long, default_value_t = 7100, value_name = "PORT")]
    link_port: u16,
    /// Set up demo accounts with well-known passwords; never for a real election
    #[arg(long)]
    demo: bool,
}

/// How messages between nodes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum MessageWay {
    /// TCP with TLS between the nodes: finality needs no Redis.
    Direct,
    /// Publish and subscribe.
    Redis,
}

/// Show authorities, coordinator, and the shards of Redis
///
/// What it shows comes from Redis: heartbeats that the authorities signed, and what the servers say about
/// themselves.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting cluster status --config ./network/gateway-0.toml
  voting cluster status --config authority-0.toml --output json | jq '.authorities[].height'")]
struct Status {
    #[command(flatten)]
    network: OfNetwork,
}

/// Which network to look at.
#[derive(Debug, clap::Args)]
pub(super) struct OfNetwork {
    /// The configuration of any authority or gateway of the network
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Set one setting, over file and environment; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    match args.command {
        Command::Init(init) => found(init, context),
        Command::Status(status) => show(status, context).await,
        Command::Clock(clock) => super::clock::run(clock, context).await,
        Command::Join(join) => prepare(join, context),
        Command::Change(change) => super::change::run(change, context).await,
    }
}

/// Write key and configuration of an authority that is to join
///
/// It takes its settings from an authority of the network. It follows the network as soon as it runs, and votes once a change
/// has made it an authority (`voting cluster change new --add`).
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting cluster join authority-4 --like ./network/authority-0.toml --listen 10.0.0.5:7100")]
struct Join {
    /// Its name, new in the network
    #[arg(value_name = "NAME")]
    name: String,
    /// The configuration of an authority of the network; everything is written beside it
    #[arg(long, value_name = "FILE")]
    like: PathBuf,
    /// Where it accepts direct links, in a network that has them
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<std::net::SocketAddr>,
}

/// A newcomer, for programs.
#[derive(Debug, Serialize)]
struct Prepared {
    name: String,
    config: PathBuf,
    public_key: String,
    fingerprint: String,
}

fn prepare(join: Join, context: &Context) -> Result<()> {
    let linked = join.listen.map(|address| {
        format!(
            "\nEverybody else with direct links needs to know it, and to be started again:\n  \
        [links.addresses] {0} = \"{address}\"   [links.joined] {0} = \"its public key\"\n",
            join.name
        )
    });
    let newcomer = Newcomer { name: join.name, like: join.like, listen: join.listen };
    let joining = newcomer.write().map_err(|error| {
        let next = match &error {
            PlanError::NoListen => return CliError::usage(error, "give --listen ADDRESS"),
            PlanError::File { source, .. } if source.kind() == std::io::ErrorKind::AlreadyExists => "choose another name",
            _ => "check the file and its folder",
        };
        CliError::failure(error, next)
    })?;
    let prepared = Prepared {
        name: newcomer.name,
        config: joining.config,
        public_key: joining.key.to_string(),
        fingerprint: joining.key.fingerprint(),
    };
    context.out.answer(&prepared, || {
        let Prepared { name, config, public_key, fingerprint } = &prepared;
        let rows =
            [("written", config.display().to_string()), ("public key", public_key.clone()), ("fingerprint", fingerprint.clone())];
        let config = config.display();
        format!(
            "{}\nStart it: voting node --config {config}\nThen change the authorities: \
             voting cluster change new change.json --add {name}={public_key}\n{}",
            fields(&rows),
            linked.unwrap_or_default()
        )
    })
}

/// What was written, for programs.
#[derive(Debug, Serialize)]
struct Founded {
    dir: PathBuf,
    genesis: String,
    authorities: usize,
    quorum: u16,
    nodes: Vec<PathBuf>,
    gateways: Vec<PathBuf>,
}

fn found(init: Init, context: &Context) -> Result<()> {
    let redis = RedisSettings { servers: init.redis, namespace: init.namespace, ..RedisSettings::default() };
    let plan = Plan {
        network: init.network,
        authorities: init.authorities,
        gateways: init.gateways,
        quorum: init.quorum,
        leader: init.leader,
        redis,
        port: init.port,
        messages: match init.messages {
            MessageWay::Direct => Messages::Direct { port: init.link_port },
            MessageWay::Redis => Messages::Redis,
        },
        demo: init.demo,
    };
    let written = plan.write(&init.dir, &SystemClock::new()).map_err(|error| {
        let next = match &error {
            PlanError::NotEmpty(_) => "choose another folder",
            PlanError::File { .. } | PlanError::Key(_) => "check the folder and its permissions",
            _ => return CliError::usage(error, "see `voting cluster init --help`"),
        };
        CliError::failure(error, next)
    })?;
    let epoch = &written.genesis.epoch;
    let founded = Founded {
        dir: init.dir.clone(),
        genesis: written.genesis.digest().to_string(),
        authorities: epoch.len(),
        quorum: epoch.quorum,
        nodes: written.nodes,
        gateways: written.gateways,
    };
    context.out.answer(&founded, || next_steps(&init.dir, &founded, epoch))
}

fn next_steps(dir: &Path, founded: &Founded, epoch: &voting_core::epoch::Epoch) -> String {
    let rows = [
        ("written to", dir.display().to_string()),
        ("genesis", founded.genesis.clone()),
        ("leaders", epoch.leader.to_string()),
        (
            "authorities",
            format!(
                "{}, a quorum is {}: safe with {} lying, goes on with {} down",
                founded.authorities,
                founded.quorum,
                epoch.byzantine_safe(),
                epoch.down_tolerated()
            ),
        ),
    ];
    let commands = founded.nodes.iter().map(|path| ("node", path)).chain(founded.gateways.iter().map(|path| ("gateway", path)));
    let commands: String = commands.map(|(command, path)| format!("  voting {command} --config {}\n", path.display())).collect();
    format!("{}\nStart each of these, on its own machine with its own key:\n{commands}", fields(&rows))
}

/// An authority as it is shown.
#[derive(Debug, Serialize)]
struct AuthorityRow {
    name: String,
    /// `alive`, `silent`, or `absent` if Redis knows nothing of it.
    health: &'static str,
    coordinates: bool,
    height: Option<u64>,
    /// Blocks behind the highest.
    lag: Option<u64>,
    view: Option<u64>,
    leader: Option<String>,
    /// Age of the heartbeat by this machine's clock, in milliseconds: the way, the interval, and the clocks' difference.
    heartbeat_age_ms: Option<i64>,
    /// Its machine's clock against what the authorities agree on, in milliseconds; positive when ahead.
    clock_ahead_ms: Option<i32>,
    /// `unsynced`, `synced`, `holdover` or `faulty`.
    clock: Option<ClockState>,
    load: Option<voting_cluster::membership::Load>,
}

#[derive(Debug, Serialize)]
struct Shown {
    network: String,
    /// How often the authorities have changed.
    epoch: u32,
    quorum: u16,
    alive: usize,
    authorities: Vec<AuthorityRow>,
    redis: Topology,
    slots_served: u32,
}

/// What the authorities say of themselves, with their signatures checked.
pub(super) struct Heard {
    pub(super) genesis: Genesis,
    /// The authorities in office.
    pub(super) epoch: Epoch,
    pub(super) heartbeats: Vec<Listed>,
    redis: RedisBackends,
}

/// The one partition that processes work on.
const PARTITION: PartitionId = PartitionId(0);

fn away(error: &dyn std::fmt::Display) -> CliError {
    CliError::new(Exit::Unreachable, error, "start Redis, or mend redis.servers")
}

/// Reads in Redis what the authorities say.
pub(super) async fn hear(OfNetwork { config, set }: &OfNetwork) -> Result<Heard> {
    let overrides = Overrides::parse(set).map_err(config_wrong)?;
    let settings = ClusterSettings::load(config, &overrides).map_err(config_wrong)?;
    let genesis = settings.read_genesis().map_err(config_wrong)?;
    let redis = RedisBackends::connect(settings.redis.to_config().map_err(config_wrong)?).await.map_err(|error| away(&error))?;
    let store = redis.store();
    let handovers = handovers_of(&store as &dyn Store, PARTITION).await.map_err(|error| away(&error))?;
    let epochs = Epochs::proved(&genesis, PARTITION, &handovers).map_err(|error| {
        CliError::verification(
            format!("Redis does not prove who the authorities are: {error}"),
            "compare the genesis with the network's; if it is the right one, somebody has written to this Redis",
        )
    })?;
    let epoch = Epoch::clone(epochs.last());
    let heartbeats = heartbeats_of(&store as &dyn Store, epochs.chain(), PARTITION, &epoch).await.map_err(|error| away(&error))?;
    Ok(Heard { genesis, epoch, heartbeats, redis })
}

/// Heartbeats are written every second; older than this they are a sign.
const SILENT_AFTER_MS: i64 = 3_000;

async fn show(args: Status, context: &Context) -> Result<()> {
    let Heard { genesis, epoch, heartbeats, redis } = hear(&args.network).await?;
    let coordinator = coordinator_of(&redis.store() as &dyn Store, PARTITION).await.map_err(|error| away(&error))?;
    let topology = redis.redis().topology().await.map_err(|error| away(&error))?;

    let now = SystemClock::new().now();
    let highest = heartbeats.iter().filter_map(|listed| listed.heartbeat.as_ref()).map(|heartbeat| heartbeat.height.0).max();
    let name_of = |index: voting_core::ids::AuthorityIndex| epoch.name_of(index).map(str::to_owned);
    let authorities: Vec<AuthorityRow> = heartbeats
        .into_iter()
        .zip(0u16..)
        .map(|(listed, index)| {
            let heartbeat = listed.heartbeat;
            let age = heartbeat.as_ref().map(|heartbeat| now.as_millis() as i64 - heartbeat.at.as_millis() as i64);
            let height = heartbeat.as_ref().map(|heartbeat| heartbeat.height.0);
            AuthorityRow {
                name: listed.name,
                health: match age {
                    None => "absent",
                    Some(age) if age > SILENT_AFTER_MS => "silent",
                    Some(_) => "alive",
                },
                coordinates: coordinator.is_some_and(|coordinator| coordinator.0 == index),
                height,
                lag: height.and_then(|height| highest.map(|highest| highest - height)),
                view: heartbeat.as_ref().map(|heartbeat| heartbeat.view.0),
                leader: heartbeat.as_ref().and_then(|heartbeat| name_of(heartbeat.leader)),
                heartbeat_age_ms: age,
                clock_ahead_ms: heartbeat.as_ref().and_then(Heartbeat::clock_ahead_ms),
                clock: heartbeat.as_ref().map(|heartbeat| heartbeat.clock.state),
                load: heartbeat.map(|heartbeat| heartbeat.load),
            }
        })
        .collect();
    let shown = Shown {
        network: genesis.network.clone(),
        epoch: epoch.number,
        quorum: epoch.quorum,
        alive: authorities.iter().filter(|row| row.health == "alive").count(),
        authorities,
        slots_served: topology.slots_served(),
        redis: topology,
    };
    context.out.answer(&shown, || for_people(&shown))?;
    if shown.alive < usize::from(shown.quorum) {
        return Err(CliError::new(
            Exit::Unreachable,
            format!("{} authorities are alive, a quorum is {}", shown.alive, shown.quorum),
            "start the others; nothing becomes final until then",
        ));
    }
    Ok(())
}

/// State of its clock, and how wrong its machine's is.
fn clock_of(row: &AuthorityRow) -> String {
    match (row.clock, row.clock_ahead_ms) {
        (Some(state), Some(ahead)) => format!("{state}, {ahead:+} ms"),
        (Some(state), None) => state.to_string(),
        (None, _) => "–".to_owned(),
    }
}

fn for_people(shown: &Shown) -> String {
    let text = |value: Option<u64>| value.map_or_else(|| "–".to_owned(), |value| value.to_string());
    let rows = shown.authorities.iter().map(|row| {
        let load = row.load.unwrap_or_default();
        let measured = |text: String| if row.load.is_some() { text } else { "–".to_owned() };
        [
            if row.coordinates { format!("{} *", row.name) } else { row.name.clone() },
            row.health.to_owned(),
            text(row.height),
            text(row.lag),
            text(row.view),
            row.leader.clone().unwrap_or_else(|| "–".to_owned()),
            row.heartbeat_age_ms.map_or_else(|| "–".to_owned(), |age| format!("{age} ms")),
            clock_of(row),
            measured(format!("{:.1} %", f64::from(load.cpu_permille) / 10.0)),
            measured(format!("{} MB", load.memory_bytes / 1_000_000)),
            measured(format!("{:.1} ms", f64::from(load.write_p99_us) / 1_000.0)),
            measured(format!("{} / {}", load.waiting, load.taken)),
        ]
    });
    let heads = [
        "Authority",
        "Health",
        "Height",
        "Lag",
        "View",
        "Leader",
        "Heard",
        "Clock",
        "CPU",
        "Memory",
        "Write p99",
        "Waiting / taken",
    ];
    let authorities = table(heads, rows);
    let shards = shown.redis.shards.iter().flat_map(|shard| {
        let slots: Vec<_> = shard.slots.iter().map(|(first, last)| format!("{first}–{last}")).collect();
        let head = shard.servers.iter().filter(|server| server.role == "master").map(|server| server.offset).max().unwrap_or(0);
        shard.servers.iter().map(move |server| {
            [
                format!("{}:{}", server.host, server.port),
                server.role.clone(),
                server.health.clone(),
                if server.role == "master" { slots.join(", ") } else { String::new() },
                if server.role == "master" { String::new() } else { format!("{} bytes behind", (head - server.offset).max(0)) },
            ]
        })
    });
    let redis = table(["Redis", "Role", "Health", "Slots", "Replication"], shards);
    format!(
        "{}: {} of {} authorities alive, a quorum is {}\n\n{authorities}\n\n  * coordinates\n\n{redis}\n\n{} of 16384 slots are served",
        shown.network,
        shown.alive,
        shown.authorities.len(),
        shown.quorum,
        shown.slots_served
    )
}
