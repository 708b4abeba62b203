//! The usual mistakes of PACO integrations, each made on purpose: the explanation names it, shows
//! what gave it away, and never names one that was not made.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use sandgate::crypto::jose::{KeyWrapping, SignatureAlgorithm};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::harness::{Answer, Sandbox, start_instant};
use crate::shop::{KID_PRD, KID_UAT, Message, Shop, amount, key, page};

#[test]
fn a_wrong_issuer_is_named_with_what_stands_in_its_place() {
    let (sandbox, shop) = shop();
    let stranger = "0".repeat(32);

    for (issuer, evidence) in [
        (json!("PacoIssuer"), "PacoIssuer is the issuer of answers"),
        (json!(stranger), stranger.as_str()),
        (Value::Null, "iss is missing"),
        (json!(7), "no string"),
    ] {
        let answer = order(&shop).claim("iss", issuer).sealed().send(&sandbox);

        assert_named(&sandbox, &answer, "paco.issuer", &[("paco.wrong_issuer", evidence)]);
    }
}

#[test]
fn a_wrong_audience_is_named_with_what_stands_in_its_place() {
    let (sandbox, shop) = shop();

    for (audience, evidence) in [
        (json!("pacoaudience"), "upper and lower case only"),
        (json!("PacoIssuer"), "PacoIssuer is the issuer of answers"),
        (json!(shop.token), "aud holds the access token"),
        (json!("somebody"), "aud is \"somebody\""),
        (Value::Null, "aud is missing"),
    ] {
        let answer = order(&shop).claim("aud", audience).sealed().send(&sandbox);

        assert_named(&sandbox, &answer, "paco.audience", &[("paco.wrong_audience", evidence)]);
    }
}

#[test]
fn encryption_to_the_provider_s_signing_key_is_named() {
    let (sandbox, shop) = shop();
    let mut message = order(&shop);
    message.encrypted_to = "paco-uat-signing";

    let answer = message.sealed().send(&sandbox);

    assert_named(
        &sandbox,
        &answer,
        "paco.decryption",
        &[("paco.encrypted_to_signing_key", "PACO's UAT signing key opens it")],
    );
}

#[test]
fn a_signature_by_the_merchant_s_encryption_key_is_named() {
    let (sandbox, shop) = shop();
    let mut message = order(&shop);
    message.signed_with = "merchant-encryption";

    let answer = message.sealed().send(&sandbox);

    let key_id = key("merchant-encryption").public().id();
    assert_named(
        &sandbox,
        &answer,
        "paco.signature",
        &[("paco.signed_with_encryption_key", &key_id)],
    );
}

#[test]
fn environments_that_are_mixed_up_are_named_by_key_by_kid_and_by_both() {
    let (sandbox, shop) = shop();
    let with_key = |mut message: Message| {
        message.encrypted_to = "paco-prd-encryption";
        message
    };

    for (message, check, evidence) in [
        (
            with_key(order(&shop)).jwe("kid", KID_PRD),
            "paco.kid",
            "key and kid are both those of PRD; this is UAT",
        ),
        (
            with_key(order(&shop)),
            "paco.decryption",
            "the message is encrypted to the PRD key; this is UAT",
        ),
        (
            order(&shop).jwe("kid", KID_PRD),
            "paco.kid",
            "kid is that of PRD, while the key is that of UAT",
        ),
    ] {
        let answer = message.sealed().send(&sandbox);

        assert_named(&sandbox, &answer, check, &[("paco.environments_mixed_up", evidence)]);
    }
}

#[test]
fn a_missing_kid_is_named_with_the_right_one() {
    let (sandbox, shop) = shop();

    for kid in [Value::Null, json!("")] {
        let answer = order(&shop).jwe("kid", kid).sealed().send(&sandbox);

        assert_named(&sandbox, &answer, "paco.kid", &[("paco.kid_missing", KID_UAT)]);
    }
}

