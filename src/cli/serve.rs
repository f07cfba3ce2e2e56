//! `mockernetes serve`: a cluster until Ctrl-C.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::net::{SocketAddr, TcpListener};
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::access::Access;
use super::audit::Audit;
use super::files::{Kubeconfig, manifest_files, read};
use super::parent::Parent;
use super::{Fault, plugins};
use crate::cluster::{Builder, Cluster};
use crate::controllers::Selection;
use crate::registry::Settings;
use crate::server::Limits;
use crate::sim::Clock;
use crate::webhook::Services;

/// What is logged where nothing is asked for: no requests, which are many.
const QUIET: &str = "info,mockernetes::request=warn";

/// Where a virtual clock begins under a seed, if nobody says.
const START_UNDER_SEED: &str = "2026-01-01T00:00:00Z";

/// Flags of `serve`. Those that kube-apiserver has keep its names and meaning.
#[derive(Debug, Args)]
pub(super) struct Flags {
    /// Address to listen on; port 0 picks a free one
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:6443",
        value_parser = address
    )]
    listen: SocketAddr,
    /// Write the administrator's kubeconfig to this file [default: in a new temporary folder]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Serve HTTP instead of TLS
    #[arg(long)]
    plaintext: bool,
    /// `CustomResourceDefinitions` to install at start (YAML or JSON)
    #[arg(long, value_name = "FILE|DIR", num_args = 1..)]
    crd: Vec<PathBuf>,
    /// Objects to apply at start (YAML or JSON)
    #[arg(long, value_name = "FILE|DIR", num_args = 1..)]
    manifest: Vec<PathBuf>,
    /// Certificate to serve with (PEM); a new one where left out
    #[arg(long, value_name = "FILE", requires = "tls_private_key_file")]
    tls_cert_file: Option<PathBuf>,
    /// The certificate's key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert_file")]
    tls_private_key_file: Option<PathBuf>,
    /// APIs to serve beside the usual, or not to serve: GROUP/VERSION=true|false, api/all,
    /// api/ga, api/beta, api/alpha
    #[arg(long, value_name = "API=BOOL", value_delimiter = ',')]
    runtime_config: Vec<String>,
    /// Controllers to run: all, none, NAME,... or all,-NAME,...
    #[arg(long, value_name = "NAMES", default_value = "none")]
    controllers: String,
    /// Nodes that run pods
    #[arg(long, value_name = "N", default_value_t = 0)]
    nodes: u32,
    #[command(flatten)]
    access: Access,
    #[command(flatten)]
    audit: Audit,
    /// Addresses of services: one CIDR, or two of different families
    #[arg(long, value_name = "CIDR[,CIDR]", default_value = "10.0.0.0/24")]
    service_cluster_ip_range: String,
    /// Node ports of services
    #[arg(long, value_name = "FROM-TO", default_value = "30000-32767")]
    service_node_port_range: String,
    /// Admission plugins to switch on
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    enable_admission_plugins: Vec<String>,
    /// Admission plugins to switch off
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    disable_admission_plugins: Vec<String>,
    /// Configurations of admission plugins: an AdmissionConfiguration
    #[arg(long, value_name = "FILE")]
    admission_control_config_file: Option<PathBuf>,
    /// How long pods stay on a node that is not ready, where they do not say
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    default_not_ready_toleration_seconds: i64,
    /// The same for a node that cannot be reached
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    default_unreachable_toleration_seconds: i64,
    /// Where a service is that a webhook is reached by (nothing listens at a cluster IP)
    #[arg(long, value_name = "NAMESPACE/NAME[:PORT]=HOST:PORT")]
    resolve_service: Vec<String>,
    /// Requests that are answered at once; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = Limits::default().in_flight_max)]
    max_requests_inflight: i64,
    /// The same for requests that change something, where that is another number
    #[arg(long, value_name = "N")]
    max_mutating_requests_inflight: Option<i64>,
    /// Draw the same uids and names as every run with this seed
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// wall: the clock of this machine; virtual: one that stands still until it is moved
    #[arg(long, value_enum, default_value_t = ClockKind::Wall)]
    clock: ClockKind,
    /// Where a virtual clock begins, for example 2026-01-01T00:00:00Z [default: now; with --seed
    /// 2026-01-01T00:00:00Z, so that two runs are alike]
    #[arg(long, value_name = "TIME")]
    clock_start: Option<String>,
    /// Keep objects in this folder (not supported yet: they live in memory)
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Keep objects in etcd (not supported yet: they live in memory)
    #[arg(long, value_name = "URL", alias = "etcd-servers")]
    etcd: Option<String>,
    /// What to log to stderr: error, warn, info (a line for each request), debug, or a filter of
    /// `tracing`
    #[arg(long, value_name = "FILTER", default_value = QUIET)]
    log: String,
    /// How to log
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ClockKind {
    Wall,
    Virtual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// How a process runs beside its cluster.
#[derive(Debug)]
pub(super) struct Manner {
    /// Writes a kubeconfig and says when the cluster is ready.
    pub(super) is_announced: bool,
    /// Whom it ends with.
    pub(super) parent: Option<Parent>,
    /// Where it listens already.
    pub(super) listener: Option<TcpListener>,
    /// How long connections may take to close.
    pub(super) patience: Duration,
    /// Flags that were given and change nothing.
    pub(super) without_effect: Vec<String>,
}

impl Manner {
    /// As `serve` runs.
    pub(super) const PLAIN: Self = Self {
        is_announced: true,
        parent: None,
        listener: None,
        patience: Duration::from_secs(5),
        without_effect: Vec::new(),
    };
}

/// Runs a cluster until it is told to stop.
pub(super) fn run(flags: &Flags, mut manner: Manner) -> Result<(), Fault> {
    refuse_unsupported(flags)?;
    let mut builder = builder(flags)?;
    if let Some(listener) = manner.listener.take() {
        builder = builder.listener(listener);
    }
    start_log(flags)?;
    if !manner.without_effect.is_empty() {
        tracing::info!(flags = manner.without_effect.join(" "), "without effect");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(worker_threads(flags))
        .enable_all()
        .build()
        .map_err(|error| Fault::failed(format!("cannot start: {error}")))?;
    runtime.block_on(serve(flags, &manner, builder))
}

/// Half of the machine is left to who asks: clients, and the tests they are part of, run beside
/// the server. Threads that wait for the same processors cost each request a tenth more.
/// Controllers and nodes work beside requests, and take what there is.
fn worker_threads(flags: &Flags) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let is_living = flags.nodes > 0 || flags.controllers != "none";
    if is_living {
        processors
    } else {
        processors.div_ceil(2)
    }
}

async fn serve(flags: &Flags, manner: &Manner, builder: Builder) -> Result<(), Fault> {
    // Before the ready line: whoever reads it may stop us at once.
    let stopped =
        stop_signal().map_err(|error| Fault::failed(format!("cannot catch signals: {error}")))?;
    let cluster = builder
        .start()
        .await
        .map_err(|error| Fault::failed(explain(&error.to_string())))?;
    // Holds the file until the end.
    let _file = if manner.is_announced {
        Some(announce(flags, &cluster)?)
    } else {
        tracing::info!("serving at {}", cluster.url().unwrap_or_default());
        None
    };
    if let Some(parent) = manner.parent {
        tokio::select! {
            () = stopped => {}
            () = parent.ended() => {}
        }
    } else {
        stopped.await;
    }
    tracing::info!("stopping");
    cluster.stop_within(manner.patience).await;
    Ok(())
}

/// Writes the kubeconfig, and says that the cluster is ready.
fn announce(flags: &Flags, cluster: &Cluster) -> Result<Kubeconfig, Fault> {
    let text = cluster.kubeconfig().unwrap_or_default();
    let file = Kubeconfig::write(flags.kubeconfig.as_deref(), &text)?;
    let url = cluster.url().unwrap_or_default();
    let ready = writeln!(
        std::io::stdout(),
        "mockernetes is ready at {url}, kubeconfig {}",
        file.path.display()
    );
    if let Err(error) = ready.and_then(|()| std::io::stdout().flush()) {
        tracing::warn!(%error, "nobody reads the ready line");
    }
    Ok(file)
}

/// Adds what a newcomer may do about an error.
fn explain(error: &str) -> String {
    if error.contains("in use") {
        format!(
            "{error}\n  choose another address with --listen, or a free port with --listen 127.0.0.1:0"
        )
    } else {
        error.to_owned()
    }
}

/// Listens for the signals that mean stop; what it returns waits for one.
pub(super) fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Refuses what later versions will do, rather than not doing it in silence.
fn refuse_unsupported(flags: &Flags) -> Result<(), Fault> {
    let refusals = [
        (
            flags.data_dir.is_some(),
            "--data-dir: objects live in memory only so far; leave the flag out",
        ),
        (
            flags.etcd.is_some(),
            "--etcd: objects live in memory only so far; leave the flag out",
        ),
    ];
    for (is_asked, message) in refusals {
        if is_asked {
            return Err(Fault::usage(message));
        }
    }
    Ok(())
}

/// The cluster that the flags describe.
fn builder(flags: &Flags) -> Result<Builder, Fault> {
    let settings = Settings {
        service_cluster_ip_ranges: ip_ranges(&flags.service_cluster_ip_range)?,
        service_node_port_range: port_range(&flags.service_node_port_range)?,
    };
    let limits = limits(flags)?;
    let controllers = Selection::parse(&flags.controllers)
        .map_err(|error| Fault::usage(format!("--controllers {}: {error}", flags.controllers)))?;
    let mut builder = Cluster::builder()
        .listen(flags.listen)
        .controllers(controllers)
        .nodes(flags.nodes)
        .settings(settings)
        .limits(limits)
        .enable_admission_plugins(flags.enable_admission_plugins.clone())
        .disable_admission_plugins(flags.disable_admission_plugins.clone());
    plugins::check(
        &flags.enable_admission_plugins,
        &flags.disable_admission_plugins,
    )?;
    let mut settings = match &flags.admission_control_config_file {
        Some(path) => plugins::settings(path)?,
        None => BTreeMap::new(),
    };
    let seconds = serde_json::json!({
        "notReady": flags.default_not_ready_toleration_seconds,
        "unreachable": flags.default_unreachable_toleration_seconds,
    });
    settings.insert("DefaultTolerationSeconds".to_owned(), seconds);
    builder = builder.admission_settings(settings);
    for choice in &flags.runtime_config {
        let (api, is_served) = runtime_choice(choice)?;
        builder = builder.runtime_config(api, is_served);
    }
    if let (Some(certificate), Some(key)) = (&flags.tls_cert_file, &flags.tls_private_key_file) {
        builder = builder.serving_certificate(
            read("--tls-cert-file", certificate)?,
            read("--tls-private-key-file", key)?,
        );
    }
    let services = Services::of_lines(flags.resolve_service.iter().map(String::as_str))
        .map_err(|error| Fault::usage(format!("--resolve-service: {error}")))?;
    builder = builder.services(services);
    if flags.plaintext {
        builder = builder.plaintext();
    }
    if let Some(seed) = flags.seed {
        builder = builder.seed(seed);
    }
    if let Some(clock) = clock(flags)? {
        builder = builder.clock(clock);
    }
    builder = flags.audit.apply(flags.access.apply(builder)?)?;
    for (flag, paths) in [("--crd", &flags.crd), ("--manifest", &flags.manifest)] {
        for path in paths {
            for file in manifest_files(flag, path)? {
                let text = read(flag, &file)?;
                builder = builder.manifest_of(file.display().to_string(), text);
            }
        }
    }
    Ok(builder)
}

/// The clock that a test moves, where one is asked for.
fn clock(flags: &Flags) -> Result<Option<Clock>, Fault> {
    if flags.clock == ClockKind::Wall {
        return match flags.clock_start {
            None => Ok(None),
            Some(_) => Err(Fault::usage(
                "--clock-start: only a virtual clock begins somewhere; add --clock virtual",
            )),
        };
    }
    let said = flags.clock_start.as_deref();
    let said = said.or(flags.seed.map(|_| START_UNDER_SEED));
    let start = match said {
        Some(text) => text.parse().map_err(|_| {
            let why = "expected a time, for example 2026-01-01T00:00:00Z";
            Fault::usage(format!("--clock-start {text:?}: {why}"))
        })?,
        // Objects count in seconds.
        None => jiff::Timestamp::from_second(Clock::wall().now().as_second()).unwrap_or_default(),
    };
    Ok(Some(Clock::virtual_at(start)))
}

/// How much is answered at once.
fn limits(flags: &Flags) -> Result<Limits, Fault> {
    if flags.max_requests_inflight < 0 {
        return Err(Fault::usage(format!(
            "--max-requests-inflight {}: expected a number from 0 (no limit) on",
            flags.max_requests_inflight
        )));
    }
    Ok(Limits {
        in_flight_max: flags.max_requests_inflight,
        mutating_in_flight_max: flags
            .max_mutating_requests_inflight
            .unwrap_or(flags.max_requests_inflight),
        ..Limits::default()
    })
}

/// An address to listen on.
fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "expected IP:PORT, for example 127.0.0.1:6443 or [::1]:0".to_owned())
}

