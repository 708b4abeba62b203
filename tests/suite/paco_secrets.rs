//! What merchants entrust to the double: public keys in every form in which people have them, and
//! card data, of which nothing that could pay is ever kept.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::{X509Builder, X509NameBuilder};
use sandgate::crypto::jose::{self, SignatureAlgorithm};
use sandgate::crypto::keys::PrivateKey;
use serde_json::{Value, json};

use crate::harness::{Answer, Sandbox};
use crate::shop::{Shop, code, key};

/// A card number that passes the Luhn check and is published nowhere as a test card of PACO.
const UNPUBLISHED: &str = "4012001037141112";
/// A security code that is not otherwise anywhere.
const CVV: &str = "9137";

#[test]
fn a_signing_key_is_taken_in_every_usual_form() {
    let sandbox = Sandbox::start();
    let pair = openssl_pair("merchant-signing");
    let rsa = pair.rsa().expect("an RSA key");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("PEM is text");
    let spki_der = pair.public_key_to_der().expect("DER");
    let jwk = json!({
        "kty": "RSA",
        "n": URL_SAFE_NO_PAD.encode(rsa.n().to_vec()),
        "e": URL_SAFE_NO_PAD.encode(rsa.e().to_vec()),
    });
    let spki_pem = text(pair.public_key_to_pem().expect("PEM"));

    for (id, uploaded, note) in [
        ("spki-pem", json!(spki_pem), None),
        ("spki-base64", json!(STANDARD.encode(&spki_der)), None),
        (
            "pkcs1-pem",
            json!(text(rsa.public_key_to_pem_pkcs1().expect("PEM"))),
            Some("converted from PKCS#1"),
        ),
        (
            "pkcs1-base64",
            json!(STANDARD.encode(rsa.public_key_to_der_pkcs1().expect("DER"))),
            Some("converted from PKCS#1"),
        ),
        ("certificate", json!(certificate(&pair)), Some("taken out of an X.509 certificate")),
        ("jwk", jwk.clone(), Some("converted from a JWK")),
        ("jwk-as-text", json!(jwk.to_string()), Some("converted from a JWK")),
    ] {
        let answer = upload(&sandbox, id, &uploaded, &json!({}));

        answer.assert_status(201);
        let stored = answer.json()["credentials"]["keys"]["signing"].clone();
        assert_eq!(stored["public"], spki_pem, "{id}");
        let said = stored["note"].as_str().unwrap_or_default();
        assert_eq!(!said.is_empty(), note.is_some(), "{id}: {stored}");
        assert!(said.contains(note.unwrap_or_default()), "{id}: {stored}");
        assert_eq!(stored.get("private"), None, "{id}");
        let shop = Shop::from_shown(&answer.json());
        shop.pays(&sandbox, "A1");
    }
}

#[test]
fn unusable_keys_are_refused_with_the_reason_and_the_fix() {
    let sandbox = Sandbox::start();
    let pair = openssl_pair("merchant-signing");
    let pem = String::from_utf8(pair.public_key_to_pem().expect("PEM")).expect("text");
    let private = String::from_utf8(pair.private_key_to_pem_pkcs8().expect("PEM")).expect("text");
    let short = PKey::from_rsa(Rsa::generate(2048).expect("a key")).expect("a key");
    let short = String::from_utf8(short.public_key_to_pem().expect("PEM")).expect("text");
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
    let ec = PKey::from_ec_key(EcKey::generate(&curve).expect("a key")).expect("a key");
    let ec = String::from_utf8(ec.public_key_to_pem().expect("PEM")).expect("text");

    for (id, uploaded, reason) in [
        ("private", private, "treat the private key as disclosed"),
        ("damaged", pem[..pem.len() / 2].to_owned(), "cannot be read"),
        ("escaped", pem.replace('\n', "\\n"), "turn them into real line breaks"),
        ("noise", "hello".to_owned(), "cannot be read"),
        ("empty", "  ".to_owned(), "is empty"),
        ("short", short, "has 2048 bits, at least 4096 are wanted"),
        ("ec", ec, "works with RSA keys only"),
    ] {
        let answer = upload(&sandbox, id, &json!(uploaded), &json!({}));

        answer.assert_status(400);
        let text = answer.text();
        assert!(text.contains(reason), "{id}: {text}");
        assert!(text.contains("credentials.keys.signing_public_key"), "{id}: {text}");
        sandbox.admin_get(&format!("/merchants/{id}")).assert_status(404);
    }
}

