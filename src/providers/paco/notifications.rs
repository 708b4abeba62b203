//! The backend notification: what PACO owes to `backendURL` after a final payment result. It is
//! queued in the commit of whatever caused it.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::orders::Order;
use super::payments::merchant_id;
use crate::blueprint::Call;
use crate::store::NewNotification;

/// What is owed, and the form in which it is sealed: that of the order's request.
#[derive(Serialize)]
struct Payload<'p> {
    response: &'p Value,
    form: Form<'p>,
}

#[derive(Serialize)]
struct Form<'p> {
    version: &'p str,
    sealed: Option<&'p [String; 2]>,
}

/// The notification of a result that this exchange has brought about.
pub(super) fn of_result(call: &Call, order: &Order, envelope: &Value) -> NewNotification {
    owed(merchant_id(call), order, envelope, call.received().at)
}

/// The notification of a payment's final result: the same envelope as the answer. It is due at an
/// instant of the server's clock.
pub(super) fn owed(
    merchant: &str,
    order: &Order,
    envelope: &Value,
    due_at: Timestamp,
) -> NewNotification {
    let payload = Payload {
        response: envelope,
        form: Form {
            version: &order.origin.version,
            sealed: order.origin.sealed.as_ref(),
        },
    };
    NewNotification {
        merchant: merchant.to_owned(),
        provider: "paco".to_owned(),
        subject: order.order_no.clone(),
        url: order.notification_urls.backend.clone(),
        payload: serde_json::to_string(&payload).expect("a payload is JSON"),
        due_at,
    }
}
