//! The tables of built-in kinds: what they say, and that loading them costs next to nothing.

use mockernetes::schema::{Catalog, ListKind, MapKind, Schema, Shape, tables};
use serde_json::json;

fn component(name: &str) -> Schema {
    tables::component(name).unwrap_or_else(|| panic!("no component {name}"))
}

#[test]
fn a_resource_knows_its_names_verbs_and_subresources() {
    let catalog = Catalog::built_in();
    let deployments = catalog
        .resource("apps", "v1", "deployments")
        .expect("served");
    assert_eq!(deployments.kind, "Deployment");
    assert_eq!(deployments.list_kind, "DeploymentList");
    assert_eq!(deployments.short_names, ["deploy"]);
    assert!(deployments.is_namespaced && deployments.serves("deletecollection"));
    let scale = deployments.subresource("scale").expect("a scale");
    assert_eq!(scale.kind.group_version.to_string(), "autoscaling/v1");
    assert!(scale.schema.is_some());
}

#[test]
fn versions_of_a_kind_share_their_storage() {
    let catalog = Catalog::built_in();
    let events = catalog
        .resource("events.k8s.io", "v1", "events")
        .expect("served");
    assert_eq!(events.storage.to_string(), "events");
    assert_eq!(events.storage_version.to_string(), "v1");
    let scalers = catalog
        .resource("autoscaling", "v1", "horizontalpodautoscalers")
        .expect("served");
    assert_eq!(scalers.storage_version.to_string(), "autoscaling/v2");
}

#[test]
fn deprecated_kinds_carry_the_warning_of_the_server() {
    let catalog = Catalog::built_in();
    let endpoints = catalog.resource("", "v1", "endpoints").expect("served");
    let warning = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";
    assert_eq!(endpoints.deprecation, warning);
    assert_eq!(
        catalog
            .resource("", "v1", "pods")
            .expect("served")
            .deprecation,
        ""
    );
}

#[test]
fn a_field_knows_how_go_writes_it_and_how_it_merges() {
    let spec = component("io.k8s.api.core.v1.PodSpec");
    let root = spec.root();
    assert_eq!(root.go_struct, "PodSpec");
    assert_eq!(root.required, ["containers"]);
    let containers = spec.field(root, "containers").expect("a field");
    assert_eq!(containers.go_type, "[]v1.Container");
    assert!(containers.merge.merges && containers.merge.key == "name");
    assert!(!containers.encoding.omits_empty && !containers.encoding.is_pointer);
    assert_eq!(
        spec.node(containers.node).list,
        ListKind::Map(vec!["name".into()])
    );
    let grace = spec
        .field(root, "terminationGracePeriodSeconds")
        .expect("a field");
    assert_eq!(grace.default, Some(json!(30)));
    assert!(grace.encoding.is_pointer && grace.encoding.omits_empty);
    let selector = spec.field(root, "nodeSelector").expect("a field");
    assert_eq!(spec.node(selector.node).map, MapKind::Atomic);
}

#[test]
fn enumerations_stand_at_the_scalar_they_limit() {
    let spec = component("io.k8s.api.core.v1.PersistentVolumeSpec");
    let modes = spec.field(spec.root(), "accessModes").expect("a field");
    let Shape::List(items) = spec.node(modes.node).shape else {
        panic!("a list")
    };
    let checks = spec.node(items).checks.as_deref().expect("checks");
    assert!(checks.enumeration.contains(&json!("ReadWriteOnce")));
}

#[test]
fn what_is_refused_says_why() {
    assert_eq!(tables::refusal("", "v1", "pods", "status"), None);
    assert!(tables::refusal("", "v1", "nodes", "proxy").is_some());
}

#[test]
fn every_default_fits_the_place_it_stands_at() {
    let set = tables::schemas();
    for node in set.nodes() {
        let Shape::Struct(fields) = &node.shape else {
            continue;
        };
        for field in fields {
            let Some(default) = &field.default else {
                continue;
            };
            let fits = match &set.nodes()[field.node.0 as usize].shape {
                Shape::Boolean => default.is_boolean(),
                Shape::Integer(_) => default.is_i64(),
                Shape::String(_) => default.is_string(),
                Shape::Struct(_) | Shape::Map(_) => default.is_object(),
                Shape::List(_) => default.is_array(),
                Shape::IntOrString => default.is_i64() || default.is_string(),
                Shape::Number | Shape::Any => true,
            };
            assert!(fits, "{:?}.{}: {default}", node.component, field.name);
        }
    }
}

#[test]
fn group_versions_know_their_place_in_the_aggregator() {
    assert_eq!(tables::priority("apps", "v1"), Some((17_800, 15)));
    assert_eq!(tables::priority("", "v1"), Some((18_000, 1)));
}
