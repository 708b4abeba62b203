//! PayNet's One Stop Portal: reports that banks download, behind an OAuth2 token and a signature of
//! the time. Contents page.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use hyper::http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use self::constants::FILE_PATH;
use self::merchant::PaynetMerchant;
use self::secrets::KnownSecrets;
use self::settings::Settings;
use crate::blueprint::{
    BoxFuture, Call, CaseRule, Client, Decision, Driven, Endpoint, Enrolled, Enrolment,
    EnrolmentError, EventDoc, EventRefusal, Evidence, ExportedFile, Kept, Merchant, Movement,
    NamedBy, NamedConstant, NotificationMessage, Provider, Received, Refusal, Reply, RouteMatch,
    Services, SettingDoc, Verified, WireReply, constants_table, find_endpoint, settings_table,
};
use crate::checks::Check;
use crate::diagnosis::{Mistake, NearMiss};
use crate::ids::Ids;
use crate::limits;
use crate::scenario::{Misbehaviour, Outcome, ScriptedError};
use crate::store::{ExchangeSummary, MerchantRecord, NotificationRecord};

mod answers;
mod client;
mod client_tamperings;
mod constants;
mod downloads;
mod errors;
mod export;
mod forms;
mod graphql;
mod ladder;
mod masking;
mod merchant;
mod messages;
mod named_values;
mod near_misses;
mod refusals;
mod reports;
mod secrets;
mod security;
mod settings;
mod states;
mod tokens;
mod v1;
mod v2;

const HOST_PRD: &str = "api.reports.paynet.my";
const HOST_UAT: &str = "api.reports.uat.inet.paynet.my";

/// The double of the One Stop Portal.
pub(super) struct Paynet {
    section: Map<String, Value>,
    source: SettingsSource,
    endpoints: Vec<Endpoint>,
    client: client::PaynetClient,
    /// Every client of this sandbox: an explanation knows another one's secret, and the journal keeps
    /// none.
    known: RwLock<KnownSecrets>,
    /// Places for the working out of reports.
    places: Arc<Semaphore>,
}

/// Finds the settings that hold for a call.
#[derive(Clone)]
struct SettingsSource {
    /// While nobody is named.
    unnamed: Arc<Settings>,
}

impl SettingsSource {
    fn of(&self, call: &Call) -> Arc<Settings> {
        self.resolve(call.merchant().map(|merchant| &**merchant))
    }

    fn resolve(&self, merchant: Option<&Merchant>) -> Arc<Settings> {
        match merchant {
            Some(merchant) => Arc::clone(&merchant.parts::<PaynetMerchant>().settings),
            None => Arc::clone(&self.unnamed),
        }
    }
}

impl Paynet {
    pub(super) fn new(section: Map<String, Value>) -> Result<Self, EnrolmentError> {
        let unnamed = Settings::resolve(&[&section]).map_err(|error| EnrolmentError {
            member: format!("paynet.{}", error.member),
            reason: error.reason,
        })?;
        let source = SettingsSource {
            unnamed: Arc::new(unnamed),
        };
        let endpoints = endpoints(&source);
        Ok(Self {
            section,
            client: client::PaynetClient::new(&endpoints),
            endpoints,
            source,
            known: RwLock::default(),
            places: Arc::new(Semaphore::new(limits::REPORTS_AT_ONCE)),
        })
    }
}

impl Paynet {
    fn known(&self) -> RwLockReadGuard<'_, KnownSecrets> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The endpoint table: each row says how it is reached, what it reads, and who decides.
fn endpoints(settings: &SettingsSource) -> Vec<Endpoint> {
    let token = |name, path| {
        row(
            settings,
            (name, Method::POST, path),
            &ladder::TOKEN_CHECKS,
            |call, settings| security::token(&call, &settings),
            answers::token,
        )
    };
    vec![
        token("oauthToken", "/oauth/token"),
        token("token", "/token"),
        row(
            settings,
            ("types", Method::GET, "/v1/reports/types"),
            &ladder::GUARD_CHECKS,
            |call, settings| security::guarded(&call, &settings),
            v1::types,
        ),
        row(
            settings,
            ("download", Method::POST, "/v1/reports/download"),
            &ladder::DOWNLOAD_CHECKS,
            |call, settings| security::json_message(&call, &settings),
            v1::download,
        ),
        row(
            settings,
            ("query", Method::POST, "/v2/reports/query"),
            &ladder::QUERY_CHECKS,
            |call, settings| v2::open(&call, &settings),
            v2::query,
        ),
        link(settings, ("file", Method::GET), downloads::file),
        link(settings, ("fileHead", Method::HEAD), downloads::head),
    ]
}

/// What a one-time URL leads to.
fn link<D, F>(
    source: &SettingsSource,
    (name, method): (&'static str, Method),
    decide: D,
) -> Endpoint
where
    D: Fn(Call, Arc<Settings>, Verified<downloads::Fetch>, Outcome) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Decision, Refusal>> + Send + 'static,
{
    let source = source.clone();
    Endpoint::new(
        name,
        method,
        FILE_PATH,
        &ladder::FILE_CHECKS,
        downloads::fetch,
        move |call, request, outcome| {
            let settings = source.of(&call);
            decide(call, settings, request, outcome)
        },
    )
}

/// One endpoint whose ladder needs nothing but what has come.
fn row<R, O, D, F>(
    source: &SettingsSource,
    (name, method, path): (&'static str, Method, &'static str),
    checks: &'static [&'static Check],
    open: O,
    decide: D,
) -> Endpoint
where
    R: Send + 'static,
    O: Fn(Call, Arc<Settings>) -> Result<Verified<R>, Refusal> + Send + Sync + 'static,
    D: Fn(Call, Arc<Settings>, Verified<R>, Outcome) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Decision, Refusal>> + Send + 'static,
{
    let (to_open, to_decide) = (source.clone(), source.clone());
    Endpoint::new(
        name,
        method,
        path,
        checks,
        move |call| {
            let settings = to_open.of(&call);
            std::future::ready(open(call, settings))
        },
        move |call, request, outcome| {
            let settings = to_decide.of(&call);
            decide(call, settings, request, outcome)
        },
    )
}

impl Provider for Paynet {
    fn id(&self) -> &'static str {
        "paynet"
    }

