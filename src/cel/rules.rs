//! `x-kubernetes-validations`: rules of a schema, compiled with it and run over its objects.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/apiserver/schema/cel/{compilation,validation}.go`.

use std::collections::BTreeMap;

use serde_json::{Map as JsonMap, Value as Json};

use super::check::Variable;
use super::eval::Names;
use super::types::Type;
use super::value::{Place, Value};
use super::{Program, Refusal};
use crate::error::FieldErrors;
use crate::error::field::{FieldError, FieldErrorKind};
use crate::object::FieldPath;
use crate::schema::{ListKind, Node, NodeId, Rule, Schema, Shape, ratchet};

/// What all the rules of an object may cost.
pub const BUDGET: u64 = 10_000_000;
/// The name of the type that rules are written on; upstream's ends in digits of the clock.
pub const SELF_TYPE: &str = "selfType0";

/// A rule, compiled.
#[derive(Debug)]
pub struct Compiled {
    /// The rule.
    pub program: Program,
    /// What says why it does not hold; or what is wrong with that.
    pub message: Option<Result<Program, String>>,
    /// Whether it compares with the old state.
    pub uses_old: bool,
}

/// Compiles a rule over values of this type; or says what is wrong with it.
pub fn compile(rule: &Rule, of: &Type) -> Result<Compiled, String> {
    let old = if rule.optional_old_self {
        Type::optional(of.clone())
    } else {
        of.clone()
    };
    let variables = [("self".to_owned(), of.clone()), ("oldSelf".to_owned(), old)];
    let program = Program::compile(&rule.rule, &variables).map_err(|why| why.to_string())?;
    if !matches!(program.result, Type::Bool) {
        return Err("cel expression must evaluate to a bool".to_owned());
    }
    let message = (!rule.message_expression.is_empty()).then(|| message(rule, &variables));
    Ok(Compiled {
        uses_old: program.mentions("oldSelf"),
        program,
        message,
    })
}

fn message(rule: &Rule, variables: &[Variable]) -> Result<Program, String> {
    let message =
        Program::compile(&rule.message_expression, variables).map_err(|why| match why {
            Refusal::Issues(_) => format!("messageExpression {why}"),
            Refusal::Constant(why) => format!("messageExpression instantiation failed: {why}"),
        })?;
    if !matches!(message.result, Type::String) {
        return Err("messageExpression must evaluate to a string".to_owned());
    }
    Ok(message)
}

/// What is said of rules of a value of which no type is known.
const UNTYPED: &str = "rule compiler initialization error: failed to convert to declType for CEL \
                       validation rules";

/// A rule as written, and what it compiled to.
type Ruled = (Rule, Result<Compiled, String>);

/// The rules of a schema by the nodes they are of.
#[derive(Debug, Default)]
pub struct Rules(BTreeMap<NodeId, Vec<Ruled>>);

impl Rules {
    /// Compiles every rule of a schema.
    pub fn of(schema: &Schema) -> Self {
        Self::at(schema, true)
    }

