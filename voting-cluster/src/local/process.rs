//! Processes that a test starts and that never outlive it.
//!
//! Each runs under a small shell that holds a pipe to the test: when the test ends, in whichever way,
//! the pipe closes and the shell kills what it started.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

/// The child is started in the background, its number is told, and it is killed when the pipe ends.
/// The shell waits for it, so that it leaves no zombie, and says so.
const KEEPER: &str = r#"
exec 3>&2 4<&0 </dev/null
"$@" 1>&3 3>&- 4<&- &
child=$!
echo "$child"
exec 1>&3
( read -r _ <&4; kill -9 "$child" ) &
guard=$!
exec 4<&-
wait "$child"
kill "$guard"
"#;

/// Longest wait for a process to end that was killed.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// A program to start.
#[derive(Debug)]
pub struct Spawn<'a> {
    /// What to call it in messages.
    pub name: String,
    /// The program.
    pub program: &'a Path,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables of its environment, beside those of the test.
    pub env: Vec<(String, String)>,
    /// Where its output goes, appended.
    pub log: &'a Path,
}

/// A running process, or one that was killed.
#[derive(Debug)]
pub struct Process {
    name: String,
    pid: Pid,
    keeper: Child,
    _pipe: ChildStdin,
}

impl Process {
    /// Starts a program.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start(spawn: Spawn<'_>) -> Self {
        let log = File::options().create(true).append(true).open(spawn.log).expect("the log can be written");
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(spawn.program)
            .args(&spawn.args)
            .envs(spawn.env)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{} cannot be started: {error}", spawn.name));
        let pipe = keeper.stdin.take().expect("stdin is piped");
        let mut told = String::new();
        let output = keeper.stdout.take().expect("stdout is piped");
        BufReader::new(output).read_line(&mut told).expect("the shell tells the number of its child");
        let number: i32 = told.trim().parse().unwrap_or_else(|_| panic!("{}: the shell said `{told}`", spawn.name));
        let pid = Pid::from_raw(number).expect("a process has a number");
        Self { name: spawn.name, pid, keeper, _pipe: pipe }
    }

    /// Its number in the system.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Whether it runs, or is stopped.
    #[must_use]
    pub fn is_alive(&mut self) -> bool {
        matches!(self.keeper.try_wait(), Ok(None)) && test_kill_process(self.pid).is_ok()
    }

    /// Kills it as a loss of power would, and waits until it is gone.
    ///
    /// # Panics
    /// If it does not end, or had ended before.
    pub fn kill(&mut self) {
        assert!(self.is_alive(), "{} had ended before it was killed", self.name);
        self.signal(Signal::KILL);
        self.wait();
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Panics
    /// If it does not end in time.
    pub fn terminate(&mut self) {
        self.signal(Signal::TERM);
        self.wait();
    }

    /// Stops it where it stands, as a machine that hangs would.
    ///
    /// # Panics
    /// If it is not running.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    ///
    /// # Panics
    /// If it is gone.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Sends it SIGUSR1, by which an authority is told to step its clock.
    ///
    /// # Panics
    /// If it is gone.
    pub fn notify(&self) {
        self.signal(Signal::USR1);
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).unwrap_or_else(|error| panic!("{} takes no signal: {error}", self.name));
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    /// If it does not end in time.
    pub fn wait(&mut self) {
        let started = Instant::now();
        while self.is_alive() {
            assert!(started.elapsed() < ENDS_WITHIN, "{} does not end", self.name);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.is_alive() {
            let _ = kill_process(self.pid, Signal::KILL); // a stopped one dies of this, too
        }
        let _ = self.keeper.wait();
    }
}
