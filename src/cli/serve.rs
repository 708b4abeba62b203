//! `sandgate serve`: starts an emulator and keeps it until the process is told to stop.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::failure::{Blame, Failure};
use super::merchant::{leaves, name_and_value};
use super::output;
use crate::config::{Config, DEFAULT_DATA_DIR, DEFAULT_PORT_BASE, DataFolder};
use crate::emulator::{Emulator, RunningEmulator};
use crate::limits;

/// Arguments of `sandgate serve`.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Address of every listener
    #[arg(
        long,
        env = "SANDGATE_BIND",
        value_name = "ADDRESS",
        default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST)
    )]
    bind: IpAddr,
    /// First port, the others follow it; 0 lets the system choose each
    #[arg(
        long,
        env = "SANDGATE_PORT_BASE",
        value_name = "PORT",
        default_value_t = DEFAULT_PORT_BASE
    )]
    port_base: u16,
    /// The port of one listener, as in `front_door=443`; repeatable
    #[arg(long = "port", value_name = "LISTENER=PORT")]
    ports: Vec<String>,
    /// Folder of the database, the CA and its keys
    #[arg(
        long,
        env = "SANDGATE_DATA_DIR",
        value_name = "DIR",
        default_value = DEFAULT_DATA_DIR
    )]
    data_dir: PathBuf,
    /// Keep everything in a temporary folder that is removed at the end; --data-dir does not count
    #[arg(long, env = "SANDGATE_EPHEMERAL", value_parser = FalseyValueParser::new())]
    ephemeral: bool,
    /// Write the base URLs into this file once every listener answers
    #[arg(long, env = "SANDGATE_READY_FILE", value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Make references and secrets reproducible, for tests
    #[arg(long, env = "SANDGATE_SEED", value_name = "NUMBER")]
    seed: Option<u64>,
    /// Stop the clock from the start, as in 2026-01-01T00:00:00Z
    #[arg(long, env = "SANDGATE_FREEZE", value_name = "INSTANT")]
    freeze: Option<Timestamp>,
    /// A provider's setting that differs from its default; repeatable
    #[arg(long = "set", value_name = "PROVIDER.SETTING=VALUE")]
    settings: Vec<String>,
    /// The base URL that a provider's answers name, where clients reach it by another; repeatable
    #[arg(long = "public-url", value_name = "PROVIDER=URL")]
    public_urls: Vec<String>,
    /// Folder of scenario files, added to those that ship, or replacing them by name
    #[arg(long, env = "SANDGATE_SCENARIOS", value_name = "DIR")]
    scenarios: Option<PathBuf>,
    /// A further name for the TLS listeners' certificates; repeatable
    #[arg(long = "tls-name", value_name = "NAME")]
    tls_names: Vec<String>,
    /// Where notifications may go beyond loopback and private networks: a network, an address, a name
    /// that resolves although it is reserved, or any; repeatable
    #[arg(long = "allow-destination", value_name = "CIDR|NAME|any")]
    allowed_destinations: Vec<String>,
    /// PEM file with the certificates, or their CAs, of HTTPS servers that get notifications
    #[arg(long, env = "SANDGATE_NOTIFICATION_CA", value_name = "FILE")]
    notification_ca: Option<PathBuf>,
    /// How many seconds one attempt to deliver a notification may take
    #[arg(
        long,
        env = "SANDGATE_NOTIFICATION_TIME_LIMIT",
        value_name = "SECONDS",
        default_value_t = limits::NOTIFICATION_ATTEMPT.as_secs(),
        value_parser = clap::value_parser!(u64).range(1..=3600)
    )]
    notification_time_limit: u64,
    /// Bearer token that callers of the admin API must show
    #[arg(long, env = "SANDGATE_ADMIN_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    admin_token: Option<String>,
    /// Leave out the header sandgate-exchange, the one addition to the providers' answers
    #[arg(long, env = "SANDGATE_NO_EXCHANGE_HEADER", value_parser = FalseyValueParser::new())]
    no_exchange_header: bool,
    /// Print nothing but errors
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Log more; twice for everything
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
}

