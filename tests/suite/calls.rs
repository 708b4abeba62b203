//! Calls: the correct requests that the server makes for a merchant and sends to itself, by the admin
//! API and by the command line.

use serde_json::{Value, json};

use crate::cli::{Served, ask, ask_with_input, run};
use crate::harness::{Answer, START, Sandbox};
use crate::shop::{Shop, amount_of, code, key};

fn call(sandbox: &Sandbox, asked: &Value) -> Answer {
    sandbox.admin_post("/calls", asked)
}

/// What a call gave, which must have worked.
#[track_caller]
fn called(sandbox: &Sandbox, asked: &Value) -> Value {
    let answer = call(sandbox, asked);
    answer.assert_status(200);
    answer.json()
}

/// A merchant that has uploaded its public keys and kept the private ones.
fn merchant_with_keys_elsewhere(sandbox: &Sandbox) {
    let public = |name: &'static str| key(name).public().to_pem();
    let keys = json!({
        "signing_public_key": public("merchant-signing"),
        "encryption_public_key": public("merchant-encryption"),
    });
    let asked = json!({"provider": "paco", "id": "apart", "credentials": {"keys": keys}});
    sandbox.admin_post("/merchants", &asked).assert_status(201);
}

#[test]
fn every_endpoint_can_be_called_without_any_wish() {
    let sandbox = Sandbox::start();

    for provider in sandbox.emulator.providers() {
        for endpoint in provider.endpoints() {
            let asked = json!({"provider": provider.id(), "endpoint": endpoint.name});
            if provider.id() == "paco" && !endpoint.path.contains("{version}") {
                // A page: whoever asks for it is a browser.
                let refused = sandbox.admin_post("/calls", &asked);
                refused.assert_problem(400, "takes no message", "in a browser");
                continue;
            }
            let called = called(&sandbox, &asked);

            assert_eq!(called["status"], 200, "{called:#}");
            assert_eq!(called["verified"], true, "{called:#}");
            assert_eq!(called["objection"], Value::Null, "{called:#}");
            let exchange = called["exchange"].as_str().expect("an id");
            let explanation = sandbox.explanation(exchange);
            assert_eq!(explanation["verdict"], "accepted", "{explanation:#}");
            assert_eq!(explanation["endpoint"], endpoint.name, "{explanation:#}");
        }
    }
}

#[test]
fn a_summary_can_be_called_and_shows_its_lines() {
    let sandbox = Sandbox::start();
    for (report, member) in
        [("S01", "debit_amount"), ("D01", "net_total"), ("m01", "total_net_total")]
    {
        let asked = json!({
            "provider": "paynet", "endpoint": "query", "set": {"report": report, "product": "RPP"},
        });

        let called = called(&sandbox, &asked);

        let rows = &called["answer"]["data"]["Summary"]["rows"];
        assert!(rows[0][member].is_string(), "{called:#}");
        assert_eq!(rows[0]["fiid"], "D0001", "{called:#}");
    }
    let asked = json!({
        "provider": "paynet", "endpoint": "query", "set": {"report": "D01", "fiid": "demomykl"},
    });
    let called = called(&sandbox, &asked);
    assert_eq!(called["answer"]["data"]["Summary"]["rows"][0]["fiid"], "DEMOMYKL", "{called:#}");
}

#[test]
fn a_call_shows_what_was_sent_and_what_came_under_the_seals() {
    let sandbox = Sandbox::start();

    let called = called(&sandbox, &json!({"provider": "paco", "endpoint": "nonUi"}));

    assert_eq!(called["merchant"], "demo-paco");
    assert_eq!(called["code"], "PC-B050000");
    assert_eq!(code(&called["answer"]), "PC-B050000");
    let request = &called["request"];
    assert_eq!(request["method"], "POST");
    assert_eq!(request["target"], "/api/2.0/Payment/nonUi");
    assert_eq!(request["opened"]["creditCardDetails"]["cvvCode"], "***");
    let headers = request["headers"].as_array().expect("header lines");
    assert!(headers.contains(&json!(["accept", "application/jose"])), "{headers:?}");
    let order_no = &request["opened"]["orderNo"];
    assert_eq!(called["answer"]["data"]["paymentResult"]["orderNo"], *order_no, "{called:#}");
}

#[test]
fn each_call_has_an_order_number_of_its_own() {
    let sandbox = Sandbox::start();
    let asked = json!({"provider": "paco", "endpoint": "nonUi"});

    let (first, second) = (called(&sandbox, &asked), called(&sandbox, &asked));

    let order_no = |called: &Value| called["request"]["opened"]["orderNo"].clone();
    assert_ne!(order_no(&first), order_no(&second));
    assert_eq!(second["code"], "PC-B050000");
}

