//! The command line as people and scripts meet it: the real binary, its exit status, what it prints
//! and where.

use std::fs;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::{Value, json};

use crate::harness::{START, Sandbox, agent, call, wait_for};
use crate::portal::{Portal, setl01};
use crate::receiver::{BROKEN, OK, Receiver};
use crate::shop::payment;

/// A request that is refused: nobody has that token.
const INQUIRY: &str = "/api/2.0/Inquiry/transactionStatus?orderNo=A1";

/// The demo merchant's, as every start prints it.
const DEMO_TOKEN: &str = "5a6d0b3e9c4f4e1f8a7b2c1d3e4f5a6b";

/// What a run of the binary left behind.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    #[track_caller]
    pub(crate) fn fine(self) -> Self {
        assert_eq!(self.status, Some(0), "{self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn fails(self, status: i32, error: &str, hint: &str) {
        assert_eq!(self.status, Some(status), "{self:#?}");
        assert!(self.stdout.is_empty(), "{self:#?}");
        assert!(self.stderr.contains(error), "{self:#?}");
        assert!(self.stderr.contains(hint), "{self:#?}");
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

pub(crate) fn sandgate(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandgate"));
    for (name, _) in std::env::vars() {
        if name.starts_with("SANDGATE_") {
            command.env_remove(name);
        }
    }
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn run(args: &[&str]) -> Run {
    finish(sandgate(args))
}

/// Runs a client verb against a sandbox.
pub(crate) fn ask(sandbox: &Sandbox, args: &[&str]) -> Run {
    let mut command = sandgate(args);
    command.env("SANDGATE_ADMIN", sandbox.emulator.base_url("admin"));
    finish(command)
}

/// Runs a client verb against a sandbox, with something to read.
pub(crate) fn ask_with_input(sandbox: &Sandbox, args: &[&str], input: &str) -> Run {
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(input.as_bytes()).and_then(|()| file.rewind()).expect("written");
    let mut command = sandgate(args);
    command.env("SANDGATE_ADMIN", sandbox.emulator.base_url("admin")).stdin(file);
    finish(command)
}

pub(crate) fn finish(mut command: Command) -> Run {
    let mut child = command.spawn().expect("the binary starts");
    let stdout = drain(child.stdout.take().expect("piped"));
    let stderr = drain(child.stderr.take().expect("piped"));
    let status = wait_for("the binary to end", || child.try_wait().expect("a child of ours"));
    Run {
        status: status.code(),
        stdout: stdout.join().expect("read to its end"),
        stderr: stderr.join().expect("read to its end"),
    }
}

fn drain(mut pipe: impl std::io::Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).expect("the binary prints text");
        text
    })
}

/// A server in a process of its own. It is ended when the test is.
pub(crate) struct Served {
    child: Child,
    pub(crate) ready: Value,
    _folder: tempfile::TempDir,
    ready_file: PathBuf,
}

impl Served {
    pub(crate) fn start(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ready_file = folder.path().join("ready.json");
        let mut command = sandgate(args);
        command.args(["--port-base", "0", "--ready-file"]).arg(&ready_file);
        let mut child = command.spawn().expect("the binary starts");
        let ready = wait_for("the ready file", || {
            let ended = child.try_wait().expect("a child of ours");
            if let Some(status) = ended {
                let mut said = String::new();
                let _ = child.stderr.take().expect("piped").read_to_string(&mut said);
                panic!("the server ended with {status}: {said}");
            }
            fs::read(&ready_file).ok()
        });
        Self {
            ready: serde_json::from_slice(&ready).expect("the ready file is whole JSON"),
            child,
            _folder: folder,
            ready_file,
        }
    }

    pub(crate) fn url(&self, listener: &str) -> &str {
        self.ready["base_urls"][listener].as_str().expect("a listener that exists")
    }

