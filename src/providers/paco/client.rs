//! A correct caller of PACO, and for each check callers that are wrong in only that way.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::answers::{header, json_bytes};
use super::client_pages;
use super::keys;
use super::merchant::PacoMerchant;
use super::settings::{ANSWER_ISSUER, Environment, REQUEST_AUDIENCE};
use crate::blueprint::{Client, ClientRequest, Merchant, Tampering};
use crate::crypto::jose::{
    self, CompactJwe, CompactJws, ContentEncryption, KeyWrapping, SignatureAlgorithm,
};
use crate::crypto::keys::PrivateKey;
use crate::json;

/// The correct caller. It needs the private keys of its merchant: the demo's, or generated ones.
#[derive(Debug)]
pub(super) struct PacoClient;

/// Numbers the orders of this process.
static ORDERS: AtomicU64 = AtomicU64::new(1);

impl Client for PacoClient {
    fn correct(&self, endpoint: &str, merchant: &Merchant, now: Timestamp) -> Vec<ClientRequest> {
        let parts = merchant.parts::<PacoMerchant>();
        let order_no = order_no(now);
        if let Some(visit) = client_pages::visit(endpoint) {
            let first = visit.shop.with(Draft::new(visit.shop.endpoint(), &parts, &order_no, now));
            return vec![first.sealed(), visit.request];
        }
        let mut requests = Vec::new();
        for first in needs_first(endpoint) {
            requests.push(Draft::new(first, &parts, &order_no, now).sealed());
        }
        requests.push(last(endpoint, &parts, &order_no, now));
        requests
    }

    fn tampered(&self, endpoint: &str, merchant: &Merchant, now: Timestamp) -> Vec<Tampering> {
        let parts = merchant.parts::<PacoMerchant>();
        let order_no = order_no(now);
        if endpoint == "transactionStatus" {
            return inquiry_tamperings(&parts, &order_no);
        }
        if let Some(visit) = client_pages::visit(endpoint) {
            let shop = visit.shop;
            // Each browser comes from an order of its own.
            let first = || {
                shop.with(Draft::new(shop.endpoint(), &parts, &self::order_no(now), now)).sealed()
            };
            return client_pages::tampered(endpoint, &first);
        }
        let draft = || Draft::new(endpoint, &parts, &order_no, now);
        let mut tamperings = transport_tamperings(&draft);
        tamperings.extend(jwe_tamperings(&draft));
        tamperings.extend(jws_tamperings(&draft));
        tamperings.extend(claim_tamperings(&draft, now));
        tamperings
    }

    fn open(&self, merchant: &Merchant, content_type: &str, body: &[u8]) -> Result<Value, String> {
        let parts = merchant.parts::<PacoMerchant>();
        if content_type.starts_with("text/html") || content_type.is_empty() {
            return Ok(json!({ "page": String::from_utf8_lossy(body) }));
        }
        if !content_type.starts_with("application/jose") {
            return json::parse(body).map_err(|fault| fault.to_string());
        }
        let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
        let jwe = CompactJwe::parse(text).map_err(|fault| fault.to_string())?;
        let encryption = jwe.header.get("enc").and_then(Value::as_str);
        let encryption = encryption.and_then(ContentEncryption::named).ok_or("enc is unknown")?;
        let key = parts.encryption.as_ref().and_then(|key| key.private());
        let key = key.ok_or("the merchant's encryption private key is not here")?;
        let inner = jwe
            .decrypt(key, KeyWrapping::RsaOaep, encryption)
            .map_err(|fault| fault.to_string())?;
        let inner = String::from_utf8(inner).map_err(|error| error.to_string())?;
        let jws = CompactJws::parse(&inner).map_err(|fault| fault.to_string())?;
        let algorithm = jws.header.get("alg").and_then(Value::as_str);
        let algorithm = algorithm.and_then(SignatureAlgorithm::named).ok_or("alg is unknown")?;
        let environment = parts.settings(None).environment;
        if !jws.is_signed_by(keys::of(environment).signing.public(), algorithm) {
            return Err("the signature is not PACO's".to_owned());
        }
        let claims = json::parse_object(&jws.payload).map_err(|fault| fault.to_string())?;
        if claims.get("iss") != Some(&json!(ANSWER_ISSUER)) {
            return Err("iss is not PacoIssuer".to_owned());
        }
        if claims.get("aud") != Some(&json!(parts.token)) {
            return Err("aud is not the access token".to_owned());
        }
        Ok(Value::Object(claims))
    }
}

