//! Policies that change an object: each mutation sees what those before it made, and policies that
//! want it are asked a second time where somebody changed the object after them.
//!
//! *Upstream:* `apiserver/pkg/admission/plugin/policy/mutating/{dispatcher,compilation}.go`,
//! `…/mutating/patch/{json_patch,smd}.go`.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use super::{Binding, Policy, by_policy, environment, is_exempt, namespace_of, params};
use crate::admission::chain::Round;
use crate::admission::dynamic::configured::Configured;
use crate::admission::dynamic::expressions::{Asker, Compiled, View};
use crate::admission::dynamic::subject::{Versioned, request_json};
use crate::admission::{Attributes, Operation, Plugin, forbidden, settled};
use crate::cel::admission::{BUDGET, Evaluation, Returns, operations, to_json};
use crate::error::{ApiError, Cause};
use crate::object::Object;
use crate::object::quote::quoted;
use crate::patch::{Patch, apply};
use crate::schema::Resource;
use crate::storage::Reader;

/// The plugin.
pub(in crate::admission) struct MutatingAdmissionPolicy {
    policies: Configured<Vec<Mutating>>,
}

/// A policy with what it changes.
struct Mutating {
    policy: Policy,
    mutations: Vec<Mutation>,
    /// `reinvocationPolicy: IfNeeded`
    is_asked_again: bool,
}

enum Mutation {
    Apply(Compiled),
    Json(Compiled),
}

/// A policy, put in force by a binding with one set of parameters.
struct Invocation<'p> {
    mutating: &'p Mutating,
    binding: &'p Binding,
    resource: Arc<Resource>,
    params: Option<Object>,
}

/// Why a policy could not do its work.
struct Failure {
    /// `policy 'p' with binding 'b'`, as it is named.
    who: String,
    why: String,
    is_invalid: bool,
}

impl Default for MutatingAdmissionPolicy {
    fn default() -> Self {
        Self {
            policies: Configured::new(&[
                "mutatingadmissionpolicies",
                "mutatingadmissionpolicybindings",
            ]),
        }
    }
}

impl Plugin for MutatingAdmissionPolicy {
    fn name(&self) -> &'static str {
        "MutatingAdmissionPolicy"
    }

    fn is_configured(&self, reader: &dyn Reader) -> bool {
        self.policies.is_any(reader)
    }

    fn mutate_later<'c>(
        &'c self,
        write: &'c Attributes<'c>,
        object: Option<&'c mut Object>,
        round: &'c mut Round,
    ) -> Option<BoxFuture<'c, Result<(), ApiError>>> {
        let object = object?;
        if write.operation == Operation::Delete {
            return None;
        }
        let all = self
            .policies
            .get(write.reader, |objects| compile(&objects))?;
        (!is_exempt(write)).then(|| dispatch(all, write, object, round).boxed())
    }
}

fn compile(objects: &[Vec<Arc<Object>>]) -> Vec<Mutating> {
    let [policies, bindings] = objects else {
        return Vec::new();
    };
    let mut bindings = by_policy(bindings);
    let bound = policies.iter().filter_map(|policy| {
        let bindings = bindings.remove(policy.name())?;
        Some(Mutating::of(policy, bindings))
    });
    bound.collect()
}

impl Mutating {
    fn of(object: &Object, bindings: Vec<Binding>) -> Self {
        let mut environment = environment(object);
        let policy = Policy::of(object, bindings, &mut environment);
        let environment = environment.with_patch_types(true);
        let mutations = object.items(&["spec", "mutations"]).iter();
        let mutations = mutations.map(|mutation| {
            let source = |name: &str| mutation[name]["expression"].as_str().unwrap_or("");
            if mutation["patchType"] == "JSONPatch" {
                Mutation::Json(environment.compile(source("jsonPatch"), Returns::JsonPatch))
            } else {
                let source = source("applyConfiguration");
                Mutation::Apply(environment.compile(source, Returns::ApplyConfiguration))
            }
        });
        Self {
            mutations: mutations.collect(),
            is_asked_again: object.text(&["spec", "reinvocationPolicy"]) == "IfNeeded",
            policy,
        }
    }

    fn failure(&self, binding: Option<&Binding>, why: &str, is_invalid: bool) -> Failure {
        let name = &self.policy.name;
        Failure {
            who: match binding {
                Some(binding) => format!("policy '{name}' with binding '{}'", binding.name),
                None => format!("policy {}", quoted(name)),
            },
            why: why.to_owned(),
            is_invalid,
        }
    }
}

