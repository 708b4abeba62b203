//! The usual mistakes behind a seal that is right: members of the request, and what the business
//! refuses. And what is no mistake: every correct request, in every form that PACO takes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sandgate::crypto::jose::{ContentEncryption, SignatureAlgorithm};
use serde_json::{Value, json};

use crate::harness::{Answer, Sandbox};
use crate::near_misses::{assert_named, known_mistakes, named, shop};
use crate::shop::{Message, Outgoing, Shop, amount, amount_of, code};

#[test]
fn an_amount_text_that_was_padded_but_not_multiplied_is_named_with_the_right_one() {
    let (sandbox, shop) = shop();

    for (text, amount, evidence) in [
        ("000000000125", json!(125.5), "in minor units (x 100) it is 000000012550"),
        ("000000000126", json!(125.5), "it is 000000012550"),
        ("000000000125", json!(125), "it is 000000012500; if 1.25 is meant"),
        ("125.50", json!(125.5), "it is 000000012550"),
    ] {
        let answer = with_amount(&shop, text, 2, amount).sealed().send(&sandbox);

        assert_member(&sandbox, &answer, "paco.amount_text_not_multiplied", evidence);
    }
}

#[test]
fn an_amount_text_that_a_float_printed_is_named_with_the_right_one() {
    let (sandbox, shop) = shop();

    for (text, amount) in [
        ("32005.0", json!(320.05)),
        ("000032005.00", json!(320.05)),
        ("32004.9999", json!(320.05)),
        ("3.2005e4", json!(320.05)),
    ] {
        let answer = with_amount(&shop, text, 2, amount).sealed().send(&sandbox);

        let evidence = "transactionAmount: amountText";
        assert_member(&sandbox, &answer, "paco.amount_text_of_a_float", evidence);
    }
}

#[test]
fn an_amount_text_of_eleven_or_of_too_few_digits_is_named() {
    let (sandbox, shop) = shop();

    for (text, evidence) in [
        ("00000012550", "has 11 digits; write 000000012550"),
        ("12550", "has 5 digits; write 000000012550"),
    ] {
        let answer = with_amount(&shop, text, 2, json!(125.5)).sealed().send(&sandbox);

        assert_member(&sandbox, &answer, "paco.amount_text_length", evidence);
    }
}

#[test]
fn an_amount_that_floating_point_rounded_is_named() {
    let (sandbox, shop) = shop();

    for (text, amount, evidence) in [
        ("000000000114", json!(1.15), "one minor unit off amount 1.15 (000000000115)"),
        ("000000000101", json!(1.0), "one minor unit off"),
        ("000000000030", json!(0.1 + 0.2), "as floating-point arithmetic leaves them"),
    ] {
        let answer = with_amount(&shop, text, 2, amount).sealed().send(&sandbox);

        assert_member(&sandbox, &answer, "paco.amount_rounded", evidence);
    }
}

#[test]
fn an_amount_in_minor_units_is_told_from_its_text_by_the_order() {
    let (sandbox, shop) = shop();
    shop.pays(&sandbox, "A1");
    let minor = json!({"amountText": "000000012550", "currencyCode": "NPR", "decimalPlaces": 2,
        "amount": 12550});

    let answer = shop.settlement("A1").member("settlementAmount", minor).sealed().send(&sandbox);

    let evidence = "settlementAmount: amountText is that of the order";
    assert_member(&sandbox, &answer, "paco.amount_in_minor_units", evidence);
}

#[test]
fn decimal_places_that_fit_neither_number_are_named() {
    let (sandbox, shop) = shop();

    let answer = with_amount(&shop, "000000100000", 0, json!(1000)).sealed().send(&sandbox);

    let evidence = "with 2 decimal places, decimalPlaces says 0";
    assert_member(&sandbox, &answer, "paco.wrong_decimal_places", evidence);
}

