//! What stands around every request: size, type, time, strict JSON, headers, and one form of error.

use std::any::Any;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use poem::endpoint::BoxEndpoint;
use poem::error::ReadBodyError;
use poem::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_METHOD, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE,
    ORIGIN, STRICT_TRANSPORT_SECURITY, VARY, WWW_AUTHENTICATE,
};
use poem::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use poem::middleware::{CatchPanic, CookieJarManager};
use poem::{Body, Endpoint, EndpointExt, IntoResponse, Request, Response, Route};
use poem_openapi::OpenApiService;

use crate::accounts::random_bytes;
use crate::api::Api;
use crate::config::{Config, Limits};
use crate::problem::{self, Problem, REQUEST_ID};
use crate::state::GatewayState;
use crate::{pages, spec, strict_json};

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

/// Headers for pages of the origins that are allowed.
const CORS_HEADERS: [(&str, &str); 5] = [
    ("access-control-allow-credentials", "true"),
    ("access-control-allow-headers", "authorization, content-type"),
    ("access-control-allow-methods", "GET, POST, PUT"),
    ("access-control-expose-headers", "location, retry-after, x-request-id"),
    ("access-control-max-age", "600"),
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
    let spec = spec::complete(&service.spec());
    // The API is nested at the root, which would hide the pages there.
    let both = Arc::new((pages::routes(state, &spec).boxed(), Route::new().nest("/", service).boxed()));
    let routes = poem::endpoint::make(move |request: Request| {
        let both = Arc::clone(&both);
        async move {
            let (pages, api) = both.as_ref();
            if pages::is_page(request.uri().path()) { pages.call(request).await } else { api.call(request).await }
        }
    });
    let state = state.clone();
    routes
        .with(CookieJarManager::new())
        .with(CatchPanic::new().with_handler(panicked))
        .around(move |endpoint, request| {
            let state = state.clone();
            async move { Ok(answer(endpoint, request, state).await) }
        })
        .map_to_response()
        .boxed()
}

/// Answers a request whatever happens, with every header that answers have.
async fn answer(endpoint: Arc<impl Endpoint>, request: Request, state: GatewayState) -> Response {
    let config = &state.config;
    let (method, started) = (known_method(request.method()), Instant::now());
    let origin = allowed_origin(request.headers(), config);
    let is_preflight = request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let id = random_bytes::<8>().map(|bytes| HEXLOWER.encode(&bytes)).unwrap_or_default();
    let mut response = if origin.is_some() && is_preflight {
        StatusCode::NO_CONTENT.into_response()
    } else {
        REQUEST_ID.scope(id.clone(), admit(endpoint, request, config.limits)).await
    };
    let status = response.status();
    let headers = response.headers_mut();
    let mut add = |name: HeaderName, value: HeaderValue| {
        headers.entry(name).or_insert(value);
    };
    for (name, value) in SECURITY_HEADERS {
        add(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    add(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        add(HeaderName::from_static("x-request-id"), id);
    }
    if config.secure_cookies {
        add(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    if status == StatusCode::UNAUTHORIZED {
        add(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(origin) = origin {
        for (name, value) in CORS_HEADERS {
            add(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        add(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    if !config.allowed_origins.is_empty() {
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
    metrics::counter!("http_requests_total", "method" => method, "status" => status.as_str().to_owned()).increment(1);
    metrics::histogram!("http_request_seconds", "method" => method).record(started.elapsed().as_secs_f64());
    response
}

/// A panic ends its request, with an answer that tells nothing.
fn panicked(_: Box<dyn Any + Send + 'static>) -> Problem {
    Problem::internal("a handler panicked")
}

/// Methods as the metrics name them: callers may invent others without end.
fn known_method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// The origin of a page elsewhere that may call the API. All others get no permission, which browsers obey.
fn allowed_origin(headers: &HeaderMap, config: &Config) -> Option<HeaderValue> {
    let origin = headers.get(ORIGIN)?;
    config.allowed_origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()).then(|| origin.clone())
}

async fn admit(endpoint: Arc<impl Endpoint>, request: Request, limits: Limits) -> Response {
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
    match tokio::time::timeout(limits.handler_timeout + limits.body_timeout, work).await {
        Ok(response) => response,
        Err(_) => Problem::unavailable("timeout", "this took too long and was given up", Duration::from_secs(5)).into_response(),
    }
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
            return Err(Problem::too_slow(format!("the body was not complete after {:?}", limits.body_timeout)));
        }
    };
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = content_type.map(|value| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    match kind.as_deref() {
        // Nothing at all is as good as an object without fields.
        None if bytes.is_empty() && request.method() == Method::POST => {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            request.set_body(Body::from("{}"));
            return Ok(request);
        }
        _ if bytes.is_empty() => {}
        Some("application/json") => {
            strict_json::check(&bytes).map_err(|detail| Problem::bad_request("invalid_json", detail))?;
        }
        Some("text/csv") => {
            std::str::from_utf8(&bytes).map_err(|error| Problem::bad_request("invalid_text", format!("not UTF-8: {error}")))?;
        }
        _ => return Err(Problem::unsupported_media("send application/json, or text/csv for a list of voters")),
    }
    request.set_body(Body::from(bytes));
    Ok(request)
}

fn max_body(path: &str, limits: Limits) -> usize {
    if path.starts_with("/votes/") {
        limits.ballot_body_bytes
    } else if path.starts_with("/elections") {
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
