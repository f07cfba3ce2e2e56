//! Commands, over WebSockets and over SPDY.

use serde_json::{Value, json};

use super::upgrade::{Heard, websocket};
use super::{cluster, path, spdy};

/// The path of a command in the container `web`.
fn command(argv: &[&str], streams: &str) -> String {
    let argv = argv.join("&command=");
    path(&format!("exec?container=web&command={argv}&{streams}"))
}

const SUCCESS: &str = r#"{"metadata":{},"status":"Success"}"#;

#[tokio::test]
async fn a_command_says_what_it_says_and_how_it_ended() {
    let cluster = cluster().await;
    let target = command(&["echo", "hi"], "stdout=1&stderr=1");
    for (protocols, agreed) in [
        ("v5.channel.k8s.io", "v5.channel.k8s.io"),
        ("v4.channel.k8s.io", "v4.channel.k8s.io"),
        (
            "v3.channel.k8s.io,v4.base64.channel.k8s.io",
            "v4.base64.channel.k8s.io",
        ),
        ("v4.channel.k8s.io, v5.channel.k8s.io", "v5.channel.k8s.io"),
    ] {
        let (mut socket, protocol) = websocket(&cluster, &target, protocols).await;
        assert_eq!(protocol, agreed);
        assert_eq!(socket.next().await, Some((1, Vec::new())), "{agreed}");
        let heard = socket.hear().await;
        assert_eq!(heard.stdout, b"hi\n", "{agreed}");
        assert_eq!(heard.error, SUCCESS, "{agreed}");
    }
}

#[tokio::test]
async fn older_protocols_tell_no_success() {
    let cluster = cluster().await;
    let good = command(&["echo", "hi"], "stdout=1");
    let bad = command(&["sh", "-c", "exit%203"], "stdout=1");
    for protocol in ["", "channel.k8s.io", "base64.channel.k8s.io"] {
        let (mut socket, _) = websocket(&cluster, &good, protocol).await;
        let heard = socket.hear().await;
        assert_eq!((&heard.stdout[..], &heard.error[..]), (&b"hi\n"[..], ""));
        let (mut socket, _) = websocket(&cluster, &bad, protocol).await;
        let expected = "command terminated with non-zero exit code: error executing command [sh \
                        -c exit 3], exit code 3";
        assert_eq!(socket.hear().await.error, expected, "{protocol}");
    }
}

#[tokio::test]
async fn an_exit_code_is_told_as_a_status() {
    let cluster = cluster().await;
    let target = command(&["sh", "-c", "exit%203"], "stdout=1");
    let expected = json!({
        "metadata": {},
        "status": "Failure",
        "message": "command terminated with non-zero exit code: error executing command [sh -c \
                    exit 3], exit code 3",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": "3"}]},
    });
    let (mut socket, _) = websocket(&cluster, &target, "v5.channel.k8s.io").await;
    let error: Value = serde_json::from_str(&socket.hear().await.error).unwrap();
    assert_eq!(error, expected);
    let (mut spdy, _) = spdy::open(&cluster, &target, "v4.channel.k8s.io").await;
    let id = spdy.open(&[("streamtype", "error")]).await;
    spdy.open(&[("streamtype", "stdout")]).await;
    spdy.read_all().await;
    let error: Value = serde_json::from_slice(&spdy.streams[&id].data).unwrap();
    assert_eq!(error, expected);
    assert!(spdy.has_gone);
}

#[tokio::test]
async fn the_newest_protocol_closes_stdin_by_a_signal() {
    let cluster = cluster().await;
    let target = command(&["cat"], "stdin=1&stdout=1");
    let (mut socket, _) = websocket(&cluster, &target, "v5.channel.k8s.io").await;
    socket.send(0, b"one ").await;
    socket.send(0, b"two").await;
    socket.send(255, &[0]).await;
    let heard = socket.hear().await;
    let stdout = b"one two".to_vec();
    let error = SUCCESS.to_owned();
    assert_eq!(
        heard,
        Heard {
            stdout,
            error,
            ..Heard::default()
        }
    );
}

#[tokio::test]
async fn stdin_ends_where_a_stream_does() {
    let cluster = cluster().await;
    let target = command(&["cat"], "stdin=1&stdout=1&stderr=1");
    for version in [
        "v4.channel.k8s.io",
        "v3.channel.k8s.io",
        "v2.channel.k8s.io",
    ] {
        let versions = format!("v5.channel.k8s.io, {version}");
        let (mut spdy, agreed) = spdy::open(&cluster, &target, &versions).await;
        assert_eq!(agreed, version);
        let error = spdy.open(&[("streamtype", "error")]).await;
        let stdin = spdy.open(&[("streamtype", "stdin")]).await;
        let stdout = spdy.open(&[("streamtype", "stdout")]).await;
        spdy.open(&[("streamtype", "stderr")]).await;
        spdy.send(stdin, b"to and ", false).await;
        spdy.send(stdin, b"fro", true).await;
        spdy.read_all().await;
        assert_eq!(spdy.streams[&stdout].data, b"to and fro");
        assert!(spdy.streams[&stdout].is_answered && spdy.streams[&stdout].has_ended);
        let word = if version.starts_with("v4") {
            SUCCESS
        } else {
            ""
        };
        assert_eq!(spdy.streams[&error].data, word.as_bytes());
    }
}

