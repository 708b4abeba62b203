//! The usual mistakes of integrations with the portal, and what shows each. One file for each thing
//! that they are made with.

mod days;
mod links;
mod mistakes;
mod reports;
mod signatures;
mod timestamps;
mod tokens;

use std::sync::Arc;

pub(super) use self::mistakes::{ALL, mistakes_table};
use super::constants::FILE_PATH;
use super::merchant::PaynetMerchant;
use super::settings::Settings;
use crate::blueprint::Evidence;
use crate::diagnosis::{NearMiss, Search};
use crate::store::{LadderRung, RungVerdict, Verdict};

/// Everything that a candidate may look at.
struct Scene<'e> {
    evidence: &'e Evidence,
    /// The check that failed, empty where none did.
    failed: &'e str,
    rung: Option<&'e LadderRung>,
    merchant: Option<Arc<PaynetMerchant>>,
    /// Other clients of this sandbox.
    others: &'e [Arc<PaynetMerchant>],
    settings: &'e Settings,
}

/// Which mistakes explain a recorded exchange.
pub(super) fn search(
    evidence: &Evidence,
    merchant: Option<Arc<PaynetMerchant>>,
    others: &[Arc<PaynetMerchant>],
    settings: &Settings,
) -> Vec<NearMiss> {
    let mut search = Search::new();
    if evidence.is_scripted() || evidence.verdict == Verdict::Internal {
        // Only a rule made it fail, or we did: there is no mistake to look for.
        return search.found();
    }
    let rung = evidence.ladder.iter().find(|rung| rung.verdict == RungVerdict::Failed);
    let scene = Scene {
        evidence,
        failed: rung.map_or("", |rung| &*rung.id),
        rung,
        merchant,
        others,
        settings,
    };
    let path = evidence.target.split('?').next().unwrap_or_default();
    if path == FILE_PATH {
        links::all(&scene, &mut search);
    } else if matches!(path, "/token" | "/oauth/token") {
        tokens::asking(&scene, &mut search);
    } else {
        tokens::bearing(&scene, &mut search);
        timestamps::all(&scene, &mut search);
        signatures::all(&scene, &mut search);
        reports::all(&scene, &mut search);
        days::all(&scene, &mut search);
    }
    search.found()
}

impl Scene<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.evidence
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// What the failed check got, in its own words.
    fn got(&self) -> String {
        self.rung.and_then(|rung| rung.got.clone()).unwrap_or_default()
    }
}
