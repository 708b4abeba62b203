//! What clients of PayNet's portal send by mistake: card data, secrets and tokens, of which nothing
//! is kept in clear, wherever it stands.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::bad_input::{entries, raw_to};
use crate::harness::{Answer, Sandbox};
use crate::portal::{FORM, JSON, LAST_DAY, Portal, local, setl01};

/// A card number that passes the Luhn check and is published nowhere as a test card.
const UNPUBLISHED: &str = "4012001037141112";
/// A security code that is not otherwise anywhere.
const CVV: &str = "9137";
/// A secret as a shop's own: of none of the usual characters only.
const HARD: &str = "jw7&myzph3ay+4sqvy36x%jbe53nsf=";

#[test]
fn no_card_data_is_ever_in_the_data_folder() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sandbox = Sandbox::with(|builder| builder.data_dir(folder.path()));
    let portal = Portal::new(&sandbox, "bank");

    let answers = every_way_to_send_a_card(&sandbox, &portal);

    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert!(statuses.contains(&200) && statuses.contains(&400), "{statuses:?}");
    let data = card_data();
    for answer in &answers {
        assert_nothing_of(&data, &sandbox, answer);
    }
    assert_folder_is_clean(&data, folder.path());
    drop(sandbox);
    assert_folder_is_clean(&data, folder.path());
}

#[test]
fn the_answer_on_the_wire_repeats_what_the_journal_masks() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let mut asked = setl01();
    asked["report_type"] = json!(UNPUBLISHED);

    let answer = portal.download(&sandbox, &asked);

    let said = format!("Invalid value for report_type: {UNPUBLISHED}");
    assert_eq!(answer.json()["error"]["message"], said);
    let shown = sandbox.admin_get(&format!("/exchanges/{}", answer.exchange())).json();
    let kept = shown["answer_body"]["text"].as_str().unwrap_or_default();
    assert!(kept.contains("Invalid value for report_type: 401200XXXXXX1112"), "{shown}");
    assert_eq!(shown["opened_request"]["report_type"], "401200XXXXXX1112");
    assert!(shown["reason"].as_str().is_some_and(|it| it.contains("401200XXXXXX1112")), "{shown}");
}

#[test]
fn published_test_cards_and_usual_requests_are_kept_whole() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let mut asked = setl01();
    asked["product"] = json!("4101490000057763");

    for asked in [setl01(), asked] {
        let answer = portal.download(&sandbox, &asked);

        let shown = sandbox.admin_get(&format!("/exchanges/{}", answer.exchange())).json();
        assert_eq!(shown["request_body"]["text"], asked.to_string());
        assert_eq!(shown["opened_request"], asked);
        assert_eq!(shown["answer_body"]["text"], answer.text());
    }
}

#[test]
fn a_merchant_s_own_file_has_no_card_numbers_anywhere() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sandbox = Sandbox::with(|builder| builder.data_dir(folder.path()));
    let file = format!(
        "transaction_type,initiation_time,payer_fiid,receiver_fiid,transaction_status,transaction_amount,payer_id,receiver_id,iso_specific_1.tpan,payer_name\n\
         PUR,{LAST_DAY}T09:00:00,A1001,B2002,Approved,1.00,{UNPUBLISHED},{UNPUBLISHED},{UNPUBLISHED},\"Tan, 4012 0010 3714 1112\"\n"
    );
    let asked = json!({
        "provider": "paynet", "id": "own", "settings": {"polls_until_ready": 1},
        "credentials": {"fiids": ["A1001"], "transactions_csv": file},
    });

    let made = sandbox.admin_post("/merchants", &asked);
    made.assert_status(201);
    let portal = Portal::with_shown(&sandbox, &made.json());
    let query = "query($input: ReportParam){Report(input:$input){status url}}";
    let fields = ["payer_id", "receiver_id", "iso_specific_1.tpan", "payer_name"];
    let input = json!({"product": "MYD", "report": "I01", "date": LAST_DAY, "fields": fields});
    let ready = portal.query(&sandbox, query, &input).json();
    let link = local(ready["data"]["Report"]["url"].as_str().expect("a URL"));
    let downloaded = sandbox.send("paynet", "GET", &link, &[], &[]);

    downloaded.assert_status(200);
    assert!(downloaded.text().contains("Tan, 401200XXXXXX1112"), "{}", downloaded.text());
    let shown = sandbox.admin_get("/merchants/own");
    for text in [made.text(), shown.text(), downloaded.text()] {
        assert!(text.contains("401200XXXXXX1112"), "{text}");
        assert_eq!(found(&card_data(), text.as_bytes()), None, "{text}");
    }
    drop(sandbox);
    assert_folder_is_clean(&card_data(), folder.path());
}

