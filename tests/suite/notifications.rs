//! Backend notifications from the payment to the receiver's socket: what arrives, when it is tried
//! again, what is never called, and what of it is shown.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sandgate::crypto::hashes::sha256;
use sandgate::crypto::jose::{ContentEncryption, SignatureAlgorithm};
use sandgate::crypto::sandbox_ca::{SandboxCa, ServerIdentity};
use sandgate::ids::hex;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use crate::harness::{Answer, Sandbox, agent, call, start_instant, wait_for};
use crate::receiver::{BROKEN, Came, OK, Receiver, SILENT};
use crate::shop::{Message, Shop, amount, code, key, opened};

#[test]
fn a_payment_s_result_arrives_sealed_with_what_its_answer_said() {
    let (sandbox, shop) = shop();
    let receiver = Receiver::answering(&[OK]);

    let answer = pays(&sandbox, &shop, "A1", &receiver.url());
    settle(&sandbox);

    let came = receiver.came();
    assert_eq!(came.len(), 1);
    assert!(came[0].head.starts_with("post /notify http/1.1\r\n"), "{}", came[0].head);
    assert!(came[0].head.contains("content-type: application/jose"), "{}", came[0].head);
    let host = receiver.url().replace("http://", "").replace("/notify", "");
    assert!(came[0].head.contains(&format!("host: {host}")), "{}", came[0].head);
    assert_eq!(claims(&shop, &came[0])["response"], shop.says(&answer));
    let shown = only(&sandbox);
    assert_eq!(shown["status"], "delivered");
    assert_eq!(shown["attempts_made"], 1);
    assert_eq!(shown["next_at"], Value::Null);
    assert_eq!(shown["exchange"], answer.exchange());
    assert_eq!(shown["payload"]["response"], shop.says(&answer));
    let attempt = &shown["attempts"][0];
    assert_eq!(attempt["outcome"], "delivered");
    assert_eq!(attempt["at"], "2026-01-01T00:00:00Z");
    assert_eq!(attempt["http_status"], 200);
    assert_eq!(attempt["answer"], "OK");
    assert_eq!(attempt["content_type"], "application/jose");
    assert_eq!(attempt["sent_bytes"], came[0].body.len());
    assert_eq!(attempt["sent_sha256"], hex(&sha256(&came[0].body)));
}

#[test]
fn declined_payments_are_notified_too_and_orders_pages_and_voids_are_not() {
    let (sandbox, shop) = shop();
    let receiver = Receiver::answering(&[OK]);
    let mut declined = to(shop.payment("declined"), &receiver.url());
    declined.request["creditCardDetails"]["cardNumber"] = json!("4000000000000002");

    declined.sealed().send(&sandbox).assert_status(200);
    to(shop.page("page"), &receiver.url()).sealed().send(&sandbox).assert_status(200);
    pays(&sandbox, &shop, "paid", &receiver.url());
    shop.void("paid").sealed().send(&sandbox).assert_status(200);
    settle(&sandbox);

    let codes: BTreeSet<String> = receiver
        .came()
        .iter()
        .map(|came| code(&claims(&shop, came)["response"]).to_owned())
        .collect();
    let wanted = ["PC-B050000", "PC-B050901"].map(ToOwned::to_owned);
    assert_eq!(codes, BTreeSet::from(wanted));
    assert_eq!(receiver.came().len(), 2);
}

#[test]
fn attempts_are_due_at_0_30_and_120_seconds_each_sealed_anew() {
    let (sandbox, shop) = shop();
    let receiver = Receiver::answering(&[BROKEN]);
    pays(&sandbox, &shop, "A1", &receiver.url());

    advance(&sandbox, "29s");
    assert_eq!(receiver.came().len(), 1);
    assert_eq!(only(&sandbox)["next_at"], "2026-01-01T00:00:30Z");
    advance(&sandbox, "1s");
    assert_eq!(receiver.came().len(), 2);
    // Past the third, which is made at its own instant all the same.
    advance(&sandbox, "10m");

    let came = receiver.came();
    let issued: Vec<i64> = came
        .iter()
        .map(|came| claims(&shop, came)["iat"].as_i64().expect("whole seconds"))
        .map(|issued| issued - start_instant().as_second())
        .collect();
    assert_eq!(issued, [0, 30, 120]);
    let sealed: BTreeSet<&[u8]> = came.iter().map(|came| &came.body[..]).collect();
    assert_eq!(sealed.len(), 3, "each is sealed for itself");
    let ids: BTreeSet<String> = came
        .iter()
        .map(|came| opened(&came.body).expect("ours").jws.header["jti"].to_string())
        .collect();
    assert_eq!(ids.len(), 3);
    let shown = only(&sandbox);
    assert_eq!(shown["status"], "failed");
    assert_eq!(shown["next_at"], Value::Null);
    let instants: Vec<&str> = attempts(&shown).filter_map(|made| made["at"].as_str()).collect();
    assert_eq!(instants, ["2026-01-01T00:00:00Z", "2026-01-01T00:00:30Z", "2026-01-01T00:02:00Z"]);
    for (made, came) in attempts(&shown).zip(&came) {
        assert_eq!((&made["outcome"], &made["http_status"]), (&json!("failed"), &json!(500)));
        assert_eq!(made["answer"], "oops!");
        assert_eq!(made["sent_sha256"], hex(&sha256(&came.body)));
    }
    let said = shown["last_error"].as_str().expect("a reason");
    assert!(said.contains("answered 500"), "{said}");
    advance(&sandbox, "24h");
    assert_eq!(receiver.came().len(), 3, "it was given up");
}

