//! Between clients, the server and their backends: proxies that catch loopback, where the real host
//! names lead, and whether backends can be reached.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

use super::super::client::escaped;
use super::super::output::{cell, items, text};
use super::server::Server;
use super::{Finding, Level};
use crate::emulator;
use crate::stopwatch::Stopwatch;

/// How long names and connections may take, all at once: a name server that does not answer in this
/// time is as good as none.
const BUDGET: Duration = Duration::from_millis(1_500);

/// Most backends that are tried.
const BACKENDS: usize = 8;

/// A variable of this shell, for what it tells other programs.
#[expect(
    clippy::disallowed_methods,
    reason = "what clients read from this environment is what is looked at, no setting of ours"
)]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Proxies that would catch what is meant for this machine.
pub(super) fn proxies() -> Vec<Finding> {
    let either = |name: &str| variable(name).or_else(|| variable(&name.to_lowercase()));
    let set: Vec<&str> = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]
        .into_iter()
        .filter(|n| either(n).is_some())
        .collect();
    vec![caught(&set, &either("NO_PROXY").unwrap_or_default())]
}

fn caught(set: &[&str], exceptions: &str) -> Finding {
    if set.is_empty() {
        return Finding::ok("network", "no proxy is set in this shell");
    }
    let spared = exceptions
        .split(',')
        .map(str::trim)
        .any(|exception| exception == "*" || exception.starts_with("127."));
    let set = set.join(" and ");
    if spared {
        return Finding::ok("network", format!("{set} is set, and NO_PROXY spares 127.0.0.1"));
    }
    Finding::new(
        ("network", Level::Problem),
        format!("{set} is set, and NO_PROXY does not spare 127.0.0.1"),
        "many clients send requests for this machine to the proxy, which cannot reach it",
        "export NO_PROXY=127.0.0.1,localhost for the client under test",
    )
}

/// Where the real host names lead, for clients whose URL is fixed.
pub(super) fn real_names(server: Option<&Server>) -> Vec<Finding> {
    let providers = emulator::providers();
    let hosts: Vec<&'static str> =
        providers.iter().flat_map(|provider| provider.real_hosts()).copied().collect();
    let found = at_once(hosts.iter().map(|host| {
        let host = *host;
        move || (host, 443).to_socket_addrs().map(|found| found.map(|a| a.ip()).collect()).ok()
    }));
    let (mut home, mut away, mut nowhere) = (Vec::new(), Vec::new(), Vec::new());
    for (host, addresses) in hosts.iter().zip(found) {
        let addresses: Vec<IpAddr> = addresses.flatten().unwrap_or_default();
        match addresses.first() {
            None => nowhere.push((*host).to_owned()),
            Some(first) if addresses.iter().all(is_near) => home.push(format!("{host} ({first})")),
            Some(first) => away.push(format!("{host} ({first})")),
        }
    }
    let door = server.and_then(|server| server.base_url("front_door"));
    let door = door.unwrap_or("https://127.0.0.1:7443");
    let mut findings = Vec::new();
    if !home.is_empty() {
        findings.push(Finding::ok("names", format!("lead to this network: {}", home.join(", "))));
    }
    let lead = format!(
        "if a client's URL is fixed: a line \"127.0.0.1 {}\" in /etc/hosts and the front door at \
         443 (serve --port front_door=443), or network aliases as in docker-compose.yml, or a \
         connect-to option of the client towards {door}",
        hosts.first().unwrap_or(&"HOST"),
    );
    if !away.is_empty() {
        findings.push(Finding::new(
            ("names", Level::Note),
            format!("lead to the real gateway: {}", away.join(", ")),
            "a client with one of these in its URL does not talk to Sandgate",
            lead.clone(),
        ));
    }
    if !nowhere.is_empty() {
        findings.push(Finding::new(
            ("names", Level::Note),
            format!("have no address here: {}", nowhere.join(", ")),
            "a client with one of these in its URL finds nobody",
            lead,
        ));
    }
    findings
}

/// An address that no real gateway has.
fn is_near(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    }
}

/// Whether the backends of recent orders can be reached.
pub(super) fn backends(server: &Server) -> Vec<Finding> {
    let urls = recent(server);
    if urls.is_empty() {
        return Vec::new();
    }
    let reached = at_once(urls.keys().map(|destination| {
        let destination = destination.clone();
        move || reach(&destination)
    }));
    urls.iter()
        .zip(reached)
        .map(|((at, told), reached)| judged(at, told.as_deref(), reached))
        .collect()
}

fn judged(at: &str, told: Option<&str>, reached: Option<Result<(), String>>) -> Finding {
    let reason = match (told, reached) {
        (Some(told), _) => told.to_owned(),
        (None, Some(Ok(()))) => {
            return Finding::ok("notifications", format!("the backend {at} can be reached"));
        }
        (None, Some(Err(reason))) => reason,
        (None, None) => format!("no answer within {} ms", BUDGET.as_millis()),
    };
    Finding::new(
        ("notifications", Level::Note),
        format!("the backend {at}: {reason}"),
        "notifications of recent orders do not arrive there",
        "start the backend, or send orders with a backendURL that the server can reach; from a \
         container 127.0.0.1 is the container itself",
    )
}

