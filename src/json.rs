//! Strict reading of JSON that a client sent: duplicate members, excessive depth and invalid UTF-8
//! are named instead of being smoothed over.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use crate::limits;

/// Why bytes are not acceptable JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// The bytes are not UTF-8, which RFC 8259 §8.1 demands.
    #[error("the text is not UTF-8 from byte {at} on")]
    NotUtf8 {
        /// Offset of the first bad byte.
        at: usize,
    },
    /// Nothing but white space.
    #[error("the text is empty")]
    Empty,
    /// Not JSON, or a member twice, or nested too deeply.
    #[error("{0}")]
    Syntax(String),
}

/// Reads one JSON text.
///
/// # Errors
/// Anything that RFC 8259 forbids, a member that occurs twice in one object, nesting beyond 128
/// levels, or more members than [`limits::JSON_MEMBERS`].
pub fn parse(bytes: &[u8]) -> Result<Value, JsonFault> {
    let text = std::str::from_utf8(bytes).map_err(|error| JsonFault::NotUtf8 {
        at: error.valid_up_to(),
    })?;
    if text.trim().is_empty() {
        return Err(JsonFault::Empty);
    }
    let mut members = 0;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Strict {
        members: &mut members,
    }
    .deserialize(&mut deserializer)
    .and_then(|value| deserializer.end().map(|()| value))
    .map_err(|error| JsonFault::Syntax(error.to_string()))?;
    Ok(value)
}

/// Reads one JSON object.
///
/// # Errors
/// As [`parse`], and for any value that is not an object.
pub fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>, JsonFault> {
    match parse(bytes)? {
        Value::Object(map) => Ok(map),
        other => {
            Err(JsonFault::Syntax(format!("a JSON object is wanted, the text is {}", kind(&other))))
        }
    }
}

/// What a value is, in words for an explanation.
#[must_use]
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

struct Strict<'m> {
    members: &'m mut usize,
}

impl Strict<'_> {
    fn count<E: serde::de::Error>(&mut self) -> Result<(), E> {
        *self.members += 1;
        if *self.members > limits::JSON_MEMBERS {
            return Err(E::custom(format!(
                "more than {} members and elements",
                limits::JSON_MEMBERS
            )));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(Strict {
            members: self.members,
        })? {
            self.count()?;
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            self.count()?;
            match map.entry(name) {
                Entry::Vacant(place) => {
                    let value = access.next_value_seed(Strict {
                        members: self.members,
                    })?;
                    place.insert(value);
                }
                Entry::Occupied(taken) => {
                    let name = taken.key();
                    return Err(A::Error::custom(format!("the member \"{name}\" occurs twice")));
                }
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_json_is_read_in_its_order() {
        let value = parse(br#"{"b":1,"a":[true,null,-2,0.5,"x"]}"#).expect("valid");

        assert_eq!(value.to_string(), r#"{"b":1,"a":[true,null,-2,0.5,"x"]}"#);
    }

    #[test]
    fn what_is_not_strict_json_is_refused_with_its_reason() {
        let deep = "[".repeat(10_000);
        let many = format!("[{}1]", "1,".repeat(limits::JSON_MEMBERS));
        for (text, reason) in [
            ("", "empty"),
            (" \n", "empty"),
            (r#"{"a":1,"a":2}"#, "\"a\" occurs twice"),
            (r#"{"a":{"b":1,"b":2}}"#, "\"b\" occurs twice"),
            ("{\"a\":1} x", "trailing"),
            (deep.as_str(), "recursion limit"),
            (many.as_str(), "more than"),
        ] {
            let fault = parse(text.as_bytes()).expect_err(reason).to_string();
            assert!(fault.contains(reason), "{fault}");
        }
        assert_eq!(parse(b"{\"a\":\"\xff\"}"), Err(JsonFault::NotUtf8 { at: 6 }));
        assert!(parse_object(b"[]").is_err());
    }
}
