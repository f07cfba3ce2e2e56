//! Which flow a request is part of, and which priority level serves it: told in two headers.
//!
//! *Invariant:* read on from the log when it has grown, so that a request costs a look.
//! *Upstream:* `apiserver/pkg/util/flowcontrol/{apf_controller,rule}.go`,
//! `apiserver/pkg/server/filters/priority-and-fairness.go`. Differs: nobody waits in queues; what
//! is limited is limited for all alike (`Limits`).

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use parking_lot::Mutex;
use serde_json::Value;

use crate::auth::{Attributes, User};
use crate::object::{GroupResource, Key};
use crate::storage::{Reader, Revision};

const GROUP: &str = "flowcontrol.apiserver.k8s.io";
const SCHEMA_UID: &str = "x-kubernetes-pf-flowschema-uid";
const LEVEL_UID: &str = "x-kubernetes-pf-prioritylevel-uid";
/// Where a schema stands that does not say.
const PRECEDENCE: i64 = 1000;

/// The flow schemas of a cluster, as far as the log was read.
pub(in crate::server) struct Flows {
    schemas: GroupResource,
    levels: GroupResource,
    known: Mutex<Known>,
}

struct Known {
    at: Option<Revision>,
    flows: Arc<[Flow]>,
}

/// What a flow's requests are answered with.
#[derive(Clone)]
pub(in crate::server) struct Uids {
    schema: HeaderValue,
    level: HeaderValue,
}

impl Uids {
    /// Adds the headers of a request's flow.
    pub(in crate::server) fn add(self, headers: &mut HeaderMap) {
        headers.insert(SCHEMA_UID, self.schema);
        headers.insert(LEVEL_UID, self.level);
    }
}

/// A flow schema.
struct Flow {
    uids: Uids,
    rules: Vec<Rule>,
}

struct Rule {
    subjects: Vec<Subject>,
    resources: Vec<ResourceRule>,
    paths: Vec<PathRule>,
}

enum Subject {
    User(String),
    Group(String),
    /// Namespace and name.
    Account(String, String),
}

struct ResourceRule {
    verbs: Words,
    resources: Words,
    groups: Words,
    namespaces: Words,
    is_of_cluster: bool,
}

struct PathRule {
    verbs: Words,
    paths: Vec<String>,
}

/// Words of which one must be met, or `*` alone.
struct Words(Vec<String>);

impl Words {
    fn of(value: &Value) -> Self {
        Self(texts(value))
    }

    fn has(&self, word: &str) -> bool {
        matches!(self.0.as_slice(), [only] if only == "*") || self.0.iter().any(|one| one == word)
    }
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn items<'a, T>(value: &'a Value, of: impl FnMut(&'a Value) -> T) -> Vec<T> {
    value.as_array().into_iter().flatten().map(of).collect()
}

impl Default for Flows {
    fn default() -> Self {
        Self {
            schemas: GroupResource::new(GROUP, "flowschemas"),
            levels: GroupResource::new(GROUP, "prioritylevelconfigurations"),
            known: Mutex::new(Known {
                at: None,
                flows: Arc::new([]),
            }),
        }
    }
}

impl Flows {
    /// The flow of a request; `None` where it takes no part.
    pub(in crate::server) fn of(
        &self,
        reader: &dyn Reader,
        user: &User,
        attributes: &Attributes<'_>,
    ) -> Option<Uids> {
        if !takes_part(attributes) {
            return None;
        }
        let flows = self.now(reader);
        let mut flows = flows.iter();
        let found = flows.find(|flow| {
            let mut rules = flow.rules.iter();
            rules.any(|rule| rule.is_met(user, attributes))
        });
        let nobody = || Uids {
            schema: HeaderValue::from_static(""),
            level: HeaderValue::from_static(""),
        };
        // Upstream imagines what must be there and is not.
        Some(found.map_or_else(nobody, |flow| flow.uids.clone()))
    }

    fn now(&self, reader: &dyn Reader) -> Arc<[Flow]> {
        let mut known = self.known.lock();
        let now = reader.revision();
        if known.at != Some(now) {
            let is_as_it_was = known.at.filter(|at| *at < now).is_some_and(|at| {
                let mut resources = [&self.schemas, &self.levels].into_iter();
                resources.all(|resource| {
                    let changes = reader.changes_since(resource, at);
                    changes.is_ok_and(|changes| changes.is_empty())
                })
            });
            if !is_as_it_was {
                known.flows = self.read(reader);
            }
            known.at = Some(now);
        }
        Arc::clone(&known.flows)
    }

