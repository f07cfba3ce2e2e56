//! Regular expressions.
//!
//! *Upstream:* `cel-go/common/types/string.go`, `apiserver/pkg/cel/library/regex.go`.

use regex::Regex;

use crate::cel::eval::{Failure, Outcome};
use crate::cel::value::Value;
use crate::schema::structural::regular_expression;

/// A pattern; or what is wrong with it, in Go's words.
pub(in crate::cel) fn compile(pattern: &str) -> Result<Regex, String> {
    regular_expression::check(pattern)?;
    regular_expression::compile(pattern).map_err(|_| {
        format!("error parsing regexp: invalid or unsupported Perl syntax: `{pattern}`")
    })
}

/// The result of a function over patterns; `None` where it is none.
pub(super) fn call<'a>(
    name: &str,
    values: &[Value<'a>],
    known: Option<&Regex>,
) -> Option<Outcome<'a>> {
    use Value::{Int, String as Text};
    let [Text(text), Text(pattern), rest @ ..] = values else {
        return None;
    };
    let compiled;
    let regex = match known {
        Some(regex) => regex,
        None => match compile(pattern) {
            Ok(regex) => {
                compiled = regex;
                &compiled
            }
            Err(why) if name == "matches" => return Some(Err(Failure::new(why))),
            Err(why) => return Some(Err(Failure::new(format!("Illegal regex: {why}")))),
        },
    };
    Some(Ok(match (name, rest) {
        ("matches", []) => Value::Bool(regex.is_match(text)),
        ("find", []) => Value::text(regex.find(text).map_or("", |found| found.as_str())),
        ("findAll", [] | [Int(_)]) => {
            let limit = match rest {
                [Int(limit)] => usize::try_from(*limit).unwrap_or(usize::MAX),
                _ => usize::MAX,
            };
            let found = regex.find_iter(text).take(limit);
            Value::list(found.map(|found| Value::text(found.as_str())).collect())
        }
        _ => return None,
    }))
}
