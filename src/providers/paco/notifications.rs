//! The backend notification: what PACO owes to `backendURL` after a final payment result. It is
//! queued in the commit of the exchange that caused it.

use serde::Serialize;
use serde_json::Value;

use super::answers::{AnswerForm, version};
use super::orders::Order;
use crate::blueprint::Call;
use crate::store::NewNotification;

/// What is owed, and the form in which it is sealed: that of the answer.
#[derive(Serialize)]
struct Payload<'p> {
    response: &'p Value,
    form: Form<'p>,
}

#[derive(Serialize)]
struct Form<'p> {
    version: &'p str,
    sealed: Option<[&'static str; 2]>,
}

/// The notification of a payment's final result: the same envelope as the answer.
pub(super) fn of_result(call: &Call, order: &Order, envelope: &Value) -> NewNotification {
    let sealed = call.form::<AnswerForm>().and_then(|form| form.sealed);
    let payload = Payload {
        response: envelope,
        form: Form {
            version: version(call),
            sealed: sealed.map(|(signature, encryption)| [signature.name(), encryption.name()]),
        },
    };
    NewNotification {
        merchant: call.merchant().map(|merchant| merchant.id().to_owned()).unwrap_or_default(),
        provider: "paco".to_owned(),
        subject: order.order_no.clone(),
        url: order.notification_urls.backend.clone(),
        payload: serde_json::to_string(&payload).expect("a payload is JSON"),
        due_at: call.now(),
    }
}
