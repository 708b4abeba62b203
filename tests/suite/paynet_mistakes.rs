//! The usual mistakes with PayNet's portal, each made and named.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sandgate::crypto::hashes::{hmac_sha256, sha256, sha512};
use sandgate::ids::hex;
use serde_json::{Value, json};

use crate::harness::{Answer, Sandbox, start_instant};
use crate::portal::{FORM, JSON, LAST_DAY, Portal, setl01};

#[track_caller]
fn names(sandbox: &Sandbox, answer: &Answer, mistake: &str) -> Value {
    let explanation = sandbox.explanation(&answer.exchange());
    let found = explanation["near_misses"].as_array().expect("a list");
    let named = found.iter().find(|found| found["id"] == mistake);
    let named = named.unwrap_or_else(|| panic!("{mistake} is not named: {explanation}"));
    assert!(named["evidence"].as_str().is_some_and(|evidence| !evidence.is_empty()), "{named}");
    named.clone()
}

fn post(sandbox: &Sandbox, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    sandbox.send("paynet", "POST", path, headers, body.as_bytes())
}

fn second() -> i64 {
    start_instant().as_second()
}

#[test]
fn mistakes_in_asking_for_a_token_are_named() {
    let sandbox = Sandbox::start();
    let hard = Portal::with(&sandbox, "hard", &json!({"client_secret_style": "hard"}));
    let other = Portal::new(&sandbox, "other");
    let one_path = Portal::with(&sandbox, "one", &json!({"token_paths": "token"}));
    let form = |id: &str, secret: &str| {
        format!("grant_type=client_credentials&client_id={id}&client_secret={secret}")
    };
    let id = &hard.client_id;
    let json =
        json!({"grant_type": "client_credentials", "client_id": id, "client_secret": hard.secret});
    let escaped = |text: &str| {
        text.replace('%', "%25").replace('&', "%26").replace('+', "%2B").replace('=', "%3D")
    };
    // printf 'demo-paynet:demoPaynetSecret0001\n' | base64, and without the line break.
    let newline = ("authorization", "Basic ZGVtby1wYXluZXQ6ZGVtb1BheW5ldFNlY3JldDAwMDEK");
    let basic = ("authorization", "Basic ZGVtby1wYXluZXQ6ZGVtb1BheW5ldFNlY3JldDAwMDE=");
    for (headers, body, mistake) in [
        (vec![JSON], json.to_string(), "paynet.json_token_request"),
        (vec![FORM, basic], form("demo-paynet", ""), "paynet.credentials_twice"),
        (
            vec![FORM, newline],
            "grant_type=client_credentials".to_owned(),
            "paynet.newline_in_basic",
        ),
        (vec![FORM], form(id, &hard.secret), "paynet.secret_not_encoded"),
        (vec![FORM], form(id, &escaped(&escaped(&hard.secret))), "paynet.secret_encoded_twice"),
        (
            vec![FORM],
            form(&other.client_id, &format!("{}%0A", other.secret)),
            "paynet.space_around_secret",
        ),
        (vec![FORM], form(id, &other.secret), "paynet.other_secret"),
        (vec![FORM], form(&other.secret, &other.client_id), "paynet.swapped_credentials"),
    ] {
        let answer = post(&sandbox, "/token", &headers, &body);

        assert_ne!(answer.status, 200, "{mistake}");
        names(&sandbox, &answer, mistake);
        let kept = sandbox.admin_get(&format!("/exchanges/{}", answer.exchange())).text();
        assert!(!kept.contains(&escaped(&hard.secret)), "{kept}");
    }
    let answer = post(&sandbox, "/token?grant_type=client_credentials&client_id=x", &[FORM], "");
    names(&sandbox, &answer, "paynet.credentials_in_query");
    let answer = post(&sandbox, "/oauth/token", &[FORM], &one_path.form());
    answer.assert_status(404);
    names(&sandbox, &answer, "paynet.wrong_token_path");
}

