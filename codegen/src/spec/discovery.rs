//! `discovery.json`.

use serde::Deserialize;

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discovery {
    /// In the order of the group index, core first.
    pub groups: Vec<Group>,
    /// Every group version of the scheme, served or not.
    pub registered: Vec<String>,
}

/// One group.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The group; empty for core.
    pub name: String,
    /// Its versions, preferred first.
    pub versions: Vec<Version>,
}

/// One version of a group.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// The version.
    pub version: String,
    /// Whether a default server serves it.
    pub served: bool,
    /// `groupPriorityMinimum versionPriority` of its `APIService`; the aggregator has none.
    #[serde(default)]
    pub priority: Option<String>,
    /// Resources and subresources.
    pub resources: Vec<Resource>,
}

/// A resource, or a subresource when the name has a slash.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Resource {
    /// `pods`, `pods/status`.
    pub name: String,
    /// Absent for subresources.
    #[serde(default)]
    pub singular_name: String,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// The group of the kind, where it is another one.
    #[serde(default)]
    pub group: Option<String>,
    /// The version of the kind, where it is another one.
    #[serde(default)]
    pub version: Option<String>,
    /// The kind.
    pub kind: String,
    /// The verbs.
    pub verbs: Vec<String>,
    /// Short names.
    #[serde(default)]
    pub short_names: Vec<String>,
    /// Categories.
    #[serde(default)]
    pub categories: Vec<String>,
    /// Identifies the group, version and kind objects are stored in.
    #[serde(default)]
    pub storage_version_hash: String,
    /// `1.33; use discovery.k8s.io/v1 EndpointSlice`: since when and what instead.
    #[serde(default)]
    pub deprecated: String,
    /// The version it is stored in, where the hash does not tell (set by a fixup).
    #[serde(skip)]
    pub stored_in: Option<String>,
}
