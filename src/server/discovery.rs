//! `/api` and `/apis`: what is served, in the old form and aggregated.
//!
//! *Upstream:* `apiserver/pkg/endpoints/discovery`, `…/discovery/aggregated`.

use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HOST, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;

use super::encode::{self, Payload};
use super::pages::{self, Head, Pages};
use super::{health, negotiate, oidc};
use crate::aggregate::Form;
use crate::error::ApiError;
use crate::object::GroupVersion;
use crate::schema::publish::discovery::{self, Root};

/// The media type of an aggregated document.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Aggregated documents made, each with the generation of the catalog it was made of.
#[derive(Default)]
pub(super) struct Kept {
    core: parking_lot::Mutex<Option<Made>>,
    groups: parking_lot::Mutex<Option<Made>>,
}

#[derive(Clone)]
struct Made {
    /// Of the catalog, and of what is registered beside it.
    generation: (u64, u64),
    bytes: Bytes,
    etag: HeaderValue,
}

/// `/`: every path there is.
pub(super) async fn index(State(pages): State<Pages>) -> Response {
    let state = pages.registry.catalog.state();
    let mut paths: Vec<String> = [
        "/api",
        "/apis",
        "/apis/",
        "/metrics",
        "/metrics/slis",
        "/openapi/v2",
        oidc::PATH,
        oidc::KEYS_PATH,
    ]
    .into_iter()
    .chain(["/openapi/v3", "/openapi/v3/", "/version"])
    .map(str::to_owned)
    .collect();
    for group in discovery::groups(&state) {
        if !group.name.is_empty() {
            paths.push(format!("/apis/{}", group.name));
        }
        for version in group.versions {
            let root = if group.name.is_empty() { "api" } else { "apis" };
            paths.push(format!("/{root}/{version}"));
        }
    }
    for kind in ["healthz", "livez", "readyz"] {
        paths.push(format!("/{kind}"));
        let checks = health::checks(kind).into_iter();
        paths.extend(checks.map(|check| format!("/{kind}/{check}")));
    }
    paths.sort();
    let document = serde_json::json!({ "paths": paths });
    // Any method and any `Accept` gets it.
    pages::indented(serde_json::to_vec_pretty(&document).unwrap_or_default())
}

/// `/api`.
pub(super) async fn api(State(pages): State<Pages>, head: Head) -> Response {
    if negotiate::wants_aggregated(&head.headers) {
        return aggregated(&pages, &head, Root::Core);
    }
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    let address = host.unwrap_or("127.0.0.1:6443");
    pages::document(&head, discovery::api_versions(address).to_string())
}

/// `/apis`.
pub(super) async fn apis(State(pages): State<Pages>, head: Head) -> Response {
    if negotiate::wants_aggregated(&head.headers) {
        return aggregated(&pages, &head, Root::Groups);
    }
    let mut list = discovery::group_list(&pages.registry.catalog.state());
    merge(&pages, &mut list["groups"], Form::Plain);
    pages::any_method(&head, list.to_string())
}

/// Adds what is registered beside what is served from here.
fn merge(pages: &Pages, groups: &mut Value, form: Form) {
    if let Some(groups) = groups.as_array_mut() {
        pages.aggregator.merge(groups, form);
    }
}

/// `/apis/GROUP`.
pub(super) async fn group(
    State(pages): State<Pages>,
    Path(name): Path<String>,
    head: Head,
) -> Response {
    let state = pages.registry.catalog.state();
    let own = discovery::group(&state, &name);
    let mut groups = own.map(|own| vec![own]).unwrap_or_default();
    pages.aggregator.merge(&mut groups, Form::Plain);
    let group = groups.into_iter().find(|group| group["name"] == name);
    match group {
        Some(mut group) => {
            group["kind"] = "APIGroup".into();
            group["apiVersion"] = "v1".into();
            pages::any_method(&head, group.to_string())
        }
        None => pages::page(encode::not_found()),
    }
}

/// `/api/VERSION`.
pub(super) async fn core_version(
    State(pages): State<Pages>,
    Path(version): Path<String>,
    head: Head,
) -> Response {
    resources(&pages, &head, &GroupVersion::new("", version))
}

/// `/apis/GROUP/VERSION`.
pub(super) async fn group_version(
    State(pages): State<Pages>,
    Path((group, version)): Path<(String, String)>,
    head: Head,
) -> Response {
    if group.is_empty() {
        return pages::page(encode::not_found());
    }
    resources(&pages, &head, &GroupVersion::new(group, version))
}

fn resources(pages: &Pages, head: &Head, group_version: &GroupVersion) -> Response {
    let state = pages.registry.catalog.state();
    let is_built_in = state
        .order
        .iter()
        .any(|served| served.group == group_version.group);
    match discovery::resource_list(&state, group_version) {
        Some(list) => pages::document(head, list.to_string()),
        None if is_built_in => pages::error(head, &ApiError::path_not_found()),
        None => pages::page(encode::not_found()),
    }
}

/// An aggregated document, made once for each state of the catalog.
fn aggregated(pages: &Pages, head: &Head, root: Root) -> Response {
    let state = pages.registry.catalog.state();
    let mut kept = match root {
        Root::Core => pages.discovery.core.lock(),
        Root::Groups => pages.discovery.groups.lock(),
    };
    let generation = (state.generation, pages.aggregator.generation());
    let made = match &*kept {
        Some(made) if made.generation == generation => made.clone(),
        _ => {
            let mut list = discovery::aggregated(&state, root);
            if root == Root::Groups {
                merge(pages, &mut list["items"], Form::Aggregated);
            }
            let bytes = Bytes::from(list.to_string());
            let etag = format!("\"{}\"", discovery::etag(&bytes));
            let made = Made {
                generation,
                bytes,
                etag: HeaderValue::from_str(&etag).unwrap_or(HeaderValue::from_static("")),
            };
            *kept = Some(made.clone());
            made
        }
    };
    drop(kept);
    let mut answer = if is_known(&head.headers, &made.etag) {
        let mut answer = encode::Answer::new(Payload::empty());
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        answer
    } else {
        let mut answer = encode::json(made.bytes, negotiate::Media::default(), &head.headers);
        answer
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(AGGREGATED));
        answer
    };
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public"));
    headers.insert(ETAG, made.etag);
    headers.append(VARY, HeaderValue::from_static("Accept"));
    pages::page(answer)
}

/// Whether the client has the document of this tag already.
pub(super) fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let Some(tags) = headers
        .get(IF_NONE_MATCH)
        .and_then(|tags| tags.to_str().ok())
    else {
        return false;
    };
    let known = |tag: &str| tag.trim().trim_start_matches("W/").as_bytes() == etag.as_bytes();
    tags.trim() == "*" || tags.split(',').any(known)
}
