//! Events of the YAML parser become a JSON value.
//!
//! *Upstream:* `decode.go` of `go.yaml.in/yaml/v2`, `convertToJSONableObject` of
//! `sigs.k8s.io/yaml`.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, Span, StrInput};
use serde_json::{Map, Value};

use super::scalar::{self, Key};
use super::{Document, YamlError, message};
use crate::object::json::DEPTH_MAX;

/// Nodes that aliases may repeat before the document must be mostly its own.
const ALIASED_FREE: usize = 100_000;

/// The loader of one document.
pub(super) struct Loader<'p, 'input> {
    parser: &'p mut Parser<'input, StrInput<'input>>,
    text: &'input str,
    anchors: BTreeMap<usize, Anchored>,
    duplicates: Vec<String>,
    depth: usize,
    /// Nodes read from the text.
    read: usize,
    /// Nodes copied for aliases.
    copied: usize,
}

/// What an anchor names, and of how many nodes it is; nothing while it is being read.
struct Anchored {
    value: Option<Value>,
    nodes: usize,
}

impl<'p, 'input> Loader<'p, 'input> {
    /// A loader whose parser has just begun a document.
    pub(super) fn new(parser: &'p mut Parser<'input, StrInput<'input>>, text: &'input str) -> Self {
        Self {
            parser,
            text,
            anchors: BTreeMap::new(),
            duplicates: Vec::new(),
            depth: 0,
            read: 0,
            copied: 0,
        }
    }

    /// The whole document.
    pub(super) fn document(mut self) -> Result<Document, YamlError> {
        let (event, span) = self.next()?;
        let value = self.value(event, span)?;
        Ok(Document {
            value,
            duplicates: self.duplicates,
        })
    }

    fn next(&mut self) -> Result<(Event<'input>, Span), YamlError> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(message::of(&error, self.text)),
            None => Err(YamlError("yaml: unexpected end of the text".to_owned())),
        }
    }

    fn value(&mut self, event: Event<'input>, span: Span) -> Result<Value, YamlError> {
        self.read += 1;
        let (anchor, before) = (anchor_of(&event), self.read + self.copied);
        if anchor > 0 {
            let empty = Anchored {
                value: None,
                nodes: 0,
            };
            self.anchors.insert(anchor, empty);
        }
        let value = match event {
            Event::Scalar(text, style, _, tag) => {
                scalar::value(&text, style, tag.as_deref()).map_err(YamlError)?
            }
            Event::Alias(anchor) => return self.alias(anchor, span),
            Event::SequenceStart(..) => self.nested(Self::sequence)?,
            Event::MappingStart(..) => self.nested(Self::mapping)?,
            // A document without a node.
            _ => Value::Null,
        };
        if anchor > 0 {
            let kept = Anchored {
                value: Some(value.clone()),
                nodes: self.read + self.copied + 1 - before,
            };
            self.anchors.insert(anchor, kept);
        }
        Ok(value)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<Value, YamlError> {
        let Some(anchored) = self.anchors.get(&anchor) else {
            return Err(message::unknown_anchor(self.text, span.start));
        };
        let Some(value) = &anchored.value else {
            let name = message::alias_name(self.text, span.start);
            return Err(YamlError(format!(
                "yaml: anchor '{name}' value contains itself"
            )));
        };
        self.copied += anchored.nodes;
        if self.copied > ALIASED_FREE && self.copied > self.read {
            return Err(YamlError(
                "yaml: document contains excessive aliasing".to_owned(),
            ));
        }
        Ok(value.clone())
    }

    fn nested(
        &mut self,
        load: fn(&mut Self) -> Result<Value, YamlError>,
    ) -> Result<Value, YamlError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(message::too_deep());
        }
        let value = load(self);
        self.depth -= 1;
        value
    }

    fn sequence(&mut self) -> Result<Value, YamlError> {
        let mut list = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Value::Array(list));
            }
            list.push(self.value(event, span)?);
        }
    }

    fn mapping(&mut self) -> Result<Value, YamlError> {
        let mut map = Map::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Value::Object(map));
            }
            let line = span.start.line();
            let key = self.key(event, span)?;
            let (event, span) = self.next()?;
            let value = self.value(event, span)?;
            match key {
                Key::Merge => merge(&mut map, value)?,
                Key::Name { name, printed } => {
                    if map.contains_key(&name) {
                        let report = format!("line {line}: key {printed} already set in map");
                        self.duplicates.push(report);
                    }
                    map.insert(name, value);
                }
            }
        }
    }

    fn key(&mut self, event: Event<'input>, span: Span) -> Result<Key, YamlError> {
        if let Event::Scalar(text, style, anchor, tag) = &event {
            let key = scalar::key(text, *style, tag.as_deref()).map_err(YamlError)?;
            if *anchor > 0 {
                self.value(event, span)?;
            }
            return Ok(key);
        }
        match self.value(event, span)? {
            Value::String(name) => Ok(Key::named(name)),
            other => Err(YamlError(format!("yaml: invalid map key: {other}"))),
        }
    }
}

fn anchor_of(event: &Event<'_>) -> usize {
    match event {
        Event::Scalar(_, _, anchor, _)
        | Event::SequenceStart(anchor, _)
        | Event::MappingStart(anchor, _) => *anchor,
        _ => 0,
    }
}

/// What `<<` brings in: a map, or several.
fn merge(map: &mut Map<String, Value>, value: Value) -> Result<(), YamlError> {
    match value {
        Value::Object(other) => map.extend(other),
        Value::Array(list) => {
            // The first of several counts.
            for item in list.into_iter().rev() {
                if !item.is_object() {
                    return Err(wrong_merge());
                }
                merge(map, item)?;
            }
        }
        _ => return Err(wrong_merge()),
    }
    Ok(())
}

fn wrong_merge() -> YamlError {
    YamlError("yaml: map merge requires map or sequence of maps as the value".to_owned())
}
