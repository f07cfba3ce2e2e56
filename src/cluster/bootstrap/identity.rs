//! What the server tells others about itself: whom it believes, and that it is there.
//!
//! *Upstream:* `pkg/controlplane/controller/clusterauthenticationtrust`,
//! `component-helpers/apimachinery/lease`. Differs: the lease is renewed where the clock is the
//! wall's and the cluster listens; elsewhere nobody would take note, and a seed decides the log.

use std::net::SocketAddr;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::create;
use crate::auth::Authenticator;
use crate::client::Client;
use crate::cluster::Error;
use crate::object::time;
use crate::sim::Clock;

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";

/// The machine, as far as the cluster says. Differs: upstream says the machine's own name.
const HOST: &str = "localhost";

/// How often a server says that it is there.
const RENEWAL: std::time::Duration = std::time::Duration::from_secs(10);

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
pub(super) async fn install_lease(
    client: &Client,
    uid: &str,
    (now, address): (Timestamp, SocketAddr),
) -> Result<(), Error> {
    let name = lease_name();
    let object = json!({
        "metadata": {
            "name": name,
            "labels": {
                "apiserver.kubernetes.io/identity": "kube-apiserver",
                "kubernetes.io/hostname": HOST,
            },
            "annotations": {"kubernetes.io/peer-advertise-address": address.to_string()},
        },
        "spec": {
            "holderIdentity": format!("{name}_{uid}"),
            "leaseDurationSeconds": 3600,
            "renewTime": time::micros(now),
        },
    });
    create(client, LEASES, &object).await.map(|_| ())
}

/// The name of the server's lease, which the name of its machine decides.
fn lease_name() -> String {
    let digest = Sha256::digest(HOST);
    let bits = digest[..16]
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1));
    let bits: Vec<u8> = bits.collect();
    let letters = bits.chunks(5).map(|bits| {
        let value = bits.iter().fold(0, |value, bit| value << 1 | bit);
        char::from(LETTERS[usize::from(value << (5 - bits.len()))])
    });
    format!("apiserver-{}", letters.collect::<String>())
}

/// Goes on saying that the server is there.
pub(in crate::cluster) async fn renew(client: Client, clock: Clock) {
    let target = format!("{LEASES}/{}", lease_name());
    loop {
        let Ok(next) = clock.now().checked_add(RENEWAL) else {
            return;
        };
        clock.clone().until(next).await;
        let renewed = async {
            let mut lease = client.json("GET", &target, None).await?;
            lease["spec"]["renewTime"] = time::micros(clock.now()).into();
            client.json("PUT", &target, Some(&lease)).await
        };
        if let Err(failure) = renewed.await {
            tracing::debug!(%failure, "renewing the server's lease");
        }
    }
}
