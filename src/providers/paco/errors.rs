//! PACO's response codes and their texts.

use super::settings;

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
pub(super) const INVALID_REQUEST: Code =
    code("PC-B050095", "Invalid request received", "[public, high]");
pub(super) const DECLINED: Code =
    code("PC-B050901", "Payment is declined", "code and text [assumed]");
pub(super) const NOT_AUTHENTICATED: Code =
    code("PC-B050902", "Payer authentication failed", "code and text [assumed]");
pub(super) const SYSTEM_ERROR: Code = code("PC-B050903", "System error", "code and text [assumed]");
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
    INVALID_REQUEST,
    DECLINED,
    NOT_AUTHENTICATED,
    SYSTEM_ERROR,
    UNKNOWN_ORDER,
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
        settings::JOSE_FAILURE_STATUS
    );
    table
}
