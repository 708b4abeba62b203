//! Mistakes with the signature: each is made again from what is known, and compared.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::Scene;
use super::mistakes::{
    BASE64_DIGEST, BASE64_HEX, BOTH_WITH_NEWLINE, CLIENT_ID_AS_KEY, DECORATED_SIGNATURE,
    HASH_SECRET_FIRST, HASH_TIMESTAMP_FIRST, KEY_IN_QUOTES, KEY_WITH_NEWLINE, LONGER_HASH,
    OTHER_CLIENT_S_KEY, OTHER_SECOND, SAMPLE_SIGNATURE, SECRET_AS_SIGNATURE,
    SIGNED_ARGUMENTS_SWAPPED, SIGNED_BODY, SIGNED_FRACTION, SIGNED_MILLISECONDS, SIGNED_NAME,
    SIGNED_NEWLINE, SIGNED_REQUEST, SIGNED_TIMESTAMP_AND_BODY, TOKEN_AS_KEY, UPPER_CASE_HEX,
};
use crate::crypto::hashes::{hmac_sha256, hmac_sha512_matches, sha256};
use crate::diagnosis::Search;
use crate::ids::hex;
use crate::providers::paynet::forms::{BASE64, bearer};

/// What the guide prints beside its sample; no key and no text gives it.
const PRINTED: &str = "9b6c2cbfcf5a2fcf1a03b2dcf263dc8a59e248a212a24635f515e1c8708d2b4c";

/// Seconds around X-Timestamp whose signatures are tried.
const SECONDS_AROUND: i64 = 5;

/// What stands between the parts of a signed text, and how people call it.
const SEPARATORS: [(&str, &str); 9] = [
    ("", "nothing"),
    ("\n", "line breaks"),
    (":", "colons"),
    ("|", "bars"),
    (".", "dots"),
    (",", "commas"),
    ("-", "hyphens"),
    ("_", "underscores"),
    ("&", "ampersands"),
];

/// Base64 for URLs (RFC 4648 §5), with padding or without.
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Institutions of the client that are tried as a part of the text.
const FIIDS: usize = 10;

/// Other clients whose secrets are tried as the key.
const OTHER_CLIENTS: usize = 1_000;

pub(super) fn all(scene: &Scene<'_>, search: &mut Search) {
    let (Some(merchant), "paynet.signature") = (&scene.merchant, scene.failed) else {
        return;
    };
    let (Some(sent), Some(timestamp)) =
        (scene.header("x-signature").map(str::trim), scene.header("x-timestamp").map(str::trim))
    else {
        return;
    };
    let signed = Signed {
        scene,
        sent,
        lower: sent.to_ascii_lowercase(),
        timestamp,
        secret: &merchant.client_secret,
    };
    signed.written_otherwise(search);
    if search.has(&UPPER_CASE_HEX) {
        // What follows is compared without regard to case, and would find the right text again.
        return;
    }
    signed.with_other_text(search);
    search.candidate(&SIGNED_NAME, || signed.with_name(&merchant.client_id, &merchant.fiids));
    signed.with_other_key(&merchant.client_id, search);
    signed.at_another_instant(search);
}

/// A signature that is not the right one.
struct Signed<'s> {
    scene: &'s Scene<'s>,
    sent: &'s str,
    /// What was sent in lower case.
    lower: String,
    timestamp: &'s str,
    secret: &'s str,
}

