//! Scenarios: files that are switched on, rules that are armed, what comes first, and when a rule is
//! used up.

use std::collections::BTreeSet;
use std::fs;
use std::thread;

use sandgate::Config;
use sandgate::config::DataFolder;
use sandgate::crypto::jose::{
    self, CompactJwe, ContentEncryption, KeyWrapping, SignatureAlgorithm,
};
use sandgate::scenario::{Effect, ScenarioFile};
use serde_json::{Value, json};

use crate::harness::{Answer, Sandbox, agent, start_instant};
use crate::shop::{Outgoing, Shop, amount, code, key, opened};

#[test]
fn every_shipped_file_is_listed_and_says_what_it_teaches() {
    let sandbox = Sandbox::start();
    let mut written = BTreeSet::new();
    for provider in sandbox.emulator.providers() {
        let folder = format!("{}/scenarios/{}", env!("CARGO_MANIFEST_DIR"), provider.id());
        for entry in fs::read_dir(folder).expect("a folder of scenarios") {
            let text = fs::read_to_string(entry.expect("an entry").path()).expect("text");
            let file = ScenarioFile::parse(&text).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(file.provider, provider.id());
            let lints: Vec<_> = file
                .rules
                .iter()
                .filter(|rule| matches!(rule.effect, Effect::RawReply(_)))
                .collect();
            assert!(lints.is_empty(), "{} answers with raw bytes", file.scenario);
            written.insert(file.scenario);
        }
    }

    let listed = sandbox.admin_get("/scenarios").json();

    let items = listed["items"].as_array().expect("a list");
    let names: BTreeSet<String> = items.iter().map(|item| text(&item["name"])).collect();
    assert_eq!(names, written);
    for item in items {
        assert!(text(&item["about"]).ends_with('.'), "{item}");
        assert!(text(&item["teaches"]).ends_with('.'), "{item}");
        assert_eq!(item["active"], item["magic"], "{item}");
    }
}

#[test]
fn each_shipped_file_does_what_it_says_while_it_is_active() {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");
    let listed = sandbox.admin_get("/scenarios").json();
    let switchable: BTreeSet<String> = listed["items"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|item| item["magic"] == false && item["provider"] == "paco")
        .map(|item| text(&item["name"]))
        .collect();
    let known = [
        ("paco-access-denied-token", "paco.token", 401),
        ("paco-access-denied-address", "paco.source_address", 403),
        ("paco-access-denied-basic", "paco.basic", 401),
    ];

    for (name, check, status) in known {
        switch(&sandbox, name, "activate");
        for (order, request) in [
            ("sealed", shop.page(name).sealed()),
            ("plain", shop.page(name).plain()),
            ("inquiry", shop.inquiry(name)),
        ] {
            let answer = request.send(&sandbox);

            answer.assert_status(status);
            assert_eq!(answer.text(), r#"{"message":"Access Denied"}"#, "{order}");
            let challenge = answer.header("www-authenticate").is_some();
            assert_eq!(challenge, check == "paco.basic", "{name} {order}");
            let explanation = sandbox.explanation(&answer.exchange());
            assert_eq!(explanation["failed_check"], check);
            let rungs = explanation["checks"].as_array().expect("a ladder");
            let forced: Vec<&Value> =
                rungs.iter().filter(|rung| rung["verdict"] == "forced").collect();
            assert_eq!(forced.len(), 1, "{explanation}");
            assert!(text(&forced[0]["got"]).contains("the rule"), "{explanation}");
            assert_eq!(explanation["near_misses"], json!([]));
        }
        switch(&sandbox, name, "deactivate");
        shop.page(name).sealed().send(&sandbox).assert_status(200);
    }
    assert_eq!(switchable, known.map(|(name, ..)| name.to_owned()).into());
}

#[test]
fn a_check_that_is_never_judged_there_cannot_be_forced() {
    let sandbox = Sandbox::start();
    sandbox.merchant("paynet", "bank");
    for (rule, said) in [
        (json!({"fail_check": "paco.expiry"}), "paynet has no check \"paco.expiry\""),
        (json!({"fail_check": "paynet.signatur"}), "the nearest is \"paynet.signature\""),
        (
            json!({"fail_check": "paynet.graphql", "when": {"endpoint": "types"}}),
            "is not judged at types, but at query",
        ),
    ] {
        let asked = json!({"merchant": "bank", "rule": rule});
        sandbox.admin_post("/scenarios/armed", &asked).assert_problem(400, said, "");
    }
    let right = json!({"fail_check": "paynet.graphql", "when": {"endpoint": "Query"}});
    arm(&sandbox, &json!({"merchant": "bank", "rule": right}));
}

#[test]
fn armed_rules_precede_files_and_files_precede_magic_values_and_those_the_default() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = "scenario: all-fail\nprovider: paco\nabout: a.\nteaches: t.\nrules:\n  \
                - { name: broken, outcome: system_error }\n";
    fs::write(folder.path().join("all-fail.yaml"), file).expect("a file");
    let sandbox = with_scenarios(folder.path());
    let (shop, other) = (Shop::new(&sandbox, "shop"), Shop::new(&sandbox, "other"));
    let declined = "4000000000000002";
    let mut number = 0;
    let mut pay = |shop: &Shop, card: &str| {
        number += 1;
        state_of(shop, &pay_with(shop, &format!("A{number}"), card).send(&sandbox))
    };

    let default = pay(&shop, crate::shop::CARD);
    let magic = pay(&shop, declined);
    switch(&sandbox, "all-fail", "activate");
    let file = pay(&shop, declined);
    arm(&sandbox, &json!({"provider": "paco", "rule": {"outcome": "success", "times": 9}}));
    let for_all = pay(&shop, declined);
    let rule = json!({"outcome": "authentication_failed"});
    arm(&sandbox, &json!({"merchant": "shop", "rule": rule}));
    let for_others = pay(&other, declined);
    let for_merchant = pay(&shop, declined);
    let used_up = pay(&shop, declined);

    assert_eq!(
        [default, magic, file, for_all, for_others, for_merchant, used_up],
        ["A/PA", "F/PR", "F/SE", "A/PA", "A/PA", "F/VF", "A/PA"]
    );
}

