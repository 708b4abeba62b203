//! Chooses what happens: the first rule that fits, in the order of precedence.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::Mutex;

use super::file::{
    Effect, Fault, Misbehaviour, Outcome, RawReply, Rule, ScenarioFile, ScriptedError,
};
use super::matching::fits;
use crate::clock::Clock;
use crate::limits;
use crate::store::{Store, StoreError};

/// The rules of one emulator.
#[derive(Debug)]
pub struct Engine {
    store: Arc<Store>,
    files: Vec<ScenarioFile>,
    known_checks: KnownChecks,
    present: RwLock<Arc<Present>>,
    /// Held from reading the store to replacing what is present: the later read must win.
    refreshing: Mutex<()>,
}

/// The checks that are judged: by provider, then by endpoint.
pub type KnownChecks = BTreeMap<&'static str, BTreeMap<&'static str, Vec<&'static str>>>;

/// The rules as they stand at one moment.
#[derive(Debug, Default)]
struct Present {
    armed: Vec<Armed>,
    /// Indices of the active files, in the order in which they are asked.
    active: Vec<usize>,
    /// Whether any of them makes a check fail: mostly none does, and every check asks.
    forces: bool,
}

/// An armed rule.
#[derive(Clone, Debug, Serialize)]
pub struct Armed {
    /// Its number.
    pub id: i64,
    /// At which provider.
    pub provider: String,
    /// For which merchant alone.
    pub merchant: Option<String>,
    /// Uses left; absent: until it is disarmed.
    pub remaining: Option<i64>,
    /// The rule.
    pub rule: Rule,
}

/// What is known of a request when rules are asked.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Whose double was addressed.
    pub provider: &'a str,
    /// The merchant that was named.
    pub merchant: Option<&'a str>,
    /// The endpoint.
    pub endpoint: Option<&'a str>,
    /// The opened request, once it is open.
    pub opened: Option<&'a Value>,
    /// Whether magic values count for this merchant.
    pub magic_values: bool,
}

/// A rule that took part in an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleUse {
    /// What the journal calls it.
    pub name: String,
    /// Number of the armed rule that is used up a little, if it is one.
    pub armed: Option<i64>,
}

/// What the rules want of one exchange.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// What the business decides, where a rule says so.
    pub outcome: Option<Outcome>,
    /// A refusal in the provider's codes.
    pub error: Option<ScriptedError>,
    /// How the transport misbehaves.
    pub fault: Option<Fault>,
    /// How the provider's security misbehaves.
    pub misbehaviour: Option<Misbehaviour>,
    /// Bytes in place of any answer.
    pub raw_reply: Option<RawReply>,
    /// The rules behind it.
    pub used: Vec<RuleUse>,
}

