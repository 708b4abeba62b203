//! The accept loop and the life of a connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::tee::Tee;
use crate::blueprint::{Connection, Reception, Scheme};
use crate::{limits, stopwatch};

/// First byte of a TLS record that opens a handshake (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// Whose port it is.
#[derive(Clone, Debug)]
pub(crate) enum Door {
    /// One provider's own port, plain or TLS.
    Provider(&'static str),
    /// All providers by their real host names, TLS only.
    Front(Vec<(&'static str, &'static str)>),
}

/// A bound socket that is not listened to yet.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    local: SocketAddr,
    door: Door,
}

/// Why a connection found no TLS.
enum Handshake {
    Failed(String),
    Silent,
}

impl Listener {
    /// Binds a port.
    pub(crate) async fn bind(address: SocketAddr, door: Door) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let local = socket.local_addr()?;
        Ok(Self {
            socket,
            local,
            door,
        })
    }

    /// The address that was bound.
    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Accepts connections until `stop`, then waits a little for the open ones.
    pub(crate) async fn run(
        self,
        tls: Arc<ServerConfig>,
        reception: Arc<dyn Reception>,
        places: Arc<Semaphore>,
        stop: CancellationToken,
    ) {
        let connections = TaskTracker::new();
        loop {
            let place = tokio::select! {
                () = stop.cancelled() => break,
                place = Arc::clone(&places).acquire_owned() => place,
            };
            let (stream, peer) = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.socket.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // Out of file descriptors, or a client gone already: the next may work.
                        tracing::warn!(%error, "a connection could not be accepted");
                        stopwatch::pause(Duration::from_millis(20)).await;
                        continue;
                    }
                },
            };
            let visitor = Visitor {
                door: self.door.clone(),
                peer,
                local: self.local,
                tls: Arc::clone(&tls),
                reception: Arc::clone(&reception),
                stop: stop.clone(),
            };
            connections.spawn(async move {
                let _place = place;
                visitor.welcome(stream).await;
            });
        }
        drop(self.socket);
        connections.close();
        let _ = timeout(limits::DRAIN, connections.wait()).await;
    }
}

/// One connection and all that it needs.
struct Visitor {
    door: Door,
    peer: SocketAddr,
    local: SocketAddr,
    tls: Arc<ServerConfig>,
    reception: Arc<dyn Reception>,
    stop: CancellationToken,
}

impl Visitor {
    async fn welcome(self, stream: TcpStream) {
        // Answers are written whole, so there is nothing for Nagle's algorithm to gather.
        let _ = stream.set_nodelay(true);
        let first = tokio::select! {
            () = self.stop.cancelled() => return,
            first = timeout(limits::REQUEST_HEAD, first_byte(&stream)) => first,
        };
        match first {
            Ok(Ok(Some(TLS_HANDSHAKE))) => self.welcome_tls(stream).await,
            Ok(Ok(Some(_))) => match &self.door {
                Door::Provider(provider) => {
                    let connection = self.connection(provider, Scheme::Http, None);
                    self.talk(stream, connection).await;
                }
                Door::Front(_) => {
                    let connection = self.connection("", Scheme::Http, None);
                    let reason =
                        "plain bytes on the front door, which speaks TLS only; use https, \
                                  or the provider's own port"
                            .to_owned();
                    Arc::clone(&self.reception).unreadable(connection, Vec::new(), reason).await;
                }
            },
            // Nobody said anything, as port scanners and health checks do.
            Ok(Ok(None) | Err(_)) | Err(_) => {}
        }
    }

    async fn welcome_tls(self, stream: TcpStream) {
        let handshake = timeout(limits::HANDSHAKE, self.handshake(stream)).await;
        match handshake {
            Ok(Ok((stream, connection))) => self.talk(stream, connection).await,
            Ok(Err((connection, Handshake::Failed(reason)))) => {
                Arc::clone(&self.reception).handshake_failed(connection, reason).await;
            }
            Ok(Err((_, Handshake::Silent))) => {}
            Err(_elapsed) => {
                let connection = self.connection(self.own_provider(), Scheme::Https, None);
                let reason = format!(
                    "the TLS handshake was not complete after {} s",
                    limits::HANDSHAKE.as_secs()
                );
                Arc::clone(&self.reception).handshake_failed(connection, reason).await;
            }
        }
    }