    /// Sends a signal and returns how the server ended.
    pub(crate) fn stopped_by(mut self, signal: &str) -> Run {
        let stdout = drain(self.child.stdout.take().expect("piped"));
        let stderr = drain(self.child.stderr.take().expect("piped"));
        let sent = Command::new("kill")
            .args([format!("-{signal}"), self.child.id().to_string()])
            .status()
            .expect("kill exists");
        assert!(sent.success());
        let status =
            wait_for("the server to end", || self.child.try_wait().expect("a child of ours"));
        assert!(!self.ready_file.exists(), "the ready file goes with the server");
        Run {
            status: status.code(),
            stdout: stdout.join().expect("read to its end"),
            stderr: stderr.join().expect("read to its end"),
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A direct payment of the demo merchant in plain JSON, whose notification goes to a URL.
fn pay(base: &str, order: &str, url: &str) {
    let mut request = payment(order);
    request["notificationURLs"]["backendURL"] = json!(url);
    let headers = [("content-type", "application/json"), ("token", DEMO_TOKEN)];
    let target = format!("{base}/api/2.0/Payment/nonUi");
    let answer = call(&agent(), "POST", &target, &headers, request.to_string().as_bytes());
    answer.assert_status(200);
}

/// An address at which nobody answers for as long as this is kept: bound, so that no other test gets
/// it, and not listening.
pub(crate) struct Nobody(tokio::net::TcpSocket);

impl Nobody {
    pub(crate) fn new() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        Self(socket)
    }

    pub(crate) fn address(&self) -> String {
        self.0.local_addr().expect("bound").to_string()
    }
}

pub(crate) fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").to_string()
}

#[test]
fn serving_is_the_default_and_both_signals_end_it_cleanly() {
    for (verb, signal) in [(None, "TERM"), (Some("serve"), "INT")] {
        let args: Vec<&str> =
            verb.into_iter().chain(["--ephemeral", "--freeze", START, "--seed", "7"]).collect();
        let server = Served::start(&args);
        assert_eq!(server.ready["pid"], server.child.id());
        let admin = server.url("admin").to_owned();
        let clock = call(&agent(), "GET", &format!("{admin}/clock"), &[], &[]);
        assert_eq!(clock.json()["now"], START);

        let ended = server.stopped_by(signal);

        assert_eq!(ended.status, Some(0), "{ended:#?}");
        for said in [admin.as_str(), "demo-paco", "sandgate explain --admin"] {
            assert!(ended.stdout.contains(said), "{said} is not in {ended:#?}");
        }
    }
}

#[test]
fn the_command_that_is_printed_at_the_start_works() {
    let server = Served::start(&["--ephemeral"]);
    let target = format!("{}{INQUIRY}", server.url("paco"));
    let refused = call(&agent(), "GET", &target, &[("apiKey", "wrong")], &[]);

    let explained = run(&["explain", "--admin", server.url("admin")]).fine();

    assert!(explained.stdout.contains(&refused.exchange()), "{explained:#?}");
    assert!(explained.stdout.contains("✗"), "{explained:#?}");
    assert!(explained.stdout.contains("fix:"), "{explained:#?}");
    server.stopped_by("TERM").fine();
}

#[test]
fn a_quiet_server_prints_nothing() {
    let server = Served::start(&["--ephemeral", "--quiet"]);

    let ended = server.stopped_by("TERM").fine();

    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
}

#[test]
fn a_server_with_a_token_tells_callers_how_to_show_it() {
    let server = Served::start(&["--ephemeral", "--admin-token", "sesame"]);
    let admin = server.url("admin");

    run(&["health", "--admin", admin]).fine();
    run(&["clock", "--admin", admin]).fails(1, "wants a bearer token", "--admin-token");
    run(&["clock", "--admin", admin, "--admin-token", "sesame"]).fine();
}

#[test]
fn what_was_kept_is_there_after_a_second_start() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let folder = data.path().to_str().expect("a plain path");
    let first = Served::start(&["--data-dir", folder]);
    run(&[
        "merchant",
        "create",
        "--provider",
        "paco",
        "--id",
        "shop",
        "--admin",
        first.url("admin"),
    ])
    .fine();
    let target = format!("{}{INQUIRY}", first.url("paco"));
    let exchange = call(&agent(), "GET", &target, &[("apiKey", "wrong")], &[]).exchange();
    first.stopped_by("TERM").fine();

    let second = Served::start(&["--data-dir", folder]);

    run(&["merchant", "show", "shop", "--admin", second.url("admin")]).fine();
    run(&["explain", &exchange, "--admin", second.url("admin")]).fine();
}

