//! `voting vote`: signs a ballot here, sends it until its outcome is known, and keeps the proof.
//!
//! The order is what makes a lost connection harmless: the key is kept before it is certified, the
//! signed bytes are kept before they are sent, and as long as their outcome is unknown nothing else is
//! signed. Running the command again sends the same bytes.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::Method;
use serde::Serialize;
use serde_json::json;
use voting_cluster::deploy::read_key;
use voting_core::ballot::{Ballot, Selection, SelectionError, SignedBallot};
use voting_core::crypto::SigningKey;
use voting_core::election::{BallotForm, Contest, RevoteRule};
use voting_core::entry::{Challenge, Entry};
use voting_core::epoch::Genesis;
use voting_core::ranking::Ranking;
use voting_core::receipt::Recorded;
use voting_core::sealed::PreparedBallot;
use voting_core::{BallotHash, Canonical as _, ElectionId, Height, PartitionId, Timestamp};

use super::elections::{fetch, resolve, why_not};
use super::keys::failed;
use super::{Context, receipt};
use crate::api::{Election, KeyAnswer};
use crate::cast::{self, Cast, CastError, Caster};
use crate::client::{Auth, Client};
use crate::exit::{CliError, Exit, Result};
use crate::output::fields;
use crate::pinned;
use crate::sealing::BallotSealer;
use crate::session::now;
use crate::wallet::{Held, Refusal, Wallet};

/// What to do while an outcome is unknown; the same words wherever they are said.
const RUN_AGAIN: &str = "run the same command again: it sends the same signed bytes, which count at most once";

/// Vote.
///
/// The ballot is signed on this machine with a key that never leaves it, written to the state directory,
/// and only then sent. If the connection breaks, the same bytes are sent again until the outcome is known;
/// if it stays unknown, run the same command again. The receipt is verified against the network pinned
/// at first contact before the vote is called recorded.
///
/// A choice is the name of an option, or its number as `voting elections show` prints it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting vote \"Board 2026\" --choice Ada
  voting vote 3f9a --choice 2
  voting vote \"Which days?\" --choice Mon --choice Wed       where several may be marked
  voting vote Council --rank Ada --rank Cyd                 where options are ranked, the best first
  voting vote Logo --score Owl=5 --score Fox=2              where options are scored; those left out get 0
  voting vote Assembly --contest 1:Ada --contest 2:Yes      several questions
  voting vote Assembly --contest 1:Ada --blank              the rest left blank
  voting vote Shed --choice Yes --test-seal 1               sealed ballots: test one seal, then vote
  voting vote \"Board 2026\" --choice Ada --credential 0017.key     with a key that was handed out
  voting vote \"Board 2026\"                                  settle a ballot whose outcome is unknown
  voting vote 3f9a --choice 2 --sign-only > ballot.json     to be sent from elsewhere: PUT /votes/ELECTION")]
pub(crate) struct Args {
    /// The election: its id, the beginning of its id, or its title
    election: String,
    /// Mark this option; repeat it where several may be marked
    #[arg(long, short, value_name = "NAME_OR_NUMBER")]
    choice: Vec<String>,
    /// Rank this option next, the best first; NAME=NAME ranks options equal where that is allowed
    #[arg(long, value_name = "NAME_OR_NUMBER", conflicts_with = "choice")]
    rank: Vec<String>,
    /// Give an option a score
    #[arg(long, value_name = "NAME_OR_NUMBER=SCORE", conflicts_with_all = ["choice", "rank"])]
    score: Vec<String>,
    /// With several questions: mark, rank (best first) or score (NAME=SCORE) an option of question N, counted from 1
    #[arg(long, value_name = "N:NAME_OR_NUMBER", conflicts_with_all = ["choice", "rank", "score"], value_parser = parse_contest_choice)]
    contest: Vec<(usize, String)>,
    /// Leave every question blank that no choice is given for
    #[arg(long)]
    blank: bool,
    /// Do not ask before the ballot is cast
    #[arg(long, short)]
    yes: bool,
    /// In a sealed election, test the seal of so many ballots before the one that is cast: each is opened for everyone to
    /// recompute, and void
    #[arg(long, value_name = "TIMES", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=20))]
    test_seal: u8,
    /// Vote with a key that was registered beforehand, without an account: the file that the credential authority handed out
    #[arg(long, value_name = "FILE")]
    credential: Option<PathBuf>,
    /// Sign and keep the ballot, and print the body of the request that casts it, without sending it
    #[arg(long)]
    sign_only: bool,
    /// How many seconds to wait for the outcome
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    wait: u64,
}

