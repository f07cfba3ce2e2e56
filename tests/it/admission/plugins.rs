//! The plugins that come with the server.

use mockernetes::admission::plugins::TABLE;
use mockernetes::client::PatchKind;
use serde_json::{Value, json};

use super::{PODS, pod};
use crate::support::{Fixture, cluster};

async fn label(cluster: &Fixture, labels: Value) {
    let patch = json!({"metadata": {"labels": labels}});
    let namespaces = cluster.client.api("v1", "namespaces");
    namespaces
        .patch("default", PatchKind::Merge, &patch)
        .await
        .unwrap();
}

#[test]
fn every_plugin_stands_in_the_table_once() {
    let mut names: Vec<&str> = TABLE.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), 39);
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 39);
    assert!(
        TABLE
            .iter()
            .all(|row| row.missing().is_none() || !row.is_default)
    );
}

#[tokio::test]
async fn a_restricted_namespace_says_everything_that_is_wrong_with_a_pod() {
    let cluster = cluster().await;
    label(
        &cluster,
        json!({"pod-security.kubernetes.io/enforce": "restricted"}),
    )
    .await;
    let failure = cluster
        .post(PODS, &pod("a", &json!({"hostNetwork": true})))
        .await
        .unwrap_err();
    assert_eq!(
        failure.message(),
        "pods \"a\" is forbidden: violates PodSecurity \"restricted:latest\": host namespaces \
         (hostNetwork=true), allowPrivilegeEscalation != false (container \"c\" must set \
         securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container \
         \"c\" must set securityContext.capabilities.drop=[\"ALL\"]), runAsNonRoot != true (pod \
         or container \"c\" must set securityContext.runAsNonRoot=true), seccompProfile (pod or \
         container \"c\" must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \
         \"Localhost\")"
    );
    let context = json!({
        "allowPrivilegeEscalation": false,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": true,
        "seccompProfile": {"type": "RuntimeDefault"},
    });
    let container = json!({"name": "c", "image": "i", "securityContext": context});
    let good = pod("a", &json!({"containers": [container]}));
    cluster.post(PODS, &good).await.unwrap();
}

#[tokio::test]
async fn labels_of_pod_security_must_make_sense() {
    let cluster = cluster().await;
    let namespace = json!({"metadata": {
        "name": "n",
        "labels": {
            "pod-security.kubernetes.io/enforce": "strict",
            "pod-security.kubernetes.io/warn-version": "1.2",
        },
    }});
    let failure = cluster
        .post("/api/v1/namespaces", &namespace)
        .await
        .unwrap_err();
    assert_eq!(failure.code, 422);
    assert_eq!(
        failure.message(),
        "Namespace \"n\" is invalid: \
         [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \"strict\": must \
         be one of privileged, baseline, restricted, \
         metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: \"1.2\": must \
         be \"latest\" or \"v1.x\"]"
    );
}

#[tokio::test]
async fn a_claim_and_an_ingress_without_a_class_get_the_newest_default() {
    let cluster = cluster().await;
    let classes = [
        (
            "/apis/storage.k8s.io/v1/storageclasses",
            json!({
                "metadata": {"name": "fast", "annotations": {
                    "storageclass.kubernetes.io/is-default-class": "true",
                }},
                "provisioner": "example.com/p",
            }),
        ),
        (
            "/apis/networking.k8s.io/v1/ingressclasses",
            json!({
                "metadata": {"name": "front", "annotations": {
                    "ingressclass.kubernetes.io/is-default-class": "true",
                }},
                "spec": {"controller": "example.com/c"},
            }),
        ),
    ];
    for (path, class) in classes {
        cluster.post(path, &class).await.unwrap();
    }
    let claim = json!({"metadata": {"name": "a"}, "spec": {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    }});
    let path = "/api/v1/namespaces/default/persistentvolumeclaims";
    let made = cluster.post(path, &claim).await.unwrap();
    assert_eq!(made["spec"]["storageClassName"], "fast");
    let ingress = json!({"metadata": {"name": "a"}, "spec": {
        "defaultBackend": {"service": {"name": "s", "port": {"number": 80}}},
    }});
    let path = "/apis/networking.k8s.io/v1/namespaces/default/ingresses";
    let made = cluster.post(path, &ingress).await.unwrap();
    assert_eq!(made["spec"]["ingressClassName"], "front");
}

#[tokio::test]
async fn only_a_bound_claim_grows() {
    let cluster = cluster().await;
    let path = "/api/v1/namespaces/default/persistentvolumeclaims";
    let claim = json!({"metadata": {"name": "a"}, "spec": {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "fast",
        "resources": {"requests": {"storage": "1Gi"}},
    }});
    let mut made = cluster.post(path, &claim).await.unwrap();
    made["spec"]["resources"]["requests"]["storage"] = "2Gi".into();
    let own = format!("{path}/a");
    let failure = cluster.ask("PUT", &own, &made).await.unwrap_err();
    assert!(
        failure.code == 422 || failure.code == 403,
        "{}",
        failure.message()
    );
}

#[tokio::test]
async fn a_pod_bears_the_zone_of_its_node() {
    let cluster = cluster().await;
    let node = json!({"metadata": {"name": "n", "labels": {
        "topology.kubernetes.io/zone": "z",
        "other": "o",
    }}});
    cluster.post("/api/v1/nodes", &node).await.unwrap();
    let made = cluster
        .post(PODS, &pod("a", &json!({"nodeName": "n"})))
        .await
        .unwrap();
    let labels = json!({"topology.kubernetes.io/zone": "z"});
    assert_eq!(made["metadata"]["labels"], labels);
    cluster.post(PODS, &pod("b", &json!({}))).await.unwrap();
    let binding = json!({
        "metadata": {"name": "b"},
        "target": {"kind": "Node", "name": "n"},
    });
    cluster
        .post(&format!("{PODS}/b/binding"), &binding)
        .await
        .unwrap();
    let pods = cluster.client.api("v1", "pods").namespace("default");
    assert_eq!(pods.get("b").await.unwrap()["metadata"]["labels"], labels);
}