#[test]
fn no_client_secret_is_kept_however_it_is_sent() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sandbox = Sandbox::with(|builder| builder.data_dir(folder.path()));
    for (id, secret) in [("hard", HARD), ("easy", "n8vq2kzt7wpl4xgc")] {
        let asked = json!({"provider": "paynet", "id": id, "credentials": {
            "client_id": format!("client-{id}"), "client_secret": secret}});
        let portal = Portal::asking(&sandbox, &asked);
        let data = secret_data(&portal);

        for answer in every_way_to_send_a_secret(&sandbox, &portal) {
            assert_nothing_of(&data, &sandbox, &answer);
        }
        // Only the merchant itself has its secret.
        sandbox.admin_delete(&format!("/merchants/{id}"));
    }
    drop(sandbox);
    for secret in [HARD, "n8vq2kzt7wpl4xgc"] {
        for (path, bytes) in files(folder.path()) {
            let text = String::from_utf8_lossy(&bytes);
            let merchants = text.matches(&format!("\"client_secret\":\"{secret}\"")).count();
            assert_eq!(text.matches(secret).count(), merchants, "in {path}");
        }
    }
}

#[test]
fn a_secret_that_is_repeated_ten_thousand_times_is_hidden_once() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let pair = STANDARD.encode(format!("{}:{}", portal.client_id, portal.secret));
    let body = pair.trim_end_matches('=').repeat(10_000);

    let answer = sandbox.send("paynet", "POST", "/token", &[FORM], body.as_bytes());

    answer.assert_status(400);
    let kept = sandbox.admin_get(&format!("/exchanges/{}", answer.exchange())).text();
    assert!(kept.len() < 20_000, "{} bytes are kept", kept.len());
    assert!(kept.contains("***(client secret)"), "{kept}");
}

#[test]
fn the_secret_of_a_client_that_is_gone_is_hidden_as_long_as_it_may_come() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "gone");
    sandbox.admin_delete("/merchants/gone").assert_status(204);

    let form = format!("grant_type=client_credentials&client_id={}&pass={0}", portal.secret);
    let answer = sandbox.send("paynet", "POST", "/token", &[FORM], form.as_bytes());

    assert_nothing_of(&[portal.secret], &sandbox, &answer);
}

#[test]
fn the_parts_of_a_secret_that_was_not_encoded_are_not_shown_as_parameters() {
    let sandbox = Sandbox::start();
    let asked = json!({"provider": "paynet", "id": "parts", "credentials": {
        "client_id": "parts-client", "client_secret": "&jw7myzph3ay+4sqvy=36xjbe53nsf"}});
    let portal = Portal::asking(&sandbox, &asked);

    let answer = post(&sandbox, &[FORM], form(&portal.client_id, &portal.secret).as_bytes());

    let parts = ["jw7myzph3ay".to_owned(), "36xjbe53nsf".to_owned()];
    assert_nothing_of(&parts, &sandbox, &answer);
    let explanation = sandbox.explanation(&answer.exchange()).to_string();
    assert!(explanation.contains("a part of the client secret"), "{explanation}");
    assert!(explanation.contains("paynet.secret_not_encoded"), "{explanation}");
}

#[test]
fn a_short_secret_is_hidden_where_it_stands_alone() {
    let sandbox = Sandbox::start();
    let asked = json!({"provider": "paynet", "id": "short", "credentials": {
        "client_id": "short-client", "client_secret": "q7x"}});
    let portal = Portal::asking(&sandbox, &asked);

    let mut answers = vec![
        portal.types(&sandbox, &[("x-signature", "q7x")]),
        portal.types(&sandbox, &[("x-signature", "\"q7x\"")]),
        portal.types(&sandbox, &[("x-fiid", "q7x")]),
    ];
    let mut asked = setl01();
    asked["product"] = json!("q7x");
    answers.push(portal.download(&sandbox, &asked));

    for answer in &answers {
        assert_nothing_of(&["q7x".to_owned()], &sandbox, answer);
    }
}

