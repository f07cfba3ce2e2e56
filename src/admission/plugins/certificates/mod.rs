//! Who may approve, sign and attest: each signer is a right of its own.
//!
//! *Upstream:* `plugin/pkg/admission/certificates`, `pkg/certauthorization`.

mod approval;
mod request;
mod signing;
mod subject_restriction;
mod trust_bundle;

pub(super) use self::approval::CertificateApproval;
pub(super) use self::request::subject;
pub(super) use self::signing::CertificateSigning;
pub(super) use self::subject_restriction::CertificateSubjectRestriction;
pub(super) use self::trust_bundle::ClusterTrustBundleAttest;
use super::forbidden;
use crate::admission::Attributes;

/// Whether who asks may do something for a signer, or for all of its domain.
fn may(write: &Attributes, verb: &str, signer: &str) -> bool {
    let domain = signer.split('/').next().unwrap_or("");
    let all = format!("{domain}/*");
    [signer, &all].into_iter().any(|name| {
        let place = ("", "", name);
        write
            .may(verb, "certificates.k8s.io", "signers", place)
            .is_allowed
    })
}