#[test]
fn mistakes_with_the_bearer_token_are_named() {
    let sandbox = Sandbox::start();
    let portal = Portal::with(&sandbox, "bank", &json!({"skew_past_s": 86_400}));
    let bearer = format!("Bearer \"{}\"", portal.token);
    for (header, mistake) in [
        ("Basic ZGVtby1wYXluZXQ6eA==", "paynet.basic_at_report"),
        (portal.token.as_str(), "paynet.no_scheme"),
        (bearer.as_str(), "paynet.damaged_token"),
    ] {
        let answer = portal.types(&sandbox, &[("authorization", header)]);
        names(&sandbox, &answer, mistake);
    }
    sandbox.admin_post("/clock", &json!({"advance": "3610s"})).assert_status(200);
    let named = names(&sandbox, &portal.types(&sandbox, &[]), "paynet.expired_token");
    assert!(named["evidence"].as_str().is_some_and(|e| e.contains("expired 10 s ago")), "{named}");
}

#[test]
fn mistakes_with_the_timestamp_are_named() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let now = second();
    for (timestamp, mistake, evidence) in [
        (format!("{now}000"), "paynet.milliseconds", "13 digits"),
        (format!("{now}.5"), "paynet.fraction", "fraction"),
        (start_instant().to_string(), "paynet.date_text", "in Unix seconds"),
        ((now + 28_800).to_string(), "paynet.local_time", "8 h 0 min ahead"),
        ((now - 420).to_string(), "paynet.clock_skew", "420 s behind"),
    ] {
        let signature = portal.sign(&timestamp);
        let headers = [("x-timestamp", timestamp.as_str()), ("x-signature", signature.as_str())];
        let answer = portal.types(&sandbox, &headers);

        assert_eq!(answer.json()["message"], "Timestamp not within valid range");
        let named = names(&sandbox, &answer, mistake);
        assert!(named["evidence"].as_str().is_some_and(|e| e.contains(evidence)), "{named}");
    }
    sandbox.admin_post("/clock", &json!({"advance": "500s"})).assert_status(200);
    names(&sandbox, &portal.types(&sandbox, &[]), "paynet.timestamp_of_start");
}

#[test]
fn mistakes_with_the_signature_are_named() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let other = Portal::new(&sandbox, "other");
    let stamp = second().to_string();
    let secret = portal.secret.as_str();
    let hmac = |key: &str, text: &str| hex(&hmac_sha256(key.as_bytes(), text.as_bytes()));
    let body = setl01().to_string();
    let printed = "9b6c2cbfcf5a2fcf1a03b2dcf263dc8a59e248a212a24635f515e1c8708d2b4c";
    // HMAC-SHA512 by its definition (RFC 2104), for a key shorter than a block.
    let pad = |byte: u8| -> Vec<u8> {
        let mut block = secret.as_bytes().to_vec();
        block.resize(128, 0);
        block.iter().map(|b| b ^ byte).collect()
    };
    let inner = sha512(&[pad(0x36), stamp.clone().into_bytes()].concat());
    let longer = hex(&sha512(&[pad(0x5c), inner].concat()));
    for (signature, mistake) in [
        (printed.to_owned(), "paynet.sample_signature"),
        (hmac(secret, &body), "paynet.signed_body"),
        (hmac(secret, &format!("{stamp}{body}")), "paynet.signed_timestamp_and_body"),
        (hmac(&portal.token, &stamp), "paynet.token_as_key"),
        (hmac(&portal.client_id, &stamp), "paynet.client_id_as_key"),
        (hmac(&other.secret, &stamp), "paynet.other_client_s_key"),
        (secret.to_owned(), "paynet.secret_as_signature"),
        (format!("sha256={}", portal.sign(&stamp)), "paynet.decorated_signature"),
        (longer, "paynet.longer_hash"),
        (hex(&sha256(format!("{secret}{stamp}").as_bytes())), "paynet.hash_secret_first"),
    ] {
        let headers = [JSON, ("x-signature", signature.as_str())];
        let at = ("POST", "/v1/reports/download");
        let answer = portal.send(&sandbox, at, &headers, body.as_bytes());

        assert_eq!(answer.text(), r#"{"message":"Invalid signature"}"#, "{mistake}");
        names(&sandbox, &answer, mistake);
    }
}

