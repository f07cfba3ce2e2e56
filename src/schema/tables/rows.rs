//! The rows that generated tables are written in: plain static data with short constructors.
//!
//! *Invariant:* no logic. What rows mean is decided in `mod.rs`.

/// A group.
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) versions: &'static [Version],
}

/// A version of a group.
pub(super) struct Version {
    pub(super) name: &'static str,
    pub(super) is_served: bool,
    /// `groupPriorityMinimum` and `versionPriority`.
    pub(super) priority: (u32, u32),
    pub(super) resources: &'static [Resource],
}

/// A resource in one version. Lists of words are separated by blanks.
pub(super) struct Resource {
    pub(super) plural: &'static str,
    pub(super) singular: &'static str,
    pub(super) kind: &'static str,
    pub(super) list_kind: &'static str,
    pub(super) is_namespaced: bool,
    pub(super) short_names: &'static str,
    pub(super) categories: &'static str,
    pub(super) verbs: &'static str,
    pub(super) hash: &'static str,
    /// The group and version objects are stored in.
    pub(super) storage: (&'static str, &'static str),
    pub(super) deprecation: &'static str,
    pub(super) refused: &'static str,
    /// Its place in the table of schemas.
    pub(super) schema: u16,
    pub(super) subresources: &'static [Subresource],
}

/// A column of a Table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column<'a> {
    /// The header.
    pub name: &'a str,
    /// `string`, `integer`, `date`, …
    pub kind: &'a str,
    /// `name` for the column that names the object, else mostly empty.
    pub format: &'a str,
    /// What the column shows.
    pub description: &'a str,
    /// 0: always shown; 1: with `-o wide`.
    pub priority: i32,
}

/// A subresource.
pub(super) struct Subresource {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) verbs: &'static str,
    pub(super) schema: Option<u16>,
    pub(super) refused: &'static str,
}

/// A protobuf message by its full name: number, JSON name and type of each field.
pub(super) type Message = (&'static str, &'static [(u32, &'static str, &'static str)]);

/// A group, a version and a kind.
pub(super) type Kind = (&'static str, &'static str, &'static str);

/// A component.
pub(super) struct Schema {
    pub(super) name: &'static str,
    /// `v1.PodSpec`.
    pub(super) go: &'static str,
    pub(super) shape: Shape,
    pub(super) is_atomic: bool,
    pub(super) kinds: &'static [Kind],
    /// Sorted by name.
    pub(super) fields: &'static [Field],
}

/// A field of a struct.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// `*int32,omitempty`.
    pub(super) go: &'static str,
    /// Words: `required`, `list-set`, `list-map:name`, `map-atomic`, `patch-merge`, `key:name`.
    pub(super) rules: &'static str,
    /// JSON; empty where there is none.
    pub(super) default: &'static str,
    /// Allowed values, of the field or of its items.
    pub(super) values: &'static [&'static str],
}

/// What kind of value stands at a place.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    Any,
    Object,
    Boolean,
    Int32,
    Int64,
    Number,
    String,
    Byte,
    DateTime,
    MicroTime,
    Quantity,
    IntOrString,
    Struct,
    Ref(u16),
    List(&'static Shape),
    Map(&'static Shape),
}

pub(super) const fn g(name: &'static str, versions: &'static [Version]) -> Group {
    Group { name, versions }
}

pub(super) const fn v(
    name: &'static str,
    is_served: bool,
    group: u32,
    within: u32,
    resources: &'static [Resource],
) -> Version {
    Version {
        name,
        is_served,
        priority: (group, within),
        resources,
    }
}

pub(super) const fn s(
    name: &'static str,
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    verbs: &'static str,
    schema: Option<u16>,
    refused: &'static str,
) -> Subresource {
    Subresource {
        name,
        kind: (group, version, kind),
        verbs,
        schema,
        refused,
    }
}

pub(super) const fn c(
    name: &'static str,
    go: &'static str,
    shape: Shape,
    is_atomic: bool,
    kinds: &'static [Kind],
    fields: &'static [Field],
) -> Schema {
    Schema {
        name,
        go,
        shape,
        is_atomic,
        kinds,
        fields,
    }
}

pub(super) const fn f(name: &'static str, shape: Shape, go: &'static str) -> Field {
    fd(name, shape, go, "", "", &[])
}

pub(super) const fn fr(
    name: &'static str,
    shape: Shape,
    go: &'static str,
    rules: &'static str,
) -> Field {
    fd(name, shape, go, rules, "", &[])
}

pub(super) const fn fd(
    name: &'static str,
    shape: Shape,
    go: &'static str,
    rules: &'static str,
    default: &'static str,
    values: &'static [&'static str],
) -> Field {
    Field {
        name,
        shape,
        go,
        rules,
        default,
        values,
    }
}
