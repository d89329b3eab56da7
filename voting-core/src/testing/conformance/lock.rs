//! The promises of [`LockManager`].

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use super::{MOMENT, PATIENCE, Runtime, poll_once, task};
use crate::seams::lock::MAX_LOCK_NAME_BYTES;
use crate::seams::{FencingToken, Lease, LockError, LockManager};

/// Makes lock managers.
#[async_trait]
pub trait LockBuilder: Runtime {
    /// Keeps what the locks stand on.
    type Guard: Send + Sync;

    /// A manager of locks that nobody holds.
    async fn build(&self) -> (Self::Guard, Arc<dyn LockManager>);
}

/// A lease that outlasts every case.
const LONG: Duration = Duration::from_secs(600);
/// A lease to wait for.
const SHORT: Duration = Duration::from_secs(2);

/// Every case.
pub async fn run_all<B: LockBuilder>(builder: &B) {
    a_free_lock_is_acquired_at_once(builder).await;
    a_held_lock_is_waited_for_as_long_as_asked(builder).await;
    a_release_wakes_a_waiter(builder).await;
    the_end_of_a_lease_frees_the_lock(builder).await;
    a_waiter_gets_the_lock_when_the_lease_ends(builder).await;
    renewing_prolongs_the_lease(builder).await;
    only_the_owner_releases_and_renews(builder).await;
    impossible_locks_are_refused(builder).await;
    locks_do_not_disturb_each_other(builder).await;
    no_update_is_lost_under_contention(builder).await;
    tokens_fence_off_who_overslept(builder).await;
    a_dropped_acquire_holds_nothing(builder).await;
}

async fn acquire(locks: &Arc<dyn LockManager>, name: &str, lease: Duration) -> Lease {
    locks.acquire(name, lease, PATIENCE).await.expect("the lock becomes free")
}

async fn release(locks: &Arc<dyn LockManager>, lease: &Lease) {
    locks.release(lease).await.expect("the lease is held");
}

async fn is_held(locks: &Arc<dyn LockManager>, name: &str) -> bool {
    match locks.acquire(name, LONG, Duration::ZERO).await {
        Ok(lease) => {
            release(locks, &lease).await;
            false
        }
        Err(LockError::Timeout { .. }) => true,
        Err(error) => panic!("{error}"),
    }
}

fn lost(name: &str) -> Result<(), LockError> {
    Err(LockError::Lost { name: name.to_owned() })
}

/// Also without any patience, again after each release, with a higher token each time.
pub async fn a_free_lock_is_acquired_at_once<B: LockBuilder>(builder: &B) {
    let (_guard, locks) = builder.build().await;
    let mut last = None;
    for _ in 0..20 {
        let lease = locks.acquire("a", LONG, Duration::ZERO).await.expect("the lock is free");
        assert_eq!((lease.name.as_str(), lease.duration), ("a", LONG));
        assert!(last < Some(lease.token), "token {} follows {last:?}", lease.token);
        last = Some(lease.token);
        release(&locks, &lease).await;
    }
}

/// The error names it.
pub async fn a_held_lock_is_waited_for_as_long_as_asked<B: LockBuilder>(builder: &B) {
    let (_guard, locks) = builder.build().await;
    let lease = acquire(&locks, "a", LONG).await;
    for patience in [Duration::ZERO, MOMENT] {
        match locks.acquire("a", LONG, patience).await {
            Err(LockError::Timeout { name, waited }) => {
                assert_eq!(name, "a");
                assert!(waited >= patience, "waited {waited:?} of {patience:?}");
            }
            other => panic!("the lock is held, but {other:?}"),
        }
    }
    release(&locks, &lease).await;
    assert!(!is_held(&locks, "a").await, "those who gave up stand in nobody's way");
}

/// Long before the lease or its patience ends.
pub async fn a_release_wakes_a_waiter<B: LockBuilder>(builder: &B) {
    let (_guard, locks) = builder.build().await;
    let held = acquire(&locks, "a", LONG).await;
    let mut waiting = Box::pin(locks.acquire("a", LONG, PATIENCE));
    assert_eq!(poll_once(&mut waiting).await, None);
    builder.pass(MOMENT).await;
    assert_eq!(poll_once(&mut waiting).await, None);
    release(&locks, &held).await;
    let lease = waiting.await.expect("the lock was released");
    assert!(lease.token > held.token);
    assert!(is_held(&locks, "a").await);
}

