//! What calls may cost at most, and how large what they come to may be.
//!
//! *Upstream:* `cel-go/checker/cost.go`, `cel-go/ext/{lists,sets}.go`,
//! `apiserver/pkg/cel/library/cost.go`.

use super::size::Size;
use super::{Entry, Estimate};
use crate::cel::syntax::{Call, Expr, Kind, Literal};
use crate::cel::types::Type;

/// What a call costs at most, and the size of its result where that is known.
pub(super) struct Found {
    pub(super) cost: u64,
    pub(super) result: Option<Size>,
}

fn cost(cost: u64) -> Found {
    Found { cost, result: None }
}

fn sized(cost: u64, result: Size) -> Found {
    Found {
        cost,
        result: Some(result),
    }
}

/// A size times a factor, rounded up.
fn scaled(size: u64, factor: f64) -> u64 {
    let cost = (size as f64 * factor).ceil();
    if cost >= u64::MAX as f64 {
        u64::MAX
    } else {
        cost as u64
    }
}

/// A tenth of a size: what going over a text costs.
fn tenth(size: u64) -> u64 {
    scaled(size, 0.1)
}

/// What a pattern costs on a text.
fn pattern(text: Size, pattern: u64) -> u64 {
    tenth(text.max.saturating_add(1)).saturating_mul(scaled(pattern, 0.25))
}

impl<'e> Estimate<'e> {
    /// What one way of calling a function costs; `costs`: of its arguments.
    pub(super) fn overload(
        &mut self,
        expr: &'e Expr,
        call: &'e Call,
        id: &str,
        costs: &[u64],
    ) -> Found {
        let of_args = costs
            .iter()
            .fold(0, |sum: u64, cost| sum.saturating_add(*cost));
        let target = call.target.as_deref();
        let args = &call.args[..];
        let found = self
            .of_list(id, target, args)
            .or_else(|| self.of_kubernetes(&call.name, id, target, args));
        if let Some(found) = found {
            return Found {
                cost: found.cost.saturating_add(of_args),
                result: found.result,
            };
        }
        if let ("_?_:_", [condition, then, otherwise]) = (call.name.as_str(), costs) {
            let size = self.size(&args[1]).or(self.size(&args[2]));
            let entries = (self.entry(&args[1]), self.entry(&args[2]));
            self.join_entries(expr, entries.0, entries.1);
            return sized(condition.saturating_add(*then.max(otherwise)), size);
        }
        if matches!(call.name.as_str(), "_&&_" | "_||_") {
            return cost(of_args);
        }
        let found = self.of_standard(expr, id, target, args);
        Found {
            cost: found.cost.saturating_add(of_args),
            result: found.result,
        }
    }

    fn join_entries(&mut self, expr: &Expr, a: Option<Entry>, b: Option<Entry>) {
        if let (Some(a), Some(b)) = (a, b) {
            let joined = Entry {
                is_list: a.is_list,
                key: a.key.or(b.key),
                value: a.value.or(b.value),
            };
            self.entries.insert(expr.id, joined);
        }
    }

    fn of_standard(
        &mut self,
        expr: &'e Expr,
        id: &str,
        target: Option<&'e Expr>,
        args: &'e [Expr],
    ) -> Found {
        match (id, target, args) {
            ("string_format", Some(target), _) => cost(tenth(self.size(target).max)),
            ("string_to_bytes", _, [arg]) => {
                let size = self.size(arg);
                let result = Size {
                    min: size.min,
                    max: size.max.saturating_mul(4),
                };
                sized(tenth(size.max), result)
            }
            ("bytes_to_string", _, [arg]) => {
                let size = self.size(arg);
                let result = Size {
                    min: size.min / 4,
                    max: size.max,
                };
                sized(tenth(size.max), result)
            }
            ("strings_quote", _, [arg]) => {
                let size = self.size(arg);
                let result = Size {
                    min: size.min + 2,
                    max: size.max.saturating_mul(2).saturating_add(2),
                };
                sized(tenth(size.max), result)
            }
            ("starts_with_string" | "ends_with_string", _, [arg]) => {
                cost(tenth(self.size(arg).max))
            }
            ("in_list", _, [_, list]) => cost(self.size(list).max),
            ("matches_string", Some(text), [of]) | ("matches", None, [text, of]) => {
                let (text, of) = (self.size(text), self.size(of));
                cost(pattern(text, of.max))
            }
            ("contains_string", Some(text), [part]) => {
                let (text, part) = (self.size(text), self.size(part));
                cost(tenth(text.max).saturating_mul(tenth(part.max)))
            }
            ("add_string" | "add_bytes" | "add_list", _, [a, b]) => {
                let size = self.size(a).plus(self.size(b));
                let entries = (self.entry(a), self.entry(b));
                self.join_entries(expr, entries.0, entries.1);
                let own = if id == "add_list" { 1 } else { tenth(size.max) };
                sized(own, size)
            }
            ("compare_text" | "equals" | "not_equals", _, [a, b]) => {
                let (a, b) = (self.size(a), self.size(b));
                cost(tenth(a.max.min(b.max)))
            }
            _ => cost(1),
        }
    }

