//! Watches: where they begin, what they show, when they mark their place, how they end.

use serde_json::{Value, json};

use super::{Events, World, config_maps};

const MAPS: &str = "/api/v1/namespaces/a/configmaps";

async fn refused(world: &World, query: &str) -> String {
    match world.watch(&format!("{MAPS}?{query}")).await {
        Ok(_) => panic!("not refused"),
        Err(error) => format!("{} {}", error.code(), error.message()),
    }
}

/// A watch of the maps of namespace `a`.
async fn watching(world: &World, query: &str) -> Events {
    world.watch(&format!("{MAPS}?{query}")).await.unwrap()
}

#[tokio::test]
async fn a_watch_from_a_version_shows_every_change_after_it() {
    let world = World::new();
    world.create("a", "x", "1").await;
    let mut events = watching(&world, "resourceVersion=1").await;
    assert_eq!(events.now(), ["ADDED x@2"]);
    world.relabel("a", "x", "2").await;
    world.create("b", "other", "1").await;
    world.delete("a", "x").await;
    assert_eq!(events.now(), ["MODIFIED x@3", "DELETED x@5"]);
    let mut late = watching(&world, "resourceVersion=3").await;
    assert_eq!(late.now(), ["DELETED x@5"]);
}

#[tokio::test]
async fn events_carry_the_whole_object_with_its_type() {
    let world = World::new();
    world.create("a", "x", "1").await;
    let mut events = watching(&world, "resourceVersion=1").await;
    let event = &events.now_in_full()[0];
    assert_eq!(event["object"]["kind"], "ConfigMap");
    assert_eq!(event["object"]["apiVersion"], "v1");
    assert_eq!(event["object"]["metadata"]["labels"], json!({"x": "1"}));
}

#[tokio::test]
async fn a_watch_from_anywhere_begins_with_what_exists() {
    let world = World::new();
    world.create("a", "y", "1").await;
    world.create("a", "x", "1").await;
    world.create("a", "gone", "1").await;
    world.delete("a", "gone").await;
    for query in [
        "",
        "resourceVersion=0",
        "sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
    ] {
        let mut events = watching(&world, query).await;
        assert_eq!(events.now(), ["ADDED x@3", "ADDED y@2"], "{query}");
    }
    let query = "sendInitialEvents=false&resourceVersionMatch=NotOlderThan";
    let mut events = watching(&world, query).await;
    assert_eq!(events.now(), [""; 0]);
    world.create("a", "z", "1").await;
    assert_eq!(events.now(), ["ADDED z@6"]);
}

#[tokio::test]
async fn a_bookmark_marks_the_end_of_what_exists() {
    let world = World::new();
    world.create("a", "x", "1").await;
    world.create("b", "other", "1").await;
    for query in [
        "allowWatchBookmarks=true",
        "allowWatchBookmarks=true&resourceVersion=0",
        "allowWatchBookmarks=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=2",
    ] {
        let mut events = watching(&world, query).await;
        let seen = events.now_in_full();
        let told: Vec<_> = seen.iter().map(super::told).collect();
        assert_eq!(
            told,
            ["ADDED x@2", "BOOKMARK @3 initial-events-end"],
            "{query}"
        );
        assert_eq!(
            seen[1]["object"],
            json!({
                "kind": "ConfigMap",
                "apiVersion": "v1",
                "metadata": {
                    "resourceVersion": "3",
                    "annotations": {"k8s.io/initial-events-end": "true"},
                },
            })
        );
    }
}

#[tokio::test]
async fn a_bookmark_of_a_built_in_kind_is_its_empty_struct() {
    let world = World::new();
    let query = "allowWatchBookmarks=true";
    let mut events = world.watch(&format!("/api/v1/pods?{query}")).await.unwrap();
    let object = events.now_in_full()[0]["object"].clone();
    assert_eq!(object["spec"], json!({"containers": null}));
    assert_eq!(object["status"], json!({}));
}

#[tokio::test]
async fn bookmarks_come_every_minute_and_just_before_the_end() {
    let world = World::new();
    let query = "resourceVersion=1&allowWatchBookmarks=true&timeoutSeconds=100";
    let mut events = watching(&world, query).await;
    world.create("b", "other", "1").await;
    world.advance(59);
    assert_eq!(events.now(), [""; 0]);
    world.advance(1);
    assert_eq!(events.now(), ["BOOKMARK @2"]);
    world.create("a", "x", "1").await;
    world.advance(37);
    assert_eq!(events.now(), ["ADDED x@3"]);
    world.advance(1);
    assert_eq!(events.now(), ["BOOKMARK @3"]);
    assert!(!events.has_ended());
    world.advance(2);
    assert!(events.has_ended());
}

#[tokio::test]
async fn a_bookmark_that_says_nothing_new_is_not_sent() {
    let world = World::new();
    world.create("a", "x", "1").await;
    let query = "resourceVersion=2&allowWatchBookmarks=true";
    let mut events = watching(&world, query).await;
    world.advance(60);
    assert_eq!(events.now(), [""; 0]);
}

