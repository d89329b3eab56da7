//! Locks on a real Redis Cluster: contention, fencing, guards, leadership, and failovers in between.
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::redis::cmd;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use voting_cluster::leadership::Leadership;
use voting_cluster::lock::{LockGuard, RedisLocks};
use voting_cluster::redis::RedisBackends;
use voting_cluster::testing::RedisServers;
use voting_core::seams::{FencingToken, Lease, LockError, LockManager};

use crate::support::wire::{BUSY_SECONDS, COMES_IN, TRIES, Wire, lose_the_reply, scripts_run};

/// Far above what anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// A lease that outlasts what it guards.
const LONG: Duration = Duration::from_secs(30);
/// A lease to outlive.
const SHORT: Duration = Duration::from_millis(800);

async fn client(servers: &RedisServers) -> Arc<dyn LockManager> {
    let backends = RedisBackends::connect(servers.config("locks")).await.unwrap();
    let locks: RedisLocks = backends.locks().unwrap();
    Arc::new(locks)
}

async fn cluster() -> RedisServers {
    tokio::task::spawn_blocking(|| RedisServers::cluster(3)).await.unwrap()
}

/// A counter somewhere else, which may or may not look at tokens.
#[derive(Default)]
struct Counter {
    value: u64,
    seen: Option<FencingToken>,
}

impl Counter {
    fn write_unfenced(&mut self, value: u64) {
        self.value = value;
    }

    fn write(&mut self, value: u64, token: FencingToken) -> bool {
        let accepted = self.seen <= Some(token);
        if accepted {
            (self.value, self.seen) = (value, Some(token));
        }
        accepted
    }
}

/// Clients of several processes take several locks in orders of their own: nobody waits for ever, nobody starves, and
/// no update is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_clients_take_many_locks_in_any_order() {
    const CLIENTS: usize = 8;
    const ROUNDS: usize = 12;
    const NAMES: [&str; 4] = ["alpha", "beta", "gamma", "delta"];
    let servers = cluster().await;
    let counters: Arc<Mutex<BTreeMap<&str, u64>>> = Arc::default();
    let mut clients = JoinSet::new();
    for client_number in 0..CLIENTS {
        let locks = client(&servers).await;
        let counters = Arc::clone(&counters);
        clients.spawn(async move {
            let mut longest = Duration::ZERO;
            for round in 0..ROUNDS {
                // Two or three of them, beginning anywhere.
                let many = 2 + (client_number + round) % 2;
                let names: Vec<_> = (0..many).map(|n| NAMES[(3 * client_number + 5 * round + 3 * n) % NAMES.len()]).collect();
                let began = Instant::now();
                let guards = LockGuard::acquire_all(&locks, &names, LONG, PATIENCE).await.unwrap();
                longest = longest.max(began.elapsed());
                let read: Vec<_> =
                    names.iter().map(|name| (*name, counters.lock().unwrap().get(name).copied().unwrap_or(0))).collect();
                tokio::task::yield_now().await; // others run here, and would read the same
                for (name, value) in read {
                    counters.lock().unwrap().insert(name, value + 1);
                }
                for guard in guards {
                    guard.release().await.unwrap();
                }
            }
            (longest, ROUNDS)
        });
    }
    let mut longest = Duration::ZERO;
    while let Some(ended) = clients.join_next().await {
        let (waited, rounds) = ended.unwrap();
        assert_eq!(rounds, ROUNDS, "everybody gets every turn");
        longest = longest.max(waited);
    }
    let expected: usize = (0..CLIENTS).map(|c| (0..ROUNDS).map(|r| 2 + (c + r) % 2).sum::<usize>()).sum();
    assert_eq!(counters.lock().unwrap().values().sum::<u64>(), expected as u64, "an update was lost");
    println!("{CLIENTS} clients, {expected} locks: the longest wait was {longest:.1?}");
}