#[test]
fn a_rule_applies_to_what_its_condition_names_and_to_nothing_else() {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");
    let rule = json!({
        "when": {"endpoint": "nonUi", "member": {"transactionAmount.amountText": "000000012550",
            "officeId": "DEMO_MANUAL"}},
        "outcome": "declined", "times": 9});
    arm(&sandbox, &json!({"merchant": "shop", "rule": rule}));

    let fits = shop.payment("A1").sealed().send(&sandbox);
    let page = shop.page("A2").sealed().send(&sandbox);
    let office = shop.payment("A3").member("officeId", "DEMO_NEPAL").sealed().send(&sandbox);
    let more = shop.payment("A4").member("transactionAmount", crate::shop::amount_of(1));
    let more = more.sealed().send(&sandbox);

    assert_eq!(code(&shop.says(&fits)), "PC-B050901");
    assert_eq!(code(&shop.says(&page)), "PC-B050001");
    assert_eq!(code(&shop.says(&office)), "PC-B050000");
    assert_eq!(code(&shop.says(&more)), "PC-B050000");
    assert_eq!(sandbox.explanation(&fits.exchange())["scenario"], "armed");
    assert_eq!(armed(&sandbox)[0]["remaining"], 8);
}

#[test]
fn a_rule_for_one_use_is_used_once_even_by_many_at_once() {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");
    arm(&sandbox, &json!({"merchant": "shop", "rule": {"outcome": "declined"}}));
    let requests: Vec<Outgoing> =
        (0..20).map(|number| shop.payment(&format!("A{number}")).sealed()).collect();

    let answers: Vec<Answer> = thread::scope(|scope| {
        let clients: Vec<_> =
            requests.iter().map(|request| scope.spawn(|| request.send(&sandbox))).collect();
        clients.into_iter().map(|client| client.join().expect("a client")).collect()
    });

    let states: Vec<String> = answers.iter().map(|answer| state_of(&shop, answer)).collect();
    assert_eq!(states.iter().filter(|state| *state == "F/PR").count(), 1, "{states:?}");
    assert_eq!(states.iter().filter(|state| *state == "A/PA").count(), 19, "{states:?}");
    let scripted =
        answers.iter().filter(|a| sandbox.explanation(&a.exchange())["scenario"] == "armed");
    assert_eq!(scripted.count(), 1);
    assert_eq!(armed(&sandbox), [] as [Value; 0]);
}