#[test]
fn a_kid_of_the_example_or_written_otherwise_is_named_with_the_right_one() {
    let (sandbox, shop) = shop();
    let dashed = "7664a2ed-0dee-4879-bdfc-a0e8ce1ac313";

    for (kid, mistake) in [
        ("6b21b61a256a422dbf195925e12db6e9", "paco.kid_of_the_example"),
        (&KID_UAT.to_ascii_uppercase(), "paco.kid_misspelt"),
        (dashed, "paco.kid_misspelt"),
        (&format!(" {KID_UAT}"), "paco.kid_misspelt"),
    ] {
        let answer = order(&shop).jwe("kid", kid).sealed().send(&sandbox);

        assert_named(&sandbox, &answer, "paco.kid", &[(mistake, KID_UAT)]);
    }
}

#[test]
fn encryption_to_the_merchant_s_own_key_is_named_with_its_role() {
    let (sandbox, shop) = shop();

    for (key, evidence) in [
        ("merchant-encryption", "the merchant's own encryption key opens it"),
        ("merchant-signing", "the merchant's own signing key opens it"),
    ] {
        let mut message = order(&shop);
        message.encrypted_to = key;

        let answer = message.sealed().send(&sandbox);

        let mistakes = [("paco.encrypted_to_own_key", evidence)];
        assert_named(&sandbox, &answer, "paco.decryption", &mistakes);
    }
}

#[test]
fn the_demo_key_of_a_merchant_with_keys_of_its_own_is_named() {
    let sandbox = Sandbox::start();
    let own = |name: &'static str| key(name).public().to_pem();
    let asked = json!({"provider": "paco", "id": "own", "credentials": {"keys": {
        // Any pair but the demo merchant's signing pair will do.
        "signing_public_key": own("merchant-encryption")}}});
    let shop = Shop::asking(&sandbox, &asked);

    let answer = order(&shop).sealed().send(&sandbox);

    let id = key("merchant-encryption").public().id();
    let mistakes = [("paco.signed_with_demo_key", id.as_str())];
    assert_named(&sandbox, &answer, "paco.signature", &mistakes);
}

#[test]
fn layers_that_are_missing_or_in_the_wrong_order_are_named() {
    let (sandbox, shop) = shop();
    let message = order(&shop);
    let claims = message.all_claims().to_string();
    let encrypted_first = message.signed_payload(message.encrypted(claims.as_bytes()).as_bytes());

    for (request, check, mistake, evidence) in [
        (
            message.with_body(encrypted_first),
            "paco.jwe",
            "paco.layers_in_wrong_order",
            "a JWS with a JWE inside",
        ),
        (message.with_body(message.signed()), "paco.jwe", "paco.encryption_missing", "three parts"),
        (message.around(&claims), "paco.jws", "paco.signature_missing", "bare claims"),
    ] {
        let answer = request.send(&sandbox);

        assert_named(&sandbox, &answer, check, &[(mistake, evidence)]);
    }
}

#[test]
fn a_layer_that_is_there_twice_or_in_the_wrong_serialization_is_named() {
    let (sandbox, shop) = shop();
    let message = order(&shop);
    let signed = message.signed();
    let parts: Vec<&str> = signed.split('.').collect();
    let jws_json =
        json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]}).to_string();
    let sealed = message.encrypted(signed.as_bytes());
    let parts: Vec<&str> = sealed.split('.').collect();
    let jwe_json = json!({"protected": parts[0], "encrypted_key": parts[1], "iv": parts[2],
        "ciphertext": parts[3], "tag": parts[4]});
    let twice_signed = message.signed_payload(signed.as_bytes());

    for (request, check, mistake, evidence) in [
        (message.around(&sealed), "paco.jws", "paco.layer_twice", "is a JWE again"),
        (message.around(&twice_signed), "paco.claims", "paco.layer_twice", "is a JWS again"),
        (
            message.with_body(jwe_json.to_string()),
            "paco.jwe",
            "paco.json_serialization",
            "the body is a JWE as a JSON object",
        ),
        (
            message.around(&jws_json),
            "paco.jws",
            "paco.json_serialization",
            "inside the JWE is a JWS as a JSON object",
        ),
        (
            message.around(&format!("\"{signed}\"")),
            "paco.jws",
            "paco.damaged_inner_token",
            "it is wrapped in quotes",
        ),
        (
            message.around(&format!("{signed}\n")),
            "paco.jws",
            "paco.damaged_inner_token",
            "white space around it",
        ),
    ] {
        let answer = request.send(&sandbox);

        assert_named(&sandbox, &answer, check, &[(mistake, evidence)]);
    }
}

