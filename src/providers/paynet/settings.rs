//! Settings of PayNet's One Stop Portal, with the evidence behind each.

use jiff::SignedDuration;
use serde_json::{Map, Value};

use super::reports::catalogue::Entitlement;
use super::reports::csv::Dialect;
pub(super) use crate::blueprint::AllowList;
use crate::blueprint::{EnrolmentError, SettingDoc, SettingsReader, setting};

/// In whose words the guard of the report endpoints refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GuardText {
    Paynet2025,
    PaynetOlder,
    Rfc,
}

/// Where the header X-Fiid must be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequireFiid {
    V2Only,
    All,
    Off,
}

/// Which token paths are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenPaths {
    Both,
    OauthToken,
    Token,
}

/// All settings, resolved for one merchant.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settings {
    pub token_lifetime: SignedDuration,
    pub invalid_client_status: u16,
    pub hard_secrets: bool,
    pub ip_allow_list: AllowList,
    pub skew_past: SignedDuration,
    pub skew_future: SignedDuration,
    pub guard_text: GuardText,
    pub require_fiid: RequireFiid,
    pub token_paths: TokenPaths,
    pub ott_lifetime: SignedDuration,
    pub ott_invalid_status: u16,
    pub always_gzip: bool,
    pub polls_until_ready: u64,
    pub dialect: Dialect,
    pub decimal_money: bool,
    pub rate_limit: Option<u64>,
    pub magic_values: bool,
    pub report_rows: u64,
    pub report_include: Option<Vec<String>>,
    pub report_exclude: Vec<String>,
}

/// The settings, in the order in which they are documented.
pub(super) static SETTINGS: &[SettingDoc] = &[
    setting(
        "profile",
        "observed, documented",
        "observed",
        "observed: as the newest texts and the official client have it; documented: as the \
         provider's overview page says to the letter. Sets several at once; a single setting \
         overrides it",
    ),
    setting(
        "token_lifetime_s",
        "seconds, 1 to 31536000",
        "3600",
        "3600 [seed]; the documents warn that it may change",
    ),
    setting(
        "invalid_client_status",
        "401, 400",
        "401",
        "401 [standard: RFC 6749 §5.2]; servers like Cognito answer 400, which the RFC also allows \
         where no header was used",
    ),
    setting(
        "client_secret_style",
        "alphanumeric, hard",
        "alphanumeric",
        "of secrets that are made here: the official scripts do not percent-encode them [public]; \
         hard ones, with & + % and =, surface that bug",
    ),
    setting(
        "ip_allow_list",
        "any, or a list of addresses and networks",
        "any",
        "the portal has an allow-list in both directions [seed]; offline every address counts as \
         listed [assumed]",
    ),
    setting(
        "skew_past_s",
        "seconds, 0 to 86400",
        "300",
        "how old X-Timestamp may be, inclusive; the window is not published [assumed]",
    ),
    setting(
        "skew_future_s",
        "seconds, 0 to 86400",
        "300",
        "how far ahead X-Timestamp may be, inclusive; the window is not published [assumed]",
    ),
    setting(
        "guard_text",
        "paynet_2025, paynet_older, rfc",
        "paynet_2025",
        "two texts of PayNet disagree, and the newest wins [public]; rfc is 401 and 403 \
         [standard: RFC 6750 §3]",
    ),
    setting(
        "require_fiid",
        "v2_only, all, off",
        "v2_only",
        "v2 needs X-Fiid [public]; the seed names three headers and not this one; v1 without it \
         [assumed]",
    )
    .documented("off"),
    setting(
        "token_paths",
        "both, oauth_token, token",
        "both",
        "/oauth/token [seed]; /token in every newer text and in the official client [public]",
    )
    .documented("oauth_token"),
    setting(
        "ott_lifetime_s",
        "seconds, 0 to 86400",
        "300",
        "how long a one-time URL of v1 works; 0: never. Not published [assumed]",
    ),
    setting(
        "ott_invalid_status",
        "403, 401, 410",
        "403",
        "not published [assumed]; the body must hold \"OTT invalid\" [public]",
    ),
    setting(
        "download_gzip",
        "negotiate, always",
        "negotiate",
        "by Accept-Encoding [standard: RFC 9110 §12.5.3]; always reproduces a bug in the official \
         client's history [public]",
    ),
    setting(
        "polls_until_ready",
        "whole number, 1 to 1000",
        "3",
        "the first poll says new, those between processing, this one ready [assumed]",
    ),
    setting("csv_dialect", "newer, older", "newer", "two published versions [public]"),
    setting(
        "summary_money",
        "string, decimal",
        "string",
        "two published versions; a string has two decimals [public]",
    ),
    setting(
        "rate_limit",
        "off, or requests a minute, 1 to 1000000",
        "off",
        "none is published [assumed]; beyond it 429",
    ),
    setting(
        "magic_values",
        "on, off",
        "on",
        "the emulator's own, on values that no real client sends: a report code that is itself an \
         E-code gives that error, product ZZZ gives E0004, report SLOW stays processing [assumed]",
    ),
    setting(
        "report_rows",
        "whole number, 0 to 1000000",
        "100",
        "the emulator's own: transactions of one institution, product and day",
    ),
    setting(
        "report_include",
        "all, or a list of report codes",
        "all",
        "what a client is not entitled to is left out of the catalogue [public]",
    ),
    setting(
        "report_exclude",
        "none, or a list of report codes",
        "none",
        "what a client is not entitled to is left out of the catalogue [public]",
    ),
];