impl Signed<'_> {
    /// Whether it is the HMAC of this text under this key.
    fn is_hmac(&self, key: &str, text: &[u8]) -> bool {
        self.is_digest(&hmac_sha256(key.as_bytes(), text))
    }

    fn is_digest(&self, digest: &[u8]) -> bool {
        self.lower == hex(digest)
    }

    /// The right digest in another form.
    fn written_otherwise(&self, search: &mut Search) {
        let (sent, secret) = (self.sent, self.secret);
        let digest = hmac_sha256(secret.as_bytes(), self.timestamp.as_bytes());
        let right = hex(&digest);
        search.candidate(&SAMPLE_SIGNATURE, || {
            (self.lower == PRINTED).then(|| {
                "the guide's own code gives 70ba7735…c359 for its inputs, not what it prints"
                    .to_owned()
            })
        });
        search.candidate(&UPPER_CASE_HEX, || {
            (self.lower == right && sent != right).then(|| "in lower case it is right".to_owned())
        });
        search.candidate(&DECORATED_SIGNATURE, || {
            (self.lower.contains(&right) && self.lower != right)
                .then(|| "the right signature stands inside what was sent".to_owned())
        });
        search.candidate(&SECRET_AS_SIGNATURE, || {
            (sent == secret)
                .then(|| "the header is the client secret, for everybody to read".to_owned())
        });
        search.candidate(&BASE64_DIGEST, || {
            let is = |engine: &GeneralPurpose| engine.decode(sent).is_ok_and(|it| it == digest);
            if is(&BASE64) {
                return Some("decoded, it is the right digest".to_owned());
            }
            is(&BASE64_URL).then(|| "decoded from base64url, it is the right digest".to_owned())
        });
        search.candidate(&BASE64_HEX, || {
            let is = |engine: &GeneralPurpose| {
                engine.decode(sent).is_ok_and(|it| it == right.as_bytes())
            };
            (is(&BASE64) || is(&BASE64_URL)).then(|| "decoded, it is the right hex text".to_owned())
        });
        search.candidate(&LONGER_HASH, || {
            let bytes = unhex(&self.lower)?;
            hmac_sha512_matches(secret.as_bytes(), self.timestamp.as_bytes(), &bytes)
                .then(|| "with SHA-512 it is right".to_owned())
        });
    }

    /// The right key, and more or something else than the timestamp.
    fn with_other_text(&self, search: &mut Search) {
        let (secret, timestamp) = (self.secret, self.timestamp);
        let body = &self.scene.evidence.body[..];
        let fits = |is: bool, what: &str| is.then(|| format!("it is {what}"));
        search.candidate(&SIGNED_ARGUMENTS_SWAPPED, || {
            fits(
                self.is_hmac(timestamp, secret.as_bytes()),
                "the HMAC of the secret under the timestamp",
            )
        });
        let ends = ["\n", "\r\n"];
        let ended = |text: &str, end: &str| format!("{text}{end}");
        search.candidate(&SIGNED_NEWLINE, || {
            let is = |end| self.is_hmac(secret, ended(timestamp, end).as_bytes());
            fits(ends.into_iter().any(is), "the HMAC of the timestamp with a line break")
        });
        search.candidate(&KEY_WITH_NEWLINE, || {
            let is = |end| self.is_hmac(&ended(secret, end), timestamp.as_bytes());
            fits(ends.into_iter().any(is), "the HMAC under the secret with a line break")
        });
        search.candidate(&KEY_IN_QUOTES, || {
            let is = |quote: &&str| {
                self.is_hmac(&format!("{quote}{secret}{quote}"), timestamp.as_bytes())
            };
            let quote = ["\"", "'"].iter().find(|quote| is(quote))?;
            Some(format!(
                "it is the HMAC under the secret between {quote} and {quote}; whoever reads a .env file by \
                 hand has to take the quotes off"
            ))
        });
        search.candidate(&BOTH_WITH_NEWLINE, || {
            let is = |end| self.is_hmac(&ended(secret, end), ended(timestamp, end).as_bytes());
            fits(
                ends.into_iter().any(is),
                "the HMAC of the timestamp with a line break under the secret with a line break",
            )
        });
        search.candidate(&SIGNED_FRACTION, || {
            let is = self.is_hmac(secret, format!("{timestamp}.0").as_bytes());
            fits(is, "the HMAC of the timestamp with .0")
        });
        search.candidate(&HASH_SECRET_FIRST, || {
            let is = self.is_digest(&sha256(format!("{secret}{timestamp}").as_bytes()));
            fits(is, "SHA-256(secret ‖ timestamp)")
        });
        search.candidate(&HASH_TIMESTAMP_FIRST, || {
            let is = self.is_digest(&sha256(format!("{timestamp}{secret}").as_bytes()));
            fits(is, "SHA-256(timestamp ‖ secret)")
        });
        search.candidate(&SIGNED_BODY, || {
            let what = if body.is_empty() {
                "the HMAC of an empty text, which is the body of this request"
            } else {
                "the HMAC of the body"
            };
            fits(self.is_hmac(secret, body), what)
        });
        // Behind an empty body these are the timestamp with a line break or a dot.
        if !search.has(&SIGNED_NEWLINE) {
            let (stamp, body) = (("timestamp", timestamp.as_bytes()), ("body", body));
            search.candidate(&SIGNED_TIMESTAMP_AND_BODY, || {
                self.joined(&[&[stamp, body], &[body, stamp]])
            });
        }
        search.candidate(&SIGNED_REQUEST, || self.with_request());
    }

    /// Method, path and body in the orders in which other gateways have them signed.
    fn with_request(&self) -> Option<String> {
        let evidence = self.scene.evidence;
        let target = evidence.target.as_bytes();
        let without_query = evidence.target.split('?').next().unwrap_or_default().as_bytes();
        let stamp = ("timestamp", self.timestamp.as_bytes());
        let method = ("method", evidence.method.as_bytes());
        let body = ("body", &evidence.body[..]);
        let with = |path: Part<'_>| {
            self.joined(&[
                &[method, path, stamp],
                &[stamp, method, path],
                &[path, stamp],
                &[stamp, path],
                &[method, path, stamp, body],
                &[stamp, method, path, body],
            ])
        };
        with(("path", without_query)).or_else(|| {
            (target != without_query).then(|| with(("path and query", target))).flatten()
        })
    }

    /// Institution or client beside the timestamp.
    fn with_name(&self, client_id: &str, fiids: &[String]) -> Option<String> {
        let stamp = ("timestamp", self.timestamp.as_bytes());
        let client = ("client id", client_id.as_bytes());
        let with = |fiid: &str| {
            let fiid = ("FIID", fiid.as_bytes());
            self.joined(&[
                &[fiid, stamp],
                &[stamp, fiid],
                &[client, fiid, stamp],
                &[fiid, client, stamp],
            ])
        };
        let sent = self.scene.header("x-fiid").map(str::trim);
        self.joined(&[&[client, stamp], &[stamp, client]])
            .or_else(|| sent.and_then(with))
            .or_else(|| fiids.iter().take(FIIDS).find_map(|fiid| with(fiid)))
    }

    /// Which of these texts was signed, and with what between its parts.
    fn joined(&self, texts: &[&[Part<'_>]]) -> Option<String> {
        texts.iter().find_map(|parts| {
            let bytes: Vec<&[u8]> = parts.iter().map(|(_, bytes)| *bytes).collect();
            let is = |between: &&(&str, &str)| {
                self.is_hmac(self.secret, &bytes.join(between.0.as_bytes()))
            };
            let (_, between) = SEPARATORS.iter().find(is)?;
            let names: Vec<&str> = parts.iter().map(|(name, _)| *name).collect();
            let names = names.join(", ");
            Some(format!("it is the HMAC of {names} in this order, with {between} between them"))
        })
    }

    /// The right text under another key.
    fn with_other_key(&self, client_id: &str, search: &mut Search) {
        let stamp = self.timestamp.as_bytes();
        search.candidate(&TOKEN_AS_KEY, || {
            let token = bearer(self.scene.header("authorization")?.as_bytes())?;
            self.is_hmac(token, stamp).then(|| "it is the HMAC under the access token".to_owned())
        });
        search.candidate(&CLIENT_ID_AS_KEY, || {
            self.is_hmac(client_id, stamp).then(|| "it is the HMAC under the client id".to_owned())
        });
        search.candidate(&OTHER_CLIENT_S_KEY, || {
            let mut others = self.scene.others.iter().take(OTHER_CLIENTS);
            let other = others.find(|other| self.is_hmac(&other.client_secret, stamp))?;
            Some(format!("it is the HMAC under the secret of client {}", other.client_id))
        });
    }

    /// A signature of the same second in milliseconds, or of a second nearby.
    fn at_another_instant(&self, search: &mut Search) {
        let Ok(second) = self.timestamp.parse::<i64>() else {
            return;
        };
        let signs = |text: &str| self.is_hmac(self.secret, text.as_bytes());
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
}

/// A part of a signed text: what it is, and its bytes.
type Part<'p> = (&'static str, &'p [u8]);

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| {
            let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
            u8::from_str_radix(pair, 16).ok()
        })
        .collect()
}