/// What is printed about a recorded ballot. Not the choice: that is nobody's business who reads over a shoulder.
#[derive(Debug, Serialize)]
struct Answer {
    election: ElectionId,
    title: String,
    ballot_hash: BallotHash,
    code: String,
    height: Height,
    index: u32,
    recorded_at: Timestamp,
    signers: Vec<String>,
    sequence: u32,
    /// Whether it was cast by this run, or recorded before.
    new: bool,
}

/// What is at stake in one run.
struct Voting<'a> {
    context: &'a Context,
    client: &'a Client,
    trusted: pinned::Trusted,
    election: Election,
    wallet: Wallet,
    /// The voter's key, if it was registered beforehand.
    credential: Option<SigningKey>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let client = context.client()?;
    // Who has a key that was registered beforehand needs no account.
    let credential = args.credential.as_deref().map(read_key).transpose().map_err(failed)?;
    let account = match &credential {
        Some(key) => format!("credential-{}", key.public().fingerprint()),
        None => client.signed_in().await?.user.id,
    };
    let genesis = pinned::ensure(&client, &context.out).await?;
    let election = fetch(&client, resolve(&client, &args.election).await?).await?;
    let partition = check_identity(&genesis, &election)?;
    let wallet = Wallet::of(client.dir(), election.id, &account);
    let _lock = wallet.lock().await?;
    let trusted = pinned::Trusted::new(&client, genesis, partition).await?;
    let voting = Voting { context, client: &client, trusted, election, wallet, credential };

    let wanted = choices(&args, &voting.election.contests)?;
    let (ballot, earlier) = match voting.settle(wanted)? {
        Plan::Recorded(held, recorded) => return voting.answer(&held.ballot, &recorded, false),
        Plan::Resend(held) => {
            context.out.note("sending the ballot signed earlier again, byte for byte");
            (held.ballot, true)
        }
        Plan::Sign { selections, sequence } => (voting.sign(&args, selections, sequence).await?, false),
    };
    if args.sign_only {
        context
            .out
            .note(format!("the ballot is signed and not sent; `voting vote {}` sends it or asks for its receipt", args.election));
        return context.out.raw(format!("{}\n", cast::body(&ballot)).as_bytes());
    }
    voting.send(&ballot, Duration::from_secs(args.wait), earlier).await
}

/// What to do, given what is held already and what is wanted now.
enum Plan {
    Recorded(Box<Held>, Recorded),
    Resend(Box<Held>),
    Sign { selections: Vec<Selection>, sequence: u32 },
}

