//! `sandgate clock`: looking at the clock, stopping it, moving it.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::client::{Client, ServerArgs, query};
use super::failure::Failure;
use super::output;

/// Arguments of `sandgate clock`.
#[derive(Debug, Args)]
pub(super) struct ClockArgs {
    #[command(subcommand)]
    change: Option<Change>,
    /// The clock of one merchant; it can be shifted and reset
    #[arg(long, global = true, value_name = "ID")]
    merchant: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Change {
    /// Show the clock (the default)
    Show,
    /// Stop the clock where it stands, or at an instant
    Freeze {
        /// As in 2026-01-01T00:00:00Z
        instant: Option<String>,
    },
    /// Put the clock at an instant; a running one runs on from there
    Set {
        /// As in 2026-01-01T00:00:00Z
        instant: String,
    },
    /// Move the clock forward, running what becomes due on the way
    Advance {
        /// As in 90s, 5m, 2h, 1d or PT90S
        #[arg(allow_hyphen_values = true)]
        duration: String,
    },
    /// Shift one merchant's clock from the server's; wants --merchant
    Shift {
        /// As in 5m or -5m
        #[arg(allow_hyphen_values = true)]
        duration: String,
    },
    /// Let a stopped clock run on
    Resume,
    /// Return to the system's time
    Reset,
}

/// Runs `sandgate clock`.
pub(super) fn run(args: &ClockArgs) -> anyhow::Result<()> {
    if let (Some(Change::Shift { duration }), None) = (&args.change, &args.merchant) {
        return Err(Failure::caller(
            "a shift is one merchant's, and none is named",
            format!(
                "sandgate clock shift {duration} --merchant ID; sandgate merchant list shows whose there \
                 are, and clock advance or set move everybody's"
            ),
        )
        .into());
    }
    let client = Client::new(&args.server)?;
    let path = format!("/clock{}", query(&[("merchant", args.merchant.as_deref())]));
    let body = match args.change.as_ref().unwrap_or(&Change::Show) {
        Change::Show => None,
        Change::Freeze { instant: None } => Some(json!({ "freeze": true })),
        Change::Freeze {
            instant: Some(instant),
        } => Some(json!({ "freeze": instant })),
        Change::Set { instant } => Some(json!({ "set": instant })),
        Change::Advance { duration } => Some(json!({ "advance": duration })),
        Change::Shift { duration } => Some(json!({ "shift": duration })),
        Change::Resume => Some(json!({ "resume": true })),
        Change::Reset => Some(json!({ "reset": true })),
    };
    let clock = match &body {
        None => client.get(&path)?,
        Some(body) => client.post(&path, Some(body))?,
    };
    if args.json { output::json(&clock) } else { output::data(&sentence(&clock)) }
}

fn sentence(clock: &Value) -> String {
    let mut text = output::cell(&clock["now"]);
    if let Some(mode) = output::text(clock, "mode") {
        text.push_str(", ");
        text.push_str(mode);
    }
    let shift = output::text(clock, "shift").filter(|shift| *shift != "PT0S");
    if let Some(shift) = shift {
        let from = if clock.get("merchant").is_some() { "the server" } else { "the system" };
        let _ = write!(text, ", shifted by {shift} from {from}");
    }
    if let Some(unfinished) = clock["unfinished"].as_i64().filter(|unfinished| *unfinished > 0) {
        let _ = write!(
            text,
            ", {unfinished} notifications unfinished: their receivers have not answered (sandgate \
             notification list --status queued)"
        );
    }
    text
}