/// Not before; and the holder that overslept can neither renew nor release.
pub async fn the_end_of_a_lease_frees_the_lock<B: LockBuilder>(builder: &B) {
    let (_guard, locks) = builder.build().await;
    let overslept = acquire(&locks, "a", SHORT).await;
    builder.pass(SHORT / 2).await;
    assert!(is_held(&locks, "a").await);
    builder.pass(SHORT / 2 + MOMENT).await;
    assert_eq!(locks.renew(&overslept).await, lost("a"), "the lease has ended, although nobody else took the lock");
    assert_eq!(locks.release(&overslept).await, lost("a"));
    let lease = locks.acquire("a", LONG, Duration::ZERO).await.expect("the lease has ended");
    assert!(lease.token > overslept.token);
    assert_eq!(locks.renew(&overslept).await, lost("a"));
    assert_eq!(locks.release(&overslept).await, lost("a"));
    assert!(is_held(&locks, "a").await, "another's lock is not touched");
    locks.renew(&lease).await.expect("the new holder is not disturbed");
}

/// Without anybody releasing it, and soon after, not when its own patience ends.
pub async fn a_waiter_gets_the_lock_when_the_lease_ends<B: LockBuilder>(builder: &B) {
    let (_guard, locks) = builder.build().await;
    let dead = acquire(&locks, "a", SHORT).await;
    let mut waiting = Box::pin(locks.acquire("a", LONG, PATIENCE));
    assert_eq!(poll_once(&mut waiting).await, None);
    builder.pass(SHORT).await;
    for _ in 0..20 {
        if let Some(acquired) = poll_once(&mut waiting).await {
            assert!(acquired.expect("the holder's lease has ended").token > dead.token);
            assert_eq!(locks.release(&dead).await, lost("a"));
            return;
        }
        builder.pass(MOMENT / 5).await;
    }
    panic!("the lease has ended, but the waiter still waits");
}

/// By its duration from then on, again and again.
pub async fn renewing_prolongs_the_lease<B: LockBuilder>(builder: &B) {
    let (_guard, locks) = builder.build().await;
    let lease = acquire(&locks, "a", SHORT).await;
    for _ in 0..3 {
        builder.pass(SHORT * 3 / 5).await;
        locks.renew(&lease).await.expect("the lease has not ended");
        assert!(is_held(&locks, "a").await);
    }
    builder.pass(SHORT + MOMENT).await;
    assert_eq!(locks.renew(&lease).await, lost("a"));
    assert!(!is_held(&locks, "a").await);
}

/// Whoever it is must know owner and token; and only once.
pub async fn only_the_owner_releases_and_renews<B: LockBuilder>(builder: &B) {
    let (_guard, locks) = builder.build().await;
    let lease = acquire(&locks, "a", LONG).await;
    let forged = Lease { owner: lease.owner ^ 1, ..lease.clone() };
    let unknown = Lease { name: "b".to_owned(), ..lease.clone() };
    for (other, name) in [(&forged, "a"), (&unknown, "b")] {
        assert_eq!(locks.release(other).await, lost(name));
        assert_eq!(locks.renew(other).await, lost(name));
    }
    assert!(is_held(&locks, "a").await);
    release(&locks, &lease).await;
    assert_eq!(locks.release(&lease).await, lost("a"));
    assert_eq!(locks.renew(&lease).await, lost("a"));
    assert!(!is_held(&locks, "a").await);
}

/// No name, too long a name, no duration. The longest name is possible.
pub async fn impossible_locks_are_refused<B: LockBuilder>(builder: &B) {
    let (_guard, locks) = builder.build().await;
    for (name, lease) in [(String::new(), LONG), ("x".repeat(MAX_LOCK_NAME_BYTES + 1), LONG), ("a".to_owned(), Duration::ZERO)] {
        let refused = locks.acquire(&name, lease, Duration::ZERO).await;
        assert!(matches!(refused, Err(LockError::Invalid(_))), "{refused:?}");
    }
    let longest = acquire(&locks, &"x".repeat(MAX_LOCK_NAME_BYTES), LONG).await;
    release(&locks, &longest).await;
}

