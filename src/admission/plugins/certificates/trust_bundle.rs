//! Whoever publishes a signer's trust must be allowed to attest for it.
//!
//! *Upstream:* `plugin/pkg/admission/certificates/ctbattest/admission.go`.

use super::{forbidden, may};
use crate::admission::{Attributes, Operation, Plugin};
use crate::error::ApiError;
use crate::object::Object;
use crate::object::quote::quoted;

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct ClusterTrustBundleAttest;

impl Plugin for ClusterTrustBundleAttest {
    fn name(&self) -> &'static str {
        "ClusterTrustBundleAttest"
    }

    fn validate(&self, write: &Attributes, object: Option<&Object>) -> Result<(), ApiError> {
        let is_seen = matches!(write.operation, Operation::Create | Operation::Update);
        let is_bundle = write.is_of("certificates.k8s.io", "clustertrustbundles", "");
        let (Some(object), true) = (object, is_seen && is_bundle) else {
            return Ok(());
        };
        let signer = object.text(&["spec", "signerName"]);
        let is_same = write
            .old
            .is_some_and(|old| object.get(&["spec"]) == old.get(&["spec"]));
        if signer.is_empty() || is_same || may(write, "attest", signer) {
            return Ok(());
        }
        let signer = quoted(signer);
        let why = format!("user not permitted to attest for signerName {signer}");
        Err(forbidden(write, object, &why))
    }
}
