//! The backend notification: what PACO owes to `backendURL` after a final payment result. It is
//! queued in the commit of whatever caused it, and sealed anew for each attempt.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::addressed;
use super::answers::{AnswerForm, Seal, in_dialect, version};
use super::constants::NOTIFICATION_CONTENT_TYPE;
use super::merchant::PacoMerchant;
use super::orders::Order;
use super::settings::Environment;
use crate::blueprint::{Call, Merchant, NotificationMessage, Services};
use crate::crypto::jose::{ContentEncryption, SignatureAlgorithm};
use crate::store::NewNotification;

/// What is owed, and the form in which it is sealed.
#[derive(Serialize, Deserialize)]
struct Payload<R, F> {
    response: R,
    form: F,
}

/// The form of a notification: that of the order's request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Form {
    /// Version of the path, which decides the casing.
    pub version: String,
    /// The environment whose real host the client addressed; absent: the merchant's own.
    environment: Option<Environment>,
    /// Names of the signature and content encryption algorithms; absent: the request was plain.
    sealed: Option<[String; 2]>,
}

impl Form {
    /// The form in which the request of a call came.
    pub(super) fn of(call: &Call) -> Self {
        let sealed = call.form::<AnswerForm>().and_then(|form| form.sealed);
        let sealed = sealed.map(|(signature, encryption)| [signature.name(), encryption.name()]);
        let host = call.received().connection.front_door_host.as_deref();
        Self {
            version: version(call).to_owned(),
            environment: addressed(host),
            sealed: sealed.map(|names| names.map(ToOwned::to_owned)),
        }
    }

    /// Its algorithms. A notification is sealed also where its order's request was plain: then as a
    /// sealed answer to it is.
    fn algorithms(&self) -> Result<(SignatureAlgorithm, ContentEncryption), String> {
        let Some([signature, encryption]) = &self.sealed else {
            return Ok((SignatureAlgorithm::Ps256, ContentEncryption::A128CbcHs256));
        };
        SignatureAlgorithm::named(signature)
            .zip(ContentEncryption::named(encryption))
            .ok_or_else(|| format!("{signature} and {encryption} are no algorithms of PACO's"))
    }
}

/// The notification of a result that this exchange has brought about.
pub(super) fn of_result(call: &Call, order: &Order, envelope: &Value) -> Option<NewNotification> {
    call.merchant().map(|merchant| owed(merchant, order, envelope, call.received().at))
}

/// The notification of a payment's final result: the same envelope as an answer, in the form of the
/// order's request. `told_at` is an instant of the server's clock, because that is the one that
/// delivers; the merchant's may be shifted.
pub(super) fn owed(
    merchant: &Merchant,
    order: &Order,
    envelope: &Value,
    told_at: Timestamp,
) -> NewNotification {
    let settings = merchant.parts::<PacoMerchant>().settings(None);
    let delay = settings.notification_delays.first().copied().unwrap_or_default();
    let payload = Payload {
        response: envelope,
        form: &order.origin.form,
    };
    NewNotification {
        merchant: merchant.id().to_owned(),
        provider: "paco".to_owned(),
        subject: order.order_no.clone(),
        url: order.notification_urls.backend.clone(),
        payload: serde_json::to_string(&payload).expect("a payload is JSON"),
        due_at: told_at.saturating_add(delay).unwrap_or(told_at),
    }
}

/// What one attempt sends.
pub(super) async fn sealed(
    payload: Value,
    merchant: &Merchant,
    services: &Services,
    at: Timestamp,
) -> Result<NotificationMessage, String> {
    let payload: Payload<Value, Form> = serde_json::from_value(payload)
        .map_err(|error| format!("what was queued cannot be read ({error})"))?;
    let Payload { response, form } = payload;
    let settings = merchant.parts::<PacoMerchant>().settings(form.environment);
    let seal = Seal {
        environment: settings.environment,
        algorithms: form.algorithms()?,
        at,
        misbehaviour: None,
    };
    let message = in_dialect(&form.version, &settings, response);
    let token = seal.around(&message, merchant, services).await.ok_or_else(|| {
        format!(
            "merchant {} has no encryption key on file, so nothing can be sealed; create it with \
             encryption_public_key",
            merchant.id()
        )
    })?;
    Ok(NotificationMessage {
        content_type: NOTIFICATION_CONTENT_TYPE,
        headers: Vec::new(),
        body: Bytes::from(token),
    })
}
