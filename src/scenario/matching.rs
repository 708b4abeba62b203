//! Whether a rule fits a request.

use serde_json::Value;

use super::engine::Facts;
use super::file::When;

/// Whether everything that the condition names holds.
pub(super) fn fits(when: &When, facts: &Facts<'_>) -> bool {
    let endpoint_fits = when
        .endpoint
        .as_deref()
        .is_none_or(|wanted| facts.endpoint.is_some_and(|name| name.eq_ignore_ascii_case(wanted)));
    endpoint_fits
        && when.member.iter().all(|(path, wanted)| {
            facts
                .opened
                .and_then(|opened| member(opened, path))
                .is_some_and(|found| same(found, wanted))
        })
}

fn member<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |value, name| match value {
        Value::Object(map) => map
            .get(name)
            .or_else(|| map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v)),
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => None,
    })
}

/// YAML writes `4000` where a message says `"4000"`; both mean the same here.
fn same(found: &Value, wanted: &Value) -> bool {
    found == wanted
        || match (found, wanted) {
            (Value::String(text), Value::Number(number))
            | (Value::Number(number), Value::String(text)) => *text == number.to_string(),
            _ => false,
        }
}
