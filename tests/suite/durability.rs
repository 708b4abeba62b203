//! What was answered is never lost: the process is killed at any moment, and the journal and the
//! orders still agree with what clients have read.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Request;

use crate::harness::{START, Sandbox, agent, call, wait_for};
use crate::shop::{Outgoing, Shop, code};

/// Clients that send while the process dies.
const CLIENTS: usize = 8;
/// Answers that must have come before it dies, so that there is something to lose.
const ANSWERED: usize = 60;

/// A server in a process of its own, on a folder that outlives it.
struct Server {
    child: Child,
    urls: Value,
}

/// What a client has read completely.
#[derive(Debug)]
struct Seen {
    order: String,
    endpoint: &'static str,
    status: u16,
    exchange: String,
}

#[test]
fn a_killed_process_has_lost_nothing_that_it_answered() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut server = Server::start(folder.path());
    let shop = demo(&server);
    let answered = AtomicUsize::new(0);

    let seen: Vec<Seen> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (shop, answered) = (&shop, &answered);
                let base = server.url("paco").to_owned();
                scope.spawn(move || load(shop, &base, client, answered))
            })
            .collect();
        wait_for("enough answers", || (answered.load(Ordering::Relaxed) >= ANSWERED).then_some(()));
        server.child.kill().expect("a child of ours");
        server.child.wait().expect("a child of ours");
        clients.into_iter().flat_map(|client| client.join().expect("a client")).collect()
    });
    let after = Server::start(folder.path());

    assert!(seen.len() >= ANSWERED, "{} answers", seen.len());
    for one in &seen {
        let shown = after.admin(&format!("/exchanges/{}", one.exchange));
        assert_eq!(shown["status"], one.status, "{one:?}: {shown}");
        assert_eq!(shown["subject"], one.order.as_str(), "{one:?}");
        assert_eq!(shown["endpoint"], one.endpoint, "{one:?}");
    }
    for one in seen.iter().filter(|one| one.endpoint != "transactionStatus") {
        let order = after.admin(&format!("/transactions/demo-paco/order/{}", one.order));
        let states: &[&str] = match one.endpoint {
            // A void of it may have been recorded although its answer was never read.
            "nonUi" => &["A/PA", "V/VD"],
            _ => &["V/VD"],
        };
        let state = order["status"].as_str().unwrap_or_default();
        assert!(states.contains(&state), "{one:?}: {order}");
    }
    let next = shop.payment("after").sealed();
    assert_eq!(send(&agent(), after.url("paco"), &next).map(|(status, _)| status), Some(200));
}

#[test]
fn an_orderly_restart_keeps_merchants_orders_rules_and_numbers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sandbox = Sandbox::with(|builder| builder.data_dir(folder.path()));
    let shop = Shop::new(&sandbox, "shop");
    let first = shop.pays(&sandbox, "A1").exchange();
    let rule = json!({"merchant": "shop", "rule": {"when": {"endpoint": "nonUi"},
        "outcome": "declined"}});
    sandbox.admin_post("/scenarios/armed", &rule).assert_status(201);
    let ca = sandbox.emulator.ca_pem().to_owned();
    drop(sandbox);

    let again = Sandbox::with(|builder| builder.data_dir(folder.path()));

    assert_eq!(again.emulator.ca_pem(), ca);
    assert_eq!(shop.state(&again, "A1"), "A/PA");
    assert_eq!(again.explanation(&first)["verdict"], "accepted");
    let declined = shop.payment("A2").sealed().send(&again);
    assert_eq!(code(&shop.says(&declined)), "PC-B050901");
    assert_ne!(declined.exchange(), first);
    assert_eq!(shop.void("A1").sealed().send(&again).status, 200);
}

/// Pays and voids, order after order, until nobody answers any more.
fn load(shop: &Shop, base: &str, client: usize, answered: &AtomicUsize) -> Vec<Seen> {
    let agent = agent();
    let mut seen = Vec::new();
    for number in 0.. {
        let order = format!("{client}-{number}");
        let steps = [
            ("nonUi", shop.payment(&order).sealed()),
            ("Void", shop.void(&order).sealed()),
            ("transactionStatus", shop.inquiry(&order)),
        ];
        for (endpoint, request) in steps {
            let Some((status, exchange)) = send(&agent, base, &request) else {
                return seen;
            };
            seen.push(Seen {
                order: order.clone(),
                endpoint,
                status,
                exchange,
            });
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }
    seen
}

/// Status and exchange of an answer that was read to its end; `None` if it was not.
fn send(agent: &Agent, base: &str, request: &Outgoing) -> Option<(u16, String)> {
    let mut built =
        Request::builder().method(request.method).uri(format!("{base}{}", request.target));
    for (name, value) in request.lines() {
        built = built.header(name, value);
    }
    let mut answer = if request.body.is_empty() {
        agent.run(built.body(()).expect("a well-formed request")).ok()?
    } else {
        agent.run(built.body(request.body.clone()).expect("a well-formed request")).ok()?
    };
    answer.body_mut().read_to_vec().ok()?;
    let exchange = answer.headers().get("sandgate-exchange")?.to_str().ok()?.to_owned();
    Some((answer.status().as_u16(), exchange))
}

fn demo(server: &Server) -> Shop {
    Shop::from_shown(&server.admin("/merchants/demo-paco"))
}

impl Server {
    fn start(folder: &Path) -> Self {
        let ready_file: PathBuf = folder.join("ready.json");
        // A killed server cannot take its file back.
        let _ = std::fs::remove_file(&ready_file);
        let data = folder.join("data");
        let mut child = Command::new(env!("CARGO_BIN_EXE_sandgate"))
            .args(["serve", "--quiet", "--port-base", "0", "--freeze", START, "--data-dir"])
            .arg(&data)
            .arg("--ready-file")
            .arg(&ready_file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        let ready = wait_for("the ready file", || {
            let ended = child.try_wait().expect("a child of ours");
            assert!(ended.is_none(), "the server ended with {ended:?}");
            std::fs::read(&ready_file).ok()
        });
        let ready: Value = serde_json::from_slice(&ready).expect("the ready file is whole JSON");
        Self {
            child,
            urls: ready["base_urls"].clone(),
        }
    }

    fn url(&self, listener: &str) -> &str {
        self.urls[listener].as_str().expect("a listener that exists")
    }

    #[track_caller]
    fn admin(&self, path: &str) -> Value {
        let answer = call(&agent(), "GET", &format!("{}{path}", self.url("admin")), &[], &[]);
        answer.assert_status(200);
        answer.json()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
