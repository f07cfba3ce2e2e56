//! Any bytes as YAML: no panic, no endless expansion.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mockernetes::object::yaml;

fuzz_target!(|bytes: &[u8]| {
    let _ = yaml::documents(bytes);
});
