//! Everything that is kept, in one SQLite database in WAL mode. The only place that names sqlx.
//!
//! One connection writes; a small pool reads. Queries are checked at run time, because a library
//! must not read its host's `DATABASE_URL` while it is compiled, and each has a test instead.

mod commit;
mod earlier;
mod exchanges;
mod issued;
mod merchants;
mod notification_attempts;
mod notifications;
mod rules;
mod transaction_cache;
mod transactions;

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::sync::Mutex;

pub use self::commit::{Change, Committed, Entry, TransactionChange};
pub use self::earlier::EarlierExchange;
pub(crate) use self::exchanges::stored_bytes;
pub use self::exchanges::{
    Attribution, Delivery, ExchangeDetail, ExchangeFilter, ExchangeSummary, LadderRung, Retention,
    RungVerdict, Verdict,
};
pub use self::issued::Issued;
pub use self::merchants::MerchantRecord;
pub use self::notification_attempts::{
    AttemptChange, AttemptOutcome, BlockChange, NotificationAttempt, ResendChange,
};
pub use self::notifications::{
    DueNotification, NewNotification, NotificationFilter, NotificationRecord, NotificationStatus,
};
pub use self::rules::ArmedRule;
use self::transaction_cache::TransactionCache;
pub use self::transactions::{Transaction, TransactionFilter, Whose};

/// Readers at once: enough for the admin API and the decisions of a two-core machine.
const READERS: u32 = 4;

/// The database of one data folder.
#[derive(Debug)]
pub struct Store {
    writer: Mutex<SqliteConnection>,
    readers: SqlitePool,
    cache: TransactionCache,
}

/// The database could not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite refused.
    #[error("the database cannot {doing}: {source}")]
    Database {
        /// What was attempted.
        doing: &'static str,
        /// What SQLite said.
        #[source]
        source: sqlx::Error,
    },
    /// A commit failed that others took part in.
    #[error("the database cannot commit: {reason}")]
    Unwritten {
        /// What was said of it.
        reason: String,
    },
    /// The schema could not be brought up to date.
    #[error(
        "the database's schema cannot be brought up to date: {0}; it may come from a newer version \
         of Sandgate: use that one, or another --data-dir"
    )]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A row does not hold what its writer put there.
    #[error("table {table}, row {row}: {reason}; the database was changed by other hands")]
    Damaged {
        /// Its table.
        table: &'static str,
        /// Its key.
        row: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// How far the schema of a database is, and how far this build can bring it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaVersions {
    /// The newest migration that the database has had.
    pub stored: i64,
    /// The newest one that this build knows.
    pub known: i64,
}

impl Store {
    /// Looks how far the schema of a database file is. Nothing is changed.
    ///
    /// # Errors
    /// A file that cannot be opened or is no database of this project.
    pub async fn schema_versions(file: &Path) -> Result<SchemaVersions, StoreError> {
        let failed = |source| StoreError::database("be looked at", source);
        let options = SqliteConnectOptions::new()
            .filename(file)
            .read_only(true)
            .busy_timeout(Duration::from_secs(1))
            .disable_statement_logging();
        let mut reader = SqliteConnection::connect_with(&options).await.map_err(failed)?;
        let stored: Option<i64> = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations")
            .fetch_one(&mut reader)
            .await
            .map_err(failed)?;
        let known = sqlx::migrate!().iter().map(|migration| migration.version).max();
        Ok(SchemaVersions {
            stored: stored.unwrap_or(0),
            known: known.unwrap_or(0),
        })
    }

    /// Opens the database file, making it if needed, and brings its schema up to date.
    ///
    /// # Errors
    /// A file that cannot be opened, is no database, or has a newer schema.
    pub async fn open(file: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // The death of the process loses nothing; a power cut may lose the last moments.
            .synchronous(SqliteSynchronous::Normal)
            // An exchange takes about 2 KiB: large pages hold several of them without waste.
            .page_size(8_192)
            // 32 MiB of log between checkpoints: fewer waits for the disk, and a bounded file.
            .pragma("wal_autocheckpoint", "4096")
            .busy_timeout(Duration::from_secs(10))
            .disable_statement_logging();
        let failed = |source| StoreError::database("be opened", source);
        let mut writer = SqliteConnection::connect_with(&options).await.map_err(failed)?;
        sqlx::migrate!().run(&mut writer).await?;
        let names = transactions::names(&mut writer).await.map_err(failed)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_lazy_with(options.read_only(true).create_if_missing(false));
        Ok(Self {
            writer: Mutex::new(writer),
            readers,
            cache: TransactionCache::knowing(&names),
        })
    }

