//! URLs as targets.

use mockernetes::registry::Verb;
use mockernetes::server::path::{BadPath, Location, decode, parse, query};

fn get(path: &str) -> Location {
    let (path, parameters) = path.split_once('?').unwrap_or((path, ""));
    parse("GET", path, &query(parameters)).unwrap()
}

/// `group/version namespace resource name subresource rest`, with `-` for what is empty.
fn shape(location: &Location) -> String {
    let target = &location.target;
    [
        &target.group,
        &target.version,
        &target.namespace,
        &target.resource,
        &target.name,
        &target.subresource,
        &target.rest,
    ]
    .map(|part| if part.is_empty() { "-" } else { part })
    .join(" ")
}

#[test]
fn paths_of_resources_name_their_parts() {
    for (path, expected) in [
        ("/api/v1/pods", "- v1 - pods - - -"),
        ("/api/v1/namespaces", "- v1 - namespaces - - -"),
        ("/api/v1/namespaces/shop", "- v1 - namespaces shop - -"),
        ("/api/v1/namespaces/shop/", "- v1 - namespaces shop - -"),
        (
            "/api/v1/namespaces/shop/status",
            "- v1 - namespaces shop status -",
        ),
        (
            "/api/v1/namespaces/shop/finalize",
            "- v1 - namespaces shop finalize -",
        ),
        ("/api/v1/namespaces/shop/pods", "- v1 shop pods - - -"),
        ("/api/v1/namespaces/shop/pods/web", "- v1 shop pods web - -"),
        (
            "/api/v1/namespaces/shop/pods/web/log",
            "- v1 shop pods web log -",
        ),
        (
            "/api/v1/namespaces/shop/pods/web/proxy/a/b",
            "- v1 shop pods web proxy a/b",
        ),
        (
            "/apis/apps/v1/namespaces/shop/deployments/web/scale",
            "apps v1 shop deployments web scale -",
        ),
        (
            "/apis/apps/v1/watch/namespaces/shop/deployments/web",
            "apps v1 shop deployments web - -",
        ),
    ] {
        let location = get(path);
        assert!(location.is_resource && location.is_routable, "{path}");
        assert_eq!(shape(&location), expected, "{path}");
    }
}

#[test]
fn documents_are_no_resources() {
    for path in [
        "/",
        "/api",
        "/api/v1",
        "/api/v1/",
        "/apis/apps/v1",
        "/healthz",
        "/apis//apps",
    ] {
        assert!(!get(path).is_resource, "{path}");
        assert_eq!(get(path).action, "get");
    }
}

#[test]
fn odd_slashes_lead_nowhere_but_still_name_what_rights_are_checked_for() {
    let location = get("/api/v1/namespaces//pods");
    assert!(location.is_routable && location.names_no_namespace);
    let location = get("/api/v1//namespaces/shop/pods");
    assert!(location.is_resource && !location.is_routable);
    assert!(!get("//api/v1/pods").is_routable);
    assert!(!get("/api/v1/namespaces/shop/pods/web/status/more").is_routable);
}

#[test]
fn the_method_and_the_query_make_the_verb() {
    let verb = |method: &str, path: &str| {
        let (path, parameters) = path.split_once('?').unwrap_or((path, ""));
        parse(method, path, &query(parameters)).unwrap().verb
    };
    assert_eq!(verb("GET", "/api/v1/pods"), Some(Verb::List));
    assert_eq!(verb("GET", "/api/v1/pods?watch=1"), Some(Verb::Watch));
    assert_eq!(verb("GET", "/api/v1/pods?watch"), Some(Verb::Watch));
    assert_eq!(verb("GET", "/api/v1/pods?watch=False"), Some(Verb::List));
    assert_eq!(verb("GET", "/api/v1/watch/pods"), Some(Verb::Watch));
    assert_eq!(verb("POST", "/api/v1/watch/pods"), None);
    assert_eq!(verb("GET", "/api/v1/nodes/a?watch=1"), Some(Verb::Get));
    assert_eq!(
        verb("DELETE", "/api/v1/nodes"),
        Some(Verb::DeleteCollection)
    );
    assert_eq!(verb("DELETE", "/api/v1/nodes/a"), Some(Verb::Delete));
    assert_eq!(verb("HEAD", "/api/v1/nodes/a"), None);
    assert_eq!(verb("OPTIONS", "/api/v1/nodes/a"), None);
}

#[test]
fn a_watch_of_nothing_is_not_understood() {
    assert_eq!(
        parse("GET", "/api/v1/watch/", &[]),
        Err(BadPath::NothingAfterVerb)
    );
}

#[test]
fn escapes_are_resolved_and_malformed_ones_refused() {
    assert_eq!(decode("/a%20b%2Fc").as_deref(), Some("/a b/c"));
    assert_eq!(decode("/a%2"), None);
    assert_eq!(decode("/a%zz"), None);
    let pairs = query("labelSelector=a%3Db+c&flag&bad=%zz&x=1;2");
    assert_eq!(
        pairs,
        [
            ("labelSelector".to_owned(), "a=b c".to_owned()),
            ("flag".to_owned(), String::new())
        ]
    );
}
