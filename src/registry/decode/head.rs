//! Of which kind a body says it is.
//!
//! Upstream reads `kind` and `apiVersion` in a pass of its own, by Go's standard decoder, which
//! does not mind their case; only then is the struct known that the second pass decodes into.
//!
//! *Upstream:* `apimachinery/pkg/runtime/serializer/json/meta.go`.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::place::Place;
use super::typed::Decoder;
use super::{Target, cannot_be_handled};
use crate::error::{ApiError, FieldErrors};
use crate::object::json::{Malformed, Token};
use crate::object::{FieldPath, GroupVersion, GroupVersionKind, Object};
use crate::schema::{Origin, Resource, tables};

/// The Go struct of the first pass, as its errors print it.
const STRUCT: &str = r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;

/// What a body says of its kind.
#[derive(Debug, Default)]
pub(super) struct Head {
    kind: String,
    api_version: String,
    error: Option<String>,
}

/// An error of the first pass.
pub(super) fn wrap(error: &str) -> String {
    format!("couldn't get version/kind; json parse error: {error}")
}

/// Reads an object whose fields `field` stores, and looks on for `kind` and `apiVersion`.
pub(super) fn read<'a>(
    decoder: &mut Decoder<'a>,
    mut field: impl FnMut(
        &mut Decoder<'a>,
        &Place<'_>,
        &mut Map<String, Value>,
        Cow<'a, str>,
    ) -> Result<(), Malformed>,
) -> Result<(Head, Map<String, Value>), Malformed> {
    let mut head = Head::default();
    let mut map = Map::new();
    let token = decoder.reader.token()?;
    if matches!(token, Token::Object) {
        let mut is_first = true;
        while let Some(key) = decoder.reader.next_key(is_first)? {
            is_first = false;
            let slot = Slot::of(&key);
            if let Some(slot) = slot {
                head.look_at(slot, &decoder.reader.peek_token()?);
            }
            field(decoder, &Place::ROOT, &mut map, key)?;
        }
    } else {
        if !matches!(token, Token::Null) {
            let found = name(&token);
            head.error = Some(format!(
                "json: cannot unmarshal {found} into Go value of type {STRUCT}"
            ));
        }
        decoder.reader.skip(&token)?;
    }
    decoder.reader.end()?;
    Ok((head, map))
}

/// Whether an object says of itself, in so many words, that it is of a kind.
pub(super) fn names(map: &Map<String, Value>, expected: &GroupVersionKind) -> bool {
    let text = |name: &str| map.get(name).and_then(Value::as_str);
    let is_understood = |key: &String| match Slot::of(key) {
        Some(Slot::Kind) => key == "kind",
        Some(Slot::ApiVersion) => key == "apiVersion",
        None => true,
    };
    text("kind") == Some(&expected.kind)
        && text("apiVersion") == Some(&expected.group_version.to_string())
        && map.keys().all(is_understood)
}

/// A field of the first pass.
#[derive(Clone, Copy)]
enum Slot {
    Kind,
    ApiVersion,
}

impl Slot {
    fn of(key: &str) -> Option<Self> {
        if key.eq_ignore_ascii_case("kind") {
            Some(Self::Kind)
        } else if key.eq_ignore_ascii_case("apiVersion") {
            Some(Self::ApiVersion)
        } else {
            None
        }
    }
}

