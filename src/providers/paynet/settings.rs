//! Settings and named constants of PayNet's One Stop Portal, with the evidence behind each. Where the
//! provider's documents are silent or disagree, the choice stands here and nowhere else.

use jiff::SignedDuration;
use serde_json::{Map, Value};

use super::reports::catalogue::Entitlement;
pub(super) use crate::blueprint::AllowList;
use crate::blueprint::{EnrolmentError, NamedConstant, SettingDoc, SettingsReader};

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
    pub older_csv: bool,
    pub decimal_money: bool,
    pub rate_limit: Option<u64>,
    pub magic_values: bool,
    pub report_rows: u64,
    pub report_include: Option<Vec<String>>,
    pub report_exclude: Vec<String>,
}

const fn setting(
    name: &'static str,
    values: &'static str,
    default: &'static str,
    documented: Option<&'static str>,
    why: &'static str,
) -> SettingDoc {
    SettingDoc {
        name,
        values,
        default,
        documented,
        office: false,
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
        "observed: as the newest texts and the official client have it; documented: as the \
         provider's overview page says to the letter. Sets several at once; a single setting \
         overrides it",
    ),
    setting(
        "token_lifetime_s",
        "seconds, 1 to 31536000",
        "3600",
        None,
        "3600 [seed]; the documents warn that it may change",
    ),
    setting(
        "invalid_client_status",
        "401, 400",
        "401",
        None,
        "401 [standard: RFC 6749 §5.2]; servers like Cognito answer 400, which the RFC also allows \
         where no header was used",
    ),
    setting(
        "client_secret_style",
        "alphanumeric, hard",
        "alphanumeric",
        None,
        "of secrets that are made here: the official scripts do not percent-encode them [public]; \
         hard ones, with & + % and =, surface that bug",
    ),
    setting(
        "ip_allow_list",
        "any, or a list of addresses and networks",
        "any",
        None,
        "the portal has an allow-list in both directions [seed]; offline every address counts as \
         listed [assumed]",
    ),
    setting(
        "skew_past_s",
        "seconds, 0 to 86400",
        "300",
        None,
        "how old X-Timestamp may be, inclusive; the window is not published [assumed]",
    ),
    setting(
        "skew_future_s",
        "seconds, 0 to 86400",
        "300",
        None,
        "how far ahead X-Timestamp may be, inclusive; the window is not published [assumed]",
    ),
    setting(
        "guard_text",
        "paynet_2025, paynet_older, rfc",
        "paynet_2025",
        None,
        "two texts of PayNet disagree, and the newest wins [public]; rfc is 401 and 403 \
         [standard: RFC 6750 §3]",
    ),
    setting(
        "require_fiid",
        "v2_only, all, off",
        "v2_only",
        Some("off"),
        "v2 needs X-Fiid [public]; the seed names three headers and not this one; v1 without it \
         [assumed]",
    ),
    setting(
        "token_paths",
        "both, oauth_token, token",
        "both",
        Some("oauth_token"),
        "/oauth/token [seed]; /token in every newer text and in the official client [public]",
    ),
    setting(
        "ott_lifetime_s",
        "seconds, 0 to 86400",
        "300",
        None,
        "how long a one-time URL of v1 works; 0: never. Not published [assumed]",
    ),
    setting(
        "ott_invalid_status",
        "403, 401, 410",
        "403",
        None,
        "not published [assumed]; the body must hold \"OTT invalid\" [public]",
    ),
    setting(
        "download_gzip",
        "negotiate, always",
        "negotiate",
        None,
        "by Accept-Encoding [standard: RFC 9110 §12.5.3]; always reproduces a bug in the official \
         client's history [public]",
    ),
    setting(
        "polls_until_ready",
        "whole number, 1 to 1000",
        "3",
        None,
        "the first poll says new, those between processing, this one ready [assumed]",
    ),
    setting("csv_dialect", "newer, older", "newer", None, "two published versions [public]"),
    setting(
        "summary_money",
        "string, decimal",
        "string",
        None,
        "two published versions; a string has two decimals [public]",
    ),
    setting(
        "rate_limit",
        "off, or requests a minute, 1 to 1000000",
        "off",
        None,
        "none is published [assumed]; beyond it 429",
    ),
    setting(
        "magic_values",
        "on, off",
        "on",
        None,
        "the emulator's own, on values that no real client sends: a report code that is itself an \
         E-code gives that error, product ZZZ gives E0004, report SLOW stays processing [assumed]",
    ),
    setting(
        "report_rows",
        "whole number, 0 to 1000000",
        "100",
        None,
        "the emulator's own: transactions of one institution, product and day",
    ),
    setting(
        "report_include",
        "all, or a list of report codes",
        "all",
        None,
        "what a client is not entitled to is left out of the catalogue [public]",
    ),
    setting(
        "report_exclude",
        "none, or a list of report codes",
        "none",
        None,
        "what a client is not entitled to is left out of the catalogue [public]",
    ),
];

