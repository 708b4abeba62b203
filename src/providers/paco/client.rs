//! A correct caller of PACO.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::http::Method;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::answers::{header, json_bytes};
use super::client_wishes::{amounts_that_follow, checked_version, query};
use super::constants::REQUEST_AUDIENCE;
use super::keys;
use super::merchant::{MerchantKey, PacoMerchant};
use super::orders::KIND;
use super::settings::{BasicAuth, Environment};
use super::{client_answers, client_pages, client_tamperings};
use crate::blueprint::{
    CallError, CallWish, Client, ClientAnswer, ClientRequest, Endpoint, KeyNote, Merchant, Reading,
    Route, Routes, Tampering,
};
use crate::crypto::jose::{self, ContentEncryption, SignatureAlgorithm};
use crate::crypto::keys::PrivateKey;

/// The correct caller. It needs the private keys of its merchant: the demo's, or generated ones.
#[derive(Debug)]
pub(super) struct PacoClient {
    routes: Routes,
}

/// The version of a request when nothing else is said.
const USUAL_VERSION: &str = "2.0";

/// Numbers the orders of this process.
static ORDERS: AtomicU64 = AtomicU64::new(1);

impl PacoClient {
    pub(super) fn new(endpoints: &[Endpoint]) -> Self {
        Self {
            routes: Routes::of(endpoints),
        }
    }
}

impl Client for PacoClient {
    fn correct(&self, endpoint: &str, merchant: &Merchant, now: Timestamp) -> Vec<ClientRequest> {
        let (messages, wish, visit) = match client_pages::visit(endpoint) {
            Some(visit) => (visit.shop.endpoint(), visit.shop.wish(), Some(visit.request)),
            None => (endpoint, CallWish::default(), None),
        };
        let mut requests = self
            .request(messages, merchant, now, &wish)
            .expect("whoever wishes nothing special has the keys of the merchant");
        requests.extend(visit);
        requests
    }

    fn request(
        &self,
        endpoint: &str,
        merchant: &Merchant,
        now: Timestamp,
        wish: &CallWish,
    ) -> Result<Vec<ClientRequest>, CallError> {
        let parts = merchant.parts::<PacoMerchant>();
        let route = self.routes.to(endpoint);
        let order_no = fresh_order_no(now, wish.serial);
        let Some(mut usual) = body(endpoint, &parts, &order_no, now) else {
            return Err(CallError::Wish {
                member: "endpoint".to_owned(),
                reason: format!("{endpoint} takes no message"),
                fix: "open it as its users do, in a browser".to_owned(),
            });
        };
        if let Some(order) = wish.known.as_ref().filter(|_| !needs_first(endpoint).is_empty()) {
            about(order, &mut usual);
        }
        let request = amounts_that_follow(wish, wish.applied_to(usual)?);
        let version = checked_version(wish.version.as_deref().unwrap_or(USUAL_VERSION))?;
        if route.method == Method::GET {
            // The inquiry has no seals, so it needs no keys.
            let mut requests = self.preparation(endpoint, merchant, &request, now, wish)?;
            let target = format!("{}?{}", path(route, version), query(&request)?);
            let inquiry = inquiry(route.endpoint, &parts, target, Value::Object(request));
            requests.push(inquiry);
            return Ok(requests.into_iter().map(|request| as_required(request, &parts)).collect());
        }
        if !wish.plain {
            let keys =
                [("signing", Some(&parts.signing)), ("encryption", parts.encryption.as_ref())];
            if let Some((key, _)) =
                keys.into_iter().find(|(_, key)| key.and_then(MerchantKey::private).is_none())
            {
                return Err(CallError::KeyElsewhere {
                    merchant: merchant.id().to_owned(),
                    key,
                });
            }
        }
        let mut requests = self.preparation(endpoint, merchant, &request, now, wish)?;
        let draft = Draft::around_request(route, &parts, request, now).version(version);
        let last = if wish.plain { draft.plain() } else { draft.sealed() };
        requests.push(as_required(last, &parts));
        Ok(requests)
    }