#[test]
fn names_that_a_code_generator_respelt_are_named_where_case_counts() {
    let sandbox = Sandbox::start();
    let strict = Shop::with(&sandbox, "strict", &json!({"strict_names": "on"}));
    let mut message = strict.page("A1");
    rename(&mut message.request["apiRequest"], "requestMessageID", "requestMessageId");
    rename(&mut message.request["notificationURLs"], "backendURL", "backendUrl");

    let answer = message.sealed().send(&sandbox);

    let mistakes = [(
        "paco.names_in_another_case",
        "requestMessageId for apiRequest.requestMessageID, backendUrl for",
    )];
    assert_named(&sandbox, &answer, "paco.fields", &mistakes);
}

#[test]
fn a_misspelt_member_is_named_beside_the_one_that_is_wanted() {
    let (sandbox, shop) = shop();

    for (name, misspelt) in [("orderNo", "order_no"), ("officeId", "officeld")] {
        let mut message = shop.page("A1");
        rename(&mut message.request, name, misspelt);

        let answer = message.sealed().send(&sandbox);

        let evidence = format!("{misspelt} stands where {name} is wanted");
        assert_member(&sandbox, &answer, "paco.misspelt_name", &evidence);
    }
}

#[test]
fn a_member_in_the_wrong_object_is_named_with_both_places() {
    let (sandbox, shop) = shop();
    let mut message = shop.page("A1").member("officeId", Value::Null);
    message.request["apiRequest"]["officeId"] = json!("DEMO_MANUAL");

    let answer = message.sealed().send(&sandbox);

    let evidence = "apiRequest.officeId belongs at officeId";
    assert_member(&sandbox, &answer, "paco.member_elsewhere", evidence);
}

#[test]
fn a_member_of_another_json_type_is_named() {
    let (sandbox, shop) = shop();
    let with = |name: &str, value: Value| shop.page("A1").member(name, value);
    let mut amount_as_text = amount();
    amount_as_text["amount"] = json!("125.5");
    let mut places_as_text = amount();
    places_as_text["decimalPlaces"] = json!("2");
    let browser = json!({"javaEnabled": "false"});
    let urls = shop.page("A1").request["notificationURLs"].to_string();

    for (message, mistake, evidence) in [
        (
            with("transactionAmount", amount_as_text),
            "paco.number_as_text",
            "transactionAmount.amount is in quotes",
        ),
        (
            with("transactionAmount", places_as_text),
            "paco.number_as_text",
            "transactionAmount.decimalPlaces is in quotes",
        ),
        (with("browserInfo", browser), "paco.number_as_text", "true or false without them"),
        (with("orderNo", json!(17)), "paco.text_as_number", "orderNo is a JSON number"),
        (with("mcpFlag", json!(false)), "paco.flag_in_another_form", "mcpFlag is false"),
        (with("mcpFlag", json!("yes")), "paco.flag_in_another_form", "mcpFlag is \"yes\""),
        (with("notificationURLs", json!(urls)), "paco.object_as_text", "serialized twice"),
        (
            with("preferredPaymentTypes", json!("CC")),
            "paco.list_or_single",
            "also where it has one",
        ),
        (
            with("officeId", json!(["DEMO_MANUAL"])),
            "paco.list_or_single",
            "a single value is wanted",
        ),
    ] {
        let answer = message.sealed().send(&sandbox);

        assert_member(&sandbox, &answer, mistake, evidence);
    }
}

#[test]
fn a_date_or_a_url_in_another_form_is_named() {
    let (sandbox, shop) = shop();
    let dated = |value: Value| {
        let mut message = shop.page("A1");
        message.request["apiRequest"]["requestDateTime"] = value;
        message
    };
    let mut bare_url = shop.page("A1");
    bare_url.request["notificationURLs"]["backendURL"] = json!("shop.test/notify");

    for (message, mistake, evidence) in [
        (dated(json!("01/01/2026 00:00:00")), "paco.date_in_another_form", "begin with its year"),
        (dated(json!(1_767_225_600)), "paco.date_in_another_form", "seconds since 1970"),
        (dated(json!("Thu, 01 Jan 2026")), "paco.date_in_another_form", "month as a word"),
        (bare_url, "paco.url_without_scheme", "begin with https://"),
    ] {
        let answer = message.sealed().send(&sandbox);

        assert_member(&sandbox, &answer, mistake, evidence);
    }
}

