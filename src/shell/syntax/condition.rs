//! The expression between `[[` and `]]`.

use super::reader::{Outcome, Reader};
use super::{Part, Test, Word};

impl Reader {
    pub(super) fn test_expression(&mut self) -> Outcome<Test> {
        let test = self.test_or()?;
        self.newlines()?;
        self.expect("]]")?;
        Ok(test)
    }

    fn test_or(&mut self) -> Outcome<Test> {
        let mut left = self.test_and()?;
        loop {
            self.newlines()?;
            if !self.take("||") {
                return Ok(left);
            }
            left = Test::Or(Box::new(left), Box::new(self.test_and()?));
        }
    }

    fn test_and(&mut self) -> Outcome<Test> {
        let mut left = self.test_not()?;
        loop {
            self.newlines()?;
            if !self.take("&&") {
                return Ok(left);
            }
            left = Test::And(Box::new(left), Box::new(self.test_not()?));
        }
    }

    fn test_not(&mut self) -> Outcome<Test> {
        self.deeper()?;
        self.newlines()?;
        let test = if self.take_word("!") {
            Test::Not(Box::new(self.test_not()?))
        } else if self.take("(") {
            let inner = self.test_or()?;
            self.newlines()?;
            if !self.take(")") {
                return self.unexpected();
            }
            inner
        } else {
            self.test_primary()?
        };
        self.shallower();
        Ok(test)
    }

    fn test_primary(&mut self) -> Outcome<Test> {
        let first = self.bare_word();
        if first.len() == 2 && first.starts_with('-') && !self.operator_follows() {
            self.take(&first);
            self.blanks();
            let Some(word) = self.word()? else {
                return self.unexpected();
            };
            return Ok(Test::Unary(first, word));
        }
        let Some(left) = self.word()? else {
            return self.unexpected();
        };
        self.blanks();
        let operator = self.bare_word();
        let operator = match operator.as_str() {
            "" if self.take("<") => "<".to_owned(),
            "" if self.take(">") => ">".to_owned(),
            "=" | "==" | "!=" | "=~" | "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" | "-nt"
            | "-ot" | "-ef" => {
                self.take(&operator);
                operator
            }
            _ => return Ok(Test::Unary("-n".to_owned(), left)),
        };
        self.blanks();
        let right = if operator == "=~" {
            self.test_pattern()?
        } else {
            match self.word()? {
                Some(word) => word,
                None => return self.unexpected(),
            }
        };
        Ok(Test::Binary(left, operator, right))
    }

    fn operator_follows(&self) -> bool {
        let rest: String = self.text[self.at + 2..].iter().take(6).collect();
        let rest = rest.trim_start();
        rest.starts_with("= ") || rest.starts_with("== ") || rest.starts_with("]]")
    }

    /// A regular expression may have parentheses and bars.
    fn test_pattern(&mut self) -> Outcome<Word> {
        let mut out = Word::new();
        let mut depth = 0;
        loop {
            if let Some(word) = self.word()? {
                out.extend(word);
            }
            match self.peek() {
                Some('(') => depth += 1,
                Some(')') if depth > 0 => depth -= 1,
                Some('|') if self.peek_at(1) != Some('|') => {}
                Some('<' | '>') => {}
                Some(' ') if depth > 0 => {}
                _ => return Ok(out),
            }
            if let Some(c) = self.next() {
                out.push(Part::Plain(c.to_string()));
            }
        }
    }
}
