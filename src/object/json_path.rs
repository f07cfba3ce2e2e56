//! JSONPath as printer columns use it: `.status.conditions[?(@.type=="Ready")].status`.
//!
//! *Upstream:* `client-go/util/jsonpath`.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::str::Chars;

use serde_json::Value;

/// A parsed path.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonPath(Vec<Step>);

#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// `.name`, `['name']`
    Field(String),
    /// `.*`
    Wildcard,
    /// `..`: everything below that holds something, itself included.
    Recursive,
    /// `[0]`, `[1:3]`, `[*]`
    Slice(Slice),
    /// `[0,2]`
    Union(Vec<JsonPath>),
    /// `[?(left operator right)]`; without an operator, whatever has the left side.
    Filter(JsonPath, Option<(String, JsonPath)>),
    /// A text, number or truth inside a filter.
    Literal(Value),
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Slice {
    start: Option<i64>,
    end: Option<i64>,
    step: Option<i64>,
    /// A single index: `[-1]` ends where it starts.
    is_index: bool,
}

/// A step that a value does not allow: an index out of bounds, a comparison of unlike things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch;

type Found<'a> = Result<Vec<&'a Value>, Mismatch>;

impl JsonPath {
    /// A path as definitions write it, without braces; `None` where it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut steps = Vec::new();
        let mut rest = text.chars().peekable();
        while let Some(&next) = rest.peek() {
            match next {
                '\n' | '{' | '}' => return None,
                ' ' | '@' | '$' => {
                    rest.next();
                }
                '[' => steps.push(bracket(&mut rest)?),
                '\'' | '"' => steps.push(Step::Literal(quoted(&mut rest)?.into())),
                '.' => {
                    rest.next();
                    if rest.next_if_eq(&'.').is_some() {
                        steps.push(Step::Recursive);
                        if !matches!(rest.peek(), None | Some('.' | '[')) {
                            steps.push(field(&mut rest));
                        }
                    } else if rest.peek().is_some_and(|c| *c != '[') {
                        steps.push(field(&mut rest));
                    }
                }
                _ => steps.push(Step::Literal(literal(&mut rest)?)),
            }
        }
        Some(Self(steps))
    }

    /// Everything at the path, in order. Missing keys find nothing.
    pub fn find<'a>(&'a self, value: &'a Value) -> Found<'a> {
        let mut found = vec![value];
        for step in &self.0 {
            found = step.apply(&found)?;
        }
        Ok(found)
    }
}

impl Step {
    fn apply<'a>(&'a self, found: &[&'a Value]) -> Found<'a> {
        let mut next = Vec::new();
        match self {
            Self::Field(name) => next.extend(found.iter().filter_map(|value| value.get(name))),
            Self::Wildcard => next.extend(found.iter().flat_map(|value| children(value))),
            Self::Recursive => found.iter().for_each(|value| below(value, &mut next)),
            Self::Literal(literal) => next.push(literal),
            Self::Slice(slice) => {
                for value in found.iter().filter(|value| !value.is_null()) {
                    next.extend(slice.of(value.as_array().ok_or(Mismatch)?)?);
                }
            }
            Self::Union(paths) => {
                for value in found {
                    for path in paths {
                        next.extend(path.find(value)?);
                    }
                }
            }
            Self::Filter(left, compared) => {
                for value in found {
                    for item in value.as_array().ok_or(Mismatch)? {
                        if passes(item, left, compared.as_ref())? {
                            next.push(item);
                        }
                    }
                }
            }
        }
        Ok(next)
    }
}

fn passes(
    item: &Value,
    left: &JsonPath,
    compared: Option<&(String, JsonPath)>,
) -> Result<bool, Mismatch> {
    let Some((operator, right)) = compared else {
        return Ok(left.find(item).is_ok_and(|found| !found.is_empty()));
    };
    let (left, right) = (left.find(item)?, right.find(item)?);
    let (left, right) = match (left.as_slice(), right.as_slice()) {
        ([left], [right]) => (*left, *right),
        ([], _) | (_, []) => return Ok(false),
        _ => return Err(Mismatch),
    };
    let order = compare(left, right)?;
    match operator.as_str() {
        "==" => Ok(order == Ordering::Equal),
        "!=" => Ok(order != Ordering::Equal),
        "<" => Ok(order == Ordering::Less),
        "<=" => Ok(order != Ordering::Greater),
        ">" => Ok(order == Ordering::Greater),
        ">=" => Ok(order != Ordering::Less),
        _ => Err(Mismatch),
    }
}

fn compare(left: &Value, right: &Value) -> Result<Ordering, Mismatch> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => Ok(left.cmp(right)),
        (Value::Bool(left), Value::Bool(right)) => Ok(left.cmp(right)),
        (Value::Number(left), Value::Number(right)) if left.is_f64() == right.is_f64() => {
            match (left.as_i64(), right.as_i64()) {
                (Some(left), Some(right)) => Ok(left.cmp(&right)),
                _ => left.as_f64().partial_cmp(&right.as_f64()).ok_or(Mismatch),
            }
        }
        _ => Err(Mismatch),
    }
}

