//! Which flow a request is part of.

use mockernetes::auth::{Authenticator, Mode};
use mockernetes::cluster::Cluster;
use serde_json::{Value, json};

const TOKENS: &str = "admintoken,admin,admin-uid,\"system:masters\"\n\
                      usertoken,jane,jane-uid,\"devs\"\n";
const GROUP: &str = "flowcontrol.apiserver.k8s.io/v1";

async fn cluster() -> Cluster {
    let mut tokens = Authenticator::new(Mode::Rbac);
    tokens.add_token_file(TOKENS).unwrap();
    let builder = Cluster::builder().auth(Mode::Rbac).tokens(&tokens);
    builder.start().await.unwrap()
}

/// The names of the flow schema and the priority level that a request is answered with.
async fn flow(
    cluster: &Cluster,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
) -> [String; 2] {
    let reply = cluster
        .anonymous_client()
        .request(method, path, headers, "")
        .await;
    let client = cluster.client();
    let name = async |plural: &'static str, header: &str| {
        let uid = reply.header(header).to_owned();
        let all = client.api(GROUP, plural).list("").await.unwrap();
        let mut all = all["items"].as_array().unwrap().iter();
        let found = all.find(|one| one["metadata"]["uid"] == uid.as_str());
        found.map_or(uid.clone(), |one| {
            one["metadata"]["name"].as_str().unwrap().to_owned()
        })
    };
    [
        name("flowschemas", "x-kubernetes-pf-flowschema-uid").await,
        name(
            "prioritylevelconfigurations",
            "x-kubernetes-pf-prioritylevel-uid",
        )
        .await,
    ]
}

/// Method and path, headers, and the expected names.
type Case = (
    (&'static str, &'static str),
    &'static [(&'static str, &'static str)],
    [&'static str; 2],
);

const ADMIN: (&str, &str) = ("authorization", "Bearer admintoken");
const JANE: (&str, &str) = ("authorization", "Bearer usertoken");

const PODS: (&str, &str) = ("GET", "/api/v1/pods");
const AS_NODE: &[(&str, &str)] = &[
    ADMIN,
    ("impersonate-user", "system:node:n1"),
    ("impersonate-group", "system:nodes"),
];

#[tokio::test]
async fn answers_say_which_flow_a_request_is_part_of() {
    let cluster = cluster().await;
    let cases: [Case; 8] = [
        (PODS, &[ADMIN], ["exempt", "exempt"]),
        (PODS, &[JANE], ["global-default", "global-default"]),
        (("GET", "/healthz"), &[], ["probes", "exempt"]),
        (
            ("GET", "/version"),
            &[],
            ["global-default", "global-default"],
        ),
        (PODS, AS_NODE, ["system-nodes", "system"]),
        (
            ("PUT", "/api/v1/nodes/n1/status"),
            AS_NODE,
            ["system-node-high", "node-high"],
        ),
        // Who it is comes before, and what has no end takes no part.
        (PODS, &[("authorization", "Bearer nobody")], ["", ""]),
        (
            ("GET", "/api/v1/namespaces/default/pods/x/log"),
            &[JANE],
            ["", ""],
        ),
    ];
    for (asked, headers, expected) in cases {
        assert_eq!(
            flow(&cluster, asked, headers).await,
            expected,
            "{asked:?} {headers:?}"
        );
    }
}

fn schema() -> Value {
    json!({
        "metadata": {"name": "mine"},
        "spec": {
            "matchingPrecedence": 50,
            "priorityLevelConfiguration": {"name": "level"},
            "rules": [{
                "subjects": [{"kind": "User", "user": {"name": "jane"}}],
                "resourceRules": [{
                    "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"],
                    "clusterScope": true,
                }],
            }],
        },
    })
}

#[tokio::test]
async fn a_flow_schema_is_dangling_until_its_priority_level_is_there() {
    let cluster = cluster().await;
    let schemas = cluster.client().api(GROUP, "flowschemas");
    let levels = cluster.client().api(GROUP, "prioritylevelconfigurations");
    let level = json!({
        "metadata": {"name": "level"},
        "spec": {"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}}},
    });
    let dangling = async || {
        let schema = schemas.get("mine").await.unwrap();
        let condition = &schema["status"]["conditions"][0];
        assert_eq!(condition["type"], "Dangling");
        [&condition["status"], &condition["reason"]].map(|text| text.as_str().unwrap().to_owned())
    };
    schemas.create(&schema()).await.unwrap();
    assert_eq!(dangling().await, ["True", "NotFound"]);
    assert_eq!(flow(&cluster, PODS, &[JANE]).await[0], "global-default");
    levels.create(&level).await.unwrap();
    assert_eq!(dangling().await, ["False", "Found"]);
    assert_eq!(flow(&cluster, PODS, &[JANE]).await, ["mine", "level"]);
    levels.delete("level").await.unwrap();
    assert_eq!(dangling().await, ["True", "NotFound"]);
    assert_eq!(flow(&cluster, PODS, &[JANE]).await[0], "global-default");
}
