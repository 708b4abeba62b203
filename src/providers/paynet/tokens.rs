//! Access tokens: JWTs signed with HS256 under a key of the client, which carry all that is needed
//! to judge them, so that no row is kept of any.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
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
    let header = json!({"alg": "HS256", "typ": "JWT"});
    let issued = validity.from.as_second();
    let claims = json!({
        "iss": TOKEN_ISSUER,
        "client_id": merchant.client_id,
        "jti": id,
        "iat": issued,
        "exp": issued + validity.seconds,
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let signature = hmac_sha256(key, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A token but for its signature: what of it may be kept, because nobody can use it.
pub(super) fn unsigned(token: &str) -> Option<&str> {
    const MOST: usize = 1024;
    let (signed, _) = token.rsplit_once('.')?;
    let is_text = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (signed.len() <= MOST && signed.bytes().all(is_text)).then_some(signed)
}

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

impl Token {
    /// Takes a token apart.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('.').collect();
        let [header, claims, signature] = parts[..] else {
            return Err(format!("a text of {} parts between dots; a token has 3", parts.len()));
        };
        let decode = |name: &str, part: &str| {
            URL_SAFE_NO_PAD
                .decode(part)
                .map_err(|error| format!("a token whose {name} is no base64url ({error})"))
        };
        let object = |name: &str, part: &str| {
            json::parse_object(&decode(name, part)?)
                .map_err(|fault| format!("a token whose {name} is no JSON object ({fault})"))
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
