//! The usual mistakes with PayNet's portal, each made and named.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use sandgate::clock::system_now;
use sandgate::crypto::hashes::{hmac_sha256, sha256, sha512};
use sandgate::ids::hex;
use serde_json::{Value, json};

use crate::harness::{Answer, Sandbox, agent, start_instant, wait_for};
use crate::portal::{FORM, JSON, LAST_DAY, Portal, link_whose_client_left, setl01};

/// Looks that this mistake is the first that is named.
#[track_caller]
fn names(sandbox: &Sandbox, answer: &Answer, mistake: &str) -> Value {
    let explanation = sandbox.explanation(&answer.exchange());
    let named = &explanation["near_misses"][0];
    assert_eq!(named["id"], mistake, "{explanation}");
    assert!(!told(named).is_empty(), "{named}");
    named.clone()
}

/// Looks that exactly these mistakes are named, in this order.
#[track_caller]
fn names_all(sandbox: &Sandbox, answer: &Answer, mistakes: &[&str]) {
    let explanation = sandbox.explanation(&answer.exchange());
    let found = explanation["near_misses"].as_array().expect("a list");
    let ids: Vec<&str> = found.iter().filter_map(|found| found["id"].as_str()).collect();
    assert_eq!(ids, mistakes, "{explanation}");
}

/// The evidence of a mistake.
fn told(named: &Value) -> &str {
    named["evidence"].as_str().unwrap_or_default()
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
    assert!(told(&named).contains("expired 10 s ago"), "{named}");
}

#[test]
fn no_token_and_the_word_for_nothing_are_named() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    for (header, mistake, got) in [
        ("Bearer ", "paynet.empty_token", "Bearer, and no token behind it"),
        ("Bearer", "paynet.empty_token", "Bearer, and no token behind it"),
        ("Bearer null", "paynet.null_token", "the word null where a token belongs"),
        ("Bearer undefined", "paynet.null_token", "the word undefined where a token belongs"),
        ("Bearer None", "paynet.null_token", "the word None where a token belongs"),
    ] {
        let answer = portal.types(&sandbox, &[("authorization", header)]);

        names_all(&sandbox, &answer, &[mistake]);
        let checks = sandbox.explanation(&answer.exchange())["checks"].clone();
        let checks = checks.as_array().expect("a list");
        assert!(checks.iter().any(|check| check["got"] == got), "{checks:?}");
    }
}

#[test]
fn a_token_that_was_cut_is_named_however_much_is_missing() {
    let sandbox = Sandbox::start();
    let mut portal = Portal::new(&sandbox, "bank");
    let issuing = renew(&sandbox, &mut portal);
    let token = portal.token.clone();
    for missing in [1, 2, 3, 4, 10, 42, 43, 44, 45, 60, 100, token.len() - 30] {
        let header = format!("Bearer {}", &token[..token.len() - missing]);
        let answer = portal.types(&sandbox, &[("authorization", &header)]);

        names_all(&sandbox, &answer, &["paynet.cut_token"]);
        let named = names(&sandbox, &answer, "paynet.cut_token");
        let certain = match missing {
            1 => "its last letter is missing".to_owned(),
            2..=43 => format!("its last {missing} letters are missing"),
            44 => "the 43 letters of the signature are missing".to_owned(),
            _ => String::new(),
        };
        assert!(told(&named).contains(&certain), "{missing}: {named}");
        if missing <= 100 {
            let by = format!("exchange {} gave that token out", issuing.exchange());
            assert!(told(&named).contains(&by), "{missing}: {named}");
        }
        let said = sandbox.explanation(&answer.exchange()).to_string();
        let kept = sandbox.admin_get(&format!("/exchanges/{}", answer.exchange())).text();
        assert!(!said.contains("Invalid last") && !said.contains("offset"), "{said}");
        let end = &token[token.len() - 43..token.len() - 30];
        assert!(!said.contains(end) && !kept.contains(end), "{kept}");
    }
}

#[test]
fn a_token_in_which_a_letter_was_changed_is_named() {
    let sandbox = Sandbox::start();
    let mut portal = Portal::new(&sandbox, "bank");
    let issuing = renew(&sandbox, &mut portal);
    let token = portal.token.clone();
    let claims = token.find('.').expect("a dot") + 1;
    let signature = token.rfind('.').expect("a dot") + 1;
    let changed = |at: usize| {
        let letter = if &token[at..=at] == "A" { "B" } else { "A" };
        format!("Bearer {}{letter}{}", &token[..at], &token[at + 1..])
    };
    let all = (0..token.len()).step_by(9).chain([claims, signature, token.len() - 1]);
    for at in all.filter(|at| &token[*at..=*at] != ".") {
        let header = changed(at);
        let answer = portal.types(&sandbox, &[("authorization", &header)]);

        answer.assert_status(400);
        names_all(&sandbox, &answer, &["paynet.changed_token"]);
        let named = names(&sandbox, &answer, "paynet.changed_token");
        if at >= signature {
            let place = format!("but for letter {} of 43; ", at - signature + 1);
            assert!(told(&named).contains(&place), "{named}");
            assert!(told(&named).contains(&issuing.exchange()), "{named}");
        }
    }
}

