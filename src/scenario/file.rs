//! The scenario file: YAML, one file a lesson.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::limits;

/// A scenario file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioFile {
    /// Its name, by which it is activated.
    pub scenario: String,
    /// Whose double it scripts.
    pub provider: String,
    /// What it does, in a sentence.
    pub about: String,
    /// What a client's developer learns from it.
    pub teaches: String,
    /// Magic values are always active, behind everything else.
    #[serde(default)]
    pub magic: bool,
    /// Its rules; the first that fits counts.
    pub rules: Vec<Rule>,
}

/// One rule: a condition and its effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What the journal calls it.
    pub name: String,
    /// When it applies; empty: always.
    #[serde(default, skip_serializing_if = "When::is_empty")]
    pub when: When,
    /// What it does.
    #[serde(flatten)]
    pub effect: Effect,
    /// How often it applies before it is used up; only for armed rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

/// The condition of a rule. All that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// Only this endpoint, by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Members of the opened request, by dotted path, and the values that they must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub member: BTreeMap<String, Value>,
}

/// What a rule does. One thing, so that a client is tested against one fault at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// What the business decides.
    Outcome(Outcome),
    /// A check, by its id, that fails although the request was right.
    FailCheck(String),
    /// A refusal in the provider's own codes.
    Error(ScriptedError),
    /// How the transport misbehaves.
    Fault(Fault),
    /// How the provider's own security misbehaves.
    Misbehave(Misbehaviour),
    /// Bytes in place of any answer. The provider would never send them: last resort.
    RawReply(RawReply),
}

/// Business results in words that all providers share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All goes well.
    Success,
    /// The payment is declined by the issuer.
    Declined,
    /// The payer could not be authenticated.
    AuthenticationFailed,
    /// The provider's own system failed on it.
    SystemError,
    /// The result is not there yet: it comes later, or never.
    Pending,
}

/// A refusal in the provider's own codes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedError {
    /// The provider's code.
    pub code: String,
    /// The provider's text.
    #[serde(default)]
    pub description: Option<String>,
    /// HTTP status, where it differs from the usual one.
    #[serde(default)]
    pub status: Option<u16>,
}

/// How the transport misbehaves. The answer is recorded first, as for every exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The answer is held back so many milliseconds.
    DelayMs(u64),
    /// The body breaks off after so many bytes.
    CutAfterBytes(u64),
    /// The body drips, this many milliseconds between its pieces of 64 bytes.
    DripMs(u64),
    /// The connection is closed without an answer.
    Close(Yes),
}

/// `true`, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "bool", into = "bool")]
pub struct Yes;

impl TryFrom<bool> for Yes {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, Self::Error> {
        if value { Ok(Self) } else { Err("leave the rule out instead of writing false") }
    }
}

impl From<Yes> for bool {
    fn from(_: Yes) -> Self {
        true
    }
}

/// One thing wrong with an otherwise perfect answer, to test the client's own verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Misbehaviour {
    /// The encryption's authentication tag is changed.
    TamperedTag,
    /// The signature is made with another key.
    WrongSigningKey,
    /// The answer is encrypted to another key.
    WrongEncryptionKey,
    /// The answer names somebody else as its audience.
    WrongAudience,
    /// The answer names somebody else as its issuer.
    WrongIssuer,
    /// The answer expired long ago.
    Expired,
    /// An earlier answer to the same endpoint is sent again.
    Replayed,
}

/// Bytes in place of any answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawReply {
    /// HTTP status.
    pub status: u16,
    /// Header lines.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Body.
    #[serde(default)]
    pub body: String,
}

impl ScenarioFile {
    /// Reads a file and judges it.
    ///
    /// # Errors
    /// Everything that is wrong with it, in one text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: Self = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        if file.rules.is_empty() {
            return Err("a scenario needs at least one rule".to_owned());
        }
        for rule in &file.rules {
            rule.judge().map_err(|reason| format!("rule \"{}\": {reason}", rule.name))?;
            if rule.times.is_some() {
                return Err(format!(
                    "rule \"{}\": times counts the uses of an armed rule; a file's rules apply \
                     as long as it is active",
                    rule.name
                ));
            }
        }
        Ok(file)
    }
}

impl Rule {
    /// Judges one rule on its own.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn judge(&self) -> Result<(), String> {
        if self.times == Some(0) {
            return Err("times must be at least 1".to_owned());
        }
        match &self.effect {
            Effect::FailCheck(check) if !self.when.member.is_empty() => Err(format!(
                "{check} is judged before the request is open, so the rule cannot look at members; \
                 choose by endpoint, or arm it for one merchant"
            )),
            Effect::Fault(Fault::DelayMs(ms) | Fault::DripMs(ms))
                if u128::from(*ms) > limits::FAULT_DELAY.as_millis() =>
            {
                Err(format!("{ms} ms is longer than {} s", limits::FAULT_DELAY.as_secs()))
            }
            Effect::RawReply(raw) if !(200..=599).contains(&raw.status) => {
                Err(format!("{} is no final HTTP status", raw.status))
            }
            Effect::Error(error)
                if error.status.is_some_and(|status| !(200..=599).contains(&status)) =>
            {
                Err("status must be a final HTTP status, 200 to 599".to_owned())
            }
            _ => Ok(()),
        }
    }
}

impl When {
    fn is_empty(&self) -> bool {
        self.endpoint.is_none() && self.member.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_with_every_effect() {
        let file = ScenarioFile::parse(
            r#"
scenario: lessons
provider: paco
about: one of each
teaches: everything
rules:
  - { name: a, when: { endpoint: nonUi, member: { orderNo: "1" } }, outcome: declined }
  - { name: b, fail_check: paco.token }
  - { name: c, error: { code: PC-B050095 } }
  - { name: d, fault: { delay_ms: 10 } }
  - { name: e, fault: { close: true } }
  - { name: f, misbehave: tampered_tag }
  - { name: g, raw_reply: { status: 503, body: down } }
"#,
        )
        .expect("valid");

        assert_eq!(file.rules.len(), 7);
        assert_eq!(file.rules[0].effect, Effect::Outcome(Outcome::Declined));
        assert_eq!(file.rules[4].effect, Effect::Fault(Fault::Close(Yes)));
    }

    #[test]
    fn mistakes_in_a_file_are_named() {
        for (rule, reason) in [
            ("{ name: a, outcome: splendid }", "splendid"),
            (
                "{ name: a, fail_check: paco.token, when: { member: { a: 1 } } }",
                "before the request",
            ),
            ("{ name: a, fault: { delay_ms: 99999999 } }", "longer than"),
            ("{ name: a, fault: { close: false } }", "leave the rule out"),
            ("{ name: a, outcome: declined, times: 2 }", "armed"),
            ("{ name: a, raw_reply: { status: 99 } }", "final HTTP status"),
            ("{ name: a }", "name"),
        ] {
            let text =
                format!("scenario: s\nprovider: paco\nabout: a\nteaches: t\nrules:\n  - {rule}\n");
            let error = ScenarioFile::parse(&text).map(|file| file.scenario);
            if reason == "name" {
                assert!(error.is_err(), "a rule without an effect is refused");
            } else {
                let error = error.expect_err(reason);
                assert!(error.contains(reason), "{error}");
            }
        }
    }
}
