//! What must not be stored, whoever sends it and wherever it stands: card codes and one-time passwords
//! never, card numbers only if they are published test cards.
//!
//! Misspelt names, numbers in free text and tokens inside strings are what a tool for mistakes sees
//! every day, so names are compared loosely and numbers are recognized by their check digit.

use serde_json::{Map, Value};

use crate::json;

mod heads;
mod tokens;

pub use self::heads::mask_head;
pub use self::tokens::hide_tokens;

/// Card numbers that are published for tests: the banks' hand-outs, the official sample, one public
/// client, and this project's own magic cards.
const PUBLISHED_TEST_CARDS: [&str; 7] = [
    "5399330000012640",
    "4101490000057763",
    "4706860000002325",
    "4916474086308295",
    "4000000000000002",
    "4000000000000101",
    "4000000000000119",
];

/// What takes the place of a secret.
const HIDDEN: &str = "***";

/// Members that hold references, which may look like card numbers by chance.
const REFERENCES: [&str; 8] = [
    "orderno",
    "referenceno",
    "requestmessageid",
    "responsetorequestmessageid",
    "invoiceno2c2p",
    "controllerinternalid",
    "pspreferenceno",
    "amounttext",
];

/// Masks a message in place; says whether anything had to be.
pub fn mask_value(value: &mut Value) -> bool {
    match value {
        Value::Object(map) => mask_members(map),
        Value::Array(items) => items.iter_mut().fold(false, |any, item| mask_value(item) | any),
        Value::String(text) => match masked_text(text) {
            Some(masked) => {
                *text = masked;
                true
            }
            None => false,
        },
        Value::Number(number) => match scrub(&number.to_string()) {
            Some(masked) => {
                *value = Value::String(masked);
                true
            }
            None => false,
        },
        Value::Null | Value::Bool(_) => false,
    }
}

fn mask_members(map: &mut Map<String, Value>) -> bool {
    // {"fieldName": "cvv", "fieldValue": …} is a member in two halves.
    let field_name = map
        .iter()
        .find(|(name, _)| loosely(name) == "fieldname")
        .and_then(|(_, value)| value.as_str())
        .map(loosely);
    let mut any = mask_names(map);
    for (name, value) in map.iter_mut() {
        let mut name = loosely(name);
        if name == "fieldvalue"
            && let Some(field_name) = &field_name
        {
            name.clone_from(field_name);
        }
        any |= mask_member(&name, value);
    }
    any
}

/// A card number may also be the name of a member.
fn mask_names(map: &mut Map<String, Value>) -> bool {
    let masked = |name: &str| (name.len() >= 13).then(|| scrub(name)).flatten();
    if !map.keys().any(|name| masked(name).is_some()) {
        return false;
    }
    let members = std::mem::take(map).into_iter();
    map.extend(members.map(|(name, value)| (masked(&name).unwrap_or(name), value)));
    true
}

fn mask_member(name: &str, value: &mut Value) -> bool {
    if value.is_null() {
        return false;
    }
    if is_secret_name(name) {
        *value = Value::String(HIDDEN.to_owned());
        return true;
    }
    if is_card_name(name) {
        let text = match &*value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => {
                *value = Value::String(HIDDEN.to_owned());
                return true;
            }
        };
        if PUBLISHED_TEST_CARDS.contains(&digits(&text).as_str()) || is_masked(&text) {
            return false;
        }
        *value = Value::String(mask_number(&text));
        return true;
    }
    if REFERENCES.contains(&name) && !value.is_object() && !value.is_array() {
        return false;
    }
    mask_value(value)
}

/// Six and four digits around letters, as a number is shown once it is masked.
fn is_masked(text: &str) -> bool {
    text.contains('X') && digits(text).len() <= 10
}

/// A string that may be JSON, a token, or free text.
fn masked_text(text: &str) -> Option<String> {
    let trimmed = text.trim_start();
    if trimmed.starts_with(['{', '['])
        && let Ok(mut inner) = json::parse(text.as_bytes())
    {
        return mask_value(&mut inner).then(|| inner.to_string());
    }
    if trimmed.starts_with("eyJ") && trimmed.contains('.') {
        // A token inside a message is sealed for somebody, and is not looked into.
        let header = trimmed.split('.').next().unwrap_or_default();
        return Some(format!("{header}.{HIDDEN}"));
    }
    scrub(text)
}