#[test]
fn one_long_step_of_the_clock_makes_every_attempt_that_falls_into_it() {
    let (sandbox, shop) = shop();
    let receivers = [BROKEN, OK, BROKEN].map(|answer| Receiver::answering(&[BROKEN, answer]));
    for (receiver, order) in receivers.iter().zip(["A1", "A2", "A3"]) {
        pays(&sandbox, &shop, order, &receiver.url());
    }

    advance(&sandbox, "2h");

    assert_eq!(receivers.each_ref().map(|receiver| receiver.came().len()), [3, 2, 3]);
    let statuses = list(&sandbox, "").iter().map(|one| one["status"].clone()).collect::<Vec<_>>();
    assert_eq!(statuses, ["failed", "delivered", "failed"]);
}

#[test]
fn a_receiver_that_recovers_gets_it_and_nothing_more() {
    let (sandbox, shop) = shop();
    let receiver = Receiver::answering(&[BROKEN, "HTTP/1.1 204 No Content\r\n\r\n"]);
    pays(&sandbox, &shop, "A1", &receiver.url());

    advance(&sandbox, "30s");
    advance(&sandbox, "1h");

    assert_eq!(receiver.came().len(), 2);
    let shown = only(&sandbox);
    assert_eq!(shown["status"], "delivered");
    assert_eq!(shown["last_error"], Value::Null);
    let outcomes: Vec<&Value> = attempts(&shown).map(|made| &made["outcome"]).collect();
    assert_eq!(outcomes, ["failed", "delivered"]);
}

#[test]
fn what_goes_wrong_on_the_way_is_named() {
    let sandbox =
        Sandbox::with(|builder| builder.notification_time_limit(Duration::from_millis(300)));
    let shop = Shop::new(&sandbox, "shop");
    let free = Receiver::answering(&[OK]);
    let refused = free.url();
    drop(free);
    wait_for("the port to be free", || {
        std::net::TcpStream::connect(refused.replace("http://", "").replace("/notify", ""))
            .is_err()
            .then_some(())
    });
    let silent = Receiver::answering(&[SILENT]);
    let babbling = Receiver::answering(&["220 mail ready\r\n"]);
    let moved =
        Receiver::answering(&["HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/x\r\n\r\n"]);
    let cases = [
        ("A1", refused, "connection refused", false),
        ("A2", silent.url(), "did not answer within", true),
        ("A3", babbling.url(), "does not answer as an HTTP server", true),
        ("A4", moved.url(), "a redirect to http://127.0.0.1:9/x; redirects are not followed", true),
        ("A5", "http://does-not-exist.localdomain.lan:81/".to_owned(), "has no address", false),
    ];
    for (order, url, ..) in &cases {
        pays(&sandbox, &shop, order, url);
    }
    settle(&sandbox);

    for (order, url, said, sent) in &cases {
        let shown = about(&sandbox, order);
        assert_eq!(shown["status"], "queued", "{url}: another attempt is due");
        let error = shown["last_error"].as_str().unwrap_or_default();
        assert!(error.contains(said), "{url}: {error}");
        assert_eq!(shown["attempts"][0]["sent_sha256"].is_string(), *sent, "{url}");
    }
    assert_eq!(moved.came().len(), 1);
}