#[test]
fn the_exchange_of_a_token_is_found_by_an_id_in_which_a_letter_was_changed() {
    let sandbox = Sandbox::start();
    let mut portal = Portal::new(&sandbox, "bank");
    let issuing = renew(&sandbox, &mut portal);
    let parts: Vec<&str> = portal.token.split('.').collect();
    let claims = URL_SAFE_NO_PAD.decode(parts[1]).expect("base64url");
    let claims = String::from_utf8(claims).expect("a text");
    let id = claims.find("\"jti\":\"").expect("an id") + 7;
    let changed = |letters: usize| {
        let mut claims = claims.clone().into_bytes();
        for letter in claims[id + 3..].iter_mut().step_by(6).take(letters) {
            *letter = if *letter == b'0' { b'1' } else { b'0' };
        }
        format!("Bearer {}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(claims), parts[2])
    };

    for (letters, evidence) in
        [(1, "gave that token out"), (2, "it is this sandbox's, and was changed")]
    {
        let header = changed(letters);
        let answer = portal.types(&sandbox, &[("authorization", &header)]);
        let explanation = sandbox.explanation(&answer.exchange());
        let named = &explanation["near_misses"][0];
        assert!(told(named).contains(&issuing.exchange()), "{named}");
        assert!(told(named).contains(evidence), "{named}");
    }
}

#[test]
fn letters_behind_the_end_of_a_token_are_counted() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let header = format!("Bearer {}x-1", portal.token);
    let answer = portal.types(&sandbox, &[("authorization", &header)]);

    names_all(&sandbox, &answer, &["paynet.damaged_token"]);
    let named = names(&sandbox, &answer, "paynet.damaged_token");
    assert!(told(&named).contains("but for 3 letters behind its end"), "{named}");
}

#[test]
fn a_token_of_another_sandbox_is_named() {
    let here = Sandbox::start();
    let there = Sandbox::start();
    let with_secret = |secret: &str| {
        json!({
            "provider": "paynet", "id": "bank",
            "credentials": {"client_id": "the-bank", "client_secret": secret},
        })
    };
    let portal = Portal::asking(&here, &with_secret("aSecretOfThisSandbox01"));
    let before = Portal::asking(&there, &with_secret("aSecretOfTheOtherOne02"));
    let unknown = Portal::new(&there, "nobody-here");
    for (other, evidence) in
        [(before, "the claims name client the-bank"), (unknown, "which is not known here")]
    {
        let header = format!("Bearer {}", other.token);
        let answer = portal.types(&here, &[("authorization", &header)]);

        names_all(&here, &answer, &["paynet.foreign_token"]);
        let named = names(&here, &answer, "paynet.foreign_token");
        assert!(told(&named).contains(evidence), "{named}");
    }
}

#[test]
fn a_token_that_is_used_up_to_its_last_second_is_named_when_it_is_too_late() {
    let sandbox = Sandbox::start();
    let portal = Portal::with(&sandbox, "bank", &json!({"skew_past_s": 86_400}));
    for (advance, late) in [(3600, 0), (2, 2), (3, 5)] {
        let advance = json!({"advance": format!("{advance}s")});
        sandbox.admin_post("/clock", &advance).assert_status(200);
        let answer = portal.types(&sandbox, &[]);

        names_all(&sandbox, &answer, &["paynet.token_to_the_last_second"]);
        let named = names(&sandbox, &answer, "paynet.token_to_the_last_second");
        assert!(told(&named).contains(&format!("expired {late} s ago")), "{named}");
    }
}

#[test]
fn a_token_that_is_taken_in_its_last_seconds_has_a_note() {
    let sandbox = Sandbox::start();
    let portal = Portal::with(&sandbox, "bank", &json!({"skew_past_s": 86_400}));
    for (advance, left) in [(3594, 6), (1, 5), (4, 1)] {
        let advance = json!({"advance": format!("{advance}s")});
        sandbox.admin_post("/clock", &advance).assert_status(200);
        let answer = portal.types(&sandbox, &[]);

        answer.assert_status(200);
        if left > 5 {
            names_all(&sandbox, &answer, &[]);
            continue;
        }
        names_all(&sandbox, &answer, &["paynet.token_to_the_last_second"]);
        let named = names(&sandbox, &answer, "paynet.token_to_the_last_second");
        assert!(told(&named).contains(&format!("good for {left} s more; if")), "{named}");
    }
}

