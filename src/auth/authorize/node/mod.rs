//! What kubelets need: their own node, and what the pods on it refer to.
//!
//! *Upstream:* `plugin/pkg/auth/authorizer/node/node_authorizer.go`,
//! `pkg/auth/nodeidentifier/default.go`.

mod relation;

use std::sync::LazyLock;

use self::relation::{Kind, Relation};
use super::rbac::Rule;
use super::{Attributes, Decision};
use crate::auth::User;
use crate::storage::Reader;

/// The group of kubelets.
const NODES: &str = "system:nodes";

const READ: [&str; 3] = ["get", "list", "watch"];
const KEEP: [&str; 5] = ["get", "create", "update", "patch", "delete"];

/// What every kubelet may do: group, resources, verbs. Resources that are looked at one by one
/// below need not stand here.
///
/// *Upstream:* `plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go` (`NodeRules`).
const RULES: [(&str, &[&str], &[&str]); 12] = [
    ("authentication.k8s.io", &["tokenreviews"], &["create"]),
    (
        "authorization.k8s.io",
        &["subjectaccessreviews", "localsubjectaccessreviews"],
        &["create"],
    ),
    ("", &["services"], &READ),
    ("", &["events"], &["create", "update", "patch"]),
    ("events.k8s.io", &["events"], &["create", "update", "patch"]),
    ("", &["endpoints"], &["get"]),
    (
        "certificates.k8s.io",
        &["certificatesigningrequests"],
        &["create", "get", "list", "watch"],
    ),
    ("storage.k8s.io", &["csidrivers"], &READ),
    ("node.k8s.io", &["runtimeclasses"], &READ),
    ("certificates.k8s.io", &["clustertrustbundles"], &READ),
    ("coordination.k8s.io", &["leases"], &KEEP),
    ("storage.k8s.io", &["csinodes"], &KEEP),
];

static NODE_RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let rules = RULES.iter();
    rules
        .map(|(group, resources, verbs)| Rule::resources(verbs, &[group], resources))
        .collect()
});

/// The node that a user is the kubelet of; the name may be empty.
pub(super) fn name_of(user: &User) -> Option<&str> {
    let name = user.name.strip_prefix("system:node:")?;
    user.is_in(NODES).then_some(name)
}

/// What a kubelet may do.
pub(super) fn decide(reader: &dyn Reader, user: &User, asked: &Attributes) -> Decision {
    let Some(node) = name_of(user) else {
        return Decision::default();
    };
    if node.is_empty() {
        return Decision::no_opinion(format!("unknown node for user {:?}", user.name));
    }
    let kubelet = Kubelet {
        node,
        relation: Relation { reader, node },
        asked,
    };
    match kubelet.decide() {
        Ok(()) => Decision::allow(""),
        Err(reason) => Decision::no_opinion(reason),
    }
}

/// A request of a kubelet. Each step says yes, or why it has no opinion.
struct Kubelet<'a> {
    node: &'a str,
    relation: Relation<'a>,
    asked: &'a Attributes<'a>,
}

type Answer = Result<(), String>;

fn no(reason: &str) -> Answer {
    Err(reason.to_owned())
}