/// Whatever their names have in common.
pub async fn locks_do_not_disturb_each_other<B: LockBuilder>(builder: &B) {
    let (_guard, locks) = builder.build().await;
    let names = ["a", "A", "aa", "a:a", "a/b"];
    let mut leases = Vec::new();
    for name in names {
        leases.push(locks.acquire(name, LONG, Duration::ZERO).await.expect("this one is free"));
    }
    release(&locks, &leases[0]).await;
    assert!(!is_held(&locks, "a").await);
    for name in &names[1..] {
        assert!(is_held(&locks, name).await);
    }
}

/// A counter that is read, left alone for a while and written back is right in the end: nobody else was
/// there. Everybody gets a turn, and no two turns have the same token.
pub async fn no_update_is_lost_under_contention<B: LockBuilder>(builder: &B) {
    const TASKS: u64 = 8;
    const EACH: u64 = 10;
    let (_guard, locks) = builder.build().await;
    let counter = Arc::new(AtomicU64::new(0));
    let tokens: Arc<Mutex<BTreeSet<FencingToken>>> = Arc::default();
    let tasks = (0..TASKS).map(|_| {
        let (locks, counter, tokens) = (Arc::clone(&locks), Arc::clone(&counter), Arc::clone(&tokens));
        task(async move {
            for _ in 0..EACH {
                let lease = acquire(&locks, "counter", LONG).await;
                let read = counter.load(Ordering::SeqCst);
                for _ in 0..10 {
                    yield_now().await; // others run here, and would read the same
                }
                counter.store(read + 1, Ordering::SeqCst);
                assert!(tokens.lock().expect("no task panicked").insert(lease.token), "a token was given twice");
                release(&locks, &lease).await;
            }
        })
    });
    builder.together(tasks.collect()).await;
    assert_eq!(counter.load(Ordering::SeqCst), TASKS * EACH);
    assert_eq!(tokens.lock().expect("no task panicked").len() as u64, TASKS * EACH);
}

/// Lets the other tasks run.
async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

/// A holder that sleeps beyond its lease between reading and writing would undo another's work; where the
/// effect happens, its token is lower than one seen before.
pub async fn tokens_fence_off_who_overslept<B: LockBuilder>(builder: &B) {
    struct Fenced {
        value: u64,
        seen: Option<FencingToken>,
    }
    impl Fenced {
        fn write(&mut self, value: u64, token: FencingToken) -> bool {
            let accepted = self.seen <= Some(token);
            if accepted {
                *self = Self { value, seen: Some(token) };
            }
            accepted
        }
    }
    let (_guard, locks) = builder.build().await;
    let mut counter = Fenced { value: 0, seen: None };
    let sleeper = acquire(&locks, "counter", SHORT).await;
    let read_by_sleeper = counter.value;
    builder.pass(SHORT + MOMENT).await;
    for _ in 0..3 {
        let lease = acquire(&locks, "counter", LONG).await;
        assert!(counter.write(counter.value + 1, lease.token));
        release(&locks, &lease).await;
    }
    assert!(!counter.write(read_by_sleeper + 1, sleeper.token), "the sleeper would have undone three updates");
    assert_eq!(counter.value, 3);
}

/// Dropped while it waits, it takes nothing from those behind it; dropped after it was called, what it may
/// have acquired ends with its lease.
pub async fn a_dropped_acquire_holds_nothing<B: LockBuilder>(builder: &B) {
    let (_guard, locks) = builder.build().await;
    for was_called in [false, true] {
        let held = acquire(&locks, "a", LONG).await;
        let mut dropped = Box::pin(locks.acquire("a", SHORT, PATIENCE));
        let mut behind = Box::pin(locks.acquire("a", LONG, PATIENCE));
        assert_eq!(poll_once(&mut dropped).await, None);
        assert_eq!(poll_once(&mut behind).await, None);
        if was_called {
            release(&locks, &held).await;
            drop(dropped);
        } else {
            drop(dropped);
            release(&locks, &held).await;
        }
        let lease = behind.await.expect("nobody is before it any more");
        release(&locks, &lease).await;
    }
    assert!(!is_held(&locks, "a").await);
}
