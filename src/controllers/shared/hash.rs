//! The hashes that names of made objects end in.
//!
//! *Upstream:* `pkg/controller/controller_utils.go` (`ComputeHash`), `pkg/util/hash`,
//! `apimachinery/pkg/util/rand` (`SafeEncodeString`).

use serde_json::Value;

use crate::schema::go_struct;

/// The letters of generated names: no vowels, and no digits that look like some.
pub(super) const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// FNV-1a of 32 bits, as far as it was fed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hash(u32);

impl Hash {
    /// Of nothing yet.
    pub(crate) fn new() -> Self {
        Self(0x811c_9dc5)
    }

    /// With more bytes.
    pub(crate) fn with(mut self, bytes: &[u8]) -> Self {
        for byte in bytes {
            self.0 = (self.0 ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        }
        self
    }

    /// As it stands in names.
    pub(crate) fn encode(self) -> String {
        self.0
            .to_string()
            .bytes()
            .map(|byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()]))
            .collect()
    }
}

/// The hash of a pod template, made another where it met its like already.
pub(crate) fn of_template(template: &Value, collisions: Option<i64>) -> String {
    let text = go_struct::dump("v1.PodTemplateSpec", template);
    let hash = Hash::new().with(text.as_bytes());
    let hash = match collisions.and_then(|count| u32::try_from(count).ok()) {
        Some(count) => hash.with(&u64::from(count).to_le_bytes()),
        None => hash,
    };
    hash.encode()
}
