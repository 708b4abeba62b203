//! Mistakes in how a report is asked for.

use super::Scene;
use super::mistakes::PRINTED_SAMPLE;
use crate::diagnosis::Search;
use crate::json;
use crate::providers::paynet::graphql;

pub(super) fn all(scene: &Scene<'_>, search: &mut Search) {
    search.candidate(&PRINTED_SAMPLE, || {
        if scene.failed != "paynet.graphql" {
            return None;
        }
        let body = String::from_utf8_lossy(&scene.evidence.body);
        let envelope = json::parse_object(&scene.evidence.body).ok();
        let query = envelope.as_ref().and_then(|members| members.get("query")?.as_str());
        // The reader knows what the sample gets wrong, and says so behind a separator.
        let hint = graphql::hint(query.unwrap_or(&body));
        let hint = hint.trim_start_matches("; ");
        (!hint.is_empty()).then(|| {
            format!(
                "{hint}; write query($input: ReportParam){{Report(input:$input){{status url}}}}"
            )
        })
    });
}