#[test]
fn a_currency_or_an_expiry_in_another_form_is_named_and_the_expiry_is_not_quoted() {
    let (sandbox, shop) = shop();
    let in_currency = |currency: &str| {
        let mut stated = amount();
        stated["currencyCode"] = json!(currency);
        shop.page("A1").member("transactionAmount", stated)
    };
    let expiring = |expiry: &str| {
        let mut message = shop.payment("A1");
        message.request["creditCardDetails"]["cardExpiryMMYY"] = json!(expiry);
        message
    };

    for (currency, evidence) in [("npr", "is written NPR"), ("524", "is the numeric code")] {
        let answer = in_currency(currency).sealed().send(&sandbox);
        assert_member(&sandbox, &answer, "paco.currency_in_another_form", evidence);
    }
    for (expiry, evidence) in [
        ("2812", "the year stands in front"),
        ("12/28", "the slash between"),
        ("122028", "the year has four digits"),
        ("728", "the zero in front"),
    ] {
        let answer = expiring(expiry).sealed().send(&sandbox);

        assert_member(&sandbox, &answer, "paco.card_expiry_in_another_form", evidence);
        let explanation = sandbox.explanation(&answer.exchange());
        let said = explanation["near_misses"].to_string();
        assert!(!said.contains(expiry), "{said}");
    }
}

#[test]
fn an_action_on_an_invoice_number_instead_of_an_order_number_is_named() {
    let (sandbox, shop) = shop();
    let paid = shop.says(&shop.pays(&sandbox, "A1"));
    let invoice = paid["data"]["paymentResult"]["invoiceNo2C2P"].as_str().expect("a number");
    let keyed = |message: Message| message.member("orderNo", Value::Null);
    let keyed = |message| keyed(message).member("invoiceNo2C2P", invoice);
    let evidence = "orderNo, the number that the merchant gave the order";

    for message in [keyed(shop.void("A1")), keyed(shop.settlement("A1"))] {
        let answer = message.sealed().send(&sandbox);
        assert_member(&sandbox, &answer, "paco.keyed_by_invoice_no", evidence);
    }
    let in_its_place = shop.void(invoice).sealed().send(&sandbox);
    let asked = shop.inquiry(invoice).send(&sandbox);
    for answer in [in_its_place, asked] {
        let evidence = "it is the invoiceNo2C2P of the order \"A1\"";
        assert_refusal(&sandbox, &answer, "paco.keyed_by_invoice_no", evidence);
    }
}

#[test]
fn an_order_number_that_is_used_again_is_named_with_what_became_of_the_first() {
    let (sandbox, shop) = shop();
    let mut declined = shop.payment("A1");
    declined.request["creditCardDetails"]["cardNumber"] = json!("4000000000000002");
    declined.sealed().send(&sandbox).assert_status(200);

    for request in [shop.payment("A1").sealed(), shop.page("A1").sealed(), declined.plain()] {
        let answer = request.send(&sandbox);

        let evidence = "is F/PR; an order number is used once";
        let explanation = assert_refusal(&sandbox, &answer, "paco.order_no_reused", evidence);
        let said = explanation["near_misses"][0]["evidence"].as_str().unwrap_or_default();
        assert!(said.ends_with("a retry of a declined order needs a new orderNo"), "{said}");
    }
}