async fn dispatch(
    all: Arc<Vec<Mutating>>,
    write: &Attributes<'_>,
    object: &mut Object,
    round: &mut Round,
) -> Result<(), ApiError> {
    let mut failures = Vec::new();
    let mut invocations = Vec::new();
    for mutating in all.iter() {
        gather(mutating, write, object, &mut invocations, &mut failures).await;
    }
    if !invocations.is_empty() {
        invoke(&invocations, write, object, round, &mut failures).await?;
    }
    if failures.is_empty() {
        return Ok(());
    }
    Err(refusal(write, object, &failures))
}

/// What of a policy is in force for a write.
async fn gather<'p>(
    mutating: &'p Mutating,
    write: &Attributes<'_>,
    object: &Object,
    invocations: &mut Vec<Invocation<'p>>,
    failures: &mut Vec<Failure>,
) {
    let policy = &mutating.policy;
    let mut fail = |binding: Option<&Binding>, why: &str| {
        if !policy.is_optional {
            let what = if binding.is_some() {
                "binding"
            } else {
                "policy"
            };
            let why = format!("failed to configure {what}: {why}");
            failures.push(mutating.failure(binding, &why, false));
        }
    };
    let resource = match policy.criteria.matched(write, Some(object)) {
        Ok(None) => return,
        Ok(Some(resource)) => resource,
        Err(error) => return fail(None, error.message()),
    };
    let param_resource = match params::resource(write, policy) {
        Ok(resource) => resource,
        Err(why) => return fail(None, &why),
    };
    for binding in &policy.bindings {
        match binding.matches(write, Some(object)) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(error) => {
                fail(Some(binding), error.message());
                continue;
            }
        }
        match params::collect(write, param_resource.as_ref(), binding).await {
            Ok(all) => invocations.extend(all.into_iter().map(|params| Invocation {
                mutating,
                binding,
                resource: Arc::clone(&resource),
                params,
            })),
            Err(why) => fail(Some(binding), &why),
        }
    }
}

async fn invoke(
    invocations: &[Invocation<'_>],
    write: &Attributes<'_>,
    object: &mut Object,
    round: &mut Round,
    failures: &mut Vec<Failure>,
) -> Result<(), ApiError> {
    let is_second = round.is_second;
    round.policies.begin(is_second, Some(object));
    let namespace = namespace_of(write)?;
    for invocation in invocations {
        let mutating = invocation.mutating;
        let mut versioned = Versioned::of(write, Some(object), &invocation.resource).await?;
        let request = request_json(write, &invocation.resource);
        let changed = {
            let scene = Scene {
                invocation,
                write,
                request: &request,
                namespace: namespace.as_ref(),
            };
            match settled(write.rights, || scene.wants(&versioned)).await {
                Ok(true) => {}
                Ok(false) => continue,
                Err(why) => {
                    failures.push(mutating.failure(Some(invocation.binding), &why, true));
                    continue;
                }
            }
            if is_second && !round.policies.wants(&invocation.key()) {
                continue;
            }
            scene.mutate(&mut versioned, failures).await?
        };
        if changed {
            if let Some(new) = versioned.to_stored(write).await? {
                *object = new;
            }
            round.policies.note_change();
            round.is_second_needed = true;
        }
        if mutating.is_asked_again {
            round.policies.note_asked(&invocation.key());
        }
    }
    round.policies.end(Some(object));
    Ok(())
}

impl Invocation<'_> {
    /// A name that no other invocation has.
    fn key(&self) -> String {
        let params = self.params.as_ref().map(Object::key);
        let params = params.map(|key| key.to_string()).unwrap_or_default();
        format!(
            "{}|{}|{params}",
            self.mutating.policy.name, self.binding.name
        )
    }
}

/// An invocation with what its expressions may look at.
struct Scene<'s> {
    invocation: &'s Invocation<'s>,
    write: &'s Attributes<'s>,
    request: &'s Map<String, Value>,
    namespace: Option<&'s Object>,
}

