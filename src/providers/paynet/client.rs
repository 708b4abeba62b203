//! A correct caller of the portal.

use std::io::Read as _;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::GzDecoder;
use hyper::http::Method;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::client_tamperings;
use super::errors::Api;
use super::forms::encoded;
use super::merchant::PaynetMerchant;
use super::reports::calendar::{Month, today};
use super::reports::catalogue::V2Kind;
use super::reports::summary::Summary;
use super::settings::RequireFiid;
use super::tokens::{self, Validity};
use crate::blueprint::{
    CallError, CallWish, Client, ClientAnswer, ClientRequest, Endpoint, KeyNote, Merchant, Reading,
    Routes, Tampering,
};
use crate::crypto::hashes::hmac_sha256;
use crate::{ids, json, limits};

/// The correct caller.
#[derive(Debug)]
pub(super) struct PaynetClient {
    routes: Routes,
}

/// A request under construction.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub endpoint: &'static str,
    method: Method,
    pub target: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    opened: Value,
    pub settings: Value,
    pub filled: &'static [(&'static str, &'static str)],
}

pub(super) const FORM: &str = "application/x-www-form-urlencoded";
pub(super) const JSON: &str = "application/json";

/// Numbers the tokens of this process.
static TOKENS: AtomicU64 = AtomicU64::new(1);

impl PaynetClient {
    pub(super) fn new(endpoints: &[Endpoint]) -> Self {
        Self {
            routes: Routes::of(endpoints),
        }
    }

    /// What comes first, and the request itself.
    pub(super) fn drafts(
        &self,
        endpoint: &str,
        merchant: &PaynetMerchant,
        now: Timestamp,
        wish: &CallWish,
    ) -> Result<Vec<Draft>, CallError> {
        let route = self.routes.to(endpoint);
        let draft = Draft {
            endpoint: route.endpoint,
            method: route.method.clone(),
            target: route.path.to_owned(),
            headers: vec![("accept", JSON.to_owned())],
            body: Vec::new(),
            opened: json!({}),
            settings: json!({}),
            filled: &[],
        };
        match endpoint {
            "token" | "oauthToken" => {
                let form = wish.applied_to(usual_form(merchant))?;
                Ok(vec![draft.form(&form)])
            }
            "download" => {
                let body = Value::Object(wish.applied_to(usual_download(merchant, now))?);
                Ok(vec![draft.guarded(merchant, now, wish).json(&body)])
            }
            "query" => {
                let kind = wish.named("report").and_then(Value::as_str).and_then(V2Kind::find);
                let kind = kind.unwrap_or(V2Kind::Itemised);
                // The institution stands in a header here; whoever names one means that.
                let fiid = wish.named("fiid").and_then(Value::as_str);
                let mut wish = wish.clone();
                wish.set.retain(|name, _| !name.eq_ignore_ascii_case("fiid"));
                wish.body.retain(|name, _| !name.eq_ignore_ascii_case("fiid"));
                let input = wish.applied_to(usual_input(kind, now))?;
                let body = json!({"query": query(kind), "variables": {"input": input}});
                let mut draft = draft.guarded(merchant, now, &wish).json(&body);
                if let Some(fiid) = fiid {
                    draft = draft.with("x-fiid", fiid);
                }
                Ok(vec![draft])
            }
            "file" | "fileHead" => {
                let mut drafts = self.drafts("download", merchant, now, wish)?;
                let link = Draft {
                    target: "{url}".to_owned(),
                    filled: &[("{url}", "/data/url")],
                    ..draft
                };
                drafts.push(link);
                Ok(drafts)
            }
            _ => Ok(vec![draft.guarded(merchant, now, wish)]),
        }
    }
}

fn usual_form(merchant: &PaynetMerchant) -> Map<String, Value> {
    let form = json!({
        "grant_type": "client_credentials",
        "client_id": merchant.client_id,
        "client_secret": merchant.client_secret,
    });
    form.as_object().cloned().unwrap_or_default()
}

