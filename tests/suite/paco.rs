//! How PACO's double behaves: what each endpoint answers, in which dialect and form, and what it
//! remembers.

use sandgate::Config;
use sandgate::config::DataFolder;
use sandgate::crypto::jose::{ContentEncryption, SignatureAlgorithm};
use sandgate::store::NotificationFilter;
use serde_json::{Value, json};

use crate::harness::{Answer, Sandbox, start_instant};
use crate::shop::{Message, Outgoing, Shop, amount, amount_of, code, key, opened};

#[test]
fn an_order_with_a_hosted_page_is_answered_with_every_member() {
    let (sandbox, shop) = shop();

    let answer = shop.page("A1").sealed().send(&sandbox);

    answer.assert_status(200);
    assert_eq!(answer.header("content-type"), Some("application/jose"));
    let says = shop.says(&answer);
    let controller = controller_id(&says["data"]["paymentIncompleteResult"]);
    let appended =
        format!("orderNo=A1&productDescription=Tour%2bdeposit&controllerInternalId={controller}");
    let origin = sandbox.emulator.base_url("paco");
    let says = without_the_rest(says, "paymentIncompleteResult");
    assert_eq!(
        without_chance(says),
        json!({
            "data": {
                "paymentIncompleteResult": {
                    "notificationURLs": {
                        "confirmationUrl": format!("https://shop.test/ok?{appended}"),
                        "cancellationUrl": format!("https://shop.test/cancel?{appended}"),
                        "failedUrl": format!("https://shop.test/failed?way=card&{appended}"),
                        "backendUrl": "https://shop.test/notify",
                    },
                    "aresACSChallenge": null,
                    "failedReason": null,
                    "availablePaymentTypes": ["CC", "CC-AX", "CC-CA", "CC-UP", "CC-VI"],
                    "untokenizedStoredCardList": null,
                    "storedCardUniqueID": null,
                    "paymentExpiryDateTime": "2026-01-02T00:00:00.0000000Z",
                    "linkExpiryDateTime": "2026-01-02T00:00:00.0000000Z",
                    "pspExpiryDateTime": null,
                    "currencyConversionType": "None",
                    "currencyConversionMerchantId": null,
                    "currencyConversionFlag": false,
                    "preferredPaymentTypes": null,
                    "transactionDateTime": "2026-01-01T00:00:00.0000000Z",
                    "orderNo": "A1",
                    "productDescription": "Tour deposit",
                    "invoiceNo2C2P": null,
                    "pspInvoiceNo": null,
                    "pspReferenceNo": null,
                    "controllerInternalID": controller,
                    "paymentStatusInfo": {
                        "paymentStatus": "PCPS",
                        "paymentStep": "GP",
                        "lastUpdatedDateTime": "2026-01-01T00:00:00.0000000Z",
                    },
                    "paymentType": "CC",
                    "channelCode": null,
                    "agentCode": null,
                    "transactionAmount": amount(),
                    "settlementAmount": null,
                    "customFieldList": null,
                    "officeId": "DEMO_MANUAL",
                },
                "paymentPage": {
                    "paymentPageURL": format!("{origin}/payment/?pid={controller}&lang=en-US"),
                    "validTillDateTime": "2026-01-02T00:00:00",
                },
            },
            "version": "2.0",
            "apiResponse": {
                "responseMessageId": "(chance)",
                "responseToRequestMessageId": "0d7d5c2e-4b56-4c1a-9f0e-6f1f0f6f7a01",
                "responseCode": "PC-B050001",
                "responseDescription": "Payment is pending",
                "responseDateTime": "2026-01-01T00:00:00.0000000Z",
                "responseTime": "(chance)",
                "acquirerResponseCode": null,
                "acquirerResponseDescription": null,
                "eciValue": null,
                "marketingDescription":
                    "Payment is pending.\nPlease complete the payment through the chosen channel.",
            },
        })
    );
}

#[test]
fn the_first_dialect_has_its_captured_casing() {
    let (sandbox, shop) = shop();

    let answer = shop.page("A1").to("/api/1.0/Payment/prePaymentUi").sealed().send(&sandbox);

    let says = shop.says(&answer);
    assert_eq!(names(&says), ["ApiResponse", "Data", "Version"]);
    assert_eq!(says["Version"], "1.0");
    assert_eq!(
        names(&says["ApiResponse"]),
        [
            "AcquirerResponseCode",
            "AcquirerResponseDescription",
            "EciValue",
            "MarketingDescription",
            "ResponseCode",
            "ResponseDateTime",
            "ResponseDescription",
            "ResponseMessageId",
            "ResponseTime",
            "ResponseToRequestMessageId",
        ]
    );
    let result = &says["Data"]["paymentIncompleteResult"];
    assert_eq!(
        names(&result["notificationURLs"]),
        ["BackendUrl", "CancellationUrl", "ConfirmationUrl", "FailedUrl"]
    );
    assert_eq!(
        names(&result["paymentStatusInfo"]),
        ["LastUpdatedDateTime", "PaymentStatus", "PaymentStep"]
    );
    assert_eq!(
        names(&result["transactionAmount"]),
        ["Amount", "AmountText", "CurrencyCode", "DecimalPlaces"]
    );
    let members = names(result);
    for member in
        ["InvoiceNo2C2P", "orderNo", "controllerInternalID", "officeId", "aresACSChallenge"]
    {
        assert!(members.contains(&member), "{member} is not in {members:?}");
    }
    assert_eq!(names(&says["Data"]["paymentPage"]), ["paymentPageURL", "validTillDateTime"]);
}

#[test]
fn plain_json_is_camel_case_in_every_version() {
    let (sandbox, shop) = shop();

    for (number, version) in ["1", "1.0", "2.0"].into_iter().enumerate() {
        let target = format!("/api/{version}/Payment/prePaymentUi");
        let message = shop.page(&format!("A{number}")).to(&target);
        let answer = message.plain().header("accept", "application/json").send(&sandbox);

        let says = answer.json();
        assert_eq!(names(&says), ["apiResponse", "data", "version"], "{version}");
        assert!(says["data"]["paymentIncompleteResult"]["invoiceNo2C2P"].is_null(), "{version}");
        assert_eq!(says["version"], if version == "2.0" { "2.0" } else { "1.0" });
    }
}