    /// Lists and sets.
    fn of_list(&mut self, id: &str, target: Option<&'e Expr>, args: &'e [Expr]) -> Option<Found> {
        let made =
            |factor: f64, size: Size| sized(scaled(size.max, factor).saturating_add(11), size);
        Some(match (id, target, args) {
            ("list_slice", Some(list), [from, to]) => {
                let size = self.size(list);
                let (from, to) = (number(from, 0), number(to, size.max));
                made(1.0, Size::fixed(to.wrapping_sub(from)))
            }
            ("lists_range", None, [length]) => made(1.0, Size::fixed(number(length, u64::MAX))),
            ("list_reverse", Some(list), []) => {
                let size = self.size(list);
                made(1.0, size)
            }
            ("list_flatten", Some(list), []) => {
                let size = self.size(list);
                made(1.0, size)
            }
            ("list_flatten_int", Some(list), [depth]) => {
                let size = self.size(list);
                made(number(depth, u64::MAX) as f64, size)
            }
            ("list_distinct" | "list_sort_scalar", Some(list), [])
            | ("list_sort_by_scalar", Some(_), [list]) => {
                let size = self.size(list);
                made(2.0, size.times(size))
            }
            ("list_sort_text", Some(list), []) | ("list_sort_by_text", Some(_), [list]) => {
                let size = self.size(list);
                made(2.1, size.times(size))
            }
            ("sets_contains" | "sets_intersects" | "sets_equivalent", None, [a, b]) => {
                let size = self.size(a).times(self.size(b));
                let factor = if id == "sets_equivalent" { 2.0 } else { 1.0 };
                cost(scaled(size.max, factor).saturating_add(1))
            }
            _ => return None,
        })
    }

    /// The size of the items of a list; the outer `None`: it is no list.
    fn items(&mut self, list: &'e Expr) -> Option<(Type, Size)> {
        let items = match self.checked.of(list) {
            Type::List(items) | Type::Optional(items) | Type::Map(items, _) => {
                items.as_ref().clone()
            }
            _ => return None,
        };
        let mut path = self.reachable(list);
        let size = if path.is_empty() {
            None
        } else {
            path.push("@items");
            self.stated(&path)
        };
        Some((items, size.unwrap_or(Size::UNKNOWN)))
    }

    /// What Kubernetes adds, by name.
    fn of_kubernetes(
        &mut self,
        name: &str,
        id: &str,
        target: Option<&'e Expr>,
        args: &'e [Expr],
    ) -> Option<Found> {
        if name == "check" {
            return Some(cost(350_000));
        }
        if NOMINAL.contains(&name) || (name == "ip" && id == "cidr_ip") {
            return Some(cost(1));
        }
        if let ("_==_", [a, b]) = (name, args) {
            return self.equality(a, b);
        }
        match target {
            Some(target) => self
                .of_text(name, target, args)
                .or_else(|| self.of_network(name, id, args)),
            None => self.of_parsed(name, args),
        }
    }

    /// Methods of text and lists.
    fn of_text(&mut self, name: &str, target: &'e Expr, args: &'e [Expr]) -> Option<Found> {
        Some(match (name, args) {
            ("isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf", _) => {
                let size = self.size(target);
                match self.items(target) {
                    Some((Type::String | Type::Bytes, items)) => {
                        let each = tenth(items.max).saturating_add(1);
                        cost(size.max.saturating_mul(each))
                    }
                    Some(_) => cost(size.max),
                    None => cost(tenth(size.max)),
                }
            }
            ("lowerAscii" | "upperAscii" | "substring" | "trim", _) => {
                let size = self.size(target);
                sized(tenth(size.max), size)
            }
            ("replace", [old, new, ..]) => {
                let (size, old, new) = (self.size(target), self.size(old), self.size(new));
                sized(scaled(size.max, 0.2), replaced(size, old, new))
            }
            ("split", _) => {
                let size = self.size(target);
                let max = args.get(1).map_or(size.max, |limit| match &limit.kind {
                    Kind::Literal(Literal::Int(limit)) => *limit as u64,
                    _ => size.max,
                });
                sized(scaled(size.max, 0.2), Size { min: 0, max })
            }
            ("join", _) => {
                let list = self.size(target);
                let mut size = Size::fixed(0);
                if let Some((_, items)) = self.items(target) {
                    size = list.times(items);
                }
                if let Some(separator) = args.first() {
                    let between = Size {
                        min: list.min.saturating_sub(1),
                        max: list.max.saturating_sub(1),
                    };
                    size = size.plus(self.size(separator).times(between));
                }
                sized(tenth(size.max), size)
            }
            ("find" | "findAll", [of, ..]) => {
                let (size, of) = (self.size(target), self.size(of));
                let result = Size {
                    min: 0,
                    max: size.max,
                };
                sized(pattern(size, of.max), result)
            }
            _ => return None,
        })
    }