/// The query as GraphQL has it; the one that the documents print is not.
pub(super) const QUERY: &str = "query($input: ReportParam){Report(input:$input){status url expiry \
                                checksum{rows size md5hash}}}";

/// The last day that is over in Malaysia.
fn last_day(now: Timestamp) -> String {
    let yesterday = today(now).yesterday().unwrap_or(today(now));
    yesterday.to_string()
}

fn usual_download(merchant: &PaynetMerchant, now: Timestamp) -> Map<String, Value> {
    let body = json!({
        "fiid": merchant.fiids.first(),
        "report_type": "SETL01",
        "product": "SAN",
        "date": last_day(now),
        "window": "",
    });
    body.as_object().cloned().unwrap_or_default()
}

fn usual_input(kind: V2Kind, now: Timestamp) -> Map<String, Value> {
    let mut input = Map::new();
    input.insert("product".to_owned(), json!("MYD"));
    input.insert("report".to_owned(), json!(kind.code()));
    if kind == V2Kind::Month {
        let last = Month::of(today(now)).before();
        input.insert("month".to_owned(), json!(last.to_string()));
    } else {
        input.insert("date".to_owned(), json!(last_day(now)));
    }
    if kind == V2Kind::Itemised {
        let fields = json!(["settlement_cycle", "reference_id", "transaction_amount"]);
        input.insert("fields".to_owned(), fields);
    }
    input
}

/// The query for a report: a file's state, or a summary's lines with all their members.
fn query(kind: V2Kind) -> String {
    if kind == V2Kind::Itemised {
        return QUERY.to_owned();
    }
    let members = Summary::members(kind == V2Kind::Month).join(" ");
    format!("query($input: SummaryParam){{Summary(input:$input){{rows{{{members}}}}}}}")
}

/// A token as the token endpoint would issue it.
pub(super) fn token(merchant: &PaynetMerchant, from: Timestamp) -> String {
    let number = TOKENS.fetch_add(1, Ordering::Relaxed);
    let seconds = merchant.settings.token_lifetime.as_secs();
    let validity = Validity { from, seconds };
    tokens::issue(merchant, &format!("call-{number}"), validity, &merchant.token_key)
}

/// The signature of a timestamp's text.
pub(super) fn signature(merchant: &PaynetMerchant, timestamp: &str) -> String {
    ids::hex(&hmac_sha256(merchant.client_secret.as_bytes(), timestamp.as_bytes()))
}

impl Draft {
    pub(super) fn form(mut self, form: &Map<String, Value>) -> Self {
        let pairs: Vec<String> = form
            .iter()
            .map(|(name, value)| {
                let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
                format!("{}={}", encoded(name), encoded(&value))
            })
            .collect();
        let mut opened = form.clone();
        opened.remove("client_secret");
        self.opened = Value::Object(opened);
        self.with("content-type", FORM).body(pairs.join("&"))
    }

    fn guarded(self, merchant: &PaynetMerchant, now: Timestamp, wish: &CallWish) -> Self {
        let required = match merchant.settings.require_fiid {
            RequireFiid::All => true,
            RequireFiid::V2Only => Api::of(self.endpoint) == Api::V2,
            RequireFiid::Off => false,
        };
        let bearer = format!("Bearer {}", token(merchant, now));
        let mut draft = self.with("authorization", &bearer);
        if required {
            draft = draft.with("x-fiid", merchant.fiids.first().map_or("", String::as_str));
        }
        if wish.plain {
            return draft;
        }
        draft.signed(merchant, &now.as_second().to_string())
    }

    pub(super) fn json(mut self, body: &Value) -> Self {
        self.opened = body.clone();
        self.with("content-type", JSON).body(body.to_string())
    }

    /// Signs a timestamp's text.
    pub(super) fn signed(self, merchant: &PaynetMerchant, timestamp: &str) -> Self {
        let signature = signature(merchant, timestamp);
        self.with("x-timestamp", timestamp).with("x-signature", &signature)
    }

