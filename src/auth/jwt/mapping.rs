//! Who the claims of a token stand for.
//!
//! *Upstream:* `oidc.go` (`getUsername`, `getGroups`, `getUID`, `getExtra`),
//! `apiserver/pkg/authentication/cel`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::claims;
use crate::auth::User;
use crate::cel::syntax::{Expr, Kind, Literal, OPT_SELECT};
use crate::cel::types::{Record, Type};
use crate::cel::value::Value as Found;
use crate::cel::{Program, Refusal};
use crate::object::json::go_name;

/// The key of what tells tokens of a user apart.
const CREDENTIAL: &str = "authentication.kubernetes.io/credential-id";

/// An expression and what it was made of.
#[derive(Debug)]
pub(super) struct Expression {
    source: String,
    program: Program,
}

/// Where something is taken from.
#[derive(Debug, Default)]
pub(super) enum Source {
    /// Nowhere.
    #[default]
    None,
    /// A claim, with something before it.
    Claim(String, String),
    /// What an expression about the claims comes to.
    Expression(Expression),
}

/// An expression that must hold, and what is said where it does not.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) expression: Expression,
    pub(super) message: String,
}

/// How claims become a user.
#[derive(Debug, Default)]
pub struct Mapping {
    pub(super) name: Source,
    pub(super) groups: Source,
    pub(super) uid: Source,
    pub(super) extra: Vec<(String, Expression)>,
    /// Claims and the values they must have.
    pub(super) required: BTreeMap<String, String>,
    pub(super) claim_rules: Vec<Rule>,
    pub(super) user_rules: Vec<Rule>,
}

impl Expression {
    /// An expression about `claims` or the `user`.
    pub(super) fn compile(source: &str, about: &str) -> Result<Self, Refusal> {
        let of = if about == "user" {
            user_type()
        } else {
            Type::map(Type::String, Type::Any)
        };
        Ok(Self {
            source: source.to_owned(),
            program: Program::compile(source, &[(about.to_owned(), of)])?,
        })
    }

    /// Whether it comes to a truth, as far as that is known beforehand.
    pub(super) fn is_truth(&self) -> bool {
        self.program.result.is(&Type::Bool)
    }

    /// Whether it looks at a claim.
    pub(super) fn selects(&self, claim: &str) -> bool {
        let is_claims = |expr: &Expr| matches!(&expr.kind, Kind::Ident(name) if name == "claims");
        let is_claim = |expr: &Expr| match &expr.kind {
            Kind::Literal(Literal::String(text)) => text == claim,
            _ => false,
        };
        let mut found = false;
        self.program.expr().walk(&mut |expr| {
            found |= match &expr.kind {
                Kind::Select { operand, field, .. } => field == claim && is_claims(operand),
                Kind::Call(call) if call.name == OPT_SELECT => match call.args.as_slice() {
                    [operand, field] => is_claims(operand) && is_claim(field),
                    _ => false,
                },
                _ => false,
            };
        });
        found
    }

    fn run<'a>(
        &'a self,
        about: &'static str,
        map: &'a Map<String, Value>,
    ) -> Result<Found<'a>, String> {
        let names = vec![(about, Found::object(map, None))];
        self.program.evaluate(&names).map_err(|failure| {
            let source = &self.source;
            format!("expression '{source}' resulted in error: {failure}")
        })
    }
}

impl Mapping {
    /// The user of a token.
    pub(super) fn user(&self, claims: &Value) -> Result<User, String> {
        let empty = Map::new();
        let claims = claims.as_object().unwrap_or(&empty);
        if let Source::Claim(claim, _) = &self.groups {
            claims::refuse_elsewhere(claims, claim)
                .map_err(|why| format!("oidc: could not expand distributed claims: {why}"))?;
        }
        let user = User {
            name: self.name(claims)?,
            groups: self.groups(claims)?,
            uid: self.uid(claims)?,
            extra: self.extra(claims)?,
        };
        for (claim, wanted) in &self.required {
            let Some(value) = claims.get(claim) else {
                return Err(format!(
                    "oidc: required claim {claim} not present in ID token"
                ));
            };
            let value = text(value).map_err(|why| format!("oidc: parse claim {claim}: {why}"))?;
            if value != *wanted {
                return Err(format!(
                    "oidc: required claim {claim} value does not match. Got = {value}, want = \
                     {wanted}"
                ));
            }
        }
        hold(&self.claim_rules, "claims", claims)
            .map_err(|why| format!("oidc: error evaluating claim validation expression: {why}"))?;
        if !self.user_rules.is_empty() {
            let seen = json!({
                "username": user.name,
                "uid": user.uid,
                "groups": user.groups,
                "extra": user.extra.iter().cloned().collect::<BTreeMap<_, _>>(),
            });
            hold(&self.user_rules, "user", seen.as_object().unwrap_or(&empty)).map_err(|why| {
                format!("oidc: error evaluating user info validation rule: {why}")
            })?;
        }
        Ok(user)
    }

