//! What every request works with.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use metrics_exporter_prometheus::PrometheusHandle;
use poem::http::HeaderMap;
use poem::http::header::AUTHORIZATION;
use voting_cluster::{NetworkView, Replica};
use voting_core::crypto::{PublicKey, SigningKey};
use voting_core::election::Phase;
use voting_core::epoch::Genesis;
use voting_core::ids::{BallotHash, ElectionId, EntryHash, PartitionId};
use voting_core::seams::{BallotQueue, Clock, Ledger, Store};
use voting_core::state::ElectionState;

use crate::accounts::{Account, Accounts, Role};
use crate::config::Config;
use crate::problem::Problem;
use crate::sessions::{self, SignedIn};

/// One condition of being ready: its name, and whether it holds or why not.
pub type Check = (&'static str, Arc<dyn Fn() -> Result<String, String> + Send + Sync>);

/// What a gateway stands on.
#[derive(Clone)]
pub struct Backend {
    /// What the network is founded on.
    pub genesis: Arc<Genesis>,
    /// The chain served.
    pub partition: PartitionId,
    /// What is final.
    pub replica: Arc<Replica>,
    /// Where finalized blocks are read from.
    pub ledger: Arc<dyn Ledger>,
    /// Where entries go.
    pub queue: Arc<dyn BallotQueue>,
    /// Accounts, sessions, rolls.
    pub store: Arc<dyn Store>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Signs officers' acts.
    pub officer: SigningKey,
    /// Certifies voters' keys.
    pub registrar: SigningKey,
    /// Secret from which voters' pseudonyms are derived.
    pub pseudonym_secret: [u8; 32],
    /// The network as it is right now.
    pub network: NetworkView,
    /// Conditions of being ready, besides those that the gateway checks itself.
    pub checks: Vec<Check>,
}

impl std::fmt::Debug for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backend").field("network", &self.genesis.network).finish_non_exhaustive()
    }
}

/// Shared by all requests; cheap to clone.
#[derive(Clone)]
pub struct GatewayState(Arc<Inner>);

/// A [`GatewayState`] that does not keep it alive.
pub(crate) struct WeakState(Weak<Inner>);

impl WeakState {
    pub(crate) fn upgrade(&self) -> Option<GatewayState> {
        self.0.upgrade().map(GatewayState)
    }
}

/// What [`GatewayState`] shares; its parts are the gateway's own.
pub struct Inner {
    pub(crate) backend: Backend,
    pub(crate) config: Config,
    pub(crate) accounts: Accounts,
    pub(crate) buckets: Buckets,
    /// Entries of ballots that were submitted here and may not be final yet.
    pub(crate) ballots_under_way: UnderWay,
    /// Receipts of the newest blocks.
    pub(crate) prepared: crate::receipts::Prepared,
    /// Officers' acts on one gateway are done one after the other, so that they do not collide.
    pub(crate) acting: tokio::sync::Mutex<()>,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) network_status: crate::network::Cached,
    pub(crate) checkpoints: crate::board::Checkpoints,
    pub(crate) live: crate::live::Live,
}

/// The entry that carries a ballot, for the newest ballots submitted here.
#[derive(Default)]
pub(crate) struct UnderWay(Mutex<(HashMap<BallotHash, EntryHash>, VecDeque<BallotHash>)>);

/// As many as the replica remembers statuses of.
const MAX_UNDER_WAY: usize = voting_cluster::replica::REMEMBERED_ENTRIES;

impl UnderWay {
    pub(crate) fn insert(&self, ballot: BallotHash, entry: EntryHash) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (entries, order) = &mut *known;
        if entries.insert(ballot, entry).is_none() {
            order.push_back(ballot);
        }
        if order.len() > MAX_UNDER_WAY
            && let Some(oldest) = order.pop_front()
        {
            entries.remove(&oldest);
        }
    }

    pub(crate) fn get(&self, ballot: &BallotHash) -> Option<EntryHash> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.get(ballot).copied()
    }
}

pub(crate) struct Buckets {
    pub(crate) login_account: DefaultKeyedRateLimiter<String>,
    pub(crate) login_address: DefaultKeyedRateLimiter<String>,
    pub(crate) ballots: DefaultKeyedRateLimiter<PublicKey>,
}

/// Buckets kept before those that are full again are dropped.
const MAX_BUCKETS: usize = 10_000;

/// Takes one from a bucket. Names come from outside, so buckets that say nothing any more do not pile up.
pub(crate) fn take_one<K: Clone + Eq + std::hash::Hash>(buckets: &DefaultKeyedRateLimiter<K>, key: &K) -> bool {
    if buckets.len() >= MAX_BUCKETS {
        buckets.retain_recent();
    }
    buckets.check_key(key).is_ok()
}

