//! Lists and sets.
//!
//! *Upstream:* `apiserver/pkg/cel/library/lists.go`, `cel-go/ext/sets.go`.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::cel::eval::{Failure, Outcome};
use crate::cel::value::{List, Map, Value};

/// The result of a function over lists; `None` where it is none.
pub(super) fn call<'a>(name: &str, values: &[Value<'a>]) -> Option<Outcome<'a>> {
    let outcome = match (name, values) {
        ("isSorted", [Value::List(list)]) => is_sorted(list),
        ("sum", [Value::List(list)]) => sum(list),
        ("min", [Value::List(list)]) => best(list, "min", Ordering::is_lt),
        ("max", [Value::List(list)]) => best(list, "max", Ordering::is_gt),
        ("indexOf", [Value::List(list), item]) => {
            let found = list.iter().position(|other| other.equals(item));
            Ok(Value::Int(found.map_or(-1, |index| index as i64)))
        }
        ("lastIndexOf", [Value::List(list), item]) => {
            let items: Vec<Value> = list.iter().collect();
            let found = items.iter().rposition(|other| other.equals(item));
            Ok(Value::Int(found.map_or(-1, |index| index as i64)))
        }
        ("includes", [Value::List(list), item]) => {
            Ok(Value::Bool(list.iter().any(|other| other.equals(item))))
        }
        ("includes", [value, item]) => Ok(Value::Bool(value.equals(item))),
        ("slice", [Value::List(list), Value::Int(from), Value::Int(to)]) => slice(list, *from, *to),
        ("flatten", [Value::List(list)]) => flatten(list, 1),
        ("flatten", [Value::List(list), Value::Int(depth)]) => flatten(list, *depth),
        ("sort", [Value::List(list)]) => sort(list, list),
        ("@sortByAssociatedKeys", [Value::List(list), Value::List(keys)]) => sort(list, keys),
        ("lists.range", [Value::Int(length)]) => range(*length),
        ("reverse", [Value::List(list)]) => {
            let mut items: Vec<Value> = list.iter().collect();
            items.reverse();
            Ok(Value::list(items))
        }
        ("distinct", [Value::List(list)]) => {
            let mut kept: Vec<Value> = Vec::new();
            for item in list.iter() {
                if !kept.iter().any(|other| item.equals(other)) {
                    kept.push(item);
                }
            }
            Ok(Value::list(kept))
        }
        ("cel.@mapInsert", [Value::Map(map), Value::Map(more)]) => inserted(map, more.entries()),
        ("cel.@mapInsert", [Value::Map(map), key, value]) => {
            inserted(map, [(key.clone(), value.clone())].into_iter())
        }
        ("sets.contains", [Value::List(all), Value::List(some)]) => {
            Ok(Value::Bool(contains(all, some)))
        }
        ("sets.equivalent", [Value::List(a), Value::List(b)]) => {
            Ok(Value::Bool(contains(a, b) && contains(b, a)))
        }
        ("sets.intersects", [Value::List(a), Value::List(b)]) => {
            let found = a
                .iter()
                .any(|item| b.iter().any(|other| other.equals(&item)));
            Ok(Value::Bool(found))
        }
        _ => return None,
    };
    Some(outcome)
}

fn contains(all: &List, some: &List) -> bool {
    some.iter()
        .all(|item| all.iter().any(|other| other.equals(&item)))
}

fn is_sorted<'a>(list: &List) -> Outcome<'a> {
    let items: Vec<Value> = list.iter().collect();
    for pair in items.windows(2) {
        match pair[0].compare(&pair[1]) {
            None => return Err(Failure::no_overload()),
            Some(Ordering::Greater) => return Ok(Value::Bool(false)),
            Some(_) => {}
        }
    }
    Ok(Value::Bool(true))
}

