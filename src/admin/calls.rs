//! Calls: a correct request, made with the merchant's own keys and sent to the provider's port over a
//! socket, so that it is an exchange like any client's.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::routing::post;
use axum::{Json, Router};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Admin;
use super::merchants::find;
use super::problem::Problem;
use super::query::{Query, did_you_mean, object};
use crate::blueprint::{
    CallError, CallWish, Client, ClientAnswer, ClientRequest, Merchant, Provider, Reading,
};
use crate::outbound::{self, OutboundRequest};
use crate::store::ExchangeFilter;
use crate::{limits, masking};

/// What is asked for.
#[derive(Deserialize)]
struct Asked {
    provider: String,
    endpoint: String,
    merchant: Option<String>,
    version: Option<String>,
    #[serde(default)]
    set: Map<String, Value>,
    #[serde(default)]
    body: Map<String, Value>,
    #[serde(default)]
    plain: bool,
}

/// One request that went out, and what became of it.
struct Sent {
    exchange: Option<String>,
    /// `None`: no answer came.
    status: Option<u16>,
    reading: Reading,
}

const MEMBERS: [&str; 7] = ["provider", "endpoint", "merchant", "version", "set", "body", "plain"];

/// The paths of this resource.
pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new().route("/calls", post(call))
}

async fn call(
    State(admin): State<Arc<Admin>>,
    uri: Uri,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    Query::read(&uri, &[])?;
    let asked = read(&body)?;
    let provider = Arc::clone(admin.provider(&asked.provider)?);
    let client = caller(&provider)?;
    let endpoint = endpoint(provider.as_ref(), &asked.endpoint)?;
    let merchant = merchant(&admin, provider.as_ref(), asked.merchant.as_deref())?;
    let now = merchant.now(admin.services.clock.now());
    let mut wish = CallWish {
        version: asked.version,
        body: asked.body,
        set: asked.set,
        plain: asked.plain,
        serial: admin.services.store.last_sequence().await?,
        known: None,
    };
    if let Some((kind, key)) = client.transaction(&wish) {
        let kept = admin.services.store.transaction(merchant.id(), kind, &key).await?;
        wish.known = kept.and_then(|kept| serde_json::from_str(&kept.state).ok());
    }
    let mut requests = made(&admin, &provider, endpoint, &merchant, now, wish).await?;
    let Some(last) = requests.pop() else {
        return Err(Problem::conflict(
            format!("{} has no request to {endpoint}", provider.title()),
            "call another endpoint",
        ));
    };
    let mut preparations = Vec::new();
    let mut said = Value::Null;
    // Each takes from the answer before it what it needs: a status alone says little of a business.
    let follow = requests.iter().skip(1).cloned().chain([last.clone()]).collect::<Vec<_>>();
    for (request, next) in requests.into_iter().zip(follow) {
        let request = request.filled_from(&said);
        let sent = send(&admin, &provider, &merchant, now, &request).await?;
        let is_accepted = sent.status.is_some_and(|status| status < 300);
        if !is_accepted || next.lacks(&sent.reading.message).is_some() {
            return Err(unprepared(&request, &sent));
        }
        preparations.push(json!({
            "endpoint": request.endpoint,
            "subject": request.subject,
            "exchange": sent.exchange,
            "status": sent.status,
        }));
        said = sent.reading.message;
    }
    let last = last.filled_from(&said);
    let sent = send(&admin, &provider, &merchant, now, &last).await?;
    Ok(Json(shown(&merchant, &preparations, &last, &sent)))
}

fn read(body: &[u8]) -> Result<Asked, Problem> {
    let members = object(body, &MEMBERS)?;
    serde_json::from_value(members.into()).map_err(|error| {
        Problem::bad_request(
            format!("the call cannot be read: {error}"),
            "send {\"provider\": …, \"endpoint\": …} with merchant, version, set and body (two \
             objects) and plain (true or false) as you like",
        )
    })
}

fn caller(provider: &Arc<dyn Provider>) -> Result<&dyn Client, Problem> {
    provider.client().ok_or_else(|| {
        Problem::conflict(
            format!("{} has no caller of its own", provider.title()),
            "send the request with a client of your own",
        )
    })
}

fn endpoint(provider: &dyn Provider, asked: &str) -> Result<&'static str, Problem> {
    let known: Vec<&'static str> = provider.endpoints().iter().map(|row| row.name).collect();
    known.iter().copied().find(|name| name.eq_ignore_ascii_case(asked)).ok_or_else(|| {
        Problem::bad_request(
            format!("{} has no endpoint \"{asked}\"", provider.id()),
            did_you_mean(asked, &known),
        )
    })
}

/// The merchant that is named, or the demo merchant.
fn merchant(
    admin: &Admin,
    provider: &dyn Provider,
    asked: Option<&str>,
) -> Result<Arc<Merchant>, Problem> {
    let demo = provider.demo().id.unwrap_or_default();
    let merchant = find(admin, asked.unwrap_or(&demo))?;
    if merchant.record.provider == provider.id() {
        return Ok(merchant);
    }
    Err(Problem::bad_request(
        format!(
            "merchant \"{}\" is one of {}, not of {}",
            merchant.id(),
            merchant.record.provider,
            provider.id()
        ),
        format!("GET /merchants?provider={} lists those that can be called for", provider.id()),
    ))
}

