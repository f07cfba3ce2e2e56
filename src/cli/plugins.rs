//! Admission plugins by name, as the flags switch them.
//!
//! *Upstream:* `pkg/kubeapiserver/options/plugins.go`.

use super::Fault;

/// The plugins to switch off, all names checked.
pub(super) fn disabled(enable: &[String], disable: &[String]) -> Result<Vec<String>, Fault> {
    let flags = [
        ("--enable-admission-plugins", enable),
        ("--disable-admission-plugins", disable),
    ];
    for (flag, names) in flags {
        for name in names {
            if !PLUGINS.iter().any(|(known, _)| known == name) {
                let known: Vec<&str> = PLUGINS.iter().map(|(name, _)| *name).collect();
                return Err(Fault::usage(format!(
                    "{flag}: unknown admission plugin {name:?}; known are {}",
                    known.join(", ")
                )));
            }
        }
    }
    if let Some(name) = enable.iter().find(|name| disable.contains(name)) {
        return Err(Fault::usage(format!(
            "--enable-admission-plugins and --disable-admission-plugins both name {name}; leave \
             it in one of them"
        )));
    }
    for name in enable {
        let is_on = PLUGINS.iter().any(|(known, is_on)| known == name && *is_on);
        if !is_on {
            return Err(Fault::usage(format!(
                "--enable-admission-plugins: {name} is not supported yet"
            )));
        }
    }
    Ok(disable.to_vec())
}

/// kube-apiserver's plugins in its order, and whether it switches them on by default.
const PLUGINS: [(&str, bool); 32] = [
    ("AlwaysAdmit", false),
    ("NamespaceAutoProvision", false),
    ("NamespaceLifecycle", true),
    ("NamespaceExists", false),
    ("LimitPodHardAntiAffinityTopology", false),
    ("LimitRanger", true),
    ("ServiceAccount", true),
    ("NodeRestriction", false),
    ("TaintNodesByCondition", true),
    ("AlwaysPullImages", false),
    ("ImagePolicyWebhook", false),
    ("PodSecurity", true),
    ("PodNodeSelector", false),
    ("Priority", true),
    ("DefaultTolerationSeconds", true),
    ("PodTolerationRestriction", false),
    ("EventRateLimit", false),
    ("ExtendedResourceToleration", false),
    ("StorageObjectInUseProtection", true),
    ("PersistentVolumeClaimResize", true),
    ("RuntimeClass", true),
    ("CertificateApproval", true),
    ("CertificateSigning", true),
    ("ClusterTrustBundleAttest", true),
    ("CertificateSubjectRestriction", true),
    ("DefaultIngressClass", true),
    ("PodTopologyLabels", true),
    ("MutatingAdmissionPolicy", true),
    ("MutatingAdmissionWebhook", true),
    ("ValidatingAdmissionPolicy", true),
    ("ValidatingAdmissionWebhook", true),
    ("ResourceQuota", true),
];
