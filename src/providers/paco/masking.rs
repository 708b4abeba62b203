//! What must not be stored: CVV and OTP never, card numbers only if they are published test cards.

use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine as _, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

use super::fields::passes_luhn;
use super::layers;
use super::orders::mask_number;
use super::settings::Environment;
use crate::blueprint::{Call, Kept, WireReply};
use crate::crypto::hashes::sha256;
use crate::{ids, json};

/// Card numbers that are published for tests: the banks' hand-outs, the official sample, one public
/// client, and this double's own magic cards.
const PUBLISHED_TEST_CARDS: [&str; 7] = [
    "5399330000012640",
    "4101490000057763",
    "4706860000002325",
    "4916474086308295",
    "4000000000000002",
    "4000000000000101",
    "4000000000000119",
];

/// What the journal keeps of an exchange.
pub(super) async fn keep(call: Call, answer: WireReply, environment: Environment) -> Kept {
    let mut kept = Kept::unmasked(&call, &answer);
    kept.request_headers = kept.request_headers.into_iter().map(without_password).collect();
    if let Some(opened) = &mut kept.opened_request {
        mask_value(opened);
    }
    let body = std::mem::take(&mut kept.request_body);
    let (body, note) = match content(&call, &body, environment).await {
        Content::Plain => masked_plain(body),
        Content::Sealed(inner) if holds_card_data(&inner) => {
            let note = format!(
                "masked: the sealed body of {} bytes held card data; its protected header is kept; \
                 SHA-256 {}",
                body.len(),
                ids::hex(&sha256(&body))
            );
            // Up to the first dot, however that is written: the rest holds what must not be kept.
            let header = body.iter().copied().take_while(|byte| is_base64(*byte)).collect();
            (header, Some(note))
        }
        Content::Sealed(_) => (body, None),
    };
    kept.request_body = body;
    kept.request_note = note;
    kept
}

enum Content {
    /// The body is what it says.
    Plain,
    /// The body is sealed, and this is inside.
    Sealed(Vec<u8>),
}

async fn content(call: &Call, body: &[u8], environment: Environment) -> Content {
    if let Some(unsealed) = call.unsealed() {
        return Content::Sealed(payload_of(unsealed));
    }
    // Every sealed form starts with the base64url of `{"`, perhaps behind a quote or a blank.
    if !body.iter().take(64).any(|byte| *byte == b'e') || !has_dots(body) {
        return Content::Plain;
    }
    let copy = body.to_vec();
    let peeled = call.services().rsa.run(move || layers::peel(&copy, environment)).await;
    if peeled.layers.is_empty() { Content::Plain } else { Content::Sealed(peeled.content) }
}

/// Dots as they are, or percent-encoded.
fn has_dots(body: &[u8]) -> bool {
    body.contains(&b'.') || body.windows(3).any(|text| text.eq_ignore_ascii_case(b"%2E"))
}

fn payload_of(inner: &[u8]) -> Vec<u8> {
    let jws = std::str::from_utf8(inner)
        .ok()
        .and_then(|text| crate::crypto::jose::CompactJws::parse(text).ok());
    jws.map_or_else(|| inner.to_vec(), |jws| jws.payload)
}

fn holds_card_data(content: &[u8]) -> bool {
    is_card_data(content) || encoded_parts(content).iter().any(|part| is_card_data(part))
}

fn is_card_data(content: &[u8]) -> bool {
    match json::parse(content) {
        Ok(mut value) => mask_value(&mut value),
        Err(_) => scrub(&String::from_utf8_lossy(content)).is_some(),
    }
}

/// What stands in base64 in a text: a token that lost one of its parts can still be read.
fn encoded_parts(content: &[u8]) -> Vec<Vec<u8>> {
    /// Shorter ones hold no card number.
    const SHORTEST: usize = 16;
    let lenient = GeneralPurpose::new(
        &alphabet::URL_SAFE,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let text = String::from_utf8_lossy(content).replace("%2E", ".").replace("%2e", ".");
    let text = text.replace('+', "-").replace('/', "_");
    let parts = text.as_bytes().split(|byte| !is_base64(*byte));
    parts
        .filter(|part| part.len() >= SHORTEST)
        // A single digit more than whole bytes is no reason to overlook the bytes.
        .filter_map(|part| {
            let whole = if part.len() % 4 == 1 { part.len() - 1 } else { part.len() };
            lenient.decode(&part[..whole]).ok()
        })
        .collect()
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte)
}

fn masked_plain(body: Vec<u8>) -> (Vec<u8>, Option<String>) {
    if body.is_empty() {
        return (body, None);
    }
    let masked = match json::parse(&body) {
        Ok(mut value) => mask_value(&mut value).then(|| value.to_string()),
        // What is not JSON may still hold a card number, plain or in base64.
        Err(_) if encoded_parts(&body).iter().any(|part| is_card_data(part)) => Some(String::new()),
        Err(_) => scrub(&String::from_utf8_lossy(&body)),
    };
    match masked {
        None => (body, None),
        Some(masked) => {
            let note = format!(
                "masked: card data was taken out; the body had {} bytes, SHA-256 {}",
                body.len(),
                ids::hex(&sha256(&body))
            );
            (masked.into_bytes(), Some(note))
        }
    }
}

