//! How a command ends: an exit code that scripts can rely on, and an error that says what is wrong
//! and what to do next.

use std::fmt;
use std::process::ExitCode;

/// Exit codes, documented in `docs/cli.md` and in `voting --help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Something on this machine went wrong: a file, a disk, a damaged state directory.
    Failure = 1,
    /// The command line or a file given on it makes no sense.
    Usage = 2,
    /// The server answered, and the answer is no.
    Refused = 3,
    /// No server answers; nothing was changed.
    Unreachable = 4,
    /// A proof does not hold. Never ignore this one.
    Verification = 5,
    /// A ballot or a request was sent, but its outcome is not known yet. Run the same command again.
    Unknown = 6,
}

impl Exit {
    /// A stable word for programs.
    const fn word(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Usage => "usage",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Verification => "verification_failed",
            Self::Unknown => "outcome_unknown",
        }
    }
}

/// An error as a person reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CliError {
    /// The exit code.
    pub(crate) exit: Exit,
    /// The server's stable code, where it gave one.
    pub(crate) code: Option<String>,
    /// What is wrong.
    pub(crate) what: String,
    /// What to do next.
    pub(crate) next: String,
}

/// The result of everything that can end a command.
pub(crate) type Result<T, E = CliError> = std::result::Result<T, E>;

impl CliError {
    /// An error with an exit code, what is wrong, and what to do next.
    pub(crate) fn new(exit: Exit, what: impl fmt::Display, next: impl fmt::Display) -> Self {
        Self { exit, code: None, what: what.to_string(), next: next.to_string() }
    }

    /// The command line, or a file named on it, is wrong.
    pub(crate) fn usage(what: impl fmt::Display, next: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, what, next)
    }

    /// This machine failed.
    pub(crate) fn failure(what: impl fmt::Display, next: impl fmt::Display) -> Self {
        Self::new(Exit::Failure, what, next)
    }

    /// A proof does not hold.
    pub(crate) fn verification(what: impl fmt::Display, next: impl fmt::Display) -> Self {
        Self::new(Exit::Verification, what, next)
    }

    /// The error for programs.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "error": {
            "exit_code": self.exit as u8,
            "kind": self.exit.word(),
            "code": self.code,
            "what": self.what,
            "next": self.next,
        }})
    }
}

impl From<&CliError> for ExitCode {
    fn from(error: &CliError) -> Self {
        Self::from(error.exit as u8)
    }
}
