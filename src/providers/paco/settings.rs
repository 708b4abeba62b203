//! Settings of PACO, with the evidence behind each: where the provider's documents are silent or disagree
//! and users want either, the choice stands here. Named constants stand in `constants.rs`.

use std::fmt::Write as _;

use ipnet::IpNet;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::constants::{KID_PRD, KID_UAT};
use crate::blueprint::{EnrolmentError, SettingDoc};
use crate::checks::address::parse_network;

/// Which of PACO's two environments is doubled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Environment {
    Uat,
    Prd,
}

/// Whether messages must be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessageEncryption {
    ByEnvironment,
    Required,
    Optional,
}

/// Which addresses count as allow-listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AllowList {
    Any,
    Networks(Vec<IpNet>),
}

/// What is done with Basic credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BasicAuth {
    Required,
    VerifyIfSent,
    Ignored,
}

/// The casing of members in sealed answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResponseDialect {
    ByVersion,
    V1,
    Camel,
}

/// What may be refunded of a settled payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RefundPolicy {
    /// In any number of parts, as long as their sum stays within what was settled.
    PartialUpToSettled,
    /// Once, in part or whole.
    SinglePartial,
    /// Once, and whole.
    FullOnly,
    Forbidden,
}

/// All settings, resolved for one merchant in one environment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settings {
    pub environment: Environment,
    pub https_only: bool,
    pub message_encryption: MessageEncryption,
    pub ip_allow_list: AllowList,
    pub basic_auth: BasicAuth,
    pub access_denied_status: u16,
    pub access_denied_envelope: bool,
    pub jose_failure_empty: bool,
    pub jose_max_lifetime: Option<SignedDuration>,
    pub jose_clock_skew: SignedDuration,
    pub kid_strict: bool,
    pub response_dialect: ResponseDialect,
    pub strict_names: bool,
    pub business_error_status: u16,
    pub decline_status: u16,
    pub page_lifetime: SignedDuration,
    pub refund_policy: RefundPolicy,
    pub refund_review: bool,
    pub auto_settle: bool,
    pub acs_challenges: bool,
    pub shortest_key_bits: u32,
    /// When the attempts to deliver a notification are due, from its first instant.
    pub notification_delays: Vec<SignedDuration>,
}

const fn setting(
    name: &'static str,
    values: &'static str,
    default: &'static str,
    documented: Option<&'static str>,
    office: bool,
    why: &'static str,
) -> SettingDoc {
    SettingDoc {
        name,
        values,
        default,
        documented,
        office,
        why,
    }
}

