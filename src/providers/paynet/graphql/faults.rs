//! What is wrong with a body, as one of the provider's codes.

use std::fmt;

use serde_json::Value;

use super::values::BARE_NAME;
use crate::json;
use crate::providers::paynet::errors::{Code, E0012};

/// Why a body is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The code on the wire.
    pub code: &'static Code,
    /// The field, alias or parameter, where the code names one.
    pub parameter: Option<String>,
    /// Its value, cut if it is long, where the code names one.
    pub value: Option<String>,
    /// For the journal: what would be right, where that can be said in a few words.
    pub wanted: Option<String>,
    /// For the journal: what was found. The wire hides it.
    pub detail: String,
}

impl Fault {
    pub(super) fn unprocessable(detail: impl Into<String>) -> Self {
        Self {
            code: &E0012,
            parameter: None,
            value: None,
            wanted: None,
            detail: detail.into(),
        }
    }

    pub(super) fn named(code: &'static Code, parameter: &str, detail: impl Into<String>) -> Self {
        Self {
            code,
            parameter: Some(shortened(parameter)),
            value: None,
            wanted: None,
            detail: detail.into(),
        }
    }

    pub(super) fn invalid(
        code: &'static Code,
        parameter: &str,
        value: &Value,
        wanted: &str,
    ) -> Self {
        let shown = match value {
            Value::String(text) => shortened(text),
            // A name without quotes, as the reader of values keeps it.
            Value::Object(members) if members.len() == 1 && members.contains_key(BARE_NAME) => {
                shortened(members[BARE_NAME].as_str().unwrap_or_default())
            }
            other => shortened(&other.to_string()),
        };
        let kind = match value {
            Value::String(_) => String::new(),
            other => format!("{}, ", json::kind(other)),
        };
        Self {
            wanted: Some(format!("{wanted} in {parameter}")),
            detail: format!("{kind}\"{shown}\""),
            value: Some(shown),
            ..Self::named(code, parameter, "")
        }
    }
}

/// The text on the wire. [assumed; that E0004 names parameter and value and E0006 the field is
/// public: D-resp]
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [&self.parameter, &self.value].map(|name| name.as_deref().unwrap_or_default());
        f.write_str(&self.code.naming(&names))
    }
}

/// The beginning of a client's text.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}
