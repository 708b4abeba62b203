//! The recipe: folder, database, providers, merchants, rules, listeners; each from the last.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::StartError;
use super::data_folder::Folder;
use crate::admin::Admin;
use crate::blueprint::{Endpoint, Merchant, Merchants, Provider, Reception, Services};
use crate::clock::{Clock, HeldBy};
use crate::config::Config;
use crate::crypto::rsa_pool::RsaPool;
use crate::crypto::sandbox_ca::SandboxCa;
use crate::crypto::tls_client::TlsClient;
use crate::exchange::Exchanges;
use crate::ids::Ids;
use crate::listener::{Door, Listener, ServerCertificates};
use crate::notifications::Notifications;
use crate::outbound::{Courier, Destinations};
use crate::recorder::Recorder;
use crate::scenario::{Engine, KnownChecks, ScenarioFile};
use crate::store::Store;
use crate::timers::Timers;
use crate::{admin, limits, providers};

/// Everything that runs, and how to end it.
pub(super) struct Assembly {
    pub services: Arc<Services>,
    pub providers: Vec<Arc<dyn Provider>>,
    pub base_urls: BTreeMap<String, String>,
    pub admin_token: Option<String>,
    pub ca_pem: String,
    pub tag: String,
    pub admin: axum::Router,
    exchanges: Arc<Exchanges>,
    recorder: Recorder,
    recording: JoinHandle<()>,
    stop: CancellationToken,
    tasks: TaskTracker,
    // Held until the end: its lock and, if it is ephemeral, the folder itself.
    folder: Folder,
}

impl Assembly {
    /// Assembles and starts everything.
    pub(super) async fn start(config: Config) -> Result<Self, StartError> {
        judge(&config)?;
        let folder = Folder::open(&config.data)?;
        let ca = Arc::new(folder.certificate_authority()?);
        let store = Arc::new(Store::open(&folder.database()).await?);
        let last = store.last_sequence().await?.unsigned_abs();
        let ids = config.seed.map_or_else(Ids::system, |seed| Ids::seeded(seed, last));
        let tag = folder_tag(&store, &ids).await?;
        let clock = config.frozen_at.map_or_else(Clock::system, Clock::frozen);

        let providers = providers::all(&config.settings).map_err(StartError::Setting)?;
        only_known_ports(&config, &providers)?;
        let merchants = merchants(&store, &providers, &ids, &clock).await?;
        let scenarios = scenarios(&store, &providers, config.scenarios.as_deref()).await?;
        let services = Arc::new(Services {
            store: Arc::clone(&store),
            clock: clock.clone(),
            ids,
            rsa: RsaPool::one_thread_a_core().map_err(StartError::Runtime)?,
            scenarios,
            merchants,
            public_urls: public_urls(&config, &providers)?,
        });
        let (recorder, tidings, recording) =
            Recorder::start(Arc::clone(&store), clock.clone()).await?;
        let exchanges = Arc::new(Exchanges::new(
            Arc::clone(&services),
            recorder.clone(),
            &providers,
            tag.clone(),
            config.exchange_header,
        ));

        // The admin port comes first: the courier must know where it may never go.
        let admin_socket = bind_admin(&config).await?;
        let admin_address = admin_socket.local_addr().map_err(StartError::Runtime)?;
        let courier = Arc::new(courier(&config, &ca, admin_address)?);
        let notifications = Notifications::new(
            Arc::clone(&services),
            recorder.clone(),
            &providers,
            Arc::clone(&courier),
        );

        let certificates = certificates(&config, &ca, &clock, &providers)?;
        let listeners = bind_providers(&config, &providers).await?;
        let mut base_urls =
            BTreeMap::from([("admin".to_owned(), format!("http://{}", reachable(admin_address)))]);
        for (name, listener) in &listeners {
            let scheme = if *name == "front_door" { "https" } else { "http" };
            let url = format!("{scheme}://{}", reachable(listener.local()));
            base_urls.insert((*name).to_owned(), url);
        }
        let admin_token = admin_token(&config, &services.ids);
        let ca_pem = ca.certificate_pem().to_owned();
        let stop = CancellationToken::new();
        let admin = admin::router(Arc::new(Admin {
            services: Arc::clone(&services),
            providers: providers.clone(),
            recorder: recorder.clone(),
            courier,
            base_urls: base_urls.clone(),
            tag: tag.clone(),
            ca_pem: ca_pem.clone(),
            token: admin_token.clone(),
            version: env!("CARGO_PKG_VERSION"),
            data_dir: folder.absolute(),
            enrolling: tokio::sync::Mutex::new(()),
            stop: stop.clone(),
        }));

        let tasks = TaskTracker::new();
        let timers = Timers::new(&services, &recorder, &providers);
        tasks.spawn(timers.run(tidings.due, clock.hold(HeldBy::Machine), stop.clone()));
        let places = Arc::new(Semaphore::new(limits::CONNECTIONS));
        for (_, listener) in listeners {
            let reception: Arc<dyn Reception> = Arc::<Exchanges>::clone(&exchanges);
            let tls = certificates.server_config();
            tasks.spawn(listener.run(tls, reception, Arc::clone(&places), stop.clone()));
        }
        // Held before anybody can reach the clock.
        tasks.spawn(notifications.run(tidings.queued, clock.hold(HeldBy::Machine), stop.clone()));
        tasks.spawn(serve_admin(admin_socket, admin.clone(), stop.clone()));
        Ok(Self {
            services,
            providers,
            base_urls,
            admin_token,
            ca_pem,
            tag,
            admin,
            exchanges,
            recorder,
            recording,
            stop,
            tasks,
            folder,
        })
    }