#[test]
fn what_is_neither_loopback_nor_private_is_never_called() {
    let (sandbox, shop) = shop();
    for (order, url, said) in [
        ("A1", "http://203.0.113.7/notify", "203.0.113.7 is neither on loopback nor"),
        ("A2", "https://shop.test/notify", "shop.test is a reserved name that never resolves"),
        ("A3", "http://[::ffff:203.0.113.7]:81/", "203.0.113.7 is neither on loopback nor"),
        ("A4", "http://0.0.0.0:81/", "0.0.0.0 is neither on loopback nor"),
        ("A6", "http://169.254.169.254/latest", "169.254.169.254 is neither on loopback nor"),
        ("A7", "http://[fe80::1]/notify", "fe80::1 is neither on loopback nor"),
        // To the resolver this is an address, to a URL it is a name.
        ("A5", "http://3405803783/", "203.0.113.7 is neither on loopback nor"),
    ] {
        pays(&sandbox, &shop, order, url);
        settle(&sandbox);

        let shown = about(&sandbox, order);
        assert_eq!(shown["status"], "blocked", "{url}");
        assert_eq!(shown["next_at"], Value::Null, "{url}");
        let error = shown["last_error"].as_str().unwrap_or_default();
        assert!(error.contains(said), "{url}: {error}");
        assert!(error.contains("--allow-destination"), "{url}: {error}");
        let attempt = &shown["attempts"][0];
        assert_eq!(attempt["outcome"], "blocked");
        assert_eq!(attempt["content_type"], Value::Null, "nothing was sealed for it");
    }
    let (id, fix) = (about(&sandbox, "A2")["id"].clone(), "--allow-destination shop.test");
    let again = sandbox.admin_post(&format!("/notifications/{id}/resend"), &json!({}));
    again.assert_problem(409, "reserved name", fix);
}

#[test]
fn no_order_can_make_the_server_call_its_own_admin_api() {
    let sandbox = Sandbox::with(|builder| builder.allow_destination("any"));
    let shop = Shop::new(&sandbox, "shop");
    let admin = sandbox.emulator.base_url("admin").to_owned();
    let port = admin.rsplit(':').next().expect("a port").to_owned();

    for (order, host) in [
        ("A1", "127.0.0.1"),
        ("A2", "u:p@127.0.0.1"),
        ("A3", "127.1.2.3"),
        ("A4", "[::ffff:127.0.0.1]"),
        ("A5", "localhost"),
        ("A6", "0.0.0.0"),
        // To the resolver this is an address, to a URL it is a name.
        ("A7", "2130706433"),
    ] {
        pays(&sandbox, &shop, order, &format!("http://{host}:{port}/reset"));
        settle(&sandbox);

        let shown = about(&sandbox, order);
        assert_eq!(shown["status"], "blocked", "{host}: {shown}");
        let error = shown["last_error"].as_str().unwrap_or_default();
        assert!(error.contains("this server's admin API"), "{host}: {error}");
        assert!(error.contains("--allow-destination does not lift this"), "{host}: {error}");
    }
    assert_eq!(list(&sandbox, "").len(), 7, "nothing was reset");
}

#[test]
fn a_destination_can_be_allowed() {
    // An address of the host that is neither loopback nor private cannot be had in a test: that what
    // is allowed is called shows in an error of the network instead of one of the rules.
    let sandbox = Sandbox::with(|builder| {
        builder
            .allow_destination("0.0.0.0/32")
            .allow_destination("Shop.test")
            .notification_time_limit(Duration::from_secs(2))
    });
    let shop = Shop::new(&sandbox, "shop");
    let receiver = Receiver::answering(&[OK]);

    pays(&sandbox, &shop, "A1", &receiver.url().replace("127.0.0.1", "0.0.0.0"));
    pays(&sandbox, &shop, "A2", "http://shop.test/notify");
    settle(&sandbox);

    assert_eq!(about(&sandbox, "A1")["status"], "delivered");
    assert_ne!(about(&sandbox, "A2")["status"], "blocked");
    let wrong = sandgate::Emulator::builder().allow_destination("10.0.0.0/99").start();
    let wrong = wrong.expect_err("no network").to_string();
    assert!(wrong.contains("--allow-destination: \"10.0.0.0/99\" is no network"), "{wrong}");
}

#[test]
fn an_address_in_ipv6_form_and_the_name_localhost_are_loopback() {
    let (sandbox, shop) = shop();
    let receiver = Receiver::answering(&[OK]);

    for (order, host) in [("A1", "[::ffff:127.0.0.1]"), ("A2", "localhost"), ("A3", "a.localhost")]
    {
        pays(&sandbox, &shop, order, &receiver.url().replace("127.0.0.1", host));
        settle(&sandbox);
        assert_eq!(about(&sandbox, order)["status"], "delivered", "{host}");
    }
}

