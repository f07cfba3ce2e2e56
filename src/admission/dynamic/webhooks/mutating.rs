//! Webhooks that may change an object: one after the other, and those that want it a second time
//! where somebody changed the object after them.
//!
//! *Upstream:* `apiserver/pkg/admission/plugin/webhook/mutating`.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{Hook, Trouble, hooks, is_exempt};
use crate::admission::chain::Round;
use crate::admission::dynamic::configured::Configured;
use crate::admission::dynamic::review::Response;
use crate::admission::dynamic::subject::Versioned;
use crate::admission::{Attributes, Plugin, settled};
use crate::error::ApiError;
use crate::object::Object;
use crate::object::quote::quoted;
use crate::patch::{self, Patch};
use crate::schema::Resource;
use crate::storage::Reader;

/// The plugin.
pub(in crate::admission) struct MutatingAdmissionWebhook {
    hooks: Configured<Vec<Hook>>,
}

impl Default for MutatingAdmissionWebhook {
    fn default() -> Self {
        Self {
            hooks: Configured::new(&["mutatingwebhookconfigurations"]),
        }
    }
}

impl Plugin for MutatingAdmissionWebhook {
    fn name(&self) -> &'static str {
        "MutatingAdmissionWebhook"
    }

    fn is_configured(&self, reader: &dyn Reader) -> bool {
        self.hooks.is_any(reader)
    }

    fn mutate_later<'c>(
        &'c self,
        write: &'c Attributes<'c>,
        object: Option<&'c mut Object>,
        round: &'c mut Round,
    ) -> Option<BoxFuture<'c, Result<(), ApiError>>> {
        let all = self.hooks.get(write.reader, |mut objects| {
            hooks(&objects.pop().unwrap_or_default())
        })?;
        (!is_exempt(write)).then(|| {
            let state = State {
                write,
                object,
                current: None,
                is_changed: false,
            };
            dispatch(all, state, round).boxed()
        })
    }
}

/// The object on its way through the webhooks: in the version that the last of them asked for.
struct State<'c> {
    write: &'c Attributes<'c>,
    object: Option<&'c mut Object>,
    current: Option<Versioned>,
    /// Whether `current` is newer than `object`.
    is_changed: bool,
}

async fn dispatch(
    all: Arc<Vec<Hook>>,
    mut state: State<'_>,
    round: &mut Round,
) -> Result<(), ApiError> {
    let is_second = round.is_second;
    round.webhooks.begin(is_second, state.object.as_deref());
    for (index, hook) in all.iter().enumerate() {
        let Some(resource) = hook.matched(state.write, state.shown())? else {
            continue;
        };
        let write = state.write;
        let versioned = state.in_version(&resource).await?;
        if !settled(write.rights, || hook.wants(write, versioned)).await? {
            continue;
        }
        // Whoever was not asked in the first run is not asked in the second.
        if is_second && !round.webhooks.wants(&hook.key()) {
            continue;
        }
        let is_changed = ask(hook, &mut state, (index, is_second)).await?;
        if is_changed {
            round.webhooks.note_change();
            round.is_second_needed = true;
        }
        if hook.is_asked_again {
            round.webhooks.note_asked(&hook.key());
        }
    }
    state.settle().await?;
    round.webhooks.end(state.object.as_deref());
    Ok(())
}

impl State<'_> {
    /// The object as it is now, in whatever version.
    fn shown(&self) -> Option<&Object> {
        match &self.current {
            Some(current) => current.object.as_ref(),
            None => self.object.as_deref(),
        }
    }

    /// The objects in a version.
    async fn in_version(&mut self, resource: &Arc<Resource>) -> Result<&Versioned, ApiError> {
        let is_there = matches!(&self.current, Some(current) if current.is_of(resource));
        if !is_there {
            self.settle().await?;
            let object = self.object.as_deref();
            self.current = Some(Versioned::of(self.write, object, resource).await?);
        }
        self.current.as_ref().ok_or_else(|| ApiError::internal(""))
    }

    /// Brings what webhooks changed back into the object.
    async fn settle(&mut self) -> Result<(), ApiError> {
        if !self.is_changed {
            return Ok(());
        }
        self.is_changed = false;
        let Some(current) = &self.current else {
            return Ok(());
        };
        let stored = current.to_stored(self.write).await?;
        if let (Some(object), Some(stored)) = (self.object.as_deref_mut(), stored) {
            *object = stored;
        }
        Ok(())
    }
}

