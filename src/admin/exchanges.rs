//! The journal: lists of exchanges, which can wait for new ones, and exchanges whole.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::Admin;
use super::problem::Problem;
use super::query::{Query, did_you_mean, duration, instant};
use crate::limits;
use crate::stopwatch::{Stopwatch, pause};
use crate::store::{ExchangeDetail, ExchangeFilter, ExchangeSummary, Verdict};

const QUERY: [&str; 10] = [
    "provider", "merchant", "endpoint", "status", "verdict", "since", "limit", "cursor", "after",
    "wait_ms",
];

/// Every verdict, with the word for it.
pub(super) const VERDICTS: [(&str, Verdict); 6] = [
    ("accepted", Verdict::Accepted),
    ("refused", Verdict::Refused),
    ("not_found", Verdict::NotFound),
    ("unreadable", Verdict::Unreadable),
    ("handshake_failed", Verdict::HandshakeFailed),
    ("internal", Verdict::Internal),
];

/// The paths of this resource.
pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new().route("/exchanges", get(list)).route("/exchanges/{id}", get(show))
}

/// A line of the list.
#[derive(Serialize)]
struct Listed<'a> {
    id: String,
    #[serde(flatten)]
    summary: &'a ExchangeSummary,
}

/// An exchange with its bodies in a form that JSON can hold.
#[derive(Serialize)]
struct Shown<'a> {
    id: String,
    #[serde(flatten)]
    detail: &'a ExchangeDetail,
    request_body: Value,
    answer_body: Value,
}

async fn list(State(admin): State<Arc<Admin>>, uri: Uri) -> Result<Json<Value>, Problem> {
    let query = Query::read(&uri, &QUERY)?;
    let mut filter = read_filter(&admin, &query).await?;
    let page = filter.limit;
    // One more than is shown tells whether there is a next page.
    filter.limit = page + 1;
    let most = u64::try_from(limits::LIST_WAIT.as_millis()).unwrap_or(u64::MAX);
    let wait = Duration::from_millis(query.number("wait_ms", 0, most)?.unwrap_or(0));
    let follows = filter.after.is_some() || query.text("wait_ms").is_some();
    let mut found = wait_for_items(&admin, &filter, follows, wait).await?;
    let more = found.len() > page as usize;
    found.truncate(page as usize);
    let next_cursor = found.last().filter(|_| more).map(|summary| admin.exchange_id(summary.seq));
    let items: Vec<Listed<'_>> = found
        .iter()
        .map(|summary| Listed {
            id: admin.exchange_id(summary.seq),
            summary,
        })
        .collect();
    Ok(Json(json!({ "items": items, "next_cursor": next_cursor })))
}

/// Lists, and as long as the list is empty looks again whenever something was committed. Whoever
/// follows the journal is shown nothing beyond an exchange that is under way: it would be missed.
async fn wait_for_items(
    admin: &Admin,
    filter: &ExchangeFilter,
    follows: bool,
    wait: Duration,
) -> Result<Vec<ExchangeSummary>, Problem> {
    // Subscribed before the first look, so that nothing slips in between.
    let mut settled = admin.recorder.settled();
    let stopwatch = Stopwatch::start();
    loop {
        let beyond = settled.borrow_and_update().saturating_add(1);
        let mut filter = filter.clone();
        if follows {
            filter.before = Some(filter.before.map_or(beyond, |before| before.min(beyond)));
        }
        let found = admin.services.store.exchanges(&filter).await?;
        let left = wait.saturating_sub(stopwatch.elapsed());
        if !found.is_empty() || left.is_zero() {
            return Ok(found);
        }
        tokio::select! {
            changed = settled.changed() => if changed.is_err() {
                // The recorder has stopped: nothing will come any more.
                return Ok(found);
            },
            () = admin.stop.cancelled() => return Ok(found),
            () = pause(left) => {}
        }
    }
}

async fn read_filter(admin: &Admin, query: &Query) -> Result<ExchangeFilter, Problem> {
    if let Some(provider) = query.text("provider") {
        admin.provider(provider)?;
    }
    let merchant = match query.text("merchant") {
        None => None,
        Some("none") => Some(None),
        Some(id) => {
            known_merchant(admin, id).await?;
            Some(Some(id.to_owned()))
        }
    };
    let endpoint = query.text("endpoint").map(|name| known_endpoint(admin, name)).transpose()?;
    let status = query.number("status", 100, 599)?.and_then(|status| u16::try_from(status).ok());
    let verdict = query.text("verdict").map(known_verdict).transpose()?;
    let since = query.text("since").map(|text| since(admin, text)).transpose()?;
    let before = query.text("cursor").map(|id| admin.sequence(id)).transpose()?;
    let after = query.text("after").map(|id| admin.sequence(id)).transpose()?;
    Ok(ExchangeFilter {
        provider: query.text("provider").map(ToOwned::to_owned),
        merchant,
        endpoint,
        status,
        verdict,
        since,
        before,
        after,
        limit: query.limit()?,
    })
}

