//! Step 8: what the journal writes of an exchange.

use std::borrow::Cow;
use std::sync::Arc;

use hyper::http::Method;
use serde_json::Value;

use super::Exchanges;
use super::bounds::{bounded, bounded_text};
use crate::blueprint::{Call, Evidence, Kept, Provider, Refusal, WireReply};
use crate::checks::Check;
use crate::clock::system_now;
use crate::json;
use crate::masking;
use crate::scenario::{Plan, RuleUse};
use crate::store::{
    Attribution, Change, Entry, ExchangeDetail, ExchangeSummary, LadderRung, NewNotification,
    RungVerdict, Verdict,
};

/// Adds the one header that the provider would not send.
pub(super) fn with_exchange_header(
    exchanges: &Exchanges,
    call: &Call,
    mut answer: WireReply,
) -> WireReply {
    if exchanges.header {
        let id = exchanges.id(call.received().seq);
        answer.headers.push(("sandgate-exchange".to_owned(), id));
    }
    answer
}

/// The rules that this exchange uses up: only a request that is proven its merchant's uses any.
pub(super) fn rules_used(call: &Call, plan: &Plan) -> Vec<RuleUse> {
    if call.attribution() != Attribution::Proven {
        return Vec::new();
    }
    plan.used.iter().cloned().chain(call.forced_rule()).collect()
}

/// What is committed together.
pub(super) fn entry(
    exchange: ExchangeDetail,
    mut changes: Vec<Change>,
    notifications: Vec<NewNotification>,
    rules: &[RuleUse],
) -> Entry {
    changes.extend(rules.iter().filter_map(|rule| rule.armed).map(|id| Change::UseRule { id }));
    Entry {
        changes,
        notifications,
        ..Entry::of(exchange)
    }
}

/// The exchange as the journal keeps it.
pub(super) async fn exchange(
    provider: &Arc<dyn Provider>,
    call: &Call,
    checks: &[&'static Check],
    plan: &Plan,
    refusal: Option<&Refusal>,
    answer: &WireReply,
) -> ExchangeDetail {
    let received = call.received();
    let kept = provider.mask(call.clone(), answer.clone()).await;
    let verdict = verdict(refusal);
    let told = |text: String| bounded_text(scrubbed(provider.without_secrets(text)));
    let ladder = masked_evidence(call.ladder(checks), told);
    let reason_told = refusal.and_then(reason).map(told);
    // Once the bytes are masked nothing can be computed from them any more, so the near misses of a
    // masked refusal are searched now. All others wait until somebody asks.
    let near_misses = if kept.request_note.is_some() && verdict != Verdict::Accepted {
        let evidence = Evidence {
            method: received.method.to_string(),
            target: received.target().to_owned(),
            front_door: received.connection.front_door_host.as_deref().map(ToOwned::to_owned),
            endpoint: call.route().map(|route| route.endpoint.to_owned()),
            headers: received.header_lines(),
            body: received.body.to_vec(),
            ladder: ladder.clone(),
            opened: kept.opened_request.clone(),
            answer: match &answer.opened {
                Some(opened) => Some(Value::clone(opened)),
                None => json::parse(&answer.body).ok(),
            },
            verdict,
            reason: reason_told.clone(),
            merchant: call.merchant().map(Arc::clone),
            related: Vec::new(),
            earlier: Vec::new(),
            at: call.now(),
            machine_at: Some(system_now()),
        };
        let searcher = Arc::clone(provider);
        let found = call.services().rsa.run(move || searcher.diagnose(&evidence)).await;
        let found = found.into_iter().map(|mut near_miss| {
            near_miss.evidence = told(near_miss.evidence);
            near_miss
        });
        serde_json::to_value(found.collect::<Vec<_>>()).ok()
    } else {
        None
    };
    let kept = bounded(kept);
    let rules: Vec<String> =
        plan.used.iter().cloned().chain(call.forced_rule()).map(|rule| rule.name).collect();
    ExchangeDetail {
        summary: ExchangeSummary {
            seq: received.seq,
            at: call.now(),
            provider: Cow::Borrowed(received.connection.provider),
            merchant: call.merchant().map(|merchant| merchant.id().to_owned()),
            attribution: call.attribution(),
            endpoint: call.route().map(|route| Cow::Borrowed(route.endpoint)),
            method: told(received.method.to_string()),
            target: kept.target,
            status: Some(answer.status),
            verdict,
            failed_check: call.failed().map(|(check, _)| check.id.to_owned()),
            subject: call.subject().map(ToOwned::to_owned),
            duration_us: received.stopwatch.elapsed_us(),
        },
        peer: received.connection.peer.to_string(),
        origin: told(received.origin()),
        front_door: received.connection.front_door_host.as_deref().map(ToOwned::to_owned),
        request_headers: kept.request_headers,
        request_body: kept.request_body,
        request_note: kept.request_note,
        opened_request: kept.opened_request,
        ladder,
        reason: reason_told,
        scenario: (!rules.is_empty()).then(|| rules.join(", ")),
        answer_headers: answer.headers.clone(),
        answer_body: kept.answer_body,
        answer_note: kept.answer_note,
        opened_answer: kept.opened_answer,
        near_misses,
        delivery: None,
    }
}

/// A line for whoever watches the server: the exchange, the check, the fix, and how to learn more.
pub(super) struct RefusalLine(Option<(String, String, String)>);

pub(super) fn refusal_line(
    exchanges: &Exchanges,
    provider: &Arc<dyn Provider>,
    call: &Call,
    refusal: Option<&Refusal>,
) -> RefusalLine {
    let told = |text: String| bounded_text(scrubbed(provider.without_secrets(text)));
    RefusalLine(refusal.map(|refusal| {
        let id = exchanges.id(call.received().seq);
        match (call.failed(), refusal) {
            (Some((check, failure)), _) => {
                let fix = failure.fix.unwrap_or_else(|| check.fix.to_owned());
                let evidence = format!("expected {}; got {}; {fix}", failure.expected, failure.got);
                (id, check.id.to_owned(), told(evidence))
            }
            (None, refusal) => {
                let what = verdict_word(refusal);
                (id, what.to_owned(), reason(refusal).map(told).unwrap_or_default())
            }
        }
    }))
}

impl RefusalLine {
    pub(super) fn print(self) {
        if let Some((id, what, fix)) = self.0 {
            let fix = one_line(&fix);
            tracing::warn!(target: "sandgate::refused", "{id} {what}: {fix} (sandgate explain {id})");
        }
    }
}

/// What a client sent stands in these lines: it must not begin a line of its own or steer a terminal.
fn one_line(text: &str) -> String {
    let steers = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|letter| if steers(letter) { ' ' } else { letter }).collect()
}

