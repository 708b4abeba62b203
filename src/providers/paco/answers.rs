//! Answers: the envelope, its three dialects of casing, and the two seals around it.

use bytes::Bytes;
use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::errors::{self, Code};
use super::keys;
use super::merchant::{MerchantKey, PacoMerchant};
use super::orders::date_time;
use super::settings::{
    self, ANSWER_BACKDATE_S, ANSWER_ISSUER, ANSWER_LIFETIME_S, ResponseDialect, Settings,
};
use crate::blueprint::{Call, Merchant, Reply, ReplyBody, WireReply};
use crate::crypto::jose::{self, ContentEncryption, SignatureAlgorithm};
use crate::crypto::keys::PublicKey;
use crate::scenario::Misbehaviour;
use crate::store::ExchangeFilter;

/// The form in which a client wants its answer, raised by the step that opened its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AnswerForm {
    /// Sealed with these algorithms; absent: plain JSON.
    pub sealed: Option<(SignatureAlgorithm, ContentEncryption)>,
}

/// `{data, version, apiResponse}` in camelCase.
pub(super) fn envelope(call: &Call, code: Code, description: Option<&str>, data: &Value) -> Value {
    let version = version(call);
    json!({
        "data": data,
        "version": version,
        "apiResponse": api_response(call, code.code, description.unwrap_or(code.text)),
    })
}

/// `{data, version, apiResponse}` with a code of a scenario's choice.
pub(super) fn scripted_envelope(call: &Call, code: &str, description: Option<&str>) -> Value {
    let known = errors::GIVEN.iter().find(|given| given.code == code).map(|given| given.text);
    let text = description.or(known).unwrap_or("Error");
    json!({
        "data": null,
        "version": version(call),
        "apiResponse": api_response(call, code, text),
    })
}

fn api_response(call: &Call, code: &str, description: &str) -> Value {
    let echoed = call
        .opened()
        .and_then(|request| request["apiRequest"]["requestMessageID"].as_str())
        .map(ToOwned::to_owned);
    let marketing = (code == errors::PENDING.code).then(|| {
        format!("{description}.\nPlease complete the payment through the chosen channel.")
    });
    json!({
        "responseMessageId": call.services().ids.uuid(),
        "responseToRequestMessageId": echoed,
        "responseCode": code,
        "responseDescription": description,
        "responseDateTime": date_time(call.now()),
        "responseTime": call.received().elapsed_ms(),
        "acquirerResponseCode": null,
        "acquirerResponseDescription": null,
        "eciValue": null,
        "marketingDescription": marketing,
    })
}

/// `1.0` for the path segments `1` and `1.0`, else the segment itself.
pub(super) fn version(call: &Call) -> &str {
    match call.route().and_then(|route| route.parameters.get("version")).map(String::as_str) {
        Some("1" | "1.0") => "1.0",
        Some(version) => version,
        None => "2.0",
    }
}

/// A business refusal, sealed as its request was.
pub(super) fn business_error(call: &Call, settings: &Settings, code: Code) -> Reply {
    Reply::message(settings.business_error_status, envelope(call, code, None, &Value::Null))
}

/// Step 7 for PACO.
pub(super) async fn seal(
    call: Call,
    settings: &Settings,
    reply: Reply,
    misbehaviour: Option<Misbehaviour>,
) -> WireReply {
    let mut headers: Vec<(String, String)> =
        reply.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let (content_type, body, opened, status) = match reply.body {
        ReplyBody::Empty => (None, Bytes::new(), None, reply.status),
        ReplyBody::Raw(content_type, bytes) => (Some(content_type), bytes, None, reply.status),
        ReplyBody::PlainMessage(message) => (
            Some("application/json; charset=utf-8"),
            json_bytes(&message),
            Some(message),
            reply.status,
        ),
        ReplyBody::Message(message) => {
            let form = call.form::<AnswerForm>().and_then(|form| form.sealed);
            match (form, call.merchant()) {
                (Some(algorithms), Some(merchant)) => {
                    let merchant = merchant.clone();
                    let message = in_dialect(&call, settings, message);
                    match sealed(&call, settings, &merchant, algorithms, &message, misbehaviour)
                        .await
                    {
                        Some(token) => (
                            Some("application/jose"),
                            Bytes::from(token),
                            Some(message),
                            reply.status,
                        ),
                        None => {
                            let message = json!({"message": errors::NO_ENCRYPTION_KEY});
                            let bytes = json_bytes(&message);
                            (
                                Some("application/json; charset=utf-8"),
                                bytes,
                                Some(message),
                                settings::JOSE_FAILURE_STATUS,
                            )
                        }
                    }
                }
                _ => (
                    Some("application/json; charset=utf-8"),
                    json_bytes(&message),
                    Some(message),
                    reply.status,
                ),
            }
        }
    };
    if let Some(content_type) = content_type {
        headers.insert(0, ("content-type".to_owned(), content_type.to_owned()));
    }
    WireReply {
        status,
        headers,
        body,
        opened,
    }
}

