//! 2C2P PACO: orders and payments whose messages are a JWS inside a JWE. Contents page.

use std::sync::Arc;

use hyper::http::Method;
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use self::fields::{Member, Rules};
use self::merchant::PacoMerchant;
use self::settings::{Environment, Settings};
use crate::blueprint::{
    BoxFuture, Call, CaseRule, Client, Decision, Driven, Endpoint, Enrolled, Enrolment,
    EnrolmentError, EventDoc, EventRefusal, Evidence, ExportedFile, Kept, Merchant, Movement,
    NamedBy, NamedConstant, NotificationMessage, Provider, Received, Refusal, Reply, RouteMatch,
    Services, SettingDoc, Verified, WireReply, constants_table, find_endpoint, settings_table,
};
use crate::checks::Check;
use crate::diagnosis::{Mistake, NearMiss};
use crate::ids::Ids;
use crate::scenario::{Misbehaviour, Outcome, ScriptedError};
use crate::store::{MerchantRecord, NotificationRecord};

mod answers;
mod browser;
mod cards;
mod challenges;
mod claims;
mod client;
mod client_answers;
mod client_pages;
mod client_tamperings;
mod client_wishes;
mod constants;
mod errors;
mod events;
mod export;
mod fields;
mod html;
mod inquiries;
mod keys;
mod ladder;
mod layers;
mod lists;
mod masking;
mod merchant;
mod messages;
mod near_misses;
mod notifications;
mod orders;
mod pages;
mod payments;
mod refunds;
mod refusals;
mod results;
mod security;
mod settings;
mod settlements;
mod states;
mod voids;

const HOST_UAT: &str = "core.demo-paco.2c2p.com";
const HOST_PRD: &str = "core.paco.2c2p.com";
const PAGE_HOST_UAT: &str = "payment.demo-paco.2c2p.com";
const PAGE_HOST_PRD: &str = "payment.paco.2c2p.com";
const HOST_ACS: &str = "demo-emvacs.2c2p.com";

/// The double of PACO.
pub(super) struct Paco {
    section: Map<String, Value>,
    source: SettingsSource,
    endpoints: Vec<Endpoint>,
    client: client::PacoClient,
}

impl Paco {
    pub(super) fn new(section: Map<String, Value>) -> Result<Self, EnrolmentError> {
        let resolve = |environment| {
            Settings::resolve(&[&section], environment).map(Arc::new).map_err(|error| {
                EnrolmentError {
                    member: format!("paco.{}", error.member),
                    reason: error.reason,
                }
            })
        };
        let unnamed =
            [resolve(None)?, resolve(Some(Environment::Uat))?, resolve(Some(Environment::Prd))?];
        let source = SettingsSource {
            unnamed: Arc::new(unnamed),
        };
        let endpoints = endpoints(&source);
        Ok(Self {
            section,
            client: client::PacoClient::new(&endpoints),
            endpoints,
            source,
        })
    }

    /// The endpoints that a real host serves; an own port serves all of them. The table's order decides:
    /// first the API's, then the page's, then those of the access control server.
    fn endpoints_at(&self, host: Option<&str>) -> &[Endpoint] {
        let pages = self.endpoints.iter().position(|row| row.path == "/payment").unwrap_or(0);
        let acs = self.endpoints.iter().position(|row| row.path == challenges::PATH).unwrap_or(0);
        match host {
            None => &self.endpoints,
            Some(HOST_UAT | HOST_PRD) => &self.endpoints[..pages],
            // In production the access control server is the issuer's own; here it stands beside
            // the page.
            Some(PAGE_HOST_PRD) => &self.endpoints[pages..],
            Some(PAGE_HOST_UAT) => &self.endpoints[pages..acs],
            Some(_) => &self.endpoints[acs..],
        }
    }
}

/// A page's path is served with a slash at its end and without.
fn without_last_slash(path: &str) -> &str {
    match path.strip_suffix('/') {
        Some(shorter) if shorter.eq_ignore_ascii_case("/payment") => shorter,
        _ => path,
    }
}

/// Finds the settings that hold for a call.
#[derive(Clone)]
struct SettingsSource {
    /// While nobody is named: of the configured environment, of UAT, of PRD.
    unnamed: Arc<[Arc<Settings>; 3]>,
}

impl SettingsSource {
    fn of(&self, call: &Call) -> Arc<Settings> {
        let merchant = call.merchant().map(|merchant| &**merchant);
        self.resolve(merchant, call.received().connection.front_door_host.as_deref())
    }

    /// A merchant's settings, in the environment whose real host was addressed.
    fn resolve(&self, merchant: Option<&Merchant>, host: Option<&str>) -> Arc<Settings> {
        let addressed = addressed(host);
        match (merchant, addressed) {
            (Some(merchant), _) => merchant.parts::<PacoMerchant>().settings(addressed),
            (None, None) => Arc::clone(&self.unnamed[0]),
            (None, Some(Environment::Uat)) => Arc::clone(&self.unnamed[1]),
            (None, Some(Environment::Prd)) => Arc::clone(&self.unnamed[2]),
        }
    }
}

