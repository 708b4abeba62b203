//! `Refund/refund`: gives a settled payment back, in part or whole, at once or after a review.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::answers::envelope;
use super::errors::{
    Code, NOT_REFUNDABLE, PARTIAL_REFUND_NOT_ALLOWED, REFUND_AMOUNT_INVALID,
    REFUND_BY_ITEM_UNAVAILABLE, REFUND_CURRENCY, REFUND_EXCEEDS, REFUND_IN_REVIEW,
    REFUND_ITEM_UNKNOWN, REFUND_ITEMS_EXCEED, REFUND_MALFORMED, REFUND_NOT_ALLOWED,
    SUB_MERCHANT_EXCEEDED, SUCCESS,
};
use super::fields;
use super::merchant::Office;
use super::messages::{MessageAmount, REFUND, Refund, RefundItem};
use super::orders::{Item, Moment, Order, RefundState, Refunding};
use super::pages::office_of;
use super::payments::{merchant_id, scripted_refusal};
use super::results::psp_response;
use super::settings::{RefundPolicy, Settings};
use super::states::Event;
use super::voids::{of_office, refused, shown};
use crate::blueprint::{Call, Decision, Refusal, Reply, Verified};
use crate::checks::Failure;
use crate::scenario::Outcome;

/// Refunds a payment.
pub(super) async fn refund(
    call: Call,
    settings: Arc<Settings>,
    request: Verified<Refund>,
    outcome: Outcome,
) -> Result<Decision, Refusal> {
    let (call, settings) = (&call, &*settings);
    let request = request.into_inner();
    let mut found = of_office(call, settings, &request.order_no, &request.office_id).await?;
    let office = office_of(call, &found.order)?;
    let judged = allowed(&found.order, &office, &request);
    judged.map_err(|(code, reason)| refused(call, settings, code, reason))?;
    scripted_refusal(call, settings, outcome)?;

    let moment = Moment::of(call);
    // Whoever names a checker has had the refund approved already.
    let reviewed = request.local_maker_checker.checker.is_some();
    let (event, state, code) = if office.refund_review && !reviewed {
        (Event::RequestRefund, RefundState::InReview, REFUND_IN_REVIEW)
    } else {
        (Event::Refund, RefundState::Refunded, SUCCESS)
    };
    found.order.happens(event, &office, &moment);
    let refunding = Refunding {
        refund_no: moment.ids.digits(13),
        minor: request.refund_amount.minor(),
        maker: request.local_maker_checker.maker.username,
        at: moment.at,
        state,
        items: request
            .refund_items
            .into_iter()
            .map(|item| Item {
                reference_no: item.reference_no,
                sub_merchant_id: item.sub_merchant_id,
                minor: item.refund_item_amount.as_ref().map(MessageAmount::minor),
            })
            .collect(),
    };
    let data = result(call, &found.order, &refunding, &request.refund_amount, code);
    found.order.refunds.push(refunding);
    Ok(Decision {
        reply: Reply::message(200, envelope(call, code, data)),
        changes: vec![found.order.change(merchant_id(call), call.now(), Some(found.version))],
        notifications: Vec::new(),
    })
}

/// The code for a refund whose members are not as they should be: one of its own where only the
/// amount is wrong.
pub(super) fn code_of_malformed(call: &Call) -> Code {
    let problems = call
        .opened()
        .and_then(Value::as_object)
        .map(|request| fields::problems(request, REFUND, false))
        .unwrap_or_default();
    let of_amount = |path: &str| path.split('.').next() == Some("refundAmount");
    let only_amount = !problems.is_empty() && problems.iter().all(|it| of_amount(&it.path));
    if only_amount { REFUND_AMOUNT_INVALID } else { REFUND_MALFORMED }
}

type Judged = Result<(), (Code, Failure)>;

/// Whether the office, the state and what is left allow this refund.
fn allowed(order: &Order, office: &Office, request: &Refund) -> Judged {
    let amount = &request.refund_amount;
    if office.refund_policy == RefundPolicy::Forbidden {
        return Err((
            REFUND_NOT_ALLOWED,
            Failure::new("an office that refunds", "refund_policy forbidden"),
        ));
    }
    if order.state.after(Event::Refund).is_none() {
        return Err((
            NOT_REFUNDABLE,
            Failure::new("a settled payment (S/ST)", format!("one in {}", order.state)).detail(
                "an approved payment is settled first, by Settlement or by its office; while one \
                 refund is under review no other is taken",
            ),
        ));
    }
    let Some(settled) = &order.settlement_amount else {
        return Err((NOT_REFUNDABLE, Failure::new("a settled amount", "none")));
    };
    if amount.currency_code != settled.currency_code
        || amount.decimal_places != settled.decimal_places
    {
        return Err((
            REFUND_CURRENCY,
            Failure::new(
                format!("refundAmount in the payment's currency, as {}", shown(settled)),
                shown(amount),
            ),
        ));
    }
    let (asked, left) = (amount.minor(), order.refundable());
    if asked == 0 {
        return Err((
            REFUND_AMOUNT_INVALID,
            Failure::new("a refundAmount above zero", shown(amount)),
        ));
    }
    if left == 0 {
        return Err((
            REFUND_AMOUNT_INVALID,
            Failure::new("a payment of which something is left to refund", "nothing is left"),
        ));
    }
    let refunded_before = order.refunds.iter().any(|refund| refund.state == RefundState::Refunded);
    if office.refund_policy == RefundPolicy::SinglePartial && refunded_before {
        return Err((
            REFUND_NOT_ALLOWED,
            Failure::new("one refund an order (refund_policy single_partial)", "another one"),
        ));
    }
    if asked > left {
        return Err((
            REFUND_EXCEEDS,
            Failure::new(
                format!("refundAmount of at most {}, which is what is left", minor(left, settled)),
                shown(amount),
            ),
        ));
    }
    if office.refund_policy == RefundPolicy::FullOnly && asked != settled.minor() {
        return Err((
            PARTIAL_REFUND_NOT_ALLOWED,
            Failure::new(
                format!("the whole settled amount, {} (refund_policy full_only)", shown(settled)),
                shown(amount),
            ),
        ));
    }
    items_allowed(order, request)
}

