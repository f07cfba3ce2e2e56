//! Any text as a label and a field selector: no panic, and what is parsed prints and parses again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mockernetes::object::selector::{FieldSelector, LabelSelector};

fuzz_target!(|text: &str| {
    if let Ok(selector) = LabelSelector::parse(text) {
        let again = LabelSelector::parse(&selector.to_string());
        assert_eq!(again.ok(), Some(selector));
    }
    let _ = FieldSelector::parse(text);
});
