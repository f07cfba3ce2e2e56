//! Issuers as a file describes them: the `jwt` of an `AuthenticationConfiguration`.
//!
//! *Upstream:* `apiserver/pkg/apis/apiserver/{v1/types.go,validation/validation.go}`.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::mapping::{Expression, Mapping, Rule, Source};
use super::{ALGORITHMS, Settings};
use crate::auth::impersonate::is_domain_prefixed_path;
use crate::error::FieldErrors;
use crate::object::FieldPath;
use crate::webhook::check_authorities;

/// How many issuers there may be.
const ISSUERS_MAX: usize = 64;

/// The issuers of a list. `taken`: whose tokens are known otherwise.
pub fn settings(list: &[Value], taken: &[String]) -> Result<Vec<Settings>, FieldErrors> {
    let mut errors = FieldErrors::new();
    let root = FieldPath::new("jwt");
    if list.len() > ISSUERS_MAX {
        errors.too_many(&root, list.len(), ISSUERS_MAX);
        return Err(errors);
    }
    let mut all: Vec<Settings> = Vec::new();
    for (index, entry) in list.iter().enumerate() {
        let path = root.index(index);
        let one = issuer(&mut errors, &path, entry, taken);
        let at = path.child("issuer");
        if all.iter().any(|known| known.url == one.url) {
            errors.duplicate_text(&at.child("url"), format!("{:?}", one.url));
        }
        let asked = &one.discovery_url;
        if !asked.is_empty() && all.iter().any(|known| known.discovery_url == *asked) {
            errors.duplicate_text(&at.child("discoveryURL"), format!("{asked:?}"));
        }
        all.push(one);
    }
    if errors.is_empty() {
        Ok(all)
    } else {
        Err(errors)
    }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or("")
}

fn items(value: &Value) -> impl Iterator<Item = (usize, &Value)> {
    value.as_array().into_iter().flatten().enumerate()
}

fn issuer(errors: &mut FieldErrors, path: &FieldPath, entry: &Value, taken: &[String]) -> Settings {
    let (at, issuer) = (path.child("issuer"), &entry["issuer"]);
    let (url, discovery_url) = (text(issuer, "url"), text(issuer, "discoveryURL"));
    let field = at.child("url");
    if url.is_empty() {
        errors.required(&field, "");
    } else {
        check_url(errors, &field, url, taken);
    }
    if !discovery_url.is_empty() {
        let field = at.child("discoveryURL");
        if !url.is_empty() && url.trim_end_matches('/') == discovery_url.trim_end_matches('/') {
            let why = "discoveryURL must be different from URL";
            errors.invalid(&field, &issuer["discoveryURL"], why);
        }
        check_url(errors, &field, discovery_url, &[]);
    }
    let audiences = audiences(errors, &at, issuer);
    let authorities = text(issuer, "certificateAuthority");
    if let Err(why) = check_authorities(authorities.as_bytes()) {
        errors.invalid_text(&at.child("certificateAuthority"), "\"<omitted>\"", why);
    }
    if !text(issuer, "egressSelectorType").is_empty() {
        let why = "calls out of the cluster go straight to where they are meant";
        errors.invalid(
            &at.child("egressSelectorType"),
            &issuer["egressSelectorType"],
            why,
        );
    }
    Settings {
        url: url.to_owned(),
        discovery_url: discovery_url.to_owned(),
        authorities: authorities.to_owned(),
        audiences,
        algorithms: ALGORITHMS.map(str::to_owned).to_vec(),
        mapping: Arc::new(mapping(errors, path, entry)),
    }
}

fn check_url(errors: &mut FieldErrors, path: &FieldPath, url: &str, taken: &[String]) {
    let shown = format!("{url:?}");
    if taken.iter().any(|known| known == url) {
        let why = format!(
            "URL must not overlap with disallowed issuers: [{}]",
            taken.join(" ")
        );
        errors.invalid_text(path, &*shown, why);
    }
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let place = rest.split(['/', '?', '#']).next().unwrap_or("");
    let fragment = rest.split_once('#').map_or("", |(_, fragment)| fragment);
    let query = rest.split('#').next().and_then(|rest| rest.split_once('?'));
    for (is_wrong, why) in [
        (scheme != "https", "URL scheme must be https"),
        (
            place.contains('@'),
            "URL must not contain a username or password",
        ),
        (
            query.is_some_and(|(_, query)| !query.is_empty()),
            "URL must not contain a query",
        ),
        (!fragment.is_empty(), "URL must not contain a fragment"),
    ] {
        if is_wrong {
            errors.invalid_text(path, &*shown, why);
        }
    }
}

