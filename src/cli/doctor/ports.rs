//! The ports that `serve` would take: free, held by a Sandgate, or held by something else.

use std::cell::LazyCell;
use std::io::ErrorKind;
use std::net::TcpListener;

use super::super::client::ServerArgs;
use super::server::Server;
use super::{Finding, Level};
use crate::config::Config;
use crate::emulator;

/// Looks at every port.
pub(super) fn look(config: &Config, server: Option<&Server>) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Asked for only if a port is held, and once.
    let neighbour = LazyCell::new(|| at_home(config));
    for listener in emulator::listeners(&emulator::providers()) {
        let port = config.port(listener);
        if port == 0 {
            findings.push(Finding::ok("ports", format!("{listener}: the system chooses")));
            continue;
        }
        findings.push(match TcpListener::bind((config.bind, port)) {
            Ok(_) => Finding::ok("ports", format!("{port} ({listener}) is free")),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Finding::new(
                ("ports", Level::Problem),
                format!("{port} ({listener}) may not be listened on by this user"),
                "sandgate serve will not start with it",
                format!(
                    "choose a port from 1024 up with --port {listener}=N, or allow low ones: sysctl \
                     net.ipv4.ip_unprivileged_port_start=0"
                ),
            ),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                held(server, &neighbour, listener, port)
            }
            Err(error) => Finding::new(
                ("ports", Level::Problem),
                format!("{port} ({listener}) cannot be listened on: {error}"),
                "sandgate serve will not start with it",
                format!("choose another port with --port {listener}=N"),
            ),
        });
    }
    findings
}

fn held<F: FnOnce() -> Option<Server>>(
    server: Option<&Server>,
    neighbour: &LazyCell<Option<Server>, F>,
    listener: &str,
    port: u16,
) -> Finding {
    if let Some(server) = server.filter(|server| server.listens_on(port)) {
        let what = format!("{port} ({listener}) is held by the server at {}", server.admin);
        return Finding::ok("ports", what);
    }
    // With a server running elsewhere, nobody needs these.
    let level = if server.is_some() { Level::Note } else { Level::Problem };
    let meaning = "sandgate serve will not start with it";
    if let Some(other) = neighbour.as_ref().filter(|other| other.listens_on(port)) {
        return Finding::new(
            ("ports", level),
            format!(
                "{port} ({listener}) is held by the Sandgate at {}{}",
                other.admin,
                other.told()
            ),
            meaning,
            format!("use that one with --admin {}, or stop it", other.admin),
        );
    }
    Finding::new(
        ("ports", level),
        format!("{port} ({listener}) is held by something else"),
        meaning,
        format!(
            "find it (ss -ltnp 'sport = :{port}', lsof -i :{port}) and stop it, or choose other \
             ports with --port-base N or --port {listener}=N"
        ),
    )
}

/// A Sandgate whose admin API has the port that ours would have.
fn at_home(config: &Config) -> Option<Server> {
    let args = ServerArgs {
        admin: format!("http://{}:{}", config.bind, config.port("admin")),
        admin_token: None,
    };
    Server::at(&args).ok()?.0
}
