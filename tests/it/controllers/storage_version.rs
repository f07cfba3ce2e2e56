//! Migrations of what is stored, and what is published and removed beside.

use std::time::Duration;

use mockernetes::Cluster;
use serde_json::{Value, json};

use super::living_cluster;

async fn migrate(cluster: &Cluster, name: &str, group: &str, resource: &str) -> Value {
    let api = cluster
        .client()
        .api("storagemigration.k8s.io/v1", "storageversionmigrations");
    let resource = json!({"group": group, "resource": resource});
    let migration = json!({"metadata": {"name": name}, "spec": {"resource": resource}});
    api.create(&migration).await.unwrap();
    cluster.settle().await;
    api.get(name).await.unwrap()
}

#[tokio::test]
async fn a_migration_says_when_it_is_done() {
    let cluster = living_cluster().await;
    let maps = cluster
        .client()
        .api("v1", "configmaps")
        .namespace("default");
    for name in ["a", "b"] {
        maps.create(&json!({"metadata": {"name": name}}))
            .await
            .unwrap();
    }
    cluster.settle().await;
    let count = cluster
        .client()
        .api("v1", "configmaps")
        .list("")
        .await
        .unwrap();
    let count = count["items"].as_array().unwrap().len();
    let done = migrate(&cluster, "maps", "", "configmaps").await;
    assert!(done["status"]["resourceVersion"].is_string());
    let conditions = &done["status"]["conditions"];
    assert_eq!(conditions[0]["type"], "Running");
    let verified = format!("The migration is running, {count} objects verified migrated");
    assert_eq!(conditions[0]["message"], verified);
    assert_eq!(conditions[1]["type"], "Succeeded");
    assert_eq!(conditions[1]["reason"], "StorageVersionMigrationSucceeded");
    assert_eq!(conditions[1]["message"], "Migration completed");
}

#[tokio::test]
async fn a_migration_of_nothing_fails_after_a_minute() {
    let cluster = living_cluster().await;
    let waits = migrate(&cluster, "none", "example.com", "nones").await;
    assert_eq!(waits["status"], json!({}));
    assert!(cluster.advance(Duration::from_mins(1)).await);
    let api = cluster
        .client()
        .api("storagemigration.k8s.io/v1", "storageversionmigrations");
    let failed = api.get("none").await.unwrap();
    let condition = &failed["status"]["conditions"][0];
    assert_eq!(condition["type"], "Failed");
    assert_eq!(condition["message"], "resource does not exist in discovery");
}
