//! The clock: the server's, which can be frozen, set and advanced, and each merchant's shift from
//! it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::Uri;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Admin;
use super::merchants::find;
use super::problem::Problem;
use super::query::{Query, duration, instant, object};
use crate::blueprint::Merchant;
use crate::clock::{Clock, ClockError, Mode};
use crate::limits;

const WAYS: [&str; 5] = ["freeze", "set", "advance", "resume", "reset"];
const MERCHANT_WAYS: [&str; 2] = ["shift", "reset"];

/// The paths of this resource.
pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new().route("/clock", get(show).post(change))
}

async fn show(State(admin): State<Arc<Admin>>, uri: Uri) -> Result<Json<Value>, Problem> {
    let query = Query::read(&uri, &["merchant"])?;
    let clock = &admin.services.clock;
    match query.text("merchant") {
        None => Ok(Json(server(clock))),
        Some(id) => Ok(Json(merchants_own(clock, &*find(&admin, id)?))),
    }
}

async fn change(
    State(admin): State<Arc<Admin>>,
    uri: Uri,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let query = Query::read(&uri, &["merchant"])?;
    let clock = &admin.services.clock;
    if let Some(id) = query.text("merchant") {
        let merchant = find(&admin, id)?;
        let (way, value) = the_one_way(&body, &MERCHANT_WAYS)?;
        match (way.as_str(), &value) {
            ("shift", Value::String(text)) => merchant.set_shift(duration("shift", text)?),
            ("reset", Value::Bool(true)) => merchant.set_shift(jiff::SignedDuration::ZERO),
            _ => return Err(wrong_value(&way, &value)),
        }
        what_is_due_is_done(&admin).await;
        return Ok(Json(merchants_own(clock, &merchant)));
    }
    let (way, value) = the_one_way(&body, &WAYS)?;
    match (way.as_str(), &value) {
        ("freeze", Value::Bool(true)) => clock.freeze(None),
        ("freeze", Value::String(text)) => clock.freeze(Some(instant("freeze", text)?)),
        ("set", Value::String(text)) => clock.set(instant("set", text)?),
        ("advance", Value::String(text)) => return advance(&admin, text).await,
        ("resume", Value::Bool(true)) => clock.resume(),
        ("reset", Value::Bool(true)) => clock.reset(),
        _ => return Err(wrong_value(&way, &value)),
    }
    what_is_due_is_done(&admin).await;
    Ok(Json(server(clock)))
}

/// Moves the clock and says how many notifications that are due by then have not been dealt with: those
/// to receivers that hang.
async fn advance(admin: &Admin, by: &str) -> Result<Json<Value>, Problem> {
    let clock = &admin.services.clock;
    let by = duration("advance", by)?;
    let arrived = clock.advance(by, limits::CLOCK_DELIVERIES).await.map_err(|error| match error {
        ClockError::Changed { .. } => Problem::conflict(
            error.to_string(),
            "let one test at a time change the server's clock, or shift a merchant's; GET /clock shows \
             where it stands",
        ),
        ClockError::OutOfRange { .. } | ClockError::Backwards { .. } => {
            Problem::bad_request(error.to_string(), "advance by a positive, smaller duration")
        }
    })?;
    what_is_due_is_done(admin).await;
    let mut shown = server(clock);
    shown["unfinished"] = admin.services.store.unfinished_notifications(arrived).await?.into();
    Ok(Json(shown))
}

/// Waits until time has moved everything that is due by now: whoever changes a clock looks next at
/// what it has moved.
async fn what_is_due_is_done(admin: &Admin) {
    admin.recorder.due_has_changed();
    admin.services.clock.settle().await;
}

/// The one member of the body: two changes at once would leave their order open.
fn the_one_way(body: &[u8], known: &[&str]) -> Result<(String, Value), Problem> {
    let mut members = object(body, known)?.into_iter();
    match (members.next(), members.next()) {
        (Some(way), None) => Ok(way),
        _ => Err(Problem::bad_request(
            "the clock is changed in one way at a time",
            format!("send exactly one of {}", known.join(", ")),
        )),
    }
}

fn wrong_value(way: &str, value: &Value) -> Problem {
    let fix = match way {
        "freeze" => {
            "write {\"freeze\": true}, or an instant as in {\"freeze\": \"2026-01-01T00:00:00Z\"}"
        }
        "set" => "write {\"set\": \"2026-01-01T00:00:00Z\"}",
        "advance" => "write {\"advance\": \"2h\"}",
        "shift" => "write {\"shift\": \"-5m\"}",
        "resume" => "write {\"resume\": true}",
        _ => "write {\"reset\": true}",
    };
    Problem::bad_request(format!("\"{way}\" cannot be {value}"), fix)
}

fn server(clock: &Clock) -> Value {
    let mode = clock.mode();
    let (word, shift) = match mode {
        Mode::Running { shift } => ("running", Some(shift.to_string())),
        Mode::Frozen { .. } => ("frozen", None),
    };
    json!({ "now": clock.now(), "mode": word, "shift": shift })
}

fn merchants_own(clock: &Clock, merchant: &Merchant) -> Value {
    let server_now = clock.now();
    let mode = match clock.mode() {
        Mode::Running { .. } => "running",
        Mode::Frozen { .. } => "frozen",
    };
    json!({
        "merchant": merchant.id(),
        "now": merchant.now(server_now),
        "mode": mode,
        "shift": merchant.shift().to_string(),
        "server_now": server_now,
    })
}
