//! The type of an expression, or everything that is wrong with it.
//!
//! *Upstream:* `cel-go/checker/checker.go`.

mod declarations;

use std::sync::Arc;

use self::declarations::{Overload, overloads};
use super::syntax::{
    Bind, BindKind, Call, Comprehension, ComprehensionKind, Element, Expr, Issue, Kind, Literal,
};
use super::types::{Record, Type};

/// Names of types, as values.
const TYPE_NAMES: &[&str] = &[
    "bool",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "list",
    "map",
    "null_type",
    "type",
    "google.protobuf.Timestamp",
    "google.protobuf.Duration",
];

/// A variable and its type.
pub type Variable = (String, Type);

/// The type of an expression over these variables.
pub fn check(
    expr: &Expr,
    variables: &[Variable],
    has_patch_types: bool,
) -> Result<Type, Vec<Issue>> {
    let mut checker = Checker {
        has_patch_types,
        scope: variables.to_vec(),
        issues: Vec::new(),
    };
    let found = checker.expr(expr);
    if checker.issues.is_empty() {
        Ok(found)
    } else {
        checker.issues.sort_by_key(|issue| issue.at);
        Err(checker.issues)
    }
}

struct Checker {
    has_patch_types: bool,
    scope: Vec<Variable>,
    issues: Vec<Issue>,
}

impl Checker {
    /// Notes an issue; what it is about may be anything, so that it brings no others about.
    fn fail(&mut self, at: usize, message: impl Into<String>) -> Type {
        self.issues.push(Issue::new(at, message));
        Type::Dyn
    }

    fn expr(&mut self, expr: &Expr) -> Type {
        match &expr.kind {
            Kind::Literal(literal) => literal_type(literal),
            Kind::Ident(name) => self.ident(expr.at, name),
            Kind::Select {
                operand,
                field,
                is_optional,
            } => {
                if let Some(name) = dotted(expr)
                    && TYPE_NAMES.contains(&name.as_str())
                {
                    return Type::Type;
                }
                if let Some(name) = dotted(expr)
                    && let Some((_, found)) = self.scope.iter().find(|(known, _)| *known == name)
                {
                    return found.clone();
                }
                let operand = self.expr(operand);
                let found = self.field(expr.at, &operand, field);
                if *is_optional && !matches!(found, Type::Optional(_)) {
                    Type::optional(found)
                } else {
                    found
                }
            }
            Kind::Has { operand, field } => {
                let operand = self.expr(operand);
                self.field(expr.at, &operand, field);
                Type::Bool
            }
            Kind::Call(call) => self.call(expr.at, call),
            Kind::List(items) => Type::list(self.elements(items.iter())),
            Kind::Map(entries) => {
                let mut keys: Option<Type> = None;
                for (key, _) in entries {
                    let found = self.expr(key);
                    keys = Some(self.same(key.at, keys, found));
                }
                let values = self.elements(entries.iter().map(|(_, value)| value));
                Type::Map(Arc::new(keys.unwrap_or(Type::Dyn)), Arc::new(values))
            }
            Kind::Struct { name, fields } => self.object(expr.at, name, fields),
            Kind::Comprehension(inner) => self.comprehension(expr.at, inner),
            Kind::Bind(bind) => self.bind(expr.at, bind),
        }
    }

    fn object(&mut self, at: usize, name: &str, fields: &[(String, Element)]) -> Type {
        let is_patch = name == "JSONPatch";
        let is_object = name == "Object" || name.starts_with("Object.");
        if !self.has_patch_types || !(is_patch || is_object) {
            let container = "(in container '')";
            return self.fail(at, format!("undeclared reference to '{name}' {container}"));
        }
        for (field, element) in fields {
            let found = self.expr(&element.value);
            let found = match (element.is_optional, found) {
                (true, Type::Optional(inner)) => inner.as_ref().clone(),
                (_, found) => found,
            };
            if is_patch
                && matches!(field.as_str(), "op" | "path" | "from")
                && !matches!(found, Type::String | Type::Dyn)
            {
                self.fail(
                    element.value.at,
                    format!(
                        "expected type of field '{field}' is 'string' but provided type is \
                         '{found}'"
                    ),
                );
            }
        }
        Type::Record(Arc::new(Record {
            name: name.to_owned(),
            ..Record::default()
        }))
    }

    fn ident(&mut self, at: usize, name: &str) -> Type {
        if let Some((_, found)) = self.scope.iter().rev().find(|(known, _)| known == name) {
            return found.clone();
        }
        if TYPE_NAMES.contains(&name) {
            return Type::Type;
        }
        self.fail(
            at,
            format!("undeclared reference to '{name}' (in container '')"),
        )
    }

