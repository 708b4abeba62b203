//! Every provider's declarations held against its behaviour: each endpoint accepts what is right with
//! exactly its declared checks, and each declared check refuses alone what is wrong in its one way.

use std::collections::BTreeSet;
use std::sync::Arc;

use sandgate::blueprint::{Client, ClientRequest, Endpoint, Merchant, Provider, Tampering};
use serde_json::{Value, json};

use crate::harness::{Answer, Sandbox, start_instant};

#[test]
fn a_right_request_climbs_exactly_the_declared_ladder() {
    let sandbox = Sandbox::start();

    for (provider, client, endpoint) in endpoints(&sandbox) {
        let name = format!("{}-{}", provider.id(), endpoint.name);
        let merchant = merchant(&sandbox, &provider, &name, &json!({}));
        let requests = client.correct(endpoint.name, &merchant, start_instant());
        let answer = send_all(&sandbox, &provider, client, &merchant, requests);

        let redirected = answer.status == 303 && answer.header("location").is_some();
        assert!(answer.status == 200 || redirected, "{name}: {} {}", answer.status, answer.text());
        let explanation = sandbox.explanation(&answer.exchange());
        assert_eq!(explanation["verdict"], "accepted", "{name}");
        assert_eq!(explanation["attribution"], "proven", "{name}");
        assert_eq!(explanation["endpoint"], endpoint.name, "{name}");
        let ladder = ladder(&explanation);
        assert_eq!(ids(&ladder), declared(endpoint), "{name}");
        for (id, verdict) in &ladder {
            assert!(["passed", "skipped"].contains(&verdict.as_str()), "{name}: {id} {verdict}");
        }
    }
}

#[test]
fn each_tampering_fails_its_own_check_and_no_other() {
    let sandbox = Sandbox::start();

    for (provider, client, endpoint) in endpoints(&sandbox) {
        for (tampering, merchant) in tamperings(&sandbox, &provider, client, endpoint) {
            let what = format!("{} {}: {}", provider.id(), endpoint.name, tampering.what);
            let state = || {
                let path = format!("/transactions?merchant={}", merchant.id());
                sandbox.admin_get(&path).json()["items"].clone()
            };
            let mut prepared = Value::Null;
            for request in tampering.before {
                let answer = send(&sandbox, &provider, &request.filled_from(&prepared));
                answer.assert_status(200);
                remember(&mut prepared, opened(client, &merchant, &answer));
            }
            let before = state();
            let answer = send(&sandbox, &provider, &tampering.request.filled_from(&prepared));

            let explanation = sandbox.explanation(&answer.exchange());
            assert_eq!(explanation["verdict"], "refused", "{what}");
            assert_eq!(explanation["failed_check"], tampering.check, "{what}");
            let ladder = ladder(&explanation);
            assert_eq!(ids(&ladder), declared(endpoint), "{what}");
            let broken = ladder
                .iter()
                .position(|(id, _)| id == tampering.check)
                .unwrap_or_else(|| panic!("{what}: {} is not declared", tampering.check));
            for (position, (id, verdict)) in ladder.iter().enumerate() {
                let fits = match position.cmp(&broken) {
                    std::cmp::Ordering::Less => ["passed", "skipped"].contains(&verdict.as_str()),
                    std::cmp::Ordering::Equal => verdict == "failed",
                    std::cmp::Ordering::Greater => verdict == "not_reached",
                };
                assert!(fits, "{what}: {id} is {verdict}");
            }
            let failed = &explanation["checks"][broken];
            for member in ["expected", "got", "fix", "clause"] {
                let text = failed[member].as_str().unwrap_or_default();
                assert!(!text.is_empty(), "{what}: no {member} in {failed}");
            }
            assert_eq!(
                refusal(client, &merchant, &answer),
                wording(provider.id(), tampering.check, endpoint.name),
                "{what}"
            );
            assert_eq!(state(), before, "{what} has changed something");
        }
    }
}

#[test]
fn every_declared_check_has_a_tampering() {
    let sandbox = Sandbox::start();

    for (provider, client, endpoint) in endpoints(&sandbox) {
        let merchant = merchant(&sandbox, &provider, &format!("m-{}", endpoint.name), &json!({}));
        let tampered = client.tampered(endpoint.name, &merchant, start_instant());

        let covered: BTreeSet<&str> = tampered.iter().map(|tampering| tampering.check).collect();
        let wanted: BTreeSet<&str> = declared(endpoint).into_iter().collect();
        assert_eq!(covered, wanted, "{} {}", provider.id(), endpoint.name);
    }
}

#[test]
fn a_provider_declares_every_check_of_its_endpoints_once() {
    let sandbox = Sandbox::start();

    for provider in sandbox.emulator.providers() {
        let all: Vec<&str> = provider.checks().iter().map(|check| check.id).collect();
        let once: BTreeSet<&str> = all.iter().copied().collect();
        assert_eq!(all.len(), once.len(), "{}: a check is declared twice", provider.id());
        for endpoint in provider.endpoints() {
            for id in declared(endpoint) {
                assert!(
                    once.contains(id),
                    "{} declares {id}, its provider does not",
                    endpoint.name
                );
            }
        }
        for check in provider.checks() {
            let prefix = format!("{}.", provider.id());
            assert!(check.id.starts_with(&prefix), "{} is not {}'s", check.id, provider.id());
        }
    }
}