fn ip_ranges(text: &str) -> Result<Vec<String>, Fault> {
    /// Fewer addresses than this are too few; kube-apiserver's own limit.
    const ADDRESS_BITS_MIN: u8 = 3;
    let fault = |why: &str| {
        Fault::usage(format!(
            "--service-cluster-ip-range {text:?}: {why}, for example 10.0.0.0/16"
        ))
    };
    let ranges: Vec<String> = text
        .split(',')
        .map(|range| range.trim().to_owned())
        .collect();
    if ranges.len() > 2 {
        return Err(fault("at most two ranges"));
    }
    let mut families = Vec::new();
    for range in &ranges {
        let (address, bits) = range.split_once('/').ok_or_else(|| fault("no CIDR"))?;
        let address: std::net::IpAddr = address.parse().map_err(|_| fault("no address"))?;
        let max = if address.is_ipv4() { 32 } else { 128 };
        let bits: u8 = bits.parse().map_err(|_| fault("no prefix length"))?;
        if bits > max {
            return Err(fault("the prefix is too long"));
        }
        if max - bits < ADDRESS_BITS_MIN {
            return Err(fault("the range must hold at least 8 addresses"));
        }
        if families.contains(&max) {
            return Err(fault("two ranges must be of different families"));
        }
        families.push(max);
    }
    Ok(ranges)
}

