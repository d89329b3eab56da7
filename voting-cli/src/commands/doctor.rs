//! `voting doctor`: finds out why something does not work, and says how to mend it.

use std::path::Path;

use reqwest::Method;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;
use voting_core::Canonical as _;

use super::Context;
use crate::api::{Network, Readiness, Version};
use crate::client::{Answer, Auth, Body, CallError, Client};
use crate::exit::{CliError, Exit, Result};
use crate::output::table;
use crate::pinned;
use crate::session::{Session, now};
use crate::state;

/// Beyond this, times that this machine prints or asks for mislead people.
const CLOCK_TOLERANCE_S: i64 = 5;
/// `Date` of HTTP, RFC 9110, section 5.6.7.
const HTTP_DATE: &[FormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// Check this machine and the server, with a fix for each thing wrong.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting doctor
  voting doctor --url https://vote.example.com --output json")]
pub(crate) struct Args {}

/// One thing looked at.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    ok: bool,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl Finding {
    fn good(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, ok: true, detail: detail.into(), fix: None }
    }

    fn bad(check: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, ok: false, detail: detail.into(), fix: Some(fix.into()) }
    }

    fn of(check: &'static str, result: Result<String>) -> Self {
        match result {
            Ok(detail) => Self::good(check, detail),
            Err(error) => Self::bad(check, error.what, error.next),
        }
    }
}

pub(crate) async fn run(_: Args, context: &Context) -> Result<()> {
    let root = state::root()?;
    let mut findings = vec![writable(&root)];
    findings.extend(private(&root));
    let reachable = match context.client() {
        Ok(client) => look_at_server(&client, &mut findings).await,
        Err(error) => {
            findings.push(Finding::bad("client", error.what, error.next));
            true
        }
    };
    context.out.answer(&findings, || {
        let rows = findings.iter().map(|finding| {
            let ok = if finding.ok { "ok" } else { "WRONG" };
            let fix = finding.fix.as_ref().map_or_else(String::new, |fix| format!("\nfix: {fix}"));
            [finding.check.to_owned(), ok.to_owned(), format!("{}{fix}", finding.detail)]
        });
        table(["check", "", "found"], rows)
    })?;
    let wrong = findings.iter().filter(|finding| !finding.ok).count();
    match (wrong, reachable) {
        (0, _) => Ok(()),
        (_, true) => {
            Err(CliError::failure(format!("{wrong} of {} checks found something wrong", findings.len()), "apply the fixes above"))
        }
        (_, false) => {
            Err(CliError::new(Exit::Unreachable, format!("no server answers at {}", context.url), "apply the fixes above"))
        }
    }
}

fn writable(root: &Path) -> Finding {
    let probe = root.join("doctor.probe");
    let written = state::write(&probe, b"probe").and_then(|()| state::remove(&probe));
    Finding::of("state directory", written.map(|()| format!("{} can be written", root.display())))
}

/// Whether others can look into the state directory.
#[cfg(unix)]
fn private(root: &Path) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt as _;
    /// A file that others can read; a directory closed to them protects whatever is in it.
    fn first_open(path: &Path) -> Option<std::path::PathBuf> {
        let metadata = path.symlink_metadata().ok()?;
        if metadata.is_symlink() || metadata.permissions().mode() & 0o077 == 0 {
            return None;
        }
        if metadata.is_file() {
            return Some(path.to_owned());
        }
        std::fs::read_dir(path).ok()?.filter_map(Result::ok).find_map(|entry| first_open(&entry.path()))
    }
    Some(match first_open(root) {
        None => Finding::good("permissions", "only you can read the state directory"),
        Some(path) => Finding::bad(
            "permissions",
            format!("other users of this machine may read {}", path.display()),
            format!("chmod -R go= {}", root.display()),
        ),
    })
}

#[cfg(not(unix))]
fn private(_: &Path) -> Option<Finding> {
    None
}

/// Everything that needs the server. Returns whether it answers at all.
async fn look_at_server(client: &Client, findings: &mut Vec<Finding>) -> bool {
    let answer = client.call(Method::GET, "/version", Body::Empty, Auth::None).await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let reachable = !matches!(error, CallError::Unreachable(_) | CallError::Lost(_));
            let error = client.explain(error);
            findings.push(Finding::bad("server", error.what, error.next));
            findings.push(genesis_offline(client));
            return reachable;
        }
    };
    findings.push(version(&answer));
    findings.extend(clock(&answer));
    findings.push(readiness(client).await);
    findings.push(genesis(client).await);
    findings.push(session(client).await);
    true
}

fn version(answer: &Answer) -> Finding {
    let ours = env!("CARGO_PKG_VERSION");
    match answer.json::<Version>() {
        Ok(Version { name, version }) if compatible(ours, &version) => Finding::good("server", format!("{name} {version} answers")),
        Ok(Version { version, .. }) => Finding::bad(
            "server",
            format!("the server has version {version}, this command {ours}"),
            "use the version of `voting` that the server has",
        ),
        Err(_) => Finding::bad("server", "what answers is no voting gateway", "check the address: --url or VOTING_URL"),
    }
}