#[test]
fn an_approved_payment_is_answered_with_every_member() {
    let (sandbox, shop) = shop();

    let answer = shop.payment("A1").member("autoRedirectDelayTimer", 5).sealed().send(&sandbox);

    answer.assert_status(200);
    let says = shop.says(&answer);
    let result = &says["data"]["paymentResult"];
    let controller = controller_id(result);
    let invoice = digits_behind(result, "invoiceNo2C2P", "DEMO", 13);
    let approval = digits_behind(result, "approvalCode", "", 6);
    let reference = digits_behind(result, "pspReferenceNo", "", 12);
    let says = without_the_rest(says, "paymentResult");
    assert_eq!(
        without_chance(says),
        json!({
            "data": {
                "paymentResult": {
                    "creditCardAuthenticatedDetails": {
                        "cardNumber": "470686XXXXXX2325",
                        "localScheme": "VI",
                        "cardExpiryMMYY": "1228",
                        "issuerCode": null,
                        "payerName": "Demo Payer",
                        "cardHolderName": "Demo Payer",
                        "authenticationStatus": null,
                        "authenticationStatusReason": null,
                        "eciValue": null,
                        "xidValue": null,
                        "cavv": null,
                        "threeDsTransactionId": null,
                        "authentication3DSVersion": null,
                        "issuerBankCountry": null,
                    },
                    "approvalCode": approval,
                    "pspName": "Sandgate",
                    "pspMerchantId": null,
                    "failedReason": null,
                    "pspResponse": {
                        "responseMessageID": "(chance)",
                        "responseToRequestMessageID": null,
                        "responseCode": "PC-B050000",
                        "responseDescription": "Success",
                        "responseDateTime": "2026-01-01T00:00:00.0000000Z",
                        "responseTime": "(chance)",
                        "approvalCode": approval,
                        "pspReferenceNo": reference,
                        "response63": null,
                    },
                    "surchargeAmount": null,
                    "paymentExpiryDateTime": "2026-01-02T00:00:00.0000000Z",
                    "payslipURL": null,
                    "storedCardUniqueID": null,
                    "installmentPaymentResults": null,
                    "airlineDate": null,
                    "transactionDateTime": "2026-01-01T00:00:00.0000000Z",
                    "orderNo": "A1",
                    "productDescription": "Tour deposit",
                    "invoiceNo2C2P": invoice,
                    "pspReferenceNo": reference,
                    "pspInvoiceNo": null,
                    "controllerInternalID": controller,
                    "paymentStatusInfo": {
                        "paymentStatus": "A",
                        "paymentStep": "PA",
                        "lastUpdatedDateTime": "2026-01-01T00:00:00.0000000Z",
                    },
                    "paymentType": "CC",
                    "channelCode": null,
                    "agentCode": null,
                    "mcpFlag": null,
                    "transactionAmount": amount(),
                    "originalTransactionAmount": amount(),
                    "settlementAmount": null,
                    "customFieldList": null,
                    "tokenizeDetails": null,
                    "priorPaymentResponseDetails": null,
                    "officeId": "DEMO_MANUAL",
                },
                "autoRedirectDelayTimer": 5,
            },
            "version": "2.0",
            "apiResponse": api_response("PC-B050000", "Success"),
        })
    );
}

#[test]
fn magic_cards_fail_with_status_200_each_in_its_own_state() {
    let (sandbox, shop) = shop();

    for (order, card, answered, text, state, authentication) in [
        ("A1", "4000000000000002", "PC-B050901", "Payment is declined", ("F", "PR"), Value::Null),
        (
            "A2",
            "4000000000000101",
            "PC-B050902",
            "Payer authentication failed",
            ("F", "VF"),
            json!("N"),
        ),
        ("A3", "4000000000000119", "PC-B050903", "System error", ("F", "SE"), Value::Null),
    ] {
        let answer = pay_with(&shop, order, card).send(&sandbox);

        answer.assert_status(200);
        let says = shop.says(&answer);
        assert_eq!(code(&says), answered, "{order}");
        let result = &says["data"]["paymentResult"];
        let info = &result["paymentStatusInfo"];
        assert_eq!(
            (&info["paymentStatus"], &info["paymentStep"]),
            (&json!(state.0), &json!(state.1))
        );
        assert_eq!(result["failedReason"], text);
        assert_eq!(result["approvalCode"], Value::Null);
        assert_eq!(
            result["creditCardAuthenticatedDetails"]["authenticationStatus"],
            authentication
        );
        assert_eq!(
            result["priorPaymentResponseDetails"],
            json!({
                "responseCode": answered,
                "responseDescription": text,
                "marketingDescription": text,
            })
        );
        assert_eq!(shop.state(&sandbox, order), format!("{}/{}", state.0, state.1));
    }
}

#[test]
fn a_pending_payment_waits_for_its_bank_until_it_is_driven() {
    let (sandbox, shop) = shop();
    let arm = |endpoint: &str| {
        let rule = json!({"when": {"endpoint": endpoint}, "outcome": "pending"});
        let armed = json!({"merchant": shop.id, "rule": rule});
        sandbox.admin_post("/scenarios/armed", &armed).assert_status(201);
    };
    arm("nonUi");

    let answer = pay_with(&shop, "A1", crate::shop::CARD).send(&sandbox);

    answer.assert_status(200);
    let says = shop.says(&answer);
    assert_eq!(code(&says), "PC-B050001");
    let info = &says["data"]["paymentIncompleteResult"]["paymentStatusInfo"];
    assert_eq!((&info["paymentStatus"], &info["paymentStep"]), (&json!("I"), &json!("IP")));
    assert_eq!(shop.state(&sandbox, "A1"), "I/IP");
    arm("transactionStatus");
    let inquired = shop.inquiry("A1").send(&sandbox);
    assert_eq!(code(&shop.says(&inquired)), "PC-B050001");
    let told = sandbox.admin_get("/notifications").json();
    assert_eq!(told["items"], json!([]), "nobody is told of what is not over");

    let path = format!("/transactions/{}/order/A1/events", shop.id);
    sandbox.admin_post(&path, &json!({"event": "paid"})).assert_status(200);
    assert_eq!(shop.state(&sandbox, "A1"), "A/PA");
}

