//! The payment's life as a pure function: state x event -> state, or a refusal.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Status and step of a payment, in the provider's own letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum State {
    /// PCPS/GP: an order waits for its payer.
    GatheringDetails,
    /// I/IP: a wallet payment is under way.
    InProgress,
    /// A/PA: approved; next is Void or Settlement, and only one of them.
    Approved,
    /// S/ST.
    Settled,
    /// V/VD.
    Voided,
    /// F/PR: the issuer declined.
    Rejected,
    /// F/VF: the payer could not be authenticated.
    VerificationFailed,
    /// F/SE.
    SystemError,
    /// E/PE.
    Expired,
}

/// What happens to a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Event {
    Void,
    Settle,
    /// The office settles by itself.
    AutoSettle,
    /// The order's time is up.
    Expire,
}

impl State {
    /// All states.
    #[cfg(test)]
    pub(super) const ALL: [Self; 9] = [
        Self::GatheringDetails,
        Self::InProgress,
        Self::Approved,
        Self::Settled,
        Self::Voided,
        Self::Rejected,
        Self::VerificationFailed,
        Self::SystemError,
        Self::Expired,
    ];

    /// `paymentStatus`.
    pub(super) fn status(self) -> &'static str {
        match self {
            Self::GatheringDetails => "PCPS",
            Self::InProgress => "I",
            Self::Approved => "A",
            Self::Settled => "S",
            Self::Voided => "V",
            Self::Rejected | Self::VerificationFailed | Self::SystemError => "F",
            Self::Expired => "E",
        }
    }

    /// `paymentStep`.
    pub(super) fn step(self) -> &'static str {
        match self {
            Self::GatheringDetails => "GP",
            Self::InProgress => "IP",
            Self::Approved => "PA",
            Self::Settled => "ST",
            Self::Voided => "VD",
            Self::Rejected => "PR",
            Self::VerificationFailed => "VF",
            Self::SystemError => "SE",
            Self::Expired => "PE",
        }
    }

    /// The state after an event; `None`: the event is not allowed in this state.
    pub(super) fn after(self, event: Event) -> Option<Self> {
        match (self, event) {
            (Self::Approved, Event::Void) => Some(Self::Voided),
            (Self::Approved, Event::Settle | Event::AutoSettle) => Some(Self::Settled),
            (Self::GatheringDetails | Self::InProgress, Event::Expire) => Some(Self::Expired),
            _ => None,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.status(), self.step())
    }
}

/// Events that time alone brings about, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timed {
    pub event: Event,
    pub at: Timestamp,
}

/// The state at an instant, and since when it holds, if time alone has moved it.
pub(super) fn as_of(state: State, timed: &[Timed], now: Timestamp) -> (State, Option<Timestamp>) {
    let mut due: Vec<&Timed> = timed.iter().filter(|timed| timed.at <= now).collect();
    due.sort_by_key(|timed| timed.at);
    due.iter().fold((state, None), |(state, since), timed| match state.after(timed.event) {
        Some(next) => (next, Some(timed.at)),
        None => (state, since),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_decides_every_event() {
        const EVENTS: [Event; 4] = [Event::Void, Event::Settle, Event::AutoSettle, Event::Expire];
        let allowed: Vec<String> = State::ALL
            .into_iter()
            .flat_map(|state| EVENTS.map(|event| (state, event)))
            .filter_map(|(state, event)| {
                state.after(event).map(|next| format!("{state} {event:?} {next}"))
            })
            .collect();

        assert_eq!(
            allowed,
            [
                "PCPS/GP Expire E/PE",
                "I/IP Expire E/PE",
                "A/PA Void V/VD",
                "A/PA Settle S/ST",
                "A/PA AutoSettle S/ST",
            ]
        );
    }

    #[test]
    fn time_moves_a_state_at_its_own_instant() {
        let at = |second| Timestamp::from_second(second).expect("small");
        let timed = [
            Timed {
                event: Event::Expire,
                at: at(100),
            },
            Timed {
                event: Event::AutoSettle,
                at: at(50),
            },
        ];

        assert_eq!(as_of(State::Approved, &timed, at(49)), (State::Approved, None));
        assert_eq!(as_of(State::Approved, &timed, at(200)), (State::Settled, Some(at(50))));
        assert_eq!(as_of(State::GatheringDetails, &timed, at(99)), (State::GatheringDetails, None));
        assert_eq!(
            as_of(State::GatheringDetails, &timed, at(100)),
            (State::Expired, Some(at(100)))
        );
    }
}
