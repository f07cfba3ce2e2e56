//! `/healthz`, `/livez`, `/readyz`: as a whole, check by check, and in words.
//!
//! The checks carry kube-apiserver's names, since probes ask for them by name. They pass as soon as
//! the server answers at all: an emulated part is either in the process or not.
//!
//! *Upstream:* `apiserver/pkg/server/healthz/healthz.go`.

use http::StatusCode;

use super::encode::{self, Answer};
use crate::object::quote::quoted;

/// The checks that all three know, in order.
const SHARED: [&str; 31] = [
    "poststarthook/start-apiserver-admission-initializer",
    "poststarthook/generic-apiserver-start-informers",
    "poststarthook/priority-and-fairness-config-consumer",
    "poststarthook/priority-and-fairness-filter",
    "poststarthook/storage-object-count-tracker-hook",
    "poststarthook/start-apiextensions-informers",
    "poststarthook/start-apiextensions-controllers",
    "poststarthook/crd-informer-synced",
    "poststarthook/start-system-namespaces-controller",
    "poststarthook/peer-endpoint-reconciler-controller",
    "poststarthook/start-cluster-authentication-info-controller",
    "poststarthook/start-kube-apiserver-identity-lease-controller",
    "poststarthook/start-kube-apiserver-identity-lease-garbage-collector",
    "poststarthook/storage-readiness",
    "poststarthook/start-legacy-token-tracking-controller",
    "poststarthook/start-service-ip-repair-controllers",
    "poststarthook/rbac/bootstrap-roles",
    "poststarthook/scheduling/bootstrap-system-priority-classes",
    "poststarthook/priority-and-fairness-config-producer",
    "poststarthook/bootstrap-controller",
    "poststarthook/start-kubernetes-service-cidr-controller",
    "poststarthook/start-kube-aggregator-informers",
    "poststarthook/apiservice-status-local-available-controller",
    "poststarthook/apiservice-status-remote-available-controller",
    "poststarthook/apiservice-registration-controller",
    "poststarthook/apiservice-discovery-controller",
    "poststarthook/kube-apiserver-autoregistration",
    "autoregister-completion",
    "poststarthook/apiservice-openapi-controller",
    "poststarthook/apiservice-openapiv3-controller",
    "etcd",
];

/// The checks of `healthz`, `livez` or `readyz`, in the order they are listed.
pub(super) fn checks(kind: &str) -> Vec<&'static str> {
    let (shared, etcd) = SHARED.split_at(SHARED.len() - 1);
    let mut out = vec!["ping", "log"];
    if kind == "readyz" {
        out.extend_from_slice(etcd);
        out.extend_from_slice(&["etcd-readiness", "informer-sync"]);
        out.extend_from_slice(shared);
        out.push("shutdown");
    } else {
        out.push("loopback-serving-certificate");
        out.extend_from_slice(etcd);
        out.extend_from_slice(shared);
    }
    out
}

/// The checks as metrics; each is counted as often as somebody has looked.
///
/// *Upstream:* `component-base/metrics/prometheus/slis`.
pub(super) fn slis(count: u64) -> String {
    let mut rows: Vec<(&str, &str)> = ["healthz", "livez", "readyz"]
        .into_iter()
        .flat_map(|kind| checks(kind).into_iter().map(move |check| (check, kind)))
        .collect();
    rows.sort_unstable();
    let mut out = "# HELP kubernetes_healthcheck [STABLE] This metric records the result of a \
                   single healthcheck.\n# TYPE kubernetes_healthcheck gauge\n"
        .to_owned();
    let gauge = |(check, kind): &(&str, &str)| {
        format!("kubernetes_healthcheck{{name={check:?},type={kind:?}}} 1\n")
    };
    let counter = |(check, kind): &(&str, &str)| {
        let labels = format!("name={check:?},status=\"success\",type={kind:?}");
        format!("kubernetes_healthchecks_total{{{labels}}} {count}\n")
    };
    out.extend(rows.iter().map(gauge));
    out.push_str(
        "# HELP kubernetes_healthchecks_total [STABLE] This metric records the results of all \
         healthcheck.\n# TYPE kubernetes_healthchecks_total counter\n",
    );
    out.extend(rows.iter().map(counter));
    out
}

/// Answers a health path. `check` is what follows the kind; empty for all of them.
pub(super) fn answer(kind: &str, check: &str, query: &[(String, String)]) -> Answer {
    let checks = checks(kind);
    if !check.is_empty() {
        return if checks.contains(&check) {
            encode::plain_text("ok")
        } else {
            encode::not_found()
        };
    }
    if !query.iter().any(|(key, _)| key == "verbose") {
        return encode::text(StatusCode::OK, "ok");
    }
    let mut excluded: Vec<&str> = query
        .iter()
        .filter(|(key, _)| key == "exclude")
        .map(|(_, value)| value.as_str())
        .collect();
    let mut out = String::new();
    for check in &checks {
        out.push_str("[+]");
        out.push_str(check);
        out.push_str(if excluded.contains(check) {
            " excluded: ok\n"
        } else {
            " ok\n"
        });
    }
    excluded.retain(|name| !checks.contains(name));
    excluded.sort_unstable();
    excluded.dedup();
    if !excluded.is_empty() {
        let names: Vec<String> = excluded.iter().map(|name| quoted(name)).collect();
        out.push_str("warn: some health checks cannot be excluded: no matches for ");
        out.push_str(&names.join(","));
        out.push('\n');
    }
    out.push_str(kind);
    out.push_str(" check passed\n");
    encode::text(StatusCode::OK, out)
}
