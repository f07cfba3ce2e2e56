//! What the server tells others about itself: whom it believes, and that it is there.
//!
//! *Upstream:* `pkg/controlplane/controller/clusterauthenticationtrust`,
//! `component-helpers/apimachinery/lease`. Differs: the lease is not renewed, since nobody else is
//! there to take note.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::create;
use crate::auth::Authenticator;
use crate::client::Client;
use crate::cluster::Error;
use crate::object::time;

/// The letters of names.
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Writes down which certificates and headers are believed, for servers behind this one.
pub(super) async fn install_trust(client: &Client, who: &Authenticator) -> Result<(), Error> {
    let mut data: Map<String, Value> = Map::new();
    if let Some(authorities) = &who.authorities {
        data.insert("client-ca-file".to_owned(), authorities.pem().into());
    }
    if let Some(proxy) = &who.front_proxy {
        let text = |list: &[String]| Value::from(json!(list).to_string());
        let pem = proxy.authorities.pem();
        let prefix = "requestheader";
        let fields = [
            ("allowed-names", text(&proxy.names)),
            ("client-ca-file", pem.into()),
            ("extra-headers-prefix", text(&proxy.extra_prefixes)),
            ("group-headers", text(&proxy.group_headers)),
            ("username-headers", text(&proxy.user_headers)),
        ];
        let fields = fields.into_iter();
        data.extend(fields.map(|(field, value)| (format!("{prefix}-{field}"), value)));
        if !proxy.uid_headers.is_empty() {
            data.insert(format!("{prefix}-uid-headers"), text(&proxy.uid_headers));
        }
    }
    if data.is_empty() {
        return Ok(());
    }
    let object = json!({
        "metadata": {"name": "extension-apiserver-authentication"},
        "data": data,
    });
    let path = "/api/v1/namespaces/kube-system/configmaps";
    create(client, path, &object).await.map(|_| ())
}

/// Says that a server is there.
pub(super) async fn install_lease(client: &Client, uid: &str, now: Timestamp) -> Result<(), Error> {
    let digest = Sha256::digest(uid);
    let letters = digest.iter().take(26);
    let letters = letters.map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
    let name = format!("apiserver-{}", letters.collect::<String>());
    let object = json!({
        "metadata": {
            "name": name,
            "labels": {
                "apiserver.kubernetes.io/identity": "kube-apiserver",
                "kubernetes.io/hostname": "localhost",
            },
        },
        "spec": {
            "holderIdentity": format!("{name}_{uid}"),
            "leaseDurationSeconds": 3600,
            "renewTime": time::micros(now),
        },
    });
    let path = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
    create(client, path, &object).await.map(|_| ())
}
