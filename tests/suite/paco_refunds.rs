//! Refunds and lists: what may be given back, with which code it is refused otherwise, and how orders
//! are found.

use serde_json::{Value, json};

use crate::harness::{Answer, Sandbox};
use crate::shop::{Message, Outgoing, Shop, amount, amount_of, code};

fn shop() -> (Sandbox, Shop) {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");
    (sandbox, shop)
}

/// A merchant whose one office has these settings.
fn office(settings: &Value) -> (Sandbox, Shop) {
    let sandbox = Sandbox::start();
    let asked = json!({
        "provider": "paco", "id": "shop",
        "offices": [{"id": "DEMO_MANUAL", "settings": settings}],
    });
    let shop = Shop::asking(&sandbox, &asked);
    (sandbox, shop)
}

#[track_caller]
fn assert_refused(shop: &Shop, answer: &Answer, wanted: &str) {
    answer.assert_status(400);
    assert_eq!(code(&shop.says(answer)), wanted);
}

#[track_caller]
fn refunded(sandbox: &Sandbox, shop: &Shop, order: &str, minor: u32) -> Value {
    let answer = shop.refund(order, minor).sealed().send(sandbox);
    answer.assert_status(200);
    shop.says(&answer)
}

#[test]
fn a_full_refund_is_answered_flat_and_changes_the_order() {
    let (sandbox, shop) = shop();
    shop.settles(&sandbox, "A1");

    let says = refunded(&sandbox, &shop, "A1", 12_550);

    assert_eq!(code(&says), "PC-B050000");
    let data = &says["data"];
    assert_eq!(data["paymentStatusInfo"]["paymentStatus"], "R");
    assert_eq!(data["paymentStatusInfo"]["paymentStep"], "RF");
    assert_eq!(data["refundAmount"], amount());
    assert_eq!(data["orderNo"], "A1");
    assert_eq!(data["pspResponse"]["responseCode"], "PC-B050000");
    for member in ["refundNo", "invoiceNo2C2P", "pspReferenceNo"] {
        assert!(data[member].is_string(), "{member} in {data}");
    }
    assert_eq!(shop.state(&sandbox, "A1"), "R/RF");
}

#[test]
fn parts_are_refunded_until_nothing_is_left_and_never_more() {
    let (sandbox, shop) = shop();
    shop.settles(&sandbox, "A1");

    refunded(&sandbox, &shop, "A1", 10_000);
    let too_much = shop.refund("A1", 2_551).sealed().send(&sandbox);
    refunded(&sandbox, &shop, "A1", 2_550);
    let nothing_left = shop.refund("A1", 1).sealed().send(&sandbox);

    assert_refused(&shop, &too_much, "PC-B050058");
    assert_refused(&shop, &nothing_left, "PC-B050040");
    let why = sandbox.explanation(&too_much.exchange());
    assert!(why["reason"].as_str().unwrap_or_default().contains("NPR 25.50"), "{why}");
}

#[test]
fn only_what_was_settled_is_refunded() {
    let (sandbox, shop) = shop();
    shop.pays(&sandbox, "A1");
    shop.pays(&sandbox, "A2");
    shop.settlement("A2").member("settlementAmount", amount_of(5_000)).sealed().send(&sandbox);
    shop.pays(&sandbox, "A3");
    shop.void("A3").sealed().send(&sandbox).assert_status(200);

    let unsettled = shop.refund("A1", 12_550).sealed().send(&sandbox);
    let beyond = shop.refund("A2", 5_001).sealed().send(&sandbox);
    let voided = shop.refund("A3", 12_550).sealed().send(&sandbox);
    let unknown = shop.refund("A4", 12_550).sealed().send(&sandbox);

    assert_refused(&shop, &unsettled, "PC-B050053");
    assert_refused(&shop, &beyond, "PC-B050058");
    assert_refused(&shop, &voided, "PC-B050053");
    assert_refused(&shop, &unknown, "PC-B052201");
    refunded(&sandbox, &shop, "A2", 5_000);
}