impl Settings {
    /// Resolves layers, the later ones winning.
    pub(super) fn resolve(layers: &[&Map<String, Value>]) -> Result<Self, EnrolmentError> {
        let reader = SettingsReader::new(SETTINGS, layers)?;
        Ok(Self {
            token_lifetime: reader.seconds("token_lifetime_s", 1, 31_536_000)?,
            invalid_client_status: reader.status("invalid_client_status", &["401", "400"])?,
            hard_secrets: reader.one_of("client_secret_style", &["alphanumeric", "hard"])?
                == "hard",
            ip_allow_list: reader.allow_list("ip_allow_list")?,
            skew_past: reader.seconds("skew_past_s", 0, 86_400)?,
            skew_future: reader.seconds("skew_future_s", 0, 86_400)?,
            guard_text: match reader
                .one_of("guard_text", &["paynet_2025", "paynet_older", "rfc"])?
                .as_str()
            {
                "paynet_older" => GuardText::PaynetOlder,
                "rfc" => GuardText::Rfc,
                _ => GuardText::Paynet2025,
            },
            require_fiid: match reader.one_of("require_fiid", &["v2_only", "all", "off"])?.as_str()
            {
                "all" => RequireFiid::All,
                "off" => RequireFiid::Off,
                _ => RequireFiid::V2Only,
            },
            token_paths: match reader
                .one_of("token_paths", &["both", "oauth_token", "token"])?
                .as_str()
            {
                "oauth_token" => TokenPaths::OauthToken,
                "token" => TokenPaths::Token,
                _ => TokenPaths::Both,
            },
            ott_lifetime: reader.seconds("ott_lifetime_s", 0, 86_400)?,
            ott_invalid_status: reader.status("ott_invalid_status", &["403", "401", "410"])?,
            always_gzip: reader.one_of("download_gzip", &["negotiate", "always"])? == "always",
            polls_until_ready: reader.number("polls_until_ready", 1, 1000)?,
            dialect: match reader.one_of("csv_dialect", &["newer", "older"])?.as_str() {
                "older" => Dialect::Older,
                _ => Dialect::Newer,
            },
            decimal_money: reader.one_of("summary_money", &["string", "decimal"])? == "decimal",
            rate_limit: match reader.text("rate_limit")?.as_str() {
                "off" => None,
                _ => Some(reader.number("rate_limit", 1, 1_000_000)?),
            },
            magic_values: reader.switch("magic_values")?,
            report_rows: reader.number("report_rows", 0, 1_000_000)?,
            report_include: reader.words("report_include", "all")?,
            report_exclude: reader.words("report_exclude", "none")?.unwrap_or_default(),
        })
    }
}

impl Settings {
    /// Which reports the client may have.
    pub(super) fn entitlement(&self) -> Entitlement {
        Entitlement {
            include: self.report_include.clone(),
            exclude: self.report_exclude.clone(),
        }
    }
}

impl TokenPaths {
    /// Whether a path is served; if not, the one that is.
    pub(super) fn serve(self, path: &str) -> Result<(), &'static str> {
        match (self, path) {
            (Self::OauthToken, "/token") => Err("POST /oauth/token (oauthToken)"),
            (Self::Token, "/oauth/token") => Err("POST /token (token)"),
            _ => Ok(()),
        }
    }
}