/// A holder that stands still beyond its lease between reading and writing undoes what others did, unless its token is
/// looked at where it writes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_is_lost_without_fencing_and_none_with_it() {
    let servers = cluster().await;
    for fenced in [false, true] {
        let name = if fenced { "fenced" } else { "unfenced" };
        let (sleeper, others) = (client(&servers).await, client(&servers).await);
        let mut counter = Counter::default();
        let overslept = sleeper.acquire(name, SHORT, PATIENCE).await.unwrap();
        let read = counter.value;
        // The sleeper stands still; others get the lock when its lease ends.
        for _ in 0..3 {
            let lease = others.acquire(name, LONG, PATIENCE).await.unwrap();
            assert!(lease.token > overslept.token);
            let value = counter.value + 1;
            if fenced {
                assert!(counter.write(value, lease.token))
            } else {
                counter.write_unfenced(value)
            }
            others.release(&lease).await.unwrap();
        }
        assert_eq!(counter.value, 3);
        // It wakes and writes what it would have written.
        if fenced {
            assert!(!counter.write(read + 1, overslept.token));
            assert_eq!(counter.value, 3, "no update is lost");
        } else {
            counter.write_unfenced(read + 1);
            assert_eq!(counter.value, 1, "two updates are lost: this is what fencing is for");
        }
        assert_eq!(sleeper.release(&overslept).await, Err(LockError::Lost { name: name.to_owned() }));
    }
}

/// A guard renews, drops its work when the lease is lost, and frees the lock when it is dropped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guard_keeps_its_lease_and_its_work_ends_with_it() {
    let servers = cluster().await;
    let locks = client(&servers).await;
    let guard = LockGuard::acquire(Arc::clone(&locks), "work", SHORT, PATIENCE).await.unwrap();
    let refused = locks.acquire("work", SHORT, 3 * SHORT).await;
    assert!(matches!(refused, Err(LockError::Timeout { .. })), "the guard renews its lease: {refused:?}");
    assert!(guard.is_held());
    assert_eq!(guard.run(async { 7 }).await, Ok(7));

    // Somebody takes the lock away behind its back, as a failover may.
    let holder = "locks:{lock:work}:ephemeral:holder";
    assert_eq!(servers.ask::<u64>(servers.master_of(holder), cmd("DEL").arg(holder)), 1);
    let started = Arc::new(AtomicU64::new(0));
    let counting = Arc::clone(&started);
    let work = async move {
        counting.fetch_add(1, Ordering::SeqCst);
        std::future::pending::<()>().await;
    };
    let ended = tokio::time::timeout(PATIENCE, guard.run(work)).await.expect("work ends with its lease");
    assert_eq!(ended, Err(LockError::Lost { name: "work".to_owned() }));
    assert_eq!(started.load(Ordering::SeqCst), 1, "it had begun");
    assert!(!guard.is_held());
    drop(guard);

    let guard = LockGuard::acquire(Arc::clone(&locks), "work", LONG, PATIENCE).await.unwrap();
    drop(guard);
    locks.acquire("work", LONG, PATIENCE).await.expect("a dropped guard frees the lock long before its lease ends");
}

/// The master that keeps a lock is killed: the lock is free, held on, or lost, and the tokens go on growing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_grow_across_a_failover() {
    let mut servers = cluster().await;
    let locks = client(&servers).await;
    let before: Lease = locks.acquire("failover", LONG, PATIENCE).await.unwrap();
    locks.release(&before).await.unwrap();
    let master = servers.master_of("locks:{lock:failover}:ephemeral:holder");
    let servers = tokio::task::spawn_blocking(move || {
        servers.kill(master);
        servers.until("a replica to take its place", |servers| servers.masters().len() == 3);
        servers
    })
    .await
    .unwrap();
    assert!(!servers.running().contains(&master));
    let after = locks.acquire("failover", LONG, PATIENCE).await.unwrap();
    assert!(after.token > before.token, "{} follows {}", after.token, before.token);
    locks.release(&after).await.unwrap();

    // Even if the counter is forgotten altogether.
    servers.flush();
    let anew = locks.acquire("failover", LONG, PATIENCE).await.unwrap();
    assert!(anew.token > after.token);
}