/// Upper and lower case, dashes, underscores, dots and blanks do not count.
fn loosely(name: &str) -> String {
    let mut loose = String::with_capacity(name.len());
    loose.extend(
        name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()),
    );
    loose
}

fn is_secret_name(name: &str) -> bool {
    // Every name of every message comes by here, and hardly any has a c before one of these.
    let mut places = name.bytes().enumerate().filter(|(_, byte)| b"cso".contains(byte));
    places.any(|(at, _)| {
        ["cvv", "cvc", "cvn", "securitycode", "onetimepassword"]
            .iter()
            .any(|part| name.as_bytes()[at..].starts_with(part.as_bytes()))
    }) || name.starts_with("otp")
        || name.ends_with("otp")
        || ["pin", "pinblock", "cid", "csc"].contains(&name)
}

fn is_card_name(name: &str) -> bool {
    let numbered = name.contains("cardn") && !name.ends_with("name");
    numbered
        || ["pan", "ccnumber", "ccnum", "ccno", "primaryaccountnumber", "accountnumber"]
            .contains(&name)
}

/// Masks card numbers in text, and what stands behind a name like CVV. `None`: nothing had to be.
#[must_use]
pub fn scrub(text: &str) -> Option<String> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let names_a_secret = || {
        let starts = [b"cvv", b"cvc", b"cvn", b"sec", b"otp"];
        text.as_bytes()
            .windows(3)
            .any(|three| starts.iter().any(|s| three.eq_ignore_ascii_case(*s)))
    };
    // Nearly every text ends here.
    if digits < 3 || (digits < 13 && !names_a_secret()) {
        return None;
    }
    if text.contains('\0') {
        // UTF-16 taken for bytes: the digits stand apart.
        let packed = text.replace('\0', "");
        return scrub(&packed);
    }
    let mut hidden = secrets(text);
    hidden.extend(card_numbers(text));
    if hidden.is_empty() {
        return None;
    }
    hidden.sort_by_key(|(start, _, _)| *start);
    let mut scrubbed = String::with_capacity(text.len());
    let mut end = 0;
    for (from, to, instead) in hidden {
        if from < end {
            continue;
        }
        scrubbed.push_str(&text[end..from]);
        scrubbed.push_str(&instead);
        end = to;
    }
    scrubbed.push_str(&text[end..]);
    Some(scrubbed)
}

/// Masks digits at the end of a text that was cut there, and with it perhaps a card number. `None`:
/// there are too few of them.
#[must_use]
pub fn mask_cut_number(text: &str) -> Option<String> {
    let start = text.trim_end_matches(|letter: char| letter.is_ascii_digit()).len();
    let (before, digits) = text.split_at(start);
    (digits.len() > 8).then(|| format!("{before}{}{}", &digits[..6], "X".repeat(digits.len() - 6)))
}

/// Places in a text, and what stands there instead.
type Hidden = Vec<(usize, usize, String)>;

/// Digits behind the name of a secret: `cvv2":"917"`, `cvvCode%3D917`, `<cvv>917</cvv>`.
fn secrets(text: &str) -> Hidden {
    let lower = text.to_ascii_lowercase();
    let bytes = lower.as_bytes();
    let mut hidden = Vec::new();
    for name in ["cvv", "cvc", "cvn", "securitycode", "security_code", "otp"] {
        for (start, _) in lower.match_indices(name) {
            let mut at = start + name.len();
            // The rest of the name: cvv2Code, cvv-code. No name is long.
            let longest = at + 32;
            while at < longest
                && bytes.get(at).is_some_and(|b| b.is_ascii_alphanumeric() || b"-_".contains(b))
            {
                at += 1;
            }
            let mut skipped = 0;
            while skipped < 40 {
                match bytes.get(at) {
                    // An escaped character, as in a form.
                    Some(b'%') => at += 3,
                    Some(byte) if !byte.is_ascii_alphanumeric() => at += 1,
                    _ => break,
                }
                skipped += 1;
            }
            let digits = bytes.iter().skip(at).take_while(|byte| byte.is_ascii_digit()).count();
            if (3..=8).contains(&digits) {
                hidden.push((at, at + digits, HIDDEN.to_owned()));
            }
        }
    }
    hidden
}

