//! The kinds that controllers work on.

use std::sync::{Arc, LazyLock};

use crate::object::{GroupResource, GroupVersion};
use crate::schema::Resource;

/// A kind of object and where it is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Group and version it is served in.
    pub group_version: GroupVersion,
    /// The plural, as it stands in paths.
    pub plural: Arc<str>,
    /// The kind.
    pub kind: Arc<str>,
    /// Whether its objects live in namespaces.
    pub is_namespaced: bool,
    /// Where its objects are stored.
    pub resource: GroupResource,
}

impl Kind {
    fn built_in(
        (group, version): (&str, &str),
        plural: &str,
        kind: &str,
        is_namespaced: bool,
        store: (&str, &str),
    ) -> Self {
        Self {
            group_version: GroupVersion::new(group, version),
            plural: plural.into(),
            kind: kind.into(),
            is_namespaced,
            resource: GroupResource::new(store.0, store.1),
        }
    }

    /// What the catalog serves.
    pub(super) fn of(resource: &Resource) -> Self {
        Self {
            group_version: resource.group_version.clone(),
            plural: resource.plural.as_ref().into(),
            kind: resource.kind.as_ref().into(),
            is_namespaced: resource.is_namespaced,
            resource: resource.storage.clone(),
        }
    }

    /// `apps/v1`.
    pub fn api_version(&self) -> String {
        self.group_version.to_string()
    }

    /// The path of an object or, without a name, of the collection.
    pub fn path(&self, namespace: &str, name: &str) -> String {
        let prefix = if self.group_version.group.is_empty() {
            "/api/"
        } else {
            "/apis/"
        };
        let mut path = format!("{prefix}{}", self.group_version);
        if self.is_namespaced && !namespace.is_empty() {
            path.push_str("/namespaces/");
            path.push_str(namespace);
        }
        path.push('/');
        path.push_str(&self.plural);
        if !name.is_empty() {
            path.push('/');
            path.push_str(name);
        }
        path
    }
}

/// One line a kind: its constant, group and version, plural, kind and scope.
macro_rules! kinds {
    ($($name:ident: $group:literal $version:literal $plural:literal $kind:literal $scope:tt;)*) => {
        $(
            #[doc = concat!("`", $plural, "`")]
            pub static $name: LazyLock<Kind> = LazyLock::new(|| Kind::built_in(
                ($group, $version), $plural, $kind, kinds!(@scope $scope), ($group, $plural),
            ));
        )*
    };
    (@scope namespaced) => { true };
    (@scope cluster) => { false };
}