#[test]
fn other_key_encryptions_are_named_even_under_a_lying_header() {
    let (sandbox, shop) = shop();

    for (wrapping, header, check, evidence) in [
        (KeyWrapping::RsaOaep256, "RSA-OAEP-256", "paco.jwe_alg", "alg is RSA-OAEP-256"),
        (KeyWrapping::Rsa1_5, "RSA1_5", "paco.jwe_alg", "alg is RSA1_5"),
        (KeyWrapping::RsaOaep256, "RSA-OAEP", "paco.decryption", "wrapped with RSA-OAEP-256"),
        (KeyWrapping::Rsa1_5, "RSA-OAEP", "paco.decryption", "wrapped with RSA1_5"),
    ] {
        let mut message = order(&shop).jwe("alg", header);
        message.wrapping = wrapping;

        let answer = message.sealed().send(&sandbox);

        assert_named(&sandbox, &answer, check, &[("paco.wrong_key_encryption", evidence)]);
    }
}

#[test]
fn a_shared_secret_is_named_and_so_is_the_secret_if_it_is_a_known_one() {
    let (sandbox, shop) = shop();
    let public_pem = key("merchant-signing").public().to_pem();

    for (secret, evidence) in [
        (shop.token.clone(), "the secret is the access token"),
        (shop.password.clone(), "the secret is the Basic password"),
        (public_pem.clone(), "the secret is the signing public key's PEM"),
        (public_pem.trim_end().to_owned(), "without its last line break"),
        ("somebody's guess".to_owned(), "PACO takes RS and PS algorithms only"),
    ] {
        let message = order(&shop).jws("alg", "HS256");

        let answer = message.around(&hs256(&message, &secret)).send(&sandbox);

        assert_named(&sandbox, &answer, "paco.jws_alg", &[("paco.hmac_signature", evidence)]);
    }
}

#[test]
fn a_request_of_the_other_product_is_named_by_its_token_and_by_its_members() {
    let (sandbox, shop) = shop();
    let mut v4 = order(&shop).jws("alg", "HS256");
    v4.claims = json!({});
    let names = json!({"merchantID": "JT01", "invoiceNo": "A1", "description": "Tour",
        "amount": "125.50", "currencyCode": "NPR"});
    let payload = URL_SAFE_NO_PAD.encode(names.to_string());
    let token = format!("{}.{payload}.{}", URL_SAFE_NO_PAD.encode("{\"alg\":\"HS256\"}"), "AAAA");
    let in_json = v4.with_body(json!({"payload": token}).to_string());
    let in_json = in_json.header("content-type", "application/json");

    let alone = v4.with_body(token).send(&sandbox);
    let wrapped = in_json.send(&sandbox);
    let mut message = order(&shop);
    message.request = names;
    let names_only = message.sealed().send(&sandbox);

    let told = "invoiceNo (here: orderNo)";
    let hmac = ("paco.hmac_signature", "alg is HS256");
    let token = ("paco.v4_token", "a JWE with an RSA-signed JWS inside");
    assert_named(&sandbox, &alone, "paco.jwe", &[token, ("paco.v4_names", told), hmac]);
    let in_payload = ("paco.jose_wrapped_in_json", "the member \"payload\"");
    assert_named(&sandbox, &wrapped, "paco.fields", &[in_payload, token]);
    assert_named(&sandbox, &names_only, "paco.fields", &[("paco.v4_names", told)]);
}

