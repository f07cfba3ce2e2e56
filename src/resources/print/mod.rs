//! How each kind prints: the table from a resource to its printer.
//!
//! A kind that is not in the table prints its name and when it was created.
//!
//! *Upstream:* `pkg/printers/internalversion/printers.go` (`AddHandlers`).

mod access;
mod cluster;
mod network;
mod pod;
mod scheduling;
mod shared;
mod storage;
mod workload;

use crate::registry::Printer;

/// The group and plural an object is stored under, and how it prints. Sorted.
const PRINTERS: &[(&str, &str, &Printer)] = &[
    ("", "componentstatuses", &cluster::COMPONENT_STATUS),
    ("", "configmaps", &cluster::CONFIG_MAP),
    ("", "endpoints", &network::ENDPOINTS),
    ("", "events", &cluster::EVENT),
    ("", "namespaces", &cluster::NAMESPACE),
    ("", "nodes", &cluster::NODE),
    (
        "",
        "persistentvolumeclaims",
        &storage::PERSISTENT_VOLUME_CLAIM,
    ),
    ("", "persistentvolumes", &storage::PERSISTENT_VOLUME),
    ("", "pods", &pod::POD),
    ("", "podtemplates", &pod::POD_TEMPLATE),
    (
        "",
        "replicationcontrollers",
        &workload::REPLICATION_CONTROLLER,
    ),
    ("", "resourcequotas", &cluster::RESOURCE_QUOTA),
    ("", "secrets", &cluster::SECRET),
    ("", "serviceaccounts", &cluster::SERVICE_ACCOUNT),
    ("", "services", &network::SERVICE),
    (
        "admissionregistration.k8s.io",
        "mutatingadmissionpolicies",
        &access::MUTATING_POLICY,
    ),
    (
        "admissionregistration.k8s.io",
        "mutatingadmissionpolicybindings",
        &access::MUTATING_POLICY_BINDING,
    ),
    (
        "admissionregistration.k8s.io",
        "mutatingwebhookconfigurations",
        &access::MUTATING_WEBHOOK,
    ),
    (
        "admissionregistration.k8s.io",
        "validatingadmissionpolicies",
        &access::VALIDATING_POLICY,
    ),
    (
        "admissionregistration.k8s.io",
        "validatingadmissionpolicybindings",
        &access::VALIDATING_POLICY_BINDING,
    ),
    (
        "admissionregistration.k8s.io",
        "validatingwebhookconfigurations",
        &access::VALIDATING_WEBHOOK,
    ),
    (
        "apiextensions.k8s.io",
        "customresourcedefinitions",
        &access::CUSTOM_RESOURCE_DEFINITION,
    ),
    (
        "apiregistration.k8s.io",
        "apiservices",
        &access::API_SERVICE,
    ),
    (
        "apps",
        "controllerrevisions",
        &workload::CONTROLLER_REVISION,
    ),
    ("apps", "daemonsets", &workload::DAEMON_SET),
    ("apps", "deployments", &workload::DEPLOYMENT),
    ("apps", "replicasets", &workload::REPLICA_SET),
    ("apps", "statefulsets", &workload::STATEFUL_SET),
    (
        "autoscaling",
        "horizontalpodautoscalers",
        &workload::HORIZONTAL_POD_AUTOSCALER,
    ),
    ("autoscaling", "scale", &workload::SCALE),
    ("batch", "cronjobs", &workload::CRON_JOB),
    ("batch", "jobs", &workload::JOB),
    (
        "certificates.k8s.io",
        "certificatesigningrequests",
        &access::CERTIFICATE_SIGNING_REQUEST,
    ),
    (
        "certificates.k8s.io",
        "clustertrustbundles",
        &access::CLUSTER_TRUST_BUNDLE,
    ),
    (
        "certificates.k8s.io",
        "podcertificaterequests",
        &access::POD_CERTIFICATE_REQUEST,
    ),
    (
        "coordination.k8s.io",
        "leasecandidates",
        &cluster::LEASE_CANDIDATE,
    ),
    ("coordination.k8s.io", "leases", &cluster::LEASE),
    (
        "discovery.k8s.io",
        "endpointslices",
        &network::ENDPOINT_SLICE,
    ),
    (
        "flowcontrol.apiserver.k8s.io",
        "flowschemas",
        &scheduling::FLOW_SCHEMA,
    ),
    (
        "flowcontrol.apiserver.k8s.io",
        "prioritylevelconfigurations",
        &scheduling::PRIORITY_LEVEL,
    ),
    (
        "internal.apiserver.k8s.io",
        "storageversions",
        &cluster::STORAGE_VERSION,
    ),
    (
        "networking.k8s.io",
        "ingressclasses",
        &network::INGRESS_CLASS,
    ),
    ("networking.k8s.io", "ingresses", &network::INGRESS),
    ("networking.k8s.io", "ipaddresses", &network::IP_ADDRESS),
    (
        "networking.k8s.io",
        "networkpolicies",
        &network::NETWORK_POLICY,
    ),
    ("networking.k8s.io", "servicecidrs", &network::SERVICE_CIDR),
    ("node.k8s.io", "runtimeclasses", &cluster::RUNTIME_CLASS),
    (
        "policy",
        "poddisruptionbudgets",
        &workload::POD_DISRUPTION_BUDGET,
    ),
    (
        "rbac.authorization.k8s.io",
        "clusterrolebindings",
        &access::CLUSTER_ROLE_BINDING,
    ),
    (
        "rbac.authorization.k8s.io",
        "rolebindings",
        &access::ROLE_BINDING,
    ),
    ("resource.k8s.io", "deviceclasses", &cluster::DEVICE_CLASS),
    (
        "resource.k8s.io",
        "devicetaintrules",
        &scheduling::DEVICE_TAINT_RULE,
    ),
    (
        "resource.k8s.io",
        "resourceclaims",
        &scheduling::RESOURCE_CLAIM,
    ),
    (
        "resource.k8s.io",
        "resourceclaimtemplates",
        &cluster::RESOURCE_CLAIM_TEMPLATE,
    ),
    (
        "resource.k8s.io",
        "resourceslices",
        &scheduling::RESOURCE_SLICE,
    ),
    (
        "scheduling.k8s.io",
        "compositepodgroups",
        &scheduling::COMPOSITE_POD_GROUP,
    ),
    ("scheduling.k8s.io", "podgroups", &scheduling::POD_GROUP),
    (
        "scheduling.k8s.io",
        "priorityclasses",
        &scheduling::PRIORITY_CLASS,
    ),
    ("scheduling.k8s.io", "workloads", &cluster::WORKLOAD),
    ("storage.k8s.io", "csidrivers", &storage::CSI_DRIVER),
    ("storage.k8s.io", "csinodes", &storage::CSI_NODE),
    ("storage.k8s.io", "storageclasses", &storage::STORAGE_CLASS),
    (
        "storage.k8s.io",
        "volumeattachments",
        &storage::VOLUME_ATTACHMENT,
    ),
    (
        "storage.k8s.io",
        "volumeattributesclasses",
        &storage::VOLUME_ATTRIBUTES_CLASS,
    ),
    (
        "storagemigration.k8s.io",
        "storageversionmigrations",
        &cluster::STORAGE_VERSION_MIGRATION,
    ),
];

/// How the objects of a built-in resource print; `autoscaling` `scale` for the subresource.
pub fn printer(group: &str, plural: &str) -> &'static Printer {
    let wanted = (group, plural);
    PRINTERS
        .binary_search_by(|(group, plural, _)| (*group, *plural).cmp(&wanted))
        .map_or(&cluster::DEFAULT, |place| PRINTERS[place].2)
}
