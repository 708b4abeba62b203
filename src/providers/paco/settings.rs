//! Settings and named constants of PACO, with the evidence behind each. Where the provider's
//! documents are silent or disagree, the choice stands here and nowhere else.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(super) use crate::blueprint::AllowList;
use crate::blueprint::{EnrolmentError, NamedConstant, SettingDoc, SettingsReader};

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

const fn constant(name: &'static str, value: &'static str, why: &'static str) -> NamedConstant {
    NamedConstant { name, value, why }
}

/// kid of PACO's encryption key in UAT and PRD (seed).
pub(super) const KID_UAT: &str = "7664a2ed0dee4879bdfca0e8ce1ac313";
pub(super) const KID_PRD: &str = "19f84b5655f04e25a99b09f1ee2fac78";
/// The kid in the seed's example, which is neither environment's.
pub(super) const KID_OF_THE_EXAMPLE: &str = "6b21b61a256a422dbf195925e12db6e9";
/// Header names that carry the access token, in order of precedence.
pub(super) const TOKEN_HEADERS: [&str; 3] = ["token", "companyapikey", "apikey"];
pub(super) const REQUEST_AUDIENCE: &str = "PacoAudience";
pub(super) const ANSWER_ISSUER: &str = "PacoIssuer";
pub(super) const JOSE_FAILURE_STATUS: u16 = 400;
pub(super) const ANSWER_LIFETIME_S: i64 = 3600;
pub(super) const ANSWER_BACKDATE_S: i64 = 0;
pub(super) const UNKNOWN_ORDER_STATUS: u16 = 400;
pub(super) const MAX_OFFICE_ID: usize = 20;
pub(super) const MAX_ORDER_NO: usize = 50;
pub(super) const MAX_PRODUCT_DESCRIPTION: usize = 255;
pub(super) const MAX_URL: usize = 2048;
/// How long a payer may take over a challenge, and a checker over a refund.
pub(super) const ACS_TIMEOUT_S: i64 = 600;
pub(super) const REFUND_REVIEW_S: i64 = 7 * 86_400;
/// Where the access control server's own page posts its answer.
pub(super) const ANSWER_PATH: &str = "/challenge/answer";
pub(super) const THREE_DS_VERSION: &str = "2.2.0";
/// Rows of one `transactionList` answer at most.
pub(super) const MAX_LISTED: usize = 1_000;
pub(super) const NOTIFICATION_CONTENT_TYPE: &str = "application/jose";
/// Path segments that name an API version.
pub(super) const API_VERSIONS: [&str; 3] = ["1", "1.0", "2.0"];

