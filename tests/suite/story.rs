//! The life of an order from the shop's cart to the refund, as everybody sees it who takes part: the
//! shop, the payer's browser, the bank, the shop's backend.

use serde_json::{Value, json};

use crate::bad_input::{secure, talk, trusting};
use crate::harness::{Answer, Sandbox};
use crate::receiver::{Came, OK, Receiver};
use crate::shop::{Message, Shop, code, opened};

const CARD: &str = "action=pay&cardNumber=5399+3300+0001+2640&cardExpiryMMYY=0427&cvvCode=734";

#[test]
fn an_order_is_paid_on_the_page_confirmed_at_the_bank_notified_settled_refunded_and_listed() {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");
    let backend = Receiver::answering(&[OK]);

    // The shop creates an order and sends its payer to the page.
    let order = notifying(shop.page("A1").member("request3dsFlag", "Y"), &backend);
    let says = shop.says(&order.sealed().send(&sandbox));
    assert_eq!(code(&says), "PC-B050001");
    let path = page_path(&sandbox, &says);

    // The payer types a card, and the bank wants to know that it is the payer's.
    let interstitial = post(&sandbox, &path, CARD);
    let form = challenge_form(&interstitial);
    post(&sandbox, "/challenge/browser", &form).assert_status(200);
    let back = post(&sandbox, "/challenge/answer", &format!("{form}&result=pass"));
    back.assert_status(303);
    assert!(back.header("location").is_some_and(|url| url.starts_with("https://shop.test/ok?")));

    // The backend hears of it before it believes the browser.
    settle(&sandbox);
    let came = backend.came();
    assert_eq!(came.len(), 1);
    let told = told(&came[0]);
    assert_eq!(code(&told), "PC-B050000");
    let result = &told["data"]["paymentResult"];
    assert_eq!(result["orderNo"], "A1");
    assert_eq!(result["paymentStatusInfo"]["paymentStatus"], "A");
    let card = &result["creditCardAuthenticatedDetails"];
    assert_eq!(card["cardNumber"], "539933XXXXXX2640");
    assert_eq!((&card["authenticationStatus"], &card["eciValue"]), (&json!("Y"), &json!("02")));
    assert_eq!(
        told["apiResponse"]["responseToRequestMessageId"],
        "0d7d5c2e-4b56-4c1a-9f0e-6f1f0f6f7a01"
    );
    assert_eq!(shop.state(&sandbox, "A1"), "A/PA");

    // Goods leave, money comes; goods come back, money leaves.
    shop.settlement("A1").sealed().send(&sandbox).assert_status(200);
    assert_eq!(shop.state(&sandbox, "A1"), "S/ST");
    let refund = shop.says(&shop.refund("A1", 12_550).sealed().send(&sandbox));
    assert_eq!(code(&refund), "PC-B050000");
    assert_eq!(refund["data"]["invoiceNo2C2P"], result["invoiceNo2C2P"]);

    let list = shop.says(&shop.list(&json!({"paymentStatus": ["R"]})).sealed().send(&sandbox));
    assert_eq!(list["data"][0]["orderNo"], "A1");
    assert_eq!(list["data"][0]["paymentStatusInfo"]["paymentStep"], "RF");
    settle(&sandbox);
    assert_eq!(backend.came().len(), 1, "void, settlement and refund are not notified");
}

#[test]
fn every_end_of_a_payment_is_told_to_the_backend_with_its_code() {
    for (event, wanted, member, state) in [
        ("paid", "PC-B050000", "paymentResult", "A/PA"),
        ("declined", "PC-B050901", "paymentResult", "F/PR"),
        ("authentication_failed", "PC-B050902", "paymentResult", "F/VF"),
        ("system_error", "PC-B050903", "paymentResult", "F/SE"),
        ("expired", "PC-B050904", "paymentIncompleteResult", "E/PE"),
        ("cancelled", "PC-B050910", "paymentIncompleteResult", "C/PC"),
        ("abandoned", "PC-B050910", "paymentIncompleteResult", "C/AB"),
    ] {
        let sandbox = Sandbox::start();
        let shop = Shop::new(&sandbox, "shop");
        let backend = Receiver::answering(&[OK]);
        notifying(shop.page("A1"), &backend).sealed().send(&sandbox).assert_status(200);

        let path = "/transactions/shop/order/A1/events";
        sandbox.admin_post(path, &json!({ "event": event })).assert_status(200);
        settle(&sandbox);

        let came = backend.came();
        assert_eq!(came.len(), 1, "{event}");
        let told = told(&came[0]);
        assert_eq!(code(&told), wanted, "{event}");
        let info = &told["data"][member]["paymentStatusInfo"];
        let text = |name: &str| info[name].as_str().unwrap_or_default().to_owned();
        assert_eq!(format!("{}/{}", text("paymentStatus"), text("paymentStep")), state, "{event}");
    }
}

#[test]
fn an_order_that_time_ends_is_told_at_its_own_instant_in_one_step_of_the_clock() {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");
    let backend = Receiver::answering(&[OK]);
    notifying(shop.page("A1"), &backend).sealed().send(&sandbox).assert_status(200);
    let challenged = shop.payment("A2").member("request3dsFlag", "Y");
    notifying(challenged, &backend).sealed().send(&sandbox).assert_status(200);

    sandbox.admin_post("/clock", &json!({"advance": "48h"})).assert_status(200);

    let mut told: Vec<Value> = backend.came().iter().map(told).collect();
    told.sort_by_key(|message| {
        message["data"]["paymentIncompleteResult"]["orderNo"].as_str().map(ToOwned::to_owned)
    });
    assert_eq!(told.len(), 2, "{told:?}");
    for (message, step) in told.iter().zip(["PE", "AM"]) {
        assert_eq!(code(message), "PC-B050904");
        let info = &message["data"]["paymentIncompleteResult"]["paymentStatusInfo"];
        assert_eq!(info["paymentStep"], step);
        assert_eq!(info["lastUpdatedDateTime"], "2026-01-02T00:00:00.0000000Z");
    }
    let listed = sandbox.admin_get("/notifications?merchant=shop").json();
    for notification in listed["items"].as_array().expect("a list") {
        assert_eq!(notification["status"], "delivered", "{notification}");
    }
}

