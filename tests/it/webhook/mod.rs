//! Calls out of the cluster: where they go, whom they believe, and how a failure is worded.

use std::sync::Arc;
use std::time::Duration;

use mockernetes::webhook::{Call, Caller, Failure, Place, Services, Target, kubeconfig};
use serde_json::{Value, json};

use crate::support::Hook;

fn caller(services: &[&str]) -> Caller {
    let spawn = Arc::new(|task| {
        tokio::spawn(task);
    });
    let services = Services::of_lines(services.iter().copied()).unwrap();
    Caller::new(spawn, services)
}

async fn call(caller: &Caller, target: &Target) -> Result<Value, Failure> {
    let call = Call {
        target,
        body: &json!({"hello": "world"}),
        timeout: Duration::from_secs(10),
        says_timeout: true,
        user_agent: "kube-apiserver-admission",
    };
    caller.call(&call).await
}

async fn echo() -> Hook {
    Hook::raw(|body| (200, body.to_string())).await
}

fn target(hook: &Hook, path: &str) -> Target {
    Target {
        place: Place::Url(hook.url(path)),
        ca_bundle: hook.ca_pem.clone().into_bytes(),
        ..Target::default()
    }
}

#[tokio::test]
async fn a_local_webhook_is_called_over_http_2_with_its_timeout() {
    let hook = echo().await;
    let answer = call(&caller(&[]), &target(&hook, "/a//b/")).await.unwrap();
    assert_eq!(answer, json!({"hello": "world"}));
    let heard = hook.heard().remove(0);
    assert_eq!(heard.path, "/a/b?timeout=10s");
    assert_eq!(heard.version, hyper::Version::HTTP_2);
    assert_eq!(heard.agent, "kube-apiserver-admission");
    assert_eq!(heard.body, json!({"hello": "world"}));
}

#[tokio::test]
async fn a_service_is_found_by_the_table_and_must_have_its_own_name() {
    let hook = echo().await;
    let line = format!("shop/hook=127.0.0.1:{}", hook.port);
    let service = |server_name: &str| Target {
        place: Place::Service {
            namespace: "shop".to_owned(),
            name: "hook".to_owned(),
            port: 443,
            path: "/x".to_owned(),
        },
        ca_bundle: hook.ca_pem.clone().into_bytes(),
        server_name: server_name.to_owned(),
        ..Target::default()
    };
    let caller = caller(&[&line]);
    let failure = call(&caller, &service("")).await.unwrap_err();
    assert_eq!(
        failure.message,
        "Post \"https://hook.shop.svc:443/x?timeout=10s\": tls: failed to verify certificate: \
         x509: certificate is valid for localhost, kubernetes, kubernetes.default, \
         kubernetes.default.svc, kubernetes.default.svc.cluster.local, not hook.shop.svc"
    );
    call(&caller, &service("localhost")).await.unwrap();
    assert_eq!(hook.heard()[0].version, hyper::Version::HTTP_11);
}

#[tokio::test]
async fn what_goes_wrong_is_worded_as_go_words_it() {
    let hook = echo().await;
    let other = echo().await;
    let caller = caller(&[]);
    let mut stranger = target(&hook, "/x");
    stranger.ca_bundle = other.ca_pem.clone().into_bytes();
    let failure = call(&caller, &stranger).await.unwrap_err();
    assert_eq!(
        failure.message,
        format!(
            "Post \"{}?timeout=10s\": tls: failed to verify certificate: x509: certificate \
             signed by unknown authority",
            hook.url("/x")
        )
    );
    stranger.ca_bundle.clear();
    let failure = call(&caller, &stranger).await.unwrap_err();
    assert!(failure.message.ends_with("unknown authority"), "{failure}");
    let nobody = Target {
        place: Place::Url("https://127.0.0.1:1/x".to_owned()),
        ..Target::default()
    };
    let failure = call(&caller, &nobody).await.unwrap_err();
    assert_eq!(
        failure.message,
        "Post \"https://127.0.0.1:1/x?timeout=10s\": dial tcp 127.0.0.1:1: connect: connection \
         refused"
    );
    let service = Target {
        place: Place::Service {
            namespace: "shop".to_owned(),
            name: "hook".to_owned(),
            port: 443,
            path: String::new(),
        },
        ..Target::default()
    };
    let failure = call(&caller, &service).await.unwrap_err();
    assert_eq!(
        failure.message,
        "Post \"https://hook.shop.svc:443/?timeout=10s\": service \"hook\" not found"
    );
}

#[tokio::test]
async fn a_refusal_keeps_its_code_and_gets_client_gos_words() {
    let answers = [
        (
            404,
            "",
            404,
            "the server could not find the requested resource",
        ),
        (
            500,
            "",
            500,
            "an error on the server (\"unknown\") has prevented the request from succeeding",
        ),
        (
            418,
            r#"{"apiVersion":"v1","kind":"Status","message":"teapot","reason":"Odd","code":418}"#,
            418,
            "teapot",
        ),
    ];
    let caller = caller(&[]);
    for (code, body, expected, message) in answers {
        let hook = Hook::raw(move |_| (code, body.to_owned())).await;
        let failure = call(&caller, &target(&hook, "/")).await.unwrap_err();
        assert_eq!(failure.message, message);
        assert_eq!(failure.status.unwrap().code(), expected);
    }
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_refused() {
    let hook = Hook::raw(|_| (200, "nope".to_owned())).await;
    let failure = call(&caller(&[]), &target(&hook, "/")).await.unwrap_err();
    assert_eq!(
        failure.message,
        "couldn't get version/kind; json parse error: json: cannot unmarshal string into Go value \
         of type struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \
         \"json:\\\"kind,omitempty\\\"\" }"
    );
}

#[tokio::test]
async fn a_webhook_that_says_nothing_ends_with_its_deadline() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let target = Target {
        place: Place::Url(format!("https://127.0.0.1:{port}/x")),
        ..Target::default()
    };
    let failure = caller(&[])
        .call(&Call {
            target: &target,
            body: &Value::Null,
            timeout: Duration::from_millis(20),
            says_timeout: false,
            user_agent: "",
        })
        .await
        .unwrap_err();
    assert!(failure.is_timeout);
    assert_eq!(
        failure.message,
        format!("Post \"https://127.0.0.1:{port}/x\": context deadline exceeded")
    );
}

#[test]
fn a_kubeconfig_says_where_a_webhook_is_and_who_calls() {
    let text = "
clusters:
- name: c
  cluster: {server: 'https://example.com/hook', certificate-authority: ca.pem}
users:
- name: u
  user: {token: secret}
contexts:
- name: x
  context: {cluster: c, user: u}
current-context: x
";
    let read = |name: &str| Ok(format!("<{name}>").into_bytes());
    let target = kubeconfig::target(text.as_bytes(), &read).unwrap();
    assert_eq!(
        target.place,
        Place::Url("https://example.com/hook".to_owned())
    );
    assert_eq!(target.ca_bundle, b"<ca.pem>");
    assert_eq!(target.authorization, "Bearer secret");
    assert!(kubeconfig::target(b"{}", &read).is_err());
}

#[test]
fn a_line_that_names_no_service_is_refused() {
    for line in ["", "a=b:1", "a/b=c", "a/b:x=c:1", "/b=c:1"] {
        assert!(Services::of_lines([line]).is_err(), "{line}");
    }
    let services = Services::of_lines(["a/b:8443=c:1", "a/b=d:2"]).unwrap();
    assert_eq!(services.resolve("a", "b", 8443).unwrap(), "c:1");
    assert_eq!(services.resolve("a", "b", 443).unwrap(), "d:2");
}
