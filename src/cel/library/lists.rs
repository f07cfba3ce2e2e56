//! Lists and sets.
//!
//! *Upstream:* `apiserver/pkg/cel/library/lists.go`, `cel-go/ext/sets.go`.

use std::cmp::Ordering;

use crate::cel::eval::{Failure, Outcome};
use crate::cel::value::{List, Value};

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