#[test]
fn tokens_are_kept_nowhere() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sandbox = Sandbox::with(|builder| builder.data_dir(folder.path()));
    let portal = Portal::new(&sandbox, "bank");
    let token = portal.token.as_str();
    let (_, payload) = token.split_once('.').expect("three parts");
    let data = [payload.to_owned()];

    let mut asked = setl01();
    asked["product"] = json!(token);
    let answers = [
        portal.types(&sandbox, &[]),
        portal.types(&sandbox, &[("authorization", token)]),
        portal.types(&sandbox, &[("authorization", &format!("{token} x"))]),
        portal.types(&sandbox, &[("authorization", &format!("Bearer \"{token}\""))]),
        portal.types(&sandbox, &[("authorization", ""), ("x-access-token", token)]),
        portal.types(&sandbox, &[("x-auth", token)]),
        portal.types(&sandbox, &[("x-timestamp", token)]),
        portal.download(&sandbox, &asked),
        portal.send(&sandbox, ("GET", &format!("/v1/reports/types?token={token}")), &[], &[]),
        post(&sandbox, &[], format!("token {}", token.replace('.', "%2E")).as_bytes()),
    ];

    for answer in &answers {
        assert_nothing_of(&data, &sandbox, answer);
    }
    drop(sandbox);
    assert_folder_is_clean(&data, folder.path());
}

#[test]
fn a_head_that_cannot_be_read_is_kept_without_credentials() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let basic = STANDARD.encode(format!("{}:{}", portal.client_id, portal.secret));
    let data = [basic.clone(), portal.token.clone(), portal.secret.clone()];

    let heads = [
        format!("GET / HTTP/9.9\r\nAuthorization: Basic {basic}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nBad Header\r\nAuthorization: Bearer {}\r\n\r\n", portal.token),
        format!("GET / HTTP/1.1\r\nAuthorization Bearer {}\r\n\r\n", portal.token),
        format!("GET / HTTP/1.1\r\nHo st: a\r\nCookie: id={}\r\n\r\n", portal.secret),
        format!("POST /token?client_secret={} HTTP/x\r\n\r\n", portal.secret),
        format!("GET / HTTP/1.1\r\nHo st: a\r\nX-Signature: {}\r\n\r\n", portal.secret),
    ];
    for head in &heads {
        raw_to(&sandbox, "paynet", head.as_bytes());
    }

    for entry in entries(&sandbox, "verdict=unreadable", heads.len()) {
        let id = entry["exchange"].as_str().or_else(|| entry["id"].as_str()).expect("an id");
        let shown = sandbox.admin_get(&format!("/exchanges/{id}")).text();
        assert_eq!(found(&data, shown.as_bytes()), None, "{shown}");
        assert!(shown.contains("***") && shown.contains("masked: "), "{shown}");
        let explained = sandbox.explanation(id).to_string();
        assert_eq!(found(&data, explained.as_bytes()), None, "{explained}");
    }
}

#[test]
fn what_is_masked_still_explains_a_refusal() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");

    let swapped = post(&sandbox, &[FORM], form(&portal.secret, &portal.client_id).as_bytes());
    let signed = portal.types(&sandbox, &[("x-fiid", &portal.secret)]);

    let explanation = sandbox.explanation(&swapped.exchange());
    assert_eq!(explanation["near_misses"][0]["id"], "paynet.swapped_credentials");
    for answer in [swapped, signed] {
        let explanation = sandbox.explanation(&answer.exchange()).to_string();
        assert!(explanation.contains("***(client secret)"), "{explanation}");
    }
}