#[test]
fn two_servers_never_share_a_data_folder() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let folder = data.path().to_str().expect("a plain path");
    let first = Served::start(&["--data-dir", folder]);
    let again = ["--data-dir", folder, "--port-base", "0"];

    run(&again).fails(1, &first.child.id().to_string(), "--data-dir");

    run(&["health", "--admin", first.url("admin")]).fine();
    first.stopped_by("TERM").fine();
    let third = Served::start(&again[..2]);
    third.stopped_by("TERM").fine();
}

#[test]
fn a_server_that_others_can_reach_makes_a_token_and_refuses_a_seed() {
    let open = ["--ephemeral", "--bind", "0.0.0.0"];
    let server = Served::start(&open);
    let admin = server.url("admin").to_owned();

    run(&["health", "--admin", &admin]).fine();
    run(&["clock", "--admin", &admin]).fails(1, "wants a bearer token", "--admin-token");
    let ended = server.stopped_by("TERM").fine();
    assert!(ended.stdout.contains("admin token"), "{ended:#?}");
    let mut seeded = open.to_vec();
    seeded.extend(["--port-base", "0", "--seed", "7"]);
    run(&seeded).fails(1, "guessable", "--seed");
}

#[test]
fn settings_come_from_flags_and_the_environment() {
    let mut command = sandgate(&["--ephemeral", "--port-base", "0", "--set", "pako.x=1"]);
    command.env("SANDGATE_EPHEMERAL", "1");
    finish(command).fails(1, "pako", "paco");
    run(&["--ephemeral", "--port-base", "0", "--set", "paco.no_such_setting=1"]).fails(
        1,
        "no_such_setting",
        "hint:",
    );
    run(&["--ephemeral", "--port-base", "0", "--public-url", "pako=http://x"])
        .fails(1, "pako", "paco");
    run(&["--ephemeral", "--port-base", "0", "--scenarios", "no/such/folder"]).fails(
        1,
        "no/such/folder",
        "hint:",
    );
}

#[test]
fn one_listener_can_have_a_port_of_its_own() {
    let free = free_address();
    let port = free.rsplit_once(':').expect("a port").1;
    let server = Served::start(&["--ephemeral", "--port", &format!("front_door={port}")]);

    assert_eq!(server.url("front_door"), format!("https://127.0.0.1:{port}"));
    assert!(!server.url("paco").ends_with(port));
    let taken = ["--ephemeral", "--port-base", "0", "--port", &format!("paco={port}")];
    run(&taken).fails(1, &format!("{free} (paco) cannot be listened on"), "--port paco=N");
}

#[test]
fn a_start_that_cannot_be_is_the_callers_fault_and_says_why() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound").port().to_string();

    run(&["--ephemeral", "--port-base", &port]).fails(1, &port, "--port-base");
    for (args, error, hint) in [
        (vec!["--set", "paco"], "no name and value", "--set name=value"),
        (vec!["--set", "profile=x"], "no provider.setting", "paco.profile"),
        (vec!["--public-url", "paco=ftp://x"], "no provider and URL", "paco=https://"),
        (vec!["--port", "443"], "no listener and port", "--port front_door=443"),
        (vec!["--port", "front_door=70000"], "no listener and port", "--port front_door=443"),
        (
            vec!["--port", "backdoor=1"],
            "\"backdoor\", which is no listener",
            "admin, paco, paynet, front_door",
        ),
        (vec!["--freeze", "noon"], "--freeze", "--help"),
        (vec!["--port-base", "70000"], "--port-base", "--help"),
        (vec!["--ready-file", "no/such/folder/f"], "ready file", "folder that exists"),
        (vec!["--sead", "7"], "--sead", "--seed"),
        (vec!["srve"], "srve", "serve"),
    ] {
        let mut all = vec!["--ephemeral"];
        if args[0] == "srve" {
            all.clear();
        } else if args[0] != "--port-base" {
            all.extend(["--port-base", "0"]);
        }
        all.extend(args);
        run(&all).fails(1, error, hint);
    }
}

