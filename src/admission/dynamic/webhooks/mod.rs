//! Webhooks: what the cluster's configurations say, and one call of one of them.
//!
//! *Upstream:* `apiserver/pkg/admission/plugin/webhook/{generic,accessors.go}`.

mod mutating;
mod validating;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

pub(in crate::admission) use self::mutating::MutatingAdmissionWebhook;
pub(in crate::admission) use self::validating::ValidatingAdmissionWebhook;
use super::criteria::Criteria;
use super::expressions::{Asker, Conditions, View};
use super::review::{Response, Version, review, unreadable};
use super::subject::{Versioned, request_json};
use super::{GROUP, is_virtual};
use crate::admission::Attributes;
use crate::cel::admission::Environment;
use crate::error::{ApiError, Reason};
use crate::object::Object;
use crate::object::quote::quoted;
use crate::schema::Resource;
use crate::webhook::{Call, Target};

/// How long a request may take that a webhook is asked about.
const REQUEST_SECONDS: u64 = 34;

/// One webhook of a configuration.
#[derive(Debug)]
struct Hook {
    /// The name of its configuration.
    configuration: String,
    name: String,
    criteria: Criteria,
    conditions: Conditions,
    target: Target,
    timeout: Duration,
    /// `failurePolicy: Ignore`
    is_optional: bool,
    /// `reinvocationPolicy: IfNeeded`
    is_asked_again: bool,
    /// Whether it does nothing beside answering when nothing will be written.
    bears_dry_run: bool,
    version: Option<Version>,
}

/// Why a call came to nothing.
enum Trouble {
    /// It could not be asked, or what it said makes no sense.
    Failed(String),
    /// It, or something on the way, said no.
    Refused(Box<ApiError>),
}

/// All webhooks of configurations, in order.
fn hooks(configurations: &[Arc<Object>]) -> Vec<Hook> {
    let environment = Environment::new().with_authorizer(true);
    let mut all = Vec::new();
    for configuration in configurations {
        for hook in configuration.items(&["webhooks"]) {
            all.push(Hook::of(configuration.name(), hook, &environment));
        }
    }
    all
}

/// Whether webhooks may see a write at all: not what configures admission itself.
fn is_exempt(write: &Attributes) -> bool {
    let is_configuration = &*write.resource.group_version.group == GROUP
        && matches!(
            write.kind().kind.as_ref(),
            "ValidatingWebhookConfiguration"
                | "MutatingWebhookConfiguration"
                | "ValidatingAdmissionPolicy"
                | "ValidatingAdmissionPolicyBinding"
                | "MutatingAdmissionPolicy"
                | "MutatingAdmissionPolicyBinding"
        );
    is_configuration || is_virtual(write)
}

impl Hook {
    fn of(configuration: &str, hook: &Value, environment: &Environment) -> Self {
        let text = |name: &str| hook[name].as_str().unwrap_or("").to_owned();
        let versions = hook["admissionReviewVersions"].as_array().into_iter();
        let versions = versions.flatten().filter_map(Value::as_str);
        let seconds = hook["timeoutSeconds"].as_u64().unwrap_or(REQUEST_SECONDS);
        Self {
            configuration: configuration.to_owned(),
            name: text("name"),
            criteria: Criteria::of_webhook(hook),
            conditions: Conditions::compile(&hook["matchConditions"], environment),
            target: Target::of_client_config(&hook["clientConfig"]),
            timeout: Duration::from_secs(seconds.min(REQUEST_SECONDS)),
            is_optional: hook["failurePolicy"] == "Ignore",
            is_asked_again: hook["reinvocationPolicy"] == "IfNeeded",
            bears_dry_run: matches!(hook["sideEffects"].as_str(), Some("None" | "NoneOnDryRun")),
            version: Version::choose(versions),
        }
    }

    /// A name that no other webhook has.
    fn key(&self) -> String {
        format!("{}/{}", self.configuration, self.name)
    }

    /// Whether the conditions of the webhook hold.
    fn wants(&self, write: &Attributes, versioned: &Versioned) -> Result<bool, ApiError> {
        if self.conditions.is_empty() {
            return Ok(true);
        }
        let view = View {
            versioned,
            request: &request_json(write, &versioned.resource),
            namespace: None,
            params: None,
            asker: &Asker(write),
        };
        match self.conditions.hold(&view.input(), &[]) {
            Ok(holds) => Ok(holds),
            Err(_) if self.is_optional => Ok(false),
            Err(why) => {
                let resource = write.resource.group_resource();
                Err(ApiError::forbidden(&resource, write.name, &why))
            }
        }
    }

    /// Asks the webhook about a write.
    async fn ask(
        &self,
        write: &Attributes<'_>,
        versioned: &Versioned,
        is_mutating: bool,
    ) -> Result<Response, Trouble> {
        if write.is_dry_run && !self.bears_dry_run {
            return Err(Trouble::Refused(Box::new(ApiError::new(
                Reason::BadRequest,
                format!(
                    "admission webhook {} does not support dry run",
                    quoted(&self.name)
                ),
            ))));
        }
        let Some(version) = self.version else {
            return Err(Trouble::Failed(
                "could not create admission objects: webhook does not accept known \
                 AdmissionReview versions (v1, v1beta1)"
                    .to_owned(),
            ));
        };
        let uid = write.entropy.uid();
        let call = Call {
            target: &self.target,
            body: &review(write, versioned, version, &uid),
            timeout: self.timeout,
            says_timeout: true,
            user_agent: "kube-apiserver-admission",
        };
        let answer = write.webhooks.call(&call).await;
        let answer = answer
            .map_err(|failure| Trouble::Failed(format!("failed to call webhook: {failure}")))?;
        if let Some(why) = unreadable(&answer, version) {
            return Err(Trouble::Failed(format!("failed to call webhook: {why}")));
        }
        let response = Response::of(&answer, version, &uid, is_mutating)
            .map_err(|why| Trouble::Failed(format!("received invalid webhook response: {why}")))?;
        for (key, value) in &response.annotations {
            write.annotate(format!("{}/{key}", self.name), value);
        }
        for warning in &response.warnings {
            write.warn(warning);
        }
        if response.is_allowed {
            Ok(response)
        } else {
            Err(Trouble::Refused(Box::new(response.refusal(&self.name))))
        }
    }

    /// What becomes of a call that came to nothing: an error, or nothing where the webhook is
    /// optional; `key` is where the audit event is told so.
    fn settle(&self, write: &Attributes, trouble: Trouble, key: &str) -> Result<(), ApiError> {
        match trouble {
            Trouble::Refused(error) => Err(*error),
            Trouble::Failed(why) if self.is_optional => {
                tracing::warn!(webhook = self.name, why, "an optional webhook failed");
                write.annotate(key, &self.name);
                Ok(())
            }
            Trouble::Failed(why) => {
                let name = quoted(&self.name);
                Err(ApiError::internal(format!(
                    "failed calling webhook {name}: {why}"
                )))
            }
        }
    }

    /// The resource as which the webhook takes a write, where it does.
    fn matched(
        &self,
        write: &Attributes,
        object: Option<&Object>,
    ) -> Result<Option<Arc<Resource>>, ApiError> {
        self.criteria.matched(write, object)
    }
}
