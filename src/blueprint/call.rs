//! A request under way, and the proof that its checks were passed.

use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use jiff::Timestamp;
use serde_json::Value;

use super::{Merchant, Merchants, Received, Refusal, RouteMatch};
use crate::checks::{Audit, Check, Failure, Verdict};
use crate::clock::Clock;
use crate::crypto::rsa_pool::RsaPool;
use crate::ids::Ids;
use crate::scenario::{Engine, Facts, RuleUse};
use crate::store::{Attribution, Issued, LadderRung, Store};

/// What every step may use: made once, shared by all requests.
#[derive(Debug)]
pub struct Services {
    /// The database.
    pub store: Arc<Store>,
    /// Provider time.
    pub clock: Clock,
    /// The source of chance.
    pub ids: Ids,
    /// Where RSA private operations run.
    pub rsa: RsaPool,
    /// The rules.
    pub scenarios: Engine,
    /// The merchants.
    pub merchants: Merchants,
    /// Base URLs that replace the client's own origin in answers, by provider.
    pub public_urls: BTreeMap<String, String>,
}

/// A request under way. Clones are handles on one request.
#[derive(Clone)]
pub struct Call(Arc<Inner>);

struct Inner {
    services: Arc<Services>,
    received: Arc<Received>,
    route: OnceLock<RouteMatch>,
    merchant: OnceLock<Arc<Merchant>>,
    issued: OnceLock<Issued>,
    now: OnceLock<Timestamp>,
    opened: OnceLock<Value>,
    subject: OnceLock<String>,
    form: OnceLock<Arc<dyn Any + Send + Sync>>,
    unsealed: OnceLock<Vec<u8>>,
    beside: OnceLock<Value>,
    climb: Mutex<Climb>,
}

#[derive(Default)]
struct Climb {
    audit: Audit,
    forced: Option<(&'static Check, RuleUse)>,
    attribution: Option<Attribution>,
}

/// A value for which every declared check has been judged. Only [`Call::verified`] makes one.
#[derive(Debug)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// The value.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }

    /// Turns the value into another; the proof stays.
    #[must_use]
    pub fn map<U>(self, to: impl FnOnce(T) -> U) -> Verified<U> {
        Verified(to(self.0))
    }
}

impl<T> std::ops::Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl Call {
    /// A request that has just been received.
    #[must_use]
    pub fn new(services: Arc<Services>, received: Arc<Received>) -> Self {
        Self(Arc::new(Inner {
            services,
            received,
            route: OnceLock::new(),
            merchant: OnceLock::new(),
            issued: OnceLock::new(),
            now: OnceLock::new(),
            opened: OnceLock::new(),
            subject: OnceLock::new(),
            form: OnceLock::new(),
            unsealed: OnceLock::new(),
            beside: OnceLock::new(),
            climb: Mutex::default(),
        }))
    }

    /// What arrived.
    #[must_use]
    pub fn received(&self) -> &Received {
        &self.0.received
    }

    /// What every step may use.
    #[must_use]
    pub fn services(&self) -> &Services {
        &self.0.services
    }

    /// Notes the endpoint.
    pub fn set_route(&self, route: RouteMatch) {
        let _ = self.0.route.set(route);
    }

    /// The endpoint, once it is found.
    #[must_use]
    pub fn route(&self) -> Option<&RouteMatch> {
        self.0.route.get()
    }

    /// Notes the merchant that a credential names.
    pub fn set_merchant(&self, merchant: Arc<Merchant>) {
        let _ = self.0.merchant.set(merchant);
    }

    /// The merchant that a credential names, proven or not.
    #[must_use]
    pub fn merchant(&self) -> Option<&Arc<Merchant>> {
        self.0.merchant.get()
    }

    /// Notes what the name stands for by which the request came.
    pub fn set_issued(&self, issued: Issued) {
        let _ = self.0.issued.set(issued);
    }

    /// What the name stands for by which the request came, where it came by one.
    #[must_use]
    pub fn issued(&self) -> Option<&Issued> {
        self.0.issued.get()
    }

