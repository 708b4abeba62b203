//! One commit for many exchanges, each with the state that it changed and the callbacks that it
//! queued: all of it, or nothing of that exchange.

use jiff::Timestamp;
use sqlx::{Connection as _, SqliteConnection};

use super::exchanges::{self, ExchangeDetail};
use super::notifications::{self, NewNotification};
use super::{Store, StoreError, micros};

/// What is written for one exchange.
#[derive(Debug)]
pub struct Entry {
    /// The exchange itself.
    pub exchange: ExchangeDetail,
    /// State that it changed.
    pub changes: Vec<Change>,
    /// Callbacks that it queued.
    pub notifications: Vec<NewNotification>,
}

/// A change of state that an exchange decided on.
#[derive(Clone, Debug)]
pub enum Change {
    /// A transaction was made or moved.
    Transaction(TransactionChange),
    /// An armed rule was used once.
    UseRule {
        /// Its id.
        id: i64,
    },
}

/// A transaction's new state.
#[derive(Clone, Debug)]
pub struct TransactionChange {
    /// Whose it is.
    pub merchant: String,
    /// At which provider.
    pub provider: String,
    /// What sort of thing it is, in the provider's word.
    pub kind: &'static str,
    /// Its name among its kind.
    pub key: String,
    /// The version on which the decision was made; `None`: it must not exist yet.
    pub decided_on: Option<i64>,
    /// Its status in one word, for lists.
    pub status: String,
    /// All of it, as the provider keeps it.
    pub state: String,
    /// When it changed.
    pub at: Timestamp,
}

/// What became of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// It is in the database.
    Written,
    /// Something that it was decided on had changed meanwhile; nothing of it was written.
    Stale,
}

impl Store {
    /// Commits entries together and says of each what became of it.
    ///
    /// # Errors
    /// If the commit fails; then nothing of any entry was written.
    pub async fn commit(&self, entries: &[Entry]) -> Result<Vec<Committed>, StoreError> {
        let failed = |source| StoreError::database("commit exchanges", source);
        let mut writer = self.writer.lock().await;
        let mut work = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        let mut outcomes = Vec::with_capacity(entries.len());
        let mut written = Vec::with_capacity(entries.len());
        for entry in entries {
            // One change alone says itself whether it held; several must all hold before any is made.
            let single = entry.changes.len() <= 1;
            if !single && !all_hold(&mut work, &entry.changes).await.map_err(failed)? {
                outcomes.push(Committed::Stale);
                continue;
            }
            let mut held = true;
            for change in &entry.changes {
                held &=
                    apply(&mut work, change, entry.exchange.summary.seq).await.map_err(failed)?;
            }
            if !held {
                outcomes.push(Committed::Stale);
                continue;
            }
            for notification in &entry.notifications {
                let seq = entry.exchange.summary.seq;
                notifications::insert(&mut work, seq, notification).await.map_err(failed)?;
            }
            outcomes.push(Committed::Written);
            written.push(&entry.exchange);
        }
        exchanges::insert_all(&mut work, &written).await.map_err(failed)?;
        work.commit().await.map_err(failed)?;
        for change in entries.iter().flat_map(|entry| &entry.changes) {
            if let Change::Transaction(change) = change {
                // Also of a stale entry: what it was decided on may have come from here.
                self.cache.forget(&change.merchant, change.kind, &change.key);
            }
        }
        Ok(outcomes)
    }
}

/// Whether everything is still as it was when the changes were decided.
async fn all_hold(
    connection: &mut SqliteConnection,
    changes: &[Change],
) -> Result<bool, sqlx::Error> {
    for change in changes {
        let holds = match change {
            Change::Transaction(change) => {
                let version: Option<i64> = sqlx::query_scalar(
                    "SELECT version FROM transactions WHERE merchant = ? AND kind = ? AND key = ?",
                )
                .bind(&change.merchant)
                .bind(change.kind)
                .bind(&change.key)
                .fetch_optional(&mut *connection)
                .await?;
                version == change.decided_on
            }
            Change::UseRule { id } => {
                let remaining: Option<Option<i64>> =
                    sqlx::query_scalar("SELECT remaining FROM armed_rules WHERE id = ?")
                        .bind(id)
                        .fetch_optional(&mut *connection)
                        .await?;
                remaining.is_some_and(|remaining| remaining.is_none_or(|uses| uses > 0))
            }
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes a change, if what it was decided on is still so. `false`: nothing was changed.
///
/// A row's version is the number of the exchange that wrote it: no other row, and no later one of
/// the same name, ever has it again.
async fn apply(
    connection: &mut SqliteConnection,
    change: &Change,
    seq: i64,
) -> Result<bool, sqlx::Error> {
    let done = match change {
        Change::Transaction(change) => match change.decided_on {
            None => {
                sqlx::query(
                    "INSERT INTO transactions (merchant, kind, key, provider, version, status,
                                               state, created_at, updated_at)
                     VALUES (?1, ?2, ?3, ?4, ?8, ?5, ?6, ?7, ?7)
                     ON CONFLICT (merchant, kind, key) DO NOTHING",
                )
                .bind(&change.merchant)
                .bind(change.kind)
                .bind(&change.key)
                .bind(&change.provider)
                .bind(&change.status)
                .bind(&change.state)
                .bind(micros(change.at))
                .bind(seq)
                .execute(connection)
                .await?
            }
            Some(version) => {
                sqlx::query(
                    "UPDATE transactions
                     SET version = ?8, status = ?1, state = ?2, updated_at = ?3
                     WHERE merchant = ?4 AND kind = ?5 AND key = ?6 AND version = ?7",
                )
                .bind(&change.status)
                .bind(&change.state)
                .bind(micros(change.at))
                .bind(&change.merchant)
                .bind(change.kind)
                .bind(&change.key)
                .bind(version)
                .bind(seq)
                .execute(connection)
                .await?
            }
        },
        Change::UseRule { id } => {
            let used = sqlx::query(
                "UPDATE armed_rules SET remaining = remaining - 1
                 WHERE id = ? AND (remaining IS NULL OR remaining > 0)",
            )
            .bind(id)
            .execute(&mut *connection)
            .await?;
            sqlx::query("DELETE FROM armed_rules WHERE id = ? AND remaining <= 0")
                .bind(id)
                .execute(connection)
                .await?;
            used
        }
    };
    Ok(done.rows_affected() > 0)
}
