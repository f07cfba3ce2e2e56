//! The nodes of a schema.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/apiserver/schema/structural.go`.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock, OnceLock};

use regex::Regex;
use serde_json::Value;

use super::lookup::{self, Lookup};
use super::structural::regular_expression;

/// Text that is static for built-in kinds and owned for custom resources.
pub type Text = Cow<'static, str>;

/// The place of a node in its [`SchemaSet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

/// Who wrote the schema, which decides how its objects are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A kind of Kubernetes itself: decoded as Go decodes it into a struct (wrong types are a 400,
    /// zero values are left out or written as the struct says).
    BuiltIn,
    /// A custom resource: kept as it was sent, pruned to the structural schema.
    Custom,
}

/// An arena of nodes.
#[derive(Debug)]
pub struct SchemaSet {
    /// Who wrote these schemas.
    pub origin: Origin,
    /// See [`SchemaSet::nodes`].
    nodes: LazyLock<Vec<Node>, Make>,
}

/// What makes the nodes of an arena.
type Make = Box<dyn FnOnce() -> Vec<Node> + Send>;

impl SchemaSet {
    /// An arena of these nodes.
    pub fn new(origin: Origin, nodes: Vec<Node>) -> Self {
        let set = Self::later(origin, Box::new(|| nodes));
        LazyLock::force(&set.nodes);
        set
    }

    /// An arena whose nodes are made when somebody looks at one.
    pub fn later(origin: Origin, make: Make) -> Self {
        let nodes: Make = Box::new(|| {
            let mut nodes = make();
            lookup::complete(&mut nodes);
            nodes
        });
        Self {
            origin,
            nodes: LazyLock::new(nodes),
        }
    }

    /// The nodes; a [`NodeId`] is an index into them.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }
}

/// A schema: a root in a shared arena. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Schema {
    set: Arc<SchemaSet>,
    root: NodeId,
}

impl Schema {
    /// The schema whose root is `root` in `set`.
    pub fn new(set: Arc<SchemaSet>, root: NodeId) -> Self {
        Self { set, root }
    }

    /// The root node.
    pub fn root(&self) -> &Node {
        self.node(self.root)
    }

    /// The id of the root node.
    pub fn root_id(&self) -> NodeId {
        self.root
    }

    /// The node with this id.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.set.nodes[id.0 as usize]
    }

    /// The same arena seen from another root.
    pub fn at(&self, root: NodeId) -> Self {
        Self {
            set: Arc::clone(&self.set),
            root,
        }
    }

    /// The node of `ObjectMeta`, which every arena of custom resources begins with.
    pub fn meta(&self) -> Option<NodeId> {
        (self.origin() == Origin::Custom && !self.set.nodes.is_empty()).then_some(NodeId(0))
    }

    /// Who wrote it.
    pub fn origin(&self) -> Origin {
        self.set.origin
    }

    /// The field of the struct `node` with this JSON name.
    pub fn field<'a>(&'a self, node: &'a Node, name: &str) -> Option<&'a Field> {
        match &node.shape {
            Shape::Struct(fields) => node.lookup.find(fields, name),
            _ => None,
        }
    }

    /// The node that describes the child `name` of an object described by `node`: a field's node,
    /// or the value node of a map.
    pub fn child(&self, node: &Node, name: &str) -> Option<NodeId> {
        match &node.shape {
            Shape::Struct(_) => self
                .field(node, name)
                .map(|field| field.node)
                .or(node.additional),
            Shape::Map(values) => Some(*values),
            _ => None,
        }
    }

    /// The node that describes the items of a list described by `node`.
    pub fn items(&self, node: &Node) -> Option<NodeId> {
        match node.shape {
            Shape::List(items) => Some(items),
            _ => None,
        }
    }
}

/// One place in an object: what may stand there and how it merges.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a keyword of its own"
)]
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// What kind of value it is.
    pub shape: Shape,
    /// The component name (`io.k8s.api.core.v1.PodSpec`) where it has one.
    pub component: Option<Text>,
    /// The Go struct's name (`PodSpec`), as decoding errors say it; empty for custom resources.
    pub go_struct: Text,
    /// No `type` was said: the shape describes what stands here only if it is such a value
    /// (branches of `anyOf` and its like, places that preserve unknown fields).
    pub is_untyped: bool,
    /// `nullable`: null is a value of its own (custom resources).
    pub is_nullable: bool,
    /// `x-kubernetes-preserve-unknown-fields`.
    pub preserves_unknown_fields: bool,
    /// `x-kubernetes-embedded-resource`.
    pub is_embedded_resource: bool,
    /// `additionalProperties: false`: what has no name here is kept, and refused.
    pub forbids_additional: bool,
    /// Struct with `additionalProperties` beside its properties (custom resources only).
    pub additional: Option<NodeId>,
    /// How two writers' lists merge (`x-kubernetes-list-type`, `-list-map-keys`).
    pub list: ListKind,
    /// How two writers' maps merge (`x-kubernetes-map-type`).
    pub map: MapKind,
    /// Names of the fields that must be present, sorted.
    pub required: Vec<Text>,
    /// The value it takes when absent (custom resources: on the property's own node; built-in
    /// kinds: on the [`Field`]).
    pub default: Option<Value>,
    /// Everything that needs checking beyond the shape; `None` for most nodes.
    pub checks: Option<Box<Checks>>,
    /// What walks ask of it.
    pub(super) lookup: Lookup,
}

impl Node {
    /// A place of this shape, of which nothing else is said.
    pub fn of(shape: Shape) -> Self {
        Self {
            shape,
            ..Self::default()
        }
    }
}

