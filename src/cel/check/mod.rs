//! The type of an expression, or everything that is wrong with it.
//!
//! *Upstream:* `cel-go/checker/checker.go`.

mod declarations;
mod literals;
mod unify;

pub(super) use self::declarations::function;
pub use self::declarations::{Function, Overload};
use self::unify::{Found, is_any, most_general};
use super::syntax::{Call, Comprehension, Element, Expr, Issue, Kind, Literal, OPT_SELECT};
use super::types::{Record, Type};
use std::sync::Arc;

/// A variable and its type.
pub type Variable = (String, Type);

/// What checking found out of each part of an expression, by its number.
#[derive(Debug, Default)]
pub struct Checked {
    types: Vec<Option<Type>>,
    overloads: Vec<Vec<&'static Overload>>,
}

impl Checked {
    /// The type of a part.
    pub fn of(&self, expr: &Expr) -> &Type {
        let found = self.types.get(expr.id as usize).and_then(Option::as_ref);
        found.unwrap_or(&Type::Dyn)
    }

    /// Which ways of calling its function a call may take.
    pub fn overloads(&self, expr: &Expr) -> &[&'static Overload] {
        self.overloads
            .get(expr.id as usize)
            .map_or(&[], Vec::as_slice)
    }
}

/// Finds out the types of an expression over these variables; names and calls with dots that are
/// one name become one. `parts`: how many numbers its parts have.
pub fn check(
    expr: &mut Expr,
    parts: u32,
    variables: &[Variable],
    has_patch_types: bool,
) -> Result<Checked, Vec<Issue>> {
    let size = parts as usize + 1;
    let mut checker = Checker {
        has_patch_types,
        variables,
        scope: Vec::new(),
        issues: Vec::new(),
        found: Found::default(),
        next_unknown: 0,
        checked: Checked {
            types: vec![None; size],
            overloads: vec![Vec::new(); size],
        },
    };
    checker.expr(expr);
    for of in checker.checked.types.iter_mut().flatten() {
        *of = checker.found.substitute(of, true);
    }
    if checker.issues.is_empty() {
        checker.issues = literals::check(expr, &checker.checked);
    }
    if checker.issues.is_empty() {
        Ok(checker.checked)
    } else {
        Err(checker.issues)
    }
}

/// A type by the name that expressions call it.
fn named_type(name: &str) -> Option<Type> {
    let of = match name {
        "bool" => Type::Bool,
        "int" => Type::Int,
        "uint" => Type::Uint,
        "double" => Type::Double,
        "string" => Type::String,
        "bytes" => Type::Bytes,
        "list" => Type::list(Type::Dyn),
        "map" => Type::map(Type::Dyn, Type::Dyn),
        "null_type" => Type::Null,
        "dyn" => Type::Dyn,
        "type" => return Some(Type::Type(None).of_type()),
        "google.protobuf.Timestamp" => Type::Timestamp,
        "google.protobuf.Duration" => Type::Duration,
        "net.IP" => Type::Opaque("net.IP"),
        "net.CIDR" => Type::Opaque("net.CIDR"),
        "optional_type" => Type::optional(Type::Dyn),
        _ => return None,
    };
    Some(of.of_type())
}

struct Checker<'v> {
    has_patch_types: bool,
    variables: &'v [Variable],
    /// What loops declare.
    scope: Vec<Variable>,
    issues: Vec<Issue>,
    found: Found,
    next_unknown: u32,
    checked: Checked,
}