/// Host and port of recent backends, with what the server says of them.
fn recent(server: &Server) -> BTreeMap<String, Option<String>> {
    let mut found = BTreeMap::new();
    let urls = match server.get("/notifications?limit=50") {
        Some(notifications) => noted(&notifications),
        None => ordered(server),
    };
    for (url, trouble) in urls {
        if let Some(at) = destination(&url)
            && found.len() < BACKENDS
        {
            // Newest first: what came last counts.
            found.entry(at).or_insert(trouble);
        }
    }
    found
}

fn noted(notifications: &Value) -> Vec<(String, Option<String>)> {
    let line = |item: &Value| {
        let status = cell(&item["status"]);
        let trouble = ["failed", "blocked"].contains(&status.as_str()).then(|| {
            let reason = text(item, "last_error").unwrap_or("no reason is given");
            format!("the last notification is {status} ({reason})")
        });
        Some((text(item, "url")?.to_owned(), trouble))
    };
    items(notifications).iter().filter_map(line).collect()
}

/// A server that does not list notifications has them in its orders.
fn ordered(server: &Server) -> Vec<(String, Option<String>)> {
    let orders = server.get("/transactions?limit=20").unwrap_or_default();
    let url = |order: &Value| {
        let [merchant, kind, key] =
            ["merchant", "kind", "key"].map(|name| escaped(&cell(&order[name])));
        let order = server.get(&format!("/transactions/{merchant}/{kind}/{key}"))?;
        let urls = &order["state"]["notification_urls"];
        let url = text(urls, "backendURL").or_else(|| text(urls, "backend"))?;
        Some((url.to_owned(), None))
    };
    items(&orders).iter().filter_map(url).collect()
}

/// Host and port of a URL.
fn destination(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?.rsplit('@').next()?;
    let port = match scheme.to_ascii_lowercase().as_str() {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    let has_port = authority
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    (!authority.is_empty())
        .then(|| if has_port { authority.to_owned() } else { format!("{authority}:{port}") })
}

fn reach(destination: &str) -> Result<(), String> {
    let addresses: Vec<SocketAddr> =
        destination.to_socket_addrs().map_err(|_| "its name has no address".to_owned())?.collect();
    let mut last = "its name has no address".to_owned();
    for address in addresses {
        match TcpStream::connect_timeout(&address, BUDGET) {
            Ok(_) => return Ok(()),
            Err(error) => last = format!("{address} does not answer ({error})"),
        }
    }
    Err(last)
}

/// Runs jobs that may hang, all at once, and takes what has come when the budget is used up. A thread
/// that still waits then ends with the process.
fn at_once<T: Send + 'static, J: FnOnce() -> T + Send + 'static>(
    jobs: impl Iterator<Item = J>,
) -> Vec<Option<T>> {
    let stopwatch = Stopwatch::start();
    let started: Vec<mpsc::Receiver<T>> = jobs
        .map(|job| {
            let (tell, told) = mpsc::channel();
            // Without a thread nothing is told, which reads as no answer.
            let _ = std::thread::Builder::new().spawn(move || tell.send(job()));
            told
        })
        .collect();
    started
        .iter()
        .map(|told| told.recv_timeout(BUDGET.saturating_sub(stopwatch.elapsed())).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_proxy_that_catches_loopback_is_a_problem() {
        for (set, exceptions, level) in [
            (&[][..], "", Level::Ok),
            (&["HTTP_PROXY"][..], "", Level::Problem),
            (&["HTTP_PROXY"][..], "example.test,localhost", Level::Problem),
            (&["HTTP_PROXY"][..], "localhost, 127.0.0.1", Level::Ok),
            (&["ALL_PROXY"][..], "127.0.0.0/8", Level::Ok),
            (&["ALL_PROXY"][..], "*", Level::Ok),
        ] {
            assert_eq!(caught(set, exceptions).level, level, "{set:?} {exceptions}");
        }
    }

    #[test]
    fn a_backend_is_host_and_port() {
        for (url, wanted) in [
            ("https://shop.test/notify?x=a:1", Some("shop.test:443")),
            ("http://u:p@shop.test", Some("shop.test:80")),
            ("HTTP://127.0.0.1:8080/n", Some("127.0.0.1:8080")),
            ("http://[::1]:8080/n", Some("[::1]:8080")),
            ("http://[::1]/n", Some("[::1]:80")),
            ("ftp://shop.test", None),
            ("shop.test", None),
        ] {
            assert_eq!(destination(url).as_deref(), wanted, "{url}");
        }
    }

    #[test]
    fn what_the_server_says_of_a_backend_counts_more_than_what_is_seen_from_here() {
        let notifications = json!({"items": [
            {"url": "http://a.test/n", "status": "failed", "last_error": "connection refused"},
            {"url": "http://b.test/n", "status": "delivered", "last_error": null},
            {"url": null, "status": "queued"},
        ]});

        let noted = noted(&notifications);

        let trouble = noted[0].1.as_deref();
        assert_eq!(trouble, Some("the last notification is failed (connection refused)"));
        assert_eq!(judged("a.test:80", trouble, Some(Ok(()))).level, Level::Note);
        assert_eq!(noted[1], ("http://b.test/n".to_owned(), None));
        assert_eq!(judged("b.test:80", None, Some(Ok(()))).level, Level::Ok);
        assert_eq!(noted.len(), 2);
    }
}
