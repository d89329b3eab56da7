//! The bus of a Redis Cluster, led through relays that can be cut: what one server says to another
//! passes here, so that a server can be isolated while clients still reach it.
//!
//! Each server announces its relay's port in place of its own and dials from a loopback address of its
//! own, by which the relays know who is calling.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How often a relay that has nothing to carry looks whether it is cut or at its end.
const LOOK: Duration = Duration::from_millis(20);
/// Servers dial from 127.0.1.0 plus their number.
const CALLERS: [u8; 3] = [127, 0, 1];

/// Relays between servers; end with this value.
#[derive(Debug, Default)]
pub(super) struct Bus(Arc<State>);

#[derive(Debug, Default)]
struct State {
    isolated: Mutex<BTreeSet<usize>>,
    refused: AtomicU64,
    has_ended: AtomicBool,
}

impl State {
    fn is_cut(&self, one: usize, other: usize) -> bool {
        let isolated = self.isolated.lock().unwrap_or_else(PoisonError::into_inner);
        self.has_ended.load(Ordering::SeqCst) || isolated.contains(&one) || isolated.contains(&other)
    }
}

impl Bus {
    /// The address from which a server dials.
    pub(super) fn caller(server: usize) -> Ipv4Addr {
        let [a, b, c] = CALLERS;
        Ipv4Addr::new(a, b, c, server as u8 + 1)
    }

    /// Relays calls to a server whose own bus port is `target`.
    pub(super) fn relay(&self, listener: TcpListener, server: usize, target: u16) {
        let state = Arc::clone(&self.0);
        listener.set_nonblocking(true).expect("a listener can be asked without waiting");
        thread::spawn(move || {
            while !state.has_ended.load(Ordering::SeqCst) {
                match listener.accept() {
                    Ok((stream, from)) => {
                        let caller = match from.ip() {
                            IpAddr::V4(ip) if ip.octets()[..3] == CALLERS => usize::from(ip.octets()[3]).wrapping_sub(1),
                            _ => usize::MAX,
                        };
                        if state.is_cut(caller, server) {
                            state.refused.fetch_add(1, Ordering::SeqCst);
                            continue;
                        }
                        let Ok(onward) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)) else { continue };
                        carry(&state, (caller, server), stream, onward);
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(LOOK),
                    Err(_) => return,
                }
            }
        });
    }

    /// Cuts a server off from all others, in both directions.
    pub(super) fn isolate(&self, server: usize) {
        self.0.isolated.lock().unwrap_or_else(PoisonError::into_inner).insert(server);
    }

    /// Restores what [`Bus::isolate`] cut.
    pub(super) fn restore(&self, server: usize) {
        self.0.isolated.lock().unwrap_or_else(PoisonError::into_inner).remove(&server);
    }

    /// Connections refused because one end was isolated.
    pub(super) fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::SeqCst)
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.0.has_ended.store(true, Ordering::SeqCst);
    }
}

/// Carries bytes both ways until an end closes or the link is cut.
fn carry(state: &Arc<State>, ends: (usize, usize), one: TcpStream, other: TcpStream) {
    let (Ok(one_too), Ok(other_too)) = (one.try_clone(), other.try_clone()) else { return };
    for (from, to) in [(one, other_too), (other, one_too)] {
        let state = Arc::clone(state);
        thread::spawn(move || {
            let _ = pump(&state, ends, &from, &to); // whichever way it ends, both ends learn of it
            let _ = from.shutdown(std::net::Shutdown::Both);
            let _ = to.shutdown(std::net::Shutdown::Both);
        });
    }
}

fn pump(state: &State, (one, other): (usize, usize), mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
    from.set_nonblocking(false)?;
    from.set_read_timeout(Some(LOOK))?;
    to.set_nodelay(true)?;
    let mut buffer = [0; 16 * 1024];
    while !state.is_cut(one, other) {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => to.write_all(&buffer[..read])?,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
