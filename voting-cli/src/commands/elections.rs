//! `voting elections`: what there is to vote on, and running it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use serde_json::json;
use voting_core::election::{
    BallotForm, Contest, CountMethodId, Majority, Phase, ResultVisibility, RevoteRule, Thresholds, Timing, Trustee,
};
use voting_core::{ElectionId, Timestamp};

use super::Context;
use super::vote::how;
use crate::api::{
    ContestResult, Election, ElectionListItem, ElectionResult, Kept, NewContest, NewElection, NewOption, NewSealing, OptionResult,
};
use crate::client::{Auth, Client};
use crate::exit::{CliError, Result};
use crate::output::{count, fields, table};
use crate::session::now;
use crate::state;

/// List, show, create and run elections.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the elections you may see
    #[command(after_long_help = "Examples:\n  voting elections list\n  voting elections list --output json | jq -r '.[].id'")]
    List,
    /// Show an election: its questions, options and state
    #[command(after_long_help = "Examples:\n  voting elections show \"Board 2026\"\n  voting elections show 3f9a")]
    Show(Which),
    Create(Box<CreateArgs>),
    /// Announce an election: its text and its roll are fixed from then on (administrators)
    #[command(after_long_help = "Examples:\n  voting elections publish \"Board 2026\"")]
    Publish(Which),
    /// Go on with the key ceremony without the trustees that it waits for (administrators)
    ///
    /// They take no part in the election from then on. Enough trustees must be left to decrypt.
    #[command(after_long_help = "Examples:\n  voting elections leave-out 3f9a")]
    LeaveOut(Which),
    /// Open an election for voting (administrators)
    #[command(after_long_help = "Examples:\n  voting elections open \"Board 2026\"")]
    Open(Which),
    /// Close an election, count it and publish the result (administrators)
    ///
    /// With --hold-result the count is certified, but not shown to everyone yet; closing again without
    /// it publishes the result.
    #[command(
        after_long_help = "Examples:\n  voting elections close \"Board 2026\"\n  voting elections close \"Board 2026\" --hold-result"
    )]
    Close(CloseArgs),
    /// End an election without a result, for a stated reason (administrators)
    #[command(after_long_help = "Examples:\n  voting elections cancel \"Board 2026\" --reason \"A candidate withdrew.\"")]
    Cancel(CancelArgs),
    /// Show the result of an election
    ///
    /// While it runs, results are for those who voted, unless the election makes them public.
    #[command(
        after_long_help = "Examples:\n  voting elections results \"Board 2026\"\n  voting elections results 3f9a --output json"
    )]
    Results(Which),
}

#[derive(Debug, clap::Args)]
struct Which {
    /// Its id, the beginning of its id, or its title
    election: String,
}

#[derive(Debug, clap::Args)]
struct CloseArgs {
    #[command(flatten)]
    which: Which,
    /// Count, but do not publish the result yet
    #[arg(long)]
    hold_result: bool,
}

#[derive(Debug, clap::Args)]
struct CancelArgs {
    #[command(flatten)]
    which: Which,
    /// Why, for everyone to read
    #[arg(long)]
    reason: String,
}

/// Create an election, as a draft (administrators).
///
/// One question can be given with options on the command line; several with --file, a JSON file in the
/// form of POST /elections. Times are like 2026-05-01T08:00:00Z, or from now: now, +90m, +2h, +7d. By
/// default voting opens and closes when an administrator says so and the times are an announcement;
/// with --timing fixed they bind.
///
/// Ballots are sealed, and trustees decrypt their sums: those named with --trustee, or else the office's own. Rankings cannot be
/// sealed. With --open the office can read the ballots.
///
/// Then: `voters import`, `elections publish`, `elections open`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting elections create --title \"Board 2026\" --candidate Ada --candidate Bob --closes +7d
  voting elections create --title \"Which days?\" --method approval --max 3 --candidate Mon --candidate Tue --candidate Wed --open
  voting elections create --title Shed --candidate Yes --candidate No --trustee Ann=KEY --trustee Ben=KEY --trustee Cem=KEY
  voting elections create --file election.json

