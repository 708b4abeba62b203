//! Every setting of PACO's double, as it is by default and otherwise.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sandgate::Config;
use sandgate::config::DataFolder;
use serde_json::{Value, json};

use crate::harness::{Answer, Sandbox, start_instant};
use crate::receiver::{BROKEN, Receiver};
use crate::shop::{KID_PRD, Message, Outgoing, Shop, code, opened, payment};

/// The settings that a test below shows in every one of their values.
const SHOWN: [&str; 23] = [
    "profile",
    "environment",
    "https_only",
    "message_encryption",
    "ip_allow_list",
    "basic_auth",
    "access_denied_status",
    "access_denied_body",
    "jose_failure_body",
    "jose_max_lifetime_s",
    "jose_clock_skew_s",
    "kid_check",
    "response_dialect",
    "strict_names",
    "business_error_status",
    "decline_status",
    "page_lifetime_s",
    "refund_policy",
    "refund_review",
    "auto_settle",
    "acs_behaviour",
    "merchant_key_bits",
    "notification_retry_delays_s",
];

#[test]
fn every_setting_that_the_provider_declares_is_shown_here() {
    let sandbox = Sandbox::start();

    let paco = sandbox.emulator.providers().iter().find(|provider| provider.id() == "paco");
    let declared: BTreeSet<&str> =
        paco.expect("paco").settings().iter().map(|setting| setting.name).collect();

    assert_eq!(declared, BTreeSet::from(SHOWN));
}

#[test]
fn profile_documented_is_the_provider_s_page_to_the_letter() {
    let sandbox = Sandbox::start();
    let observed = Shop::new(&sandbox, "observed");
    let documented = Shop::with(&sandbox, "documented", &json!({"profile": "documented"}));
    let basic = basic(&documented);
    let right = |order: &str| documented.page(order).sealed().header("authorization", &basic);
    let old = documented.page("A2").issued(-400).claim("exp", second() + 3600).sealed();
    let old = old.header("authorization", &basic);

    let page = observed.page("A1").to("/api/1.0/Payment/prePaymentUi").sealed().send(&sandbox);
    assert_eq!(code(&observed.says(&page)), "PC-B050001");
    assert!(observed.says(&page).get("ApiResponse").is_some());

    assert_failed(&sandbox, &right("A1").send(&sandbox), 403, "paco.https");
    let bare = documented.page("A1").sealed();
    assert_failed(&sandbox, &over_tls(&sandbox, &bare), 401, "paco.basic");
    assert_failed(&sandbox, &over_tls(&sandbox, &old), 400, "paco.lifetime");
    let mut in_version_1 = right("A1");
    in_version_1.target = "/api/1.0/Payment/prePaymentUi".to_owned();
    let answer = over_tls(&sandbox, &in_version_1);
    answer.assert_status(200);
    assert!(documented.says(&answer).get("apiResponse").is_some());
}

#[test]
fn a_single_setting_overrides_its_profile() {
    let sandbox = Sandbox::start();
    let settings = json!({"profile": "documented", "https_only": "off", "basic_auth": "ignored"});
    let shop = Shop::with(&sandbox, "shop", &settings);

    let answer = shop.page("A1").sealed().send(&sandbox);

    answer.assert_status(200);
}

#[test]
fn production_has_its_own_kid_and_keys() {
    let sandbox = Sandbox::start();
    let settings = json!({"environment": "prd", "ip_allow_list": "any"});
    let shop = Shop::with(&sandbox, "shop", &settings);

    let right = over_tls(&sandbox, &for_production(shop.page("A1")).sealed());
    let of_uat = over_tls(&sandbox, &shop.page("A2").sealed());

    right.assert_status(200);
    let claims = shop.verified(&right, "prd").expect("signed with the key of production");
    assert_eq!(code(&claims["response"]), "PC-B050001");
    assert_failed(&sandbox, &of_uat, 400, "paco.kid");
}

