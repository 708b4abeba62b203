//! Answers as a careful merchant reads them.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::constants::ANSWER_ISSUER;
use super::keys;
use super::merchant::{MerchantKey, PacoMerchant};
use crate::blueprint::{ClientAnswer, ClientRequest, Reading};
use crate::crypto::jose::{
    CompactJwe, CompactJws, ContentEncryption, KeyWrapping, SignatureAlgorithm,
};
use crate::json;

const JOSE: &str = "application/jose";

/// What an answer says: its claims if it is sealed, which are verified.
pub(super) fn opened(
    merchant: &PacoMerchant,
    content_type: &str,
    body: &[u8],
) -> Result<Value, String> {
    if content_type.starts_with("text/html") || content_type.is_empty() {
        return Ok(json!({ "page": String::from_utf8_lossy(body) }));
    }
    if !content_type.starts_with(JOSE) {
        return json::parse(body).map_err(|fault| fault.to_string());
    }
    let jws = decrypted(merchant, body)?;
    let claims = json::parse_object(&jws.payload).map_err(|fault| fault.to_string())?;
    match objection(merchant, &jws, &claims) {
        None => Ok(Value::Object(claims)),
        Some(objection) => Err(objection),
    }
}

/// Reads the answer to a request, and looks at everything that the documents let a client look at.
pub(super) fn read(
    merchant: &PacoMerchant,
    now: Timestamp,
    request: &ClientRequest,
    answer: ClientAnswer<'_>,
) -> Reading {
    if !answer.content_type.starts_with(JOSE) {
        return plain(request, answer);
    }
    let unreadable = |reason: String| Reading {
        message: Value::Null,
        code: None,
        objection: Some(reason),
    };
    let jws = match decrypted(merchant, answer.body) {
        Ok(jws) => jws,
        Err(reason) => return unreadable(reason),
    };
    let mut claims = match json::parse_object(&jws.payload) {
        Ok(claims) => claims,
        Err(fault) => return unreadable(fault.to_string()),
    };
    let objection =
        objection(merchant, &jws, &claims).or_else(|| untimely(&claims, now)).or_else(|| {
            let message = claims.get("response").unwrap_or(&Value::Null);
            about_another(request, message)
        });
    let message = claims.remove("response").unwrap_or_default();
    Reading {
        code: code(&message),
        message,
        objection,
    }
}

/// Refusals before a request was opened are plain, whatever was asked for; a success is not.
fn plain(request: &ClientRequest, answer: ClientAnswer<'_>) -> Reading {
    let accepts_seals =
        request.headers.iter().any(|(name, value)| *name == "accept" && value.starts_with(JOSE));
    let (message, unreadable) = match json::parse(answer.body) {
        Ok(message) => (message, None),
        Err(fault) => (
            Value::String(String::from_utf8_lossy(answer.body).into_owned()),
            Some(format!("the answer is no JSON: {fault}")),
        ),
    };
    let unsealed = (accepts_seals && answer.status < 300)
        .then(|| "a sealed answer was asked for, and a plain one came".to_owned());
    Reading {
        code: code(&message),
        message,
        objection: unsealed.or(unreadable),
    }
}

fn decrypted(merchant: &PacoMerchant, body: &[u8]) -> Result<CompactJws, String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let jwe = CompactJwe::parse(text).map_err(|fault| fault.to_string())?;
    let encryption = jwe.header.get("enc").and_then(Value::as_str);
    let encryption = encryption.and_then(ContentEncryption::named).ok_or("enc is unknown")?;
    let key = merchant.encryption.as_ref().and_then(MerchantKey::private);
    let key = key.ok_or("the merchant's encryption private key is not here")?;
    let inner = jwe
        .decrypt(key, KeyWrapping::RsaOaep, encryption)
        .map_err(|fault| format!("the answer cannot be decrypted: {fault}"))?;
    let inner = String::from_utf8(inner).map_err(|error| error.to_string())?;
    CompactJws::parse(&inner).map_err(|fault| fault.to_string())
}

fn objection(
    merchant: &PacoMerchant,
    jws: &CompactJws,
    claims: &Map<String, Value>,
) -> Option<String> {
    let algorithm = jws.header.get("alg").and_then(Value::as_str);
    let Some(algorithm) = algorithm.and_then(SignatureAlgorithm::named) else {
        return Some("alg is unknown".to_owned());
    };
    let environment = merchant.settings(None).environment;
    if !jws.is_signed_by(keys::of(environment).signing.public(), algorithm) {
        return Some("the signature is not PACO's".to_owned());
    }
    if claims.get("iss") != Some(&json!(ANSWER_ISSUER)) {
        return Some("iss is not PacoIssuer".to_owned());
    }
    if claims.get("aud") != Some(&json!(merchant.token)) {
        return Some("aud is not the access token".to_owned());
    }
    None
}

/// No more than a minute of grace: both clocks are one, so whoever is late was late on purpose.
fn untimely(claims: &Map<String, Value>, now: Timestamp) -> Option<String> {
    const GRACE_S: i64 = 60;
    let instant = |name: &str| claims.get(name).and_then(Value::as_i64);
    let now = now.as_second();
    match (instant("nbf"), instant("exp")) {
        (_, None) => Some("exp is missing".to_owned()),
        (_, Some(exp)) if exp + GRACE_S < now => {
            Some(format!("exp was {} s ago: the answer has expired", now - exp))
        }
        (Some(nbf), _) if nbf > now + GRACE_S => {
            Some(format!("nbf is {} s ahead: the answer is not valid yet", nbf - now))
        }
        _ => None,
    }
}

/// An answer names the request that it answers; an old one that comes again names another.
fn about_another(request: &ClientRequest, message: &Value) -> Option<String> {
    let sent = request.opened["apiRequest"]["requestMessageID"].as_str()?;
    let answered = member(api_response(message)?, "responseToRequestMessageID")?.as_str()?;
    (sent != answered).then(|| {
        format!("the answer is to the request {answered}, and {sent} was sent: it is an old one")
    })
}

fn code(message: &Value) -> Option<String> {
    member(api_response(message)?, "responseCode")?.as_str().map(ToOwned::to_owned)
}

fn api_response(message: &Value) -> Option<&Value> {
    member(message, "apiResponse")
}

/// A member in any of the three casings of answers.
fn member<'v>(value: &'v Value, wanted: &str) -> Option<&'v Value> {
    let mut members = value.as_object()?.iter();
    members.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
}