    /// All flow schemas whose priority level is there, in the order they are asked.
    fn read(&self, reader: &dyn Reader) -> Arc<[Flow]> {
        let Ok(snapshot) = reader.snapshot(&self.schemas, None) else {
            return Arc::new([]);
        };
        let mut found = Vec::new();
        for stored in snapshot.objects.values() {
            let object = stored.object();
            let empty = Value::Null;
            let spec = object.get(&["spec"]).unwrap_or(&empty);
            let level = spec["priorityLevelConfiguration"]["name"].as_str();
            let level = Key::new("", level.unwrap_or(""));
            let Some(level) = reader.get(&self.levels, &level) else {
                continue;
            };
            let uid = |uid: &str| HeaderValue::from_str(uid).ok();
            let (Some(schema), Some(level)) = (uid(object.uid()), uid(level.object().uid())) else {
                continue;
            };
            let flow = Flow {
                uids: Uids { schema, level },
                rules: items(&spec["rules"], rule),
            };
            let precedence = spec["matchingPrecedence"].as_i64().unwrap_or(PRECEDENCE);
            found.push(((precedence, object.name().to_owned()), flow));
        }
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        found.into_iter().map(|(_, flow)| flow).collect()
    }
}

/// Requests that go on without end take no part, but watches do while they begin.
fn takes_part(attributes: &Attributes<'_>) -> bool {
    attributes.verb == "watch" || !goes_on(attributes.verb, attributes.subresource)
}

/// Whether a request may go on without end, whatever comes of it.
///
/// *Upstream:* `apiserver/pkg/server/filters/longrunning.go` (`BasicLongRunningRequestCheck`).
pub(super) fn goes_on(verb: &str, subresource: &str) -> bool {
    matches!(verb, "watch" | "proxy")
        || matches!(
            subresource,
            "attach" | "exec" | "proxy" | "log" | "portforward"
        )
}

fn rule(value: &Value) -> Rule {
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let subject = |value: &Value| match value["kind"].as_str() {
        Some("User") => Subject::User(text(&value["user"]["name"])),
        Some("ServiceAccount") => {
            let account = &value["serviceAccount"];
            Subject::Account(text(&account["namespace"]), text(&account["name"]))
        }
        _ => Subject::Group(text(&value["group"]["name"])),
    };
    Rule {
        subjects: items(&value["subjects"], subject),
        resources: items(&value["resourceRules"], |value| ResourceRule {
            verbs: Words::of(&value["verbs"]),
            resources: Words::of(&value["resources"]),
            groups: Words::of(&value["apiGroups"]),
            namespaces: Words::of(&value["namespaces"]),
            is_of_cluster: value["clusterScope"] == true,
        }),
        paths: items(&value["nonResourceRules"], |value| PathRule {
            verbs: Words::of(&value["verbs"]),
            paths: texts(&value["nonResourceURLs"]),
        }),
    }
}

impl Rule {
    fn is_met(&self, user: &User, attributes: &Attributes<'_>) -> bool {
        if !self.subjects.iter().any(|subject| subject.is(user)) {
            return false;
        }
        if attributes.is_resource {
            self.resources.iter().any(|rule| rule.is_met(attributes))
        } else {
            self.paths.iter().any(|rule| rule.is_met(attributes))
        }
    }
}

impl Subject {
    fn is(&self, user: &User) -> bool {
        match self {
            Self::User(name) => name == "*" || *name == user.name,
            Self::Group(name) => name == "*" || user.groups.contains(name),
            Self::Account(namespace, name) => {
                let account = user.name.strip_prefix("system:serviceaccount:");
                let account = account.and_then(|rest| rest.strip_prefix(namespace.as_str()));
                let account = account.and_then(|rest| rest.strip_prefix(':'));
                account.is_some_and(|account| name == "*" || account == name)
            }
        }
    }
}

impl ResourceRule {
    fn is_met(&self, attributes: &Attributes<'_>) -> bool {
        let (resource, subresource) = (attributes.resource, attributes.subresource);
        let is_resource = if subresource.is_empty() {
            self.resources.has(resource)
        } else {
            self.resources.has(&format!("{resource}/{subresource}"))
        };
        is_resource
            && self.verbs.has(attributes.verb)
            && self.groups.has(attributes.group)
            && if attributes.namespace.is_empty() {
                self.is_of_cluster
            } else {
                self.namespaces.has(attributes.namespace)
            }
    }
}

impl PathRule {
    fn is_met(&self, attributes: &Attributes<'_>) -> bool {
        let asked = attributes.path;
        self.verbs.has(attributes.verb)
            && self.paths.iter().any(|path| {
                let prefix = path.strip_suffix('*').unwrap_or(path);
                let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
                let rest = asked.strip_prefix(prefix);
                path == "*" || path == asked || rest.is_some_and(|rest| rest.starts_with('/'))
            })
    }
}