/// Refuses a merchant that neither exists nor has left anything in the journal.
pub(super) async fn known_merchant(admin: &Admin, id: &str) -> Result<(), Problem> {
    if admin.services.merchants.by_id(id).is_some() {
        return Ok(());
    }
    let left = admin
        .services
        .store
        .exchanges(&ExchangeFilter {
            merchant: Some(Some(id.to_owned())),
            limit: 1,
            ..ExchangeFilter::default()
        })
        .await?;
    if left.is_empty() { Err(no_merchant(admin, id)) } else { Ok(()) }
}

/// No such merchant, but a nearest one.
pub(super) fn no_merchant(admin: &Admin, id: &str) -> Problem {
    let all = admin.services.merchants.all();
    let known: Vec<&str> = all.iter().map(|merchant| merchant.id()).collect();
    Problem::not_found(format!("there is no merchant \"{id}\""), did_you_mean(id, &known))
}

fn known_endpoint(admin: &Admin, name: &str) -> Result<String, Problem> {
    let known: Vec<&str> = admin
        .providers
        .iter()
        .flat_map(|provider| provider.endpoints())
        .map(|endpoint| endpoint.name)
        .collect();
    match known.iter().find(|known| known.eq_ignore_ascii_case(name)) {
        Some(known) => Ok((*known).to_owned()),
        None => Err(Problem::bad_request(
            format!("there is no endpoint \"{name}\""),
            did_you_mean(name, &known),
        )),
    }
}

fn known_verdict(name: &str) -> Result<Verdict, Problem> {
    let found = VERDICTS.iter().find(|(word, _)| *word == name);
    found.map(|(_, verdict)| *verdict).ok_or_else(|| {
        let known: Vec<&str> = VERDICTS.iter().map(|(word, _)| *word).collect();
        Problem::bad_request(format!("there is no verdict \"{name}\""), did_you_mean(name, &known))
    })
}

/// An instant, or how long ago by the server's clock.
fn since(admin: &Admin, text: &str) -> Result<Timestamp, Problem> {
    if let Ok(ago) = duration("since", text) {
        let now = admin.services.clock.now();
        return Ok(now.checked_sub(ago).unwrap_or(Timestamp::MIN));
    }
    instant("since", text)
}

async fn show(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    Query::read(&uri, &[])?;
    let detail = find(&admin, &id).await?;
    let shown = Shown {
        id: admin.exchange_id(detail.summary.seq),
        request_body: body(&detail.request_body),
        answer_body: body(&detail.answer_body),
        detail: &detail,
    };
    Ok(Json(json!(shown)))
}

/// One exchange by its id, or a problem that says why it is not there.
pub(super) async fn find(admin: &Admin, id: &str) -> Result<ExchangeDetail, Problem> {
    let seq = admin.sequence(id)?;
    let store = &admin.services.store;
    if let Some(detail) = store.exchange(seq).await? {
        return Ok(detail);
    }
    if seq <= store.evicted_until().await? {
        return Err(Problem::not_found(
            format!("exchange {id} is not in the journal; it may have been evicted"),
            format!(
                "the journal keeps the last {} exchanges of a merchant and {} MiB in all; look \
                 sooner, or use a data folder of its own",
                limits::EXCHANGES_PER_MERCHANT,
                limits::JOURNAL_BYTES / 1024 / 1024
            ),
        ));
    }
    if seq > store.last_sequence().await? {
        return Err(Problem::not_found(
            format!("exchange {id} is not in the journal, which has not got that far"),
            "GET /exchanges lists what there is, newest first",
        ));
    }
    Err(Problem::not_found(
        format!("exchange {id} is not in the journal; a reset may have cleared it"),
        "GET /exchanges lists what there is, newest first",
    ))
}

/// Bytes as JSON can hold them: as text where they are text.
fn body(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!({ "text": text }),
        Err(_) => json!({ "base64": STANDARD.encode(bytes) }),
    }
}
