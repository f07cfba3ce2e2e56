//! The rules of a definition, compiled against its schema, and what they cost.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/apis/apiextensions/validation/{validation,
//! cel_validation}.go`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::cel::rules::{self, SELF_TYPE};
use crate::cel::types::Type;
use crate::cel::{Program, cost};
use crate::error::FieldErrors;
use crate::object::FieldPath;
use crate::schema::structural;
use crate::schema::structural::json::{list, object, properties, text};
use crate::schema::{NodeId, Rule, Schema, Shape};

/// The keyword of rules.
const RULES: &str = "x-kubernetes-validations";
/// The most a single rule may cost.
const RULE_COST_MAX: u64 = 10_000_000;
/// The most all rules of a schema may cost.
const TOTAL_COST_MAX: u64 = 100_000_000;
/// How many of the dearest rules are named.
const DEAREST_MAX: usize = 4;

/// What is said of rules of a value of which no type is known.
const UNTYPED: &str = "internal error: failed to construct type information for \
                       x-kubernetes-validations rules: unable to convert structural schema to CEL \
                       declarations";

/// How little of the most is not worth naming.
const SHARE_MIN: u64 = TOTAL_COST_MAX / 100;

/// What is wrong with the rules of a whole schema, compiled against its types; those of a `faulty`
/// place, that has errors already at or below it, are left alone.
pub(super) fn check(
    source: &Map<String, Value>,
    meta: &Schema,
    path: &FieldPath,
    faulty: &BTreeSet<String>,
    errors: &mut FieldErrors,
) {
    let schema = structural::compile(source, meta);
    let mut run = Run {
        schema: &schema,
        faulty,
        errors,
        total: 0,
        dearest: Vec::new(),
    };
    let root = Place {
        id: schema.root_id(),
        cardinality: Some(1),
        uncorrelatable: None,
        is_root: true,
        is_untyped: false,
    };
    run.place(source, &root, path);
    let (total, dearest) = (run.total, run.dearest);
    if total <= TOTAL_COST_MAX {
        return;
    }
    for (_, dearest) in &dearest {
        errors.forbidden(
            &FieldPath::new(dearest),
            "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 \
             schema",
        );
    }
    let what = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
    errors.forbidden(path, over_budget(what, total, TOTAL_COST_MAX));
}

/// Whether there is any rule in a schema: most definitions are long and have none.
pub(super) fn has_rules(source: &Map<String, Value>) -> bool {
    let mut is_found = false;
    structural::json::walk(source, &mut |schema| {
        is_found |= !list(schema, RULES).is_empty();
    });
    is_found
}

/// A walk over a schema and its document.
struct Run<'a> {
    schema: &'a Schema,
    /// Where the schema itself is wrong.
    faulty: &'a BTreeSet<String>,
    errors: &'a mut FieldErrors,
    total: u64,
    /// Cost and path of the dearest rules, the dearest first.
    dearest: Vec<(u64, String)>,
}

/// A place in the schema as rules see it.
struct Place<'p> {
    id: NodeId,
    /// How often it can stand in an object at most; `None` where nothing bounds that.
    cardinality: Option<u64>,
    /// The list around it whose items have no old state.
    uncorrelatable: Option<&'p FieldPath<'p>>,
    is_root: bool,
    /// Whether rules around it are about a value of no known type.
    is_untyped: bool,
}

impl Place<'_> {
    fn inside(&self, id: NodeId, cardinality: Option<u64>) -> Self {
        Self {
            is_untyped: self.is_untyped,
            id,
            cardinality,
            uncorrelatable: self.uncorrelatable,
            is_root: false,
        }
    }
}

