//! The values of expressions.

use super::run::{Halt, Machine, Ran, place};
use super::syntax::{Expr, Operator, Slot};
use super::value::Value;
use crate::shell::fs::Mode;

/// How deep functions may call each other.
const DEPTH_MAX: usize = 60;

impl Machine {
    pub(super) fn value(&mut self, expr: &Expr) -> Ran<Value> {
        Ok(match expr {
            Expr::Number(number) => Value::Number(*number),
            Expr::Text(text) => Value::Text(text.clone()),
            Expr::Regex(number) => {
                let line = self.whole();
                let held = self.program.regexes[*number].is_match(line.as_bytes());
                Value::Number(f64::from(held))
            }
            Expr::Field(number) => {
                let number = self.value(number)?.number();
                if number < 0.0 {
                    return Err(Halt::Wrong(format!("trying to access field {number}")));
                }
                self.field(number as usize)
            }
            Expr::Variable(slot) => {
                if *slot == Slot::Global(place("NF")) {
                    self.parts();
                }
                self.slot(*slot)
            }
            Expr::Element(slot, index) => {
                let key = self.key(index)?;
                self.array(*slot)?.lock().entry(key).or_default().clone()
            }
            Expr::Assign(target, operator, value) => {
                let mut value = self.value(value)?;
                if let Some(operator) = operator {
                    let old = self.value(target)?;
                    value = arithmetic(*operator, old.number(), value.number())?;
                }
                self.assign(target, value.clone())?;
                value
            }
            Expr::Step(target, before, by) => {
                let old = self.value(target)?.number();
                self.assign(target, Value::Number(old + by))?;
                Value::Number(if *before { old + by } else { old })
            }
            Expr::Not(inner) => Value::Number(f64::from(!self.value(inner)?.holds())),
            Expr::Negative(inner) => Value::Number(-self.value(inner)?.number()),
            Expr::Positive(inner) => Value::Number(self.value(inner)?.number()),
            Expr::Binary(operator, left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                binary(*operator, &left, &right)?
            }
            Expr::Concat(left, right) => {
                let format = self.named("CONVFMT");
                let left = self.value(left)?.text(&format);
                Value::Text(left + &self.value(right)?.text(&format))
            }
            Expr::And(left, right) => {
                let held = self.value(left)?.holds() && self.value(right)?.holds();
                Value::Number(f64::from(held))
            }
            Expr::Or(left, right) => {
                let held = self.value(left)?.holds() || self.value(right)?.holds();
                Value::Number(f64::from(held))
            }
            Expr::Match(left, negated, pattern) => {
                let text = self.value(left)?.text("%.6g");
                let regex = self.regex(pattern)?;
                Value::Number(f64::from(regex.is_match(text.as_bytes()) != *negated))
            }
            Expr::In(index, slot) => {
                let key = self.key(index)?;
                Value::Number(f64::from(self.array(*slot)?.lock().contains_key(&key)))
            }
            Expr::Choice(condition, yes, no) => {
                let chosen = if self.value(condition)?.holds() {
                    yes
                } else {
                    no
                };
                self.value(chosen)?
            }
            Expr::Builtin(name, arguments) => self.builtin(name, arguments)?,
            Expr::Call(number, arguments) => self.call(*number, arguments)?,
            Expr::Getline(into, from) => self.getline(into.as_deref(), from.as_deref())?,
        })
    }

    fn getline(&mut self, into: Option<&Expr>, from: Option<&Expr>) -> Ran<Value> {
        let line = match from {
            None => {
                let Some(line) = self.waiting.pop() else {
                    return Ok(Value::Number(0.0));
                };
                self.count_record();
                line
            }
            Some(from) => {
                let path = self.value(from)?.text("%.6g");
                let machine = self.proc.machine.clone();
                if !self.files.contains_key(&path) {
                    let mode = Mode {
                        read: true,
                        ..Mode::default()
                    };
                    match machine.fs.open(&self.proc.path(&path), mode, &machine.who) {
                        Ok(file) => self.files.insert(path.clone(), file),
                        Err(_) => return Ok(Value::Number(-1.0)),
                    };
                }
                let file = self.files.get(&path);
                let line = file
                    .and_then(|file| file.read_line(1 << 20).ok())
                    .unwrap_or_default();
                if line.is_empty() {
                    return Ok(Value::Number(0.0));
                }
                String::from_utf8_lossy(&line)
                    .trim_end_matches('\n')
                    .to_owned()
            }
        };
        match into {
            Some(target) => self.assign(target, Value::Given(line))?,
            None => self.set_record(line),
        }
        Ok(Value::Number(1.0))
    }

    fn call(&mut self, number: usize, arguments: &[Expr]) -> Ran<Value> {
        if self.locals.len() >= DEPTH_MAX {
            return Err(Halt::Wrong("function calls nested too deeply".to_owned()));
        }
        let program = self.program.clone();
        let function = &program.functions[number];
        let mut frame = Vec::new();
        for argument in arguments {
            let value = match argument {
                // What is not set yet may become an array inside.
                Expr::Variable(slot) => match self.slot(*slot) {
                    Value::Unset => Value::Unset,
                    value => value,
                },
                argument => self.value(argument)?,
            };
            frame.push(value);
        }
        frame.resize(function.parameters.max(frame.len()), Value::Unset);
        self.locals.push(frame);
        let result = self.statements(&function.body);
        let frame = self.locals.pop().unwrap_or_default();
        // An array that came to be inside is the caller's.
        for (argument, value) in arguments.iter().zip(frame) {
            if let (Expr::Variable(slot), Value::Array(array)) = (argument, value)
                && matches!(self.slot(*slot), Value::Unset)
            {
                self.set_slot(*slot, Value::Array(array));
            }
        }
        match result {
            Ok(()) => Ok(Value::Unset),
            Err(Halt::Return(value)) => Ok(value),
            Err(other) => Err(other),
        }
    }
}

fn arithmetic(operator: Operator, left: f64, right: f64) -> Ran<Value> {
    Ok(Value::Number(match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide | Operator::Remainder if right == 0.0 => {
            return Err(Halt::Wrong("division by zero".to_owned()));
        }
        Operator::Divide => left / right,
        Operator::Remainder => left % right,
        _ => left.powf(right),
    }))
}

fn binary(operator: Operator, left: &Value, right: &Value) -> Ran<Value> {
    use std::cmp::Ordering;
    let order = match operator {
        Operator::Less
        | Operator::LessEqual
        | Operator::Equal
        | Operator::NotEqual
        | Operator::Greater
        | Operator::GreaterEqual => match (left.numeric(), right.numeric()) {
            (Some(a), Some(b)) => a.partial_cmp(&b),
            _ => Some(left.text("%.6g").cmp(&right.text("%.6g"))),
        },
        _ => return arithmetic(operator, left.number(), right.number()),
    };
    let held = match operator {
        Operator::Less => order == Some(Ordering::Less),
        Operator::LessEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Operator::Equal => order == Some(Ordering::Equal),
        Operator::NotEqual => order != Some(Ordering::Equal),
        Operator::Greater => order == Some(Ordering::Greater),
        _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    };
    Ok(Value::Number(f64::from(held)))
}