/// Asks a webhook and does as it says; whether the object is another now.
async fn ask(
    hook: &Hook,
    state: &mut State<'_>,
    (index, is_second): (usize, bool),
) -> Result<bool, ApiError> {
    let write = state.write;
    let Some(current) = &mut state.current else {
        return Ok(false);
    };
    let place = format!("round_{}_index_{index}", u8::from(is_second));
    let about = |changed: bool| {
        json!({
            "configuration": hook.configuration,
            "webhook": hook.name,
            "mutated": changed,
        })
        .to_string()
    };
    let mutation = format!("mutation.webhook.admission.k8s.io/{place}");
    let patched = match hook.ask(write, current, true).await {
        Ok(response) => patched(hook, write, current, &response, &place),
        Err(trouble) => Err(trouble),
    };
    match patched {
        Ok(new) => {
            let is_changed = new
                .as_ref()
                .is_some_and(|new| current.object.as_ref() != Some(new));
            write.annotate(mutation, about(is_changed));
            if let Some(new) = new {
                current.set_object(new);
                state.is_changed = true;
            }
            Ok(is_changed)
        }
        Err(trouble) => {
            write.annotate(mutation, about(false));
            let key = format!("failed-open.mutation.webhook.admission.k8s.io/{place}");
            hook.settle(write, trouble, &key)?;
            Ok(false)
        }
    }
}

/// The object that a response makes of the one sent; `None` where it has no patch.
fn patched(
    hook: &Hook,
    write: &Attributes<'_>,
    current: &Versioned,
    response: &Response,
    place: &str,
) -> Result<Option<Object>, Trouble> {
    let failed = |why: String| Trouble::Refused(Box::new(ApiError::internal(why)));
    if response.patch.is_empty() {
        return Ok(None);
    }
    let body: Value = serde_json::from_slice(&response.patch).map_err(|_| {
        let why = crate::object::json::syntax_error(&response.patch);
        Trouble::Failed(format!(
            "received undecodable patch in webhook response: {why}"
        ))
    })?;
    if body.as_array().is_some_and(Vec::is_empty) || body.is_null() {
        return Ok(None);
    }
    let Some(object) = &current.object else {
        return Err(failed(format!(
            "admission webhook {} attempted to modify the object, which is not supported for \
             this operation",
            quoted(&hook.name)
        )));
    };
    if response.patch_type != "JSONPatch" {
        let kind = quoted(&response.patch_type);
        return Err(Trouble::Failed(format!("unsupported patch type {kind}")));
    }
    let patch = Patch::json(body.clone()).map_err(|_| {
        Trouble::Failed(
            "received undecodable patch in webhook response: json: cannot unmarshal object into \
             Go value of type jsonpatch.Patch"
                .to_owned(),
        )
    })?;
    let new = patch.apply(object.clone(), &current.resource.schema);
    let new = new.map_err(|error: patch::Error| failed(error.to_string()))?;
    let new = write
        .forms
        .decode(&current.resource, write.subresource, new, false)
        .map_err(failed)?;
    let said = json!({
        "configuration": hook.configuration,
        "webhook": hook.name,
        "patch": body,
        "patchType": "JSONPatch",
    });
    let key = format!("patch.webhook.admission.k8s.io/{place}");
    write.annotate(key, said.to_string());
    Ok(Some(new))
}
