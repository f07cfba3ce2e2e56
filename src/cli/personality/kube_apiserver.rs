//! `kube-apiserver`: a cluster that takes that program's flags, as envtest passes them.
//!
//! Without controllers and nodes, as envtest is; `MOCKERNETES_CONTROLLERS=all` asks for them.
//!
//! *Upstream:* `cmd/kube-apiserver/app/options`, `pkg/kubeapiserver/options`.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use clap::{ArgAction, Args, FromArgMatches};

use super::flags::{Given, Program, last};
use super::ports::{self, Chosen};
use crate::cli::Fault;
use crate::cli::parent::Parent;
use crate::cli::serve::{self, Flags, Manner};

const PROGRAM: Program = Program {
    about: "mockernetes, under the name and with the flags of kube-apiserver; objects live in its \
            memory",
    version: "Kubernetes v1.37.0",
    takes_one_dash: false,
    flags: include_str!("flags/kube-apiserver.txt"),
    chosen: Chosen {
        program: "kube-apiserver",
        count: 1,
        // Keys and certificates are made in between.
        within: Duration::from_secs(5),
    },
};

/// Flags that become others, so that they need no word when they are not known to `serve`.
const TRANSLATED: [&str; 4] = ["bind-address", "secure-port", "cert-dir", "v"];

/// Flags that would change who is let in or what is kept, and are refused for what is not there.
const REFUSED: [(&str, &str); 5] = [
    (
        "encryption-provider-config",
        "objects live in memory, and nothing is encrypted",
    ),
    (
        "egress-selector-config-file",
        "calls out of the cluster go straight to where they are meant",
    ),
    (
        "service-account-signing-endpoint",
        "tokens are signed with --service-account-signing-key-file",
    ),
    ("etcd-servers-overrides", "objects live in memory"),
    (
        "service-account-lookup",
        "accounts of tokens are always looked up",
    ),
];

/// How long connections may take to close: whoever starts many of these waits for each.
const PATIENCE: Duration = Duration::from_millis(50);

/// The files of a `--cert-dir`: certificate, key.
const CERTIFICATE: [&str; 2] = ["apiserver.crt", "apiserver.key"];

/// Runs a cluster until it is told to stop, or its parent is gone.
pub(super) fn run(arguments: &[String]) -> Result<(), Fault> {
    let parent = Parent::now();
    let Some(given) = PROGRAM.read(arguments)? else {
        return Ok(());
    };
    let listen = address(&given);
    // Before all else: whoever asks too early is refused and asks again a tenth of a second later,
    // but who finds a socket that listens waits for the answer.
    let listener = bind(&listen)
        .map_err(|error| Fault::failed(format!("cannot listen on {listen}: {error}")))?;
    let command = Flags::augment_args(clap::Command::new("kube-apiserver"));
    let known = |name: &str| {
        let mut known = command.get_arguments();
        known.find(|argument| argument.get_long() == Some(name))
    };
    let mut translated = vec!["kube-apiserver".to_owned()];
    let mut without_effect = Vec::new();
    for (at, (name, value)) in given.iter().enumerate() {
        match known(name) {
            // Of one value the last that is given counts.
            Some(flag) if !matches!(flag.get_action(), ArgAction::Append) => {
                if given[at + 1..].iter().all(|(later, _)| later != name) {
                    translated.push(format!("--{name}={value}"));
                }
            }
            Some(_) => translated.push(format!("--{name}={value}")),
            None if TRANSLATED.contains(&name.as_str()) => {}
            None => match refused(name, value) {
                Some(why) => {
                    return Err(Fault::failed(format!("--{name} is not supported: {why}")));
                }
                None => without_effect.push(format!("--{name}")),
            },
        }
    }
    translated.push(format!("--listen={listen}"));
    translate(&given, &mut translated);
    let flags = command
        .try_get_matches_from(translated)
        .and_then(|matches| Flags::from_arg_matches(&matches))
        .map_err(|error| Fault::failed(error.to_string()))?;
    serve::run(
        &flags,
        Manner {
            is_announced: false,
            parent: Some(parent),
            listener: Some(listener),
            patience: PATIENCE,
            without_effect,
        },
    )
}

/// A socket that listens there.
fn bind(listen: &str) -> std::io::Result<TcpListener> {
    match listen.parse() {
        Ok(address) => ports::listen(address, &PROGRAM.chosen),
        Err(_) => TcpListener::bind(listen),
    }
}

/// Where the flags say it listens.
fn address(given: &[Given]) -> String {
    // Differs: the default is loopback, not every address of the machine.
    let address = last(given, "bind-address").unwrap_or("127.0.0.1");
    let port = last(given, "secure-port").unwrap_or("6443");
    if address.contains(':') {
        format!("[{address}]:{port}")
    } else {
        format!("{address}:{port}")
    }
}

/// Why a flag is refused, if it is; what asks for nothing out of the ordinary is not.
fn refused(name: &str, value: &str) -> Option<&'static str> {
    let is_ordinary = value.is_empty() || name == "service-account-lookup" && value == "true";
    let mut all = REFUSED.into_iter();
    let found = all.find(|(refused, _)| *refused == name && !is_ordinary);
    found.map(|(_, why)| why)
}

/// What `serve` says in other words.
fn translate(given: &[Given], out: &mut Vec<String>) {
    if last(given, "authorization-mode").is_none() {
        out.push("--authorization-mode=AlwaysAllow".to_owned());
    }
    if let Some(folder) = last(given, "cert-dir")
        && last(given, "tls-cert-file").is_none()
    {
        let [certificate, key] = CERTIFICATE.map(|name| Path::new(folder).join(name));
        if certificate.is_file() && key.is_file() {
            out.push(format!("--tls-cert-file={}", certificate.display()));
            out.push(format!("--tls-private-key-file={}", key.display()));
        }
    }
    if let Some(controllers) = controllers() {
        out.push(format!("--controllers={controllers}"));
    }
}

/// What the environment asks for beyond what envtest is.
#[allow(
    clippy::disallowed_methods,
    reason = "the command line reads the environment"
)]
fn controllers() -> Option<String> {
    std::env::var("MOCKERNETES_CONTROLLERS").ok()
}
