//! The hosted page: where a payer pays, declines to, or leaves.

use std::sync::Arc;

use super::browser::{Action, Click, Visit, for_the_payer};
use super::cards::Card;
use super::html;
use super::merchant::{Office, PacoMerchant};
use super::notifications;
use super::orders::{Found, Moment, Order};
use super::payments::{event_of, issued, merchant_id, newly_stored};
use super::results;
use super::settings::Settings;
use super::states::{Event, State};
use crate::blueprint::{Call, Decision, Refusal, Reply, Verified};
use crate::checks::Failure;
use crate::scenario::Outcome;

/// Shows the page of an order, or what became of it.
pub(super) async fn show(
    call: Call,
    _settings: Arc<Settings>,
    request: Verified<Visit>,
    _outcome: Outcome,
) -> Result<Decision, Refusal> {
    let found = request.into_inner().found;
    Ok(Decision::reply(html::page(&call, &found.order, None)))
}

/// The payer has pressed a button.
pub(super) async fn clicked(
    call: Call,
    settings: Arc<Settings>,
    request: Verified<Click>,
    outcome: Outcome,
) -> Result<Decision, Refusal> {
    let Click { mut found, action } = request.into_inner();
    let office = office_of(&call, &found.order)?;
    let moment = Moment::of(&call);
    let event = match action {
        Action::Pay(typed) => {
            if let Some(typed) = typed {
                let holder = typed.holder.as_deref();
                found.order.card =
                    Some(Card::from_number(&typed.number, Some(typed.expiry), holder));
            }
            match event_of(outcome) {
                Event::Pay if found.order.with_3ds && settings.acs_challenges => Event::Challenge,
                event => event,
            }
        }
        Action::Decline => Event::Decline,
        Action::Cancel => Event::Cancel,
        Action::Leave => Event::Abandon,
    };
    if !found.order.happens(event, &office, &moment) {
        return Err(too_late(&call, &found.order));
    }
    if event == Event::Challenge {
        return Ok(challenged(&call, &found));
    }
    Ok(finished(&call, &found))
}

/// The bank wants to know its payer: the page leads on to the access control server.
fn challenged(call: &Call, found: &Found) -> Decision {
    let order = &found.order;
    let mut changes = vec![order.change(merchant_id(call), call.now(), Some(found.version))];
    if let Some(challenge) = &order.challenge {
        changes.push(issued(call, &challenge.transaction_id, order));
    }
    Decision {
        reply: html::page(call, order, None),
        changes,
        notifications: Vec::new(),
    }
}

/// A payment has its final result: the merchant is told, and the browser goes back to the shop. One
/// that still waits for its bank is told to nobody, and the browser stays on the page.
pub(super) fn finished(call: &Call, found: &Found) -> Decision {
    let order = &found.order;
    let moment = Moment::of(call);
    let mut changes = vec![order.change(merchant_id(call), call.now(), Some(found.version))];
    changes.extend(newly_stored(merchant_id(call), order, &moment));
    let is_final = !order.state.is_unfinished();
    let notification = is_final
        .then(|| results::told_later(order, &moment))
        .and_then(|told| notifications::of_result(call, order, &told));
    Decision {
        reply: way_back(call, order),
        changes,
        notifications: Vec::from_iter(notification),
    }
}

/// Where the browser goes after a result.
fn way_back(call: &Call, order: &Order) -> Reply {
    match return_url(order) {
        Some(url) => html::returned(call, order, url),
        None if order.state.is_unfinished() => html::pending(call, order),
        None => html::page(call, order, None),
    }
}

/// The merchant's URL for how a payment has ended; none while it is open, and for a payer who left.
pub(super) fn return_url(order: &Order) -> Option<&str> {
    let urls = &order.notification_urls;
    match order.state {
        State::GatheringDetails
        | State::InProgress
        | State::Challenged
        | State::Pending
        | State::Abandoned => None,
        State::Approved
        | State::Settled
        | State::Voided
        | State::RefundInReview
        | State::Refunded
        | State::RefundRejected
        | State::RefundExpired => Some(&urls.confirmation),
        State::Cancelled => Some(&urls.cancellation),
        State::ChallengeTimedOut
        | State::Rejected
        | State::VerificationFailed
        | State::SystemError
        | State::SessionExpired
        | State::Expired => Some(&urls.failed),
    }
}

/// The form once more, with what was wrong with it. What was typed of the card is not repeated.
pub(super) fn form_again(call: &Call) -> Reply {
    let complaint = call.failed().map(|(_, failure)| for_the_payer(&failure));
    let Some(shown) = call.form::<ShownOrder>() else {
        return html::unknown(call);
    };
    let mut reply = html::page(call, &shown.0, complaint);
    reply.status = 422;
    reply
}

/// The order whose page is asked for, for a refusal that shows it again.
pub(super) struct ShownOrder(pub(super) Order);

/// A click that comes after the payment has ended.
pub(super) fn too_late(call: &Call, order: &Order) -> Refusal {
    let mut reply = html::page(call, order, None);
    reply.status = 409;
    Refusal::Business {
        reply,
        reason: Failure::new("a payment that is still open", format!("one in {}", order.state)),
    }
}

pub(super) fn office_of(call: &Call, order: &Order) -> Result<Office, Refusal> {
    let merchant = call.merchant().map(|merchant| merchant.parts::<PacoMerchant>());
    let office = merchant.and_then(|merchant| merchant.office(&order.office_id).cloned());
    office.ok_or_else(|| Refusal::Internal {
        reason: format!("the office {} of an order is not its merchant's", order.office_id),
    })
}
