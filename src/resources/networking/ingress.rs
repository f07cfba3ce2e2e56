//! Ingresses and their classes.
//!
//! *Upstream:* `pkg/registry/networking/{ingress,ingressclass}/strategy.go`,
//! `pkg/apis/networking/validation/validation.go`.

use serde_json::Value;

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::registry::Context;
use crate::registry::meta::names::check_path_segment;
use crate::resources::shared::look::{Look, fill};
use crate::resources::shared::plain::Plain;
use crate::resources::shared::text::{
    check_wildcard_subdomain, domain_prefixed_path, immutable_text,
};
use crate::resources::shared::{ip, names};

const SPEC: FieldPath = FieldPath::new("spec");
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";
const CONTROLLER_LENGTH_MAX: usize = 250;

/// What is special about ingresses.
pub(super) static INGRESS: Plain = Plain {
    counts_generation: true,
    validate_create: |cx, object| {
        let mut errors = validate(cx, object, None);
        class_annotation(&mut errors, object);
        errors
    },
    validate_update: |cx, object, old| match cx.subresource {
        "status" => status(object, old),
        _ => validate(cx, object, Some(old)),
    },
    warn: warn_ingress,
    ..Plain::DEFAULT
};

/// What is special about ingress classes.
pub(super) static INGRESS_CLASS: Plain = Plain {
    counts_generation: true,
    default: |object| {
        let parameters = object
            .get_mut(&["spec", "parameters"])
            .and_then(Value::as_object_mut);
        if let Some(parameters) = parameters {
            fill(parameters, "scope", "Cluster");
        }
    },
    validate_create: |_, object| class(object),
    validate_update: |_, object, old| {
        let mut errors = FieldErrors::new();
        let (new, before) = (
            object.at("spec").at("controller"),
            old.at("spec").at("controller"),
        );
        immutable_text(&mut errors, &SPEC.child("controller"), new, before);
        errors.extend(class(object));
        errors
    },
    ..Plain::DEFAULT
};

fn class_annotation(errors: &mut FieldErrors, object: &Object) {
    let annotation = object
        .annotations()
        .find(|(key, _)| *key == CLASS_ANNOTATION);
    let class = object.at("spec").maybe_text("ingressClassName");
    if let (Some((_, named)), Some(class)) = (annotation, class)
        && named != class
    {
        let path = FieldPath::new("annotations");
        let detail = "must match `ingressClassName` when both are specified";
        errors.invalid(&path.child(CLASS_ANNOTATION), &named.into(), detail);
    }
}

fn validate(cx: &Context, object: &Object, old: Option<&Object>) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    if spec.list("rules").is_empty() && !spec.has("defaultBackend") {
        let detail = "either `defaultBackend` or `rules` must be specified";
        let rules = if cx.is_emptied("spec.rules") {
            "[]"
        } else {
            "null"
        };
        errors.invalid_text(&SPEC, rules, detail);
    }
    if let Some(backend) = spec.maybe("defaultBackend") {
        self::backend(&mut errors, &SPEC.child("defaultBackend"), backend);
    }
    for (index, rule) in spec.list("rules").iter().enumerate() {
        let path = SPEC.child("rules");
        self::rule(&mut errors, &path.index(index), rule, old);
    }
    let keeps_secrets = old.is_some_and(|old| {
        let secrets = old
            .at("spec")
            .list("tls")
            .iter()
            .map(|tls| tls.text("secretName"));
        secrets
            .filter(|name| !name.is_empty())
            .any(|name| !names::check_subdomain(name).is_empty())
    });
    for (index, tls) in spec.list("tls").iter().enumerate() {
        let path = SPEC.child("tls");
        let path = path.index(index);
        for (index, host) in tls.texts("hosts").enumerate() {
            self::host(&mut errors, &path.child("hosts").index(index), host);
        }
        let secret = tls.text("secretName");
        if !secret.is_empty() && !keeps_secrets {
            names::subdomain(&mut errors, &path.child("secretName"), secret);
        }
    }
    if let Some(class) = spec.maybe_text("ingressClassName") {
        names::subdomain(&mut errors, &SPEC.child("ingressClassName"), class);
    }
    errors
}

/// A host, or all hosts of a domain.
fn host(errors: &mut FieldErrors, path: &FieldPath, host: &str) {
    if host.contains('*') {
        names::report(errors, path, host, check_wildcard_subdomain(host));
    } else {
        names::subdomain(errors, path, host);
    }
}

fn rule(errors: &mut FieldErrors, path: &FieldPath, rule: &Value, old: Option<&Object>) {
    let host = rule.text("host");
    if !host.is_empty() {
        let path = path.child("host");
        if ip::parse(host).is_some() {
            errors.invalid(&path, &host.into(), "must be a DNS name, not an IP address");
        }
        self::host(errors, &path, host);
    }
    let keeps_wildcards = host.contains('*')
        && old.is_some_and(|old| {
            let rules = old.at("spec").list("rules").iter();
            rules
                .filter(|rule| rule.text("host").contains('*'))
                .any(|rule| {
                    let mut wrong = FieldErrors::new();
                    http(&mut wrong, &SPEC, rule);
                    !wrong.is_empty()
                })
        });
    if !keeps_wildcards {
        http(errors, path, rule);
    }
}

fn http(errors: &mut FieldErrors, path: &FieldPath, rule: &Value) {
    let Some(http) = rule.maybe("http") else {
        return;
    };
    let path = path.child("http");
    let path = path.child("paths");
    if http.list("paths").is_empty() {
        errors.required(&path, "");
    }
    for (index, item) in http.list("paths").iter().enumerate() {
        http_path(errors, &path.index(index), item);
    }
}

