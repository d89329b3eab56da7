//! Who has checked an entry and holds it: how far an entry is before it is final.
//!
//! ```text
//!  follower ── Inquiry: which of these do you hold? ──▶ every authority
//!  follower ◀── Holding: these ──────────────────────── each that answers
//! ```
//!
//! A hint for people who wait, nothing more: an answer is unsigned, and an authority that holds an entry has not voted
//! for a block yet. What is recorded is told by certificates alone.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tracing::debug;
use voting_core::codec::Canonical;
use voting_core::ids::{AuthorityIndex, EntryHash};
use voting_core::seams::{Envelope, MessageKind, NodeName, Transport};

/// Entries that one inquiry asks about: one that costs an authority some microseconds.
pub const MAX_INQUIRY: usize = 256;

/// Which of these entries does an authority hold?
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Inquiry {
    /// Repeated in the answer.
    pub(crate) number: u64,
    /// At most [`MAX_INQUIRY`].
    pub(crate) entries: Vec<EntryHash>,
}

impl Canonical for Inquiry {
    const TAG: &'static str = "voting/inquiry/v1";
    const MAX_BYTES: usize = 8 + 4 + MAX_INQUIRY * EntryHash::LEN;
}

/// An authority's answer.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Holding {
    /// Number of the inquiry.
    pub(crate) number: u64,
    /// For each entry in the order of the inquiry, whether the authority holds it.
    pub(crate) held: Vec<bool>,
}

impl Canonical for Holding {
    const TAG: &'static str = "voting/holding/v1";
    const MAX_BYTES: usize = 8 + 4 + MAX_INQUIRY;
}

/// Tells of the node at hand which entries it holds.
pub(crate) type Holds = Arc<dyn Fn(&[EntryHash]) -> Vec<bool> + Send + Sync>;

/// Where it can be found out who holds an entry.
#[derive(Clone)]
pub(crate) enum Holders {
    /// The authorities of this process, in the order of the epoch.
    Here(Arc<[Holds]>),
    /// Authorities elsewhere.
    Asked(Arc<Inquiries>),
}

impl Holders {
    /// For each entry the authorities that hold it, as far as they answer within the patience.
    pub(crate) async fn of(&self, entries: &[EntryHash], patience: Duration) -> Vec<Vec<AuthorityIndex>> {
        let mut holders = vec![Vec::new(); entries.len()];
        let mut note = |authority: AuthorityIndex, held: &[bool]| {
            for (holders, held) in holders.iter_mut().zip(held) {
                if *held {
                    holders.push(authority);
                }
            }
        };
        match self {
            Self::Here(nodes) => {
                for (index, holds) in (0u16..).zip(nodes.iter()) {
                    note(AuthorityIndex(index), &holds(entries));
                }
            }
            Self::Asked(inquiries) => {
                for (authority, held) in inquiries.ask(entries, patience).await {
                    note(authority, &held);
                }
            }
        }
        for holders in &mut holders {
            holders.sort_unstable();
        }
        holders
    }
}

impl fmt::Debug for Holders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Here(_) => "Holders::Here",
            Self::Asked(_) => "Holders::Asked",
        })
    }
}

type Answers = mpsc::Sender<(AuthorityIndex, Vec<bool>)>;

/// Inquiries of a follower, and those that wait for answers.
pub(crate) struct Inquiries {
    transport: Arc<dyn Transport>,
    authorities: Mutex<Arc<[NodeName]>>,
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, Answers>>,
}

impl Inquiries {
    pub(crate) fn new(transport: Arc<dyn Transport>, authorities: Vec<NodeName>) -> Self {
        Self { transport, authorities: Mutex::new(authorities.into()), next: AtomicU64::new(1), waiting: Mutex::default() }
    }

    /// The authorities have changed.
    pub(crate) fn ask_these(&self, authorities: &[NodeName]) {
        *self.authorities.lock().unwrap_or_else(PoisonError::into_inner) = authorities.into();
    }

