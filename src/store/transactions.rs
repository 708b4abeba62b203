//! Transactions: the state rows that a person can drive, such as orders.

use std::sync::Arc;

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};

use super::transaction_cache::Known;
use super::{Store, StoreError, instant};
use crate::limits;

/// A state row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Whose it is.
    pub merchant: String,
    /// At which provider.
    pub provider: String,
    /// What sort of thing it is.
    pub kind: String,
    /// Its name among its kind.
    pub key: String,
    /// Number of the exchange that changed it last.
    pub version: i64,
    /// Its status in one word.
    pub status: String,
    /// All of it, as the provider keeps it (JSON).
    pub state: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Which transactions a list shows.
#[derive(Clone, Debug, Default)]
pub struct TransactionFilter {
    /// Only this provider's.
    pub provider: Option<String>,
    /// Only this merchant's.
    pub merchant: Option<String>,
    /// Only this one.
    pub key: Option<String>,
    /// Only those in this status.
    pub status: Option<String>,
    /// Leave out so many from the front.
    pub skip: u32,
    /// At most so many.
    pub limit: u32,
}

const COLUMNS: &str =
    "merchant, kind, key, provider, version, status, state, created_at, updated_at";

impl Store {
    /// One transaction.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn transaction(
        &self,
        merchant: &str,
        kind: &str,
        key: &str,
    ) -> Result<Option<Arc<Transaction>>, StoreError> {
        let generation = match self.cache.look(merchant, kind, key) {
            Known::Row(cached) => return Ok(Some(cached)),
            Known::Absent => return Ok(None),
            Known::Unknown(generation) => generation,
        };
        let row = sqlx::query(
            "SELECT merchant, kind, key, provider, version, status, state, created_at, updated_at
             FROM transactions WHERE merchant = ? AND kind = ? AND key = ?",
        )
        .bind(merchant)
        .bind(kind)
        .bind(key)
        .fetch_optional(&self.readers)
        .await
        .map_err(|source| StoreError::database("read a transaction", source))?;
        let found = row.as_ref().map(transaction).transpose()?.map(Arc::new);
        if let Some(found) = &found {
            self.cache.keep(found, generation);
        }
        Ok(found)
    }

    /// Lists transactions, the last changed first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn transactions(
        &self,
        filter: &TransactionFilter,
    ) -> Result<Vec<Transaction>, StoreError> {
        let mut query =
            QueryBuilder::<Sqlite>::new(format!("SELECT {COLUMNS} FROM transactions WHERE true"));
        for (column, wanted) in [
            (" AND provider = ", &filter.provider),
            (" AND merchant = ", &filter.merchant),
            (" AND key = ", &filter.key),
            (" AND status = ", &filter.status),
        ] {
            if let Some(wanted) = wanted {
                query.push(column).push_bind(wanted.clone());
            }
        }
        query.push(" ORDER BY updated_at DESC, key LIMIT ").push_bind(i64::from(filter.limit));
        query.push(" OFFSET ").push_bind(i64::from(filter.skip));
        let rows = query
            .build()
            .fetch_all(&self.readers)
            .await
            .map_err(|source| StoreError::database("list transactions", source))?;
        rows.iter().map(transaction).collect()
    }
}

/// The names of all transactions, or one more of them than can be known: merchant, kind and key.
pub(super) async fn names(
    connection: &mut SqliteConnection,
) -> Result<Vec<(String, String, String)>, sqlx::Error> {
    sqlx::query_as("SELECT merchant, kind, key FROM transactions LIMIT ?")
        .bind(i64::try_from(limits::KNOWN_TRANSACTIONS + 1).unwrap_or(i64::MAX))
        .fetch_all(connection)
        .await
}

fn transaction(row: &SqliteRow) -> Result<Transaction, StoreError> {
    let read = || {
        Ok(Transaction {
            merchant: row.try_get("merchant")?,
            provider: row.try_get("provider")?,
            kind: row.try_get("kind")?,
            key: row.try_get("key")?,
            version: row.try_get("version")?,
            status: row.try_get("status")?,
            state: row.try_get("state")?,
            created_at: instant(row.try_get("created_at")?),
            updated_at: instant(row.try_get("updated_at")?),
        })
    };
    read().map_err(|source| StoreError::database("read a transaction", source))
}