impl Voting<'_> {
    fn settle(&self, wanted: Option<Vec<Selection>>) -> Result<Plan> {
        let last = self.wallet.ballots()?.pop();
        let Some(held) = last else {
            let selections = wanted.ok_or_else(|| no_choice(&self.election.contests))?;
            return Ok(Plan::Sign { selections, sequence: self.next_sequence(0) });
        };
        // What a sealed ballot says nobody can tell any more: one on its way is settled, and the first counts where it does.
        let sealed = self.election.sealing.is_some();
        let same = match &wanted {
            _ if sealed && (held.in_doubt() || self.election.revote == RevoteRule::FirstCounts) => true,
            Some(wanted) => !sealed && *wanted == held.ballot.ballot.selections,
            None => true,
        };
        if held.in_doubt() && !same {
            return Err(CliError::new(
                Exit::Unknown,
                "a ballot with other choices was signed earlier, and whether it is recorded is not known yet",
                format!("settle that one first: voting vote {}", self.election.id),
            ));
        }
        if let Some(proof) = &held.receipt {
            let recorded = proof
                .verify(&self.trusted.epochs(), Some(&held.ballot))
                .map_err(|error| receipt::does_not_hold(&error, &self.wallet.path().display()))?;
            if same {
                return Ok(Plan::Recorded(Box::new(held), recorded));
            }
            if self.election.revote == RevoteRule::FirstCounts {
                return Err(CliError {
                    code: Some("already_voted".to_owned()),
                    ..CliError::new(
                        Exit::Refused,
                        format!("you voted at {}, and in this election the first ballot counts", recorded.timestamp),
                        format!("nothing to do; its receipt: voting receipt show {}", held.ballot.hash()),
                    )
                });
            }
        }
        match wanted {
            Some(selections) if !same => Ok(Plan::Sign { selections, sequence: self.next_sequence(held.ballot.ballot.sequence) }),
            _ => Ok(Plan::Resend(Box::new(held))),
        }
    }

    /// One more than any ballot of this voter that is held here or counts there.
    fn next_sequence(&self, held: u32) -> u32 {
        held.max(self.election.my_sequence.unwrap_or(0)).saturating_add(1)
    }

    /// Makes a new ballot and keeps it. From here on it may be sent.
    async fn sign(&self, args: &Args, selections: Vec<Selection>, sequence: u32) -> Result<SignedBallot> {
        let about_account = ["already_voted", "not_signed_in", "not_on_roll"];
        let passes = |reason: &str| reason == "already_voted" || (self.credential.is_some() && about_account.contains(&reason));
        if let Some(reason) = self.election.reason.as_deref().filter(|reason| !passes(reason)) {
            return Err(CliError {
                code: Some(reason.to_owned()),
                ..CliError::new(
                    Exit::Refused,
                    format!("you cannot vote in `{}`: {}", self.election.title, why_not(reason)),
                    "`voting elections show` tells when it opens; the roll is kept by whoever runs the election",
                )
            });
        }
        let out = &self.context.out;
        for line in read_back(&self.election.contests, &selections) {
            out.note(line);
        }
        let is_sealed = self.election.sealing.is_some();
        if args.test_seal > 0 && !is_sealed {
            return Err(CliError::usage("this election's ballots are open: there is no seal to test", "vote without --test-seal"));
        }
        if !is_sealed && !args.yes && out.can_ask() && !out.confirm("Cast this ballot?") {
            return Err(nothing_cast());
        }
        let sealer = BallotSealer::of(self.client, &self.trusted, &self.election).await?;
        let key = match &self.credential {
            Some(key) => key.clone(),
            None => {
                let key = self.wallet.key()?;
                self.certify(&key).await?;
                key
            }
        };
        let signed = match sealer {
            Some(sealer) => self.seal(args, &sealer, &key, &selections, sequence).await?,
            None => {
                let (election, context) = (self.election.id, self.election.context);
                Ballot { election, context, voter: key.public(), sequence, selections }.sign(&key)
            }
        };
        self.wallet.keep_election(&self.election)?;
        self.wallet.add(&signed)?;
        Ok(signed)
    }

    /// Seals the choices, again and again as long as the voter wants to test the seal first.
    async fn seal(
        &self,
        args: &Args,
        sealer: &BallotSealer,
        key: &SigningKey,
        selections: &[Selection],
        sequence: u32,
    ) -> Result<SignedBallot> {
        let out = &self.context.out;
        let mut tests = args.test_seal;
        loop {
            let prepared = sealer.seal(key.public(), sequence, selections)?;
            out.note(format!("sealed; the code of this ballot is {}", prepared.hash().code()));
            let asks = !args.yes && out.can_ask();
            let answer = match tests {
                0 if asks => out.ask("Cast it (y), test its seal first (t), or stop (n)? ").unwrap_or_default(),
                0 => "y".to_owned(),
                _ => "t".to_owned(),
            };
            tests = tests.saturating_sub(1);
            match answer.as_str() {
                "y" | "yes" => return Ok(prepared.cast(key)),
                "t" | "test" => self.test(sealer, prepared, key).await?,
                _ => return Err(nothing_cast()),
            }
        }
    }

    /// Opens a sealed ballot instead of casting it: what it held stands on the ledger for everyone to recompute.
    async fn test(&self, sealer: &BallotSealer, prepared: PreparedBallot, key: &SigningKey) -> Result<()> {
        let code = prepared.hash().code();
        let (ballot, opening) = prepared.challenge();
        let held = sealer.open(&ballot, &opening)?;
        let entry = Entry::challenge(Challenge { ballot, opening }, key);
        let body = json!({ "entry": BASE64.encode(entry.to_canonical()) });
        let path = format!("/elections/{}/challenges", self.election.id);
        self.client.send_json(Method::POST, &path, &body, Auth::IfSignedIn).await?;
        let out = &self.context.out;
        out.note(format!("the ballot {code} was opened, recomputed by the authorities, and is void; it held:"));
        for line in read_back(&self.election.contests, &held) {
            out.note(format!("  {line}"));
        }
        Ok(())
    }

    /// Has the voter's key certified; the same key again is harmless.
    async fn certify(&self, key: &SigningKey) -> Result<()> {
        if self.election.my_key == Some(key.public()) {
            return Ok(());
        }
        let path = format!("/elections/{}/key", self.election.id);
        let answer: KeyAnswer = self.client.post(&path, &json!({ "key": key.public() })).await?;
        if answer.key != key.public() {
            return Err(CliError::verification(
                format!("the server certified the key {} instead of the one made here", answer.key),
                "tell whoever runs the election: someone may be voting in your place",
            ));
        }
        self.context.out.detail(format!("key certified for pseudonym {}, weight {}", answer.pseudonym, answer.weight));
        Ok(())
    }

    async fn send(&self, ballot: &SignedBallot, patience: Duration, earlier: bool) -> Result<()> {
        let caster = Caster { client: self.client, trusted: &self.trusted, patience };
        let trouble = |reason: &str| self.context.out.note(format!("not recorded yet ({reason}); sending the same bytes again"));
        match caster.cast(ballot, trouble).await {
            Ok(Cast { receipt, recorded }) => {
                self.wallet.record(ballot, &receipt)?;
                self.answer(ballot, &recorded, true)
            }
            Err(error) => Err(self.not_recorded(ballot, error, earlier)?),
        }
    }

    /// Keeps what is known about a ballot that is not recorded, and says it.
    fn not_recorded(&self, ballot: &SignedBallot, error: CastError, earlier: bool) -> Result<CliError> {
        let url = self.client.address();
        Ok(match error {
            CastError::Local(error) => error,
            CastError::Unknown { reason, sent } if sent || earlier => {
                CliError::new(Exit::Unknown, format!("whether the ballot is recorded is not known yet: {reason}"), RUN_AGAIN)
            }
            CastError::Unknown { reason, .. } => {
                CliError::new(Exit::Unreachable, format!("the ballot is signed, but {url} did not take it: {reason}"), RUN_AGAIN)
            }
            CastError::BadReceipt { reason, bytes } => {
                let path = self.wallet.keep_evidence(ballot, &bytes)?;
                CliError::verification(
                    format!("{url} says the ballot is recorded, but its receipt does not prove it: {reason}"),
                    format!("keep {} as evidence, tell whoever runs the election, and run the command again", path.display()),
                )
            }
            CastError::Refused(problem) => {
                let refusal = Refusal { code: problem.code.clone(), detail: problem.detail.clone(), at: now() };
                self.wallet.refuse(ballot, &refusal)?;
                self.client.explain(crate::client::CallError::Refused(problem))
            }
        })
    }

    fn answer(&self, ballot: &SignedBallot, recorded: &Recorded, new: bool) -> Result<()> {
        let answer = Answer {
            election: self.election.id,
            title: self.election.title.clone(),
            ballot_hash: ballot.hash(),
            code: ballot.hash().code(),
            height: recorded.height,
            index: recorded.index,
            recorded_at: recorded.timestamp,
            signers: recorded.signers.clone(),
            sequence: ballot.ballot.sequence,
            new,
        };
        self.context.out.answer(&answer, || {
            let heading = if new { "Your vote is recorded." } else { "Your vote was recorded already." };
            format!(
                "{heading}\n{}",
                fields(&[
                    ("election", answer.title.clone()),
                    ("code", answer.code.clone()),
                    ("place", format!("block {}, entry {}", answer.height, answer.index)),
                    ("time", answer.recorded_at.to_string()),
                    ("proved by", answer.signers.join(", ")),
                ])
            )
        })
    }
}

