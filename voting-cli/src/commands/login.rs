//! `voting login`: a session, kept in the state directory.

use std::io::{self, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::json;
use zeroize::Zeroizing;

use super::Context;
use crate::client::{Auth, Client};
use crate::exit::{CliError, Result};
use crate::session::{self, Session};
use crate::state;

/// Longest password read: longer than any gateway accepts, and no endless file.
const MAX_PASSWORD_BYTES: u64 = 4_096;

/// Sign in with e-mail and password.
///
/// The password is asked for without showing it, read from the file given with --password-file, or taken
/// from the first line of standard input where that is no terminal. It is never an argument, because other
/// users of the machine can read those, and it is never stored.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting login --email alice@example.com
  voting login --email alice@example.com --password-file ~/.alice
  pass show voting | voting login --email alice@example.com")]
pub(crate) struct Args {
    /// Your e-mail address
    #[arg(long)]
    email: String,
    /// Read the password from the first line of this file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let client = context.client()?;
    if !travels_safely(&client) {
        context.out.warn(format!("{} is not encrypted: others on the way can read the password", client.address()));
    }
    let password = password(&args, context)?;
    let body = json!({ "email": args.email.trim(), "password": password.as_str(), "client": "cli" });
    let answer = client.send_json(Method::POST, "/auth/login", &body, Auth::None).await?;
    let session = Session::new(answer.json().map_err(|error| client.explain(error))?);
    let user = session.user.clone();
    let _lock = session::lock(client.dir()).await?;
    client.set_session(Some(session)).await?;
    context.out.answer(&user, || format!("signed in at {} as {} ({})", client.address(), user.email, user.roles.join(", ")))
}

fn travels_safely(client: &Client) -> bool {
    let host = client.url().host_str().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    client.url().scheme() == "https" || loopback
}

fn password(args: &Args, context: &Context) -> Result<Zeroizing<String>> {
    let password = if let Some(path) = &args.password_file {
        first_line(std::fs::File::open(path).map_err(|error| state::cannot("read", path, &error))?, path)?
    } else if io::stdin().is_terminal() {
        rpassword::prompt_password(format!("Password of {} at {}: ", args.email, context.url)).map(Zeroizing::new).map_err(
            |error| CliError::failure(format!("the password cannot be read: {error}"), "give it in a file with --password-file"),
        )?
    } else {
        first_line(io::stdin(), Path::new("standard input"))?
    };
    if password.is_empty() {
        return Err(CliError::usage(
            "the password is empty",
            "type it when asked, or give it with --password-file or on standard input",
        ));
    }
    Ok(password)
}

fn first_line(input: impl io::Read, path: &Path) -> Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    input.take(MAX_PASSWORD_BYTES).read_to_string(&mut text).map_err(|error| state::cannot("read", path, &error))?;
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_first_line_without_its_end() {
        let read = |text: &str| first_line(text.as_bytes(), Path::new("x")).unwrap().to_string();
        assert_eq!(read("s3 cret\n"), "s3 cret");
        assert_eq!(read("s3cret\r\nmore"), "s3cret");
        assert_eq!(read(" s\u{e9}cret "), " s\u{e9}cret ", "spaces may belong to it");
        assert_eq!(read(""), "");
    }
}