#[test]
fn a_malformed_refund_has_a_code_of_its_own_and_a_malformed_amount_another() {
    let (sandbox, shop) = shop();
    shop.settles(&sandbox, "A1");
    let right = || shop.refund("A1", 100);
    let wrapped = {
        let mut message = right();
        let details = json!({"refundAmount": message.request["refundAmount"]});
        message.request["refundDetails"] = details;
        message.member("refundAmount", Value::Null).member("localMakerChecker", Value::Null)
    };
    let mut short = amount_of(100);
    short["amountText"] = json!("100");
    let mut foreign = amount_of(100);
    foreign["currencyCode"] = json!("USD");
    for (what, message, wanted) in [
        ("a wrapper", wrapped, "PC-B050039"),
        (
            "no maker",
            right().member("localMakerChecker", json!({"checker": {"username": "c"}})),
            "PC-B050039",
        ),
        (
            "a maker without a name",
            right().member("localMakerChecker", json!({"maker": {}})),
            "PC-B050039",
        ),
        ("no amount", right().member("refundAmount", Value::Null), "PC-B050040"),
        ("an amount that is cut short", right().member("refundAmount", short), "PC-B050040"),
        ("an amount of zero", right().member("refundAmount", amount_of(0)), "PC-B050040"),
        ("another currency", right().member("refundAmount", foreign), "PC-B050056"),
    ] {
        let answer = message.sealed().send(&sandbox);
        answer.assert_status(400);
        assert_eq!(code(&shop.says(&answer)), wanted, "{what}");
    }
    assert_eq!(shop.state(&sandbox, "A1"), "S/ST");
}

#[test]
fn an_amount_in_pascal_case_is_the_official_sample_s_and_works() {
    let (sandbox, shop) = shop();
    shop.settles(&sandbox, "A1");
    let pascal = json!({
        "AmountText": "000000000100", "CurrencyCode": "NPR", "DecimalPlaces": 2, "Amount": 1.0});

    let answer = shop.refund("A1", 1).member("refundAmount", pascal).sealed().send(&sandbox);

    answer.assert_status(200);
}

#[test]
fn the_refund_policy_says_how_often_and_how_much() {
    for (policy, first, second, codes) in [
        ("partial_up_to_settled", 5_000, 7_550, ["PC-B050000", "PC-B050000"]),
        ("single_partial", 5_000, 7_550, ["PC-B050000", "PC-B050059"]),
        ("full_only", 5_000, 12_550, ["PC-B050060", "PC-B050000"]),
        ("forbidden", 12_550, 12_550, ["PC-B050059", "PC-B050059"]),
    ] {
        let (sandbox, shop) = office(&json!({"refund_policy": policy}));
        shop.settles(&sandbox, "A1");

        let answers = [first, second].map(|minor| {
            let answer = shop.refund("A1", minor).sealed().send(&sandbox);
            code(&shop.says(&answer)).to_owned()
        });

        assert_eq!(answers, codes, "{policy}");
    }
}

#[test]
fn with_maker_checker_a_refund_waits_until_it_is_approved_rejected_or_forgotten() {
    for (event, state, refundable) in [
        ("refund_approved", "R/RF", false),
        ("refund_rejected", "R/RR", true),
        ("refund_expired", "R/RE", true),
    ] {
        let (sandbox, shop) = office(&json!({"refund_review": "maker_checker"}));
        shop.settles(&sandbox, "A1");

        let asked = refunded(&sandbox, &shop, "A1", 12_550);
        assert_eq!(code(&asked), "PC-B053557");
        assert_eq!(shop.state(&sandbox, "A1"), "R/RP");
        let another = shop.refund("A1", 1).sealed().send(&sandbox);
        assert_refused(&shop, &another, "PC-B050053");

        let event = json!({ "event": event });
        sandbox.admin_post("/transactions/shop/order/A1/events", &event).assert_status(200);

        assert_eq!(shop.state(&sandbox, "A1"), state);
        let again = shop.refund("A1", 12_550).sealed().send(&sandbox);
        let wanted = if refundable { "PC-B053557" } else { "PC-B050040" };
        assert_eq!(code(&shop.says(&again)), wanted, "{state}");
    }
}

