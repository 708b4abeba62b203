//! What the journal keeps: no client secret, no token and no card data, wherever they stand. What is
//! masked cannot be searched for mistakes later, and so a refusal's are searched while the bytes are
//! there. A token leaves its claims behind, by which an explanation finds the exchange that gave it
//! out.

use serde_json::{Map, Value};

use super::forms::{self, bearer, decoded};
use super::merchant::PaynetMerchant;
use super::named_values::{hide_named, hints, is_secret};
use super::secrets::KnownSecrets;
use super::tokens::{Token, unsigned};
use crate::blueprint::{Call, Kept, WireReply};
use crate::json;
use crate::masking::{hide_tokens, mask_cut_number, mask_value, scrub};

const HIDDEN: &str = "***";

/// What the journal keeps of an exchange.
pub(super) fn keep(call: &Call, answer: &WireReply, known: &KnownSecrets) -> Kept {
    let mut kept = Kept::unmasked(call, answer);
    let received = call.received();
    let token = received.header("authorization").and_then(bearer);
    // A short text stands everywhere by chance.
    let masks = Masks {
        known,
        token: token.filter(|token| token.len() >= 8),
    };
    let mut found = false;
    for (name, value) in &mut kept.request_headers {
        found |= masks.header(name, value);
    }
    keep_claims(call, &mut kept.request_headers);
    found |= masks.target(&mut kept.target);
    if let Some(masked) = masks.body(&kept.request_body) {
        kept.request_body = masked;
        found = true;
    }
    kept.opened_request = call.opened().cloned().map(|mut opened| {
        masks.value(&mut opened);
        opened
    });
    if found {
        kept.request_note = Some("masked: client secrets, tokens or card data".to_owned());
    } else if received.headers.contains_key("authorization") {
        kept.request_note = Some("masked: the credentials of the Authorization header".to_owned());
    }
    if let Ok(mut text) = String::from_utf8(answer.body.to_vec())
        && hide_token(&mut text)
    {
        kept.answer_body = text.into_bytes();
        kept.answer_note = Some("masked: the token's signature".to_owned());
    } else if found && let Some(masked) = masks.answer(&kept.answer_body) {
        // What came as a text may go back as one.
        kept.answer_body = masked;
        kept.answer_note = Some("masked: it repeats what is masked in the request".to_owned());
    }
    kept
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

/// A text of evidence without secrets and tokens.
pub(super) fn without_secrets(text: String, known: &KnownSecrets) -> String {
    match (Masks { known, token: None }).literal(text.as_bytes()) {
        Some(masked) => String::from_utf8_lossy(&masked).into_owned(),
        None => text,
    }
}

/// What must not stand anywhere.
struct Masks<'m> {
    known: &'m KnownSecrets,
    /// The bearer token of this request.
    token: Option<&'m str>,
}