/// Card numbers, alone or in groups: a run of digit groups holds one if some groups in a row do.
fn card_numbers(text: &str) -> Hidden {
    let bytes = text.as_bytes();
    let mut hidden = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        // The groups of one run, each as start and end.
        let mut groups = Vec::new();
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            let start = at;
            while bytes.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            groups.push((start, at));
            let separated = bytes.get(at).is_some_and(|byte| b" -.,/".contains(byte))
                && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
            if separated {
                at += 1;
            }
        }
        hidden.extend(in_groups(text, &groups));
    }
    hidden
}

fn in_groups(text: &str, groups: &[(usize, usize)]) -> Hidden {
    let mut hidden = Vec::new();
    let mut first = 0;
    while first < groups.len() {
        let found = (first..groups.len().min(first + 20)).rev().find_map(|last| {
            let (from, to) = (groups[first].0, groups[last].1);
            // The longest number has 19 digits, and as many separators at most.
            if to - from > 38 {
                return None;
            }
            let plain = digits(&text[from..to]);
            let is_secret =
                is_card_number(&plain) && !PUBLISHED_TEST_CARDS.contains(&plain.as_str());
            is_secret.then(|| (last, (from, to, mask_number(&plain))))
        });
        match found {
            Some((last, place)) => {
                hidden.push(place);
                first = last + 1;
            }
            None => first += 1,
        }
    }
    hidden
}

/// Card numbers start with 2 to 6; a time in milliseconds starts with 1 and is left alone.
fn is_card_number(digits: &str) -> bool {
    (13..=19).contains(&digits.len())
        && matches!(digits.as_bytes().first(), Some(b'2'..=b'6'))
        && passes_luhn(digits)
}

