//! A Stage as it is read.
//!
//! *Upstream:* kwok's `pkg/apis/v1alpha1/stage_types.go`, `pkg/utils/lifecycle/lifecycle.go`.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::selector::{Found, Selector, Source};
use crate::client::PatchKind;
use crate::nodes::template::Template;
use crate::object::Object;
use crate::runner::Kind;
use crate::sim::Entropy;

/// See the module.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) name: String,
    api_version: String,
    kind: String,
    /// Without one it matches nothing.
    selector: Option<Selector>,
    weight: u64,
    weight_from: Option<Source>,
    delay: Option<Delay>,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug)]
struct Delay {
    usual: Duration,
    from: Option<Source>,
    jitter: Option<Duration>,
    jitter_from: Option<Source>,
}

/// What is done, one after the other.
#[derive(Debug)]
pub(super) enum Step {
    Event {
        is_warning: bool,
        reason: String,
        message: String,
    },
    Finalizers {
        add: Vec<String>,
        remove: Vec<String>,
        empties: bool,
    },
    Delete,
    Patch(Box<Patch>),
    Apply(Box<Apply>),
}

/// A change of the object.
#[derive(Debug)]
pub(super) struct Patch {
    pub(super) subresource: String,
    pub(super) root: String,
    pub(super) template: Template,
    /// Strategic for what is built in unless said otherwise, else merging.
    pub(super) how: Option<PatchKind>,
    /// As whom.
    pub(super) user: Option<String>,
}

/// Another object that is made or changed.
#[derive(Debug)]
pub(super) struct Apply {
    pub(super) subresource: String,
    pub(super) template: Template,
    /// Server-side apply unless said otherwise.
    pub(super) how: Option<PatchKind>,
    pub(super) user: Option<String>,
}

/// The `apiVersion` and kind that a Stage is about.
pub(super) fn reference(stage: &Object) -> Option<(String, &str)> {
    let reference = stage.get(&["spec", "resourceRef"])?;
    let api_version = reference["apiGroup"].as_str().unwrap_or("v1");
    Some((api_version.to_owned(), reference["kind"].as_str()?))
}

/// Whether a Stage is about a kind.
pub(super) fn names(stage: &Object, kind: &Kind) -> bool {
    reference(stage)
        .is_some_and(|(api_version, name)| api_version == kind.api_version() && name == &*kind.kind)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("").to_owned()
}

fn patch_kind(value: &Value) -> Option<PatchKind> {
    match value.as_str()? {
        "json" => Some(PatchKind::Json),
        "merge" => Some(PatchKind::Merge),
        "strategic" => Some(PatchKind::Strategic),
        _ => None,
    }
}

fn template(value: &Value) -> Result<Template, String> {
    let text = value.as_str().unwrap_or("").trim();
    Template::parse(text).map_err(|why| why.to_string())
}

impl Stage {
    /// Reads a Stage; what cannot be read is the error.
    pub(super) fn of(object: &Object) -> Result<Self, String> {
        let spec = object.get(&["spec"]).cloned().unwrap_or_default();
        let (api_version, kind) = reference(object).ok_or("resourceRef names no kind")?;
        let selector = spec.get("selector").filter(|selector| !selector.is_null());
        Ok(Self {
            name: object.name().to_owned(),
            api_version,
            kind: kind.to_owned(),
            selector: selector.map(Selector::of).transpose()?,
            weight: spec["weight"].as_u64().unwrap_or(0),
            weight_from: Source::of(&spec["weightFrom"])?,
            delay: spec.get("delay").map(Delay::of).transpose()?,
            steps: steps(&spec)?,
        })
    }

    pub(super) fn is_of(&self, kind: &Kind) -> bool {
        self.kind == *kind.kind && self.api_version == kind.api_version()
    }

    pub(super) fn matches(&self, object: &Object) -> bool {
        let selector = self.selector.as_ref();
        selector.is_some_and(|selector| selector.matches(object))
    }

    /// How likely it is beside others; `None` where that cannot be read.
    pub(super) fn weight(&self, object: &Object) -> Option<u64> {
        let from = self.weight_from.as_ref();
        let said = from.map_or(Found::Nothing, |from| from.integer(object));
        let usual = i64::try_from(self.weight).ok();
        said.or(usual)
            .map(|weight| u64::try_from(weight).unwrap_or(0))
    }

