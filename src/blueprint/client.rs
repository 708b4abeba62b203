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
}

/// A request that is wrong in one way only.
#[derive(Clone, Debug)]
pub struct Tampering {
    /// The check that must fail.
    pub check: &'static str,
    /// What is wrong, in a few words.
    pub what: &'static str,
    /// The request.
    pub request: ClientRequest,
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
