//! Connections that never became a request are exchanges too: an integrator whose TLS fails sees
//! why, instead of nothing.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use hyper::http::{HeaderMap, Method, Uri};

use super::Exchanges;
use crate::blueprint::{Call, Connection, Received, WireReply};
use crate::masking;
use crate::stopwatch::Stopwatch;
use crate::store::{Attribution, Entry, ExchangeDetail, ExchangeSummary, Verdict};

/// Records a TLS handshake that failed.
pub(super) async fn handshake_failed(
    exchanges: Arc<Exchanges>,
    connection: Connection,
    reason: String,
) {
    record(&exchanges, &connection, Verdict::HandshakeFailed, Vec::new(), reason).await;
}

/// Records bytes that are not HTTP.
pub(super) async fn unreadable(
    exchanges: Arc<Exchanges>,
    connection: Connection,
    prefix: Vec<u8>,
    reason: String,
) {
    record(&exchanges, &connection, Verdict::Unreadable, prefix, reason).await;
}

async fn record(
    exchanges: &Exchanges,
    connection: &Connection,
    verdict: Verdict,
    bytes: Vec<u8>,
    reason: String,
) {
    let number = exchanges.recorder.next_number();
    let seq = number.seq();
    let (bytes, note) = masked(exchanges, seq, connection, bytes).await;
    let id = exchanges.id(seq);
    tracing::warn!(target: "sandgate::refused", "{id} {reason} (sandgate explain {id})");
    let exchange = ExchangeDetail {
        summary: ExchangeSummary {
            seq,
            at: exchanges.services.clock.now(),
            provider: Cow::Borrowed(connection.provider),
            merchant: None,
            attribution: Attribution::None,
            endpoint: None,
            method: String::new(),
            target: String::new(),
            status: None,
            verdict,
            failed_check: None,
            subject: None,
            duration_us: 0,
        },
        peer: connection.peer.to_string(),
        origin: format!("{}://{}", connection.scheme.name(), connection.local),
        front_door: connection.front_door_host.as_deref().map(ToOwned::to_owned),
        request_headers: Vec::new(),
        request_body: bytes,
        request_note: note,
        opened_request: None,
        ladder: Vec::new(),
        reason: Some(reason),
        scenario: None,
        answer_headers: Vec::new(),
        answer_body: Vec::new(),
        answer_note: None,
        opened_answer: None,
        near_misses: None,
        delivery: None,
    };
    if let Err(reason) = exchanges.recorder.record(Entry::of(exchange)).await {
        tracing::error!(exchange = id, %reason, "not recorded");
    }
}

/// What may be kept of the bytes: no credentials of header lines. Only their provider knows what its
/// other secrets look like, so the rest is shown to it as the body of a request, which it perhaps was
/// meant to be.
async fn masked(
    exchanges: &Exchanges,
    seq: i64,
    connection: &Connection,
    bytes: Vec<u8>,
) -> (Vec<u8>, Option<String>) {
    let (bytes, note) = match masking::mask_head(&bytes) {
        Some(masked) => (masked, Some("masked: credentials in header lines".to_owned())),
        None => (bytes, None),
    };
    let provider = exchanges.providers.get(connection.provider).filter(|_| !bytes.is_empty());
    let Some(provider) = provider else {
        return (bytes, note);
    };
    let received = Received {
        seq,
        connection: connection.clone(),
        method: Method::default(),
        uri: Uri::default(),
        headers: HeaderMap::new(),
        body: Bytes::from(bytes),
        body_fault: None,
        at: exchanges.services.clock.now(),
        stopwatch: Stopwatch::start(),
    };
    let call = Call::new(Arc::clone(&exchanges.services), Arc::new(received));
    let no_answer = WireReply {
        status: 0,
        headers: Vec::new(),
        body: Bytes::new(),
        opened: None,
        stream: None,
    };
    let kept = provider.mask(call, no_answer).await;
    (kept.request_body, kept.request_note.or(note))
}
