//! What is odd in a pod or in a template, but allowed.
//!
//! *Upstream:* `pkg/api/pod/warnings.go`, `pkg/api/node/util.go`.

use serde_json::Value;

use super::super::ip;
use super::super::look::Look;
use super::super::names::check_label_value;
use super::super::pod_spec::visit;
use super::super::quantity::Amount;
use super::{annotations, overlap};
use crate::object::FieldPath;

const DEPRECATED_LABELS: [(&str, &str); 8] = [
    (
        "beta.kubernetes.io/arch",
        "deprecated since v1.14; use \"kubernetes.io/arch\" instead",
    ),
    (
        "beta.kubernetes.io/os",
        "deprecated since v1.14; use \"kubernetes.io/os\" instead",
    ),
    (
        "failure-domain.beta.kubernetes.io/region",
        "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead",
    ),
    (
        "failure-domain.beta.kubernetes.io/zone",
        "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead",
    ),
    (
        "beta.kubernetes.io/instance-type",
        "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead",
    ),
    ("app.kubernetes.io/created-by", "deprecated since v1.9"),
    (
        "scheduler.alpha.kubernetes.io/preferAvoidPods",
        "deprecated since v1.22; use Taints and Tolerations instead",
    ),
    (
        "node-role.kubernetes.io/master",
        "use \"node-role.kubernetes.io/control-plane\" instead",
    ),
];

const DEPRECATED_ANNOTATIONS: [(&str, &str); 3] = [
    (
        "scheduler.alpha.kubernetes.io/critical-pod",
        "non-functional in v1.16+; use the \"priorityClassName\" field instead",
    ),
    (
        "security.alpha.kubernetes.io/sysctls",
        "non-functional in v1.11+; use the \"sysctls\" field instead",
    ),
    (
        "security.alpha.kubernetes.io/unsafe-sysctls",
        "non-functional in v1.11+; use the \"sysctls\" field instead",
    ),
];

const DEPRECATED_VOLUMES: [(&str, &str, &str); 9] = [
    (
        "photonPersistentDisk",
        "photonPersistentDisk",
        "deprecated in v1.11, non-functional in v1.16+",
    ),
    (
        "gitRepo",
        "gitRepo",
        "deprecated in v1.11, and disabled by default in v1.33+",
    ),
    (
        "scaleIO",
        "scaleIO",
        "deprecated in v1.16, non-functional in v1.22+",
    ),
    (
        "flocker",
        "flocker",
        "deprecated in v1.22, non-functional in v1.25+",
    ),
    (
        "storageos",
        "storageOS",
        "deprecated in v1.22, non-functional in v1.25+",
    ),
    (
        "quobyte",
        "quobyte",
        "deprecated in v1.22, non-functional in v1.25+",
    ),
    (
        "glusterfs",
        "glusterfs",
        "deprecated in v1.25, non-functional in v1.26+",
    ),
    (
        "cephfs",
        "cephfs",
        "deprecated in v1.28, non-functional in v1.31+",
    ),
    (
        "rbd",
        "rbd",
        "deprecated in v1.28, non-functional in v1.31+",
    ),
];

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// What a deprecated label of nodes says of itself.
pub fn deprecated_label(key: &str) -> Option<&'static str> {
    DEPRECATED_LABELS
        .iter()
        .find(|(label, _)| *label == key)
        .map(|(_, words)| *words)
}

