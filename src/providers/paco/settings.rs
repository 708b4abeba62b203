//! Settings of PACO, with the evidence behind each: where the provider's documents are silent or disagree
//! and users want either, the choice stands here. Named constants stand in `constants.rs`.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::constants::{KID_PRD, KID_UAT};
pub(super) use crate::blueprint::AllowList;
use crate::blueprint::{EnrolmentError, SettingDoc, SettingsReader, setting};

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

/// The settings, in the order in which they are documented.
pub(super) static SETTINGS: &[SettingDoc] = &[
    setting("profile","observed, documented","observed","observed: as live clients experience the gateway; documented: as the provider's page says \
         to the letter. Sets several at once; a single setting overrides it"),
    setting("environment","uat, prd","uat","sets kid and key set [seed]; prd also requires HTTPS, message encryption and an explicit \
         ip_allow_list, unless set otherwise; on the front door the host name decides"),
    setting("https_only","on, off","off","the provider is HTTPS only [seed]; plain HTTP on loopback is convenient offline [assumed]").documented("on"),
    setting("message_encryption","by_environment, required, optional","by_environment","required in PRD; in UAT plain JSON only from an allow-listed address [seed]"),
    setting("ip_allow_list","any, or a list of addresses and networks","any","mandatory in PRD, optional in UAT with JOSE [seed]; offline every address counts as listed \
         [assumed]; any must be set explicitly to hold in prd"),
    setting("basic_auth","required, verify_if_sent, ignored","verify_if_sent","the seed requires it of all clients; every live client known omits it and succeeds [public]").documented("required"),
    setting("access_denied_status","401, 403","401","only the message is documented [seed]; clients expect either [public, low]"),
    setting("access_denied_body","message, envelope","message","{\"message\":\"Access Denied\"}, or the same beside a null apiResponse [inferred]"),
    setting("jose_failure_body","message, empty","message","application/json [seed]; field reports show an empty 400 [public]"),
    setting("jose_max_lifetime_s","3600, 300, unlimited","3600","counted from iat; the seed contradicts itself: example 60 min, prose 5 min; clients use \
         60 min [public]").documented("300"),
    setting("jose_clock_skew_s","seconds, 0 to 86400","60","tolerance for nbf, iat and exp; what clients grant PACO [inferred]"),
    setting("kid_check","strict, ignore","strict","kid locates the key [seed]; no capture shows a wrong one"),
    setting("response_dialect","by_version, v1, camel","by_version","captured: 1.0 JOSE answers have v1 casing, 2.0 camelCase [public]").documented("camel"),
    setting("strict_names","off, on","off","one client saw wrong acronym case rejected with PC-B050095 [public]; others differ in case \
         and work"),
    setting("business_error_status","400, 200","400","400 with a sealed envelope is what clients decrypt [public]"),
    setting("decline_status","200, 400","200","unknown for declined direct payments [assumed]"),
    setting("page_lifetime_s","seconds, 1 to 31536000","86400","24 h captured, 45 min (2700) in an older sample [public]").per_office(),
    setting("refund_policy","partial_up_to_settled, single_partial, full_only, forbidden","partial_up_to_settled","the official sample's comment says one refund an order, the codes know partial ones, so it \
         is the office's [public]").per_office(),
    setting("refund_review","off, maker_checker","off","with maker_checker a refund waits in R/RP for its checker [public]").per_office(),
    setting("auto_settle","off, on","off","one UAT office settles by itself [public]").per_office(),
    setting("acs_behaviour","always_challenge, frictionless","always_challenge","UAT challenges every card when request3dsFlag is Y [public, high]"),
    setting("merchant_key_bits","4096, min_2048","4096","\"must be 4096\" [seed]; public clients enforce 2048 only"),
    setting("notification_retry_delays_s","a list of seconds, ascending","0, 30, 120","when the attempts are due, counted from the answer; retries are undocumented [assumed]"),
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
        let reader = SettingsReader::new(SETTINGS, layers)?;
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
            ip_allow_list: if prd && !reader.is_set("ip_allow_list") {
                AllowList::Networks(Vec::new())
            } else {
                reader.allow_list("ip_allow_list")?
            },
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