#[test]
fn every_client_verb_says_so_when_no_server_answers() {
    let nobody = Nobody::new();
    let nowhere = format!("http://{}", nobody.address());
    for verb in [
        vec!["health"],
        vec!["explain"],
        vec!["reset"],
        vec!["clock"],
        vec!["exchange", "list"],
        vec!["exchange", "show", "1-abc"],
        vec!["exchange", "tail"],
        vec!["merchant", "list"],
        vec!["merchant", "create", "--provider", "paco"],
        vec!["scenario", "list"],
        vec!["notification", "list"],
        vec!["notification", "resend", "1"],
        vec!["credentials", "export", "demo-paco", "--out", "x"],
    ] {
        let mut args = verb;
        args.extend(["--admin", nowhere.as_str()]);
        run(&args).fails(1, &format!("nothing answers at {nowhere}"), "sandgate serve");
    }
    run(&["health", "--admin", "localhost"]).fails(1, "cannot be called", "--admin");
}

#[test]
fn a_server_that_is_not_ours_is_told_apart() {
    let sandbox = Sandbox::start();
    run(&["clock", "--admin", sandbox.emulator.base_url("paco")]).fails(
        1,
        "is not Sandgate's admin API",
        "admin port",
    );
}

#[test]
fn health_is_an_exit_status() {
    let sandbox = Sandbox::start();

    let healthy = ask(&sandbox, &["health"]).fine();
    assert!(healthy.stdout.starts_with("ready"), "{healthy:#?}");
    assert_eq!(ask(&sandbox, &["health", "--json"]).fine().json()["status"], "ready");
}

#[test]
fn exchanges_are_listed_shown_and_explained() {
    let sandbox = Sandbox::start();
    let none = ask(&sandbox, &["exchange", "list"]).fine();
    assert_eq!((none.stdout.as_str(), none.stderr.as_str()), ("", "no exchange fits\n"));
    let id = sandbox.paco("GET", INQUIRY, &[("apiKey", "wrong")], "").exchange();

    let list = ask(&sandbox, &["exchange", "list", "--verdict", "refused"]).fine();
    let listed = ask(&sandbox, &["exchange", "list", "--json", "--limit", "1"]).fine().json();
    let shown = ask(&sandbox, &["exchange", "show", &id]).fine();
    let explained = ask(&sandbox, &["explain"]).fine();
    let json = ask(&sandbox, &["explain", &id, "--json"]).fine().json();

    assert!(list.stdout.starts_with("ID ") && list.stdout.contains(&id), "{list:#?}");
    assert_eq!(listed["items"][0]["id"], id);
    assert!(shown.stdout.contains("> GET /api/2.0/Inquiry"), "{shown:#?}");
    assert!(shown.stdout.contains("apikey: "), "{shown:#?}");
    assert!(explained.stdout.contains(&id), "{explained:#?}");
    for said in ["✗", "(failed)", "expected", "got", "fix:", "near misses"] {
        assert!(explained.stdout.contains(said), "{said} is not in {explained:#?}");
    }
    assert!(!explained.stdout.contains('\x1b'), "no colour where nobody looks: {explained:#?}");
    assert_eq!(json, sandbox.explanation(&id));
}

#[test]
fn exchanges_that_are_not_there_are_named() {
    let sandbox = Sandbox::start();

    ask(&sandbox, &["explain"]).fails(1, "no exchange was refused", "GET /exchanges");
    ask(&sandbox, &["explain", "x"]).fails(1, "no exchange id", "sandgate-exchange");
    ask(&sandbox, &["exchange", "show", "1-zzz"]).fails(1, "another data folder", "ask the server");
    ask(&sandbox, &["exchange", "list", "--verdict", "refuse"]).fails(1, "no verdict", "refused");
    ask(&sandbox, &["exchange", "list", "--merchant", "demo"]).fails(1, "no merchant", "demo-paco");
}

#[test]
fn tail_prints_exchanges_as_they_come() {
    let sandbox = Sandbox::start();
    let before = sandbox.paco("GET", "/before", &[], "").exchange();
    let mut command = sandgate(&["exchange", "tail", "--json", "--count", "3"]);
    command.env("SANDGATE_ADMIN", sandbox.emulator.base_url("admin"));
    let tail = thread::spawn(move || finish(command));

    let first = sandbox.paco("GET", "/first", &[], "").exchange();
    let second = sandbox.paco("GET", "/second", &[], "").exchange();

    let run = tail.join().expect("tail ends after three").fine();
    let seen: Vec<String> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a JSON object a line"))
        .map(|item| item["id"].as_str().expect("an id").to_owned())
        .collect();
    assert_eq!(seen, [before, first, second]);
}