/// Runs `sandgate serve`.
pub(super) fn run(args: &ServeArgs) -> anyhow::Result<()> {
    let config = config(args)?;
    log_to_stderr(args);
    // Listened for before the start, so that whoever stops us early is heard too.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stop = runtime.block_on(async { StopSignals::listen() })?;
    if let Some(file) = &args.ready_file {
        // A file of an earlier run would call us ready before we are.
        forget(file)?;
    }
    let running = Emulator::builder().config(config).start().map_err(|error| Failure {
        blame: if error.is_user_input() { Blame::Caller } else { Blame::Us },
        what: error.to_string(),
        hint: "sandgate serve --help lists every flag".to_owned(),
    })?;
    if let Some(file) = &args.ready_file {
        write_ready_file(file, running.base_urls())?;
    }
    if !args.quiet {
        // The server is what was asked for; it does not end because nobody reads its greeting.
        let _ = output::data(&greeting(&running));
    }
    runtime.block_on(stop.wait());
    if !args.quiet {
        output::talk("stopping");
    }
    if let Some(file) = &args.ready_file {
        let _ = std::fs::remove_file(file);
    }
    running.stop();
    Ok(())
}

fn config(args: &ServeArgs) -> Result<Config, Failure> {
    Ok(Config {
        bind: args.bind,
        port_base: args.port_base,
        ports: ports(&args.ports)?,
        data: if args.ephemeral {
            DataFolder::Ephemeral
        } else {
            DataFolder::Path(args.data_dir.clone())
        },
        settings: settings(&args.settings)?,
        public_urls: public_urls(&args.public_urls)?,
        frozen_at: args.freeze,
        seed: args.seed,
        exchange_header: !args.no_exchange_header,
        admin_token: args.admin_token.clone(),
        scenarios: args.scenarios.clone(),
        tls_names: args.tls_names.clone(),
        allowed_destinations: args.allowed_destinations.clone(),
        notification_ca: args.notification_ca.as_deref().map(certificates).transpose()?,
        notification_time_limit: Duration::from_secs(args.notification_time_limit),
    })
}

fn certificates(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| {
        Failure::caller(
            format!("--notification-ca {}: {error}", file.display()),
            "name a PEM file with the receiver's certificate or its CA",
        )
    })
}

fn settings(pairs: &[String]) -> Result<BTreeMap<String, Map<String, Value>>, Failure> {
    let mut settings = BTreeMap::<String, Map<String, Value>>::new();
    for pair in pairs {
        let (path, value) = name_and_value("--set", pair)?;
        let Some((provider, name)) =
            path.split_once('.').filter(|(p, n)| !p.is_empty() && !n.is_empty())
        else {
            return Err(Failure::caller(
                format!("--set {pair}: \"{path}\" is no provider.setting"),
                "write --set paco.profile=documented",
            ));
        };
        settings.entry(provider.to_owned()).or_default().insert(name.to_owned(), value);
    }
    Ok(settings)
}

/// Ports of single listeners.
pub(super) fn ports(pairs: &[String]) -> Result<BTreeMap<String, u16>, Failure> {
    pairs
        .iter()
        .map(|pair| {
            let named = pair.split_once('=').filter(|(name, _)| !name.is_empty());
            let port = named.and_then(|(name, port)| Some((name.to_owned(), port.parse().ok()?)));
            port.ok_or_else(|| {
                Failure::caller(
                    format!("--port {pair}: there is no listener and port"),
                    "write --port front_door=443",
                )
            })
        })
        .collect()
}

fn public_urls(pairs: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    pairs
        .iter()
        .map(|pair| match pair.split_once('=') {
            Some((provider, url))
                if !provider.is_empty()
                    && (url.starts_with("http://") || url.starts_with("https://")) =>
            {
                Ok((provider.to_owned(), url.trim_end_matches('/').to_owned()))
            }
            _ => Err(Failure::caller(
                format!("--public-url {pair}: there is no provider and URL"),
                "write --public-url paco=https://paco.example.test",
            )),
        })
        .collect()
}

