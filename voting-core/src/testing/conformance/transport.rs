//! The promises of [`Transport`].

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;

use super::{MOMENT, PATIENCE, Runtime, Task, poll_once, task};
use crate::seams::transport::MAX_MESSAGE_BYTES;
use crate::seams::{Envelope, MessageKind, NodeName, Transport, TransportError};

/// Makes networks.
#[async_trait]
pub trait TransportBuilder: Runtime {
    /// Keeps what a network stands on.
    type Guard: Send + Sync;

    /// A network of so many nodes, whose ends are connected.
    async fn build(&self, nodes: usize) -> (Self::Guard, Vec<Arc<dyn Transport>>);

    /// Shuts one end down.
    async fn close(&self, guard: &Self::Guard, name: &NodeName);

    /// Messages that one end of [`TransportBuilder::build`] holds until they are received; `None`
    /// where a sender does not learn that they are too many.
    fn inbox_messages(&self) -> Option<usize>;
}

const KINDS: [MessageKind; 9] = [
    MessageKind::Consensus,
    MessageKind::Entries,
    MessageKind::Follow,
    MessageKind::Blocks,
    MessageKind::Status,
    MessageKind::Heartbeat,
    MessageKind::Inquiry,
    MessageKind::Response,
    MessageKind::Clock,
];

/// Every case.
pub async fn run_all<B: TransportBuilder>(builder: &B) {
    a_message_arrives_as_it_was_sent(builder).await;
    a_broadcast_reaches_all_others(builder).await;
    an_acknowledgement_comes_when_the_message_is_taken(builder).await;
    silence_is_not_an_acknowledgement(builder).await;
    unknown_nodes_are_named(builder).await;
    messages_are_bounded(builder).await;
    a_full_receiver_is_named_and_keeps_what_it_has(builder).await;
    a_full_receiver_does_not_keep_others_from_a_broadcast(builder).await;
    a_dropped_receive_loses_nothing(builder).await;
    each_message_is_received_once(builder).await;
    a_closed_end_says_so(builder).await;
    an_absent_node_does_not_keep_others_from_a_broadcast(builder).await;
}

