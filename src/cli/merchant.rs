//! `sandgate merchant`: listing, making, showing and deleting merchants.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::client::{Client, ServerArgs, escaped, query};
use super::failure::Failure;
use super::output::{self, cell, items, text};

/// Arguments of `sandgate merchant`.
#[derive(Debug, Args)]
pub(super) struct MerchantArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List merchants, newest first
    List {
        /// Only this provider's
        #[arg(long, value_name = "ID")]
        provider: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N")]
        limit: Option<String>,
        /// Go on where an earlier page ended (its `next_cursor`)
        #[arg(long, value_name = "CURSOR")]
        cursor: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Make a merchant; what is not given is made up
    Create(CreateArgs),
    /// Show a merchant with its credentials
    Show {
        /// The merchant
        id: String,
        #[command(flatten)]
        common: Common,
    },
    /// Delete a merchant; its exchanges stay until they are reset
    Delete {
        /// The merchant
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
struct CreateArgs {
    /// Id of its provider, as in paco
    #[arg(long, value_name = "ID", required_unless_present = "file")]
    provider: Option<String>,
    /// Its id
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// What people call it
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// A setting that differs from the provider's; repeatable
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// A credential to use instead of a made one; repeatable
    #[arg(long = "credential", value_name = "NAME=VALUE")]
    credentials: Vec<String>,
    /// An office; repeatable
    #[arg(long = "office", value_name = "ID")]
    offices: Vec<String>,
    /// The whole body of POST /merchants from a JSON file; the other flags add to it
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

/// Runs `sandgate merchant`.
pub(super) fn run(args: &MerchantArgs) -> anyhow::Result<()> {
    match &args.verb {
        Verb::List {
            provider,
            limit,
            cursor,
            common,
        } => list(
            &query(&[
                ("provider", provider.as_deref()),
                ("limit", limit.as_deref()),
                ("cursor", cursor.as_deref()),
            ]),
            common,
        ),
        Verb::Create(args) => create(args),
        Verb::Show { id, common } => {
            let merchant =
                Client::new(&common.server)?.get(&format!("/merchants/{}", escaped(id)))?;
            shown(&merchant, common.json)
        }
        Verb::Delete { id, common } => {
            Client::new(&common.server)?.delete(&format!("/merchants/{}", escaped(id)))?;
            if common.json {
                return output::json(&json!({ "deleted": id }));
            }
            output::talk(&format!("deleted {id}"));
            Ok(())
        }
    }
}

fn list(query: &str, common: &Common) -> anyhow::Result<()> {
    let found = Client::new(&common.server)?.get(&format!("/merchants{query}"))?;
    if common.json {
        return output::json(&found);
    }
    let rows: Vec<Vec<String>> = items(&found)
        .iter()
        .map(|item| ["id", "provider", "label", "created_at"].map(|name| cell(&item[name])).into())
        .collect();
    if rows.is_empty() {
        output::talk("there is no merchant; make one with `sandgate merchant create`");
        return Ok(());
    }
    output::table(&["ID", "PROVIDER", "LABEL", "CREATED"], &rows)?;
    if let Some(cursor) = text(&found, "next_cursor") {
        output::talk(&format!("there are more: add --cursor {cursor}"));
    }
    Ok(())
}

fn create(args: &CreateArgs) -> anyhow::Result<()> {
    let mut body = match &args.file {
        None => Map::new(),
        Some(file) => from_file(file)?,
    };
    let named = [("provider", &args.provider), ("id", &args.id), ("label", &args.label)];
    for (name, value) in named {
        if let Some(value) = value {
            body.insert(name.to_owned(), json!(value));
        }
    }
    add_pairs(&mut body, "settings", "--set", &args.settings)?;
    add_pairs(&mut body, "credentials", "--credential", &args.credentials)?;
    if !args.offices.is_empty() {
        let offices: Vec<Value> = args.offices.iter().map(|id| json!({ "id": id })).collect();
        body.insert("offices".to_owned(), offices.into());
    }
    let client = Client::new(&args.common.server)?;
    let merchant = client.post("/merchants", Some(&body.into()))?;
    shown(&merchant, args.common.json)?;
    if !args.common.json {
        output::talk(&format!(
            "its files: sandgate credentials export {} --out {}-credentials",
            cell(&merchant["id"]),
            cell(&merchant["id"]),
        ));
    }
    Ok(())
}

fn from_file(file: &PathBuf) -> Result<Map<String, Value>, Failure> {
    let hint = "name a file that holds the JSON object which POST /merchants takes";
    let text = std::fs::read(file)
        .map_err(|error| Failure::caller(format!("{}: {error}", file.display()), hint))?;
    crate::json::parse_object(&text)
        .map_err(|fault| Failure::caller(format!("{}: {fault}", file.display()), hint))
}

fn add_pairs(
    body: &mut Map<String, Value>,
    member: &str,
    flag: &str,
    pairs: &[String],
) -> Result<(), Failure> {
    if pairs.is_empty() {
        return Ok(());
    }
    let object = body.entry(member).or_insert_with(|| json!({}));
    let Some(object) = object.as_object_mut() else {
        return Err(Failure::caller(
            format!("the file's \"{member}\" is no object, so {flag} cannot add to it"),
            "correct the file, or leave the flag out",
        ));
    };
    for pair in pairs {
        let (name, value) = name_and_value(flag, pair)?;
        object.insert(name.to_owned(), value);
    }
    Ok(())
}

/// Splits NAME=VALUE. The value is JSON where it reads as JSON, else text.
pub(super) fn name_and_value<'p>(flag: &str, pair: &'p str) -> Result<(&'p str, Value), Failure> {
    match pair.split_once('=') {
        Some((name, value)) if !name.is_empty() => {
            let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
            Ok((name, value))
        }
        _ => Err(Failure::caller(
            format!("{flag} {pair}: there is no name and value"),
            format!("write {flag} name=value"),
        )),
    }
}

fn shown(merchant: &Value, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(merchant);
    }
    for (name, value) in leaves(merchant) {
        output::data(&format!("{name:<32} {value}"))?;
    }
    Ok(())
}

/// Members by dotted path. Keys and certificates fill screens, so they are named, not shown.
pub(super) fn leaves(value: &Value) -> Vec<(String, String)> {
    fn walk(path: &str, value: &Value, found: &mut Vec<(String, String)>) {
        let below = |name: &str| {
            if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
        };
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    walk(&below(name), value, found);
                }
            }
            Value::Array(values) => {
                for (index, value) in values.iter().enumerate() {
                    walk(&below(&index.to_string()), value, found);
                }
            }
            Value::Null => {}
            Value::String(text) if text.len() > 120 || text.contains('\n') => {
                found
                    .push((path.to_owned(), "(long; use --json or credentials export)".to_owned()));
            }
            other => found.push((path.to_owned(), cell(other))),
        }
    }
    let mut found = Vec::new();
    walk("", value, &mut found);
    found
}