/// Asks for a new token, and takes it.
fn renew(sandbox: &Sandbox, portal: &mut Portal) -> Answer {
    let answer = post(sandbox, "/token", &[FORM], &portal.form());
    answer.assert_status(200);
    answer.json()["access_token"].as_str().expect("a token").clone_into(&mut portal.token);
    answer
}

#[test]
fn the_journal_keeps_the_claims_of_a_client_s_own_token_and_never_a_signature() {
    let sandbox = Sandbox::start();
    let mut portal = Portal::new(&sandbox, "bank");
    let link = portal.link(&sandbox, &setl01());
    let issuing = renew(&sandbox, &mut portal);
    let using = portal.types(&sandbox, &[]);
    let (claims, signature) = portal.token.rsplit_once('.').expect("three parts");
    let kept =
        |answer: &Answer| sandbox.admin_get(&format!("/exchanges/{}", answer.exchange())).text();

    for answer in [&issuing, &using] {
        assert!(kept(answer).contains(&format!("{claims}.***")), "{}", kept(answer));
        assert!(!kept(answer).contains(signature), "{}", kept(answer));
    }
    let other = Portal::new(&sandbox, "other");
    let foreign = format!("Bearer {}", other.token);
    let headers = [("authorization", foreign.as_str())];
    let fetched = sandbox.send("paynet", "GET", &link, &headers, &[]);
    fetched.assert_status(200);
    assert!(kept(&fetched).contains("\"Bearer ***\""), "{}", kept(&fetched));
}

#[test]
fn a_token_that_a_rule_gave_out_wrong_is_no_mistake_of_the_client() {
    let sandbox = Sandbox::start();
    let mut portal = Portal::new(&sandbox, "bank");
    for (misbehaviour, evidence) in
        [("expired", "0 s after its expiry"), ("wrong_signing_key", "with a wrong key")]
    {
        let rule = json!({"merchant": "bank", "rule": {
            "name": "a bad token", "times": 1, "misbehave": misbehaviour,
        }});
        sandbox.admin_post("/scenarios/armed", &rule).assert_status(201);
        let issuing = renew(&sandbox, &mut portal);
        let answer = portal.types(&sandbox, &[]);

        answer.assert_status(400);
        names_all(&sandbox, &answer, &["paynet.token_of_a_rule"]);
        let named = names(&sandbox, &answer, "paynet.token_of_a_rule");
        let by = format!("exchange {} gave it out at 2026-01-01T00:00:00Z by", issuing.exchange());
        assert!(told(&named).starts_with(&by), "{named}");
        assert!(told(&named).contains("the rule \"a bad token\""), "{named}");
        assert!(told(&named).contains(evidence), "{named}");
    }
    // A rule that only took part leaves the token as good as any.
    let rule = json!({"merchant": "bank", "rule": {
        "name": "slow", "times": 1, "fault": {"delay_ms": 1},
    }});
    sandbox.admin_post("/scenarios/armed", &rule).assert_status(201);
    renew(&sandbox, &mut portal);
    sandbox.admin_post("/clock", &json!({"advance": "2h"})).assert_status(200);
    let answer = portal.types(&sandbox, &[]);
    names_all(&sandbox, &answer, &["paynet.expired_token"]);
}

#[test]
fn a_token_for_each_request_is_noted_where_the_tokens_were_good_for_more() {
    let sandbox = Sandbox::start();
    let mut portal = Portal::new(&sandbox, "bank");
    portal.types(&sandbox, &[]).assert_status(200);
    for _ in 0..2 {
        let issuing = renew(&sandbox, &mut portal);
        portal.types(&sandbox, &[]).assert_status(200);
        names_all(&sandbox, &issuing, &[]);
    }
    let fourth = renew(&sandbox, &mut portal);
    names_all(&sandbox, &fourth, &["paynet.token_for_each_request"]);
    let named = names(&sandbox, &fourth, "paynet.token_for_each_request");
    assert!(told(&named).contains("good for 3600 s more; if it is one client"), "{named}");

    portal.types(&sandbox, &[]).assert_status(200);
    portal.types(&sandbox, &[]).assert_status(200);
    names_all(&sandbox, &renew(&sandbox, &mut portal), &[]);
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
        ((now - 420).to_string(), "paynet.clock_skew", "420 s behind"),
        ((now + 900).to_string(), "paynet.clock_skew", "900 s ahead"),
        ((now - 900).to_string(), "paynet.clock_skew", "900 s behind"),
    ] {
        let answer = at_second(&sandbox, &portal, &timestamp);

        assert_eq!(answer.json()["message"], "Timestamp not within valid range");
        names_all(&sandbox, &answer, &[mistake]);
        let named = names(&sandbox, &answer, mistake);
        assert!(told(&named).contains(evidence), "{named}");
    }
    for (off, evidence) in [
        (28_800, "28800 s (8 h 0 min) ahead of this server, the difference of a zone, UTC+08:00"),
        (-12_570, "12570 s (3 h 30 min) behind this server, the difference of a zone, UTC-03:30"),
    ] {
        let answer = at_second(&sandbox, &portal, &(now + off).to_string());

        names_all(&sandbox, &answer, &["paynet.local_time", "paynet.clock_skew"]);
        let named = names(&sandbox, &answer, "paynet.local_time");
        assert!(told(&named).contains(evidence), "{named}");
    }
    sandbox.admin_post("/clock", &json!({"advance": "500s"})).assert_status(200);
    names(&sandbox, &portal.types(&sandbox, &[]), "paynet.timestamp_of_start");
}

