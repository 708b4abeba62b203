//! What somebody wants of a correct request, beside its being correct: single members otherwise, a
//! version, no seals.

use serde_json::{Map, Value, json};

use crate::json;

/// A wish about a request that [`super::Client`] makes.
#[derive(Clone, Debug, Default)]
pub struct CallWish {
    /// Version of the provider's API; absent: the usual one.
    pub version: Option<String>,
    /// Members that replace the usual ones whole, in the spelling in which they are given; `null`
    /// leaves one out.
    pub body: Map<String, Value>,
    /// Values by dotted path, set after `body`, in the spelling that is there; `null` leaves the
    /// member out. A value takes the kind of the one that it replaces, as far as it can: 17 becomes
    /// "17" where a text stands.
    pub set: Map<String, Value>,
    /// Whether the request goes without its seals.
    pub plain: bool,
    /// A number that no earlier run had. While the clock stands, nothing else tells a fresh order from
    /// one of before the last start.
    pub serial: i64,
    /// What is kept of the transaction that the wish names, if there is one: the usual request is
    /// about that.
    pub known: Option<Value>,
}

/// Why a request cannot be made as it is wished.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The wish is wrong.
    #[error("{member}: {reason}")]
    Wish {
        /// The member of the wish that is wrong.
        member: String,
        /// What was found and what is wanted.
        reason: String,
        /// What to do.
        fix: String,
    },
    /// Only the merchant's owner can make this request.
    #[error(
        "the {key} private key of merchant \"{merchant}\" is not here: only its public half was \
         given"
    )]
    KeyElsewhere {
        /// The merchant.
        merchant: String,
        /// Which of its keys.
        key: &'static str,
    },
}

impl CallWish {
    /// The usual request, changed as wished.
    ///
    /// # Errors
    /// A path that leads through something that has no members.
    pub fn applied_to(
        &self,
        mut usual: Map<String, Value>,
    ) -> Result<Map<String, Value>, CallError> {
        for (name, value) in &self.body {
            if let Some(usual_name) = spelling_of(&usual, name) {
                usual.remove(&usual_name);
            }
            put(&mut usual, name, value.clone());
        }
        let mut request = Value::Object(usual);
        for (path, value) in &self.set {
            set(&mut request, path, value).map_err(|reason| CallError::Wish {
                member: format!("set.{path}"),
                reason,
                fix: "write the path as the request has it, as in transactionAmount.amount, with \
                      numbers from 0 for items of lists"
                    .to_owned(),
            })?;
        }
        match request {
            Value::Object(request) => Ok(request),
            _ => Ok(Map::new()),
        }
    }

    /// What a member at the top of the request shall be, if it is named.
    #[must_use]
    pub fn named(&self, member: &str) -> Option<&Value> {
        let mut given = self.set.iter().chain(&self.body);
        let (_, value) = given.find(|(name, _)| name.eq_ignore_ascii_case(member))?;
        (!value.is_null()).then_some(value)
    }
}

/// A member's name as it stands in the request: documents and clients differ in upper and lower case.
fn spelling_of(map: &Map<String, Value>, name: &str) -> Option<String> {
    if map.contains_key(name) {
        return Some(name.to_owned());
    }
    map.keys().find(|known| known.eq_ignore_ascii_case(name)).cloned()
}

/// Puts a member, or takes it out.
fn put(map: &mut Map<String, Value>, name: &str, value: Value) {
    if value.is_null() {
        map.remove(name);
    } else {
        map.insert(name.to_owned(), value);
    }
}

