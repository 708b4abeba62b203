//! What an emulator is started with. Everything has a default that just works.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::limits;

/// The whole configuration of one emulator.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address of every listener.
    pub bind: IpAddr,
    /// First port; the others follow it. Zero lets the system choose each.
    pub port_base: u16,
    /// Ports of single listeners that differ from that rule, by the listener's name.
    pub ports: BTreeMap<String, u16>,
    /// Where the database, the CA and its keys live.
    pub data: DataFolder,
    /// Settings by provider that differ from their defaults; the provider reads them.
    pub settings: BTreeMap<String, Map<String, Value>>,
    /// Base URLs that replace the client's own origin in answers, by provider.
    pub public_urls: BTreeMap<String, String>,
    /// Stands the clock still from the start.
    pub frozen_at: Option<Timestamp>,
    /// Makes references and secrets reproducible; for tests, refused off loopback.
    pub seed: Option<u64>,
    /// Whether answers carry the header `sandgate-exchange`.
    pub exchange_header: bool,
    /// Bearer token of the admin API; one is made and shown if it is needed and absent.
    pub admin_token: Option<String>,
    /// Folder of scenario files that are added to the embedded ones, or replace them by name.
    pub scenarios: Option<PathBuf>,
    /// Further names for the certificates of the providers' TLS listeners.
    pub tls_names: Vec<String>,
    /// Where notifications may go beyond loopback and private networks: networks, addresses, names
    /// that may be looked up although they are reserved, or `any`.
    pub allowed_destinations: Vec<String>,
    /// Certificates (PEM) that receivers of notifications may show, or that issued theirs.
    pub notification_ca: Option<String>,
    /// How long one attempt to deliver a notification may take, in machine time.
    pub notification_time_limit: Duration,
}

/// Where an emulator keeps what it keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataFolder {
    /// A folder that stays.
    Path(PathBuf),
    /// A temporary folder, removed at the end.
    Ephemeral,
}

/// The port of the admin API when nothing else is said.
pub const DEFAULT_PORT_BASE: u16 = 7400;

/// The data folder when nothing else is said.
pub const DEFAULT_DATA_DIR: &str = ".sandgate";

/// Distance of each listener's port from the first one.
pub const PORT_OFFSETS: [(&str, u16); 8] = [
    ("admin", 0),
    ("paco", 1),
    ("paynet", 2),
    ("ifortepay", 3),
    ("connectpay", 4),
    ("connectpay_mtls", 5),
    ("pki", 6),
    ("front_door", 43),
];

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port_base: DEFAULT_PORT_BASE,
            ports: BTreeMap::new(),
            data: DataFolder::Path(PathBuf::from(DEFAULT_DATA_DIR)),
            settings: BTreeMap::new(),
            public_urls: BTreeMap::new(),
            frozen_at: None,
            seed: None,
            exchange_header: true,
            admin_token: None,
            scenarios: None,
            tls_names: Vec::new(),
            allowed_destinations: Vec::new(),
            notification_ca: None,
            notification_time_limit: limits::NOTIFICATION_ATTEMPT,
        }
    }
}

impl Config {
    /// The port of a listener; zero if the system shall choose.
    #[must_use]
    pub fn port(&self, listener: &str) -> u16 {
        if let Some(port) = self.ports.get(listener) {
            return *port;
        }
        if self.port_base == 0 {
            return 0;
        }
        let offset = PORT_OFFSETS
            .iter()
            .find(|(name, _)| *name == listener)
            .map_or(0, |(_, offset)| *offset);
        self.port_base.saturating_add(offset)
    }
}
