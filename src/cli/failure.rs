//! What ends a verb early: what happened, what to do, and on whose side the fault is.

use std::process::ExitCode;

/// On whose side a fault is; it decides the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blame {
    /// The caller's input.
    Caller,
    /// Sandgate.
    Us,
}

/// The end of a verb that did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(super) struct Failure {
    /// What happened.
    pub(super) what: String,
    /// What to do.
    pub(super) hint: String,
    /// On whose side the fault is.
    pub(super) blame: Blame,
}

impl Blame {
    /// The exit status that says so.
    pub(super) fn exit_code(self) -> ExitCode {
        match self {
            Self::Caller => ExitCode::from(1),
            Self::Us => ExitCode::from(2),
        }
    }
}

impl Failure {
    /// The caller's input is wrong.
    pub(super) fn caller(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: hint.into(),
            blame: Blame::Caller,
        }
    }

    /// Sandgate is wrong.
    pub(super) fn ours(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: hint.into(),
            blame: Blame::Us,
        }
    }
}
