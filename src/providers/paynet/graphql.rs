//! Reads the body of a v2 query: the envelope, the GraphQL document, and the parameters in it. What
//! is wrong becomes one of the provider's E-codes, in its order; and answers are shaped by what was
//! selected.
//!
//! The parser stops after so many tokens and so many levels, and what it gave is expanded under a
//! budget: work is bounded whatever the document says.

use std::collections::BTreeMap;
use std::fmt;

use apollo_parser::{Parser, cst};
use jiff::civil::Date;
use serde_json::{Map, Value};

use super::reports::Product;
use super::reports::calendar::{Month, read_date, read_month};
use super::reports::catalogue::V2Kind;
use super::reports::csv::{ColumnFault, Columns, Dialect};
use super::reports::summary::Summary;
use crate::json;

/// Tokens of a document: a query with all columns and every member of a summary has about 200.
const TOKENS: usize = 2_000;

/// Levels of braces and brackets; four are of use.
const LEVELS: usize = 24;

/// Selected fields, fragments expanded; a summary has about 20.
const SELECTED: usize = 256;

/// Levels of selections, fragments expanded.
const SELECTED_LEVELS: usize = 8;

/// The codes that a body can earn before its date is held against the clock. [public: D-resp]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// `E0004`: a value is invalid.
    InvalidValue,
    /// `E0005`: a date is not `yyyy-MM-dd`.
    DateForm,
    /// `E0006`: a required field is missing.
    Missing,
    /// `E0007`: a month is not `yyyy-MM`.
    MonthForm,
    /// `E0010`: a field or alias comes twice.
    Duplicate,
    /// `E0012`: the body cannot be processed.
    Unprocessable,
}

impl Code {
    /// As it stands in an answer.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::InvalidValue => "E0004",
            Self::DateForm => "E0005",
            Self::Missing => "E0006",
            Self::MonthForm => "E0007",
            Self::Duplicate => "E0010",
            Self::Unprocessable => "E0012",
        }
    }
}

/// Why a body is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The code on the wire.
    pub code: Code,
    /// The field, alias or parameter, where the code names one.
    pub parameter: Option<String>,
    /// Its value, cut if it is long, where the code names one.
    pub value: Option<String>,
    /// For the journal: what was found, and what would be right. The wire hides it.
    pub detail: String,
}

impl Fault {
    fn unprocessable(detail: impl Into<String>) -> Self {
        Self {
            code: Code::Unprocessable,
            parameter: None,
            value: None,
            detail: detail.into(),
        }
    }

    fn named(code: Code, parameter: &str, detail: impl Into<String>) -> Self {
        Self {
            code,
            parameter: Some(shortened(parameter)),
            value: None,
            detail: detail.into(),
        }
    }

    fn invalid(code: Code, parameter: &str, value: &Value, wanted: &str) -> Self {
        let shown = match value {
            Value::String(text) => shortened(text),
            other => shortened(&other.to_string()),
        };
        Self {
            detail: format!(
                "{parameter} is {}, \"{shown}\"; wanted is {wanted}",
                json::kind(value)
            ),
            value: Some(shown),
            ..Self::named(code, parameter, "")
        }
    }
}

/// The text on the wire. [assumed; that E0004 names parameter and value and E0006 the field is
/// public: D-resp]
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameter = self.parameter.as_deref().unwrap_or_default();
        match self.code {
            Code::InvalidValue => {
                let value = self.value.as_deref().unwrap_or_default();
                write!(f, "Invalid value for {parameter}: {value}")
            }
            Code::DateForm => f.write_str("date must be in the format yyyy-MM-dd"),
            Code::Missing => write!(f, "Missing required field: {parameter}"),
            Code::MonthForm => f.write_str("month must be in the format yyyy-MM"),
            Code::Duplicate => write!(f, "Duplicate field or alias: {parameter}"),
            Code::Unprocessable => f.write_str("Unprocessable request"),
        }
    }
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

/// The parameters of a query, judged in all but the clock and the client's entitlement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parameters {
    /// The product.
    pub product: Product,
    /// The report as it was sent.
    pub report: String,
    /// The report; none if it is a magic value.
    pub kind: Option<V2Kind>,
    /// The day or month; a magic report needs none.
    pub when: Option<When>,
    /// The columns of the itemised file; all of them where none were named.
    pub columns: Columns,
}

