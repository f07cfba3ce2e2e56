//! Addresses and networks.
//!
//! *Upstream:* `apiserver/pkg/cel/library/{ip,cidr}.go`.

use std::net::IpAddr;

use super::netip;

use crate::cel::eval::{Failure, Outcome};
use crate::cel::value::Value;
use crate::object::quote::quoted;

/// The result of a function over addresses; `None` where it is none.
pub(super) fn call<'a>(name: &str, values: &[Value<'a>]) -> Option<Outcome<'a>> {
    let outcome = match (name, values) {
        ("ip", [Value::String(text)]) => address(text).map(Value::Ip),
        ("isIP", [Value::String(text)]) => Ok(Value::Bool(address(text).is_ok())),
        ("ip.isCanonical", [Value::String(text)]) => {
            address(text).map(|address| Value::Bool(address.to_string() == text.as_ref()))
        }
        ("ip", [Value::Cidr(address, _)]) => Ok(Value::Ip(*address)),
        ("family", [Value::Ip(address)]) => Ok(Value::Int(if address.is_ipv4() { 4 } else { 6 })),
        ("isUnspecified", [Value::Ip(address)]) => Ok(Value::Bool(address.is_unspecified())),
        ("isLoopback", [Value::Ip(address)]) => Ok(Value::Bool(address.is_loopback())),
        ("isLinkLocalMulticast", [Value::Ip(address)]) => {
            Ok(Value::Bool(is_link_local_multicast(*address)))
        }
        ("isLinkLocalUnicast", [Value::Ip(address)]) => Ok(Value::Bool(is_link_local(*address))),
        ("isGlobalUnicast", [Value::Ip(address)]) => Ok(Value::Bool(is_global(*address))),
        ("cidr", [Value::String(text)]) => {
            network(text).map(|(address, bits)| Value::Cidr(address, bits))
        }
        ("isCIDR", [Value::String(text)]) => Ok(Value::Bool(network(text).is_ok())),
        ("containsIP", [Value::Cidr(net, bits), Value::Ip(inner)]) => {
            Ok(Value::Bool(contains(*net, *bits, *inner)))
        }
        ("containsIP", [Value::Cidr(net, bits), Value::String(text)]) => {
            // Upstream hides why the text is no address.
            address(text)
                .map(|inner| Value::Bool(contains(*net, *bits, inner)))
                .map_err(|_| Failure::no_overload())
        }
        ("containsCIDR", [Value::Cidr(net, bits), Value::Cidr(inner, inner_bits)]) => Ok(
            Value::Bool(inner_bits >= bits && contains(*net, *bits, *inner)),
        ),
        ("containsCIDR", [Value::Cidr(net, bits), Value::String(text)]) => {
            network(text).map(|(inner, inner_bits)| {
                Value::Bool(inner_bits >= *bits && contains(*net, *bits, inner))
            })
        }
        ("masked", [Value::Cidr(net, bits)]) => Ok(Value::Cidr(masked(*net, *bits), *bits)),
        ("prefixLength", [Value::Cidr(_, bits)]) => Ok(Value::Int(i64::from(*bits))),
        _ => return None,
    };
    Some(outcome)
}

fn address(text: &str) -> Result<IpAddr, Failure> {
    let (parsed, zone) = netip::address(text).map_err(|why| {
        let text = quoted(text);
        Failure::new(format!(
            "IP Address {text} parse error during conversion from string: {why}"
        ))
    })?;
    if zone {
        let text = quoted(text);
        return Err(Failure::new(format!(
            "IP address {text} with zone value is not allowed"
        )));
    }
    unmapped(parsed, text)
}

fn unmapped(parsed: IpAddr, text: &str) -> Result<IpAddr, Failure> {
    match parsed {
        IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => Err(Failure::new(format!(
            "IPv4-mapped IPv6 address {} is not allowed",
            quoted(text)
        ))),
        parsed => Ok(parsed),
    }
}

fn network(text: &str) -> Result<(IpAddr, u8), Failure> {
    // Upstream says so twice where it cannot be read at all.
    const WHAT: &str = "network address parse error during conversion from string: ";
    let (net, bits) =
        netip::prefix(text).map_err(|why| Failure::new(format!("{WHAT}{WHAT}{why}")))?;
    match unmapped(net, text) {
        Ok(net) => Ok((net, bits)),
        Err(Failure(why)) => Err(Failure::new(format!("{WHAT}{why}"))),
    }
}

fn masked(net: IpAddr, bits: u8) -> IpAddr {
    match net {
        IpAddr::V4(net) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            IpAddr::V4((u32::from(net) & mask).into())
        }
        IpAddr::V6(net) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            IpAddr::V6((u128::from(net) & mask).into())
        }
    }
}

fn contains(net: IpAddr, bits: u8, inner: IpAddr) -> bool {
    net.is_ipv4() == inner.is_ipv4() && masked(net, bits) == masked(inner, bits)
}

fn is_link_local_multicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.octets()[..3] == [224, 0, 0],
        IpAddr::V6(address) => address.segments()[0] & 0xff0f == 0xff02,
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.segments()[0] & 0xffc0 == 0xfe80,
    }
}

fn is_global(address: IpAddr) -> bool {
    let is_broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !address.is_unspecified()
        && !address.is_loopback()
        && !address.is_multicast()
        && !is_link_local(address)
        && !is_broadcast
}
