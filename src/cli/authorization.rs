//! Who decides about rights, as a file says: an `AuthorizationConfiguration`.
//!
//! *Upstream:* `apiserver/pkg/apis/apiserver/{v1/types.go,validation/validation.go}`.

use std::path::Path;

use jiff::SignedDuration;
use serde_json::Value;

use super::Fault;
use super::access::target;
use super::files::configuration;
use crate::auth::{authorize, remote};
use crate::cluster::Authorization;
use crate::object::duration;

const FLAG: &str = "--authorization-config";

/// The authorizers that a file lists, in order.
pub(super) fn configured(path: &Path) -> Result<Vec<Authorization>, Fault> {
    let file = configuration(FLAG, path, "AuthorizationConfiguration")?;
    let wrong = |why: String| Fault::usage(format!("{}: {why}", path.display()));
    let list = file["authorizers"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    if list.is_empty() {
        let why = "authorizers: Required value: at least one authorization mode must be defined";
        return Err(wrong(why.to_owned()));
    }
    let mut all: Vec<Authorization> = Vec::new();
    for (index, entry) in list.iter().enumerate() {
        let at = format!("authorizers[{index}]");
        let one = authorizer(entry).map_err(|why| wrong(format!("{at}.{why}")))?;
        let is_repeated = |known: &Authorization| {
            known.mode == one.mode && one.mode != authorize::Mode::Webhook || known.name == one.name
        };
        if all.iter().any(is_repeated) {
            return Err(wrong(format!(
                "{at}: Duplicate value: type and name are there already"
            )));
        }
        all.push(one);
    }
    Ok(all)
}

fn authorizer(entry: &Value) -> Result<Authorization, String> {
    let name = entry["name"].as_str().unwrap_or("");
    if name.is_empty() {
        return Err("name: Required value".to_owned());
    }
    let kind = entry["type"].as_str().unwrap_or("");
    let mode = authorize::Mode::parse(kind);
    let mode = mode.ok_or_else(|| format!("type: Unsupported value: {kind:?}"))?;
    let mut one = Authorization {
        name: Some(name.to_owned()),
        ..mode.into()
    };
    let webhook = &entry["webhook"];
    match (mode, webhook.is_object()) {
        (authorize::Mode::Webhook, true) => {}
        (authorize::Mode::Webhook, false) => {
            return Err("webhook: Required value: required when type=Webhook".to_owned());
        }
        (_, true) => {
            let why = "may only be specified when type=Webhook";
            return Err(format!("webhook: Invalid value: \"non-null\": {why}"));
        }
        (_, false) => return Ok(one),
    }
    one.webhook = Some(settings(webhook)?);
    one.denies_failed = match webhook["failurePolicy"].as_str() {
        Some("Deny") => true,
        Some("NoOpinion") => false,
        _ => return Err("webhook.failurePolicy: expected NoOpinion or Deny".to_owned()),
    };
    let conditions = webhook["matchConditions"].as_array();
    if conditions.is_some_and(|list| !list.is_empty())
        && webhook["matchConditionSubjectAccessReviewVersion"] != "v1"
    {
        let field = "webhook.matchConditionSubjectAccessReviewVersion";
        return Err(format!("{field}: expected v1"));
    }
    for condition in conditions.into_iter().flatten() {
        let source = condition["expression"].as_str().unwrap_or("");
        one.conditions.push(source.to_owned());
    }
    Ok(one)
}

fn settings(webhook: &Value) -> Result<remote::Settings, String> {
    let time = |field: &str| {
        let text = webhook[field].as_str().unwrap_or("");
        let nanoseconds = duration::parse(text).ok().filter(|time| *time > 0);
        let nanoseconds = nanoseconds.ok_or_else(|| {
            format!("webhook.{field}: expected a duration longer than 0s, not {text:?}")
        });
        nanoseconds.map(SignedDuration::from_nanos)
    };
    let held = |field: &str, switch: &str| {
        let time = time(field)?;
        let is_off = webhook[switch] == false;
        Ok::<_, String>(if is_off { SignedDuration::ZERO } else { time })
    };
    let version = webhook["subjectAccessReviewVersion"].as_str();
    let version = version.filter(|version| matches!(*version, "v1" | "v1beta1"));
    let Some(version) = version else {
        return Err("webhook.subjectAccessReviewVersion: expected v1 or v1beta1".to_owned());
    };
    let connection = &webhook["connectionInfo"];
    let file = connection["kubeConfigFile"].as_str().unwrap_or("");
    if connection["type"] != "KubeConfigFile" || file.is_empty() {
        let why = "expected type KubeConfigFile with a kubeConfigFile";
        return Err(format!("webhook.connectionInfo: {why}"));
    }
    let timeout = time("timeout")?;
    if timeout > SignedDuration::from_secs(30) {
        return Err("webhook.timeout: must be > 0s and <= 30s".to_owned());
    }
    Ok(remote::Settings {
        target: target(FLAG, Path::new(file)).map_err(|fault| fault.message)?,
        version: version.to_owned(),
        yes_for: held("authorizedTTL", "cacheAuthorizedRequests")?,
        no_for: held("unauthorizedTTL", "cacheUnauthorizedRequests")?,
        patience: timeout.unsigned_abs(),
    })
}
