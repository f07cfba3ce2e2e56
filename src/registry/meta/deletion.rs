//! How an object that is to be deleted is marked, and what still holds it.
//!
//! *Upstream:* `apiserver/pkg/registry/rest/delete.go`,
//! `apiserver/pkg/registry/generic/registry/store.go`.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::super::Strategy;
use super::super::delete_options::{DeleteOptions, Propagation};
use super::system_fields::print_time;
use crate::object::Object;

/// Holds an object until its dependents are released.
pub const ORPHAN: &str = "orphan";
/// Holds an object until its dependents are gone.
pub const FOREGROUND: &str = "foregroundDeletion";

/// What a deletion comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The object goes now.
    Remove,
    /// The object goes now, after it was marked (a grace period of zero).
    MarkAndRemove,
    /// The object is marked and stays until its finalizers are gone or its grace period is over.
    Mark,
    /// The object is being deleted already and nothing changes.
    Pending,
}

/// Marks an object as being deleted, as far as its kind and the options ask for it.
pub fn mark(
    object: &mut Object,
    strategy: &dyn Strategy,
    options: &DeleteOptions,
    now: Timestamp,
) -> Outcome {
    if object.is_being_deleted() && strategy.is_deleted_once() && strategy.holds_deletion(object) {
        return Outcome::Pending;
    }
    let asked = options
        .grace_seconds
        .map(|seconds| if seconds < 0 { 1 } else { seconds });
    let grace = match begin_grace(object, strategy, asked, now) {
        Grace::Pending => return Outcome::Pending,
        Grace::Set(seconds) => Some(seconds),
        Grace::None => None,
    };
    set_propagation(object, strategy, options);
    let is_held = object.finalizers().next().is_some() || strategy.holds_deletion(object);
    match grace {
        Some(seconds) if is_held || seconds > 0 => Outcome::Mark,
        Some(_) => Outcome::MarkAndRemove,
        None if is_held => {
            mark_now(object, now);
            Outcome::Mark
        }
        None => Outcome::Remove,
    }
}

/// Whether an object that is being deleted has nothing left that holds it.
pub fn is_released(object: &Object, strategy: &dyn Strategy) -> bool {
    object.is_being_deleted()
        && object.finalizers().next().is_none()
        && !strategy.holds_deletion(object)
        && object
            .integer(&["metadata", "deletionGracePeriodSeconds"])
            .unwrap_or(0)
            == 0
}

enum Grace {
    /// The kind, or this object, knows no grace.
    None,
    /// A grace period was set or shortened.
    Set(i64),
    /// An earlier, shorter one runs.
    Pending,
}

fn begin_grace(
    object: &mut Object,
    strategy: &dyn Strategy,
    asked: Option<i64>,
    now: Timestamp,
) -> Grace {
    let Some(seconds) = strategy.grace_seconds(object, asked) else {
        return Grace::None;
    };
    if object.is_being_deleted() {
        return shorten_grace(object, asked, now);
    }
    set_deletion(object, now + SignedDuration::from_secs(seconds), seconds);
    bump_generation(object);
    Grace::Set(seconds)
}

fn shorten_grace(object: &mut Object, asked: Option<i64>, now: Timestamp) -> Grace {
    let current = object
        .integer(&["metadata", "deletionGracePeriodSeconds"])
        .unwrap_or(0);
    if current == 0 {
        return Grace::None;
    }
    let Some(mut seconds) = asked.filter(|seconds| *seconds < current) else {
        return Grace::Pending;
    };
    let was: Timestamp = object
        .text(&["metadata", "deletionTimestamp"])
        .parse()
        .unwrap_or(now);
    let mut ends = was - SignedDuration::from_secs(current) + SignedDuration::from_secs(seconds);
    if ends < now {
        ends = now;
        if seconds != 0 {
            seconds = 1;
        }
    }
    set_deletion(object, ends, seconds);
    Grace::Set(seconds)
}

fn mark_now(object: &mut Object, now: Timestamp) {
    if !object.is_being_deleted() {
        bump_generation(object);
    }
    let ends: Option<Timestamp> = object.text(&["metadata", "deletionTimestamp"]).parse().ok();
    let ends = ends.filter(|ends| *ends <= now).unwrap_or(now);
    set_deletion(object, ends, 0);
}

fn set_deletion(object: &mut Object, ends: Timestamp, grace_seconds: i64) {
    let metadata = object.metadata_mut();
    metadata.insert("deletionTimestamp".to_owned(), print_time(ends).into());
    metadata.insert(
        "deletionGracePeriodSeconds".to_owned(),
        grace_seconds.into(),
    );
}

fn bump_generation(object: &mut Object) {
    let generation = object.generation();
    if generation > 0 {
        object
            .metadata_mut()
            .insert("generation".to_owned(), (generation + 1).into());
    }
}

/// Sets or takes away the finalizers of the propagation policy.
fn set_propagation(object: &mut Object, strategy: &dyn Strategy, options: &DeleteOptions) {
    let default = strategy.default_propagation();
    if default == Propagation::Unsupported {
        return;
    }
    let has = |name: &str| object.finalizers().any(|finalizer| finalizer == name);
    let policy = match options.propagation {
        Some(policy) => policy,
        None if has(ORPHAN) => Propagation::Orphan,
        None if has(FOREGROUND) => Propagation::Foreground,
        None => default,
    };
    let mut finalizers: Vec<&str> = object
        .finalizers()
        .filter(|name| *name != ORPHAN && *name != FOREGROUND)
        .collect();
    match policy {
        Propagation::Orphan => finalizers.push(ORPHAN),
        Propagation::Foreground => finalizers.push(FOREGROUND),
        Propagation::Background | Propagation::Unsupported => {}
    }
    // The order counts for nothing.
    let is_same = finalizers.len() == object.finalizers().count()
        && object.finalizers().all(|name| finalizers.contains(&name));
    if is_same {
        return;
    }
    let finalizers: Value = finalizers.into();
    let metadata = object.metadata_mut();
    if finalizers.as_array().is_some_and(Vec::is_empty) {
        metadata.remove("finalizers");
    } else {
        metadata.insert("finalizers".to_owned(), finalizers);
    }
}