#[test]
fn a_review_ends_by_itself_and_a_named_checker_needs_none() {
    let (sandbox, shop) = office(&json!({"refund_review": "maker_checker"}));
    shop.settles(&sandbox, "A1");
    shop.settles(&sandbox, "A2");
    refunded(&sandbox, &shop, "A1", 12_550);
    let both = json!({"maker": {"username": "m"}, "checker": {"username": "c"}});

    let checked = shop.refund("A2", 100).member("localMakerChecker", both).sealed().send(&sandbox);
    sandbox.admin_post("/clock", &json!({"advance": "168h"})).assert_status(200);

    assert_eq!(code(&shop.says(&checked)), "PC-B050000");
    assert_eq!(shop.state(&sandbox, "A1"), "R/RE");
    assert_eq!(shop.state(&sandbox, "A2"), "R/RF");
}

#[test]
fn items_of_a_refund_are_held_against_the_order() {
    let (sandbox, shop) = shop();
    let item = |reference: &str, minor: u32, who: &str| {
        json!({
            "purchaseItemType": "ticket", "referenceNo": reference, "subMerchantID": who,
            "purchaseItemPrice": amount_of(minor)})
    };
    let items = json!([item("A", 8_000, "left"), item("B", 4_550, "right")]);
    let paid = shop.payment("A1").member("purchaseItems", items).sealed().send(&sandbox);
    paid.assert_status(200);
    shop.settlement("A1").sealed().send(&sandbox).assert_status(200);
    shop.settles(&sandbox, "A2");
    let part = |reference: &str, minor: u32, who: &str| json!({"referenceNo": reference, "subMerchantID": who, "refundItemAmount": amount_of(minor)});
    let refund = |order: &str, minor: u32, items: Value| {
        shop.refund(order, minor).member("refundItems", items).sealed().send(&sandbox)
    };

    assert_refused(&shop, &refund("A2", 100, json!([part("A", 100, "left")])), "PC-B050042");
    assert_refused(&shop, &refund("A1", 100, json!([part("C", 100, "left")])), "PC-B050041");
    assert_refused(&shop, &refund("A1", 100, json!([part("A", 101, "left")])), "PC-B050043");
    assert_refused(&shop, &refund("A1", 8_001, json!([part("A", 8_001, "left")])), "PC-B050043");
    assert_refused(&shop, &refund("A1", 4_551, json!([part("A", 4_551, "right")])), "PC-B050061");
    refund("A1", 8_000, json!([part("A", 8_000, "left")])).assert_status(200);
    assert_refused(&shop, &refund("A1", 1, json!([part("A", 1, "left")])), "PC-B050043");
}

#[test]
fn one_of_many_refunds_at_once_wins_what_is_left() {
    let (sandbox, shop) = shop();
    shop.settles(&sandbox, "A1");
    let requests: Vec<Outgoing> = (0..20).map(|_| shop.refund("A1", 12_550).sealed()).collect();

    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let asked: Vec<_> =
            requests.iter().map(|request| scope.spawn(|| request.send(&sandbox).status)).collect();
        asked.into_iter().map(|one| one.join().expect("no panic")).collect()
    });

    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
}

