//! The binary under other names: what envtest starts as `kube-apiserver`, `etcd` and `kubectl`.
//!
//! *Invariant:* a personality takes the flags of the program it stands for, all of them, and
//! refuses others as that program does; what it does not honour it says in its log.
//! *Upstream:* `controller-runtime/pkg/internal/testing/controlplane`.

mod etcd;
mod flags;
mod kube_apiserver;
mod kubectl;
mod ports;

use std::ffi::OsString;
use std::path::Path;

use super::Fault;

/// What a personality does with its arguments.
type Run = fn(&[String]) -> Result<(), Fault>;

/// The names, and what runs under them.
const PERSONALITIES: [(&str, Run); 3] = [
    ("kube-apiserver", kube_apiserver::run),
    ("etcd", etcd::run),
    ("kubectl", kubectl::run),
];

/// Names that a folder for envtest holds.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    PERSONALITIES.iter().map(|(name, _)| *name)
}

/// Runs as the program whose name the process was started under; `None` under its own.
pub(super) fn run(arguments: &[OsString]) -> Option<Result<(), Fault>> {
    let (program, rest) = arguments.split_first()?;
    let name = Path::new(program).file_name()?.to_str()?;
    let mut all = PERSONALITIES
        .iter()
        .chain(&[(ports::KEEPER, ports::keep as Run)]);
    let (_, run) = all.find(|(known, _)| *known == name)?;
    let texts = rest.iter().map(|text| text.to_string_lossy().into_owned());
    Some(run(&texts.collect::<Vec<_>>()))
}
