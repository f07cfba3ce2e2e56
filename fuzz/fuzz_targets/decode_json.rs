//! Any bytes as JSON: no panic, and what is read prints and reads as the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mockernetes::object::json;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(value) = json::parse(bytes) {
        let again = json::parse(value.to_string().as_bytes());
        assert_eq!(again.ok(), Some(value));
    }
});
