//! Ports for processes that are about to be started.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Below those that the system hands out to callers, and those of Redis servers.
const PORTS: Range<u16> = 10_000..19_000;
/// Processes begin at different places, so that they do not race for the same ports.
const APART: u16 = 20;

/// The first of so many consecutive ports that are free, and that nobody else in this process was given.
///
/// # Panics
/// If there are none.
#[must_use]
pub fn free_ports(count: u16) -> u16 {
    static NEXT: Mutex<Option<u16>> = Mutex::new(None);
    let is_free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let mut next = NEXT.lock().unwrap_or_else(PoisonError::into_inner);
    let places = PORTS.end.saturating_sub(PORTS.start) / APART;
    let first = PORTS.start + (std::process::id() % u32::from(places)) as u16 * APART;
    let start = next.unwrap_or(first);
    let last = PORTS.end - count;
    let found = (start..last).chain(PORTS.start..last).find(|base| (*base..*base + count).all(is_free));
    let base = found.unwrap_or_else(|| panic!("{count} consecutive ports are not free on this machine"));
    *next = Some(base + count);
    base
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_given_the_ports_of_another() {
        let (one, other) = (free_ports(3), free_ports(2));
        assert!(other >= one + 3 || one >= other + 2, "{one} and {other}");
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, free_ports(1))).unwrap();
        let taken = held.local_addr().unwrap().port();
        let next = free_ports(2);
        assert!(!(next..next + 2).contains(&taken));
    }
}