    /// How long it takes.
    pub(super) fn delay(&self, object: &Object, now: Timestamp, entropy: &Entropy) -> Duration {
        let Some(delay) = &self.delay else {
            return Duration::ZERO;
        };
        let said = |from: &Option<Source>, usual: Option<Duration>| {
            let from = from.as_ref();
            from.map_or(Found::Nothing, |from| from.duration(object, now))
                .or(usual)
        };
        let Some(usual) = said(&delay.from, Some(delay.usual)) else {
            return Duration::ZERO;
        };
        let Some(jitter) = said(&delay.jitter_from, delay.jitter) else {
            return usual;
        };
        let Some(width) = jitter.checked_sub(usual).filter(|width| !width.is_zero()) else {
            return jitter;
        };
        let width = u64::try_from(width.as_nanos()).unwrap_or(u64::MAX);
        usual + Duration::from_nanos(entropy.below(width))
    }
}

impl Delay {
    fn of(value: &Value) -> Result<Self, String> {
        let milliseconds = |field: &str| value[field].as_u64().map(Duration::from_millis);
        Ok(Self {
            usual: milliseconds("durationMilliseconds").unwrap_or_default(),
            from: Source::of(&value["durationFrom"])?,
            jitter: milliseconds("jitterDurationMilliseconds"),
            jitter_from: Source::of(&value["jitterDurationFrom"])?,
        })
    }
}

/// `steps`, or what the older `next` comes to.
fn steps(spec: &Value) -> Result<Vec<Step>, String> {
    let mut all = Vec::new();
    if let Some(steps) = spec["steps"].as_array().filter(|steps| !steps.is_empty()) {
        for step in steps {
            add(&mut all, step)?;
        }
        return Ok(all);
    }
    let next = &spec["next"];
    for part in ["event", "finalizers"] {
        if let Some(value) = next.get(part) {
            add(&mut all, &serde_json::json!({part: value}))?;
        }
    }
    let patches = next["patches"].as_array().into_iter().flatten();
    let patches: Vec<&Value> = patches.collect();
    for patch in &patches {
        add(&mut all, &serde_json::json!({"patch": patch}))?;
    }
    if patches.is_empty() && !text(&next["statusTemplate"]).is_empty() {
        let subresource = next["statusSubresource"].as_str().unwrap_or("status");
        all.push(Step::Patch(Box::new(Patch {
            subresource: subresource.to_owned(),
            root: "status".to_owned(),
            template: template(&next["statusTemplate"])?,
            how: None,
            user: next["statusPatchAs"]["username"]
                .as_str()
                .map(str::to_owned),
        })));
    }
    if next["delete"] == true {
        all.push(Step::Delete);
    }
    Ok(all)
}

/// What a step does: an event is told, finalizers are changed, and then whatever else it says.
fn add(all: &mut Vec<Step>, step: &Value) -> Result<(), String> {
    if let Some(event) = step.get("event").filter(|event| event.is_object()) {
        all.push(Step::Event {
            is_warning: event["type"] == "Warning",
            reason: text(&event["reason"]),
            message: text(&event["message"]),
        });
    }
    if let Some(finalizers) = step.get("finalizers").filter(|one| one.is_object()) {
        let values = |field: &str| {
            let items = finalizers[field].as_array().into_iter().flatten();
            items.map(|item| text(&item["value"])).collect()
        };
        all.push(Step::Finalizers {
            add: values("add"),
            remove: values("remove"),
            empties: finalizers["empty"] == true,
        });
    }
    if step["delete"] == true {
        all.push(Step::Delete);
        return Ok(());
    }
    let user = |of: &Value| of["impersonation"]["username"].as_str().map(str::to_owned);
    if let Some(patch) = step.get("patch").filter(|one| one.is_object()) {
        all.push(Step::Patch(Box::new(Patch {
            subresource: text(&patch["subresource"]),
            root: text(&patch["root"]),
            template: template(&patch["template"])?,
            how: patch_kind(&patch["type"]),
            user: user(patch),
        })));
    }
    if let Some(apply) = step.get("apply").filter(|one| one.is_object()) {
        all.push(Step::Apply(Box::new(Apply {
            subresource: text(&apply["subresource"]),
            template: template(&apply["template"])?,
            how: patch_kind(&apply["type"]),
            user: user(apply),
        })));
    }
    Ok(())
}
