//! `sandgate notification`: what is owed to the merchants' backends as a list, as one notification
//! with its attempts, and one more attempt on demand.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::client::{Client, ServerArgs, escaped, query};
use super::output::{self, Style, cell, harmless, items, paint, text};

/// Arguments of `sandgate notification`.
#[derive(Debug, Args)]
pub(super) struct NotificationArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List notifications, newest first
    List(ListArgs),
    /// Show one notification with what it says and every attempt to deliver it
    Show(OneArgs),
    /// Have one more attempt made now
    Resend(OneArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Only this merchant's
    #[arg(long, value_name = "ID")]
    merchant: Option<String>,
    /// Only those of which this became: queued, delivered, failed, blocked
    #[arg(long)]
    status: Option<String>,
    /// Only those about this order
    #[arg(long, value_name = "ORDER")]
    subject: Option<String>,
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
struct OneArgs {
    /// The notification's number
    id: String,
    #[command(flatten)]
    server: ServerArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `sandgate notification`.
pub(super) fn run(args: &NotificationArgs) -> anyhow::Result<()> {
    match &args.verb {
        Verb::List(args) => list(args),
        Verb::Show(args) => show(args),
        Verb::Resend(args) => resend(args),
    }
}

const HEADINGS: [&str; 7] =
    ["ID", "DUE", "STATUS", "ATTEMPTS", "SUBJECT", "MERCHANT", "DESTINATION"];

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let path = format!(
        "/notifications{}",
        query(&[
            ("merchant", args.merchant.as_deref()),
            ("status", args.status.as_deref()),
            ("subject", args.subject.as_deref()),
            ("limit", args.limit.as_deref()),
            ("cursor", args.cursor.as_deref()),
        ])
    );
    let found = Client::new(&args.server)?.get(&path)?;
    if args.json {
        return output::json(&found);
    }
    if items(&found).is_empty() {
        output::talk("no notification fits");
        return Ok(());
    }
    let rows: Vec<Vec<String>> = items(&found).iter().map(row).collect();
    output::table(&HEADINGS, &rows)?;
    if let Some(cursor) = text(&found, "next_cursor") {
        output::talk(&format!("there are more: add --cursor {cursor}"));
    }
    Ok(())
}

fn row(item: &Value) -> Vec<String> {
    // The instant that matters: when the next attempt is due, else when the first one was.
    let due = if item["next_at"].is_null() { &item["due_at"] } else { &item["next_at"] };
    vec![
        cell(&item["id"]),
        cell(due),
        cell(&item["status"]),
        cell(&item["attempts_made"]),
        cell(&item["subject"]),
        cell(&item["merchant"]),
        cell(&item["url"]),
    ]
}

fn show(args: &OneArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.server)?;
    let shown = client.get(&format!("/notifications/{}", escaped(&args.id)))?;
    if args.json {
        return output::json(&shown);
    }
    for line in lines(&shown) {
        output::data(&line)?;
    }
    Ok(())
}

fn resend(args: &OneArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.server)?;
    let path = format!("/notifications/{}/resend", escaped(&args.id));
    let shown = client.post(&path, None)?;
    if args.json {
        return output::json(&shown);
    }
    output::talk(&format!(
        "queued; what became of it: sandgate notification show {}",
        cell(&shown["id"])
    ));
    Ok(())
}

fn lines(shown: &Value) -> Vec<String> {
    let status = cell(&shown["status"]);
    let style = if status == "delivered" { Style::Good } else { Style::Bad };
    let mut lines = vec![format!(
        "{}  {}  {}",
        paint(Style::Strong, &format!("notification {}", cell(&shown["id"]))),
        paint(style, &status),
        cell(&shown["url"]),
    )];
    for member in ["provider", "merchant", "subject", "exchange", "due_at", "next_at"] {
        if !shown[member].is_null() {
            lines.push(format!("{member:<9} {}", cell(&shown[member])));
        }
    }
    for attempt in shown["attempts"].as_array().into_iter().flatten() {
        lines.push(String::new());
        lines.extend(attempt_lines(attempt));
    }
    lines.push(String::new());
    lines.push(format!("says: {}", harmless(&format!("{:#}", shown["payload"]))));
    lines
}

fn attempt_lines(attempt: &Value) -> Vec<String> {
    let mut lines = vec![format!(
        "{}  {}  {}  {} us",
        paint(Style::Strong, &format!("attempt {}", cell(&attempt["number"]))),
        cell(&attempt["at"]),
        cell(&attempt["outcome"]),
        cell(&attempt["duration_us"]),
    )];
    if !attempt["content_type"].is_null() {
        lines.push(format!(
            "    sent    {}, {} bytes, SHA-256 {}",
            cell(&attempt["content_type"]),
            cell(&attempt["sent_bytes"]),
            cell(&attempt["sent_sha256"]),
        ));
    }
    if !attempt["http_status"].is_null() {
        let answer = format!("{} {}", cell(&attempt["http_status"]), cell(&attempt["answer"]));
        lines.push(format!("    answer  {}", answer.trim()));
    }
    if let Some(error) = text(attempt, "error") {
        lines.push(format!("    error   {}", harmless(error)));
    }
    lines
}