    /// Methods of what was read from text.
    fn of_network(&mut self, name: &str, id: &str, args: &'e [Expr]) -> Option<Found> {
        let [arg] = args else {
            return None;
        };
        let size = self.size(arg);
        let text = match id {
            "cidr_contains_ip_string" | "cidr_contains_cidr_string" => tenth(size.max),
            _ => 0,
        };
        Some(match name {
            "containsIP" => cost(text.saturating_add(tenth(32))),
            "containsCIDR" => cost(text.saturating_add(tenth(32) + tenth(16) + 1)),
            "validate" => cost(scaled(tenth(size.max), 32.0)),
            "fieldSelector" | "labelSelector" => {
                let requirements = scaled(size.max, 0.5).saturating_mul(50);
                cost(
                    tenth(size.max)
                        .saturating_add(requirements)
                        .saturating_add(10),
                )
            }
            _ => return None,
        })
    }

    /// Functions that read text.
    fn of_parsed(&mut self, name: &str, args: &'e [Expr]) -> Option<Found> {
        let size = self.size(args.first()?);
        Some(match name {
            "url" | "jsonpatch.escapeKey" => sized(tenth(size.max), size),
            "cidr" | "isIP" | "isCIDR" | "ip" | "quantity" | "isQuantity" | "semver"
            | "isSemver" => cost(tenth(size.max)),
            "ip.isCanonical" => cost(scaled(size.max, 0.2)),
            _ => return None,
        })
    }

    fn equality(&mut self, a: &'e Expr, b: &'e Expr) -> Option<Found> {
        let of = self.checked.of(a);
        if !of.is(self.checked.of(b)) {
            return None;
        }
        let Type::Opaque(name) = of else {
            return None;
        };
        Some(match *name {
            "kubernetes.NamedFormat" => cost(tenth(64)),
            "kubernetes.URL" => {
                let size = self.known_size(b);
                cost(tenth(size.map_or(1, |size| size.max.max(1))))
            }
            _ => cost(1),
        })
    }
}

/// What costs next to nothing: what reads a part of a value, or adds to a question.
const NOMINAL: &[&str] = &[
    "serviceAccount",
    "path",
    "group",
    "resource",
    "subresource",
    "namespace",
    "name",
    "allowed",
    "reason",
    "error",
    "errored",
    "masked",
    "prefixLength",
    "family",
    "isUnspecified",
    "isLoopback",
    "isLinkLocalMulticast",
    "isLinkLocalUnicast",
    "isGlobalUnicast",
    "format.named",
    "sign",
    "asInteger",
    "isInteger",
    "asApproximateFloat",
    "isGreaterThan",
    "isLessThan",
    "compareTo",
    "add",
    "sub",
    "major",
    "minor",
    "patch",
    "getScheme",
    "getHostname",
    "getHost",
    "getPort",
    "getEscapedPath",
    "getQuery",
];

/// How long a text may be after replacements.
fn replaced(size: Size, old: Size, new: Size) -> Size {
    let (mut count, mut kept) = (Size::fixed(0), Size::fixed(0));
    if old.min == 0 {
        count.max = size.max.saturating_add(1);
        kept.max = size.max;
    } else if new.max <= old.min {
        kept.max = size.max;
    } else {
        count.max = (size.max as f64 / old.min as f64).ceil() as u64;
    }
    if old.max == 0 {
        count.min = size.min.saturating_add(1);
        kept.min = size.min;
    } else if old.max <= new.min {
        kept.min = size.min;
    } else {
        count.min = (size.min as f64 / old.max as f64).ceil() as u64;
    }
    count.times(new).plus(kept)
}

/// The value of a constant; else the default.
fn number(expr: &Expr, default: u64) -> u64 {
    match &expr.kind {
        Kind::Literal(Literal::Int(value)) => u64::try_from(*value).unwrap_or(0),
        _ => default,
    }
}