#[test]
fn a_single_hs256_token_is_named_as_the_other_product_s() {
    let (sandbox, shop) = shop();
    let message = order(&shop).jws("alg", "HS256");

    let answer = message.with_body(hs256(&message, &shop.token)).send(&sandbox);

    assert_named(
        &sandbox,
        &answer,
        "paco.jwe",
        &[
            ("paco.v4_token", "a JWE with an RSA-signed JWS inside"),
            ("paco.hmac_signature", "the secret is the access token"),
        ],
    );
}

#[test]
fn alg_none_is_named() {
    let (sandbox, shop) = shop();
    let message = order(&shop).jws("alg", "none");
    let unsigned = format!("{}.", signing_input(&message));

    let answer = message.around(&unsigned).send(&sandbox);

    assert_named(&sandbox, &answer, "paco.jws_alg", &[("paco.alg_none", "sign with PS256")]);
}

#[test]
fn times_in_a_finer_unit_are_named_with_the_instant_that_they_mean() {
    let (sandbox, shop) = shop();
    let second = start_instant().as_second();
    let finer = |factor: i64| {
        let message = order(&shop).claim("iat", second * factor).claim("nbf", second * factor);
        message.claim("exp", (second + 3600) * factor)
    };
    let only_exp = order(&shop).claim("exp", (second + 3600) * 1000);

    for (message, check, evidence) in [
        (finer(1000), "paco.not_before", "2026-01-01T00:00:00Z when read as milliseconds"),
        (finer(1_000_000), "paco.not_before", "2026-01-01T00:00:00Z when read as microseconds"),
        (only_exp, "paco.expiry", "2026-01-01T01:00:00Z when read as milliseconds"),
    ] {
        let answer = message.sealed().send(&sandbox);

        assert_named(&sandbox, &answer, check, &[("paco.wrong_time_unit", evidence)]);
    }
}

#[test]
fn a_time_as_text_is_named() {
    let (sandbox, shop) = shop();

    let answer = order(&shop).claim("iat", "1767225600").sealed().send(&sandbox);

    assert_named(
        &sandbox,
        &answer,
        "paco.issued_at",
        &[("paco.time_as_text", "iat is the string \"1767225600\"")],
    );
}

#[test]
fn an_expired_and_an_early_message_are_named_with_how_much_they_are_off() {
    let (sandbox, shop) = shop();
    let second = start_instant().as_second();
    let long_ago = order(&shop).issued(-4000).claim("exp", second + 600);

    for (message, check, mistake, evidence) in [
        (order(&shop).issued(-4000), "paco.expiry", "paco.expired", "exp was 6 min 40 s ago"),
        (long_ago, "paco.lifetime", "paco.expired", "issued 1 h 6 min ago"),
        (
            order(&shop).issued(100),
            "paco.not_before",
            "paco.not_yet_valid",
            "nbf is 1 min 40 s ahead of this clock",
        ),
        (
            order(&shop).claim("iat", second + 200),
            "paco.issued_at",
            "paco.not_yet_valid",
            "iat is 3 min 20 s ahead of this clock",
        ),
    ] {
        let answer = message.sealed().send(&sandbox);

        assert_named(&sandbox, &answer, check, &[(mistake, evidence)]);
    }
}

#[test]
fn a_date_that_was_moved_before_it_was_read_is_named_and_nothing_else_with_it() {
    let (sandbox, shop) = shop();
    let moved = start_instant().as_second() + 3600;

    for (message, check, evidence) in [
        (
            order(&shop).claim("nbf", moved).claim("iat", moved).claim("exp", moved),
            "paco.not_before",
            "nbf is exp, 1 h 0 min ahead",
        ),
        (order(&shop).claim("iat", moved), "paco.issued_at", "iat is exp, 1 h 0 min ahead"),
    ] {
        let answer = message.sealed().send(&sandbox);

        assert_named(&sandbox, &answer, check, &[("paco.moved_date", evidence)]);
    }
}

