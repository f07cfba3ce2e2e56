//! `/-/`: settle, advance, and what waits for time.

use mockernetes::Cluster;
use mockernetes::auth::User;
use mockernetes::cluster::Builder;
use mockernetes::controllers::Selection;
use mockernetes::sim::Clock;
use serde_json::{Value, json};

fn living() -> Builder {
    Cluster::builder()
        .bare()
        .seed(1)
        .clock(Clock::virtual_at("2026-01-01T00:00:00Z".parse().unwrap()))
        .controllers(Selection::AllBut(Vec::new()))
}

/// Code and body of an answer.
async fn ask(cluster: &Cluster, method: &str, target: &str) -> (u16, Value) {
    match cluster.client().json(method, target, None).await {
        Ok(value) => (200, value),
        Err(failure) => (failure.code, failure.status),
    }
}

#[tokio::test]
async fn settle_says_what_waits_for_time_and_until_when() {
    let cluster = living().start().await.unwrap();
    let jobs = cluster
        .client()
        .api("batch/v1", "jobs")
        .namespace("default");
    let job = json!({"metadata": {"name": "a"}, "spec": {"activeDeadlineSeconds": 90,
        "template": {"spec": {"restartPolicy": "Never",
            "containers": [{"name": "c", "image": "i"}]}}}});
    jobs.create(&job).await.unwrap();
    let (code, found) = ask(&cluster, "POST", "/-/settle").await;
    assert_eq!(code, 200);
    assert_eq!(found["now"], "2026-01-01T00:00:00Z");
    assert_eq!(found["clock"], "virtual");
    let waits = json!({"until": "2026-01-01T00:01:30Z", "controller": "job-controller",
        "object": "jobs.batch default/a"});
    let waiting = found["waiting"].as_array().unwrap();
    assert!(waiting.contains(&waits), "{found}");
    assert_eq!(found["waitingCount"], waiting.len());
    assert_eq!(
        ask(&cluster, "GET", "/-/waiting").await.1["waiting"],
        found["waiting"]
    );
}

#[tokio::test]
async fn advance_takes_the_clock_through_all_that_falls_due() {
    let cluster = living().nodes(1).start().await.unwrap();
    let api = cluster
        .client()
        .api("batch/v1", "cronjobs")
        .namespace("default");
    let job = json!({"metadata": {"name": "a"}, "spec": {"schedule": "*/10 * * * *",
        "successfulJobsHistoryLimit": 100,
        "jobTemplate": {"spec": {"template": {"spec": {"restartPolicy": "Never",
            "containers": [{"name": "c", "image": "i"}]}}}}}});
    api.create(&job).await.unwrap();
    let (code, found) = ask(&cluster, "POST", "/-/advance?by=1h5m").await;
    assert_eq!((code, &found["now"]), (200, &json!("2026-01-01T01:05:00Z")));
    let jobs = cluster
        .client()
        .api("batch/v1", "jobs")
        .namespace("default");
    let list = jobs.list("").await.unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 6);
    let (_, found) = ask(&cluster, "POST", "/-/advance?to=2026-01-01T02:00:00Z").await;
    assert_eq!(found["now"], "2026-01-01T02:00:00Z");
}

#[tokio::test]
async fn a_clock_is_moved_only_where_that_means_something() {
    let cluster = living().start().await.unwrap();
    for (query, said) in [
        ("by=-5s", "time does not go back"),
        ("by=5", "expected a duration"),
        ("by=soon", "expected a duration"),
        ("to=2025-01-01T00:00:00Z", "time does not go back"),
        ("to=soon", "expected a time"),
        ("", "say how far"),
        ("by=1s&to=2027-01-01T00:00:00Z", "say how far"),
    ] {
        let (code, status) = ask(&cluster, "POST", &format!("/-/advance?{query}")).await;
        let message = status["message"].as_str().unwrap();
        assert!(
            code == 400 && message.contains(said),
            "{query}: {code} {message}"
        );
    }
    assert_eq!(ask(&cluster, "GET", "/-/advance?by=1s").await.0, 405);
    let of_wall = Cluster::builder().bare().start().await.unwrap();
    let (code, status) = ask(&of_wall, "POST", "/-/advance?by=1s").await;
    assert_eq!(code, 409);
    assert!(
        status["message"]
            .as_str()
            .unwrap()
            .contains("--clock virtual")
    );
    assert_eq!(ask(&of_wall, "POST", "/-/settle").await.1["clock"], "wall");
}

#[tokio::test]
async fn who_may_steer_is_decided_as_for_every_path_that_is_no_resource() {
    let rbac = mockernetes::auth::authorize::Mode::Rbac;
    let cluster = living().authorization(vec![rbac]).start().await.unwrap();
    let user = User {
        name: "jane".to_owned(),
        groups: vec!["system:authenticated".to_owned()],
        ..User::default()
    };
    let jane = cluster.client_as(user);
    let refused = jane
        .json("POST", "/-/advance?by=1s", None)
        .await
        .unwrap_err();
    assert_eq!(refused.code, 403);
    let rbac = |plural: &str| cluster.client().api("rbac.authorization.k8s.io/v1", plural);
    let role = json!({"metadata": {"name": "steerer"},
        "rules": [{"nonResourceURLs": ["/-/*"], "verbs": ["post"]}]});
    rbac("clusterroles").create(&role).await.unwrap();
    let binding = json!({"metadata": {"name": "steerer"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
            "name": "steerer"},
        "subjects": [{"kind": "User", "name": "jane", "apiGroup": "rbac.authorization.k8s.io"}]});
    rbac("clusterrolebindings").create(&binding).await.unwrap();
    let found = jane.json("POST", "/-/advance?by=1s", None).await.unwrap();
    assert_eq!(found["now"], "2026-01-01T00:00:01Z");
}
