//! Cluster IPs: taken from the cluster's ranges, or as the client asks.
//!
//! *Upstream:* `pkg/registry/core/service/storage/alloc.go`, `…/ipallocator/ipallocator.go`.

use std::borrow::Cow;

use serde_json::Value;

use super::addresses::{ranges_of, stands};
use super::families::is_settled;
use super::pool::{Taken, ip_claim};
use super::{invalid, kind};
use crate::error::{ApiError, FieldErrors};
use crate::object::{FieldPath, Object};
use crate::registry::Context;
use crate::resources::shared::ip::{self, Cidr};
use crate::resources::shared::look::Look;

/// How many addresses an IPv6 range gives at most, in bits.
const RANGE_BITS_MAX: u32 = 64;
/// How many addresses in a row are tried before the whole range is walked.
const SEARCH_MAX: u128 = 1 << 16;

/// Takes the cluster IPs of a new service, or those that a change adds.
pub(super) fn reserve(
    cx: &Context,
    taken: &mut Taken,
    object: &mut Object,
    old: Option<&Object>,
) -> Result<(), ApiError> {
    if kind(object) == "ExternalName" {
        return Ok(());
    }
    let spec = object.at("spec");
    let first = match old {
        None => 0,
        Some(old) if is_settled(object, old) => return Ok(()),
        Some(old) if kind(old) == "ExternalName" => 0,
        Some(old) if old.at("spec").texts("clusterIPs").next() == Some("None") => return Ok(()),
        Some(old)
            if old.at("spec").list("ipFamilies").len() == 1
                && spec.list("ipFamilies").len() == 2 =>
        {
            1
        }
        Some(_) => return Ok(()),
    };
    if spec.texts("clusterIPs").next() == Some("None") {
        return Ok(());
    }
    let families: Vec<String> = spec.texts("ipFamilies").map(str::to_owned).collect();
    for (index, family) in families.iter().enumerate().skip(first) {
        take_one(cx, taken, object, index, family)?;
    }
    Ok(())
}

fn take_one(
    cx: &Context,
    taken: &mut Taken,
    object: &mut Object,
    index: usize,
    family: &str,
) -> Result<(), ApiError> {
    let ranges = ranges_of(cx, family);
    if ranges.is_empty() {
        return Ok(());
    }
    let mut addresses = object.at("spec").list("clusterIPs").to_vec();
    let asked = addresses.get(index).and_then(Value::as_str).unwrap_or("");
    let address = if asked.is_empty() {
        some_address(cx, taken, &ranges).ok_or_else(|| {
            ApiError::internal(format!(
                "failed to allocate a serviceIP for Service {:?}: range is full",
                object.name()
            ))
        })?
    } else {
        if let Err(why) = take_asked(cx, taken, &ranges, asked) {
            let mut errors = FieldErrors::new();
            let path = FieldPath::new("spec");
            let detail = format!("failed to allocate IP {asked}: {why}");
            errors.invalid(&path.child("clusterIPs"), &addresses.into(), detail);
            return Err(invalid(object, &errors));
        }
        asked.to_owned()
    };
    addresses.resize(addresses.len().max(index + 1), "".into());
    addresses[index] = address.as_str().into();
    object.set(&["spec", "clusterIPs"], addresses);
    if index == 0 {
        object.set(&["spec", "clusterIP"], address);
    }
    Ok(())
}

/// How many addresses a range gives: without the network's own and, of IPv4, the last.
fn size(range: &Cidr) -> u128 {
    let all = 1_u128 << range.host_bits().min(RANGE_BITS_MAX);
    let unusable = if range.address.is_ipv4() { 2 } else { 1 };
    all.saturating_sub(unusable).max(u128::from(all == 1))
}

/// Takes an address that a client asks for. A dry run minds the range only.
fn take_asked(
    cx: &Context,
    taken: &mut Taken,
    ranges: &[Cidr],
    asked: &str,
) -> Result<(), Cow<'static, str>> {
    const ELSEWHERE: &str = "the provided network does not match the current range";
    let address = ip::parse(asked).ok_or(ELSEWHERE)?;
    let holding = ranges.iter().find(|range| range.contains(address));
    let range = holding.or(ranges.first()).ok_or(ELSEWHERE)?;
    let offset = range.offset(address);
    if offset.is_none_or(|offset| !(1..=size(range)).contains(&offset)) {
        return Err(if cx.is_dry_run {
            format!(
                "the provided IP ({asked}) is not in the valid range. The range of valid IPs is \
                 {range}"
            )
            .into()
        } else {
            ELSEWHERE.into()
        });
    }
    if cx.is_dry_run || !stands(cx, address) && taken.take(ip_claim(address)) {
        Ok(())
    } else {
        Err("provided IP is already allocated".into())
    }
}

/// Takes some free address; a dry run shows the range's own.
fn some_address(cx: &Context, taken: &mut Taken, ranges: &[Cidr]) -> Option<String> {
    if cx.is_dry_run {
        return ranges.first().map(|range| range.address.to_string());
    }
    let mut ranges = ranges.iter();
    ranges.find_map(|range| take_next(cx, taken, range))
}

/// Takes some free address: from the upper part of the range first, so that the lower part is left
/// to those who ask.
fn take_next(cx: &Context, taken: &mut Taken, range: &Cidr) -> Option<String> {
    let size = size(range);
    // The size of the lower band, as upstream: a sixteenth of the range, from 16 to 256.
    let band = (size / 16).clamp(16, 256);
    let band = if size <= band { 0 } else { band };
    let upper = size - band;
    let start = u128::from(cx.entropy.below(upper.min(u128::from(u64::MAX)) as u64));
    let at = |offset: u128| range.nth(1 + offset);
    let in_upper = (0..upper.min(SEARCH_MAX)).map(|step| at(band + (start + step) % upper));
    let in_band = (0..band).map(at);
    let free = in_upper.chain(in_band);
    let claims = free.filter(|address| !stands(cx, *address)).map(ip_claim);
    let claim = taken.take_first(claims)?;
    claim.strip_prefix("ip:").map(str::to_owned)
}
