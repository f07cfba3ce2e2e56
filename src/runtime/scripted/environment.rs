//! What a container's processes find: variables, names, who they are.
//!
//! *Upstream:* `pkg/kubelet/kubelet_pods.go`, `pkg/kubelet/envvars`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::sources::{self, data};
use crate::client::Client;
use crate::object::Object;
use crate::runtime::Place;
use crate::shell::Machine;
use crate::shell::fs::{Errno, FileSystem, Who};

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

pub(super) fn hostname(pod: &Object) -> String {
    let said = pod.text(&["spec", "hostname"]);
    if said.is_empty() { pod.name() } else { said }.to_owned()
}

/// Writes what a pod is called where programs look for it.
pub(super) fn put_names(fs: &FileSystem, pod: &Object, hostname: &str) -> Result<(), Errno> {
    let system = Who::default();
    fs.write(
        "/etc/hostname",
        format!("{hostname}\n").as_bytes(),
        0o644,
        &system,
    )?;
    let mut hosts = String::from(
        "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n\
         ::1\tlocalhost ip6-localhost ip6-loopback\n",
    );
    let address = pod.text(&["status", "podIP"]);
    if !address.is_empty() {
        hosts.push_str(&format_line(&[address, hostname]));
    }
    for alias in pod.items(&["spec", "hostAliases"]) {
        let names = alias["hostnames"].as_array().into_iter().flatten();
        let mut words = vec![alias["ip"].as_str().unwrap_or_default()];
        words.extend(names.filter_map(Value::as_str));
        hosts.push_str(&format_line(&words));
    }
    fs.write("/etc/hosts", hosts.as_bytes(), 0o644, &system)?;
    let namespace = pod.namespace();
    let resolver = format!(
        "search {namespace}.svc.cluster.local svc.cluster.local cluster.local\n\
         nameserver 10.96.0.10\noptions ndots:5\n"
    );
    fs.write("/etc/resolv.conf", resolver.as_bytes(), 0o644, &system)
}

fn format_line(words: &[&str]) -> String {
    format!("{}\n", words.join("\t"))
}

/// Who a container's processes are.
pub(super) fn who(pod: &Object, spec: &Value) -> Who {
    let shared = pod
        .get(&["spec", "securityContext"])
        .unwrap_or(&Value::Null);
    let own = &spec["securityContext"];
    let number = |field: &str| own[field].as_u64().or(shared[field].as_u64());
    let uid = number("runAsUser").unwrap_or(0) as u32;
    let mut groups: Vec<u32> = shared["supplementalGroups"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|group| group.as_u64().map(|group| group as u32))
        .collect();
    groups.extend(shared["fsGroup"].as_u64().map(|group| group as u32));
    Who {
        uid,
        gid: number("runAsGroup").unwrap_or(0) as u32,
        groups,
    }
}

/// Makes a home for a user whom the image does not know.
pub(super) fn put_user(machine: &Machine) -> Result<(), Errno> {
    // A user without a name is left without one, as container runtimes leave it.
    let system = Who::default();
    let owner = (Some(machine.who.uid), Some(machine.who.gid));
    if machine.who.uid != 0 {
        machine.fs.set_owner("/home", owner, true, &system)?;
    }
    Ok(())
}

/// The variables of a container.
pub(super) async fn of(client: &Client, place: &Place, spec: &Value) -> BTreeMap<String, String> {
    let pod = &place.pod;
    let mut env = services(client, pod).await;
    env.insert("PATH".to_owned(), PATH.to_owned());
    env.insert("HOSTNAME".to_owned(), hostname(pod));
    let root = who(pod, spec).uid == 0;
    env.insert(
        "HOME".to_owned(),
        if root { "/root" } else { "/" }.to_owned(),
    );
    for source in spec["envFrom"].as_array().into_iter().flatten() {
        let prefix = source["prefix"].as_str().unwrap_or_default();
        for (kind, field) in [("configmaps", "configMapRef"), ("secrets", "secretRef")] {
            if let Some(name) = source[field]["name"].as_str() {
                let found = data(client, pod.namespace(), kind, name).await;
                for (key, value) in found.unwrap_or_default() {
                    let value = String::from_utf8_lossy(&value).into_owned();
                    env.insert(format!("{prefix}{key}"), value);
                }
            }
        }
    }
    for variable in spec["env"].as_array().into_iter().flatten() {
        let name = variable["name"].as_str().unwrap_or_default().to_owned();
        let value = match variable["value"].as_str() {
            Some(text) => Some(expanded(text, &env)),
            None if variable["valueFrom"].is_object() => {
                sources::value(client, place, spec, &variable["valueFrom"]).await
            }
            None => Some(String::new()),
        };
        if let Some(value) = value {
            env.insert(name, value);
        }
    }
    env
}

/// The addresses of services, as variables.
async fn services(client: &Client, pod: &Object) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    let links = pod.get(&["spec", "enableServiceLinks"]) != Some(&Value::Bool(false));
    let mut all = Vec::new();
    let services = client.api("v1", "services");
    all.extend(services.namespace("default").get("kubernetes").await.ok());
    if links {
        let own = services.namespace(pod.namespace()).list("").await;
        let own = own.unwrap_or_default();
        all.extend(own["items"].as_array().cloned().unwrap_or_default());
    }
    for service in all {
        let address = service["spec"]["clusterIP"].as_str().unwrap_or_default();
        let name = service["metadata"]["name"].as_str().unwrap_or_default();
        if address.is_empty() || address == "None" {
            continue;
        }
        let prefix = name.to_uppercase().replace('-', "_");
        let ports = service["spec"]["ports"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        env.insert(format!("{prefix}_SERVICE_HOST"), address.to_owned());
        for (place, port) in ports.iter().enumerate() {
            let number = port["port"].as_u64().unwrap_or(0).to_string();
            let protocol = port["protocol"].as_str().unwrap_or("TCP");
            let url = format!("{}://{address}:{number}", protocol.to_lowercase());
            if place == 0 {
                env.insert(format!("{prefix}_SERVICE_PORT"), number.clone());
                env.insert(format!("{prefix}_PORT"), url.clone());
            }
            if let Some(own) = port["name"].as_str() {
                let own = own.to_uppercase().replace('-', "_");
                env.insert(format!("{prefix}_SERVICE_PORT_{own}"), number.clone());
            }
            let stem = format!("{prefix}_PORT_{number}_{protocol}");
            env.insert(format!("{stem}_PROTO"), protocol.to_lowercase());
            env.insert(format!("{stem}_PORT"), number);
            env.insert(format!("{stem}_ADDR"), address.to_owned());
            env.insert(stem, url);
        }
    }
    env
}

/// `$(NAME)` replaced by what is known; `$$` is a dollar.
///
/// *Upstream:* `third_party/forked/golang/expansion`.
pub(super) fn expanded(text: &str, env: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, behind)) = after
            .strip_prefix('(')
            .and_then(|inner| inner.split_once(')'))
        {
            match env.get(name) {
                Some(value) => out.push_str(value),
                None => out.extend(["$(", name, ")"]),
            }
            rest = behind;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}
