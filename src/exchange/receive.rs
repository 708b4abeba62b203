//! Step 2: head and body once, under a limit, kept as raw bytes.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;

use super::Exchanges;
use crate::blueprint::{BodyFault, Connection, Received};
use crate::limits;
use crate::recorder::Number;
use crate::stopwatch::Stopwatch;

/// Receives a request whole, or as much of it as comes.
pub(super) async fn whole(
    exchanges: &Exchanges,
    connection: Connection,
    request: hyper::Request<Incoming>,
) -> (Number, Received) {
    let stopwatch = Stopwatch::start();
    let at = exchanges.services.clock.now();
    let (head, incoming) = request.into_parts();
    let (body, body_fault) = body(exchanges, incoming).await;
    // Only now: whoever follows the journal waits for a number that is given, and a body may be slow.
    let number = exchanges.recorder.next_number();
    let received = Received {
        seq: number.seq(),
        connection,
        method: head.method,
        uri: head.uri,
        headers: head.headers,
        body,
        body_fault,
        at,
        stopwatch,
    };
    (number, received)
}

async fn body(exchanges: &Exchanges, incoming: Incoming) -> (Bytes, Option<BodyFault>) {
    if incoming.is_end_stream() {
        return (Bytes::new(), None);
    }
    let mut read = BytesMut::new();
    let reading = read_into(exchanges, incoming, &mut read);
    let outcome = timeout(limits::REQUEST_BODY, reading).await;
    let fault = match outcome {
        Ok(Ok(())) => None,
        Ok(Err(fault)) => Some(fault),
        Err(_elapsed) => Some(BodyFault::TooSlow {
            seconds: limits::REQUEST_BODY.as_secs(),
            read: read.len(),
        }),
    };
    (read.freeze(), fault)
}

async fn read_into(
    exchanges: &Exchanges,
    mut incoming: Incoming,
    read: &mut BytesMut,
) -> Result<(), BodyFault> {
    let mut large_place = None;
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| BodyFault::BrokenOff {
            read: read.len(),
            reason: error.to_string(),
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if read.len() + data.len() > limits::REQUEST_BODY_BYTES {
            let kept = limits::REQUEST_BODY_BYTES - read.len();
            read.extend_from_slice(&data[..kept]);
            discard(incoming).await;
            return Err(BodyFault::TooLarge {
                limit: limits::REQUEST_BODY_BYTES,
            });
        }
        read.extend_from_slice(&data);
        if read.len() > limits::SMALL_BODY_BYTES && large_place.is_none() {
            // Held until the body is whole; many large uploads at once wait for each other.
            large_place = exchanges.large_bodies.acquire().await.ok();
        }
    }
    Ok(())
}

/// Reads on and throws away, so that a client which only listens after sending gets the refusal.
async fn discard(mut incoming: Incoming) {
    let mut left = limits::DISCARDED_BODY_BYTES;
    while let Some(Ok(frame)) = incoming.frame().await {
        let size = frame.data_ref().map_or(0, |data| data.len() as u64);
        left = left.saturating_sub(size);
        if left == 0 {
            return;
        }
    }
}
