//! What a store's answer means for the client: storage error, resource and name to `ApiError`.
//!
//! *Upstream:* `apiserver/pkg/storage/errors/storage.go`.

use crate::error::ApiError;
use crate::object::GroupResource;
use crate::storage::{Error, Revision};

/// The words of every lost race for an object.
pub const MODIFIED: &str = "the object has been modified; please apply your changes to the latest \
     version and try again";

/// The error of a write.
pub fn write(error: Error, resource: &GroupResource, name: &str) -> ApiError {
    match error {
        Error::Missing => ApiError::not_found(resource, name),
        Error::Exists => ApiError::already_exists(resource, name),
        Error::Moved { .. } => ApiError::conflict(resource, name, MODIFIED),
        other => read(&other, None),
    }
}

/// The error of a read at a revision.
pub fn read(error: &Error, asked: Option<Revision>) -> ApiError {
    match error {
        Error::Compacted { oldest } => ApiError::expired(match asked {
            Some(asked) => format!("too old resource version: {} ({})", asked.0, oldest.0),
            None => "The resourceVersion for the provided list is too old.".to_owned(),
        }),
        Error::Future { current } => {
            let asked = asked.map_or(0, |revision| revision.0);
            too_large(asked, current.0)
        }
        other => ApiError::internal(other.to_string()),
    }
}

/// The error of a version that is not there yet.
///
/// Differs: upstream waits three seconds for it to come.
pub fn too_large(asked: u64, current: u64) -> ApiError {
    use crate::error::{Cause, Details, Reason};
    ApiError::new(
        Reason::Timeout,
        format!("Timeout: Too large resource version: {asked}, current: {current}"),
    )
    .with_details(Details {
        causes: vec![Cause {
            reason: "ResourceVersionTooLarge".to_owned(),
            message: "Too large resource version".to_owned(),
            field: String::new(),
        }],
        retry_after_seconds: 1,
        ..Details::default()
    })
}
