//! The only room that makes HTTP requests: HTTP/1.1, one connection a request, no redirects. The
//! command line calls the admin API; a [`Courier`] calls the receivers of notifications, and only
//! those that its [`Destinations`] allow.

mod destinations;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

pub use self::destinations::{Destination, DestinationError, Destinations};
use crate::crypto::tls_client::TlsClient;
use crate::stopwatch::{Stopwatch, pause};

/// A request to somebody else.
#[derive(Clone, Debug)]
pub struct OutboundRequest {
    /// HTTP method.
    pub method: Method,
    /// An absolute URL.
    pub url: String,
    /// Header lines beyond Host and Content-Length.
    pub headers: Vec<(&'static str, String)>,
    /// The body; empty for none.
    pub body: Bytes,
    /// How long the whole of it may take.
    pub time_limit: Duration,
    /// Longest answer that is read.
    pub most_bytes: usize,
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct OutboundAnswer {
    /// HTTP status.
    pub status: StatusCode,
    /// Header lines.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The URL cannot be used.
    #[error("\"{url}\" cannot be called: {reason}; write it as http://127.0.0.1:7400")]
    Url {
        /// The URL.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No connection came about.
    #[error("nothing answers at {at} ({reason})")]
    NothingThere {
        /// Scheme, host and port.
        at: String,
        /// What the system said.
        reason: String,
    },
    /// A connection came about, but no TLS.
    #[error(
        "{at} is not trusted, or speaks no TLS ({reason}); name its certificate or its CA with \
         --notification-ca FILE"
    )]
    Tls {
        /// Scheme, host and port.
        at: String,
        /// What went wrong.
        reason: String,
    },
    /// A connection came about, but no HTTP answer.
    #[error("what listens at {at} does not answer as an HTTP server does ({reason})")]
    NoAnswer {
        /// Scheme, host and port.
        at: String,
        /// What went wrong.
        reason: String,
    },
    /// It took too long.
    #[error("{at} did not answer within {seconds} s")]
    TooSlow {
        /// Scheme, host and port.
        at: String,
        /// How long was waited.
        seconds: u64,
    },
}

/// Makes one request and reads the whole answer.
///
/// # Errors
/// Where it went wrong: the URL, the connection, the answer, or the time limit.
pub async fn send(request: OutboundRequest) -> Result<OutboundAnswer, OutboundError> {
    let uri = absolute(&request.url, "http")?;
    send_to(request, uri, None).await
}

/// The same over TLS, for an `https://` URL.
///
/// # Errors
/// As [`send`], and where no TLS connection came about.
pub async fn send_secured(
    request: OutboundRequest,
    tls: &TlsClient,
) -> Result<OutboundAnswer, OutboundError> {
    let uri = absolute(&request.url, "https")?;
    send_to(request, uri, Some(tls)).await
}

async fn send_to(
    request: OutboundRequest,
    uri: Uri,
    tls: Option<&TlsClient>,
) -> Result<OutboundAnswer, OutboundError> {
    let at = origin(&uri);
    let limit = request.time_limit;
    tokio::select! {
        answer = exchange(request, uri, &at, tls) => answer,
        () = pause(limit) => Err(OutboundError::TooSlow {
            at,
            seconds: limit.as_secs(),
        }),
    }
}

fn absolute(url: &str, scheme: &str) -> Result<Uri, OutboundError> {
    let wrong = |reason: &str| OutboundError::Url {
        url: url.to_owned(),
        reason: reason.to_owned(),
    };
    let uri: Uri = url.parse().map_err(|error| wrong(&format!("{error}")))?;
    match uri.scheme_str() {
        Some(named) if named == scheme => {}
        Some("https") => return Err(wrong("only plain http is spoken here")),
        _ => return Err(wrong(&format!("it has no scheme {scheme}://"))),
    }
    destinations::written_port(&uri).map_err(|reason| wrong(&reason))?;
    match uri.host() {
        Some(host) if !host.is_empty() => Ok(uri),
        _ => Err(wrong("it names no host")),
    }
}

fn origin(uri: &Uri) -> String {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{}://{host}", uri.scheme_str().unwrap_or("http"))
}

async fn exchange(
    request: OutboundRequest,
    uri: Uri,
    at: &str,
    tls: Option<&TlsClient>,
) -> Result<OutboundAnswer, OutboundError> {
    // An IPv6 address stands in brackets in a URL and without them everywhere else.
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let usual = if tls.is_some() { 443 } else { 80 };
    let connected = TcpStream::connect((host, uri.port_u16().unwrap_or(usual))).await;
    let stream = connected.map_err(|error| nothing_there(at, &error))?;
    // Small requests on a fresh connection gain nothing from waiting for more bytes.
    let _ = stream.set_nodelay(true);
    let most = Most::Whole(request.most_bytes);
    let head = head(&request.method, &request.headers, request.body, &uri);
    let answered = match tls {
        None => converse(stream, head, most).await,
        Some(tls) => {
            let secured = tls.connect(host, stream).await;
            let stream = secured.map_err(|reason| OutboundError::Tls {
                at: at.to_owned(),
                reason,
            })?;
            converse(stream, head, most).await
        }
    };
    answered.map_err(|reason| OutboundError::NoAnswer {
        at: at.to_owned(),
        reason,
    })
}

/// How much of an answer is read.
#[derive(Clone, Copy)]
enum Most {
    /// All of it; a longer one is an error.
    Whole(usize),
    /// Its beginning.
    Beginning(usize),
}

/// Sends a request on an open connection and reads the answer.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    head: Result<Request<Full<Bytes>>, hyper::http::Error>,
    most: Most,
) -> Result<OutboundAnswer, String> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    let head = head.map_err(|error| error.to_string())?;
    let call = async {
        let response = sender.send_request(head).await.map_err(|error| error.to_string())?;
        let (parts, body) = response.into_parts();
        let body = match most {
            Most::Whole(most) => {
                let whole = Limited::new(body, most).collect().await;
                whole.map_err(|error| error.to_string())?.to_bytes()
            }
            Most::Beginning(most) => beginning(body, most).await?,
        };
        Ok(OutboundAnswer {
            status: parts.status,
            headers: parts.headers,
            body,
        })
    };
    tokio::pin!(call);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        answer = &mut call => answer,
        // The connection's end may come first, with the answer already read.
        ended = &mut connection => match (call.await, ended) {
            (Ok(answer), _) => Ok(answer),
            (Err(_), Err(error)) => Err(error.to_string()),
            (Err(reason), Ok(())) => Err(reason),
        },
    }
}

