//! Named security steps. A `Check` says what is judged and why; the functions beside it judge, take
//! `now` as an argument, and return evidence instead of a bare no.

pub mod address;
pub mod basic;

use std::borrow::Cow;

use crate::store::{LadderRung, RungVerdict};

/// One named security step of a provider: data that its code, its explanation and its documentation
/// share.
#[derive(Debug)]
pub struct Check {
    /// Stable id, `provider.step`.
    pub id: &'static str,
    /// What is judged, as a statement that holds when it passes.
    pub title: &'static str,
    /// Where the provider or a standard says so.
    pub clause: &'static str,
    /// Why the step exists.
    pub why: &'static str,
    /// What to do when it fails.
    pub fix: &'static str,
}

/// Evidence of a failed check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What was wanted.
    pub expected: String,
    /// What came.
    pub got: String,
    /// More about it.
    pub detail: Option<String>,
    /// What to do, where it differs from the check's usual fix.
    pub fix: Option<String>,
}

/// How a check went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As expected.
    Passed,
    /// Not as expected.
    Failed(Failure),
    /// Failed because a scenario said so.
    Forced(Failure),
    /// Not applicable, and why.
    Skipped(Cow<'static, str>),
}

/// The ladder of one exchange as it is climbed.
#[derive(Debug, Default)]
pub struct Audit {
    rungs: Vec<(&'static Check, Verdict)>,
}

impl Failure {
    /// Evidence from what was wanted and what came.
    #[must_use]
    pub fn new(expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self {
            expected: expected.into(),
            got: got.into(),
            detail: None,
            fix: None,
        }
    }

    /// Adds more about it.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Names what to do here, instead of the check's usual fix.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

impl Audit {
    /// Notes a rung.
    pub fn note(&mut self, check: &'static Check, verdict: Verdict) {
        self.rungs.push((check, verdict));
    }

    /// Whether these checks, in this order, all passed or were skipped, and nothing else was judged.
    #[must_use]
    pub fn is_complete(&self, declared: &[&'static Check]) -> bool {
        self.rungs.len() == declared.len()
            && self.rungs.iter().zip(declared).all(|((check, verdict), wanted)| {
                std::ptr::eq(*check, *wanted)
                    && matches!(verdict, Verdict::Passed | Verdict::Skipped(_))
            })
    }

    /// The check that ended the ladder.
    #[must_use]
    pub fn failed(&self) -> Option<(&'static Check, &Failure)> {
        self.rungs.iter().find_map(|(check, verdict)| match verdict {
            Verdict::Failed(failure) | Verdict::Forced(failure) => Some((*check, failure)),
            Verdict::Passed | Verdict::Skipped(_) => None,
        })
    }

    /// The whole ladder for the journal: what was judged, then what was not reached.
    #[must_use]
    pub fn ladder(&self, declared: &[&'static Check]) -> Vec<LadderRung> {
        let judged = self.rungs.iter().map(|(check, verdict)| rung(check, verdict));
        let rest = declared
            .iter()
            .filter(|wanted| !self.rungs.iter().any(|(check, _)| std::ptr::eq(*check, **wanted)))
            .map(|check| bare(check, RungVerdict::NotReached));
        judged.chain(rest).collect()
    }
}

fn rung(check: &Check, verdict: &Verdict) -> LadderRung {
    match verdict {
        Verdict::Passed => bare(check, RungVerdict::Passed),
        Verdict::Skipped(reason) => LadderRung {
            detail: Some(reason.clone().into_owned()),
            ..bare(check, RungVerdict::Skipped)
        },
        Verdict::Failed(failure) => with_evidence(check, RungVerdict::Failed, failure),
        Verdict::Forced(failure) => with_evidence(check, RungVerdict::Forced, failure),
    }
}

fn with_evidence(check: &Check, verdict: RungVerdict, failure: &Failure) -> LadderRung {
    LadderRung {
        expected: Some(failure.expected.clone()),
        got: Some(failure.got.clone()),
        detail: failure.detail.clone(),
        fix: failure.fix.clone(),
        ..bare(check, verdict)
    }
}

fn bare(check: &Check, verdict: RungVerdict) -> LadderRung {
    LadderRung {
        id: Cow::Borrowed(check.id),
        verdict,
        expected: None,
        got: None,
        detail: None,
        fix: None,
    }
}
