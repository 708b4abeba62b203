//! Members whose names are nearly those that a report is asked for by.

use serde_json::{Map, Value};

use super::Scene;
use super::days::code;
use super::mistakes::MEMBER_NAME;
use crate::diagnosis::Search;
use crate::providers::paynet::security::shown;
use crate::store::Verdict;

/// The members of v1. What v2 does not know it names itself.
const KNOWN: &[&str] = &["report_type", "product", "date", "fiid", "window"];

pub(super) fn all(scene: &Scene<'_>, search: &mut Search) {
    let evidence = scene.evidence;
    if evidence.verdict != Verdict::Refused || code(evidence.answer.as_ref()) != Some("E0006") {
        return;
    }
    search.candidate(&MEMBER_NAME, || near(evidence.opened.as_ref()?.as_object()?));
}

/// Every member that is there under a name that is not known, with the one that was probably meant and
/// is not there.
fn near(members: &Map<String, Value>) -> Option<String> {
    let unknown = || members.keys().filter(|name| !KNOWN.contains(&name.as_str()));
    let is_missing = |name: &&&str| members.get(**name).is_none_or(Value::is_null);
    let pairs: Vec<String> = KNOWN
        .iter()
        .filter(is_missing)
        .filter_map(|wanted| {
            let there = unknown().find(|there| is_near(there, wanted))?;
            Some(format!("the body has {}, and {wanted} is wanted", shown(there)))
        })
        .collect();
    (!pairs.is_empty()).then(|| pairs.join("; "))
}

/// The same but for case and separators, or for a letter or two.
fn is_near(there: &str, wanted: &str) -> bool {
    /// Names of all kinds are one or two letters from a short one.
    const LONG: usize = 6;
    let bare = |name: &str| -> String {
        let letters = name.chars().take(40).filter(char::is_ascii_alphanumeric);
        letters.map(|letter| letter.to_ascii_lowercase()).collect()
    };
    let (there, wanted) = (bare(there), bare(wanted));
    let most = if wanted.len() >= LONG { 2 } else { 1 };
    there == wanted || strsim::damerau_levenshtein(&there, &wanted) <= most
}

#[cfg(test)]
mod tests {
    use super::is_near;

    #[test]
    fn other_styles_and_slips_are_near_and_other_names_are_not() {
        for (there, wanted) in [
            ("reportType", "report_type"),
            ("report-type", "report_type"),
            ("ReportTyp", "report_type"),
            ("Product", "product"),
            ("prodcut", "product"),
            ("dates", "date"),
        ] {
            assert!(is_near(there, wanted), "{there}");
        }
        for (there, wanted) in
            [("window", "date"), ("report", "product"), ("day", "date"), ("", "date")]
        {
            assert!(!is_near(there, wanted), "{there}");
        }
    }
}