async fn beginning(mut body: Incoming, most: usize) -> Result<Bytes, String> {
    let mut read = BytesMut::new();
    while read.len() < most {
        let Some(frame) = body.frame().await else {
            break;
        };
        if let Ok(data) = frame.map_err(|error| error.to_string())?.into_data() {
            read.extend_from_slice(&data);
        }
    }
    read.truncate(most);
    Ok(read.freeze())
}

fn nothing_there(at: &str, error: &std::io::Error) -> OutboundError {
    OutboundError::NothingThere {
        at: at.to_owned(),
        reason: in_few_words(error),
    }
}

fn head(
    method: &Method,
    headers: &[(&'static str, String)],
    body: Bytes,
    uri: &Uri,
) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    // What a URL says about a user is not for the host.
    let host = authority.rsplit('@').next().unwrap_or_default();
    let mut head = Request::builder()
        .method(method.clone())
        .uri(target)
        .header(header::HOST, host)
        .header(header::CONNECTION, "close");
    for (name, value) in headers {
        head = head.header(*name, value);
    }
    head.body(Full::new(body))
}

/// Posts to the receivers of notifications.
#[derive(Clone, Debug)]
pub struct Courier {
    destinations: Destinations,
    tls: TlsClient,
    time_limit: Duration,
}

/// A destination with the addresses to which a connection may be made.
#[derive(Clone, Debug)]
pub struct Route {
    destination: Destination,
    addresses: Vec<SocketAddr>,
}

/// An open connection to a receiver.
pub struct Connection {
    uri: Uri,
    at: String,
    stream: Box<dyn Socket>,
    took: Duration,
}

/// What a connection is made of, with or without TLS.
trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

impl Courier {
    /// A courier with its rules, whom it trusts, and how long a request may take.
    #[must_use]
    pub fn new(destinations: Destinations, tls: TlsClient, time_limit: Duration) -> Self {
        Self {
            destinations,
            tls,
            time_limit,
        }
    }

    /// The rules.
    #[must_use]
    pub fn destinations(&self) -> &Destinations {
        &self.destinations
    }

    /// How it speaks TLS.
    #[must_use]
    pub fn tls(&self) -> &TlsClient {
        &self.tls
    }

    /// Judges a URL and resolves its name.
    ///
    /// # Errors
    /// What is wrong with it, which rule forbids it, or that its name has no address.
    pub async fn route(&self, url: &str) -> Result<Route, DestinationError> {
        let destination = self.destinations.judge(url)?;
        let resolved = tokio::select! {
            resolved = self.destinations.resolve(&destination) => resolved?,
            () = pause(self.time_limit) => return Err(DestinationError::NoAddress {
                url: url.to_owned(),
                host: destination.host,
                reason: format!("no answer within {:?}", self.time_limit),
            }),
        };
        Ok(Route {
            destination,
            addresses: resolved,
        })
    }

    /// Opens a connection, so that nothing is sealed for a receiver which is not there.
    ///
    /// # Errors
    /// Where it went wrong: the connection, TLS, or the time limit.
    pub async fn connect(&self, route: &Route) -> Result<Connection, OutboundError> {
        let destination = &route.destination;
        let at = origin(&destination.uri);
        let stopwatch = Stopwatch::start();
        let connecting = async {
            let connected = TcpStream::connect(&route.addresses[..]).await;
            let stream = connected.map_err(|error| nothing_there(&at, &error))?;
            let _ = stream.set_nodelay(true);
            if !destination.secure {
                return Ok(Box::new(stream) as Box<dyn Socket>);
            }
            match self.tls.connect(&destination.host, stream).await {
                Ok(stream) => Ok(Box::new(stream) as Box<dyn Socket>),
                Err(reason) => Err(OutboundError::Tls {
                    at: at.clone(),
                    reason,
                }),
            }
        };
        let stream = tokio::select! {
            stream = connecting => stream?,
            () = pause(self.time_limit) => return Err(self.too_slow(at)),
        };
        Ok(Connection {
            uri: destination.uri.clone(),
            at,
            stream,
            took: stopwatch.elapsed(),
        })
    }

    /// Posts a body and reads the beginning of the answer. A redirect is an answer like any other.
    ///
    /// # Errors
    /// Where it went wrong: the answer, or the time limit, of which connecting took its part.
    pub async fn post(
        &self,
        connection: Connection,
        headers: &[(&'static str, String)],
        body: Bytes,
        most_bytes: usize,
    ) -> Result<OutboundAnswer, OutboundError> {
        let Connection {
            uri,
            at,
            stream,
            took,
        } = connection;
        let head = head(&Method::POST, headers, body, &uri);
        let most = Most::Beginning(most_bytes);
        tokio::select! {
            answered = converse(stream, head, most) => answered.map_err(|reason| OutboundError::NoAnswer {
                at,
                reason,
            }),
            () = pause(self.time_limit.saturating_sub(took)) => Err(self.too_slow(at)),
        }
    }

    fn too_slow(&self, at: String) -> OutboundError {
        OutboundError::TooSlow {
            at,
            seconds: self.time_limit.as_secs(),
        }
    }
}

fn in_few_words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    fn get(url: &str, time_limit: Duration) -> OutboundRequest {
        OutboundRequest {
            method: Method::GET,
            url: url.to_owned(),
            headers: vec![("x-test", "1".to_owned())],
            body: Bytes::new(),
            time_limit,
            most_bytes: 1000,
        }
    }

    /// Answers one connection with `answer`, or with silence, and returns what it was asked.
    async fn once(answer: Option<&'static str>) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/path?q=1", listener.local_addr().expect("bound"));
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut asked = vec![0; 4096];
            let read = stream.read(&mut asked).await.expect("a request");
            asked.truncate(read);
            match answer {
                Some(answer) => stream.write_all(answer.as_bytes()).await.expect("sent"),
                None => std::future::pending().await,
            }
            String::from_utf8(asked).expect("text")
        });
        (url, asked)
    }

    #[tokio::test]
    async fn an_answer_is_read_whole() {
        let (url, asked) = once(Some("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nhi")).await;

        let answer = send(get(&url, Duration::from_secs(5))).await.expect("answered");

        assert_eq!((answer.status.as_u16(), &answer.body[..]), (201, &b"hi"[..]));
        let asked = asked.await.expect("finished");
        assert!(asked.starts_with("GET /path?q=1 HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("x-test: 1\r\n"), "{asked}");
    }

    #[tokio::test]
    async fn what_went_wrong_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let free = format!("http://{}", listener.local_addr().expect("bound"));
        drop(listener);
        let (babble, _asked) = once(Some("220 mail ready\r\n")).await;
        let (silent, _asked) = once(None).await;

        for (url, said) in [
            (free.as_str(), "connection refused"),
            (babble.as_str(), "does not answer as an HTTP server"),
            (silent.as_str(), "did not answer within 0 s"),
            ("https://127.0.0.1:1/", "only plain http"),
            ("127.0.0.1:7400", "cannot be called"),
            ("http://127.0.0.1:74000", "\"74000\" is no port"),
        ] {
            let error = send(get(url, Duration::from_millis(200))).await.expect_err(said);
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}
