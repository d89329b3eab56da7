//! Signing in and out.

use std::time::Duration;

use poem::http::HeaderMap;
use poem::web::RemoteAddr;
use poem::web::cookie::{Cookie, CookieJar, SameSite};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};

use super::models::{Login, Refresh, Session, User};
use crate::accounts::{Account, normalize_email};
use crate::problem::Problem;
use crate::sessions::{self, REFRESH_TTL, Tokens};
use crate::state::{GatewayState, take_one};

pub(crate) struct AuthApi(pub(super) GatewayState);

/// Nothing to say.
#[derive(ApiResponse)]
enum Done {
    /// Done.
    #[oai(status = 204)]
    NoContent,
}

/// An account as its holder sees it.
pub(crate) fn user(account: &Account) -> User {
    User {
        id: account.id.clone(),
        email: account.email.clone(),
        name: account.name.clone(),
        roles: account.roles.iter().map(|role| role.as_str().to_owned()).collect(),
    }
}

#[OpenApi]
impl AuthApi {
    /// Sign in
    ///
    /// The refresh token comes as an HttpOnly cookie, or in the answer if `client` is `cli`. An unknown
    /// account and a wrong password get the same answer.
    #[oai(path = "/auth/login", method = "post", operation_id = "login")]
    async fn login(&self, remote: &RemoteAddr, cookies: &CookieJar, body: Json<Login>) -> Result<Json<Session>, Problem> {
        let state = &self.0;
        let address = remote.0.as_socket_addr().map_or_else(String::new, |address| address.ip().to_string());
        let account_key = normalize_email(&body.email).unwrap_or_else(|_| "unusable".to_owned());
        let busy = |what: &str| {
            Problem::too_many(format!("too many attempts to sign in from this {what}; wait a minute"), Duration::from_secs(60))
        };
        if !take_one(&state.buckets.login_address, &address) {
            return Err(busy("address"));
        }
        if !take_one(&state.buckets.login_account, &account_key) {
            return Err(busy("account"));
        }
        let store = state.backend.store.as_ref();
        let found = state.accounts.authenticate(store, &body.email, &body.password).await?;
        let account =
            found.ok_or_else(|| Problem::unauthorized("invalid_credentials", "e-mail address or password is not right"))?;
        let tokens = sessions::start(store, &account, state.backend.clock.now()).await?;
        Ok(Json(self.session(&account, tokens, body.client.as_deref() == Some("cli"), cookies)))
    }

    /// Get fresh tokens
    ///
    /// Rotates the refresh token. Using an old one ends the session on all devices that share it.
    #[oai(path = "/auth/refresh", method = "post", operation_id = "refresh")]
    async fn refresh(&self, cookies: &CookieJar, body: Json<Refresh>) -> Result<Json<Session>, Problem> {
        let state = &self.0;
        let store = state.backend.store.as_ref();
        let cookie = cookies.get(self.cookie_name()).map(|cookie| cookie.value_str().to_owned());
        let in_body = body.refresh_token.is_some();
        let token = body.0.refresh_token.or(cookie);
        let token = token
            .ok_or_else(|| Problem::unauthorized("no_refresh_token", "neither a cookie nor refresh_token was sent; sign in"))?;
        let grace = if in_body { Duration::ZERO } else { sessions::BROWSER_GRACE };
        let (email, tokens) = sessions::refresh(store, &token, grace, state.backend.clock.now()).await?;
        let account = state.accounts.find(store, &email).await?;
        let account = account.ok_or_else(|| Problem::unauthorized("session_ended", "the account is gone"))?;
        Ok(Json(self.session(&account, tokens, in_body, cookies)))
    }

    /// Sign out here
    #[oai(path = "/auth/logout", method = "post", operation_id = "logout")]
    async fn logout(&self, headers: &HeaderMap, cookies: &CookieJar) -> Result<Done, Problem> {
        let caller = self.0.signed_in(headers).await?;
        sessions::end(self.0.backend.store.as_ref(), &caller.session).await?;
        cookies.remove(self.cookie_name());
        Ok(Done::NoContent)
    }

    /// Sign out everywhere
    #[oai(path = "/auth/logout-everywhere", method = "post", operation_id = "logoutEverywhere")]
    async fn logout_everywhere(&self, headers: &HeaderMap, cookies: &CookieJar) -> Result<Done, Problem> {
        let caller = self.0.signed_in(headers).await?;
        sessions::end_all(self.0.backend.store.as_ref(), &caller.session.email).await?;
        cookies.remove(self.cookie_name());
        Ok(Done::NoContent)
    }

    /// Who is signed in
    #[oai(path = "/auth/me", method = "get", operation_id = "me")]
    async fn me(&self, headers: &HeaderMap) -> Result<Json<User>, Problem> {
        let caller = self.0.signed_in(headers).await?;
        Ok(Json(user(&caller.account)))
    }
}

impl AuthApi {
    fn cookie_name(&self) -> &'static str {
        if self.0.config.secure_cookies { "__Host-refresh" } else { "refresh" }
    }

    fn session(&self, account: &Account, tokens: Tokens, in_body: bool, cookies: &CookieJar) -> Session {
        if !in_body {
            let mut cookie = Cookie::new_with_str(self.cookie_name(), tokens.refresh.clone());
            cookie.set_http_only(true);
            cookie.set_same_site(SameSite::Strict);
            cookie.set_secure(self.0.config.secure_cookies);
            cookie.set_path("/");
            cookie.set_max_age(REFRESH_TTL);
            cookies.add(cookie);
        }
        Session {
            access_token: tokens.access,
            expires_at: tokens.expires_at.to_string(),
            refresh_token: in_body.then_some(tokens.refresh),
            user: user(account),
        }
    }
}
