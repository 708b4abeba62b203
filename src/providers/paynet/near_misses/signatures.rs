//! Mistakes with the signature: each is made again from what is known, and compared.

use base64::Engine as _;

use super::Scene;
use super::mistakes::{
    BASE64_DIGEST, BASE64_HEX, CLIENT_ID_AS_KEY, DECORATED_SIGNATURE, HASH_SECRET_FIRST,
    HASH_TIMESTAMP_FIRST, KEY_WITH_NEWLINE, LONGER_HASH, OTHER_CLIENT_S_KEY, OTHER_SECOND,
    SAMPLE_SIGNATURE, SECRET_AS_SIGNATURE, SIGNED_ARGUMENTS_SWAPPED, SIGNED_BODY, SIGNED_FRACTION,
    SIGNED_MILLISECONDS, SIGNED_NEWLINE, SIGNED_TIMESTAMP_AND_BODY, TOKEN_AS_KEY, UPPER_CASE_HEX,
};
use crate::crypto::hashes::{hmac_sha256, hmac_sha512_matches, sha256};
use crate::diagnosis::{Mistake, Search};
use crate::ids::hex;
use crate::providers::paynet::forms::{BASE64, bearer};

/// What the guide prints beside its sample; no key and no text gives it.
const PRINTED: &str = "9b6c2cbfcf5a2fcf1a03b2dcf263dc8a59e248a212a24635f515e1c8708d2b4c";

/// Seconds around X-Timestamp whose signatures are tried.
const SECONDS_AROUND: i64 = 5;

pub(super) fn all(scene: &Scene<'_>, search: &mut Search) {
    let (Some(merchant), "paynet.signature") = (&scene.merchant, scene.failed) else {
        return;
    };
    let (Some(sent), Some(timestamp)) =
        (scene.header("x-signature").map(str::trim), scene.header("x-timestamp").map(str::trim))
    else {
        return;
    };
    let secret = merchant.client_secret.as_str();
    let hmac = |key: &str, message: &[u8]| hex(&hmac_sha256(key.as_bytes(), message));
    let right = hmac(secret, timestamp.as_bytes());
    let lower = sent.to_ascii_lowercase();

    search.candidate(&SAMPLE_SIGNATURE, || {
        (lower == PRINTED).then(|| {
            "the guide's own code gives 70ba7735…c359 for its inputs, not what it prints".to_owned()
        })
    });
    search.candidate(&UPPER_CASE_HEX, || {
        (lower == right && sent != right).then(|| "in lower case it is right".to_owned())
    });
    search.candidate(&DECORATED_SIGNATURE, || {
        (lower.contains(&right) && lower != right)
            .then(|| "the right signature stands inside what was sent".to_owned())
    });
    search.candidate(&SECRET_AS_SIGNATURE, || {
        (sent == secret)
            .then(|| "the header is the client secret, for everybody to read".to_owned())
    });
    let digest = hmac_sha256(secret.as_bytes(), timestamp.as_bytes());
    search.candidate(&BASE64_DIGEST, || {
        let bytes = BASE64.decode(sent).ok()?;
        (bytes == digest).then(|| "decoded, it is the right digest".to_owned())
    });
    search.candidate(&BASE64_HEX, || {
        let bytes = BASE64.decode(sent).ok()?;
        (bytes == right.as_bytes()).then(|| "decoded, it is the right hex text".to_owned())
    });
    search.candidate(&LONGER_HASH, || {
        let bytes = unhex(&lower)?;
        hmac_sha512_matches(secret.as_bytes(), timestamp.as_bytes(), &bytes)
            .then(|| "with SHA-512 it is right".to_owned())
    });

    let body = &scene.evidence.body[..];
    let token = scene.header("authorization").and_then(|header| bearer(header.as_bytes()));
    let joined = |first: &[u8], second: &[u8]| [first, second].concat();
    let stamp = timestamp.as_bytes();
    let same = |made: &str| lower == *made;
    let mut try_one = |mistake: &'static Mistake, made: String, what: &str| {
        search.candidate(mistake, || same(&made).then(|| format!("it is {what}")));
    };
    try_one(
        &SIGNED_ARGUMENTS_SWAPPED,
        hmac(timestamp, secret.as_bytes()),
        "the HMAC of the secret under the timestamp",
    );
    for end in ["\n", "\r\n"] {
        try_one(
            &SIGNED_NEWLINE,
            hmac(secret, &joined(stamp, end.as_bytes())),
            "the HMAC of the timestamp with a line break",
        );
        try_one(
            &KEY_WITH_NEWLINE,
            hmac(&format!("{secret}{end}"), stamp),
            "the HMAC under the secret with a line break",
        );
    }
    try_one(
        &SIGNED_FRACTION,
        hmac(secret, format!("{timestamp}.0").as_bytes()),
        "the HMAC of the timestamp with .0",
    );
    let secret_first = hex(&sha256(&joined(secret.as_bytes(), stamp)));
    try_one(&HASH_SECRET_FIRST, secret_first, "SHA-256(secret ‖ timestamp)");
    let stamp_first = hex(&sha256(&joined(stamp, secret.as_bytes())));
    try_one(&HASH_TIMESTAMP_FIRST, stamp_first, "SHA-256(timestamp ‖ secret)");
    if !body.is_empty() {
        try_one(&SIGNED_BODY, hmac(secret, body), "the HMAC of the body");
        for joined in [joined(stamp, body), joined(body, stamp)] {
            try_one(
                &SIGNED_TIMESTAMP_AND_BODY,
                hmac(secret, &joined),
                "the HMAC of timestamp and body",
            );
        }
    }
    if let Some(token) = token {
        try_one(&TOKEN_AS_KEY, hmac(token, stamp), "the HMAC under the access token");
    }
    try_one(&CLIENT_ID_AS_KEY, hmac(&merchant.client_id, stamp), "the HMAC under the client id");
    for other in scene.others {
        let what = format!("the HMAC under the secret of client {}", other.client_id);
        try_one(&OTHER_CLIENT_S_KEY, hmac(&other.client_secret, stamp), &what);
    }
    seconds_and_milliseconds(search, timestamp, &|text| same(&hmac(secret, text.as_bytes())));
}

/// A signature of the same second in milliseconds, or of a second nearby.
fn seconds_and_milliseconds(search: &mut Search, timestamp: &str, signs: &dyn Fn(&str) -> bool) {
    let Ok(second) = timestamp.parse::<i64>() else {
        return;
    };
    search.candidate(&SIGNED_MILLISECONDS, || {
        let found = (0..1000).map(|ms| format!("{second}{ms:03}")).find(|text| signs(text))?;
        Some(format!("it is the signature of {found}"))
    });
    search.candidate(&OTHER_SECOND, || {
        let around = (1..=SECONDS_AROUND).flat_map(|off| [-off, off]);
        let off = around.into_iter().find(|off| signs(&(second + off).to_string()))?;
        let way = if off > 0 { "later" } else { "earlier" };
        Some(format!(
            "it is the signature of {}, {} s {way} than X-Timestamp: take the time once, and use \
             one text for both headers",
            second + off,
            off.abs()
        ))
    });
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| {
            let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
            u8::from_str_radix(pair, 16).ok()
        })
        .collect()
}
