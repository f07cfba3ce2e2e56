//! What holds of every object: properties, tried on generated objects of several kinds.
//!
//! Every draw comes from a seed, so a failure is one everywhere and always; it names its seed.

mod apply;
mod diff;
mod generate;
mod strategic;

use mockernetes::schema::{Schema, tables};

/// The kinds tried: lists with one key and with two, sets, atomic lists and maps, kept keys.
const KINDS: [(&str, &str, &str); 6] = [
    ("apps", "v1", "Deployment"),
    ("", "v1", "Service"),
    ("", "v1", "ConfigMap"),
    ("", "v1", "Pod"),
    ("autoscaling", "v2", "HorizontalPodAutoscaler"),
    ("networking.k8s.io", "v1", "Ingress"),
];
/// Objects of each kind.
const TRIES: u64 = 40;

/// Calls with every kind's schema and with seeds.
fn for_each(mut call: impl FnMut(&str, &Schema, u64)) {
    for (group, version, kind) in KINDS {
        let schema = tables::kind(group, version, kind).unwrap();
        for seed in 0..TRIES {
            call(kind, &schema, seed);
        }
    }
}
