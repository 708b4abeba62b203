//! The journal: what a client sent, what it was answered, and the ladder of checks between.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments as _, AssertSqlSafe, QueryBuilder, Row as _, Sqlite, SqliteConnection};

use super::{Store, StoreError, instant};
use crate::limits;

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every check passed and the business went ahead, be it with a declined payment.
    Accepted,
    /// A check failed, or the business refused.
    Refused,
    /// No such endpoint.
    NotFound,
    /// The bytes could not be read as a request.
    Unreadable,
    /// No TLS connection came about.
    HandshakeFailed,
    /// Sandgate itself failed.
    Internal,
}

/// How surely an exchange belongs to its merchant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attribution {
    /// The merchant proved who it is: every check passed.
    Proven,
    /// A credential named the merchant without proof.
    Named,
    /// Nobody known was named.
    None,
}

/// Whether the answer left as it was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// It was handed to the network whole.
    Sent,
    /// The client had left before the answer could leave.
    ClientLeft,
    /// A scenario's fault changed it on the way.
    Faulted,
}

/// The verdict on one rung of the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RungVerdict {
    /// As expected.
    Passed,
    /// Not as expected.
    Failed,
    /// Failed because a scenario said so.
    Forced,
    /// Not applicable to this request.
    Skipped,
    /// An earlier rung ended the ladder.
    NotReached,
}

impl Verdict {
    /// The word that stands for it everywhere.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::NotFound => "not_found",
            Self::Unreadable => "unreadable",
            Self::HandshakeFailed => "handshake_failed",
            Self::Internal => "internal",
        }
    }
}

impl Attribution {
    /// The word that stands for it everywhere.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Named => "named",
            Self::None => "none",
        }
    }
}

impl Delivery {
    /// The word that stands for it everywhere.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::ClientLeft => "client_left",
            Self::Faulted => "faulted",
        }
    }
}

/// One rung of the ladder as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LadderRung {
    /// Id of the check.
    pub id: Cow<'static, str>,
    /// How it went.
    pub verdict: RungVerdict,
    /// What was wanted, of a failed rung.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What came, of a failed rung.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub got: Option<String>,
    /// More about it, or why it was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What to do, where it differs from the check's usual fix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// An exchange in one line.
#[derive(Clone, Debug, Serialize)]
pub struct ExchangeSummary {
    /// Its number in the journal.
    #[serde(skip)]
    pub seq: i64,
    /// The provider's instant at which it began.
    pub at: Timestamp,
    /// Whose double was addressed.
    pub provider: Cow<'static, str>,
    /// The merchant that its credential names.
    pub merchant: Option<String>,
    /// How surely it is that merchant's.
    pub attribution: Attribution,
    /// The endpoint, where one was found.
    pub endpoint: Option<Cow<'static, str>>,
    /// HTTP method, empty where there was none.
    pub method: String,
    /// Path and query, empty where there was none.
    pub target: String,
    /// HTTP status of the answer, where one was given.
    pub status: Option<u16>,
    /// How it ended.
    pub verdict: Verdict,
    /// The check that ended it.
    pub failed_check: Option<String>,
    /// What it was about: an order number.
    pub subject: Option<String>,
    /// How long it took, in microseconds of machine time.
    pub duration_us: i64,
}

/// An exchange whole.
#[derive(Clone, Debug, Serialize)]
pub struct ExchangeDetail {
    /// The line of the list.
    #[serde(flatten)]
    pub summary: ExchangeSummary,
    /// The client's address.
    pub peer: String,
    /// Scheme and host as the client named them.
    pub origin: String,
    /// The provider's real host, where the front door was used.
    pub front_door: Option<String>,
    /// Header lines in their order.
    pub request_headers: Vec<(String, String)>,
    /// The body as it came, unless `request_note` says otherwise.
    #[serde(skip)]
    pub request_body: Vec<u8>,
    /// What was left out of the stored body: masked or cut.
    pub request_note: Option<String>,
    /// The opened request, masked.
    pub opened_request: Option<Value>,
    /// The ladder of checks.
    pub ladder: Vec<LadderRung>,
    /// Why it was refused, where that is not a check's doing.
    pub reason: Option<String>,
    /// The rules that took part.
    pub scenario: Option<String>,
    /// Header lines of the answer.
    pub answer_headers: Vec<(String, String)>,
    /// Body of the answer.
    #[serde(skip)]
    pub answer_body: Vec<u8>,
    /// What was left out of the stored answer.
    pub answer_note: Option<String>,
    /// What a sealed answer says.
    pub opened_answer: Option<Arc<Value>>,
    /// Near misses found before the body was masked.
    pub near_misses: Option<Value>,
    /// How the answer left.
    pub delivery: Option<Delivery>,
}