/// Versions with the same first two numbers understand each other.
fn compatible(ours: &str, theirs: &str) -> bool {
    let line = |version: &str| version.splitn(3, '.').take(2).map(str::to_owned).collect::<Vec<_>>();
    line(ours) == line(theirs)
}

fn clock(answer: &Answer) -> Option<Finding> {
    let date = answer.date.as_deref()?;
    let server = time::PrimitiveDateTime::parse(date, HTTP_DATE).ok()?.assume_utc();
    let here = OffsetDateTime::from_unix_timestamp_nanos(i128::from(now().as_millis()) * 1_000_000).ok()?;
    let ahead = (here - server).whole_seconds();
    Some(if ahead.abs() <= CLOCK_TOLERANCE_S {
        Finding::good("clock", format!("within {CLOCK_TOLERANCE_S} s of the server's"))
    } else {
        let direction = if ahead > 0 { "ahead of" } else { "behind" };
        Finding::bad(
            "clock",
            format!("this machine is {} s {direction} the server", ahead.abs()),
            "synchronise the clock, e.g. timedatectl set-ntp true; votes are not affected, times shown and sessions are",
        )
    })
}

async fn readiness(client: &Client) -> Finding {
    match client.call(Method::GET, "/readyz", Body::Empty, Auth::None).await {
        Ok(answer) => match answer.json::<Readiness>() {
            Ok(Readiness { ready: true, checks }) => {
                Finding::good("ready", format!("{} of {} parts are well", checks.len(), checks.len()))
            }
            Ok(Readiness { checks, .. }) => {
                let bad: Vec<_> =
                    checks.iter().filter(|check| !check.ok).map(|check| format!("{}: {}", check.name, check.detail)).collect();
                Finding::bad("ready", bad.join("; "), "tell the operator; ballots are not lost, they wait")
            }
            Err(error) => Finding::bad("ready", client.explain(error).what, "check that the versions fit"),
        },
        Err(error) => {
            Finding::bad("ready", client.explain(error).what, "the server cannot record ballots now; wait, or tell the operator")
        }
    }
}

fn genesis_offline(client: &Client) -> Finding {
    Finding::of(
        "genesis",
        pinned::load(client.dir()).map(|genesis| match genesis {
            Some(genesis) => format!("network `{}` is pinned, {}", genesis.network, genesis.digest()),
            None => "nothing is pinned yet; the first contact pins it".to_owned(),
        }),
    )
}

async fn genesis(client: &Client) -> Finding {
    let look = async {
        let network: Network = client.get("/network", Auth::None).await?;
        Ok(match pinned::load(client.dir())? {
            None => format!("nothing is pinned yet; the server's is {}", network.genesis),
            Some(pinned) => {
                pinned::same(&pinned, network.genesis)?;
                format!("network `{}` is the pinned one, {}", network.network, network.genesis)
            }
        })
    };
    Finding::of("genesis", look.await)
}

async fn session(client: &Client) -> Finding {
    match Session::load(client.dir()) {
        Ok(None) => Finding::good("session", "nobody is signed in"),
        Ok(Some(session)) => {
            let me = client.get::<crate::api::User>("/auth/me", Auth::Required).await;
            Finding::of("session", me.map(|_| format!("signed in as {}", session.user.email)))
        }
        Err(error) => Finding::bad("session", error.what, error.next),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_http_is_understood() {
        let answer = |date: &str| Answer { status: reqwest::StatusCode::OK, bytes: Vec::new(), date: Some(date.to_owned()) };
        let old = clock(&answer("Sun, 06 Nov 1994 08:49:37 GMT")).unwrap();
        assert!(!old.ok && old.detail.contains("ahead of"), "{old:?}");
        assert!(clock(&answer("yesterday")).is_none());
    }

    #[test]
    fn patches_are_compatible_and_minors_are_not() {
        assert!(compatible("0.1.0", "0.1.9") && !compatible("0.1.0", "0.2.0") && !compatible("1.0.0", "x"));
    }

    #[cfg(unix)]
    #[test]
    fn files_that_others_can_read_are_found() {
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir().unwrap();
        assert!(writable(root.path()).ok);
        state::write(&root.path().join("a/key"), b"x").unwrap();
        assert!(private(root.path()).unwrap().ok);
        let open = |name: &str, mode| {
            std::fs::set_permissions(root.path().join(name), std::fs::Permissions::from_mode(mode)).unwrap();
        };
        open("a/key", 0o644);
        assert!(private(root.path()).unwrap().ok, "nobody gets as far as the file");
        open("a", 0o755);
        let finding = private(root.path()).unwrap();
        assert!(!finding.ok && finding.detail.contains("a/key") && finding.fix.unwrap().starts_with("chmod"));
    }
}
