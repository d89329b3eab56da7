//! `voting trustee`: what those do who make the key of a sealed election together, and decrypt its sums.
//!
//! A trustee keeps one file, its key. Everything it draws in a ceremony comes from that key and the ceremony, and the ceremony
//! stands on the ledger: with the file alone a trustee can go on after a break, and decrypt months later.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use clap::Subcommand;
use serde::Serialize;
use serde_json::json;
use voting_cluster::deploy::{generate_key, read_key, write_key};
use voting_core::crypto::{HashRng, SigningKey};
use voting_core::election::{ElectionDefinition, Phase, Trustees};
use voting_core::entry::{Entry, TrusteeAct, TrusteeStep};
use voting_core::epoch::Genesis;
use voting_core::sealed::ceremony::{Ceremony, CeremonyPhase, CeremonyRecord, Dealer};
use voting_core::sealed::{PartialDecryption, ShareOfKey};
use voting_core::verify::Options;
use voting_core::{Canonical as _, ChainId, ElectionId, PartitionId};

use super::elections::resolve;
use super::keys::failed;
use super::{Context, export, verify};
use crate::api::CeremonyAnswer;
use crate::client::{Auth, Client};
use crate::exit::{CliError, Exit, Result};
use crate::keys::random_seed;
use crate::output::{fields, table};
use crate::pinned;
use crate::signals::told_to_stop;
use crate::state;

/// How often it is looked whether the others have done their part.
const LOOK: Duration = Duration::from_secs(1);

/// Be a trustee of a sealed election: make its key with the others, and decrypt the sums.
///
/// Nobody, not the others and not the servers, ever learns a trustee's part of the key. No account is needed: what a trustee
/// does is signed with the key that the election names.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Keygen(KeygenArgs),
    Ceremony(CeremonyArgs),
    Check(CheckArgs),
    Decrypt(DecryptArgs),
    Status(StatusArgs),
}

/// Make a trustee's key, and tell the public half that the election is to name.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting trustee keygen trustee.key
  cp trustee.key /media/usb/ && voting keys show /media/usb/trustee.key      a backup, loaded again")]