#[test]
fn one_wish_leaves_the_request_correct() {
    let sandbox = Sandbox::start();
    let demo = Shop::from_shown(&sandbox.admin_get("/merchants/demo-paco").json());
    for (set, minor) in [
        (json!({"orderNo": 17, "transactionAmount.amount": 80}), 8_000),
        (json!({"orderNo": "18", "transactionAmount.amountText": "000000000199"}), 199),
    ] {
        let asked = json!({"provider": "paco", "endpoint": "NONUI", "set": set});

        let called = called(&sandbox, &asked);

        assert_eq!(called["code"], "PC-B050000", "{called:#}");
        let amount = &called["request"]["opened"]["transactionAmount"];
        assert_eq!(amount["amountText"], amount_of(minor)["amountText"]);
        let order_no = called["request"]["opened"]["orderNo"].as_str().expect("a text");
        assert_eq!(demo.state(&sandbox, order_no), "A/PA");
    }
}

#[test]
fn a_version_changes_the_path_and_the_casing_of_the_answer() {
    let sandbox = Sandbox::start();

    let asked = json!({"provider": "paco", "endpoint": "nonUi", "version": "1.0"});
    let called = called(&sandbox, &asked);

    assert_eq!(called["request"]["target"], "/api/1.0/Payment/nonUi");
    assert_eq!(called["answer"]["ApiResponse"]["ResponseCode"], "PC-B050000", "{called:#}");
    assert_eq!(called["code"], "PC-B050000");
    call(&sandbox, &json!({"provider": "paco", "endpoint": "nonUi", "version": "3.0"}))
        .assert_problem(400, "\"3.0\" is no version", "1, 1.0, 2.0");
}

#[test]
fn a_plain_call_has_no_seals_on_the_way_there_nor_back() {
    let sandbox = Sandbox::start();

    let asked = json!({"provider": "paco", "endpoint": "nonUi", "plain": true});
    let called = called(&sandbox, &asked);

    assert_eq!(called["status"], 200, "{called:#}");
    let exchange = called["exchange"].as_str().expect("an id");
    let recorded = sandbox.admin_get(&format!("/exchanges/{exchange}")).json();
    assert!(recorded["request_body"]["text"].as_str().expect("text").starts_with('{'));
    assert!(recorded["answer_body"]["text"].as_str().expect("text").starts_with('{'));
}

#[test]
fn what_needs_an_order_makes_one_unless_it_is_named() {
    let sandbox = Sandbox::start();
    let demo = Shop::from_shown(&sandbox.admin_get("/merchants/demo-paco").json());
    let mut payment = demo.payment("A-17").member("officeId", "DEMO_NEPAL");
    payment = payment.member("transactionAmount", amount_of(8_000));
    payment.sealed().send(&sandbox).assert_status(200);

    let named = json!({"provider": "paco", "endpoint": "Void", "set": {"orderNo": "A-17"}});
    let named = called(&sandbox, &named);
    let unnamed = called(&sandbox, &json!({"provider": "paco", "endpoint": "Void"}));

    assert_eq!(named["preparations"], json!([]));
    // The order's own sum and office are the usual ones for a request about it.
    assert_eq!(named["request"]["opened"]["voidAmount"]["amountText"], "000000008000");
    assert_eq!(named["request"]["opened"]["officeId"], "DEMO_NEPAL");
    assert_eq!(demo.state(&sandbox, "A-17"), "V/VD");
    let made = &unnamed["preparations"][0];
    assert_eq!((&made["endpoint"], &made["status"]), (&json!("nonUi"), &json!(200)));
    let order_no = made["subject"].as_str().expect("an order number");
    assert_eq!(unnamed["request"]["opened"]["orderNo"], order_no);
    assert_eq!(demo.state(&sandbox, order_no), "V/VD");
}

#[test]
fn an_order_that_cannot_be_made_ends_the_call_with_its_exchange() {
    let sandbox = Sandbox::start();
    let rule = json!({"when": {"endpoint": "nonUi"}, "fail_check": "paco.token"});
    sandbox.admin_post("/scenarios/armed", &json!({"merchant": "demo-paco", "rule": rule}));

    let answer = call(&sandbox, &json!({"provider": "paco", "endpoint": "Void"}));

    answer.assert_problem(409, "not accepted: answered with 401 (exchange 1-", "orderNo");
}

#[test]
fn a_merchant_whose_keys_are_elsewhere_can_only_be_called_for_in_plain() {
    let sandbox = Sandbox::start();
    merchant_with_keys_elsewhere(&sandbox);

    let sealed = json!({"provider": "paco", "endpoint": "nonUi", "merchant": "apart"});
    call(&sandbox, &sealed).assert_problem(
        409,
        "the signing private key of merchant \"apart\" is not here",
        "\"keys\": \"generate\"",
    );

    for (endpoint, plain) in [("nonUi", true), ("Void", true)] {
        let asked =
            json!({"provider": "paco", "endpoint": endpoint, "merchant": "apart", "plain": plain});
        assert_eq!(called(&sandbox, &asked)["status"], 200, "{endpoint}");
    }
}

