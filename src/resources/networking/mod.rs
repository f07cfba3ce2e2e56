//! The kinds of the groups `networking.k8s.io` and `discovery.k8s.io`.

use super::shared::plain::Plain;
use crate::registry::Strategy;
use crate::registry::strategy::NameRule;

/// Kinds that differ by flags alone.
static INGRESS: Plain = Plain {
    counts_generation: true,
    ..Plain::DEFAULT
};
static INGRESS_CLASS: Plain = Plain {
    counts_generation: true,
    ..Plain::DEFAULT
};
static NETWORK_POLICY: Plain = Plain {
    counts_generation: true,
    ..Plain::DEFAULT
};
static IP_ADDRESS: Plain = Plain {
    name_rule: NameRule::Own,
    ..Plain::DEFAULT
};
static SERVICE_CIDR: Plain = Plain {
    resets_metadata_in_status: true,
    ..Plain::DEFAULT
};
static ENDPOINT_SLICE: Plain = Plain::DEFAULT;

/// The strategy of a resource of `networking.k8s.io`.
pub(super) fn strategy(plural: &str) -> Option<&'static dyn Strategy> {
    Some(match plural {
        "ingresses" => &INGRESS,
        "ingressclasses" => &INGRESS_CLASS,
        "networkpolicies" => &NETWORK_POLICY,
        "ipaddresses" => &IP_ADDRESS,
        "servicecidrs" => &SERVICE_CIDR,
        _ => return None,
    })
}

/// The strategy of a resource of `discovery.k8s.io`.
pub(super) fn discovery_strategy(plural: &str) -> Option<&'static dyn Strategy> {
    (plural == "endpointslices").then_some(&ENDPOINT_SLICE as &dyn Strategy)
}
