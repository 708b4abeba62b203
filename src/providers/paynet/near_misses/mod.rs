//! The usual mistakes of integrations with the portal, and what shows each.

use std::sync::Arc;

use super::merchant::PaynetMerchant;
use super::settings::Settings;
use crate::blueprint::Evidence;
use crate::diagnosis::{Mistake, NearMiss};

/// Every mistake that is looked for.
pub(super) static ALL: &[&Mistake] = &[];

/// Which mistakes explain a recorded exchange.
pub(super) fn search(
    _evidence: &Evidence,
    _merchant: Option<Arc<PaynetMerchant>>,
    _settings: &Settings,
) -> Vec<NearMiss> {
    Vec::new()
}

/// The mistakes as a Markdown table, for `docs.md`.
pub(super) fn mistakes_table() -> String {
    String::from("| mistake | in a sentence |\n|---|---|\n")
}
