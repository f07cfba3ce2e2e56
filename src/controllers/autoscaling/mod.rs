//! `HorizontalPodAutoscaler`: as many replicas as what is measured asks for.
//!
//! *Upstream:* `pkg/controller/podautoscaler/horizontal.go`.

mod behaviour;
mod metrics;
mod replicas;
mod target;

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use self::behaviour::Memory;
use self::metrics::Measure;
use self::target::Target;
use super::shared::conditions;
use crate::object::{Key, Object, time};
use crate::runner::kinds::HORIZONTAL_POD_AUTOSCALERS;
use crate::runner::{
    About, Again, Controller, Event, Identity, Item, Items, Kind, Outcomes, Plan, Seen, Step,
    Watches, World,
};

/// How often what is measured is looked at.
const PERIOD: Duration = Duration::from_secs(15);

const COMPONENT: &str = "horizontal-pod-autoscaler";

const ABLE: &str = "AbleToScale";
const ACTIVE: &str = "ScalingActive";
const LIMITED: &str = "ScalingLimited";
const ZERO: &str = "ScaledToZero";

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Autoscalers {
    memory: BTreeMap<Key, Memory>,
}

impl Controller for Autoscalers {
    fn name(&self) -> &'static str {
        "horizontal-pod-autoscaler-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("horizontal-pod-autoscaler")
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 1]> = LazyLock::new(|| [&HORIZONTAL_POD_AUTOSCALERS]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, _: &World, seen: &Seen, items: &mut Items) {
        let before = seen.parsed_previous().map(|hpa| hpa.generation());
        if seen.is_gone() || before != Some(seen.parsed().generation()) {
            items.add(&seen.resource, &seen.object.key);
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(hpa) = world.object(item) else {
            self.memory.remove(&item.key);
            return Plan::nothing();
        };
        let memory = self.memory.entry(item.key.clone()).or_default();
        let mut look = Look::of(world, &hpa);
        match look.decide(memory) {
            Ok(decision) => look.carry_out(memory, decision),
            Err(Stop) => look.into_plan(),
        }
    }

    fn forget(&mut self) {
        self.memory.clear();
    }
}

/// Nothing more can be done; what is wrong has been noted.
struct Stop;

/// What a look at the target and its metrics came to.
struct Decision {
    target: Target,
    wanted: i64,
    rescales: bool,
    reason: String,
    statuses: Option<Vec<Value>>,
}

/// A look at an autoscaler: what is found goes into its status and into events.
struct Look<'w> {
    world: &'w World,
    hpa: &'w Object,
    status: Value,
    events: Vec<Event>,
    /// Whether something will come of looking again soon.
    is_moving: bool,
}

impl<'w> Look<'w> {
    fn of(world: &'w World, hpa: &'w Object) -> Self {
        let status = hpa.get(&["status"]).cloned();
        Self {
            world,
            hpa,
            status: status.unwrap_or_else(|| Map::new().into()),
            events: Vec::new(),
            is_moving: false,
        }
    }

    fn set(&mut self, kind: &str, is_true: bool, reason: &str, message: &str) {
        let status = if is_true { "True" } else { "False" };
        set_condition(
            &mut self.status,
            self.world.now,
            [kind, status, reason, message],
        );
    }

    fn warn(&mut self, reason: &str, message: &str) {
        let about = About::object(&HORIZONTAL_POD_AUTOSCALERS, self.hpa);
        self.events
            .push(Event::warning(about, COMPONENT, reason, message));
    }

    /// How many replicas there should be.
    fn decide(&mut self, memory: &mut Memory) -> Result<Decision, Stop> {
        let target = match Target::find(self.world, self.hpa) {
            Ok(target) => target,
            Err(why) => {
                self.warn("FailedGetScale", &why);
                let message = "the HPA controller was unable to get the target's current scale";
                self.set(ABLE, false, "FailedGetScale", &format!("{message}: {why}"));
                return Err(Stop);
            }
        };
        let message = "the HPA controller was able to get the target's current scale";
        self.set(ABLE, true, "SucceededGetScale", message);
        let current = target.replicas;
        memory.begin(current, self.world.now);
        let min = self.hpa.integer(&["spec", "minReplicas"]).unwrap_or(1);
        let max = self.hpa.integer(&["spec", "maxReplicas"]).unwrap_or(1);
        let was_scaled_to_zero = conditions::is_true(self.conditions(), ZERO);
        let stays = |wanted, rescales, reason: &str| Decision {
            target: target.clone(),
            wanted,
            rescales,
            reason: reason.to_owned(),
            statuses: None,
        };
        if current == 0 && !(was_scaled_to_zero && (min != 0 || has_far_metrics(self.hpa))) {
            let message = "scaling is disabled since the replica count of the target is zero";
            self.set(ACTIVE, false, "ScalingDisabled", message);
            return Ok(stays(0, false, ""));
        }
        if current > max {
            let reason = "Current number of replicas above Spec.MaxReplicas";
            return Ok(stays(max, true, reason));
        }
        if current != 0 && current < min {
            let reason = "Current number of replicas below Spec.MinReplicas";
            return Ok(stays(min, true, reason));
        }
        self.decide_by_metrics(memory, target, (min, max))
    }

