//! The priority of a pod is that of its class.
//!
//! *Upstream:* `plugin/pkg/admission/priority/admission.go`.

use super::{forbidden, is_of_pods};
use crate::admission::{Attributes, Operation, Plugin};
use crate::error::ApiError;
use crate::object::{GroupResource, Key, Object};

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct Priority;

/// What a class gives to its pods.
struct Class {
    name: String,
    value: i64,
    preemption: String,
}

impl Class {
    fn of(class: &Object) -> Self {
        Self {
            name: class.name().to_owned(),
            value: class.integer(&["value"]).unwrap_or(0),
            preemption: class.text(&["preemptionPolicy"]).to_owned(),
        }
    }
}

impl Plugin for Priority {
    fn name(&self) -> &'static str {
        "Priority"
    }

    fn mutate(&self, write: &Attributes, object: &mut Object) -> Result<(), ApiError> {
        if !is_of_pods(write) {
            return Ok(());
        }
        match (write.operation, write.old) {
            (Operation::Create, _) => admit(write, object),
            (Operation::Update, Some(old)) => {
                keep(object, old);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Clients that do not know the fields leave them out.
fn keep(object: &mut Object, old: &Object) {
    for field in ["priority", "preemptionPolicy"] {
        let path = ["spec", field];
        if object.get(&path).is_none_or(serde_json::Value::is_null)
            && let Some(value) = old.get(&path)
        {
            object.set(&path, value.clone());
        }
    }
}

fn admit(write: &Attributes, object: &mut Object) -> Result<(), ApiError> {
    let class = class_of(write, object)?;
    let own = object.integer(&["spec", "priority"]);
    if let Some(own) = own.filter(|own| *own != class.value) {
        let why = format!(
            "the integer value of priority ({own}) must not be provided in pod spec; priority \
             admission controller computed {} from the given PriorityClass name",
            class.value
        );
        return Err(forbidden(write, object, &why));
    }
    if !class.name.is_empty() {
        object.set(&["spec", "priorityClassName"], class.name);
    }
    object.set(&["spec", "priority"], class.value);
    let own = object.text(&["spec", "preemptionPolicy"]);
    let computed = class.preemption;
    if computed.is_empty() {
        return Ok(());
    }
    if !own.is_empty() && own != computed {
        let why = format!(
            "the string value of PreemptionPolicy ({own}) must not be provided in pod spec; \
             priority admission controller computed {computed} from the given PriorityClass name"
        );
        return Err(forbidden(write, object, &why));
    }
    object.set(&["spec", "preemptionPolicy"], computed);
    Ok(())
}

/// Whether a class says that it is the default, if only in some annotation.
fn may_be_default(json: &[u8]) -> bool {
    std::str::from_utf8(json).is_ok_and(|json| json.contains("\"globalDefault\":true"))
}

/// The class a pod names, or the one for those that name none.
fn class_of(write: &Attributes, object: &Object) -> Result<Class, ApiError> {
    let classes = GroupResource::new("scheduling.k8s.io", "priorityclasses");
    let name = object.text(&["spec", "priorityClassName"]);
    if !name.is_empty() {
        let class = write.reader.get(&classes, &Key::new("", name));
        let why = format!("no PriorityClass with name {name} was found");
        return class
            .map(|class| Class::of(&class.object()))
            .ok_or_else(|| forbidden(write, object, &why));
    }
    let all = write.reader.snapshot(&classes, None);
    let all = all.map_err(|error| ApiError::internal(error.to_string()))?;
    let default = all
        .objects(None, None)
        // Every pod comes by here, so only a class that may be the default is parsed.
        .filter(|class| may_be_default(class.json()))
        .map(|class| class.object())
        .filter(|class| class.is_true(&["globalDefault"]))
        .map(|class| Class::of(&class))
        .min_by_key(|class| class.value);
    Ok(default.unwrap_or_else(|| Class {
        name: String::new(),
        value: 0,
        preemption: "PreemptLowerPriority".to_owned(),
    }))
}
