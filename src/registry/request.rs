//! A request, as both doors build it: no HTTP left in it.

use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::Value;

use crate::audit::Trail;
use crate::auth::User;
use crate::object::Object;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is to be done.
    pub verb: Verb,
    /// To which resource or object; parsed from the path, not looked up.
    pub target: Target,
    /// The query's parameters, decoded, in the order sent.
    pub query: Vec<(String, String)>,
    /// The body as sent; empty where there is none.
    pub body: Bytes,
    /// The body where it is at hand as a tree: there is no text of it then.
    pub tree: AtHand,
    /// The body's media type without parameters, lower-case; empty where not said.
    pub content_type: String,
    /// The form of the answer.
    pub form: Form,
    /// How objects are written in the answer.
    pub wire: Wire,
    /// Who asks.
    pub user: User,
    /// What is recorded of it.
    pub trail: Trail,
    /// `User-Agent`, from which an unnamed field manager takes its name.
    pub user_agent: String,
}

/// A body that is at hand as a tree. Whoever reads it takes it.
#[derive(Debug, Default)]
pub struct AtHand(Mutex<Option<Tree>>);

/// See [`AtHand`].
#[derive(Clone, Debug)]
pub enum Tree {
    /// An object.
    Object(Object),
    /// A patch or options.
    Value(Value),
}

impl AtHand {
    /// A tree at hand.
    pub fn new(tree: Tree) -> Self {
        Self(Mutex::new(Some(tree)))
    }

    /// The object, where there is one.
    pub fn take_object(&self) -> Option<Object> {
        let mut tree = self.0.lock();
        match tree.take()? {
            Tree::Object(object) => Some(object),
            other @ Tree::Value(_) => {
                *tree = Some(other);
                None
            }
        }
    }

    /// What else there is.
    pub fn take_value(&self) -> Option<Value> {
        let mut tree = self.0.lock();
        match tree.take()? {
            Tree::Value(value) => Some(value),
            other @ Tree::Object(_) => {
                *tree = Some(other);
                None
            }
        }
    }
}

impl Clone for AtHand {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.0.lock().clone()))
    }
}

/// What is to be done; Kubernetes' own names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// One object.
    Get,
    /// Many objects.
    List,
    /// Changes of many objects or of one.
    Watch,
    /// A new object.
    Create,
    /// A whole object replaced.
    Update,
    /// An object changed in part.
    Patch,
    /// An object removed.
    Delete,
    /// Many objects removed.
    DeleteCollection,
}

impl Verb {
    /// The verb as RBAC and metrics write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }
}

/// The resource or object a path names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// The group; empty for core.
    pub group: String,
    /// The version.
    pub version: String,
    /// The namespace; empty for cluster-scoped resources and for all namespaces.
    pub namespace: String,
    /// The plural.
    pub resource: String,
    /// The object's name; empty for a collection.
    pub name: String,
    /// The subresource; empty where none.
    pub subresource: String,
    /// What follows a subresource that takes a path (`proxy/…`).
    pub rest: String,
}

/// The form of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Form {
    /// The object itself.
    #[default]
    Object,
    /// `meta.k8s.io/v1` Table (or `v1beta1`).
    Table {
        /// Answered as `meta.k8s.io/v1beta1`.
        is_beta: bool,
    },
    /// `meta.k8s.io/v1` PartialObjectMetadata and its list (or `v1beta1`).
    Metadata {
        /// Answered as `meta.k8s.io/v1beta1`.
        is_beta: bool,
    },
}

/// How objects are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Wire {
    /// JSON, from which other texts are made.
    #[default]
    Json,
    /// Protobuf: objects of built-in kinds, and the metadata of all.
    Protobuf,
}

/// The parameters of a request that change an object, checked.
///
/// *Upstream:* `apimachinery/pkg/apis/meta/v1/types.go` (`CreateOptions`, …).
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `dryRun=All`.
    pub is_dry_run: bool,
    /// `fieldManager`.
    pub field_manager: String,
    /// `fieldValidation`.
    pub field_validation: FieldValidation,
    /// `force` of server-side apply.
    pub force: Option<bool>,
    /// Whether the write is part of one that admission has seen.
    pub is_inner: bool,
}

/// What becomes of unknown and duplicate fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// Dropped without a word.
    Ignore,
    /// Dropped, with a warning for each.
    #[default]
    Warn,
    /// Refused.
    Strict,
}

impl Request {
    /// The first value of a query parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}
