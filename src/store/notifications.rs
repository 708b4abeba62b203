//! Callbacks that are owed to merchants: queued, due, and listed. Their attempts stand in
//! `notification_attempts`.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};

use super::{Store, StoreError, instant, micros};
use crate::limits;

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
    /// When its first attempt is due, by the server's clock.
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
    pub status: NotificationStatus,
    /// When its first attempt was due.
    pub due_at: Timestamp,
    /// How many attempts were made.
    pub attempts: u32,
    /// Why the last one failed.
    pub last_error: Option<String>,
    /// When the next one is due.
    pub next_at: Option<Timestamp>,
    /// Whether the next one was asked for by a person, so that no other follows it.
    #[serde(skip)]
    pub one_more: bool,
}

/// What became of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NotificationStatus {
    /// An attempt is due, now or later.
    Queued,
    /// It was taken.
    Delivered,
    /// Every attempt failed, and none is due.
    Failed,
    /// Its destination is not allowed.
    Blocked,
}

/// A callback that is due, as far as one must know it to choose.
#[derive(Clone, Debug)]
pub struct DueNotification {
    /// Its number.
    pub id: i64,
    /// The exchange that queued it; numbers of callbacks begin anew after a reset, these do not.
    pub seq: i64,
    /// Where it goes.
    pub url: String,
    /// Scheme, host and port of that.
    pub destination: String,
}

/// Which callbacks a list shows.
#[derive(Clone, Debug, Default)]
pub struct NotificationFilter {
    /// Only this merchant's.
    pub merchant: Option<String>,
    /// Only those of which this became.
    pub status: Option<NotificationStatus>,
    /// Only those about this.
    pub subject: Option<String>,
    /// Only those with a smaller number.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

impl NotificationStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Queued, Self::Delivered, Self::Failed, Self::Blocked];

    /// The word that stands for it everywhere.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Blocked => "blocked",
        }
    }

    /// What a word stands for.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }
}

const COLUMNS: &str = "id, merchant, provider, seq, subject, url, payload, status, due_at, \
                       attempts, last_error, next_at, one_more";

impl Store {
    /// Callbacks, newest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn notifications(
        &self,
        filter: &NotificationFilter,
    ) -> Result<Vec<NotificationRecord>, StoreError> {
        let mut query =
            QueryBuilder::<Sqlite>::new(format!("SELECT {COLUMNS} FROM notifications WHERE true"));
        if let Some(merchant) = &filter.merchant {
            query.push(" AND merchant = ").push_bind(merchant.clone());
        }
        if let Some(status) = filter.status {
            query.push(" AND status = ").push_bind(status.word());
        }
        if let Some(subject) = &filter.subject {
            query.push(" AND subject = ").push_bind(subject.clone());
        }
        if let Some(before) = filter.before {
            query.push(" AND id < ").push_bind(before);
        }
        query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(filter.limit));
        let rows = query
            .build()
            .fetch_all(&self.readers)
            .await
            .map_err(|source| StoreError::database("list notifications", source))?;
        rows.iter().map(record).collect()
    }

    /// One callback.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn notification(&self, id: i64) -> Result<Option<NotificationRecord>, StoreError> {
        let row = sqlx::query(
            "SELECT id, merchant, provider, seq, subject, url, payload, status, due_at, attempts,
                    last_error, next_at, one_more
             FROM notifications WHERE id = ?",
        )
        .bind(id)
        .fetch_optional(&self.readers)
        .await
        .map_err(|source| StoreError::database("read a notification", source))?;
        row.as_ref().map(record).transpose()
    }

    /// Callbacks that are due by an instant, the earliest first and the older of one destination
    /// before its younger, but for those to destinations that have no room for another one.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn due_notifications(
        &self,
        by: Timestamp,
        full: &[&str],
        limit: usize,
    ) -> Result<Vec<DueNotification>, StoreError> {
        let failed = |source| StoreError::database("look for due notifications", source);
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT id, seq, url, destination FROM notifications
             WHERE next_at IS NOT NULL AND next_at <= ",
        );
        query.push_bind(micros(by));
        if !full.is_empty() {
            query.push(" AND destination NOT IN (");
            let mut listed = query.separated(", ");
            for destination in full {
                listed.push_bind((*destination).to_owned());
            }
            query.push(")");
        }
        // The order of the index: thousands may be due at one instant of a frozen clock.
        query.push(" ORDER BY next_at, destination, id LIMIT ");
        query.push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = query.build().fetch_all(&self.readers).await.map_err(failed)?;
        rows.iter()
            .map(|row| {
                Ok(DueNotification {
                    id: row.try_get("id")?,
                    seq: row.try_get("seq")?,
                    url: row.try_get("url")?,
                    destination: row.try_get("destination")?,
                })
            })
            .collect::<Result<_, sqlx::Error>>()
            .map_err(failed)
    }

    /// How many callbacks have an attempt due by an instant, those under way included.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn unfinished_notifications(&self, by: Timestamp) -> Result<i64, StoreError> {
        sqlx::query_scalar(
            "SELECT COUNT(*) FROM notifications WHERE next_at IS NOT NULL AND next_at <= ?",
        )
        .bind(micros(by))
        .fetch_one(&self.readers)
        .await
        .map_err(|source| StoreError::database("count due notifications", source))
    }

    /// The first instant after another one at which a callback is due.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn next_notification(
        &self,
        after: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let next: Option<i64> = sqlx::query_scalar(
            "SELECT MIN(next_at) FROM notifications WHERE next_at IS NOT NULL AND next_at > ?",
        )
        .bind(micros(after))
        .fetch_one(&self.readers)
        .await
        .map_err(|source| StoreError::database("look for the next notification", source))?;
        Ok(next.map(instant))
    }
}