fn http_path(errors: &mut FieldErrors, path: &FieldPath, item: &Value) {
    let text = item.text("path");
    let value: Value = text.into();
    let text_path = path.child("path");
    let kind = item.text("pathType");
    match kind {
        _ if !item.has("pathType") => {
            errors.required(&path.child("pathType"), "pathType must be specified");
            return;
        }
        "Exact" | "Prefix" => {
            if !text.starts_with('/') {
                errors.invalid(&text_path, &value, "must be an absolute path");
            }
            for part in ["//", "/./", "/../", "%2f", "%2F"] {
                if text.contains(part) {
                    errors.invalid(&text_path, &value, format!("must not contain '{part}'"));
                }
            }
            for end in ["/..", "/."] {
                if text.ends_with(end) {
                    errors.invalid(&text_path, &value, format!("cannot end with '{end}'"));
                }
            }
        }
        "ImplementationSpecific" => {
            if !text.is_empty() && !text.starts_with('/') {
                errors.invalid(&text_path, &value, "must be an absolute path");
            }
        }
        _ => {
            let known = ["Exact", "ImplementationSpecific", "Prefix"];
            errors.not_supported(&path.child("pathType"), &kind.into(), &known);
        }
    }
    backend(errors, &path.child("backend"), item.at("backend"));
}

fn backend(errors: &mut FieldErrors, path: &FieldPath, backend: &Value) {
    let nothing: Value = "".into();
    match (backend.maybe("resource"), backend.maybe("service")) {
        (Some(_), Some(_)) => {
            errors.invalid(
                path,
                &nothing,
                "cannot set both resource and service backends",
            );
        }
        (Some(resource), None) => reference(errors, &path.child("resource"), resource, false),
        (None, Some(service)) => self::service(errors, path, service),
        (None, None) => errors.invalid(path, &nothing, "resource or service backend is required"),
    }
}

fn service(errors: &mut FieldErrors, backend: &FieldPath, service: &Value) {
    let path = backend.child("service");
    let name = service.text("name");
    if name.is_empty() {
        errors.required(&path.child("name"), "");
    } else {
        names::label(errors, &path.child("name"), name);
    }
    let port = service.at("port");
    let path = path.child("port");
    let (name, number) = (port.text("name"), port.number("number"));
    match (name.is_empty(), number == 0) {
        (false, false) => {
            errors.invalid(
                backend,
                &"".into(),
                "cannot set both port name & port number",
            );
        }
        (false, true) => {
            names::report(
                errors,
                &path.child("name"),
                name,
                names::check_port_name(name),
            );
        }
        (true, false) => names::port_number(errors, &path.child("number"), number),
        (true, true) => errors.required(backend, "port name or number is required"),
    }
}

/// Group, kind and name of some object.
fn reference(errors: &mut FieldErrors, path: &FieldPath, reference: &Value, is_declared: bool) {
    if let Some(group) = reference.maybe_text("apiGroup") {
        names::subdomain(errors, &path.child("apiGroup"), group);
    }
    for field in ["kind", "name"] {
        let text = reference.text(field);
        if text.is_empty() {
            let path = path.child(field);
            if is_declared {
                errors.declared(|errors| errors.required(&path, ""));
            } else {
                errors.required(&path, "");
            }
        } else {
            names::report(errors, &path.child(field), text, check_path_segment(text));
        }
    }
}

fn status(object: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("status");
    let path = path.child("loadBalancer");
    let path = path.child("ingress");
    let known = old.at("status").at("loadBalancer").list("ingress");
    let points = object.at("status").at("loadBalancer").list("ingress");
    for (index, point) in points.iter().enumerate() {
        let path = path.index(index);
        ip::check_ingress(&mut errors, &path, point, known);
        ip::check_ingress_hostname(&mut errors, &path, point);
    }
    errors
}

fn warn_ingress(cx: &Context, object: &Object, old: Option<&Object>) {
    let has_annotation = object.annotations().any(|(key, _)| key == CLASS_ANNOTATION);
    if old.is_none() && has_annotation && !object.at("spec").has("ingressClassName") {
        cx.warn(format!(
            "annotation {CLASS_ANNOTATION:?} is deprecated, please use 'spec.ingressClassName' \
             instead"
        ));
    }
    if cx.subresource == "status" {
        let path = FieldPath::new("status");
        let path = path.child("loadBalancer");
        let path = path.child("ingress");
        let points = object.at("status").at("loadBalancer").list("ingress");
        for (index, point) in points.iter().enumerate() {
            if let Some(text) = ip::warning(&path.index(index), point.text("ip")) {
                cx.warn(text);
            }
        }
    }
}

fn class(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    let controller = spec.text("controller");
    let path = SPEC.child("controller");
    if controller.len() > CONTROLLER_LENGTH_MAX {
        errors.too_long(&path, CONTROLLER_LENGTH_MAX);
    }
    domain_prefixed_path(&mut errors, &path, controller);
    let Some(parameters) = spec.maybe("parameters") else {
        return errors;
    };
    let path = SPEC.child("parameters");
    reference(&mut errors, &path, parameters, true);
    let namespace = path.child("namespace");
    match parameters.text("scope") {
        "Namespace" => match parameters.maybe_text("namespace") {
            None => errors.required(&namespace, "`parameters.scope` is set to 'Namespace'"),
            Some(name) => names::label(&mut errors, &namespace, name),
        },
        "Cluster" => {
            if parameters.has("namespace") {
                errors.forbidden(&namespace, "`parameters.scope` is set to 'Cluster'");
            }
        }
        scope => {
            let known = ["Cluster", "Namespace"];
            errors.not_supported(&path.child("scope"), &scope.into(), &known);
        }
    }
    errors
}