impl Kubelet<'_> {
    fn decide(&self) -> Answer {
        let asked = self.asked;
        if asked.is_resource {
            match (asked.group, asked.resource) {
                ("", "secrets") => return self.read(Kind::Secret),
                ("", "configmaps") => return self.read(Kind::ConfigMap),
                ("", "persistentvolumeclaims") if asked.subresource == "status" => {
                    return self.update_claim_status();
                }
                ("", "persistentvolumeclaims") => return self.get(Kind::Claim),
                ("", "persistentvolumes") => return self.get(Kind::Volume),
                ("resource.k8s.io", "resourceclaims") => return self.get(Kind::ResourceClaim),
                ("storage.k8s.io", "volumeattachments") => return self.get(Kind::Attachment),
                ("", "serviceaccounts") => return self.service_account(),
                ("coordination.k8s.io", "leases") => return self.lease(),
                ("storage.k8s.io", "csinodes") => return self.csi_node(),
                ("resource.k8s.io", "resourceslices") => return self.slice(),
                ("", "nodes") => return self.node(),
                ("", "pods") => return self.pod(),
                ("certificates.k8s.io", "podcertificaterequests") => {
                    return self.certificate_request();
                }
                _ => {}
            }
        }
        if NODE_RULES.iter().any(|rule| rule.allows(asked)) {
            return Ok(());
        }
        no("")
    }

    /// Whether the object is of concern to the node.
    fn related(&self, kind: Kind) -> Answer {
        if self.asked.name.is_empty() {
            return no("No Object name found");
        }
        if self
            .relation
            .holds(kind, self.asked.namespace, self.asked.name)
        {
            return Ok(());
        }
        Err(format!(
            "no relationship found between node '{}' and this object",
            self.node
        ))
    }

    fn update_claim_status(&self) -> Answer {
        if !matches!(self.asked.verb, "update" | "patch") {
            return no("can only get/update/patch this type");
        }
        self.related(Kind::Claim)
    }

    fn get(&self, kind: Kind) -> Answer {
        if self.asked.verb != "get" {
            return no("can only get individual resources of this type");
        }
        if !self.asked.subresource.is_empty() {
            return no("cannot get subresource");
        }
        self.related(kind)
    }

    fn read(&self, kind: Kind) -> Answer {
        if !READ.contains(&self.asked.verb) {
            return no("can only read resources of this type");
        }
        if !self.asked.subresource.is_empty() {
            return no("cannot read subresource");
        }
        if self.asked.namespace.is_empty() {
            return no("can only read namespaced object of this type");
        }
        self.related(kind)
    }

    fn service_account(&self) -> Answer {
        let asked = self.asked;
        if asked.verb == "get" && asked.subresource.is_empty() {
            return self.read(Kind::ServiceAccount);
        }
        if asked.verb != "create" || asked.name.is_empty() {
            return no("can only create tokens for individual service accounts");
        }
        if asked.subresource != "token" {
            return no("can only create token subresource of serviceaccount");
        }
        self.related(Kind::ServiceAccount)
    }

    fn lease(&self) -> Answer {
        if !KEEP.contains(&self.asked.verb) {
            return no("can only get, create, update, patch, or delete a node lease");
        }
        if self.asked.namespace != "kube-node-lease" {
            return no("can only access leases in the \"kube-node-lease\" system namespace");
        }
        // The name of a new one is looked at in admission.
        if self.asked.verb != "create" && self.asked.name != self.node {
            return no("can only access node lease with the same name as the requesting node");
        }
        Ok(())
    }

    fn csi_node(&self) -> Answer {
        match self.asked.subresource {
            "" if KEEP.contains(&self.asked.verb) => {}
            "" => return no("can only get, create, update, patch, or delete a CSINode"),
            "status" => return no("CSINode status access requires CSIVolumeHealth feature"),
            _ => return no("cannot authorize CSINode subresources"),
        }
        if self.asked.verb != "create" && self.asked.name != self.node {
            return no("can only access CSINode with the same name as the requesting node");
        }
        Ok(())
    }

    fn slice(&self) -> Answer {
        if !self.asked.subresource.is_empty() {
            return no("cannot authorize ResourceSlice subresources");
        }
        match self.asked.verb {
            "create" => Ok(()),
            "get" | "update" | "patch" | "delete" => self.related(Kind::Slice),
            "watch" | "list" | "deletecollection" if self.selects_itself() => Ok(()),
            "watch" | "list" | "deletecollection" => no(
                "can only list/watch/deletecollection resourceslices with nodeName field selector",
            ),
            _ => no(
                "only the following verbs are allowed for a ResourceSlice: get, watch, list, \
                 create, update, patch, delete, deletecollection",
            ),
        }
    }

    fn certificate_request(&self) -> Answer {
        if !self.asked.subresource.is_empty() {
            return no("nodes may not access the status subresource of PodCertificateRequests");
        }
        match self.asked.verb {
            "create" => Ok(()),
            "get" => self.related(Kind::CertificateRequest),
            "list" | "watch" if self.selects_itself() => Ok(()),
            "list" | "watch" => {
                no("can only list/watch podcertificaterequests with nodeName field selector")
            }
            verb => Err(format!("nodes may not {verb} podcertificaterequests")),
        }
    }

    fn node(&self) -> Answer {
        let node = self.node;
        match (self.asked.subresource, self.asked.verb) {
            ("", "create" | "update" | "patch") | ("status", "update" | "patch") => Ok(()),
            ("", "get" | "list" | "watch") => match self.asked.name {
                name if name == node => Ok(()),
                "" => Err(format!(
                    "node '{node}' cannot read all nodes, only its own Node object"
                )),
                name => Err(format!(
                    "node '{node}' cannot read '{name}', only its own Node object"
                )),
            },
            _ => no(""),
        }
    }

    fn pod(&self) -> Answer {
        match (self.asked.subresource, self.asked.verb) {
            ("", "get") => self.get(Kind::Pod),
            ("", "list" | "watch") if self.selects_itself() => Ok(()),
            ("", "list" | "watch") if !self.asked.name.is_empty() => self.related(Kind::Pod),
            ("", "list" | "watch") => {
                no("can only list/watch pods with spec.nodeName field selector")
            }
            // Which ones is looked at in admission.
            ("", "create" | "delete") | ("status", "update" | "patch") | ("eviction", "create") => {
                Ok(())
            }
            _ => no(""),
        }
    }

    /// Whether the request restricts itself to the objects of its own node.
    fn selects_itself(&self) -> bool {
        self.asked.selectors.has_exactly("spec.nodeName", self.node)
    }
}
