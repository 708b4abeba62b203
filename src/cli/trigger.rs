//! `sandgate trigger`: makes happen to a transaction what its payer, its bank or its checker would do.

use clap::Args;
use serde_json::json;

use super::client::{Client, ServerArgs, escaped, query};
use super::failure::Failure;
use super::output::{self, cell, items};

/// Arguments of `sandgate trigger`.
#[derive(Debug, Args)]
pub(super) struct TriggerArgs {
    /// The provider, as in `paco`
    provider: String,
    /// What happens, as in `paid`; without it, what can happen now is listed
    event: Option<String>,
    /// To which order; without it to the one that changed last
    #[arg(long, value_name = "KEY", alias = "key")]
    order: Option<String>,
    /// Whose order; without it the provider's demo merchant's
    #[arg(long, value_name = "ID")]
    merchant: Option<String>,
    /// What sort of transaction it is
    #[arg(long, default_value = "order", value_name = "WORD")]
    kind: String,
    #[command(flatten)]
    server: ServerArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `sandgate trigger`.
pub(super) fn run(args: &TriggerArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.server)?;
    let merchant = match &args.merchant {
        Some(merchant) => merchant.clone(),
        None => format!("demo-{}", args.provider),
    };
    let order = match &args.order {
        Some(order) => order.clone(),
        None => {
            let order = last_changed(&client, args, &merchant)?;
            output::talk(&format!(
                "no --order was given; the {} that changed last is {order}",
                args.kind
            ));
            order
        }
    };
    let transaction =
        format!("/transactions/{}/{}/{}", escaped(&merchant), escaped(&args.kind), escaped(&order));
    let Some(event) = &args.event else {
        return list(&client, args, &transaction);
    };
    let before = client.get(&transaction)?;
    let after = client.post(&format!("{transaction}/events"), Some(&json!({ "event": event })))?;
    if args.json {
        return output::json(&after);
    }
    output::data(&format!(
        "{} {}: {} → {}",
        args.kind,
        cell(&after["key"]),
        cell(&before["status"]),
        cell(&after["status"]),
    ))?;
    Ok(())
}

fn list(client: &Client, args: &TriggerArgs, transaction: &str) -> anyhow::Result<()> {
    let events = client.get(&format!("{transaction}/events"))?;
    if args.json {
        return output::json(&events);
    }
    for event in items(&events).iter().filter(|event| event["possible"] == true) {
        output::data(&format!("{:<22} {}", cell(&event["event"]), cell(&event["about"])))?;
    }
    let others: Vec<String> = items(&events)
        .iter()
        .filter(|event| event["possible"] != true)
        .map(|event| cell(&event["event"]))
        .collect();
    if !others.is_empty() {
        output::talk(&format!("not as it stands: {}", others.join(", ")));
    }
    Ok(())
}

/// The transaction that was touched last: mostly the one that a person has just made.
fn last_changed(client: &Client, args: &TriggerArgs, merchant: &str) -> anyhow::Result<String> {
    let query = query(&[
        ("provider", Some(&args.provider)),
        ("merchant", Some(merchant)),
        ("limit", Some("20")),
    ]);
    let listed = client.get(&format!("/transactions{query}"))?;
    let fitting = items(&listed).iter().find(|item| item["kind"] == args.kind.as_str());
    match fitting.and_then(|item| item["key"].as_str()) {
        Some(key) => Ok(key.to_owned()),
        None => {
            let mut kinds: Vec<&str> =
                items(&listed).iter().filter_map(|item| item["kind"].as_str()).collect();
            kinds.sort_unstable();
            kinds.dedup();
            let hint = match &kinds[..] {
                [] => "create one first, or name another merchant with --merchant".to_owned(),
                kinds => format!("it has others: --kind {}", kinds.join(" or --kind ")),
            };
            Err(Failure::caller(format!("merchant \"{merchant}\" has no {} yet", args.kind), hint)
                .into())
        }
    }
}
