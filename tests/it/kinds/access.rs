//! Tokens and reviews, which are answered and not kept.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::{self, Fixture};

/// Posts to a subresource or a kind that is only answered.
async fn post(fixture: &Fixture, version: &str, plural: &str, body: &Value) -> Value {
    fixture
        .client
        .api(version, plural)
        .create(body)
        .await
        .unwrap()
}

async fn token(fixture: &Fixture, body: &Value) -> Value {
    let accounts = fixture
        .client
        .api("v1", "serviceaccounts")
        .namespace("default");
    accounts
        .create(&json!({"metadata": {"name": "worker"}}))
        .await
        .unwrap();
    let path = format!("{}/token", accounts.path("worker"));
    fixture
        .client
        .json("POST", &path, Some(body))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_token_says_whose_it_is_and_how_long() {
    let fixture = support::cluster().await;
    let answer = token(
        &fixture,
        &json!({"spec": {"audiences": ["a"], "expirationSeconds": 900}}),
    )
    .await;
    let text = answer["status"]["token"].as_str().unwrap();
    let claims = URL_SAFE_NO_PAD
        .decode(text.split('.').nth(1).unwrap())
        .unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["sub"], "system:serviceaccount:default:worker");
    assert_eq!(claims["aud"], json!(["a"]));
    let lasts = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert_eq!(lasts, 900);
}

#[tokio::test]
async fn a_token_is_known_until_its_account_is_gone() {
    let fixture = support::cluster().await;
    let answer = token(&fixture, &json!({})).await;
    let review = json!({"spec": {"token": answer["status"]["token"]}});
    let version = "authentication.k8s.io/v1";
    let known = post(&fixture, version, "tokenreviews", &review).await;
    assert_eq!(known["status"]["authenticated"], true);
    let user = &known["status"]["user"];
    assert_eq!(user["username"], "system:serviceaccount:default:worker");
    let accounts = fixture
        .client
        .api("v1", "serviceaccounts")
        .namespace("default");
    accounts.delete("worker").await.unwrap();
    let unknown = post(&fixture, version, "tokenreviews", &review).await;
    assert!(
        unknown["status"].get("authenticated").is_none(),
        "{unknown}"
    );
}

#[tokio::test]
async fn everybody_may_do_everything_where_nobody_is_asked_who_they_are() {
    let fixture = support::cluster().await;
    let spec = json!({"resourceAttributes": {"verb": "delete", "resource": "nodes"}});
    let review = json!({"spec": spec});
    let version = "authorization.k8s.io/v1";
    let answer = post(&fixture, version, "selfsubjectaccessreviews", &review).await;
    assert_eq!(answer["status"], json!({"allowed": true}));
    assert_eq!(answer["spec"], spec);
}

/// A request signed by a key on the curve P-256, in DER.
const REQUEST: &str = "MIHGMG4CAQAwDDEKMAgGA1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABJMons/Cb//8y9rEXQf7r15pAP61cNQtvU7QjboHjDe/rJvXAHB8fQsre6VOWbm2xcTbiVudmiS5h6hFNiSWXeqgADAKBggqhkjOPQQDAgNIADBFAiApVfehiwsx+vu5e4oDgsXNVdvCyzeZovMS/m1EAqc5tQIhAM01P2HwQShCC8ZjSCItc/AqEA+f9nqlJS3TfJDXXWkl";

fn in_pem(kind: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    format!("-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\n")
}

#[tokio::test]
async fn a_certificate_request_must_be_one_and_signed_by_its_key() {
    let fixture = support::cluster().await;
    let api = "certificates.k8s.io/v1";
    let requests = fixture.client.api(api, "certificatesigningrequests");
    let send = async |name: &str, text: &str| {
        let object = json!({
            "metadata": {"name": name},
            "spec": {
                "request": STANDARD.encode(text),
                "signerName": "example.com/x",
                "usages": ["client auth"],
            },
        });
        requests.create(&object).await
    };
    let der = STANDARD.decode(REQUEST).unwrap();
    let kind = "CERTIFICATE REQUEST";
    assert!(send("good", &in_pem(kind, &der)).await.is_ok());
    let mut forged = der.clone();
    *forged.last_mut().unwrap() ^= 1;
    let long = [&der[..], b"xx"].concat();
    for (text, why) in [
        (
            "hello".to_owned(),
            "PEM block type must be CERTIFICATE REQUEST",
        ),
        (
            in_pem("CERTIFICATE", &der),
            "PEM block type must be CERTIFICATE REQUEST",
        ),
        (in_pem(kind, &forged), "x509: ECDSA verification failure"),
        (
            in_pem(kind, &der[..100]),
            "asn1: syntax error: data truncated",
        ),
        (in_pem(kind, &long), "asn1: syntax error: trailing data"),
        (in_pem(kind, b""), "asn1: syntax error: sequence truncated"),
        (
            in_pem(kind, &[2, 1, 5]),
            "asn1: structure error: tags don't match (16 vs {class:0 tag:2 length:1 \
             isCompound:false}) {optional:false explicit:false application:false private:false \
             defaultValue:<nil> tag:<nil> stringType:0 timeType:0 set:false omitEmpty:false} \
             certificateRequest @2",
        ),
    ] {
        let failure = send("bad", &text).await.unwrap_err();
        assert!(failure.message().ends_with(why), "{}", failure.message());
    }
}
