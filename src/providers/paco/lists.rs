//! `Inquiry/transactionList`: the orders that fit a search, newest first.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::answers::envelope;
use super::constants::MAX_LISTED;
use super::errors::{INVALID_REQUEST, SUCCESS};
use super::messages::{AdvancedSearch, MessageAmount, TransactionList};
use super::orders::{self, Order, asked_instant, date_time};
use super::payments::{merchant_id, scripted_refusal};
use super::settings::Settings;
use super::voids::refused;
use crate::blueprint::{Call, Decision, Refusal, Reply, Verified};
use crate::checks::Failure;
use crate::limits;
use crate::money::Amount;
use crate::scenario::Outcome;

/// Lists orders.
pub(super) async fn transaction_list(
    call: Call,
    settings: Arc<Settings>,
    request: Verified<TransactionList>,
    outcome: Outcome,
) -> Result<Decision, Refusal> {
    let (call, settings) = (&call, &*settings);
    scripted_refusal(call, settings, outcome)?;
    let search = Search::new(request.into_inner().adv_search_params)
        .map_err(|reason| refused(call, settings, INVALID_REQUEST, reason))?;
    let listed: Vec<Value> = found(call, &search).await?.iter().map(row).collect();
    let message = envelope(call, SUCCESS, Value::Array(listed));
    Ok(Decision::reply(Reply::message(200, message)))
}

/// What is looked for. All that is given must hold.
struct Search {
    asked: AdvancedSearch,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    amount_from: Option<String>,
    amount_to: Option<String>,
}

impl Search {
    fn new(asked: AdvancedSearch) -> Result<Self, Failure> {
        let amount = |name: &str, value: &Option<Value>| match value {
            None => Ok(None),
            Some(value) => {
                let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
                match Amount::minor_units_of(&text, 6) {
                    Ok(_) => Ok(Some(text)),
                    Err(error) => Err(Failure::new(
                        format!("advSearchParams.{name} in major units"),
                        error.to_string(),
                    )),
                }
            }
        };
        Ok(Self {
            from: asked_instant(asked.from_date.as_deref()),
            to: asked_instant(asked.to_date.as_deref()).map(|at| match &asked.to_date {
                // A day without a time means the whole of it.
                Some(text) if text.len() == "2026-01-01".len() => end_of_day(at),
                _ => at,
            }),
            amount_from: amount("amountFrom", &asked.amount_from)?,
            amount_to: amount("amountTo", &asked.amount_to)?,
            asked,
        })
    }

    fn fits(&self, order: &Order) -> bool {
        let any_of = |wanted: &[String], is: &str| {
            wanted.is_empty() || wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(is))
        };
        let same = |wanted: &Option<String>, is: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| is == Some(wanted))
        };
        let asked = &self.asked;
        (asked.office_id.is_empty() || asked.office_id.contains(&order.office_id))
            && (asked.order_no.is_empty() || asked.order_no.contains(&order.order_no))
            && any_of(&asked.payment_status, order.state.status())
            && same(&asked.controller_internal_id, Some(&order.controller_internal_id))
            && same(&asked.invoice_no, order.invoice_no.as_deref())
            && self.from.is_none_or(|from| order.created_at >= from)
            && self.to.is_none_or(|to| order.created_at <= to)
            && self.amount_fits(&order.transaction_amount)
    }

    fn amount_fits(&self, amount: &MessageAmount) -> bool {
        // Compared in millionths, which every currency's minor unit fits into.
        let of = |text: &str| Amount::minor_units_of(text, 6).unwrap_or(u64::MAX);
        let is = of(&amount.amount.to_string());
        self.amount_from.as_deref().is_none_or(|from| is >= of(from))
            && self.amount_to.as_deref().is_none_or(|to| is <= of(to))
    }
}

fn end_of_day(at: Timestamp) -> Timestamp {
    at.saturating_add(SignedDuration::from_hours(24))
        .and_then(|next| next.checked_sub(SignedDuration::from_micros(1)))
        .unwrap_or(at)
}

/// The newest orders that fit, page by page, so that a merchant with many costs no more memory.
async fn found(call: &Call, search: &Search) -> Result<Vec<Order>, Refusal> {
    let internal = |reason: String| Refusal::Internal { reason };
    let store = &call.services().store;
    let mut found = Vec::new();
    if !search.asked.order_no.is_empty() {
        // Named orders are looked up, and nothing else is read.
        for order_no in search.asked.order_no.iter().take(MAX_LISTED) {
            found.extend(orders::find(call, order_no).await?.map(|found| found.order));
        }
        found.retain(|order| search.fits(order));
        found.sort_by(|a, b| (b.created_at, &a.order_no).cmp(&(a.created_at, &b.order_no)));
        found.dedup_by(|a, b| a.order_no == b.order_no);
        return Ok(found);
    }
    let mut bytes = 0;
    let mut after = None;
    loop {
        let page = store.newest_of_kind(merchant_id(call), orders::KIND, after.as_ref()).await;
        let page = page.map_err(|error| internal(error.to_string()))?;
        let Some(last) = page.last() else {
            return Ok(found);
        };
        after = Some((last.created_at, last.key.clone()));
        for stored in &page {
            let order = orders::read(stored, call.now()).map_err(internal)?.order;
            if search.fits(&order) {
                found.push(order);
                bytes += stored.state.len();
            }
            if found.len() == MAX_LISTED || bytes > limits::LISTED_BYTES {
                return Ok(found);
            }
        }
    }
}

/// An order as a list shows it.
fn row(order: &Order) -> Value {
    json!({
        "orderNo": order.order_no,
        "productDescription": order.product_description,
        "invoiceNo2C2P": order.invoice_no,
        "controllerInternalID": order.controller_internal_id,
        "officeId": order.office_id,
        "paymentStatusInfo": order.status_info("lastUpdatedDttm"),
        "paymentType": order.payment_type,
        "channelCode": order.channel_code,
        "agentCode": order.agent_code,
        "mcpFlag": order.mcp_flag,
        "transactionAmount": order.transaction_amount,
        "settlementAmount": order.settlement_amount,
        "transactionDateTime": date_time(order.created_at),
        "paymentExpiryDateTime": date_time(order.expires_at),
        "approvalCode": order.approval_code,
        "pspReferenceNo": order.psp_reference_no,
        "failedReason": order.failed_reason,
        "creditCardDetails": order.card_details(),
        "generalPayerDetails": order.payer,
        "storedCardUniqueID": order.stored_card,
        "customFieldList": null,
    })
}
