//! How PayNet words a refusal: OAuth2 errors at the token endpoint, plain messages before the
//! business, codes behind it.

use hyper::http::Method;

use super::constants::{BAD_CONTENT_TYPE_STATUS, IP_BLOCKED_STATUS};
use super::errors::{self, Api, OTT_INVALID};
use super::ladder;
use super::messages::{message, token_error};
use super::settings::{GuardText, Settings};
use crate::blueprint::{BodyFault, Call, Refusal, Reply};
use crate::checks::Check;
use crate::scenario::ScriptedError;

/// The provider's words for a refusal.
pub(super) fn worded(call: &Call, settings: &Settings, refusal: &Refusal) -> Reply {
    let said = |status, text: &str| Reply::message(status, message(text));
    match refusal {
        Refusal::CheckFailed(check) => failed_check(call, settings, check),
        Refusal::Business { reply, .. } => reply.clone(),
        Refusal::NotFound { .. } => said(404, "Not Found"),
        Refusal::MethodNotAllowed { allowed } => {
            let methods: Vec<&str> = allowed.iter().map(Method::as_str).collect();
            said(405, "Method Not Allowed").with_header("allow", methods.join(", "))
        }
        Refusal::Body(BodyFault::TooLarge { .. }) => said(413, "Request Too Long"),
        Refusal::Body(BodyFault::TooSlow { .. }) => said(408, "Request Timeout"),
        Refusal::Body(BodyFault::BrokenOff { .. }) => said(400, "Bad Request"),
        Refusal::Internal { .. } => said(500, errors::INTERNAL),
    }
}

/// A refusal with the code that a scenario names.
pub(super) fn scripted(call: &Call, error: &ScriptedError) -> Reply {
    let endpoint = call.route().map_or("", |route| route.endpoint);
    let known = errors::find(&error.code).map_or("", |code| code.text);
    let text = error.description.as_deref().unwrap_or(known);
    match endpoint {
        "token" | "oauthToken" => {
            let status = error.status.unwrap_or(400);
            no_store(Reply::message(status, token_error(&error.code, text)))
        }
        "file" | "fileHead" => {
            let text = if text.is_empty() { error.code.as_str() } else { text };
            Reply::message(error.status.unwrap_or(403), message(text))
        }
        endpoint => {
            let body = Api::of(endpoint).error(&error.code, text);
            Reply::message(error.status.unwrap_or(200), body)
        }
    }
}

/// The answers of a token endpoint must not be kept (RFC 6749 §5.1).
pub(super) fn no_store(reply: Reply) -> Reply {
    reply.with_header("cache-control", "no-store").with_header("pragma", "no-cache")
}

fn failed_check(call: &Call, settings: &Settings, check: &'static Check) -> Reply {
    let is = |other: &'static Check| std::ptr::eq(check, other);
    if is(&ladder::SOURCE_ADDRESS) {
        return Reply::message(IP_BLOCKED_STATUS, message("Forbidden"));
    }
    let token_errors = [
        (&ladder::TOKEN_CONTENT_TYPE, BAD_CONTENT_TYPE_STATUS, "invalid_request"),
        (&ladder::TOKEN_FORM, 400, "invalid_request"),
        (&ladder::GRANT_TYPE, 400, "unsupported_grant_type"),
        (&ladder::CLIENT, settings.invalid_client_status, "invalid_client"),
        (&ladder::SCOPE, 400, "invalid_scope"),
    ];
    if let Some((_, status, error)) = token_errors.into_iter().find(|(known, ..)| is(known)) {
        return token_refusal(call, status, error);
    }
    if is(&ladder::JSON_BODY) || is(&ladder::GRAPHQL) {
        let api = if is(&ladder::GRAPHQL) { Api::V2 } else { Api::V1 };
        return Reply::message(200, api.error(errors::E0012.code, errors::E0012.text));
    }
    if is(&ladder::LINK_KNOWN) || is(&ladder::LINK_UNUSED) || is(&ladder::LINK_FRESH) {
        return Reply::message(settings.ott_invalid_status, message(OTT_INVALID));
    }
    if is(&ladder::RATE_LIMIT) {
        let left = 60 - call.now().as_second().rem_euclid(60);
        return Reply::message(429, message(errors::TOO_MANY_REQUESTS))
            .with_header("retry-after", left.to_string());
    }
    guard(call, settings, check)
}

fn token_refusal(call: &Call, status: u16, error: &'static str) -> Reply {
    let description = match error {
        "invalid_request" => "The request is missing a parameter, repeats one, or is malformed",
        "unsupported_grant_type" => "The grant type is not supported",
        "invalid_client" => "Client authentication failed",
        _ => "The scope is invalid",
    };
    let reply = no_store(Reply::message(status, token_error(error, description)));
    // A challenge answers the scheme that the client has used, and no other (RFC 6749 §5.2).
    let used_header = call.received().header("authorization").is_some();
    if error == "invalid_client" && status == 401 && used_header {
        return reply.with_header("www-authenticate", "Basic realm=\"PayNet SSO\"");
    }
    reply
}

fn guard(call: &Call, settings: &Settings, check: &'static Check) -> Reply {
    let is = |other: &'static Check| std::ptr::eq(check, other);
    let rfc = settings.guard_text == GuardText::Rfc;
    let older = settings.guard_text == GuardText::PaynetOlder;
    let (text, rfc_status, challenge) = if is(&ladder::BEARER) || is(&ladder::TOKEN_EXPIRY) {
        let sent = call.received().header("authorization").is_some();
        let challenge = if sent { "Bearer error=\"invalid_token\"" } else { "Bearer" };
        (errors::FORBIDDEN, 401, Some(challenge))
    } else if is(&ladder::FIID_TIED) {
        (errors::FORBIDDEN, 403, Some("Bearer error=\"insufficient_scope\""))
    } else if is(&ladder::FIID) {
        if older {
            return Reply::message(403, message(errors::FIID_REQUIRED_OLDER));
        }
        (errors::FIID_REQUIRED, 400, None)
    } else if is(&ladder::TIMESTAMP) {
        (errors::TIMESTAMP_REQUIRED, 400, None)
    } else if is(&ladder::SIGNATURE_PRESENT) {
        (errors::SIGNATURE_REQUIRED, 400, None)
    } else if is(&ladder::SIGNATURE) {
        (errors::INVALID_SIGNATURE, 403, None)
    } else {
        (errors::OUT_OF_WINDOW, 403, None)
    };
    let reply = Reply::message(if rfc { rfc_status } else { 400 }, message(text));
    match challenge.filter(|_| rfc) {
        Some(challenge) => reply.with_header("www-authenticate", challenge),
        None => reply,
    }
}
