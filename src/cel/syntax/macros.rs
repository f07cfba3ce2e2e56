//! Calls that are no calls: `has`, `all`, `exists`, `map`, `filter`, `cel.bind`, …
//!
//! Each expands to a test or a loop, which is what types, costs and values are of.
//!
//! *Upstream:* `cel-go/parser/macro.go`, `cel-go/ext/comprehensions.go`, `cel-go/cel/library.go`.

use super::{ACCUMULATOR, Comprehension, Element, Expr, Issue, Kind, Literal, UNUSED};

/// Makes the parts that a macro adds: all stand where its call stands.
pub(super) struct Maker<'p> {
    pub(super) next_id: &'p mut u32,
    pub(super) at: usize,
    /// Whether `cel.bind` is one.
    pub(super) has_bindings: bool,
}

/// What a call became.
pub(super) enum Expanded {
    /// It is no macro.
    Call(Option<Expr>, Vec<Expr>),
    /// What it stands for.
    Macro(Expr),
    /// It is one, but wrongly called.
    Wrong(Issue),
}

impl Maker<'_> {
    fn make(&mut self, kind: Kind) -> Expr {
        *self.next_id += 1;
        Expr {
            id: *self.next_id,
            at: self.at,
            kind,
        }
    }

    fn literal(&mut self, literal: Literal) -> Expr {
        self.make(Kind::Literal(literal))
    }

    fn ident(&mut self, name: &str) -> Expr {
        self.make(Kind::Ident(name.to_owned()))
    }

    fn accumulator(&mut self) -> Expr {
        self.ident(ACCUMULATOR)
    }

    fn call(&mut self, name: &str, args: Vec<Expr>) -> Expr {
        self.make(Kind::Call(super::Call {
            name: name.to_owned(),
            target: None,
            args,
        }))
    }

    fn method(&mut self, name: &str, target: Expr) -> Expr {
        self.make(Kind::Call(super::Call {
            name: name.to_owned(),
            target: Some(Box::new(target)),
            args: Vec::new(),
        }))
    }

    fn list(&mut self, items: Vec<Expr>) -> Expr {
        let items = items.into_iter().map(|value| Element {
            value,
            is_optional: false,
        });
        let items = items.collect();
        self.make(Kind::List(items))
    }

    /// A call that may be a macro.
    pub(super) fn expand(&mut self, name: &str, target: Option<Expr>, args: Vec<Expr>) -> Expanded {
        let expanded = match (target, name, args.len()) {
            (None, "has", 1) => self.has(args),
            (Some(target), "bind", 3) if self.has_bindings => {
                if !matches!(&target.kind, Kind::Ident(name) if name == "cel") {
                    return Expanded::Call(Some(target), args);
                }
                self.named_bind(args)
            }
            (Some(target), "optMap" | "optFlatMap", 2) => self.opt_map(name, target, args),
            (Some(target), "sortBy", 2) => self.sort_by(target, args),
            (Some(target), "all" | "exists" | "exists_one" | "map" | "filter", 2)
            | (Some(target), "map", 3) => self.looped(name, target, args, 1),
            (Some(target), "all" | "exists" | "exists_one" | "existsOne", 3)
            | (Some(target), "transformList" | "transformMap" | "transformMapEntry", 3 | 4) => {
                self.looped(name, target, args, 2)
            }
            (target, _, _) => return Expanded::Call(target, args),
        };
        match expanded {
            Ok(expr) => Expanded::Macro(expr),
            Err(issue) => Expanded::Wrong(issue),
        }
    }

    fn has(&mut self, mut args: Vec<Expr>) -> Result<Expr, Issue> {
        let arg = args.remove(0);
        match arg.kind {
            Kind::Select { operand, field, .. } => Ok(self.make(Kind::Select {
                operand,
                field,
                is_test: true,
            })),
            _ => Err(Issue::new(arg.at, "invalid argument to has() macro")),
        }
    }

    fn named_bind(&mut self, mut args: Vec<Expr>) -> Result<Expr, Issue> {
        let (body, value) = (args.remove(2), args.remove(1));
        let wrong = "cel.bind() variable names must be simple identifiers";
        let name = variable(&args[0], wrong)?;
        Ok(self.bind(name, value, body))
    }

    /// Gives a value a name inside a body: a loop over nothing.
    fn bind(&mut self, name: String, value: Expr, body: Expr) -> Expr {
        let range = self.list(Vec::new());
        let condition = self.literal(Literal::Bool(false));
        let step = self.ident(&name);
        self.make(Kind::Comprehension(Box::new(Comprehension {
            range,
            variable: UNUSED.to_owned(),
            second: None,
            accumulator: name,
            init: value,
            condition,
            step,
            result: body,
        })))
    }

    fn opt_map(&mut self, macro_: &str, target: Expr, mut args: Vec<Expr>) -> Result<Expr, Issue> {
        let body = args.remove(1);
        let wrong = format!("{macro_}() variable name must be a simple identifier");
        let name = variable(&args[0], &wrong)?;
        let copy = self.copy(&target);
        let value = self.method("value", copy);
        let mut then = self.bind(name, value, body);
        if macro_ == "optMap" {
            then = self.call("optional.of", vec![then]);
        }
        let has_value = self.method("hasValue", target);
        let none = self.call("optional.none", Vec::new());
        Ok(self.call("_?_:_", vec![has_value, then, none]))
    }

    fn sort_by(&mut self, target: Expr, args: Vec<Expr>) -> Result<Expr, Issue> {
        const INPUT: &str = "@__sortBy_input__";
        if matches!(
            target.kind,
            Kind::Literal(_) | Kind::Map(_) | Kind::Struct { .. }
        ) {
            let message = "sortBy can only be applied to a list, identifier, comprehension, call \
                           or select expression";
            return Err(Issue::new(target.at, message));
        }
        let input = self.ident(INPUT);
        let keys = self.looped("map", input, args, 1)?;
        let input = self.ident(INPUT);
        let mut sorted = self.method("@sortByAssociatedKeys", input);
        if let Kind::Call(call) = &mut sorted.kind {
            call.args.push(keys);
        }
        Ok(self.bind(INPUT.to_owned(), target, sorted))
    }

    /// The macros that loop, over one variable or two.
    fn looped(
        &mut self,
        name: &str,
        range: Expr,
        args: Vec<Expr>,
        variables: usize,
    ) -> Result<Expr, Issue> {
        let is_list = matches!(name, "map" | "filter");
        let wrong = if is_list && variables == 1 {
            "argument is not an identifier"
        } else {
            "argument must be a simple name"
        };
        let first = variable(&args[0], wrong)?;
        let second = match variables {
            1 => None,
            _ => Some(variable(&args[1], wrong)?),
        };
        if second.as_ref() == Some(&first) {
            let message = format!("duplicate variable name: {first}");
            return Err(Issue::new(args[1].at, message));
        }
        for (name, arg) in [Some(&first), second.as_ref()].iter().flatten().zip(&args) {
            if name.as_str() == "__result__" {
                let message = "iteration variable overwrites accumulator variable";
                return Err(Issue::new(arg.at, message));
            }
        }
        let mut args = args.into_iter();
        let item = args.next();
        let mut rest: Vec<Expr> = args.skip(variables - 1).collect();
        let body = rest.pop();
        let filter = rest.pop();
        let (Some(item), Some(body)) = (item, body) else {
            return Err(Issue::new(self.at, wrong));
        };
        let parts = self.parts(name, &first, item, filter, body);
        let (init, condition, step, result) = parts;
        Ok(self.make(Kind::Comprehension(Box::new(Comprehension {
            range,
            variable: first,
            second,
            accumulator: ACCUMULATOR.to_owned(),
            init,
            condition,
            step,
            result,
        }))))
    }

    fn parts(
        &mut self,
        name: &str,
        first: &str,
        item: Expr,
        filter: Option<Expr>,
        body: Expr,
    ) -> (Expr, Expr, Expr, Expr) {
        match name {
            "all" => {
                let (init, so_far) = (self.literal(Literal::Bool(true)), self.accumulator());
                let condition = self.call("@not_strictly_false", vec![so_far]);
                let so_far = self.accumulator();
                let step = self.call("_&&_", vec![so_far, body]);
                (init, condition, step, self.accumulator())
            }
            "exists" => {
                let (init, so_far) = (self.literal(Literal::Bool(false)), self.accumulator());
                let not_yet = self.call("!_", vec![so_far]);
                let condition = self.call("@not_strictly_false", vec![not_yet]);
                let so_far = self.accumulator();
                let step = self.call("_||_", vec![so_far, body]);
                (init, condition, step, self.accumulator())
            }
            "exists_one" | "existsOne" => {
                let init = self.literal(Literal::Int(0));
                let condition = self.literal(Literal::Bool(true));
                let (so_far, one) = (self.accumulator(), self.literal(Literal::Int(1)));
                let more = self.call("_+_", vec![so_far, one]);
                let so_far = self.accumulator();
                let step = self.call("_?_:_", vec![body, more, so_far]);
                let (so_far, one) = (self.accumulator(), self.literal(Literal::Int(1)));
                (init, condition, step, self.call("_==_", vec![so_far, one]))
            }
            "transformMap" | "transformMapEntry" => {
                let init = self.make(Kind::Map(Vec::new()));
                let condition = self.literal(Literal::Bool(true));
                let so_far = self.accumulator();
                let args = if name == "transformMap" {
                    vec![so_far, self.ident(first), body]
                } else {
                    vec![so_far, body]
                };
                let step = self.call("cel.@mapInsert", args);
                let step = self.filtered(filter, step);
                (init, condition, step, self.accumulator())
            }
            _ => {
                let init = self.list(Vec::new());
                let condition = self.literal(Literal::Bool(true));
                // A filter keeps the item itself; its body is what is asked of it.
                let (kept, filter) = if name == "filter" {
                    (item, Some(body))
                } else {
                    (body, filter)
                };
                let so_far = self.accumulator();
                let kept = self.list(vec![kept]);
                let step = self.call("_+_", vec![so_far, kept]);
                let step = self.filtered(filter, step);
                (init, condition, step, self.accumulator())
            }
        }
    }

    fn filtered(&mut self, filter: Option<Expr>, step: Expr) -> Expr {
        let Some(filter) = filter else {
            return step;
        };
        let so_far = self.accumulator();
        self.call("_?_:_", vec![filter, step, so_far])
    }

    /// The same expression with numbers of its own.
    fn copy(&mut self, expr: &Expr) -> Expr {
        let element = |maker: &mut Self, element: &Element| Element {
            value: maker.copy(&element.value),
            is_optional: element.is_optional,
        };
        let kind = match &expr.kind {
            Kind::Literal(literal) => Kind::Literal(literal.clone()),
            Kind::Ident(name) => Kind::Ident(name.clone()),
            Kind::Select {
                operand,
                field,
                is_test,
            } => Kind::Select {
                operand: Box::new(self.copy(operand)),
                field: field.clone(),
                is_test: *is_test,
            },
            Kind::Call(call) => Kind::Call(super::Call {
                name: call.name.clone(),
                target: call
                    .target
                    .as_ref()
                    .map(|target| Box::new(self.copy(target))),
                args: call.args.iter().map(|arg| self.copy(arg)).collect(),
            }),
            Kind::List(items) => Kind::List(items.iter().map(|item| element(self, item)).collect()),
            Kind::Map(entries) => Kind::Map(
                entries
                    .iter()
                    .map(|(key, value)| (self.copy(key), element(self, value)))
                    .collect(),
            ),
            Kind::Struct { name, fields } => Kind::Struct {
                name: name.clone(),
                fields: fields
                    .iter()
                    .map(|(at, name, value)| (*at, name.clone(), element(self, value)))
                    .collect(),
            },
            Kind::Comprehension(inner) => Kind::Comprehension(Box::new(Comprehension {
                range: self.copy(&inner.range),
                variable: inner.variable.clone(),
                second: inner.second.clone(),
                accumulator: inner.accumulator.clone(),
                init: self.copy(&inner.init),
                condition: self.copy(&inner.condition),
                step: self.copy(&inner.step),
                result: self.copy(&inner.result),
            })),
        };
        let mut copy = self.make(kind);
        copy.at = expr.at;
        copy
    }
}

fn variable(expr: &Expr, wrong: &str) -> Result<String, Issue> {
    match &expr.kind {
        Kind::Ident(name) => Ok(name.clone()),
        _ => Err(Issue::new(expr.at, wrong)),
    }
}
