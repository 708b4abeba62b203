//! What a client needs in files, and the tables of this provider's documentation.

use std::fmt::Write as _;

use super::ladder;
use super::merchant::PaynetMerchant;
use crate::blueprint::{Endpoint, EventDoc, ExportedFile, Merchant};

/// `.env` of a merchant.
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
    vec![ExportedFile {
        name: ".env".to_owned(),
        contents: env,
    }]
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