#[test]
fn a_client_with_this_machine_s_time_is_told_that_the_sandbox_s_clock_was_moved() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let machine = || system_now().as_second().to_string();
    let answer = at_second(&sandbox, &portal, &machine());

    names_all(&sandbox, &answer, &["paynet.sandbox_clock_moved"]);
    let named = names(&sandbox, &answer, "paynet.sandbox_clock_moved");
    let evidence = told(&named);
    assert!(evidence.contains("the sandbox's clock shows 2026-01-01T00:00:00Z"), "{evidence}");
    assert!(evidence.ends_with("put the clock back: sandgate clock reset"), "{evidence}");
    sandbox.admin_post("/clock", &json!({"reset": true})).assert_status(200);
    assert_eq!(names(&sandbox, &answer, "paynet.sandbox_clock_moved"), named);

    let shifted = Portal::new(&sandbox, "shifted");
    for (shift, way) in [("-10m", "10 min 0 s behind"), ("15m", "min")] {
        let shift = json!({ "shift": shift });
        sandbox.admin_post("/clock?merchant=shifted", &shift).assert_status(200);
        let answer = at_second(&sandbox, &shifted, &machine());
        names_all(&sandbox, &answer, &["paynet.sandbox_clock_moved"]);
        let named = names(&sandbox, &answer, "paynet.sandbox_clock_moved");
        let evidence = told(&named);
        assert!(evidence.contains("the clock of merchant shifted shows"), "{evidence}");
        assert!(evidence.contains(way), "{evidence}");
        assert!(evidence.ends_with("sandgate clock reset --merchant shifted"), "{evidence}");
    }
    sandbox.admin_post("/clock?merchant=shifted", &json!({"reset": true})).assert_status(200);
    let skewed = (system_now().as_second() - 900).to_string();
    names_all(&sandbox, &at_second(&sandbox, &shifted, &skewed), &["paynet.clock_skew"]);

    let second = machine();
    at_second(&sandbox, &shifted, &second).assert_status(200);
    sandbox.admin_post("/clock?merchant=shifted", &json!({"shift": "15m"})).assert_status(200);
    let again = at_second(&sandbox, &shifted, &second);
    names_all(&sandbox, &again, &["paynet.sandbox_clock_moved", "paynet.old_headers"]);
}

#[test]
fn a_token_that_expired_because_the_clock_was_advanced_says_so() {
    let sandbox = Sandbox::start();
    sandbox.admin_post("/clock", &json!({"reset": true})).assert_status(200);
    let portal = Portal::new(&sandbox, "bank");
    sandbox.admin_post("/clock", &json!({"advance": "2h"})).assert_status(200);
    let named = names(&sandbox, &portal.types(&sandbox, &[]), "paynet.expired_token");

    assert!(
        told(&named).contains("ahead of this machine's, by which the token is good"),
        "{named}"
    );
}

#[test]
fn headers_that_were_taken_once_are_named_when_they_come_again_too_late() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let other = Portal::new(&sandbox, "other");
    let advance = |seconds: u32| {
        let advance = json!({"advance": format!("{seconds}s")});
        sandbox.admin_post("/clock", &advance).assert_status(200);
    };
    advance(10);
    let stamp = (second() + 10).to_string();
    let first = at_second(&sandbox, &portal, &stamp);
    first.assert_status(200);
    advance(100);
    at_second(&sandbox, &portal, &stamp).assert_status(200);
    for (wait, ago, times) in [(300, "6 min 40 s", 3), (500, "15 min 0 s", 4)] {
        advance(wait);
        let late = at_second(&sandbox, &portal, &stamp);

        late.assert_status(400);
        names_all(&sandbox, &late, &["paynet.old_headers"]);
        let named = names(&sandbox, &late, "paynet.old_headers");
        let told = told(&named);
        assert!(told.contains(&format!("exchange {} was taken", first.exchange())), "{told}");
        assert!(told.contains("X-Signature at 2026-01-01T00:00:10Z"), "{told}");
        assert!(told.contains(&format!("{ago} ago; this is request {times} with")), "{told}");
    }
    names_all(&sandbox, &at_second(&sandbox, &other, &stamp), &["paynet.clock_skew"]);
    let never_taken = (second() + 11).to_string();
    names_all(&sandbox, &at_second(&sandbox, &portal, &never_taken), &["paynet.clock_skew"]);
}

