//! Who may do what: RBAC, certificates, admission, and the kinds that extend the API.
//!
//! *Upstream:* `pkg/printers/internalversion/printers.go`, and the table convertors of
//! `apiextensions-apiserver/pkg/registry/customresourcedefinition` and
//! `kube-aggregator/pkg/registry/apiservice`.

use jiff::Timestamp;
use serde_json::Value;

use super::shared::{self, NONE, UNSET};
use crate::object::{Object, time};
use crate::registry::Printer;

pub(super) const ROLE_BINDING: Printer = Printer::new("rbac.RoleBinding", binding);
pub(super) const CLUSTER_ROLE_BINDING: Printer = Printer::new("rbac.ClusterRoleBinding", binding);

fn binding(object: &Object, now: Timestamp) -> Vec<Value> {
    let role = |field: &str| object.text(&["roleRef", field]);
    let subjects = |kind: &str| -> Value {
        let subjects = object.items(&["subjects"]).iter();
        let of_kind = subjects.filter(|subject| subject["kind"] == kind);
        let texts = of_kind.map(|subject| {
            let part = |field: &str| subject[field].as_str().unwrap_or("");
            match kind {
                "ServiceAccount" => format!("{}/{}", part("namespace"), part("name")),
                _ => part("name").to_owned(),
            }
        });
        texts.collect::<Vec<_>>().join(", ").into()
    };
    vec![
        shared::name(object),
        format!("{}/{}", role("kind"), role("name")).into(),
        shared::age(object, now),
        subjects("User"),
        subjects("Group"),
        subjects("ServiceAccount"),
    ]
}

pub(super) const CERTIFICATE_SIGNING_REQUEST: Printer =
    Printer::new("certificates.CertificateSigningRequest", |object, now| {
        let duration = object.integer(&["spec", "expirationSeconds"]);
        let duration = duration.map_or(NONE.to_owned(), time::human_duration);
        let has = |kind: &str| shared::condition(object, kind).is_some();
        let mut status = if has("Denied") {
            "Denied".to_owned()
        } else if has("Approved") {
            "Approved".to_owned()
        } else {
            "Pending".to_owned()
        };
        if has("Failed") {
            status.push_str(",Failed");
        }
        if !object.text(&["status", "certificate"]).is_empty() {
            status.push_str(",Issued");
        }
        vec![
            shared::name(object),
            shared::age(object, now),
            shared::filled_or(object, &["spec", "signerName"], NONE),
            shared::text(object, &["spec", "username"]),
            duration.into(),
            status.into(),
        ]
    });

pub(super) const CLUSTER_TRUST_BUNDLE: Printer =
    Printer::new("certificates.ClusterTrustBundle", |object, _| {
        let signer = shared::filled_or(object, &["spec", "signerName"], NONE);
        vec![shared::name(object), signer]
    });

pub(super) const POD_CERTIFICATE_REQUEST: Printer =
    Printer::new("certificates.PodCertificateRequest", |object, _| {
        let conditions = object.items(&["status", "conditions"]);
        let state = conditions
            .iter()
            .filter_map(|condition| condition["type"].as_str())
            .rfind(|kind| matches!(*kind, "Issued" | "Denied" | "Failed"));
        vec![
            shared::name(object),
            shared::text(object, &["spec", "podName"]),
            shared::text(object, &["spec", "serviceAccountName"]),
            shared::text(object, &["spec", "nodeName"]),
            shared::text(object, &["spec", "signerName"]),
            state.unwrap_or("Pending").into(),
            shared::labels(object, &["spec", "unverifiedUserAnnotations"]),
        ]
    });

pub(super) const MUTATING_WEBHOOK: Printer = Printer::new(
    "admissionregistration.MutatingWebhookConfiguration",
    webhooks,
);
pub(super) const VALIDATING_WEBHOOK: Printer = Printer::new(
    "admissionregistration.ValidatingWebhookConfiguration",
    webhooks,
);

fn webhooks(object: &Object, now: Timestamp) -> Vec<Value> {
    let count = shared::count(object, &["webhooks"]);
    vec![shared::name(object), count.into(), shared::age(object, now)]
}

pub(super) const VALIDATING_POLICY: Printer = Printer::new(
    "admissionregistration.ValidatingAdmissionPolicy",
    |object, now| policy(object, "validations", now),
);
pub(super) const MUTATING_POLICY: Printer = Printer::new(
    "admissionregistration.MutatingAdmissionPolicy",
    |object, now| policy(object, "mutations", now),
);