/// Which exchanges a list shows.
#[derive(Clone, Debug, Default)]
pub struct ExchangeFilter {
    /// Only this provider's.
    pub provider: Option<String>,
    /// Only this merchant's; the inner `None` means those of nobody known.
    pub merchant: Option<Option<String>>,
    /// Only this endpoint's.
    pub endpoint: Option<String>,
    /// Only those answered with this status.
    pub status: Option<u16>,
    /// Only those that ended so.
    pub verdict: Option<Verdict>,
    /// Only those begun at or after this instant.
    pub since: Option<Timestamp>,
    /// Only those with a smaller number.
    pub before: Option<i64>,
    /// Only those with a larger number.
    pub after: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

/// How much the journal holds of one merchant, or of nobody (`None`).
#[derive(Clone, Debug)]
pub struct Retention {
    /// The merchant.
    pub merchant: Option<String>,
    /// Exchanges.
    pub exchanges: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Columns of the narrow table, but for the number of bytes.
const SUMMARY: &str = "seq, at, provider, merchant, attribution, endpoint, method, target, status, \
                       verdict, failed_check, subject, duration_us";

/// Columns of the wide table, but for the number.
const DETAIL: &str = "peer, origin, front_door, request_headers, request_body, request_note, \
                      opened_request, ladder, reason, scenario, answer_headers, answer_body, \
                      answer_note, opened_answer, near_misses, delivery";

impl Store {
    /// Lists exchanges, newest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn exchanges(
        &self,
        filter: &ExchangeFilter,
    ) -> Result<Vec<ExchangeSummary>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT {SUMMARY} FROM exchanges"));
        query.push(" WHERE true");
        if let Some(provider) = &filter.provider {
            query.push(" AND provider = ").push_bind(provider.clone());
        }
        match &filter.merchant {
            Some(Some(merchant)) => {
                query.push(" AND merchant = ").push_bind(merchant.clone());
            }
            Some(None) => {
                query.push(" AND merchant IS NULL");
            }
            None => {}
        }
        if let Some(endpoint) = &filter.endpoint {
            query.push(" AND endpoint = ").push_bind(endpoint.clone());
            query.push(" COLLATE NOCASE");
        }
        if let Some(status) = filter.status {
            query.push(" AND status = ").push_bind(i64::from(status));
        }
        if let Some(verdict) = filter.verdict {
            query.push(" AND verdict = ").push_bind(verdict.word());
        }
        if let Some(since) = filter.since {
            query.push(" AND at >= ").push_bind(since.as_microsecond());
        }
        if let Some(before) = filter.before {
            query.push(" AND seq < ").push_bind(before);
        }
        if let Some(after) = filter.after {
            query.push(" AND seq > ").push_bind(after);
        }
        query.push(" ORDER BY seq DESC LIMIT ").push_bind(i64::from(filter.limit));
        let rows = query
            .build()
            .fetch_all(&self.readers)
            .await
            .map_err(|source| StoreError::database("list exchanges", source))?;
        rows.iter().map(summary).collect()
    }