#[test]
fn a_wallet_payment_is_sent_on_to_the_wallet_s_page() {
    let (sandbox, shop) = shop();
    let wallet = shop.page("A1").member("paymentType", "WALLET-GCASH");

    let answer = wallet.to("/api/2.0/Payment/nonUi").sealed().send(&sandbox);

    answer.assert_status(200);
    let says = shop.says(&answer);
    let result = &says["data"]["webPaymentResult"];
    let controller = controller_id(result);
    let origin = sandbox.emulator.base_url("paco");
    assert_eq!(
        says["data"],
        json!({"webPaymentResult": {
            "webPaymentUrl": format!("{origin}/payment/?pid={controller}"),
            "paymentStatusInfo": {
                "paymentStatus": "I",
                "paymentStep": "IP",
                "lastUpdatedDateTime": "2026-01-01T00:00:00.0000000Z",
            },
            "orderNo": "A1",
            "productDescription": "Tour deposit",
            "controllerInternalID": controller,
            "invoiceNo2C2P": null,
            "paymentType": "WALLET-GCASH",
            "channelCode": null,
            "agentCode": null,
            "transactionAmount": amount(),
            "transactionDateTime": "2026-01-01T00:00:00.0000000Z",
            "paymentExpiryDateTime": "2026-01-02T00:00:00.0000000Z",
            "officeId": "DEMO_MANUAL",
        }})
    );
    assert_eq!(code(&says), "PC-B050001");
    assert_eq!(shop.state(&sandbox, "A1"), "I/IP");
}

#[test]
fn an_inquiry_shows_the_order_in_an_array_and_never_sealed() {
    let (sandbox, shop) = shop();
    let paid = shop.says(&shop.pays(&sandbox, "A1"));
    let result = &paid["data"]["paymentResult"];

    let answer = shop.inquiry("A1").header("accept", "application/jose").send(&sandbox);

    answer.assert_status(200);
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    let mut wanted_api = api_response("PC-B050000", "Success");
    wanted_api["responseToRequestMessageId"] = Value::Null;
    assert_eq!(
        without_chance(answer.json()),
        json!({
            "data": [{
                "orderNo": "A1",
                "productDescription": "Tour deposit",
                "invoiceNo2C2P": result["invoiceNo2C2P"],
                "controllerInternalID": result["controllerInternalID"],
                "paymentStatusInfo": {
                    "paymentStatus": "A",
                    "paymentStep": "PA",
                    "lastUpdatedDttm": "2026-01-01T00:00:00.0000000Z",
                },
                "paymentType": "CC",
                "channelCode": null,
                "agentCode": null,
                "mcpFlag": null,
                "approvalCode": result["approvalCode"],
                "pspReferenceNo": result["pspReferenceNo"],
                "failedReason": null,
                "transactionAmount": amount(),
                "settlementAmount": null,
                "transactionDateTime": "2026-01-01T00:00:00.0000000Z",
                "paymentExpiryDateTime": "2026-01-02T00:00:00.0000000Z",
                "creditCardAuthenticatedDetails": result["creditCardAuthenticatedDetails"],
                "storedCardUniqueID": null,
                "customFieldList": null,
                "officeId": "DEMO_MANUAL",
            }],
            "version": "2.0",
            "apiResponse": wanted_api,
        })
    );
}