    /// The same of a place inside an object, which is a resource of its own or is not.
    pub fn at(schema: &Schema, is_resource: bool) -> Self {
        let mut rules = Self::default();
        rules.gather(schema, schema.root_id(), is_resource);
        rules
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn gather(&mut self, schema: &Schema, id: NodeId, is_root: bool) {
        if self.0.contains_key(&id) || Some(id) == schema.meta() {
            return;
        }
        let node = schema.node(id);
        if let Some(checks) = node
            .checks
            .as_ref()
            .filter(|checks| !checks.rules.is_empty())
        {
            let of = Type::of(schema, id, is_root, SELF_TYPE);
            let mut compiled = Vec::new();
            if let Some(of) = &of {
                let failed = |why| format!("rule compile error: {why}");
                let each = checks.rules.iter();
                let each = each.map(|rule| (rule.clone(), compile(rule, of).map_err(failed)));
                compiled.extend(each);
            } else if id == schema.root_id() {
                // Below the root, what has no type is passed over.
                compiled.push((Rule::default(), Err(UNTYPED.to_owned())));
            }
            self.0.insert(id, compiled);
        }
        match &node.shape {
            Shape::Struct(fields) => {
                for field in fields {
                    self.gather(schema, field.node, false);
                }
            }
            Shape::Map(id) | Shape::List(id) => self.gather(schema, *id, false),
            _ => {}
        }
    }

    /// Every rule that does not hold of an object, and, where it had an old state, of the change.
    pub fn validate(
        &self,
        schema: &Schema,
        object: &JsonMap<String, Json>,
        old: Option<&JsonMap<String, Json>>,
    ) -> Verdict {
        let mut run = Run {
            rules: self,
            schema,
            errors: FieldErrors::new(),
            warnings: FieldErrors::new(),
            budget: Some(BUDGET),
            ratchets: true,
        };
        run.root(object, old);
        Verdict {
            errors: run.errors,
            warnings: run.warnings,
        }
    }

    /// The same of a value at the schema's root, of whatever kind, all of which counts as changed;
    /// and what is left of what rules may cost.
    pub fn validate_value(
        &self,
        schema: &Schema,
        value: &Json,
        old: Option<&Json>,
        path: &FieldPath,
        budget: u64,
    ) -> (FieldErrors, Option<u64>) {
        let mut run = Run {
            rules: self,
            schema,
            errors: FieldErrors::new(),
            warnings: FieldErrors::new(),
            budget: Some(budget),
            ratchets: false,
        };
        run.place(schema.root_id(), value, old, path, false);
        (run.errors, run.budget)
    }
}

/// What rules say of an object.
#[derive(Debug)]
pub struct Verdict {
    /// What does not hold.
    pub errors: FieldErrors,
    /// What does not hold of what is as it was before, and so is only told.
    pub warnings: FieldErrors,
}

struct Run<'a> {
    rules: &'a Rules,
    schema: &'a Schema,
    errors: FieldErrors,
    /// See [`Verdict::warnings`].
    warnings: FieldErrors,
    /// What is left to spend; `None`: nothing further is run.
    budget: Option<u64>,
    /// Whether what was broken before may stay so.
    ratchets: bool,
}

