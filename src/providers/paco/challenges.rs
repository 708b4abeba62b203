//! The 3-D Secure challenge: what a browser is given for it, and the access control server that
//! stands in for the payer's bank.

use std::sync::Arc;

use serde_json::{Value, json};

use super::browser::{Answer, ChallengeResult, Visit, creq_of};
use super::constants::THREE_DS_VERSION;
use super::html;
use super::orders::{Challenge, Found, Moment};
use super::pages::{finished, office_of, too_late};
use super::payments::{event_of, merchant_id};
use super::settings::Settings;
use super::states::{Event, State};
use crate::blueprint::{Call, Decision, Refusal, Verified};
use crate::scenario::Outcome;

/// Path of the access control server's page.
pub(super) const PATH: &str = "/challenge/browser";

/// `aresACSChallenge`: where the browser posts what.
pub(super) fn for_the_browser(challenge: &Challenge, acs_origin: &str) -> Value {
    let creq = creq_of(&challenge.transaction_id);
    let acs_url = format!("{acs_origin}{PATH}");
    json!({
        "acsURL": acs_url,
        "rawCreq": creq,
        "threeDSSessionData": challenge.session_data,
        "authentication3DSVersion": THREE_DS_VERSION,
        "challengeHTML": html::challenge_form(&acs_url, &creq, &challenge.session_data),
    })
}

/// Shows the payer the challenge.
pub(super) async fn show(
    call: Call,
    _settings: Arc<Settings>,
    request: Verified<Visit>,
    _outcome: Outcome,
) -> Result<Decision, Refusal> {
    let found = request.into_inner().found;
    match (&found.order.challenge, found.order.state) {
        (Some(challenge), State::Challenged) => {
            Ok(Decision::reply(html::challenge(&call, &found.order, challenge)))
        }
        _ => Err(too_late(&call, &found.order)),
    }
}

/// The payer has answered.
pub(super) async fn answered(
    call: Call,
    _settings: Arc<Settings>,
    request: Verified<Answer>,
    outcome: Outcome,
) -> Result<Decision, Refusal> {
    let Answer { mut found, result } = request.into_inner();
    if found.order.state != State::Challenged {
        return Err(too_late(&call, &found.order));
    }
    let event = match result {
        ChallengeResult::Pass => event_of(outcome),
        ChallengeResult::Fail => Event::FailAuthentication,
        ChallengeResult::Timeout => Event::TimeOutChallenge,
        ChallengeResult::Cancel => Event::Cancel,
    };
    let office = office_of(&call, &found.order)?;
    found.order.happens(event, &office, &Moment::of(&call));
    if event == Event::TimeOutChallenge {
        return Ok(timed_out(&call, &found));
    }
    Ok(finished(&call, &found))
}

/// The payment is not over: it ends when the order's time is up, unless somebody looks before.
fn timed_out(call: &Call, found: &Found) -> Decision {
    Decision {
        reply: html::returned(call, &found.order, &found.order.notification_urls.failed),
        changes: vec![found.order.change(merchant_id(call), call.now(), Some(found.version))],
        notifications: Vec::new(),
    }
}
