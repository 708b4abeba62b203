//! A merchant of PACO as a test plays it: bodies of messages, their two seals, and answers opened as
//! a careful client opens them. It shares the library's JOSE and nothing else of the provider; that
//! the JOSE itself is right is shown by the vectors and by clients in other languages.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use sandgate::crypto::jose::{
    self, CompactJwe, CompactJws, ContentEncryption, KeyWrapping, SignatureAlgorithm,
};
use sandgate::crypto::keys::PrivateKey;
use serde_json::{Map, Value, json};

use crate::harness::{Answer, Sandbox, start_instant};

/// Key ids of PACO's encryption keys, as its documents print them.
pub(crate) const KID_UAT: &str = "7664a2ed0dee4879bdfca0e8ce1ac313";
pub(crate) const KID_PRD: &str = "19f84b5655f04e25a99b09f1ee2fac78";

/// A published test card.
pub(crate) const CARD: &str = "4706860000002325";

/// A merchant with its credentials.
#[derive(Clone, Debug)]
pub(crate) struct Shop {
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) user: String,
    pub(crate) password: String,
}

/// A message under construction, right until it is changed.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) request: Value,
    /// The claims beside `request`.
    pub(crate) claims: Value,
    pub(crate) jws_header: Value,
    pub(crate) jwe_header: Value,
    /// Names of the keys in `fixtures/paco/keys`.
    pub(crate) signed_with: &'static str,
    pub(crate) encrypted_to: &'static str,
    pub(crate) signature: SignatureAlgorithm,
    pub(crate) encryption: ContentEncryption,
    pub(crate) wrapping: KeyWrapping,
}

