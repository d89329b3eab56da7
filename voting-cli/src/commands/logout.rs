//! `voting logout`: ends the session at the server and forgets it here.

use reqwest::Method;
use serde_json::json;

use super::Context;
use crate::client::{Auth, CallError};
use crate::exit::Result;
use crate::session;

/// Sign out.
///
/// Voter keys, signed ballots and receipts stay: they belong to you, not to the session.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting logout
  voting logout --everywhere       every browser and machine where this account is signed in")]
pub(crate) struct Args {
    /// End every session of this account, on all machines
    #[arg(long)]
    everywhere: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let client = context.client()?;
    let Some(session) = client.session().await else {
        return context.out.answer(&json!({ "signed_out": false }), || format!("nobody is signed in at {}", client.address()));
    };
    let path = if args.everywhere { "/auth/logout-everywhere" } else { "/auth/logout" };
    let revoked = match client.patient(Method::POST, path, crate::client::Body::Empty, Auth::Required).await {
        Ok(_) | Err(CallError::Local(_)) => true, // a session that ended by itself needs no end
        Err(error) if args.everywhere => return Err(client.explain(error)),
        Err(error) => {
            context
                .out
                .warn(format!("{}; the session is forgotten here, the server ends it when it expires", client.explain(error).what));
            false
        }
    };
    let _lock = session::lock(client.dir()).await?;
    client.set_session(None).await?;
    let email = session.user.email;
    context.out.answer(&json!({ "signed_out": true, "revoked": revoked, "email": email }), || {
        format!("{email} is signed out at {}", client.address())
    })
}
