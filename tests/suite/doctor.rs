//! `sandgate doctor` as people meet it: by the binary, with and without a server, each ill with its
//! finding.

use std::net::TcpListener;
use std::path::Path;

use serde_json::{Value, json};

use crate::cli::{Nobody, Run, Served, finish, sandgate};
use crate::harness::Sandbox;
use crate::shop::key;

/// What doctor found.
struct Visit {
    run: Run,
    findings: Vec<Value>,
}

impl Visit {
    /// Fails unless something was found there that says so.
    #[track_caller]
    fn found(&self, level: &str, area: &str, what: &str) -> &Value {
        let fits = |finding: &&Value| {
            finding["area"] == area
                && finding["what"].as_str().is_some_and(|said| said.contains(what))
        };
        let finding = self.findings.iter().find(fits);
        let finding =
            finding.unwrap_or_else(|| panic!("no {area} \"{what}\" in {:#?}", self.findings));
        assert_eq!(finding["level"], level, "{finding:#}");
        if level != "ok" {
            for member in ["meaning", "fix"] {
                assert!(
                    finding[member].as_str().is_some_and(|said| !said.is_empty()),
                    "{finding:#}"
                );
            }
        }
        finding
    }

    fn levels(&self, level: &str) -> usize {
        self.findings.iter().filter(|finding| finding["level"] == level).count()
    }
}

/// A visit in an environment that says nothing but `variables`. No port is looked at unless named.
#[track_caller]
fn visit(admin: &str, args: &[&str], variables: &[(&str, &str)]) -> Visit {
    let mut all = vec!["doctor", "--json", "--admin", admin, "--port-base", "0"];
    all.extend(args);
    let mut command = sandgate(&all);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    for name in ["SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"] {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied());
    let run = finish(command);
    let said = run.json();
    let findings = said["findings"].as_array().expect("a list").clone();
    let visit = Visit { run, findings };
    assert_eq!(said["problems"], visit.levels("problem"), "{said:#}");
    assert_eq!(said["notes"], visit.levels("note"), "{said:#}");
    let status = i32::from(visit.levels("problem") > 0);
    assert_eq!(visit.run.status, Some(status), "{:#?}", visit.run);
    visit
}

fn plain(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

#[test]
fn without_a_server_it_says_so_and_looks_at_the_rest() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let absent = folder.path().join("data");

    let nobody = Nobody::new();
    let visit =
        visit(&format!("http://{}", nobody.address()), &["--data-dir", plain(&absent)], &[]);

    visit.found("note", "server", "no server: nothing answers");
    visit.found("ok", "data folder", "is not there yet");
    visit.found("ok", "data folder", "MiB are left");
    visit.found("ok", "clock", "this machine's clock");
    visit.found("ok", "certificates", "no CA yet");
    visit.found("ok", "network", "no proxy");
    assert!(visit.findings.iter().any(|finding| finding["area"] == "names"));
    assert!(!absent.exists(), "doctor makes nothing");
}

#[test]
fn a_healthy_server_has_no_problem() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let folder = plain(data.path());
    let server = Served::start(&["--data-dir", folder]);

    let visit = visit(server.url("admin"), &[], &[]);

    let version = visit.found("ok", "server", env!("CARGO_PKG_VERSION"));
    let real = data.path().canonicalize().expect("it exists");
    assert!(version["what"].as_str().expect("text").contains(plain(&real)), "{version}");
    visit.found("ok", "data folder", "can be written");
    visit.found("ok", "data folder", "the server uses it (process ");
    visit.found("ok", "data folder", "the database opens, with schema ");
    visit.found("ok", "clock", "runs with the system");
    visit.found("ok", "keys", "the keys of 1 merchant are here");
    visit.found("ok", "certificates", "in date by every clock, from 2000-01-01");
    visit.found("ok", "certificates", "no variable of this shell");
    server.stopped_by("TERM").fine();
}

