//! What answers and notifications say of a payment: `paymentResult` once there is a result,
//! `paymentIncompleteResult` before, `webPaymentResult` for a wallet.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::answers::{Asked, envelope_for};
use super::errors::Code;
use super::orders::{Moment, Order, date_time};
use super::states::State;
use crate::ids::Ids;

/// The final result of a payment as a notification tells it: the envelope that an answer has.
pub(super) fn told_later(order: &Order, moment: &Moment<'_>) -> Value {
    let asked = Asked {
        ids: moment.ids,
        at: moment.at,
        elapsed_ms: 0,
        version: &order.origin.form.version,
        request_message_id: order.origin.request_message_id.as_deref(),
    };
    let code = order.result_code();
    let unpaid = matches!(
        order.state,
        State::Cancelled | State::Abandoned | State::Expired | State::SessionExpired
    );
    let data = if unpaid {
        json!({ "paymentIncompleteResult": incomplete(order, &Value::Null) })
    } else {
        payment(moment.ids, order, code)
    };
    envelope_for(&asked, code, data)
}

/// `data` of an answer with a payment's result.
pub(super) fn payment(ids: &Ids, order: &Order, code: Code) -> Value {
    json!({
        "paymentResult": payment_result(ids, order, code),
        "autoRedirectDelayTimer": order.redirect_delay_s,
    })
}

fn payment_result(ids: &Ids, order: &Order, code: Code) -> Value {
    let declined = order.failed_reason.is_some();
    let mut result = json!({
        "creditCardAuthenticatedDetails": order.card_details(),
        "approvalCode": order.approval_code,
        "pspName": "Sandgate",
        "pspMerchantId": null,
        "failedReason": order.failed_reason,
        "pspResponse": psp_response(ids, order, code, order.changed_at),
        "surchargeAmount": null,
        "paymentExpiryDateTime": date_time(order.expires_at),
        "payslipURL": null,
        "storedCardUniqueID": order.stored_card,
        "installmentPaymentResults": order.instalments,
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

/// `paymentIncompleteResult`: of an order that waits for its payer, or that nobody paid.
pub(super) fn incomplete(order: &Order, challenge: &Value) -> Value {
    let urls = &order.notification_urls;
    let mut result = json!({
        "notificationURLs": {
            "confirmationUrl": returning(&urls.confirmation, order),
            "cancellationUrl": returning(&urls.cancellation, order),
            "failedUrl": returning(&urls.failed, order),
            "backendUrl": urls.backend,
        },
        "aresACSChallenge": challenge,
        "failedReason": order.failed_reason,
        "availablePaymentTypes": AVAILABLE_PAYMENT_TYPES,
        "untokenizedStoredCardList": null,
        "storedCardUniqueID": order.stored_card,
        "paymentExpiryDateTime": date_time(order.expires_at),
        "linkExpiryDateTime": date_time(order.expires_at),
        "pspExpiryDateTime": null,
        "currencyConversionType": "None",
        "currencyConversionMerchantId": null,
        "currencyConversionFlag": false,
        "preferredPaymentTypes": order.preferred_payment_types,
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

/// What an answer for a Nepalese office listed.
const AVAILABLE_PAYMENT_TYPES: [&str; 5] = ["CC", "CC-AX", "CC-CA", "CC-UP", "CC-VI"];

/// `webPaymentResult`: where the payer finds the wallet.
pub(super) fn web_payment(order: &Order, url: &str) -> Value {
    json!({
        "webPaymentUrl": url,
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
    })
}

/// The members that every payment answer ends on.
fn add_rest(result: &mut Value, order: &Order) {
    for member in [
        "userDefined1",
        "userDefined2",
        "userDefined3",
        "userDefined4",
        "userDefined5",
        "userDefined6",
        "userDefined7",
        "userDefined8",
        "userDefined9",
        "userDefined10",
        "clientIp",
        "ddcId",
        "statementDescriptor",
        "transactionInitiator",
        "previousPaymentId",
    ] {
        result[member] = Value::Null;
    }
    result["officeId"] = json!(order.office_id);
}

/// `pspResponse`: what the bank behind PACO said.
pub(super) fn psp_response(ids: &Ids, order: &Order, code: Code, at: Timestamp) -> Value {
    json!({
        "responseMessageID": ids.uuid(),
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
/// percent-encoded again: a blank becomes `+` and comes back as `%2b`, as captured. The browser is
/// sent to the same URL that the answer showed.
pub(super) fn returning(url: &str, order: &Order) -> String {
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

/// Form-encoding, with lower-case escapes as .NET writes them.
pub(super) fn form_encoded(text: &str) -> String {
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
