//! Named constants of PACO: where the provider's documents are silent or disagree and nobody has needed
//! another value yet, the choice stands here, with its evidence, and nowhere else.

use crate::blueprint::{NamedConstant, constant};

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
/// Longest delay before the browser returns: a longer one would look like a page that hangs.
pub(super) const MAX_REDIRECT_DELAY_S: i64 = 3600;
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
    constant(
        "cancelled_code",
        "PC-B050910",
        "one client takes it for cancelled [public, medium]; given for a payer who left, too [assumed]",
    ),
    constant(
        "past_expiry",
        "refused with PC-B050095",
        "a paymentExpiryDateTime that is not after now [assumed]",
    ),
    constant(
        "card_of_a_page_order",
        "ignored",
        "creditCardDetails of prePaymentUi is harmless [public, high]",
    ),
    constant(
        "available_payment_types",
        "CC, CC-AX, CC-CA, CC-UP, CC-VI",
        "captured of a Nepalese office [public, high]; the same list for every office [assumed]",
    ),
    constant(
        "reference_formats",
        "approvalCode 6 digits [public]; pspReferenceNo 12, refundNo 13 digits; localScheme VI, CA, AX, \
         UP, JC or CC; pspName Sandgate",
        "nothing else is known [assumed]",
    ),
    constant(
        "notification_api_response",
        "responseToRequestMessageId of the order's request, responseTime 0",
        "a notification answers no request of its own [assumed]",
    ),
    constant(
        "eci_in_api_response",
        "null",
        "captured before a payment; after one it stands in creditCardAuthenticatedDetails [assumed]",
    ),
    constant(
        "return_parameters",
        "form-encoded, then every escape encoded once more",
        "captured for a blank, which came back as %2b [public, high]; for other characters [inferred]",
    ),
    constant(
        "refund_item_members",
        "referenceNo, refundItemAmount, subMerchantID",
        "refundItems is named by the official sample [public, high], its elements nowhere [assumed]",
    ),
    constant(
        "max_redirect_delay_s",
        "3600",
        "a longer autoRedirectDelayTimer counts as this [assumed]",
    ),
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
        "fromDate and toDate bound transactionDateTime, both inclusive; toDate without a time \
         means the whole day; without an offset they are UTC; the year 0001 counts as not set",
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
