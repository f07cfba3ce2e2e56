//! Defaults of a CustomResourceDefinition.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/apis/apiextensions/v1/defaults.go`.

use serde_json::{Value, json};

use crate::object::Object;

/// Fills in names and conversion.
pub(super) fn apply(object: &mut Object) {
    let kind = object.text(&["spec", "names", "kind"]).to_owned();
    if object.text(&["spec", "names", "singular"]).is_empty() && !kind.is_empty() {
        object.set(&["spec", "names", "singular"], kind.to_lowercase());
    }
    if object.text(&["spec", "names", "listKind"]).is_empty() && !kind.is_empty() {
        object.set(&["spec", "names", "listKind"], format!("{kind}List"));
    }
    if object
        .get(&["spec", "conversion"])
        .is_none_or(Value::is_null)
    {
        object.set(&["spec", "conversion"], json!({"strategy": "None"}));
    }
    let service = ["spec", "conversion", "webhook", "clientConfig", "service"];
    if let Some(Value::Object(service)) = object.get_mut(&service) {
        service.entry("port").or_insert_with(|| 443.into());
    }
    if object.items(&["status", "storedVersions"]).is_empty() {
        let versions = object.items(&["spec", "versions"]).iter();
        let stored = versions
            .filter(|version| version["storage"] == true)
            .map(|version| version["name"].clone())
            .next();
        if let Some(name) = stored {
            object.set(&["status", "storedVersions"], json!([name]));
        }
    }
}