/// The settings, in the order in which they are documented.
pub(super) static SETTINGS: &[SettingDoc] = &[
    setting(
        "profile",
        "observed, documented",
        "observed",
        None,
        false,
        "observed: as live clients experience the gateway; documented: as the provider's page says \
         to the letter. Sets several at once; a single setting overrides it",
    ),
    setting(
        "environment",
        "uat, prd",
        "uat",
        None,
        false,
        "sets kid and key set [seed]; prd also requires HTTPS, message encryption and an explicit \
         ip_allow_list, unless set otherwise; on the front door the host name decides",
    ),
    setting(
        "https_only",
        "on, off",
        "off",
        Some("on"),
        false,
        "the provider is HTTPS only [seed]; plain HTTP on loopback is convenient offline [assumed]",
    ),
    setting(
        "message_encryption",
        "by_environment, required, optional",
        "by_environment",
        None,
        false,
        "required in PRD; in UAT plain JSON only from an allow-listed address [seed]",
    ),
    setting(
        "ip_allow_list",
        "any, or a list of addresses and networks",
        "any",
        None,
        false,
        "mandatory in PRD, optional in UAT with JOSE [seed]; offline every address counts as listed \
         [assumed]; any must be set explicitly to hold in prd",
    ),
    setting(
        "basic_auth",
        "required, verify_if_sent, ignored",
        "verify_if_sent",
        Some("required"),
        false,
        "the seed requires it of all clients; every live client known omits it and succeeds [public]",
    ),
    setting(
        "access_denied_status",
        "401, 403",
        "401",
        None,
        false,
        "only the message is documented [seed]; clients expect either [public, low]",
    ),
    setting(
        "access_denied_body",
        "message, envelope",
        "message",
        None,
        false,
        "{\"message\":\"Access Denied\"}, or the same beside a null apiResponse [inferred]",
    ),
    setting(
        "jose_failure_body",
        "message, empty",
        "message",
        None,
        false,
        "application/json [seed]; field reports show an empty 400 [public]",
    ),
    setting(
        "jose_max_lifetime_s",
        "3600, 300, unlimited",
        "3600",
        Some("300"),
        false,
        "counted from iat; the seed contradicts itself: example 60 min, prose 5 min; clients use \
         60 min [public]",
    ),
    setting(
        "jose_clock_skew_s",
        "seconds, 0 to 86400",
        "60",
        None,
        false,
        "tolerance for nbf, iat and exp; what clients grant PACO [inferred]",
    ),
    setting(
        "kid_check",
        "strict, ignore",
        "strict",
        None,
        false,
        "kid locates the key [seed]; no capture shows a wrong one",
    ),
    setting(
        "response_dialect",
        "by_version, v1, camel",
        "by_version",
        Some("camel"),
        false,
        "captured: 1.0 JOSE answers have v1 casing, 2.0 camelCase [public]",
    ),
    setting(
        "strict_names",
        "off, on",
        "off",
        None,
        false,
        "one client saw wrong acronym case rejected with PC-B050095 [public]; others differ in case \
         and work",
    ),
    setting(
        "business_error_status",
        "400, 200",
        "400",
        None,
        false,
        "400 with a sealed envelope is what clients decrypt [public]",
    ),
    setting(
        "decline_status",
        "200, 400",
        "200",
        None,
        false,
        "unknown for declined direct payments [assumed]",
    ),
    setting(
        "page_lifetime_s",
        "seconds, 1 to 31536000",
        "86400",
        None,
        true,
        "24 h captured, 45 min (2700) in an older sample [public]",
    ),
    setting(
        "refund_policy",
        "partial_up_to_settled, single_partial, full_only, forbidden",
        "partial_up_to_settled",
        None,
        true,
        "the official sample's comment says one refund an order, the codes know partial ones, so it \
         is the office's [public]",
    ),
    setting(
        "refund_review",
        "off, maker_checker",
        "off",
        None,
        true,
        "with maker_checker a refund waits in R/RP for its checker [public]",
    ),
    setting(
        "auto_settle",
        "off, on",
        "off",
        None,
        true,
        "one UAT office settles by itself [public]",
    ),
    setting(
        "acs_behaviour",
        "always_challenge, frictionless",
        "always_challenge",
        None,
        false,
        "UAT challenges every card when request3dsFlag is Y [public, high]",
    ),
    setting(
        "merchant_key_bits",
        "4096, min_2048",
        "4096",
        None,
        false,
        "\"must be 4096\" [seed]; public clients enforce 2048 only",
    ),
    setting(
        "notification_retry_delays_s",
        "a list of seconds, ascending",
        "0, 30, 120",
        None,
        false,
        "when the attempts are due, counted from the answer; retries are undocumented [assumed]",
    ),
];

impl Environment {
    pub(super) fn kid(self) -> &'static str {
        match self {
            Self::Uat => KID_UAT,
            Self::Prd => KID_PRD,
        }
    }

    pub(super) fn other(self) -> Self {
        match self {
            Self::Uat => Self::Prd,
            Self::Prd => Self::Uat,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Uat => "UAT",
            Self::Prd => "PRD",
        }
    }
}