#[test]
fn an_action_in_the_wrong_state_is_named_by_the_state() {
    let (sandbox, shop) = shop();
    let automatic = |message: Message| message.member("officeId", "DEMO_AUTOSETTLE");
    let settled = "an earlier Settlement settled it";
    automatic(shop.payment("auto")).sealed().send(&sandbox).assert_status(200);
    for order in ["settled", "voided"] {
        shop.pays(&sandbox, order);
    }
    shop.settlement("settled").sealed().send(&sandbox).assert_status(200);
    shop.void("voided").sealed().send(&sandbox).assert_status(200);
    shop.page("open").sealed().send(&sandbox).assert_status(200);

    for (message, mistake, evidence) in [
        (shop.void("settled"), "paco.already_settled", settled),
        (shop.settlement("settled"), "paco.already_settled", settled),
        (automatic(shop.settlement("auto")), "paco.already_settled", "settles by itself"),
        (automatic(shop.void("auto")), "paco.already_settled", "is refunded, not voided"),
        (shop.void("voided"), "paco.already_voided", "an earlier Void"),
        (shop.settlement("open"), "paco.not_approved", "PCPS/GP: its payer has not paid yet"),
    ] {
        let answer = message.sealed().send(&sandbox);

        assert_refusal(&sandbox, &answer, mistake, evidence);
    }
}

#[test]
fn an_order_that_is_known_otherwise_is_named_and_another_merchant_s_is_not() {
    let (sandbox, shop) = shop();
    let stranger = Shop::new(&sandbox, "stranger");
    for order in ["Ab-1", "0042"] {
        shop.pays(&sandbox, order);
    }
    stranger.pays(&sandbox, "secret-1");
    let elsewhere = shop.void("Ab-1").member("officeId", "DEMO_NEPAL");

    for (message, mistake, evidence) in [
        (
            elsewhere,
            "paco.order_of_another_office",
            "officeId \"DEMO_MANUAL\", this says \"DEMO_NEPAL\"",
        ),
        (shop.void("AB-1"), "paco.order_no_misspelt", "there is an order \"Ab-1\""),
        (shop.void(" Ab-1"), "paco.order_no_misspelt", "there is an order \"Ab-1\""),
        (shop.void("ab1"), "paco.order_no_misspelt", "there is an order \"Ab-1\""),
        (shop.void("42"), "paco.order_no_misspelt", "there is an order \"0042\""),
    ] {
        let answer = message.sealed().send(&sandbox);

        assert_refusal(&sandbox, &answer, mistake, evidence);
    }
    for order in ["secret-1", "SECRET-1", "other"] {
        let answer = shop.void(order).sealed().send(&sandbox);
        assert_eq!(named(&sandbox.explanation(&answer.exchange())), Vec::<&str>::new());
    }
}

#[test]
fn an_office_that_is_written_otherwise_is_named() {
    let (sandbox, shop) = shop();

    for (office, evidence) in [
        ("demo_manual", "the office is \"DEMO_MANUAL\""),
        ("DEMO-MANUAL", "the office is \"DEMO_MANUAL\""),
        ("shop", "the user of the Basic credentials"),
    ] {
        let answer = shop.page("A1").member("officeId", office).sealed().send(&sandbox);

        assert_refusal(&sandbox, &answer, "paco.office_id_misspelt", evidence);
    }
    let unknown = shop.page("A1").member("officeId", "ELSEWHERE").sealed().send(&sandbox);
    assert_eq!(named(&sandbox.explanation(&unknown.exchange())), Vec::<&str>::new());
}

#[test]
fn the_item_price_of_the_sample_code_is_accepted_and_named_all_the_same() {
    let (sandbox, shop) = shop();
    let items = |prices: &[u32]| -> Value {
        let item = |price: &u32| json!({"purchaseItemPrice": amount_of(*price), "subMerchantID": "string"});
        prices.iter().map(item).collect()
    };

    for (order, prices, found) in [
        ("A1", &[100][..], &["paco.item_price_of_the_demo"][..]),
        ("A2", &[12_550], &[]),
        ("A3", &[100, 12_450], &[]),
        ("A4", &[5_000], &[]),
    ] {
        let answer =
            shop.page(order).member("purchaseItems", items(prices)).sealed().send(&sandbox);

        answer.assert_status(200);
        let explanation = sandbox.explanation(&answer.exchange());
        assert_eq!(named(&explanation), found, "{explanation}");
    }
}

