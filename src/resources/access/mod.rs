//! Who may do what: the kinds of `rbac.authorization.k8s.io`, `certificates.k8s.io`,
//! `authentication.k8s.io` and `authorization.k8s.io`.

mod certificate_signing_request;
mod escalation;
mod identity;
mod rbac;
mod review;
mod review_selectors;

use super::shared::plain::Plain;
use crate::registry::Strategy;
use crate::registry::strategy::NameRule;

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
        "roles" => &rbac::ROLE,
        "clusterroles" => &rbac::CLUSTER_ROLE,
        "rolebindings" => &rbac::ROLE_BINDING,
        "clusterrolebindings" => &rbac::CLUSTER_ROLE_BINDING,
        _ => return None,
    })
}

/// The strategy of a resource of `authorization.k8s.io`.
pub(super) fn authorization_strategy(plural: &str) -> Option<&'static dyn Strategy> {
    Some(match plural {
        "localsubjectaccessreviews" => &review::Review::LocalAccess,
        "selfsubjectaccessreviews" => &review::Review::SelfAccess,
        "selfsubjectrulesreviews" => &review::Review::SelfRules,
        "subjectaccessreviews" => &review::Review::Access,
        _ => return None,
    })
}

/// The strategy of a resource of `authentication.k8s.io`.
pub(super) fn authentication_strategy(plural: &str) -> Option<&'static dyn Strategy> {
    Some(match plural {
        "selfsubjectreviews" => &identity::Identity::Request,
        "tokenreviews" => &identity::Identity::Token,
        _ => return None,
    })
}

/// The strategy of a resource of `certificates.k8s.io`.
pub(super) fn certificates_strategy(plural: &str) -> Option<&'static dyn Strategy> {
    Some(match plural {
        "certificatesigningrequests" => &certificate_signing_request::CERTIFICATE_SIGNING_REQUEST,
        "clustertrustbundles" => &CLUSTER_TRUST_BUNDLE,
        "podcertificaterequests" => &POD_CERTIFICATE_REQUEST,
        _ => return None,
    })
}
