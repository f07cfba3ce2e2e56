//! Plugins that do what objects of the cluster say: webhooks and policies.
//!
//! *Upstream:* `apiserver/pkg/admission/plugin/{webhook,policy}`.

mod configured;
mod criteria;
mod expressions;
mod policies;
mod review;
mod subject;
mod webhooks;

pub(super) use self::policies::{MutatingAdmissionPolicy, ValidatingAdmissionPolicy, type_check};
pub(super) use self::webhooks::{MutatingAdmissionWebhook, ValidatingAdmissionWebhook};

use super::Attributes;

/// The group of everything that configures admission.
const GROUP: &str = "admissionregistration.k8s.io";

/// Requests that are answered and never stored: whoever could intercept them could lock a cluster
/// out of its own ways of authentication.
///
/// *Upstream:* `pkg/kubeapiserver/admission/exclusion/resources.go`.
const VIRTUAL: [(&str, &str); 6] = [
    ("authentication.k8s.io", "selfsubjectreviews"),
    ("authentication.k8s.io", "tokenreviews"),
    ("authorization.k8s.io", "localsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"),
    ("authorization.k8s.io", "subjectaccessreviews"),
];

/// Whether nothing that a cluster configures may intercept a write.
fn is_virtual(write: &Attributes) -> bool {
    let resource = (
        write.resource.group_version.group.as_ref(),
        write.resource.plural.as_ref(),
    );
    VIRTUAL.contains(&resource)
}