#[test]
fn a_refusal_that_a_rule_made_is_no_mistake() {
    let (sandbox, shop) = shop();
    for code in ["PC-B050095", "PC-B050013", "PC-B050053", "PC-B052201"] {
        let rule = json!({"merchant": shop.id, "rule": {"error": {"code": code}}});
        sandbox.admin_post("/scenarios/armed", &rule).assert_status(201);

        let answer = shop.page("A1").sealed().send(&sandbox);

        assert_eq!(self::code(&shop.says(&answer)), code);
        let explanation = sandbox.explanation(&answer.exchange());
        assert_eq!(named(&explanation), Vec::<&str>::new(), "{explanation}");
    }
}

#[test]
fn no_correct_request_of_any_endpoint_in_any_form_is_given_a_near_miss() {
    let (sandbox, shop) = shop();
    let mut sent = 0;
    let mut correct = |request: &Outgoing| {
        let answer = request.send(&sandbox);
        answer.assert_status(200);
        let explanation = sandbox.explanation(&answer.exchange());
        assert_eq!(explanation["verdict"], "accepted", "{explanation}");
        assert_eq!(explanation["near_misses"], json!([]), "{explanation}");
        assert_eq!(explanation["near_miss_note"], Value::Null, "{explanation}");
        sent += 1;
    };

    for (number, signature) in SignatureAlgorithm::ALL.into_iter().enumerate() {
        for (letter, encryption) in ContentEncryption::ALL.into_iter().enumerate() {
            let order = format!("pair-{number}-{letter}");
            let message = shop.page(&order).signing(signature).encrypting(encryption);
            correct(&message.sealed());
        }
    }
    for (name, change) in forms() {
        let paid = format!("paid-{name}");
        let void = format!("void-{name}");
        correct(&change(whole(shop.page(&format!("page-{name}")))));
        correct(&change(whole(shop.payment(&paid))));
        correct(&change(whole(shop.payment(&void))));
        correct(&change(settlement_of_the_sample(&shop, &paid)));
        correct(&change(shop.void(&void)));
        correct(&shop.inquiry(&paid));
        correct(&shop.inquiry(&paid).header("content-type", "application/json"));
    }
    assert_eq!(sent, 36 + 7 * forms().len());
}

#[test]
fn the_mistakes_of_refunds_are_named() {
    let (sandbox, shop) = shop();
    shop.pays(&sandbox, "A1");
    shop.settles(&sandbox, "A2");
    let right = || shop.refund("A2", 12_550);
    let wrapped = {
        let mut message = right();
        message.request["refundDetails"] = json!({"refundAmount": amount()});
        message.member("refundAmount", Value::Null).member("localMakerChecker", Value::Null)
    };
    let nobody = right().member("localMakerChecker", json!({"maker": {"email": "m@shop.test"}}));
    let early = shop.refund("A1", 12_550);

    for (message, id) in [
        (wrapped, "paco.refund_details_wrapper"),
        (nobody, "paco.refund_maker_missing"),
        (early, "paco.refund_before_settlement"),
    ] {
        let answer = message.sealed().send(&sandbox);
        answer.assert_status(400);
        let why = sandbox.explanation(&answer.exchange());
        assert!(named(&why).contains(&id), "{id}: {why}");
    }
    let office = json!({"provider": "paco", "id": "careful",
        "offices": [{"id": "DEMO_MANUAL", "settings": {"refund_review": "maker_checker"}}]});
    let careful = Shop::asking(&sandbox, &office);
    careful.settles(&sandbox, "A1");
    careful.refund("A1", 12_550).sealed().send(&sandbox).assert_status(200);
    let again = careful.refund("A1", 12_550).sealed().send(&sandbox);
    let why = sandbox.explanation(&again.exchange());
    assert!(named(&why).contains(&"paco.already_refunded"), "{why}");
}

