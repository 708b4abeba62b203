//! `Payment/prePaymentUi` and `Payment/nonUi`: an order with a hosted page, and a direct payment.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::answers::{api_request_text, business_error, envelope};
use super::errors::{
    Code, DECLINED, INVALID_REQUEST, NOT_AUTHENTICATED, PENDING, SUCCESS, SYSTEM_ERROR,
};
use super::merchant::{Office, PacoMerchant};
use super::messages::Payment;
use super::notifications;
use super::orders::{self, Card, Order, date_time, date_time_seconds};
use super::settings::Settings;
use super::states::State;
use crate::blueprint::{Call, Decision, Refusal, Reply, Verified};
use crate::checks::Failure;
use crate::scenario::{NOTHING_WRONG, Outcome};

/// Beyond the schema: airline data wants a billing address. One client reports the text.
pub(super) fn order_rules(request: &Value) -> Result<(), Failure> {
    if request.get("airlineData").is_some() && request.get("billingAddress").is_none() {
        return Err(Failure::new(
            "the member billingAddress, because airlineData is present",
            "none",
        ));
    }
    Ok(())
}

/// Beyond the schema: a direct card payment needs a card, its expiry, or a stored card.
pub(super) fn direct_rules(request: &Value) -> Result<(), Failure> {
    order_rules(request)?;
    let Some(payment_type) = request["paymentType"].as_str() else {
        return Err(Failure::new("the member paymentType of a direct payment", "none"));
    };
    if !is_known(payment_type) {
        return Err(Failure::new(
            "paymentType CC, CC-VI, CC-CA, CC-AX, CC-UP, CC-JC, IPP, QR, WALLET, WALLET-… or IMBANK",
            format!("\"{payment_type}\""),
        ));
    }
    let is_card = is_card(payment_type);
    let stored = request["storeCardDetails"]["storedCardUniqueID"].as_str();
    let has_stored = stored.is_some_and(|id| !id.is_empty() && !id.starts_with("{{"));
    if !is_card || has_stored {
        return Ok(());
    }
    for member in ["cardNumber", "cardExpiryMMYY"] {
        if request["creditCardDetails"].get(member).is_none() {
            return Err(Failure::new(
                format!("the member creditCardDetails.{member} of a card payment"),
                "none",
            ));
        }
    }
    Ok(())
}

/// The payment types that are seen, or the families that they belong to.
fn is_known(payment_type: &str) -> bool {
    let family = payment_type.split('-').next().unwrap_or_default();
    ["CC", "IPP", "QR", "WALLET", "IMBANK"].contains(&family)
}

fn is_card(payment_type: &str) -> bool {
    matches!(payment_type.split('-').next(), Some("CC" | "IPP"))
}

/// Creates an order that waits for its payer on the hosted page.
pub(super) async fn pre_payment_ui(
    call: Call,
    settings: Arc<Settings>,
    request: Verified<Payment>,
    outcome: Outcome,
) -> Result<Decision, Refusal> {
    let (call, settings) = (&call, &*settings);
    let request = request.into_inner();
    let office = office(call, settings, &request.office_id)?;
    refuse_duplicate(call, settings, &request.order_no).await?;
    if let Some(code) = failure_of(outcome) {
        return Err(scripted_failure(call, settings, code, outcome));
    }
    let order = new_order(call, &office, request.clone(), State::GatheringDetails);
    let data = json!({
        "paymentIncompleteResult": incomplete_result(&order, &request),
        "paymentPage": {
            "paymentPageURL": format!(
                "{}/payment/?pid={}&lang={}",
                page_origin(call),
                order.controller_internal_id,
                page_language(call),
            ),
            "validTillDateTime": date_time_seconds(order.expires_at),
        },
    });
    Ok(Decision {
        reply: Reply::message(200, envelope(call, PENDING, data)),
        changes: vec![order.change(call, None)],
        notifications: Vec::new(),
    })
}