election.json with two questions:
  {\"title\": \"Assembly\", \"start_date\": \"2026-05-01T08:00:00Z\", \"end_date\": \"2026-05-08T18:00:00Z\",
   \"contests\": [
     {\"title\": \"Chair\",  \"method\": \"plurality\", \"options\": [{\"name\": \"Ada\"}, {\"name\": \"Bob\"}]},
     {\"title\": \"Budget\", \"method\": \"plurality\", \"allow_blank\": true, \"options\": [{\"name\": \"Yes\"}, {\"name\": \"No\"}]}]}")]
struct CreateArgs {
    /// Take everything from a JSON file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["title", "candidate", "description", "question", "method", "seats", "max", "max_score", "majority", "quorum", "no_blank", "opens", "closes", "timing", "revote", "results", "open", "trustees"])]
    file: Option<PathBuf>,
    /// Title
    #[arg(long, required_unless_present = "file")]
    title: Option<String>,
    /// What it is about
    #[arg(long)]
    description: Option<String>,
    /// The question, if it is not the title
    #[arg(long)]
    question: Option<String>,
    /// A candidate or an answer; repeat it, in the order of the ballot
    #[arg(long, value_name = "NAME", required_unless_present = "file")]
    candidate: Vec<String>,
    /// How it is counted
    #[arg(long, value_enum, default_value_t = MethodChoice::Plurality)]
    method: MethodChoice,
    /// How many win
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    seats: u16,
    /// How many a voter may mark, rank or score [default: one with plurality and lists, otherwise all]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    max: Option<u16>,
    /// Highest score, with --method score [default: 5]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=100))]
    max_score: Option<u16>,
    /// What winners need beyond the most votes, with plurality, approval and score
    #[arg(long, value_enum, default_value_t = MajorityChoice::MostVotes)]
    majority: MajorityChoice,
    /// Percentage of the roll that must have voted for anyone to win
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    quorum: u8,
    /// Refuse blank ballots
    #[arg(long)]
    no_blank: bool,
    /// When voting opens
    #[arg(long, value_name = "TIME", default_value = "now", value_parser = parse_time)]
    opens: Timestamp,
    /// When voting closes
    #[arg(long, value_name = "TIME", default_value = "+7d", value_parser = parse_time)]
    closes: Timestamp,
    /// Whether those times bind
    #[arg(long, value_enum, default_value_t = TimingChoice::Officer)]
    timing: TimingChoice,
    /// Which of a voter's ballots counts
    #[arg(long, value_enum, default_value_t = RevoteChoice::FirstCounts)]
    revote: RevoteChoice,
    /// Who may see results before they are published
    #[arg(long, value_enum, default_value_t = ResultsChoice::Voters)]
    results: ResultsChoice,
    /// Do not seal the ballots: the office can read how each voter voted, and everyone how each pseudonym did
    #[arg(long, conflicts_with = "trustees")]
    open: bool,
    #[command(flatten)]
    sealing: SealingArgs,
}

/// Who decrypts sealed ballots.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SealingArgs {
    /// Seal the ballots: name a trustee and the public key that `voting trustee keygen` printed; repeat it for each trustee
    #[arg(long = "trustee", value_name = "NAME=KEY", value_parser = parse_trustee)]
    trustees: Vec<Trustee>,
    /// How many of the trustees it takes to decrypt [default: more than half]
    #[arg(long, value_name = "T", requires = "trustees", value_parser = clap::value_parser!(u16).range(1..))]
    threshold: Option<u16>,
    /// Fewest ballots whose sums are decrypted [default: 3]
    #[arg(long, value_name = "N", requires = "trustees", value_parser = clap::value_parser!(u64).range(1..))]
    min_ballots: Option<u64>,
}

impl SealingArgs {
    /// What an election is created with; none if no trustee is named.
    pub(crate) fn chosen(&self) -> Option<NewSealing> {
        (!self.trustees.is_empty()).then(|| NewSealing {
            threshold: self.threshold,
            min_ballots: self.min_ballots,
            trustees: self.trustees.clone(),
        })
    }
}

