//! Step 9: the answer leaves, as it is or as a fault wants it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::http::{HeaderName, HeaderValue, StatusCode};

use super::Exchanges;
use crate::blueprint::{AnswerBody, WireReply};
use crate::scenario::{Fault, RawReply};
use crate::stopwatch;
use crate::store::Delivery;

/// An answer that may leave: it is recorded.
pub(super) struct Departure {
    answer: Option<WireReply>,
    fault: Option<Fault>,
}

impl Departure {
    pub(super) fn new(answer: WireReply, fault: Option<Fault>) -> Self {
        Self {
            answer: Some(answer),
            fault,
        }
    }

    /// No answer at all.
    pub(super) fn close() -> Self {
        Self {
            answer: None,
            fault: None,
        }
    }
}

/// Builds the response, and notes it when the client does not get it whole.
pub(super) fn send(
    exchanges: &Arc<Exchanges>,
    seq: i64,
    departure: Departure,
) -> Option<hyper::Response<AnswerBody>> {
    let answer = departure.answer?;
    if matches!(departure.fault, Some(Fault::Close(_))) {
        exchanges.recorder.delivered(seq, Delivery::Faulted);
        return None;
    }
    let body = match &answer.stream {
        // It is recorded, so it may begin to be made.
        Some(stream) => AnswerBody::whole(stream.start(&exchanges.pieces)),
        None => AnswerBody::whole(answer.body),
    };
    let body = match departure.fault {
        // The delay was waited for before.
        None | Some(Fault::DelayMs(_) | Fault::Close(_)) => body,
        Some(Fault::CutAfterBytes(kept)) => {
            AnswerBody::cut_after(body, usize::try_from(kept).unwrap_or(usize::MAX))
        }
        Some(Fault::DripMs(ms)) => AnswerBody::drip(body, Duration::from_millis(ms)),
    };
    let faulted = departure.fault.is_some();
    let told = Arc::clone(exchanges);
    let body = body.when_left(move |whole| match (faulted, whole) {
        (true, _) => told.recorder.delivered(seq, Delivery::Faulted),
        (false, false) => told.recorder.delivered(seq, Delivery::ClientLeft),
        (false, true) => {}
    });
    let mut response = hyper::Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        // A scenario's raw reply may name impossible headers; those cannot be sent.
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value))
        {
            response.headers_mut().append(name, value);
        }
    }
    Some(response)
}

/// A scenario's bytes in place of any answer.
pub(super) fn raw(raw: &RawReply) -> WireReply {
    WireReply {
        status: raw.status,
        headers: raw.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        body: Bytes::from(raw.body.clone()),
        opened: None,
        stream: None,
    }
}

/// Waits before an answer leaves.
pub(super) async fn hold_back(fault: Option<Fault>) {
    if let Some(Fault::DelayMs(ms)) = fault {
        stopwatch::pause(Duration::from_millis(ms)).await;
    }
}

impl Departure {
    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault
    }
}
