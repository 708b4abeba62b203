//! Keys at upload: each damage that keys take in environment variables, forms and editors is either
//! mended and told, or refused by its name with the repair. PACO's portal says neither.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use serde_json::{Value, json};

use crate::harness::{Answer, Sandbox};
use crate::shop::{Shop, key};

#[test]
fn a_key_whose_text_every_tolerant_reader_takes_is_mended_and_the_mending_is_told() {
    let sandbox = Sandbox::start();
    let pem = public_pem();
    let body = bare_body(&pem);
    let begin = "-----BEGIN PUBLIC KEY-----";
    let end = "-----END PUBLIC KEY-----";

    for (id, uploaded, told) in [
        ("crlf", pem.replace('\n', "\r\n"), "its lines ended in CR LF"),
        ("no-break-at-end", pem.replace("\n-----END", "-----END"), "break before its END line"),
        (
            "no-break-at-begin",
            pem.replace("KEY-----\nM", "KEY-----M"),
            "break behind its BEGIN line",
        ),
        ("one-line", pem.replace('\n', " "), "line breaks were missing"),
        ("one-line-packed", format!("{begin}{body}{end}"), "line breaks were missing"),
        ("bom", format!("\u{feff}{pem}"), "byte order mark"),
        ("rsa-label", pem.replace("PUBLIC", "RSA PUBLIC"), "under the label RSA PUBLIC KEY"),
        (
            "pkcs1-label",
            pkcs1_pem().replace("RSA PUBLIC", "PUBLIC"),
            "PKCS#1 stood under the label PUBLIC KEY",
        ),
        ("two", format!("{pem}{pem}"), "the first was taken"),
    ] {
        let answer = upload(&sandbox, id, &json!(uploaded));

        answer.assert_status(201);
        let stored = answer.json()["credentials"]["keys"]["signing"].clone();
        assert_eq!(stored["public"], pem, "{id}");
        let note = stored["note"].as_str().unwrap_or_default();
        assert!(note.contains(told), "{id}: {note}");
        assert!(note.contains("portal wants X.509 SubjectPublicKeyInfo"), "{id}: {note}");
        Shop::from_shown(&answer.json()).pays(&sandbox, "A1");
    }
}

#[test]
fn missing_padding_is_mended_and_told() {
    let sandbox = Sandbox::start();
    // The demo keys need no padding as SPKI; as PKCS#1 they do.
    let der = pair().rsa().and_then(|rsa| rsa.public_key_to_der_pkcs1()).expect("DER");
    let padded = STANDARD.encode(der);
    assert!(padded.ends_with('='), "{padded}");

    let answer = upload(&sandbox, "unpadded", &json!(padded.trim_end_matches('=')));

    answer.assert_status(201);
    let note = answer.json()["credentials"]["keys"]["signing"]["note"].to_string();
    assert!(note.contains("padding at its end was missing"), "{note}");
    assert!(note.contains("converted from PKCS#1"), "{note}");
}

#[test]
fn the_forms_in_which_2c2p_and_openssl_hand_keys_out_have_no_note() {
    let sandbox = Sandbox::start();
    let pem = public_pem();
    let broken_into_lines: String = pem
        .lines()
        .filter(|line| !line.starts_with('-'))
        .fold(String::new(), |text, line| text + line + "\n");

    for (id, uploaded) in [
        ("pem", pem.clone()),
        ("bare", bare_body(&pem)),
        ("lines", broken_into_lines),
        ("blank-around", format!("\n  {pem}\n\n")),
    ] {
        let answer = upload(&sandbox, id, &json!(uploaded));

        answer.assert_status(201);
        let stored = answer.json()["credentials"]["keys"]["signing"].clone();
        assert_eq!(stored.get("note"), None, "{id}: {stored}");
    }
}