    /// Stops accepting, waits for what is under way, and closes the database.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        let _ = timeout(limits::DRAIN, self.tasks.wait()).await;
        let _ = timeout(limits::DRAIN, self.exchanges.drained()).await;
        self.recorder.flush().await;
        self.recording.abort();
        self.services.store.close().await;
        drop(self.folder);
    }
}

fn judge(config: &Config) -> Result<(), StartError> {
    if config.seed.is_some() && !config.bind.is_loopback() {
        return Err(StartError::SeedOffLoopback(config.bind));
    }
    if config.port_base > u16::MAX - 43 {
        return Err(StartError::PortBase(config.port_base));
    }
    Ok(())
}

/// The word that tells this folder's exchange ids from another's.
async fn folder_tag(store: &Store, ids: &Ids) -> Result<String, StartError> {
    if let Some(tag) = store.folder_value("tag").await? {
        return Ok(tag);
    }
    let tag = ids.tag(3);
    store.set_folder_value("tag", &tag).await?;
    Ok(tag)
}

/// Loads the stored merchants, and adds each provider's demo merchant if it is not there.
async fn merchants(
    store: &Store,
    providers: &[Arc<dyn Provider>],
    ids: &Ids,
    clock: &Clock,
) -> Result<Merchants, StartError> {
    let mut records = store.merchants().await?;
    for provider in providers {
        let demo = provider.demo();
        let known = records.iter().any(|record| Some(&record.id) == demo.id.as_ref());
        if !known {
            let record = provider.enrol(&demo, ids, clock.now()).map_err(StartError::Setting)?;
            store.add_merchant(&record).await?;
            records.push(record);
        }
    }
    let merchants = Merchants::default();
    for record in records {
        let Some(provider) = providers.iter().find(|provider| provider.id() == record.provider)
        else {
            tracing::warn!(merchant = record.id, "its provider is not part of this build");
            continue;
        };
        let id = record.id.clone();
        let loaded = provider.load(&record).map_err(|error| StartError::Merchant {
            id: id.clone(),
            error,
        })?;
        let (merchant, named_by) = Merchant::new(record, loaded);
        if let Err(holder) = merchants.add(Arc::new(merchant), named_by) {
            tracing::warn!(merchant = id, holder, "left out: its credential is another's");
        }
    }
    Ok(merchants)
}

/// The embedded scenario files and those of a folder, which replace embedded ones by name.
async fn scenarios(
    store: &Arc<Store>,
    providers: &[Arc<dyn Provider>],
    folder: Option<&Path>,
) -> Result<Engine, StartError> {
    let mut files = Vec::new();
    for provider in providers {
        for (name, text) in provider.scenario_files() {
            files.push(read_scenario(name, text, providers)?);
        }
    }
    for (name, text) in folder.map(yaml_files).transpose()?.unwrap_or_default() {
        let file = read_scenario(&name, &text, providers)?;
        files.retain(|known: &ScenarioFile| known.scenario != file.scenario);
        files.push(file);
    }
    let judged = |endpoint: &Endpoint| {
        (endpoint.name, endpoint.checks.iter().map(|check| check.id).collect())
    };
    let checks: KnownChecks = providers
        .iter()
        .map(|provider| (provider.id(), provider.endpoints().iter().map(judged).collect()))
        .collect();
    let engine = Engine::load(Arc::clone(store), files, checks).await?;
    for (file, _) in engine.files() {
        for rule in &file.rules {
            engine.check_is_judged(&file.provider, rule).map_err(|reason| {
                StartError::Scenario {
                    file: file.scenario.clone(),
                    reason,
                }
            })?;
        }
    }
    Ok(engine)
}

fn read_scenario(
    name: &str,
    text: &str,
    providers: &[Arc<dyn Provider>],
) -> Result<ScenarioFile, StartError> {
    let wrong = |reason: String| StartError::Scenario {
        file: name.to_owned(),
        reason,
    };
    let file = ScenarioFile::parse(text).map_err(wrong)?;
    let provider = providers.iter().find(|provider| provider.id() == file.provider);
    let provider =
        provider.ok_or_else(|| wrong(format!("there is no provider \"{}\"", file.provider)))?;
    for rule in &file.rules {
        let known = rule.when.endpoint.as_ref().is_none_or(|wanted| {
            provider.endpoints().iter().any(|endpoint| endpoint.name.eq_ignore_ascii_case(wanted))
        });
        if !known {
            let names: Vec<&str> = provider.endpoints().iter().map(|row| row.name).collect();
            return Err(wrong(format!(
                "rule \"{}\" names an endpoint that does not exist; known are {}",
                rule.name,
                names.join(", ")
            )));
        }
    }
    Ok(file)
}