/// The script that takes a lock has run, and its reply is lost: the call that is made again is known for the same owner's,
/// and gets what it has.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lost_reply_is_asked_for_again_by_the_same_owner() {
    let servers = cluster().await;
    let (locks, other) = (client(&servers).await, client(&servers).await);
    let (holder, fence) = ("locks:{lock:reply}:ephemeral:holder", "locks:{lock:reply}:ephemeral:fence");
    let master = servers.master_of(holder);
    let mut last = FencingToken(0);
    for attempt in 1.. {
        let warm = locks.acquire("reply", LONG, PATIENCE).await.unwrap(); // the connection is there, the script is known
        locks.release(&warm).await.unwrap();
        servers.ask::<()>(master, cmd("CONFIG").arg("RESETSTAT"));
        let (mut sleeper, mut cutter) = (Wire::to(&servers, master), Wire::to(&servers, master));
        let (acquiring, locks_too) = (&mut None, Arc::clone(&locks));
        lose_the_reply(&mut sleeper, &mut cutter, || {
            *acquiring = Some(tokio::spawn(async move { locks_too.acquire("reply", LONG, PATIENCE).await }));
        })
        .await;
        let lease = acquiring.take().unwrap().await.unwrap().unwrap();
        let (runs, minted): (u64, u64) = (scripts_run(&servers, master), servers.ask(master, cmd("HGET").arg(fence).arg("token")));
        assert_eq!(lease.token, FencingToken(minted), "the last token that was given");
        assert_eq!(servers.ask::<String>(master, cmd("GET").arg(holder)), format!("{:032x}:{minted}", lease.owner));
        let refused = other.acquire("reply", LONG, Duration::ZERO).await;
        assert!(matches!(refused, Err(LockError::Timeout { .. })), "there is one holder: {refused:?}");
        locks.release(&lease).await.unwrap();
        assert!(lease.token > last);
        last = lease.token;
        if runs >= 2 {
            println!("the script ran {runs} times for one acquisition, at attempt {attempt}");
            break;
        }
        assert!(attempt < TRIES, "no call came in while the server was busy");
    }
    let next = other.acquire("reply", LONG, PATIENCE).await.unwrap();
    assert!(next.token > last);
}

/// The master dies after it ran the script and before it answered; its replica has what the script wrote. The call made
/// again at the new master gets the same lock under the same token, and nobody else does.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_failover_between_taking_and_answering_gives_one_lock() {
    let servers = cluster().await;
    let patient = RedisBackends::connect(servers.config("locks").with_patience(PATIENCE)).await.unwrap();
    let (locks, other): (Arc<dyn LockManager>, _) = (Arc::new(patient.locks().unwrap()), client(&servers).await);
    let holder = "locks:{lock:between}:ephemeral:holder";
    let master = servers.master_of(holder);
    let replica = *servers.replicas().iter().find(|id| follows(&servers, **id, master)).unwrap();
    let (mut sleeper, mut reader) = (Wire::to(&servers, master), Wire::to(&servers, replica));
    reader.say("READONLY");
    assert_eq!(reader.hear(), "+OK\r\n");
    let mut attempt = 0;
    let (before, acquiring, written) = loop {
        attempt += 1;
        let before = locks.acquire("between", LONG, PATIENCE).await.unwrap();
        locks.release(&before).await.unwrap();
        let mut cutter = Wire::to(&servers, master);
        let (acquiring, locks_too) = (&mut None, Arc::clone(&locks));
        lose_the_reply(&mut sleeper, &mut cutter, || {
            *acquiring = Some(tokio::spawn(async move { locks_too.acquire("between", LONG, PATIENCE).await }));
        })
        .await;
        cutter.say("DEBUG SLEEP 1.5"); // so that it does not answer the call that is made again, before it dies
        let acquiring = acquiring.take().unwrap();
        if let Some(written) = appears(&mut reader, holder).await
            && !acquiring.is_finished()
        {
            break (before, acquiring, written); // written, and nobody has been told
        }
        assert!(attempt < TRIES, "no call came in while the server was busy");
        locks.release(&acquiring.await.unwrap().unwrap()).await.unwrap();
        sleeper = Wire::to(&servers, master); // the other was cut
    };
    let began = Instant::now();
    let servers = tokio::task::spawn_blocking(move || {
        let mut servers = servers;
        servers.kill(master);
        servers.until("a replica to take its place", |servers| servers.masters().len() == 3);
        servers
    })
    .await
    .unwrap();
    let lease = acquiring.await.unwrap().unwrap();
    assert_eq!(written.trim_end(), format!("{:032x}:{}", lease.owner, lease.token), "what was taken before the failover");
    assert!(lease.token > before.token && !servers.running().contains(&master));
    let refused = other.acquire("between", LONG, SHORT).await;
    assert!(matches!(refused, Err(LockError::Timeout { .. })), "there is one holder: {refused:?}");
    locks.release(&lease).await.unwrap();
    let next = other.acquire("between", LONG, PATIENCE).await.unwrap();
    assert!(next.token > lease.token);
    println!("the lock was given {:.1?} after the master was killed, by another one, at attempt {attempt}", began.elapsed());
}

