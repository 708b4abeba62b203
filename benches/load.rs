//! The whole server under load, each figure a ratio against a limit that runs side by side: sealed
//! payments against the linked OpenSSL's own RSA operations, recorded inquiries and tokens against bare
//! axum.
//!
//! `cargo bench --bench load` (Linux, with `taskset` and two cores): server and limit on one core,
//! the generator on the other. Requests are sealed beforehand, one answer in a hundred is opened.
//! `-- sealed`, `-- inquiries`, `-- tokens` or `-- starts` measures only that.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a measurement reads the machine's clock and tells its figures"
)]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Signer};
use sandgate::crypto::jose::{
    self, CompactJwe, CompactJws, ContentEncryption, KeyWrapping, SignatureAlgorithm,
};
use sandgate::crypto::keys::PrivateKey;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const SERVER_CORE: &str = "0";
const GENERATOR_CORE: &str = "1";
const TOKEN: &str = "5a6d0b3e9c4f4e1f8a7b2c1d3e4f5a6b";
const ROUNDS: usize = 3;
const SEALED_A_ROUND: usize = 1_500;
const EXCHANGES_A_ROUND: usize = 150_000;
const CONNECTIONS: usize = 32;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("--limit") => return limit(),
        Some("--bare-axum") => return bare_axum(),
        // `cargo test --benches` only wants to know that it is sound.
        Some("--test") => return,
        _ => {}
    }
    let chosen = arguments[1..].iter().find(|argument| !argument.starts_with("--"));
    let wanted = |part: &str| chosen.is_none_or(|chosen| chosen == part);
    pin(std::process::id(), GENERATOR_CORE);
    if wanted("sealed") {
        sealed_payments();
    }
    if wanted("inquiries") {
        recorded_inquiries();
    }
    if wanted("tokens") {
        recorded_tokens();
    }
    if wanted("starts") {
        starts();
    }
}

/// Sealed `nonUi` requests a second, against pairs of private RSA-4096 operations a second.
fn sealed_payments() {
    println!("sealing {} requests", SEALED_A_ROUND * ROUNDS);
    let requests = sealed_requests(SEALED_A_ROUND * ROUNDS);
    let server = Server::start();
    let opened = Arc::new(Mutex::new(Vec::new()));
    for round in 0..ROUNDS {
        let these = requests[round * SEALED_A_ROUND..(round + 1) * SEALED_A_ROUND].to_vec();
        let before = server.cpu_seconds();
        let rate = generate(server.address, these, SEALED_A_ROUND, Some(&opened));
        let busy = SEALED_A_ROUND as f64 / (server.cpu_seconds() - before);
        let [limit, limit_busy] = measured_limit();
        println!(
            "sealed payments/s {rate:7.1}   limit {limit:7.1}   ratio {:.3}   \
             by processor time {:.3} ({:.0} and {:.0} us each)",
            rate / limit,
            busy / limit_busy,
            1e6 / busy,
            1e6 / limit_busy
        );
    }
    let answers = opened.lock().expect("no panic").len();
    for answer in opened.lock().expect("no panic").iter() {
        open(answer);
    }
    println!("answers opened and verified: {answers}");
}

/// Recorded plain-JSON inquiries a second, against a bare axum that answers the same bytes.
fn recorded_inquiries() {
    let server = Server::start();
    let order = plain_payment("1");
    generate(server.address, vec![order], 1, None);
    let inquiry = inquiry();
    let bare = Bare::start();
    for _ in 0..ROUNDS {
        beside_bare("inquiries", (&server, server.address), &bare, &inquiry, &inquiry);
    }
    println!(
        "resident memory after {} inquiries: {}",
        ROUNDS * EXCHANGES_A_ROUND,
        server.resident()
    );
}

/// Recorded tokens of PayNet a second, against a bare axum that takes the form and answers as many
/// bytes.
fn recorded_tokens() {
    let server = Server::start();
    let form =
        "grant_type=client_credentials&client_id=demo-paynet&client_secret=demoPaynetSecret0001";
    let request = form_post(form);
    let bare = Bare::start();
    for _ in 0..ROUNDS {
        beside_bare("tokens", (&server, server.paynet), &bare, &request, &request);
    }
}

