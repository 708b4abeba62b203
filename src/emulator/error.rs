//! Why an emulator does not start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::blueprint::EnrolmentError;
use crate::crypto::sandbox_ca::CaError;
use crate::store::StoreError;

/// Why an emulator does not start, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port cannot be listened on.
    #[error(
        "{address} ({listener}) cannot be listened on: {source}; if another server runs there, stop \
         it, or choose other ports with --port-base N (0 lets the system choose) or --port {listener}=N"
    )]
    Port {
        /// Name of the listener.
        listener: &'static str,
        /// Its address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A port is kept for those with more rights.
    #[error(
        "{address} ({listener}) may not be listened on by this user; choose a port from 1024 up with \
         --port {listener}=N, or let everybody use low ports: sysctl \
         net.ipv4.ip_unprivileged_port_start=0 (a compose file can say it under sysctls)"
    )]
    PortNotAllowed {
        /// Name of the listener.
        listener: &'static str,
        /// Its address.
        address: SocketAddr,
    },
    /// A port is given to a listener that does not exist.
    #[error("--port names \"{0}\", which is no listener; there are {1}")]
    PortName(String, String),
    /// Another server uses the data folder.
    #[error(
        "the data folder {folder} is used by another Sandgate{holder}; stop it, or choose another \
         with --data-dir DIR or --ephemeral"
    )]
    FolderInUse {
        /// The folder.
        folder: PathBuf,
        /// Its process, if it can be told.
        holder: String,
    },
    /// The data folder cannot be used.
    #[error("{path} cannot be {doing}: {source}; choose another folder with --data-dir DIR")]
    Folder {
        /// The path.
        path: PathBuf,
        /// What was attempted.
        doing: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The folder of scenario files cannot be read.
    #[error(
        "{path} cannot be read for scenario files: {source}; name a folder that can with --scenarios \
         DIR"
    )]
    ScenarioFolder {
        /// The folder, or the file in it.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A provider's setting is wrong.
    #[error("a setting is wrong: {0}")]
    Setting(EnrolmentError),
    /// A stored merchant cannot be loaded.
    #[error("the stored merchant {id} cannot be loaded: {error}")]
    Merchant {
        /// The merchant.
        id: String,
        /// What is wrong with it.
        error: EnrolmentError,
    },
    /// A scenario file is wrong.
    #[error("the scenario file {file} is wrong: {reason}")]
    Scenario {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A seed was given for a server that others can reach.
    #[error(
        "a seed makes every secret guessable, so it is refused on {0}; leave --seed out, or bind to \
         a loopback address"
    )]
    SeedOffLoopback(std::net::IpAddr),
    /// A public URL is given for a provider that does not exist.
    #[error("--public-url names \"{0}\", which is no provider; known are {1}")]
    PublicUrl(String, String),
    /// The ports do not fit below 65536.
    #[error("port base {0} leaves no room for the listeners; use at most 65492")]
    PortBase(u16),
    /// A destination for notifications is none.
    #[error("--allow-destination: {0}")]
    Destination(String),
    /// The certificates of the receivers of notifications cannot be used.
    #[error("--notification-ca: {0}; name a PEM file with the certificate or its CA")]
    NotificationCa(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The certificate authority failed.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// The runtime failed.
    #[error("the server's threads cannot be started: {0}")]
    Runtime(#[source] io::Error),
}

impl StartError {
    /// Whether the caller can mend it by asking for something else.
    #[must_use]
    pub fn is_user_input(&self) -> bool {
        match self {
            Self::Port { .. }
            | Self::PortNotAllowed { .. }
            | Self::PortName(..)
            | Self::FolderInUse { .. }
            | Self::Folder { .. }
            | Self::ScenarioFolder { .. }
            | Self::Setting(_)
            | Self::Scenario { .. }
            | Self::SeedOffLoopback(_)
            | Self::PublicUrl(..)
            | Self::PortBase(_)
            | Self::Destination(_)
            | Self::NotificationCa(_) => true,
            Self::Merchant { .. } | Self::Store(_) | Self::Ca(_) | Self::Runtime(_) => false,
        }
    }
}

/// The admin API said no to an embedding host.
#[derive(Debug, thiserror::Error)]
#[error("the admin API answered {status}: {detail}")]
pub struct AdminRefusal {
    /// Its HTTP status.
    pub status: u16,
    /// Its problem, with the fix.
    pub detail: String,
}
