//! The text around a public key: armour, base64, and the damage that both take in environment
//! variables, forms and editors. What every tolerant reader takes is mended and told; everything
//! else is refused by the name of the damage, with its repair.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::keys::KeyProblem;

/// A key's bytes, with what its text said of them.
pub(super) struct KeyText {
    /// The words of the BEGIN line.
    pub label: Option<String>,
    pub der: Vec<u8>,
    /// What was wrong with the text and could be mended without doubt.
    pub mended: Vec<&'static str>,
}

/// Reads PEM, or base64 without armour.
pub(super) fn read(text: &str) -> Result<KeyText, KeyProblem> {
    let mut mended = Vec::new();
    let text = match text.trim().strip_prefix('\u{feff}') {
        None => text.trim(),
        Some(rest) => {
            mended.push("a byte order mark stood in front of it");
            rest.trim_start()
        }
    };
    if let Some(what) = announced_private(text) {
        return Err(KeyProblem::Private { what });
    }
    not_escaped(text)?;
    not_another_thing(text)?;
    let (label, body) = unarmoured(text, &mut mended)?;
    if text.contains("\r\n") {
        mended.push("its lines ended in CR LF");
    }
    let der = decoded(body, &mut mended)?;
    not_encoded_twice(&der)?;
    Ok(KeyText {
        label: label.map(ToOwned::to_owned),
        der,
        mended,
    })
}

/// What is wrong with bytes that are no key, as far as their DER header tells.
pub(super) fn flaw(der: &[u8]) -> KeyProblem {
    match outer_length(der) {
        Some(said) if said > der.len() => damaged(
            format!("it is cut off: its DER says {said} bytes, {} are there", der.len()),
            "copy the key again, whole",
        ),
        Some(said) if said < der.len() => damaged(
            format!("{} bytes stand behind the end of its DER", der.len() - said),
            "copy the key again, and nothing else with it",
        ),
        Some(_) => damaged(
            "it is base64, but what is inside is no public key (cut off or altered?)",
            "send an RSA public key as PEM, base64 DER or JWK",
        ),
        None => damaged(
            "it is base64, but what is inside does not begin as DER does",
            "send an RSA public key as PEM, base64 DER or JWK",
        ),
    }
}

/// How long the outermost SEQUENCE says that it is, header included.
pub(super) fn outer_length(der: &[u8]) -> Option<usize> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    if *tag != 0x30 {
        return None;
    }
    match first {
        0..=0x7f => Some(2 + usize::from(*first)),
        0x81..=0x83 => {
            let digits = usize::from(first & 0x0f);
            let length = rest.get(..digits)?.iter().fold(0, |sum, b| sum << 8 | usize::from(*b));
            Some(2 + digits + length)
        }
        _ => None,
    }
}

/// A private key says so, however damaged the rest of it is.
fn announced_private(text: &str) -> Option<&'static str> {
    let (before, _) = text.split_once("PRIVATE KEY")?;
    let kind = before.rsplit('-').next().unwrap_or_default().trim_start_matches("BEGIN").trim();
    Some(match kind {
        "ENCRYPTED" => "an encrypted private key",
        "RSA" if holds_pkcs8(text) => {
            "a private key: PKCS#8 under the label RSA PRIVATE KEY, which strict parsers refuse \
             (the label that fits is PRIVATE KEY)"
        }
        _ => "a private key",
    })
}

/// The object identifier of rsaEncryption.
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// PKCS#8 names the algorithm behind its version; PKCS#1 goes on with the modulus.
fn holds_pkcs8(text: &str) -> bool {
    let body = text.split_once("KEY-----").map_or("", |(_, body)| body).replace("\\n", "");
    let packed: String = body.chars().filter(|letter| !letter.is_whitespace()).take(64).collect();
    STANDARD_NO_PAD
        .decode(packed)
        .is_ok_and(|start| start.windows(RSA_ENCRYPTION.len()).any(|part| part == RSA_ENCRYPTION))
}

fn not_escaped(text: &str) -> Result<(), KeyProblem> {
    if text.contains("\\n") || text.contains("\\r") {
        return Err(damaged(
            "it holds the two characters \\n where line breaks belong",
            "turn them into real line breaks before use (an environment variable often carries \
             them so)",
        ));
    }
    if text.starts_with(['"', '\'', '`']) || text.ends_with(['"', '\'', '`']) {
        return Err(damaged("it is wrapped in quotes", "remove the quotes around the key"));
    }
    let lower = text.to_ascii_lowercase();
    if ["%2b", "%2f", "%3d", "%0a", "%20"].iter().any(|escape| lower.contains(escape)) {
        return Err(damaged(
            "it is percent-encoded",
            "decode it first (%2B is +, %2F is /, %3D is =, %0A a line break)",
        ));
    }
    Ok(())
}

fn not_another_thing(text: &str) -> Result<(), KeyProblem> {
    let is_ssh = ["ssh-", "ecdsa-", "---- BEGIN SSH2"].iter().any(|start| text.starts_with(start));
    if is_ssh {
        return Err(damaged(
            "it is in the form of OpenSSH",
            "convert it: ssh-keygen -e -m PKCS8 -f key.pub",
        ));
    }
    if text.contains("BEGIN CERTIFICATE REQUEST") || text.contains("BEGIN NEW CERTIFICATE REQUEST")
    {
        return Err(damaged(
            "it is a certificate request",
            "send the public key alone: openssl req -in request.pem -pubkey -noout",
        ));
    }
    let endings = [".pem", ".key", ".pub", ".der", ".crt", ".cer", ".txt"];
    let is_name = text.len() < 260
        && !text.contains('\n')
        && endings.iter().any(|ending| text.to_ascii_lowercase().ends_with(ending));
    if is_name {
        return Err(damaged("it is the name of a file", "send what is in the file"));
    }
    Ok(())
}