/// Signs and encrypts an answer. `None`: the merchant has no encryption key on file.
async fn sealed(
    call: &Call,
    settings: &Settings,
    merchant: &Merchant,
    (signature, encryption): (SignatureAlgorithm, ContentEncryption),
    message: &Value,
    misbehaviour: Option<Misbehaviour>,
) -> Option<String> {
    let parts = merchant.parts::<PacoMerchant>();
    parts.encryption.as_ref()?;
    if misbehaviour == Some(Misbehaviour::Replayed)
        && let Some(earlier) = earlier_answer(call, merchant).await
    {
        return Some(earlier);
    }
    let environment = settings.environment;
    let ours = keys::of(environment);
    let now = match misbehaviour {
        Some(Misbehaviour::Expired) => {
            call.now().saturating_sub(SignedDuration::from_hours(24)).unwrap_or(call.now())
        }
        _ => call.now(),
    };
    let issued = now.as_second() - ANSWER_BACKDATE_S;
    let issuer = match misbehaviour {
        Some(Misbehaviour::WrongIssuer) => "SomebodyElse",
        _ => ANSWER_ISSUER,
    };
    let audience = match misbehaviour {
        Some(Misbehaviour::WrongAudience) => call.services().ids.hex_128(),
        _ => parts.token.clone(),
    };
    let claims = json!({
        "response": message,
        "aud": audience,
        "iss": issuer,
        "exp": issued + ANSWER_LIFETIME_S,
        "iat": issued,
        "nbf": issued,
    });
    let jws_header = header(&[
        ("alg", signature.name()),
        ("typ", "JWT"),
        ("kid", &ours.signing.public().id()),
        ("jti", &call.services().ids.uuid()),
    ]);
    let token = call
        .services()
        .rsa
        .run(move || {
            let signing = match misbehaviour {
                Some(Misbehaviour::WrongSigningKey) => &ours.encryption,
                _ => &ours.signing,
            };
            let jws = jose::sign(signing, signature, &jws_header, &json_bytes(&claims));
            let theirs = parts.encryption.as_ref().map(MerchantKey::public);
            let recipient: &PublicKey = match (misbehaviour, theirs) {
                (Some(Misbehaviour::WrongEncryptionKey), _) | (_, None) => ours.encryption.public(),
                (_, Some(theirs)) => theirs,
            };
            let kid = theirs.map(PublicKey::id).unwrap_or_default();
            let jwe_header = header(&[
                ("alg", "RSA-OAEP"),
                ("enc", encryption.name()),
                ("kid", &kid),
                ("typ", "JWT"),
            ]);
            jose::encrypt(recipient, encryption, &jwe_header, jws.as_bytes())
        })
        .await;
    Some(match misbehaviour {
        Some(Misbehaviour::TamperedTag) => with_changed_tag(&token),
        _ => token,
    })
}

/// The last sealed answer that this merchant got from this endpoint, for a replay.
async fn earlier_answer(call: &Call, merchant: &Merchant) -> Option<String> {
    let store = &call.services().store;
    let filter = ExchangeFilter {
        merchant: Some(Some(merchant.id().to_owned())),
        endpoint: call.route().map(|route| route.endpoint.to_owned()),
        ..ExchangeFilter::newest(20)
    };
    for summary in store.exchanges(&filter).await.ok()? {
        let detail = store.exchange(summary.seq).await.ok().flatten()?;
        let text = String::from_utf8(detail.answer_body).ok()?;
        if detail.answer_note.is_none() && text.split('.').count() == 5 {
            return Some(text);
        }
    }
    None
}

