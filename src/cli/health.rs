//! `sandgate health`: whether a server is ready, as an exit status.

use std::time::Duration;

use clap::Args;

use super::client::{Client, ServerArgs};
use super::failure::{Blame, Failure};
use super::output;

/// Arguments of `sandgate health`.
#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A container check asks every few seconds; an answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs `sandgate health`.
pub(super) fn run(args: &HealthArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.server)?.with_time_limit(PATIENCE);
    let ready = client.get("/ready").map_err(|error| match error.downcast::<Failure>() {
        // Container checks know healthy and unhealthy; whose fault it is does not matter here.
        Ok(failure) => Failure {
            blame: Blame::Caller,
            ..failure
        }
        .into(),
        Err(error) => error,
    })?;
    if args.json {
        return output::json(&ready);
    }
    output::data(&format!("ready at {}", args.server.admin))
}
