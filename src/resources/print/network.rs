//! What connects pods: services, endpoints, ingresses, policies, address ranges.
//!
//! *Upstream:* `pkg/printers/internalversion/printers.go`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::shared::{self, NONE, UNSET};
use crate::object::Object;
use crate::registry::Printer;

/// How many hosts, ports and addresses a cell shows.
const SHOWN: usize = 3;

pub(super) const SERVICE: Printer = Printer::new("core.Service", |object, now| {
    let addresses = object.items(&["spec", "clusterIPs"]);
    let address = addresses.first().and_then(Value::as_str).unwrap_or(NONE);
    let ports = service_ports(object);
    vec![
        shared::name(object),
        shared::text(object, &["spec", "type"]),
        address.into(),
        external_addresses(object).into(),
        shared::non_empty(&ports, NONE).into(),
        shared::age(object, now),
        shared::labels(object, &["spec", "selector"]),
    ]
});

fn external_addresses(service: &Object) -> String {
    let external = shared::joined(service, &["spec", "externalIPs"]);
    match service.text(&["spec", "type"]) {
        "ClusterIP" | "NodePort" => shared::non_empty(&external, NONE).to_owned(),
        "LoadBalancer" => match (load_balancer(service), external) {
            (balancer, external) if balancer.is_empty() && external.is_empty() => {
                "<pending>".to_owned()
            }
            (balancer, external) if balancer.is_empty() => external,
            (balancer, external) if external.is_empty() => balancer,
            (balancer, external) => format!("{balancer},{external}"),
        },
        "ExternalName" => service.text(&["spec", "externalName"]).to_owned(),
        _ => "<unknown>".to_owned(),
    }
}

/// Addresses of a load balancer, each once, sorted.
fn load_balancer(object: &Object) -> String {
    let points = object.items(&["status", "loadBalancer", "ingress"]);
    let addresses: BTreeSet<&str> = points
        .iter()
        .map(|point| {
            let part = |field: &str| point[field].as_str().unwrap_or("");
            shared::non_empty(part("ip"), part("hostname"))
        })
        .filter(|address| !address.is_empty())
        .collect();
    addresses.into_iter().collect::<Vec<_>>().join(",")
}

fn service_ports(service: &Object) -> String {
    let ports = service.items(&["spec", "ports"]).iter().map(|port| {
        let number = port["port"].as_i64().unwrap_or(0);
        let protocol = port["protocol"].as_str().unwrap_or("");
        match port["nodePort"].as_i64() {
            Some(node) if node > 0 => format!("{number}:{node}/{protocol}"),
            _ => format!("{number}/{protocol}"),
        }
    });
    ports.collect::<Vec<_>>().join(",")
}

pub(super) const ENDPOINTS: Printer = Printer::new("core.Endpoints", |object, now| {
    let addresses = endpoints(object);
    vec![
        shared::name(object),
        addresses.into(),
        shared::age(object, now),
    ]
});

/// Every address with every port; the addresses alone where there are no ports.
fn endpoints(object: &Object) -> String {
    let subsets = object.items(&["subsets"]);
    if subsets.is_empty() {
        return NONE.to_owned();
    }
    let (mut shown, mut total) = (Vec::new(), 0);
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for subset in subsets {
        let (ports, addresses) = (list(&subset["ports"]), list(&subset["addresses"]));
        let texts: Vec<String> = if ports.is_empty() {
            addresses.iter().map(|entry| text(&entry["ip"])).collect()
        } else {
            ports
                .iter()
                .flat_map(|port| addresses.iter().map(move |entry| (entry, port)))
                .map(|(entry, port)| host_port(&text(&entry["ip"]), &port["port"]))
                .collect()
        };
        total += texts.len();
        shown.extend(texts);
    }
    shown.truncate(SHOWN);
    shared::with_more(&shown, total, "")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("").to_owned()
}

