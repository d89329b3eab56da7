//! Signing in and out, and what the store and the browser get to see of it.

use std::sync::Arc;

use reqwest::header::{COOKIE, RETRY_AFTER, SET_COOKIE};
use serde_json::{Value, json};
use voting_core::seams::{KeyClass, Store};
use voting_gateway::{Config, Limits};

use crate::support::{Gateway, problem_of, roomy};

async fn login_cli(gateway: &Gateway) -> (String, String) {
    let body = json!({"email": "alice@example.com", "password": "alicepass", "client": "cli"});
    let (status, session) = gateway.post("/auth/login", None, body).await;
    assert_eq!(status, 200, "{session}");
    let text = |name: &str| session[name].as_str().unwrap().to_owned();
    (text("access_token"), text("refresh_token"))
}

async fn refresh(gateway: &Gateway, token: &str) -> (u16, Value) {
    gateway.post("/auth/refresh", None, json!({"refresh_token": token})).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_and_an_unknown_account_look_the_same() {
    let gateway = Gateway::start().await;
    let mut answers = Vec::new();
    for (email, password) in [("alice@example.com", "wrong"), ("nobody@example.com", "wrong"), ("no address", ""), ("", "x")] {
        let (status, mut problem) = gateway.post("/auth/login", None, json!({"email": email, "password": password})).await;
        assert_eq!((status, &problem["code"]), (401, &json!("invalid_credentials")));
        problem["request_id"] = Value::Null;
        answers.push(problem);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    // The address is the same however it is written.
    let (status, session) =
        gateway.post("/auth/login", None, json!({"email": " ALICE@Example.com", "password": "alicepass"})).await;
    assert_eq!((status, &session["user"]["email"]), (200, &json!("alice@example.com")));
    assert!(session.get("refresh_token").is_none(), "browsers get it as a cookie only");
    let (status, user) = gateway.get("/auth/me", session["access_token"].as_str()).await;
    assert_eq!((status, &user["roles"]), (200, &json!(["voter"])));
    for token in ["", "nonsense", &"x".repeat(300), "{}"] {
        assert_eq!(gateway.get("/auth/me", Some(token)).await.1["code"], "session_ended", "{token}");
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_is_slowed_down_by_account_and_by_address() {
    let limits = Limits { logins_per_account: 3, logins_per_address: 6, ..roomy().limits };
    let gateway = Gateway::with(Config { limits, ..roomy() }, |_| {}).await;
    let attempt = |email: &'static str, password: &'static str| {
        gateway.http.post(gateway.url("/auth/login")).json(&json!({"email": email, "password": password})).send()
    };
    for _ in 0..3 {
        assert_eq!(attempt("alice@example.com", "wrong").await.unwrap().status(), 401);
    }
    let throttled = attempt("alice@example.com", "alicepass").await.unwrap();
    assert_eq!(throttled.status(), 429, "even with the right password");
    assert!(throttled.headers().contains_key(RETRY_AFTER));
    assert_eq!(problem_of(throttled).await["code"], "too_many_requests");
    assert_eq!(attempt("bob@example.com", "bobpass").await.unwrap().status(), 200, "others are not held up");
    assert_eq!(attempt("carol@example.com", "carolpass").await.unwrap().status(), 200);
    assert_eq!(attempt("carol@example.com", "carolpass").await.unwrap().status(), 429, "the address has used its attempts");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_refresh_token_ends_the_session() {
    let gateway = Gateway::start().await;
    let (access, first) = login_cli(&gateway).await;
    let (other, _) = login_cli(&gateway).await;
    let (status, session) = refresh(&gateway, &first).await;
    assert_eq!(status, 200, "{session}");
    let (newer, second) = (session["access_token"].as_str().unwrap(), session["refresh_token"].as_str().unwrap());
    assert_ne!(second, first);
    assert_eq!(gateway.get("/auth/me", Some(newer)).await.0, 200);

    assert_eq!(refresh(&gateway, &first).await.1["code"], "refresh_reused");
    for token in [access.as_str(), newer] {
        assert_eq!(gateway.get("/auth/me", Some(token)).await.1["code"], "session_ended");
    }
    assert_eq!(refresh(&gateway, second).await.1["code"], "invalid_refresh_token");
    assert_eq!(gateway.get("/auth/me", Some(&other)).await.0, 200, "another login is another session");
    for token in ["", "AAAA", "%%%"] {
        assert_eq!(refresh(&gateway, token).await.1["code"], "invalid_refresh_token");
    }
    assert_eq!(gateway.post("/auth/refresh", None, json!({})).await.1["code"], "no_refresh_token");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_takes_effect_at_once() {
    let gateway = Gateway::start().await;
    let (one, refresh_one) = login_cli(&gateway).await;
    let (two, refresh_two) = login_cli(&gateway).await;
    let bob = gateway.login("bob").await;
    assert_eq!(gateway.post("/auth/logout", Some(&one), json!({})).await.0, 204);
    assert_eq!(gateway.get("/auth/me", Some(&one)).await.0, 401);
    assert_eq!(refresh(&gateway, &refresh_one).await.0, 401);
    assert_eq!(gateway.get("/auth/me", Some(&two)).await.0, 200);
    let (three, _) = login_cli(&gateway).await;
    assert_eq!(gateway.post("/auth/logout-everywhere", Some(&two), json!({})).await.0, 204);
    for token in [&two, &three] {
        assert_eq!(gateway.get("/auth/me", Some(token)).await.0, 401);
    }
    assert_eq!(refresh(&gateway, &refresh_two).await.0, 401);
    assert_eq!(gateway.get("/auth/me", Some(&bob)).await.0, 200);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cookie_is_for_this_site_and_no_script() {
    for secure in [false, true] {
        let gateway = Gateway::with(Config { secure_cookies: secure, ..roomy() }, |_| {}).await;
        let body = json!({"email": "alice@example.com", "password": "alicepass"});
        let answer = gateway.http.post(gateway.url("/auth/login")).json(&body).send().await.unwrap();
        assert_eq!(answer.headers().contains_key("strict-transport-security"), secure);
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let cookie = answer.headers()[SET_COOKIE].to_str().unwrap().to_owned();
        let name = if secure { "__Host-refresh=" } else { "refresh=" };
        assert!(cookie.starts_with(name), "{cookie}");
        for attribute in ["HttpOnly", "SameSite=Strict", "Path=/"] {
            assert!(cookie.contains(attribute), "{attribute}: {cookie}");
        }
        assert_eq!(cookie.contains("; Secure"), secure, "{cookie}");
        assert!(!cookie.to_lowercase().contains("domain"), "{cookie}");

        // The cookie alone refreshes, without a body, and is rotated.
        let pair = cookie.split(';').next().unwrap().to_owned();
        let answer = gateway.http.post(gateway.url("/auth/refresh")).header(COOKIE, &pair).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(!answer.headers()[SET_COOKIE].to_str().unwrap().starts_with(&pair));
        // A browser that was not there any more for the answer sends the old one once more.
        let again = gateway.http.post(gateway.url("/auth/refresh")).header(COOKIE, &pair).send().await.unwrap();
        assert_eq!(again.status(), 200);
        let token = pair.split_once('=').unwrap().1;
        assert_eq!(refresh(&gateway, token).await.1["code"], "refresh_reused", "a program would have been there");
        let ended = gateway.http.post(gateway.url("/auth/refresh")).header(COOKIE, &pair).send().await.unwrap();
        assert_eq!(problem_of(ended).await["code"], "invalid_refresh_token");
        gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_holds_neither_tokens_nor_passwords() {
    let gateway = Gateway::start().await;
    let (access, refresh) = login_cli(&gateway).await;
    let decoded = String::from_utf8(data_encoding::BASE64URL_NOPAD.decode(refresh.as_bytes()).unwrap()).unwrap();
    let secret = decoded.rsplit('\n').next().unwrap();
    let store: &Arc<dyn Store> = gateway.network.store();
    let session_tag = format!("session:{}", &sha256_hex("alice@example.com")[..32]);
    let mut seen = 0;
    let buckets = "0123456789abcdef".chars().flat_map(|digit| [format!("accounts:{digit}"), format!("access:{digit}")]);
    for tag in buckets.chain([session_tag]) {
        for (key, found) in store.list(&tag, KeyClass::Account, "", None, 1_000).await.unwrap() {
            let text = format!("{key} {}", String::from_utf8_lossy(&found.value));
            for clear in [access.as_str(), refresh.as_str(), secret, "alicepass", "adminpass"] {
                assert!(!text.contains(clear), "{clear} in {text}");
            }
            seen += 1;
        }
    }
    assert!(seen >= 6, "four accounts, an access token, a session: {seen}");
    gateway.stop().await;
}

fn sha256_hex(text: &str) -> String {
    use sha2::Digest as _;
    data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(text.as_bytes()))
}
