//! A client of PayNet's portal as a test plays it: a token, and a signature of the time.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use sandgate::crypto::hashes::hmac_sha256;
use sandgate::ids::hex;
use serde_json::{Value, json};

use crate::harness::{Answer, Sandbox, start_instant};

pub(crate) const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
pub(crate) const JSON: (&str, &str) = ("content-type", "application/json");

/// The last day that is over in Malaysia when a sandbox starts.
pub(crate) const LAST_DAY: &str = "2025-12-31";

/// A client with its credentials and a token.
#[derive(Clone, Debug)]
pub(crate) struct Portal {
    pub(crate) client_id: String,
    pub(crate) secret: String,
    pub(crate) fiid: String,
    pub(crate) token: String,
}

impl Portal {
    #[track_caller]
    pub(crate) fn new(sandbox: &Sandbox, id: &str) -> Self {
        Self::with(sandbox, id, &json!({}))
    }

    #[track_caller]
    pub(crate) fn with(sandbox: &Sandbox, id: &str, settings: &Value) -> Self {
        let asked = json!({"provider": "paynet", "id": id, "settings": settings});
        Self::asking(sandbox, &asked)
    }

    #[track_caller]
    pub(crate) fn asking(sandbox: &Sandbox, asked: &Value) -> Self {
        let answer = sandbox.admin_post("/merchants", asked);
        answer.assert_status(201);
        Self::with_shown(sandbox, &answer.json())
    }

    /// A client as the admin API has shown it.
    #[track_caller]
    pub(crate) fn with_shown(sandbox: &Sandbox, shown: &Value) -> Self {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let credentials = &shown["credentials"];
        let mut portal = Self {
            client_id: text(&credentials["client_id"]),
            secret: text(&credentials["client_secret"]),
            fiid: text(&credentials["fiids"][0]),
            token: String::new(),
        };
        for path in ["/oauth/token", "/token"] {
            let answer = sandbox.send("paynet", "POST", path, &[FORM], portal.form().as_bytes());
            if answer.status == 200 {
                portal.token = text(&answer.json()["access_token"]);
                break;
            }
        }
        portal
    }

    pub(crate) fn form(&self) -> String {
        format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            self.client_id,
            self.secret.replace('%', "%25").replace('&', "%26").replace('+', "%2B")
        )
    }

    pub(crate) fn sign(&self, timestamp: &str) -> String {
        hex(&hmac_sha256(self.secret.as_bytes(), timestamp.as_bytes()))
    }

    /// The headers of a report request.
    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        let second = start_instant().as_second().to_string();
        vec![
            ("authorization".to_owned(), format!("Bearer {}", self.token)),
            ("x-signature".to_owned(), self.sign(&second)),
            ("x-timestamp".to_owned(), second),
            ("x-fiid".to_owned(), self.fiid.clone()),
        ]
    }

    /// A report request with some headers otherwise; an empty one is left out.
    pub(crate) fn send(
        &self,
        sandbox: &Sandbox,
        (method, target): (&str, &str),
        otherwise: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut headers = self.headers();
        for (name, value) in otherwise {
            headers.retain(|(known, _)| known != name);
            headers.push(((*name).to_owned(), (*value).to_owned()));
        }
        headers.retain(|(_, value)| !value.is_empty());
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        sandbox.send("paynet", method, target, &headers, body)
    }

    pub(crate) fn types(&self, sandbox: &Sandbox, otherwise: &[(&str, &str)]) -> Answer {
        self.send(sandbox, ("GET", "/v1/reports/types"), otherwise, &[])
    }

    pub(crate) fn download(&self, sandbox: &Sandbox, body: &Value) -> Answer {
        let at = ("POST", "/v1/reports/download");
        self.send(sandbox, at, &[JSON], body.to_string().as_bytes())
    }

    pub(crate) fn query(&self, sandbox: &Sandbox, query: &str, input: &Value) -> Answer {
        let body = json!({"query": query, "variables": {"input": input}}).to_string();
        self.send(sandbox, ("POST", "/v2/reports/query"), &[JSON], body.as_bytes())
    }

    /// Path and query of a new one-time URL.
    #[track_caller]
    pub(crate) fn link(&self, sandbox: &Sandbox, body: &Value) -> String {
        let answer = self.download(sandbox, body);
        answer.assert_status(200);
        local(answer.json()["data"]["url"].as_str().unwrap_or_else(|| panic!("{}", answer.text())))
    }
}

/// What of a URL follows its origin.
pub(crate) fn local(url: &str) -> String {
    let (_, rest) = url.split_once("://").expect("a URL");
    rest[rest.find('/').expect("a path")..].to_owned()
}

pub(crate) fn setl01() -> Value {
    json!({"report_type": "SETL01", "product": "SAN", "date": LAST_DAY, "window": ""})
}

/// A client, and its link to a file of many megabytes that was left after the first bytes.
pub(crate) fn link_whose_client_left(sandbox: &Sandbox) -> (Portal, String) {
    let settings = json!({"report_rows": 200_000, "report_include": ["RECON"]});
    let portal = Portal::with(sandbox, "bank", &settings);
    let asked = json!({"report_type": "RECON", "product": "SAN", "date": LAST_DAY, "window": ""});
    let link = portal.link(sandbox, &asked);
    let address = sandbox.emulator.base_url("paynet").replace("http://", "");
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = format!("GET {link} HTTP/1.1\r\nhost: a\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut first = [0; 16];
    stream.read_exact(&mut first).expect("an answer");
    assert!(first.starts_with(b"HTTP/1.1 200"), "{first:?}");
    (portal, link)
}