    fn decide_by_metrics(
        &mut self,
        memory: &mut Memory,
        target: Target,
        (min, max): (i64, i64),
    ) -> Result<Decision, Stop> {
        let current = target.replicas;
        let (proposed, name, statuses) = self.propose(&target)?;
        let mut reason = String::new();
        if proposed > current {
            reason = format!("{name} above target");
        }
        if proposed < current {
            "All metrics below target".clone_into(&mut reason);
        }
        let normal = behaviour::normalise(
            memory,
            self.hpa,
            (current, proposed),
            (min, max),
            self.world.now,
        );
        for [kind, status, reason, message] in normal.conditions {
            self.set(kind, status == "True", reason, message);
        }
        let mut wanted = normal.replicas;
        if current == 0 && wanted < min {
            wanted = min;
            if reason.is_empty() {
                "Current number of replicas below Spec.MinReplicas".clone_into(&mut reason);
            }
        }
        self.is_moving = wanted != proposed.clamp(min, max) || wanted != current;
        Ok(Decision {
            target,
            wanted,
            rescales: wanted != current,
            reason,
            statuses: Some(statuses),
        })
    }

    /// The most that a metric asks for.
    fn propose(&mut self, target: &Target) -> Result<(i64, String, Vec<Value>), Stop> {
        let specs = self.hpa.items(&["spec", "metrics"]);
        let selector = match target.selector(self.world, self.hpa) {
            Ok(selector) => selector,
            Err(refused) => {
                let (reason, event, message, why) = *refused;
                self.warn(event, &why);
                self.set(ACTIVE, false, reason, &message);
                return Err(self.give_up(target, None, &why));
            }
        };
        let measure = Measure::of(self.world, self.hpa, target, &selector);
        let mut statuses = vec![json!({"type": ""}); specs.len()];
        let (mut replicas, mut name) = (0, String::new());
        let mut wrong = Vec::new();
        for (spec, status) in specs.iter().zip(&mut statuses) {
            match measure.propose(spec) {
                Ok(proposal) => {
                    *status = proposal.status;
                    if replicas == 0 || proposal.replicas > replicas {
                        replicas = proposal.replicas;
                        name = proposal.name;
                    }
                }
                Err(invalid) => {
                    self.warn(invalid.reason, &invalid.error);
                    wrong.push(invalid);
                }
            }
        }
        if let Some(first) = wrong.first()
            && (wrong.len() >= specs.len() || replicas < target.replicas)
        {
            let message = format!(
                "the HPA was unable to compute the replica count: {}",
                first.error
            );
            self.set(ACTIVE, false, first.reason, &message);
            let (count, all) = (wrong.len(), specs.len());
            let told = &first.told;
            let why =
                format!("invalid metrics ({count} invalid out of {all}), first error is: {told}");
            return Err(self.give_up(target, Some(statuses), &why));
        }
        let message =
            format!("the HPA was able to successfully calculate a replica count from {name}");
        self.set(ACTIVE, true, "ValidMetricFound", &message);
        Ok((replicas, name, statuses))
    }

    /// Nothing is known of the metrics.
    fn give_up(&mut self, target: &Target, statuses: Option<Vec<Value>>, why: &str) -> Stop {
        let wanted = self.status["desiredReplicas"].as_i64().unwrap_or(0);
        set_status(
            &mut self.status,
            self.hpa,
            (target.replicas, wanted),
            statuses,
        );
        self.warn("FailedComputeMetricsReplicas", why);
        Stop
    }

    fn conditions(&self) -> &[Value] {
        let conditions = self.status["conditions"].as_array();
        conditions.map_or(&[], Vec::as_slice)
    }

    /// Scales the target if it must be, and writes down what was found.
    fn carry_out(mut self, memory: &mut Memory, decision: Decision) -> Plan {
        let current = decision.target.replicas;
        if !decision.rescales {
            set_status(
                &mut self.status,
                self.hpa,
                (current, current),
                decision.statuses,
            );
            return self.into_plan();
        }
        let step = decision.target.scale_to(decision.wanted).or_go_on();
        memory.scaled(self.hpa, current, decision.wanted, self.world.now);
        self.is_moving = true;
        let again = self.again();
        let (hpa, now) = (self.hpa.clone(), self.world.now);
        let mut status = self.status;
        let mut plan = Plan::nothing();
        for event in self.events {
            plan.event(event);
        }
        plan.step(step);
        plan.then(move |outcomes: &Outcomes| {
            let failure = outcomes.failure();
            if failure.is_some_and(|failure| failure.code == 409) {
                return Plan::nothing().and_again(Again::AfterConflict);
            }
            let told = rescaled(
                &hpa,
                &decision,
                failure.map(crate::runner::Outcome::message),
                &mut status,
                now,
            );
            let mut plan = Plan::nothing();
            plan.event(told);
            plan.append(write(&hpa, status));
            plan.and_again(again)
        })
        .and_again(again)
    }