#[test]
fn a_list_finds_orders_by_everything_it_can_be_asked_for() {
    let (sandbox, shop) = shop();
    let other = Shop::new(&sandbox, "other");
    other.pays(&sandbox, "B1");
    shop.pays(&sandbox, "A1");
    sandbox.admin_post("/clock", &json!({"advance": "1h"})).assert_status(200);
    let auto = json!("DEMO_AUTOSETTLE");
    shop.payment("A2").member("officeId", auto).sealed().send(&sandbox).assert_status(200);
    sandbox.admin_post("/clock", &json!({"advance": "1h"})).assert_status(200);
    let small = shop.page("A3").issued(7_200).member("transactionAmount", amount_of(100));
    let page = shop.says(&small.sealed().send(&sandbox));
    let pid = &page["data"]["paymentIncompleteResult"]["controllerInternalID"];
    let found = |asked: Value| -> Vec<String> {
        let answer = shop.list(&asked).issued(7_200).sealed().send(&sandbox);
        answer.assert_status(200);
        let says = shop.says(&answer);
        assert_eq!(code(&says), "PC-B050000");
        let rows = says["data"].as_array().expect("a list").clone();
        rows.iter().map(|row| row["orderNo"].as_str().unwrap_or_default().to_owned()).collect()
    };

    assert_eq!(found(json!({})), ["A3", "A2", "A1"]);
    assert_eq!(found(json!({"officeId": ["DEMO_AUTOSETTLE"]})), ["A2"]);
    assert_eq!(found(json!({"orderNo": ["A1", "A3"]})), ["A3", "A1"]);
    assert_eq!(found(json!({"controllerInternalID": pid})), ["A3"]);
    let paid = shop.inquiry("A1").send(&sandbox).json()["data"][0]["invoiceNo2C2P"].clone();
    assert_eq!(found(json!({"invoiceNo2C2P": paid})), ["A1"]);
    assert_eq!(found(json!({"toDate": "2026-01-01"})), ["A3", "A2", "A1"]);
    assert_eq!(found(json!({"toDate": "2025-12-31"})), Vec::<String>::new());
    assert_eq!(found(json!({"fromDate": "2026-01-01T01:00:00"})), ["A3", "A2"]);
    assert_eq!(found(json!({"toDate": "2026-01-01T08:00:00+07:00"})), ["A2", "A1"]);
    assert_eq!(found(json!({"amountFrom": 100})), ["A2", "A1"]);
    assert_eq!(found(json!({"amountTo": "1.00"})), ["A3"]);
    assert_eq!(found(json!({"paymentStatus": ["S", "PCPS"]})), ["A3", "A2"]);
    assert_eq!(found(json!({"orderNo": ["nobody"]})), Vec::<String>::new());
    assert_eq!(found(json!({"orderNo": ["B1"]})), Vec::<String>::new());
}

#[test]
fn a_list_has_its_own_names_and_in_version_1_its_own_casing() {
    let (sandbox, shop) = shop();
    let payer = json!({"personType": "general", "personName": {"fullName": "Demo Payer"}});
    let paid = shop.payment("A1").member("generalPayerDetails", payer.clone());
    paid.sealed().send(&sandbox).assert_status(200);
    let one = json!({"orderNo": ["A1"]});

    let camel = shop.says(&shop.list(&one).sealed().send(&sandbox));
    let pascal = shop.list(&one).to("/api/1.0/Inquiry/transactionList").sealed().send(&sandbox);
    let pascal = shop.says(&pascal);
    let plain = shop.list(&one).plain().header("accept", "application/json").send(&sandbox);

    let row = &camel["data"][0];
    assert_eq!(row["paymentStatusInfo"]["lastUpdatedDttm"], "2026-01-01T00:00:00.0000000Z");
    assert_eq!(row["generalPayerDetails"], payer);
    assert_eq!(row["creditCardDetails"]["cardHolderName"], "Demo Payer");
    let row = &pascal["Data"][0];
    assert_eq!(row["OrderNo"], "A1");
    assert_eq!(row["PaymentStatusInfo"]["LastUpdatedDttm"], "2026-01-01T00:00:00.0000000Z");
    assert_eq!(row["TransactionAmount"]["AmountText"], "000000012550");
    assert_eq!(row["CreditCardDetails"]["CardHolderName"], "Demo Payer");
    assert_eq!(plain.json()["data"], camel["data"]);
}

#[test]
fn a_search_that_makes_no_sense_is_refused_with_the_reason() {
    let (sandbox, shop) = shop();
    for (asked, named) in [
        (json!({"orderNo": "A1"}), "orderNo"),
        (json!({"fromDate": "yesterday"}), "fromDate"),
        (json!({"amountFrom": "much"}), "amountFrom"),
    ] {
        let message: Message = shop.list(&asked);
        let answer = message.sealed().send(&sandbox);

        assert_refused(&shop, &answer, "PC-B050095");
        let why = sandbox.explanation(&answer.exchange()).to_string();
        assert!(why.contains(named), "{why}");
    }
}
