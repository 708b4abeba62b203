//! Mistakes in what is asked of reports.

use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::Value;

use super::Scene;
use super::mistakes::{PRINTED_SAMPLE, UTC_DAY};
use crate::diagnosis::Search;

pub(super) fn all(scene: &Scene<'_>, search: &mut Search) {
    search.candidate(&PRINTED_SAMPLE, || {
        let body = String::from_utf8_lossy(&scene.evidence.body);
        let fits = scene.failed == "paynet.graphql"
            && (body.contains("[]String") || body.trim_start().starts_with("{query")
                || body.contains("{ query") && !body.contains("\"query\""));
        fits.then(|| {
            "the printed sample has braces around query, an argument that is no name, and []String! \
             for [String]!; write query($input: ReportParam){Report(input:$input){status url}}"
                .to_owned()
        })
    });
    let reason = scene.evidence.reason.as_deref().unwrap_or_default();
    if !reason.contains("E0002") && !reason.contains("E0003") {
        return;
    }
    search.candidate(&UTC_DAY, || {
        let asked = asked_date(scene.evidence.opened.as_ref()?)?;
        let (utc, malaysia) = days(scene.evidence.at);
        let why = if asked == utc && utc != malaysia {
            format!("{asked} is today in UTC; in Malaysia it is {malaysia} already")
        } else if asked > malaysia {
            format!("{asked} has not begun in Malaysia, where it is {malaysia}; in UTC it is {utc}")
        } else if asked == malaysia {
            format!("{asked} is today in Malaysia, and not over; in UTC it is {utc}")
        } else {
            return None;
        };
        Some(why)
    });
}

fn asked_date(opened: &Value) -> Option<String> {
    let date = opened.get("date").or_else(|| opened.pointer("/input/date"))?;
    date.as_str().map(ToOwned::to_owned)
}

fn days(at: Timestamp) -> (String, String) {
    let day = |offset: Offset| offset.to_datetime(at).date().to_string();
    (day(Offset::UTC), day(Offset::constant(8)))
}
