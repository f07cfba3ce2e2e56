//! Webhooks that may refuse a write: all asked at once.
//!
//! *Upstream:* `apiserver/pkg/admission/plugin/webhook/validating/dispatcher.go`.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};

use super::{Hook, hooks, is_exempt};
use crate::admission::dynamic::configured::Configured;
use crate::admission::dynamic::subject::Versioned;
use crate::admission::{Attributes, Plugin, settled};
use crate::error::ApiError;
use crate::object::Object;
use crate::storage::Reader;

/// The plugin.
pub(in crate::admission) struct ValidatingAdmissionWebhook {
    hooks: Configured<Vec<Hook>>,
}

impl Default for ValidatingAdmissionWebhook {
    fn default() -> Self {
        Self {
            hooks: Configured::new(&["validatingwebhookconfigurations"]),
        }
    }
}

impl Plugin for ValidatingAdmissionWebhook {
    fn name(&self) -> &'static str {
        "ValidatingAdmissionWebhook"
    }

    fn is_configured(&self, reader: &dyn Reader) -> bool {
        self.hooks.is_any(reader)
    }

    fn validate_later<'c>(
        &'c self,
        write: &'c Attributes<'c>,
        object: Option<&'c Object>,
    ) -> Option<BoxFuture<'c, Result<(), ApiError>>> {
        let all = self.hooks.get(write.reader, |mut objects| {
            hooks(&objects.pop().unwrap_or_default())
        })?;
        (!is_exempt(write)).then(|| dispatch(all, write, object).boxed())
    }
}

async fn dispatch(
    all: Arc<Vec<Hook>>,
    write: &Attributes<'_>,
    object: Option<&Object>,
) -> Result<(), ApiError> {
    let mut versions: Vec<Arc<Versioned>> = Vec::new();
    let mut asked: Vec<(&Hook, Arc<Versioned>)> = Vec::new();
    for hook in all.iter() {
        let Some(resource) = hook.matched(write, object)? else {
            continue;
        };
        let known = versions.iter().find(|known| known.is_of(&resource));
        let versioned = if let Some(known) = known {
            Arc::clone(known)
        } else {
            let made = Arc::new(Versioned::of(write, object, &resource).await?);
            versions.push(Arc::clone(&made));
            made
        };
        if settled(write.rights, || hook.wants(write, &versioned)).await? {
            asked.push((hook, versioned));
        }
    }
    let calls = asked
        .iter()
        .enumerate()
        .map(|(index, (hook, versioned))| ask(hook, write, versioned, index));
    // The first that refuses is who the client hears of.
    join_all(calls).await.into_iter().collect()
}

async fn ask(
    hook: &Hook,
    write: &Attributes<'_>,
    versioned: &Versioned,
    index: usize,
) -> Result<(), ApiError> {
    match hook.ask(write, versioned, false).await {
        Ok(_) => Ok(()),
        Err(trouble) => {
            let key =
                format!("failed-open.validating.webhook.admission.k8s.io/round_0_index_{index}");
            hook.settle(write, trouble, &key)
        }
    }
}
