//! Runs a program, record by record.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::syntax::{Expr, Pattern, Program, Slot, Statement, Target};
use super::value::{Array, Value};
use crate::shell::exec::Proc;
use crate::shell::fs::Mode;

/// How many statements a record may run.
const STEPS_MAX: u64 = 20_000_000;
const OUTPUT_MAX: usize = 128 << 20;

/// The variables that mean something, in the order of their slots.
pub(super) const NAMED: &[&str] = &[
    "NF", "NR", "FNR", "FS", "OFS", "ORS", "RS", "FILENAME", "SUBSEP", "RSTART", "RLENGTH", "OFMT",
    "CONVFMT", "ENVIRON", "ARGC", "ARGV",
];

#[derive(Debug)]
pub(super) enum Halt {
    Next,
    NextFile,
    Exit(i32),
    Return(Value),
    Break,
    Continue,
    Wrong(String),
}

pub(super) type Ran<T = ()> = Result<T, Halt>;

pub(super) struct Machine {
    pub(super) program: Arc<Program>,
    pub(super) globals: Vec<Value>,
    pub(super) locals: Vec<Vec<Value>>,
    /// The record and its fields; the fields are split when one is asked for.
    record: String,
    fields: Option<Vec<String>>,
    stale: bool,
    inside: Vec<bool>,
    pub(super) out: Vec<u8>,
    pub(super) pipes: BTreeMap<String, Vec<u8>>,
    pub(super) failed: bool,
    pub(super) proc: Proc,
    pub(super) files: BTreeMap<String, Arc<crate::shell::fs::OpenFile>>,
    steps: u64,
    pub(super) waiting: Vec<String>,
    pub(super) chance: Arc<crate::sim::Entropy>,
    pub(super) regexes: BTreeMap<String, regex::bytes::Regex>,
}

pub(super) fn place(name: &str) -> usize {
    NAMED.iter().position(|known| *known == name).unwrap_or(0)
}

