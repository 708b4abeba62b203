//! Attempts to deliver a callback, each with what it leaves the callback as; and further attempts
//! that a person asks for.

use jiff::Timestamp;
use serde::Serialize;
use sqlx::sqlite::{SqliteQueryResult, SqliteRow};
use sqlx::{Row as _, SqliteConnection};

use super::notifications::NotificationStatus;
use super::{Store, StoreError, instant, micros};

/// One attempt to deliver a callback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotificationAttempt {
    /// The first is 1.
    pub number: u32,
    /// When it was made, by the server's clock.
    pub at: Timestamp,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// The HTTP status that was answered.
    pub http_status: Option<u16>,
    /// Why it failed, and what to do.
    pub error: Option<String>,
    /// How long it took, in microseconds of machine time.
    pub duration_us: i64,
    /// How the answer's body begins.
    pub answer: Option<String>,
    /// Content type of what was sent; absent where nothing was.
    pub content_type: Option<String>,
    /// Length of what was sent.
    pub sent_bytes: Option<i64>,
    /// SHA-256 of what was sent.
    pub sent_sha256: Option<String>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// It was taken.
    Delivered,
    /// It was not.
    Failed,
    /// Its destination is not allowed, and nothing was sent.
    Blocked,
}

/// An attempt, and what it leaves its callback as.
#[derive(Clone, Debug)]
pub struct AttemptChange {
    /// The callback's number.
    pub notification: i64,
    /// The exchange that queued it, which tells it from a later one of that number.
    pub seq: i64,
    /// The attempt.
    pub attempt: NotificationAttempt,
    /// What the callback is now.
    pub status: NotificationStatus,
    /// When its next attempt is due.
    pub next_at: Option<Timestamp>,
}

/// One more attempt that a person asks for.
#[derive(Clone, Debug)]
pub struct ResendChange {
    /// The callback's number.
    pub notification: i64,
    /// The exchange that queued it.
    pub seq: i64,
    /// How many attempts had been made when it was asked for.
    pub attempts: u32,
    /// When it is due.
    pub at: Timestamp,
}

/// Callbacks that are due at a destination which is not allowed: all of them at once, since nothing
/// but their number is bounded when a load test sends its orders there.
#[derive(Clone, Debug)]
pub struct BlockChange {
    /// Scheme, host and port.
    pub destination: String,
    /// Which rule forbids it, and what to do.
    pub reason: String,
    /// Those that are due by this instant.
    pub at: Timestamp,
}

impl AttemptOutcome {
    /// The word that stands for it everywhere.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Blocked => "blocked",
        }
    }
}

impl Store {
    /// The attempts of a callback, in their order.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn notification_attempts(
        &self,
        notification: i64,
    ) -> Result<Vec<NotificationAttempt>, StoreError> {
        let failed = |source| StoreError::database("read the attempts of a notification", source);
        let rows = sqlx::query(
            "SELECT number, at, outcome, http_status, error, duration_us, answer, content_type,
                    sent_bytes, sent_sha256
             FROM notification_attempts WHERE notification = ? ORDER BY number",
        )
        .bind(notification)
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        rows.iter().map(attempt).collect::<Result<_, sqlx::Error>>().map_err(failed)
    }
}

/// Whether a callback is still there, with so many attempts made.
pub(super) async fn holds(
    connection: &mut SqliteConnection,
    notification: i64,
    seq: i64,
    attempts: u32,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM notifications WHERE id = ? AND seq = ? AND attempts = ?)",
    )
    .bind(notification)
    .bind(seq)
    .bind(attempts)
    .fetch_one(connection)
    .await
}

pub(super) async fn insert(
    connection: &mut SqliteConnection,
    change: &AttemptChange,
) -> Result<SqliteQueryResult, sqlx::Error> {
    let attempt = &change.attempt;
    let done = sqlx::query(
        "UPDATE notifications
         SET status = ?1, attempts = ?2, last_error = ?3, next_at = ?4, one_more = 0
         WHERE id = ?5 AND seq = ?6 AND attempts = ?2 - 1",
    )
    .bind(change.status.word())
    .bind(attempt.number)
    .bind(&attempt.error)
    .bind(change.next_at.map(micros))
    .bind(change.notification)
    .bind(change.seq)
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() == 0 {
        // It was reset or evicted while the attempt was under way.
        return Ok(done);
    }
    sqlx::query(
        "INSERT INTO notification_attempts
             (notification, number, at, outcome, http_status, error, duration_us, answer,
              content_type, sent_bytes, sent_sha256)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(change.notification)
    .bind(attempt.number)
    .bind(micros(attempt.at))
    .bind(attempt.outcome.word())
    .bind(attempt.http_status)
    .bind(&attempt.error)
    .bind(attempt.duration_us)
    .bind(&attempt.answer)
    .bind(&attempt.content_type)
    .bind(attempt.sent_bytes)
    .bind(&attempt.sent_sha256)
    .execute(connection)
    .await
}

pub(super) async fn block(
    connection: &mut SqliteConnection,
    change: &BlockChange,
) -> Result<SqliteQueryResult, sqlx::Error> {
    sqlx::query(
        "INSERT INTO notification_attempts (notification, number, at, outcome, error, duration_us)
         SELECT id, attempts + 1, ?1, 'blocked', url || ': ' || ?2, 0 FROM notifications
         WHERE next_at IS NOT NULL AND next_at <= ?1 AND destination = ?3",
    )
    .bind(micros(change.at))
    .bind(&change.reason)
    .bind(&change.destination)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "UPDATE notifications
         SET status = 'blocked', attempts = attempts + 1, last_error = url || ': ' || ?2,
             next_at = NULL, one_more = 0
         WHERE next_at IS NOT NULL AND next_at <= ?1 AND destination = ?3",
    )
    .bind(micros(change.at))
    .bind(&change.reason)
    .bind(&change.destination)
    .execute(connection)
    .await
}

pub(super) async fn resend(
    connection: &mut SqliteConnection,
    change: &ResendChange,
) -> Result<SqliteQueryResult, sqlx::Error> {
    sqlx::query(
        // One that waits for its next attempt only gets it sooner: the others still follow.
        "UPDATE notifications
         SET one_more = (status <> 'queued'), status = 'queued', next_at = ?1
         WHERE id = ?2 AND seq = ?3 AND attempts = ?4",
    )
    .bind(micros(change.at))
    .bind(change.notification)
    .bind(change.seq)
    .bind(change.attempts)
    .execute(connection)
    .await
}

fn attempt(row: &SqliteRow) -> Result<NotificationAttempt, sqlx::Error> {
    let outcome: String = row.try_get("outcome")?;
    Ok(NotificationAttempt {
        number: row.try_get("number")?,
        at: instant(row.try_get("at")?),
        outcome: match outcome.as_str() {
            "delivered" => AttemptOutcome::Delivered,
            "blocked" => AttemptOutcome::Blocked,
            _ => AttemptOutcome::Failed,
        },
        http_status: row.try_get("http_status")?,
        error: row.try_get("error")?,
        duration_us: row.try_get("duration_us")?,
        answer: row.try_get("answer")?,
        content_type: row.try_get("content_type")?,
        sent_bytes: row.try_get("sent_bytes")?,
        sent_sha256: row.try_get("sent_sha256")?,
    })
}