/// A request ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Shop {
    /// A merchant of its own.
    #[track_caller]
    pub(crate) fn new(sandbox: &Sandbox, id: &str) -> Self {
        Self::asking(sandbox, &json!({"provider": "paco", "id": id}))
    }

    /// A merchant with settings that differ from the defaults.
    #[track_caller]
    pub(crate) fn with(sandbox: &Sandbox, id: &str, settings: &Value) -> Self {
        Self::asking(sandbox, &json!({"provider": "paco", "id": id, "settings": settings}))
    }

    /// A merchant as it is asked for.
    #[track_caller]
    pub(crate) fn asking(sandbox: &Sandbox, asked: &Value) -> Self {
        let answer = sandbox.admin_post("/merchants", asked);
        answer.assert_status(201);
        Self::from_shown(&answer.json())
    }

    /// A merchant as the admin API shows it.
    pub(crate) fn from_shown(shown: &Value) -> Self {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let credentials = &shown["credentials"];
        Self {
            id: text(&shown["id"]),
            token: text(&credentials["access_token"]),
            user: text(&credentials["basic"]["user"]),
            password: text(&credentials["basic"]["password"]),
        }
    }

    /// A message to an endpoint, by its name.
    pub(crate) fn message(&self, endpoint: &str, request: Value) -> Message {
        let (method, path) = match endpoint {
            "prePaymentUi" => ("POST", "Payment/prePaymentUi"),
            "nonUi" => ("POST", "Payment/nonUi"),
            "Void" => ("POST", "Void"),
            "Settlement" => ("PUT", "Settlement"),
            "refund" => ("POST", "Refund/refund"),
            "transactionList" => ("POST", "Inquiry/transactionList"),
            other => panic!("{other} takes no message"),
        };
        let second = start_instant().as_second();
        Message {
            method,
            target: format!("/api/2.0/{path}"),
            headers: lines(&[
                ("token", &self.token),
                ("content-type", "application/jose; charset=utf-8"),
                ("accept", "application/jose"),
            ]),
            request,
            claims: json!({
                "iss": self.token,
                "aud": "PacoAudience",
                "CompanyApiKey": self.token,
                "iat": second,
                "nbf": second,
                "exp": second + 3600,
            }),
            jws_header: json!({"alg": "PS256", "typ": "JWT"}),
            jwe_header: json!({
                "alg": "RSA-OAEP", "enc": "A128CBC-HS256", "kid": KID_UAT, "typ": "JWT"}),
            signed_with: "merchant-signing",
            encrypted_to: "paco-uat-encryption",
            signature: SignatureAlgorithm::Ps256,
            encryption: ContentEncryption::A128CbcHs256,
            wrapping: KeyWrapping::RsaOaep,
        }
    }

    /// A direct payment.
    pub(crate) fn payment(&self, order_no: &str) -> Message {
        self.message("nonUi", payment(order_no))
    }

    /// An order with a hosted page.
    pub(crate) fn page(&self, order_no: &str) -> Message {
        self.message("prePaymentUi", page(order_no))
    }

    /// A void of a payment.
    pub(crate) fn void(&self, order_no: &str) -> Message {
        self.message("Void", action(order_no, "voidAmount"))
    }

    /// A settlement of a payment.
    pub(crate) fn settlement(&self, order_no: &str) -> Message {
        self.message("Settlement", action(order_no, "settlementAmount"))
    }

    /// A refund of a payment.
    pub(crate) fn refund(&self, order_no: &str, minor: u32) -> Message {
        let request = json!({
            "apiRequest": {"requestMessageID": "0d7d5c2e-4b56-4c1a-9f0e-6f1f0f6f7a03"},
            "officeId": "DEMO_MANUAL",
            "orderNo": order_no,
            "refundAmount": amount_of(minor),
            "localMakerChecker": {"maker": {"username": "maker", "email": "maker@shop.test"}},
        });
        self.message("refund", request)
    }

    /// A search for orders, as the official sample writes what it does not ask for.
    pub(crate) fn list(&self, asked: &Value) -> Message {
        let mut search = json!({
            "controllerInternalID": null, "officeId": [], "orderNo": [], "invoiceNo2C2P": null,
            "fromDate": "0001-01-01T00:00:00", "toDate": "0001-01-01T00:00:00",
            "amountFrom": null, "amountTo": null,
        });
        for (name, value) in asked.as_object().into_iter().flatten() {
            search[name] = value.clone();
        }
        let request = json!({
            "apiRequest": {"requestMessageID": "0d7d5c2e-4b56-4c1a-9f0e-6f1f0f6f7a04"},
            "advSearchParams": search,
        });
        self.message("transactionList", request)
    }

    /// Pays and settles, and looks that it worked.
    #[track_caller]
    pub(crate) fn settles(&self, sandbox: &Sandbox, order_no: &str) {
        self.pays(sandbox, order_no);
        self.settlement(order_no).sealed().send(sandbox).assert_status(200);
    }

    /// An inquiry.
    pub(crate) fn inquiry(&self, order_no: &str) -> Outgoing {
        Outgoing {
            method: "GET",
            target: format!("/api/2.0/Inquiry/transactionStatus?orderNo={order_no}"),
            headers: lines(&[("apiKey", &self.token), ("accept", "application/json")]),
            body: Vec::new(),
        }
    }

    /// Pays, and looks that it worked.
    #[track_caller]
    pub(crate) fn pays(&self, sandbox: &Sandbox, order_no: &str) -> Answer {
        let answer = self.payment(order_no).sealed().send(sandbox);
        answer.assert_status(200);
        answer
    }

    /// Status and step of an order, as an inquiry shows them.
    #[track_caller]
    pub(crate) fn state(&self, sandbox: &Sandbox, order_no: &str) -> String {
        let answer = self.inquiry(order_no).send(sandbox);
        answer.assert_status(200);
        let info = answer.json()["data"][0]["paymentStatusInfo"].clone();
        let part = |name: &str| info[name].as_str().unwrap_or_default().to_owned();
        format!("{}/{}", part("paymentStatus"), part("paymentStep"))
    }

    /// What an answer says: opened if it is sealed.
    #[track_caller]
    pub(crate) fn says(&self, answer: &Answer) -> Value {
        let sealed =
            answer.header("content-type").is_some_and(|kind| kind.starts_with("application/jose"));
        if sealed { self.claims_of(answer)["response"].clone() } else { answer.json() }
    }

    /// The claims of a sealed answer, verified as the strictest client verifies them.
    #[track_caller]
    pub(crate) fn claims_of(&self, answer: &Answer) -> Value {
        self.verified(answer, "uat").unwrap_or_else(|reason| panic!("{reason}: {}", answer.text()))
    }

    /// The claims of a sealed answer, or the one thing that is wrong with it.
    pub(crate) fn verified(&self, answer: &Answer, environment: &str) -> Result<Value, String> {
        let opened = opened(&answer.body)?;
        let paco = match environment {
            "prd" => "paco-prd-signing",
            _ => "paco-uat-signing",
        };
        let name = opened.jws.header["alg"].as_str().unwrap_or_default();
        let algorithm = SignatureAlgorithm::named(name).ok_or("alg is unknown")?;
        if !opened.jws.is_signed_by(key(paco).public(), algorithm) {
            return Err("the signature is not PACO's".to_owned());
        }
        let claims = opened.claims;
        if claims["iss"] != "PacoIssuer" {
            return Err("iss is wrong".to_owned());
        }
        if claims["aud"] != json!(self.token) {
            return Err("aud is wrong".to_owned());
        }
        let now = start_instant().as_second();
        if claims["exp"].as_i64().is_none_or(|exp| exp <= now) {
            return Err("it has expired".to_owned());
        }
        Ok(claims)
    }
}