fn parse_trustee(text: &str) -> Result<Trustee, String> {
    let (name, key) = text.rsplit_once('=').ok_or_else(|| format!("`{text}` is not like NAME=KEY"))?;
    let key = key.trim().parse().map_err(|error| format!("the key of `{}`: {error}", name.trim()))?;
    Ok(Trustee { name: name.trim().to_owned(), key })
}

/// The choices of a rule in the domain, as the command line spells them.
macro_rules! choices {
    ($name:ident for $target:ident { $($(#[$doc:meta])* $variant:ident),+ }) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
        enum $name { $($(#[$doc])* $variant),+ }

        impl From<$name> for $target {
            fn from(choice: $name) -> Self {
                match choice { $($name::$variant => Self::$variant),+ }
            }
        }
    };
}

choices!(MethodChoice for CountMethodId {
    /// Most votes win; a voter marks one, or up to --max
    Plurality,
    /// A voter marks all they approve of; most approvals win
    Approval,
    /// A voter gives scores; the highest sums win
    Score,
    /// A voter ranks; the last is excluded until one has a majority
    InstantRunoff,
    /// A voter ranks; single transferable vote as in Scottish local elections
    ScottishStv,
    /// A voter ranks; single transferable vote, weighted inclusive Gregory
    WigmStv,
    /// A voter ranks; single transferable vote by Meek's method
    MeekStv,
    /// A voter ranks; strongest paths of pairwise victories
    Schulze,
    /// A voter ranks; pairwise victories locked in, strongest first
    RankedPairs,
    /// A voter ranks; points by rank
    Borda,
    /// A voter marks a list; seats in proportion, D'Hondt
    Dhondt,
    /// A voter marks a list; seats in proportion, Sainte-Laguë
    SainteLague
});
choices!(MajorityChoice for Majority {
    /// Nothing
    MostVotes,
    /// More than half of the votes, blank ones left out
    Simple,
    /// At least two thirds of the votes, blank ones left out
    TwoThirds,
    /// More than half of the roll
    Absolute
});
choices!(TimingChoice for Timing {
    /// An administrator opens and closes
    Officer,
    /// Nobody can open earlier or close earlier than stated
    Fixed
});
choices!(RevoteChoice for RevoteRule {
    /// The first; further ballots are refused
    FirstCounts,
    /// The last; each further ballot replaces the one before
    LastCounts
});
choices!(ResultsChoice for ResultVisibility {
    /// Those who voted
    Voters,
    /// Everyone, while voting runs
    Public
});

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let client = context.client()?;
    match args.command {
        Command::List => list(&client, context).await,
        Command::Show(which) => show(&client, context, &which).await,
        Command::Create(args) => create(&client, context, *args).await,
        Command::Publish(which) => act(&client, context, &which, "publish", json!({})).await,
        Command::LeaveOut(which) => leave_out(&client, context, &which).await,
        Command::Open(which) => act(&client, context, &which, "open", json!({})).await,
        Command::Close(CloseArgs { which, hold_result }) => {
            let body = if hold_result { json!({ "publish": false }) } else { json!({}) };
            act(&client, context, &which, "close", body).await
        }
        Command::Cancel(CancelArgs { which, reason }) => act(&client, context, &which, "cancel", json!({ "reason": reason })).await,
        Command::Results(which) => results(&client, context, &which).await,
    }
}

/// The election that a person means: by id, by the beginning of its id, or by its title.
pub(crate) async fn resolve(client: &Client, typed: &str) -> Result<ElectionId> {
    let typed = typed.trim();
    if let Ok(id) = typed.parse() {
        return Ok(id);
    }
    let elections: Vec<ElectionListItem> = client.get("/elections", Auth::IfSignedIn).await?;
    pick(&elections, typed)
}

/// A title that fits wins over ids that begin so.
fn pick(elections: &[ElectionListItem], typed: &str) -> Result<ElectionId> {
    let by_title: Vec<_> = elections.iter().filter(|election| election.title.eq_ignore_ascii_case(typed)).collect();
    let by_id = || elections.iter().filter(|election| typed.len() >= 4 && election.id.to_string().starts_with(typed)).collect();
    let found = if by_title.is_empty() { by_id() } else { by_title };
    match found.as_slice() {
        [one] => Ok(one.id),
        [] => Err(CliError::usage(
            format!("there is no election `{typed}` that you may see"),
            "`voting elections list` shows them; drafts are shown to administrators who are signed in",
        )),
        several => {
            let ids: Vec<_> = several.iter().map(|election| election.id.to_string()).collect();
            Err(CliError::usage(
                format!("`{typed}` is the name of {} elections", several.len()),
                format!("give one of the ids: {}", ids.join(", ")),
            ))
        }
    }
}

/// An election in full.
pub(crate) async fn fetch(client: &Client, id: ElectionId) -> Result<Election> {
    client.get(&format!("/elections/{id}"), Auth::IfSignedIn).await
}

/// Creates an election.
pub(crate) async fn create_on(client: &Client, new: &NewElection) -> Result<Election> {
    client.post("/elections", new).await
}

/// Lets an election go on: publish, open, close, cancel.
pub(crate) async fn advance(client: &Client, id: ElectionId, step: &str, body: &serde_json::Value) -> Result<Election> {
    client.post(&format!("/elections/{id}/{step}"), body).await
}

/// The result as it stands.
pub(crate) async fn result_of(client: &Client, id: ElectionId) -> Result<ElectionResult> {
    client.get(&format!("/elections/{id}/results"), Auth::IfSignedIn).await
}

async fn list(client: &Client, context: &Context) -> Result<()> {
    let elections: Vec<ElectionListItem> = client.get("/elections", Auth::IfSignedIn).await?;
    context.out.answer(&elections, || {
        if elections.is_empty() {
            return "no elections that you may see".to_owned();
        }
        let rows = elections.iter().map(|election| {
            let voting = match (election.has_voted, election.eligible) {
                (true, _) => "voted",
                (false, true) => "may vote",
                (false, false) => "",
            };
            let turnout = format!("{} of {}", election.voted, election.roll_size);
            let id = election.id.to_string();
            [id, election.title.clone(), election.phase.to_string(), short(election.end_date), turnout, voting.to_owned()]
        });
        table(["id", "title", "phase", "closes", "turnout", "you"], rows)
    })
}

async fn show(client: &Client, context: &Context, which: &Which) -> Result<()> {
    let election = fetch(client, resolve(client, &which.election).await?).await?;
    context.out.answer(&election, || format!("{}\n{}\n", describe(&election), your_standing(&election)))
}

async fn create(client: &Client, context: &Context, args: CreateArgs) -> Result<()> {
    client.signed_in().await?;
    let new = new_election(args)?;
    let election = create_on(client, &new).await?;
    context.out.answer(&election, || {
        let id = election.id;
        format!(
            "{}\nNext:\n  voting voters import FILE.csv --election {id}\n  voting elections publish {id}\n  voting elections open {id}\n",
            describe(&election)
        )
    })
}

async fn act(client: &Client, context: &Context, which: &Which, step: &str, body: serde_json::Value) -> Result<()> {
    client.signed_in().await?;
    let id = resolve(client, &which.election).await?;
    let election = advance(client, id, step, &body).await?;
    context.out.answer(&election, || format!("{} ({id}) is {}", election.title, election.phase))
}

/// Ends the phase that an election's key ceremony is in.
async fn leave_out(client: &Client, context: &Context, which: &Which) -> Result<()> {
    client.signed_in().await?;
    let id = resolve(client, &which.election).await?;
    let _: serde_json::Value = client.post(&format!("/elections/{id}/ceremony/close"), &json!({})).await?;
    let election = fetch(client, id).await?;
    context.out.answer(&election, || {
        let step = election.sealing.as_ref().and_then(|sealing| sealing.ceremony).map(|step| step.to_string()).unwrap_or_default();
        format!("the ceremony of {} ({id}) goes on without them: its step is `{step}`", election.title)
    })
}

async fn results(client: &Client, context: &Context, which: &Which) -> Result<()> {
    let result = result_of(client, resolve(client, &which.election).await?).await?;
    context.out.answer(&result, || result_text(&result))
}

/// A result as people read it.
pub(crate) fn result_text(result: &ElectionResult) -> String {
    let mut text = String::new();
    for contest in &result.contests {
        text.push_str(&format!("{}\n", contest.title));
        text.push_str(&options_table(contest, result.is_final));
        text.push('\n');
        if contest.rounds.len() > 1 {
            text.push_str(&rounds_table(contest));
            text.push('\n');
        }
        text.push_str(&count(contest.ballots, "ballot", "ballots"));
        if contest.blank > 0 {
            text.push_str(&format!(", {} of them blank", contest.blank));
        }
        text.push('\n');
        if !contest.decided_by_lot.is_empty() {
            let name = |place: &u16| {
                contest.options.iter().find(|option| option.place() == Some(*place)).map_or("?", |option| option.name.as_str())
            };
            let names: Vec<_> = contest.decided_by_lot.iter().map(name).collect();
            text.push_str(&format!("a tie was decided by lot between {}\n", names.join(", ")));
        }
        text.push('\n');
    }
    match (result.is_final, result.phase) {
        (true, _) => text.push_str("This is the final result. Anyone can check it: voting export, voting verify.\n"),
        (false, Phase::Cancelled) => text.push_str("The election was cancelled: there is no result.\n"),
        (false, _) => text.push_str("Voting is not over: these are the votes so far.\n"),
    }
    text
}

/// The options with what they got; with the figure that decided, where that is another.
fn options_table(contest: &ContestResult, is_final: bool) -> String {
    let all = u128::from(contest.weight.max(1));
    let outcome = |option: &OptionResult| match option.seats {
        _ if !is_final || !option.elected => String::new(),
        0 | 1 => "elected".to_owned(),
        seats => format!("{seats} seats"),
    };
    let form = contest.method.map_or(BallotForm::Marks, CountMethodId::form);
    let decided = |option: &OptionResult| option.total.clone().unwrap_or_default();
    let line = |option: &OptionResult| [option.name.clone(), option.votes.to_string()];
    match form {
        BallotForm::Marks => {
            let rows = contest.options.iter().map(|option| {
                let share = u128::from(option.votes) * 1000 / all;
                let [name, votes] = line(option);
                [name, votes, format!("{}.{} %", share / 10, share % 10), outcome(option)]
            });
            table(["option", "votes", "share", ""], rows)
        }
        BallotForm::Scores => {
            let rows = contest.options.iter().map(|option| {
                let mean = u128::from(option.votes) * 100 / all;
                let [name, votes] = line(option);
                [name, votes, format!("{}.{:02}", mean / 100, mean % 100), outcome(option)]
            });
            table(["option", "score", "per ballot", ""], rows)
        }
        BallotForm::Ranking => {
            let rows = contest.options.iter().map(|option| {
                let [name, votes] = line(option);
                [name, votes, decided(option), outcome(option)]
            });
            table(["option", "first preferences", "at the end", ""], rows)
        }
    }
}

/// The count round by round: who gained and lost what.
fn rounds_table(contest: &ContestResult) -> String {
    let name = |place: &u16| contest.options.iter().find(|option| option.place() == Some(*place)).map_or("?", |o| o.name.as_str());
    let names = |places: &[u16]| places.iter().map(name).collect::<Vec<_>>().join(", ");
    let rows = (1u32..).zip(&contest.rounds).map(|(number, round)| {
        let step = match (round.step.as_str(), &round.value, round.divisor) {
            ("first", ..) => "first preferences".to_owned(),
            ("surplus", Some(value), _) => format!("surplus of {} at {value}", names(&round.options)),
            ("exclude", ..) => format!("{} excluded", names(&round.options)),
            ("adjust", ..) => "shares adjusted".to_owned(),
            ("fill", ..) => "seats left are filled".to_owned(),
            ("seat", _, Some(divisor)) => format!("a seat for {}, votes divided by {divisor}", names(&round.options)),
            (other, ..) => other.to_owned(),
        };
        let quota = round.quota.clone().unwrap_or_default();
        [number.to_string(), step, quota, round.exhausted.clone(), names(&round.elected)]
    });
    table(["round", "step", "quota", "exhausted", "elected"], rows)
}

fn describe(election: &Election) -> String {
    let mut text = fields(&[
        ("id", election.id.to_string()),
        ("title", election.title.clone()),
        ("phase", election.phase.to_string()),
        ("opens", short(election.start_date)),
        ("closes", short(election.end_date)),
        ("turnout", format!("{} of {} voters", election.voted, election.roll_size)),
        ("set up by", election.created_by.clone()),
    ]);
    if let Some(reason) = &election.cancel_reason {
        text.push_str(&format!("cancelled: {reason}\n"));
    }
    if !election.description.is_empty() {
        text.push_str(&format!("\n{}\n", election.description));
    }
    for (at, contest) in election.contests.iter().enumerate() {
        let asked = match (contest.method.form(), contest.min, contest.max) {
            (BallotForm::Marks, _, 1) => "mark one".to_owned(),
            (BallotForm::Marks, min, max) => format!("mark {min} to {max}"),
            (BallotForm::Ranking, min, max) => format!("rank {min} to {max}, the best first"),
            (BallotForm::Scores, min, max) => format!("score {min} to {max} from 0 to {}", contest.max_score),
        };
        let blank = if contest.allow_blank { ", or leave it blank" } else { "" };
        text.push_str(&format!("\n{}. {} ({asked}{blank}; counted by {})\n", at + 1, contest.title, contest.method));
        for (place, option) in contest.options.iter().enumerate() {
            let about = if option.description.is_empty() { String::new() } else { format!(" — {}", option.description) };
            let gone = if contest.withdrawn.iter().any(|gone| usize::from(*gone) == place) { " (withdrawn)" } else { "" };
            text.push_str(&format!("   {:>2}  {}{about}{gone}\n", place + 1, option.name));
        }
    }
    text
}

/// What the caller may do with an election.
fn your_standing(election: &Election) -> String {
    match (election.has_voted, election.reason.as_deref()) {
        (true, _) => "You have voted.".to_owned(),
        (false, Some(reason)) => format!("You cannot vote: {}.", why_not(reason)),
        (false, None) => {
            let how = match election.contests.as_slice() {
                [contest] => how(contest.method.form()),
                _ => "--contest 1:NAME --contest 2:NAME",
            };
            format!("Vote with: voting vote {} {how}", election.id)
        }
    }
}

/// The server's named reason in words.
pub(crate) fn why_not(reason: &str) -> &str {
    match reason {
        "not_signed_in" => "you are not signed in",
        "not_on_roll" => "you are not on the roll",
        "not_open_yet" => "it is not open yet",
        "closed" => "it is closed",
        "already_voted" => "you have voted already",
        "cancelled" => "it was cancelled",
        other => other,
    }
}

fn new_election(args: CreateArgs) -> Result<NewElection> {
    if let Some(path) = &args.file {
        let bytes = std::fs::read(path).map_err(|error| state::cannot("read", path, &error))?;
        return serde_json::from_slice(&bytes).map_err(|error| {
            CliError::usage(
                format!("{} is no election: {error}", path.display()),
                "`voting elections create --help` shows the form of the file",
            )
        });
    }
    let title = args.title.unwrap_or_default();
    let method = CountMethodId::from(args.method);
    let usual = Contest::new(title.as_str(), method, &args.candidate);
    let thresholds = Thresholds { majority: args.majority.into(), quorum_percent: args.quorum };
    let contest = NewContest {
        title: args.question.unwrap_or_else(|| title.clone()),
        method,
        seats: Some(args.seats),
        min: Some(1),
        max: Some(args.max.unwrap_or(usual.max)),
        allow_blank: Some(!args.no_blank),
        max_score: args.max_score,
        majority: (thresholds.majority != usual.thresholds.majority).then_some(thresholds.majority),
        quorum_percent: (thresholds.quorum_percent > 0).then_some(thresholds.quorum_percent),
        withdrawn: None,
        options: usual.options.iter().map(NewOption::from).collect(),
    };
    Ok(NewElection {
        title,
        description: args.description,
        start_date: args.opens,
        end_date: args.closes,
        candidates: Vec::new(),
        contests: vec![contest],
        timing: Some(args.timing.into()),
        revote: Some(args.revote.into()),
        results: Some(args.results.into()),
        secrecy: args.open.then_some(Kept::Open),
        sealing: args.sealing.chosen(),
    })
}

/// A moment as RFC 3339 writes it, or counted from now.
fn parse_time(text: &str) -> Result<Timestamp, String> {
    if text == "now" {
        return Ok(now());
    }
    let Some(span) = text.strip_prefix('+') else {
        return text.parse().map_err(|error: voting_core::time::ParseTimestampError| error.to_string());
    };
    let wrong = || format!("`{text}` is not a time from now: write it like +90m, +2h or +7d");
    let unit = span.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: u32 = span.strip_suffix(unit).and_then(|number| number.parse().ok()).ok_or_else(wrong)?;
    Ok(now().saturating_add(Duration::from_secs(u64::from(number) * seconds)))
}

/// To the second.
fn short(moment: Timestamp) -> String {
    Timestamp::from_millis(moment.as_millis() / 1_000 * 1_000).unwrap_or(moment).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: u8, title: &str) -> ElectionListItem {
        serde_json::from_value(json!({
            "id": ElectionId([id; 16]), "title": title, "phase": "open",
            "start_date": "2026-05-01T08:00:00Z", "end_date": "2026-05-02T08:00:00Z",
        }))
        .unwrap()
    }

    #[test]
    fn elections_are_found_by_title_or_the_beginning_of_the_id() {
        let list = [item(0xaa, "Board"), item(0xbb, "Budget"), item(0xbc, "budget")];
        assert_eq!(pick(&list, "board").unwrap(), ElectionId([0xaa; 16]));
        assert_eq!(pick(&list, "bbbb").unwrap(), ElectionId([0xbb; 16]));
        assert!(pick(&list, "bb").unwrap_err().what.contains("no election"), "two letters are too few");
        let two = pick(&list, "Budget").unwrap_err();
        assert!(two.what.contains("2 elections") && two.next.contains("bcbcbc"), "{two:?}");
    }

    #[test]
    fn times_are_given_as_moments_or_from_now() {
        assert_eq!(parse_time("2026-05-01T08:00:00Z").unwrap().to_string(), "2026-05-01T08:00:00Z");
        let before = now();
        let later = parse_time("+90m").unwrap();
        let span = later.since(before);
        assert!(span >= Duration::from_secs(5_400) && span < Duration::from_secs(5_460), "{span:?}");
        assert!(parse_time("+7d").unwrap() > parse_time("+2h").unwrap());
        for wrong in ["", "+", "+h", "+2", "+2y", "+-2h", "tomorrow", "+h2"] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_result_is_shown_with_shares_and_says_whether_it_is_final() {
        let mut result: ElectionResult = serde_json::from_value(json!({
            "election_id": ElectionId([1; 16]), "phase": "open", "final": false, "total_votes": 3,
            "contests": [{
                "title": "Who?", "method": "plurality", "seats": 1,
                "options": [
                    {"id": "0-1", "contest": 0, "name": "Bob", "votes": 2, "elected": true},
                    {"id": "0-0", "contest": 0, "name": "Ada", "votes": 1, "elected": false},
                ],
                "ballots": 4, "weight": 4, "blank": 1, "undervotes": 0, "decided_by_lot": [0, 1],
            }],
        }))
        .unwrap();
        let text = result_text(&result);
        assert!(text.contains("50.0 %") && text.contains("4 ballots, 1 of them blank"), "{text}");
        assert!(text.contains("not over") && !text.contains("elected"), "nobody is elected before the close");
        result.is_final = true;
        assert!(result_text(&result).contains("elected"));
        assert!(result_text(&result).contains("by lot between Ada, Bob"));
    }
}
