//! Constants that are of the right type and wrong all the same: durations, timestamps and
//! patterns that cannot be read, and literals of mixed types.
//!
//! *Upstream:* `cel-go/cel/validator.go`.

use std::cell::Cell;

use super::Checked;
use crate::cel::library::{self, Clause};
use crate::cel::syntax::{Call, Element, Expr, Issue, Kind, Literal};
use crate::cel::types::Type;

/// What is wrong with the constants of an expression.
pub(super) fn check(expr: &Expr, checked: &Checked) -> Vec<Issue> {
    let mut issues = Vec::new();
    expr.walk(&mut |expr| {
        if let Kind::Call(call) = &expr.kind {
            issues.extend(call_issue(call));
        }
    });
    mixed(expr, checked, &mut issues);
    expr.walk(&mut |expr| issues.extend(format_issue(expr, checked)));
    issues
}

/// What is wrong with a constant pattern of `format` and the values it is given.
fn format_issue(expr: &Expr, checked: &Checked) -> Option<Issue> {
    let Kind::Call(call) = &expr.kind else {
        return None;
    };
    let Kind::Literal(Literal::String(pattern)) = &call.target.as_ref()?.kind else {
        return None;
    };
    let ("format", [list]) = (call.name.as_str(), &call.args[..]) else {
        return None;
    };
    let Kind::List(args) = &list.kind else {
        return None;
    };
    let next = Cell::new(0);
    let mut at = expr.at;
    let each = |clause: Clause| match clause {
        Clause::Text(_) => Ok(()),
        Clause::Value(verb, _) => {
            let Some(arg) = args.get(next.get() - 1) else {
                return Ok(());
            };
            match unprintable(verb, &arg.value, checked) {
                None => Ok(()),
                Some((place, kind)) => {
                    at = place;
                    let why = library::refusal(verb, &kind);
                    Err(format!("error during formatting: {why}"))
                }
            }
        }
    };
    let has_value = |is_end: bool| {
        let index = next.get();
        next.set(index + 1);
        // Where the pattern ends too early, that is said first.
        if index < args.len() || is_end {
            Ok(())
        } else {
            Err(format!("index {index} out of range"))
        }
    };
    if let Err(why) = library::clauses(pattern, each, has_value) {
        return Some(Issue::new(at, why));
    }
    (args.len() > next.get()).then(|| {
        let (expected, given) = (next.get(), args.len());
        Issue::new(
            expr.at,
            format!(
                "too many arguments supplied to string.format (expected {expected}, got {given})"
            ),
        )
    })
}

/// The place and type of what a clause cannot print.
fn unprintable(verb: char, expr: &Expr, checked: &Checked) -> Option<(usize, String)> {
    use Type::{Bool, Bytes, Double, Dyn, Int, String as Text, Uint};
    let of = checked.of(expr);
    let fits = match (verb, of) {
        (_, Dyn) => true,
        (verb, Int | Uint) if !matches!(verb, 'f' | 'e') => true,
        ('s', Type::List(_) | Type::Map(..) | Double | Bool | Text | Bytes) => true,
        ('s', Type::Timestamp | Type::Duration | Type::Type(_) | Type::Null) => true,
        ('f' | 'e', Double | Text) => true,
        ('b', Bool) => true,
        ('x' | 'X', Text | Bytes) => true,
        _ => false,
    };
    if !fits {
        let kind = match of {
            Type::List(_) => "list".to_owned(),
            Type::Map(..) => "map".to_owned(),
            Type::Optional(_) => "optional_type".to_owned(),
            Type::Type(_) => "type".to_owned(),
            other => other.declared(),
        };
        return Some((expr.at, kind));
    }
    if verb != 's' {
        return None;
    }
    match &expr.kind {
        Kind::List(items) => items
            .iter()
            .find_map(|item| unprintable(verb, &item.value, checked)),
        Kind::Map(entries) => entries.iter().find_map(|(key, value)| {
            unprintable(verb, key, checked).or_else(|| unprintable(verb, &value.value, checked))
        }),
        _ => None,
    }
}

