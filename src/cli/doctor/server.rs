//! The running server: whether there is one, and what it says of its clock and its merchants.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::super::client::{Client, ServerArgs};
use super::super::output::{cell, items, text};
use super::{Finding, Level};
use crate::clock::system_now;

/// A server of this machine answers in milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// Differences between two readings of clocks that mean nothing.
const READING: SignedDuration = SignedDuration::from_secs(5);

/// A server that answers.
#[derive(Debug)]
pub(super) struct Server {
    client: Client,
    /// Where its admin API is.
    pub(super) admin: String,
    /// Its list of paths, with process and data folder; `None` if it wants a token for that.
    index: Option<Value>,
    base_urls: Value,
}

impl Server {
    /// Asks for the server, and says what it is.
    pub(super) fn at(args: &ServerArgs) -> anyhow::Result<(Option<Self>, Vec<Finding>)> {
        let client = Client::new(args)?.with_time_limit(PATIENCE);
        let admin = args.admin.clone();
        let ready = match client.get("/ready") {
            Ok(ready) => ready,
            Err(reason) => return Ok((None, vec![absent(&reason.to_string())])),
        };
        let mut findings = Vec::new();
        let index = match client.get("/") {
            Ok(index) => Some(index),
            Err(reason) => {
                findings.push(Finding::new(
                    ("server", Level::Note),
                    format!("Sandgate answers at {admin}, but tells little: {reason}"),
                    "its clock, merchants and notifications were not looked at",
                    "add --admin-token, or set SANDGATE_ADMIN_TOKEN: the server prints it at its \
                     start",
                ));
                None
            }
        };
        let server = Self {
            client,
            admin,
            index,
            base_urls: ready["base_urls"].clone(),
        };
        findings.insert(0, server.version(&cell(&ready["version"])));
        Ok((Some(server), findings))
    }

    fn version(&self, running: &str) -> Finding {
        let known = env!("CARGO_PKG_VERSION");
        let what = format!("Sandgate {running} answers at {}{}", self.admin, self.told());
        if running == known {
            return Finding::ok("server", what);
        }
        Finding::new(
            ("server", Level::Note),
            format!("{what}; this binary is {known}"),
            "what this command line knows and what that server does may differ",
            "stop it and start it again with this binary",
        )
    }

    /// Process and data folder, as far as it tells.
    pub(super) fn told(&self) -> String {
        match (self.pid(), self.data_dir()) {
            (Some(pid), Some(folder)) => format!(" (process {pid}, data folder {folder})"),
            _ => String::new(),
        }
    }

    pub(super) fn pid(&self) -> Option<u64> {
        self.index.as_ref()?["pid"].as_u64()
    }

    pub(super) fn data_dir(&self) -> Option<&str> {
        self.index.as_ref()?["data_dir"].as_str()
    }

    /// Whether one of its listeners has that port.
    pub(super) fn listens_on(&self, port: u16) -> bool {
        let end = format!(":{port}");
        let urls = self.base_urls.as_object();
        urls.is_some_and(|urls| urls.values().any(|url| cell(url).ends_with(&end)))
    }

    /// The base URL of one of its listeners.
    pub(super) fn base_url(&self, listener: &str) -> Option<&str> {
        self.base_urls.get(listener)?.as_str()
    }

    /// A resource; `None` if the server does not give it.
    pub(super) fn get(&self, path: &str) -> Option<Value> {
        self.index.as_ref()?;
        self.client.get(path).ok()
    }

    /// The CA by which clients know its TLS listeners.
    pub(super) fn ca_pem(&self) -> Option<String> {
        self.client.get_text("/ca.pem").ok()
    }

    /// Whose keys are here, and whether they are as the provider wants them.
    pub(super) fn keys(&self) -> Vec<Finding> {
        let Some(merchants) = self.get("/merchants?limit=1000") else {
            return Vec::new();
        };
        let mut findings = Vec::new();
        let mut playable = 0;
        for merchant in items(&merchants) {
            let id = cell(&merchant["id"]);
            let keys = merchant["keys"].as_array().map_or(&[][..], Vec::as_slice);
            let elsewhere: Vec<String> =
                keys.iter().filter(|key| key["private"] == false).map(spoken).collect();
            if !elsewhere.is_empty() {
                findings.push(Finding::new(
                    ("keys", Level::Note),
                    format!("the private keys of merchant {id} are not here: {}", elsewhere.join(", ")),
                    "its own client can send and read sealed messages, sandgate call cannot play it",
                    "nothing, if that is meant; else make a merchant with --credential \
                     keys=generate, or use sandgate call --plain",
                ));
            } else if !keys.is_empty() {
                playable += 1;
            }
            for key in keys {
                if let Some(note) = text(key, "note") {
                    findings.push(Finding::new(
                        ("keys", Level::Note),
                        format!("merchant {id}: {}", spoken(key)),
                        note,
                        "make longer ones before you go live",
                    ));
                }
            }
        }
        let what = format!("the keys of {playable} merchants are here, with their private halves");
        findings.insert(
            0,
            Finding::ok("keys", what.replace("of 1 merchants are", "of 1 merchant are")),
        );
        findings
    }
}

