//! Headers that were good once and came again when they were too old.

use super::Scene;
use super::mistakes::OLD_HEADERS;
use crate::blueprint::Earlier;
use crate::diagnosis::Search;
use crate::diagnosis::instants::spoken;
use crate::providers::paynet::security::instant;
use crate::store::Attribution;

pub(super) fn all(scene: &Scene<'_>, search: &mut Search) {
    search.candidate(&OLD_HEADERS, || {
        let (stamp, now) = (scene.header("x-timestamp")?.trim(), scene.evidence.at);
        let is_old = stamp.parse::<i64>().is_ok_and(|second| second < now.as_second());
        if scene.failed != "paynet.timestamp_window" || !is_old {
            return None;
        }
        let used: Vec<&Earlier> = scene
            .evidence
            .earlier
            .iter()
            .filter(|earlier| {
                super::header(&earlier.exchange.request_headers, "x-timestamp").map(str::trim)
                    == Some(stamp)
            })
            .collect();
        // Whoever was proven by it had the right time then: the clock is not what is wrong.
        let first =
            used.iter().rfind(|one| one.exchange.attribution == Attribution::Proven)?;
        let signature = super::header(&first.exchange.request_headers, "x-signature");
        let what = if signature == scene.header("x-signature") {
            "these X-Timestamp and X-Signature"
        } else {
            "this X-Timestamp, with another X-Signature,"
        };
        let (ago, times) = (spoken(now.duration_since(first.exchange.at)), used.len() + 1);
        Some(format!(
            "exchange {} was taken with {what} at {}, {ago} ago; this is request {times} with that \
             timestamp. Either the client made its headers once, when it started, or a proxy, a queue or \
             a retry has sent old ones again: make both anew for every request, and for every attempt",
            first.id,
            instant(first.exchange.at.as_second())
        ))
    });
}
