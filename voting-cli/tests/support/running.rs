//! A command that is still running.

use std::process::{Child, Stdio};
use std::time::Duration;

use super::Person;

/// Killed when dropped, as if by a power cut.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(person: &Person, args: &[&str]) -> Self {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("voting"));
        command.env_clear().env("VOTING_STATE_DIR", person.state_dir()).env("VOTING_URL", &person.url).args(args);
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// Waits until the person's import has receipts for this many ballots.
    pub(crate) fn wait_for_receipts(&mut self, person: &Person, ballots: usize) {
        loop {
            let lines =
                person.files("receipts.jsonl").first().map_or(0, |path| std::fs::read_to_string(path).unwrap().lines().count());
            if lines >= ballots {
                return;
            }
            assert!(self.0.try_wait().unwrap().is_none(), "it ended after {lines} ballots");
            std::thread::sleep(Duration::from_millis(5)); // between two looks
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it may have ended already
        let _ = self.0.wait();
    }
}