#[test]
fn a_dead_receiver_delays_neither_another_merchant_s_nor_the_stop() {
    let sandbox =
        Sandbox::with(|builder| builder.notification_time_limit(Duration::from_secs(100)));
    let (dead, alive) = (Shop::new(&sandbox, "dead"), Shop::new(&sandbox, "alive"));
    let silent = Receiver::answering(&[SILENT]);
    let receiver = Receiver::answering(&[OK]);
    for number in 0..8 {
        // Other words in the URL make no other destination.
        let user = format!("http://user{number}@");
        pays(&sandbox, &dead, &format!("D{number}"), &silent.url().replace("http://", &user));
    }

    pays(&sandbox, &alive, "A1", &receiver.url());

    wait_for("the delivery", || (about(&sandbox, "A1")["status"] == "delivered").then_some(()));
    assert_eq!(silent.came().len(), sandgate::limits::NOTIFICATIONS_PER_DESTINATION);
    let stopped = time(|| drop(sandbox));
    assert!(stopped < Duration::from_secs(5), "{stopped:?}");
}

#[test]
fn what_was_queued_is_delivered_after_a_restart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let start = |folder: &Path| {
        Sandbox::with(|builder| {
            builder.data_dir(folder).notification_time_limit(Duration::from_secs(100))
        })
    };
    let sandbox = start(folder.path());
    let shop = Shop::new(&sandbox, "shop");
    let cut_off = Receiver::answering(&[SILENT, OK]);
    let waiting = Receiver::answering(&[BROKEN, OK]);
    pays(&sandbox, &shop, "A1", &cut_off.url());
    pays(&sandbox, &shop, "A2", &waiting.url());
    wait_for("both to have come", || {
        (cut_off.came().len() == 1 && about(&sandbox, "A2")["attempts_made"] == 1).then_some(())
    });
    drop(sandbox);

    let sandbox = start(folder.path());
    settle(&sandbox);
    assert_eq!(about(&sandbox, "A1")["status"], "delivered");
    assert_eq!(about(&sandbox, "A2")["status"], "queued");
    advance(&sandbox, "30s");

    assert_eq!(about(&sandbox, "A2")["status"], "delivered");
    assert_eq!((cut_off.came().len(), waiting.came().len()), (2, 2));
    claims(&shop, &waiting.came()[1]);
}

#[test]
fn a_reset_and_the_merchant_s_end_clear_what_is_owed() {
    let (sandbox, shop) = shop();
    let other = Shop::new(&sandbox, "other");
    let receiver = Receiver::answering(&[BROKEN]);
    pays(&sandbox, &shop, "A1", &receiver.url());
    pays(&sandbox, &other, "B1", &receiver.url());
    settle(&sandbox);

    sandbox.admin_post("/reset?merchant=shop", &json!({})).assert_status(200);
    assert_eq!(subjects(&sandbox, ""), ["B1"]);
    sandbox.admin_delete("/merchants/other").assert_status(204);
    assert!(list(&sandbox, "").is_empty());
    advance(&sandbox, "1h");

    assert_eq!(receiver.came().len(), 2, "nothing was tried again");
    // Numbers begin anew, and what follows is not mistaken for what was cleared.
    pays(&sandbox, &shop, "A2", &receiver.url());
    settle(&sandbox);
    assert_eq!(about(&sandbox, "A2")["attempts"].as_array().map(Vec::len), Some(1));
}

#[test]
fn one_more_attempt_can_be_asked_for() {
    let (sandbox, shop) = shop();
    let receiver = Receiver::answering(&[OK, BROKEN, OK]);
    pays(&sandbox, &shop, "A1", &receiver.url());
    settle(&sandbox);
    let path = format!("/notifications/{}/resend", only(&sandbox)["id"]);

    advance(&sandbox, "5s");
    sandbox.admin_post(&path, &json!({})).assert_status(200);
    settle(&sandbox);
    assert_eq!(only(&sandbox)["status"], "failed");
    assert_eq!(only(&sandbox)["next_at"], Value::Null, "only one was asked for");
    sandbox.admin_post(&path, &json!({})).assert_status(200);
    settle(&sandbox);

    let shown = only(&sandbox);
    assert_eq!(shown["status"], "delivered");
    let made: Vec<&Value> = attempts(&shown).map(|made| &made["at"]).collect();
    assert_eq!(made, ["2026-01-01T00:00:00Z", "2026-01-01T00:00:05Z", "2026-01-01T00:00:05Z"]);
    assert_eq!(receiver.came().len(), 3);
    let missing = sandbox.admin_post("/notifications/99/resend", &json!({}));
    missing.assert_problem(404, "no notification 99", "GET /notifications");
}

