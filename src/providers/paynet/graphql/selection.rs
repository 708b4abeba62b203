//! Selections held against the published names, and against themselves.

use super::Selected;
use super::faults::{Fault, shortened};
use crate::providers::paynet::errors::E0010;
use crate::providers::paynet::reports::summary::Summary;

const REPORT_MEMBERS: [&str; 5] = ["status", "url", "expiry", "checksum", "rows"];
const CHECKSUM_MEMBERS: [&str; 3] = ["rows", "size", "md5hash"];

/// Holds a selection against the published names. Both roots answer both kinds of report, as it is
/// not known which of them does; the lines of a summary stand in `rows`, and their members may be
/// asked for directly. \[assumed\]
pub(super) fn check_selection(root: &str, selection: &[Selected]) -> Result<(), Fault> {
    let lines: Vec<&str> =
        Summary::members(false).into_iter().chain(Summary::members(true)).collect();
    if selection.is_empty() {
        return Err(Fault::unprocessable(format!(
            "{root} needs a selection, such as {{status url expiry checksum{{rows size md5hash}}}}"
        )));
    }
    for field in selection {
        let below: &[&str] = match field.name.as_str() {
            "checksum" => &CHECKSUM_MEMBERS,
            "rows" => &lines,
            _ => &[],
        };
        let name = field.name.as_str();
        if !REPORT_MEMBERS.contains(&name) && !lines.contains(&name) {
            return Err(no_field(root, name, &[&REPORT_MEMBERS[..], &lines].concat()));
        }
        if below.is_empty() != field.sub.is_empty() {
            let wrong = if below.is_empty() { "has no fields" } else { "needs a selection" };
            return Err(Fault::unprocessable(format!("{name} of {root} {wrong}")));
        }
        for inner in &field.sub {
            if !below.contains(&inner.name.as_str()) {
                return Err(no_field(name, &inner.name, below));
            }
            if !inner.sub.is_empty() {
                return Err(Fault::unprocessable(format!(
                    "{} of {name} has no fields",
                    inner.name
                )));
            }
        }
    }
    Ok(())
}

fn no_field(of: &str, name: &str, known: &[&str]) -> Fault {
    let name = shortened(name);
    if name.starts_with("__") {
        return Fault::unprocessable(format!("{name} asks for the schema, which is not served"));
    }
    let nearest = known.iter().min_by_key(|known| strsim::levenshtein(known, &name));
    Fault::unprocessable(format!(
        "{of} has no field {name}; the nearest is {}",
        nearest.copied().unwrap_or_default()
    ))
}

pub(super) fn unique<'s>(selection: impl IntoIterator<Item = &'s Selected>) -> Result<(), Fault> {
    let mut seen = Vec::new();
    for field in selection {
        let name = field.response_name();
        if seen.contains(&name) {
            return Err(Fault::named(
                &E0010,
                name,
                format!("{} is selected twice; each name may stand once", shortened(name)),
            ));
        }
        seen.push(name);
    }
    Ok(())
}

pub(super) fn all_unique(selection: &[Selected]) -> Result<(), Fault> {
    unique(selection)?;
    selection.iter().try_for_each(|field| all_unique(&field.sub))
}
