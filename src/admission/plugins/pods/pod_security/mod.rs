//! What pods may ask of their node, by the labels of their namespace: refused, warned of, or noted.
//!
//! *Upstream:* `pod-security-admission/admission/admission.go`,
//! `plugin/pkg/admission/security/podsecurity/admission.go`.

mod baseline;
mod check;
mod policy;
mod restricted;
mod settings;

use std::collections::BTreeMap;

use serde_json::Value;

use self::check::{Finding, Pod};
use self::policy::{Level, LevelVersion, Policy};
use self::settings::Settings;
use crate::admission::{Attributes, Operation, Plugin};
use crate::error::{ApiError, FieldErrors};
use crate::object::quote::quoted;
use crate::object::{GroupResource, GroupVersionKind, Key, Object};

/// The most pods of a namespace that a new level is checked against.
const PODS_MAX: usize = 3000;

/// What annotations of the audit event begin with.
const ANNOTATION: &str = "pod-security.kubernetes.io/";

/// The plugin.
#[derive(Clone, Debug, Default)]
pub(in crate::admission::plugins) struct PodSecurity(Settings);

impl PodSecurity {
    /// As a `PodSecurityConfiguration` says.
    pub(in crate::admission::plugins) fn configured(settings: &Value) -> Result<Self, String> {
        Settings::of(settings).map(Self)
    }
}

/// Kinds that make pods from a template, and where it stands.
const TEMPLATES: [(&str, &str, &[&str]); 8] = [
    ("", "replicationcontrollers", &["spec", "template"]),
    ("", "podtemplates", &["template"]),
    ("apps", "replicasets", &["spec", "template"]),
    ("apps", "deployments", &["spec", "template"]),
    ("apps", "statefulsets", &["spec", "template"]),
    ("apps", "daemonsets", &["spec", "template"]),
    ("batch", "jobs", &["spec", "template"]),
    (
        "batch",
        "cronjobs",
        &["spec", "jobTemplate", "spec", "template"],
    ),
];

