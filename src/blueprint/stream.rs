//! A body that is too long to be held: it is made on a thread of its own while it leaves, and what is
//! made waits for the client.

use std::io::{self, Write};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::limits;

/// What a long body is made from. The journal keeps the recipe in place of the bytes, and so it must
/// say all that is needed to make the same ones again.
#[derive(Clone)]
pub struct BodyStream {
    /// What the journal keeps.
    pub recipe: Value,
    /// How many bytes will leave, where that is known.
    pub length: Option<u64>,
    write: Arc<Writing>,
}

type Writing = dyn Fn(&mut dyn Write) -> io::Result<()> + Send + Sync;

impl BodyStream {
    /// A body that `write` makes. It is called once, on a thread that may block, and must end with the
    /// first error: the client has left.
    pub fn new(
        recipe: Value,
        length: Option<u64>,
        write: impl Fn(&mut dyn Write) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self {
            recipe,
            length,
            write: Arc::new(write),
        }
    }

    /// Begins to make the body.
    pub(crate) fn start(&self) -> Streaming {
        let (sender, pieces) = mpsc::channel(limits::STREAM_PIECES);
        let write = Arc::clone(&self.write);
        tokio::task::spawn_blocking(move || {
            let mut out = Pieces {
                sender,
                piece: BytesMut::with_capacity(limits::STREAM_PIECE_BYTES),
            };
            if let Err(error) = write(&mut out).and_then(|()| out.flush()) {
                // If the client has left, nobody hears it.
                let _ = out.sender.blocking_send(Err(error));
            }
        });
        Streaming {
            pieces,
            left: self.length,
            ended: false,
        }
    }
}

impl std::fmt::Debug for BodyStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BodyStream({})", self.recipe)
    }
}

impl PartialEq for BodyStream {
    fn eq(&self, other: &Self) -> bool {
        self.recipe == other.recipe
    }
}

/// A body that is being made.
pub(crate) struct Streaming {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    left: Option<u64>,
    ended: bool,
}

impl Streaming {
    /// The next piece.
    pub(super) fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        let piece = self.pieces.poll_recv(context);
        match &piece {
            Poll::Ready(Some(Ok(bytes))) => {
                self.left = self.left.map(|left| left.saturating_sub(bytes.len() as u64));
            }
            Poll::Ready(None) => self.ended = true,
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        piece
    }

    /// How many bytes are still to come, where that is known.
    pub(super) fn left(&self) -> Option<u64> {
        self.left
    }

    /// Whether nothing is to come any more.
    pub(super) fn is_spent(&self) -> bool {
        self.ended || self.left == Some(0)
    }
}

/// Gathers what is written into pieces, and waits while the client is behind.
struct Pieces {
    sender: mpsc::Sender<io::Result<Bytes>>,
    piece: BytesMut,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= limits::STREAM_PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece =
            std::mem::replace(&mut self.piece, BytesMut::with_capacity(limits::STREAM_PIECE_BYTES));
        self.sender
            .blocking_send(Ok(piece.freeze()))
            .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the client has left"))
    }
}