#[test]
fn a_timestamp_that_was_made_with_the_token_and_taken_is_old_before_all() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    portal.types(&sandbox, &[]).assert_status(200);
    sandbox.admin_post("/clock", &json!({"advance": "3599s"})).assert_status(200);
    let late = portal.types(&sandbox, &[]);

    names_all(&sandbox, &late, &["paynet.old_headers", "paynet.timestamp_of_start"]);
}

/// A request with this X-Timestamp and the signature that belongs to it.
fn at_second(sandbox: &Sandbox, portal: &Portal, timestamp: &str) -> Answer {
    let signature = portal.sign(timestamp);
    portal.types(sandbox, &[("x-timestamp", timestamp), ("x-signature", &signature)])
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
    let at = "/v1/reports/download";
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
        (hmac(secret, &format!("{stamp}.{body}")), "paynet.signed_timestamp_and_body"),
        (hmac(secret, &format!("POST{at}{stamp}")), "paynet.signed_request"),
        (hmac(secret, &format!("{stamp}\nPOST\n{at}")), "paynet.signed_request"),
        (hmac(secret, &format!("{at}:{stamp}")), "paynet.signed_request"),
        (hmac(secret, &format!("{stamp}POST{at}{body}")), "paynet.signed_request"),
        (hmac(&format!("\"{secret}\""), &stamp), "paynet.key_in_quotes"),
        (hmac(&format!("'{secret}'"), &stamp), "paynet.key_in_quotes"),
        (hmac(secret, &format!("{}{stamp}", portal.fiid)), "paynet.signed_name"),
        (hmac(secret, &format!("{stamp}|{}", portal.fiid)), "paynet.signed_name"),
        (hmac(secret, &format!("{}:{stamp}", portal.client_id)), "paynet.signed_name"),
        (hmac(secret, &format!("{stamp},{}", portal.client_id)), "paynet.signed_name"),
        (hmac(&portal.token, &stamp), "paynet.token_as_key"),
        (hmac(&portal.client_id, &stamp), "paynet.client_id_as_key"),
        (hmac(&other.secret, &stamp), "paynet.other_client_s_key"),
        (secret.to_owned(), "paynet.secret_as_signature"),
        (format!("sha256={}", portal.sign(&stamp)), "paynet.decorated_signature"),
        (longer, "paynet.longer_hash"),
        (hex(&sha256(format!("{secret}{stamp}").as_bytes())), "paynet.hash_secret_first"),
    ] {
        let headers = [JSON, ("x-signature", signature.as_str())];
        let answer = portal.send(&sandbox, ("POST", at), &headers, body.as_bytes());

        assert_eq!(answer.text(), r#"{"message":"Invalid signature"}"#, "{mistake}");
        names_all(&sandbox, &answer, &[mistake]);
    }
}

#[test]
fn a_digest_in_base64_for_urls_is_named_with_padding_and_without() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    // One whose base64 differs from that for URLs.
    let mut stamps = (0..100).map(|off| (second() - off).to_string());
    let found = stamps.find_map(|stamp| {
        let digest = hmac_sha256(portal.secret.as_bytes(), stamp.as_bytes());
        let text = URL_SAFE.encode(digest);
        text.contains(['-', '_']).then_some((stamp, text))
    });
    let (stamp, text) = found.expect("one in a hundred has such a letter");

    for signature in [text.as_str(), text.trim_end_matches('=')] {
        let headers = [("x-timestamp", stamp.as_str()), ("x-signature", signature)];
        let named = names(&sandbox, &portal.types(&sandbox, &headers), "paynet.base64_digest");
        assert!(told(&named).contains("base64url"), "{named}");
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
        assert_eq!(mistakes.len(), 14);
        for (mistake, signature) in mistakes {
            let signature = signature.as_str().expect("a text");
            let answer = portal.types(&sandbox, &[stamped, ("x-signature", signature)]);
            answer.assert_status(400);
            names_all(&sandbox, &answer, &[mistake]);
            let named = names(&sandbox, &answer, mistake);
            let three_earlier = told(&named).contains("3 s earlier than X-Timestamp");
            assert_eq!(three_earlier, mistake == "paynet.other_second", "{named}");
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
    let by = format!("exchange {} fetched it first; one GET is one download", first.exchange());
    assert!(told(&named).starts_with(&by), "{named}");
    assert!(told(&named).contains("Ask for a new URL"), "{named}");
    let raw = link.replace('&', "\\u0026");
    names(&sandbox, &get(&raw.replace('\\', "%5C"), &[]), "paynet.ampersand_not_decoded");
    let late = portal.link(&sandbox, &setl01());
    sandbox.admin_post("/clock", &json!({"advance": "301s"})).assert_status(200);
    let named = names(&sandbox, &get(&late, &[]), "paynet.link_too_late");
    assert!(told(&named).starts_with("it was fetched 1 s after the link expired; ask"), "{named}");
}

#[test]
fn a_link_whose_file_did_not_arrive_whole_says_so_when_it_is_fetched_again() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let link = portal.link(&sandbox, &setl01());
    let rule = json!({"merchant": "bank", "rule": {
        "name": "torn", "times": 1, "when": {"endpoint": "file"}, "fault": {"cut_after_bytes": 100},
    }});
    sandbox.admin_post("/scenarios/armed", &rule).assert_status(201);
    let url = format!("{}{link}", sandbox.emulator.base_url("paynet"));
    let mut broken = agent().get(&url).call().expect("a head");
    assert!(broken.body_mut().read_to_vec().is_err());

    let again = sandbox.send("paynet", "GET", &link, &[], &[]);

    again.assert_status(403);
    let told_at_last = wait_for("the delivery's end", || {
        let named = names(&sandbox, &again, "paynet.link_used_twice");
        Some(told(&named).to_owned()).filter(|told| told.contains("may not have arrived whole"))
    });
    assert!(told_at_last.contains("the rule \"torn\" cut"), "{told_at_last}");
    assert!(told_at_last.contains("Ask for a new URL"), "{told_at_last}");
}