/// Pays directly, without 3-D Secure.
pub(super) async fn non_ui(
    call: Call,
    settings: Arc<Settings>,
    request: Verified<Payment>,
    outcome: Outcome,
) -> Result<Decision, Refusal> {
    let (call, settings) = (&call, &*settings);
    let request = request.into_inner();
    let office = office(call, settings, &request.office_id)?;
    refuse_duplicate(call, settings, &request.order_no).await?;
    let payment_type = request.payment_type.as_deref().unwrap_or_default();
    if !is_card(payment_type) {
        scripted_refusal(call, settings, outcome)?;
        return Ok(wallet(call, &office, request));
    }
    let (state, code, status) = match outcome {
        Outcome::Success => (State::Approved, SUCCESS, 200),
        Outcome::Declined => (State::Rejected, DECLINED, settings.decline_status),
        Outcome::AuthenticationFailed => {
            (State::VerificationFailed, NOT_AUTHENTICATED, settings.decline_status)
        }
        Outcome::SystemError => (State::SystemError, SYSTEM_ERROR, settings.decline_status),
    };
    let mut order = new_order(call, &office, request.clone(), state);
    order.invoice_no = Some(invoice_no(call, &office.id));
    order.psp_reference_no = Some(call.services().ids.digits(12));
    if state == State::Approved {
        order.approval_code = Some(call.services().ids.digits(6));
        order.auto_settles_at = office.auto_settle.then(|| call.now());
    } else {
        order.failed_reason = Some(code.text.to_owned());
    }
    let data = json!({
        "paymentResult": payment_result(call, &order, code),
        "autoRedirectDelayTimer": request.auto_redirect_delay_timer,
    });
    let message = envelope(call, code, data);
    Ok(Decision {
        changes: vec![order.change(call, None)],
        notifications: vec![notifications::of_result(call, &order, &message)],
        reply: Reply::message(status, message),
    })
}

/// A wallet payment is sent on to the wallet's own page.
fn wallet(call: &Call, office: &Office, request: Payment) -> Decision {
    let order = new_order(call, office, request, State::InProgress);
    let data = json!({
        "webPaymentResult": {
            "webPaymentUrl": format!("{}/payment/?pid={}", page_origin(call), order.controller_internal_id),
            "paymentStatusInfo": order.status_info("lastUpdatedDateTime"),
            "orderNo": order.order_no,
            "productDescription": order.product_description,
            "controllerInternalID": order.controller_internal_id,
            "invoiceNo2C2P": order.invoice_no,
            "paymentType": order.payment_type,
            "channelCode": order.channel_code,
            "agentCode": order.agent_code,
            "transactionAmount": order.transaction_amount,
            "transactionDateTime": date_time(order.created_at),
            "paymentExpiryDateTime": date_time(order.expires_at),
            "officeId": order.office_id,
        },
    });
    Decision {
        reply: Reply::message(200, envelope(call, PENDING, data)),
        changes: vec![order.change(call, None)],
        notifications: Vec::new(),
    }
}

fn office(call: &Call, settings: &Settings, id: &str) -> Result<Office, Refusal> {
    let merchant = call.merchant().map(|merchant| merchant.parts::<PacoMerchant>());
    let known = merchant.as_ref().and_then(|merchant| merchant.office(id)).cloned();
    known.ok_or_else(|| {
        let offices: Vec<String> = merchant
            .map(|merchant| merchant.offices.iter().map(|office| office.id.clone()).collect())
            .unwrap_or_default();
        Refusal::Business {
            reply: business_error(call, settings, INVALID_REQUEST),
            reason: Failure::new(
                format!("officeId one of {}", offices.join(", ")),
                format!("\"{id}\""),
            ),
        }
    })
}

/// What a second use of an order number lacks; the search for mistakes knows it by this.
pub(super) const UNUSED_ORDER_NO: &str = "an orderNo that was not used before";

async fn refuse_duplicate(call: &Call, settings: &Settings, order_no: &str) -> Result<(), Refusal> {
    let Some(found) = orders::find(call, order_no).await? else {
        return Ok(());
    };
    Err(Refusal::Business {
        reply: business_error(call, settings, INVALID_REQUEST),
        reason: Failure::new(UNUSED_ORDER_NO, format!("\"{order_no}\"")).detail(format!(
            "the order exists since {} and is {}; an order number is used once, also when its \
                 payment was declined",
            found.order.created_at, found.order.state
        )),
    })
}

fn failure_of(outcome: Outcome) -> Option<Code> {
    match outcome {
        Outcome::Success => None,
        Outcome::Declined => Some(DECLINED),
        Outcome::AuthenticationFailed => Some(NOT_AUTHENTICATED),
        Outcome::SystemError => Some(SYSTEM_ERROR),
    }
}

