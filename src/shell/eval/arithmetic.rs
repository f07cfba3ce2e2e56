//! `$((…))`: whole numbers as C counts them.

use super::{Shell, Step};

/// How deep parentheses and variables of variables may lead.
const NESTED_MAX: usize = 40;

type Found = Result<i64, String>;

struct Calculation<'a> {
    shell: &'a mut Shell,
    text: Vec<char>,
    at: usize,
    /// More than none where what is read is not to happen.
    idle: usize,
    nested: usize,
}

impl Shell {
    pub(crate) async fn arithmetic(&mut self, text: &str) -> Step<i64> {
        let result = calculate(self, text, 0);
        match result {
            Ok(number) => Ok(number),
            Err(words) => {
                self.fail(&format!("arithmetic expression: {words}: \"{text}\""))
                    .await
            }
        }
    }
}

fn calculate(shell: &mut Shell, text: &str, nested: usize) -> Found {
    if text.trim().is_empty() {
        return Ok(0);
    }
    if nested > NESTED_MAX {
        return Err("nested too deeply".to_owned());
    }
    let mut calculation = Calculation {
        shell,
        text: text.chars().collect(),
        at: 0,
        idle: 0,
        nested,
    };
    let value = calculation.comma()?;
    calculation.blanks();
    if calculation.at < calculation.text.len() {
        return Err("expecting EOF".to_owned());
    }
    Ok(value)
}

