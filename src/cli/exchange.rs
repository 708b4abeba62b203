//! `sandgate exchange`: the journal as a list, as one exchange, and as it grows.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::client::{Client, ServerArgs, escaped, query};
use super::output::{self, Style, cell, harmless, items, paint, text};

/// Arguments of `sandgate exchange`.
#[derive(Debug, Args)]
pub(super) struct ExchangeArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List exchanges, newest first
    List(ListArgs),
    /// Show one exchange whole
    Show(ShowArgs),
    /// Follow exchanges as they come
    Tail(TailArgs),
}

/// Which exchanges are meant.
#[derive(Debug, Args)]
struct Filter {
    /// Only this provider's
    #[arg(long, value_name = "ID")]
    provider: Option<String>,
    /// Only this merchant's; `none` for those of nobody known
    #[arg(long, value_name = "ID")]
    merchant: Option<String>,
    /// Only this endpoint's
    #[arg(long, value_name = "NAME")]
    endpoint: Option<String>,
    /// Only those answered with this HTTP status
    #[arg(long)]
    status: Option<String>,
    /// Only those that ended so: accepted, refused, `not_found`, unreadable, `handshake_failed`,
    /// internal
    #[arg(long)]
    verdict: Option<String>,
    /// Only those since an instant, or since so long ago: 2026-01-01T00:00:00Z, 10m
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
}

#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    filter: Filter,
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<String>,
    /// Go on where an earlier page ended (its `next_cursor`)
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// The exchange, as the header sandgate-exchange names it
    id: String,
    #[command(flatten)]
    server: ServerArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct TailArgs {
    #[command(flatten)]
    filter: Filter,
    /// Begin with so many that are there already
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=1000))]
    last: u32,
    /// End after so many lines
    #[arg(long, value_name = "N")]
    count: Option<usize>,
    #[command(flatten)]
    server: ServerArgs,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// How long the server is asked to wait for something new before it is asked again.
const WAIT_MS: &str = "30000";

/// Runs `sandgate exchange`.
pub(super) fn run(args: &ExchangeArgs) -> anyhow::Result<()> {
    match &args.verb {
        Verb::List(args) => list(args),
        Verb::Show(args) => show(args),
        Verb::Tail(args) => tail(args),
    }
}

impl Filter {
    fn path(&self, further: &[(&str, Option<&str>)]) -> String {
        let mut pairs = vec![
            ("provider", self.provider.as_deref()),
            ("merchant", self.merchant.as_deref()),
            ("endpoint", self.endpoint.as_deref()),
            ("status", self.status.as_deref()),
            ("verdict", self.verdict.as_deref()),
            ("since", self.since.as_deref()),
        ];
        pairs.extend_from_slice(further);
        format!("/exchanges{}", query(&pairs))
    }
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.server)?;
    let path =
        args.filter.path(&[("limit", args.limit.as_deref()), ("cursor", args.cursor.as_deref())]);
    let found = client.get(&path)?;
    if args.json {
        return output::json(&found);
    }
    if items(&found).is_empty() {
        output::talk("no exchange fits");
        return Ok(());
    }
    let rows: Vec<Vec<String>> = items(&found).iter().map(row).collect();
    output::table(&HEADINGS, &rows)?;
    if let Some(cursor) = text(&found, "next_cursor") {
        output::talk(&format!("there are more: add --cursor {cursor}"));
    }
    Ok(())
}

const HEADINGS: [&str; 7] =
    ["ID", "AT", "VERDICT", "STATUS", "REQUEST", "MERCHANT", "FAILED CHECK"];

fn row(item: &Value) -> Vec<String> {
    vec![
        cell(&item["id"]),
        cell(&item["at"]),
        cell(&item["verdict"]),
        cell(&item["status"]),
        format!("{} {}", cell(&item["method"]), cell(&item["target"])).trim().to_owned(),
        cell(&item["merchant"]),
        cell(&item["failed_check"]),
    ]
}

