//! A caller of the admin API of a running server.

use std::time::Duration;

use clap::Args;
use hyper::http::{Method, StatusCode};
use serde_json::Value;

use super::failure::Failure;
use crate::limits;
use crate::outbound::{self, OutboundAnswer, OutboundError, OutboundRequest};

/// Which running server is meant.
#[derive(Clone, Debug, Args)]
pub(super) struct ServerArgs {
    /// Base URL of the running server's admin API
    #[arg(
        long,
        // Known behind a verb's own verbs too, wherever that one takes it.
        global = true,
        env = "SANDGATE_ADMIN",
        default_value = "http://127.0.0.1:7400",
        value_name = "URL"
    )]
    pub(super) admin: String,
    /// Bearer token of the admin API, where the server wants one
    #[arg(
        long,
        global = true,
        env = "SANDGATE_ADMIN_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    pub(super) admin_token: Option<String>,
}

/// Longest answer of the admin API that is read: a full page of exchanges stays far below.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// A little longer than the server gives itself, so that its own message comes first.
const PATIENCE: Duration = limits::ADMIN_REQUEST.saturating_add(Duration::from_secs(10));

/// A caller of one server.
#[derive(Debug)]
pub(super) struct Client {
    base: String,
    token: Option<String>,
    time_limit: Duration,
    runtime: tokio::runtime::Runtime,
}

impl Client {
    /// A caller of the server that the arguments name.
    pub(super) fn new(args: &ServerArgs) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self {
            base: args.admin.trim_end_matches('/').to_owned(),
            token: args.admin_token.clone(),
            time_limit: PATIENCE,
            runtime,
        })
    }

    /// Waits no longer than this for an answer.
    pub(super) fn with_time_limit(mut self, time_limit: Duration) -> Self {
        self.time_limit = time_limit;
        self
    }

    /// Reads a resource.
    pub(super) fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::GET, path, None)
    }

    /// Reads a resource that is text.
    pub(super) fn get_text(&self, path: &str) -> anyhow::Result<String> {
        let answer = self.send(Method::GET, path, None)?;
        if !answer.status.is_success() {
            read(&self.base, &answer)?;
        }
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// Posts a body, or nothing.
    pub(super) fn post(&self, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        self.call(Method::POST, path, body)
    }

    /// Deletes a resource.
    pub(super) fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::DELETE, path, None)
    }

    fn call(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let answer = self.send(method, path, body)?;
        Ok(read(&self.base, &answer)?)
    }

    fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<OutboundAnswer> {
        let mut headers = vec![("accept", "application/json".to_owned())];
        if body.is_some() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        if let Some(token) = &self.token {
            headers.push(("authorization", format!("Bearer {token}")));
        }
        let request = OutboundRequest {
            method,
            url: format!("{}{path}", self.base),
            headers,
            body: body.map(|body| body.to_string().into_bytes().into()).unwrap_or_default(),
            time_limit: self.time_limit,
            most_bytes: MOST_BYTES,
        };
        let answer = self.runtime.block_on(outbound::send(request));
        Ok(answer.map_err(|error| unreachable_server(&error))?)
    }
}

fn unreachable_server(error: &OutboundError) -> Failure {
    let hint = match error {
        OutboundError::NothingThere { .. } => {
            "start it with `sandgate serve`, or name a running one with --admin URL"
        }
        OutboundError::NoAnswer { .. } | OutboundError::Tls { .. } => {
            "name the admin port of a running server with --admin URL"
        }
        OutboundError::TooSlow { .. } => {
            "look whether the server is busy or stopped, or name another with --admin URL"
        }
        OutboundError::Url { .. } => "correct --admin, or the variable SANDGATE_ADMIN",
    };
    Failure::caller(error.to_string(), hint)
}

fn read(base: &str, answer: &OutboundAnswer) -> Result<Value, Failure> {
    if answer.status == StatusCode::NO_CONTENT {
        return Ok(Value::Null);
    }
    let foreign = || {
        Failure::caller(
            format!("what answers at {base} is not Sandgate's admin API ({})", answer.status),
            "name the admin port of a running server with --admin URL",
        )
    };
    let value: Value = serde_json::from_slice(&answer.body).map_err(|_| foreign())?;
    if answer.status.is_success() {
        return Ok(value);
    }
    let member = |name| value.get(name).and_then(Value::as_str);
    let (Some(detail), Some(fix)) = (member("detail"), member("fix")) else {
        return Err(foreign());
    };
    Err(if answer.status.is_client_error() {
        Failure::caller(detail, fix)
    } else {
        Failure::ours(detail, fix)
    })
}

/// A query from the pairs that have a value, with its question mark.
pub(super) fn query(pairs: &[(&str, Option<&str>)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", escaped((*value)?))))
        .collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

/// Percent-encodes everything that could mean something in a URL.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            byte => {
                escaped.push('%');
                escaped.push_str(&crate::ids::hex(&[byte]).to_uppercase());
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_holds_what_was_given_and_escapes_it() {
        assert_eq!(query(&[("a", None), ("b", None)]), "");
        assert_eq!(
            query(&[("a", Some("x y&z")), ("b", None), ("c", Some("é"))]),
            "?a=x%20y%26z&c=%C3%A9"
        );
    }
}
