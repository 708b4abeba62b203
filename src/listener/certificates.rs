//! Server certificates that are always in date: by the system's clock, which real clients use, and
//! by the sandbox's own.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::clock::{self, Clock};
use crate::crypto::sandbox_ca::{CaError, SandboxCa};

/// Validity before the earlier of the two clocks.
const BEFORE: SignedDuration = SignedDuration::from_hours(24);
/// Validity after the later of the two clocks.
const AFTER: SignedDuration = SignedDuration::from_hours(24 * 90);

/// Issues and keeps server certificates.
pub(crate) struct ServerCertificates {
    ca: Arc<SandboxCa>,
    clock: Clock,
    own_names: Vec<String>,
    real_hosts: Vec<&'static str>,
    issued: Mutex<HashMap<Option<&'static str>, Issued>>,
}

struct Issued {
    not_before: Timestamp,
    not_after: Timestamp,
    key: Arc<CertifiedKey>,
}

impl ServerCertificates {
    /// Certificates for a listener's own names and for the providers' real hosts.
    pub(crate) fn new(
        ca: Arc<SandboxCa>,
        clock: Clock,
        own_names: Vec<String>,
        real_hosts: Vec<&'static str>,
    ) -> Result<Arc<Self>, CaError> {
        let certificates = Self {
            ca,
            clock,
            own_names,
            real_hosts,
            issued: Mutex::default(),
        };
        // A name that cannot stand in a certificate shows here, not at the first handshake.
        certificates.certificate(None)?;
        Ok(Arc::new(certificates))
    }

    /// The TLS settings of a listener.
    pub(crate) fn server_config(self: &Arc<Self>) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring supports the default protocol versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    }

    fn certificate(&self, host: Option<&'static str>) -> Result<Arc<CertifiedKey>, CaError> {
        let (system, sandbox) = (clock::system_now(), self.clock.now());
        let (earlier, later) = (system.min(sandbox), system.max(sandbox));
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(present) = issued.get(&host)
            && present.not_before < earlier
            && present.not_after > later
        {
            return Ok(Arc::clone(&present.key));
        }
        let not_before = earlier.saturating_sub(BEFORE).unwrap_or(earlier);
        let not_after = later.saturating_add(AFTER).unwrap_or(later);
        let names = match host {
            Some(host) => vec![host.to_owned()],
            None => self.own_names.clone(),
        };
        let identity = self.ca.issue_server(&names, not_before, not_after)?;
        let chain = identity.chain_der.into_iter().map(CertificateDer::from).collect();
        let key_der = PrivateKeyDer::Pkcs8(identity.key_der.into());
        let key = rustls::crypto::ring::sign::any_supported_type(&key_der)
            .expect("ring reads the key that it made");
        let key = Arc::new(CertifiedKey::new(chain, key));
        let fresh = Issued {
            not_before,
            not_after,
            key: Arc::clone(&key),
        };
        issued.insert(host, fresh);
        Ok(key)
    }
}

impl ResolvesServerCert for ServerCertificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asked = hello.server_name();
        let host = self
            .real_hosts
            .iter()
            .copied()
            .find(|host| asked.is_some_and(|asked| asked.eq_ignore_ascii_case(host)));
        match self.certificate(host) {
            Ok(key) => Some(key),
            Err(error) => {
                tracing::error!(%error, "no server certificate");
                None
            }
        }
    }
}

impl fmt::Debug for ServerCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerCertificates({})", self.own_names.join(", "))
    }
}
