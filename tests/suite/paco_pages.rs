//! The hosted page and the 3-D Secure challenge, as a browser without scripts sees them, and every
//! way in which an order comes to its end.

use serde_json::{Value, json};

use crate::harness::{Answer, Sandbox};
use crate::shop::{Message, Shop, code};

const PAID: &str = "action=pay&cardNumber=4706+8600+0000+2325&cardExpiryMMYY=12%2F28&cvvCode=761";

fn shop() -> (Sandbox, Shop) {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");
    (sandbox, shop)
}

/// Creates an order with a page, and returns the page's path.
#[track_caller]
fn page(sandbox: &Sandbox, shop: &Shop, message: &Message) -> String {
    let answer = message.sealed().send(sandbox);
    answer.assert_status(200);
    let says = shop.says(&answer);
    let url = says["data"]["paymentPage"]["paymentPageURL"].as_str().expect("a URL").to_owned();
    url.strip_prefix(sandbox.emulator.base_url("paco")).expect("the page is here").to_owned()
}

fn visit(sandbox: &Sandbox, path: &str) -> Answer {
    sandbox.paco("GET", path, &[("accept", "text/html")], "")
}

fn post(sandbox: &Sandbox, path: &str, form: &str) -> Answer {
    let kind = ("content-type", "application/x-www-form-urlencoded");
    sandbox.paco("POST", path, &[kind], form)
}

/// What a page posts on to the access control server.
#[track_caller]
fn challenge_form(answer: &Answer) -> String {
    let text = answer.text();
    let value = |name: &str| {
        let (_, rest) = text.split_once(&format!("name=\"{name}\" value=\"")).expect("a field");
        rest.split_once('"').expect("its value").0.to_owned()
    };
    format!("creq={}&threeDSSessionData={}", value("creq"), value("threeDSSessionData"))
}

#[track_caller]
fn assert_sent_to(answer: &Answer, url: &str) {
    answer.assert_status(303);
    let location = answer.header("location").unwrap_or_default();
    assert!(location.starts_with(url), "{location} is not {url}");
    assert!(
        location.contains("orderNo=A1&productDescription=Tour%2bdeposit&controllerInternalId=")
    );
}

#[test]
fn a_page_shows_the_order_and_asks_for_a_card() {
    let (sandbox, shop) = shop();
    let path = page(&sandbox, &shop, &shop.page("A1"));

    let answer = visit(&sandbox, &path);

    answer.assert_status(200);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    let text = answer.text();
    for wanted in ["NPR 125.50", "Tour deposit", "A1", "cardNumber", "cardExpiryMMYY", "cvvCode"] {
        assert!(text.contains(wanted), "{wanted} is not on the page: {text}");
    }
    assert!(!text.contains("<script"), "{text}");
    let policy = answer.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(policy.contains("form-action 'self' http://127.0.0.1:"), "{policy}");
    assert!(policy.contains("https://shop.test"), "{policy}");
    assert_eq!(shop.state(&sandbox, "A1"), "PCPS/GP");
    visit(&sandbox, &path.replace("/payment/?", "/payment?")).assert_status(200);
}

#[test]
fn every_button_of_the_page_leads_where_it_says() {
    for (form, url, state) in [
        (PAID, "https://shop.test/ok?", "A/PA"),
        ("action=decline", "https://shop.test/failed?way=card&", "F/PR"),
        ("action=cancel", "https://shop.test/cancel?", "C/PC"),
    ] {
        let (sandbox, shop) = shop();
        let path = page(&sandbox, &shop, &shop.page("A1"));

        let answer = post(&sandbox, &path, form);

        assert_sent_to(&answer, url);
        assert_eq!(shop.state(&sandbox, "A1"), state, "{form}");
        let late = post(&sandbox, &path, PAID);
        late.assert_status(409);
        assert!(!late.text().contains("cardNumber"), "an ended payment offers no form");
        let way_back = format!("id=\"return\" href=\"{}", url.replace('&', "&amp;"));
        assert!(late.text().contains(&way_back), "who clicked twice gets back: {}", late.text());
        assert_eq!(shop.state(&sandbox, "A1"), state, "{form}");
    }
}

#[test]
fn a_payer_who_leaves_is_not_sent_back() {
    let (sandbox, shop) = shop();
    let path = page(&sandbox, &shop, &shop.page("A1"));

    let answer = post(&sandbox, &path, "action=leave");

    answer.assert_status(200);
    assert!(answer.text().contains("has left"), "{}", answer.text());
    assert_eq!(shop.state(&sandbox, "A1"), "C/AB");
}

