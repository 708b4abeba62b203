//! One commit for many exchanges, each with the state that it changed and the callbacks that it
//! queued: all of it, or nothing of that exchange.

use jiff::Timestamp;
use sqlx::{Connection as _, SqliteConnection};

use super::exchanges::{self, ExchangeDetail};
use super::issued::{self, Issued};
use super::notification_attempts::{self, AttemptChange, BlockChange, ResendChange};
use super::notifications::{self, NewNotification};
use super::{Store, StoreError, micros, whole_micros};

/// What is written together: an exchange with what it changed, or what time or a person changed.
#[derive(Debug)]
pub struct Entry {
    /// Its number in the journal, which becomes the version of what it changes.
    pub seq: i64,
    /// The exchange; absent where no client's request is behind the changes.
    pub exchange: Option<ExchangeDetail>,
    /// State that changes.
    pub changes: Vec<Change>,
    /// Callbacks that are queued.
    pub notifications: Vec<NewNotification>,
}

impl Entry {
    /// An exchange that changes nothing.
    #[must_use]
    pub fn of(exchange: ExchangeDetail) -> Self {
        Self {
            seq: exchange.summary.seq,
            exchange: Some(exchange),
            changes: Vec::new(),
            notifications: Vec::new(),
        }
    }

    /// A change that no client's request is behind; `seq` is that of the exchange that led to it.
    #[must_use]
    pub fn of_change(seq: i64, change: Change) -> Self {
        Self {
            seq,
            exchange: None,
            changes: vec![change],
            notifications: Vec::new(),
        }
    }

    /// Whether a callback is due after it that was not before.
    #[must_use]
    pub fn queues_notifications(&self) -> bool {
        !self.notifications.is_empty()
            || self.changes.iter().any(|change| matches!(change, Change::Resend(_)))
    }

    /// Whether time will move something of it.
    #[must_use]
    pub fn will_be_due(&self) -> bool {
        self.changes
            .iter()
            .any(|change| matches!(change, Change::Transaction(change) if change.due_at.is_some()))
    }
}

/// A change of state that an exchange decided on.
#[derive(Clone, Debug)]
pub enum Change {
    /// A transaction was made or moved.
    Transaction(TransactionChange),
    /// A name was handed out by which somebody without credentials will ask for a transaction.
    Issue(Issued),
    /// An armed rule was used once.
    UseRule {
        /// Its id.
        id: i64,
    },
    /// An attempt to deliver a callback was made.
    Attempt(AttemptChange),
    /// Callbacks are due at a destination that is not allowed.
    Block(BlockChange),
    /// A person asked for one more attempt.
    Resend(ResendChange),
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
    /// When time alone will move it next, on its merchant's clock.
    pub due_at: Option<Timestamp>,
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
        let mut writer = self.writer.lock().await;
        let outcomes = commit_all(&mut writer, entries).await;
        for change in entries.iter().flat_map(|entry| &entry.changes) {
            if let Change::Transaction(change) = change {
                // Also of a stale entry, what it was decided on may have come from here; and also
                // after a failure, of which nobody knows how far it came.
                self.cache.forget(&change.merchant, change.kind, &change.key);
            }
        }
        outcomes.map_err(|source| StoreError::database("commit exchanges", source))
    }
}

async fn commit_all(
    writer: &mut SqliteConnection,
    entries: &[Entry],
) -> Result<Vec<Committed>, sqlx::Error> {
    let mut work = writer.begin_with("BEGIN IMMEDIATE").await?;
    let mut outcomes = Vec::with_capacity(entries.len());
    let mut written = Vec::with_capacity(entries.len());
    for entry in entries {
        // One change alone says itself whether it held; several must all hold before any is made.
        let single = entry.changes.len() <= 1;
        if !single && !all_hold(&mut work, &entry.changes).await? {
            outcomes.push(Committed::Stale);
            continue;
        }
        let mut held = true;
        for change in &entry.changes {
            held &= apply(&mut work, change, entry.seq).await?;
        }
        if !held {
            outcomes.push(Committed::Stale);
            continue;
        }
        for notification in &entry.notifications {
            notifications::insert(&mut work, entry.seq, notification).await?;
        }
        outcomes.push(Committed::Written);
        written.extend(&entry.exchange);
    }
    exchanges::insert_all(&mut work, &written).await?;
    work.commit().await?;
    Ok(outcomes)
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
            // A name is drawn by chance and never given twice.
            // Of callbacks, whatever is due when they are blocked is meant.
            Change::Issue(_) | Change::Block(_) => true,
            Change::UseRule { id } => {
                let remaining: Option<Option<i64>> =
                    sqlx::query_scalar("SELECT remaining FROM armed_rules WHERE id = ?")
                        .bind(id)
                        .fetch_optional(&mut *connection)
                        .await?;
                remaining.is_some_and(|remaining| remaining.is_none_or(|uses| uses > 0))
            }
            Change::Attempt(change) => {
                let before = change.attempt.number - 1;
                let (id, seq) = (change.notification, change.seq);
                notification_attempts::holds(&mut *connection, id, seq, before).await?
            }
            Change::Resend(change) => {
                let (id, seq) = (change.notification, change.seq);
                notification_attempts::holds(&mut *connection, id, seq, change.attempts).await?
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
                                               state, created_at, updated_at, due_at)
                     VALUES (?1, ?2, ?3, ?4, ?8, ?5, ?6, ?7, ?7, ?9)
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
                .bind(change.due_at.map(whole_micros))
                .execute(connection)
                .await?
            }
            Some(version) => {
                sqlx::query(
                    "UPDATE transactions
                     SET version = ?8, status = ?1, state = ?2, updated_at = ?3, due_at = ?9
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
                .bind(change.due_at.map(whole_micros))
                .execute(connection)
                .await?
            }
        },
        Change::Issue(issued) => issued::insert(connection, issued).await?,
        Change::Attempt(change) => notification_attempts::insert(connection, change).await?,
        Change::Block(change) => notification_attempts::block(connection, change).await?,
        Change::Resend(change) => notification_attempts::resend(connection, change).await?,
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