fn yaml_files(folder: &Path) -> Result<Vec<(String, String)>, StartError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| StartError::ScenarioFolder { path, source }
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        let is_yaml = path.extension().is_some_and(|end| end == "yaml" || end == "yml");
        if is_yaml {
            let text = std::fs::read_to_string(&path).map_err(unreadable(&path))?;
            files.push((path.display().to_string(), text));
        }
    }
    files.sort();
    Ok(files)
}

fn public_urls(
    config: &Config,
    providers: &[Arc<dyn Provider>],
) -> Result<BTreeMap<String, String>, StartError> {
    let known: Vec<&str> = providers.iter().map(|provider| provider.id()).collect();
    match config.public_urls.keys().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => Err(StartError::PublicUrl(unknown.clone(), known.join(", "))),
        None => Ok(config.public_urls.clone()),
    }
}

fn courier(config: &Config, ca: &SandboxCa, admin: SocketAddr) -> Result<Courier, StartError> {
    let destinations = Destinations::allowing(&config.allowed_destinations);
    let destinations = destinations.map(|rules| rules.sparing(admin));
    let tls = TlsClient::trusting(ca.certificate_pem(), config.notification_ca.as_deref());
    Ok(Courier::new(
        destinations.map_err(StartError::Destination)?,
        tls.map_err(StartError::NotificationCa)?,
        config.notification_time_limit,
    ))
}

fn certificates(
    config: &Config,
    ca: &Arc<SandboxCa>,
    clock: &Clock,
    providers: &[Arc<dyn Provider>],
) -> Result<Arc<ServerCertificates>, StartError> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(ToOwned::to_owned).to_vec();
    if !config.bind.is_loopback() && !config.bind.is_unspecified() {
        names.push(config.bind.to_string());
    }
    names.extend(config.tls_names.iter().cloned());
    let hosts = providers.iter().flat_map(|provider| provider.real_hosts()).copied().collect();
    Ok(ServerCertificates::new(Arc::clone(ca), clock.clone(), names, hosts)?)
}

async fn bind_admin(config: &Config) -> Result<TcpListener, StartError> {
    let address = SocketAddr::new(config.bind, config.port("admin"));
    TcpListener::bind(address).await.map_err(|source| not_bound("admin", address, source))
}

async fn serve_admin(socket: TcpListener, service: axum::Router, stop: CancellationToken) {
    let serving =
        axum::serve(socket, service).with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::select! {
        served = serving => {
            if let Err(error) = served {
                tracing::error!(%error, "the admin listener ended");
            }
        }
        // A list that still waits does not hold up the end.
        () = async {
            stop.cancelled().await;
            crate::stopwatch::pause(limits::DRAIN).await;
        } => {}
    }
}

async fn bind_providers(
    config: &Config,
    providers: &[Arc<dyn Provider>],
) -> Result<Vec<(&'static str, Listener)>, StartError> {
    let mut doors: Vec<(&'static str, Door)> =
        providers.iter().map(|provider| (provider.id(), Door::Provider(provider.id()))).collect();
    let hosts = providers
        .iter()
        .flat_map(|provider| provider.real_hosts().iter().map(|host| (*host, provider.id())))
        .collect();
    doors.push(("front_door", Door::Front(hosts)));
    let mut listeners = Vec::new();
    for (name, door) in doors {
        let address = SocketAddr::new(config.bind, config.port(name));
        let listener = Listener::bind(address, door)
            .await
            .map_err(|source| not_bound(name, address, source))?;
        listeners.push((name, listener));
    }
    Ok(listeners)
}

fn not_bound(listener: &'static str, address: SocketAddr, source: std::io::Error) -> StartError {
    if source.kind() == std::io::ErrorKind::PermissionDenied {
        return StartError::PortNotAllowed { listener, address };
    }
    StartError::Port {
        listener,
        address,
        source,
    }
}

fn only_known_ports(config: &Config, providers: &[Arc<dyn Provider>]) -> Result<(), StartError> {
    let known = super::listeners(providers);
    match config.ports.keys().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => Err(StartError::PortName(unknown.clone(), known.join(", "))),
        None => Ok(()),
    }
}

/// The address by which a listener is reached: one that listens everywhere is reached at home.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let home = match address {
            SocketAddr::V4(_) => std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => std::net::IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        };
        return SocketAddr::new(home, address.port());
    }
    address
}

/// Off loopback the admin API wants a token: the given one, or one that is made and shown.
fn admin_token(config: &Config, ids: &Ids) -> Option<String> {
    match &config.admin_token {
        Some(token) => Some(token.clone()),
        None if config.bind.is_loopback() => None,
        None => Some(ids.hex_128()),
    }
}
