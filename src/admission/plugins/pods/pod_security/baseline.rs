//! The checks of level `baseline`: nothing that is known to give a pod power over its node.
//!
//! *Upstream:* `pod-security-admission/policy/check_*.go`.

use serde_json::Value;

use super::check::{Finding, Pod, Texts, containers, finding, plural, quote, setters, text, texts};
use crate::object::quote::quoted;

type Check = fn(&Pod<'_>, u32) -> Option<Finding>;

/// Every check, with the version it came with, in the order in which findings are told.
const CHECKS: [(&str, u32, Check); 12] = [
    ("appArmorProfile", 0, app_armor),
    ("capabilities_baseline", 0, capabilities),
    ("hostNamespaces", 0, host_namespaces),
    ("hostPathVolumes", 0, host_paths),
    ("hostPorts", 0, host_ports),
    ("hostProbesAndHostLifecycle", 34, host_probes),
    ("privileged", 0, privileged),
    ("procMount", 0, proc_mount_relaxed),
    ("seLinuxOptions", 0, se_linux),
    ("seccompProfile_baseline", 0, seccomp),
    ("sysctls", 0, sysctls),
    ("windowsHostProcess", 0, host_process),
];

/// What the checks of a version find, but for those that stricter ones cover.
pub(super) fn check(pod: &Pod<'_>, version: u32, covered: &[&str]) -> Vec<Finding> {
    CHECKS
        .iter()
        .filter(|(id, since, _)| version >= *since && !covered.contains(id))
        .filter_map(|(_, _, check)| check(pod, version))
        .collect()
}

fn app_armor(pod: &Pod<'_>, _version: u32) -> Option<Finding> {
    let bad = |context: &Value| {
        let profile = &context["appArmorProfile"];
        let kind = text(&profile["type"]);
        profile.is_object() && !matches!(kind, "RuntimeDefault" | "Localhost")
    };
    let mut values = Texts::new();
    let is_pod = bad(pod.context());
    let names = pod.named(|container| bad(&container["securityContext"]));
    let contexts = pod
        .containers()
        .map(|container| &container["securityContext"]);
    for context in contexts
        .chain([pod.context()])
        .filter(|context| bad(context))
    {
        values.insert(text(&context["appArmorProfile"]["type"]));
    }
    let mut values: Vec<String> = values.into_iter().map(str::to_owned).collect();
    let annotations = pod.annotations().filter(|(key, value)| {
        key.starts_with("container.apparmor.security.beta.kubernetes.io/")
            && !value.is_empty()
            && *value != "runtime/default"
            && !value.starts_with("localhost/")
    });
    let mut annotations: Vec<String> = annotations
        .map(|(key, value)| format!("{key}={}", quoted(value)))
        .collect();
    annotations.sort();
    let mut who = setters(is_pod, &names);
    if !annotations.is_empty() {
        if !who.is_empty() {
            who.push_str(" and ");
        }
        who.push_str(plural("annotation", "annotations", annotations.len()));
        values.append(&mut annotations);
    }
    if who.is_empty() {
        return None;
    }
    let reason = plural(
        "forbidden AppArmor profile",
        "forbidden AppArmor profiles",
        values.len(),
    );
    let values = quote(&values);
    finding(
        reason,
        format!("{who} must not set AppArmor profile type to {values}"),
    )
}

const CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

fn capabilities(pod: &Pod<'_>, _version: u32) -> Option<Finding> {
    let bad = |container: &Value| {
        texts(&container["securityContext"]["capabilities"]["add"])
            .any(|name| !CAPABILITIES.contains(&name))
    };
    let names = pod.named(bad);
    let added: Texts<'_> = pod
        .containers()
        .flat_map(|container| texts(&container["securityContext"]["capabilities"]["add"]))
        .filter(|name| !CAPABILITIES.contains(name))
        .collect();
    if names.is_empty() {
        return None;
    }
    finding(
        "non-default capabilities",
        format!(
            "{} must not include {} in securityContext.capabilities.add",
            containers(&names),
            quote(added)
        ),
    )
}

fn host_namespaces(pod: &Pod<'_>, _version: u32) -> Option<Finding> {
    let set = ["hostNetwork", "hostPID", "hostIPC"]
        .into_iter()
        .filter(|name| pod.spec[*name] == true)
        .map(|name| format!("{name}=true"));
    let set: Vec<String> = set.collect();
    if set.is_empty() {
        return None;
    }
    finding("host namespaces", set.join(", "))
}

fn host_paths(pod: &Pod<'_>, _version: u32) -> Option<Finding> {
    let volumes = pod.spec["volumes"].as_array().into_iter().flatten();
    let names: Vec<&str> = volumes
        .filter(|volume| volume["hostPath"].is_object())
        .map(|volume| text(&volume["name"]))
        .collect();
    if names.is_empty() {
        return None;
    }
    let word = plural("volume", "volumes", names.len());
    finding("hostPath volumes", format!("{word} {}", quote(&names)))
}

fn host_ports(pod: &Pod<'_>, _version: u32) -> Option<Finding> {
    fn ports(container: &Value) -> impl Iterator<Item = i64> {
        let ports = container["ports"].as_array().into_iter().flatten();
        ports
            .filter_map(|port| port["hostPort"].as_i64())
            .filter(|port| *port != 0)
    }
    let names = pod.named(|container| ports(container).next().is_some());
    if names.is_empty() {
        return None;
    }
    let mut all: Vec<String> = pod
        .containers()
        .flat_map(ports)
        .map(|port| port.to_string())
        .collect();
    all.sort();
    all.dedup();
    finding(
        "hostPort",
        format!(
            "{} {} {} {}",
            containers(&names),
            plural("uses", "use", names.len()),
            plural("hostPort", "hostPorts", all.len()),
            all.join(", ")
        ),
    )
}

fn host_probes(pod: &Pod<'_>, _version: u32) -> Option<Finding> {
    fn hosts(container: &Value) -> Vec<&str> {
        let handlers = [
            &container["livenessProbe"],
            &container["readinessProbe"],
            &container["startupProbe"],
            &container["lifecycle"]["postStart"],
            &container["lifecycle"]["preStop"],
        ];
        let hosts = handlers.into_iter().flat_map(|handler| {
            ["httpGet", "tcpSocket"].map(|action| text(&handler[action]["host"]))
        });
        hosts.filter(|host| !host.is_empty()).collect()
    }
    let mut names = pod.named(|container| !hosts(container).is_empty());
    if names.is_empty() {
        return None;
    }
    names.sort_unstable();
    names.dedup();
    let all: Texts<'_> = pod.containers().flat_map(hosts).collect();
    finding(
        "probe or lifecycle host",
        format!(
            "{} {} {} {}",
            containers(&names),
            plural("uses", "use", names.len()),
            plural(
                "probe or lifecycle host",
                "probe or lifecycle hosts",
                all.len()
            ),
            quote(all)
        ),
    )
}

fn privileged(pod: &Pod<'_>, _version: u32) -> Option<Finding> {
    let names = pod.named(|container| container["securityContext"]["privileged"] == true);
    if names.is_empty() {
        return None;
    }
    let who = containers(&names);
    finding(
        "privileged",
        format!("{who} must not set securityContext.privileged=true"),
    )
}

fn proc_mount_relaxed(pod: &Pod<'_>, version: u32) -> Option<Finding> {
    if version >= 35 && pod.has_own_users() {
        return None;
    }
    proc_mount(pod, version)
}

/// Nothing of `/proc` is unmasked.
pub(super) fn proc_mount(pod: &Pod<'_>, _version: u32) -> Option<Finding> {
    fn unmasked(container: &Value) -> Option<&str> {
        let mount = container["securityContext"]["procMount"].as_str()?;
        (mount != "Default").then_some(mount)
    }
    let names = pod.named(|container| unmasked(container).is_some());
    if names.is_empty() {
        return None;
    }
    let mounts: Texts<'_> = pod.containers().filter_map(unmasked).collect();
    finding(
        "procMount",
        format!(
            "{} must not set securityContext.procMount to {}",
            containers(&names),
            quote(mounts)
        ),
    )
}

fn se_linux(pod: &Pod<'_>, version: u32) -> Option<Finding> {
    let is_good_type = |kind: &str| {
        matches!(
            kind,
            "" | "container_t" | "container_init_t" | "container_kvm_t"
        ) || version >= 31 && kind == "container_engine_t"
    };
    let bad = |context: &Value| {
        let options = &context["seLinuxOptions"];
        !is_good_type(text(&options["type"]))
            || !text(&options["user"]).is_empty()
            || !text(&options["role"]).is_empty()
    };
    let is_pod = bad(pod.context());
    let names = pod.named(|container| bad(&container["securityContext"]));
    if !is_pod && names.is_empty() {
        return None;
    }
    let contexts = pod
        .containers()
        .map(|container| &container["securityContext"]);
    let options: Vec<&Value> = contexts
        .chain([pod.context()])
        .map(|context| &context["seLinuxOptions"])
        .collect();
    let types: Texts<'_> = options
        .iter()
        .map(|options| text(&options["type"]))
        .filter(|kind| !is_good_type(kind))
        .collect();
    let mut data = Vec::new();
    if !types.is_empty() {
        let word = plural("type", "types", types.len());
        data.push(format!("{word} {}", quote(types)));
    }
    for name in ["user", "role"] {
        if options
            .iter()
            .any(|options| !text(&options[name]).is_empty())
        {
            data.push(format!("{name} may not be set"));
        }
    }
    finding(
        "seLinuxOptions",
        format!(
            "{} set forbidden securityContext.seLinuxOptions: {}",
            setters(is_pod, &names),
            data.join("; ")
        ),
    )
}

fn seccomp(pod: &Pod<'_>, version: u32) -> Option<Finding> {
    if version < 19 {
        return seccomp_annotations(pod);
    }
    seccomp_profiles(pod)
}

/// Whether a context has a seccomp profile, and a bad one.
pub(super) fn has_bad_seccomp(context: &Value) -> bool {
    let profile = &context["seccompProfile"];
    let kind = text(&profile["type"]);
    profile.is_object() && !matches!(kind, "Localhost" | "RuntimeDefault")
}

/// Whoever sets a seccomp profile sets a good one.
pub(super) fn seccomp_profiles(pod: &Pod<'_>) -> Option<Finding> {
    let is_pod = has_bad_seccomp(pod.context());
    let names = pod.named(|container| has_bad_seccomp(&container["securityContext"]));
    if !is_pod && names.is_empty() {
        return None;
    }
    let contexts = pod
        .containers()
        .map(|container| &container["securityContext"]);
    let kinds: Texts<'_> = contexts
        .chain([pod.context()])
        .filter(|context| has_bad_seccomp(context))
        .map(|context| text(&context["seccompProfile"]["type"]))
        .collect();
    finding(
        "seccompProfile",
        format!(
            "{} must not set securityContext.seccompProfile.type to {}",
            setters(is_pod, &names),
            quote(kinds)
        ),
    )
}

/// Before there was a field, annotations said it.
fn seccomp_annotations(pod: &Pod<'_>) -> Option<Finding> {
    let names: Vec<&str> = pod
        .containers()
        .map(|container| text(&container["name"]))
        .collect();
    let is_asked = |key: &str| {
        key == "seccomp.security.alpha.kubernetes.io/pod"
            || key
                .strip_prefix("container.seccomp.security.alpha.kubernetes.io/")
                .is_some_and(|name| names.contains(&name))
    };
    let is_good = |value: &str| {
        matches!(value, "runtime/default" | "docker/default") || value.starts_with("localhost/")
    };
    let mut bad: Vec<String> = pod
        .annotations()
        .filter(|(key, value)| is_asked(key) && !is_good(value))
        .map(|(key, value)| format!("{key}={}", quoted(value)))
        .collect();
    bad.sort();
    if bad.is_empty() {
        return None;
    }
    let word = plural("annotation", "annotations", bad.len());
    finding(
        "seccompProfile",
        format!("forbidden {word} {}", bad.join(", ")),
    )
}

/// Safe sysctls, with the version since which they are.
const SYSCTLS: [(&str, u32); 14] = [
    ("kernel.shm_rmid_forced", 0),
    ("net.ipv4.ip_local_port_range", 0),
    ("net.ipv4.tcp_syncookies", 0),
    ("net.ipv4.ping_group_range", 0),
    ("net.ipv4.ip_unprivileged_port_start", 0),
    ("net.ipv4.ip_local_reserved_ports", 27),
    ("net.ipv4.tcp_keepalive_time", 29),
    ("net.ipv4.tcp_fin_timeout", 29),
    ("net.ipv4.tcp_keepalive_intvl", 29),
    ("net.ipv4.tcp_keepalive_probes", 29),
    ("net.ipv4.tcp_rmem", 32),
    ("net.ipv4.tcp_wmem", 32),
    ("net.ipv4.tcp_slow_start_after_idle", 37),
    ("net.ipv4.tcp_notsent_lowat", 37),
];

fn sysctls(pod: &Pod<'_>, version: u32) -> Option<Finding> {
    let set = pod.context()["sysctls"].as_array().into_iter().flatten();
    let bad: Vec<&str> = set
        .map(|sysctl| text(&sysctl["name"]))
        .filter(|name| {
            !SYSCTLS
                .iter()
                .any(|(known, since)| known == name && version >= *since)
        })
        .collect();
    if bad.is_empty() {
        return None;
    }
    finding("forbidden sysctls", bad.join(", "))
}

fn host_process(pod: &Pod<'_>, _version: u32) -> Option<Finding> {
    let bad = |context: &Value| context["windowsOptions"]["hostProcess"] == true;
    let is_pod = bad(pod.context());
    let names = pod.named(|container| bad(&container["securityContext"]));
    if !is_pod && names.is_empty() {
        return None;
    }
    let who = setters(is_pod, &names);
    finding(
        "hostProcess",
        format!("{who} must not set securityContext.windowsOptions.hostProcess=true"),
    )
}