fn audiences(errors: &mut FieldErrors, at: &FieldPath, issuer: &Value) -> Vec<String> {
    let field = at.child("audiences");
    let mut all: Vec<String> = Vec::new();
    for (index, audience) in items(&issuer["audiences"]) {
        let name = audience.as_str().unwrap_or("").to_owned();
        if name.is_empty() {
            errors.required(&field.index(index), "");
        }
        if all.contains(&name) {
            errors.duplicate(&field.index(index), audience);
        }
        all.push(name);
    }
    let policy = text(issuer, "audienceMatchPolicy");
    let wrong = match (all.len(), policy) {
        (0, _) => {
            errors.required(&field, format!("at least one {field} is required"));
            return all;
        }
        (_, "MatchAny") | (1, "") => return all,
        (1, _) => "audienceMatchPolicy must be empty or MatchAny for single audience",
        _ => "audienceMatchPolicy must be MatchAny for multiple audiences",
    };
    errors.invalid_text(
        &at.child("audienceMatchPolicy"),
        format!("{policy:?}"),
        wrong,
    );
    all
}

fn mapping(errors: &mut FieldErrors, path: &FieldPath, entry: &Value) -> Mapping {
    let mut mapping = Mapping::default();
    claim_rules(
        errors,
        &path.child("claimValidationRules"),
        entry,
        &mut mapping,
    );
    claim_mappings(
        errors,
        &path.child("claimMappings"),
        &entry["claimMappings"],
        &mut mapping,
    );
    let root = path.child("userValidationRules");
    let mut seen = BTreeSet::new();
    for (index, rule) in items(&entry["userValidationRules"]) {
        let at = root.index(index);
        let field = at.child("expression");
        let source = text(rule, "expression");
        if source.is_empty() {
            errors.required(&field, "");
        } else if !seen.insert(source) {
            errors.duplicate(&field, &rule["expression"]);
        } else if let Some(expression) = truth(errors, &field, source, "user") {
            mapping.user_rules.push(Rule {
                expression,
                message: text(rule, "message").to_owned(),
            });
        }
    }
    mapping
}

fn claim_rules(errors: &mut FieldErrors, root: &FieldPath, entry: &Value, mapping: &mut Mapping) {
    let mut seen = BTreeSet::new();
    for (index, rule) in items(&entry["claimValidationRules"]) {
        let at = root.index(index);
        let (claim, source) = (text(rule, "claim"), text(rule, "expression"));
        match (claim.is_empty(), source.is_empty()) {
            (false, false) => {
                errors.invalid(
                    &at,
                    &rule["claim"],
                    "claim and expression can't both be set",
                );
            }
            (true, true) => errors.required(&at, "claim or expression is required"),
            (false, true) => {
                if !text(rule, "message").is_empty() {
                    let why = "may not be specified when claim is set";
                    errors.invalid(&at.child("message"), &rule["message"], why);
                }
                let value = text(rule, "requiredValue").to_owned();
                if mapping.required.insert(claim.to_owned(), value).is_some() {
                    errors.duplicate(&at.child("claim"), &rule["claim"]);
                }
            }
            (true, false) => {
                if !text(rule, "requiredValue").is_empty() {
                    let why = "may not be specified when expression is set";
                    errors.invalid(&at.child("requiredValue"), &rule["requiredValue"], why);
                }
                let field = at.child("expression");
                if !seen.insert(source) {
                    errors.duplicate(&field, &rule["expression"]);
                } else if let Some(expression) = truth(errors, &field, source, "claims") {
                    mapping.claim_rules.push(Rule {
                        expression,
                        message: text(rule, "message").to_owned(),
                    });
                }
            }
        }
    }
}

