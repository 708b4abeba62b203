//! The backend notification: what PACO owes to `backendURL` after a final payment result. It is
//! queued in the commit of the exchange that caused it.

use serde_json::{Value, json};

use super::answers::{AnswerForm, version};
use super::orders::Order;
use crate::blueprint::Call;
use crate::store::NewNotification;

/// The notification of a payment's final result: the same envelope as the answer.
pub(super) fn of_result(call: &Call, order: &Order, envelope: &Value) -> NewNotification {
    let sealed = call.form::<AnswerForm>().and_then(|form| form.sealed);
    NewNotification {
        merchant: call.merchant().map(|merchant| merchant.id().to_owned()).unwrap_or_default(),
        provider: "paco".to_owned(),
        subject: order.order_no.clone(),
        url: order.notification_urls.backend.clone(),
        payload: json!({
            "response": envelope,
            // It is sealed as the answer was: with these algorithms, in this version's casing.
            "form": {
                "version": version(call),
                "sealed": sealed.map(|(signature, encryption)| [signature.name(), encryption.name()]),
            },
        }),
        due_at: call.now(),
    }
}
