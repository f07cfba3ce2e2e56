//! Functions of the language.

use regex::bytes::Regex;

use super::run::{Halt, Machine, Ran};
use super::syntax::Expr;
use super::value::Value;
use crate::shell::tools::format::shape;

impl Machine {
    /// A pattern: one of the program, or a text that is one.
    pub(super) fn regex(&mut self, expr: &Expr) -> Ran<Regex> {
        if let Expr::Regex(number) = expr {
            return Ok(self.program.regexes[*number].clone());
        }
        let text = self.value(expr)?.text("%.6g");
        self.compiled(&text)
    }

    fn compiled(&mut self, text: &str) -> Ran<Regex> {
        if let Some(regex) = self.regexes.get(text) {
            return Ok(regex.clone());
        }
        let regex = crate::shell::tools::regular(text, true, false)
            .map_err(|_| Halt::Wrong(format!("bad regular expression {text}")))?;
        if self.regexes.len() < 500 {
            self.regexes.insert(text.to_owned(), regex.clone());
        }
        Ok(regex)
    }

    pub(super) fn split(&mut self, text: &str, separator: &str, paragraph: bool) -> Vec<String> {
        let owned = |parts: std::str::Split<'_, char>| parts.map(str::to_owned).collect();
        if text.is_empty() {
            return Vec::new();
        }
        let mut one = separator.chars();
        match (one.next(), one.next()) {
            (Some(' '), None) => text.split_whitespace().map(str::to_owned).collect(),
            (None, _) => text.chars().map(String::from).collect(),
            (Some(c), None) if paragraph => text.split([c, '\n']).map(str::to_owned).collect(),
            (Some(c), None) if c != '\\' => owned(text.split(c)),
            _ => match self.compiled(separator) {
                Ok(regex) => regex
                    .split(text.as_bytes())
                    .map(|part| String::from_utf8_lossy(part).into_owned())
                    .collect(),
                Err(_) => vec![text.to_owned()],
            },
        }
    }

    fn text(&mut self, arguments: &[Expr], at: usize) -> Ran<String> {
        match arguments.get(at) {
            Some(argument) => Ok(self.value(argument)?.text("%.6g")),
            None => Ok(String::new()),
        }
    }

    fn number(&mut self, arguments: &[Expr], at: usize) -> Ran<f64> {
        match arguments.get(at) {
            Some(argument) => Ok(self.value(argument)?.number()),
            None => Ok(0.0),
        }
    }

    pub(super) fn builtin(&mut self, name: &str, arguments: &[Expr]) -> Ran<Value> {
        let number = match name {
            "length" => return self.length(arguments),
            "substr" => return self.substr(arguments),
            "split" => return self.split_into(arguments),
            "sub" | "gsub" => return self.substitute(name == "gsub", arguments),
            "gensub" => return self.gensub(arguments),
            "match" => return self.find(arguments),
            "sprintf" => return Ok(Value::Text(self.formatted(arguments)?)),
            "tolower" => return Ok(Value::Text(self.text(arguments, 0)?.to_lowercase())),
            "toupper" => return Ok(Value::Text(self.text(arguments, 0)?.to_uppercase())),
            "strftime" => return self.strftime(arguments),
            "index" => {
                let (text, part) = (self.text(arguments, 0)?, self.text(arguments, 1)?);
                text.find(&part)
                    .map_or(0, |at| text[..at].chars().count() + 1) as f64
            }
            "sin" => self.number(arguments, 0)?.sin(),
            "cos" => self.number(arguments, 0)?.cos(),
            "atan2" => self.number(arguments, 0)?.atan2(self.number(arguments, 1)?),
            "exp" => self.number(arguments, 0)?.exp(),
            "log" => self.number(arguments, 0)?.ln(),
            "sqrt" => self.number(arguments, 0)?.sqrt(),
            "int" => self.number(arguments, 0)?.trunc(),
            "rand" => self.chance.below(1 << 53) as f64 / (1u64 << 53) as f64,
            "srand" => {
                let seed = self.number(arguments, 0)? as u64;
                self.chance = std::sync::Arc::new(crate::sim::Entropy::seeded(seed));
                0.0
            }
            "systime" => self.proc.machine.clock.now().as_second() as f64,
            "close" => {
                let path = self.text(arguments, 0)?;
                f64::from(self.close(&path)) - 1.0
            }
            "fflush" => 0.0,
            "and" => (self.number(arguments, 0)? as i64 & self.number(arguments, 1)? as i64) as f64,
            "or" => (self.number(arguments, 0)? as i64 | self.number(arguments, 1)? as i64) as f64,
            "xor" => (self.number(arguments, 0)? as i64 ^ self.number(arguments, 1)? as i64) as f64,
            "lshift" => {
                let by = self.number(arguments, 1)? as u32;
                (self.number(arguments, 0)? as i64).wrapping_shl(by) as f64
            }
            "rshift" => {
                let by = self.number(arguments, 1)? as u32;
                (self.number(arguments, 0)? as i64).wrapping_shr(by) as f64
            }
            "system" => {
                let command = self.text(arguments, 0)?;
                let before = std::mem::take(&mut self.out);
                self.pipes.entry(command).or_default();
                self.out = before;
                0.0
            }
            other => return Err(Halt::Wrong(format!("calling undefined function {other}"))),
        };
        Ok(Value::Number(number))
    }

