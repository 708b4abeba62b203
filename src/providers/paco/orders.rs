//! An order as it is kept and moved: PACO keeps it by access token and order number.

use jiff::fmt::temporal::DateTimePrinter;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answers::api_request_text;
use super::cards::{Authentication, Card, CardDetails};
use super::constants::{ACS_TIMEOUT_S, REFUND_REVIEW_S, THREE_DS_VERSION};
use super::errors::{
    CANCELLED, Code, DECLINED, NOT_AUTHENTICATED, ORDER_EXPIRED, PENDING, SUCCESS, SYSTEM_ERROR,
};
use super::merchant::Office;
use super::messages::{Instalments, MessageAmount, NotificationUrls};
use super::notifications::Form;
use super::states::{Event, State, Timed, as_of, next_due};
use crate::blueprint::{Call, Refusal};
use crate::ids::Ids;
use crate::store::{Change, Transaction, TransactionChange};

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
    #[serde(default)]
    pub origin: Origin,
    /// Whether the payer is to be authenticated.
    #[serde(default)]
    pub with_3ds: bool,
    /// Whether the card is to be stored once it has paid.
    #[serde(default)]
    pub store_card: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_delay_s: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred_payment_types: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<Challenge>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instalments: Option<Instalments>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payer: Option<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<Item>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<Refunding>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_expires_at: Option<Timestamp>,
}

/// How the order came, which is how its result is told later.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Origin {
    pub form: Form,
    pub request_message_id: Option<String>,
    /// Paid by `nonUi`, without the hosted page.
    pub direct: bool,
}

/// A payer at the access control server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Challenge {
    /// `acsTransID` of the creq, by which the payer's browser is recognised.
    pub transaction_id: String,
    /// `threeDSSessionData`, which the browser carries along.
    pub session_data: String,
    pub times_out_at: Timestamp,
}

/// A purchased item, as far as refunds need it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Item {
    pub reference_no: Option<String>,
    pub sub_merchant_id: Option<String>,
    pub minor: Option<u64>,
}

/// A refund that was asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Refunding {
    pub refund_no: String,
    pub minor: u64,
    pub maker: String,
    pub at: Timestamp,
    pub state: RefundState,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<Item>,
}

/// What became of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum RefundState {
    InReview,
    Refunded,
    Rejected,
    Expired,
}

/// Where and when something happens: the source of its numbers and its instant.
pub(super) struct Moment<'m> {
    pub ids: &'m Ids,
    /// On the merchant's clock.
    pub at: Timestamp,
    /// Its number in the journal.
    pub number: i64,
}

impl<'m> Moment<'m> {
    pub(super) fn of(call: &'m Call) -> Self {
        Self {
            ids: &call.services().ids,
            at: call.now(),
            number: call.received().seq,
        }
    }
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
    let internal = |reason: String| Refusal::Internal { reason };
    let stored = call.services().store.transaction(merchant.id(), KIND, order_no).await;
    let Some(stored) = stored.map_err(|error| internal(error.to_string()))? else {
        return Ok(None);
    };
    read(&stored, call.now()).map(Some).map_err(internal)
}

/// An order from its row.
pub(super) fn read(stored: &Transaction, now: Timestamp) -> Result<Found, String> {
    let mut order: Order = serde_json::from_str(&stored.state)
        .map_err(|error| format!("the order {} cannot be read: {error}", stored.key))?;
    order.move_on(now);
    Ok(Found {
        order,
        version: stored.version,
    })
}

impl Origin {
    /// How the order of this request came.
    pub(super) fn of(call: &Call, direct: bool) -> Self {
        Self {
            form: Form::of(call),
            request_message_id: api_request_text(call, "requestMessageID").map(ToOwned::to_owned),
            direct,
        }
    }
}