#[test]
fn a_temporary_data_folder_is_as_private_as_one_that_stays() {
    let server = Served::start(&["--ephemeral"]);

    let visit = visit(server.url("admin"), &[], &[]);

    let looked_into =
        |finding: &Value| finding["area"] == "data folder" && finding["level"] != "ok";
    assert!(!visit.findings.iter().any(looked_into), "{:#?}", visit.findings);
}

#[test]
fn a_port_is_told_by_who_holds_it() {
    let server = Served::start(&["--ephemeral"]);
    let other = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = |url: &str| url.rsplit_once(':').expect("a port").1.to_owned();
    let (admin, paco) = (port(server.url("admin")), port(server.url("paco")));
    let foreign = other.local_addr().expect("bound").port().to_string();
    let kept = Nobody::new();
    let nobody = format!("http://{}", kept.address());
    let (admin, paco) = (format!("admin={admin}"), format!("paco={paco}"));
    let door = format!("front_door={foreign}");
    let ports = ["--port", &admin, "--port", &paco, "--port", &door];

    let here = visit(server.url("admin"), &ports, &[]);
    let elsewhere = visit(&nobody, &ports, &[]);

    here.found("ok", "ports", "(paco) is held by the server at");
    here.found("note", "ports", "(front_door) is held by something else");
    let held = elsewhere.found("problem", "ports", "(paco) is held by the Sandgate at");
    assert!(held["what"].as_str().expect("text").contains("process"), "{held:#}");
    elsewhere.found("problem", "ports", "(front_door) is held by something else");
}

#[test]
fn what_answers_at_the_admin_port_and_is_no_sandgate_is_a_problem() {
    let sandbox = Sandbox::start();

    let visit = visit(sandbox.emulator.base_url("paco"), &[], &[]);

    visit.found("problem", "server", "is not Sandgate's admin API");
}

#[test]
fn a_server_that_wants_a_token_tells_little_without_it() {
    let server = Served::start(&["--ephemeral", "--admin-token", "sesame"]);

    let without = visit(server.url("admin"), &[], &[]);
    let with = visit(server.url("admin"), &["--admin-token", "sesame"], &[]);

    without.found("note", "server", "wants a bearer token");
    assert!(!without.findings.iter().any(|finding| finding["area"] == "keys"));
    with.found("ok", "keys", "the keys of 1 merchant");
}

#[test]
fn a_data_folder_that_cannot_be_used_is_a_problem() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let kept = Nobody::new();
    let nobody = format!("http://{}", kept.address());
    let (file, spoilt) = (folder.path().join("file"), folder.path().join("spoilt"));
    std::fs::write(&file, "x").expect("written");
    std::fs::create_dir(&spoilt).expect("made");
    std::fs::write(spoilt.join("sandgate.db"), "no database, only text of some length")
        .expect("written");

    let on_a_file = visit(&nobody, &["--data-dir", plain(&file)], &[]);
    let on_spoilt = visit(&nobody, &["--data-dir", plain(&spoilt)], &[]);

    on_a_file.found("problem", "data folder", "it is no folder");
    on_spoilt.found("problem", "data folder", "sandgate.db: the database cannot be looked at");
    on_spoilt.found("ok", "data folder", "no server uses it");
}

#[test]
fn a_folder_that_another_server_uses_names_its_process() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let folder = plain(data.path());
    let server = Served::start(&["--data-dir", folder]);
    let other = Served::start(&["--ephemeral"]);
    let kept = Nobody::new();
    let nobody = format!("http://{}", kept.address());

    let unseen = visit(&nobody, &["--data-dir", folder], &[]);
    let another = visit(other.url("admin"), &["--data-dir", folder], &[]);

    let said = format!("another server uses it (process {})", server.ready["pid"]);
    unseen.found("note", "data folder", &said);
    another.found("note", "data folder", &said);
    another.found("note", "data folder", "the server keeps its data in");
}

#[test]
fn clocks_that_were_moved_are_named() {
    let sandbox = Sandbox::start();
    let shift = sandbox.admin_post("/clock?merchant=demo-paco", &json!({"shift": "-5m"}));
    shift.assert_status(200);

    let visit = visit(sandbox.emulator.base_url("admin"), &[], &[]);

    visit.found("note", "clock", "the server's clock stands at 2026-01-01T00:00:00Z");
    let shifted = visit.found("note", "clock", "merchant demo-paco is shifted by -PT5M");
    assert_eq!(shifted["fix"], "sandgate clock reset --merchant demo-paco, if that is not meant");
}

