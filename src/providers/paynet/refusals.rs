//! How PayNet words a refusal: OAuth2 errors at the token endpoint, plain messages before the
//! business, codes behind it.

use hyper::http::Method;

use super::constants::{BAD_CONTENT_TYPE_STATUS, FILE_PATH, IP_BLOCKED_STATUS};
use super::errors::{self, Api, OTT_INVALID, TOKEN_ERRORS};
use super::forms::{basic, scheme};
use super::ladder;
use super::messages::{message, token_error};
use super::security::source_address;
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
        // Whoever is shut out is told nothing else, not even that the path does not exist.
        Refusal::NotFound { .. } | Refusal::MethodNotAllowed { .. } | Refusal::Body(_)
            if is_shut_out(call, settings) =>
        {
            said(IP_BLOCKED_STATUS, "Forbidden")
        }
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
pub(super) fn scripted(call: &Call, settings: &Settings, error: &ScriptedError) -> Reply {
    let endpoint = call.route().map_or("", |route| route.endpoint);
    let known = errors::find(&error.code).map_or("", |code| code.text);
    let text = error.description.as_deref().unwrap_or(known);
    match endpoint {
        "token" | "oauthToken" => token_refusal(call, settings, error),
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
        (&ladder::TOKEN_CONTENT_TYPE, "invalid_request"),
        (&ladder::TOKEN_FORM, "invalid_request"),
        (&ladder::GRANT_TYPE, "unsupported_grant_type"),
        (&ladder::CLIENT, "invalid_client"),
        (&ladder::SCOPE, "invalid_scope"),
    ];
    if let Some((_, error)) = token_errors.into_iter().find(|(known, _)| is(known)) {
        let error = ScriptedError {
            code: error.to_owned(),
            description: None,
            status: is(&ladder::TOKEN_CONTENT_TYPE).then_some(BAD_CONTENT_TYPE_STATUS),
        };
        return token_refusal(call, settings, &error);
    }
    if is(&ladder::BODY_FIID_TIED) {
        return forbidden(settings);
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

/// An error of the token endpoint, by its own rules also where a scenario names it.
pub(super) fn token_refusal(call: &Call, settings: &Settings, error: &ScriptedError) -> Reply {
    let known = TOKEN_ERRORS.iter().find(|known| known.error == error.code);
    let text = error.description.as_deref().or(known.map(|known| known.description));
    let is_client = error.code == "invalid_client";
    let usual = if is_client { settings.invalid_client_status } else { 400 };
    let status = error.status.unwrap_or(usual);
    let reply =
        no_store(Reply::message(status, token_error(&error.code, text.unwrap_or_default())));
    // A challenge answers the scheme that the client has used, and no other (RFC 6749 §5.2).
    let used_basic = call.received().header("authorization").is_some_and(|it| basic(it).is_some());
    if is_client && status == 401 && used_basic {
        return reply.with_header("www-authenticate", "Basic realm=\"PayNet SSO\"");
    }
    reply
}

/// Whether the source address is off the allow-list. One-time URLs are for whoever holds them.
fn is_shut_out(call: &Call, settings: &Settings) -> bool {
    call.received().uri.path() != FILE_PATH && source_address(call, settings).is_err()
}

/// The guard's plain refusal of somebody who is known, and may not have what was asked for.
pub(super) fn forbidden(settings: &Settings) -> Reply {
    let reply = |status| Reply::message(status, message(errors::FORBIDDEN));
    if settings.guard_text == GuardText::Rfc {
        return reply(403).with_header("www-authenticate", INSUFFICIENT_SCOPE);
    }
    reply(400)
}

const INSUFFICIENT_SCOPE: &str = "Bearer error=\"insufficient_scope\"";

fn guard(call: &Call, settings: &Settings, check: &'static Check) -> Reply {
    let is = |other: &'static Check| std::ptr::eq(check, other);
    let rfc = settings.guard_text == GuardText::Rfc;
    let older = settings.guard_text == GuardText::PaynetOlder;
    if is(&ladder::FIID_TIED) {
        return forbidden(settings);
    }
    let (text, rfc_status, challenge) = if is(&ladder::BEARER) || is(&ladder::TOKEN_EXPIRY) {
        // Who has not tried a token is told of no error in it (RFC 6750 §3.1).
        let sent = call.received().header("authorization").and_then(scheme);
        let challenge = if sent.is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer")) {
            "Bearer error=\"invalid_token\""
        } else {
            "Bearer"
        };
        (errors::FORBIDDEN, 401, Some(challenge))
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
