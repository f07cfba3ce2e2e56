//! Go structs that are embedded in others: their fields stand in the outer object, but Go names
//! them on the way to a field of the wrong type.
//!
//! *Upstream:* `k8s.io/api/*/v1/types.go` (fields without a name of their own).

/// The embedded structs, the outermost first, that `field` of the struct `of` belongs to.
pub(super) fn inline_structs(of: &str, field: &str) -> &'static [&'static str] {
    match (of, field) {
        ("Volume", "name") => &[],
        ("Volume", _) => &["VolumeSource"],
        ("EphemeralContainer", "targetContainerName") => &[],
        ("EphemeralContainer", _) => &["EphemeralContainerCommon"],
        ("Probe", "exec" | "grpc" | "httpGet" | "tcpSocket") => &["ProbeHandler"],
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
        ) => &[],
        ("PersistentVolumeSpec", _) => &["PersistentVolumeSource"],
        (
            "ConfigMapEnvSource"
            | "ConfigMapKeySelector"
            | "ConfigMapProjection"
            | "ConfigMapVolumeSource"
            | "SecretEnvSource"
            | "SecretKeySelector"
            | "SecretProjection",
            "name",
        ) => &["LocalObjectReference"],
        ("NamedRuleWithOperations", "resourceNames") => &[],
        ("NamedRuleWithOperations", "operations") => &["RuleWithOperations"],
        ("NamedRuleWithOperations", _) => &["RuleWithOperations", "Rule"],
        ("RuleWithOperations", "operations") => &[],
        ("RuleWithOperations", _) => &["Rule"],
        ("IngressRule", "http") => &["IngressRuleValue"],
        (
            "DeviceAllocationConfiguration"
            | "DeviceClaimConfiguration"
            | "DeviceClassConfiguration",
            "opaque",
        ) => &["DeviceConfiguration"],
        _ => &[],
    }
}
