//! One authorizer among those of a cluster.
//!
//! *Upstream:* `pkg/kubeapiserver/authorizer/{config,reload}.go`.

use std::sync::Arc;

use super::abac::Policies;
use super::webhook::Far;

/// The kinds of authorizers, by kube-apiserver's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everything is allowed.
    AlwaysAllow,
    /// Nothing is.
    AlwaysDeny,
    /// By roles and bindings.
    Rbac,
    /// What kubelets need.
    Node,
    /// By policies of a file.
    Abac,
    /// By somebody far away.
    Webhook,
}

impl Mode {
    /// The mode of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "AlwaysAllow" => Self::AlwaysAllow,
            "AlwaysDeny" => Self::AlwaysDeny,
            "RBAC" => Self::Rbac,
            "Node" => Self::Node,
            "ABAC" => Self::Abac,
            "Webhook" => Self::Webhook,
            _ => return None,
        })
    }

    /// The name under which its reasons are told, where nobody gave it another.
    const fn name(self) -> &'static str {
        match self {
            Self::AlwaysAllow => "alwaysallow",
            Self::AlwaysDeny => "alwaysdeny",
            Self::Rbac => "rbac",
            Self::Node => "node",
            Self::Abac => "abac",
            Self::Webhook => "default",
        }
    }
}

/// One authorizer.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its kind.
    pub mode: Mode,
    /// The name under which its reasons are told.
    pub name: String,
    /// Whom it asks.
    pub far: Option<Arc<Far>>,
    /// What it goes by.
    pub policies: Option<Arc<Policies>>,
}

impl From<Mode> for Step {
    fn from(mode: Mode) -> Self {
        Self {
            mode,
            name: mode.name().to_owned(),
            far: None,
            policies: None,
        }
    }
}