impl std::fmt::Debug for GatewayState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("GatewayState").field(&self.0.backend).finish()
    }
}

impl std::ops::Deref for GatewayState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

fn per_minute(times: u32) -> Quota {
    Quota::per_minute(NonZeroU32::new(times).unwrap_or(NonZeroU32::MIN))
}

/// Someone who is signed in.
pub(crate) struct Caller {
    pub(crate) account: Account,
    pub(crate) session: SignedIn,
}

impl Caller {
    pub(crate) fn is(&self, role: Role) -> bool {
        self.account.roles.contains(&role)
    }
}

impl GatewayState {
    /// A gateway on a backend.
    #[must_use]
    pub fn new(backend: Backend, config: Config) -> Self {
        let limits = config.limits;
        let buckets = Buckets {
            login_account: RateLimiter::keyed(per_minute(limits.logins_per_account)),
            login_address: RateLimiter::keyed(per_minute(limits.logins_per_address)),
            ballots: RateLimiter::keyed(per_minute(limits.ballots_per_voter)),
        };
        let metrics = crate::limits::metrics_handle();
        Self(Arc::new(Inner {
            backend,
            config,
            accounts: Accounts::default(),
            buckets,
            ballots_under_way: UnderWay::default(),
            prepared: crate::receipts::Prepared::default(),
            acting: tokio::sync::Mutex::new(()),
            metrics,
            network_status: crate::network::Cached::default(),
            checkpoints: crate::board::Checkpoints::default(),
            live: crate::live::Live::new(limits.sockets, limits.sockets_per_address),
        }))
    }

    pub(crate) fn downgrade(&self) -> WeakState {
        WeakState(Arc::downgrade(&self.0))
    }

    /// The backend.
    #[must_use]
    pub fn backend(&self) -> &Backend {
        &self.0.backend
    }

    /// Makes an account; one that exists already is left as it is. Returns whether it is new.
    ///
    /// # Errors
    /// [`crate::AccountError`].
    pub async fn create_account(
        &self,
        email: &str,
        name: &str,
        password: &str,
        roles: &[Role],
        rule: crate::PasswordRule,
    ) -> Result<bool, crate::AccountError> {
        self.accounts.create(self.backend.store.as_ref(), email, name, password, roles, rule).await
    }

    /// Who makes a request, if anyone is signed in.
    pub(crate) async fn caller(&self, headers: &HeaderMap) -> Result<Option<Caller>, Problem> {
        let Some(value) = headers.get(AUTHORIZATION) else { return Ok(None) };
        let token = value.to_str().ok().and_then(|text| text.split_once(' '));
        let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token);
        let expired = || Problem::unauthorized("session_ended", "the session has ended or the token is not valid; sign in again");
        let session = sessions::signed_in(self.backend.store.as_ref(), token.ok_or_else(expired)?).await?.ok_or_else(expired)?;
        let account = self.accounts.find(self.backend.store.as_ref(), &session.email).await?.ok_or_else(expired)?;
        Ok(Some(Caller { account, session }))
    }

    /// Who makes a request; refuses those who are not signed in.
    pub(crate) async fn signed_in(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        self.caller(headers).await?.ok_or_else(|| Problem::unauthorized("not_signed_in", "sign in first: POST /auth/login"))
    }

    /// Refuses everyone without a role.
    pub(crate) async fn require(&self, headers: &HeaderMap, role: Role) -> Result<Caller, Problem> {
        let caller = self.signed_in(headers).await?;
        if caller.is(role) {
            return Ok(caller);
        }
        Err(Problem::forbidden("role_required", format!("this needs the role `{}`", role.as_str())))
    }

    /// An election that the caller may know of: drafts are for administrators.
    pub(crate) fn election(&self, id: &str, is_admin: bool) -> Result<Arc<ElectionState>, Problem> {
        let unknown = || {
            Problem::not_found("unknown_election", format!("there is no election `{}`", id.chars().take(64).collect::<String>()))
        };
        let id: ElectionId = id.parse().map_err(|_| unknown())?;
        let state = self.backend.replica.state();
        let election = state.election(id).cloned().ok_or_else(unknown)?;
        if is_visible(election.phase(), is_admin) { Ok(election) } else { Err(unknown()) }
    }
}

/// Drafts are for administrators.
pub(crate) const fn is_visible(phase: Phase, is_admin: bool) -> bool {
    is_admin || !matches!(phase, Phase::Draft | Phase::Ready)
}