fn log_to_stderr(args: &ServeArgs) {
    let filter = match (args.quiet, args.verbose) {
        (true, _) => "error",
        (false, 0) => "warn,sandgate=info",
        (false, 1) => "info,sandgate=debug,tower_http=debug",
        (false, _) => "debug,sandgate=trace,tower_http=trace",
    };
    // Fails only if a host has one already, and then that one is the host's choice.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(output::colour_on_stderr())
        .with_target(false)
        .try_init();
}

fn forget(file: &Path) -> Result<(), Failure> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(ready_file_failure(file, &error))
        }
        _ => Ok(()),
    }
}

/// Writes beside and renames, so that whoever waits for the file never reads half of it.
fn write_ready_file(file: &Path, base_urls: &BTreeMap<String, String>) -> Result<(), Failure> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let text = json!({ "base_urls": base_urls, "pid": std::process::id() }).to_string();
    let write = || {
        let mut beside = tempfile::Builder::new()
            .prefix(".sandgate-")
            .tempfile_in(folder.unwrap_or(Path::new(".")))?;
        writeln!(beside, "{text}")?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // Base URLs are no secret, and the reader is often another user.
            beside.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
        }
        beside.persist(file).map_err(|error| error.error).map(|_| ())
    };
    write().map_err(|error| ready_file_failure(file, &error))
}

fn ready_file_failure(file: &Path, error: &std::io::Error) -> Failure {
    Failure::caller(
        format!("the ready file {} cannot be written: {error}", file.display()),
        "name a file in a folder that exists and in which you may write",
    )
}

/// What a person wants to know first: where it answers, with which credentials, and what to try.
fn greeting(running: &RunningEmulator) -> String {
    let mut text = format!("sandgate {}\n\n", env!("CARGO_PKG_VERSION"));
    for (name, url) in running.base_urls() {
        let _ = writeln!(text, "  {:<16} {url}", name.replace('_', " "));
    }
    if let Some(token) = running.admin_token() {
        let _ = writeln!(text, "  {:<16} {token}", "admin token");
    }
    for merchant in running.services().merchants.all() {
        let id = merchant.id();
        if id.strip_prefix("demo-") != Some(merchant.record.provider.as_str()) {
            continue;
        }
        let _ = writeln!(text, "\n  merchant {id}");
        for (name, value) in leaves(&merchant.record.credentials) {
            let _ = writeln!(text, "    {name:<16} {value}");
        }
        let _ = writeln!(
            text,
            "    {:<16} sandgate credentials export {id} --out {id}{}",
            "files",
            server_flags(running)
        );
    }
    if let Some(command) = command_to_try(running) {
        let _ = write!(
            text,
            "\nTry, with a token that is wrong, and ask why it was refused:\n\n  {command}\n"
        );
    }
    text
}

/// A request that any shell can send, and the question that makes Sandgate worth having.
fn command_to_try(running: &RunningEmulator) -> Option<String> {
    let paco = running.base_urls().get("paco")?;
    Some(format!(
        "curl -s '{paco}/api/2.0/Inquiry/transactionStatus?orderNo=1' -H 'apiKey: wrong'; \
         sandgate explain{}",
        server_flags(running)
    ))
}

/// The flags by which the other verbs find this server, where it is not the usual one.
fn server_flags(running: &RunningEmulator) -> String {
    let admin = running.base_url("admin");
    let mut flags = String::new();
    if admin != format!("http://127.0.0.1:{DEFAULT_PORT_BASE}") {
        let _ = write!(flags, " --admin {admin}");
    }
    if let Some(token) = running.admin_token() {
        let _ = write!(flags, " --admin-token {token}");
    }
    flags
}

/// The signals that ask a server to stop.
struct StopSignals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    /// The terminal was closed.
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
}

impl StopSignals {
    /// Takes the signals over. As process 1 of a container nothing else would act on them.
    fn listen() -> std::io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
                hangup: signal(SignalKind::hangup())?,
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    #[cfg(unix)]
    async fn wait(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn wait(self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
