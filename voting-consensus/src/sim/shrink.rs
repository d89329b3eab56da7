//! Makes a script that breaks a rule as short as it can be.
//!
//! Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE TSE 28(2),
//! 2002, §3, algorithm *ddmin*): halves, then quarters, and so on are left out as long as the same rule breaks.

use super::script::{Act, Rates, Script};
use super::{Report, run_script};

/// Runs at most: some minutes at worst.
const RUNS_MAX: usize = 2_000;

/// The shortest script found in which the same rule breaks, and its report; `None` if the script breaks none.
#[must_use]
pub fn shrink(script: &Script) -> Option<(Script, Report)> {
    let report = run_script(script);
    let rule = report.violation.as_ref()?.invariant;
    let mut search = Search { rule, best: script.clone(), report, runs: 0 };
    loop {
        let before = (search.best.len(), search.best.rates);
        search.calm();
        search.shorten();
        if (search.best.len(), search.best.rates) == before || search.runs >= RUNS_MAX {
            return Some((search.best, search.report));
        }
    }
}

struct Search {
    rule: &'static str,
    best: Script,
    report: Report,
    runs: usize,
}

impl Search {
    /// Takes a script if it breaks the same rule.
    fn try_with(&mut self, change: impl FnOnce(&mut Script)) -> bool {
        let mut script = self.best.clone();
        change(&mut script);
        if script == self.best || self.runs >= RUNS_MAX {
            return false;
        }
        self.runs += 1;
        let report = run_script(&script);
        let breaks = report.violation.as_ref().is_some_and(|violation| violation.invariant == self.rule);
        if breaks {
            (self.best, self.report) = (script, report);
        }
        breaks
    }

    /// Leaves the messages alone, as far as that goes.
    fn calm(&mut self) {
        self.try_with(|script| script.rates = Rates { loss: 0, doubling: 0, delay_ms: 20 });
        self.try_with(|script| script.rates.loss = 0);
        self.try_with(|script| script.rates.doubling = 0);
        self.try_with(|script| script.rates.delay_ms = script.rates.delay_ms.min(20));
    }

    /// Leaves acts out.
    fn shorten(&mut self) {
        let mut parts = 2;
        while parts <= 2 * self.best.len() {
            let size = self.best.len().div_ceil(parts).max(1);
            let mut at = 0;
            let mut is_shorter = false;
            while at < self.best.len() {
                if self.try_with(|script| without(&mut script.acts, at, size)) {
                    is_shorter = true;
                } else {
                    at += size;
                }
            }
            if size == 1 && !is_shorter {
                break;
            }
            parts = if is_shorter { parts.max(2) } else { parts * 2 };
        }
    }
}

fn without(acts: &mut Vec<Act>, at: usize, size: usize) {
    let end = (at + size).min(acts.len());
    acts.drain(at..end);
}