#[test]
fn a_damaged_key_is_refused_by_the_name_of_its_damage_and_with_the_repair() {
    let sandbox = Sandbox::start();
    let pem = public_pem();
    let body = bare_body(&pem);
    let der = pair().public_key_to_der().expect("DER");
    let longer = [der.as_slice(), b"trailing"].concat();
    let url_safe = URL_SAFE.encode(&der);
    assert!(body.contains('+') && url_safe.contains(['-', '_']), "the demo key shows it");

    for (damage, repair, uploaded) in [
        ("the two characters \\n", "real line breaks", pem.replace('\n', "\\n")),
        ("the two characters \\n", "real line breaks", pem.replace('\n', "\\r\\n")),
        ("wrapped in quotes", "remove the quotes", format!("\"{pem}\"")),
        ("wrapped in quotes", "remove the quotes", format!("'{body}'")),
        ("percent-encoded", "decode it first", body.replace('+', "%2B").replace('/', "%2F")),
        ("blanks where + belongs", "put the + back", body.replace('+', " ")),
        ("base64url", "replace - by +", url_safe),
        ("END PUBLIC KEY----- is missing", "last line whole", pem[..pem.len() / 2].to_owned()),
        (
            "first line, -----BEGIN",
            "last line whole",
            pem.replace("-----BEGIN PUBLIC KEY-----", ""),
        ),
        ("not five dashes", "last line whole", pem.replace("-----", "----")),
        ("not closed by five dashes", "last line whole", pem.replacen("KEY-----", "KEY", 1)),
        (
            "its last line \"RSA PUBLIC KEY\"",
            "last line whole",
            pem.replace("END PUBLIC", "END RSA PUBLIC"),
        ),
        ("cut off: its DER says 550 bytes", "whole", body[..400].to_owned()),
        ("cut off: its DER says 550 bytes", "whole", cut_lines(&pem)),
        ("8 bytes stand behind the end", "nothing else with it", STANDARD.encode(longer)),
        ("base64 of a whole PEM file", "decode it once", STANDARD.encode(&pem)),
        ("base64 of base64", "decode it once", STANDARD.encode(&body)),
        ("does not begin as DER does", "PEM, base64 DER or JWK", STANDARD.encode("no key")),
        ("base64 is broken", "unaltered", body.replacen('M', "*", 1)),
        ("the form of OpenSSH", "ssh-keygen", "ssh-rsa AAAAB3NzaC1yc2E= me@shop".to_owned()),
        ("the name of a file", "what is in the file", "keys/signing.public.pem".to_owned()),
        ("a certificate request", "openssl req", pem.replace("PUBLIC KEY", "CERTIFICATE REQUEST")),
        (
            "the key is empty",
            "PEM, base64 DER or JWK",
            "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----".to_owned(),
        ),
    ] {
        assert_refused(&upload(&sandbox, "damaged", &json!(uploaded)), damage, repair);
    }
}

#[test]
fn a_private_key_is_recognized_through_every_damage_and_not_quoted() {
    let sandbox = Sandbox::start();
    let private = text(pair().private_key_to_pem_pkcs8());
    let pkcs1 = text(pair().rsa().and_then(|rsa| rsa.private_key_to_pem()));
    let mislabelled = private.replace("PRIVATE", "RSA PRIVATE");
    let der = pair().private_key_to_pkcs8().expect("DER");
    let jwk = json!({"kty": "RSA", "n": "AQAB", "e": "AQAB", "d": "AQAB"});

    for (what, uploaded) in [
        ("this is a private key;", json!(private)),
        ("this is a private key;", json!(pkcs1)),
        ("PKCS#8 under the label RSA PRIVATE KEY", json!(mislabelled)),
        ("PKCS#8 under the label RSA PRIVATE KEY", json!(mislabelled.replace('\n', "\\n"))),
        ("this is a private key;", json!(format!("\"{}\"", private.replace('\n', "\\n")))),
        ("this is a private key;", json!(STANDARD.encode(&private))),
        ("this is a private key;", json!(STANDARD.encode(&der))),
        ("under the label of a public one", json!(private.replace("PRIVATE", "PUBLIC"))),
        ("an encrypted private key", json!(private.replace("PRIVATE", "ENCRYPTED PRIVATE"))),
        ("the JWK of a private key", jwk),
    ] {
        let answer = upload(&sandbox, "private", &uploaded);

        assert_refused(&answer, what, "treat the private key as disclosed");
        let secret = bare_body(&private);
        assert!(!answer.text().contains(&secret[200..260]), "{}", answer.text());
    }
}

