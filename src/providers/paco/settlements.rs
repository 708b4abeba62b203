//! `Settlement`: captures an approved payment, in part or whole.

use std::sync::Arc;

use super::errors::INVALID_REQUEST;
use super::messages::{MessageAmount, Settlement};
use super::orders::Order;
use super::payments::scripted_refusal;
use super::settings::Settings;
use super::states::Event;
use super::voids::{done, moved, of_office, refused, shown};
use crate::blueprint::{Call, Decision, Refusal, Verified};
use crate::checks::Failure;
use crate::scenario::Outcome;

/// Settles a payment.
pub(super) async fn settle(
    call: Call,
    settings: Arc<Settings>,
    request: Verified<Settlement>,
    outcome: Outcome,
) -> Result<Decision, Refusal> {
    let (call, settings) = (&call, &*settings);
    let request = request.into_inner();
    let mut found = of_office(call, settings, &request.order_no, &request.office_id).await?;
    moved(call, settings, &mut found.order, Event::Settle)?;
    not_above_approved(call, settings, &found.order, &request.settlement_amount)?;
    scripted_refusal(call, settings, outcome)?;
    found.order.settlement_amount = Some(request.settlement_amount);
    Ok(done(call, &found))
}

fn not_above_approved(
    call: &Call,
    settings: &Settings,
    order: &Order,
    amount: &MessageAmount,
) -> Result<(), Refusal> {
    let approved = &order.transaction_amount;
    let fits = amount.currency_code == approved.currency_code
        && amount.decimal_places == approved.decimal_places
        && (1..=approved.minor()).contains(&amount.minor());
    if fits {
        return Ok(());
    }
    Err(refused(
        call,
        settings,
        INVALID_REQUEST,
        Failure::new(
            format!("settlementAmount above zero and at most {}", shown(approved)),
            shown(amount),
        ),
    ))
}