#[test]
fn magic_cards_work_on_the_page_too() {
    for (card, state) in [
        ("4000000000000002", "F/PR"),
        ("4000 0000 0000 0101", "F/VF"),
        ("4000-0000-0000-0119", "F/SE"),
    ] {
        let (sandbox, shop) = shop();
        let path = page(&sandbox, &shop, &shop.page("A1"));

        let form = PAID.replace("4706+8600+0000+2325", card);
        let answer = post(&sandbox, &path, &form);

        assert_sent_to(&answer, "https://shop.test/failed?way=card&");
        assert_eq!(shop.state(&sandbox, "A1"), state);
    }
}

#[test]
fn a_payer_whose_bank_does_not_answer_stays_on_the_page() {
    let (sandbox, shop) = shop();
    let path = page(&sandbox, &shop, &shop.page("A1"));
    let rule = json!({"when": {"endpoint": "payOnPage"}, "outcome": "pending"});
    let armed = json!({"merchant": shop.id, "rule": rule});
    sandbox.admin_post("/scenarios/armed", &armed).assert_status(201);

    let answer = post(&sandbox, &path, PAID);

    answer.assert_status(200);
    assert!(answer.text().contains("The bank has not answered yet"), "{}", answer.text());
    assert!(!answer.text().contains("<form"), "{}", answer.text());
    assert_eq!(shop.state(&sandbox, "A1"), "I/IP");
    assert_sent_to(&post(&sandbox, &path, PAID), "https://shop.test/ok?");
}

#[test]
fn a_result_is_shown_first_where_the_order_asks_for_a_delay() {
    let (sandbox, shop) = shop();
    let path = page(&sandbox, &shop, &shop.page("A1").member("autoRedirectDelayTimer", 7));

    let answer = post(&sandbox, &path, PAID);

    answer.assert_status(200);
    let text = answer.text();
    assert!(text.contains("approved"), "{text}");
    assert!(
        text.contains("http-equiv=\"refresh\" content=\"7;url=https://shop.test/ok?orderNo=A1"),
        "{text}"
    );
    assert!(text.contains("id=\"return\" href=\"https://shop.test/ok?orderNo=A1"), "{text}");
}

#[test]
fn a_form_with_a_mistake_comes_back_with_it_and_without_the_card() {
    let (sandbox, shop) = shop();
    let path = page(&sandbox, &shop, &shop.page("A1"));

    let answer = post(&sandbox, &path, &PAID.replace("2325", "2326"));

    answer.assert_status(422);
    assert!(answer.text().contains("check the card number"), "{}", answer.text());
    let repeated = ["0002326", "value=\"761", "value=\"4706"];
    assert!(!repeated.iter().any(|text| answer.text().contains(text)), "{}", answer.text());
    let why = sandbox.explanation(&answer.exchange());
    assert_eq!(why["failed_check"], "paco.page_form");
    assert_eq!(why["merchant"], "shop");
    let kept = sandbox.admin_get(&format!("/exchanges/{}", answer.exchange())).text();
    assert!(!kept.contains("cvvCode=761"), "{kept}");
}

#[test]
fn card_data_typed_into_the_page_is_masked_before_it_is_kept() {
    let (sandbox, shop) = shop();
    let path = page(&sandbox, &shop, &shop.page("A1"));
    let private = "action=pay&cardNumber=5500+0000+0000+0004&cardExpiryMMYY=1228&cvvCode=917";

    let answer = post(&sandbox, &path, private);

    assert_sent_to(&answer, "https://shop.test/ok?");
    let kept = sandbox.admin_get(&format!("/exchanges/{}", answer.exchange())).text();
    for secret in ["=917", "\"917\"", "5500+0000+0000+0004", "5500000000000004"] {
        assert!(!kept.contains(secret), "{secret} is kept: {kept}");
    }
    assert!(kept.contains("550000"), "{kept}");
}

