//! What a claim asks for: requests, constraints between them, configurations.
//!
//! *Upstream:* `pkg/apis/resource/validation/validation.go` (`validateDeviceClaim`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::parts::{self, LIST_MAX, duplicates, is_too_many};
use super::{SPEC, names};
use crate::error::FieldErrors;
use crate::object::{FieldPath, GroupResource, Key, Object};
use crate::registry::Context;
use crate::resources::shared::look::Look;
use crate::resources::shared::names::{
    check_subdomain, in_bytes, label, one_of, report, subdomain,
};

const ADMIN_LABEL: &str = "resource.kubernetes.io/admin-access";
const SUBREQUESTS_MAX: usize = 8;

/// The names of requests, and of the requests within each.
pub(super) struct RequestNames<'a>(BTreeMap<&'a str, Vec<&'a str>>);

impl<'a> RequestNames<'a> {
    /// Those of a claim's devices.
    pub(super) fn of(devices: &'a Value) -> Self {
        let requests = devices.list("requests").iter().map(|request| {
            let within = request.list("firstAvailable").iter();
            let within = within.map(|request| request.text("name")).collect();
            (request.text("name"), within)
        });
        Self(requests.collect())
    }

    fn has(&self, name: &str) -> bool {
        match name.split_once('/') {
            None => self.0.contains_key(name),
            Some((name, within)) => self.0.get(name).is_some_and(|all| all.contains(&within)),
        }
    }

    /// Checks a text that names a request, or a request within one.
    pub(super) fn check(&self, errors: &mut FieldErrors, path: &FieldPath, name: &str) {
        let detail = "must be the name of a request in the claim or the name of a request and a \
                      subrequest separated by '/'";
        let segments: Vec<&str> = name.split('/').collect();
        if segments.len() > 2 {
            errors.invalid(path, &name.into(), detail);
            return;
        }
        for segment in segments {
            label(errors, path, segment);
        }
        if !self.has(name) {
            errors.invalid(path, &name.into(), detail);
        }
    }

    /// Checks a list of such texts.
    pub(super) fn check_list(&self, errors: &mut FieldErrors, path: &FieldPath, holder: &Value) {
        let path = path.child("requests");
        let names = holder.list("requests");
        if is_too_many(errors, &path, names, LIST_MAX) {
            return;
        }
        for (index, name) in holder.texts("requests").enumerate() {
            self.check(errors, &path.index(index), name);
        }
        duplicates(errors, &path, names);
    }
}

/// Access for administration is for namespaces that are labelled so.
pub(super) fn admin_access(errors: &mut FieldErrors, cx: &Context, object: &Object, spec: &Value) {
    let requests = spec.at("devices").list("requests");
    let is_admin = |request: &Value| request.at("exactly").is_true("adminAccess");
    let Some(index) = requests.iter().position(is_admin) else {
        return;
    };
    let namespaces = GroupResource::new("", "namespaces");
    let namespace = cx
        .reader
        .get(&namespaces, &Key::new("", object.namespace()));
    let is_labelled = namespace.is_some_and(|one| one.label(ADMIN_LABEL) == Some("true"));
    if !is_labelled {
        // Upstream's path is that of an older version.
        let path = SPEC.child("devices");
        let path = path.child("requests");
        let path = path.index(index);
        let detail = format!(
            "admin access to devices requires the `{ADMIN_LABEL}: true` label on the containing \
             namespace"
        );
        errors.forbidden(&path.child("adminAccess"), detail);
    }
}

/// Everything that is wrong with the spec of a claim.
pub(super) fn claim(errors: &mut FieldErrors, path: &FieldPath, spec: &Value) {
    let path = path.child("devices");
    let devices = spec.at("devices");
    let names = RequestNames::of(devices);
    requests(errors, &path.child("requests"), devices.list("requests"));
    let list = path.child("constraints");
    let constraints = devices.list("constraints");
    if !is_too_many(errors, &list, constraints, LIST_MAX) {
        for (index, constraint) in constraints.iter().enumerate() {
            self::constraint(errors, &list.index(index), constraint, &names);
        }
    }
    let list = path.child("config");
    let configurations = devices.list("config");
    if !is_too_many(errors, &list, configurations, LIST_MAX) {
        for (index, configuration) in configurations.iter().enumerate() {
            let path = list.index(index);
            names.check_list(errors, &path, configuration);
            parts::configuration(errors, &path, configuration, false);
        }
    }
}