impl Slice {
    fn of(self, items: &[Value]) -> Result<impl Iterator<Item = &Value>, Mismatch> {
        let length = items.len() as i64;
        let mut start = self.start.unwrap_or(0);
        let mut end = match self.end {
            _ if self.is_index => start + 1,
            Some(end) => end,
            None => length,
        };
        if start < 0 {
            start += length;
        }
        if end < 0 || (end == 0 && self.is_index) {
            end += length;
        }
        let step = self.step.unwrap_or(1);
        if start == end {
            return Ok([].iter().step_by(1));
        }
        let is_inside = (0..length).contains(&start) && (0..=length).contains(&end);
        if !is_inside || start > end || step <= 0 {
            return Err(Mismatch);
        }
        Ok(items[start as usize..end as usize]
            .iter()
            .step_by(step as usize))
    }
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(entries) => entries.values().collect(),
        _ => Vec::new(),
    }
}

fn below<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    let children = children(value);
    if !children.is_empty() {
        found.push(value);
        for child in children {
            below(child, found);
        }
    }
}

type Rest<'a> = Peekable<Chars<'a>>;

/// A field's name up to whatever ends it; a backslash takes the next letter as it is.
fn field(rest: &mut Rest<'_>) -> Step {
    let mut name = String::new();
    while let Some(c) = rest.next_if(|c| !" .,[]$@{}\t\n".contains(*c)) {
        match c {
            '\\' => name.extend(rest.next()),
            c => name.push(c),
        }
    }
    match name.as_str() {
        "*" => Step::Wildcard,
        _ => Step::Field(name),
    }
}

fn quoted(rest: &mut Rest<'_>) -> Option<String> {
    let quote = rest.next()?;
    let mut text = String::new();
    loop {
        match rest.next()? {
            '\\' => text.push(rest.next()?),
            c if c == quote => return Some(text),
            c => text.push(c),
        }
    }
}

fn literal(rest: &mut Rest<'_>) -> Option<Value> {
    let mut word = String::new();
    while let Some(c) = rest.next_if(|c| c.is_ascii_alphanumeric() || "+-._".contains(*c)) {
        word.push(c);
    }
    match word.as_str() {
        "true" => Some(true.into()),
        "false" => Some(false.into()),
        word => word
            .parse::<i64>()
            .map(Value::from)
            .or_else(|_| word.parse::<f64>().map(Value::from))
            .ok(),
    }
}

fn bracket(rest: &mut Rest<'_>) -> Option<Step> {
    rest.next();
    let mut inside = String::new();
    if rest.peek() == Some(&'?') {
        filter_text(rest, &mut inside)?;
        return filter(&inside);
    }
    loop {
        match rest.next()? {
            ']' => break,
            c => inside.push(c),
        }
    }
    if inside.contains(',') {
        let parts = inside
            .split(',')
            .map(|part| JsonPath::parse(&format!("[{}]", part.trim())));
        return parts.collect::<Option<Vec<_>>>().map(Step::Union);
    }
    if let Some(name) = inside
        .strip_prefix('\'')
        .and_then(|name| name.strip_suffix('\''))
    {
        return Some(field(&mut name.chars().peekable()));
    }
    slice(&inside).map(Step::Slice)
}

/// What stands in `?(…)]`; a bracket inside quotes does not end it.
fn filter_text(rest: &mut Rest<'_>, inside: &mut String) -> Option<()> {
    rest.next();
    rest.next_if_eq(&'(')?;
    let mut quote = None;
    loop {
        let c = rest.next()?;
        match quote {
            None if c == ')' => break,
            None if c == '"' || c == '\'' => quote = Some(c),
            Some(open) if c == open && !inside.ends_with('\\') => quote = None,
            _ => {}
        }
        inside.push(c);
    }
    rest.next_if_eq(&']').map(|_| ())
}

fn filter(text: &str) -> Option<Step> {
    let is_operator = |c: char| "!<>=".contains(c);
    let Some(at) = text.find(is_operator).filter(|at| *at > 0) else {
        return Some(Step::Filter(JsonPath::parse(text)?, None));
    };
    let (left, rest) = text.split_at(at);
    let end = rest.find(|c| !is_operator(c))?;
    let (operator, right) = rest.split_at(end);
    let compared = (operator.to_owned(), JsonPath::parse(right)?);
    Some(Step::Filter(JsonPath::parse(left)?, Some(compared)))
}

fn slice(text: &str) -> Option<Slice> {
    let text = if text == "*" { ":" } else { text };
    let parts: Vec<&str> = text.split(':').collect();
    let number = |part: &&str| match *part {
        "" => Some(None),
        part => part.parse::<i64>().ok().map(Some),
    };
    let numbers = parts.iter().map(number).collect::<Option<Vec<_>>>()?;
    if numbers.len() > 3 || (numbers.len() == 1 && numbers[0].is_none()) {
        return None;
    }
    let at = |place: usize| numbers.get(place).copied().flatten();
    Some(Slice {
        start: at(0),
        end: at(1),
        step: at(2),
        is_index: numbers.len() == 1,
    })
}
