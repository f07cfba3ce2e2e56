//! What is refused before anything is opened, as API server and kubelet refuse it.

use mockernetes::auth::{Mode, User};
use serde_json::{Value, json};

use super::upgrade::{ask, websocket_headers};
use super::{cluster, path, pod, spdy, with_pod};

const UPGRADE: [(&str, &str); 3] = [
    ("connection", "Upgrade"),
    ("upgrade", "SPDY/3.1"),
    ("x-stream-protocol-version", "v4.channel.k8s.io"),
];

#[tokio::test]
async fn requests_are_refused_by_the_api_server_with_a_status() {
    let cluster = cluster().await;
    let nosuch = "/api/v1/namespaces/default/pods/nosuch/exec?stdout=1";
    for (target, headers, code, message) in [
        (
            path("exec?command=x&stdout=1&container=web"),
            &[][..],
            400,
            "Upgrade request required",
        ),
        (path("portforward"), &[], 400, "Upgrade request required"),
        (
            path("exec?command=x&stdout=1"),
            &UPGRADE,
            400,
            "a container name must be specified for pod web, choose one of: [web side]",
        ),
        (
            path("attach?stdout=1&container=nosuch"),
            &UPGRADE,
            400,
            "container nosuch is not valid for pod web",
        ),
        (
            nosuch.to_owned(),
            &UPGRADE,
            404,
            r#"pods "nosuch" not found"#,
        ),
    ] {
        for method in ["GET", "POST"] {
            let answered = ask(&cluster, method, &target, headers).await;
            assert_eq!(answered.code, code, "{method} {target}");
            let status: Value = serde_json::from_str(&answered.text().await).unwrap();
            assert_eq!(status["message"], message, "{method} {target}");
        }
    }
}

#[tokio::test]
async fn requests_are_refused_by_the_kubelet_with_a_text() {
    let cluster = with_pod(&pod(&json!({"mockernetes.dev/image-pull.side": "fail"}))).await;
    for (target, code, text) in [
        (
            "exec?container=web&command=x",
            400,
            "you must specify at least 1 of stdin, stdout, stderr",
        ),
        (
            "exec?container=web&tty=1&stderr=1",
            400,
            "you must specify at least 1 of stdin, stdout, stderr",
        ),
        (
            "exec?container=side&command=x&stdout=1",
            500,
            r#"container not found ("side")"#,
        ),
    ] {
        let answered = ask(&cluster, "POST", &path(target), &UPGRADE).await;
        assert_eq!(answered.code, code, "{target}");
        assert_eq!(answered.text().await, text, "{target}");
    }
}

#[tokio::test]
async fn protocols_nobody_speaks_are_refused() {
    let cluster = cluster().await;
    let target = path("exec?container=web&command=echo&stdout=1");
    let answered = spdy::upgrade(&cluster, &target, "v9.channel.k8s.io").await;
    assert_eq!(answered.code, 403);
    let text = answered.text().await;
    let expected = "unable to upgrade: unable to negotiate protocol: client supports \
                    [v9.channel.k8s.io], server accepts [v4.channel.k8s.io v3.channel.k8s.io \
                    v2.channel.k8s.io channel.k8s.io]\n";
    assert_eq!(text, expected);
    let answered = spdy::upgrade(&cluster, &target, "").await;
    assert_eq!(answered.code, 400);
    let text = answered.text().await;
    assert!(text.starts_with("unable to upgrade: header X-Stream-Protocol-Version does not exist"));
    for protocols in ["v9.channel.k8s.io", "v3.channel.k8s.io, v2.channel.k8s.io"] {
        let answered = ask(&cluster, "GET", &target, &websocket_headers(protocols)).await;
        assert_eq!(answered.code, 403, "{protocols}");
    }
    let mut headers = websocket_headers("v4.channel.k8s.io");
    headers[2].1 = "8";
    let answered = ask(&cluster, "GET", &target, &headers).await;
    assert_eq!(answered.code, 400);
    assert_eq!(answered.headers["sec-websocket-version"], "13");
    let tunnel = websocket_headers("SPDY/3.1+other.k8s.io");
    let answered = ask(&cluster, "GET", &path("portforward"), &tunnel).await;
    assert_eq!(answered.code, 403);
}

#[tokio::test]
async fn a_pod_that_is_not_there_yet_has_no_host() {
    let mut pod = pod(&json!({}));
    pod["spec"]["schedulerName"] = "nobody".into();
    let cluster = with_pod(&pod).await;
    for target in ["exec?container=web&stdout=1", "portforward"] {
        let answered = ask(&cluster, "POST", &path(target), &UPGRADE).await;
        assert_eq!(answered.code, 400);
        let status: Value = serde_json::from_str(&answered.text().await).unwrap();
        assert_eq!(status["message"], "pod web does not have a host assigned");
    }
}

#[tokio::test]
async fn to_run_something_takes_the_right_to_create() {
    let rules = |verbs: &[&str]| json!([{"apiGroups": [""], "resources": ["pods/exec", "pods"], "verbs": verbs}]);
    let builder = mockernetes::Cluster::builder().auth(Mode::Rbac);
    let cluster = crate::support::listening(builder).await;
    let rbac = "rbac.authorization.k8s.io/v1";
    let client = cluster.client();
    for (user, verbs) in [("reader", &["get"][..]), ("runner", &["get", "create"])] {
        let role = json!({"metadata": {"name": user}, "rules": rules(verbs)});
        client
            .api(rbac, "clusterroles")
            .create(&role)
            .await
            .unwrap();
        let binding = json!({
            "metadata": {"name": user},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": user},
            "subjects": [{"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}],
        });
        client
            .api(rbac, "clusterrolebindings")
            .create(&binding)
            .await
            .unwrap();
    }
    let target = path("exec?container=web&stdout=1");
    for (user, code) in [("reader", 403), ("runner", 404)] {
        let user = User {
            name: user.to_owned(),
            ..User::default()
        };
        let reply = cluster
            .client_as(user)
            .request("GET", &target, &[], "")
            .await;
        assert_eq!(reply.code, code);
    }
}
