//! What expressions of admission may name, and their compilation.
//!
//! *Upstream:* `apiserver/pkg/admission/plugin/cel/{compile,composition}.go`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::cel::types::{Record, Type};
use crate::cel::{Dialect, Program};

/// What an expression has to come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returns {
    /// A truth.
    Bool,
    /// A text.
    String,
    /// A text, or null for none.
    StringOrNull,
    /// The object of an apply configuration.
    ApplyConfiguration,
    /// A list of the operations of a JSON patch.
    JsonPatch,
    /// Anything.
    Any,
}

/// Why an expression is refused, as upstream says it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CompileError(pub String);

/// An expression, compiled.
#[derive(Debug)]
pub struct Expression {
    /// As written.
    pub source: String,
    pub(super) program: Program,
}

/// A named expression that others refer to as `variables.name`.
#[derive(Debug)]
pub struct Variable {
    /// The name.
    pub name: String,
    /// What it stands for, or why it does not compile.
    pub expression: Result<Expression, CompileError>,
}

/// What expressions may name: `object`, `oldObject`, `request`, `namespaceObject` and more.
#[derive(Clone, Debug)]
pub struct Environment {
    object: Type,
    params: Option<Type>,
    has_authorizer: bool,
    has_patch_types: bool,
    variables: Option<BTreeMap<String, Type>>,
}

impl Default for Environment {
    fn default() -> Self {
        Self::new()
    }
}

impl Environment {
    /// `object`, `oldObject`, `request` and `namespaceObject`.
    pub const fn new() -> Self {
        Self {
            object: Type::Dyn,
            params: None,
            has_authorizer: false,
            has_patch_types: false,
            variables: None,
        }
    }

    /// With `object` and `oldObject` of a type.
    #[must_use]
    pub fn with_object(mut self, of: Type) -> Self {
        self.object = of;
        self
    }

    /// With `params`, or not.
    #[must_use]
    pub fn with_params(mut self, has_params: bool) -> Self {
        self.params = has_params.then_some(Type::Dyn);
        self
    }

    /// With `params` of a type.
    #[must_use]
    pub fn with_params_of(mut self, of: Type) -> Self {
        self.params = Some(of);
        self
    }

    /// With `authorizer` and `authorizer.requestResource`, or not.
    #[must_use]
    pub const fn with_authorizer(mut self, has_authorizer: bool) -> Self {
        self.has_authorizer = has_authorizer;
        self
    }

    /// With `Object{}`, `JSONPatch{}` and `jsonpatch.escapeKey`.
    #[must_use]
    pub const fn with_patch_types(mut self, has_patch_types: bool) -> Self {
        self.has_patch_types = has_patch_types;
        self
    }

    /// With `variables`, none so far.
    #[must_use]
    pub fn with_variables(mut self) -> Self {
        self.variables = Some(BTreeMap::new());
        self
    }

    /// Compiles a variable, which expressions compiled from here on may name; one that does not
    /// compile may be named too, and fails whoever does.
    pub fn declare(&mut self, name: &str, source: &str) -> Variable {
        let expression = self.compile(source, Returns::Any);
        let of = match &expression {
            Ok(expression) => declared(&expression.program.result),
            Err(_) => Type::Dyn,
        };
        self.variables
            .get_or_insert_with(BTreeMap::new)
            .insert(name.to_owned(), of);
        Variable {
            name: name.to_owned(),
            expression,
        }
    }

    /// Compiles an expression that has to come to something.
    pub fn compile(&self, source: &str, returns: Returns) -> Result<Expression, CompileError> {
        let dialect = Dialect {
            has_patch_types: self.has_patch_types,
            ..Dialect::default()
        };
        let program = Program::compile_with(source, &self.names(), dialect)
            .map_err(|why| CompileError(why.to_string()))?;
        if let Some(why) = returns.refusal(&program.result) {
            return Err(CompileError(why));
        }
        Ok(Expression {
            source: source.to_owned(),
            program,
        })
    }

    fn names(&self) -> Vec<(String, Type)> {
        let mut names = vec![
            ("object".to_owned(), self.object.clone()),
            ("oldObject".to_owned(), self.object.clone()),
            ("namespaceObject".to_owned(), record("kubernetes.Namespace")),
            ("request".to_owned(), record("kubernetes.AdmissionRequest")),
        ];
        if let Some(params) = &self.params {
            names.push(("params".to_owned(), params.clone()));
        }
        if self.has_authorizer {
            let authorizer = Type::Opaque("kubernetes.authorization.Authorizer");
            let check = Type::Opaque("kubernetes.authorization.ResourceCheck");
            names.push(("authorizer".to_owned(), authorizer));
            names.push(("authorizer.requestResource".to_owned(), check));
        }
        if let Some(variables) = &self.variables {
            let of = Record {
                name: "kubernetes.variables".to_owned(),
                fields: variables.clone(),
                is_open: false,
            };
            names.push(("variables".to_owned(), Type::Record(Arc::new(of))));
        }
        names
    }
}

