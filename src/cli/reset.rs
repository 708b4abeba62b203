//! `sandgate reset`: clears what exchanges have left behind.

use clap::Args;

use super::client::{Client, ServerArgs, query};
use super::output;

/// Arguments of `sandgate reset`.
#[derive(Debug, Args)]
pub(super) struct ResetArgs {
    /// Clear only this merchant's
    #[arg(long, value_name = "ID")]
    merchant: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `sandgate reset`.
pub(super) fn run(args: &ResetArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.server)?;
    let query = query(&[("merchant", args.merchant.as_deref())]);
    let answer = client.post(&format!("/reset{query}"), None)?;
    if args.json {
        return output::json(&answer);
    }
    match &args.merchant {
        Some(merchant) => output::talk(&format!("cleared what {merchant} had left behind")),
        None => output::talk("cleared everything but merchants and their credentials"),
    }
    Ok(())
}