/// A refused change of the rules.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// No file of that name.
    #[error("there is no scenario \"{name}\"; known are {known}")]
    Unknown {
        /// The name.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// Magic values cannot be switched.
    #[error("\"{0}\" holds magic values, which are always active; nothing has to be switched")]
    AlwaysActive(String),
    /// The rule itself is wrong.
    #[error("the rule cannot be armed: {0}")]
    Rule(String),
    /// No rule of that number is armed.
    #[error("no rule {0} is armed; it may have been used up")]
    NotArmed(i64),
    /// Too many rules wait.
    #[error("{0} rules are armed already; disarm some, or reset")]
    TooMany(usize),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Loads the rules that the store holds.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn load(
        store: Arc<Store>,
        files: Vec<ScenarioFile>,
        known_checks: KnownChecks,
    ) -> Result<Self, StoreError> {
        let engine = Self {
            store,
            files,
            known_checks,
            present: RwLock::default(),
            refreshing: Mutex::new(()),
        };
        engine.refresh().await?;
        Ok(engine)
    }

    /// Reads the rules again from the store: after a commit that used one, and after every change.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let _alone = self.refreshing.lock().await;
        let armed = self.store.armed_rules().await?;
        let armed: Vec<Armed> = armed
            .into_iter()
            .filter_map(|armed| {
                // A rule that an older version armed and this one cannot read has no meaning here.
                Some(Armed {
                    rule: serde_json::from_str(&armed.rule).ok()?,
                    id: armed.id,
                    provider: armed.provider,
                    merchant: armed.merchant,
                    remaining: armed.remaining,
                })
            })
            .collect();
        let names = self.store.active_scenarios().await?;
        let switched = names.iter().filter_map(|name| {
            self.files.iter().position(|file| !file.magic && file.scenario == *name)
        });
        let magic = self.files.iter().enumerate().filter(|(_, file)| file.magic).map(|(i, _)| i);
        let active: Vec<usize> = switched.chain(magic).collect();
        let rules = armed
            .iter()
            .map(|armed| &armed.rule)
            .chain(active.iter().flat_map(|index| &self.files[*index].rules));
        let forces = rules.into_iter().any(|rule| matches!(rule.effect, Effect::FailCheck(_)));
        *self.present.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Present {
            armed,
            active,
            forces,
        });
        Ok(())
    }

    /// Whether a rule wants this check to fail although the request is right.
    #[must_use]
    pub fn forces(&self, check: &str, facts: &Facts<'_>) -> Option<RuleUse> {
        let present = self.present();
        if !present.forces {
            return None;
        }
        self.candidates(&present, facts)
            .find(|(rule, _)| {
                matches!(&rule.effect, Effect::FailCheck(wanted) if wanted == check)
                    && fits(&rule.when, facts)
            })
            .map(|(rule, armed)| rule_use(rule, armed))
    }

    /// What the rules want of an opened request: the first that fits.
    #[must_use]
    pub fn plan(&self, facts: &Facts<'_>) -> Plan {
        let present = self.present();
        let mut plan = Plan::default();
        let found = self.candidates(&present, facts).find(|(rule, _)| {
            !matches!(rule.effect, Effect::FailCheck(_)) && fits(&rule.when, facts)
        });
        let Some((rule, armed)) = found else {
            return plan;
        };
        match &rule.effect {
            Effect::Outcome(outcome) => plan.outcome = Some(*outcome),
            Effect::Error(error) => plan.error = Some(error.clone()),
            Effect::Fault(fault) => plan.fault = Some(*fault),
            Effect::Misbehave(misbehaviour) => plan.misbehaviour = Some(*misbehaviour),
            Effect::RawReply(raw) => plan.raw_reply = Some(raw.clone()),
            Effect::FailCheck(_) => {}
        }
        plan.used.push(rule_use(rule, armed));
        plan
    }

    /// Rules that may apply, in the order of precedence: armed for this merchant, armed for all,
    /// active files, magic values.
    fn candidates<'p>(
        &'p self,
        present: &'p Present,
        facts: &Facts<'p>,
    ) -> impl Iterator<Item = (&'p Rule, Option<i64>)> + use<'p> {
        let provider = facts.provider;
        let (merchant, magic_values) = (facts.merchant, facts.magic_values);
        let own = present
            .armed
            .iter()
            .filter(move |armed| armed.merchant.is_some() && armed.merchant.as_deref() == merchant);
        let common = present.armed.iter().filter(|armed| armed.merchant.is_none());
        let armed = own
            .chain(common)
            .filter(move |armed| armed.provider == provider)
            .map(|armed| (&armed.rule, Some(armed.id)));
        let from_files = present
            .active
            .iter()
            .map(|index| &self.files[*index])
            .filter(move |file| file.provider == provider && (!file.magic || magic_values))
            .flat_map(|file| file.rules.iter().map(|rule| (rule, None)));
        armed.chain(from_files)
    }

    /// Arms a rule and returns its number.
    ///
    /// # Errors
    /// A rule that makes no sense, too many rules, or a database that cannot be written.
    pub async fn arm(
        &self,
        provider: &str,
        merchant: Option<&str>,
        rule: &Rule,
        clock: &Clock,
    ) -> Result<i64, ScenarioError> {
        rule.judge().map_err(ScenarioError::Rule)?;
        self.check_is_judged(provider, rule).map_err(ScenarioError::Rule)?;
        let armed = self.present().armed.len();
        if armed >= limits::ARMED_RULES {
            return Err(ScenarioError::TooMany(armed));
        }
        let text =
            serde_json::to_string(rule).map_err(|error| ScenarioError::Rule(error.to_string()))?;
        // One use unless told otherwise: a forgotten rule should not spoil the next test.
        let remaining = i64::from(rule.times.unwrap_or(1));
        let id = self.store.arm(provider, merchant, &text, Some(remaining), clock.now()).await?;
        self.refresh().await?;
        Ok(id)
    }

    /// Takes an armed rule away.
    ///
    /// # Errors
    /// If it is not armed, or the database cannot be written.
    pub async fn disarm(&self, id: i64) -> Result<(), ScenarioError> {
        let was_armed = self.store.disarm(id).await?;
        self.refresh().await?;
        if was_armed { Ok(()) } else { Err(ScenarioError::NotArmed(id)) }
    }

    /// Activates or deactivates a scenario file.
    ///
    /// # Errors
    /// An unknown name, magic values, or a database that cannot be written.
    pub async fn set_active(
        &self,
        name: &str,
        active: bool,
        clock: &Clock,
    ) -> Result<(), ScenarioError> {
        let file = self.files.iter().find(|file| file.scenario == name).ok_or_else(|| {
            let known: Vec<&str> = self.files.iter().map(|file| file.scenario.as_str()).collect();
            ScenarioError::Unknown {
                name: name.to_owned(),
                known: known.join(", "),
            }
        })?;
        if file.magic {
            return Err(ScenarioError::AlwaysActive(name.to_owned()));
        }
        self.store.set_scenario_active(name, active, clock.now()).await?;
        self.refresh().await?;
        Ok(())
    }

    /// The scenario files, each with whether it is active.
    #[must_use]
    pub fn files(&self) -> Vec<(&ScenarioFile, bool)> {
        let present = self.present();
        let active: BTreeSet<usize> = present.active.iter().copied().collect();
        self.files.iter().enumerate().map(|(index, file)| (file, active.contains(&index))).collect()
    }

    /// The armed rules.
    #[must_use]
    pub fn armed(&self) -> Vec<Armed> {
        self.present().armed.clone()
    }

    /// Judges what only the whole emulator knows of a rule: whether its check is ever judged where the
    /// rule looks.
    ///
    /// # Errors
    /// The nearest check that is.
    pub fn check_is_judged(&self, provider: &str, rule: &Rule) -> Result<(), String> {
        let Effect::FailCheck(wanted) = &rule.effect else {
            return Ok(());
        };
        let endpoints = self.known_checks.get(provider);
        let fits = |endpoint: &str| {
            rule.when.endpoint.as_deref().is_none_or(|asked| asked.eq_ignore_ascii_case(endpoint))
        };
        let judged: BTreeSet<&str> = endpoints
            .into_iter()
            .flatten()
            .filter(|(endpoint, _)| fits(endpoint))
            .flat_map(|(_, checks)| checks.iter().copied())
            .collect();
        if judged.contains(wanted.as_str()) {
            return Ok(());
        }
        let score = |known: &&&str| strsim::jaro_winkler(known, wanted);
        let nearest = judged.iter().max_by(|a, b| score(a).total_cmp(&score(b)));
        let nearest = nearest.copied().unwrap_or_default();
        let elsewhere = endpoints
            .into_iter()
            .flatten()
            .find(|(_, checks)| checks.iter().any(|check| check == wanted));
        Err(match (elsewhere, &rule.when.endpoint) {
            (Some((endpoint, _)), Some(asked)) => format!(
                "the check \"{wanted}\" is not judged at {asked}, but at {endpoint}; the nearest that \
                 is judged there is \"{nearest}\""
            ),
            _ => format!("{provider} has no check \"{wanted}\"; the nearest is \"{nearest}\""),
        })
    }

    fn present(&self) -> Arc<Present> {
        Arc::clone(&self.present.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn rule_use(rule: &Rule, armed: Option<i64>) -> RuleUse {
    RuleUse {
        name: rule.name.clone(),
        armed,
    }
}