#[test]
fn a_link_whose_first_client_left_says_so_when_it_is_fetched_again() {
    let sandbox = Sandbox::start();
    let (_, link) = link_whose_client_left(&sandbox);

    let again = sandbox.send("paynet", "GET", &link, &[], &[]);

    wait_for("the delivery's end", || {
        let named = names(&sandbox, &again, "paynet.link_used_twice");
        told(&named).contains("did not arrive whole: its client left").then_some(())
    });
}

#[test]
fn a_link_whose_instants_have_parts_of_a_second_is_told_in_whole_ones() {
    let at: jiff::Timestamp = "2026-01-01T00:00:00.123456789Z".parse().expect("an instant");
    let sandbox = Sandbox::with(|builder| builder.frozen_at(at));
    let portal = Portal::new(&sandbox, "bank");
    let link = portal.link(&sandbox, &setl01());
    let get = || sandbox.send("paynet", "GET", &link, &[], &[]);
    get().assert_status(200);

    let explanation = sandbox.explanation(&get().exchange());

    let said = explanation["checks"].to_string() + &explanation["near_misses"].to_string();
    assert!(said.contains("used at 2026-01-01T00:00:00Z") && !said.contains(".123"), "{said}");
}

#[test]
fn a_member_of_nearly_the_right_name_is_named_with_the_right_one() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    for (there, wanted) in
        [("reportType", "report_type"), ("reporttype", "report_type"), ("Product", "product")]
    {
        let mut body = setl01();
        let value = body.as_object_mut().and_then(|members| members.remove(wanted));
        body[there] = value.expect("it was there");
        let answer = portal.download(&sandbox, &body);

        assert_eq!(answer.json()["error"]["code"], "E0006", "{}", answer.text());
        names_all(&sandbox, &answer, &["paynet.member_name"]);
        let named = names(&sandbox, &answer, "paynet.member_name");
        let pair = format!("the body has \"{there}\", and {wanted} is wanted");
        assert_eq!(told(&named), pair, "{named}");
    }
    let answer = portal.download(&sandbox, &json!({"kind": "SETL01", "product": "SAN"}));
    names_all(&sandbox, &answer, &[]);
}

#[test]
fn a_day_in_another_form_is_shown_as_it_is_wanted() {
    let calendar = Calendar::at("2026-11-26T02:00:00Z");
    for text in ["20261124", "2026/11/24", "24-11-2026", "24/11/2026", "2026-11-24T00:00:00Z"] {
        for answer in [calendar.v2("D01", ("date", text)), calendar.v1("SETL01", text)] {
            names_all(&calendar.sandbox, &answer, &["paynet.date_form"]);
            let named = names(&calendar.sandbox, &answer, "paynet.date_form");
            assert!(told(&named).ends_with("as it is wanted is 2026-11-24"), "{named}");
        }
    }
    names_all(&calendar.sandbox, &calendar.v2("D01", ("date", "05/11/2026")), &[]);
}

#[test]
fn the_sample_of_the_documents_is_named_however_it_is_sent() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let at = ("POST", "/v2/reports/query");
    let bare = "{ query { Report($input: ReportParam { fields: []String! }) { status } } }";
    let named = names(
        &sandbox,
        &portal.send(&sandbox, at, &[JSON], bare.as_bytes()),
        "paynet.printed_sample",
    );
    assert!(told(&named).contains("[String]!, not []String!"), "{named}");
    let braces = "{ query { Report($input: ReportParam) { status } } }";
    let argument = "query { Report($input: ReportParam) { status } }";
    for query in [bare, braces, argument] {
        let answer = portal.query(&sandbox, query, &json!({}));

        assert_eq!(answer.json()["errors"][0]["extensions"]["code"], "E0012");
        names_all(&sandbox, &answer, &["paynet.printed_sample"]);
    }
    let other = portal.query(&sandbox, "query { Report(", &json!({}));
    names_all(&sandbox, &other, &[]);
}

