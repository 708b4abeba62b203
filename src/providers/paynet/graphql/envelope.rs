//! The envelope of GraphQL over HTTP: its media type, and JSON with the document in it.

use serde_json::{Map, Value};

use super::faults::{Fault, shortened};
use crate::json;

pub(super) fn is_json(content_type: Option<&str>) -> Result<(), Fault> {
    let Some(content_type) = content_type else {
        return Err(Fault::unprocessable("there is no Content-Type; application/json is wanted"));
    };
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(Fault::unprocessable(format!(
            "the Content-Type is \"{}\"; application/json is wanted",
            shortened(essence)
        )))
    }
}

pub(super) struct Envelope {
    pub query: String,
    pub variables: Map<String, Value>,
    pub operation_name: Option<String>,
}

/// The envelope of GraphQL over HTTP.
pub(super) fn envelope(body: &[u8]) -> Result<Envelope, Fault> {
    let mut members = json::parse_object(body).map_err(|fault| {
        let text = String::from_utf8_lossy(body);
        let is_bare = ["{", "query", "fragment"].iter().any(|start| {
            text.trim_start()
                .strip_prefix(start)
                .is_some_and(|rest| !rest.trim_start().starts_with('"') && rest.contains("Report"))
        });
        let bare = if is_bare {
            "; the query itself was sent, wanted is JSON with the query as its member \"query\""
        } else {
            ""
        };
        Fault::unprocessable(format!("the body is no JSON object: {fault}{bare}{}", hint(&text)))
    })?;
    let query = match members.shift_remove("query") {
        Some(Value::String(query)) => query,
        Some(other) => {
            return Err(Fault::unprocessable(format!(
                "\"query\" is {}, wanted is a string",
                json::kind(&other)
            )));
        }
        None => return Err(Fault::unprocessable("the body has no member \"query\"")),
    };
    let variables = match members.shift_remove("variables") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(variables)) => variables,
        Some(other) => {
            return Err(Fault::unprocessable(format!(
                "\"variables\" is {}, wanted is an object; it may have been serialised twice",
                json::kind(&other)
            )));
        }
    };
    let operation_name = match members.shift_remove("operationName") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name).filter(|name| !name.is_empty()),
        Some(other) => {
            return Err(Fault::unprocessable(format!(
                "\"operationName\" is {}, wanted is a string",
                json::kind(&other)
            )));
        }
    };
    Ok(Envelope {
        query,
        variables,
        operation_name,
    })
}

/// What the sample in the provider's older text gets wrong, if the query does so too.
pub(in super::super) fn hint(query: &str) -> String {
    let text: String = query.chars().take(4_096).filter(|letter| !letter.is_whitespace()).collect();
    let found = [
        (text.starts_with("{query"), "a pair of braces stands around \"query\", which comes first"),
        (
            text.contains("Report($"),
            "a $variable stands where the argument's name belongs: Report(input:$input), and \
             query($input:ReportParam) declares it",
        ),
        (text.contains("[]String"), "a list type is written [String]!, not []String!"),
    ];
    let hints: Vec<&str> =
        found.into_iter().filter_map(|(is_so, hint)| is_so.then_some(hint)).collect();
    if hints.is_empty() {
        return String::new();
    }
    format!("; the sample in the older documentation is no GraphQL: {}", hints.join("; "))
}
