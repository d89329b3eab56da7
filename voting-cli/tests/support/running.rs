//! A command that is still running.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use super::{Ended, Person};

/// Killed when dropped, as if by a power cut.
pub(crate) struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Running {
    pub(crate) fn start(person: &Person, args: &[&str]) -> Self {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("voting"));
        command.env_clear().env("VOTING_STATE_DIR", person.state_dir()).env("VOTING_URL", &person.url).args(args);
        // To files, so that it never waits for a reader.
        let (stdout, stderr) = (person.path("running.stdout"), person.path("running.stderr"));
        let file = |path: &PathBuf| File::create(path).unwrap();
        let child = command.stdin(Stdio::null()).stdout(file(&stdout)).stderr(file(&stderr)).spawn().unwrap();
        Self { child, stdout, stderr }
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Sends it a signal by name; it may have ended.
    pub(crate) fn signal(&self, name: &str) {
        let sent = std::process::Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).output();
        sent.expect("kill can be run");
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let status = self.child.wait().unwrap();
        let read = |path: &PathBuf| std::fs::read_to_string(path).unwrap();
        Ended { code: status.code().unwrap_or(-1), stdout: read(&self.stdout), stderr: read(&self.stderr) }
    }

    /// Waits until the person's import has receipts for this many ballots.
    pub(crate) fn wait_for_receipts(&mut self, person: &Person, ballots: usize) {
        loop {
            let lines =
                person.files("receipts.jsonl").first().map_or(0, |path| std::fs::read_to_string(path).unwrap().lines().count());
            if lines >= ballots {
                return;
            }
            assert!(!self.has_ended(), "it ended after {lines} ballots");
            std::thread::sleep(Duration::from_millis(5)); // between two looks
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended already
        let _ = self.child.wait();
    }
}
