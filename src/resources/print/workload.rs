//! What keeps pods running: deployments, sets, jobs, autoscalers, disruption budgets.
//!
//! *Upstream:* `pkg/printers/internalversion/printers.go`.

use jiff::Timestamp;
use serde_json::Value;

use super::shared::{self, NONE, UNSET};
use crate::object::{Object, time};
use crate::registry::Printer;

const CONTAINERS: [&str; 4] = ["spec", "template", "spec", "containers"];

pub(super) const REPLICATION_CONTROLLER: Printer =
    Printer::new("core.ReplicationController", |object, now| {
        let mut cells = replicas(object, now);
        cells.push(shared::labels(object, &["spec", "selector"]));
        cells
    });

pub(super) const REPLICA_SET: Printer = Printer::new("apps.ReplicaSet", |object, now| {
    let mut cells = replicas(object, now);
    cells.push(shared::selector(object, &["spec", "selector"]));
    cells
});

fn replicas(object: &Object, now: Timestamp) -> Vec<Value> {
    let [names, images] = shared::containers(object, &CONTAINERS);
    vec![
        shared::name(object),
        shared::integer(object, &["spec", "replicas"]),
        shared::integer(object, &["status", "replicas"]),
        shared::integer(object, &["status", "readyReplicas"]),
        shared::age(object, now),
        names,
        images,
    ]
}

pub(super) const DEPLOYMENT: Printer = Printer::new("apps.Deployment", |object, now| {
    let [names, images] = shared::containers(object, &CONTAINERS);
    vec![
        shared::name(object),
        ready_of_desired(object),
        shared::integer(object, &["status", "updatedReplicas"]),
        shared::integer(object, &["status", "availableReplicas"]),
        shared::age(object, now),
        names,
        images,
        shared::selector_text(object.get(&["spec", "selector"])).into(),
    ]
});

pub(super) const STATEFUL_SET: Printer = Printer::new("apps.StatefulSet", |object, now| {
    let [names, images] = shared::containers(object, &CONTAINERS);
    vec![
        shared::name(object),
        ready_of_desired(object),
        shared::age(object, now),
        names,
        images,
    ]
});

fn ready_of_desired(object: &Object) -> Value {
    let ready = object.integer(&["status", "readyReplicas"]).unwrap_or(0);
    let desired = object.integer(&["spec", "replicas"]).unwrap_or(0);
    format!("{ready}/{desired}").into()
}

pub(super) const DAEMON_SET: Printer = Printer::new("apps.DaemonSet", |object, now| {
    let [names, images] = shared::containers(object, &CONTAINERS);
    vec![
        shared::name(object),
        shared::integer(object, &["status", "desiredNumberScheduled"]),
        shared::integer(object, &["status", "currentNumberScheduled"]),
        shared::integer(object, &["status", "numberReady"]),
        shared::integer(object, &["status", "updatedNumberScheduled"]),
        shared::integer(object, &["status", "numberAvailable"]),
        shared::labels(object, &["spec", "template", "spec", "nodeSelector"]),
        shared::age(object, now),
        names,
        images,
        shared::selector(object, &["spec", "selector"]),
    ]
});

pub(super) const CONTROLLER_REVISION: Printer =
    Printer::new("apps.ControllerRevision", |object, now| {
        let owners = object.items(&["metadata", "ownerReferences"]);
        let owner = owners.iter().find(|owner| owner["controller"] == true);
        let owner = owner.map_or(NONE.to_owned(), |owner| {
            let part = |field: &str| owner[field].as_str().unwrap_or("");
            let kind = match part("apiVersion").split_once('/') {
                Some((group, _)) => format!("{}.{group}", part("kind")),
                None => part("kind").to_owned(),
            };
            format!("{}/{}", kind.to_lowercase(), part("name"))
        });
        vec![
            shared::name(object),
            owner.into(),
            shared::integer(object, &["revision"]),
            shared::age(object, now),
        ]
    });

pub(super) const JOB: Printer = Printer::new("batch.Job", |object, now| {
    let [names, images] = shared::containers(object, &CONTAINERS);
    vec![
        shared::name(object),
        job_status(object).into(),
        job_completions(object).into(),
        job_duration(object, now).into(),
        shared::age(object, now),
        names,
        images,
        shared::selector(object, &["spec", "selector"]),
    ]
});

fn job_status(job: &Object) -> &'static str {
    let is_true = |kind: &str| {
        job.items(&["status", "conditions"])
            .iter()
            .find(|condition| condition["type"] == kind)
            .is_some_and(|condition| condition["status"] == "True")
    };
    if is_true("Complete") {
        "Complete"
    } else if is_true("Failed") {
        "Failed"
    } else if job.is_being_deleted() {
        "Terminating"
    } else if is_true("Suspended") {
        "Suspended"
    } else if is_true("FailureTarget") {
        "FailureTarget"
    } else if is_true("SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    }
}

fn job_completions(job: &Object) -> String {
    let succeeded = job.integer(&["status", "succeeded"]).unwrap_or(0);
    let parallelism = job.integer(&["spec", "parallelism"]).unwrap_or(0);
    match job.integer(&["spec", "completions"]) {
        Some(completions) => format!("{succeeded}/{completions}"),
        None if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
        None => format!("{succeeded}/1"),
    }
}

fn job_duration(job: &Object, now: Timestamp) -> String {
    let time_at = |field: &str| time::parse(job.text(&["status", field]));
    time_at("startTime").map_or(String::new(), |start| {
        let end = time_at("completionTime").unwrap_or(now);
        shared::between(start, end)
    })
}

