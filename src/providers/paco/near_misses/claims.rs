//! Mistakes with the claims: who speaks to whom, where the request stands, and the instants.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::mistakes::{
    EXPIRED, LOCAL_TIME, MOVED_DATE, NOT_WRAPPED_IN_REQUEST, NOT_YET_VALID, REQUEST_AS_TEXT,
    TIME_AS_TEXT, WRONG_AUDIENCE, WRONG_ISSUER, WRONG_TIME_UNIT,
};
use super::{Scene, quoted};
use crate::diagnosis::Search;
use crate::diagnosis::instants::{finer_unit, from_seconds, spoken, zone_offset};
use crate::providers::paco::constants::{ANSWER_ISSUER, REQUEST_AUDIENCE};

pub(super) fn who_and_for_whom(scene: &Scene<'_>, search: &mut Search) {
    let claim = |name: &str| scene.claims.get(name).and_then(Value::as_str);
    search.candidate(&WRONG_ISSUER, || {
        (scene.failed == "paco.issuer").then(|| match claim("iss") {
            Some(ANSWER_ISSUER) => {
                "PacoIssuer is the issuer of answers; a request is issued by the access token"
                    .to_owned()
            }
            Some(other) => format!("iss is {}", quoted(other)),
            None => "iss is missing or no string".to_owned(),
        })
    });
    search.candidate(&WRONG_AUDIENCE, || {
        if scene.failed != "paco.audience" {
            return None;
        }
        Some(match claim("aud") {
            Some(other) if other.eq_ignore_ascii_case(REQUEST_AUDIENCE) => {
                format!("{} differs in upper and lower case only", quoted(other))
            }
            Some(ANSWER_ISSUER) => "PacoIssuer is the issuer of answers".to_owned(),
            Some(other) if Some(other) == claim("iss") => {
                "aud holds the access token, which is the audience of answers".to_owned()
            }
            Some(other) => format!("aud is {}", quoted(other)),
            None => "aud is missing or no string".to_owned(),
        })
    });
    if scene.failed != "paco.request" {
        return;
    }
    search.candidate(&NOT_WRAPPED_IN_REQUEST, || {
        let bare = ["officeId", "orderNo", "apiRequest", "advSearchParams"]
            .into_iter()
            .find(|name| scene.claims.contains_key(*name))?;
        Some(format!("{bare} stands beside iss and aud; it belongs into the claim request"))
    });
    search.candidate(&REQUEST_AS_TEXT, || {
        let text = claim("request")?;
        text.trim_start().starts_with('{').then(|| {
            "it was serialized twice; put the object into the claims, not its text".to_owned()
        })
    });
}

pub(super) fn instants(scene: &Scene<'_>, search: &mut Search) {
    let now = scene.evidence.at;
    let judged = ["paco.not_before", "paco.issued_at", "paco.expiry", "paco.lifetime"];
    if !judged.contains(&scene.failed) {
        return;
    }
    let number = |name: &str| scene.claims.get(name).and_then(Value::as_f64);
    search.candidate(&WRONG_TIME_UNIT, || {
        ["iat", "nbf", "exp"].into_iter().find_map(|name| {
            let (unit, instant) = finer_unit(number(name)?, now)?;
            Some(format!("{name} is {instant} when read as {unit}; JOSE times are seconds"))
        })
    });
    search.candidate(&TIME_AS_TEXT, || {
        ["iat", "nbf", "exp"].into_iter().find_map(|name| {
            scene.claims.get(name).and_then(Value::as_str).map(|text| {
                format!("{name} is the string \"{}\"", text.chars().take(40).collect::<String>())
            })
        })
    });
    let instant = |name: &str| -> Option<Timestamp> { number(name).and_then(from_seconds) };
    let is_seconds =
        |name: &str| number(name).is_some_and(|number| finer_unit(number, now).is_none());
    let ahead = match scene.failed {
        "paco.not_before" => Some("nbf"),
        "paco.issued_at" => Some("iat"),
        _ => None,
    };
    search.candidate(&MOVED_DATE, || {
        let name = ahead.filter(|name| is_seconds(name))?;
        moved_date(name, instant(name)?, instant("exp")?, now)
    });
    if search.has(&MOVED_DATE) {
        return;
    }
    search.candidate(&LOCAL_TIME, || {
        let name = if scene.failed == "paco.not_before" { "nbf" } else { "iat" };
        let offset = zone_offset(instant(name)?, now)?;
        let side = if offset.is_negative() { "behind" } else { "ahead of" };
        let or_moved = if offset == SignedDuration::from_hours(1) {
            " (or a date object that was moved by an hour before it was read)"
        } else {
            ""
        };
        Some(format!("{name} is {} {side} UTC, a whole zone{or_moved}", spoken(offset)))
    });
    search.candidate(&EXPIRED, || {
        let expired = instant("exp").filter(|exp| *exp < now && is_seconds("exp"));
        match scene.failed {
            "paco.expiry" => {
                let ago = spoken(now.duration_since(expired?));
                Some(format!("exp was {ago} ago; a message must be made anew for each request"))
            }
            "paco.lifetime" => {
                let age = spoken(now.duration_since(instant("iat")?));
                Some(format!(
                    "it was issued {age} ago; a message must be made anew for each request"
                ))
            }
            _ => None,
        }
    });
    search.candidate(&NOT_YET_VALID, || {
        let name = ahead.filter(|name| is_seconds(name))?;
        let at = instant(name).filter(|at| *at > now)?;
        Some(format!(
            "{name} is {} ahead of this clock; synchronize the clocks or set {name} a little back",
            spoken(at.duration_since(now))
        ))
    });
}

/// A date that changes in place says the same of iat or nbf as of exp, as Carbon's `addHour` does
/// when exp is worked out first.
fn moved_date(name: &str, at: Timestamp, exp: Timestamp, now: Timestamp) -> Option<String> {
    const SAME: SignedDuration = SignedDuration::from_secs(2);
    let same = exp.duration_since(at).abs() <= SAME;
    same.then(|| {
        format!(
            "{name} is exp, {} ahead: read {name} before the date is moved, or move a copy (in \
             Carbon: $now->copy()->addHour())",
            spoken(at.duration_since(now))
        )
    })
}