#[test]
fn a_closed_pipe_is_no_error() {
    let sandbox = Sandbox::start();
    sandbox.paco("GET", "/x", &[], "");
    let mut command = sandgate(&["exchange", "tail"]);
    command.env("SANDGATE_ADMIN", sandbox.emulator.base_url("admin"));
    let mut child = command.spawn().expect("the binary starts");

    drop(child.stdout.take());
    let stderr = drain(child.stderr.take().expect("piped"));

    // The first line may have left before the pipe was closed; one of these finds it closed.
    let status = wait_for("tail to notice", || {
        sandbox.paco("GET", "/x", &[], "");
        child.try_wait().expect("a child of ours")
    });
    assert_eq!(status.code(), Some(0));
    assert_eq!(stderr.join().expect("read to its end"), "");
}

#[test]
fn a_merchant_is_made_listed_shown_and_deleted() {
    let sandbox = Sandbox::start();
    let create = [
        "merchant",
        "create",
        "--provider",
        "paco",
        "--id",
        "shop",
        "--label",
        "The shop",
        "--credential",
        "access_token=0123456789abcdef0123456789abcdef",
        "--json",
    ];

    let made = ask(&sandbox, &create).fine().json();

    assert_eq!(made["label"], "The shop");
    assert_eq!(made["credentials"]["access_token"], "0123456789abcdef0123456789abcdef");
    ask(&sandbox, &create).fails(1, "a merchant \"shop\" already", "choose another id");
    let list = ask(&sandbox, &["merchant", "list"]).fine();
    assert!(list.stdout.contains("shop") && list.stdout.contains("demo-paco"), "{list:#?}");
    let shown = ask(&sandbox, &["merchant", "show", "shop"]).fine();
    assert!(shown.stdout.contains("credentials.access_token"), "{shown:#?}");
    let deleted = ask(&sandbox, &["merchant", "delete", "shop"]).fine();
    assert_eq!(deleted.stdout, "", "talk goes to standard error");
    ask(&sandbox, &["merchant", "show", "shop"]).fails(1, "no merchant \"shop\"", "did you mean");
    ask(&sandbox, &["merchant", "create", "--provider", "paco", "--set", "x"]).fails(
        1,
        "no name and value",
        "--set name=value",
    );
    ask(&sandbox, &["merchant", "create", "--file", "no-such-file"]).fails(
        1,
        "no-such-file",
        "POST /merchants",
    );
}

#[test]
fn a_merchant_can_come_from_a_file() {
    let sandbox = Sandbox::start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("merchant.json");
    fs::write(&file, json!({ "provider": "paco", "label": "From a file" }).to_string())
        .expect("written");
    let file = file.to_str().expect("a plain path");

    let made = ask(&sandbox, &["merchant", "create", "--file", file, "--id", "shop", "--json"]);

    let made = made.fine().json();
    assert_eq!((&made["id"], &made["label"]), (&json!("shop"), &json!("From a file")));
}

#[test]
fn credentials_are_written_once_and_private_ones_for_their_owner_only() {
    let sandbox = Sandbox::start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("made/here");
    let out = out.to_str().expect("a plain path");
    let export = ["credentials", "export", "demo-paco", "--out", out];

    let written = ask(&sandbox, &export).fine();

    let files = ["merchant-signing.private.pem", "merchant-signing.public.pem", "ca.pem", ".env"];
    for file in files {
        let path = Path::new(out).join(file);
        assert!(written.stdout.contains(&path.display().to_string()), "{written:#?}");
        assert!(!fs::read(&path).expect("written").is_empty(), "{file}");
    }
    #[cfg(unix)]
    for (file, mode) in files.into_iter().zip([0o600, 0o644, 0o644, 0o600]) {
        use std::os::unix::fs::PermissionsExt as _;
        let permissions = fs::metadata(Path::new(out).join(file)).expect("written").permissions();
        assert_eq!(permissions.mode() & 0o777, mode, "{file}");
    }
    ask(&sandbox, &export).fails(1, "already holds", "--force");
    let mut forced = export.to_vec();
    forced.extend(["--force", "--json"]);
    assert!(ask(&sandbox, &forced).fine().json()["files"].is_array());
    ask(&sandbox, &["credentials", "export", "demo", "--out", out]).fails(
        1,
        "no merchant \"demo\"",
        "demo-paco",
    );
}