#[test]
fn a_poll_with_the_fields_in_another_order_is_named_as_another_report() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let first = itemised(&sandbox, &portal, LAST_DAY, &["reference_id", "mcc", "payer_id"]);
    let again = itemised(&sandbox, &portal, LAST_DAY, &["reference_id", "mcc", "payer_id"]);
    let shuffled = itemised(&sandbox, &portal, LAST_DAY, &["mcc", "reference_id", "payer_id"]);
    let its_second = itemised(&sandbox, &portal, LAST_DAY, &["mcc", "reference_id", "payer_id"]);

    for right in [&first, &again, &its_second] {
        names_all(&sandbox, right, &[]);
    }
    assert_eq!(shuffled.json()["data"]["Report"]["status"], "new");
    names_all(&sandbox, &shuffled, &["paynet.fields_in_another_order"]);
    let named = names(&sandbox, &shuffled, "paynet.fields_in_another_order");
    let told = told(&named);
    assert!(told.starts_with(&format!("exchange {} asked for", again.exchange())), "{told}");
    assert!(told.contains("A client that iterates a hash set polls for ever"), "{told}");
    let other_day = itemised(&sandbox, &portal, "2025-12-30", &["mcc", "payer_id", "reference_id"]);
    names_all(&sandbox, &other_day, &[]);
}

#[test]
fn a_poll_with_other_fields_is_named_until_the_report_is_ready() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let first = itemised(&sandbox, &portal, LAST_DAY, &["reference_id", "mcc"]);
    let other = itemised(&sandbox, &portal, LAST_DAY, &["reference_id", "payer_id"]);

    names_all(&sandbox, &other, &["paynet.other_fields"]);
    let named = names(&sandbox, &other, "paynet.other_fields");
    let told = told(&named);
    assert!(told.starts_with(&format!("exchange {} asked", first.exchange())), "{told}");
    assert!(told.contains("without mcc and with payer_id. If it was meant"), "{told}");
    itemised(&sandbox, &portal, LAST_DAY, &["reference_id", "payer_id"]);
    let ready = itemised(&sandbox, &portal, LAST_DAY, &["reference_id", "payer_id"]);
    assert_eq!(ready.json()["data"]["Report"]["status"], "ready");
    let another = itemised(&sandbox, &portal, LAST_DAY, &["trace_id"]);
    names_all(&sandbox, &another, &[]);
}

fn itemised(sandbox: &Sandbox, portal: &Portal, date: &str, fields: &[&str]) -> Answer {
    let query = "query($input: ReportParam){Report(input:$input){status url}}";
    let input = json!({"product": "MYD", "report": "I01", "date": date, "fields": fields});
    let answer = portal.query(sandbox, query, &input);
    assert!(answer.json()["data"]["Report"]["status"].is_string(), "{}", answer.text());
    answer
}

/// A sandbox at an instant, a client, and what it is told of a day of a report of v1.
struct Calendar {
    sandbox: Sandbox,
    portal: Portal,
}

impl Calendar {
    fn at(instant: &str) -> Self {
        let at: jiff::Timestamp = instant.parse().expect("an instant");
        let sandbox = Sandbox::with(|builder| builder.frozen_at(at));
        let portal = Portal::new(&sandbox, "bank");
        Self { sandbox, portal }
    }

    fn stamped(&self) -> Vec<(String, String)> {
        let now = self.sandbox.admin_get("/clock").json()["now"].clone();
        let now: jiff::Timestamp = now.as_str().and_then(|at| at.parse().ok()).expect("an instant");
        let stamp = now.as_second().to_string();
        vec![
            ("x-signature".to_owned(), self.portal.sign(&stamp)),
            ("x-timestamp".to_owned(), stamp),
        ]
    }

