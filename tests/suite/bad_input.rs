//! What no honest client sends: broken, hostile and half-sent input. Whatever HTTP can read gets the
//! provider's answer, everything gets a journal entry with its reason, and the next honest request
//! is served as if nothing had happened.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

use crate::harness::{Answer, Sandbox};
use crate::shop::{Shop, code};

const TEN_MEGABYTES: usize = 10 * 1024 * 1024;

#[test]
fn an_empty_body_is_refused_in_both_forms() {
    let (sandbox, shop) = shop();
    let empty = shop.page("A1").with_body("");

    let sealed = empty.send(&sandbox);
    let plain = empty.header("content-type", "application/json").send(&sandbox);

    assert_failed(&sandbox, &sealed, "paco.jwe", "an empty body");
    sealed.assert_status(400);
    plain.assert_status(400);
    assert_eq!(code(&plain.json()), "PC-B050095");
    assert_served(&sandbox, &shop);
}

#[test]
fn a_body_of_ten_megabytes_is_answered_with_413_and_kept_in_part() {
    let (sandbox, shop) = shop();

    let answer = shop.page("A1").with_body(vec![b'x'; TEN_MEGABYTES]).send(&sandbox);

    answer.assert_status(413);
    assert_eq!(answer.text(), r#"{"message":"Request body is too large"}"#);
    let shown = journal_entry(&sandbox, &answer.exchange());
    assert_eq!(shown["verdict"], "unreadable");
    assert!(text(&shown["reason"]).contains("larger than 1048576 bytes"), "{}", shown["reason"]);
    assert_eq!(text(&shown["request_body"]["text"]).len(), 1_048_576);
    assert_served(&sandbox, &shop);
}

#[test]
fn tokens_of_any_other_form_are_refused_with_what_is_wrong() {
    let (sandbox, shop) = shop();
    let message = shop.page("A1");
    let token = message.encrypted(message.signed().as_bytes());
    let parts: Vec<&str> = token.split('.').collect();
    let joined = |count: usize| {
        let cycle: Vec<&str> = parts.iter().copied().cycle().take(count).collect();
        cycle.join(".")
    };
    let mut cases: Vec<(Vec<u8>, String)> = [1, 2, 3, 4, 6, 7]
        .map(|count| {
            (joined(count).into_bytes(), format!("{count} dot-separated parts instead of 5"))
        })
        .into();
    cases.extend([
        (token.replacen('.', ".!", 1).into_bytes(), "encrypted key is not base64url".to_owned()),
        (format!("{token}=").into_bytes(), "authentication tag is not base64url".to_owned()),
        (format!("*{token}").into_bytes(), "protected header is not base64url".to_owned()),
        (b"....".to_vec(), "protected header is not usable".to_owned()),
        (vec![0xff; 40], "bytes that are not text".to_owned()),
        (vec![b'.'; 900_000], "900001 dot-separated parts".to_owned()),
    ]);

    for (body, evidence) in cases {
        let answer = message.with_body(body).send(&sandbox);

        answer.assert_status(400);
        assert_eq!(answer.text(), r#"{"message":"Invalid token"}"#);
        assert_failed(&sandbox, &answer, "paco.jwe", &evidence);
    }
    assert_served(&sandbox, &shop);
}

#[test]
fn a_compressed_token_is_refused_before_it_is_inflated() {
    let (sandbox, shop) = shop();

    let answer = shop.page("A1").jwe("zip", "DEF").sealed().send(&sandbox);

    answer.assert_status(400);
    assert_failed(&sandbox, &answer, "paco.jwe", "zip");
    assert_served(&sandbox, &shop);
}

#[test]
fn json_of_ten_thousand_levels_is_refused_wherever_it_stands() {
    let (sandbox, shop) = shop();
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let nested = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    let message = shop.page("A1");

    for json in [deep, nested] {
        let plain = message.with_body(json.clone()).header("content-type", "application/json");
        let plain = plain.send(&sandbox);
        let claims = message.around(&message.signed_payload(json.as_bytes())).send(&sandbox);
        let inside = format!(r#"{{"request":{json}}}"#);
        let inside = message.around(&message.signed_payload(inside.as_bytes())).send(&sandbox);

        for (answer, check) in
            [(plain, "paco.request"), (claims, "paco.claims"), (inside, "paco.claims")]
        {
            answer.assert_status(400);
            assert_failed(&sandbox, &answer, check, "recursion limit exceeded");
        }
    }
    assert_served(&sandbox, &shop);
}

#[test]
fn members_that_are_there_twice_are_refused() {
    let (sandbox, shop) = shop();
    let message = shop.page("A1");
    let twice = message.request.to_string().replacen('{', r#"{"officeId":"OTHER","#, 1);
    let claims = message.all_claims().to_string().replacen('{', r#"{"aud":"x","#, 1);
    let cased = message.clone().member("OFFICEID", "OTHER");

    let plain = message.with_body(twice).header("content-type", "application/json").send(&sandbox);
    let sealed = message.around(&message.signed_payload(claims.as_bytes())).send(&sandbox);
    let cased = cased.sealed().send(&sandbox);

    for (answer, check, evidence) in [
        (plain, "paco.request", "officeId"),
        (sealed, "paco.claims", "aud"),
        (cased, "paco.fields", "OFFICEID"),
    ] {
        answer.assert_status(400);
        assert_failed(&sandbox, &answer, check, evidence);
    }
    assert_served(&sandbox, &shop);
}

#[test]
fn bytes_that_are_no_utf8_are_refused_wherever_they_stand() {
    let (sandbox, shop) = shop();
    let message = shop.page("A1");
    let broken = b"{\"officeId\":\"\xff\xfe\"}";

    let plain = message
        .with_body(broken.to_vec())
        .header("content-type", "application/json")
        .send(&sandbox);
    let claims = message.around(&message.signed_payload(broken)).send(&sandbox);
    let inner = message.with_body(message.encrypted(b"\xff\xfe\xfd")).send(&sandbox);
    let header = raw(
        &sandbox,
        b"GET /api/2.0/Inquiry/transactionStatus?orderNo=A1 HTTP/1.1\r\nhost: a\r\n\
          token: \xff\xfe\r\nconnection: close\r\n\r\n",
    );
    let query = sandbox.paco(
        "GET",
        "/api/2.0/Inquiry/transactionStatus?orderNo=%ff%fe%",
        &[("token", &shop.token)],
        "",
    );

    for (answer, check) in
        [(plain, "paco.request"), (claims, "paco.claims"), (inner, "paco.decryption")]
    {
        answer.assert_status(400);
        let explanation = sandbox.explanation(&answer.exchange());
        assert_eq!(explanation["failed_check"], check, "{explanation}");
    }
    assert!(header.starts_with("HTTP/1.1 401 "), "{header}");
    query.assert_status(400);
    assert_eq!(code(&query.json()), "PC-B052201");
    assert_served(&sandbox, &shop);
}

#[test]
fn headers_may_be_many_and_large_within_a_bound() {
    let (sandbox, shop) = shop();
    let request = |line: &str| {
        format!(
            "GET /api/2.0/Inquiry/transactionStatus?orderNo=A1 HTTP/1.1\r\nhost: a\r\n\
             token: {}\r\n{line}connection: close\r\n\r\n",
            shop.token
        )
    };

    let large = raw(&sandbox, request(&format!("x: {}\r\n", "y".repeat(32_000))).as_bytes());
    let many = raw(&sandbox, request(&"x: y\r\n".repeat(150)).as_bytes());
    let too_large = raw(&sandbox, request(&format!("x: {}\r\n", "y".repeat(200_000))).as_bytes());
    let too_many = raw(&sandbox, request(&"x: y\r\n".repeat(400)).as_bytes());

    for (said, status) in [(large, "400"), (many, "400"), (too_large, "431"), (too_many, "431")] {
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
    }
    let unreadable = entries(&sandbox, "verdict=unreadable", 2);
    for entry in unreadable {
        let shown = journal_entry(&sandbox, &text(&entry["id"]));
        assert!(text(&shown["reason"]).contains("longer than 65536 bytes"), "{}", shown["reason"]);
    }
    assert_served(&sandbox, &shop);
}

#[test]
fn a_repeated_token_header_counts_once_and_first() {
    let (sandbox, shop) = shop();
    let order = |first: &str, second: &str| {
        raw(
            &sandbox,
            format!(
                "GET /api/2.0/Inquiry/transactionStatus?orderNo=A1 HTTP/1.1\r\nhost: a\r\n\
                 token: {first}\r\ntoken: {second}\r\nconnection: close\r\n\r\n"
            )
            .as_bytes(),
        )
    };

    let right_first = order(&shop.token, "wrong");
    let wrong_first = order("wrong", &shop.token);

    assert!(right_first.contains("PC-B052201"), "{right_first}");
    assert!(wrong_first.starts_with("HTTP/1.1 401 "), "{wrong_first}");
}

#[test]
fn a_half_sent_body_is_answered_and_recorded() {
    let (sandbox, shop) = shop();
    let (address, head) = (paco_address(&sandbox), head_of(&shop, 1000));

    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.write_all(head.as_bytes()).expect("sent");
    stream.write_all(b"eyJhbGciOi").expect("sent");
    stream.shutdown(Shutdown::Write).expect("half closed");
    let mut said = String::new();
    let _ = stream.read_to_string(&mut said);

    let entry = entries(&sandbox, "verdict=unreadable", 1).remove(0);
    let shown = journal_entry(&sandbox, &text(&entry["id"]));
    assert!(text(&shown["reason"]).contains("broke off after 10 bytes"), "{}", shown["reason"]);
    assert_eq!(shown["request_body"]["text"], "eyJhbGciOi");
    assert_eq!(shown["merchant"], "shop");
    assert_eq!(shown["status"], 400);
    assert!(said.starts_with("HTTP/1.1 400 "), "{said}");
    assert!(said.contains("Request body is incomplete"), "{said}");
    assert_served(&sandbox, &shop);
}

#[test]
fn what_a_client_has_begun_goes_on_without_it() {
    let (sandbox, shop) = shop();
    let request = shop.payment("A1").sealed();
    let rule = json!({"merchant": "shop", "rule": {"fault": {"delay_ms": 50}}});
    sandbox.admin_post("/scenarios/armed", &rule).assert_status(201);

    let mut stream = TcpStream::connect(paco_address(&sandbox)).expect("a connection");
    stream.write_all(head_of(&shop, request.body.len()).as_bytes()).expect("sent");
    stream.write_all(&request.body).expect("sent");
    drop(stream);

    let entry = entries(&sandbox, "endpoint=nonUi", 1).remove(0);
    assert_eq!(entry["verdict"], "accepted");
    assert_eq!(entry["subject"], "A1");
    assert_eq!(shop.state(&sandbox, "A1"), "A/PA");
}

#[test]
fn unknown_paths_are_404_and_name_the_nearest_endpoint() {
    let (sandbox, shop) = shop();

    for (method, path, nearest) in [
        ("POST", "/api/2.0/Payment/prePaymentU", "(prePaymentUi)"),
        ("POST", "/api/2.0/Payments/nonUi", "(nonUi)"),
        ("GET", "/api/2.0/Inquiry/transactionstate?orderNo=1", "(transactionStatus)"),
        ("POST", "/2.0/Void", "(Void)"),
        ("PUT", "/api/2.0/Settlement/", "(Settlement)"),
        ("GET", "/", "POST /payment"),
        ("OPTIONS", "*", "/api/"),
    ] {
        let answer = if path == "*" {
            let said = raw(&sandbox, b"OPTIONS * HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
            assert!(said.starts_with("HTTP/1.1 404 "), "{said}");
            continue;
        } else {
            sandbox.paco(method, path, &[("token", &shop.token)], "")
        };

        answer.assert_status(404);
        assert_eq!(answer.text(), "");
        let explanation = sandbox.explanation(&answer.exchange());
        assert_eq!(explanation["verdict"], "not_found");
        assert_eq!(explanation["merchant"], "shop");
        assert!(text(&explanation["reason"]).contains(nearest), "{explanation}");
    }
}

#[test]
fn wrong_methods_are_405_and_name_the_right_one() {
    let (sandbox, shop) = shop();

    for (method, path, allow) in [
        ("GET", "/api/2.0/Payment/prePaymentUi", "POST"),
        ("POST", "/api/2.0/Settlement", "PUT"),
        ("POST", "/api/2.0/Inquiry/transactionStatus", "GET"),
        ("HEAD", "/api/2.0/Inquiry/transactionStatus", "GET"),
        ("DELETE", "/api/1/void", "POST"),
        ("BREW", "/api/1/Void", "POST"),
    ] {
        let answer = sandbox.paco(method, path, &[("token", &shop.token)], "");

        answer.assert_status(405);
        assert_eq!(answer.header("allow"), Some(allow));
        let explanation = sandbox.explanation(&answer.exchange());
        assert_eq!(explanation["verdict"], "not_found");
        assert_eq!(explanation["reason"], format!("the endpoint takes {allow} only"));
    }
}

#[test]
fn bytes_that_are_not_http_are_recorded() {
    let (sandbox, shop) = shop();

    for noise in [
        &b"SSH-2.0-OpenSSH_9.9\r\n\r\n"[..],
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let before = entries(&sandbox, "verdict=unreadable", 0).len();
        raw(&sandbox, noise);

        let entry = entries(&sandbox, "verdict=unreadable", before + 1).remove(0);
        let shown = journal_entry(&sandbox, &text(&entry["id"]));
        assert!(text(&shown["reason"]).contains("not an HTTP/1.1 request"), "{shown}");
        assert_eq!(shown["provider"], "paco");
        assert_eq!(shown["attribution"], "none");
        let kept = text(&shown["request_body"]["text"]);
        assert!(kept.as_bytes().starts_with(&noise[..noise.len().min(8)]), "{kept:?}");
    }
    assert_served(&sandbox, &shop);
}

#[test]
fn card_data_in_what_is_not_http_is_not_kept() {
    let (sandbox, _shop) = shop();
    let card = "4012001037141112";

    raw(&sandbox, format!("cardNumber={card}&cvvCode=9137\r\n\r\n").as_bytes());

    let entry = entries(&sandbox, "verdict=unreadable", 1).remove(0);
    let shown = journal_entry(&sandbox, &text(&entry["id"])).to_string();
    assert!(!shown.contains(card) && !shown.contains("=9137"), "{shown}");
}

#[test]
fn a_client_that_does_not_trust_the_sandbox_is_recorded() {
    let (sandbox, shop) = shop();

    let nobody = secure(&sandbox, "paco", "localhost", RootCertStore::empty());
    let error = talk(nobody, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");

    assert!(error.expect_err("an unknown authority").contains("UnknownIssuer"));
    let entry = entries(&sandbox, "verdict=handshake_failed", 1).remove(0);
    let shown = journal_entry(&sandbox, &text(&entry["id"]));
    assert_eq!(shown["provider"], "paco");
    assert!(text(&shown["reason"]).contains("TLS handshake"), "{shown}");
    assert_served(&sandbox, &shop);
}

#[test]
fn a_tls_record_that_is_none_is_recorded() {
    let (sandbox, shop) = shop();

    raw(&sandbox, b"\x16\x03\x01\x00\x05hello");

    let entry = entries(&sandbox, "verdict=handshake_failed", 1).remove(0);
    let shown = journal_entry(&sandbox, &text(&entry["id"]));
    assert!(text(&shown["reason"]).contains("the TLS handshake failed"), "{shown}");
    assert_served(&sandbox, &shop);
}

#[test]
fn the_front_door_knows_the_real_hosts_and_answers_as_they_would() {
    let (sandbox, shop) = shop();
    let request = shop.page("A1").sealed();
    let mut head = format!(
        "POST {} HTTP/1.1\r\nhost: core.demo-paco.2c2p.com\r\nconnection: close\r\n\
         content-length: {}\r\n",
        request.target,
        request.body.len()
    );
    for (name, value) in request.lines() {
        head.extend([name, ": ", value, "\r\n"]);
    }
    let whole = format!("{head}\r\n{}", String::from_utf8_lossy(&request.body));

    let roots = trusting(&sandbox);
    let stream = secure(&sandbox, "front_door", "core.demo-paco.2c2p.com", roots);
    let said = talk(stream, &whole).expect("the certificate is good for the real host");

    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    let (_, body) = said.split_once("\r\n\r\n").expect("a body");
    let answer = Answer {
        status: 200,
        headers: [("content-type".to_owned(), "application/jose".to_owned())].into(),
        body: body.as_bytes().to_vec(),
    };
    let page = text(&shop.says(&answer)["data"]["paymentPage"]["paymentPageURL"]);
    assert!(page.starts_with("https://payment.demo-paco.2c2p.com/payment/?pid="), "{page}");
    assert_eq!(shop.state(&sandbox, "A1"), "PCPS/GP");
}

#[test]
fn the_front_door_turns_an_unknown_host_away_and_says_which_it_knows() {
    let (sandbox, shop) = shop();

    let stream = secure(&sandbox, "front_door", "core.example.test", trusting(&sandbox));
    let said = talk(stream, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");

    assert!(said.is_err(), "{said:?}");
    let entry = entries(&sandbox, "verdict=handshake_failed", 1).remove(0);
    let reason = text(&journal_entry(&sandbox, &text(&entry["id"]))["reason"]);
    for part in ["core.example.test", "core.demo-paco.2c2p.com", "core.paco.2c2p.com"] {
        assert!(reason.contains(part), "{part} is not in: {reason}");
    }
    assert_served(&sandbox, &shop);
}

#[test]
fn plain_bytes_on_the_front_door_are_recorded() {
    let (sandbox, shop) = shop();

    let said =
        raw_to(&sandbox, "front_door", b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");

    assert_eq!(said, "");
    let entry = entries(&sandbox, "verdict=unreadable", 1).remove(0);
    let reason = text(&journal_entry(&sandbox, &text(&entry["id"]))["reason"]);
    assert!(reason.contains("which speaks TLS only"), "{reason}");
    assert_served(&sandbox, &shop);
}

#[test]
fn connections_that_say_nothing_leave_nothing() {
    let (sandbox, shop) = shop();

    for listener in ["paco", "front_door"] {
        drop(TcpStream::connect(address(&sandbox, listener)).expect("a connection"));
    }
    assert_served(&sandbox, &shop);

    let listed = sandbox.admin_get("/exchanges").json();
    let verdicts: Vec<String> = listed["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| text(&item["verdict"]))
        .collect();
    assert_eq!(verdicts, ["accepted"]);
}

#[test]
fn a_client_without_a_user_agent_and_without_a_host_is_served() {
    let (sandbox, shop) = shop();
    shop.pays(&sandbox, "A1");

    let said = raw(
        &sandbox,
        format!(
            "GET /api/2.0/Inquiry/transactionStatus?orderNo=A1 HTTP/1.0\r\napiKey: {}\r\n\r\n",
            shop.token
        )
        .as_bytes(),
    );

    assert!(said.contains(" 200 "), "{said}");
    assert!(said.contains("\"paymentStatus\":\"A\""), "{said}");
}

#[test]
fn requests_one_behind_the_other_on_one_connection_are_answered_in_order() {
    let (sandbox, shop) = shop();
    shop.pays(&sandbox, "A1");
    let inquiry = |order: &str, more: &str| {
        format!(
            "GET /api/2.0/Inquiry/transactionStatus?orderNo={order} HTTP/1.1\r\nhost: a\r\n\
             token: {}\r\n{more}\r\n",
            shop.token
        )
    };

    let all = [inquiry("A1", ""), inquiry("B1", ""), inquiry("A1", "connection: close\r\n")];
    let said = raw(&sandbox, all.concat().as_bytes());

    let statuses: Vec<&str> = said.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["200", "400", "200"]);
}

fn shop() -> (Sandbox, Shop) {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");
    (sandbox, shop)
}

/// Looks that an honest request still works.
#[track_caller]
fn assert_served(sandbox: &Sandbox, shop: &Shop) {
    let answer = shop.payment("honest").sealed().send(sandbox);
    answer.assert_status(200);
    assert_eq!(code(&shop.says(&answer)), "PC-B050000");
}

#[track_caller]
fn assert_failed(sandbox: &Sandbox, answer: &Answer, check: &str, evidence: &str) {
    let explanation = sandbox.explanation(&answer.exchange());
    assert_eq!(explanation["failed_check"], check, "{explanation}");
    let rungs = explanation["checks"].as_array().expect("a ladder");
    let failed = rungs.iter().find(|rung| rung["verdict"] == "failed").expect("a failed rung");
    let got = text(&failed["got"]);
    assert!(got.contains(evidence), "\"{evidence}\" is not in: {got}");
}

/// Sends bytes to the provider's own port and returns all that comes back.
fn raw(sandbox: &Sandbox, bytes: &[u8]) -> String {
    raw_to(sandbox, "paco", bytes)
}

pub(crate) fn raw_to(sandbox: &Sandbox, listener: &str, bytes: &[u8]) -> String {
    let mut stream = connect(&address(sandbox, listener));
    let mut writer = stream.try_clone().expect("a second handle");
    let to_write = bytes.to_vec();
    // Written beside the reading: whoever is refused early may not read all of it.
    let writing = thread::spawn(move || {
        let _ = writer.write_all(&to_write);
        let _ = writer.shutdown(Shutdown::Write);
    });
    let mut said = Vec::new();
    // A connection that is reset after the answer has still answered.
    let _ = stream.read_to_end(&mut said);
    writing.join().expect("the writer");
    String::from_utf8_lossy(&said).into_owned()
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    stream
}

fn address(sandbox: &Sandbox, listener: &str) -> String {
    let url = sandbox.emulator.base_url(listener);
    url.rsplit('/').next().expect("host and port").to_owned()
}

fn paco_address(sandbox: &Sandbox) -> String {
    address(sandbox, "paco")
}

/// The head of a payment with a body of that length.
fn head_of(shop: &Shop, length: usize) -> String {
    format!(
        "POST /api/2.0/Payment/nonUi HTTP/1.1\r\nhost: a\r\ntoken: {}\r\n\
         content-type: application/jose\r\ncontent-length: {length}\r\n\r\n",
        shop.token
    )
}

/// The newest entries that fit a filter; waits until there are so many.
#[track_caller]
pub(crate) fn entries(sandbox: &Sandbox, filter: &str, wanted: usize) -> Vec<Value> {
    let list = |further: &str| {
        let answer = sandbox.admin_get(&format!("/exchanges?{filter}&limit=100{further}"));
        answer.assert_status(200);
        answer.json()["items"].as_array().cloned().unwrap_or_default()
    };
    for _second in 0..60 {
        let found = list("");
        if found.len() >= wanted {
            return found;
        }
        // An older exchange may be written after a younger one, so all are looked at again.
        let newest = found.first().map(|entry| format!("&after={}", text(&entry["id"])));
        list(&format!("&wait_ms=1000{}", newest.unwrap_or_default()));
    }
    panic!("{filter}: fewer than {wanted}");
}

#[track_caller]
fn journal_entry(sandbox: &Sandbox, id: &str) -> Value {
    let answer = sandbox.admin_get(&format!("/exchanges/{id}"));
    answer.assert_status(200);
    answer.json()
}

pub(crate) fn trusting(sandbox: &Sandbox) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let pem = sandbox.emulator.ca_pem().as_bytes();
    roots.add(CertificateDer::from_pem_slice(pem).expect("PEM")).expect("a certificate");
    roots
}

/// A TLS connection to a listener, asking for a host of the test's choice.
pub(crate) fn secure(
    sandbox: &Sandbox,
    listener: &str,
    host: &'static str,
    roots: RootCertStore,
) -> StreamOwned<ClientConnection, TcpStream> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host).expect("a host name");
    let client = ClientConnection::new(Arc::new(config), name).expect("a client");
    StreamOwned::new(client, connect(&address(sandbox, listener)))
}

pub(crate) fn talk(
    mut stream: StreamOwned<ClientConnection, TcpStream>,
    request: &str,
) -> Result<String, String> {
    stream.write_all(request.as_bytes()).map_err(|error| error.to_string())?;
    let mut said = Vec::new();
    let read = stream.read_to_end(&mut said);
    if said.is_empty() {
        read.map_err(|error| error.to_string())?;
        return Err("nothing was said".to_owned());
    }
    Ok(String::from_utf8_lossy(&said).into_owned())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