    /// One exchange whole.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn exchange(&self, seq: i64) -> Result<Option<ExchangeDetail>, StoreError> {
        let row = sqlx::query(
            "SELECT seq, at, provider, merchant, attribution, endpoint, method, target, status,
                    verdict, failed_check, subject, duration_us, peer, origin, front_door, request_headers,
                    request_body, request_note, opened_request, ladder, reason, scenario,
                    answer_headers, answer_body, answer_note, opened_answer, near_misses, delivery
             FROM exchanges JOIN exchange_details USING (seq) WHERE seq = ?",
        )
        .bind(seq)
        .fetch_optional(&self.readers)
        .await
        .map_err(|source| StoreError::database("read an exchange", source))?;
        row.as_ref().map(detail).transpose()
    }

    /// Notes how an answer left, where that differs from its record.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn note_delivery(&self, seq: i64, delivery: Delivery) -> Result<(), StoreError> {
        sqlx::query("UPDATE exchange_details SET delivery = ? WHERE seq = ?")
            .bind(delivery.word())
            .bind(seq)
            .execute(&mut *self.writer.lock().await)
            .await
            .map(|_| ())
            .map_err(|source| StoreError::database("note a delivery", source))
    }

    /// How much the journal holds, by merchant.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn retention(&self) -> Result<Vec<Retention>, StoreError> {
        let rows = sqlx::query(
            "SELECT merchant, COUNT(*) AS exchanges, SUM(stored_bytes) AS bytes
             FROM exchanges GROUP BY merchant",
        )
        .fetch_all(&self.readers)
        .await
        .map_err(|source| StoreError::database("count the journal", source))?;
        rows.iter()
            .map(retention)
            .collect::<Result<_, sqlx::Error>>()
            .map_err(|source| StoreError::database("count the journal", source))
    }

    /// Removes the oldest exchanges: of one merchant (the inner `None`: of nobody), or of all.
    /// Returns what was removed, by merchant.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn evict_oldest(
        &self,
        merchant: Option<Option<&str>>,
        count: u32,
    ) -> Result<Vec<Retention>, StoreError> {
        let failed = |source| StoreError::database("evict old exchanges", source);
        let mut writer = self.writer.lock().await;
        // The oldest of one merchant are all of its own up to a number, the oldest of all everybody's.
        let whose = match merchant {
            Some(_) => "merchant IS ?1",
            None => "?1 IS ?1",
        };
        let mut work = sqlx::Connection::begin(&mut *writer).await.map_err(failed)?;
        let counted = format!(
            "SELECT merchant, COUNT(*) AS exchanges, SUM(stored_bytes) AS bytes, MAX(seq) AS newest
             FROM (SELECT seq, merchant, stored_bytes FROM exchanges WHERE {whose}
                   ORDER BY seq LIMIT ?2)
             GROUP BY merchant"
        );
        let rows = sqlx::query(AssertSqlSafe(counted))
            .bind(merchant.flatten())
            .bind(i64::from(count))
            .fetch_all(&mut *work)
            .await
            .map_err(failed)?;
        let removed: Vec<_> =
            rows.iter().map(retention).collect::<Result<_, _>>().map_err(failed)?;
        let newest = rows
            .iter()
            .map(|row| row.try_get("newest"))
            .try_fold(0_i64, |newest, seq| seq.map(|seq: i64| newest.max(seq)))
            .map_err(failed)?;
        let details = format!(
            "DELETE FROM exchange_details
             WHERE seq IN (SELECT seq FROM exchanges WHERE {whose} AND seq <= ?2)"
        );
        let summaries = format!("DELETE FROM exchanges WHERE {whose} AND seq <= ?2");
        for statement in [details, summaries] {
            sqlx::query(AssertSqlSafe(statement))
                .bind(merchant.flatten())
                .bind(newest)
                .execute(&mut *work)
                .await
                .map_err(failed)?;
        }
        sqlx::query(
            "INSERT INTO folder (name, value) VALUES ('evicted_until', ?1)
             ON CONFLICT (name) DO UPDATE
             SET value = MAX(CAST(value AS INTEGER), CAST(excluded.value AS INTEGER))",
        )
        .bind(newest.to_string())
        .execute(&mut *work)
        .await
        .map_err(failed)?;
        work.commit().await.map_err(failed)?;
        Ok(removed)
    }

    /// The highest number that was ever evicted; exchanges up to it may be missing for that reason.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn evicted_until(&self) -> Result<i64, StoreError> {
        let value = self.folder_value("evicted_until").await?;
        Ok(value.and_then(|text| text.parse().ok()).unwrap_or(0))
    }
}

/// Rows of one statement at most. Each number of rows is a statement of its own in the connection's
/// cache, so the bound is one on memory, too.
const ROWS: usize = 32;