/// The named constants, for documentation. The values stand in code where they are used.
pub(super) static CONSTANTS: &[NamedConstant] = &[
    constant("kid_uat", KID_UAT, "[seed]"),
    constant("kid_prd", KID_PRD, "[seed]"),
    constant(
        "token_header_names",
        "token, CompanyApiKey, apiKey",
        "the seed names token; all three are proven on live calls [public]",
    ),
    constant(
        "token_header_precedence",
        "token, CompanyApiKey, apiKey",
        "when several are sent the first counts [assumed]",
    ),
    constant("token_query_param", "off", "?apiKey= is seen in one client only [public, low]"),
    constant("jose_failure_status", "400", "4xx [seed]; 400 in the field [public]"),
    constant(
        "jose_algorithms",
        "documented",
        "the seed's whole list; proven live is only PS256 with A128CBC-HS256",
    ),
    constant(
        "company_api_key_claim",
        "compare_if_present",
        "most clients send it, the seed's example omits it",
    ),
    constant(
        "required_time_claims",
        "iat, exp",
        "every client sends them and the lifetime counts from iat; nbf is judged if present [assumed]",
    ),
    constant(
        "crit_policy",
        "honour_if_present",
        "only the seed's prose has it; anything but exp in crit is refused",
    ),
    constant("jti_replay_check", "off", "validation is optional on both sides [seed]"),
    constant(
        "response_kid",
        "both",
        "the answer's JWS has one [seed]; real values unknown, ours are key digests",
    ),
    constant("response_lifetime_s", "3600", "captured exp = iat + 3600 [public]"),
    constant("response_backdate_s", "0", "iat and nbf must not be ahead of the client [public]"),
    constant("response_body_quoted", "off", "may arrive as a quoted JSON string [public, medium]"),
    constant("missing_accept", "request_format", "Accept missing or */* [inferred]"),
    constant("amount_mismatch", "reject", "amount against amountText, PC-B050095 [inferred]"),
    constant(
        "purchase_item_sum_check",
        "off",
        "demo bodies with wrong sums are accepted [public, medium]",
    ),
    constant("localhost_urls", "accept", "http and localhost accepted in the capture [public]"),
    constant("duplicate_order_code", "PC-B050095", "nothing known [assumed]"),
    constant("wrong_state_code", "PC-B050013", "Void or Settlement in the wrong state [public]"),
    constant("unknown_office_code", "PC-B050095", "nothing known [assumed]"),
    constant("wrong_amount_code", "PC-B050095", "nothing known [assumed]"),
    constant(
        "void_amount_rule, settlement_amount_rule",
        "void = approved amount, which may be left out; settlement <= approved amount, above zero",
        "nothing known [assumed]",
    ),
    constant(
        "approval_reference_check",
        "off",
        "issuerApprovalCode and invoiceNo2C2P of Void and Settlement are not compared; nothing known \
         [assumed]",
    ),
    constant("settlement_answer_shape", "flat", "as void and refund [public, medium]"),
    constant("echo_custom_fields", "off", "customFieldList came back null in the capture [public]"),
    constant(
        "invoice_no_format",
        "4 office letters + 13-digit counter",
        "one example of 17 characters [public, low]",
    ),
    constant("page_url_slash", "keep", "captured with the slash [public]"),
    constant(
        "decline_code, authentication_failed_code, system_error_code",
        "PC-B050901, PC-B050902, PC-B050903",
        "no code is published for a declined, unauthenticated or failed direct payment [assumed]",
    ),
    constant(
        "expired_order_code",
        "PC-B050904",
        "in the notification of an expired order; no code is published [assumed]",
    ),
    constant("cancelled_code", "PC-B050910", "one client takes it for cancelled [public, medium]"),
    constant("missing_3ds_flag", "N", "request3dsFlag left out counts as N [assumed]"),
    constant(
        "acs_timeout_s",
        "600",
        "then I/AX, and F/AM when the order's time is up; the real time is not recorded [assumed]",
    ),
    constant("three_ds_version", THREE_DS_VERSION, "authentication3DSVersion [assumed]"),
    constant(
        "three_ds_transaction",
        "Visa eci 05, Mastercard 02, others 05; status Y; cavv and ids by chance",
        "an authenticated payment [standard: EMV 3-D Secure], the values [assumed]",
    ),
    constant(
        "page_opened_state",
        "PCPS/GP",
        "opening the page changes nothing; whether it becomes PCPS/SS is not recorded [inferred]",
    ),
    constant(
        "return_after_result",
        "at once, or after autoRedirectDelayTimer seconds on a page with the result",
        "the page shows the result before it returns [public, high]; at once is easier to script \
         [assumed]",
    ),
    constant(
        "return_url_of",
        "approved: confirmationURL; declined, failed, challenge timed out: failedURL; cancelled: \
         cancellationURL; left: none",
        "names of the members [public]; the timed-out challenge [assumed]",
    ),
    constant(
        "refund_body_codes",
        "PC-B050040 where only refundAmount is wrong, else PC-B050039",
        "a wrapper or a missing maker gives one of the two [public, medium]; which is [assumed]",
    ),
    constant(
        "refunded_state",
        "R/RF, also after a partial refund",
        "a full refund is R/RF [public, high]; a partial one [assumed]",
    ),
    constant(
        "refund_during_review_code",
        "PC-B050053",
        "another refund while one is R/RP [assumed]",
    ),
    constant("refund_review_code", "PC-B053557", "pending review [public, medium]"),
    constant("refund_review_s", "604800", "then R/RE; the real time is not recorded [assumed]"),
    constant(
        "stored_card_ids",
        "a UUID, issued when storeCardFlag is Y and the payment is approved; an unknown one is \
         refused with PC-B050095; template literals such as {{guid}} count as none",
        "the literal is accepted [public, high]; the rest [inferred]",
    ),
    constant(
        "instalment_rule",
        "ippFlag Y wants an installmentPeriod above zero; the answer repeats the request's members \
         in installmentPaymentResults",
        "no source shows a filled one [assumed]",
    ),
    constant(
        "list_order, list_limit, list_empty",
        "newest first, 1000 rows, PC-B050000 with an empty array",
        "nothing known [assumed]",
    ),
    constant(
        "list_dates",
        "fromDate and toDate bound transactionDateTime, both inclusive; without an offset they are \
         UTC; the year 0001 counts as not set",
        "the unset form [public, high], the rest [assumed]",
    ),
    constant(
        "notified_results",
        "approved, declined, failed, cancelled, left, expired",
        "for final results of both payment endpoints, not for Void, Settlement and Refund [assumed]",
    ),
    constant(
        "unknown_order_status",
        "400",
        "PC-B052201; its HTTP status is not recorded [assumed]",
    ),
    constant("unknown_route_body", "empty", "404 and 405 without a body [assumed]"),
    constant(
        "max lengths",
        "officeId 20, orderNo 50, productDescription 255, URL 2048",
        "only officeId has a source [public]; the others are unverified [assumed]",
    ),
    constant(
        "demo_offices",
        "DEMO_NEPAL, DEMO_AUTOSETTLE (settles by itself), DEMO_MANUAL",
        "what a merchant gets that names no offices; roles seen in public clients, names are ours",
    ),
    constant("auto_settle_delay_s", "0", "the real delay is not recorded [assumed]"),
    constant("accepted_cards", "any_luhn", "no decline card is published [inferred]"),
    constant("api_versions", "1, 1.0, 2.0", "1 is 1.0; anything else is 404 [assumed]"),
    constant("case_insensitive_routes", "on", "many spellings appear in working clients [public]"),
    constant(
        "inquiry_before_payment",
        "pcps_row",
        "an order that nobody has paid is shown [assumed]",
    ),
    constant(
        "payment_types",
        "CC, IPP, QR, WALLET, IMBANK, alone or with a suffix such as CC-VI",
        "the families that are seen; another one is refused with PC-B050095 [assumed]",
    ),
    constant(
        "magic_cards",
        "4000000000000002 declined, 4000000000000101 not authenticated, 4000000000000119 system error",
        "the emulator's own; any other number that passes the Luhn check pays [assumed]",
    ),
    constant(
        "notification_content_type",
        NOTIFICATION_CONTENT_TYPE,
        "a JOSE body is what handlers read [public, medium]; {\"payload\": …} and plain forms are \
         guesses [public, low]",
    ),
    constant(
        "notification_success",
        "any_2xx",
        "the expected reply is undocumented; one client answers 200 OK [public, low]",
    ),
    constant(
        "notification_timing",
        "with_answer",
        "step 10 of 12, before the merchant decrypts the answer [seed]",
    ),
    constant(
        "notification_algorithms",
        "those of the order's request; PS256, RSA-OAEP, A128CBC-HS256 after a plain one",
        "as answers do [seed]; after a plain request as a sealed answer to it does [assumed]",
    ),
    constant(
        "notification_time_limit",
        "10 s for one attempt, or --notification-time-limit",
        "undocumented [assumed]",
    ),
];

/// `notification_success`.
pub(super) fn is_notification_success(status: u16) -> bool {
    (200..300).contains(&status)
}

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
