//! The payment's life as a pure function: state x event -> state, or a refusal.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Status and step of a payment, in the provider's own letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum State {
    /// PCPS/GP: an order waits for its payer.
    GatheringDetails,
    /// I/IP: a payment outside this API is under way, such as a wallet's, or one at a bank that has
    /// not answered yet.
    InProgress,
    /// I/AC: the payer was sent to the bank's access control server.
    Challenged,
    /// I/AX: the payer did not answer the challenge in time.
    ChallengeTimedOut,
    /// P/PP: the payer has promised to pay later.
    Pending,
    /// A/PA: approved; next is Void or Settlement, and only one of them.
    Approved,
    /// S/ST.
    Settled,
    /// V/VD.
    Voided,
    /// R/RP: a refund waits for its checker.
    RefundInReview,
    /// R/RF: refunded, in part or whole.
    Refunded,
    /// R/RR: the checker rejected the refund.
    RefundRejected,
    /// R/RE: nobody approved the refund in time.
    RefundExpired,
    /// F/PR: the issuer declined.
    Rejected,
    /// F/VF: the payer could not be authenticated.
    VerificationFailed,
    /// F/SE.
    SystemError,
    /// F/AM: the payer never came back from the challenge.
    SessionExpired,
    /// C/PC: the payer cancelled.
    Cancelled,
    /// C/AB: the payer left.
    Abandoned,
    /// E/PE.
    Expired,
}

/// What happens to a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum Event {
    /// The payment is approved: by the card page, the challenge, the wallet.
    Pay,
    /// The payer is sent to the access control server.
    Challenge,
    /// The bank is asked, and does not answer yet.
    Await,
    /// The payer promises to pay later.
    Postpone,
    Decline,
    FailAuthentication,
    FailSystem,
    /// The challenge's time is up.
    TimeOutChallenge,
    Cancel,
    Abandon,
    Void,
    Settle,
    /// The office settles by itself.
    AutoSettle,
    Refund,
    /// A refund is asked for that a checker must approve.
    RequestRefund,
    ApproveRefund,
    RejectRefund,
    /// The checker's time is up.
    ExpireRefund,
    /// The order's time is up.
    Expire,
}

impl State {
    /// All states.
    #[cfg(test)]
    pub(super) const ALL: [Self; 19] = [
        Self::GatheringDetails,
        Self::InProgress,
        Self::Challenged,
        Self::ChallengeTimedOut,
        Self::Pending,
        Self::Approved,
        Self::Settled,
        Self::Voided,
        Self::RefundInReview,
        Self::Refunded,
        Self::RefundRejected,
        Self::RefundExpired,
        Self::Rejected,
        Self::VerificationFailed,
        Self::SystemError,
        Self::SessionExpired,
        Self::Cancelled,
        Self::Abandoned,
        Self::Expired,
    ];

    /// `paymentStatus` and `paymentStep`.
    fn letters(self) -> (&'static str, &'static str) {
        match self {
            Self::GatheringDetails => ("PCPS", "GP"),
            Self::InProgress => ("I", "IP"),
            Self::Challenged => ("I", "AC"),
            Self::ChallengeTimedOut => ("I", "AX"),
            Self::Pending => ("P", "PP"),
            Self::Approved => ("A", "PA"),
            Self::Settled => ("S", "ST"),
            Self::Voided => ("V", "VD"),
            Self::RefundInReview => ("R", "RP"),
            Self::Refunded => ("R", "RF"),
            Self::RefundRejected => ("R", "RR"),
            Self::RefundExpired => ("R", "RE"),
            Self::Rejected => ("F", "PR"),
            Self::VerificationFailed => ("F", "VF"),
            Self::SystemError => ("F", "SE"),
            Self::SessionExpired => ("F", "AM"),
            Self::Cancelled => ("C", "PC"),
            Self::Abandoned => ("C", "AB"),
            Self::Expired => ("E", "PE"),
        }
    }

