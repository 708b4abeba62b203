//! Merchants: making them, showing their credentials, removing them.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Admin;
use super::exchanges::no_merchant;
use super::problem::Problem;
use super::query::{Query, object};
use crate::blueprint::{Enrolment, EnrolmentError, ExportedFile, Merchant};
use crate::limits;

/// The paths of this resource.
pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new()
        .route("/merchants", get(list).post(create))
        .route("/merchants/{id}", get(show).delete(remove))
        .route("/merchants/{id}/credentials-files", get(files))
}

async fn list(State(admin): State<Arc<Admin>>, uri: Uri) -> Result<Json<Value>, Problem> {
    let query = Query::read(&uri, &["provider", "limit", "cursor"])?;
    let provider = query.text("provider");
    if let Some(provider) = provider {
        admin.provider(provider)?;
    }
    let mut all = admin.services.merchants.all();
    all.retain(|merchant| provider.is_none_or(|provider| merchant.record.provider == provider));
    // Newest first, as in every list; the id settles the order of those made at one instant.
    all.sort_by(|a, b| (b.record.created_at, a.id()).cmp(&(a.record.created_at, b.id())));
    let start = match query.text("cursor") {
        None => 0,
        Some(last) => match all.iter().position(|merchant| merchant.id() == last) {
            Some(position) => position + 1,
            None => {
                return Err(Problem::bad_request(
                    format!("the cursor \"{last}\" names no merchant; it may have been deleted"),
                    "start again without cursor",
                ));
            }
        },
    };
    let limit = query.limit()? as usize;
    let page: Vec<&Arc<Merchant>> = all.iter().skip(start).take(limit).collect();
    let more = all.len() > start + page.len();
    let next_cursor = page.last().filter(|_| more).map(|merchant| merchant.id());
    let items: Vec<Value> = page.iter().map(|merchant| shown(&admin, merchant)).collect();
    Ok(Json(json!({ "items": items, "next_cursor": next_cursor })))
}

async fn show(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    Query::read(&uri, &[])?;
    let merchant = find(&admin, &id)?;
    Ok(Json(shown(&admin, &merchant)))
}

async fn create(
    State(admin): State<Arc<Admin>>,
    uri: Uri,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Problem> {
    Query::read(&uri, &[])?;
    let known = ["provider", "id", "label", "settings", "credentials", "offices"];
    let members = object(&body, &known)?;
    let enrolment: Enrolment = serde_json::from_value(members.into()).map_err(|error| {
        Problem::bad_request(
            format!("the merchant cannot be read: {error}"),
            "send {\"provider\": …} with id, label, settings, credentials and offices as you like",
        )
    })?;
    let provider = Arc::clone(admin.provider(&enrolment.provider)?);
    let merchants = &admin.services.merchants;
    // Asked before the work begins, and again when nobody else can come between.
    if let Some(id) = &enrolment.id {
        is_free(&admin, id)?;
    }
    let services = Arc::clone(&admin.services);
    let at = services.clock.now();
    // Keys may have to be made, and must be parsed: work for the RSA threads.
    let (record, enrolled) = admin
        .services
        .rsa
        .run(move || {
            let record = provider.enrol(&enrolment, &services.ids, at)?;
            let enrolled = provider.load(&record)?;
            Ok::<_, EnrolmentError>((record, enrolled))
        })
        .await?;
    let (merchant, named_by) = Merchant::new(record.clone(), enrolled);
    let merchant = Arc::new(merchant);
    let _alone = admin.enrolling.lock().await;
    is_free(&admin, merchant.id())?;
    if merchants.all().len() >= limits::MERCHANTS {
        return Err(Problem::conflict(
            format!("there are {} merchants already", limits::MERCHANTS),
            "delete some, or start with a fresh data folder",
        ));
    }
    merchants.add(Arc::clone(&merchant), named_by).map_err(|holder| {
        Problem::conflict(
            format!("merchant \"{holder}\" holds one of these credentials already"),
            "leave the credential out to have one made, or delete the other merchant",
        )
    })?;
    match admin.services.store.add_merchant(&record).await {
        Ok(true) => Ok((StatusCode::CREATED, Json(shown(&admin, &merchant)))),
        Ok(false) => {
            merchants.remove(merchant.id());
            Err(taken(merchant.id()))
        }
        Err(error) => {
            merchants.remove(merchant.id());
            Err(error.into())
        }
    }
}

async fn remove(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<StatusCode, Problem> {
    Query::read(&uri, &[])?;
    let _alone = admin.enrolling.lock().await;
    find(&admin, &id)?;
    admin.services.store.delete_merchant(&id).await?;
    admin.services.merchants.remove(&id);
    admin.services.scenarios.refresh().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn files(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    Query::read(&uri, &[])?;
    let merchant = find(&admin, &id)?;
    let provider = Arc::clone(admin.provider(&merchant.record.provider)?);
    let base_url = admin.provider_url(&merchant.record.provider);
    let mut files = admin.services.rsa.run(move || provider.export(&merchant, &base_url)).await;
    if !files.iter().any(|file| file.name == "ca.pem") {
        files.push(ExportedFile {
            name: "ca.pem".to_owned(),
            contents: admin.ca_pem.clone(),
        });
    }
    let files: Vec<Value> =
        files.iter().map(|file| json!({ "name": file.name, "contents": file.contents })).collect();
    Ok(Json(json!({ "merchant": id, "files": files })))
}

/// A merchant by its id, or a problem that names the nearest one.
pub(super) fn find(admin: &Admin, id: &str) -> Result<Arc<Merchant>, Problem> {
    admin.services.merchants.by_id(id).ok_or_else(|| no_merchant(admin, id))
}

fn is_free(admin: &Admin, id: &str) -> Result<(), Problem> {
    match admin.services.merchants.by_id(id) {
        Some(_) => Err(taken(id)),
        None => Ok(()),
    }
}

fn taken(id: &str) -> Problem {
    Problem::conflict(
        format!("there is a merchant \"{id}\" already"),
        format!("choose another id, or DELETE /merchants/{id} first"),
    )
}

fn shown(admin: &Admin, merchant: &Merchant) -> Value {
    let record = &merchant.record;
    let provider = admin.providers.iter().find(|provider| provider.id() == record.provider);
    let offices =
        provider.map_or_else(|| record.offices.clone(), |provider| json!(provider.offices(record)));
    let keys = provider.and_then(|provider| provider.client()).map(|client| client.keys(merchant));
    json!({
        "id": record.id,
        "provider": record.provider,
        "label": record.label,
        "settings": record.settings,
        "credentials": record.credentials,
        "keys": keys,
        "offices": offices,
        "base_urls": admin.provider_urls(&record.provider),
        "shift": merchant.shift().to_string(),
        "created_at": record.created_at,
    })
}
