//! The Kubernetes versions the emulator is generated from, one row each.

/// One supported version.
pub struct Version {
    /// The folder below `openapi/`, `v1.37`.
    pub folder: &'static str,
    /// The release of `k8s.io/kubernetes`.
    pub release: &'static str,
    /// The release its published modules carry.
    pub staging: &'static str,
}

/// Every version, oldest first.
pub const VERSIONS: &[Version] = &[Version {
    folder: "v1.37",
    release: "v1.37.0",
    staging: "v0.37.0",
}];

/// The row of a release given as on the command line, `v1.37.0`.
pub fn find(release: &str) -> Option<&'static Version> {
    VERSIONS.iter().find(|version| version.release == release)
}
