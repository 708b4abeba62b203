//! Settings and named constants as data, for messages and generated documentation; and reading them.

use std::fmt::Write as _;

use ipnet::IpNet;
use jiff::SignedDuration;
use serde_json::{Map, Value};

use super::EnrolmentError;
use crate::checks::address::parse_network;

/// A setting of a provider.
#[derive(Clone, Copy, Debug)]
pub struct SettingDoc {
    /// Its name.
    pub name: &'static str,
    /// The values that it takes.
    pub values: &'static str,
    /// The value when nothing is set.
    pub default: &'static str,
    /// Its value in profile `documented`, where that differs.
    pub documented: Option<&'static str>,
    /// Whether an office can have its own.
    pub office: bool,
    /// The evidence behind it.
    pub why: &'static str,
}

/// A value that stands in one place, with its evidence.
#[derive(Clone, Copy, Debug)]
pub struct NamedConstant {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: &'static str,
    /// The evidence behind it.
    pub why: &'static str,
}

/// A setting that is the same in every profile and that no office has for itself.
#[must_use]
pub const fn setting(
    name: &'static str,
    values: &'static str,
    default: &'static str,
    why: &'static str,
) -> SettingDoc {
    SettingDoc {
        name,
        values,
        default,
        documented: None,
        office: false,
        why,
    }
}

impl SettingDoc {
    /// Its value in profile `documented`.
    #[must_use]
    pub const fn documented(mut self, value: &'static str) -> Self {
        self.documented = Some(value);
        self
    }

    /// An office can have its own.
    #[must_use]
    pub const fn per_office(mut self) -> Self {
        self.office = true;
        self
    }
}

/// A named constant.
#[must_use]
pub const fn constant(name: &'static str, value: &'static str, why: &'static str) -> NamedConstant {
    NamedConstant { name, value, why }
}

/// Which addresses count as allow-listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowList {
    /// Every one.
    Any,
    /// Those in these networks.
    Networks(Vec<IpNet>),
}

/// Layers of settings put together, and read as the documented values that they must be.
#[derive(Debug)]
pub struct SettingsReader {
    docs: &'static [SettingDoc],
    merged: Map<String, Value>,
    documented: bool,
}

impl SettingsReader {
    /// Puts layers together, the later ones winning.
    ///
    /// # Errors
    /// A name that is no setting, with the nearest one; a profile that does not exist.
    pub fn new(
        docs: &'static [SettingDoc],
        layers: &[&Map<String, Value>],
    ) -> Result<Self, EnrolmentError> {
        let mut merged = Map::new();
        for layer in layers {
            for (name, value) in *layer {
                merged.insert(name.clone(), value.clone());
            }
        }
        for name in merged.keys() {
            if !docs.iter().any(|setting| setting.name == name) {
                return Err(unknown(docs, name));
            }
        }
        let reader = Self {
            docs,
            documented: word(&merged, "profile")?.as_deref() == Some("documented"),
            merged,
        };
        reader.one_of("profile", &["observed", "documented"])?;
        Ok(reader)
    }

    /// Whether somebody has set it.
    #[must_use]
    pub fn is_set(&self, name: &str) -> bool {
        self.merged.contains_key(name)
    }

    /// The value as a word: set, of the profile, or the default.
    ///
    /// # Errors
    /// A value that is no word.
    ///
    /// # Panics
    /// If the setting is not documented, which is a fault in the provider's code.
    pub fn text(&self, name: &str) -> Result<String, EnrolmentError> {
        if let Some(text) = word(&self.merged, name)? {
            return Ok(text);
        }
        let doc = self
            .docs
            .iter()
            .find(|setting| setting.name == name)
            .expect("only documented settings are read");
        let documented = doc.documented.filter(|_| self.documented);
        Ok(documented.unwrap_or(doc.default).to_owned())
    }

    /// One of these words.
    ///
    /// # Errors
    /// A value that it does not take, with those that it takes.
    pub fn one_of(&self, name: &str, values: &[&str]) -> Result<String, EnrolmentError> {
        let text = self.text(name)?;
        if values.contains(&text.as_str()) {
            return Ok(text);
        }
        Err(EnrolmentError {
            member: name.to_owned(),
            reason: format!("\"{text}\" is none of its values; use {}", values.join(" or ")),
        })
    }

    /// `on` or `off`.
    ///
    /// # Errors
    /// A value that it does not take, with those that it takes.
    pub fn switch(&self, name: &str) -> Result<bool, EnrolmentError> {
        Ok(self.one_of(name, &["on", "off"])? == "on")
    }

    /// One of these HTTP statuses.
    ///
    /// # Errors
    /// A value that it does not take, with those that it takes.
    ///
    /// # Panics
    /// If one of the values is no number, which is a fault in the provider's code.
    pub fn status(&self, name: &str, values: &[&str]) -> Result<u16, EnrolmentError> {
        let text = self.one_of(name, values)?;
        Ok(text.parse().expect("the allowed values are numbers"))
    }

    /// A number of seconds.
    ///
    /// # Errors
    /// A value that it does not take, with those that it takes.
    pub fn seconds(
        &self,
        name: &str,
        least: i64,
        most: i64,
    ) -> Result<SignedDuration, EnrolmentError> {
        let text = self.text(name)?;
        match text.parse::<i64>() {
            Ok(seconds) if (least..=most).contains(&seconds) => {
                Ok(SignedDuration::from_secs(seconds))
            }
            _ => Err(EnrolmentError {
                member: name.to_owned(),
                reason: format!("\"{text}\" is no number of seconds from {least} to {most}"),
            }),
        }
    }