impl Run<'_> {
    fn place(&mut self, source: &Map<String, Value>, at: &Place<'_>, path: &FieldPath<'_>) {
        let schema = self.schema;
        let node = schema.node(at.id);
        let has_rules = !list(source, RULES).is_empty();
        let typed = |at: &Place| Type::of(schema, at.id, at.is_root, SELF_TYPE);
        let at = &Place {
            is_untyped: at.is_untyped || (has_rules && typed(at).is_none()),
            ..*at
        };
        let each = cost::stated_max(node).and_then(|max| Some(at.cardinality?.saturating_mul(max)));
        if let (Some(values), Shape::Map(id)) =
            (object(source, "additionalProperties"), &node.shape)
        {
            let path = path.child("additionalProperties");
            self.place(values, &at.inside(*id, each), &path);
        }
        let of_properties = path.child("properties");
        for (name, property) in properties(source) {
            if let Some(id) = schema.child(node, name) {
                let inner = at.inside(id, at.cardinality);
                self.place(property, &inner, &of_properties.key(name));
            }
        }
        if let (Some(items), Shape::List(id)) = (object(source, "items"), &node.shape) {
            let mut inner = at.inside(*id, each);
            if text(source, "x-kubernetes-list-type") != "map" {
                inner.uncorrelatable.get_or_insert(path);
            }
            self.place(items, &inner, &path.child("items"));
        }
        let written = list(source, RULES);
        if written.is_empty() || self.faulty.contains(&path.to_string()) {
            return;
        }
        let of_rules = path.child(RULES);
        let of = typed(at);
        let Some(of) = of.filter(|_| !at.is_untyped) else {
            self.errors.internal(&of_rules, UNTYPED);
            return;
        };
        let rules = node.checks.as_ref().map_or(&[][..], |checks| &checks.rules);
        for (index, (rule, written)) in rules.iter().zip(written).enumerate() {
            self.rule(at, &of, rule, written, &of_rules.index(index));
        }
    }

    fn rule(&mut self, at: &Place<'_>, of: &Type, rule: &Rule, written: &Value, path: &FieldPath) {
        let of_rule = path.child("rule");
        let of_message = path.child("messageExpression");
        if rule.rule.trim().is_empty() {
            return;
        }
        let compiled = match rules::compile(rule, of) {
            Err(why) => {
                self.errors
                    .invalid_text(&of_rule, printed(rule, written), why);
                if let Some(optional) = written.get("optionalOldSelf") {
                    self.errors.invalid(
                        &path.child("optionalOldSelf"),
                        optional,
                        "may not be set if oldSelf is not used in rule",
                    );
                }
                return;
            }
            Ok(compiled) => compiled,
        };
        let unbounded = || cost::cardinality(self.schema, at.id);
        let times = at.cardinality.unwrap_or_else(unbounded);
        let cost = self.cost(at, &compiled.program).saturating_mul(times);
        self.spend("estimated rule cost", cost, &of_rule);
        match &compiled.message {
            Some(Ok(message)) => {
                let cost = self.cost(at, message);
                self.spend("estimated messageExpression cost", cost, &of_message);
            }
            Some(Err(why)) => {
                self.errors
                    .invalid_text(&of_message, printed(rule, written), why.clone());
            }
            None => {}
        }
        if !compiled.uses_old
            && let Some(optional) = written.get("optionalOldSelf")
        {
            self.errors.invalid(
                &path.child("optionalOldSelf"),
                optional,
                "may not be set if oldSelf is not used in rule",
            );
        }
        if compiled.uses_old
            && let Some(list) = &at.uncorrelatable
        {
            self.errors.invalid(
                &of_rule,
                &rule.rule.as_str().into(),
                format!(
                    "oldSelf cannot be used on the uncorrelatable portion of the schema within \
                     {list}"
                ),
            );
        }
    }

    fn cost(&self, at: &Place<'_>, program: &Program) -> u64 {
        cost::estimate(program, self.schema, at.id, at.is_root)
    }

    fn spend(&mut self, what: &str, cost: u64, path: &FieldPath) {
        if cost > RULE_COST_MAX {
            let detail = over_budget(what, cost, RULE_COST_MAX);
            self.errors.forbidden(path, detail);
        }
        self.total = self.total.saturating_add(cost);
        if cost < SHARE_MIN {
            return;
        }
        let dearer = |(known, _): &(u64, String)| *known >= cost;
        let at = self.dearest.partition_point(dearer);
        self.dearest.insert(at, (cost, path.to_string()));
        self.dearest.truncate(DEAREST_MAX);
    }
}

fn over_budget(what: &str, cost: u64, max: u64) -> String {
    let factor = cost as f64 / max as f64;
    let factor = if factor > 100.0 {
        "more than 100x".to_owned()
    } else if factor < 1.5 {
        format!("{factor:.6}x")
    } else {
        format!("{factor:.1}x")
    };
    format!(
        "{what} exceeds budget by factor of {factor} (try simplifying the rule, or adding maxItems, \
         maxProperties, and maxLength where arrays, maps, and strings are declared)"
    )
}

/// A rule as upstream prints its internal type.
fn printed(rule: &Rule, written: &Value) -> String {
    let null = Value::Null;
    let text = |text: &str| {
        Value::from(text)
            .to_string()
            .replace('<', "\\u003c")
            .replace('>', "\\u003e")
            .replace('&', "\\u0026")
    };
    format!(
        "{{\"Rule\":{},\"Message\":{},\"MessageExpression\":{},\"Reason\":{},\
         \"FieldPath\":{},\"OptionalOldSelf\":{}}}",
        text(&rule.rule),
        text(&rule.message),
        text(&rule.message_expression),
        written.get("reason").unwrap_or(&null),
        text(&rule.field_path),
        written.get("optionalOldSelf").unwrap_or(&null),
    )
}
