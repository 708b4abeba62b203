//! `Payment/prePaymentUi` and `Payment/nonUi`: an order with a hosted page, and a direct payment.

use std::sync::Arc;

use serde_json::{Value, json};

use super::answers::{api_request_text, business_error, envelope};
use super::cards::{self, Card};
use super::challenges;
use super::errors::{
    Code, DECLINED, INVALID_REQUEST, NOT_AUTHENTICATED, PENDING, SUCCESS, SYSTEM_ERROR,
};
use super::merchant::{Office, PacoMerchant};
use super::messages::{CreditCardDetails, MessageAmount, Payment};
use super::notifications;
use super::orders::{self, Item, Moment, Order, Origin, date_time_seconds, is_card};
use super::results;
use super::settings::Settings;
use super::states::{Event, State};
use super::{html, messages};
use crate::blueprint::{Call, Decision, Refusal, Reply, Verified};
use crate::checks::Failure;
use crate::scenario::{NOTHING_WRONG, Outcome};
use crate::store::{Change, Issued};

/// Beyond the schema: what members of an order demand of each other.
pub(super) fn order_rules(request: &Value) -> Result<(), Failure> {
    // One client reports the text of this refusal.
    if request.get("airlineData").is_some() && request.get("billingAddress").is_none() {
        return Err(Failure::new(
            "the member billingAddress, because airlineData is present",
            "none",
        ));
    }
    let payment_type = request["paymentType"].as_str();
    if let Some(unknown) = payment_type.filter(|payment_type| !is_known(payment_type)) {
        return Err(Failure::new(
            "paymentType CC, CC-VI, CC-CA, CC-AX, CC-UP, CC-JC, IPP, QR, WALLET, WALLET-… or IMBANK",
            format!("\"{unknown}\""),
        ));
    }
    if request.get("purchaseItems").is_some() && request.get("purchaseItemize").is_some() {
        return Err(Failure::new(
            "the member purchaseItems once",
            "it, and purchaseItemize beside it",
        ));
    }
    let instalments = &request["installmentPaymentDetails"];
    let period = instalments["installmentPeriod"].as_i64().unwrap_or(0);
    if instalments["ippFlag"] == "Y" && period < 1 {
        return Err(Failure::new(
            "installmentPaymentDetails.installmentPeriod above zero, because ippFlag is Y",
            period.to_string(),
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
    let stored = request["storeCardDetails"]["storedCardUniqueID"].as_str();
    if !is_card(payment_type) || stored.is_some_and(is_stored_card_id) {
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

/// The literal `{{guid}}` stands in nearly every copy of the official sample and means none.
fn is_stored_card_id(id: &str) -> bool {
    !id.is_empty() && !id.starts_with("{{")
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
    let card = paying_card(call, settings, &request, false).await?;
    scripted_refusal(call, settings, outcome)?;
    let order = new_order(call, &office, request, card, false);
    refuse_past_expiry(call, settings, &order)?;
    let data = json!({
        "paymentIncompleteResult": results::incomplete(&order, &Value::Null),
        "paymentPage": {
            "paymentPageURL": format!("{}&lang={}", page_url(call, &order), page_language(call)),
            "validTillDateTime": date_time_seconds(order.expires_at),
        },
    });
    Ok(Decision {
        reply: Reply::message(200, envelope(call, PENDING, data)),
        changes: vec![created(call, &order), issued(call, &order.controller_internal_id, &order)],
        notifications: Vec::new(),
    })
}

/// Pays directly: by card, with or without 3-D Secure, or by sending the payer to a wallet.
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
    let card = paying_card(call, settings, &request, true).await?;
    let mut order = new_order(call, &office, request, card, true);
    refuse_past_expiry(call, settings, &order)?;
    if !order.is_paid_by_card() {
        scripted_refusal(call, settings, outcome)?;
        return Ok(wallet(call, &order));
    }
    let event = event_of(outcome);
    if event == Event::Pay && order.with_3ds && settings.acs_challenges {
        order.happens(Event::Challenge, &office, &Moment::of(call));
        return Ok(challenged(call, &order));
    }
    order.happens(event, &office, &Moment::of(call));
    if event == Event::Await {
        return Ok(awaited(call, &order));
    }
    let code = order.result_code();
    let status = if code == SUCCESS { 200 } else { settings.decline_status };
    let data = results::payment(&call.services().ids, &order, code);
    let message = envelope(call, code, data);
    Ok(Decision {
        changes: created_with_card(call, &order),
        notifications: Vec::from_iter(notifications::of_result(call, &order, &message)),
        reply: Reply::message(status, message),
    })
}

/// The bank wants to know its payer: the browser goes to the access control server first.
fn challenged(call: &Call, order: &Order) -> Decision {
    let mut changes = vec![created(call, order)];
    let challenge = order.challenge.as_ref().map_or(Value::Null, |challenge| {
        changes.push(issued(call, &challenge.transaction_id, order));
        challenges::for_the_browser(challenge, &html::acs_origin(call))
    });
    let data = json!({ "paymentIncompleteResult": results::incomplete(order, &challenge) });
    Decision {
        reply: Reply::message(200, envelope(call, PENDING, data)),
        changes,
        notifications: Vec::new(),
    }
}

/// The bank has not answered: how it ends is to be inquired, or told later.
fn awaited(call: &Call, order: &Order) -> Decision {
    let data = json!({ "paymentIncompleteResult": results::incomplete(order, &Value::Null) });
    Decision {
        reply: Reply::message(200, envelope(call, PENDING, data)),
        changes: vec![created(call, order)],
        notifications: Vec::new(),
    }
}

/// A wallet payment is sent on to the wallet's own page.
fn wallet(call: &Call, order: &Order) -> Decision {
    let result = results::web_payment(order, &page_url(call, order));
    let data = json!({ "webPaymentResult": result });
    Decision {
        reply: Reply::message(200, envelope(call, PENDING, data)),
        changes: vec![created(call, order), issued(call, &order.controller_internal_id, order)],
        notifications: Vec::new(),
    }
}

fn created(call: &Call, order: &Order) -> Change {
    order.change(merchant_id(call), call.now(), None)
}

/// A new order, and the card that it has stored, if it has.
fn created_with_card(call: &Call, order: &Order) -> Vec<Change> {
    let mut changes = vec![created(call, order)];
    changes.extend(newly_stored(merchant_id(call), order, &Moment::of(call)));
    changes
}

/// The change that stores an order's card, once it has paid and was asked to.
pub(super) fn newly_stored(merchant: &str, order: &Order, moment: &Moment<'_>) -> Option<Change> {
    match (&order.stored_card, &order.card) {
        (Some(id), Some(card)) if order.store_card && order.state == State::Approved => {
            Some(cards::store(merchant, id, card, moment))
        }
        _ => None,
    }
}

/// A name by which a browser will come for the order.
pub(super) fn issued(call: &Call, name: &str, order: &Order) -> Change {
    Change::Issue(Issued {
        provider: "paco".to_owned(),
        name: name.to_owned(),
        merchant: merchant_id(call).to_owned(),
        kind: orders::KIND.to_owned(),
        key: order.order_no.clone(),
    })
}

pub(super) fn merchant_id(call: &Call) -> &str {
    call.merchant().map(|merchant| merchant.id()).unwrap_or_default()
}

/// What an outcome means for a payment.
pub(super) fn event_of(outcome: Outcome) -> Event {
    match outcome {
        Outcome::Success => Event::Pay,
        Outcome::Declined => Event::Decline,
        Outcome::AuthenticationFailed => Event::FailAuthentication,
        Outcome::SystemError => Event::FailSystem,
        Outcome::Pending => Event::Await,
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

/// An order that has expired before it began would be a dead page, and nobody would know why.
fn refuse_past_expiry(call: &Call, settings: &Settings, order: &Order) -> Result<(), Refusal> {
    if order.expires_at > call.now() {
        return Ok(());
    }
    Err(Refusal::Business {
        reply: business_error(call, settings, INVALID_REQUEST),
        reason: Failure::new(
            format!("paymentExpiryDateTime after {}", call.now()),
            order.expires_at.to_string(),
        )
        .fix("Write it in UTC, or with its offset: without one it is taken for UTC."),
    })
}

/// The card that pays: the one in the message, or the stored one that it names.
async fn paying_card(
    call: &Call,
    settings: &Settings,
    request: &Payment,
    direct: bool,
) -> Result<Option<Card>, Refusal> {
    let stored = request.store_card_details.stored_card_unique_id.as_deref();
    let Some(id) = stored.filter(|id| is_stored_card_id(id)) else {
        // A card in an order for the page pays nothing: the payer types one there.
        return Ok(direct.then(|| in_message(&request.credit_card_details)).flatten());
    };
    if let Some(card) = cards::stored(call, id).await? {
        return Ok(Some(card));
    }
    Err(Refusal::Business {
        reply: business_error(call, settings, INVALID_REQUEST),
        reason: Failure::new(
            "a storedCardUniqueID that an earlier payment of this merchant returned",
            format!("\"{}\"", id.chars().take(100).collect::<String>()),
        )
        .fix(
            "Pay once with storeCardFlag Y and take storedCardUniqueID from its paymentResult; send \
             storeCardFlag N and no id to pay with the card's number.",
        ),
    })
}

fn in_message(details: &CreditCardDetails) -> Option<Card> {
    let number = details.card_number.as_deref()?;
    let holder = details.card_holder_name.as_ref().or(details.payer_name.as_ref());
    Some(Card::from_number(number, details.card_expiry_mmyy.clone(), holder.map(String::as_str)))
}

fn failure_of(outcome: Outcome) -> Option<Code> {
    match outcome {
        Outcome::Success => None,
        Outcome::Declined => Some(DECLINED),
        Outcome::AuthenticationFailed => Some(NOT_AUTHENTICATED),
        Outcome::SystemError => Some(SYSTEM_ERROR),
        Outcome::Pending => Some(PENDING),
    }
}

/// A scripted outcome where nothing is paid: the operation itself is refused.
pub(super) fn scripted_refusal(
    call: &Call,
    settings: &Settings,
    outcome: Outcome,
) -> Result<(), Refusal> {
    let Some(code) = failure_of(outcome) else {
        return Ok(());
    };
    Err(Refusal::Business {
        reply: business_error(call, settings, code),
        reason: Failure::new(NOTHING_WRONG, format!("a scenario's outcome {outcome:?}")),
    })
}

fn new_order(
    call: &Call,
    office: &Office,
    request: Payment,
    card: Option<Card>,
    direct: bool,
) -> Order {
    let now = call.now();
    let storing = request.store_card_details.store_card_flag.as_deref() == Some("Y");
    let stored =
        request.store_card_details.stored_card_unique_id.filter(|id| is_stored_card_id(id));
    let card_payment = is_card(request.payment_type.as_deref().unwrap_or("CC"));
    Order {
        order_no: request.order_no,
        office_id: request.office_id,
        controller_internal_id: call.services().ids.hex_128(),
        invoice_no: None,
        approval_code: None,
        psp_reference_no: None,
        state: if direct && !card_payment { State::InProgress } else { State::GatheringDetails },
        payment_type: request.payment_type.or_else(|| Some("CC".to_owned())),
        channel_code: request.channel_code,
        agent_code: request.agent_code,
        product_description: request.product_description,
        transaction_amount: request.transaction_amount,
        settlement_amount: None,
        notification_urls: request.notification_urls,
        card,
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
        origin: Origin::of(call, direct),
        with_3ds: card_payment && request.request_3ds_flag.as_deref() == Some("Y"),
        // A card that is stored already is not stored once more.
        store_card: storing && stored.is_none(),
        stored_card: stored,
        redirect_delay_s: request.auto_redirect_delay_timer,
        preferred_payment_types: request.preferred_payment_types,
        challenge: None,
        authentication: None,
        instalments: request
            .installment_payment_details
            .filter(|details| details.ipp_flag.as_deref() == Some("Y")),
        payer: request.general_payer_details.map(messages::only_known_payer),
        items: request
            .purchase_items
            .into_iter()
            .map(|item| Item {
                reference_no: item.reference_no,
                sub_merchant_id: item.sub_merchant_id,
                minor: item.purchase_item_price.as_ref().map(MessageAmount::minor),
            })
            .collect(),
        refunds: Vec::new(),
        review_expires_at: None,
    }
}

/// The address of an order's page.
fn page_url(call: &Call, order: &Order) -> String {
    format!("{}/payment/?pid={}", page_origin(call), order.controller_internal_id)
}

/// Where the hosted page stands: on a host of its own beside the API's, where that is the real one.
pub(super) fn page_origin(call: &Call) -> String {
    let origin = call.origin();
    let front_door = call.received().connection.front_door_host.is_some();
    match origin.strip_prefix("https://core.").filter(|_| front_door) {
        Some(rest) => format!("https://payment.{rest}"),
        None => origin,
    }
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