#[test]
fn local_time_taken_for_utc_is_named_with_its_zone() {
    let (sandbox, shop) = shop();
    let nepal = 5 * 3600 + 45 * 60;
    let second = start_instant().as_second();

    let east = order(&shop).issued(nepal).sealed().send(&sandbox);
    let west = order(&shop).issued(-5 * 3600).sealed().send(&sandbox);
    let odd = order(&shop).claim("nbf", second + 4000).sealed().send(&sandbox);

    assert_named(
        &sandbox,
        &east,
        "paco.not_before",
        &[
            ("paco.local_time", "nbf is 5 h 45 min ahead of UTC, a whole zone"),
            ("paco.not_yet_valid", "5 h 45 min ahead"),
        ],
    );
    assert_named(
        &sandbox,
        &west,
        "paco.expiry",
        &[
            ("paco.local_time", "iat is 5 h 0 min behind UTC, a whole zone"),
            ("paco.expired", "exp was 4 h 0 min ago"),
        ],
    );
    assert_named(&sandbox, &odd, "paco.not_before", &[("paco.not_yet_valid", "1 h 6 min ahead")]);
}

#[test]
fn a_payload_that_is_not_wrapped_in_request_is_named() {
    let (sandbox, shop) = shop();
    let message = order(&shop);
    let mut claims = message.claims.clone();
    for (name, value) in page("A1").as_object().expect("an object") {
        claims[name] = value.clone();
    }

    let bare = message.around(&message.signed_payload(claims.to_string().as_bytes()));
    let answer = bare.send(&sandbox);

    assert_named(
        &sandbox,
        &answer,
        "paco.request",
        &[("paco.not_wrapped_in_request", "officeId stands beside iss and aud")],
    );
}

#[test]
fn a_request_that_was_serialized_twice_is_named() {
    let (sandbox, shop) = shop();
    let text = page("A1").to_string();

    let answer = order(&shop).claim("request", text).sealed().send(&sandbox);

    let mistakes = [("paco.request_as_text", "serialized twice")];
    assert_named(&sandbox, &answer, "paco.request", &mistakes);
}

#[test]
fn a_misspelt_typ_is_named_where_something_else_is_wrong_and_only_there() {
    let (sandbox, shop) = shop();
    let misspelt = || order(&shop).jws("typ", Value::Null).jws("type", "JWT");

    let refused = misspelt().claim("aud", "PacoIssuer").sealed().send(&sandbox);
    let accepted = misspelt().sealed().send(&sandbox);

    let mistakes = [
        ("paco.misspelt_typ", "no reason for a refusal"),
        ("paco.wrong_audience", "PacoIssuer is the issuer of answers"),
    ];
    assert_named(&sandbox, &refused, "paco.audience", &mistakes);
    accepted.assert_status(200);
    assert_eq!(named(&sandbox.explanation(&accepted.exchange())), Vec::<&str>::new());
}

#[test]
fn damage_to_the_token_s_text_is_named() {
    let (sandbox, shop) = shop();
    let message = order(&shop);
    let token = message.encrypted(message.signed().as_bytes());
    let in_lines: Vec<&str> =
        token.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();

    for (body, evidence) in [
        (format!("\"{token}\""), "wrapped in quotes"),
        (in_lines.join("\n"), "broken into lines"),
        (in_lines.join("\r\n"), "broken into lines"),
        (format!("{token}\n"), "white space around it"),
        (format!("payload={token}"), "form field"),
        (token.replace('.', "%2E"), "percent-encoded"),
    ] {
        let answer = message.with_body(body).send(&sandbox);

        assert_named(&sandbox, &answer, "paco.jwe", &[("paco.damaged_token_text", evidence)]);
    }
}