impl Masks<'_> {
    /// Secrets and tokens as they are, wherever they stand.
    fn literal(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut masked = self.known.hide(text);
        if let Some(token) = self.token
            && let Ok(plain) = std::str::from_utf8(masked.as_deref().unwrap_or(text))
            && plain.contains(token)
        {
            masked = Some(plain.replace(token, HIDDEN).into_bytes());
        }
        hide_tokens(masked.as_deref().unwrap_or(text)).or(masked)
    }

    fn text(&self, text: &mut String) -> bool {
        let Some(masked) = self.literal(text.as_bytes()) else {
            return false;
        };
        *text = String::from_utf8_lossy(&masked).into_owned();
        true
    }

    fn header(&self, name: &str, value: &mut String) -> bool {
        if is_secret(name) && !value.is_empty() {
            HIDDEN.clone_into(value);
            return true;
        }
        self.text(value)
    }

    fn target(&self, target: &mut String) -> bool {
        let any = self.text(target);
        let masked = target
            .split_once('?')
            .and_then(|(path, query)| masked_pairs(query).map(|query| format!("{path}?{query}")));
        match masked {
            Some(masked) => {
                *target = masked;
                true
            }
            None => any,
        }
    }

    /// A body of any kind: JSON by its members, a form by its parameters, anything else as text.
    fn body(&self, body: &[u8]) -> Option<Vec<u8>> {
        let literal = self.literal(body);
        let bytes = literal.as_deref().unwrap_or(body);
        if !hints(bytes) {
            return literal;
        }
        let text = String::from_utf8_lossy(bytes);
        let masked = if is_form(&text) {
            masked_pairs(&text)
        } else {
            match json::parse(bytes) {
                Ok(mut value) => self.value(&mut value).then(|| value.to_string()),
                Err(_) => masked_text(&text),
            }
        };
        masked.map(String::into_bytes).or(literal)
    }

    /// An answer, which cuts the long values that it repeats.
    fn answer(&self, body: &[u8]) -> Option<Vec<u8>> {
        let mut value = json::parse(body).ok()?;
        let any = self.value(&mut value) | mask_cut_numbers(&mut value);
        any.then(|| value.to_string().into_bytes())
    }

    fn value(&self, value: &mut Value) -> bool {
        self.members(value) | mask_value(value)
    }

    fn members(&self, value: &mut Value) -> bool {
        match value {
            Value::Object(map) => {
                let mut any = self.names(map);
                for (name, item) in map.iter_mut() {
                    if is_secret(name) && !item.is_null() {
                        *item = Value::String(HIDDEN.to_owned());
                        any = true;
                    } else {
                        any |= self.members(item);
                    }
                }
                any
            }
            Value::Array(items) => items.iter_mut().fold(false, |any, it| self.members(it) | any),
            Value::String(text) => {
                let any = self.text(text);
                match hide_named(text) {
                    Some(masked) => {
                        *text = masked;
                        true
                    }
                    None => any,
                }
            }
            Value::Number(number) => {
                let mut text = number.to_string();
                let any = self.text(&mut text);
                if any {
                    *value = Value::String(text);
                }
                any
            }
            Value::Null | Value::Bool(_) => false,
        }
    }

    /// A secret may also be the name of a member.
    fn names(&self, map: &mut Map<String, Value>) -> bool {
        if !map.keys().any(|name| self.literal(name.as_bytes()).is_some()) {
            return false;
        }
        let members = std::mem::take(map).into_iter();
        map.extend(members.map(|(mut name, value)| {
            self.text(&mut name);
            (name, value)
        }));
        true
    }
}

fn mask_cut_numbers(value: &mut Value) -> bool {
    match value {
        Value::Object(map) => {
            map.values_mut().fold(false, |any, item| mask_cut_numbers(item) | any)
        }
        Value::Array(items) => {
            items.iter_mut().fold(false, |any, item| mask_cut_numbers(item) | any)
        }
        Value::String(text) => match mask_cut_number(text) {
            Some(masked) => {
                *text = masked;
                true
            }
            None => false,
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A form begins with a name, and has one line.
fn is_form(text: &str) -> bool {
    let name = text.split('=').next().unwrap_or_default();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.%+[]&".contains(&byte);
    (1..=256).contains(&name.len())
        && name.len() < text.len()
        && name.bytes().all(is_name)
        && !text.trim_end().contains('\n')
}

/// Parameters of a form or a query, masked by their names, as members are.
fn masked_pairs(text: &str) -> Option<String> {
    let mut any = false;
    let pairs: Vec<String> = text
        .split('&')
        .map(|pair| match masked_pair(pair) {
            Some(masked) => {
                any = true;
                masked
            }
            None => pair.to_owned(),
        })
        .collect();
    any.then(|| pairs.join("&"))
}

fn masked_pair(pair: &str) -> Option<String> {
    if !hints(pair.as_bytes()) {
        return None;
    }
    let Some((name, value)) = pair.split_once('=') else {
        return masked_text(pair);
    };
    if value.is_empty() {
        return masked_text(name).map(|name| format!("{name}="));
    }
    let plain = |text: &str| decoded(text.as_bytes()).unwrap_or_else(|_| text.to_owned());
    let plain_name = plain(name);
    if is_secret(&plain_name) {
        return (value != HIDDEN).then(|| format!("{name}={HIDDEN}"));
    }
    let plain_value = plain(value);
    let named = hide_named(&plain_value);
    let is_named = named.is_some();
    let member = (plain_name, Value::String(named.unwrap_or(plain_value)));
    let mut members = Value::Object(Map::from_iter([member]));
    if !mask_value(&mut members) && !is_named {
        return None;
    }
    let encoded = |text: &str| forms::encoded(text).replace("%2A", "*");
    let (name, value) = members.as_object()?.iter().next()?;
    Some(format!("{}={}", encoded(name), encoded(value.as_str().unwrap_or(HIDDEN))))
}

fn masked_text(text: &str) -> Option<String> {
    let named = hide_named(text);
    scrub(named.as_deref().unwrap_or(text)).or(named)
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
