//! The options that the body of a DELETE is made of, which upstream decodes by a scheme of its own:
//! it knows the kinds of `meta.k8s.io`, and takes these options in any version of any group.
//!
//! *Upstream:* `apiserver/pkg/endpoints/handlers/delete.go`,
//! `apimachinery/pkg/apis/meta/internalversion/register.go`.

use super::{built_in, head, to_json};
use crate::error::ApiError;
use crate::object::json::syntax_error;
use crate::object::{GroupVersionKind, Object};
use crate::registry::Request;
use crate::schema::tables;

/// The component of the options.
const COMPONENT: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";

/// The options in a request's body.
pub(crate) fn delete_options(request: &Request) -> Result<Object, ApiError> {
    let schema = tables::component(COMPONENT)
        .ok_or_else(|| ApiError::internal("no schema of the options of a deletion"))?;
    let text = to_json(&request.content_type, &request.body).map_err(ApiError::bad_request)?;
    let text = text.bytes;
    let Ok((head, raw)) = built_in(&text, &schema) else {
        let why = head::wrap(&syntax_error(&text).to_string());
        return Err(ApiError::bad_request(why));
    };
    let expected = GroupVersionKind::new("meta.k8s.io", "v1", "DeleteOptions");
    let named = head.kind().map_err(ApiError::bad_request)?;
    let kind = named.with_defaults(&expected);
    if kind.group_version.version.is_empty() {
        return Err(ApiError::bad_request(head::without_version(&request.body)));
    }
    if kind.kind != expected.kind {
        return Err(another_kind(&text, &kind));
    }
    match raw.error {
        Some(error) => Err(ApiError::bad_request(error)),
        None => Ok(raw.object),
    }
}

fn another_kind(text: &[u8], kind: &GroupVersionKind) -> ApiError {
    if !is_known(kind) {
        return ApiError::bad_request(format!(
            "no kind \"{}\" is registered for version \"{}\" in scheme \
             \"pkg/runtime/scheme.go:111\"",
            kind.kind, kind.group_version
        ));
    }
    // What is wrong with it as the kind it says it is comes first.
    let own = tables::kind("", "v1", &kind.kind).and_then(|schema| built_in(text, &schema).ok());
    if let Some((_, raw)) = own
        && let Some(error) = raw.error
    {
        return ApiError::bad_request(error);
    }
    ApiError::bad_request(format!(
        "converting (v1.{}) to (v1.DeleteOptions): unknown conversion",
        kind.kind
    ))
}

/// Whether the scheme knows a kind other than the options themselves.
fn is_known(kind: &GroupVersionKind) -> bool {
    let is_printed = matches!(
        kind.kind.as_ref(),
        "PartialObjectMetadata" | "PartialObjectMetadataList" | "Table" | "TableOptions"
    );
    let is_option = matches!(
        kind.kind.as_ref(),
        "GetOptions" | "ListOptions" | "PatchOptions" | "WatchEvent"
    );
    let of = &kind.group_version;
    let is_own_group = &*of.group == "meta.k8s.io";
    head::is_unversioned(&kind.kind)
        || matches!(kind.kind.as_ref(), "CreateOptions" | "UpdateOptions")
        || is_own_group && &*of.version == "v1" && (is_printed || is_option)
        || is_own_group && &*of.version == "v1beta1" && is_printed
}
