//! Tokens of service accounts: what they must say, and what must still be true.

mod issuers;

use mockernetes::auth::Mode;
use mockernetes::auth::service_account::ServiceAccounts;
use mockernetes::auth::service_account::keys::{PublicKey, SigningKey};
use mockernetes::cluster::Cluster;
use serde_json::{Value, json};

use super::create;
use crate::support::{Fixture, start};

const ISSUER: &str = "https://issuer.example";
/// So that times in tokens are easy to write.
const NOW: i64 = 1_800_000_000;

/// A cluster whose keys the test has as well, and the uid of an account there.
async fn with_account() -> (Fixture, ServiceAccounts, String) {
    let accounts = ServiceAccounts::of_issuers(vec![ISSUER.to_owned()]);
    let clock = mockernetes::sim::Clock::virtual_at(jiff::Timestamp::from_second(NOW).unwrap());
    let builder = Cluster::builder()
        .auth(Mode::Rbac)
        .clock(clock)
        .service_accounts(accounts.clone());
    let fixture = start(builder).await;
    let path = "/api/v1/namespaces/default/serviceaccounts";
    let account = create(&fixture, path, &json!({"metadata": {"name": "worker"}})).await;
    let uid = account["metadata"]["uid"].as_str().unwrap().to_owned();
    (fixture, accounts, uid)
}

/// Claims as the server itself would write them.
fn claims(uid: &str) -> Value {
    json!({
        "aud": [ISSUER],
        "exp": NOW + 3600,
        "iat": NOW,
        "iss": ISSUER,
        "jti": "1",
        "kubernetes.io": {
            "namespace": "default",
            "serviceaccount": {"name": "worker", "uid": uid},
        },
        "nbf": NOW,
        "sub": "system:serviceaccount:default:worker",
    })
}

/// The status of a review of a token.
async fn review(fixture: &Fixture, token: &str, audiences: &[&str]) -> Value {
    let body = json!({"spec": {"token": token, "audiences": audiences}});
    let path = "/apis/authentication.k8s.io/v1/tokenreviews";
    create(fixture, path, &body).await["status"].clone()
}

#[tokio::test]
async fn a_token_is_known_for_the_audiences_it_names() {
    let (fixture, accounts, uid) = with_account().await;
    let mut both = claims(&uid);
    both["aud"] = json!(["x", ISSUER]);
    let token = accounts.sign(&both).unwrap();
    let known = review(&fixture, &token, &["x", "y"]).await;
    assert_eq!(known["authenticated"], true);
    assert_eq!(known["audiences"], json!(["x"]));
    let unknown = review(&fixture, &token, &["y"]).await;
    assert_eq!(
        unknown["error"],
        format!(
            "[invalid bearer token, token audiences [\"x\" \"{ISSUER}\"] is invalid for the target \
             audiences [\"y\"]]"
        )
    );
}

#[tokio::test]
async fn a_token_holds_from_its_time_to_its_time_give_or_take_a_minute() {
    let (fixture, accounts, uid) = with_account().await;
    for (field, at, error) in [
        ("exp", NOW - 30, None),
        ("exp", NOW - 90, Some("service account token has expired")),
        ("nbf", NOW + 30, None),
        (
            "nbf",
            NOW + 90,
            Some("service account token is not valid yet"),
        ),
        (
            "iat",
            NOW + 90,
            Some("service account token is issued in the future"),
        ),
    ] {
        let mut claims = claims(&uid);
        claims[field] = at.into();
        let status = review(&fixture, &accounts.sign(&claims).unwrap(), &[]).await;
        let expected = error.map_or(Value::Null, |error| {
            format!("[invalid bearer token, {error}]").into()
        });
        assert_eq!(status["error"], expected, "{field} {at}");
    }
}

#[tokio::test]
async fn what_a_token_is_bound_to_must_be_there_and_be_the_same() {
    let (fixture, accounts, uid) = with_account().await;
    let secrets = "/api/v1/namespaces/default/secrets";
    let secret = create(&fixture, secrets, &json!({"metadata": {"name": "s"}})).await;
    let bound = |name: &str, uid: &Value, to: &Value| {
        let mut claims = claims(uid.as_str().unwrap());
        claims["kubernetes.io"]["secret"] = json!({"name": name, "uid": to});
        accounts.sign(&claims).unwrap()
    };
    let (uid, own) = (json!(uid), &secret["metadata"]["uid"]);
    let good = bound("s", &uid, own);
    assert_eq!(review(&fixture, &good, &[]).await["authenticated"], true);
    let other = bound("s", &uid, &json!("other"));
    assert_eq!(
        review(&fixture, &other, &[]).await["error"],
        format!(
            "[invalid bearer token, secret UID ({}) does not match service account secret ref \
             claim (other)]",
            own.as_str().unwrap()
        )
    );
    let gone = fixture
        .client
        .json("DELETE", &format!("{secrets}/s"), None)
        .await;
    gone.unwrap();
    assert_eq!(
        review(&fixture, &good, &[]).await["error"],
        "[invalid bearer token, service account token has been invalidated]"
    );
}

#[tokio::test]
async fn an_account_made_anew_is_another() {
    let (fixture, accounts, uid) = with_account().await;
    let token = accounts.sign(&claims(&uid)).unwrap();
    let path = "/api/v1/namespaces/default/serviceaccounts";
    let gone = fixture
        .client
        .json("DELETE", &format!("{path}/worker"), None)
        .await;
    gone.unwrap();
    assert_eq!(
        review(&fixture, &token, &[]).await["error"],
        "[invalid bearer token, serviceaccounts \"worker\" not found]"
    );
    let anew = create(&fixture, path, &json!({"metadata": {"name": "worker"}})).await;
    assert_eq!(
        review(&fixture, &token, &[]).await["error"],
        format!(
            "[invalid bearer token, service account UID ({}) does not match claim ({uid})]",
            anew["metadata"]["uid"].as_str().unwrap()
        )
    );
}

