//! One function per mistake.

use anyhow::{Context, Result, bail, ensure};
use openapiv3::{SchemaKind, StringFormat, Type, VariantOrUnknownOrEmpty as Format};

use crate::spec::Facts;

/// `MicroTime` is published as `date-time` like `Time`, but is written with six decimals.
pub(super) fn micro_time(facts: &mut Facts) -> Result<()> {
    let name = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime";
    let schema = facts
        .openapi
        .schemas
        .get_mut(name)
        .context("no such component")?;
    let SchemaKind::Type(Type::String(string)) = &mut schema.schema_kind else {
        bail!("{name} is no string");
    };
    ensure!(
        string.format == Format::Item(StringFormat::DateTime),
        "its format changed"
    );
    string.format = Format::Unknown("micro-time".to_owned());
    Ok(())
}

/// `CustomResourceDefinition`s are stored as `v1beta1`, which is served no more. Here they are
/// stored as they are served; the published hash stays.
pub(super) fn definitions_storage(facts: &mut Facts) -> Result<()> {
    let (group, kind) = ("apiextensions.k8s.io", "CustomResourceDefinition");
    let versions = facts
        .discovery
        .groups
        .iter_mut()
        .filter(|entry| entry.name == group);
    let mut resources = versions
        .flat_map(|group| &mut group.versions)
        .flat_map(|version| {
            let name = version.version.clone();
            version
                .resources
                .iter_mut()
                .map(move |resource| (name.clone(), resource))
        });
    let found = resources.find(|(_, resource)| resource.name == "customresourcedefinitions");
    let (version, resource) = found.context("no such resource")?;
    let expected = crate::lower::storage_hash(group, "v1beta1", kind);
    ensure!(
        resource.storage_version_hash == expected,
        "its storage version changed"
    );
    resource.stored_in = Some(version);
    Ok(())
}
