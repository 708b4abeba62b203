//! An order as it is kept, read and shown: PACO keeps it by access token and order number.

use jiff::fmt::temporal::DateTimePrinter;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::messages::{MessageAmount, NotificationUrls};
use super::states::{Event, State, Timed, as_of};
use crate::blueprint::{Call, Refusal};
use crate::masking::mask_number;
use crate::store::{Change, TransactionChange};

/// The kind under which orders are kept.
pub(super) const KIND: &str = "order";

/// An order with its payment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub order_no: String,
    pub office_id: String,
    pub controller_internal_id: String,
    pub invoice_no: Option<String>,
    pub approval_code: Option<String>,
    pub psp_reference_no: Option<String>,
    pub state: State,
    pub payment_type: Option<String>,
    pub channel_code: Option<String>,
    pub agent_code: Option<String>,
    pub product_description: String,
    pub transaction_amount: MessageAmount,
    pub settlement_amount: Option<MessageAmount>,
    pub notification_urls: NotificationUrls,
    pub card: Option<Card>,
    pub stored_card: Option<String>,
    pub mcp_flag: Option<String>,
    pub failed_reason: Option<String>,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
    pub expires_at: Timestamp,
    pub auto_settles_at: Option<Timestamp>,
}

/// What is kept of a card: nothing that could pay.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Card {
    /// First six and last four digits.
    pub masked_number: String,
    pub scheme: String,
    pub expiry: Option<String>,
    pub holder: Option<String>,
}

/// An order as it was read, with the version that a change must find again.
pub(super) struct Found {
    pub order: Order,
    pub version: i64,
}

/// Reads an order as it is at this instant: what time alone has moved is moved.
pub(super) async fn find(call: &Call, order_no: &str) -> Result<Option<Found>, Refusal> {
    let Some(merchant) = call.merchant() else {
        return Ok(None);
    };
    let stored = call.services().store.transaction(merchant.id(), KIND, order_no).await.map_err(
        |error| Refusal::Internal {
            reason: error.to_string(),
        },
    )?;
    let Some(stored) = stored else {
        return Ok(None);
    };
    let mut order: Order =
        serde_json::from_str(&stored.state).map_err(|error| Refusal::Internal {
            reason: format!("the order {order_no} cannot be read: {error}"),
        })?;
    order.move_on(call.now());
    Ok(Some(Found {
        order,
        version: stored.version,
    }))
}

impl Order {
    fn move_on(&mut self, now: Timestamp) {
        let mut timed = vec![Timed {
            event: Event::Expire,
            at: self.expires_at,
        }];
        timed.extend(self.auto_settles_at.map(|at| Timed {
            event: Event::AutoSettle,
            at,
        }));
        let (state, since) = as_of(self.state, &timed, now);
        if state == State::Settled && self.state != State::Settled {
            self.settlement_amount = Some(self.transaction_amount.clone());
        }
        self.state = state;
        self.changed_at = since.unwrap_or(self.changed_at);
    }

    /// The change that writes this order.
    pub(super) fn change(&self, call: &Call, decided_on: Option<i64>) -> Change {
        Change::Transaction(TransactionChange {
            merchant: call.merchant().map(|merchant| merchant.id().to_owned()).unwrap_or_default(),
            provider: "paco".to_owned(),
            kind: KIND,
            key: self.order_no.clone(),
            decided_on,
            status: self.state.to_string(),
            state: serde_json::to_string(self).expect("an order is JSON"),
            at: call.now(),
            due_at: None,
        })
    }

    /// `paymentStatusInfo` with the name that the answer's kind has for the instant.
    pub(super) fn status_info(&self, instant_name: &str) -> Value {
        json!({
            "paymentStatus": self.state.status(),
            "paymentStep": self.state.step(),
            instant_name: date_time(self.changed_at),
        })
    }