/// A scripted outcome where nothing is paid: the operation itself is refused.
pub(super) fn scripted_refusal(
    call: &Call,
    settings: &Settings,
    outcome: Outcome,
) -> Result<(), Refusal> {
    match failure_of(outcome) {
        None => Ok(()),
        Some(code) => Err(scripted_failure(call, settings, code, outcome)),
    }
}

fn scripted_failure(call: &Call, settings: &Settings, code: Code, outcome: Outcome) -> Refusal {
    Refusal::Business {
        reply: business_error(call, settings, code),
        reason: Failure::new(NOTHING_WRONG, format!("a scenario's outcome {outcome:?}")),
    }
}

fn new_order(call: &Call, office: &Office, request: Payment, state: State) -> Order {
    let now = call.now();
    let details = request.credit_card_details;
    let card = details.card_number.map(|number| {
        let holder = details.card_holder_name.or(details.payer_name);
        Card::from_number(&number, details.card_expiry_mmyy, holder)
    });
    Order {
        order_no: request.order_no,
        office_id: request.office_id,
        controller_internal_id: call.services().ids.hex_128(),
        invoice_no: None,
        approval_code: None,
        psp_reference_no: None,
        state,
        payment_type: request.payment_type.or_else(|| Some("CC".to_owned())),
        channel_code: request.channel_code,
        agent_code: request.agent_code,
        product_description: request.product_description,
        transaction_amount: request.transaction_amount,
        settlement_amount: None,
        notification_urls: request.notification_urls,
        card,
        stored_card: request
            .store_card_details
            .stored_card_unique_id
            .filter(|id| !id.is_empty() && !id.starts_with("{{")),
        mcp_flag: request.mcp_flag,
        failed_reason: None,
        created_at: now,
        changed_at: now,
        expires_at: orders::expiry(
            request.payment_expiry_date_time.as_deref(),
            office.page_lifetime,
            now,
        ),
        auto_settles_at: None,
    }
}

/// Four letters of the office and a counter of thirteen digits.
fn invoice_no(call: &Call, office: &str) -> String {
    let letters: String = office
        .chars()
        .filter(char::is_ascii_alphabetic)
        .chain("XXXX".chars())
        .take(4)
        .collect::<String>()
        .to_ascii_uppercase();
    format!("{letters}{:013}", call.received().seq)
}

/// Where the hosted page stands: on a host of its own beside the API's, where that is the real one.
fn page_origin(call: &Call) -> String {
    let origin = call.origin();
    match origin.strip_prefix("https://core.").filter(|_| is_front_door(call)) {
        Some(rest) => format!("https://payment.{rest}"),
        None => origin,
    }
}

fn is_front_door(call: &Call) -> bool {
    call.received().connection.front_door_host.is_some()
}

