//! Reports of v1: the catalogue, and one-time URLs that are answered at once.

use std::sync::Arc;

use serde_json::json;

use super::answers::broken;
use super::security::Caller;
use super::settings::Settings;
use crate::blueprint::{Call, Decision, Refusal, Reply, Verified};
use crate::scenario::Outcome;

/// `GET /v1/reports/types`.
pub(super) async fn types(
    _call: Call,
    _settings: Arc<Settings>,
    _caller: Verified<Caller>,
    outcome: Outcome,
) -> Result<Decision, Refusal> {
    if outcome != Outcome::Success {
        return Err(broken(outcome));
    }
    Ok(Decision::reply(Reply::message(200, json!({"success": true, "data": []}))))
}
