//! Reading what somebody asks for who creates a merchant: the parts that providers share.

use serde_json::{Map, Value};

use super::EnrolmentError;

/// A merchant's id, if it can be one.
///
/// # Errors
/// What an id looks like.
pub fn valid_id(member: &str, id: &str) -> Result<String, EnrolmentError> {
    let fits = (1..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && id != "none"
        && !id.starts_with('.');
    if fits {
        return Ok(id.to_owned());
    }
    Err(EnrolmentError {
        member: member.to_owned(),
        reason: format!(
            "\"{id}\" cannot name a merchant; use 1 to 64 letters, digits, -, _ or . (and not \
             \"none\")"
        ),
    })
}

/// A member that is a text, if it is there.
///
/// # Errors
/// If it is something else.
pub fn text(
    map: &Map<String, Value>,
    path: &str,
    member: &str,
) -> Result<Option<String>, EnrolmentError> {
    match map.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(other) => Err(wrong_kind(path, "a string that is not empty", other)),
    }
}

/// Looks that a map has no other members than these.
///
/// # Errors
/// Names one that is not known.
pub fn only_known(
    path: &str,
    map: &Map<String, Value>,
    known: &[&str],
) -> Result<(), EnrolmentError> {
    match map.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(unknown) => Err(EnrolmentError {
            member: format!("{path}.{unknown}"),
            reason: format!("is not known; {path} has {}", known.join(", ")),
        }),
    }
}

/// A member of the wrong kind.
#[must_use]
pub fn wrong_kind(member: &str, wanted: &str, found: &Value) -> EnrolmentError {
    EnrolmentError {
        member: member.to_owned(),
        reason: format!("is {}, {wanted} is wanted", crate::json::kind(found)),
    }
}

/// An error of something inside a member.
#[must_use]
pub fn inside(path: &str, error: EnrolmentError) -> EnrolmentError {
    EnrolmentError {
        member: format!("{path}.{}", error.member),
        reason: error.reason,
    }
}
