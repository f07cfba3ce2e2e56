//! Functions: which one a call means, and what it does.
//!
//! A function is chosen by its name and the types of its values; where none takes them there is
//! no such overload.
//!
//! *Upstream:* `cel-go/common/stdlib`, `cel-go/ext`, `apiserver/pkg/cel/library`.

mod authorizer;
mod convert;
mod display;
mod format;
mod interpolate;
mod lists;
mod netip;
mod network;
mod operators;
mod optional;
mod quantity;
pub(super) mod regex;
pub(super) mod semver;
pub(super) mod spend;
pub(super) mod strings;
pub(super) mod time;
pub(in crate::cel) mod url;

pub(super) use self::display::{display, printed};
pub(super) use self::interpolate::{Clause, clauses, refusal};
use super::eval::{Failure, Outcome};
use super::value::Value;

/// A part of the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Module {
    Authorizer,
    Convert,
    Format,
    Lists,
    Network,
    Operators,
    Optional,
    Quantity,
    Regex,
    Semver,
    Strings,
    Time,
    Url,
    /// A name that several parts share.
    Several,
}

/// The part of the library that a name is of.
pub(super) fn module(name: &str) -> Module {
    match name {
        "bool" | "bytes" | "double" | "duration" | "dyn" | "int" | "string" | "timestamp"
        | "type" | "uint" => Module::Convert,
        "matches" | "find" | "findAll" => Module::Regex,
        "size" | "@in" => Module::Operators,
        "indexOf" | "lastIndexOf" | "isGreaterThan" | "isLessThan" | "compareTo" | "name"
        | "contains" | "error" | "reason" => Module::Several,
        "isSorted"
        | "sum"
        | "min"
        | "max"
        | "includes"
        | "slice"
        | "flatten"
        | "sort"
        | "@sortByAssociatedKeys"
        | "lists.range"
        | "reverse"
        | "distinct"
        | "sets.contains"
        | "sets.equivalent"
        | "sets.intersects"
        | "cel.@mapInsert" => Module::Lists,
        "url" | "isURL" | "getScheme" | "getHost" | "getHostname" | "getPort"
        | "getEscapedPath" | "getQuery" => Module::Url,
        "validate" => Module::Format,
        "major" | "minor" | "patch" | "semver" | "isSemver" => Module::Semver,
        "quantity" | "isQuantity" | "sign" | "isInteger" | "asInteger" | "asApproximateFloat"
        | "add" | "sub" => Module::Quantity,
        "ip"
        | "isIP"
        | "ip.isCanonical"
        | "family"
        | "isUnspecified"
        | "isLoopback"
        | "isLinkLocalMulticast"
        | "isLinkLocalUnicast"
        | "isGlobalUnicast"
        | "cidr"
        | "isCIDR"
        | "containsIP"
        | "containsCIDR"
        | "masked"
        | "prefixLength" => Module::Network,
        "hasValue" | "value" | "first" | "last" | "unwrapOpt" => Module::Optional,
        "path" | "group" | "serviceAccount" | "resource" | "subresource" | "namespace"
        | "fieldSelector" | "labelSelector" | "check" | "errored" | "allowed" => Module::Authorizer,
        _ if name.starts_with('_') || name.ends_with('_') => Module::Operators,
        _ if name.starts_with("format.") => Module::Format,
        _ if name.starts_with("optional.") => Module::Optional,
        _ if name.starts_with("get") => Module::Time,
        _ => Module::Strings,
    }
}

/// Calls a function; a method's target comes first. `regex`: its pattern, where that is a
/// constant.
pub(super) fn call<'a>(
    name: &str,
    module: Module,
    values: &[Value<'a>],
    regex: Option<&::regex::Regex>,
) -> Outcome<'a> {
    let found = match module {
        Module::Authorizer => authorizer::call(name, values),
        Module::Convert => convert::call(name, values),
        Module::Format => format::call(name, values),
        Module::Lists => lists::call(name, values),
        Module::Network => network::call(name, values),
        Module::Operators => operators::call(name, values),
        Module::Optional => optional::call(name, values),
        Module::Quantity => quantity::call(name, values),
        Module::Regex => regex::call(name, values, regex),
        Module::Semver => semver::call(name, values),
        Module::Strings => strings::call(name, values),
        Module::Time => time::call(name, values),
        Module::Url => url::call(name, values),
        Module::Several => strings::call(name, values)
            .or_else(|| lists::call(name, values))
            .or_else(|| quantity::call(name, values))
            .or_else(|| semver::call(name, values))
            .or_else(|| authorizer::call(name, values)),
    };
    found.unwrap_or_else(|| Err(no_overload(name, values)))
}

/// What is said where a function does not take values of these types.
fn no_overload(name: &str, values: &[Value]) -> Failure {
    let first = values.first();
    // Operators are asked of their first value, which may know them but not the second.
    let is_receiver = matches!(
        first,
        Some(Value::String(_) | Value::Timestamp(_) | Value::Duration(_))
    );
    let is_known = match name {
        _ if is_receiver
            && (name.starts_with('_') || matches!(name, "-_" | "size" | "matches")) =>
        {
            true
        }
        "_+_" => !matches!(first, Some(Value::Bool(_) | Value::Null | Value::Map(_))),
        "_-_" => matches!(
            first,
            Some(
                Value::Int(_)
                    | Value::Uint(_)
                    | Value::Double(_)
                    | Value::Duration(_)
                    | Value::Timestamp(_)
            )
        ),
        "_*_" | "_/_" => {
            matches!(
                first,
                Some(Value::Int(_) | Value::Uint(_) | Value::Double(_))
            )
        }
        "_%_" => matches!(first, Some(Value::Int(_) | Value::Uint(_))),
        "_<_" | "_<=_" | "_>_" | "_>=_" => {
            !matches!(first, Some(Value::Null | Value::Map(_) | Value::List(_)))
        }
        "!_" | "@in" | "contains" | "startsWith" | "endsWith" => true,
        "size" | "matches" | "-_" => false,
        _ => {
            let types: Vec<_> = values.iter().map(Value::type_name).collect();
            return Failure::new(format!("no such overload: {name}({})", types.join(", ")));
        }
    };
    if is_known {
        Failure::no_overload()
    } else {
        Failure::new(format!("no such overload: {name}"))
    }
}
