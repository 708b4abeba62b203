//! States of reports and one-time links: first the pure tables of state and event, then what a person
//! makes happen with them.

use super::downloads::{self, Link};
use super::v2::{self, Job};
use crate::blueprint::{Driven, EventDoc, EventRefusal, Movement};
use crate::store::{Change, TransactionChange};

/// A report that is being built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    New,
    Processing,
    Ready,
    Error,
}

impl Status {
    /// As the wire says it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Processing => "processing",
            Self::Ready => "ready",
            Self::Error => "error",
        }
    }
}

/// What poll number `poll` (from 1) says, if the report is ready at poll `until_ready`.
pub(super) fn at_poll(poll: u64, until_ready: u64) -> Status {
    match poll {
        poll if poll >= until_ready => Status::Ready,
        1 => Status::New,
        _ => Status::Processing,
    }
}

/// What a person can make happen.
pub(super) static EVENTS: &[EventDoc] = &[
    EventDoc {
        name: "finish",
        kind: v2::KIND,
        about: "a report of v2 is ready: the next poll has its URL",
    },
    EventDoc {
        name: "fail",
        kind: v2::KIND,
        about: "a report of v2 ends in error",
    },
    EventDoc {
        name: "expire",
        kind: downloads::KIND,
        about: "a one-time URL that has not been used expires at once",
    },
];

/// Makes an event happen.
pub(super) fn drive(driven: Driven<'_>, event: &str) -> Result<Movement, EventRefusal> {
    let transaction = driven.transaction;
    let damaged = |error: serde_json::Error| EventRefusal::Damaged(error.to_string());
    let not_now = |wanted: &str| {
        let (kind, status) = (&transaction.kind, &transaction.status);
        Err(EventRefusal::NotNow(format!(
            "{event} is for {wanted}; this is a {kind} that is {status}"
        )))
    };
    let is_report = transaction.kind == v2::KIND;
    let (kind, status, state) = match event {
        "finish" | "fail" if is_report && transaction.status != Status::Ready.word() => {
            let mut job: Job = serde_json::from_str(&transaction.state).map_err(damaged)?;
            let status = if event == "fail" { Status::Error } else { Status::Ready };
            (job.failed, job.hurried) = (event == "fail", event == "finish");
            (v2::KIND, status.word(), serde_json::to_string(&job))
        }
        "finish" | "fail" => return not_now("a report that is not ready"),
        "expire" if !is_report && transaction.status == downloads::UNUSED => {
            let mut link: Link = serde_json::from_str(&transaction.state).map_err(damaged)?;
            link.expires_at = link.expires_at.min(driven.at);
            (downloads::KIND, downloads::EXPIRED, serde_json::to_string(&link))
        }
        "expire" => return not_now("a one-time URL that has not been used"),
        other => return Err(EventRefusal::Unknown(other.to_owned())),
    };
    let change = TransactionChange {
        merchant: driven.merchant.id().to_owned(),
        provider: "paynet".to_owned(),
        kind,
        key: transaction.key.clone(),
        decided_on: Some(transaction.version),
        status: status.to_owned(),
        state: state.map_err(damaged)?,
        at: driven.at,
        due_at: None,
    };
    Ok(Movement {
        changes: vec![Change::Transaction(change)],
        notifications: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_becomes_ready_at_its_poll_and_stays_so() {
        let polls = |until| (1..=4).map(|poll| at_poll(poll, until).word()).collect::<Vec<_>>();

        assert_eq!(polls(3), ["new", "processing", "ready", "ready"]);
        assert_eq!(polls(2), ["new", "ready", "ready", "ready"]);
        assert_eq!(polls(1), ["ready"; 4]);
    }
}