fn tail(args: &TailArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.server)?;
    let mut left = args.count.unwrap_or(usize::MAX);
    // The newest one that is there already marks where "new" begins.
    let limit = args.last.max(1).to_string();
    // With wait_ms the list ends before the first exchange that is still under way.
    let begin = [("limit", Some(limit.as_str())), ("wait_ms", Some("0"))];
    let present = client.get(&args.filter.path(&begin))?;
    let mut after = items(&present).first().map(|item| cell(&item["id"]));
    let shown = items(&present).iter().take(args.last as usize).rev();
    for item in shown {
        if left == 0 {
            return Ok(());
        }
        print(item, args.json)?;
        left -= 1;
    }
    while left > 0 {
        let mut fresh = Vec::new();
        let mut cursor: Option<String> = None;
        // Newest first and page by page, until it joins what was printed before.
        loop {
            let page = client.get(&args.filter.path(&[
                ("after", after.as_deref()),
                ("cursor", cursor.as_deref()),
                ("wait_ms", cursor.is_none().then_some(WAIT_MS)),
            ]))?;
            fresh.extend_from_slice(items(&page));
            cursor = text(&page, "next_cursor").map(ToOwned::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        if let Some(newest) = fresh.first() {
            after = Some(cell(&newest["id"]));
        }
        for item in fresh.iter().rev().take(left) {
            print(item, args.json)?;
        }
        left = left.saturating_sub(fresh.len());
    }
    Ok(())
}

fn print(item: &Value, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json_line(item);
    }
    let verdict = cell(&item["verdict"]);
    let style = if verdict == "accepted" { Style::Good } else { Style::Bad };
    let mut line = format!(
        "{}  {}  {}  {}  {} {}",
        cell(&item["at"]),
        cell(&item["id"]),
        paint(style, &verdict),
        cell(&item["status"]),
        cell(&item["method"]),
        cell(&item["target"]),
    );
    for member in ["merchant", "failed_check", "subject"] {
        if let Some(said) = text(item, member) {
            let _ = write!(line, "  {}", harmless(said));
        }
    }
    output::data(&line)
}

fn show(args: &ShowArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.server)?;
    let exchange = client.get(&format!("/exchanges/{}", escaped(&args.id)))?;
    if args.json {
        return output::json(&exchange);
    }
    for line in lines(&exchange) {
        output::data(&line)?;
    }
    Ok(())
}

fn lines(exchange: &Value) -> Vec<String> {
    let mut lines = vec![format!(
        "{}  {}  {}",
        paint(Style::Strong, &cell(&exchange["id"])),
        cell(&exchange["at"]),
        cell(&exchange["verdict"]),
    )];
    for member in [
        "provider",
        "endpoint",
        "merchant",
        "attribution",
        "subject",
        "peer",
        "origin",
        "failed_check",
        "reason",
        "scenario",
        "duration_us",
        "delivery",
    ] {
        if exchange.get(member).is_some_and(|value| !value.is_null()) {
            lines.push(format!("{member:<13} {}", cell(&exchange[member])));
        }
    }
    lines.push(String::new());
    lines.push(paint(
        Style::Strong,
        &format!("> {} {}", cell(&exchange["method"]), cell(&exchange["target"])),
    ));
    message(exchange, "request", &mut lines);
    lines.push(String::new());
    lines.push(paint(Style::Strong, &format!("< {}", cell(&exchange["status"]))));
    message(exchange, "answer", &mut lines);
    lines.push(String::new());
    lines.push(format!("why: sandgate explain {}", cell(&exchange["id"])));
    lines
}

/// Head, body and opened form of one direction.
fn message(exchange: &Value, direction: &str, lines: &mut Vec<String>) {
    let headers = exchange[format!("{direction}_headers")].as_array();
    for header in headers.into_iter().flatten() {
        lines.push(format!("{}: {}", cell(&header[0]), cell(&header[1])));
    }
    let body = &exchange[format!("{direction}_body")];
    let shown = text(body, "text")
        .map(harmless)
        .or_else(|| text(body, "base64").map(|base64| format!("(not text, base64) {base64}")));
    if let Some(shown) = shown {
        lines.push(String::new());
        lines.push(shown);
    }
    if let Some(note) = text(exchange, &format!("{direction}_note")) {
        lines.push(format!("({})", harmless(note)));
    }
    let opened = &exchange[format!("opened_{direction}")];
    if !opened.is_null() {
        lines.push(String::new());
        lines.push(format!("opened: {}", harmless(&format!("{opened:#}"))));
    }
}
