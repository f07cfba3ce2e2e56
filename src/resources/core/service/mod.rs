//! Services: their addresses and ports, and the rules between them.
//!
//! *Upstream:* `pkg/registry/core/service/{strategy.go,storage/storage.go}`.

mod addresses;
mod cluster_ips;
mod defaults;
mod endpoints;
mod families;
mod node_ports;
mod pool;
mod proxy;
mod update;
mod validate;
mod warnings;

pub use endpoints::ENDPOINTS;
use serde_json::Value;

use crate::error::{ApiError, FieldErrors};
use crate::object::{GroupVersionKind, Object};
use crate::registry::strategy::NameRule;
use crate::registry::write::Beside;
use crate::registry::{Connect, Context, Strategy};
use crate::resources::shared::look::Look;

/// What is special about services.
#[derive(Clone, Copy, Debug)]
pub struct ServiceStrategy;

impl Strategy for ServiceStrategy {
    fn default(&self, object: &mut Object) {
        defaults::fill(object);
    }

    fn reserve(
        &self,
        cx: &Context,
        object: &mut Object,
        old: Option<&Object>,
    ) -> Result<(), ApiError> {
        if !cx.subresource.is_empty() {
            return Ok(());
        }
        if let Some(old) = old {
            update::keep_allocated(object, old);
        }
        families::normalize_cluster_ips(object, old);
        families::init(cx, object, old)?;
        let mut taken = pool::Taken::new(cx);
        cluster_ips::reserve(cx, &mut taken, object, old)?;
        node_ports::reserve(cx, &mut taken, object, old)?;
        taken.keep();
        Ok(())
    }

    fn settle(&self, cx: &Context, object: &Object, old: Option<&Object>, _is_stored: bool) {
        if cx.subresource.is_empty() {
            pool::give_back(cx, object, old);
        }
    }

    fn beside(&self, object: &Object) -> Vec<Beside> {
        addresses::beside(object)
    }

    fn prepare_create(&self, _cx: &Context, object: &mut Object) -> Result<(), ApiError> {
        drop_internal_policy(object);
        Ok(())
    }

    fn prepare_update(
        &self,
        cx: &Context,
        object: &mut Object,
        old: &Object,
    ) -> Result<(), ApiError> {
        if cx.subresource.is_empty() {
            update::drop_fields_of_old_type(object, old);
            drop_internal_policy(object);
        }
        Ok(())
    }

    fn validate_create(&self, _cx: &Context, object: &Object) -> FieldErrors {
        validate::service(object, None)
    }

    fn validate_update(&self, cx: &Context, object: &Object, old: &Object) -> FieldErrors {
        if cx.subresource == "status" {
            return validate::status(object, old);
        }
        let mut errors = update::validate(object, old);
        errors.extend(validate::service(object, Some(old)));
        errors
    }

    fn warn(&self, cx: &Context, object: &Object, _old: Option<&Object>) {
        if cx.subresource.is_empty() {
            warnings::of_spec(cx, object);
        } else {
            warnings::of_status(cx, object);
        }
    }

    fn subresource(&self, name: &str) -> Option<&dyn Connect> {
        (name == "proxy").then_some(&proxy::Proxy as &dyn Connect)
    }

    fn name_rule(&self) -> NameRule {
        NameRule::Label
    }

    fn creates_on_update(&self) -> bool {
        true
    }

    fn answers_deleted_object(&self, _version: &str) -> bool {
        true
    }

    fn field_labels(&self) -> &'static [&'static str] {
        &["spec.clusterIP", "spec.type"]
    }
}

/// A name outside the cluster has no traffic in it, whatever the client says; but what it says is
/// checked.
fn drop_internal_policy(object: &mut Object) {
    let policy = object.at("spec").text("internalTrafficPolicy");
    if kind(object) == "ExternalName" && matches!(policy, "Cluster" | "Local") {
        object.remove(&["spec", "internalTrafficPolicy"]);
    }
}

/// The refusal of a service that cannot have what it asks for.
fn invalid(object: &Object, errors: &FieldErrors) -> ApiError {
    ApiError::invalid(
        &GroupVersionKind::new("", "v1", "Service"),
        object.name(),
        errors,
    )
}

/// `spec.type`.
fn kind(object: &Object) -> &str {
    object.at("spec").text("type")
}

/// Whether it has cluster IPs at all.
fn needs_cluster_ip(object: &Object) -> bool {
    kind(object) != "ExternalName"
}

/// Whether it is headless: told to have no cluster IP.
fn is_headless(object: &Object) -> bool {
    object.at("spec").texts("clusterIPs").eq(["None"])
}

/// Whether it can be reached from outside the cluster.
fn is_external(spec: &Value) -> bool {
    match spec.text("type") {
        "LoadBalancer" | "NodePort" => true,
        "ClusterIP" => !spec.list("externalIPs").is_empty(),
        _ => false,
    }
}

/// Whether a load balancer asks its nodes for their health.
fn needs_health_check(object: &Object) -> bool {
    let spec = object.at("spec");
    spec.text("type") == "LoadBalancer" && spec.text("externalTrafficPolicy") == "Local"
}

/// Whether its ports may stand on nodes.
fn is_on_nodes(object: &Object) -> bool {
    matches!(kind(object), "NodePort" | "LoadBalancer")
}

/// Whether its ports get node ports without asking for them.
fn allocates_node_ports(object: &Object) -> bool {
    let spec = object.at("spec");
    match spec.text("type") {
        "NodePort" => true,
        "LoadBalancer" => spec
            .at("allocateLoadBalancerNodePorts")
            .as_bool()
            .unwrap_or(true),
        _ => false,
    }
}
