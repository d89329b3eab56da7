//! What is not the API: the web application, live updates, the public boards, the API reference, health, metrics.

mod reference;

use std::time::Duration;

use poem::http::StatusCode;
use poem::web::Data;
use poem::{EndpointExt, IntoResponse, Response, Route, get, handler, post};
use serde_json::{Value, json};

use crate::assets;
use crate::board;
use crate::live;
use crate::state::GatewayState;

const STYLE: &str = include_str!("pages/style.css");

#[derive(Clone)]
struct Reference {
    page: String,
    spec: String,
}

/// Paths served here, besides those below [`TREES`].
const PATHS: [&str; 10] =
    ["/", "/app", "/ws", "/style.css", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics", "/version"];
/// Everything below these is served here, too.
const TREES: [&str; 3] = ["/app/", "/assets/", "/board/"];

/// Whether a path is one of those served here.
pub(crate) fn is_page(path: &str) -> bool {
    PATHS.contains(&path) || TREES.iter().any(|tree| path.starts_with(tree))
}

/// Routes beside the API.
pub(crate) fn routes(state: &GatewayState, spec: &str) -> Route {
    let reference = Reference { page: reference::page(spec), spec: spec.to_owned() };
    Route::new()
        .at("/", get(assets::page))
        .at("/app", get(assets::page))
        .at("/app/*path", get(assets::page))
        .at("/assets/*path", get(assets::file))
        .at("/ws", get(live::upgrade).data(state.clone()))
        .at("/style.css", get(style))
        .at("/docs", get(docs).data(reference.clone()))
        .at("/openapi.json", get(openapi).data(reference))
        .at("/healthz", get(healthz))
        .at("/readyz", get(readyz).data(state.clone()))
        .at("/metrics", get(prometheus).data(state.clone()))
        .at("/version", get(version))
        .at("/board/:id/checkpoint", get(board::checkpoint).data(state.clone()))
        .at("/board/:id/tile/*path", get(board::tile).data(state.clone()))
        .at("/board/:id/witnessed", get(board::witnessed).data(state.clone()))
        .at("/board/:id/cosignatures", post(board::cosign).data(state.clone()))
        .at("/board/:id/proof/:ballot", get(board::proof).data(state.clone()))
}

fn typed(content_type: &'static str, body: impl Into<poem::Body>) -> Response {
    Response::builder().content_type(content_type).header("cache-control", "no-cache").body(body)
}

#[handler]
fn style() -> Response {
    typed("text/css; charset=utf-8", STYLE)
}

#[handler]
fn docs(reference: Data<&Reference>) -> Response {
    typed("text/html; charset=utf-8", reference.page.clone())
}

#[handler]
fn openapi(reference: Data<&Reference>) -> Response {
    typed("application/json", reference.spec.clone())
}

/// The process answers.
#[handler]
fn healthz() -> Response {
    typed("text/plain; charset=utf-8", "ok\n")
}

#[handler]
fn version() -> Response {
    typed("application/json", json!({"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")}).to_string())
}

#[handler]
fn prometheus(state: Data<&GatewayState>) -> Response {
    let replica = state.backend().replica.state();
    metrics::gauge!("ledger_height").set(replica.height().0 as f64);
    metrics::gauge!("elections").set(replica.elections().count() as f64);
    crate::clock::measure(&state.config.name, &state.backend().network);
    typed("text/plain; version=0.0.4; charset=utf-8", state.metrics.render())
}

/// The process can do its work: every condition by name.
#[handler]
async fn readyz(state: Data<&GatewayState>) -> Response {
    let backend = state.backend();
    let store = async {
        let key = voting_core::seams::StoreKey::new("accounts:0", voting_core::seams::KeyClass::Account, "readiness");
        match key {
            Ok(key) => backend.store.get(&key).await.map(|_| "reads".to_owned()).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    };
    let queue = async {
        match backend.queue.depth().await {
            Ok(depth) if depth.waiting + depth.taken >= depth.capacity => Err(format!("full: {} entries", depth.capacity)),
            Ok(depth) => Ok(format!("{} waiting, {} taken, of {}", depth.waiting, depth.taken, depth.capacity)),
            Err(error) => Err(error.to_string()),
        }
    };
    let patience = Duration::from_secs(2);
    let late = || Err("no answer".to_owned());
    let mut checks = vec![
        ("store", tokio::time::timeout(patience, store).await.unwrap_or_else(|_| late())),
        ("queue", tokio::time::timeout(patience, queue).await.unwrap_or_else(|_| late())),
    ];
    checks.push(("clock", crate::clock::readiness(&backend.network)));
    checks.extend(backend.checks.iter().map(|(name, check)| (*name, check())));
    let ready = checks.iter().all(|(_, result)| result.is_ok());
    let listed: Vec<Value> = checks
        .into_iter()
        .map(|(name, result)| json!({"name": name, "ok": result.is_ok(), "detail": result.unwrap_or_else(|reason| reason)}))
        .collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    typed("application/json", json!({"ready": ready, "checks": listed}).to_string()).with_status(status).into_response()
}
