//! One request from its first byte to its answer, top-down.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use hyper::body::Incoming;

use super::fault::Departure;
use super::{Exchanges, fault, receive, record};
use crate::blueprint::{
    AnswerBody, Call, Connection, NamedBy, Provider, Received, Refusal, Reply, WireReply,
};
use crate::checks::Failure;
use crate::limits;
use crate::scenario::{NOTHING_WRONG, Outcome, Plan};
use crate::store::Committed;

/// Answers one request. The life of an exchange is a task of its own, from the first byte of the
/// body on: a client that leaves cannot cancel what it has begun.
pub(super) async fn serve(
    exchanges: Arc<Exchanges>,
    connection: Connection,
    request: hyper::Request<Incoming>,
) -> Option<hyper::Response<AnswerBody>> {
    let life = {
        let exchanges = Arc::clone(&exchanges);
        async move {
            // 2 receive
            let (number, received) = receive::whole(&exchanges, connection, request).await;
            let departure = live(exchanges, Arc::new(received)).await;
            (number.seq(), departure)
        }
    };
    match exchanges.under_way.spawn(life).await {
        Ok((seq, departure)) => {
            fault::hold_back(departure.fault()).await;
            fault::send(&exchanges, seq, departure)
        }
        // The task catches its own panics; this is the runtime shutting down.
        Err(_stopped) => None,
    }
}

/// The life of a request, as far as the answer's bytes. Nothing leaves before it is recorded.
async fn live(exchanges: Arc<Exchanges>, received: Arc<Received>) -> Departure {
    let Some(provider) = exchanges.providers.get(received.connection.provider).map(Arc::clone)
    else {
        return Departure::close();
    };
    for _attempt in 0..limits::STALE_RETRIES {
        let call = Call::new(Arc::clone(&exchanges.services), Arc::clone(&received));
        let work = AssertUnwindSafe(attempt(&exchanges, &provider, &call));
        match work.catch_unwind().await {
            Ok(Some(departure)) => return departure,
            // What this was decided on has changed meanwhile: look again and decide again.
            Ok(None) => {}
            Err(panic) => {
                let reason = format!("a panic while answering: {}", panic_text(&*panic));
                // In a box, as all that is rare: the common life is moved about, and should be small.
                return Box::pin(internal(&exchanges, &provider, &call, reason)).await;
            }
        }
    }
    let call = Call::new(Arc::clone(&exchanges.services), Arc::clone(&received));
    let reason = "other exchanges changed the same transaction first, every time".to_owned();
    Box::pin(internal(&exchanges, &provider, &call, reason)).await
}

/// One walk through the steps. `None`: something was stale, and nothing was written.
async fn attempt(
    exchanges: &Arc<Exchanges>,
    provider: &Arc<dyn Provider>,
    call: &Call,
) -> Option<Departure> {
    name_merchant(exchanges, provider, call).await;

    // 3 route
    let routed = provider.route(call.received()).map(|(endpoint, route)| {
        call.set_route(route);
        endpoint
    });
    let checks = routed.as_ref().map_or(&[][..], |endpoint| endpoint.checks);

    // 4 secure
    let opened = match (routed, &call.received().body_fault) {
        (Err(refusal), _) => Err(refusal),
        (Ok(_), Some(fault)) => Err(Refusal::Body(fault.clone())),
        (Ok(endpoint), None) => {
            endpoint.open(call.clone()).await.map(|request| (endpoint, request))
        }
    };

    // 5 script
    let plan = match &opened {
        Ok(_) => exchanges.services.scenarios.plan(&call.facts()),
        Err(_) => Plan::default(),
    };

    // 6 decide
    let decided = match opened {
        Ok((endpoint, request)) => match &plan.error {
            Some(error) => Err(scripted(provider.scripted(call, error), &plan)),
            None => {
                let outcome = plan.outcome.unwrap_or(Outcome::Success);
                endpoint.decide(call.clone(), request, outcome).await
            }
        },
        Err(refusal) => Err(refusal),
    };

    // 7 seal
    let (reply, refusal, changes, notifications) = match decided {
        Ok(decision) => (decision.reply, None, decision.changes, decision.notifications),
        Err(refusal) => (provider.refuse(call, &refusal), Some(refusal), vec![], vec![]),
    };
    let answer = match &plan.raw_reply {
        Some(raw) => fault::raw(raw),
        None => provider.seal(call.clone(), reply, plan.misbehaviour).await,
    };
    let answer = record::with_exchange_header(exchanges, call, answer);

    // 8 record
    let rules = record::rules_used(call, &plan);
    let used_up = rules.iter().any(|rule| rule.armed.is_some());
    let exchange = record::exchange(provider, call, checks, &plan, refusal.as_ref(), &answer).await;
    let told = record::refusal_line(exchanges, provider, call, refusal.as_ref());
    let entry = record::entry(exchange, changes, notifications, &rules);
    let committed = exchanges.recorder.record(entry).await;
    if used_up {
        // The next request must not see a rule that this one has used up.
        if let Err(error) = exchanges.services.scenarios.refresh().await {
            tracing::warn!(%error, "the armed rules could not be read again");
        }
    }

    // 9 answer
    match committed {
        Ok(Committed::Written) => {
            told.print();
            Some(Departure::new(answer, plan.fault))
        }
        Ok(Committed::Stale) => None,
        Err(reason) => Some(Box::pin(unrecorded(exchanges, provider, call, &reason)).await),
    }
}

