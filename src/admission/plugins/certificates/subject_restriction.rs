//! Nobody becomes a master by a client certificate.
//!
//! *Upstream:* `plugin/pkg/admission/certificates/subjectrestriction/admission.go`.

use super::{forbidden, request};
use crate::admission::{Attributes, Operation, Plugin};
use crate::auth::{MASTERS, der};
use crate::error::ApiError;
use crate::object::Object;

const SIGNER: &str = "kubernetes.io/kube-apiserver-client";

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct CertificateSubjectRestriction;

impl Plugin for CertificateSubjectRestriction {
    fn name(&self) -> &'static str {
        "CertificateSubjectRestriction"
    }

    fn validate(&self, write: &Attributes, object: Option<&Object>) -> Result<(), ApiError> {
        let is_request = write.is_of("certificates.k8s.io", "certificatesigningrequests", "");
        let (Some(object), true) = (object, is_request) else {
            return Ok(());
        };
        if write.operation != Operation::Create || object.text(&["spec", "signerName"]) != SIGNER {
            return Ok(());
        }
        let groups = request::subject(object, der::ORGANIZATION).unwrap_or_default();
        if groups.iter().any(|group| group == MASTERS) {
            let why = format!("use of {SIGNER} signer with {MASTERS} group is not allowed");
            return Err(forbidden(write, object, &why));
        }
        Ok(())
    }
}
