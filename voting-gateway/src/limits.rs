//! What stands around every request: size, type, time, strict JSON, headers, and one form of error.

use std::sync::OnceLock;
use std::time::Instant;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use poem::endpoint::BoxEndpoint;
use poem::error::ReadBodyError;
use poem::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use poem::http::{HeaderName, HeaderValue, Method};
use poem::middleware::{CookieJarManager, Cors};
use poem::{Body, Endpoint, EndpointExt, IntoResponse, Request, Response, Route};
use poem_openapi::OpenApiService;

use crate::api::Api;
use crate::config::Limits;
use crate::problem::{self, Problem};
use crate::state::GatewayState;
use crate::{pages, strict_json};

/// Headers of every answer. Nothing of ours is framed, sniffed, or allowed to load from elsewhere.
const SECURITY_HEADERS: [(&str, &str); 5] = [
    (
        "content-security-policy",
        "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// The service's description, as it stands at `/openapi.json`.
#[must_use]
pub(crate) fn service(state: &GatewayState) -> OpenApiService<Api, ()> {
    OpenApiService::new(crate::api::all(state), "Voting gateway", env!("CARGO_PKG_VERSION"))
        .description("Elections that nobody has to trust a server for. Errors are application/problem+json with a stable code.")
}

/// The whole service.
#[must_use]
pub fn build(state: &GatewayState) -> BoxEndpoint<'static> {
    let service = service(state);
    let spec = service.spec();
    let routes = pages::routes(state, &spec).nest("/", service);
    guard(routes, state)
}

fn guard(routes: Route, state: &GatewayState) -> BoxEndpoint<'static> {
    let config = &state.config;
    let mut cors = Cors::new().allow_methods([Method::GET, Method::POST, Method::PUT]).allow_credentials(true);
    for origin in &config.allowed_origins {
        cors = cors.allow_origin(origin.as_str());
    }
    // Without an allow-list the middleware would allow every origin; then there is none at all.
    let guarded = checks(routes, config.limits);
    if config.allowed_origins.is_empty() { guarded } else { guarded.with(cors).map_to_response().boxed() }
}

fn checks(routes: Route, limits: Limits) -> BoxEndpoint<'static> {
    routes.with(CookieJarManager::new()).around(move |endpoint, request| async move { Ok(admit(endpoint, request, limits).await) }).map_to_response().boxed()
}

async fn admit(endpoint: std::sync::Arc<impl Endpoint>, request: Request, limits: Limits) -> Response {
    let (method, started) = (request.method().clone(), Instant::now());
    let work = async {
        let request = match checked(request, limits).await {
            Ok(request) => request,
            Err(problem) => return problem.into_response(),
        };
        match endpoint.call(request).await {
            Ok(response) => response.into_response(),
            Err(error) => problem::answer(error).await,
        }
    };
    let mut response = match tokio::time::timeout(limits.handler_timeout + limits.body_timeout, work).await {
        Ok(response) => response,
        Err(_) => Problem::unavailable("timeout", "this took too long and was given up", std::time::Duration::from_secs(5))
            .into_response(),
    };
    for (name, value) in SECURITY_HEADERS {
        response.headers_mut().entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    let status = response.status().as_u16().to_string();
    metrics::counter!("http_requests_total", "method" => method.to_string(), "status" => status).increment(1);
    metrics::histogram!("http_request_seconds", "method" => method.to_string()).record(started.elapsed().as_secs_f64());
    response
}

/// Reads the body within its bounds and checks what it claims to be.
async fn checked(mut request: Request, limits: Limits) -> Result<Request, Problem> {
    if request.headers().contains_key(CONTENT_ENCODING) {
        return Err(Problem::unsupported_media("send the body as it is: no Content-Encoding is accepted"));
    }
    let max = max_body(request.uri().path(), limits);
    let claimed = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if claimed.is_some_and(|bytes| bytes > max as u64) {
        return Err(Problem::too_large(max));
    }
    let body = request.take_body().into_bytes_limit(max);
    let bytes = match tokio::time::timeout(limits.body_timeout, body).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(ReadBodyError::PayloadTooLarge)) => return Err(Problem::too_large(max)),
        Ok(Err(_)) => return Err(Problem::bad_request("incomplete_body", "the body ended before it was complete")),
        Err(_) => {
            return Err(Problem::bad_request("slow_body", format!("the body was not complete after {:?}", limits.body_timeout)));
        }
    };
    let is_json = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json"));
    if is_json && !bytes.is_empty() {
        strict_json::check(&bytes).map_err(|detail| Problem::bad_request("invalid_json", detail))?;
    }
    request.set_body(Body::from(bytes));
    Ok(request)
}

fn max_body(path: &str, limits: Limits) -> usize {
    if path.starts_with("/votes/") {
        limits.ballot_body_bytes
    } else if path.ends_with("/voters") || path.ends_with("/credentials") || path == "/elections" {
        limits.list_body_bytes
    } else {
        limits.body_bytes
    }
}

/// The process's metrics, installed once.
pub(crate) fn metrics_handle() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let recorder = PrometheusBuilder::new().build_recorder();
            let handle = recorder.handle();
            // Another recorder was installed by the program that embeds us: it sees the metrics, and /metrics is empty.
            let _ = metrics::set_global_recorder(recorder);
            handle
        })
        .clone()
}
