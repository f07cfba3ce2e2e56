//! Calls that are no calls: `has`, `all`, `exists`, `map`, `filter`, `cel.bind`, …
//!
//! *Upstream:* `cel-go/parser/macro.go`, `cel-go/ext/{bindings,comprehensions}.go`.

use super::parser::call;
use super::{Bind, BindKind, Comprehension, ComprehensionKind, Expr, Issue, Kind};

/// A call without a target.
pub(super) fn global(at: usize, name: &str, mut args: Vec<Expr>) -> Result<Expr, Issue> {
    match (name, args.len()) {
        ("has", 1) => match args.remove(0).kind {
            Kind::Select { operand, field, .. } => Ok(Expr {
                at,
                kind: Kind::Has { operand, field },
            }),
            _ => Err(Issue::new(at, "invalid argument to has() macro")),
        },
        ("cel.bind", 3) => {
            let body = args.remove(2);
            let value = args.remove(1);
            let variable = variable(&args[0])?;
            Ok(bind(at, BindKind::Value, variable, value, body))
        }
        _ => Ok(call(at, name, None, args)),
    }
}

/// A call with a target.
pub(super) fn method(
    at: usize,
    target: Expr,
    name: &str,
    mut args: Vec<Expr>,
) -> Result<Expr, Issue> {
    use ComprehensionKind::{All, Exists, ExistsOne, Filter, Map, TransformMap};
    let kind = match (name, args.len()) {
        ("all", 2 | 3) => All,
        ("exists", 2 | 3) => Exists,
        ("exists_one" | "existsOne", 2 | 3) => ExistsOne,
        ("map", 2 | 3) | ("transformList", 3 | 4) => Map,
        ("filter", 2) => Filter,
        ("transformMap", 3 | 4) => TransformMap,
        ("optMap" | "optFlatMap", 2) => {
            let body = args.remove(1);
            let kind = if name == "optMap" {
                BindKind::OptMap
            } else {
                BindKind::OptFlatMap
            };
            return Ok(bind(at, kind, variable(&args[0])?, target, body));
        }
        _ => return Ok(call(at, name, Some(target), args)),
    };
    let last = args.pop();
    let has_second = match kind {
        All | Exists | ExistsOne => args.len() == 2,
        Map => name == "transformList",
        Filter => false,
        TransformMap => true,
    };
    let names = if has_second { 2 } else { 1 };
    let condition = if args.len() > names { args.pop() } else { None };
    let (condition, body) = match kind {
        Map | TransformMap => (condition, last),
        All | Exists | ExistsOne | Filter => (last, None),
    };
    let first = variable(&args[0])?;
    let second = match args.get(1) {
        Some(second) if has_second => Some(variable(second)?),
        _ => None,
    };
    Ok(Expr {
        at,
        kind: Kind::Comprehension(Box::new(Comprehension {
            kind,
            range: target,
            variable: first,
            second,
            condition,
            body,
        })),
    })
}

fn bind(at: usize, kind: BindKind, variable: String, value: Expr, body: Expr) -> Expr {
    Expr {
        at,
        kind: Kind::Bind(Box::new(Bind {
            variable,
            value,
            body,
            kind,
        })),
    }
}

fn variable(expr: &Expr) -> Result<String, Issue> {
    match &expr.kind {
        Kind::Ident(name) => Ok(name.clone()),
        _ => Err(Issue::new(expr.at, "argument must be a simple name")),
    }
}
