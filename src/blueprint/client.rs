//! A correct caller of a provider, and for each check a caller that is wrong in only that way.

use jiff::Timestamp;
use serde_json::Value;

use super::Merchant;

/// A request ready to be sent.
#[derive(Clone, Debug)]
pub struct ClientRequest {
    /// HTTP method.
    pub method: &'static str,
    /// Path and query.
    pub target: String,
    /// Header lines.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// Whether it must go over TLS.
    pub tls: bool,
    /// Settings that the merchant must have for the request to be judged as intended.
    pub settings: Value,
    /// Words in target and body to be replaced by what the last answer says at a JSON pointer: a
    /// browser comes with what its shop was given.
    pub filled: &'static [(&'static str, &'static str)],
}

/// A request that is wrong in one way only.
#[derive(Clone, Debug)]
pub struct Tampering {
    /// The check that must fail.
    pub check: &'static str,
    /// What is wrong, in a few words.
    pub what: &'static str,
    /// What has to come first.
    pub before: Vec<ClientRequest>,
    /// The request.
    pub request: ClientRequest,
}

impl ClientRequest {
    /// The request with its words filled in from the last answer.
    #[must_use]
    pub fn filled_from(mut self, answer: &Value) -> Self {
        for (word, pointer) in self.filled {
            let value = answer.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            self.target = self.target.replace(word, value);
            let body = String::from_utf8_lossy(&self.body).replace(word, value);
            self.body = body.into_bytes();
        }
        self
    }
}

/// A correct caller.
pub trait Client: Send + Sync {
    /// A correct request to an endpoint, as it is usually sent. `preparation` requests come first
    /// in what is returned: an order must exist before it can be voided.
    fn correct(&self, endpoint: &str, merchant: &Merchant, now: Timestamp) -> Vec<ClientRequest>;

    /// For each declared check of an endpoint, requests that are wrong in only that way.
    fn tampered(&self, endpoint: &str, merchant: &Merchant, now: Timestamp) -> Vec<Tampering>;

    /// Opens an answer as the merchant does: decrypts, verifies, and returns what it says.
    ///
    /// # Errors
    /// What a careful client would object to.
    fn open(&self, merchant: &Merchant, content_type: &str, body: &[u8]) -> Result<Value, String>;
}
