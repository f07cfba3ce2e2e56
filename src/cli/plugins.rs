//! Admission plugins by name, as the flags switch them.

use std::path::Path;

use serde_json::Value;

use super::Fault;
use super::files::read;
use crate::admission::plugins::{Row, Settings, TABLE};
use crate::object::yaml;

/// Checks the names of plugins to switch on and off.
pub(super) fn check(enable: &[String], disable: &[String]) -> Result<(), Fault> {
    let flags = [
        ("--enable-admission-plugins", enable),
        ("--disable-admission-plugins", disable),
    ];
    for (flag, names) in flags {
        for name in names {
            if !TABLE.iter().any(|row| row.name == name) {
                let known: Vec<&str> = TABLE.iter().map(|row| row.name).collect();
                return Err(Fault::usage(format!(
                    "{flag}: unknown admission plugin {name:?}; known are {}",
                    known.join(", ")
                )));
            }
        }
    }
    if let Some(name) = enable.iter().find(|name| disable.contains(name)) {
        return Err(Fault::usage(format!(
            "--enable-admission-plugins and --disable-admission-plugins both name {name}; leave \
             it in one of them"
        )));
    }
    for name in enable {
        let mut rows = TABLE.iter().filter(|row| row.name == name);
        if let Some(why) = rows.find_map(Row::missing) {
            return Err(Fault::usage(format!(
                "--enable-admission-plugins: {name} is not supported: {why}"
            )));
        }
    }
    Ok(())
}

const CONFIGURATION: &str = "--admission-control-config-file";

/// The configurations of plugins in a file: an `AdmissionConfiguration`.
///
/// *Upstream:* `apiserver/pkg/admission/config.go`.
pub(super) fn settings(path: &Path) -> Result<Settings, Fault> {
    let file = parse(path)?;
    let wrong = |why: String| Fault::usage(format!("{}: {why}", path.display()));
    // Two plugins had files of their own before there was a form for all.
    for (field, plugin) in [
        ("podNodeSelectorPluginConfig", "PodNodeSelector"),
        ("imagePolicy", "ImagePolicyWebhook"),
    ] {
        if file.get(field).is_some() {
            return Ok([(plugin.to_owned(), file)].into());
        }
    }
    let is_known = matches!(
        file["apiVersion"].as_str(),
        Some("apiserver.config.k8s.io/v1" | "apiserver.k8s.io/v1alpha1")
    );
    if !is_known || file["kind"] != "AdmissionConfiguration" {
        let why = "expected an apiserver.config.k8s.io/v1 AdmissionConfiguration";
        return Err(wrong(why.to_owned()));
    }
    let mut settings = Settings::new();
    for entry in file["plugins"].as_array().into_iter().flatten() {
        let name = entry["name"].as_str().unwrap_or("");
        if !TABLE.iter().any(|row| row.name == name) {
            return Err(wrong(format!("unknown admission plugin {name:?}")));
        }
        let value = match (&entry["configuration"], entry["path"].as_str()) {
            (Value::Null, Some(beside)) if !beside.is_empty() => {
                let folder = path.parent().unwrap_or(Path::new(""));
                parse(&folder.join(beside))?
            }
            (Value::Null, _) => continue,
            (value, _) => value.clone(),
        };
        settings.insert(name.to_owned(), value);
    }
    Ok(settings)
}

fn parse(path: &Path) -> Result<Value, Fault> {
    let text = read(CONFIGURATION, path)?;
    let wrong = |why: String| Fault::usage(format!("{}: {why}", path.display()));
    let document = yaml::first_document(text.as_bytes());
    let document = document.map_err(|error| wrong(error.to_string()))?;
    Ok(document.value)
}
