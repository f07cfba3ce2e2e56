//! Go structs that are embedded in others: their fields stand in the outer object, but Go names
//! them on the way to a field of the wrong type.
//!
//! *Upstream:* `k8s.io/api/core/v1/types.go` (fields tagged `json:",inline"`).

/// The embedded struct that `field` of the struct `of` belongs to, where it does.
pub(super) fn inline_struct(of: &str, field: &str) -> Option<&'static str> {
    match (of, field) {
        ("Volume", "name") => None,
        ("Volume", _) => Some("VolumeSource"),
        ("EphemeralContainer", "targetContainerName") => None,
        ("EphemeralContainer", _) => Some("EphemeralContainerCommon"),
        ("Probe", "exec" | "grpc" | "httpGet" | "tcpSocket") => Some("ProbeHandler"),
        (
            "PersistentVolumeSpec",
            "accessModes"
            | "capacity"
            | "claimRef"
            | "mountOptions"
            | "nodeAffinity"
            | "persistentVolumeReclaimPolicy"
            | "storageClassName"
            | "volumeAttributesClassName"
            | "volumeMode",
        ) => None,
        ("PersistentVolumeSpec", _) => Some("PersistentVolumeSource"),
        (
            "ConfigMapEnvSource"
            | "ConfigMapKeySelector"
            | "ConfigMapProjection"
            | "ConfigMapVolumeSource"
            | "SecretEnvSource"
            | "SecretKeySelector"
            | "SecretProjection",
            "name",
        ) => Some("LocalObjectReference"),
        ("NamedRuleWithOperations", "resourceNames") => None,
        ("NamedRuleWithOperations", _) => Some("RuleWithOperations"),
        ("RuleWithOperations", "operations") => None,
        ("RuleWithOperations", _) => Some("Rule"),
        _ => None,
    }
}
