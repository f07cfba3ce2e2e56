//! Evictions: a pod goes, as far as its disruption budget lets it.
//!
//! *Upstream:* `pkg/registry/core/pod/storage/eviction.go`.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::binding::{admit, body, inner_request, set_condition, success};
use crate::error::{ApiError, Cause, Details, FieldErrors, Reason};
use crate::object::{FieldPath, GroupResource, GroupVersionKind, Key, Object, time};
use crate::registry::write::Changed;
use crate::registry::{
    Connect, Context, DeleteOptions, Options, Registry, Request, Response, Target, decode,
};
use crate::resources::shared::label_selector;
use crate::resources::shared::look::Look;
use crate::schema::tables;

/// Evictions that a budget's controller has not confirmed yet, at most.
const DISRUPTED_PODS_MAX: usize = 2000;
const WOULD_VIOLATE: &str = "Cannot evict pod as it would violate the pod's disruption budget.";

/// `pods/eviction`.
pub(super) struct Eviction;

impl Connect for Eviction {
    fn call<'a>(
        &'a self,
        registry: &'a Registry,
        cx: &'a Context<'a>,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<Response, ApiError>> {
        Box::pin(async move {
            let mut eviction = eviction(cx, request)?;
            // Differs: upstream looks at the name between admission that changes and that refuses.
            let name = eviction.at("metadata").text("name").to_owned();
            admit(registry, cx, &mut eviction).await?;
            if name != cx.name {
                return Err(ApiError::bad_request(
                    "name in URL does not match name in Eviction object",
                ));
            }
            let mut options = delete_options(cx, request, eviction.at("deleteOptions"))?;
            options.is_dry_run |= cx.is_dry_run;
            evict(registry, cx, request, options).await?;
            Ok(success())
        })
    }
}

/// The eviction in a body: of either version of its group.
fn eviction(cx: &Context, request: &Request) -> Result<Value, ApiError> {
    body(cx, request).or_else(|error| {
        let older = GroupVersionKind::new("policy", "v1beta1", "Eviction");
        let schema = tables::kind("policy", "v1", "Eviction");
        let read = schema.and_then(|schema| decode::body(cx, request, &older, &schema).ok());
        let read = read.filter(|eviction| eviction.api_version() == "policy/v1beta1");
        Ok(read.ok_or(error)?.into_value())
    })
}

fn delete_options(
    cx: &Context,
    request: &Request,
    options: &Value,
) -> Result<DeleteOptions, ApiError> {
    if options.is_null() {
        return Ok(DeleteOptions::default());
    }
    let field = "ignoreStoreReadErrorWithClusterBreakingPotential";
    if options.is_true(field) {
        let mut errors = FieldErrors::new();
        errors.invalid(
            &FieldPath::new("deleteOptions").child(field),
            &true.into(),
            "can not be set for pod eviction, try after removing the option",
        );
        let kind = GroupVersionKind::new("policy", "v1", "Eviction");
        return Err(ApiError::invalid(&kind, cx.name, &errors));
    }
    DeleteOptions::of(&Request {
        body: Bytes::from(options.to_string()),
        content_type: "application/json".to_owned(),
        ..request.clone()
    })
}

async fn evict(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
    mut options: DeleteOptions,
) -> Result<(), ApiError> {
    let key = cx.key()?;
    let pods = GroupResource::new("", "pods");
    let Some(stored) = cx.reader.get(&cx.resource.storage, &key) else {
        return Err(ApiError::not_found(&pods, cx.name));
    };
    let pod = stored.object();
    let phase = pod.at("status").text("phase");
    let is_over = matches!(phase, "Succeeded" | "Failed") || pod.is_being_deleted();
    let is_version_asked = options.resource_version.is_some();
    let mut is_guarded = false;
    let mut budget_name = String::new();
    if !is_over && phase != "Pending" {
        let budgets = budgets_of(cx, &pod)?;
        if budgets.len() > 1 {
            return Err(ApiError::new(
                Reason::Unknown,
                "This pod has more than one PodDisruptionBudget, which the eviction subresource \
                 does not support.",
            ));
        }
        if let Some(budget) = budgets.first() {
            budget.name().clone_into(&mut budget_name);
            is_guarded = is_outside_budget(&pod, budget);
            if !is_guarded {
                take_from_budget(registry, cx, request, budget, options.is_dry_run).await?;
            }
        }
    }
    // A pod that goes without regard to a budget must still be in the state that allowed it.
    if (is_guarded || phase == "Pending" && !is_over) && !is_version_asked {
        options.resource_version = Some(pod.resource_version().to_owned());
    }
    match delete(registry, cx, request, &key, options).await {
        Err(error) if error.reason() == Reason::Conflict && is_guarded && !is_version_asked => {
            Err(still_processed(&budget_name))
        }
        other => other,
    }
}