/// The warnings of a pod (at the root), or of a template at a path.
pub fn warnings(path: &FieldPath, pod: &impl Look, is_template: bool) -> Vec<String> {
    let mut out = Vec::new();
    let (metadata, spec) = (pod.at("metadata"), pod.at("spec"));
    let spec_path = path.child("spec");
    node_labels(&spec_path, spec, &mut out);
    let metadata_path = path.child("metadata");
    let annotations_path = metadata_path.child("annotations");
    for (key, words) in DEPRECATED_ANNOTATIONS {
        if metadata.at("annotations").has(key) {
            out.push(format!("{}: {words}", annotations_path.key(key)));
        }
    }
    volumes(&spec_path, spec, &mut out);
    overlap::warn(spec.list("volumes"), &mut out);
    duplicates(&spec_path, spec, &mut out);
    let overhead = spec_path.child("overhead");
    fractions(&overhead, spec.at("overhead"), &mut out);
    containers(
        &spec_path,
        &annotations_path,
        metadata,
        spec,
        is_template,
        &mut out,
    );
    ports(&spec_path, spec, &mut out);
    if spec.number("terminationGracePeriodSeconds") < 0 {
        out.push(format!(
            "{}: must be >= 0; negative values are invalid and will be treated as 1",
            spec_path.child("terminationGracePeriodSeconds")
        ));
    }
    pod_affinity(&spec_path, spec, &mut out);
    addresses(&spec_path, spec, &mut out);
    out
}

fn node_labels(path: &FieldPath, spec: &Value, out: &mut Vec<String>) {
    for (key, _) in spec.entries("nodeSelector") {
        if let Some(words) = deprecated_label(key) {
            let path = path.child("nodeSelector");
            out.push(format!("{}: {words}", path.key(key)));
        }
    }
    let nodes = spec.at("affinity").at("nodeAffinity");
    let affinity = path.child("affinity");
    let affinity = affinity.child("nodeAffinity");
    let required = affinity.child(REQUIRED);
    let required = required.child("nodeSelectorTerms");
    let terms = nodes.at(REQUIRED).list("nodeSelectorTerms");
    for (i, term) in terms.iter().enumerate() {
        selector_term(&required.index(i), term, false, out);
    }
    let preferred = affinity.child(PREFERRED);
    for (i, term) in nodes.list(PREFERRED).iter().enumerate() {
        let path = preferred.index(i);
        selector_term(&path.child("preference"), term.at("preference"), true, out);
    }
    let constraints = path.child("topologySpreadConstraints");
    for (i, constraint) in spec.list("topologySpreadConstraints").iter().enumerate() {
        let path = constraints.index(i);
        let key = constraint.text("topologyKey");
        if let Some(words) = deprecated_label(key) {
            out.push(format!("{}: {key} is {words}", path.child("topologyKey")));
        }
        null_selector(&path, constraint, out);
    }
}

fn null_selector(path: &FieldPath, holder: &Value, out: &mut Vec<String>) {
    if !holder.has("labelSelector") {
        let path = path.child("labelSelector");
        out.push(format!(
            "{path}: a null labelSelector results in matching no pod"
        ));
    }
}

fn selector_term(path: &FieldPath, term: &Value, checks_values: bool, out: &mut Vec<String>) {
    let expressions = path.child("matchExpressions");
    for (i, expression) in term.list("matchExpressions").iter().enumerate() {
        let path = expressions.index(i);
        let key = expression.text("key");
        if let Some(words) = deprecated_label(key) {
            out.push(format!("{}: {key} is {words}", path.child("key")));
        }
        if !checks_values {
            continue;
        }
        let values = path.child("values");
        for (j, value) in expression.texts("values").enumerate() {
            for wrong in check_label_value(value) {
                out.push(format!("{}: {value} is invalid, {wrong}", values.index(j)));
            }
        }
    }
}

fn volumes(path: &FieldPath, spec: &Value, out: &mut Vec<String>) {
    let all = path.child("volumes");
    for (i, volume) in spec.list("volumes").iter().enumerate() {
        let path = all.index(i);
        for (field, shown, words) in DEPRECATED_VOLUMES {
            if volume.has(field) {
                out.push(format!("{}: {words}", path.child(shown)));
            }
        }
        let template = volume.at("ephemeral").at("volumeClaimTemplate");
        if !template.is_null() {
            let ephemeral = path.child("ephemeral");
            let template_path = ephemeral.child("volumeClaimTemplate");
            claim_spec(&template_path.child("spec"), template.at("spec"), out);
        }
    }
}

