//! Who may do what: the kinds of `rbac.authorization.k8s.io`, `certificates.k8s.io`,
//! `authentication.k8s.io` and `authorization.k8s.io`.

mod certificate_request;
mod certificate_signing_request;
mod cluster_trust_bundle;
mod escalation;
mod identity;
mod pod_certificate_request;
mod rbac;
mod review;
mod review_selectors;

use crate::registry::Strategy;

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
        "clustertrustbundles" => &cluster_trust_bundle::CLUSTER_TRUST_BUNDLE,
        "podcertificaterequests" => &pod_certificate_request::POD_CERTIFICATE_REQUEST,
        _ => return None,
    })
}