#[test]
fn one_that_waits_for_its_next_attempt_can_have_it_sooner() {
    let (sandbox, shop) = shop();
    let receiver = Receiver::answering(&[BROKEN]);
    pays(&sandbox, &shop, "A1", &receiver.url());
    advance(&sandbox, "10s");

    let path = format!("/notifications/{}/resend", only(&sandbox)["id"]);
    sandbox.admin_post(&path, &json!({})).assert_status(200);
    settle(&sandbox);

    assert_eq!(receiver.came().len(), 2);
    assert_eq!(only(&sandbox)["next_at"], "2026-01-01T00:01:40Z", "90 s after the one before");
}

#[test]
fn one_that_is_under_way_cannot_be_sent_again_meanwhile() {
    let sandbox =
        Sandbox::with(|builder| builder.notification_time_limit(Duration::from_secs(100)));
    let shop = Shop::new(&sandbox, "shop");
    let silent = Receiver::answering(&[SILENT]);
    pays(&sandbox, &shop, "A1", &silent.url());

    let path = format!("/notifications/{}/resend", only(&sandbox)["id"]);
    let again = sandbox.admin_post(&path, &json!({}));

    again.assert_problem(409, "due or under way", "until it has ended");
}

#[test]
fn a_plain_order_gets_a_sealed_notification_with_the_usual_algorithms() {
    let (sandbox, shop) = shop();
    let receiver = Receiver::answering(&[OK]);

    let plain = to(shop.payment("A1"), &receiver.url()).plain().header("accept", "");
    let answer = plain.send(&sandbox);
    settle(&sandbox);

    answer.assert_status(200);
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    let came = receiver.came();
    assert_eq!(claims(&shop, &came[0])["response"], answer.json());
    assert_eq!(algorithms(&came[0]), ["PS256", "RSA-OAEP", "A128CBC-HS256"]);
}

#[test]
fn algorithms_and_casing_follow_the_order_s_request() {
    let (sandbox, shop) = shop();
    let receiver = Receiver::answering(&[OK]);
    let order = to(shop.payment("A1"), &receiver.url())
        .to("/api/1.0/Payment/nonUi")
        .signing(SignatureAlgorithm::Rs512)
        .encrypting(ContentEncryption::A256Gcm);

    let answer = order.sealed().send(&sandbox);
    settle(&sandbox);

    answer.assert_status(200);
    let came = receiver.came();
    assert_eq!(algorithms(&came[0]), ["RS512", "RSA-OAEP", "A256GCM"]);
    let says = claims(&shop, &came[0])["response"].clone();
    assert_eq!(says, shop.says(&answer));
    assert_eq!(says["ApiResponse"]["ResponseCode"], "PC-B050000");
}

#[test]
fn the_environment_decides_whose_key_signs() {
    let sandbox = Sandbox::start();
    let settings = json!({"environment": "prd", "ip_allow_list": "any", "https_only": "off"});
    let shop = Shop::with(&sandbox, "shop", &settings);
    let receiver = Receiver::answering(&[OK]);
    let mut order = to(shop.payment("A1"), &receiver.url()).jwe("kid", crate::shop::KID_PRD);
    order.encrypted_to = "paco-prd-encryption";

    order.sealed().send(&sandbox).assert_status(200);
    settle(&sandbox);

    let came = as_answer(&receiver.came()[0]);
    shop.verified(&came, "prd").expect("signed with the key of production");
    assert!(shop.verified(&came, "uat").is_err());
}

#[test]
fn without_an_encryption_key_an_attempt_fails_with_that_reason() {
    let sandbox = Sandbox::start();
    let shop = Shop::asking(
        &sandbox,
        &json!({"provider": "paco", "id": "shop", "credentials": {"keys": {
            "signing_public_key": key("merchant-signing").public().to_pem()}}}),
    );
    let receiver = Receiver::answering(&[OK]);

    let plain = to(shop.payment("A1"), &receiver.url()).plain();
    plain.header("accept", "application/json").send(&sandbox).assert_status(200);
    settle(&sandbox);

    let shown = only(&sandbox);
    let error = shown["last_error"].as_str().expect("a reason");
    assert!(error.contains("no encryption key on file"), "{error}");
    assert!(error.contains("encryption_public_key"), "{error}");
    assert!(receiver.came().is_empty());
}

#[test]
fn a_shifted_merchant_is_served_by_the_server_s_clock_and_told_its_own() {
    let (sandbox, shop) = shop();
    let receiver = Receiver::answering(&[OK]);
    sandbox.admin_post("/clock?merchant=shop", &json!({"shift": "2h"})).assert_status(200);

    let order = to(shop.payment("A1"), &receiver.url()).issued(2 * 3600);
    order.sealed().send(&sandbox).assert_status(200);
    settle(&sandbox);

    let came = receiver.came();
    let issued = claims(&shop, &came[0])["iat"].as_i64();
    assert_eq!(issued, Some(start_instant().as_second() + 2 * 3600));
    assert_eq!(only(&sandbox)["due_at"], "2026-01-01T00:00:00Z");
}

