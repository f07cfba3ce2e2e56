//! Fields of pods that stand behind gates which 1.37 keeps shut: they are dropped on the way in.
//!
//! *Upstream:* `pkg/api/pod/util.go` (`DropDisabledPodFields`), `pkg/features/kube_features.go`.

use serde_json::{Map, Value};

use super::super::look::{Look, each};

/// Drops what the gates keep out of a pod's spec.
pub fn drop(spec: &mut Map<String, Value>) {
    spec.remove("schedulingGroup"); // GenericWorkload
    spec.remove("evictionResponders"); // EvictionRequestAPI
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for container in each(spec, list) {
            drop_of_container(container);
        }
    }
    for volume in each(spec, "volumes") {
        drop_of_volume(volume);
    }
}

fn drop_inside(holder: &mut Map<String, Value>, path: &[&str], field: &str) {
    let mut map = holder;
    for step in path {
        let Some(next) = map.get_mut(*step).and_then(Value::as_object_mut) else {
            return;
        };
        map = next;
    }
    map.remove(field);
}

fn drop_of_container(container: &mut Map<String, Value>) {
    for mount in each(container, "volumeMounts") {
        mount.remove("bindMountOptions"); // VolumeBindMountOptions
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        drop_inside(container, &[probe, "httpGet"], "protocol"); // H2CContainerProbe
        drop_inside(container, &[probe, "grpc"], "mode"); // GRPCContainerProbeTLS
    }
    for hook in ["postStart", "preStop"] {
        drop_inside(container, &["lifecycle", hook, "httpGet"], "protocol");
    }
    // ContainerStopSignals
    if container.at("lifecycle").has("stopSignal") {
        drop_inside(container, &["lifecycle"], "stopSignal");
        if container.map("lifecycle").is_some_and(Map::is_empty) {
            container.remove("lifecycle");
        }
    }
}

fn drop_of_volume(volume: &mut Map<String, Value>) {
    drop_inside(volume, &["emptyDir"], "mode"); // EmptyDirVolumeMode
    // AtomicWriteVolumeUserFields
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        let Some(source) = volume.get_mut(source).and_then(Value::as_object_mut) else {
            continue;
        };
        source.remove("defaultUser");
        for item in each(source, "items") {
            item.remove("user");
        }
        for projected in each(source, "sources") {
            for inner in projected.values_mut().filter_map(Value::as_object_mut) {
                inner.remove("user");
                for item in each(inner, "items") {
                    item.remove("user");
                }
            }
        }
    }
}