/// Checks that the server speaks for the pinned network, and that a ballot with the context it gives counts
/// for the election it shows: same questions, same options, same order.
fn check_identity(genesis: &Genesis, election: &Election) -> Result<PartitionId> {
    let partition = pinned::partition(genesis, election.chain)?;
    let shown = election.registrar.map(|registrar| election.definition(registrar).context(election.chain));
    match shown {
        Some(context) if context != election.context => Err(CliError::verification(
            format!("the server shows another election `{}` than the one that ballots would count for", election.title),
            "do not vote here; tell whoever runs the election",
        )),
        _ => Ok(partition),
    }
}

/// The selections asked for; `None` if the command line names none.
fn choices(args: &Args, contests: &[Contest]) -> Result<Option<Vec<Selection>>> {
    let single = [(BallotForm::Marks, &args.choice), (BallotForm::Ranking, &args.rank), (BallotForm::Scores, &args.score)];
    let single = single.into_iter().find(|(_, given)| !given.is_empty());
    if single.is_none() && args.contest.is_empty() && !args.blank {
        return Ok(None);
    }
    match (single, contests) {
        (Some((form, _)), [contest]) if form != contest.method.form() => {
            return Err(CliError::usage(
                format!("`{}` asks for {}", contest.title, contest.method.form()),
                format!("give it with {}", how(contest.method.form())),
            ));
        }
        (Some((form, _)), [_, _, ..]) => {
            return Err(CliError::usage(
                format!("the election has {} questions, so {} is not clear", contests.len(), how(form)),
                "say which question: --contest 1:NAME --contest 2:NAME, and --blank for the rest",
            ));
        }
        _ => {}
    }
    if let Some((number, _)) = args.contest.iter().find(|(number, _)| *number > contests.len()) {
        return Err(CliError::usage(
            format!("there is no question {number}: the election has {}", contests.len()),
            "`voting elections show` numbers the questions",
        ));
    }
    let given = |at: usize| -> Vec<&str> {
        let numbered = args.contest.iter().filter(|(number, _)| *number == at + 1).map(|(_, choice)| choice.as_str());
        numbered.chain(single.iter().flat_map(|(_, given)| given.iter()).map(String::as_str)).collect()
    };
    let selections = contests.iter().enumerate().map(|(at, contest)| {
        let given = given(at);
        if given.is_empty() && !args.blank {
            return Err(CliError::usage(
                format!("no choice for question {} ({})", at + 1, contest.title),
                "give one, or --blank to leave it blank",
            ));
        }
        selection(contest, &given)
    });
    selections.collect::<Result<_>>().map(Some)
}

