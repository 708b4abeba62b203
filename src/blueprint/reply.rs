//! What goes back: a reply or a refusal in the provider's words, and the bytes it becomes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::http::Method;
use serde::Serialize;
use serde_json::Value;

use super::BoxFuture;
use super::stream::{BodyStream, Streaming};
use crate::checks::{Check, Failure};

/// A reply in the provider's words, not sealed yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Header lines beyond those that sealing sets.
    pub headers: Vec<(&'static str, String)>,
    /// What it says.
    pub body: ReplyBody,
}

/// The body of a reply.
#[derive(Clone, Debug, PartialEq)]
pub enum ReplyBody {
    /// A message, sealed in the form in which the client wants it.
    Message(Value),
    /// A message that is plain JSON whatever the client wants, written out.
    PlainMessage(Bytes),
    /// Bytes as they are, with their content type.
    Raw(&'static str, Bytes),
    /// Bytes that are made while they leave, with their content type.
    Stream(&'static str, Box<BodyStream>),
    /// Nothing.
    Empty,
}

/// The bytes of an answer.
#[derive(Clone, Debug)]
pub struct WireReply {
    /// HTTP status.
    pub status: u16,
    /// All header lines but those of the connection.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// What a sealed body says; absent where the body says it itself.
    pub opened: Option<Arc<Value>>,
    /// A body that is made while it leaves, in place of `body`.
    pub stream: Option<BodyStream>,
}

impl WireReply {
    /// The answer with a body and its media type.
    #[must_use]
    pub fn with_body(mut self, media: &str, body: Bytes) -> Self {
        self.headers.insert(0, ("content-type".to_owned(), media.to_owned()));
        self.body = body;
        self
    }
}

impl Reply {
    /// The answer as far as it needs no seal: the whole of it, or all but the message that is handed
    /// back with it. `json` is how the provider names the type of its plain messages.
    #[must_use]
    pub fn unsealed(self, json: &str) -> (WireReply, Option<Value>) {
        let answer = WireReply {
            status: self.status,
            headers: self
                .headers
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            body: Bytes::new(),
            opened: None,
            stream: None,
        };
        match self.body {
            ReplyBody::Empty => (answer, None),
            ReplyBody::Message(message) => (answer, Some(message)),
            ReplyBody::PlainMessage(bytes) => (answer.with_body(json, bytes), None),
            ReplyBody::Raw(media, bytes) => (answer.with_body(media, bytes), None),
            ReplyBody::Stream(media, stream) => {
                let mut answer = answer.with_body(media, Bytes::new());
                answer.stream = Some(*stream);
                (answer, None)
            }
        }
    }
}

/// A request that does not get what it asked for. The wording on the wire is the provider's.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// A check failed; its evidence is in the ladder.
    CheckFailed(&'static Check),
    /// No such endpoint.
    NotFound {
        /// The endpoint that is nearest to what was asked for.
        nearest: Option<String>,
    },
    /// The endpoint exists for other methods.
    MethodNotAllowed {
        /// Those methods.
        allowed: Vec<Method>,
    },
    /// The body did not come whole.
    Body(super::BodyFault),
    /// The business refuses: wrong state, unknown order.
    Business {
        /// The provider's answer.
        reply: Reply,
        /// The reason, for the journal.
        reason: Failure,
    },
    /// Sandgate failed.
    Internal {
        /// What went wrong, for the journal.
        reason: String,
    },
}

impl Reply {
    /// A message in the form in which the client wants it.
    #[must_use]
    pub fn message(status: u16, message: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: ReplyBody::Message(message),
        }
    }

    /// A message as plain JSON.
    ///
    /// # Panics
    /// If the message cannot be written as JSON, which messages always can.
    #[must_use]
    pub fn plain(status: u16, message: &impl Serialize) -> Self {
        let message = serde_json::to_vec(message).expect("a message is JSON");
        Self {
            status,
            headers: Vec::new(),
            body: ReplyBody::PlainMessage(Bytes::from(message)),
        }
    }

    /// A status alone.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: ReplyBody::Empty,
        }
    }

    /// Adds a header line.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// The body of an answer on its way out, whole or as a fault wants it.
pub struct AnswerBody {
    rest: Bytes,
    /// Where more comes from, if the body is made while it leaves.
    more: Option<Streaming>,
    pace: Pace,
    /// Told once how the body left: true if whole.
    left: Option<Box<dyn FnOnce(bool) + Send + Sync>>,
}

enum Pace {
    Whole,
    CutAfter(usize),
    Drip(Duration, Option<Pin<Box<dyn Future<Output = ()> + Send + Sync>>>),
    /// Breaks off once what went before has left.
    Breaking(Pin<Box<dyn Future<Output = ()> + Send + Sync>>),
}