#[test]
fn rules_are_armed_listed_and_disarmed() {
    let sandbox = Sandbox::start();
    let arm = |further: &[&str]| {
        let mut args = vec!["scenario", "arm"];
        args.extend(further);
        ask(&sandbox, &args)
    };

    let id = arm(&["--merchant", "demo-paco", "--outcome", "declined"]).fine().stdout;
    let rule = r#"{"when":{"endpoint":"transactionStatus"},"fault":{"delay_ms":1}}"#;
    let written = arm(&["--provider", "paco", rule, "--times", "3", "--json"]).fine().json();

    assert_eq!(written["remaining"], 3);
    assert_eq!(written["rule"]["fault"], json!({ "delay_ms": 1 }));
    let list = ask(&sandbox, &["scenario", "list", "--json"]).fine().json();
    assert_eq!(list["armed"].as_array().map(Vec::len), Some(2));
    let list = ask(&sandbox, &["scenario", "list"]).fine();
    assert!(list.stdout.contains("declined"), "{list:#?}");
    ask(&sandbox, &["scenario", "disarm", id.trim()]).fine();
    ask(&sandbox, &["scenario", "disarm", id.trim()]).fails(1, "armed", "GET /scenarios");
    arm(&["--provider", "paco"]).fails(1, "no effect", "--outcome");
    arm(&["--provider", "paco", "{"]).fails(1, "not the JSON", "outcome");
    arm(&["--provider", "paco", "--fault", "delay_ms"]).fails(1, "no name and value", "--fault");
    arm(&["--provider", "paco", "--outcome", "x", "--error", "y"]).fails(1, "--error", "--help");
    ask(&sandbox, &["scenario", "activate", "no-such-lesson"]).fails(1, "no-such-lesson", "mean");
}

#[test]
fn scenario_files_are_switched() {
    let sandbox = Sandbox::start();
    let list = ask(&sandbox, &["scenario", "list", "--json"]).fine().json();
    let items = list["items"].as_array().expect("files");
    let Some(file) = items.iter().find(|file| file["magic"] == false) else {
        return;
    };
    let name = file["name"].as_str().expect("a name");

    let on = ask(&sandbox, &["scenario", "activate", name, "--json"]).fine().json();
    let off = ask(&sandbox, &["scenario", "deactivate", name]).fine();

    assert_eq!(on["active"], true);
    assert!(off.stderr.contains("deactivated"), "{off:#?}");
}

#[test]
fn the_clock_is_moved() {
    let sandbox = Sandbox::start();
    let clock = |args: &[&str]| {
        let mut all = vec!["clock"];
        all.extend(args);
        ask(&sandbox, &all)
    };

    assert_eq!(clock(&[]).fine().stdout, format!("{START}, frozen\n"));
    assert_eq!(clock(&["advance", "90s"]).fine().stdout, "2026-01-01T00:01:30Z, frozen\n");
    assert_eq!(clock(&["set", START, "--json"]).fine().json()["now"], START);
    let shifted = clock(&["shift", "-5m", "--merchant", "demo-paco"]).fine();
    assert!(shifted.stdout.starts_with("2025-12-31T23:55:00Z, frozen, shifted"), "{shifted:#?}");
    clock(&["--merchant", "demo-paco", "reset"]).fine();
    assert!(clock(&["resume"]).fine().stdout.contains("running, shifted by -"));
    assert!(clock(&["reset"]).fine().stdout.contains(", running\n"));
    assert!(clock(&["freeze"]).fine().stdout.contains(", frozen\n"));
    clock(&["shift", "5m"]).fails(1, "none is named", "--merchant ID");
    clock(&["advance", "-5m"]).fails(1, "-PT5M", "positive");
    clock(&["advance", "soon"]).fails(1, "no duration", "90s");
    clock(&["freeze", "noon"]).fails(1, "no instant", "offset");
}