/// The budgets that select a pod.
fn budgets_of(cx: &Context, pod: &Object) -> Result<Vec<Object>, ApiError> {
    let resource = GroupResource::new("policy", "poddisruptionbudgets");
    let snapshot = cx
        .reader
        .snapshot(&resource, None)
        .map_err(|error| ApiError::internal(error.to_string()))?;
    let labels = pod.at("metadata").at("labels");
    Ok(snapshot
        .objects(Some(pod.namespace()), None)
        .map(|stored| stored.object())
        .filter(|budget| label_selector::matches(budget.at("spec").at("selector"), labels))
        .collect())
}

/// A pod that is not ready does not count in its budget, as long as enough others do.
fn is_outside_budget(pod: &Object, budget: &Object) -> bool {
    let is_ready =
        pod.at("status").list("conditions").iter().any(|condition| {
            condition.text("type") == "Ready" && condition.text("status") == "True"
        });
    if is_ready {
        return false;
    }
    let status = budget.at("status");
    let desired = status.number("desiredHealthy");
    budget.at("spec").text("unhealthyPodEvictionPolicy") == "AlwaysAllow"
        || status.number("currentHealthy") >= desired && desired > 0
}

fn cause(name: &str, rest: &str) -> Cause {
    Cause {
        reason: "DisruptionBudget".to_owned(),
        message: format!("The disruption budget {name} {rest}"),
        field: String::new(),
    }
}

fn still_processed(name: &str) -> ApiError {
    ApiError::new(Reason::TooManyRequests, WOULD_VIOLATE).with_details(Details {
        causes: vec![cause(name, "is still being processed by the server.")],
        retry_after_seconds: 10,
        ..Details::default()
    })
}

fn forbidden(name: &str, why: &str, rest: &str) -> ApiError {
    let resource = GroupResource::new("policy", "poddisruptionbudget");
    let error = ApiError::forbidden(&resource, name, why);
    let mut details = error.details().cloned().unwrap_or_default();
    let rest = format!("does not allow evicting pods currently: {rest}");
    details.causes.push(cause(name, &rest));
    error.with_details(details)
}

/// Why a budget lets no pod go.
fn exhausted(budget: &Object) -> ApiError {
    let status = budget.at("status");
    let refusal = status.list("conditions").iter().find(|condition| {
        condition.text("type") == "DisruptionAllowed"
            && condition.text("status") == "False"
            && !condition.text("message").is_empty()
    });
    let (desired, current) = (
        status.number("desiredHealthy"),
        status.number("currentHealthy"),
    );
    let not_now = "does not allow evicting pods currently";
    let rest = match refusal {
        Some(condition) if condition.text("reason") == "SyncFailed" => {
            let message = condition.text("message");
            format!("{not_now} because it failed sync: {message}")
        }
        _ if current <= desired => {
            format!("needs {desired} healthy pods and has {current} currently")
        }
        Some(condition) => {
            let (reason, message) = (condition.text("reason"), condition.text("message"));
            format!("{not_now} ({reason}): {message}")
        }
        None => not_now.to_owned(),
    };
    ApiError::new(Reason::TooManyRequests, WOULD_VIOLATE).with_details(Details {
        causes: vec![cause(budget.name(), &rest)],
        ..Details::default()
    })
}

/// The budget with one disruption less, or why it allows none.
fn decremented(cx: &Context, budget: &Object) -> Result<Object, ApiError> {
    let status = budget.at("status");
    let name = budget.name();
    if status.number("observedGeneration") < budget.generation() {
        return Err(still_processed(name));
    }
    let allowed = status.number("disruptionsAllowed");
    if allowed < 0 {
        let why = "pdb disruptions allowed is negative";
        return Err(forbidden(name, why, why));
    }
    if status.map("disruptedPods").map_or(0, serde_json::Map::len) > DISRUPTED_PODS_MAX {
        return Err(forbidden(
            name,
            "DisruptedPods map too big - too many evictions not confirmed by PDB controller",
            "too many pending evictions not confirmed by PDB controller",
        ));
    }
    if allowed == 0 {
        return Err(exhausted(budget));
    }
    let now = time::seconds(cx.now);
    let mut changed = budget.clone();
    changed.set(&["status", "disruptionsAllowed"], allowed - 1);
    changed.set(&["status", "disruptedPods", cx.name], now.as_str());
    if allowed == 1 {
        insufficient(&mut changed, &now);
    }
    Ok(changed)
}