/// Items of a refund must be items of the order, and no part may get back more than it cost.
fn items_allowed(order: &Order, request: &Refund) -> Judged {
    if request.refund_items.is_empty() {
        return Ok(());
    }
    if order.items.is_empty() {
        return Err((
            REFUND_BY_ITEM_UNAVAILABLE,
            Failure::new("an order with purchaseItems, to refund items of it", "one without any"),
        ));
    }
    let known = |reference: &str| {
        order.items.iter().any(|item| item.reference_no.as_deref() == Some(reference))
    };
    for item in &request.refund_items {
        match item.reference_no.as_deref() {
            Some(reference) if known(reference) => {}
            other => {
                return Err((
                    REFUND_ITEM_UNKNOWN,
                    Failure::new(
                        "refundItems with a referenceNo of the order's purchaseItems",
                        other.map_or("none".to_owned(), |other| format!("\"{other}\"")),
                    ),
                ));
            }
        }
    }
    let total = request.refund_items.iter().map(asked).fold(0, u64::saturating_add);
    if total > request.refund_amount.minor() {
        return Err((
            REFUND_ITEMS_EXCEED,
            Failure::new(
                format!("refundItems within refundAmount, {}", shown(&request.refund_amount)),
                minor(total, &request.refund_amount),
            ),
        ));
    }
    let items = |item: &RefundItem| item.reference_no.clone();
    let of_items = |item: &Item| item.reference_no.clone();
    if let Some((item, left, asked)) = over_sold(order, request, of_items, items) {
        let failure = beyond(&format!("item {item}"), left, asked, &request.refund_amount);
        return Err((REFUND_ITEMS_EXCEED, failure));
    }
    let whose = |item: &RefundItem| item.sub_merchant_id.clone();
    let of_whom = |item: &Item| item.sub_merchant_id.clone();
    if let Some((who, left, asked)) = over_sold(order, request, of_whom, whose) {
        let failure = beyond(&format!("sub-merchant {who}"), left, asked, &request.refund_amount);
        return Err((SUB_MERCHANT_EXCEEDED, failure));
    }
    Ok(())
}

fn asked(item: &RefundItem) -> u64 {
    item.refund_item_amount.as_ref().map_or(0, MessageAmount::minor)
}

fn beyond(what: &str, sold: u64, wanted: u64, like: &MessageAmount) -> Failure {
    Failure::new(
        format!("at most {} for the {what}, earlier refunds included", minor(sold, like)),
        minor(wanted, like),
    )
}

/// The first group of items of which more would be refunded than was sold, with both sums.
fn over_sold(
    order: &Order,
    request: &Refund,
    group: impl Fn(&Item) -> Option<String>,
    asked_group: impl Fn(&RefundItem) -> Option<String>,
) -> Option<(String, u64, u64)> {
    let sold = sums(order.items.iter().map(|item| (group(item), item.minor.unwrap_or(0))));
    let before = order
        .refunds
        .iter()
        .filter(|refund| matches!(refund.state, RefundState::Refunded | RefundState::InReview))
        .flat_map(|refund| &refund.items)
        .map(|item| (group(item), item.minor.unwrap_or(0)));
    let now = request.refund_items.iter().map(|item| (asked_group(item), asked(item)));
    sums(before.chain(now)).into_iter().find_map(|(name, wanted)| {
        let sold = sold.get(&name).copied().unwrap_or(0);
        (wanted > sold).then_some((name, sold, wanted))
    })
}

fn sums(items: impl Iterator<Item = (Option<String>, u64)>) -> BTreeMap<String, u64> {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for (name, minor) in items {
        if let Some(name) = name {
            let sum = sums.entry(name).or_default();
            *sum = sum.saturating_add(minor);
        }
    }
    sums
}

fn minor(minor: u64, like: &MessageAmount) -> String {
    crate::money::Amount {
        minor,
        currency: like.currency_code.clone(),
        exponent: like.decimal_places,
    }
    .to_string()
}

/// The result of a refund: flat on `data`, as that of Void.
fn result(
    call: &Call,
    order: &Order,
    refunding: &Refunding,
    amount: &MessageAmount,
    code: Code,
) -> Value {
    json!({
        "orderNo": order.order_no,
        "refundNo": refunding.refund_no,
        "productDescription": order.product_description,
        "invoiceNo2C2P": order.invoice_no,
        "controllerInternalID": order.controller_internal_id,
        "paymentStatusInfo": order.status_info("lastUpdatedDateTime"),
        "paymentType": order.payment_type,
        "approvalCode": order.approval_code,
        "pspReferenceNo": order.psp_reference_no,
        "pspResponse": psp_response(&call.services().ids, order, code, call.now()),
        "transactionAmount": order.transaction_amount,
        "settlementAmount": order.settlement_amount,
        "refundAmount": amount,
        "officeId": order.office_id,
    })
}
