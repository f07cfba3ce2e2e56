//! Addresses and prefixes as Go reads them, and what it says of those it cannot read.
//!
//! *Upstream:* `net/netip`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::object::quote::quoted;

/// What is wrong with an address, and where.
struct Wrong<'t>(&'static str, &'t str);

/// An address and whether it names a zone.
pub(super) fn address(text: &str) -> Result<(IpAddr, bool), String> {
    let said = |Wrong(why, at): Wrong| {
        let at = match at {
            "" => String::new(),
            at => format!(" (at {})", quoted(at)),
        };
        format!("ParseAddr({}): {why}{at}", quoted(text))
    };
    match text.find(['.', ':', '%']).map(|at| text.as_bytes()[at]) {
        Some(b'.') => v4(text)
            .map(|octets| (IpAddr::V4(Ipv4Addr::from(octets)), false))
            .map_err(said),
        Some(b':') => v6(text).map_err(said),
        Some(_) => Err(said(Wrong("missing IPv6 address", ""))),
        None => Err(said(Wrong("unable to parse IP", ""))),
    }
}

/// An address and the length of a prefix of it.
pub(super) fn prefix(text: &str) -> Result<(IpAddr, u8), String> {
    let said = |why: String| format!("netip.ParsePrefix({}): {why}", quoted(text));
    let (net, bits) = text
        .rsplit_once('/')
        .ok_or_else(|| said("no '/'".to_owned()))?;
    let (net, has_zone) = address(net).map_err(said)?;
    if has_zone {
        return Err(said("IPv6 zones cannot be present in a prefix".to_owned()));
    }
    let bad = || said(format!("bad bits after slash: {}", quoted(bits)));
    if bits.len() > 1 && !bits.starts_with(|c: char| ('1'..='9').contains(&c)) {
        return Err(bad());
    }
    let bits: i64 = bits.parse().map_err(|_| bad())?;
    let max = if net.is_ipv4() { 32 } else { 128 };
    match u8::try_from(bits) {
        Ok(bits) if bits <= max => Ok((net, bits)),
        _ => Err(said("prefix length out of range".to_owned())),
    }
}

fn v4(text: &str) -> Result<[u8; 4], Wrong<'_>> {
    let mut octets = [0; 4];
    let (mut value, mut place, mut digits) = (0_u32, 0, 0);
    let bytes = text.as_bytes();
    for (index, byte) in bytes.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                if digits == 1 && value == 0 {
                    return Err(Wrong("IPv4 field has octet with leading zero", ""));
                }
                value = value * 10 + u32::from(byte - b'0');
                digits += 1;
                if value > 255 {
                    return Err(Wrong("IPv4 field has value >255", ""));
                }
            }
            b'.' => {
                if index == 0 || index == bytes.len() - 1 || bytes[index - 1] == b'.' {
                    let why = "IPv4 field must have at least one digit";
                    return Err(Wrong(why, &text[index..]));
                }
                if place == 3 {
                    return Err(Wrong("IPv4 address too long", ""));
                }
                octets[place] = value as u8;
                (value, digits) = (0, 0);
                place += 1;
            }
            _ => return Err(Wrong("unexpected character", &text[index..])),
        }
    }
    if place < 3 {
        return Err(Wrong("IPv4 address too short", ""));
    }
    octets[3] = value as u8;
    Ok(octets)
}

fn v6(text: &str) -> Result<(IpAddr, bool), Wrong<'_>> {
    let (mut rest, zone) = match text.split_once('%') {
        Some((_, "")) => return Err(Wrong("zone must be a non-empty string", "")),
        Some((rest, _)) => (rest, true),
        None => (text, false),
    };
    let mut octets: Vec<u8> = Vec::with_capacity(16);
    let mut gap = None;
    if let Some(after) = rest.strip_prefix("::") {
        gap = Some(0);
        rest = after;
    }
    while octets.len() < 16 && !(rest.is_empty() && gap.is_some()) {
        let digits = group(rest)?;
        let is_v4 = rest[digits..].starts_with('.');
        if is_v4 {
            if gap.is_none() && octets.len() != 12 {
                let why = "embedded IPv4 address must replace the final 2 fields of the address";
                return Err(Wrong(why, rest));
            }
            if octets.len() > 12 {
                let why = "too many hex fields to fit an embedded IPv4 at the end of the address";
                return Err(Wrong(why, rest));
            }
            octets.extend(v4(rest)?);
            rest = "";
            break;
        }
        let value = u16::from_str_radix(&rest[..digits], 16).unwrap_or(0);
        octets.extend(value.to_be_bytes());
        rest = &rest[digits..];
        if rest.is_empty() {
            break;
        }
        let Some(after) = rest.strip_prefix(':') else {
            return Err(Wrong("unexpected character, want colon", rest));
        };
        if after.is_empty() {
            return Err(Wrong("colon must be followed by more characters", rest));
        }
        rest = after;
        if let Some(after) = rest.strip_prefix(':') {
            if gap.is_some() {
                return Err(Wrong("multiple :: in address", rest));
            }
            gap = Some(octets.len());
            rest = after;
        }
    }
    if !rest.is_empty() {
        return Err(Wrong("trailing garbage after address", rest));
    }
    match gap {
        None if octets.len() < 16 => return Err(Wrong("address string too short", "")),
        Some(_) if octets.len() == 16 => {
            return Err(Wrong(
                "the :: must expand to at least one field of zeros",
                "",
            ));
        }
        Some(gap) => {
            let missing = 16 - octets.len();
            octets.splice(gap..gap, std::iter::repeat_n(0, missing));
        }
        None => {}
    }
    let mut address = [0; 16];
    address.copy_from_slice(&octets);
    Ok((IpAddr::V6(Ipv6Addr::from(address)), zone))
}

/// How many digits the next group has.
fn group(rest: &str) -> Result<usize, Wrong<'_>> {
    let digits = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
    match digits {
        0 => Err(Wrong(
            "each colon-separated field must have at least one digit",
            rest,
        )),
        1..=4 => Ok(digits),
        _ => Err(Wrong("each group must have 4 or less digits", rest)),
    }
}
