//! `sandgate trigger`: makes happen to a transaction what its payer, its bank or its checker would do.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::json;

use super::client::{Client, ServerArgs, escaped, query};
use super::failure::Failure;
use super::output::{self, cell, items, text};

/// Arguments of `sandgate trigger`.
#[derive(Debug, Args)]
pub(super) struct TriggerArgs {
    /// The provider, as in `paco`
    provider: String,
    /// What happens, as in `paid`; without it, what can happen now is listed
    event: Option<String>,
    /// To which order, report or link, by its key; without it to the one that changed last
    #[arg(long, value_name = "KEY", alias = "key")]
    order: Option<String>,
    /// Whose order; without it the provider's demo merchant's
    #[arg(long, value_name = "ID")]
    merchant: Option<String>,
    /// What sort of transaction it is, as in `order`; without it the one that the event happens to
    #[arg(long, value_name = "WORD")]
    kind: Option<String>,
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
    let (kind, key) = match (&args.kind, &args.order) {
        (Some(kind), Some(key)) => (kind.clone(), key.clone()),
        _ => last_changed(&client, args, &merchant)?,
    };
    if args.order.is_none() {
        output::talk(&format!("no --order was given; the {kind} that changed last is {key}"));
    }
    let transaction =
        format!("/transactions/{}/{}/{}", escaped(&merchant), escaped(&kind), escaped(&key));
    let Some(event) = &args.event else {
        return list(&client, args, &transaction);
    };
    let before = client.get(&transaction)?;
    let after = client.post(&format!("{transaction}/events"), Some(&json!({ "event": event })))?;
    if args.json {
        return output::json(&after);
    }
    output::data(&format!(
        "{kind} {}: {} → {}",
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

/// Kind and key of the transaction that was touched last: mostly the one that a person has just made.
/// Of those that the flags leave open it is the first to which such an event happens at all.
fn last_changed(
    client: &Client,
    args: &TriggerArgs,
    merchant: &str,
) -> anyhow::Result<(String, String)> {
    // An event of no name is refused by the server, which knows the nearest one.
    let mut misnamed = None;
    let mut kinds: BTreeMap<String, Option<bool>> = BTreeMap::new();
    let mut cursor: Option<String> = None;
    loop {
        let query = query(&[
            ("provider", Some(&args.provider)),
            ("merchant", Some(merchant)),
            ("kind", args.kind.as_deref()),
            ("key", args.order.as_deref()),
            ("limit", Some(if args.kind.is_some() { "1" } else { "1000" })),
            ("cursor", cursor.as_deref()),
        ]);
        let page = client.get(&format!("/transactions{query}"))?;
        for item in items(&page) {
            let (Some(kind), Some(key)) = (item["kind"].as_str(), item["key"].as_str()) else {
                continue;
            };
            let found = (kind.to_owned(), key.to_owned());
            if args.kind.is_some() {
                return Ok(found);
            }
            if kinds.contains_key(kind) {
                continue;
            }
            let fits = happens_to(client, args, &[merchant, kind, key])?;
            kinds.insert(kind.to_owned(), fits);
            match fits {
                Some(true) => return Ok(found),
                Some(false) => misnamed = misnamed.or(Some(found)),
                None => {}
            }
        }
        cursor = text(&page, "next_cursor").map(ToOwned::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    if let Some(misnamed) = misnamed {
        return Ok(misnamed);
    }
    let wanted = args.kind.as_deref().unwrap_or("transaction of that sort");
    Err(Failure::caller(
        format!("merchant \"{merchant}\" has no {wanted} yet"),
        "create one first, or name another merchant with --merchant; without --kind the event finds \
         its transaction by itself",
    )
    .into())
}

/// Whether the event is one that happens to this kind of transaction; without an event, whether any is.
/// `None`: nothing ever happens to it.
fn happens_to(
    client: &Client,
    args: &TriggerArgs,
    path: &[&str; 3],
) -> anyhow::Result<Option<bool>> {
    let [merchant, kind, key] = path.map(escaped);
    let events = client.get(&format!("/transactions/{merchant}/{kind}/{key}/events"))?;
    let events = items(&events);
    let is_listed =
        || args.event.as_ref().is_none_or(|event| events.iter().any(|it| it["event"] == **event));
    Ok((!events.is_empty()).then(is_listed))
}