impl Checker<'_> {
    fn fail(&mut self, at: usize, message: impl Into<String>) -> Type {
        self.issues.push(Issue::new(at, message));
        Type::Error
    }

    fn mismatch(&mut self, at: usize, expected: &Type, found: &Type) -> Type {
        self.fail(
            at,
            format!("expected type '{expected}' but found '{found}'"),
        )
    }

    fn undeclared(&mut self, at: usize, name: &str) -> Type {
        self.fail(
            at,
            format!("undeclared reference to '{name}' (in container '')"),
        )
    }

    fn unknown(&mut self) -> Type {
        self.next_unknown += 1;
        Type::Unknown(self.next_unknown - 1)
    }

    fn of(&self, expr: &Expr) -> Type {
        self.checked.of(expr).clone()
    }

    fn expr(&mut self, expr: &mut Expr) {
        let of = match &mut expr.kind {
            Kind::Literal(literal) => literal_type(literal),
            Kind::Ident(name) => self.ident(expr.at, name),
            Kind::Select { is_test, .. } => {
                let is_test = *is_test;
                self.select(expr, is_test)
            }
            Kind::Call(call) => self.call(expr.id, expr.at, call),
            Kind::List(items) => self.list(items),
            Kind::Map(entries) => self.map(entries),
            Kind::Struct { name, fields } => self.object(expr.at, name, fields),
            Kind::Comprehension(inner) => self.comprehension(inner),
        };
        self.checked.types[expr.id as usize] = Some(of);
    }

    fn ident(&mut self, at: usize, name: &mut String) -> Type {
        if let Some((_, found)) = self.scope.iter().rev().find(|(known, _)| known == name) {
            return found.clone();
        }
        let global = name.strip_prefix('.').unwrap_or(name);
        if let Some(found) = self.global(global) {
            *name = global.to_owned();
            return found;
        }
        let name = name.clone();
        self.undeclared(at, &name)
    }

    fn global(&self, name: &str) -> Option<Type> {
        let variable = self.variables.iter().find(|(known, _)| known == name);
        variable
            .map(|(_, found)| found.clone())
            .or_else(|| named_type(name))
    }

    fn select(&mut self, expr: &mut Expr, is_test: bool) -> Type {
        // A name with dots may be one name.
        if let Some(name) = expr.dotted() {
            let root = name.split('.').next().unwrap_or("");
            let is_local = self.scope.iter().any(|(known, _)| known == root);
            if !is_local && let Some(found) = self.global(&name) {
                expr.kind = Kind::Ident(name);
                return found;
            }
        }
        let at = expr.at;
        let Kind::Select { operand, field, .. } = &mut expr.kind else {
            return Type::Dyn;
        };
        self.expr(operand);
        let operand = self.of(operand);
        let found = self.field(at, &operand, field, false);
        if is_test {
            Type::Bool
        } else {
            self.found.substitute(&found, false)
        }
    }

    /// The type of a field of something.
    fn field(&mut self, at: usize, operand: &Type, field: &str, is_optional: bool) -> Type {
        let operand = self.found.substitute(operand, false);
        let (target, was_optional) = match &operand {
            Type::Optional(inner) => (inner.as_ref().clone(), true),
            _ => (operand, false),
        };
        let found = match &target {
            Type::Map(_, values) => values.as_ref().clone(),
            Type::Object(object) => match object.field(field) {
                Some(found) => found,
                None => self.fail(at, format!("undefined field '{field}'")),
            },
            Type::Record(record) => match record.fields.get(field) {
                Some(found) => found.clone(),
                None if record.is_open => Type::Dyn,
                None => self.fail(at, format!("undefined field '{field}'")),
            },
            Type::Unknown(_) => {
                self.found.assign(&Type::Dyn, &target);
                Type::Dyn
            }
            Type::Opaque(name) if name.starts_with("kubernetes.") => {
                self.fail(at, format!("unexpected failed resolution of '{name}'"))
            }
            other if is_any(other) => Type::Dyn,
            other => {
                let message = format!("type '{other}' does not support field selection");
                self.fail(at, message);
                Type::Dyn
            }
        };
        if is_optional || was_optional {
            Type::optional(found)
        } else {
            found
        }
    }

    fn call(&mut self, id: u32, at: usize, call: &mut Call) -> Type {
        if call.name == OPT_SELECT {
            let [operand, field] = &mut call.args[..] else {
                return Type::Error;
            };
            self.expr(operand);
            let operand = self.of(operand);
            self.expr(field);
            let Kind::Literal(Literal::String(field)) = &field.kind else {
                return Type::Error;
            };
            let found = self.field(at, &operand, field, true);
            if let Some(function) = function(OPT_SELECT) {
                self.checked.overloads[id as usize] = function.overloads.iter().collect();
            }
            return self.found.substitute(&found, false);
        }
        for arg in &mut call.args {
            self.expr(arg);
        }
        let Some(target) = &mut call.target else {
            let name = call.name.strip_prefix('.').unwrap_or(&call.name).to_owned();
            let Some(function) = self.function(&name) else {
                return self.undeclared(at, &name);
            };
            call.name = name;
            return self.overload(id, at, function, None, &call.args);
        };
        // A name with dots may be one name.
        if let Some(prefix) = target.dotted()
            && let Some(function) = self.function(&format!("{prefix}.{}", call.name))
        {
            call.target = None;
            function.name.clone_into(&mut call.name);
            return self.overload(id, at, function, None, &call.args);
        }
        self.expr(target);
        if let Some(function) = self.function(&call.name) {
            return self.overload(id, at, function, Some(target), &call.args);
        }
        let name = call.name.clone();
        self.undeclared(at, &name)
    }

    fn function(&self, name: &str) -> Option<&'static Function> {
        if name == "jsonpatch.escapeKey" && !self.has_patch_types {
            return None;
        }
        function(name)
    }

    fn overload(
        &mut self,
        id: u32,
        at: usize,
        function: &'static Function,
        target: Option<&Expr>,
        args: &[Expr],
    ) -> Type {
        let given: Vec<Type> = target
            .into_iter()
            .chain(args)
            .map(|arg| self.of(arg))
            .collect();
        if matches!(function.name, "_&&_" | "_||_") {
            let mut is_sound = true;
            for (arg, of) in args.iter().zip(&given) {
                if !self.found.assign(of, &Type::Bool) {
                    self.mismatch(arg.at, &Type::Bool, of);
                    is_sound = false;
                }
            }
            self.checked.overloads[id as usize] = function.overloads.iter().collect();
            return if is_sound { Type::Bool } else { Type::Error };
        }
        let mut result: Option<Type> = None;
        let mut chosen = Vec::new();
        for overload in &function.overloads {
            if overload.is_method != target.is_some() {
                continue;
            }
            let fresh = Fresh::new(overload, &mut self.next_unknown);
            let wanted: Vec<Type> = overload.args.iter().map(|arg| fresh.of(arg)).collect();
            if !self.found.assign_all(&given, &wanted) {
                continue;
            }
            chosen.push(overload);
            let found = self.found.substitute(&fresh.of(&overload.result), false);
            result = Some(match result {
                None => found,
                Some(known) if matches!(known, Type::Dyn | Type::Any) || found.is(&known) => known,
                Some(_) => Type::Dyn,
            });
        }
        if let Some(result) = result {
            self.checked.overloads[id as usize] = chosen;
            return result;
        }
        let given: Vec<String> = given
            .iter()
            .map(|of| self.found.substitute(of, true).to_string())
            .collect();
        let applied = match (target, given.split_first()) {
            (Some(_), Some((target, args))) => format!("{target}.({})", args.join(", ")),
            _ => format!("({})", given.join(", ")),
        };
        let name = function.name;
        self.fail(
            at,
            format!("found no matching overload for '{name}' applied to '{applied}'"),
        )
    }

    /// The type of an item of a literal.
    fn element(&mut self, element: &mut Element) -> Type {
        self.expr(&mut element.value);
        let of = self.of(&element.value);
        match (element.is_optional, of) {
            (true, Type::Optional(inner)) => inner.as_ref().clone(),
            (true, of) if !matches!(of, Type::Dyn | Type::Any) => {
                self.mismatch(element.value.at, &Type::optional(of.clone()), &of);
                of
            }
            (_, of) => of,
        }
    }

    /// The one type of several; anything, where they are of different ones.
    fn join(&mut self, previous: Option<Type>, current: Type) -> Type {
        match previous {
            None => current,
            Some(previous) if self.found.assign(&previous, &current) => {
                most_general(&previous, &current)
            }
            Some(_) => Type::Dyn,
        }
    }

    fn list(&mut self, items: &mut [Element]) -> Type {
        let mut common = None;
        for item in items {
            let of = self.element(item);
            common = Some(self.join(common, of));
        }
        let items = common.unwrap_or_else(|| self.unknown());
        Type::list(items)
    }

    fn map(&mut self, entries: &mut [(Expr, Element)]) -> Type {
        let (mut keys, mut values) = (None, None);
        for (key, value) in entries {
            self.expr(key);
            let of = self.of(key);
            keys = Some(self.join(keys, of));
            let of = self.element(value);
            values = Some(self.join(values, of));
        }
        let keys = keys.unwrap_or_else(|| self.unknown());
        let values = values.unwrap_or_else(|| self.unknown());
        Type::map(keys, values)
    }

    fn object(&mut self, at: usize, name: &str, fields: &mut [(usize, String, Element)]) -> Type {
        let is_patch = name == "JSONPatch";
        let is_object = name == "Object" || name.starts_with("Object.");
        if !self.has_patch_types || !(is_patch || is_object) {
            return self.undeclared(at, name);
        }
        for (at, field, element) in fields {
            let of = self.element(element);
            let wanted = match (is_patch, field.as_str()) {
                (true, "op" | "path" | "from") => Some(Type::String),
                (true, "value") | (false, _) => Some(Type::Dyn),
                (true, _) => None,
            };
            let fits = |wanted| self.found.assign(wanted, &of);
            if !wanted.as_ref().is_some_and(fits) {
                let wanted = wanted.map_or(String::new(), |wanted| wanted.to_string());
                self.fail(
                    *at,
                    format!(
                        "expected type of field '{field}' is '{wanted}' but provided type is \
                         '{of}'"
                    ),
                );
            }
        }
        Type::Record(Arc::new(Record {
            name: name.to_owned(),
            is_open: true,
            ..Record::default()
        }))
    }

    fn comprehension(&mut self, inner: &mut Comprehension) -> Type {
        self.expr(&mut inner.range);
        self.expr(&mut inner.init);
        let range = self.found.substitute(&self.of(&inner.range), false);
        let accumulator = self.of(&inner.init);
        let depth = self.scope.len();
        self.scope
            .push((inner.accumulator.clone(), accumulator.clone()));
        let (first, second) = match (&range, inner.second.is_some()) {
            (Type::List(items), true) => (Type::Int, items.as_ref().clone()),
            (Type::List(items), false) => (items.as_ref().clone(), Type::Dyn),
            (Type::Map(keys, values), _) => (keys.as_ref().clone(), values.as_ref().clone()),
            (Type::Dyn | Type::Error | Type::Unknown(_), _) => {
                self.found.assign(&Type::Dyn, &range);
                (Type::Dyn, Type::Dyn)
            }
            (other, _) => {
                let message = format!(
                    "expression of type '{other}' cannot be range of a comprehension (must be \
                     list, map, or dynamic)"
                );
                self.fail(inner.range.at, message);
                (Type::Error, Type::Error)
            }
        };
        self.scope.push((inner.variable.clone(), first));
        if let Some(name) = &inner.second {
            self.scope.push((name.clone(), second));
        }
        self.expr(&mut inner.condition);
        self.assert(&inner.condition, &Type::Bool);
        self.expr(&mut inner.step);
        self.assert(&inner.step, &accumulator);
        self.scope.truncate(depth + 1);
        self.expr(&mut inner.result);
        self.scope.truncate(depth);
        self.found.substitute(&self.of(&inner.result), false)
    }

    fn assert(&mut self, expr: &Expr, wanted: &Type) {
        let of = self.of(expr);
        if !self.found.assign(wanted, &of) {
            self.mismatch(expr.at, wanted, &of);
        }
    }
}