/// Changes one bit of the tag's first byte: the form stays right, the content does not.
fn with_changed_tag(token: &str) -> String {
    let (head, tag) = token.rsplit_once('.').unwrap_or((token, ""));
    let first = if tag.starts_with('A') { 'B' } else { 'A' };
    format!("{head}.{first}{}", tag.get(1..).unwrap_or_default())
}

/// Header members in the given order.
pub(super) fn header(members: &[(&str, &str)]) -> Map<String, Value> {
    members.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
}

pub(super) fn json_bytes(value: &Value) -> Bytes {
    Bytes::from(serde_json::to_vec(value).expect("a JSON value is JSON"))
}

/// The casing of a sealed answer.
fn in_dialect(call: &Call, settings: &Settings, message: Value) -> Value {
    let v1 = match settings.response_dialect {
        ResponseDialect::V1 => true,
        ResponseDialect::Camel => false,
        ResponseDialect::ByVersion => version(call) == "1.0",
    };
    if v1 { to_v1(message) } else { message }
}

/// The 1.0 dialect as captured: the envelope, `ApiResponse` and the value objects inside `Data` are
/// `PascalCase`, other members of `Data` camelCase, `InvoiceNo2C2P` and its like excepted.
fn to_v1(message: Value) -> Value {
    let Value::Object(map) = message else {
        return message;
    };
    let members = map.into_iter().map(|(name, value)| {
        let value = match name.as_str() {
            "data" => data_to_v1(value),
            "apiResponse" => pascal_members(value),
            _ => value,
        };
        (pascal(&name), value)
    });
    Value::Object(members.collect())
}

fn data_to_v1(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .map(|(name, value)| {
                    if is_value_object(&name) {
                        (name, pascal_members(value))
                    } else if name == "invoiceNo2C2P" {
                        ("InvoiceNo2C2P".to_owned(), value)
                    } else {
                        (name, data_to_v1(value))
                    }
                })
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(data_to_v1).collect()),
        other => other,
    }
}

fn is_value_object(name: &str) -> bool {
    matches!(name, "notificationURLs" | "paymentStatusInfo")
        || name.ends_with("Amount")
        || name.ends_with("Price")
}

fn pascal_members(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            Value::Object(map.into_iter().map(|(name, value)| (pascal(&name), value)).collect())
        }
        other => other,
    }
}

fn pascal(name: &str) -> String {
    let mut letters = name.chars();
    match letters.next() {
        Some(first) => first.to_ascii_uppercase().to_string() + letters.as_str(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_dialect_has_its_captured_casing() {
        let message = json!({
            "data": {"paymentIncompleteResult": {
                "notificationURLs": {"confirmationUrl": "u"},
                "invoiceNo2C2P": null,
                "controllerInternalID": "c",
                "transactionAmount": {"amountText": "1"}},
                "paymentPage": {"paymentPageURL": "p"}},
            "version": "1.0",
            "apiResponse": {"responseCode": "PC-B050001"},
        });

        assert_eq!(
            to_v1(message).to_string(),
            json!({
                "Data": {"paymentIncompleteResult": {
                    "notificationURLs": {"ConfirmationUrl": "u"},
                    "InvoiceNo2C2P": null,
                    "controllerInternalID": "c",
                    "transactionAmount": {"AmountText": "1"}},
                    "paymentPage": {"paymentPageURL": "p"}},
                "Version": "1.0",
                "ApiResponse": {"ResponseCode": "PC-B050001"},
            })
            .to_string()
        );
    }

    #[test]
    fn a_changed_tag_keeps_its_form() {
        assert_eq!(with_changed_tag("a.b.c.d.Aq"), "a.b.c.d.Bq");
        assert_eq!(with_changed_tag("a.b.c.d.zq"), "a.b.c.d.Aq");
    }
}