/// Values of a row in the narrow table, and in the wide one.
const SUMMARY_VALUES: usize = 14;
const DETAIL_VALUES: usize = 17;

/// Inserts exchanges inside the caller's transaction.
pub(super) async fn insert_all(
    connection: &mut SqliteConnection,
    exchanges: &[&ExchangeDetail],
) -> Result<(), sqlx::Error> {
    for rows in exchanges.chunks(ROWS) {
        let mut values = SqliteArguments::default();
        values.reserve(rows.len() * (SUMMARY_VALUES + DETAIL_VALUES), 0);
        rows.iter()
            .try_for_each(|exchange| add_summary(&mut values, exchange))
            .and_then(|()| rows.iter().try_for_each(|exchange| add_detail(&mut values, exchange)))
            .map_err(sqlx::Error::Encode)?;
        let statements = AssertSqlSafe(Arc::clone(inserting(rows.len())));
        sqlx::query_with(statements, values).execute(&mut *connection).await?;
    }
    Ok(())
}

/// The statements that insert so many exchanges, written once: both go to the database's thread in one
/// message.
fn inserting(rows: usize) -> &'static Arc<str> {
    static STATEMENTS: [OnceLock<Arc<str>>; ROWS] = [const { OnceLock::new() }; ROWS];
    STATEMENTS[rows - 1].get_or_init(|| {
        let places = |values| {
            let row = format!("({})", vec!["?"; values].join(","));
            vec![row; rows].join(",")
        };
        let (summaries, details) = (places(SUMMARY_VALUES), places(DETAIL_VALUES));
        format!(
            "INSERT INTO exchanges ({SUMMARY}, stored_bytes) VALUES {summaries};
             INSERT INTO exchange_details (seq, {DETAIL}) VALUES {details}"
        )
        .into()
    })
}

type Added = Result<(), sqlx::error::BoxDynError>;

fn add_summary(values: &mut SqliteArguments, exchange: &ExchangeDetail) -> Added {
    let summary = &exchange.summary;
    values.add(summary.seq)?;
    values.add(summary.at.as_microsecond())?;
    values.add(&*summary.provider)?;
    values.add(&summary.merchant)?;
    values.add(summary.attribution.word())?;
    values.add(summary.endpoint.as_deref())?;
    values.add(&summary.method)?;
    values.add(&summary.target)?;
    values.add(summary.status.map(i64::from))?;
    values.add(summary.verdict.word())?;
    values.add(&summary.failed_check)?;
    values.add(&summary.subject)?;
    values.add(summary.duration_us)?;
    values.add(i64::try_from(stored_bytes(exchange)).unwrap_or(i64::MAX))
}

fn add_detail(values: &mut SqliteArguments, exchange: &ExchangeDetail) -> Added {
    values.add(exchange.summary.seq)?;
    values.add(&exchange.peer)?;
    values.add(&exchange.origin)?;
    values.add(&exchange.front_door)?;
    values.add(json(&exchange.request_headers))?;
    values.add(&exchange.request_body)?;
    values.add(&exchange.request_note)?;
    values.add(exchange.opened_request.as_ref().map(json))?;
    values.add(json(&exchange.ladder))?;
    values.add(&exchange.reason)?;
    values.add(&exchange.scenario)?;
    values.add(json(&exchange.answer_headers))?;
    values.add(&exchange.answer_body)?;
    values.add(&exchange.answer_note)?;
    values.add(exchange.opened_answer.as_deref().map(json))?;
    values.add(exchange.near_misses.as_ref().map(json))?;
    values.add(exchange.delivery.map(Delivery::word))
}

/// Roughly what an exchange takes in the database: its bodies and its texts.
pub(crate) fn stored_bytes(exchange: &ExchangeDetail) -> usize {
    const ROW: usize = 600;
    let opened = exchange.opened_request.as_ref().map_or(0, json_bytes)
        + exchange.opened_answer.as_deref().map_or(0, json_bytes)
        + exchange.near_misses.as_ref().map_or(0, json_bytes);
    let texts = exchange.ladder.iter().flat_map(|rung| {
        [&rung.expected, &rung.got, &rung.detail, &rung.fix].into_iter().flatten()
    });
    ROW + opened
        + texts.chain(&exchange.reason).map(String::len).sum::<usize>()
        + exchange.request_body.len()
        + exchange.answer_body.len()
        + exchange.summary.target.len()
        + exchange
            .request_headers
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum::<usize>()
}