pub(super) const CRON_JOB: Printer = Printer::new("batch.CronJob", |object, now| {
    let template = [
        "spec",
        "jobTemplate",
        "spec",
        "template",
        "spec",
        "containers",
    ];
    let [names, images] = shared::containers(object, &template);
    let suspend = match object.get(&["spec", "suspend"]).and_then(Value::as_bool) {
        Some(true) => "True",
        Some(false) => "False",
        None => UNSET,
    };
    let last = match object.text(&["status", "lastScheduleTime"]) {
        "" => NONE.to_owned(),
        last => shared::since(last, now),
    };
    vec![
        shared::name(object),
        shared::text(object, &["spec", "schedule"]),
        shared::text_or(object, &["spec", "timeZone"], NONE),
        suspend.into(),
        shared::count(object, &["status", "active"]).into(),
        last.into(),
        shared::age(object, now),
        names,
        images,
        shared::selector(object, &["spec", "jobTemplate", "spec", "selector"]),
    ]
});

pub(super) const POD_DISRUPTION_BUDGET: Printer =
    Printer::new("policy.PodDisruptionBudget", |object, now| {
        let bound = |field: &str| match object.get(&["spec", field]) {
            Some(Value::String(percent)) => percent.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => "N/A".to_owned(),
        };
        vec![
            shared::name(object),
            bound("minAvailable").into(),
            bound("maxUnavailable").into(),
            shared::integer(object, &["status", "disruptionsAllowed"]),
            shared::age(object, now),
        ]
    });

pub(super) const SCALE: Printer = Printer::new("autoscaling.Scale", |object, now| {
    vec![
        shared::name(object),
        shared::integer(object, &["spec", "replicas"]),
        shared::integer(object, &["status", "replicas"]),
        shared::age(object, now),
    ]
});

pub(super) const HORIZONTAL_POD_AUTOSCALER: Printer =
    Printer::new("autoscaling.HorizontalPodAutoscaler", |object, now| {
        let target = |field: &str| object.text(&["spec", "scaleTargetRef", field]);
        let least = object.integer(&["spec", "minReplicas"]);
        vec![
            shared::name(object),
            format!("{}/{}", target("kind"), target("name")).into(),
            metrics(object).into(),
            least
                .map_or(UNSET.to_owned(), |least| least.to_string())
                .into(),
            shared::integer(object, &["spec", "maxReplicas"]),
            shared::integer(object, &["status", "currentReplicas"]),
            shared::age(object, now),
        ]
    });

/// The first two metrics, each `current/target`.
fn metrics(autoscaler: &Object) -> String {
    const SHOWN: usize = 2;
    let specs = autoscaler.items(&["spec", "metrics"]);
    let statuses = autoscaler.items(&["status", "currentMetrics"]);
    if specs.is_empty() {
        return NONE.to_owned();
    }
    let shown: Vec<String> = specs
        .iter()
        .enumerate()
        .take(SHOWN)
        .map(|(place, spec)| metric(spec, statuses.get(place).unwrap_or(&Value::Null)))
        .collect();
    let text = shown.join(", ");
    if specs.len() > SHOWN {
        return format!("{text} + {} more...", specs.len() - SHOWN);
    }
    text
}

fn metric(spec: &Value, status: &Value) -> String {
    match spec["type"].as_str() {
        Some("External") => averaged_or_plain(&spec["external"], &status["external"]),
        Some("Object") => averaged_or_plain(&spec["object"], &status["object"]),
        Some("Pods") => {
            let current = quantity(&status["pods"], "averageValue");
            format!("{current}/{}", target(&spec["pods"], "averageValue"))
        }
        Some("Resource") => resource(&spec["resource"], &status["resource"]),
        Some("ContainerResource") => {
            resource(&spec["containerResource"], &status["containerResource"])
        }
        _ => "<unknown type>".to_owned(),
    }
}

fn averaged_or_plain(spec: &Value, status: &Value) -> String {
    if spec["target"]["averageValue"].is_string() {
        let current = status["current"]["averageValue"].as_str();
        let current = current.unwrap_or("<unknown>");
        return format!("{current}/{} (avg)", target(spec, "averageValue"));
    }
    format!("{}/{}", quantity(status, "value"), target(spec, "value"))
}

fn resource(spec: &Value, status: &Value) -> String {
    let name = spec["name"].as_str().unwrap_or("");
    if spec["target"]["averageValue"].is_string() {
        let current = quantity(status, "averageValue");
        return format!("{name}: {current}/{}", target(spec, "averageValue"));
    }
    let percent = |value: &Value, otherwise: &str| match value.as_i64() {
        Some(percent) => format!("{percent}%"),
        None => otherwise.to_owned(),
    };
    let current = percent(&status["current"]["averageUtilization"], "<unknown>");
    let target = percent(&spec["target"]["averageUtilization"], "<auto>");
    format!("{name}: {current}/{target}")
}

/// A current quantity: unknown without a status, `<nil>` in a status that lacks it.
fn quantity<'a>(status: &'a Value, field: &str) -> &'a str {
    if status.is_null() {
        return "<unknown>";
    }
    status["current"][field].as_str().unwrap_or("<nil>")
}

fn target<'a>(spec: &'a Value, field: &str) -> &'a str {
    spec["target"][field].as_str().unwrap_or("<nil>")
}
