//! A table of attempts to get where one may not, each with what a real kube-apiserver 1.37
//! answered.
//!
//! `tests/cases/security.jsonl`: first what is there (`setup`, `object`), then attempts. Tokens in it
//! were signed with the key whose public half is `security.pub`; alice's is `usertoken`.

use mockernetes::auth::service_account::ServiceAccounts;
use mockernetes::auth::service_account::keys::PublicKey;
use mockernetes::auth::{Authenticator, Mode};
use mockernetes::client::Client;
use mockernetes::cluster::Cluster;
use serde_json::Value;

use super::create;
use crate::support::{Fixture, start};

const CASES: &str = include_str!("../../cases/security.jsonl");
const KEY: &str = include_str!("../../cases/security.pub");

async fn guarded() -> Fixture {
    let mut tokens = Authenticator::new(Mode::Rbac);
    tokens
        .add_token_file("admintoken,admin,1,\"system:masters\"\nusertoken,alice,2,\"devs\"\n")
        .unwrap();
    let issuers = vec!["https://kubernetes.default.svc".to_owned()];
    let mut accounts = ServiceAccounts::of_issuers(issuers);
    accounts.believe(PublicKey::all_of_pem(KEY).unwrap());
    let builder = Cluster::builder().auth(Mode::Rbac).tokens(&tokens);
    start(builder.service_accounts(accounts)).await
}

/// A text with what stands for many letters spelled out: `<70000 x>`.
fn spelled_out(text: &str) -> String {
    let Some((before, rest)) = text.split_once('<') else {
        return text.to_owned();
    };
    let (count, rest) = rest.split_once(' ').unwrap();
    let (letter, after) = rest.split_once('>').unwrap();
    format!("{before}{}{after}", letter.repeat(count.parse().unwrap()))
}

async fn attempt(client: &Client, case: &Value) -> (u64, String) {
    let text = |name: &str| case[name].as_str().unwrap_or("");
    let headers = case["headers"].as_array().unwrap().iter();
    let headers: Vec<(&str, String)> = headers
        .map(|header| {
            let value = spelled_out(header[1].as_str().unwrap());
            (header[0].as_str().unwrap(), value)
        })
        .collect();
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let body = text("body").to_owned();
    let reply = client
        .request(text("method"), text("path"), &headers, body)
        .await;
    let code = u64::from(reply.code);
    let mockernetes::client::ReplyBody::Whole(body) = reply.body else {
        return (code, "a watch".to_owned());
    };
    let message = match serde_json::from_slice::<Value>(&body) {
        Ok(status) => status["message"].as_str().unwrap_or("").to_owned(),
        Err(_) => String::from_utf8_lossy(&body).into_owned(),
    };
    (code, message)
}

#[tokio::test]
async fn every_attempt_is_refused_as_the_real_server_refuses_it() {
    let fixture = guarded().await;
    let client = fixture.cluster.anonymous_client();
    let mut count = 0;
    for line in CASES.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        if let Some(path) = case["setup"].as_str() {
            create(&fixture, path, &case["object"]).await;
            continue;
        }
        let expected = (
            case["code"].as_u64().unwrap(),
            case["message"].as_str().unwrap_or("").to_owned(),
        );
        assert!(expected.0 >= 400, "{}", case["name"]);
        assert_eq!(attempt(&client, &case).await, expected, "{}", case["name"]);
        count += 1;
    }
    assert_eq!(count, 93);
}