/// Every endpoint of every provider, with the provider's correct caller.
fn endpoints(sandbox: &Sandbox) -> Vec<(Arc<dyn Provider>, &dyn Client, &Endpoint)> {
    let providers = sandbox.emulator.providers();
    let rows: Vec<_> = providers
        .iter()
        .flat_map(|provider| {
            let client = provider.client().expect("every provider has a correct caller");
            provider.endpoints().iter().map(move |row| (Arc::clone(provider), client, row))
        })
        .collect();
    assert!(!rows.is_empty(), "there is nothing to hold to its declarations");
    rows
}

/// Every tampering of an endpoint, made for a merchant with the settings that it needs.
fn tamperings(
    sandbox: &Sandbox,
    provider: &Arc<dyn Provider>,
    client: &dyn Client,
    endpoint: &Endpoint,
) -> Vec<(Tampering, Arc<Merchant>)> {
    let name = |number: usize| format!("{}-{}-{number}", provider.id(), endpoint.name);
    let usual = merchant(sandbox, provider, &name(0), &json!({}));
    let all = client.tampered(endpoint.name, &usual, start_instant());
    let mut merchants = vec![(json!({}), usual)];
    for tampering in all {
        let settings = tampering.request.settings;
        if merchants.iter().all(|(known, _)| *known != settings) {
            let merchant = merchant(sandbox, provider, &name(merchants.len()), &settings);
            merchants.push((settings, merchant));
        }
    }
    merchants
        .into_iter()
        .flat_map(|(settings, merchant)| {
            client
                .tampered(endpoint.name, &merchant, start_instant())
                .into_iter()
                .filter(move |tampering| tampering.request.settings == settings)
                .map(move |tampering| (tampering, Arc::clone(&merchant)))
        })
        .collect()
}

#[track_caller]
fn merchant(
    sandbox: &Sandbox,
    provider: &Arc<dyn Provider>,
    id: &str,
    settings: &Value,
) -> Arc<Merchant> {
    let asked = json!({"provider": provider.id(), "id": id, "settings": settings});
    sandbox.admin_post("/merchants", &asked).assert_status(201);
    sandbox.emulator.services().merchants.by_id(id).expect("it was just created")
}

/// Sends requests one after the other, each filled from what the one before was answered.
#[track_caller]
fn send_all(
    sandbox: &Sandbox,
    provider: &Arc<dyn Provider>,
    client: &dyn Client,
    merchant: &Merchant,
    requests: Vec<ClientRequest>,
) -> Answer {
    let mut said = Value::Null;
    let mut last = None;
    for request in requests {
        let answer = send(sandbox, provider, &request.filled_from(&said));
        said = opened(client, merchant, &answer);
        last = Some(answer);
    }
    last.expect("a correct caller sends something")
}

#[track_caller]
fn opened(client: &dyn Client, merchant: &Merchant, answer: &Answer) -> Value {
    let kind = answer.header("content-type").unwrap_or_default();
    client
        .open(merchant, kind, &answer.body)
        .unwrap_or_else(|objection| panic!("{objection}: {}", answer.text()))
}

#[track_caller]
fn send(sandbox: &Sandbox, provider: &Arc<dyn Provider>, request: &ClientRequest) -> Answer {
    let headers: Vec<(&str, &str)> =
        request.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let method = request.method.as_str();
    if request.tls {
        let id = provider.id();
        assert_eq!(id, "paco", "give the sandbox a caller over TLS for {id}");
        return sandbox.paco_over_tls(method, &request.target, &headers, &request.body);
    }
    sandbox.send(provider.id(), method, &request.target, &headers, &request.body)
}

/// What answers have said so far: the later one wins member by member.
fn remember(prepared: &mut Value, said: Value) {
    match (prepared, said) {
        (Value::Object(known), Value::Object(said)) => known.extend(said),
        (known, said) => *known = said,
    }
}

fn declared(endpoint: &Endpoint) -> Vec<&'static str> {
    endpoint.checks.iter().map(|check| check.id).collect()
}

fn ladder(explanation: &Value) -> Vec<(String, String)> {
    let rungs = explanation["checks"].as_array().expect("an explanation has a ladder");
    rungs
        .iter()
        .map(|rung| {
            let text = |member: &str| rung[member].as_str().unwrap_or_default().to_owned();
            (text("id"), text("verdict"))
        })
        .collect()
}

fn ids(ladder: &[(String, String)]) -> Vec<&str> {
    ladder.iter().map(|(id, _)| id.as_str()).collect()
}

