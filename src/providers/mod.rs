//! The registry: one entry for each provider.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::blueprint::{EnrolmentError, Provider};

mod paco;
mod paynet;

/// Every provider, configured. Sections of providers that do not exist are refused with the names
/// of those that do.
///
/// # Errors
/// A section or a setting that is wrong, with the nearest right one.
pub(crate) fn all(
    settings: &BTreeMap<String, Map<String, Value>>,
) -> Result<Vec<Arc<dyn Provider>>, EnrolmentError> {
    let known = ["paco", "paynet"];
    if let Some(unknown) = settings.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(EnrolmentError {
            member: format!("settings of {unknown}"),
            reason: format!("there is no such provider; known are {}", known.join(", ")),
        });
    }
    let section = |id: &str| settings.get(id).cloned().unwrap_or_default();
    Ok(vec![
        Arc::new(paco::Paco::new(section("paco"))?),
        Arc::new(paynet::Paynet::new(section("paynet"))?),
    ])
}

/// A provider's id, its documentation, and the generated tables by name.
type Page = (&'static str, &'static str, Vec<(&'static str, String)>);

/// For each provider, by id: its documentation, and the generated tables that belong into it. For
/// the test that holds one against the other; no part of the API.
///
/// # Panics
/// If a provider refuses its own defaults.
#[doc(hidden)]
#[must_use]
pub fn provider_docs() -> Vec<Page> {
    let providers = all(&BTreeMap::new()).expect("every provider accepts its own defaults");
    providers
        .iter()
        .map(|provider| (provider.id(), provider.docs(), provider.generated_tables()))
        .collect()
}