const fn constant(name: &'static str, value: &'static str, why: &'static str) -> NamedConstant {
    NamedConstant { name, value, why }
}

/// `token_type_case`.
pub(super) const TOKEN_TYPE: &str = "bearer";
/// `token_bad_content_type_status`.
pub(super) const BAD_CONTENT_TYPE_STATUS: u16 = 400;
/// `ip_blocked_answer`.
pub(super) const IP_BLOCKED_STATUS: u16 = 403;
/// `report_url_lifetime_s`.
pub(super) const REPORT_URL_LIFETIME: SignedDuration = SignedDuration::from_secs(900);
/// The issuer in a token. No source shows one.
pub(super) const TOKEN_ISSUER: &str = "paynet-sso";

/// The named constants, for documentation. The values stand in code where they are used.
pub(super) static CONSTANTS: &[NamedConstant] = &[
    constant(
        "token_type_case",
        TOKEN_TYPE,
        "explicit in [seed]; newer text prints Bearer [public]",
    ),
    constant("token_reuse", "new_each_time", "not published; some servers return the same token"),
    constant(
        "token_basic_auth",
        "accept",
        "[standard: RFC 6749 §2.3.1]; PayNet shows body credentials only",
    ),
    constant("token_bad_content_type_status", "400", "PayNet's bodies are not published [assumed]"),
    constant(
        "token_form",
        "HS256 JWT with iss, client_id, jti, iat, exp",
        "the samples look like JWTs [public]; the claims [assumed]",
    ),
    constant(
        "ip_blocked_answer",
        "403",
        "{\"message\":\"Forbidden\"}, as AWS gateways say it; not published [assumed]",
    ),
    constant(
        "signature_key",
        "client_secret",
        "the seed only says \"secret key\"; newer text names the client secret [public]",
    ),
    constant(
        "signature_hex_case",
        "strict",
        "lower-case hex is documented [public]; the explanation says when only the case differs",
    ),
    constant(
        "timestamp_format",
        "ten_digits",
        "^[0-9]{10}$ after white space around it; else \"Timestamp not within valid range\" \
         [assumed]",
    ),
    constant("guard_order", "timestamp_first", "not published [assumed]"),
    constant("guard_error_envelope", "message", "{\"message\":\"…\"}; not published [assumed]"),
    constant("fiid_case", "insensitive", "the examples have either case [public]"),
    constant("token_bound_to_fiid", "on", "a list of institutions for each client [assumed]"),
    constant("token_bound_to_ip", "off", "nothing known"),
    constant(
        "signature_replay",
        "allowed",
        "the signature covers the timestamp alone, and is good for the length of the window \
         [inferred]",
    ),
    constant(
        "v1_error_shape",
        "success_false",
        "{\"success\":false,\"error\":{…}} with 200; not known [assumed]",
    ),
    constant("business_error_shape", "graphql_errors", "errors[].extensions.code [assumed]"),
    constant(
        "business_error_order",
        "E0012, E0010, E0006, E0004, E0005/E0007, E0002, E0001/E0011, E0003",
        "not published [assumed]; E0008 and E0009 are never sent",
    ),
    constant("retention_days, retention_months", "90, 3", "E0001, E0011 [public]"),
    constant(
        "report_timezone",
        "+08:00",
        "cycles and E0002 are judged in Malaysian time [assumed]",
    ),
    constant("ott_head", "lenient", "HEAD does not use the link up [assumed]"),
    constant(
        "ott_auth_header",
        "ignore",
        "the link needs no headers [public]; what happens if some come is not known",
    ),
    constant(
        "ott_source_address",
        "not judged",
        "whoever holds the link may fetch it, once [inferred]",
    ),
    constant("download_semantics", "paynet", "200 once, then \"OTT invalid\" [public]"),
    constant("download_path", "/reports/file?name=…&ott=…", "not published [assumed]"),
    constant(
        "job_status_words",
        "processing",
        "newer text; the older one says in-progress [public]",
    ),
    constant("job_key", "with_fields", "fiid, product, report, date, ordered fields [assumed]"),
    constant("ready_url", "fresh_each_poll", "not published [assumed]"),
    constant("report_url_lifetime_s", "900", "expiry is RFC 3339 in UTC; not published [assumed]"),
    constant(
        "checksum_basis",
        "uncompressed",
        "rows without the header, size and MD5 of the CSV [assumed]",
    ),
    constant("csv_column_order", "request", "not published [assumed]"),
    constant("summary_root", "both", "Summary and Report; the root field is not known [assumed]"),
    constant("json_style", "compact", "the official client breaks on anything else [measured]"),
    constant("json_ampersand", "escaped", "\\u0026, as the provider writes it [public]"),
    constant("date_header", "of the merchant's clock", "clients correct their skew by it [public]"),
    constant("rate_limit_answer", "429 with Retry-After", "none is published [assumed]"),
    constant("unknown_route", "404 {\"message\":\"Not Found\"}", "not published [assumed]"),
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
            older_csv: reader.one_of("csv_dialect", &["newer", "older"])? == "older",
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
