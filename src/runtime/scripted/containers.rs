//! The containers that somebody has looked into, and what outlives them.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt;
use parking_lot::Mutex;
use serde_json::Value;

use super::gates::Gates;
use super::rules::{Answering, Rules};
use super::volumes::Volumes;
use super::{environment, volumes};
use crate::object::Object;
use crate::runtime::logs::{Instance, Stream};
use crate::runtime::{Place, Surroundings};
use crate::shell::fs::{Errno, FileSystem, Limits, Who};
use crate::shell::{self, Machine, Streams};

/// How long a hook or an init container may take before it is left alone.
const PATIENCE: std::time::Duration = std::time::Duration::from_mins(10);

/// A container that is kept.
struct Kept {
    place: Place,
    machine: Machine,
}

pub(super) struct Containers {
    surroundings: Surroundings,
    rules: Rules,
    kept: Mutex<BTreeMap<Instance, Kept>>,
    volumes: Volumes,
    /// Of each pod: who makes a container is alone with its pod, whose init containers run once.
    pods: Gates,
    /// Of each namespace: what pods that are gone leave behind is whole before another is entered.
    leaving: Gates,
}

impl Containers {
    pub(super) fn new(surroundings: Surroundings, rules: Rules) -> Self {
        Self {
            volumes: Volumes::new(surroundings.clone()),
            surroundings,
            rules,
            kept: Mutex::default(),
            pods: Gates::default(),
            leaving: Gates::default(),
        }
    }

    /// The inside of a container, as it is now.
    pub(super) async fn enter(&self, place: &Place) -> Result<Machine, Errno> {
        let _alone = self.pods.pass(place.pod.uid()).await;
        let instance = place.instance();
        let known = self
            .kept
            .lock()
            .get(&instance)
            .map(|kept| kept.machine.clone());
        if let Some(mut machine) = known {
            self.volumes.refresh(&place.pod).await?;
            machine.answers = self.answering(place).await;
            return Ok(machine);
        }
        self.retire(&place.pod).await;
        if !self.knows_pod(place.pod.uid()) {
            self.initialise(place).await?;
        }
        let machine = self.build(place, place.spec()).await?;
        self.keep(place.clone(), machine.clone());
        let hook = &place.spec()["lifecycle"]["postStart"]["exec"]["command"];
        self.hook(&machine, hook).await;
        Ok(machine)
    }

    fn knows_pod(&self, uid: &str) -> bool {
        self.kept.lock().keys().any(|known| known.pod == uid)
    }

    fn keep(&self, place: Place, machine: Machine) {
        let instance = place.instance();
        let mut kept = self.kept.lock();
        // Of a container that was started again only its volumes stay.
        kept.retain(|known, _| known.pod != instance.pod || known.container != instance.container);
        kept.insert(instance, Kept { place, machine });
    }

    /// Runs the init containers of a pod, one after the other.
    async fn initialise(&self, place: &Place) -> Result<(), Errno> {
        let pod = &place.pod;
        for spec in pod.items(&["spec", "initContainers"]) {
            let name = spec["name"].as_str().unwrap_or_default();
            if name == place.container || spec["restartPolicy"] == "Always" {
                continue;
            }
            let argv = argv(spec);
            if argv.is_empty() {
                continue;
            }
            let own = Place::new(Arc::clone(pod), name);
            let machine = self.build(&own, spec).await?;
            if machine.startable(&argv).is_err() {
                continue;
            }
            let logs = &self.surroundings.logs;
            let writer = |stream| logs.writer(own.instance(), stream);
            let streams = Streams {
                stdin: None,
                stdout: Box::new(writer(Stream::Stdout)),
                stderr: Box::new(writer(Stream::Stderr)),
                terminal: None,
            };
            self.patiently(machine.run(&argv, streams)).await;
        }
        Ok(())
    }

    async fn hook(&self, machine: &Machine, command: &Value) {
        let argv = texts(command);
        if argv.is_empty() || machine.startable(&argv).is_err() {
            return;
        }
        let streams = Streams {
            stdin: None,
            stdout: Box::new(tokio::io::sink()),
            stderr: Box::new(tokio::io::sink()),
            terminal: None,
        };
        self.patiently(machine.run(&argv, streams)).await;
    }

