//! `sandgate doctor`: looks at everything that makes people lose an evening, and says what each thing
//! means and what to do. It works with and without a running server, changes nothing, and waits for
//! nobody longer than a moment.

mod certificates;
mod data_folder;
mod network;
mod ports;
mod server;

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use self::server::Server;
use super::client::ServerArgs;
use super::failure::Failure;
use super::output::{self, Style, harmless, paint};
use super::serve;
use crate::config::{Config, DEFAULT_DATA_DIR, DEFAULT_PORT_BASE};

/// Arguments of `sandgate doctor`.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The data folder to look at; without it the running server's, or the one that serve would take
    #[arg(long, env = "SANDGATE_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The first port to look at, as serve would take it
    #[arg(
        long,
        env = "SANDGATE_PORT_BASE",
        value_name = "PORT",
        default_value_t = DEFAULT_PORT_BASE
    )]
    port_base: u16,
    /// The port of one listener, as serve would take it; repeatable
    #[arg(long = "port", value_name = "LISTENER=PORT")]
    ports: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    area: &'static str,
    level: Level,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing, and wanted by some.
    Note,
    /// Something will not work.
    Problem,
}

impl Finding {
    fn ok(area: &'static str, what: impl Into<String>) -> Self {
        Self {
            area,
            level: Level::Ok,
            what: what.into(),
            meaning: None,
            fix: None,
        }
    }

    fn new(
        (area, level): (&'static str, Level),
        what: impl Into<String>,
        meaning: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            area,
            level,
            what: what.into(),
            meaning: Some(meaning.into()),
            fix: Some(fix.into()),
        }
    }
}

/// Runs `sandgate doctor`.
pub(super) fn run(args: &DoctorArgs) -> anyhow::Result<()> {
    let config = Config {
        port_base: args.port_base,
        ports: serve::ports(&args.ports)?,
        ..Config::default()
    };
    let (server, mut findings) = Server::at(&args.server)?;
    let server = server.as_ref();
    let used = || server.and_then(Server::data_dir).map(PathBuf::from);
    let folder = args.data_dir.clone().or_else(used);
    let folder = folder.unwrap_or_else(|| PathBuf::from(DEFAULT_DATA_DIR));
    findings.extend(ports::look(&config, server));
    findings.extend(data_folder::look(&folder, server)?);
    findings.extend(server::clocks(server));
    findings.extend(server.map(Server::keys).unwrap_or_default());
    findings.extend(certificates::look(&folder, server));
    findings.extend(network::proxies());
    findings.extend(network::real_names(server));
    findings.extend(server.map(network::backends).unwrap_or_default());
    report(args, &findings)
}

fn report(args: &DoctorArgs, findings: &[Finding]) -> anyhow::Result<()> {
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let (notes, problems) = (count(Level::Note), count(Level::Problem));
    if args.json {
        output::json(&json!({ "findings": findings, "notes": notes, "problems": problems }))?;
    } else {
        let mut area = "";
        for finding in findings {
            if finding.area != area {
                area = finding.area;
                output::data(&paint(Style::Strong, area))?;
            }
            shown(finding)?;
        }
    }
    match problems {
        0 => {
            output::talk(&format!("no problem, {}", counted(notes, "note")));
            Ok(())
        }
        problems => Err(Failure::caller(
            format!("{} and {}", counted(problems, "problem"), counted(notes, "note")),
            "each says above what it means and what to do",
        )
        .into()),
    }
}

fn shown(finding: &Finding) -> anyhow::Result<()> {
    let (word, style) = match finding.level {
        Level::Ok => ("ok", Style::Good),
        Level::Note => ("note", Style::Faint),
        Level::Problem => ("problem", Style::Bad),
    };
    let word = format!("{word:<7}");
    output::data(&format!("  {}  {}", paint(style, &word), harmless(&finding.what)))?;
    for (name, text) in [("means", &finding.meaning), ("do", &finding.fix)] {
        if let Some(text) = text {
            output::data(&format!("           {name:<5}  {}", harmless(text)))?;
        }
    }
    Ok(())
}

fn counted(number: usize, noun: &str) -> String {
    match number {
        0 => format!("no {noun}s"),
        1 => format!("1 {noun}"),
        number => format!("{number} {noun}s"),
    }
}
