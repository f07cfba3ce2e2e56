//! Which APIs are served beside the usual, or are not.
//!
//! *Upstream:* `apiserver/pkg/server/resourceconfig/helpers.go`.

/// Choices in the order they were made.
#[derive(Clone, Debug, Default)]
pub(super) struct RuntimeConfig(Vec<(String, bool)>);

impl RuntimeConfig {
    /// Adds a choice: `GROUP/VERSION`, `api/all`, `api/ga`, `api/beta` or `api/alpha`.
    pub(super) fn add(&mut self, api: &str, is_served: bool) {
        self.0.push((api.to_owned(), is_served));
    }

    /// Whether a group version is served; `None` where nobody said. What is said of the version
    /// counts more than what is said of its stage, and that more than what is said of all.
    pub(super) fn choice(&self, group_version: &str) -> Option<bool> {
        let version = group_version.rsplit('/').next().unwrap_or(group_version);
        let stage = match version {
            version if version.contains("alpha") => "api/alpha",
            version if version.contains("beta") => "api/beta",
            _ => "api/ga",
        };
        let last = |name: &str| {
            let mut choices = self.0.iter().rev();
            choices
                .find(|(api, _)| api == name)
                .map(|(_, is_served)| *is_served)
        };
        last(group_version)
            .or_else(|| last(&format!("api/{group_version}")).filter(|_| group_version == "v1"))
            .or_else(|| last(stage))
            .or_else(|| last("api/all"))
    }
}
