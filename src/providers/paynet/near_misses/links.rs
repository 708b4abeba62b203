//! Mistakes with one-time URLs.

use super::Scene;
use super::mistakes::{AMPERSAND_NOT_DECODED, LINK_TOO_LATE, LINK_USED_TWICE, TOKEN_SENT_TO_LINK};
use crate::diagnosis::{NearMiss, Search};
use crate::providers::paynet::forms::query_parameter;
use crate::store::{Delivery, Verdict};

pub(super) fn all(scene: &Scene<'_>, search: &mut Search) {
    search.candidate(&LINK_USED_TWICE, || {
        (scene.failed == "paynet.link_unused").then(|| {
            "one GET is one download, whoever sends it: a preview, a scanner, a browser that fetches ahead \
             or a client's own retry uses the link up, and only HEAD leaves it as it is. Ask for a new URL \
             for every download, also after one that broke off"
                .to_owned()
        })
    });
    search.candidate(&LINK_TOO_LATE, || {
        (scene.failed == "paynet.link_fresh").then(|| {
            let got = scene.got();
            let late = got.strip_prefix("one ").unwrap_or(&got);
            format!(
                "it was fetched {late}; ask for the URL when the file is to be fetched, not before"
            )
        })
    });
    let target = &scene.evidence.target;
    search.candidate(&AMPERSAND_NOT_DECODED, || {
        let marks = ["\\u0026", "%5Cu0026", "%5cu0026", "u0026", "&amp;"];
        let mark = marks.into_iter().find(|mark| target.contains(mark))?;
        Some(format!("the target has {mark} where & belongs; read the answer with a JSON parser"))
    });
    search.candidate(&TOKEN_SENT_TO_LINK, || {
        let named = ["authorization", "x-signature", "x-timestamp"];
        let sent = named.into_iter().find(|name| scene.header(name).is_some())?;
        Some(format!("{sent} was sent; the link is its own key, and may lead to another host"))
    });
}

/// Which exchange had the file, and how it left, for what was found before anybody looked back.
pub(super) fn first_fetch(scene: &Scene<'_>, found: &mut [NearMiss]) {
    let Some(near_miss) = found.iter_mut().find(|one| one.id == LINK_USED_TWICE.id) else {
        return;
    };
    let ott = query_parameter(&scene.evidence.target, "ott");
    let mut earlier = scene.evidence.earlier.iter();
    let first = earlier.find(|one| {
        let exchange = &one.exchange;
        exchange.verdict == Verdict::Accepted
            && exchange.endpoint.as_deref() == Some("file")
            && query_parameter(&exchange.target, "ott") == ott
    });
    let Some(first) = first.filter(|_| ott.is_some()) else {
        return;
    };
    let how = match (first.exchange.delivery, first.exchange.scenario.as_deref()) {
        (Some(Delivery::ClientLeft), _) => {
            ", and that file did not arrive whole: its client left before the end".to_owned()
        }
        // A slowed answer may have arrived; nothing is noted of that.
        (Some(Delivery::Faulted), Some(rule)) => format!(
            ", and that file may not have arrived whole: the rule \"{rule}\" cut, slowed or closed its \
             answer"
        ),
        (Some(Delivery::Faulted), None) => {
            ", and that file may not have arrived whole: a fault was put on its answer".to_owned()
        }
        (Some(Delivery::Sent) | None, _) => String::new(),
    };
    near_miss.evidence =
        format!("exchange {} fetched it first{how}; {}", first.id, near_miss.evidence);
}