/// One round of the same sort of request to the server and to the bare one.
fn beside_bare(
    what: &str,
    (server, address): (&Server, SocketAddr),
    bare: &Bare,
    request: &[u8],
    bare_request: &[u8],
) {
    let processes = [server.child.id(), bare.child.id()];
    let before = processes.map(cpu_seconds);
    let rate = generate(address, vec![request.to_vec()], EXCHANGES_A_ROUND, None);
    let limit = generate(bare.address, vec![bare_request.to_vec()], EXCHANGES_A_ROUND, None);
    let after = processes.map(cpu_seconds);
    let [busy, limit_busy] =
        [0, 1].map(|index| (after[index] - before[index]) * 1e6 / EXCHANGES_A_ROUND as f64);
    println!(
        "{what}/s {rate:8.0}   bare axum {limit:8.0}   ratio {:.3}   \
         by processor time {:.3} ({busy:.1} and {limit_busy:.1} us each)",
        rate / limit,
        limit_busy / busy
    );
}

/// Milliseconds from process start to ready file, on a folder that has been started before.
fn starts() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ready = folder.path().join("ready.json");
    for start in 1..=5 {
        let _ = std::fs::remove_file(&ready);
        let began = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_sandgate"))
            .args(["serve", "--port-base", "0", "--quiet", "--data-dir"])
            .arg(folder.path().join("data"))
            .arg("--ready-file")
            .arg(&ready)
            .stdout(Stdio::null())
            .spawn()
            .expect("the server starts");
        while !ready.exists() {
            std::thread::yield_now();
        }
        println!("start {start}: ready after {:.1} ms", began.elapsed().as_secs_f64() * 1e3);
        let _ = Command::new("kill").arg(child.id().to_string()).status();
        let _ = child.wait();
    }
}

/// A bare axum in a process of its own.
struct Bare {
    child: Child,
    address: SocketAddr,
}

impl Bare {
    fn start() -> Self {
        let mut child = Command::new("taskset")
            .args(["-c", SERVER_CORE])
            .arg(std::env::current_exe().expect("this program has a path"))
            .arg("--bare-axum")
            .stdout(Stdio::piped())
            .spawn()
            .expect("taskset starts");
        let mut port = String::new();
        let mut stdout = child.stdout.take().expect("it was piped");
        while !port.ends_with('\n') {
            let mut byte = [0];
            stdout.read_exact(&mut byte).expect("the bare server tells its port");
            port.push(char::from(byte[0]));
        }
        let port = port.trim().parse().expect("a port");
        Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
        }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Server {
    child: Child,
    address: SocketAddr,
    paynet: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ready = folder.path().join("ready.json");
        let child = Command::new("taskset")
            .args(["-c", SERVER_CORE, env!("CARGO_BIN_EXE_sandgate"), "serve", "--port-base", "0"])
            .arg("--quiet")
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .arg("--ready-file")
            .arg(&ready)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("taskset starts");
        let told = wait_for(&ready);
        let address = |provider: &str| -> SocketAddr {
            let url = told["base_urls"][provider].as_str().expect("a base URL");
            url.trim_start_matches("http://").parse().expect("an address")
        };
        Self {
            child,
            address: address("paco"),
            paynet: address("paynet"),
            _folder: folder,
        }
    }

    fn cpu_seconds(&self) -> f64 {
        cpu_seconds(self.child.id())
    }

    fn resident(&self) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or("unknown");
        line.trim_start_matches("VmRSS:").trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time that a process has used: what a noisy neighbour does not change.
fn cpu_seconds(process: u32) -> f64 {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |field: usize| fields[field].parse::<f64>().expect("a number of ticks");
    (ticks(11) + ticks(12)) / TICKS_A_SECOND
}

fn wait_for(ready: &Path) -> Value {
    loop {
        if let Ok(text) = std::fs::read_to_string(ready) {
            return serde_json::from_str(&text).expect("the ready file is JSON");
        }
        std::thread::yield_now();
    }
}

/// Sends `count` requests over a few connections, in turn from the list, and returns their rate.
fn generate(
    address: SocketAddr,
    requests: Vec<Vec<u8>>,
    count: usize,
    opened: Option<&Arc<Mutex<Vec<Vec<u8>>>>>,
) -> f64 {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let requests = Arc::new(requests);
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    runtime.block_on(async {
        let mut tasks = Vec::new();
        for _ in 0..CONNECTIONS.min(count) {
            let (requests, next, opened) =
                (Arc::clone(&requests), Arc::clone(&next), opened.cloned());
            tasks.push(tokio::spawn(async move {
                let mut stream =
                    tokio::net::TcpStream::connect(address).await.expect("the server listens");
                stream.set_nodelay(true).expect("a TCP option");
                let mut buffer = Vec::with_capacity(16 * 1024);
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        return;
                    }
                    let request = &requests[index % requests.len()];
                    stream.write_all(request).await.expect("the server reads");
                    let body = answer(&mut stream, &mut buffer).await;
                    if let Some(opened) = &opened
                        && index.is_multiple_of(100)
                    {
                        opened.lock().expect("no panic").push(body);
                    }
                }
            }));
        }
        for task in tasks {
            task.await.expect("no connection failed");
        }
    });
    count as f64 / began.elapsed().as_secs_f64()
}