#[test]
fn what_a_request_opens_into_is_kept_up_to_a_bound() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    // Four letters each, and many more once they are read and written again.
    let numbers = vec!["1e15"; 19_000].join(",");
    let text = "x".repeat(800_000);
    let body = format!("{{\"report_type\":\"{text}\",\"more\":[{numbers}]}}");

    let at = ("POST", "/v1/reports/download");
    let answer = portal.send(&sandbox, at, &[JSON], body.as_bytes());

    let shown = sandbox.admin_get(&format!("/exchanges/{}", answer.exchange())).json();
    let opened = shown["opened_request"].as_str().unwrap_or_default();
    assert!(opened.starts_with("left out: ") && opened.contains(" bytes, SHA-256 "), "{opened}");
    assert_eq!(shown["request_body"]["text"].as_str().map(str::len), Some(body.len()));
}

#[cfg(feature = "cli")]
#[test]
fn the_line_of_a_refusal_shows_no_secret() {
    use crate::cli::Served;
    use crate::harness::{agent, call};

    let server = Served::start(&["--ephemeral"]);
    let secret = "demoPaynetSecret0001";
    let target = format!("{}/token", server.url("paynet"));
    for body in [
        form(secret, "demo-paynet"),
        format!("grant_type={secret}&client_id=demo-paynet&client_secret=x"),
        format!("grant_type=client_credentials&client_id={UNPUBLISHED}&client_secret=x"),
    ] {
        let answer = call(&agent(), "POST", &target, &[FORM], body.as_bytes());
        assert!(answer.status >= 400, "{}", answer.text());
    }

    let ended = server.stopped_by("TERM").fine();

    assert_eq!(ended.stderr.matches("(sandgate explain ").count(), 3, "{ended:#?}");
    assert_eq!(ended.stderr.matches("***(client secret)").count(), 2, "{ended:#?}");
    assert!(!ended.stderr.contains(secret) && !ended.stderr.contains(UNPUBLISHED), "{ended:#?}");
}

/// A card number and its code where they may stand, in requests of every kind.
fn every_way_to_send_a_card(sandbox: &Sandbox, portal: &Portal) -> Vec<Answer> {
    let mut answers = Vec::new();
    let with = |member: &str, value: Value| {
        let mut asked = setl01();
        asked[member] = value;
        asked
    };
    for asked in [
        with("cvv", json!(CVV)),
        with("cardNumber", json!(UNPUBLISHED)),
        with("report_type", json!(UNPUBLISHED)),
        with("report_type", json!(UNPUBLISHED.parse::<u64>().expect("a number"))),
        with("report_type", json!(format!("{}{UNPUBLISHED}", "-".repeat(50)))),
        with("report_type", json!(format!("{}{UNPUBLISHED}", "-".repeat(66)))),
        with("product", json!(UNPUBLISHED)),
        with("fiid", json!(UNPUBLISHED)),
        with("window", json!({"card": UNPUBLISHED})),
        with(UNPUBLISHED, json!("x")),
        json!({"cvv": CVV, "cardNumber": UNPUBLISHED}),
    ] {
        answers.push(portal.download(sandbox, &asked));
    }
    let strange = format!("cardNumber={UNPUBLISHED}&cvv={CVV}");
    let json = json!({"cvv": CVV, "cardNumber": UNPUBLISHED}).to_string();
    let not_utf8 = [strange.as_bytes(), b"&x=\xff"].concat();
    let cut = &json.as_bytes()[..json.len() - 1];
    let download = ("POST", "/v1/reports/download");
    for (headers, body) in [
        (JSON, strange.as_bytes()),
        (FORM, strange.as_bytes()),
        (FORM, &not_utf8),
        (JSON, cut),
        (FORM, json.as_bytes()),
    ] {
        answers.push(portal.send(sandbox, download, &[headers], body));
    }
    let query = "query($input: ReportParam){Report(input:$input){status url}}";
    let at = ("POST", "/v2/reports/query");
    for body in [
        json!({"query": query, "variables": {"input": {
            "product": UNPUBLISHED, "report": "I01", "date": LAST_DAY}}}),
        json!({"query": query, "variables": {"input": {
            "product": "MYD", "report": "I01", "date": LAST_DAY}, "cvv": CVV, "pan": UNPUBLISHED}}),
        json!({"query": format!("{{Report(input:{{product:\"{UNPUBLISHED}\"}}){{status}}}}")}),
        json!({"query": query, "variables": {"input": {
            "product": "MYD", "report": "I01", "date": LAST_DAY, "fields": [UNPUBLISHED]}}}),
    ] {
        answers.push(portal.send(sandbox, at, &[JSON], body.to_string().as_bytes()));
    }
    for body in [
        format!("{}&card={UNPUBLISHED}", portal.form()),
        format!("{}&card=4012+0010+3714+1112", portal.form()),
        format!("{}&card=4012%200010%203714%201112", portal.form()),
        form(UNPUBLISHED, "x"),
        format!("grant_type={UNPUBLISHED}&client_id=x&client_secret=y"),
        format!("{UNPUBLISHED}=x"),
    ] {
        answers.push(post(sandbox, &[FORM], body.as_bytes()));
    }
    answers.push(portal.types(sandbox, &[("x-fiid", UNPUBLISHED)]));
    answers.push(portal.types(sandbox, &[("x-timestamp", UNPUBLISHED)]));
    answers.push(portal.types(sandbox, &[(UNPUBLISHED, "x")]));
    let target = format!("/v1/reports/types?card={UNPUBLISHED}");
    answers.push(portal.send(sandbox, ("GET", &target), &[], &[]));
    answers
}

