//! Asking as somebody else, by the `Impersonate-*` headers.
//!
//! Whoever asks needs the right to it in one of several ways, from the narrowest to the widest:
//! as the node their pod is on, as any node, as a service account, as a plain user — each of these
//! for certain verbs on certain things only — or as anybody, for everything. The way by which a
//! user last succeeded is tried first; its refusal is what they are told.
//!
//! Differs: rights once found are not remembered for ten seconds; what is withdrawn is gone at
//! once.
//!
//! *Upstream:* `apiserver/pkg/endpoints/filters/impersonation`.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::authorize::{Attributes, forbidden};
use super::service_account::{self, split_user_name};
use super::{AUTHENTICATED, Access, MASTERS, UNAUTHENTICATED, User};
use crate::error::ApiError;
use crate::object::label_syntax::subdomain_errors;
use crate::storage::Reader;

/// Whom a request wants to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Impersonation {
    /// The name; empty where none is asked for.
    pub user: String,
    /// The uid.
    pub uid: String,
    /// The groups, in the order sent.
    pub groups: Vec<String>,
    /// Anything else, by key in lower case.
    pub extra: Vec<(String, Vec<String>)>,
}

/// By which way each user succeeded last.
#[derive(Clone, Debug, Default)]
pub struct Modes(Arc<Mutex<BTreeMap<String, Mode>>>);

/// How many users are remembered.
const REMEMBERED_MAX: usize = 10_000;

/// So many checks are spared, if one for all of them succeeds.
const MANY: usize = 4;

/// The way in which somebody is somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    AssociatedNode,
    ArbitraryNode,
    ServiceAccount,
    UserInfo,
    Legacy,
}

const MODES: [Mode; 5] = [
    Mode::AssociatedNode,
    Mode::ArbitraryNode,
    Mode::ServiceAccount,
    Mode::UserInfo,
    Mode::Legacy,
];

/// The node whose kubelet a user name is.
fn node(user: &str) -> Option<&str> {
    let name = user.strip_prefix("system:node:")?;
    subdomain_errors(name).is_empty().then_some(name)
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::AssociatedNode => "associated-node",
            Self::ArbitraryNode => "arbitrary-node",
            Self::ServiceAccount => "serviceaccount",
            Self::UserInfo => "user-info",
            Self::Legacy => "legacy",
        }
    }

    /// Whether the way leads to whom is wanted.
    fn applies(self, wanted: &Impersonation, by: &User) -> bool {
        let is_bare = wanted.uid.is_empty() && wanted.groups.is_empty() && wanted.extra.is_empty();
        let wanted_node = node(&wanted.user);
        match self {
            Self::AssociatedNode => {
                let own = by.extra("authentication.kubernetes.io/node-name");
                is_bare
                    && wanted_node.is_some_and(|name| own.len() == 1 && own[0] == name)
                    && split_user_name(&by.name).is_some()
            }
            Self::ArbitraryNode => is_bare && wanted_node.is_some(),
            Self::ServiceAccount => is_bare && split_user_name(&wanted.user).is_some(),
            Self::UserInfo => wanted_node.is_none() && split_user_name(&wanted.user).is_none(),
            Self::Legacy => true,
        }
    }

    fn is_constrained(self) -> bool {
        self != Self::Legacy
    }

    /// The verb under which the right to be somebody is looked for.
    fn verb(self) -> String {
        match self {
            Self::Legacy => "impersonate".to_owned(),
            _ => format!("impersonate:{}", self.name()),
        }
    }
}

/// One attempt to be somebody else.
struct Attempt<'a> {
    mode: Mode,
    access: &'a Access,
    reader: &'a dyn Reader,
    /// Who asks; of a pod's node, without what differs from pod to pod.
    by: &'a User,
    verb: String,
}

impl Impersonation {
    /// Whether the headers ask for anything; a name of nothing and nothing else is no wish.
    pub fn is_asked(&self) -> bool {
        !(self.user.is_empty()
            && self.uid.is_empty()
            && self.groups.is_empty()
            && self.extra.is_empty())
    }