/// The warnings of a claim to storage.
pub fn claim_spec(path: &FieldPath, spec: &Value, out: &mut Vec<String>) {
    let path = path.child("resources");
    for which in ["requests", "limits"] {
        let amount = spec.at("resources").at(which).at("storage");
        fraction(&path.child(which).key("storage"), amount, out);
    }
}

fn fraction(path: &FieldPath, amount: &Value, out: &mut Vec<String>) {
    let is_fraction = amount
        .as_str()
        .and_then(Amount::parse)
        .is_some_and(|amount| !amount.is_whole());
    if is_fraction {
        let text = amount.as_str().unwrap_or("");
        out.push(format!(
            "{path}: fractional byte value {text:?} is invalid, must be an integer"
        ));
    }
}

/// Fractions of bytes among amounts.
fn fractions(path: &FieldPath, amounts: &Value, out: &mut Vec<String>) {
    for name in ["memory", "ephemeral-storage"] {
        fraction(&path.key(name), amounts.at(name), out);
    }
}

fn duplicates(path: &FieldPath, spec: &Value, out: &mut Vec<String>) {
    for (field, key) in [("hostAliases", "ip"), ("imagePullSecrets", "name")] {
        let list = spec.list(field);
        let path = path.child(field);
        for (i, item) in list.iter().enumerate() {
            let text = item.text(key);
            if list[..i].iter().any(|other| other.text(key) == text) {
                let path = path.index(i);
                out.push(format!("{}: duplicate {key} {text:?}", path.child(key)));
            }
        }
    }
    let path = path.child("imagePullSecrets");
    for (i, secret) in spec.list("imagePullSecrets").iter().enumerate() {
        if secret.text("name").is_empty() {
            let path = path.index(i);
            out.push(format!("{}: invalid empty name \"\"", path.child("name")));
        }
    }
}

fn containers(
    path: &FieldPath,
    annotations_path: &FieldPath,
    metadata: &Value,
    spec: &Value,
    is_template: bool,
    out: &mut Vec<String>,
) {
    const SECCOMP: &str = "non-functional in v1.27+; use the \"seccompProfile\" field instead";
    let annotations = metadata.at("annotations");
    let of_pod = spec.at("securityContext");
    if !of_pod.has("seccompProfile") && annotations.has(annotations::SECCOMP_POD) {
        let path = annotations_path.key(annotations::SECCOMP_POD);
        out.push(format!("{path}: {SECCOMP}"));
    }
    visit(spec, path, &mut |container, path| {
        let context = container.at("securityContext");
        if annotations.is_object() {
            let name = container.text("name");
            let key = format!("{}{name}", annotations::SECCOMP_CONTAINER);
            if !context.has("seccompProfile") && annotations.has(&key) {
                out.push(format!("{}: {SECCOMP}", annotations_path.key(&key)));
            }
            let key = format!("{}{name}", annotations::APP_ARMOR);
            if is_template
                && !context.has("appArmorProfile")
                && let Some(text) = annotations.maybe_text(&key)
                && of_pod.maybe("appArmorProfile") != annotations::app_armor_field(text).as_ref()
            {
                out.push(format!(
                    "{}: deprecated since v1.30; use the \"appArmorProfile\" field instead",
                    annotations_path.key(&key)
                ));
            }
        }
        let resources = path.child("resources");
        for name in ["memory", "ephemeral-storage"] {
            for which in ["limits", "requests"] {
                let amount = container.at("resources").at(which).at(name);
                fraction(&resources.child(which).key(name), amount, out);
            }
        }
        variables(&path.child("env"), container.list("env"), out);
    });
}

