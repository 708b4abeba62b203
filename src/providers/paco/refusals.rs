//! How PACO words a refusal: terse, and JSON until a message is open.

use hyper::http::Method;
use serde_json::{Value, json};

use super::answers::{business_error, envelope, scripted_envelope};
use super::constants::JOSE_FAILURE_STATUS;
use super::errors::{
    ACCESS_DENIED, ENCRYPTION_REQUIRED, EXPIRED_TOKEN, INVALID_REQUEST, INVALID_TOKEN,
    UNSUPPORTED_MEDIA_TYPE,
};
use super::settings::Settings;
use super::{html, ladder, pages, refunds};
use crate::blueprint::{BodyFault, Call, Refusal, Reply};
use crate::checks::Check;
use crate::scenario::ScriptedError;

/// The provider's words for a refusal.
pub(super) fn worded(call: &Call, settings: &Settings, refusal: &Refusal) -> Reply {
    match refusal {
        Refusal::CheckFailed(check) => failed_check(call, settings, check),
        Refusal::Business { reply, .. } => reply.clone(),
        Refusal::NotFound { .. } => Reply::empty(404),
        Refusal::MethodNotAllowed { allowed } => {
            let methods: Vec<&str> = allowed.iter().map(Method::as_str).collect();
            Reply::empty(405).with_header("allow", methods.join(", "))
        }
        Refusal::Body(BodyFault::TooLarge { .. }) => {
            Reply::plain(413, &json!({"message": "Request body is too large"}))
        }
        Refusal::Body(BodyFault::TooSlow { .. }) => {
            Reply::plain(408, &json!({"message": "Request timeout"}))
        }
        Refusal::Body(BodyFault::BrokenOff { .. }) => {
            Reply::plain(400, &json!({"message": "Request body is incomplete"}))
        }
        Refusal::Internal { .. } => Reply::plain(500, &json!({"message": "Internal server error"})),
    }
}

/// A refusal with the code that a scenario names.
pub(super) fn scripted(call: &Call, settings: &Settings, error: &ScriptedError) -> Reply {
    let envelope = scripted_envelope(call, &error.code, error.description.as_deref());
    let status = error.status.unwrap_or(settings.business_error_status);
    Reply::message(status, envelope)
}

fn failed_check(call: &Call, settings: &Settings, check: &'static Check) -> Reply {
    let is = |other: &'static Check| std::ptr::eq(check, other);
    if is(&ladder::HTTPS) || is(&ladder::SOURCE_ADDRESS) {
        return access_denied(settings, 403);
    }
    if is(&ladder::TOKEN) {
        return access_denied(settings, settings.access_denied_status);
    }
    if is(&ladder::BASIC) {
        return access_denied(settings, 401)
            .with_header("www-authenticate", "Basic realm=\"PACO\"");
    }
    if is(&ladder::CONTENT_TYPE) {
        return Reply::plain(415, &json!({"message": UNSUPPORTED_MEDIA_TYPE}));
    }
    if is(&ladder::MESSAGE_ENCRYPTION) {
        return Reply::plain(400, &json!({"message": ENCRYPTION_REQUIRED}));
    }
    if is(&ladder::FIELDS) {
        let refund = call.route().is_some_and(|route| route.endpoint == "refund");
        let code = if refund { refunds::code_of_malformed(call) } else { INVALID_REQUEST };
        return business_error(call, settings, code);
    }
    if is(&ladder::PAGE) || is(&ladder::CREQ) {
        return html::unknown(call);
    }
    if is(&ladder::PAGE_FORM) {
        return pages::form_again(call);
    }
    if is(&ladder::SESSION_DATA) || is(&ladder::CHALLENGE_ANSWER) {
        return html::refused(
            call,
            400,
            "This confirmation cannot be read",
            "Go back to the shop and start the payment again.",
        );
    }
    if is(&ladder::REQUEST) && call.unsealed().is_none() {
        // A plain body that is no JSON object: nothing is sealed, and nothing was opened.
        let message = envelope(call, INVALID_REQUEST, Value::Null);
        return Reply::plain(settings.business_error_status, &message);
    }
    if settings.jose_failure_empty {
        return Reply::empty(JOSE_FAILURE_STATUS);
    }
    let expired = is(&ladder::EXPIRY) || is(&ladder::LIFETIME);
    let text = if expired { EXPIRED_TOKEN } else { INVALID_TOKEN };
    Reply::plain(JOSE_FAILURE_STATUS, &json!({"message": text}))
}

fn access_denied(settings: &Settings, status: u16) -> Reply {
    let message = if settings.access_denied_envelope {
        json!({"apiResponse": null, "message": ACCESS_DENIED})
    } else {
        json!({"message": ACCESS_DENIED})
    };
    Reply::plain(status, &message)
}