    /// A list of seconds, as a JSON array or as text with commas.
    ///
    /// # Errors
    /// A value that it does not take, with those that it takes.
    pub fn delays(&self, name: &str) -> Result<Vec<SignedDuration>, EnrolmentError> {
        const LATEST_S: i64 = 7 * 24 * 3600;
        let entries: Vec<String> = match self.merged.get(name) {
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().map_or_else(|| item.to_string(), ToOwned::to_owned))
                .collect(),
            _ => self.text(name)?.split(',').map(|entry| entry.trim().to_owned()).collect(),
        };
        let wrong = |what: String| EnrolmentError {
            member: name.to_owned(),
            reason: format!("{what}; write it as \"0, 30, 120\" or [0, 30, 120]"),
        };
        let mut delays: Vec<SignedDuration> = Vec::with_capacity(entries.len());
        for entry in &entries {
            let delay = match entry.parse::<i64>() {
                Ok(seconds) if (0..=LATEST_S).contains(&seconds) => {
                    SignedDuration::from_secs(seconds)
                }
                _ => {
                    let wanted = format!("no whole number of seconds from 0 to {LATEST_S}");
                    return Err(wrong(format!("\"{entry}\" is {wanted}")));
                }
            };
            if delays.last().is_some_and(|earlier| *earlier >= delay) {
                return Err(wrong(format!("{entry} is not later than the attempt before it")));
            }
            delays.push(delay);
        }
        match delays.len() {
            0 => Err(wrong("an empty list has no attempt".to_owned())),
            count if count > crate::limits::NOTIFICATION_ATTEMPTS => Err(wrong(format!(
                "{count} attempts are more than the {} that are made",
                crate::limits::NOTIFICATION_ATTEMPTS
            ))),
            _ => Ok(delays),
        }
    }

    /// A whole number.
    ///
    /// # Errors
    /// A value that it does not take, with those that it takes.
    pub fn number(&self, name: &str, least: u64, most: u64) -> Result<u64, EnrolmentError> {
        let text = self.text(name)?;
        match text.parse::<u64>() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(EnrolmentError {
                member: name.to_owned(),
                reason: format!("\"{text}\" is no whole number from {least} to {most}"),
            }),
        }
    }

    /// Words, as a JSON array or as text with commas; `None` where the value is `unset`.
    ///
    /// # Errors
    /// A value that is no word.
    pub fn words(&self, name: &str, unset: &str) -> Result<Option<Vec<String>>, EnrolmentError> {
        let words: Vec<String> = match self.merged.get(name) {
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().map_or_else(|| item.to_string(), ToOwned::to_owned))
                .collect(),
            _ => self.text(name)?.split(',').map(|entry| entry.trim().to_owned()).collect(),
        };
        Ok((words != [unset]).then_some(words))
    }

    /// `any`, or addresses and networks, as a JSON array or as text with commas.
    ///
    /// # Errors
    /// An entry that is neither.
    pub fn allow_list(&self, name: &str) -> Result<AllowList, EnrolmentError> {
        let entries: Vec<String> = match self.merged.get(name) {
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().map_or_else(|| item.to_string(), ToOwned::to_owned))
                .collect(),
            _ => self.text(name)?.split(',').map(|entry| entry.trim().to_owned()).collect(),
        };
        if entries.iter().any(|entry| entry == "any") {
            return Ok(AllowList::Any);
        }
        entries
            .iter()
            .filter(|entry| !entry.is_empty())
            .map(|entry| parse_network(entry))
            .collect::<Result<_, _>>()
            .map(AllowList::Networks)
            .map_err(|reason| EnrolmentError {
                member: name.to_owned(),
                reason,
            })
    }
}

/// A setting's value as a word: JSON may write it as a string, a number or a boolean.
fn word(merged: &Map<String, Value>, name: &str) -> Result<Option<String>, EnrolmentError> {
    match merged.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(Value::Bool(true)) => Ok(Some("on".to_owned())),
        Some(Value::Bool(false)) => Ok(Some("off".to_owned())),
        Some(other) => Err(EnrolmentError {
            member: name.to_owned(),
            reason: format!("{} is no value for it", crate::json::kind(other)),
        }),
    }
}

fn unknown(docs: &[SettingDoc], name: &str) -> EnrolmentError {
    let nearest = docs
        .iter()
        .map(|setting| setting.name)
        .max_by(|a, b| {
            let score = |known: &str| strsim::jaro_winkler(known, name);
            score(a).total_cmp(&score(b))
        })
        .unwrap_or_default();
    EnrolmentError {
        member: name.to_owned(),
        reason: format!("there is no such setting; the nearest is {nearest}"),
    }
}

/// The settings as a Markdown table, for `docs.md`.
#[must_use]
pub fn settings_table(settings: &[SettingDoc]) -> String {
    let mut table = String::from(
        "| setting | values | default | in profile `documented` | why |\n|---|---|---|---|---|\n",
    );
    for setting in settings {
        let office = if setting.office { " (*office*)" } else { "" };
        let documented = setting.documented.map_or(String::new(), |value| format!("`{value}`"));
        let _ = writeln!(
            table,
            "| `{}`{office} | {} | `{}` | {documented} | {} |",
            setting.name, setting.values, setting.default, setting.why
        );
    }
    table
}

/// The named constants as a Markdown table, for `docs.md`.
#[must_use]
pub fn constants_table(constants: &[NamedConstant]) -> String {
    let mut table = String::from("| constant | value | why |\n|---|---|---|\n");
    for constant in constants {
        let _ = writeln!(table, "| `{}` | {} | {} |", constant.name, constant.value, constant.why);
    }
    table
}
