//! What a client needs in files, and the tables of this provider's documentation.

use std::fmt::Write as _;

use serde_json::Value;

use super::ladder;
use super::merchant::PaynetMerchant;
use super::reports::catalogue::{Contents, Entitlement, find_v1, v1_types};
use super::reports::csv::{Column, Dialect};
use super::reports::own_csv::REQUIRED;
use super::reports::summary::Summary;
use crate::blueprint::{Endpoint, EventDoc, ExportedFile, Merchant};

/// `.env` of a merchant, and its own transactions.
pub(super) fn files(merchant: &Merchant, base_url: &str) -> Vec<ExportedFile> {
    let parts = merchant.parts::<PaynetMerchant>();
    let lines = [
        ("SANDGATE_PAYNET_BASE_URL", base_url.to_owned()),
        ("SANDGATE_PAYNET_CLIENT_ID", quoted(&parts.client_id)),
        ("SANDGATE_PAYNET_CLIENT_SECRET", quoted(&parts.client_secret)),
        ("SANDGATE_PAYNET_FIID", parts.fiids.first().cloned().unwrap_or_default()),
        ("SANDGATE_PAYNET_FIIDS", parts.fiids.join(",")),
        ("SANDGATE_CA", "ca.pem".to_owned()),
    ];
    let mut env = String::from("# Sandbox credentials: they open nothing but Sandgate.\n");
    for (name, value) in lines {
        let _ = writeln!(env, "{name}={value}");
    }
    let mut files = vec![ExportedFile {
        name: ".env".to_owned(),
        contents: env,
    }];
    let own = merchant.record.credentials["transactions_csv"].as_str();
    files.extend(own.map(|transactions| ExportedFile {
        name: "transactions.csv".to_owned(),
        contents: transactions.to_owned(),
    }));
    files
}

/// A value as a shell reads it back: letters and digits need no quotes.
fn quoted(text: &str) -> String {
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The endpoints as a Markdown table.
pub(super) fn endpoints_table(endpoints: &[Endpoint]) -> String {
    let mut table = String::from("| endpoint | method | path | checks |\n|---|---|---|---|\n");
    for endpoint in endpoints {
        let _ = writeln!(
            table,
            "| `{}` | {} | `{}` | {} |",
            endpoint.name,
            endpoint.method,
            endpoint.path,
            endpoint.checks.len()
        );
    }
    table
}

/// The reports of v1 as a Markdown table.
pub(super) fn reports_table() -> String {
    let mut table = String::from(
        "| `report_type` | name | products | what stands in it |\n|---|---|---|---|\n",
    );
    let types = v1_types(&Entitlement::default());
    for report in types["data"].as_array().into_iter().flatten() {
        let text = |name: &str| report[name].as_str().unwrap_or_default().to_owned();
        let products = report["supported_products"].as_array().into_iter().flatten();
        let products: Vec<&str> = products.filter_map(Value::as_str).collect();
        let contents = match find_v1(&text("type")).map(|report| report.code.contents) {
            Some(Contents::Itemised) => "a row for each transaction",
            Some(Contents::Monthly) => "a summary of the month in which the date lies",
            Some(Contents::Summary) | None => "a summary of the day or cycle",
        };
        let (code, name, products) = (text("type"), text("name"), products.join(", "));
        let _ = writeln!(table, "| `{code}` | {name} | {products} | {contents} |");
    }
    table
}

/// The columns of the itemised file as a Markdown table.
pub(super) fn columns_table() -> String {
    let mut table =
        String::from("| column | in the older text | in a file of your own |\n|---|---|---|\n");
    for column in Column::ALL {
        let older = match column.header(Dialect::Older) {
            Some(header) if header == column.name() => "the same".to_owned(),
            Some(header) => format!("`{header}`"),
            None => "absent".to_owned(),
        };
        let own = if REQUIRED.contains(column) { "required" } else { "" };
        let _ = writeln!(table, "| `{}` | {older} | {own} |", column.name());
    }
    table
}

/// The members of a summary's line as a Markdown table.
pub(super) fn summaries_table() -> String {
    let mut table = String::from("| S01, S02, D01 | M01 |\n|---|---|\n");
    let (day, month) = (Summary::members(false), Summary::members(true));
    // A day's line has one member more at its head.
    let pairs = day.iter().rev().zip(month.iter().rev());
    let mut rows: Vec<String> =
        pairs.map(|(day, month)| format!("| `{day}` | `{month}` |")).collect();
    rows.extend(day.iter().rev().skip(month.len()).map(|day| format!("| `{day}` | |")));
    for row in rows.iter().rev() {
        let _ = writeln!(table, "{row}");
    }
    table
}

/// The checks as a Markdown table.
pub(super) fn checks_table(endpoints: &[Endpoint]) -> String {
    let mut table =
        String::from("| check | passes when | source | endpoints |\n|---|---|---|---|\n");
    for check in ladder::ALL {
        let names: Vec<String> = endpoints
            .iter()
            .filter(|row| row.checks.iter().any(|other| other.id == check.id))
            .map(|row| format!("`{}`", row.name))
            .collect();
        let (id, title, clause) = (check.id, check.title, check.clause);
        let _ = writeln!(table, "| `{id}` | {title} | {clause} | {} |", names.join(", "));
    }
    table
}

/// The events as a Markdown table.
pub(super) fn events_table(events: &[EventDoc]) -> String {
    let mut table = String::from("| event | what happens |\n|---|---|\n");
    for event in events {
        let _ = writeln!(table, "| `{}` | {} |", event.name, event.about);
    }
    table
}
