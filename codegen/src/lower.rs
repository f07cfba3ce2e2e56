//! Spec to model.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

use crate::model::{Field, Group, Model, Resource, Schema, Shape, Subresource, Version};
use crate::spec::openapi::{self, Kind};
use crate::spec::{Facts, discovery, overlay};
use crate::{messages, schemas};

/// Lowers every fact about a version.
pub fn lower(facts: &Facts) -> Result<Model> {
    let mut schemas = schemas::lower(facts)?;
    apply_defaults(&mut schemas, &facts.overlay)?;
    let index = Index::new(facts);
    let mut groups = Vec::new();
    for group in &facts.discovery.groups {
        let mut versions = Vec::new();
        for version in &group.versions {
            let lowered = lower_version(&index, &group.name, version)
                .with_context(|| format!("{}/{}", group.name, version.version))?;
            versions.push(lowered);
        }
        groups.push(Group {
            name: group.name.clone(),
            versions,
        });
    }
    check_unsupported(&groups, &facts.overlay)?;
    let messages = messages::lower(&facts.protobuf, &schemas).context("protobuf")?;
    Ok(Model {
        groups,
        schemas,
        messages,
        registered: facts.discovery.registered.clone(),
        structs: facts.structs.clone(),
        dumps: facts.dumps.clone(),
        columns: facts.columns.clone(),
        custom: facts.custom.clone(),
    })
}

/// What resources are looked up in.
struct Index<'a> {
    facts: &'a Facts,
    components: BTreeMap<Kind, String>,
    hashes: BTreeMap<String, (String, String)>,
}

impl<'a> Index<'a> {
    fn new(facts: &'a Facts) -> Self {
        let mut components = BTreeMap::new();
        for (name, schema) in &facts.openapi.schemas {
            for kind in openapi::kinds(schema) {
                components.insert(kind, name.clone());
            }
        }
        let mut hashes = BTreeMap::new();
        for group in &facts.discovery.groups {
            for version in &group.versions {
                for resource in &version.resources {
                    let hash = storage_hash(&group.name, &version.version, &resource.kind);
                    hashes.insert(hash, (group.name.clone(), version.version.clone()));
                }
            }
        }
        Self {
            facts,
            components,
            hashes,
        }
    }

    fn refused(&self, group: &str, name: &str) -> String {
        reason(&self.facts.overlay.unsupported, group, name)
    }

    fn schema_alone(&self, group: &str, name: &str) -> String {
        reason(&self.facts.overlay.schema_alone, group, name)
    }
}

/// The reason a resource is listed for; empty where it is not.
fn reason(rows: &[overlay::Unsupported], group: &str, name: &str) -> String {
    let row = rows
        .iter()
        .find(|row| row.group == group && row.resource == name);
    row.map(|row| row.reason.clone()).unwrap_or_default()
}

fn lower_version(index: &Index, group: &str, version: &discovery::Version) -> Result<Version> {
    let mut resources: Vec<Resource> = Vec::new();
    for entry in version
        .resources
        .iter()
        .filter(|entry| !entry.name.contains('/'))
    {
        let mut resource = lower_resource(index, group, &version.version, entry)
            .with_context(|| entry.name.clone())?;
        let prefix = format!("{}/", entry.name);
        for entry in &version.resources {
            if let Some(name) = entry.name.strip_prefix(&prefix) {
                resource
                    .subresources
                    .push(subresource(index, group, version, entry, name));
            }
        }
        resources.push(resource);
    }
    let own = version
        .resources
        .iter()
        .filter(|entry| entry.name.contains('/'))
        .count();
    let placed: usize = resources
        .iter()
        .map(|resource| resource.subresources.len())
        .sum();
    ensure!(own == placed, "a subresource without its resource");
    Ok(Version {
        name: version.version.clone(),
        is_served: version.served,
        priority: priority(version.priority.as_deref())?,
        resources,
    })
}

fn priority(text: Option<&str>) -> Result<(u32, u32)> {
    let Some(text) = text else { return Ok((0, 0)) };
    let (group, version) = text.split_once(' ').context("a priority is two numbers")?;
    Ok((group.parse()?, version.parse()?))
}

fn lower_resource(
    index: &Index,
    group: &str,
    version: &str,
    entry: &discovery::Resource,
) -> Result<Resource> {
    let kind: Kind = (group.to_owned(), version.to_owned(), entry.kind.clone());
    let schema = index
        .components
        .get(&kind)
        .context("no component has its kind")?
        .clone();
    let list = index.facts.openapi.lists.get(&kind);
    let list_kind = list
        .and_then(|list| list.rsplit('.').next())
        .unwrap_or_default();
    let storage = if let Some(version) = &entry.stored_in {
        (group.to_owned(), version.clone())
    } else if entry.storage_version_hash.is_empty() {
        (group.to_owned(), version.to_owned())
    } else {
        let found = index.hashes.get(&entry.storage_version_hash);
        found
            .context("its storage version hash is of no known version")?
            .clone()
    };
    let deprecation = match entry.deprecated.as_str() {
        "" => String::new(),
        since => deprecation(&kind, since),
    };
    Ok(Resource {
        plural: entry.name.clone(),
        singular: entry.singular_name.clone(),
        kind: entry.kind.clone(),
        list_kind: list_kind.to_owned(),
        is_namespaced: entry.namespaced,
        short_names: entry.short_names.clone(),
        categories: entry.categories.clone(),
        verbs: entry.verbs.clone(),
        hash: entry.storage_version_hash.clone(),
        storage,
        deprecation,
        refused: index.refused(group, &entry.name),
        schema_alone: index.schema_alone(group, &entry.name),
        schema,
        subresources: Vec::new(),
    })
}

