//! The payer's browser as a correct caller plays it, and browsers that are wrong in one way.

use hyper::http::Method;
use serde_json::{Map, Value, json};

use super::constants::ANSWER_PATH;
use crate::blueprint::{CallWish, ClientRequest, Tampering};

/// A browser's request, and what its shop must have done before.
pub(super) struct Visit {
    pub shop: Shop,
    pub request: ClientRequest,
}

/// What a shop does before a browser comes.
#[derive(Clone, Copy)]
pub(super) enum Shop {
    /// Creates an order with a hosted page.
    CreatesPage,
    /// Charges a card whose payer is challenged.
    ChargesWithChallenge,
}

const CARD: &str = "action=pay&cardNumber=4706+8600+0000+2325&cardExpiryMMYY=1228&cvvCode=761&cardHolderName=Demo+Payer";
const CHALLENGE: &str = "creq={creq}&threeDSSessionData={session}";

const PAGE_WORDS: &[(&str, &str)] =
    &[("{pid}", "/response/data/paymentIncompleteResult/controllerInternalID")];
const CHALLENGE_WORDS: &[(&str, &str)] = &[
    ("{creq}", "/response/data/paymentIncompleteResult/aresACSChallenge/rawCreq"),
    ("{session}", "/response/data/paymentIncompleteResult/aresACSChallenge/threeDSSessionData"),
];

impl Shop {
    /// The endpoint that the shop calls.
    pub(super) fn endpoint(self) -> &'static str {
        match self {
            Self::CreatesPage => "prePaymentUi",
            Self::ChargesWithChallenge => "nonUi",
        }
    }

    /// What is special about the shop's message.
    pub(super) fn wish(self) -> CallWish {
        let mut wish = CallWish::default();
        if matches!(self, Self::ChargesWithChallenge) {
            wish.set = Map::from_iter([("request3dsFlag".to_owned(), json!("Y"))]);
        }
        wish
    }
}

/// The correct request to an endpoint that a browser asks for.
pub(super) fn visit(endpoint: &str) -> Option<Visit> {
    let page = |request| Visit {
        shop: Shop::CreatesPage,
        request,
    };
    let challenge = |request| Visit {
        shop: Shop::ChargesWithChallenge,
        request,
    };
    Some(match endpoint {
        "paymentPage" => page(get("paymentPage", "/payment/?pid={pid}&lang=en-US")),
        "payOnPage" => page(post("payOnPage", "/payment/?pid={pid}", CARD, PAGE_WORDS)),
        "challenge" => {
            challenge(post("challenge", "/challenge/browser", CHALLENGE, CHALLENGE_WORDS))
        }
        "answerChallenge" => {
            let answer = format!("{CHALLENGE}&result=pass");
            challenge(post("answerChallenge", ANSWER_PATH, &answer, CHALLENGE_WORDS))
        }
        _ => return None,
    })
}

/// Browsers that are wrong in one way, after the shop's message.
pub(super) fn tampered(endpoint: &str, shop: &dyn Fn() -> ClientRequest) -> Vec<Tampering> {
    let right = || visit(endpoint).map(|visit| visit.request).expect("a browser asks for it");
    let with = |check, what, change: &dyn Fn(&mut ClientRequest)| {
        let mut request = right();
        let mut before = shop();
        change(&mut request);
        before.settings = request.settings.clone();
        Tampering {
            check,
            what,
            before: vec![before],
            request,
        }
    };
    let in_body = |from: &'static str, to: &'static str| {
        move |request: &mut ClientRequest| {
            let body = String::from_utf8_lossy(&request.body).replace(from, to);
            request.body = body.into_bytes();
        }
    };
    let mut over_https = with("paco.https", "plain HTTP where HTTPS is required", &|request| {
        request.settings = json!({"https_only": "on"});
    });
    for shop in &mut over_https.before {
        shop.tls = true;
    }
    let mut tamperings = vec![over_https];
    if matches!(endpoint, "paymentPage" | "payOnPage") {
        tamperings.push(with("paco.page", "an id that was never handed out", &|request| {
            request.target = request.target.replace("{pid}", &"0".repeat(32));
        }));
        tamperings.push(with("paco.page", "no id", &|request| {
            "/payment/".clone_into(&mut request.target);
        }));
    } else {
        let other = in_body("creq={creq}", "creq=e30");
        tamperings.push(with("paco.creq", "a creq without a transaction", &other));
        let none = in_body("creq={creq}", "x=1");
        tamperings.push(with("paco.creq", "no creq", &none));
        let other = in_body("{session}", "another");
        tamperings.push(with("paco.three_ds_session", "another session", &other));
    }
    if endpoint == "payOnPage" {
        for (what, from, to) in [
            ("a mistyped card number", "2325", "2326"),
            ("a month that does not exist", "1228", "1328"),
            ("a code that is too short", "761", "76"),
            ("an unknown button", "action=pay", "action=steal"),
        ] {
            tamperings.push(with("paco.page_form", what, &in_body(from, to)));
        }
    }
    if endpoint == "answerChallenge" {
        let unknown = in_body("result=pass", "result=maybe");
        tamperings.push(with("paco.challenge_answer", "an unknown button", &unknown));
    }
    tamperings
}

fn get(endpoint: &'static str, target: &str) -> ClientRequest {
    ClientRequest {
        endpoint,
        method: Method::GET,
        target: target.to_owned(),
        headers: vec![("accept", "text/html".to_owned())],
        body: Vec::new(),
        opened: Value::Null,
        subject: None,
        tls: false,
        settings: json!({}),
        filled: PAGE_WORDS,
    }
}

fn post(
    endpoint: &'static str,
    target: &str,
    form: &str,
    filled: &'static [(&'static str, &'static str)],
) -> ClientRequest {
    ClientRequest {
        method: Method::POST,
        headers: vec![
            ("accept", "text/html".to_owned()),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ],
        body: form.as_bytes().to_vec(),
        filled,
        ..get(endpoint, target)
    }
}