    fn title(&self) -> &'static str {
        "PayNet One Stop Portal"
    }

    fn real_hosts(&self) -> &'static [&'static str] {
        &[HOST_PRD, HOST_UAT]
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
            ("checks", export::checks_table(&self.endpoints)),
            ("events", export::events_table(states::EVENTS)),
            ("mistakes", near_misses::mistakes_table()),
            ("reports", export::reports_table()),
            ("columns", export::columns_table()),
            ("summaries", export::summaries_table()),
            ("token-errors", errors::token_errors_table()),
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
            &self.endpoints,
            CaseRule::Exact,
            |_, _| true,
            &received.method,
            received.uri.path(),
        )
    }

    fn named_by(&self, received: &Received) -> Option<NamedBy> {
        security::named_by(received, |id| {
            self.known().clients().iter().any(|client| client.client_id == id)
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
        Box::pin(std::future::ready(answers::seal(&call, &settings, reply, misbehaviour)))
    }

    fn mask(&self, call: Call, answer: WireReply) -> BoxFuture<Kept> {
        Box::pin(std::future::ready(masking::keep(&call, &answer, &self.known())))
    }

    fn without_secrets(&self, text: String) -> String {
        masking::without_secrets(text, &self.known())
    }

    fn events(&self) -> &'static [EventDoc] {
        states::EVENTS
    }

    fn drive(&self, driven: Driven<'_>, event: &str) -> Result<Movement, EventRefusal> {
        states::drive(driven, event)
    }

    fn time_moves(&self, _driven: Driven<'_>) -> Result<Movement, EventRefusal> {
        // Nothing of this provider moves by itself: links are judged when they are fetched.
        Ok(Movement::default())
    }

    fn mistakes(&self) -> &'static [&'static Mistake] {
        near_misses::ALL
    }

    fn diagnose(&self, evidence: &Evidence) -> Vec<NearMiss> {
        let merchant = evidence.merchant.as_deref();
        let settings = self.source.resolve(merchant);
        let merchant = merchant.map(Merchant::parts::<PaynetMerchant>);
        let mut others = self.known().clients();
        others.retain(|other| merchant.as_ref().is_none_or(|own| own.client_id != other.client_id));
        near_misses::search(evidence, merchant, &others, &settings)
    }

    fn looks_back(&self, exchange: &ExchangeSummary) -> bool {
        near_misses::looks_back(exchange)
    }

    fn look_back(&self, evidence: &Evidence, found: Vec<NearMiss>) -> Vec<NearMiss> {
        let settings = self.source.resolve(evidence.merchant.as_deref());
        near_misses::look_back(evidence, &settings, found)
    }

    fn notification(
        &self,
        _record: &NotificationRecord,
        _merchant: &Arc<Merchant>,
        _services: &Arc<Services>,
        _at: Timestamp,
    ) -> BoxFuture<Result<NotificationMessage, String>> {
        Box::pin(std::future::ready(Err("this provider sends no notifications".to_owned())))
    }

    fn retry_delays(&self, _merchant: &Merchant) -> Vec<SignedDuration> {
        Vec::new()
    }

    fn notification_taken(&self, _status: u16) -> bool {
        false
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
        let (merchant, named_by) = merchant::load(&self.section, record, &self.places)?;
        self.known.write().unwrap_or_else(PoisonError::into_inner).add(&merchant);
        Ok(Enrolled {
            magic_values: merchant.settings.magic_values,
            parts: merchant,
            named_by,
        })
    }

    fn reset(&self, merchant: &Merchant) {
        merchant.parts::<PaynetMerchant>().start_over();
    }

    fn export(&self, merchant: &Merchant, base_url: &str) -> Vec<ExportedFile> {
        export::files(merchant, base_url)
    }

    fn client(&self) -> Option<&dyn Client> {
        Some(&self.client)
    }
}

/// Scenario files that ship with this provider.
static SCENARIOS: &[(&str, &str)] = &[
    ("magic.yaml", include_str!("../../../scenarios/paynet/magic.yaml")),
    ("invalid-signature.yaml", include_str!("../../../scenarios/paynet/invalid-signature.yaml")),
    (
        "unauthorized-client.yaml",
        include_str!("../../../scenarios/paynet/unauthorized-client.yaml"),
    ),
    ("expired-token.yaml", include_str!("../../../scenarios/paynet/expired-token.yaml")),
];