    /// `creditCardAuthenticatedDetails`.
    pub(super) fn card_details(&self) -> Option<CardDetails<'_>> {
        let card = self.card.as_ref()?;
        let refused = self.state == State::VerificationFailed;
        Some(CardDetails {
            card_number: &card.masked_number,
            local_scheme: &card.scheme,
            card_expiry_mmyy: card.expiry.as_deref(),
            issuer_code: None,
            payer_name: card.holder.as_deref(),
            card_holder_name: card.holder.as_deref(),
            authentication_status: refused.then_some("N"),
            authentication_status_reason: None,
            eci_value: None,
            xid_value: None,
            cavv: None,
            three_ds_transaction_id: None,
            authentication_3ds_version: None,
            issuer_bank_country: None,
        })
    }
}

/// `creditCardAuthenticatedDetails`: every member is written, null or not.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CardDetails<'o> {
    card_number: &'o str,
    local_scheme: &'o str,
    #[serde(rename = "cardExpiryMMYY")]
    card_expiry_mmyy: Option<&'o str>,
    issuer_code: Option<&'o str>,
    payer_name: Option<&'o str>,
    card_holder_name: Option<&'o str>,
    authentication_status: Option<&'static str>,
    authentication_status_reason: Option<&'static str>,
    eci_value: Option<&'static str>,
    xid_value: Option<&'static str>,
    cavv: Option<&'static str>,
    three_ds_transaction_id: Option<&'static str>,
    #[serde(rename = "authentication3DSVersion")]
    authentication_3ds_version: Option<&'static str>,
    issuer_bank_country: Option<&'static str>,
}

impl Card {
    /// Keeps of a card what may be kept.
    pub(super) fn from_number(
        number: &str,
        expiry: Option<String>,
        holder: Option<String>,
    ) -> Self {
        Self {
            masked_number: mask_number(number),
            scheme: scheme(number).to_owned(),
            expiry,
            holder,
        }
    }
}

/// The payment type's letters for a card's scheme (`CC-VI` and so on).
fn scheme(number: &str) -> &'static str {
    let two: u32 = number.get(..2).and_then(|digits| digits.parse().ok()).unwrap_or(0);
    let four: u32 = number.get(..4).and_then(|digits| digits.parse().ok()).unwrap_or(0);
    match (two, four) {
        (40..=49, _) => "VI",
        (51..=55, _) | (_, 2221..=2720) => "CA",
        (34 | 37, _) => "AX",
        (62, _) => "UP",
        (_, 3528..=3589) => "JC",
        _ => "CC",
    }
}

/// An instant with seven fractional digits and Z, as PACO's .NET services write it.
pub(super) fn date_time(at: Timestamp) -> String {
    const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(7));
    PRINTER.timestamp_to_string(&at)
}

/// An instant to the second without Z, as `validTillDateTime` has it.
pub(super) fn date_time_seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// When an order expires that nobody pays.
pub(super) fn expiry(asked: Option<&str>, lifetime: SignedDuration, now: Timestamp) -> Timestamp {
    // The first year is how .NET writes an instant that was never set.
    let asked = asked.filter(|text| !text.starts_with("0001-")).and_then(|text| {
        text.parse::<Timestamp>().ok().or_else(|| {
            // Without an offset the instant is UTC, as everywhere in this API.
            let civil = text.parse::<jiff::civil::DateTime>().ok()?;
            jiff::tz::Offset::UTC.to_timestamp(civil).ok()
        })
    });
    asked.unwrap_or_else(|| now.saturating_add(lifetime).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_have_the_provider_s_digits() {
        let at: Timestamp = "2026-01-01T00:00:00.1234567Z".parse().expect("valid");

        assert_eq!(date_time(at), "2026-01-01T00:00:00.1234567Z");
        assert_eq!(date_time_seconds(at), "2026-01-01T00:00:00");
    }

    #[test]
    fn a_card_s_scheme_is_told_by_its_first_digits() {
        assert_eq!(scheme("5399330000012640"), "CA");
        assert_eq!(scheme("4101490000057763"), "VI");
    }
}
