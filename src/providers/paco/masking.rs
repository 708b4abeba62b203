//! What the journal keeps of PACO's messages: what is sealed to PACO's public demo keys anybody can
//! open, so a sealed body is kept whole only if what is inside was read and holds no card data.

use std::sync::Arc;

use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine as _, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

use super::layers::{self, Layer, Peeled};
use super::results::form_encoded;
use super::security::parameters;
use super::settings::Environment;
use crate::blueprint::{Call, Kept, WireReply};
use crate::crypto::hashes::sha256;
use crate::crypto::jose::CompactJws;
use crate::masking::{mask_value, scrub};
use crate::{ids, json};

/// What the journal keeps of an exchange.
pub(super) async fn keep(call: Call, answer: WireReply, environment: Environment) -> Kept {
    let mut kept = Kept::unmasked(&call, &answer);
    let body = std::mem::take(&mut kept.request_body);
    let mut inside = inside(&call, &body, environment).await;
    kept.opened_request = opened_request(&call, &mut inside);
    let (body, note) = match inside {
        Inside::Nothing if is_form(&call) => masked_form(&body),
        Inside::Nothing => masked_plain(body),
        Inside::Unreachable | Inside::Read { masked: false, .. } => (body, None),
        Inside::Unreadable | Inside::Read { masked: true, .. } => {
            let note = format!(
                "masked: the sealed body of {} bytes held card data, or could not be read; its \
                 protected header is kept; SHA-256 {}",
                body.len(),
                ids::hex(&sha256(&body))
            );
            (protected_header(&body), Some(note))
        }
    };
    kept.request_body = body;
    kept.request_note = note;
    if kept.request_note.is_some() {
        // What came as a text may go back as one.
        mask_answer(&mut kept);
    }
    kept
}

/// Takes card data out of an answer, of which its request had some.
fn mask_answer(kept: &mut Kept) {
    match &kept.opened_answer {
        Some(opened) => {
            let mut opened = Value::clone(opened);
            if mask_value(&mut opened) {
                kept.opened_answer = Some(Arc::new(opened));
                kept.answer_note = Some(taken_out(&kept.answer_body));
                kept.answer_body = protected_header(&kept.answer_body);
            }
        }
        None => {
            let (body, note) = masked_plain(std::mem::take(&mut kept.answer_body));
            kept.answer_body = body;
            kept.answer_note = note;
        }
    }
}

/// The opened request without card data: of a sealed one, the claim that was masked already.
fn opened_request(call: &Call, inside: &mut Inside) -> Option<Value> {
    let opened = call.opened()?;
    if let Inside::Read { content, .. } = inside
        && let Some(request) = content.get_mut("request")
    {
        return Some(request.take());
    }
    let mut opened = opened.clone();
    mask_value(&mut opened);
    Some(opened)
}

/// What a body holds.
enum Inside {
    /// It is not sealed.
    Nothing,
    /// Nobody here can open it.
    Unreachable,
    /// It could be opened, but not read.
    Unreadable,
    /// It was read; the content is without card data.
    Read { content: Value, masked: bool },
}

async fn inside(call: &Call, body: &[u8], environment: Environment) -> Inside {
    // What passed the seals was read already: all claims, and the request among them.
    if let (Some(beside), Some(request)) = (call.beside(), call.opened()) {
        let (mut beside, mut request) = (beside.clone(), request.clone());
        let masked = mask_value(&mut beside) | mask_value(&mut request);
        let content = Value::Object(Map::from_iter([("request".to_owned(), request)]));
        return Inside::Read { content, masked };
    }
    if let Some(unsealed) = call.unsealed() {
        return judged(&payload_of(unsealed));
    }
    // Every sealed form starts with the base64url of `{"`, perhaps behind a quote or a name.
    if !body.iter().take(64).any(|byte| *byte == b'e') || !has_dots(body) {
        return Inside::Nothing;
    }
    let copy = body.to_vec();
    let peeled = call.services().rsa.run(move || layers::peel(&copy, environment)).await;
    match &peeled {
        Peeled { layers, .. } if layers.is_empty() => Inside::Nothing,
        Peeled {
            layers, content, ..
        } => match layers.last() {
            Some(Layer::Jwe {
                opened: None,
                reachable: false,
                ..
            }) => Inside::Unreachable,
            Some(Layer::Jwe {
                opened: None,
                reachable: true,
                ..
            }) => Inside::Unreadable,
            _ => judged(content),
        },
    }
}

/// What cannot be read as JSON cannot be judged, and is not kept.
fn judged(content: &[u8]) -> Inside {
    match json::parse(content) {
        Ok(mut content) => {
            let masked = mask_value(&mut content);
            Inside::Read { content, masked }
        }
        Err(_) => Inside::Unreadable,
    }
}

/// Dots as they are, or percent-encoded.
fn has_dots(body: &[u8]) -> bool {
    body.contains(&b'.') || body.windows(3).any(|text| text.eq_ignore_ascii_case(b"%2E"))
}

fn payload_of(inner: &[u8]) -> Vec<u8> {
    let jws = std::str::from_utf8(inner).ok().and_then(|text| CompactJws::parse(text).ok());
    jws.map_or_else(|| inner.to_vec(), |jws| jws.payload)
}

/// The first part of a token, without what damage put in front of it.
fn protected_header(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    let start = text.find("eyJ").unwrap_or(0);
    text.as_bytes()[start..].iter().copied().take_while(|byte| is_base64(*byte)).collect()
}

fn is_form(call: &Call) -> bool {
    let media = call.received().header_text("content-type").unwrap_or_default();
    media.trim_start().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
}

/// A form's fields are masked by their names, as a message's members are; groups of digits do not
/// hide a number that way.
fn masked_form(body: &[u8]) -> (Vec<u8>, Option<String>) {
    let mut fields = parameters(&String::from_utf8_lossy(body));
    let mut any = false;
    for (name, value) in &mut fields {
        let mut one = Value::Object(Map::from_iter([(name.clone(), value.take())]));
        any |= mask_value(&mut one);
        *value = one[name.as_str()].take();
    }
    if !any {
        return (body.to_vec(), None);
    }
    let masked: Vec<String> = fields
        .iter()
        .map(|(name, value)| {
            format!("{}={}", form_encoded(name), form_encoded(value.as_str().unwrap_or_default()))
        })
        .collect();
    (masked.join("&").into_bytes(), Some(taken_out(body)))
}

fn masked_plain(body: Vec<u8>) -> (Vec<u8>, Option<String>) {
    if body.is_empty() {
        return (body, None);
    }
    let masked = match json::parse(&body) {
        Ok(mut value) => mask_value(&mut value).then(|| value.to_string()),
        // What is not JSON may still hold a card number, plain or in base64.
        Err(_) if encoded_parts(&body).iter().any(|part| holds_card_data(part)) => {
            Some(String::new())
        }
        Err(_) => scrub(&String::from_utf8_lossy(&body)),
    };
    match masked {
        None => (body, None),
        Some(masked) => (masked.into_bytes(), Some(taken_out(&body))),
    }
}

fn taken_out(body: &[u8]) -> String {
    format!(
        "masked: card data was taken out; the body had {} bytes, SHA-256 {}",
        body.len(),
        ids::hex(&sha256(body))
    )
}

fn holds_card_data(content: &[u8]) -> bool {
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
