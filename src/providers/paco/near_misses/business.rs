//! Mistakes that no check sees: the message was right, and the order was not in a state for it. What
//! PACO says of them is a code; what stands behind it is told by the journal and the order itself.

use serde_json::Value;

use super::mistakes::{
    ALREADY_REFUNDED, ALREADY_SETTLED, ALREADY_VOIDED, ITEM_PRICE_OF_THE_DEMO, KEYED_BY_INVOICE_NO,
    NOT_APPROVED, OFFICE_ID_MISSPELT, ORDER_NO_MISSPELT, ORDER_NO_REUSED, ORDER_OF_ANOTHER_OFFICE,
    REFUND_BEFORE_SETTLEMENT,
};
use super::{Scene, loosely, member, members, quoted};
use crate::diagnosis::Search;
use crate::providers::paco::errors;
use crate::providers::paco::orders::KIND;
use crate::providers::paco::payments::UNUSED_ORDER_NO;
use crate::store::Transaction;

const INVALID_REQUEST: &str = errors::INVALID_REQUEST.code;
const WRONG_STATE: &str = errors::WRONG_STATE.code;
const UNKNOWN_ORDER: &str = errors::UNKNOWN_ORDER.code;
/// The codes of refunds: malformed, invalid amount, and not refundable.
const REFUND_MALFORMED: &str = errors::REFUND_MALFORMED.code;
const REFUND_AMOUNT: &str = errors::REFUND_AMOUNT_INVALID.code;
const NOT_REFUNDABLE: &str = errors::NOT_REFUNDABLE.code;

/// A refusal by the business.
pub(super) fn refusals(scene: &Scene<'_>, search: &mut Search) {
    let code = response_code(scene).unwrap_or_default();
    let reason = scene.evidence.reason.as_deref().unwrap_or_default();
    match code {
        INVALID_REQUEST => {
            search.candidate(&ORDER_NO_REUSED, || {
                let (_, more) = reason.split_once(UNUSED_ORDER_NO)?.1.split_once("; ")?;
                Some(format!("{more}; a retry of a declined order needs a new orderNo"))
            });
            search.candidate(&OFFICE_ID_MISSPELT, || office_id(scene));
        }
        WRONG_STATE => wrong_state(scene, reason, search),
        NOT_REFUNDABLE => {
            search.candidate(&REFUND_BEFORE_SETTLEMENT, || {
                let (status, _) = state_in(reason)?;
                (status == "A").then(|| {
                    "the payment is approved only: settle it first (Settlement, or an office that \
                     settles by itself), or Void it instead"
                        .to_owned()
                })
            });
            wrong_state(scene, reason, search);
        }
        REFUND_MALFORMED | REFUND_AMOUNT => members::refund(scene, search),
        UNKNOWN_ORDER => unknown_order(scene, search),
        _ => {}
    }
}

/// What PACO accepts and the merchant did not mean.
pub(super) fn oversights(scene: &Scene<'_>, search: &mut Search) {
    search.candidate(&ITEM_PRICE_OF_THE_DEMO, || {
        let minor = |amount: &Value| {
            let amount = amount.as_object()?;
            let places = member(amount, "decimalPlaces").and_then(Value::as_u64);
            let text = member(amount, "amountText").filter(|_| places == Some(2))?;
            text.as_str()?.parse::<u64>().ok()
        };
        let paid = minor(scene.member("transactionAmount")?)?;
        let items = scene.member("purchaseItems").or_else(|| scene.member("purchaseItemize"))?;
        let [item] = items.as_array()?.as_slice() else {
            // Several items may well have one of them at 1.00.
            return None;
        };
        let item = item.as_object()?;
        let price = minor(member(item, "purchaseItemPrice")?)?;
        // An honest item may cost 1.00; this one carries the sample's literal, too.
        let of_the_sample = member(item, "subMerchantID").and_then(Value::as_str) == Some("string");
        (of_the_sample && price == 100 && paid != price).then(|| {
            "the only item costs 1.00, the order does not; PACO does not compare them, so nothing \
             was refused"
                .to_owned()
        })
    });
}

/// Status and step in which the order was, by the end of the reason: what it is by now says nothing.
fn state_in(reason: &str) -> Option<(&str, &str)> {
    let got = reason.split(", got one in ").nth(1)?;
    got.split([' ', ';', ',']).next()?.split_once('/')
}

