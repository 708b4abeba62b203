//! What arrived: the connection, the head and the body once, as raw bytes.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::http::{HeaderMap, Method, Uri};
use jiff::Timestamp;

use super::BoxFuture;

/// Plain or TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// As it stands in a URL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// A connection to a provider's listener.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Id of the provider; empty where the front door could not tell.
    pub provider: &'static str,
    /// The client's address.
    pub peer: SocketAddr,
    /// The listener's own address.
    pub local: SocketAddr,
    /// Plain or TLS.
    pub scheme: Scheme,
    /// The provider's real host name, on the front door.
    pub front_door_host: Option<Arc<str>>,
}

/// A request as it was received.
#[derive(Debug)]
pub struct Received {
    /// Its number in the journal.
    pub seq: i64,
    /// The connection on which it came.
    pub connection: Connection,
    /// HTTP method.
    pub method: Method,
    /// Path and query as they came.
    pub uri: Uri,
    /// Header lines.
    pub headers: HeaderMap,
    /// The body, or as much of it as came.
    pub body: Bytes,
    /// Why the body is not whole.
    pub body_fault: Option<BodyFault>,
    /// The server's instant at which it was received.
    pub at: Timestamp,
    /// Since when it is worked on.
    pub(crate) stopwatch: crate::stopwatch::Stopwatch,
}

/// Why a body is not whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// Larger than is read.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The most that is read.
        limit: usize,
    },
    /// The client took too long.
    #[error("the body was not complete after {seconds} s; {read} bytes had come")]
    TooSlow {
        /// How long was waited.
        seconds: u64,
        /// What had come.
        read: usize,
    },
    /// The connection ended inside the body, or its framing was wrong.
    #[error("the body broke off after {read} bytes: {reason}")]
    BrokenOff {
        /// What had come.
        read: usize,
        /// What the connection said.
        reason: String,
    },
}

/// Who answers a connection, and hears of those that never became a request.
pub trait Reception: Send + Sync + 'static {
    /// Answers one request. `None` closes the connection without an answer.
    fn serve(
        self: Arc<Self>,
        connection: Connection,
        request: hyper::Request<Incoming>,
    ) -> BoxFuture<Option<hyper::Response<super::reply::AnswerBody>>>;

    /// A TLS handshake failed.
    fn handshake_failed(self: Arc<Self>, connection: Connection, reason: String) -> BoxFuture<()>;

    /// Bytes came that are not HTTP.
    fn unreadable(
        self: Arc<Self>,
        connection: Connection,
        prefix: Vec<u8>,
        reason: String,
    ) -> BoxFuture<()>;
}

impl Received {
    /// The first value of a header, as bytes.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.get(name).map(hyper::http::HeaderValue::as_bytes)
    }

    /// The first value of a header, where it is text.
    #[must_use]
    pub fn header_text(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Whether a header is there more than once.
    #[must_use]
    pub fn has_several(&self, name: &str) -> bool {
        self.headers.get_all(name).iter().nth(1).is_some()
    }

    /// Header lines in their order, each as text.
    #[must_use]
    pub fn header_lines(&self) -> Vec<(String, String)> {
        self.headers
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect()
    }

    /// How long it has been worked on, in milliseconds of machine time.
    #[must_use]
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.stopwatch.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Path and query as they came.
    #[must_use]
    pub fn target(&self) -> &str {
        self.uri.path_and_query().map_or("/", |target| target.as_str())
    }

    /// Scheme and host by which the client reached the provider.
    #[must_use]
    pub fn origin(&self) -> String {
        if let Some(host) = &self.connection.front_door_host {
            return format!("https://{host}");
        }
        let host = self
            .header_text("host")
            .filter(|host| is_host(host))
            .map_or_else(|| self.connection.local.to_string(), ToOwned::to_owned);
        format!("{}://{host}", self.connection.scheme.name())
    }
}

/// Whether a Host header can stand in a URL that we hand out.
fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 255
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte))
}