impl Run<'_> {
    /// A whole object.
    fn root(&mut self, object: &JsonMap<String, Json>, old: Option<&JsonMap<String, Json>>) {
        let schema = self.schema;
        let node = schema.root();
        let place = Place {
            schema,
            node,
            is_root: true,
        };
        let path = FieldPath::ROOT;
        let subject = Subject {
            node,
            path: &path,
            value: Value::object(object, Some(place)),
            old: old.map(|old| Value::object(old, Some(place))),
            printed: None,
            is_kept: false,
        };
        self.rules_of(schema.root_id(), &subject);
        self.fields(node, object, old, &path, false);
    }

    /// A place and everything below it; `is_kept`: something around it is what it was.
    fn place(
        &mut self,
        id: NodeId,
        value: &Json,
        old: Option<&Json>,
        path: &FieldPath,
        is_kept: bool,
    ) {
        if value.is_null() || self.budget.is_none() {
            return;
        }
        let schema = self.schema;
        let node = schema.node(id);
        let is_unchanged = |old: &Json| ratchet::is_unchanged(schema, node, value, old);
        let is_kept = is_kept || (self.ratchets && old.is_some_and(is_unchanged));
        let place = Place {
            schema,
            node,
            is_root: false,
        };
        let subject = Subject {
            node,
            path,
            value: Value::from_json(value, Some(place)),
            old: old
                .filter(|old| !old.is_null())
                .map(|old| Value::from_json(old, Some(place))),
            printed: Some(value),
            is_kept,
        };
        self.rules_of(id, &subject);
        match (value, &node.shape) {
            (Json::Object(map), Shape::Struct(_) | Shape::Map(_)) => {
                let old = old.and_then(Json::as_object);
                self.fields(node, map, old, path, is_kept);
            }
            (Json::Array(list), Shape::List(items)) => {
                for (index, value) in list.iter().enumerate() {
                    let old = match &node.list {
                        ListKind::Map(keys) => ratchet::item(keys, value, old),
                        ListKind::Atomic | ListKind::Set => None,
                    };
                    self.place(*items, value, old, &path.index(index), is_kept);
                }
            }
            _ => {}
        }
    }

    fn fields(
        &mut self,
        node: &Node,
        map: &JsonMap<String, Json>,
        old: Option<&JsonMap<String, Json>>,
        path: &FieldPath,
        is_kept: bool,
    ) {
        let schema = self.schema;
        for (name, value) in map {
            let Some(child) = schema.child(node, name) else {
                continue;
            };
            let old = old.and_then(|old| old.get(name));
            let path = if schema.field(node, name).is_some() {
                path.child(name)
            } else {
                path.key(name)
            };
            self.place(child, value, old, &path, is_kept);
        }
    }

    fn rules_of(&mut self, id: NodeId, subject: &Subject) {
        let rules = self.rules;
        for (rule, compiled) in rules.0.get(&id).into_iter().flatten() {
            if self.budget.is_none() {
                return;
            }
            if self.budget == Some(0) {
                self.stop(subject, OUT_OF_BUDGET);
                return;
            }
            self.rule(rule, compiled, subject);
        }
    }

    /// Says why nothing further is run.
    fn stop(&mut self, subject: &Subject, why: impl Into<String>) {
        self.budget = None;
        let kind = type_word(subject.node);
        self.errors.invalid(subject.path, &kind.into(), why.into());
    }

    /// Spends what something cost; whether there was that much.
    fn spend(&mut self, cost: u64) -> bool {
        self.budget = self.budget.and_then(|budget| budget.checked_sub(cost));
        self.budget.is_some()
    }

    fn rule(&mut self, rule: &Rule, compiled: &Result<Compiled, String>, subject: &Subject) {
        let kind = type_word(subject.node);
        let compiled = match compiled {
            Ok(compiled) => compiled,
            Err(why) => {
                self.errors.invalid(subject.path, &kind.into(), why.clone());
                return;
            }
        };
        if compiled.uses_old && subject.old.is_none() && !rule.optional_old_self {
            return;
        }
        let old = subject.old.clone();
        let plain = old.clone().unwrap_or(Value::Null);
        let old = if rule.optional_old_self {
            old.map_or(Value::Optional(None), Value::some)
        } else {
            plain.clone()
        };
        let variables = [("self", subject.value.clone()), ("oldSelf", old)];
        let (outcome, cost) = compiled.program.run(&variables, None);
        if !self.spend(cost) {
            self.stop(subject, OUT_OF_BUDGET);
            return;
        }
        match outcome {
            Ok(Value::Bool(true)) => {}
            Ok(_) => {
                // Upstream gives messages the old state as is, even where a rule has it optional.
                let variables = [("self", subject.value.clone()), ("oldSelf", plain)];
                let message = compiled
                    .message
                    .as_ref()
                    .and_then(|message| message.as_ref().ok());
                let said = match message {
                    None => Ok(message_of(rule)),
                    Some(message) => self.said(rule, message, &variables),
                };
                let error = match said {
                    Ok(detail) => self.broken(rule, subject, detail),
                    Err(why) => {
                        self.budget = None;
                        self.wordless(rule, subject, why)
                    }
                };
                if !compiled.uses_old && subject.is_kept {
                    self.warnings.push(error);
                } else {
                    self.errors.push(error);
                }
            }
            Err(failure) => {
                let is_stop = failure.is_stop();
                let detail = failed(&failure.0, rule);
                self.errors.invalid(subject.path, &kind.into(), detail);
                if is_stop {
                    self.budget = None;
                }
            }
        }
    }

    /// What a message expression says, or else the rule's own message; an error where saying it
    /// used up what there was to spend.
    fn said<'p>(
        &mut self,
        rule: &Rule,
        message: &'p Program,
        variables: &Names<'p>,
    ) -> Result<String, String> {
        const LENGTH_MAX: usize = 5 * 1024;
        let (outcome, cost) = message.run(variables, None);
        if !self.spend(cost) {
            let why = "messageExpression evaluation failed due to running out of cost budget, no \
                       further validation rules will be run";
            return Err(why.to_owned());
        }
        let text = match outcome {
            Ok(Value::String(text)) => text.trim().to_owned(),
            Err(failure) if failure.is_stop() => {
                return Err(format!(
                    "no further validation rules will be run due to call cost exceeds limit for \
                     messageExpression: {:?}",
                    rule.message_expression
                ));
            }
            _ => String::new(),
        };
        let fits = !text.is_empty() && text.len() <= LENGTH_MAX && !text.contains('\n');
        Ok(if fits { text } else { message_of(rule) })
    }

    /// A `fieldPath` as errors print it: properties with dots, keys of maps with brackets,
    /// however they are written.
    fn below(&self, node: &Node, path: &str) -> String {
        let mut node = node;
        let mut out = String::new();
        let mut rest = path.trim();
        while !rest.is_empty() {
            if !rest.starts_with(['.', '[']) {
                return String::new();
            }
            let quoted = rest
                .strip_prefix("['")
                .and_then(|rest| rest.split_once("']"));
            let plain = rest.strip_prefix('.').unwrap_or(rest);
            let end = plain.find(['.', '[']).unwrap_or(plain.len());
            let (name, after) = quoted.unwrap_or(plain.split_at(end));
            let child = if let Shape::Map(values) = node.shape {
                out.extend(["[", name, "]"]);
                Some(values)
            } else {
                out.extend([".", name]);
                self.schema.child(node, name)
            };
            let Some(child) = child.filter(|_| after.len() < rest.len()) else {
                // A path that leads nowhere is none.
                return String::new();
            };
            (node, rest) = (self.schema.node(child), after);
        }
        out
    }

    /// Where a rule says it is about.
    fn place_of(&self, rule: &Rule, subject: &Subject) -> String {
        let base = subject.path.to_string();
        let below = self.below(subject.node, &rule.field_path);
        match (base.as_str(), below.as_str()) {
            ("", "") => "<nil>".to_owned(),
            ("", below) => below.trim_start_matches('.').to_owned(),
            (base, below) => format!("{base}{below}"),
        }
    }

    /// The error of a rule that does not hold and cannot say so.
    fn wordless(&self, rule: &Rule, subject: &Subject, detail: String) -> FieldError {
        let kind = Json::from(type_word(subject.node));
        FieldError {
            kind: FieldErrorKind::Invalid,
            field: self.place_of(rule, subject),
            value: printed(&kind),
            detail,
        }
    }

    /// The error of a rule that does not hold.
    fn broken(&self, rule: &Rule, subject: &Subject, detail: String) -> FieldError {
        let is_whole = matches!(type_word(subject.node), "object" | "array");
        let printed = subject
            .printed
            .filter(|_| !is_whole)
            .map_or(String::new(), printed);
        let (kind, value, detail) = match rule.reason.as_str() {
            "FieldValueForbidden" => (FieldErrorKind::Forbidden, String::new(), detail),
            "FieldValueRequired" => (FieldErrorKind::Required, String::new(), detail),
            "FieldValueDuplicate" => (FieldErrorKind::Duplicate, printed, String::new()),
            _ => (FieldErrorKind::Invalid, printed, detail),
        };
        FieldError {
            kind,
            field: self.place_of(rule, subject),
            value,
            detail,
        }
    }
}

