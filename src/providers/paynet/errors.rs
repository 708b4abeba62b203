//! The provider's error table: what the guard says, and the E-codes of the business.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::blueprint::{Refusal, Reply};
use crate::checks::Failure;

pub(super) const FORBIDDEN: &str = "Access to this resource is forbidden";
pub(super) const FIID_REQUIRED: &str = "X-Fiid is required";
pub(super) const FIID_REQUIRED_OLDER: &str = "Header value x-fiid is required";
pub(super) const TIMESTAMP_REQUIRED: &str = "Timestamp is required";
pub(super) const SIGNATURE_REQUIRED: &str = "Signature is required";
pub(super) const OUT_OF_WINDOW: &str = "Timestamp not within valid range";
pub(super) const INVALID_SIGNATURE: &str = "Invalid signature";
pub(super) const TOO_MANY_REQUESTS: &str = "Too Many Requests";
pub(super) const OTT_INVALID: &str = "OTT invalid";
pub(super) const INTERNAL: &str = "Internal server error";

/// A code of the business.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Code {
    pub code: &'static str,
    /// What it says where nothing better is known.
    pub text: &'static str,
    pub when: &'static str,
}

macro_rules! codes {
    ($($name:ident: $code:literal, $text:literal, $when:literal;)*) => {
        $(pub(super) static $name: Code = Code { code: $code, text: $text, when: $when };)*

        /// Every code, in order.
        pub(super) static CODES: &[&Code] = &[$(&$name),*];
    };
}

codes! {
    E0001: "E0001", "Date is older than 90 days", "the date is older than the retention of 90 days";
    E0002: "E0002", "Date is in the future", "the date or month is in the future, in Malaysian time";
    E0003: "E0003", "Data is not ready", "the data is not ready: the day or month is not over";
    E0004: "E0004", "Invalid value", "a value is invalid; the message names parameter and value";
    E0005: "E0005", "Date must be in format yyyy-MM-dd", "the date is not yyyy-MM-dd with leading zeros";
    E0006: "E0006", "Required field is missing", "a required field is missing, which is named";
    E0007: "E0007", "Month must be in format yyyy-MM", "the month is not yyyy-MM";
    E0010: "E0010", "Duplicate field or alias", "a field or alias is there twice";
    E0011: "E0011", "Month is older than 3 months", "the month is older than the retention of 3 months";
    E0012: "E0012", "Unprocessable request", "no content type, or a body that cannot be read";
    E9999: "E9999", "Internal error", "an internal error";
}

/// The code of that name.
pub(super) fn find(name: &str) -> Option<&'static Code> {
    CODES.iter().copied().find(|code| code.code == name)
}

/// Which of the two APIs refuses, for the shape of its errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api {
    V1,
    V2,
}

impl Api {
    /// The API of an endpoint.
    pub(super) fn of(endpoint: &str) -> Self {
        if endpoint == "query" { Self::V2 } else { Self::V1 }
    }

    /// An error as this API words it.
    pub(super) fn error(self, code: &str, message: &str) -> Value {
        match self {
            Self::V1 => json!({"success": false, "error": {"code": code, "message": message}}),
            Self::V2 => json!({
                "data": null,
                "errors": [{"message": message, "extensions": {"code": code}}],
            }),
        }
    }
}

/// A refusal of the business: 200 with a code in the body, and for the journal what was wanted.
pub(super) fn refused(api: Api, code: &'static Code, message: &str, reason: Failure) -> Refusal {
    Refusal::Business {
        reply: Reply::message(200, api.error(code.code, message)),
        reason: reason.detail(format!("{}: {}", code.code, code.when)),
    }
}

/// The codes as a Markdown table, for `docs.md`.
pub(super) fn codes_table() -> String {
    let mut table = String::from("| code | message | when |\n|---|---|---|\n");
    for code in CODES {
        let _ = writeln!(table, "| `{}` | {} | {} |", code.code, code.text, code.when);
    }
    table
}
