//! YAML as the API server and kubectl read it: YAML 1.1 words (`yes` is true), keys of any scalar,
//! merge keys, no alias bombs.
//!
//! *Upstream:* `sigs.k8s.io/yaml` over `go.yaml.in/yaml/v2`.

mod load;
mod message;
mod scalar;

use saphyr_parser::{Event, Parser, StrInput};
use serde_json::Value;

use self::load::Loader;

/// Why a text is no YAML, or no JSON can be made of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct YamlError(pub String);

/// One document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// What it says; of a key that stands there twice, the last counts.
    pub value: Value,
    /// Keys that stand there twice: `line 3: key "x" already set in map`.
    duplicates: Vec<String>,
}

impl Document {
    /// All keys that stand there twice, as the strict reader says it; `None` where none does.
    pub fn duplicates(&self) -> Option<String> {
        (!self.duplicates.is_empty()).then(|| {
            let lines: Vec<String> = self.duplicates.iter().map(|l| format!("  {l}")).collect();
            format!("yaml: unmarshal errors:\n{}", lines.join("\n"))
        })
    }
}

/// The first document of a text; null where there is none.
pub fn first_document(bytes: &[u8]) -> Result<Document, YamlError> {
    Ok(read(bytes, 1)?.pop().unwrap_or_default())
}

/// Every document of a text that says anything, in order: what a manifest holds.
pub fn documents(bytes: &[u8]) -> Result<Vec<Document>, YamlError> {
    let mut documents = read(bytes, usize::MAX)?;
    documents.retain(|document| !document.value.is_null());
    Ok(documents)
}

fn read(bytes: &[u8], count_max: usize) -> Result<Vec<Document>, YamlError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| YamlError("yaml: invalid leading UTF-8 octet".to_owned()))?;
    let mut parser: Parser<'_, StrInput<'_>> = Parser::new_from_str(text);
    let mut documents = Vec::new();
    while documents.len() < count_max {
        let Some(event) = parser.next_event() else {
            break;
        };
        let (event, _) = event.map_err(|error| message::of(&error, text))?;
        match event {
            Event::DocumentStart(_) => documents.push(Loader::new(&mut parser, text).document()?),
            Event::StreamEnd => break,
            _ => {}
        }
    }
    Ok(documents)
}
