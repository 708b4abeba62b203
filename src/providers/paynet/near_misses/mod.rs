//! The usual mistakes of integrations with the portal, and what shows each. One file for each thing
//! that they are made with.

mod days;
mod forms_of_dates;
mod issuance;
mod links;
mod members;
mod mistakes;
mod polling;
mod reports;
mod resent;
mod signatures;
mod timestamps;
mod tokens;
mod torn;

use std::sync::Arc;

pub(super) use self::mistakes::{ALL, mistakes_table};
use self::mistakes::{
    CLOCK_SKEW, EXPIRED_TOKEN, FOREIGN_TOKEN, LOCAL_TIME, OLD_HEADERS, SANDBOX_CLOCK_MOVED,
    TOKEN_OF_A_RULE, TOKEN_TO_THE_LAST,
};
use super::constants::FILE_PATH;
use super::forms::bearer;
use super::merchant::PaynetMerchant;
use super::settings::Settings;
use super::tokens::Claims;
use crate::blueprint::Evidence;
use crate::diagnosis::{Mistake, NearMiss, Search};
use crate::store::{ExchangeSummary, LadderRung, RungVerdict, Verdict};

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
    let scene = Scene::of(evidence, merchant, others, settings);
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
        members::all(&scene, &mut search);
        forms_of_dates::all(&scene, &mut search);
        days::all(&scene, &mut search);
    }
    search.found()
}

/// Whether the exchanges before this one can tell more about it.
pub(super) fn looks_back(exchange: &ExchangeSummary) -> bool {
    match exchange.verdict {
        Verdict::Accepted => {
            matches!(exchange.endpoint.as_deref(), Some("token" | "oauthToken" | "query"))
        }
        Verdict::Refused => matches!(
            exchange.failed_check.as_deref(),
            Some(
                "paynet.timestamp_window"
                    | "paynet.token_expiry"
                    | "paynet.bearer"
                    | "paynet.link_unused"
            )
        ),
        _ => false,
    }
}

/// What earlier exchanges show, before what was found without them and still holds.
pub(super) fn look_back(
    evidence: &Evidence,
    settings: &Settings,
    found: Vec<NearMiss>,
) -> Vec<NearMiss> {
    if evidence.is_scripted() {
        return found;
    }
    let scene = Scene::of(evidence, None, &[], settings);
    let mut search = Search::new();
    resent::all(&scene, &mut search);
    issuance::all(&scene, &mut search);
    polling::all(&scene, &mut search);
    let disproves: [(&'static Mistake, &[&Mistake]); 2] = [
        (&OLD_HEADERS, &[&LOCAL_TIME, &CLOCK_SKEW]),
        (&TOKEN_OF_A_RULE, &[&EXPIRED_TOKEN, &TOKEN_TO_THE_LAST, &FOREIGN_TOKEN]),
    ];
    let mut holds = found;
    issuance::named(&scene, &mut holds);
    links::first_fetch(&scene, &mut holds);
    for (_, disproved) in disproves.into_iter().filter(|(shown, _)| search.has(shown)) {
        holds.retain(|found| disproved.iter().all(|mistake| mistake.id != found.id));
    }
    let mut shown = search.found();
    // Headers of the present are old only by a clock that was moved: that comes first, then.
    if holds.iter().any(|found| found.id == SANDBOX_CLOCK_MOVED.id) {
        holds.append(&mut shown);
        return holds;
    }
    shown.append(&mut holds);
    shown
}

fn header<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    let found = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

impl<'e> Scene<'e> {
    fn of(
        evidence: &'e Evidence,
        merchant: Option<Arc<PaynetMerchant>>,
        others: &'e [Arc<PaynetMerchant>],
        settings: &'e Settings,
    ) -> Self {
        let rung = evidence.ladder.iter().find(|rung| rung.verdict == RungVerdict::Failed);
        Self {
            evidence,
            failed: rung.map_or("", |rung| &*rung.id),
            rung,
            merchant,
            others,
            settings,
        }
    }

    fn header(&self, name: &str) -> Option<&'e str> {
        header(&self.evidence.headers, name)
    }

    /// What the bearer token says of itself. The journal keeps it too.
    fn claims(&self) -> Option<Claims> {
        Claims::of(bearer(self.header("authorization")?.as_bytes())?)
    }

    /// What the failed check got, in its own words.
    fn got(&self) -> String {
        self.rung.and_then(|rung| rung.got.clone()).unwrap_or_default()
    }
}
