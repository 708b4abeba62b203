//! Rules that a test or a person has armed, and the scenario files that are active.

use jiff::Timestamp;
use sqlx::Row as _;

use super::{Store, StoreError, micros};

/// A rule that waits for its request.
#[derive(Clone, Debug)]
pub struct ArmedRule {
    /// Its number.
    pub id: i64,
    /// At which provider.
    pub provider: String,
    /// For which merchant alone.
    pub merchant: Option<String>,
    /// The rule (JSON).
    pub rule: String,
    /// Uses left; `None`: until it is disarmed.
    pub remaining: Option<i64>,
}

impl Store {
    /// Armed rules in the order in which they were armed.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn armed_rules(&self) -> Result<Vec<ArmedRule>, StoreError> {
        let failed = |source| StoreError::database("list armed rules", source);
        let rows = sqlx::query(
            "SELECT id, provider, merchant, rule, remaining FROM armed_rules ORDER BY id",
        )
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        rows.iter()
            .map(|row| {
                Ok(ArmedRule {
                    id: row.try_get("id")?,
                    provider: row.try_get("provider")?,
                    merchant: row.try_get("merchant")?,
                    rule: row.try_get("rule")?,
                    remaining: row.try_get("remaining")?,
                })
            })
            .collect::<Result<_, sqlx::Error>>()
            .map_err(failed)
    }

    /// Arms a rule and returns its number.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn arm(
        &self,
        provider: &str,
        merchant: Option<&str>,
        rule: &str,
        remaining: Option<i64>,
        at: Timestamp,
    ) -> Result<i64, StoreError> {
        sqlx::query(
            "INSERT INTO armed_rules (provider, merchant, rule, remaining, created_at)
             VALUES (?, ?, ?, ?, ?)",
        )
        .bind(provider)
        .bind(merchant)
        .bind(rule)
        .bind(remaining)
        .bind(micros(at))
        .execute(&mut *self.writer.lock().await)
        .await
        .map(|done| done.last_insert_rowid())
        .map_err(|source| StoreError::database("arm a rule", source))
    }

    /// Takes an armed rule away.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn disarm(&self, id: i64) -> Result<bool, StoreError> {
        sqlx::query("DELETE FROM armed_rules WHERE id = ?")
            .bind(id)
            .execute(&mut *self.writer.lock().await)
            .await
            .map(|done| done.rows_affected() == 1)
            .map_err(|source| StoreError::database("disarm a rule", source))
    }

    /// Names of the active scenario files, the last activated first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn active_scenarios(&self) -> Result<Vec<String>, StoreError> {
        sqlx::query_scalar("SELECT name FROM active_scenarios ORDER BY activated_at DESC, name")
            .fetch_all(&self.readers)
            .await
            .map_err(|source| StoreError::database("list active scenarios", source))
    }

    /// Activates or deactivates a scenario file.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn set_scenario_active(
        &self,
        name: &str,
        active: bool,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let query = if active {
            sqlx::query(
                "INSERT INTO active_scenarios (name, activated_at) VALUES (?, ?)
                 ON CONFLICT (name) DO UPDATE SET activated_at = excluded.activated_at",
            )
            .bind(name)
            .bind(micros(at))
        } else {
            sqlx::query("DELETE FROM active_scenarios WHERE name = ?").bind(name)
        };
        query
            .execute(&mut *self.writer.lock().await)
            .await
            .map(|_| ())
            .map_err(|source| StoreError::database("switch a scenario", source))
    }
}
