//! `Inquiry/transactionStatus`: one order as it stands. Never sealed.

use std::sync::Arc;

use serde_json::{Value, json};

use super::answers::envelope;
use super::errors::{SUCCESS, UNKNOWN_ORDER};
use super::messages::TransactionStatus;
use super::orders::{self, Order, date_time};
use super::settings::{Settings, UNKNOWN_ORDER_STATUS};
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
    let found =
        orders::find(call, &order_no).await?.ok_or_else(|| unknown_order(call, &order_no))?;
    let data = json!([status(&found.order)]);
    Ok(Decision::reply(Reply::plain(200, envelope(call, SUCCESS, None, &data))))
}

/// The refusal of an order that does not exist.
pub(super) fn unknown_order(call: &Call, order_no: &str) -> Refusal {
    Refusal::Business {
        reply: Reply::message(
            UNKNOWN_ORDER_STATUS,
            envelope(call, UNKNOWN_ORDER, None, &Value::Null),
        ),
        reason: Failure::new("an orderNo that this merchant has used", format!("\"{order_no}\""))
            .fix(
                "Create the order first, with the same access token; order numbers of another \
                 merchant or office are not seen",
            ),
    }
}

fn status(order: &Order) -> Value {
    json!({
        "orderNo": order.order_no,
        "productDescription": order.product_description,
        "invoiceNo2C2P": order.invoice_no,
        "controllerInternalID": order.controller_internal_id,
        "paymentStatusInfo": order.status_info("lastUpdatedDttm"),
        "paymentType": order.payment_type,
        "channelCode": order.channel_code,
        "agentCode": order.agent_code,
        "mcpFlag": order.mcp_flag,
        "approvalCode": order.approval_code,
        "pspReferenceNo": order.psp_reference_no,
        "failedReason": order.failed_reason,
        "transactionAmount": order.transaction_amount,
        "settlementAmount": order.settlement_amount,
        "transactionDateTime": date_time(order.created_at),
        "paymentExpiryDateTime": date_time(order.expires_at),
        "creditCardAuthenticatedDetails": order.card_details(),
        "storedCardUniqueID": order.stored_card,
        "customFieldList": null,
        "officeId": order.office_id,
    })
}
