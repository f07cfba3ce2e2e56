//! The order of a merged list: as the patch says for its own items, as the server had it for the
//! others.
//!
//! *Upstream:* `apimachinery/pkg/util/strategicpatch/patch.go` (`normalizeElementOrder`).

use std::cmp::Ordering;

use serde_json::Value;

use super::Error;
use super::strategic::no_merge_key;

/// Brings a merged list in order. `wanted` lists the patch's items in their order, `server` the
/// items as they were; an empty `key` means a list of scalars.
pub(super) fn arrange(
    merged: Vec<Value>,
    wanted: &[Value],
    server: &[Value],
    key: &str,
) -> Result<Vec<Value>, Error> {
    if !key.is_empty()
        && let Some(item) = merged.iter().find(|item| item.get(key).is_none())
    {
        return Err(no_merge_key(item, key));
    }
    let (mut of_patch, mut of_server): (Vec<Value>, Vec<Value>) = merged
        .into_iter()
        .partition(|item| place(wanted, item, key).is_some());
    sort(&mut of_patch, wanted, key);
    sort(&mut of_server, server, key);
    Ok(weave(of_server, of_patch, server, key))
}

/// Checks that a patch list has its items in the order that `$setElementOrder` gives them.
pub(super) fn check(patch: &[Value], wanted: &[Value], key: &str) -> Result<(), Error> {
    if patch.is_empty() || wanted.is_empty() {
        return Ok(());
    }
    let mut rest = wanted.iter();
    let plain = patch.iter().filter(|item| item.get("$patch").is_none());
    for item in plain {
        if !key.is_empty() && item.get(key).is_none() {
            return Err(no_merge_key(item, key));
        }
        if !rest.any(|other| is_same(item, other, key)) {
            return Err(Error::Failed(format!(
                "The order in patch list:\n{}\n doesn't match $setElementOrder list:\n{}\n",
                super::go_print(&Value::Array(patch.to_vec())),
                super::go_print(&Value::Array(wanted.to_vec())),
            )));
        }
    }
    Ok(())
}

/// The place of the item with this key.
pub(super) fn find(items: &[Value], key: &str, value: &Value) -> Option<usize> {
    items.iter().position(|item| item.get(key) == Some(value))
}

fn is_same(item: &Value, other: &Value, key: &str) -> bool {
    if key.is_empty() {
        item == other
    } else {
        item.get(key) == other.get(key)
    }
}

fn place(order: &[Value], item: &Value, key: &str) -> Option<usize> {
    order.iter().position(|other| is_same(item, other, key))
}

fn sort(items: &mut [Value], order: &[Value], key: &str) {
    items.sort_by(|a, b| match (place(order, a, key), place(order, b, key)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => Ordering::Equal,
    });
}

/// Two lists in one: an item of the server's goes first only where the server had it before the
/// patch's next item.
fn weave(server: Vec<Value>, patch: Vec<Value>, order: &[Value], key: &str) -> Vec<Value> {
    let mut out = Vec::with_capacity(server.len() + patch.len());
    let mut server = server.into_iter().peekable();
    let mut patch = patch.into_iter().peekable();
    loop {
        let takes_server = match (server.peek(), patch.peek()) {
            (None, None) => return out,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(left), Some(right)) => {
                match (place(order, left, key), place(order, right, key)) {
                    (Some(left), Some(right)) => left < right,
                    _ => false,
                }
            }
        };
        out.extend(if takes_server {
            server.next()
        } else {
            patch.next()
        });
    }
}
