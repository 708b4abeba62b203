//! Notifications: what is owed to the merchants' backends, every attempt to deliver it, and one more
//! attempt on demand.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Admin;
use super::exchanges::known_merchant;
use super::problem::Problem;
use super::query::{Query, did_you_mean};
use crate::outbound::DestinationError;
use crate::store::{
    Change, Committed, Entry, NotificationFilter, NotificationRecord, NotificationStatus,
    ResendChange,
};

const QUERY: [&str; 5] = ["merchant", "status", "subject", "limit", "cursor"];

/// The paths of this resource.
pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new()
        .route("/notifications", get(list))
        .route("/notifications/{id}", get(show))
        .route("/notifications/{id}/resend", post(resend))
}

async fn list(State(admin): State<Arc<Admin>>, uri: Uri) -> Result<Json<Value>, Problem> {
    let query = Query::read(&uri, &QUERY)?;
    if let Some(merchant) = query.text("merchant") {
        known_merchant(&admin, merchant).await?;
    }
    let own = |name| query.text(name).map(ToOwned::to_owned);
    let page = query.limit()?;
    let filter = NotificationFilter {
        merchant: own("merchant"),
        status: query.text("status").map(known_status).transpose()?,
        subject: own("subject"),
        before: query.text("cursor").map(number).transpose()?,
        // One more than is shown tells whether there is a next page.
        limit: page + 1,
    };
    let mut found = admin.services.store.notifications(&filter).await?;
    let more = found.len() > page as usize;
    found.truncate(page as usize);
    let next_cursor = found.last().filter(|_| more).map(|last| last.id.to_string());
    let items: Vec<Value> = found.iter().map(|record| line(&admin, record)).collect();
    Ok(Json(json!({ "items": items, "next_cursor": next_cursor })))
}

async fn show(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    Query::read(&uri, &[])?;
    let record = find(&admin, &id).await?;
    Ok(Json(shown(&admin, &record).await?))
}

async fn resend(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    Query::read(&uri, &[])?;
    let record = find(&admin, &id).await?;
    let at = admin.services.clock.now();
    let under_way = || {
        Problem::conflict(
            format!("an attempt to deliver notification {id} is due or under way"),
            format!("look at GET /notifications/{id} until it has ended, then ask again"),
        )
    };
    if record.next_at.is_some_and(|next| next <= at) {
        return Err(under_way());
    }
    if let Err(refused) = admin.courier.destinations().judge(&record.url) {
        let (detail, fix) = match refused {
            DestinationError::Forbidden { url, reason, fix } => (format!("{url}: {reason}"), fix),
            other => (other.to_string(), "send an order with another URL".to_owned()),
        };
        return Err(Problem::conflict(detail, fix));
    }
    let change = Change::Resend(ResendChange {
        notification: record.id,
        seq: record.seq,
        attempts: record.attempts,
        at,
    });
    match admin.recorder.record(Entry::of_change(record.seq, change)).await {
        Ok(Committed::Written) => {
            let record = find(&admin, &id).await?;
            Ok(Json(shown(&admin, &record).await?))
        }
        // Between the look and the commit somebody else made an attempt, or cleared it.
        Ok(Committed::Stale) => Err(under_way()),
        Err(reason) => Err(Problem::new(
            axum::http::StatusCode::INTERNAL_SERVER_ERROR,
            format!("the attempt could not be queued: {reason}"),
            "look whether the data folder is still there and the disk has room",
        )),
    }
}

/// One notification by its number, or a problem that says why it is not there.
async fn find(admin: &Admin, id: &str) -> Result<NotificationRecord, Problem> {
    let found = admin.services.store.notification(number(id)?).await?;
    found.ok_or_else(|| {
        Problem::not_found(
            format!("there is no notification {id}; a reset or a bound may have cleared it"),
            "GET /notifications lists what there is, newest first",
        )
    })
}

fn number(text: &str) -> Result<i64, Problem> {
    text.parse::<i64>().ok().filter(|number| *number > 0).ok_or_else(|| {
        Problem::bad_request(
            format!("\"{text}\" is no notification's number"),
            "write a whole number above 0, as GET /notifications shows it",
        )
    })
}

fn known_status(name: &str) -> Result<NotificationStatus, Problem> {
    NotificationStatus::named(name).ok_or_else(|| {
        let known = NotificationStatus::ALL.map(NotificationStatus::word);
        Problem::bad_request(format!("there is no status \"{name}\""), did_you_mean(name, &known))
    })
}

fn line(admin: &Admin, record: &NotificationRecord) -> Value {
    json!({
        "id": record.id,
        "merchant": record.merchant,
        "provider": record.provider,
        "exchange": admin.exchange_id(record.seq),
        "subject": record.subject,
        "url": record.url,
        "status": record.status,
        "attempts_made": record.attempts,
        "last_error": record.last_error,
        "due_at": record.due_at,
        "next_at": record.next_at,
    })
}

async fn shown(admin: &Admin, record: &NotificationRecord) -> Result<Value, Problem> {
    let attempts = admin.services.store.notification_attempts(record.id).await?;
    let mut shown = line(admin, record);
    shown["payload"] = record.payload.clone();
    shown["attempts"] = json!(attempts);
    Ok(shown)
}
