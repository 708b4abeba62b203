//! Climbing the ladders: the token request, the guard of the report endpoints, and one-time URLs.

use std::borrow::Cow;
use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::constants::FILE_PATH;
use super::errors::Api;
use super::forms::{self, basic, bearer, decoded, media_type, pairs};
use super::ladder::{
    BEARER, BODY_FIID_TIED, CLIENT, DOWNLOAD_CHECKS, FIID, FIID_TIED, GRANT_TYPE, GUARD_CHECKS,
    JSON_BODY, RATE_LIMIT, SCOPE, SIGNATURE, SIGNATURE_PRESENT, SOURCE_ADDRESS, TIMESTAMP,
    TIMESTAMP_FORMAT, TIMESTAMP_WINDOW, TOKEN_CHECKS, TOKEN_CONTENT_TYPE, TOKEN_EXPIRY, TOKEN_FORM,
};
use super::merchant::PaynetMerchant;
use super::messages::TokenRequest;
use super::settings::{AllowList, RequireFiid, Settings};
use super::tokens::{Remains, Token};
use crate::blueprint::{Call, NamedBy, Received, Refusal, Verified};
use crate::checks::{Failure, address};
use crate::crypto::hashes::{hmac_sha256, same_secret};
use crate::masking::scrub;
use crate::{ids, json};

/// Who calls a report endpoint.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// The institution that the header names.
    pub fiid: Option<String>,
}

/// A JSON message of a caller.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub caller: Caller,
    pub members: Map<String, Value>,
}

/// What a request names its merchant by: a one-time token, a bearer token, or a client id.
pub(super) fn named_by(received: &Received, is_known: impl Fn(&str) -> bool) -> Option<NamedBy> {
    let path = received.uri.path();
    if path == FILE_PATH {
        return one_time_token(received.target()).map(NamedBy::Issued);
    }
    let authorization = received.header("authorization");
    if matches!(path, "/token" | "/oauth/token") {
        return client_named(received, authorization, is_known).map(NamedBy::Credential);
    }
    let text = bearer(authorization?)?;
    // Also by a token that is cut or changed: whose it is helps to explain it.
    let client = match Token::read(text) {
        Ok(token) => token.client().map(ToOwned::to_owned),
        Err(_) => Remains::of(text).client,
    };
    client.map(NamedBy::Credential)
}

/// The one-time token of a target.
pub(super) fn one_time_token(target: &str) -> Option<String> {
    forms::query_parameter(target, "ott").filter(|ott| !ott.is_empty())
}

fn client_named(
    received: &Received,
    authorization: Option<&[u8]>,
    is_known: impl Fn(&str) -> bool,
) -> Option<String> {
    if let Some(Ok((user, _))) = authorization.and_then(basic) {
        return Some(meant_by(user, is_known));
    }
    if let Ok(map) = json::parse_object(&received.body) {
        return map.get("client_id").and_then(Value::as_str).map(ToOwned::to_owned);
    }
    // Also of a form that is malformed elsewhere: whose it is helps to explain it.
    let mut each = received.body.split(|byte| *byte == b'&').filter_map(|pair| pairs(pair).ok());
    each.find_map(|pair| pair.into_iter().find(|(name, _)| name == "client_id"))
        .map(|(_, value)| value)
}

/// The client id of a Basic header. It is form-encoded before it is put there (RFC 6749 §2.3.1), which
/// most clients forget.
fn meant_by(user: String, is_known: impl Fn(&str) -> bool) -> String {
    match decoded(user.as_bytes()) {
        Ok(decoded) if decoded != user && !is_known(&user) => decoded,
        _ => user,
    }
}

