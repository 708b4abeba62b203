//! The files for containers, held against the code: ports, host names, flags and versions. Whether an
//! engine builds and runs them is not seen from here.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sandgate::Config;
use sandgate::cli::understands;
use sandgate::emulator::{listeners, providers};
use serde_json::Value;

use crate::cli::{Served, finish, run, sandgate};

/// The instructions of the Dockerfile, in order: name and the rest, continued lines joined.
fn instructions() -> Vec<(String, String)> {
    let text = read("Dockerfile").replace("\\\n", " ");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| {
            let (name, rest) = line.split_once(' ').expect("an instruction says something");
            (name.to_owned(), rest.trim().to_owned())
        })
        .collect()
}

/// What the last instruction of that name says.
fn last(name: &str) -> String {
    let found = instructions().into_iter().rfind(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("the Dockerfile has no {name}")).1
}

/// The arguments of an instruction in exec form.
fn exec_form(text: &str) -> Vec<String> {
    let start = text.find('[').expect("the exec form, as the image has no shell");
    serde_json::from_str(&text[start..]).expect("a list of texts")
}

/// The arguments with which the image serves.
fn command() -> Vec<String> {
    exec_form(&last("CMD"))
}

/// The value that follows a flag.
fn value_of(flag: &str) -> String {
    let command = command();
    let at = command.iter().position(|argument| argument == flag);
    at.and_then(|at| command.get(at + 1)).unwrap_or_else(|| panic!("CMD has no {flag}")).clone()
}

fn exposed() -> BTreeSet<u16> {
    last("EXPOSE").split_whitespace().map(|port| port.parse().expect("a port")).collect()
}

fn compose() -> Value {
    serde_saphyr::from_str(&read("docker-compose.yml")).expect("YAML")
}

fn texts(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap_or_else(|| panic!("{list} is no list"));
    list.iter().map(|item| item.as_str().expect("a text")).collect()
}

fn real_hosts() -> BTreeSet<&'static str> {
    providers().iter().flat_map(|provider| provider.real_hosts()).copied().collect()
}

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_image_is_built_with_the_oldest_rust_that_is_promised() {
    let manifest = read("Cargo.toml");
    let promised = manifest.lines().find_map(|line| line.strip_prefix("rust-version = "));
    let promised = promised.expect("Cargo.toml names its rust-version").trim_matches('"');
    let stages: Vec<String> = instructions()
        .into_iter()
        .filter(|(name, _)| name == "FROM")
        .map(|(_, rest)| rest)
        .collect();

    // Debian 12 is bookworm: what is linked in the first stage must be found in the second.
    let wanted = [
        format!("rust:{promised}-bookworm AS build"),
        "gcr.io/distroless/cc-debian12:nonroot".to_owned(),
    ];
    assert_eq!(stages, wanted);
    assert_eq!(last("USER"), "nonroot");
}

#[test]
fn the_command_line_understands_what_the_image_runs() {
    let program = exec_form(&last("ENTRYPOINT"));
    assert_eq!(program.len(), 1, "the verb belongs to CMD, so that another can be run");
    let health = last("HEALTHCHECK");
    let health = exec_form(&health);
    assert_eq!(health[..2], [program[0].clone(), "health".to_owned()]);

    let command = command();
    let served: Vec<&str> = program.iter().chain(&command).map(String::as_str).collect();
    for arguments in [served, health.iter().map(String::as_str).collect()] {
        understands(arguments.iter().copied())
            .unwrap_or_else(|usage| panic!("{arguments:?}: {usage}"));
    }
    assert!(understands(["sandgate", "serve", "--no-such-flag"]).is_err());
}

#[test]
fn every_listener_is_exposed_and_published_to_this_machine_alone() {
    let mut config = Config::default();
    let (listener, port) = value_of("--port")
        .split_once('=')
        .map(|(l, p)| (l.to_owned(), p.to_owned()))
        .expect("a pair");
    config.ports.insert(listener, port.parse().expect("a port"));
    let wanted: BTreeSet<u16> =
        listeners(&providers()).into_iter().map(|listener| config.port(listener)).collect();

    assert_eq!(exposed(), wanted);
    let compose = compose();
    let mut published = BTreeSet::new();
    for line in texts(&compose["services"]["sandgate"]["ports"]) {
        let parts: Vec<&str> = line.split(':').collect();
        let [address, host, container] = parts[..] else {
            panic!("{line} is not address:port:port")
        };
        assert_eq!(address, "127.0.0.1", "{line} would let others in");
        let container: u16 = container.parse().expect("a port");
        // On the host everything is where it is without a container.
        let usual = listeners(&providers()).into_iter().find(|name| config.port(name) == container);
        let usual = usual.map(|name| Config::default().port(name));
        assert_eq!(Some(host.parse().expect("a port")), usual, "{line}");
        published.insert(container);
    }
    assert_eq!(published, wanted);
}