/// The option of this command that says what a contest asks for.
pub(super) const fn how(form: BallotForm) -> &'static str {
    match form {
        BallotForm::Marks => "--choice NAME",
        BallotForm::Ranking => "--rank NAME --rank NAME, the best first",
        BallotForm::Scores => "--score NAME=SCORE",
    }
}

/// The selection that names or numbers mean.
fn selection(contest: &Contest, given: &[&str]) -> Result<Selection> {
    let selection = match contest.method.form() {
        _ if given.is_empty() => Selection::Blank,
        BallotForm::Marks => {
            let mut marks = given.iter().map(|choice| option_of(contest, choice)).collect::<Result<Vec<u16>>>()?;
            marks.sort_unstable();
            Selection::Marks(marks)
        }
        BallotForm::Scores => {
            let mut scores = given.iter().map(|text| score_of(contest, text)).collect::<Result<Vec<_>>>()?;
            scores.sort_unstable();
            Selection::Scores(scores)
        }
        BallotForm::Ranking => {
            let tiers = given.iter().map(|text| tier_of(contest, text)).collect::<Result<Vec<_>>>()?;
            Selection::Ranking(Ranking::from_tiers(tiers))
        }
    };
    selection.check(contest).map_err(|error| {
        CliError::usage(
            format!("{}: {}", contest.title, named(contest, error)),
            "`voting elections show` says what a ballot may say",
        )
    })?;
    Ok(selection)
}

/// A rule with the names of options instead of their places.
fn named(contest: &Contest, error: SelectionError) -> String {
    let name = |option: u16| contest.options.get(usize::from(option)).map_or("?", |option| option.name.as_str());
    match error {
        SelectionError::RankedTwice { option } => format!("`{}` is ranked twice", name(option)),
        SelectionError::Score { option, score, max } => {
            format!("`{}` is given the score {score}, the highest is {max}", name(option))
        }
        SelectionError::Withdrawn { option } => format!("`{}` has withdrawn", name(option)),
        other => other.to_string(),
    }
}

