//! `sandgate call`: a correct request to the running double, and its answer, opened.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};

use super::client::{Client, ServerArgs, escaped};
use super::failure::Failure;
use super::merchant::name_and_value;
use super::output::{self, cell, harmless, text};

/// Arguments of `sandgate call`.
#[derive(Debug, Args)]
#[command(after_help = "The answer goes to standard output, everything else to standard error. \
                        Exit status: 0 an answer came and its seals are right, whatever it says; 1 \
                        if not.")]
pub(super) struct CallArgs {
    /// The provider, as in paco
    provider: String,
    /// The endpoint, as in nonUi
    endpoint: String,
    /// For which merchant; its private keys must be here. Without it the demo merchant
    #[arg(long, value_name = "ID")]
    merchant: Option<String>,
    /// A value of the request by dotted path, as in transactionAmount.amount=80; null leaves the
    /// member out; repeatable
    #[arg(long = "set", value_name = "PATH=VALUE")]
    values: Vec<String>,
    /// A JSON object whose members replace those of the request; - reads standard input
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// Send plain JSON, neither signed nor encrypted
    #[arg(long)]
    plain: bool,
    /// Version of the provider's API
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
    /// Print JSON: the request, the exchange, the answer
    #[arg(long)]
    json: bool,
}

/// Runs `sandgate call`.
pub(super) fn run(args: &CallArgs) -> anyhow::Result<()> {
    let body = args.body.as_deref().map(members).transpose()?.unwrap_or_default();
    let mut asked = json!({
        "provider": args.provider,
        "endpoint": args.endpoint,
        "set": values(&args.values)?,
        "body": body,
        "plain": args.plain,
    });
    for (name, value) in [("merchant", &args.merchant), ("version", &args.version)] {
        if let Some(value) = value {
            asked[name] = json!(value);
        }
    }
    let client = Client::new(&args.server)?;
    let called = client.post("/calls", Some(&asked))?;
    if args.json {
        output::json(&called)?;
    } else {
        shown(&called)?;
        explained(&client, &called)?;
    }
    match text(&called, "objection") {
        None => Ok(()),
        Some(objection) => Err(Failure::caller(
            format!("a careful client takes no such answer: {}", harmless(objection)),
            match text(&called, "exchange") {
                Some(exchange) => format!("see what came: sandgate exchange show {exchange}"),
                None => "see what came: sandgate exchange list".to_owned(),
            },
        )
        .into()),
    }
}

fn shown(called: &Value) -> anyhow::Result<()> {
    for first in called["preparations"].as_array().into_iter().flatten() {
        let (endpoint, exchange) = (cell(&first["endpoint"]), cell(&first["exchange"]));
        output::talk(&match text(first, "subject") {
            Some(subject) => format!(
                "no order was named, so {endpoint} made {} first (exchange {exchange})",
                harmless(subject)
            ),
            None => format!("{endpoint} came first (exchange {exchange})"),
        });
    }
    let request = &called["request"];
    output::talk(&format!(
        "exchange {}  {} {}  {}  {}",
        cell(&called["exchange"]),
        cell(&request["method"]),
        cell(&request["target"]),
        cell(&called["status"]),
        cell(&called["code"]),
    ));
    // A file is text, and is put out as it came, to be piped on.
    if let Some(file) = text(called, "answer") {
        return output::data(harmless(file).trim_end_matches('\n'));
    }
    if called["answer"].is_null() {
        return Ok(());
    }
    output::data(&harmless(&format!("{:#}", called["answer"])))
}

/// Says why the answer is no acceptance, for who does not know yet whom to ask.
fn explained(client: &Client, called: &Value) -> anyhow::Result<()> {
    let Some(exchange) = text(called, "exchange") else {
        return Ok(());
    };
    let explanation = client.get(&format!("/exchanges/{}/explanation", escaped(exchange)))?;
    if explanation["verdict"] != "accepted" {
        output::talk(&format!(
            "{}; more: sandgate explain {exchange}",
            harmless(&cell(&explanation["summary"]))
        ));
    }
    Ok(())
}

fn members(file: &Path) -> Result<Map<String, Value>, Failure> {
    let hint = "name a file with a JSON object, or - for standard input";
    let read = || -> std::io::Result<Vec<u8>> {
        if file != Path::new("-") {
            return std::fs::read(file);
        }
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read()
        .map_err(|error| Failure::caller(format!("--body {}: {error}", file.display()), hint))?;
    crate::json::parse_object(&bytes)
        .map_err(|fault| Failure::caller(format!("--body {}: {fault}", file.display()), hint))
}

fn values(pairs: &[String]) -> Result<Map<String, Value>, Failure> {
    let mut values = Map::new();
    for pair in pairs {
        let (path, value) = name_and_value("--set", pair)?;
        let written = &pair[path.len() + 1..];
        // Order numbers are longer than numbers are exact; the server knows where a text is wanted.
        let exact = value.as_number().is_none_or(|number| number.to_string() == *written);
        values.insert(path.to_owned(), if exact { value } else { json!(written) });
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_keep_their_digits() {
        let pairs = ["a=17", "b=000017", "c=12345678901234567890123", "d=1.50", "e=x", "f=null"];
        let pairs: Vec<String> = pairs.map(ToOwned::to_owned).into();

        let values = values(&pairs).expect("six pairs");

        let wanted = json!({
            "a": 17, "b": "000017", "c": "12345678901234567890123", "d": "1.50", "e": "x",
            "f": null,
        });
        assert_eq!(Value::Object(values), wanted);
    }
}