#[test]
fn a_key_of_another_kind_or_of_somebody_else_is_refused_with_what_it_is() {
    let sandbox = Sandbox::start();
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
    let ec = PKey::from_ec_key(EcKey::generate(&curve).expect("a key")).expect("a key");
    let edwards = PKey::generate_ed25519().expect("a key");
    let short = PKey::from_rsa(Rsa::generate(1024).expect("a key")).expect("a key");
    let paco = |name: &'static str| key(name).public().to_pem();

    for (what, repair, uploaded) in [
        ("an elliptic-curve key", "RSA keys only", text(ec.public_key_to_pem())),
        ("an Edwards-curve key", "RSA keys only", text(edwards.public_key_to_pem())),
        ("1024 bits, at least 4096", "openssl genrsa 4096", text(short.public_key_to_pem())),
        ("PACO's own UAT signing key", "a pair that the merchant made", paco("paco-uat-signing")),
        ("PACO's own PRD encryption key", "a pair", paco("paco-prd-encryption")),
    ] {
        assert_refused(&upload(&sandbox, "another", &json!(uploaded)), what, repair);
    }
}

#[test]
fn a_key_where_the_two_keys_belong_is_refused_and_not_repeated() {
    let sandbox = Sandbox::start();
    let private = text(pair().private_key_to_pem_pkcs8());
    let asked = json!({"provider": "paco", "credentials": {"keys": private}});

    let answer = sandbox.admin_post("/merchants", &asked);

    answer.assert_status(400);
    let said = answer.text();
    assert!(said.contains("credentials.keys") && said.contains("signing_public_key"), "{said}");
    assert!(!said.contains(&bare_body(&private)[200..260]), "{said}");
}

#[track_caller]
fn assert_refused(answer: &Answer, damage: &str, repair: &str) {
    answer.assert_status(400);
    let problem = answer.json();
    let said = problem.to_string().replace("\\\\", "\\").replace("\\\"", "\"");
    for wanted in [damage, repair, "credentials.keys.signing_public_key"] {
        assert!(said.contains(wanted), "\"{wanted}\" is not in {said}");
    }
}

fn upload(sandbox: &Sandbox, id: &str, signing: &Value) -> Answer {
    let keys = json!({
        "signing_public_key": signing,
        "encryption_public_key": key("merchant-encryption").public().to_pem(),
    });
    let asked = json!({"provider": "paco", "id": id, "credentials": {"keys": keys}});
    sandbox.admin_post("/merchants", &asked)
}

fn pair() -> PKey<Private> {
    PKey::private_key_from_pkcs8(key("merchant-signing").pkcs8_der()).expect("a key")
}

fn public_pem() -> String {
    text(pair().public_key_to_pem())
}

fn pkcs1_pem() -> String {
    text(pair().rsa().and_then(|rsa| rsa.public_key_to_pem_pkcs1()))
}

fn text(pem: Result<Vec<u8>, openssl::error::ErrorStack>) -> String {
    String::from_utf8(pem.expect("a key has its PEM")).expect("PEM is text")
}

fn bare_body(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

/// PEM whose middle lines were lost, its first and last line whole.
fn cut_lines(pem: &str) -> String {
    let lines: Vec<&str> = pem.lines().collect();
    let mut kept = lines[..4].to_vec();
    kept.extend(lines.last());
    kept.join("\n")
}