#[test]
fn only_requests_that_are_proven_use_a_rule_up() {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");
    arm(&sandbox, &json!({"merchant": "shop", "rule": {"outcome": "declined"}}));
    arm(&sandbox, &json!({"merchant": "shop", "rule": {"fail_check": "paco.fields"}}));
    let mut foreign = shop.payment("A1");
    foreign.signed_with = "merchant-encryption";

    for request in [
        shop.payment("A1").sealed().header("token", &"0".repeat(32)),
        foreign.sealed(),
        shop.payment("A1").claim("aud", "x").sealed(),
        shop.payment("A1").jwe("kid", "x").sealed(),
        shop.payment("A1").sealed().header("authorization", "Basic x"),
        shop.payment("A1").member("officeId", Value::Null).sealed(),
        shop.payment("A1").to("/api/2.0/Payment/none").sealed(),
    ] {
        let answer = request.send(&sandbox);

        assert!(answer.status >= 400);
        assert_eq!(armed(&sandbox).len(), 2, "{}", answer.text());
    }
    let forced = shop.payment("A1").sealed().send(&sandbox);
    assert_eq!(sandbox.explanation(&forced.exchange())["failed_check"], "paco.fields");
    assert_eq!(armed(&sandbox).len(), 1);
    assert_eq!(state_of(&shop, &shop.payment("A1").sealed().send(&sandbox)), "F/PR");
    assert_eq!(armed(&sandbox), [] as [Value; 0]);
}

#[test]
fn a_forced_refusal_changes_nothing_and_is_used_up() {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");

    for check in ["paco.signature", "paco.token", "paco.https", "paco.expiry"] {
        arm(&sandbox, &json!({"merchant": "shop", "rule": {"fail_check": check}}));

        let refused = shop.payment(check).sealed().send(&sandbox);
        let taken = shop.payment(check).sealed().send(&sandbox);

        assert!(refused.status >= 400, "{check}");
        let explanation = sandbox.explanation(&refused.exchange());
        assert_eq!(explanation["failed_check"], check);
        assert_eq!(explanation["attribution"], "proven");
        taken.assert_status(200);
    }
}

#[test]
fn each_misbehaviour_breaks_exactly_one_thing() {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");

    for (misbehaviour, objection) in [
        (
            "tampered_tag",
            "the content key was unwrapped, but the authentication tag does not match",
        ),
        ("wrong_encryption_key", "the content key cannot be unwrapped with this key"),
        ("wrong_signing_key", "the signature is not PACO's"),
        ("wrong_issuer", "iss is wrong"),
        ("wrong_audience", "aud is wrong"),
        ("expired", "it has expired"),
    ] {
        arm(&sandbox, &json!({"merchant": "shop", "rule": {"misbehave": misbehaviour}}));

        let answer = shop.payment(misbehaviour).sealed().send(&sandbox);

        answer.assert_status(200);
        assert_eq!(shop.verified(&answer, "uat").map(|_| ()), Err(objection.to_owned()));
        assert_eq!(shop.state(&sandbox, misbehaviour), "A/PA");
        let inside = otherwise_right(&sandbox, &shop, misbehaviour, &answer);
        assert_eq!(code(&inside), "PC-B050000", "{misbehaviour}");
    }
}

#[test]
fn a_replay_is_the_earlier_answer_byte_for_byte() {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");
    let earlier = shop.pays(&sandbox, "A1");
    arm(&sandbox, &json!({"merchant": "shop", "rule": {"misbehave": "replayed"}}));

    let replayed = shop.pays(&sandbox, "A2");
    let next = shop.pays(&sandbox, "A3");

    assert_eq!(replayed.body, earlier.body);
    assert_eq!(shop.says(&replayed)["data"]["paymentResult"]["orderNo"], "A1");
    assert_eq!(shop.state(&sandbox, "A2"), "A/PA");
    assert_eq!(shop.says(&next)["data"]["paymentResult"]["orderNo"], "A3");
}

