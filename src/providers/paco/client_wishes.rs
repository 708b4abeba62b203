//! What becomes of a wish about a request: amounts whose other members follow, a version that
//! exists, a query.

use std::collections::BTreeSet;

use serde_json::{Map, Number, Value};

use super::constants::API_VERSIONS;
use crate::blueprint::{CallError, CallWish};
use crate::money::Amount;

/// An amount says the same thing twice. Whoever wishes one half otherwise wants a correct request
/// about another sum, so the other half follows; whoever gives both means what they say.
pub(super) fn amounts_that_follow(
    wish: &CallWish,
    mut request: Map<String, Value>,
) -> Map<String, Value> {
    let members = |path: &str| -> Option<(String, String)> {
        let (amount, member) = path.rsplit_once('.')?;
        Some((amount.to_ascii_lowercase(), member.to_ascii_lowercase()))
    };
    let given: BTreeSet<(String, String)> =
        wish.set.keys().filter_map(|path| members(path)).collect();
    let amounts: BTreeSet<&String> = given
        .iter()
        .filter(|(_, member)| ["amount", "amounttext", "decimalplaces"].contains(&member.as_str()))
        .map(|(amount, _)| amount)
        .collect();
    for path in amounts {
        let is_given = |member: &str| given.contains(&(path.clone(), member.to_owned()));
        let Some(amount) = amount_at(&mut request, path) else {
            continue;
        };
        match (is_given("amount"), is_given("amounttext")) {
            (true, true) => {}
            (true, false) => text_follows(amount),
            (false, _) => number_follows(amount),
        }
    }
    request
}

fn amount_at<'r>(
    within: &'r mut Map<String, Value>,
    path: &str,
) -> Option<&'r mut Map<String, Value>> {
    let mut steps = path.split('.');
    let first = steps.next()?;
    let mut found = member(within, first)?;
    for step in steps {
        found = match found {
            Value::Object(map) => member(map, step)?,
            Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    found.as_object_mut()
}

fn member<'r>(map: &'r mut Map<String, Value>, name: &str) -> Option<&'r mut Value> {
    map.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// What is no sum stays beside its old text: then the wish was for a wrong request.
fn text_follows(amount: &mut Map<String, Value>) {
    let number = match amount.get("amount") {
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::String(text)) => text.clone(),
        _ => return,
    };
    let Some(exponent) = places(amount) else { return };
    if let Ok(minor) = Amount::minor_units_of(&number, exponent) {
        amount.insert("amountText".to_owned(), Value::String(format!("{minor:012}")));
    }
}

fn number_follows(amount: &mut Map<String, Value>) {
    let minor = amount.get("amountText").and_then(Value::as_str).and_then(|text| text.parse().ok());
    let (Some(minor), Some(exponent)) = (minor, places(amount)) else { return };
    let sum = Amount {
        minor,
        currency: String::new(),
        exponent,
    };
    if let Ok(number) = serde_json::from_str::<Number>(&sum.major()) {
        amount.insert("amount".to_owned(), Value::Number(number));
    }
}

fn places(amount: &Map<String, Value>) -> Option<u8> {
    let places = amount.get("decimalPlaces")?.as_u64()?;
    u8::try_from(places).ok().filter(|places| *places <= 6)
}

/// A version that the paths can have.
pub(super) fn checked_version(version: &str) -> Result<&str, CallError> {
    if API_VERSIONS.contains(&version) {
        return Ok(version);
    }
    Err(CallError::Wish {
        member: "version".to_owned(),
        reason: format!("\"{version}\" is no version of this API"),
        fix: format!("use one of {}, or leave it out", API_VERSIONS.join(", ")),
    })
}

/// The query that says what a request says.
pub(super) fn query(request: &Map<String, Value>) -> Result<String, CallError> {
    let pairs: Result<Vec<String>, CallError> = request
        .iter()
        .map(|(name, value)| match value {
            Value::String(text) => Ok(format!("{name}={}", escaped(text))),
            Value::Number(_) | Value::Bool(_) => Ok(format!("{name}={value}")),
            other => Err(CallError::Wish {
                member: name.clone(),
                reason: format!("is {}, and a query has texts only", crate::json::kind(other)),
                fix: format!("set {name} to a text"),
            }),
        })
        .collect();
    Ok(pairs?.join("&"))
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_other_half_of_an_amount_follows() {
        let usual =
            json!({"a": {"amountText": "000000012550", "decimalPlaces": 2, "amount": 125.5}});
        for (set, wanted) in [
            (json!({"a.amount": 80}), ("000000008000", json!(80), 2)),
            (json!({"A.Amount": "80.5"}), ("000000008050", json!(80.5), 2)),
            (json!({"a.amountText": "000000000001"}), ("000000000001", json!(0.01), 2)),
            (json!({"a.decimalPlaces": 0}), ("000000012550", json!(12550), 0)),
            (json!({"a.decimalPlaces": 0, "a.amount": 7}), ("000000000007", json!(7), 0)),
            // Both given: what is wrong is meant to be.
            (json!({"a.amount": 1, "a.amountText": "7"}), ("7", json!(1), 2)),
            // No sum: nothing can follow.
            (json!({"a.amount": -1}), ("000000012550", json!(-1), 2)),
            (json!({"a.amount": 0.001}), ("000000012550", json!(0.001), 2)),
        ] {
            let wish = CallWish {
                set: set.as_object().cloned().unwrap_or_default(),
                ..CallWish::default()
            };
            let usual = usual.as_object().cloned().unwrap_or_default();
            let request = wish.applied_to(usual).expect("a path that exists");

            let request = amounts_that_follow(&wish, request);

            let (text, number, places) = wanted;
            let wanted = json!({"amountText": text, "decimalPlaces": places, "amount": number});
            assert_eq!(request["a"], wanted, "{set}");
        }
    }

    #[test]
    fn a_query_escapes_what_could_mean_something() {
        let request = json!({"orderNo": "A 1&x=ü", "n": 7});

        let query = query(request.as_object().expect("an object")).expect("texts");

        assert_eq!(query, "orderNo=A%201%26x%3D%C3%BC&n=7");
    }
}
