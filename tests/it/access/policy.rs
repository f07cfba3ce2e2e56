//! What an audit policy asks for.

use mockernetes::audit::{Level, Policy, Stage};
use mockernetes::auth::Attributes;

use super::known;

const POLICY: &str = r#"
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: ["RequestReceived"]
omitManagedFields: true
rules:
- level: None
  users: ["quiet"]
- level: RequestResponse
  resources: [{group: "", resources: ["configmaps", "pods/*"], resourceNames: ["a"]}]
  omitManagedFields: false
- level: Request
  namespaces: ["shop"]
  verbs: ["create"]
  omitStages: ["ResponseStarted"]
- level: Metadata
  nonResourceURLs: ["/livez*"]
"#;

fn about<'a>(
    verb: &'a str,
    namespace: &'a str,
    resource: &'a str,
    name: &'a str,
) -> Attributes<'a> {
    Attributes {
        verb,
        is_resource: true,
        namespace,
        resource,
        name,
        ..Attributes::default()
    }
}

#[test]
fn the_first_rule_that_matches_decides() {
    let policy = Policy::parse(POLICY).unwrap();
    let level = |user: &str, asked: &Attributes| policy.terms(Some(&known(user)), asked).level;
    let map = about("get", "", "configmaps", "a");
    assert_eq!(level("quiet", &map), Level::None);
    assert_eq!(level("bob", &map), Level::RequestResponse);
    assert_eq!(
        level("bob", &about("get", "", "configmaps", "b")),
        Level::None
    );
    let exec = Attributes {
        subresource: "exec",
        ..about("create", "", "pods", "a")
    };
    assert_eq!(level("bob", &exec), Level::RequestResponse);
    assert_eq!(
        level("bob", &about("create", "shop", "secrets", "")),
        Level::Request
    );
    assert_eq!(
        level("bob", &about("get", "shop", "secrets", "")),
        Level::None
    );
    let path = |path| Attributes {
        verb: "get",
        path,
        ..Attributes::default()
    };
    assert_eq!(level("bob", &path("/livez/ping")), Level::Metadata);
    assert_eq!(level("bob", &path("/version")), Level::None);
    assert_eq!(policy.terms(None, &path("/livez")).level, Level::Metadata);
}

#[test]
fn stages_add_up_and_fields_override() {
    let policy = Policy::parse(POLICY).unwrap();
    let bob = known("bob");
    let terms = policy.terms(Some(&bob), &about("create", "shop", "secrets", ""));
    assert!(terms.omitted.contains(&Stage::RequestReceived));
    assert!(terms.omitted.contains(&Stage::ResponseStarted));
    assert!(terms.omits_managed_fields);
    let terms = policy.terms(Some(&bob), &about("get", "", "configmaps", "a"));
    assert_eq!(terms.omitted, [Stage::RequestReceived]);
    assert!(!terms.omits_managed_fields);
}

#[test]
fn a_policy_that_would_not_be_obeyed_is_refused() {
    let head = "apiVersion: audit.k8s.io/v1\nkind: Policy\n";
    for (text, expected) in [
        ("kind: Policy", "expected audit.k8s.io/v1, Kind=Policy"),
        (
            &format!("{head}rules: []"),
            "loaded illegal policy with 0 rules",
        ),
        (
            &format!("{head}rules: [{{}}]"),
            "rules[0].level: Required value",
        ),
        (
            &format!("{head}rules: [{{level: Metadata, user: [a]}}]"),
            "unknown field \"rules[0].user\"",
        ),
        (
            &format!("{head}rules: [{{level: All}}]"),
            "rules[0].level: Unsupported value: \"All\": supported values: \"Metadata\", \"None\", \
             \"Request\", \"RequestResponse\"",
        ),
        (
            &format!("{head}rules: [{{level: None, nonResourceURLs: [livez]}}]"),
            "rules[0].nonResourceURLs: Invalid value: \"livez\": must begin with '/' and may have \
             a '*' at its end only",
        ),
    ] {
        assert_eq!(Policy::parse(text).unwrap_err().to_string(), expected);
    }
}
