//! Backups at regular times: a manual clock, a whole network in memory, and folders with other people's files in them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use voting_core::codec::Canonical as _;
use voting_core::seams::ManualClock;
use voting_core::time::Timestamp;
use voting_gateway::backup::schedule::{Plan, Schedule};
use voting_gateway::backup::{BackupError, verify};

use crate::support::{Gateway, roomy};

/// Metrics are the process's: tests that look at them take turns.
static IN_TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
const HOUR: Duration = Duration::from_secs(3_600);

/// A gateway whose clock is moved by hand. The network below has its own.
async fn gateway() -> (Gateway, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new("2026-05-01T08:00:00Z".parse::<Timestamp>().unwrap()));
    let shared = Arc::clone(&clock);
    let gateway = Gateway::with(roomy(), move |backend| backend.clock = shared).await;
    (gateway, clock)
}

fn plan(folder: &Path, keep: usize) -> Plan {
    Plan { folder: folder.to_owned(), every: 6 * HOUR, keep }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

async fn metric(gateway: &Gateway, name: &str) -> Option<f64> {
    let text = gateway.http.get(gateway.url("/metrics")).send().await.unwrap().text().await.unwrap();
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backups_are_made_on_time_and_the_oldest_of_ours_make_room() {
    let _turn = IN_TURN.lock().await;
    let (gateway, clock) = gateway().await;
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("made").join("by itself");
    let mut schedule = Schedule::new(plan(&folder, 2));
    let made = schedule.look(&gateway.state).await.expect("the first is due at once").unwrap();
    assert_eq!(made.accounts, 4);
    let genesis = gateway.network.identity().genesis.digest().to_string();
    let name = |time: &str| format!("voting-{}-20260501T{time}0000Z.backup", &genesis[..8]);
    assert_eq!(names(&folder), [name("08")]);
    assert_eq!(verify(&folder.join(name("08"))).unwrap(), made);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join(name("08")))), (0o700, 0o600));
    }

    clock.advance(6 * HOUR - Duration::from_secs(1));
    assert!(schedule.look(&gateway.state).await.is_none(), "a second too early");
    assert!(Schedule::new(plan(&folder, 2)).look(&gateway.state).await.is_none(), "nor does a restart make one");

    // What is not ours, or does not say that it is, stays whatever its name.
    let strangers = [
        format!("voting-{}-20200101T000000Z.backup", &genesis[..8]), // our name, not a backup
        format!("voting-{}-20200101T000000Z.backup.old", &genesis[..8]),
        "voting-00000000-20200101T000000Z.backup".to_owned(),
        "notes.txt".to_owned(),
    ];
    strangers.iter().for_each(|name| std::fs::write(folder.join(name), "keep me").unwrap());
    for _ in 0..3 {
        clock.advance(6 * HOUR);
        schedule.look(&gateway.state).await.expect("it is due").unwrap();
    }
    let all = names(&folder);
    assert!(strangers.iter().all(|stranger| all.contains(stranger)), "{all:?}");
    let ours: Vec<_> = all.iter().filter(|name| !strangers.contains(name)).collect();
    assert_eq!(ours.len(), 2, "{all:?}");
    assert!(ours[0].contains("20260502T015959Z") && ours[1].contains("20260502T075959Z"), "the newest two: {ours:?}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_is_told_and_tried_again_and_the_gateway_serves_on() {
    let _turn = IN_TURN.lock().await;
    let (gateway, clock) = gateway().await;
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("backups");
    std::fs::write(&folder, "in the way").unwrap();
    let mut schedule = Schedule::new(plan(&folder, 2));
    let failures = metric(&gateway, "backup_failures_total ").await.unwrap_or_default();
    let failed = schedule.look(&gateway.state).await.expect("it is due");
    assert!(matches!(&failed, Err(BackupError::File { path, .. }) if *path == folder), "{failed:?}");
    assert!(metric(&gateway, "backup_failures_total ").await.unwrap() >= failures + 1.0);
    assert_eq!(gateway.http.get(gateway.url("/readyz")).send().await.unwrap().status(), 200);
    assert!(schedule.look(&gateway.state).await.is_none(), "not at once again");

    clock.advance(Duration::from_secs(60));
    assert!(schedule.look(&gateway.state).await.expect("after a minute").is_err());
    clock.advance(Duration::from_secs(119));
    assert!(schedule.look(&gateway.state).await.is_none(), "the second wait is longer");
    std::fs::remove_file(&folder).unwrap();
    clock.advance(Duration::from_secs(1));
    schedule.look(&gateway.state).await.expect("after two").unwrap();
    assert_eq!(names(&folder).len(), 1);
    let last = metric(&gateway, "backup_last_success_timestamp_seconds ").await.unwrap();
    assert!(last >= 1_777_622_400.0 + 180.0, "{last}");
    gateway.stop().await;
}

/// A file dated into the future by a clock that was wrong neither holds backups up nor makes them without end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dates_to_come_do_no_harm() {
    let _turn = IN_TURN.lock().await;
    let (gateway, clock) = gateway().await;
    let folder = tempfile::tempdir().unwrap();
    let mut schedule = Schedule::new(plan(folder.path(), 1));
    schedule.look(&gateway.state).await.expect("it is due").unwrap();
    let first = names(folder.path()).remove(0);
    let later = first.replace("20260501", "20990501");
    std::fs::rename(folder.path().join(&first), folder.path().join(&later)).unwrap();

    clock.advance(HOUR);
    schedule.look(&gateway.state).await.expect("it is due, for the other one cannot be of today").unwrap();
    assert!(schedule.look(&gateway.state).await.is_none());
    let left = names(folder.path());
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].contains("20260501T09"), "the one just made stays: {left:?}");
    gateway.stop().await;
}
