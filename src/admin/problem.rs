//! The one form of an error: RFC 9457 problem+json, each with a `fix`.

use axum::body::to_bytes;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::blueprint::EnrolmentError;
use crate::json::JsonFault;
use crate::limits;
use crate::scenario::ScenarioError;
use crate::store::StoreError;

const CONTENT_TYPE: &str = "application/problem+json";

/// A request that does not get what it asked for: what was found, and what to do.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    fix: String,
}

impl Problem {
    /// A problem with its status, what is wrong, and what to do.
    pub(super) fn new(
        status: StatusCode,
        detail: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            fix: fix.into(),
        }
    }

    /// The request itself is wrong.
    pub(super) fn bad_request(detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail, fix)
    }

    /// What was asked for does not exist.
    pub(super) fn not_found(detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail, fix)
    }

    /// What was asked for clashes with what exists.
    pub(super) fn conflict(detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail, fix)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).expect("text members always serialise");
        (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response()
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the admin API could not use the database");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            error.to_string(),
            "look whether the data folder is still there and the disk has room, then start the \
             server again",
        )
    }
}

impl From<JsonFault> for Problem {
    fn from(fault: JsonFault) -> Self {
        Self::bad_request(
            format!("the body is not the JSON that is wanted: {fault}"),
            "send one JSON object",
        )
    }
}

impl From<EnrolmentError> for Problem {
    fn from(error: EnrolmentError) -> Self {
        Self::bad_request(
            error.to_string(),
            format!("correct \"{}\", or leave it out to have it made", error.member),
        )
    }
}

impl From<ScenarioError> for Problem {
    fn from(error: ScenarioError) -> Self {
        let detail = error.to_string();
        match error {
            ScenarioError::Unknown { name, known } => {
                let names: Vec<&str> = known.split(", ").collect();
                Self::not_found(detail, super::query::did_you_mean(&name, &names))
            }
            ScenarioError::AlwaysActive(_) => {
                Self::conflict(detail, "send the magic values themselves to see what they do")
            }
            ScenarioError::Rule(_) => Self::bad_request(
                detail,
                "correct the rule; GET /scenarios shows rules that work as examples",
            ),
            ScenarioError::NotArmed(_) => {
                Self::not_found(detail, "GET /scenarios lists the armed rules with their numbers")
            }
            ScenarioError::TooMany(_) => {
                Self::conflict(detail, "DELETE /scenarios/armed/{id}, or POST /reset")
            }
            ScenarioError::Store(error) => error.into(),
        }
    }
}

/// Turns an error that a layer or an extractor worded as plain text into a problem.
pub(super) async fn in_one_form(response: Response) -> Response {
    let status = response.status();
    let is_ours = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == HeaderValue::from_static(CONTENT_TYPE));
    if is_ours || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let said = to_bytes(response.into_body(), limits::ADMIN_BODY_BYTES).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let (detail, fix) = match status {
        StatusCode::PAYLOAD_TOO_LARGE => (
            format!("the body is larger than {} bytes", limits::ADMIN_BODY_BYTES),
            "send less; a merchant with keys and settings is a few KiB",
        ),
        StatusCode::SERVICE_UNAVAILABLE => (
            format!("the request took longer than {} s", limits::ADMIN_REQUEST.as_secs()),
            "ask for less at once: a shorter wait_ms, a smaller step of the clock",
        ),
        StatusCode::INTERNAL_SERVER_ERROR => (
            "Sandgate failed on this request".to_owned(),
            "this is a fault of Sandgate; its log says more",
        ),
        _ if said.trim().is_empty() => {
            (format!("the request was answered with {status}"), "GET / lists what can be asked")
        }
        _ => (said.trim().to_owned(), "correct the request; GET / lists what can be asked"),
    };
    Problem::new(status, detail, fix).into_response()
}
