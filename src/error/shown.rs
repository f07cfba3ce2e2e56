//! A value in a message that is shown as Go holds it: what was sent empty is no `null`.
//!
//! *Upstream:* `encoding/json` (a nil slice is `null`, an empty one is `[]`).

use crate::object::json::Reader;

/// The printed `value` of `field` with `printed` instead of the null at `path`; `None` where no
/// null is shown there.
pub(super) fn filled(value: &str, field: &str, path: &str, printed: &str) -> Option<String> {
    // Some paths are told without the part of the object that they lead through.
    let below = [Some(path), path.strip_prefix("spec.")];
    let below = below.into_iter().flatten();
    let rest = below.filter_map(|path| path.strip_prefix(field));
    let rest = rest.filter(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
    rest.filter_map(|rest| null_at(value, rest))
        .map(|at| format!("{}{printed}{}", &value[..at], &value[at + NULL.len()..]))
        .next()
}

const NULL: &str = "null";

/// Where the null at a path stands in a text.
fn null_at(text: &str, path: &str) -> Option<usize> {
    let mut found = text;
    for step in path.split(['.', '[']).filter(|step| !step.is_empty()) {
        let child = child(found, step.trim_end_matches(']'));
        // Metadata is a part of the struct it stands in.
        if child.is_none() && step == "metadata" {
            continue;
        }
        found = child?;
    }
    (found == NULL).then(|| found.as_ptr() as usize - text.as_ptr() as usize)
}

/// The field or item of a printed struct, map or list. Go's names have other capitals.
fn child<'t>(text: &'t str, step: &str) -> Option<&'t str> {
    let mut reader = Reader::new(text.as_bytes());
    reader.token().ok()?;
    let found = if text.starts_with('[') {
        let index: usize = step.parse().ok()?;
        for i in 0..=index {
            reader.next_item(i == 0).ok().filter(|is_there| *is_there)?;
            if i < index {
                reader.written().ok()?;
            }
        }
        reader.written().ok()?
    } else if text.starts_with('{') {
        let mut is_first = true;
        loop {
            let key = reader.next_key(is_first).ok()??;
            is_first = false;
            let value = reader.written().ok()?;
            if key.eq_ignore_ascii_case(step) {
                break value;
            }
        }
    } else {
        return None;
    };
    std::str::from_utf8(found).ok()
}
