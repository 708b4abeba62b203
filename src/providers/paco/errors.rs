//! PACO's response codes and their texts.

use super::constants;

/// A response code with its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code {
    pub code: &'static str,
    pub text: &'static str,
    /// What is known of it.
    pub why: &'static str,
}

const fn code(code: &'static str, text: &'static str, why: &'static str) -> Code {
    Code { code, text, why }
}

pub(super) const SUCCESS: Code = code("PC-B050000", "Success", "[public, high]");
pub(super) const PENDING: Code =
    code("PC-B050001", "Payment is pending", "a created hosted-page order [public, high]");
pub(super) const WRONG_STATE: Code = code(
    "PC-B050013",
    "Transaction is not allowed in its current state",
    "code [public, high], text [assumed]",
);
pub(super) const REFUND_MALFORMED: Code =
    code("PC-B050039", "Refund request is malformed", "code [public, medium], text [assumed]");
pub(super) const REFUND_AMOUNT_INVALID: Code = code(
    "PC-B050040",
    "Refund amount is invalid",
    "also when nothing is left to refund; code [public, high], text [assumed]",
);
pub(super) const REFUND_ITEM_UNKNOWN: Code =
    code("PC-B050041", "Refund item reference is invalid", "code [public, medium], text [assumed]");
pub(super) const REFUND_BY_ITEM_UNAVAILABLE: Code = code(
    "PC-B050042",
    "Itemized refund is not available",
    "an order without items; code [public, medium], text [assumed]",
);
pub(super) const REFUND_ITEMS_EXCEED: Code = code(
    "PC-B050043",
    "Refund items exceed the refundable amount",
    "code [public, medium], text [assumed]",
);
pub(super) const NOT_REFUNDABLE: Code = code(
    "PC-B050053",
    "Transaction cannot be refunded",
    "not settled, or a refund is under review; code [public, high], text to that effect",
);
pub(super) const REFUND_CURRENCY: Code = code(
    "PC-B050056",
    "Refund amount is not valid for the transaction",
    "another currency; code [public, medium], its use and text [assumed]",
);
pub(super) const REFUND_EXCEEDS: Code = code(
    "PC-B050058",
    "Refund amount exceeds the transaction amount",
    "code [public, medium], text [assumed]",
);
pub(super) const REFUND_NOT_ALLOWED: Code =
    code("PC-B050059", "Refund is not allowed", "code [public, medium], text [assumed]");
pub(super) const PARTIAL_REFUND_NOT_ALLOWED: Code =
    code("PC-B050060", "Partial refund is not allowed", "code [public, medium], text [assumed]");
pub(super) const SUB_MERCHANT_EXCEEDED: Code = code(
    "PC-B050061",
    "Sub-merchant refund amount is exceeded",
    "code [public, medium], text [assumed]",
);
pub(super) const INVALID_REQUEST: Code =
    code("PC-B050095", "Invalid request received", "[public, high]");
pub(super) const DECLINED: Code =
    code("PC-B050901", "Payment is declined", "code and text [assumed]");
pub(super) const NOT_AUTHENTICATED: Code =
    code("PC-B050902", "Payer authentication failed", "code and text [assumed]");
pub(super) const SYSTEM_ERROR: Code = code("PC-B050903", "System error", "code and text [assumed]");
pub(super) const ORDER_EXPIRED: Code =
    code("PC-B050904", "Payment has expired", "in notifications; code and text [assumed]");
pub(super) const CANCELLED: Code = code(
    "PC-B050910",
    "Payment is cancelled by the payer",
    "in notifications; code [public, medium], text [assumed]",
);
pub(super) const REFUND_IN_REVIEW: Code = code(
    "PC-B053557",
    "Refund is pending review",
    "offices with refund_review; code [public, medium], its use here [inferred]",
);
pub(super) const UNKNOWN_ORDER: Code = code(
    "PC-B052201",
    "Order number is not valid or does not exist",
    "code [public, high], text to that effect",
);

/// Every code that this double gives of its own accord.
pub(super) static GIVEN: &[Code] = &[
    SUCCESS,
    PENDING,
    WRONG_STATE,
    REFUND_MALFORMED,
    REFUND_AMOUNT_INVALID,
    REFUND_ITEM_UNKNOWN,
    REFUND_BY_ITEM_UNAVAILABLE,
    REFUND_ITEMS_EXCEED,
    NOT_REFUNDABLE,
    REFUND_CURRENCY,
    REFUND_EXCEEDS,
    REFUND_NOT_ALLOWED,
    PARTIAL_REFUND_NOT_ALLOWED,
    SUB_MERCHANT_EXCEEDED,
    INVALID_REQUEST,
    DECLINED,
    NOT_AUTHENTICATED,
    SYSTEM_ERROR,
    ORDER_EXPIRED,
    CANCELLED,
    UNKNOWN_ORDER,
    REFUND_IN_REVIEW,
];

pub(super) const ACCESS_DENIED: &str = "Access Denied";
/// Texts of failures before a message is open. Only their content type is documented (assumed).
pub(super) const INVALID_TOKEN: &str = "Invalid token";
pub(super) const EXPIRED_TOKEN: &str = "Token is expired";
pub(super) const ENCRYPTION_REQUIRED: &str = "Message encryption is required";
pub(super) const UNSUPPORTED_MEDIA_TYPE: &str = "Unsupported media type";
pub(super) const NO_ENCRYPTION_KEY: &str = "No encryption key is available for the response";

/// The codes as a Markdown table, for `docs.md`.
pub(super) fn codes_table() -> String {
    use std::fmt::Write as _;

    let mut table = String::from("| code | text | sureness |\n|---|---|---|\n");
    for given in GIVEN {
        let _ = writeln!(table, "| `{}` | {} | {} |", given.code, given.text, given.why);
    }
    let _ = writeln!(
        table,
        "\nBefore a message is open, failures are `application/json` with `{{\"message\":\"…\"}}`: \
         \"{ACCESS_DENIED}\" [seed]; \"{INVALID_TOKEN}\" ({}), \"{EXPIRED_TOKEN}\", \
         \"{ENCRYPTION_REQUIRED}\", \"{UNSUPPORTED_MEDIA_TYPE}\", \"{NO_ENCRYPTION_KEY}\" (texts \
         [assumed]).",
        constants::JOSE_FAILURE_STATUS
    );
    table
}