fn call_issue(call: &Call) -> Option<Issue> {
    let arg = call.args.first()?;
    let Kind::Literal(literal) = &arg.kind else {
        return None;
    };
    let is_sound = match (call.name.as_str(), literal) {
        ("duration", Literal::String(text)) => library::time::read_duration(text).is_ok(),
        ("timestamp", Literal::String(text)) => library::time::read_timestamp(text).is_ok(),
        ("timestamp", Literal::Int(seconds)) => library::time::from_seconds(*seconds).is_ok(),
        ("matches", Literal::String(pattern)) => library::regex::compile(pattern).is_ok(),
        _ => true,
    };
    (!is_sound).then(|| Issue::new(arg.at, format!("invalid {} argument", call.name)))
}

/// Lists and maps whose items are of several types; what is formatted may be.
fn mixed(expr: &Expr, checked: &Checked, issues: &mut Vec<Issue>) {
    let (mut lists, mut maps) = (Vec::new(), Vec::new());
    gather(expr, false, &mut |expr| match &expr.kind {
        Kind::List(_) => lists.push(expr),
        Kind::Map(_) => maps.push(expr),
        _ => {}
    });
    let value_type = |element: &Element| match checked.of(&element.value) {
        Type::Optional(inner) if element.is_optional => inner.as_ref().clone(),
        of => of.clone(),
    };
    let mismatch = |expr: &Expr, expected: &Type, found: &Type| {
        Issue::new(
            expr.at,
            format!("expected type '{expected}' but found '{found}'"),
        )
    };
    for list in lists {
        let Kind::List(items) = &list.kind else {
            continue;
        };
        let Some((first, rest)) = items.split_first() else {
            continue;
        };
        let expected = value_type(first);
        let odd = rest
            .iter()
            .map(|item| (item, value_type(item)))
            .find(|(_, found)| !expected.is(found));
        if let Some((item, found)) = odd {
            issues.push(mismatch(&item.value, &expected, &found));
        }
    }
    for map in maps {
        let Kind::Map(entries) = &map.kind else {
            continue;
        };
        let Some(((key, value), rest)) = entries.split_first() else {
            continue;
        };
        let (keys, values) = (checked.of(key), value_type(value));
        for (key, value) in rest {
            if !keys.is(checked.of(key)) {
                issues.push(mismatch(key, keys, checked.of(key)));
            }
            let found = value_type(value);
            if !values.is(&found) {
                issues.push(mismatch(&value.value, &values, &found));
            }
        }
    }
}

/// Visits every part that stands in no formatting.
fn gather<'a>(expr: &'a Expr, is_exempt: bool, visit: &mut dyn FnMut(&'a Expr)) {
    if !is_exempt {
        visit(expr);
    }
    let mut inside = |part: &'a Expr, is_exempt: bool| gather(part, is_exempt, visit);
    match &expr.kind {
        Kind::Literal(_) | Kind::Ident(_) => {}
        Kind::Select { operand, .. } => inside(operand, is_exempt),
        Kind::Call(call) => {
            let is_exempt = is_exempt || call.name == "format";
            call.target
                .iter()
                .for_each(|target| inside(target, is_exempt));
            call.args.iter().for_each(|arg| inside(arg, is_exempt));
        }
        Kind::List(items) => items.iter().for_each(|item| inside(&item.value, is_exempt)),
        Kind::Map(entries) => {
            for (key, value) in entries {
                inside(key, is_exempt);
                inside(&value.value, is_exempt);
            }
        }
        Kind::Struct { fields, .. } => {
            for (_, _, field) in fields {
                inside(&field.value, is_exempt);
            }
        }
        Kind::Comprehension(inner) => {
            for part in inner.parts() {
                inside(part, is_exempt);
            }
        }
    }
}