fn claim_mappings(errors: &mut FieldErrors, root: &FieldPath, given: &Value, out: &mut Mapping) {
    out.name = prefixed(errors, &root.child("username"), &given["username"], true);
    out.groups = prefixed(errors, &root.child("groups"), &given["groups"], false);
    let (at, uid) = (root.child("uid"), &given["uid"]);
    out.uid = match (text(uid, "claim"), text(uid, "expression")) {
        ("", "") => Source::None,
        (claim, "") => Source::Claim(claim.to_owned(), String::new()),
        ("", source) => compile(errors, &at.child("expression"), source, "claims")
            .map_or(Source::None, Source::Expression),
        _ => {
            errors.invalid_text(&at, "\"\"", "claim and expression can't both be set");
            Source::None
        }
    };
    let list = root.child("extra");
    let mut seen = BTreeSet::new();
    for (index, one) in items(&given["extra"]) {
        let at = list.index(index);
        let (field, key) = (at.child("key"), text(one, "key"));
        check_key(errors, &field, key);
        if !seen.insert(key) {
            errors.duplicate(&field, &one["key"]);
            continue;
        }
        let (field, source) = (at.child("valueExpression"), text(one, "valueExpression"));
        if source.is_empty() {
            errors.required(&field, "");
        } else if let Some(expression) = compile(errors, &field, source, "claims") {
            out.extra.push((key.to_owned(), expression));
        }
    }
    let Source::Expression(name) = &out.name else {
        return;
    };
    let extra = out.extra.iter().map(|(_, expression)| expression);
    let rules = out.claim_rules.iter().map(|rule| &rule.expression);
    let mut looked_at = extra.chain(rules).chain([name]);
    if name.selects("email") && !looked_at.any(|one| one.selects("email_verified")) {
        let field = root.child("username");
        let why = "claims.email_verified must be used in claimMappings.username.expression or \
                   claimMappings.extra[*].valueExpression or claimValidationRules[*].expression \
                   when claims.email is used in claimMappings.username.expression";
        let source = &given["username"]["expression"];
        errors.invalid(&field.child("expression"), source, why);
    }
}

fn check_key(errors: &mut FieldErrors, field: &FieldPath, key: &str) {
    let shown = format!("{key:?}");
    if key.is_empty() {
        errors.required(field, "");
        return;
    }
    if !is_domain_prefixed_path(key) {
        let why = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        errors.invalid_text(field, &*shown, why);
    }
    if key != key.to_lowercase() {
        errors.invalid_text(field, &*shown, "must be lowercase");
    }
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    let is_reserved = |own: &str| {
        domain
            .strip_suffix(own)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    if is_reserved("kubernetes.io") || is_reserved("k8s.io") {
        let why = "k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use";
        errors.invalid_text(field, shown, why);
    }
}

/// A claim with a prefix, or an expression.
fn prefixed(errors: &mut FieldErrors, at: &FieldPath, given: &Value, is_required: bool) -> Source {
    let prefix = given.get("prefix").filter(|prefix| !prefix.is_null());
    match (text(given, "claim"), text(given, "expression")) {
        ("", "") => {
            if is_required {
                errors.required(at, "claim or expression is required");
            }
            Source::None
        }
        (claim, "") => {
            if prefix.is_none() {
                let why = "prefix is required when claim is set. It can be set to an empty string \
                           to disable prefixing";
                errors.required(&at.child("prefix"), why);
            }
            let prefix = prefix.and_then(Value::as_str).unwrap_or("");
            Source::Claim(claim.to_owned(), prefix.to_owned())
        }
        ("", source) => {
            if let Some(prefix) = prefix {
                let why = "may not be specified when expression is set";
                errors.invalid(&at.child("prefix"), prefix, why);
            }
            compile(errors, &at.child("expression"), source, "claims")
                .map_or(Source::None, Source::Expression)
        }
        _ => {
            errors.invalid_text(at, "\"\"", "claim and expression can't both be set");
            Source::None
        }
    }
}

fn compile(
    errors: &mut FieldErrors,
    path: &FieldPath,
    source: &str,
    about: &'static str,
) -> Option<Expression> {
    let compiled = Expression::compile(source, about);
    let refused = |why| errors.invalid_text(path, format!("{source:?}"), why);
    compiled
        .map_err(|refusal| refusal.to_string())
        .map_err(refused)
        .ok()
}

/// The same of one that must come to a truth.
fn truth(
    errors: &mut FieldErrors,
    path: &FieldPath,
    source: &str,
    about: &'static str,
) -> Option<Expression> {
    let expression = compile(errors, path, source, about)?;
    if !expression.is_truth() {
        errors.invalid_text(path, format!("{source:?}"), "must evaluate to bool");
        return None;
    }
    Some(expression)
}