/// The value of a key, once a server has it; none if that takes longer than its master stands still.
async fn appears(server: &mut Wire, key: &str) -> Option<String> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(1) {
        server.say(&format!("GET {key}"));
        if server.hear() != "$-1\r\n" {
            return Some(server.hear());
        }
        tokio::time::sleep(Duration::from_millis(1)).await; // between two looks
    }
    None
}

/// Whether a replica follows a master.
fn follows(servers: &RedisServers, replica: usize, master: usize) -> bool {
    let id: String = servers.ask(master, cmd("CLUSTER").arg("MYID"));
    servers.ask::<String>(replica, cmd("CLUSTER").arg("NODES")).lines().any(|line| line.contains("myself") && line.contains(&id))
}

/// Who gives up while the call is under way leaves no lock behind that nobody knows of.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_call_given_up_under_way_frees_what_it_took() {
    let servers = cluster().await;
    let (locks, other) = (client(&servers).await, client(&servers).await);
    let fence = "locks:{lock:given-up}:ephemeral:fence";
    let master = servers.master_of(fence);
    for attempt in 1.. {
        let before = other.acquire("given-up", LONG, PATIENCE).await.unwrap();
        other.release(&before).await.unwrap();
        let warm = locks.acquire("given-up", LONG, PATIENCE).await.unwrap();
        locks.release(&warm).await.unwrap();
        let mut sleeper = Wire::to(&servers, master);
        sleeper.say(&format!("DEBUG SLEEP {BUSY_SECONDS}"));
        tokio::time::sleep(Duration::from_millis(50)).await; // it sleeps by then
        let locks_too = Arc::clone(&locks);
        let acquiring = tokio::spawn(async move { locks_too.acquire("given-up", LONG, PATIENCE).await });
        tokio::time::sleep(COMES_IN).await;
        acquiring.abort();
        assert!(acquiring.await.unwrap_err().is_cancelled(), "the server was busy");
        // The server answers when it has run what came in before.
        let taken = servers.ask::<u64>(master, cmd("HGET").arg(fence).arg("token"));
        let began = Instant::now();
        let after = other.acquire("given-up", LONG, PATIENCE).await.unwrap();
        let took = began.elapsed();
        assert!(took < LONG / 3, "a lock that nobody knows of was held for {took:?}");
        other.release(&after).await.unwrap();
        if FencingToken(taken) > warm.token {
            assert!(after.token > FencingToken(taken));
            println!("freed {took:.1?} after it was given up, at attempt {attempt}");
            break;
        }
        assert!(attempt < TRIES, "no call came in while the server was busy");
    }
}