#[test]
fn card_data_in_other_places_is_not_kept_either() {
    let (sandbox, shop) = shop();
    let payer = json!({"personType": "general", "pan": "5500000000000004", "cvv": "917"});
    let mut message = shop.payment("A1").member("generalPayerDetails", payer);
    message.request["creditCardDetails"]["payerName"] = json!("5500 0000 0000 0004");

    let answer = message.sealed().send(&sandbox);
    let hidden = "/api/2.0/Inquiry/transactionStatus?orderNo=1&c=%35%35%30%30000000000004";
    let asked = sandbox.paco("GET", hidden, &[("apiKey", &shop.token)], "");

    answer.assert_status(200);
    let places = [
        sandbox.admin_get(&format!("/exchanges/{}", answer.exchange())).text(),
        sandbox.admin_get(&format!("/exchanges/{}", asked.exchange())).text(),
        sandbox.admin_get("/transactions/shop/order/A1").text(),
        sandbox.admin_get("/notifications/1").text(),
        shop.says(&shop.list(&json!({})).sealed().send(&sandbox)).to_string(),
    ];
    for place in places {
        for secret in ["\"917\"", "5500000000000004", "5500 0000 0000 0004", "%35%35%30%30"] {
            assert!(!place.contains(secret), "{secret} is kept: {place}");
        }
    }
}

#[test]
fn a_challenge_s_name_opens_no_page() {
    let (sandbox, shop) = shop();
    let paid = shop.payment("A1").member("request3dsFlag", "Y").sealed().send(&sandbox);
    let challenge = &shop.says(&paid)["data"]["paymentIncompleteResult"]["aresACSChallenge"];
    let html = challenge["challengeHTML"].as_str().expect("a form").to_owned();
    let (_, rest) = html.split_once("name=\"creq\" value=\"").expect("a creq");
    let creq = rest.split_once('"').expect("its end").0;
    let decoded = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, creq);
    let message: Value = serde_json::from_slice(&decoded.expect("base64url")).expect("JSON");
    let name = message["acsTransID"].as_str().expect("an id");

    let answer = post(&sandbox, &format!("/payment/?pid={name}"), "action=decline");

    answer.assert_status(404);
    assert_eq!(shop.state(&sandbox, "A1"), "I/AC");
}

#[test]
fn a_card_in_an_order_for_the_page_is_not_the_payer_s() {
    let (sandbox, shop) = shop();
    let path = page(&sandbox, &shop, &{
        let mut message = shop.payment("A1");
        message.target = "/api/2.0/Payment/prePaymentUi".to_owned();
        message
    });

    let shown = visit(&sandbox, &path).text();

    assert!(shown.contains("name=\"cardNumber\"") && !shown.contains("stored card"), "{shown}");
}

#[test]
fn an_order_that_has_expired_before_it_began_is_refused_with_the_reason() {
    let (sandbox, shop) = shop();

    for message in [shop.page("A1"), shop.payment("A1")] {
        let asked = message.member("paymentExpiryDateTime", "2025-12-31T23:00:00");
        let answer = asked.sealed().send(&sandbox);

        assert_eq!(code(&shop.says(&answer)), "PC-B050095");
        let why = sandbox.explanation(&answer.exchange()).to_string();
        assert!(why.contains("paymentExpiryDateTime after 2026-01-01T00:00:00Z"), "{why}");
    }
}

#[test]
fn a_page_that_was_never_handed_out_does_not_exist() {
    let (sandbox, shop) = shop();
    for path in ["/payment/", "/payment/?pid=", "/payment/?pid=00", "/payment/?pid=%3Cscript%3E"] {
        let answer = visit(&sandbox, path);

        answer.assert_status(404);
        assert!(answer.text().contains("does not exist"), "{}", answer.text());
        assert!(!answer.text().contains("<script"), "{}", answer.text());
    }
    let other = Shop::new(&sandbox, "other");
    let path = page(&sandbox, &other, &other.page("A1"));
    assert_eq!(sandbox.explanation(&visit(&sandbox, &path).exchange())["merchant"], "other");
    assert_ne!(shop.id, other.id);
}

#[test]
fn what_a_merchant_wrote_is_text_and_nothing_else() {
    let (sandbox, shop) = shop();
    let hostile = "<img src=x onerror=alert(1)>\"><script>alert(1)</script>";
    let message = shop.page("A\"><b>1").member("productDescription", hostile);
    let path = page(&sandbox, &shop, &message);

    let text = visit(&sandbox, &path).text();

    assert!(text.contains("&lt;img src=x onerror=alert(1)&gt;"), "{text}");
    assert!(text.contains("A&quot;&gt;&lt;b&gt;1"), "{text}");
    assert!(!text.contains("<img") && !text.contains("<script") && !text.contains("<b>"), "{text}");
}

