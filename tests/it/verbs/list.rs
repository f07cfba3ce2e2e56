//! Lists: pages, versions, selectors, and what is refused.

use base64::Engine;
use serde_json::{Value, json};

use super::World;

const MAPS: &str = "/api/v1/namespaces/a/configmaps";

async fn world() -> World {
    let world = World::new();
    for (namespace, name, label) in [
        ("b", "other", "1"),
        ("a", "c", "1"),
        ("a", "a", "1"),
        ("a", "b", "2"),
    ] {
        world.create(namespace, name, label).await;
    }
    world
}

fn names(list: &Value) -> String {
    let items = list["items"].as_array().unwrap();
    let names = items
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap());
    names.collect::<Vec<_>>().join(" ")
}

async fn refused(world: &World, query: &str) -> String {
    let error = world.list(&format!("{MAPS}?{query}")).await.unwrap_err();
    format!("{} {}", error.code(), error.message())
}

#[tokio::test]
async fn a_list_has_its_objects_in_name_order_without_their_types() {
    let world = world().await;
    let list = world.list(MAPS).await.unwrap();
    assert_eq!(list["kind"], "ConfigMapList");
    assert_eq!(list["apiVersion"], "v1");
    assert_eq!(list["metadata"], json!({"resourceVersion": "5"}));
    assert_eq!(names(&list), "a b c");
    assert!(list["items"][1].get("kind").is_none());
    let all = world.list("/api/v1/configmaps").await.unwrap();
    assert_eq!(names(&all), "a b c other");
    let none = world
        .list("/api/v1/namespaces/none/configmaps")
        .await
        .unwrap();
    assert_eq!(none["items"], json!([]));
}

#[tokio::test]
async fn a_page_goes_on_where_the_last_one_ended_in_the_same_state() {
    let world = world().await;
    let first = world.list(&format!("{MAPS}?limit=1")).await.unwrap();
    assert_eq!(names(&first), "a");
    assert_eq!(first["metadata"]["remainingItemCount"], 2);
    world.delete("a", "c").await;
    world.create("a", "bb", "").await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    let second = world
        .list(&format!("{MAPS}?limit=1&continue={token}"))
        .await
        .unwrap();
    assert_eq!(names(&second), "b");
    assert_eq!(second["metadata"]["remainingItemCount"], 1);
    assert_eq!(second["metadata"]["resourceVersion"], "5");
    let token = second["metadata"]["continue"].as_str().unwrap();
    let rest = world
        .list(&format!("{MAPS}?continue={token}"))
        .await
        .unwrap();
    assert_eq!(names(&rest), "c");
    assert_eq!(rest["metadata"], json!({"resourceVersion": "5"}));
}

#[tokio::test]
async fn a_page_of_all_namespaces_goes_on_across_them() {
    let world = world().await;
    let mut token = String::new();
    let mut seen = Vec::new();
    for remaining in [json!(2), Value::Null] {
        let path = format!("/api/v1/configmaps?limit=2&continue={token}");
        let page = world.list(&path).await.unwrap();
        assert_eq!(page["metadata"]["remainingItemCount"], remaining);
        seen.push(names(&page));
        token = page["metadata"]["continue"]
            .as_str()
            .unwrap_or("")
            .to_owned();
    }
    assert_eq!(seen, ["a b", "c other"]);
}

#[tokio::test]
async fn a_page_with_selectors_does_not_say_how_many_remain() {
    let world = world().await;
    let page = |query: &str| format!("{MAPS}?limit=1&{query}");
    let first = world.list(&page("labelSelector=x=1")).await.unwrap();
    assert_eq!(names(&first), "a");
    assert!(first["metadata"].get("remainingItemCount").is_none());
    let token = first["metadata"]["continue"].as_str().unwrap();
    let next = page(&format!("labelSelector=x=1&continue={token}"));
    assert_eq!(names(&world.list(&next).await.unwrap()), "c");
    // Whatever comes after it could have been meant.
    let last = world.list(&page("labelSelector=x=2")).await.unwrap();
    assert!(last["metadata"]["continue"].is_string());
    let one = world
        .list(&page("fieldSelector=metadata.name=b"))
        .await
        .unwrap();
    assert_eq!(one["metadata"], json!({"resourceVersion": "5"}));
    assert_eq!(names(&one), "b");
}

