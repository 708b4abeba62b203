//! Callbacks that are owed to merchants.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use sqlx::{Row as _, SqliteConnection};

use super::{Store, StoreError, instant, micros};

/// A callback that an exchange queues.
#[derive(Clone, Debug)]
pub struct NewNotification {
    /// To whom.
    pub merchant: String,
    /// From which provider.
    pub provider: String,
    /// What it is about: an order number.
    pub subject: String,
    /// Where it goes.
    pub url: String,
    /// What it says, before it is sealed (JSON).
    pub payload: String,
    /// When it is due.
    pub due_at: Timestamp,
}

/// A callback as it is kept.
#[derive(Clone, Debug, Serialize)]
pub struct NotificationRecord {
    /// Its number.
    pub id: i64,
    /// To whom.
    pub merchant: String,
    /// From which provider.
    pub provider: String,
    /// The exchange that queued it.
    pub seq: i64,
    /// What it is about.
    pub subject: String,
    /// Where it goes.
    pub url: String,
    /// What it says, before it is sealed.
    pub payload: Value,
    /// What became of it.
    pub status: String,
    /// When it is due.
    pub due_at: Timestamp,
}

impl Store {
    /// Callbacks of a merchant, newest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn notifications(
        &self,
        merchant: &str,
        limit: u32,
    ) -> Result<Vec<NotificationRecord>, StoreError> {
        let failed = |source| StoreError::database("list notifications", source);
        let rows = sqlx::query(
            "SELECT id, merchant, provider, seq, subject, url, payload, status, due_at
             FROM notifications WHERE merchant = ? ORDER BY id DESC LIMIT ?",
        )
        .bind(merchant)
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        rows.iter()
            .map(|row| {
                let payload: String = row.try_get("payload")?;
                Ok(NotificationRecord {
                    id: row.try_get("id")?,
                    merchant: row.try_get("merchant")?,
                    provider: row.try_get("provider")?,
                    seq: row.try_get("seq")?,
                    subject: row.try_get("subject")?,
                    url: row.try_get("url")?,
                    payload: serde_json::from_str(&payload)
                        .map_err(|error| sqlx::Error::Decode(error.into()))?,
                    status: row.try_get("status")?,
                    due_at: instant(row.try_get("due_at")?),
                })
            })
            .collect::<Result<_, sqlx::Error>>()
            .map_err(failed)
    }
}

pub(super) async fn insert(
    connection: &mut SqliteConnection,
    seq: i64,
    notification: &NewNotification,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO notifications
             (merchant, provider, seq, subject, url, payload, status, due_at, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'queued', ?7, ?7)",
    )
    .bind(&notification.merchant)
    .bind(&notification.provider)
    .bind(seq)
    .bind(&notification.subject)
    .bind(&notification.url)
    .bind(&notification.payload)
    .bind(micros(notification.due_at))
    .execute(connection)
    .await
    .map(|_| ())
}