#[test]
fn notifications_are_listed_shown_and_sent_again() {
    let sandbox = Sandbox::start();
    let none = ask(&sandbox, &["notification", "list"]).fine();
    assert_eq!((none.stdout.as_str(), none.stderr.as_str()), ("", "no notification fits\n"));
    let receiver = Receiver::answering(&[BROKEN, OK]);
    pay(sandbox.emulator.base_url("paco"), "A1", &receiver.url());
    pay(sandbox.emulator.base_url("paco"), "A2", "https://shop.test/notify");
    ask(&sandbox, &["clock", "advance", "0s"]).fine();

    let list = ask(&sandbox, &["notification", "list", "--status", "queued"]).fine();
    let listed = ask(&sandbox, &["notification", "list", "--json", "--subject", "A1"]).fine();
    let id = listed.json()["items"][0]["id"].to_string();
    let resent = ask(&sandbox, &["notification", "resend", &id]).fine();
    ask(&sandbox, &["clock", "advance", "0s"]).fine();
    let shown = ask(&sandbox, &["notification", "show", &id]).fine();
    let json = ask(&sandbox, &["notification", "show", &id, "--json"]).fine().json();

    assert!(list.stdout.starts_with("ID ") && list.stdout.contains("A1"), "{list:#?}");
    assert!(!list.stdout.contains("shop.test"), "{list:#?}");
    assert!(resent.stderr.contains(&format!("sandgate notification show {id}")), "{resent:#?}");
    let [first, second] = ["attempt 1", "attempt 2"];
    for said in [first, second, "delivered", "answered 500", "application/jose", "says: {"] {
        assert!(shown.stdout.contains(said), "{said} is not in {shown:#?}");
    }
    assert_eq!(json["attempts_made"], 2);
    let blocked = ask(&sandbox, &["notification", "list", "--json", "--status", "blocked"]).fine();
    let blocked = blocked.json()["items"][0]["id"].to_string();
    ask(&sandbox, &["notification", "resend", &blocked]).fails(
        1,
        "shop.test is a reserved name",
        "--allow-destination shop.test",
    );
    ask(&sandbox, &["notification", "show", "99"]).fails(1, "no notification 99", "lists what");
    ask(&sandbox, &["notification", "list", "--status", "sent"]).fails(1, "no status", "queued");
}

#[test]
fn what_could_not_be_delivered_is_told_on_standard_error() {
    let server = Served::start(&["--ephemeral", "--freeze", START]);
    let receiver = Receiver::answering(&[BROKEN]);
    for order in ["A1", "A2"] {
        pay(server.url("paco"), order, "https://shop.test/notify");
    }
    pay(server.url("paco"), "A3", &receiver.url());
    let advance = json!({"advance": "1h"}).to_string();
    let clock = format!("{}/clock", server.url("admin"));
    call(&agent(), "POST", &clock, &[], advance.as_bytes()).assert_status(200);

    let ended = server.stopped_by("TERM");

    let blocked = "blocked: https://shop.test/notify: shop.test is a reserved name that never \
                   resolves; use a URL on loopback, or --allow-destination shop.test";
    assert_eq!(ended.stderr.matches(blocked).count(), 1, "once is enough: {ended:#?}");
    for said in [
        "notification 1 blocked",
        "notification 3 failed",
        "answered 500",
        "attempt 2 at 2026-01-01T00:00:30Z",
        "given up after attempt 3",
        "(sandgate notification show 3)",
    ] {
        assert!(ended.stderr.contains(said), "{said} is not in {ended:#?}");
    }
}

#[test]
fn where_notifications_may_go_is_judged_at_the_start() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("ca.pem");
    fs::write(&file, "no certificate").expect("writable");
    let file = file.to_str().expect("a plain path");

    for (flag, value, said) in [
        ("--allow-destination", "10.0.0.0/99", "is no network, address or name"),
        ("--notification-ca", file, "it holds no certificate"),
        ("--notification-ca", "no-such-file.pem", "no-such-file.pem"),
    ] {
        let args = ["serve", "--ephemeral", "--port-base", "0", flag, value];
        run(&args).fails(1, flag, "");
        run(&args).fails(1, said, "");
    }
}

#[test]
fn what_was_accepted_is_explained_too_when_it_has_a_near_miss() {
    let sandbox = Sandbox::start();
    ask(&sandbox, &["explain", "--last"]).fails(1, "there is no exchange yet", "sandgate call");
    let portal = Portal::new(&sandbox, "bank");
    let refused = portal.types(&sandbox, &[("x-signature", "00")]).exchange();
    let link = portal.link(&sandbox, &setl01());
    let bearer = format!("Bearer {}", portal.token);
    let file = sandbox.send("paynet", "GET", &link, &[("authorization", &bearer)], &[]);
    file.assert_status(200);

    let last_refusal = ask(&sandbox, &["explain"]).fine();
    let last = ask(&sandbox, &["explain", "--last", "--merchant", "bank"]).fine();

    assert!(last_refusal.stdout.contains(&refused), "{last_refusal:#?}");
    for said in ["was accepted and has a near miss", &file.exchange()] {
        assert!(last_refusal.stderr.contains(said), "{said}: {last_refusal:#?}");
    }
    assert!(last.stdout.contains("paynet.token_sent_to_link"), "{last:#?}");
}