#[test]
fn urls_that_are_no_web_addresses_are_refused_at_creation() {
    let (sandbox, shop) = shop();
    for url in ["javascript:alert(1)", "data:text/html,x", "//shop.test/ok", "https://"] {
        let mut message = shop.page("A1");
        message.request["notificationURLs"]["confirmationURL"] = json!(url);
        let answer = message.sealed().send(&sandbox);
        assert_eq!(code(&shop.says(&answer)), "PC-B050095", "{url}");
    }
}

#[test]
fn with_3ds_the_page_leads_to_a_challenge_and_its_answer_decides() {
    for (result, url, state) in [
        ("pass", "https://shop.test/ok?", "A/PA"),
        ("fail", "https://shop.test/failed?way=card&", "F/VF"),
        ("cancel", "https://shop.test/cancel?", "C/PC"),
        ("timeout", "https://shop.test/failed?way=card&", "I/AX"),
    ] {
        let (sandbox, shop) = shop();
        let path = page(&sandbox, &shop, &shop.page("A1").member("request3dsFlag", "Y"));

        let interstitial = post(&sandbox, &path, PAID);
        interstitial.assert_status(200);
        assert_eq!(shop.state(&sandbox, "A1"), "I/AC");
        let form = challenge_form(&interstitial);
        let bank = post(&sandbox, "/challenge/browser", &form);
        bank.assert_status(200);
        assert!(bank.text().contains("NPR 125.50"), "{}", bank.text());
        let answer = post(&sandbox, "/challenge/answer", &format!("{form}&result={result}"));

        assert_sent_to(&answer, url);
        assert_eq!(shop.state(&sandbox, "A1"), state, "{result}");
        post(&sandbox, "/challenge/answer", &format!("{form}&result=pass")).assert_status(409);
        assert_eq!(shop.state(&sandbox, "A1"), state, "{result}");
    }
}

#[test]
fn a_challenge_whose_bank_does_not_answer_ends_on_a_page_without_a_form() {
    let (sandbox, shop) = shop();
    let path = page(&sandbox, &shop, &shop.page("A1").member("request3dsFlag", "Y"));
    let form = challenge_form(&post(&sandbox, &path, PAID));
    let rule = json!({"when": {"endpoint": "answerChallenge"}, "outcome": "pending"});
    let armed = json!({"merchant": shop.id, "rule": rule});
    sandbox.admin_post("/scenarios/armed", &armed).assert_status(201);

    let answer = post(&sandbox, "/challenge/answer", &format!("{form}&result=pass"));

    answer.assert_status(200);
    assert!(answer.text().contains("The bank has not answered yet"), "{}", answer.text());
    assert!(!answer.text().contains("<form"), "{}", answer.text());
    assert_eq!(shop.state(&sandbox, "A1"), "I/IP");
}

#[test]
fn a_direct_payment_with_3ds_is_challenged_before_it_is_approved() {
    let (sandbox, shop) = shop();

    let answer = shop.payment("A1").member("request3dsFlag", "Y").sealed().send(&sandbox);

    answer.assert_status(200);
    let says = shop.says(&answer);
    assert_eq!(code(&says), "PC-B050001");
    let result = &says["data"]["paymentIncompleteResult"];
    assert_eq!(result["paymentStatusInfo"]["paymentStatus"], "I");
    assert_eq!(result["paymentStatusInfo"]["paymentStep"], "AC");
    let challenge = &result["aresACSChallenge"];
    let origin = sandbox.emulator.base_url("paco");
    assert_eq!(challenge["acsURL"], format!("{origin}/challenge/browser"));
    assert_eq!(challenge["authentication3DSVersion"], "2.2.0");
    assert!(challenge["challengeHTML"].as_str().is_some_and(|html| html.contains("<form")));
    let field = |name: &str| challenge[name].as_str().expect("a text").to_owned();
    let form =
        format!("creq={}&threeDSSessionData={}", field("rawCreq"), field("threeDSSessionData"));
    post(&sandbox, "/challenge/browser", &form).assert_status(200);
    let answered = post(&sandbox, "/challenge/answer", &format!("{form}&result=pass"));

    assert_sent_to(&answered, "https://shop.test/ok?");
    let shown = shop.inquiry("A1").send(&sandbox).json()["data"][0].clone();
    assert_eq!(shown["paymentStatusInfo"]["paymentStep"], "PA");
    let card = &shown["creditCardAuthenticatedDetails"];
    assert_eq!(card["authenticationStatus"], "Y");
    assert_eq!(card["eciValue"], "05");
    assert_eq!(card["authentication3DSVersion"], "2.2.0");
    assert!(card["cavv"].is_string() && card["threeDsTransactionId"].is_string(), "{card}");
}