/// What a rule is run on.
struct Subject<'a> {
    node: &'a Node,
    path: &'a FieldPath<'a>,
    value: Value<'a>,
    old: Option<Value<'a>>,
    /// The value as an error prints it; objects and lists are not printed.
    printed: Option<&'a Json>,
    /// Whether it, or something around it, is what it was.
    is_kept: bool,
}

/// A value as errors print it.
fn printed(value: &Json) -> String {
    let mut errors = FieldErrors::new();
    errors.duplicate(&FieldPath::ROOT, value);
    errors
        .iter()
        .next()
        .map_or(String::new(), |error| error.value.clone())
}

/// What is said where nothing is left to spend.
const OUT_OF_BUDGET: &str = "validation failed due to running out of cost budget, no further \
                             validation rules will be run";

/// What is said of a rule that came to nothing.
fn failed(words: &str, rule: &Rule) -> String {
    let rule = rule_text(rule);
    if words.starts_with("no such overload") {
        format!(
            "'{words}': call arguments did not match a supported operator, function or macro \
             signature for rule: {rule}"
        )
    } else if words.starts_with("operation cancelled") {
        format!(
            "'{words}': no further validation rules will be run due to call cost exceeds limit \
             for rule: {rule}"
        )
    } else {
        format!("{words} evaluating rule: {rule}")
    }
}

fn rule_text(rule: &Rule) -> &str {
    if rule.message.is_empty() {
        rule.rule.trim()
    } else {
        rule.message.trim()
    }
}

fn message_of(rule: &Rule) -> String {
    if rule.message.is_empty() {
        format!("failed rule: {}", rule_text(rule))
    } else {
        rule.message.trim().to_owned()
    }
}

/// The `type` a node was given.
fn type_word(node: &Node) -> &'static str {
    if node.is_untyped {
        return "";
    }
    match node.shape {
        Shape::Any | Shape::IntOrString => "",
        Shape::Boolean => "boolean",
        Shape::Integer(_) => "integer",
        Shape::Number => "number",
        Shape::String(_) => "string",
        Shape::Struct(_) | Shape::Map(_) => "object",
        Shape::List(_) => "array",
    }
}
