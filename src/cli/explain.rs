//! `sandgate explain`: the ladder of checks of one exchange, what failed, and what to do.

use clap::Args;
use serde_json::Value;

use super::client::{Client, ServerArgs, escaped, query};
use super::output::{self, Style, cell, harmless, paint, text};

/// Arguments of `sandgate explain`.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The exchange, as the header sandgate-exchange names it; without it the last refused one
    id: Option<String>,
    /// The last one, whether refused or not: an accepted one may have a near miss too
    #[arg(long, conflicts_with = "id")]
    last: bool,
    /// Without an id: the last one of this merchant
    #[arg(long, value_name = "ID", conflicts_with = "id")]
    merchant: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `sandgate explain`.
pub(super) fn run(args: &ExplainArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.server)?;
    let which = match &args.id {
        Some(id) => escaped(id),
        None if args.last => "last".to_owned(),
        None => "last-refused".to_owned(),
    };
    let query = query(&[("merchant", args.merchant.as_deref())]);
    let explanation = client.get(&format!("/exchanges/{which}/explanation{query}"))?;
    if args.json {
        return output::json(&explanation);
    }
    if let Some(later) = explanation.get("later").filter(|later| later.is_object()) {
        // First, because it may be what the caller really asks about.
        let request = format!("{} {}", cell(&later["method"]), cell(&later["target"]));
        let request = if request.trim().is_empty() { "a connection".to_owned() } else { request };
        let ended = match cell(&later["verdict"]).as_str() {
            "accepted" => "was accepted and has a near miss".to_owned(),
            verdict => format!("ended {}", verdict.replace('_', " ")),
        };
        output::talk(&format!(
            "this is the last refusal; later, {request} {ended}: sandgate explain {}\n",
            cell(&later["exchange"]),
        ));
    }
    for line in lines(&explanation) {
        output::data(&line)?;
    }
    Ok(())
}

fn lines(explanation: &Value) -> Vec<String> {
    let verdict = cell(&explanation["verdict"]);
    let style = if verdict == "accepted" { Style::Good } else { Style::Bad };
    let mut lines = vec![
        format!(
            "exchange {}  {} {}  {}  {}",
            paint(Style::Strong, &cell(&explanation["exchange"])),
            cell(&explanation["method"]),
            cell(&explanation["target"]),
            cell(&explanation["status"]),
            paint(style, &verdict),
        ),
        format!(
            "{}, endpoint {}, merchant {} ({})",
            cell(&explanation["at"]),
            cell(&explanation["endpoint"]),
            cell(&explanation["merchant"]),
            cell(&explanation["attribution"]),
        ),
    ];
    if let Some(summary) = text(explanation, "summary") {
        lines.push(harmless(summary));
    }
    if let Some(rule) = text(explanation, "scenario") {
        lines.push(format!("scenario rule: {}", harmless(rule)));
    }
    if let Some(note) = text(explanation, "request_note") {
        lines.push(format!("request: {}", harmless(note)));
    }
    ladder(explanation, &mut lines);
    near_misses(explanation, &mut lines);
    lines
}

