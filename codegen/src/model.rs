//! What the emulator wants to know, sorted and deduplicated: groups, resources, schemas.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::spec::columns::Columns;
use crate::spec::openapi::Kind;

/// One Kubernetes version.
pub struct Model {
    /// Groups in the order of the group index, core first.
    pub groups: Vec<Group>,
    /// Schemas sorted by name.
    pub schemas: Vec<Schema>,
    /// The columns of Tables, by the kind's name in Go.
    pub columns: Columns,
    /// What the server says of every custom resource: section, name, text.
    pub custom: BTreeMap<String, BTreeMap<String, String>>,
    /// How Go prints structs: name, then a text for each field.
    pub structs: BTreeMap<String, Vec<String>>,
    /// What a pod template is made of in Go: type, then a text for each field.
    pub dumps: BTreeMap<String, Vec<String>>,
    /// Protobuf messages sorted by name.
    pub messages: Vec<Message>,
    /// Every group version of the scheme, served or not.
    pub registered: Vec<String>,
}

/// A protobuf message.
pub struct Message {
    /// `k8s.io.api.core.v1.Pod`.
    pub name: String,
    /// Sorted by their names in protobuf.
    pub fields: Vec<MessageField>,
}

/// A field of a protobuf message.
pub struct MessageField {
    /// Its number on the wire.
    pub number: u32,
    /// Its name in JSON; empty where JSON has the message's fields in its parent.
    pub name: String,
    /// A scalar or a message's full name; `*` before it: a list, `%`: a map.
    pub kind: String,
}

/// A group.
pub struct Group {
    /// The group; empty for core.
    pub name: String,
    /// Preferred first.
    pub versions: Vec<Version>,
}

/// A version of a group.
pub struct Version {
    /// The version.
    pub name: String,
    /// Whether a default server serves it.
    pub is_served: bool,
    /// `groupPriorityMinimum` and `versionPriority`.
    pub priority: (u32, u32),
    /// Sorted by plural.
    pub resources: Vec<Resource>,
}

/// A resource in one version.
pub struct Resource {
    /// `pods`.
    pub plural: String,
    /// `pod`.
    pub singular: String,
    /// `Pod`.
    pub kind: String,
    /// `PodList`; empty where nothing lists.
    pub list_kind: String,
    /// Whether objects live in namespaces.
    pub is_namespaced: bool,
    /// Short names.
    pub short_names: Vec<String>,
    /// Categories.
    pub categories: Vec<String>,
    /// The verbs of discovery.
    pub verbs: Vec<String>,
    /// `storageVersionHash`.
    pub hash: String,
    /// The group and version it is stored in.
    pub storage: (String, String),
    /// The deprecation warning; empty where current.
    pub deprecation: String,
    /// Why it is refused; empty where served.
    pub refused: String,
    /// Why its schema says all there is to say; empty where it has a strategy.
    pub schema_alone: String,
    /// The component of its objects.
    pub schema: String,
    /// Sorted by name.
    pub subresources: Vec<Subresource>,
}

/// A subresource.
pub struct Subresource {
    /// `status`.
    pub name: String,
    /// The kind of its bodies.
    pub kind: Kind,
    /// The verbs of discovery.
    pub verbs: Vec<String>,
    /// The component of its bodies, where it takes any.
    pub schema: Option<String>,
    /// Why it is refused; empty where served.
    pub refused: String,
}

/// A component.
pub struct Schema {
    /// `io.k8s.api.core.v1.PodSpec`.
    pub name: String,
    /// `v1.PodSpec`.
    pub go: String,
    /// The kinds it stands for.
    pub kinds: Vec<Kind>,
    /// What it is; [`Shape::Struct`] has the fields.
    pub shape: Shape,
    /// Whether one writer owns it whole.
    pub is_atomic: bool,
    /// Sorted by name.
    pub fields: Vec<Field>,
}

/// A field of a struct.
#[derive(Default)]
pub struct Field {
    /// The JSON name.
    pub name: String,
    /// What stands there.
    pub shape: Shape,
    /// `*int32,omitempty`.
    pub go: String,
    /// A constant default.
    pub default: Option<Value>,
    /// Allowed values, of the field or of its items.
    pub values: Vec<String>,
    /// Whether it must be present.
    pub is_required: bool,
    /// `x-kubernetes-list-type`; empty where not said.
    pub list: String,
    /// `x-kubernetes-list-map-keys`.
    pub list_keys: Vec<String>,
    /// `x-kubernetes-map-type`; empty where not said.
    pub map: String,
    /// `x-kubernetes-patch-strategy`, split at commas.
    pub patch: Vec<String>,
    /// `x-kubernetes-patch-merge-key`; empty where not said.
    pub patch_key: String,
}

/// What kind of value stands at a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// Anything.
    #[default]
    Any,
    /// An object of any form.
    Object,
    /// true or false.
    Boolean,
    /// 32 bits.
    Int32,
    /// 64 bits.
    Int64,
    /// A float.
    Number,
    /// Text.
    String,
    /// base64.
    Byte,
    /// Seconds.
    DateTime,
    /// Microseconds.
    MicroTime,
    /// `100m`.
    Quantity,
    /// An integer or text.
    IntOrString,
    /// Named fields.
    Struct,
    /// Another schema by name.
    Ref(String),
    /// A list.
    List(Box<Shape>),
    /// A map.
    Map(Box<Shape>),
}