/// The ladder of a token request.
pub(super) fn token(call: &Call, settings: &Settings) -> Result<Verified<TokenRequest>, Refusal> {
    let received = call.received();
    if let Err(served) = settings.token_paths.serve(received.uri.path()) {
        return Err(Refusal::NotFound {
            nearest: Some(served.to_owned()),
        });
    }
    source_address(call, settings)?;
    call.step(&TOKEN_CONTENT_TYPE, is_form(received))?;
    let form = call.step(&TOKEN_FORM, token_form(call))?;
    let mut opened = Map::new();
    opened.insert("grant_type".to_owned(), json!(form.grant_type));
    opened.insert("client_id".to_owned(), json!(form.client_id));
    if let Some(scope) = &form.scope {
        opened.insert("scope".to_owned(), json!(scope));
    }
    call.set_opened(Value::Object(opened));
    let grant = match form.grant_type.as_str() {
        "client_credentials" => Ok(()),
        other => Err(Failure::new("grant_type=client_credentials", shown(other))),
    };
    call.step(&GRANT_TYPE, grant)?;
    call.step(&CLIENT, right_client(call, &form))?;
    let scope = match form.scope.as_deref() {
        None | Some("") => Ok(()),
        Some(scope) => Err(Failure::new("no scope", shown(scope))),
    };
    call.step(&SCOPE, scope)?;
    call.verified(&TOKEN_CHECKS, form)
}

pub(super) fn source_address(call: &Call, settings: &Settings) -> Result<(), Refusal> {
    let judged = match &settings.ip_allow_list {
        AllowList::Any => {
            Ok(Some(Cow::Borrowed("ip_allow_list is any: every address counts as listed")))
        }
        AllowList::Networks(list) => {
            address::is_listed(call.received().connection.peer.ip(), list).map(|()| None)
        }
    };
    call.judge(&SOURCE_ADDRESS, judged)
}

fn is_form(received: &Received) -> Result<(), Failure> {
    const WANTED: &str = "application/x-www-form-urlencoded";
    match media_type(received) {
        Some(media) if media == WANTED => Ok(()),
        Some(media) => Err(Failure::new(WANTED, shown(&media))),
        None => Err(Failure::new(WANTED, "no Content-Type")),
    }
}

fn token_form(call: &Call) -> Result<TokenRequest, Failure> {
    let received = call.received();
    let client = call.merchant().map(|merchant| merchant.parts::<PaynetMerchant>());
    let is_the_client = |id: &str| client.as_ref().is_some_and(|client| client.client_id == id);
    let name_shown = |name: &str| shown_name(call, name);
    let wanted = "a form with grant_type, client_id and client_secret once each";
    let pairs = pairs(&received.body).map_err(|wrong| Failure::new(wanted, wrong))?;
    let mut names = HashSet::new();
    if let Some((name, _)) = pairs.iter().find(|(name, _)| !names.insert(name.as_str())) {
        return Err(Failure::new("every parameter once", format!("{} twice", name_shown(name))));
    }
    let value = |wanted: &str| {
        pairs.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone())
    };
    // A parameter without a value counts as one that was left out (RFC 6749 §3.2).
    let filled = |wanted: &str| value(wanted).filter(|value| !value.is_empty());
    let missing = |name: &str| {
        let there: Vec<String> = pairs
            .iter()
            .take(10)
            .map(|(name, value)| {
                if value.is_empty() {
                    format!("{}, empty", name_shown(name))
                } else {
                    name_shown(name)
                }
            })
            .collect();
        let there = if there.is_empty() { "an empty form".to_owned() } else { there.join(", ") };
        Failure::new(format!("the parameter {name}"), there)
    };
    if received.has_several("authorization") {
        return Err(Failure::new("one Authorization header", "several"));
    }
    let grant_type = filled("grant_type").ok_or_else(|| missing("grant_type"))?;
    let (id, secret) = (value("client_id"), value("client_secret"));
    let header = received.header("authorization").and_then(basic);
    let nothing = |value: &Option<String>| value.as_ref().is_none_or(String::is_empty);
    let (client_id, client_secret, in_header) = match (header, id, secret) {
        // Also an empty one: clients that send it mean both.
        (Some(_), _, Some(_)) => {
            return Err(Failure::new(
                "client credentials in one place",
                "an Authorization header and client_secret in the form",
            ));
        }
        (Some(Err(wrong)), _, None) => {
            return Err(Failure::new("Basic credentials of id and secret", wrong));
        }
        (Some(Ok((user, password))), id, None) => {
            let user = meant_by(user, is_the_client);
            if id.as_ref().is_some_and(|id| *id != user) {
                return Err(Failure::new(
                    "one client",
                    "another client_id in the form than in the Authorization header",
                ));
            }
            (user, password, true)
        }
        (None, id, _) if nothing(&id) => return Err(missing("client_id")),
        (None, _, secret) if nothing(&secret) => return Err(missing("client_secret")),
        (None, id, secret) => (id.unwrap_or_default(), secret.unwrap_or_default(), false),
    };
    Ok(TokenRequest {
        grant_type,
        client_id,
        client_secret,
        in_header,
        scope: value("scope"),
    })
}

