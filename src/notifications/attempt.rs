//! One attempt: where it goes is judged and the connection opened first, because sealing is dear; then
//! it is sealed, sent, and recorded with what follows from it.

use std::panic::AssertUnwindSafe;
use std::sync::PoisonError;

use futures_util::FutureExt as _;
use hyper::http::header::LOCATION;
use jiff::Timestamp;

use super::Notifications;
use crate::blueprint::{NotificationMessage, Provider};
use crate::crypto::hashes::sha256;
use crate::outbound::{DestinationError, OutboundAnswer, OutboundError};
use crate::stopwatch::{Stopwatch, pause};
use crate::store::{
    AttemptChange, AttemptOutcome, BlockChange, Change, DueNotification, Entry,
    NotificationAttempt, NotificationRecord, NotificationStatus,
};
use crate::{ids, limits, masking};

/// Destinations that the log remembers to have named.
const TOLD: usize = 1_000;

/// How an attempt went.
struct Tried {
    outcome: AttemptOutcome,
    error: Option<String>,
    /// Whether another attempt could go better.
    try_again: bool,
    answer: Option<OutboundAnswer>,
    sent: Option<NotificationMessage>,
}

impl Notifications {
    /// Makes one attempt and has it recorded. As long as the database refuses, what has become of it is
    /// kept here and not sent again.
    ///
    /// # Errors
    /// Why it could not be recorded.
    pub(super) async fn attempt(&self, due: &DueNotification) -> Result<(), String> {
        let found = self.services.store.notification(due.id).await;
        let found = found.map_err(|error| error.to_string())?;
        let Some(record) = found.filter(|record| record.seq == due.seq) else {
            // It was reset or evicted meanwhile.
            return Ok(());
        };
        let at = self.services.clock.now();
        let stopwatch = Stopwatch::start();
        let made = AssertUnwindSafe(self.make(&record, &due.destination, at)).catch_unwind().await;
        let tried = made.unwrap_or_else(|_panic| {
            Tried::failed(None, "a panic while it was made; the server's log says more".to_owned())
        });
        let change = self.follow_up(&record, at, tried, stopwatch);
        let line = Line::of(&record, &change);
        self.record(record.seq, Change::Attempt(change)).await?;
        self.tell(line, &due.destination);
        Ok(())
    }

    /// Commits what has become of an attempt, if need be with further tries.
    async fn record(&self, seq: i64, change: Change) -> Result<(), String> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.recorder.record(Entry::of_change(seq, change.clone())).await {
                Ok(_) => return Ok(()),
                Err(reason) if tries >= limits::NOTIFICATION_RECORDINGS => return Err(reason),
                Err(reason) => {
                    tracing::warn!(%reason, "an attempt is not recorded yet");
                    pause(limits::NOTIFICATION_LOOK_AGAIN).await;
                }
            }
        }
    }

    /// Blocks all that is due at a destination which is not allowed; nothing is read, sealed or sent.
    ///
    /// # Errors
    /// Why that could not be recorded.
    pub(super) async fn block(&self, due: &DueNotification, reason: String) -> Result<(), String> {
        let line = Line::blocked(due, &reason);
        let change = Change::Block(BlockChange {
            destination: due.destination.clone(),
            reason,
            at: self.services.clock.now(),
        });
        self.record(due.seq, change).await?;
        self.tell(Some(line), &due.destination);
        Ok(())
    }

    async fn make(&self, record: &NotificationRecord, destination: &str, at: Timestamp) -> Tried {
        // One that a person asks for is made in any case.
        let due = record.next_at.filter(|_| !record.one_more);
        if let Some(reason) = self.silences.why_not(destination, due) {
            return Tried::failed(None, reason);
        }
        let route = match self.courier.route(&record.url).await {
            Ok(route) => route,
            Err(error) => return Tried::not_sent(&error),
        };
        let merchant = self.services.merchants.by_id(&record.merchant);
        let provider = self.providers.get(record.provider.as_str());
        let (Some(merchant), Some(provider)) = (merchant, provider) else {
            return Tried::failed(None, "its merchant or its provider is gone".to_owned());
        };
        // Sealing is dear, and only worth it for a receiver that is there.
        let connection = match self.courier.connect(&route).await {
            Ok(connection) => connection,
            Err(error) => return self.unanswered(destination, None, &error),
        };
        let instant = merchant.now(at);
        let message = provider.notification(record, &merchant, &self.services, instant).await;
        let message = match message {
            Ok(message) => message,
            Err(reason) => return Tried::failed(None, reason),
        };
        let mut headers = vec![("content-type", message.content_type.to_owned())];
        headers.extend(message.headers.iter().cloned());
        let most = limits::NOTIFICATION_ANSWER_BYTES;
        match self.courier.post(connection, &headers, message.body.clone(), most).await {
            Err(error) => self.unanswered(destination, Some(message), &error),
            Ok(answer) => Tried::answered(&**provider, record, message, answer),
        }
    }

    /// An attempt without an answer. One that waited in vain speaks for those that have been due since.
    fn unanswered(
        &self,
        destination: &str,
        sent: Option<NotificationMessage>,
        error: &OutboundError,
    ) -> Tried {
        if matches!(error, OutboundError::TooSlow { .. }) {
            self.silences.note(destination, self.services.clock.now(), error.to_string());
        }
        Tried::failed(sent, error.to_string())
    }

    /// The attempt as it is kept, and what its callback is now.
    fn follow_up(
        &self,
        record: &NotificationRecord,
        at: Timestamp,
        tried: Tried,
        stopwatch: Stopwatch,
    ) -> AttemptChange {
        let number = record.attempts + 1;
        let next_at = if tried.try_again { self.next(record, number, at) } else { None };
        let status = match (tried.outcome, next_at) {
            (AttemptOutcome::Delivered, _) => NotificationStatus::Delivered,
            (AttemptOutcome::Blocked, _) => NotificationStatus::Blocked,
            (AttemptOutcome::Failed, Some(_)) => NotificationStatus::Queued,
            (AttemptOutcome::Failed, None) => NotificationStatus::Failed,
        };
        let sent = tried.sent.as_ref();
        let attempt = NotificationAttempt {
            number,
            at,
            outcome: tried.outcome,
            http_status: tried.answer.as_ref().map(|answer| answer.status.as_u16()),
            error: tried.error.map(scrubbed),
            duration_us: stopwatch.elapsed_us(),
            answer: tried
                .answer
                .map(|answer| scrubbed(String::from_utf8_lossy(&answer.body).into_owned())),
            content_type: sent.map(|sent| sent.content_type.to_owned()),
            sent_bytes: sent.map(|sent| i64::try_from(sent.body.len()).unwrap_or(i64::MAX)),
            sent_sha256: sent.map(|sent| ids::hex(&sha256(&sent.body))),
        };
        AttemptChange {
            notification: record.id,
            seq: record.seq,
            attempt,
            status,
            next_at,
        }
    }

    /// When another attempt is due after one that failed: as long after this one as the provider's
    /// delays are apart.
    fn next(&self, record: &NotificationRecord, number: u32, at: Timestamp) -> Option<Timestamp> {
        if record.one_more {
            return None;
        }
        let merchant = self.services.merchants.by_id(&record.merchant)?;
        let delays = self.providers.get(record.provider.as_str())?.retry_delays(&merchant);
        let next = usize::try_from(number).ok()?;
        let apart = *delays.get(next)? - *delays.get(next.checked_sub(1)?)?;
        at.checked_add(apart).ok()
    }

    fn tell(&self, line: Option<Line>, destination: &str) {
        let Some(line) = line else { return };
        if line.blocked {
            // A load test sends thousands to one that is not allowed: one line says it.
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.len() >= TOLD || !told.insert(destination.to_owned()) {
                return;
            }
        }
        let text = line.text;
        tracing::warn!(target: "sandgate::notification", "{text}");
    }
}

