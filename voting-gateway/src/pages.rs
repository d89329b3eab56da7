//! What is not JSON: the start page, the API reference, health, metrics.

use std::time::Duration;

use poem::http::StatusCode;
use poem::web::Data;
use poem::{EndpointExt, IntoResponse, Response, Route, get, handler};
use serde_json::{Value, json};

use crate::state::GatewayState;

const STYLE: &str = include_str!("pages/style.css");
const START: &str = include_str!("pages/start.html");

/// Text that the reference shows, escaped for HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[derive(Clone)]
struct Reference {
    page: String,
    spec: String,
}

/// Every path served here.
pub(crate) const PATHS: [&str; 8] = ["/", "/style.css", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics", "/version"];

/// Routes beside the API.
pub(crate) fn routes(state: &GatewayState, spec: &str) -> Route {
    let reference = Reference { page: reference_page(spec), spec: spec.to_owned() };
    Route::new()
        .at("/", get(start))
        .at("/style.css", get(style))
        .at("/docs", get(docs).data(reference.clone()))
        .at("/openapi.json", get(openapi).data(reference))
        .at("/healthz", get(healthz))
        .at("/readyz", get(readyz).data(state.clone()))
        .at("/metrics", get(prometheus).data(state.clone()))
        .at("/version", get(version))
}

fn typed(content_type: &'static str, body: impl Into<poem::Body>) -> Response {
    Response::builder().content_type(content_type).header("cache-control", "no-cache").body(body)
}

#[handler]
fn start() -> Response {
    typed("text/html; charset=utf-8", START)
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
    typed("text/plain; version=0.0.4; charset=utf-8", state.metrics.render())
}

/// The process can do its work: every condition by name.
#[handler]
async fn readyz(state: Data<&GatewayState>) -> Response {
    let backend = state.backend();
    let store = async {
        let key = voting_core::seams::StoreKey::new("accounts", voting_core::seams::KeyClass::Account, "readiness");
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
    checks.extend(backend.checks.iter().map(|(name, check)| (*name, check())));
    let ready = checks.iter().all(|(_, result)| result.is_ok());
    let listed: Vec<Value> = checks
        .into_iter()
        .map(|(name, result)| json!({"name": name, "ok": result.is_ok(), "detail": result.unwrap_or_else(|reason| reason)}))
        .collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    typed("application/json", json!({"ready": ready, "checks": listed}).to_string()).with_status(status).into_response()
}

/// The API reference as plain HTML: no script, nothing from elsewhere.
fn reference_page(spec: &str) -> String {
    let spec: Value = serde_json::from_str(spec).unwrap_or_default();
    let mut rows = String::new();
    for (path, methods) in spec["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            rows.push_str(&operation_html(path, method, operation));
        }
    }
    let mut models = String::new();
    for (name, schema) in spec["components"]["schemas"].as_object().into_iter().flatten() {
        models.push_str(&model_html(name, schema));
    }
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>API – Voting gateway</title><link rel=\"stylesheet\" href=\"/style.css\"></head><body><main>\
         <h1>API</h1><p>{}</p><p>Machine-readable: <a href=\"/openapi.json\">/openapi.json</a>. Start: <a href=\"/\">/</a>.</p>\
         <h2>Operations</h2>{rows}<h2>Models</h2>{models}</main></body></html>",
        escape(spec["info"]["description"].as_str().unwrap_or_default())
    )
}

fn operation_html(path: &str, method: &str, operation: &Value) -> String {
    let text = |key: &str| escape(operation[key].as_str().unwrap_or_default());
    let mut html = format!(
        "<article><h3><code>{} {}</code></h3><p><strong>{}</strong></p>",
        method.to_uppercase(),
        escape(path),
        text("summary")
    );
    if !text("description").is_empty() {
        html.push_str(&format!("<p>{}</p>", text("description").replace("\n", " ")));
    }
    let parameters: Vec<String> = operation["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|parameter| {
            let place = parameter["in"].as_str().unwrap_or_default();
            let about = parameter["description"].as_str().unwrap_or_default();
            format!("<li><code>{}</code> ({place}) {}</li>", escape(parameter["name"].as_str().unwrap_or_default()), escape(about))
        })
        .collect();
    if !parameters.is_empty() {
        html.push_str(&format!("<ul>{}</ul>", parameters.concat()));
    }
    let bodies: Vec<String> = operation["requestBody"]["content"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(kind, content)| format!("<code>{}</code> {}", escape(kind), type_html(&content["schema"])))
        .collect();
    if !bodies.is_empty() {
        html.push_str(&format!("<p>Body: {}</p>", bodies.join(" or ")));
    }
    let answers: Vec<String> = operation["responses"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(status, answer)| {
            let schema = answer["content"]
                .as_object()
                .and_then(|content| content.values().next())
                .map(|content| type_html(&content["schema"]));
            format!(
                "<li><code>{status}</code> {} {}</li>",
                escape(answer["description"].as_str().unwrap_or_default()),
                schema.unwrap_or_default()
            )
        })
        .collect();
    html.push_str(&format!("<details><summary>Answers</summary><ul>{}</ul></details></article>", answers.concat()));
    html
}

fn model_html(name: &str, schema: &Value) -> String {
    let fields: Vec<String> = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(field, kind)| {
            let about = kind["description"].as_str().unwrap_or_default();
            format!("<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>", escape(field), type_html(kind), escape(about))
        })
        .collect();
    let about = escape(schema["description"].as_str().unwrap_or_default());
    format!("<article id=\"{0}\"><h3>{0}</h3><p>{about}</p><table>{1}</table></article>", escape(name), fields.concat())
}

fn type_html(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = escape(reference.rsplit('/').next().unwrap_or_default());
        return format!("<a href=\"#{name}\">{name}</a>");
    }
    if let Some(all) = schema["allOf"].as_array().and_then(|all| all.first()) {
        return type_html(all);
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", type_html(&schema["items"])),
        Some(kind) => match schema["format"].as_str() {
            Some(format) => format!("{} ({})", escape(kind), escape(format)),
            None => escape(kind),
        },
        None => String::new(),
    }
}
