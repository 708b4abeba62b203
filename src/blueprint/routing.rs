//! Finding the endpoint of a path, and the nearest one of a path that has none.

use std::collections::BTreeMap;

use hyper::http::Method;

use super::{Endpoint, Refusal};

/// An endpoint that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteMatch {
    /// Its name.
    pub endpoint: &'static str,
    /// The path's parameters, as they came.
    pub parameters: BTreeMap<&'static str, String>,
}

/// How path segments are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseRule {
    /// Letters must be as in the table.
    Exact,
    /// Upper and lower case are the same.
    Ignored,
}

/// Finds the endpoint of a method and a raw path.
///
/// # Errors
/// A refusal that names the nearest endpoint, or the methods that the path has.
pub fn find_endpoint<'t>(
    table: &'t [Endpoint],
    case: CaseRule,
    accepts: impl Fn(&str, &str) -> bool,
    method: &Method,
    path: &str,
) -> Result<(&'t Endpoint, RouteMatch), Refusal> {
    let mut allowed = Vec::new();
    for endpoint in table {
        let Some(parameters) = parameters(endpoint.path, path, case, &accepts) else {
            continue;
        };
        if endpoint.method == *method {
            let route = RouteMatch {
                endpoint: endpoint.name,
                parameters,
            };
            return Ok((endpoint, route));
        }
        allowed.push(endpoint.method.clone());
    }
    if !allowed.is_empty() {
        return Err(Refusal::MethodNotAllowed { allowed });
    }
    // Similarity is only worth computing for what could be a path of this API.
    let asked = path.get(..path.len().min(256)).unwrap_or_default().to_ascii_lowercase();
    let nearest = table
        .iter()
        .map(|endpoint| {
            let known = endpoint.path.to_ascii_lowercase();
            (strsim::normalized_damerau_levenshtein(&known, &asked), endpoint)
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, endpoint)| format!("{} {} ({})", endpoint.method, endpoint.path, endpoint.name));
    Err(Refusal::NotFound { nearest })
}

fn parameters(
    template: &'static str,
    path: &str,
    case: CaseRule,
    accepts: impl Fn(&str, &str) -> bool,
) -> Option<BTreeMap<&'static str, String>> {
    let mut wanted = template.split('/');
    let mut came = path.split('/');
    let mut parameters = BTreeMap::new();
    loop {
        match (wanted.next(), came.next()) {
            (None, None) => return Some(parameters),
            (Some(wanted), Some(came)) => {
                if let Some(name) = wanted.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'))
                {
                    if !accepts(name, came) {
                        return None;
                    }
                    parameters.insert(name, came.to_owned());
                } else {
                    let same = match case {
                        CaseRule::Exact => wanted == came,
                        CaseRule::Ignored => wanted.eq_ignore_ascii_case(came),
                    };
                    if !same {
                        return None;
                    }
                }
            }
            _ => return None,
        }
    }
}
