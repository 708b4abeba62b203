//! For every check, requests that are wrong in only that way.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, json};

use super::client::{Draft, JSON, PaynetClient, signature, token};
use super::forms::encoded;
use super::merchant::PaynetMerchant;
use super::tokens::{self, Validity};
use crate::blueprint::{CallWish, ClientRequest, Tampering};

/// All tamperings of an endpoint.
pub(super) fn of(
    client: &PaynetClient,
    endpoint: &str,
    merchant: &PaynetMerchant,
    now: Timestamp,
) -> Vec<Tampering> {
    let fresh = || {
        let drafts = client.drafts(endpoint, merchant, now, &CallWish::default());
        drafts.expect("the usual request can be made")
    };
    let right = || fresh().pop().expect("there is a request");
    match endpoint {
        "token" | "oauthToken" => of_tokens(merchant, &right),
        "file" | "fileHead" => of_links(client, merchant, now, endpoint),
        "types" => of_the_guard(merchant, now, &right),
        "download" => {
            let mut all = of_the_guard(merchant, now, &right);
            let no_json = right().body("{");
            all.push(tampering("paynet.json_body", "no JSON", no_json));
            let untyped = right().without("content-type");
            all.push(tampering("paynet.json_body", "no Content-Type", untyped));
            let wish = CallWish {
                set: Map::from_iter([("fiid".to_owned(), json!("Z9999"))]),
                ..CallWish::default()
            };
            let drafts = client.drafts(endpoint, merchant, now, &wish);
            let elsewhere = drafts.expect("any institution can be asked for").pop();
            let elsewhere = elsewhere.expect("there is a request");
            all.push(tampering("paynet.body_fiid_tied", "somebody else's fiid", elsewhere));
            all
        }
        _ => {
            let mut all = of_the_guard(merchant, now, &right);
            let broken = right().json(&json!({"query": "query {"}));
            all.push(tampering("paynet.graphql", "a query that breaks off", broken));
            let untyped = right().without("content-type");
            all.push(tampering("paynet.graphql", "no Content-Type", untyped));
            all
        }
    }
}

pub(super) fn tampering(check: &'static str, what: &'static str, draft: Draft) -> Tampering {
    Tampering {
        check,
        what,
        before: Vec::new(),
        request: draft.request(),
    }
}

fn of_tokens(merchant: &PaynetMerchant, right: &dyn Fn() -> Draft) -> Vec<Tampering> {
    let (id, secret) = (encoded(&merchant.client_id), encoded(&merchant.client_secret));
    let form = |text: String| right().body(text);
    let json = json!({
        "grant_type": "client_credentials",
        "client_id": merchant.client_id,
        "client_secret": merchant.client_secret,
    });
    let as_json = right().with("content-type", JSON).body(json.to_string());
    let all = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    vec![
        tampering(
            "paynet.source_address",
            "an address that is not listed",
            listed_elsewhere(right()),
        ),
        tampering("paynet.token_content_type", "JSON instead of a form", as_json),
        tampering(
            "paynet.token_form",
            "no client_secret",
            form(format!("grant_type=client_credentials&client_id={id}")),
        ),
        tampering("paynet.token_form", "client_id twice", form(format!("{all}&client_id={id}"))),
        tampering("paynet.token_form", "a broken escape", form(format!("{all}&x=%zz"))),
        tampering(
            "paynet.token_form",
            "credentials in header and form",
            right().with("authorization", "Basic YTpi"),
        ),
        tampering(
            "paynet.grant_type",
            "another grant",
            form(all.replace("client_credentials", "password")),
        ),
        tampering(
            "paynet.client",
            "another secret",
            form(format!("grant_type=client_credentials&client_id={id}&client_secret=wrong")),
        ),
        tampering(
            "paynet.client",
            "an unknown client",
            form(format!("grant_type=client_credentials&client_id=nobody&client_secret={secret}")),
        ),
        tampering("paynet.scope", "a scope", form(format!("{all}&scope=reports"))),
    ]
}

fn listed_elsewhere(draft: Draft) -> Draft {
    draft.needs(json!({"ip_allow_list": ["192.0.2.0/24"]}))
}

