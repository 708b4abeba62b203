//! Merchants: whoever holds credentials at one provider.

use jiff::Timestamp;
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection as _, Row as _};

use super::{Store, StoreError, instant, micros};

/// A merchant as it is kept. Credentials are stored in clear: they open nothing but this sandbox.
#[derive(Clone, Debug, PartialEq)]
pub struct MerchantRecord {
    /// Its name.
    pub id: String,
    /// Its only provider.
    pub provider: String,
    /// What a person calls it.
    pub label: Option<String>,
    /// Settings that differ from the provider's.
    pub settings: Value,
    /// Credentials in the provider's words.
    pub credentials: Value,
    /// Offices, each with settings of its own.
    pub offices: Value,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Store {
    /// All merchants, by id.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn merchants(&self) -> Result<Vec<MerchantRecord>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, provider, label, settings, credentials, offices, created_at
             FROM merchants ORDER BY id",
        )
        .fetch_all(&self.readers)
        .await
        .map_err(|source| StoreError::database("list merchants", source))?;
        rows.iter().map(merchant).collect()
    }

    /// Adds a merchant. Returns false if one of that id exists.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn add_merchant(&self, merchant: &MerchantRecord) -> Result<bool, StoreError> {
        sqlx::query(
            "INSERT INTO merchants (id, provider, label, settings, credentials, offices, created_at)
             VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        )
        .bind(&merchant.id)
        .bind(&merchant.provider)
        .bind(&merchant.label)
        .bind(merchant.settings.to_string())
        .bind(merchant.credentials.to_string())
        .bind(merchant.offices.to_string())
        .bind(micros(merchant.created_at))
        .execute(&mut *self.writer.lock().await)
        .await
        .map(|done| done.rows_affected() == 1)
        .map_err(|source| StoreError::database("add a merchant", source))
    }

    /// Removes a merchant with its transactions, callbacks and rules: another one of that name must
    /// not find them. Its exchanges stay until they are reset or evicted.
    ///
    /// # Errors
    /// If the database cannot be written; then nothing was removed.
    pub async fn delete_merchant(&self, id: &str) -> Result<bool, StoreError> {
        let failed = |source| StoreError::database("delete a merchant", source);
        let mut writer = self.writer.lock().await;
        let mut work = writer.begin().await.map_err(failed)?;
        for statement in [
            "DELETE FROM transactions WHERE merchant = ?",
            "DELETE FROM notifications WHERE merchant = ?",
            "DELETE FROM armed_rules WHERE merchant = ?",
        ] {
            sqlx::query(statement).bind(id).execute(&mut *work).await.map_err(failed)?;
        }
        let removed = sqlx::query("DELETE FROM merchants WHERE id = ?")
            .bind(id)
            .execute(&mut *work)
            .await
            .map_err(failed)?;
        work.commit().await.map_err(failed)?;
        self.cache.clear();
        Ok(removed.rows_affected() == 1)
    }
}

fn merchant(row: &SqliteRow) -> Result<MerchantRecord, StoreError> {
    let failed = |source| StoreError::database("read a merchant", source);
    let id: String = row.try_get("id").map_err(failed)?;
    let value = |column| {
        let text: String = row.try_get(column).map_err(failed)?;
        serde_json::from_str(&text).map_err(|error| StoreError::Damaged {
            table: "merchants",
            row: id.clone(),
            reason: format!("{column}: {error}"),
        })
    };
    Ok(MerchantRecord {
        provider: row.try_get("provider").map_err(failed)?,
        label: row.try_get("label").map_err(failed)?,
        settings: value("settings")?,
        credentials: value("credentials")?,
        offices: value("offices")?,
        created_at: instant(row.try_get("created_at").map_err(failed)?),
        id,
    })
}