/// The requests, signed on the threads that are there for it.
async fn made(
    admin: &Admin,
    provider: &Arc<dyn Provider>,
    endpoint: &'static str,
    merchant: &Arc<Merchant>,
    now: Timestamp,
    wish: CallWish,
) -> Result<Vec<ClientRequest>, Problem> {
    let (provider, merchant) = (Arc::clone(provider), Arc::clone(merchant));
    let making = move || -> Result<Vec<ClientRequest>, Problem> {
        Ok(caller(&provider)?.request(endpoint, &merchant, now, &wish)?)
    };
    admin.services.rsa.run(making).await
}

async fn send(
    admin: &Admin,
    provider: &Arc<dyn Provider>,
    merchant: &Arc<Merchant>,
    now: Timestamp,
    request: &ClientRequest,
) -> Result<Sent, Problem> {
    let before = admin.services.store.last_sequence().await?;
    let base = admin.base_urls.get(provider.id()).cloned().unwrap_or_default();
    let base = if request.tls { base.replacen("http:", "https:", 1) } else { base };
    let outgoing = OutboundRequest {
        method: request.method.clone(),
        url: format!("{base}{}", request.target),
        headers: request.headers.clone(),
        body: request.body.clone().into(),
        time_limit: limits::CALL,
        most_bytes: limits::CALL_ANSWER_BYTES,
    };
    let answer = if request.tls {
        outbound::send_secured(outgoing, admin.courier.tls()).await
    } else {
        outbound::send(outgoing).await
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            return Ok(Sent {
                exchange: the_only_one_since(admin, provider.id(), request, before).await?,
                status: None,
                reading: Reading {
                    message: Value::Null,
                    code: None,
                    objection: Some(format!("no answer came: {error}")),
                },
            });
        }
    };
    let header = |name: &str| answer.headers.get(name)?.to_str().ok().map(ToOwned::to_owned);
    let exchange = match header("sandgate-exchange") {
        Some(exchange) => Some(exchange),
        None => the_only_one_since(admin, provider.id(), request, before).await?,
    };
    let status = answer.status.as_u16();
    let content_type = header("content-type").unwrap_or_default();
    let (provider, merchant) = (Arc::clone(provider), Arc::clone(merchant));
    let (request, body) = (request.clone(), answer.body);
    let reading = move || -> Result<Reading, Problem> {
        let answer = ClientAnswer {
            status,
            content_type: &content_type,
            body: &body,
        };
        Ok(caller(&provider)?.read(&merchant, now, &request, answer))
    };
    Ok(Sent {
        exchange,
        status: Some(status),
        reading: admin.services.rsa.run(reading).await?,
    })
}

/// The exchange of a request whose answer does not name it. If others came at the same time, nobody
/// can tell them apart from outside, and no name is better than a wrong one.
async fn the_only_one_since(
    admin: &Admin,
    provider: &str,
    request: &ClientRequest,
    before: i64,
) -> Result<Option<String>, Problem> {
    let filter = ExchangeFilter {
        provider: Some(provider.to_owned()),
        endpoint: Some(request.endpoint.to_owned()),
        after: Some(before),
        ..ExchangeFilter::newest(2)
    };
    let found = admin.services.store.exchanges(&filter).await?;
    Ok(match &found[..] {
        [only] => Some(admin.exchange_id(only.seq)),
        _ => None,
    })
}

/// What had to come first did not work out, so the call itself would prove nothing.
fn unprepared(request: &ClientRequest, sent: &Sent) -> Problem {
    let answered = match (sent.status, &sent.reading.objection) {
        (Some(status), _) => match &sent.reading.code {
            Some(code) => format!("answered with {status}, {code}"),
            None => format!("answered with {status}"),
        },
        (None, objection) => objection.clone().unwrap_or_default(),
    };
    let exchange = sent.exchange.as_deref().unwrap_or("that is not known");
    Problem::conflict(
        format!(
            "the {} that has to come first was not accepted: {answered} (exchange {exchange})",
            request.endpoint
        ),
        "ask for the explanation of that exchange; or name what exists already, as in {\"set\": \
         {\"orderNo\": \"…\"}}",
    )
}

fn shown(
    merchant: &Merchant,
    preparations: &[Value],
    request: &ClientRequest,
    sent: &Sent,
) -> Value {
    // The journal shows no card data either.
    let mut opened = request.opened.clone();
    masking::mask_value(&mut opened);
    json!({
        "exchange": sent.exchange,
        "merchant": merchant.id(),
        "endpoint": request.endpoint,
        "preparations": preparations,
        "request": {
            "method": request.method.as_str(),
            "target": request.target,
            "headers": request.headers,
            "opened": opened,
        },
        "status": sent.status,
        "code": sent.reading.code,
        "verified": sent.reading.objection.is_none(),
        "objection": sent.reading.objection,
        "answer": sent.reading.message,
    })
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        let detail = error.to_string();
        match error {
            CallError::Wish { fix, .. } => Self::new(StatusCode::BAD_REQUEST, detail, fix),
            CallError::KeyElsewhere { .. } => Self::conflict(
                detail,
                "call for the demo merchant, for one whose keys are made here (POST /merchants \
                 with {\"credentials\": {\"keys\": \"generate\"}}), or send plain JSON with \
                 {\"plain\": true}; whoever has the key sends sealed requests",
            ),
        }
    }
}