#[test]
fn a_challenge_wants_its_own_session_and_nobody_s_else() {
    let (sandbox, shop) = shop();
    let challenge = |order: &str| {
        let paid = shop.payment(order).member("request3dsFlag", "Y").sealed().send(&sandbox);
        shop.says(&paid)["data"]["paymentIncompleteResult"]["aresACSChallenge"].clone()
    };
    let (first, second) = (challenge("A1"), challenge("A2"));
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let crossed = format!(
        "creq={}&threeDSSessionData={}&result=pass",
        text(&first["rawCreq"]),
        text(&second["threeDSSessionData"])
    );

    let answer = post(&sandbox, "/challenge/answer", &crossed);

    answer.assert_status(400);
    let why = sandbox.explanation(&answer.exchange());
    assert_eq!(why["failed_check"], "paco.three_ds_session");
    assert_eq!(shop.state(&sandbox, "A1"), "I/AC");
}

#[test]
fn the_access_control_server_challenges_always_or_lets_pass() {
    for (setting, step) in [("always_challenge", "AC"), ("frictionless", "PA")] {
        let sandbox = Sandbox::start();
        let shop = Shop::with(&sandbox, "shop", &json!({"acs_behaviour": setting}));

        let direct = shop.payment("A1").member("request3dsFlag", "Y").sealed().send(&sandbox);
        let path = page(&sandbox, &shop, &shop.page("A2").member("request3dsFlag", "Y"));
        post(&sandbox, &path, PAID);

        direct.assert_status(200);
        let without = shop.payment("A3").sealed().send(&sandbox);
        without.assert_status(200);
        for order in ["A1", "A2"] {
            assert!(shop.state(&sandbox, order).ends_with(step), "{setting} {order}");
        }
        assert_eq!(shop.state(&sandbox, "A3"), "A/PA");
    }
}

#[test]
fn time_ends_what_nobody_ends() {
    let (sandbox, shop) = shop();
    page(&sandbox, &shop, &shop.page("A1"));
    shop.payment("A2").member("request3dsFlag", "Y").sealed().send(&sandbox).assert_status(200);
    let wallet = shop.page("A3").member("paymentType", "WALLET-GCASH");
    wallet.to("/api/2.0/Payment/nonUi").sealed().send(&sandbox).assert_status(200);
    let states = || ["A1", "A2", "A3"].map(|order| shop.state(&sandbox, order));
    let advance = |by: &str| {
        sandbox.admin_post("/clock", &json!({ "advance": by })).assert_status(200);
    };

    assert_eq!(states(), ["PCPS/GP", "I/AC", "I/IP"]);
    advance("10m");
    assert_eq!(states(), ["PCPS/GP", "I/AX", "I/IP"]);
    advance("24h");
    assert_eq!(states(), ["E/PE", "F/AM", "E/PE"]);
    let listed = sandbox.admin_get("/transactions?merchant=shop").json();
    for (item, at) in [("A1", "2026-01-02T00:00:00Z"), ("A2", "2026-01-02T00:00:00Z")] {
        let items = listed["items"].as_array().expect("a list");
        let row = items.iter().find(|row| row["key"] == item).expect("it is listed");
        assert_eq!(row["updated_at"], at, "{row}");
    }
}

#[test]
fn a_wallet_s_page_pays_without_a_card() {
    let (sandbox, shop) = shop();
    let wallet = shop.page("A1").member("paymentType", "WALLET-GCASH");
    let says = shop.says(&wallet.to("/api/2.0/Payment/nonUi").sealed().send(&sandbox));
    let url = says["data"]["webPaymentResult"]["webPaymentUrl"].as_str().expect("a URL").to_owned();
    let path = url.strip_prefix(sandbox.emulator.base_url("paco")).expect("it is here").to_owned();

    let shown = visit(&sandbox, &path);
    let answer = post(&sandbox, &path, "action=pay");

    assert!(shown.text().contains("WALLET-GCASH") && !shown.text().contains("cardNumber"));
    assert_sent_to(&answer, "https://shop.test/ok?");
    assert_eq!(shop.state(&sandbox, "A1"), "A/PA");
}