#[test]
fn production_wants_https_an_allow_list_and_sealed_messages() {
    let sandbox = Sandbox::start();
    let prd = |id: &str, more: Value| {
        let mut settings = json!({"environment": "prd"});
        for (name, value) in more.as_object().expect("an object") {
            settings[name] = value.clone();
        }
        Shop::with(&sandbox, id, &settings)
    };
    let unlisted = prd("unlisted", json!({}));
    let elsewhere = prd("elsewhere", json!({"ip_allow_list": ["203.0.113.7"]}));
    let listed = prd("listed", json!({"ip_allow_list": ["203.0.113.7", "127.0.0.0/8"]}));
    let relaxed = prd(
        "relaxed",
        json!({"ip_allow_list": "any", "https_only": "off", "message_encryption": "optional"}),
    );
    let sealed = |shop: &Shop| for_production(shop.page("A1")).sealed();

    for shop in [&unlisted, &elsewhere] {
        let answer = over_tls(&sandbox, &sealed(shop));
        assert_failed(&sandbox, &answer, 403, "paco.source_address");
    }
    assert_failed(&sandbox, &sealed(&listed).send(&sandbox), 403, "paco.https");
    let plain = over_tls(&sandbox, &listed.page("A1").plain());
    assert_failed(&sandbox, &plain, 400, "paco.message_encryption");
    over_tls(&sandbox, &sealed(&listed)).assert_status(200);
    let plain = relaxed.page("A1").plain().header("accept", "application/json").send(&sandbox);
    plain.assert_status(200);
}

#[test]
fn https_only_refuses_plain_http_and_takes_tls() {
    let sandbox = Sandbox::start();
    let strict = Shop::with(&sandbox, "strict", &json!({"https_only": "on"}));
    let easy = Shop::with(&sandbox, "easy", &json!({"https_only": "off"}));

    let plain = strict.page("A1").sealed().send(&sandbox);

    assert_failed(&sandbox, &plain, 403, "paco.https");
    assert_eq!(plain.text(), r#"{"message":"Access Denied"}"#);
    over_tls(&sandbox, &strict.page("A1").sealed()).assert_status(200);
    easy.page("A1").sealed().send(&sandbox).assert_status(200);
    over_tls(&sandbox, &easy.page("A2").sealed()).assert_status(200);
}

#[test]
fn https_only_of_the_provider_holds_before_anybody_is_known() {
    let sandbox = Sandbox::with(|builder| builder.setting("paco", "https_only", "on"));

    let answer = sandbox.paco("GET", "/api/2.0/Inquiry/transactionStatus?orderNo=A1", &[], "");

    assert_failed(&sandbox, &answer, 403, "paco.https");
}

#[test]
fn message_encryption_says_whether_plain_json_is_taken() {
    let sandbox = Sandbox::start();

    for (id, value, listed, taken) in [
        ("a", "by_environment", "any", true),
        ("b", "by_environment", "127.0.0.1", true),
        ("c", "by_environment", "203.0.113.7", false),
        ("d", "required", "any", false),
        ("e", "optional", "203.0.113.7", true),
    ] {
        let settings = json!({"message_encryption": value, "ip_allow_list": listed});
        let shop = Shop::with(&sandbox, id, &settings);

        let plain = shop.page("A1").plain().send(&sandbox);

        if taken {
            plain.assert_status(200);
        } else {
            assert_failed(&sandbox, &plain, 400, "paco.message_encryption");
        }
        shop.page("A2").sealed().send(&sandbox).assert_status(200);
        shop.inquiry("A2").send(&sandbox).assert_status(200);
    }
}

#[test]
fn an_allow_list_takes_addresses_networks_and_both_ways_to_write_them() {
    let sandbox = Sandbox::start();

    for (id, list, listed) in [
        ("a", json!("127.0.0.1"), true),
        ("b", json!("203.0.113.7, 127.0.0.0/8"), true),
        ("c", json!(["203.0.113.7", "127.0.0.1/32"]), true),
        ("d", json!(["203.0.113.0/24", "2001:db8::/32"]), false),
        ("e", json!([]), false),
        ("f", json!(["any"]), true),
    ] {
        let shop = Shop::with(&sandbox, id, &json!({"ip_allow_list": list}));

        let plain = shop.page("A1").plain().send(&sandbox);

        plain.assert_status(if listed { 200 } else { 400 });
    }
    let asked = json!({
        "provider": "paco", "settings": {"ip_allow_list": "10.0.0.300"}});
    let refused = sandbox.admin_post("/merchants", &asked);
    refused.assert_status(400);
    assert!(refused.text().contains("203.0.113.0/24"), "{}", refused.text());
}

#[test]
fn basic_auth_is_required_verified_if_sent_or_ignored() {
    let sandbox = Sandbox::start();

    for (value, [without, right, wrong]) in [
        ("required", [401, 200, 401]),
        ("verify_if_sent", [200, 200, 401]),
        ("ignored", [200, 200, 200]),
    ] {
        let shop = Shop::with(&sandbox, value, &json!({"basic_auth": value}));
        let wrong_password = format!("Basic {}", STANDARD.encode(format!("{}:x", shop.user)));

        for (order, header, status) in [
            ("A1", String::new(), without),
            ("A2", basic(&shop), right),
            ("A3", wrong_password, wrong),
            ("A4", "Digest x".to_owned(), wrong),
            ("A5", "Basic !!!".to_owned(), wrong),
        ] {
            let answer = shop.page(order).sealed().header("authorization", &header).send(&sandbox);

            answer.assert_status(status);
            if status == 401 {
                assert_failed(&sandbox, &answer, 401, "paco.basic");
                assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"PACO\""));
            }
        }
    }
}