/// A request under construction, correct until it is changed.
pub(super) struct Draft<'m> {
    endpoint: &'m str,
    merchant: &'m PacoMerchant,
    environment: Environment,
    headers: Vec<(String, String)>,
    claims: Map<String, Value>,
    jws_header: Map<String, Value>,
    jwe_header: Map<String, Value>,
    algorithm: SignatureAlgorithm,
    encryption: ContentEncryption,
    signing: Option<&'m PrivateKey>,
    tls: bool,
    settings: Value,
}

impl<'m> Draft<'m> {
    fn new(endpoint: &'m str, merchant: &'m PacoMerchant, order_no: &str, now: Timestamp) -> Self {
        let environment = merchant.settings(None).environment;
        let issued = now.as_second();
        let claims = json!({
            "request": body(endpoint, merchant, order_no, now),
            "iss": merchant.token,
            "aud": REQUEST_AUDIENCE,
            "CompanyApiKey": merchant.token,
            "iat": issued,
            "nbf": issued,
            "exp": issued + 3600,
        });
        let media = "application/jose; charset=utf-8";
        Self {
            endpoint,
            merchant,
            environment,
            headers: vec![
                ("token".to_owned(), merchant.token.clone()),
                ("content-type".to_owned(), media.to_owned()),
                ("accept".to_owned(), "application/jose".to_owned()),
            ],
            claims: claims.as_object().cloned().unwrap_or_default(),
            jws_header: header(&[("alg", "PS256"), ("typ", "JWT")]),
            jwe_header: header(&[
                ("alg", "RSA-OAEP"),
                ("enc", "A128CBC-HS256"),
                ("kid", environment.kid()),
                ("typ", "JWT"),
            ]),
            algorithm: SignatureAlgorithm::Ps256,
            encryption: ContentEncryption::A128CbcHs256,
            signing: merchant.signing.private(),
            tls: false,
            settings: json!({}),
        }
    }

    /// The signed claims.
    fn signed(&self) -> String {
        let key = self.signing.expect("a client has its signing private key");
        let payload = json_bytes(&Value::Object(self.claims.clone()));
        jose::sign(key, self.algorithm, &self.jws_header, &payload)
    }

    /// The request as it should be.
    fn sealed(self) -> ClientRequest {
        let inner = self.signed();
        self.around(&inner)
    }

    /// Some content, encrypted as it should be.
    fn around(self, inner: &str) -> ClientRequest {
        let key = keys::of(self.environment).encryption.public();
        let token = jose::encrypt(key, self.encryption, &self.jwe_header, inner.as_bytes());
        self.with_body(token.into_bytes())
    }

    /// Any body.
    fn with_body(self, body: Vec<u8>) -> ClientRequest {
        let (method, path) = match self.endpoint {
            "prePaymentUi" => ("POST", "Payment/prePaymentUi"),
            "nonUi" => ("POST", "Payment/nonUi"),
            "Settlement" => ("PUT", "Settlement"),
            "refund" => ("POST", "Refund/refund"),
            "transactionList" => ("POST", "Inquiry/transactionList"),
            _ => ("POST", "Void"),
        };
        ClientRequest {
            method,
            target: format!("/api/2.0/{path}"),
            headers: self.headers,
            body,
            tls: self.tls,
            settings: self.settings,
            filled: &[],
        }
    }

    /// With a member of the request set otherwise.
    pub(super) fn member(mut self, name: &str, value: Value) -> Self {
        if let Some(request) = self.claims.get_mut("request") {
            request[name] = value;
        }
        self
    }

    fn set_header(&mut self, name: &str, value: &str) {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims.insert(name.to_owned(), value);
        self
    }
}