impl Machine {
    pub(super) fn new(program: Program, proc: &Proc, operands: &[String]) -> Self {
        let mut machine = Self {
            globals: vec![Value::Unset; program.globals.len()],
            inside: vec![false; program.rules.len()],
            program: Arc::new(program),
            locals: Vec::new(),
            record: String::new(),
            fields: Some(Vec::new()),
            stale: false,
            out: Vec::new(),
            pipes: BTreeMap::new(),
            failed: false,
            proc: proc.clone(),
            files: BTreeMap::new(),
            steps: 0,
            waiting: Vec::new(),
            chance: Arc::new(crate::sim::Entropy::seeded(0)),
            regexes: BTreeMap::new(),
        };
        for (name, value) in [
            ("FS", " "),
            ("OFS", " "),
            ("ORS", "\n"),
            ("RS", "\n"),
            ("SUBSEP", "\u{1c}"),
            ("OFMT", "%.6g"),
            ("CONVFMT", "%.6g"),
        ] {
            machine.globals[place(name)] = Value::Text(value.to_owned());
        }
        for name in ["NF", "NR", "FNR"] {
            machine.globals[place(name)] = Value::Number(0.0);
        }
        let array = |pairs: Vec<(String, String)>| {
            let map = pairs
                .into_iter()
                .map(|(key, text)| (key, Value::Given(text)));
            Value::Array(Arc::new(parking_lot::Mutex::new(map.collect())))
        };
        let env = proc
            .env
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()));
        machine.globals[place("ENVIRON")] = array(env.collect());
        let args = operands
            .iter()
            .enumerate()
            .map(|(at, arg)| (at.to_string(), arg.clone()));
        machine.globals[place("ARGV")] = array(args.collect());
        machine.globals[place("ARGC")] = Value::Number(operands.len() as f64);
        machine
    }

    pub(super) fn set_named(&mut self, name: &str, value: &str) {
        if let Some(at) = self.program.globals.iter().position(|known| known == name) {
            self.globals[at] = Value::Given(value.to_owned());
        }
    }

    pub(super) fn named(&self, name: &str) -> String {
        self.globals[place(name)].text("%.6g")
    }

    pub(super) fn set_number(&mut self, name: &str, number: f64) {
        self.globals[place(name)] = Value::Number(number);
    }

    /// Whether there is something to do with input.
    pub(super) fn reads(&self) -> bool {
        self.program
            .rules
            .iter()
            .any(|(pattern, _)| !matches!(pattern, Pattern::Begin))
    }

    /// Whether all of a file has to be there at once.
    pub(super) fn looks_ahead(&self) -> bool {
        self.program.getline || self.named("RS") != "\n"
    }

    pub(super) fn ahead(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text).into_owned();
        let separator = self.named("RS");
        let mut records: Vec<String> = match separator.as_str() {
            "" => text
                .trim_matches('\n')
                .split("\n\n")
                .map(|part| part.trim_matches('\n').to_owned())
                .filter(|part| !part.is_empty())
                .collect(),
            one if one.chars().count() == 1 => text.split(one).map(str::to_owned).collect(),
            many => match crate::shell::tools::regular(many, true, false) {
                Ok(regex) => regex
                    .split(text.as_bytes())
                    .map(|part| String::from_utf8_lossy(part).into_owned())
                    .collect(),
                Err(_) => vec![text.clone()],
            },
        };
        if let Some(last) = records.last_mut() {
            if separator != "\n" && !separator.is_empty() {
                last.truncate(last.trim_end_matches('\n').len());
            }
            if last.is_empty() {
                records.pop();
            }
        }
        records.reverse();
        self.waiting = records;
    }

    pub(super) fn next_ahead(&mut self) -> Option<String> {
        self.waiting.pop()
    }

    pub(super) fn begin(&mut self) -> Ran {
        self.marked(&|pattern| matches!(pattern, Pattern::Begin))
    }

    pub(super) fn end(&mut self) -> Ran {
        self.marked(&|pattern| matches!(pattern, Pattern::End))
    }

    fn marked(&mut self, wanted: &dyn Fn(&Pattern) -> bool) -> Ran {
        self.steps = 0;
        let program = self.program.clone();
        for (pattern, body) in &program.rules {
            if wanted(pattern)
                && let Some(body) = body
            {
                self.statements(body)?;
            }
        }
        Ok(())
    }

    pub(super) fn set_record(&mut self, text: String) {
        self.record = text;
        self.fields = None;
        self.stale = false;
    }

    pub(super) fn count_record(&mut self) {
        for name in ["NR", "FNR"] {
            let number = self.globals[place(name)].number() + 1.0;
            self.set_number(name, number);
        }
    }

    pub(super) fn record(&mut self, text: String) -> Ran {
        self.steps = 0;
        self.set_record(text);
        self.count_record();
        let program = self.program.clone();
        for (at, (pattern, body)) in program.rules.iter().enumerate() {
            let chosen = match pattern {
                Pattern::Begin | Pattern::End => false,
                Pattern::Always => true,
                Pattern::When(condition) => self.value(condition)?.holds(),
                Pattern::Range(first, last) => {
                    let inside = self.inside[at] || self.value(first)?.holds();
                    if inside {
                        self.inside[at] = !self.value(last)?.holds();
                    }
                    inside
                }
            };
            if !chosen {
                continue;
            }
            match body {
                Some(body) => self.statements(body)?,
                None => {
                    let line = self.whole() + &self.named("ORS");
                    self.write(line.as_bytes(), None)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn statements(&mut self, body: &[Statement]) -> Ran {
        for statement in body {
            self.statement(statement)?;
        }
        Ok(())
    }

    fn step(&mut self) -> Ran {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return Err(Halt::Wrong("too many steps".to_owned()));
        }
        Ok(())
    }

    /// One turn of a loop; whether it goes on.
    fn turn(&mut self, body: &Statement) -> Ran<bool> {
        self.step()?;
        match self.statement(body) {
            Ok(()) | Err(Halt::Continue) => Ok(true),
            Err(Halt::Break) => Ok(false),
            Err(other) => Err(other),
        }
    }

    fn statement(&mut self, statement: &Statement) -> Ran {
        self.step()?;
        match statement {
            Statement::Nothing => {}
            Statement::Expr(expr) => {
                self.value(expr)?;
            }
            Statement::Block(body) => self.statements(body)?,
            Statement::Print(values, target) => {
                let mut line = String::new();
                if values.is_empty() {
                    line = self.whole();
                }
                let (format, separator) = (self.named("OFMT"), self.named("OFS"));
                for (at, value) in values.iter().enumerate() {
                    if at > 0 {
                        line.push_str(&separator);
                    }
                    line.push_str(&self.value(value)?.text(&format));
                }
                line.push_str(&self.named("ORS"));
                self.write(line.as_bytes(), target.as_ref())?;
            }
            Statement::Printf(values, target) => {
                let text = self.formatted(values)?;
                self.write(text.as_bytes(), target.as_ref())?;
            }
            Statement::If(condition, then, otherwise) => {
                if self.value(condition)?.holds() {
                    self.statement(then)?;
                } else if let Some(otherwise) = otherwise {
                    self.statement(otherwise)?;
                }
            }
            Statement::While(condition, body) => {
                while self.value(condition)?.holds() && self.turn(body)? {}
            }
            Statement::Do(body, condition) => {
                while self.turn(body)? && self.value(condition)?.holds() {}
            }
            Statement::For(first, condition, step, body) => {
                if let Some(first) = first {
                    self.statement(first)?;
                }
                loop {
                    if let Some(condition) = condition
                        && !self.value(condition)?.holds()
                    {
                        break;
                    }
                    if !self.turn(body)? {
                        break;
                    }
                    if let Some(step) = step {
                        self.statement(step)?;
                    }
                }
            }
            Statement::ForIn(key, array, body) => {
                let mut keys: Vec<String> = self.array(*array)?.lock().keys().cloned().collect();
                // Numbers in their order, then texts.
                keys.sort_by(|a, b| match (a.parse::<f64>(), b.parse::<f64>()) {
                    (Ok(a), Ok(b)) => a.total_cmp(&b),
                    (a, b) => b.is_ok().cmp(&a.is_ok()),
                });
                for name in keys {
                    self.set_slot(*key, Value::Given(name));
                    if !self.turn(body)? {
                        break;
                    }
                }
            }
            Statement::Next => return Err(Halt::Next),
            Statement::NextFile => return Err(Halt::NextFile),
            Statement::Break => return Err(Halt::Break),
            Statement::Continue => return Err(Halt::Continue),
            Statement::Exit(code) => {
                let code = match code {
                    Some(code) => self.value(code)?.number() as i32,
                    None => 0,
                };
                return Err(Halt::Exit(code));
            }
            Statement::Return(value) => {
                let value = match value {
                    Some(value) => self.value(value)?,
                    None => Value::Unset,
                };
                return Err(Halt::Return(value));
            }
            Statement::Delete(array, index) => {
                let array = self.array(*array)?;
                match index {
                    Some(index) => {
                        let key = self.key(index)?;
                        array.lock().remove(&key);
                    }
                    None => array.lock().clear(),
                }
            }
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8], target: Option<&Target>) -> Ran {
        let Some(target) = target else {
            self.out.extend_from_slice(bytes);
            if self.out.len() > OUTPUT_MAX {
                return Err(Halt::Wrong("too much output at once".to_owned()));
            }
            return Ok(());
        };
        let (expr, append) = match target {
            Target::File(expr) => (expr, false),
            Target::Append(expr) => (expr, true),
            Target::Pipe(expr) => {
                let command = self.value(expr)?.text("%.6g");
                let pipe = self.pipes.entry(command).or_default();
                pipe.extend_from_slice(bytes);
                return Ok(());
            }
        };
        let path = self.value(expr)?.text("%.6g");
        if path == "/dev/stdout" || path == "-" {
            self.out.extend_from_slice(bytes);
            return Ok(());
        }
        if path == "/dev/stderr" {
            self.pipes
                .entry("cat 1>&2".to_owned())
                .or_default()
                .extend_from_slice(bytes);
            return Ok(());
        }
        if !self.files.contains_key(&path) {
            let machine = &self.proc.machine;
            let mode = Mode {
                write: true,
                create: true,
                append,
                truncate: !append,
                bits: 0o666 & !self.proc.umask,
                ..Mode::default()
            };
            let opened = machine.fs.open(&self.proc.path(&path), mode, &machine.who);
            let file = opened.map_err(|errno| {
                Halt::Wrong(format!("cannot open \"{path}\" for output ({errno})"))
            })?;
            self.files.insert(path.clone(), file);
        }
        if let Some(file) = self.files.get(&path)
            && let Err(errno) = file.write(bytes)
        {
            return Err(Halt::Wrong(format!("write failure ({errno})")));
        }
        Ok(())
    }

    pub(super) fn close(&mut self, path: &str) -> bool {
        self.files.remove(path).is_some()
    }

    pub(super) fn whole(&mut self) -> String {
        if self.stale {
            let separator = self.named("OFS");
            self.record = self.fields.clone().unwrap_or_default().join(&separator);
            self.stale = false;
        }
        self.record.clone()
    }

    pub(super) fn parts(&mut self) -> &mut Vec<String> {
        if self.fields.is_none() {
            let separator = self.named("FS");
            let paragraph = self.named("RS").is_empty();
            let record = self.record.clone();
            let fields = self.split(&record, &separator, paragraph);
            self.set_number("NF", fields.len() as f64);
            self.fields = Some(fields);
        }
        self.fields.get_or_insert_default()
    }

    /// Brings the fields to the number that NF was set to.
    fn fit(&mut self) {
        let count = self.globals[place("NF")].number().clamp(0.0, 1e6) as usize;
        if self
            .fields
            .as_ref()
            .is_some_and(|fields| fields.len() != count)
        {
            self.parts().resize(count, String::new());
            self.stale = true;
        }
    }

    pub(super) fn field(&mut self, number: usize) -> Value {
        if number == 0 {
            return Value::Given(self.whole());
        }
        let found = self.parts().get(number - 1).cloned();
        found.map_or(Value::Unset, Value::Given)
    }

    pub(super) fn set_field(&mut self, number: usize, text: String) -> Ran {
        if number == 0 {
            self.set_record(text);
            return Ok(());
        }
        if number > 1_000_000 {
            return Err(Halt::Wrong(format!(
                "trying to access out of range field {number}"
            )));
        }
        let parts = self.parts();
        if parts.len() < number {
            parts.resize(number, String::new());
        }
        parts[number - 1] = text;
        let count = parts.len() as f64;
        self.set_number("NF", count);
        self.stale = true;
        Ok(())
    }

    pub(super) fn slot(&self, slot: Slot) -> Value {
        match slot {
            Slot::Global(at) => self.globals.get(at).cloned().unwrap_or_default(),
            Slot::Local(at) => {
                let frame = self.locals.last();
                frame
                    .and_then(|frame| frame.get(at))
                    .cloned()
                    .unwrap_or_default()
            }
        }
    }

    pub(super) fn set_slot(&mut self, slot: Slot, value: Value) {
        match slot {
            Slot::Global(at) => {
                if at == place("NF") {
                    self.parts();
                }
                self.globals[at] = value;
                if at == place("NF") {
                    self.fit();
                }
            }
            Slot::Local(at) => {
                if let Some(own) = self.locals.last_mut().and_then(|frame| frame.get_mut(at)) {
                    *own = value;
                }
            }
        }
    }

    pub(super) fn array(&mut self, slot: Slot) -> Ran<Array> {
        match self.slot(slot) {
            Value::Array(array) => Ok(array),
            Value::Unset => {
                let array = Array::default();
                self.set_slot(slot, Value::Array(array.clone()));
                Ok(array)
            }
            _ => Err(Halt::Wrong(
                "attempt to use a scalar as an array".to_owned(),
            )),
        }
    }

    pub(super) fn key(&mut self, index: &[Expr]) -> Ran<String> {
        let mut parts = Vec::new();
        for part in index {
            parts.push(self.value(part)?.text("%.6g"));
        }
        Ok(parts.join(&self.named("SUBSEP")))
    }

    pub(super) fn assign(&mut self, target: &Expr, value: Value) -> Ran {
        match target {
            Expr::Variable(slot) => self.set_slot(*slot, value),
            Expr::Element(slot, index) => {
                let key = self.key(index)?;
                self.array(*slot)?.lock().insert(key, value);
            }
            Expr::Field(number) => {
                let number = self.value(number)?.number() as usize;
                let text = value.text("%.6g");
                self.set_field(number, text)?;
            }
            _ => {}
        }
        Ok(())
    }
}
