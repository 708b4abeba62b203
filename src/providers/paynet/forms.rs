//! Forms and queries as they are sent, and Basic credentials.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::blueprint::Received;

/// Base64 as RFC 4648 §4 has it; padding may be missing, as some clients leave it out.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Names and values of a form or query, decoded, in their order.
pub(super) fn pairs(text: &[u8]) -> Result<Vec<(String, String)>, String> {
    text.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let value = pair.get(at + 1..).unwrap_or_default();
            Ok((decoded(&pair[..at])?, decoded(value)?))
        })
        .collect()
}

/// Undoes the encoding of forms.
pub(super) fn decoded(text: &[u8]) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = after;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digit = |at: usize| rest.get(at).and_then(|d| char::from(*d).to_digit(16));
                let (Some(high), Some(low)) = (digit(0), digit(1)) else {
                    return Err("a % that two hexadecimal digits do not follow".to_owned());
                };
                bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
                rest = &rest[2..];
            }
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).map_err(|_| "text that is not UTF-8".to_owned())
}

/// Encodes for a form.
pub(super) fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// A parameter of the query.
pub(super) fn query_parameter(target: &str, name: &str) -> Option<String> {
    let (_, query) = target.split_once('?')?;
    let found = pairs(query.as_bytes()).ok()?.into_iter().find(|(known, _)| known == name)?;
    Some(found.1)
}

/// User and password of a Basic header, or what is wrong with it; `None` if it is none.
pub(super) fn basic(header: &[u8]) -> Option<Result<(String, String), String>> {
    let text = String::from_utf8_lossy(header);
    let (scheme, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let read = || {
        let bytes = BASE64
            .decode(rest.trim())
            .map_err(|_| "Basic credentials in broken base64".to_owned())?;
        let text = String::from_utf8(bytes)
            .map_err(|_| "Basic credentials that are not UTF-8".to_owned())?;
        let (user, password) =
            text.split_once(':').ok_or("Basic credentials without a colon".to_owned())?;
        Ok((user.to_owned(), password.to_owned()))
    };
    Some(read())
}

/// The scheme of an Authorization header.
pub(super) fn scheme(header: &[u8]) -> Option<&str> {
    std::str::from_utf8(header).ok()?.split_whitespace().next()
}

/// The bearer token of a header, if it is one.
pub(super) fn bearer(header: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(header).ok()?.trim();
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The media type of a request, in lower case and without parameters.
pub(super) fn media_type(received: &Received) -> Option<String> {
    let text = received.header_text("content-type")?;
    Some(text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}
