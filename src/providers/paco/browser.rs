//! The ladder of requests that a payer's browser makes: to the hosted page, and to the access control
//! server. A browser has no token; it comes by a name that was handed out.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::ladder::{
    ANSWER_CHECKS, CHALLENGE_ANSWER, CHALLENGE_CHECKS, CREQ, HTTPS, PAGE, PAGE_CHECKS, PAGE_FORM,
    PAGE_FORM_CHECKS, SESSION_DATA,
};
use super::orders::{self, Found};
use super::pages::ShownOrder;
use super::security::{over_https, parameters};
use super::settings::Settings;
use crate::blueprint::{Call, NamedBy, Received, Refusal, Verified};
use crate::checks::Failure;
use crate::json;
use crate::masking::passes_luhn;

/// A payer on an order's page.
pub(super) struct Visit {
    pub found: Found,
}

/// What a payer did on the page.
pub(super) struct Click {
    pub found: Found,
    pub action: Action,
}

/// A button of the page.
pub(super) enum Action {
    /// Pay: with this card, or with what the order knows already.
    Pay(Option<TypedCard>),
    Decline,
    Cancel,
    Leave,
}

/// A card as the payer typed it, checked.
pub(super) struct TypedCard {
    pub number: String,
    pub expiry: String,
    pub holder: Option<String>,
}

/// An answer to a challenge.
pub(super) struct Answer {
    pub found: Found,
    pub result: ChallengeResult,
}

/// A button of the access control server's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChallengeResult {
    Pass,
    Fail,
    Timeout,
    Cancel,
}

/// The name by which a browser comes: the page's id, or the challenge's transaction.
pub(super) fn named_by(received: &Received) -> Option<NamedBy> {
    let path = received.uri.path().to_ascii_lowercase();
    let name = match path.trim_end_matches('/') {
        "/payment" => text(&parameters(received.uri.query().unwrap_or_default()), "pid"),
        "/challenge/browser" | "/challenge/answer" => {
            text(&form(received), "creq").and_then(|creq| transaction_of(&creq).ok())
        }
        _ => None,
    }?;
    Some(NamedBy::Issued(name))
}

/// Judges a visit to the page.
pub(super) async fn visit(call: Call, settings: Arc<Settings>) -> Result<Verified<Visit>, Refusal> {
    let found = on_page(&call, &settings).await?;
    call.set_opened(json!({ "orderNo": found.order.order_no }));
    call.verified(PAGE_CHECKS, Visit { found })
}

/// Judges a click on the page.
pub(super) async fn click(call: Call, settings: Arc<Settings>) -> Result<Verified<Click>, Refusal> {
    let found = on_page(&call, &settings).await?;
    let form = form(call.received());
    call.set_opened(opened(&found, &form));
    call.set_form(ShownOrder(found.order.clone()));
    let needs_card = found.order.is_paid_by_card() && found.order.card.is_none();
    let action = call.step(&PAGE_FORM, action(&form, needs_card))?;
    call.verified(PAGE_FORM_CHECKS, Click { found, action })
}

/// Judges the browser's arrival at the access control server.
pub(super) async fn arrival(
    call: Call,
    settings: Arc<Settings>,
) -> Result<Verified<Visit>, Refusal> {
    let form = form(call.received());
    let found = at_challenge(&call, &settings, &form).await?;
    call.set_opened(json!({ "orderNo": found.order.order_no }));
    call.verified(CHALLENGE_CHECKS, Visit { found })
}

/// Judges an answer to the challenge.
pub(super) async fn answer(
    call: Call,
    settings: Arc<Settings>,
) -> Result<Verified<Answer>, Refusal> {
    let form = form(call.received());
    let found = at_challenge(&call, &settings, &form).await?;
    call.set_opened(json!({
        "orderNo": found.order.order_no,
        "result": form.get("result").cloned().unwrap_or_default(),
    }));
    let result = call.step(&CHALLENGE_ANSWER, challenge_result(&form))?;
    call.verified(ANSWER_CHECKS, Answer { found, result })
}