/// The signatures that Python and openssl made, right ones and those of mistakes.
#[test]
fn signatures_of_other_tools_are_taken_and_their_mistakes_named() {
    let vectors = include_str!("../../fixtures/paynet/vectors/signatures.json");
    let vectors: Value = serde_json::from_str(vectors).expect("JSON");
    for vector in vectors.as_array().expect("a list") {
        let text = |member: &str| vector[member].as_str().expect("a text").to_owned();
        let timestamp = text("timestamp");
        let second: i64 = timestamp.parse().expect("a number");
        let at = jiff::Timestamp::from_second(second).expect("an instant");
        let sandbox = Sandbox::with(|builder| builder.frozen_at(at));
        let asked = json!({
            "provider": "paynet", "id": "bank", "credentials": {"client_secret": text("secret")},
        });
        let portal = Portal::asking(&sandbox, &asked);
        let stamped = ("x-timestamp", timestamp.as_str());

        portal.types(&sandbox, &[stamped, ("x-signature", &text("signature"))]).assert_status(200);
        let mistakes = vector["mistakes"].as_object().expect("mistakes");
        assert_eq!(mistakes.len(), 11);
        for (mistake, signature) in mistakes {
            let signature = signature.as_str().expect("a text");
            let answer = portal.types(&sandbox, &[stamped, ("x-signature", signature)]);
            answer.assert_status(400);
            names(&sandbox, &answer, mistake);
        }
    }
}

#[test]
fn mistakes_with_one_time_urls_are_named() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let get = |target: &str, headers: &[(&str, &str)]| {
        sandbox.send("paynet", "GET", target, headers, &[])
    };
    let link = portal.link(&sandbox, &setl01());
    let first = get(&link, &[("user-agent", "scanner/1.0"), ("authorization", "Bearer x")]);
    first.assert_status(200);
    names(&sandbox, &first, "paynet.token_sent_to_link");
    let named = names(&sandbox, &get(&link, &[]), "paynet.link_used_twice");
    let told = named["evidence"].as_str().unwrap_or_default();
    assert!(told.contains("2026-01-01T00:00:00Z") && told.contains("scanner/1.0"), "{told}");
    let raw = link.replace('&', "\\u0026");
    names(&sandbox, &get(&raw.replace('\\', "%5C"), &[]), "paynet.ampersand_not_decoded");
    let late = portal.link(&sandbox, &setl01());
    sandbox.admin_post("/clock", &json!({"advance": "301s"})).assert_status(200);
    names(&sandbox, &get(&late, &[]), "paynet.link_too_late");
}

#[test]
fn mistakes_with_reports_are_named() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let today = json!({"report_type": "SETL01", "product": "SAN", "date": "2026-01-01"});
    assert_ne!(LAST_DAY, "2026-01-01");
    names(&sandbox, &portal.download(&sandbox, &today), "paynet.utc_day");
    let sample = "{ query { Report($input: ReportParam { fields: []String! }) { status } } }";
    let at = ("POST", "/v2/reports/query");
    let answer = portal.send(&sandbox, at, &[JSON], sample.as_bytes());
    names(&sandbox, &answer, "paynet.printed_sample");
}

#[test]
fn a_right_request_and_an_unknown_mistake_have_no_near_miss() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    for headers in [vec![], vec![("x-signature", "00")], vec![("x-fiid", "Z9999")]] {
        let answer = portal.types(&sandbox, &headers);
        assert_eq!(sandbox.explanation(&answer.exchange())["near_misses"], json!([]));
    }
}

#[test]
fn every_mistake_of_paynet_is_made_by_a_test() {
    let sandbox = Sandbox::start();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| fs::read_to_string(root.join(file)).expect("readable");
    let tests =
        read("tests/suite/paynet_mistakes.rs") + &read("fixtures/paynet/vectors/signatures.json");

    let providers = sandbox.emulator.providers();
    let paynet = providers.iter().find(|provider| provider.id() == "paynet").expect("paynet");
    let known: BTreeSet<&str> = paynet.mistakes().iter().map(|mistake| mistake.id).collect();
    let untested: Vec<&&str> =
        known.iter().filter(|id| !tests.contains(&format!("\"{id}\""))).collect();

    assert_eq!(known.len(), paynet.mistakes().len(), "a mistake is there twice");
    assert!(untested.is_empty(), "no test makes {untested:?}");
}
