//! What is wrong with a body, as one of the provider's codes.

use std::fmt;

use serde_json::Value;

use crate::json;

/// The codes that a body can earn before its date is held against the clock. [public: D-resp]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// `E0004`: a value is invalid.
    InvalidValue,
    /// `E0005`: a date is not `yyyy-MM-dd`.
    DateForm,
    /// `E0006`: a required field is missing.
    Missing,
    /// `E0007`: a month is not `yyyy-MM`.
    MonthForm,
    /// `E0010`: a field or alias comes twice.
    Duplicate,
    /// `E0012`: the body cannot be processed.
    Unprocessable,
}

impl Code {
    /// As it stands in an answer.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::InvalidValue => "E0004",
            Self::DateForm => "E0005",
            Self::Missing => "E0006",
            Self::MonthForm => "E0007",
            Self::Duplicate => "E0010",
            Self::Unprocessable => "E0012",
        }
    }
}

/// Why a body is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The code on the wire.
    pub code: Code,
    /// The field, alias or parameter, where the code names one.
    pub parameter: Option<String>,
    /// Its value, cut if it is long, where the code names one.
    pub value: Option<String>,
    /// For the journal: what was found, and what would be right. The wire hides it.
    pub detail: String,
}

impl Fault {
    pub(super) fn unprocessable(detail: impl Into<String>) -> Self {
        Self {
            code: Code::Unprocessable,
            parameter: None,
            value: None,
            detail: detail.into(),
        }
    }

    pub(super) fn named(code: Code, parameter: &str, detail: impl Into<String>) -> Self {
        Self {
            code,
            parameter: Some(shortened(parameter)),
            value: None,
            detail: detail.into(),
        }
    }

    pub(super) fn invalid(code: Code, parameter: &str, value: &Value, wanted: &str) -> Self {
        let shown = match value {
            Value::String(text) => shortened(text),
            other => shortened(&other.to_string()),
        };
        Self {
            detail: format!(
                "{parameter} is {}, \"{shown}\"; wanted is {wanted}",
                json::kind(value)
            ),
            value: Some(shown),
            ..Self::named(code, parameter, "")
        }
    }
}

/// The text on the wire. [assumed; that E0004 names parameter and value and E0006 the field is
/// public: D-resp]
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameter = self.parameter.as_deref().unwrap_or_default();
        match self.code {
            Code::InvalidValue => {
                let value = self.value.as_deref().unwrap_or_default();
                write!(f, "Invalid value for {parameter}: {value}")
            }
            Code::DateForm => f.write_str("date must be in the format yyyy-MM-dd"),
            Code::Missing => write!(f, "Missing required field: {parameter}"),
            Code::MonthForm => f.write_str("month must be in the format yyyy-MM"),
            Code::Duplicate => write!(f, "Duplicate field or alias: {parameter}"),
            Code::Unprocessable => f.write_str("Unprocessable request"),
        }
    }
}

/// The beginning of a client's text.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}
