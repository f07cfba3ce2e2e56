//! Requests for certificates: approved, signed, removed.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mockernetes::Cluster;
use mockernetes::auth::certificate::{Authorities, Shown};
use mockernetes::client::Api;
use mockernetes::controllers::Selection;
use mockernetes::sim::Clock;
use serde_json::{Value, json};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use super::living_cluster;

/// `/O=system:nodes/CN=system:node:node-1`
const KUBELET: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIdk1JR1dBZ0VBTURReEZUQVRCZ05WQkFvTURITjVjM1JsYlRwdWIyUmxjekViTUJrR0ExVUVBd3dTYzNsegpkR1Z0T201dlpHVTZibTlrWlMweE1Ga3dFd1lIS29aSXpqMENBUVlJS29aSXpqMERBUWNEUWdBRUMyZk0zQ3lGCkIrcEc4bnFTZE5EWmVqd0htT1hqU3EwWGdpbTNJMU5jSDRjRjhsbTI2MWFEVGlxbU5rdVlQYXNnWDF1SEo2cDQKcW50RmZJRVJ3a05hY2FBQU1Bb0dDQ3FHU000OUJBTUNBMGdBTUVVQ0lRRER3Zjhja3FmWmxZdHU1bStiREIwQgpkblo0SENPVEw4K3MyV1NpUVVRUzB3SWdGamRteE9rdVI1T0lseTk4V2d0Q3g0QkVhQm9ESHI1QzZqbmRob0xVCnY2OD0KLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg==";

/// `/O=devs/O=ops/CN=dev`
const DEVELOPER: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIbU1JR05BZ0VBTUNzeERUQUxCZ05WQkFvTUJHUmxkbk14RERBS0JnTlZCQW9NQTI5d2N6RU1NQW9HQTFVRQpBd3dEWkdWMk1Ga3dFd1lIS29aSXpqMENBUVlJS29aSXpqMERBUWNEUWdBRUMyZk0zQ3lGQitwRzhucVNkTkRaCmVqd0htT1hqU3EwWGdpbTNJMU5jSDRjRjhsbTI2MWFEVGlxbU5rdVlQYXNnWDF1SEo2cDRxbnRGZklFUndrTmEKY2FBQU1Bb0dDQ3FHU000OUJBTUNBMGdBTUVVQ0lRRDQxaHBVbmpYa1U5c2pLbmFBaC9vVHdNUWdxY1JtQW5aUgo0NFNyWm9yQVZRSWdKcmxQeDI4VUsvOS9Ubi9QWTVxRTJVZFdDVm40M0t3OGQrU0FZZ3h0ZUFJPQotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K";

/// `/O=system:nodes/CN=system:node:node-1`, with a name and an address
const SERVING: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlJQkdqQ0J3QUlCQURBME1SVXdFd1lEVlFRS0RBeHplWE4wWlcwNmJtOWtaWE14R3pBWkJnTlZCQU1NRW5ONQpjM1JsYlRwdWIyUmxPbTV2WkdVdE1UQlpNQk1HQnlxR1NNNDlBZ0VHQ0NxR1NNNDlBd0VIQTBJQUJBdG56TndzCmhRZnFSdko2a25UUTJYbzhCNWpsNDBxdEY0SXB0eU5UWEIrSEJmSlp0dXRXZzA0cXBqWkxtRDJySUY5Ymh5ZXEKZUtwN1JYeUJFY0pEV25HZ0tqQW9CZ2txaGtpRzl3MEJDUTR4R3pBWk1CY0dBMVVkRVFRUU1BNkNCbTV2WkdVdApNWWNFckJRQUFUQUtCZ2dxaGtqT1BRUURBZ05KQURCR0FpRUFsQ3JVVlVQaDZuZFZvdnlDU05sZkJKSjZzaTZxCm05eS9kOVhmQzZxYXhtQUNJUUNrRjBSVHRPVFNVNnAyZ3ZndWhORDhXb3VTQkZwZzdsdnZCWC9xWXROY1ZRPT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg==";

const CLIENT: &str = "kubernetes.io/kube-apiserver-client";

fn requests(cluster: &Cluster) -> Api {
    let client = cluster.client();
    client.api("certificates.k8s.io/v1", "certificatesigningrequests")
}

async fn ask(cluster: &Cluster, signer: &str, request: &str, usages: &[&str], seconds: i64) {
    let object = json!({
        "metadata": {"name": "one"},
        "spec": {
            "signerName": signer,
            "request": request,
            "usages": usages,
            "expirationSeconds": seconds,
        },
    });
    requests(cluster).create(&object).await.unwrap();
    cluster.settle().await;
}