#[test]
fn a_file_is_put_out_as_it_is_and_not_asked_for_when_there_is_no_link() {
    let sandbox = Sandbox::start();
    let settings = ["--set", "download_gzip=always", "--id", "packed"];
    let made = [&["merchant", "create", "--provider", "paynet"][..], &settings].concat();
    ask(&sandbox, &made).fine();

    for merchant in ["demo-paynet", "packed"] {
        let file = ask(&sandbox, &["call", "paynet", "file", "--merchant", merchant]).fine();
        assert!(file.stdout.starts_with("fiid,settlement_date,"), "{file:#?}");
        assert_eq!(file.stdout.lines().count(), 3, "{file:#?}");
        assert!(file.stderr.contains("download came first"), "{file:#?}");
    }
    let armed = [
        "scenario",
        "arm",
        "--merchant",
        "demo-paynet",
        "--error",
        "E0003",
        "--endpoint",
        "download",
    ];
    ask(&sandbox, &armed).fine();
    let refused = ask(&sandbox, &["call", "paynet", "file"]);
    refused.fails(1, "the download that has to come first was not accepted", "E0003");
}

#[test]
fn an_event_finds_the_transaction_that_it_happens_to() {
    let sandbox = Sandbox::start();
    let nothing = ask(&sandbox, &["trigger", "paynet", "finish"]);
    nothing.fails(1, "has no transaction of that sort yet", "create one first");
    assert_eq!(ask(&sandbox, &["call", "paynet", "query"]).status, Some(0));
    assert_eq!(ask(&sandbox, &["call", "paynet", "download"]).status, Some(0));

    let listed = ask(&sandbox, &["trigger", "paynet", "--kind", "report"]);
    assert!(listed.stdout.contains("fail"), "{}", listed.stdout);
    assert!(!listed.stdout.contains("expire"), "{}", listed.stdout);
    // The link changed last; a report is what gets finished.
    let finished = ask(&sandbox, &["trigger", "paynet", "finish"]);
    assert_eq!(finished.status, Some(0), "{finished:#?}");
    assert!(finished.stdout.contains(": new → ready"), "{}", finished.stdout);
    assert!(finished.stderr.contains("no --order was given; the report"), "{}", finished.stderr);
    let expired = ask(&sandbox, &["trigger", "paynet", "expire"]);
    assert!(expired.stdout.starts_with("link "), "{} {}", expired.stdout, expired.stderr);
    ask(&sandbox, &["trigger", "paynet", "expires"]).fails(1, "expires", "expire");
    ask(&sandbox, &["trigger", "paynet", "--kind", "order"]).fails(
        1,
        "no order yet",
        "without --kind",
    );
}

#[test]
fn a_reset_is_told_on_standard_error() {
    let sandbox = Sandbox::start();
    sandbox.paco("GET", "/x", &[], "");

    let reset = ask(&sandbox, &["reset"]).fine();
    assert!(reset.stdout.is_empty() && reset.stderr.contains("cleared everything"), "{reset:#?}");
    let one = ask(&sandbox, &["reset", "--merchant", "demo-paco", "--json"]).fine().json();
    assert_eq!(one["reset"], "demo-paco");
    assert_eq!(sandbox.admin_get("/exchanges").json()["items"], json!([]));
    ask(&sandbox, &["reset", "--merchant", "x"]).fails(1, "no merchant", "demo-paco");
}

#[test]
fn help_and_version_are_answers() {
    for args in [
        vec!["--help"],
        vec!["--version"],
        vec!["serve", "--help"],
        vec!["exchange", "--help"],
        vec!["help", "scenario"],
    ] {
        let run = run(&args).fine();
        assert!(!run.stdout.is_empty() && run.stderr.is_empty(), "{run:#?}");
    }
}