impl Tried {
    fn not_sent(error: &DestinationError) -> Self {
        let outcome = match error {
            DestinationError::Forbidden { .. } => AttemptOutcome::Blocked,
            _ => AttemptOutcome::Failed,
        };
        Self {
            outcome,
            error: Some(error.to_string()),
            try_again: matches!(error, DestinationError::NoAddress { .. }),
            answer: None,
            sent: None,
        }
    }

    fn failed(sent: Option<NotificationMessage>, reason: String) -> Self {
        Self {
            outcome: AttemptOutcome::Failed,
            error: Some(reason),
            try_again: true,
            answer: None,
            sent,
        }
    }

    fn answered(
        provider: &dyn Provider,
        record: &NotificationRecord,
        message: NotificationMessage,
        answer: OutboundAnswer,
    ) -> Self {
        let taken = provider.notification_taken(answer.status.as_u16());
        let error = (!taken).then(|| {
            let (url, status) = (&record.url, answer.status.as_u16());
            let location = answer.headers.get(LOCATION).filter(|_| answer.status.is_redirection());
            match location {
                Some(to) => format!(
                    "{url} answered {status}, a redirect to {}; redirects are not followed: give \
                     the final URL",
                    String::from_utf8_lossy(to.as_bytes())
                ),
                None => format!(
                    "{url} answered {status}; look at the answer and at the receiver's own log"
                ),
            }
        });
        Self {
            outcome: if taken { AttemptOutcome::Delivered } else { AttemptOutcome::Failed },
            error,
            try_again: !taken,
            answer: Some(answer),
            sent: Some(message),
        }
    }
}

/// A line for whoever watches the server.
struct Line {
    blocked: bool,
    text: String,
}

impl Line {
    fn blocked(due: &DueNotification, reason: &str) -> Self {
        let (id, error) = (due.id, one_line(&format!("{}: {reason}", due.url)));
        Self {
            blocked: true,
            text: format!(
                "notification {id} blocked: {error} (sandgate notification show {id}; others to {} \
                 are blocked without a line)",
                one_line(&due.destination)
            ),
        }
    }

    fn of(record: &NotificationRecord, change: &AttemptChange) -> Option<Self> {
        let error = one_line(change.attempt.error.as_deref()?);
        let id = record.id;
        let then = match (change.attempt.outcome, change.next_at) {
            (AttemptOutcome::Blocked, _) => String::new(),
            (_, Some(next)) => format!("; attempt {} at {next}", change.attempt.number + 1),
            (_, None) => format!("; given up after attempt {}", change.attempt.number),
        };
        let outcome = change.attempt.outcome.word();
        Some(Self {
            blocked: change.attempt.outcome == AttemptOutcome::Blocked,
            text: format!(
                "notification {id} {outcome}: {error}{then} (sandgate notification show {id})"
            ),
        })
    }
}

/// URLs come from clients and reasons from receivers: neither may steer a terminal.
fn one_line(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_graphic() || letter == ' ';
    text.chars().map(|letter| if plain(letter) { letter } else { '?' }).collect()
}

fn scrubbed(text: String) -> String {
    masking::scrub(&text).unwrap_or(text)
}