struct KeygenArgs {
    /// The new file; one that exists is never overwritten
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Take part in the key ceremony, step by step, until the election has its key.
///
/// Before anything is said the election is shown, and who the other trustees are: compare their fingerprints with what they tell
/// you by other means. The command waits for the others; it can be stopped and run again at any time.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting trustee ceremony 3f9a2c5e81d04b6f9c7a1e2d3b4c5d6e --key trustee.key
  voting trustee ceremony 3f9a2c5e81d04b6f9c7a1e2d3b4c5d6e --key trustee.key --yes --once")]
struct CeremonyArgs {
    #[command(flatten)]
    who: Who,
    /// Do not ask before taking part
    #[arg(long, short)]
    yes: bool,
    /// Say what can be said now, and do not wait for the others
    #[arg(long)]
    once: bool,
}

/// Prove that a key file is the right one, and would decrypt.
///
/// Load the backup, not the file at hand. The part of the key is computed anew from the file and the ceremony, and compared
/// with what everyone knows of it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting trustee check 3f9a2c5e81d04b6f9c7a1e2d3b4c5d6e --key /media/usb/trustee.key")]
struct CheckArgs {
    #[command(flatten)]
    who: Who,
}

/// Decrypt this trustee's part of the sums of a closed election, and of nothing else.
///
/// The election's bundle is fetched and verified whole, and the sums are added up here from the ballots: what a server says they
/// are does not matter.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting trustee decrypt Shed --key trustee.key
  voting trustee decrypt Shed --key trustee.key --bundle shed.bundle --yes      a bundle fetched before")]
struct DecryptArgs {
    #[command(flatten)]
    who: Who,
    /// Verify this bundle instead of fetching one
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Do not ask before the part is published
    #[arg(long, short)]
    yes: bool,
}

/// Show where an election's ceremony stands.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting trustee status 3f9a2c5e81d04b6f9c7a1e2d3b4c5d6e")]
struct StatusArgs {
    /// The election: its id; once it is announced, also the beginning of its id, or its title
    election: String,
}

/// Which trustee of which election.
#[derive(Debug, clap::Args)]
struct Who {
    /// The election: its id; once it is announced, also the beginning of its id, or its title
    election: String,
    /// The trustee's key, as `voting trustee keygen` writes it
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

/// A trustee with its key, and the gateway that it speaks to.
struct Seat {
    key: SigningKey,
    client: Client,
    genesis: Genesis,
    id: ElectionId,
}

/// A ceremony that belongs to the pinned network, replayed here.
struct Attended {
    chain: ChainId,
    definition: ElectionDefinition,
    ceremony: Ceremony,
}

/// A trustee, told.
#[derive(Debug, Serialize)]
struct Trustee {
    number: u16,
    name: String,
    fingerprint: String,
    /// Whether it takes part.
    active: bool,
    /// Whether the ceremony waits for it.
    awaited: bool,
}

/// A ceremony, told.
#[derive(Debug, Serialize)]
struct Told {
    election: ElectionId,
    title: String,
    phase: CeremonyPhase,
    threshold: u16,
    trustees: Vec<Trustee>,
    /// Hash of everything said: the same for every trustee who saw the same ceremony.
    #[serde(skip_serializing_if = "Option::is_none")]
    transcript: Option<String>,
    /// The key that ballots are sealed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    match args.command {
        Command::Keygen(args) => keygen(&args.file, context),
        Command::Ceremony(args) => {
            tokio::select! {
                () = told_to_stop() => Err(stopped()),
                done = attend(&args, context) => done,
            }
        }
        Command::Check(args) => check(&args.who, context).await,
        Command::Decrypt(args) => decrypt(&args, context).await,
        Command::Status(args) => {
            let client = context.client()?;
            let genesis = pinned::ensure(&client, &context.out).await?;
            let id = resolve(&client, &args.election).await?;
            let told = tell(&Attended::fetch(&client, &genesis, id).await?);
            context.out.answer(&told, || describe(&told))
        }
    }
}

fn keygen(file: &Path, context: &Context) -> Result<()> {
    let key = generate_key().map_err(failed)?;
    write_key(file, &key).map_err(failed)?;
    let public = key.public();
    let answer = json!({ "file": file, "public_key": public, "fingerprint": public.fingerprint() });
    context.out.answer(&answer, || {
        let rows =
            [("file", file.display().to_string()), ("public key", public.to_string()), ("fingerprint", public.fingerprint())];
        format!(
            "{}Give the public key to whoever sets up the election, and the fingerprint to the other trustees.\n\
             Copy the file to a safe place now, and load the copy again: voting keys show COPY\n\
             Without it your part of the election's key is lost; with it anyone is you.\n",
            fields(&rows)
        )
    })
}

/// Takes part until there is nothing left to do.
async fn attend(args: &CeremonyArgs, context: &Context) -> Result<()> {
    let seat = args.who.seat(context).await?;
    let out = &context.out;
    let mut attended = seat.attend().await?;
    let first = attended.dealer(&seat.key)?;
    if attended.ceremony.phase() != CeremonyPhase::Done && !args.yes && out.can_ask() {
        out.note(describe(&tell(&attended)));
        let question = format!("Take part as trustee {} of `{}`?", first.index(), attended.definition.title);
        if !out.confirm(&question) {
            return Err(CliError::usage("nothing was said", "run the command again when you have compared the fingerprints"));
        }
    }
    let mut waited_in = None;
    loop {
        let dealer = attended.dealer(&seat.key)?;
        let phase = attended.ceremony.phase();
        let step = dealer.next_step(&attended.ceremony).map_err(|error| cannot_go_on(&error))?;
        match step {
            Some(message) => {
                let step = TrusteeStep::Ceremony(Box::new(message));
                seat.post(attended.chain, step).await?;
                out.note(format!("step `{phase}` is done"));
            }
            None if phase == CeremonyPhase::Done => break,
            None if args.once => break,
            None => {
                if waited_in.replace(phase) != Some(phase) {
                    let missing: Vec<_> = attended.ceremony.missing().iter().map(u16::to_string).collect();
                    out.note(format!("step `{phase}`: waiting for trustees {}", missing.join(", ")));
                }
                tokio::time::sleep(LOOK).await;
            }
        }
        attended = seat.attend().await?;
    }
    if attended.ceremony.phase() == CeremonyPhase::Done {
        attended.share(&seat.key)?;
    }
    let told = tell(&attended);
    out.answer(&told, || describe(&told))
}

async fn check(who: &Who, context: &Context) -> Result<()> {
    let seat = who.seat(context).await?;
    let attended = seat.attend().await?;
    let share = attended.share(&seat.key)?;
    let answer = json!({ "election": seat.id, "trustee": share.index(), "opens": true });
    context.out.answer(&answer, || {
        format!(
            "This key file gives trustee {}'s part of the key of `{}`; it would decrypt.\n",
            share.index(),
            attended.definition.title
        )
    })
}

async fn decrypt(args: &DecryptArgs, context: &Context) -> Result<()> {
    let seat = args.who.seat(context).await?;
    let (out, id) = (&context.out, seat.id);
    let options = Options { genesis: Some(seat.genesis.digest()), ..Options::default() };
    let (report, election) = match &args.bundle {
        Some(path) => verify::check(path, options, context)?,
        None => {
            let dir = tempfile::tempdir().map_err(|error| state::cannot("write", &std::env::temp_dir(), &error))?;
            let path = dir.path().join("bundle");
            export::download(&seat.client, id, &path, context).await?;
            verify::check(&path, options, context)?
        }
    };
    if let Some(failure) = &report.failure {
        let next = "decrypt nothing; tell the other trustees and whoever runs the election";
        return Err(CliError::verification(format!("the election does not hold: {failure}"), next));
    }
    let other = || CliError::usage("the bundle is of another election", "give the bundle of the election named");
    let (election, summary) = election.filter(|election| election.id() == id).zip(report.summary).ok_or_else(other)?;
    let open = || CliError::usage("this election's ballots are open; there is nothing to decrypt", "name a sealed election");
    let (trustees, sealed) = election.definition().secrecy.trustees().zip(election.sealed()).ok_or_else(open)?;
    let sums = sealed.sums().filter(|_| election.phase() != Phase::Open && election.phase() != Phase::Scheduled);
    let sums = sums.ok_or_else(|| {
        let what = format!("the election is {}: its sums are decrypted when it is closed", election.phase());
        CliError { code: Some("wrong_phase".to_owned()), ..CliError::new(Exit::Refused, what, "run the command again then") }
    })?;
    if sealed.decryption().is_some() {
        out.note("enough trustees have decrypted already; your part is not needed");
        return out.answer(&json!({ "election": id, "needed": false }), || "nothing to do\n".to_owned());
    }
    let dealer = Dealer::of_key(&sealed.ceremony().record().setup, seat.key.clone()).map_err(|error| cannot_go_on(&error))?;
    let share = dealer.finish(sealed.ceremony()).map_err(|error| cannot_go_on(&error))?;
    out.note(format!(
        "the bundle holds; {} ballots are added up here, {} were opened as tests",
        sums.ballots(),
        sealed.challenged()
    ));
    let question = format!("Decrypt the sums of `{}` as trustee {}?", election.definition().title, share.index());
    if !args.yes && out.can_ask() && !out.confirm(&question) {
        return Err(CliError::usage("nothing was decrypted", "run the command again and confirm with y"));
    }
    let part = decrypt_sums(&share, sums, trustees)?;
    seat.post(summary.chain, TrusteeStep::Decrypt(part)).await?;
    let answer = json!({ "election": id, "needed": true, "trustee": share.index(), "ballots": sums.ballots() });
    out.answer(&answer, || format!("Trustee {}'s part of the decryption is recorded.\n", share.index()))
}

fn decrypt_sums(share: &ShareOfKey, sums: &voting_core::sealed::Aggregate, trustees: &Trustees) -> Result<PartialDecryption> {
    let seed = random_seed()?;
    share.decrypt(sums, trustees.min_ballots, &mut HashRng::new(seed.as_slice())).map_err(|error| {
        let next = "sums of so few ballots say too much of each: the election can only be cancelled";
        CliError::new(Exit::Refused, error.to_string(), next)
    })
}

impl Who {
    async fn seat(&self, context: &Context) -> Result<Seat> {
        let key = read_key(&self.key).map_err(failed)?;
        let client = context.client()?;
        let genesis = pinned::ensure(&client, &context.out).await?;
        let id = resolve(&client, &self.election).await?;
        Ok(Seat { key, client, genesis, id })
    }
}

impl Seat {
    async fn attend(&self) -> Result<Attended> {
        Attended::fetch(&self.client, &self.genesis, self.id).await
    }

