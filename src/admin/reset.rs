//! Starting over: everything that exchanges have left behind goes, merchants and their credentials
//! stay.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::routing::post;
use axum::{Json, Router};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::Admin;
use super::merchants::find;
use super::problem::Problem;
use super::query::Query;

/// The paths of this resource.
pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new().route("/reset", post(reset))
}

async fn reset(State(admin): State<Arc<Admin>>, uri: Uri) -> Result<Json<Value>, Problem> {
    let query = Query::read(&uri, &["merchant"])?;
    let services = &admin.services;
    let merchant = query.text("merchant").map(|id| find(&admin, id)).transpose()?;
    // What is still on its way to the journal would otherwise appear right after it was cleared.
    admin.recorder.flush().await;
    services.store.reset(merchant.as_ref().map(|merchant| merchant.id())).await?;
    // What was cleared no longer counts against the journal's bounds.
    admin.recorder.recount().await;
    services.scenarios.refresh().await?;
    let all = if merchant.is_none() { services.merchants.all() } else { Vec::new() };
    for merchant in all.iter().chain(&merchant) {
        merchant.set_shift(SignedDuration::ZERO);
        admin.provider(&merchant.record.provider)?.reset(merchant);
    }
    if merchant.is_none() {
        services.clock.reset();
    }
    admin.recorder.due_has_changed();
    Ok(Json(json!({ "reset": merchant.as_ref().map_or("all", |merchant| merchant.id()) })))
}
