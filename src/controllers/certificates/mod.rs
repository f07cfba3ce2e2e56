//! Requests for certificates: approved where rights say so, signed, and removed when they are old.
//!
//! *Upstream:* `pkg/controller/certificates`, `pkg/apis/certificates/helpers.go`.

pub(super) mod approving;
pub(super) mod cleaning;
pub(super) mod pod_requests;
pub(super) mod signing;
pub(super) mod trust_bundle;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::shared::conditions;
use crate::auth::certificate_request::{NameKind, Request};
use crate::object::Object;
use crate::runner::kinds::CERTIFICATE_SIGNING_REQUESTS;
use crate::runner::{Identity, Items, Kind, Seen, Watches};

/// The controller that signs.
pub(crate) const SIGNING: &str = "certificatesigningrequest-signing-controller";

const KUBELET_CLIENT: &str = "kubernetes.io/kube-apiserver-client-kubelet";

/// Who all of them are.
fn identity() -> Identity {
    Identity::ServiceAccount("certificate-controller")
}

fn watches() -> Watches<'static> {
    static KINDS: LazyLock<[&Kind; 1]> = LazyLock::new(|| [&CERTIFICATE_SIGNING_REQUESTS]);
    Watches::Kinds(&*KINDS)
}

fn react(seen: &Seen, items: &mut Items) {
    if !seen.is_gone() {
        items.add(&seen.resource, &seen.object.key);
    }
}

/// Whether a condition is there, whatever it says.
fn has(object: &Object, kind: &str) -> bool {
    conditions::find(object.items(&["status", "conditions"]), kind).is_some()
}

/// What is asked for.
fn request(object: &Object) -> Option<Request> {
    Request::of_pem(&STANDARD.decode(object.text(&["spec", "request"])).ok()?)
}

fn usages(object: &Object) -> Vec<&str> {
    let usages = object.items(&["spec", "usages"]).iter();
    usages.filter_map(|usage| usage.as_str()).collect()
}

/// Whether the usages are these, or these without that of keys that encipher.
fn check_usages(usages: &[&str], required: [&'static str; 3]) -> Result<(), String> {
    let usages: BTreeSet<&str> = usages.iter().copied().collect();
    let all = BTreeSet::from(required);
    let mut without = all.clone();
    without.remove("key encipherment");
    if usages == all || usages == without {
        return Ok(());
    }
    let list: Vec<&str> = all.into_iter().collect();
    Err(format!("usages did not match [{}]", list.join(" ")))
}

fn check_nodes(request: &Request) -> Result<(), String> {
    if request.organizations != ["system:nodes"] {
        return Err("subject organization is not system:nodes".to_owned());
    }
    Ok(())
}

fn check_names(request: &Request, refused: &[(NameKind, &str)]) -> Result<(), String> {
    for (kind, name) in refused {
        if request.has_name(*kind) {
            return Err(format!("{name} subjectAltNames are not allowed"));
        }
    }
    Ok(())
}

fn check_common_name(request: &Request) -> Result<(), String> {
    if !request.common_name.starts_with("system:node:") {
        return Err("subject common name does not begin with system:node:".to_owned());
    }
    Ok(())
}

/// What is wrong with a kubelet's request for a certificate to show to the server.
fn check_kubelet_client(request: &Request, usages: &[&str]) -> Result<(), String> {
    check_nodes(request)?;
    let refused = [
        (NameKind::Dns, "DNS"),
        (NameKind::Email, "Email"),
        (NameKind::Ip, "IP"),
        (NameKind::Uri, "URI"),
    ];
    check_names(request, &refused)?;
    check_common_name(request)?;
    let required = ["client auth", "digital signature", "key encipherment"];
    check_usages(usages, required)
}

/// What is wrong with a kubelet's request for a certificate to serve with.
fn check_kubelet_serving(request: &Request, usages: &[&str]) -> Result<(), String> {
    check_nodes(request)?;
    if !request.has_name(NameKind::Dns) && !request.has_name(NameKind::Ip) {
        return Err("DNS or IP subjectAltName is required".to_owned());
    }
    let refused = [(NameKind::Email, "Email"), (NameKind::Uri, "URI")];
    check_names(request, &refused)?;
    let required = ["digital signature", "key encipherment", "server auth"];
    check_usages(usages, required)?;
    check_common_name(request)
}

/// What is wrong with a request for a certificate to show to the server.
fn check_client(usages: &[&str]) -> Result<(), String> {
    for usage in usages {
        if !matches!(
            *usage,
            "digital signature" | "key encipherment" | "client auth"
        ) {
            return Err(format!("invalid usage for client certificate: {usage}"));
        }
    }
    if !usages.contains(&"client auth") {
        return Err("missing required usage for client certificate: client auth".to_owned());
    }
    Ok(())
}