#[test]
fn a_media_type_that_does_not_fit_the_body_is_named() {
    let (sandbox, shop) = shop();
    let message = order(&shop);

    let token = message.encrypted(message.signed().as_bytes());
    let sealed_as_json = message.sealed().header("content-type", "application/json");
    let json_as_sealed = message.plain().header("content-type", "application/jose");
    let wrapped = message.with_body(json!({"request": page("A1")}).to_string());
    let wrapped = wrapped.header("content-type", "application/json");

    let in_json = message.with_body(json!({"token": token}).to_string());

    for (request, check, mistake, evidence) in [
        (in_json.clone(), "paco.jwe", "paco.jose_wrapped_in_json", "in the member \"token\""),
        (
            in_json.header("content-type", "application/json"),
            "paco.fields",
            "paco.jose_wrapped_in_json",
            "in the member \"token\"",
        ),
        (sealed_as_json, "paco.request", "paco.jose_sent_as_json", "application/jose"),
        (json_as_sealed, "paco.jwe", "paco.json_sent_as_jose", "sign and encrypt it first"),
        (wrapped, "paco.fields", "paco.request_wrapped_in_json", "the body itself"),
    ] {
        let answer = request.send(&sandbox);

        assert_named(&sandbox, &answer, check, &[(mistake, evidence)]);
    }
}

#[test]
fn a_token_sent_as_a_bearer_token_is_named() {
    let (sandbox, shop) = shop();
    let bearer = format!("Bearer {}", shop.token);

    let request = shop.inquiry("A1").header("apiKey", "").header("authorization", &bearer);
    let answer = request.send(&sandbox);

    assert_named(&sandbox, &answer, "paco.token", &[("paco.bearer_token", "takes the token bare")]);
}

#[test]
fn a_token_that_was_changed_or_put_elsewhere_is_named() {
    let (sandbox, shop) = shop();
    let token = &shop.token;
    let dashed =
        [&token[..8], &token[8..12], &token[12..16], &token[16..20], &token[20..]].join("-");
    let sent = |value: &str| shop.inquiry("A1").header("apiKey", value);
    let mut in_query = sent("");
    in_query.target = format!("{}&apiKey={token}", in_query.target);

    for (request, mistake, evidence) in [
        (sent(&format!("\"{token}\"")), "paco.damaged_access_token", "wrapped in quotes"),
        (sent(&format!("Bearer {token}")), "paco.damaged_access_token", "Bearer in front"),
        (sent(&token.to_ascii_uppercase()), "paco.damaged_access_token", "lower-case hex"),
        (sent(&dashed), "paco.damaged_access_token", "no dashes"),
        (in_query, "paco.token_in_query", "in the query as apiKey"),
    ] {
        let answer = request.send(&sandbox);

        assert_named(&sandbox, &answer, "paco.token", &[(mistake, evidence)]);
    }
}

#[test]
fn sealing_an_inquiry_is_accepted_and_named_all_the_same() {
    let (sandbox, shop) = shop();
    shop.pays(&sandbox, "A1");

    let answer = shop.inquiry("A1").header("content-type", "application/jose").send(&sandbox);

    answer.assert_status(200);
    let explanation = sandbox.explanation(&answer.exchange());
    assert_eq!(explanation["verdict"], "accepted");
    assert_eq!(named(&explanation), ["paco.jose_on_inquiry"], "{explanation}");
}

#[test]
fn a_sealed_message_posted_to_the_inquiry_is_named_although_there_is_no_such_endpoint() {
    let (sandbox, shop) = shop();
    let message = order(&shop).to("/api/2.0/Inquiry/transactionStatus");

    let answer = message.sealed().send(&sandbox);

    answer.assert_status(405);
    let explanation = sandbox.explanation(&answer.exchange());
    assert_eq!(named(&explanation), ["paco.jose_on_inquiry"], "{explanation}");
}