impl Settings {
    /// Resolves layers, the later ones winning, for the configured environment or a given one.
    pub(super) fn resolve(
        layers: &[&Map<String, Value>],
        environment: Option<Environment>,
    ) -> Result<Self, EnrolmentError> {
        let mut merged = Map::new();
        for layer in layers {
            for (name, value) in *layer {
                merged.insert(name.clone(), value.clone());
            }
        }
        for name in merged.keys() {
            if !SETTINGS.iter().any(|setting| setting.name == name) {
                return Err(unknown(name));
            }
        }
        let reader = Reader {
            documented: word(&merged, "profile")?.as_deref() == Some("documented"),
            merged,
        };
        reader.one_of("profile", &["observed", "documented"])?;
        let configured = match reader.one_of("environment", &["uat", "prd"])?.as_str() {
            "prd" => Environment::Prd,
            _ => Environment::Uat,
        };
        let environment = environment.unwrap_or(configured);
        let prd = environment == Environment::Prd;
        Ok(Self {
            environment,
            https_only: reader.switch("https_only")? || (prd && !reader.is_set("https_only")),
            message_encryption: match reader
                .one_of("message_encryption", &["by_environment", "required", "optional"])?
                .as_str()
            {
                "required" => MessageEncryption::Required,
                "optional" => MessageEncryption::Optional,
                _ => MessageEncryption::ByEnvironment,
            },
            ip_allow_list: reader.allow_list(prd)?,
            basic_auth: match reader
                .one_of("basic_auth", &["required", "verify_if_sent", "ignored"])?
                .as_str()
            {
                "required" => BasicAuth::Required,
                "ignored" => BasicAuth::Ignored,
                _ => BasicAuth::VerifyIfSent,
            },
            access_denied_status: reader.status("access_denied_status", &["401", "403"])?,
            access_denied_envelope: reader
                .one_of("access_denied_body", &["message", "envelope"])?
                == "envelope",
            jose_failure_empty: reader.one_of("jose_failure_body", &["message", "empty"])?
                == "empty",
            jose_max_lifetime: match reader
                .one_of("jose_max_lifetime_s", &["3600", "300", "unlimited"])?
                .as_str()
            {
                "unlimited" => None,
                "300" => Some(SignedDuration::from_secs(300)),
                _ => Some(SignedDuration::from_secs(3600)),
            },
            jose_clock_skew: reader.seconds("jose_clock_skew_s", 0, 86_400)?,
            kid_strict: reader.one_of("kid_check", &["strict", "ignore"])? == "strict",
            response_dialect: match reader
                .one_of("response_dialect", &["by_version", "v1", "camel"])?
                .as_str()
            {
                "v1" => ResponseDialect::V1,
                "camel" => ResponseDialect::Camel,
                _ => ResponseDialect::ByVersion,
            },
            strict_names: reader.switch("strict_names")?,
            business_error_status: reader.status("business_error_status", &["400", "200"])?,
            decline_status: reader.status("decline_status", &["200", "400"])?,
            page_lifetime: reader.seconds("page_lifetime_s", 1, 31_536_000)?,
            refund_policy: match reader
                .one_of(
                    "refund_policy",
                    &["partial_up_to_settled", "single_partial", "full_only", "forbidden"],
                )?
                .as_str()
            {
                "single_partial" => RefundPolicy::SinglePartial,
                "full_only" => RefundPolicy::FullOnly,
                "forbidden" => RefundPolicy::Forbidden,
                _ => RefundPolicy::PartialUpToSettled,
            },
            refund_review: reader.one_of("refund_review", &["off", "maker_checker"])?
                == "maker_checker",
            auto_settle: reader.switch("auto_settle")?,
            acs_challenges: reader
                .one_of("acs_behaviour", &["always_challenge", "frictionless"])?
                == "always_challenge",
            shortest_key_bits: match reader
                .one_of("merchant_key_bits", &["4096", "min_2048"])?
                .as_str()
            {
                "min_2048" => crate::limits::SHORTEST_RSA_BITS,
                _ => 4096,
            },
            notification_delays: reader.delays("notification_retry_delays_s")?,
        })
    }

    /// Looks that an office's own settings are ones that an office can have.
    pub(super) fn only_office_settings(office: &Map<String, Value>) -> Result<(), EnrolmentError> {
        match office.keys().find(|name| {
            !SETTINGS.iter().any(|setting| setting.name == name.as_str() && setting.office)
        }) {
            None => Ok(()),
            Some(name) => {
                let own: Vec<&str> = SETTINGS.iter().filter(|s| s.office).map(|s| s.name).collect();
                Err(EnrolmentError {
                    member: name.clone(),
                    reason: format!("is no setting of an office; an office has {}", own.join(", ")),
                })
            }
        }
    }
}

struct Reader {
    merged: Map<String, Value>,
    documented: bool,
}

impl Reader {
    fn is_set(&self, name: &str) -> bool {
        self.merged.contains_key(name)
    }

    fn text(&self, name: &str) -> Result<String, EnrolmentError> {
        if let Some(text) = word(&self.merged, name)? {
            return Ok(text);
        }
        let doc = SETTINGS
            .iter()
            .find(|setting| setting.name == name)
            .expect("only documented settings are read");
        let documented = doc.documented.filter(|_| self.documented);
        Ok(documented.unwrap_or(doc.default).to_owned())
    }

    fn one_of(&self, name: &str, values: &[&str]) -> Result<String, EnrolmentError> {
        let text = self.text(name)?;
        if values.contains(&text.as_str()) {
            return Ok(text);
        }
        Err(EnrolmentError {
            member: name.to_owned(),
            reason: format!("\"{text}\" is none of its values; use {}", values.join(" or ")),
        })
    }

    fn switch(&self, name: &str) -> Result<bool, EnrolmentError> {
        Ok(self.one_of(name, &["on", "off"])? == "on")
    }

    fn status(&self, name: &str, values: &[&str]) -> Result<u16, EnrolmentError> {
        let text = self.one_of(name, values)?;
        Ok(text.parse().expect("the allowed values are numbers"))
    }

