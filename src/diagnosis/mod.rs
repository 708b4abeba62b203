//! The near-miss search: given a failed check's evidence, which usual mistake explains it.
//!
//! Providers feed candidates; this room bounds the search and holds the recognizers that more than
//! one protocol can use. A candidate that does not fit says nothing: an unknown mistake stays
//! unknown.

pub mod dates;
pub mod instants;
pub(crate) mod mistakes;
pub mod rsa_signature;
pub mod token_text;

use serde::{Deserialize, Serialize};

use crate::limits;

/// A usual mistake of a provider's integrators: data that its search, its explanation and its
/// documentation share.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Stable id, `provider.mistake`.
    pub id: &'static str,
    /// The mistake in a sentence.
    pub title: &'static str,
}

/// A usual mistake that explains a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NearMiss {
    /// Stable id, `provider.mistake`.
    pub id: String,
    /// The mistake in a sentence.
    pub title: String,
    /// What shows that it is this one.
    pub evidence: String,
}

/// A bounded search over candidates.
#[derive(Debug, Default)]
pub struct Search {
    found: Vec<NearMiss>,
    tried: usize,
}

impl Search {
    /// An empty search.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Tries one candidate: `test` returns evidence if the mistake fits. Candidates beyond the bound
    /// are not tried.
    pub fn candidate(&mut self, mistake: &'static Mistake, test: impl FnOnce() -> Option<String>) {
        if self.tried >= limits::NEAR_MISS_CANDIDATES {
            return;
        }
        self.tried += 1;
        if let Some(evidence) = test() {
            self.found.push(NearMiss {
                id: mistake.id.to_owned(),
                title: mistake.title.to_owned(),
                evidence,
            });
        }
    }

    /// Whether this mistake was found already: a narrower one makes a wider one needless.
    #[must_use]
    pub fn has(&self, mistake: &'static Mistake) -> bool {
        self.found.iter().any(|found| found.id == mistake.id)
    }

    /// What was found, in the order of the candidates.
    #[must_use]
    pub fn found(self) -> Vec<NearMiss> {
        self.found
    }
}