/// Operators of two operands, by how tightly they bind.
const LEVELS: &[&[&str]] = &[
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

const ASSIGNS: &[&str] = &[
    "<<=", ">>=", "+=", "-=", "*=", "/=", "%=", "&=", "^=", "|=", "=",
];

impl Calculation<'_> {
    fn blanks(&mut self) {
        while self.text.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
    }

    fn sees(&self, text: &str) -> bool {
        text.chars()
            .enumerate()
            .all(|(ahead, c)| self.text.get(self.at + ahead) == Some(&c))
    }

    fn take(&mut self, text: &str) -> bool {
        self.blanks();
        let found = self.sees(text);
        if found {
            self.at += text.chars().count();
        }
        found
    }

    fn comma(&mut self) -> Found {
        let mut value = self.assignment()?;
        while self.take(",") {
            value = self.assignment()?;
        }
        Ok(value)
    }

    fn name(&mut self) -> Option<String> {
        self.blanks();
        let start = self.at;
        let mut end = start;
        while let Some(c) = self.text.get(end) {
            let first = end == start;
            if *c == '_' || c.is_ascii_alphabetic() || (!first && c.is_ascii_digit()) {
                end += 1;
            } else {
                break;
            }
        }
        if end == start {
            return None;
        }
        self.at = end;
        Some(self.text[start..end].iter().collect())
    }

    fn assignment(&mut self) -> Found {
        self.nested += 1;
        if self.nested > NESTED_MAX * 2 {
            return Err("nested too deeply".to_owned());
        }
        let start = self.at;
        let value = match self.name() {
            Some(name) => {
                self.blanks();
                let operator = ASSIGNS
                    .iter()
                    .find(|operator| self.sees(operator) && !self.sees("=="));
                match operator {
                    Some(operator) => {
                        self.take(operator);
                        let right = self.assignment()?;
                        let value = if *operator == "=" {
                            right
                        } else {
                            let left = self.variable(&name)?;
                            self.apply(&operator[..operator.len() - 1], left, right)?
                        };
                        self.set(&name, value)?;
                        Ok(value)
                    }
                    None => {
                        self.at = start;
                        self.choice()
                    }
                }
            }
            None => self.choice(),
        };
        self.nested -= 1;
        value
    }

    fn choice(&mut self) -> Found {
        let condition = self.level(0)?;
        if !self.take("?") {
            return Ok(condition);
        }
        self.idle += usize::from(condition == 0);
        let first = self.assignment()?;
        self.idle -= usize::from(condition == 0);
        if !self.take(":") {
            return Err("expecting ':'".to_owned());
        }
        self.idle += usize::from(condition != 0);
        let second = self.assignment()?;
        self.idle -= usize::from(condition != 0);
        Ok(if condition != 0 { first } else { second })
    }

    fn operator(&mut self, level: usize) -> Option<&'static str> {
        self.blanks();
        let found = LEVELS[level].iter().copied().find(|op| self.sees(op))?;
        let after = self.text.get(self.at + found.len()).copied();
        let longer = match found {
            "|" => after == Some('|'),
            "&" => after == Some('&'),
            "<" | ">" => after == found.chars().next(),
            _ => false,
        };
        let assigns =
            after == Some('=') && !matches!(found, "==" | "!=" | "<=" | ">=" | "||" | "&&");
        if longer || (assigns && !matches!(found, "<" | ">")) {
            return None;
        }
        self.at += found.len();
        Some(found)
    }

    fn level(&mut self, level: usize) -> Found {
        if level == LEVELS.len() {
            return self.unary();
        }
        let mut left = self.level(level + 1)?;
        while let Some(operator) = self.operator(level) {
            let idle = match operator {
                "&&" => left == 0,
                "||" => left != 0,
                _ => false,
            };
            self.idle += usize::from(idle);
            let right = self.level(level + 1)?;
            self.idle -= usize::from(idle);
            left = self.apply(operator, left, right)?;
        }
        Ok(left)
    }

    fn apply(&self, operator: &str, left: i64, right: i64) -> Found {
        let truth = |held: bool| Ok(i64::from(held));
        match operator {
            "||" => truth(left != 0 || right != 0),
            "&&" => truth(left != 0 && right != 0),
            "|" => Ok(left | right),
            "^" => Ok(left ^ right),
            "&" => Ok(left & right),
            "==" => truth(left == right),
            "!=" => truth(left != right),
            "<=" => truth(left <= right),
            ">=" => truth(left >= right),
            "<" => truth(left < right),
            ">" => truth(left > right),
            "<<" => Ok(left.wrapping_shl(right as u32)),
            ">>" => Ok(left.wrapping_shr(right as u32)),
            "+" => Ok(left.wrapping_add(right)),
            "-" => Ok(left.wrapping_sub(right)),
            "*" => Ok(left.wrapping_mul(right)),
            _ if right == 0 && self.idle > 0 => Ok(0),
            _ if right == 0 => Err("division by zero".to_owned()),
            "/" => Ok(left.wrapping_div(right)),
            _ => Ok(left.wrapping_rem(right)),
        }
    }

    fn unary(&mut self) -> Found {
        self.nested += 1;
        if self.nested > NESTED_MAX * 2 {
            return Err("nested too deeply".to_owned());
        }
        self.blanks();
        let value = if self.sees("++") || self.sees("--") {
            let step = if self.sees("++") { 1 } else { -1 };
            self.at += 2;
            let Some(name) = self.name() else {
                return Err("expecting primary".to_owned());
            };
            let value = self.variable(&name)?.wrapping_add(step);
            self.set(&name, value)?;
            value
        } else if self.take("!") {
            i64::from(self.unary()? == 0)
        } else if self.take("~") {
            !self.unary()?
        } else if self.take("-") {
            self.unary()?.wrapping_neg()
        } else if self.take("+") {
            self.unary()?
        } else {
            self.power()?
        };
        self.nested -= 1;
        Ok(value)
    }

    fn power(&mut self) -> Found {
        let base = self.primary()?;
        if !self.take("**") {
            return Ok(base);
        }
        let exponent = self.unary()?;
        if exponent < 0 {
            return Err("exponent less than 0".to_owned());
        }
        Ok(base.wrapping_pow(exponent as u32))
    }

    fn primary(&mut self) -> Found {
        if self.take("(") {
            let value = self.comma()?;
            if !self.take(")") {
                return Err("expecting ')'".to_owned());
            }
            return Ok(value);
        }
        if let Some(name) = self.name() {
            let value = self.variable(&name)?;
            for (text, step) in [("++", 1), ("--", -1)] {
                if self.take(text) {
                    self.set(&name, value.wrapping_add(step))?;
                    return Ok(value);
                }
            }
            return Ok(value);
        }
        self.blanks();
        let start = self.at;
        while self
            .text
            .get(self.at)
            .is_some_and(|c| c.is_ascii_alphanumeric() || *c == '#')
        {
            self.at += 1;
        }
        let digits: String = self.text[start..self.at].iter().collect();
        number(&digits).ok_or_else(|| "expecting primary".to_owned())
    }

    fn variable(&mut self, name: &str) -> Found {
        let value = self.shell.parameter_value(name);
        let Some(value) = value else {
            if self.shell.options.nounset && self.idle == 0 {
                return Err(format!("{name}: parameter not set"));
            }
            return Ok(0);
        };
        let value = value.trim();
        if let Some(number) = signed(value) {
            return Ok(number);
        }
        calculate(self.shell, value, self.nested + 1)
    }

    fn set(&mut self, name: &str, value: i64) -> Result<(), String> {
        if self.idle == 0 && !self.shell.assign(name, value.to_string()) {
            return Err(format!("{name}: is read only"));
        }
        Ok(())
    }
}

fn signed(text: &str) -> Option<i64> {
    match text.strip_prefix('-') {
        Some(rest) => number(rest).map(i64::wrapping_neg),
        None => number(text),
    }
}

/// A number as C writes it, or `base#digits`.
fn number(text: &str) -> Option<i64> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return i64::from_str_radix(digits, 16).ok();
    }
    if let Some((base, digits)) = text.split_once('#') {
        let base = base.parse().ok().filter(|base| (2..=36).contains(base))?;
        return i64::from_str_radix(digits, base).ok();
    }
    if text.len() > 1 && text.starts_with('0') {
        return i64::from_str_radix(text, 8).ok();
    }
    text.parse().ok()
}
