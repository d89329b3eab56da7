//! `voting whoami`: the account as the server sees it.

use super::Context;
use crate::api::User;
use crate::client::Auth;
use crate::exit::Result;
use crate::output::fields;

/// Show who is signed in, and as what.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting whoami
  voting whoami --output json | jq -r .email")]
pub(crate) struct Args {}

pub(crate) async fn run(_: Args, context: &Context) -> Result<()> {
    let client = context.client()?;
    let user: User = client.get("/auth/me", Auth::Required).await?;
    context.out.answer(&user, || {
        fields(&[
            ("server", client.address().to_owned()),
            ("e-mail", user.email.clone()),
            ("name", user.name.clone()),
            ("roles", user.roles.join(", ")),
        ])
    })
}
