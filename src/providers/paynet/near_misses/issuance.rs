//! What the journal knows of tokens: the exchange that gave one out, and the requests that it was used
//! for.

use std::fmt::Write as _;

use super::Scene;
use super::mistakes::{
    CHANGED_TOKEN, CUT_TOKEN, FOREIGN_TOKEN, TOKEN_FOR_EACH_REQUEST, TOKEN_OF_A_RULE,
};
use crate::blueprint::Earlier;
use crate::diagnosis::{Mistake, NearMiss, Search};
use crate::json;
use crate::providers::paynet::forms::bearer;
use crate::providers::paynet::security::instant;
use crate::providers::paynet::tokens::Claims;
use crate::store::Verdict;

/// Tokens in a row that were used once each before that is worth a word.
const IN_A_ROW: usize = 3;

/// A token that lasts no longer is renewed rather than wasted.
const WORTH_KEEPING_S: i64 = 60;

pub(super) fn all(scene: &Scene<'_>, search: &mut Search) {
    search.candidate(&TOKEN_OF_A_RULE, || of_a_rule(scene));
    search.candidate(&TOKEN_FOR_EACH_REQUEST, || one_for_each(scene));
}

/// A client cannot know that a token is wrong: what gave it out is to blame.
fn of_a_rule(scene: &Scene<'_>) -> Option<String> {
    if !matches!(scene.failed, "paynet.token_expiry" | "paynet.bearer") {
        return None;
    }
    let issuing = issuing(scene)?;
    let rule = issuing.exchange.scenario.as_deref()?;
    let at = issuing.exchange.at;
    let by = format!(
        "exchange {} gave it out at {} by the rule \"{rule}\"",
        issuing.id,
        instant(at.as_second())
    );
    if scene.failed == "paynet.bearer" {
        return Some(format!(
            "{by}; if that rule signs tokens with a wrong key or damages them, the client has done \
             nothing wrong by sending it"
        ));
    }
    let late = at.as_second() - scene.claims()?.expiry;
    (late >= 0).then(|| {
        format!(
            "{by}, {late} s after its expiry; the client has done nothing wrong by sending it, and \
             should now ask for a new one, once"
        )
    })
}

/// The exchange that gave out the token of this one. Of a broken token the journal has the id, or how
/// that begins.
pub(super) fn issuing<'s>(scene: &'s Scene<'_>) -> Option<&'s Earlier> {
    /// Fewer letters of an id are no sign.
    const FEWEST: usize = 8;
    /// Two ids of as many letters are not alike by chance.
    const LONG: usize = 16;
    let claims = scene.claims();
    let opened = || scene.evidence.opened.as_ref()?.get("jti")?.as_str();
    let id = claims.as_ref().map(|claims| &*claims.id).or_else(opened)?;
    let is_it = |token: Claims| {
        token.id == id
            || (id.len() >= FEWEST && token.id.starts_with(id))
            || (id.len() >= LONG && is_but_for_a_letter(&token.id, id))
    };
    let mut earlier = scene.evidence.earlier.iter();
    earlier.find(|one| issued(one).is_some_and(is_it))
}

/// Whether a changed letter of base64, which is a part of two bytes at most, makes the one of the other.
fn is_but_for_a_letter(one: &str, other: &str) -> bool {
    let differ = one.bytes().zip(other.bytes()).filter(|(a, b)| a != b).count();
    one.len() == other.len() && differ <= 2
}

/// Which exchange gave out a token that came broken, for what was found before anybody looked back.
pub(super) fn named(scene: &Scene<'_>, found: &mut [NearMiss]) {
    let broken: [&Mistake; 3] = [&CUT_TOKEN, &CHANGED_TOKEN, &FOREIGN_TOKEN];
    let mut broken = found.iter_mut().filter(|one| broken.iter().any(|known| known.id == one.id));
    let (Some(near_miss), Some(issuing)) = (broken.next(), issuing(scene)) else {
        return;
    };
    let _ = write!(
        near_miss.evidence,
        "; exchange {} gave that token out at {}",
        issuing.id,
        instant(issuing.exchange.at.as_second())
    );
    if near_miss.id == FOREIGN_TOKEN.id {
        near_miss.evidence.push_str(", so it is this sandbox's, and was changed");
    }
}

/// Whether each of the last tokens was used for one request, although it was good for more.
fn one_for_each(scene: &Scene<'_>) -> Option<String> {
    let evidence = scene.evidence;
    if evidence.verdict != Verdict::Accepted || !is_issuing(evidence.endpoint.as_deref()) {
        return None;
    }
    let tokens: Vec<(&Earlier, Claims)> = evidence
        .earlier
        .iter()
        .filter_map(|one| Some((one, issued(one)?)))
        .take(IN_A_ROW)
        .collect();
    let (newest, claims) = tokens.first()?;
    let now = evidence.at.as_second();
    let wasted = |(_, token): &(&Earlier, Claims)| {
        token.expiry - now > WORTH_KEEPING_S && uses(token, &evidence.earlier) == 1
    };
    (tokens.len() == IN_A_ROW && tokens.iter().all(wasted)).then(|| {
        format!(
            "each of the last {IN_A_ROW} tokens was used for one request, and the newest, of exchange \
             {}, is good for {} s more; if it is one client that asks, it should keep its token until \
             shortly before expires_in is over",
            newest.id,
            claims.expiry - now
        )
    })
}

/// The token that an exchange gave out.
fn issued(earlier: &Earlier) -> Option<Claims> {
    let exchange = &earlier.exchange;
    if exchange.verdict != Verdict::Accepted || !is_issuing(exchange.endpoint.as_deref()) {
        return None;
    }
    let answer = json::parse_object(&exchange.answer_body).ok()?;
    Claims::of(answer.get("access_token")?.as_str()?)
}

fn is_issuing(endpoint: Option<&str>) -> bool {
    matches!(endpoint, Some("token" | "oauthToken"))
}

/// How many requests came with this token.
fn uses(token: &Claims, earlier: &[Earlier]) -> usize {
    let carries = |one: &&Earlier| {
        super::header(&one.exchange.request_headers, "authorization")
            .and_then(|header| bearer(header.as_bytes()))
            .and_then(Claims::of)
            .is_some_and(|claims| claims.id == token.id)
    };
    earlier.iter().filter(carries).count()
}
