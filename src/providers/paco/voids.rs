//! `Void`: cancels an approved payment that is not settled.

use std::sync::Arc;

use serde_json::json;

use super::answers::{business_error, envelope};
use super::errors::{Code, INVALID_REQUEST, SUCCESS, WRONG_STATE};
use super::inquiries::unknown_order;
use super::messages::{MessageAmount, Void};
use super::orders::{self, Found, Moment, Order};
use super::pages::office_of;
use super::payments::{merchant_id, scripted_refusal};
use super::results::psp_response;
use super::settings::Settings;
use super::states::Event;
use crate::blueprint::{Call, Decision, Refusal, Reply, Verified};
use crate::checks::Failure;
use crate::scenario::Outcome;

/// Voids a payment.
pub(super) async fn void(
    call: Call,
    settings: Arc<Settings>,
    request: Verified<Void>,
    outcome: Outcome,
) -> Result<Decision, Refusal> {
    let (call, settings) = (&call, &*settings);
    let request = request.into_inner();
    let mut found = of_office(call, settings, &request.order_no, &request.office_id).await?;
    moved(call, settings, &mut found.order, Event::Void)?;
    if let Some(amount) = &request.void_amount {
        whole_amount(call, settings, &found.order, amount)?;
    }
    scripted_refusal(call, settings, outcome)?;
    Ok(done(call, &found))
}

/// The order, if it belongs to the office that asks.
pub(super) async fn of_office(
    call: &Call,
    settings: &Settings,
    order_no: &str,
    office_id: &str,
) -> Result<Found, Refusal> {
    match orders::find(call, order_no).await? {
        Some(found) if found.order.office_id == office_id => Ok(found),
        _ => Err(unknown_order(call, order_no, settings.business_error_status)),
    }
}

/// Moves the order's state, or refuses because its state forbids it.
pub(super) fn moved(
    call: &Call,
    settings: &Settings,
    order: &mut Order,
    event: Event,
) -> Result<(), Refusal> {
    if order.happens(event, &office_of(call, order)?, &Moment::of(call)) {
        return Ok(());
    }
    Err(refused(
        call,
        settings,
        WRONG_STATE,
        Failure::new("an approved payment (A/PA)", format!("one in {}", order.state)).detail(
            "Void and Settlement exclude each other, and each happens once; an auto-settling \
             office settles at once",
        ),
    ))
}

/// A refusal with one of PACO's codes.
pub(super) fn refused(call: &Call, settings: &Settings, code: Code, reason: Failure) -> Refusal {
    Refusal::Business {
        reply: business_error(call, settings, code),
        reason,
    }
}

/// The result of Void and Settlement: flat on `data`.
pub(super) fn done(call: &Call, found: &Found) -> Decision {
    let order = &found.order;
    let data = json!({
        "orderNo": order.order_no,
        "productDescription": order.product_description,
        "invoiceNo2C2P": order.invoice_no,
        "controllerInternalID": order.controller_internal_id,
        "paymentStatusInfo": order.status_info("lastUpdatedDateTime"),
        "paymentType": order.payment_type,
        "approvalCode": order.approval_code,
        "pspReferenceNo": order.psp_reference_no,
        "pspResponse": psp_response(&call.services().ids, order, SUCCESS, call.now()),
        "transactionAmount": order.transaction_amount,
        "settlementAmount": order.settlement_amount,
        "officeId": order.office_id,
    });
    Decision {
        reply: Reply::message(200, envelope(call, SUCCESS, data)),
        changes: vec![order.change(merchant_id(call), call.now(), Some(found.version))],
        notifications: Vec::new(),
    }
}

fn whole_amount(
    call: &Call,
    settings: &Settings,
    order: &Order,
    amount: &MessageAmount,
) -> Result<(), Refusal> {
    let approved = &order.transaction_amount;
    if amount.is_same_as(approved) {
        return Ok(());
    }
    Err(refused(
        call,
        settings,
        INVALID_REQUEST,
        Failure::new(
            format!("voidAmount of the approved amount, {}", shown(approved)),
            shown(amount),
        ),
    ))
}

/// An amount for people.
pub(super) fn shown(amount: &MessageAmount) -> String {
    crate::money::Amount {
        minor: amount.minor(),
        currency: amount.currency_code.clone(),
        exponent: amount.decimal_places,
    }
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_in_major_units() {
        let amount: MessageAmount = serde_json::from_value::<MessageAmount>(json!({
            "amountText": "000000012550", "currencyCode": "NPR", "decimalPlaces": 2, "amount": 125.5
        }))
        .expect("an amount");

        assert_eq!(shown(&amount), "NPR 125.50");
        assert_eq!(json!(amount)["amount"], json!(125.5));
    }
}
