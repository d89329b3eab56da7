//! A network inside one process, whose links can be cut.
//!
//! ```text
//!  MemoryTransport a ──send──▶ [inbox of b: bounded] ──receive──▶ MemoryTransport b
//! ```
//!
//! A message over a cut link vanishes without an error, as on a real network.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until, timeout_at};
use voting_core::seams::transport::MAX_MESSAGE_BYTES;
use voting_core::seams::{Envelope, MessageKind, NodeName, Transport, TransportError};

/// Messages one inbox holds: a node that is this far behind catches up from the ledger anyway.
pub const INBOX_MESSAGES: usize = 4_096;
/// Bytes one inbox holds: a dozen of the largest messages.
pub const INBOX_BYTES: usize = 64 * 1024 * 1024;
/// Longest wait for an acknowledgement: keeps deadlines far from the end of time.
const LONGEST_PATIENCE: Duration = Duration::from_secs(86_400);

/// Connects the ends that join it. Clones are the same network.
#[derive(Debug, Clone)]
pub struct MemoryNetwork {
    inbox_messages: usize,
    shared: Arc<Mutex<Switch>>,
}

#[derive(Debug, Default)]
struct Switch {
    inboxes: BTreeMap<NodeName, Arc<Inbox>>,
    cut: HashSet<(NodeName, NodeName)>,
}

#[derive(Debug, Default)]
struct Inbox {
    content: Mutex<Content>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Content {
    messages: VecDeque<(Envelope, Option<oneshot::Sender<()>>)>,
    bytes: usize,
    closed: bool,
}

impl Inbox {
    /// Whether there was room.
    fn put(&self, envelope: Envelope, taken: Option<oneshot::Sender<()>>, most: usize) -> bool {
        let mut content = self.content();
        if content.messages.len() >= most || content.bytes + envelope.bytes.len() > INBOX_BYTES {
            return false;
        }
        content.bytes += envelope.bytes.len();
        content.messages.push_back((envelope, taken));
        drop(content);
        self.changed.notify_one();
        true
    }

    async fn next(&self) -> Result<Envelope, TransportError> {
        loop {
            {
                let mut content = self.content();
                if content.closed {
                    self.changed.notify_one(); // others may wait on the same end
                    return Err(TransportError::Closed);
                }
                if let Some((envelope, taken)) = content.messages.pop_front() {
                    content.bytes -= envelope.bytes.len();
                    if !content.messages.is_empty() {
                        self.changed.notify_one();
                    }
                    if let Some(taken) = taken {
                        let _ = taken.send(()); // the sender may have stopped waiting
                    }
                    return Ok(envelope);
                }
            }
            self.changed.notified().await;
        }
    }

