//! Polls that ask for another report than the poll before, and so begin again.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Scene;
use super::mistakes::{FIELDS_IN_ANOTHER_ORDER, OTHER_FIELDS};
use crate::blueprint::Earlier;
use crate::diagnosis::Search;
use crate::json;
use crate::providers::paynet::reports::catalogue::V2Kind;
use crate::store::Verdict;

pub(super) fn all(scene: &Scene<'_>, search: &mut Search) {
    let evidence = scene.evidence;
    let is_query = evidence.endpoint.as_deref() == Some("query");
    let asked = evidence.opened.as_ref().and_then(|opened| {
        Asked::read(opened, scene.header("x-fiid"))
            .filter(|_| evidence.verdict == Verdict::Accepted)
    });
    let (true, Some(asked)) = (is_query, asked) else {
        return;
    };
    // The same report, and perhaps another file of it.
    let polls: Vec<(&Earlier, Asked<'_>)> = evidence
        .earlier
        .iter()
        // What a rule has answered need not be a report that was begun.
        .filter(|earlier| {
            earlier.exchange.verdict == Verdict::Accepted && earlier.exchange.scenario.is_none()
        })
        .filter_map(|earlier| {
            let exchange = &earlier.exchange;
            let fiid = super::header(&exchange.request_headers, "x-fiid");
            let other = Asked::read(exchange.opened_request.as_ref()?, fiid)?;
            other.is_of_the_report(&asked).then_some((earlier, other))
        })
        .collect();
    if polls.iter().any(|(_, other)| other.fields == asked.fields) {
        // Not the poll with which it begins.
        return;
    }
    search.candidate(&FIELDS_IN_ANOTHER_ORDER, || {
        // Whoever has got the file may well want it in another order.
        let (earlier, other) = polls.iter().find(|(earlier, other)| {
            other.set() == asked.set() && !is_ready(&earlier.exchange.answer_body)
        })?;
        Some(format!(
            "exchange {} asked for [{}], this one for [{}]: the order is that of the columns, so it is \
             another report, which begins anew. A client that iterates a hash set polls for ever; keep \
             the fields in a list",
            earlier.id,
            other.fields.join(", "),
            asked.fields.join(", ")
        ))
    });
    if search.has(&FIELDS_IN_ANOTHER_ORDER) {
        return;
    }
    search.candidate(&OTHER_FIELDS, || {
        // Whoever has got a report may well want another one.
        let (earlier, other) =
            polls.first().filter(|(earlier, _)| !is_ready(&earlier.exchange.answer_body))?;
        let (before, now) = (other.set(), asked.set());
        let listed = |names: Vec<&&str>| names.into_iter().copied().collect::<Vec<_>>().join(", ");
        let (gone, new) =
            (listed(before.difference(&now).collect()), listed(now.difference(&before).collect()));
        let differs = [(gone, "without"), (new, "with")]
            .into_iter()
            .filter(|(names, _)| !names.is_empty())
            .map(|(names, how)| format!("{how} {names}"))
            .collect::<Vec<_>>()
            .join(" and ");
        Some(format!(
            "exchange {} asked for the same report, which is not ready yet; this one asks for it \
             {differs}. If it was meant as the next poll, send the very same fields: others make \
             another report, which begins anew",
            earlier.id
        ))
    });
}

/// An itemised file that was asked for.
struct Asked<'v> {
    fiid: Option<&'v str>,
    product: &'v str,
    date: &'v str,
    fields: Vec<&'v str>,
}

impl<'v> Asked<'v> {
    fn read(opened: &'v Value, fiid: Option<&'v str>) -> Option<Self> {
        let input = opened.get("input")?;
        let text = |name: &str| input.get(name)?.as_str().map(str::trim);
        let is_file = V2Kind::find(text("report")?) == Some(V2Kind::Itemised);
        let fields = input.get("fields")?.as_array().filter(|_| is_file)?;
        Some(Self {
            fiid: fiid.map(str::trim),
            product: text("product")?,
            date: text("date")?,
            fields: fields.iter().filter_map(Value::as_str).collect(),
        })
    }

    fn is_of_the_report(&self, other: &Self) -> bool {
        let same_fiid = match (self.fiid, other.fiid) {
            (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
            (one, other) => one == other,
        };
        same_fiid && self.product.eq_ignore_ascii_case(other.product) && self.date == other.date
    }

    fn set(&self) -> BTreeSet<&'v str> {
        self.fields.iter().copied().collect()
    }
}

/// Whether an answer says that the file is there, under whatever names it was asked.
fn is_ready(answer: &[u8]) -> bool {
    let Ok(answer) = json::parse(answer) else {
        return false;
    };
    let reports = answer.get("data").and_then(Value::as_object);
    let mut members = reports
        .into_iter()
        .flat_map(|reports| reports.values())
        .filter_map(Value::as_object)
        .flat_map(|report| report.values());
    members.any(|value| value == "ready")
}