async fn answer(stream: &mut tokio::net::TcpStream, buffer: &mut Vec<u8>) -> Vec<u8> {
    buffer.clear();
    loop {
        let read = stream.read_buf(buffer).await.expect("the server answers");
        assert!(read > 0, "the server closed the connection");
        let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let head = std::str::from_utf8(&buffer[..end]).expect("a head of text");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}\n{}", String::from_utf8_lossy(buffer));
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .and_then(|length| length.parse().ok())
            .expect("a length");
        if buffer.len() == end + 4 + length {
            return buffer[end + 4..].to_vec();
        }
    }
}

fn payment(order: &str) -> Value {
    json!({
        "apiRequest": {
            "requestMessageID": "0d7d5c2e-4b56-4c1a-9f0e-6f1f0f6f7a01",
            "requestDateTime": "2026-01-01T00:00:00.000Z", "language": "en-US"},
        "officeId": "DEMO_NEPAL", "orderNo": order, "productDescription": "Tour deposit",
        "paymentType": "CC", "request3dsFlag": "N",
        "creditCardDetails": {
            "cardNumber": "4706860000002325", "cardExpiryMMYY": "1228", "payerName": "Demo Payer"},
        "transactionAmount": {
            "amountText": "000000012550", "currencyCode": "NPR", "decimalPlaces": 2, "amount": 125.5},
        "notificationURLs": {
            "confirmationURL": "https://shop.test/ok", "failedURL": "https://shop.test/failed",
            "cancellationURL": "https://shop.test/cancel", "backendURL": "https://shop.test/notify"},
    })
}

fn inquiry() -> Vec<u8> {
    format!(
        "GET /api/2.0/Inquiry/transactionStatus?orderNo=1 HTTP/1.1\r\nhost: localhost\r\napiKey: \
         {TOKEN}\r\ncontent-type: application/json\r\naccept: application/json\r\n\r\n"
    )
    .into_bytes()
}

