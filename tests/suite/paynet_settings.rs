//! Every setting of PayNet's double, as it is by default and otherwise.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Answer, Sandbox, start_instant};
use crate::portal::{FORM, LAST_DAY, Portal, local, setl01};

/// The settings that a test below shows in every one of their values.
const SHOWN: [&str; 21] = [
    "profile",
    "token_lifetime_s",
    "invalid_client_status",
    "client_secret_style",
    "ip_allow_list",
    "skew_past_s",
    "skew_future_s",
    "guard_text",
    "require_fiid",
    "token_paths",
    "ott_lifetime_s",
    "ott_invalid_status",
    "download_gzip",
    "polls_until_ready",
    "csv_dialect",
    "summary_money",
    "rate_limit",
    "magic_values",
    "report_rows",
    "report_include",
    "report_exclude",
];

const REPORT: &str = "query($input: ReportParam){Report(input:$input){status url checksum{rows}}}";

#[test]
fn every_setting_that_paynet_declares_is_shown_here() {
    let sandbox = Sandbox::start();
    let providers = sandbox.emulator.providers();
    let paynet = providers.iter().find(|provider| provider.id() == "paynet").expect("paynet");
    let declared: BTreeSet<&str> = paynet.settings().iter().map(|setting| setting.name).collect();

    assert_eq!(declared, BTreeSet::from(SHOWN));
    let wrong = json!({"provider": "paynet", "settings": {"polls_until_redy": 2}});
    sandbox.admin_post("/merchants", &wrong).assert_problem(400, "polls_until_ready", "");
}

fn token(sandbox: &Sandbox, path: &str, form: &str) -> Answer {
    sandbox.send("paynet", "POST", path, &[FORM], form.as_bytes())
}

fn query(portal: &Portal, sandbox: &Sandbox, report: &str) -> Answer {
    let input =
        json!({"product": "MYD", "report": report, "date": LAST_DAY, "fields": ["cashout_fee"]});
    portal.query(sandbox, REPORT, &input)
}

#[test]
fn profile_and_token_paths() {
    let sandbox = Sandbox::start();
    for (settings, oauth, newer, fiid) in [
        (json!({}), 200, 200, 400),
        (json!({"profile": "documented"}), 200, 404, 200),
        (json!({"profile": "documented", "token_paths": "both"}), 200, 200, 200),
        (json!({"token_paths": "token"}), 404, 200, 400),
        (json!({"token_paths": "oauth_token"}), 200, 404, 400),
    ] {
        let id = format!("m{oauth}{newer}{fiid}{}", settings.to_string().len());
        let portal = Portal::with(&sandbox, &id, &settings);

        token(&sandbox, "/oauth/token", &portal.form()).assert_status(oauth);
        token(&sandbox, "/token", &portal.form()).assert_status(newer);
        let at = ("POST", "/v2/reports/query");
        let without = portal.send(&sandbox, at, &[("x-fiid", ""), crate::portal::JSON], b"{}");
        without.assert_status(fiid);
    }
}

