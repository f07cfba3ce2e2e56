//! JSON indented by two spaces, as Go's `json.MarshalIndent` writes it, without parsing it.

/// Indents compact JSON.
pub(super) fn indent(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() * 2);
    let mut depth = 0;
    let mut index = 0;
    while let Some(&byte) = json.get(index) {
        index += 1;
        match byte {
            b'"' => {
                let end = string_end(json, index);
                out.extend_from_slice(&json[index - 1..end]);
                index = end;
            }
            b'{' | b'[' => {
                out.push(byte);
                if matches!(json.get(index), Some(b'}' | b']')) {
                    out.push(json[index]);
                    index += 1;
                } else {
                    depth += 1;
                    break_line(&mut out, depth);
                }
            }
            b'}' | b']' => {
                depth -= 1;
                break_line(&mut out, depth);
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                break_line(&mut out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            b' ' | b'\n' | b'\r' | b'\t' => {}
            _ => out.push(byte),
        }
    }
    out
}

/// The index after the string whose opening quote stands before `start`.
fn string_end(json: &[u8], start: usize) -> usize {
    let mut index = start;
    while let Some(&byte) = json.get(index) {
        index += 1;
        match byte {
            b'\\' => index += 1,
            b'"' => return index,
            _ => {}
        }
    }
    json.len()
}

fn break_line(out: &mut Vec<u8>, depth: usize) {
    out.push(b'\n');
    for _ in 0..depth {
        out.extend_from_slice(b"  ");
    }
}
