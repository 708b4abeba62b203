//! Named constants of PayNet: where the provider's documents are silent or disagree and nobody has
//! needed another value yet, the choice stands here, with its evidence, and nowhere else.

use jiff::SignedDuration;
use jiff::tz::Offset;

use crate::blueprint::{NamedConstant, constant};

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

/// `retention_days`: days that can be asked for, today not counted.
pub(super) const RETENTION_DAYS: i32 = 90;
/// `retention_months`: months that can be asked for, this one not counted.
pub(super) const RETENTION_MONTHS: i32 = 3;
/// `report_timezone`: Malaysian time, which has no daylight saving.
pub(super) const REPORT_OFFSET: Offset = Offset::constant(8);
/// `download_path`.
pub(super) const FILE_PATH: &str = "/reports/file";

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
        "[standard: RFC 6749 §2.3.1]; PayNet shows body credentials only. Form-encoded first, as the \
         standard has it, or as they are, as most clients send them [assumed]",
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
    constant(
        "repeated_headers",
        "the first counts",
        "not published [assumed]; several Authorization headers are invalid_request where a token is \
         asked for [standard: RFC 6749 §2.3]",
    ),
    constant("fiid_case", "insensitive", "the examples have either case [public]"),
    constant(
        "fiid_in_body",
        "judged like X-Fiid",
        "an institution of somebody else in the body of v1 is the guard's plain refusal, before any code \
         of the business [assumed]",
    ),
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
    constant(
        "fee_tax",
        "8 %, code SV-8",
        "of each transaction's fee, rounded to the sen: the tax of a sum is the sum of the taxes, and \
         not 8 % of it [assumed: the Malaysian rate]",
    ),
    constant("san_cycles", "those of MyDebit", "SAN's are not published [assumed]"),
    constant("rpp_transaction_types", "010, 011", "010 [public]; 011 for reversals [assumed]"),
    constant("no_fields", "every column", "an empty list of fields [assumed]"),
    constant("csv_column_order", "request", "not published [assumed]"),
    constant("summary_root", "both", "Summary and Report; the root field is not known [assumed]"),
    constant("json_style", "compact", "the official client breaks on anything else [measured]"),
    constant("json_ampersand", "escaped", "\\u0026, as the provider writes it [public]"),
    constant("date_header", "of the merchant's clock", "clients correct their skew by it [public]"),
    constant("rate_limit_answer", "429 with Retry-After", "none is published [assumed]"),
    constant(
        "reports_waiting",
        "16 of one client, then 429 with Retry-After",
        "the sandbox's own bound of reports that are worked out or wait; none is published [assumed]",
    ),
    constant(
        "query_bounds",
        "2000 tokens, 24 levels, 256 selected fields, 1 MiB put in by variables; then E0012",
        "the sandbox's own; a query for every member of a summary has some 200 tokens [assumed]",
    ),
    constant("unknown_route", "404 {\"message\":\"Not Found\"}", "not published [assumed]"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::REPORTS_WAITING;
    use crate::providers::paynet::errors::{E0001, E0011};
    use crate::providers::paynet::graphql::{LEVELS, SELECTED, TOKENS};

    fn documented(name: &str) -> &'static str {
        CONSTANTS.iter().find(|known| known.name == name).expect(name).value
    }

    #[test]
    fn what_is_documented_is_what_holds() {
        assert_eq!(documented("token_type_case"), TOKEN_TYPE);
        assert_eq!(
            documented("token_bad_content_type_status"),
            BAD_CONTENT_TYPE_STATUS.to_string()
        );
        assert_eq!(documented("ip_blocked_answer"), IP_BLOCKED_STATUS.to_string());
        assert_eq!(documented("report_url_lifetime_s"), REPORT_URL_LIFETIME.as_secs().to_string());
        assert_eq!(
            documented("retention_days, retention_months"),
            format!("{RETENTION_DAYS}, {RETENTION_MONTHS}")
        );
        assert!(E0001.text.contains(&format!("{RETENTION_DAYS} days")));
        assert!(E0011.text.contains(&format!("{RETENTION_MONTHS} months")));
        assert_eq!(documented("report_timezone"), format!("{REPORT_OFFSET}:00"));
        assert!(documented("download_path").starts_with(FILE_PATH));
        assert!(documented("reports_waiting").starts_with(&format!("{REPORTS_WAITING} of one")));
        let bounds = format!("{TOKENS} tokens, {LEVELS} levels, {SELECTED} selected fields, ");
        assert!(documented("query_bounds").starts_with(&bounds));
    }
}