/// What a query asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// A day.
    Day(Date),
    /// A month.
    Month(Month),
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

fn is_json(content_type: Option<&str>) -> Result<(), Fault> {
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

struct Envelope {
    query: String,
    variables: Map<String, Value>,
    operation_name: Option<String>,
}

/// The envelope of GraphQL over HTTP.
fn envelope(body: &[u8]) -> Result<Envelope, Fault> {
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
fn hint(query: &str) -> String {
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

/// The operation that is asked for, and what it may refer to.
struct Document {
    operation: cst::OperationDefinition,
    fragments: BTreeMap<String, cst::FragmentDefinition>,
    variables: BTreeMap<String, Option<Value>>,
}

fn text(name: Option<cst::Name>) -> String {
    name.map(|name| name.text().to_string()).unwrap_or_default()
}

impl Document {
    fn of(document: &cst::Document, envelope: &Envelope) -> Result<Self, Fault> {
        let mut fragments = BTreeMap::new();
        let mut operations: Vec<cst::OperationDefinition> = Vec::new();
        for definition in document.definitions() {
            match definition {
                cst::Definition::OperationDefinition(operation) => operations.push(operation),
                cst::Definition::FragmentDefinition(fragment) => {
                    let name = text(fragment.fragment_name().and_then(|name| name.name()));
                    if fragments.insert(name.clone(), fragment).is_some() {
                        return Err(Fault::unprocessable(format!(
                            "the fragment {} is defined twice",
                            shortened(&name)
                        )));
                    }
                }
                other => {
                    return Err(Fault::unprocessable(format!(
                        "{} is no part of a query",
                        other.kind()
                    )));
                }
            }
        }
        let operation = the_one(operations, envelope.operation_name.as_deref())?;
        if let Some(kind) = operation.operation_type()
            && kind.query_token().is_none()
        {
            return Err(Fault::unprocessable("only queries are served, no mutations"));
        }
        no_directives(operation.directives())?;
        let mut found = Self {
            operation,
            fragments,
            variables: BTreeMap::new(),
        };
        found.declare(&envelope.variables)?;
        Ok(found)
    }

    /// Declared variables with their values; those without value and default have none. Their types
    /// are not held against anything: the provider's are not published, and values are judged later.
    fn declare(&mut self, sent: &Map<String, Value>) -> Result<(), Fault> {
        let Some(definitions) = self.operation.variable_definitions() else { return Ok(()) };
        for definition in definitions.variable_definitions() {
            no_directives(definition.directives())?;
            let name = text(definition.variable().and_then(|variable| variable.name()));
            let value = match sent.get(&name) {
                Some(value) => Some(value.clone()),
                None => match definition.default_value().and_then(|default| default.value()) {
                    // A default may not refer to variables: none are known while it is read.
                    Some(default) => value(&default, &BTreeMap::new())?,
                    None => None,
                },
            };
            if self.variables.insert(name.clone(), value).is_some() {
                return Err(Fault::unprocessable(format!(
                    "the variable ${} is declared twice",
                    shortened(&name)
                )));
            }
        }
        Ok(())
    }

    fn query(&self) -> Result<Query, Fault> {
        let mut expansion = Expansion {
            document: self,
            budget: SELECTED,
            open: Vec::new(),
        };
        let mut fields = Vec::new();
        expansion.collect(self.operation.selection_set(), 0, &mut fields)?;
        if let Some((refused, _)) = fields.iter().find(|(field, _)| field.name.starts_with("__")) {
            return Err(Fault::unprocessable(format!(
                "{} asks for the schema, which is not served",
                shortened(&refused.name)
            )));
        }
        let mut roots = Vec::new();
        for (field, node) in fields {
            let root = [Root::Report, Root::Summary]
                .into_iter()
                .find(|root| root.name() == field.name)
                .ok_or_else(|| {
                    Fault::unprocessable(format!(
                        "there is no field {}; queries begin with Report or Summary",
                        shortened(&field.name)
                    ))
                })?;
            check_selection(root.name(), &field.sub)?;
            roots.push((root, input(&node, &self.variables)?, field));
        }
        let distinct = unique(roots.iter().map(|(_, _, field)| field));
        if roots.len() != 1 && distinct.is_ok() {
            return Err(Fault::unprocessable(format!(
                "the operation has {} root fields, one is served",
                roots.len()
            )));
        }
        distinct?;
        let (root, input, field) = roots.swap_remove(0);
        all_unique(&field.sub)?;
        let input = input?;
        Ok(Query {
            root,
            response_name: field.response_name().to_owned(),
            input,
            selection: field.sub,
        })
    }
}

fn the_one(
    operations: Vec<cst::OperationDefinition>,
    wanted: Option<&str>,
) -> Result<cst::OperationDefinition, Fault> {
    let count = operations.len();
    let mut fitting = operations
        .into_iter()
        .filter(|operation| wanted.is_none_or(|wanted| text(operation.name()) == wanted));
    match (fitting.next(), fitting.next(), wanted) {
        (Some(operation), None, _) => Ok(operation),
        (None, _, None) => Err(Fault::unprocessable("the document has no operation")),
        (None, _, Some(wanted)) => Err(Fault::unprocessable(format!(
            "operationName is \"{}\", and no operation has that name",
            shortened(wanted)
        ))),
        (Some(_), Some(_), _) => Err(Fault::unprocessable(format!(
            "the document has {count} operations; operationName must name one of them"
        ))),
    }
}

fn no_directives(directives: Option<cst::Directives>) -> Result<(), Fault> {
    match directives.and_then(|directives| directives.directives().next()) {
        None => Ok(()),
        Some(directive) => Err(Fault::unprocessable(format!(
            "the directive @{} is not served",
            shortened(&text(directive.name()))
        ))),
    }
}

/// Expands fragments under a budget, so that those that multiply each other end.
struct Expansion<'d> {
    document: &'d Document,
    budget: usize,
    open: Vec<String>,
}

impl Expansion<'_> {
    fn collect(
        &mut self,
        set: Option<cst::SelectionSet>,
        level: usize,
        into: &mut Vec<(Selected, cst::Field)>,
    ) -> Result<(), Fault> {
        if level > SELECTED_LEVELS || self.open.len() > SELECTED_LEVELS {
            return Err(Fault::unprocessable(format!(
                "selections are nested more than {SELECTED_LEVELS} levels deep"
            )));
        }
        for selection in set.into_iter().flat_map(|set| set.selections()) {
            self.budget = self.budget.checked_sub(1).ok_or_else(|| {
                Fault::unprocessable(format!("more than {SELECTED} fields are selected"))
            })?;
            match selection {
                cst::Selection::Field(field) => {
                    no_directives(field.directives())?;
                    let mut below = Vec::new();
                    self.collect(field.selection_set(), level + 1, &mut below)?;
                    let selected = Selected {
                        name: text(field.name()),
                        alias: field.alias().map(|alias| text(alias.name())),
                        sub: below.into_iter().map(|(selected, _)| selected).collect(),
                    };
                    into.push((selected, field));
                }
                cst::Selection::InlineFragment(fragment) => {
                    no_directives(fragment.directives())?;
                    self.collect(fragment.selection_set(), level + 1, into)?;
                }
                cst::Selection::FragmentSpread(spread) => {
                    no_directives(spread.directives())?;
                    let name = text(spread.fragment_name().and_then(|name| name.name()));
                    if self.open.contains(&name) {
                        return Err(Fault::unprocessable(format!(
                            "the fragment {} contains itself",
                            shortened(&name)
                        )));
                    }
                    let fragment = self.document.fragments.get(&name).ok_or_else(|| {
                        Fault::unprocessable(format!("there is no fragment {}", shortened(&name)))
                    })?;
                    self.open.push(name);
                    self.collect(fragment.selection_set(), level, into)?;
                    self.open.pop();
                }
            }
        }
        Ok(())
    }
}

const REPORT_MEMBERS: [&str; 5] = ["status", "url", "expiry", "checksum", "rows"];
const CHECKSUM_MEMBERS: [&str; 3] = ["rows", "size", "md5hash"];

/// Holds a selection against the published names. Both roots answer both kinds of report, as it is
/// not known which of them does; the lines of a summary stand in `rows`, and their members may be
/// asked for directly. \[assumed\]
fn check_selection(root: &str, selection: &[Selected]) -> Result<(), Fault> {
    let lines: Vec<&str> =
        Summary::members(false).into_iter().chain(Summary::members(true)).collect();
    if selection.is_empty() {
        return Err(Fault::unprocessable(format!(
            "{root} needs a selection, such as {{status url expiry checksum{{rows size md5hash}}}}"
        )));
    }
    for field in selection {
        let below: &[&str] = match field.name.as_str() {
            "checksum" => &CHECKSUM_MEMBERS,
            "rows" => &lines,
            _ => &[],
        };
        let name = field.name.as_str();
        if !REPORT_MEMBERS.contains(&name) && !lines.contains(&name) {
            return Err(no_field(root, name, &[&REPORT_MEMBERS[..], &lines].concat()));
        }
        if below.is_empty() != field.sub.is_empty() {
            let wrong = if below.is_empty() { "has no fields" } else { "needs a selection" };
            return Err(Fault::unprocessable(format!("{name} of {root} {wrong}")));
        }
        for inner in &field.sub {
            if !below.contains(&inner.name.as_str()) {
                return Err(no_field(name, &inner.name, below));
            }
            if !inner.sub.is_empty() {
                return Err(Fault::unprocessable(format!(
                    "{} of {name} has no fields",
                    inner.name
                )));
            }
        }
    }
    Ok(())
}

fn no_field(of: &str, name: &str, known: &[&str]) -> Fault {
    let name = shortened(name);
    if name.starts_with("__") {
        return Fault::unprocessable(format!("{name} asks for the schema, which is not served"));
    }
    let nearest = known.iter().min_by_key(|known| strsim::levenshtein(known, &name));
    Fault::unprocessable(format!(
        "{of} has no field {name}; the nearest is {}",
        nearest.copied().unwrap_or_default()
    ))
}

fn unique<'s>(selection: impl IntoIterator<Item = &'s Selected>) -> Result<(), Fault> {
    let mut seen = Vec::new();
    for field in selection {
        let name = field.response_name();
        if seen.contains(&name) {
            return Err(Fault::named(
                Code::Duplicate,
                name,
                format!("{} is selected twice; each name may stand once", shortened(name)),
            ));
        }
        seen.push(name);
    }
    Ok(())
}

