//! `Inquiry/transactionStatus`: one order as it stands. Never sealed.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::answers::{answer, envelope};
use super::cards::CardDetails;
use super::constants::UNKNOWN_ORDER_STATUS;
use super::errors::{SUCCESS, UNKNOWN_ORDER};
use super::messages::{MessageAmount, TransactionStatus};
use super::orders::{self, Order, date_time};
use super::settings::Settings;
use crate::blueprint::{Call, Decision, Refusal, Reply, Verified};
use crate::checks::Failure;
use crate::scenario::Outcome;

/// Shows an order. `PC-B050000` says that the inquiry worked, not that anything was paid.
pub(super) async fn transaction_status(
    call: Call,
    settings: Arc<Settings>,
    request: Verified<TransactionStatus>,
    outcome: Outcome,
) -> Result<Decision, Refusal> {
    let (call, settings) = (&call, &*settings);
    super::payments::scripted_refusal(call, settings, outcome)?;
    let order_no = request.into_inner().order_no;
    let found = orders::find(call, &order_no)
        .await?
        .ok_or_else(|| unknown_order(call, &order_no, UNKNOWN_ORDER_STATUS))?;
    let shown = answer(call, SUCCESS, [status(&found.order)]);
    Ok(Decision::reply(Reply::plain(200, &shown)))
}

/// The refusal of an order that does not exist.
pub(super) fn unknown_order(call: &Call, order_no: &str, status: u16) -> Refusal {
    Refusal::Business {
        reply: Reply::message(status, envelope(call, UNKNOWN_ORDER, Value::Null)),
        reason: Failure::new("an orderNo that this merchant has used", format!("\"{order_no}\""))
            .fix(
                "Create the order first, with the same access token; order numbers of another \
                 merchant or office are not seen",
            ),
    }
}

/// An order as an inquiry shows it. `lastUpdatedDttm` is this answer's own name for the instant.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status<'o> {
    order_no: &'o str,
    product_description: &'o str,
    #[serde(rename = "invoiceNo2C2P")]
    invoice_no: Option<&'o str>,
    #[serde(rename = "controllerInternalID")]
    controller_internal_id: &'o str,
    payment_status_info: StatusInfo,
    payment_type: Option<&'o str>,
    channel_code: Option<&'o str>,
    agent_code: Option<&'o str>,
    mcp_flag: Option<&'o str>,
    approval_code: Option<&'o str>,
    psp_reference_no: Option<&'o str>,
    failed_reason: Option<&'o str>,
    transaction_amount: &'o MessageAmount,
    settlement_amount: Option<&'o MessageAmount>,
    transaction_date_time: String,
    payment_expiry_date_time: String,
    credit_card_authenticated_details: Option<CardDetails<'o>>,
    #[serde(rename = "storedCardUniqueID")]
    stored_card: Option<&'o str>,
    custom_field_list: Option<()>,
    office_id: &'o str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusInfo {
    payment_status: &'static str,
    payment_step: &'static str,
    last_updated_dttm: String,
}

fn status(order: &Order) -> Status<'_> {
    Status {
        order_no: &order.order_no,
        product_description: &order.product_description,
        invoice_no: order.invoice_no.as_deref(),
        controller_internal_id: &order.controller_internal_id,
        payment_status_info: StatusInfo {
            payment_status: order.state.status(),
            payment_step: order.state.step(),
            last_updated_dttm: date_time(order.changed_at),
        },
        payment_type: order.payment_type.as_deref(),
        channel_code: order.channel_code.as_deref(),
        agent_code: order.agent_code.as_deref(),
        mcp_flag: order.mcp_flag.as_deref(),
        approval_code: order.approval_code.as_deref(),
        psp_reference_no: order.psp_reference_no.as_deref(),
        failed_reason: order.failed_reason.as_deref(),
        transaction_amount: &order.transaction_amount,
        settlement_amount: order.settlement_amount.as_ref(),
        transaction_date_time: date_time(order.created_at),
        payment_expiry_date_time: date_time(order.expires_at),
        credit_card_authenticated_details: order.card_details(),
        stored_card: order.stored_card.as_deref(),
        custom_field_list: None,
        office_id: &order.office_id,
    }
}
