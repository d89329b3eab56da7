//! What a follower, such as a gateway, asks every authority, and what each answers for itself.
//!
//! ```text
//!  follower ── Inquiry: which of these do you hold? ──▶ every authority
//!  follower ◀── Response: these ─────────────────────── each that answers
//! ```
//!
//! Answers are unsigned. Who holds an entry is a hint for people who wait: an authority that holds one has not voted for a block
//! yet, and what is recorded is told by certificates alone. A signature below a checkpoint proves itself.

use std::collections::{BTreeSet, HashMap};
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
use voting_core::crypto::Signature;
use voting_core::ids::{AuthorityIndex, ElectionId, EntryHash};
use voting_core::seams::{Envelope, MessageKind, NodeName, Transport};

/// Entries that one inquiry asks about: one that costs an authority some microseconds.
pub const MAX_INQUIRY: usize = 256;

/// Who answers this much later than those who are enough is waited for no longer.
const GRACE: Duration = Duration::from_millis(50);

/// Who does not answer for this long may have lost the question.
const ROUND: Duration = Duration::from_millis(500);
/// Who has not come far enough is asked again after this long.
const AGAIN: Duration = Duration::from_millis(20);

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Question {
    /// Which of these entries does an authority hold? At most [`MAX_INQUIRY`].
    Holding(Vec<EntryHash>),
    /// Its signature below the checkpoint of an election's log.
    Checkpoint {
        /// The election.
        election: ElectionId,
        /// Number of entries.
        size: u64,
    },
}

/// What an authority answers.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Answer {
    /// For each entry in the order of the question, whether it holds it.
    Holding(Vec<bool>),
    /// Over the text of the checkpoint; none if it has not come that far.
    Checkpoint(Option<Signature>),
}

/// A question, as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Inquiry {
    /// Repeated in the answer.
    pub(crate) number: u64,
    pub(crate) question: Question,
}

impl Canonical for Inquiry {
    const TAG: &'static str = "voting/inquiry/v1";
    const MAX_BYTES: usize = 8 + 1 + 4 + MAX_INQUIRY * EntryHash::LEN;
}

/// An answer, as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Response {
    /// Number of the inquiry.
    pub(crate) number: u64,
    pub(crate) answer: Answer,
}

impl Canonical for Response {
    const TAG: &'static str = "voting/response/v1";
    const MAX_BYTES: usize = 8 + 1 + 4 + MAX_INQUIRY;
}

/// Asks the node at hand; none if it has stopped.
pub(crate) type Answers = Arc<dyn Fn(&Question) -> Option<Answer> + Send + Sync>;

/// The authorities, as they can be asked.
#[derive(Clone)]
pub(crate) enum Authorities {
    /// Those of this process, in the order of the epoch.
    Here(Arc<[Answers]>),
    /// Elsewhere.
    Asked(Arc<Inquiries>),
}

impl Authorities {
    /// Asks every authority, and hands on each answer until `take` finds that these are enough. Ends when all have answered or the
    /// patience is over; [`GRACE`] after there were enough.
    async fn ask(&self, question: &Question, patience: Duration, mut take: impl FnMut(AuthorityIndex, Answer) -> bool) {
        match self {
            Self::Here(nodes) => {
                for (index, node) in (0u16..).zip(nodes.iter()) {
                    node(question).map(|answer| take(AuthorityIndex(index), answer));
                }
            }
            Self::Asked(inquiries) => inquiries.ask(question, patience, take).await,
        }
    }

    /// For each entry the authorities that hold it.
    pub(crate) async fn holders(&self, entries: &[EntryHash], patience: Duration) -> Vec<Vec<AuthorityIndex>> {
        let mut holders = vec![Vec::new(); entries.len()];
        let take = |authority, answer| {
            if let Answer::Holding(held) = answer
                && held.len() == entries.len()
            {
                holders.iter_mut().zip(held).filter(|(_, held)| *held).for_each(|(holders, _)| holders.push(authority));
            }
            false
        };
        self.ask(&Question::Holding(entries.to_vec()), patience, take).await;
        for holders in &mut holders {
            holders.sort_unstable();
        }
        holders
    }

    /// Has the checkpoint of an election's log signed; `take` looks whether a signature holds, and tells when there are enough.
    /// An authority may be a moment behind: as long as there are too few, all are asked again.
    pub(crate) async fn sign(
        &self,
        election: ElectionId,
        size: u64,
        patience: Duration,
        mut take: impl FnMut(AuthorityIndex, Signature) -> bool,
    ) {
        let until = Instant::now() + patience;
        let (mut signed, mut enough) = (BTreeSet::new(), false);
        while !enough && Instant::now() < until {
            let take = |authority, answer| {
                if let Answer::Checkpoint(Some(signature)) = answer
                    && signed.insert(authority)
                {
                    enough = take(authority, signature);
                }
                enough
            };
            let round = (until - Instant::now()).min(ROUND);
            self.ask(&Question::Checkpoint { election, size }, round, take).await;
            if !enough {
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Here(_) => "Authorities::Here",
            Self::Asked(_) => "Authorities::Asked",
        })
    }
}

type Waiting = mpsc::Sender<(AuthorityIndex, Answer)>;

/// Inquiries of a follower, and those that wait for answers.
pub(crate) struct Inquiries {
    transport: Arc<dyn Transport>,
    authorities: Mutex<Arc<[NodeName]>>,
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, Waiting>>,
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