/// The environment whose real host was addressed.
fn addressed(host: Option<&str>) -> Option<Environment> {
    match host {
        Some(HOST_UAT | PAGE_HOST_UAT | HOST_ACS) => Some(Environment::Uat),
        Some(HOST_PRD | PAGE_HOST_PRD) => Some(Environment::Prd),
        _ => None,
    }
}

/// The endpoint table: each row says how it is reached, what it reads, and who decides.
fn endpoints(settings: &SettingsSource) -> Vec<Endpoint> {
    let row = |name, method, path| Row {
        settings,
        name,
        method,
        path,
    };
    vec![
        row("prePaymentUi", Method::POST, "/api/{version}/Payment/prePaymentUi")
            .message((messages::PAYMENT, payments::order_rules), payments::pre_payment_ui),
        row("nonUi", Method::POST, "/api/{version}/Payment/nonUi")
            .message((messages::PAYMENT, payments::direct_rules), payments::non_ui),
        row("transactionList", Method::POST, "/api/{version}/Inquiry/transactionList")
            .message((messages::TRANSACTION_LIST, fields::no_more_rules), lists::transaction_list),
        row("transactionStatus", Method::GET, "/api/{version}/Inquiry/transactionStatus")
            .inquiry(messages::TRANSACTION_STATUS, inquiries::transaction_status),
        row("Void", Method::POST, "/api/{version}/Void")
            .message((messages::VOID, fields::no_more_rules), voids::void),
        row("Settlement", Method::PUT, "/api/{version}/Settlement")
            .message((messages::SETTLEMENT, fields::no_more_rules), settlements::settle),
        row("refund", Method::POST, "/api/{version}/Refund/refund")
            .message((messages::REFUND, fields::no_more_rules), refunds::refund),
        row("paymentPage", Method::GET, "/payment").of(
            ladder::PAGE_CHECKS,
            browser::visit,
            pages::show,
        ),
        row("payOnPage", Method::POST, "/payment").of(
            ladder::PAGE_FORM_CHECKS,
            browser::click,
            pages::clicked,
        ),
        row("challenge", Method::POST, challenges::PATH).of(
            ladder::CHALLENGE_CHECKS,
            browser::arrival,
            challenges::show,
        ),
        row("answerChallenge", Method::POST, constants::ANSWER_PATH).of(
            ladder::ANSWER_CHECKS,
            browser::answer,
            challenges::answered,
        ),
    ]
}

/// A row of the table under construction.
struct Row<'s> {
    settings: &'s SettingsSource,
    name: &'static str,
    method: Method,
    path: &'static str,
}

