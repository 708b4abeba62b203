//! The only room that makes HTTP requests. For now that is HTTP/1.1 over plain TCP, one connection
//! a request.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::stopwatch::pause;

/// A request to somebody else.
#[derive(Clone, Debug)]
pub struct OutboundRequest {
    /// HTTP method.
    pub method: Method,
    /// An absolute `http://` URL.
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
    let uri = absolute(&request.url)?;
    let at = origin(&uri);
    let limit = request.time_limit;
    tokio::select! {
        answer = exchange(request, uri, &at) => answer,
        () = pause(limit) => Err(OutboundError::TooSlow {
            at,
            seconds: limit.as_secs(),
        }),
    }
}

fn absolute(url: &str) -> Result<Uri, OutboundError> {
    let wrong = |reason: &str| OutboundError::Url {
        url: url.to_owned(),
        reason: reason.to_owned(),
    };
    let uri: Uri = url.parse().map_err(|error| wrong(&format!("{error}")))?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => return Err(wrong("only plain http is spoken here")),
        _ => return Err(wrong("it has no scheme http://")),
    }
    match uri.host() {
        Some(host) if !host.is_empty() => Ok(uri),
        _ => Err(wrong("it names no host")),
    }
}

fn origin(uri: &Uri) -> String {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    format!("http://{authority}")
}

async fn exchange(
    request: OutboundRequest,
    uri: Uri,
    at: &str,
) -> Result<OutboundAnswer, OutboundError> {
    // An IPv6 address stands in brackets in a URL and without them everywhere else.
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let stream =
        TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await.map_err(|error| {
            OutboundError::NothingThere {
                at: at.to_owned(),
                reason: in_few_words(&error),
            }
        })?;
    // Small requests on a fresh connection gain nothing from waiting for more bytes.
    let _ = stream.set_nodelay(true);
    let no_answer = |reason: String| OutboundError::NoAnswer {
        at: at.to_owned(),
        reason,
    };
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| no_answer(error.to_string()))?;
    let head = head(&request, &uri).map_err(|error| no_answer(error.to_string()))?;
    let call = async {
        let response = sender.send_request(head).await.map_err(|error| error.to_string())?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, request.most_bytes)
            .collect()
            .await
            .map_err(|error| error.to_string())?;
        Ok(OutboundAnswer {
            status: parts.status,
            headers: parts.headers,
            body: body.to_bytes(),
        })
    };
    tokio::pin!(call);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        answer = &mut call => answer.map_err(no_answer),
        // The connection's end may come first, with the answer already read.
        ended = &mut connection => match (call.await, ended) {
            (Ok(answer), _) => Ok(answer),
            (Err(_), Err(error)) => Err(no_answer(error.to_string())),
            (Err(reason), Ok(())) => Err(no_answer(reason)),
        },
    }
}

fn head(request: &OutboundRequest, uri: &Uri) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let mut head = Request::builder()
        .method(request.method.clone())
        .uri(target)
        .header(header::HOST, authority)
        .header(header::CONNECTION, "close");
    for (name, value) in &request.headers {
        head = head.header(*name, value);
    }
    head.body(Full::new(request.body.clone()))
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
        ] {
            let error = send(get(url, Duration::from_millis(200))).await.expect_err(said);
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}