    /// The instant of this exchange, taken once: the merchant's, else the server's.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        *self.0.now.get_or_init(|| {
            let server = self.0.received.at;
            self.merchant().map_or(server, |merchant| merchant.now(server))
        })
    }

    /// Scheme and host for URLs in the answer.
    #[must_use]
    pub fn origin(&self) -> String {
        let provider = self.0.received.connection.provider;
        match self.0.services.public_urls.get(provider) {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => self.0.received.origin(),
        }
    }

    /// Notes the opened request, for scenarios and the journal.
    pub fn set_opened(&self, opened: Value) {
        let _ = self.0.opened.set(opened);
    }

    /// The opened request.
    #[must_use]
    pub fn opened(&self) -> Option<&Value> {
        self.0.opened.get()
    }

    /// Notes what the exchange is about: an order number.
    pub fn set_subject(&self, subject: impl Into<String>) {
        let _ = self.0.subject.set(subject.into());
    }

    /// What the exchange is about.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.0.subject.get().map(String::as_str)
    }

    /// Raises the form of the answer from plain to the provider's own.
    pub fn set_form<T: Any + Send + Sync>(&self, form: T) {
        let _ = self.0.form.set(Arc::new(form));
    }

    /// The form of the answer, if it was raised.
    #[must_use]
    pub fn form<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.form.get().cloned().and_then(|form| form.downcast().ok())
    }

    /// Notes what came out of the outer seal, trusted or not: masking must see it.
    pub fn set_unsealed(&self, plaintext: Vec<u8>) {
        let _ = self.0.unsealed.set(plaintext);
    }

    /// What came out of the outer seal.
    #[must_use]
    pub fn unsealed(&self) -> Option<&[u8]> {
        self.0.unsealed.get().map(Vec::as_slice)
    }

    /// Notes what was under the seals beside the opened request, once all of it is read.
    pub fn set_beside(&self, rest: Value) {
        let _ = self.0.beside.set(rest);
    }

    /// What was under the seals beside the opened request: with it the whole content is known.
    #[must_use]
    pub fn beside(&self) -> Option<&Value> {
        self.0.beside.get()
    }

    /// Judges a rung that may not apply: `Ok(Some(reason))` skips it.
    ///
    /// # Errors
    /// The step's failure, noted with its evidence.
    pub fn judge(
        &self,
        check: &'static Check,
        judged: Result<Option<Cow<'static, str>>, Failure>,
    ) -> Result<(), Refusal> {
        match judged {
            Ok(Some(reason)) => {
                self.skip(check, reason);
                Ok(())
            }
            Ok(None) => self.step(check, Ok(())),
            Err(failure) => self.step(check, Err(failure)),
        }
    }

    /// Judges one rung of the ladder.
    ///
    /// A rule may force a right step to fail. The ladder is then climbed on without being noted, so
    /// that only a request which really is its merchant's uses the rule up.
    ///
    /// # Errors
    /// The step's failure, noted with its evidence.
    pub fn step<T>(&self, check: &'static Check, result: Result<T, Failure>) -> Result<T, Refusal> {
        let mut climb = self.climb();
        match result {
            Ok(value) => {
                self.note_unless_forced(&mut climb, check, Verdict::Passed);
                Ok(value)
            }
            Err(failure) => match &climb.forced {
                Some((forced, _)) => Err(Refusal::CheckFailed(forced)),
                None => {
                    climb.audit.note(check, Verdict::Failed(failure));
                    Err(Refusal::CheckFailed(check))
                }
            },
        }
    }

    /// Notes that a rung does not apply to this request, and why.
    pub fn skip(&self, check: &'static Check, reason: impl Into<Cow<'static, str>>) {
        self.note_unless_forced(&mut self.climb(), check, Verdict::Skipped(reason.into()));
    }

    /// Notes a rung that is in order, unless a rule makes it fail all the same.
    fn note_unless_forced(&self, climb: &mut Climb, check: &'static Check, verdict: Verdict) {
        if climb.forced.is_some() {
            return;
        }
        let Some(rule) = self.0.services.scenarios.forces(check.id, &self.facts()) else {
            climb.audit.note(check, verdict);
            return;
        };
        let failure = Failure::new(
            "nothing else: the request is right",
            format!("the rule \"{}\", which makes this check fail", rule.name),
        )
        .fix("disarm the rule, deactivate its scenario, or let it be used up");
        climb.audit.note(check, Verdict::Forced(failure));
        climb.forced = Some((check, rule));
    }

    /// Notes that the request is proven its merchant's: only its content is still to be judged.
    pub fn proven(&self) {
        self.climb().attribution = Some(Attribution::Proven);
    }

    /// Turns a value into a proof, if every declared check was judged and none failed.
    ///
    /// # Errors
    /// A forced failure; or, which is our own fault, a ladder that is not the declared one.
    pub fn verified<T>(
        &self,
        declared: &[&'static Check],
        value: T,
    ) -> Result<Verified<T>, Refusal> {
        let mut climb = self.climb();
        climb.attribution = Some(Attribution::Proven);
        if let Some((check, _)) = &climb.forced {
            return Err(Refusal::CheckFailed(check));
        }
        if !climb.audit.is_complete(declared) {
            climb.attribution = None;
            let ladder = climb.audit.ladder(&[]);
            let judged: Vec<&str> = ladder.iter().map(|rung| &*rung.id).collect();
            return Err(Refusal::Internal {
                reason: format!(
                    "the ladder climbed is not the declared one: {}",
                    judged.join(", ")
                ),
            });
        }
        Ok(Verified(value))
    }

    /// How surely the exchange is its merchant's.
    #[must_use]
    pub fn attribution(&self) -> Attribution {
        match (self.merchant(), self.climb().attribution) {
            (Some(_), Some(attribution)) => attribution,
            (Some(_), None) => Attribution::Named,
            (None, _) => Attribution::None,
        }
    }

    /// The rule that forced a check to fail on a request that is proven its merchant's.
    #[must_use]
    pub fn forced_rule(&self) -> Option<RuleUse> {
        let climb = self.climb();
        climb.forced.as_ref().map(|(_, rule)| rule.clone())
    }

    /// The check that ended the ladder, with its evidence.
    #[must_use]
    pub fn failed(&self) -> Option<(&'static Check, Failure)> {
        self.climb().audit.failed().map(|(check, failure)| (check, failure.clone()))
    }

    /// The ladder for the journal.
    #[must_use]
    pub fn ladder(&self, declared: &[&'static Check]) -> Vec<LadderRung> {
        self.climb().audit.ladder(declared)
    }

    /// What scenario rules may look at.
    #[must_use]
    pub fn facts(&self) -> Facts<'_> {
        Facts {
            provider: self.0.received.connection.provider,
            merchant: self.merchant().map(|merchant| merchant.id()),
            endpoint: self.route().map(|route| route.endpoint),
            opened: self.opened(),
            magic_values: self.merchant().is_none_or(|merchant| merchant.magic_values),
        }
    }

    fn climb(&self) -> MutexGuard<'_, Climb> {
        self.0.climb.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
