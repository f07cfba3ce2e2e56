//! Files of one volume that stand in each other's way.
//!
//! *Upstream:* `pkg/api/pod/warnings.go` (`warningsForOverlappingVirtualPaths`).

use serde_json::Value;

use super::super::look::Look;

/// A path, and where it comes from; empty where that is clear.
#[derive(PartialEq)]
struct Place<'a> {
    path: &'a str,
    source: String,
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.path)?;
        if !self.source.is_empty() {
            write!(f, " ({})", self.source)?;
        }
        Ok(())
    }
}

impl Place<'_> {
    /// Whether one of the two is the other, or lies in it.
    fn overlaps(&self, other: &Self) -> bool {
        let is_in = |inner: &str, outer: &str| {
            inner
                .strip_prefix(outer)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        !self.path.is_empty()
            && !other.path.is_empty()
            && (is_in(self.path, other.path) || is_in(other.path, self.path))
    }
}

fn places<'a>(source: &'a Value, name: &str) -> Vec<Place<'a>> {
    source
        .list("items")
        .iter()
        .map(|item| Place {
            path: item.text("path").trim_end_matches('/'),
            source: name.to_owned(),
        })
        .collect()
}

/// Adds a place to those seen; every one it overlaps is a warning's text.
fn add<'a>(seen: &mut Vec<Place<'a>>, place: Place<'a>, found: &mut Vec<String>) {
    for other in seen.iter().filter(|other| other.overlaps(&place)) {
        found.push(format!("{place} with {other}"));
    }
    seen.push(place);
}

/// Adds the warnings of all volumes.
pub(super) fn warn(volumes: &[Value], warnings: &mut Vec<String>) {
    for volume in volumes {
        let name = volume.text("name");
        let sources = [
            ("configMap", "ConfigMap", "name"),
            ("secret", "Secret", "secretName"),
            ("downwardAPI", "DownwardAPI", ""),
        ];
        for (field, kind, key) in sources {
            let Some(source) = volume.maybe(field) else {
                continue;
            };
            let (mut seen, mut found) = (Vec::new(), Vec::new());
            for place in places(source, "") {
                add(&mut seen, place, &mut found);
            }
            let what = if key.is_empty() {
                kind.to_owned()
            } else {
                format!("{kind} {:?}", source.text(key))
            };
            let text = |found| format!("volume {name:?} ({what}): overlapping paths: {found}");
            warnings.extend(found.into_iter().map(text));
        }
        if let Some(projected) = volume.maybe("projected") {
            projection(name, projected, warnings);
        }
    }
}

fn projection(name: &str, projected: &Value, warnings: &mut Vec<String>) {
    let (mut seen, mut found) = (Vec::new(), Vec::new());
    for source in projected.list("sources") {
        let Some((field, inner)) = source
            .as_object()
            .and_then(|map| map.iter().find(|(_, value)| !value.is_null()))
        else {
            warnings.push(format!(
                "volume {name:?} (Projected) has no sources provided"
            ));
            continue;
        };
        let one = |key: &str, source: String| {
            let path = inner.text(key).trim_end_matches('/');
            vec![Place { path, source }]
        };
        let places = match field.as_str() {
            "configMap" => places(inner, &format!("ConfigMap {:?}", inner.text("name"))),
            "secret" => places(inner, &format!("Secret {:?}", inner.text("name"))),
            "downwardAPI" => places(inner, "DownwardAPI"),
            "serviceAccountToken" => one("path", "ServiceAccountToken".to_owned()),
            "clusterTrustBundle" => {
                let name = inner.maybe_text("name").unwrap_or(inner.text("signerName"));
                one("path", format!("ClusterTrustBundle {name:?}"))
            }
            _ => certificate(inner),
        };
        for place in places {
            add(&mut seen, place, &mut found);
        }
    }
    let text = |found| format!("volume {name:?} (Projected): overlapping paths: {found}");
    warnings.extend(found.into_iter().map(text));
}

fn certificate(source: &Value) -> Vec<Place<'_>> {
    let files = [
        ("certificateChainPath", "PodCertificate chain"),
        ("keyPath", "PodCertificate key"),
        ("credentialBundlePath", "PodCertificate credential bundle"),
    ];
    let said = files
        .iter()
        .filter(|(field, _)| !source.text(field).is_empty());
    said.map(|(field, what)| Place {
        path: source.text(field).trim_end_matches('/'),
        source: (*what).to_owned(),
    })
    .collect()
}