#[tokio::test]
async fn the_token_is_the_one_the_real_server_makes() {
    let world = world().await;
    let list = world.list(&format!("{MAPS}?limit=2")).await.unwrap();
    let token = list["metadata"]["continue"].as_str().unwrap();
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let token = String::from_utf8(engine.decode(token).unwrap()).unwrap();
    assert_eq!(token, r#"{"v":"meta.k8s.io/v1","rv":5,"start":"/b\u0000"}"#);
}

#[tokio::test]
async fn an_expired_token_comes_with_one_that_goes_on_in_the_present() {
    let world = world().await;
    let first = world.list(&format!("{MAPS}?limit=1")).await.unwrap();
    let token = first["metadata"]["continue"].as_str().unwrap();
    world.create("a", "bb", "").await;
    world.compact();
    let path = format!("{MAPS}?continue={token}");
    let expired = world.list(&path).await.unwrap_err();
    let status = expired.to_status();
    assert_eq!(
        (expired.code(), &status["reason"]),
        (410, &json!("Expired"))
    );
    let token = status["metadata"]["continue"].as_str().unwrap();
    let rest = world
        .list(&format!("{MAPS}?continue={token}"))
        .await
        .unwrap();
    assert_eq!(names(&rest), "b bb c");
    assert_eq!(rest["metadata"]["resourceVersion"], "6");
}

#[tokio::test]
async fn a_version_may_be_asked_for_exactly_or_as_the_least() {
    let world = world().await;
    let at = |query: &str| format!("{MAPS}?resourceVersion={query}");
    for (query, expected) in [
        ("3&resourceVersionMatch=Exact", "c"),
        ("4&resourceVersionMatch=Exact&limit=1", "a"),
        ("4&limit=5", "a c"),
        ("3", "a b c"),
        ("3&resourceVersionMatch=NotOlderThan&limit=1", "a"),
        ("0&limit=1", "a b c"),
        ("0&resourceVersionMatch=NotOlderThan", "a b c"),
    ] {
        let list = world.list(&at(query)).await.unwrap();
        assert_eq!(names(&list), expected, "{query}");
    }
    world.compact();
    let old = "410 The resourceVersion for the provided list is too old.";
    assert_eq!(refused(&world, "resourceVersion=2&limit=1").await, old);
    let exact = "resourceVersion=2&resourceVersionMatch=Exact";
    assert_eq!(refused(&world, exact).await, old);
    assert!(world.list(&at("2")).await.is_ok());
}

#[tokio::test]
async fn a_version_that_is_not_there_yet_times_out() {
    let world = world().await;
    for query in [
        "resourceVersion=99",
        "resourceVersion=99&resourceVersionMatch=Exact",
        "resourceVersion=99&resourceVersionMatch=NotOlderThan",
        "resourceVersion=99&limit=1",
    ] {
        let error = world.list(&format!("{MAPS}?{query}")).await.unwrap_err();
        let status = error.to_status();
        assert_eq!(status["code"], 504);
        assert_eq!(
            status["message"],
            "Timeout: Too large resource version: 99, current: 5"
        );
        assert_eq!(status["details"]["retryAfterSeconds"], 1);
        let cause = &status["details"]["causes"][0];
        assert_eq!(cause["reason"], "ResourceVersionTooLarge");
    }
}

#[tokio::test]
async fn parameters_that_do_not_parse_are_refused_in_the_servers_words() {
    let world = world().await;
    for (query, expected) in [
        (
            "limit=abc",
            r#"400 strconv.ParseInt: parsing "abc": invalid syntax"#,
        ),
        (
            "limit=",
            r#"400 strconv.ParseInt: parsing "": invalid syntax"#,
        ),
        (
            "resourceVersion=abc",
            r#"400 invalid resource version: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax"#,
        ),
        (
            "labelSelector=x in 1",
            "400 unable to parse requirement: found '1' expected: '('",
        ),
        (
            "fieldSelector=data.x=1",
            r#"400 "data.x" is not a known field selector: only "metadata.name", "metadata.namespace""#,
        ),
        (
            "continue=abc",
            "400 invalid continue token: continue key is not valid: invalid character 'i' looking for beginning of value",
        ),
        (
            "continue=!!!",
            "400 invalid continue token: continue key is not valid: illegal base64 data at input byte 0",
        ),
        (
            "continue=e30",
            "400 invalid continue token: continue key is not valid: server does not recognize this encoded version ",
        ),
        (
            "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIuLi9hIn0",
            "400 invalid continue token: continue key is not valid: ../a",
        ),
    ] {
        assert_eq!(refused(&world, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn parameters_that_contradict_each_other_are_refused_with_every_cause() {
    let world = world().await;
    let invalid = r#"422 ListOptions.meta.k8s.io "" is invalid: "#;
    for (query, expected) in [
        (
            "resourceVersionMatch=Foo",
            r#"[resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided, resourceVersionMatch: Unsupported value: "Foo": supported values: "Exact", "NotOlderThan", ""]"#,
        ),
        (
            "resourceVersion=0&resourceVersionMatch=Exact",
            r#"resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0""#,
        ),
        (
            "sendInitialEvents=false",
            "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list",
        ),
    ] {
        assert_eq!(refused(&world, query).await, format!("{invalid}{expected}"));
    }
}

#[tokio::test]
async fn a_kind_with_fields_of_its_own_says_so_of_others() {
    let world = world().await;
    for (path, expected) in [
        (
            "/api/v1/nodes?fieldSelector=x=1",
            "field label not supported: x",
        ),
        (
            "/api/v1/nodes?fieldSelector=metadata.namespace=x",
            "field label not supported: metadata.namespace",
        ),
        (
            "/apis/events.k8s.io/v1/events?fieldSelector=involvedObject.kind=Pod",
            "field label not supported: involvedObject.kind",
        ),
    ] {
        let error = world.list(path).await.unwrap_err();
        assert_eq!(error.message(), expected);
    }
    let path = "/apis/events.k8s.io/v1/events?fieldSelector=regarding.kind=Pod";
    assert!(world.list(path).await.is_ok());
    let path = "/api/v1/persistentvolumes?fieldSelector=metadata.namespace=x";
    assert_eq!(names(&world.list(path).await.unwrap()), "");
}

#[tokio::test]
async fn a_namespace_may_be_selected_by_field() {
    let world = world().await;
    let path = "/api/v1/configmaps?fieldSelector=metadata.namespace=a";
    assert_eq!(names(&world.list(path).await.unwrap()), "a b c");
    let path = format!("{MAPS}?fieldSelector=metadata.namespace=b");
    assert_eq!(names(&world.list(&path).await.unwrap()), "");
    let path = "/api/v1/configmaps?fieldSelector=metadata.name!=a";
    assert_eq!(names(&world.list(path).await.unwrap()), "b c other");
}

#[tokio::test]
async fn a_kind_is_listed_in_the_version_asked_for() {
    let world = World::new();
    let path = "/apis/autoscaling/v2/namespaces/a/horizontalpodautoscalers";
    let scaler = |name: &str| {
        json!({
            "metadata": {"name": name},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"},
                "maxReplicas": 3,
            },
        })
    };
    for name in ["x", "y"] {
        let verb = mockernetes::registry::Verb::Create;
        world.ask(verb, path, &scaler(name)).await.unwrap();
    }
    let list = world
        .list("/apis/autoscaling/v1/namespaces/a/horizontalpodautoscalers")
        .await
        .unwrap();
    assert_eq!(list["apiVersion"], "autoscaling/v1");
    assert_eq!(names(&list), "x y");
    assert_eq!(list["items"][1]["spec"]["maxReplicas"], 3);
    assert!(list["items"][1].get("apiVersion").is_none());
}