#[test]
fn a_fault_spoils_the_answer_after_all_is_recorded() {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");

    for (order, fault) in [
        ("closed", json!({"close": true})),
        ("cut", json!({"cut_after_bytes": 10})),
        ("cut-at-once", json!({"cut_after_bytes": 0})),
    ] {
        arm(&sandbox, &json!({"merchant": "shop", "rule": {"fault": fault}}));

        let request = shop.payment(order).sealed();
        let url = format!("{}{}", sandbox.emulator.base_url("paco"), request.target);
        let mut sent = agent().post(&url);
        for (name, value) in request.lines() {
            sent = sent.header(name, value);
        }
        let received =
            sent.send(&request.body[..]).and_then(|mut answer| answer.body_mut().read_to_vec());

        assert!(received.is_err(), "{order}: {received:?}");
        assert_eq!(shop.state(&sandbox, order), "A/PA");
        let listed = sandbox.admin_get("/exchanges?endpoint=nonUi&limit=1").json();
        let id = text(&listed["items"][0]["id"]);
        let shown = sandbox.admin_get(&format!("/exchanges/{id}")).json();
        assert_eq!(shown["subject"], order);
        assert_eq!(shown["verdict"], "accepted");
        let recorded = text(&shown["answer_body"]["text"]);
        assert_eq!(
            opened(recorded.as_bytes()).expect("recorded whole").claims["iss"],
            "PacoIssuer"
        );
    }
}

#[test]
fn a_dripping_and_a_late_answer_are_whole() {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");

    for (order, fault) in [("dripping", json!({"drip_ms": 1})), ("late", json!({"delay_ms": 5}))] {
        arm(&sandbox, &json!({"merchant": "shop", "rule": {"fault": fault}}));

        let answer = shop.pays(&sandbox, order);

        assert_eq!(state_of(&shop, &answer), "A/PA");
        assert_eq!(armed(&sandbox), [] as [Value; 0]);
    }
}

#[test]
fn a_scripted_error_is_refused_in_the_provider_s_envelope() {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");

    for (order, error, status, wanted, description) in [
        (
            "A1",
            json!({"code": "PC-B052201"}),
            400,
            "PC-B052201",
            "Order number is not valid or does not exist",
        ),
        (
            "A2",
            json!({"code": "PC-B059999", "description": "Maintenance", "status": 503}),
            503,
            "PC-B059999",
            "Maintenance",
        ),
    ] {
        arm(&sandbox, &json!({"merchant": "shop", "rule": {"error": error}}));

        let answer = shop.payment(order).sealed().send(&sandbox);

        answer.assert_status(status);
        let says = shop.says(&answer);
        assert_eq!(code(&says), wanted);
        assert_eq!(says["apiResponse"]["responseDescription"], description);
        assert_eq!(says["data"], Value::Null);
        let explanation = sandbox.explanation(&answer.exchange());
        assert_eq!(explanation["verdict"], "refused", "{explanation}");
        assert!(text(&explanation["reason"]).contains("\"armed\""), "{explanation}");
        shop.inquiry(order).send(&sandbox).assert_status(400);
    }
}

#[test]
fn a_raw_reply_leaves_as_it_is_written() {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");
    let raw = json!({"status": 502, "headers": {"content-type": "text/html", "x-gate": "down"},
        "body": "<h1>Bad gateway</h1>"});
    arm(&sandbox, &json!({"merchant": "shop", "rule": {"raw_reply": raw}}));

    let answer = shop.payment("A1").sealed().send(&sandbox);

    answer.assert_status(502);
    assert_eq!(answer.text(), "<h1>Bad gateway</h1>");
    assert_eq!(answer.header("content-type"), Some("text/html"));
    assert_eq!(answer.header("x-gate"), Some("down"));
    assert_eq!(sandbox.explanation(&answer.exchange())["scenario"], "armed");
}

#[test]
fn scripted_outcomes_refuse_what_pays_nothing() {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");
    shop.pays(&sandbox, "paid");
    let wallet = shop.page("wallet").member("paymentType", "WALLET-GCASH");
    let wallet = wallet.to("/api/2.0/Payment/nonUi");

    for (message, subject) in [
        (shop.page("page"), "page"),
        (wallet, "wallet"),
        (shop.void("paid"), "paid"),
        (shop.settlement("paid").member("settlementAmount", amount()), "paid"),
    ] {
        arm(&sandbox, &json!({"merchant": "shop", "rule": {"outcome": "system_error"}}));

        let answer = message.sealed().send(&sandbox);

        answer.assert_status(400);
        assert_eq!(code(&shop.says(&answer)), "PC-B050903", "{subject}");
        assert_eq!(armed(&sandbox), [] as [Value; 0]);
    }
    assert_eq!(shop.state(&sandbox, "paid"), "A/PA");
    for order in ["page", "wallet"] {
        shop.inquiry(order).send(&sandbox).assert_status(400);
    }
}

