//! The admin API, through its socket: lists, explanations, merchants, rules, the clock, and how each
//! mistake of a caller is named.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Instant;

use sandgate::config::{Config, DataFolder};
use sandgate::limits;
use serde_json::{Value, json};

use crate::harness::{Answer, START, Sandbox, agent, call, start_instant};

/// A request that any merchant may send: the status of an order that nobody knows.
const INQUIRY: &str = "/api/2.0/Inquiry/transactionStatus?orderNo=A1";

fn inquire(sandbox: &Sandbox, token: &str) -> Answer {
    sandbox.paco("GET", INQUIRY, &[("apiKey", token)], "")
}

fn token_of(merchant: &Value) -> String {
    merchant["credentials"]["access_token"].as_str().expect("PACO has tokens").to_owned()
}

fn ids(list: &Answer) -> Vec<String> {
    list.assert_status(200);
    let list = list.json();
    let items = list["items"].as_array().expect("a list has items");
    items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn health_readiness_and_the_ca_are_told_to_everybody() {
    let sandbox = Sandbox::start();

    assert_eq!(sandbox.admin_get("/health").json()["status"], "ok");
    let ready = sandbox.admin_get("/ready");
    ready.assert_status(200);
    assert_eq!(ready.json()["base_urls"]["paco"], sandbox.emulator.base_url("paco"));
    let ca = sandbox.admin_get("/ca.pem");
    ca.assert_status(200);
    assert!(ca.text().starts_with("-----BEGIN CERTIFICATE-----"), "{}", ca.text());
}

#[test]
fn a_token_guards_everything_but_health_readiness_and_the_ca() {
    let sandbox = Sandbox::with(|builder| {
        builder.config(Config {
            data: DataFolder::Ephemeral,
            port_base: 0,
            frozen_at: Some(start_instant()),
            admin_token: Some("open-sesame".to_owned()),
            ..Config::default()
        })
    });
    let ask = |path: &str, authorization: &str| {
        let headers = [("authorization", authorization)];
        sandbox.send("admin", "GET", path, &headers, &[])
    };

    assert_eq!(sandbox.emulator.admin_token(), Some("open-sesame"));
    for open in ["/health", "/ready", "/ca.pem"] {
        sandbox.admin_get(open).assert_status(200);
    }
    for guarded in ["/", "/exchanges", "/merchants", "/scenarios", "/clock", "/nowhere"] {
        sandbox.admin_get(guarded).assert_problem(401, "none came", "Authorization: Bearer");
    }
    ask("/clock", "Bearer close-sesame").assert_problem(401, "not this server's", "--admin-token");
    ask("/clock", "Basic open-sesame").assert_status(401);
    ask("/clock", "bearer open-sesame").assert_status(200);
    assert_eq!(
        sandbox.admin_get("/clock").header("www-authenticate"),
        Some("Bearer realm=\"sandgate admin\"")
    );
}

#[test]
fn unknown_paths_and_methods_name_what_there_is() {
    let sandbox = Sandbox::start();

    sandbox.admin_get("/exchange").assert_problem(404, "no GET /exchange", "GET /exchanges");
    sandbox.admin_get("/merchant/x").assert_problem(404, "/merchant/x", "GET /merchants/{id}");
    sandbox.admin_delete("/clock").assert_problem(405, "does not answer DELETE", "GET, POST");
    sandbox.admin_post("/merchants/x", &json!({})).assert_problem(
        405,
        "does not answer POST",
        "DELETE /merchants/{id}",
    );
    let paths = sandbox.admin_get("/").json();
    assert!(paths["paths"].as_array().is_some_and(|paths| paths.len() > 20), "{paths}");
}

#[test]
fn unknown_query_names_and_values_name_the_nearest() {
    let sandbox = Sandbox::start();

    for (query, status, detail, fix) in [
        ("merchnt=x", 400, "no query parameter \"merchnt\"", "\"merchant\""),
        ("verdict=refuse", 400, "no verdict \"refuse\"", "\"refused\""),
        ("provider=pacco", 400, "no provider \"pacco\"", "\"paco\""),
        ("endpoint=transactionstatuss", 400, "no endpoint", "ransactionStatus"),
        ("merchant=demo-pac", 404, "no merchant \"demo-pac\"", "\"demo-paco\""),
        ("status=20", 400, "from 100 to 599", "status=100"),
        ("limit=0", 400, "from 1 to 1000", "limit=1"),
        ("limit=5000", 400, "from 1 to 1000", "limit=1"),
        ("since=yesterday", 400, "no instant", "2026-01-01T09:30:00Z"),
        ("wait_ms=999999999", 400, "wait_ms", "wait_ms=0"),
        ("cursor=abc", 400, "no exchange id", "a dash and this folder's tag"),
        ("limit=1&limit=2", 400, "occurs twice", "once"),
    ] {
        let answer = sandbox.admin_get(&format!("/exchanges?{query}"));
        answer.assert_problem(status, detail, fix);
    }
    sandbox.admin_get("/merchants?limit=x").assert_problem(400, "limit", "limit=1");
    sandbox.admin_get("/transactions?state=A").assert_problem(400, "\"state\"", "\"status\"");
    sandbox.admin_get("/ca.pem?x=1").assert_status(200);
    sandbox.admin_post("/reset?mercant=x", &json!({})).assert_problem(400, "mercant", "merchant");
}

#[test]
fn exchanges_are_listed_newest_first_page_by_page() {
    let sandbox = Sandbox::start();
    let mut sent: Vec<String> = (0..5).map(|_| inquire(&sandbox, "wrong").exchange()).collect();
    sent.reverse();

    let first = sandbox.admin_get("/exchanges?limit=2");
    let cursor = first.json()["next_cursor"].as_str().expect("there is more").to_owned();
    let second = sandbox.admin_get(&format!("/exchanges?limit=2&cursor={cursor}"));
    let cursor = second.json()["next_cursor"].as_str().expect("there is more").to_owned();
    let third = sandbox.admin_get(&format!("/exchanges?limit=2&cursor={cursor}"));

    assert_eq!(third.json()["next_cursor"], Value::Null);
    assert_eq!([ids(&first), ids(&second), ids(&third)].concat(), sent);
    let newer = sandbox.admin_get(&format!("/exchanges?after={}", sent[2]));
    assert_eq!(ids(&newer), sent[..2]);
}

#[test]
fn exchanges_are_filtered_by_whose_they_are_and_how_they_ended() {
    let sandbox = Sandbox::start();
    let merchant = sandbox.merchant("paco", "shop");
    let known = inquire(&sandbox, &token_of(&merchant)).exchange();
    let nobody = inquire(&sandbox, "wrong").exchange();
    let lost = sandbox.paco("GET", "/nowhere", &[], "").exchange();

    let list = |query: &str| ids(&sandbox.admin_get(&format!("/exchanges?{query}")));

    assert_eq!(list("merchant=shop"), [known.as_str()]);
    assert_eq!(list("merchant=none&verdict=refused"), [nobody.as_str()]);
    assert_eq!(list("verdict=not_found"), [lost.as_str()]);
    assert_eq!(list("provider=paco&since=1m").len(), 3);
    assert_eq!(list("since=2026-01-01T00:00:01Z").len(), 0);
}

#[test]
fn a_list_waits_until_something_fits() {
    let sandbox = Sandbox::start();
    let url = format!("{}/exchanges?wait_ms=30000", sandbox.emulator.base_url("admin"));
    let waiting = thread::spawn(move || call(&agent(), "GET", &url, &[], &[]));

    let sent = inquire(&sandbox, "wrong").exchange();

    assert_eq!(ids(&waiting.join().expect("the list comes")), [sent.as_str()]);
    let nothing = sandbox.admin_get(&format!("/exchanges?after={sent}&wait_ms=1"));
    assert_eq!(ids(&nothing), Vec::<String>::new());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how long a stop takes is machine time")]
fn a_list_that_waits_does_not_hold_up_a_stop() {
    let sandbox = Sandbox::start();
    let address = sandbox.emulator.base_url("admin").replace("http://", "");
    let mut stream = TcpStream::connect(address).expect("the port is open");
    write!(stream, "GET /exchanges?wait_ms=60000 HTTP/1.1\r\nHost: x\r\n\r\n").expect("sent");
    sandbox.admin_get("/health").assert_status(200);

    let begun = Instant::now();
    drop(sandbox);

    assert!(begun.elapsed() < limits::DRAIN, "{:?}", begun.elapsed());
}

#[test]
fn an_exchange_is_shown_whole() {
    let sandbox = Sandbox::start();
    let sent = sandbox.paco("POST", "/nowhere?a=b", &[("x-probe", "one")], b"\xff\x00");
    let id = sent.exchange();

    let shown = sandbox.admin_get(&format!("/exchanges/{id}")).json();

    assert_eq!(shown["id"], id);
    assert_eq!(shown["at"], START);
    assert_eq!(shown["method"], "POST");
    assert_eq!(shown["target"], "/nowhere?a=b");
    assert_eq!(shown["request_body"], json!({ "base64": "/wA=" }));
    assert_eq!(shown["answer_body"]["text"], sent.text());
    assert_eq!(shown["status"], sent.status);
    let headers = shown["request_headers"].as_array().expect("header lines");
    assert!(headers.contains(&json!(["x-probe", "one"])), "{shown}");
}

#[test]
fn an_id_that_names_no_exchange_says_why() {
    let sandbox = Sandbox::start();
    let id = inquire(&sandbox, "wrong").exchange();
    let (number, tag) = id.split_once('-').expect("a number and a tag");
    let get = |id: &str| sandbox.admin_get(&format!("/exchanges/{id}"));

    get(&format!("{number}-zzzzz")).assert_problem(404, "another data folder", &id);
    get(&format!("999-{tag}")).assert_problem(404, "has not got that far", "GET /exchanges");
    get("12").assert_problem(400, "no exchange id", "sandgate-exchange");
    get(&format!("-1-{tag}")).assert_problem(400, "no exchange id", "sandgate-exchange");
    sandbox.admin_post("/reset", &json!({})).assert_status(200);
    get(&id).assert_problem(404, "a reset may have cleared it", "GET /exchanges");
}

#[test]
fn a_refusal_is_explained_by_its_ladder() {
    let sandbox = Sandbox::start();
    let refused = inquire(&sandbox, "wrong");

    let explanation = sandbox.explanation(&refused.exchange());

    assert_eq!(explanation["exchange"], refused.exchange());
    assert_eq!(explanation["verdict"], "refused");
    assert_eq!(explanation["attribution"], "none");
    assert_eq!(explanation["status"], refused.status);
    let checks = explanation["checks"].as_array().expect("a ladder");
    let failed: Vec<&Value> = checks.iter().filter(|check| check["verdict"] == "failed").collect();
    assert_eq!(failed.len(), 1, "{explanation}");
    assert_eq!(failed[0]["id"], explanation["failed_check"]);
    for member in ["title", "expected", "got", "fix", "clause"] {
        assert!(failed[0][member].is_string(), "{member} of {}", failed[0]);
    }
    for check in checks {
        let members: Vec<&String> = check.as_object().expect("an object").keys().collect();
        assert_eq!(
            members,
            ["id", "title", "verdict", "expected", "got", "detail", "fix", "clause"]
        );
    }
    let none_fits = explanation["near_miss_note"].is_string();
    let near_misses = explanation["near_misses"].as_array().expect("a list");
    assert_eq!(near_misses.is_empty(), none_fits, "{explanation}");
}

#[test]
fn the_last_refused_exchange_is_explained_without_naming_it() {
    let sandbox = Sandbox::start();
    let last = "/exchanges/last-refused/explanation";
    sandbox.admin_get(last).assert_problem(404, "no exchange was refused", "GET /exchanges");

    let lost = sandbox.paco("GET", "/nowhere", &[], "").exchange();
    assert_eq!(sandbox.admin_get(last).json()["exchange"], lost, "for want of a refused one");
    let refused = inquire(&sandbox, "wrong").exchange();
    assert_eq!(sandbox.admin_get(last).json()["exchange"], refused);
    let later = sandbox.paco("GET", "/nowhere", &[], "").exchange();

    let explanation = sandbox.admin_get(last).json();
    assert_eq!(explanation["exchange"], refused);
    assert_eq!(explanation["later"]["exchange"], later);
    let nobody = sandbox.admin_get(&format!("{last}?merchant=none")).json();
    assert_eq!(nobody["exchange"], refused);
    sandbox.admin_get(&format!("{last}?merchant=demo-paco")).assert_status(404);
}

#[test]
fn a_merchant_is_made_shown_listed_and_deleted() {
    let sandbox = Sandbox::start();

    let asked = json!({ "provider": "paco", "id": "shop", "label": "The shop" });
    let made = sandbox.admin_post("/merchants", &asked);
    made.assert_status(201);
    let made = made.json();

    assert_eq!(made["id"], "shop");
    assert_eq!(made["provider"], "paco");
    assert_eq!(made["label"], "The shop");
    assert_eq!(made["base_urls"]["paco"], sandbox.emulator.base_url("paco"));
    assert!(made["offices"].is_array(), "{made}");
    assert_eq!(sandbox.admin_get("/merchants/shop").json(), made);
    let listed = ids(&sandbox.admin_get("/merchants?provider=paco"));
    assert!(listed.contains(&"shop".to_owned()) && listed.contains(&"demo-paco".to_owned()));
    let token = token_of(&made);
    let named = inquire(&sandbox, &token).exchange();
    assert_eq!(sandbox.explanation(&named)["merchant"], "shop");

    sandbox.admin_delete("/merchants/shop").assert_status(204);

    sandbox.admin_get("/merchants/shop").assert_problem(
        404,
        "no merchant \"shop\"",
        "did you mean",
    );
    let unnamed = inquire(&sandbox, &token).exchange();
    assert_eq!(sandbox.explanation(&unnamed)["merchant"], Value::Null);
    sandbox.merchant("paco", "shop");
}

#[test]
fn merchants_are_listed_page_by_page() {
    let sandbox = Sandbox::start();
    for id in ["a", "b", "c"] {
        sandbox.merchant("paco", id);
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = sandbox.admin_get(&format!("/merchants?limit=1&cursor={cursor}"));
        seen.extend(ids(&page));
        match page.json()["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }

    seen.sort();
    assert_eq!(seen, ["a", "b", "c", "demo-paco", "demo-paynet"]);
    sandbox.admin_get("/merchants?cursor=gone").assert_problem(400, "\"gone\"", "without cursor");
}

#[test]
fn what_is_wrong_with_a_new_merchant_is_named() {
    let sandbox = Sandbox::start();
    let made = sandbox.merchant("paco", "shop");
    let post = |body: &Value| sandbox.admin_post("/merchants", body);

    post(&json!({ "provider": "paco", "id": "shop" })).assert_problem(409, "\"shop\"", "DELETE");
    let same_token = json!({
        "provider": "paco", "id": "other",
        "credentials": { "access_token": token_of(&made) },
    });
    post(&same_token).assert_problem(409, "\"shop\" holds one of these", "leave the credential");
    sandbox.admin_get("/merchants/other").assert_status(404);
    post(&json!({ "provider": "pako" })).assert_problem(400, "no provider", "\"paco\"");
    post(&json!({ "provider": "paco", "lable": "x" })).assert_problem(400, "lable", "\"label\"");
    post(&json!({ "id": "x" })).assert_problem(400, "provider", "send {\"provider\"");
    post(&json!({ "provider": "paco", "settings": { "no_such_setting": 1 } })).assert_problem(
        400,
        "no_such_setting",
        "",
    );
    post(&json!([])).assert_problem(400, "a JSON object is wanted", "one JSON object");
    let twice = sandbox.send("admin", "POST", "/merchants", &[], br#"{"id":"a","id":"b"}"#);
    twice.assert_problem(400, "occurs twice", "one JSON object");
}

#[test]
fn a_merchants_credentials_come_as_files() {
    let sandbox = Sandbox::start();

    let answer = sandbox.admin_get("/merchants/demo-paco/credentials-files");
    answer.assert_status(200);
    let answer = answer.json();

    let files = answer["files"].as_array().expect("files");
    let contents = |name: &str| {
        let file = files.iter().find(|file| file["name"] == name);
        file.and_then(|file| file["contents"].as_str()).unwrap_or_else(|| panic!("no {name}"))
    };
    assert!(contents(".env").contains(sandbox.emulator.base_url("paco")), "{}", contents(".env"));
    assert!(contents("ca.pem").starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(contents("merchant-signing.private.pem").contains("PRIVATE KEY"));
    assert!(contents("paco-encryption.public.pem").starts_with("-----BEGIN PUBLIC KEY-----"));
}

#[test]
fn transactions_are_looked_for_by_merchant_kind_and_key() {
    let sandbox = Sandbox::start();

    assert_eq!(
        sandbox.admin_get("/transactions").json(),
        json!({ "items": [], "next_cursor": null })
    );
    sandbox.admin_get("/transactions/demo-paco/order/A%2F1").assert_problem(
        404,
        "no order \"A/1\"",
        "/transactions?merchant=demo-paco",
    );
    sandbox.admin_get("/transactions/demo-pako/order/A1").assert_problem(
        404,
        "no merchant \"demo-pako\"",
        "\"demo-paco\"",
    );
    sandbox.admin_get("/transactions?cursor=x").assert_problem(400, "cursor", "cursor=0");
}

#[test]
fn an_armed_rule_applies_once_and_only_to_its_merchant() {
    let sandbox = Sandbox::start();
    let ours = token_of(&sandbox.merchant("paco", "ours"));
    let theirs = token_of(&sandbox.merchant("paco", "theirs"));
    let rule = json!({
        "merchant": "ours",
        "rule": { "name": "down", "raw_reply": { "status": 503, "body": "down" } },
    });

    let armed = sandbox.admin_post("/scenarios/armed", &rule);
    armed.assert_status(201);

    let list = sandbox.admin_get("/scenarios").json();
    assert_eq!(list["armed"][0]["id"], armed.json()["id"]);
    assert_eq!(list["armed"][0]["remaining"], 1);
    assert_ne!(inquire(&sandbox, &theirs).status, 503);
    let down = inquire(&sandbox, &ours);
    assert_eq!((down.status, down.text().as_str()), (503, "down"));
    assert_eq!(sandbox.explanation(&down.exchange())["scenario"], "down");
    assert_ne!(inquire(&sandbox, &ours).status, 503);
    assert_eq!(sandbox.admin_get("/scenarios").json()["armed"], json!([]));
}

#[test]
fn an_armed_rule_can_be_taken_away() {
    let sandbox = Sandbox::start();
    let rule = json!({ "provider": "paco", "rule": { "outcome": "declined" } });
    let armed = sandbox.admin_post("/scenarios/armed", &rule);
    armed.assert_status(201);
    let path = format!("/scenarios/armed/{}", armed.json()["id"]);

    sandbox.admin_delete(&path).assert_status(204);

    sandbox.admin_delete(&path).assert_problem(404, "is armed", "GET /scenarios");
    sandbox.admin_delete("/scenarios/armed/x").assert_problem(400, "no number", "GET /scenarios");
}

#[test]
fn what_is_wrong_with_a_rule_is_named() {
    let sandbox = Sandbox::start();
    let arm = |body: &Value| sandbox.admin_post("/scenarios/armed", body);
    let with = |rule: Value| arm(&json!({ "provider": "paco", "rule": rule }));

    arm(&json!({ "rule": { "outcome": "declined" } })).assert_problem(
        400,
        "for nobody",
        "merchant",
    );
    arm(&json!({ "merchant": "demo-pac", "rule": { "outcome": "declined" } })).assert_problem(
        404,
        "no merchant",
        "\"demo-paco\"",
    );
    arm(&json!({ "provider": "paco" })).assert_problem(400, "\"rule\" is missing", "outcome");
    with(json!({ "outcome": "splendid" })).assert_problem(400, "splendid", "outcome");
    with(json!({ "fail_check": "paco.nonsense" })).assert_problem(400, "paco.nonsense", "rule");
    with(json!({ "when": { "endpoint": "transactionStatuss" }, "outcome": "declined" }))
        .assert_problem(400, "no endpoint \"transactionStatuss\"", "ransactionStatus");
    with(json!({ "outcome": "declined", "times": 0 })).assert_problem(400, "at least 1", "rule");
}

#[test]
fn scenario_files_are_listed_and_switched() {
    let sandbox = Sandbox::start();
    let list = || sandbox.admin_get("/scenarios?provider=paco").json();
    let files = list();
    let files = files["items"].as_array().expect("files");
    assert!(!files.is_empty(), "PACO ships scenario files");
    for file in files {
        for member in ["name", "provider", "about", "teaches"] {
            assert!(file[member].is_string(), "{member} of {file}");
        }
    }

    if let Some(file) = files.iter().find(|file| file["magic"] == false) {
        let name = file["name"].as_str().expect("a name");
        let active = || {
            let list = list();
            let items = list["items"].as_array().cloned().unwrap_or_default();
            items.into_iter().find(|file| file["name"] == name).expect("listed")["active"].clone()
        };
        assert_eq!(active(), false);
        sandbox.admin_post(&format!("/scenarios/{name}/activate"), &json!({})).assert_status(200);
        assert_eq!(active(), true);
        sandbox.admin_post(&format!("/scenarios/{name}/deactivate"), &json!({})).assert_status(200);
        assert_eq!(active(), false);
    }
    if let Some(magic) = files.iter().find(|file| file["magic"] == true) {
        let name = magic["name"].as_str().expect("a name");
        sandbox.admin_post(&format!("/scenarios/{name}/deactivate"), &json!({})).assert_problem(
            409,
            "always active",
            "magic",
        );
    }
    sandbox.admin_post("/scenarios/no-such-lesson/activate", &json!({})).assert_problem(
        404,
        "no-such-lesson",
        "did you mean",
    );
}

#[test]
fn the_clock_is_stopped_set_advanced_and_released() {
    let sandbox = Sandbox::start();
    let change = |body: Value| {
        let answer = sandbox.admin_post("/clock", &body);
        answer.assert_status(200);
        answer.json()
    };

    let frozen = json!({ "now": START, "mode": "frozen", "shift": null });
    assert_eq!(sandbox.admin_get("/clock").json(), frozen);
    assert_eq!(change(json!({ "advance": "1d 2h" }))["now"], "2026-01-02T02:00:00Z");
    assert_eq!(
        change(json!({ "set": "2026-03-01T07:00:00+07:00" }))["now"],
        "2026-03-01T00:00:00Z"
    );
    assert_eq!(change(json!({ "freeze": START }))["now"], START);
    assert_eq!(sandbox.emulator.clock().now(), start_instant());
    let refused = inquire(&sandbox, "wrong").exchange();
    assert_eq!(sandbox.explanation(&refused)["at"], START);

    let running = change(json!({ "resume": true }));

    assert_eq!(running["mode"], "running");
    assert!(running["shift"].as_str().is_some_and(|shift| shift.starts_with('-')), "{running}");
    assert_eq!(change(json!({ "reset": true }))["shift"], "PT0S");
    assert_eq!(change(json!({ "freeze": true }))["mode"], "frozen");
}

#[test]
fn a_merchants_clock_is_shifted_alone() {
    let sandbox = Sandbox::start();
    let token = token_of(&sandbox.merchant("paco", "late"));
    let path = "/clock?merchant=late";

    let shifted = sandbox.admin_post(path, &json!({ "shift": "-5m" }));

    shifted.assert_status(200);
    assert_eq!(shifted.json()["now"], "2025-12-31T23:55:00Z");
    assert_eq!(sandbox.admin_get(path).json()["shift"], "-PT5M");
    assert_eq!(sandbox.admin_get("/clock").json()["now"], START);
    let exchange = inquire(&sandbox, &token).exchange();
    assert_eq!(sandbox.explanation(&exchange)["at"], "2025-12-31T23:55:00Z");
    assert_eq!(sandbox.admin_post(path, &json!({ "reset": true })).json()["now"], START);
    sandbox.admin_post(path, &json!({ "advance": "1h" })).assert_problem(
        400,
        "no member \"advance\"",
        "shift, reset",
    );
}

#[test]
fn what_is_wrong_with_a_change_of_the_clock_is_named() {
    let sandbox = Sandbox::start();
    let change = |body: Value| sandbox.admin_post("/clock", &body);

    change(json!({})).assert_problem(400, "one way at a time", "exactly one of");
    change(json!({ "freeze": true, "reset": true })).assert_problem(400, "one way", "exactly one");
    change(json!({ "advance": "soon" })).assert_problem(400, "\"soon\" is no duration", "90s");
    change(json!({ "advance": "-1h" })).assert_problem(400, "forward only", "positive");
    change(json!({ "advance": 5 })).assert_problem(400, "cannot be 5", "\"2h\"");
    change(json!({ "set": "noon" })).assert_problem(400, "\"noon\" is no instant", "offset");
    change(json!({ "resume": false })).assert_problem(400, "cannot be false", "true");
    change(json!({ "freez": true })).assert_problem(400, "\"freez\"", "\"freeze\"");
    assert_eq!(sandbox.admin_get("/clock").json()["now"], START, "nothing has moved it");
}

#[test]
fn a_reset_clears_one_merchant_or_all() {
    let sandbox = Sandbox::start();
    let ours = token_of(&sandbox.merchant("paco", "ours"));
    let theirs = token_of(&sandbox.merchant("paco", "theirs"));
    inquire(&sandbox, &ours);
    let kept = inquire(&sandbox, &theirs).exchange();
    sandbox.admin_post("/clock?merchant=ours", &json!({ "shift": "1h" })).assert_status(200);
    let rule = json!({ "merchant": "ours", "rule": { "outcome": "declined" } });
    sandbox.admin_post("/scenarios/armed", &rule).assert_status(201);

    sandbox.admin_post("/reset?merchant=ours", &json!({})).assert_status(200);

    assert_eq!(ids(&sandbox.admin_get("/exchanges")), [kept.as_str()]);
    assert_eq!(sandbox.admin_get("/clock?merchant=ours").json()["shift"], "PT0S");
    assert_eq!(sandbox.admin_get("/scenarios").json()["armed"], json!([]));

    sandbox.admin_post("/reset", &json!({})).assert_status(200);

    assert_eq!(ids(&sandbox.admin_get("/exchanges")), Vec::<String>::new());
    assert_eq!(sandbox.admin_get("/clock").json()["mode"], "running");
    sandbox.admin_get("/merchants/ours").assert_status(200);
    let next = inquire(&sandbox, &theirs).exchange();
    assert_ne!(next, kept, "a number is never given out twice");
    sandbox.admin_post("/reset?merchant=gone", &json!({})).assert_problem(404, "gone", "did you");
}

#[test]
fn a_body_that_is_too_large_is_refused_in_the_same_form() {
    let sandbox = Sandbox::start();
    let url = sandbox.emulator.base_url("admin");
    let address = url.strip_prefix("http://").expect("plain HTTP");
    let mut stream = TcpStream::connect(address).expect("the port is open");

    // The head alone: the answer does not wait for a body that nobody will read.
    write!(stream, "POST /merchants HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n")
        .expect("sent");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);

    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    for said in ["application/problem+json", "larger than 16777216 bytes", "a few KiB"] {
        assert!(answer.contains(said), "{said} is not in {answer}");
    }
}

#[test]
fn a_web_page_cannot_use_the_admin_api_of_a_developer_s_machine() {
    let sandbox = Sandbox::start();
    let admin = sandbox.emulator.base_url("admin").trim_start_matches("http://").to_owned();
    let asked_for = |host: &str| {
        let mut stream = TcpStream::connect(&admin).expect("the admin port listens");
        write!(stream, "GET /merchants HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")
            .expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    };

    let from_a_page =
        sandbox.send("admin", "POST", "/reset", &[("origin", "https://page.test")], b"");
    let rebound = asked_for("page.test:7400");
    let at_home = asked_for("localhost:7400");

    from_a_page.assert_problem(403, "https://page.test", "without an Origin");
    assert!(rebound.starts_with("HTTP/1.1 403"), "{rebound}");
    assert!(at_home.starts_with("HTTP/1.1 200"), "{at_home}");
}

#[test]
fn a_change_is_taken_as_json_as_curl_sends_it_or_without_a_name_and_no_other_way() {
    let sandbox = Sandbox::start();
    let change = |headers: &[(&str, &str)]| {
        sandbox.send("admin", "POST", "/clock", headers, br#"{"set": "2026-02-01T00:00:00Z"}"#)
    };

    for taken in ["application/json", "Application/JSON; charset=utf-8"] {
        change(&[("content-type", taken)]).assert_status(200);
    }
    for unless_told_otherwise in ["application/x-www-form-urlencoded", "text/plain;charset=UTF-8"] {
        change(&[("content-type", unless_told_otherwise)]).assert_status(200);
    }
    change(&[]).assert_status(200);

    for refused in ["application/jose", "text/html", "application/json, text/html", ""] {
        let answer = change(&[("content-type", refused)]);
        answer.assert_problem(415, "Content-Type", "application/json, or none");
    }
    let reset =
        sandbox.send("admin", "POST", "/reset", &[("content-type", "application/jose")], b"x");
    reset.assert_problem(415, "application/jose", "application/json");
    let form = [("content-type", "application/x-www-form-urlencoded"), ("origin", "http://a.test")];
    change(&form).assert_problem(403, "http://a.test", "without an Origin");
}