/// Clocks of servers jump: tokens grow nevertheless, waiters of another time do not stand in the way, and a lease that a
/// clock has ended early is known to be lost. The clock of the holder's machine is never asked: voting-cluster/clippy.toml
/// forbids it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_that_jump_do_no_harm() {
    const HOUR_US: u64 = 3_600_000_000;
    let servers = cluster().await;
    let (locks, other) = (client(&servers).await, client(&servers).await);
    let key = |part: &str| format!("locks:{{lock:clock}}:ephemeral:{part}");
    let master = servers.master_of(&key("fence"));
    let first = locks.acquire("clock", LONG, PATIENCE).await.unwrap();
    locks.release(&first).await.unwrap();

    // As a server leaves it whose clock was an hour ahead: its tokens, and a waiter who is gone.
    let ahead = first.token.0 + HOUR_US;
    servers.ask::<u64>(master, cmd("HSET").arg(key("fence")).arg("token").arg(ahead));
    for part in ["line", "alive"] {
        servers.ask::<u64>(master, cmd("ZADD").arg(key(part)).arg(ahead).arg(format!("{:032x}:nobody", 7)));
    }
    let began = Instant::now();
    let (one, two) = tokio::join!(take_and_free(&locks), take_and_free(&other));
    assert!(began.elapsed() < LONG / 3, "a waiter of another time stood in the way for {:?}", began.elapsed());
    let (low, high) = (one.min(two), one.max(two));
    assert_eq!((low.0, high.0), (ahead + 1, ahead + 2), "tokens grow although the clock went back an hour");

    // The server's clock goes ahead, beyond the end of a lease.
    let guard = LockGuard::acquire(Arc::clone(&locks), "clock", SHORT, PATIENCE).await.unwrap();
    assert_eq!(servers.ask::<u64>(master, cmd("PEXPIREAT").arg(key("holder")).arg(1)), 1);
    let next = other.acquire("clock", LONG, PATIENCE).await.unwrap();
    assert!(next.token > guard.token());
    tokio::time::timeout(PATIENCE, guard.lost()).await.expect("the holder learns of it");
}

async fn take_and_free(locks: &Arc<dyn LockManager>) -> FencingToken {
    let lease = locks.acquire("clock", LONG, PATIENCE).await.unwrap();
    locks.release(&lease).await.unwrap();
    lease.token
}

/// One of three leads; when it steps down, dies or is unfit, another does, with a higher token.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leadership_passes_on() {
    let servers = cluster().await;
    let mut candidates = Vec::new();
    for _ in 0..3 {
        let (fitness, fit) = watch::channel(true);
        let leadership = Leadership::run_for(client(&servers).await, "coordinator", SHORT, fit);
        candidates.push((fitness, leadership));
    }
    let mut last = FencingToken(0);
    for round in 0..3 {
        let leader = leader_of(&candidates, last).await;
        let token = candidates[leader].1.leading().borrow().token.unwrap();
        assert!(token > last, "round {round}: {token} follows {last}");
        last = token;
        match round {
            0 => drop(candidates[leader].0.send(false)), // no longer fit
            1 => drop(candidates.remove(leader)),        // gone
            _ => {}
        }
    }
}

/// The one candidate that leads under a later token.
async fn leader_of(candidates: &[(watch::Sender<bool>, Leadership)], after: FencingToken) -> usize {
    let waiting = async {
        loop {
            let leading: Vec<_> = candidates.iter().map(|(_, leadership)| leadership.leading().borrow().token).collect();
            let leaders: Vec<_> = (0..leading.len()).filter(|n| leading[*n].is_some()).collect();
            assert!(leaders.len() <= 1, "two lead at once: {leading:?}");
            if let [leader] = leaders[..]
                && leading[leader] > Some(after)
            {
                return leader;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("somebody leads")
}
