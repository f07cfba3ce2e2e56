//! Claims, hydration before a pod runs, and what stays when it is gone.

use serde_json::json;

use super::{NAMESPACE, Platform, claim, deployment};

#[tokio::test]
async fn test_creates_pvc_with_correct_storage_class() {
    let platform = Platform::start().await;
    let own = claim("source", "ReadWriteMany");
    let created = platform.create("v1", "persistentvolumeclaims", own).await;
    assert_eq!(created["spec"]["storageClassName"], "project-storage");
    assert_eq!(created["spec"]["accessModes"], json!(["ReadWriteMany"]));
}

#[tokio::test]
async fn test_creates_valid_init_container() {
    let platform = Platform::start().await;
    platform.deploy(1).await;
    let pod = platform.pod("web").await;
    assert_eq!(pod["spec"]["initContainers"][0]["name"], "hydrate");
    let ended = &pod["status"]["initContainerStatuses"][0]["state"]["terminated"];
    assert_eq!(ended["exitCode"], 0);
    assert_eq!(ended["reason"], "Completed");
}

#[tokio::test]
async fn test_download_project_downloads_and_extracts() {
    let platform = Platform::start().await;
    platform.deploy(1).await;
    let ran = platform.sh("web", "ls -A; cat package.json").await;
    assert_eq!(ran.out, "package.json\nsrc\n{\"name\": \"demo\"}\n");
}

#[tokio::test]
async fn test_upload_project_compresses_and_uploads() {
    let platform = Platform::start().await;
    platform.deploy(1).await;
    let pack = "echo one > src/a; tar czf - src package.json | base64 -w0";
    let packed = platform.sh("web", pack).await.out;
    let unpack = [
        "sh",
        "-c",
        "mkdir /tmp/o && base64 -d | tar xzf - -C /tmp/o && cat /tmp/o/src/a",
    ];
    let ran = platform
        .run("web", "sidecar", &unpack, packed.as_bytes())
        .await;
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("one\n", ""));
}

#[tokio::test]
async fn test_prestop_hook_compresses_and_uploads() {
    let platform = Platform::start().await;
    platform.deploy(1).await;
    platform.sh("web", "echo kept > src/kept").await;
    platform.scale("web", 0).await;
    platform.scale("web", 1).await;
    let ran = platform.sh("web", "tar tzf .snapshot.tgz | sort").await;
    assert_eq!(ran.out, "package.json\nsrc/\nsrc/kept\n", "{}", ran.err);
}

#[tokio::test]
async fn test_scale_to_zero_and_back_keeps_files() {
    let platform = Platform::start().await;
    platform.deploy(1).await;
    platform
        .sh("web", "echo mine > src/mine; echo gone > /tmp/gone")
        .await;
    platform.scale("web", 0).await;
    assert!(platform.list("v1", "pods", "").await.is_empty());
    platform.scale("web", 1).await;
    let ran = platform.sh("web", "cat src/mine; cat /tmp/gone").await;
    assert_eq!(ran.out, "mine\n");
    assert_eq!(ran.err, "cat: /tmp/gone: No such file or directory\n");
}

#[tokio::test]
async fn test_creates_shared_pvc_for_source_code() {
    let platform = Platform::start().await;
    platform.deploy(1).await;
    platform.run_deployment(deployment("worker", 1)).await;
    platform.sh("web", "echo from-web > src/f").await;
    assert_eq!(platform.sh("worker", "cat src/f").await.out, "from-web\n");
}

#[tokio::test]
async fn test_creates_deployment_for_each_container() {
    let platform = Platform::start().await;
    platform.deploy(1).await;
    platform.run_deployment(deployment("api", 2)).await;
    let deployments = platform.list("apps/v1", "deployments", "").await;
    let ready: Vec<(&str, Option<u64>)> = deployments
        .iter()
        .map(|one| {
            let name = one["metadata"]["name"].as_str().unwrap();
            (name, one["status"]["readyReplicas"].as_u64())
        })
        .collect();
    assert_eq!(ready, [("api", Some(2)), ("web", Some(1))]);
}

#[tokio::test]
async fn a_claim_that_is_made_again_is_empty() {
    let platform = Platform::start().await;
    platform.deploy(1).await;
    platform.sh("web", "echo mine > src/mine").await;
    let client = platform.cluster.client();
    let deployments = client.api("apps/v1", "deployments").namespace(NAMESPACE);
    deployments.delete("web").await.unwrap();
    platform.pass().await;
    let claims = client
        .api("v1", "persistentvolumeclaims")
        .namespace(NAMESPACE);
    claims.delete("source").await.unwrap();
    platform.pass().await;
    assert_eq!(claims.get("source").await.unwrap_err().code, 404);
    platform.deploy(1).await;
    let ran = platform.sh("web", "ls -A . src").await;
    assert_eq!(ran.out, ".:\npackage.json\nsrc\n\nsrc:\n", "{}", ran.err);
}

#[tokio::test]
async fn test_postgres_has_dedicated_pvc() {
    let platform = Platform::start().await;
    let own = claim("postgres", "ReadWriteOnce");
    platform.create("v1", "persistentvolumeclaims", own).await;
    let mut postgres = deployment("postgres", 1);
    let volumes = json!([{
        "name": "source",
        "persistentVolumeClaim": {"claimName": "postgres"},
    }]);
    postgres["spec"]["template"]["spec"]["volumes"] = volumes;
    platform.run_deployment(postgres).await;
    platform.deploy(1).await;
    platform.sh("postgres", "echo rows > /app/table").await;
    assert_eq!(
        platform.sh("web", "ls /app").await.out,
        "package.json\nsrc\n"
    );
}

#[tokio::test]
async fn test_namespace_cleanup_removes_everything() {
    let platform = Platform::start().await;
    platform.deploy(1).await;
    let namespaces = platform.cluster.client().api("v1", "namespaces");
    namespaces.delete(NAMESPACE).await.unwrap();
    platform.cluster.settle().await;
    platform
        .cluster
        .advance(std::time::Duration::from_mins(2))
        .await;
    platform.cluster.settle().await;
    assert!(namespaces.get(NAMESPACE).await.is_err());
    assert!(platform.list("v1", "pods", "").await.is_empty());
}
