//! Writes a template out.
//!
//! *Upstream:* `text/template/exec.go`.

use serde_json::Value;

use super::parser::{Base, Branch, Node, Operand, Pipeline};
use super::value::{is_true, print};
use super::{Functions, Refusal, Result, Template, functions};

/// Templates that call themselves end here.
const DEPTH_MAX: usize = 100;

/// So much is written at most.
const OUT_MAX: usize = 16 << 20;

/// So many actions and turns of loops there are at most.
const STEPS_MAX: usize = 1 << 18;

/// A loop over a number has so many turns at most.
const TURNS_MAX: u64 = 1 << 16;

/// Whether a loop goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

struct Run<'a> {
    template: &'a Template,
    functions: &'a mut dyn Functions,
    variables: Vec<(String, Value)>,
    out: String,
    depth: usize,
    steps: usize,
}

/// Writes a template out for some data.
pub(super) fn run(
    template: &Template,
    data: &Value,
    functions: &mut dyn Functions,
) -> Result<String> {
    let mut run = Run {
        template,
        functions,
        variables: vec![(String::new(), data.clone())],
        out: String::new(),
        depth: 0,
        steps: 0,
    };
    run.nodes(&template.nodes, data)?;
    Ok(run.out)
}

impl Run<'_> {
    fn nodes(&mut self, nodes: &[Node], dot: &Value) -> Result<Flow> {
        for node in nodes {
            let flow = self.node(node, dot)?;
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    /// Takes note of an action or the turn of a loop.
    fn step(&mut self) -> Result<()> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return Err(Refusal::new("the template takes too long"));
        }
        Ok(())
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Result<Flow> {
        self.step()?;
        match node {
            Node::Text(text) => self.out.push_str(text),
            Node::Action(pipeline) => {
                let value = self.pipeline(pipeline, dot)?;
                if pipeline.variables.is_empty() {
                    self.out.push_str(&print(&value));
                }
            }
            Node::If(branch) => return self.conditional(branch, dot, false),
            Node::With(branch) => return self.conditional(branch, dot, true),
            Node::Range(branch) => return self.range(branch, dot),
            Node::Template(name, pipeline) => self.include(name, pipeline.as_ref(), dot)?,
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        if self.out.len() > OUT_MAX {
            return Err(Refusal::new("the template writes too much"));
        }
        Ok(Flow::On)
    }

    fn conditional(&mut self, branch: &Branch, dot: &Value, moves_dot: bool) -> Result<Flow> {
        let mark = self.variables.len();
        let value = self.pipeline(&branch.pipeline, dot)?;
        let flow = if is_true(&value) {
            self.nodes(&branch.body, if moves_dot { &value } else { dot })
        } else {
            self.nodes(&branch.otherwise, dot)
        };
        self.variables.truncate(mark);
        flow
    }

    fn range(&mut self, branch: &Branch, dot: &Value) -> Result<Flow> {
        let mark = self.variables.len();
        let pipeline = Pipeline {
            variables: Vec::new(),
            ..branch.pipeline.clone()
        };
        let over = self.pipeline(&pipeline, dot)?;
        let pairs = pairs(over)?;
        if pairs.is_empty() {
            return self.nodes(&branch.otherwise, dot);
        }
        for (key, value) in pairs {
            self.step()?;
            let names = &branch.pipeline.variables;
            match names.as_slice() {
                [] => {}
                [name] => self.set(name, value.clone(), branch.pipeline.declares)?,
                [index, name, ..] => {
                    self.set(index, key, branch.pipeline.declares)?;
                    self.set(name, value.clone(), branch.pipeline.declares)?;
                }
            }
            let flow = self.nodes(&branch.body, &value)?;
            self.variables.truncate(mark);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::On)
    }

    fn include(&mut self, name: &str, pipeline: Option<&Pipeline>, dot: &Value) -> Result<()> {
        let nodes = self.template.defined.get(name);
        let nodes = nodes.ok_or_else(|| Refusal::new(format!("template {name:?} not defined")))?;
        if self.depth == DEPTH_MAX {
            return Err(Refusal::new("templates call each other without end"));
        }
        let data = match pipeline {
            Some(pipeline) => self.pipeline(pipeline, dot)?,
            None => Value::Null,
        };
        let outer = std::mem::replace(&mut self.variables, vec![(String::new(), data.clone())]);
        self.depth += 1;
        let done = self.nodes(nodes, &data);
        self.depth -= 1;
        self.variables = outer;
        done.map(|_| ())
    }

    fn set(&mut self, name: &str, value: Value, declares: bool) -> Result<()> {
        if declares {
            self.variables.push((name.to_owned(), value));
            return Ok(());
        }
        let mut known = self.variables.iter_mut().rev();
        let place = known.find(|(one, _)| one == name);
        place.ok_or_else(|| undefined(name))?.1 = value;
        Ok(())
    }

    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value> {
        let mut piped = None;
        for command in &pipeline.commands {
            piped = Some(self.command(command, dot, piped)?);
        }
        let value = piped.unwrap_or_default();
        if let Some(name) = pipeline.variables.last() {
            self.set(name, value.clone(), pipeline.declares)?;
        }
        Ok(value)
    }

    fn command(
        &mut self,
        operands: &[Operand],
        dot: &Value,
        piped: Option<Value>,
    ) -> Result<Value> {
        let Some((first, rest)) = operands.split_first() else {
            return Ok(Value::Null);
        };
        let Base::Function(name) = &first.base else {
            if !rest.is_empty() || piped.is_some() {
                return Err(Refusal::new("can't give argument to non-function"));
            }
            return self.operand(first, dot);
        };
        let value = self.call(name, rest, dot, piped)?;
        Ok(field(&value, &first.fields)?.clone())
    }

    fn call(
        &mut self,
        name: &str,
        operands: &[Operand],
        dot: &Value,
        piped: Option<Value>,
    ) -> Result<Value> {
        if matches!(name, "and" | "or") {
            return self.decide(name, operands, dot, piped);
        }
        let mut arguments = Vec::with_capacity(operands.len() + 1);
        let mut size = 0_usize;
        for operand in operands {
            let argument = self.operand(operand, dot)?;
            size = size.saturating_add(functions::size(&argument, OUT_MAX));
            if size > OUT_MAX {
                return Err(functions::too_large(name));
            }
            arguments.push(argument);
        }
        arguments.extend(piped);
        functions::call(name, &arguments, self.functions)
    }

    /// `and` and `or` look at no more than they need.
    fn decide(
        &mut self,
        name: &str,
        operands: &[Operand],
        dot: &Value,
        piped: Option<Value>,
    ) -> Result<Value> {
        let mut last = Value::Null;
        for operand in operands {
            last = self.operand(operand, dot)?;
            if is_true(&last) == (name == "or") {
                return Ok(last);
            }
        }
        Ok(piped.unwrap_or(last))
    }

    fn operand(&mut self, operand: &Operand, dot: &Value) -> Result<Value> {
        let fields = &operand.fields;
        let value = match &operand.base {
            Base::Literal(value) => return Ok(value.clone()),
            Base::Dot => return Ok(field(dot, fields)?.clone()),
            Base::Variable(name) => {
                let mut known = self.variables.iter().rev();
                let (_, value) = known
                    .find(|(one, _)| one == name)
                    .ok_or_else(|| undefined(name))?;
                return Ok(field(value, fields)?.clone());
            }
            Base::Function(name) => self.call(name, &[], dot, None)?,
            Base::Pipeline(pipeline) => {
                let mark = self.variables.len();
                let value = self.pipeline(pipeline, dot)?;
                self.variables.truncate(mark);
                value
            }
        };
        Ok(field(&value, fields)?.clone())
    }
}

fn undefined(name: &str) -> Refusal {
    Refusal::new(format!("undefined variable \"${name}\""))
}

/// A field of a field of a value. What is not there is null, and so are its fields.
fn field<'v>(mut value: &'v Value, names: &[String]) -> Result<&'v Value> {
    for name in names {
        value = match value {
            Value::Object(fields) => fields.get(name).unwrap_or(&Value::Null),
            Value::Null => &Value::Null,
            _ => {
                let why = format!("can't evaluate field {name} in type {}", kind_of(value));
                return Err(Refusal::new(why));
            }
        };
    }
    Ok(value)
}

/// What a loop goes over: keys and values.
fn pairs(over: Value) -> Result<Vec<(Value, Value)>> {
    Ok(match over {
        Value::Null => Vec::new(),
        Value::Array(items) => {
            let numbered = items.into_iter().enumerate();
            numbered.map(|(index, item)| (index.into(), item)).collect()
        }
        Value::Object(fields) => {
            let mut fields: Vec<(String, Value)> = fields.into_iter().collect();
            fields.sort_by(|left, right| left.0.cmp(&right.0));
            let named = fields.into_iter();
            named.map(|(name, value)| (name.into(), value)).collect()
        }
        Value::Number(number) => {
            let count = number.as_u64().unwrap_or(0);
            if count > TURNS_MAX {
                return Err(Refusal::new("the template takes too long"));
            }
            (0..count).map(|one| (one.into(), one.into())).collect()
        }
        other => {
            let why = format!("range can't iterate over {}", print(&other));
            return Err(Refusal::new(why));
        }
    })
}

/// What Go calls a value's kind.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "invalid",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int",
        Value::String(_) => "string",
        Value::Array(_) => "slice",
        Value::Object(_) => "map",
    }
}
