//! The kinds of the group `storage.k8s.io`.

use super::shared::plain::Plain;
use crate::registry::Strategy;

static STORAGE_CLASS: Plain = Plain {
    answers_deleted_object: true,
    ..Plain::DEFAULT
};
static VOLUME_ATTRIBUTES_CLASS: Plain = Plain {
    answers_deleted_object: true,
    ..Plain::DEFAULT
};
static VOLUME_ATTACHMENT: Plain = Plain {
    answers_deleted_object: true,
    updates_unconditionally: false,
    resets_metadata_in_status: true,
    ..Plain::DEFAULT
};
static CSI_DRIVER: Plain = Plain {
    answers_deleted_object: true,
    updates_unconditionally: false,
    ..Plain::DEFAULT
};
static CSI_NODE: Plain = Plain {
    answers_deleted_object: true,
    updates_unconditionally: false,
    resets_metadata_in_status: true,
    ..Plain::DEFAULT
};
static CSI_STORAGE_CAPACITY: Plain = Plain {
    updates_unconditionally: false,
    ..Plain::DEFAULT
};

/// The strategy of a resource of the group.
pub(super) fn strategy(plural: &str) -> Option<&'static dyn Strategy> {
    Some(match plural {
        "storageclasses" => &STORAGE_CLASS,
        "volumeattributesclasses" => &VOLUME_ATTRIBUTES_CLASS,
        "volumeattachments" => &VOLUME_ATTACHMENT,
        "csidrivers" => &CSI_DRIVER,
        "csinodes" => &CSI_NODE,
        "csistoragecapacities" => &CSI_STORAGE_CAPACITY,
        _ => return None,
    })
}
