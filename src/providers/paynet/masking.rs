//! What the journal keeps: no client secret and no token, wherever they stand. What is masked cannot
//! be searched for mistakes later, and so a refusal's are searched while the bytes are there. A token
//! leaves its claims behind, by which an explanation finds the exchange that gave it out.

use serde_json::Value;

use super::forms::{self, bearer};
use super::merchant::PaynetMerchant;
use super::tokens::{Token, unsigned};
use crate::blueprint::{Call, Kept, WireReply};
use crate::masking::mask_value;

const HIDDEN: &str = "***";

/// What the journal keeps of an exchange.
pub(super) fn keep(call: &Call, answer: &WireReply) -> Kept {
    let mut kept = Kept::unmasked(call, answer);
    let received = call.received();
    let secrets = secrets(call);
    let mut masked = received.headers.contains_key("authorization");
    for (_, value) in &mut kept.request_headers {
        masked |= hide(value, &secrets);
    }
    keep_claims(call, &mut kept.request_headers);
    masked |= hide_in_query(&mut kept.target) | hide(&mut kept.target, &secrets);
    if let Ok(mut text) = String::from_utf8(received.body.to_vec())
        && hide_in_body(&mut text) | hide(&mut text, &secrets)
    {
        masked = true;
        kept.request_body = text.into_bytes();
    }
    kept.opened_request = call.opened().cloned().map(|mut opened| {
        mask_value(&mut opened);
        opened
    });
    if masked {
        kept.request_note = Some("masked: client secrets and tokens".to_owned());
    }
    if let Ok(mut text) = String::from_utf8(answer.body.to_vec())
        && hide_token(&mut text)
    {
        kept.answer_body = text.into_bytes();
        kept.answer_note = Some("masked: the token's signature".to_owned());
    }
    kept
}

/// The texts that must not stand anywhere.
fn secrets(call: &Call) -> Vec<String> {
    let mut secrets = Vec::new();
    if let Some(merchant) = call.merchant() {
        let secret = &merchant.parts::<PaynetMerchant>().client_secret;
        secrets.push(secret.clone());
        secrets.push(forms::encoded(secret));
    }
    if let Some(token) = call.received().header("authorization").and_then(bearer) {
        secrets.push(token.to_owned());
    }
    // A short text stands everywhere by chance.
    secrets.retain(|secret| secret.len() >= 8);
    secrets
}

fn hide(text: &mut String, secrets: &[String]) -> bool {
    let mut any = false;
    for secret in secrets {
        if text.contains(secret.as_str()) {
            *text = text.replace(secret.as_str(), HIDDEN);
            any = true;
        }
    }
    any
}

/// Of a token that names this client all but the signature stays. What else comes as one is somebody
/// else's.
fn keep_claims(call: &Call, headers: &mut [(String, String)]) {
    let (Some(merchant), Some(token)) =
        (call.merchant(), call.received().header("authorization").and_then(bearer))
    else {
        return;
    };
    let is_its_own = Token::read(token).is_ok_and(|token| {
        token.client() == Some(merchant.parts::<PaynetMerchant>().client_id.as_str())
    });
    let line = headers.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    if let (true, Some(signed), Some((_, value))) = (is_its_own, unsigned(token), line) {
        *value = format!("Bearer {signed}.{HIDDEN}");
    }
}

fn is_secret(name: &str) -> bool {
    ["secret", "access_token", "password"].iter().any(|part| name.contains(part))
}

/// A form's values by their names, or a JSON object's members.
fn hide_in_body(text: &mut String) -> bool {
    if let Ok(mut map) = crate::json::parse_object(text.as_bytes()) {
        let mut any = false;
        for (name, value) in &mut map {
            if is_secret(&name.to_ascii_lowercase()) && !value.is_object() {
                *value = Value::String(HIDDEN.to_owned());
                any = true;
            }
        }
        if any {
            *text = Value::Object(map).to_string();
        }
        return any;
    }
    hide_in_pairs(text)
}

fn hide_in_query(target: &mut String) -> bool {
    let Some((path, query)) = target.split_once('?') else {
        return false;
    };
    let mut query = query.to_owned();
    let any = hide_in_pairs(&mut query);
    if any {
        *target = format!("{path}?{query}");
    }
    any
}

fn hide_in_pairs(text: &mut String) -> bool {
    if !text.to_ascii_lowercase().contains("secret")
        && !text.contains('%')
        && !text.contains("token")
        && !text.contains("password")
    {
        return false;
    }
    let mut any = false;
    let pairs: Vec<String> = text
        .split('&')
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let plain = forms::decoded(name.as_bytes()).unwrap_or_else(|_| name.to_owned());
            if value.is_empty() || !is_secret(&plain.to_ascii_lowercase()) {
                return pair.to_owned();
            }
            any = true;
            format!("{name}={HIDDEN}")
        })
        .collect();
    if any {
        *text = pairs.join("&");
    }
    any
}

/// Of a token that is handed out all but the signature stays.
fn hide_token(text: &mut String) -> bool {
    const BEFORE: &str = "\"access_token\":\"";
    let Some(begin) = text.find(BEFORE).map(|at| at + BEFORE.len()) else {
        return false;
    };
    let Some(end) = text[begin..].find('"').map(|at| begin + at) else {
        return false;
    };
    let signed = unsigned(&text[begin..end]).unwrap_or_default().to_owned();
    text.replace_range(begin..end, &format!("{signed}.{HIDDEN}"));
    true
}