#[test]
fn what_a_merchants_settings_require_is_sent() {
    let sandbox = Sandbox::start();
    Shop::with(&sandbox, "strict", &json!({"basic_auth": "required"}));

    for endpoint in ["nonUi", "transactionStatus"] {
        let asked = json!({"provider": "paco", "endpoint": endpoint, "merchant": "strict"});
        let called = called(&sandbox, &asked);

        assert_eq!(called["status"], 200, "{called:#}");
    }
}

#[test]
fn a_merchant_that_must_use_https_is_called_over_it() {
    let sandbox = Sandbox::with(|builder| builder.setting("paco", "profile", "documented"));
    Shop::with(&sandbox, "http", &json!({"https_only": "off"}));

    for (merchant, scheme) in [("demo-paco", "https"), ("http", "http")] {
        let asked = json!({"provider": "paco", "endpoint": "Void", "merchant": merchant});
        let called = called(&sandbox, &asked);

        assert_eq!(called["code"], "PC-B050000", "{called:#}");
        let exchange = called["exchange"].as_str().expect("an id");
        let shown = sandbox.admin_get(&format!("/exchanges/{exchange}")).json();
        let origin = shown["origin"].as_str().unwrap_or_default();
        assert!(origin.starts_with(&format!("{scheme}:")), "{origin}");
    }
}

#[test]
fn an_order_is_fresh_after_a_restart_even_while_the_clock_stands() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let folder = data.path().to_str().expect("a plain path");
    for _ in 0..2 {
        let server = Served::start(&["--data-dir", folder, "--freeze", START]);
        let said = run(&["call", "paco", "nonUi", "--admin", server.url("admin")]).fine().json();

        assert_eq!(code(&said), "PC-B050000", "{said:#}");
        server.stopped_by("TERM").fine();
    }
}

#[test]
fn a_call_follows_the_merchants_own_clock() {
    let sandbox = Sandbox::start();
    Shop::new(&sandbox, "late");
    let shifted = sandbox.admin_post("/clock?merchant=late", &json!({"shift": "-30d"}));
    shifted.assert_status(200);

    let asked = json!({"provider": "paco", "endpoint": "nonUi", "merchant": "late"});
    let called = called(&sandbox, &asked);

    assert_eq!((&called["status"], &called["verified"]), (&json!(200), &json!(true)), "{called:#}");
}

#[test]
fn an_answer_whose_security_is_wrong_meets_an_objection() {
    let sandbox = Sandbox::start();
    let asked = json!({"provider": "paco", "endpoint": "nonUi"});
    // There is something to replay, and it is not a masked one.
    called(&sandbox, &json!({"provider": "paco", "endpoint": "nonUi"}));
    for (misbehaviour, objection) in [
        ("replayed", "it is an old one"),
        ("tampered_tag", "cannot be decrypted"),
        ("wrong_signing_key", "the signature is not PACO's"),
        ("wrong_encryption_key", "cannot be decrypted"),
        ("wrong_audience", "aud is not the access token"),
        ("wrong_issuer", "iss is not PacoIssuer"),
        ("expired", "has expired"),
    ] {
        let rule = json!({"merchant": "demo-paco", "rule": {"misbehave": misbehaviour}});
        sandbox.admin_post("/scenarios/armed", &rule).assert_status(201);

        let called = called(&sandbox, &asked);

        assert_eq!(called["verified"], false, "{misbehaviour}: {called:#}");
        let said = called["objection"].as_str().unwrap_or_default();
        assert!(said.contains(objection), "{misbehaviour}: {said}");
    }
}

#[test]
fn an_answer_that_never_comes_is_an_objection_with_its_exchange() {
    let sandbox = Sandbox::start();
    let rule = json!({"merchant": "demo-paco", "rule": {"fault": {"close": true}}});
    sandbox.admin_post("/scenarios/armed", &rule).assert_status(201);

    let called = called(&sandbox, &json!({"provider": "paco", "endpoint": "nonUi"}));

    assert_eq!((&called["status"], &called["answer"]), (&Value::Null, &Value::Null));
    let said = called["objection"].as_str().expect("an objection");
    assert!(said.starts_with("no answer came"), "{said}");
    assert_eq!(
        sandbox.explanation(called["exchange"].as_str().expect("an id"))["verdict"],
        "accepted"
    );
}