    async fn ask(&self, question: &Question, patience: Duration, mut take: impl FnMut(AuthorityIndex, Answer) -> bool) {
        let mut until = Instant::now() + patience;
        let authorities = self.authorities();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, mut answers) = mpsc::channel(authorities.len().max(1));
        self.waiting().insert(number, sender);
        let _given_up = Forget { inquiries: self, number };
        let bytes = Bytes::from(Inquiry { number, question: question.clone() }.to_canonical());
        for name in authorities.iter() {
            if let Err(error) = self.transport.send(name, MessageKind::Inquiry, bytes.clone()).await {
                debug!(%name, %error, "an authority was not asked");
            }
        }
        let mut answered = BTreeSet::new();
        while answered.len() < authorities.len()
            && let Ok(Some((authority, answer))) = timeout_at(until, answers.recv()).await
        {
            if answered.insert(authority) && take(authority, answer) {
                until = until.min(Instant::now() + GRACE);
            }
        }
    }

    /// Takes an answer in.
    pub(crate) fn answered(&self, envelope: &Envelope) {
        let Some(from) = self.authorities().iter().position(|name| *name == envelope.from) else { return };
        match Response::from_canonical(&envelope.bytes) {
            Ok(Response { number, answer }) => {
                if let Some(answers) = self.waiting().get(&number) {
                    let _ = answers.try_send((AuthorityIndex(from as u16), answer)); // full: one that answers twice
                }
            }
            Err(error) => debug!(from = %envelope.from, %error, "not an answer to an inquiry"),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, Waiting>> {
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
        assert_eq!(asked.question, Question::Holding(ENTRIES.to_vec()));
        let answer = Response { number: asked.number, answer: Answer::Holding(held.to_vec()) };
        authority.send(&envelope.from, MessageKind::Response, answer.to_canonical().into()).await.unwrap();
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
            let lie = Response { number: 1, answer: Answer::Holding(vec![true; 3]) };
            for (authority, held) in authorities.iter().zip(answers) {
                if let Some(held) = held {
                    answer(authority, held).await;
                }
                stranger.send(&"gateway".into(), MessageKind::Response, lie.to_canonical().into()).await.unwrap();
            }
            std::future::pending::<()>().await;
        };
        let authorities_asked = Authorities::Asked(Arc::clone(&inquiries));
        let found = tokio::select! {
            found = authorities_asked.holders(&ENTRIES, patience) => found,
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

    #[tokio::test(start_paused = true)]
    async fn who_is_silent_is_not_waited_for_once_enough_have_signed() {
        let network = MemoryNetwork::new();
        let names: Vec<NodeName> = (0..4).map(|index| NodeName(format!("a{index}"))).collect();
        let authorities: Vec<_> = names.iter().map(|name| network.join(name.clone())).collect();
        let gateway: Arc<dyn Transport> = Arc::new(network.join("gateway".into()));
        let inquiries = Arc::new(Inquiries::new(Arc::clone(&gateway), names));
        let handed_on = Arc::clone(&inquiries);
        let receive = async move {
            while let Ok(envelope) = gateway.receive().await {
                handed_on.answered(&envelope);
            }
        };
        let work = async {
            for authority in &authorities[..3] {
                let envelope = authority.receive().await.unwrap();
                let asked = Inquiry::from_canonical(&envelope.bytes).unwrap();
                assert_eq!(asked.question, Question::Checkpoint { election: ElectionId([1; ElectionId::LEN]), size: 9 });
                let answer = Response { number: asked.number, answer: Answer::Checkpoint(Some(Signature([2; 64]))) };
                authority.send(&envelope.from, MessageKind::Response, answer.to_canonical().into()).await.unwrap();
            }
            std::future::pending::<()>().await;
        };
        let (began, mut signed) = (Instant::now(), Vec::new());
        let take = |authority, _| {
            signed.push(authority);
            signed.len() == 3
        };
        let all = Authorities::Asked(inquiries);
        tokio::select! {
            () = all.sign(ElectionId([1; ElectionId::LEN]), 9, Duration::from_secs(5), take) => {}
            () = receive => unreachable!(),
            () = work => unreachable!(),
        }
        assert_eq!(signed, (0..3).map(AuthorityIndex).collect::<Vec<_>>());
        assert_eq!(began.elapsed(), GRACE);
    }

    /// Authorities of this process, of which each signs from its so-manieth question on.
    fn signing(from: [usize; 4]) -> Authorities {
        let node = |from: usize| -> Answers {
            let asked = std::sync::atomic::AtomicUsize::new(0);
            Arc::new(move |question| {
                assert!(matches!(question, Question::Checkpoint { size: 9, .. }));
                let has_come_so_far = asked.fetch_add(1, Ordering::Relaxed) >= from;
                Some(Answer::Checkpoint(has_come_so_far.then_some(Signature([2; 64]))))
            })
        };
        Authorities::Here(from.map(node).into())
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_a_moment_behind_is_asked_again_and_nobody_counts_twice() {
        for (from, patience, expected, rounds) in [
            ([0, 1, 3, 9], 1_000, vec![0, 1, 2], 3),
            ([0, 0, 0, 0], 1_000, vec![0, 1, 2, 3], 0),
            ([0, 1, 99, 99], 100, vec![0, 1], 5),
        ] {
            let (began, mut signed) = (Instant::now(), Vec::new());
            let take = |authority: AuthorityIndex, _| {
                signed.push(authority.0);
                signed.len() >= 3
            };
            signing(from).sign(ElectionId([1; ElectionId::LEN]), 9, Duration::from_millis(patience), take).await;
            signed.sort_unstable();
            assert_eq!(signed, expected, "{from:?}");
            assert_eq!(began.elapsed(), AGAIN * rounds, "{from:?}");
        }
    }
}
