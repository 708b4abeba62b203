//! The one trait: what a gateway's double must be able to do.

use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::reply::Sealing;
use super::{
    BoxFuture, Call, Client, Endpoint, Enrolled, Enrolment, EnrolmentError, Merchant,
    NamedConstant, OfficeSpec, Received, Refusal, Reply, RouteMatch, Services, SettingDoc,
    WireReply,
};
use crate::checks::Check;
use crate::diagnosis::{Mistake, NearMiss};
use crate::ids::Ids;
use crate::scenario::{Misbehaviour, NOTHING_WRONG, ScriptedError};
use crate::store::{
    Change, EarlierExchange, ExchangeSummary, LadderRung, MerchantRecord, NewNotification,
    NotificationRecord, RungVerdict, Transaction, Verdict,
};

/// What a near-miss search may look at: an exchange as it was recorded.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// HTTP method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The provider's real host, where the front door was used.
    pub front_door: Option<String>,
    /// The endpoint.
    pub endpoint: Option<String>,
    /// Header lines.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The ladder.
    pub ladder: Vec<LadderRung>,
    /// The opened request, without card data.
    pub opened: Option<Value>,
    /// What was answered, opened if it was sealed, where it is JSON.
    pub answer: Option<Value>,
    /// How it ended.
    pub verdict: Verdict,
    /// Why the business refused it.
    pub reason: Option<String>,
    /// The merchant that was named.
    pub merchant: Option<Arc<Merchant>>,
    /// Transactions of this merchant that the request may have meant; none while it is recorded.
    pub related: Vec<Transaction>,
    /// Exchanges of this merchant before this one, newest first, where the provider
    /// [looks back](Provider::looks_back); none while it is recorded.
    pub earlier: Vec<Earlier>,
    /// The instant of the exchange.
    pub at: Timestamp,
    /// What this machine's own clock showed then, while it is recorded; none later, when it would be
    /// the time of whoever asks.
    pub machine_at: Option<Timestamp>,
}

/// An exchange before the one that is explained.
#[derive(Clone, Debug)]
pub struct Earlier {
    /// Its id, as people ask for it.
    pub id: String,
    /// What the journal has of it.
    pub exchange: EarlierExchange,
}

impl Evidence {
    /// Whether a scenario made it fail: then nothing is wrong with the request.
    #[must_use]
    pub fn is_scripted(&self) -> bool {
        self.ladder.iter().any(|rung| rung.verdict == RungVerdict::Forced)
            || self.reason.as_ref().is_some_and(|reason| reason.contains(NOTHING_WRONG))
    }
}

/// What the journal keeps of an exchange's bytes, after masking.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Path and query.
    pub target: String,
    /// Header lines of the request.
    pub request_headers: Vec<(String, String)>,
    /// Body of the request.
    pub request_body: Vec<u8>,
    /// What was left out of it.
    pub request_note: Option<String>,
    /// The opened request.
    pub opened_request: Option<Value>,
    /// Body of the answer.
    pub answer_body: Vec<u8>,
    /// What was left out of it.
    pub answer_note: Option<String>,
    /// What a sealed answer says.
    pub opened_answer: Option<Arc<Value>>,
}

/// What a request names its merchant by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedBy {
    /// A credential: a token, a client id, a key.
    Credential(String),
    /// A name that was handed out, such as the id of a payment page.
    Issued(String),
}

/// Something that a person can make happen to a transaction.
#[derive(Clone, Copy, Debug)]
pub struct EventDoc {
    /// Its name.
    pub name: &'static str,
    /// The kind of transaction that it happens to.
    pub kind: &'static str,
    /// What it does, in a few words.
    pub about: &'static str,
}

/// A transaction that a person or time moves.
#[derive(Clone, Copy, Debug)]
pub struct Driven<'d> {
    /// What every step may use.
    pub services: &'d Services,
    /// Whose it is.
    pub merchant: &'d Arc<Merchant>,
    /// As it is stored.
    pub transaction: &'d Transaction,
    /// The instant, on its merchant's clock.
    pub at: Timestamp,
    /// The number that the change will have in the journal.
    pub seq: i64,
}

/// What moves with a transaction: all of it is committed together, or nothing.
#[derive(Debug, Default)]
pub struct Movement {
    /// State to change.
    pub changes: Vec<Change>,
    /// Callbacks to queue.
    pub notifications: Vec<NewNotification>,
}

/// Why an event cannot happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventRefusal {
    /// There is no such event; the names that exist.
    #[error("there is no event \"{0}\"")]
    Unknown(String),
    /// The transaction's state forbids it.
    #[error("{0}")]
    NotNow(String),
    /// The transaction cannot be read.
    #[error("{0}")]
    Damaged(String),
}

/// A file of exported credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedFile {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub contents: String,
}

/// A notification as one attempt sends it.
#[derive(Clone, Debug)]
pub struct NotificationMessage {
    /// Content type of the body.
    pub content_type: &'static str,
    /// Header lines beyond that.
    pub headers: Vec<(&'static str, String)>,
    /// The body, signed and encrypted as the provider does it.
    pub body: Bytes,
}

/// A gateway's double.
pub trait Provider: Send + Sync + 'static {
    /// Its id in paths, tables and settings.
    fn id(&self) -> &'static str;

