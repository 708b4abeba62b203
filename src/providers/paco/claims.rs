//! The rungs of the ladder that judge what is signed: claims, instants, and the request among them.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::constants::REQUEST_AUDIENCE;
use super::merchant::PacoMerchant;
use super::security::{Judged, member_text, shortened, skipped};
use super::settings::Settings;
use crate::checks::Failure;
use crate::diagnosis::instants::{from_seconds, spoken};
use crate::json;

pub(super) fn claims(payload: &[u8]) -> Result<Map<String, Value>, Failure> {
    json::parse_object(payload)
        .map_err(|fault| Failure::new("a JSON object of claims", fault.to_string()))
}

pub(super) fn is_paco_audience(claims: &Map<String, Value>) -> Result<(), Failure> {
    let holds = match claims.get("aud") {
        Some(Value::String(audience)) => audience == REQUEST_AUDIENCE,
        // RFC 7519 §4.1.3 allows several audiences.
        Some(Value::Array(audiences)) => audiences.iter().any(|one| one == REQUEST_AUDIENCE),
        _ => false,
    };
    if holds {
        return Ok(());
    }
    Err(Failure::new(format!("aud \"{REQUEST_AUDIENCE}\""), member_text(claims, "aud")))
}

pub(super) fn issued_by(
    claims: &Map<String, Value>,
    merchant: &PacoMerchant,
) -> Result<(), Failure> {
    if claims.get("iss").and_then(Value::as_str) == Some(merchant.token.as_str()) {
        return Ok(());
    }
    Err(Failure::new(
        format!("iss \"{}\", the access token", merchant.token),
        member_text(claims, "iss"),
    ))
}

pub(super) fn company_api_key(claims: &Map<String, Value>, merchant: &PacoMerchant) -> Judged {
    match claims.get("CompanyApiKey") {
        None => skipped("the claim was not sent"),
        Some(Value::String(key)) if *key == merchant.token => Ok(None),
        Some(_) => Err(Failure::new(
            format!("CompanyApiKey \"{}\", the access token", merchant.token),
            member_text(claims, "CompanyApiKey"),
        )),
    }
}

pub(super) fn not_before(
    claims: &Map<String, Value>,
    now: Timestamp,
    settings: &Settings,
) -> Judged {
    match claims.get("nbf") {
        None => skipped("nbf was not sent"),
        Some(value) => {
            not_in_the_future(instant(value, "nbf")?, "nbf", now, settings).map(|_| None)
        }
    }
}

pub(super) fn issued_at(
    claims: &Map<String, Value>,
    now: Timestamp,
    settings: &Settings,
) -> Result<Timestamp, Failure> {
    let value = claims
        .get("iat")
        .ok_or_else(|| Failure::new("the claim iat in seconds since 1970", "no iat"))?;
    not_in_the_future(instant(value, "iat")?, "iat", now, settings)
}

fn not_in_the_future(
    at: Timestamp,
    claim: &str,
    now: Timestamp,
    settings: &Settings,
) -> Result<Timestamp, Failure> {
    let ahead = at.duration_since(now);
    if ahead <= settings.jose_clock_skew {
        return Ok(at);
    }
    Err(Failure::new(
        format!(
            "{claim} at or before {now}, {} s of skew granted",
            settings.jose_clock_skew.as_secs()
        ),
        format!("{claim} {at}, which is {} ahead", spoken(ahead)),
    ))
}

pub(super) fn expiry(
    value: Option<&Value>,
    place: &str,
    now: Timestamp,
    settings: &Settings,
) -> Result<(), Failure> {
    let Some(value) = value else {
        return Err(Failure::new(format!("{place} in seconds since 1970"), "none"));
    };
    let at = instant(value, "exp")?;
    let late = now.duration_since(at);
    if late <= settings.jose_clock_skew {
        return Ok(());
    }
    Err(Failure::new(
        format!("{place} after {now}, {} s of skew granted", settings.jose_clock_skew.as_secs()),
        format!("exp {at}, which is {} past", spoken(late)),
    ))
}

pub(super) fn lifetime(issued: Timestamp, now: Timestamp, settings: &Settings) -> Judged {
    let Some(most) = settings.jose_max_lifetime else {
        return skipped("jose_max_lifetime_s is unlimited");
    };
    let age = now.duration_since(issued);
    let granted = most.saturating_add(settings.jose_clock_skew);
    if age <= granted {
        return Ok(None);
    }
    Err(Failure::new(
        format!(
            "a message at most {} s old by its iat, {} s of skew granted",
            most.as_secs(),
            settings.jose_clock_skew.as_secs()
        ),
        format!("iat {issued}, which is {} ago", spoken(age)),
    ))
}

pub(super) fn critical(header: &Map<String, Value>, now: Timestamp, settings: &Settings) -> Judged {
    let Some(crit) = header.get("crit") else {
        return skipped("crit was not sent");
    };
    let only_exp = matches!(crit, Value::Array(names) if names.len() == 1 && names[0] == "exp");
    if !only_exp {
        return Err(Failure::new("crit [\"exp\"], or none", member_text(header, "crit")));
    }
    expiry(header.get("exp"), "the header exp, which crit names", now, settings).map(|()| None)
}

pub(super) fn request_claim(
    claims: &mut Map<String, Value>,
) -> Result<Map<String, Value>, Failure> {
    match claims.remove("request") {
        Some(Value::Object(request)) => Ok(request),
        Some(other) => {
            Err(Failure::new("the claim request, an object", json::kind(&other).to_owned()))
        }
        None => Err(Failure::new("the claim request, an object", "no request")),
    }
}

/// A `NumericDate`: any JSON number of seconds (RFC 7519 §2).
fn instant(value: &Value, claim: &str) -> Result<Timestamp, Failure> {
    value.as_f64().and_then(from_seconds).ok_or_else(|| {
        Failure::new(
            format!("{claim} as a number of seconds since 1970"),
            format!("{claim} {}", shortened(&value.to_string())),
        )
    })
}
