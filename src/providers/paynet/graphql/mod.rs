//! Reads the body of a v2 query: the envelope, the GraphQL document, and the parameters in it. What
//! is wrong becomes one of the provider's E-codes, in its order; and answers are shaped by what was
//! selected.
//!
//! The parser stops after so many tokens and so many levels, and what it gave is expanded under a
//! budget: work is bounded whatever the document says.

use apollo_parser::Parser;
use serde_json::{Map, Value};

use self::document::Document;
pub(super) use self::envelope::hint;
use self::envelope::{envelope, is_json};
pub(super) use self::faults::Fault;
use self::faults::shortened;
pub(super) use self::parameters::{Parameters, When};

mod document;
mod envelope;
mod faults;
mod parameters;
mod selection;
#[cfg(test)]
mod tests;
mod values;

/// Tokens of a document: a query with all columns and every member of a summary has about 200.
pub(super) const TOKENS: usize = 2_000;

/// Levels of braces and brackets; four are of use.
pub(super) const LEVELS: usize = 24;

/// Selected fields, fragments expanded; a summary has about 20.
pub(super) const SELECTED: usize = 256;

/// Reads a body.
///
/// # Errors
/// E0012 for whatever cannot be processed, and E0010 for a field or alias that comes twice.
pub(crate) fn read(content_type: Option<&str>, body: &[u8]) -> Result<Query, Fault> {
    is_json(content_type)?;
    let envelope = envelope(body)?;
    let parser = Parser::new(&envelope.query).recursion_limit(LEVELS).token_limit(TOKENS);
    let tree = parser.parse();
    if let Some(error) = tree.errors().next() {
        return Err(Fault::unprocessable(format!(
            "the query is no GraphQL at character {}: {}{}",
            error.index(),
            shortened(error.message()),
            hint(&envelope.query)
        )));
    }
    Document::of(&tree.document(), &envelope)?.query()
}

/// The field that a query begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    /// `Report`. [public: D-gen]
    Report,
    /// `Summary`. \[assumed\]
    Summary,
}

impl Root {
    fn name(self) -> &'static str {
        match self {
            Self::Report => "Report",
            Self::Summary => "Summary",
        }
    }
}

/// A query as it was read, its values not yet judged.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Query {
    /// Which root field.
    pub root: Root,
    /// The name under which its answer stands in `data`: the alias, or the field's name.
    pub response_name: String,
    /// The argument `input`, variables put in.
    pub input: Map<String, Value>,
    /// What is asked for.
    pub selection: Vec<Selected>,
}

/// A selected field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selected {
    /// The field.
    pub name: String,
    /// The name that the client wants it under.
    pub alias: Option<String>,
    /// What is selected of it.
    pub sub: Vec<Self>,
}

impl Selected {
    fn response_name(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.name)
    }
}

/// Shapes an answer by what was selected: members in the order of the query and under its aliases,
/// `null` for those that the answer does not have, each element of a list alike.
pub(crate) fn respond(selection: &[Selected], answer: &Value) -> Value {
    match answer {
        Value::Object(members) if !selection.is_empty() => {
            let shaped = selection.iter().map(|selected| {
                let value = members.get(&selected.name).unwrap_or(&Value::Null);
                (selected.response_name().to_owned(), respond(&selected.sub, value))
            });
            Value::Object(shaped.collect())
        }
        Value::Array(items) => items.iter().map(|item| respond(selection, item)).collect(),
        other => other.clone(),
    }
}
