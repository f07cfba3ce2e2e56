//! Whoever signs a request must be allowed to sign for its signer.
//!
//! *Upstream:* `plugin/pkg/admission/certificates/signing/admission.go`.

use super::{forbidden, may};
use crate::admission::{Attributes, Operation, Plugin};
use crate::error::ApiError;
use crate::object::Object;
use crate::object::quote::quoted;

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct CertificateSigning;

impl Plugin for CertificateSigning {
    fn name(&self) -> &'static str {
        "CertificateSigning"
    }

    fn validate(&self, write: &Attributes, object: Option<&Object>) -> Result<(), ApiError> {
        let is_status = write.is_of(
            "certificates.k8s.io",
            "certificatesigningrequests",
            "status",
        );
        let (Some(object), Some(old), true) = (object, write.old, is_status) else {
            return Ok(());
        };
        let is_same = ["certificate", "conditions"]
            .iter()
            .all(|name| object.get(&["status", name]) == old.get(&["status", name]));
        let signer = old.text(&["spec", "signerName"]);
        if write.operation != Operation::Update || is_same || may(write, "sign", signer) {
            return Ok(());
        }
        let signer = quoted(signer);
        let why = format!("user not permitted to sign requests with signerName {signer}");
        Err(forbidden(write, old, &why))
    }
}
