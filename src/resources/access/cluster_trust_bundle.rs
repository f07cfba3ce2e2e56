//! Bundles of certificates that all of a cluster trusts.
//!
//! *Upstream:* `pkg/registry/certificates/clustertrustbundle/strategy.go`,
//! `pkg/apis/certificates/validation/validation.go`. Differs: of a certificate only its outermost
//! shape and its basic constraints are read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::registry::strategy::NameRule;
use crate::resources::shared::look::Look;
use crate::resources::shared::names;
use crate::resources::shared::plain::Plain;
use crate::resources::shared::signer_name::signer_name;

const SPEC: FieldPath = FieldPath::new("spec");
const METADATA: FieldPath = FieldPath::new("metadata");
const SIZE_MAX: usize = 1 << 20;
/// The object identifier of basic constraints, as DER has it.
const BASIC_CONSTRAINTS: [u8; 5] = [0x06, 0x03, 0x55, 0x1d, 0x13];

/// What is special about bundles.
pub(super) static CLUSTER_TRUST_BUNDLE: Plain = Plain {
    name_rule: NameRule::Own,
    updates_unconditionally: false,
    field_labels: &["spec.signerName"],
    validate_create: |_, object| validate(object, None),
    validate_update: |_, object, old| validate(object, Some(old)),
    ..Plain::DEFAULT
};

fn validate(object: &Object, old: Option<&Object>) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    let (signer, bundle) = (spec.text("signerName"), spec.text("trustBundle"));
    name(&mut errors, object.name(), signer);
    if !signer.is_empty() {
        signer_name(&mut errors, &SPEC.child("signerName"), signer);
    }
    if old.is_none_or(|old| old.at("spec").text("trustBundle") != bundle) {
        anchors(&mut errors, &SPEC.child("trustBundle"), bundle);
    }
    if old.is_some_and(|old| old.at("spec").text("signerName") != signer) {
        let path = SPEC.child("signerName");
        errors.invalid(&path, &signer.into(), "field is immutable");
    }
    errors
}

/// The name begins with the signer's, where there is one.
fn name(errors: &mut FieldErrors, name: &str, signer: &str) {
    let path = METADATA.child("name");
    if name.is_empty() {
        return;
    }
    let prefix = format!("{}:", signer.replace('/', ":"));
    let rest = if signer.is_empty() {
        Some(name).filter(|name| !name.contains(':'))
    } else {
        name.strip_prefix(&prefix)
    };
    match rest {
        Some(rest) => names::report(errors, &path, name, names::check_subdomain(rest)),
        None if signer.is_empty() => {
            let detail = "ClusterTrustBundle without signer name must not have \":\" in its name";
            errors.invalid(&path, &name.into(), detail);
        }
        None => {
            let detail = format!(
                "ClusterTrustBundle for signerName {signer} must be named with prefix {prefix}"
            );
            errors.invalid(&path, &name.into(), detail);
        }
    }
}

/// Certificates of authorities, each once.
fn anchors(errors: &mut FieldErrors, path: &FieldPath, bundle: &str) {
    if bundle.len() > SIZE_MAX {
        errors.too_long(path, SIZE_MAX);
        return;
    }
    let mut refuse = |detail: String| errors.invalid(path, &"<value omitted>".into(), detail);
    let mut found: Vec<Vec<u8>> = Vec::new();
    let mut is_malformed = false;
    for (index, block) in blocks(bundle).into_iter().enumerate() {
        match block.check() {
            Ok(bytes) => found.push(bytes),
            Err(why) => {
                is_malformed = true;
                refuse(format!("entry {index} {why}"));
            }
        }
    }
    if is_malformed {
        return;
    }
    if found.is_empty() {
        refuse("at least one trust anchor must be provided".to_owned());
    }
    for (index, bytes) in found.iter().enumerate() {
        let same: Vec<String> = (0..found.len())
            .filter(|other| found[*other] == *bytes)
            .map(|other| other.to_string())
            .collect();
        if same.len() > 1 && same[0] == index.to_string() {
            let same = same.join(" ");
            refuse(format!("duplicate trust anchor (indices [{same}])"));
        }
    }
}

/// A block between the lines that PEM begins and ends with.
struct Block<'a> {
    kind: &'a str,
    body: &'a str,
}

/// The blocks of a text; what stands between them is passed over.
fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    for part in text.split("-----BEGIN ").skip(1) {
        let block = part.split_once("-----").and_then(|(kind, rest)| {
            let (body, end) = rest.split_once("-----END ")?;
            end.starts_with(kind).then_some(Block { kind, body })
        });
        found.extend(block);
    }
    found
}

impl Block<'_> {
    /// The bytes of a certificate of an authority, or why it is none.
    fn check(&self) -> Result<Vec<u8>, String> {
        if self.kind != "CERTIFICATE" {
            return Err(format!("has bad block type: {}", self.kind));
        }
        if self.body.contains(':') {
            return Err("has PEM block headers".to_owned());
        }
        let digits: String = self.body.split_ascii_whitespace().collect();
        let bytes = STANDARD.decode(digits).ok();
        let bytes = bytes
            .filter(|bytes| is_sequence(bytes))
            .ok_or_else(|| "does not parse as X.509".to_owned())?;
        if !is_authority(&bytes) {
            return Err("does not have the CA bit set".to_owned());
        }
        Ok(bytes)
    }
}

/// Whether these bytes are one sequence in DER and nothing more.
fn is_sequence(bytes: &[u8]) -> bool {
    let [0x30, length, rest @ ..] = bytes else {
        return false;
    };
    if *length < 0x80 {
        return rest.len() == usize::from(*length);
    }
    let count = usize::from(*length & 0x7f);
    if count > 4 || rest.len() < count {
        return false;
    }
    let (digits, rest) = rest.split_at(count);
    let length = digits
        .iter()
        .fold(0, |length, digit| length << 8 | usize::from(*digit));
    rest.len() == length
}

/// Whether basic constraints are there and say that it is an authority's.
fn is_authority(bytes: &[u8]) -> bool {
    let Some(start) = bytes
        .windows(BASIC_CONSTRAINTS.len())
        .position(|window| window == BASIC_CONSTRAINTS)
    else {
        return false;
    };
    let rest = &bytes[start + BASIC_CONSTRAINTS.len()..];
    // Perhaps `critical`; then an octet string with a sequence that begins with true.
    let rest = rest.strip_prefix(&[0x01, 0x01, 0xff]).unwrap_or(rest);
    matches!(rest, [0x04, _, 0x30, _, 0x01, 0x01, 0xff, ..])
}