    fn seconds(&self, name: &str, least: i64, most: i64) -> Result<SignedDuration, EnrolmentError> {
        let text = self.text(name)?;
        match text.parse::<i64>() {
            Ok(seconds) if (least..=most).contains(&seconds) => {
                Ok(SignedDuration::from_secs(seconds))
            }
            _ => Err(EnrolmentError {
                member: name.to_owned(),
                reason: format!("\"{text}\" is no number of seconds from {least} to {most}"),
            }),
        }
    }

    /// A list of seconds, as a JSON array or as text with commas.
    fn delays(&self, name: &str) -> Result<Vec<SignedDuration>, EnrolmentError> {
        const LATEST_S: i64 = 7 * 24 * 3600;
        let entries: Vec<String> = match self.merged.get(name) {
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().map_or_else(|| item.to_string(), ToOwned::to_owned))
                .collect(),
            _ => self.text(name)?.split(',').map(|entry| entry.trim().to_owned()).collect(),
        };
        let wrong = |what: String| EnrolmentError {
            member: name.to_owned(),
            reason: format!("{what}; write it as \"0, 30, 120\" or [0, 30, 120]"),
        };
        let mut delays: Vec<SignedDuration> = Vec::with_capacity(entries.len());
        for entry in &entries {
            let delay = match entry.parse::<i64>() {
                Ok(seconds) if (0..=LATEST_S).contains(&seconds) => {
                    SignedDuration::from_secs(seconds)
                }
                _ => {
                    let wanted = format!("no whole number of seconds from 0 to {LATEST_S}");
                    return Err(wrong(format!("\"{entry}\" is {wanted}")));
                }
            };
            if delays.last().is_some_and(|earlier| *earlier >= delay) {
                return Err(wrong(format!("{entry} is not later than the attempt before it")));
            }
            delays.push(delay);
        }
        match delays.len() {
            0 => Err(wrong("an empty list has no attempt".to_owned())),
            count if count > crate::limits::NOTIFICATION_ATTEMPTS => Err(wrong(format!(
                "{count} attempts are more than the {} that are made",
                crate::limits::NOTIFICATION_ATTEMPTS
            ))),
            _ => Ok(delays),
        }
    }

    fn allow_list(&self, prd: bool) -> Result<AllowList, EnrolmentError> {
        const NAME: &str = "ip_allow_list";
        if prd && !self.is_set(NAME) {
            return Ok(AllowList::Networks(Vec::new()));
        }
        let entries: Vec<String> = match self.merged.get(NAME) {
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().map_or_else(|| item.to_string(), ToOwned::to_owned))
                .collect(),
            _ => self.text(NAME)?.split(',').map(|entry| entry.trim().to_owned()).collect(),
        };
        if entries.iter().any(|entry| entry == "any") {
            return Ok(AllowList::Any);
        }
        entries
            .iter()
            .filter(|entry| !entry.is_empty())
            .map(|entry| parse_network(entry))
            .collect::<Result<_, _>>()
            .map(AllowList::Networks)
            .map_err(|reason| EnrolmentError {
                member: NAME.to_owned(),
                reason,
            })
    }
}

/// A setting's value as a word: JSON may write it as a string, a number or a boolean.
fn word(merged: &Map<String, Value>, name: &str) -> Result<Option<String>, EnrolmentError> {
    match merged.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(Value::Bool(true)) => Ok(Some("on".to_owned())),
        Some(Value::Bool(false)) => Ok(Some("off".to_owned())),
        Some(other) => Err(EnrolmentError {
            member: name.to_owned(),
            reason: format!("{} is no value for it", crate::json::kind(other)),
        }),
    }
}

fn unknown(name: &str) -> EnrolmentError {
    let nearest = SETTINGS
        .iter()
        .map(|setting| setting.name)
        .max_by(|a, b| {
            let score = |known: &str| strsim::jaro_winkler(known, name);
            score(a).total_cmp(&score(b))
        })
        .unwrap_or_default();
    EnrolmentError {
        member: name.to_owned(),
        reason: format!("there is no such setting; the nearest is {nearest}"),
    }
}

/// The settings as a Markdown table, for `docs.md`.
pub(super) fn settings_table() -> String {
    let mut table = String::from(
        "| setting | values | default | in profile `documented` | why |\n|---|---|---|---|---|\n",
    );
    for setting in SETTINGS {
        let office = if setting.office { " (*office*)" } else { "" };
        let documented = setting.documented.map_or(String::new(), |value| format!("`{value}`"));
        let _ = writeln!(
            table,
            "| `{}`{office} | {} | `{}` | {documented} | {} |",
            setting.name, setting.values, setting.default, setting.why
        );
    }
    table
}