/// What kind of JSON value stands at a node.
#[derive(Clone, Debug, Default)]
pub enum Shape {
    /// Anything at all (no type said).
    #[default]
    Any,
    /// true or false.
    Boolean,
    /// An integer of so many bits (32 or 64).
    Integer(u8),
    /// Any number.
    Number,
    /// Text, in a format that decoding or defaulting knows.
    String(Format),
    /// An integer or text (`x-kubernetes-int-or-string`).
    IntOrString,
    /// An object with named fields, sorted by name.
    Struct(Vec<Field>),
    /// An object with values of one schema under any key.
    Map(NodeId),
    /// A list with items of one schema.
    List(NodeId),
}

/// Formats of strings that change how a value is read or written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// No format.
    #[default]
    Plain,
    /// base64 (`byte`).
    Byte,
    /// RFC 3339 in seconds (`metav1.Time`).
    DateTime,
    /// RFC 3339 in microseconds (`metav1.MicroTime`).
    MicroTime,
    /// `resource.Quantity`, canonical on output.
    Quantity,
    /// Go duration (`metav1.Duration`).
    Duration,
    /// Another format, by its OpenAPI name (custom resources: uuid, email, cidr, …).
    Named(Text),
}

/// A named field of a struct.
#[derive(Clone, Debug)]
pub struct Field {
    /// The JSON name.
    pub name: Text,
    /// What stands there.
    pub node: NodeId,
    /// Its default, if constant (built-in kinds).
    pub default: Option<Value>,
    /// How Go writes it.
    pub encoding: Encoding,
    /// How a strategic merge patch merges it.
    pub merge: MergeRule,
    /// The Go type as decoding errors say it (`int32`, `[]v1.Container`); empty for custom.
    pub go_type: Text,
}

impl Field {
    /// Whether Go reads it by hand, as one of several forms of the struct around it.
    pub fn is_own_form(&self) -> bool {
        matches!(
            &*self.go_type,
            "v1.JSONSchemaPropsOrBool" | "v1.JSONSchemaPropsOrArray"
        )
    }
}

/// How Go's JSON encoder treats a field: what it prints where the value is absent or zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Encoding {
    /// The Go field is a pointer: its zero value is printed, its absence is not.
    pub is_pointer: bool,
    /// `omitempty`: an empty string, list or map, zero or false is left out (not a struct).
    pub omits_empty: bool,
    /// `omitzero`: a zero struct or time is left out too.
    pub omits_zero: bool,
}

/// `x-kubernetes-patch-strategy` and `x-kubernetes-patch-merge-key` of a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MergeRule {
    /// Lists merge instead of being replaced.
    pub merges: bool,
    /// `retainKeys`: keys a patch does not list are removed.
    pub retains_keys: bool,
    /// `replace` said out loud.
    pub replaces: bool,
    /// The key that makes two items the same; empty for lists of scalars.
    pub key: Text,
}

/// `x-kubernetes-list-type`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ListKind {
    /// One writer owns the whole list.
    #[default]
    Atomic,
    /// A set of scalars.
    Set,
    /// Items told apart by these keys.
    Map(Vec<Text>),
}

/// `x-kubernetes-map-type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MapKind {
    /// Each field has its own owner.
    #[default]
    Granular,
    /// One writer owns the whole object.
    Atomic,
}

/// What a value is checked for beyond its shape: the validation keywords of OpenAPI v3.
#[derive(Clone, Debug, Default)]
pub struct Checks {
    /// `format` of a custom resource's string or number; empty where none that is checked.
    pub format: Text,
    /// `enum`; empty where none.
    pub enumeration: Vec<Value>,
    /// `minimum` and whether it is exclusive.
    pub minimum: Option<(f64, bool)>,
    /// `maximum` and whether it is exclusive.
    pub maximum: Option<(f64, bool)>,
    /// `multipleOf`.
    pub multiple_of: Option<f64>,
    /// `minLength`, `maxLength` in characters.
    pub length: (Option<u64>, Option<u64>),
    /// `pattern`, compiled when the schema was loaded.
    pub pattern: Option<Pattern>,
    /// `minItems`, `maxItems`.
    pub items: (Option<u64>, Option<u64>),
    /// `uniqueItems`.
    pub unique_items: bool,
    /// `minProperties`, `maxProperties`.
    pub properties: (Option<u64>, Option<u64>),
    /// `allOf`, as value validations over the same place.
    pub all_of: Vec<NodeId>,
    /// `anyOf`.
    pub any_of: Vec<NodeId>,
    /// `oneOf`.
    pub one_of: Vec<NodeId>,
    /// `not`.
    pub not: Option<NodeId>,
    /// `x-kubernetes-validations`.
    pub rules: Vec<Rule>,
    /// A `type` that there is not, which no value is of.
    pub unheard_type: Text,
}

/// A regular expression as written, compiled when it is first asked.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// As written, in Go's syntax.
    pub source: String,
    /// Compiled; `None` where it is no pattern.
    regex: Arc<OnceLock<Option<Regex>>>,
}

impl Pattern {
    /// A pattern in Go's syntax.
    pub fn new(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            regex: Arc::default(),
        }
    }

    /// Whether a text matches; every text matches what is no pattern.
    pub fn is_match(&self, text: &str) -> bool {
        let compiled = || regular_expression::compile(&self.source).ok();
        let regex = self.regex.get_or_init(compiled);
        regex.as_ref().is_none_or(|regex| regex.is_match(text))
    }
}

/// One rule of `x-kubernetes-validations`, as written.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    /// The CEL expression.
    pub rule: String,
    /// `message`.
    pub message: String,
    /// `messageExpression`.
    pub message_expression: String,
    /// `reason`.
    pub reason: String,
    /// `fieldPath`.
    pub field_path: String,
    /// `optionalOldSelf`.
    pub optional_old_self: bool,
}
