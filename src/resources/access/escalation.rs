//! Nobody grants what they do not have: roles by their rules, bindings by the rules of their role,
//! unless the verbs `escalate` and `bind` say otherwise.
//!
//! *Upstream:* `pkg/registry/rbac/{escalation_check,helpers}.go`,
//! `pkg/registry/rbac/*/policybased/storage.go`.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::auth::authorize::rbac::{self, RoleRef, Rule, cover};
use crate::auth::{Attributes, MASTERS};
use crate::error::{ApiError, Reason};
use crate::object::Object;
use crate::object::quote::quoted;
use crate::registry::{Context, Guard};
use crate::resources::shared::look::Look;

/// Looks at what a write would grant.
#[derive(Clone, Copy, Debug)]
pub(super) enum Escalation {
    /// By the rules of a role.
    Role,
    /// By a binding to a role.
    Binding,
}

impl Guard for Escalation {
    fn check<'a>(
        &'a self,
        cx: &'a Context<'a>,
        object: &'a Object,
        old: Option<&'a Object>,
    ) -> BoxFuture<'a, Result<(), ApiError>> {
        async move {
            if cx.user.is_in(MASTERS)
                || old.is_some_and(|old| is_collection_of_garbage(object, old))
            {
                return Ok(());
            }
            match self {
                Self::Role => role(cx, object, old).await,
                Self::Binding => binding(cx, object).await,
            }
        }
        .boxed()
    }
}

/// Whether a change is about owners and finalizers alone.
fn is_collection_of_garbage(object: &Object, old: &Object) -> bool {
    let stripped = |object: &Object| {
        let mut object = object.clone();
        object.set_managed_fields(None);
        for field in ["ownerReferences", "finalizers", "generation"] {
            object.metadata_mut().remove(field);
        }
        object
    };
    stripped(object) == stripped(old)
}

async fn role(cx: &Context<'_>, object: &Object, old: Option<&Object>) -> Result<(), ApiError> {
    let escalate = Attributes {
        verb: "escalate",
        is_resource: true,
        group: rbac::GROUP,
        version: "*",
        namespace: cx.namespace,
        resource: &cx.resource.plural,
        name: cx.name,
        ..Attributes::default()
    };
    let authorizer = &cx.access.authorizer;
    let decision = authorizer.decide(cx.reader, cx.user, &escalate).await;
    if decision.is_allowed() {
        return Ok(());
    }
    let rules = Rule::list(object.list("rules"));
    if let Some(why) = refusal(cx, &rules) {
        return Err(forbidden(cx, object, &why));
    }
    let aggregates = |object: &Object| {
        let rule = object.at("aggregationRule");
        !rule.list("clusterRoleSelectors").is_empty()
    };
    // What it will gather nobody knows, so it takes the right to everything.
    if aggregates(object) || old.is_some_and(aggregates) {
        let all = [
            Rule::resources(&["*"], &["*"], &["*"]),
            Rule::paths(&["*"], &["*"]),
        ];
        if refusal(cx, &all).is_some() {
            let why = "must have cluster-admin privileges to use the aggregationRule";
            return Err(forbidden(cx, object, why));
        }
    }
    Ok(())
}

async fn binding(cx: &Context<'_>, object: &Object) -> Result<(), ApiError> {
    let reference = object.at("roleRef");
    let role = RoleRef {
        kind: reference.text("kind").into(),
        name: reference.text("name").into(),
    };
    let plural = match &*role.kind {
        "Role" => "roles",
        "ClusterRole" => "clusterroles",
        _ => "",
    };
    let bind = Attributes {
        verb: "bind",
        is_resource: true,
        group: reference.text("apiGroup"),
        version: "*",
        namespace: cx.namespace,
        resource: plural,
        name: &role.name,
        ..Attributes::default()
    };
    if plural.is_empty() {
        let why = format!("unsupported role reference kind: {}", quoted(&role.kind));
        return Err(ApiError::new(Reason::Unknown, why));
    }
    let authorizer = &cx.access.authorizer;
    let decision = authorizer.decide(cx.reader, cx.user, &bind).await;
    if decision.is_allowed() {
        return Ok(());
    }
    if plural == "roles" && cx.namespace.is_empty() {
        return Err(ApiError::bad_request("Namespace parameter required."));
    }
    let Some(rules) = rbac::rules_of(cx.reader, &role, cx.namespace) else {
        // Upstream names what is written where it misses what is referred to.
        let resource = cx.resource.group_resource();
        return Err(ApiError::not_found(&resource, &role.name));
    };
    match refusal(cx, &rules) {
        Some(why) => Err(forbidden(cx, object, &why)),
        None => Ok(()),
    }
}

/// Why whoever asks may not grant these rules.
fn refusal(cx: &Context<'_>, rules: &[Rule]) -> Option<String> {
    let roles = cx.access.authorizer.rbac();
    let (owned, missing) = roles.rules(cx.reader, cx.user, cx.namespace);
    // Upstream names what is written where it misses what is referred to.
    let resource = cx.resource.group_resource();
    let missing: Vec<String> = missing
        .iter()
        .map(|role| {
            ApiError::not_found(&resource, &role.name)
                .message()
                .to_owned()
        })
        .collect();
    cover::refusal(cx.user, &owned, &missing, rules)
}

fn forbidden(cx: &Context<'_>, object: &Object, why: &str) -> ApiError {
    // A name that is generated is not known yet when this is looked at upstream.
    let is_named = !cx.name.is_empty() || object.generate_name().is_empty();
    let name = if is_named { object.name() } else { "" };
    ApiError::forbidden(&cx.resource.group_resource(), name, why)
}
