//! Stored objects that cannot be brought in the version asked for, and what a client reads of it.
//!
//! *Upstream:* `apiserver/pkg/storage/{errors,corrupt_obj_error}.go`,
//! `apiserver/pkg/storage/cacher/ready.go`.

use crate::error::{ApiError, Cause, Details, Reason};
use crate::object::Key;
use crate::schema::Resource;
use crate::storage::Stored;

/// Objects that cannot be read, each with its revision and with why.
#[derive(Debug, Default)]
pub(crate) struct Unreadable(Vec<(Key, u64, String)>);

impl Unreadable {
    pub(super) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(super) fn one(stored: &Stored, why: String) -> Self {
        Self(vec![(stored.key.clone(), stored.revision.0, why)])
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The error of a GET or DELETE.
    pub(crate) fn of_one(&self, resource: &Resource) -> ApiError {
        let mut corrupt = self.corrupt(resource, "").into_iter();
        ApiError::internal(corrupt.next().map_or_else(String::new, |(_, why)| why))
    }

    /// The error of an update or patch, which has no reason.
    pub(crate) fn of_change(&self) -> ApiError {
        ApiError::new(Reason::Unknown, self.decoding().next().unwrap_or_default())
    }

    /// The error of a list or watch: upstream has no cache to serve it from.
    pub(crate) fn of_list(&self, resource: &Resource) -> ApiError {
        let why = self.summary(resource);
        let message = format!("storage is (re)initializing: failed to list <unspecified>: {why}");
        ApiError::new(Reason::TooManyRequests, message).with_details(Details {
            retry_after_seconds: 1,
            ..Details::default()
        })
    }

    /// The error of a deletion of many, which reads past the cache.
    pub(crate) fn of_collection(&self, resource: &Resource) -> ApiError {
        let causes = self.corrupt(resource, "/registry").into_iter();
        let causes = causes.map(|(field, message)| Cause {
            reason: "UnexpectedServerResponse".to_owned(),
            message,
            field,
        });
        let of = resource.group_resource();
        ApiError::new(Reason::StoreReadError, self.summary(resource)).with_details(Details {
            group: of.group.to_string(),
            kind: of.resource.to_string(),
            name: "list".to_owned(),
            causes: causes.collect(),
            ..Details::default()
        })
    }

    fn summary(&self, resource: &Resource) -> String {
        let found = self.corrupt(resource, "/registry");
        let first = found.first().map_or("", |(_, why)| why.as_str());
        let more = match found.len().saturating_sub(1) {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let of = resource.group_resource();
        format!("failed to read one or more {of} from the storage: {first}{more}")
    }

    /// Where each would be in etcd, and what its store says.
    fn corrupt(&self, resource: &Resource, root: &str) -> Vec<(String, String)> {
        let places = self.0.iter();
        let places = places.map(|(key, ..)| path(resource, key, root));
        let corrupt = |(path, why): (String, String)| {
            let why = format!(
                "StorageError: corrupt object, Code: 7, Key: {path}, ResourceVersion: 0, \
                 AdditionalErrorMsg: {why}"
            );
            (path, why)
        };
        places.zip(self.decoding()).map(corrupt).collect()
    }

    fn decoding(&self) -> impl Iterator<Item = String> {
        let objects = self.0.iter();
        objects.map(|(_, revision, why)| format!("object not decodable revision={revision}: {why}"))
    }
}

/// Where etcd would keep an object.
fn path(resource: &Resource, key: &Key, root: &str) -> String {
    let of = &resource.storage;
    let namespace = match key.namespace() {
        "" => String::new(),
        namespace => format!("/{namespace}"),
    };
    format!(
        "{root}/{}/{}{namespace}/{}",
        of.group,
        of.resource,
        key.name()
    )
}