/// The check digit of ISO/IEC 7812, over 12 to 19 digits.
#[must_use]
pub fn passes_luhn(text: &str) -> bool {
    if !(12..=19).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let sum: u32 = text
        .bytes()
        .rev()
        .enumerate()
        .map(|(position, byte)| {
            let digit = u32::from(byte - b'0');
            match (position % 2, digit * 2) {
                (0, _) => digit,
                (_, doubled) if doubled > 9 => doubled - 9,
                (_, doubled) => doubled,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The first six and the last four digits, the rest as X.
#[must_use]
pub fn mask_number(number: &str) -> String {
    let digits = digits(number);
    if digits.len() <= 10 {
        return "X".repeat(number.chars().count().max(1));
    }
    let hidden = "X".repeat(digits.len() - 10);
    format!("{}{hidden}{}", &digits[..6], &digits[digits.len() - 4..])
}

/// Schemes of the registry of HTTP authentication and the usual ones beside it. Any other first word of
/// a header may be the credential itself.
const SCHEMES: [&str; 16] = [
    "apikey",
    "aws4-hmac-sha256",
    "basic",
    "bearer",
    "digest",
    "dpop",
    "gnap",
    "hawk",
    "hmac",
    "hoba",
    "mutual",
    "negotiate",
    "ntlm",
    "oauth",
    "scram-sha-256",
    "signature",
];

/// Credentials keep their scheme only, where they have one that is known.
#[must_use]
pub fn masked_header(name: &str, value: String) -> String {
    if ["authorization", "proxy-authorization"].contains(&name) {
        let scheme = value.trim().split_once(char::is_whitespace).map(|(scheme, _)| scheme);
        let is_known =
            |scheme: &&str| SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme));
        return match scheme.filter(is_known) {
            Some(scheme) => format!("{scheme} {HIDDEN}"),
            None => HIDDEN.to_owned(),
        };
    }
    let name = loosely(name);
    if is_secret_name(&name) || is_card_name(&name) {
        return HIDDEN.to_owned();
    }
    scrub(&value).unwrap_or(value)
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
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
    fn misspelt_names_nested_values_and_strings_of_json_are_seen_through() {
        for hidden in [
            json!({"cvv_code": "917"}),
            json!({"cvvCod": 917}),
            json!({"CVVNumber": "917"}),
            json!({"cvn": "917"}),
            json!({"card-number": "4012001037141112"}),
            json!({"cardNumbr": "4012001037141112"}),
            json!({"number": "4012001037141112"}),
            json!({"4012001037141112": "number"}),
            json!({"number": 4_012_001_037_141_112_u64}),
            json!({"cardNumber": ["4012001037141112"]}),
            json!({"cardNumber": {"v": "4012001037141112"}}),
            json!({"details": "{\"cardNumber\":\"4012001037141112\",\"cvvCode\":\"917\"}"}),
            json!({"customFieldList": [{"fieldName": "cvv", "fieldValue": "917"}]}),
            json!({"payload": "eyJhbGciOiJIUzI1NiJ9.eyJjYXJkTnVtYmVyIjoiNDAxMiJ9.AAAA"}),
            json!({"productDescription": "paid with 4012 0010 3714 1112"}),
        ] {
            let mut value = hidden.clone();
            assert!(mask_value(&mut value), "{hidden}");
            let text = value.to_string();
            assert!(!text.contains("917") && !text.contains("37141112"), "{text}");
            assert!(!text.contains("3714 1112") && !text.contains("eyJjYXJk"), "{text}");
        }
    }

    #[test]
    fn published_test_cards_and_references_stay() {
        let mut value = json!({
            "cardNumber": "4101490000057763", "orderNo": "4012001037141112",
            "amountText": "000000012550", "cardHolderName": "Demo", "requestDateTime":
            "2026-01-01T00:00:00.000Z", "mobilePhone": "9800000001"});

        assert!(!mask_value(&mut value), "{value}");
    }

    #[test]
    fn text_that_is_no_json_is_scrubbed_too() {
        for text in [
            r#"{"cardNumber":"4012 0010 3714 1112","cvvCode":"917","orderNo":"1767225600000""#,
            "amount 100 4012001037141112 cvv2=917 1767225600000",
            "<cardNumber>4012.0010.3714.1112</cardNumber><cvv>917</cvv> 1767225600000",
            "cardNumber=4012001037141112&cvvCode%3D917&at=1767225600000",
            "4\u{0}0\u{0}1\u{0}2\u{0}001037141112 cvv 917 1767225600000",
        ] {
            let scrubbed = scrub(text).expect("card data");
            assert!(!scrubbed.contains("1112") || scrubbed.contains("XXXXXX1112"), "{scrubbed}");
            assert!(!scrubbed.contains("917"), "{scrubbed}");
            assert!(scrubbed.contains("1767225600000"), "{scrubbed}");
        }
        assert_eq!(scrub("order 1767225600000 of 2026-01-01"), None);
        assert_eq!(scrub("4101490000057763"), None);
    }

    #[test]
    fn credentials_keep_their_scheme_only() {
        let masked = |name, value: &str| masked_header(name, value.to_owned());

        assert_eq!(masked("authorization", "Basic c2hvcDpz"), "Basic ***");
        assert_eq!(masked("authorization", "c2hvcDpz"), "***");
        assert_eq!(masked("authorization", "c2hvcDpz x"), "***");
        assert_eq!(masked("proxy-authorization", "Basic c2hvcDpz"), "Basic ***");
        assert_eq!(masked("x-card-number", "4012001037141112"), "***");
        assert_eq!(
            masked("token", "5a6d0b3e9c4f4e1f8a7b2c1d3e4f5a6b"),
            "5a6d0b3e9c4f4e1f8a7b2c1d3e4f5a6b"
        );
    }

    #[test]
    fn the_luhn_check_tells_card_numbers_from_others() {
        assert!(passes_luhn("4101490000057763"));
        assert!(passes_luhn("4000000000000002"));
        assert!(!passes_luhn("4101490000057764"));
        assert!(!passes_luhn("41014900"));
        assert!(!passes_luhn("410149000005776x"));
    }

    #[test]
    fn a_card_keeps_six_and_four_digits() {
        assert_eq!(mask_number("4101490000057763"), "410149XXXXXX7763");
        assert_eq!(mask_number("123"), "XXX");
    }
}
