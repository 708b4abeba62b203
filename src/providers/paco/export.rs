//! What a client needs in files, and the tables of this provider's documentation.

use std::fmt::Write as _;

use super::keys;
use super::ladder;
use super::merchant::{MerchantKey, PacoMerchant};
use super::settings::Environment;
use crate::blueprint::{Endpoint, EventDoc, ExportedFile, Merchant};
use crate::checks::Check;
use crate::crypto::keys::{PublicKey, bare_base64};

/// `.env` and the key files of a merchant.
pub(super) fn files(
    merchant: &Merchant,
    base_url: &str,
    environment: Environment,
) -> Vec<ExportedFile> {
    let parts = merchant.parts::<PacoMerchant>();
    let ours = keys::of(environment);
    let mut files = Vec::new();
    pair("merchant-signing", &parts.signing, &mut files);
    if let Some(encryption) = &parts.encryption {
        pair("merchant-encryption", encryption, &mut files);
    }
    public("paco-signing", ours.signing.public(), &mut files);
    public("paco-encryption", ours.encryption.public(), &mut files);

    let mut lines = vec![
        ("SANDGATE_PACO_BASE_URL", base_url.to_owned()),
        ("SANDGATE_PACO_ACCESS_TOKEN", parts.token.clone()),
        ("SANDGATE_PACO_BASIC_USER", parts.basic_user.clone()),
        ("SANDGATE_PACO_BASIC_PASSWORD", parts.basic_password.clone()),
        ("SANDGATE_PACO_KID", environment.kid().to_owned()),
        ("SANDGATE_PACO_REQUEST_AUDIENCE", super::constants::REQUEST_AUDIENCE.to_owned()),
        ("SANDGATE_PACO_ANSWER_ISSUER", super::constants::ANSWER_ISSUER.to_owned()),
    ];
    if let Some(office) = parts.offices.first() {
        lines.push(("SANDGATE_PACO_OFFICE_ID", office.id.clone()));
    }
    for (name, file) in [
        ("SANDGATE_PACO_MERCHANT_SIGNING_PRIVATE_KEY", "merchant-signing.private.pem"),
        ("SANDGATE_PACO_MERCHANT_SIGNING_PUBLIC_KEY", "merchant-signing.public.pem"),
        ("SANDGATE_PACO_MERCHANT_ENCRYPTION_PRIVATE_KEY", "merchant-encryption.private.pem"),
        ("SANDGATE_PACO_MERCHANT_ENCRYPTION_PUBLIC_KEY", "merchant-encryption.public.pem"),
        ("SANDGATE_PACO_SIGNING_PUBLIC_KEY", "paco-signing.public.pem"),
        ("SANDGATE_PACO_ENCRYPTION_PUBLIC_KEY", "paco-encryption.public.pem"),
        ("SANDGATE_CA", "ca.pem"),
    ] {
        if file == "ca.pem" || files.iter().any(|written| written.name == file) {
            lines.push((name, file.to_owned()));
        }
    }
    let mut env = String::from("# Sandbox credentials: they open nothing but Sandgate.\n");
    for (name, value) in lines {
        let _ = writeln!(env, "{name}={value}");
    }
    files.insert(
        0,
        ExportedFile {
            name: ".env".to_owned(),
            contents: env,
        },
    );
    files
}

fn pair(name: &str, key: &MerchantKey, files: &mut Vec<ExportedFile>) {
    if let Some(private) = key.private() {
        push(files, format!("{name}.private.pem"), private.to_pem());
        push(files, format!("{name}.private.b64"), bare_base64(private.pkcs8_der()) + "\n");
    }
    public(name, key.public(), files);
}

fn public(name: &str, key: &PublicKey, files: &mut Vec<ExportedFile>) {
    push(files, format!("{name}.public.pem"), key.to_pem());
    push(files, format!("{name}.public.b64"), bare_base64(key.spki_der()) + "\n");
}

fn push(files: &mut Vec<ExportedFile>, name: String, contents: String) {
    files.push(ExportedFile { name, contents });
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

/// The checks of the pages as a Markdown table.
pub(super) fn page_checks_table(endpoints: &[Endpoint]) -> String {
    let mut table =
        String::from("| check | passes when | source | endpoints |\n|---|---|---|---|\n");
    let message = |check: &Check| ladder::MESSAGE_CHECKS.iter().any(|other| other.id == check.id);
    for check in ladder::ALL.iter().filter(|check| !message(check)) {
        let names: Vec<String> = endpoints
            .iter()
            .filter(|row| row.checks.iter().any(|other| other.id == check.id))
            .map(|row| format!("`{}`", row.name))
            .collect();
        let _ = writeln!(
            table,
            "| `{}` | {} | {} | {} |",
            check.id,
            check.title,
            check.clause,
            names.join(", ")
        );
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

/// The checks as a Markdown table.
pub(super) fn checks_table() -> String {
    let mut table = String::from(
        "| # | check | passes when | source | also for transactionStatus |\n|---|---|---|---|---|\n",
    );
    for (index, check) in ladder::MESSAGE_CHECKS.iter().enumerate() {
        let shared = ladder::INQUIRY_CHECKS.iter().any(|other| std::ptr::eq(*check, *other));
        let _ = writeln!(
            table,
            "| {} | `{}` | {} | {} | {} |",
            index + 1,
            check.id,
            check.title,
            check.clause,
            if shared { "yes" } else { "" }
        );
    }
    table
}
