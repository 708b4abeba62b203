//! Values of the document as JSON, and the one argument that they stand in.

use std::cell::Cell;
use std::collections::BTreeMap;

use apollo_parser::cst;
use serde_json::{Map, Value};

use super::faults::{Fault, shortened};
use crate::limits;
use crate::providers::paynet::errors::{E0004, E0006, E0010};

/// The member under which a name without quotes is kept.
pub(super) const BARE_NAME: &str = "enum";

/// Bytes that variables may put into a document. Each may stand in it as often as it likes, and so a
/// long one would make much of little; once, all that a body can hold is let through.
const PUT_IN: usize = limits::REQUEST_BODY_BYTES;

/// The variables that an operation declares, with their values; those without value and default have
/// none.
#[derive(Debug)]
pub(super) struct Variables {
    declared: BTreeMap<String, Option<Value>>,
    left: Cell<usize>,
}

impl Variables {
    /// None at all.
    pub(super) fn none() -> Self {
        Self {
            declared: BTreeMap::new(),
            left: Cell::new(PUT_IN),
        }
    }

    /// Adds one; `false`: there is one of that name.
    pub(super) fn declare(&mut self, name: String, value: Option<Value>) -> bool {
        self.declared.insert(name, value).is_none()
    }

    fn put_in(&self, name: &str) -> Result<Option<Value>, Fault> {
        let declared = self.declared.get(name).ok_or_else(|| {
            Fault::unprocessable(format!(
                "${0} is not declared; the operation must begin with query(${0}: …)",
                shortened(name)
            ))
        })?;
        let size = declared.as_ref().map_or(0, size);
        let left = self.left.get().checked_sub(size).ok_or_else(|| {
            Fault::unprocessable(format!(
                "variables put more than {PUT_IN} bytes into the document; ${} has {size} and \
                 stands in it again and again",
                shortened(name)
            ))
        })?;
        self.left.set(left);
        Ok(declared.clone())
    }
}

/// About the bytes that a value takes.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len() + 8,
        Value::Array(items) => items.iter().map(size).sum::<usize>() + 8,
        Value::Object(members) => {
            members.iter().map(|(name, value)| name.len() + size(value)).sum::<usize>() + 8
        }
    }
}

/// A name's text.
pub(super) fn text(name: Option<cst::Name>) -> String {
    name.map(|name| name.text().to_string()).unwrap_or_default()
}

/// The argument `input`: an outer fault is E0012, an inner one comes later in the order.
pub(super) fn input(
    field: &cst::Field,
    variables: &Variables,
) -> Result<Result<Map<String, Value>, Fault>, Fault> {
    let mut found = None;
    let mut duplicate = None;
    for argument in field.arguments().into_iter().flat_map(|all| all.arguments()) {
        let name = text(argument.name());
        if name != "input" {
            return Err(Fault::unprocessable(format!(
                "{} is no argument here; all parameters stand in input",
                shortened(&name)
            )));
        }
        if found.is_some() {
            duplicate.get_or_insert(name);
        }
        if let Some(given) = argument.value() {
            duplicate = duplicate.or_else(|| repeated(&given));
            found = Some(value(&given, variables)?);
        }
    }
    if let Some(name) = duplicate {
        let detail = format!("{} is given twice", shortened(&name));
        return Ok(Err(Fault::named(&E0010, &name, detail)));
    }
    Ok(match found.flatten() {
        Some(Value::Object(input)) => {
            if let Some(stranger) = input.keys().find(|key| !PARAMETERS.contains(&key.as_str())) {
                let known = PARAMETERS.join(", ");
                return Err(Fault::unprocessable(format!(
                    "{} is no parameter; there are {known}",
                    shortened(stranger)
                )));
            }
            Ok(input)
        }
        None | Some(Value::Null) => {
            Err(Fault::named(&E0006, "input", "the argument input has no value"))
        }
        Some(other) => Err(Fault::invalid(&E0004, "input", &other, "an object")),
    })
}

const PARAMETERS: [&str; 5] = ["product", "report", "date", "month", "fields"];

/// The first name that an object in the document has twice.
fn repeated(value: &cst::Value) -> Option<String> {
    let cst::Value::ObjectValue(object) = value else { return None };
    let mut seen = Vec::new();
    for field in object.object_fields() {
        let name = text(field.name());
        if seen.contains(&name) {
            return Some(name);
        }
        seen.push(name);
    }
    None
}

/// A value of the document as JSON, variables put in; none for a variable without value. A name
/// without quotes becomes an object, which no parameter takes: it is not the string that is wanted.
pub(super) fn value(given: &cst::Value, variables: &Variables) -> Result<Option<Value>, Fault> {
    Ok(Some(match given {
        cst::Value::Variable(variable) => {
            return variables.put_in(&text(variable.name()));
        }
        cst::Value::StringValue(text) => Value::String(String::from(text)),
        cst::Value::BooleanValue(truth) => Value::Bool(truth.true_token().is_some()),
        cst::Value::NullValue(_) => Value::Null,
        cst::Value::IntValue(number) => {
            number.int_token().map_or(Value::Null, |token| numeric(token.text()))
        }
        cst::Value::FloatValue(number) => {
            number.float_token().map_or(Value::Null, |token| numeric(token.text()))
        }
        cst::Value::EnumValue(name) => {
            let name = name.name().map(|name| name.text().to_string()).unwrap_or_default();
            Value::Object(Map::from_iter([(BARE_NAME.to_owned(), Value::String(name))]))
        }
        cst::Value::ListValue(list) => {
            let mut items = Vec::new();
            for item in list.values() {
                items.push(value(&item, variables)?.unwrap_or(Value::Null));
            }
            Value::Array(items)
        }
        cst::Value::ObjectValue(object) => {
            let mut members = Map::new();
            for field in object.object_fields() {
                if let Some(given) = field.value()
                    && let Some(value) = value(&given, variables)?
                {
                    members.insert(text(field.name()), value);
                }
            }
            Value::Object(members)
        }
    }))
}

/// A number, which is wanted nowhere and only shown.
fn numeric(text: &str) -> Value {
    text.parse::<i64>()
        .map(Value::from)
        .or_else(|_| text.parse::<f64>().map(Value::from))
        .unwrap_or(Value::Null)
}
