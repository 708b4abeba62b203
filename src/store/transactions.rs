//! Transactions: the state rows that a person can drive, such as orders.

use std::sync::Arc;

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};

use super::transaction_cache::Known;
use super::{Store, StoreError, instant, micros};
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
    /// Only those of this kind.
    pub kind: Option<String>,
    /// Only this one.
    pub key: Option<String>,
    /// Only those in this status.
    pub status: Option<String>,
    /// Leave out so many from the front.
    pub skip: u32,
    /// At most so many.
    pub limit: u32,
}

/// Rows of one page where a caller goes through many.
const PAGE: i64 = 100;

/// Whose transactions are meant.
#[derive(Clone, Copy, Debug)]
pub enum Whose<'m> {
    /// One merchant's.
    Only(&'m str),
    /// Everybody's but theirs.
    AllBut(&'m [String]),
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

    /// A page of a merchant's transactions of one kind, the newest first, behind the last one of
    /// the page before.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn newest_of_kind(
        &self,
        merchant: &str,
        kind: &str,
        after: Option<&(Timestamp, String)>,
    ) -> Result<Vec<Transaction>, StoreError> {
        let (until, behind) = match after {
            Some((at, key)) => (micros(*at), key.as_str()),
            None => (i64::MAX, ""),
        };
        let rows = sqlx::query(
            "SELECT merchant, kind, key, provider, version, status, state, created_at, updated_at
             FROM transactions
             WHERE merchant = ?1 AND kind = ?2
               AND (created_at < ?3 OR (created_at = ?3 AND key > ?4))
             ORDER BY created_at DESC, key LIMIT ?5",
        )
        .bind(merchant)
        .bind(kind)
        .bind(until)
        .bind(behind)
        .bind(PAGE)
        .fetch_all(&self.readers)
        .await
        .map_err(|source| StoreError::database("list transactions", source))?;
        rows.iter().map(transaction).collect()
    }

    /// Transactions that time moves by an instant on their merchants' clocks, the earliest first;
    /// of one merchant, or of all but some.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn due_transactions(
        &self,
        whose: Whose<'_>,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<(Timestamp, Transaction)>, StoreError> {
        let failed = |source| StoreError::database("list what is due", source);
        let mut query = QueryBuilder::<Sqlite>::new(format!(
            "SELECT {COLUMNS}, due_at FROM transactions WHERE due_at <= "
        ));
        query.push_bind(micros(until));
        match whose {
            Whose::Only(merchant) => {
                query.push(" AND merchant = ").push_bind(merchant.to_owned());
            }
            Whose::AllBut(merchants) => {
                for merchant in merchants {
                    query.push(" AND merchant <> ").push_bind(merchant.clone());
                }
            }
        }
        query.push(" ORDER BY due_at, merchant, key LIMIT ").push_bind(i64::from(limit));
        let rows = query.build().fetch_all(&self.readers).await.map_err(failed)?;
        rows.iter()
            .map(|row| {
                let due: i64 = row.try_get("due_at").map_err(failed)?;
                Ok((instant(due), transaction(row)?))
            })
            .collect()
    }

    /// Forgets that time will move a transaction, unless it has changed meanwhile.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn forget_due(&self, transaction: &Transaction) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE transactions SET due_at = NULL
             WHERE merchant = ? AND kind = ? AND key = ? AND version = ?",
        )
        .bind(&transaction.merchant)
        .bind(&transaction.kind)
        .bind(&transaction.key)
        .bind(transaction.version)
        .execute(&mut *self.writer.lock().await)
        .await
        .map(|_| ())
        .map_err(|source| StoreError::database("forget what is due", source))
    }

    /// Lists transactions, the last changed first: in the order of commits, which a shifted or stopped
    /// clock does not disturb.
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
            (" AND kind = ", &filter.kind),
            (" AND key = ", &filter.key),
            (" AND status = ", &filter.status),
        ] {
            if let Some(wanted) = wanted {
                query.push(column).push_bind(wanted.clone());
            }
        }
        query.push(" ORDER BY version DESC LIMIT ").push_bind(i64::from(filter.limit));
        query.push(" OFFSET ").push_bind(i64::from(filter.skip));
        let rows = query
            .build()
            .fetch_all(&self.readers)
            .await
            .map_err(|source| StoreError::database("list transactions", source))?;
        rows.iter().map(transaction).collect()
    }

    /// Transactions of a merchant that somebody may have meant by a text: those whose key is this one
    /// but for case, blanks, dashes and zeros in front, and those whose state holds it as a value.
    /// Looks at every transaction of the merchant, so it is for explanations only.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn transactions_like(
        &self,
        merchant: &str,
        text: &str,
        limit: u32,
    ) -> Result<Vec<Transaction>, StoreError> {
        let loosely: String = text
            .chars()
            .filter(|letter| *letter != '-' && !letter.is_whitespace())
            .collect::<String>()
            .to_ascii_lowercase();
        let rows = sqlx::query(
            "SELECT merchant, kind, key, provider, version, status, state, created_at, updated_at
             FROM transactions
             WHERE merchant = ?1 AND (
                 key = ?2
                 OR lower(ltrim(replace(replace(key, '-', ''), ' ', ''), '0')) = ?3
                 OR instr(state, ?4) > 0)
             ORDER BY key = ?2 DESC, updated_at DESC LIMIT ?5",
        )
        .bind(merchant)
        .bind(text)
        .bind(loosely.trim_start_matches('0'))
        .bind(serde_json::Value::from(text).to_string())
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await
        .map_err(|source| StoreError::database("look for transactions", source))?;
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
