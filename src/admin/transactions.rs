//! Transactions: the state that exchanges have left behind.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Admin;
use super::exchanges::known_merchant;
use super::problem::Problem;
use super::query::Query;
use crate::store::{Transaction, TransactionFilter};

const QUERY: [&str; 6] = ["provider", "merchant", "key", "status", "limit", "cursor"];

/// The paths of this resource.
pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new()
        .route("/transactions", get(list))
        .route("/transactions/{merchant}/{kind}/{key}", get(show))
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
    let found = admin.services.store.transaction(&merchant, &kind, &key).await?;
    let Some(transaction) = found else {
        known_merchant(&admin, &merchant).await?;
        return Err(Problem::not_found(
            format!("merchant \"{merchant}\" has no {kind} \"{key}\""),
            format!("GET /transactions?merchant={merchant} lists what it has"),
        ));
    };
    let mut shown = line(&transaction);
    shown["state"] = serde_json::from_str(&transaction.state)
        .unwrap_or_else(|_| Value::String(transaction.state.clone()));
    Ok(Json(shown))
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