    /// The user to go on as, if `by` may become it, and under which constraint.
    pub async fn apply(
        &self,
        access: &Access,
        reader: &dyn Reader,
        by: &User,
        attributes: &Attributes<'_>,
    ) -> Result<(User, Option<String>), ApiError> {
        if self.user.is_empty() {
            return Err(ApiError::bad_request(format!(
                "requested {} without impersonating a user name",
                self.in_go()
            )));
        }
        let last = access.impersonations.0.lock().get(&by.name).copied();
        let others = MODES.into_iter().filter(|mode| Some(*mode) != last);
        let mut refusal = None;
        for mode in last.into_iter().chain(others) {
            if !mode.applies(self, by) {
                continue;
            }
            match self.attempt(mode, access, reader, by, attributes).await {
                Ok(user) => {
                    access.impersonations.remember(by, mode);
                    return Ok((user, mode.is_constrained().then(|| mode.verb())));
                }
                Err(error) => {
                    refusal.get_or_insert(error);
                }
            }
        }
        Err(refusal.unwrap_or_else(|| ApiError::internal("all impersonation modes failed")))
    }

    async fn attempt(
        &self,
        mode: Mode,
        access: &Access,
        reader: &dyn Reader,
        by: &User,
        attributes: &Attributes<'_>,
    ) -> Result<User, ApiError> {
        let mut by = by.clone();
        if mode == Mode::AssociatedNode {
            let mut keys: Vec<String> = by.extra.into_iter().map(|(key, _)| key).collect();
            keys.sort();
            let key = "authentication.kubernetes.io/associated-node-keys".to_owned();
            by.extra = vec![(key, keys)];
        }
        let attempt = Attempt {
            mode,
            access,
            reader,
            by: &by,
            verb: mode.verb(),
        };
        if mode.is_constrained() {
            let verb = format!("impersonate-on:{}:{}", mode.name(), attributes.verb);
            let asked = Attributes {
                verb: &verb,
                ..*attributes
            };
            attempt.check(&asked).await?;
        }
        let mut groups = attempt.user(self).await?;
        if !self.uid.is_empty() {
            attempt.part("uids", "", &self.uid).await?;
        }
        attempt.groups(&self.groups).await?;
        attempt.extra(&self.extra).await?;
        let is_in = |name: &str, groups: &[String]| groups.iter().any(|group| group == name);
        if self.user == User::ANONYMOUS {
            if !is_in(UNAUTHENTICATED, &groups) {
                groups.push(UNAUTHENTICATED.to_owned());
            }
        } else if !is_in(AUTHENTICATED, &groups) && !is_in(UNAUTHENTICATED, &groups) {
            groups.push(AUTHENTICATED.to_owned());
        }
        Ok(User {
            name: self.user.clone(),
            uid: self.uid.clone(),
            groups,
            extra: self.extra.clone(),
        })
    }

    /// What is asked for as Go prints it, which slips into a message.
    fn in_go(&self) -> String {
        let quoted = |list: &[String]| -> String {
            let items: Vec<String> = list.iter().map(|item| format!("{item:?}")).collect();
            format!("[]string{{{}}}", items.join(", "))
        };
        let groups = if self.groups.is_empty() {
            "[]string(nil)".to_owned()
        } else {
            quoted(&self.groups)
        };
        let extra = if self.extra.is_empty() {
            "map[string][]string(nil)".to_owned()
        } else {
            let entries = self.extra.iter();
            let entries: Vec<String> = entries
                .map(|(key, values)| format!("{key:?}:{}", quoted(values)))
                .collect();
            format!("map[string][]string{{{}}}", entries.join(", "))
        };
        format!(
            "&user.DefaultInfo{{Name:\"\", UID:{:?}, Groups:{groups}, Extra:{extra}}}",
            self.uid
        )
    }
}