    fn length(&mut self, arguments: &[Expr]) -> Ran<Value> {
        let count = match arguments.first() {
            None => self.whole().chars().count(),
            Some(Expr::Variable(slot)) => match self.value(&arguments[0])? {
                Value::Array(_) => self.array(*slot)?.lock().len(),
                value => value.text("%.6g").chars().count(),
            },
            Some(argument) => self.value(argument)?.text("%.6g").chars().count(),
        };
        Ok(Value::Number(count as f64))
    }

    fn substr(&mut self, arguments: &[Expr]) -> Ran<Value> {
        let text = self.text(arguments, 0)?;
        let start = self.number(arguments, 1)?.round();
        let end = if arguments.len() > 2 {
            start + self.number(arguments, 2)?.round()
        } else {
            f64::INFINITY
        };
        let out = text
            .chars()
            .enumerate()
            .filter(|(at, _)| {
                let place = (*at + 1) as f64;
                place >= start && place < end
            })
            .map(|(_, c)| c)
            .collect();
        Ok(Value::Text(out))
    }

    fn split_into(&mut self, arguments: &[Expr]) -> Ran<Value> {
        let text = self.text(arguments, 0)?;
        let Some(Expr::Variable(slot)) = arguments.get(1) else {
            return Err(Halt::Wrong("split needs an array".to_owned()));
        };
        let parts = match arguments.get(2) {
            Some(Expr::Regex(number)) if text.is_empty() => {
                let _ = number;
                Vec::new()
            }
            Some(Expr::Regex(number)) => self.program.regexes[*number]
                .split(text.as_bytes())
                .map(|part| String::from_utf8_lossy(part).into_owned())
                .collect(),
            separator => {
                let separator = match separator {
                    Some(separator) => self.value(separator)?.text("%.6g"),
                    None => self.named("FS"),
                };
                self.split(&text, &separator, false)
            }
        };
        let array = self.array(*slot)?;
        let mut array = array.lock();
        array.clear();
        let count = parts.len();
        for (at, part) in parts.into_iter().enumerate() {
            array.insert((at + 1).to_string(), Value::Given(part));
        }
        Ok(Value::Number(count as f64))
    }

    fn find(&mut self, arguments: &[Expr]) -> Ran<Value> {
        let text = self.text(arguments, 0)?;
        let Some(pattern) = arguments.get(1) else {
            return Err(Halt::Wrong("match needs a pattern".to_owned()));
        };
        let regex = self.regex(pattern)?;
        let found = regex.captures(text.as_bytes());
        let (start, length) = match found.as_ref().and_then(|found| found.get(0)) {
            Some(whole) => {
                let start = String::from_utf8_lossy(&text.as_bytes()[..whole.start()]);
                let inside = String::from_utf8_lossy(whole.as_bytes());
                (
                    (start.chars().count() + 1) as f64,
                    inside.chars().count() as f64,
                )
            }
            None => (0.0, -1.0),
        };
        if let (Some(Expr::Variable(slot)), Some(found)) = (arguments.get(2), &found) {
            let array = self.array(*slot)?;
            let mut array = array.lock();
            array.clear();
            for (at, group) in found.iter().enumerate() {
                let group = group.map_or(&b""[..], |group| group.as_bytes());
                let group = String::from_utf8_lossy(group).into_owned();
                array.insert(at.to_string(), Value::Given(group));
            }
        }
        self.set_number("RSTART", start);
        self.set_number("RLENGTH", length);
        Ok(Value::Number(start))
    }

    fn substitute(&mut self, all: bool, arguments: &[Expr]) -> Ran<Value> {
        let Some(pattern) = arguments.first() else {
            return Err(Halt::Wrong("sub needs a pattern".to_owned()));
        };
        let regex = self.regex(pattern)?;
        let with = self.text(arguments, 1)?;
        let whole = Expr::Field(Box::new(Expr::Number(0.0)));
        let target = arguments.get(2).unwrap_or(&whole);
        let text = self.value(target)?.text("%.6g");
        let mut out = Vec::new();
        let mut end = 0;
        let mut count = 0;
        for found in regex.find_iter(text.as_bytes()) {
            count += 1;
            out.extend_from_slice(&text.as_bytes()[end..found.start()]);
            let mut chars = with.chars().peekable();
            let mut letter = [0; 4];
            while let Some(c) = chars.next() {
                match c {
                    '\\' if matches!(chars.peek(), Some('&' | '\\')) => {
                        let c = chars.next().unwrap_or('&');
                        out.extend_from_slice(c.encode_utf8(&mut letter).as_bytes());
                    }
                    '&' => out.extend_from_slice(found.as_bytes()),
                    c => out.extend_from_slice(c.encode_utf8(&mut letter).as_bytes()),
                }
            }
            end = found.end();
            if !all {
                break;
            }
        }
        if count > 0 {
            out.extend_from_slice(&text.as_bytes()[end..]);
            let text = String::from_utf8_lossy(&out).into_owned();
            self.assign(target, Value::Text(text))?;
        }
        Ok(Value::Number(f64::from(count)))
    }