/// `1.33; use discovery.k8s.io/v1 EndpointSlice` as the server's warning header says it.
fn deprecation((group, version, kind): &Kind, since: &str) -> String {
    let slash = if group.is_empty() { "" } else { "/" };
    let (since, rest) = since.split_at(since.find([',', ';']).unwrap_or(since.len()));
    format!("{group}{slash}{version} {kind} is deprecated in v{since}+{rest}")
}

fn subresource(
    index: &Index,
    group: &str,
    version: &discovery::Version,
    entry: &discovery::Resource,
    name: &str,
) -> Subresource {
    let kind: Kind = (
        entry.group.clone().unwrap_or_else(|| group.to_owned()),
        entry
            .version
            .clone()
            .unwrap_or_else(|| version.version.clone()),
        entry.kind.clone(),
    );
    Subresource {
        name: name.to_owned(),
        schema: index.components.get(&kind).cloned(),
        kind,
        verbs: entry.verbs.clone(),
        refused: index.refused(group, &entry.name),
    }
}

/// The hash apiserver publishes for a storage version.
pub fn storage_hash(group: &str, version: &str, kind: &str) -> String {
    use base64::Engine as _;
    use sha2::Digest as _;
    let sum = sha2::Sha256::digest(format!("{group}/{version}/{kind}"));
    base64::engine::general_purpose::STANDARD.encode(&sum[..8])
}

fn apply_defaults(schemas: &mut [Schema], overlay: &overlay::Overlay) -> Result<()> {
    let shapes: BTreeMap<String, Shape> = schemas
        .iter()
        .map(|schema| (schema.name.clone(), schema.shape.clone()))
        .collect();
    for row in &overlay.defaults {
        let name = &row.schema;
        let place = schemas.iter_mut().find(|schema| schema.name == *name);
        let schema = place.with_context(|| format!("defaults.toml: no schema {name}"))?;
        ensure!(
            !row.source.is_empty(),
            "defaults.toml: {name} needs its source"
        );
        for (field, value) in &row.set {
            let place = schema
                .fields
                .iter_mut()
                .find(|candidate| candidate.name == *field);
            let field = place.with_context(|| format!("defaults.toml: no {name}.{field}"))?;
            check_default(field, value, &shapes)
                .with_context(|| format!("defaults.toml: {name}.{}", field.name))?;
            field.default = Some(value.clone());
        }
    }
    Ok(())
}

fn check_default(
    field: &Field,
    value: &serde_json::Value,
    shapes: &BTreeMap<String, Shape>,
) -> Result<()> {
    let shape = match &field.shape {
        Shape::Ref(name) => shapes.get(name).context("its schema is unknown")?,
        other => other,
    };
    let fits = match shape {
        Shape::Boolean => value.is_boolean(),
        Shape::Int32 | Shape::Int64 => value.is_i64(),
        Shape::Number => value.is_number(),
        Shape::String => value.is_string(),
        Shape::IntOrString => value.is_string() || value.is_i64(),
        Shape::Struct | Shape::Map(_) | Shape::Object => value.is_object(),
        Shape::List(_) => value.is_array(),
        other => bail!("a default for {other:?} is not expected"),
    };
    ensure!(fits, "{value} does not fit {shape:?}");
    ensure!(
        field.default.as_ref() != Some(value),
        "the document already has this default"
    );
    let known = field.values.is_empty()
        || value
            .as_str()
            .is_none_or(|text| field.values.iter().any(|known| known == text));
    ensure!(known, "{value} is not one of {:?}", field.values);
    Ok(())
}

fn check_unsupported(groups: &[Group], overlay: &overlay::Overlay) -> Result<()> {
    check_rows(groups, &overlay.unsupported, "unsupported.toml")?;
    check_rows(groups, &overlay.schema_alone, "schema-alone.toml")
}

/// Every row names something that is there, and says why.
fn check_rows(groups: &[Group], rows: &[overlay::Unsupported], file: &str) -> Result<()> {
    for row in rows {
        let (plural, subresource) = row.resource.split_once('/').unwrap_or((&row.resource, ""));
        let mut resources = groups
            .iter()
            .filter(|group| group.name == row.group)
            .flat_map(|group| &group.versions)
            .flat_map(|version| &version.resources)
            .filter(|resource| resource.plural == plural);
        let found = resources.any(|resource| {
            subresource.is_empty()
                || resource
                    .subresources
                    .iter()
                    .any(|sub| sub.name == subresource)
        });
        ensure!(
            found,
            "{file}: no {} in group `{}`",
            row.resource,
            row.group
        );
        ensure!(
            !row.reason.is_empty(),
            "{file}: {} needs a reason",
            row.resource
        );
    }
    Ok(())
}