/// Items of a list that have the name of one before; declared in the types.
fn duplicate_names(errors: &mut FieldErrors, path: &FieldPath, items: &[Value]) {
    errors.declared(|errors| {
        for (index, item) in items.iter().enumerate() {
            let is_same = |other: &Value| other.text("name") == item.text("name");
            if items[..index].iter().any(is_same) {
                errors.duplicate_text(&path.index(index), parts::printed(item));
            }
        }
    });
}

fn requests(errors: &mut FieldErrors, path: &FieldPath, requests: &[Value]) {
    if is_too_many(errors, path, requests, LIST_MAX) {
        return;
    }
    duplicate_names(errors, path, requests);
    for (index, request) in requests.iter().enumerate() {
        let path = path.index(index);
        label(errors, &path.child("name"), request.text("name"));
        let within = request.list("firstAvailable");
        match (request.maybe("exactly"), within.is_empty()) {
            (None, true) => {
                let detail = "exactly one of `exactly` or `firstAvailable` is required";
                errors.required(&path, detail);
            }
            (Some(exactly), false) => {
                let detail = "exactly one of `exactly` or `firstAvailable` is required, but \
                              multiple fields are set";
                errors.invalid(&path, &Value::Null, detail);
                // What the types declare is looked at all the same.
                let mut inner = FieldErrors::new();
                self::request(&mut inner, &path.child("exactly"), exactly);
                subrequests(&mut inner, &path.child("firstAvailable"), within);
                errors.extend_declared(inner);
            }
            (Some(exactly), true) => {
                let path = path.child("exactly");
                let class = exactly.text("deviceClassName");
                let class_path = path.child("deviceClassName");
                if class.is_empty() {
                    errors.required(&class_path, "");
                } else {
                    subdomain(errors, &class_path, class);
                }
                self::request(errors, &path, exactly);
            }
            (None, false) => subrequests(errors, &path.child("firstAvailable"), within),
        }
    }
}

fn subrequests(errors: &mut FieldErrors, path: &FieldPath, requests: &[Value]) {
    if is_too_many(errors, path, requests, SUBREQUESTS_MAX) {
        return;
    }
    duplicate_names(errors, path, requests);
    for (index, request) in requests.iter().enumerate() {
        let path = path.index(index);
        label(errors, &path.child("name"), request.text("name"));
        let class = request.text("deviceClassName");
        let class_path = path.child("deviceClassName");
        errors.declared(|errors| {
            if class.is_empty() {
                errors.required(&class_path, "");
            } else {
                report(errors, &class_path, class, in_bytes(check_subdomain(class)));
            }
        });
        self::request(errors, &path, request);
    }
}

/// What a request says wherever it stands.
fn request(errors: &mut FieldErrors, path: &FieldPath, request: &Value) {
    parts::selectors(errors, path, request, false);
    let count = request.number("count");
    let count_path = path.child("count");
    match request.text("allocationMode") {
        "ExactCount" if count <= 0 => {
            errors.invalid(&count_path, &count.into(), "must be greater than zero");
        }
        "All" if count != 0 => {
            let detail = "must not be specified when allocationMode is 'All'";
            errors.invalid(&count_path, &count.into(), detail);
        }
        "ExactCount" | "All" => {}
        mode => {
            let path = path.child("allocationMode");
            errors.declared(|errors| one_of(errors, &path, mode, &["All", "ExactCount"]));
        }
    }
    parts::tolerations(errors, path, request);
}

fn constraint(
    errors: &mut FieldErrors,
    path: &FieldPath,
    constraint: &Value,
    names: &RequestNames,
) {
    names.check_list(errors, path, constraint);
    let is_none = ["matchAttribute", "distinctAttribute"]
        .into_iter()
        .filter_map(|field| Some((field, constraint.maybe_text(field)?)))
        .map(|(field, name)| names::declared_full(errors, &path.child(field), name))
        .count()
        == 0;
    if is_none {
        let detail = "exactly one of \"matchAttribute\" or \"distinctAttribute\" is required, but \
                      multiple fields are set";
        errors.required(path, detail);
    }
}
