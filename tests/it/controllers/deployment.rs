//! `Deployment`: from one pod template to the next.

use std::time::Duration;

use mockernetes::Cluster;
use mockernetes::client::{Api, PatchKind};
use serde_json::{Value, json};

use super::workloads::{condition, events, pods, run_all};
use super::{items, living_cluster, template};

fn deployment(name: &str, replicas: i64) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": template(&json!({"app": name})),
        },
    })
}

fn api(cluster: &Cluster) -> Api {
    cluster
        .client()
        .api("apps/v1", "deployments")
        .namespace("default")
}

async fn replica_sets(cluster: &Cluster) -> Vec<Value> {
    let sets = cluster
        .client()
        .api("apps/v1", "replicasets")
        .namespace("default");
    items(&sets.list("").await.unwrap()).to_vec()
}

async fn change(cluster: &Cluster, name: &str, spec: &Value) {
    let patch = json!({"spec": spec});
    api(cluster)
        .patch(name, PatchKind::Strategic, &patch)
        .await
        .unwrap();
}

async fn set_image(cluster: &Cluster, name: &str, image: &str) {
    let containers = json!([{"name": "web", "image": image}]);
    change(
        cluster,
        name,
        &json!({"template": {"spec": {"containers": containers}}}),
    )
    .await;
}