#[test]
fn two_pairs_are_wanted_and_the_signing_key_is_not_optional() {
    let sandbox = Sandbox::start();
    let signing = key("merchant-signing").public().to_pem();

    let same = json!({"provider": "paco", "credentials": {"keys": {
        "signing_public_key": signing, "encryption_public_key": signing}}});
    let none = json!({"provider": "paco", "credentials": {"keys": {
        "encryption_public_key": signing}}});

    for (asked, reason) in [(same, "two key pairs"), (none, "no request can be verified")] {
        let answer = sandbox.admin_post("/merchants", &asked);
        answer.assert_status(400);
        assert!(answer.text().contains(reason), "{}", answer.text());
    }
}

#[test]
fn shorter_keys_work_where_merchant_key_bits_allows_them() {
    let sandbox = Sandbox::start();
    let pair = PrivateKey::generate(2048);
    let settings = json!({"merchant_key_bits": "min_2048"});

    let answer = upload(&sandbox, "short", &json!(pair.public().to_pem()), &settings);

    answer.assert_status(201);
    let shop = Shop::from_shown(&answer.json());
    let message = shop.page("A1");
    let payload = message.all_claims().to_string();
    let header = message.jws_header.as_object().expect("an object");
    let inner = jose::sign(&pair, SignatureAlgorithm::Ps256, header, payload.as_bytes());
    message.around(&inner).send(&sandbox).assert_status(200);
    message.sealed().send(&sandbox).assert_status(400);
}

#[test]
fn generated_keys_are_the_merchant_s_own_and_work() {
    let sandbox = Sandbox::start();
    let asked = json!({"provider": "paco", "id": "own", "credentials": {"keys": "generate"}});

    let answer = sandbox.admin_post("/merchants", &asked);

    answer.assert_status(201);
    let shown = answer.json();
    let shop = Shop::from_shown(&shown);
    let pem = shown["credentials"]["keys"]["signing"]["private"].as_str().expect("a private key");
    let own = PrivateKey::read(pem).expect("a readable key");
    assert_eq!(own.public().bits(), 4096);
    let message = shop.page("A1").header("accept", "application/json");
    let with_demo_key = message.sealed().send(&sandbox);
    let payload = message.all_claims().to_string();
    let header = message.jws_header.as_object().expect("an object");
    let inner = jose::sign(&own, SignatureAlgorithm::Ps256, header, payload.as_bytes());
    let with_own_key = message.around(&inner).send(&sandbox);
    with_demo_key.assert_status(400);
    with_own_key.assert_status(200);
}

#[test]
fn a_sealed_answer_without_a_key_to_seal_it_to_is_refused_and_nothing_happens() {
    let sandbox = Sandbox::start();
    let asked = json!({"provider": "paco", "id": "half", "credentials": {"keys": {
        "signing_public_key": key("merchant-signing").public().to_pem()}}});
    let shop = Shop::asking(&sandbox, &asked);

    for request in [shop.payment("A1").sealed(), shop.payment("A1").plain()] {
        let answer = request.header("accept", "application/jose").send(&sandbox);

        answer.assert_status(400);
        assert_eq!(
            answer.text(),
            r#"{"message":"No encryption key is available for the response"}"#
        );
        let explanation = sandbox.explanation(&answer.exchange());
        assert_eq!(explanation["verdict"], "refused", "{explanation}");
        let reason = explanation["reason"].as_str().unwrap_or_default();
        assert!(reason.contains("encryption public key"), "{explanation}");
    }
    shop.inquiry("A1").send(&sandbox).assert_status(400);
    let plain = shop.payment("A1").sealed().header("accept", "application/json").send(&sandbox);
    assert_eq!(code(&plain.json()), "PC-B050000");
}

