//! Cards as they are kept and shown, and the ones that a merchant has stored.

use serde::{Deserialize, Serialize};

use super::orders::Moment;
use super::states::State;
use crate::blueprint::{Call, Refusal};
use crate::masking::{mask_number, scrub};
use crate::store::{Change, TransactionChange};

/// The kind under which stored cards are kept, by their `storedCardUniqueID`.
pub(super) const KIND: &str = "card";

/// What is kept of a card: nothing that could pay.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Card {
    /// First six and last four digits.
    pub masked_number: String,
    pub scheme: String,
    pub expiry: Option<String>,
    pub holder: Option<String>,
}

/// What the access control server said of a payer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Authentication {
    /// `Y` or `N` (EMV 3-D Secure, transStatus).
    pub status: String,
    pub eci: Option<String>,
    pub cavv: Option<String>,
    pub transaction_id: Option<String>,
    pub version: String,
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
    authentication_status: Option<&'o str>,
    authentication_status_reason: Option<&'o str>,
    eci_value: Option<&'o str>,
    xid_value: Option<&'o str>,
    cavv: Option<&'o str>,
    three_ds_transaction_id: Option<&'o str>,
    #[serde(rename = "authentication3DSVersion")]
    authentication_3ds_version: Option<&'o str>,
    issuer_bank_country: Option<&'o str>,
}

impl Card {
    /// Keeps of a card what may be kept.
    pub(super) fn from_number(number: &str, expiry: Option<String>, holder: Option<&str>) -> Self {
        Self {
            masked_number: mask_number(number),
            scheme: scheme(number).to_owned(),
            expiry,
            // People type numbers where a name is asked for.
            holder: holder.map(|holder| scrub(holder).unwrap_or_else(|| holder.to_owned())),
        }
    }

    /// The last four digits, for the payer.
    pub(super) fn last_four(&self) -> &str {
        let start = self.masked_number.len().saturating_sub(4);
        self.masked_number.get(start..).unwrap_or_default()
    }

    /// As answers show it.
    pub(super) fn details<'o>(
        &'o self,
        authentication: Option<&'o Authentication>,
        state: State,
    ) -> CardDetails<'o> {
        let refused = state == State::VerificationFailed;
        let of = |part: fn(&Authentication) -> Option<&str>| authentication.and_then(part);
        CardDetails {
            card_number: &self.masked_number,
            local_scheme: &self.scheme,
            card_expiry_mmyy: self.expiry.as_deref(),
            issuer_code: None,
            payer_name: self.holder.as_deref(),
            card_holder_name: self.holder.as_deref(),
            authentication_status: of(|it| Some(&it.status)).or(refused.then_some("N")),
            authentication_status_reason: None,
            eci_value: of(|it| it.eci.as_deref()),
            xid_value: None,
            cavv: of(|it| it.cavv.as_deref()),
            three_ds_transaction_id: of(|it| it.transaction_id.as_deref()),
            authentication_3ds_version: of(|it| Some(&it.version)),
            issuer_bank_country: None,
        }
    }
}

/// The card that a merchant has stored under an id.
pub(super) async fn stored(call: &Call, id: &str) -> Result<Option<Card>, Refusal> {
    let Some(merchant) = call.merchant() else {
        return Ok(None);
    };
    let internal = |reason: String| Refusal::Internal { reason };
    let found = call.services().store.transaction(merchant.id(), KIND, id).await;
    let Some(found) = found.map_err(|error| internal(error.to_string()))? else {
        return Ok(None);
    };
    serde_json::from_str(&found.state)
        .map(Some)
        .map_err(|error| internal(format!("the stored card {id} cannot be read: {error}")))
}

/// The change that stores a card.
pub(super) fn store(merchant: &str, id: &str, card: &Card, moment: &Moment<'_>) -> Change {
    Change::Transaction(TransactionChange {
        merchant: merchant.to_owned(),
        provider: "paco".to_owned(),
        kind: KIND,
        key: id.to_owned(),
        decided_on: None,
        status: "stored".to_owned(),
        state: serde_json::to_string(card).expect("a card is JSON"),
        at: moment.at,
        due_at: None,
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_s_scheme_is_told_by_its_first_digits() {
        assert_eq!(scheme("5399330000012640"), "CA");
        assert_eq!(scheme("4101490000057763"), "VI");
    }

    #[test]
    fn a_payer_sees_the_last_four_digits() {
        let card = Card::from_number("4706860000002325", None, None);

        assert_eq!(card.masked_number, "470686XXXXXX2325");
        assert_eq!(card.last_four(), "2325");
    }
}
