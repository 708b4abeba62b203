//! A correct caller of a provider, and for each check a caller that is wrong in only that way.

use hyper::http::Method;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{CallError, CallWish, Endpoint, Merchant};

/// How an endpoint is reached.
#[derive(Clone, Debug)]
pub struct Route {
    /// The endpoint's name.
    pub endpoint: &'static str,
    /// HTTP method.
    pub method: Method,
    /// Its path, with words in braces where it varies.
    pub path: &'static str,
}

/// How the endpoints of a provider are reached, for its caller.
#[derive(Clone, Debug)]
pub struct Routes(Vec<Route>);

impl Routes {
    /// Those of a table.
    #[must_use]
    pub fn of(endpoints: &[Endpoint]) -> Self {
        let route = |endpoint: &Endpoint| Route {
            endpoint: endpoint.name,
            method: endpoint.method.clone(),
            path: endpoint.path,
        };
        Self(endpoints.iter().map(route).collect())
    }

    /// The route of an endpoint.
    ///
    /// # Panics
    /// If the table has none of that name, which is a fault of whoever asks.
    #[must_use]
    pub fn to(&self, endpoint: &str) -> &Route {
        let found = self.0.iter().find(|route| route.endpoint == endpoint);
        found.expect("a caller is asked for endpoints of the table")
    }
}

/// A request ready to be sent.
#[derive(Clone, Debug)]
pub struct ClientRequest {
    /// The endpoint's name.
    pub endpoint: &'static str,
    /// HTTP method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// Header lines.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// What it says under its seals.
    pub opened: Value,
    /// What it is about, in the words of the journal.
    pub subject: Option<String>,
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
    /// What is to be filled in and is not in the last answer.
    #[must_use]
    pub fn lacks(&self, answer: &Value) -> Option<&'static str> {
        let is_there = |pointer: &str| answer.pointer(pointer).is_some_and(Value::is_string);
        self.filled.iter().map(|(_, pointer)| *pointer).find(|pointer| !is_there(pointer))
    }

    /// The request with its words filled in from the last answer.
    #[must_use]
    pub fn filled_from(mut self, answer: &Value) -> Self {
        for (word, pointer) in self.filled {
            let value = answer.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            self.target = self.target.replace(word, value);
            let body = String::from_utf8_lossy(&self.body).replace(word, value);
            self.body = body.into_bytes();
        }
        // An answer names whole URLs; a request to the same listener needs what follows its origin.
        if let Some((_, rest)) = self.target.split_once("://") {
            let path = rest.find('/').map_or("/", |at| &rest[at..]);
            self.target = path.to_owned();
        }
        self
    }
}

/// An answer as it came.
#[derive(Clone, Copy, Debug)]
pub struct ClientAnswer<'a> {
    /// HTTP status.
    pub status: u16,
    /// Its media type; empty if it names none.
    pub content_type: &'a str,
    /// Its body.
    pub body: &'a [u8],
}

/// What a careful client makes of an answer.
#[derive(Clone, Debug)]
pub struct Reading {
    /// What it says under its seals; null if it cannot be read.
    pub message: Value,
    /// The provider's own code in it.
    pub code: Option<String>,
    /// Why the answer must not be trusted.
    pub objection: Option<String>,
}

/// A merchant's key, as far as others may know of it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct KeyNote {
    /// What it is for.
    pub name: &'static str,
    /// Length of its modulus.
    pub bits: u32,
    /// Whether the private half is here, so that the merchant can be played.
    pub private: bool,
    /// What the provider would object to.
    pub note: Option<&'static str>,
}

/// A correct caller.
pub trait Client: Send + Sync {
    /// A correct request to an endpoint, as it is usually sent. `preparation` requests come first
    /// in what is returned: an order must exist before it can be voided.
    fn correct(&self, endpoint: &str, merchant: &Merchant, now: Timestamp) -> Vec<ClientRequest>;

    /// The same with wishes. What has to come first is left out if the wish names the order.
    ///
    /// # Errors
    /// A wish that cannot be, or a private key that is not here.
    fn request(
        &self,
        endpoint: &str,
        merchant: &Merchant,
        now: Timestamp,
        wish: &CallWish,
    ) -> Result<Vec<ClientRequest>, CallError>;

    /// The transaction that a wish names: its kind and its key.
    fn transaction(&self, wish: &CallWish) -> Option<(&'static str, String)>;

    /// For each declared check of an endpoint, requests that are wrong in only that way.
    fn tampered(&self, endpoint: &str, merchant: &Merchant, now: Timestamp) -> Vec<Tampering>;

    /// Opens an answer as the merchant does: decrypts, verifies, and returns what it says.
    ///
    /// # Errors
    /// What a careful client would object to.
    fn open(&self, merchant: &Merchant, content_type: &str, body: &[u8]) -> Result<Value, String>;

    /// Reads the answer to a request as the most careful merchant does: opened, verified, in time,
    /// and about this request.
    fn read(
        &self,
        merchant: &Merchant,
        now: Timestamp,
        request: &ClientRequest,
        answer: ClientAnswer<'_>,
    ) -> Reading;

    /// The merchant's keys.
    fn keys(&self, merchant: &Merchant) -> Vec<KeyNote>;
}