async fn decide(cluster: &Cluster, decision: &str) {
    let mut object = requests(cluster).get("one").await.unwrap();
    object["status"]["conditions"] = json!([
        {"type": decision, "status": "True", "reason": "Tested", "message": ""},
    ]);
    let path = format!("{}/approval", requests(cluster).path("one"));
    let client = cluster.client();
    client.json("PUT", &path, Some(&object)).await.unwrap();
    cluster.settle().await;
}

async fn status(cluster: &Cluster) -> Value {
    requests(cluster).get("one").await.unwrap()["status"].clone()
}

fn certificate(status: &Value) -> CertificateDer<'static> {
    let pem = STANDARD.decode(status["certificate"].as_str().unwrap());
    CertificateDer::from_pem_slice(&pem.unwrap()).unwrap()
}

#[tokio::test]
async fn an_approved_certificate_says_who_its_holder_is() {
    let start = "2026-01-01T00:00:00Z".parse().unwrap();
    let cluster = Cluster::builder()
        .clock(Clock::virtual_at(start))
        .controllers(Selection::AllBut(Vec::new()))
        .start()
        .await
        .unwrap();
    let usages = ["digital signature", "client auth"];
    ask(&cluster, CLIENT, DEVELOPER, &usages, 3600).await;
    assert_eq!(status(&cluster).await, json!({}));
    decide(&cluster, "Approved").await;
    let maps = cluster.client().api("v1", "configmaps");
    let maps = maps.namespace("kube-system");
    let known = maps.get("extension-apiserver-authentication").await;
    let known = known.unwrap()["data"]["client-ca-file"].clone();
    let authorities = Authorities::of_pem(known.as_str().unwrap()).unwrap();
    let chain = vec![certificate(&status(&cluster).await)];
    let shown = Shown { chain };
    let now = "2026-01-01T00:59:59Z".parse().unwrap();
    let user = authorities.identify(&shown, now).unwrap().unwrap();
    assert_eq!(user.name, "dev");
    assert_eq!(user.groups, ["devs", "ops"]);
    let later = "2026-01-01T01:00:01Z".parse().unwrap();
    assert!(authorities.identify(&shown, later).is_err());
}

#[tokio::test]
async fn a_denied_request_is_not_signed() {
    let cluster = living_cluster().await;
    ask(&cluster, CLIENT, DEVELOPER, &["client auth"], 3600).await;
    decide(&cluster, "Denied").await;
    assert_eq!(status(&cluster).await["certificate"], Value::Null);
}

#[tokio::test]
async fn a_request_that_its_signer_does_not_sign_fails() {
    let cluster = living_cluster().await;
    ask(&cluster, CLIENT, DEVELOPER, &["server auth"], 3600).await;
    decide(&cluster, "Approved").await;
    let failed = status(&cluster).await["conditions"][1].clone();
    assert_eq!(failed["type"], "Failed");
    assert_eq!(failed["reason"], "SignerValidationFailure");
    assert_eq!(
        failed["message"],
        "invalid usage for client certificate: server auth"
    );
}

#[tokio::test]
async fn a_kubelet_serves_with_a_certificate_that_has_a_name() {
    let cluster = living_cluster().await;
    let usages = ["digital signature", "server auth"];
    let signer = "kubernetes.io/kubelet-serving";
    ask(&cluster, signer, SERVING, &usages, 3600).await;
    decide(&cluster, "Approved").await;
    certificate(&status(&cluster).await);
    requests(&cluster).delete("one").await.unwrap();
    ask(&cluster, signer, KUBELET, &usages, 3600).await;
    decide(&cluster, "Approved").await;
    assert_eq!(
        status(&cluster).await["conditions"][1]["message"],
        "DNS or IP subjectAltName is required"
    );
}

#[tokio::test]
async fn a_kubelet_with_the_right_to_it_is_approved() {
    let cluster = living_cluster().await;
    let signer = "kubernetes.io/kube-apiserver-client-kubelet";
    let usages = ["digital signature", "client auth"];
    ask(&cluster, signer, KUBELET, &usages, 3600).await;
    let status = status(&cluster).await;
    assert_eq!(status["conditions"][0]["type"], "Approved");
    assert_eq!(status["conditions"][0]["reason"], "AutoApproved");
    assert_eq!(
        status["conditions"][0]["message"],
        "Auto approving kubelet client certificate after SubjectAccessReview."
    );
    certificate(&status);
}

#[tokio::test]
async fn old_requests_go() {
    let cluster = living_cluster().await;
    ask(&cluster, CLIENT, DEVELOPER, &["client auth"], 3600).await;
    cluster.advance(Duration::from_hours(23)).await;
    requests(&cluster).get("one").await.unwrap();
    cluster.advance(Duration::from_hours(2)).await;
    let gone = requests(&cluster).get("one").await.unwrap_err();
    assert_eq!(gone.code, 404);
}
