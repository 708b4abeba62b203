//! Answers: the envelope, its three dialects of casing, and the two seals around it.

use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::constants;
use super::constants::{ANSWER_BACKDATE_S, ANSWER_ISSUER, ANSWER_LIFETIME_S};
use super::errors::{self, Code};
use super::keys;
use super::merchant::{MerchantKey, PacoMerchant};
use super::orders::date_time;
use super::settings::{Environment, ResponseDialect, Settings};
use crate::blueprint::{Call, Merchant, Reply, Services, WireReply};
use crate::crypto::jose::{self, ContentEncryption, SignatureAlgorithm};
use crate::crypto::keys::PublicKey;
use crate::ids::Ids;
use crate::scenario::Misbehaviour;
use crate::store::ExchangeFilter;

const JSON: &str = "application/json; charset=utf-8";
const JOSE: &str = "application/jose";

/// The form in which a client wants its answer, raised by the step that opened its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AnswerForm {
    /// Sealed with these algorithms; absent: plain JSON.
    pub sealed: Option<(SignatureAlgorithm, ContentEncryption)>,
}

/// `{data, version, apiResponse}` in camelCase.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Envelope<'c, D> {
    data: D,
    version: &'c str,
    api_response: ApiResponse<'c>,
}

/// `apiResponse`: every member is written, null or not.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApiResponse<'c> {
    response_message_id: String,
    response_to_request_message_id: Option<&'c str>,
    response_code: &'c str,
    response_description: &'c str,
    response_date_time: String,
    response_time: u64,
    acquirer_response_code: Option<&'c str>,
    acquirer_response_description: Option<&'c str>,
    eci_value: Option<&'c str>,
    marketing_description: Option<String>,
}

/// An answer with one of PACO's codes.
pub(super) fn answer<D: Serialize>(call: &Call, code: Code, data: D) -> Envelope<'_, D> {
    Envelope {
        data,
        version: version(call),
        api_response: api_response(&Asked::by(call), code.code, code.text),
    }
}

/// What an envelope says of the request that it answers.
pub(super) struct Asked<'c> {
    pub ids: &'c Ids,
    pub at: Timestamp,
    pub elapsed_ms: u64,
    pub version: &'c str,
    pub request_message_id: Option<&'c str>,
}

impl<'c> Asked<'c> {
    fn by(call: &'c Call) -> Self {
        Self {
            ids: &call.services().ids,
            at: call.now(),
            elapsed_ms: call.received().elapsed_ms(),
            version: version(call),
            request_message_id: api_request_text(call, "requestMessageID"),
        }
    }
}

/// The same as a message that can be recased and sealed.
pub(super) fn envelope(call: &Call, code: Code, data: Value) -> Value {
    envelope_for(&Asked::by(call), code, data)
}

/// An envelope for a request that may have been answered long ago.
pub(super) fn envelope_for(asked: &Asked<'_>, code: Code, data: Value) -> Value {
    // The data moves in: an order's tree of a hundred members is not copied for it.
    let mut envelope = Map::new();
    envelope.insert("data".to_owned(), data);
    envelope.insert("version".to_owned(), json!(asked.version));
    envelope.insert("apiResponse".to_owned(), json!(api_response(asked, code.code, code.text)));
    Value::Object(envelope)
}

/// An envelope with a code of a scenario's choice.
pub(super) fn scripted_envelope(call: &Call, code: &str, description: Option<&str>) -> Value {
    let known = errors::GIVEN.iter().find(|given| given.code == code).map(|given| given.text);
    let text = description.or(known).unwrap_or("Error");
    json!(Envelope {
        data: Value::Null,
        version: version(call),
        api_response: api_response(&Asked::by(call), code, text),
    })
}

fn api_response<'c>(asked: &Asked<'c>, code: &'c str, description: &'c str) -> ApiResponse<'c> {
    let marketing_description = (code == errors::PENDING.code).then(|| {
        format!("{description}.\nPlease complete the payment through the chosen channel.")
    });
    ApiResponse {
        response_message_id: asked.ids.uuid(),
        response_to_request_message_id: asked.request_message_id,
        response_code: code,
        response_description: description,
        response_date_time: date_time(asked.at),
        response_time: asked.elapsed_ms,
        acquirer_response_code: None,
        acquirer_response_description: None,
        eci_value: None,
        marketing_description,
    }
}

/// A text of the request's `apiRequest`, its names in any case, as they bind.
pub(super) fn api_request_text<'c>(call: &'c Call, name: &str) -> Option<&'c str> {
    let member = |value: &'c Value, wanted: &str| {
        let mut members = value.as_object()?.iter();
        members.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
    };
    member(member(call.opened()?, "apiRequest")?, name)?.as_str()
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
    Reply::message(settings.business_error_status, envelope(call, code, Value::Null))
}

