//! What an explanation reads of the exchanges before the one that it explains.

use jiff::Timestamp;
use serde_json::Value;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::exchanges::{from_json, from_word};
use super::{Attribution, Delivery, Store, StoreError, Verdict, instant};
use crate::limits;

/// An exchange as far as later ones are compared with it.
#[derive(Clone, Debug)]
pub struct EarlierExchange {
    /// Its number in the journal.
    pub seq: i64,
    /// The provider's instant at which it began.
    pub at: Timestamp,
    /// Path and query, masked; empty if they are very long.
    pub target: String,
    /// The endpoint, where one was found.
    pub endpoint: Option<String>,
    /// How surely it is its merchant's.
    pub attribution: Attribution,
    /// How it ended.
    pub verdict: Verdict,
    /// The rules that took part.
    pub scenario: Option<String>,
    /// Header lines of the request, masked; none if they are very long.
    pub request_headers: Vec<(String, String)>,
    /// The opened request, masked, unless it is very long.
    pub opened_request: Option<Value>,
    /// Body of the answer, masked; empty if it is very long.
    pub answer_body: Vec<u8>,
    /// How the answer left, where that was noted.
    pub delivery: Option<Delivery>,
}

impl Store {
    /// The latest exchanges of a merchant before a number, newest first. Bounded in number and in
    /// bytes; for explanations only.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn exchanges_before(
        &self,
        merchant: &str,
        seq: i64,
    ) -> Result<Vec<EarlierExchange>, StoreError> {
        let rows = sqlx::query(
            "SELECT seq, at, endpoint, attribution, verdict, scenario, delivery,
                    CASE WHEN length(target) <= ?3 THEN target END AS target,
                    CASE WHEN length(request_headers) <= ?3 THEN request_headers END AS headers,
                    CASE WHEN length(opened_request) <= ?3 THEN opened_request END AS opened,
                    CASE WHEN length(answer_body) <= ?3 THEN answer_body END AS answer
             FROM exchanges JOIN exchange_details USING (seq)
             WHERE merchant = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?4",
        )
        .bind(merchant)
        .bind(seq)
        .bind(limits::EARLIER_PART_BYTES)
        .bind(limits::EARLIER_EXCHANGES)
        .fetch_all(&self.readers)
        .await
        .map_err(|source| StoreError::database("read earlier exchanges", source))?;
        rows.iter().map(earlier).collect()
    }
}

fn earlier(row: &SqliteRow) -> Result<EarlierExchange, StoreError> {
    let failed = |source| StoreError::database("read an earlier exchange", source);
    let seq: i64 = row.try_get("seq").map_err(failed)?;
    let text = |column| row.try_get::<String, _>(column).map_err(failed);
    let maybe = |column| row.try_get::<Option<String>, _>(column).map_err(failed);
    let answer: Option<Vec<u8>> = row.try_get("answer").map_err(failed)?;
    Ok(EarlierExchange {
        seq,
        at: instant(row.try_get("at").map_err(failed)?),
        target: maybe("target")?.unwrap_or_default(),
        endpoint: maybe("endpoint")?,
        attribution: from_word(seq, &text("attribution")?)?,
        verdict: from_word(seq, &text("verdict")?)?,
        scenario: maybe("scenario")?,
        request_headers: match maybe("headers")? {
            Some(headers) => from_json(seq, &headers)?,
            None => Vec::new(),
        },
        opened_request: maybe("opened")?.map(|opened| from_json(seq, &opened)).transpose()?,
        answer_body: answer.unwrap_or_default(),
        delivery: maybe("delivery")?.map(|word| from_word(seq, &word)).transpose()?,
    })
}
