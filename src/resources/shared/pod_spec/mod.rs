//! The spec of a pod, in a pod or in a template: everything that can be wrong with it.
//!
//! Fields behind alpha gates are dropped before (`super::pod_disabled`), so that nothing here
//! looks at them.
//!
//! *Invariant:* a valid spec is checked without an allocation but for the list of its volumes.
//! *Upstream:* `pkg/apis/core/validation/validation.go` (`ValidatePodSpec`).

pub mod affinity;
mod container;
mod containers;
mod environment;
mod handler;
mod mount;
pub mod pod_resources;
pub mod projected;
pub mod resources;
pub mod scheduling;
pub mod security;
pub mod volume;
pub(super) mod volume_source;
mod windows;

use serde_json::Value;

use super::label_selector::labels;
use super::look::Look;
use super::names::{check_subdomain, label, range, report, required_one_of, subdomain};
use crate::error::FieldErrors;
use crate::object::FieldPath;
use crate::schema::go_struct;

/// Whose spec it is.
#[derive(Clone, Copy, Debug)]
pub enum Owner<'a> {
    /// A pod, with its metadata.
    Pod(&'a Value),
    /// A template of pods.
    Template,
}

/// What the parts of a spec are checked against.
struct Pod<'a> {
    /// The valid volumes.
    volumes: Vec<&'a Value>,
    /// Names of the resource claims.
    claims: Vec<&'a str>,
    /// `terminationGracePeriodSeconds`.
    grace: Option<i64>,
    /// `restartPolicy`.
    restart_policy: &'a str,
    /// Whether users in the pod are users of the host.
    host_users: bool,
}

impl<'a> Pod<'a> {
    /// The valid volume of a name.
    fn volume(&self, name: &str) -> Option<&'a Value> {
        self.volumes
            .iter()
            .find(|volume| volume.text("name") == name)
            .copied()
    }
}

/// Visits all containers in the order upstream does: initial, regular, ephemeral.
pub fn visit(spec: &Value, path: &FieldPath, visitor: &mut dyn FnMut(&Value, &FieldPath)) {
    for field in ["initContainers", "containers", "ephemeralContainers"] {
        let list = path.child(field);
        for (i, container) in spec.list(field).iter().enumerate() {
            visitor(container, &list.index(i));
        }
    }
}

/// Everything that is wrong with a spec.
pub fn validate(errors: &mut FieldErrors, path: &FieldPath, spec: &Value, owner: Owner) {
    let grace = spec.integer("terminationGracePeriodSeconds");
    if grace.is_none() {
        errors.required(&path.child("terminationGracePeriodSeconds"), "");
    }
    let metadata = match owner {
        Owner::Pod(metadata) => Some(metadata),
        Owner::Template => None,
    };
    let name = metadata.map_or("", |metadata| metadata.text("name"));
    let pod = Pod {
        volumes: volume::volumes(errors, &path.child("volumes"), spec.list("volumes"), name),
        claims: spec
            .list("resourceClaims")
            .iter()
            .map(|claim| claim.text("name"))
            .filter(|name| !name.is_empty())
            .collect(),
        grace,
        restart_policy: spec.text("restartPolicy"),
        host_users: spec.flag("hostUsers").unwrap_or(true),
    };
    resource_claims(errors, &path.child("resourceClaims"), spec, metadata);
    all_containers(errors, path, spec, &pod);
    pod_resources::check(errors, path, spec, &pod.claims);
    host_network(errors, &path.child("containers"), spec, metadata.is_some());
    security::restart_policy(errors, &path.child("restartPolicy"), pod.restart_policy);
    required_one_of(
        errors,
        &path.child("dnsPolicy"),
        spec.text("dnsPolicy"),
        &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"],
    );
    labels(errors, &path.child("nodeSelector"), spec.at("nodeSelector"));
    security::pod(errors, &path.child("securityContext"), spec);
    if spec.is_true("hostPID") && spec.is_true("shareProcessNamespace") {
        errors.invalid(
            &path.child("shareProcessNamespace"),
            &true.into(),
            "ShareProcessNamespace and HostPID cannot both be enabled",
        );
    }
    if let Some(value) = spec.maybe("affinity") {
        affinity::affinity(errors, &path.child("affinity"), value);
    }
    places(errors, path, spec);
    names(errors, path, spec);
    scheduling::host_aliases(errors, &path.child("hostAliases"), spec.list("hostAliases"));
    classes(errors, path, spec, &pod);
    windows::operating_system(errors, path, spec);
    environment::variable_files(errors, path, spec);
}

fn all_containers(errors: &mut FieldErrors, path: &FieldPath, spec: &Value, pod: &Pod) {
    let regular = spec.list("containers");
    containers::regular(errors, &path.child("containers"), regular, pod);
    let initial = spec.list("initContainers");
    containers::init(errors, &path.child("initContainers"), initial, regular, pod);
    let ephemeral = spec.list("ephemeralContainers");
    let path = path.child("ephemeralContainers");
    containers::ephemeral(errors, &path, ephemeral, spec, pod);
}

/// DNS, gates, spread, and what goes with the host.
fn places(errors: &mut FieldErrors, path: &FieldPath, spec: &Value) {
    scheduling::dns(errors, &path.child("dnsConfig"), spec);
    let gates = spec.list("readinessGates");
    scheduling::readiness_gates(errors, &path.child("readinessGates"), gates);
    let gates = spec.list("schedulingGates");
    scheduling::gates(errors, &path.child("schedulingGates"), gates);
    let constraints = spec.list("topologySpreadConstraints");
    scheduling::spread(
        errors,
        &path.child("topologySpreadConstraints"),
        constraints,
    );
    windows::host_processes(errors, path, spec);
    own_users(errors, path, spec);
    if let Some(name) = spec.maybe_text("hostnameOverride") {
        let path = path.child("hostnameOverride");
        for field in ["setHostnameAsFQDN", "hostNetwork"] {
            if spec.is_true(field) {
                let detail = format!("may not be specified when {field} is true");
                errors.forbidden(&path, detail);
            }
        }
        if name.len() > 64 {
            errors.too_long(&path, 64);
        }
        subdomain(errors, &path, name);
    }
}

