//! Answers: the token, and the bytes that every reply becomes.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::Value;

use super::errors::{self, Api, Code};
use super::merchant::PaynetMerchant;
use super::messages::{TokenRequest, message, token_answer};
use super::refusals::{forbidden, no_store, token_refusal};
use super::settings::Settings;
use super::tokens::{self, Validity};
use crate::blueprint::{Call, Decision, Merchant, Refusal, Reply, Verified, WireReply};
use crate::checks::Failure;
use crate::scenario::{Misbehaviour, NOTHING_WRONG, Outcome, ScriptedError};

const JSON: &str = "application/json";

/// Issues a token.
pub(super) async fn token(
    call: Call,
    settings: Arc<Settings>,
    _request: Verified<TokenRequest>,
    outcome: Outcome,
) -> Result<Decision, Refusal> {
    match outcome {
        Outcome::Success => {}
        Outcome::AuthenticationFailed => {
            let error = ScriptedError {
                code: "invalid_client".to_owned(),
                description: None,
                status: None,
            };
            let reply = token_refusal(&call, &settings, &error);
            return Err(told(reply, outcome));
        }
        other => return Err(broken(other)),
    }
    let lifetime = settings.token_lifetime.as_secs();
    let token = issued(&call, call.now(), lifetime, None)?;
    Ok(Decision::reply(no_store(Reply::message(200, token_answer(&token, lifetime)))))
}

fn issued(
    call: &Call,
    from: Timestamp,
    seconds: i64,
    wrong_key: Option<&[u8]>,
) -> Result<String, Refusal> {
    let parts = merchant_of(call)?.parts::<PaynetMerchant>();
    let id = call.services().ids.hex_128();
    let validity = Validity { from, seconds };
    Ok(tokens::issue(&parts, &id, validity, wrong_key.unwrap_or(&parts.token_key)))
}

/// The merchant of a request that is verified.
pub(super) fn merchant_of(call: &Call) -> Result<Arc<Merchant>, Refusal> {
    call.merchant().cloned().ok_or_else(|| Refusal::Internal {
        reason: "a request was verified that is nobody's".to_owned(),
    })
}

/// What a rule's outcome does where there is nothing to pay: the portal is broken.
pub(super) fn broken(outcome: Outcome) -> Refusal {
    told(Reply::message(500, message(errors::INTERNAL)), outcome)
}

/// A rule's outcome as the guard's plain refusal.
pub(super) fn not_allowed(settings: &Settings, outcome: Outcome) -> Refusal {
    told(forbidden(settings), outcome)
}

/// A rule's outcome as one of the business's codes.
pub(super) fn coded(api: Api, code: &'static Code, outcome: Outcome) -> Refusal {
    told(Reply::message(200, api.error(code.code, code.text)), outcome)
}

/// What a rule's outcome lets the portal say.
pub(super) fn told(reply: Reply, outcome: Outcome) -> Refusal {
    Refusal::Business {
        reply,
        reason: Failure::new(NOTHING_WRONG, format!("a rule with the outcome {outcome:?}")),
    }
}

/// Step 7: compact JSON with `&` written as the provider writes it, and the date of the merchant's
/// clock, by which clients correct their own.
pub(super) fn seal(
    call: &Call,
    settings: &Settings,
    reply: Reply,
    misbehaviour: Option<Misbehaviour>,
) -> WireReply {
    let (mut answer, message) = reply.unsealed(JSON);
    if let Ok(date) = DateTimePrinter::new().timestamp_to_rfc9110_string(&call.now()) {
        answer.headers.push(("date".to_owned(), date));
    }
    let Some(mut message) = message else {
        return answer;
    };
    if let Some(misbehaviour) = misbehaviour {
        misbehave(call, settings, &mut message, misbehaviour);
    }
    answer.with_body(JSON, written(&message))
}

/// `json_style` and `json_ampersand`.
fn written(message: &Value) -> Bytes {
    let text = message.to_string();
    // An ampersand in JSON can only stand inside a string.
    Bytes::from(if text.contains('&') { text.replace('&', "\\u0026") } else { text })
}

/// The one thing of this provider's security that an answer carries is the token.
fn misbehave(call: &Call, settings: &Settings, message: &mut Value, misbehaviour: Misbehaviour) {
    let Some(token) = message.get_mut("access_token") else {
        return;
    };
    let (lifetime, now) = (settings.token_lifetime, call.now());
    let seconds = lifetime.as_secs();
    let wrong = match misbehaviour {
        Misbehaviour::Expired => {
            let from = now.saturating_sub(lifetime).unwrap_or(now);
            issued(call, from, seconds, None)
        }
        Misbehaviour::WrongSigningKey | Misbehaviour::TamperedTag => {
            issued(call, now, seconds, Some(b"another key"))
        }
        _ => return,
    };
    if let Ok(wrong) = wrong {
        *token = Value::String(wrong);
    }
}