    fn field(&mut self, at: usize, operand: &Type, field: &str) -> Type {
        match operand {
            Type::Dyn | Type::Parameter(_) => Type::Dyn,
            Type::Map(_, values) => values.as_ref().clone(),
            Type::Object(object) => match object.field(field) {
                Some(found) => found,
                None => self.fail(at, format!("undefined field '{field}'")),
            },
            Type::Record(record) => match record.fields.get(field) {
                Some(found) => found.clone(),
                None if record.fields.is_empty() && record.name.starts_with("Object") => Type::Dyn,
                None => self.fail(at, format!("undefined field '{field}'")),
            },
            Type::Optional(inner) => {
                let inner = inner.as_ref().clone();
                match self.field(at, &inner, field) {
                    found @ Type::Optional(_) => found,
                    found => Type::optional(found),
                }
            }
            other => self.fail(
                at,
                format!("type '{other}' does not support field selection"),
            ),
        }
    }

    /// The one type of all items of a literal.
    fn elements<'e>(&mut self, items: impl Iterator<Item = &'e Element>) -> Type {
        let mut common: Option<Type> = None;
        for item in items {
            let mut found = self.expr(&item.value);
            if item.is_optional {
                found = match found {
                    Type::Optional(inner) => inner.as_ref().clone(),
                    Type::Dyn => Type::Dyn,
                    other => {
                        let detail = format!("expected type 'optional_type' but found '{other}'");
                        self.fail(item.value.at, detail)
                    }
                };
            }
            common = Some(self.same(item.value.at, common, found));
        }
        common.unwrap_or(Type::Dyn)
    }

    fn same(&mut self, at: usize, common: Option<Type>, found: Type) -> Type {
        let Some(common) = common else {
            return found;
        };
        match join(&common, &found) {
            Some(joined) => joined,
            None => self.fail(at, format!("expected type '{common}' but found '{found}'")),
        }
    }

    fn call(&mut self, at: usize, call: &Call) -> Type {
        let target = call.target.as_ref().map(|target| self.expr(target));
        let args: Vec<Type> = call
            .args
            .iter()
            .map(|arg| match &arg.kind {
                // What is formatted may be of any types.
                Kind::List(items) if call.name == "format" => {
                    for item in items {
                        self.expr(&item.value);
                    }
                    Type::list(Type::Dyn)
                }
                _ => self.expr(arg),
            })
            .collect();
        let known = overloads(&call.name);
        if known.is_empty() {
            let name = &call.name;
            return self.fail(
                at,
                format!("undeclared reference to '{name}' (in container '')"),
            );
        }
        let results: Vec<Type> = known
            .iter()
            .filter_map(|overload| matches(overload, target.as_ref(), &args))
            .collect();
        match results.split_first() {
            None => {
                let args: Vec<String> = args.iter().map(ToString::to_string).collect();
                let applied = match target {
                    Some(target) => format!("{target}.({})", args.join(", ")),
                    None => format!("({})", args.join(", ")),
                };
                self.fail(
                    at,
                    format!(
                        "found no matching overload for '{}' applied to '{applied}'",
                        call.name
                    ),
                )
            }
            Some((first, rest)) if rest.iter().all(|result| result.is(first)) => first.clone(),
            Some(_) => Type::Dyn,
        }
    }

    fn comprehension(&mut self, at: usize, inner: &Comprehension) -> Type {
        let range = self.expr(&inner.range);
        let (first, second) = match (&range, &inner.second) {
            (Type::List(items), None) => (items.as_ref().clone(), Type::Dyn),
            (Type::List(items), Some(_)) => (Type::Int, items.as_ref().clone()),
            (Type::Map(keys, values), _) => (keys.as_ref().clone(), values.as_ref().clone()),
            (Type::Dyn, _) => (Type::Dyn, Type::Dyn),
            (other, _) => {
                let detail = format!(
                    "expression of type '{other}' cannot be range of a comprehension (must be \
                     list, map, or dynamic)"
                );
                self.fail(inner.range.at, detail);
                (Type::Dyn, Type::Dyn)
            }
        };
        let depth = self.scope.len();
        self.scope.push((inner.variable.clone(), first.clone()));
        if let Some(name) = &inner.second {
            self.scope.push((name.clone(), second));
        }
        if let Some(condition) = &inner.condition {
            let found = self.expr(condition);
            if !matches!(found, Type::Bool | Type::Dyn | Type::Parameter(_)) {
                self.fail(
                    condition.at,
                    format!("expected type 'bool' but found '{found}'"),
                );
            }
        }
        let body = inner.body.as_ref().map(|body| self.expr(body));
        self.scope.truncate(depth);
        let _ = at;
        match inner.kind {
            ComprehensionKind::All | ComprehensionKind::Exists | ComprehensionKind::ExistsOne => {
                Type::Bool
            }
            ComprehensionKind::Filter => Type::list(first),
            ComprehensionKind::Map => Type::list(body.unwrap_or(Type::Dyn)),
            ComprehensionKind::TransformMap => {
                let keys = if matches!(range, Type::Dyn) {
                    Type::Dyn
                } else {
                    first
                };
                Type::Map(Arc::new(keys), Arc::new(body.unwrap_or(Type::Dyn)))
            }
        }
    }

    fn bind(&mut self, at: usize, bind: &Bind) -> Type {
        let value = self.expr(&bind.value);
        let bound = match (bind.kind, &value) {
            (BindKind::Value, _) => value.clone(),
            (_, Type::Optional(inner)) => inner.as_ref().clone(),
            (_, Type::Dyn) => Type::Dyn,
            (_, other) => {
                let detail = format!("expected type 'optional_type' but found '{other}'");
                self.fail(at, detail)
            }
        };
        self.scope.push((bind.variable.clone(), bound));
        let body = self.expr(&bind.body);
        self.scope.pop();
        match bind.kind {
            BindKind::Value | BindKind::OptFlatMap => body,
            BindKind::OptMap => Type::optional(body),
        }
    }
}

