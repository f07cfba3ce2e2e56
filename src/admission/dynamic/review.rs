//! What a webhook is sent, and what its answer must be.
//!
//! *Upstream:* `apiserver/pkg/admission/plugin/webhook/request/admissionreview.go`,
//! `…/webhook/errors/statuserror.go`.

use base64::{DecodeError, Engine};
use serde_json::{Map, Value, json};

use super::subject::{Versioned, request_json};
use crate::admission::Attributes;
use crate::error::ApiError;
use crate::object::Object;
use crate::object::json::go_name;
use crate::object::quote::quoted;

/// A version of AdmissionReview.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V1Beta1,
}

impl Version {
    /// The first version of a webhook's list that we speak.
    pub(super) fn choose<'a>(versions: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        versions.into_iter().find_map(|version| match version {
            "v1" => Some(Self::V1),
            "v1beta1" => Some(Self::V1Beta1),
            _ => None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V1Beta1 => "v1beta1",
        }
    }

    const fn api_version(self) -> &'static str {
        match self {
            Self::V1 => "admission.k8s.io/v1",
            Self::V1Beta1 => "admission.k8s.io/v1beta1",
        }
    }
}

/// The review of a write.
pub(super) fn review(
    write: &Attributes,
    versioned: &Versioned,
    version: Version,
    uid: &str,
) -> Value {
    let object =
        |object: Option<&Object>| object.map_or(Value::Null, |object| object.clone().into_value());
    let mut request = Map::new();
    request.insert("uid".to_owned(), uid.into());
    request.extend(request_json(write, &versioned.resource));
    request.insert("object".to_owned(), object(versioned.object.as_ref()));
    request.insert("oldObject".to_owned(), object(versioned.old.as_ref()));
    json!({
        "kind": "AdmissionReview",
        "apiVersion": version.api_version(),
        "request": request,
    })
}

/// Why an answer cannot be read as a review of the version that was sent; of none it cannot.
pub(super) fn unreadable(review: &Value, version: Version) -> Option<String> {
    let api_version = review["apiVersion"].as_str().unwrap_or("");
    let kind = review["kind"].as_str().unwrap_or("");
    // What an answer leaves out is taken to be as it was asked for, until it is looked at again.
    if api_version != version.api_version() && !api_version.is_empty() {
        let own = version.name();
        let sent = match version {
            Version::V1 => Version::V1Beta1.name(),
            Version::V1Beta1 => Version::V1.name(),
        };
        let is_other = kind == "AdmissionReview"
            && api_version.strip_prefix("admission.k8s.io/") == Some(sent);
        return Some(if is_other {
            format!(
                "converting ({sent}.AdmissionReview) to ({own}.AdmissionReview): unknown conversion"
            )
        } else {
            format!(
                "no kind {} is registered for version {} in scheme \"pkg/runtime/scheme.go:111\"",
                quoted(kind),
                quoted(api_version)
            )
        });
    }
    if !kind.is_empty() && kind != "AdmissionReview" {
        return Some(format!(
            "no kind {} is registered for version {} in scheme \"pkg/runtime/scheme.go:111\"",
            quoted(kind),
            quoted(version.api_version())
        ));
    }
    let mistyped = |value: &Value, field: &str, wanted: &str| {
        let found = go_name(value);
        format!("json: cannot unmarshal {found} into Go struct field {field} of type {wanted}")
    };
    let response = &review["response"];
    let Some(fields) = response.as_object() else {
        let field = "AdmissionReview.response";
        return (!response.is_null()).then(|| {
            mistyped(
                response,
                field,
                &format!("{}.AdmissionResponse", version.name()),
            )
        });
    };
    let patch = fields.get("patch").and_then(Value::as_str).unwrap_or("");
    if let Err(error) = base64::engine::general_purpose::STANDARD.decode(patch) {
        let offset = match error {
            DecodeError::InvalidByte(offset, _) | DecodeError::InvalidLastSymbol(offset, _) => {
                offset
            }
            DecodeError::InvalidLength(length) => length,
            DecodeError::InvalidPadding => patch.len(),
        };
        return Some(format!("illegal base64 data at input byte {offset}"));
    }
    let (name, value, wanted) = fields.iter().find_map(|(name, value)| {
        let (value, wanted) = mismatch(name, value)?;
        Some((name, value, wanted))
    })?;
    let field = format!("AdmissionResponse.response.{name}");
    Some(mistyped(value, &field, wanted))
}