impl Returns {
    /// What is wrong with a result of this type; `None` where it fits.
    fn refusal(self, result: &Type) -> Option<String> {
        let is_object = |of: &Type, name: &str| matches!(of, Type::Record(r) if r.name == name);
        let (fits, wanted) = match self {
            Self::Any => return None,
            Self::Bool => (matches!(result, Type::Bool), "bool"),
            Self::String => (matches!(result, Type::String), "string"),
            Self::StringOrNull => {
                let fits = matches!(result, Type::String | Type::Null);
                (fits, "one of [string null_type]")
            }
            Self::ApplyConfiguration => (is_object(result, "Object"), "Object"),
            Self::JsonPatch => {
                let fits = matches!(result, Type::List(items) if is_object(items, "JSONPatch"));
                (fits, "list(JSONPatch)")
            }
        };
        (!fits).then(|| format!("must evaluate to {wanted} but got {}", result.declared()))
    }
}

/// What a variable of this type is to whoever names it: types of libraries are not told apart.
fn declared(of: &Type) -> Type {
    match of {
        Type::List(items) => Type::list(declared(items)),
        Type::Map(keys, values) => Type::Map(Arc::new(declared(keys)), Arc::new(declared(values))),
        Type::Bool
        | Type::Bytes
        | Type::Double
        | Type::Duration
        | Type::Int
        | Type::Null
        | Type::String
        | Type::Timestamp
        | Type::Uint => of.clone(),
        _ => Type::Dyn,
    }
}

/// The declared objects: a name, and its fields with their types below it.
const RECORDS: &str = "
kubernetes.GroupVersionKind: group string, version string, kind string
kubernetes.GroupVersionResource: group string, version string, resource string
kubernetes.UserInfo: username string, uid string, groups [string], extra {[string]}
kubernetes.AdmissionRequest: kind @kubernetes.GroupVersionKind, \
resource @kubernetes.GroupVersionResource, subResource string, \
requestKind @kubernetes.GroupVersionKind, requestResource @kubernetes.GroupVersionResource, \
requestSubResource string, name string, namespace string, operation string, \
userInfo @kubernetes.UserInfo, dryRun bool, options dyn
kubernetes.NamespaceSpec: finalizers [string]
kubernetes.NamespaceCondition: status string, type string, lastTransitionTime timestamp, \
message string, reason string
kubernetes.NamespaceStatus: conditions [@kubernetes.NamespaceCondition], phase string
kubernetes.NamespaceMetadata: name string, generateName string, namespace string, \
labels {string}, annotations {string}, UID string, creationTimestamp timestamp, \
deletionGracePeriodSeconds int, deletionTimestamp timestamp, generation int, \
resourceVersion string, finalizers [string]
kubernetes.Namespace: metadata @kubernetes.NamespaceMetadata, spec @kubernetes.NamespaceSpec, \
status @kubernetes.NamespaceStatus
";

/// A declared object by its name.
fn record(name: &str) -> Type {
    static ALL: OnceLock<BTreeMap<&str, Type>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let mut all: BTreeMap<&str, Type> = BTreeMap::new();
        for line in RECORDS.lines() {
            let Some((name, fields)) = line.split_once(": ") else {
                continue;
            };
            let fields = fields
                .split(", ")
                .filter_map(|field| field.split_once(' '))
                .map(|(name, of)| (name.to_owned(), read(of, &all)))
                .collect();
            let record = Record {
                name: name.to_owned(),
                fields,
                is_open: false,
            };
            all.insert(name, Type::Record(Arc::new(record)));
        }
        all
    });
    all.get(name).cloned().unwrap_or(Type::Dyn)
}

fn read(text: &str, known: &BTreeMap<&str, Type>) -> Type {
    let inside = |open, close| text.strip_prefix(open).and_then(|t| t.strip_suffix(close));
    if let Some(items) = inside('[', ']') {
        return Type::list(read(items, known));
    }
    if let Some(values) = inside('{', '}') {
        return Type::Map(Arc::new(Type::String), Arc::new(read(values, known)));
    }
    match text {
        "string" => Type::String,
        "bool" => Type::Bool,
        "int" => Type::Int,
        "timestamp" => Type::Timestamp,
        _ => text
            .strip_prefix('@')
            .and_then(|name| known.get(name).cloned())
            .unwrap_or(Type::Dyn),
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}
