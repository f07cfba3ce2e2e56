//! Who controllers are: the names under which the parts of a cluster ask.
//!
//! *Upstream:* `apiserver/pkg/authentication/{serviceaccount,user}`,
//! `pkg/auth/nodeidentifier`.

use crate::auth::{AUTHENTICATED, MASTERS, User};

/// The namespace of the controllers' service accounts.
const NAMESPACE: &str = "kube-system";

/// A part of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A controller of kube-controller-manager, by its service account.
    ServiceAccount(&'static str),
    /// kube-controller-manager itself.
    ControllerManager,
    /// kube-scheduler.
    Scheduler,
    /// The kubelet of a node.
    Node(String),
    /// kube-apiserver.
    ApiServer,
    /// Who plays the Stages of what is neither pod nor node.
    Kwok,
    /// Whoever an embedder says, under a `User-Agent`.
    Other {
        /// Who.
        user: User,
        /// The `User-Agent`, and so the field manager.
        agent: String,
    },
}

impl Identity {
    /// The user that asks.
    pub fn user(&self) -> User {
        let user = |name: String, groups: &[&str]| User {
            name,
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            ..User::default()
        };
        match self {
            Self::ServiceAccount(name) => user(
                format!("system:serviceaccount:{NAMESPACE}:{name}"),
                &[
                    "system:serviceaccounts",
                    "system:serviceaccounts:kube-system",
                    AUTHENTICATED,
                ],
            ),
            Self::ControllerManager => user(
                "system:kube-controller-manager".to_owned(),
                &[AUTHENTICATED],
            ),
            Self::Scheduler => user("system:kube-scheduler".to_owned(), &[AUTHENTICATED]),
            Self::Node(name) => user(
                format!("system:node:{name}"),
                // Differs: a kubelet here is let in under every authorizer, for a cluster that is
                // started with RBAC alone has nodes too.
                &["system:nodes", MASTERS, AUTHENTICATED],
            ),
            Self::ApiServer => user("system:apiserver".to_owned(), &[MASTERS, AUTHENTICATED]),
            Self::Kwok => user(
                "system:serviceaccount:kube-system:kwok-controller".to_owned(),
                // Stages say of any kind what becomes of it.
                &[MASTERS, AUTHENTICATED],
            ),
            Self::Other { user, .. } => user.clone(),
        }
    }

    /// Its `User-Agent`, from which managed fields take their manager.
    pub fn agent(&self) -> &str {
        match self {
            Self::ServiceAccount(_) | Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Node(_) => "kubelet",
            Self::ApiServer => "kube-apiserver",
            Self::Kwok => "kwok",
            Self::Other { agent, .. } => agent,
        }
    }
}