#[test]
fn the_front_door_has_every_real_host_name_at_the_port_of_https() {
    let compose = compose();
    let service = &compose["services"]["sandgate"];

    let aliases = texts(&service["networks"]["gateways"]["aliases"]);

    assert_eq!(aliases.iter().copied().collect::<BTreeSet<_>>(), real_hosts());
    assert_eq!(aliases.len(), real_hosts().len(), "an alias stands there twice");
    assert_eq!(value_of("--port"), "front_door=443");
    let sysctls = &service["sysctls"];
    assert_eq!(sysctls["net.ipv4.ip_unprivileged_port_start"], 0, "443 needs it without rights");
}

#[test]
fn the_volume_is_the_data_folder() {
    let folder = value_of("--data-dir");
    let compose = compose();

    assert_eq!(last("VOLUME"), folder);
    let mounts = texts(&compose["services"]["sandgate"]["volumes"]);
    assert_eq!(mounts, [format!("data:{folder}")]);
    assert!(compose["volumes"].get("data").is_some());
    // Made for the image's user before the volume is, or nothing could be written there.
    let made = instructions().into_iter().any(|(name, rest)| {
        name == "COPY" && rest.contains("--chown=65532:65532") && rest.ends_with(&folder)
    });
    assert!(made, "{folder} does not belong to nonroot");
}

#[test]
fn every_variable_that_is_set_is_one_that_serve_reads() {
    let help = run(&["serve", "--help"]).fine().stdout;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let compose = compose();
    let variables = compose["services"]["sandgate"]["environment"].as_object().expect("variables");

    assert!(!variables.is_empty());
    for name in variables.keys() {
        assert!(help.contains(&format!("[env: {name}")), "serve does not read {name}");
    }
}

#[test]
fn the_example_client_asks_a_real_name_and_cannot_reach_the_real_gateway() {
    let compose = compose();
    let client = &compose["services"]["client"];
    let script = client["command"][0].as_str().expect("a script");

    let host = script.split("https://").nth(1).and_then(|rest| rest.split('/').next());
    assert!(host.is_some_and(|host| real_hosts().contains(host)), "{script}");
    let tokens: Vec<Value> = providers()
        .iter()
        .filter_map(|provider| provider.demo().credentials.get("access_token").cloned())
        .collect();
    let token = script.split("apiKey: ").nth(1).and_then(|rest| rest.split('"').next());
    assert!(tokens.contains(&Value::from(token)), "{script}");
    assert_eq!(texts(&client["networks"]), ["gateways"]);
    assert_eq!(compose["networks"]["gateways"]["internal"], true);
    assert_eq!(client["depends_on"]["sandgate"]["condition"], "service_healthy");
    let admin = Config::default().port("admin");
    assert!(script.contains(&format!("http://sandgate:{admin}/ca.pem")), "{script}");
    assert_eq!(value_of("--tls-name"), "sandgate");
}

#[test]
fn what_the_image_runs_serves_healthily_and_wants_a_token() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path().to_str().expect("a plain path");
    let data = value_of("--data-dir");
    // The same, with a folder and ports that a test can have.
    let command: Vec<String> = command()
        .into_iter()
        .map(|argument| match argument.as_str() {
            "front_door=443" => "front_door=0".to_owned(),
            argument if argument == data => folder.to_owned(),
            _ => argument,
        })
        .collect();
    let server = Served::start(&command.iter().map(String::as_str).collect::<Vec<_>>());
    let admin = server.url("admin");

    let health = exec_form(&last("HEALTHCHECK"));
    let mut check = sandgate(&health[1..].iter().map(String::as_str).collect::<Vec<_>>());
    check.env("SANDGATE_ADMIN", admin);
    finish(check).fine();

    run(&["clock", "--admin", admin]).fails(1, "wants a bearer token", "--admin-token");
}

#[test]
fn the_build_sees_what_it_reads_and_nothing_else() {
    let ignored = read(".dockerignore");
    let lines: Vec<&str> =
        ignored.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();

    assert_eq!(lines[0], "*", "everything is outside but what is named");
    let named: BTreeSet<&str> =
        lines[1..].iter().filter_map(|line| line.strip_prefix('!')).collect();
    assert_eq!(named.len(), lines.len() - 1, "a line names nothing");
    // Cargo wants the files of every target that its manifest declares.
    let mut wanted = BTreeSet::from(["Cargo.toml", "Cargo.lock", "benches", "migrations", "src"]);
    let embedded = embedded_from();
    wanted.extend(embedded.iter().map(String::as_str));
    assert_eq!(named, wanted);
    for name in named {
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(name).exists(), "{name} is not there");
    }
}

/// The folders beside `src` from which sources embed files.
fn embedded_from() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(source) = fs::read_to_string(&path) else { continue };
            // Paths that climb as high as `src` is deep lead out of it.
            let depth = folder.strip_prefix(root).expect("below the root").components().count();
            let climb = format!("\"{}", "../".repeat(depth));
            for outside in source.split(&climb).skip(1) {
                found.extend(outside.split('/').next().map(ToOwned::to_owned));
            }
        }
    }
    found
}