impl Plugin for PodSecurity {
    fn name(&self) -> &'static str {
        "PodSecurity"
    }

    fn validate(&self, write: &Attributes, object: Option<&Object>) -> Result<(), ApiError> {
        let is_seen = matches!(write.operation, Operation::Create | Operation::Update);
        let (Some(object), true) = (object, is_seen) else {
            return Ok(());
        };
        let resource = write.resource.group_resource();
        match (resource.group.as_ref(), resource.resource.as_ref()) {
            ("", "namespaces") if write.subresource.is_empty() => self.namespace(write, object),
            ("", "pods") => self.pod(write, object),
            (group, plural) if write.subresource.is_empty() => {
                let template = TEMPLATES
                    .iter()
                    .find(|row| row.0 == group && row.1 == plural)
                    .and_then(|row| object.get(row.2));
                if let Some(template) = template.filter(|template| template.is_object()) {
                    self.controller(write, template);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl PodSecurity {
    /// What a namespace's labels ask for; `None` where it is not there.
    fn policy_of(&self, write: &Attributes) -> Option<(Policy, FieldErrors)> {
        let namespaces = GroupResource::new("", "namespaces");
        let stored = write
            .reader
            .get(&namespaces, &Key::new("", write.namespace))?;
        Some(Policy::of(|key| stored.label(key), self.0.defaults))
    }

    /// Labels must make sense, and pods that are there are held against a new level.
    fn namespace(&self, write: &Attributes, object: &Object) -> Result<(), ApiError> {
        let (new, errors) = Policy::of(|key| object.label(key), self.0.defaults);
        let refuse = |errors: &FieldErrors| {
            let kind = GroupVersionKind::new("", "v1", "Namespace");
            Err(ApiError::invalid(&kind, write.name, errors))
        };
        let Some(old) = write.old else {
            return if errors.is_empty() {
                Ok(())
            } else {
                refuse(&errors)
            };
        };
        let (old, old_errors) = Policy::of(|key| old.label(key), self.0.defaults);
        let texts = |errors: &FieldErrors| -> Vec<String> {
            errors
                .iter()
                .map(|error| format!("{}{}", error.field, error.body()))
                .collect()
        };
        if !errors.is_empty() && texts(&errors) != texts(&old_errors) {
            return refuse(&errors);
        }
        let [new, old] = [new.enforce, old.enforce];
        let is_eased = new.version == old.version && new.level <= old.level;
        let is_exempt = self.0.exempts_namespace(object.name());
        if new != old && new.level != Level::Privileged && !is_eased && !is_exempt {
            for warning in warnings(write, object.name(), new) {
                write.warn(warning);
            }
        }
        Ok(())
    }

    fn pod(&self, write: &Attributes, object: &Object) -> Result<(), ApiError> {
        if IGNORED.contains(&write.subresource) {
            return Ok(());
        }
        if let Some(why) = self.0.exempts(write.namespace, &write.user.name) {
            write.annotate(format!("{ANNOTATION}exempt"), why);
            return Ok(());
        }
        let Some((policy, errors)) = self.policy_of(write) else {
            let namespace = quoted(write.namespace);
            return Err(ApiError::internal(format!(
                "failed to lookup namespace {namespace}"
            )));
        };
        if errors.is_empty() && policy.is_privileged() {
            write.annotate(format!("{ANNOTATION}enforce-policy"), "privileged:latest");
            return Ok(());
        }
        let is_same = write.old.is_some_and(|old| !is_significant(object, old));
        if write.operation == Operation::Update && is_same {
            return Ok(());
        }
        let pod = Pod {
            metadata: object.get(&["metadata"]).unwrap_or(&Value::Null),
            spec: object.get(&["spec"]).unwrap_or(&Value::Null),
        };
        if self.0.exempts_class(pod.spec) {
            write.annotate(format!("{ANNOTATION}exempt"), "runtimeClass");
            return Ok(());
        }
        let enforced = policy.enforce;
        write.annotate(format!("{ANNOTATION}enforce-policy"), enforced.to_string());
        let findings = enforced.check(&pod);
        if findings.is_empty() {
            look(write, &policy, &pod, true);
            return Ok(());
        }
        look(write, &policy, &pod, false);
        let why = format!(
            "violates PodSecurity {}: {}",
            quoted(&enforced.to_string()),
            details(&findings)
        );
        let resource = write.resource.group_resource();
        Err(ApiError::forbidden(&resource, write.name, &why))
    }

    /// A template is never refused: its pods will be.
    fn controller(&self, write: &Attributes, template: &Value) {
        if self.is_exempt(write, &template["spec"]) {
            return;
        }
        if let Some((policy, _)) = self.policy_of(write) {
            let pod = Pod {
                metadata: &template["metadata"],
                spec: &template["spec"],
            };
            look(write, &policy, &pod, true);
        }
    }

    /// Whether nobody looks at a template, which is noted.
    fn is_exempt(&self, write: &Attributes, spec: &Value) -> bool {
        let by_class = || self.0.exempts_class(spec).then_some("runtimeClass");
        let why = self.0.exempts(write.namespace, &write.user.name);
        let why = why.or_else(by_class);
        if let Some(why) = why {
            write.annotate(format!("{ANNOTATION}exempt"), why);
        }
        why.is_some()
    }
}

/// The pods of a namespace that a level would refuse, each kind of trouble once.
fn warnings(write: &Attributes, namespace: &str, level: LevelVersion) -> Vec<String> {
    let pods = GroupResource::new("", "pods");
    let Ok(snapshot) = write.reader.snapshot(&pods, None) else {
        return vec!["failed to list pods while checking new PodSecurity enforce level".to_owned()];
    };
    let pods: Vec<Object> = snapshot
        .objects(Some(namespace), None)
        .map(|stored| stored.object())
        .collect();
    let mut found: BTreeMap<String, (String, usize)> = BTreeMap::new();
    for pod in prioritized(&pods).into_iter().take(PODS_MAX) {
        let spec = pod.get(&["spec"]).unwrap_or(&Value::Null);
        let metadata = pod.get(&["metadata"]).unwrap_or(&Value::Null);
        let findings = level.check(&Pod { metadata, spec });
        if findings.is_empty() {
            continue;
        }
        let reasons: Vec<&str> = findings
            .iter()
            .map(|finding| finding.reason.as_str())
            .collect();
        let entry = found
            .entry(reasons.join(", "))
            .or_insert_with(|| (pod.name().to_owned(), 0));
        if pod.name() < entry.0.as_str() {
            pod.name().clone_into(&mut entry.0);
        }
        entry.1 += 1;
    }
    let mut out = Vec::new();
    if pods.len() > PODS_MAX {
        out.push(format!(
            "new PodSecurity enforce level only checked against the first {PODS_MAX} of {} \
             existing pods",
            pods.len()
        ));
    }
    if !found.is_empty() {
        out.push(format!(
            "existing pods in namespace {} violate the new PodSecurity enforce level {}",
            quoted(namespace),
            quoted(&level.to_string())
        ));
    }
    let lines = found
        .into_iter()
        .map(|(reason, (name, count))| match count {
            1 => format!("{name}: {reason}"),
            2 => format!("{name} (and 1 other pod): {reason}"),
            _ => format!("{name} (and {} other pods): {reason}", count - 1),
        });
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    out.extend(lines);
    out
}

/// The first pod of each controller before all others of it.
fn prioritized(pods: &[Object]) -> Vec<&Object> {
    let mut seen: Vec<&str> = Vec::new();
    let (mut first, mut later) = (Vec::new(), Vec::new());
    for pod in pods {
        let owners = pod.items(&["metadata", "ownerReferences"]).iter();
        let controller = owners
            .filter(|owner| owner["controller"] == true)
            .find_map(|owner| owner["uid"].as_str());
        match controller {
            Some(uid) if seen.contains(&uid) => later.push(pod),
            Some(uid) => {
                seen.push(uid);
                first.push(pod);
            }
            None => first.push(pod),
        }
    }
    first.extend(later);
    first
}

/// Faces of a pod that do not change what it asks for.
const IGNORED: [&str; 8] = [
    "exec",
    "attach",
    "binding",
    "eviction",
    "log",
    "portforward",
    "proxy",
    "status",
];

/// Notes and warns as the namespace asks.
fn look(write: &Attributes, policy: &Policy, pod: &Pod<'_>, is_warned: bool) {
    let words = |level: LevelVersion, findings: &[Finding]| {
        let level = quoted(&level.to_string());
        format!("would violate PodSecurity {level}: {}", details(findings))
    };
    let audited = policy.audit.check(pod);
    if !audited.is_empty() {
        let key = format!("{ANNOTATION}audit-violations");
        write.annotate(key, words(policy.audit, &audited));
    }
    let findings = policy.warn.check(pod);
    if is_warned && !findings.is_empty() {
        write.warn(words(policy.warn, &findings));
    }
}

fn details(findings: &[Finding]) -> String {
    let parts = findings
        .iter()
        .map(|finding| match finding.detail.as_str() {
            "" => finding.reason.clone(),
            detail => format!("{} ({detail})", finding.reason),
        });
    parts.collect::<Vec<_>>().join(", ")
}

/// Whether an update changes what a pod runs.
fn is_significant(new: &Object, old: &Object) -> bool {
    let image = |container: &Value| container["image"].clone();
    let differ = |name: &str| {
        let (new, old) = (new.items(&["spec", name]), old.items(&["spec", name]));
        new.len() != old.len()
            || new
                .iter()
                .zip(old)
                .any(|(new, old)| image(new) != image(old))
    };
    let path = ["spec", "ephemeralContainers"];
    let has_new_ephemeral = new.items(&path).iter().any(|container| {
        let mut old = old.items(&path).iter();
        let same = old.find(|other| other["name"] == container["name"]);
        same.is_none_or(|same| image(same) != image(container))
    });
    differ("containers") || differ("initContainers") || has_new_ephemeral
}
