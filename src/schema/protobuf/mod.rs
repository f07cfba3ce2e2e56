//! Objects in protobuf: by the generated tables of message and field numbers.
//!
//! *Upstream:* `apimachinery/pkg/runtime/serializer/protobuf`, `generated.proto` of each API.

mod managed_fields;
mod read;
mod write;

pub use read::{to_json, to_json_of};
pub(in crate::schema) use write::{bytes, nested, put};
pub use write::{envelope, from_json, from_object, item, list_head, watch_event};

use super::tables;
use crate::object::GroupVersion;

/// Why a body is no protobuf of a known kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtobufError {
    /// The four bytes that open every body are missing.
    #[error(
        "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
    )]
    NoPrefix,
    /// There is nothing, not even those.
    #[error("empty data")]
    NoData,
    /// There is nothing behind them.
    #[error("empty body")]
    NoBody,
    /// What stands around the object is no message.
    #[error("{0}")]
    Envelope(Malformed),
    /// The object is no message.
    #[error("{error}")]
    Object {
        /// The kind in the body.
        kind: String,
        /// The version in the body.
        version: String,
        /// Why.
        error: Malformed,
    },
    /// The kind in the body is not built in.
    #[error(
        "no kind \"{kind}\" is registered for version \"{version}\" in scheme \
         \"pkg/runtime/scheme.go:111\""
    )]
    Unknown {
        /// The kind in the body.
        kind: String,
        /// The version in the body.
        version: String,
    },
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A length or a number runs past the end.
    #[error("unexpected EOF")]
    Eof,
    /// A number has more bits than there are.
    #[error("proto: integer overflow")]
    Overflow,
    /// A length is negative.
    #[error("proto: negative length found during unmarshaling")]
    Negative,
    /// A field has a type that it cannot have, or what it holds cannot be read.
    #[error("proto: illegal wireType")]
    WireType,
}

const PREFIX: &[u8] = b"k8s\0";
const MACHINERY: &str = "k8s.io.apimachinery.pkg.";
const EXTENSIONS: &str = "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1.";
/// Deeper than any kind nests, shallower than the stack.
const DEPTH_MAX: usize = 64;

/// The full name of a kind's message; `None` where the kind is not built in.
fn message_of(version: &str, kind: &str) -> Option<String> {
    // Documents of discovery are of no version, and options of every one.
    let is_unversioned = version.is_empty() && matches!(kind, "APIVersions" | "APIResourceList");
    if is_unversioned || kind == "DeleteOptions" {
        return Some(format!("{MACHINERY}apis.meta.v1.{kind}"));
    }
    let version = GroupVersion::parse(version)?;
    if &*version.group == "meta.k8s.io" && kind.starts_with("PartialObjectMetadata") {
        return Some(format!("{MACHINERY}apis.meta.v1.{kind}"));
    }
    let component = tables::component_of(&version.group, &version.version, kind)?;
    let name = component.replacen("io.k8s.", "k8s.io.", 1);
    Some(name.replace('-', "_"))
}