    fn name(&self, claims: &Map<String, Value>) -> Result<String, String> {
        let (claim, prefix) = match &self.name {
            Source::Expression(expression) => {
                let wrong = |why: String| {
                    format!("oidc: error evaluating username claim expression: {why}")
                };
                return match expression.run("claims", claims).map_err(wrong)? {
                    Found::String(name) if name.is_empty() => {
                        Err("oidc: empty username via CEL expression is not allowed".to_owned())
                    }
                    Found::String(name) => Ok(name.into_owned()),
                    _ => Err(wrong(
                        "username claim expression must return a string".to_owned(),
                    )),
                };
            }
            Source::Claim(claim, prefix) => (claim, prefix),
            Source::None => return Err("oidc: no claim is a user's name".to_owned()),
        };
        let value = claims.get(claim).ok_or("claim not present");
        let name = value
            .map_err(str::to_owned)
            .and_then(text)
            .map_err(|why| format!("oidc: parse username claims {claim:?}: {why}"))?;
        match claims.get("email_verified").filter(|_| claim == "email") {
            None | Some(Value::Bool(true)) => Ok(format!("{prefix}{name}")),
            Some(Value::Bool(false) | Value::Null) => Err("oidc: email not verified".to_owned()),
            Some(value) => Err(format!(
                "oidc: parse 'email_verified' claim: json: cannot unmarshal {} into Go value of \
                 type bool",
                go_name(value)
            )),
        }
    }

    fn groups(&self, claims: &Map<String, Value>) -> Result<Vec<String>, String> {
        match &self.groups {
            Source::None => Ok(Vec::new()),
            Source::Expression(expression) => {
                let found = expression.run("claims", claims).and_then(texts);
                found.map_err(|why| format!("oidc: error evaluating group claim expression: {why}"))
            }
            Source::Claim(claim, prefix) => {
                let wrong = |why: String| format!("oidc: parse groups claim {claim:?}: {why}");
                let groups = match claims.get(claim) {
                    None => return Ok(Vec::new()),
                    Some(Value::Null) => return Ok(Vec::new()),
                    Some(Value::Array(list)) => {
                        let groups: Result<_, _> = list.iter().map(text).collect();
                        // Upstream tries a text where the list was none of texts.
                        groups.or_else(|_| text(&Value::Array(Vec::new())).map(|one| vec![one]))
                    }
                    Some(value) => text(value).map(|one| vec![one]),
                };
                let groups = groups.map_err(wrong)?.into_iter();
                Ok(groups.map(|group| format!("{prefix}{group}")).collect())
            }
        }
    }

    fn uid(&self, claims: &Map<String, Value>) -> Result<String, String> {
        match &self.uid {
            Source::None => Ok(String::new()),
            Source::Expression(expression) => {
                let wrong =
                    |why: String| format!("oidc: error evaluating uid claim expression: {why}");
                match expression.run("claims", claims).map_err(wrong)? {
                    Found::String(uid) => Ok(uid.into_owned()),
                    _ => Err(wrong(
                        "uid claim expression must return a string".to_owned(),
                    )),
                }
            }
            Source::Claim(claim, _) => {
                let value = claims.get(claim).ok_or("claim not present");
                let value = value.map_err(str::to_owned).and_then(text);
                value.map_err(|why| format!("oidc: parse uid claim {claim:?}: {why}"))
            }
        }
    }

    fn extra(&self, claims: &Map<String, Value>) -> Result<Vec<(String, Vec<String>)>, String> {
        let mut extra = BTreeMap::new();
        if let Some(Value::String(id)) = claims.get("jti").filter(|id| *id != "") {
            extra.insert(CREDENTIAL.to_owned(), vec![format!("JTI={id}")]);
        }
        for (key, expression) in &self.extra {
            let values = texts(expression.run("claims", claims)?).map_err(|why| {
                let source = &expression.source;
                format!("oidc: error evaluating extra claim expression: {source}: {why}")
            })?;
            if !values.is_empty() {
                extra.insert(key.clone(), values);
            }
        }
        Ok(extra.into_iter().collect())
    }
}

/// What is known of a user.
fn user_type() -> Type {
    let texts = Type::list(Type::String);
    let fields = [
        ("username", Type::String),
        ("uid", Type::String),
        ("groups", texts.clone()),
        ("extra", Type::map(Type::String, texts)),
    ];
    Type::Record(Arc::new(Record {
        name: "kubernetes.UserInfo".to_owned(),
        fields: fields.map(|(name, of)| (name.to_owned(), of)).into(),
        is_open: false,
    }))
}

/// Whether all rules hold.
fn hold(rules: &[Rule], about: &'static str, map: &Map<String, Value>) -> Result<(), String> {
    let found: Result<Vec<_>, _> = rules
        .iter()
        .map(|rule| rule.expression.run(about, map))
        .collect();
    for (rule, found) in rules.iter().zip(found?) {
        match found {
            Found::Bool(true) => {}
            Found::Bool(false) => {
                let (source, message) = (&rule.expression.source, &rule.message);
                return Err(format!(
                    "validation expression '{source}' failed: {message}"
                ));
            }
            _ => return Err("validation expression must return a boolean".to_owned()),
        }
    }
    Ok(())
}

/// A text or a list of texts; empty ones count as none.
fn texts(found: Found<'_>) -> Result<Vec<String>, String> {
    const WRONG: &str = "expression must return a string or a list of strings";
    let found = match found {
        Found::Null => Vec::new(),
        Found::String(text) => vec![text.into_owned()],
        Found::List(list) => {
            let texts = list.iter().map(|item| match item {
                Found::String(text) => Ok(text.into_owned()),
                _ => Err(WRONG),
            });
            texts.collect::<Result<_, _>>()?
        }
        _ => return Err(WRONG.to_owned()),
    };
    Ok(found.into_iter().filter(|text| !text.is_empty()).collect())
}

/// A claim that is text, or what Go says of another.
fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Null => Ok(String::new()),
        value => Err(format!(
            "json: cannot unmarshal {} into Go value of type string",
            go_name(value)
        )),
    }
}