/// Splits PEM into its label and body; text without armour is all body.
fn unarmoured<'t>(
    text: &'t str,
    mended: &mut Vec<&'static str>,
) -> Result<(Option<&'t str>, &'t str), KeyProblem> {
    const WHOLE: &str = "copy the key again, with its first and last line whole";
    let Some((_, rest)) = text.split_once("-----BEGIN ") else {
        if text.contains("-----END ") {
            return Err(damaged("its first line, -----BEGIN PUBLIC KEY-----, is missing", WHOLE));
        }
        if text.contains("BEGIN ") || text.contains("END ") {
            return Err(damaged("its BEGIN line has not five dashes in front", WHOLE));
        }
        return Ok((None, text));
    };
    let Some((label, rest)) = rest.split_once("-----").filter(|(label, _)| !label.contains('\n'))
    else {
        return Err(damaged("the BEGIN line is not closed by five dashes", WHOLE));
    };
    let Some((body, end)) = rest.split_once("-----END") else {
        return Err(damaged(format!("the line -----END {label}----- is missing"), WHOLE));
    };
    let closing = end.trim_start().split('-').next().unwrap_or_default().trim();
    if closing != label {
        return Err(damaged(
            format!("its first line says {label}, its last line {closing:?}"),
            WHOLE,
        ));
    }
    if end.contains("-----BEGIN ") {
        mended.push("of several keys or certificates the first was taken");
    }
    let blank = |letter: char| letter == ' ' || letter == '\t';
    let on_one_line = !body.contains(['\n', '\r']);
    if on_one_line {
        mended.push("its line breaks were missing");
    } else {
        if !body.trim_start_matches(blank).starts_with(['\n', '\r']) {
            mended.push("the line break behind its BEGIN line was missing");
        }
        if !body.trim_end_matches(blank).ends_with(['\n', '\r']) {
            mended.push("the line break before its END line was missing");
        }
    }
    Ok((Some(label), body))
}

fn decoded(body: &str, mended: &mut Vec<&'static str>) -> Result<Vec<u8>, KeyProblem> {
    let packed: String = body.chars().filter(|letter| !letter.is_whitespace()).collect();
    if packed.is_empty() {
        return Err(KeyProblem::Empty);
    }
    let plain = STANDARD.decode(&packed);
    let fits = |der: &[u8]| outer_length(der) == Some(der.len());
    if let Ok(der) = &plain
        && fits(der)
    {
        return Ok(der.clone());
    }
    // A form turns + into a blank; what was base64 before is none after, or another.
    let with_plus: String =
        body.lines().map(|line| line.trim().replace(' ', "+")).collect::<String>();
    if with_plus.contains('+')
        && with_plus != packed
        && STANDARD.decode(&with_plus).is_ok_and(|der| fits(&der))
    {
        return Err(damaged(
            "it has blanks where + belongs, as when a form's text is decoded once too often",
            "put the + back, or send the key as JSON",
        ));
    }
    if let Ok(der) = plain {
        return Ok(der);
    }
    if packed.contains(['-', '_']) && URL_SAFE_NO_PAD.decode(packed.trim_end_matches('=')).is_ok() {
        return Err(damaged(
            "it is base64url (- and _) where base64 (+ and /) is wanted",
            "encode it with the standard alphabet: replace - by + and _ by /",
        ));
    }
    match STANDARD_NO_PAD.decode(packed.trim_end_matches('=')) {
        Ok(der) => {
            mended.push("the = padding at its end was missing or wrong");
            Ok(der)
        }
        Err(error) => Err(damaged(
            format!("its base64 is broken ({error})"),
            "copy the key again, whole and unaltered",
        )),
    }
}

fn not_encoded_twice(der: &[u8]) -> Result<(), KeyProblem> {
    let Ok(text) = std::str::from_utf8(der) else {
        return Ok(());
    };
    if let Some(what) = announced_private(text) {
        return Err(KeyProblem::Private { what });
    }
    if text.contains("-----BEGIN ") {
        return Err(damaged(
            "it is the base64 of a whole PEM file: encoded twice",
            "decode it once, and send the PEM that comes out",
        ));
    }
    let packed: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    let inner = STANDARD_NO_PAD.decode(packed.trim_end_matches('='));
    if inner.is_ok_and(|inner| outer_length(&inner) == Some(inner.len())) {
        return Err(damaged(
            "it is the base64 of base64: encoded twice",
            "decode it once, and send the base64 that comes out",
        ));
    }
    Ok(())
}

fn damaged(reason: impl Into<String>, fix: &'static str) -> KeyProblem {
    KeyProblem::Damaged {
        reason: reason.into(),
        fix,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_der_header_says_how_long_the_whole_is() {
        assert_eq!(outer_length(&[0x30, 0x03, 1, 2, 3]), Some(5));
        assert_eq!(outer_length(&[0x30, 0x82, 0x01, 0x00]), Some(260));
        assert_eq!(outer_length(&[0x30, 0x84, 0, 0, 0, 1]), None);
        assert_eq!(outer_length(&[0x30, 0x82, 0x01]), None);
        assert_eq!(outer_length(&[0x04, 0x01, 0]), None);
        assert_eq!(outer_length(&[]), None);
    }

    #[test]
    fn a_private_key_is_seen_through_any_damage() {
        for text in [
            "-----BEGIN PRIVATE KEY-----\\nMII",
            "\"-----BEGIN RSA PRIVATE KEY-----",
            "BEGIN OPENSSH PRIVATE KEY",
        ] {
            assert!(announced_private(text).is_some(), "{text}");
        }
        assert_eq!(announced_private("-----BEGIN PUBLIC KEY-----"), None);
    }
}
