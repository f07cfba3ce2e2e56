//! One registration: a group version, and who answers for it.
//!
//! *Upstream:* `kube-aggregator/pkg/apis/apiregistration/v1/types.go`,
//! `kube-aggregator/pkg/apiserver/handler_proxy.go`, `client-go/transport/round_trippers.go`.

use std::fmt::Write;

use base64::Engine;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::auth::User;
use crate::object::{GroupVersion, Object};
use crate::webhook::{Place, Target};

/// A group version that is registered and not served from here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Registered {
    /// The name of its `APIService`.
    pub name: String,
    /// The priorities of its group and of its version.
    pub priority: (u32, u32),
    /// Who answers for it; `None` where it is said to be served from here, and is not.
    pub target: Option<Target>,
    /// Whether it is answered for here all the same, though nothing of it is stored.
    pub is_here: bool,
    /// Whether they could be reached when they were last asked.
    pub is_available: bool,
    /// What it says it has, as in an aggregated discovery document; `None` where it says nothing.
    pub resources: Option<Value>,
    /// The address of its `OpenAPI` document, where it has one.
    pub openapi: Option<String>,
    /// Its paths and definitions, as in a document of `OpenAPI` 2.
    pub swagger: Option<Value>,
}

impl Registered {
    /// What an `APIService` registers; `identity` is what this server shows of itself.
    pub fn of(service: &Object, identity: Option<&(Vec<u8>, Vec<u8>)>) -> Self {
        let spec = service.get(&["spec"]).unwrap_or(&Value::Null);
        let number = |field: &str| spec[field].as_u64().unwrap_or(0) as u32;
        Self {
            name: service.name().to_owned(),
            priority: (number("groupPriorityMinimum"), number("versionPriority")),
            target: target(spec, identity),
            is_here: false,
            is_available: is_available(service),
            resources: None,
            openapi: None,
            swagger: None,
        }
    }

    /// Whether somebody else than the store's verbs answers for it.
    pub fn is_remote(&self) -> bool {
        self.target.is_some() || self.is_here
    }
}

/// The group version that an `APIService` is about.
pub(super) fn group_version(service: &Object) -> GroupVersion {
    let group = service.text(&["spec", "group"]);
    GroupVersion::new(group, service.text(&["spec", "version"]))
}

fn target(spec: &Value, identity: Option<&(Vec<u8>, Vec<u8>)>) -> Option<Target> {
    let service = spec.get("service").filter(|service| service.is_object())?;
    let text = |field: &str| service[field].as_str().unwrap_or("").to_owned();
    let (namespace, name) = (text("namespace"), text("name"));
    let bundle = spec["caBundle"].as_str().unwrap_or("");
    let bundle = base64::engine::general_purpose::STANDARD.decode(bundle);
    Some(Target {
        server_name: format!("{name}.{namespace}.svc"),
        place: Place::Service {
            namespace,
            name,
            port: service["port"].as_u64().unwrap_or(443) as u16,
            path: String::new(),
        },
        ca_bundle: bundle.unwrap_or_default(),
        is_insecure: spec["insecureSkipTLSVerify"] == true,
        identity: identity.cloned(),
        authorization: String::new(),
    })
}

fn is_available(service: &Object) -> bool {
    let mut conditions = service.items(&["status", "conditions"]).iter();
    conditions.any(|one| one["type"] == "Available" && one["status"] == "True")
}

/// Says in headers who asks, to a server that believes this one. Whatever a client said there
/// itself is gone.
pub fn identify(headers: &mut HeaderMap, user: &User) {
    let claimed: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("x-remote-"))
        .cloned()
        .collect();
    for name in claimed {
        headers.remove(name);
    }
    let mut put = |name: &str, text: &str| {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(text)) {
            headers.append(name, value);
        }
    };
    put("x-remote-user", &user.name);
    if !user.uid.is_empty() {
        put("x-remote-uid", &user.uid);
    }
    for group in &user.groups {
        put("x-remote-group", group);
    }
    for (key, values) in &user.extra {
        let name = format!("x-remote-extra-{}", escaped(key));
        for value in values {
            put(&name, value);
        }
    }
}

/// A key as it may stand in the name of a header.
fn escaped(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&'*+-.^_`|~".contains(&byte) {
            out.push(char::from(byte.to_ascii_lowercase()));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
