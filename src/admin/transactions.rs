//! Transactions: the state that exchanges have left behind, and what a person makes happen to it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Admin;
use super::exchanges::known_merchant;
use super::problem::Problem;
use super::query::{Query, did_you_mean, object};
use crate::blueprint::{Driven, EventRefusal, Merchant, Provider};
use crate::limits;
use crate::store::{Committed, Entry, StoreError, Transaction, TransactionFilter};

const QUERY: [&str; 7] = ["provider", "merchant", "kind", "key", "status", "limit", "cursor"];

/// The paths of this resource.
pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new()
        .route("/transactions", get(list))
        .route("/transactions/{merchant}/{kind}/{key}", get(show))
        .route("/transactions/{merchant}/{kind}/{key}/events", post(happen).get(events))
}

async fn list(State(admin): State<Arc<Admin>>, uri: Uri) -> Result<Json<Value>, Problem> {
    let query = Query::read(&uri, &QUERY)?;
    if let Some(provider) = query.text("provider") {
        admin.provider(provider)?;
    }
    if let Some(merchant) = query.text("merchant") {
        known_merchant(&admin, merchant).await?;
    }
    let own = |name| query.text(name).map(ToOwned::to_owned);
    let page = query.limit()?;
    let skip = query.number("cursor", 0, u64::from(u32::MAX))?.unwrap_or(0);
    let skip = u32::try_from(skip).unwrap_or(u32::MAX);
    let filter = TransactionFilter {
        provider: own("provider"),
        merchant: own("merchant"),
        kind: own("kind"),
        key: own("key"),
        status: own("status"),
        skip,
        // One more than is shown tells whether there is a next page.
        limit: page + 1,
    };
    let found = admin.services.store.transactions(&filter).await?;
    let more = found.len() > page as usize;
    let items: Vec<Value> = found.iter().take(page as usize).map(line).collect();
    let next_cursor = more.then(|| skip.saturating_add(page).to_string());
    Ok(Json(json!({ "items": items, "next_cursor": next_cursor })))
}

async fn show(
    State(admin): State<Arc<Admin>>,
    Path((merchant, kind, key)): Path<(String, String, String)>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    Query::read(&uri, &[])?;
    let transaction = find(&admin, &merchant, &kind, &key).await?;
    Ok(Json(whole(&transaction)))
}

/// What can happen to a transaction of this kind, and whether it can as it stands.
async fn events(
    State(admin): State<Arc<Admin>>,
    Path((merchant, kind, key)): Path<(String, String, String)>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    Query::read(&uri, &[])?;
    let transaction = find(&admin, &merchant, &kind, &key).await?;
    let provider = admin.provider(&transaction.provider)?;
    let owner = super::merchants::find(&admin, &merchant)?;
    let possible = possible(&admin, &**provider, &owner, &transaction);
    let items: Vec<Value> = provider
        .events()
        .iter()
        .filter(|event| event.kind == kind)
        .map(|event| {
            let now = possible.contains(&event.name);
            json!({ "event": event.name, "about": event.about, "possible": now })
        })
        .collect();
    Ok(Json(json!({ "items": items, "next_cursor": null })))
}

/// Makes something happen to a transaction, as if its payer, its bank or its checker had done it.
async fn happen(
    State(admin): State<Arc<Admin>>,
    Path((merchant, kind, key)): Path<(String, String, String)>,
    uri: Uri,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    Query::read(&uri, &[])?;
    let mut members = object(&body, &["event"])?;
    let Some(Value::String(event)) = members.remove("event") else {
        return Err(Problem::bad_request(
            "no event is named",
            "send {\"event\": \"paid\"}; GET on the same path lists what can happen",
        ));
    };
    for _attempt in 0..limits::STALE_RETRIES {
        let transaction = find(&admin, &merchant, &kind, &key).await?;
        let provider = admin.provider(&transaction.provider)?;
        let owner = super::merchants::find(&admin, &merchant)?;
        let seq = admin.recorder.next_sequence();
        let driven = Driven {
            services: &admin.services,
            merchant: &owner,
            transaction: &transaction,
            at: owner.now(admin.services.clock.now()),
            seq,
        };
        let movement = provider.drive(driven, &event).map_err(|refusal| {
            let possible = possible(&admin, &**provider, &owner, &transaction);
            cannot_happen(&**provider, &refusal, &possible)
        })?;
        let entry = Entry {
            seq,
            exchange: None,
            changes: movement.changes,
            notifications: movement.notifications,
        };
        match admin.recorder.record(entry).await {
            Ok(Committed::Written) => {
                let transaction = find(&admin, &merchant, &kind, &key).await?;
                return Ok(Json(whole(&transaction)));
            }
            // A request moved it first: look again.
            Ok(Committed::Stale) => {}
            Err(reason) => return Err(StoreError::Unwritten { reason }.into()),
        }
    }
    Err(Problem::conflict(
        format!("requests changed {kind} \"{key}\" first, every time"),
        "try again when the client under test is quieter",
    ))
}

/// The events that can happen to a transaction as it stands. Each is tried, and its outcome is not
/// kept, so that there is no second table of what leads where.
fn possible(
    admin: &Admin,
    provider: &dyn Provider,
    owner: &Arc<Merchant>,
    transaction: &Transaction,
) -> Vec<&'static str> {
    let driven = || Driven {
        services: &admin.services,
        merchant: owner,
        transaction,
        at: owner.now(admin.services.clock.now()),
        seq: transaction.version,
    };
    let names = provider.events().iter().map(|event| event.name);
    names.filter(|name| provider.drive(driven(), name).is_ok()).collect()
}

fn cannot_happen(
    provider: &dyn Provider,
    refusal: &EventRefusal,
    possible: &[&'static str],
) -> Problem {
    let names: Vec<&str> = provider.events().iter().map(|event| event.name).collect();
    match refusal {
        EventRefusal::Unknown(name) => {
            Problem::bad_request(refusal.to_string(), did_you_mean(name, &names))
        }
        EventRefusal::NotNow(_) if possible.is_empty() => Problem::conflict(
            refusal.to_string(),
            "nothing more can happen to it; name another, or make a new one",
        ),
        EventRefusal::NotNow(_) => Problem::conflict(
            refusal.to_string(),
            format!("what can happen to it now: {}", possible.join(", ")),
        ),
        EventRefusal::Damaged(_) => Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            refusal.to_string(),
            "the database was changed by other hands, or comes from a newer version; POST /reset \
             clears it",
        ),
    }
}

async fn find(
    admin: &Admin,
    merchant: &str,
    kind: &str,
    key: &str,
) -> Result<Arc<Transaction>, Problem> {
    let found = admin.services.store.transaction(merchant, kind, key).await?;
    match found {
        Some(transaction) => Ok(transaction),
        None => {
            known_merchant(admin, merchant).await?;
            Err(Problem::not_found(
                format!("merchant \"{merchant}\" has no {kind} \"{key}\""),
                format!("GET /transactions?merchant={merchant} lists what it has"),
            ))
        }
    }
}

/// A transaction with all that its provider keeps of it.
fn whole(transaction: &Transaction) -> Value {
    let mut shown = line(transaction);
    shown["state"] = serde_json::from_str(&transaction.state)
        .unwrap_or_else(|_| Value::String(transaction.state.clone()));
    shown
}

fn line(transaction: &Transaction) -> Value {
    json!({
        "merchant": transaction.merchant,
        "provider": transaction.provider,
        "kind": transaction.kind,
        "key": transaction.key,
        "status": transaction.status,
        "version": transaction.version,
        "created_at": transaction.created_at,
        "updated_at": transaction.updated_at,
    })
}