    fn gensub(&mut self, arguments: &[Expr]) -> Ran<Value> {
        let Some(pattern) = arguments.first() else {
            return Err(Halt::Wrong("gensub needs a pattern".to_owned()));
        };
        let regex = self.regex(pattern)?;
        let with = self.text(arguments, 1)?;
        let how = self.text(arguments, 2)?;
        let text = if arguments.len() > 3 {
            self.text(arguments, 3)?
        } else {
            self.whole()
        };
        let all = how.starts_with(['g', 'G']);
        let place: usize = how.parse().unwrap_or(1);
        let mut out = Vec::new();
        let mut end = 0;
        for (at, found) in regex.captures_iter(text.as_bytes()).enumerate() {
            let Some(whole) = found.get(0) else { continue };
            if !all && at + 1 != place {
                continue;
            }
            out.extend_from_slice(&text.as_bytes()[end..whole.start()]);
            let mut chars = with.chars();
            let mut letter = [0; 4];
            while let Some(c) = chars.next() {
                let group = match c {
                    '&' => Some(0),
                    '\\' => match chars.next() {
                        Some(c) if c.is_ascii_digit() => Some(c.to_digit(10).unwrap_or(0)),
                        Some(c) => {
                            out.extend_from_slice(c.encode_utf8(&mut letter).as_bytes());
                            continue;
                        }
                        None => continue,
                    },
                    _ => None,
                };
                match group {
                    Some(group) => {
                        let text = found.get(group as usize);
                        out.extend_from_slice(text.map_or(&b""[..], |text| text.as_bytes()));
                    }
                    None => out.extend_from_slice(c.encode_utf8(&mut letter).as_bytes()),
                }
            }
            end = whole.end();
        }
        out.extend_from_slice(&text.as_bytes()[end..]);
        Ok(Value::Text(String::from_utf8_lossy(&out).into_owned()))
    }

    fn strftime(&mut self, arguments: &[Expr]) -> Ran<Value> {
        let format = if arguments.is_empty() {
            "%a %b %e %H:%M:%S %Z %Y".to_owned()
        } else {
            self.text(arguments, 0)?
        };
        let time = if arguments.len() > 1 {
            let seconds = self.number(arguments, 1)? as i64;
            jiff::Timestamp::from_second(seconds).unwrap_or_default()
        } else {
            self.proc.machine.clock.now()
        };
        let zoned = time.to_zoned(jiff::tz::TimeZone::UTC);
        let text = jiff::fmt::strtime::format(&format, &zoned).unwrap_or_default();
        Ok(Value::Text(text))
    }

    pub(super) fn formatted(&mut self, arguments: &[Expr]) -> Ran<String> {
        let format: Vec<char> = self.text(arguments, 0)?.chars().collect();
        let mut values = Vec::new();
        for argument in arguments.iter().skip(1) {
            values.push(self.value(argument)?);
        }
        let mut values = values.into_iter();
        let mut out = String::new();
        let mut at = 0;
        while at < format.len() {
            let c = format[at];
            at += 1;
            if c != '%' {
                out.push(c);
                continue;
            }
            let shape = shape(&format, &mut at, &mut || {
                values.next().map_or(0, |value| value.number() as i64)
            });
            let conversion = format.get(at).copied().unwrap_or('%');
            at += 1;
            if conversion == '%' {
                out.push('%');
                continue;
            }
            let value = values.next().unwrap_or_default();
            let text = match conversion {
                'd' | 'i' | 'x' | 'X' | 'o' | 'u' => {
                    shape.integer(value.number().trunc() as i64, conversion)
                }
                'f' | 'F' | 'e' | 'E' | 'g' | 'G' => shape.float(value.number(), conversion),
                'c' => match value {
                    Value::Number(number) => {
                        let c = char::from_u32(number as u32).unwrap_or('\u{fffd}');
                        shape.text(&c.to_string())
                    }
                    value => shape.text(&value.text("%.6g").chars().take(1).collect::<String>()),
                },
                's' => shape.text(&value.text("%.6g")),
                other => format!("%{other}"),
            };
            out.push_str(&text);
        }
        Ok(out)
    }
}
