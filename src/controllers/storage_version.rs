//! Migrations of stored objects: everything of a resource is written again.
//!
//! Differs: what is stored here is always in the version that is stored today; objects are patched
//! all the same, since whoever waits for a migration waits for its conditions.
//!
//! *Upstream:* `pkg/controller/storageversionmigrator`.

use std::sync::LazyLock;
use std::time::Duration;

use serde_json::{Value, json};

use super::shared::conditions::{self, Condition};
use crate::client::PatchKind;
use crate::object::{GroupResource, Object, time};
use crate::runner::kinds::STORAGE_VERSION_MIGRATIONS;
use crate::runner::{
    Again, Controller, Identity, Item, Items, Kind, Outcomes, Plan, Seen, Step, Watches, World,
};

/// How long a resource may take to be served.
const PATIENCE: Duration = Duration::from_mins(1);

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migrations;

impl Controller for Migrations {
    fn name(&self) -> &'static str {
        "storage-version-migrator-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("storage-version-migrator-controller")
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 1]> = LazyLock::new(|| [&STORAGE_VERSION_MIGRATIONS]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, _: &World, seen: &Seen, items: &mut Items) {
        if !seen.is_gone() {
            items.add(&seen.resource, &seen.object.key);
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(migration) = world.object(item) else {
            return Plan::nothing();
        };
        let told = migration.items(&["status", "conditions"]);
        if ["Succeeded", "Failed"]
            .iter()
            .any(|kind| conditions::is_true(told, kind))
        {
            return Plan::nothing();
        }
        let text = |field: &str| migration.text(&["spec", "resource", field]);
        let resource = GroupResource::new(text("group"), text("resource"));
        let Some(kind) = world.kind(&resource) else {
            let made = time::time_at(&migration, &["metadata", "creationTimestamp"]);
            let until = made.and_then(|made| made.checked_add(PATIENCE).ok());
            let left = until.map(|until| until.duration_since(world.now));
            return match left.and_then(|left| Duration::try_from(left).ok()) {
                Some(left) if !left.is_zero() => Plan::nothing().and_again(Again::After(left)),
                _ => fail(&migration, world, "resource does not exist in discovery"),
            };
        };
        let version = migration.text(&["status", "resourceVersion"]);
        let Ok(version) = version.parse::<u64>() else {
            let mut migration = Object::clone(&migration);
            let revision = world.revision().to_string();
            migration.set(&["status", "resourceVersion"], revision);
            return Plan::of(Step::update_status(&STORAGE_VERSION_MIGRATIONS, migration));
        };
        migrate(world, &migration, &kind, version)
    }
}

/// Writes again what is as old as a migration, and says that it was done.
fn migrate(world: &World, migration: &Object, kind: &Kind, version: u64) -> Plan {
    let Some(snapshot) = world.snapshot(&kind.resource) else {
        return Plan::nothing();
    };
    let mut plan = Plan::nothing();
    let mut total = 0;
    for stored in snapshot.objects(None, None) {
        total += 1;
        if stored.revision.0 > version {
            continue;
        }
        let patch = json!({
            "apiVersion": kind.api_version(),
            "kind": &*kind.kind,
            "metadata": {"resourceVersion": stored.revision.0.to_string()},
        });
        let (namespace, name) = (stored.key.namespace(), stored.key.name());
        // Who changed it meanwhile wrote it again.
        let step = Step::patch(kind, namespace, name, PatchKind::Merge, patch);
        plan.step(step.or_go_on());
    }
    let (migration, now) = (migration.clone(), world.now);
    plan.then(move |outcomes| done(migration, outcomes, total, now))
}

/// The conditions of a migration whose objects were written.
fn done(mut migration: Object, outcomes: &Outcomes, total: usize, now: jiff::Timestamp) -> Plan {
    let mut left = outcomes.all.len();
    let mut failure = None;
    for outcome in &outcomes.all {
        if outcome.is_success() || matches!(outcome.code, 404 | 409) {
            left -= 1;
        } else {
            failure.get_or_insert_with(|| outcome.message());
        }
    }
    let progress = match (left, total) {
        (_, 0) => String::new(),
        (0, _) => format!(", {total} objects verified migrated"),
        _ => format!(", {left}/{total} objects not yet migrated"),
    };
    let running = Condition {
        kind: "Running",
        status: "True",
        reason: "MigrationRunning",
        message: &format!("The migration is running{progress}"),
    };
    let failed = failure.map(|why| {
        format!("{left}/{total} not yet migrated. migration encountered unhandled error: {why}")
    });
    let end = match &failed {
        None => Condition {
            kind: "Succeeded",
            status: "True",
            reason: "StorageVersionMigrationSucceeded",
            message: "Migration completed",
        },
        Some(message) => Condition {
            kind: "Failed",
            status: "True",
            reason: "StorageVersionMigrationFailed",
            message,
        },
    };
    let mut all: Vec<Value> = migration.items(&["status", "conditions"]).to_vec();
    running.set(&mut all, now);
    end.set(&mut all, now);
    migration.set(&["status", "conditions"], all);
    Plan::of(Step::update_status(&STORAGE_VERSION_MIGRATIONS, migration))
}

fn fail(migration: &Object, world: &World, message: &str) -> Plan {
    let mut migration = migration.clone();
    let mut all: Vec<Value> = migration.items(&["status", "conditions"]).to_vec();
    let failed = Condition {
        kind: "Failed",
        status: "True",
        reason: "StorageVersionMigrationFailed",
        message,
    };
    failed.set(&mut all, world.now);
    migration.set(&["status", "conditions"], all);
    Plan::of(Step::update_status(&STORAGE_VERSION_MIGRATIONS, migration))
}
