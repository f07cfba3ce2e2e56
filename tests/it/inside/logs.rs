//! What containers wrote.

use std::time::Duration;

use futures_util::StreamExt;
use mockernetes::Cluster;
use mockernetes::client::ReplyBody;
use mockernetes::runtime::logs::Stream;
use serde_json::{Value, json};

use super::{cluster, path, pod, with_pod};
use crate::support::raw;

async fn read(cluster: &Cluster, query: &str) -> (u16, String) {
    let target = path(&format!("log?{query}"));
    let reply = cluster.client().request("GET", &target, &[], "").await;
    let ReplyBody::Whole(body) = reply.body else {
        panic!("a stream");
    };
    (reply.code, String::from_utf8(body.to_vec()).unwrap())
}

async fn lines(cluster: &Cluster, query: &str) -> String {
    let (code, text) = read(cluster, query).await;
    assert_eq!(code, 200, "{text}");
    text
}

async fn message(cluster: &Cluster, query: &str) -> (u16, String) {
    let (code, text) = read(cluster, query).await;
    let status: Value = serde_json::from_str(&text).unwrap();
    (code, status["message"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_container_of_which_nothing_is_said_wrote_one_line() {
    let cluster = cluster().await;
    for container in ["web", "side"] {
        let text = lines(&cluster, &format!("container={container}")).await;
        assert_eq!(
            text,
            format!("Mock logs for pod web in container {container}\n")
        );
    }
    let text = lines(&cluster, "container=web&timestamps=true").await;
    let expected = "2026-01-01T00:00:00.000000000Z Mock logs for pod web in container web\n";
    assert_eq!(text, expected);
}

#[tokio::test]
async fn the_last_lines_are_read_as_asked() {
    let cluster = cluster().await;
    for number in 1..=5 {
        let text = format!("line {number}\n");
        assert!(cluster.append_log("default", "web", "web", &text));
        cluster.advance(Duration::from_secs(10)).await;
    }
    let web = |query: &str| format!("container=web&{query}");
    for (query, expected) in [
        ("tailLines=2", "line 4\nline 5\n"),
        ("tailLines=0", ""),
        ("tailLines=9", "line 1\nline 2\nline 3\nline 4\nline 5\n"),
        ("limitBytes=9", "line 1\nli"),
        ("sinceSeconds=25", "line 4\nline 5\n"),
        ("sinceTime=2026-01-01T00:00:40Z", "line 5\n"),
        ("tailLines=3&sinceSeconds=15", "line 5\n"),
        ("insecureSkipTLSVerifyBackend=true&tailLines=1", "line 5\n"),
    ] {
        assert_eq!(lines(&cluster, &web(query)).await, expected, "{query}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_of_a_query_is_refused() {
    let cluster = cluster().await;
    let number = |text: &str, why: &str| format!("strconv.ParseInt: parsing \"{text}\": {why}");
    let syntax = "invalid syntax";
    let time = |text: &str, part: &str| {
        let layout = "2006-01-02T15:04:05Z07:00";
        format!("parsing time \"{text}\" as \"{layout}\": cannot parse {part}")
    };
    let huge = "99999999999999999999";
    for (query, why) in [
        ("tailLines=abc", number("abc", syntax)),
        ("tailLines=", number("", syntax)),
        ("limitBytes=x", number("x", syntax)),
        ("sinceSeconds=x", number("x", syntax)),
        (
            &format!("sinceSeconds={huge}"),
            number(huge, "value out of range"),
        ),
        ("sinceTime=x", time("x", r#""x" as "2006""#)),
        ("sinceTime=2020-01-01", time("2020-01-01", r#""" as "T""#)),
        ("tailLines=x&sinceTime=y", time("y", r#""y" as "2006""#)),
        ("sinceTime=y&sinceSeconds=x", number("x", syntax)),
        ("tailLines=-1&limitBytes=x", number("x", syntax)),
    ] {
        let query = format!("container=web&{query}");
        assert_eq!(message(&cluster, &query).await, (400, why), "{query}");
    }
    let one = "Mock logs for pod web in container web\n";
    for query in [
        "sinceSeconds=9223372036854775807",
        "sinceTime=",
        "tailLines=%2B5",
        "limitBytes=9223372036854775807",
    ] {
        let query = format!("container=web&{query}");
        assert_eq!(lines(&cluster, &query).await, one, "{query}");
    }
    let why = "tailLines: Invalid value: -1: must be greater than or equal to 0";
    let why = format!(r#"PodLogOptions "web" is invalid: {why}"#);
    assert_eq!(message(&cluster, "tailLines=-1").await, (422, why));
}

#[tokio::test]
async fn both_streams_are_in_one_log_and_unfinished_lines_are_not() {
    let cluster = cluster().await;
    let write = |stream, text| {
        cluster.append_log_to(stream, ("default", "web"), "web", text);
    };
    write(Stream::Stdout, "out ");
    write(Stream::Stderr, "err\n");
    assert_eq!(lines(&cluster, "container=web").await, "err\n");
    write(Stream::Stdout, "put\n");
    assert_eq!(lines(&cluster, "container=web").await, "err\nout put\n");
    assert!(!cluster.append_log("default", "web", "nosuch", "x\n"));
    assert!(!cluster.append_log("default", "nosuch", "web", "x\n"));
}

#[tokio::test]
async fn a_log_is_followed_read_all_of_its_container() {
    let cluster = cluster().await;
    let target = path("log?container=web&follow=true");
    let request = format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n");
    let reply = raw(&cluster, request.as_bytes()).await;
    assert_eq!(reply.code, 200);
    assert_eq!(reply.headers["content-type"], "text/plain");
    let ReplyBody::Events(mut pieces) = reply.body else {
        panic!("a whole body");
    };
    let mut text = String::new();
    let mut said = 0;
    while let Some(piece) = pieces.next().await {
        text.push_str(std::str::from_utf8(&piece).unwrap());
        said += 1;
        if said < 4 {
            let more = format!("more {said}\n");
            assert!(cluster.append_log("default", "web", "web", &more));
        } else {
            let pods = cluster.client().api("v1", "pods").namespace("default");
            let _ = pods.delete("web").await;
        }
    }
    let expected = "Mock logs for pod web in container web\nmore 1\nmore 2\nmore 3\n";
    assert_eq!(text, expected);
}

#[tokio::test]
async fn the_life_before_has_a_log_of_its_own() {
    let exits = json!({"mockernetes.dev/exit-after.web": "10s"});
    let cluster = with_pod(&pod(&exits)).await;
    let why = r#"previous terminated container "web" in pod "web" not found"#;
    let refused = message(&cluster, "container=web&previous=true").await;
    assert_eq!(refused, (400, why.to_owned()));
    assert!(cluster.append_log("default", "web", "web", "first life\n"));
    cluster.advance(Duration::from_secs(15)).await;
    assert!(cluster.append_log("default", "web", "web", "second life\n"));
    assert_eq!(lines(&cluster, "container=web").await, "second life\n");
    assert_eq!(
        lines(&cluster, "container=web&previous=true").await,
        "first life\n"
    );
}

#[tokio::test]
async fn a_container_that_waits_has_no_log() {
    let waits = json!({"mockernetes.dev/start-after": "1h"});
    let cluster = with_pod(&pod(&waits)).await;
    let why = r#"container "web" in pod "web" is waiting to start: ContainerCreating"#;
    assert_eq!(
        message(&cluster, "container=web").await,
        (400, why.to_owned())
    );
    let why = "a container name must be specified for pod web, choose one of: [web side]";
    assert_eq!(message(&cluster, "").await, (400, why.to_owned()));
    let why = "container nosuch is not valid for pod web";
    assert_eq!(
        message(&cluster, "container=nosuch").await,
        (400, why.to_owned())
    );
}

#[tokio::test]
async fn whoever_may_steer_appends_to_a_log() {
    let cluster = cluster().await;
    let client = cluster.client();
    let target = "/-/logs?pod=web&container=side&stream=stderr";
    let reply = client.request("POST", target, &[], "one\ntwo\n").await;
    assert_eq!(reply.code, 200);
    let reply = client
        .request("POST", "/-/logs?pod=web", &[], "first\n")
        .await;
    assert_eq!(reply.code, 200);
    assert_eq!(lines(&cluster, "container=side").await, "one\ntwo\n");
    assert_eq!(lines(&cluster, "container=web").await, "first\n");
    for (method, target, code) in [
        ("GET", "/-/logs?pod=web", 405),
        ("POST", "/-/logs?pod=nosuch", 404),
        ("POST", "/-/logs?pod=web&container=nosuch", 400),
        ("POST", "/-/logs?pod=web&stream=stdin", 400),
    ] {
        let reply = client.request(method, target, &[], "x").await;
        assert_eq!(reply.code, code, "{method} {target}");
    }
}
