//! Provider time: the server's clock and each merchant's own, as messages are judged by them and as
//! answers state them.

use serde_json::{Value, json};

use crate::harness::{Answer, Sandbox, start_instant};
use crate::shop::{Message, Shop, opened};

const HOUR: i64 = 3600;

#[test]
fn a_frozen_clock_gives_every_answer_the_same_instant() {
    let (sandbox, shop) = shop();

    let answers = [order(&shop, "A1", 0), order(&shop, "A2", 0)].map(|m| m.sealed().send(&sandbox));

    for answer in answers {
        assert_eq!(issued(&answer), start_instant().as_second());
        assert_eq!(stated(&shop, &answer), "2026-01-01T00:00:00.0000000Z");
    }
}

#[test]
fn advancing_the_server_s_clock_moves_what_is_too_old_and_what_is_too_early() {
    let (sandbox, shop) = shop();
    let before = order(&shop, "A1", 2 * HOUR).sealed().send(&sandbox);

    change(&sandbox, "/clock", &json!({"advance": "2h"}));
    let old = order(&shop, "A1", 0).sealed().send(&sandbox);
    let now = order(&shop, "A1", 2 * HOUR).sealed().send(&sandbox);

    assert_failed(&sandbox, &before, "paco.not_before");
    assert_failed(&sandbox, &old, "paco.expiry");
    now.assert_status(200);
    assert_eq!(issued(&now), start_instant().as_second() + 2 * HOUR);
    assert_eq!(stated(&shop, &now), "2026-01-01T02:00:00.0000000Z");
    assert_eq!(sandbox.explanation(&now.exchange())["at"], "2026-01-01T02:00:00Z");
}

#[test]
fn a_merchant_s_shift_moves_its_own_time_and_nobody_else_s() {
    let (sandbox, shop) = shop();
    let other = Shop::new(&sandbox, "other");

    change(&sandbox, "/clock?merchant=shop", &json!({"shift": "-2h"}));
    let shifted = order(&shop, "A1", -2 * HOUR).sealed().send(&sandbox);
    let unshifted = order(&other, "A1", 0).sealed().send(&sandbox);
    let too_early = order(&shop, "A2", 0).sealed().send(&sandbox);

    shifted.assert_status(200);
    assert_eq!(issued(&shifted), start_instant().as_second() - 2 * HOUR);
    assert_eq!(stated(&shop, &shifted), "2025-12-31T22:00:00.0000000Z");
    unshifted.assert_status(200);
    assert_eq!(issued(&unshifted), start_instant().as_second());
    assert_failed(&sandbox, &too_early, "paco.not_before");
    let shown = sandbox.admin_get("/clock?merchant=shop").json();
    assert_eq!(shown["now"], "2025-12-31T22:00:00Z");
    assert_eq!(shown["server_now"], "2026-01-01T00:00:00Z");
    assert_eq!(sandbox.admin_get("/clock?merchant=other").json()["now"], "2026-01-01T00:00:00Z");
}

#[test]
fn a_shift_stays_while_the_server_s_clock_moves_and_goes_with_a_reset() {
    let (sandbox, shop) = shop();
    change(&sandbox, "/clock?merchant=shop", &json!({"shift": "1h"}));
    change(&sandbox, "/clock", &json!({"set": "2026-06-01T00:00:00Z"}));
    let (june, second) = ("2026-06-01T00:00:00Z", start_instant().as_second());
    let june = june.parse::<jiff::Timestamp>().expect("an instant").as_second() - second;

    let shifted = order(&shop, "A1", june + HOUR).sealed().send(&sandbox);
    change(&sandbox, "/clock?merchant=shop", &json!({"reset": true}));
    let reset = order(&shop, "A2", june).sealed().send(&sandbox);

    assert_eq!(stated(&shop, &shifted), "2026-06-01T01:00:00.0000000Z");
    assert_eq!(stated(&shop, &reset), "2026-06-01T00:00:00.0000000Z");
}

#[test]
fn an_order_expires_by_its_merchant_s_time_and_stays_so() {
    let (sandbox, shop) = shop();
    order(&shop, "A1", 0).sealed().send(&sandbox).assert_status(200);

    change(&sandbox, "/clock?merchant=shop", &json!({"shift": "23h"}));
    let before = shop.state(&sandbox, "A1");
    change(&sandbox, "/clock?merchant=shop", &json!({"shift": "24h"}));
    let shifted = shop.state(&sandbox, "A1");
    change(&sandbox, "/clock?merchant=shop", &json!({"shift": "23h"}));
    let back = shop.state(&sandbox, "A1");

    assert_eq!([before, shifted, back], ["PCPS/GP", "E/PE", "E/PE"]);
}

#[test]
fn whoever_is_not_named_has_the_server_s_time() {
    let (sandbox, shop) = shop();
    change(&sandbox, "/clock?merchant=shop", &json!({"shift": "5h"}));

    let unnamed = shop.inquiry("A1").header("apiKey", "nobody").send(&sandbox);
    let named = shop.inquiry("A1").send(&sandbox);

    let at = |answer: &Answer| sandbox.explanation(&answer.exchange())["at"].clone();
    assert_eq!(at(&unnamed), "2026-01-01T00:00:00Z");
    assert_eq!(at(&named), "2026-01-01T05:00:00Z");
}

#[test]
fn tls_works_wherever_the_clock_stands() {
    let (sandbox, shop) = shop();
    shop.pays(&sandbox, "A1");

    for instant in ["2001-01-01T00:00:00Z", "2040-01-01T00:00:00Z"] {
        change(&sandbox, "/clock", &json!({"set": instant}));
        let inquiry = shop.inquiry("A1");

        let answer = sandbox.paco_over_tls("GET", &inquiry.target, &inquiry.lines(), "");

        answer.assert_status(200);
    }
}

fn shop() -> (Sandbox, Shop) {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");
    (sandbox, shop)
}

/// An order whose message is made so many seconds after the start.
fn order(shop: &Shop, order_no: &str, seconds: i64) -> Message {
    shop.page(order_no).issued(seconds)
}

#[track_caller]
fn change(sandbox: &Sandbox, path: &str, to: &Value) {
    sandbox.admin_post(path, to).assert_status(200);
}

/// When an answer says that it was issued.
#[track_caller]
fn issued(answer: &Answer) -> i64 {
    let claims = opened(&answer.body).unwrap_or_else(|error| panic!("{error}: {}", answer.text()));
    let (iat, nbf, exp) = (&claims.claims["iat"], &claims.claims["nbf"], &claims.claims["exp"]);
    assert_eq!(iat, nbf);
    let issued = iat.as_i64().expect("whole seconds");
    assert_eq!(exp.as_i64(), Some(issued + HOUR));
    issued
}

/// The instant that the message itself states.
#[track_caller]
fn stated(shop: &Shop, answer: &Answer) -> String {
    let claims = opened(&answer.body).unwrap_or_else(|error| panic!("{error}: {}", answer.text()));
    assert_eq!(claims.claims["aud"], shop.token.as_str());
    let at = claims.claims["response"]["apiResponse"]["responseDateTime"].clone();
    at.as_str().expect("an instant").to_owned()
}

#[track_caller]
fn assert_failed(sandbox: &Sandbox, answer: &Answer, check: &str) {
    answer.assert_status(400);
    assert_eq!(sandbox.explanation(&answer.exchange())["failed_check"], check);
}