#[test]
fn an_https_receiver_is_called_if_its_certificate_or_its_ca_is_named() {
    let (ca, _) = SandboxCa::generate().expect("a CA of somebody else's");
    let named_wrongly = identity(&ca, "elsewhere.test");
    let named_rightly = identity(&ca, "127.0.0.1");
    let shown = pem(&named_wrongly.chain_der[0]);

    for (trusted, identity, delivered) in [
        (None, &named_rightly, false),
        (Some(ca.certificate_pem()), &named_rightly, true),
        (Some(ca.certificate_pem()), &named_wrongly, false),
        (Some(shown.as_str()), &named_wrongly, true),
    ] {
        let sandbox = Sandbox::with(|builder| match trusted {
            None => builder,
            Some(pem) => builder.notification_ca(pem),
        });
        let shop = Shop::new(&sandbox, "shop");
        let receiver = Receiver::secure(&[OK], server(identity));

        pays(&sandbox, &shop, "A1", &receiver.url());
        settle(&sandbox);

        let shown = only(&sandbox);
        assert_eq!(shown["status"] == "delivered", delivered, "{shown}");
        assert_eq!(receiver.came().len(), usize::from(delivered));
        if !delivered {
            let error = shown["last_error"].as_str().expect("a reason");
            assert!(error.contains("--notification-ca"), "{error}");
        }
    }
    let wrong = sandgate::Emulator::builder().notification_ca("no PEM").start();
    let wrong = wrong.expect_err("no certificate").to_string();
    assert!(wrong.contains("--notification-ca: it holds no certificate"), "{wrong}");
}

#[test]
fn lists_are_newest_first_filtered_and_paged() {
    let (sandbox, shop) = shop();
    let other = Shop::new(&sandbox, "other");
    let receiver = Receiver::answering(&[OK]);
    pays(&sandbox, &shop, "A1", &receiver.url());
    pays(&sandbox, &shop, "A2", "https://shop.test/notify");
    pays(&sandbox, &other, "B1", &receiver.url());
    settle(&sandbox);

    assert_eq!(subjects(&sandbox, ""), ["B1", "A2", "A1"]);
    assert_eq!(subjects(&sandbox, "?merchant=shop"), ["A2", "A1"]);
    assert_eq!(subjects(&sandbox, "?status=blocked"), ["A2"]);
    assert_eq!(subjects(&sandbox, "?subject=A1"), ["A1"]);
    let page = sandbox.admin_get("/notifications?limit=2").json();
    let cursor = page["next_cursor"].as_str().expect("there is more");
    assert_eq!(subjects(&sandbox, &format!("?limit=2&cursor={cursor}")), ["A1"]);
    assert!(list(&sandbox, "")[0].get("payload").is_none(), "a line is short");
    for (path, status, detail, fix) in [
        ("/notifications?merchant=shp", 404, "no merchant", "shop"),
        ("/notifications?status=delivred", 400, "no status", "did you mean \"delivered\"?"),
        ("/notifications?stat=x", 400, "no query parameter", "did you mean \"status\"?"),
        ("/notifications?cursor=x", 400, "no notification's number", "whole number"),
        ("/notifications/x", 400, "no notification's number", "whole number"),
        ("/notifications/77", 404, "no notification 77", "GET /notifications"),
    ] {
        sandbox.admin_get(path).assert_problem(status, detail, fix);
    }
}