#[test]
fn access_denied_has_the_status_and_the_body_that_are_set() {
    for (settings, status, body) in [
        (json!({}), 401, r#"{"message":"Access Denied"}"#),
        (json!({"access_denied_status": 403}), 403, r#"{"message":"Access Denied"}"#),
        (
            json!({"access_denied_body": "envelope"}),
            401,
            r#"{"apiResponse":null,"message":"Access Denied"}"#,
        ),
    ] {
        let sandbox = Sandbox::with(|builder| {
            settings.as_object().into_iter().flatten().fold(builder, |builder, (name, value)| {
                builder.setting("paco", name, value.clone())
            })
        });

        let shop = Shop::new(&sandbox, "shop");
        let answer = shop.page("A1").sealed().header("token", "nobody").send(&sandbox);

        assert_failed(&sandbox, &answer, status, "paco.token");
        assert_eq!(answer.text(), body);
        assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    }
}

#[test]
fn a_jose_failure_has_a_message_or_an_empty_body() {
    let sandbox = Sandbox::start();
    let speaking = Shop::with(&sandbox, "speaking", &json!({"jose_failure_body": "message"}));
    let silent = Shop::with(&sandbox, "silent", &json!({"jose_failure_body": "empty"}));

    let said = speaking.page("A1").claim("aud", "x").sealed().send(&sandbox);
    let unsaid = silent.page("A1").claim("aud", "x").sealed().send(&sandbox);

    assert_failed(&sandbox, &said, 400, "paco.audience");
    assert_eq!(said.text(), r#"{"message":"Invalid token"}"#);
    assert_failed(&sandbox, &unsaid, 400, "paco.audience");
    assert_eq!(unsaid.text(), "");
    let denied = silent.page("A1").sealed().header("authorization", "Basic x").send(&sandbox);
    assert_eq!(denied.text(), r#"{"message":"Access Denied"}"#);
}

#[test]
fn a_message_s_lifetime_counts_from_iat_whatever_exp_says() {
    let sandbox = Sandbox::start();

    for (value, oldest) in [(json!("3600"), Some(3660)), (json!(300), Some(360))] {
        let id = format!("l{}", value.to_string().trim_matches('"'));
        let shop = Shop::with(&sandbox, &id, &json!({"jose_max_lifetime_s": value}));
        let oldest = oldest.expect("a bound");

        let in_time = aged(&shop, "A1", oldest).sealed().send(&sandbox);
        let too_late = aged(&shop, "A2", oldest + 1).sealed().send(&sandbox);

        in_time.assert_status(200);
        assert_failed(&sandbox, &too_late, 400, "paco.lifetime");
        assert_eq!(too_late.text(), r#"{"message":"Token is expired"}"#);
    }
    let shop = Shop::with(&sandbox, "unlimited", &json!({"jose_max_lifetime_s": "unlimited"}));
    aged(&shop, "A1", 10_000_000).sealed().send(&sandbox).assert_status(200);
}

#[test]
fn the_clock_skew_is_granted_to_every_time_and_no_second_more() {
    let sandbox = Sandbox::start();

    for skew in [60, 0, 500] {
        let id = format!("s{skew}");
        let shop = Shop::with(&sandbox, &id, &json!({"jose_clock_skew_s": skew}));
        let at = |claim: &str, order: &str, offset: i64| {
            shop.page(order).claim(claim, second() + offset).sealed().send(&sandbox)
        };

        at("nbf", "A1", skew).assert_status(200);
        assert_failed(&sandbox, &at("nbf", "A2", skew + 1), 400, "paco.not_before");
        at("iat", "A3", skew).assert_status(200);
        assert_failed(&sandbox, &at("iat", "A4", skew + 1), 400, "paco.issued_at");
        at("exp", "A5", -skew).assert_status(200);
        assert_failed(&sandbox, &at("exp", "A6", -skew - 1), 400, "paco.expiry");
    }
}

#[test]
fn a_wrong_kid_is_refused_or_ignored() {
    let sandbox = Sandbox::start();
    let strict = Shop::with(&sandbox, "strict", &json!({"kid_check": "strict"}));
    let easy = Shop::with(&sandbox, "easy", &json!({"kid_check": "ignore"}));

    for (order, kid) in
        [("A1", json!(KID_PRD)), ("A2", Value::Null), ("A3", json!("")), ("A4", json!(5))]
    {
        let refused = strict.page(order).jwe("kid", kid.clone()).sealed().send(&sandbox);

        assert_failed(&sandbox, &refused, 400, "paco.kid");
        easy.page(order).jwe("kid", kid).sealed().send(&sandbox).assert_status(200);
    }
}

#[test]
fn the_dialect_of_sealed_answers_follows_the_version_or_stays_one() {
    let sandbox = Sandbox::start();

    for (value, version_1, version_2) in [
        ("by_version", "ApiResponse", "apiResponse"),
        ("v1", "ApiResponse", "ApiResponse"),
        ("camel", "apiResponse", "apiResponse"),
    ] {
        let shop = Shop::with(&sandbox, value, &json!({"response_dialect": value}));

        for (order, version, member) in
            [("A1", "1.0", version_1), ("A2", "1", version_1), ("A3", "2.0", version_2)]
        {
            let message = shop.page(order).to(&format!("/api/{version}/Payment/prePaymentUi"));
            let sealed = message.sealed().send(&sandbox);

            assert!(shop.says(&sealed).get(member).is_some(), "{value} in {version}");
        }
        let plain = shop.page("A4").plain().header("accept", "application/json").send(&sandbox);
        assert!(plain.json().get("apiResponse").is_some(), "{value} as plain JSON");
    }
}

#[test]
fn names_in_another_case_are_taken_or_refused() {
    let sandbox = Sandbox::start();
    let easy = Shop::with(&sandbox, "easy", &json!({"strict_names": "off"}));
    let strict = Shop::with(&sandbox, "strict", &json!({"strict_names": "on"}));
    let urls = json!({
        "confirmationUrl": "https://shop.test/ok", "failedUrl": "https://shop.test/f",
        "cancellationUrl": "https://shop.test/c", "backendUrl": "https://shop.test/n"});
    let camel = |shop: &Shop, order: &str| {
        shop.page(order).member("notificationURLs", urls.clone()).sealed().send(&sandbox)
    };

    let taken = camel(&easy, "A1");
    let refused = camel(&strict, "A1");

    taken.assert_status(200);
    assert_failed(&sandbox, &refused, 400, "paco.fields");
    assert_eq!(code(&strict.says(&refused)), "PC-B050095");
    strict.page("A2").sealed().send(&sandbox).assert_status(200);
}

#[test]
fn a_business_refusal_has_the_status_that_is_set() {
    let sandbox = Sandbox::start();

    for status in [400, 200] {
        let id = format!("b{status}");
        let shop = Shop::with(&sandbox, &id, &json!({"business_error_status": status}));
        shop.pays(&sandbox, "A1");

        let duplicate = shop.payment("A1").sealed().send(&sandbox);
        let unfit = shop.payment("A2").member("officeId", Value::Null).sealed().send(&sandbox);

        for answer in [duplicate, unfit] {
            answer.assert_status(status);
            assert_eq!(code(&shop.says(&answer)), "PC-B050095");
            assert_eq!(sandbox.explanation(&answer.exchange())["verdict"], "refused");
        }
    }
}

#[test]
fn a_declined_payment_has_the_status_that_is_set() {
    let sandbox = Sandbox::start();

    for status in [200, 400] {
        let id = format!("d{status}");
        let shop = Shop::with(&sandbox, &id, &json!({"decline_status": status}));
        let mut declined = payment("A1");
        declined["creditCardDetails"]["cardNumber"] = json!("4000000000000002");

        let answer = shop.message("nonUi", declined).sealed().send(&sandbox);

        answer.assert_status(status);
        let says = shop.says(&answer);
        assert_eq!(says["data"]["paymentResult"]["paymentStatusInfo"]["paymentStatus"], "F");
        assert_eq!(shop.state(&sandbox, "A1"), "F/PR");
        shop.pays(&sandbox, "A2");
    }
}

#[test]
fn a_notification_is_tried_as_often_and_as_late_as_is_set() {
    let sandbox =
        Sandbox::with(|builder| builder.setting("paco", "notification_retry_delays_s", "10, 20"));
    for (id, settings, wanted) in [
        ("provider", json!({}), vec![10, 20]),
        ("array", json!({"notification_retry_delays_s": [0, 5, 6]}), vec![0, 5, 6]),
        ("text", json!({"notification_retry_delays_s": "0,30,120"}), vec![0, 30, 120]),
        ("once", json!({"notification_retry_delays_s": 7}), vec![7]),
    ] {
        let shop = Shop::with(&sandbox, id, &settings);
        let receiver = Receiver::answering(&[BROKEN]);
        let mut order = payment("A1");
        order["notificationURLs"]["backendURL"] = json!(receiver.url());
        shop.message("nonUi", order).sealed().send(&sandbox).assert_status(200);

        sandbox.admin_post("/clock", &json!({"advance": "1h"})).assert_status(200);
        sandbox
            .admin_post("/clock", &json!({"set": start_instant().to_string()}))
            .assert_status(200);

        let came = receiver.came();
        let issued = came.iter().map(|came| {
            let claims = opened(&came.body).expect("ours").claims;
            claims["iat"].as_i64().unwrap_or_default() - start_instant().as_second()
        });
        assert_eq!(issued.collect::<Vec<_>>(), wanted, "{id}");
    }
}

#[test]
fn delays_of_notifications_that_make_no_sense_are_refused() {
    let sandbox = Sandbox::start();

    for (value, said) in [
        (json!("soon"), "\"soon\" is no whole number of seconds from 0 to 604800"),
        (json!([0, -5]), "\"-5\" is no whole number"),
        (json!("0, 30, 30"), "30 is not later than the attempt before it"),
        (json!([]), "an empty list has no attempt"),
        (json!((0..21).collect::<Vec<_>>()), "21 attempts are more than the 20 that are made"),
    ] {
        let answer = sandbox.admin_post(
            "/merchants",
            &json!({"provider": "paco", "settings": {"notification_retry_delays_s": value}}),
        );

        answer.assert_problem(400, said, "notification_retry_delays_s");
        answer.assert_problem(400, "write it as \"0, 30, 120\" or [0, 30, 120]", "correct");
    }
}

#[test]
fn a_page_lives_as_long_as_its_office_says() {
    let sandbox = Sandbox::start();
    let asked = json!({
        "provider": "paco",
        "id": "shop",
        "settings": {"page_lifetime_s": 2700},
        "offices": [{"id": "USUAL"}, {"id": "HASTY", "settings": {"page_lifetime_s": 60}}],
    });
    let shop = Shop::asking(&sandbox, &asked);
    let default = Shop::new(&sandbox, "default");
    let expiry = |shop: &Shop, office: &str| {
        let answer = shop.page(office).member("officeId", office).sealed().send(&sandbox);
        shop.says(&answer)["data"]["paymentIncompleteResult"]["paymentExpiryDateTime"].clone()
    };

    assert_eq!(expiry(&shop, "USUAL"), "2026-01-01T00:45:00.0000000Z");
    assert_eq!(expiry(&shop, "HASTY"), "2026-01-01T00:01:00.0000000Z");
    assert_eq!(expiry(&default, "DEMO_MANUAL"), "2026-01-02T00:00:00.0000000Z");
}

#[test]
fn an_office_settles_by_itself_or_waits() {
    let sandbox = Sandbox::start();
    let asked = json!({
        "provider": "paco",
        "id": "shop",
        "settings": {"auto_settle": "on"},
        "offices": [{"id": "QUICK"}, {"id": "SLOW", "settings": {"auto_settle": "off"}}],
    });
    let shop = Shop::asking(&sandbox, &asked);

    for (office, state) in [("QUICK", "S/ST"), ("SLOW", "A/PA")] {
        let message = shop.payment(office).member("officeId", office);
        message.sealed().send(&sandbox).assert_status(200);

        assert_eq!(shop.state(&sandbox, office), state);
    }
}

#[test]
fn a_setting_that_only_merchants_have_is_refused_for_an_office() {
    let sandbox = Sandbox::start();
    let asked = json!({
        "provider": "paco",
        "offices": [{"id": "ONE", "settings": {"basic_auth": "required"}}],
    });

    let answer = sandbox.admin_post("/merchants", &asked);

    answer.assert_status(400);
    assert!(
        answer.text().contains("page_lifetime_s, refund_policy, refund_review, auto_settle"),
        "{}",
        answer.text()
    );
}

#[test]
fn merchants_settings_override_the_provider_s() {
    let sandbox = Sandbox::with(|builder| builder.setting("paco", "basic_auth", "required"));
    let usual = Shop::new(&sandbox, "usual");
    let easy = Shop::with(&sandbox, "easy", &json!({"basic_auth": "ignored"}));

    let refused = usual.page("A1").sealed().send(&sandbox);

    assert_failed(&sandbox, &refused, 401, "paco.basic");
    easy.page("A1").sealed().send(&sandbox).assert_status(200);
}

#[test]
fn wrong_settings_are_refused_with_the_nearest_right_ones() {
    let sandbox = Sandbox::start();

    for (name, value, hint) in [
        ("basic_aut", json!("required"), "basic_auth"),
        ("basic_auth", json!("maybe"), "required or verify_if_sent or ignored"),
        ("access_denied_status", json!(404), "401 or 403"),
        ("jose_max_lifetime_s", json!(77), "3600 or 300 or unlimited"),
        ("jose_clock_skew_s", json!(-1), "0 to 86400"),
        ("page_lifetime_s", json!(0), "1 to 31536000"),
        ("environment", json!("sit"), "uat or prd"),
        ("profile", json!("strict"), "observed or documented"),
        ("kid_check", json!([1]), "kid_check"),
    ] {
        let asked = json!({"provider": "paco", "settings": {name: value}});

        let answer = sandbox.admin_post("/merchants", &asked);

        answer.assert_status(400);
        let text = answer.text();
        assert!(text.contains(hint) && text.contains(&format!("settings.{name}")), "{text}");
    }
}

#[test]
fn a_wrong_setting_of_the_provider_keeps_the_emulator_from_starting() {
    let config = Config {
        port_base: 0,
        data: DataFolder::Ephemeral,
        settings: [(
            "paco".to_owned(),
            json!({"basic_auth": "maybe"}).as_object().cloned().expect("an object"),
        )]
        .into(),
        ..Config::default()
    };

    let refused = sandgate::Emulator::builder().config(config).start();

    let error = refused.map(|_| "it started").expect_err("a wrong setting").to_string();
    assert!(error.contains("paco.basic_auth"), "{error}");
}

/// A message as old as that by its `iat`, with an `exp` that is still ahead.
fn aged(shop: &Shop, order: &str, seconds: i64) -> Message {
    shop.page(order).issued(-seconds).claim("exp", second() + 3600)
}

fn second() -> i64 {
    start_instant().as_second()
}

fn basic(shop: &Shop) -> String {
    format!("Basic {}", STANDARD.encode(format!("{}:{}", shop.user, shop.password)))
}

fn for_production(mut message: Message) -> Message {
    message.encrypted_to = "paco-prd-encryption";
    message.jwe("kid", KID_PRD)
}

#[track_caller]
fn over_tls(sandbox: &Sandbox, request: &Outgoing) -> Answer {
    sandbox.paco_over_tls(request.method, &request.target, &request.lines(), &request.body)
}

/// Looks that a check refused the request, and which.
#[track_caller]
fn assert_failed(sandbox: &Sandbox, answer: &Answer, status: u16, check: &str) {
    answer.assert_status(status);
    let explanation = sandbox.explanation(&answer.exchange());
    assert_eq!(explanation["failed_check"], check, "{explanation}");
}