#[test]
fn keys_that_are_elsewhere_are_named() {
    let sandbox = Sandbox::start();
    let keys = json!({"signing_public_key": key("merchant-signing").public().to_pem()});
    let asked = json!({"provider": "paco", "id": "apart", "credentials": {"keys": keys}});
    sandbox.admin_post("/merchants", &asked).assert_status(201);

    let visit = visit(sandbox.emulator.base_url("admin"), &[], &[]);

    visit.found("note", "keys", "merchant apart are not here: signing (RSA, 4096 bits)");
    visit.found("ok", "keys", "the keys of 1 merchant are here");
}

#[test]
fn whom_the_shell_makes_clients_trust_is_told() {
    let sandbox = Sandbox::start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bundle = folder.path().join("bundle.pem");
    std::fs::write(&bundle, format!("# mine\n{}", sandbox.emulator.ca_pem())).expect("written");
    let other = folder.path().join("other.pem");
    std::fs::write(&other, "# nobody\n").expect("written");
    let variables = [
        ("NODE_EXTRA_CA_CERTS", plain(&bundle)),
        ("CURL_CA_BUNDLE", plain(&bundle)),
        ("SSL_CERT_FILE", plain(&other)),
        ("REQUESTS_CA_BUNDLE", "no/such/file"),
    ];

    let visit = visit(sandbox.emulator.base_url("admin"), &[], &variables);

    let holds = visit.found("ok", "certificates", "which holds the CA");
    let said = holds["what"].as_str().expect("text");
    assert!(said.starts_with("CURL_CA_BUNDLE, NODE_EXTRA_CA_CERTS = "), "{said}");
    visit.found("note", "certificates", "which does not hold this CA");
    visit.found("problem", "certificates", "REQUESTS_CA_BUNDLE = no/such/file, which cannot be");
}

#[test]
fn a_proxy_that_would_catch_loopback_is_a_problem() {
    let kept = Nobody::new();
    let nobody = format!("http://{}", kept.address());
    let proxy = ("http_proxy", "http://proxy.test:3128");

    let caught = visit(&nobody, &[], &[proxy]);
    let spared = visit(&nobody, &[], &[proxy, ("NO_PROXY", "localhost,127.0.0.1")]);

    caught.found("problem", "network", "HTTP_PROXY is set, and NO_PROXY does not spare");
    spared.found("ok", "network", "NO_PROXY spares 127.0.0.1");
}

#[test]
fn a_backend_that_nobody_listens_at_is_named() {
    let sandbox = Sandbox::start();
    let kept = Nobody::new();
    let nobody = kept.address();
    let url = format!("http://{nobody}/notify");
    let set = json!({"notificationURLs.backendURL": url});
    let asked = json!({"provider": "paco", "endpoint": "nonUi", "set": set});
    assert_eq!(sandbox.admin_post("/calls", &asked).json()["status"], 200);

    let visit = visit(sandbox.emulator.base_url("admin"), &[], &[]);

    visit.found("note", "notifications", &format!("the backend {nobody}: "));
}

#[test]
fn people_read_it_by_area_with_what_to_do() {
    let kept = Nobody::new();
    let nobody = format!("http://{}", kept.address());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "x").expect("written");

    let command = ["doctor", "--admin", &nobody, "--port-base", "0", "--data-dir", plain(&file)];
    let run = finish(sandgate(&command));

    assert_eq!(run.status, Some(1), "{run:#?}");
    assert!(run.stdout.starts_with("server\n  note     no server: "), "{run:#?}");
    assert!(run.stdout.contains("data folder\n  problem  "), "{run:#?}");
    assert!(run.stdout.contains("\n           do     give this user the right"), "{run:#?}");
    assert!(run.stderr.contains("problem"), "{run:#?}");
}