fn form_post(form: &str) -> Vec<u8> {
    format!(
        "POST /oauth/token HTTP/1.1\r\nhost: localhost\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}

fn plain_payment(order: &str) -> Vec<u8> {
    post("application/json", &payment(order).to_string())
}

fn post(media: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /api/2.0/Payment/nonUi HTTP/1.1\r\nhost: localhost\r\ntoken: {TOKEN}\r\n\
         content-type: {media}\r\naccept: {media}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn sealed_requests(count: usize) -> Vec<Vec<u8>> {
    let signing = private(include_str!("../fixtures/paco/keys/merchant-signing.private.pem"));
    let paco = private(include_str!("../fixtures/paco/keys/paco-uat-encryption.private.pem"));
    let issued = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let header = |value: Value| value.as_object().cloned().unwrap_or_default();
    let jws_header = header(json!({"alg": "PS256", "typ": "JWT"}));
    let jwe_header = header(json!({
        "alg": "RSA-OAEP", "enc": "A128CBC-HS256", "kid": "7664a2ed0dee4879bdfca0e8ce1ac313",
        "typ": "JWT"}));
    (0..count)
        .map(|number| {
            let claims = json!({
                "request": payment(&format!("sealed-{number}")), "iss": TOKEN,
                "aud": "PacoAudience", "CompanyApiKey": TOKEN,
                "iat": issued, "nbf": issued, "exp": issued + 3600});
            let jws = jose::sign(
                &signing,
                SignatureAlgorithm::Ps256,
                &jws_header,
                claims.to_string().as_bytes(),
            );
            let jwe = jose::encrypt(
                paco.public(),
                ContentEncryption::A128CbcHs256,
                &jwe_header,
                jws.as_bytes(),
            );
            post("application/jose", &jwe)
        })
        .collect()
}

fn open(answer: &[u8]) {
    let encryption = private(include_str!("../fixtures/paco/keys/merchant-encryption.private.pem"));
    let paco = private(include_str!("../fixtures/paco/keys/paco-uat-signing.private.pem"));
    let text = std::str::from_utf8(answer).expect("a compact token");
    let jwe = CompactJwe::parse(text).expect("a JWE");
    let inner = jwe
        .decrypt(&encryption, KeyWrapping::RsaOaep, ContentEncryption::A128CbcHs256)
        .expect("it is for this merchant");
    let jws = CompactJws::parse(std::str::from_utf8(&inner).expect("text")).expect("a JWS");
    assert!(jws.is_signed_by(paco.public(), SignatureAlgorithm::Ps256));
}

fn private(pem: &str) -> PrivateKey {
    PrivateKey::read(pem).expect("a demo key")
}

/// Runs the limit in a process of its own on the server's core.
fn measured_limit() -> [f64; 2] {
    let output = Command::new("taskset")
        .args(["-c", SERVER_CORE])
        .arg(std::env::current_exe().expect("this program has a path"))
        .arg("--limit")
        .output()
        .expect("taskset starts");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut rates = told.split_whitespace().map(|rate| rate.parse().expect("a rate"));
    std::array::from_fn(|_| rates.next().expect("two rates"))
}

/// Pairs of private RSA-4096 operations a second by the linked OpenSSL: what an exchange needs.
fn limit() {
    let pem = include_bytes!("../fixtures/paco/keys/paco-uat-signing.private.pem");
    let key = PKey::private_key_from_pem(pem).expect("a demo key");
    let rsa = key.rsa().expect("an RSA key");
    let mut wrapped = vec![0; rsa.size() as usize];
    rsa.public_encrypt(&[7; 32], &mut wrapped, Padding::PKCS1_OAEP).expect("it encrypts");
    let mut unwrapped = vec![0; rsa.size() as usize];
    let began = Instant::now();
    let mut pairs = 0_u32;
    while began.elapsed() < Duration::from_secs(4) {
        rsa.private_decrypt(&wrapped, &mut unwrapped, Padding::PKCS1_OAEP).expect("it decrypts");
        let mut signer = Signer::new(MessageDigest::sha256(), &key).expect("a signer");
        signer.set_rsa_padding(Padding::PKCS1_PSS).expect("PSS");
        signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH).expect("a salt");
        signer.sign_oneshot_to_vec(b"header.payload").expect("it signs");
        pairs += 1;
    }
    let busy = cpu_seconds(std::process::id());
    println!("{} {}", f64::from(pairs) / began.elapsed().as_secs_f64(), f64::from(pairs) / busy);
}

/// A server that does nothing but answer an inquiry's or a token's bytes.
fn bare_axum() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    println!("{}", listener.local_addr().expect("an address").port());
    std::io::stdout().flush().expect("a pipe");
    listener.set_nonblocking(true).expect("a TCP option");
    let body = "x".repeat(1_500);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async move {
        let route = axum::routing::get(move || {
            let body = body.clone();
            async move { ([("content-type", "application/json; charset=utf-8")], body) }
        });
        let token = format!(
            "{{\"access_token\":\"{}\",\"token_type\":\"bearer\",\"expires_in\":3600}}",
            "x".repeat(250)
        );
        let tokens = axum::routing::post(move |_form: axum::body::Bytes| {
            let token = token.clone();
            async move { ([("content-type", "application/json")], token) }
        });
        let app = axum::Router::new()
            .route("/api/{version}/Inquiry/transactionStatus", route)
            .route("/oauth/token", tokens);
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        axum::serve(listener, app).await.expect("it serves");
    });
}

fn pin(process: u32, core: &str) {
    let done = Command::new("taskset")
        .args(["-cp", core, &process.to_string()])
        .stdout(Stdio::null())
        .status();
    assert!(done.is_ok_and(|status| status.success()), "taskset is needed for a fair measurement");
}