#[test]
fn a_result_is_told_in_the_form_of_the_order_s_own_request() {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");
    let backend = Receiver::answering(&[OK]);
    let order = notifying(shop.page("A1"), &backend).to("/api/1.0/Payment/prePaymentUi");
    let says = shop.says(&order.sealed().send(&sandbox));
    let url = says["Data"]["paymentPage"]["paymentPageURL"].as_str().expect("a URL").to_owned();
    let path = url.strip_prefix(sandbox.emulator.base_url("paco")).expect("it is here").to_owned();

    post(&sandbox, &path, CARD).assert_status(303);
    settle(&sandbox);

    let told = told(&backend.came()[0]);
    assert_eq!(told["ApiResponse"]["ResponseCode"], "PC-B050000");
    assert_eq!(told["Data"]["paymentResult"]["paymentStatusInfo"]["PaymentStatus"], "A");
}

#[test]
fn a_shop_on_the_front_door_finds_page_and_bank_on_their_own_real_hosts() {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");

    for (host, page, bank) in [
        ("core.demo-paco.2c2p.com", "payment.demo-paco.2c2p.com", "demo-emvacs.2c2p.com"),
        ("core.paco.2c2p.com", "payment.paco.2c2p.com", "payment.paco.2c2p.com"),
    ] {
        let production = host == "core.paco.2c2p.com";
        let shop = if production {
            Shop::with(
                &sandbox,
                "production",
                &json!({"environment": "prd", "ip_allow_list": "any"}),
            )
        } else {
            shop.clone()
        };
        let order = shop.page("A1").member("request3dsFlag", "Y");
        let order = if production { for_production(order) } else { order };
        let sealed = order.sealed();
        let message = String::from_utf8_lossy(&sealed.body).into_owned();
        let target = (host, sealed.method, sealed.target.as_str());
        let created = front_door(&sandbox, target, &sealed.lines(), &message);
        created.assert_status(200);
        let says = opened(&created.body).expect("for this merchant").claims["response"].clone();
        let url = says["data"]["paymentPage"]["paymentPageURL"].as_str().expect("a URL").to_owned();
        let path =
            url.strip_prefix(&format!("https://{page}")).expect("the page's host").to_owned();

        let kind = ("content-type", "application/x-www-form-urlencoded");
        let paid = front_door(&sandbox, (page, "POST", &path), &[kind], CARD);
        paid.assert_status(200);
        assert!(paid.text().contains(&format!("action=\"https://{bank}/challenge/browser\"")));
        let form = challenge_form(&paid);
        let arrived = front_door(&sandbox, (bank, "POST", "/challenge/browser"), &[kind], &form);
        arrived.assert_status(200);
        let answer = format!("{form}&result=pass");
        let back = front_door(&sandbox, (bank, "POST", "/challenge/answer"), &[kind], &answer);
        back.assert_status(303);
        // The page's host serves no API, and the API's host no page.
        front_door(&sandbox, (host, "GET", &path), &[], "").assert_status(404);
        let inquiry = "/api/2.0/Inquiry/transactionStatus?orderNo=A1";
        let token = ("apiKey", shop.token.as_str());
        front_door(&sandbox, (page, "GET", inquiry), &[token], "").assert_status(404);
    }
}

fn for_production(mut order: Message) -> Message {
    order.encrypted_to = "paco-prd-encryption";
    order.jwe("kid", crate::shop::KID_PRD)
}

/// One request through the front door, to a real host.
#[track_caller]
fn front_door(
    sandbox: &Sandbox,
    (host, method, target): (&'static str, &str, &str),
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut request = format!(
        "{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        request.extend([name, ": ", value, "\r\n"]);
    }
    let request = format!("{request}\r\n{body}");
    let stream = secure(sandbox, "front_door", host, trusting(sandbox));
    let said = talk(stream, &request).expect("the certificate is good for the real host");
    let (head, body) = said.split_once("\r\n\r\n").expect("a head");
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status");
    let headers = lines.filter_map(|line| line.split_once(": "));
    Answer {
        status: status.parse().expect("a number"),
        headers: headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect(),
        body: body.as_bytes().to_vec(),
    }
}

fn notifying(mut message: Message, backend: &Receiver) -> Message {
    message.request["notificationURLs"]["backendURL"] = json!(backend.url());
    message
}

/// Lets everything happen that is due.
fn settle(sandbox: &Sandbox) {
    sandbox.admin_post("/clock", &json!({"advance": "0s"})).assert_status(200);
}

/// What a notification says.
fn told(came: &Came) -> Value {
    opened(&came.body).expect("it is for this merchant").claims["response"].clone()
}

fn page_path(sandbox: &Sandbox, says: &Value) -> String {
    let url = says["data"]["paymentPage"]["paymentPageURL"].as_str().expect("a URL");
    url.strip_prefix(sandbox.emulator.base_url("paco")).expect("the page is here").to_owned()
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