#[test]
fn every_mistake_that_is_looked_for_is_made_by_a_test() {
    let sandbox = Sandbox::start();
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite");
    let read = |file: &str| fs::read_to_string(suite.join(file)).expect("readable");
    let tests = read("near_misses.rs") + &read("paco_mistakes.rs");

    let known = known_mistakes(&sandbox);
    let untested: Vec<&str> =
        known.iter().filter(|id| !tests.contains(&format!("\"{id}\""))).copied().collect();

    let once: BTreeSet<&str> = known.iter().copied().collect();
    assert_eq!(once.len(), known.len(), "a mistake is there twice");
    assert!(known.iter().all(|id| id.starts_with("paco.")), "{known:?}");
    assert!(known.len() > 50, "only {} mistakes are known", known.len());
    assert!(untested.is_empty(), "no test makes {}", untested.join(", "));
}

/// Makes a request of a message in one way.
type Form = fn(Message) -> Outgoing;

/// The ways in which working clients send one and the same message.
fn forms() -> Vec<(&'static str, Form)> {
    fn version(mut message: Message, version: &str) -> Message {
        message.target = message.target.replace("/2.0/", &format!("/{version}/"));
        message
    }
    vec![
        ("sealed", |message| message.sealed()),
        ("plain", |message| message.plain()),
        ("v1", |message| version(message, "1.0").sealed()),
        ("v1-short", |message| version(message, "1").plain()),
        ("lower", |message| {
            let target = message.target.to_ascii_lowercase();
            message.to(&target).sealed()
        }),
        ("mixed", |message| message.sealed().header("accept", "application/json")),
        ("mixed-back", |message| message.plain().header("accept", "application/jose")),
        ("no-accept", |message| message.sealed().header("accept", "")),
        ("pascal", |mut message| {
            message.request = pascal(&message.request);
            message.sealed()
        }),
        ("api-key", |message| {
            let token = message.claims["iss"].as_str().unwrap_or_default().to_owned();
            message.sealed().header("token", "").header("CompanyApiKey", &token)
        }),
        ("bare-claims", |message| message.claim("CompanyApiKey", Value::Null).sealed()),
        ("no-nbf", |message| message.claim("nbf", Value::Null).sealed()),
        ("fraction", |message| message.claim("iat", 1_767_225_599.25).sealed()),
        ("two-audiences", |message| message.claim("aud", json!(["PacoAudience", "x"])).sealed()),
        ("no-typ", |message| message.jws("typ", Value::Null).jwe("typ", Value::Null).sealed()),
        ("type", |message| message.jws("typ", Value::Null).jws("type", "JWT").sealed()),
        ("jti", |message| message.jws("jti", "0d7d5c2e-4b56-4c1a-9f0e-6f1f0f6f7a01").sealed()),
        ("skewed", |message| message.issued(55).sealed()),
        ("old", |message| message.issued(-3500).sealed()),
    ]
}