    fn again(&self) -> Again {
        if self.is_moving {
            Again::After(PERIOD)
        } else {
            Again::LazilyAfter(PERIOD)
        }
    }

    fn into_plan(self) -> Plan {
        let again = self.again();
        let mut plan = write(self.hpa, self.status);
        for event in self.events {
            plan.event(event);
        }
        plan.and_again(again)
    }
}

/// What is told and noted of a target that was scaled, or was not.
fn rescaled(
    hpa: &Object,
    decision: &Decision,
    failure: Option<String>,
    status: &mut Value,
    now: Timestamp,
) -> Event {
    let about = About::object(&HORIZONTAL_POD_AUTOSCALERS, hpa);
    let (current, wanted) = (decision.target.replicas, decision.wanted);
    let new_size = format!("New size: {wanted}; reason: {}", decision.reason);
    if let Some(why) = failure {
        let message = format!("the HPA controller was unable to update the target scale: {why}");
        set_condition(status, now, [ABLE, "False", "FailedUpdateScale", &message]);
        let before = status["desiredReplicas"].as_i64().unwrap_or(0);
        set_status(status, hpa, (current, before), decision.statuses.clone());
        let message = format!("{new_size}; error: {why}");
        return Event::warning(about, COMPONENT, "FailedRescale", message);
    }
    let message = format!("the HPA controller was able to update the target scale to {wanted}");
    set_condition(status, now, [ABLE, "True", "SucceededRescale", &message]);
    let min = hpa.integer(&["spec", "minReplicas"]).unwrap_or(1);
    let zero = if current > 0 && wanted == 0 && min == 0 && has_far_metrics(hpa) {
        [
            ZERO,
            "True",
            "ScaledToZero",
            "the HPA controller scaled the workload to zero",
        ]
    } else {
        [
            ZERO,
            "False",
            "NotScaledToZero",
            "the HPA controller did not scale the workload to zero",
        ]
    };
    set_condition(status, now, zero);
    set_status(status, hpa, (current, wanted), decision.statuses.clone());
    status["lastScaleTime"] = time::seconds(now).into();
    Event::normal(about, COMPONENT, "SuccessfulRescale", new_size)
}

/// Writes a status that is another than the stored one.
fn write(hpa: &Object, status: Value) -> Plan {
    if hpa.get(&["status"]) == Some(&status) {
        return Plan::nothing();
    }
    let mut object = hpa.clone();
    object.set(&["status"], status);
    Plan::of(Step::update_status(&HORIZONTAL_POD_AUTOSCALERS, object).or_go_on())
}

/// Whether a metric is about something else than the pods.
fn has_far_metrics(hpa: &Object) -> bool {
    let mut metrics = hpa.items(&["spec", "metrics"]).iter();
    metrics.any(|metric| metric["type"] == "Object" || metric["type"] == "External")
}

fn set_status(
    status: &mut Value,
    hpa: &Object,
    (current, wanted): (i64, i64),
    statuses: Option<Vec<Value>>,
) {
    if current == 0 {
        // As the field is left out where it is zero.
        if let Some(status) = status.as_object_mut() {
            status.remove("currentReplicas");
        }
    } else {
        status["currentReplicas"] = current.into();
    }
    status["desiredReplicas"] = wanted.into();
    status["currentMetrics"] = statuses.map_or(Value::Null, Value::from);
    status["observedGeneration"] = hpa.generation().into();
}

/// Sets a condition where it stands; its time is that of its last other status.
fn set_condition(status: &mut Value, now: Timestamp, condition: [&str; 4]) {
    let [kind, value, reason, message] = condition;
    if !status["conditions"].is_array() {
        status["conditions"] = json!([]);
    }
    let Some(all) = status["conditions"].as_array_mut() else {
        return;
    };
    let known = all.iter().position(|one| one["type"] == kind);
    let since = known
        .map(|index| &all[index])
        .filter(|known| known["status"] == value)
        .map(|known| known["lastTransitionTime"].clone());
    let written = json!({
        "type": kind,
        "status": value,
        "lastTransitionTime": since.unwrap_or_else(|| time::seconds(now).into()),
        "reason": reason,
        "message": message,
    });
    match known {
        Some(index) => all[index] = written,
        None => all.push(written),
    }
}
