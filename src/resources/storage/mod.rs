//! The kinds of the group `storage.k8s.io`.

mod class;
mod csi;
mod volume_attachment;

use crate::registry::Strategy;

/// The strategy of a resource of the group.
pub(super) fn strategy(plural: &str) -> Option<&'static dyn Strategy> {
    Some(match plural {
        "csidrivers" => &csi::CSI_DRIVER,
        "csinodes" => &csi::CSI_NODE,
        "csistoragecapacities" => &csi::CSI_STORAGE_CAPACITY,
        "storageclasses" => &class::STORAGE_CLASS,
        "volumeattachments" => &volume_attachment::VOLUME_ATTACHMENT,
        "volumeattributesclasses" => &class::VOLUME_ATTRIBUTES_CLASS,
        _ => return None,
    })
}
