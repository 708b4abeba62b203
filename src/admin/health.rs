//! Whether the server lives and can work, its CA, and the list of paths.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::problem::Problem;
use super::{Admin, PATHS};

/// The paths that need no token.
pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/ca.pem", get(ca))
}

/// The list of paths.
pub(super) fn index() -> Router<Arc<Admin>> {
    Router::new().route("/", get(paths))
}

async fn health(State(admin): State<Arc<Admin>>) -> Json<Value> {
    Json(json!({ "status": "ok", "version": admin.version }))
}

/// Alive is not enough to be sent requests: the journal must be readable too.
async fn ready(State(admin): State<Arc<Admin>>) -> Result<Json<Value>, Problem> {
    match admin.services.store.last_sequence().await {
        Ok(_) => Ok(Json(json!({
            "status": "ready",
            "version": admin.version,
            "base_urls": admin.base_urls,
        }))),
        Err(error) => Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            error.to_string(),
            "look whether the data folder is still there, then start the server again",
        )),
    }
}

async fn ca(State(admin): State<Arc<Admin>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/x-pem-file")], admin.ca_pem.clone())
}

async fn paths(State(admin): State<Arc<Admin>>) -> Json<Value> {
    let providers: Vec<Value> = admin
        .providers
        .iter()
        .map(|provider| json!({ "id": provider.id(), "title": provider.title() }))
        .collect();
    Json(json!({
        "name": "sandgate",
        "version": admin.version,
        "pid": std::process::id(),
        "data_dir": admin.data_dir,
        "providers": providers,
        "base_urls": admin.base_urls,
        "paths": PATHS,
    }))
}
