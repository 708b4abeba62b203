//! A body that is too long to be held: it is made piece by piece while it leaves. A piece is made on a
//! thread that may take its time, and none is made ahead of a client that is behind.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinError, spawn_blocking};

use crate::limits;

/// What a long body is made from. The journal keeps the recipe in place of the bytes, and so it must
/// say all that is needed to make the same ones again.
#[derive(Clone)]
pub struct BodyStream {
    /// What the journal keeps.
    pub recipe: Value,
    /// How many bytes will leave, where that is known.
    pub length: Option<u64>,
    make: Arc<Making>,
}

/// A body's pieces, of some 40 KiB each; the first error is the last.
pub type Pieces = Box<dyn Iterator<Item = io::Result<Bytes>> + Send>;

type Making = dyn Fn() -> Pieces + Send + Sync;

impl BodyStream {
    /// A body of the pieces that `make` gives. It is called once, and it and they may block.
    pub fn new(
        recipe: Value,
        length: Option<u64>,
        make: impl Fn() -> Pieces + Send + Sync + 'static,
    ) -> Self {
        Self {
            recipe,
            length,
            make: Arc::new(make),
        }
    }

    /// Begins to make the body, each piece in one of `places`. No thread is held while the client is
    /// behind.
    pub(crate) fn start(&self, places: &Arc<Semaphore>) -> Streaming {
        let (sender, pieces) = mpsc::channel(limits::STREAM_PIECES);
        let (make, places) = (Arc::clone(&self.make), Arc::clone(places));
        tokio::spawn(async move {
            let mut making = in_a_place(&places, move || make()).await;
            // The place comes first: what is made is sent at once. A client that has left has none.
            while let Ok(place) = sender.reserve().await {
                let made = match making {
                    Ok(mut rest) => in_a_place(&places, move || (rest.next(), rest)).await,
                    Err(error) => Err(error),
                };
                making = match made {
                    Ok((Some(piece), rest)) => {
                        let is_last = piece.is_err();
                        place.send(piece);
                        if is_last {
                            return;
                        }
                        Ok(rest)
                    }
                    Ok((None, _)) => return,
                    Err(error) => {
                        place.send(Err(io::Error::other(error)));
                        return;
                    }
                };
            }
        });
        Streaming {
            pieces,
            left: self.length,
            ended: false,
        }
    }
}

async fn in_a_place<T: Send + 'static>(
    places: &Semaphore,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    // The semaphore is never closed; if it were, the work would only not be counted.
    let _place = places.acquire().await;
    spawn_blocking(work).await
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

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::iter;

    use super::*;

    fn body(pieces: Vec<io::Result<Bytes>>) -> BodyStream {
        let pieces = std::sync::Mutex::new(Some(pieces));
        BodyStream::new(Value::Null, None, move || {
            Box::new(pieces.lock().expect("no panic").take().into_iter().flatten())
        })
    }

    async fn read(mut streaming: Streaming) -> Vec<Result<Bytes, String>> {
        let mut read = Vec::new();
        while let Some(piece) = poll_fn(|context| streaming.poll_next(context)).await {
            read.push(piece.map_err(|error| error.to_string()));
        }
        assert!(streaming.is_spent());
        read
    }

    /// One thread makes all pieces of all bodies.
    fn with_one_thread<F: Future>(work: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build();
        runtime.expect("a runtime").block_on(work)
    }

    #[test]
    fn clients_that_do_not_read_hold_no_thread() {
        with_one_thread(async {
            let places = Arc::new(Semaphore::new(2));
            let endless = || {
                BodyStream::new(Value::Null, None, || {
                    Box::new(iter::repeat_with(|| Ok("x".into())))
                })
            };
            let behind =
                [endless().start(&places), endless().start(&places), endless().start(&places)];

            let whole = read(body(vec![Ok("a".into()), Ok("b".into())]).start(&places)).await;

            assert_eq!(whole, [Ok("a".into()), Ok("b".into())]);
            drop(behind);
        });
    }

    #[test]
    fn a_body_ends_with_its_first_error_and_a_panic_is_one() {
        with_one_thread(async {
            let places = Arc::new(Semaphore::new(1));
            let broken = vec![Ok("a".into()), Err(io::Error::other("torn")), Ok("b".into())];
            assert_eq!(
                read(body(broken).start(&places)).await,
                [Ok("a".into()), Err("torn".into())]
            );

            let panics = BodyStream::new(Value::Null, None, || panic!("no pieces"));
            let read = read(panics.start(&places)).await;
            assert!(read[0].is_err() && read.len() == 1, "{read:?}");
        });
    }
}
