//! A kubeconfig that says where a webhook is: token and authorization webhooks are configured so.
//!
//! *Upstream:* `client-go/tools/clientcmd`, `apiserver/pkg/util/webhook/webhook.go`
//! (`LoadKubeconfig`).

use base64::Engine;
use serde_json::Value;

use super::{Place, Target};
use crate::object::yaml;

/// Reads a file that a kubeconfig names.
pub type ReadFile<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, String>;

/// The target of a kubeconfig's current context.
pub fn target(text: &[u8], read: ReadFile<'_>) -> Result<Target, String> {
    let document = yaml::first_document(text).map_err(|error| error.to_string())?;
    let config = document.value;
    let context = config["current-context"].as_str().unwrap_or("");
    let context = named(&config["contexts"], context, "context");
    let said = |name: &str| context[name].as_str().unwrap_or("").to_owned();
    let cluster = named(&config["clusters"], &said("cluster"), "cluster");
    let user = named(&config["users"], &said("user"), "user");
    let server = cluster["server"].as_str().unwrap_or("");
    if server.is_empty() {
        return Err("invalid configuration: no configuration has been provided".to_owned());
    }
    let bytes = |of: &Value, name: &str| data(of, name, read);
    let chain = bytes(user, "client-certificate")?;
    let key = bytes(user, "client-key")?;
    Ok(Target {
        place: Place::Url(server.to_owned()),
        ca_bundle: bytes(cluster, "certificate-authority")?.unwrap_or_default(),
        is_insecure: cluster["insecure-skip-tls-verify"] == true,
        server_name: cluster["tls-server-name"].as_str().unwrap_or("").to_owned(),
        identity: chain.zip(key),
        authorization: authorization(user, read)?,
    })
}

/// An entry of one of a kubeconfig's lists.
fn named<'a>(list: &'a Value, name: &str, part: &str) -> &'a Value {
    let items = list.as_array().into_iter().flatten();
    let mut found = items.filter(|item| item["name"] == name);
    found.next().map_or(&Value::Null, |item| &item[part])
}

/// What stands in the config itself (`NAME-data`), or in a file that it names.
fn data(of: &Value, name: &str, read: ReadFile<'_>) -> Result<Option<Vec<u8>>, String> {
    if let Some(text) = of[format!("{name}-data")].as_str() {
        let decoded = base64::engine::general_purpose::STANDARD.decode(text);
        return decoded.map(Some).map_err(|error| error.to_string());
    }
    of[name].as_str().map(read).transpose()
}

fn authorization(user: &Value, read: ReadFile<'_>) -> Result<String, String> {
    if let Some(token) = user["token"].as_str() {
        return Ok(format!("Bearer {token}"));
    }
    if let Some(file) = user["tokenFile"].as_str() {
        let token = String::from_utf8_lossy(&read(file)?).trim().to_owned();
        return Ok(format!("Bearer {token}"));
    }
    let (name, password) = (user["username"].as_str(), user["password"].as_str());
    Ok(name.map_or(String::new(), |name| {
        let pair = format!("{name}:{}", password.unwrap_or(""));
        let pair = base64::engine::general_purpose::STANDARD.encode(pair);
        format!("Basic {pair}")
    }))
}