fn set(within: &mut Value, path: &str, value: &Value) -> Result<(), String> {
    let (name, rest) = match path.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    if name.is_empty() {
        return Err("the path has an empty part".to_owned());
    }
    match (within, rest) {
        (Value::Object(map), rest) => {
            let name = spelling_of(map, name).unwrap_or_else(|| name.to_owned());
            if let Some(rest) = rest {
                return set(map.entry(name).or_insert_with(|| json!({})), rest, value);
            }
            let fitting = in_kind_of(map.get(&name), value);
            put(map, &name, fitting);
            Ok(())
        }
        (Value::Array(items), _) => {
            let length = items.len();
            let index =
                name.parse::<usize>().ok().filter(|index| *index <= length).ok_or_else(|| {
                    format!("\"{name}\" is no item of a list of {length}; the next one is {length}")
                })?;
            if index == length {
                items.push(Value::Null);
            }
            match rest {
                None => items[index] = in_kind_of(items.get(index), value),
                Some(rest) => {
                    if items[index].is_null() {
                        items[index] = json!({});
                    }
                    set(&mut items[index], rest, value)?;
                }
            }
            Ok(())
        }
        (other, _) => Err(format!("\"{name}\" cannot be set inside {}", json::kind(other))),
    }
}

/// The value in the kind of the one that it replaces. Whoever writes on a command line names no
/// kinds, and a wish for one other value is no wish for another kind.
fn in_kind_of(replaced: Option<&Value>, value: &Value) -> Value {
    match (replaced, value) {
        (Some(Value::String(_)), Value::Number(_) | Value::Bool(_)) => json!(value.to_string()),
        (Some(Value::Number(_)), Value::String(text)) => match serde_json::from_str(text) {
            Ok(Value::Number(number)) => Value::Number(number),
            _ => value.clone(),
        },
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual() -> Map<String, Value> {
        let usual = json!({
            "orderNo": "A-1", "amount": {"amount": 125.5, "text": "12550"}, "items": [{"no": 1}],
        });
        usual.as_object().cloned().expect("an object")
    }

    fn wished(body: &Value, set: &Value) -> Result<Value, String> {
        let map = |value: &Value| value.as_object().cloned().expect("an object");
        let wish = CallWish {
            body: map(body),
            set: map(set),
            ..CallWish::default()
        };
        wish.applied_to(usual()).map(Value::Object).map_err(|error| error.to_string())
    }

    #[test]
    fn members_replace_whole_ones_and_paths_single_values() {
        let set = json!({
            "amount.amount": "80.50", "items.0.no": 2, "items.1.no": 3, "new.deep": true,
            "orderNo": 17,
        });
        let changed = wished(&json!({"amount": {"amount": 1}, "added": "x"}), &set);

        let wanted = json!({
            "orderNo": "17", "amount": {"amount": 80.5}, "items": [{"no": 2}, {"no": 3}],
            "added": "x", "new": {"deep": true},
        });
        assert_eq!(changed, Ok(wanted));
    }

    #[test]
    fn null_leaves_a_member_out() {
        let changed = wished(&json!({"items": null}), &json!({"amount.text": null}));

        assert_eq!(changed, Ok(json!({"orderNo": "A-1", "amount": {"amount": 125.5}})));
    }

    #[test]
    fn upper_and_lower_case_make_no_second_member() {
        let changed = wished(
            &json!({"ITEMS": [], "orderNo": "B"}),
            &json!({"OrderNo": 17, "Amount.TEXT": "1", "Amount.new": true}),
        );

        let amount = json!({"amount": 125.5, "text": "1", "new": true});
        assert_eq!(changed, Ok(json!({"orderNo": "17", "amount": amount, "ITEMS": []})));
    }

    #[test]
    fn a_path_that_leads_nowhere_is_named() {
        for (path, reason) in [
            ("orderNo.x", "set.orderNo.x: \"x\" cannot be set inside a string"),
            ("items.7.no", "\"7\" is no item of a list of 1"),
            ("items.first", "\"first\" is no item"),
            ("amount..x", "an empty part"),
        ] {
            let said = wished(&json!({}), &json!({ path: 1 })).expect_err(path);
            assert!(said.contains(reason), "{said}");
        }
    }
}