/// A sealed answer without its two seals.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) jwe: CompactJwe,
    pub(crate) jws: CompactJws,
    pub(crate) claims: Value,
}

/// Decrypts an answer; its signature is not looked at.
pub(crate) fn opened(body: &[u8]) -> Result<Opened, String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let jwe = CompactJwe::parse(text).map_err(|fault| fault.to_string())?;
    let name = jwe.header["enc"].as_str().unwrap_or_default();
    let encryption = ContentEncryption::named(name).ok_or("enc is unknown")?;
    let inner = jwe
        .decrypt(key("merchant-encryption"), KeyWrapping::RsaOaep, encryption)
        .map_err(|fault| fault.to_string())?;
    let inner = String::from_utf8(inner).map_err(|error| error.to_string())?;
    let jws = CompactJws::parse(&inner).map_err(|fault| fault.to_string())?;
    let claims = serde_json::from_slice(&jws.payload).map_err(|error| error.to_string())?;
    Ok(Opened { jwe, jws, claims })
}

impl Message {
    /// The same message to another place.
    pub(crate) fn to(mut self, target: &str) -> Self {
        target.clone_into(&mut self.target);
        self
    }

    /// With a header line set otherwise; an empty value leaves it out.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        set_line(&mut self.headers, name, value);
        self
    }

    /// With a claim set otherwise; `null` leaves it out.
    pub(crate) fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        set_member(&mut self.claims, name, value.into());
        self
    }

    /// With a member of the request set otherwise; `null` leaves it out.
    pub(crate) fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        set_member(&mut self.request, name, value.into());
        self
    }

    /// With a member of the JWS header set otherwise; `null` leaves it out.
    pub(crate) fn jws(mut self, name: &str, value: impl Into<Value>) -> Self {
        set_member(&mut self.jws_header, name, value.into());
        self
    }

    /// With a member of the JWE header set otherwise; `null` leaves it out.
    pub(crate) fn jwe(mut self, name: &str, value: impl Into<Value>) -> Self {
        set_member(&mut self.jwe_header, name, value.into());
        self
    }

    /// Issued at another instant, in seconds from the start.
    pub(crate) fn issued(self, seconds: i64) -> Self {
        let second = start_instant().as_second() + seconds;
        self.claim("iat", second).claim("nbf", second).claim("exp", second + 3600)
    }

    /// Signed with another algorithm, named in the header.
    pub(crate) fn signing(mut self, algorithm: SignatureAlgorithm) -> Self {
        self.signature = algorithm;
        self.jws("alg", algorithm.name())
    }

    /// Encrypted with another content encryption, named in the header.
    pub(crate) fn encrypting(mut self, encryption: ContentEncryption) -> Self {
        self.encryption = encryption;
        self.jwe("enc", encryption.name())
    }

    /// The whole claims.
    pub(crate) fn all_claims(&self) -> Value {
        let mut claims = Map::from_iter([("request".to_owned(), self.request.clone())]);
        claims.extend(self.claims.as_object().cloned().unwrap_or_default());
        Value::Object(claims)
    }

    /// The inner layer.
    pub(crate) fn signed(&self) -> String {
        self.signed_payload(self.all_claims().to_string().as_bytes())
    }

    /// The inner layer around any payload.
    pub(crate) fn signed_payload(&self, payload: &[u8]) -> String {
        jose::sign(key(self.signed_with), self.signature, map(&self.jws_header), payload)
    }

    /// The outer layer around any content.
    pub(crate) fn encrypted(&self, inner: &[u8]) -> String {
        let recipient = key(self.encrypted_to).public();
        let header = map(&self.jwe_header);
        jose::encrypt_with(recipient, self.wrapping, self.encryption, header, inner)
    }

    /// Signed, then encrypted.
    pub(crate) fn sealed(&self) -> Outgoing {
        self.around(&self.signed())
    }

    /// Encrypted around what somebody else made.
    pub(crate) fn around(&self, inner: &str) -> Outgoing {
        self.with_body(self.encrypted(inner.as_bytes()))
    }

    /// Neither signed nor encrypted, and saying so. Accept stays as it is.
    pub(crate) fn plain(&self) -> Outgoing {
        self.with_body(self.request.to_string()).header("content-type", "application/json")
    }

    /// With any body.
    pub(crate) fn with_body(&self, body: impl Into<Vec<u8>>) -> Outgoing {
        Outgoing {
            method: self.method,
            target: self.target.clone(),
            headers: self.headers.clone(),
            body: body.into(),
        }
    }
}