#[test]
fn tokens_clients_and_secrets() {
    let sandbox = Sandbox::start();
    let short = Portal::with(&sandbox, "short", &json!({"token_lifetime_s": 60}));
    let answer = token(&sandbox, "/token", &short.form());
    assert_eq!(answer.json()["expires_in"], 60);
    let usual_for_long = Portal::with(&sandbox, "long", &json!({"skew_past_s": 600}));
    sandbox.admin_post("/clock", &json!({"advance": "60s"})).assert_status(200);
    short.types(&sandbox, &[]).assert_status(400);
    usual_for_long.types(&sandbox, &[]).assert_status(200);
    let usual = Portal::new(&sandbox, "usual");
    let cognito = Portal::with(&sandbox, "cognito", &json!({"invalid_client_status": 400}));
    for (portal, status) in [(&usual, 401), (&cognito, 400)] {
        let wrong = format!("{}x", portal.form());
        let answer = token(&sandbox, "/token", &wrong);
        answer.assert_status(status);
        assert_eq!(answer.json()["error"], "invalid_client");
        assert_eq!(answer.header("www-authenticate"), None);
    }
    assert!(usual.secret.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let hard = Portal::with(&sandbox, "hard", &json!({"client_secret_style": "hard"}));
    assert!(["&", "+", "%", "="].iter().all(|mark| hard.secret.contains(mark)), "{}", hard.secret);
    assert!(!hard.token.is_empty());
}

#[test]
fn addresses_and_rates() {
    let sandbox = Sandbox::start();
    for (list, status) in
        [(json!("any"), 200), (json!(["127.0.0.0/8"]), 200), (json!("192.0.2.1"), 403)]
    {
        let id = format!("m{}", list.to_string().len());
        let portal = Portal::with(&sandbox, &id, &json!({"ip_allow_list": list}));
        token(&sandbox, "/token", &portal.form()).assert_status(status);
    }
    let free = Portal::new(&sandbox, "free");
    let bound = Portal::with(&sandbox, "bound", &json!({"rate_limit": 2}));
    for number in 0..3 {
        free.types(&sandbox, &[]).assert_status(200);
        let answer = bound.types(&sandbox, &[]);
        answer.assert_status(if number < 2 { 200 } else { 429 });
        assert_eq!(answer.header("retry-after"), (number == 2).then_some("60"));
    }
    sandbox.admin_post("/clock", &json!({"advance": "60s"})).assert_status(200);
    bound.types(&sandbox, &[]).assert_status(200);
}

#[test]
fn the_window_is_inclusive_on_both_sides() {
    let sandbox = Sandbox::start();
    let usual = Portal::new(&sandbox, "usual");
    let narrow = Portal::with(&sandbox, "narrow", &json!({"skew_past_s": 10, "skew_future_s": 0}));
    for (portal, off, status) in [
        (&usual, -300, 200),
        (&usual, -301, 400),
        (&usual, 300, 200),
        (&usual, 301, 400),
        (&narrow, -10, 200),
        (&narrow, -11, 400),
        (&narrow, 0, 200),
        (&narrow, 1, 400),
    ] {
        let stamp = (start_instant().as_second() + off).to_string();
        let signature = portal.sign(&stamp);
        let answer =
            portal.types(&sandbox, &[("x-timestamp", &stamp), ("x-signature", &signature)]);
        answer.assert_status(status);
    }
}

#[test]
fn the_guard_s_words_and_the_institution() {
    let all = json!({"require_fiid": "all"});
    for (text, token, fiid, tied, signature) in [
        ("paynet_2025", 400, 400, 400, 400),
        ("paynet_older", 400, 403, 400, 400),
        ("rfc", 401, 400, 403, 403),
    ] {
        // Whoever sends no token is nobody, and gets the provider's words.
        let sandbox = Sandbox::with(|builder| builder.setting("paynet", "guard_text", text));
        let portal = Portal::with(&sandbox, text, &all);

        let bare = portal.types(&sandbox, &[("authorization", "")]);
        bare.assert_status(token);
        assert_eq!(bare.header("www-authenticate"), (text == "rfc").then_some("Bearer"));
        let wrong = portal.types(&sandbox, &[("authorization", "Bearer x")]);
        let challenge = (text == "rfc").then_some("Bearer error=\"invalid_token\"");
        assert_eq!(wrong.header("www-authenticate"), challenge);
        let basic = portal.types(&sandbox, &[("authorization", "Basic YTpi")]);
        basic.assert_status(token);
        assert_eq!(basic.header("www-authenticate"), (text == "rfc").then_some("Bearer"));
        let missing = portal.types(&sandbox, &[("x-fiid", "")]);
        missing.assert_status(fiid);
        let older = text == "paynet_older";
        let said = if older { "Header value x-fiid is required" } else { "X-Fiid is required" };
        assert_eq!(missing.json()["message"], said);
        let elsewhere = portal.types(&sandbox, &[("x-fiid", "Z9999")]);
        elsewhere.assert_status(tied);
        let challenge = (text == "rfc").then_some("Bearer error=\"insufficient_scope\"");
        assert_eq!(elsewhere.header("www-authenticate"), challenge);
        portal.types(&sandbox, &[("x-fiid", &portal.fiid.to_lowercase())]).assert_status(200);
        portal.types(&sandbox, &[("x-signature", "00")]).assert_status(signature);
    }
    let sandbox = Sandbox::start();
    for (setting, status) in [("v2_only", 200), ("all", 400), ("off", 200)] {
        let portal = Portal::with(&sandbox, setting, &json!({"require_fiid": setting}));
        portal.types(&sandbox, &[("x-fiid", "")]).assert_status(status);
    }
}

#[test]
fn one_time_urls() {
    let sandbox = Sandbox::start();
    for (settings, status, encoding) in [
        (json!({}), 403, None),
        (json!({"ott_invalid_status": 401}), 401, None),
        (json!({"ott_invalid_status": 410, "download_gzip": "always"}), 410, Some("gzip")),
    ] {
        let portal = Portal::with(&sandbox, &format!("m{status}"), &settings);
        let link = portal.link(&sandbox, &setl01());
        let get = || sandbox.send("paynet", "GET", &link, &[], &[]);
        let file = get();
        file.assert_status(200);
        assert_eq!(file.header("content-encoding"), encoding);
        let again = get();
        again.assert_status(status);
        assert!(again.text().contains("OTT invalid"));
    }
    let long = Portal::with(&sandbox, "long", &json!({"ott_lifetime_s": 400}));
    let never = Portal::with(&sandbox, "never", &json!({"ott_lifetime_s": 0}));
    let usual = Portal::new(&sandbox, "usual");
    let links = [&long, &usual, &never].map(|portal| portal.link(&sandbox, &setl01()));
    sandbox.admin_post("/clock", &json!({"advance": "300s"})).assert_status(200);
    for (link, status) in links.iter().zip([200, 403, 403]) {
        sandbox.send("paynet", "GET", link, &[], &[]).assert_status(status);
    }
}

#[test]
fn reports() {
    let sandbox = Sandbox::start();
    let at_once = Portal::with(&sandbox, "now", &json!({"polls_until_ready": 1, "report_rows": 7}));
    let ready = query(&at_once, &sandbox, "I01").json()["data"]["Report"].clone();
    assert_eq!(ready["status"], "ready");
    assert_eq!(ready["checksum"]["rows"], 7);
    let link = local(ready["url"].as_str().expect("a URL"));
    let file = sandbox.send("paynet", "GET", &link, &[], &[]);
    assert!(file.text().starts_with("cashout_fee\n"), "{}", file.text());

    let older = json!({"csv_dialect": "older", "polls_until_ready": 1});
    let older = Portal::with(&sandbox, "older", &older);
    let refused = query(&older, &sandbox, "I01").json();
    assert_eq!(refused["errors"][0]["extensions"]["code"], "E0004", "{refused}");

    let decimal = Portal::with(&sandbox, "decimal", &json!({"summary_money": "decimal"}));
    let summary = "query($input: SummaryParam){Summary(input:$input){rows{debit_amount}}}";
    let input = json!({"product": "MYD", "report": "D01", "date": LAST_DAY});
    for (portal, is_text) in [(&at_once, true), (&decimal, false)] {
        let answer = portal.query(&sandbox, summary, &input).json();
        let amount = &answer["data"]["Summary"]["rows"][0]["debit_amount"];
        assert_eq!((amount.is_string(), amount.is_number()), (is_text, !is_text), "{answer}");
    }

    let some = json!({"report_include": "MYD-I01, SETL01", "report_exclude": ["SETL01_C1"]});
    let some = Portal::with(&sandbox, "some", &some);
    assert_eq!(some.types(&sandbox, &[]).json()["data"].as_array().map(Vec::len), Some(2));
    assert_eq!(query(&some, &sandbox, "I01").json()["data"]["Report"]["status"], "new");
    assert_eq!(query(&some, &sandbox, "D01").json()["errors"][0]["extensions"]["code"], "E0004");
}

#[test]
fn magic_values_can_be_switched_off() {
    let sandbox = Sandbox::start();
    let magic = Portal::new(&sandbox, "magic");
    let plain = Portal::with(&sandbox, "plain", &json!({"magic_values": "off"}));
    let v1 = |portal: &Portal, report: &str, product: &str| -> Value {
        let body = json!({"report_type": report, "product": product, "date": LAST_DAY});
        portal.download(&sandbox, &body).json()["error"].clone()
    };
    let v2 = |portal: &Portal, report: &str, product: &str| -> Value {
        // Neither day nor fields: the value alone decides.
        let input = json!({"product": product, "report": report});
        portal.query(&sandbox, REPORT, &input).json()
    };
    let code = |answer: &Value| answer["errors"][0]["extensions"]["code"].clone();
    for report in [
        "E0001", "E0002", "E0003", "E0004", "E0005", "E0006", "E0007", "E0010", "E0011", "E0012",
        "E9999",
    ] {
        let answer = v2(&magic, report, "MYD");
        assert_eq!(code(&answer), report);
        assert!(answer["errors"][0]["message"].as_str().is_some_and(|text| text.len() > 10));
        assert_eq!(v1(&magic, report, "SAN")["code"], report);
        assert_eq!(code(&query(&plain, &sandbox, report).json()), "E0004");
        assert_eq!(v1(&plain, report, "SAN")["code"], "E0004");
    }
    for _ in 0..4 {
        assert_eq!(v2(&magic, "SLOW", "MYD")["data"]["Report"]["status"], "processing");
    }
    assert_eq!(v1(&magic, "SLOW", "SAN")["code"], "E0003");
    assert_eq!(code(&query(&plain, &sandbox, "SLOW").json()), "E0004");
    assert_eq!(v1(&plain, "SLOW", "SAN")["code"], "E0004");
    assert_eq!(v1(&magic, "SETL01", "ZZZ")["message"], "Invalid value for product: ZZZ");
    assert_eq!(code(&v2(&magic, "I01", "ZZZ")), "E0004");
    assert_eq!(code(&v2(&plain, "I01", "ZZZ")), "E0006", "without magic its day is missed first");
}
