//! Whoever approves a request must be allowed to approve for its signer.
//!
//! *Upstream:* `plugin/pkg/admission/certificates/approval/admission.go`.

use super::{forbidden, may};
use crate::admission::{Attributes, Operation, Plugin};
use crate::error::ApiError;
use crate::object::Object;
use crate::object::quote::quoted;

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct CertificateApproval;

impl Plugin for CertificateApproval {
    fn name(&self) -> &'static str {
        "CertificateApproval"
    }

    fn validate(&self, write: &Attributes, _object: Option<&Object>) -> Result<(), ApiError> {
        let is_approval = write.is_of(
            "certificates.k8s.io",
            "certificatesigningrequests",
            "approval",
        );
        let (Some(old), true) = (write.old, is_approval) else {
            return Ok(());
        };
        let signer = old.text(&["spec", "signerName"]);
        if write.operation != Operation::Update || may(write, "approve", signer) {
            return Ok(());
        }
        let signer = quoted(signer);
        let why = format!("user not permitted to approve requests with signerName {signer}");
        Err(forbidden(write, old, &why))
    }
}
