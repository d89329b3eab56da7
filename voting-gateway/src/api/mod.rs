//! The API, a file per resource. `docs/api.md` shows it in use.

mod auth;
mod elections;
mod models;
mod network;
mod results;
mod trustees;
mod voters;
mod votes;

pub(crate) use auth::user;
pub use models::*;
pub(crate) use results::show as show_result;
pub(crate) use votes::named;

use crate::state::GatewayState;

/// Every operation of the API.
pub(crate) type Api = (
    auth::AuthApi,
    elections::ElectionsApi,
    voters::VotersApi,
    votes::VotesApi,
    results::ResultsApi,
    network::NetworkApi,
    trustees::TrusteesApi,
);

/// The API on a gateway's state.
pub(crate) fn all(state: &GatewayState) -> Api {
    (
        auth::AuthApi(state.clone()),
        elections::ElectionsApi(state.clone()),
        voters::VotersApi(state.clone()),
        votes::VotesApi(state.clone()),
        results::ResultsApi(state.clone()),
        network::NetworkApi(state.clone()),
        trustees::TrusteesApi(state.clone()),
    )
}
