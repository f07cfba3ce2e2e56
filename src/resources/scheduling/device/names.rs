//! Names of drivers, pools, attributes and requests of devices.
//!
//! *Upstream:* `pkg/apis/resource/validation/validation.go` for what is found by hand,
//! `apimachinery/pkg/api/validate/strfmt.go` for what its types declare.

use crate::error::FieldErrors;
use crate::object::FieldPath;
use crate::resources::shared::claim_spec::csi_driver_name;
use crate::resources::shared::names::{
    check_subdomain, check_subdomain_caseless, in_bytes, report, subdomain,
};

const POOL_LENGTH_MAX: usize = 253;
const DRIVER_LENGTH_MAX: usize = 63;
const ID_LENGTH_MAX: usize = 32;

/// The name of a driver where the types declare what it is.
pub(super) fn declared_driver(errors: &mut FieldErrors, path: &FieldPath, name: &str) {
    errors.declared(|errors| {
        if name.is_empty() {
            errors.required(path, "");
            return;
        }
        let wrong = in_bytes(check_subdomain_caseless(name));
        report(errors, path, name, wrong);
        if name.chars().count() > DRIVER_LENGTH_MAX {
            errors.too_long_characters(path, DRIVER_LENGTH_MAX);
        }
    });
}

/// The name of a pool: subdomains with slashes between.
pub(super) fn pool(errors: &mut FieldErrors, path: &FieldPath, name: &str) {
    if name.is_empty() {
        errors.required(path, "");
        return;
    }
    if name.len() > POOL_LENGTH_MAX {
        errors.too_long(path, POOL_LENGTH_MAX);
    }
    for part in name.split('/') {
        subdomain(errors, path, part);
    }
}

/// The name of a pool where the types declare what it is.
pub(super) fn declared_pool(errors: &mut FieldErrors, path: &FieldPath, name: &str) {
    errors.declared(|errors| {
        if name.is_empty() {
            errors.required(path, "");
            return;
        }
        if name.len() > POOL_LENGTH_MAX {
            errors.too_long(path, POOL_LENGTH_MAX);
        }
        for (index, part) in name.split('/').enumerate() {
            if part.is_empty() {
                let detail = format!("segment {index}: must not be empty");
                errors.invalid(path, &name.into(), detail);
                continue;
            }
            for wrong in in_bytes(check_subdomain(part)) {
                errors.invalid(path, &part.into(), format!("segment {index}: {wrong}"));
            }
        }
    });
}

/// The name of an attribute or capacity, with or without a domain.
pub(super) fn qualified(errors: &mut FieldErrors, path: &FieldPath, name: &str) {
    match name.split('/').collect::<Vec<_>>()[..] {
        [id] => identifier(errors, path, id),
        [domain, id] => {
            if domain.is_empty() {
                errors.invalid(path, &"".into(), "the domain must not be empty");
            } else {
                csi_driver_name(errors, path, domain);
            }
            if id.is_empty() {
                errors.invalid(path, &"".into(), "the name must not be empty");
            } else {
                identifier(errors, path, id);
            }
        }
        // More slashes are let pass, as upstream lets them.
        _ => {}
    }
}

/// The name of an attribute with its domain, as the types declare it.
pub(super) fn declared_full(errors: &mut FieldErrors, path: &FieldPath, name: &str) {
    errors.declared(|errors| {
        match name.split('/').collect::<Vec<_>>()[..] {
            [id] => identifier(errors, path, id),
            [domain, id] => {
                if domain.is_empty() {
                    errors.invalid(path, &"".into(), "prefix must not be empty");
                } else {
                    if domain.len() > DRIVER_LENGTH_MAX {
                        errors.too_long(path, DRIVER_LENGTH_MAX);
                    }
                    for wrong in in_bytes(check_subdomain(domain)) {
                        errors.invalid(path, &domain.into(), format!("prefix: {wrong}"));
                    }
                }
                if id.is_empty() {
                    errors.invalid(path, &"".into(), "name must not be empty");
                } else {
                    identifier(errors, path, id);
                }
            }
            _ => {}
        }
        if !name.contains('/') {
            let detail = "a fully qualified name must be a domain and a name separated by a slash";
            errors.invalid(path, &name.into(), detail);
        }
    });
}

fn identifier(errors: &mut FieldErrors, path: &FieldPath, id: &str) {
    if id.len() > ID_LENGTH_MAX {
        errors.too_long(path, ID_LENGTH_MAX);
    }
    let is_first = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    let is_form = id.as_bytes().first().is_some_and(is_first)
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_form {
        let detail = "a valid C identifier must start with alphabetic character or '_', followed by \
                      a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  \
                      or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')";
        errors.invalid(path, &id.into(), detail);
    }
}

/// A UUID in its normal form, as the types declare it.
pub(super) fn declared_uuid(errors: &mut FieldErrors, path: &FieldPath, text: &str) {
    let is_form = text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        });
    if !is_form {
        let detail = "must be a lowercase UUID in 8-4-4-4-12 format";
        errors.declared(|errors| errors.invalid(path, &text.into(), detail));
    }
}

/// How upstream prints the key of a map in a path: the middle of a long one is left out.
pub(super) fn shortened(key: &str) -> String {
    const MAX: usize = DRIVER_LENGTH_MAX + 1 + ID_LENGTH_MAX;
    if key.len() <= MAX || !key.is_ascii() {
        return key.to_owned();
    }
    let rest = MAX - "...".len();
    let (head, tail) = (&key[..rest.div_ceil(2)], &key[key.len() - rest / 2..]);
    format!("{head}...{tail}")
}