    /// Waits for what somebody's command does, but not for ever: on a clock that stands still
    /// nothing that sleeps is waited for.
    async fn patiently<T>(&self, run: impl Future<Output = T>) {
        let clock = self.surroundings.clock.clone();
        if clock.is_virtual() {
            let mut run = std::pin::pin!(run);
            for _ in 0..10_000 {
                if run.as_mut().now_or_never().is_some() {
                    return;
                }
                tokio::task::yield_now().await;
            }
            return;
        }
        let end = clock.now() + PATIENCE;
        tokio::select! {
            biased;
            _ = run => {}
            () = clock.until(end) => {}
        }
    }

    /// Ends what pods of a namespace had that are gone.
    async fn retire(&self, pod: &Object) {
        let _alone = self.leaving.pass(pod.namespace()).await;
        let mut own: Vec<(String, String)> = self
            .kept
            .lock()
            .values()
            .filter(|kept| kept.place.pod.namespace() == pod.namespace())
            .map(|kept| {
                (
                    kept.place.pod.name().to_owned(),
                    kept.place.pod.uid().to_owned(),
                )
            })
            .collect();
        own.dedup();
        let pods = self
            .surroundings
            .client
            .api("v1", "pods")
            .namespace(pod.namespace());
        for (name, uid) in own {
            let found = pods.get(&name).await;
            if found.is_ok_and(|found| found["metadata"]["uid"] == uid.as_str()) {
                continue;
            }
            let gone: Vec<Kept> = {
                let mut kept = self.kept.lock();
                let keys: Vec<Instance> = kept
                    .keys()
                    .filter(|known| known.pod == uid)
                    .cloned()
                    .collect();
                keys.iter().filter_map(|key| kept.remove(key)).collect()
            };
            // Their machines hold what the hooks see.
            self.volumes.forget_pod(&uid);
            for kept in gone {
                let hook = &kept.place.spec()["lifecycle"]["preStop"]["exec"]["command"];
                self.hook(&kept.machine, hook).await;
            }
        }
        self.volumes.forget_claims(pod.namespace()).await;
    }

    async fn answering(&self, place: &Place) -> Option<Arc<dyn shell::Answers>> {
        let namespaces = self.surroundings.client.api("v1", "namespaces");
        let namespace = namespaces.get(place.pod.namespace()).await.ok();
        Answering::of(&self.rules, place, namespace.as_ref())
    }

    async fn build(&self, place: &Place, spec: &Value) -> Result<Machine, Errno> {
        let clock = self.surroundings.clock.clone();
        let limits = Limits::default();
        let fs = FileSystem::image(clock.clone(), limits, &shell::programs())?;
        let pod = &place.pod;
        let hostname = environment::hostname(pod);
        environment::put_names(&fs, pod, &hostname)?;
        let mut machine = Machine::with_files(fs, clock);
        machine.hostname = hostname;
        machine.who = environment::who(pod, spec);
        environment::put_user(&machine)?;
        machine.env = environment::of(&self.surroundings.client, place, spec).await;
        self.volumes.refresh(pod).await?;
        for mount in spec["volumeMounts"].as_array().into_iter().flatten() {
            self.mount(&machine, pod, mount).await?;
        }
        if let Some(folder) = spec["workingDir"]
            .as_str()
            .filter(|folder| !folder.is_empty())
        {
            machine.fs.make_all(folder, 0o755, &Who::default())?;
            folder.clone_into(&mut machine.cwd);
        }
        let sealed = spec["securityContext"]["readOnlyRootFilesystem"] == true;
        machine.fs.seal_root(sealed);
        machine.answers = self.answering(place).await;
        Ok(machine)
    }

    async fn mount(&self, machine: &Machine, pod: &Object, mount: &Value) -> Result<(), Errno> {
        let name = mount["name"].as_str().unwrap_or_default();
        let path = mount["mountPath"].as_str().unwrap_or_default();
        let Some((volume, is_config)) = self.volumes.of(pod, name).await? else {
            return Ok(());
        };
        let mut sub = mount["subPath"].as_str().unwrap_or_default().to_owned();
        if let Some(expression) = mount["subPathExpr"].as_str() {
            sub = environment::expanded(expression, &machine.env);
        }
        let read_only = mount["readOnly"] == true || is_config || volumes::is_read_only(pod, name);
        machine.fs.mount(path, &volume, &sub, read_only)
    }
}

fn texts(list: &Value) -> Vec<String> {
    let all = list.as_array().into_iter().flatten();
    all.filter_map(|one| one.as_str().map(str::to_owned))
        .collect()
}

/// What a container runs, as far as its pod says.
fn argv(spec: &Value) -> Vec<String> {
    let mut argv = texts(&spec["command"]);
    if !argv.is_empty() {
        argv.extend(texts(&spec["args"]));
    }
    argv
}
