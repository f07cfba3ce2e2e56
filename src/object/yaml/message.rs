//! What the parser finds wrong, in the words of go-yaml where it has words for it.
//!
//! *Upstream:* `scannerc.go`, `parserc.go` and `decode.go` of `go.yaml.in/yaml/v2`.

use saphyr_parser::{Marker, ScanError};

use super::YamlError;

/// Whose complaint it is; go-yaml counts their lines differently.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Scanner,
    Parser,
}

/// The error of a text that is nested too deep.
///
/// Differs: fewer levels are followed here than Go's reader follows and names.
pub(super) fn too_deep() -> YamlError {
    YamlError("yaml: exceeded max depth of 10000".to_owned())
}

/// The error of a parser's.
pub(super) fn of(error: &ScanError, text: &str) -> YamlError {
    let marker = *error.marker();
    let info = error.info();
    if info.contains("unknown anchor") {
        return unknown_anchor(text, marker);
    }
    if info == "recursion limit exceeded" {
        return too_deep();
    }
    let (part, problem) = problem(info);
    // Lines are counted from zero there, and the first is not named.
    let line = marker.line().saturating_sub(1);
    let line = match part {
        Part::Scanner if line > 0 => line + 1,
        // The end of the text is a line of its own.
        Part::Parser if line == 0 && marker.index() >= text.chars().count() => 1,
        _ => line,
    };
    YamlError(match line {
        0 => format!("yaml: {problem}"),
        _ => format!("yaml: line {line}: {problem}"),
    })
}

fn problem(info: &str) -> (Part, &str) {
    let scanner = |problem| (Part::Scanner, problem);
    let parser = |problem| (Part::Parser, problem);
    if info.contains("tab") {
        return scanner("found character that cannot start any token");
    }
    match info {
        "simple key expect ':'" | "simple key expected" => scanner("could not find expected ':'"),
        "unexpected end of plain scalar" => scanner("did not find expected key"),
        "while parsing a node, did not find expected node content" => {
            parser("did not find expected node content")
        }
        "while parsing a flow sequence, expected ',' or ']'" => {
            parser("did not find expected ',' or ']'")
        }
        "while parsing a flow mapping, did not find expected ',' or '}'" => {
            parser("did not find expected ',' or '}'")
        }
        "while parsing a block mapping, did not find expected key" => {
            parser("did not find expected key")
        }
        "while parsing a block collection, did not find expected '-' indicator" => {
            parser("did not find expected '-' indicator")
        }
        other if other.starts_with("unexpected character") => {
            scanner("found character that cannot start any token")
        }
        // The problem follows what was being read.
        other => scanner(other.split_once(", ").map_or(other, |(_, problem)| problem)),
    }
}

/// The error of an alias that no anchor was named for.
pub(super) fn unknown_anchor(text: &str, marker: Marker) -> YamlError {
    let name = alias_name(text, marker);
    YamlError(format!("yaml: unknown anchor '{name}' referenced"))
}

/// The name of the alias nearest to a place.
pub(super) fn alias_name(text: &str, marker: Marker) -> String {
    let line = text.lines().nth(marker.line().saturating_sub(1));
    let after = |line: &str| {
        let column: usize = line
            .chars()
            .take(marker.col() + 1)
            .map(char::len_utf8)
            .sum();
        let before = line.get(..column).and_then(|before| before.rfind('*'));
        let star = before.or_else(|| line.find('*'))?;
        let name = line[star + 1..].chars();
        Some(
            name.take_while(|c| !c.is_whitespace() && !",[]{}".contains(*c))
                .collect(),
        )
    };
    line.and_then(after).unwrap_or_default()
}
