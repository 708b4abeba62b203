//! Access tokens: JWTs signed with HS256 under a key of the client, which carry all that is needed
//! to judge them, so that no row is kept of any.

use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{DecodeError, Engine as _};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::constants::TOKEN_ISSUER;
use super::merchant::PaynetMerchant;
use crate::crypto::hashes::{hmac_sha256, hmac_sha256_matches};
use crate::json;

/// A token as it is read, trusted or not.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub header: Map<String, Value>,
    pub claims: Map<String, Value>,
    signed: String,
    signature: Vec<u8>,
}

/// What a token says of itself. Its signature is not needed for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claims {
    pub id: String,
    pub issued: i64,
    pub expiry: i64,
}

/// What a token is issued with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validity {
    pub from: Timestamp,
    pub seconds: i64,
}

/// Makes a token.
pub(super) fn issue(merchant: &PaynetMerchant, id: &str, validity: Validity, key: &[u8]) -> String {
    let issued = validity.from.as_second();
    let claims = json!({
        "iss": TOKEN_ISSUER,
        "client_id": merchant.client_id,
        "jti": id,
        "iat": issued,
        "exp": issued + validity.seconds,
    });
    let signed = format!("{}.{}", header_text(), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = signature_text(key, &signed);
    format!("{signed}.{signature}")
}

/// The first part of every token.
pub(super) fn header_text() -> String {
    URL_SAFE_NO_PAD.encode(json!({"alg": "HS256", "typ": "JWT"}).to_string())
}

/// The last part of a token that begins with this text.
pub(super) fn signature_text(key: &[u8], signed: &str) -> String {
    URL_SAFE_NO_PAD.encode(hmac_sha256(key, signed.as_bytes()))
}

/// The word for nothing that stands where a token belongs, as several languages write it.
pub(super) fn nothing(text: &str) -> Option<&'static str> {
    const WORDS: [&str; 6] = ["null", "undefined", "None", "nil", "NaN", "[object Object]"];
    let bare = text.trim_matches(['"', '\'']);
    WORDS.into_iter().find(|word| word.eq_ignore_ascii_case(bare))
}

/// A token but for its signature: what of it may be kept, because nobody can use it.
pub(super) fn unsigned(token: &str) -> Option<&str> {
    const MOST: usize = 1024;
    let (signed, _) = token.rsplit_once('.')?;
    let is_text = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (signed.len() <= MOST && signed.bytes().all(is_text)).then_some(signed)
}

/// What can be read of a text that was to be a token, however much of it is missing or changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Remains {
    /// The client, where its name is whole.
    pub client: Option<String>,
    /// The token's id, or how that begins.
    pub id: Option<String>,
}

impl Remains {
    /// Reads as far as it goes. Names are found as [`issue`] writes them.
    pub(super) fn of(text: &str) -> Self {
        let payload = readable(text.split('.').nth(1).unwrap_or_default());
        let value = |name: &str| {
            let (_, rest) = payload.split_once(&format!("\"{name}\":\""))?;
            Some(rest.split_once('"').map_or((rest, false), |(value, _)| (value, true)))
        };
        Self {
            client: value("client_id").filter(|(_, is_whole)| *is_whole).map(|it| it.0.to_owned()),
            id: value("jti").map(|(id, _)| id.to_owned()),
        }
    }
}

/// A part of a token as text, up to where it breaks off.
fn readable(part: &str) -> String {
    String::from_utf8_lossy(&readable_bytes(part)).into_owned()
}

/// The same as bytes: a changed letter leaves some that are no text.
pub(super) fn readable_bytes(part: &str) -> Vec<u8> {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    let letters = part.bytes().take_while(is_letter).count();
    // A letter alone holds no byte.
    let whole = letters - usize::from(letters % 4 == 1);
    BROKEN.decode(&part[..whole]).unwrap_or_default()
}

/// Base64url that may end in the middle of a byte.
const BROKEN: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

impl Claims {
    /// The claims of a token, trusted or not.
    pub(super) fn of(token: &str) -> Option<Self> {
        let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
        let claims = json::parse_object(&payload).ok()?;
        let second = |name: &str| claims.get(name)?.as_i64();
        Some(Self {
            id: claims.get("jti")?.as_str()?.to_owned(),
            issued: second("iat")?,
            expiry: second("exp")?,
        })
    }
}

/// What is wrong with a part, in words that do not come from a library.
fn base64_fault(fault: &DecodeError) -> String {
    match fault {
        DecodeError::InvalidByte(at, _) => {
            format!("has a letter that base64url has not, at place {}", at + 1)
        }
        DecodeError::InvalidLength(letters) => {
            format!(
                "has {letters} letters, and no bytes make as many: it is cut, or has one too many"
            )
        }
        DecodeError::InvalidLastSymbol(..) => {
            "ends in the middle of a byte: it is cut, or its last letter was changed".to_owned()
        }
        DecodeError::InvalidPadding => "is padded, which base64url in a token is not".to_owned(),
    }
}

impl Token {
    /// Takes a token apart.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('.').collect();
        let [header, claims, signature] = parts[..] else {
            return Err(match (nothing(text), parts.len()) {
                (Some(word), _) => format!("the word {word} where a token belongs"),
                (None, 1) => "a text without a dot; a token has 3 parts between dots".to_owned(),
                (None, parts) => format!("a text of {parts} parts between dots; a token has 3"),
            });
        };
        let decode = |name: &str, part: &str| {
            URL_SAFE_NO_PAD
                .decode(part)
                .map_err(|wrong| format!("a token whose {name} {}", base64_fault(&wrong)))
        };
        // Where in the payload it is broken says nothing to whoever did not write it.
        let object = |name: &str, part: &str| {
            json::parse_object(&decode(name, part)?)
                .map_err(|_| format!("a token whose {name} is no JSON object"))
        };
        Ok(Self {
            header: object("header", header)?,
            claims: object("payload", claims)?,
            signature: decode("signature", signature)?,
            signed: text[..header.len() + 1 + claims.len()].to_owned(),
        })
    }

    /// The client to which it was issued, as it says itself.
    pub(super) fn client(&self) -> Option<&str> {
        self.claims.get("client_id").and_then(Value::as_str)
    }

    /// When it ends, as it says itself.
    pub(super) fn expiry(&self) -> Option<i64> {
        self.claims.get("exp").and_then(Value::as_i64)
    }

    /// Whether it was signed with this key, by the one algorithm that is used here.
    pub(super) fn is_signed_with(&self, key: &[u8]) -> bool {
        self.header.get("alg").and_then(Value::as_str) == Some("HS256")
            && hmac_sha256_matches(key, self.signed.as_bytes(), &self.signature)
    }
}