    /// `paymentStatus`.
    pub(super) fn status(self) -> &'static str {
        self.letters().0
    }

    /// `paymentStep`.
    pub(super) fn step(self) -> &'static str {
        self.letters().1
    }

    /// Whether the payer may still do something about it.
    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::GatheringDetails | Self::InProgress | Self::Challenged | Self::Pending)
    }

    /// Whether the payment has no final result yet.
    pub(super) fn is_unfinished(self) -> bool {
        self.is_open() || self == Self::ChallengeTimedOut
    }

    /// The state after an event; `None`: the event is not allowed in this state.
    pub(super) fn after(self, event: Event) -> Option<Self> {
        match event {
            Event::Pay => self.is_open().then_some(Self::Approved),
            Event::Decline => self.is_open().then_some(Self::Rejected),
            Event::FailAuthentication => self.is_open().then_some(Self::VerificationFailed),
            Event::FailSystem => self.is_open().then_some(Self::SystemError),
            Event::Cancel => self.is_open().then_some(Self::Cancelled),
            Event::Abandon => self.is_open().then_some(Self::Abandoned),
            Event::Challenge => (self == Self::GatheringDetails).then_some(Self::Challenged),
            Event::TimeOutChallenge => {
                (self == Self::Challenged).then_some(Self::ChallengeTimedOut)
            }
            Event::Await if self == Self::Pending => Some(self),
            Event::Await => self.is_open().then_some(Self::InProgress),
            Event::Postpone => (self == Self::InProgress).then_some(Self::Pending),
            Event::Expire if self == Self::ChallengeTimedOut => Some(Self::SessionExpired),
            Event::Expire => self.is_open().then_some(Self::Expired),
            Event::Void => (self == Self::Approved).then_some(Self::Voided),
            Event::Settle | Event::AutoSettle => (self == Self::Approved).then_some(Self::Settled),
            Event::Refund => self.is_refundable().then_some(Self::Refunded),
            Event::RequestRefund => self.is_refundable().then_some(Self::RefundInReview),
            Event::ApproveRefund => (self == Self::RefundInReview).then_some(Self::Refunded),
            Event::RejectRefund => (self == Self::RefundInReview).then_some(Self::RefundRejected),
            Event::ExpireRefund => (self == Self::RefundInReview).then_some(Self::RefundExpired),
        }
    }

    /// Settled, and no refund under way. How much is left to refund is another question.
    fn is_refundable(self) -> bool {
        matches!(self, Self::Settled | Self::Refunded | Self::RefundRejected | Self::RefundExpired)
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

/// When time will next move a state, if it ever will.
pub(super) fn next_due(state: State, timed: &[Timed]) -> Option<Timestamp> {
    timed.iter().filter(|timed| state.after(timed.event).is_some()).map(|timed| timed.at).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_decides_every_event() {
        use Event::{
            Abandon, ApproveRefund, AutoSettle, Await, Cancel, Challenge, Decline, Expire,
            ExpireRefund, FailAuthentication, FailSystem, Pay, Postpone, Refund, RejectRefund,
            RequestRefund, Settle, TimeOutChallenge, Void,
        };
        const EVENTS: [Event; 19] = [
            Pay,
            Challenge,
            Await,
            Postpone,
            Decline,
            FailAuthentication,
            FailSystem,
            TimeOutChallenge,
            Cancel,
            Abandon,
            Void,
            Settle,
            AutoSettle,
            Refund,
            RequestRefund,
            ApproveRefund,
            RejectRefund,
            ExpireRefund,
            Expire,
        ];
        let allowed = |state: State| {
            let ends = EVENTS
                .iter()
                .filter_map(|event| state.after(*event).map(|next| format!("{event:?} {next}")));
            ends.collect::<Vec<_>>().join(", ")
        };
        let ended = "Decline F/PR, FailAuthentication F/VF, FailSystem F/SE";
        let left = "Cancel C/PC, Abandon C/AB";
        let refunds = "Refund R/RF, RequestRefund R/RP";
        for (state, wanted) in [
            (
                "PCPS/GP",
                format!("Pay A/PA, Challenge I/AC, Await I/IP, {ended}, {left}, Expire E/PE"),
            ),
            ("I/IP", format!("Pay A/PA, Await I/IP, Postpone P/PP, {ended}, {left}, Expire E/PE")),
            (
                "I/AC",
                format!(
                    "Pay A/PA, Await I/IP, {ended}, TimeOutChallenge I/AX, {left}, Expire E/PE"
                ),
            ),
            ("I/AX", "Expire F/AM".to_owned()),
            ("P/PP", format!("Pay A/PA, Await P/PP, {ended}, {left}, Expire E/PE")),
            ("A/PA", "Void V/VD, Settle S/ST, AutoSettle S/ST".to_owned()),
            ("S/ST", refunds.to_owned()),
            ("V/VD", String::new()),
            ("R/RP", "ApproveRefund R/RF, RejectRefund R/RR, ExpireRefund R/RE".to_owned()),
            ("R/RF", refunds.to_owned()),
            ("R/RR", refunds.to_owned()),
            ("R/RE", refunds.to_owned()),
            ("F/PR", String::new()),
            ("F/VF", String::new()),
            ("F/SE", String::new()),
            ("F/AM", String::new()),
            ("C/PC", String::new()),
            ("C/AB", String::new()),
            ("E/PE", String::new()),
        ] {
            let known = State::ALL.into_iter().find(|known| known.to_string() == state);
            assert_eq!(allowed(known.expect("a state of these letters")), wanted, "{state}");
        }
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
