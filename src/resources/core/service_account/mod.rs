//! Service accounts.
//!
//! *Upstream:* `pkg/registry/core/serviceaccount/strategy.go`.

mod token;

use serde_json::json;

use crate::error::ApiError;
use crate::object::Object;
use crate::registry::{Connect, Context, Strategy};
use crate::resources::shared::look::Look;

const MOUNTABLE_SECRETS: &str = "kubernetes.io/enforce-mountable-secrets";

/// What is special about service accounts.
#[derive(Clone, Copy, Debug)]
pub struct ServiceAccountStrategy;

impl Strategy for ServiceAccountStrategy {
    fn prepare_create(&self, _cx: &Context, object: &mut Object) -> Result<(), ApiError> {
        clean_secrets(object);
        Ok(())
    }

    fn prepare_update(
        &self,
        _cx: &Context,
        object: &mut Object,
        _old: &Object,
    ) -> Result<(), ApiError> {
        clean_secrets(object);
        Ok(())
    }

    fn warn(&self, cx: &Context, object: &Object, old: Option<&Object>) {
        let has = |object: &Object| {
            object
                .annotations()
                .any(|(key, _)| key == MOUNTABLE_SECRETS)
        };
        if has(object) && !old.is_some_and(has) {
            cx.warn(format!(
                "metadata.annotations[{MOUNTABLE_SECRETS}]: deprecated in v1.32+; prefer separate \
                 namespaces to isolate access to mounted secrets"
            ));
        }
    }

    fn answers_deleted_object(&self, _version: &str) -> bool {
        true
    }

    fn subresource(&self, name: &str) -> Option<&dyn Connect> {
        (name == "token").then_some(&token::Token as &dyn Connect)
    }
}

/// References to secrets are names and nothing more.
fn clean_secrets(object: &mut Object) {
    let secrets = object.list("secrets");
    if secrets.is_empty() {
        return;
    }
    let clean: serde_json::Value = secrets
        .iter()
        .map(|secret| match secret.text("name") {
            "" => json!({}),
            name => json!({"name": name}),
        })
        .collect();
    object.set(&["secrets"], clean);
}