    async fn post(&self, chain: ChainId, step: TrusteeStep) -> Result<()> {
        let act = TrusteeAct { chain, election: self.id, step, trustee: self.key.public() };
        let body = json!({ "entry": BASE64.encode(Entry::trustee(act, &self.key).to_canonical()) });
        let path = format!("/elections/{}/trustees", self.id);
        self.client.send_json(reqwest::Method::POST, &path, &body, Auth::None).await.map(|_| ())
    }
}

impl Attended {
    /// Fetches a ceremony and replays it; it must be of the pinned network, and of the definition that comes with it.
    async fn fetch(client: &Client, genesis: &Genesis, id: ElectionId) -> Result<Self> {
        let answer: CeremonyAnswer = client.get(&format!("/elections/{id}/ceremony"), Auth::None).await?;
        let lies = |reason: String| {
            let next = "take no part in it; tell the other trustees and whoever runs the election";
            CliError::verification(format!("the server shows a ceremony that does not hold: {reason}"), next)
        };
        let decode = |text: &str| BASE64.decode(text).map_err(|error| lies(error.to_string()));
        let definition =
            ElectionDefinition::from_canonical(&decode(&answer.definition)?).map_err(|error| lies(error.to_string()))?;
        definition.check().map_err(|error| lies(error.to_string()))?;
        let record = CeremonyRecord::from_canonical(&decode(&answer.record)?).map_err(|error| lies(error.to_string()))?;
        let chains = (0..genesis.partitions).map(|partition| genesis.chain_id(PartitionId(partition)));
        let fits = |chain: &ChainId| {
            let setup =
                definition.secrecy.trustees().map(|trustees| trustees.ceremony(definition.context(*chain), record.setup.attempt));
            definition.id == id && setup.as_ref() == Some(&record.setup)
        };
        let chain = chains.into_iter().find(fits);
        let chain = chain.ok_or_else(|| lies("it is of another election, definition or network".to_owned()))?;
        let ceremony = Ceremony::replay(&record).map_err(|(event, error)| lies(format!("event {event} is refused: {error}")))?;
        Ok(Self { chain, definition, ceremony })
    }

