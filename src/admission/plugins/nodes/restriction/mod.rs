//! What a kubelet may write: its own node, and what belongs to the pods on it.
//!
//! *Upstream:* `plugin/pkg/admission/noderestriction/admission.go`.

mod node;
mod pod;
mod token;

use super::forbidden_without;
use crate::admission::plugins::certificates::subject;
use crate::admission::{Attributes, Operation, Plugin};
use crate::auth::{User, der};
use crate::error::ApiError;
use crate::object::Object;
use crate::object::quote::quoted;

/// The group of kubelets.
const NODES: &str = "system:nodes";

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct NodeRestriction;

impl Plugin for NodeRestriction {
    fn name(&self) -> &'static str {
        "NodeRestriction"
    }

    fn mutate(&self, write: &Attributes, object: &mut Object) -> Result<(), ApiError> {
        check(write, Some(object))
    }

    fn validate(&self, write: &Attributes, object: Option<&Object>) -> Result<(), ApiError> {
        // Upstream looks before anything is changed; a deletion changes nothing.
        match write.operation {
            Operation::Delete => check(write, object),
            _ => Ok(()),
        }
    }
}

/// A write of a kubelet.
#[derive(Clone, Copy)]
struct Restricted<'a> {
    write: &'a Attributes<'a>,
    object: Option<&'a Object>,
    /// The name of its node.
    node: &'a str,
}

impl Restricted<'_> {
    fn refuse(&self, why: &str) -> Result<(), ApiError> {
        Err(forbidden_without(self.write, self.object, why))
    }

    fn unexpected(&self) -> Result<(), ApiError> {
        let operation = quoted(self.write.operation.as_str());
        self.refuse(&format!("unexpected operation {operation}"))
    }

    /// The object's name, which a new object says itself.
    fn name(&self) -> &str {
        match self.object {
            Some(object) if self.write.operation == Operation::Create => object.name(),
            _ => self.write.name,
        }
    }
}

/// The node of a kubelet; empty where its name says none.
fn node_of(user: &User) -> Option<&str> {
    let name = user.name.strip_prefix("system:node:")?;
    user.is_in(NODES).then_some(name)
}

fn check(write: &Attributes, object: Option<&Object>) -> Result<(), ApiError> {
    let Some(node) = node_of(write.user) else {
        return Ok(());
    };
    let restricted = Restricted {
        write,
        object,
        node,
    };
    if node.is_empty() {
        let user = quoted(&write.user.name);
        return restricted.refuse(&format!("could not determine node from user {user}"));
    }
    let resource = write.resource.group_resource();
    match (resource.group.as_ref(), resource.resource.as_ref()) {
        ("", "pods") => pod::check(&restricted),
        ("", "nodes") => node::check(&restricted),
        ("", "persistentvolumeclaims") => claim(&restricted),
        ("", "serviceaccounts") => token::check(&restricted),
        ("coordination.k8s.io", "leases") => lease(&restricted),
        ("storage.k8s.io", "csinodes") => csi_node(&restricted),
        ("resource.k8s.io", "resourceslices") => slice(&restricted),
        ("certificates.k8s.io", "certificatesigningrequests") => request(&restricted),
        _ => Ok(()),
    }
}

/// Of a claim, a kubelet writes how large it has become.
fn claim(of: &Restricted<'_>) -> Result<(), ApiError> {
    let write = of.write;
    if write.subresource != "status" {
        return of.refuse("may only update PVC status");
    }
    let (Some(old), Some(new)) = (write.old, of.object) else {
        return of.unexpected();
    };
    let bare = |claim: &Object| {
        let mut claim = claim.clone();
        claim.set_managed_fields(None);
        claim.remove(&["metadata", "resourceVersion"]);
        for name in [
            "capacity",
            "conditions",
            "allocatedResourceStatuses",
            "allocatedResources",
        ] {
            claim.remove(&["status", name]);
        }
        claim
    };
    if bare(old) == bare(new) {
        return Ok(());
    }
    // Differs: upstream goes on with the difference, as its own library prints it.
    of.refuse(&format!(
        "node {} is not allowed to update fields other than status.quantity and \
         status.conditions",
        quoted(of.node)
    ))
}

fn lease(of: &Restricted<'_>) -> Result<(), ApiError> {
    if of.write.namespace != "kube-node-lease" {
        return of.refuse("can only access leases in the \"kube-node-lease\" system namespace");
    }
    if of.name() != of.node {
        let why = "can only access node lease with the same name as the requesting node";
        return of.refuse(why);
    }
    Ok(())
}

fn csi_node(of: &Restricted<'_>) -> Result<(), ApiError> {
    if of.name() == of.node {
        return Ok(());
    }
    of.refuse("can only access CSINode with the same name as the requesting node")
}

fn slice(of: &Restricted<'_>) -> Result<(), ApiError> {
    let (slice, what) = match of.write.operation {
        Operation::Create => (of.object, "create"),
        Operation::Delete => (of.write.old, "delete"),
        _ => return Ok(()),
    };
    let is_own = slice.is_some_and(|slice| slice.text(&["spec", "nodeName"]) == of.node);
    if is_own {
        return Ok(());
    }
    of.refuse(&format!(
        "can only {what} ResourceSlice with the same NodeName as the requesting node"
    ))
}

/// A kubelet asks for certificates in its own name.
fn request(of: &Restricted<'_>) -> Result<(), ApiError> {
    let Some(request) = of
        .object
        .filter(|_| of.write.operation == Operation::Create)
    else {
        return Ok(());
    };
    let signer = request.text(&["spec", "signerName"]);
    if !matches!(
        signer,
        "kubernetes.io/kubelet-serving" | "kubernetes.io/kube-apiserver-client-kubelet"
    ) {
        return Ok(());
    }
    let Some(names) = subject(request, der::COMMON_NAME) else {
        return of.refuse("unable to parse csr: PEM block type must be CERTIFICATE REQUEST");
    };
    let expected = format!("system:node:{}", of.node);
    if names.last() == Some(&expected) {
        return Ok(());
    }
    of.refuse(&format!("can only create a node CSR with CN={expected}"))
}