/// An option and its score.
fn score_of(contest: &Contest, text: &str) -> Result<(u16, u16)> {
    let score = text.rsplit_once('=').and_then(|(name, score)| Some((name.trim(), score.trim().parse::<u16>().ok()?)));
    let (name, score) = score.ok_or_else(|| {
        CliError::usage(
            format!("`{text}` is not like NAME=3"),
            format!("give a score between 0 and {}, as in --score {}=3", contest.max_score, contest.options[0].name),
        )
    })?;
    Ok((option_of(contest, name)?, score))
}

/// The options of one rank: a name that fits, or several with `=` between them.
fn tier_of(contest: &Contest, text: &str) -> Result<Vec<u16>> {
    match option_of(contest, text) {
        Ok(option) => Ok(vec![option]),
        Err(_) if text.contains('=') => text.split('=').map(|name| option_of(contest, name.trim())).collect(),
        Err(error) => Err(error),
    }
}

/// The place of an option: its exact name, else its name in any case, else its number from 1.
fn option_of(contest: &Contest, typed: &str) -> Result<u16> {
    let names = || contest.options.iter().map(|option| option.name.as_str());
    let lower = typed.to_lowercase();
    let alike: Vec<_> = names().enumerate().filter(|(_, name)| name.to_lowercase() == lower).map(|(at, _)| at).collect();
    let number = || typed.parse::<usize>().ok()?.checked_sub(1).filter(|at| *at < contest.options.len());
    let found = match (names().position(|name| name == typed), alike.as_slice()) {
        (Some(at), _) => Some(at),
        (None, [at]) => Some(*at),
        (None, []) => number(),
        (None, _) => None,
    };
    found.and_then(|at| u16::try_from(at).ok()).ok_or_else(|| {
        let list: Vec<_> = names().enumerate().map(|(at, name)| format!("{} {name}", at + 1)).collect();
        CliError::usage(
            format!("`{typed}` is none of the options of `{}`", contest.title),
            format!("choose one of: {}", list.join(", ")),
        )
    })
}

fn nothing_cast() -> CliError {
    CliError::usage("no ballot was cast", "choose again and confirm with y")
}

fn no_choice(contests: &[Contest]) -> CliError {
    let how = match contests {
        [contest] => {
            let names: Vec<_> = contest.options.iter().map(|option| option.name.as_str()).collect();
            format!("{}, of: {}", how(contest.method.form()), names.join(", "))
        }
        _ => "--contest N:NAME for each question".to_owned(),
    };
    CliError::usage("no choice is given", format!("say what you vote for: {how}; or --blank"))
}

/// What the ballot says, in words.
fn read_back<'a>(contests: &'a [Contest], selections: &'a [Selection]) -> impl Iterator<Item = String> + 'a {
    contests.iter().zip(selections).map(|(contest, selection)| {
        let name = |option: u16| contest.options.get(usize::from(option)).map_or("?", |option| option.name.as_str());
        let said: Vec<String> = match selection {
            Selection::Blank => vec!["blank".to_owned()],
            Selection::Sealed(_) => vec!["sealed".to_owned()],
            Selection::Marks(marks) => marks.iter().map(|mark| name(*mark).to_owned()).collect(),
            Selection::Scores(scores) => scores.iter().map(|(option, score)| format!("{} {score}", name(*option))).collect(),
            Selection::Ranking(ranking) => {
                let tiers = ranking.tiers().map(|tier| tier.options().map(name).collect::<Vec<_>>().join(" = "));
                (1..).zip(tiers).map(|(rank, names)| format!("{rank}. {names}")).collect()
            }
        };
        format!("{}: {}", contest.title, said.join(", "))
    })
}

