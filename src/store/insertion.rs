//! What an exchange writes, as one row: a view of the connection that writes takes it, and triggers
//! put each part into its table.
//!
//! The usual batch is one statement so. The database's thread answers every statement by itself, and
//! every answer wakes the runtime: that costs more than the statement.

use std::sync::{Arc, OnceLock};

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, AssertSqlSafe, SqliteConnection};

use super::commit::TransactionChange;
use super::exchanges::{DETAIL, Delivery, ExchangeDetail, SUMMARY, json, stored_bytes};
use super::{micros, whole_micros};

/// Rows of one statement at most. Each number of rows is a statement of its own in the connection's
/// cache, so the bound is one on memory, too.
pub(super) const ROWS: usize = 32;

/// An exchange, and the transaction that it makes.
pub(super) struct Row<'e> {
    pub(super) exchange: &'e ExchangeDetail,
    pub(super) made: Option<&'e TransactionChange>,
}

/// Columns of an exchange: both halves, and how many bytes they take.
const EXCHANGE_COLUMNS: usize = 30;

/// Columns of a transaction that an exchange makes. Its version and its instants are the exchange's.
const MADE: &str = "made_by, made_kind, made_key, made_at_provider, made_status, made_state, made_at, \
                    made_due_at";
const MADE_COLUMNS: usize = 8;

/// Makes the view and its triggers, which nobody else sees.
pub(super) async fn prepare(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let new = |columns: &str| {
        let columns: Vec<String> = columns.split(", ").map(|name| format!("NEW.{name}")).collect();
        columns.join(", ")
    };
    let nothing = vec!["NULL"; EXCHANGE_COLUMNS + MADE_COLUMNS].join(", ");
    let view = format!(
        "CREATE TEMP VIEW written ({SUMMARY}, stored_bytes, {DETAIL}, {MADE}) AS SELECT {nothing};
         CREATE TEMP TRIGGER write_exchange INSTEAD OF INSERT ON written BEGIN
             INSERT INTO exchanges ({SUMMARY}, stored_bytes)
                 VALUES ({summary}, NEW.stored_bytes);
             INSERT INTO exchange_details (seq, {DETAIL}) VALUES (NEW.seq, {detail});
         END;
         CREATE TEMP TRIGGER write_transaction INSTEAD OF INSERT ON written
         WHEN NEW.made_kind IS NOT NULL BEGIN
             INSERT INTO transactions (merchant, kind, key, provider, version, status, state,
                                       created_at, updated_at, due_at)
                 VALUES (NEW.made_by, NEW.made_kind, NEW.made_key, NEW.made_at_provider, NEW.seq,
                         NEW.made_status, NEW.made_state, NEW.made_at, NEW.made_at,
                         NEW.made_due_at);
         END",
        summary = new(SUMMARY),
        detail = new(DETAIL)
    );
    sqlx::raw_sql(AssertSqlSafe(view)).execute(connection).await.map(|_| ())
}

/// Inserts rows: up to [`ROWS`] of them in one statement, which is a transaction of its own where the
/// caller has begun none.
///
/// # Errors
/// Among others, that a transaction which an exchange makes exists already.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    rows: &[Row<'_>],
) -> Result<(), sqlx::Error> {
    let any_made = rows.iter().any(|row| row.made.is_some());
    let columns = if any_made { EXCHANGE_COLUMNS + MADE_COLUMNS } else { EXCHANGE_COLUMNS };
    for rows in rows.chunks(ROWS) {
        let mut values = SqliteArguments::default();
        values.reserve(rows.len() * columns, 0);
        for row in rows {
            let added = add_exchange(&mut values, row.exchange)
                .and_then(|()| if any_made { add_made(&mut values, row.made) } else { Ok(()) });
            added.map_err(sqlx::Error::Encode)?;
        }
        let statement = AssertSqlSafe(Arc::clone(statement(rows.len(), any_made)));
        sqlx::query_with(statement, values).execute(&mut *connection).await?;
    }
    Ok(())
}

/// The statement that inserts so many rows, with or without the columns of a transaction.
fn statement(rows: usize, any_made: bool) -> &'static Arc<str> {
    static BARE: [OnceLock<Arc<str>>; ROWS] = [const { OnceLock::new() }; ROWS];
    static WITH_MADE: [OnceLock<Arc<str>>; ROWS] = [const { OnceLock::new() }; ROWS];
    let build = |columns: &str, count| {
        let row = format!("({})", vec!["?"; count].join(","));
        format!("INSERT INTO written ({columns}) VALUES {}", vec![row; rows].join(",")).into()
    };
    let exchange = || format!("{SUMMARY}, stored_bytes, {DETAIL}");
    if any_made {
        WITH_MADE[rows - 1].get_or_init(|| {
            build(&format!("{}, {MADE}", exchange()), EXCHANGE_COLUMNS + MADE_COLUMNS)
        })
    } else {
        BARE[rows - 1].get_or_init(|| build(&exchange(), EXCHANGE_COLUMNS))
    }
}

type Added = Result<(), sqlx::error::BoxDynError>;

fn add_exchange(values: &mut SqliteArguments, exchange: &ExchangeDetail) -> Added {
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
    values.add(i64::try_from(stored_bytes(exchange)).unwrap_or(i64::MAX))?;
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

fn add_made(values: &mut SqliteArguments, made: Option<&TransactionChange>) -> Added {
    values.add(made.map(|made| &made.merchant))?;
    values.add(made.map(|made| made.kind))?;
    values.add(made.map(|made| &made.key))?;
    values.add(made.map(|made| &made.provider))?;
    values.add(made.map(|made| &made.status))?;
    values.add(made.map(|made| &made.state))?;
    values.add(made.map(|made| micros(made.at)))?;
    values.add(made.and_then(|made| made.due_at).map(whole_micros))
}
