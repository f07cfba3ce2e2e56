//! `test` and `[`.

use crate::shell::exec::{Outcome, Proc};
use crate::shell::fs::{Kind, Stat};

pub(super) async fn test(proc: &mut Proc) -> Outcome {
    let mut args = proc.args[1..].to_vec();
    if proc.args[0].ends_with('[') && args.pop().as_deref() != Some("]") {
        return proc.fail(2, "missing ]").await;
    }
    let mut expression = Expression {
        proc,
        args: &args,
        at: 0,
    };
    let result = expression.whole();
    match result {
        Ok(held) => Ok(i32::from(!held)),
        Err(words) => proc.fail(2, &words).await,
    }
}

struct Expression<'a> {
    proc: &'a Proc,
    args: &'a [String],
    at: usize,
}

const BINARY: &[&str] = &[
    "=", "==", "!=", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef",
];

impl Expression<'_> {
    fn peek(&self, ahead: usize) -> Option<&str> {
        self.args.get(self.at + ahead).map(String::as_str)
    }

    fn whole(&mut self) -> Result<bool, String> {
        if self.args.is_empty() {
            return Ok(false);
        }
        if let [only] = self.args {
            return Ok(!only.is_empty());
        }
        let held = self.or()?;
        match self.peek(0) {
            None => Ok(held),
            Some(word) => Err(format!("{word}: unexpected operator")),
        }
    }

    fn or(&mut self) -> Result<bool, String> {
        let mut held = self.and()?;
        while self.peek(0) == Some("-o") {
            self.at += 1;
            held |= self.and()?;
        }
        Ok(held)
    }

    fn and(&mut self) -> Result<bool, String> {
        let mut held = self.not()?;
        while self.peek(0) == Some("-a") {
            self.at += 1;
            held &= self.not()?;
        }
        Ok(held)
    }

    fn not(&mut self) -> Result<bool, String> {
        if self.peek(0) == Some("!") && self.peek(1).is_some() {
            self.at += 1;
            return Ok(!self.not()?);
        }
        self.primary()
    }

    fn primary(&mut self) -> Result<bool, String> {
        let first = self.peek(0).ok_or("argument expected")?.to_owned();
        if let (Some(operator), Some(right)) = (self.peek(1), self.peek(2))
            && BINARY.contains(&operator)
        {
            let (operator, right) = (operator.to_owned(), right.to_owned());
            self.at += 3;
            return binary(self.proc, &first, &operator, &right);
        }
        if first == "(" {
            self.at += 1;
            let held = self.or()?;
            if self.peek(0) != Some(")") {
                return Err("closing paren expected".to_owned());
            }
            self.at += 1;
            return Ok(held);
        }
        if let Some(operand) = self.peek(1)
            && let Some(held) = unary(self.proc, &first, operand)
        {
            self.at += 2;
            return Ok(held);
        }
        self.at += 1;
        Ok(!first.is_empty())
    }
}

fn stat(proc: &Proc, path: &str, follow: bool) -> Option<Stat> {
    let machine = &proc.machine;
    machine.fs.stat(&proc.path(path), follow, &machine.who).ok()
}

/// A question about one operand; nothing where there is no such question.
pub(crate) fn unary(proc: &Proc, operator: &str, operand: &str) -> Option<bool> {
    let kind = |kind: Kind| stat(proc, operand, true).is_some_and(|stat| stat.kind == kind);
    let allowed = |want| {
        let machine = &proc.machine;
        machine.fs.allows(&proc.path(operand), want, &machine.who)
    };
    Some(match operator {
        "-n" => !operand.is_empty(),
        "-z" => operand.is_empty(),
        "-e" | "-a" => stat(proc, operand, true).is_some(),
        "-f" => kind(Kind::File),
        "-d" => kind(Kind::Directory),
        "-c" => kind(Kind::Device),
        "-h" | "-L" => stat(proc, operand, false).is_some_and(|stat| stat.kind == Kind::Link),
        "-s" => stat(proc, operand, true).is_some_and(|stat| stat.size > 0),
        "-r" => allowed(4),
        "-w" => allowed(2),
        "-x" => allowed(1),
        "-O" => stat(proc, operand, true).is_some_and(|stat| stat.uid == proc.machine.who.uid),
        "-G" => stat(proc, operand, true).is_some_and(|stat| stat.gid == proc.machine.who.gid),
        "-k" => stat(proc, operand, true).is_some_and(|stat| stat.mode & 0o1000 != 0),
        "-u" => stat(proc, operand, true).is_some_and(|stat| stat.mode & 0o4000 != 0),
        "-g" => stat(proc, operand, true).is_some_and(|stat| stat.mode & 0o2000 != 0),
        "-b" | "-p" | "-S" => false,
        "-t" => {
            let fd = operand.trim().parse().ok();
            fd.and_then(|fd: i32| proc.fds.get(&fd))
                .is_some_and(|fd| fd.terminal().is_some())
        }
        _ => return None,
    })
}

/// A question about two operands.
pub(crate) fn binary(proc: &Proc, left: &str, operator: &str, right: &str) -> Result<bool, String> {
    let number = |text: &str| {
        text.trim()
            .parse::<i64>()
            .map_err(|_| format!("Illegal number: {text}"))
    };
    let modified = |path: &str| stat(proc, path, true).map(|stat| stat.modified);
    Ok(match operator {
        "=" | "==" => left == right,
        "!=" => left != right,
        "<" => left < right,
        ">" => left > right,
        "-eq" => number(left)? == number(right)?,
        "-ne" => number(left)? != number(right)?,
        "-lt" => number(left)? < number(right)?,
        "-le" => number(left)? <= number(right)?,
        "-gt" => number(left)? > number(right)?,
        "-ge" => number(left)? >= number(right)?,
        "-nt" => modified(left) > modified(right),
        "-ot" => modified(left) < modified(right),
        "-ef" => match (stat(proc, left, true), stat(proc, right, true)) {
            (Some(left), Some(right)) => left.ino == right.ino && left.device == right.device,
            _ => false,
        },
        other => return Err(format!("{other}: unexpected operator")),
    })
}