impl Outgoing {
    /// With a header line set otherwise; an empty value leaves it out.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        set_line(&mut self.headers, name, value);
        self
    }

    /// Sends it to the provider's own port.
    #[track_caller]
    pub(crate) fn send(&self, sandbox: &Sandbox) -> Answer {
        sandbox.paco(self.method, &self.target, &self.lines(), &self.body)
    }

    /// Its header lines.
    pub(crate) fn lines(&self) -> Vec<(&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
}

/// A demo key by the name of its file.
pub(crate) fn key(name: &'static str) -> &'static PrivateKey {
    static READ: LazyLock<Mutex<BTreeMap<&'static str, &'static PrivateKey>>> =
        LazyLock::new(Mutex::default);
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    read.entry(name).or_insert_with(|| {
        let path = format!("{}/fixtures/paco/keys/{name}.private.pem", env!("CARGO_MANIFEST_DIR"));
        let pem = std::fs::read_to_string(&path).expect("a demo key of that name");
        Box::leak(Box::new(PrivateKey::read(&pem).expect("a readable demo key")))
    })
}

/// The amount of every test payment.
pub(crate) fn amount() -> Value {
    amount_of(12_550)
}

/// An amount in rupees, from its minor units.
pub(crate) fn amount_of(minor: u32) -> Value {
    json!({
        "amountText": format!("{minor:012}"), "currencyCode": "NPR", "decimalPlaces": 2,
        "amount": f64::from(minor) / 100.0
    })
}

/// The body of an order with a hosted page.
pub(crate) fn page(order_no: &str) -> Value {
    json!({
        "apiRequest": {
            "requestMessageID": "0d7d5c2e-4b56-4c1a-9f0e-6f1f0f6f7a01",
            "requestDateTime": "2026-01-01T00:00:00.000Z",
            "language": "en-US",
        },
        "officeId": "DEMO_MANUAL",
        "orderNo": order_no,
        "productDescription": "Tour deposit",
        "paymentType": "CC",
        "paymentCategory": "ECOM",
        "request3dsFlag": "N",
        "transactionAmount": amount(),
        "notificationURLs": {
            "confirmationURL": "https://shop.test/ok",
            "failedURL": "https://shop.test/failed?way=card",
            "cancellationURL": "https://shop.test/cancel",
            "backendURL": "https://shop.test/notify",
        },
    })
}

/// The body of a direct payment by card.
pub(crate) fn payment(order_no: &str) -> Value {
    let mut request = page(order_no);
    request["creditCardDetails"] = json!({
        "cardNumber": CARD, "cardExpiryMMYY": "1228", "cvvCode": "761", "payerName": "Demo Payer"});
    request
}

/// The body of a void or a settlement.
pub(crate) fn action(order_no: &str, amount_member: &str) -> Value {
    json!({
        "apiRequest": {"requestMessageID": "0d7d5c2e-4b56-4c1a-9f0e-6f1f0f6f7a02"},
        "officeId": "DEMO_MANUAL",
        "orderNo": order_no,
        amount_member: amount(),
    })
}

/// `responseCode` of a message in any dialect.
#[track_caller]
pub(crate) fn code(message: &Value) -> &str {
    let api = message.get("apiResponse").or_else(|| message.get("ApiResponse"));
    let code = api.and_then(|api| api.get("responseCode").or_else(|| api.get("ResponseCode")));
    code.and_then(Value::as_str).unwrap_or_else(|| panic!("no response code in {message}"))
}

fn lines(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn set_line(lines: &mut Vec<(String, String)>, name: &str, value: &str) {
    lines.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    if !value.is_empty() {
        lines.push((name.to_owned(), value.to_owned()));
    }
}

fn set_member(object: &mut Value, name: &str, value: Value) {
    let members = object.as_object_mut().expect("an object");
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value);
    }
}

fn map(value: &Value) -> &Map<String, Value> {
    value.as_object().expect("an object")
}