fn wrong_state(scene: &Scene<'_>, reason: &str, search: &mut Search) {
    let Some((status, step)) = state_in(reason) else {
        return;
    };
    search.candidate(&ALREADY_SETTLED, || {
        let office = scene.member("officeId").and_then(Value::as_str).unwrap_or_default();
        let by_itself = scene
            .merchant
            .as_ref()
            .and_then(|merchant| merchant.office(office))
            .is_some_and(|office| office.auto_settle);
        let how = if by_itself {
            format!(
                "office {office} settles by itself (auto_settle), so there is nothing to settle"
            )
        } else {
            "an earlier Settlement settled it".to_owned()
        };
        (status == "S").then(|| format!("{how}; a settled payment is refunded, not voided"))
    });
    search.candidate(&ALREADY_VOIDED, || {
        (status == "V")
            .then(|| "an earlier Void ended it; a new payment needs a new order".to_owned())
    });
    search.candidate(&ALREADY_REFUNDED, || {
        (status == "R").then(|| {
            format!("the order is {status}/{step}: refunded, or waiting for the refund's review")
        })
    });
    search.candidate(&NOT_APPROVED, || {
        let what = match status {
            "PCPS" | "I" | "P" => "its payer has not paid yet",
            "F" => "its payment failed",
            "E" => "it expired before it was paid",
            "C" => "its payer cancelled it",
            _ => return None,
        };
        Some(format!("the order is {status}/{step}: {what}; ask transactionStatus before acting"))
    });
}

fn unknown_order(scene: &Scene<'_>, search: &mut Search) {
    let Some(sent) = scene.member("orderNo").and_then(Value::as_str) else {
        return;
    };
    let at = scene.evidence.at;
    let known: Vec<&Transaction> = scene
        .evidence
        .related
        .iter()
        .filter(|order| order.kind == KIND && order.created_at <= at)
        .collect();
    search.candidate(&ORDER_OF_ANOTHER_OFFICE, || {
        let order = known.iter().find(|order| order.key == sent)?;
        let office = scene.member("officeId").and_then(Value::as_str)?;
        let own = text_of(order, "office_id")?;
        (own != office).then(|| {
            format!(
                "the order was made with officeId {}, this says {}",
                quoted(&own),
                quoted(office)
            )
        })
    });
    search.candidate(&ORDER_NO_MISSPELT, || {
        let order = known
            .iter()
            .find(|order| order.key != sent && without_zeros(&order.key) == without_zeros(sent))?;
        Some(format!("there is an order {}, this says {}", quoted(&order.key), quoted(sent)))
    });
    search.candidate(&KEYED_BY_INVOICE_NO, || {
        known.iter().find_map(|order| {
            let (name, _) = [
                ("invoiceNo2C2P", "invoice_no"),
                ("controllerInternalID", "controller_internal_id"),
                ("pspReferenceNo", "psp_reference_no"),
            ]
            .into_iter()
            .find(|(_, member)| text_of(order, member).as_deref() == Some(sent))?;
            Some(format!("it is the {name} of the order {}", quoted(&order.key)))
        })
    });
}

/// An office that is none: another spelling of one, or another credential in its place.
fn office_id(scene: &Scene<'_>) -> Option<String> {
    let sent = scene.member("officeId").and_then(Value::as_str)?;
    let merchant = scene.merchant.as_ref()?;
    if merchant.office(sent).is_some() {
        return None;
    }
    if sent == merchant.basic_user {
        return Some("it is the user of the Basic credentials".to_owned());
    }
    let alike = merchant.offices.iter().find(|office| loosely(&office.id) == loosely(sent))?;
    Some(format!("the office is {}, this says {}", quoted(&alike.id), quoted(sent)))
}

fn without_zeros(order_no: &str) -> String {
    loosely(order_no).trim_start_matches('0').to_owned()
}

fn text_of(order: &Transaction, member: &str) -> Option<String> {
    let state: Value = serde_json::from_str(&order.state).ok()?;
    state[member].as_str().map(ToOwned::to_owned)
}

/// The code of the answer, in every dialect.
fn response_code<'s>(scene: &'s Scene<'_>) -> Option<&'s str> {
    let answer = scene.evidence.answer.as_ref()?.as_object()?;
    let inside = member(answer, "response").and_then(Value::as_object).unwrap_or(answer);
    member(member(inside, "apiResponse")?.as_object()?, "responseCode")?.as_str()
}