/// An address of version 6 stands in brackets.
fn host_port(host: &str, port: &Value) -> String {
    let port = port.as_i64().unwrap_or(0);
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

pub(super) const ENDPOINT_SLICE: Printer =
    Printer::new("discovery.EndpointSlice", |object, now| {
        let ports = object.items(&["ports"]).iter().map(|port| {
            let number = port["port"].as_i64().map(|number| number.to_string());
            let name = || port["name"].as_str().map(str::to_owned);
            number.or_else(name).unwrap_or_else(|| "*".to_owned())
        });
        let endpoints = object.items(&["endpoints"]).iter();
        let addresses = endpoints.flat_map(|endpoint| shared::strings(&endpoint["addresses"]));
        vec![
            shared::name(object),
            shared::text(object, &["addressType"]),
            first_few(ports),
            first_few(addresses.map(str::to_owned)),
            shared::age(object, now),
        ]
    });

fn first_few(texts: impl Iterator<Item = String>) -> Value {
    let mut texts: Vec<String> = texts.collect();
    let total = texts.len();
    texts.truncate(SHOWN);
    shared::with_more(&texts, total, UNSET).into()
}

pub(super) const INGRESS: Printer = Printer::new("networking.Ingress", |object, now| {
    let has_tls = shared::count(object, &["spec", "tls"]) > 0;
    vec![
        shared::name(object),
        shared::text_or(object, &["spec", "ingressClassName"], NONE),
        hosts(object).into(),
        load_balancer(object).into(),
        if has_tls { "80, 443" } else { "80" }.into(),
        shared::age(object, now),
    ]
});

/// The hosts of the first rules. What is left out is counted in rules, not in hosts.
fn hosts(ingress: &Object) -> String {
    let rules = ingress.items(&["spec", "rules"]);
    let (mut shown, mut is_cut) = (Vec::new(), false);
    for rule in rules {
        is_cut |= shown.len() == SHOWN;
        let host = rule["host"].as_str().unwrap_or("");
        if !is_cut && !host.is_empty() {
            shown.push(host);
        }
    }
    match shown.join(",") {
        _ if shown.is_empty() => "*".to_owned(),
        text if is_cut => format!("{text} + {} more...", rules.len() - SHOWN),
        text => text,
    }
}

pub(super) const INGRESS_CLASS: Printer = Printer::new("networking.IngressClass", |object, now| {
    let mark = "ingressclass.kubernetes.io/is-default-class";
    let is_default = object.text(&["metadata", "annotations", mark]) == "true";
    let name = object.name();
    let name = if is_default {
        format!("{name} (default)")
    } else {
        name.to_owned()
    };
    let part = |field: &str| object.text(&["spec", "parameters", field]);
    let has_parameters = object
        .get(&["spec", "parameters"])
        .is_some_and(Value::is_object);
    let parameters = match object.get(&["spec", "parameters", "apiGroup"]) {
        _ if !has_parameters => NONE.to_owned(),
        Some(Value::String(group)) => format!("{}.{group}/{}", part("kind"), part("name")),
        _ => format!("{}/{}", part("kind"), part("name")),
    };
    vec![
        name.into(),
        shared::text(object, &["spec", "controller"]),
        parameters.into(),
        shared::age(object, now),
    ]
});

pub(super) const NETWORK_POLICY: Printer =
    Printer::new("networking.NetworkPolicy", |object, now| {
        let selector = shared::selector(object, &["spec", "podSelector"]);
        vec![shared::name(object), selector, shared::age(object, now)]
    });

pub(super) const SERVICE_CIDR: Printer = Printer::new("networking.ServiceCIDR", |object, now| {
    let ranges = shared::joined(object, &["spec", "cidrs"]);
    vec![
        shared::name(object),
        ranges.into(),
        shared::age(object, now),
    ]
});

/// Has a cell more than columns: the age, as the real server sends it.
pub(super) const IP_ADDRESS: Printer = Printer::new("networking.IPAddress", |object, now| {
    let part = |field: &str| object.text(&["spec", "parentRef", field]);
    let mut parent = NONE.to_owned();
    if object
        .get(&["spec", "parentRef"])
        .is_some_and(Value::is_object)
    {
        parent = part("resource").to_lowercase();
        if !part("group").is_empty() {
            parent = format!("{parent}.{}", part("group").to_lowercase());
        }
        if !part("namespace").is_empty() {
            parent = format!("{parent}/{}", part("namespace"));
        }
        parent = format!("{parent}/{}", part("name"));
    }
    vec![
        shared::name(object),
        parent.into(),
        shared::age(object, now),
    ]
});
