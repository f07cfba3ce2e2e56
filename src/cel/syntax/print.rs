//! What is wrong with a text, as upstream prints it.
//!
//! *Upstream:* `cel-go/common/{error,errors}.go`.

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Byte offset in the text; [`NOWHERE`] where it is about all of it.
    pub at: usize,
    /// What is wrong.
    pub message: String,
}

/// The place of what is about the whole text.
pub const NOWHERE: usize = usize::MAX;
/// The longest line that is shown.
const SNIPPET_MAX: usize = 16384;
/// How many issues are listed.
const ISSUES_MAX: usize = 100;

impl Issue {
    /// An issue at a place.
    pub fn new(at: usize, message: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
        }
    }
}

/// Issues as upstream prints them: each with its line and a mark under the place.
pub fn print(source: &str, issues: &[Issue]) -> String {
    let mut sorted: Vec<&Issue> = issues.iter().take(ISSUES_MAX).collect();
    sorted.sort_by_key(|issue| issue.at.wrapping_add(1));
    let mut out: Vec<String> = sorted.iter().map(|issue| one(source, issue)).collect();
    if issues.len() > ISSUES_MAX {
        out.push(format!(
            "{} more errors were truncated",
            issues.len() - ISSUES_MAX
        ));
    }
    out.join("\n")
}

fn one(source: &str, issue: &Issue) -> String {
    if issue.at == NOWHERE {
        return format!("ERROR: <input>:-1:0: {}", issue.message);
    }
    if source.is_empty() {
        return format!("ERROR: <input>:1:0: {}", issue.message);
    }
    let before = source.get(..issue.at).unwrap_or(source);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let column = before[start..].chars().count();
    let text = source[start..].split('\n').next().unwrap_or("");
    let head = format!("ERROR: <input>:{line}:{}: {}", column + 1, issue.message);
    if text.len() > SNIPPET_MAX {
        return head;
    }
    let text = text.replace('\t', " ");
    let mut chars = text.chars();
    let mut mark = String::new();
    for c in chars.by_ref().take(column) {
        mark.push(if c.is_ascii() { '.' } else { '\u{ff0e}' });
    }
    let is_wide = chars.next().is_some_and(|c| !c.is_ascii());
    mark.push(if is_wide { '\u{ff3e}' } else { '^' });
    format!("{head}\n | {text}\n | {mark}")
}
