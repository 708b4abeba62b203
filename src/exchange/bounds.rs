//! How much of an exchange the journal keeps: what is longer than a bound is replaced by its length
//! and its digest.

use std::io::{self, Write};
use std::sync::Arc;

use serde_json::Value;

use crate::blueprint::Kept;
use crate::crypto::hashes::{Sha256Stream, sha256};
use crate::ids;
use crate::limits::{STORED_BODY_BYTES, STORED_TEXT_BYTES};

/// Cuts the bodies and replaces what is opened of them, if it is too long.
pub(super) fn bounded(mut kept: Kept) -> Kept {
    (kept.request_body, kept.request_note) = cut(kept.request_body, kept.request_note);
    (kept.answer_body, kept.answer_note) = cut(kept.answer_body, kept.answer_note);
    kept.opened_request = kept.opened_request.map(|opened| left_out(&opened).unwrap_or(opened));
    kept.opened_answer =
        kept.opened_answer.map(|opened| left_out(&opened).map_or(opened, Arc::new));
    kept
}

/// A text of evidence, or what is said in its place.
pub(super) fn bounded_text(text: String) -> String {
    if text.len() <= STORED_TEXT_BYTES {
        return text;
    }
    note(text.len(), &sha256(text.as_bytes()))
}

/// Keeps a long body as its beginning, its length and its digest.
fn cut(mut body: Vec<u8>, note: Option<String>) -> (Vec<u8>, Option<String>) {
    if body.len() <= STORED_BODY_BYTES {
        return (body, note);
    }
    let length = body.len();
    let digest = ids::hex(&sha256(&body));
    body.truncate(STORED_BODY_BYTES);
    let cut =
        format!("cut: the first {STORED_BODY_BYTES} of {length} bytes; SHA-256 of all {digest}");
    let note = note.map_or(cut.clone(), |note| format!("{note}; {cut}"));
    (body, Some(note))
}

/// What stands in the place of a value whose JSON text is too long. A short body may open into a long
/// one, where it names a part of itself many times.
fn left_out(value: &Value) -> Option<Value> {
    let mut left = STORED_BODY_BYTES;
    if fits(value, &mut left) {
        return None;
    }
    let mut digest = Digest::default();
    serde_json::to_writer(&mut digest, value).ok()?;
    (digest.length > STORED_BODY_BYTES)
        .then(|| Value::String(note(digest.length, &digest.hash.finish())))
}

/// Whether a value's text is surely short enough. It stops where that is not so.
fn fits(value: &Value, left: &mut usize) -> bool {
    // Every letter may need an escape of six; a number has at most 24 digits.
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => take(left, 32),
        Value::String(text) => take(left, 6 * text.len() + 3),
        Value::Array(items) => take(left, 3) && items.iter().all(|item| fits(item, left)),
        Value::Object(map) => {
            take(left, 3)
                && map.iter().all(|(name, item)| take(left, 6 * name.len() + 4) && fits(item, left))
        }
    }
}

fn take(left: &mut usize, bytes: usize) -> bool {
    let less = left.checked_sub(bytes);
    *left = less.unwrap_or_default();
    less.is_some()
}

fn note(length: usize, digest: &[u8]) -> String {
    format!("left out: {length} bytes, SHA-256 {}", ids::hex(digest))
}

/// Length and digest of what is written, which is not kept.
#[derive(Default)]
struct Digest {
    length: usize,
    hash: Sha256Stream,
}

impl Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.length += bytes.len();
        self.hash.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_longer_than_its_bound_is_length_and_digest() {
        let short = json!({"a": ["b", 1]});
        assert_eq!(left_out(&short), None);
        // Its letters need no escapes, so it fits although it might not have.
        assert_eq!(left_out(&json!("x".repeat(STORED_BODY_BYTES - 2))), None);
        let long = Value::Array(vec![json!("x".repeat(1024)); 1024]);
        let said = left_out(&long).expect("too long");
        let digest = ids::hex(&sha256(long.to_string().as_bytes()));
        assert_eq!(said, format!("left out: {} bytes, SHA-256 {digest}", long.to_string().len()));

        assert_eq!(bounded_text("x".to_owned()), "x");
        assert!(bounded_text("x".repeat(STORED_TEXT_BYTES + 1)).starts_with("left out: 65537 "));
    }
}
