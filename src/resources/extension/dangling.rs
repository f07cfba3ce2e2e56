//! Whether the priority level that a flow schema names is there.
//!
//! *Upstream:* `apiserver/pkg/util/flowcontrol/apf_controller.go` (`presyncFlowSchemaStatus`).

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;

use crate::object::quote::quoted;
use crate::object::{GroupResource, Key, Object, time};
use crate::registry::{Follower, Registry, Target, Verb};
use crate::resources::shared::look::Look;

const GROUP: &str = "flowcontrol.apiserver.k8s.io";
const SCHEMAS: &str = "flowschemas";
const LEVELS: &str = "prioritylevelconfigurations";
const MANAGER: &str = "api-priority-and-fairness-config-consumer-v1";

/// Says of a flow schema that was written whether its priority level is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfSchema;

impl Follower for OfSchema {
    fn follow<'a>(&'a self, registry: &'a Registry, object: &'a Object) -> BoxFuture<'a, ()> {
        say(registry, object.name().to_owned()).boxed()
    }
}

/// Says it of all that name a priority level that was written or is gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfLevel;

impl Follower for OfLevel {
    fn follow<'a>(&'a self, registry: &'a Registry, object: &'a Object) -> BoxFuture<'a, ()> {
        async move {
            let resource = GroupResource::new(GROUP, SCHEMAS);
            let Ok(snapshot) = registry.reader.snapshot(&resource, None) else {
                return;
            };
            for stored in snapshot.objects.values() {
                if level(&stored.object()) == object.name() {
                    say(registry, stored.key.name().to_owned()).await;
                }
            }
        }
        .boxed()
    }
}

/// The priority level that a flow schema names.
fn level(schema: &Object) -> &str {
    let spec = schema.at("spec");
    spec.at("priorityLevelConfiguration").text("name")
}

async fn say(registry: &Registry, name: String) {
    let read = |plural: &str, name: &str| {
        let resource = GroupResource::new(GROUP, plural);
        registry.reader.get(&resource, &Key::new("", name))
    };
    let Some(schema) = read(SCHEMAS, &name).map(|stored| stored.object()) else {
        return;
    };
    let level = level(&schema);
    let about = format!(
        "This FlowSchema references the PriorityLevelConfiguration object named {}",
        quoted(level)
    );
    let [status, reason, what] = if read(LEVELS, level).is_some() {
        ["False", "Found", "and it exists"]
    } else {
        ["True", "NotFound", "but there is no such object"]
    };
    let message = format!("{about} {what}");
    let known = schema.at("status").list("conditions").iter();
    let mut known = known.filter(|one| one.text("type") == "Dangling");
    if known.next().is_some_and(|known| {
        known.text("status") == status
            && known.text("reason") == reason
            && known.text("message") == message
    }) {
        return;
    }
    let applied = json!({
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "FlowSchema",
        "metadata": {"name": name},
        "status": {"conditions": [{
            "type": "Dangling",
            "status": status,
            "reason": reason,
            "message": message,
            "lastTransitionTime": time::seconds(registry.clock.now()),
        }]},
    });
    apply(registry, name, applied.to_string()).await;
}

async fn apply(registry: &Registry, name: String, body: String) {
    let target = Target {
        group: GROUP.to_owned(),
        version: "v1".to_owned(),
        resource: SCHEMAS.to_owned(),
        name,
        subresource: "status".to_owned(),
        ..Target::default()
    };
    let mut request = Registry::own_request(Verb::Patch, target, body.into());
    "application/apply-patch+yaml".clone_into(&mut request.content_type);
    let said = [("fieldManager", MANAGER), ("force", "true")];
    request.query = said
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    if let Err(error) = registry.handle(&request).await {
        tracing::debug!(%error, "following a flow schema");
    }
}
