//! The usual mistakes of PACO integrations, and what shows each. One file for each thing that they
//! are made with.

mod amounts;
mod business;
mod claims;
mod form;
mod keys;
mod members;
mod mistakes;

use std::sync::Arc;

use serde_json::{Map, Value};

pub(super) use self::mistakes::{ALL, mistakes_table};
use super::layers::{Layer, Peeled, peel};
use super::merchant::PacoMerchant;
use super::settings::Settings;
use crate::blueprint::Evidence;
use crate::crypto::jose::CompactJws;
use crate::diagnosis::{NearMiss, Search};
use crate::json;
use crate::store::{RungVerdict, Verdict};

/// Everything that a candidate may look at.
struct Scene<'e> {
    evidence: &'e Evidence,
    /// The check that failed, empty where none did.
    failed: &'e str,
    merchant: Option<Arc<PacoMerchant>>,
    settings: &'e Settings,
    peeled: Peeled,
    claims: Map<String, Value>,
    /// The opened request, without card data: what is said of it can be shown.
    request: Map<String, Value>,
}

/// Which mistakes explain a recorded exchange.
pub(super) fn search(
    evidence: &Evidence,
    merchant: Option<Arc<PacoMerchant>>,
    settings: &Settings,
) -> Vec<NearMiss> {
    let mut search = Search::new();
    if evidence.is_scripted() || evidence.verdict == Verdict::Internal {
        // Only a rule made it fail, or we did: there is no mistake to look for.
        return search.found();
    }
    let failed = evidence.ladder.iter().find(|rung| rung.verdict == RungVerdict::Failed);
    let failed = failed.map_or("", |rung| &*rung.id);
    let on_inquiry = is_inquiry(evidence);
    // Opening a seal takes RSA work, which is spent only where the seal may be to blame.
    let sealed = !failed.is_empty() && failed != "paco.fields";
    let peeled = if sealed || on_inquiry {
        peel(&evidence.body, settings.environment)
    } else {
        Peeled::nothing()
    };
    let scene = Scene {
        evidence,
        failed,
        merchant,
        settings,
        claims: json::parse_object(&peeled.content).unwrap_or_default(),
        peeled,
        request: evidence.opened.as_ref().and_then(Value::as_object).cloned().unwrap_or_default(),
    };
    form::of_inquiries(&scene, &mut search);
    if !failed.is_empty() {
        form::of_the_message(&scene, &mut search);
        form::of_its_layers(&scene, &mut search);
        keys::of_encryption(&scene, &mut search);
        keys::of_signature(&scene, &mut search);
        claims::who_and_for_whom(&scene, &mut search);
        claims::instants(&scene, &mut search);
    }
    if failed == "paco.fields" {
        amounts::all(&scene, &mut search);
        members::all(&scene, &mut search);
    }
    if evidence.verdict == Verdict::Refused && failed.is_empty() {
        business::refusals(&scene, &mut search);
    }
    if evidence.verdict == Verdict::Accepted {
        business::oversights(&scene, &mut search);
    }
    search.found()
}

/// A path that leads to the inquiry, also by a method that it does not have.
fn is_inquiry(evidence: &Evidence) -> bool {
    let path = evidence.target.split('?').next().unwrap_or_default().to_ascii_lowercase();
    evidence.endpoint.as_deref() == Some("transactionStatus")
        || path.trim_end_matches('/').ends_with("/inquiry/transactionstatus")
}

impl Scene<'_> {
    fn is_endpoint(&self, names: &[&str]) -> bool {
        let endpoint = self.evidence.endpoint.as_deref().unwrap_or_default();
        names.iter().any(|name| name.eq_ignore_ascii_case(endpoint))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.evidence
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// A member of the opened request, its name without regard to case.
    fn member(&self, name: &str) -> Option<&Value> {
        member(&self.request, name)
    }

    fn jws(&self) -> Option<&CompactJws> {
        self.peeled.layers.iter().find_map(|layer| match layer {
            Layer::Jws(jws) => Some(&**jws),
            Layer::Jwe { .. } => None,
        })
    }
}

/// A member that is there and not null, its name without regard to case.
fn member<'v>(map: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    map.iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
        .filter(|value| !value.is_null())
}

/// What is quoted of a request, at a length that can be read.
fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("\"{shown}\"")
}

/// Upper and lower case, blanks, dashes and the like do not count.
fn loosely(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use serde_json::json;

    use super::*;
    use crate::store::LadderRung;

    /// A refund as it would be recorded.
    fn refund(failed: bool, opened: Value, code: &str, reason: &str) -> Evidence {
        let rung = LadderRung {
            id: Cow::Borrowed("paco.fields"),
            verdict: if failed { RungVerdict::Failed } else { RungVerdict::Passed },
            expected: None,
            got: None,
            detail: None,
            fix: None,
        };
        Evidence {
            method: "POST".to_owned(),
            target: "/api/1.0/Refund/refund".to_owned(),
            front_door: None,
            endpoint: Some("refund".to_owned()),
            headers: Vec::new(),
            body: Vec::new(),
            ladder: vec![rung],
            opened: Some(opened),
            answer: Some(json!({"response": {"ApiResponse": {"ResponseCode": code}}})),
            verdict: Verdict::Refused,
            reason: Some(reason.to_owned()),
            merchant: None,
            related: Vec::new(),
            earlier: Vec::new(),
            at: "2026-01-01T00:00:00Z".parse().expect("valid"),
            machine_at: None,
        }
    }

    fn found(evidence: &Evidence) -> Vec<String> {
        let settings = Settings::resolve(&[], None).expect("the defaults are right");
        search(evidence, None, &settings).into_iter().map(|found| found.id).collect()
    }

    #[test]
    fn the_mistakes_of_refunds_are_named() {
        let amount = json!({"AmountText": "000000000100", "CurrencyCode": "NPR",
            "DecimalPlaces": 2, "Amount": 1});
        let malformed = |opened: Value| found(&refund(true, opened, "PC-B050039", ""));

        let wrapped =
            json!({"officeId": "X", "orderNo": "1", "refundDetails": {"refundAmount": amount}});
        assert_eq!(malformed(wrapped), ["paco.refund_details_wrapper"]);
        for checker in [json!(null), json!({}), json!({"maker": {"email": "x"}})] {
            let opened =
                json!({"orderNo": "1", "refundAmount": amount, "localMakerChecker": checker});
            assert_eq!(malformed(opened), ["paco.refund_maker_missing"]);
        }
        let maker = json!({"maker": {"username": "me"}});
        let by_invoice = json!({"invoiceNo2C2P": "X1", "localMakerChecker": maker});
        assert_eq!(malformed(by_invoice), ["paco.keyed_by_invoice_no"]);
        let right = json!({"orderNo": "1", "refundAmount": amount, "localMakerChecker": maker});
        assert!(malformed(right).is_empty());
    }

    #[test]
    fn a_refund_in_the_wrong_state_is_named_by_the_state() {
        for (state, mistake) in [
            ("A/PA", "paco.refund_before_settlement"),
            ("V/VD", "paco.already_voided"),
            ("R/RP", "paco.already_refunded"),
            ("F/PR", "paco.not_approved"),
        ] {
            let reason = format!("wanted a settled payment (S/ST), got one in {state}; and more");
            let evidence = refund(false, json!({"orderNo": "1"}), "PC-B050053", &reason);
            assert_eq!(found(&evidence), [mistake]);
        }
        let other = refund(false, json!({"orderNo": "1"}), "PC-B050053", "wanted a settled amount");
        assert!(found(&other).is_empty());
    }
}
