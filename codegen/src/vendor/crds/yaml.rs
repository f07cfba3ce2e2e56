//! YAML as generators of definitions write it: no anchors, no tags, words of JSON.

use anyhow::{Context, Result, bail};
use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};
use serde_json::{Map, Value};

/// The documents of a text.
pub(super) fn documents(text: &str) -> Result<Vec<Value>> {
    let mut parser: Parser<'_, StrInput<'_>> = Parser::new_from_str(text);
    let mut found = Vec::new();
    loop {
        match next(&mut parser)? {
            Event::DocumentStart(_) => {
                let first = next(&mut parser)?;
                found.push(value(&mut parser, first)?);
            }
            Event::StreamEnd => return Ok(found),
            _ => {}
        }
    }
}

fn next<'text>(parser: &mut Parser<'text, StrInput<'text>>) -> Result<Event<'text>> {
    let (event, _) = parser.next_event().context("the text ends early")??;
    Ok(event)
}

fn value<'text>(parser: &mut Parser<'text, StrInput<'text>>, event: Event<'text>) -> Result<Value> {
    match event {
        Event::Scalar(text, style, ..) => Ok(scalar(&text, style)),
        Event::SequenceStart(..) => {
            let mut entries = Vec::new();
            loop {
                match next(parser)? {
                    Event::SequenceEnd => return Ok(Value::Array(entries)),
                    event => entries.push(value(parser, event)?),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut entries = Map::new();
            loop {
                match next(parser)? {
                    Event::MappingEnd => return Ok(Value::Object(entries)),
                    Event::Scalar(key, ..) => {
                        let event = next(parser)?;
                        entries.insert(key.into_owned(), value(parser, event)?);
                    }
                    other => bail!("a key that is no word: {other:?}"),
                }
            }
        }
        other => bail!("not in a definition: {other:?}"),
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return text.into();
    }
    match text {
        "" | "~" | "null" => Value::Null,
        "true" => true.into(),
        "false" => false.into(),
        _ => text
            .parse::<i64>()
            .map(Value::from)
            .or_else(|_| text.parse::<f64>().map(Value::from))
            .unwrap_or_else(|_| text.into()),
    }
}