    /// Its name for people.
    fn title(&self) -> &'static str;

    /// The real host names that the front door answers for.
    fn real_hosts(&self) -> &'static [&'static str];

    /// The endpoint table.
    fn endpoints(&self) -> &[Endpoint];

    /// Every check of every endpoint, once.
    fn checks(&self) -> &'static [&'static Check];

    /// Settings with their defaults, for documentation and messages.
    fn settings(&self) -> &'static [SettingDoc];

    /// Named constants with their evidence.
    fn constants(&self) -> &'static [NamedConstant];

    /// Its documentation, with marked places for the tables below.
    fn docs(&self) -> &'static str;

    /// The tables of its documentation, as they follow from its code.
    fn generated_tables(&self) -> Vec<(&'static str, String)>;

    /// Scenario files that ship with it.
    fn scenario_files(&self) -> &'static [(&'static str, &'static str)];

    /// Step 3: finds the endpoint of a request.
    ///
    /// # Errors
    /// A refusal that says what is nearest.
    fn route(&self, received: &Received) -> Result<(&Endpoint, RouteMatch), Refusal>;

    /// What a request names its merchant by.
    fn named_by(&self, received: &Received) -> Option<NamedBy>;

    /// How a refusal is worded on the wire.
    fn refuse(&self, call: &Call, refusal: &Refusal) -> Reply;

    /// How a scripted error is worded on the wire.
    fn scripted(&self, call: &Call, error: &ScriptedError) -> Reply;

    /// Step 7: turns a reply into the bytes of the answer.
    fn seal(&self, call: Call, reply: Reply, misbehaviour: Option<Misbehaviour>) -> Sealing;

    /// Takes what must not be stored out of an exchange.
    fn mask(&self, call: Call, answer: WireReply) -> BoxFuture<Kept>;

    /// Takes secrets that this provider knows out of a text that is kept or shown: evidence quotes
    /// what came.
    fn without_secrets(&self, text: String) -> String {
        text
    }

    /// What a person can make happen to its transactions.
    fn events(&self) -> &'static [EventDoc];

    /// Makes an event happen.
    ///
    /// # Errors
    /// Why it cannot happen now.
    fn drive(&self, driven: Driven<'_>, event: &str) -> Result<Movement, EventRefusal>;

    /// Moves a transaction to where time alone has brought it.
    ///
    /// # Errors
    /// If it cannot be read.
    fn time_moves(&self, driven: Driven<'_>) -> Result<Movement, EventRefusal>;

    /// Every usual mistake that [`diagnose`](Self::diagnose) looks for.
    fn mistakes(&self) -> &'static [&'static Mistake];

    /// Which usual mistakes explain a recorded exchange.
    fn diagnose(&self, evidence: &Evidence) -> Vec<NearMiss>;

    /// Whether the exchanges before this one can tell more about it. They are read only then, and only
    /// when somebody asks for the explanation.
    fn looks_back(&self, _exchange: &ExchangeSummary) -> bool {
        false
    }

    /// What [`diagnose`](Self::diagnose) has found, in the light of the exchanges before this one: with
    /// what they show, and without what they disprove.
    fn look_back(&self, _evidence: &Evidence, found: Vec<NearMiss>) -> Vec<NearMiss> {
        found
    }

    /// What one attempt to deliver a notification sends, sealed for this attempt alone. `at` is its
    /// instant by the merchant's clock. An error says why nothing can be sent.
    fn notification(
        &self,
        record: &NotificationRecord,
        merchant: &Arc<Merchant>,
        services: &Arc<Services>,
        at: Timestamp,
    ) -> BoxFuture<Result<NotificationMessage, String>>;

    /// When the attempts to deliver a notification are due, counted from the instant of what it is
    /// about: one for each, in ascending order. An attempt that came late moves those after it by as
    /// much.
    fn retry_delays(&self, merchant: &Merchant) -> Vec<SignedDuration>;

    /// Whether a receiver that answered with this HTTP status has taken the notification.
    fn notification_taken(&self, status: u16) -> bool;

    /// The enrolment of the demo merchant.
    fn demo(&self) -> Enrolment;

    /// Works out a new merchant: credentials that were asked for, and made ones for the rest.
    ///
    /// # Errors
    /// The member that is wrong, and what to do.
    fn enrol(
        &self,
        enrolment: &Enrolment,
        ids: &Ids,
        at: Timestamp,
    ) -> Result<MerchantRecord, EnrolmentError>;

    /// Parses a stored merchant once.
    ///
    /// # Errors
    /// What is wrong with it.
    fn load(&self, record: &MerchantRecord) -> Result<Enrolled, EnrolmentError>;

    /// Forgets what it remembers in memory of a merchant's requests: everything starts over.
    fn reset(&self, _merchant: &Merchant) {}

    /// The offices of a stored merchant, for listing.
    fn offices(&self, record: &MerchantRecord) -> Vec<OfficeSpec> {
        serde_json::from_value(record.offices.clone()).unwrap_or_default()
    }

    /// Everything that a client needs in files: `.env` lines and keys.
    fn export(&self, merchant: &Merchant, base_url: &str) -> Vec<ExportedFile>;

    /// A correct caller of every endpoint.
    fn client(&self) -> Option<&dyn Client>;
}