impl Attempt<'_> {
    async fn check(&self, asked: &Attributes<'_>) -> Result<(), ApiError> {
        let authorizer = &self.access.authorizer;
        let decision = authorizer.decide(self.reader, self.by, asked).await;
        if decision.is_allowed() {
            return Ok(());
        }
        let reason = match decision.error {
            Some(error) if decision.reason.is_empty() => error,
            Some(error) => format!("{error}: {}", decision.reason),
            None => decision.reason,
        };
        Err(forbidden(self.by, asked, &reason))
    }

    /// What is asked for of a part of somebody's identity.
    fn about<'a>(
        &'a self,
        resource: &'a str,
        subresource: &'a str,
        name: &'a str,
    ) -> Attributes<'a> {
        // Users, groups and service accounts stand in the core group of old.
        let is_old = self.mode == Mode::Legacy && !matches!(resource, "uids" | "userextras");
        Attributes {
            verb: &self.verb,
            is_resource: true,
            group: if is_old { "" } else { "authentication.k8s.io" },
            version: "v1",
            resource,
            subresource,
            name,
            ..Attributes::default()
        }
    }

    async fn part(&self, resource: &str, subresource: &str, name: &str) -> Result<(), ApiError> {
        self.check(&self.about(resource, subresource, name)).await
    }

    /// Checks the name, and says which groups come with it.
    async fn user(&self, wanted: &Impersonation) -> Result<Vec<String>, ApiError> {
        let mut groups = wanted.groups.clone();
        let mut asked = self.about("users", "", &wanted.user);
        if let (true, Some(name)) = (self.mode.is_constrained(), node(&wanted.user)) {
            asked.resource = "nodes";
            asked.name = match self.mode {
                Mode::AssociatedNode => "*",
                _ => name,
            };
            groups = vec!["system:nodes".to_owned()];
        }
        if let Some((namespace, name)) = split_user_name(&wanted.user) {
            asked.resource = "serviceaccounts";
            asked.namespace = namespace;
            asked.name = name;
            if groups.is_empty() {
                groups = service_account::groups(namespace);
            }
        }
        self.check(&asked).await?;
        Ok(groups)
    }

    async fn groups(&self, groups: &[String]) -> Result<(), ApiError> {
        if self.mode.is_constrained() {
            let refuse = |name: &str, why: &str| {
                Err(forbidden(self.by, &self.about("groups", "", name), why))
            };
            if groups.iter().any(String::is_empty) {
                return refuse("", "impersonating the empty string group is not allowed");
            }
            if groups.iter().any(|group| group == MASTERS) {
                return refuse(
                    MASTERS,
                    "impersonating the system:masters group is not allowed",
                );
            }
            if groups.len() >= MANY && self.part("groups", "", "*").await.is_ok() {
                return Ok(());
            }
        }
        for group in groups {
            self.part("groups", "", group).await?;
        }
        Ok(())
    }

    async fn extra(&self, extra: &[(String, Vec<String>)]) -> Result<(), ApiError> {
        if extra.is_empty() {
            return Ok(());
        }
        if self.mode.is_constrained() {
            if let Some(why) = extra_fault(extra) {
                return Err(forbidden(self.by, &self.about("userextras", "", ""), &why));
            }
            let count: usize = extra.iter().map(|(_, values)| values.len()).sum();
            let is_large = extra.len() >= MANY || count >= MANY;
            if is_large && self.part("userextras", "*", "*").await.is_ok() {
                return Ok(());
            }
        }
        for (key, values) in extra {
            for value in values {
                self.part("userextras", key, value).await?;
            }
        }
        Ok(())
    }
}

impl Modes {
    fn remember(&self, by: &User, mode: Mode) {
        let mut modes = self.0.lock();
        if modes.len() >= REMEMBERED_MAX {
            modes.clear();
        }
        modes.insert(by.name.clone(), mode);
    }
}

/// What is wrong with extra values that a constraint has to speak of.
fn extra_fault(extra: &[(String, Vec<String>)]) -> Option<String> {
    for (key, values) in extra {
        let fault = if key.is_empty() {
            "the empty string key in extra is not allowed".to_owned()
        } else if !is_domain_prefixed_path(key) {
            format!(
                "an invalid key in extra is not allowed: extra.key: Invalid value: {key:?}: must \
                 be a domain-prefixed path (such as \"acme.io/foo\")"
            )
        } else if values.is_empty() {
            "empty values in extra is not allowed".to_owned()
        } else if values.iter().any(String::is_empty) {
            "the empty string value in extra is not allowed".to_owned()
        } else {
            continue;
        };
        return Some(format!("impersonating {fault}"));
    }
    None
}

/// *Upstream:* `apimachinery/pkg/util/validation/validation.go` (`IsDomainPrefixedPath`).
pub(super) fn is_domain_prefixed_path(key: &str) -> bool {
    let Some((domain, path)) = key.split_once('/') else {
        return false;
    };
    subdomain_errors(domain).is_empty()
        && !path.is_empty()
        && path
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "/-._~%!$&'()*+,;=:".contains(c))
}
