//! A sandbox for one test: an emulator of its own with a frozen clock and a seed, and calls to it
//! through real sockets.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sandgate::emulator::{Emulator, EmulatorBuilder, RunningEmulator};
use serde_json::Value;
use ureq::http::{Request, Response};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body};

/// The instant at which every sandbox stands.
pub(crate) const START: &str = "2026-01-01T00:00:00Z";

/// Longest time that a test waits for an answer: far more than the slowest machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running emulator and a caller of it. It stops when it is dropped.
pub(crate) struct Sandbox {
    /// The emulator.
    pub(crate) emulator: RunningEmulator,
    agent: Agent,
}

/// What was answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    /// Header lines by lower-case name; of several with one name the last.
    pub(crate) headers: BTreeMap<String, String>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Sandbox {
    /// A sandbox as most tests want it.
    pub(crate) fn start() -> Self {
        Self::with(|builder| builder)
    }

    /// A sandbox with something set otherwise.
    pub(crate) fn with(change: impl FnOnce(EmulatorBuilder) -> EmulatorBuilder) -> Self {
        let builder =
            Emulator::builder().ephemeral().port_base(0).frozen_at(start_instant()).seed(7);
        let emulator = change(builder).start().expect("a sandbox starts on free ports");
        Self {
            emulator,
            agent: agent(),
        }
    }

    /// Sends a request to the PACO double.
    pub(crate) fn paco(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Answer {
        self.send("paco", method, target, headers, body.as_ref())
    }

    /// Sends a request to the PACO double over TLS, trusting the sandbox CA alone.
    pub(crate) fn paco_over_tls(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Answer {
        let base = self.emulator.base_url("paco").replacen("http:", "https:", 1);
        let agent = agent_that_trusts(self.emulator.ca_pem());
        call(&agent, method, &format!("{base}{target}"), headers, body.as_ref())
    }

    /// Asks the admin API.
    pub(crate) fn admin_get(&self, path: &str) -> Answer {
        self.send("admin", "GET", path, &[], &[])
    }

    /// Posts JSON to the admin API.
    pub(crate) fn admin_post(&self, path: &str, body: &Value) -> Answer {
        let body = body.to_string();
        let headers = [("content-type", "application/json")];
        self.send("admin", "POST", path, &headers, body.as_bytes())
    }

    /// Deletes by the admin API.
    pub(crate) fn admin_delete(&self, path: &str) -> Answer {
        self.send("admin", "DELETE", path, &[], &[])
    }

    /// Why an exchange ended as it did.
    #[track_caller]
    pub(crate) fn explanation(&self, exchange: &str) -> Value {
        let answer = self.admin_get(&format!("/exchanges/{exchange}/explanation"));
        answer.assert_status(200);
        answer.json()
    }

    /// Makes a merchant of a provider and returns what was answered.
    #[track_caller]
    pub(crate) fn merchant(&self, provider: &str, id: &str) -> Value {
        let asked = serde_json::json!({ "provider": provider, "id": id });
        let answer = self.admin_post("/merchants", &asked);
        answer.assert_status(201);
        answer.json()
    }

    /// Sends a request to one of the listeners. A status is an answer, never an error.
    pub(crate) fn send(
        &self,
        listener: &str,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let url = format!("{}{target}", self.emulator.base_url(listener));
        call(&self.agent, method, &url, headers, body)
    }
}

impl Answer {
    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in the body: {}", self.text()))
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header, by its lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The exchange's id.
    #[track_caller]
    pub(crate) fn exchange(&self) -> String {
        self.header("sandgate-exchange").expect("the answer names its exchange").to_owned()
    }

    /// Fails with the whole body if the status is another.
    #[track_caller]
    pub(crate) fn assert_status(&self, wanted: u16) {
        assert_eq!(self.status, wanted, "{}", self.text());
    }

    /// Fails unless this is a problem of that status whose detail and fix contain these words.
    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u16, detail: &str, fix: &str) {
        self.assert_status(status);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem = self.json();
        assert_eq!(problem["type"], "about:blank", "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        for (member, wanted) in [("detail", detail), ("fix", fix)] {
            let said = problem[member].as_str().unwrap_or_default();
            assert!(said.contains(wanted), "{member} lacks \"{wanted}\": {problem}");
        }
    }
}

/// The instant at which every sandbox stands.
pub(crate) fn start_instant() -> Timestamp {
    START.parse().expect("a valid instant")
}

/// A caller that takes statuses as answers and waits only so long.
pub(crate) fn agent() -> Agent {
    agent_with(TlsConfig::default())
}

fn agent_with(tls: TlsConfig) -> Agent {
    Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .max_redirects(0)
        .allow_non_standard_methods(true)
        .build()
        .into()
}

/// A caller that trusts one certificate authority and no other.
pub(crate) fn agent_that_trusts(ca_pem: &str) -> Agent {
    let authority = Certificate::from_pem(ca_pem.as_bytes()).expect("a certificate in PEM");
    let roots = RootCerts::new_with_certs(&[authority]);
    agent_with(TlsConfig::builder().root_certs(roots).build())
}

/// One request and its whole answer.
#[track_caller]
pub(crate) fn call(
    agent: &Agent,
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let sent = if body.is_empty() && matches!(method, "GET" | "HEAD" | "DELETE") {
        agent.run(request.body(()).expect("a well-formed request"))
    } else {
        agent.run(request.body(body.to_vec()).expect("a well-formed request"))
    };
    read(sent.unwrap_or_else(|error| panic!("{method} {url}: {error}")))
}

fn read(mut response: Response<Body>) -> Answer {
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(64 * 1024 * 1024).read_to_vec();
    Answer {
        status,
        headers,
        body: body.expect("the body comes whole"),
    }
}

/// Asks again and again until there is something, or fails after a bounded time.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "a test waits for another process in machine time")]
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited {} s for {what}", PATIENCE.as_secs());
        std::thread::sleep(Duration::from_millis(2));
    }
}