#[test]
fn wrong_scenario_files_keep_the_emulator_from_starting() {
    for (rule, reason) in [
        ("{ name: a, fail_check: paco.tokn }", "paco.token"),
        ("{ name: a, when: { endpoint: Payout }, outcome: declined }", "endpoint"),
        ("{ name: a, outcome: splendid }", "splendid"),
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let text =
            format!("scenario: s\nprovider: paco\nabout: a.\nteaches: t.\nrules:\n  - {rule}\n");
        fs::write(folder.path().join("s.yaml"), text).expect("a file");
        let config = Config {
            port_base: 0,
            data: DataFolder::Ephemeral,
            scenarios: Some(folder.path().to_owned()),
            ..Config::default()
        };

        let refused = sandgate::Emulator::builder().config(config).start();

        let error = refused.map(|_| "it started").expect_err(reason).to_string();
        assert!(error.contains(reason) && error.contains("scenario"), "{error}");
    }
}

/// What a misbehaving answer says, after all but its one fault was looked at.
#[track_caller]
fn otherwise_right(sandbox: &Sandbox, shop: &Shop, misbehaviour: &str, answer: &Answer) -> Value {
    let mut body = answer.text();
    match misbehaviour {
        "wrong_encryption_key" => {
            // Encrypted to one of PACO's own keys, so that nothing but the key is wrong.
            let jwe = CompactJwe::parse(&body).expect("a JWE");
            assert_eq!(jwe.header["kid"], key("merchant-encryption").public().id());
            let ours = key("paco-uat-encryption");
            let inner = jwe.decrypt(ours, KeyWrapping::RsaOaep, ContentEncryption::A128CbcHs256);
            let inner = String::from_utf8(inner.expect("PACO's own key opens it")).expect("text");
            let header = jwe.header.clone();
            let recipient = key("merchant-encryption").public();
            body = jose::encrypt(
                recipient,
                ContentEncryption::A128CbcHs256,
                &header,
                inner.as_bytes(),
            );
        }
        "tampered_tag" => {
            let shown = sandbox.admin_get(&format!("/exchanges/{}", answer.exchange())).json();
            return shown["opened_answer"].clone();
        }
        _ => {}
    }
    let opened = opened(body.as_bytes()).expect("it can be decrypted");
    let paco = key("paco-uat-signing").public();
    let claims = opened.claims;
    let second = start_instant().as_second();
    let right = [
        ("wrong_signing_key", opened.jws.is_signed_by(paco, SignatureAlgorithm::Ps256)),
        ("wrong_issuer", claims["iss"] == "PacoIssuer"),
        ("wrong_audience", claims["aud"] == json!(shop.token)),
        ("expired", claims["exp"].as_i64() > Some(second)),
    ];
    for (fault, holds) in right {
        assert_eq!(holds, fault != misbehaviour, "{misbehaviour}: {fault}");
    }
    claims["response"].clone()
}

fn with_scenarios(folder: &std::path::Path) -> Sandbox {
    let folder = folder.to_owned();
    Sandbox::with(|builder| {
        builder.config(Config {
            port_base: 0,
            data: DataFolder::Ephemeral,
            frozen_at: Some(start_instant()),
            seed: Some(7),
            scenarios: Some(folder),
            ..Config::default()
        })
    })
}

#[track_caller]
fn arm(sandbox: &Sandbox, request: &Value) {
    sandbox.admin_post("/scenarios/armed", request).assert_status(201);
}

fn armed(sandbox: &Sandbox) -> Vec<Value> {
    sandbox.admin_get("/scenarios").json()["armed"].as_array().cloned().unwrap_or_default()
}

#[track_caller]
fn switch(sandbox: &Sandbox, name: &str, way: &str) {
    let answer = sandbox.send("admin", "POST", &format!("/scenarios/{name}/{way}"), &[], &[]);
    answer.assert_status(200);
}

fn pay_with(shop: &Shop, order_no: &str, card: &str) -> Outgoing {
    let mut message = shop.payment(order_no);
    message.request["creditCardDetails"]["cardNumber"] = json!(card);
    message.sealed()
}

#[track_caller]
fn state_of(shop: &Shop, answer: &Answer) -> String {
    answer.assert_status(200);
    let info = shop.says(answer)["data"]["paymentResult"]["paymentStatusInfo"].clone();
    format!("{}/{}", text(&info["paymentStatus"]), text(&info["paymentStep"]))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