    async fn handshake(
        &self,
        stream: TcpStream,
    ) -> Result<(tokio_rustls::server::TlsStream<TcpStream>, Connection), (Connection, Handshake)>
    {
        let unknown = || self.connection(self.own_provider(), Scheme::Https, None);
        let hello = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream)
            .await
            .map_err(|error| (unknown(), failure(&error)))?;
        let host = hello.client_hello().server_name().map(str::to_ascii_lowercase);
        let connection = match &self.door {
            Door::Provider(provider) => self.connection(provider, Scheme::Https, None),
            Door::Front(hosts) => {
                let known = hosts.iter().find(|(name, _)| Some(*name) == host.as_deref());
                match known {
                    Some((name, provider)) => {
                        self.connection(provider, Scheme::Https, Some((*name).into()))
                    }
                    None => {
                        let asked = host.as_deref().unwrap_or("no name at all");
                        let names: Vec<&str> = hosts.iter().map(|(name, _)| *name).collect();
                        let reason = format!(
                            "the client asked the front door for {asked}; it answers for {}; send one of these as \
                             the server name (curl --connect-to, or an entry in the hosts file)",
                            names.join(", ")
                        );
                        return Err((unknown(), Handshake::Failed(reason)));
                    }
                }
            }
        };
        match hello.into_stream(Arc::clone(&self.tls)).await {
            Ok(stream) => Ok((stream, connection)),
            Err(error) => Err((connection, failure(&error))),
        }
    }

    /// Speaks HTTP/1.1 until the connection ends.
    async fn talk<S>(self, stream: S, connection: Connection)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let (tee, prefix) = Tee::new(stream);
        let reception = Arc::clone(&self.reception);
        let answered = prefix.clone();
        let served = connection.clone();
        let service = service_fn(move |request| {
            let serving = Arc::clone(&reception).serve(served.clone(), request);
            let answered = answered.clone();
            answered.request_begins();
            async move {
                let answer = serving.await;
                answered.request_ends();
                answer.ok_or(ClosedOnPurpose)
            }
        });
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(limits::REQUEST_HEAD)
            .max_buf_size(limits::REQUEST_HEAD_BYTES)
            .max_headers(limits::REQUEST_HEADERS)
            .half_close(true)
            .auto_date_header(true);
        let talking = http.serve_connection(TokioIo::new(tee), service);
        tokio::pin!(talking);
        let result = tokio::select! {
            result = talking.as_mut() => result,
            () = self.stop.cancelled() => {
                talking.as_mut().graceful_shutdown();
                talking.await
            }
        };
        if let Err(error) = result
            && let Some(reason) = unreadable(&error)
        {
            // A request that has begun is an exchange of its own, with its own reason; and a
            // connection that ends between requests is no mistake.
            let (bytes, under_way) = prefix.take();
            if !under_way && (!bytes.is_empty() || error.is_parse()) {
                self.reception.unreadable(connection, bytes, reason).await;
            }
        }
    }

    fn own_provider(&self) -> &'static str {
        match &self.door {
            Door::Provider(provider) => provider,
            Door::Front(_) => "",
        }
    }

    fn connection(
        &self,
        provider: &'static str,
        scheme: Scheme,
        host: Option<Arc<str>>,
    ) -> Connection {
        Connection {
            provider,
            peer: self.peer,
            local: self.local,
            scheme,
            front_door_host: host,
        }
    }
}

/// The service was told to close the connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed by a scenario")]
struct ClosedOnPurpose;

async fn first_byte(stream: &TcpStream) -> io::Result<Option<u8>> {
    let mut byte = [0];
    let read = stream.peek(&mut byte).await?;
    Ok((read > 0).then_some(byte[0]))
}

fn failure(error: &io::Error) -> Handshake {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(error @ rustls::Error::AlertReceived(_)) => Handshake::Failed(format!(
            "the client broke the TLS handshake off: {error}; let it trust the sandbox CA (GET \
             /ca.pem on the admin port), and name the server as its certificate does"
        )),
        Some(error) => Handshake::Failed(format!("the TLS handshake failed: {error}")),
        None if error.kind() == io::ErrorKind::UnexpectedEof => Handshake::Failed(
            "the client closed the connection inside the TLS handshake; it may not trust the \
             sandbox CA (GET /ca.pem on the admin port)"
                .to_owned(),
        ),
        None if error.kind() == io::ErrorKind::ConnectionReset => Handshake::Failed(
            "the client reset the connection inside the TLS handshake; it may not trust the \
             sandbox CA (GET /ca.pem on the admin port)"
                .to_owned(),
        ),
        None => {
            tracing::debug!(%error, "a TLS connection ended early");
            Handshake::Silent
        }
    }
}

/// Why hyper gave a connection up, if the client's bytes were to blame.
fn unreadable(error: &hyper::Error) -> Option<String> {
    if error.is_parse_too_large() {
        return Some(format!(
            "the request head is longer than {} bytes or has more than {} lines",
            limits::REQUEST_HEAD_BYTES,
            limits::REQUEST_HEADERS
        ));
    }
    if error.is_parse() || error.is_parse_status() {
        return Some(format!("the bytes are not an HTTP/1.1 request: {error}"));
    }
    if error.is_incomplete_message() {
        return Some("the connection ended inside a request".to_owned());
    }
    if error.is_timeout() {
        return Some(format!(
            "the request head was not complete after {} s",
            limits::REQUEST_HEAD.as_secs()
        ));
    }
    None
}