fn ladder(explanation: &Value, lines: &mut Vec<String>) {
    let checks = explanation["checks"].as_array().map_or(&[][..], Vec::as_slice);
    if checks.is_empty() {
        return;
    }
    lines.push(String::new());
    let width = checks.iter().map(|check| cell(&check["id"]).chars().count()).max().unwrap_or(0);
    let mut fixes = Vec::new();
    for check in checks {
        let verdict = cell(&check["verdict"]);
        let (mark, style, word) = match verdict.as_str() {
            "passed" => ("✓", Style::Good, ""),
            "failed" => ("✗", Style::Bad, " (failed)"),
            "forced" => ("✗", Style::Bad, " (forced by a rule)"),
            "skipped" => ("–", Style::Faint, ""),
            _ => ("·", Style::Faint, " (not reached)"),
        };
        let rung = format!(
            "{mark} {:<width$}  {}{word}",
            cell(&check["id"]),
            harmless(text(check, "title").unwrap_or_default()),
        );
        if verdict == "skipped" {
            // The reason fits on the line, and a plain message skips many rungs.
            let reason = harmless(text(check, "detail").unwrap_or("does not apply"));
            lines.push(format!("  {}", paint(style, &format!("{rung} (skipped: {reason})"))));
            continue;
        }
        lines.push(format!("  {}", paint(style, &rung)));
        for member in ["expected", "got", "detail"] {
            if let Some(said) = text(check, member) {
                lines.push(format!("      {member:<9} {}", indented(said, 16)));
            }
        }
        if let Some(fix) = text(check, "fix") {
            if let Some(clause) = text(check, "clause") {
                lines.push(format!("      {:<9} {}", "clause", indented(clause, 16)));
            }
            fixes.push(indented(fix, 5));
        }
    }
    for fix in fixes {
        lines.push(String::new());
        lines.push(format!("{} {fix}", paint(Style::Strong, "fix:")));
    }
}

fn near_misses(explanation: &Value, lines: &mut Vec<String>) {
    let found = explanation["near_misses"].as_array().map_or(&[][..], Vec::as_slice);
    if !found.is_empty() {
        lines.push(String::new());
        lines.push(paint(Style::Strong, "near misses:"));
    }
    for near_miss in found {
        lines.push(format!("  {}  {}", cell(&near_miss["id"]), cell(&near_miss["title"])));
        if let Some(evidence) = text(near_miss, "evidence") {
            lines.push(format!("      {}", indented(evidence, 6)));
        }
    }
    if let Some(note) = text(explanation, "near_miss_note") {
        lines.push(String::new());
        lines.push(format!("near misses: {}", harmless(note)));
    }
}

/// Text whose further lines stand under its first one.
fn indented(text: &str, columns: usize) -> String {
    harmless(text).replace('\n', &format!("\n{}", " ".repeat(columns)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_unknown_mistake_is_said_to_be_unknown() {
        let note = "none of the 7 usual mistakes that are known fits; this one is unknown";
        let explanation = json!({ "verdict": "refused", "near_miss_note": note });

        let last = lines(&explanation).pop();

        assert_eq!(last, Some(format!("near misses: {note}")));
    }

    #[test]
    fn the_ladder_is_readable_without_colour() {
        let explanation = json!({
            "exchange": "3-abc", "verdict": "refused", "attribution": "named",
            "at": "2026-01-01T00:00:00Z", "endpoint": "nonUi", "merchant": "demo",
            "method": "POST", "target": "/x", "status": 401, "summary": "refused by p.b: B",
            "checks": [
                { "id": "p.a", "title": "A", "verdict": "passed" },
                { "id": "p.b", "title": "B", "verdict": "failed", "expected": "one\ntwo",
                  "got": "three", "fix": "do it", "clause": "§1" },
                { "id": "p.c", "title": "C", "verdict": "skipped", "detail": "plain JSON" },
                { "id": "p.d", "title": "D", "verdict": "not_reached" },
            ],
            "near_misses": [{ "id": "p.m", "title": "M", "evidence": "E" }],
        });

        let text = lines(&explanation).join("\n");

        assert_eq!(
            text,
            "exchange 3-abc  POST /x  401  refused\n\
             2026-01-01T00:00:00Z, endpoint nonUi, merchant demo (named)\n\
             refused by p.b: B\n\
             \n\
             \x20 ✓ p.a  A\n\
             \x20 ✗ p.b  B (failed)\n\
             \x20     expected  one\n\
             \x20               two\n\
             \x20     got       three\n\
             \x20     clause    §1\n\
             \x20 – p.c  C (skipped: plain JSON)\n\
             \x20 · p.d  D (not reached)\n\
             \n\
             fix: do it\n\
             \n\
             near misses:\n\
             \x20 p.m  M\n\
             \x20     E"
        );
    }
}
