//! Other forms of the same thing, made on first demand and kept with it.

use bytes::Bytes;
use parking_lot::Mutex;

/// The forms made so far, each under its name.
#[derive(Debug, Default)]
pub struct Forms(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    is_retired: bool,
    forms: Vec<(Box<str>, Bytes)>,
}

impl Forms {
    /// The form of this name, where it is there.
    pub fn get(&self, form: &str) -> Option<Bytes> {
        let kept = self.0.lock();
        let mut forms = kept.forms.iter();
        let found = forms.find(|(known, _)| known.as_ref() == form);
        found.map(|(_, bytes)| bytes.clone())
    }

    /// The form of this name, made where it is not there yet.
    pub fn get_or_make(&self, form: &str, make: impl FnOnce() -> Bytes) -> Bytes {
        let mut kept = self.0.lock();
        if let Some((_, bytes)) = kept.forms.iter().find(|(known, _)| known.as_ref() == form) {
            return bytes.clone();
        }
        if kept.is_retired {
            // Whoever comes this late comes alone: nothing is kept, and nobody waits.
            drop(kept);
            return make();
        }
        let bytes = make();
        kept.forms.push((form.into(), bytes.clone()));
        bytes
    }

    /// Forgets all forms and keeps none from now on.
    pub fn retire(&self) {
        let mut kept = self.0.lock();
        kept.is_retired = true;
        kept.forms = Vec::new();
    }
}