/// Users of its own do not go with namespaces of the host.
fn own_users(errors: &mut FieldErrors, path: &FieldPath, spec: &Value) {
    const WHY: &str = "when `hostUsers` is false";
    if spec.flag("hostUsers") != Some(false) {
        return;
    }
    let fields = [
        ("hostNetwork", "hostNetwork"),
        ("hostPID", "HostPID"),
        ("hostIPC", "HostIPC"),
    ];
    for (field, shown) in fields {
        if spec.is_true(field) {
            errors.forbidden(&path.child(shown), WHY);
        }
    }
    visit(spec, path, &mut |container, path| {
        if !container.list("volumeDevices").is_empty() {
            errors.forbidden(&path.child("volumeDevices"), WHY);
        }
    });
}

/// Names in a spec, and its deadline.
fn names(errors: &mut FieldErrors, path: &FieldPath, spec: &Value) {
    let account = spec.text("serviceAccountName");
    for field in ["serviceAccountName", "nodeName"] {
        let name = spec.text(field);
        if field == "nodeName" && spec.text("serviceAccount") != account {
            errors.invalid(
                &path.child("deprecatedServiceAccount"),
                spec.at("serviceAccount"),
                format!("must be the same as serviceAccountName: {account:?}"),
            );
        }
        if !name.is_empty() {
            report(errors, &path.child(field), name, check_subdomain(name));
        }
    }
    if let Some(seconds) = spec.integer("activeDeadlineSeconds") {
        let most = i64::from(i32::MAX);
        if !(1..=most).contains(&seconds) {
            let path = path.child("activeDeadlineSeconds");
            errors.invalid(&path, &seconds.into(), range(1, most));
        }
    }
    for field in ["hostname", "subdomain"] {
        let name = spec.text(field);
        if !name.is_empty() {
            label(errors, &path.child(field), name);
        }
    }
    scheduling::tolerations(errors, &path.child("tolerations"), spec.list("tolerations"));
}

fn classes(errors: &mut FieldErrors, path: &FieldPath, spec: &Value, pod: &Pod) {
    let priority = spec.text("priorityClassName");
    if !priority.is_empty() {
        let path = path.child("priorityClassName");
        report(errors, &path, priority, check_subdomain(priority));
    }
    if let Some(runtime) = spec.maybe_text("runtimeClassName") {
        let path = path.child("runtimeClassName");
        report(errors, &path, runtime, check_subdomain(runtime));
    }
    if let Some(policy) = spec.maybe_text("preemptionPolicy") {
        let path = path.child("preemptionPolicy");
        required_one_of(errors, &path, policy, &["PreemptLowerPriority", "Never"]);
    }
    if let Some(overhead) = spec.maybe("overhead") {
        let as_limits = serde_json::json!({ "limits": overhead });
        let path = path.child("overhead");
        let holder = resources::Holder::Container;
        resources::requirements(errors, &path, &as_limits, holder, &pod.claims);
    }
}

/// On the host's network a container's port is the host's; a template may leave that open.
fn host_network(errors: &mut FieldErrors, path: &FieldPath, spec: &Value, is_pod: bool) {
    if !spec.is_true("hostNetwork") {
        return;
    }
    for (i, container) in spec.list("containers").iter().enumerate() {
        let item = path.index(i);
        let ports = item.child("ports");
        for (j, port) in container.list("ports").iter().enumerate() {
            let host = port.number("hostPort");
            if (is_pod || host != 0) && host != port.number("containerPort") {
                errors.invalid(
                    &ports.index(j).child("hostPort"),
                    &host.into(),
                    "must match `containerPort` when `hostNetwork` is true",
                );
            }
        }
    }
}

fn resource_claims(
    errors: &mut FieldErrors,
    path: &FieldPath,
    spec: &Value,
    metadata: Option<&Value>,
) {
    let list = spec.list("resourceClaims");
    let is_mirror = metadata.is_some_and(|metadata| {
        metadata
            .at("annotations")
            .has("kubernetes.io/config.mirror")
    });
    for (i, claim) in list.iter().enumerate() {
        if is_mirror {
            let path = FieldPath::new("");
            errors.forbidden(&path, "static pods do not support resource claims");
            continue;
        }
        let path = path.index(i);
        let name = claim.text("name");
        if name.is_empty() {
            errors.required(&path.child("name"), "");
        } else if list[..i].iter().any(|other| other.text("name") == name) {
            errors.duplicate(&path.child("name"), &name.into());
        } else {
            label(errors, &path.child("name"), name);
        }
        let sources = ["resourceClaimName", "resourceClaimTemplateName"];
        match sources.iter().filter(|field| claim.has(field)).count() {
            0 => errors.invalid_text(
                &path,
                go_struct::print("core.PodResourceClaim", claim),
                "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`",
            ),
            1 => {}
            _ => errors.invalid_text(
                &path,
                go_struct::print("core.PodResourceClaim", claim),
                "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be \
                 specified",
            ),
        }
        for field in sources {
            if let Some(name) = claim.maybe_text(field) {
                report(errors, &path.child(field), name, check_subdomain(name));
            }
        }
    }
}