/// The order of the page that was asked for.
async fn on_page(call: &Call, settings: &Settings) -> Result<Found, Refusal> {
    call.judge(&HTTPS, over_https(call, settings))?;
    let query = parameters(call.received().uri.query().unwrap_or_default());
    let named = match call.issued() {
        Some(issued) => Some(order_of(call, &issued.key).await?),
        None => None,
    };
    let found = call.step(&PAGE, page(&query, named))?;
    proven(call, &found);
    Ok(found)
}

/// The order whose payer is challenged.
async fn at_challenge(
    call: &Call,
    settings: &Settings,
    form: &Map<String, Value>,
) -> Result<Found, Refusal> {
    call.judge(&HTTPS, over_https(call, settings))?;
    let key = call.step(&CREQ, creq(call, form))?;
    let found = order_of(call, &key).await?;
    proven(call, &found);
    call.step(&SESSION_DATA, session_data(&found, form))?;
    Ok(found)
}

/// Whoever comes by a name that was handed out is who it was handed out to.
fn proven(call: &Call, found: &Found) {
    call.proven();
    call.set_subject(found.order.order_no.chars().take(100).collect::<String>());
}

async fn order_of(call: &Call, key: &str) -> Result<Found, Refusal> {
    orders::find(call, key).await?.ok_or_else(|| Refusal::Internal {
        reason: format!("a page was handed out for the order {key}, which is not there"),
    })
}

fn page(query: &Map<String, Value>, named: Option<Found>) -> Result<Found, Failure> {
    let expected = "the pid of a paymentPageURL or webPaymentUrl that was handed out";
    match (text(query, "pid"), named) {
        (None, _) => Err(Failure::new(expected, "no pid")),
        // The name of a challenge is no page's.
        (Some(pid), Some(found)) if pid == found.order.controller_internal_id => Ok(found),
        (Some(pid), _) => Err(Failure::new(
            expected,
            format!("\"{}\", which stands for no order", pid.chars().take(64).collect::<String>()),
        )
        .detail("a reset clears orders and their pages; another server has others")),
    }
}

fn creq(call: &Call, form: &Map<String, Value>) -> Result<String, Failure> {
    let expected = "the creq of an aresACSChallenge, posted as a form field";
    let Some(creq) = text(form, "creq") else {
        return Err(Failure::new(expected, "no creq"));
    };
    let transaction = transaction_of(&creq).map_err(|reason| Failure::new(expected, reason))?;
    match call.issued() {
        Some(issued) => Ok(issued.key.clone()),
        None => Err(Failure::new(expected, format!("acsTransID {transaction}, which is unknown"))),
    }
}

fn session_data(found: &Found, form: &Map<String, Value>) -> Result<(), Failure> {
    let wanted = found.order.challenge.as_ref().map(|challenge| challenge.session_data.as_str());
    let sent = text(form, "threeDSSessionData");
    if wanted.is_some() && sent.as_deref() == wanted {
        return Ok(());
    }
    Err(Failure::new(
        "threeDSSessionData as aresACSChallenge gave it",
        sent.map_or("none", |_| "another value"),
    ))
}

/// The transaction that a creq names (EMV 3-D Secure: a `CReq` message in base64url).
fn transaction_of(creq: &str) -> Result<String, String> {
    let bytes = URL_SAFE_NO_PAD
        .decode(creq.trim_end_matches('='))
        .map_err(|_| "a creq that is no base64url".to_owned())?;
    let message =
        json::parse_object(&bytes).map_err(|fault| format!("a creq that is no JSON: {fault}"))?;
    text(&message, "acsTransID").ok_or_else(|| "a creq without acsTransID".to_owned())
}

fn action(form: &Map<String, Value>, needs_card: bool) -> Result<Action, Failure> {
    let sent = text(form, "action");
    match sent.as_deref() {
        Some("pay") if needs_card => typed_card(form).map(|card| Action::Pay(Some(card))),
        Some("pay") => Ok(Action::Pay(None)),
        Some("decline") => Ok(Action::Decline),
        Some("cancel") => Ok(Action::Cancel),
        Some("leave") => Ok(Action::Leave),
        other => Err(Failure::new(
            "action pay, decline, cancel or leave, as the page's buttons send it",
            other.map_or("none".to_owned(), |other| {
                format!("\"{}\"", other.chars().take(40).collect::<String>())
            }),
        )),
    }
}