impl Row<'_> {
    /// An endpoint that takes a message, sealed or plain.
    fn message<R, D, F>(self, (schema, rules): (&'static [Member], Rules), decide: D) -> Endpoint
    where
        R: DeserializeOwned + Send + 'static,
        D: Fn(Call, Arc<Settings>, Verified<R>, Outcome) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Decision, Refusal>> + Send + 'static,
    {
        let open = move |call, settings| security::message::<R>(call, settings, schema, rules);
        self.of(&ladder::MESSAGE_CHECKS, open, decide)
    }

    /// An endpoint whose request is its query.
    fn inquiry<R, D, F>(self, schema: &'static [Member], decide: D) -> Endpoint
    where
        R: DeserializeOwned + Send + 'static,
        D: Fn(Call, Arc<Settings>, Verified<R>, Outcome) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Decision, Refusal>> + Send + 'static,
    {
        let open = move |call: Call, settings: Arc<Settings>| async move {
            security::inquiry::<R>(&call, &settings, schema)
        };
        self.of(&ladder::INQUIRY_CHECKS, open, decide)
    }

    /// Any endpoint: its checks, and its two steps with the settings that hold for the call.
    fn of<R, O, OF, D, DF>(self, checks: &'static [&'static Check], open: O, decide: D) -> Endpoint
    where
        R: Send + 'static,
        O: Fn(Call, Arc<Settings>) -> OF + Send + Sync + 'static,
        OF: Future<Output = Result<Verified<R>, Refusal>> + Send + 'static,
        D: Fn(Call, Arc<Settings>, Verified<R>, Outcome) -> DF + Send + Sync + 'static,
        DF: Future<Output = Result<Decision, Refusal>> + Send + 'static,
    {
        let (to_open, to_decide) = (self.settings.clone(), self.settings.clone());
        Endpoint::new(
            self.name,
            self.method,
            self.path,
            checks,
            move |call| {
                let settings = to_open.of(&call);
                open(call, settings)
            },
            move |call, request, outcome| {
                let settings = to_decide.of(&call);
                decide(call, settings, request, outcome)
            },
        )
    }
}

impl Provider for Paco {
    fn id(&self) -> &'static str {
        "paco"
    }

    fn title(&self) -> &'static str {
        "2C2P PACO"
    }

    fn real_hosts(&self) -> &'static [&'static str] {
        &[HOST_UAT, HOST_PRD, PAGE_HOST_UAT, PAGE_HOST_PRD, HOST_ACS]
    }

    fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    fn checks(&self) -> &'static [&'static Check] {
        &ladder::ALL
    }

    fn settings(&self) -> &'static [SettingDoc] {
        settings::SETTINGS
    }

    fn constants(&self) -> &'static [NamedConstant] {
        constants::CONSTANTS
    }

    fn scenario_files(&self) -> &'static [(&'static str, &'static str)] {
        SCENARIOS
    }

    fn generated_tables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("endpoints", export::endpoints_table(&self.endpoints)),
            ("checks", export::checks_table()),
            ("page checks", export::page_checks_table(&self.endpoints)),
            ("events", export::events_table(events::EVENTS)),
            ("mistakes", near_misses::mistakes_table()),
            ("codes", errors::codes_table()),
            ("settings", settings_table(settings::SETTINGS)),
            ("constants", constants_table(constants::CONSTANTS)),
        ]
    }

    fn docs(&self) -> &'static str {
        include_str!("docs.md")
    }

    fn route(&self, received: &Received) -> Result<(&Endpoint, RouteMatch), Refusal> {
        find_endpoint(
            self.endpoints_at(received.connection.front_door_host.as_deref()),
            CaseRule::Ignored,
            |_version, segment| constants::API_VERSIONS.contains(&segment),
            &received.method,
            without_last_slash(received.uri.path()),
        )
    }

    fn named_by(&self, received: &Received) -> Option<NamedBy> {
        browser::named_by(received).or_else(|| {
            let (_, token) = security::sent_token(received)?;
            std::str::from_utf8(token).ok().map(|token| NamedBy::Credential(token.to_owned()))
        })
    }

    fn refuse(&self, call: &Call, refusal: &Refusal) -> Reply {
        refusals::worded(call, &self.source.of(call), refusal)
    }

    fn scripted(&self, call: &Call, error: &ScriptedError) -> Reply {
        refusals::scripted(call, &self.source.of(call), error)
    }

    fn seal(
        &self,
        call: Call,
        reply: Reply,
        misbehaviour: Option<Misbehaviour>,
    ) -> BoxFuture<WireReply> {
        let settings = self.source.of(&call);
        Box::pin(async move { answers::seal(call, &settings, reply, misbehaviour).await })
    }

    fn mask(&self, call: Call, answer: WireReply) -> BoxFuture<Kept> {
        let environment = self.source.of(&call).environment;
        Box::pin(masking::keep(call, answer, environment))
    }

    fn events(&self) -> &'static [EventDoc] {
        events::EVENTS
    }

    fn drive(&self, driven: Driven<'_>, event: &str) -> Result<Movement, EventRefusal> {
        events::drive(driven, event)
    }

    fn time_moves(&self, driven: Driven<'_>) -> Result<Movement, EventRefusal> {
        events::time_moves(driven)
    }

    fn mistakes(&self) -> &'static [&'static Mistake] {
        near_misses::ALL
    }

    fn diagnose(&self, evidence: &Evidence) -> Vec<NearMiss> {
        let merchant = evidence.merchant.as_deref();
        let settings = self.source.resolve(merchant, evidence.front_door.as_deref());
        near_misses::search(evidence, merchant.map(Merchant::parts), &settings)
    }

    fn notification(
        &self,
        record: &NotificationRecord,
        merchant: &Arc<Merchant>,
        services: &Arc<Services>,
        at: Timestamp,
    ) -> BoxFuture<Result<NotificationMessage, String>> {
        let payload = record.payload.clone();
        let (merchant, services) = (Arc::clone(merchant), Arc::clone(services));
        Box::pin(async move { notifications::sealed(payload, &merchant, &services, at).await })
    }

    fn retry_delays(&self, merchant: &Merchant) -> Vec<SignedDuration> {
        merchant.parts::<PacoMerchant>().settings(None).notification_delays.clone()
    }

    fn notification_taken(&self, status: u16) -> bool {
        constants::is_notification_success(status)
    }

    fn demo(&self) -> Enrolment {
        merchant::demo()
    }

    fn enrol(
        &self,
        enrolment: &Enrolment,
        ids: &Ids,
        at: Timestamp,
    ) -> Result<MerchantRecord, EnrolmentError> {
        merchant::enrol(&self.section, enrolment, ids, at)
    }

    fn load(&self, record: &MerchantRecord) -> Result<Enrolled, EnrolmentError> {
        merchant::load(&self.section, record)
    }

    fn export(&self, merchant: &Merchant, base_url: &str) -> Vec<ExportedFile> {
        let settings = self.source.resolve(Some(merchant), None);
        export::files(merchant, base_url, settings.environment)
    }

    fn client(&self) -> Option<&dyn Client> {
        Some(&self.client)
    }
}

/// Scenario files that ship with this provider.
static SCENARIOS: &[(&str, &str)] = &[
    ("magic.yaml", include_str!("../../../scenarios/paco/magic.yaml")),
    ("access-denied-token.yaml", include_str!("../../../scenarios/paco/access-denied-token.yaml")),
    (
        "access-denied-address.yaml",
        include_str!("../../../scenarios/paco/access-denied-address.yaml"),
    ),
    ("access-denied-basic.yaml", include_str!("../../../scenarios/paco/access-denied-basic.yaml")),
];