#[tokio::test]
async fn a_token_of_a_secret_is_known_as_long_as_the_secret_holds_it() {
    let (fixture, accounts, uid) = with_account().await;
    let claim = |name: &str| format!("kubernetes.io/serviceaccount/{name}");
    let mut legacy = json!({
        "iss": "kubernetes/serviceaccount",
        "sub": "system:serviceaccount:default:worker",
    });
    for (name, value) in [
        ("namespace", "default"),
        ("secret.name", "old"),
        ("service-account.name", "worker"),
        ("service-account.uid", &uid),
    ] {
        legacy[claim(name)] = value.into();
    }
    let token = accounts.sign(&legacy).unwrap();
    assert_eq!(
        review(&fixture, &token, &[]).await["error"],
        "[invalid bearer token, Token has been invalidated]"
    );
    let secret = json!({
        "metadata": {
            "name": "old",
            "annotations": {"kubernetes.io/service-account.name": "worker"},
        },
        "type": "kubernetes.io/service-account-token",
        "stringData": {"token": token},
    });
    create(&fixture, "/api/v1/namespaces/default/secrets", &secret).await;
    let known = review(&fixture, &token, &[]).await;
    assert_eq!(
        known["user"]["username"],
        "system:serviceaccount:default:worker"
    );
}

#[tokio::test]
async fn who_checks_tokens_elsewhere_finds_the_keys() {
    let (fixture, _, _) = with_account().await;
    let document = fixture
        .client
        .request("GET", "/.well-known/openid-configuration", &[], "");
    let document = document.await;
    assert_eq!(document.header("content-type"), "application/json");
    assert_eq!(document.header("cache-control"), "public, max-age=3600");
    let document = document.into_json().await.unwrap();
    assert_eq!(document["issuer"], ISSUER);
    let keys = fixture
        .client
        .request("GET", "/openid/v1/jwks", &[], "")
        .await;
    assert_eq!(keys.header("content-type"), "application/jwk-set+json");
    let keys = keys.into_json().await.unwrap();
    assert_eq!(keys["keys"][0]["kty"], "EC");
    let bob = fixture.cluster.client_as(super::known("bob"));
    assert_eq!(super::outcome(&bob, "GET", "/openid/v1/jwks").await.0, 403);
    let account = mockernetes::auth::User {
        groups: vec!["system:serviceaccounts".to_owned()],
        ..super::known("system:serviceaccount:default:worker")
    };
    let account = fixture.cluster.client_as(account);
    assert_eq!(
        super::outcome(&account, "GET", "/openid/v1/jwks").await.0,
        200
    );
}

#[test]
fn keys_are_read_from_pem() {
    let key = rcgen::KeyPair::generate().unwrap();
    let signing = SigningKey::of_pem(&key.serialize_pem()).unwrap();
    let public = PublicKey::all_of_pem(&key.public_key_pem()).unwrap();
    assert_eq!(signing.public.id, public[0].id);
    assert_eq!(signing.public.jwk()["crv"], "P-256");
    assert!(SigningKey::of_pem(&key.public_key_pem()).is_err());
    assert!(PublicKey::all_of_pem("no PEM at all").is_err());
}

#[tokio::test]
async fn a_token_holds_no_longer_than_the_cluster_lets_it() {
    let mut accounts = ServiceAccounts::of_issuers(vec![ISSUER.to_owned()]);
    accounts.seconds_max = 900;
    let builder = Cluster::builder()
        .auth(Mode::Rbac)
        .service_accounts(accounts);
    let fixture = start(builder).await;
    let path = "/api/v1/namespaces/default/serviceaccounts";
    create(&fixture, path, &json!({"metadata": {"name": "worker"}})).await;
    let path = format!("{path}/worker/token");
    for (asked, given, warnings) in [(600, 600, 0), (3600, 900, 1)] {
        let body = json!({"spec": {"expirationSeconds": asked}}).to_string();
        let headers = [("content-type", "application/json")];
        let reply = fixture.client.request("POST", &path, &headers, body).await;
        assert_eq!(reply.headers.get_all("warning").iter().count(), warnings);
        let answer = reply.into_json().await.unwrap();
        assert_eq!(answer["spec"]["expirationSeconds"], given);
    }
}

#[tokio::test]
async fn a_request_for_a_token_says_who_asked_for_what() {
    let (fixture, _, _) = with_account().await;
    let accounts = fixture.client.api("v1", "serviceaccounts");
    let accounts = accounts.namespace("default").list("").await.unwrap();
    let name = accounts["items"][0]["metadata"]["name"].as_str().unwrap();
    let path = format!("/api/v1/namespaces/default/serviceaccounts/{name}/token?fieldManager=me");
    let asked = json!({"spec": {"audiences": ["a"]}});
    let made = fixture
        .client
        .json("POST", &path, Some(&asked))
        .await
        .unwrap();
    let mut entry = made["metadata"]["managedFields"][0].clone();
    entry["time"].take();
    let expected = json!({
        "manager": "me",
        "operation": "Update",
        "apiVersion": "authentication.k8s.io/v1",
        "time": null,
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:audiences": {}, "f:expirationSeconds": {}}},
        "subresource": "token",
    });
    assert_eq!(entry, expected);
}
