//! IP addresses and CIDRs, parsed as sloppily as upstream parses them, and checked as strictly.
//!
//! *Upstream:* `apimachinery/pkg/util/validation/ip.go`, `utils/net/parse.go`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use super::look::Look;
use crate::error::FieldErrors;
use crate::object::FieldPath;

/// An address as Go's `net.ParseIP` of old reads it: leading zeros are decimal, and an
/// IPv4-mapped IPv6 address is the IPv4 address.
pub fn parse(text: &str) -> Option<IpAddr> {
    if text.contains(':') {
        let address: Ipv6Addr = text.parse().ok()?;
        return Some(match address.to_ipv4_mapped() {
            Some(mapped) => IpAddr::V4(mapped),
            None => IpAddr::V6(address),
        });
    }
    let mut octets = [0_u8; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts.next()?;
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *octet = part
            .trim_start_matches('0')
            .parse()
            .or_else(|error| {
                if part.bytes().all(|byte| byte == b'0') {
                    Ok(0)
                } else {
                    Err(error)
                }
            })
            .ok()?;
    }
    parts
        .next()
        .is_none()
        .then(|| IpAddr::V4(Ipv4Addr::from(octets)))
}

/// Whether the text is an IPv6 address (an IPv4-mapped one is not).
pub fn is_v6(text: &str) -> bool {
    matches!(parse(text), Some(IpAddr::V6(_)))
}

/// Whether the text is an IPv4 address.
pub fn is_v4(text: &str) -> bool {
    matches!(parse(text), Some(IpAddr::V4(_)))
}

/// A network: an address and how many of its bits are the network's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    /// The address as written.
    pub address: IpAddr,
    /// Bits of the prefix.
    pub bits: u8,
}

impl Cidr {
    /// A network from its text.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/')?;
        let address_is_v6_text = address.contains(':');
        let address = parse(address)?;
        if bits.is_empty() || bits.len() > 8 || !bits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let mut bits: u32 = bits.parse().ok()?;
        if address_is_v6_text && address.is_ipv4() {
            // An IPv4-mapped network keeps the bits beyond the mapping.
            if !(96..=128).contains(&bits) {
                return None;
            }
            bits -= 96;
        }
        let max = if address.is_ipv4() { 32 } else { 128 };
        (bits <= max).then_some(Self {
            address,
            bits: bits as u8,
        })
    }

    /// The network's first address.
    pub fn first(&self) -> IpAddr {
        match self.address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from(u32::from(address) & mask))
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX
                    .checked_shl(128 - u32::from(self.bits))
                    .unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from(u128::from(address) & mask))
            }
        }
    }

    /// How many addresses it has, as a power of two.
    pub fn host_bits(&self) -> u32 {
        let width = if self.address.is_ipv4() { 32 } else { 128 };
        width - u32::from(self.bits)
    }

    /// The address `offset` places after the first.
    pub fn nth(&self, offset: u128) -> IpAddr {
        match self.first() {
            IpAddr::V4(first) => {
                IpAddr::V4(Ipv4Addr::from(u32::from(first).wrapping_add(offset as u32)))
            }
            IpAddr::V6(first) => IpAddr::V6(Ipv6Addr::from(u128::from(first).wrapping_add(offset))),
        }
    }

    /// The place of an address in the network.
    pub fn offset(&self, address: IpAddr) -> Option<u128> {
        let offset = match (self.first(), address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                u128::from(u32::from(address).checked_sub(u32::from(first))?)
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                u128::from(address).checked_sub(u128::from(first))?
            }
            _ => return None,
        };
        (self.host_bits() >= 128 || offset < 1 << self.host_bits()).then_some(offset)
    }

    /// Whether an address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.offset(address).is_some()
    }
}

impl std::fmt::Display for Cidr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.first(), self.bits)
    }
}

const BAD_IP: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const MAPPED_IP: &str = "must not be an IPv4-mapped IPv6 address";
const ZEROS_IP: &str = "must not have leading 0s";
const BAD_CIDR: &str = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

/// An address of an old field: in standard form, if not canonical.
pub fn check_legacy(errors: &mut FieldErrors, path: &FieldPath, text: &str) {
    match parse(text) {
        None => errors.invalid(path, &text.into(), BAD_IP),
        Some(address) if address.is_ipv4() && text.contains(':') => {
            errors.invalid(path, &text.into(), MAPPED_IP);
        }
        Some(address) if address.is_ipv4() && text.parse::<Ipv4Addr>().is_err() => {
            errors.invalid(path, &text.into(), ZEROS_IP);
        }
        Some(_) => {}
    }
}

/// An address in canonical form.
pub fn check(errors: &mut FieldErrors, path: &FieldPath, text: &str) {
    let mut wrong = FieldErrors::new();
    check_legacy(&mut wrong, path, text);
    if let (true, Some(address)) = (wrong.is_empty(), parse(text))
        && text != address.to_string()
    {
        let detail = format!("must be in canonical form (\"{address}\")");
        wrong.invalid(path, &text.into(), detail);
    }
    errors.extend(wrong);
}