    fn close(&self) {
        *self.content() = Content { closed: true, ..Content::default() };
        self.changed.notify_one();
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryNetwork {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryNetwork {
    /// A network of nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::with_inboxes(INBOX_MESSAGES)
    }

    /// A network whose inboxes hold so many messages.
    #[must_use]
    pub fn with_inboxes(messages: usize) -> Self {
        Self { inbox_messages: messages, shared: Arc::default() }
    }

    /// The end of a node. If there was one by that name, it is closed: the node has restarted.
    #[must_use]
    pub fn join(&self, name: NodeName) -> MemoryTransport {
        let inbox = Arc::new(Inbox::default());
        if let Some(former) = self.switch().inboxes.insert(name.clone(), Arc::clone(&inbox)) {
            former.close();
        }
        MemoryTransport { name, network: self.clone(), inbox }
    }

    /// Shuts a node's end down, as if it had crashed. What was in its inbox is lost.
    pub fn close(&self, name: &NodeName) {
        if let Some(inbox) = self.switch().inboxes.remove(name) {
            inbox.close();
        }
    }

    /// Loses every message from one node to another from now on.
    pub fn cut_one_way(&self, from: &NodeName, to: &NodeName) {
        self.switch().cut.insert((from.clone(), to.clone()));
    }

    /// Loses every message between two nodes from now on.
    pub fn cut(&self, one: &NodeName, other: &NodeName) {
        self.cut_one_way(one, other);
        self.cut_one_way(other, one);
    }

    /// Cuts a node off from all who have joined so far.
    pub fn isolate(&self, name: &NodeName) {
        let others: Vec<_> = self.switch().inboxes.keys().filter(|other| *other != name).cloned().collect();
        for other in &others {
            self.cut(name, other);
        }
    }

    /// Restores both directions between two nodes.
    pub fn heal(&self, one: &NodeName, other: &NodeName) {
        let mut switch = self.switch();
        switch.cut.remove(&(one.clone(), other.clone()));
        switch.cut.remove(&(other.clone(), one.clone()));
    }

    /// Restores every link.
    pub fn heal_all(&self) {
        self.switch().cut.clear();
    }

    fn switch(&self) -> MutexGuard<'_, Switch> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One node's end of a [`MemoryNetwork`]; dropping it leaves the network.
#[derive(Debug)]
pub struct MemoryTransport {
    name: NodeName,
    network: MemoryNetwork,
    inbox: Arc<Inbox>,
}

impl MemoryTransport {
    fn check(&self, bytes: &Bytes) -> Result<(), TransportError> {
        if self.inbox.content().closed {
            return Err(TransportError::Closed);
        }
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(TransportError::TooLarge { actual: bytes.len() });
        }
        Ok(())
    }

    fn post(
        &self,
        to: &NodeName,
        kind: MessageKind,
        bytes: Bytes,
        taken: Option<oneshot::Sender<()>>,
    ) -> Result<(), TransportError> {
        self.check(&bytes)?;
        let inbox = {
            let switch = self.network.switch();
            let inbox = switch.inboxes.get(to).ok_or_else(|| TransportError::UnknownNode(to.clone()))?;
            if switch.cut.contains(&(self.name.clone(), to.clone())) {
                return Ok(());
            }
            Arc::clone(inbox)
        };
        let envelope = Envelope { from: self.name.clone(), kind, bytes };
        if inbox.put(envelope, taken, self.network.inbox_messages) { Ok(()) } else { Err(TransportError::Full(to.clone())) }
    }
}

#[async_trait]
impl Transport for MemoryTransport {
    fn name(&self) -> &NodeName {
        &self.name
    }

    async fn send(&self, to: &NodeName, kind: MessageKind, bytes: Bytes) -> Result<(), TransportError> {
        self.post(to, kind, bytes, None)
    }

    async fn broadcast(&self, kind: MessageKind, bytes: Bytes) -> Result<(), TransportError> {
        self.check(&bytes)?;
        let others: Vec<_> = self.network.switch().inboxes.keys().filter(|other| **other != self.name).cloned().collect();
        for other in &others {
            let _ = self.post(other, kind, bytes.clone(), None); // best effort: a full inbox is its owner's loss
        }
        Ok(())
    }

    async fn send_acknowledged(
        &self,
        to: &NodeName,
        kind: MessageKind,
        bytes: Bytes,
        patience: Duration,
    ) -> Result<(), TransportError> {
        let deadline = Instant::now() + patience.min(LONGEST_PATIENCE);
        let (taken, was_taken) = oneshot::channel();
        self.post(to, kind, bytes, Some(taken))?;
        if let Ok(Ok(())) = timeout_at(deadline, was_taken).await {
            return Ok(());
        }
        // A message lost on its way is noticed by the silence alone, as on a real network.
        sleep_until(deadline).await;
        Err(TransportError::NotAcknowledged { to: to.clone(), after: patience })
    }

    async fn receive(&self) -> Result<Envelope, TransportError> {
        self.inbox.next().await
    }
}

impl Drop for MemoryTransport {
    fn drop(&mut self) {
        let mut switch = self.network.switch();
        // A later end of the same name stays.
        if switch.inboxes.get(&self.name).is_some_and(|inbox| Arc::ptr_eq(inbox, &self.inbox)) {
            switch.inboxes.remove(&self.name);
        }
        drop(switch);
        self.inbox.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn ends(network: &MemoryNetwork) -> [MemoryTransport; 3] {
        ["a", "b", "c"].map(|name| network.join(name.into()))
    }

    async fn arrives(from: &MemoryTransport, to: &MemoryTransport) -> bool {
        from.send(&to.name, MessageKind::Heartbeat, Bytes::new()).await.unwrap();
        timeout_at(Instant::now() + PATIENCE, to.receive()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn cut_links_lose_messages_until_they_are_healed() {
        let network = MemoryNetwork::new();
        let [a, b, c] = ends(&network);
        network.cut_one_way(&a.name, &b.name);
        assert!(!arrives(&a, &b).await && arrives(&b, &a).await && arrives(&a, &c).await);
        let asked = a.send_acknowledged(&b.name, MessageKind::Heartbeat, Bytes::new(), PATIENCE).await;
        assert_eq!(asked, Err(TransportError::NotAcknowledged { to: b.name.clone(), after: PATIENCE }));
        network.cut(&a.name, &b.name);
        assert!(!arrives(&a, &b).await && !arrives(&b, &a).await);
        network.heal(&b.name, &a.name);
        assert!(arrives(&a, &b).await && arrives(&b, &a).await, "what was lost stays lost, what is new arrives");
    }

    #[tokio::test(start_paused = true)]
    async fn an_isolated_node_hears_nobody_and_is_heard_by_nobody() {
        let network = MemoryNetwork::new();
        let [a, b, c] = ends(&network);
        network.isolate(&b.name);
        for other in [&a, &c] {
            assert!(!arrives(other, &b).await && !arrives(&b, other).await);
        }
        assert!(arrives(&a, &c).await);
        network.heal_all();
        assert!(arrives(&a, &b).await && arrives(&b, &c).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_joins_again_replaces_its_former_end() {
        let network = MemoryNetwork::new();
        let [a, b, _c] = ends(&network);
        let again = network.join(b.name.clone());
        assert_eq!(b.receive().await, Err(TransportError::Closed));
        drop(b);
        assert!(arrives(&a, &again).await, "the end of the former does not close the latter");
        let name = again.name.clone();
        drop(again);
        assert_eq!(a.send(&name, MessageKind::Heartbeat, Bytes::new()).await, Err(TransportError::UnknownNode(name)));
    }

    #[tokio::test]
    async fn an_inbox_is_bounded_in_bytes_too() {
        let network = MemoryNetwork::new();
        let [a, b, _c] = ends(&network);
        let large = Bytes::from(vec![0; MAX_MESSAGE_BYTES]);
        for _ in 0..INBOX_BYTES / MAX_MESSAGE_BYTES {
            a.send(&b.name, MessageKind::Consensus, large.clone()).await.unwrap();
        }
        assert_eq!(a.send(&b.name, MessageKind::Consensus, large.clone()).await, Err(TransportError::Full(b.name.clone())));
        b.receive().await.unwrap();
        a.send(&b.name, MessageKind::Consensus, large).await.unwrap();
    }
}