fn insufficient(budget: &mut Object, now: &str) {
    let status = budget.at("status");
    let mut conditions = status.list("conditions").to_vec();
    let known = conditions
        .iter_mut()
        .find(|condition| condition.text("type") == "DisruptionAllowed");
    let since = known
        .as_ref()
        .filter(|condition| condition.text("status") == "False")
        .map_or(now, |condition| condition.text("lastTransitionTime"));
    let condition = json!({
        "type": "DisruptionAllowed",
        "status": "False",
        "reason": "InsufficientPods",
        "message": "",
        "lastTransitionTime": since,
        "observedGeneration": status.number("observedGeneration"),
    });
    match known {
        Some(known) => *known = condition,
        None => conditions.push(condition),
    }
    budget.set(&["status", "conditions"], conditions);
}

async fn take_from_budget(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
    budget: &Object,
    is_dry_run: bool,
) -> Result<(), ApiError> {
    if is_dry_run {
        decremented(cx, budget)?;
        return Ok(());
    }
    let target = Target {
        group: "policy".to_owned(),
        version: "v1".to_owned(),
        namespace: cx.namespace.to_owned(),
        resource: "poddisruptionbudgets".to_owned(),
        name: budget.name().to_owned(),
        subresource: "status".to_owned(),
        ..Target::default()
    };
    let request = Request {
        user_agent: "kube-apiserver".to_owned(),
        ..inner_request(request, target)
    };
    let resource = registry
        .catalog
        .resource("policy", "v1", "poddisruptionbudgets")
        .ok_or_else(ApiError::path_not_found)?;
    let options = Options::default();
    let own = registry.context(&request, &resource, &options);
    let mut change = |old: &Object| {
        Ok(Changed {
            object: decremented(cx, old)?,
            is_exact: false,
            is_tracked: false,
        })
    };
    let key = budget.key();
    registry.update_object(&own, &key, &mut change).await?;
    Ok(())
}

/// Says in the pod's status why it goes, and deletes it.
async fn delete(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
    key: &Key,
    mut options: DeleteOptions,
) -> Result<(), ApiError> {
    let write = Options {
        is_dry_run: options.is_dry_run,
        is_inner: true,
        ..Options::default()
    };
    let target = |subresource: &str| Target {
        subresource: subresource.to_owned(),
        ..request.target.clone()
    };
    if !options.is_dry_run {
        let inner = inner_request(request, target("status"));
        let own = registry.context(&inner, cx.resource, &write);
        let is_exact = options.resource_version.is_some();
        let asked = options.clone();
        let mut change = |old: &Object| {
            preconditions(&asked, old)?;
            let mut object = old.clone();
            let condition = json!({
                "type": "DisruptionTarget",
                "status": "True",
                "reason": "EvictionByEvictionAPI",
                "message": "Eviction API: evicting",
            });
            set_condition(cx, &mut object, condition);
            Ok(Changed {
                object,
                is_exact,
                // Upstream writes the condition past the managers.
                is_tracked: true,
            })
        };
        let written = registry.update_object(&own, key, &mut change).await?;
        if is_exact {
            let version = written.object.resource_version().to_owned();
            options.resource_version = Some(version);
        }
    }
    let inner = inner_request(request, target(""));
    let own = registry.context(&inner, cx.resource, &write);
    registry.delete_object(&own, key, &options).await?;
    Ok(())
}

fn preconditions(options: &DeleteOptions, old: &Object) -> Result<(), ApiError> {
    let checks = [
        (
            "UID",
            options.uid.as_deref(),
            old.uid(),
            "deleted and then recreated",
        ),
        (
            "ResourceVersion",
            options.resource_version.as_deref(),
            old.resource_version(),
            "modified",
        ),
    ];
    for (what, asked, found, how) in checks {
        let Some(asked) = asked.filter(|asked| !asked.is_empty() && *asked != found) else {
            continue;
        };
        let why = format!(
            "the {what} in the precondition ({asked}) does not match the {what} in record \
             ({found}). The object might have been {how}"
        );
        let resource = GroupResource::new("", "Pod");
        return Err(ApiError::conflict(&resource, old.name(), &why));
    }
    Ok(())
}