fn verdict(refusal: Option<&Refusal>) -> Verdict {
    match refusal {
        None => Verdict::Accepted,
        Some(Refusal::CheckFailed(_) | Refusal::Business { .. }) => Verdict::Refused,
        Some(Refusal::NotFound { .. } | Refusal::MethodNotAllowed { .. }) => Verdict::NotFound,
        Some(Refusal::Body(_)) => Verdict::Unreadable,
        Some(Refusal::Internal { .. }) => Verdict::Internal,
    }
}

fn verdict_word(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::CheckFailed(check) => check.id,
        Refusal::Business { .. } => "refused",
        Refusal::NotFound { .. } => "no such endpoint",
        Refusal::MethodNotAllowed { .. } => "method not allowed",
        Refusal::Body(_) => "unreadable",
        Refusal::Internal { .. } => "internal",
    }
}

/// Why a request was refused, where the ladder does not say it.
fn reason(refusal: &Refusal) -> Option<String> {
    match refusal {
        Refusal::CheckFailed(_) => None,
        Refusal::NotFound { nearest } => Some(match nearest {
            Some(nearest) => format!("there is no such endpoint; the nearest is {nearest}"),
            None => "there is no such endpoint".to_owned(),
        }),
        Refusal::MethodNotAllowed { allowed } => {
            let methods: Vec<&str> = allowed.iter().map(Method::as_str).collect();
            Some(format!("the endpoint takes {} only", methods.join(" or ")))
        }
        Refusal::Body(fault) => Some(fault.to_string()),
        Refusal::Business { reason, .. } => {
            let detail = reason.detail.as_ref().map(|detail| format!("; {detail}"));
            let fix = reason.fix.as_ref().map(|fix| format!("; {fix}"));
            Some(format!(
                "wanted {}, got {}{}{}",
                reason.expected,
                reason.got,
                detail.unwrap_or_default(),
                fix.unwrap_or_default()
            ))
        }
        Refusal::Internal { reason } => Some(reason.clone()),
    }
}

/// The evidence of a failed rung quotes the client, secrets and card numbers included.
fn masked_evidence(ladder: Vec<LadderRung>, told: impl Fn(String) -> String) -> Vec<LadderRung> {
    let rungs = ladder.into_iter().map(|mut rung| {
        if matches!(rung.verdict, RungVerdict::Failed | RungVerdict::Forced) {
            for text in [&mut rung.expected, &mut rung.got, &mut rung.detail, &mut rung.fix] {
                *text = text.take().map(&told);
            }
        }
        rung
    });
    rungs.collect()
}

/// A path and query without card data, which may hide behind escapes.
fn scrubbed_target(target: &str) -> String {
    if !target.contains('%') || masking::scrub(&percent_decoded(target)).is_none() {
        return scrubbed(target.to_owned());
    }
    let path = target.split('?').next().unwrap_or_default();
    match masking::scrub(&percent_decoded(path)) {
        None => format!("{path}?***"),
        Some(_) => "/***".to_owned(),
    }
}

fn percent_decoded(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let escaped = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match (first, escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                rest = &behind[2..];
            }
            (byte, _) => {
                decoded.push(*byte);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn scrubbed(text: String) -> String {
    masking::scrub(&text).unwrap_or(text)
}

impl Kept {
    /// What every provider starts from when it masks: bodies as they are, and no opened request.
    #[must_use]
    pub fn unmasked(call: &Call, answer: &WireReply) -> Self {
        let received = call.received();
        Self {
            target: scrubbed_target(received.target()),
            request_headers: received
                .header_lines()
                .into_iter()
                .map(|(name, value)| {
                    let value = masking::masked_header(&name, value);
                    (scrubbed(name), value)
                })
                .collect(),
            request_body: received.body.to_vec(),
            request_note: None,
            opened_request: None,
            answer_body: answer.body.to_vec(),
            answer_note: answer
                .stream
                .as_ref()
                .map(|stream| format!("streamed: made while it left; {}", stream.recipe)),
            opened_answer: answer.opened.clone(),
        }
    }
}
