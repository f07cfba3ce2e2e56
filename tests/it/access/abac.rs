//! Rights by policies of a file.

use mockernetes::auth::User;
use mockernetes::auth::authorize::Mode;
use mockernetes::auth::authorize::abac::Policies;
use mockernetes::cluster::Cluster;

use super::{known, outcome};
use crate::support::{Fixture, start};

async fn by(policies: &str) -> Fixture {
    let policies = Policies::parse(policies).unwrap();
    let builder = Cluster::builder().authorization(vec![Mode::Abac]);
    start(builder.policies(policies)).await
}

const VERSION: &str = r#""apiVersion":"abac.authorization.kubernetes.io/v1beta1","kind":"Policy""#;

#[tokio::test]
async fn a_policy_allows_what_it_names_and_nothing_else() {
    let policies = [
        "# comments and empty lines say nothing",
        "",
        &format!(
            r#"{{{VERSION},"spec":{{"user":"bob","readonly":true,"apiGroup":"","resource":"pods","namespace":"default"}}}}"#
        ),
        &format!(r#"{{{VERSION},"spec":{{"group":"ops","nonResourcePath":"/healthz*"}}}}"#),
        &format!(
            r#"{{{VERSION},"spec":{{"user":"carol","group":"ops","apiGroup":"*","resource":"*","namespace":"*"}}}}"#
        ),
    ];
    let fixture = by(&policies.join("\n")).await;
    let bob = fixture.cluster.client_as(known("bob"));
    let pods = "/api/v1/namespaces/default/pods";
    assert_eq!(outcome(&bob, "GET", pods).await.0, 200);
    let refusal = outcome(&bob, "DELETE", pods).await;
    assert_eq!(
        refusal,
        (
            403,
            "pods is forbidden: User \"bob\" cannot deletecollection resource \"pods\" in API \
             group \"\" in the namespace \"default\": abac: No policy matched."
                .to_owned()
        )
    );
    assert_eq!(outcome(&bob, "GET", "/api/v1/pods").await.0, 403);
    let mut carol = known("carol");
    let as_one = |user: &User| fixture.cluster.client_as(user.clone());
    assert_eq!(
        outcome(&as_one(&carol), "GET", "/api/v1/secrets").await.0,
        403
    );
    carol.groups.push("ops".to_owned());
    assert_eq!(
        outcome(&as_one(&carol), "GET", "/api/v1/secrets").await.0,
        200
    );
    assert_eq!(outcome(&as_one(&carol), "GET", "/healthz").await.0, 200);
    assert_eq!(outcome(&as_one(&carol), "GET", "/version").await.0, 403);
}

#[tokio::test]
async fn policies_from_before_there_were_versions_are_understood() {
    let fixture = by(r#"{"user":"bob"}
{"readonly":true,"resource":"pods"}"#)
    .await;
    let bob = fixture.cluster.client_as(known("bob"));
    assert_eq!(outcome(&bob, "GET", "/api/v1/secrets").await.0, 200);
    assert_eq!(outcome(&bob, "GET", "/version").await.0, 200);
    let dave = fixture.cluster.client_as(known("dave"));
    assert_eq!(outcome(&dave, "GET", "/api/v1/pods").await.0, 200);
    assert_eq!(outcome(&dave, "GET", "/api/v1/secrets").await.0, 403);
    let nobody = fixture.cluster.anonymous_client();
    assert_eq!(outcome(&nobody, "GET", "/api/v1/pods").await.0, 403);
}

#[test]
fn a_line_that_is_no_policy_is_told() {
    let wrong = Policies::parse("{\"user\":\"a\"}\n{\"kind\":\"Other\"}").unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "line 2: expected an abac.authorization.kubernetes.io/v1beta1 Policy"
    );
}
