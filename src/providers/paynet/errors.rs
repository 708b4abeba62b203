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
    /// What it says.
    pub text: &'static str,
    /// What it names behind that, with a blank for each.
    names: &'static str,
    pub when: &'static str,
}

impl Code {
    /// The message, its blanks filled in their order.
    pub(super) fn naming(&self, values: &[&str]) -> String {
        let mut message = self.text.to_owned();
        let mut rest = self.names;
        let mut values = values.iter();
        while let Some((before, after)) = rest.split_once('{') {
            message.push_str(before);
            message.push_str(values.next().copied().unwrap_or_default());
            rest = after.split_once('}').map_or("", |(_, after)| after);
        }
        message + rest
    }
}

macro_rules! codes {
    ($($name:ident: $code:literal, $text:literal $names:literal, $when:literal;)*) => {
        $(pub(super) static $name: Code = Code {
            code: $code,
            text: $text,
            names: $names,
            when: $when,
        };)*

        /// Every code, in order.
        pub(super) static CODES: &[&Code] = &[$(&$name),*];
    };
}

codes! {
    E0001: "E0001", "Date is older than 90 days" "", "the date is older than the retention of 90 days";
    E0002: "E0002", "Date is in the future" "", "the date or month is in the future, in Malaysian time";
    E0003: "E0003", "Data is not ready" "", "the data is not ready: the day or month is not over";
    E0004: "E0004", "Invalid value" " for {parameter}: {value}", "a value is invalid";
    E0005: "E0005", "Date must be in format yyyy-MM-dd" "", "the date is not yyyy-MM-dd with leading zeros";
    E0006: "E0006", "Required field is missing" ": {field}", "a required field is missing";
    E0007: "E0007", "Month must be in format yyyy-MM" "", "the month is not yyyy-MM";
    E0010: "E0010", "Duplicate field or alias" ": {name}", "a field or alias is there twice";
    E0011: "E0011", "Month is older than 3 months" "", "the month is older than the retention of 3 months";
    E0012: "E0012", "Unprocessable request" "", "no content type, or a body that cannot be read";
    E9999: "E9999", "Internal error" "", "an internal error";
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

/// An error of the token endpoint.
#[derive(Debug)]
pub(super) struct TokenError {
    pub error: &'static str,
    pub description: &'static str,
    pub when: &'static str,
}

/// What the token endpoint can answer (RFC 6749 §5.2), with 400 all but `invalid_client`. PayNet's own
/// descriptions are not published. \[assumed\]
pub(super) static TOKEN_ERRORS: [TokenError; 5] = [
    TokenError {
        error: "invalid_request",
        description: "The request is missing a parameter, repeats one, or is malformed",
        when: "no form, a parameter that is missing, empty or repeated, credentials in two places",
    },
    TokenError {
        error: "unsupported_grant_type",
        description: "The grant type is not supported",
        when: "another grant than client_credentials",
    },
    TokenError {
        error: "invalid_client",
        description: "Client authentication failed",
        when: "an unknown client or a wrong secret; its status is `invalid_client_status`",
    },
    TokenError {
        error: "unauthorized_client",
        description: "The client is not authorized to use this grant type",
        when: "a client that is not allowed this grant: by the scenario `paynet-unauthorized-client`",
    },
    TokenError {
        error: "invalid_scope",
        description: "The scope is invalid",
        when: "a scope, since none is known",
    },
];

/// The errors of the token endpoint as a Markdown table, for `docs.md`.
pub(super) fn token_errors_table() -> String {
    let mut table = String::from("| error | description | when |\n|---|---|---|\n");
    for TokenError {
        error,
        description,
        when,
    } in &TOKEN_ERRORS
    {
        let _ = writeln!(table, "| `{error}` | {description} | {when} |");
    }
    table
}

/// The codes as a Markdown table, for `docs.md`.
pub(super) fn codes_table() -> String {
    let mut table = String::from("| code | message | when |\n|---|---|---|\n");
    for code in CODES {
        let Code {
            code,
            text,
            names,
            when,
        } = code;
        let _ = writeln!(table, "| `{code}` | {text}{names} | {when} |");
    }
    table
}