#[test]
fn an_algorithm_other_than_the_header_says_is_named() {
    let (sandbox, shop) = shop();

    for (declared, used) in [
        ("PS256", SignatureAlgorithm::Ps512),
        ("RS256", SignatureAlgorithm::Ps256),
        ("PS256", SignatureAlgorithm::Rs256),
    ] {
        let mut message = order(&shop).jws("alg", declared);
        message.signature = used;

        let answer = message.sealed().send(&sandbox);

        let evidence = format!("the header says {declared}, the signature is {}", used.name());
        let explanation = refused(&sandbox, &answer, "paco.signature");
        let first = &explanation["near_misses"][0];
        assert_eq!(first["id"], "paco.other_algorithm_than_declared", "{explanation}");
        assert_eq!(first["evidence"], evidence, "{explanation}");
    }
}

#[test]
fn a_pkcs1_signature_over_another_text_tells_which_text_was_signed() {
    let (sandbox, shop) = shop();
    let message = order(&shop).signing(SignatureAlgorithm::Rs256);
    let input = signing_input(&message);
    let payload = message.all_claims().to_string();
    let encoded = URL_SAFE_NO_PAD.encode(&payload);

    for (text, evidence) in [
        (payload.as_str(), "with SHA-256 over the payload alone, decoded"),
        (encoded.as_str(), "with SHA-256 over the payload alone, as base64url"),
        ("something else", "made with the right key, but over another text"),
    ] {
        let signature = URL_SAFE_NO_PAD.encode(rs256(text.as_bytes()));

        let answer = message.around(&format!("{input}.{signature}")).send(&sandbox);

        assert_named(&sandbox, &answer, "paco.signature", &[("paco.signed_other_text", evidence)]);
    }
}

#[test]
fn a_mistake_is_named_although_the_card_data_behind_it_was_not_kept() {
    let (sandbox, shop) = shop();

    let answer = shop.payment("A1").claim("iss", "PacoIssuer").sealed().send(&sandbox);

    let evidence = "PacoIssuer is the issuer of answers";
    let explanation =
        assert_named(&sandbox, &answer, "paco.issuer", &[("paco.wrong_issuer", evidence)]);
    let note = explanation["request_note"].as_str().unwrap_or_default();
    assert!(note.starts_with("masked"), "{explanation}");
}

#[test]
fn an_order_number_used_twice_is_named_although_the_card_was_not_kept() {
    let (sandbox, shop) = shop();
    shop.pays(&sandbox, "A1");

    for request in [shop.payment("A1").sealed(), shop.payment("A1").plain()] {
        let answer = request.send(&sandbox);

        let explanation = sandbox.explanation(&answer.exchange());
        assert_eq!(named(&explanation), ["paco.order_no_reused"], "{explanation}");
        let note = explanation["request_note"].as_str().unwrap_or_default();
        assert!(note.starts_with("masked"), "{explanation}");
    }
}

#[test]
fn an_unknown_mistake_stays_unknown() {
    let (sandbox, shop) = shop();
    let message = order(&shop);
    let foreign = {
        let signed = message.signed();
        let (input, _) = signed.rsplit_once('.').expect("three parts");
        format!("{input}.{}", URL_SAFE_NO_PAD.encode([7; 512]))
    };

    for (request, check) in [
        (message.around(&foreign), "paco.signature"),
        (shop.page("A1").member("officeId", Value::Null).sealed(), "paco.fields"),
        (shop.page("A1").jwe("kid", "0".repeat(32)).sealed(), "paco.kid"),
        (shop.page("A1").sealed().header("token", &"0".repeat(32)), "paco.token"),
    ] {
        let answer = request.send(&sandbox);

        let explanation = assert_named(&sandbox, &answer, check, &[]);
        let note = explanation["near_miss_note"].as_str().unwrap_or_default();
        let known = known_mistakes(&sandbox).len();
        let wanted = format!("none of the {known} usual mistakes that are known fits");
        assert!(note.starts_with(&wanted) && note.contains("unknown"), "{explanation}");
    }
}