/// About how long a value's JSON text is.
fn json_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| json_bytes(item) + 1).sum(),
        Value::Object(map) => {
            map.iter().map(|(name, item)| name.len() + 4 + json_bytes(item)).sum()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 6,
    }
}

fn retention(row: &SqliteRow) -> Result<Retention, sqlx::Error> {
    Ok(Retention {
        merchant: row.try_get("merchant")?,
        exchanges: row.try_get::<i64, _>("exchanges")?.unsigned_abs(),
        bytes: row.try_get::<i64, _>("bytes")?.unsigned_abs(),
    })
}

fn summary(row: &SqliteRow) -> Result<ExchangeSummary, StoreError> {
    let failed = |source| StoreError::database("read an exchange", source);
    let seq: i64 = row.try_get("seq").map_err(failed)?;
    let text = |column| row.try_get::<String, _>(column).map_err(failed);
    let maybe = |column| row.try_get::<Option<String>, _>(column).map_err(failed);
    Ok(ExchangeSummary {
        seq,
        at: instant(row.try_get("at").map_err(failed)?),
        provider: Cow::Owned(text("provider")?),
        merchant: maybe("merchant")?,
        attribution: from_word(seq, &text("attribution")?)?,
        endpoint: maybe("endpoint")?.map(Cow::Owned),
        method: text("method")?,
        target: text("target")?,
        status: row
            .try_get::<Option<i64>, _>("status")
            .map_err(failed)?
            .and_then(|status| u16::try_from(status).ok()),
        verdict: from_word(seq, &text("verdict")?)?,
        failed_check: maybe("failed_check")?,
        subject: maybe("subject")?,
        duration_us: row.try_get("duration_us").map_err(failed)?,
    })
}

fn detail(row: &SqliteRow) -> Result<ExchangeDetail, StoreError> {
    let failed = |source| StoreError::database("read an exchange", source);
    let summary = summary(row)?;
    let seq = summary.seq;
    let text = |column| row.try_get::<String, _>(column).map_err(failed);
    let maybe = |column| row.try_get::<Option<String>, _>(column).map_err(failed);
    let value = |column| maybe(column)?.map(|text| from_json(seq, &text)).transpose();
    Ok(ExchangeDetail {
        peer: text("peer")?,
        origin: text("origin")?,
        front_door: maybe("front_door")?,
        request_headers: from_json(seq, &text("request_headers")?)?,
        request_body: row.try_get("request_body").map_err(failed)?,
        request_note: maybe("request_note")?,
        opened_request: value("opened_request")?,
        ladder: from_json(seq, &text("ladder")?)?,
        reason: maybe("reason")?,
        scenario: maybe("scenario")?,
        answer_headers: from_json(seq, &text("answer_headers")?)?,
        answer_body: row.try_get("answer_body").map_err(failed)?,
        answer_note: maybe("answer_note")?,
        opened_answer: value("opened_answer")?.map(Arc::new),
        near_misses: value("near_misses")?,
        delivery: maybe("delivery")?.map(|text| from_word(seq, &text)).transpose()?,
        summary,
    })
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("records of text are JSON")
}

pub(super) fn from_word<T: serde::de::DeserializeOwned>(
    seq: i64,
    word: &str,
) -> Result<T, StoreError> {
    serde_json::from_value(Value::String(word.to_owned())).map_err(|error| damaged(seq, &error))
}

pub(super) fn from_json<T: serde::de::DeserializeOwned>(
    seq: i64,
    text: &str,
) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| damaged(seq, &error))
}

fn damaged(seq: i64, error: &serde_json::Error) -> StoreError {
    StoreError::Damaged {
        table: "exchanges",
        row: seq.to_string(),
        reason: error.to_string(),
    }
}

impl ExchangeFilter {
    /// A filter that lists the newest exchanges of everybody.
    #[must_use]
    pub fn newest(limit: u32) -> Self {
        Self {
            limit: limit.min(limits::PAGE_ITEMS),
            ..Self::default()
        }
    }
}