fn runtime_choice(text: &str) -> Result<(&str, bool), Fault> {
    let (api, value) = text.split_once('=').unwrap_or((text, "true"));
    let is_served = match value {
        "true" | "1" | "" => true,
        "false" | "0" => false,
        _ => {
            return Err(Fault::usage(format!(
                "--runtime-config {text:?}: expected true or false behind the ="
            )));
        }
    };
    if api.is_empty() {
        return Err(Fault::usage(format!(
            "--runtime-config {text:?}: expected GROUP/VERSION=true, or api/all=true"
        )));
    }
    Ok((api, is_served))
}

fn port_range(text: &str) -> Result<(u16, u16), Fault> {
    let fault = || {
        Fault::usage(format!(
            "--service-node-port-range {text:?}: expected FROM-TO, for example 30000-32767"
        ))
    };
    let (from, to) = text.split_once('-').ok_or_else(fault)?;
    let (from, to): (u16, u16) = (
        from.parse().map_err(|_| fault())?,
        to.parse().map_err(|_| fault())?,
    );
    if from == 0 || from > to {
        return Err(fault());
    }
    Ok((from, to))
}

fn start_log(flags: &Flags) -> Result<(), Fault> {
    let filter = tracing_subscriber::EnvFilter::try_new(&flags.log)
        .map_err(|error| Fault::usage(format!("--log {:?}: {error}", flags.log)))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = match flags.log_format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    started.map_err(|error| Fault::failed(format!("cannot log: {error}")))
}
