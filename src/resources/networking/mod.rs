//! The kinds of the groups `networking.k8s.io` and `discovery.k8s.io`.

mod endpoint_slice;
mod ingress;
mod ip_address;
mod network_policy;

use crate::registry::Strategy;

/// The strategy of a resource of `networking.k8s.io`.
pub(super) fn strategy(plural: &str) -> Option<&'static dyn Strategy> {
    Some(match plural {
        "ingresses" => &ingress::INGRESS,
        "ingressclasses" => &ingress::INGRESS_CLASS,
        "ipaddresses" => &ip_address::IP_ADDRESS,
        "networkpolicies" => &network_policy::NETWORK_POLICY,
        "servicecidrs" => &ip_address::SERVICE_CIDR,
        _ => return None,
    })
}

/// The strategy of a resource of `discovery.k8s.io`.
pub(super) fn discovery_strategy(plural: &str) -> Option<&'static dyn Strategy> {
    (plural == "endpointslices").then_some(&endpoint_slice::ENDPOINT_SLICE as &dyn Strategy)
}
