//! Services get no new external addresses.
//!
//! *Upstream:* `plugin/pkg/admission/network/denyserviceexternalips/admission.go`.

use super::forbidden;
use crate::admission::{Attributes, Operation, Plugin};
use crate::error::ApiError;
use crate::object::Object;

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct DenyServiceExternalIPs;

impl Plugin for DenyServiceExternalIPs {
    fn name(&self) -> &'static str {
        "DenyServiceExternalIPs"
    }

    fn validate(&self, write: &Attributes, object: Option<&Object>) -> Result<(), ApiError> {
        let is_seen = matches!(write.operation, Operation::Create | Operation::Update);
        let Some(object) = object.filter(|_| is_seen && write.is_of("", "services", "")) else {
            return Ok(());
        };
        let path = ["spec", "externalIPs"];
        let old = write.old.map_or(&[][..], |old| old.items(&path));
        if object.items(&path).iter().all(|ip| old.contains(ip)) {
            return Ok(());
        }
        let why = "Use of external IPs is denied by admission control";
        Err(forbidden(write, object, why))
    }
}