pub(super) fn name(token: &Token<'_>) -> &'static str {
    match token {
        Token::Null => "null",
        Token::Bool(_) => "bool",
        Token::Number(_) => "number",
        Token::Text(_) => "string",
        Token::List => "array",
        Token::Object => "object",
    }
}

impl Head {
    /// Whether the body is of a kind, in the version expected.
    pub(super) fn is_of(&self, expected: &GroupVersionKind) -> bool {
        *self.kind == *expected.kind
            && GroupVersion::parse(&self.api_version).as_ref() == Some(&expected.group_version)
    }

    fn look_at(&mut self, slot: Slot, token: &Token<'_>) {
        let (text, field) = match slot {
            Slot::Kind => (&mut self.kind, "kind"),
            Slot::ApiVersion => (&mut self.api_version, "apiVersion"),
        };
        match token {
            Token::Text(value) => value.as_ref().clone_into(text),
            Token::Null => {}
            other if self.error.is_none() => {
                let found = name(other);
                self.error = Some(format!(
                    "json: cannot unmarshal {found} into Go struct field .{field} of type string"
                ));
            }
            _ => {}
        }
    }

    /// The kind named, parts of which may be empty.
    pub(super) fn kind(self) -> Result<Named, String> {
        if let Some(error) = &self.error {
            return Err(wrap(error));
        }
        let group_version = match self.api_version.as_str() {
            "" | "/" => GroupVersion::new("", ""),
            text => GroupVersion::parse(text)
                .ok_or_else(|| format!("unexpected GroupVersion string: {text}"))?,
        };
        Ok(Named {
            group_version,
            kind: self.kind,
        })
    }
}

/// The kind a body names.
pub(super) struct Named {
    group_version: GroupVersion,
    pub(super) kind: String,
}

impl Named {
    /// The version named, which may be empty.
    pub(super) fn version(&self) -> &str {
        &self.group_version.version
    }

    /// What is not said is as expected.
    pub(super) fn with_defaults(self, expected: &GroupVersionKind) -> GroupVersionKind {
        let expected_version = &expected.group_version;
        let kind = if self.kind.is_empty() {
            expected.kind.clone()
        } else {
            self.kind.into()
        };
        let own = self.group_version;
        let is_version_missing =
            own.version.is_empty() && (own.group.is_empty() || own.group == expected_version.group);
        GroupVersionKind {
            group_version: if is_version_missing {
                expected_version.clone()
            } else {
                own
            },
            kind,
        }
    }
}

/// What is said of a body that names a group and no version of it.
pub(super) fn without_version(body: &[u8]) -> String {
    let body = String::from_utf8_lossy(body);
    format!("Object 'apiVersion' is missing in '{body}'")
}

/// Refuses a body with a custom resource of another version than the path names.
pub(super) fn check_version(object: &Object, expected: &GroupVersionKind) -> Result<(), ApiError> {
    let named = GroupVersion::parse(object.api_version());
    match named {
        Some(named) if named != expected.group_version => {
            Err(wrong_version(&named, &expected.group_version))
        }
        _ => Ok(()),
    }
}

/// Refuses a custom resource that says it is of another kind or version than the path names,
/// before anything else is looked at.
///
/// *Upstream:* `customResourceValidator` in
/// `apiextensions-apiserver/pkg/registry/customresource/validator.go`.
pub(crate) fn check_type(resource: &Resource, object: &Object) -> Result<(), ApiError> {
    if resource.custom.is_none() {
        return Ok(());
    }
    let mut errors = FieldErrors::new();
    let expected = resource.group_version_kind();
    let mut check = |name: &str, found: &str, wanted: &str| {
        if found != wanted {
            errors.invalid(
                &FieldPath::new(name),
                &found.into(),
                format!("must be {wanted}"),
            );
        }
    };
    check("kind", object.kind(), &expected.kind);
    let version = expected.group_version.to_string();
    check("apiVersion", object.api_version(), &version);
    if errors.is_empty() {
        return Ok(());
    }
    let named = GroupVersion::parse(object.api_version());
    let kind = GroupVersionKind {
        group_version: named.unwrap_or(expected.group_version),
        kind: object.kind().into(),
    };
    Err(ApiError::invalid(&kind, object.name(), &errors))
}

fn wrong_version(actual: &GroupVersion, expected: &GroupVersion) -> ApiError {
    let actual = if actual.version.is_empty() {
        String::new()
    } else {
        actual.to_string()
    };
    ApiError::bad_request(format!(
        "the API version in the data ({actual}) does not match the expected API version \
         ({expected})"
    ))
}

/// The 400 of a body that says it is of another kind than a built-in one expected.
pub(super) fn another_kind(
    text: &[u8],
    actual: &GroupVersionKind,
    expected: &GroupVersionKind,
) -> ApiError {
    let of = &actual.group_version;
    let refused = |why: &str| cannot_be_handled(&actual.kind, &of.version, expected, why);
    let unconvertible = |version: &str| {
        refused(&format!(
            "converting ({version}.{}) to ({}.{}): unknown conversion",
            actual.kind,
            internal_package(&expected.group_version.group),
            expected.kind
        ))
    };
    let Some(schema) = tables::kind(&of.group, &of.version, &actual.kind) else {
        if is_of_machinery(actual) {
            return unconvertible("v1");
        }
        if is_retired(actual, expected) {
            return wrong_version(of, &expected.group_version);
        }
        return refused(&format!(
            "no kind \"{}\" is registered for version \"{of}\" in scheme \
             \"pkg/runtime/scheme.go:111\"",
            actual.kind
        ));
    };
    debug_assert_eq!(schema.origin(), Origin::BuiltIn, "tables hold no others");
    let target = Target {
        expected: actual,
        schema: &schema,
    };
    // What is wrong with it as the kind it says it is comes first.
    if let Ok((_, raw)) = super::built_in(text, target.schema)
        && let Some(error) = raw.error
    {
        return refused(&error);
    }
    if actual.kind == expected.kind {
        return wrong_version(of, &expected.group_version);
    }
    unconvertible(&of.version)
}

/// Whether a kind is one that is registered beside those that are resources, and has no schema.
///
/// *Upstream:* `apimachinery/pkg/apis/meta/v1/register.go`, `pkg/apis/core/v1/register.go`.
fn is_of_machinery(kind: &GroupVersionKind) -> bool {
    let of = &kind.group_version;
    let is_core = of.group.is_empty() && &*of.version == "v1";
    is_unversioned(&kind.kind)
        || OPTIONS.contains(&kind.kind.as_ref()) && tables::registered().any(|known| known == *of)
        || is_core && CORE_ONLY.contains(&kind.kind.as_ref())
}

/// Whether a kind is known in any version of any group.
pub(super) fn is_unversioned(kind: &str) -> bool {
    matches!(
        kind,
        "Status" | "APIVersions" | "APIGroup" | "APIGroupList" | "APIResourceList"
    )
}

/// Kinds that every registered version of a group has.
const OPTIONS: [&str; 7] = [
    "CreateOptions",
    "DeleteOptions",
    "GetOptions",
    "ListOptions",
    "PatchOptions",
    "UpdateOptions",
    "WatchEvent",
];

/// Kinds of the core group that nobody serves.
const CORE_ONLY: [&str; 10] = [
    "List",
    "NodeProxyOptions",
    "PodAttachOptions",
    "PodExecOptions",
    "PodLogOptions",
    "PodPortForwardOptions",
    "PodProxyOptions",
    "RangeAllocation",
    "SerializedReference",
    "ServiceProxyOptions",
];

/// Whether a kind is one that the server still knows in a version it no longer serves.
fn is_retired(actual: &GroupVersionKind, expected: &GroupVersionKind) -> bool {
    let of = &actual.group_version;
    let had_kind = match of.group.as_ref() {
        "extensions" => EXTENSIONS.contains(&actual.kind.as_ref()),
        group => group == expected.group_version.group.as_ref(),
    };
    had_kind && actual.kind == expected.kind && tables::registered().any(|known| known == *of)
}

/// The kinds that began in `extensions/v1beta1`.
const EXTENSIONS: [&str; 5] = [
    "DaemonSet",
    "Deployment",
    "Ingress",
    "NetworkPolicy",
    "ReplicaSet",
];

/// The Go package of a group's internal types.
fn internal_package(group: &str) -> &str {
    match group {
        "" | "events.k8s.io" => "core",
        other => other.split('.').next().unwrap_or(other),
    }
}