#[test]
fn a_payer_s_answer_never_waits_for_the_receiver() {
    let sandbox =
        Sandbox::with(|builder| builder.notification_time_limit(Duration::from_secs(100)));
    let shop = Shop::new(&sandbox, "shop");
    let silent = Receiver::answering(&[SILENT]);

    let took = time(|| drop(pays(&sandbox, &shop, "A1", &silent.url())));

    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[test]
fn a_hanging_receiver_holds_up_no_change_of_the_clock() {
    let (sandbox, shop) = patient_shop();
    let silent = Receiver::answering(&[SILENT]);
    pays(&sandbox, &shop, "A1", &silent.url());
    wait_for("the attempt", || (silent.came().len() == 1).then_some(()));

    for (path, change) in [
        ("/clock", json!({"set": "2026-01-01T01:00:00Z"})),
        ("/clock?merchant=shop", json!({"shift": "1h"})),
        ("/clock", json!({"resume": true})),
        ("/clock", json!({"freeze": true})),
        ("/clock", json!({"reset": true})),
    ] {
        let took = time(|| sandbox.admin_post(path, &change).assert_status(200));
        assert!(took < sandgate::limits::CLOCK_DELIVERIES, "{change}: {took:?}");
    }
}

#[test]
fn a_clock_that_is_changed_while_it_advances_stays_where_it_was_put() {
    let (sandbox, shop) = patient_shop();
    let silent = Receiver::answering(&[SILENT]);
    pays(&sandbox, &shop, "A1", &silent.url());
    wait_for("the attempt", || (silent.came().len() == 1).then_some(()));
    let clock = format!("{}/clock", sandbox.emulator.base_url("admin"));
    let advancing = std::thread::spawn(move || {
        let body = json!({"advance": "1h"}).to_string();
        call(&agent(), "POST", &clock, &[], body.as_bytes())
    });

    wait_for("the advance to have noticed", || {
        sandbox.admin_post("/clock", &json!({"set": "2030-01-01T00:00:00Z"})).assert_status(200);
        advancing.is_finished().then_some(())
    });

    let stopped = advancing.join().expect("no panic");
    stopped.assert_problem(409, "stopped at 2030-01-01T00:00:00Z", "one test at a time");
    assert_eq!(sandbox.admin_get("/clock").json()["now"], "2030-01-01T00:00:00Z");
}

#[test]
fn a_running_clock_does_not_jump_back_when_it_arrives() {
    let sandbox =
        Sandbox::with(|builder| builder.notification_time_limit(Duration::from_millis(1500)));
    let shop = Shop::new(&sandbox, "shop");
    let silent = Receiver::answering(&[SILENT]);
    sandbox.admin_post("/clock", &json!({"resume": true})).assert_status(200);
    let shift = |shown: &Value| {
        let shift = shown["shift"].as_str().expect("it runs").parse::<jiff::SignedDuration>();
        shift.expect("a duration")
    };
    pays(&sandbox, &shop, "A1", &silent.url());
    let before = sandbox.admin_get("/clock").json();

    let after = sandbox.admin_post("/clock", &json!({"advance": "1s"})).json();

    assert_eq!(shift(&after), shift(&before) + jiff::SignedDuration::from_secs(1), "{after}");
    assert_eq!(after["unfinished"], 0);
    assert_eq!(only(&sandbox)["attempts_made"], 1);
}

#[test]
fn those_that_are_due_with_one_that_waited_in_vain_do_not_wait_as_long() {
    let sandbox =
        Sandbox::with(|builder| builder.notification_time_limit(Duration::from_millis(1500)));
    let shop = Shop::new(&sandbox, "shop");
    let silent = Receiver::answering(&[SILENT]);
    for number in 0..12 {
        pays(&sandbox, &shop, &format!("A{number}"), &silent.url());
    }

    settle(&sandbox);

    let errors: Vec<String> = list(&sandbox, "")
        .iter()
        .map(|one| one["last_error"].as_str().unwrap_or_default().to_owned())
        .collect();
    let spared = errors.iter().filter(|error| error.contains("not tried, because another"));
    assert_eq!(spared.count() + silent.came().len(), 12, "{errors:?}");
    assert!(silent.came().len() < 12, "{errors:?}");
    let made = silent.came().len();
    advance(&sandbox, "30s");
    assert!(silent.came().len() > made, "later it is tried again");
}

#[test]
fn an_attempt_that_the_database_does_not_take_is_recorded_later_and_not_made_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sandbox = Sandbox::with(|builder| builder.data_dir(folder.path()));
    let shop = Shop::new(&sandbox, "shop");
    let receiver = Receiver::answering(&[OK]);
    by_other_hands(
        folder.path(),
        "CREATE TRIGGER full BEFORE INSERT ON notification_attempts
         BEGIN SELECT RAISE(ABORT, 'no room'); END",
    );
    pays(&sandbox, &shop, "A1", &receiver.url());
    wait_for("the attempt", || (receiver.came().len() == 1).then_some(()));
    assert_eq!(about(&sandbox, "A1")["status"], "queued");

    by_other_hands(folder.path(), "DROP TRIGGER full");

    wait_for("the record", || (about(&sandbox, "A1")["status"] == "delivered").then_some(()));
    assert_eq!(receiver.came().len(), 1);
}

#[test]
fn time_moves_transactions_again_after_the_database_has_failed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sandbox = Sandbox::with(|builder| builder.data_dir(folder.path()));
    let shop = Shop::new(&sandbox, "shop");
    let receiver = Receiver::answering(&[OK]);
    to(shop.page("A1"), &receiver.url()).sealed().send(&sandbox).assert_status(200);
    by_other_hands(
        folder.path(),
        "CREATE TRIGGER full BEFORE INSERT ON notifications
         BEGIN SELECT RAISE(ABORT, 'no room'); END",
    );

    advance(&sandbox, "25h");
    assert!(list(&sandbox, "").is_empty());
    by_other_hands(folder.path(), "DROP TRIGGER full");

    wait_for("the expired page's notification", || (receiver.came().len() == 1).then_some(()));
}

