//! Why an exchange ended as it did: the ladder of checks with its evidence, and the usual mistakes
//! that explain a failure.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use serde_json::{Value, json};

use super::Admin;
use super::exchanges::{VERDICTS, find, known_merchant};
use super::problem::Problem;
use super::query::Query;
use crate::blueprint::{Earlier, Evidence, Provider};
use crate::checks::Check;
use crate::diagnosis::NearMiss;
use crate::json;
use crate::store::{
    Attribution, ExchangeDetail, ExchangeFilter, ExchangeSummary, LadderRung, RungVerdict,
    Transaction, Verdict,
};

/// The paths of this resource.
pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new()
        .route("/exchanges/last/explanation", get(last))
        .route("/exchanges/last-refused/explanation", get(last_refused))
        .route("/exchanges/{id}/explanation", get(show))
}

/// An explanation. The first five members are what tools rely on.
#[derive(Serialize)]
struct Explanation<'a> {
    exchange: String,
    verdict: Verdict,
    attribution: Attribution,
    checks: Vec<ExplainedCheck<'a>>,
    near_misses: Vec<NearMiss>,
    /// What the search says when no usual mistake fits, or why there was none.
    near_miss_note: Option<String>,
    /// The whole of it in one sentence.
    summary: String,
    at: jiff::Timestamp,
    provider: &'a str,
    merchant: Option<&'a str>,
    endpoint: Option<&'a str>,
    method: &'a str,
    target: &'a str,
    status: Option<u16>,
    failed_check: Option<&'a str>,
    reason: Option<&'a str>,
    scenario: Option<&'a str>,
    request_note: Option<&'a str>,
    /// A later exchange that went wrong in another way, or was accepted and has a near miss, where this
    /// one was chosen for the caller.
    later: Option<Value>,
}

/// A rung of the ladder with what its check says of itself.
#[derive(Serialize)]
struct ExplainedCheck<'a> {
    id: &'a str,
    title: &'a str,
    verdict: RungVerdict,
    expected: Option<&'a str>,
    got: Option<&'a str>,
    detail: Option<&'a str>,
    fix: Option<&'a str>,
    clause: Option<&'a str>,
}

async fn show(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    Query::read(&uri, &[])?;
    let detail = find(&admin, &id).await?;
    Ok(explain(&admin, &detail, None).await)
}

/// Whose exchanges are meant; the newest one alone.
async fn newest(admin: &Admin, uri: &Uri) -> Result<ExchangeFilter, Problem> {
    let query = Query::read(uri, &["provider", "merchant"])?;
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
    Ok(ExchangeFilter {
        provider: query.text("provider").map(ToOwned::to_owned),
        merchant,
        limit: 1,
        ..ExchangeFilter::default()
    })
}

/// The last exchange, however it ended: an accepted one may have a near miss too.
async fn last(State(admin): State<Arc<Admin>>, uri: Uri) -> Result<Json<Value>, Problem> {
    let filter = newest(&admin, &uri).await?;
    let Some(chosen) = admin.services.store.exchanges(&filter).await?.pop() else {
        return Err(Problem::not_found(
            "there is no exchange yet",
            "send a request first; sandgate call makes one",
        ));
    };
    let detail = find(&admin, &admin.exchange_id(chosen.seq)).await?;
    Ok(explain(&admin, &detail, None).await)
}

/// The last refused exchange; where there is none, the last that went wrong in another way.
async fn last_refused(State(admin): State<Arc<Admin>>, uri: Uri) -> Result<Json<Value>, Problem> {
    let filter = newest(&admin, &uri).await?;
    let mut refused = None;
    let mut wrong_otherwise = None;
    for (_, verdict) in VERDICTS.iter().filter(|(_, verdict)| *verdict != Verdict::Accepted) {
        let filter = ExchangeFilter {
            verdict: Some(*verdict),
            ..filter.clone()
        };
        let last = admin.services.store.exchanges(&filter).await?.pop();
        if *verdict == Verdict::Refused {
            refused = last;
        } else if let Some(last) = last {
            let newest = wrong_otherwise.get_or_insert_with(|| last.clone());
            if last.seq > newest.seq {
                *newest = last;
            }
        }
    }
    let Some(chosen) = refused.as_ref().or(wrong_otherwise.as_ref()) else {
        return Err(Problem::not_found(
            "no exchange was refused, and none went wrong in another way",
            "GET /exchanges/last/explanation (sandgate explain --last) explains the last one, which was \
             accepted and may have a near miss all the same; GET /exchanges lists what has come",
        ));
    };
    let later = match wrong_otherwise.as_ref().filter(|other| other.seq > chosen.seq) {
        Some(other) => Some(other.clone()),
        None => remarkable(&admin, &filter, chosen.seq).await?,
    };
    let later = later.map(|other| {
        json!({
            "exchange": admin.exchange_id(other.seq),
            "verdict": other.verdict,
            "method": other.method,
            "target": other.target,
        })
    });
    let detail = find(&admin, &admin.exchange_id(chosen.seq)).await?;
    Ok(explain(&admin, &detail, later).await)
}

