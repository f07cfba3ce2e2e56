//! A cluster as an embedder starts it.

mod determinism;
mod steer;

use mockernetes::Cluster;
use mockernetes::sim::Clock;

use crate::support::{cluster, start};

#[tokio::test]
async fn a_new_cluster_holds_what_a_real_one_holds() {
    let cluster = Cluster::builder().start().await.unwrap();
    let count = |api_version: &'static str, plural: &'static str| {
        let client = cluster.client();
        async move {
            let list = client.api(api_version, plural).list("").await.unwrap();
            list["items"].as_array().unwrap().len()
        }
    };
    let rbac = "rbac.authorization.k8s.io/v1";
    assert_eq!(count("v1", "namespaces").await, 4);
    assert_eq!(count(rbac, "clusterroles").await, 73);
    assert_eq!(count(rbac, "clusterrolebindings").await, 54);
    assert_eq!(count(rbac, "roles").await, 7);
    assert_eq!(count("scheduling.k8s.io/v1", "priorityclasses").await, 2);
    assert_eq!(
        count("flowcontrol.apiserver.k8s.io/v1", "flowschemas").await,
        11
    );
    assert_eq!(count("apiregistration.k8s.io/v1", "apiservices").await, 22);
    let cidrs = cluster.client().api("networking.k8s.io/v1", "servicecidrs");
    let cidr = cidrs.get("kubernetes").await.unwrap();
    assert_eq!(cidr["status"]["conditions"][0]["status"], "True");
    let services = cluster.client().api("v1", "services").namespace("default");
    let service = services.get("kubernetes").await.unwrap();
    assert_eq!(service["spec"]["clusterIP"], "10.0.0.1");
    assert_eq!(count("networking.k8s.io/v1", "ipaddresses").await, 1);
    let leases = cluster.client().api("coordination.k8s.io/v1", "leases");
    let leases = leases.namespace("kube-system").list("").await.unwrap();
    let lease = &leases["items"][0];
    let peer = &lease["metadata"]["annotations"]["kubernetes.io/peer-advertise-address"];
    assert_eq!(peer, "127.0.0.1:6443");
    // The name is made of the machine's.
    let name = "apiserver-jhgnhnzg5cxvucglbqksppa7zg";
    assert_eq!(
        lease["metadata"]["name"].as_str().map(str::len),
        Some(name.len())
    );
}

#[tokio::test]
async fn two_clusters_of_one_seed_and_clock_write_the_same_bytes() {
    let mut written = Vec::new();
    for _ in 0..2 {
        let clock = Clock::virtual_at("2026-01-01T00:00:00Z".parse().unwrap());
        let fixture = start(Cluster::builder().clock(clock)).await;
        fixture.config_map("default", "a").await;
        let target = "/api/v1/namespaces/default/configmaps/a";
        let reply = fixture.client.request("GET", target, &[], "").await;
        written.push(reply.into_bytes().await);
    }
    assert_eq!(written[0], written[1]);
}

#[tokio::test]
async fn a_manifest_of_many_documents_is_applied_in_the_order_it_needs() {
    let fixture = cluster().await;
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: shop}\n\
                    data: {x: '1'}\n---\n# nothing\n---\napiVersion: v1\nkind: List\nitems:\n\
                    - {apiVersion: v1, kind: Namespace, metadata: {name: shop}}\n";
    fixture.cluster.apply_manifest(manifest).await.unwrap();
    let changed = manifest.replace("x: '1'", "x: '2'");
    fixture.cluster.apply_manifest(&changed).await.unwrap();
    let config_maps = fixture.client.api("v1", "configmaps").namespace("shop");
    assert_eq!(config_maps.get("a").await.unwrap()["data"]["x"], "2");
}

#[tokio::test]
async fn a_manifest_that_is_refused_says_what_and_why() {
    let fixture = cluster().await;
    let refused = |manifest: &'static str| {
        let cluster = &fixture.cluster;
        async move {
            cluster
                .apply_manifest(manifest)
                .await
                .unwrap_err()
                .to_string()
        }
    };
    let text = refused("apiVersion: v1\nkind: Nope\nmetadata: {name: a}\n").await;
    assert_eq!(
        text,
        "manifest: document 1: Nope \"a\": v1 Nope is not served; is its CustomResourceDefinition \
         missing?"
    );
    let text = refused("apiVersion: v1\nkind: Namespace\nmetadata: {name: A_}\n").await;
    assert!(
        text.starts_with(
            "manifest: document 1: Namespace \"A_\" was refused: Namespace \"A_\" is invalid"
        ),
        "{text}"
    );
    let text = refused("a: b: c\n").await;
    assert!(
        text.starts_with("manifest: neither YAML nor JSON: "),
        "{text}"
    );
}

#[tokio::test]
async fn a_definition_and_its_resources_come_from_one_manifest() {
    let fixture = cluster().await;
    let manifest = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\nspec: {size: 3}\n\
        ---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n\
        metadata: {name: things.example.com}\nspec:\n  group: example.com\n  scope: Namespaced\n  \
        names: {plural: things, kind: Thing, singular: thing}\n  versions:\n  \
        - name: v1\n    served: true\n    storage: true\n    schema:\n      openAPIV3Schema:\n        \
        type: object\n        properties:\n          spec:\n            type: object\n            \
        properties: {size: {type: integer}}\n";
    fixture.cluster.apply_manifest(manifest).await.unwrap();
    let things = fixture
        .client
        .api("example.com/v1", "things")
        .namespace("default");
    assert_eq!(things.get("a").await.unwrap()["spec"]["size"], 3);
}