/// How long the part of a cut body has to leave before the connection breaks.
const FLUSH: Duration = Duration::from_millis(20);

/// Pieces in which a dripping body leaves.
const DRIP_BYTES: usize = 64;

impl AnswerBody {
    /// A body that leaves whole.
    #[must_use]
    pub fn whole(body: impl Into<Self>) -> Self {
        body.into()
    }

    /// A body that breaks off.
    #[must_use]
    pub fn cut_after(body: impl Into<Self>, kept: usize) -> Self {
        let mut body = body.into();
        let kept = if body.more.is_some() { kept } else { kept.min(body.rest.len()) };
        body.pace = Pace::CutAfter(kept);
        body
    }

    /// A body that drips.
    #[must_use]
    pub fn drip(body: impl Into<Self>, pause: Duration) -> Self {
        let mut body = body.into();
        body.pace = Pace::Drip(pause, None);
        body
    }

    /// Calls `left` once the body has left, or has been given up.
    #[must_use]
    pub fn when_left(mut self, left: impl FnOnce(bool) + Send + Sync + 'static) -> Self {
        self.left = Some(Box::new(left));
        self
    }

    fn tell(&mut self, whole: bool) {
        if let Some(left) = self.left.take() {
            left(whole);
        }
    }

    /// The next bytes, at most so many; `None` at the end.
    fn piece(
        &mut self,
        context: &mut Context<'_>,
        most: usize,
    ) -> Poll<Option<Result<Bytes, std::io::Error>>> {
        if self.rest.is_empty()
            && let Some(more) = &mut self.more
        {
            match more.poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(Some(Ok(bytes))) => self.rest = bytes,
                Poll::Ready(None) => self.more = None,
            }
        }
        let piece = self.rest.split_to(most.min(self.rest.len()));
        Poll::Ready((!piece.is_empty()).then_some(Ok(piece)))
    }

    /// Whether nothing is left to be sent.
    fn is_spent(&self) -> bool {
        self.rest.is_empty() && self.more.as_ref().is_none_or(Streaming::is_spent)
    }
}

impl From<Bytes> for AnswerBody {
    fn from(bytes: Bytes) -> Self {
        Self {
            rest: bytes,
            more: None,
            pace: Pace::Whole,
            left: None,
        }
    }
}

impl From<Streaming> for AnswerBody {
    fn from(streaming: Streaming) -> Self {
        Self {
            rest: Bytes::new(),
            more: Some(streaming),
            pace: Pace::Whole,
            left: None,
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let this = self.get_mut();
        match &mut this.pace {
            Pace::Whole => {
                let Poll::Ready(piece) = this.piece(context, usize::MAX) else {
                    return Poll::Pending;
                };
                if !matches!(piece, Some(Err(_))) && this.is_spent() {
                    this.tell(true);
                }
                Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
            }
            Pace::CutAfter(kept) => {
                let kept = *kept;
                let piece = match kept {
                    0 => None,
                    kept => match this.piece(context, kept) {
                        Poll::Pending => return Poll::Pending,
                        Poll::Ready(piece) => piece,
                    },
                };
                match piece {
                    Some(Ok(bytes)) if bytes.len() < kept => {
                        this.pace = Pace::CutAfter(kept - bytes.len());
                        Poll::Ready(Some(Ok(Frame::data(bytes))))
                    }
                    last => {
                        this.pace = Pace::Breaking(Box::pin(crate::stopwatch::pause(FLUSH)));
                        match last {
                            Some(Ok(bytes)) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                            _ => Pin::new(this).poll_frame(context),
                        }
                    }
                }
            }
            Pace::Drip(pause, waiting) => {
                if let Some(wait) = waiting
                    && wait.as_mut().poll(context).is_pending()
                {
                    return Poll::Pending;
                }
                let pause = *pause;
                *waiting = None;
                let Poll::Ready(piece) = this.piece(context, DRIP_BYTES) else {
                    return Poll::Pending;
                };
                this.pace = Pace::Drip(pause, Some(Box::pin(crate::stopwatch::pause(pause))));
                Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
            }
            Pace::Breaking(flushed) => {
                if flushed.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                Poll::Ready(Some(Err(std::io::Error::other("cut by a scenario"))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.pace, Pace::Whole | Pace::Drip(..)) && self.is_spent()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.more {
            None => SizeHint::with_exact(self.rest.len() as u64),
            Some(more) => match more.left() {
                Some(left) => SizeHint::with_exact(left + self.rest.len() as u64),
                None => SizeHint::default(),
            },
        }
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        let whole = matches!(self.pace, Pace::Whole) && self.is_spent();
        self.tell(whole);
    }
}

/// How an answer's future is handed on by a provider.
pub(crate) type Sealing = BoxFuture<WireReply>;