/// A client's secret where mistakes put it.
fn every_way_to_send_a_secret(sandbox: &Sandbox, portal: &Portal) -> Vec<Answer> {
    let (id, secret) = (portal.client_id.as_str(), portal.secret.as_str());
    let encoded = percent_encoded(secret);
    let basic = STANDARD.encode(format!("{id}:{secret}"));
    let multipart = format!(
        "--x\r\nContent-Disposition: form-data; name=\"client_id\"\r\n\r\n{id}\r\n--x\r\n\
         Content-Disposition: form-data; name=\"client_secret\"\r\n\r\n{secret}\r\n--x--\r\n"
    );
    let mut not_utf8 = form(id, &encoded).into_bytes();
    not_utf8.extend_from_slice(b"&x=\xff");
    let escaped = secret.replace('&', "\\u0026");
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        (FORM.1, form(id, &encoded).into()),
        (FORM.1, form(id, secret).into()),
        (FORM.1, form(id, &percent_encoded(&encoded)).into()),
        (FORM.1, form(id, &format!("{encoded}%0A")).into()),
        (FORM.1, form(&encoded, id).into()),
        (FORM.1, form("nobody", secret).into()),
        (FORM.1, format!("grant_type={encoded}&client_id={id}&client_secret=x").into()),
        (FORM.1, format!("grant_type=client_credentials&client_id={id}&scope={encoded}&client_secret={encoded}").into()),
        (FORM.1, format!("{}&{encoded}=x", form(id, "y")).into()),
        (FORM.1, not_utf8),
        ("multipart/form-data; boundary=x", multipart.into()),
        (JSON.1, format!("{{\"client_id\":\"{id}\",\"client_secret\":\"{secret}\",}}").into()),
        (JSON.1, format!("{{\"client_id\":\"{id}\",\"client_secret\":\"{escaped}\"}}").into()),
        (JSON.1, format!("{{\"auth\":{{\"client_secret\":\"{escaped}\"}}}}").into()),
        (JSON.1, format!("{{\"{escaped}\":1}}").into()),
        ("text/plain", format!("client_id: {id}\nclient_secret: {secret}\n").into()),
        ("text/plain", format!("curl -u {id}:{secret} --header 'Authorization: Basic {basic}'").into()),
        ("text/plain", secret.encode_utf16().flat_map(u16::to_le_bytes).collect()),
    ];
    let mut answers: Vec<Answer> = bodies
        .iter()
        .map(|(media, body)| post(sandbox, &[("content-type", media)], body))
        .collect();
    let authorization = format!("Basic {basic}");
    answers.push(post(sandbox, &[("authorization", &authorization)], b"grant_type=x"));
    let query = format!("/token?{}", form(id, &encoded));
    answers.push(sandbox.send("paynet", "POST", &query, &[FORM], &[]));
    for headers in [
        ("x-signature", secret),
        ("x-signature", &format!("\"{secret}\"")),
        ("x-timestamp", secret),
        ("x-fiid", secret),
        ("x-fiid", &encoded),
        ("x-api-key", &basic),
        ("x-api-key", &STANDARD.encode(secret)),
        ("client_secret", secret),
        ("authorization", secret),
        ("authorization", &format!("{secret} x")),
    ] {
        answers.push(portal.types(sandbox, &[headers]));
    }
    for member in ["report_type", "product", "date", "fiid", "window"] {
        let mut asked = setl01();
        asked[member] = json!(secret);
        answers.push(portal.download(sandbox, &asked));
        asked[member] = json!(format!("{}{secret}", "-".repeat(52)));
        answers.push(portal.download(sandbox, &asked));
    }
    let input = json!({"product": secret, "report": "I01", "date": LAST_DAY});
    let asked = "query($input: ReportParam){Report(input:$input){status url}}";
    answers.push(portal.query(sandbox, asked, &input));
    answers
}

