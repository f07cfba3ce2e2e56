//! Node ports and health check ports: taken from the cluster's range, or as the client asks.
//!
//! *Upstream:* `pkg/registry/core/service/storage/alloc.go`, `…/portallocator/allocator.go`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::pool::{Taken, port_claim};
use super::{allocates_node_ports, invalid, is_on_nodes, needs_health_check};
use crate::error::{ApiError, FieldErrors};
use crate::object::{FieldPath, Object};
use crate::registry::Context;
use crate::resources::shared::look::Look;

/// Takes the node ports of a new service, or those that a change adds.
pub(super) fn reserve(
    cx: &Context,
    taken: &mut Taken,
    object: &mut Object,
    old: Option<&Object>,
) -> Result<(), ApiError> {
    if is_on_nodes(object) {
        let ports = match old {
            None => init(cx, taken, object)?,
            Some(old) => update(cx, taken, object, old)?,
        };
        if !ports.is_empty() {
            object.set(&["spec", "ports"], ports);
        }
    }
    let was_needed = old.is_some_and(needs_health_check);
    if needs_health_check(object) && !was_needed {
        reserve_health_check(cx, taken, object)?;
    }
    Ok(())
}

fn node_port(port: &Value) -> i64 {
    port.integer("nodePort").unwrap_or(0)
}

fn set_node_port(port: &mut Value, number: i64) {
    if let Some(port) = port.as_object_mut() {
        port.insert("nodePort".to_owned(), number.into());
    }
}

/// A new service: ports with the same number (over several protocols) share a node port.
fn init(cx: &Context, taken: &mut Taken, object: &Object) -> Result<Vec<Value>, ApiError> {
    let mut ports = object.at("spec").list("ports").to_vec();
    let mut given: BTreeMap<i64, i64> = BTreeMap::new();
    for index in 0..ports.len() {
        let number = ports[index].integer("port").unwrap_or(0);
        let asked = node_port(&ports[index]);
        if asked == 0 && !allocates_node_ports(object) {
            continue;
        }
        match given.get(&number).copied() {
            None => {
                let requested = ports
                    .iter()
                    .filter(|port| port.integer("port") == Some(number))
                    .map(node_port)
                    .find(|port| *port != 0);
                let port = match requested {
                    Some(port) => {
                        take(cx, taken, port).map_err(|why| refused(object, index, port, &why))?;
                        port
                    }
                    None => take_next(cx, taken)?,
                };
                set_node_port(&mut ports[index], port);
                given.insert(number, port);
            }
            Some(port) if asked == 0 => set_node_port(&mut ports[index], port),
            Some(port) if asked != port => {
                take(cx, taken, asked).map_err(|why| refused(object, index, asked, &why))?;
            }
            Some(_) => {}
        }
    }
    Ok(ports)
}

/// A change: ports that the old state has are the service's already.
fn update(
    cx: &Context,
    taken: &mut Taken,
    object: &Object,
    old: &Object,
) -> Result<Vec<Value>, ApiError> {
    let mut ports = object.at("spec").list("ports").to_vec();
    let before: Vec<i64> = old.at("spec").list("ports").iter().map(node_port).collect();
    let mut own = before;
    let mut seen: Vec<(String, i64)> = Vec::new();
    for (index, port) in ports.iter_mut().enumerate() {
        let asked = node_port(port);
        if asked == 0 && !allocates_node_ports(object) {
            continue;
        }
        let number = if asked == 0 {
            take_next(cx, taken)?
        } else {
            if !own.contains(&asked) {
                take(cx, taken, asked).map_err(|why| refused(object, index, asked, &why))?;
                own.push(asked);
            }
            asked
        };
        set_node_port(port, number);
        let entry = (port.text("protocol").to_owned(), number);
        if seen.contains(&entry) {
            let why = format!("duplicate nodePort: {{{} {number}}}", entry.0);
            return Err(ApiError::new(crate::error::Reason::InternalError, why));
        }
        seen.push(entry);
    }
    Ok(ports)
}

fn reserve_health_check(
    cx: &Context,
    taken: &mut Taken,
    object: &mut Object,
) -> Result<(), ApiError> {
    let asked = object
        .at("spec")
        .integer("healthCheckNodePort")
        .unwrap_or(0);
    if asked != 0 {
        return take(cx, taken, asked).map_err(|why| {
            ApiError::internal(format!(
                "failed to allocate requested HealthCheck NodePort {asked}: {why}"
            ))
        });
    }
    let port = take_next(cx, taken)?;
    object.set(&["spec", "healthCheckNodePort"], port);
    Ok(())
}

fn refused(object: &Object, index: usize, port: i64, why: &str) -> ApiError {
    let mut errors = FieldErrors::new();
    let spec = FieldPath::new("spec");
    let ports = spec.child("ports");
    errors.invalid(&ports.index(index).child("nodePort"), &port.into(), why);
    invalid(object, &errors)
}

/// A dry run does not mind the range.
fn take(cx: &Context, taken: &mut Taken, port: i64) -> Result<(), String> {
    let (low, high) = cx.settings.service_node_port_range;
    if !cx.is_dry_run && !(i64::from(low)..=i64::from(high)).contains(&port) {
        return Err(format!(
            "provided port is not in the valid range. The range of valid ports is {low}-{high}"
        ));
    }
    if taken.take(port_claim(port)) {
        Ok(())
    } else {
        Err("provided port is already allocated".to_owned())
    }
}

/// What a dry run shows in place of some free port: the one after the last it took.
const DRY_RUN_PORT: i64 = 32768;

/// Takes some free port: from the upper part of the range first, so that the lower part is left to
/// those who ask.
fn take_next(cx: &Context, taken: &mut Taken) -> Result<i64, ApiError> {
    if cx.is_dry_run {
        let port = 1 + taken.highest_port().unwrap_or(DRY_RUN_PORT);
        taken.take(port_claim(port));
        return Ok(port);
    }
    let (low, high) = cx.settings.service_node_port_range;
    let (low, size) = (i64::from(low), i64::from(high.saturating_sub(low)) + 1);
    let band = (size / 32).clamp(16, 128);
    let band = if size <= band { 0 } else { band };
    let upper = size - band;
    let start = cx.entropy.below(upper as u64) as i64;
    let in_upper = (0..upper).map(|step| low + band + (start + step) % upper);
    let in_band = (0..band).map(|step| low + step);
    taken
        .take_first(in_upper.chain(in_band).map(port_claim))
        .and_then(|claim| claim.strip_prefix("port:")?.parse().ok())
        .ok_or_else(|| ApiError::internal("failed to allocate a nodePort: range is full"))
}