    fn authorities(&self) -> Arc<[NodeName]> {
        Arc::clone(&self.authorities.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks every authority; ends when all have answered or the patience is over.
    async fn ask(&self, entries: &[EntryHash], patience: Duration) -> Vec<(AuthorityIndex, Vec<bool>)> {
        debug_assert!(entries.len() <= MAX_INQUIRY, "an inquiry is bounded");
        let until = Instant::now() + patience;
        let authorities = self.authorities();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, mut answers) = mpsc::channel(authorities.len().max(1));
        self.waiting().insert(number, sender);
        let _given_up = Forget { inquiries: self, number };
        let bytes = Bytes::from(Inquiry { number, entries: entries.to_vec() }.to_canonical());
        for name in authorities.iter() {
            if let Err(error) = self.transport.send(name, MessageKind::Inquiry, bytes.clone()).await {
                debug!(%name, %error, "an authority was not asked what it holds");
            }
        }
        let mut found: Vec<(AuthorityIndex, Vec<bool>)> = Vec::with_capacity(authorities.len());
        while found.len() < authorities.len()
            && let Ok(Some((authority, held))) = timeout_at(until, answers.recv()).await
        {
            if held.len() == entries.len() && found.iter().all(|(known, _)| *known != authority) {
                found.push((authority, held));
            }
        }
        found
    }

    /// Takes an answer in.
    pub(crate) fn answered(&self, envelope: &Envelope) {
        let Some(from) = self.authorities().iter().position(|name| *name == envelope.from) else { return };
        match Holding::from_canonical(&envelope.bytes) {
            Ok(Holding { number, held }) => {
                if let Some(answers) = self.waiting().get(&number) {
                    let _ = answers.try_send((AuthorityIndex(from as u16), held)); // full: one that answers twice
                }
            }
            Err(error) => debug!(from = %envelope.from, %error, "not an answer to an inquiry"),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, Answers>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets an inquiry when nobody waits for it any more.
struct Forget<'a> {
    inquiries: &'a Inquiries,
    number: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.inquiries.waiting().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::MemoryNetwork;

    const ENTRIES: [EntryHash; 3] = [EntryHash([1; 32]), EntryHash([2; 32]), EntryHash([3; 32])];

    async fn answer(authority: &dyn Transport, held: &[bool]) {
        let envelope = authority.receive().await.unwrap();
        assert_eq!(envelope.kind, MessageKind::Inquiry);
        let asked = Inquiry::from_canonical(&envelope.bytes).unwrap();
        assert_eq!(asked.entries, ENTRIES);
        let answer = Holding { number: asked.number, held: held.to_vec() };
        authority.send(&envelope.from, MessageKind::Holding, answer.to_canonical().into()).await.unwrap();
    }

    /// A gateway among four authorities; what arrives at the gateway is handed on until the future is dropped.
    async fn asked(patience: Duration, answers: [Option<&[bool]>; 4]) -> Vec<Vec<AuthorityIndex>> {
        let network = MemoryNetwork::new();
        let names: Vec<NodeName> = (0..4).map(|index| NodeName(format!("a{index}"))).collect();
        let authorities: Vec<_> = names.iter().map(|name| network.join(name.clone())).collect();
        let stranger = network.join("stranger".into());
        let gateway: Arc<dyn Transport> = Arc::new(network.join("gateway".into()));
        let inquiries = Arc::new(Inquiries::new(Arc::clone(&gateway), names));
        let handed_on = Arc::clone(&inquiries);
        let receive = async move {
            while let Ok(envelope) = gateway.receive().await {
                handed_on.answered(&envelope);
            }
        };
        let work = async {
            let lie = Holding { number: 1, held: vec![true; 3] };
            for (authority, held) in authorities.iter().zip(answers) {
                if let Some(held) = held {
                    answer(authority, held).await;
                }
                stranger.send(&"gateway".into(), MessageKind::Holding, lie.to_canonical().into()).await.unwrap();
            }
            std::future::pending::<()>().await;
        };
        let holders = Holders::Asked(Arc::clone(&inquiries));
        let found = tokio::select! {
            found = holders.of(&ENTRIES, patience) => found,
            () = receive => unreachable!(),
            () = work => unreachable!(),
        };
        assert!(inquiries.waiting().is_empty(), "nothing is kept of an inquiry that has ended");
        found
    }

    #[tokio::test(start_paused = true)]
    async fn everyone_answers_for_itself() {
        let (yes, some): (&[bool], &[bool]) = (&[true, true, false], &[false, true, false]);
        let began = Instant::now();
        let found = asked(Duration::from_secs(1), [Some(yes), Some(some), Some(some), Some(yes)]).await;
        assert_eq!(found, [vec![AuthorityIndex(0), AuthorityIndex(3)], (0..4).map(AuthorityIndex).collect(), vec![]]);
        assert_eq!(began.elapsed(), Duration::ZERO, "all have answered, so nobody waits");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_silent_or_answers_something_else_holds_nothing() {
        let (yes, wrong): (&[bool], &[bool]) = (&[true; 3], &[true; 4]);
        let began = Instant::now();
        let found = asked(Duration::from_secs(1), [Some(yes), None, Some(wrong), None]).await;
        assert_eq!(found, vec![vec![AuthorityIndex(0)]; 3]);
        assert_eq!(began.elapsed(), Duration::from_secs(1));
    }
}