/// A message with every optional member that a working client is known to send.
fn whole(mut message: Message) -> Message {
    let extra = json!({
        "preferredPaymentTypes": ["CC", "IPP", "QR"],
        "channelCode": "WEBPAY",
        "storeCardDetails": {"storeCardFlag": "N", "storedCardUniqueID": "{{guid}}"},
        "installmentPaymentDetails":
            {"ippFlag": "N", "installmentPeriod": 0, "interestType": null},
        "recurringPaymentDetails": {"rppFlag": "N"},
        "mcpFlag": "N",
        "deviceDetails": {"browserIp": "192.0.2.10", "browser": "Firefox",
            "browserUserAgent": "Mozilla/5.0", "mobileDeviceFlag": "N", "browserTZ": -345},
        "browserInfo": {"acceptHeader": "*/*", "ip": "192.0.2.10", "javascriptEnabled": true,
            "javaEnabled": false, "language": "en", "colorDepth": "24", "screenHeight": "900",
            "screenWidth": "1440", "timeZone": "-345", "userAgent": "Mozilla/5.0"},
        "purchaseItems": [{"purchaseItemType": "ticket", "referenceNo": "A-1",
            "purchaseItemDescription": "Seat", "purchaseItemPrice": amount(),
            "subMerchantID": "string", "passengerSeqNo": 1}],
        "customFieldList": [{"fieldName": "bookingId", "fieldValue": "42"}],
        "generalPayerDetails": {"personType": "general", "seqNo": 1,
            "personName": {"fullName": "Demo Payer"}, "email": "payer@shop.test"},
        "billingAddress": {"billAddrCity": "Kathmandu", "billAddrCountry": "524",
            "billAddrLine1": "Thamel", "billAddrPostCode": "44600"},
        "shippingAddress": {"shipAddrCity": "Kathmandu", "shipAddrCountry": "524"},
        "autoRedirectDelayTimer": 5,
        "paymentExpiryDateTime": "2026-01-01T12:00:00+05:45",
        "airlineData": {"bookingReference":
            {"pnrCode": "ABC123", "bookingDateTime": "2026-01-01T00:00:00"},
            "flightSegments": [{"sequenceNo": 1, "operatingflightNo": "7"}]},
        "aMemberOfTomorrow": {"orderNo": "x", "amount": "1"},
    });
    let request = message.request.as_object_mut().expect("an object");
    request.extend(extra.as_object().cloned().unwrap_or_default());
    message
}

/// The shape of the official sample, without apiRequest.
fn settlement_of_the_sample(shop: &Shop, order: &str) -> Message {
    let message = shop.settlement(order).member("apiRequest", Value::Null);
    let message = message.member("productDescription", "Tour deposit");
    message.member("issuerApprovalCode", "123456").member("actionBy", "shop")
}

fn pascal(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| {
                let (first, rest) = name.split_at(1);
                (first.to_ascii_uppercase() + rest, pascal(value))
            })
            .collect(),
        Value::Array(items) => items.iter().map(pascal).collect(),
        other => other.clone(),
    }
}

fn rename(object: &mut Value, from: &str, to: &str) {
    let members = object.as_object_mut().expect("an object");
    let value = members.remove(from).expect("the member is there");
    members.insert(to.to_owned(), value);
}

fn with_amount(shop: &Shop, text: &str, places: u8, amount: impl Into<Value>) -> Message {
    let stated = json!({"amountText": text, "currencyCode": "NPR", "decimalPlaces": places,
        "amount": amount.into()});
    shop.page("A1").member("transactionAmount", stated)
}

#[track_caller]
fn assert_member(sandbox: &Sandbox, answer: &Answer, mistake: &str, evidence: &str) {
    assert_named(sandbox, answer, "paco.fields", &[(mistake, evidence)]);
}

/// Looks that the business refused, and that exactly this mistake is named.
#[track_caller]
fn assert_refusal(sandbox: &Sandbox, answer: &Answer, mistake: &str, evidence: &str) -> Value {
    let explanation = sandbox.explanation(&answer.exchange());
    assert_eq!(explanation["verdict"], "refused", "{explanation}");
    assert_eq!(explanation["failed_check"], Value::Null, "{explanation}");
    assert_eq!(named(&explanation), [mistake], "{explanation}");
    let said = explanation["near_misses"][0]["evidence"].as_str().unwrap_or_default();
    assert!(said.contains(evidence), "\"{evidence}\" is not in {said}");
    explanation
}