#[test]
fn a_wrong_call_says_what_is_nearest() {
    let sandbox = Sandbox::start();
    for (asked, status, detail, fix) in [
        (json!({"provider": "pako", "endpoint": "nonUi"}), 400, "no provider \"pako\"", "paco"),
        (json!({"provider": "paco", "endpoint": "nonUI2"}), 400, "no endpoint", "\"nonUi\"?"),
        (json!({"provider": "paco"}), 400, "missing field `endpoint`", "\"endpoint\": …"),
        (
            json!({"provider": "paco", "endpoint": "nonUi", "merchant": "demo-pako"}),
            404,
            "no merchant \"demo-pako\"",
            "demo-paco",
        ),
        (
            json!({"provider": "paco", "endpoint": "nonUi", "sets": {}}),
            400,
            "no member \"sets\"",
            "\"set\"",
        ),
        (
            json!({"provider": "paco", "endpoint": "nonUi", "set": {"orderNo.x": 1}}),
            400,
            "set.orderNo.x: \"x\" cannot be set inside a string",
            "write the path as the request has it",
        ),
        (
            json!({"provider": "paco", "endpoint": "transactionStatus", "set": {"orderNo": []}}),
            400,
            "orderNo: is an array",
            "text",
        ),
    ] {
        call(&sandbox, &asked).assert_problem(status, detail, fix);
    }
}

#[test]
fn the_command_prints_the_opened_answer_and_nothing_else_on_standard_output() {
    let sandbox = Sandbox::start();

    let run = ask(
        &sandbox,
        &["call", "paco", "nonui", "--set", "orderNo=A-17", "--set", "transactionAmount.amount=80"],
    )
    .fine();

    assert_eq!(code(&run.json()), "PC-B050000");
    for said in ["exchange 1-", "POST /api/2.0/Payment/nonUi", "  200  PC-B050000"] {
        assert!(run.stderr.contains(said), "{run:#?}");
    }
    let status = ask(&sandbox, &["call", "paco", "transactionStatus", "--set", "orderNo=A-17"]);
    let status = status.fine().json();
    assert_eq!(status["data"][0]["paymentStatusInfo"]["paymentStatus"], "A", "{status:#}");
}

#[test]
fn the_command_says_when_it_makes_an_order_first() {
    let sandbox = Sandbox::start();

    let run = ask(&sandbox, &["call", "paco", "Settlement", "--plain", "--version", "1.0"]).fine();

    assert!(run.stderr.contains("no order was named, so nonUi made 17672"), "{run:#?}");
    assert!(run.stderr.contains("PUT /api/1.0/Settlement  200"), "{run:#?}");
}

#[test]
fn the_command_takes_members_from_a_file_or_standard_input() {
    let sandbox = Sandbox::start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("body.json");
    let body = json!({"orderNo": "B-1", "productDescription": "Visa fee"}).to_string();
    std::fs::write(&file, &body).expect("written");
    let file = file.to_str().expect("a plain path");
    let command = ["call", "paco", "prePaymentUi", "--json", "--body"];

    let from_file = ask(&sandbox, &[&command[..], &[file]].concat()).fine().json();
    let from_input =
        ask_with_input(&sandbox, &[&command[..], &["-", "--set", "orderNo=B-2"]].concat(), &body);

    assert_eq!(from_file["request"]["opened"]["productDescription"], "Visa fee");
    assert_eq!(from_file["request"]["opened"]["orderNo"], "B-1");
    assert_eq!(from_input.fine().json()["request"]["opened"]["orderNo"], "B-2");
    ask(&sandbox, &[&command[..], &["no/such/file"]].concat()).fails(
        1,
        "--body no/such/file",
        "a file with a JSON object",
    );
}

#[test]
fn the_command_fails_only_when_the_answer_cannot_be_trusted() {
    let sandbox = Sandbox::start();
    let arm = |rule: Value| {
        let rule = json!({"merchant": "demo-paco", "rule": rule});
        sandbox.admin_post("/scenarios/armed", &rule).assert_status(201);
    };

    arm(json!({"error": {"code": "PC-B050095"}, "when": {"endpoint": "nonUi"}}));
    let refused = ask(&sandbox, &["call", "paco", "nonUi"]).fine();
    arm(json!({"misbehave": "wrong_issuer"}));
    let spoilt = ask(&sandbox, &["call", "paco", "nonUi"]);

    assert!(refused.stderr.contains("PC-B050095"), "{refused:#?}");
    assert_eq!(spoilt.status, Some(1), "{spoilt:#?}");
    assert!(spoilt.stderr.contains("iss is not PacoIssuer"), "{spoilt:#?}");
    assert!(spoilt.stderr.contains("sandgate exchange show 2-"), "{spoilt:#?}");
    ask(&sandbox, &["call", "paco", "nonUy"]).fails(1, "no endpoint \"nonUy\"", "\"nonUi\"?");
    ask(&sandbox, &["call", "paco", "nonUi", "--set", "orderNo"]).fails(
        1,
        "no name and value",
        "--set name=value",
    );
}