/// New unknowns in the place of what a declaration leaves open.
struct Fresh([Option<Type>; 2]);

impl Fresh {
    fn new(overload: &Overload, next: &mut u32) -> Self {
        let mut fresh = [None, None];
        for (index, place) in fresh.iter_mut().enumerate() {
            let index = index as u8;
            let is_open = overload
                .args
                .iter()
                .chain([&overload.result])
                .any(|of| leaves_open(of, index));
            if is_open {
                *place = Some(Type::Unknown(*next));
                *next += 1;
            }
        }
        Self(fresh)
    }

    fn of(&self, declared: &Type) -> Type {
        let inner = |of: &Arc<Type>| Arc::new(self.of(of));
        match declared {
            Type::Parameter(index) => self.0[usize::from(*index)].clone().unwrap_or(Type::Dyn),
            Type::List(a) => Type::List(inner(a)),
            Type::Optional(a) => Type::Optional(inner(a)),
            Type::Type(Some(a)) => Type::Type(Some(inner(a))),
            Type::Map(a, b) => Type::Map(inner(a), inner(b)),
            other => other.clone(),
        }
    }
}

fn leaves_open(of: &Type, index: u8) -> bool {
    match of {
        Type::Parameter(other) => *other == index,
        Type::List(a) | Type::Optional(a) | Type::Type(Some(a)) => leaves_open(a, index),
        Type::Map(a, b) => leaves_open(a, index) || leaves_open(b, index),
        _ => false,
    }
}

const fn literal_type(literal: &Literal) -> Type {
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
