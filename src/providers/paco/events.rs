//! What moves an order without a request of its merchant or payer: a person at the controls, and
//! time.

use super::merchant::PacoMerchant;
use super::notifications;
use super::orders::{self, Found, Moment, Order};
use super::payments::newly_stored;
use super::results;
use super::states::{Event, State};
use crate::blueprint::{Driven, EventDoc, EventRefusal, Movement};

const fn doc(name: &'static str, about: &'static str) -> EventDoc {
    EventDoc {
        name,
        kind: orders::KIND,
        about,
    }
}

/// The events that a person can make happen.
pub(super) static EVENTS: &[EventDoc] = &[
    doc("paid", "the payer pays: A/PA, and S/ST in an office that settles by itself"),
    doc("declined", "the issuer declines: F/PR"),
    doc("authentication_failed", "the payer cannot be authenticated: F/VF"),
    doc("system_error", "the system fails: F/SE"),
    doc("challenge_timed_out", "the payer does not answer the challenge in time: I/AX"),
    doc("pending", "a wallet's payer promises to pay later: P/PP"),
    doc("cancelled", "the payer cancels: C/PC"),
    doc("abandoned", "the payer leaves: C/AB"),
    doc("expired", "the order's time is up: E/PE, or F/AM after a challenge"),
    doc("settled", "the whole amount is settled: S/ST"),
    doc("voided", "the payment is voided: V/VD"),
    doc("refund_approved", "the checker approves a refund under review: R/RF"),
    doc("refund_rejected", "the checker rejects it: R/RR"),
    doc("refund_expired", "nobody approves it in time: R/RE"),
];

fn named(name: &str) -> Option<Event> {
    Some(match name {
        "paid" => Event::Pay,
        "declined" => Event::Decline,
        "authentication_failed" => Event::FailAuthentication,
        "system_error" => Event::FailSystem,
        "challenge_timed_out" => Event::TimeOutChallenge,
        "pending" => Event::Postpone,
        "cancelled" => Event::Cancel,
        "abandoned" => Event::Abandon,
        "expired" => Event::Expire,
        "settled" => Event::AutoSettle,
        "voided" => Event::Void,
        "refund_approved" => Event::ApproveRefund,
        "refund_rejected" => Event::RejectRefund,
        "refund_expired" => Event::ExpireRefund,
        _ => return None,
    })
}

/// Makes an event happen.
pub(super) fn drive(driven: Driven<'_>, name: &str) -> Result<Movement, EventRefusal> {
    let event = named(name).ok_or_else(|| EventRefusal::Unknown(name.to_owned()))?;
    if driven.transaction.kind != orders::KIND {
        return Err(EventRefusal::NotNow(format!(
            "nothing happens to a {}; events happen to an {}",
            driven.transaction.kind,
            orders::KIND
        )));
    }
    let Found { mut order, version } =
        orders::read(driven.transaction, driven.at).map_err(EventRefusal::Damaged)?;
    let merchant = driven.merchant.parts::<PacoMerchant>();
    let office = merchant.office(&order.office_id).ok_or_else(|| {
        EventRefusal::Damaged(format!("its office {} is not its merchant's", order.office_id))
    })?;
    let moment = Moment {
        ids: &driven.services.ids,
        at: driven.at,
        number: driven.seq,
    };
    let before = order.state;
    if !order.happens(event, office, &moment) {
        return Err(EventRefusal::NotNow(format!(
            "order {} is {before}, in which \"{name}\" cannot happen",
            driven.transaction.key
        )));
    }
    Ok(moved(driven, &order, version, before, &moment))
}

/// Moves an order to where time has brought it.
pub(super) fn time_moves(driven: Driven<'_>) -> Result<Movement, EventRefusal> {
    let mut order: Order = serde_json::from_str(&driven.transaction.state)
        .map_err(|error| EventRefusal::Damaged(error.to_string()))?;
    let before = order.state;
    order.move_on(driven.at);
    let moment = Moment {
        ids: &driven.services.ids,
        at: order.changed_at,
        number: driven.seq,
    };
    Ok(moved(driven, &order, driven.transaction.version, before, &moment))
}

fn moved(
    driven: Driven<'_>,
    order: &Order,
    version: i64,
    before: State,
    moment: &Moment<'_>,
) -> Movement {
    let merchant = driven.merchant.id();
    let mut changes = vec![order.change(merchant, moment.at, Some(version))];
    changes.extend(newly_stored(merchant, order, moment));
    let has_result = before.is_unfinished() && !order.state.is_unfinished();
    let notifications = has_result
        .then(|| {
            let told = results::told_later(order, moment);
            notifications::owed(driven.merchant, order, &told, driven.services.clock.now())
        })
        .into_iter()
        .collect();
    Movement {
        changes,
        notifications,
    }
}