fn variables(path: &FieldPath, list: &[Value], out: &mut Vec<String>) {
    for (i, variable) in list.iter().enumerate() {
        let name = variable.text("name");
        if !list[..i].iter().any(|other| other.text("name") == name) {
            continue;
        }
        // Building on the earlier value is what a second definition is for.
        let reference = format!("$({name})");
        let value = variable.text("value");
        if variable.has("valueFrom") || value == reference || !value.contains(&reference) {
            out.push(format!(
                "{}: hides previous definition of {name:?}, which may be dropped when using apply",
                path.index(i)
            ));
        }
    }
}

fn ports(path: &FieldPath, spec: &Value, out: &mut Vec<String>) {
    struct Port<'a> {
        place: String,
        port: &'a Value,
    }
    let lists = ["initContainers", "containers", "ephemeralContainers"];
    let mut all: Vec<Port> = Vec::new();
    for field in lists {
        let list_path = path.child(field);
        for (i, container) in spec.list(field).iter().enumerate() {
            let container_path = list_path.index(i);
            let ports = container_path.child("ports");
            for (j, port) in container.list("ports").iter().enumerate() {
                let place = ports.index(j).to_string();
                all.push(Port { place, port });
            }
        }
    }
    for (i, Port { place, port }) in all.iter().enumerate() {
        let (ip, number) = (port.text("hostIP"), port.number("hostPort"));
        if !ip.is_empty() && number == 0 {
            let (name, protocol) = (port.text("name"), port.text("protocol"));
            let container_port = port.number("containerPort");
            out.push(format!(
                "{place}: hostIP set without hostPort: {{Name:{name} HostPort:0 \
                 ContainerPort:{container_port} Protocol:{protocol} HostIP:{ip}}}"
            ));
        }
        let same = |other: &&Port| {
            other.port.number("containerPort") == port.number("containerPort")
                && other.port.text("protocol") == port.text("protocol")
        };
        for other in all[..i].iter().filter(same) {
            let (other_ip, other_number) =
                (other.port.text("hostIP"), other.port.number("hostPort"));
            let what = if ip == other_ip && number == other_number {
                "duplicate"
            } else if number == 0 || other_number == 0 {
                "overlapping"
            } else if number == other_number && ip.is_empty() != other_ip.is_empty() {
                "dangerously ambiguous"
            } else {
                continue;
            };
            out.push(format!(
                "{place}: {what} port definition with {}",
                other.place
            ));
        }
    }
    for (i, Port { place, port }) in all.iter().enumerate() {
        let name = port.text("name");
        let first = all[..i]
            .iter()
            .find(|other| other.port.text("name") == name);
        if let Some(Port { place: other, .. }) = first.filter(|_| !name.is_empty()) {
            out.push(format!(
                "{place}: duplicate port name {name:?} with {other}, services and probes that \
                 select ports by name will use {other}"
            ));
        }
    }
}

fn pod_affinity(path: &FieldPath, spec: &Value, out: &mut Vec<String>) {
    let affinity = path.child("affinity");
    for kind in ["podAffinity", "podAntiAffinity"] {
        let holder = spec.at("affinity").at(kind);
        let kind_path = affinity.child(kind);
        let path = kind_path.child(REQUIRED);
        for (i, term) in holder.list(REQUIRED).iter().enumerate() {
            null_selector(&path.index(i), term, out);
        }
        let path = kind_path.child(PREFERRED);
        for (i, term) in holder.list(PREFERRED).iter().enumerate() {
            let path = path.index(i);
            null_selector(
                &path.child("podAffinityTerm"),
                term.at("podAffinityTerm"),
                out,
            );
        }
    }
}

fn addresses(path: &FieldPath, spec: &Value, out: &mut Vec<String>) {
    let dns = path.child("dnsConfig");
    let servers = dns.child("nameservers");
    for (i, server) in spec.at("dnsConfig").texts("nameservers").enumerate() {
        out.extend(ip::warning(&servers.index(i), server));
    }
    let aliases = path.child("hostAliases");
    for (i, alias) in spec.list("hostAliases").iter().enumerate() {
        let path = aliases.index(i);
        out.extend(ip::warning(&path.child("ip"), alias.text("ip")));
    }
}