#[tokio::test]
async fn a_deployment_becomes_available_and_says_so() {
    let cluster = living_cluster().await;
    api(&cluster).create(&deployment("web", 3)).await.unwrap();
    cluster.settle().await;
    let waiting = api(&cluster).get("web").await.unwrap();
    assert_eq!(waiting["status"]["unavailableReplicas"], 3);
    assert_eq!(
        condition(&waiting, "Available"),
        "False MinimumReplicasUnavailable"
    );
    assert_eq!(condition(&waiting, "Progressing"), "True ReplicaSetUpdated");
    run_all(&cluster, "web").await;
    let done = api(&cluster).get("web").await.unwrap();
    let sets = replica_sets(&cluster).await;
    let set = sets[0]["metadata"]["name"].as_str().unwrap();
    let time = "2026-01-01T00:00:00Z";
    assert_eq!(
        done["status"],
        json!({
            "observedGeneration": 1,
            "replicas": 3,
            "updatedReplicas": 3,
            "readyReplicas": 3,
            "availableReplicas": 3,
            "terminatingReplicas": 0,
            "conditions": [
                {
                    "type": "Available", "status": "True",
                    "lastUpdateTime": time, "lastTransitionTime": time,
                    "reason": "MinimumReplicasAvailable",
                    "message": "Deployment has minimum availability.",
                },
                {
                    "type": "Progressing", "status": "True",
                    "lastUpdateTime": time, "lastTransitionTime": time,
                    "reason": "NewReplicaSetAvailable",
                    "message": format!("ReplicaSet \"{set}\" has successfully progressed."),
                },
            ],
        })
    );
    assert_eq!(
        done["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        "1"
    );
    let told = format!("ScalingReplicaSet: Scaled up replica set {set} from 0 to 3");
    assert_eq!(events(&cluster, "web").await, [told]);
}

#[tokio::test]
async fn names_of_replica_sets_and_revisions_end_in_the_hash_of_the_template() {
    let cluster = living_cluster().await;
    let cases = include_str!("../../cases/controllers/template-hashes.json");
    let cases: Vec<Value> = serde_json::from_str(cases).unwrap();
    let client = cluster.client();
    let create = |plural: &'static str, kind: &'static str, spec: Value, name: String| {
        let api = client.api("apps/v1", plural).namespace("default");
        async move {
            let object = json!({
                "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec,
            });
            api.create(&object).await.unwrap();
        }
    };
    for case in &cases {
        let name = case["name"].as_str().unwrap().to_owned();
        let template = &case["template"];
        let selector = json!({"matchLabels": {"app": name}});
        let mut spec = json!({"replicas": 0, "selector": selector, "template": template});
        create("deployments", "Deployment", spec.clone(), name.clone()).await;
        spec["serviceName"] = "x".into();
        create("statefulsets", "StatefulSet", spec.clone(), name.clone()).await;
        let mut spec = json!({"selector": selector, "template": template});
        spec["template"]["spec"]["nodeSelector"]["nowhere"] = "x".into();
        create("daemonsets", "DaemonSet", spec, name).await;
    }
    cluster.settle().await;
    let sets = replica_sets(&cluster).await;
    let revisions = client
        .api("apps/v1", "controllerrevisions")
        .namespace("default");
    let revisions = revisions.list("").await.unwrap();
    let end = |object: &Value| {
        let name = object["metadata"]["name"].as_str().unwrap();
        name.rsplit('-').next().unwrap().to_owned()
    };
    let mut wrong = Vec::new();
    for case in &cases {
        let is_of = |object: &&Value, kind: &str| {
            let owner = &object["metadata"]["ownerReferences"][0];
            owner["name"] == case["name"] && owner["kind"] == kind
        };
        for (kind, field) in [("StatefulSet", "statefulSet"), ("DaemonSet", "daemonSet")] {
            let found = items(&revisions).iter().find(|one| is_of(one, kind));
            if case[field] != end(found.unwrap()) {
                wrong.push(format!("{} {field}", case["name"]));
            }
        }
        let found = sets.iter().find(|one| is_of(one, "Deployment"));
        if case["replicaSet"] != end(found.unwrap()) {
            wrong.push(format!("{} replicaSet", case["name"]));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test]
async fn a_rollout_goes_to_the_new_template_and_back() {
    let cluster = living_cluster().await;
    api(&cluster).create(&deployment("web", 4)).await.unwrap();
    run_all(&cluster, "web").await;
    set_image(&cluster, "web", "nginx:2").await;
    cluster.settle().await;
    // A quarter may be missing, a quarter too many.
    let sizes = |sets: Vec<Value>| {
        let mut sizes: Vec<i64> = sets
            .iter()
            .map(|set| set["spec"]["replicas"].as_i64().unwrap())
            .collect();
        sizes.sort_unstable();
        sizes
    };
    assert_eq!(sizes(replica_sets(&cluster).await), [2, 3]);
    run_all(&cluster, "web").await;
    assert_eq!(sizes(replica_sets(&cluster).await), [0, 4]);
    let images = pods(&cluster, "web").await;
    assert!(
        images
            .iter()
            .all(|pod| pod["spec"]["containers"][0]["image"] == "nginx:2")
    );
    set_image(&cluster, "web", "nginx").await;
    run_all(&cluster, "web").await;
    let sets = replica_sets(&cluster).await;
    assert_eq!(sets.len(), 2);
    let back = sets
        .iter()
        .find(|set| set["spec"]["replicas"] == 4)
        .unwrap();
    let annotations = &back["metadata"]["annotations"];
    assert_eq!(annotations["deployment.kubernetes.io/revision"], "3");
    assert_eq!(
        annotations["deployment.kubernetes.io/revision-history"],
        "1"
    );
    let done = api(&cluster).get("web").await.unwrap();
    assert_eq!(
        done["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        "3"
    );
}

#[tokio::test]
async fn old_replica_sets_go_beyond_the_history_limit() {
    let cluster = living_cluster().await;
    let mut web = deployment("web", 1);
    web["spec"]["revisionHistoryLimit"] = 1.into();
    api(&cluster).create(&web).await.unwrap();
    for image in ["nginx:2", "nginx:3", "nginx:4"] {
        run_all(&cluster, "web").await;
        set_image(&cluster, "web", image).await;
    }
    run_all(&cluster, "web").await;
    assert_eq!(replica_sets(&cluster).await.len(), 2);
}

#[tokio::test]
async fn to_recreate_is_to_wait_for_the_last_old_pod() {
    let cluster = living_cluster().await;
    let mut web = deployment("web", 2);
    web["spec"]["strategy"] = json!({"type": "Recreate"});
    api(&cluster).create(&web).await.unwrap();
    run_all(&cluster, "web").await;
    set_image(&cluster, "web", "nginx:2").await;
    cluster.settle().await;
    let told = events(&cluster, "web").await;
    let ways: Vec<&str> = told.iter().map(|one| &one[..30]).collect();
    assert_eq!(
        ways,
        [
            "ScalingReplicaSet: Scaled up r",
            "ScalingReplicaSet: Scaled down",
            "ScalingReplicaSet: Scaled up r",
        ]
    );
    assert_eq!(pods(&cluster, "web").await.len(), 2);
}

#[tokio::test]
async fn a_rollout_that_stands_still_is_reported_after_its_deadline() {
    let cluster = living_cluster().await;
    let mut web = deployment("web", 1);
    web["spec"]["progressDeadlineSeconds"] = 60.into();
    api(&cluster).create(&web).await.unwrap();
    cluster.advance(Duration::from_secs(59)).await;
    let waiting = api(&cluster).get("web").await.unwrap();
    assert_eq!(condition(&waiting, "Progressing"), "True ReplicaSetUpdated");
    cluster.advance(Duration::from_secs(3)).await;
    let late = api(&cluster).get("web").await.unwrap();
    assert_eq!(
        condition(&late, "Progressing"),
        "False ProgressDeadlineExceeded"
    );
}

#[tokio::test]
async fn a_paused_deployment_waits_with_its_rollout() {
    let cluster = living_cluster().await;
    api(&cluster).create(&deployment("web", 2)).await.unwrap();
    run_all(&cluster, "web").await;
    change(&cluster, "web", &json!({"paused": true})).await;
    set_image(&cluster, "web", "nginx:2").await;
    cluster.settle().await;
    assert_eq!(replica_sets(&cluster).await.len(), 1);
    let paused = api(&cluster).get("web").await.unwrap();
    assert_eq!(
        condition(&paused, "Progressing"),
        "Unknown DeploymentPaused"
    );
    change(&cluster, "web", &json!({"paused": false})).await;
    run_all(&cluster, "web").await;
    let done = api(&cluster).get("web").await.unwrap();
    assert_eq!(
        condition(&done, "Progressing"),
        "True NewReplicaSetAvailable"
    );
    assert_eq!(done["status"]["updatedReplicas"], 2);
}

#[tokio::test]
async fn scaling_in_the_middle_of_a_rollout_is_proportional() {
    let cluster = living_cluster().await;
    let mut web = deployment("web", 10);
    web["spec"]["strategy"] = json!({
        "type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2},
    });
    api(&cluster).create(&web).await.unwrap();
    run_all(&cluster, "web").await;
    set_image(&cluster, "web", "nginx:2").await;
    cluster.settle().await;
    change(&cluster, "web", &json!({"replicas": 15})).await;
    cluster.settle().await;
    // 8 old and 5 new of 13 become 11 and 7 of 18.
    let mut sizes: Vec<i64> = replica_sets(&cluster)
        .await
        .iter()
        .map(|set| set["spec"]["replicas"].as_i64().unwrap())
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [7, 11]);
}