/// Step 7 for PACO.
pub(super) async fn seal(
    call: Call,
    settings: &Settings,
    reply: Reply,
    misbehaviour: Option<Misbehaviour>,
) -> WireReply {
    let (mut answer, message) = reply.unsealed(JSON);
    let Some(message) = message else {
        return answer;
    };
    let form = call.form::<AnswerForm>().and_then(|form| form.sealed);
    let (Some(algorithms), Some(merchant)) = (form, call.merchant().cloned()) else {
        return answer.with_body(JSON, json_bytes(&message));
    };
    let message = in_dialect(version(&call), settings, message);
    let token = sealed(&call, settings, &merchant, algorithms, &message, misbehaviour).await;
    let Some(token) = token else {
        answer.status = constants::JOSE_FAILURE_STATUS;
        let said = json!({ "message": errors::NO_ENCRYPTION_KEY });
        return answer.with_body(JSON, json_bytes(&said));
    };
    answer.opened = Some(Arc::new(message));
    answer.with_body(JOSE, Bytes::from(token))
}

/// The claims of an answer, in the order in which PACO writes them.
#[derive(Serialize)]
struct Claims<'a> {
    response: &'a Value,
    aud: &'a str,
    iss: &'a str,
    exp: i64,
    iat: i64,
    nbf: i64,
}

/// Signs and encrypts an answer. `None`: the merchant has no encryption key on file.
async fn sealed(
    call: &Call,
    settings: &Settings,
    merchant: &Merchant,
    algorithms: (SignatureAlgorithm, ContentEncryption),
    message: &Value,
    misbehaviour: Option<Misbehaviour>,
) -> Option<String> {
    merchant.parts::<PacoMerchant>().encryption.as_ref()?;
    if misbehaviour == Some(Misbehaviour::Replayed)
        && let Some(earlier) = earlier_answer(call, merchant).await
    {
        return Some(earlier);
    }
    let seal = Seal {
        environment: settings.environment,
        algorithms,
        at: call.now(),
        misbehaviour,
    };
    seal.around(message, merchant, call.services()).await
}

/// How a message of PACO's is sealed, be it an answer or a notification.
pub(super) struct Seal {
    pub environment: Environment,
    pub algorithms: (SignatureAlgorithm, ContentEncryption),
    /// The instant at which it says that it was issued.
    pub at: Timestamp,
    pub misbehaviour: Option<Misbehaviour>,
}

impl Seal {
    /// Signs and encrypts a message. `None`: the merchant has no encryption key on file.
    pub(super) async fn around(
        &self,
        message: &Value,
        merchant: &Merchant,
        services: &Services,
    ) -> Option<String> {
        let (signature, encryption) = self.algorithms;
        let misbehaviour = self.misbehaviour;
        let parts = merchant.parts::<PacoMerchant>();
        parts.encryption.as_ref()?;
        let ours = keys::of(self.environment);
        let now = match misbehaviour {
            Some(Misbehaviour::Expired) => {
                self.at.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(self.at)
            }
            _ => self.at,
        };
        let issued = now.as_second() - ANSWER_BACKDATE_S;
        let issuer = match misbehaviour {
            Some(Misbehaviour::WrongIssuer) => "SomebodyElse",
            _ => ANSWER_ISSUER,
        };
        let audience = match misbehaviour {
            Some(Misbehaviour::WrongAudience) => services.ids.hex_128(),
            _ => parts.token.clone(),
        };
        let claims = Claims {
            response: message,
            aud: &audience,
            iss: issuer,
            exp: issued + ANSWER_LIFETIME_S,
            iat: issued,
            nbf: issued,
        };
        let payload = serde_json::to_vec(&claims).expect("claims are JSON");
        let jws_header = header(&[
            ("alg", signature.name()),
            ("typ", "JWT"),
            ("kid", &ours.signing.public().id()),
            ("jti", &services.ids.uuid()),
        ]);
        let token = services
            .rsa
            .run(move || {
                let signing = match misbehaviour {
                    Some(Misbehaviour::WrongSigningKey) => &ours.encryption,
                    _ => &ours.signing,
                };
                let jws = jose::sign(signing, signature, &jws_header, &payload);
                let theirs = parts.encryption.as_ref().map(MerchantKey::public);
                let recipient: &PublicKey = match (misbehaviour, theirs) {
                    (Some(Misbehaviour::WrongEncryptionKey), _) | (_, None) => {
                        ours.encryption.public()
                    }
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

/// The casing of a sealed message.
pub(super) fn in_dialect(version: &str, settings: &Settings, message: Value) -> Value {
    let v1 = match settings.response_dialect {
        ResponseDialect::V1 => true,
        ResponseDialect::Camel => false,
        ResponseDialect::ByVersion => version == "1.0",
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
            // A list is PascalCase all the way down.
            "data" if value.is_array() => pascal_throughout(value),
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

fn pascal_throughout(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .map(|(name, value)| (pascal(&name), pascal_throughout(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(pascal_throughout).collect()),
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