impl Scene<'_> {
    /// Whether the conditions of the policy hold.
    fn wants(&self, versioned: &Versioned) -> Result<bool, String> {
        let policy = &self.invocation.mutating.policy;
        let asker = Asker(self.write);
        let view = self.view(versioned, &asker);
        match policy.conditions.hold(&view.input(), &policy.variables) {
            Err(_) if policy.is_optional => Ok(false),
            other => other,
        }
    }

    fn view<'v>(&'v self, versioned: &'v Versioned, asker: &'v Asker<'v>) -> View<'v> {
        View {
            versioned,
            request: self.request,
            namespace: self.namespace,
            params: self.invocation.params.as_ref(),
            asker,
        }
    }

    /// Carries out the mutations; whether the object is another now.
    async fn mutate(
        &self,
        versioned: &mut Versioned,
        failures: &mut Vec<Failure>,
    ) -> Result<bool, ApiError> {
        let mutating = self.invocation.mutating;
        let before = versioned.object.clone();
        for mutation in &mutating.mutations {
            let changed = settled(self.write.rights, || {
                let asker = Asker(self.write);
                self.changed(&self.view(versioned, &asker), mutation)
            });
            match changed.await {
                Ok(Some(new)) => {
                    let new = self.write.forms.decode(
                        &versioned.resource,
                        self.write.subresource,
                        new,
                        matches!(mutation, Mutation::Json(_)),
                    );
                    versioned.set_object(new.map_err(ApiError::internal)?);
                }
                Ok(None) => {}
                Err(_) if mutating.policy.is_optional => {}
                Err(why) => {
                    failures.push(mutating.failure(Some(self.invocation.binding), &why, true));
                }
            }
        }
        Ok(versioned.object != before)
    }

    /// What a mutation makes of the object; `None` where it leaves it alone.
    fn changed(&self, view: &View<'_>, mutation: &Mutation) -> Result<Option<Value>, String> {
        let Some(object) = &view.versioned.object else {
            return Ok(None);
        };
        let (Mutation::Apply(compiled) | Mutation::Json(compiled)) = mutation;
        let expression = compiled.as_ref().map_err(ToString::to_string)?;
        let policy = &self.invocation.mutating.policy;
        let input = view.input();
        let mut evaluation = Evaluation::new(&input, &policy.variables, BUDGET);
        let value = evaluation
            .run(expression)
            .map_err(|error| error.to_string())?;
        let schema = schema_of(&view.versioned.resource, self.write.subresource);
        if matches!(mutation, Mutation::Apply(_)) {
            let mut partial = to_json(&value)?;
            partial["apiVersion"] = object.api_version().into();
            partial["kind"] = object.kind().into();
            return match apply::overlay(object, &partial, schema) {
                Ok(new) => Ok(Some(new.into_value())),
                Err(why) => Err(format!("error applying patch: {why}")),
            };
        }
        let list: Vec<Value> = operations(&value)?
            .into_iter()
            .map(operation_json)
            .collect();
        let patch = Patch::json(list.into()).map_err(|error| error.to_string())?;
        match patch.apply(object.clone(), schema) {
            Ok(new) => Ok(Some(new)),
            // A test that fails means: not this object.
            Err(error) if error.to_string().ends_with("test failed") => Ok(None),
            Err(error) => Err(format!("JSON Patch: {error}")),
        }
    }
}

fn schema_of<'r>(resource: &'r Resource, subresource: &str) -> &'r crate::schema::Schema {
    let face = resource.subresource(subresource);
    face.and_then(|face| face.schema.as_ref())
        .unwrap_or(&resource.schema)
}

fn operation_json(operation: crate::cel::admission::Operation) -> Value {
    let mut out = json!({"op": operation.op, "path": operation.path});
    if !operation.from.is_empty() {
        out["from"] = operation.from.into();
    }
    if let Some(value) = operation.value {
        out["value"] = value;
    }
    out
}

/// The refusal of policies that could not do their work, as the client reads it.
fn refusal(write: &Attributes, object: &Object, failures: &[Failure]) -> ApiError {
    let error = forbidden(write, Some(object), "admission request denied by policy");
    let mut details = error.details().cloned().unwrap_or_default();
    let words = |failure: &Failure| format!("{} denied request: {}", failure.who, failure.why);
    details.causes.extend(failures.iter().map(|failure| Cause {
        message: words(failure),
        ..Cause::default()
    }));
    let first = &failures[0];
    let error = error.with_message(words(first)).with_details(details);
    if first.is_invalid {
        error.with_reason_text("Invalid").with_code(403)
    } else {
        error
    }
}
