//! For each check of PACO's ladders, callers that are wrong in only that way.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::client::{Draft, inquiry};
use super::constants::ANSWER_ISSUER;
use super::keys;
use super::merchant::PacoMerchant;
use crate::blueprint::{ClientRequest, Tampering};
use crate::crypto::jose;

/// Messages that are wrong in one way.
pub(super) fn of_messages<'m>(draft: &dyn Fn() -> Draft<'m>, now: Timestamp) -> Vec<Tampering> {
    let mut tamperings = transport_tamperings(draft);
    tamperings.extend(jwe_tamperings(draft));
    tamperings.extend(jws_tamperings(draft));
    tamperings.extend(claim_tamperings(draft, now));
    tamperings
}

fn tampering(check: &'static str, what: &'static str, request: ClientRequest) -> Tampering {
    Tampering {
        check,
        what,
        before: Vec::new(),
        request,
    }
}

/// Inquiries that are wrong in one way.
pub(super) fn of_inquiries(merchant: &PacoMerchant, order_no: &str) -> Vec<Tampering> {
    let with = |change: &dyn Fn(&mut ClientRequest)| {
        let target = format!("/api/2.0/Inquiry/transactionStatus?orderNo={order_no}");
        let opened = json!({ "orderNo": order_no });
        let mut request = inquiry("transactionStatus", merchant, target, opened);
        change(&mut request);
        request
    };
    vec![
        tampering(
            "paco.https",
            "plain HTTP where HTTPS is required",
            with(&|request| request.settings = json!({"https_only": "on"})),
        ),
        tampering(
            "paco.source_address",
            "an unlisted address in production",
            with(&|request| {
                request.settings = json!({
                    "environment": "prd", "https_only": "off", "ip_allow_list": "203.0.113.7"});
            }),
        ),
        tampering(
            "paco.token",
            "an unknown token",
            with(&|request| request.headers[0].1 = "0".repeat(32)),
        ),
        tampering(
            "paco.token",
            "no token",
            with(&|request| {
                request.headers.remove(0);
            }),
        ),
        tampering(
            "paco.basic",
            "wrong Basic credentials",
            with(&|request| {
                request.headers.push(("authorization", "Basic d3Jvbmc6d3Jvbmc=".to_owned()));
            }),
        ),
        tampering(
            "paco.fields",
            "no order number",
            with(&|request| request.target = String::from("/api/2.0/Inquiry/transactionStatus")),
        ),
    ]
}

fn transport_tamperings<'m>(draft: &dyn Fn() -> Draft<'m>) -> Vec<Tampering> {
    let with = |change: &dyn Fn(&mut Draft<'m>)| {
        let mut draft = draft();
        change(&mut draft);
        draft.sealed()
    };
    let plain = |settings: Value| {
        let mut draft = draft();
        draft.set_header("content-type", "application/json");
        draft.settings = settings;
        let body = draft.claims["request"].to_string();
        draft.with_body(body.into_bytes())
    };
    vec![
        tampering(
            "paco.https",
            "plain HTTP where HTTPS is required",
            with(&|draft| draft.settings = json!({"https_only": "on"})),
        ),
        tampering(
            "paco.source_address",
            "an unlisted address in production",
            with(&|draft| {
                draft.settings = json!({
                    "environment": "prd", "https_only": "off", "ip_allow_list": "203.0.113.7"});
            }),
        ),
        tampering(
            "paco.content_type",
            "another media type",
            with(&|draft| draft.set_header("content-type", "text/plain")),
        ),
        tampering(
            "paco.message_encryption",
            "plain JSON from an unlisted address",
            plain(json!({"ip_allow_list": "203.0.113.7"})),
        ),
        tampering(
            "paco.message_encryption",
            "plain JSON where a seal is required",
            plain(json!({"message_encryption": "required"})),
        ),
        tampering(
            "paco.token",
            "an unknown token",
            with(&|draft| draft.set_header("token", &"0".repeat(32))),
        ),
        tampering(
            "paco.basic",
            "wrong Basic credentials",
            with(&|draft| draft.set_header("authorization", "Basic d3Jvbmc6d3Jvbmc=")),
        ),
        tampering(
            "paco.basic",
            "no Basic credentials where they are required",
            with(&|draft| draft.settings = json!({"basic_auth": "required"})),
        ),
    ]
}

