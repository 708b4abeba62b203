//! `sandgate scenario`: scenario files on and off, single rules armed and disarmed.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::client::{Client, ServerArgs, escaped, query};
use super::failure::Failure;
use super::merchant::name_and_value;
use super::output::{self, cell, items};

/// Arguments of `sandgate scenario`.
#[derive(Debug, Args)]
pub(super) struct ScenarioArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List scenario files and armed rules
    List {
        /// Only this provider's
        #[arg(long, value_name = "ID")]
        provider: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Switch a scenario file on
    Activate {
        /// Its name
        name: String,
        #[command(flatten)]
        common: Common,
    },
    /// Switch a scenario file off
    Deactivate {
        /// Its name
        name: String,
        #[command(flatten)]
        common: Common,
    },
    /// Arm a rule for the next request that fits
    Arm(Box<ArmArgs>),
    /// Take an armed rule away
    Disarm {
        /// Its number
        id: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    server: ServerArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ArmArgs {
    /// The rule as JSON, as in '{"outcome": "declined"}'; or put it together from the flags
    #[arg(conflicts_with = "effect")]
    rule: Option<String>,
    /// For every merchant of this provider
    #[arg(long, value_name = "ID")]
    provider: Option<String>,
    /// For this merchant alone
    #[arg(long, value_name = "ID")]
    merchant: Option<String>,
    /// Only at this endpoint
    #[arg(long, value_name = "NAME")]
    endpoint: Option<String>,
    /// Only where a member of the opened request has this value; repeatable
    #[arg(long = "member", value_name = "PATH=VALUE")]
    members: Vec<String>,
    /// How often it applies; once if absent
    #[arg(long, value_name = "N")]
    times: Option<u32>,
    #[command(flatten)]
    effect: EffectArgs,
    #[command(flatten)]
    common: Common,
}

/// What the rule does: one thing.
#[derive(Debug, Args)]
#[group(id = "effect", multiple = false)]
struct EffectArgs {
    /// The business decides so: success, declined, pending, `authentication_failed`,
    /// `system_error`
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<String>,
    /// A check fails although the request is right
    #[arg(long, value_name = "CHECK")]
    fail_check: Option<String>,
    /// The provider answers with one of its own error codes
    #[arg(long, value_name = "CODE")]
    error: Option<String>,
    /// The transport misbehaves: `delay_ms=N`, `cut_after_bytes=N`, `drip_ms=N`,
    /// `close=true`
    #[arg(long, value_name = "NAME=VALUE")]
    fault: Option<String>,
    /// The provider's own security misbehaves: `tampered_tag`, `wrong_signing_key`,
    /// expired, …
    #[arg(long, value_name = "NAME")]
    misbehave: Option<String>,
}

/// Runs `sandgate scenario`.
pub(super) fn run(args: &ScenarioArgs) -> anyhow::Result<()> {
    match &args.verb {
        Verb::List { provider, common } => list(provider.as_deref(), common),
        Verb::Activate { name, common } => switch(name, "activate", common),
        Verb::Deactivate { name, common } => switch(name, "deactivate", common),
        Verb::Arm(args) => arm(args),
        Verb::Disarm { id, common } => {
            let client = Client::new(&common.server)?;
            client.delete(&format!("/scenarios/armed/{}", escaped(id)))?;
            if common.json {
                return output::json(&json!({ "disarmed": id }));
            }
            output::talk(&format!("disarmed rule {id}"));
            Ok(())
        }
    }
}

fn list(provider: Option<&str>, common: &Common) -> anyhow::Result<()> {
    let client = Client::new(&common.server)?;
    let found = client.get(&format!("/scenarios{}", query(&[("provider", provider)])))?;
    if common.json {
        return output::json(&found);
    }
    let rows: Vec<Vec<String>> = items(&found)
        .iter()
        .map(|item| {
            let state = match (&item["magic"], &item["active"]) {
                (Value::Bool(true), _) => "always",
                (_, Value::Bool(true)) => "active",
                _ => "-",
            };
            vec![
                cell(&item["name"]),
                cell(&item["provider"]),
                state.to_owned(),
                cell(&item["about"]),
            ]
        })
        .collect();
    output::table(&["NAME", "PROVIDER", "STATE", "ABOUT"], &rows)?;
    let armed = found["armed"].as_array().map_or(&[][..], Vec::as_slice);
    if armed.is_empty() {
        return Ok(());
    }
    output::data("")?;
    let rows: Vec<Vec<String>> = armed
        .iter()
        .map(|rule| {
            ["id", "provider", "merchant", "remaining", "rule"].map(|name| cell(&rule[name])).into()
        })
        .collect();
    output::table(&["ARMED", "PROVIDER", "MERCHANT", "LEFT", "RULE"], &rows)
}

fn switch(name: &str, how: &str, common: &Common) -> anyhow::Result<()> {
    let client = Client::new(&common.server)?;
    let answer = client.post(&format!("/scenarios/{}/{how}", escaped(name)), None)?;
    if common.json {
        return output::json(&answer);
    }
    output::talk(&format!("{name} is {how}d"));
    Ok(())
}

fn arm(args: &ArmArgs) -> anyhow::Result<()> {
    let mut body = Map::new();
    for (name, value) in [("provider", &args.provider), ("merchant", &args.merchant)] {
        if let Some(value) = value {
            body.insert(name.to_owned(), json!(value));
        }
    }
    body.insert("rule".to_owned(), rule(args)?);
    let client = Client::new(&args.common.server)?;
    let armed = client.post("/scenarios/armed", Some(&body.into()))?;
    if args.common.json {
        return output::json(&armed);
    }
    output::data(&cell(&armed["id"]))?;
    output::talk(&format!("armed; take it away with: sandgate scenario disarm {}", armed["id"]));
    Ok(())
}

fn rule(args: &ArmArgs) -> Result<Value, Failure> {
    let mut rule = match &args.rule {
        None => Map::new(),
        Some(text) => crate::json::parse_object(text.as_bytes()).map_err(|fault| {
            Failure::caller(
                format!("the rule is not the JSON that is wanted: {fault}"),
                "write it as '{\"when\": {\"endpoint\": …}, \"outcome\": \"declined\"}'",
            )
        })?,
    };
    let effect = &args.effect;
    for (name, value) in [
        ("outcome", &effect.outcome),
        ("fail_check", &effect.fail_check),
        ("misbehave", &effect.misbehave),
    ] {
        if let Some(value) = value {
            rule.insert(name.to_owned(), json!(value));
        }
    }
    if let Some(code) = &effect.error {
        rule.insert("error".to_owned(), json!({ "code": code }));
    }
    if let Some(fault) = &effect.fault {
        let (name, value) = name_and_value("--fault", fault)?;
        rule.insert("fault".to_owned(), json!({ name: value }));
    }
    if rule.is_empty() {
        return Err(Failure::caller(
            "the rule has no effect",
            "give one of --outcome, --fail-check, --error, --fault, --misbehave, or the rule as JSON",
        ));
    }
    if let Some(times) = args.times {
        rule.insert("times".to_owned(), json!(times));
    }
    if args.endpoint.is_some() || !args.members.is_empty() {
        let when = members_of(&mut rule, "when")?;
        if let Some(endpoint) = &args.endpoint {
            when.insert("endpoint".to_owned(), json!(endpoint));
        }
        if !args.members.is_empty() {
            let wanted = members_of(when, "member")?;
            for member in &args.members {
                let (path, value) = name_and_value("--member", member)?;
                wanted.insert(path.to_owned(), value);
            }
        }
    }
    Ok(rule.into())
}

/// The object under a name, made if it is not there.
fn members_of<'r>(
    parent: &'r mut Map<String, Value>,
    name: &str,
) -> Result<&'r mut Map<String, Value>, Failure> {
    parent.entry(name).or_insert_with(|| json!({})).as_object_mut().ok_or_else(|| {
        Failure::caller(
            format!("the rule's \"{name}\" is no object, so no flag can add to it"),
            "correct the JSON, or leave the flag out",
        )
    })
}