fn all_unique(selection: &[Selected]) -> Result<(), Fault> {
    unique(selection)?;
    selection.iter().try_for_each(|field| all_unique(&field.sub))
}

/// The argument `input`: an outer fault is E0012, an inner one comes later in the order.
fn input(
    field: &cst::Field,
    variables: &BTreeMap<String, Option<Value>>,
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
        return Ok(Err(Fault::named(Code::Duplicate, &name, detail)));
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
            Err(Fault::named(Code::Missing, "input", "the argument input has no value"))
        }
        Some(other) => Err(Fault::invalid(Code::InvalidValue, "input", &other, "an object")),
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
fn value(
    given: &cst::Value,
    variables: &BTreeMap<String, Option<Value>>,
) -> Result<Option<Value>, Fault> {
    Ok(Some(match given {
        cst::Value::Variable(variable) => {
            let name = text(variable.name());
            return variables.get(&name).cloned().ok_or_else(|| {
                Fault::unprocessable(format!(
                    "${0} is not declared; the operation must begin with query(${0}: …)",
                    shortened(&name)
                ))
            });
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
            Value::Object(Map::from_iter([("enum".to_owned(), Value::String(name))]))
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

impl Query {
    /// Judges the parameters, in the provider's order: E0010, E0006, E0004, then E0005 or E0007.
    /// With `magic`, a report may also be an E-code or `SLOW`, and needs no date. \[assumed\]
    ///
    /// # Errors
    /// The first fault in that order.
    pub(crate) fn parameters(&self, dialect: Dialect, magic: bool) -> Result<Parameters, Fault> {
        let fields = self.present("fields");
        let names: Vec<&str> = match fields {
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        for (at, name) in names.iter().enumerate() {
            if names[..at].contains(name) {
                let detail = format!("fields names {} twice", shortened(name));
                return Err(Fault::named(Code::Duplicate, name, detail));
            }
        }

        let report = self.present("report");
        let kind = report.and_then(Value::as_str).and_then(V2Kind::find);
        let is_magic = magic
            && report.and_then(Value::as_str).is_some_and(|report| {
                let is_code = |report: &str| {
                    report.len() == 5
                        && report.starts_with(['E', 'e'])
                        && report.bytes().skip(1).all(|byte| byte.is_ascii_digit())
                };
                report.eq_ignore_ascii_case("SLOW") || is_code(report)
            });
        let mut required = vec!["product", "report"];
        match kind {
            Some(V2Kind::Itemised) => required.extend(["date", "fields"]),
            Some(V2Kind::Month) => required.push("month"),
            Some(_) => required.push("date"),
            None => (),
        }
        if let Some(missing) = required.into_iter().find(|name| self.present(name).is_none()) {
            let detail = format!("{missing} has no value");
            return Err(Fault::named(Code::Missing, missing, detail));
        }

        let invalid = |name: &str, value: &Value, wanted: &str| {
            Err(Fault::invalid(Code::InvalidValue, name, value, wanted))
        };
        for name in ["product", "report", "date", "month"] {
            if let Some(value) = self.present(name).filter(|value| !value.is_string()) {
                return invalid(name, value, "a string");
            }
        }
        let product_text = self.text("product");
        let Some(product) = Product::of_v2(product_text) else {
            return invalid("product", &product_text.into(), "MYD or RPP");
        };
        let report_text = self.text("report");
        if kind.is_none() && !is_magic {
            return invalid("report", &report_text.into(), "I01, S01, S02, D01 or M01");
        }
        let columns = match fields {
            None => Columns::all(dialect),
            Some(Value::Array(items)) => {
                if let Some(item) = items.iter().find(|item| !item.is_string()) {
                    return invalid("fields", item, "a list of strings");
                }
                Columns::select(dialect, names).map_err(|fault| match fault {
                    ColumnFault::Unknown(name) => Fault::invalid(
                        Code::InvalidValue,
                        "fields",
                        &name.into(),
                        "names of columns of the file",
                    ),
                    ColumnFault::Twice(name) => {
                        let detail = format!("fields names the column {name} twice");
                        Fault::named(Code::Duplicate, &name, detail)
                    }
                })?
            }
            Some(other) => return invalid("fields", other, "a list of strings"),
        };

        let when = match kind {
            None => None,
            Some(V2Kind::Month) => Some(When::Month(self.month()?)),
            Some(_) => Some(When::Day(self.date()?)),
        };
        Ok(Parameters {
            product,
            report: report_text.to_owned(),
            kind,
            when,
            columns,
        })
    }

    /// A parameter that has a value: `null` is none.
    fn present(&self, name: &str) -> Option<&Value> {
        self.input.get(name).filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> &str {
        self.present(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn date(&self) -> Result<Date, Fault> {
        let text = self.text("date");
        read_date(text).ok_or_else(|| {
            Fault::invalid(Code::DateForm, "date", &text.into(), "a day that exists, as yyyy-MM-dd")
        })
    }

    fn month(&self) -> Result<Month, Fault> {
        let text = self.text("month");
        read_month(text)
            .ok_or_else(|| Fault::invalid(Code::MonthForm, "month", &text.into(), "yyyy-MM"))
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const VALID: &str = "query($input: ReportParam){Report(input:$input){status url expiry checksum{rows size md5hash}}}";

    fn post(envelope: &Value) -> Result<Query, Fault> {
        read(Some("application/json"), envelope.to_string().as_bytes())
    }

    fn query(query: &str) -> Result<Query, Fault> {
        post(&json!({"query": query}))
    }

    fn fault(text: &str) -> Fault {
        query(text).expect_err(text)
    }

    fn input(input: &Value) -> Result<Parameters, Fault> {
        post(&json!({"query": VALID, "variables": {"input": input}}))
            .and_then(|query| query.parameters(Dialect::Newer, true))
    }

    fn code(sent: &Value) -> &'static str {
        input(sent).expect_err("refused").code.text()
    }

    #[test]
    fn the_valid_form_is_read() {
        let read = post(&json!({
            "query": VALID,
            "variables": {"input": {
                "product": "MYD", "report": "I01", "date": "2026-02-15",
                "fields": ["settlement_cycle", "reference_id"],
            }},
        }))
        .expect("valid");

        assert_eq!((read.root, read.response_name.as_str()), (Root::Report, "Report"));
        let names: Vec<&str> = read.selection.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["status", "url", "expiry", "checksum"]);
        let parameters = read.parameters(Dialect::Newer, false).expect("valid");
        assert_eq!(parameters.product, Product::MyDebit);
        assert_eq!(parameters.kind, Some(V2Kind::Itemised));
        assert_eq!(parameters.when, read_date("2026-02-15").map(When::Day));
    }

    #[test]
    fn literals_defaults_aliases_and_fragments_are_read() {
        let text = r#"
            fragment sums on Checksum { rows size }
            query Other { Summary(input: {}) { rows { fiid } } }
            query Mine($date: String = "2026-02-15", $unused: Int) {
                file: Report(input: {product: "RPP", report: "I01", date: $date, fields: ["mcc"]}) {
                    state: status
                    ... on Report { checksum { ...sums md5hash } }
                }
            }"#;
        let envelope = json!({"query": text, "operationName": "Mine", "variables": null});

        let read = post(&envelope).expect("valid");

        assert_eq!(read.response_name, "file");
        assert_eq!(read.input["date"], "2026-02-15");
        let answer =
            json!({"url": null, "checksum": {"md5hash": "x", "rows": 3}, "status": "ready"});
        assert_eq!(
            respond(&read.selection, &answer).to_string(),
            r#"{"state":"ready","checksum":{"rows":3,"size":null,"md5hash":"x"}}"#
        );
    }

    #[test]
    fn lists_are_shaped_element_by_element_and_null_stays_null() {
        let read =
            query("{Summary(input:{}){rows{type:transaction_type}checksum{rows}}}").expect("valid");
        let answer = json!({
            "rows": [{"fiid": "A", "transaction_type": "PUR"}, {"transaction_type": "RPRER"}],
            "checksum": null,
        });

        assert_eq!(
            respond(&read.selection, &answer).to_string(),
            r#"{"rows":[{"type":"PUR"},{"type":"RPRER"}],"checksum":null}"#
        );
    }

    #[test]
    fn the_documents_own_sample_is_explained() {
        let sample = "{ query { Report($input: ReportParam { product: String! fields: []String! }) { status url } } }";
        for fault in
            [fault(sample), read(Some("application/json"), sample.as_bytes()).expect_err("no JSON")]
        {
            assert_eq!(fault.code, Code::Unprocessable);
            assert_eq!(fault.to_string(), "Unprocessable request");
            for reason in ["pair of braces", "$variable", "[String]!"] {
                assert!(fault.detail.contains(reason), "{}", fault.detail);
            }
        }
    }

    #[test]
    fn what_is_no_envelope_is_unprocessable_with_its_reason() {
        for (content_type, body, reason) in [
            (None, "{}", "no Content-Type"),
            (Some("text/plain"), "{}", "is \"text/plain\""),
            (Some("application/graphql"), "{}", "application/json is wanted"),
            (Some("application/json; charset=utf-8"), "{}", "no member \"query\""),
            (Some("application/json"), "", "empty"),
            (Some("application/json"), "[]", "an array"),
            (Some("application/json"), "{Report(input:{}){url}}", "the query itself was sent"),
            (Some("application/json"), r#"{"query":1}"#, "\"query\" is a number"),
            (Some("application/json"), r#"{"query":"{a}","query":"{b}"}"#, "occurs twice"),
            (Some("application/json"), r#"{"query":"{a}","variables":"{}"}"#, "serialised twice"),
            (Some("application/json"), r#"{"query":"{a}","operationName":7}"#, "a number"),
            (Some("application/json"), "{\"query\":\"\u{0}\"}", "no JSON"),
        ] {
            let fault = read(content_type, body.as_bytes()).expect_err(body);
            assert_eq!(fault.code, Code::Unprocessable);
            assert!(fault.detail.contains(reason), "{}", fault.detail);
        }
    }

    #[test]
    fn what_is_no_query_is_unprocessable_with_its_reason() {
        for (text, reason) in [
            ("", "no GraphQL"),
            ("{Report(input:{}){url}", "no GraphQL at character"),
            ("# nothing", "no GraphQL"),
            ("{Report(input:$input){url}}", "$input is not declared"),
            ("query($a:A=$b,$b:A){Report(input:$a){url}}", ""),
            ("query($a:A,$a:A){Report(input:$a){url}}", "declared twice"),
            ("mutation{Report(input:{}){url}}", "only queries"),
            ("subscription{Report(input:{}){url}}", "only queries"),
            ("type A{b:C}", "no part of a query"),
            ("fragment a on A{url}", "no operation"),
            ("{Report(input:{}){...a}}fragment a on A{url}fragment a on A{url}", "defined twice"),
            ("{Report(input:{}){...a}}", "no fragment a"),
            (
                "{Report(input:{}){...a}}fragment a on A{...b}fragment b on A{...a}",
                "contains itself",
            ),
            ("query A{Report(input:{}){url}}query B{Report(input:{}){url}}", "2 operations"),
            ("{__schema{types{name}}}", "__schema asks for the schema"),
            ("{Report(input:{}){__typename}}", "__typename asks"),
            ("{Report(input:{}){url @include(if:true)}}", "@include"),
            ("{Rapport(input:{}){url}}", "no field Rapport"),
            ("{Report(input:{}){ulr}}", "the nearest is url"),
            ("{Report(input:{}){checksum{md5}}}", "the nearest is"),
            ("{Report(input:{}){checksum}}", "needs a selection"),
            ("{Report(input:{}){url{a}}}", "has no fields"),
            ("{Report(input:{})}", "needs a selection"),
            ("{Report(param:{}){url}}", "param is no argument"),
            ("{Report(input:{prod:\"MYD\"}){url}}", "prod is no parameter"),
            ("{a:Report(input:{}){url} b:Report(input:{}){url}}", "2 root fields"),
        ] {
            let fault = fault(text);
            assert_eq!(fault.code, Code::Unprocessable, "{text}: {}", fault.detail);
            assert!(fault.detail.contains(reason), "{text}: {}", fault.detail);
        }
        let envelope = json!({"query": "query A{Report(input:{}){url}}", "operationName": "B"});
        assert!(post(&envelope).expect_err("no B").detail.contains("no operation has that name"));
    }

    #[test]
    fn what_comes_twice_is_a_duplicate() {
        for (text, name) in [
            ("{Report(input:{}){url url}}", "url"),
            ("{Report(input:{}){a:url a:status}}", "a"),
            ("{Report(input:{}){url status:url status}}", "status"),
            ("{Report(input:{}){url ...a}}fragment a on A{url}", "url"),
            ("{Report(input:{}){checksum{rows rows}}}", "rows"),
            ("{Report(input:{}){url} Report(input:{}){status}}", "Report"),
            ("{Report(input:{report:\"I01\",report:\"I01\"}){url}}", "report"),
            ("{Report(input:{},input:{}){url}}", "input"),
        ] {
            let fault = fault(text);
            assert_eq!((fault.code, fault.parameter.as_deref()), (Code::Duplicate, Some(name)));
        }
        let twice = json!({"fields": ["mcc", "mcc"]});
        assert_eq!(input(&twice).expect_err("twice").to_string(), "Duplicate field or alias: mcc");
    }

    #[test]
    fn bombs_end_soon() {
        let many =
            |count: usize, each: &dyn Fn(usize) -> String| (0..count).map(each).collect::<String>();
        let doubling = many(30, &|at| format!("fragment f{at} on A{{...f{0} ...f{0}}}", at + 1));
        for text in [
            "{a".repeat(50_000),
            format!("{{Report(input:{}", "[".repeat(100_000)),
            format!("{{Report(input:{}){{url}}}}", "{a:".repeat(1_000) + "1" + &"}".repeat(1_000)),
            format!("{{Report(input:{{}}){{{}}}}}", many(600, &|at| format!("a{at}:url "))),
            format!("{{Report(input:{{}}){{{}}}}}", many(50_000, &|at| format!("a{at}:url "))),
            format!("{{Report(input:{{}}){{...f0}}}}{doubling}fragment f30 on A{{url}}"),
            format!(
                "{{Report(input:{{}}){{...f0}}}}{}fragment f6 on A{{url}}",
                many(6, &|at| format!(
                    "fragment f{at} on A{{{}}}",
                    format!("...f{} ", at + 1).repeat(20)
                ))
            ),
            "#".repeat(500_000),
            "query(".to_owned() + &"$a:[".repeat(20_000),
            "\"".repeat(100_000),
        ] {
            assert_eq!(fault(&text).code, Code::Unprocessable);
        }
    }

    #[test]
    fn faults_come_in_the_documented_order() {
        assert_eq!(code(&json!({"product": "ZZZ", "fields": ["mcc", "mcc"]})), "E0010");
        assert_eq!(code(&json!({"product": "ZZZ", "report": "I01", "date": "x"})), "E0006");
        assert_eq!(
            code(&json!({"product": "ZZZ", "report": "I01", "date": "x", "fields": []})),
            "E0004"
        );
        assert_eq!(
            code(&json!({"product": "RPP", "report": "I01", "date": "x", "fields": ["nope"]})),
            "E0004"
        );
        assert_eq!(
            code(&json!({"product": "RPP", "report": "I01", "date": "x", "fields": []})),
            "E0005"
        );
        assert_eq!(
            code(&json!({"product": "RPP", "report": "D01", "date": "2026-02-30"})),
            "E0005"
        );
        assert_eq!(code(&json!({"product": "RPP", "report": "M01", "month": "2026-2"})), "E0007");
        assert_eq!(
            code(&json!({"product": "RPP", "report": "M01", "date": "2026-02-01"})),
            "E0006"
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        for (sent, name) in [
            (json!(null), "input"),
            (json!({}), "product"),
            (json!({"product": null, "report": "S01"}), "product"),
            (json!({"product": "MYD"}), "report"),
            (json!({"product": "MYD", "report": "S01"}), "date"),
            (json!({"product": "MYD", "report": "M01"}), "month"),
            (json!({"product": "MYD", "report": "I01", "date": "2026-02-01"}), "fields"),
        ] {
            let fault = input(&sent).expect_err(name);
            assert_eq!((fault.code, fault.parameter.as_deref()), (Code::Missing, Some(name)));
            assert_eq!(fault.to_string(), format!("Missing required field: {name}"));
        }
        assert_eq!(fault("{Report{url}}").code, Code::Missing);
        assert_eq!(fault("query($i:R!){Report(input:$i){url}}").code, Code::Missing);
    }

    #[test]
    fn values_of_a_wrong_kind_are_named_with_their_parameter() {
        for (sent, message) in [
            (json!(7), "input: 7"),
            (json!({"product": 5, "report": "S01", "date": "2026-02-01"}), "product: 5"),
            (json!({"product": "SAN", "report": "S01", "date": "2026-02-01"}), "product: SAN"),
            (json!({"product": "MYD", "report": "X01", "date": "2026-02-01"}), "report: X01"),
            (json!({"product": "MYD", "report": "S01", "date": 20_260_201}), "date: 20260201"),
            (
                json!({"product": "MYD", "report": "I01", "date": "2026-02-01", "fields": "mcc"}),
                "fields: mcc",
            ),
            (
                json!({"product": "MYD", "report": "I01", "date": "2026-02-01", "fields": [null]}),
                "fields: null",
            ),
            (
                json!({"product": "MYD", "report": "I01", "date": "2026-02-01", "fields": ["Mcc"]}),
                "fields: Mcc",
            ),
        ] {
            let fault = input(&sent).expect_err(message);
            assert_eq!(fault.to_string(), format!("Invalid value for {message}"));
        }
        let bare = query("{Report(input:{product:MYD,report:\"S01\",date:\"2026-02-01\"}){url}}")
            .and_then(|query| query.parameters(Dialect::Newer, false))
            .expect_err("a bare name");
        assert_eq!((bare.code, bare.parameter.as_deref()), (Code::InvalidValue, Some("product")));
    }

    #[test]
    fn magic_reports_need_no_date_and_count_only_where_they_are_on() {
        for report in ["E0003", "SLOW"] {
            let sent = json!({"product": "MYD", "report": report});
            let found = input(&sent).expect("magic");
            assert_eq!((found.report.as_str(), found.kind), (report, None));
            let without = post(&json!({"query": VALID, "variables": {"input": sent}}))
                .and_then(|query| query.parameters(Dialect::Newer, false));
            assert_eq!(without.expect_err("no magic").code, Code::InvalidValue);
        }
    }
}
