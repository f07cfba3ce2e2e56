//! What an object uses, and which quotas' resources that is.
//!
//! *Upstream:* `pkg/quota/v1/evaluator/core`, `apiserver/pkg/quota/v1/generic/evaluator.go`,
//! `pkg/quota/v1/install/registry.go`.

use jiff::Timestamp;
use serde_json::Value;

use super::{claims, pods};
use crate::admission::plugins::usage::Usage;
use crate::admission::{Attributes, Operation};
use crate::object::quantity::{Format, Quantity};
use crate::object::{GroupResource, Object};

/// How objects of a resource are measured.
pub(super) enum Measure {
    Pods,
    Services,
    Claims,
    Devices,
    /// By their number, under these names.
    Number(Vec<String>),
}

/// Resources that no quota counts.
const IGNORED: [(&str, &str); 5] = [
    ("", "bindings"),
    ("", "componentstatuses"),
    ("", "events"),
    ("events.k8s.io", "events"),
    ("authorization.k8s.io", "localsubjectaccessreviews"),
];

/// What is counted under its own name as well, from before there was a scheme.
const ALIASES: [&str; 4] = [
    "configmaps",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
];

/// One.
pub(super) fn one() -> Quantity {
    Quantity::new(1, Format::DecimalSi)
}

/// The name under which objects of a resource are counted.
pub(super) fn count_name(group: &str, plural: &str) -> String {
    let dot = if group.is_empty() { "" } else { "." };
    format!("count/{plural}{dot}{group}")
}

impl Measure {
    /// How a write is measured; `None` where it cannot change what is used.
    pub(super) fn of(write: &Attributes, object: &Object) -> Option<Self> {
        let measure = Self::of_resource(&write.resource.group_resource())?;
        let is_main = write.subresource.is_empty();
        let is_seen = match measure {
            Self::Pods => pods::is_seen(write, object),
            Self::Services | Self::Devices => is_main,
            Self::Claims => claims::is_seen(write, object),
            Self::Number(_) => is_main && write.operation == Operation::Create,
        };
        is_seen.then_some(measure)
    }

    /// How objects of a resource are measured; `None` where no quota counts them.
    pub(super) fn of_resource(resource: &GroupResource) -> Option<Self> {
        let (group, plural) = (resource.group.as_ref(), resource.resource.as_ref());
        if IGNORED.contains(&(group, plural)) {
            return None;
        }
        Some(match (group, plural) {
            ("", "pods") => Self::Pods,
            ("", "services") => Self::Services,
            ("", "persistentvolumeclaims") => Self::Claims,
            ("resource.k8s.io", "resourceclaims") => Self::Devices,
            _ => {
                let mut names = vec![count_name(group, plural)];
                if group.is_empty() && ALIASES.contains(&plural) {
                    names.push(plural.to_owned());
                }
                Self::Number(names)
            }
        })
    }

    /// What an object uses.
    pub(super) fn usage(&self, object: &Object, now: Timestamp) -> Usage {
        match self {
            Self::Pods => pods::usage(object, now),
            Self::Services => services(object),
            Self::Claims => claims::usage(object),
            Self::Devices => claims::devices(object),
            Self::Number(names) => names.iter().map(|name| (name.clone(), one())).collect(),
        }
    }

    /// Those of the resources that the object may use.
    pub(super) fn matching<'n>(&self, names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
        names
            .filter(|name| match self {
                Self::Pods => pods::is_counted(name),
                Self::Services => SERVICES.contains(name),
                Self::Claims => claims::is_counted(name),
                Self::Devices => claims::is_device(name),
                Self::Number(own) => own.iter().any(|own| own == name),
            })
            .collect()
    }

    /// Whether an object is in a scope.
    pub(super) fn is_in_scope(&self, object: &Object, selector: &Value) -> bool {
        match self {
            Self::Pods => pods::is_in_scope(object, selector),
            Self::Claims => claims::is_in_scope(object, selector),
            _ => false,
        }
    }

    /// What an object must say where these resources are counted, and does not.
    pub(super) fn missing(&self, object: &Object, counted: &[&str]) -> Option<String> {
        match self {
            Self::Pods => pods::missing(object, counted),
            _ => None,
        }
    }
}

const SERVICES: [&str; 4] = [
    "count/services",
    "services",
    "services.nodeports",
    "services.loadbalancers",
];

fn services(service: &Object) -> Usage {
    let number = |count: usize| Quantity::new(count as i64, Format::DecimalSi);
    let ports = service.items(&["spec", "ports"]);
    let kind = service.text(&["spec", "type"]);
    let allocates = service.get(&["spec", "allocateLoadBalancerNodePorts"]);
    let node_ports = match kind {
        "NodePort" => ports.len(),
        "LoadBalancer" if allocates != Some(&Value::Bool(false)) => ports.len(),
        "LoadBalancer" => {
            let own = ports
                .iter()
                .filter(|port| port["nodePort"].as_i64().unwrap_or(0) != 0);
            own.count()
        }
        _ => 0,
    };
    [
        ("count/services", one()),
        ("services", one()),
        ("services.nodeports", number(node_ports)),
        (
            "services.loadbalancers",
            number(usize::from(kind == "LoadBalancer")),
        ),
    ]
    .into_iter()
    .map(|(name, amount)| (name.to_owned(), amount))
    .collect()
}