    fn send(&self, path: &str, body: &Value) -> Answer {
        let stamped = self.stamped();
        let mut headers = vec![JSON];
        headers.extend(stamped.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        self.portal.send(&self.sandbox, ("POST", path), &headers, body.to_string().as_bytes())
    }

    fn v1(&self, report: &str, date: &str) -> Answer {
        let asked = json!({"report_type": report, "product": "SAN", "date": date});
        self.send("/v1/reports/download", &asked)
    }

    fn v2(&self, report: &str, when: (&str, &str)) -> Answer {
        let query = "query($input: SummaryParam){Summary(input:$input){rows{debit_volume month}}}";
        let query = if report == "M01" {
            query.replace("debit_volume ", "")
        } else {
            query.replace(" month", "")
        };
        let input = json!({"product": "RPP", "report": report, when.0: when.1});
        self.send("/v2/reports/query", &json!({"query": query, "variables": {"input": input}}))
    }
}

#[test]
fn a_day_that_is_not_over_is_named_with_when_it_is() {
    let calendar = Calendar::at("2026-01-17T02:00:00Z"); // 10:00 in Malaysia
    let v2 = |report, when| calendar.v2(report, when);
    for (answer, mistake, evidence) in [
        (
            calendar.v1("SETL01", "2026-01-17"),
            "paynet.day_not_over",
            "2026-01-18 00:00 in Malaysia",
        ),
        (calendar.v1("SETL01_C1", "2026-01-17"), "paynet.day_not_over", "in 4 h 30 min"),
        (v2("S01", ("date", "2026-01-17")), "paynet.day_not_over", "2026-01-17 14:00 in Malaysia"),
        (calendar.v1("BFMR05", "2026-01-03"), "paynet.month_not_over", "2026-02-01 00:00"),
        (v2("M01", ("month", "2026-01")), "paynet.month_not_over", "2026-02-01 00:00"),
        (calendar.v1("SETL01", "2030-01-01"), "paynet.future_date", "1445 days after today"),
        (calendar.v1("SETL01", "9999-12-31"), "paynet.future_date", "days after today"),
        (calendar.v1("SETL01", "2026-01-18"), "paynet.future_date", "1 day after today"),
        (v2("D01", ("date", "2026-01-19")), "paynet.future_date", "2 days after today"),
        (v2("M01", ("month", "2026-02")), "paynet.future_date", "15 days after today"),
    ] {
        names_all(&calendar.sandbox, &answer, &[mistake]);
        let named = names(&calendar.sandbox, &answer, mistake);
        assert!(told(&named).contains(evidence), "{named}");
    }
}

#[test]
fn tomorrow_in_malaysia_is_another_zone_s_day_only_where_it_has_begun() {
    let calendar = Calendar::at("2026-01-31T12:30:00Z"); // 20:30 in Malaysia, 00:30 at UTC+12
    for answer in [calendar.v1("SETL01", "2026-02-01"), calendar.v2("M01", ("month", "2026-02"))] {
        names_all(&calendar.sandbox, &answer, &["paynet.utc_day"]);
        let named = names(&calendar.sandbox, &answer, "paynet.utc_day");
        assert!(told(&named).contains("12 h ahead of UTC"), "{named}");
    }
    let later = calendar.v1("SETL01", "2026-02-02");
    names_all(&calendar.sandbox, &later, &["paynet.future_date"]);
    let today = calendar.v1("SETL01", "2026-01-31");
    let named = names(&calendar.sandbox, &today, "paynet.day_not_over");
    assert!(told(&named).contains("12 h ahead of UTC it is yesterday already"), "{named}");
}

#[test]
fn yesterday_in_utc_is_asked_about_while_malaysia_is_a_day_ahead() {
    let calendar = Calendar::at("2026-01-31T17:00:00Z"); // 1 February, 01:00, in Malaysia
    for (answer, evidence) in [
        (calendar.v1("SETL01", "2026-01-30"), "if yesterday was meant, that is 2026-01-31"),
        (calendar.v2("D01", ("date", "2026-01-30")), "if yesterday was meant, that is 2026-01-31"),
        (calendar.v1("BFMR05", "2025-12-31"), "if last month was meant, that is 2026-01"),
        (calendar.v2("M01", ("month", "2025-12")), "if last month was meant, that is 2026-01"),
    ] {
        assert_eq!(sandbox_verdict(&calendar.sandbox, &answer), "accepted");
        names_all(&calendar.sandbox, &answer, &["paynet.utc_yesterday"]);
        let named = names(&calendar.sandbox, &answer, "paynet.utc_yesterday");
        assert!(told(&named).contains(evidence), "{named}");
    }
    for answer in [
        calendar.v1("SETL01", "2026-01-31"),
        calendar.v1("SETL01", "2026-01-29"),
        calendar.v1("BFMR05", "2026-01-31"),
    ] {
        assert_eq!(sandbox_verdict(&calendar.sandbox, &answer), "accepted");
        names_all(&calendar.sandbox, &answer, &[]);
    }
    let by_day = Calendar::at("2026-01-17T02:00:00Z");
    names_all(&by_day.sandbox, &by_day.v1("SETL01", "2026-01-16"), &[]);
    names_all(&by_day.sandbox, &by_day.v1("SETL01", "2026-01-15"), &[]);
}

fn sandbox_verdict(sandbox: &Sandbox, answer: &Answer) -> Value {
    sandbox.explanation(&answer.exchange())["verdict"].clone()
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