#[test]
fn nothing_that_could_pay_is_ever_in_the_data_folder() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sandbox = Sandbox::with(|builder| builder.data_dir(folder.path()));
    let shop = Shop::new(&sandbox, "shop");

    let answers = every_way_to_send_a_card(&sandbox, &shop);

    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert!(statuses.contains(&200) && statuses.contains(&400) && statuses.contains(&401));
    assert_eq!(shop.state(&sandbox, "sealed"), "A/PA");
    for answer in &answers {
        // An explanation works on what was kept, and must not bring anything back either.
        let shown = sandbox.admin_get(&format!("/exchanges/{}", answer.exchange())).text();
        assert_eq!(card_data_in(shown.as_bytes()), None, "{shown}");
        let explained = sandbox.explanation(&answer.exchange()).to_string();
        assert_eq!(card_data_in(explained.as_bytes()), None, "{explained}");
    }
    assert_folder_is_clean(folder.path());
    drop(sandbox);
    assert_folder_is_clean(folder.path());
}

#[test]
fn a_masked_exchange_keeps_what_explains_it() {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");

    let message = with_card(&shop, "A1");
    let sealed = message.sealed().send(&sandbox);
    let plain = with_card(&shop, "A2").plain().send(&sandbox);
    let signed = message.signed();
    let (two_parts, _) = signed.rsplit_once('.').expect("three parts");
    let broken = message.around(two_parts).send(&sandbox);
    let percent_encoded = message.with_body(signed.replace('.', "%2E")).send(&sandbox);

    let shown = sandbox.admin_get(&format!("/exchanges/{}", sealed.exchange())).json();
    let note = shown["request_note"].as_str().unwrap_or_default();
    assert!(note.starts_with("masked: the sealed body of "), "{shown}");
    assert!(note.contains("SHA-256 "), "{shown}");
    let card = &shown["opened_request"]["creditCardDetails"];
    assert_eq!(card["cardNumber"], "401200XXXXXX1112");
    assert_eq!(card["cvvCode"], "***");
    assert_eq!(shown["opened_request"]["orderNo"], "A1");
    let shown = sandbox.admin_get(&format!("/exchanges/{}", plain.exchange())).json();
    let kept = shown["request_body"]["text"].as_str().unwrap_or_default();
    assert!(kept.contains("401200XXXXXX1112") && kept.contains("\"***\""), "{kept}");
    for answer in [sealed, broken, percent_encoded] {
        let shown = sandbox.admin_get(&format!("/exchanges/{}", answer.exchange())).json();
        let note = shown["request_note"].as_str().unwrap_or_default();
        assert!(note.starts_with("masked: the sealed body"), "{shown}");
        let kept = shown["request_body"]["text"].as_str().unwrap_or_default();
        assert!(kept.starts_with("eyJ") && kept.len() < 200, "{kept}");
    }
}

#[test]
fn published_test_cards_and_messages_without_cards_are_kept_whole() {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");
    let page = shop.page("4012001037141112").sealed();

    let answer = page.send(&sandbox);

    let shown = sandbox.admin_get(&format!("/exchanges/{}", answer.exchange())).json();
    assert_eq!(shown["request_note"], Value::Null);
    assert_eq!(shown["request_body"]["text"].as_str().map(str::as_bytes), Some(&page.body[..]));
    assert_eq!(shown["answer_body"]["text"].as_str().map(str::as_bytes), Some(&answer.body[..]));
}

