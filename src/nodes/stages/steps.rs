//! What a Stage does to an object, as a plan.
//!
//! *Upstream:* kwok's `pkg/utils/lifecycle/{next,finalizers,apply}.go`.

use serde_json::{Map, Value, json};

use super::functions::{Own, Places};
use super::stage::{Apply, Patch, Stage, Step};
use super::{COMPONENT, entropy};
use crate::auth::{AUTHENTICATED, User};
use crate::client::PatchKind;
use crate::nodes::template::Template;
use crate::object::{Object, yaml};
use crate::runner::kinds::{NODES, PODS};
use crate::runner::{About, Event, Identity, Kind, Plan, Step as Write, World};

/// The reason of events about stages that came to nothing.
const FAILED: &str = "StageFailed";

/// The plan of a stage that is due. What cannot be written out is told as an event of the object,
/// and ends it.
pub(super) fn plan(
    stage: &Stage,
    (world, kind): (&World, &Kind),
    object: &Object,
    places: &mut dyn Places,
) -> Plan {
    let mut own = Own {
        object,
        places,
        now: world.now,
        entropy: entropy(object),
    };
    let mut plan = Plan::nothing();
    let mut is_deleted = false;
    let about = || About::object(kind, object);
    for step in &stage.steps {
        let written = match step {
            Step::Event {
                is_warning,
                reason,
                message,
            } => {
                let event = if *is_warning {
                    Event::warning(about(), COMPONENT, reason, message)
                } else {
                    Event::normal(about(), COMPONENT, reason, message)
                };
                plan.event(event.acting_as(Identity::Kwok));
                continue;
            }
            _ if is_deleted => continue,
            Step::Finalizers {
                add,
                remove,
                empties,
            } => {
                let operations = finalizers(object, add, remove, *empties);
                if operations.is_empty() {
                    continue;
                }
                let (namespace, name) = (object.namespace(), object.name());
                let how = PatchKind::Json;
                Ok(as_user(
                    Write::patch(kind, namespace, name, how, operations.into()),
                    None,
                ))
            }
            Step::Delete => {
                is_deleted = true;
                Ok(as_user(Write::delete(kind, object).grace(0), None))
            }
            Step::Patch(patch) => change(patch, kind, object, &mut own),
            Step::Apply(apply) => make(apply, world, object, &mut own),
        };
        match written {
            Ok(write) => {
                let (about, stage) = (about(), stage.name.clone());
                plan.step(write.or_go_on().tell(move |outcome| {
                    // Who went meanwhile needs nothing any more.
                    let is_wrong = !outcome.is_success() && outcome.code != 404;
                    let message = format!("stage {stage}: {}", outcome.message());
                    is_wrong.then(|| failed(about, message))
                }));
            }
            Err(why) => {
                let message = format!("stage {}: {why}", stage.name);
                plan.event(failed(about(), message));
                break;
            }
        }
    }
    plan
}

fn failed(about: About, message: String) -> Event {
    let event = Event::warning(about, COMPONENT, FAILED, message);
    event.acting_as(Identity::Kwok)
}

/// Writes a template out and reads what it wrote.
fn written(template: &Template, object: &Object, own: &mut Own<'_>) -> Result<Value, String> {
    let data = Value::Object(object.as_map().clone());
    let text = template.render(&data, own).map_err(|why| why.to_string())?;
    let read = yaml::first_document(text.as_bytes());
    read.map(|document| document.value)
        .map_err(|why| why.to_string())
}

fn change(patch: &Patch, kind: &Kind, object: &Object, own: &mut Own<'_>) -> Result<Write, String> {
    let mut body = written(&patch.template, object, own)?;
    let is_known = kind.resource == PODS.resource || kind.resource == NODES.resource;
    let usual = if is_known {
        PatchKind::Strategic
    } else {
        PatchKind::Merge
    };
    let how = patch.how.unwrap_or(usual);
    if !patch.root.is_empty() {
        body = under(&patch.root, body, how);
    }
    let write = Write::patch(kind, object.namespace(), object.name(), how, body);
    let write = write.subresource(patch.subresource.clone());
    Ok(as_user(write, patch.user.as_deref()))
}

/// Puts a patch below a field.
fn under(root: &str, body: Value, how: PatchKind) -> Value {
    if how != PatchKind::Json {
        return Value::Object(Map::from_iter([(root.to_owned(), body)]));
    }
    let operations = body.as_array().cloned().unwrap_or_default().into_iter();
    operations
        .map(|mut operation| {
            let path = operation["path"].as_str().unwrap_or("");
            operation["path"] = format!("/{root}{path}").into();
            operation
        })
        .collect()
}

/// Makes another object, or changes it where it is there.
fn make(apply: &Apply, world: &World, object: &Object, own: &mut Own<'_>) -> Result<Write, String> {
    let mut body = written(&apply.template, object, own)?;
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let (api_version, kind) = (text(&body["apiVersion"]), text(&body["kind"]));
    let kind = world
        .kind_of(&api_version, &kind)
        .ok_or_else(|| format!("nothing is served as {kind} of {api_version}"))?;
    if kind.is_namespaced
        && body["metadata"]["namespace"]
            .as_str()
            .is_none_or(str::is_empty)
    {
        body["metadata"]["namespace"] = object.namespace().into();
    }
    let namespace = text(&body["metadata"]["namespace"]);
    let name = text(&body["metadata"]["name"]);
    let is_there = world.get(&kind, &namespace, &name).is_some();
    let write = match apply.how {
        Some(how) if is_there => Write::patch(&kind, &namespace, &name, how, body),
        Some(_) => Write::create(&kind, Object::from_value(body).unwrap_or_default()),
        None => {
            let query = "fieldManager=kwok&force=true";
            Write::apply(&kind, &namespace, &name, query, body)
        }
    };
    let write = write.subresource(apply.subresource.clone());
    Ok(as_user(write, apply.user.as_deref()))
}

fn as_user(write: Write, name: Option<&str>) -> Write {
    let user = |name: &str| User {
        name: name.to_owned(),
        groups: vec![AUTHENTICATED.to_owned()],
        ..User::default()
    };
    write.acting_as(match name {
        Some(name) => Identity::Other {
            user: user(name),
            agent: COMPONENT.to_owned(),
        },
        None => Identity::Kwok,
    })
}

/// The operations that bring finalizers to what they should be.
fn finalizers(object: &Object, add: &[String], remove: &[String], empties: bool) -> Vec<Value> {
    let before: Vec<&str> = object.finalizers().collect();
    let is_kept = |one: &&str| !empties && !remove.iter().any(|gone| gone == one);
    let mut after: Vec<&str> = before.iter().copied().filter(is_kept).collect();
    for one in add {
        if !after.contains(&one.as_str()) {
            after.push(one);
        }
    }
    let path = "/metadata/finalizers";
    match (before == after, before.is_empty(), after.is_empty()) {
        (true, ..) => Vec::new(),
        (_, _, true) => vec![json!({"op": "remove", "path": path})],
        _ => vec![json!({"op": "add", "path": path, "value": after})],
    }
}