fn page_language(call: &Call) -> String {
    api_request_text(call, "language")
        .filter(|language| {
            language.len() <= 16
                && language.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
        .unwrap_or("en-US")
        .to_owned()
}

fn incomplete_result(order: &Order, request: &Payment) -> Value {
    let urls = &order.notification_urls;
    let mut result = json!({
        "notificationURLs": {
            "confirmationUrl": browser_return(&urls.confirmation, order),
            "cancellationUrl": browser_return(&urls.cancellation, order),
            "failedUrl": browser_return(&urls.failed, order),
            "backendUrl": urls.backend,
        },
        "aresACSChallenge": null,
        "failedReason": null,
        "availablePaymentTypes": ["CC", "CC-AX", "CC-CA", "CC-UP", "CC-VI"],
        "untokenizedStoredCardList": null,
        "storedCardUniqueID": null,
        "paymentExpiryDateTime": date_time(order.expires_at),
        "linkExpiryDateTime": date_time(order.expires_at),
        "pspExpiryDateTime": null,
        "currencyConversionType": "None",
        "currencyConversionMerchantId": null,
        "currencyConversionFlag": false,
        "preferredPaymentTypes": request.preferred_payment_types,
        "transactionDateTime": date_time(order.created_at),
        "orderNo": order.order_no,
        "productDescription": order.product_description,
        "invoiceNo2C2P": order.invoice_no,
        "pspInvoiceNo": null,
        "pspReferenceNo": order.psp_reference_no,
        "controllerInternalID": order.controller_internal_id,
        "paymentStatusInfo": order.status_info("lastUpdatedDateTime"),
        "paymentType": order.payment_type,
        "channelCode": order.channel_code,
        "agentCode": order.agent_code,
        "transactionAmount": order.transaction_amount,
        "settlementAmount": null,
        "customFieldList": null,
    });
    add_rest(&mut result, order);
    result
}

fn payment_result(call: &Call, order: &Order, code: Code) -> Value {
    let declined = order.failed_reason.is_some();
    let mut result = json!({
        "creditCardAuthenticatedDetails": order.card_details(),
        "approvalCode": order.approval_code,
        "pspName": "Sandgate",
        "pspMerchantId": null,
        "failedReason": order.failed_reason,
        "pspResponse": psp_response(call, order, code, order.created_at),
        "surchargeAmount": null,
        "paymentExpiryDateTime": date_time(order.expires_at),
        "payslipURL": null,
        "storedCardUniqueID": order.stored_card,
        "installmentPaymentResults": null,
        "airlineDate": null,
        "transactionDateTime": date_time(order.created_at),
        "orderNo": order.order_no,
        "productDescription": order.product_description,
        "invoiceNo2C2P": order.invoice_no,
        "pspReferenceNo": order.psp_reference_no,
        "pspInvoiceNo": null,
        "controllerInternalID": order.controller_internal_id,
        "paymentStatusInfo": order.status_info("lastUpdatedDateTime"),
        "paymentType": order.payment_type,
        "channelCode": order.channel_code,
        "agentCode": order.agent_code,
        "mcpFlag": order.mcp_flag,
        "transactionAmount": order.transaction_amount,
        "originalTransactionAmount": order.transaction_amount,
        "settlementAmount": order.settlement_amount,
        "customFieldList": null,
        "tokenizeDetails": null,
        "priorPaymentResponseDetails": if declined {
            json!({
                "responseCode": code.code,
                "responseDescription": code.text,
                "marketingDescription": code.text,
            })
        } else {
            Value::Null
        },
    });
    add_rest(&mut result, order);
    result
}

/// The members that every payment answer ends on.
fn add_rest(result: &mut Value, order: &Order) {
    for number in 1..=10 {
        result[format!("userDefined{number}")] = Value::Null;
    }
    for member in
        ["clientIp", "ddcId", "statementDescriptor", "transactionInitiator", "previousPaymentId"]
    {
        result[member] = Value::Null;
    }
    result["officeId"] = json!(order.office_id);
}

/// `pspResponse`: what the bank behind PACO said.
pub(super) fn psp_response(call: &Call, order: &Order, code: Code, at: Timestamp) -> Value {
    json!({
        "responseMessageID": call.services().ids.uuid(),
        "responseToRequestMessageID": null,
        "responseCode": code.code,
        "responseDescription": code.text,
        "responseDateTime": date_time(at),
        "responseTime": 0,
        "approvalCode": order.approval_code,
        "pspReferenceNo": order.psp_reference_no,
        "response63": null,
    })
}

/// A browser URL with what PACO appends to it. Values are form-encoded and their escapes then
/// percent-encoded again: a blank becomes `+` and comes back as `%2b`, as captured.
fn browser_return(url: &str, order: &Order) -> String {
    let (url, fragment) = match url.split_once('#') {
        Some((url, fragment)) => (url, format!("#{fragment}")),
        None => (url, String::new()),
    };
    let separator = if url.contains('?') { '&' } else { '?' };
    let twice = |text: &str| form_encoded(text).replace('%', "%25").replace('+', "%2b");
    format!(
        "{url}{separator}orderNo={}&productDescription={}&controllerInternalId={}{fragment}",
        twice(&order.order_no),
        twice(&order.product_description),
        order.controller_internal_id
    )
}

fn form_encoded(text: &str) -> String {
    use std::fmt::Write as _;

    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        match byte {
            b' ' => encoded.push('+'),
            b'-' | b'_' | b'.' | b'*' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                encoded.push(char::from(byte));
            }
            other => {
                let _ = write!(encoded, "%{other:02x}");
            }
        }
        encoded
    })
}
