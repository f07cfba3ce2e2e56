//! Where the decoder stands, as strict errors and type errors each write it.

use std::fmt::Write;

use super::embedded;

/// A chain of borrowed steps from the root; becomes text only in an error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'p> {
    parent: Option<&'p Place<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'p> {
    Root,
    /// A field of a struct: the struct's name and the field's.
    Field(&'p str, &'p str),
    Key(&'p str),
    Index(usize),
    /// What stands here is read by a decoder of its own.
    Apart,
}

impl<'p> Place<'p> {
    /// The object itself.
    pub(super) const ROOT: Place<'static> = Place {
        parent: None,
        step: Step::Root,
    };

    /// The field of a struct.
    pub(super) fn field(&'p self, of: &'p str, name: &'p str) -> Self {
        Self {
            parent: Some(self),
            step: Step::Field(of, name),
        }
    }

    /// The entry of a map.
    pub(super) fn key(&'p self, key: &'p str) -> Self {
        Self {
            parent: Some(self),
            step: Step::Key(key),
        }
    }

    /// The item of a list.
    pub(super) fn index(&'p self, index: usize) -> Self {
        Self {
            parent: Some(self),
            step: Step::Index(index),
        }
    }

    /// The same place, where a decoder of its own begins.
    pub(super) fn apart(&'p self) -> Self {
        Self {
            parent: Some(self),
            step: Step::Apart,
        }
    }

    /// The path of its field `name`, as strict errors write it: `spec.containers[0].name`.
    pub(super) fn path_of(&self, name: &str) -> String {
        let mut out = String::new();
        self.write_path(&mut out);
        if !out.is_empty() {
            out.push('.');
        }
        out.push_str(name);
        out
    }

    fn write_path(&self, out: &mut String) {
        if let Some(parent) = self.parent {
            parent.write_path(out);
        }
        match self.step {
            Step::Root | Step::Apart => {}
            Step::Field(_, name) | Step::Key(name) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(name);
            }
            // Writing to a String cannot fail.
            Step::Index(index) => drop(write!(out, "[{index}]")),
        }
    }

    /// Where a value of the wrong type stands, as Go says it: the innermost struct, and the names
    /// of fields alone.
    pub(super) fn of_type(&self, found: &str, go_type: &str) -> String {
        let mut fields = Vec::new();
        let mut innermost = None;
        let mut place = Some(self);
        while let Some(at) = place {
            if let Step::Field(of, name) = at.step {
                innermost.get_or_insert(of);
                fields.push(name);
                fields.extend(embedded::inline_structs(of, name).iter().rev());
            }
            if let Step::Apart = at.step {
                // The struct that is named is the one around it.
                innermost = None;
            }
            place = at.parent;
        }
        fields.reverse();
        match innermost {
            None => format!("json: cannot unmarshal {found} into Go value of type {go_type}"),
            Some(of) => format!(
                "json: cannot unmarshal {found} into Go struct field {of}.{} of type {go_type}",
                fields.join(".")
            ),
        }
    }
}
