//! The sandbox CA: whether it is there and in date, and whether this shell's environment makes
//! clients trust it.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use super::network::variable;
use super::server::Server;
use super::{Finding, Level};
use crate::clock::system_now;
use crate::crypto::sandbox_ca::validity;
use crate::emulator::data_folder::CA_CERTIFICATE;

const AREA: &str = "certificates";

/// Variables by which clients are told whom to trust, and which clients they are.
const TRUST: [(&str, &str); 4] = [
    ("SSL_CERT_FILE", "OpenSSL, Go, Ruby, Python's ssl and curl built on OpenSSL"),
    ("CURL_CA_BUNDLE", "curl"),
    ("REQUESTS_CA_BUNDLE", "Python's requests"),
    ("NODE_EXTRA_CA_CERTS", "Node.js"),
];

/// Looks at the CA of the server, or of the data folder.
pub(super) fn look(folder: &Path, server: Option<&Server>) -> Vec<Finding> {
    let file = folder.join(CA_CERTIFICATE);
    let stored = std::fs::read_to_string(&file).ok();
    let served = server.and_then(Server::ca_pem);
    let Some(ca) = served.or(stored) else {
        let what = "there is no CA yet; the first start makes one";
        return vec![Finding::ok(AREA, what)];
    };
    let server_now = server.and_then(|server| server.get("/clock"));
    let server_now = server_now.and_then(|clock| clock["now"].as_str()?.parse().ok());
    let mut findings = vec![in_date(&ca, system_now(), server_now)];
    findings.extend(trust(&ca));
    findings
}

fn in_date(ca: &str, system: Timestamp, server: Option<Timestamp>) -> Finding {
    let (from, to) = match validity(ca) {
        Ok(validity) => validity,
        Err(error) => {
            return Finding::new(
                (AREA, Level::Problem),
                format!("the CA cannot be used: {error}"),
                "no client can check what the TLS listeners show",
                "remove ca.pem and ca.key.pem from the data folder and start again",
            );
        }
    };
    let outside = |now: &Timestamp| !(from..=to).contains(now);
    let (what, whose) = if outside(&system) {
        (system, "this machine's clock")
    } else if let Some(server) = server.filter(outside) {
        (server, "the server's clock")
    } else {
        let what = format!("the CA is in date by every clock, from {from} to {to}");
        return Finding::ok(AREA, what);
    };
    Finding::new(
        (AREA, Level::Problem),
        format!("{whose} shows {what}, and the CA is valid from {from} to {to}"),
        "a client that goes by that clock trusts no TLS listener",
        "set the clock within those dates",
    )
}

/// What this shell's environment tells clients about trust.
fn trust(ca: &str) -> Vec<Finding> {
    // Often several name one file, which is one thing to say.
    let mut set: BTreeMap<String, Vec<(&str, &str)>> = BTreeMap::new();
    for (name, clients) in TRUST {
        if let Some(file) = variable(name) {
            set.entry(file).or_default().push((name, clients));
        }
    }
    if set.is_empty() {
        let names: Vec<&str> = TRUST.iter().map(|(name, _)| *name).collect();
        return vec![Finding::ok(
            AREA,
            format!(
                "no variable of this shell changes whom clients trust; for HTTPS give the client \
                 /ca.pem of the admin port (curl --cacert, or for one process {})",
                names.join(", ")
            ),
        )];
    }
    set.iter().map(|(file, variables)| told(ca, variables, file)).collect()
}

fn told(ca: &str, variables: &[(&str, &str)], file: &str) -> Finding {
    let names = variables.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let clients = variables.iter().map(|(_, clients)| *clients).collect::<Vec<_>>().join("; ");
    let bundle = match std::fs::read_to_string(file) {
        Ok(bundle) => bundle,
        Err(error) => {
            return Finding::new(
                (AREA, Level::Problem),
                format!("{names} = {file}, which cannot be read: {error}"),
                format!("these trust nobody, or fall back to the system's list: {clients}"),
                "unset it, or name a copy of the server's /ca.pem there",
            );
        }
    };
    if holds(&bundle, ca) {
        return Finding::ok(AREA, format!("{names} = {file}, which holds the CA ({clients})"));
    }
    Finding::new(
        (AREA, Level::Note),
        format!("{names} = {file}, which does not hold this CA"),
        format!("these refuse the TLS listeners, with a verdict handshake_failed here: {clients}"),
        "for the client under test, and for it alone, name a copy of the server's /ca.pem there",
    )
}

/// Whether a bundle holds a certificate, however its lines are broken.
fn holds(bundle: &str, certificate: &str) -> bool {
    let bare = |text: &str| text.split_whitespace().collect::<String>();
    bare(bundle).contains(&bare(certificate))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::sandbox_ca::SandboxCa;

    #[test]
    fn a_ca_is_judged_by_both_clocks() {
        let (ca, _) = SandboxCa::generate().expect("made");
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        let (now, early) = (at("2026-01-01T00:00:00Z"), at("1999-12-31T23:59:59Z"));
        for (system, server, level) in [
            (now, None, Level::Ok),
            (now, Some(now), Level::Ok),
            (early, None, Level::Problem),
            (now, Some(early), Level::Problem),
        ] {
            let finding = in_date(ca.certificate_pem(), system, server);
            assert_eq!(finding.level, level, "{finding:?}");
        }
        assert_eq!(in_date("no certificate", now, None).level, Level::Problem);
    }

    #[test]
    fn a_bundle_holds_a_certificate_however_it_is_written() {
        let one = "-----BEGIN CERTIFICATE-----\nAAAA\nBBBB\n-----END CERTIFICATE-----\n";
        let rewrapped = "# x\n-----BEGIN CERTIFICATE-----\r\nAAAABBBB\r\n-----END CERTIFICATE-----";

        assert!(holds(rewrapped, one));
        assert!(!holds(&rewrapped.replace("BBBB", "CCCC"), one));
    }
}
