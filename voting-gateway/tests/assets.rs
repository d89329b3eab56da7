//! The web application as it is served, and whether what is committed is what its sources give.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use flate2::read::GzDecoder;
use sha2::{Digest as _, Sha256};
use std::io::Read as _;

use crate::support::Gateway;

/// What a page needs before it shows anything: bytes of scripts in gzip.
const MAX_SCRIPT_BYTES: usize = 130_000;
/// The same for styles.
const MAX_STYLE_BYTES: usize = 12_000;

fn web() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("web")
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

/// The rule of web/scripts/source-hash.mjs.
#[test]
fn what_is_built_is_built_from_these_sources() {
    let mut found = Vec::new();
    for folder in ["src", "public"] {
        files_below(&web().join(folder), &mut found);
    }
    for single in ["index.html", "package.json", "package-lock.json", "vite.config.ts", "tsconfig.json"] {
        found.push(web().join(single));
    }
    let named: BTreeMap<String, PathBuf> =
        found.into_iter().map(|path| (path.strip_prefix(web()).unwrap().to_str().unwrap().to_owned(), path)).collect();
    let mut all = String::new();
    for (name, path) in named {
        let hash = HEXLOWER.encode(&Sha256::digest(std::fs::read(path).unwrap()));
        writeln!(all, "{name}\n{hash}").unwrap();
    }
    let hash = HEXLOWER.encode(&Sha256::digest(all));
    let built = std::fs::read_to_string(web().join("dist/source.sha256")).unwrap();
    assert_eq!(built.trim(), hash, "web/dist is stale: run `npm ci && npm run build` in voting-gateway/web");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_application_is_served_at_its_paths_and_nowhere_else() {
    let gateway = Gateway::start().await;
    let get = |path: &str| gateway.http.get(gateway.url(path)).send();
    let index = get("/").await.unwrap();
    assert_eq!(index.headers()["cache-control"], "no-cache");
    let (etag, index) = (index.headers()["etag"].to_str().unwrap().to_owned(), index.text().await.unwrap());
    assert!(index.starts_with("<!doctype html>"), "{index}");
    for path in ["/app", "/app/elections", "/app/elections/1/vote"] {
        assert_eq!(get(path).await.unwrap().text().await.unwrap(), index, "{path}");
    }
    let unchanged = gateway.http.get(gateway.url("/app")).header("if-none-match", format!("\"x\", {etag}")).send().await.unwrap();
    assert_eq!((unchanged.status().as_u16(), unchanged.text().await.unwrap()), (304, String::new()));
    for path in ["/assets/nothing.js", "/assets/../index.html", "/assets/%2e%2e/index.html", "/application", "/source.sha256"] {
        let answer = get(path).await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{path}");
    }
    gateway.stop().await;
}

/// Addresses in a page or script that begin like this, up to a quote.
fn references<'a>(text: &'a str, prefix: &str) -> Vec<&'a str> {
    text.match_indices(prefix).map(|(at, _)| text[at..].split(['"', '\'', '`', ')']).next().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_load_is_small_and_kept() {
    let gateway = Gateway::start().await;
    let index = gateway.http.get(gateway.url("/")).send().await.unwrap().text().await.unwrap();
    let mut sizes = BTreeMap::from([("js", 0), ("css", 0)]);
    for path in references(&index, "/assets/") {
        let answer = gateway.http.get(gateway.url(path)).header("accept-encoding", "br, gzip").send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.headers()["cache-control"], "public, max-age=31536000, immutable", "{path}");
        assert_eq!(answer.headers()["vary"], "accept-encoding");
        let is_gzip = answer.headers().get("content-encoding").is_some_and(|coding| coding == "gzip");
        let bytes = answer.bytes().await.unwrap();
        let plain = gateway.http.get(gateway.url(path)).send().await.unwrap();
        assert!(!plain.headers().contains_key("content-encoding"));
        let plain = plain.bytes().await.unwrap();
        if is_gzip {
            let mut unpacked = Vec::new();
            GzDecoder::new(bytes.as_ref()).read_to_end(&mut unpacked).unwrap();
            assert_eq!(unpacked, plain, "{path}");
        } else {
            assert_eq!(bytes, plain, "{path}");
        }
        if let Some(size) = sizes.get_mut(path.rsplit('.').next().unwrap()) {
            *size += bytes.len();
        }
    }
    println!("first load in gzip: {sizes:?}");
    assert!((1..=MAX_SCRIPT_BYTES).contains(&sizes["js"]), "{sizes:?}");
    assert!((1..=MAX_STYLE_BYTES).contains(&sizes["css"]), "{sizes:?}");
    gateway.stop().await;
}
