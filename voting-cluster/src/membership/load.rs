//! How busy this process is.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// Durable writes looked back upon.
const WRITES: usize = 512;

/// Measures the process and its durable writes.
pub(crate) struct LoadMeter {
    /// Where the system tells.
    system: Mutex<Option<System>>,
    writes: Mutex<VecDeque<Duration>>,
}

impl LoadMeter {
    pub(crate) fn new() -> Self {
        Self { system: Mutex::new(System::new().ok()), writes: Mutex::default() }
    }

    /// A durable write took so long.
    pub(crate) fn note_write(&self, took: Duration) {
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        writes.push_back(took);
        if writes.len() > WRITES {
            writes.pop_front();
        }
    }

    /// 99th percentile of the latest writes in microseconds; 0 before the first.
    pub(crate) fn write_p99_us(&self) -> u32 {
        let mut sorted: Vec<_> = self.writes.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        sorted.sort_unstable();
        let at = sorted.len().saturating_mul(99) / 100;
        sorted.get(at.min(sorted.len().saturating_sub(1))).map_or(0, |took| u32::try_from(took.as_micros()).unwrap_or(u32::MAX))
    }

    /// Thousandths of a core since the last call, and resident bytes; zeros where the system does not tell.
    pub(crate) fn process(&self) -> (u32, u64) {
        let pid = Pid::from_u32(std::process::id());
        let mut system = self.system.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(system) = system.as_mut() else { return (0, 0) };
        let what = ProcessRefreshKind::nothing().with_cpu().with_memory();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, what);
        system.process(pid).map_or((0, 0), |process| ((process.cpu_usage() * 10.0) as u32, process.memory()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_latest_writes() {
        let meter = LoadMeter::new();
        assert_eq!(meter.write_p99_us(), 0);
        for n in 0..1_000 {
            meter.note_write(Duration::from_micros(n));
        }
        // 488 ..= 999 are left; 99 % of 512 is the 506th.
        assert_eq!(meter.write_p99_us(), 488 + 506);
    }

    #[test]
    fn this_process_takes_memory() {
        assert!(LoadMeter::new().process().1 > 0);
    }
}