/// The newest exchange, if it came after that number, was accepted, and has a near miss.
async fn remarkable(
    admin: &Admin,
    filter: &ExchangeFilter,
    after: i64,
) -> Result<Option<ExchangeSummary>, Problem> {
    let newest = admin.services.store.exchanges(filter).await?.pop();
    let Some(newest) = newest.filter(|it| it.seq > after && it.verdict == Verdict::Accepted) else {
        return Ok(None);
    };
    let detail = find(admin, &admin.exchange_id(newest.seq)).await?;
    let provider = admin.providers.iter().find(|known| known.id() == newest.provider);
    let (found, _) = near_misses(admin, provider, &detail).await;
    Ok((!found.is_empty()).then_some(newest))
}

async fn explain(admin: &Admin, detail: &ExchangeDetail, later: Option<Value>) -> Json<Value> {
    let summary = &detail.summary;
    let provider = admin.providers.iter().find(|known| known.id() == summary.provider);
    let declared = provider.map_or(&[][..], |provider| provider.checks());
    let checks: Vec<_> = detail.ladder.iter().map(|rung| explained(rung, declared)).collect();
    let (near_misses, near_miss_note) = near_misses(admin, provider, detail).await;
    Json(json!(Explanation {
        exchange: admin.exchange_id(summary.seq),
        verdict: summary.verdict,
        attribution: summary.attribution,
        summary: in_one_sentence(detail, &checks),
        checks,
        near_misses,
        near_miss_note,
        at: summary.at,
        provider: &summary.provider,
        merchant: summary.merchant.as_deref(),
        endpoint: summary.endpoint.as_deref(),
        method: &summary.method,
        target: &summary.target,
        status: summary.status,
        failed_check: summary.failed_check.as_deref(),
        reason: detail.reason.as_deref(),
        scenario: detail.scenario.as_deref(),
        request_note: detail.request_note.as_deref(),
        later,
    }))
}

