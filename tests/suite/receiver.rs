//! A merchant's backend as a test plays it: a real socket that answers what it is told to, and keeps
//! what came.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How long a receiver that never answers keeps its connection.
const SILENCE: Duration = Duration::from_secs(120);

/// Answers that need no more than their status line.
pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";
pub(crate) const BROKEN: &str =
    "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\n\r\noops!";
/// It reads, and says nothing.
pub(crate) const SILENT: &str = "";

/// A receiver on a port of its own.
pub(crate) struct Receiver {
    address: std::net::SocketAddr,
    secure: bool,
    came: Arc<Mutex<Vec<Came>>>,
    stopped: Arc<AtomicBool>,
}

/// One request that came.
#[derive(Clone, Debug)]
pub(crate) struct Came {
    /// Request line and header lines, in lower case.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Receiver {
    /// Answers the first request with the first answer, and so on; the last one stays.
    pub(crate) fn answering(answers: &[&str]) -> Self {
        Self::start(answers, None)
    }

    /// The same over TLS.
    pub(crate) fn secure(answers: &[&str], config: ServerConfig) -> Self {
        Self::start(answers, Some(Arc::new(config)))
    }

    fn start(answers: &[&str], tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let receiver = Self {
            address: listener.local_addr().expect("bound"),
            secure: tls.is_some(),
            came: Arc::default(),
            stopped: Arc::default(),
        };
        let answers: Vec<String> = answers.iter().map(|answer| (*answer).to_owned()).collect();
        let (came, stopped) = (Arc::clone(&receiver.came), Arc::clone(&receiver.stopped));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (came, answers, tls) = (Arc::clone(&came), answers.clone(), tls.clone());
                thread::spawn(move || match tls {
                    None => serve(stream, &came, &answers),
                    Some(config) => {
                        let connection = ServerConnection::new(config).expect("a sound config");
                        serve(StreamOwned::new(connection, stream), &came, &answers);
                    }
                });
            }
        });
        receiver
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}/notify", self.address)
    }

    /// What has come so far.
    pub(crate) fn came(&self) -> Vec<Came> {
        self.came.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut stream: impl Read + Write, came: &Mutex<Vec<Came>>, answers: &[String]) {
    let Some(request) = request(&mut stream) else { return };
    let number = {
        let mut came = came.lock().unwrap_or_else(PoisonError::into_inner);
        came.push(request);
        came.len() - 1
    };
    let answer = &answers[number.min(answers.len() - 1)];
    if answer == SILENT {
        silence(stream);
        return;
    }
    let _ = stream.write_all(answer.as_bytes());
    let _ = stream.flush();
}

/// Holds a connection open without a word.
#[expect(clippy::disallowed_methods, reason = "a receiver that hangs hangs in machine time")]
fn silence(_stream: impl Read + Write) {
    thread::sleep(SILENCE);
}

fn request(stream: &mut impl Read) -> Option<Came> {
    let mut read = Vec::new();
    let mut piece = [0; 4096];
    loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
            let mut body = read.split_off(end + 4);
            while body.len() < length {
                let more = stream.read(&mut piece).ok().filter(|more| *more > 0)?;
                body.extend_from_slice(&piece[..more]);
            }
            return Some(Came { head, body });
        }
        let more = stream.read(&mut piece).ok().filter(|more| *more > 0)?;
        read.extend_from_slice(&piece[..more]);
    }
}