impl Order {
    /// Something happens to the payment. `false`: its state forbids it, and nothing has changed.
    pub(super) fn happens(&mut self, event: Event, office: &Office, moment: &Moment<'_>) -> bool {
        let Some(next) = self.state.after(event) else {
            return false;
        };
        self.state = next;
        self.changed_at = moment.at;
        match event {
            Event::Pay => self.approved(office, moment),
            Event::Decline | Event::FailAuthentication | Event::FailSystem => {
                self.numbered(moment);
                self.failed_reason = Some(self.result_code().text.to_owned());
                if event == Event::FailAuthentication && self.with_3ds {
                    self.authentication = Some(self.authenticated("N", moment));
                }
            }
            Event::Cancel | Event::Abandon | Event::Expire => {
                self.failed_reason = Some(self.result_code().text.to_owned());
            }
            Event::Challenge => {
                let timeout = SignedDuration::from_secs(ACS_TIMEOUT_S);
                self.challenge = Some(Challenge {
                    transaction_id: moment.ids.uuid(),
                    session_data: moment.ids.hex_128(),
                    times_out_at: moment.at.saturating_add(timeout).unwrap_or(Timestamp::MAX),
                });
            }
            Event::AutoSettle => self.settlement_amount = Some(self.transaction_amount.clone()),
            Event::RequestRefund => {
                let time = SignedDuration::from_secs(REFUND_REVIEW_S);
                self.review_expires_at = moment.at.checked_add(time).ok();
            }
            Event::ApproveRefund => self.reviewed(RefundState::Refunded),
            Event::RejectRefund => self.reviewed(RefundState::Rejected),
            Event::ExpireRefund => self.reviewed(RefundState::Expired),
            Event::Await
            | Event::Postpone
            | Event::TimeOutChallenge
            | Event::Void
            | Event::Settle
            | Event::Refund => {}
        }
        true
    }

    fn approved(&mut self, office: &Office, moment: &Moment<'_>) {
        self.numbered(moment);
        self.approval_code = Some(moment.ids.digits(6));
        self.auto_settles_at = office.auto_settle.then_some(moment.at);
        if self.with_3ds {
            self.authentication = Some(self.authenticated("Y", moment));
        }
        if self.store_card && self.card.is_some() && self.stored_card.is_none() {
            self.stored_card = Some(moment.ids.uuid());
        }
    }

    /// The numbers that a payment gets when the bank behind PACO has answered.
    fn numbered(&mut self, moment: &Moment<'_>) {
        self.invoice_no = Some(invoice_no(&self.office_id, moment.number));
        self.psp_reference_no = Some(moment.ids.digits(12));
    }

    fn authenticated(&self, status: &str, moment: &Moment<'_>) -> Authentication {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD;

        let passed = status == "Y";
        let mastercard = self.card.as_ref().is_some_and(|card| card.scheme == "CA");
        Authentication {
            status: status.to_owned(),
            eci: passed.then(|| if mastercard { "02" } else { "05" }.to_owned()),
            cavv: passed.then(|| STANDARD.encode(moment.ids.bytes::<20>())),
            transaction_id: Some(moment.ids.uuid()),
            version: THREE_DS_VERSION.to_owned(),
        }
    }

    fn reviewed(&mut self, state: RefundState) {
        self.review_expires_at = None;
        let open = self.refunds.iter_mut().find(|refund| refund.state == RefundState::InReview);
        if let Some(refund) = open {
            refund.state = state;
        }
    }

    /// The code that stands for the payment's present state in a result.
    pub(super) fn result_code(&self) -> Code {
        match self.state {
            State::GatheringDetails
            | State::InProgress
            | State::Challenged
            | State::ChallengeTimedOut
            | State::Pending => PENDING,
            State::Approved
            | State::Settled
            | State::Voided
            | State::RefundInReview
            | State::Refunded
            | State::RefundRejected
            | State::RefundExpired => SUCCESS,
            State::Rejected => DECLINED,
            State::VerificationFailed => NOT_AUTHENTICATED,
            State::SystemError => SYSTEM_ERROR,
            State::Cancelled | State::Abandoned => CANCELLED,
            State::SessionExpired | State::Expired => ORDER_EXPIRED,
        }
    }

