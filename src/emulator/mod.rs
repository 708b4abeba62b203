//! Assembling, starting and stopping: the recipe that the binary, the tests and an embedding host
//! all follow.

mod assemble;
pub mod data_folder;
mod error;
mod running;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

pub use self::error::{AdminRefusal, StartError};
pub use self::running::RunningEmulator;
use crate::blueprint::Provider;
use crate::config::{Config, DataFolder};

/// Where it begins: [`Emulator::builder`].
#[derive(Debug)]
pub struct Emulator;

/// An emulator that is not started yet. Every setting has a default that just works.
#[derive(Clone, Debug, Default)]
pub struct EmulatorBuilder {
    config: Config,
}

/// The providers of this build, as they are before anybody sets anything.
#[must_use]
pub fn providers() -> Vec<Arc<dyn Provider>> {
    crate::providers::all(&BTreeMap::new()).expect("every setting has a default that works")
}

/// The names of all listeners: admin, the providers' own, the front door.
#[must_use]
pub fn listeners(providers: &[Arc<dyn Provider>]) -> Vec<&'static str> {
    let own = providers.iter().map(|provider| provider.id());
    ["admin"].into_iter().chain(own).chain(["front_door"]).collect()
}

impl Emulator {
    /// A builder for an embedding host: ephemeral, on ports of the system's choice.
    #[must_use]
    pub fn builder() -> EmulatorBuilder {
        EmulatorBuilder::default().ephemeral().port_base(0)
    }
}

impl EmulatorBuilder {
    /// Takes a whole configuration.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// The address of every listener.
    #[must_use]
    pub fn bind(mut self, address: IpAddr) -> Self {
        self.config.bind = address;
        self
    }

    /// The first port; the others follow it. Zero lets the system choose each.
    #[must_use]
    pub fn port_base(mut self, port: u16) -> Self {
        self.config.port_base = port;
        self
    }

    /// The port of one listener, such as `("front_door", 443)`.
    #[must_use]
    pub fn port(mut self, listener: &str, port: u16) -> Self {
        self.config.ports.insert(listener.to_owned(), port);
        self
    }

    /// Keeps everything in a temporary folder that is removed at the end.
    #[must_use]
    pub fn ephemeral(mut self) -> Self {
        self.config.data = DataFolder::Ephemeral;
        self
    }

    /// Keeps everything in a folder that stays.
    #[must_use]
    pub fn data_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.config.data = DataFolder::Path(folder.into());
        self
    }

    /// Stands the clock still from the start.
    #[must_use]
    pub fn frozen_at(mut self, at: Timestamp) -> Self {
        self.config.frozen_at = Some(at);
        self
    }

    /// Makes references and secrets reproducible. Refused off loopback.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.config.seed = Some(seed);
        self
    }

    /// Sets one setting of a provider, such as `("paco", "basic_auth", "required")`.
    #[must_use]
    pub fn setting(mut self, provider: &str, name: &str, value: impl Into<Value>) -> Self {
        let section = self.config.settings.entry(provider.to_owned()).or_default();
        section.insert(name.to_owned(), value.into());
        self
    }

    /// Lets notifications go beyond loopback and private networks: to a network, an address, a name
    /// that may be looked up although it is reserved, or `any`.
    #[must_use]
    pub fn allow_destination(mut self, destination: impl Into<String>) -> Self {
        self.config.allowed_destinations.push(destination.into());
        self
    }

    /// Trusts the certificates in a PEM text when notifications go to an HTTPS URL, beside the
    /// sandbox CA: authorities, or the very certificate that a receiver shows.
    #[must_use]
    pub fn notification_ca(mut self, pem: impl Into<String>) -> Self {
        self.config.notification_ca = Some(pem.into());
        self
    }

    /// How long one attempt to deliver a notification may take, in machine time.
    #[must_use]
    pub fn notification_time_limit(mut self, limit: Duration) -> Self {
        self.config.notification_time_limit = limit;
        self
    }

    /// Starts the emulator on a thread and a runtime of its own, so that a blocking test cannot
    /// deadlock it, and returns when every listener answers.
    ///
    /// # Errors
    /// A taken port, a data folder in use, a wrong setting: each with what to do.
    pub fn start(self) -> Result<RunningEmulator, StartError> {
        running::start(self.config)
    }
}