#[tokio::test]
async fn a_command_that_is_not_there_cannot_be_started() {
    let cluster = cluster().await;
    let target = command(&["nosuch"], "stdout=1");
    let (mut socket, _) = websocket(&cluster, &target, "v4.channel.k8s.io").await;
    let error: Value = serde_json::from_str(&socket.hear().await.error).unwrap();
    assert_eq!(error["reason"], "InternalError");
    assert_eq!(error["code"], 500);
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("Internal error occurred: error executing command in container: "));
    assert!(message.ends_with(r#"exec: "nosuch": executable file not found in $PATH"#));
}

#[tokio::test]
async fn megabytes_come_back_as_they_went() {
    let cluster = cluster().await;
    let target = command(&["cat"], "stdin=1&stdout=1");
    let sent: Vec<u8> = (0..4_000_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let (socket, _) = websocket(&cluster, &target, "v5.channel.k8s.io").await;
    let (mut sink, stream) = futures_util::StreamExt::split(socket.0);
    let mut messages: Vec<Vec<u8>> = sent
        .chunks(50_000)
        .map(|piece| [&[0], piece].concat())
        .collect();
    messages.push(vec![255, 0]);
    let sending = async {
        use futures_util::SinkExt;
        for message in messages {
            let message = tokio_tungstenite::tungstenite::Message::binary(message);
            sink.send(message).await.unwrap();
        }
    };
    let hearing = async {
        use futures_util::StreamExt;
        let mut stream = stream;
        let mut heard = Vec::new();
        while let Some(Ok(message)) = stream.next().await {
            let data = message.into_data();
            if data.first() == Some(&1) {
                heard.extend_from_slice(&data[1..]);
            }
        }
        heard
    };
    let ((), heard) = tokio::join!(sending, hearing);
    assert!(heard == sent, "{} of {} bytes", heard.len(), sent.len());
}

#[tokio::test]
async fn a_command_ends_with_its_container() {
    let cluster = cluster().await;
    let target = command(&["cat"], "stdin=1&stdout=1");
    let (mut socket, _) = websocket(&cluster, &target, "v4.channel.k8s.io").await;
    assert_eq!(socket.next().await, Some((1, Vec::new())));
    let pods = cluster.client().api("v1", "pods").namespace("default");
    pods.delete("web").await.unwrap();
    let error: Value = serde_json::from_str(&socket.hear().await.error).unwrap();
    assert_eq!(error["details"]["causes"][0]["message"], "137");
}

#[tokio::test]
async fn who_attaches_reads_what_is_written_from_then_on() {
    let cluster = cluster().await;
    assert!(cluster.append_log("default", "web", "web", "before\n"));
    let target = path("attach?container=web&stdout=1");
    let (mut socket, _) = websocket(&cluster, &target, "v4.channel.k8s.io").await;
    assert_eq!(socket.next().await, Some((1, Vec::new())));
    // What is written until the command is there may be before or after.
    let said = loop {
        assert!(cluster.append_log("default", "web", "web", "after\n"));
        tokio::select! {
            said = socket.next() => break said,
            () = tokio::task::yield_now() => {}
        }
    };
    let said = String::from_utf8(said.unwrap().1).unwrap();
    assert!(
        said.starts_with("after\n") && !said.contains("before"),
        "{said}"
    );
}

#[tokio::test]
async fn a_container_that_reads_runs_for_whoever_attaches_and_ends_with_its_command() {
    let cluster = cluster().await;
    let pods = cluster.client().api("v1", "pods").namespace("default");
    let container = json!({"name": "once", "image": "busybox", "stdin": true, "args": ["cat"]});
    let pod = json!({
        "metadata": {"name": "once"},
        "spec": {"restartPolicy": "Never", "containers": [container]},
    });
    pods.create(&pod).await.unwrap();
    cluster.settle().await;
    let target = "/api/v1/namespaces/default/pods/once/attach?stdin=1&stdout=1";
    let (mut socket, _) = websocket(&cluster, target, "v5.channel.k8s.io").await;
    socket.send(0, b"said once\n").await;
    socket.send(255, &[0]).await;
    let heard = socket.hear().await;
    assert_eq!(heard.stdout, b"said once\n");
    assert_eq!(heard.error, SUCCESS);
    cluster.settle().await;
    let pod = pods.get("once").await.unwrap();
    assert_eq!(pod["status"]["phase"], "Succeeded");
    let log = "/api/v1/namespaces/default/pods/once/log";
    let log = cluster.client().request("GET", log, &[], "").await;
    assert_eq!(log.into_bytes().await, "said once\n");
}

#[tokio::test]
async fn who_looks_into_a_pod_has_a_container_of_their_own() {
    let cluster = cluster().await;
    let added =
        json!([{"name": "debugger", "image": "busybox", "stdin": true, "command": ["cat"]}]);
    let patch = json!({"spec": {"ephemeralContainers": added}}).to_string();
    let target = path("ephemeralcontainers");
    let headers = [("content-type", "application/strategic-merge-patch+json")];
    let reply = cluster
        .client()
        .request("PATCH", &target, &headers, patch)
        .await;
    assert_eq!(reply.code, 200);
    cluster.settle().await;
    let target = path("attach?container=debugger&stdin=1&stdout=1");
    let (mut socket, _) = websocket(&cluster, &target, "v5.channel.k8s.io").await;
    socket.send(0, b"here").await;
    socket.send(255, &[0]).await;
    assert_eq!(socket.hear().await.stdout, b"here");
    cluster.settle().await;
    let pods = cluster.client().api("v1", "pods").namespace("default");
    let status = pods.get("web").await.unwrap()["status"].take();
    let ended = &status["ephemeralContainerStatuses"][0]["state"]["terminated"];
    assert_eq!(ended["exitCode"], 0);
    assert_eq!(status["phase"], "Running");
}
