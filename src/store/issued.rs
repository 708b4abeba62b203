//! Names that were handed out, such as the id of a payment page: whoever comes with one needs no
//! credential, and is the merchant's whose transaction it names.

use sqlx::sqlite::SqliteQueryResult;
use sqlx::{Row as _, SqliteConnection};

use super::{Store, StoreError};

/// A name and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// At which provider.
    pub provider: String,
    /// The name.
    pub name: String,
    /// Whose it is.
    pub merchant: String,
    /// The transaction's kind.
    pub kind: String,
    /// The transaction's name among its kind.
    pub key: String,
}

impl Store {
    /// What a name stands for.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn issued(&self, provider: &str, name: &str) -> Result<Option<Issued>, StoreError> {
        let failed = |source| StoreError::database("look a name up", source);
        let row = sqlx::query(
            "SELECT provider, name, merchant, kind, key FROM issued
             WHERE provider = ? AND name = ?",
        )
        .bind(provider)
        .bind(name)
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        row.map(|row| {
            Ok(Issued {
                provider: row.try_get("provider")?,
                name: row.try_get("name")?,
                merchant: row.try_get("merchant")?,
                kind: row.try_get("kind")?,
                key: row.try_get("key")?,
            })
        })
        .transpose()
        .map_err(failed)
    }
}

pub(super) async fn insert(
    connection: &mut SqliteConnection,
    issued: &Issued,
) -> Result<SqliteQueryResult, sqlx::Error> {
    sqlx::query("INSERT INTO issued (provider, name, merchant, kind, key) VALUES (?, ?, ?, ?, ?)")
        .bind(&issued.provider)
        .bind(&issued.name)
        .bind(&issued.merchant)
        .bind(&issued.kind)
        .bind(&issued.key)
        .execute(connection)
        .await
}