/// What of a refusal a client can tell apart: status, form, challenge and words.
#[track_caller]
fn refusal(client: &dyn Client, merchant: &Merchant, answer: &Answer) -> Value {
    let kind = answer.header("content-type").unwrap_or_default();
    let said = client.open(merchant, kind, &answer.body).expect("a refusal can be read");
    let message = said.get("response").unwrap_or(&said);
    let heading = message["page"].as_str().and_then(|page| {
        let (_, rest) = page.split_once("<h1>")?;
        rest.split_once("</h1>").map(|(heading, _)| heading.to_owned())
    });
    let body = match message.get("apiResponse") {
        None if heading.is_some() => json!({ "heading": heading }),
        None => message.clone(),
        Some(api) => json!({
            "data": message["data"],
            "version": message["version"],
            "responseCode": api["responseCode"],
            "responseDescription": api["responseDescription"],
        }),
    };
    json!({
        "status": answer.status,
        "content_type": kind.split(';').next(),
        "challenge": answer.header("www-authenticate"),
        "body": body,
    })
}

/// How a provider words the refusal of a check, from its contract.
fn wording(provider: &str, check: &str, endpoint: &str) -> Value {
    if provider == "paynet" {
        return paynet_wording(check, endpoint);
    }
    assert_eq!(provider, "paco", "write down how {provider} words its refusals");
    let plain = |status: u16, message: &str| {
        json!({
            "status": status,
            "content_type": "application/json",
            "challenge": null,
            "body": {"message": message},
        })
    };
    let page = |status: u16, heading: &str| {
        json!({
            "status": status,
            "content_type": "text/html",
            "challenge": null,
            "body": {"heading": heading},
        })
    };
    match check {
        "paco.https" | "paco.source_address" => plain(403, "Access Denied"),
        "paco.token" => plain(401, "Access Denied"),
        "paco.basic" => {
            let mut answer = plain(401, "Access Denied");
            answer["challenge"] = json!("Basic realm=\"PACO\"");
            answer
        }
        "paco.content_type" => plain(415, "Unsupported media type"),
        "paco.message_encryption" => plain(400, "Message encryption is required"),
        "paco.expiry" | "paco.lifetime" => plain(400, "Token is expired"),
        "paco.page" | "paco.creq" => page(404, "This payment page does not exist"),
        "paco.page_form" => page(422, "Pay NPR 125.50"),
        "paco.three_ds_session" | "paco.challenge_answer" => {
            page(400, "This confirmation cannot be read")
        }
        "paco.fields" => {
            let sealed = endpoint != "transactionStatus";
            let (code, text) = match endpoint {
                "refund" => ("PC-B050039", "Refund request is malformed"),
                _ => ("PC-B050095", "Invalid request received"),
            };
            json!({
                "status": 400,
                "content_type": if sealed { "application/jose" } else { "application/json" },
                "challenge": null,
                "body": {
                    "data": null,
                    "version": "2.0",
                    "responseCode": code,
                    "responseDescription": text,
                },
            })
        }
        _ => plain(400, "Invalid token"),
    }
}

/// How PayNet's portal words the refusal of a check.
fn paynet_wording(check: &str, endpoint: &str) -> Value {
    let said = |status: u16, body: Value| {
        json!({
            "status": status,
            "content_type": "application/json",
            "challenge": null,
            "body": body,
        })
    };
    let plain = |status: u16, message: &str| said(status, json!({ "message": message }));
    let oauth = |status: u16, error: &str, text: &str| {
        said(status, json!({"error": error, "error_description": text}))
    };
    let malformed = "The request is missing a parameter, repeats one, or is malformed";
    match check {
        "paynet.source_address" => plain(403, "Forbidden"),
        "paynet.token_content_type" | "paynet.token_form" => {
            oauth(400, "invalid_request", malformed)
        }
        "paynet.grant_type" => {
            oauth(400, "unsupported_grant_type", "The grant type is not supported")
        }
        "paynet.client" => oauth(401, "invalid_client", "Client authentication failed"),
        "paynet.scope" => oauth(400, "invalid_scope", "The scope is invalid"),
        "paynet.bearer" | "paynet.token_expiry" | "paynet.fiid_tied" | "paynet.body_fiid_tied" => {
            plain(400, "Access to this resource is forbidden")
        }
        "paynet.fiid" => plain(400, "X-Fiid is required"),
        "paynet.timestamp" => plain(400, "Timestamp is required"),
        "paynet.signature_present" => plain(400, "Signature is required"),
        "paynet.timestamp_format" | "paynet.timestamp_window" => {
            plain(400, "Timestamp not within valid range")
        }
        "paynet.signature" => plain(400, "Invalid signature"),
        "paynet.rate_limit" => plain(429, "Too Many Requests"),
        "paynet.json_body" => said(
            200,
            json!({
                "success": false,
                "error": {"code": "E0012", "message": "Unprocessable request"},
            }),
        ),
        "paynet.graphql" => said(
            200,
            json!({
                "data": null,
                "errors": [{
                    "message": "Unprocessable request",
                    "extensions": {"code": "E0012"},
                }],
            }),
        ),
        _ if endpoint == "fileHead" => said(403, Value::Null),
        "paynet.link_known" | "paynet.link_unused" | "paynet.link_fresh" => {
            plain(403, "OTT invalid")
        }
        other => panic!("write down how paynet words the refusal of {other} at {endpoint}"),
    }
}
