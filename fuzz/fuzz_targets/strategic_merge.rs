//! Two JSON texts, a line each: the second as a strategic merge patch of the first, as a Deployment.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mockernetes::object::{Object, json};
use mockernetes::patch::Patch;
use mockernetes::schema::tables;

fuzz_target!(|bytes: &[u8]| {
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let mut read = || json::parse(lines.next().unwrap_or_default()).ok();
    let (Some(current), Some(patch)) = (read(), read()) else { return };
    let Some(current) = Object::from_value(current) else { return };
    let Some(schema) = tables::kind("apps", "v1", "Deployment") else { return };
    if let Ok(patch) = Patch::strategic(patch) {
        let _ = patch.apply(current, &schema);
    }
});
