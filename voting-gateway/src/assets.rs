//! The web application, built from `web/` and carried in this program.
//!
//! Files below `/assets/` bear a hash or version in their names and are kept by browsers for good. Everything else is
//! asked for anew each time, which costs a few bytes as long as it has not changed. Paths below `/app` belong to the
//! application, which finds its page itself.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::OnceLock;

use flate2::Compression;
use flate2::write::GzEncoder;
use poem::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use poem::http::{HeaderMap, HeaderName, StatusCode};
use poem::web::Path;
use poem::{IntoResponse, Response, handler};
use rust_embed::RustEmbed;

use crate::problem::Problem;

#[derive(RustEmbed)]
#[folder = "web/dist"]
#[exclude = "source.sha256"]
struct Files;

/// The page that every path of the application begins with.
const INDEX: &str = "index.html";
/// Where files never change under their names.
const IMMUTABLE: &str = "assets/";

struct Asset {
    bytes: Vec<u8>,
    gzip: Option<Vec<u8>>,
    content_type: &'static str,
    etag: String,
}

/// Every file, compressed once where that helps.
fn assets() -> &'static BTreeMap<String, Asset> {
    static ASSETS: OnceLock<BTreeMap<String, Asset>> = OnceLock::new();
    ASSETS.get_or_init(|| {
        let files = Files::iter().filter_map(|path| {
            let found = Files::get(&path)?;
            let content_type = content_type(&path);
            let bytes = found.data.into_owned();
            let gzip = if is_compressed(content_type) { None } else { compressed(&bytes) };
            let hash = found.metadata.sha256_hash();
            let etag = format!("\"{}\"", data_encoding::HEXLOWER.encode(&hash[..16]));
            Some((path.into_owned(), Asset { bytes, gzip, content_type, etag }))
        });
        files.collect()
    })
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("json" | "webmanifest") => "application/json",
        _ => "application/octet-stream",
    }
}

fn is_compressed(content_type: &str) -> bool {
    matches!(content_type, "image/png" | "font/woff2")
}

/// The bytes in gzip, if that is smaller.
fn compressed(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().filter(|gzip| gzip.len() < bytes.len())
}

fn respond(path: &str, headers: &HeaderMap) -> Result<Response, Problem> {
    let asset = assets().get(path).ok_or_else(|| Problem::not_found("no_such_route", "there is no such file; reload the page"))?;
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let cache = if path.starts_with(IMMUTABLE) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let answer = Response::builder().header(CACHE_CONTROL, cache).header(ETAG, &asset.etag).header(VARY, "accept-encoding");
    if text(IF_NONE_MATCH).split(',').any(|tag| tag.trim().trim_start_matches("W/") == asset.etag) {
        return Ok(answer.status(StatusCode::NOT_MODIFIED).finish());
    }
    let answer = answer.header(CONTENT_TYPE, asset.content_type);
    let wants_gzip = text(ACCEPT_ENCODING).split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next() == Some("gzip") && !parts.any(|weight| weight == "q=0")
    });
    match &asset.gzip {
        Some(gzip) if wants_gzip => Ok(answer.header(CONTENT_ENCODING, "gzip").body(gzip.as_slice())),
        _ => Ok(answer.body(asset.bytes.as_slice())),
    }
}

/// A page of the application.
#[handler]
pub(crate) fn page(headers: &HeaderMap) -> Result<Response, Problem> {
    respond(INDEX, headers)
}

/// A file of the application; one that does not exist is not the application.
#[handler]
pub(crate) fn file(headers: &HeaderMap, Path(path): Path<String>) -> Result<Response, Problem> {
    Ok(respond(&format!("{IMMUTABLE}{path}"), headers)?.into_response())
}
