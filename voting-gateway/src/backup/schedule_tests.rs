use super::*;

const GENESIS: Digest = Digest([0xab; 32]);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn names_tell_the_time_and_sort_by_it() {
    let name = name_of(GENESIS, at("2026-05-01T08:00:00.25Z"));
    assert_eq!(name, "voting-abababab-20260501T080000Z.backup");
    assert_eq!(time_of(GENESIS, &name), Some(at("2026-05-01T08:00:00Z")));
    assert!(name < name_of(GENESIS, at("2026-10-01T08:00:00Z")));
    for other in [
        "voting-abababac-20260501T080000Z.backup",
        "voting-abababab-20260501T080000Z.backup.old",
        "voting-abababab-20260501T080000Z",
        "voting-abababab-20261301T080000Z.backup",
        "voting-abababab-2026051T0080000Z.backup",
        "voting-abababab-20260501T08000Z.backup",
        "voting-abababab-20260501T080000+00:00.backup",
        "voting-abababab-é.backup",
        "accounts.backup",
        "",
    ] {
        assert_eq!(time_of(GENESIS, other), None, "{other}");
    }
}

#[test]
fn attempts_become_rarer_but_never_stop() {
    let waits: Vec<u64> = (0..8).map(|failures| retry_after(failures).as_secs()).collect();
    assert_eq!(waits, [60, 120, 240, 480, 960, 1920, 3600, 3600]);
    assert_eq!(retry_after(u32::MAX), RETRY_MAX);
}
