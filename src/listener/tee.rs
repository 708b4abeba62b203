//! Remembers the first bytes of the message that is being read, so that what is not HTTP can be
//! shown in the journal.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::limits;

/// A stream that remembers what was read from it.
pub(super) struct Tee<S> {
    stream: S,
    prefix: Prefix,
}

/// The first bytes since the last request, and whether one is under way.
#[derive(Clone, Default)]
pub(super) struct Prefix(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    bytes: Vec<u8>,
    under_way: bool,
}

impl<S> Tee<S> {
    pub(super) fn new(stream: S) -> (Self, Prefix) {
        let prefix = Prefix::default();
        let tee = Self {
            stream,
            prefix: prefix.clone(),
        };
        (tee, prefix)
    }
}

impl Prefix {
    /// The bytes so far were a request's head.
    pub(super) fn request_begins(&self) {
        let mut heard = self.heard();
        heard.bytes.clear();
        heard.under_way = true;
    }

    /// The bytes so far were a request, which is answered.
    pub(super) fn request_ends(&self) {
        let mut heard = self.heard();
        heard.bytes.clear();
        heard.under_way = false;
    }

    /// What was heard last, and whether a request is still under way.
    pub(super) fn take(&self) -> (Vec<u8>, bool) {
        let mut heard = self.heard();
        (std::mem::take(&mut heard.bytes), heard.under_way)
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tee<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(context, buffer);
        let mut heard = this.prefix.heard();
        let room = limits::UNREADABLE_PREFIX_BYTES.saturating_sub(heard.bytes.len());
        let fresh = &buffer.filled()[before..];
        heard.bytes.extend_from_slice(&fresh[..room.min(fresh.len())]);
        drop(heard);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tee<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