/// A network of an old field: in standard form, if not canonical.
pub fn check_cidr_legacy(errors: &mut FieldErrors, path: &FieldPath, text: &str) -> Option<Cidr> {
    let value: Value = text.into();
    let Some(cidr) = Cidr::parse(text) else {
        errors.invalid(path, &value, BAD_CIDR);
        return None;
    };
    let (address, bits) = text.split_once('/').unwrap_or((text, ""));
    let is_mapped = address.contains(':') && cidr.address.is_ipv4();
    let has_zeros = (cidr.address.is_ipv4() && !is_mapped && address.parse::<Ipv4Addr>().is_err())
        || (bits.len() > 1 && bits.starts_with('0'));
    if has_zeros {
        errors.invalid(
            path,
            &value,
            "must not have leading 0s in IP or prefix length",
        );
    } else if is_mapped {
        errors.invalid(path, &value, "must not have an IPv4-mapped IPv6 address");
    } else if cidr.first() != cidr.address {
        errors.invalid(
            path,
            &value,
            "must not have bits set beyond the prefix length",
        );
    } else {
        return Some(cidr);
    }
    None
}

/// A network in canonical form.
pub fn check_cidr(errors: &mut FieldErrors, path: &FieldPath, text: &str) -> Option<Cidr> {
    let cidr = check_cidr_legacy(errors, path, text)?;
    if text != cidr.to_string() {
        errors.invalid(
            path,
            &text.into(),
            format!("must be in canonical form (\"{cidr}\")"),
        );
    }
    Some(cidr)
}

/// An address of an interface: with the bits of its network, in canonical form.
pub fn check_interface_address(errors: &mut FieldErrors, path: &FieldPath, text: &str) {
    let Some(cidr) = Cidr::parse(text) else {
        let detail = "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)";
        errors.invalid(path, &text.into(), detail);
        return;
    };
    let canonical = format!("{}/{}", cidr.address, cidr.bits);
    if text != canonical {
        let detail = format!("must be in canonical form ({canonical:?})");
        errors.invalid(path, &text.into(), detail);
    }
}

/// What to warn of an address of an old field.
pub fn warning(path: &FieldPath, text: &str) -> Option<String> {
    let address = parse(text)?;
    let is_standard = match address {
        IpAddr::V4(_) => text.parse::<Ipv4Addr>().is_ok(),
        IpAddr::V6(_) => true,
    };
    if !is_standard {
        return Some(format!(
            "{path}: non-standard IP address {text:?} is invalid: use \"{address}\""
        ));
    }
    (address.is_ipv6() && address.to_string() != text).then(|| {
        format!(
            "{path}: IPv6 address {text:?} should be in RFC 5952 canonical format (\"{address}\")"
        )
    })
}

/// What to warn of a network of an old field.
pub fn cidr_warnings(path: &FieldPath, text: &str) -> Vec<String> {
    let Some(cidr) = Cidr::parse(text) else {
        return Vec::new();
    };
    let mut warnings = Vec::new();
    if cidr.first() != cidr.address {
        let width = if cidr.address.is_ipv4() { 32 } else { 128 };
        warnings.push(format!(
            "{path}: CIDR value {text:?} is ambiguous in this context (should be \"{cidr}\" or \
             \"{}/{width}\"?)",
            cidr.address
        ));
    }
    let (address, bits) = text.split_once('/').unwrap_or((text, ""));
    let is_standard = match cidr.address {
        IpAddr::V4(_) => address.parse::<Ipv4Addr>().is_ok(),
        IpAddr::V6(_) => true,
    } && !(bits.len() > 1 && bits.starts_with('0'));
    if !is_standard {
        warnings.push(format!(
            "{path}: non-standard CIDR value {text:?} is invalid: use \"{cidr}\""
        ));
    } else if warnings.is_empty() && cidr.address.is_ipv6() && cidr.to_string() != text {
        warnings.push(format!(
            "{path}: IPv6 CIDR value {text:?} should be in RFC 5952 canonical format (\"{cidr}\")"
        ));
    }
    warnings
}

/// An address that endpoints may have.
pub fn check_endpoint(errors: &mut FieldErrors, path: &FieldPath, text: &str) {
    let value: Value = text.into();
    let Some(address) = parse(text) else {
        errors.invalid(path, &value, "must be a valid IP address");
        return;
    };
    let (is_link_local, is_link_local_multicast) = match address {
        IpAddr::V4(v4) => (v4.is_link_local(), v4.octets()[..3] == [224, 0, 0]),
        IpAddr::V6(v6) => (
            v6.segments()[0] & 0xffc0 == 0xfe80,
            v6.segments()[0] & 0xff0f == 0xff02,
        ),
    };
    if address.is_unspecified() {
        errors.invalid(path, &value, format!("may not be unspecified ({text})"));
    }
    if address.is_loopback() {
        let detail = "may not be in the loopback range (127.0.0.0/8, ::1/128)";
        errors.invalid(path, &value, detail);
    }
    if is_link_local {
        let detail = "may not be in the link-local range (169.254.0.0/16, fe80::/10)";
        errors.invalid(path, &value, detail);
    }
    if is_link_local_multicast {
        let detail = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)";
        errors.invalid(path, &value, detail);
    }
}

/// The address of a load balancer's ingress point; one that `known` holds stays good.
pub fn check_ingress(errors: &mut FieldErrors, path: &FieldPath, point: &Value, known: &[Value]) {
    let text = point.text("ip");
    if !text.is_empty() && !known.iter().any(|known| known.text("ip") == text) {
        check_legacy(errors, &path.child("ip"), text);
    }
}

/// The host name of a load balancer's ingress point.
pub fn check_ingress_hostname(errors: &mut FieldErrors, path: &FieldPath, point: &Value) {
    let host = point.text("hostname");
    if host.is_empty() {
        return;
    }
    let path = path.child("hostname");
    super::names::subdomain(errors, &path, host);
    if parse(host).is_some() {
        errors.invalid(&path, &host.into(), "must be a DNS name, not an IP address");
    }
}