fn order_no(now: Timestamp) -> String {
    format!("{}{:06}", now.as_millisecond(), ORDERS.fetch_add(1, Ordering::Relaxed))
}

/// What must have happened to the order before.
fn needs_first(endpoint: &str) -> &'static [&'static str] {
    match endpoint {
        "Void" | "Settlement" | "transactionStatus" | "transactionList" => &["nonUi"],
        "refund" => &["nonUi", "Settlement"],
        _ => &[],
    }
}

fn last(endpoint: &str, merchant: &PacoMerchant, order_no: &str, now: Timestamp) -> ClientRequest {
    if endpoint == "transactionStatus" {
        return inquiry(merchant, order_no);
    }
    Draft::new(endpoint, merchant, order_no, now).sealed()
}

fn inquiry(merchant: &PacoMerchant, order_no: &str) -> ClientRequest {
    ClientRequest {
        method: "GET",
        target: format!("/api/2.0/Inquiry/transactionStatus?orderNo={order_no}"),
        headers: vec![
            ("apiKey".to_owned(), merchant.token.clone()),
            ("content-type".to_owned(), "application/json".to_owned()),
            ("accept".to_owned(), "application/json".to_owned()),
        ],
        body: Vec::new(),
        tls: false,
        settings: json!({}),
        filled: &[],
    }
}

fn body(endpoint: &str, merchant: &PacoMerchant, order_no: &str, now: Timestamp) -> Value {
    let office = merchant.offices.last().map(|office| office.id.as_str()).unwrap_or_default();
    let amount = json!({
        "amountText": "000000012550", "currencyCode": "NPR", "decimalPlaces": 2, "amount": 125.5
    });
    let api_request = json!({
        "requestMessageID": format!("{:08x}-0000-4000-8000-{:012x}", now.as_second(), ORDERS.fetch_add(1, Ordering::Relaxed)),
        "requestDateTime": now.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string(),
        "language": "en-US",
    });
    let mut request = json!({
        "apiRequest": api_request,
        "officeId": office,
        "orderNo": order_no,
    });
    match endpoint {
        "Void" => request["voidAmount"] = amount,
        "Settlement" => request["settlementAmount"] = amount,
        "refund" => {
            request["refundAmount"] = amount;
            request["localMakerChecker"] =
                json!({"maker": {"username": "demo-maker", "email": "maker@shop.test"}});
        }
        "transactionList" => {
            return json!({
                "apiRequest": request["apiRequest"],
                "advSearchParams": {
                    "controllerInternalID": null, "officeId": [office], "orderNo": [order_no],
                    "invoiceNo2C2P": null, "fromDate": "0001-01-01T00:00:00",
                    "toDate": "0001-01-01T00:00:00", "amountFrom": null, "amountTo": null,
                },
            });
        }
        _ => {
            request["productDescription"] = json!("Tour deposit");
            request["paymentType"] = json!("CC");
            request["transactionAmount"] = amount;
            request["request3dsFlag"] = json!("N");
            request["notificationURLs"] = json!({
                "confirmationURL": "https://shop.test/ok",
                "failedURL": "https://shop.test/failed",
                "cancellationURL": "https://shop.test/cancel",
                "backendURL": "https://shop.test/notify",
            });
        }
    }
    if endpoint == "nonUi" {
        request["creditCardDetails"] = json!({
            "cardNumber": "4706860000002325", "cardExpiryMMYY": "1228", "cvvCode": "761",
            "payerName": "Demo Payer",
        });
    }
    request
}

fn tampering(check: &'static str, what: &'static str, request: ClientRequest) -> Tampering {
    Tampering {
        check,
        what,
        before: Vec::new(),
        request,
    }
}

fn inquiry_tamperings(merchant: &PacoMerchant, order_no: &str) -> Vec<Tampering> {
    let with = |change: &dyn Fn(&mut ClientRequest)| {
        let mut request = inquiry(merchant, order_no);
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
                request
                    .headers
                    .push(("authorization".to_owned(), "Basic d3Jvbmc6d3Jvbmc=".to_owned()));
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
    let member = |name: &str, value: Value| draft().member(name, value).sealed();
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
    if draft().endpoint == "transactionList" {
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