fn explained<'a>(rung: &'a LadderRung, declared: &[&'static Check]) -> ExplainedCheck<'a> {
    // An older version may have recorded a check that this one no longer has.
    let check = declared.iter().find(|check| check.id == rung.id);
    let went_wrong = matches!(rung.verdict, RungVerdict::Failed | RungVerdict::Forced);
    let usual_fix = check.filter(|_| went_wrong).map(|check| check.fix);
    ExplainedCheck {
        id: &rung.id,
        title: check.map_or(&*rung.id, |check| check.title),
        verdict: rung.verdict,
        expected: rung.expected.as_deref(),
        got: rung.got.as_deref(),
        detail: rung.detail.as_deref(),
        fix: rung.fix.as_deref().or(usual_fix),
        clause: check.map(|check| check.clause),
    }
}

/// The mistakes that were found before the body was masked, or those that are found now; either way
/// with what earlier exchanges tell.
async fn near_misses(
    admin: &Admin,
    provider: Option<&Arc<dyn Provider>>,
    detail: &ExchangeDetail,
) -> (Vec<NearMiss>, Option<String>) {
    // Where no check failed the reason says it all, and nobody misses a near miss.
    let a_check_failed = detail.ladder.iter().any(|rung| rung.verdict == RungVerdict::Failed);
    let known = provider.map_or(0, |provider| provider.mistakes().len());
    let stored: Option<Vec<NearMiss>> = detail
        .near_misses
        .as_ref()
        .map(|stored| serde_json::from_value(stored.clone()).unwrap_or_default());
    let was_searched = stored.is_some();
    let found = match (provider.map(Arc::clone), stored) {
        (None, stored) => stored.unwrap_or_default(),
        (Some(provider), Some(stored)) if !provider.looks_back(&detail.summary) => stored,
        (Some(_), None) if is_forced(detail) => {
            let note = "no mistake was looked for: a rule forced the check to fail".to_owned();
            return (Vec::new(), Some(note));
        }
        (Some(provider), stored) => {
            let evidence = evidence(admin, &provider, detail).await;
            // Recovering what was signed takes RSA work, which has its own threads.
            let searching = admin.services.rsa.run(move || {
                let found = stored.unwrap_or_else(|| provider.diagnose(&evidence));
                provider.look_back(&evidence, found)
            });
            searching.await
        }
    };
    let note = (found.is_empty() && a_check_failed).then(|| {
        // What was searched while the bytes were there missed nothing of them.
        if was_searched { unknown(known) } else { nothing_fits(known, detail) }
    });
    (found, note)
}

fn is_forced(detail: &ExchangeDetail) -> bool {
    detail.ladder.iter().any(|rung| rung.verdict == RungVerdict::Forced)
}

/// What is not known is said to be unknown.
fn unknown(known: usize) -> String {
    format!("none of the {known} usual mistakes that are known fits; this one is unknown")
}

fn nothing_fits(known: usize, detail: &ExchangeDetail) -> String {
    let mut text = unknown(known);
    if let Some(note) = &detail.request_note {
        text.push_str("; the stored body is not the one that came (");
        text.push_str(note);
        text.push_str("), so what depends on its bytes could not be tried");
    }
    text
}

async fn evidence(
    admin: &Admin,
    provider: &Arc<dyn Provider>,
    detail: &ExchangeDetail,
) -> Evidence {
    let summary = &detail.summary;
    Evidence {
        method: summary.method.clone(),
        target: summary.target.clone(),
        front_door: detail.front_door.clone(),
        endpoint: summary.endpoint.as_deref().map(ToOwned::to_owned),
        headers: detail.request_headers.clone(),
        body: detail.request_body.clone(),
        ladder: detail.ladder.clone(),
        opened: detail.opened_request.clone(),
        answer: match &detail.opened_answer {
            Some(opened) => Some(Value::clone(opened)),
            None => json::parse(&detail.answer_body).ok(),
        },
        verdict: summary.verdict,
        reason: detail.reason.clone(),
        related: related(admin, detail).await,
        earlier: earlier(admin, provider, detail).await,
        merchant: summary.merchant.as_deref().and_then(|id| admin.services.merchants.by_id(id)),
        at: summary.at,
        machine_at: None,
    }
}

/// What a refused request may have meant. A search that fails costs a near miss, no explanation.
async fn related(admin: &Admin, detail: &ExchangeDetail) -> Vec<Transaction> {
    let summary = &detail.summary;
    let (Verdict::Refused, Some(merchant), Some(subject)) =
        (summary.verdict, &summary.merchant, &summary.subject)
    else {
        return Vec::new();
    };
    let store = &admin.services.store;
    store.transactions_like(merchant, subject, RELATED).await.unwrap_or_default()
}

/// What its merchant did before. As above, a failure costs a near miss.
async fn earlier(
    admin: &Admin,
    provider: &Arc<dyn Provider>,
    detail: &ExchangeDetail,
) -> Vec<Earlier> {
    let summary = &detail.summary;
    let (Some(merchant), true) = (&summary.merchant, provider.looks_back(summary)) else {
        return Vec::new();
    };
    let before = admin.services.store.exchanges_before(merchant, summary.seq).await;
    let before = before.unwrap_or_default().into_iter();
    let named = before.map(|exchange| Earlier {
        id: admin.exchange_id(exchange.seq),
        exchange,
    });
    named.collect()
}

/// Transactions that a search for a mistyped name looks at.
const RELATED: u32 = 5;

fn accepted(detail: &ExchangeDetail) -> String {
    match &detail.scenario {
        None => "accepted: every check passed".to_owned(),
        Some(rule) => {
            format!(
                "accepted: every check passed; what the answer says is the doing of the rule \"{rule}\""
            )
        }
    }
}

fn in_one_sentence(detail: &ExchangeDetail, checks: &[ExplainedCheck<'_>]) -> String {
    let failed = checks
        .iter()
        .find(|check| matches!(check.verdict, RungVerdict::Failed | RungVerdict::Forced));
    let reason = detail.reason.as_deref().unwrap_or("no reason was recorded");
    match (detail.summary.verdict, failed) {
        (Verdict::Accepted, _) => accepted(detail),
        (Verdict::Refused, Some(check)) if check.verdict == RungVerdict::Forced => {
            format!("refused because a rule forced {} to fail; the request was right", check.id)
        }
        (Verdict::Refused, Some(check)) => {
            format!("refused by {}, which wants: {}", check.id, check.title)
        }
        (Verdict::Refused, None) => format!("refused by the business: {reason}"),
        (Verdict::NotFound | Verdict::Unreadable, _) => reason.to_owned(),
        (Verdict::HandshakeFailed, _) => format!("no TLS connection came about: {reason}"),
        (Verdict::Internal, _) => format!("Sandgate itself failed: {reason}"),
    }
}