#[test]
fn basic_passwords_are_not_kept() {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");
    let secret = STANDARD.encode(format!("{}:{}", shop.user, shop.password));

    let answer =
        shop.inquiry("A1").header("authorization", &format!("Basic {secret}")).send(&sandbox);

    let shown = sandbox.admin_get(&format!("/exchanges/{}", answer.exchange())).text();
    assert!(shown.contains("Basic ***"), "{shown}");
    assert!(!shown.contains(&secret), "{shown}");
}

/// A card payment that must leave no trace of its card: right, and wrong in many ways.
fn every_way_to_send_a_card(sandbox: &Sandbox, shop: &Shop) -> Vec<Answer> {
    let message = |order: &str| with_card(shop, order);
    let of = |order: &str| message(order).request;
    let claims = message("x").all_claims().to_string();
    let signed = message("x").signed();
    let mut to_signing_key = message("x");
    to_signing_key.encrypted_to = "paco-uat-signing";
    let mut to_itself = message("x");
    to_itself.encrypted_to = "merchant-encryption";
    let sealed = message("x").encrypted(signed.as_bytes());
    let bare = message("x");
    let two_parts = signed.rsplit_once('.').map(|(head, _)| head.to_owned()).unwrap_or_default();
    let numbers = of("numbers").to_string().replace(&format!("\"{CVV}\""), CVV);
    let grouped = of("grouped").to_string().replace(UNPUBLISHED, "4012 0010 3714 1112");
    let cut = of("cut").to_string();
    let cut = &cut[..cut.len() - 1];
    let json = |body: &str| bare.with_body(body).header("content-type", "application/json");
    let strange = format!("cardNumber={UNPUBLISHED}&cvvCode={CVV}&orderNo=1");
    let nobody = "0".repeat(32);
    let requests = vec![
        message("sealed").sealed(),
        message("plain").plain(),
        message("declined").member("officeId", "ELSEWHERE").sealed(),
        message("page").to("/api/2.0/Payment/prePaymentUi").sealed(),
        message("fields").member("orderNo", Value::Null).sealed(),
        message("token").sealed().header("token", &nobody),
        message("token").plain().header("token", &nobody),
        message("nowhere").plain(),
        message("nowhere").to("/api/9.9/Payment/nonUi").plain(),
        message("nowhere").to("/api/9.9/Payment/nonUi").sealed(),
        message("kid").jwe("kid", "x").sealed(),
        message("claims").claim("aud", "x").sealed(),
        to_signing_key.sealed(),
        to_itself.sealed(),
        bare.with_body(signed.clone()),
        bare.with_body(format!("\"{signed}\"")),
        bare.with_body(two_parts.clone()),
        bare.with_body(two_parts.replace('.', "%2E")),
        bare.with_body(signed.replace('.', "%2E")),
        bare.around(&two_parts),
        bare.with_body(STANDARD.encode(of("base64").to_string())),
        bare.with_body(URL_SAFE_NO_PAD.encode(of("base64").to_string())),
        bare.around(&claims),
        bare.with_body(format!("\"{sealed}\"")),
        bare.with_body(claims.clone()),
        json(cut),
        json(&numbers),
        json(&grouped),
        json(&strange),
        json(&claims),
        bare.with_body(strange.clone()).header("content-type", "application/x-www-form-urlencoded"),
        json(&format!("[{}]", of("array"))),
        message("listed").claim("request", json!([of("listed")])).sealed(),
        message("quoted").claim("request", of("quoted").to_string()).sealed(),
        message("nested").member("creditCardDetails", card(&of("nested")).to_string()).sealed(),
        message("nested").member("creditCardDetails", card(&of("nested")).to_string()).plain(),
        message("many").member("creditCardDetails", json!({"cardNumber": [UNPUBLISHED]})).plain(),
        message("odd")
            .member("creditCardDetails", json!({"card_no": UNPUBLISHED, "cvv_code": CVV}))
            .plain(),
        message("zip").jwe("zip", "DEF").sealed(),
        bare.around(&message("x").encrypted(sealed.as_bytes())),
        bare.with_body(with_changed_tag(&sealed)),
        json(&json!({"payload": sealed}).to_string()),
        json(&json!({"payload": signed}).to_string()),
        shop.inquiry("1").header("x-card-number", UNPUBLISHED),
        message("query")
            .to(&format!("/api/2.0/Void?cardNumber={UNPUBLISHED}&cvvCode={CVV}"))
            .plain(),
    ];
    requests.iter().map(|request| request.send(sandbox)).collect()
}