/// Masks in place; says whether anything had to be.
fn mask_value(value: &mut Value) -> bool {
    match value {
        Value::Object(map) => mask_members(map),
        Value::Array(items) => items.iter_mut().fold(false, |any, item| mask_value(item) | any),
        _ => false,
    }
}

fn mask_members(map: &mut Map<String, Value>) -> bool {
    let mut any = false;
    for (name, value) in map.iter_mut() {
        let name = name.to_ascii_lowercase();
        if is_secret_name(&name) && !value.is_null() {
            *value = Value::String("***".to_owned());
            any = true;
        } else if is_card_name(&name) {
            let text = match &*value {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            };
            if let Some(text) = text
                && !PUBLISHED_TEST_CARDS.contains(&digits(&text).as_str())
            {
                *value = Value::String(mask_number(&text));
                any = true;
            } else {
                any |= mask_value(value);
            }
        } else {
            any |= mask_value(value);
        }
    }
    any
}

fn is_secret_name(name: &str) -> bool {
    ["cvv", "cvc", "cvv2", "cvvcode", "cvccode", "securitycode", "cardsecuritycode", "otp", "pin"]
        .contains(&name)
        || name.starts_with("otp")
}

fn is_card_name(name: &str) -> bool {
    matches!(name, "cardnumber" | "cardno" | "pan" | "card_number" | "accountnumber")
}

/// Masks runs of digits that are card numbers, and what stands behind a name like CVV, in text that
/// is no JSON. `None`: nothing had to be masked.
fn scrub(text: &str) -> Option<String> {
    let mut scrubbed = String::with_capacity(text.len());
    let mut any = false;
    let mut rest = text;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        scrubbed.push_str(before);
        // Blanks and dashes inside a run are how people group card numbers.
        let end = from
            .char_indices()
            .find(|(_, letter)| !letter.is_ascii_digit() && !matches!(letter, ' ' | '-'))
            .map_or(from.len(), |(index, _)| index);
        let (run, after) = from.split_at(end);
        let plain = digits(run);
        if is_card_number(&plain) && !PUBLISHED_TEST_CARDS.contains(&plain.as_str()) {
            scrubbed.push_str(&mask_number(&plain));
            any = true;
        } else if (3..=8).contains(&plain.len()) && names_a_secret(before) {
            scrubbed.push_str("***");
            any = true;
        } else {
            scrubbed.push_str(run);
        }
        rest = after;
    }
    scrubbed.push_str(rest);
    any.then_some(scrubbed)
}

/// Card numbers start with 2 to 6; a time in milliseconds starts with 1 and is left alone.
fn is_card_number(digits: &str) -> bool {
    (14..=19).contains(&digits.len())
        && matches!(digits.as_bytes().first(), Some(b'2'..=b'6'))
        && passes_luhn(digits)
}

fn names_a_secret(before: &str) -> bool {
    let tail: String = before
        .chars()
        .rev()
        .take(24)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect::<String>()
        .to_ascii_lowercase();
    let name = tail.trim_end_matches([' ', '"', '\'', ':', '=', '\t', '\\']);
    ["cvv", "cvc", "cvvcode", "cvv2", "securitycode", "otp"]
        .iter()
        .any(|secret| name.ends_with(secret))
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Basic credentials keep their scheme only.
fn without_password((name, value): (String, String)) -> (String, String) {
    if name != "authorization" {
        return (name, value);
    }
    let scheme = value.split_whitespace().next().unwrap_or_default().to_owned();
    (name, format!("{scheme} ***"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn codes_vanish_and_unpublished_numbers_keep_six_and_four() {
        let mut value = json!({"creditCardDetails": {
            "cardNumber": "4012001037141112", "cvvCode": "123", "CVV": 5, "otp": "99"}});

        assert!(mask_value(&mut value));
        assert_eq!(
            value,
            json!({"creditCardDetails": {
                "cardNumber": "401200XXXXXX1112", "cvvCode": "***", "CVV": "***", "otp": "***"}})
        );
    }

    #[test]
    fn published_test_cards_stay() {
        let mut value = json!({"cardNumber": "4101490000057763", "orderNo": "4012001037141112"});

        assert!(!mask_value(&mut value));
    }

    #[test]
    fn text_that_is_no_json_is_scrubbed_too() {
        let text =
            r#"{"cardNumber":"4012 0010 3714 1112","cvvCode":"123","orderNo":"1767225600000""#;

        let scrubbed = scrub(text).expect("card data");

        assert!(!scrubbed.contains("3714"), "{scrubbed}");
        assert!(!scrubbed.contains("\"123\""), "{scrubbed}");
        assert!(scrubbed.contains("1767225600000"), "{scrubbed}");
        assert_eq!(scrub("order 1767225600000 of 2026-01-01"), None);
    }
}