fn text(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn envelope(from: &Arc<dyn Transport>, kind: MessageKind, bytes: Bytes) -> Result<Envelope, TransportError> {
    Ok(Envelope { from: from.name().clone(), kind, bytes })
}

async fn send(from: &Arc<dyn Transport>, to: &Arc<dyn Transport>, message: &str) {
    assert_eq!(from.send(to.name(), MessageKind::Consensus, text(message)).await, Ok(()));
}

/// Nothing has arrived at this end, and nothing is on its way.
async fn assert_nothing<B: TransportBuilder>(builder: &B, end: &Arc<dyn Transport>) {
    let mut receiving = Box::pin(end.receive());
    assert_eq!(poll_once(&mut receiving).await, None);
    builder.pass(MOMENT).await;
    assert_eq!(poll_once(&mut receiving).await, None);
}

/// Sender, kind and bytes; every kind; an empty one and the largest; and to nobody else.
pub async fn a_message_arrives_as_it_was_sent<B: TransportBuilder>(builder: &B) {
    let (_guard, ends) = builder.build(3).await;
    let names: BTreeSet<_> = ends.iter().map(|end| end.name().clone()).collect();
    assert_eq!(names.len(), 3);
    for kind in KINDS {
        for bytes in [Bytes::new(), text("hello"), Bytes::from(vec![0xff; 1_000])] {
            assert_eq!(ends[0].send(ends[1].name(), kind, bytes.clone()).await, Ok(()));
            assert_eq!(ends[1].receive().await, envelope(&ends[0], kind, bytes));
        }
    }
    let largest = Bytes::from(vec![1; MAX_MESSAGE_BYTES]);
    assert_eq!(ends[2].send(ends[1].name(), MessageKind::Consensus, largest.clone()).await, Ok(()));
    assert_eq!(ends[1].receive().await, envelope(&ends[2], MessageKind::Consensus, largest));
    assert_nothing(builder, &ends[0]).await;
    assert_nothing(builder, &ends[2]).await;
}

/// And not the sender.
pub async fn a_broadcast_reaches_all_others<B: TransportBuilder>(builder: &B) {
    let (_guard, ends) = builder.build(4).await;
    for kind in KINDS {
        assert_eq!(ends[0].broadcast(kind, text("news")).await, Ok(()));
        for end in &ends[1..] {
            assert_eq!(end.receive().await, envelope(&ends[0], kind, text("news")));
        }
    }
    assert_nothing(builder, &ends[0]).await;
}

/// Not before.
pub async fn an_acknowledgement_comes_when_the_message_is_taken<B: TransportBuilder>(builder: &B) {
    let (_guard, ends) = builder.build(2).await;
    let mut sending = Box::pin(ends[0].send_acknowledged(ends[1].name(), MessageKind::Entries, text("please"), PATIENCE));
    assert_eq!(poll_once(&mut sending).await, None);
    builder.pass(MOMENT).await;
    assert_eq!(poll_once(&mut sending).await, None, "acknowledged before it was taken");
    assert_eq!(ends[1].receive().await, envelope(&ends[0], MessageKind::Entries, text("please")));
    assert_eq!(sending.await, Ok(()));
}

/// The sender waits as long as it said and names who was silent; the message may still arrive.
pub async fn silence_is_not_an_acknowledgement<B: TransportBuilder>(builder: &B) {
    let (_guard, ends) = builder.build(2).await;
    match ends[0].send_acknowledged(ends[1].name(), MessageKind::Entries, text("please"), MOMENT).await {
        Err(TransportError::NotAcknowledged { to, .. }) => assert_eq!(to, *ends[1].name()),
        other => panic!("nobody took the message, but {other:?}"),
    }
    send(&ends[0], &ends[1], "after").await;
    let first = ends[1].receive().await.expect("the end is open").bytes;
    let last = if first == text("please") { ends[1].receive().await.expect("the end is open").bytes } else { first };
    assert_eq!(last, text("after"));
}

/// By both ways of sending to one.
pub async fn unknown_nodes_are_named<B: TransportBuilder>(builder: &B) {
    let (_guard, ends) = builder.build(2).await;
    let nobody = NodeName::from("nobody");
    let unknown = Err(TransportError::UnknownNode(nobody.clone()));
    assert_eq!(ends[0].send(&nobody, MessageKind::Consensus, text("x")).await, unknown);
    assert_eq!(ends[0].send_acknowledged(&nobody, MessageKind::Consensus, text("x"), MOMENT).await, unknown);
}

/// [`MAX_MESSAGE_BYTES`], by every way of sending; nothing of it arrives.
pub async fn messages_are_bounded<B: TransportBuilder>(builder: &B) {
    let (_guard, ends) = builder.build(2).await;
    let bytes = Bytes::from(vec![0; MAX_MESSAGE_BYTES + 1]);
    let too_large = Err(TransportError::TooLarge { actual: MAX_MESSAGE_BYTES + 1 });
    let (kind, to) = (MessageKind::Consensus, ends[1].name());
    assert_eq!(ends[0].send(to, kind, bytes.clone()).await, too_large);
    assert_eq!(ends[0].broadcast(kind, bytes.clone()).await, too_large);
    assert_eq!(ends[0].send_acknowledged(to, kind, bytes, MOMENT).await, too_large);
    assert_nothing(builder, &ends[1]).await;
}

/// The sender does not wait; what was accepted arrives; then there is room again.
pub async fn a_full_receiver_is_named_and_keeps_what_it_has<B: TransportBuilder>(builder: &B) {
    let Some(bound) = builder.inbox_messages() else { return };
    let (_guard, ends) = builder.build(2).await;
    let full = Err(TransportError::Full(ends[1].name().clone()));
    for n in 0..bound {
        send(&ends[0], &ends[1], &n.to_string()).await;
    }
    let (kind, to) = (MessageKind::Consensus, ends[1].name());
    assert_eq!(ends[0].send(to, kind, text("too many")).await, full);
    assert_eq!(ends[0].send_acknowledged(to, kind, text("too many"), PATIENCE).await, full);
    let mut received = BTreeSet::new();
    for _ in 0..bound {
        received.insert(ends[1].receive().await.expect("the end is open").bytes);
    }
    assert_eq!(received, (0..bound).map(|n| text(&n.to_string())).collect());
    assert_nothing(builder, &ends[1]).await;
    send(&ends[0], &ends[1], "again").await;
    assert_eq!(ends[1].receive().await, envelope(&ends[0], kind, text("again")));
}

/// They get it, and the sender gets no error.
pub async fn a_full_receiver_does_not_keep_others_from_a_broadcast<B: TransportBuilder>(builder: &B) {
    let Some(bound) = builder.inbox_messages() else { return };
    let (_guard, ends) = builder.build(4).await;
    for n in 0..bound {
        send(&ends[0], &ends[2], &n.to_string()).await;
    }
    assert_eq!(ends[0].broadcast(MessageKind::Status, text("news")).await, Ok(()));
    for end in [&ends[1], &ends[3]] {
        assert_eq!(end.receive().await, envelope(&ends[0], MessageKind::Status, text("news")));
    }
}

/// Dropped while it waits, and after it was woken.
pub async fn a_dropped_receive_loses_nothing<B: TransportBuilder>(builder: &B) {
    let (_guard, ends) = builder.build(2).await;
    for n in 0..20 {
        let mut dropped = Box::pin(ends[1].receive());
        assert_eq!(poll_once(&mut dropped).await, None);
        if n % 2 == 0 {
            drop(dropped);
            send(&ends[0], &ends[1], &n.to_string()).await;
        } else {
            send(&ends[0], &ends[1], &n.to_string()).await;
            drop(dropped);
        }
        assert_eq!(ends[1].receive().await, envelope(&ends[0], MessageKind::Consensus, text(&n.to_string())));
    }
}

/// By several who receive at one end while several send to it.
pub async fn each_message_is_received_once<B: TransportBuilder>(builder: &B) {
    const EACH: usize = 40;
    let (_guard, ends) = builder.build(3).await;
    let received: Arc<Mutex<Vec<Bytes>>> = Arc::default();
    let mut tasks: Vec<Task> = (0..2)
        .map(|_| {
            let (end, received) = (Arc::clone(&ends[0]), Arc::clone(&received));
            task(async move {
                for _ in 0..EACH {
                    let envelope = end.receive().await.expect("the end is open");
                    received.lock().expect("no task panicked").push(envelope.bytes);
                }
            })
        })
        .collect();
    for (sender, end) in ends.iter().enumerate().skip(1) {
        let (end, to) = (Arc::clone(end), ends[0].name().clone());
        tasks.push(task(async move {
            for n in 0..EACH {
                // Acknowledged, so that no inbox is too small.
                let sent = end.send_acknowledged(&to, MessageKind::Entries, text(&format!("{sender}/{n}")), PATIENCE).await;
                assert_eq!(sent, Ok(()));
            }
        }));
    }
    builder.together(tasks).await;
    let received = received.lock().expect("no task panicked");
    assert_eq!(received.len(), 2 * EACH);
    assert_eq!(received.iter().collect::<BTreeSet<_>>().len(), 2 * EACH);
}

/// To whoever waits for a message and to whoever sends one.
pub async fn a_closed_end_says_so<B: TransportBuilder>(builder: &B) {
    let (guard, ends) = builder.build(2).await;
    let mut receiving = Box::pin(ends[1].receive());
    assert_eq!(poll_once(&mut receiving).await, None);
    builder.close(&guard, ends[1].name()).await;
    assert_eq!(receiving.await, Err(TransportError::Closed));
    assert_eq!(ends[1].receive().await, Err(TransportError::Closed));
    let (kind, to) = (MessageKind::Consensus, ends[0].name());
    assert_eq!(ends[1].send(to, kind, text("x")).await, Err(TransportError::Closed));
    assert_eq!(ends[1].broadcast(kind, text("x")).await, Err(TransportError::Closed));
    assert_eq!(ends[1].send_acknowledged(to, kind, text("x"), MOMENT).await, Err(TransportError::Closed));
    assert_nothing(builder, &ends[0]).await;
}

/// And who asks it for an acknowledgement gets none.
pub async fn an_absent_node_does_not_keep_others_from_a_broadcast<B: TransportBuilder>(builder: &B) {
    let (guard, ends) = builder.build(3).await;
    builder.close(&guard, ends[1].name()).await;
    assert_eq!(ends[0].broadcast(MessageKind::Status, text("news")).await, Ok(()));
    assert_eq!(ends[2].receive().await, envelope(&ends[0], MessageKind::Status, text("news")));
    let asked = ends[0].send_acknowledged(ends[1].name(), MessageKind::Status, text("there?"), MOMENT).await;
    assert!(matches!(asked, Err(TransportError::UnknownNode(_) | TransportError::NotAcknowledged { .. })), "{asked:?}");
}