fn typed_card(form: &Map<String, Value>) -> Result<TypedCard, Failure> {
    // People type numbers in groups.
    let digits =
        |name: &str, ignored: &[char]| text(form, name).unwrap_or_default().replace(ignored, "");
    let number = digits("cardNumber", &[' ', '-']);
    if !passes_luhn(&number) {
        return Err(Failure::new(
            "cardNumber, 12 to 19 digits that pass the Luhn check",
            if number.is_empty() { "none" } else { "another number" },
        ));
    }
    let expiry = digits("cardExpiryMMYY", &[' ', '/']);
    let month = expiry.get(..2).and_then(|month| month.parse::<u8>().ok());
    let is_expiry = expiry.len() == 4
        && expiry.bytes().all(|byte| byte.is_ascii_digit())
        && month.is_some_and(|month| (1..=12).contains(&month));
    if !is_expiry {
        return Err(Failure::new("cardExpiryMMYY, four digits MMYY", format!("\"{expiry}\"")));
    }
    let code = text(form, "cvvCode").unwrap_or_default();
    let is_code = (3..=4).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit());
    if !is_code {
        return Err(Failure::new(
            "cvvCode, three or four digits",
            if code.is_empty() { "none" } else { "something else" },
        ));
    }
    let holder = text(form, "cardHolderName").map(|name| name.chars().take(100).collect());
    Ok(TypedCard {
        number,
        expiry,
        holder,
    })
}

fn challenge_result(form: &Map<String, Value>) -> Result<ChallengeResult, Failure> {
    match text(form, "result").as_deref() {
        Some("pass") => Ok(ChallengeResult::Pass),
        Some("fail") => Ok(ChallengeResult::Fail),
        Some("timeout") => Ok(ChallengeResult::Timeout),
        Some("cancel") => Ok(ChallengeResult::Cancel),
        other => Err(Failure::new(
            "result pass, fail, timeout or cancel, as the page's buttons send it",
            other.map_or("none".to_owned(), |other| {
                format!("\"{}\"", other.chars().take(40).collect::<String>())
            }),
        )),
    }
}

/// The fields of a posted form.
pub(super) fn form(received: &Received) -> Map<String, Value> {
    match std::str::from_utf8(&received.body) {
        Ok(text) => parameters(text),
        Err(_) => Map::new(),
    }
}

/// A form as scenarios and the journal see it: the card where a message has it.
fn opened(found: &Found, form: &Map<String, Value>) -> Value {
    let field = |name: &str| form.get(name).cloned().unwrap_or_default();
    let number = text(form, "cardNumber").map(|number| number.replace([' ', '-'], ""));
    json!({
        "orderNo": found.order.order_no,
        "action": field("action"),
        "creditCardDetails": {
            "cardNumber": number,
            "cardExpiryMMYY": field("cardExpiryMMYY"),
            "cvvCode": field("cvvCode"),
            "cardHolderName": field("cardHolderName"),
        },
    })
}

/// A field that is there and not empty.
fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    let value = fields.get(name)?.as_str()?;
    (!value.trim().is_empty()).then(|| value.trim().to_owned())
}

/// The creq that a browser is given for a transaction.
pub(super) fn creq_of(transaction: &str) -> String {
    let message = json!({
        "threeDSServerTransID": transaction,
        "acsTransID": transaction,
        "messageType": "CReq",
        "messageVersion": super::constants::THREE_DS_VERSION,
        "challengeWindowSize": "05",
    });
    URL_SAFE_NO_PAD.encode(message.to_string())
}

/// Why a form was sent back, in words for the payer.
pub(super) fn for_the_payer(failure: &Failure) -> &'static str {
    let field = failure.expected.split([',', ' ']).next().unwrap_or_default();
    match field {
        "cardNumber" => "Please check the card number.",
        "cardExpiryMMYY" => "Please give the expiry as month and year, MMYY.",
        "cvvCode" => "Please give the security code, three or four digits.",
        _ => "Please choose one of the buttons.",
    }
}
