//! A value of the wrong type after a strategic merge patch: upstream turns the merged map into the
//! Go struct by a converter of its own, which has other words for it than the JSON decoder.
//!
//! Differs: a named Go type is taken for a struct; the few that are texts read differently there.
//!
//! *Upstream:* `apimachinery/pkg/runtime/converter.go` (`fromUnstructured`).

/// The decoder's complaint in the converter's words; any other complaint as it is.
pub fn converter_words(complaint: &str) -> String {
    translated(complaint).unwrap_or_else(|| complaint.to_owned())
}

fn translated(complaint: &str) -> Option<String> {
    let rest = complaint.strip_prefix("json: cannot unmarshal ")?;
    let (found, rest) = rest.split_once(" into Go ")?;
    let (_, go_type) = rest.rsplit_once(" of type ")?;
    let kind = kind(found);
    Some(match go_type {
        map if map.starts_with("map[") => format!("cannot restore map from {kind}"),
        slice if slice.starts_with("[]") => format!("cannot restore slice from {kind}"),
        // Go can make a text of a number, and cut a float to an integer; the converter will not.
        "string" if kind == "int64" => "cannot convert int64 to string".to_owned(),
        "int32" | "int64" if kind == "float64" => format!("cannot convert float64 to {go_type}"),
        "string" | "int32" | "int64" | "bool" | "float64" => {
            format!("unrecognized type: {go_type}")
        }
        _ if kind == "map" => "unrecognized type: string".to_owned(),
        _ => format!("cannot restore struct from: {kind}"),
    })
}

/// The kind of a decoded value in Go.
fn kind(found: &str) -> &'static str {
    match found {
        "string" => "string",
        "bool" => "bool",
        "array" => "slice",
        "object" => "map",
        // The decoder names the number itself only where it wanted one.
        number if number.starts_with("number ") && number[7..].contains(['.', 'e', 'E']) => {
            "float64"
        }
        number if number.starts_with("number") => "int64",
        _ => "string",
    }
}
