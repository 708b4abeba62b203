//! The document: its one operation, what that may refer to, and the fields it selects.

use std::collections::BTreeMap;

use apollo_parser::cst;
use serde_json::{Map, Value};

use super::envelope::Envelope;
use super::faults::{Fault, shortened};
use super::selection::{all_unique, check_selection, unique};
use super::values::{Variables, input, text, value};
use super::{Query, Root, SELECTED, Selected};

/// Levels of selections, fragments expanded.
const SELECTED_LEVELS: usize = 8;

/// The operation that is asked for, and what it may refer to.
pub(super) struct Document {
    operation: cst::OperationDefinition,
    fragments: BTreeMap<String, cst::FragmentDefinition>,
    variables: Variables,
}

impl Document {
    pub(super) fn of(document: &cst::Document, envelope: &Envelope) -> Result<Self, Fault> {
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
            variables: Variables::none(),
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
                    Some(default) => value(&default, &Variables::none())?,
                    None => None,
                },
            };
            if !self.variables.declare(name.clone(), value) {
                return Err(Fault::unprocessable(format!(
                    "the variable ${} is declared twice",
                    shortened(&name)
                )));
            }
        }
        Ok(())
    }

    pub(super) fn query(&self) -> Result<Query, Fault> {
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
