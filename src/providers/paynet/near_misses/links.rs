//! Mistakes with one-time URLs.

use super::Scene;
use super::mistakes::{AMPERSAND_NOT_DECODED, LINK_TOO_LATE, LINK_USED_TWICE, TOKEN_SENT_TO_LINK};
use crate::diagnosis::Search;

pub(super) fn all(scene: &Scene<'_>, search: &mut Search) {
    search.candidate(&LINK_USED_TWICE, || {
        (scene.failed == "paynet.link_unused").then(|| scene.got())
    });
    search.candidate(&LINK_TOO_LATE, || (scene.failed == "paynet.link_fresh").then(|| scene.got()));
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
