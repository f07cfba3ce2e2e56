//! Containers with files in memory and a shell: the default of what runs inside pods.
//!
//! A container comes to be when somebody first looks inside: its root is fresh with each of its
//! lives, its volumes are its pod's, and what persistent volume claims hold stays as long as the
//! claims. Before that its pod's init containers ran, where their programs are known, and its own
//! `postStart` hook; when somebody looks into another pod of the namespace, the `preStop` hooks of
//! pods that are gone have run. Pods that nobody looks into cost nothing.
//!
//! *Invariant:* nothing in a container leads to the host; what is answered by rule is not run.
//! *Upstream:* `pkg/kubelet/{kubelet_pods.go,volumemanager,container}`.

mod containers;
mod environment;
mod gates;
mod rules;
mod sources;
mod volumes;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use self::containers::Containers;
pub use self::rules::{Callback, Rules};
use super::{
    Connection, Exit, Invocation, Listener, Place, Plain, Runtime, Streams, Surroundings, ports,
};
use crate::object::Object;
use crate::object::quote::quoted;
use crate::shell::{self, Machine, Unstartable};

/// See the module.
pub struct Scripted {
    surroundings: Surroundings,
    containers: Arc<Containers>,
    plain: Plain,
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scripted").finish_non_exhaustive()
    }
}

impl Scripted {
    /// A runtime of a cluster.
    pub fn new(surroundings: Surroundings) -> Self {
        Self::with_rules(surroundings, Rules::default())
    }

    /// A runtime of a cluster in which rules answer some commands.
    pub fn with_rules(surroundings: Surroundings, rules: Rules) -> Self {
        Self {
            containers: Arc::new(Containers::new(surroundings.clone(), rules)),
            plain: Plain::new(surroundings.clone()),
            surroundings,
        }
    }
}

impl Runtime for Scripted {
    fn exec(&self, invocation: Invocation, streams: Streams) -> BoxFuture<'static, Exit> {
        let containers = Arc::clone(&self.containers);
        async move {
            let machine = match containers.enter(&invocation.place).await {
                Ok(machine) => machine,
                Err(errno) => return Exit::failed(&errno.to_string()),
            };
            run(&machine, &invocation.argv, streams).await
        }
        .boxed()
    }

    fn attach(&self, place: Place, tty: bool, streams: Streams) -> BoxFuture<'static, Exit> {
        self.plain.attach(place, tty, streams)
    }

    fn connect(&self, pod: Arc<Object>, port: u16) -> BoxFuture<'static, Option<Connection>> {
        let _ = &self.surroundings;
        async move { ports::listener(&pod, port).map(Listener::connect) }.boxed()
    }
}

async fn run(machine: &Machine, argv: &[String], streams: Streams) -> Exit {
    let terminal = streams.terminal.map(|mut sizes| {
        let size = |size: super::Size| shell::Size {
            width: size.width,
            height: size.height,
        };
        let first = size(*sizes.borrow_and_update());
        (tokio::sync::watch::channel(first), sizes, size)
    });
    let mut inner = shell::Streams {
        stdin: streams.stdin,
        stdout: streams.stdout,
        stderr: streams.stderr,
        terminal: None,
    };
    let result = match terminal {
        None => machine.run(argv, inner).await,
        Some(((sender, receiver), mut sizes, size)) => {
            inner.terminal = Some(receiver);
            let follow = async {
                while sizes.changed().await.is_ok() {
                    sender.send_replace(size(*sizes.borrow_and_update()));
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                biased;
                result = machine.run(argv, inner) => result,
                () = follow => Ok(0),
            }
        }
    };
    match result {
        Ok(code) => Exit::Code(code),
        Err(why) => Exit::not_started(&words(argv, why)),
    }
}

/// Why a command could not be started, as container runtimes say it.
fn words(argv: &[String], why: Unstartable) -> String {
    let name = argv.first().map_or("", String::as_str);
    match why {
        Unstartable::NoFile => format!("exec: {}: stat {name}: {why}", quoted(name)),
        Unstartable::Format => format!("exec {name}: {why}"),
        _ => format!("exec: {}: {why}", quoted(name)),
    }
}