kinds! {
    PODS: "" "v1" "pods" "Pod" namespaced;
    NODES: "" "v1" "nodes" "Node" cluster;
    NAMESPACES: "" "v1" "namespaces" "Namespace" cluster;
    SERVICES: "" "v1" "services" "Service" namespaced;
    ENDPOINTS: "" "v1" "endpoints" "Endpoints" namespaced;
    EVENTS: "" "v1" "events" "Event" namespaced;
    CONFIG_MAPS: "" "v1" "configmaps" "ConfigMap" namespaced;
    SECRETS: "" "v1" "secrets" "Secret" namespaced;
    SERVICE_ACCOUNTS: "" "v1" "serviceaccounts" "ServiceAccount" namespaced;
    REPLICATION_CONTROLLERS: "" "v1" "replicationcontrollers" "ReplicationController" namespaced;
    RESOURCE_QUOTAS: "" "v1" "resourcequotas" "ResourceQuota" namespaced;
    LIMIT_RANGES: "" "v1" "limitranges" "LimitRange" namespaced;
    PERSISTENT_VOLUMES: "" "v1" "persistentvolumes" "PersistentVolume" cluster;
    PERSISTENT_VOLUME_CLAIMS: "" "v1" "persistentvolumeclaims" "PersistentVolumeClaim" namespaced;
    DEPLOYMENTS: "apps" "v1" "deployments" "Deployment" namespaced;
    REPLICA_SETS: "apps" "v1" "replicasets" "ReplicaSet" namespaced;
    STATEFUL_SETS: "apps" "v1" "statefulsets" "StatefulSet" namespaced;
    DAEMON_SETS: "apps" "v1" "daemonsets" "DaemonSet" namespaced;
    CONTROLLER_REVISIONS: "apps" "v1" "controllerrevisions" "ControllerRevision" namespaced;
    JOBS: "batch" "v1" "jobs" "Job" namespaced;
    CRON_JOBS: "batch" "v1" "cronjobs" "CronJob" namespaced;
    HORIZONTAL_POD_AUTOSCALERS: "autoscaling" "v2" "horizontalpodautoscalers" "HorizontalPodAutoscaler" namespaced;
    POD_DISRUPTION_BUDGETS: "policy" "v1" "poddisruptionbudgets" "PodDisruptionBudget" namespaced;
    ENDPOINT_SLICES: "discovery.k8s.io" "v1" "endpointslices" "EndpointSlice" namespaced;
    INGRESSES: "networking.k8s.io" "v1" "ingresses" "Ingress" namespaced;
    STORAGE_CLASSES: "storage.k8s.io" "v1" "storageclasses" "StorageClass" cluster;
    VOLUME_ATTACHMENTS: "storage.k8s.io" "v1" "volumeattachments" "VolumeAttachment" cluster;
    CSI_NODES: "storage.k8s.io" "v1" "csinodes" "CSINode" cluster;
    PRIORITY_CLASSES: "scheduling.k8s.io" "v1" "priorityclasses" "PriorityClass" cluster;
    LEASES: "coordination.k8s.io" "v1" "leases" "Lease" namespaced;
    CLUSTER_ROLES: "rbac.authorization.k8s.io" "v1" "clusterroles" "ClusterRole" cluster;
    CERTIFICATE_SIGNING_REQUESTS: "certificates.k8s.io" "v1" "certificatesigningrequests" "CertificateSigningRequest" cluster;
    SUBJECT_ACCESS_REVIEWS: "authorization.k8s.io" "v1" "subjectaccessreviews" "SubjectAccessReview" cluster;
    VALIDATING_ADMISSION_POLICIES: "admissionregistration.k8s.io" "v1" "validatingadmissionpolicies" "ValidatingAdmissionPolicy" cluster;
    RESOURCE_CLAIMS: "resource.k8s.io" "v1" "resourceclaims" "ResourceClaim" namespaced;
    RESOURCE_CLAIM_TEMPLATES: "resource.k8s.io" "v1" "resourceclaimtemplates" "ResourceClaimTemplate" namespaced;
    RESOURCE_SLICES: "resource.k8s.io" "v1" "resourceslices" "ResourceSlice" cluster;
    DEVICE_CLASSES: "resource.k8s.io" "v1" "deviceclasses" "DeviceClass" cluster;
    API_SERVICES: "apiregistration.k8s.io" "v1" "apiservices" "APIService" cluster;
    CSI_DRIVERS: "storage.k8s.io" "v1" "csidrivers" "CSIDriver" cluster;
    VOLUME_ATTRIBUTES_CLASSES: "storage.k8s.io" "v1" "volumeattributesclasses" "VolumeAttributesClass" cluster;
    IP_ADDRESSES: "networking.k8s.io" "v1" "ipaddresses" "IPAddress" cluster;
    SERVICE_CIDRS: "networking.k8s.io" "v1" "servicecidrs" "ServiceCIDR" cluster;
    DEVICE_TAINT_RULES: "resource.k8s.io" "v1" "devicetaintrules" "DeviceTaintRule" cluster;
    STORAGE_VERSION_MIGRATIONS: "storagemigration.k8s.io" "v1" "storageversionmigrations" "StorageVersionMigration" cluster;
    CLUSTER_TRUST_BUNDLES: "certificates.k8s.io" "v1" "clustertrustbundles" "ClusterTrustBundle" cluster;
    POD_CERTIFICATE_REQUESTS: "certificates.k8s.io" "v1" "podcertificaterequests" "PodCertificateRequest" namespaced;
    STAGES: "kwok.x-k8s.io" "v1alpha1" "stages" "Stage" cluster;
}

/// `events` of `events.k8s.io`, which are stored with those of the core group.
pub static EVENTS_OF_GROUP: LazyLock<Kind> = LazyLock::new(|| {
    Kind::built_in(
        ("events.k8s.io", "v1"),
        "events",
        "Event",
        true,
        ("", "events"),
    )
});