fn jwe_tamperings<'m>(draft: &dyn Fn() -> Draft<'m>) -> Vec<Tampering> {
    let with_jwe = |name: &str, value: Value| {
        let mut draft = draft();
        draft.jwe_header.insert(name.to_owned(), value);
        draft.sealed()
    };
    let without = |name: &str| {
        let mut draft = draft();
        draft.jwe_header.remove(name);
        draft.sealed()
    };
    let body = |change: &dyn Fn(String) -> String| {
        let mut request = draft().sealed();
        let text = String::from_utf8_lossy(&request.body).into_owned();
        request.body = change(text).into_bytes();
        request
    };
    vec![
        tampering("paco.jwe", "an empty body", body(&|_| String::new())),
        tampering(
            "paco.jwe",
            "four parts",
            body(&|text| {
                text.rsplit_once('.').map(|(head, _)| head.to_owned()).unwrap_or_default()
            }),
        ),
        tampering("paco.jwe", "six parts", body(&|text| format!("{text}.AAAA"))),
        tampering("paco.jwe", "quotes around the token", body(&|text| format!("\"{text}\""))),
        tampering("paco.jwe", "broken base64url", body(&|text| text.replacen('.', ".*", 1))),
        tampering("paco.jwe", "a zip header", with_jwe("zip", json!("DEF"))),
        tampering("paco.jwe", "a critical header", with_jwe("crit", json!(["exp"]))),
        tampering("paco.jwe_alg", "RSA-OAEP-256", with_jwe("alg", json!("RSA-OAEP-256"))),
        tampering("paco.jwe_alg", "no alg", without("alg")),
        tampering("paco.jwe_enc", "an unknown enc", with_jwe("enc", json!("A512GCM"))),
        tampering(
            "paco.jwe_enc",
            "a tag cut short",
            body(&|text| {
                let (head, tag) = text.rsplit_once('.').unwrap_or_default();
                format!("{head}.{}", &tag[..16])
            }),
        ),
        tampering("paco.kid", "the other environment's kid", {
            let mut draft = draft();
            let other = draft.environment.other().kid();
            draft.jwe_header.insert("kid".to_owned(), json!(other));
            draft.sealed()
        }),
        tampering("paco.kid", "no kid", without("kid")),
        tampering(
            "paco.decryption",
            "a changed tag",
            body(&|text| {
                let (head, tag) = text.rsplit_once('.').unwrap_or_default();
                let first = if tag.starts_with('A') { 'B' } else { 'A' };
                format!("{head}.{first}{}", &tag[1..])
            }),
        ),
        tampering("paco.decryption", "the other environment's key", {
            let draft = draft();
            let inner = draft.signed();
            let key = keys::of(draft.environment.other()).encryption.public();
            let token = jose::encrypt(key, draft.encryption, &draft.jwe_header, inner.as_bytes());
            draft.with_body(token.into_bytes())
        }),
    ]
}

fn jws_tamperings<'m>(draft: &dyn Fn() -> Draft<'m>) -> Vec<Tampering> {
    let around = |inner: &dyn Fn(&Draft<'m>) -> String| {
        let draft = draft();
        let inner = inner(&draft);
        draft.around(&inner)
    };
    let with_jws = |name: &str, value: Value| {
        let mut draft = draft();
        draft.jws_header.insert(name.to_owned(), value);
        draft.sealed()
    };
    vec![
        tampering(
            "paco.jws",
            "claims that are not signed",
            around(&|draft| Value::Object(draft.claims.clone()).to_string()),
        ),
        tampering(
            "paco.jws",
            "two parts",
            around(&|draft| {
                let signed = draft.signed();
                signed.rsplit_once('.').map(|(head, _)| head.to_owned()).unwrap_or_default()
            }),
        ),
        tampering("paco.jws_alg", "HS256", with_jws("alg", json!("HS256"))),
        tampering("paco.jws_alg", "alg none", with_jws("alg", json!("none"))),
        tampering("paco.signature", "the merchant's encryption key", {
            let mut draft = draft();
            draft.signing = draft.merchant.encryption.as_ref().and_then(|key| key.private());
            draft.sealed()
        }),
        tampering(
            "paco.signature",
            "a changed payload",
            around(&|draft| {
                let signed = draft.signed();
                let mut parts: Vec<&str> = signed.split('.').collect();
                // The payload starts with `{"`, whose base64url starts with e.
                let changed = format!("f{}", &parts[1][1..]);
                parts[1] = &changed;
                parts.join(".")
            }),
        ),
        tampering("paco.claims", "claims that are an array", {
            let draft = draft();
            let key = draft.signing.expect("a client has its signing private key");
            let inner = jose::sign(key, draft.algorithm, &draft.jws_header, b"[]");
            draft.around(&inner)
        }),
        tampering("paco.crit", "an unknown critical member", with_jws("crit", json!(["b64"]))),
        tampering("paco.crit", "crit without exp", with_jws("crit", json!(["exp"]))),
    ]
}

fn claim_tamperings<'m>(draft: &dyn Fn() -> Draft<'m>, now: Timestamp) -> Vec<Tampering> {
    let second = now.as_second();
    let with = |name: &str, value: Value| draft().claim(name, value).sealed();
    let without = |name: &str| {
        let mut draft = draft();
        draft.claims.remove(name);
        draft.sealed()
    };
    let member = |name: &str, value: Value| {
        let mut draft = draft();
        if let Some(request) = draft.claims.get_mut("request") {
            request[name] = value;
        }
        draft.sealed()
    };
    let mut tamperings = vec![
        tampering("paco.audience", "the issuer as audience", with("aud", json!(ANSWER_ISSUER))),
        tampering("paco.issuer", "PacoIssuer as issuer", with("iss", json!(ANSWER_ISSUER))),
        tampering(
            "paco.company_api_key",
            "another token as claim",
            with("CompanyApiKey", json!("0".repeat(32))),
        ),
        tampering("paco.not_before", "nbf in the future", with("nbf", json!(second + 300))),
        tampering("paco.issued_at", "iat in milliseconds", with("iat", json!(second * 1000))),
        tampering("paco.issued_at", "no iat", without("iat")),
        tampering("paco.expiry", "exp in the past", with("exp", json!(second - 61))),
        tampering("paco.expiry", "no exp", without("exp")),
        tampering(
            "paco.lifetime",
            "an iat of long ago",
            draft().claim("iat", json!(second - 7200)).claim("nbf", json!(second - 7200)).sealed(),
        ),
        tampering("paco.request", "no request", without("request")),
    ];
    if draft().route.endpoint == "transactionList" {
        let nothing = member("advSearchParams", Value::Null);
        tamperings.push(tampering("paco.fields", "no search", nothing));
    } else {
        let long = member("officeId", json!("x".repeat(21)));
        tamperings.push(tampering("paco.fields", "an office id that is too long", long));
        let nothing = member("orderNo", Value::Null);
        tamperings.push(tampering("paco.fields", "no order number", nothing));
    }
    tamperings
}
