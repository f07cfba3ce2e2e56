//! Upstream's mistakes, corrected one by one. A fixup that no longer applies stops the build.

mod upstream_bugs;

use anyhow::{Context, Result};

use crate::spec::Facts;

type Fixup = fn(&mut Facts) -> Result<()>;

/// Which version needs which.
const FIXUPS: &[(&str, &str, Fixup)] = &[
    (
        "v1.37",
        "micro_time_has_a_format_of_its_own",
        upstream_bugs::micro_time,
    ),
    (
        "v1.37",
        "definitions_are_stored_in_a_version_nobody_serves",
        upstream_bugs::definitions_storage,
    ),
];

/// Applies every fixup of a version.
pub fn apply(version: &str, facts: &mut Facts) -> Result<()> {
    for (_, name, fixup) in FIXUPS.iter().filter(|(needs, ..)| *needs == version) {
        fixup(facts).with_context(|| format!("fixup {name} no longer applies: remove it"))?;
    }
    Ok(())
}