    fn transaction(&self, wish: &CallWish) -> Option<(&'static str, String)> {
        let order_no = match wish.named("orderNo")? {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Some((KIND, order_no))
    }

    fn tampered(&self, endpoint: &str, merchant: &Merchant, now: Timestamp) -> Vec<Tampering> {
        let parts = merchant.parts::<PacoMerchant>();
        let order_no = fresh_order_no(now, 0);
        if endpoint == "transactionStatus" {
            return client_tamperings::of_inquiries(&parts, &order_no);
        }
        if let Some(visit) = client_pages::visit(endpoint) {
            // Each browser comes from an order of its own.
            let shop = || {
                let asked = self.request(visit.shop.endpoint(), merchant, now, &visit.shop.wish());
                asked.expect("the merchant's keys are here").remove(0)
            };
            return client_pages::tampered(endpoint, &shop);
        }
        let route = self.routes.to(endpoint);
        let draft = || {
            let request = body(endpoint, &parts, &order_no, now).unwrap_or_default();
            Draft::around_request(route, &parts, request, now)
        };
        client_tamperings::of_messages(&draft, now)
    }

    fn open(&self, merchant: &Merchant, content_type: &str, body: &[u8]) -> Result<Value, String> {
        client_answers::opened(&merchant.parts::<PacoMerchant>(), content_type, body)
    }

    fn read(
        &self,
        merchant: &Merchant,
        now: Timestamp,
        request: &ClientRequest,
        answer: ClientAnswer<'_>,
    ) -> Reading {
        client_answers::read(&merchant.parts::<PacoMerchant>(), now, request, answer)
    }

    fn keys(&self, merchant: &Merchant) -> Vec<KeyNote> {
        let parts = merchant.parts::<PacoMerchant>();
        let keys = [("signing", Some(&parts.signing)), ("encryption", parts.encryption.as_ref())];
        let noted = keys.into_iter().filter_map(|(name, key)| {
            let key = key?;
            let bits = key.public().bits();
            Some(KeyNote {
                name,
                bits,
                private: key.private().is_some(),
                note: (bits < 4096).then_some("the portal asks for RSA keys of 4096 bits"),
            })
        });
        noted.collect()
    }
}

impl PacoClient {
    /// What has to come first: for an order that nobody has named, the payment that makes it.
    fn preparation(
        &self,
        endpoint: &str,
        merchant: &Merchant,
        request: &Map<String, Value>,
        now: Timestamp,
        wish: &CallWish,
    ) -> Result<Vec<ClientRequest>, CallError> {
        if wish.named("orderNo").is_some() {
            return Ok(Vec::new());
        }
        let mut requests = Vec::new();
        for first in needs_first(endpoint) {
            let same = |name: &str| Some((name.to_owned(), request.get(name)?.clone()));
            let wish = CallWish {
                version: wish.version.clone(),
                body: ["orderNo", "officeId"].into_iter().filter_map(same).collect(),
                plain: wish.plain,
                ..CallWish::default()
            };
            requests.extend(self.request(first, merchant, now, &wish)?);
        }
        Ok(requests)
    }
}

/// A request under construction, correct until it is changed.
pub(super) struct Draft<'m> {
    pub route: &'m Route,
    pub version: &'m str,
    pub merchant: &'m PacoMerchant,
    pub environment: Environment,
    pub headers: Vec<(&'static str, String)>,
    pub claims: Map<String, Value>,
    pub jws_header: Map<String, Value>,
    pub jwe_header: Map<String, Value>,
    pub algorithm: SignatureAlgorithm,
    pub encryption: ContentEncryption,
    pub signing: Option<&'m PrivateKey>,
    pub tls: bool,
    pub settings: Value,
}

impl<'m> Draft<'m> {
    fn around_request(
        route: &'m Route,
        merchant: &'m PacoMerchant,
        request: Map<String, Value>,
        now: Timestamp,
    ) -> Self {
        let environment = merchant.settings(None).environment;
        let issued = now.as_second();
        let claims = Map::from_iter([
            ("request".to_owned(), Value::Object(request)),
            ("iss".to_owned(), json!(merchant.token)),
            ("aud".to_owned(), json!(REQUEST_AUDIENCE)),
            ("CompanyApiKey".to_owned(), json!(merchant.token)),
            ("iat".to_owned(), json!(issued)),
            ("nbf".to_owned(), json!(issued)),
            ("exp".to_owned(), json!(issued + 3600)),
        ]);
        let media = "application/jose; charset=utf-8";
        Self {
            route,
            version: USUAL_VERSION,
            merchant,
            environment,
            headers: vec![
                ("token", merchant.token.clone()),
                ("content-type", media.to_owned()),
                ("accept", "application/jose".to_owned()),
            ],
            claims,
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

    fn version(mut self, version: &'m str) -> Self {
        self.version = version;
        self
    }

    /// The signed claims.
    pub(super) fn signed(&self) -> String {
        let key = self.signing.expect("a client has its signing private key");
        let payload = json_bytes(&Value::Object(self.claims.clone()));
        jose::sign(key, self.algorithm, &self.jws_header, &payload)
    }

    /// The request as it should be.
    pub(super) fn sealed(self) -> ClientRequest {
        let inner = self.signed();
        self.around(&inner)
    }

    /// The request without its seals, as UAT takes it, and the answer wanted so too.
    pub(super) fn plain(mut self) -> ClientRequest {
        self.set_header("content-type", "application/json");
        self.set_header("accept", "application/json");
        let body = self.claims["request"].to_string();
        self.with_body(body.into_bytes())
    }

    /// Some content, encrypted as it should be.
    pub(super) fn around(self, inner: &str) -> ClientRequest {
        let key = keys::of(self.environment).encryption.public();
        let token = jose::encrypt(key, self.encryption, &self.jwe_header, inner.as_bytes());
        self.with_body(token.into_bytes())
    }

    /// Any body.
    pub(super) fn with_body(mut self, body: Vec<u8>) -> ClientRequest {
        let opened = self.claims.remove("request").unwrap_or_default();
        ClientRequest {
            endpoint: self.route.endpoint,
            method: self.route.method.clone(),
            target: path(self.route, self.version),
            headers: self.headers,
            body,
            subject: subject(&opened),
            opened,
            tls: self.tls,
            settings: self.settings,
            filled: &[],
        }
    }

    pub(super) fn set_header(&mut self, name: &'static str, value: &str) {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_owned()));
    }

    pub(super) fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims.insert(name.to_owned(), value);
        self
    }
}

/// The request with what the merchant's settings ask of everybody.
fn as_required(mut request: ClientRequest, merchant: &PacoMerchant) -> ClientRequest {
    let settings = merchant.settings(None);
    if settings.basic_auth == BasicAuth::Required {
        let pair = format!("{}:{}", merchant.basic_user, merchant.basic_password);
        let value = format!("Basic {}", STANDARD.encode(pair));
        request.headers.push(("authorization", value));
    }
    request.tls = settings.https_only;
    request
}

fn path(route: &Route, version: &str) -> String {
    route.path.replace("{version}", version)
}

/// An order number that neither this run nor an earlier one has used.
fn fresh_order_no(now: Timestamp, serial: i64) -> String {
    let number = ORDERS.fetch_add(1, Ordering::Relaxed);
    format!("{}{serial:06}{number:06}", now.as_millisecond())
}

/// Puts what is kept of an order where a request about it says the same.
fn about(order: &Value, request: &mut Map<String, Value>) {
    for (member, kept) in [
        ("officeId", &order["office_id"]),
        ("voidAmount", &order["transaction_amount"]),
        ("settlementAmount", &order["transaction_amount"]),
        ("refundAmount", &order["settlement_amount"]),
    ] {
        if let Some(usual) = request.get_mut(member).filter(|_| !kept.is_null()) {
            kept.clone_into(usual);
        }
    }
}

/// The order that a request is about.
fn subject(opened: &Value) -> Option<String> {
    let mut members = opened.as_object()?.iter();
    let (_, value) = members.find(|(name, _)| name.eq_ignore_ascii_case("orderNo"))?;
    value.as_str().map(ToOwned::to_owned)
}

/// The requests that must have come before, so that there is an order to work on.
fn needs_first(endpoint: &str) -> &'static [&'static str] {
    match endpoint {
        "Void" | "Settlement" | "transactionStatus" => &["nonUi"],
        "refund" => &["nonUi", "Settlement"],
        _ => &[],
    }
}

pub(super) fn inquiry(
    endpoint: &'static str,
    merchant: &PacoMerchant,
    target: String,
    opened: Value,
) -> ClientRequest {
    ClientRequest {
        endpoint,
        method: Method::GET,
        target,
        headers: vec![
            ("apiKey", merchant.token.clone()),
            ("content-type", "application/json".to_owned()),
            ("accept", "application/json".to_owned()),
        ],
        body: Vec::new(),
        subject: subject(&opened),
        opened,
        tls: false,
        settings: json!({}),
        filled: &[],
    }
}

/// What an endpoint is usually sent; `None` if it takes no message.
fn body(
    endpoint: &str,
    merchant: &PacoMerchant,
    order_no: &str,
    now: Timestamp,
) -> Option<Map<String, Value>> {
    let office = merchant.offices.first().map(|office| office.id.as_str()).unwrap_or_default();
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
        "transactionStatus" => request = json!({ "orderNo": order_no }),
        "Void" => request["voidAmount"] = amount,
        "Settlement" => request["settlementAmount"] = amount,
        "refund" => {
            request["refundAmount"] = amount;
            request["localMakerChecker"] =
                json!({"maker": {"username": "demo-maker", "email": "maker@shop.test"}});
        }
        "transactionList" => {
            // As the official sample writes what it does not ask for.
            request = json!({
                "apiRequest": request["apiRequest"],
                "advSearchParams": {
                    "controllerInternalID": null, "officeId": [office], "orderNo": [],
                    "invoiceNo2C2P": null, "fromDate": "0001-01-01T00:00:00",
                    "toDate": "0001-01-01T00:00:00", "amountFrom": null, "amountTo": null,
                },
            });
        }
        "prePaymentUi" | "nonUi" => {
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
        _ => return None,
    }
    if endpoint == "nonUi" {
        request["creditCardDetails"] = json!({
            "cardNumber": "4706860000002325", "cardExpiryMMYY": "1228", "cvvCode": "761",
            "payerName": "Demo Payer",
        });
    }
    request.as_object().cloned()
}
