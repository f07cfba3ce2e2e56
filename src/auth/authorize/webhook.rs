//! By somebody far away, who reads `SubjectAccessReview`s.
//!
//! *Upstream:* `apiserver/plugin/pkg/authorizer/webhook/webhook.go`.

use serde_json::{Map, Value, json};

use super::{Attributes, Decision, Verdict};
use crate::auth::User;
use crate::auth::remote::Remote;
use crate::object::selector::Operator;

/// How long what is asked about may be to be remembered.
const QUESTION_BYTES_MAX: usize = 10_000;

/// What they say.
pub(super) async fn decide(remote: &Remote, user: &User, asked: &Attributes<'_>) -> Decision {
    let spec = spec(remote.version(), user, asked);
    let review = json!({
        "kind": "SubjectAccessReview",
        "apiVersion": format!("authorization.k8s.io/{}", remote.version()),
        "metadata": {},
        "spec": spec,
        "status": {"allowed": false},
    });
    let key = Some(spec.to_string()).filter(|key| key.len() <= QUESTION_BYTES_MAX);
    let status = match remote
        .ask(key, &review, |status| status["allowed"] == true)
        .await
    {
        Ok(status) => status,
        Err(failure) => {
            return Decision {
                error: Some(failure.message),
                ..Decision::default()
            };
        }
    };
    let reason = status["reason"].as_str().unwrap_or("").to_owned();
    let (is_denied, is_allowed) = (status["denied"] == true, status["allowed"] == true);
    let both = "webhook subject access review returned both allow and deny response";
    Decision {
        verdict: match (is_denied, is_allowed) {
            (true, _) => Verdict::Deny,
            (false, true) => Verdict::Allow,
            (false, false) => Verdict::NoOpinion,
        },
        reason,
        error: (is_denied && is_allowed).then(|| both.to_owned()),
    }
}

fn spec(version: &str, user: &User, asked: &Attributes) -> Value {
    let mut spec = Map::new();
    let attributes = if asked.is_resource {
        ("resourceAttributes", resource(asked))
    } else {
        let path = json!({"path": asked.path, "verb": asked.verb});
        ("nonResourceAttributes", path)
    };
    spec.insert(attributes.0.to_owned(), attributes.1);
    spec.insert("user".to_owned(), user.name.as_str().into());
    // The older version names them in the singular.
    let groups = if version == "v1beta1" {
        "group"
    } else {
        "groups"
    };
    if !user.groups.is_empty() {
        spec.insert(groups.to_owned(), json!(user.groups));
    }
    if !user.extra.is_empty() {
        let extra: Map<String, Value> = user
            .extra
            .iter()
            .map(|(key, values)| (key.clone(), json!(values)))
            .collect();
        spec.insert("extra".to_owned(), Value::Object(extra));
    }
    if !user.uid.is_empty() {
        spec.insert("uid".to_owned(), user.uid.as_str().into());
    }
    Value::Object(spec)
}

fn resource(asked: &Attributes) -> Value {
    let fields = [
        ("namespace", asked.namespace),
        ("verb", asked.verb),
        ("group", asked.group),
        ("version", asked.version),
        ("resource", asked.resource),
        ("subresource", asked.subresource),
        ("name", asked.name),
    ];
    let fields = fields.into_iter().filter(|(_, text)| !text.is_empty());
    let mut out: Map<String, Value> = fields
        .map(|(field, text)| (field.to_owned(), text.into()))
        .collect();
    let fields = asked.selectors.field_terms();
    let fields = fields.iter().map(|term| {
        let operator = if term.is_equal { "In" } else { "NotIn" };
        json!({"key": term.field, "operator": operator, "values": [term.value]})
    });
    let labels = asked.selectors.label_requirements();
    let labels = labels.iter().filter_map(|requirement| {
        let operator = match requirement.operator() {
            Operator::In | Operator::Equals | Operator::DoubleEquals => "In",
            Operator::NotIn | Operator::NotEquals => "NotIn",
            Operator::Exists => "Exists",
            Operator::DoesNotExist => "DoesNotExist",
            Operator::Gt | Operator::Lt => return None,
        };
        let mut out = json!({"key": requirement.key(), "operator": operator});
        if !requirement.values().is_empty() {
            out["values"] = json!(requirement.values());
        }
        Some(out)
    });
    let (fields, labels): (Vec<Value>, Vec<Value>) = (fields.collect(), labels.collect());
    for (field, list) in [("fieldSelector", fields), ("labelSelector", labels)] {
        if !list.is_empty() {
            out.insert(field.to_owned(), json!({"requirements": list}));
        }
    }
    Value::Object(out)
}