#[test]
fn right_requests_of_every_kind_are_no_mistakes() {
    let (sandbox, shop) = shop();
    let version_1 = shop.payment("B3").to("/api/1.0/Payment/nonUi");
    let settled = shop.settlement("B1").member("settlementAmount", amount());

    for request in [
        shop.payment("B1").sealed(),
        shop.page("B2").sealed(),
        version_1.signing(SignatureAlgorithm::Rs512).sealed(),
        shop.payment("B4").plain(),
        shop.page("B5").plain().header("accept", "application/json"),
        settled.sealed(),
        shop.void("B4").sealed(),
        shop.inquiry("B1"),
        shop.inquiry("B1").header("content-type", "application/json"),
    ] {
        let answer = request.send(&sandbox);

        answer.assert_status(200);
        let explanation = sandbox.explanation(&answer.exchange());
        assert_eq!(explanation["near_misses"], json!([]), "{explanation}");
    }
}

pub(crate) fn shop() -> (Sandbox, Shop) {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");
    (sandbox, shop)
}

/// Every mistake that the providers look for.
pub(crate) fn known_mistakes(sandbox: &Sandbox) -> Vec<&'static str> {
    let providers = sandbox.emulator.providers();
    let paco = providers.iter().filter(|provider| provider.id() == "paco");
    paco.flat_map(|provider| provider.mistakes()).map(|mistake| mistake.id).collect()
}

fn order(shop: &Shop) -> Message {
    shop.page("A1")
}

fn signing_input(message: &Message) -> String {
    let header = URL_SAFE_NO_PAD.encode(message.jws_header.to_string());
    let payload = URL_SAFE_NO_PAD.encode(message.all_claims().to_string());
    format!("{header}.{payload}")
}

fn hs256(message: &Message, secret: &str) -> String {
    let input = signing_input(message);
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.update(input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn rs256(text: &[u8]) -> Vec<u8> {
    let key = PKey::private_key_from_pkcs8(key("merchant-signing").pkcs8_der()).expect("a key");
    let mut signer = Signer::new(MessageDigest::sha256(), &key).expect("an RSA key signs");
    signer.sign_oneshot_to_vec(text).expect("an RSA key signs")
}

/// Looks that exactly these mistakes are named, each with its evidence, behind the failed check.
#[track_caller]
pub(crate) fn assert_named(
    sandbox: &Sandbox,
    answer: &Answer,
    check: &str,
    mistakes: &[(&str, &str)],
) -> Value {
    let explanation = refused(sandbox, answer, check);
    let wanted: Vec<&str> = mistakes.iter().map(|(id, _)| *id).collect();
    assert_eq!(named(&explanation), wanted, "{explanation}");
    for (position, (_, evidence)) in mistakes.iter().enumerate() {
        let miss = &explanation["near_misses"][position];
        let said = miss["evidence"].as_str().unwrap_or_default();
        assert!(said.contains(evidence), "\"{evidence}\" is not in {miss}");
        assert!(!miss["title"].as_str().unwrap_or_default().is_empty(), "{miss}");
    }
    explanation
}

#[track_caller]
pub(crate) fn refused(sandbox: &Sandbox, answer: &Answer, check: &str) -> Value {
    let explanation = sandbox.explanation(&answer.exchange());
    assert_eq!(explanation["verdict"], "refused", "{explanation}");
    assert_eq!(explanation["failed_check"], check, "{explanation}");
    explanation
}

pub(crate) fn named(explanation: &Value) -> Vec<&str> {
    let misses = explanation["near_misses"].as_array().expect("a list");
    misses.iter().map(|miss| miss["id"].as_str().unwrap_or_default()).collect()
}