/// Finds the merchant whose credential the request names, or whose page it asks for.
async fn name_merchant(exchanges: &Exchanges, provider: &Arc<dyn Provider>, call: &Call) {
    let services = &exchanges.services;
    let merchant = match provider.named_by(call.received()) {
        None => None,
        Some(NamedBy::Credential(name)) => services.merchants.named(provider.id(), &name),
        Some(NamedBy::Issued(name)) => match services.store.issued(provider.id(), &name).await {
            Ok(issued) => issued.and_then(|issued| {
                let merchant = services.merchants.by_id(&issued.merchant);
                call.set_issued(issued);
                merchant
            }),
            Err(error) => {
                tracing::warn!(%error, "a name that was handed out could not be looked up");
                None
            }
        },
    };
    if let Some(merchant) = merchant {
        call.set_merchant(merchant);
    }
}

/// A refusal that a rule words in the provider's codes.
fn scripted(reply: Reply, plan: &Plan) -> Refusal {
    let rules: Vec<String> = plan.used.iter().map(|rule| format!("\"{}\"", rule.name)).collect();
    Refusal::Business {
        reply,
        reason: Failure::new(
            NOTHING_WRONG,
            format!("the rule {}, which refuses it", rules.join(", ")),
        ),
    }
}

/// A failure of our own: the provider's 500, recorded with its reason.
async fn internal(
    exchanges: &Arc<Exchanges>,
    provider: &Arc<dyn Provider>,
    call: &Call,
    reason: String,
) -> Departure {
    tracing::error!(exchange = exchanges.id(call.received().seq), %reason, "an exchange failed");
    let refusal = Refusal::Internal { reason };
    let reply = provider.refuse(call, &refusal);
    let answer = provider.seal(call.clone(), reply, None).await;
    let answer = record::with_exchange_header(exchanges, call, answer);
    let plan = Plan::default();
    let exchange = record::exchange(provider, call, &[], &plan, Some(&refusal), &answer).await;
    let entry = record::entry(exchange, vec![], vec![], &[]);
    match exchanges.recorder.record(entry).await {
        Ok(_) => Departure::new(answer, None),
        Err(reason) => unrecorded(exchanges, provider, call, &reason).await,
    }
}

/// The commit failed, so only the provider's 500 may leave: nothing else would be true.
async fn unrecorded(
    exchanges: &Arc<Exchanges>,
    provider: &Arc<dyn Provider>,
    call: &Call,
    reason: &str,
) -> Departure {
    tracing::error!(exchange = exchanges.id(call.received().seq), %reason, "not recorded");
    let refusal = Refusal::Internal {
        reason: reason.to_owned(),
    };
    let reply = provider.refuse(call, &refusal);
    let answer: WireReply = provider.seal(call.clone(), reply, None).await;
    Departure::new(answer, None)
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