    /// Minor units that were settled and are neither refunded nor asked to be.
    pub(super) fn refundable(&self) -> u64 {
        let settled = self.settlement_amount.as_ref().map_or(0, MessageAmount::minor);
        let gone = self
            .refunds
            .iter()
            .filter(|refund| matches!(refund.state, RefundState::Refunded | RefundState::InReview));
        settled.saturating_sub(gone.map(|refund| refund.minor).fold(0, u64::saturating_add))
    }

    /// Moves the state to where time alone has brought it; says whether that was anywhere.
    pub(super) fn move_on(&mut self, now: Timestamp) -> bool {
        let (state, since) = as_of(self.state, &self.timed(), now);
        let Some(since) = since else {
            return false;
        };
        match state {
            State::Settled => self.settlement_amount = Some(self.transaction_amount.clone()),
            State::RefundExpired => self.reviewed(RefundState::Expired),
            _ => {}
        }
        self.state = state;
        self.changed_at = since;
        if matches!(state, State::Expired | State::SessionExpired) {
            self.failed_reason = Some(self.result_code().text.to_owned());
        }
        true
    }

    fn timed(&self) -> Vec<Timed> {
        let timed = |event, at: Option<Timestamp>| at.map(|at| Timed { event, at });
        [
            timed(Event::Expire, Some(self.expires_at)),
            timed(Event::AutoSettle, self.auto_settles_at),
            timed(
                Event::TimeOutChallenge,
                self.challenge.as_ref().map(|challenge| challenge.times_out_at),
            ),
            timed(Event::ExpireRefund, self.review_expires_at),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// The change that writes this order.
    pub(super) fn change(&self, merchant: &str, at: Timestamp, decided_on: Option<i64>) -> Change {
        Change::Transaction(TransactionChange {
            merchant: merchant.to_owned(),
            provider: "paco".to_owned(),
            kind: KIND,
            key: self.order_no.clone(),
            decided_on,
            status: self.state.to_string(),
            state: serde_json::to_string(self).expect("an order is JSON"),
            at,
            due_at: next_due(self.state, &self.timed()),
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
        self.card.as_ref().map(|card| card.details(self.authentication.as_ref(), self.state))
    }

    /// Whether a card pays it, rather than a wallet or a bank's own page.
    pub(super) fn is_paid_by_card(&self) -> bool {
        is_card(self.payment_type.as_deref().unwrap_or("CC"))
    }
}

/// Card payments, at once or in instalments.
pub(super) fn is_card(payment_type: &str) -> bool {
    matches!(payment_type.split('-').next(), Some("CC" | "IPP"))
}

/// Four letters of the office and a counter of thirteen digits.
fn invoice_no(office: &str, number: i64) -> String {
    let letters: String = office
        .chars()
        .filter(char::is_ascii_alphabetic)
        .chain("XXXX".chars())
        .take(4)
        .collect::<String>()
        .to_ascii_uppercase();
    format!("{letters}{number:013}")
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

/// An instant that a request names; `None` where it names none.
pub(super) fn asked_instant(asked: Option<&str>) -> Option<Timestamp> {
    // The first year is how .NET writes an instant that was never set.
    asked.filter(|text| !text.starts_with("0001-")).and_then(|text| {
        if text.starts_with("9999-12-31") {
            // .NET's last day, which not every zone can name.
            return Some(Timestamp::MAX);
        }
        text.parse::<Timestamp>().ok().or_else(|| {
            // Without an offset the instant is UTC, as everywhere in this API.
            let civil = text.parse::<jiff::civil::DateTime>().ok()?;
            jiff::tz::Offset::UTC.to_timestamp(civil).ok()
        })
    })
}

/// When an order expires that nobody pays.
pub(super) fn expiry(asked: Option<&str>, lifetime: SignedDuration, now: Timestamp) -> Timestamp {
    asked_instant(asked).unwrap_or_else(|| now.saturating_add(lifetime).unwrap_or(Timestamp::MAX))
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
    fn an_invoice_number_has_four_letters_and_thirteen_digits() {
        assert_eq!(invoice_no("DEMO_NEPAL", 7), "DEMO0000000000007");
        assert_eq!(invoice_no("12", 7), "XXXX0000000000007");
    }
}