/// `a.b.c` as text, where the expression is nothing else.
fn dotted(expr: &Expr) -> Option<String> {
    match &expr.kind {
        Kind::Ident(name) => Some(name.clone()),
        Kind::Select { operand, field, .. } => Some(format!("{}.{field}", dotted(operand)?)),
        _ => None,
    }
}

fn literal_type(literal: &Literal) -> Type {
    match literal {
        Literal::Null => Type::Null,
        Literal::Bool(_) => Type::Bool,
        Literal::Int(_) => Type::Int,
        Literal::Uint(_) => Type::Uint,
        Literal::Double(_) => Type::Double,
        Literal::String(_) => Type::String,
        Literal::Bytes(_) => Type::Bytes,
    }
}

/// The result of a call by one overload, where it fits.
fn matches(overload: &Overload, target: Option<&Type>, args: &[Type]) -> Option<Type> {
    if overload.target.is_some() != target.is_some() || overload.args.len() != args.len() {
        return None;
    }
    let mut bound = [None, None];
    let wanted = overload.target.iter().chain(&overload.args);
    for (wanted, given) in wanted.zip(target.into_iter().chain(args)) {
        if !fits(wanted, given, &mut bound) {
            return None;
        }
    }
    Some(substitute(&overload.result, &bound))
}

/// Whether a value of one type may stand where another is wanted; finds out parameters on the way.
fn fits(wanted: &Type, given: &Type, bound: &mut [Option<Type>; 2]) -> bool {
    match (wanted, given) {
        (Type::Parameter(index), _) => {
            let place = &mut bound[usize::from(*index) % 2];
            let Some(known) = place else {
                *place = Some(given.clone());
                return true;
            };
            match join(known, given) {
                Some(joined) => {
                    *place = Some(joined);
                    true
                }
                None => false,
            }
        }
        (Type::Dyn, _) | (_, Type::Dyn | Type::Parameter(_)) => true,
        (Type::List(wanted), Type::List(given))
        | (Type::Optional(wanted), Type::Optional(given)) => fits(wanted, given, bound),
        (Type::Map(keys, values), Type::Map(given_keys, given_values)) => {
            fits(keys, given_keys, bound) && fits(values, given_values, bound)
        }
        _ => join(wanted, given).is_some(),
    }
}

/// The type that both are, where one may stand for the other.
fn join(a: &Type, b: &Type) -> Option<Type> {
    match (a, b) {
        (Type::Dyn | Type::Parameter(_), _) | (_, Type::Dyn | Type::Parameter(_)) => {
            Some(Type::Dyn)
        }
        (Type::List(a), Type::List(b)) => Some(Type::list(join(a, b)?)),
        (Type::Optional(a), Type::Optional(b)) => Some(Type::optional(join(a, b)?)),
        (Type::Map(a, b), Type::Map(c, d)) => {
            Some(Type::Map(Arc::new(join(a, c)?), Arc::new(join(b, d)?)))
        }
        (Type::Null, other) | (other, Type::Null) if takes_null(other) => Some(other.clone()),
        _ => a.is(b).then(|| a.clone()),
    }
}

fn takes_null(other: &Type) -> bool {
    matches!(
        other,
        Type::Null
            | Type::Object(_)
            | Type::Record(_)
            | Type::Opaque(_)
            | Type::Optional(_)
            | Type::Duration
            | Type::Timestamp
    )
}

fn substitute(result: &Type, bound: &[Option<Type>; 2]) -> Type {
    match result {
        Type::Parameter(index) => bound[usize::from(*index) % 2].clone().unwrap_or(Type::Dyn),
        Type::List(items) => Type::list(substitute(items, bound)),
        Type::Optional(inner) => Type::optional(substitute(inner, bound)),
        Type::Map(keys, values) => Type::Map(
            Arc::new(substitute(keys, bound)),
            Arc::new(substitute(values, bound)),
        ),
        other => other.clone(),
    }
}
