//! Pods.
//!
//! *Upstream:* `pkg/registry/core/pod/strategy.go`.

mod binding;
mod container_status;
mod eviction;
mod face;
mod log;
mod prepare;
mod resize;
mod status;
mod streams;
mod update;
mod validate;

use crate::error::{ApiError, FieldErrors};
use crate::object::{FieldPath, Object};
use crate::registry::{Connect, Context, Strategy, Way};
use crate::resources::shared::look::Look;
use crate::resources::shared::names::check_label;
use crate::resources::shared::plain::value_at;
use crate::resources::shared::pod_template::{defaults, warnings};
use crate::schema::Resource;

pub(super) use binding::BINDINGS;

/// What is special about pods.
#[derive(Clone, Copy, Debug)]
pub struct PodStrategy;

impl Strategy for PodStrategy {
    fn default(&self, object: &mut Object) {
        defaults::pod(object.as_map_mut());
    }

    fn prepare_create(&self, cx: &Context, object: &mut Object) -> Result<(), ApiError> {
        prepare::create(cx, object);
        Ok(())
    }

    fn prepare_update(
        &self,
        cx: &Context,
        object: &mut Object,
        old: &Object,
    ) -> Result<(), ApiError> {
        match cx.subresource {
            "status" => status::prepare(object, old),
            "ephemeralcontainers" => face::ephemeral_containers(object, old),
            "resize" => face::resize(object, old),
            _ => prepare::update(object, old),
        }
        Ok(())
    }

    fn resets(&self, subresource: &str) -> &'static [&'static str] {
        match subresource {
            "status" => &["metadata.deletionTimestamp", "metadata.ownerReferences"],
            _ => &[],
        }
    }

    fn validate_create(&self, _cx: &Context, object: &Object) -> FieldErrors {
        validate::create(object)
    }

    fn validate_update(&self, cx: &Context, object: &Object, old: &Object) -> FieldErrors {
        match cx.subresource {
            "status" => status::validate(object, old),
            "ephemeralcontainers" => update::ephemeral_containers(object, old),
            "resize" => resize::validate(object, old),
            _ => update::validate(cx, object, old),
        }
    }

    fn warn(&self, cx: &Context, object: &Object, old: Option<&Object>) {
        if old.is_some() {
            if cx.subresource == "status" {
                status::warn(cx, object);
            }
            return;
        }
        let wrong = check_label(object.name());
        if !wrong.is_empty() {
            cx.warn(format!(
                "metadata.name: this is used in the Pod's hostname, which can result in \
                 surprising behavior; a DNS label is recommended: [{}]",
                wrong.join(" ")
            ));
        }
        for warning in warnings::warnings(&FieldPath::ROOT, object, false) {
            cx.warn(warning);
        }
    }

    fn counts_generation(&self) -> bool {
        true
    }

    fn field_labels(&self) -> &'static [&'static str] {
        &[
            "spec.hostNetwork",
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.nominatedNodeName",
            "status.phase",
            "status.podIP",
            "status.podIPs",
        ]
    }

    fn field_alias<'a>(&self, _resource: &Resource, label: &'a str) -> Option<&'a str> {
        // What the label was called in the first clients.
        Some(match label {
            "spec.host" => "spec.nodeName",
            label => label,
        })
    }

    fn field_value(&self, object: &Object, label: &str) -> String {
        match label {
            "spec.hostNetwork" => object.at("spec").is_true("hostNetwork").to_string(),
            "status.podIP" => {
                let first = object.at("status").list("podIPs").first();
                first.map_or("", |entry| entry.text("ip")).to_owned()
            }
            _ => value_at(object, label),
        }
    }

    fn grace_seconds(&self, object: &Object, asked: Option<i64>) -> Option<i64> {
        let spec = object.at("spec");
        let own = spec.integer("terminationGracePeriodSeconds");
        let is_finished = matches!(object.at("status").text("phase"), "Failed" | "Succeeded");
        if spec.text("nodeName").is_empty() || is_finished {
            return Some(0);
        }
        let seconds = asked.or(own).unwrap_or(0);
        Some(if seconds < 0 { 1 } else { seconds })
    }

    fn answers_deleted_object(&self, _version: &str) -> bool {
        true
    }

    fn bypasses_rules(&self, subresource: &str) -> bool {
        subresource == "binding"
    }

    fn subresource(&self, name: &str) -> Option<&dyn Connect> {
        match name {
            "binding" => Some(&binding::Binding),
            "eviction" => Some(&eviction::Eviction),
            "log" => Some(&log::Log),
            "exec" => Some(&streams::Streams(Way::Exec)),
            "attach" => Some(&streams::Streams(Way::Attach)),
            "portforward" => Some(&streams::Streams(Way::Forward)),
            "proxy" => Some(&streams::Proxy),
            _ => None,
        }
    }
}