/// The card of a request.
fn card(request: &Value) -> Value {
    request["creditCardDetails"].clone()
}

fn with_changed_tag(token: &str) -> String {
    let (head, tag) = token.rsplit_once('.').expect("five parts");
    let first = if tag.starts_with('A') { 'B' } else { 'A' };
    format!("{head}.{first}{}", &tag[1..])
}

fn with_card(shop: &Shop, order: &str) -> crate::shop::Message {
    let mut message = shop.payment(order);
    message.request["creditCardDetails"]["cardNumber"] = json!(UNPUBLISHED);
    message.request["creditCardDetails"]["cvvCode"] = json!(CVV);
    message
}

#[track_caller]
fn assert_folder_is_clean(folder: &Path) {
    let mut seen = 0;
    for entry in fs::read_dir(folder).expect("the data folder") {
        let path = entry.expect("an entry").path();
        let bytes = match fs::read(&path) {
            // The write-ahead log goes when the last connection closes.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            read => read.expect("a readable file"),
        };
        seen += bytes.len();
        assert_eq!(card_data_in(&bytes), None, "in {}", path.display());
    }
    assert!(seen > 10_000, "there are {seen} bytes only: was anything kept?");
}

/// The card number, or the security code where a code would stand, plain or in base64.
fn card_data_in(bytes: &[u8]) -> Option<String> {
    let mut patterns = vec![UNPUBLISHED.to_owned(), "4012 0010 3714 1112".to_owned()];
    for opening in ["\"", "\\\"", ":", "="] {
        patterns.push(format!("{opening}{CVV}"));
    }
    // A text in base64 looks in one of three ways, by what stands before it.
    for before in 0..3 {
        let encoded = STANDARD_NO_PAD.encode(format!("{}{UNPUBLISHED}", &"xx"[..before.min(2)]));
        let (start, end) = ([0, 2, 3][before], encoded.len() - 2);
        patterns.push(encoded[start..end].to_owned());
    }
    patterns
        .into_iter()
        .find(|pattern| bytes.windows(pattern.len()).any(|window| window == pattern.as_bytes()))
}

fn upload(sandbox: &Sandbox, id: &str, signing: &Value, settings: &Value) -> Answer {
    let asked = json!({
        "provider": "paco",
        "id": id,
        "settings": settings,
        "credentials": {"keys": {
            "signing_public_key": signing,
            "encryption_public_key": key("merchant-encryption").public().to_pem(),
        }},
    });
    sandbox.admin_post("/merchants", &asked)
}

fn openssl_pair(name: &'static str) -> PKey<Private> {
    PKey::private_key_from_pkcs8(key(name).pkcs8_der()).expect("a key that OpenSSL reads")
}

fn certificate(pair: &PKey<Private>) -> String {
    let mut name = X509NameBuilder::new().expect("a name");
    name.append_entry_by_text("CN", "shop.test").expect("a name");
    let name = name.build();
    let mut certificate = X509Builder::new().expect("a certificate");
    certificate.set_subject_name(&name).expect("a name");
    certificate.set_issuer_name(&name).expect("a name");
    certificate.set_pubkey(pair).expect("a key");
    certificate.set_not_before(&Asn1Time::days_from_now(0).expect("a day")).expect("a day");
    certificate.set_not_after(&Asn1Time::days_from_now(1).expect("a day")).expect("a day");
    certificate.sign(pair, MessageDigest::sha256()).expect("a signature");
    String::from_utf8(certificate.build().to_pem().expect("PEM")).expect("PEM is text")
}