#[tokio::test]
async fn nobody_gets_bookmarks_unasked() {
    let world = World::new();
    let mut events = watching(&world, "resourceVersion=1").await;
    world.create("b", "other", "1").await;
    world.advance(120);
    assert_eq!(events.now(), [""; 0]);
}

#[tokio::test]
async fn a_watch_ends_after_its_timeout_or_within_an_hour() {
    let world = World::new();
    let mut short = watching(&world, "timeoutSeconds=5").await;
    let mut long = world.watch(MAPS).await.unwrap();
    world.advance(4);
    assert!(!short.has_ended());
    world.advance(1);
    assert!(short.has_ended());
    world.advance(1700);
    assert!(!long.has_ended());
    world.advance(1900);
    assert!(long.has_ended());
}

#[tokio::test]
async fn what_comes_into_a_selection_is_added_and_what_leaves_it_deleted_as_it_was() {
    let world = World::new();
    world.create("a", "x", "1").await;
    let query = "labelSelector=x=2&resourceVersion=1";
    let mut events = watching(&world, query).await;
    world.relabel("a", "x", "2").await;
    world.relabel("a", "x", "3").await;
    world.create("a", "never", "1").await;
    world.relabel("a", "x", "2").await;
    world.delete("a", "x").await;
    let seen = events.now_in_full();
    let told: Vec<_> = seen.iter().map(super::told).collect();
    assert_eq!(
        told,
        ["ADDED x@3", "DELETED x@4", "ADDED x@6", "DELETED x@7"]
    );
    assert_eq!(seen[1]["object"]["metadata"]["labels"]["x"], "2");
}

#[tokio::test]
async fn one_object_may_be_watched() {
    let world = World::new();
    let query = "fieldSelector=metadata.name=x&resourceVersion=1";
    let mut one = watching(&world, query).await;
    let mut every = world
        .watch(&format!("/api/v1/configmaps?{query}"))
        .await
        .unwrap();
    world.create("a", "x", "1").await;
    world.create("a", "y", "1").await;
    world.create("b", "x", "1").await;
    assert_eq!(one.now(), ["ADDED x@2"]);
    assert_eq!(every.now(), ["ADDED x@2", "ADDED x@4"]);
}

#[tokio::test]
async fn a_watch_from_a_forgotten_version_says_expired_and_ends() {
    let world = World::new();
    world.create("a", "x", "1").await;
    world.create("a", "y", "1").await;
    world.compact();
    let mut events = watching(&world, "resourceVersion=2").await;
    assert_eq!(events.now(), ["ERROR 410 too old resource version: 2 (3)"]);
    assert!(events.has_ended());
    assert!(
        world
            .store
            .watch(
                &mockernetes::storage::Scope {
                    resource: config_maps(),
                    namespace: None,
                    name: None
                },
                mockernetes::storage::Revision(3),
            )
            .is_ok()
    );
}

#[tokio::test]
async fn a_watch_from_a_future_version_waits_for_what_comes_after_it() {
    let world = World::new();
    let mut events = watching(&world, "resourceVersion=3").await;
    for name in ["x", "y", "z"] {
        world.create("a", name, "1").await;
    }
    assert_eq!(events.now(), ["ADDED z@4"]);
    let query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=9";
    let mut events = watching(&world, query).await;
    let expected = "ERROR 504 Timeout: Too large resource version: 9, current: 4";
    assert_eq!(events.now(), [expected]);
    assert!(events.has_ended());
}

#[tokio::test]
async fn parameters_are_refused_in_the_servers_words() {
    let world = World::new();
    let invalid = r#"422 ListOptions.meta.k8s.io "" is invalid: "#;
    for (query, expected) in [
        (
            "resourceVersion=abc",
            r#"500 resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax"#.to_owned(),
        ),
        (
            "sendInitialEvents=true",
            format!("{invalid}resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"),
        ),
        (
            "resourceVersionMatch=Exact&resourceVersion=1",
            format!(r#"{invalid}[resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided, resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"]"#),
        ),
        (
            "continue=abc",
            format!("{invalid}resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided"),
        ),
    ] {
        assert_eq!(refused(&world, query).await, expected, "{query}");
    }
}

/// Recorded from a real server: what a bookmark of each kind holds beside its metadata.
#[tokio::test]
async fn bookmarks_of_every_kind_are_those_of_the_real_server() {
    let world = World::new();
    let mut wrong = Vec::new();
    for line in include_str!("../../cases/watch/bookmarks.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let path = case["path"].as_str().unwrap();
        let query = "allowWatchBookmarks=true";
        let mut events = world.watch(&format!("{path}?{query}")).await.unwrap();
        let mut object = events.now_in_full()[0]["object"].clone();
        for name in ["metadata", "kind", "apiVersion"] {
            object.as_object_mut().unwrap().remove(name);
        }
        if object != case["object"] {
            wrong.push(format!(
                "{path}\n  real {}\n  ours {object}",
                case["object"]
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