fn sum<'a>(list: &List<'a>) -> Outcome<'a> {
    let mut items = list.iter();
    // The sum of nothing is of no known type; zero is what upstream gives for integers.
    let Some(mut total) = items.next() else {
        return Ok(Value::Int(0));
    };
    for item in items {
        total = super::operators::call("_+_", &[total, item])
            .unwrap_or_else(|| Err(Failure::no_overload()))?;
    }
    Ok(total)
}

fn best<'a>(list: &List<'a>, name: &str, is_better: fn(Ordering) -> bool) -> Outcome<'a> {
    let mut items = list.iter();
    let mut best = items
        .next()
        .ok_or_else(|| Failure::new(format!("{name} called on empty list")))?;
    for item in items {
        match item.compare(&best) {
            None => return Err(Failure::no_overload()),
            Some(order) if is_better(order) => best = item,
            Some(_) => {}
        }
    }
    Ok(best)
}

fn slice<'a>(list: &List<'a>, from: i64, to: i64) -> Outcome<'a> {
    let refused = |why: &str| Err(Failure::new(format!("cannot slice({from}, {to}), {why}")));
    let (Ok(start), Ok(end)) = (usize::try_from(from), usize::try_from(to)) else {
        return refused("negative indexes not supported");
    };
    if start > end {
        return refused("start index must be less than or equal to end index");
    }
    if list.len() < end {
        return refused(&format!("list is length {}", list.len()));
    }
    let items = (start..end).filter_map(|index| list.get(index));
    Ok(Value::list(items.collect()))
}

fn flatten<'a>(list: &List<'a>, depth: i64) -> Outcome<'a> {
    if depth < 0 {
        return Err(Failure::new("level must be non-negative"));
    }
    let mut out = Vec::new();
    gather(list, depth, &mut out);
    Ok(Value::list(out))
}

fn gather<'a>(list: &List<'a>, depth: i64, out: &mut Vec<Value<'a>>) {
    for item in list.iter() {
        match item {
            Value::List(inner) if depth > 0 => gather(&inner, depth - 1, out),
            other => out.push(other),
        }
    }
}

/// The items of a list in the order of their keys.
fn sort<'a>(list: &List<'a>, keys: &List<'a>) -> Outcome<'a> {
    if list.len() != keys.len() {
        return Err(Failure::new(format!(
            "@sortByAssociatedKeys() expected a list of the same size as the associated keys list, \
             but got {} and {} elements respectively",
            list.len(),
            keys.len()
        )));
    }
    let keys: Vec<Value> = keys.iter().collect();
    let Some(first) = keys.first() else {
        return Ok(Value::List(list.clone()));
    };
    if first.compare(first).is_none() {
        return Err(Failure::new("list elements must be comparable"));
    }
    if keys.iter().any(|key| key.type_name() != first.type_name()) {
        return Err(Failure::new("list elements must have the same type"));
    }
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by(|a, b| keys[*a].compare(&keys[*b]).unwrap_or(Ordering::Equal));
    let items = order.into_iter().filter_map(|index| list.get(index));
    Ok(Value::list(items.collect()))
}

fn range<'a>(length: i64) -> Outcome<'a> {
    const MAX: i64 = 10_000_000;
    if length < 0 {
        return Err(Failure::new(format!(
            "lists.range: size must be non-negative, got {length}"
        )));
    }
    if length > MAX {
        return Err(Failure::new(format!(
            "lists.range: size {length} exceeds maximum allowed ({MAX})"
        )));
    }
    Ok(Value::list((0..length).map(Value::Int).collect()))
}

fn inserted<'a>(map: &Map<'a>, more: impl Iterator<Item = (Value<'a>, Value<'a>)>) -> Outcome<'a> {
    let mut entries: Vec<(Value, Value)> = map.entries().collect();
    for (key, value) in more {
        if entries.iter().any(|(known, _)| known.equals(&key)) {
            let key = super::display(&key);
            return Err(Failure::new(format!(
                "insert failed: key {key} already exists"
            )));
        }
        entries.push((key, value));
    }
    Ok(Value::Map(Map::Own(Arc::new(entries))))
}