#[test]
fn a_stored_card_pays_on_the_page_without_its_number() {
    let (sandbox, shop) = shop();
    let storing = shop.page("A0").member("storeCardDetails", json!({"storeCardFlag": "Y"}));
    let path = page(&sandbox, &shop, &storing);
    post(&sandbox, &path, PAID);
    let stored = shop.inquiry("A0").send(&sandbox).json()["data"][0]["storedCardUniqueID"].clone();
    let details = json!({"storeCardFlag": "N", "storedCardUniqueID": stored});
    let path = page(&sandbox, &shop, &shop.page("A1").member("storeCardDetails", details));

    let shown = visit(&sandbox, &path).text();
    let answer = post(&sandbox, &path, "action=pay");

    assert!(shown.contains("2325") && !shown.contains("name=\"cardNumber\""), "{shown}");
    assert_sent_to(&answer, "https://shop.test/ok?");
}

#[test]
fn a_person_can_make_happen_what_a_payer_or_a_bank_would() {
    for (event, state) in [
        ("paid", "A/PA"),
        ("declined", "F/PR"),
        ("authentication_failed", "F/VF"),
        ("system_error", "F/SE"),
        ("cancelled", "C/PC"),
        ("abandoned", "C/AB"),
        ("expired", "E/PE"),
    ] {
        let (sandbox, shop) = shop();
        page(&sandbox, &shop, &shop.page("A1"));

        let asked = json!({ "event": event });
        let path = "/transactions/shop/order/A1/events";
        let answer = sandbox.admin_post(path, &asked);

        answer.assert_status(200);
        assert_eq!(answer.json()["status"], state, "{event}");
        assert_eq!(shop.state(&sandbox, "A1"), state, "{event}");
        sandbox.admin_post(path, &asked).assert_problem(409, state, "can happen to it");
    }
}

#[test]
fn events_that_do_not_exist_or_have_no_order_are_named() {
    let (sandbox, shop) = shop();
    shop.pays(&sandbox, "A1");
    let path = "/transactions/shop/order/A1/events";

    let known = sandbox.admin_get(path).json();
    let unknown = sandbox.admin_post(path, &json!({"event": "payed"}));
    let nothing = sandbox.admin_post(path, &json!({}));
    let nobody =
        sandbox.admin_post("/transactions/shop/order/A2/events", &json!({"event": "paid"}));

    assert!(known["items"].as_array().is_some_and(|items| items.len() == 14), "{known}");
    let possible: Vec<&str> = known["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|event| event["possible"] == true)
        .filter_map(|event| event["event"].as_str())
        .collect();
    assert_eq!(possible, ["settled", "voided"]);
    unknown.assert_problem(400, "no event \"payed\"", "paid");
    nothing.assert_problem(400, "no event is named", "{\"event\": \"paid\"}");
    nobody.assert_problem(404, "has no order \"A2\"", "lists what it has");
    sandbox.admin_post(path, &json!({"event": "settled"})).assert_status(200);
    assert_eq!(shop.state(&sandbox, "A1"), "S/ST");
}

#[test]
fn fifty_clicks_at_once_pay_once() {
    let (sandbox, shop) = shop();
    let path = page(&sandbox, &shop, &shop.page("A1"));

    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let clicks: Vec<_> = (0..50)
            .map(|number| {
                let form = if number % 2 == 0 { PAID } else { "action=cancel" };
                let (sandbox, path) = (&sandbox, &path);
                scope.spawn(move || post(sandbox, path, form).status)
            })
            .collect();
        clicks.into_iter().map(|click| click.join().expect("no panic")).collect()
    });

    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 49, "{statuses:?}");
}

#[test]
fn a_rule_can_decide_what_a_click_does() {
    let (sandbox, shop) = shop();
    let path = page(&sandbox, &shop, &shop.page("A1"));
    let rule = json!({"merchant": "shop", "rule": {
        "name": "r", "when": {"endpoint": "payOnPage", "member": {"action": "pay"}},
        "outcome": "declined"}});
    sandbox.admin_post("/scenarios/armed", &rule).assert_status(201);

    let answer = post(&sandbox, &path, PAID);

    assert_sent_to(&answer, "https://shop.test/failed?way=card&");
    assert_eq!(shop.state(&sandbox, "A1"), "F/PR");
}