fn spoken(key: &Value) -> String {
    format!("{} (RSA, {} bits)", cell(&key["name"]), cell(&key["bits"]))
}

fn absent(reason: &str) -> Finding {
    let (level, fix) = if reason.starts_with("nothing answers") {
        (Level::Note, "start one with sandgate serve, or name a running one with --admin URL")
    } else {
        (Level::Problem, "name the admin port of a running server with --admin URL")
    };
    Finding::new(
        ("server", level),
        format!("no server: {reason}"),
        "only what can be seen without a server was looked at",
        fix,
    )
}

/// The machine's clock, the server's, and its merchants'.
pub(super) fn clocks(server: Option<&Server>) -> Vec<Finding> {
    let now = system_now();
    let mut findings = vec![system_clock(now)];
    let Some(server) = server else {
        return findings;
    };
    if let Some(clock) = server.get("/clock") {
        findings.push(server_clock(&clock, now));
    }
    let merchants = server.get("/merchants?limit=1000").unwrap_or_default();
    for merchant in items(&merchants) {
        let shift = cell(&merchant["shift"]);
        if shift == "PT0S" || shift == "-" {
            continue;
        }
        let id = cell(&merchant["id"]);
        findings.push(Finding::new(
            ("clock", Level::Note),
            format!("the clock of merchant {id} is shifted by {shift}"),
            "its messages are judged, and its answers dated, by that clock",
            format!("sandgate clock reset --merchant {id}, if that is not meant"),
        ));
    }
    findings
}

/// Nothing of this project is older than 2025, and no certificate of its lives beyond 2099.
fn system_clock(now: Timestamp) -> Finding {
    let year = now.strftime("%Y").to_string();
    if ("2025".."2099").contains(&year.as_str()) {
        return Finding::ok("clock", format!("this machine's clock shows {now:.0}"));
    }
    Finding::new(
        ("clock", Level::Problem),
        format!("this machine's clock shows {now:.0}"),
        "certificates and stamped messages are in date for nobody",
        "set the machine's clock",
    )
}

fn server_clock(clock: &Value, now: Timestamp) -> Finding {
    let shown = cell(&clock["now"]);
    let mode = cell(&clock["mode"]);
    let shift = cell(&clock["shift"]);
    let moved = "stamped messages of a client that goes by its machine's clock may count as expired \
                 or not valid yet";
    let reset = "sandgate clock reset, if that is not meant";
    if mode == "frozen" {
        let what = format!("the server's clock stands at {shown}");
        return Finding::new(("clock", Level::Note), what, moved, reset);
    }
    if shift != "PT0S" {
        let what = format!("the server's clock shows {shown}, shifted by {shift}");
        return Finding::new(("clock", Level::Note), what, moved, reset);
    }
    let apart = shown.parse::<Timestamp>().map(|shown| shown.duration_since(now).abs());
    match apart {
        Ok(apart) if apart > READING => Finding::new(
            ("clock", Level::Problem),
            format!("the server's machine shows {shown}, this one {now}"),
            moved,
            "set both machines' clocks by the same source",
        ),
        _ => Finding::ok("clock", "the server's clock runs with the system"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn a_clock_of_another_age_is_a_problem() {
        assert_eq!(system_clock(at("2026-01-01T00:00:00Z")).level, Level::Ok);
        for age in ["1970-01-01T00:00:07Z", "2100-01-01T00:00:00Z"] {
            assert_eq!(system_clock(at(age)).level, Level::Problem, "{age}");
        }
    }

    #[test]
    fn the_server_s_clock_is_judged_by_its_mode_and_by_ours() {
        let now = at("2026-01-01T00:00:00Z");
        for (mode, shift, shown, level) in [
            ("running", json!("PT0S"), "2026-01-01T00:00:01Z", Level::Ok),
            ("running", json!("PT0S"), "2026-01-01T00:10:00Z", Level::Problem),
            ("running", json!("PT1H"), "2026-01-01T01:00:00Z", Level::Note),
            ("frozen", json!(null), "2026-01-01T00:00:00Z", Level::Note),
        ] {
            let clock = json!({"mode": mode, "shift": shift, "now": shown});
            assert_eq!(server_clock(&clock, now).level, level, "{clock}");
        }
    }
}