/// A parameter's name as evidence shows it. What looks like one may be a part of the client's secret,
/// which was put into the form with & and = as they are.
fn shown_name(call: &Call, name: &str) -> String {
    let is_part = call.merchant().is_some_and(|merchant| {
        let secret = &merchant.parts::<PaynetMerchant>().client_secret;
        name.len() >= 3 && secret.contains(&name.replace(' ', "+"))
    });
    if is_part { "a part of the client secret".to_owned() } else { shown(name) }
}

/// Evidence never shows a secret, neither the right one nor what came.
fn right_client(call: &Call, form: &TokenRequest) -> Result<(), Failure> {
    let Some(merchant) = call.merchant() else {
        return Err(Failure::new("a client that is known here", shown(&form.client_id)));
    };
    let parts = merchant.parts::<PaynetMerchant>();
    let right = parts.client_secret.as_bytes();
    let sent = form.client_secret.as_bytes();
    // In a header id and secret are form-encoded first (RFC 6749 §2.3.1), which most clients forget.
    let as_form = form.in_header.then(|| decoded(sent).ok()).flatten();
    let same = same_secret(sent, right)
        || as_form.is_some_and(|decoded| same_secret(decoded.as_bytes(), right));
    if same {
        return Ok(());
    }
    Err(Failure::new(
        format!("the secret of client {}, of {} characters", parts.client_id, right.len()),
        format!("another secret, of {} characters", form.client_secret.chars().count()),
    ))
}

/// The guard before every report endpoint.
pub(super) fn guard(call: &Call, settings: &Settings, api: Api) -> Result<Caller, Refusal> {
    let received = call.received();
    source_address(call, settings)?;
    let (token, merchant) = call.step(&BEARER, issued_token(call))?;
    call.step(&TOKEN_EXPIRY, in_time(&token, call.now()))?;
    let fiid = received.header_text("x-fiid").map(str::trim).filter(|fiid| !fiid.is_empty());
    let required = match settings.require_fiid {
        RequireFiid::All => true,
        RequireFiid::V2Only => api == Api::V2,
        RequireFiid::Off => false,
    };
    call.judge(
        &FIID,
        match (fiid, required) {
            (Some(_), _) => Ok(None),
            (None, false) => Ok(Some(Cow::Borrowed("it is not required here (require_fiid)"))),
            (None, true) => Err(Failure::new(
                format!("X-Fiid with one of {}", merchant.fiids.join(", ")),
                "no X-Fiid",
            )),
        },
    )?;
    let tied = fiid.and_then(|fiid| merchant.fiid(fiid)).map(ToOwned::to_owned);
    call.judge(
        &FIID_TIED,
        match (fiid, &tied) {
            (None, _) => Ok(Some(Cow::Borrowed("no X-Fiid was sent"))),
            (Some(_), Some(_)) => Ok(None),
            (Some(fiid), None) => {
                Err(Failure::new(format!("one of {}", merchant.fiids.join(", ")), shown(fiid)))
            }
        },
    )?;
    let timestamp = call.step(&TIMESTAMP, required_header(received, "X-Timestamp"))?;
    let signature = call.step(&SIGNATURE_PRESENT, required_header(received, "X-Signature"))?;
    let second = call.step(&TIMESTAMP_FORMAT, ten_digits(&timestamp))?;
    call.step(&TIMESTAMP_WINDOW, in_window(second, call.now(), settings))?;
    call.step(&SIGNATURE, right_signature(&merchant, &timestamp, &signature))?;
    call.proven();
    call.judge(&RATE_LIMIT, within_rate(call, settings, &merchant))?;
    Ok(Caller { fiid: tied })
}

