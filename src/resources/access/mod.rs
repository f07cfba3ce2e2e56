//! Who may do what: the kinds of `rbac.authorization.k8s.io`, `certificates.k8s.io`,
//! `authentication.k8s.io` and `authorization.k8s.io`.

use super::shared::plain::Plain;
use crate::registry::Strategy;
use crate::registry::strategy::NameRule;

/// Any RBAC kind: names are path segments, PUT creates.
const RBAC: Plain = Plain {
    name_rule: NameRule::PathSegment,
    creates_on_update: true,
    ..Plain::DEFAULT
};
static ROLE: Plain = RBAC;
static CLUSTER_ROLE: Plain = RBAC;
static ROLE_BINDING: Plain = RBAC;
static CLUSTER_ROLE_BINDING: Plain = RBAC;
static CERTIFICATE_SIGNING_REQUEST: Plain = Plain {
    field_labels: &["spec.signerName"],
    ..Plain::DEFAULT
};
static CLUSTER_TRUST_BUNDLE: Plain = Plain {
    name_rule: NameRule::Own,
    updates_unconditionally: false,
    field_labels: &["spec.signerName"],
    ..Plain::DEFAULT
};
static POD_CERTIFICATE_REQUEST: Plain = Plain {
    updates_unconditionally: false,
    resets_metadata_in_status: true,
    field_labels: &["spec.signerName", "spec.podName", "spec.nodeName"],
    ..Plain::DEFAULT
};

/// The strategy of a resource of `rbac.authorization.k8s.io`.
pub(super) fn rbac_strategy(plural: &str) -> Option<&'static dyn Strategy> {
    Some(match plural {
        "roles" => &ROLE,
        "clusterroles" => &CLUSTER_ROLE,
        "rolebindings" => &ROLE_BINDING,
        "clusterrolebindings" => &CLUSTER_ROLE_BINDING,
        _ => return None,
    })
}

/// The strategy of a resource of `certificates.k8s.io`.
pub(super) fn certificates_strategy(plural: &str) -> Option<&'static dyn Strategy> {
    Some(match plural {
        "certificatesigningrequests" => &CERTIFICATE_SIGNING_REQUEST,
        "clustertrustbundles" => &CLUSTER_TRUST_BUNDLE,
        "podcertificaterequests" => &POD_CERTIFICATE_REQUEST,
        _ => return None,
    })
}
