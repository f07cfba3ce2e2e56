//! What an applier applied before and does not any more.
//!
//! *Upstream:* `structured-merge-diff/merge/update.go` (`prune`).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::field_set::FieldSet;
use super::managers::{Managers, Owned};
use super::versions::{Form, Forms, Unconverted};
use super::{merge, own};

/// The fields of an object, those on the way to them among them.
fn fields<'f>(form: &'f Form<'_>) -> FieldSet<'f> {
    own::with_named_fields(form.place(), &own::fields(form.place(), &form.fields))
}

/// Takes out what `last` says was applied and is not any more, unless another owns it too.
/// Every manager's fields are looked for in the version they are named in.
pub(super) fn prune(
    forms: &Forms<'_>,
    merged: Map<String, Value>,
    managers: &Managers<'_>,
    last: Option<&Owned<'_>>,
    own: &str,
) -> Result<Map<String, Value>, Unconverted> {
    let Some(last) = last.filter(|last| !last.fields.is_empty()) else {
        return Ok(merged);
    };
    let version = last.api_version.as_ref();
    let whole = match forms.convert(&merged, version) {
        Err(Unconverted::Missing) => return Ok(merged),
        other => other.map_err(|error| {
            error.within("failed to convert merged object to last applied version")
        })?,
    };
    let last = own::with_named_fields(whole.place(), &last.fields);
    let pruned = merge::without(whole.place(), &whole.fields, &last);
    let pruned = with_owned(forms, &whole.fields, pruned, version, managers)
        .map_err(|error| error.within("failed add back owned items"))?;
    let pruned = forms.convert(&pruned, version).map_err(|error| {
        error
            .within("failed to convert pruned object to last applied version")
            .within("failed add back dangling items")
    })?;
    // What was never this one's comes back as well.
    let gone = fields(&whole).difference(&fields(&pruned));
    let pruned = merge::without(whole.place(), &whole.fields, &gone.intersection(&last));
    Ok(forms.convert(&pruned, own)?.fields.into_owned())
}

/// Puts back what others own, or this one still does, version by version.
fn with_owned(
    forms: &Forms<'_>,
    merged: &Map<String, Value>,
    mut pruned: Map<String, Value>,
    version: &str,
    managers: &Managers<'_>,
) -> Result<Map<String, Value>, Unconverted> {
    let mut owned: BTreeMap<&str, FieldSet<'_>> = BTreeMap::new();
    for (_, other) in managers.iter() {
        let set = owned.entry(&other.api_version).or_default();
        set.extend(other.fields.clone());
    }
    // That of the version at hand comes first: others may need it to be converted at all.
    let first = owned.remove_entry(version);
    for (version, owned) in first.into_iter().chain(owned) {
        let convert = |object, what: &str| {
            let form = forms.convert(object, version);
            form.map_err(|error| error.within(&format!("failed to convert {what} {version}")))
        };
        let both = convert(merged, "merged object at version").and_then(|merged| {
            let pruned = convert(&pruned, "pruned object at version")?;
            Ok((merged, pruned))
        });
        let back = match both {
            Ok((merged, pruned)) => {
                let kept = fields(&pruned);
                let kept = kept.union(own::with_named_fields(merged.place(), &owned));
                let gone = fields(&merged).difference(&kept);
                merge::without(merged.place(), &merged.fields, &gone)
            }
            Err(Unconverted::Missing) => continue,
            Err(error) => return Err(error),
        };
        pruned = back;
    }
    Ok(pruned)
}