#[test]
fn an_inquiry_finds_orders_that_wait_and_refuses_unknown_ones() {
    let (sandbox, shop) = shop();
    shop.page("ORD-1 é").sealed().send(&sandbox).assert_status(200);

    let waiting = shop.inquiry("ORD-1+%C3%A9").send(&sandbox);
    let unknown = shop.inquiry("nobody").send(&sandbox);

    assert_eq!(waiting.json()["data"][0]["orderNo"], "ORD-1 é");
    assert_eq!(shop.state(&sandbox, "ORD-1%20%C3%A9"), "PCPS/GP");
    unknown.assert_status(400);
    assert_eq!(unknown.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(code(&unknown.json()), "PC-B052201");
    assert_eq!(unknown.json()["data"], Value::Null);
}

#[test]
fn a_void_is_answered_flat_and_changes_the_order() {
    let (sandbox, shop) = shop();
    let paid = shop.says(&shop.pays(&sandbox, "A1"));

    let answer = shop.void("A1").sealed().send(&sandbox);

    answer.assert_status(200);
    assert_flat_result(&shop, &answer, &paid, ("V", "VD"), &Value::Null);
    assert_eq!(shop.state(&sandbox, "A1"), "V/VD");
}

#[test]
fn a_settlement_is_answered_flat_and_changes_the_order() {
    let (sandbox, shop) = shop();
    let paid = shop.says(&shop.pays(&sandbox, "A1"));

    let answer = shop.settlement("A1").sealed().send(&sandbox);

    answer.assert_status(200);
    assert_flat_result(&shop, &answer, &paid, ("S", "ST"), &amount());
    assert_eq!(shop.state(&sandbox, "A1"), "S/ST");
}

#[test]
fn both_known_shapes_of_void_and_settlement_are_taken() {
    let (sandbox, shop) = shop();
    for order in ["A1", "A2"] {
        shop.pays(&sandbox, order);
    }

    for message in [shop.void("A1"), shop.settlement("A2")] {
        let official = message
            .member("apiRequest", Value::Null)
            .member("productDescription", "Tour deposit")
            .member("issuerApprovalCode", "140331")
            .member("actionBy", "System|shop");

        let answer = official.sealed().send(&sandbox);

        answer.assert_status(200);
        let says = shop.says(&answer);
        assert_eq!(code(&says), "PC-B050000");
        assert_eq!(says["apiResponse"]["responseToRequestMessageId"], Value::Null);
    }
}

#[test]
fn void_and_settlement_exclude_each_other_and_happen_once() {
    let (sandbox, shop) = shop();
    for order in ["voided", "settled"] {
        shop.pays(&sandbox, order);
    }
    shop.void("voided").sealed().send(&sandbox).assert_status(200);
    shop.settlement("settled").sealed().send(&sandbox).assert_status(200);

    for message in [
        shop.void("voided"),
        shop.settlement("voided"),
        shop.void("settled"),
        shop.settlement("settled"),
    ] {
        assert_refused(&shop, &message.sealed().send(&sandbox), "PC-B050013");
    }
    assert_eq!(shop.state(&sandbox, "voided"), "V/VD");
    assert_eq!(shop.state(&sandbox, "settled"), "S/ST");
}

#[test]
fn an_order_that_was_not_approved_can_be_neither_voided_nor_settled() {
    let (sandbox, shop) = shop();
    shop.page("waiting").sealed().send(&sandbox).assert_status(200);
    pay_with(&shop, "declined", "4000000000000002").send(&sandbox).assert_status(200);

    for (order, state) in [("waiting", "PCPS/GP"), ("declined", "F/PR")] {
        for message in [shop.void(order), shop.settlement(order)] {
            let answer = message.sealed().send(&sandbox);

            assert_refused(&shop, &answer, "PC-B050013");
            let reason = sandbox.explanation(&answer.exchange())["reason"].to_string();
            assert!(reason.contains(state), "{reason}");
        }
        assert_eq!(shop.state(&sandbox, order), state);
    }
}

#[test]
fn a_void_takes_the_approved_amount_and_no_other() {
    let (sandbox, shop) = shop();
    shop.pays(&sandbox, "A1");
    let mut foreign = amount();
    foreign["currencyCode"] = json!("USD");

    for other in [amount_of(12_549), amount_of(12_551), foreign] {
        let answer = shop.void("A1").member("voidAmount", other).sealed().send(&sandbox);

        assert_refused(&shop, &answer, "PC-B050095");
        assert_eq!(shop.state(&sandbox, "A1"), "A/PA");
    }
}

#[test]
fn a_settlement_takes_a_part_of_the_approved_amount_but_no_more_and_not_nothing() {
    let (sandbox, shop) = shop();
    shop.pays(&sandbox, "A1");
    let mut foreign = amount();
    foreign["currencyCode"] = json!("USD");
    let settle = |asked| shop.settlement("A1").member("settlementAmount", asked).sealed();

    for other in [amount_of(12_551), amount_of(0), foreign] {
        assert_refused(&shop, &settle(other).send(&sandbox), "PC-B050095");
    }
    let part = settle(amount_of(10_000)).send(&sandbox);

    part.assert_status(200);
    assert_eq!(shop.says(&part)["data"]["settlementAmount"], amount_of(10_000));
    let shown = shop.inquiry("A1").send(&sandbox).json();
    assert_eq!(shown["data"][0]["settlementAmount"], amount_of(10_000));
    assert_eq!(shown["data"][0]["transactionAmount"], amount());
}

#[test]
fn an_order_is_seen_by_its_own_office_only() {
    let (sandbox, shop) = shop();
    shop.pays(&sandbox, "A1");

    for message in [shop.void("A1"), shop.settlement("A1")] {
        let answer = message.member("officeId", "DEMO_NEPAL").sealed().send(&sandbox);

        assert_refused(&shop, &answer, "PC-B052201");
    }
    for message in [shop.void("nobody"), shop.settlement("nobody")] {
        assert_refused(&shop, &message.sealed().send(&sandbox), "PC-B052201");
    }
    assert_eq!(shop.state(&sandbox, "A1"), "A/PA");
}

#[test]
fn a_payment_for_an_unknown_office_is_refused_with_the_known_ones() {
    let (sandbox, shop) = shop();

    for message in [shop.payment("A1"), shop.page("A1")] {
        let answer = message.member("officeId", "ELSEWHERE").sealed().send(&sandbox);

        assert_refused(&shop, &answer, "PC-B050095");
        let reason = sandbox.explanation(&answer.exchange())["reason"].to_string();
        assert!(reason.contains("DEMO_NEPAL, DEMO_AUTOSETTLE, DEMO_MANUAL"), "{reason}");
    }
    shop.inquiry("A1").send(&sandbox).assert_status(400);
}

#[test]
fn an_auto_settling_office_leaves_nothing_to_void_or_settle() {
    let (sandbox, shop) = shop();
    let at_once = |message: Message| message.member("officeId", "DEMO_AUTOSETTLE");

    let paid = at_once(shop.payment("A1")).sealed().send(&sandbox);

    let says = shop.says(&paid);
    assert_eq!(says["data"]["paymentResult"]["paymentStatusInfo"]["paymentStatus"], "A");
    assert_eq!(shop.state(&sandbox, "A1"), "S/ST");
    let shown = shop.inquiry("A1").send(&sandbox).json();
    assert_eq!(shown["data"][0]["settlementAmount"], amount());
    for message in [shop.void("A1"), shop.settlement("A1")] {
        assert_refused(&shop, &at_once(message).sealed().send(&sandbox), "PC-B050013");
    }
}

#[test]
fn an_order_number_is_used_once_whatever_became_of_it() {
    let (sandbox, shop) = shop();
    shop.pays(&sandbox, "paid");
    shop.page("waiting").sealed().send(&sandbox).assert_status(200);
    pay_with(&shop, "declined", "4000000000000002").send(&sandbox).assert_status(200);

    for order in ["paid", "waiting", "declined"] {
        let before = shop.state(&sandbox, order);
        for message in [shop.payment(order), shop.page(order)] {
            let answer = message.sealed().send(&sandbox);

            assert_refused(&shop, &answer, "PC-B050095");
            let reason = sandbox.explanation(&answer.exchange())["reason"].to_string();
            assert!(reason.contains(&before), "{reason}");
        }
        assert_eq!(shop.state(&sandbox, order), before);
    }
}

#[test]
fn a_page_that_nobody_pays_expires_on_the_clock() {
    let (sandbox, shop) = shop();
    shop.page("page").sealed().send(&sandbox).assert_status(200);
    shop.pays(&sandbox, "paid");

    advance(&sandbox, "23h 59m 59s");
    let just_before = shop.state(&sandbox, "page");
    advance(&sandbox, "1s");
    let after = shop.inquiry("page").send(&sandbox).json();

    assert_eq!(just_before, "PCPS/GP");
    assert_eq!(
        after["data"][0]["paymentStatusInfo"],
        json!({
            "paymentStatus": "E",
            "paymentStep": "PE",
            "lastUpdatedDttm": "2026-01-02T00:00:00.0000000Z",
        })
    );
    assert_eq!(shop.state(&sandbox, "paid"), "A/PA");
}

#[test]
fn a_request_may_name_when_its_order_expires() {
    let (sandbox, shop) = shop();

    for (order, asked) in [
        ("A1", "2026-01-01T02:00:00Z"),
        ("A2", "2026-01-01T07:45:00+05:45"),
        ("A3", "2026-01-01T02:00:00"),
    ] {
        let message = shop.page(order).member("paymentExpiryDateTime", asked);
        let says = shop.says(&message.sealed().send(&sandbox));

        assert_eq!(
            says["data"]["paymentIncompleteResult"]["paymentExpiryDateTime"],
            "2026-01-01T02:00:00.0000000Z"
        );
        assert_eq!(says["data"]["paymentPage"]["validTillDateTime"], "2026-01-01T02:00:00");
    }
    advance(&sandbox, "2h");
    assert_eq!(shop.state(&sandbox, "A1"), "E/PE");
}

#[test]
fn merchants_with_one_order_number_never_see_each_other() {
    let sandbox = Sandbox::start();
    let (one, other) = (Shop::new(&sandbox, "one"), Shop::new(&sandbox, "other"));
    one.pays(&sandbox, "A1");

    other.inquiry("A1").send(&sandbox).assert_status(400);
    assert_refused(&other, &other.void("A1").sealed().send(&sandbox), "PC-B052201");
    pay_with(&other, "A1", "4000000000000002").send(&sandbox).assert_status(200);
    one.void("A1").sealed().send(&sandbox).assert_status(200);

    assert_eq!(one.state(&sandbox, "A1"), "V/VD");
    assert_eq!(other.state(&sandbox, "A1"), "F/PR");
    for (shop, exchanges) in [(&one, 3), (&other, 4)] {
        let listed = sandbox.admin_get(&format!("/exchanges?merchant={}", shop.id)).json();
        assert_eq!(listed["items"].as_array().map(Vec::len), Some(exchanges), "{}", shop.id);
    }
}

#[test]
fn the_versions_1_and_1_0_and_2_0_exist_and_no_other() {
    let (sandbox, shop) = shop();

    for (version, status) in [("1", 200), ("1.0", 200), ("2.0", 200), ("3.0", 404), ("2", 404)] {
        let message = shop.page(&format!("A{version}"));
        let answer = message.to(&format!("/api/{version}/Payment/prePaymentUi")).sealed();
        let answer = answer.send(&sandbox);

        answer.assert_status(status);
        if status == 404 {
            assert_eq!(answer.text(), "");
            let explanation = sandbox.explanation(&answer.exchange());
            assert_eq!(explanation["verdict"], "not_found");
        }
    }
}

#[test]
fn the_path_s_case_does_not_matter() {
    let (sandbox, shop) = shop();
    shop.pays(&sandbox, "A1");
    shop.pays(&sandbox, "A2");

    for (message, target) in [
        (shop.page("B1"), "/api/2.0/Payment/prePaymentUI"),
        (shop.page("B2"), "/API/2.0/payment/prepaymentui"),
        (shop.payment("B3"), "/api/1.0/Payment/NonUi"),
        (shop.payment("B4"), "/api/1.0/Payment/nonUI"),
        (shop.void("A1"), "/api/2.0/void"),
        (shop.settlement("A2"), "/api/2.0/SETTLEMENT"),
    ] {
        message.to(target).sealed().send(&sandbox).assert_status(200);
    }
    let mut inquiry = shop.inquiry("A1");
    inquiry.target = "/api/1/inquiry/TransactionStatus?orderNo=A1".to_owned();
    inquiry.send(&sandbox).assert_status(200);
}

#[test]
fn the_answer_s_form_follows_accept_and_without_one_the_request() {
    let (sandbox, shop) = shop();
    let (jose, json) = ("application/jose", "application/json");

    for (number, (content_type, accept, wanted)) in [
        (jose, jose, jose),
        (jose, json, json),
        (json, jose, jose),
        (json, json, json),
        (jose, "", jose),
        (json, "", json),
        (jose, "*/*", jose),
        (json, "*/*", json),
        (jose, "application/json;q=0.5, application/jose", jose),
        (json, "application/json;q=0, application/jose;q=0.1", jose),
        (json, "application/jose, application/json", json),
        (jose, "text/html", jose),
    ]
    .into_iter()
    .enumerate()
    {
        let message = shop.page(&format!("A{number}"));
        let request = if content_type == jose { message.sealed() } else { message.plain() };

        let answer = request.header("accept", accept).send(&sandbox);

        answer.assert_status(200);
        let kind = answer.header("content-type").unwrap_or_default();
        assert_eq!(kind.split(';').next(), Some(wanted), "{content_type} asking for {accept}");
        assert_eq!(code(&shop.says(&answer)), "PC-B050001");
    }
}

#[test]
fn a_content_type_is_compared_without_parameters_and_case() {
    let (sandbox, shop) = shop();

    for (number, content_type) in [
        "application/jose;",
        "application/jose; charset=utf-8",
        "Application/JOSE",
        "application/jose ;charset=x",
    ]
    .into_iter()
    .enumerate()
    {
        let request = shop.page(&format!("A{number}")).sealed();

        request.header("content-type", content_type).send(&sandbox).assert_status(200);
    }
    let untyped = shop.page("B1").sealed().header("content-type", "").send(&sandbox);
    untyped.assert_status(415);
}

#[test]
fn every_supported_algorithm_is_taken_and_answered_with() {
    let (sandbox, shop) = shop();
    let mut pairs: Vec<(SignatureAlgorithm, ContentEncryption)> =
        SignatureAlgorithm::ALL.into_iter().zip(ContentEncryption::ALL).collect();
    pairs.push((SignatureAlgorithm::Ps512, ContentEncryption::A128CbcHs256));

    for (number, (signature, encryption)) in pairs.into_iter().enumerate() {
        let message = shop.page(&format!("A{number}")).signing(signature).encrypting(encryption);
        let answer = message.sealed().send(&sandbox);

        answer.assert_status(200);
        shop.claims_of(&answer);
        let opened = opened(&answer.body).expect("a sealed answer");
        assert_eq!(opened.jws.header["alg"], signature.name());
        assert_eq!(opened.jwe.header["enc"], encryption.name());
        assert_eq!(opened.jwe.header["alg"], "RSA-OAEP");
    }
}

#[test]
fn a_sealed_answer_names_its_keys_and_its_times() {
    let (sandbox, shop) = shop();
    let second = start_instant().as_second();

    let answer = shop.page("A1").sealed().send(&sandbox);

    let opened = opened(&answer.body).expect("a sealed answer");
    assert_eq!(opened.jwe.header["kid"], key("merchant-encryption").public().id());
    assert_eq!(opened.jwe.header["typ"], "JWT");
    assert_eq!(opened.jws.header["kid"], key("paco-uat-signing").public().id());
    assert_eq!(opened.jws.header["typ"], "JWT");
    assert_eq!(opened.jws.header["jti"].as_str().map(str::len), Some(36));
    let claims = opened.claims.as_object().expect("claims").clone();
    let order: Vec<&str> = claims.keys().map(String::as_str).collect();
    assert_eq!(order, ["response", "aud", "iss", "exp", "iat", "nbf"]);
    assert_eq!(claims["aud"], shop.token);
    assert_eq!(claims["iss"], "PacoIssuer");
    assert_eq!(claims["iat"], second);
    assert_eq!(claims["nbf"], second);
    assert_eq!(claims["exp"], second + 3600);
}

#[test]
fn the_token_is_taken_from_three_headers_and_the_first_counts() {
    let sandbox = Sandbox::start();
    let (one, other) = (Shop::new(&sandbox, "one"), Shop::new(&sandbox, "other"));
    one.pays(&sandbox, "A1");
    let inquiry = one.inquiry("A1").header("apiKey", "");

    for name in ["token", "CompanyApiKey", "apiKey", "TOKEN"] {
        inquiry.clone().header(name, &one.token).send(&sandbox).assert_status(200);
    }
    for (first, second) in
        [("token", "CompanyApiKey"), ("token", "apiKey"), ("CompanyApiKey", "apiKey")]
    {
        let both = inquiry.clone().header(second, &other.token).header(first, &one.token);
        both.send(&sandbox).assert_status(200);
        let swapped = inquiry.clone().header(second, &one.token).header(first, &other.token);
        let answer = swapped.send(&sandbox);
        answer.assert_status(400);
        assert_eq!(sandbox.explanation(&answer.exchange())["merchant"], "other");
    }
    inquiry.send(&sandbox).assert_status(401);
}

#[test]
fn urls_in_answers_have_the_host_that_the_client_used() {
    let (sandbox, shop) = shop();
    let port = sandbox.emulator.base_url("paco").rsplit(':').next().expect("a port").to_owned();

    for (order, host, origin) in [
        ("A1", "paco.shop.test:8443", "http://paco.shop.test:8443"),
        ("A2", "localhost", "http://localhost"),
        ("A3", "<script>", &format!("http://127.0.0.1:{port}")),
    ] {
        let answer = shop.page(order).sealed().header("host", host).send(&sandbox);

        let url = page_url(&shop, &answer);
        assert!(url.starts_with(&format!("{origin}/payment/?pid=")), "{url}");
    }
    let request = shop.page("A4").sealed();
    let secure =
        sandbox.paco_over_tls(request.method, &request.target, &request.lines(), &request.body);
    let url = page_url(&shop, &secure);
    assert!(url.starts_with(&format!("https://127.0.0.1:{port}/payment/")), "{url}");
}

#[test]
fn a_public_url_replaces_the_client_s_own_in_answers() {
    let sandbox = Sandbox::with(|builder| {
        builder.config(Config {
            port_base: 0,
            data: DataFolder::Ephemeral,
            frozen_at: Some(start_instant()),
            seed: Some(7),
            public_urls: [("paco".to_owned(), "https://paco.example.test/base/".to_owned())].into(),
            ..Config::default()
        })
    });
    let shop = Shop::new(&sandbox, "shop");

    let answer = shop.page("A1").sealed().header("host", "elsewhere.test").send(&sandbox);

    let url = page_url(&shop, &answer);
    assert!(url.starts_with("https://paco.example.test/base/payment/?pid="), "{url}");
}

#[test]
fn a_page_s_language_is_the_request_s_and_cannot_carry_more_than_that() {
    let (sandbox, shop) = shop();

    for (order, language, wanted) in
        [("A1", "th-TH", "th-TH"), ("A2", "x&pid=evil", "en-US"), ("A3", "<b>", "en-US")]
    {
        let message = shop.page(order).member(
            "apiRequest",
            json!({"requestMessageID": "m",
            "language": language}),
        );
        let answer = message.sealed().send(&sandbox);

        let url = page_url(&shop, &answer);
        assert!(url.ends_with(&format!("&lang={wanted}")), "{url}");
    }
}

#[test]
fn a_final_payment_result_queues_one_notification_of_the_same_content() {
    let (sandbox, shop) = shop();

    let paid = shop.says(&shop.pays(&sandbox, "paid"));
    let declined = pay_with(&shop, "declined", "4000000000000002").send(&sandbox);
    shop.page("page").sealed().send(&sandbox).assert_status(200);
    shop.void("paid").sealed().send(&sandbox).assert_status(200);

    // The clock goes nowhere, but waits until what is due is done.
    sandbox.admin_post("/clock", &json!({"advance": "0s"})).assert_status(200);
    let queued = notifications(&sandbox, &shop);
    let wanted = [("declined", shop.says(&declined)), ("paid", paid)];
    assert_eq!(queued.len(), wanted.len(), "{queued:?}");
    for (found, (order, message)) in queued.iter().zip(wanted) {
        assert_eq!(found["subject"], order);
        assert_eq!(found["url"], "https://shop.test/notify");
        assert_eq!(found["status"], "blocked", "nothing is sent to a name that cannot resolve");
        assert_eq!(found["due_at"], "2026-01-01T00:00:00Z");
        let form = json!({
            "version": "2.0", "environment": null, "sealed": ["PS256", "A128CBC-HS256"]});
        assert_eq!(found["payload"], json!({"response": message, "form": form}));
    }
}

#[test]
fn the_official_sample_s_literal_guid_is_no_stored_card() {
    let (sandbox, shop) = shop();
    let stored = |id: &str| json!({"storeCardFlag": "N", "storedCardUniqueID": id});

    let literal = shop.payment("A1").member("storeCardDetails", stored("{{guid}}"));
    let literal = shop.says(&literal.sealed().send(&sandbox));
    let neither = shop.payment("A3").member("creditCardDetails", Value::Null);
    let neither = neither.member("storeCardDetails", stored("{{guid}}")).sealed().send(&sandbox);

    assert_eq!(literal["data"]["paymentResult"]["storedCardUniqueID"], Value::Null);
    assert_refused(&shop, &neither, "PC-B050095");
}

#[test]
fn a_stored_card_pays_by_its_id_alone_and_an_unknown_one_does_not() {
    let (sandbox, shop) = shop();
    let details = |flag: &str, id: &Value| json!({"storeCardFlag": flag, "storedCardUniqueID": id});
    let by_id = |order: &str, id: &Value| {
        shop.payment(order)
            .member("storeCardDetails", details("Y", id))
            .member("creditCardDetails", Value::Null)
            .sealed()
            .send(&sandbox)
    };

    let storing = shop.payment("A1").member("storeCardDetails", details("Y", &Value::Null));
    let stored = shop.says(&storing.sealed().send(&sandbox));
    let id = stored["data"]["paymentResult"]["storedCardUniqueID"].clone();
    assert_eq!(id.as_str().map(str::len), Some(36), "{stored}");

    let paid = shop.says(&by_id("A2", &id));
    let result = &paid["data"]["paymentResult"];
    assert_eq!(result["paymentStatusInfo"]["paymentStatus"], "A");
    assert_eq!(result["storedCardUniqueID"], id);
    assert_eq!(result["creditCardAuthenticatedDetails"]["cardNumber"], "470686XXXXXX2325");

    let declined = pay_with(&shop, "A3", "4000000000000002");
    assert_eq!(
        shop.says(&declined.send(&sandbox))["data"]["paymentResult"]["storedCardUniqueID"],
        Value::Null
    );
    assert_refused(&shop, &by_id("A4", &json!("9f1c")), "PC-B050095");
    let other = Shop::new(&sandbox, "other");
    let foreign = other
        .payment("B1")
        .member("storeCardDetails", details("N", &id))
        .member("creditCardDetails", Value::Null);
    assert_refused(&other, &foreign.sealed().send(&sandbox), "PC-B050095");
}

#[test]
fn instalments_want_a_period_and_are_repeated_in_the_result() {
    let (sandbox, shop) = shop();
    let asked = json!({"ippFlag": "Y", "installmentPeriod": 6, "interestType": "C"});
    let paying = |order: &str, details: &Value| {
        shop.payment(order)
            .member("paymentType", "IPP")
            .member("installmentPaymentDetails", details.clone())
            .sealed()
            .send(&sandbox)
    };

    let paid = shop.says(&paying("A1", &asked));
    let without = paying("A2", &json!({"ippFlag": "Y", "installmentPeriod": 0}));
    let none = shop.says(&paying("A3", &json!({"ippFlag": "N", "installmentPeriod": 0})));

    assert_eq!(paid["data"]["paymentResult"]["installmentPaymentResults"], asked);
    assert_refused(&shop, &without, "PC-B050095");
    assert_eq!(none["data"]["paymentResult"]["installmentPaymentResults"], Value::Null);
}

#[test]
fn members_that_are_wrong_are_named_all_at_once_and_only_in_the_explanation() {
    let (sandbox, shop) = shop();
    let mut amount = amount();
    amount["amountText"] = json!("12550");
    let message = shop
        .payment("A1")
        .member("transactionAmount", amount)
        .member("request3dsFlag", "yes")
        .member("productDescription", Value::Null)
        .member("productDescripton", "Tour");

    let answer = message.sealed().send(&sandbox);

    assert_refused(&shop, &answer, "PC-B050095");
    let explanation = sandbox.explanation(&answer.exchange());
    let rung = explanation["checks"].as_array().expect("a ladder").last().expect("the fields");
    let all = format!("{} {} {}", rung["expected"], rung["got"], rung["detail"]);
    for part in ["amountText", "request3dsFlag", "productDescription", "productDescripton"] {
        assert!(all.contains(part), "{part} is not in {all}");
    }
}

#[test]
fn an_amount_must_agree_with_its_text() {
    let (sandbox, shop) = shop();
    let wrong = json!({
        "amountText": "000000000125", "currencyCode": "NPR", "decimalPlaces": 2, "amount": 125.5});
    let yen = json!({
        "amountText": "000000012550", "currencyCode": "JPY", "decimalPlaces": 0, "amount": 12550});

    let refused = shop.page("A1").member("transactionAmount", wrong).sealed().send(&sandbox);
    let taken = shop.page("A2").member("transactionAmount", yen).sealed().send(&sandbox);

    assert_refused(&shop, &refused, "PC-B050095");
    let explanation = sandbox.explanation(&refused.exchange());
    let last = explanation["checks"].as_array().expect("a ladder").last().expect("the fields");
    assert!(last["expected"].to_string().contains("000000012550"), "{last}");
    taken.assert_status(200);
}

#[test]
fn an_unpublished_query_parameter_is_no_token() {
    let (sandbox, shop) = shop();
    let mut inquiry = shop.inquiry("A1").header("apiKey", "");
    inquiry.target = format!("{}&apiKey={}", inquiry.target, shop.token);

    let answer = inquiry.send(&sandbox);

    answer.assert_status(401);
    assert_eq!(answer.text(), r#"{"message":"Access Denied"}"#);
}

#[test]
fn the_exchange_header_can_be_left_out() {
    let sandbox = Sandbox::with(|builder| {
        builder.config(Config {
            port_base: 0,
            data: DataFolder::Ephemeral,
            exchange_header: false,
            ..Config::default()
        })
    });

    let answer = sandbox.paco("GET", "/api/2.0/Void", &[], "");

    answer.assert_status(405);
    assert_eq!(answer.header("sandgate-exchange"), None);
}

fn shop() -> (Sandbox, Shop) {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");
    (sandbox, shop)
}

fn pay_with(shop: &Shop, order_no: &str, card: &str) -> Outgoing {
    let mut message = shop.payment(order_no);
    message.request["creditCardDetails"]["cardNumber"] = json!(card);
    message.sealed()
}

#[track_caller]
fn advance(sandbox: &Sandbox, by: &str) {
    sandbox.admin_post("/clock", &json!({"advance": by})).assert_status(200);
}

/// Looks that a request was refused with a sealed envelope of that code.
#[track_caller]
fn assert_refused(shop: &Shop, answer: &Answer, wanted: &str) {
    answer.assert_status(400);
    assert_eq!(answer.header("content-type"), Some("application/jose"));
    let says = shop.says(answer);
    assert_eq!(code(&says), wanted, "{says}");
    assert_eq!(says["data"], Value::Null, "{says}");
}

#[track_caller]
fn assert_flat_result(
    shop: &Shop,
    answer: &Answer,
    paid: &Value,
    state: (&str, &str),
    settled: &Value,
) {
    let result = &paid["data"]["paymentResult"];
    let mut wanted_api = api_response("PC-B050000", "Success");
    wanted_api["responseToRequestMessageId"] = json!("0d7d5c2e-4b56-4c1a-9f0e-6f1f0f6f7a02");
    assert_eq!(
        without_chance(shop.says(answer)),
        json!({
            "data": {
                "orderNo": "A1",
                "productDescription": "Tour deposit",
                "invoiceNo2C2P": result["invoiceNo2C2P"],
                "controllerInternalID": result["controllerInternalID"],
                "paymentStatusInfo": {
                    "paymentStatus": state.0,
                    "paymentStep": state.1,
                    "lastUpdatedDateTime": "2026-01-01T00:00:00.0000000Z",
                },
                "paymentType": "CC",
                "approvalCode": result["approvalCode"],
                "pspReferenceNo": result["pspReferenceNo"],
                "pspResponse": {
                    "responseMessageID": "(chance)",
                    "responseToRequestMessageID": null,
                    "responseCode": "PC-B050000",
                    "responseDescription": "Success",
                    "responseDateTime": "2026-01-01T00:00:00.0000000Z",
                    "responseTime": "(chance)",
                    "approvalCode": result["approvalCode"],
                    "pspReferenceNo": result["pspReferenceNo"],
                    "response63": null,
                },
                "transactionAmount": amount(),
                "settlementAmount": settled,
                "officeId": "DEMO_MANUAL",
            },
            "version": "2.0",
            "apiResponse": wanted_api,
        })
    );
}

/// `apiResponse` of an answer whose payment is decided, to the usual test message.
fn api_response(code: &str, text: &str) -> Value {
    json!({
        "responseMessageId": "(chance)",
        "responseToRequestMessageId": "0d7d5c2e-4b56-4c1a-9f0e-6f1f0f6f7a01",
        "responseCode": code,
        "responseDescription": text,
        "responseDateTime": "2026-01-01T00:00:00.0000000Z",
        "responseTime": "(chance)",
        "acquirerResponseCode": null,
        "acquirerResponseDescription": null,
        "eciValue": null,
        "marketingDescription": null,
    })
}

/// The message with what differs from run to run replaced, its form looked at first.
#[track_caller]
fn without_chance(mut message: Value) -> Value {
    fn replace(value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    match name.to_ascii_lowercase().as_str() {
                        "responsemessageid" => {
                            let id = value.as_str().unwrap_or_default();
                            assert_eq!(id.len(), 36, "no UUID: {id}");
                            *value = json!("(chance)");
                        }
                        "responsetime" => {
                            assert!(value.is_u64(), "no whole milliseconds: {value}");
                            *value = json!("(chance)");
                        }
                        _ => replace(value),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(replace),
            _ => {}
        }
    }
    replace(&mut message);
    message
}

/// A payment result without the members that are always there and always null.
#[track_caller]
fn without_the_rest(mut message: Value, result: &str) -> Value {
    let members = message["data"][result].as_object_mut().expect("a payment result");
    let mut rest: Vec<String> = (1..=10).map(|number| format!("userDefined{number}")).collect();
    rest.extend(
        ["clientIp", "ddcId", "statementDescriptor", "transactionInitiator", "previousPaymentId"]
            .map(ToOwned::to_owned),
    );
    for name in rest {
        assert_eq!(members.remove(&name), Some(Value::Null), "{name}");
    }
    message
}

#[track_caller]
fn controller_id(result: &Value) -> String {
    let id = result["controllerInternalID"].as_str().unwrap_or_default();
    let is_hex = id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    assert!(id.len() == 32 && is_hex, "\"{id}\" is not 32 lower-case hex digits");
    id.to_owned()
}

#[track_caller]
fn digits_behind(result: &Value, member: &str, letters: &str, count: usize) -> String {
    let text = result[member].as_str().unwrap_or_default();
    let digits = text.strip_prefix(letters).unwrap_or_default();
    let fits = digits.len() == count && digits.bytes().all(|byte| byte.is_ascii_digit());
    assert!(fits, "{member} is \"{text}\", not {letters} and {count} digits");
    text.to_owned()
}

#[track_caller]
fn page_url(shop: &Shop, answer: &Answer) -> String {
    let url = shop.says(answer)["data"]["paymentPage"]["paymentPageURL"].clone();
    url.as_str().expect("an answer with a page").to_owned()
}

/// Names of an object's members, in alphabetical order.
#[track_caller]
fn names(value: &Value) -> Vec<&str> {
    let members = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
    let mut names: Vec<&str> = members.keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// What is queued for a merchant, newest first.
fn notifications(sandbox: &Sandbox, shop: &Shop) -> Vec<Value> {
    let filter = NotificationFilter {
        merchant: Some(shop.id.clone()),
        limit: 10,
        ..NotificationFilter::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let queued = runtime
        .expect("a runtime")
        .block_on(sandbox.emulator.services().store.notifications(&filter));
    let queued = queued.expect("the store can be read");
    queued.iter().map(|one| serde_json::to_value(one).expect("a record is JSON")).collect()
}