/// A sandbox that waits longer for a receiver than any test lasts.
fn patient_shop() -> (Sandbox, Shop) {
    let sandbox =
        Sandbox::with(|builder| builder.notification_time_limit(Duration::from_secs(100)));
    let shop = Shop::new(&sandbox, "shop");
    (sandbox, shop)
}

/// Changes the database behind the server's back.
#[track_caller]
fn by_other_hands(folder: &Path, statement: &'static str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let options = SqliteConnectOptions::new().filename(folder.join("sandgate.db"));
        let mut raw = options.connect().await.expect("it is there");
        sqlx::query(statement).execute(&mut raw).await.expect("writable");
        raw.close().await.expect("closed");
    });
}

fn shop() -> (Sandbox, Shop) {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");
    (sandbox, shop)
}

/// A message whose notification goes to a URL.
fn to(mut message: Message, url: &str) -> Message {
    message.request["notificationURLs"]["backendURL"] = json!(url);
    message
}

#[track_caller]
fn pays(sandbox: &Sandbox, shop: &Shop, order: &str, url: &str) -> Answer {
    let payment = to(shop.payment(order), url).member("transactionAmount", amount());
    let answer = payment.sealed().send(sandbox);
    answer.assert_status(200);
    answer
}

/// Waits until what is due now is delivered or recorded as failed.
#[track_caller]
fn settle(sandbox: &Sandbox) {
    advance(sandbox, "0s");
}

#[track_caller]
fn advance(sandbox: &Sandbox, by: &str) {
    sandbox.admin_post("/clock", &json!({ "advance": by })).assert_status(200);
}

#[track_caller]
fn list(sandbox: &Sandbox, query: &str) -> Vec<Value> {
    let answer = sandbox.admin_get(&format!("/notifications{query}"));
    answer.assert_status(200);
    answer.json()["items"].as_array().expect("a list").clone()
}

#[track_caller]
fn subjects(sandbox: &Sandbox, query: &str) -> Vec<String> {
    let listed = list(sandbox, query);
    listed.iter().map(|one| one["subject"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The only notification there is, whole.
#[track_caller]
fn only(sandbox: &Sandbox) -> Value {
    let listed = list(sandbox, "");
    assert_eq!(listed.len(), 1, "{listed:?}");
    whole(sandbox, &listed[0])
}

/// The notification about an order, whole.
#[track_caller]
fn about(sandbox: &Sandbox, order: &str) -> Value {
    let listed = list(sandbox, &format!("?subject={order}"));
    assert_eq!(listed.len(), 1, "{listed:?}");
    whole(sandbox, &listed[0])
}

#[track_caller]
fn whole(sandbox: &Sandbox, listed: &Value) -> Value {
    let answer = sandbox.admin_get(&format!("/notifications/{}", listed["id"]));
    answer.assert_status(200);
    answer.json()
}

fn attempts(shown: &Value) -> impl Iterator<Item = &Value> {
    shown["attempts"].as_array().into_iter().flatten()
}

/// The claims of what came, verified as a careful backend verifies them.
#[track_caller]
fn claims(shop: &Shop, came: &Came) -> Value {
    shop.claims_of(&as_answer(came))
}

fn as_answer(came: &Came) -> Answer {
    Answer {
        status: 200,
        headers: [("content-type".to_owned(), "application/jose".to_owned())].into(),
        body: came.body.clone(),
    }
}

#[track_caller]
fn algorithms(came: &Came) -> [String; 3] {
    let opened = opened(&came.body).expect("ours");
    let name = |header: &Value| header.as_str().unwrap_or_default().to_owned();
    [
        name(&opened.jws.header["alg"]),
        name(&opened.jwe.header["alg"]),
        name(&opened.jwe.header["enc"]),
    ]
}

fn identity(ca: &SandboxCa, name: &str) -> ServerIdentity {
    let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
    ca.issue_server(&[name.to_owned()], at("2020-01-01T00:00:00Z"), at("2090-01-01T00:00:00Z"))
        .expect("a certificate")
}

fn server(identity: &ServerIdentity) -> ServerConfig {
    let chain = identity.chain_der.iter().cloned().map(CertificateDer::from).collect();
    let key = PrivateKeyDer::Pkcs8(identity.key_der.clone().into());
    ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("they belong together")
}

fn pem(der: &[u8]) -> String {
    let lines = STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n")
}

#[expect(clippy::disallowed_methods, reason = "what must not take long is measured")]
fn time(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}