    fn dealer(&self, key: &SigningKey) -> Result<Dealer> {
        let setup = self.ceremony.record().setup;
        Dealer::of_key(&setup, key.clone()).map_err(|error| cannot_go_on(&error))
    }

    /// This trustee's part of the key, proved against what everyone knows of it.
    fn share(&self, key: &SigningKey) -> Result<ShareOfKey> {
        let share = self.dealer(key)?.finish(&self.ceremony).map_err(|error| cannot_go_on(&error))?;
        let outcome = self.ceremony.outcome();
        let known = outcome.as_ref().and_then(|outcome| outcome.trustees.iter().find(|known| share.opens(known)));
        match known {
            Some(_) => Ok(share),
            None => Err(CliError::verification(
                "this key file gives another part of the key than the ceremony made",
                "load another copy",
            )),
        }
    }
}

fn tell(attended: &Attended) -> Told {
    let Attended { definition, ceremony, .. } = attended;
    let outcome = ceremony.outcome();
    let missing = ceremony.missing();
    let trustees = definition.secrecy.trustees();
    let named = trustees.map(|trustees| trustees.trustees.as_slice()).unwrap_or_default();
    let trustee = |(number, trustee): (u16, &voting_core::election::Trustee)| Trustee {
        number,
        name: trustee.name.clone(),
        fingerprint: trustee.key.fingerprint(),
        active: ceremony.active().contains(&number),
        awaited: missing.contains(&number),
    };
    Told {
        election: definition.id,
        title: definition.title.clone(),
        phase: ceremony.phase(),
        threshold: trustees.map_or(0, |trustees| trustees.threshold),
        trustees: (1..).zip(named).map(trustee).collect(),
        transcript: outcome.as_ref().map(|outcome| outcome.transcript.to_string()),
        key: outcome.as_ref().map(|outcome| outcome.key.to_string()),
    }
}

fn describe(told: &Told) -> String {
    let rows = told.trustees.iter().map(|trustee| {
        let state = match (trustee.active, trustee.awaited) {
            (false, _) => "left out",
            (true, true) => "awaited",
            (true, false) => "done",
        };
        [trustee.number.to_string(), trustee.name.clone(), trustee.fingerprint.clone(), state.to_owned()]
    });
    let mut lines = vec![
        ("election", format!("{} ({})", told.title, told.election)),
        ("decrypt", format!("{} of {} trustees together", told.threshold, told.trustees.len())),
        ("step", told.phase.to_string()),
    ];
    let short = |hex: &String| hex.chars().take(32).collect::<String>();
    if let (Some(transcript), Some(key)) = (&told.transcript, &told.key) {
        lines.push(("transcript", format!("{}… (compare it with the other trustees)", short(transcript))));
        lines.push(("key", key.clone()));
    }
    format!("{}{}", fields(&lines), table(["No", "Trustee", "Fingerprint", "This step"], rows))
}

fn cannot_go_on(error: &voting_core::sealed::ceremony::DealerError) -> CliError {
    let next = "see who takes part with `voting trustee status`; give the key file that the election names";
    CliError::failure(format!("this trustee cannot go on: {error}"), next)
}

fn stopped() -> CliError {
    CliError::new(Exit::Unknown, "stopped before the ceremony was over", "run the same command again: it goes on where it stopped")
}
