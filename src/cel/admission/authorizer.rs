//! `authorizer`: asking from an expression whether someone may do something.
//!
//! *Upstream:* `apiserver/pkg/cel/library/authz.go`.

use std::fmt;

/// Says whether someone may do something.
pub trait Authorizer: fmt::Debug + Sync {
    /// The decision on a check.
    fn authorize(&self, check: &Check) -> Decision;
}

/// A decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is allowed.
    pub is_allowed: bool,
    /// Why.
    pub reason: String,
    /// What went wrong while deciding.
    pub error: Option<String>,
}

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Check {
    /// Namespace and name of the service account that is asked about; `None`: who makes the
    /// request.
    pub service_account: Option<(String, String)>,
    /// What it is about.
    pub target: Target,
    /// The verb.
    pub verb: String,
}

/// What a check is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A path that is of no resource.
    Path(String),
    /// A resource; its version is any.
    Resource {
        /// Its group.
        group: String,
        /// Its plural name.
        resource: String,
        /// A subresource; empty where none.
        subresource: String,
        /// A namespace; empty where none.
        namespace: String,
        /// An object; empty where none.
        name: String,
        /// A field selector as written; empty where none.
        field_selector: String,
        /// A label selector as written; empty where none.
        label_selector: String,
    },
}

impl Default for Target {
    fn default() -> Self {
        Self::Path(String::new())
    }
}

impl Target {
    /// A resource of a group.
    pub(in crate::cel) fn resource(group: &str, resource: &str) -> Self {
        Self::Resource {
            group: group.to_owned(),
            resource: resource.to_owned(),
            subresource: String::new(),
            namespace: String::new(),
            name: String::new(),
            field_selector: String::new(),
            label_selector: String::new(),
        }
    }

    /// The part of a resource that a function sets.
    pub(in crate::cel) fn part(&mut self, function: &str) -> Option<&mut String> {
        let Self::Resource {
            subresource,
            namespace,
            name,
            field_selector,
            label_selector,
            ..
        } = self
        else {
            return None;
        };
        Some(match function {
            "subresource" => subresource,
            "namespace" => namespace,
            "name" => name,
            "fieldSelector" => field_selector,
            "labelSelector" => label_selector,
            _ => return None,
        })
    }
}

/// An authorizer, or what was begun to be asked of it, as a value.
#[derive(Clone, Debug)]
pub enum Question<'a> {
    /// `authorizer`
    Authorizer(Asked<'a>),
    /// `authorizer.path(…)`, `authorizer.group(…).resource(…)` and what follows.
    Check(Asked<'a>, Target),
    /// `authorizer.group(…)`
    Group(Asked<'a>, String),
    /// `….check(…)`
    Decision(Decision),
}

/// Who decides, and about whom.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// Who decides.
    pub authorizer: &'a dyn Authorizer,
    /// Namespace and name of the service account asked about; `None`: who makes the request.
    pub service_account: Option<(String, String)>,
}

impl Question<'_> {
    /// The name of its type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Authorizer(_) => "kubernetes.authorization.Authorizer",
            Self::Check(_, Target::Path(_)) => "kubernetes.authorization.PathCheck",
            Self::Check(..) => "kubernetes.authorization.ResourceCheck",
            Self::Group(..) => "kubernetes.authorization.GroupCheck",
            Self::Decision(_) => "kubernetes.authorization.Decision",
        }
    }
}