    /// The same with a header, in place of the one of that name.
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    pub(super) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(super) fn needs(mut self, settings: Value) -> Self {
        self.settings = settings;
        self
    }

    pub(super) fn request(self) -> ClientRequest {
        ClientRequest {
            endpoint: self.endpoint,
            method: self.method,
            target: self.target,
            headers: self.headers,
            body: self.body,
            opened: self.opened,
            subject: None,
            tls: false,
            settings: self.settings,
            filled: self.filled,
        }
    }
}

impl Client for PaynetClient {
    fn correct(&self, endpoint: &str, merchant: &Merchant, now: Timestamp) -> Vec<ClientRequest> {
        self.request(endpoint, merchant, now, &CallWish::default())
            .expect("whoever wishes nothing special gets the usual request")
    }

    fn request(
        &self,
        endpoint: &str,
        merchant: &Merchant,
        now: Timestamp,
        wish: &CallWish,
    ) -> Result<Vec<ClientRequest>, CallError> {
        if wish.version.is_some() {
            return Err(CallError::Wish {
                member: "version".to_owned(),
                reason: "the portal's version is part of the path".to_owned(),
                fix: "leave version out; the endpoints of v1 and v2 have different names"
                    .to_owned(),
            });
        }
        let parts = merchant.parts::<PaynetMerchant>();
        let drafts = self.drafts(endpoint, &parts, now, wish)?;
        Ok(drafts.into_iter().map(Draft::request).collect())
    }

    fn transaction(&self, _wish: &CallWish) -> Option<(&'static str, String)> {
        None
    }

    fn tampered(&self, endpoint: &str, merchant: &Merchant, now: Timestamp) -> Vec<Tampering> {
        client_tamperings::of(self, endpoint, &merchant.parts::<PaynetMerchant>(), now)
    }

    fn open(&self, _merchant: &Merchant, content_type: &str, body: &[u8]) -> Result<Value, String> {
        if body.is_empty() {
            return Ok(Value::Null);
        }
        if content_type.starts_with(JSON) {
            return json::parse(body).map_err(|fault| fault.to_string());
        }
        Ok(json!({ "file": String::from_utf8_lossy(body) }))
    }

    fn read(
        &self,
        _merchant: &Merchant,
        _now: Timestamp,
        _request: &ClientRequest,
        answer: ClientAnswer<'_>,
    ) -> Reading {
        if !answer.content_type.starts_with(JSON) {
            return Reading {
                message: Value::String(text_of(answer.body)),
                code: None,
                objection: None,
            };
        }
        match json::parse(answer.body) {
            Ok(message) => Reading {
                code: code(&message),
                message,
                objection: None,
            },
            Err(fault) => Reading {
                message: Value::Null,
                code: None,
                objection: Some(format!("the answer is no JSON: {fault}")),
            },
        }
    }

    fn keys(&self, _merchant: &Merchant) -> Vec<KeyNote> {
        Vec::new()
    }
}

/// A file as text. It may come compressed although nobody asked for that (`download_gzip`).
fn text_of(body: &[u8]) -> String {
    const GZIP: &[u8] = &[0x1f, 0x8b];
    let mut plain = String::new();
    let is_read = body.starts_with(GZIP)
        && GzDecoder::new(body)
            .take(limits::CALL_ANSWER_BYTES as u64)
            .read_to_string(&mut plain)
            .is_ok();
    if is_read { plain } else { String::from_utf8_lossy(body).into_owned() }
}

/// The provider's own code in an answer: an E-code, or an OAuth2 error.
fn code(message: &Value) -> Option<String> {
    ["/errors/0/extensions/code", "/error/code", "/error"]
        .iter()
        .find_map(|pointer| message.pointer(pointer).and_then(Value::as_str))
        .map(ToOwned::to_owned)
}