fn post(sandbox: &Sandbox, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    sandbox.send("paynet", "POST", "/token", headers, body)
}

fn form(id: &str, secret: &str) -> String {
    format!("grant_type=client_credentials&client_id={id}&client_secret={secret}")
}

fn percent_encoded(text: &str) -> String {
    let special = [('%', "%25"), ('&', "%26"), ('+', "%2B"), ('=', "%3D")];
    special.iter().fold(text.to_owned(), |text, (letter, code)| text.replace(*letter, code))
}

/// The card number, or the security code where a code would stand.
fn card_data() -> Vec<String> {
    let mut data = vec![
        UNPUBLISHED.to_owned(),
        UNPUBLISHED[..14].to_owned(),
        "4012 0010 3714 1112".to_owned(),
        "4012+0010+3714+1112".to_owned(),
        "4012%200010%203714%201112".to_owned(),
    ];
    data.extend(["\"", "\\\"", ":", "="].iter().map(|opening| format!("{opening}{CVV}")));
    data
}

/// The secret, plain and as it may be encoded, and its parts.
fn secret_data(portal: &Portal) -> Vec<String> {
    let secret = portal.secret.as_str();
    let basic = STANDARD.encode(format!("{}:{secret}", portal.client_id));
    vec![
        secret.to_owned(),
        secret[..10].to_owned(),
        secret[secret.len() - 10..].to_owned(),
        percent_encoded(secret),
        percent_encoded(&percent_encoded(secret)),
        secret.replace('&', "\\u0026"),
        basic[..basic.len() - 8].to_owned(),
        STANDARD.encode(secret)[..16].to_owned(),
    ]
}

/// Neither the exchange nor its explanation has any of it: the latter works on what was kept.
#[track_caller]
fn assert_nothing_of(data: &[String], sandbox: &Sandbox, answer: &Answer) {
    let shown = sandbox.admin_get(&format!("/exchanges/{}", answer.exchange()));
    shown.assert_status(200);
    let explained = sandbox.explanation(&answer.exchange());
    for value in [shown.json(), explained] {
        for text in texts(&value) {
            assert_eq!(found(data, text.as_bytes()), None, "{text}\nin {value}");
            assert_eq!(found(data, text.replace('\0', "").as_bytes()), None, "{text}\nin {value}");
        }
    }
}

/// Every text of a JSON value, and what such a text has in base64.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) => map
            .iter()
            .flat_map(|(name, item)| std::iter::once(name.clone()).chain(texts(item)))
            .collect(),
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::String(text) => {
            let decoded = STANDARD.decode(text).ok();
            let decoded = decoded.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            [Some(text.clone()), decoded].into_iter().flatten().collect()
        }
        other => vec![other.to_string()],
    }
}

#[track_caller]
fn assert_folder_is_clean(data: &[String], folder: &Path) {
    let files = files(folder);
    let seen: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    for (path, bytes) in files {
        assert_eq!(found(data, &bytes), None, "in {path}");
    }
    assert!(seen > 10_000, "there are {seen} bytes only: was anything kept?");
}

/// The database, its log, and whatever else there is.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("the data folder");
    entries
        .filter_map(|entry| {
            let path = entry.expect("an entry").path();
            match fs::read(&path) {
                // The write-ahead log goes when the last connection closes.
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                read => Some((path.display().to_string(), read.expect("a readable file"))),
            }
        })
        .collect()
}

fn found(data: &[String], bytes: &[u8]) -> Option<String> {
    let is_in = |text: &&String| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    data.iter().find(is_in).cloned()
}