pub(super) async fn insert(
    connection: &mut SqliteConnection,
    seq: i64,
    notification: &NewNotification,
) -> Result<(), sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO notifications (merchant, provider, seq, subject, url, destination, payload,
                                    status, due_at, next_at, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'queued', ?8, ?8, ?8)",
    )
    .bind(&notification.merchant)
    .bind(&notification.provider)
    .bind(seq)
    .bind(&notification.subject)
    .bind(&notification.url)
    .bind(destination(&notification.url))
    .bind(&notification.payload)
    .bind(micros(notification.due_at))
    .execute(&mut *connection)
    .await?;
    // Counting is not worth its price on every commit.
    if done.last_insert_rowid() % i64::from(limits::EVICTION_BATCH) == 0 {
        evict(connection).await?;
    }
    Ok(())
}

/// Removes the oldest of every merchant that has more than are kept.
async fn evict(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query(
        "DELETE FROM notifications WHERE id IN (
             SELECT id FROM (
                 SELECT id, ROW_NUMBER() OVER (PARTITION BY merchant ORDER BY id DESC) AS place
                 FROM notifications)
             WHERE place > ?)",
    )
    .bind(limits::NOTIFICATIONS_PER_MERCHANT)
    .execute(connection)
    .await
    .map(|_| ())
}

/// Scheme, host and port of a URL in one spelling, so that whatever else it says, such as a user's
/// name, makes no further destination of one.
fn destination(url: &str) -> String {
    let lower = url.to_ascii_lowercase();
    let Some((scheme, rest)) = lower.split_once("://") else {
        return lower;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let place = authority.rsplit('@').next().unwrap_or_default();
    let numbered = place.rsplit_once(':').filter(|(_, port)| !port.contains(']'));
    let (host, port) = numbered.unwrap_or((place, ""));
    let usual = if scheme == "https" { "443" } else { "80" };
    let port = if port.is_empty() { usual } else { port.trim_start_matches('0') };
    let host = host.trim_end_matches('.');
    match host.trim_matches(['[', ']']).parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(address)) => format!("{scheme}://[{address}]:{port}"),
        Ok(IpAddr::V4(address)) => format!("{scheme}://{address}:{port}"),
        Err(_) => format!("{scheme}://{host}:{port}"),
    }
}

fn record(row: &SqliteRow) -> Result<NotificationRecord, StoreError> {
    let failed = |source| StoreError::database("read a notification", source);
    let id: i64 = row.try_get("id").map_err(failed)?;
    let damaged = |reason: String| StoreError::Damaged {
        table: "notifications",
        row: id.to_string(),
        reason,
    };
    let payload: String = row.try_get("payload").map_err(failed)?;
    let status: String = row.try_get("status").map_err(failed)?;
    let next_at: Option<i64> = row.try_get("next_at").map_err(failed)?;
    Ok(NotificationRecord {
        merchant: row.try_get("merchant").map_err(failed)?,
        provider: row.try_get("provider").map_err(failed)?,
        seq: row.try_get("seq").map_err(failed)?,
        subject: row.try_get("subject").map_err(failed)?,
        url: row.try_get("url").map_err(failed)?,
        payload: serde_json::from_str(&payload)
            .map_err(|error| damaged(format!("payload: {error}")))?,
        status: NotificationStatus::named(&status)
            .ok_or_else(|| damaged(format!("status: \"{status}\" is none")))?,
        due_at: instant(row.try_get("due_at").map_err(failed)?),
        attempts: row.try_get("attempts").map_err(failed)?,
        last_error: row.try_get("last_error").map_err(failed)?,
        next_at: next_at.map(instant),
        one_more: row.try_get("one_more").map_err(failed)?,
        id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_has_one_spelling() {
        for (url, wanted) in [
            ("http://Shop.test:8080/a/b", "http://shop.test:8080"),
            ("HTTPS://[::1]?a=/", "https://[::1]:443"),
            ("https://[0:0::1]:08443#@a", "https://[::1]:8443"),
            ("http://[::ffff:127.0.0.1]:81/", "http://127.0.0.1:81"),
            ("https://shop.test.", "https://shop.test:443"),
            ("http://u1@127.0.0.1:81/", "http://127.0.0.1:81"),
            ("http://u:p@x@127.0.0.1:/", "http://127.0.0.1:80"),
            ("no url", "no url"),
        ] {
            assert_eq!(destination(url), wanted);
        }
    }
}
