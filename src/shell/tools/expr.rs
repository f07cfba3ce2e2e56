//! `expr`.

use crate::shell::exec::{Outcome, Proc};

struct Reader {
    words: Vec<String>,
    at: usize,
}

type Found = Result<String, String>;

const LEVELS: &[&[&str]] = &[
    &["|"],
    &["&"],
    &["<", "<=", "=", "==", "!=", ">=", ">"],
    &["+", "-"],
    &["*", "/", "%"],
    &[":"],
];

pub(super) async fn expr(proc: &mut Proc) -> Outcome {
    let mut reader = Reader {
        words: proc.args[1..].to_vec(),
        at: 0,
    };
    if reader.words.is_empty() {
        return proc.fail(2, "missing operand").await;
    }
    let value = match reader.level(0) {
        Ok(value) if reader.at == reader.words.len() => value,
        Ok(_) => {
            let words = format!(
                "syntax error: unexpected argument '{}'",
                reader.words[reader.at]
            );
            return proc.fail(2, &words).await;
        }
        Err(words) => return proc.fail(2, &words).await,
    };
    proc.print(format!("{value}\n")).await?;
    Ok(i32::from(none(&value)))
}

fn none(value: &str) -> bool {
    value.is_empty() || value.parse::<i64>() == Ok(0)
}

impl Reader {
    fn next(&mut self) -> Found {
        let word = self.words.get(self.at).cloned();
        self.at += 1;
        word.ok_or_else(|| {
            let last = self.words.last().cloned().unwrap_or_default();
            format!("syntax error: missing argument after '{last}'")
        })
    }

    fn level(&mut self, level: usize) -> Found {
        let Some(operators) = LEVELS.get(level) else {
            return self.primary();
        };
        let mut left = self.level(level + 1)?;
        while let Some(operator) = self.words.get(self.at).cloned() {
            if !operators.contains(&operator.as_str()) {
                break;
            }
            self.at += 1;
            let right = self.level(level + 1)?;
            left = apply(&operator, &left, &right)?;
        }
        Ok(left)
    }

    fn primary(&mut self) -> Found {
        let word = self.next()?;
        match word.as_str() {
            "(" => {
                let value = self.level(0)?;
                match self.next()?.as_str() {
                    ")" => Ok(value),
                    other => Err(format!("syntax error: expecting ')' instead of '{other}'")),
                }
            }
            "length" if self.at < self.words.len() => Ok(self.next()?.chars().count().to_string()),
            "substr" if self.at + 2 < self.words.len() => {
                let text = self.next()?;
                let start: usize = self.next()?.parse().unwrap_or(0);
                let count: usize = self.next()?.parse().unwrap_or(0);
                if start == 0 {
                    return Ok(String::new());
                }
                Ok(text.chars().skip(start - 1).take(count).collect())
            }
            "index" if self.at + 1 < self.words.len() => {
                let (text, letters) = (self.next()?, self.next()?);
                let place = text.chars().position(|c| letters.contains(c));
                Ok(place.map_or(0, |place| place + 1).to_string())
            }
            "match" if self.at + 1 < self.words.len() => {
                let (text, pattern) = (self.next()?, self.next()?);
                apply(":", &text, &pattern)
            }
            _ => Ok(word),
        }
    }
}

fn apply(operator: &str, left: &str, right: &str) -> Found {
    let numbers = left.parse::<i64>().ok().zip(right.parse::<i64>().ok());
    let order = match numbers {
        Some((left, right)) => left.cmp(&right),
        None => left.cmp(right),
    };
    let truth = |held: bool| Ok(i64::from(held).to_string());
    match operator {
        "|" if !none(left) => Ok(left.to_owned()),
        "|" if !none(right) => Ok(right.to_owned()),
        "&" if !none(left) && !none(right) => Ok(left.to_owned()),
        "|" | "&" => Ok("0".to_owned()),
        "<" => truth(order.is_lt()),
        "<=" => truth(order.is_le()),
        "=" | "==" => truth(order.is_eq()),
        "!=" => truth(order.is_ne()),
        ">=" => truth(order.is_ge()),
        ">" => truth(order.is_gt()),
        ":" => {
            let regex = super::regular(&format!("^{right}"), false, false)
                .map_err(|_| "Invalid regular expression".to_owned())?;
            let found = regex.captures(left.as_bytes());
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            if regex.captures_len() > 1 {
                let group = found.as_ref().and_then(|found| found.get(1));
                return Ok(group.map_or_else(String::new, |group| text(group.as_bytes())));
            }
            let whole = found.as_ref().and_then(|found| found.get(0));
            let count = whole.map_or(0, |whole| text(whole.as_bytes()).chars().count());
            Ok(count.to_string())
        }
        operator => {
            let (left, right) = numbers.ok_or("non-integer argument")?;
            match operator {
                "+" => Ok(left.wrapping_add(right).to_string()),
                "-" => Ok(left.wrapping_sub(right).to_string()),
                "*" => Ok(left.wrapping_mul(right).to_string()),
                _ if right == 0 => Err("division by zero".to_owned()),
                "/" => Ok(left.wrapping_div(right).to_string()),
                _ => Ok(left.wrapping_rem(right).to_string()),
            }
        }
    }
}