fn policy(object: &Object, rules: &str, now: Timestamp) -> Vec<Value> {
    let part = |field: &str| object.text(&["spec", "paramKind", field]);
    let has_kind = object
        .get(&["spec", "paramKind"])
        .is_some_and(Value::is_object);
    let kind = if has_kind {
        format!("{}/{}", part("apiVersion"), part("kind"))
    } else {
        UNSET.to_owned()
    };
    vec![
        shared::name(object),
        shared::count(object, &["spec", rules]).into(),
        kind.into(),
        shared::age(object, now),
    ]
}

pub(super) const VALIDATING_POLICY_BINDING: Printer = Printer::new(
    "admissionregistration.ValidatingAdmissionPolicyBinding",
    policy_binding,
);
pub(super) const MUTATING_POLICY_BINDING: Printer = Printer::new(
    "admissionregistration.MutatingAdmissionPolicyBinding",
    policy_binding,
);

fn policy_binding(object: &Object, now: Timestamp) -> Vec<Value> {
    let part = |field: &str| object.text(&["spec", "paramRef", field]);
    let selector = object.get(&["spec", "paramRef", "selector"]);
    let parameters = if !part("name").is_empty() {
        // Whether the parameter is cluster-scoped cannot be told from here.
        format!(
            "{}/{}",
            shared::non_empty(part("namespace"), "*"),
            part("name")
        )
    } else if let Some(selector @ Value::Object(_)) = selector {
        go_selector(selector)
    } else {
        UNSET.to_owned()
    };
    vec![
        shared::name(object),
        shared::text(object, &["spec", "policyName"]),
        parameters.into(),
        shared::age(object, now),
    ]
}

/// A label selector as Go prints the struct.
fn go_selector(selector: &Value) -> String {
    let labels = selector["matchLabels"].as_object().into_iter().flatten();
    let labels = labels.map(|(key, value)| format!("{key}: {},", value.as_str().unwrap_or("")));
    let labels = labels.collect::<Vec<_>>().concat();
    let expressions = selector["matchExpressions"]
        .as_array()
        .into_iter()
        .flatten();
    let expressions = expressions.map(|expression| {
        let part = |field: &str| expression[field].as_str().unwrap_or("");
        let values: Vec<&str> = shared::strings(&expression["values"]).collect();
        let (key, operator, values) = (part("key"), part("operator"), values.join(" "));
        format!("LabelSelectorRequirement{{Key:{key},Operator:{operator},Values:[{values}],}},")
    });
    let expressions = expressions.collect::<Vec<_>>().concat();
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{labels}}},\
         MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )
}

pub(super) const CUSTOM_RESOURCE_DEFINITION: Printer = Printer {
    is_null_when_empty: true,
    ..Printer::new("apiextensions.CustomResourceDefinition", |object, _| {
        let versions = object.items(&["spec", "versions"]).iter();
        let mut versions: Vec<String> = versions
            .filter(|version| version["served"] == true)
            .map(|version| {
                let name = version["name"].as_str().unwrap_or("");
                let mark = if version["storage"] == true {
                    "(storage)"
                } else {
                    ""
                };
                format!("{name}{mark}")
            })
            .collect();
        versions.sort_unstable();
        let is_established = object
            .items(&["status", "conditions"])
            .iter()
            .any(|entry| entry["type"] == "Established" && entry["status"] == "True");
        vec![
            shared::name(object),
            shared::text(object, &["spec", "scope"]),
            versions.join(",").into(),
            shared::text(object, &["metadata", "creationTimestamp"]),
            shared::text(object, &["spec", "group"]),
            shared::text(object, &["spec", "names", "kind"]),
            shared::joined(object, &["spec", "names", "shortNames"]).into(),
            is_established.into(),
        ]
    })
};

pub(super) const API_SERVICE: Printer =
    Printer::new("apiregistration.APIService", |object, now| {
        let part = |field: &str| object.text(&["spec", "service", field]);
        let has_service = object
            .get(&["spec", "service"])
            .is_some_and(Value::is_object);
        let service = if has_service {
            format!("{}/{}", part("namespace"), part("name"))
        } else {
            "Local".to_owned()
        };
        let conditions = object.items(&["status", "conditions"]);
        let available = conditions.iter().find(|entry| entry["type"] == "Available");
        let field = |name: &str| {
            available
                .and_then(|entry| entry[name].as_str())
                .unwrap_or("")
        };
        let status = match (field("status"), field("reason")) {
            _ if available.is_none() => "Unknown".to_owned(),
            (status, reason) if status == "True" || reason.is_empty() => status.to_owned(),
            (status, reason) => format!("{status} ({reason})"),
        };
        vec![
            shared::name(object),
            service.into(),
            status.into(),
            shared::age(object, now),
        ]
    });
