//! What kubelets may do.

use mockernetes::auth::{User, authorize};
use mockernetes::cluster::Cluster;
use serde_json::json;

use super::{create, outcome};
use crate::support::{Fixture, start};

/// A pod on the node n1 that refers to this and that.
async fn with_pod() -> Fixture {
    let modes = vec![authorize::Mode::Node, authorize::Mode::Rbac];
    let fixture = start(Cluster::builder().authorization(modes)).await;
    let pod = json!({
        "metadata": {"name": "p"},
        "spec": {
            "nodeName": "n1",
            "serviceAccountName": "default",
            "containers": [{
                "name": "c", "image": "i", "envFrom": [{"secretRef": {"name": "used"}}],
            }],
            "volumes": [
                {"name": "a", "persistentVolumeClaim": {"claimName": "claim"}},
                {"name": "b", "configMap": {"name": "used"}},
            ],
        },
    });
    create(&fixture, "/api/v1/namespaces/default/pods", &pod).await;
    for name in ["used", "unused", "of-volume"] {
        let secret = json!({"metadata": {"name": name}});
        create(&fixture, "/api/v1/namespaces/default/secrets", &secret).await;
    }
    let volume = json!({
        "metadata": {"name": "v"},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "claimRef": {"namespace": "default", "name": "claim"},
            "csi": {
                "driver": "d.example", "volumeHandle": "h",
                "nodePublishSecretRef": {"namespace": "default", "name": "of-volume"},
            },
        },
    });
    create(&fixture, "/api/v1/persistentvolumes", &volume).await;
    fixture
}

fn kubelet(node: &str) -> User {
    User {
        name: format!("system:node:{node}"),
        groups: vec!["system:nodes".to_owned(), "system:authenticated".to_owned()],
        ..User::default()
    }
}

#[tokio::test]
async fn a_kubelet_reads_what_its_pods_refer_to() {
    let fixture = with_pod().await;
    let secrets = "/api/v1/namespaces/default/secrets";
    for (node, path, code) in [
        ("n1", format!("{secrets}/used"), 200),
        ("n1", format!("{secrets}/of-volume"), 200),
        ("n1", format!("{secrets}/unused"), 403),
        ("n1", secrets.to_owned(), 403),
        ("n2", format!("{secrets}/used"), 403),
        ("n1", "/api/v1/persistentvolumes/v".to_owned(), 200),
        ("n2", "/api/v1/persistentvolumes/v".to_owned(), 403),
        ("n1", "/api/v1/namespaces/default/pods/p".to_owned(), 200),
        ("n1", "/api/v1/pods".to_owned(), 403),
        (
            "n1",
            "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1".to_owned(),
            200,
        ),
        (
            "n1",
            "/api/v1/pods?fieldSelector=spec.nodeName%3Dn2".to_owned(),
            403,
        ),
        ("n1", "/api/v1/services".to_owned(), 200),
        ("n1", "/apis/apps/v1/deployments".to_owned(), 403),
    ] {
        let client = fixture.cluster.client_as(kubelet(node));
        let (found, message) = outcome(&client, "GET", &path).await;
        assert_eq!(found, code, "{node} {path}: {message}");
    }
}

#[tokio::test]
async fn a_refusal_to_a_kubelet_says_what_it_may_read() {
    let fixture = with_pod().await;
    let client = fixture.cluster.client_as(kubelet("n1"));
    assert_eq!(
        outcome(&client, "GET", "/api/v1/nodes/n2").await.1,
        "nodes \"n2\" is forbidden: User \"system:node:n1\" cannot get resource \"nodes\" in API \
         group \"\" at the cluster scope: node: node 'n1' cannot read 'n2', only its own Node \
         object"
    );
    let path = "/api/v1/namespaces/default/secrets/unused";
    assert_eq!(
        outcome(&client, "GET", path).await.1,
        "secrets \"unused\" is forbidden: User \"system:node:n1\" cannot get resource \"secrets\" \
         in API group \"\" in the namespace \"default\": node: no relationship found between node \
         'n1' and this object"
    );
}
