//! What differs between two servers by nature, and what differs between two objects.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Replaces what a server draws or counts itself, unless `input` said it.
pub(crate) fn mask(object: &mut Value, input: &Value) {
    let uid = object["metadata"]["uid"].as_str().unwrap_or("").to_owned();
    let name = match &input["metadata"]["name"] {
        Value::String(_) => String::new(),
        _ => object["metadata"]["name"].as_str().unwrap_or("").to_owned(),
    };
    drop_controllers(object);
    if let Some(entries) = object["metadata"]["managedFields"].as_array_mut() {
        for entry in entries {
            *entry = digest(entry);
        }
    }
    if object["metadata"]["resourceVersion"].is_string() {
        object["metadata"]["resourceVersion"] = json!("REVISION");
    }
    let said = input.to_string();
    walk(object, input, &mut |key, value, input| {
        if let Value::String(text) = value {
            if !uid.is_empty() && !said.contains(&uid) {
                *text = text.replace(&uid, "UID");
            }
            if !name.is_empty() {
                *text = text.replace(&name, "NAME");
            }
            if is_time(text) && !said.contains(text.as_str()) {
                "TIME".clone_into(text);
            }
        }
        let is_said = input.is_some_and(|input| input == value);
        match key {
            "clusterIP" | "clusterIPs" if !is_said && is_address(value) => *value = json!("IP"),
            "nodePort" | "healthCheckNodePort" if !is_said && value.as_u64() >= Some(30000) => {
                *value = json!("PORT");
            }
            _ => {}
        }
    });
}

/// Drops what controllers within a kube-apiserver may have written meanwhile, or not yet.
fn drop_controllers(object: &mut Value) {
    let controllers = [
        "api-priority-and-fairness-config-consumer-v1",
        "kube-apiserver",
    ];
    let is_watched = matches!(object["kind"].as_str(), Some("FlowSchema" | "APIService"));
    let Some(entries) = object["metadata"]["managedFields"].as_array_mut() else {
        return;
    };
    let count = entries.len();
    entries.retain(|entry| !controllers.iter().any(|name| entry["manager"] == *name));
    if is_watched && entries.len() < count {
        object["status"] = json!({});
    }
}

/// Visits every scalar with the key it stands under and its counterpart.
fn walk(value: &mut Value, input: &Value, visit: &mut dyn FnMut(&str, &mut Value, Option<&Value>)) {
    fn step(
        key: &str,
        value: &mut Value,
        input: Option<&Value>,
        visit: &mut dyn FnMut(&str, &mut Value, Option<&Value>),
    ) {
        match value {
            Value::Object(map) => {
                for (key, item) in map.iter_mut() {
                    step(key, item, input.and_then(|input| input.get(key)), visit);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    step(key, item, input.and_then(|input| input.get(index)), visit);
                }
            }
            scalar => visit(key, scalar, input),
        }
    }
    step("", value, Some(input), visit);
}

/// A Status without the uids that it names.
pub(crate) fn mask_uids(status: &Value) -> Value {
    let groups = [8, 4, 4, 4, 12].map(|count| format!("[0-9a-f]{{{count}}}"));
    let uid = regex::Regex::new(&groups.join("-")).unwrap();
    serde_json::from_str(&uid.replace_all(&status.to_string(), "UID")).unwrap()
}

pub(crate) fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 20 && bytes[4] == b'-' && bytes[7] == b'-' && bytes[10] == b'T'
}

fn is_address(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains(['.', ':']))
}

/// A field manager's entry in few characters: who, and a digest of what.
fn digest(entry: &Value) -> Value {
    let fields = Sha256::digest(entry["fieldsV1"].to_string());
    let mut text = format!(
        "{} {} {} {} ",
        entry["manager"].as_str().unwrap_or("?"),
        entry["operation"].as_str().unwrap_or("?"),
        entry["apiVersion"].as_str().unwrap_or("?"),
        entry["subresource"].as_str().unwrap_or("-"),
    );
    for byte in fields.iter().take(6) {
        write!(text, "{byte:02x}").unwrap();
    }
    if crate::setting("MOCKERNETES_COMPARE_FIELDS").is_some() {
        write!(text, " {}", entry["fieldsV1"]).unwrap();
    }
    json!(text)
}

/// What was changed to make `new` of `old`: values by JSON pointer, null for what is gone.
pub(crate) fn changes(old: &Value, new: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    collect("", Some(old), Some(new), &mut found);
    found
}

fn collect(
    path: &str,
    old: Option<&Value>,
    new: Option<&Value>,
    found: &mut BTreeMap<String, Value>,
) {
    match (old, new) {
        (old, new) if old == new => {}
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            for key in old
                .keys()
                .chain(new.keys().filter(|key| !old.contains_key(*key)))
            {
                let step = key.replace('~', "~0").replace('/', "~1");
                collect(&format!("{path}/{step}"), old.get(key), new.get(key), found);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            for index in 0..old.len().max(new.len()) {
                let path = format!("{path}/{index}");
                collect(&path, old.get(index), new.get(index), found);
            }
        }
        (_, new) => {
            found.insert(path.to_owned(), new.cloned().unwrap_or(Value::Null));
        }
    }
}

/// Two answers, as far as they differ, for people.
pub(crate) fn difference(our: Option<&Value>, their: Option<&Value>) -> String {
    let (Some(our), Some(their)) = (our, their) else {
        let what = if our.is_none() {
            "is no case any more"
        } else {
            "is not recorded yet"
        };
        return format!("    {what}\n");
    };
    let mut text = String::new();
    for path in changes(our, their).keys() {
        let (our, their) = (our.pointer(path), their.pointer(path));
        let show = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
        writeln!(
            text,
            "    {path}\n      ours:   {}\n      theirs: {}",
            show(our),
            show(their)
        )
        .unwrap();
    }
    text
}
