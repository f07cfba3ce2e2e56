//! Amounts of resources, as the rules of kinds compare them.
//!
//! *Upstream:* `apimachinery/pkg/api/equality/semantic.go`.

use serde_json::Value;

pub use crate::object::quantity::Amount;

/// The fields of specs that hold amounts, alone or by name.
const AMOUNTS: [&str; 6] = [
    "capacity",
    "divisor",
    "limits",
    "overhead",
    "requests",
    "sizeLimit",
];

/// Whether two specs differ. Amounts that are written in two ways are the same: `1Gi` is
/// `1073741824`.
pub fn differs(new: &Value, old: &Value) -> bool {
    if new == old {
        return false;
    }
    match (new, old) {
        (Value::Object(new), Value::Object(old)) => {
            let differ = |(name, new): (&String, &Value)| match old.get(name) {
                Some(old) if AMOUNTS.contains(&name.as_str()) => amounts_differ(new, old),
                Some(old) => differs(new, old),
                None => true,
            };
            new.len() != old.len() || new.iter().any(differ)
        }
        (Value::Array(new), Value::Array(old)) => {
            new.len() != old.len() || new.iter().zip(old).any(|(new, old)| differs(new, old))
        }
        _ => true,
    }
}

fn amounts_differ(new: &Value, old: &Value) -> bool {
    match (new, old) {
        (Value::Object(new), Value::Object(old)) => {
            let differ = |(name, new): (&String, &Value)| {
                old.get(name).is_none_or(|old| amounts_differ(new, old))
            };
            new.len() != old.len() || new.iter().any(differ)
        }
        (Value::String(new), Value::String(old)) if new != old => {
            let amount = Amount::parse(new);
            amount.is_none() || amount != Amount::parse(old)
        }
        _ => new != old,
    }
}