    /// Closes every connection, so that the log is folded into the database file.
    pub async fn close(&self) {
        self.readers.close().await;
        let mut writer = self.writer.lock().await;
        // Nothing is lost if this fails: the log is folded in at the next start.
        let _ = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut *writer).await;
    }

    /// A value of the data folder itself.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn folder_value(&self, name: &str) -> Result<Option<String>, StoreError> {
        sqlx::query_scalar("SELECT value FROM folder WHERE name = ?")
            .bind(name)
            .fetch_optional(&self.readers)
            .await
            .map_err(|source| StoreError::database("read the folder's values", source))
    }

    /// Sets a value of the data folder itself.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn set_folder_value(&self, name: &str, value: &str) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO folder (name, value) VALUES (?, ?)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(name)
        .bind(value)
        .execute(&mut *self.writer.lock().await)
        .await
        .map(|_| ())
        .map_err(|source| StoreError::database("write the folder's values", source))
    }

    /// Clears exchanges, transactions, notifications and armed rules: of one merchant, or all with
    /// the active scenarios. Merchants and credentials stay.
    ///
    /// # Errors
    /// If the database cannot be written; then nothing was cleared.
    pub async fn reset(&self, merchant: Option<&str>) -> Result<(), StoreError> {
        let failed = |source| StoreError::database("be reset", source);
        let mut writer = self.writer.lock().await;
        let mut work = writer.begin().await.map_err(failed)?;
        let statements: &[&'static str] = match merchant {
            Some(_) => &[
                "INSERT INTO folder (name, value)
                     SELECT 'sequence_floor', CAST(MAX(seq) AS TEXT) FROM exchanges
                     WHERE merchant = ? HAVING MAX(seq) IS NOT NULL
                     ON CONFLICT (name) DO UPDATE SET value =
                         MAX(CAST(value AS INTEGER), CAST(excluded.value AS INTEGER))",
                "DELETE FROM exchange_details WHERE seq IN
                     (SELECT seq FROM exchanges WHERE merchant = ?)",
                "DELETE FROM exchanges WHERE merchant = ?",
                "DELETE FROM transactions WHERE merchant = ?",
                "DELETE FROM issued WHERE merchant = ?",
                "DELETE FROM notifications WHERE merchant = ?",
                "DELETE FROM armed_rules WHERE merchant = ?",
            ],
            None => &[
                // Numbers are never given out twice, so the highest one survives the journal.
                "INSERT INTO folder (name, value)
                     SELECT 'sequence_floor', CAST(MAX(seq) AS TEXT) FROM exchanges
                     WHERE true HAVING MAX(seq) IS NOT NULL
                     ON CONFLICT (name) DO UPDATE SET value =
                         MAX(CAST(value AS INTEGER), CAST(excluded.value AS INTEGER))",
                "DELETE FROM exchange_details",
                "DELETE FROM exchanges",
                "DELETE FROM transactions",
                "DELETE FROM issued",
                "DELETE FROM notifications",
                "DELETE FROM armed_rules",
                "DELETE FROM active_scenarios",
            ],
        };
        for statement in statements {
            let mut query = sqlx::query(*statement);
            if let Some(merchant) = merchant {
                query = query.bind(merchant);
            }
            query.execute(&mut *work).await.map_err(failed)?;
        }
        work.commit().await.map_err(failed)?;
        self.cache.clear();
        Ok(())
    }

    /// The highest sequence number ever given to an exchange.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn last_sequence(&self) -> Result<i64, StoreError> {
        let stored: Option<i64> = sqlx::query_scalar("SELECT MAX(seq) FROM exchanges")
            .fetch_one(&self.readers)
            .await
            .map_err(|source| StoreError::database("read the journal", source))?;
        let floor = self.folder_value("sequence_floor").await?;
        let floor = floor.and_then(|text| text.parse().ok()).unwrap_or(0);
        Ok(stored.unwrap_or(0).max(floor).max(self.evicted_until().await?))
    }
}

impl StoreError {
    fn database(doing: &'static str, source: sqlx::Error) -> Self {
        Self::Database { doing, source }
    }
}

/// An instant as the database keeps it.
fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// The first microsecond at or after an instant: what is due then is due.
fn whole_micros(at: Timestamp) -> i64 {
    let floor = micros(at);
    if instant(floor) < at { floor.saturating_add(1) } else { floor }
}

/// An instant from the database.
fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}