fn parse_contest_choice(text: &str) -> Result<(usize, String), String> {
    let wrong = || format!("`{text}` is not like 2:NAME, the question's number from 1 and an option");
    let (number, choice) = text.split_once(':').ok_or_else(wrong)?;
    let number = number.trim().parse().ok().filter(|number| *number > 0).ok_or_else(wrong)?;
    if choice.is_empty() { Err(wrong()) } else { Ok((number, choice.to_owned())) }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use voting_core::testing::definition;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn marks(contests: &[Contest], line: &[&str]) -> Result<Option<Vec<Selection>>> {
        choices(&Line::parse_from(["vote", "e"].iter().chain(line)).args, contests)
    }

    #[test]
    fn a_choice_is_a_name_or_a_number_from_one() {
        let contests = definition(1, &["Ada", "Bob", "3", "1"]).contests;
        let one = |typed: &str| marks(&contests, &["--choice", typed]).map(|selections| selections.unwrap()[0].clone());
        assert_eq!(one("Ada").unwrap(), Selection::Marks(vec![0]));
        assert_eq!(one("bob").unwrap(), Selection::Marks(vec![1]));
        assert_eq!(one("2").unwrap(), Selection::Marks(vec![1]));
        assert_eq!(one("3").unwrap(), Selection::Marks(vec![2]), "a name wins over a number");
        assert_eq!(one("1").unwrap(), Selection::Marks(vec![3]));
        for wrong in ["0", "5", "Eve", ""] {
            let error = one(wrong).unwrap_err();
            assert!(error.next.contains("1 Ada, 2 Bob"), "{error:?}");
        }
    }

    #[test]
    fn blank_must_be_said_and_the_contest_must_allow_it() {
        let mut contests = definition(1, &["Ada", "Bob"]).contests;
        assert_eq!(marks(&contests, &[]).unwrap(), None);
        assert_eq!(marks(&contests, &["--blank"]).unwrap(), Some(vec![Selection::Blank]));
        contests[0].allow_blank = false;
        assert!(marks(&contests, &["--blank"]).unwrap_err().what.contains("may not be left blank"));
        assert!(marks(&contests, &["--choice", "Ada", "--choice", "Bob"]).unwrap_err().what.contains("at most 1"));
    }

    #[test]
    fn several_contests_need_numbers() {
        let mut contests = definition(1, &["Ada", "Bob"]).contests;
        contests.extend(definition(2, &["Yes", "No"]).contests);
        let both = marks(&contests, &["--contest", "2:no", "--contest", "1:Ada"]).unwrap().unwrap();
        assert_eq!(both, [Selection::Marks(vec![0]), Selection::Marks(vec![1])]);
        let rest = marks(&contests, &["--contest", "2:no", "--blank"]).unwrap().unwrap();
        assert_eq!(rest, [Selection::Blank, Selection::Marks(vec![1])]);
        assert!(marks(&contests, &["--choice", "Ada"]).unwrap_err().what.contains("2 questions"));
        assert!(marks(&contests, &["--contest", "1:Ada"]).unwrap_err().what.contains("question 2"));
        assert!(marks(&contests, &["--contest", "3:Ada", "--blank"]).unwrap_err().what.contains("no question 3"));
        assert!(
            parse_contest_choice("0:Ada").is_err() && parse_contest_choice("Ada").is_err() && parse_contest_choice("1:").is_err()
        );
        assert_eq!(parse_contest_choice("1:a:b").unwrap(), (1, "a:b".to_owned()));
    }

    #[test]
    fn names_and_order_that_ballots_would_not_count_for_are_refused() {
        let chain = voting_core::testing::TestChain::new(4);
        let definition = definition(1, &["Ada", "Bob"]);
        let shown = |names: [usize; 2]| -> Election {
            let mut contest = definition.contests[0].clone();
            contest.options = names.iter().map(|at| definition.contests[0].options[*at].clone()).collect();
            serde_json::from_value(json!({
                "id": definition.id, "title": definition.title, "description": "", "contests": [contest], "phase": "open",
                "start_date": definition.opens_at, "end_date": definition.closes_at, "timing": definition.timing,
                "revote": definition.revote, "secrecy": definition.secrecy, "results": definition.results,
                "created_by": definition.created_by, "registrar": definition.registrar,
                "chain": chain.chain(), "context": definition.context(chain.chain()),
            }))
            .unwrap()
        };
        assert_eq!(check_identity(&chain.genesis, &shown([0, 1])).unwrap(), PartitionId(0));
        let swapped = check_identity(&chain.genesis, &shown([1, 0])).unwrap_err();
        assert_eq!(swapped.exit, Exit::Verification);
    }
}