/// The guard alone.
pub(super) fn guarded(call: &Call, settings: &Settings) -> Result<Verified<Caller>, Refusal> {
    let caller = guard(call, settings, Api::V1)?;
    call.set_opened(json!({}));
    call.verified(&GUARD_CHECKS, caller)
}

/// The guard, and a JSON object behind it.
pub(super) fn json_message(call: &Call, settings: &Settings) -> Result<Verified<Message>, Refusal> {
    let caller = guard(call, settings, Api::V1)?;
    let message = call.step(&JSON_BODY, json_object(call.received()))?;
    call.set_opened(Value::Object(message.clone()));
    call.judge(&BODY_FIID_TIED, body_fiid(call, &message))?;
    call.verified(
        &DOWNLOAD_CHECKS,
        Message {
            caller,
            members: message,
        },
    )
}

/// The body of v1 may name the institution too. What is no text is for the business to refuse.
fn body_fiid(
    call: &Call,
    message: &Map<String, Value>,
) -> Result<Option<Cow<'static, str>>, Failure> {
    let asked = message.get("fiid").and_then(Value::as_str).filter(|fiid| !fiid.is_empty());
    let merchant = call.merchant().map(|merchant| merchant.parts::<PaynetMerchant>());
    match (asked, merchant) {
        (Some(fiid), Some(merchant)) if merchant.fiid(fiid).is_none() => {
            Err(Failure::new(format!("one of {}", merchant.fiids.join(", ")), shown(fiid)))
        }
        (Some(_), _) => Ok(None),
        (None, _) => Ok(Some(Cow::Borrowed("the body names no institution"))),
    }
}

/// Whether the content type says JSON.
pub(super) fn says_json(received: &Received) -> Result<(), Failure> {
    match media_type(received) {
        Some(media) if media == "application/json" => Ok(()),
        Some(media) => Err(Failure::new("Content-Type: application/json", shown(&media))),
        None => Err(Failure::new("Content-Type: application/json", "no Content-Type")),
    }
}

fn json_object(received: &Received) -> Result<Map<String, Value>, Failure> {
    says_json(received)?;
    json::parse_object(&received.body)
        .map_err(|fault| Failure::new("one JSON object", fault.to_string()))
}

fn issued_token(call: &Call) -> Result<(Token, std::sync::Arc<PaynetMerchant>), Failure> {
    let wanted = "Authorization: Bearer with a token that was issued here";
    let Some(header) = call.received().header("authorization") else {
        return Err(Failure::new(wanted, "no Authorization header"));
    };
    let Some(text) = bearer(header) else {
        let text = String::from_utf8_lossy(header);
        let scheme = text.split_whitespace().next().unwrap_or_default();
        return Err(Failure::new(
            wanted,
            match scheme {
                scheme if scheme.eq_ignore_ascii_case("basic") => "the scheme Basic".to_owned(),
                // The blank behind it is no part of the header any more.
                scheme if scheme.eq_ignore_ascii_case("bearer") => {
                    "Bearer, and no token behind it".to_owned()
                }
                _ => format!("a header of {} characters without the scheme Bearer", text.len()),
            },
        ));
    };
    let token = Token::read(text).map_err(|wrong| {
        keep_remains(call, text);
        Failure::new(wanted, wrong)
    })?;
    let Some(merchant) = call.merchant() else {
        return Err(Failure::new(
            wanted,
            match token.client() {
                Some(client) => {
                    format!("a token of client {}, which is unknown here", shown(client))
                }
                None => "a token that names no client".to_owned(),
            },
        ));
    };
    let merchant = merchant.parts::<PaynetMerchant>();
    if !token.is_signed_with(&merchant.token_key) {
        keep_remains(call, text);
        return Err(Failure::new(wanted, "a token whose signature is not ours"));
    }
    Ok((token, merchant))
}