fn of_links(
    client: &PaynetClient,
    merchant: &PaynetMerchant,
    now: Timestamp,
    endpoint: &str,
) -> Vec<Tampering> {
    let drafts = |endpoint: &str| {
        let drafts = client.drafts(endpoint, merchant, now, &CallWish::default());
        drafts.expect("the usual request can be made")
    };
    let right = || drafts(endpoint).pop().expect("there is a request");
    let at = |target: &str| {
        let mut draft = right();
        target.clone_into(&mut draft.target);
        draft.filled = &[];
        draft
    };
    let requests = |drafts: Vec<Draft>| drafts.into_iter().map(Draft::request).collect::<Vec<_>>();
    let never = json!({"ott_lifetime_s": 0});
    let asked: Vec<Draft> =
        drafts("download").into_iter().map(|draft| draft.needs(never.clone())).collect();
    vec![
        tampering("paynet.link_known", "no token", at("/reports/file?name=x.csv")),
        tampering(
            "paynet.link_known",
            "an unknown token",
            at("/reports/file?name=x.csv&ott=0123456789abcdef0123456789abcdef"),
        ),
        Tampering {
            before: requests(drafts("file")),
            ..tampering("paynet.link_unused", "a link that was used", right())
        },
        Tampering {
            before: requests(asked),
            ..tampering("paynet.link_fresh", "a link that has expired", right().needs(never))
        },
    ]
}

fn of_the_guard(
    merchant: &PaynetMerchant,
    now: Timestamp,
    right: &dyn Fn() -> Draft,
) -> Vec<Tampering> {
    let earlier = |seconds| now.saturating_sub(SignedDuration::from_secs(seconds)).unwrap_or(now);
    let validity = Validity {
        from: now,
        seconds: 3600,
    };
    let forged = tokens::issue(merchant, "forged", validity, b"another key");
    let lifetime = merchant.settings.token_lifetime.as_secs();
    let old = token(merchant, earlier(lifetime + 1));
    let bearer = |token: &str| format!("Bearer {token}");
    let second = now.as_second();
    let wrong_signature = signature(merchant, &(second - 1).to_string());
    let unfit = [format!("{second}000"), format!("{second}.0"), now.to_string()];
    let mut all = vec![
        tampering(
            "paynet.source_address",
            "an address that is not listed",
            listed_elsewhere(right()),
        ),
        tampering("paynet.bearer", "no Authorization", right().without("authorization")),
        tampering("paynet.bearer", "another scheme", right().with("authorization", "Basic YTpi")),
        tampering("paynet.bearer", "no token", right().with("authorization", "Bearer abc")),
        tampering(
            "paynet.bearer",
            "a forged token",
            right().with("authorization", &bearer(&forged)),
        ),
        tampering(
            "paynet.token_expiry",
            "an old token",
            right().with("authorization", &bearer(&old)),
        ),
        tampering("paynet.fiid", "no X-Fiid", without_fiid(right())),
        tampering("paynet.fiid_tied", "somebody else's X-Fiid", right().with("x-fiid", "Z9999")),
        tampering("paynet.timestamp", "no X-Timestamp", right().without("x-timestamp")),
        tampering("paynet.timestamp", "an empty X-Timestamp", right().with("x-timestamp", "")),
        tampering("paynet.signature_present", "no X-Signature", right().without("x-signature")),
        tampering(
            "paynet.timestamp_window",
            "a timestamp of the past",
            right().signed(merchant, &(second - 301).to_string()),
        ),
        tampering(
            "paynet.timestamp_window",
            "a timestamp of the future",
            right().signed(merchant, &(second + 301).to_string()),
        ),
        tampering(
            "paynet.signature",
            "the signature of another second",
            right().with("x-signature", &wrong_signature),
        ),
        tampering(
            "paynet.signature",
            "upper-case hex",
            right().with("x-signature", &signature(merchant, &second.to_string()).to_uppercase()),
        ),
    ];
    for timestamp in unfit {
        let draft = right().signed(merchant, &timestamp);
        all.push(tampering("paynet.timestamp_format", "no ten digits", draft));
    }
    let once = || right().needs(json!({"rate_limit": 1}));
    let before: Vec<ClientRequest> = vec![once().request()];
    all.push(Tampering {
        before,
        ..tampering("paynet.rate_limit", "one request too many", once())
    });
    all
}

/// Where it is not required by default, the merchant must want it.
fn without_fiid(draft: Draft) -> Draft {
    let v2 = draft.endpoint == "query";
    let draft = draft.without("x-fiid");
    if v2 { draft } else { draft.needs(json!({"require_fiid": "all"})) }
}
