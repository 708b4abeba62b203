//! The backend notification: what PACO owes to `backendURL` after a final payment result. It is
//! queued in the commit of the exchange that caused it.

use serde_json::{Value, json};

use super::orders::Order;
use crate::blueprint::Call;
use crate::store::NewNotification;

/// The notification of a payment's final result: the same envelope as the answer.
pub(super) fn of_result(call: &Call, order: &Order, envelope: &Value) -> NewNotification {
    NewNotification {
        merchant: call.merchant().map(|merchant| merchant.id().to_owned()).unwrap_or_default(),
        provider: "paco".to_owned(),
        subject: order.order_no.clone(),
        url: order.notification_urls.backend.clone(),
        payload: json!({"response": envelope}),
        due_at: call.now(),
    }
}