/// What of a broken token tells the journal which one it was; its text is not kept.
fn keep_remains(call: &Call, text: &str) {
    if let Remains {
        client: Some(client),
        id: Some(id),
    } = Remains::of(text)
    {
        call.set_opened(json!({"client_id": client, "jti": id}));
    }
}

fn in_time(token: &Token, now: Timestamp) -> Result<(), Failure> {
    let now = now.as_second();
    match token.expiry() {
        Some(expiry) if now < expiry => Ok(()),
        Some(expiry) => Err(Failure::new(
            format!("a token that is good after {}", instant(now)),
            format!("one that expired {} s ago, at {}", now - expiry, instant(expiry)),
        )),
        None => Err(Failure::new("a token with an expiry", "one without exp")),
    }
}

fn required_header(received: &Received, name: &str) -> Result<String, Failure> {
    // White space around a header's value is no part of it, and that is blanks and tabs (RFC 9110 §5.5).
    let value = received.header(name).map(String::from_utf8_lossy);
    match value.map(|value| value.trim_matches([' ', '\t']).to_owned()) {
        Some(text) if !text.is_empty() => Ok(text),
        Some(_) => Err(Failure::new(format!("the header {name}"), "an empty one")),
        None => Err(Failure::new(format!("the header {name}"), "none")),
    }
}

fn ten_digits(text: &str) -> Result<i64, Failure> {
    if text.len() == 10
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(second) = text.parse()
    {
        return Ok(second);
    }
    Err(Failure::new("Unix seconds: ten digits", shown(text)))
}

fn in_window(second: i64, now: Timestamp, settings: &Settings) -> Result<(), Failure> {
    let now = now.as_second();
    let (past, future) = (settings.skew_past.as_secs(), settings.skew_future.as_secs());
    if (now - past..=now + future).contains(&second) {
        return Ok(());
    }
    let off = match second - now {
        behind if behind < 0 => format!("{} s behind", -behind),
        ahead => format!("{ahead} s ahead"),
    };
    Err(Failure::new(
        format!(
            "{} to {} ({past} s behind to {future} s ahead of {})",
            now - past,
            now + future,
            instant(now)
        ),
        format!("{second} ({}), {off}", instant(second)),
    ))
}

fn right_signature(merchant: &PaynetMerchant, timestamp: &str, sent: &str) -> Result<(), Failure> {
    let right = ids::hex(&hmac_sha256(merchant.client_secret.as_bytes(), timestamp.as_bytes()));
    if same_secret(sent.as_bytes(), right.as_bytes()) {
        return Ok(());
    }
    Err(Failure::new(
        format!("{right}, the HMAC-SHA256 of {timestamp} under the client secret"),
        if sent == merchant.client_secret {
            "the client secret itself".to_owned()
        } else {
            shown(sent)
        },
    ))
}

fn within_rate(
    call: &Call,
    settings: &Settings,
    merchant: &PaynetMerchant,
) -> Result<Option<Cow<'static, str>>, Failure> {
    let Some(limit) = settings.rate_limit else {
        return Ok(Some(Cow::Borrowed("rate_limit is off")));
    };
    merchant.admit(limit, call.received().seq, call.now()).map(|()| None).map_err(|left| {
        Failure::new(
            format!("at most {limit} requests a minute"),
            format!("one more; the minute ends in {left} s"),
        )
    })
}

/// What somebody sent, cut and in quotes. Card numbers are masked first: half of one is not seen as
/// one any more.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 80;
    let masked = (text.len() > MOST).then(|| scrub(text)).flatten();
    let text = masked.as_deref().unwrap_or(text);
    let mut cut: String = text.chars().take(MOST).collect();
    if text.chars().nth(MOST).is_some() {
        cut.push('…');
    }
    format!("\"{cut}\"")
}

/// A second as people read it.
pub(super) fn instant(second: i64) -> String {
    Timestamp::from_second(second).map_or_else(|_| second.to_string(), |at| at.to_string())
}