/// The part of a response's field that is of a type that Go does not take, and the type it wants.
fn mismatch<'a>(name: &str, value: &'a Value) -> Option<(&'a Value, &'static str)> {
    let unless =
        |is_right: bool, wanted| (!is_right && !value.is_null()).then_some((value, wanted));
    let is_no_text = |item: &&Value| !item.is_string() && !item.is_null();
    match name {
        "allowed" => unless(value.is_boolean(), "bool"),
        "uid" => unless(value.is_string(), "types.UID"),
        "patch" => unless(value.is_string(), "[]uint8"),
        "patchType" => unless(value.is_string(), "v1.PatchType"),
        "status" => unless(value.is_object(), "v1.Status"),
        "warnings" => match value.as_array() {
            Some(items) => items.iter().find(is_no_text).map(|item| (item, "string")),
            None => unless(false, "[]string"),
        },
        "auditAnnotations" => match value.as_object() {
            Some(items) => items.values().find(is_no_text).map(|item| (item, "string")),
            None => unless(false, "map[string]string"),
        },
        _ => None,
    }
}

/// What a webhook answered.
#[derive(Debug, Default)]
pub(super) struct Response {
    pub(super) is_allowed: bool,
    /// The `Status` that came with it; null where none did.
    pub(super) status: Value,
    pub(super) patch: Vec<u8>,
    pub(super) patch_type: String,
    pub(super) warnings: Vec<String>,
    pub(super) annotations: Vec<(String, String)>,
}

impl Response {
    /// The response in a review, or what is wrong with it.
    pub(super) fn of(
        review: &Value,
        version: Version,
        uid: &str,
        is_mutating: bool,
    ) -> Result<Self, String> {
        let response = &review["response"];
        if !response.is_object() {
            return Err("webhook response was absent".to_owned());
        }
        let text = |name: &str| response[name].as_str().unwrap_or("");
        let patch = base64::engine::general_purpose::STANDARD.decode(text("patch"));
        let mut out = Self {
            is_allowed: response["allowed"] == true,
            status: response["status"].clone(),
            patch: patch.map_err(|error| error.to_string())?,
            patch_type: text("patchType").to_owned(),
            ..Self::default()
        };
        let warnings = response["warnings"].as_array().into_iter().flatten();
        let warnings = warnings.filter_map(Value::as_str).map(str::to_owned);
        out.warnings = warnings.collect();
        let annotations = response["auditAnnotations"]
            .as_object()
            .into_iter()
            .flatten();
        out.annotations = annotations
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect();
        match version {
            Version::V1 => out.check(review, uid, is_mutating)?,
            Version::V1Beta1 => {
                if !is_mutating {
                    out.patch.clear();
                }
                let has_patch = !out.patch.is_empty();
                let patch_type = if has_patch { "JSONPatch" } else { "" };
                patch_type.clone_into(&mut out.patch_type);
            }
        }
        Ok(out)
    }

    /// What `v1` asks of an answer.
    fn check(&self, review: &Value, uid: &str, is_mutating: bool) -> Result<(), String> {
        let response = &review["response"];
        let own = response["uid"].as_str().unwrap_or("");
        if own != uid {
            return Err(format!(
                "expected response.uid={}, got {}",
                quoted(uid),
                quoted(own)
            ));
        }
        let api_version = review["apiVersion"].as_str().unwrap_or("");
        let kind = review["kind"].as_str().unwrap_or("");
        if api_version != Version::V1.api_version() || kind != "AdmissionReview" {
            let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
            return Err(format!(
                "expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got \
                 {group}/{version}, Kind={kind}"
            ));
        }
        let has_patch = !self.patch.is_empty();
        let has_type = !response["patchType"].is_null();
        let wrong = match (is_mutating, has_patch, has_type) {
            (true, true, false) => "webhook returned response.patch but not response.patchType",
            (true, false, true) => "webhook returned response.patchType but not response.patch",
            (true, true, true) if self.patch_type.is_empty() => {
                "webhook returned invalid response.patchType of \"\""
            }
            (false, true, _) => "validating webhook may not return response.patch",
            (false, false, true) => "validating webhook may not return response.patchType",
            _ => return Ok(()),
        };
        Err(wrong.to_owned())
    }

    /// The refusal of a webhook, as the client reads it.
    pub(super) fn refusal(&self, webhook: &str) -> ApiError {
        let denied = format!("admission webhook {} denied the request", quoted(webhook));
        let error = ApiError::from_status(&self.status);
        let said = [error.message(), error.reason_text()];
        let said = said.into_iter().find(|text| !text.is_empty());
        let message = match said {
            Some(said) => format!("{denied}: {said}"),
            None => format!("{denied} without explanation"),
        };
        let code = self.status["code"].as_u64().unwrap_or(0);
        let code = u16::try_from(code).unwrap_or(0).max(400);
        error.with_message(message).with_code(code)
    }
}
