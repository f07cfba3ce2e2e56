//! The checks of level `restricted` beyond those of `baseline`: what is good practice.
//!
//! *Upstream:* `pod-security-admission/policy/check_*.go`.

use serde_json::Value;

use super::baseline::{has_bad_seccomp, proc_mount, seccomp_profiles};
use super::check::{Finding, Pod, Texts, containers, finding, plural, quote, setters, text, texts};

type Check = fn(&Pod<'_>, u32) -> Option<Finding>;

/// Every check, with the version it came with and the check of `baseline` that it covers.
const CHECKS: [(u32, &str, Check); 7] = [
    (8, "", allow_privilege_escalation),
    (22, "capabilities_baseline", capabilities),
    (35, "procMount", proc_mount),
    (0, "hostPathVolumes", volumes),
    (0, "", run_as_non_root),
    (23, "", run_as_user),
    (19, "seccompProfile_baseline", seccomp),
];

/// The checks of `baseline` that a version covers.
pub(super) fn covered(version: u32) -> Vec<&'static str> {
    let rows = CHECKS.iter().filter(|(since, _, _)| version >= *since);
    rows.map(|(_, covered, _)| *covered).collect()
}

/// What the checks of a version find.
pub(super) fn check(pod: &Pod<'_>, version: u32) -> Vec<Finding> {
    let rows = CHECKS.iter().filter(|(since, _, _)| version >= *since);
    rows.filter_map(|(_, _, check)| check(pod, version))
        .collect()
}

fn allow_privilege_escalation(pod: &Pod<'_>, version: u32) -> Option<Finding> {
    if version >= 25 && pod.is_windows() {
        return None;
    }
    let names =
        pod.named(|container| container["securityContext"]["allowPrivilegeEscalation"] != false);
    if names.is_empty() {
        return None;
    }
    let who = containers(&names);
    finding(
        "allowPrivilegeEscalation != false",
        format!("{who} must set securityContext.allowPrivilegeEscalation=false"),
    )
}

/// The capabilities that a container adds, but for the one that is harmless.
fn added(container: &Value) -> impl Iterator<Item = &str> {
    texts(&container["securityContext"]["capabilities"]["add"])
        .filter(|name| *name != "NET_BIND_SERVICE")
}

fn capabilities(pod: &Pod<'_>, version: u32) -> Option<Finding> {
    if version >= 25 && pod.is_windows() {
        return None;
    }
    let keeping = pod.named(|container| {
        !texts(&container["securityContext"]["capabilities"]["drop"]).any(|name| name == "ALL")
    });
    let adding = pod.named(|container| added(container).next().is_some());
    let mut details = Vec::new();
    if !keeping.is_empty() {
        let who = containers(&keeping);
        details.push(format!(
            "{who} must set securityContext.capabilities.drop=[\"ALL\"]"
        ));
    }
    if !adding.is_empty() {
        let names: Texts<'_> = pod.containers().flat_map(added).collect();
        details.push(format!(
            "{} must not include {} in securityContext.capabilities.add",
            containers(&adding),
            quote(names)
        ));
    }
    if details.is_empty() {
        return None;
    }
    finding("unrestricted capabilities", details.join("; "))
}

/// Sources of volumes that are good.
const GOOD_VOLUMES: [&str; 9] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// Sources of volumes that are not, in the order in which one volume's are looked for.
const BAD_VOLUMES: [&str; 21] = [
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "gitRepo",
    "nfs",
    "iscsi",
    "glusterfs",
    "rbd",
    "flexVolume",
    "cinder",
    "cephfs",
    "flocker",
    "fc",
    "azureFile",
    "vsphereVolume",
    "quobyte",
    "azureDisk",
    "photonPersistentDisk",
    "portworxVolume",
    "scaleIO",
    "storageos",
];

fn volumes(pod: &Pod<'_>, _version: u32) -> Option<Finding> {
    let has = |volume: &Value, source: &str| volume[source].is_object();
    let all = pod.spec["volumes"].as_array().into_iter().flatten();
    let bad: Vec<&Value> = all
        .filter(|volume| !GOOD_VOLUMES.iter().any(|source| has(volume, source)))
        .collect();
    if bad.is_empty() {
        return None;
    }
    let names: Vec<&str> = bad.iter().map(|volume| text(&volume["name"])).collect();
    let kinds: Texts<'_> = bad
        .iter()
        .map(|volume| {
            let mut known = BAD_VOLUMES.into_iter();
            known
                .find(|source| has(volume, source))
                .unwrap_or("unknown")
        })
        .collect();
    finding(
        "restricted volume types",
        format!(
            "{} {} {} {} {}",
            plural("volume", "volumes", names.len()),
            quote(&names),
            plural("uses", "use", names.len()),
            plural(
                "restricted volume type",
                "restricted volume types",
                kinds.len()
            ),
            quote(kinds)
        ),
    )
}

fn run_as_non_root(pod: &Pod<'_>, version: u32) -> Option<Finding> {
    if version >= 35 && pod.has_own_users() {
        return None;
    }
    let own = |container: &Value| container["securityContext"]["runAsNonRoot"].as_bool();
    let of_pod = pod.context()["runAsNonRoot"].as_bool();
    let bad = pod.named(|container| own(container) == Some(false));
    let is_pod = of_pod == Some(false);
    if is_pod || !bad.is_empty() {
        let who = setters(is_pod, &bad);
        return finding(
            "runAsNonRoot != true",
            format!("{who} must not set securityContext.runAsNonRoot=false"),
        );
    }
    let silent = pod.named(|container| own(container).is_none() && of_pod != Some(true));
    if silent.is_empty() {
        return None;
    }
    let who = containers(&silent);
    finding(
        "runAsNonRoot != true",
        format!("pod or {who} must set securityContext.runAsNonRoot=true"),
    )
}

fn run_as_user(pod: &Pod<'_>, version: u32) -> Option<Finding> {
    if version >= 35 && pod.has_own_users() {
        return None;
    }
    let bad = |context: &Value| context["runAsUser"] == 0;
    let is_pod = bad(pod.context());
    let names = pod.named(|container| bad(&container["securityContext"]));
    if !is_pod && names.is_empty() {
        return None;
    }
    let who = setters(is_pod, &names);
    finding("runAsUser=0", format!("{who} must not set runAsUser=0"))
}

fn seccomp(pod: &Pod<'_>, version: u32) -> Option<Finding> {
    if version >= 25 && pod.is_windows() {
        return None;
    }
    if let Some(bad) = seccomp_profiles(pod) {
        return Some(bad);
    }
    let is_set = |context: &Value| context["seccompProfile"].is_object();
    if is_set(pod.context()) && !has_bad_seccomp(pod.context()) {
        return None;
    }
    let silent = pod.named(|container| !is_set(&container["securityContext"]));
    if silent.is_empty() {
        return None;
    }
    let who = containers(&silent);
    finding(
        "seccompProfile",
        format!(
            "pod or {who} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \
             \"Localhost\""
        ),
    )
}
